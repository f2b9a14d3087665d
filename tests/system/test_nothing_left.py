"""Whatever dies, in whatever order: nothing of the session stays, and what is
recorded is what there is."""

import re
import time

import pytest

from test_ending import begin, processes, records

pytestmark = pytest.mark.both

LOGIN, ACCOUNT = "124718-25880", 25880
UID = str(0x70000000 + ACCOUNT)


def listed(host):
    """(pid, uid, arguments) of each process."""
    lines = host.run(["ps", "-eo", "pid=,uid=,args="]).stdout.decode().splitlines()
    return [tuple(line.split(None, 2)) for line in lines]


def pids(host, pattern, uid=None):
    return [pid for pid, its_uid, words in listed(host)
            if re.search(pattern, words) and uid in (None, its_uid)]


# What a session consists of, from its user to the node: how to find it.
PARTS = {
    "monitor": ("gateway", rf"sshd(-session)?: (\d+-)?{ACCOUNT} \[priv\]", None),
    "sshd": ("gateway", rf"sshd(-session)?: (\d+-)?{ACCOUNT}@", UID),
    "shell": ("gateway", r"enscale-shell", UID),
    "ssh": ("gateway", r"-oBatchMode=yes", UID),
    "node's monitor": ("node124718", r"sshd(-session)?: apache \[priv\]", None),
    "node's sshd": ("node124718", r"sshd(-session)?: apache@", None),
}


def find(hosts, part):
    host, pattern, uid = PARTS[part]
    return getattr(hosts, host), pids(getattr(hosts, host), pattern, uid)


def left(hosts):
    """What there is of any session of the account, and what is recorded."""
    found = {part: find(hosts, part)[1] for part in PARTS}
    found["gateway"] = processes(hosts.gateway, ACCOUNT)
    found["records"] = records(hosts.gateway, ACCOUNT)
    found["hops"] = hosts.gateway.run(["ls", "/run/enscale/guard/hops"]).stdout.split()
    return {name: what for name, what in found.items() if what}


def wait_until_nothing(wait_for, hosts, seconds):
    try:
        wait_for(lambda: not left(hosts), "nothing is left", seconds)
    except TimeoutError:
        pytest.fail(f"after {seconds} s there is still {left(hosts)}")


@pytest.fixture
def session(client, gateway, hosts, wait_for):
    """One that runs, alone."""
    wait_until_nothing(wait_for, hosts, 10)
    process = begin(client, gateway, wait_for, LOGIN)
    try:
        for part in PARTS:
            wait_for(lambda part=part: find(hosts, part)[1], f"there is the {part}")
        yield process
    finally:
        process.kill()
        process.communicate()


def kill(hosts, session, parts):
    for part in parts:
        if part == "client":
            session.kill()
        elif part == "guard":
            hosts.gateway.kill("enscale-guard")
        else:
            host, found = find(hosts, part)
            host.run(["kill", "-KILL", *found], check=False)


@pytest.mark.parametrize("parts", [
    # Of the node's monitor alone nobody takes notice: its sshd goes on.
    *([part] for part in ["client", *PARTS] if part != "node's monitor"),
    ["guard", "monitor"],
    ["monitor", "guard"],
    ["sshd", "shell"],
    ["shell", "monitor", "ssh"],
    ["node's sshd", "node's monitor", "client"],
    ["guard", "sshd", "node's monitor"],
], ids="-".join)
def test_nothing_is_left_whatever_of_a_session_is_killed(hosts, session, wait_for, parts):
    kill(hosts, session, parts)
    wait_until_nothing(wait_for, hosts, 10)


# ---- what says nothing when it goes -----------------------------------------------


@pytest.fixture
def cut_off():
    """cut_off(host, network): its packets get lost; they pass again afterwards."""
    def cut(host, network):
        host.sh(f"ip route add blackhole {network}/32")
        done.append((host, network))
    done = []
    yield cut
    for host, network in done:
        host.sh(f"ip route del blackhole {network}/32")


@pytest.mark.full
@pytest.mark.timeout(400)
def test_nothing_is_left_of_a_client_whose_host_is_cut_off(
        hosts, session, wait_for, cut_off):
    """Within what sshd_config of the gateway says, two minutes and a half."""
    cut_off(hosts.client, "198.18.0.1")
    wait_until_nothing(wait_for, hosts, 200)


@pytest.mark.full
@pytest.mark.timeout(400)
def test_nothing_is_left_on_the_gateway_of_a_node_that_is_cut_off(
        hosts, session, wait_for, cut_off):
    """Within a minute and a quarter, and a minute more on the node itself."""
    cut_off(hosts.node124718, "198.19.0.1")
    begun = time.monotonic()
    on_gateway = {"monitor", "sshd", "shell", "ssh", "gateway", "records", "hops"}
    wait_for(lambda: not on_gateway & set(left(hosts)), "nothing on the gateway", 120)
    assert time.monotonic() - begun > 10, "it was not cut off"
    wait_until_nothing(wait_for, hosts, 240)
