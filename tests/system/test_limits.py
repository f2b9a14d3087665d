"""More than a limit: what is over it is left out and named, the rest works."""

import json
import re

import pexpect
import pytest

from entries import account_dn, environment_dn, node_dn

CROWD = "crowd-1"
LIMIT = 10000
FIRST = 500001


def crowd():
    entries = [f"dn: {environment_dn(CROWD)}\nobjectClass: enscaleEnvironment\n"
               f"cn: {CROWD}\nenscaleState: running\nenscaleOwner: 25880\n"]
    entries += [f"dn: {node_dn(node, CROWD)}\nobjectClass: enscaleNode\n"
                f"enscaleNodeId: {node}\nenscaleServiceType: apache\n"
                "ipHostNumber: 198.19.0.99\nenscaleSystemUser: apache\n"
                for node in range(FIRST, FIRST + LIMIT + 1)]
    return "\n".join(entries)


@pytest.fixture(scope="module")
def status(hosts):
    """What enscale-sync says of itself on the gateway."""
    return lambda: json.loads(hosts.gateway.read("/run/enscale/metrics/sync.json"))


@pytest.fixture(scope="module")
def crowded(hosts, status):
    """The owner of the demo has an environment with one node too many."""
    import entries
    import hosts as test_hosts
    administrator = entries.Administrator(hosts.directory)
    administrator._run("ldapadd", ldif=crowd())
    try:
        test_hosts.wait_for(lambda: status()["left_out"] == 1,
                            "the last node is left out", 60)
        yield administrator
    finally:
        administrator.delete(environment_dn(CROWD))
        test_hosts.wait_for(lambda: status()["left_out"] == 0,
                            "nothing is left out any more", 60)


def over_limit(gateway):
    said = gateway.run(["enscalectl", "status"], check=False).stdout.decode()
    return re.findall(r"^over limit  (.*)\n +(.*)$", said, re.M)


NAMED = [(environment_dn(CROWD), f"{LIMIT + 1} nodes, {LIMIT} is the limit: 1 left out")]


def test_one_node_too_many_takes_nothing_from_the_others(crowded, client):
    """The 10,001st made the other 10,000 vanish; and so long a list was a lost
    connection."""
    lines = client.ssh("25880", "nodes", check=True).stdout.decode().splitlines()
    found = [line.split("\t") for line in lines]
    listed = sorted(int(row[0]) for row in found if row[1] == CROWD)
    assert listed == list(range(FIRST, FIRST + LIMIT))
    assert {row[0] for row in found if row[1] != CROWD} == {
        "124718", "124719", "144490"}
    document = json.loads(client.ssh("25880", "nodes --json", check=True).stdout)
    environment, = [one for one in document["environments"] if one["name"] == CROWD]
    assert len(environment["nodes"]) == environment["node_count"] == LIMIT
    config = client.ssh("25880", "config", check=True).stdout.decode()
    assert len(re.findall(rf"^Host node\d+ node\d+-{CROWD}$", config, re.M)) == LIMIT


def test_the_menu_works_with_ten_thousand_nodes(crowded, client):
    menu = client.pexpect_ssh("25880", timeout=30)
    menu.expect(rf"(\d+)\. {CROWD}")
    number = menu.match.group(1)
    menu.expect(r"> ?$")
    menu.sendline(number)
    menu.expect(f"Nodes of {CROWD}")
    menu.expect(r"> ?$")
    menu.sendline(f"c {FIRST + LIMIT - 1}")
    menu.expect(f"ssh -p 3022 {FIRST + LIMIT - 1}-25880@")
    menu.expect(r"> ?$")
    menu.sendline("q")
    menu.expect(pexpect.EOF)
    menu.close()
    assert menu.exitstatus == 0


def test_an_overstepped_limit_is_named_for_as_long_as_it_lasts(
        crowded, gateway, status, wait_for):
    assert over_limit(gateway) == NAMED
    assert f'over a limit: "{environment_dn(CROWD)}"' in gateway.log("enscale-sync")
    # An unrelated change, and a restart.
    publications = status()["publications"]
    crowded.replace(account_dn(30311), mail="another@example.com")
    try:
        wait_for(lambda: status()["publications"] > publications, "it is published")
        assert over_limit(gateway) == NAMED
        gateway.stop("enscale-sync")
        gateway.start("enscale-sync")
        gateway.run(["enscalectl", "status", "--wait", "30"])
        assert over_limit(gateway) == NAMED
        metrics = gateway.read("/run/enscale/metrics/enscale_sync.prom").decode()
        assert "enscale_sync_left_out_records 1\n" in metrics
        assert "enscale_sync_overstepped_limits 1\n" in metrics
        assert gateway.run(["enscalectl", "view", "verify"]).returncode == 0
    finally:
        crowded.replace(account_dn(30311), mail="marta@customer.example")


def test_the_next_one_comes_in_when_one_goes(crowded, client, gateway, status, wait_for):
    crowded.delete(node_dn(FIRST, CROWD))
    wait_for(lambda: status()["left_out"] == 0, "all fit")
    assert over_limit(gateway) == []
    lines = client.ssh("25880", "nodes", check=True).stdout.decode().splitlines()
    listed = {line.split("\t")[0] for line in lines}
    assert str(FIRST) not in listed and str(FIRST + LIMIT) in listed


def test_what_is_below_the_wrong_entry_is_named(administrator, gateway, status, wait_for):
    """A node below an account, a key below an environment, and an orphan
    vanished without a word."""
    misplaced = f"enscaleNodeId=600001,{account_dn(25880)}"
    administrator.add(misplaced, objectClass="enscaleNode", enscaleNodeId=600001,
                      ipHostNumber="198.19.0.99", enscaleSystemUser="apache")
    key = f"cn=a key,{environment_dn('cool-waterfall-59')}"
    public = gateway.sh("cat /etc/enscale/ssh_host_ed25519_key.pub").stdout.decode().strip()
    try:
        administrator.add(key, objectClass="enscaleKey", cn="a key", sshPublicKey=public,
                          enscaleKeyFingerprint="0" * 64)
        wait_for(lambda: status()["orphans"] == 2, "they have no parent")
        named = {entry["dn"]: entry["reason"] for entry in status()["orphan_entries"]}
        assert named == {misplaced: "the entry above it is not an environment",
                         key: "the entry above it is not an account"}
        said = gateway.run(["enscalectl", "status"], check=False).stdout.decode()
        assert f"no parent   {misplaced}\n{'':12}the entry above it is not an environment\n" in said
    finally:
        for dn in (misplaced, key):
            administrator._run("ldapdelete", "-c", dn)
    wait_for(lambda: status()["orphans"] == 0, "they are gone")
