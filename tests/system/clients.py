"""Where the tests of real clients work: a folder on each side, a file of random
bytes, and what has to be gone when the client has ended."""

import contextlib
import random
import re

import pytest

import catalogue
import hosts as test_hosts

LOGIN = "124718-25880"
HOST = catalogue.GATEWAY
PORT = str(catalogue.PORT)
TARGET = f"{LOGIN}@{HOST}"
KEY = "/root/keys/25880-ed25519"
HERE = "/root/work"  # on the client, with the file "random"
THERE = "/var/www/work"  # on the node, empty
DATA = random.Random(3022).randbytes(3_000_001)
SECONDS = 10

# One of each: standard output, standard error, an exit code that is no other
# program's.
SCRIPT = "echo out; echo err >&2; exit 7"


def digest(host, path):
    """What sha256sum says of that file."""
    return host.run(["sha256sum", "--", path]).stdout.split()[0].decode()


def tree(host, path):
    """Content, mode and name of all that is below, as text."""
    return host.sh(f"cd {path}; find . -type f -exec sha256sum {{}} + | sort;"
                   " find . ! -type l -printf '%m %y %p\n' | sort;"
                   " find . -type l -printf '%p -> %l\n' | sort").stdout.decode()


def make_tree(host, path):
    """A few of what people have: names, modes, links, empty files."""
    host.sh(f"""mkdir -p {path}; cd {path}
        mkdir -p 'deep/er/a b' empty; : >nothing; echo x >deep/er/x
        echo ü >'deep/er/a b/ü ñ'; chmod 640 deep/er/x; ln -s er/x deep/link
        head -c 100000 /dev/urandom >deep/random; chmod 755 deep/random""")


def listed(host):
    lines = host.run(["ps", "-eo", "pid=,user:32=,args="]).stdout.decode()
    return [line.strip() for line in lines.splitlines()]


def of_sessions(host):
    """The processes of sessions: on the gateway those of accounts, on a node
    those of the service's user but for its own daemon; and both sshd's."""
    user = host.plan.settings.get("SERVICE", "[1-9][0-9]*")
    mine = re.compile(rf"\d+ +({user} +(?!/usr/sbin/)|root +(enscale-)?sshd(-session)?: {user}\b)")
    return {line for line in listed(host) if mine.match(line)}


@pytest.fixture
def nothing_left(hosts):
    """Nothing that the test has started runs a moment after it, on the gateway
    or on a node, whatever its parent is."""
    watched = [hosts.gateway, hosts.node124718, hosts.node124719]
    before = [of_sessions(host) for host in watched]
    yield

    def left():
        return [f"{host.name}: {line}" for host, known in zip(watched, before)
                for line in sorted(of_sessions(host) - known)]

    with contextlib.suppress(TimeoutError):
        test_hosts.wait_for(lambda: not left(), "", SECONDS)
    if lines := left():
        pytest.fail(f"{SECONDS} s after the client there still run:\n"
                    + "\n".join(line[:120] for line in lines), pytrace=False)


@pytest.fixture
def place(client, hosts, nothing_left):
    """HERE, with DATA in "random", and THERE; sha256 of DATA. Gone afterwards."""
    client.sh(f"rm -rf {HERE}; mkdir {HERE}")
    client.write(f"{HERE}/random", DATA)
    hosts.node124718.sh(f"rm -rf {THERE}; install -d -o apache -g apache {THERE}")
    yield digest(client, f"{HERE}/random")
    client.sh(f"rm -rf {HERE}")
    hosts.node124718.sh(f"rm -rf {THERE}")
