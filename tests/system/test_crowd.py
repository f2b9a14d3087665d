"""Many at once."""

import concurrent.futures
import subprocess
import time

import pytest

from entries import account_dn
from test_ending import processes

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
