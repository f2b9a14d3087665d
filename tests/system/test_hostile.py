"""Clients, nodes and a directory that mean harm, or do it."""

import json
import os
import subprocess
import time

import pytest

from entries import account_dn, node_dn
from test_ending import events, processes
from test_native import native, tunnel  # noqa: F401 (a fixture)

LOGIN = "124718-25880"
ENVIRONMENT = "cool-waterfall-59"
HERE = os.path.dirname(os.path.realpath(__file__))
AGENT_FAILURE, EXTENSION_FAILURE = "05", "1c"


def memory(gateway):
    """Of all sessions of the account, in KiB, and what they have written."""
    total = written = 0
    for line in processes(gateway, 25880):
        pid = line.split()[0]
        said = gateway.sh(f"cat /proc/{pid}/smaps_rollup /proc/{pid}/io || :").stdout
        for field, value in (row.split()[:2] for row in said.decode().splitlines()[1:]):
            if field == "Pss:":
                total += int(value)
            elif field == "wchar:":
                written += int(value)
    return total, written


def is_stuck(gateway):
    before = memory(gateway)[1]
    return before > 1 << 20 and memory(gateway)[1] == before


def test_a_client_that_never_reads_fills_no_memory_and_still_ends(
        client, gateway, administrator, wait_for):
    argv = client.ssh_argv(LOGIN, "echo up; head -c 256M /dev/zero")
    process = client.popen(argv, stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert process.stdout.readline() == b"up\n"
        wait_for(lambda: is_stuck(gateway), "nothing moves", 20)
        assert memory(gateway)[0] < 24 << 10
        administrator.replace(account_dn(25880), enscaleStatus="suspended")
        wait_for(lambda: processes(gateway, 25880) == [], "nothing is left", 5)
    finally:
        administrator.replace(account_dn(25880), enscaleStatus="active")
        process.kill()
        process.communicate()
    wait_for(lambda: client.ssh(LOGIN, "true").returncode == 0, "it is back")


def test_a_node_that_never_reads_fills_no_memory(client, gateway, wait_for):
    argv = client.ssh_argv(LOGIN, "echo up; exec sleep 100")
    with open("/dev/zero", "rb") as zero:
        process = client.popen(argv, stdin=zero, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL)
    try:
        assert process.stdout.readline() == b"up\n"
        wait_for(lambda: is_stuck(gateway), "nothing moves", 20)
        assert memory(gateway)[0] < 24 << 10
    finally:
        process.kill()
        process.communicate()


@pytest.mark.full
def test_a_gibibyte_goes_through_in_the_same_little_memory(client, gateway, note):
    command = f"head -c 1G /dev/zero | ssh -l {LOGIN} ssh.enscale.com wc -c"
    process = client.popen(["sh", "-c", command], stdout=subprocess.PIPE)
    most = 0
    while process.poll() is None:
        most = max(most, memory(gateway)[0])
    assert process.stdout.read().split() == [b"1073741824"]
    note(f"a session that passes on a GiB: {most} KiB at most")
    assert 0 < most < 24 << 10


@pytest.fixture
def hostile(hosts, wait_for):
    """hostile(): node 124719 runs hostile_sshd.py; what it says it got."""
    node = hosts.node124719
    with open(f"{HERE}/hostile_sshd.py") as file:
        node.write("/tmp/hostile_sshd.py", file.read())
    node.sh("rm -f /tmp/hostile.json")
    node.stop("ssh")
    process = node.popen(
        ["python3", "/tmp/hostile_sshd.py", "/etc/ssh/ssh_host_ed25519_key",
         "/tmp/hostile.json"], stderr=subprocess.PIPE)
    try:
        wait_for(lambda: node.sh("ss -Hltn 'sport = :22'").stdout, "it listens", 20)
        yield lambda: json.loads(node.read("/tmp/hostile.json"))
    finally:
        process.kill()
        said = process.communicate()[1]
        node.start("ssh")
    assert b"Traceback" not in said, said.decode()


def granted(gateway):
    """Certificates, and signatures with them, of all time."""
    return [len(events(gateway, name)) for name in ("certificate", "hop-started")]


def assert_only_for_the_hops_ssh(gateway, before):
    """One certificate, which OpenSSH 10 asks for when a server wants a key
    only; and no signature."""
    now = granted(gateway)
    assert now[0] - before[0] in (0, 1) and now[1] == before[1]


def test_a_hostile_nodes_sshd_gets_nothing_from_the_gateway(client, gateway, hostile):
    before = granted(gateway)
    result = client.ssh("124719-25880", "id")
    assert (result.returncode, result.stdout) == (0, b"done\n"), result.stderr
    found = hostile()
    assert len(found) == 6
    assert all(said.startswith("refused") for said in found.values()), found
    assert_only_for_the_hops_ssh(gateway, before)


def test_a_hostile_nodes_sshd_meets_the_users_agent_and_never_the_guards(
        client, gateway, hostile):
    before = granted(gateway)
    result = client.sh("""
        eval "$(ssh-agent)" >/dev/null
        ssh-add -q /root/keys/25880-ed25519
        ssh -A -l 124719-25880 ssh.enscale.com id
        ssh-agent -k >/dev/null""")
    assert result.stdout == b"done\n"
    found = hostile()
    agent = found.pop("auth-agent@openssh.com")
    public = client.read("/root/keys/25880-ed25519.pub").decode().split()[1]
    assert bytes.fromhex(agent["list"])[:5] == b"\x0c\0\0\0\1"  # one key: his
    assert client.sh(f"echo {public} | base64 -d | od -An -tx1 | tr -d ' \\n'"
                     ).stdout.decode() in agent["list"]
    assert agent["sign"] == AGENT_FAILURE
    assert agent["bind"] in (AGENT_FAILURE, EXTENSION_FAILURE)
    assert all(said.startswith("refused") for said in found.values()), found
    assert_only_for_the_hops_ssh(gateway, before)


# Before the hop's ssh has a connection that it can trust.
VERSION = b"SSH-2.0-OpenSSH_9.2p1\r\n"
DAMAGED, NOT_SSH = b"what arrives from it is damaged", b"does not speak SSH"


@pytest.fixture
def answering(hosts, wait_for):
    """answering(data, every): node 124719 says this to who connects; if every,
    a byte of it in so many seconds, and then nothing."""
    node = hosts.node124719
    processes = []

    def answer(data, every=0):
        processes.append(node.popen(["python3", "-c", f"""if True:
            import socket, time
            data = {data!r}
            peer, _ = socket.create_server(("", 22)).accept()
            for part in [b"%c" % x for x in data] if {every} else [data]:
                peer.sendall(part)
                time.sleep({every})
            while data and peer.recv(4096):
                pass"""]))
        wait_for(lambda: node.sh("ss -Hltn 'sport = :22'").stdout, "it listens", 20)

    node.stop("ssh")
    yield answer
    for process in processes:
        process.kill()
        process.communicate()
    node.start("ssh")


@pytest.mark.parametrize("data, every", [
    (VERSION, 0), (VERSION, 0.7), (b"a line before\r\n" * 9, 0.3)],
    ids=["version", "slow version", "lines"])
def test_a_node_that_never_comes_to_the_point_holds_nobody_longer_than_others(
        client, answering, data, every):
    answering(data, every)
    begin = time.monotonic()
    result = client.ssh("124719-25880", "id")
    assert 9 < time.monotonic() - begin < 20
    assert result.returncode == 121
    assert b"Node 124719 cannot be reached: it does not answer within 10 s" in result.stderr


@pytest.mark.parametrize("data, reason", [
    (b"SSH-1.5-old\r\n", NOT_SSH), (b"x" * 70000 + b"\n", NOT_SSH),
    (b"\x16\x03\x01\0\x05hello\0\n" + bytes(400), NOT_SSH),
    (VERSION + b"\xff" * 400, DAMAGED), (VERSION + b"\0\0\0\x08\x04\x14" + b"a" * 40, DAMAGED),
    (b"", b"it closed the connection")],
    ids=["old", "long", "binary", "noise", "packet", "nothing"])
def test_what_is_no_ssh_gets_a_sentence_without_ssh_s_own_words(
        client, answering, data, reason):
    answering(data)
    result = client.ssh("124719-25880", "id")
    assert (result.returncode, result.stdout) == (121, b"")
    assert b"Node 124719 cannot be reached: " in result.stderr and reason in result.stderr
    for word in (b"pid=", b".c:", b"198.19.0.19", b" port "):
        assert word not in result.stderr


@pytest.fixture
def address(administrator, client, wait_for):
    """address(text): of node 124719 in the directory, until after the test."""
    dn = node_dn(124719, ENVIRONMENT)
    yield lambda text: administrator.replace(dn, ipHostNumber=text)
    administrator.replace(dn, ipHostNumber="198.19.0.19")
    wait_for(lambda: client.ssh("124719-25880", "true").returncode == 0, "it is back")


def refused(client, wait_for, code):
    results = []
    wait_for(lambda: results.append(client.ssh("124719-25880", "id"))
             or results[-1].returncode == code, "the node is refused")
    assert results[-1].stdout == b""
    return results[-1].stderr


@pytest.mark.parametrize("own", ["198.19.0.1", "198.18.0.1"])
def test_a_node_with_the_gateways_own_address_is_entered_by_nobody(
        native, client, gateway, address, wait_for, own):
    address(own)
    said = refused(client, wait_for, 121)
    assert b"the directory has the gateway's own address for it" in said

    def is_named():
        status = gateway.run(["enscalectl", "status"], check=False).stdout
        return (node_dn(124719, ENVIRONMENT).encode() in status
                and b"ipHostNumber: the gateway's own address" in status)
    wait_for(is_named, "the status warns of it", 10)
    result = tunnel(client, "124719-25880", f"{own}:22")
    assert result.returncode == 255 and result.stdout == b""
    assert b"administratively prohibited" in result.stderr


@pytest.mark.parametrize("nobodys", ["127.0.0.1", "::1", "0.0.0.0", "169.254.169.254",
                                     "224.0.0.1", "::ffff:198.19.0.18", "fe80::1",
                                     "64:ff9b::127.0.0.1", "2002:7f00:1::1"])
def test_an_address_that_leads_nowhere_else_is_refused_with_its_reason(
        client, gateway, address, wait_for, nobodys):
    address(nobodys)
    said = refused(client, wait_for, 120)
    assert b"Node 124719 does not exist" in said

    def is_named():
        status = gateway.run(["enscalectl", "status"], check=False).stdout
        return (node_dn(124719, ENVIRONMENT).encode() in status
                and b"loopback, link-local, multicast or reserved address" in status)
    wait_for(is_named, "the status names it")
