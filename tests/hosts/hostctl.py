#!/usr/bin/python3 -B
"""hostctl - daemons of this host, as systemctl would have them

hostctl start NAME.service             as that unit file says, under NAME
hostctl start NAME [options] -- CMD    kept running under that name
    --notify        it says READY=1 to $NOTIFY_SOCKET
    --port PORT     ready when something listens there
    --socket PATH   the same
    --restart WHEN  always (as it is without), on-failure, no
hostctl start|stop|restart NAME        one that was started before
hostctl signal NAME SIGNAL
hostctl status [NAME]
"""

import json
import os
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import unit

CONTROL = "/run/host/control"
READY_SECONDS = 20


class Refused(Exception):
    pass


def ask(request, control=CONTROL, timeout=30):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(timeout)
        sock.connect(control)
        sock.sendall(json.dumps(request).encode() + b"\n")
        answer = json.loads(b"".join(iter(lambda: sock.recv(65536), b"")))
    if "error" in answer:
        raise Refused(answer)
    return answer


def listens(kind, target):
    family = socket.AF_INET if kind == "port" else socket.AF_UNIX
    address = ("127.0.0.1", int(target)) if kind == "port" else target
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.settimeout(1)
        return sock.connect_ex(address) == 0


def await_listener(name, kind, target):
    end = time.monotonic() + READY_SECONDS
    while not listens(kind, target):
        [daemon] = [d for d in ask({"verb": "status"})["daemons"] if d["name"] == name]
        if daemon["state"] != "running" or time.monotonic() > end:
            ask({"verb": "stop", "name": name})
            raise Refused({"error": f"{kind} {target} does not answer", **daemon})
        time.sleep(0.02)


def start(name, arguments):
    request = {"verb": "start", "name": name.removesuffix(".service")}
    listener = None
    if name.endswith(".service"):
        request |= unit.load(name)
    while arguments:
        word = arguments.pop(0)
        if word == "--":
            request["argv"] = arguments
            break
        if word == "--notify":
            request["notify"] = True
        elif word == "--restart":
            request["restart"] = arguments.pop(0)
        elif word in ("--port", "--socket"):
            listener = (word[2:], arguments.pop(0))
        else:
            raise Refused({"error": f"unknown option {word}"})
    ask(request)
    if listener:
        await_listener(name, *listener)


def tail(path, lines=15):
    try:
        with open(path, errors="replace") as file:
            return "".join(file.readlines()[-lines:])
    except OSError:
        return ""


def main(verb="help", name=None, *arguments):
    if verb == "start" and name:
        start(name, list(arguments))
    elif verb == "stop" and name:
        ask({"verb": "stop", "name": name})
    elif verb == "restart" and name:
        ask({"verb": "stop", "name": name})
        ask({"verb": "start", "name": name})
    elif verb == "signal" and len(arguments) == 1:
        number = signal.Signals["SIG" + arguments[0].removeprefix("SIG")]
        ask({"verb": "signal", "name": name, "signal": number})
    elif verb == "status":
        for daemon in ask({"verb": "status"})["daemons"]:
            if name in (None, daemon["name"]):
                print("{name:24} {state:10} {pid}".format(**daemon))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Refused as refused:
        [answer] = refused.args
        sys.stderr.write(f"hostctl: {' '.join(sys.argv[1:3])}: {answer['error']}\n")
        if "log" in answer:
            sys.stderr.write(f"status {answer['status']}, the end of {answer['log']}:\n")
            sys.stderr.write(tail(answer["log"]))
        sys.exit(1)
    except (OSError, ValueError, unit.Error) as error:
        sys.exit(f"hostctl: {' '.join(sys.argv[1:3])}: {error}")
