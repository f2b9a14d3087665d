"""Connections in native mode that ask for no session: "ssh -N", "-W" and "-J".
They are sessions of the gateway like others: judged, counted, listed, ended."""

import json
import subprocess
import time

import pytest

from entries import account_dn, environment_dn, key_dn
from test_native import NODE, native, tunnel  # noqa: F401 (a fixture)

LOGIN = "124718-25880"
ENVIRONMENT = "cool-waterfall-59"
PAM = "/etc/pam.d/enscale-sshd"
SOCKET = """
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
print(s.recv(8).decode(), flush=True)
s.recv(100)
"""


def sessions(client):
    said = client.ssh("25880", "sessions --json", check=True).stdout
    return [one for one in json.loads(said)["sessions"] if not one["this"]]


def monitors(gateway):
    said = gateway.sh("pgrep -af '[s]shd(-session)?: 124718-25880' || true").stdout
    return said.decode().splitlines()


@pytest.fixture
def idle(native, client, gateway, wait_for):
    """idle(key): ssh -N to the gateway, once its session is recorded."""
    started = []

    def start(key=None, options=()):
        before = len(sessions(client))
        argv = client.ssh_argv(LOGIN, key=key, options=["-N", *options])
        process = client.popen(argv, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        started.append(process)
        wait_for(lambda: len(sessions(client)) == before + 1, "it is listed")
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
    wait_for(lambda: monitors(gateway) == [], "nothing is left")


@pytest.fixture
def session_alone_refuses(gateway):
    """What is withdrawn between PAM's account and its session."""
    stack = gateway.read(PAM).decode()
    gateway.write(PAM, "account sufficient pam_permit.so\n" + stack)
    yield
    gateway.write(PAM, stack)


@pytest.fixture
def suspended(administrator, client, wait_for):
    administrator.replace(account_dn(25880), enscaleStatus="suspended")
    yield
    administrator.replace(account_dn(25880), enscaleStatus="active")
    wait_for(lambda: client.ssh(LOGIN, "true").returncode == 0, "it is back")


def withdrawn(client, wait_for, code, sentence):
    """Until the gateway knows that it is suspended."""
    def is_known():
        result = client.ssh(LOGIN, "true")
        return result.returncode == code and sentence in result.stdout + result.stderr
    wait_for(is_known, "the account is refused")


def test_whom_pams_account_refuses_gets_no_tunnel(
        native, client, suspended, wait_for):
    withdrawn(client, wait_for, 255, b"Account 25880 is suspended.")
    result = tunnel(client, LOGIN, NODE)
    assert result.returncode == 255 and result.stdout == b""
    assert b"Account 25880 is suspended." in result.stderr


def test_whom_pams_session_refuses_gets_no_tunnel_and_is_no_session(
        native, client, gateway, session_alone_refuses, suspended, wait_for):
    # sshd lets such a connection stand, and gives it nothing.
    withdrawn(client, wait_for, 254, b"Account 25880 is suspended.")
    before = gateway.log().count("refused local port forward")
    result = tunnel(client, LOGIN, NODE)
    assert result.returncode == 255 and result.stdout == b""
    assert b"administratively prohibited" in result.stderr
    assert gateway.log().count("refused local port forward") == before + 1
    held = client.popen(client.ssh_argv(LOGIN, options=[
        "-v", "-N", "-L", "40011:" + NODE]), stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        for line in held.stderr:
            if b"Entering interactive session" in line:
                break
        result = client.run(["python3", "-c", SOCKET, "40011"], check=False)
        assert result.stdout in (b"\n", b"")
        assert gateway.sh("ls /run/enscale/sessions").stdout.count(b"25880") == 0
    finally:
        held.kill()
        held.communicate()


def test_a_connection_without_a_session_is_listed_counted_and_recorded(
        idle, client, gateway, administrator, wait_for):
    administrator.replace(account_dn(25880), enscaleMaxSessions=3)
    try:
        idle()
        idle()
        one = sessions(client)[-1]
        assert one["node"] == 124718 and one["inside"] == []
        story = [line["event"] for line in audit(gateway)
                 if line.get("session") == one["session"]]
        assert story == ["login"]
        administrator.replace(account_dn(25880), enscaleMaxSessions=2)
        wait_for(lambda: b"may not have more" in client.ssh(LOGIN, "true").stderr,
                 "they fill the account's number of sessions")
        result = tunnel(client, LOGIN, NODE)
        assert result.returncode == 255 and result.stdout == b""
        assert b"Account 25880 has 2 open sessions" in result.stderr
    finally:
        administrator.replace(account_dn(25880), enscaleMaxSessions=None)
        wait_for(lambda: client.ssh(LOGIN, "true").returncode == 0, "it is back")


def audit(gateway):
    lines = gateway.read("/var/log/enscale/audit.log").decode().splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("dn, now, then, verdict", [
    (account_dn(25880), {"enscaleStatus": "suspended"},
     {"enscaleStatus": "active"}, "account-suspended"),
    (environment_dn(ENVIRONMENT), {"enscaleOwner": 21296},
     {"enscaleOwner": 25880}, "node-unknown"),
    (environment_dn(ENVIRONMENT), {"enscaleState": "stopped"},
     {"enscaleState": "running"}, "environment-stopped")],
    ids=["suspended", "withdrawn", "stopped"])
def test_a_tunnel_that_nobody_speaks_for_ends_within_a_second(
        idle, client, gateway, administrator, wait_for, dn, now, then, verdict):
    process = idle(options=["-L", "40012:" + NODE])
    through = client.popen(["python3", "-c", SOCKET, "40012"],
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert through.stdout.readline() == b"SSH-2.0-\n"
    one = sessions(client)[-1]["session"]
    try:
        administrator.replace(dn, **now)
        changed = time.monotonic()
        assert process.wait(10) == 255
        assert through.wait(10) == 0
        assert time.monotonic() - changed < 1
        wait_for(lambda: monitors(gateway) == [], "nothing is left", 4)
    finally:
        administrator.replace(dn, **then)
        wait_for(lambda: client.ssh(LOGIN, "true").returncode == 0, "it is back")
    story = [line for line in audit(gateway) if line.get("session") == one]
    assert [line["event"] for line in story] == [
        "login", "session-withdrawn", "session-ended"]
    assert story[1]["verdict"] == verdict


def test_a_jump_ends_when_the_key_that_opened_it_is_deleted(
        native, client, gateway, administrator, wait_for):
    public_key = client.read("/root/keys/25880-rsa.pub").decode().strip()
    argv = client.ssh_argv(LOGIN, key="25880-rsa", options=["-W", NODE])
    process = client.popen(argv, stdin=-1, stdout=-1, stderr=-1)
    try:
        assert process.stdout.readline().startswith(b"SSH-2.0-")
        administrator.delete(key_dn(25880, public_key))
        changed = time.monotonic()
        process.wait(10)
        assert time.monotonic() - changed < 1
    finally:
        administrator.add_key(25880, public_key)
        process.kill()
        process.communicate()
    wait_for(lambda: monitors(gateway) == [], "nothing is left")


def test_a_tunnel_whose_monitor_was_killed_ends_when_a_guard_starts(
        idle, gateway, wait_for):
    process = idle()
    gateway.stop("enscale-guard")
    try:
        gateway.sh(r"pkill -KILL -f 'sshd(-session)?: 124718-25880 \[priv\]'")
        time.sleep(0.5)
        assert process.poll() is None and len(monitors(gateway)) == 1
    finally:
        gateway.start("enscale-guard")
    process.communicate(timeout=10)
    wait_for(lambda: monitors(gateway) == [], "nothing is left")
