"""The terminal on the way to a node: what is typed before the node is there, and
the modes that the client asks for, compared with what a plain sshd makes of it.
"""

import re

import pexpect
import pytest

from test_menu import type_line

LOGIN = "124718-25880"
NODE = "198.19.0.18"


@pytest.fixture(scope="module")
def plain(hosts):
    """The words of an ssh from the gateway's host to a node, without us."""
    gateway, node = hosts.gateway, hosts.node124718
    gateway.sh("rm -f /tmp/plain*; ssh-keygen -q -t ed25519 -N '' -f /tmp/plain")
    node.sh("install -d -m 700 /root/.ssh; cat >>/root/.ssh/authorized_keys",
            input=gateway.read("/tmp/plain.pub"))
    yield ("ssh -q -F none -i /tmp/plain -o StrictHostKeyChecking=no"
           f" -o UserKnownHostsFile=/dev/null -l root -tt {NODE} --")
    node.sh("rm /root/.ssh/authorized_keys")
    gateway.sh("rm -f /tmp/plain*")


THROUGH = f"ssh -q -tt -l {LOGIN} ssh.enscale.com --"


def typed_ahead(host, ssh, data, command):
    """What ssh shows when all is typed before it has begun."""
    words = "" if command is None else f"'{command}'"
    return host.sh(f"(cat; sleep 3) | timeout 6 {ssh} {words} || :",
                   input=data, timeout=30).stdout


@pytest.mark.mixed
def test_what_is_typed_before_the_node_is_there_is_seen_once_and_ends(client):
    for _ in range(5):
        said = typed_ahead(client, THROUGH, b"x\n\x04", "cat >/dev/null; echo fin")
        assert said == b"x\r\nfin\r\n"


@pytest.mark.parametrize("data", [
    b"a\rb\n\x04", b"ab\x7fc\n\x04", b"a\x16\x04b\n\x04", b"\x13\x11stopped\n\x04",
    b"lost\x15kept\n\x04", b"two words\x17\n\x04", b"\xc3\xbc\x00\xff\n\x04\x04",
    b"y" * 3000 + b"\n\x04"],
    ids=["return", "erase", "literal", "stop", "kill", "word", "bytes", "long"])
def test_keys_typed_ahead_are_the_nodes_and_not_the_gateways(
        client, gateway, plain, data):
    command = "od -An -v -tx1 >/tmp/typed; tr -d \" \\n\" </tmp/typed; rm /tmp/typed"
    assert typed_ahead(client, THROUGH, data, command) == (
        typed_ahead(gateway, plain, data, command))


# Each mode of RFC 4254 that stty knows, turned from what it is by itself.
MODES = {
    "as they are": "",
    "input": "ignbrk brkint ignpar parmrk inpck inlcr igncr -icrnl"
             " -ixon ixany ixoff imaxbel -iutf8",
    "narrow input": "istrip iuclc iutf8",
    "local": "-isig -icanon xcase -echo -echoe -echok echonl noflsh tostop"
             " -iexten -echoctl -echoke",
    "output": "-opost olcuc -onlcr ocrnl onocr onlret",
    "keys": "intr ^A quit ^B erase ^E kill ^F eof ^G eol ^K eol2 ^L start ^N"
            " stop ^O susp ^P rprnt ^T werase ^X lnext ^Y discard ^]",
    "no keys": "intr undef quit undef erase undef kill undef eof undef susp undef"
               " lnext undef werase undef rprnt undef",
    "speed": "9600",
    "fast": "115200",
}


@pytest.mark.mixed
@pytest.mark.parametrize("modes", MODES.values(), ids=MODES)
def test_the_modes_that_the_client_asks_for_are_the_nodes(
        client, gateway, plain, modes):
    def seen(host, ssh):
        script = (f"stty rows 31 cols 99 {modes};"
                  f" {ssh} 'echo; echo [[; stty -g; stty -a; echo ]]'; stty sane")
        argv = host.command(["sh", "-c", script], {"TERM": "xterm"})
        # pexpect sets the size too, before or after that.
        session = pexpect.spawn(argv[0], argv[1:], timeout=15, dimensions=(31, 99))
        session.expect(rb"\[\[(.*)\]\]")
        said = session.match[1]
        session.expect(pexpect.EOF)
        return said.replace(b"\r", b"").lower()

    through, directly = seen(client, THROUGH), seen(gateway, plain)
    assert b"rows 31; columns 99" in directly
    assert through == directly


# ---- at the menu -------------------------------------------------------------


MENU = "ssh -q -tt -l 25880 ssh.enscale.com"


@pytest.mark.mixed
def test_what_is_typed_ahead_at_the_menu_is_not_echoed_before_the_node(client):
    said = typed_ahead(client, MENU, b"124718\recho a$((40+2))b\r", None)
    menu, _, node = said.partition(b"Choice> 124718\r\nConnecting to node 124718")
    assert b"echo a" not in menu and b"a42b\r\n" in node


@pytest.mark.parametrize("end", [b"\r", b"\n"], ids=["return", "newline"])
def test_choices_typed_ahead_are_seen_where_they_are_taken(client, end):
    said = typed_ahead(client, MENU, end.join([b"cool-waterfall-59", b"0", b"q", b""]), None)
    assert re.search(rb"Choice> cool-waterfall-59\r\n\s*Nodes of cool-waterfall-59"
                     rb"(?s:.*)Choice> 0\r\n\s*Environments(?s:.*)Choice> q\r\n$", said)


def test_a_line_of_the_menu_can_be_mended(client):
    session = client.pexpect_ssh("25880")
    type_line(session, "nothing\x15crimson\x17cool-waterfall-5x\x7f9")
    session.expect("Nodes of cool-waterfall-59")
    type_line(session, "q")
    session.expect(pexpect.EOF)


def test_a_key_can_be_typed_at_a_terminal(client):
    result = client.sh(
        "(printf 'ssh-rsa nonsense\\n\\004'; sleep 3) |"
        " timeout 10 ssh -tt -l 25880 ssh.enscale.com keys add Typed", check=False)
    assert result.returncode not in (124, 255)
    assert re.search(rb"enscale: .*\(session [a-z2-7]{16}\)", result.stdout)
