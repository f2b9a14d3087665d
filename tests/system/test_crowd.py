"""Many at once."""

import concurrent.futures
import subprocess
import time

import pytest

from entries import account_dn
from test_ending import crowd, processes  # noqa: F401

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


@pytest.mark.full
@pytest.mark.timeout(600)
def test_120_clients_that_vanish_at_once_hold_up_nobody(
        room, crowd, client, gateway, wait_for, note):  # noqa: F811
    def enter(_):
        argv = client.ssh_argv(LOGIN, "echo up; exec sleep 600")
        process = client.popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"up\n"
        return process

    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        entered = list(pool.map(enter, range(120)))
    asking = gateway.popen(["python3", "-c", ASK], stdin=subprocess.PIPE,
                           stdout=subprocess.PIPE)
    time.sleep(1)
    gone = time.monotonic()
    for process in entered:
        process.kill()
    wait_for(lambda: processes(gateway, 25880) == [], "nothing is left", 60)
    seconds = time.monotonic() - gone
    worst = float(asking.communicate(b"end\n")[0])
    for process in entered:
        process.communicate()
    note(f"120 clients vanish beside 4,000 processes: nothing is left after "
         f"{seconds:.2f} s, the guard's first word took {worst * 1000:.0f} ms at worst")
    assert worst < 2
