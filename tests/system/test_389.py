"""389 Directory Server as the directory: made by the commands of
enscale-directory(8), set up, checked and changed with enscalectl, and what is
taken away from somebody does not open anything again."""

import json

import pytest

import catalogue
import hosts as test_hosts
from conftest import FOLDER
from directories import GATEWAY, Directory389, Follower
from entries import SUFFIX, Administrator, account_dn
from test_directory_check import check, found

CONF = "/etc/enscale/enscale.conf"


@pytest.fixture(scope="module")
def place():
    """A server with an entry of each kind, and enscalectl on its host."""
    plan = catalogue.Plan("dirsrv", "", {"public": "198.18.0.23", "private": "198.19.0.23"})
    host = test_hosts.launch(plan, FOLDER)
    try:
        host.sh("ssh-keygen -q -t ed25519 -N '' -f /root/one; ssh-keygen -q -t ed25519 -N ''"
                " -f /root/two; ssh-keygen -q -t ed25519 -N '' -f /root/host")
        yield Directory389(host)
    finally:
        host.end()


@pytest.fixture
def follower(place, wait_for):
    """Whose configuration is that of the host."""
    place.host.sh("rm -rf /srv/state /srv/run")
    follower = Follower(place.host, place)
    place.host.sh(f"ln -sf /srv/conf {CONF}")
    follower.start()
    wait_for(lambda: follower.status()["in_step"], "it is in step", 30)
    yield follower
    follower.stop()


class Verbs:
    """Root of the directory's host is the Directory Manager over its socket."""

    def __init__(self, place):
        self.place = place

    def run(self, *words):
        return self.place.host.run(
            ["enscalectl", "-f", "/srv/conf", *words, "--uri", self.place.ldapi], check=False)

    def do(self, *words):
        result = self.run(*words)
        assert result.returncode == 0, result.stderr.decode()
        return result.stdout.decode()

    def json(self, *words):
        return json.loads(self.do(*words, "--json"))


def allowed(place, name, key=()):
    said = place.host.run(["enscalectl", "-f", "/srv/conf", "explain", name, *key], check=False)
    return said.stdout.decode().split(":")[0]


def test_each_verb_does_on_389_what_it_does_elsewhere(place, follower, wait_for):
    verbs = Verbs(place)
    verbs.do("account", "add", "50001", "name=Ada Berg")
    verbs.do("account", "add", "50002")
    verbs.do("key", "add", "50001", "laptop", "/root/one.pub")
    verbs.do("key", "add", "50001", "phone", "/root/two.pub")
    for name in ("amber-field-7", "amber-field-8"):
        verbs.do("environment", "add", name, "owner=50001")
    verbs.run("node", "add", "130077", "amber-field-7", "address=198.19.0.77",
              "service_type=apache", "system_user=apache")
    verbs.do("node", "hostkey", "130077", "/root/host.pub")
    assert allowed(place, "130077-50001") == "allowed"
    for change, verdict in (
            (["account", "suspend", "50001"], "account-suspended"),
            (["account", "resume", "50001"], "allowed"),
            (["account", "expire", "50001", "2020-01-31"], "account-expired"),
            (["account", "expire", "50001", "never"], "allowed"),
            (["account", "limit", "50001", "3"], "allowed"),
            (["environment", "state", "amber-field-7", "stopped"], "environment-stopped"),
            (["environment", "state", "amber-field-7", "running"], "allowed"),
            (["node", "state", "130077", "stopped"], "node-stopped"),
            (["node", "state", "130077", "running"], "allowed"),
            (["environment", "owner", "amber-field-7", "50002"], "node-unknown"),
            (["environment", "share", "amber-field-7", "50001", "limited"], "access-limited"),
            (["environment", "share", "amber-field-7", "50001", "full"], "allowed"),
            (["environment", "unshare", "amber-field-7", "50001"], "node-unknown"),
            (["node", "move", "130077", "amber-field-8"], "allowed")):
        verbs.do(*change)
        assert allowed(place, "130077-50001") == verdict, change
    [account] = verbs.json("account", "list", "name=Ada*")
    assert (account["account_id"], account["max_sessions"]) == (50001, 3)
    assert {row["kind"] for row in verbs.json("account", "show", "50001")} == {
        "account", "key", "environment"}
    assert len(verbs.json("key", "list", "50001")) == 2
    assert [row["cn"] for row in verbs.json("environment", "list")] == [
        "amber-field-7", "amber-field-8"]
    assert verbs.json("node", "show", "130077")[0]["environment"] == "amber-field-8"
    again = verbs.run("key", "add", "50002", "laptop", "/root/one.pub")
    assert b"account 50001 has this key already" in again.stderr
    verbs.do("key", "delete", "50001", "phone", "--yes")
    verbs.do("node", "delete", "130077", "--yes")
    for name in ("amber-field-7", "amber-field-8"):
        verbs.do("environment", "delete", name, "--yes")
    verbs.do("account", "delete", "50001", "--yes")
    verbs.do("account", "delete", "50002", "--yes")
    assert allowed(place, "50001") == "account-unknown"
    assert verbs.json("account", "list") == []


def test_who_may_not_is_told_so_by_389(place, follower):
    verbs = Verbs(place)
    verbs.do("account", "add", "50001")
    try:
        result = place.host.run(
            ["enscalectl", "-f", "/srv/conf", "account", "suspend", "50001", "--uri", place.ldapi,
             "--bind-dn", GATEWAY, "--password-file", "/root/gateway.password"], check=False)
    finally:
        verbs.do("account", "delete", "50001", "--yes")
    assert result.returncode == 1
    assert b"Insufficient access" in result.stderr


# ---- what is taken away ------------------------------------------------------------


def test_what_389_has_taken_away_opens_nothing_after_whatever_comes(place, follower, wait_for):
    """First refresh, changes, restart of either, comparison."""
    verbs = Verbs(place)
    verbs.do("account", "add", "50001")
    verbs.do("account", "add", "50002")
    verbs.do("key", "add", "50001", "laptop", "/root/one.pub")
    verbs.do("key", "add", "50002", "laptop", "/root/two.pub")
    prints = {n: place.host.sh(f"ssh-keygen -lf /root/{n}.pub").stdout.decode().split()[1]
              for n in ("one", "two")}

    def verdicts():
        return (allowed(place, "50001", ["--key", prints["one"]]),
                allowed(place, "50002", ["--key", prints["two"]]))

    def in_step():
        wait_for(lambda: follower.status()["in_step"], "it is in step", 30)

    assert verdicts() == ("allowed", "allowed")
    verbs.do("key", "delete", "50001", "laptop", "--yes")
    verbs.do("account", "suspend", "50002")
    refused = ("key-unknown", "account-suspended")
    assert verdicts() == refused
    place.restart()
    in_step()
    assert verdicts() == refused
    follower.stop()
    follower.start()
    in_step()
    assert verdicts() == refused and follower.status()["differences"] == 0
    # a first refresh
    follower.stop()
    place.host.sh("rm -rf /srv/state/*/*")
    follower.start()
    in_step()
    assert verdicts() == refused
    # what nobody heard
    verbs.do("key", "add", "50001", "laptop", "/root/one.pub")
    assert verdicts() == ("allowed", "account-suspended")
    verbs.do("account", "resume", "50002")
    follower.stop()
    verbs.run("key", "delete", "50001", "laptop", "--yes")
    verbs.run("account", "suspend", "50002")
    place.restart()
    follower.start()
    wait_for(lambda: verdicts() == refused, "both are refused", 20)
    in_step()
    assert verdicts() == refused and follower.status()["held"] == 0
    for account in ("50001", "50002"):
        verbs.do("account", "delete", account, "--yes")


# ---- directory check ---------------------------------------------------------------


@pytest.fixture
def checked(place, follower):
    """check() of it, as an administrator."""
    verbs = Verbs(place)
    verbs.do("account", "add", "50001", "status=active")
    yield lambda: check(place.host, "--uri", place.ldapi)
    verbs.do("account", "delete", "50001", "--yes")


def test_directory_check_is_content_with_what_the_page_makes_of_389(checked):
    code, lines = checked()
    assert code == 0, lines
    assert not any("not seen" in line["finding"] for line in lines.values()), lines
    assert "389-Directory/" in lines["server"]["finding"]
    assert "its entryUUID is not what that calls an entry" in lines["method"]["finding"]


def test_directory_check_of_389_says_what_the_gateway_alone_does_not_see(place, checked):
    code, lines = check(place.host)
    assert code == 0, lines
    for word in ("log", "indexes", "limits"):
        assert "not seen" in lines[word]["finding"], lines[word]


class Root(Administrator):
    """The Directory Manager."""

    def __init__(self, place):
        super().__init__(place.host)
        self.uri = place.ldapi

    def _run(self, program, *arguments, ldif=""):
        argv = [program, "-Q", "-Y", "EXTERNAL", "-H", self.uri, *arguments]
        return self.host.run(argv, input=ldif).stdout.decode()


ACI = ('(targetattr != "userPassword")(version 3.0; acl "gateway"; '
       f'allow (read, search, compare) userdn = "ldap:///{GATEWAY}";)')
INDEX = "cn=enscaleOwner,cn=index,cn=userRoot,cn=ldbm database,cn=plugins,cn=config"


def aci(who, rights="read, search, compare", attributes='!= "userPassword"'):
    return (f'(targetattr {attributes})(version 3.0; acl "more"; allow ({rights}) '
            f'userdn = "ldap:///{who}";)')


@pytest.mark.parametrize("dn, name, values, back, word, state, said", [
    (GATEWAY, "nsSizeLimit", None, "-1", "limits", "warning",
     "nsSizeLimit: the gateway gets 2000 entries at most"),
    (GATEWAY, "nsLookThroughLimit", None, "-1", "limits", "warning",
     "nsLookThroughLimit: the gateway gets 5000 entries at most"),
    (INDEX, "nsIndexType", "pres", "eq", "indexes", "warning", "not indexed: enscaleOwner"),
    (SUFFIX, "aci", [ACI, aci("anyone")], ACI, "anonymous", "warning",
     "everybody can read who has accounts and access"),
    (SUFFIX, "aci", [ACI, aci(GATEWAY, "all")], ACI, "access", "failure", "the gateway may change"),
    (SUFFIX, "aci", [ACI, aci(GATEWAY, "read, search", '= "userPassword"')], ACI, "access",
     "failure", "the gateway can read the password"),
    (SUFFIX, "aci", [ACI.replace("userPassword", "userPassword || enscaleStatus")], ACI, "access",
     "failure", f'the gateway does not see enscaleStatus of "{account_dn(50001)}"'),
    (SUFFIX, "aci", [], ACI, "base", "failure", "there is no such entry, or it is not shown"),
], ids="size looked-through index anonymous writes password status base".split())
def test_directory_check_names_what_is_wrong_with_389_and_nothing_else(
        place, checked, dn, name, values, back, word, state, said):
    root = Root(place)

    def put(values):
        given = values if isinstance(values, list) else [values] if values else []
        root._run("ldapmodify", ldif=f"dn: {dn}\nchangetype: modify\nreplace: {name}\n" + "".join(
            f"{name}: {value}\n" for value in given))

    put(values)
    try:
        code, lines = checked()
    finally:
        put(back)
    assert found(lines, state) == {word}, lines
    assert found(lines, "failure") <= {word} and found(lines, "warning") <= {word}
    assert said in lines[word]["finding"], lines[word]
    assert code == (2 if state == "failure" else 1) and lines[word]["mend"]
    assert checked()[0] == 0


def test_the_method_is_chosen_by_what_389_can_do_and_checked(place, checked):
    """Without its plugin it has to be polled; setup finds out, and what is
    configured otherwise is named."""
    def setup():
        said = place.host.run(
            ["enscalectl", "setup", "--uri", place.uri, "--base", SUFFIX, "--bind-dn", GATEWAY,
             "--password-file", "/root/gateway.password", "--dry-run", "--yes"], check=False)
        return said.stdout.decode() + said.stderr.decode()

    place.host.sh("sed -i 's/^start_tls.*/start_tls = no/' /srv/conf")
    assert "will poll it" not in setup()
    place.host.sh("dsconf test plugin contentsync disable")
    place.restart()
    try:
        code, lines = checked()
        assert "the gateway will poll it" in setup()
    finally:
        place.host.sh("dsconf test plugin contentsync enable")
        place.restart()
    assert found(lines, "failure") == {"method"} and code == 2
    assert "dsconf INSTANCE plugin contentsync enable" in lines["method"]["mend"]
    assert checked()[0] == 0


def test_a_389_that_will_not_start_again_is_named(place, checked):
    """A plugin that the other one needs."""
    place.host.sh("dsconf test plugin retro-changelog disable")
    try:
        code, lines = checked()
    finally:
        place.host.sh("dsconf test plugin retro-changelog enable")
    assert found(lines, "warning") == {"log"} and found(lines, "failure") == set(), lines
    assert (code, "Retro Changelog is off" in lines["log"]["finding"]) == (1, True)
    assert lines["log"]["mend"] == "dsconf INSTANCE plugin retro-changelog enable"
    assert checked()[0] == 0
