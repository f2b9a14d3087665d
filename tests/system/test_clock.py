"""Nodes whose clock is wrong, which no protocol tells the gateway."""

import calendar
import os
import re
import time

import pytest

from test_ending import events

HERE = os.path.dirname(os.path.realpath(__file__))
SHIFTED = "/tmp/shifted_clock"


@pytest.fixture
def shifted(hosts, wait_for):
    """shifted(seconds): node 124719, with a clock so far ahead."""
    node = hosts.node124719
    with open(f"{HERE}/shifted_clock.c") as file:
        node.write(f"{SHIFTED}.c", file.read())
    node.sh(f"gcc -shared -fPIC -o {SHIFTED}.so {SHIFTED}.c; rm {SHIFTED}.c")
    processes = []

    def shift(seconds):
        node.write(SHIFTED, str(seconds))
        node.stop("ssh")
        processes.append(node.popen(
            ["/usr/sbin/sshd", "-D"],
            env={"LD_PRELOAD": f"{SHIFTED}.so", "SHIFT_FILE": SHIFTED}))
        wait_for(lambda: node.sh("ss -Hltn 'sport = :22'").stdout, "it listens", 20)

    yield shift
    for process in processes:
        process.terminate()
        process.communicate()
    node.sh("pkill -x sshd || :")
    node.start("ssh")


@pytest.mark.parametrize("seconds", [-240, -40, 100])
def test_a_node_whose_clock_is_minutes_wrong_lets_users_in(client, shifted, seconds):
    shifted(seconds)
    result = client.ssh("124719-25880", "id -un", check=True)
    assert result.stdout == b"mysql\n"


@pytest.mark.parametrize("seconds", [-400, 190])
def test_a_node_whose_clock_is_too_wrong_is_said_to_have_one(
        client, gateway, shifted, seconds):
    shifted(seconds)
    result = client.ssh("124719-25880", "id")
    now = time.time()
    assert (result.returncode, result.stdout) == (121, b"")
    said = re.search(rb"Node 124719 cannot be reached: it did not accept the gateway's"
                     rb" certificate. Is its clock right\? Here it is ([-0-9: ]+ UTC)."
                     rb" \(session ([a-z2-7]{16})\)", result.stderr)
    here = time.strptime(said[1].decode(), "%Y-%m-%d %H:%M:%S UTC")
    assert abs(calendar.timegm(here) - now) < 30
    (event,) = [e for e in events(gateway, "node-refused")
                if e["session"] == said[2].decode()]
    assert event["node"] == 124719 and event["valid_after"] < event["valid_before"]
    (line,) = [line for line in gateway.log("enscale-guard").splitlines()
               if "node-refused: " in line and said[2].decode() in line]
    assert "is its clock right" in line and event["valid_before"] in line


def test_a_node_that_refuses_after_the_signature_is_not_said_to_have_a_wrong_clock(
        client, gateway, hosts):
    node = hosts.node124719
    stack = node.read("/etc/pam.d/sshd").decode()
    before = len(events(gateway, "node-refused"))
    node.write("/etc/pam.d/sshd", "account required pam_deny.so\n" + stack)
    try:
        result = client.ssh("124719-25880", "id")
    finally:
        node.write("/etc/pam.d/sshd", stack)
    assert (result.returncode, result.stdout) == (121, b"")
    assert b"Node 124719 cannot be reached: it " in result.stderr
    assert b"clock" not in result.stderr
    assert len(events(gateway, "node-refused")) == before
