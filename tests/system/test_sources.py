"""Sources other than our own directory: a file, an existing tree with other
names, servers without RFC 4533. Each test has a follower of its own on the
gateway, beside the real one, and small slapds of its own."""

import json
import subprocess

import pytest

SUFFIX = "dc=enscale,dc=example"
FOLLOWER = "/usr/libexec/enscale/enscale-sync"
ROOT = "/srv/sources"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{:043d}"

SLAPD = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/inetorgperson.schema
include /usr/src/enscale/directory/openssh-lpk.schema
include /usr/src/enscale/directory/enscale.schema
modulepath /usr/lib/ldap
moduleload back_mdb
{modules}
pidfile {folder}/pid
database mdb
maxsize 1073741824
suffix {suffix}
directory {folder}/db
rootdn gidNumber=0+uidNumber=0,cn=peercred,cn=external,cn=auth
index objectClass,entryUUID,entryCSN,modifyTimestamp eq
{limits}
access to * by * read
{overlay}
"""
SYNCPROV = {"modules": "moduleload syncprov", "overlay": "overlay syncprov",
            "limits": "limits * size=unlimited"}
NO_SYNCPROV = {**SYNCPROV, "modules": "", "overlay": ""}
METHODS = pytest.mark.parametrize("overlay, method", [
    (SYNCPROV, "sync"), (NO_SYNCPROV, "poll")])


def ldif(dn, *lines):
    return "\n".join([f"dn: {dn}", *lines]) + "\n\n"


def account(number, *lines):
    return ldif(f"enscaleAccountId={number},{SUFFIX}",
                "objectClass: enscaleAccount",
                f"enscaleAccountId: {number}", *lines)


def key(number, public):
    # base64 has "+", which a DN would take for a second attribute.
    name = "k" + public[-3:].replace("+", "-")
    return ldif(f"cn={name},enscaleAccountId={number},{SUFFIX}",
                "objectClass: enscaleKey", f"cn: {name}",
                f"sshPublicKey: {public}")


BASE = ldif(SUFFIX, "objectClass: dcObject", "objectClass: organization",
            "o: Enscale", "dc: enscale")


class Server:
    """A slapd of the test's own, over a local socket."""

    def __init__(self, gateway, name, entries, overlay):
        self.gateway, self.folder = gateway, f"{ROOT}/{name}"
        gateway.sh(f"mkdir -p {self.folder}/db")
        gateway.write(f"{self.folder}/conf",
                      SLAPD.format(suffix=SUFFIX, folder=self.folder, **overlay))
        gateway.run(["/usr/sbin/slapadd", "-f", f"{self.folder}/conf"],
                    input=entries.encode())
        self.uri = f"ldapi://{self.folder.replace('/', '%2F')}%2Fsocket"
        self.process = None

    def start(self, wait_for):
        self.process = self.gateway.popen(
            ["/usr/sbin/slapd", "-f", f"{self.folder}/conf", "-h", self.uri,
             "-d", "0"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: self.gateway.run(
            ["ldapwhoami", "-Q", "-Y", "EXTERNAL", "-H", self.uri],
            check=False).returncode == 0, "slapd answers")
        return self

    def change(self, program, *arguments, input=""):
        self.gateway.run([program, "-Q", "-Y", "EXTERNAL", "-H", self.uri,
                          *arguments], input=input.encode())

    def stop(self):
        if self.process:
            self.gateway.sh(f"kill -9 $(cat {self.folder}/pid)", check=False)
            self.process.wait(10)
        self.process = None


class Follower:
    def __init__(self, gateway, wait_for, directory, mapping=""):
        self.gateway, self.wait_for = gateway, wait_for
        self.conf = f"{ROOT}/follower.conf"
        gateway.sh(f"rm -rf {ROOT}/state {ROOT}/run; mkdir -p "
                   f"{ROOT}/run/metrics {ROOT}/run/sync "
                   f"{ROOT}/state/map {ROOT}/state/view {ROOT}/state/state; "
                   f"chown -R enscale-sync:enscale {ROOT}/state {ROOT}/run")
        self.configure(directory, mapping)
        checked = gateway.run(["enscalectl", "-f", self.conf, "config", "check"])
        assert b"no errors" in checked.stdout
        self.process = None

    def configure(self, directory, mapping="", state=f"{ROOT}/state"):
        self.gateway.write(self.conf, f"[directory]\n{directory}\n{mapping}\n"
                           f"[paths]\nstate_dir = {state}\nrun_dir = {ROOT}/run\n")

    def start(self):
        self.process = self.gateway.popen(
            ["setpriv", "--reuid=enscale-sync", "--regid=enscale",
             "--clear-groups", FOLLOWER, "-f", self.conf],
            stdout=subprocess.DEVNULL,
            stderr=open(self.gateway.path(f"{ROOT}/log"), "ab"))
        return self

    def reload(self):
        self.gateway.sh(f"kill -HUP {self.status()['pid']}")

    def log(self):
        """Empty before the first start."""
        return self.gateway.sh(f"cat {ROOT}/log || true").stdout.decode()

    def status(self):
        done = self.gateway.run(["cat", f"{ROOT}/run/metrics/sync.json"],
                                check=False)
        return json.loads(done.stdout or '{"in_step": false, "source": ""}')

    def records(self, kind):
        done = self.gateway.run(["enscalectl", "-f", self.conf, "view", "dump",
                                 "--json"], check=False)
        rows = map(json.loads, done.stdout.decode().splitlines())
        return [row for row in rows if row["kind"] == kind]

    def accounts(self):
        return {row["account"]: row["status"] for row in self.records("account")}

    def in_step(self, seconds=20):
        try:
            self.wait_for(lambda: self.status()["in_step"], "it is in step", seconds)
        except TimeoutError:
            raise AssertionError(f"{self.status()}\n{self.log()[-2000:]}") from None
        return self

    def has(self, accounts, seconds=10):
        self.wait_for(lambda: set(self.accounts()) == set(accounts),
                      f"it has {sorted(accounts)}", seconds)

    def stop(self):
        if self.process:
            self.gateway.sh(f"kill {self.status()['pid']}", check=False)
            self.process.wait(10)
            self.gateway.sh(f"rm -f {ROOT}/run/metrics/sync.json")
        self.process = None


@pytest.fixture
def place(gateway, wait_for):
    """Makes followers and servers, and ends them."""
    made = []

    class Place:
        @staticmethod
        def follower(*arguments):
            made.append(Follower(gateway, wait_for, *arguments))
            return made[-1].start()

        @staticmethod
        def server(name, entries, overlay=NO_SYNCPROV):
            made.append(Server(gateway, name, entries, overlay))
            return made[-1].start(wait_for)

    gateway.sh(f"rm -rf {ROOT}; mkdir -p {ROOT}/data")
    yield Place
    for one in made:
        one.stop()
    gateway.sh(f"rm -rf {ROOT}")


def generate(gateway, count):
    """Public keys that nobody has the other halves of."""
    gateway.sh(f"for i in $(seq {count}); do ssh-keygen -q -t ed25519 -N '' "
               f"-C '' -f {ROOT}/key$i; done")
    return [gateway.read(f"{ROOT}/key{i + 1}.pub").decode().strip()
            for i in range(count)]


def put_file(gateway, text):
    gateway.write(f"{ROOT}/data/new", text, 0o640)
    gateway.sh(f"chgrp enscale {ROOT}/data/new; "
               f"mv {ROOT}/data/new {ROOT}/data/all.ldif")


def test_a_gateway_needs_no_server(place, gateway, wait_for):
    public = generate(gateway, 2)
    put_file(gateway, BASE + account(1) + key(1, public[0]))
    follower = place.follower(f"uri = file://{ROOT}/data/all.ldif\nbase = {SUFFIX}")
    follower.in_step()
    assert follower.accounts() == {1: "active"}
    assert len(follower.records("key")) == 1
    assert follower.status()["source"] == f"file://{ROOT}/data/all.ldif"
    put_file(gateway, BASE + account(1, "enscaleStatus: suspended") + account(2))
    wait_for(lambda: follower.accounts() == {1: "suspended", 2: "active"},
             "the other file counts", 5)
    put_file(gateway, BASE + account(3) + "dn: half an ent")
    wait_for(lambda: "half an ent" in follower.status()["last_error"],
             "the status names the place", 5)
    assert not follower.status()["in_step"]
    assert follower.accounts() == {1: "suspended", 2: "active"}
    put_file(gateway, BASE + account(3))
    follower.in_step().has([3], 5)


PEOPLE = f"ou=people,{SUFFIX}"


def person(number, *public):
    return ldif(f"uid={number},{PEOPLE}", "objectClass: account",
                "objectClass: posixAccount", "objectClass: ldapPublicKey",
                f"uid: {number}", f"cn: Person {number}", "uidNumber: 1000",
                "gidNumber: 1000", f"homeDirectory: /home/{number}",
                *[f"sshPublicKey: {one}" for one in public])


MAPPING = "[mapping]\nenscaleAccount = posixAccount\nenscaleAccountId = uid\n"


@METHODS
def test_an_existing_tree_is_followed_as_it_is(
        place, gateway, wait_for, overlay, method):
    public = generate(gateway, 3)
    tree = BASE + ldif(PEOPLE, "objectClass: organizationalUnit", "ou: people")
    tree += person(25880, *public[:2]) + person("ann", public[2])
    tree += person("bob").replace("uid: bob", "uid: bob\nuid: 21296")
    server = place.server("tree", tree, overlay)
    follower = place.follower(
        f"uri = {server.uri}\nbase = {PEOPLE}\nscope = one\nmethod = {method}\n"
        "poll_interval = 1s\npoll_listing = 2s", MAPPING).in_step()
    assert follower.accounts() == {21296: "active", 25880: "active"}
    assert len(follower.records("key")) == 2
    assert follower.status()["refused_entries"] == []
    assert "uid=ann" not in follower.log()
    server.change("ldapmodify", input=(
        f"dn: uid=25880,{PEOPLE}\nchangetype: modify\ndelete: sshPublicKey\n"
        f"sshPublicKey: {public[0]}\n"))
    wait_for(lambda: len(follower.records("key")) == 1, "one key is left", 5)
    server.change("ldapadd", input=person(30311))
    follower.has([21296, 25880, 30311])
    server.change("ldapdelete", f"uid=30311,{PEOPLE}")
    follower.has([21296, 25880])
    server.change("ldapmodify", input=(
        f"dn: uid=bob,{PEOPLE}\nchangetype: modify\ndelete: uid\nuid: 21296\n"))
    follower.has([25880])
    assert (f'lost account "uid=bob,{PEOPLE}": the entry has no number any more'
            in follower.log())


def group(name, *lines):
    return ldif(f"cn={name},ou=groups,{SUFFIX}", f"cn: {name}", *lines)


GROUPS = pytest.mark.parametrize("lines, attribute, member", [
    (["objectClass: groupOfNames"], "member", "uid={},ou=people," + SUFFIX),
    (["objectClass: posixGroup", "gidNumber: 1000"], "memberUid", "{}")])


def units(*names):
    return "".join(ldif(f"ou={name},{SUFFIX}", "objectClass: organizationalUnit",
                        f"ou: {name}") for name in names)


def follow_groups(place, server, lines, attribute, method="sync"):
    return place.follower(
        f"uri = {server.uri}\nbase = {SUFFIX}\nmethod = {method}\n"
        "poll_interval = 1s\npoll_listing = 2s",
        MAPPING + f"enscaleEnvironment = {lines[0].split()[1]}\n"
        f"enscaleFullAccess = {attribute}\n").in_step()


def members(follower, name="web"):
    return {row["account"]: row["role"] for environment in follower.records("environment")
            for row in environment["members"] if environment["name"] == name}


@METHODS
@GROUPS
def test_a_group_lets_its_members_into_an_environment(
        place, wait_for, overlay, method, lines, attribute, member):
    tree = BASE + units("people", "groups") + person(25880)
    tree += person("bob").replace("uid: bob", "uid: bob\nuid: 21296") + person("ann")
    tree += group("web", *lines, *[f"{attribute}: {member.format(name)}"
                                   for name in ("bob", "25880", "ann")])
    server = place.server("tree", tree, overlay)
    follower = follow_groups(place, server, lines, attribute, method)
    assert members(follower) == {21296: "full", 25880: "full"}
    assert follower.status()["refused_entries"] == []
    server.change("ldapmodify", input=(
        f"dn: cn=web,ou=groups,{SUFFIX}\nchangetype: modify\n"
        f"delete: {attribute}\n{attribute}: {member.format('bob')}\n"))
    wait_for(lambda: members(follower) == {25880: "full"}, "bob is out", 5)
    # Who gets a number later is let in by the name that was there.
    server.change("ldapmodify", input=(
        f"dn: uid=ann,{PEOPLE}\nchangetype: modify\nadd: uid\nuid: 30311\n"))
    wait_for(lambda: members(follower) == {25880: "full", 30311: "full"}, "ann is in", 5)


@GROUPS
def test_whoever_takes_over_a_name_in_a_held_refresh_gets_no_right_by_it(
        place, wait_for, lines, attribute, member):
    """Bob is bobby now, also in his group, and another one is bob; but so much
    else is gone that the refresh is held."""
    tree = BASE + units("people", "groups") + "".join(
        person(1000 + i) for i in range(120))
    tree += person("bob").replace("uid: bob", "uid: bob\nuid: 21296")
    tree += group("web", *lines, f"{attribute}: {member.format('bob')}")
    server = place.server("tree", tree, SYNCPROV)
    follower = follow_groups(place, server, lines, attribute)
    assert members(follower) == {21296: "full"}
    follower.stop()
    server.change("ldapmodify", input=(
        f"dn: uid=bob,{PEOPLE}\nchangetype: modrdn\nnewrdn: uid=bobby\n"
        f"deleteoldrdn: 1\n\ndn: cn=web,ou=groups,{SUFFIX}\nchangetype: modify\n"
        f"replace: {attribute}\n{attribute}: {member.format('bobby')}\n"))
    server.change("ldapadd", input=person("bob").replace("uid: bob", "uid: bob\nuid: 30311"))
    server.change("ldapdelete", *[f"uid={1000 + i},{PEOPLE}" for i in range(110)])
    follower.start()
    wait_for(lambda: follower.status().get("held_reason"), "the refresh is held", 20)
    wait_for(lambda: 30311 in follower.accounts(), "the new bob is there", 10)
    assert 30311 not in members(follower)
    follower.gateway.run(["enscalectl", "-f", follower.conf, "sync", "accept"])
    wait_for(lambda: members(follower) == {21296: "full"}, "bobby is in", 20)
    assert 30311 in follower.accounts() and 1000 not in follower.accounts()


@GROUPS
def test_who_is_in_a_group_is_shown_and_taken_out_by_his_number(
        place, lines, attribute, member):
    tree = BASE + units("people", "groups") + person(25880)
    tree += person("bob").replace("uid: bob", "uid: bob\nuid: 21296\nuid: b.ob")
    listed = ["25880", "bob"] + (["b.ob", "21296"] if attribute == "memberUid" else [])
    tree += group("web", *lines, *[f"{attribute}: {member.format(name)}" for name in listed])
    server = place.server("tree", tree, SYNCPROV)
    follower = follow_groups(place, server, lines, attribute)

    def verb(*words, code=0):
        done = follower.gateway.run(["enscalectl", "-f", follower.conf, *words, "--json"],
                                    check=False, env={"LDAPURI": server.uri})
        assert done.returncode == code, done.stderr.decode()
        return done.stderr.decode() if code else json.loads(done.stdout)

    [shown] = [row for row in verb("account", "show", "21296") if row["kind"] == "environment"]
    assert (shown["cn"], shown["role"]) == ("web", "full")
    names = [row["name"] for row in verb("environment", "show", "web") if row["kind"] == "name"]
    assert member.format("bob") in names
    assert "has access to web" in verb("account", "delete", "21296", "--yes", code=1)
    verb("environment", "unshare", "web", "21296")
    assert members(follower) == {25880: "full"}
    assert "no access" in verb("environment", "unshare", "web", "21296", code=1)
    verb("account", "delete", "21296", "--yes")


@METHODS
@pytest.mark.parametrize("wrong, words", [
    ("enscaleAccountId = userid", "enscaleAccountId = userid: the server calls it uid: write that"),
    ("cn = commonName", "cn = commonName: the server calls it cn: write that"),
    ("enscaleStatus = enscalStatus", "enscalStatus: the server knows no such attribute"),
    ("enscaleNode = device2", "device2: the server knows no such object class"),
])
def test_a_name_that_the_server_never_answers_with_is_refused_in_words(
        place, wait_for, overlay, method, wrong, words):
    tree = BASE + ldif(PEOPLE, "objectClass: organizationalUnit", "ou: people")
    server = place.server("tree", tree + person(25880), overlay)
    mapping = "[mapping]\nenscaleAccount = posixAccount\n"
    directory = f"uri = {server.uri}\nbase = {PEOPLE}\nmethod = {method}"
    if "userid" not in wrong:
        mapping += "enscaleAccountId = uid\n"
    follower = place.follower(directory, mapping + wrong + "\n")
    wait_for(lambda: words in follower.status().get("last_error", ""),
             "it says what to write", 10)
    assert words in follower.log()
    assert not follower.status()["in_step"]
    follower.stop()
    follower.configure(directory, MAPPING + "cn = CN\n")
    follower.start().in_step()
    assert follower.accounts() == {25880: "active"}


@METHODS
def test_another_filter_and_another_mapping_count_after_a_restart(
        place, wait_for, overlay, method):
    tree = BASE + ldif(PEOPLE, "objectClass: organizationalUnit", "ou: people")
    server = place.server("tree", tree + person(25880) + person(30311) + person("ann"),
                          overlay)

    def directory(numbers):
        return (f"uri = {server.uri}\nbase = {PEOPLE}\nmethod = {method}\n"
                f"filter = (&(objectClass=posixAccount)(uid={numbers}))")

    def names():
        return {row["account"]: row["name"] for row in follower.records("account")}

    def restart_with(*words, then):
        follower.stop()
        follower.configure(*words)
        before = names()
        follower.start()

        def is_then():
            seen = names()
            assert seen in (before, then)
            return seen == then
        wait_for(is_then, f"it has {then}", 10)
        follower.in_step()

    follower = place.follower(directory("2*"), MAPPING).in_step()
    assert names() == {25880: "Person 25880"}
    assert follower.status()["refused_entries"] == []
    restart_with(directory("3*"), MAPPING, then={30311: "Person 30311"})
    restart_with(directory("3*"), MAPPING + "cn = homeDirectory\n",
                 then={30311: "/home/30311"})


def test_a_reload_takes_what_may_change_and_keeps_the_rest(place, wait_for):
    server = place.server("own", BASE + account(1) + account(2, "cn: Two"), SYNCPROV)
    directory = f"uri = {server.uri}\nbase = {SUFFIX}\n"
    follower = place.follower(directory).in_step()
    pid = follower.status()["pid"]
    follower.configure(directory + "filter = (cn=Two)")
    follower.reload()
    follower.has([2])
    follower.in_step()

    def is_kept(said):
        follower.reload()
        wait_for(lambda: f"keeping the configuration: {said}" in follower.log(), said)
        follower.configure(directory)  # for enscalectl, which reads it too
        server.change("ldapmodify", input=(
            f"dn: enscaleAccountId=2,{SUFFIX}\nchangetype: modify\n"
            f"replace: mail\nmail: {said.split()[-1]}@enscale.example\n"))
        wait_for(lambda: follower.records("account")[0]["mail"].startswith(
            said.split()[-1]), "it still follows")
        status = follower.status()
        assert status["pid"] == pid and status["in_step"]
        assert follower.accounts() == {2: "active"}

    follower.configure(directory + "filter = (cn=One)\nfitler = x")
    is_kept(f"{follower.conf}:5: unknown")
    follower.configure(directory, state=f"{ROOT}/elsewhere")
    is_kept("[names] and [paths] only change with a restart")


def test_a_polled_server_loses_and_invents_nothing(place, gateway, wait_for):
    public = generate(gateway, 1)
    server = place.server("polled", BASE + account(1) + key(1, public[0]))
    follower = place.follower(
        f"uri = {server.uri}\nbase = {SUFFIX}\nmethod = poll\n"
        "poll_interval = 1s\npoll_listing = 3s").in_step()
    follower.has([1])
    assert follower.status()["method"] == "poll"
    # More than one page, and more than the overlap reads one by one.
    server.change("ldapadd", input="".join(
        account(number) for number in range(1000, 2200)))
    follower.has([1, *range(1000, 2200)], 30)
    server.change("ldapmodify", input=(
        f"dn: enscaleAccountId=1,{SUFFIX}\nchangetype: modrdn\n"
        "newrdn: cn=moved\ndeleteoldrdn: 0\n"))
    server.change("ldapmodify", input=(
        f"dn: cn=moved,{SUFFIX}\nchangetype: modify\n"
        "replace: enscaleStatus\nenscaleStatus: suspended\n"))
    wait_for(lambda: follower.accounts().get(1) == "suspended",
             "the moved account is suspended", 5)
    assert len(follower.records("key")) == 1
    server.change("ldapdelete", "-r", f"cn=moved,{SUFFIX}")
    follower.has(range(1000, 2200))
    wait_for(lambda: follower.records("key") == [], "its key is gone", 5)
    # What happens while nobody looks is found at the start.
    follower.stop()
    server.change("ldapdelete", f"enscaleAccountId=1000,{SUFFIX}")
    server.change("ldapadd", input=account(9))
    follower.start().has([9, *range(1001, 2200)], 20)
    server.stop()
    wait_for(lambda: not follower.status()["in_step"], "it is not in step", 20)
    server.start(wait_for)
    follower.in_step()


def test_what_came_or_changed_is_polled_by_its_stamp(place, wait_for):
    server = place.server("polled", BASE + account(1))
    follower = place.follower(
        f"uri = {server.uri}\nbase = {SUFFIX}\nmethod = poll\n"
        "poll_interval = 1s\npoll_listing = 1h").in_step()
    server.change("ldapadd", input=account(2))
    follower.has([1, 2], 5)
    server.change("ldapmodify", input=(
        f"dn: enscaleAccountId=1,{SUFFIX}\nchangetype: modify\n"
        "replace: enscaleStatus\nenscaleStatus: suspended\n"))
    wait_for(lambda: follower.accounts() == {1: "suspended", 2: "active"},
             "the change is seen", 5)
    assert follower.status()["refreshes"] == 1


def test_a_server_is_polled_page_by_page_where_more_at_once_is_forbidden(
        place, gateway):
    numbers = range(1000, 2200)
    server = place.server("paged", BASE + "".join(map(account, numbers)), {
        **NO_SYNCPROV,
        "limits": "limits * size.soft=600 size.hard=600 size.prtotal=unlimited"})
    search = gateway.run(["ldapsearch", "-x", "-H", server.uri, "-b", SUFFIX, "1.1"],
                         check=False)
    assert search.returncode == 4
    place.follower(f"uri = {server.uri}\nbase = {SUFFIX}\nmethod = poll").has(numbers, 20)


def stamped(entry, number, csn):
    return entry.rstrip("\n") + (
        f"\nentryUUID: 6ba7b810-9dad-11d1-80b4-{number:012d}\n"
        f"entryCSN: {csn}.000000Z#000000#000#000000\n"
        f"modifyTimestamp: {csn}Z\ncreateTimestamp: 20250101000000Z\n\n")


def test_polling_another_server_that_is_behind_revives_nothing(
        place, gateway, wait_for):
    new, old = "20250102000000", "20250101000000"
    first = place.server("first", BASE +
                         stamped(account(1, "enscaleStatus: suspended"), 1, new) +
                         stamped(account(3), 3, old))
    second = place.server("second", BASE + stamped(account(1), 1, old) +
                          stamped(account(2), 2, old) +
                          stamped(account(3), 3, old))
    follower = place.follower(
        f"uri = {first.uri} {second.uri}\nbase = {SUFFIX}\nmethod = poll\n"
        "poll_interval = 1s\npoll_listing = 2s").in_step()
    assert follower.accounts() == {1: "suspended", 3: "active"}
    first.stop()
    wait_for(lambda: follower.status()["source"] == second.uri and
             follower.status()["held"] >= 1, "the second is listened to", 30)
    assert follower.accounts() == {1: "suspended", 3: "active"}
    second.change("ldapadd", input=account(4))
    follower.has([1, 2, 3, 4], 20)
