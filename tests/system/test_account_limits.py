"""What one account may take of a gateway, so that the others have theirs; and
what nobody uses any more."""

import signal
import subprocess

import pexpect
import pytest

from test_ending import begin, events, processes
from test_menu import choose

REFUSED = 120
CONFIG = "/etc/enscale/enscale.conf"


@pytest.fixture
def setting(gateway, wait_for):
    """setting(max_hops=2): read by all; as it was afterwards."""
    def reload():
        read = gateway.log("enscale-guard").count(f'read "{CONFIG}"')
        gateway.kill("enscale-guard", signal.SIGHUP)
        wait_for(lambda: gateway.log("enscale-guard").count(f'read "{CONFIG}"') > read,
                 "the guard has read it")

    def do(**values):
        for name, value in values.items():
            gateway.sh(f"grep -Eq '^#?{name} = ' {CONFIG};"
                       f"sed -Ei 's/^#?{name} = .*/{name} = {value}/' {CONFIG}")
        reload()

    wait_for(lambda: processes(gateway, 25880) == [], "sessions of tests before have ended")
    gateway.sh(f"cp -p {CONFIG} {CONFIG}.kept")
    yield do
    gateway.sh(f"mv {CONFIG}.kept {CONFIG}")
    reload()


def test_an_account_has_so_many_connections_to_nodes(client, gateway, wait_for, setting):
    setting(max_hops=2)
    held = [begin(client, gateway, wait_for, "124718-25880") for _ in range(2)]
    try:
        refused = client.ssh("124718-25880", "true")
        assert refused.returncode == REFUSED
        assert (b"Account 25880 has 2 open connections to nodes and may not have more"
                in refused.stderr)
        last = events(gateway, "hop-refused")[-1]
        assert (last["account"], last["verdict"]) == (25880, "hop-limit")
        # nobody else's
        assert client.ssh("124718-21296", "exit 7").returncode == 7
        held[0].kill()
        held.pop(0).communicate()
        wait_for(lambda: client.ssh("124718-25880", "exit 7").returncode == 7,
                 "there is room again")
    finally:
        for session in held:
            session.kill()
            session.communicate()


def test_a_session_has_so_many_whatever_its_channels(client, gateway, wait_for, setting):
    setting(max_session_hops=2)
    held = []

    def channel(role):
        return ["-o", f"ControlMaster={role}", "-o", "ControlPath=/root/limits"]

    try:
        for role in ("yes", "no"):
            before = len(events(gateway, "hop-started"))
            argv = client.ssh_argv("124718-25880", "cat", options=channel(role))
            held.append(client.popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=subprocess.PIPE))
            wait_for(lambda: len(events(gateway, "hop-started")) > before, "the hop runs")
        refused = client.ssh("124718-25880", "true", options=channel("no"))
        assert refused.returncode == REFUSED
        assert b"This session has 2 open connections to nodes" in refused.stderr
        assert client.ssh("124718-25880", "exit 7").returncode == 7  # another session
        held.pop().communicate(b"")
        assert client.ssh("124718-25880", "exit 7", options=channel("no")).returncode == 7
    finally:
        while held:
            held.pop().communicate(b"")


def test_an_account_opens_so_many_sessions_within_a_minute(client, setting):
    setting(max_logins=3)
    results = [client.ssh("21296", "whoami") for _ in range(4)]
    assert results[-1].returncode == 255
    assert b"sessions within a minute and may not open more; please wait" in results[-1].stderr
    setting(max_logins=100000)
    assert client.ssh("21296", "whoami").returncode == 0


def test_what_an_account_runs_has_its_limit_of_processes(client, gateway, wait_for, setting):
    setting(max_processes=99)
    session = begin(client, gateway, wait_for, "124718-25880")
    try:
        pids = gateway.sh("pgrep -u 1879074072").stdout.decode().split()
        for pid in pids:
            limits = gateway.read(f"/proc/{pid}/limits").decode().splitlines()
            line, = [line.split() for line in limits if line.startswith("Max processes")]
            assert line[2:4] == ["99", "99"], (pid, line)
    finally:
        session.kill()
        session.communicate()


def test_a_menu_in_which_nobody_types_ends_after_a_warning(client, setting):
    setting(menu_idle="10s")
    menu = client.pexpect_ssh("25880")
    menu.expect("Choice> $")
    menu.send("x")
    menu.expect(r"Nobody has typed here for a while: in [1-5] seconds the menu ends\.\r\n"
                "Choice> x", timeout=30)
    menu.send("y")  # somebody is there after all
    menu.expect("in [1-5] seconds the menu ends", timeout=30)
    menu.expect("Nobody is typing at this terminal: the menu ends", timeout=30)
    menu.expect(pexpect.EOF)
    menu.close()


@pytest.mark.full
def test_a_quiet_connection_to_a_node_ends_only_where_that_is_wanted(client, setting):
    setting(hop_idle="10s")
    menu = client.pexpect_ssh("25880")
    choose(menu, "cool-waterfall-59")
    choose(menu, "124718")
    menu.expect(r"[$#] $")
    menu.sendline("for i in 1 2 3 4 5 6 7 8; do sleep 2; echo tick $i; done")
    menu.expect_exact("tick 8\r\n", timeout=40)  # what is shown counts, too
    menu.expect("The gateway is ending this connection: nothing happened here for 10 seconds",
                timeout=60)
    menu.expect("Choice> $")
    menu.close(force=True)
    # a script has no terminal
    assert client.ssh("124718-25880", "sleep 25; exit 7").returncode == 7
