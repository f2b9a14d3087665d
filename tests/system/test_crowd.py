"""Many at once."""

import concurrent.futures
import subprocess
import time

import pytest

from entries import account_dn
from test_ending import crowd, processes  # noqa: F401
from test_nothing_left import left

SESSIONS, AT_A_TIME = 200, 20
LOGIN = "124718-25880"


@pytest.fixture
def room(administrator):
    administrator.replace(account_dn(25880), enscaleMaxSessions=SESSIONS)
    yield
    administrator.replace(account_dn(25880), enscaleMaxSessions=None)


@pytest.mark.full
@pytest.mark.timeout(600)
def test_200_sessions_are_open_at_once_after_20_logins_at_a_time(
        room, client, gateway, wait_for, note):
    begun = time.monotonic()

    def enter(number):
        argv = client.ssh_argv(LOGIN, f"echo {number}; exec cat")
        process = client.popen(argv, stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return process, process.stdout.readline()

    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        entered = list(pool.map(enter, range(SESSIONS)))
    try:
        assert [said for _, said in entered] == [
            b"%d\n" % number for number in range(SESSIONS)]
        note(f"{SESSIONS} sessions, {AT_A_TIME} logins at a time: "
             f"{SESSIONS / (time.monotonic() - begun):.1f} a second")
        assert b"has 200 open sessions" in client.ssh(LOGIN, "true").stderr
        for process, _ in entered:
            process.stdin.write(b"still here\n")
            process.stdin.close()
        for process, _ in entered:
            assert process.stdout.read() == b"still here\n"
            assert process.wait(60) == 0
            assert process.stderr.read() == b""
    finally:
        for process, _ in entered:
            process.kill()
            process.wait()
    wait_for(lambda: processes(gateway, 25880) == [], "nothing is left")


# The guard's longest pause: how long anybody waits for its first word, and be
# it a no, until a line is read.
ASK = r"""
import select, socket, sys, time
worst = 0
while not select.select([sys.stdin], [], [], 0.01)[0]:
    asked = time.monotonic()
    with socket.socket(socket.AF_UNIX) as guard:
        guard.connect("/run/enscale/guard/guard.sock")
        guard.recv(4096)
    worst = max(worst, time.monotonic() - asked)
print(worst)
"""


def enter_all(client, count, command):
    """Sessions whose command has said that it is up."""
    def enter(_):
        argv = client.ssh_argv(LOGIN, f"echo up; exec {command}")
        process = client.popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
        assert process.stdout.readline() == b"up\n"
        return process

    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        return list(pool.map(enter, range(count)))


@pytest.mark.full
@pytest.mark.timeout(600)
def test_200_clients_that_vanish_at_once_hold_up_nobody_and_leave_nothing(
        room, crowd, client, gateway, hosts, wait_for, note):  # noqa: F811
    wait_for(lambda: not left(hosts), "nobody else is there")
    entered = enter_all(client, SESSIONS, "sleep 600")
    asking = gateway.popen(["python3", "-c", ASK], stdin=subprocess.PIPE,
                           stdout=subprocess.PIPE)
    time.sleep(1)
    gone = time.monotonic()
    for process in entered:
        process.kill()
    wait_for(lambda: not left(hosts), "nothing is left", 60)
    seconds = time.monotonic() - gone
    worst = float(asking.communicate(b"end\n")[0])
    for process in entered:
        process.communicate()
    note(f"{SESSIONS} clients vanish beside 4,000 processes: nothing is left after "
         f"{seconds:.2f} s, the guard's first word took {worst * 1000:.0f} ms at worst")
    assert worst < 1


@pytest.mark.full
@pytest.mark.timeout(600)
def test_a_guard_that_is_killed_ends_none_of_100_sessions_and_knows_them_all(
        room, client, gateway, administrator, wait_for):
    entered = enter_all(client, 100, "cat")
    try:
        before = len(gateway.log("enscale-guard"))
        gateway.kill("enscale-guard")
        for process in entered:
            process.stdin.write(b"still here\n")
            process.stdin.flush()
        for process in entered:
            assert process.stdout.readline() == b"still here\n"
        wait_for(lambda: "ready: 100 sessions" in gateway.log("enscale-guard")[before:],
                 "the next guard knows them", 20)
        administrator.replace(account_dn(25880), enscaleStatus="suspended")
        assert [process.wait(20) for process in entered] == [120] * len(entered)
    finally:
        administrator.replace(account_dn(25880), enscaleStatus="active")
        for process in entered:
            process.kill()
            process.communicate()
    wait_for(lambda: processes(gateway, 25880) == [], "nothing is left")
