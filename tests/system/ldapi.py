"""The directory's local socket, on the gateway."""

import contextlib
import multiprocessing
import socket
import threading
import time

LDAPI = "/run/slapd/ldapi"
MODIFY, ADD = 0x66, 0x68  # the tags of these operations


def pump(source, sink):
    with contextlib.suppress(OSError):  # one of the two has gone
        pass_on(source, sink)


def pass_on(source, sink):
    while data := source.recv(65536):
        sink.sendall(data)
    sink.shutdown(socket.SHUT_WR)


def operation(message):
    """The tag of an LDAP message's operation (RFC 4511), behind its length and
    number."""
    at = 2 + (message[1] & 0x7f if message[1] & 0x80 else 0)
    return message[at + 2 + message[at + 1]]


def pump_until(source, sink, tag, late):
    """What a client asks, until it asks for that: this is done as well, so many
    seconds later, and nobody is there to say so."""
    while data := source.recv(65536):
        if last := operation(data) == tag:
            source.shutdown(socket.SHUT_RDWR)
            time.sleep(late)
        sink.sendall(data)
        if last:
            break
    sink.shutdown(socket.SHUT_WR)


def serve(listener, path, tag, late):
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        server = socket.socket(socket.AF_UNIX)
        server.connect(path)
        asked = (pump_until, (client, server, tag, late)) if tag else (pump, (client, server))
        for target, args in (asked, (pump, (server, client))):
            threading.Thread(target=target, args=args, daemon=True).start()


@contextlib.contextmanager
def directory_here(gateway, directory, goes_at=None, late=0):
    """slapd's local socket, as if the directory were on the gateway: root there
    is root to it. It goes away when it gets an operation with the tag goes_at,
    which it does, late seconds after, but does not answer."""
    gateway.sh("mkdir -p /run/slapd")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(gateway.path(LDAPI))
        listener.listen()
        # its threads are in a process of their own: a terminal is forked here
        server = multiprocessing.get_context("fork").Process(
            target=serve, args=(listener, directory.path(LDAPI), goes_at, late),
            daemon=True)
        server.start()
        try:
            yield ["--uri", "ldapi:///"]
        finally:
            server.terminate()
            server.join()
            gateway.sh("rm -r /run/slapd")
