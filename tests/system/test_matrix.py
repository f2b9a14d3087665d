"""Direct mode as a table: {a terminal, none} x {shell, command, subsystem} x
all the ways in which it can end. In each: the bytes, the exit code, standard
error apart, and no process left on the gateway or on the node."""

import random
import re
import subprocess
import threading

import pytest

from test_ending import processes

pytestmark = pytest.mark.mixed

DATA = random.Random(5).randbytes(1 << 18) + bytes(range(256))
END = b"<the end>"
KINDS = ["shell", "command", "subsystem"]
# By ssh; the latter where something had come that nobody read. Where it was just
# about to write, only its log has it.
CLOSED = (rb"((Connection to node124718 closed by remote host\.|"
          rb"Read from remote host node124718: Connection reset by peer)\r+\n)?")
SENTENCE = (rb"enscale: The connection to node 124718 has failed: %s\. "
            rb"\(session [a-z2-7]{16}\)\r?\n")
# Too long a packet: sftp-server(8) ends with 11, as a part of sshd, too.
BAD_PACKET = b"\xff\xff\xff\xff\n"


class Cell:
    """One client, and what it has heard by now."""

    def __init__(self, client, pty, kind, script):
        options = ["-o", "LogLevel=ERROR", "-tt" if pty else "-T"]
        command = {"shell": [], "command": [script], "subsystem": ["sftp"]}[kind]
        if kind == "subsystem":
            options.append("-s")
        self.process = client.popen(
            client.ssh_argv("124718-25880", *command, options=options),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, bufsize=0)
        self.out, self.heard = b"", threading.Condition()
        threading.Thread(target=self.listen, daemon=True).start()
        if kind == "shell":
            if pty:
                self.expect(lambda out: out)  # the prompt
            self.say(script.encode() + b"\n")

    def listen(self):
        while data := self.process.stdout.read(1 << 16):
            with self.heard:
                self.out += data
                self.heard.notify()
        with self.heard:
            self.is_over = True
            self.heard.notify()

    def expect(self, condition):
        with self.heard:
            assert self.heard.wait_for(lambda: condition(self.out), 30), self.out[-300:]

    def say(self, data):
        self.process.stdin.write(data)

    def end(self, seconds=20):
        """The exit code, standard output and standard error."""
        code = self.process.wait(seconds)
        with self.heard:
            assert self.heard.wait_for(lambda: hasattr(self, "is_over"), 5)
        self.process.stdin.close()
        return code, self.out, self.process.stderr.read()


@pytest.fixture
def node(hosts):
    hosts.node124718.write("/tmp/matrix", DATA + END)
    yield hosts.node124718
    hosts.node124718.sh("rm /tmp/matrix")


def on_node(node):
    """What sessions have there: sshd's processes for them, and all below."""
    listed = node.run(["ps", "-eo", "pid=,ppid=,args="]).stdout.decode()
    parents, found = {}, set()
    for line in listed.splitlines():
        pid, parent, args = line.split(None, 2)
        parents[pid] = parent
        if re.match(r"sshd(-session)?: apache", args) or args == "cat":
            found.add(pid)
    for pid in list(parents):
        way = pid
        while way in parents and way not in found:
            way = parents[way]
        if way in found:
            found.add(pid)
    return found


@pytest.fixture
def begin(client, gateway, node, wait_for):
    """begin(pty, kind, last): a client whose script sends DATA, a word to
    standard error, and ends as the last command says."""
    cells, before = [], on_node(node)
    assert processes(gateway, 25880) == []

    def start(pty, kind, last):
        servers = len(sftp_servers(node))
        # The last of what is waited for is the last that is said.
        words = ("stty raw -echo; cat /tmp/matrix; echo err >&2" if pty
                 else "echo err >&2; cat /tmp/matrix")
        cell = Cell(client, pty, kind, f"{words}; {last}")
        cells.append(cell)
        if kind == "subsystem":
            wait_for(lambda: len(sftp_servers(node)) > servers, "sftp runs")
        else:
            cell.expect(lambda out: END + b"err\n" in out if pty else END in out)
        return cell

    yield start
    for cell in cells:
        cell.process.kill()
        cell.process.wait()
    wait_for(lambda: processes(gateway, 25880) == [], "nothing is left here", 5)
    wait_for(lambda: on_node(node) <= before, "nothing is left there", 5)


def sftp_servers(node):
    name = "sshd(-session)?: apache@internal-sftp"
    return node.run(["pgrep", "-fx", name], check=False).stdout.split()


def judge(cell, pty, kind, code, said=b"", seconds=20):
    """It has to end with that code, and this on standard error."""
    ended, out, err = cell.end(seconds)
    assert ended == code, (out[-300:], err)
    if kind == "subsystem":  # sshd throws its standard error away
        assert err == b""
        return
    if kind == "shell":  # the node's greeting, a prompt
        out = out[out.index(DATA):]
    if pty:
        assert out.startswith(DATA + END + b"err\n") and err == b""
        if kind == "command" or said:
            assert re.fullmatch(said, out[len(DATA + END + b"err\n"):])
    else:
        assert out == DATA + END
        assert re.fullmatch(b"err\n" + said, err), err


WAYS = [pytest.param(pty, kind, id=f"{'pty' if pty else 'none'}-{kind}")
        for pty in (True, False) for kind in KINDS]
matrix = pytest.mark.parametrize("pty, kind", WAYS)


@matrix
def test_success_is_0(begin, pty, kind):
    cell = begin(pty, kind, "exit 0")
    if kind == "subsystem":
        cell.say(b"\x04") if pty else cell.process.stdin.close()
    judge(cell, pty, kind, 0)


@matrix
def test_an_exit_code_is_the_nodes(begin, pty, kind):
    cell = begin(pty, kind, "exit 37")
    if kind == "subsystem":
        cell.say(BAD_PACKET)
    judge(cell, pty, kind, 11 if kind == "subsystem" else 37)


@matrix
def test_death_by_a_signal_is_255(begin, node, pty, kind):
    cell = begin(pty, kind, "kill -KILL $$")
    if kind == "subsystem":
        node.run(["kill", "-KILL", *sftp_servers(node)])
    judge(cell, pty, kind, 255)


@matrix
def test_a_killed_client_leaves_nothing_on_either_side(begin, pty, kind):
    cell = begin(pty, kind, "exec cat")
    cell.process.kill()
    cell.process.wait()


@matrix
def test_a_killed_sshd_of_the_node_is_255_with_a_sentence(begin, node, pty, kind):
    cell = begin(pty, kind, "exec cat")
    node.run(["pkill", "-KILL", "-f", "^sshd(-session)?: apache"])
    judge(cell, pty, kind, 255, CLOSED + SENTENCE % b"it closed the connection")


@pytest.mark.full
def test_a_frozen_node_is_255_with_a_sentence(begin, node, wait_for):
    cells = [(way.values, begin(*way.values, "exec cat")) for way in WAYS]
    node.run(["pkill", "-STOP", "-f", "^sshd(-session)?: apache"])
    try:
        for (pty, kind), cell in cells:
            judge(cell, pty, kind, 255, SENTENCE % b"it does not answer", 90)
    finally:
        node.run(["pkill", "-CONT", "-f", "^sshd(-session)?: apache"])
