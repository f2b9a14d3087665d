"""What must end ends, at once and with a sentence; nothing else does."""

import json
import os
import re
import signal
import subprocess
import time

import pytest

from entries import account_dn, environment_dn, key_dn
from test_menu import choose

pytestmark = pytest.mark.both

REFUSED = 120
ENVIRONMENT = "cool-waterfall-59"


def begin(client, gateway, wait_for, login, key=None):
    """A session whose hop runs; stdin stays open."""
    before = events(gateway, "hop-started")
    argv = client.ssh_argv(login, "sleep 600", key=key)
    session = client.popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE)
    wait_for(lambda: len(events(gateway, "hop-started")) > len(before),
             "the hop runs")
    return session


def events(gateway, name):
    lines = gateway.read("/var/log/enscale/audit.log").splitlines()
    return [line for line in map(json.loads, lines) if line["event"] == name]


def processes(gateway, account):
    """Those of the account, and the monitors of its sessions."""
    listed = gateway.run(["ps", "-eo", "pid=,uid=,args="]).stdout.decode()
    return [line for line in listed.splitlines()
            if line.split()[1] == str(0x70000000 + account)
            or re.search(rf"sshd(-session)?: (\d+-)?{account} \[priv\]", line)]


def ends(session, seconds=10):
    """The exit code and what was said."""
    _, said = session.communicate(timeout=seconds)
    return session.returncode, said.decode()


@pytest.fixture
def suspended(administrator):
    """Suspends when called; the account is active again afterwards."""
    def suspend(account):
        done.append(account)
        administrator.replace(account_dn(account), enscaleStatus="suspended")
    done = []
    yield suspend
    for account in done:
        administrator.replace(account_dn(account), enscaleStatus="active")


@pytest.mark.mixed
def test_a_suspended_accounts_session_ends_with_its_sentence(
        client, gateway, wait_for, suspended):
    session = begin(client, gateway, wait_for, "124718-25880")
    asked = time.monotonic()
    suspended(25880)
    code, said = ends(session)
    seconds = time.monotonic() - asked
    assert code == REFUSED
    assert "The gateway is ending this session. Account 25880 is suspended." in said
    assert seconds < 2, seconds
    wait_for(lambda: processes(gateway, 25880) == [], "nothing is left", 4)
    last = events(gateway, "session-withdrawn")[-1]
    assert last["account"] == 25880
    assert last["verdict"] == "account-suspended"
    assert last["session"] in said


@pytest.mark.mixed
def test_a_deleted_key_ends_the_sessions_that_it_opened(
        client, gateway, administrator, wait_for):
    public_key = client.read("/root/keys/25880-rsa.pub").decode().strip()
    kept = begin(client, gateway, wait_for, "124718-25880", "25880-ed25519")
    ended = begin(client, gateway, wait_for, "124718-25880", "25880-rsa")
    try:
        administrator.delete(key_dn(25880, public_key))
        code, said = ends(ended)
        assert code == REFUSED
        assert "This key is not, or no longer, a key of account 25880" in said
        time.sleep(0.5)
        assert kept.poll() is None
    finally:
        administrator.add_key(25880, public_key)
        kept.kill()
        kept.communicate()


@pytest.mark.mixed
def test_an_environment_that_is_stopped_ends_its_hops_and_the_menu_stays(
        client, gateway, administrator):
    menu = client.pexpect_ssh("25880")
    try:
        choose(menu, ENVIRONMENT)
        choose(menu, "124718")
        menu.expect(r"[$#] $")
        administrator.replace(environment_dn(ENVIRONMENT),
                              enscaleState="stopped")
        menu.expect("The gateway is ending this connection")
        menu.expect(f"its environment {ENVIRONMENT} is stopped")
        menu.expect(r"> ?$")
    finally:
        administrator.replace(environment_dn(ENVIRONMENT),
                              enscaleState="running")
        menu.close(force=True)


@pytest.mark.mixed
def test_access_that_is_withdrawn_ends_one_accounts_hop_alone(
        client, gateway, administrator, wait_for):
    owner = begin(client, gateway, wait_for, "124718-25880")
    collaborator = begin(client, gateway, wait_for, "124718-21296")
    try:
        administrator.replace(environment_dn(ENVIRONMENT),
                              enscaleFullAccess=None)
        code, said = ends(collaborator)
        assert code == REFUSED
        assert "account 21296 has no access to it" in said
        time.sleep(0.5)
        assert owner.poll() is None
    finally:
        administrator.replace(environment_dn(ENVIRONMENT),
                              enscaleFullAccess="21296")
        owner.kill()
        owner.communicate()


@pytest.mark.mixed
def test_an_account_that_expires_ends_its_sessions_at_that_time(
        client, gateway, administrator, wait_for):
    session = begin(client, gateway, wait_for, "124718-25880")
    end = int(time.time()) + 3
    stamp = time.strftime("%Y%m%d%H%M%SZ", time.gmtime(end))
    try:
        administrator.replace(account_dn(25880), enscaleExpires=stamp)
        code, said = ends(session)
        assert code == REFUSED
        assert "Account 25880 expired on" in said
        assert 0 <= time.time() - end < 2
    finally:
        administrator.replace(account_dn(25880), enscaleExpires=None)


def test_what_is_withdrawn_while_the_guard_is_down_ends_when_it_is_back(
        client, gateway, wait_for, suspended):
    session = begin(client, gateway, wait_for, "124718-25880")
    gateway.stop("enscale-guard")
    suspended(25880)
    time.sleep(0.5)
    assert session.poll() is None
    gateway.start("enscale-guard")
    ends(session)
    wait_for(lambda: processes(gateway, 25880) == [], "nothing is left", 4)


@pytest.mark.mixed
def test_a_restarted_guard_knows_the_hops_of_a_menu(
        client, gateway, administrator):
    menu = client.pexpect_ssh("25880")
    try:
        choose(menu, ENVIRONMENT)
        choose(menu, "124719")
        menu.expect(r"[$#] $")
        gateway.stop("enscale-guard")
        gateway.start("enscale-guard")
        menu.sendline("echo still $((40+2))")
        menu.expect("still 42\r\n")
        administrator.replace(environment_dn(ENVIRONMENT),
                              enscaleState="stopped")
        menu.expect(r"> ?$") # the hop is over
    finally:
        administrator.replace(environment_dn(ENVIRONMENT),
                              enscaleState="running")
        menu.close(force=True)


@pytest.mark.mixed
def test_nothing_is_left_of_a_client_that_was_killed(
        client, gateway, wait_for):
    session = begin(client, gateway, wait_for, "124718-25880")
    assert processes(gateway, 25880)
    session.kill()
    session.communicate()
    wait_for(lambda: processes(gateway, 25880) == [], "nothing is left", 5)


@pytest.mark.mixed
def test_nothing_is_left_of_a_monitor_that_was_killed(
        client, gateway, wait_for):
    session = begin(client, gateway, wait_for, "124718-25880")
    monitor = [line.split()[0] for line in processes(gateway, 25880)
               if "[priv]" in line]
    gateway.run(["kill", "-KILL", *monitor])
    wait_for(lambda: processes(gateway, 25880) == [], "nothing is left", 5)
    session.communicate(timeout=10)
    # The record that nobody removed is nobody's session.
    assert client.ssh("124718-25880", "exit 7").returncode == 7


def test_a_shell_that_does_not_listen_is_killed(
        client, gateway, wait_for, suspended):
    session = begin(client, gateway, wait_for, "124718-25880")
    shells = [line.split()[0] for line in processes(gateway, 25880)
              if "[priv]" not in line]
    gateway.run(["kill", "-STOP", *shells])
    suspended(25880)
    wait_for(lambda: processes(gateway, 25880) == [], "nothing is left", 5)
    session.communicate(timeout=10)


def test_a_view_that_cannot_be_read_ends_nothing(client, gateway, wait_for):
    session = begin(client, gateway, wait_for, "124718-25880")
    gateway.sh("chmod 0 /var/lib/enscale/view")
    try:
        time.sleep(2)
        assert session.poll() is None
    finally:
        gateway.sh("chmod 750 /var/lib/enscale/view")
        session.kill()
        session.communicate()
    wait_for(lambda: client.ssh("124718-25880", "exit 7").returncode == 7,
             "and then it goes on")


def test_the_audit_log_tells_the_story_of_a_session(client, gateway, wait_for):
    assert client.ssh("124718-25880", "exit 7").returncode == 7
    session = events(gateway, "hop-started")[-1]["session"]
    wait_for(lambda: any(line.get("session") == session
                         for line in events(gateway, "session-ended")),
             "it has ended")
    lines = gateway.read("/var/log/enscale/audit.log").decode().splitlines()
    story = [line["event"] for line in map(json.loads, lines)
             if line.get("session") == session]
    assert story == ["login", "hop-declared", "certificate",
                     "hop-started", "hop-ended", "session-ended"]
    certificate = events(gateway, "certificate")[-1]
    assert certificate["node"] == 124718


def test_the_audit_log_survives_its_rotation(client, gateway, wait_for):
    gateway.sh("mv /var/log/enscale/audit.log /var/log/enscale/audit.log.1")
    gateway.kill("enscale-guard", signal.SIGHUP)
    wait_for(lambda: gateway.run(["test", "-e", "/var/log/enscale/audit.log"],
                                 check=False).returncode == 0, "a new file")
    assert client.ssh("124718-25880", "exit 7").returncode == 7
    assert events(gateway, "hop-started")


# ---- monitors that are killed --------------------------------------------------


def monitors(gateway, account):
    return [line.split()[0] for line in processes(gateway, account)
            if "[priv]" in line]


def records(gateway, account):
    names = gateway.run(["ls", "/run/enscale/sessions"]).stdout.decode().split()
    return [name for name in names if name.startswith(f"{account}.")]


@pytest.fixture
def without_guard(gateway):
    """Stops the guard when called; it runs again afterwards."""
    def stop():
        gateway.stop("enscale-guard")
    yield stop
    gateway.start("enscale-guard")


def kill_monitors(gateway, account):
    gateway.run(["kill", "-KILL", *monitors(gateway, account)])


def test_a_session_ends_with_its_monitor_also_without_a_guard(
        client, gateway, wait_for, without_guard):
    menu = client.pexpect_ssh("25880")
    choose(menu, ENVIRONMENT)
    choose(menu, "124718")
    menu.expect(r"[$#] $")
    session = begin(client, gateway, wait_for, "124718-25880")
    idle = client.pexpect_ssh("25880")
    idle.expect(r"> ?$")
    without_guard()
    kill_monitors(gateway, 25880)
    wait_for(lambda: processes(gateway, 25880) == [], "nothing is left")
    session.communicate(timeout=10)
    for terminal in menu, idle:
        terminal.close(force=True)


def test_what_outlived_its_monitor_ends_when_the_guard_is_back(
        client, gateway, wait_for, without_guard):
    session = begin(client, gateway, wait_for, "124718-25880")
    without_guard()
    # What cannot notice: it is only the guard that can end it.
    shells = [line.split()[0] for line in processes(gateway, 25880)
              if "[priv]" not in line]
    gateway.run(["kill", "-STOP", *shells])
    kill_monitors(gateway, 25880)
    # A login of the account, refused or not, hides nothing of it.
    client.ssh("25880", "true")
    assert processes(gateway, 25880) and records(gateway, 25880)
    gateway.start("enscale-guard")
    wait_for(lambda: processes(gateway, 25880) == [], "nothing is left")
    wait_for(lambda: records(gateway, 25880) == [], "and no record")
    session.communicate(timeout=10)


def test_while_a_record_of_the_account_is_broken_nothing_of_it_is_a_left_over(
        client, gateway, wait_for, without_guard):
    broken = "/run/enscale/sessions/25880.aaaaaaaaaaaaaaaa"
    session = begin(client, gateway, wait_for, "124718-25880")
    without_guard()
    shells = [line.split()[0] for line in processes(gateway, 25880)
              if "[priv]" not in line]
    gateway.run(["kill", "-STOP", *shells])
    kill_monitors(gateway, 25880)
    gateway.write(broken, b"rubbish")
    try:
        gateway.start("enscale-guard")
        time.sleep(4) # a look, and two seconds until SIGKILL
        assert len(processes(gateway, 25880)) == len(shells)
    finally:
        gateway.run(["rm", broken])
    wait_for(lambda: processes(gateway, 25880) == [], "nothing is left", 20)
    wait_for(lambda: records(gateway, 25880) == [], "and no record")
    session.communicate(timeout=10)


def test_the_guard_that_is_back_spares_the_account_s_living_sessions(
        client, gateway, wait_for, without_guard):
    dead = begin(client, gateway, wait_for, "124718-25880")
    of_the_dead = monitors(gateway, 25880)
    living = begin(client, gateway, wait_for, "124718-25880")
    without_guard()
    gateway.run(["kill", "-KILL", *of_the_dead])
    gateway.start("enscale-guard")
    dead.communicate(timeout=10)
    wait_for(lambda: len(records(gateway, 25880)) == 1, "one record is left")
    time.sleep(3)
    assert living.poll() is None
    living.kill()
    living.communicate()


def test_the_record_of_a_dead_session_is_gone_within_seconds(
        client, gateway, wait_for, suspended):
    killed = begin(client, gateway, wait_for, "124718-25880")
    kill_monitors(gateway, 25880)
    wait_for(lambda: records(gateway, 25880) == [], "a killed one's")
    killed.communicate(timeout=10)
    stopped = begin(client, gateway, wait_for, "124718-25880")
    gateway.run(["kill", "-STOP", *monitors(gateway, 25880)])
    suspended(25880)
    wait_for(lambda: records(gateway, 25880) == [], "one that the guard killed")
    stopped.communicate(timeout=10)


def test_an_end_is_audited_once_also_when_no_guard_saw_it(
        client, gateway, wait_for, without_guard):
    session = begin(client, gateway, wait_for, "124718-25880")
    number = events(gateway, "hop-started")[-1]["session"]
    without_guard()
    kill_monitors(gateway, 25880)
    session.communicate(timeout=10)
    gateway.start("enscale-guard")
    wait_for(lambda: records(gateway, 25880) == [], "the record is gone")
    ended = [line for line in events(gateway, "session-ended")
             if line["session"] == number]
    assert len(ended) == 1


def test_what_left_its_parents_ends_with_what_is_withdrawn(
        client, gateway, wait_for, suspended):
    """Code in the place of ssh may start a process and leave it alone."""
    session = begin(client, gateway, wait_for, "124718-25880")
    uid = 0x70000000 + 25880
    gateway.sh(f"setpriv --reuid={uid} --regid={uid} --clear-groups "
               "sh -c 'sleep 300 & sleep 300 & exit' <&- >&- 2>&-")
    suspended(25880)
    wait_for(lambda: processes(gateway, 25880) == [], "nothing is left", 8)
    session.communicate(timeout=10)


def test_what_left_its_parents_ends_as_soon_as_that_can_be_told(
        client, gateway, wait_for, suspended):
    """Its session has no record any more that would tell of it again."""
    broken = "/run/enscale/sessions/25880.aaaaaaaaaaaaaaaa"
    session = begin(client, gateway, wait_for, "124718-25880")
    uid = 0x70000000 + 25880
    gateway.sh(f"setpriv --reuid={uid} --regid={uid} --clear-groups "
               "sh -c 'sleep 300 & exit' <&- >&- 2>&-")
    gateway.write(broken, b"rubbish")
    try:
        suspended(25880)
        session.communicate(timeout=10)
        time.sleep(4) # the end of the others, and a look
        assert len(processes(gateway, 25880)) == 1
    finally:
        gateway.run(["rm", broken])
    wait_for(lambda: processes(gateway, 25880) == [], "nothing is left", 20)


def leave(gateway, wait_for, account):
    """A process that has left its session, and what it has started since."""
    uid = 0x70000000 + account
    gateway.sh(f"setpriv --reuid={uid} --regid={uid} --clear-groups "
               "sh -c '(sleep 301; true) & exit' <&- >&- 2>&-")
    wait_for(lambda: [line.split()[2] for line in left(gateway, account)] == ["sh", "sleep"],
             "both of them are there")


def left(gateway, account):
    return [line for line in processes(gateway, account) if "sleep 301" in line]


def test_what_left_its_parents_ends_after_an_ordinary_logout_as_well(
        client, gateway, wait_for):
    before = len(gateway.log("enscale-guard"))
    kept = begin(client, gateway, wait_for, "124718-21296")
    leave(gateway, wait_for, 21296)
    assert client.ssh("124718-25880", "exit 7").returncode == 7
    try:
        wait_for(lambda: left(gateway, 21296) == [], "it is gone", 20)
        assert kept.poll() is None
        assert "ending 2 processes that are in no session any more account=21296" in \
            gateway.log("enscale-guard")[before:]
    finally:
        kept.kill()
        kept.communicate()


def test_what_left_its_parents_ends_when_the_guard_is_back(
        client, gateway, wait_for, without_guard):
    """Nothing else tells of its session any more."""
    without_guard()
    leave(gateway, wait_for, 21296)
    gateway.start("enscale-guard")
    wait_for(lambda: left(gateway, 21296) == [], "it is gone", 20)


# ---- what it costs and says ----------------------------------------------------

CROWD = """
import os, signal, sys
os.setpgrp()
for i in range(4000):
    if os.fork() == 0:
        signal.pause()
print("ready", flush=True)
sys.stdin.read()
os.killpg(0, signal.SIGKILL)
"""


@pytest.fixture
def crowd(gateway):
    """As many other processes as a busy host has."""
    parent = gateway.popen(["python3", "-c", CROWD], stdin=subprocess.PIPE,
                           stdout=subprocess.PIPE)
    assert parent.stdout.readline() == b"ready\n"
    yield
    parent.communicate()


def cpu_seconds(gateway):
    stat = gateway.read(f"/proc/{gateway.pid_of('enscale-guard')}/stat").split()
    return sum(map(int, stat[13:15])) / os.sysconf("SC_CLK_TCK")


def test_an_end_costs_what_ends_and_not_what_else_runs(
        client, gateway, wait_for, suspended, crowd):
    sessions = [begin(client, gateway, wait_for, "124718-25880")
                for _ in range(12)]
    before = cpu_seconds(gateway)
    suspended(25880)
    for session in sessions:
        assert ends(session)[0] == REFUSED
    wait_for(lambda: processes(gateway, 25880) == [], "nothing is left", 5)
    time.sleep(1) # the last look at what is left
    assert cpu_seconds(gateway) - before < 0.4


def test_an_ordinary_end_is_no_news(client, gateway, wait_for):
    before = len(gateway.log("enscale-guard"))
    ended = len(events(gateway, "session-ended"))
    for _ in range(5):
        assert client.ssh("124718-25880", "exit 7").returncode == 7
    wait_for(lambda: len(events(gateway, "session-ended")) >= ended + 5,
             "they have ended")
    time.sleep(2.5) # what does not end by itself is killed after two seconds
    assert "process" not in gateway.log("enscale-guard")[before:]
