"""Logins go on when the directory or the follower does not."""

import signal
import statistics
import time

import pytest

from entries import account_dn


def login_seconds(client, tries=7):
    times = []
    for _ in range(tries):
        begin = time.monotonic()
        assert client.ssh("124718-25880", "exit 7").returncode == 7
        times.append(time.monotonic() - begin)
    return statistics.median(times)


def operations(directory):
    """Searches and binds that slapd has logged so far."""
    lines = directory.log("slapd").splitlines()
    return [line for line in lines if " SRCH " in line or " BIND " in line]


def test_a_login_makes_no_operation_in_the_directory(client, directory):
    client.ssh("124718-25880", "true", check=True)
    before = operations(directory)
    assert before, "slapd's log shows operations"
    for login in ("124718-25880", "136553-21296"):
        client.ssh(login, "true", check=True)
    client.ssh("99999", "true")
    # What keeps the follower in step may ask once in a while; no login does:
    # nothing that it asks names an account.
    new = operations(directory)[len(before):]
    assert [line for line in new if "25880" in line or "21296" in line
            or "99999" in line] == []
    assert len(new) <= 2, new


def test_logins_go_on_while_slapd_is_stopped_and_when_it_is_killed(
        client, directory, gateway, wait_for):
    with_slapd = login_seconds(client)
    directory.kill("slapd", signal.SIGSTOP)
    try:
        stopped = login_seconds(client)
        assert client.ssh("99999", "true").returncode == 255
    finally:
        directory.kill("slapd", signal.SIGCONT)
    directory.stop("slapd")
    try:
        gone = login_seconds(client)
    finally:
        directory.run(["hostctl", "start", "slapd"])
    print(f"a login: {with_slapd * 1000:.0f} ms; slapd stopped: "
          f"{stopped * 1000:.0f} ms; gone: {gone * 1000:.0f} ms")
    # Nothing waits for the directory: a login that did would take seconds.
    assert stopped < with_slapd + 2 and gone < with_slapd + 2


def test_the_follower_comes_back_to_a_directory_that_came_back(
        client, directory, administrator, gateway, wait_for):
    directory.kill("slapd", signal.SIGKILL)
    wait_for(lambda: directory.run(
        ["ldapwhoami", "-Q", "-Y", "EXTERNAL", "-H", "ldapi:///"],
        check=False).returncode == 0, "slapd answers again", 20)
    administrator.add_account(61616)
    try:
        wait_for(lambda: gateway.run(["id", "61616"],
                                     check=False).returncode == 0,
                 "the gateway knows the account", 60)
    finally:
        administrator.delete(account_dn(61616))


def test_logins_go_on_when_the_follower_is_killed_and_it_resumes(
        client, gateway, administrator, wait_for):
    old = gateway.pid_of("enscale-sync")
    gateway.stop("enscale-sync")
    assert client.ssh("124718-25880", "exit 7").returncode == 7
    administrator.add_account(61617)
    try:
        gateway.run(["hostctl", "start", "enscale-sync"])
        wait_for(lambda: gateway.run(["id", "61617"],
                                     check=False).returncode == 0,
                 "what happened meanwhile is known", 10)
        gateway.kill("enscale-sync", signal.SIGKILL)
        assert client.ssh("124718-25880", "exit 7").returncode == 7
        wait_for(lambda: gateway.pid_of("enscale-sync") not in (None, 0, old),
                 "it is started again", 10)
    finally:
        administrator.delete(account_dn(61617))
    wait_for(lambda: gateway.run(["id", "61617"], check=False).returncode != 0,
             "and follows", 10)


@pytest.mark.parametrize("name", ["enscale-guard"])
def test_a_session_survives_the_restart_of_a_daemon(client, gateway, name):
    session = client.pexpect_ssh("124718-25880")
    session.expect(r"[$#] $")
    gateway.kill(name, signal.SIGKILL)
    time.sleep(0.5)
    session.sendline("echo still $((40+2))")
    session.expect("still 42\r\n")
    session.sendline("exit")
    session.close()
