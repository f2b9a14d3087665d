"""The audit log says who did what, and what was refused and why; enscalectl
audit finds it again."""

import json
import re
import signal
import struct
import subprocess
import time

import pytest

from test_ending import events
from test_hop import without_principal  # noqa: F401

pytestmark = pytest.mark.both

LOG = "/var/log/enscale/audit.log"
TELLS = rb"\(session ([a-z2-7]{16})\)"
ENVIRONMENT = "cool-waterfall-59"


def audit(gateway, *words, code=0):
    result = gateway.run(["enscalectl", "audit", *words], check=False)
    assert result.returncode == code, result
    return result.stdout.decode().splitlines()


def session_of(result):
    return re.search(TELLS, result.stderr)[1].decode()


def of_session(gateway, session, event):
    return [line for line in events(gateway, event) if line["session"] == session]


# ---- what is written -------------------------------------------------------------


def test_a_refused_login_is_in_the_audit_log_with_its_sentence(client, gateway, wait_for):
    session = session_of(client.ssh("30311", "true"))
    wait_for(lambda: of_session(gateway, session, "login-refused"), "it is told")
    (line,) = of_session(gateway, session, "login-refused")
    assert line["account"] == 30311 and line["verdict"] == "account-suspended"
    assert "Account 30311 is suspended." in line["sentence"]
    assert line["address"] == "198.18.0.10" and 1024 <= line["port"] < 65536
    assert line["gateway"] == gateway.run(["hostname"]).stdout.decode().strip()


def test_a_refused_login_waits_for_no_guard(client, gateway, wait_for):
    """One that does not read: its socket takes no more after a while."""
    gateway.kill("enscale-guard", signal.SIGSTOP)
    try:
        for _ in range(12):
            begun = time.monotonic()
            assert client.ssh("30311", "true").returncode == 255
            assert time.monotonic() - begun < 10
    finally:
        gateway.kill("enscale-guard", signal.SIGCONT)
    session = session_of(client.ssh("30311", "true"))
    wait_for(lambda: of_session(gateway, session, "login-refused"), "it reads again")


FORGE = """
import socket, sys
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(
    sys.stdin.buffer.read(), "/run/enscale/guard/audit.sock")
"""


def test_only_root_tells_of_a_refused_login(gateway, wait_for):
    def text(words):
        return struct.pack(">I", len(words)) + words + b"\0"

    def refusal(session):
        return (struct.pack(">BII", 1, 25880, 0) + text(session) + b"\0" + bytes(32)
                + text(b"192.0.2.1") + struct.pack(">I", 0) + text(b"forged")
                + text(b"Nothing."))
    gateway.run(["setpriv", "--reuid=enscale-guard", "--regid=enscale", "--clear-groups",
                 "python3", "-c", FORGE], input=refusal(b"a" * 16))
    gateway.run(["python3", "-c", FORGE], input=b"rubbish")
    gateway.run(["python3", "-c", FORGE], input=refusal(b"b" * 16))
    wait_for(lambda: of_session(gateway, "b" * 16, "login-refused"), "root's is there")
    assert not of_session(gateway, "a" * 16, "login-refused")


def test_a_hop_is_told_with_its_place_its_command_and_its_end(client, gateway, wait_for):
    assert client.ssh("124718-21296", "echo 'a b'; exit 7").returncode == 7
    begun = events(gateway, "hop-started")[-1]
    session = begun["session"]
    place = {"node": 124718, "environment": ENVIRONMENT, "owner": 25880, "role": "full",
             "system_user": "apache"}
    assert begun | place == begun
    assert begun["command"] == "echo 'a b'; exit 7" and not begun["terminal"]
    assert begun["key_title"]
    wait_for(lambda: of_session(gateway, session, "session-ended"), "it is over")
    (ended,) = of_session(gateway, session, "hop-ended")
    assert ended | place == ended
    assert ended["exit"] == 7 and 0 <= ended["seconds"] < 60
    assert of_session(gateway, session, "session-ended")[0]["seconds"] >= ended["seconds"]


def test_a_subsystem_is_told_as_one(client, gateway):
    client.sh("echo ls | sftp -o BatchMode=yes -b - 124718-25880@ssh.enscale.com")
    begun = events(gateway, "hop-started")[-1]
    assert begun["subsystem"] == "sftp" and "command" not in begun


def failed(gateway, client, login):
    result = client.ssh(login, "true")
    assert result.returncode == 121
    return of_session(gateway, session_of(result), "hop-failed")[-1]


def test_a_node_that_is_down_has_failed_as_unreachable(client, gateway, hosts):
    hosts.node124719.stop("ssh")
    try:
        line = failed(gateway, client, "124719-25880")
    finally:
        hosts.node124719.start("ssh")
    assert line["reason"] == "unreachable"
    assert line["sentence"] == "it refuses connections"
    assert line["node"] == 124719 and line["environment"] == ENVIRONMENT


def test_a_node_that_takes_no_certificate_has_failed_by_it(
        client, gateway, without_principal):  # noqa: F811
    line = failed(gateway, client, "124719-25880")
    assert line["reason"] == "certificate"


@pytest.fixture
def with_setting(gateway):
    """with_setting(LINE): the guard reads it; the file is as before afterwards."""
    path = "/etc/enscale/enscale.conf"
    gateway.sh(f"cp -p {path} {path}.kept")

    def set_it(lines):
        gateway.sh(f"cat >>{path}", input=lines)
        gateway.kill("enscale-guard", signal.SIGHUP)
        time.sleep(0.5)
    yield set_it
    gateway.sh(f"mv {path}.kept {path}")
    gateway.kill("enscale-guard", signal.SIGHUP)


def test_the_systems_log_has_the_lines_as_well_if_it_is_to(
        client, gateway, with_setting, wait_for):
    with_setting("\n[audit]\naudit_syslog = yes\n")
    client.ssh("124718-25880", "true", check=True)
    session = events(gateway, "hop-started")[-1]["session"]
    wait_for(lambda: re.search(rf'enscale-guard.*"event":"hop-started".*{session}',
                               gateway.log()), "it is there")


def test_what_an_administrator_did_is_told_with_who_it_was(gateway, wait_for):
    before = len(events(gateway, "admin-act"))
    gateway.run(["env", "SUDO_USER=alice", "enscalectl", "sync", "refresh"])
    wait_for(lambda: len(events(gateway, "admin-act")) > before, "it is told")
    line = events(gateway, "admin-act")[-1]
    assert line | {"by": "alice by sudo", "op": "sync refresh", "result": "done"} == line


# ---- what is found again -----------------------------------------------------------


def test_audit_finds_by_session_account_node_environment_and_event(client, gateway):
    client.ssh("124718-21296", "true", check=True)
    session = events(gateway, "hop-started")[-1]["session"]
    lines = audit(gateway, "--session", session)
    assert [line.split()[1] for line in lines][:4] == [
        "login", "hop-declared", "certificate", "hop-started"]
    assert all(f"session={session}" in line for line in lines)
    for words in (["--account", "21296"], ["--node", "124718"],
                  ["--environment", ENVIRONMENT], ["--event", "hop-started"]):
        found = list(map(json.loads, audit(gateway, *words, "--json")))
        assert session in [line["session"] for line in found]
        name = words[0].lstrip("-")
        assert {str(line[name]) for line in found} == {words[1]}
    assert audit(gateway, "--account", "21296", "--node", "136553", "--event", "hop-ended",
                 "--session", session, code=1) == []


def test_audit_finds_by_time(client, gateway):
    client.ssh("124718-25880", "true", check=True)
    line = events(gateway, "hop-started")[-1]
    found = audit(gateway, "--since", "1h", "--event", "hop-started", "--json")
    assert json.loads(found[-1]) == line
    second = line["time"][:19] + "Z"
    found = audit(gateway, "--until", second, "--event", "hop-started", "--json")
    assert line not in map(json.loads, found)
    assert audit(gateway, "--until", "2020-01-01", code=1) == []


def test_audit_reads_what_was_moved_away_and_packed(client, gateway, wait_for):
    client.ssh("124718-25880", "true", check=True)
    session = events(gateway, "hop-started")[-1]["session"]
    wait_for(lambda: of_session(gateway, session, "session-ended"), "it is over")
    whole = audit(gateway, "--session", session)
    gateway.sh(f"head -n -2 {LOG} | gzip >{LOG}.2.gz; tail -n 2 {LOG} >{LOG}.1; touch {LOG}.1;"
               f" mv {LOG} {LOG}.kept")
    gateway.kill("enscale-guard", signal.SIGHUP)
    try:
        wait_for(lambda: gateway.run(["test", "-e", LOG], check=False).returncode == 0,
                 "there is another")
        assert audit(gateway, "--session", session) == whole
        gateway.write(f"{LOG}.2.gz", b"rubbish")
        result = gateway.run(["enscalectl", "audit", "--session", session], check=False)
        assert result.returncode == 2 and b"cannot unpack" in result.stderr
    finally:
        gateway.sh(f"rm {LOG}.2.gz {LOG}.1; cat {LOG} >>{LOG}.kept; mv {LOG}.kept {LOG};"
                   f" chown enscale-guard:adm {LOG}")
        gateway.kill("enscale-guard", signal.SIGHUP)


def test_a_part_of_a_line_does_not_swallow_what_a_guard_writes_next(client, gateway):
    gateway.stop("enscale-guard")
    try:
        gateway.sh(f"printf '{{\"time\":' >>{LOG}")
    finally:
        gateway.start("enscale-guard")
    try:
        client.ssh("124718-25880", "true", check=True)
        lines = gateway.sh(f"sed '1,/^{{\"time\":$/d' {LOG}").stdout.splitlines()
        assert "hop-started" in [json.loads(line)["event"] for line in lines]
    finally:
        gateway.sh(f"sed -i '/^{{\"time\":$/d' {LOG}; chown enscale-guard:adm {LOG}")
        gateway.kill("enscale-guard", signal.SIGHUP)


def test_audit_follows_also_when_the_file_is_moved_away(client, gateway, wait_for):
    following = gateway.popen(["enscalectl", "audit", "--follow", "--event", "hop-started",
                               "--account", "21296", "--since", "1s"], stdout=subprocess.PIPE)
    try:
        for _ in range(2):
            client.ssh("124718-21296", "true", check=True)
            session = events(gateway, "hop-started")[-1]["session"]
            while session.encode() not in (line := following.stdout.readline()):
                assert line
            gateway.sh(f"cp -p {LOG} {LOG}.kept; mv {LOG} {LOG}.1; mv {LOG}.kept {LOG}")
            gateway.kill("enscale-guard", signal.SIGHUP)
            time.sleep(1)
    finally:
        following.kill()
        following.communicate()
        gateway.sh(f"rm -f {LOG}.1")


def test_audit_shows_both_halves_where_the_nodes_log_is_given(client, gateway, hosts):
    client.ssh("124718-25880", "true", check=True)
    session = events(gateway, "hop-started")[-1]["session"]
    gateway.write("/root/node.log", hosts.node124718.log())
    lines = audit(gateway, "--session", session, "--node-log", "/root/node.log")
    node = [line for line in lines if line.startswith("/root/node.log: ")]
    assert node and f"session={session}" in node[0] and "Accepted publickey" in node[0]
    assert len(lines) > len(node)


@pytest.mark.parametrize("words, told", [
    (["--event", "logins"], b'there is no event "logins"; there are:\n  login '),
    (["--session", "../x"], b"is not a session id"),
    (["--since", "yesterday"], b"yesterday"),
    (["--node-log", "/root/x"], b"usage:"),
    (["--account"], b"usage:"),
])
def test_audit_says_what_it_does_not_understand(gateway, words, told):
    result = gateway.run(["enscalectl", "audit", *words], check=False)
    assert result.returncode == 64 and told in result.stderr
