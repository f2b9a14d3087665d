"""Forwards connections of 127.0.0.1:LISTEN to 127.0.0.1:TARGET. While the
file LIMITS has numbers in it, one a line, a connection takes the first one
out and is reset when it has brought so many more bytes of the server."""

import os
import selectors
import socket
import struct
import sys

CHUNK = 65536
RESET = struct.pack("ii", 1, 0)


def take_limit(path):
    with open(path) as file:
        limits = file.read().split()
    if not limits:
        return None
    with open(path + ".new", "w") as file:
        file.write("\n".join(limits[1:]))
    os.rename(path + ".new", path)
    return int(limits[0])


class Connection:
    def __init__(self, client, server, path):
        self.client, self.server, self.path = client, server, path
        self.limit = None

    def close(self, selector):
        for end in self.client, self.server:
            selector.unregister(end)
            end.close()

    def forward(self, end):
        """False at its end."""
        try:
            data = end.recv(CHUNK)
            if not data or end is self.client:
                self.server.sendall(data)
                return bool(data)
            if self.limit is None:
                self.limit = take_limit(self.path)
            if self.limit is None or len(data) < self.limit:
                self.limit = self.limit and self.limit - len(data)
                self.client.sendall(data)
                return True
            self.client.sendall(data[:self.limit])
        except OSError:
            return False
        self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        print("cut", flush=True)
        return False


def main(listen, target, path):
    selector = selectors.DefaultSelector()
    listener = socket.create_server(("127.0.0.1", int(listen)))
    selector.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                client, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", int(target)))
                connection = Connection(client, server, path)
                for end in client, server:
                    selector.register(end, selectors.EVENT_READ, connection)
            elif key.fileobj.fileno() >= 0 and not key.data.forward(key.fileobj):
                key.data.close(selector)


main(*sys.argv[1:])
