"""enscalectl import and export: many accounts, keys, environments and nodes at once,
against the real slapd, and the gateway that follows it."""

import json
import re
import signal

import pexpect
import pytest

import entries
import hosts as test_hosts
import ldapi
from ldapi import directory_here
from verbs import Verbs

ACCOUNT, OTHER = 51001, 51002
ENVIRONMENT, SECOND = "import-field-7", "import-field-8"
NODE = 130091
MANY = range(52001, 55001)
ADD = 0x68  # the tag of that operation


@pytest.fixture
def verbs(gateway, directory, administrator):
    gateway.sh("mkdir -p /root/import/keys; cd /root/import; for name in one two host other; do"
               " ssh-keygen -q -t ed25519 -N '' -C $name@host -f $name; done")
    with directory_here(gateway, directory):
        yield Verbs(gateway)
    for dn in (*map(entries.account_dn, (ACCOUNT, OTHER)),
               *map(entries.environment_dn, (ENVIRONMENT, SECOND))):
        try:
            administrator.delete(dn)
        except test_hosts.Failed:  # it was not added
            pass
    gateway.sh("rm -r /root/import")


def public(gateway, name):
    return " ".join(gateway.read(f"/root/import/{name}.pub").decode().split()[:2])


def lines(*records):
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def counts(rows):
    """{kind: what is not 0 of it} of a summary."""
    return {row["kind"]: {name: n for name, n in row.items() if name != "kind" and n}
            for row in rows if any(n for name, n in row.items() if name != "kind")}


def bring(verbs, data, *words, code=0):
    """Imports it; what was done, and what was said of it."""
    result = verbs.run("import", "-", "--json", *words, input=data)
    assert result.returncode == code, result.stderr.decode()
    return counts(json.loads(result.stdout)), result.stderr.decode()


def account(number=ACCOUNT, **more):
    return {"kind": "account", "account_id": number} | more


def key(line, number=ACCOUNT, **more):
    return {"kind": "key", "account_id": number, "ssh_public_key": line} | more


def everything(gateway):
    """A record of each kind, with a value in every field."""
    hosts = [public(gateway, name) for name in ("host", "other")]
    return [
        {"kind": "node", "node_id": NODE, "environment": ENVIRONMENT, "ip_host_number":
         "198.19.0.91", "port": 2022, "state": "sleeping", "service_type": "apache",
         "system_user": "www-data", "host_key": hosts},
        {"kind": "environment", "cn": ENVIRONMENT, "state": "stopped", "owner": ACCOUNT,
         "full_access": [OTHER, 25880], "limited_access": [21296]},
        key('no-pty,from="198.18.0.0/16,!198.18.9.9" ' + public(gateway, "one"),
            cn='Ada\'s "laptop", grey', expires="2090-01-31T12:00:00Z"),
        account(OTHER),
        account(cn="Ada Berg, Überlingen", mail="ada@customer.example", status="suspended",
                expires="2091-01-31T12:00:00+01:00", max_sessions=7),
    ]


def as_listed(verbs):
    """Those of this test, by the verbs that list them; directories have no order."""
    rows = []
    for noun, mine in (("account", ("account_id", (ACCOUNT, OTHER))),
                       ("key", ("account_id", (ACCOUNT, OTHER))),
                       ("environment", ("cn", (ENVIRONMENT,))), ("node", ("node_id", (NODE,)))):
        rows += [row | {"added": None} for row in verbs.json(noun, "list")
                 if row[mine[0]] in mine[1]]
    return sorted(rows, key=lambda row: row["dn"])


# ---- there and back ----------------------------------------------------------------


@pytest.mark.both
@pytest.mark.parametrize("form", ["json", "csv", "ldif"])
def test_what_is_exported_is_imported_again_with_every_field(verbs, gateway, administrator, form):
    done, said = bring(verbs, lines(*everything(gateway)))
    assert done == {"account": {"added": 2}, "key": {"added": 1}, "environment": {"added": 1},
                    "node": {"added": 1}}
    before = as_listed(verbs)
    assert len(before) == 5
    full = {row["dn"].split("=")[0]: row for row in before if row.get("account_id") != OTHER}
    empty = {name for row in full.values() for name, value in row.items() if value in (None, [])}
    assert empty == {"refused", "added"}  # every field has a value

    exported = verbs.run("export", form).stdout
    result = verbs.run("import", "-", "--json", "--dry-run", input=exported)
    assert result.returncode == 0, result.stderr.decode()
    for kind, row in counts(json.loads(result.stdout)).items():
        assert kind == "other" or set(row) == {"unchanged"}, row
    administrator.delete(entries.environment_dn(ENVIRONMENT))
    for number in (ACCOUNT, OTHER):
        administrator.delete(entries.account_dn(number))
    done, said = bring(verbs, exported)
    assert {kind: row["added"] for kind, row in done.items() if "added" in row} == {
        "account": 2, "key": 1, "environment": 1, "node": 1}
    assert as_listed(verbs) == before
    done, said = bring(verbs, exported)
    assert all(set(row) == {"unchanged"} for row in done.values())


def test_what_a_record_does_not_name_stays_and_what_it_names_as_empty_goes(verbs):
    bring(verbs, lines(account(status="suspended", expires="2090-01-31", mail="a@b.example")))
    done, said = bring(verbs, lines(account(cn="Ada")))
    assert done["account"] == {"changed": 1}
    [row] = verbs.json("account", "list", "cn=Ada")
    assert (row["status"], row["expires"], row["mail"]) == (
        "suspended", "2090-01-31T00:00:00Z", "a@b.example")
    table = f"kind,account_id,status,expires,mail\naccount,{ACCOUNT},active,,\n".encode()
    bring(verbs, table)
    [row] = verbs.json("account", "list", "cn=Ada")
    assert (row["status"], row["expires"], row["mail"]) == ("active", None, None)
    # nothing is deleted, whatever a file does not have
    bring(verbs, lines(account(OTHER)))
    assert verbs.json("account", "list", "cn=Ada") == [row]


def test_a_key_that_is_named_without_options_keeps_its_own(verbs, gateway):
    one = public(gateway, "one")
    bring(verbs, lines(account(), key('no-pty,from="198.18.0.0/16",expiry-time="20900131Z" ' + one)))
    done, said = bring(verbs, lines(key(one, cn="laptop")))
    assert done == {"key": {"changed": 1}}
    [row] = verbs.json("key", "list", str(ACCOUNT))
    assert (row["cn"], row["options"], row["from"], row["expires"]) == (
        "laptop", "no-pty", "198.18.0.0/16", "2090-01-31T00:00:00Z")
    bring(verbs, lines(key("no-agent-forwarding " + one)))
    [row] = verbs.json("key", "list", str(ACCOUNT))
    assert (row["options"], row["from"], row["expires"]) == (
        "no-agent-forwarding", None, "2090-01-31T00:00:00Z")


def test_who_has_access_is_said_as_a_whole_and_a_node_moves(verbs, gateway):
    records = [record for record in everything(gateway) if record["kind"] != "key"]
    bring(verbs, lines(*records))
    second = {"kind": "environment", "cn": SECOND, "owner": OTHER, "limited_access": [25880]}
    done, said = bring(verbs, lines(
        second, {"kind": "node", "node_id": NODE, "environment": SECOND, "port": 2222},
        {"kind": "environment", "cn": ENVIRONMENT, "full_access": [21296]}))
    assert done == {"environment": {"added": 1, "changed": 1}, "node": {"changed": 1}}
    [row] = verbs.json("environment", "list", f"cn={ENVIRONMENT}")
    assert (row["owner"], row["full_access"], row["limited_access"]) == (ACCOUNT, [21296], [])
    [row] = [row for row in verbs.json("node", "list") if row["node_id"] == NODE]
    assert (row["environment"], row["port"], row["state"]) == (SECOND, 2222, "sleeping")
    assert len(row["host_key"]) == 2


# ---- what is refused ---------------------------------------------------------------


def test_bad_lines_are_named_and_the_rest_is_imported(verbs):
    data = lines(account(), account(OTHER, status="asleep"), account(0), account(OTHER, colour=1),
                 {"kind": "person"}, account(), {"kind": "account"},
                 {"kind": "node", "node_id": NODE, "environment": "nowhere-9"},
                 {"kind": "environment", "cn": ENVIRONMENT, "owner": 50009},
                 {"kind": "environment", "cn": "No Name", "owner": ACCOUNT},
                 account(OTHER, expires="2027-02-30")) + b"account 5\n[]\n"
    strict = verbs.run("import", "-", "--strict", input=data)
    assert strict.returncode == 1 and b"nothing was changed" in strict.stderr
    assert verbs.json("account", "list", "cn=*") != [] and not [
        row for row in verbs.json("account", "list") if row["account_id"] == ACCOUNT]
    done, said = bring(verbs, data, code=1)
    assert done["account"] == {"added": 1, "refused": 6}
    for line, says in ((2, "enscaleStatus: an unknown word"), (3, "is not the number of an account"),
                       (4, '"colour" is nothing that a record of this kind has: want kind, acc'),
                       (5, 'kind "person": want account, key, environment or node'),
                       (6, f"line 1 is about account {ACCOUNT} already"),
                       (7, "account_id is missing"), (8, "there is no environment nowhere-9"),
                       (9, "there is no account 50009"), (10, "not an environment's name"),
                       (11, "time"), (12, "not an object"), (13, "not an object")):
        assert re.search(rf"^enscalectl: standard input, line {line}: .*{re.escape(says)}", said,
                         re.M), (line, said)


def test_lines_of_csv_and_entries_of_ldif_are_named_too(verbs):
    head = "kind,account_id,cn,expires\n"
    done, said = bring(verbs, f'{head}account,{ACCOUNT},"Ada\nBerg"x,\naccount,{OTHER},,\n'
                              f"account,1\n".encode(), code=1)
    assert done == {"account": {"added": 1}, "other": {"refused": 2}}
    assert "line 2: something behind the quotes" in said
    assert "line 5: 2 fields, and the first line names 4" in said
    result = verbs.run("import", "-", input=f"kind,acount_id\naccount,{ACCOUNT}\n".encode())
    assert result.returncode == 2 and b'"acount_id": the first line names' in result.stderr
    dn = f"enscaleAccountId={ACCOUNT},ou=accounts"
    ldif = "\n\n".join([
        f"dn: {dn},{entries.SUFFIX}\nobjectClass: enscaleAccount\nenscaleAccountId: {ACCOUNT}\n"
        "entryUUID: 0-1",
        f"dn: ou=accounts,{entries.SUFFIX}\nobjectClass: organizationalUnit",
        f"dn: {dn},dc=else\nobjectClass: enscaleAccount\nenscaleAccountId: 51003",
        f"dn: cn=x,ou=x\nobjectClass: enscaleKey\nsshPublicKey: ssh-ed25519 AAAA",
        f"dn: {dn}\nobjectClass: enscaleAccount\nenscaleExpries: 1"]) + "\n"
    done, said = bring(verbs, ldif.encode(), code=1)
    assert done["account"] == {"added": 1, "refused": 2} and done["other"] == {"unchanged": 1}
    assert 'line 9: "enscaleAccountId=51001,ou=accounts,dc=else" is not below' in said
    assert "line 13: not added: not a public key" in said
    assert 'line 17: "enscaleExpries" is nothing' in said


def test_a_key_is_refused_as_key_add_refuses_it(verbs, gateway, client, administrator):
    gateway.sh("cd /root/import; ssh-keygen -q -t rsa -b 1024 -N '' -f weak")
    demo = " ".join(client.read("/root/keys/25880-ed25519.pub").decode().split()[:2])
    private = gateway.read("/root/import/one").decode()
    one = public(gateway, "one")
    before = len(gateway.log())
    done, said = bring(verbs, lines(
        account(), account(OTHER), key(one), key(one, OTHER), key(public(gateway, "weak")),
        key(demo), key(private), key("ssh-ed25519 AAAA"), key('command="ls" ' + one),
        key(public(gateway, "two"), 50009)), code=1)
    assert done["key"] == {"added": 1, "refused": 7}
    for line, says in ((4, "line 3 is about key SHA256:"), (5, "too weak"),
                       (6, "account 25880 has this key already"), (7, "a private key"),
                       (8, "not a public key"), (9, "option not accepted: command"),
                       (10, "there is no account 50009")):
        assert re.search(rf"line {line}: .*{says}", said), (line, said)
    assert "make a new pair" in said
    body = private.split()[4:-4]
    assert len(body) > 3 and not any(part in said + gateway.log()[before:] for part in body)
    # what another account has, it keeps, in the directory or on this gateway
    done, said = bring(verbs, lines(key(one, OTHER)), code=1)
    assert f"account {ACCOUNT} has this key already" in said
    gateway.kill("enscale-sync", signal.SIGSTOP)
    try:
        administrator.delete(entries.key_dn(ACCOUNT, one))
        done, said = bring(verbs, lines(key(one, OTHER)), code=1)
    finally:
        gateway.kill("enscale-sync", signal.SIGCONT)
    assert re.search(f"line 1: not added: account {ACCOUNT} has this key already$", said, re.M)


def test_files_of_authorized_keys_become_keys_of_their_accounts(verbs, gateway):
    one, two = public(gateway, "one"), public(gateway, "two")
    gateway.write(f"/root/import/keys/{ACCOUNT}", f"# mine\n\nno-pty {one} ada@laptop\n"
                  f'expiry-time="20900131Z" {two} ada@desk\n')
    gateway.write(f"/root/import/keys/{OTHER}",
                  f'command="/usr/bin/backup",no-pty {public(gateway, "other")} backup\n')
    gateway.write("/root/import/keys/ada", f"{one}\n")
    folder = ["import", "--authorized-keys", "/root/import/keys", "--json"]
    result = verbs.run(*folder)
    assert result.returncode == 1
    assert counts(json.loads(result.stdout)) == {
        "account": {"added": 2}, "key": {"added": 2, "refused": 1}, "other": {"refused": 1}}
    said = result.stderr.decode()
    assert f"keys/{OTHER}, line 1: not added: option not accepted: command" in said
    assert "keys/ada: the name of each file is the number" in said
    rows = {row["cn"]: row for row in verbs.json("key", "list", str(ACCOUNT))}
    assert rows["ada@laptop"]["options"] == "no-pty"
    assert rows["ada@desk"]["expires"] == "2090-01-31T00:00:00Z"
    verbs.do("key", "expire", str(ACCOUNT), "ada@laptop", "2089-01-31")
    assert counts(json.loads(verbs.run(*folder).stdout))["key"] == {"unchanged": 2, "refused": 1}


# ---- not all at once ---------------------------------------------------------------


def test_a_dry_run_counts_and_changes_nothing(verbs, gateway):
    bring(verbs, lines(account(cn="Ada")))
    before, log = verbs.json("account", "list"), len(gateway.log())
    done, said = bring(verbs, lines(account(cn="Ada Berg"), account(OTHER)), "--dry-run")
    assert done == {"account": {"added": 1, "changed": 1}}
    assert verbs.json("account", "list") == before
    assert "enscalectl[" not in gateway.log()[log:]


def test_each_of_its_changes_is_in_the_log(verbs, gateway):
    before = len(gateway.log())
    bring(verbs, lines(account(cn="Ada"), key(public(gateway, "one"))))
    bring(verbs, lines(account(cn="Ada Berg")))

    def logged():
        return re.findall(r"enscalectl\[\d+\]: ({.*})", gateway.log()[before:])

    test_hosts.wait_for(lambda: len(logged()) >= 3, "three lines of the log")
    said = list(map(json.loads, logged()))
    own = entries.account_dn(ACCOUNT)
    assert [row["dn"] for row in said] == [own, entries.key_dn(ACCOUNT, public(gateway, "one")), own]
    assert [row["how"] for row in said] == ["add", "add", "modify"]
    assert {(row["event"], row["user"], row["result"]) for row in said} == {
        ("import", "root", "changed")}


def test_after_a_directory_went_away_the_same_import_goes_on(gateway, directory, administrator):
    verbs, data = Verbs(gateway), lines(account(), account(OTHER))
    try:
        with directory_here(gateway, directory, ADD):
            done, said = bring(verbs, data, code=2)
            left = sum(done["account"].values())
            assert left == 2 and set(done["account"]) <= {"unknown", "left"}
            assert "import the same again: it goes on" in said
        with directory_here(gateway, directory):
            done, said = bring(verbs, data)
            assert set(done["account"]) <= {"added", "unchanged"}
    finally:
        for number in (ACCOUNT, OTHER):
            administrator.delete(entries.account_dn(number))


def test_what_the_directory_refuses_is_named_and_strict_stops_at_it(verbs, gateway):
    gateway.sh("install -m 600 /etc/enscale/directory.password /root/import/password")
    as_gateway = ["--uri", "ldaps://directory", "--bind-dn", f"cn=gateway,{entries.SUFFIX}",
                  "--password-file", "/root/import/password"]
    data = lines(*(account(number) for number in range(ACCOUNT, ACCOUNT + 100)))
    done, said = bring(verbs, data, *as_gateway, code=1)
    assert done["account"] == {"refused": 100}
    assert re.search(r"input, line 100: .*Insufficient access", said)
    done, said = bring(verbs, data, "--strict", *as_gateway, code=1)
    assert done["account"]["left"] > 0 and sum(done["account"].values()) == 100
    assert "changes were not made" in said


@pytest.fixture
def many(gateway, verbs):
    gateway.write("/root/import/many", lines(*(account(number, cn="Many") for number in MANY)))
    yield "/root/import/many"
    gateway.sh("LDAPURI=ldapi:/// enscalectl account list cn=Many --json | grep -o 'dn\":\"[^\"]*'"
               " | cut -c6- | ldapdelete -Q -Y EXTERNAL -H ldapi:///")


def test_a_terminal_shows_how_far_it_is_and_who_stops_it_can_go_on(verbs, gateway, many):
    command = f"LDAPURI=ldapi:/// enscalectl import {many}; echo ended $?"
    argv = gateway.command(["bash", "-c", command], {"TERM": "xterm"})
    terminal = pexpect.spawn(argv[0], argv[1:], encoding="utf-8", timeout=60,
                             dimensions=(24, 200))
    terminal.expect(r"accounts: \d+ of 3000, \d+ a second, \d+ s left")
    gateway.sh("kill -INT $(pidof enscalectl)")  # the terminal would also interrupt others
    terminal.expect("told to stop")
    terminal.expect(r"(\d+) changes were not made")
    left = int(terminal.match[1])
    terminal.expect("import the same again")
    terminal.expect("ended 2")
    assert 0 < left < 3000
    done, said = bring(verbs, gateway.read(many))
    assert done["account"] == {"added": left, "unchanged": 3000 - left}


def test_who_may_not_and_where_entries_cannot_be_is_said_once(verbs):
    result = verbs.run("import", "-", "--below", f"ou=none,{entries.SUFFIX}",
                       input=lines(account(), account(OTHER)))
    assert result.returncode == 2
    assert result.stderr.decode().count("--below names another one") == 1
    assert b"nothing was changed" in result.stderr
    verbs.refuse("import", says="usage:", code=64)
    verbs.refuse("import", "/nowhere", says='/nowhere: No such file', code=2)


def test_a_base_that_does_not_exist_is_named(verbs, gateway):
    gateway.sh("sed 's/^base = .*/base = dc=nowhere/' /etc/enscale/enscale.conf"
               " >/root/import/enscale.conf")
    for verb, code in ((["export"], 1), (["import", "-"], 2)):
        verbs.refuse("-f", "/root/import/enscale.conf", *verb, input=lines(account()),
                     says='has no entry "dc=nowhere", or does not show it to you', code=code)


def test_the_columns_are_those_of_the_page(verbs):
    with open("/usr/src/enscale/man/enscalectl.8") as file:
        text = file.read().split(".Ss Many at once\n")[1]
    shown = {kind: re.findall(r"\w+", " ".join(re.findall(r"^\.Li (.*)", item, re.M)))
             for kind, item in re.findall(r"^\.It Li kind (\w+)\n(.*?)(?=^\.It|^\.El)", text,
                                          re.M | re.S)}
    seen = {}
    for line in verbs.run("export").stdout.splitlines():
        record = json.loads(line)
        kind = record.pop("kind")
        seen[kind] = list(record)
    assert seen == shown
    head = verbs.run("export", "csv").stdout.decode().splitlines()[0].split(",")
    assert set(head) == {"kind"}.union(*shown.values())
