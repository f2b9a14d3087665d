"""An sshd that a hostile node could run: lets everybody in, asks its client for
all that a server can ask for, and writes down what came of it, as JSON.

    hostile_sshd.py HOST-KEY RESULT-FILE
"""

import json
import socket
import struct
import sys
import threading

import paramiko

# Of the agent's protocol: list, sign, add, remove all, lock, extensions.
STRING = struct.pack(">I", 4) + b"evil"
AGENT = {"list": b"\x0b", "sign": b"\x0d" + STRING * 2 + bytes(4),
         "bind": b"\x1b" + struct.pack(">I", 24) + b"session-bind@openssh.com"
                 + STRING * 3 + b"\0",
         "query": b"\x1b" + struct.pack(">I", 5) + b"query"}


class Server(paramiko.ServerInterface):
    def __init__(self):
        self.running = threading.Event()

    def check_auth_none(self, username):
        return paramiko.AUTH_SUCCESSFUL

    def check_channel_request(self, kind, chanid):
        return paramiko.OPEN_SUCCEEDED

    def check_channel_forward_agent_request(self, channel):
        return True

    def check_channel_exec_request(self, channel, command):
        self.running.set()
        return True


def receive(channel, count):
    data = b""
    while len(data) < count:
        data += channel.recv(count - len(data)) or exit("the agent hung up")
    return data


def talk(channel):
    said = {}
    for name, request in AGENT.items():
        channel.sendall(struct.pack(">I", len(request)) + request)
        length, = struct.unpack(">I", receive(channel, 4))
        said[name] = receive(channel, length).hex()
    return said


def ask(transport):
    here = ("127.0.0.1", 22)
    found = {}
    for kind in ("auth-agent@openssh.com", "x11", "forwarded-tcpip",
                 "direct-tcpip", "session", "tun@openssh.com"):
        try:
            channel = transport.open_channel(kind, here, here, timeout=10)
        except paramiko.ChannelException as error:
            found[kind] = f"refused: {error.code}"
        else:
            found[kind] = talk(channel) if kind.startswith("auth") else "open"
    return found


def main(host_key, result):
    listener = socket.create_server(("", 22))
    transport = paramiko.Transport(listener.accept()[0])
    transport.add_server_key(paramiko.Ed25519Key(filename=host_key))
    server = Server()
    transport.start_server(server=server)
    channel = transport.accept(20)
    server.running.wait(20)
    found = ask(transport)
    with open(result, "w") as file:
        json.dump(found, file)
    channel.sendall(b"done\n")
    channel.send_exit_status(0)
    channel.close()
    transport.join(5)


main(*sys.argv[1:])
