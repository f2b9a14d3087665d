"""enscalectl view: all that is published, shown and checked, while the gateway
runs."""

import json
import signal

from entries import account_dn

VIEW = "/var/lib/enscale/view"


def dump(gateway):
    lines = gateway.run(["enscalectl", "view", "dump", "--json"]).stdout
    return [json.loads(line) for line in lines.splitlines()]


def verify(gateway):
    return gateway.run(["enscalectl", "view", "verify"], check=False)


def test_dump_prints_one_object_a_line(gateway):
    first, *records = dump(gateway)
    assert first["kind"] == "view" and first["generation"] > 0
    account = next(r for r in records
                   if r["kind"] == "account" and r["account"] == 25880)
    assert list(account) == ["kind", "account", "status", "expires",
                             "max_sessions", "name", "mail"]
    listed = next(r for r in records
                  if r["kind"] == "account-keys" and r["account"] == 25880)
    keys = [r for r in records if r["kind"] == "key" and r["account"] == 25880]
    assert sorted(k["fingerprint"] for k in keys) == sorted(listed["fingerprints"])
    kinds = {r["kind"] for r in records}
    assert kinds == {"account", "key", "account-keys", "environment",
                     "account-environments", "node", "host-key"}


def test_a_deleted_account_is_not_in_the_dump(administrator, gateway, wait_for):
    def shown():
        return any(r.get("account") == 62050 and r["kind"] == "account"
                   for r in dump(gateway))
    administrator.add_account(62050, cn="Gone Soon")
    try:
        wait_for(shown, "the account is shown", 5)
    finally:
        administrator.delete(account_dn(62050))
    wait_for(lambda: not shown(), "it is shown no more", 5)


def test_dump_without_json_is_for_eyes(gateway):
    text = gateway.run(["enscalectl", "view", "dump"]).stdout.decode()
    assert "\naccount account=25880 status=\"active\"" in text


def test_verify_finds_nothing_on_a_good_gateway(gateway):
    done = verify(gateway)
    assert done.returncode == 0, done.stdout.decode()
    assert b"everything agrees" in done.stdout


def test_verify_finds_a_hidden_record_and_says_what_mends_it(gateway, wait_for):
    # The last bytes of a segment are a slot of a hash table, or its place.
    view = gateway.sh(f"ls -S {VIEW}/*.cdb").stdout.decode().split()
    gateway.sh(f"cp -p {view[0]} /tmp/good")
    code = ("import sys, struct; d = bytearray(open(sys.argv[1], 'rb').read());"
            "n = struct.unpack_from('<I', d)[0];"
            "at = next(i for i in range(n, len(d), 8) if any(d[i:i + 8]));"
            "d[at] ^= 1; f = open(sys.argv[1], 'r+b'); f.write(d)")
    try:
        gateway.run(["python3", "-c", code, view[0]])
        done = verify(gateway)
        assert done.returncode == 1
        assert b"no lookup leads to the row" in done.stdout
        assert b"--signal=USR1 enscale-sync" in done.stdout
    finally:
        gateway.kill("enscale-sync", signal.SIGUSR1)
    wait_for(lambda: verify(gateway).returncode == 0, "all agrees again")


def test_verify_compares_map_and_view(gateway, wait_for):
    # The bit of account 7, which nobody has.
    gateway.sh("printf '\\200' | dd of=/var/lib/enscale/map/accounts.map "
               "bs=1 seek=4096 conv=notrunc status=none")
    try:
        done = verify(gateway)
        assert done.returncode == 1
        assert (b"account 7: in the account map, not in the view"
                in done.stdout)
    finally:
        gateway.kill("enscale-sync", signal.SIGUSR1)
    wait_for(lambda: verify(gateway).returncode == 0, "all agrees again")


def test_without_a_view_it_cannot_be_told(gateway):
    gateway.sh("mkdir -p /tmp/none/view; "
               "printf '[paths]\\nstate_dir = /tmp/none\\n' > /tmp/none/conf")
    for verb in ["dump", "verify"]:
        done = gateway.run(["enscalectl", "-f", "/tmp/none/conf", "view", verb],
                           check=False)
        assert done.returncode == 2
        assert b"cannot read the view" in done.stderr
