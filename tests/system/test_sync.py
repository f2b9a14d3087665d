"""The follower: what it says of itself, what it refuses, and that no kill
loses or invents anything."""

import json
import signal
import subprocess
import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from entries import SUFFIX, account_dn, environment_dn, node_dn

STATUS = "/run/enscale/metrics/sync.json"
FOLLOWER = "/usr/libexec/enscale/enscale-sync"


@pytest.fixture
def status(gateway):
    return lambda: json.loads(gateway.read(STATUS))


@pytest.fixture
def in_step(status, wait_for):
    """Waits until the follower is in step, and returns what it says."""
    def wait(seconds=60):
        wait_for(lambda: status()["in_step"], "the follower is in step",
                 seconds)
        return status()
    return wait


def known(gateway, account):
    return gateway.run(["id", str(account)], check=False).returncode == 0


def explain(gateway, name):
    done = gateway.run(["enscalectl", "explain", name], check=False)
    return (done.stdout + done.stderr).decode()


def test_the_status_names_source_and_counts(in_step, gateway):
    said = in_step()
    assert said["ready"] and said["connection"] == "following"
    assert said["source"] and said["refused"] == 0 == said["orphans"]
    assert said["entries"]["account"] >= 4 and said["entries"]["node"] >= 4
    assert abs(said["as_of"] - time.time()) < 120
    assert said["pid"] == gateway.pid_of("enscale-sync")


def test_the_status_is_kept_up_while_nothing_happens(status, wait_for):
    first = status()["time"]
    wait_for(lambda: status()["time"] >= first + 4, "a later status", 12)


def test_a_reload_without_a_change_keeps_the_connection(
        in_step, gateway, status, wait_for):
    before = in_step()
    gateway.kill("enscale-sync", signal.SIGHUP)
    time.sleep(1)
    wait_for(lambda: status()["time"] > before["time"], "a later status", 12)
    after = status()
    for name in ("pid", "connections", "refreshes", "in_step", "in_step_since", "source"):
        assert after[name] == before[name], name


def test_a_bad_entry_is_refused_and_its_old_version_goes(
        administrator, gateway, status, wait_for):
    administrator.add_account(62001, cn="Soon Odd")
    try:
        wait_for(lambda: known(gateway, 62001), "the account is known", 5)
        administrator.replace(account_dn(62001), enscaleStatus="paused")
        wait_for(lambda: not known(gateway, 62001), "it is unknown", 5)
        wait_for(lambda: status()["refused"] == 1, "it is counted", 5)
        assert status()["refused_entries"] == [{
            "dn": account_dn(62001),
            "reason": "enscaleStatus: an unknown word"}]
        assert account_dn(62001) in gateway.log("enscale-sync")
        administrator.replace(account_dn(62001), enscaleStatus="active")
        wait_for(lambda: known(gateway, 62001), "it is known again", 5)
        wait_for(lambda: status()["refused"] == 0, "nothing is refused", 5)
    finally:
        administrator.delete(account_dn(62001))


def test_a_weak_key_is_refused_and_the_account_stays(
        administrator, client, gateway, status, wait_for):
    client.sh("rm -f /root/keys/weak /root/keys/weak.pub; "
              "ssh-keygen -q -t rsa -b 1024 -N '' -f /root/keys/weak")
    public = client.read("/root/keys/weak.pub").decode().strip()
    administrator.add_account(62002, public)
    try:
        wait_for(lambda: status()["refused"] == 1, "the key is refused", 5)
        assert "sshPublicKey" in status()["refused_entries"][0]["reason"]
        assert known(gateway, 62002)
    finally:
        administrator.delete(account_dn(62002))
    wait_for(lambda: status()["refused"] == 0, "nothing is refused", 5)


def test_children_follow_a_rename(administrator, gateway, in_step, wait_for):
    old, new = "fresh-snow-1", "fresh-snow-2"
    administrator.add_account(62003)
    administrator.add(environment_dn(old), objectClass="enscaleEnvironment",
                      cn=old, enscaleState="stopped", enscaleOwner=62003)
    administrator.add(node_dn(900001, old), objectClass="enscaleNode",
                      enscaleNodeId=900001, ipHostNumber="198.19.0.99",
                      enscaleSystemUser="apache")
    try:
        wait_for(lambda: old in explain(gateway, "900001-62003"),
                 "the node is in its environment", 5)
        administrator._run("ldapmodify", ldif=(
            f"dn: {environment_dn(old)}\nchangetype: modrdn\n"
            f"newrdn: cn={new}\ndeleteoldrdn: 1\n"))
        wait_for(lambda: new in explain(gateway, "900001-62003"),
                 "the node is in the renamed one", 5)
        assert in_step()["orphans"] == 0
        old = new
    finally:
        administrator.delete(environment_dn(old))
        administrator.delete(account_dn(62003))


def test_a_second_follower_is_refused(gateway):
    done = gateway.run(["setpriv", "--reuid=enscale-sync", "--regid=enscale",
                        "--clear-groups", FOLLOWER], check=False)
    assert done.returncode == 1
    assert b"another enscale-sync is running" in done.stderr


def accounts_of(administrator):
    found = administrator._run(
        "ldapsearch", "-LLL", "-b", SUFFIX, "-o", "ldif-wrap=no",
        "(objectClass=enscaleAccount)", "enscaleAccountId")
    return {int(line.split()[1]) for line in found.splitlines()
            if line.startswith("enscaleAccountId:")}


def names_on(gateway, candidates):
    """Which of the accounts the host knows, asked in one process."""
    script = ("import pwd, sys\n"
              "for name in sys.stdin.read().split():\n"
              "    try:\n"
              "        pwd.getpwnam(name)\n"
              "        print(name)\n"
              "    except KeyError:\n"
              "        pass\n")
    text = "\n".join(map(str, sorted(candidates))).encode()
    done = gateway.run(["/usr/bin/python3", "-c", script], input=text)
    return set(map(int, done.stdout.split()))


def test_no_kill_in_the_middle_of_changes_loses_anything(
        administrator, directory, gateway, in_step, wait_for):
    first, count = 63000, 1500
    changes = "".join(
        f"dn: {account_dn(account)}\nchangetype: add\n"
        f"objectClass: enscaleAccount\nenscaleAccountId: {account}\n\n"
        for account in range(first, first + count))
    changes += "".join(
        f"dn: {account_dn(account)}\nchangetype: delete\n\n"
        for account in range(first, first + count, 3))
    directory.write("/root/changes.ldif", changes)
    before = accounts_of(administrator)
    writer = directory.popen(
        ["ldapmodify", "-Q", "-Y", "EXTERNAL", "-H", "ldapi:///",
         "-f", "/root/changes.ldif"], stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    try:
        kills, killed = 0, None
        while writer.poll() is None or kills < 3:
            wait_for(lambda: gateway.pid_of("enscale-sync") not in
                     (None, 0, killed), "it runs", 10)
            killed = gateway.pid_of("enscale-sync")
            time.sleep(0.2)
            gateway.kill("enscale-sync", signal.SIGKILL)
            kills += 1
        assert writer.returncode == 0
        here = accounts_of(administrator)
        assert len(here - before) == count - len(range(0, count, 3))
        asked = here | set(range(first, first + count))
        wait_for(lambda: names_on(gateway, asked) == here,
                 "the gateway knows exactly what the directory has", 60)
    finally:
        writer.wait()
        rest = accounts_of(administrator) - before
        administrator._run("ldapdelete", *map(account_dn, sorted(rest)))
    wait_for(lambda: names_on(gateway, asked) == before, "all are gone", 60)
    in_step()


METRICS = "/run/enscale/metrics/enscale_sync.prom"


@pytest.fixture
def metrics(gateway):
    """What the file says, read by Prometheus' own parser:
    {name: {labels: value}}; labels are a tuple of values."""
    def read():
        text = gateway.read(METRICS).decode()
        families = {}
        for family in text_string_to_metric_families(text):
            assert family.name not in families, f"{family.name}: twice"
            assert family.name.startswith("enscale_sync_")
            assert family.documentation and family.type != "unknown"
            for sample in family.samples:
                assert (sample.name.endswith("_total")) == (
                    family.type == "counter"), sample.name
                row = families.setdefault(sample.name, {})
                labels = tuple(sample.labels.values())
                assert labels not in row, f"{sample.name}{labels}: twice"
                row[labels] = sample.value
        return families
    return read


def test_metrics_are_what_prometheus_reads(in_step, metrics, status, wait_for):
    in_step()
    wait_for(lambda: metrics()["enscale_sync_in_step"] == {(): 1},
             "the metrics say in step", 10)
    said = metrics()
    for kind, count in status()["entries"].items():
        assert said["enscale_sync_entries"][kind,] == count
    assert said["enscale_sync_ready"] == {(): 1}
    assert said["enscale_sync_publications_total"][()] > 0
    assert said["enscale_sync_connections_total"][()] > 0
    assert said["enscale_sync_view_bytes"][()] > 2048
    assert said["enscale_sync_state_bytes"][()] > 4096
    age = time.time() - said["enscale_sync_view_timestamp_seconds"][()]
    assert 0 <= age < 120
    source = status()["source"]
    assert said["enscale_sync_source_state"] == {
        (source, "following"): 1, (source, "refreshing"): 0,
        (source, "waiting"): 0}


def test_metrics_count_refused_entries_by_reason(
        administrator, metrics, wait_for):
    def refused():
        counts = metrics()["enscale_sync_refused_entries"]
        return {label: n for (label,), n in counts.items() if n > 0}
    assert refused() == {}
    administrator.add_account(62004, enscaleStatus="paused")
    administrator.add("cn=other," + account_dn(62004),
                      objectClass="enscaleKey", cn="other",
                      enscaleKeyFingerprint="0" * 64,
                      sshPublicKey="ssh-ed25519 AAAA")
    try:
        wait_for(lambda: refused() == {"word": 1, "key_format": 1},
                 "both are counted", 15)
    finally:
        administrator.delete(account_dn(62004))
    wait_for(lambda: refused() == {}, "nothing is refused", 15)
