"""An attribute that the directory no longer shows, though no entry was changed:
where it narrows rights, nobody gains any by that. Each test has servers and a
follower of its own."""

import re

import pytest

from directories import ALL, GATEWAY, Follower, Slapd
from entries import SUFFIX, account_dn, fingerprint, key_dn

POLL = "method = poll\npoll_interval = 1s\npoll_listing = 3s\n"


@pytest.fixture
def keys(scratch_host):
    """Two public keys."""
    scratch_host.sh("for n in 1 2; do ssh-keygen -q -t ed25519 -N '' -f /root/k$n; done")
    return [scratch_host.read(f"/root/k{n}.pub").decode().strip() for n in (1, 2)]


@pytest.fixture
def one(scratch_host, keys):
    """A server with an active account, a suspended and an expired one."""
    slapd = Slapd(scratch_host, 1)
    slapd.configure()
    slapd.fill()
    slapd.start()
    slapd.administrator.add_account(70001, *keys)
    slapd.administrator.add_account(70002, enscaleStatus="suspended")
    slapd.administrator.add_account(70003, enscaleExpires="20200101000000Z")
    slapd.restart()
    return slapd


@pytest.fixture
def in_step(wait_for):
    def wait(follower, seconds=20):
        try:
            wait_for(lambda: follower.status()["in_step"], "it is in step", seconds)
        except TimeoutError:
            raise AssertionError(f"{follower.status()}\n{follower.log()[-2000:]}") from None
    return wait


@pytest.fixture
def is_held(wait_for):
    def wait(follower, reason, seconds=20):
        try:
            wait_for(lambda: reason in follower.status()["held_reason"], reason, seconds)
        except TimeoutError:
            raise AssertionError(f"{follower.status()}\n{follower.log()[-2000:]}") from None
    return wait


def hide(slapd, *attributes, **more):
    slapd.configure(access=f"access to attrs={','.join(attributes)}"
                    f' by dn.exact="{GATEWAY}" none by * read\n{ALL}', **more)
    slapd.restart()


def limits(follower):
    return {row["account"]: (row["status"], row["expires"])
            for row in follower.records("account")}


def says_what_is_held(follower, attribute, account):
    said = f'a change: {attribute} of "{account_dn(account)}"'
    assert said in follower.status()["held_reason"]
    assert not follower.status()["in_step"]
    assert said in follower.log() and "enscalectl sync accept" in follower.log()
    shown = follower.host.run(["enscalectl", "-f", "/srv/conf", "status"], check=False)
    assert said.encode() in shown.stdout
    return True


@pytest.mark.parametrize("attributes, account", [
    (["enscaleStatus"], 70002),
    (["enscaleExpires"], 70003),
    # As by an access list that names what may be read.
    (["enscaleStatus", "entryCSN", "modifyTimestamp"], 70002),
    (["enscaleStatus", "entryCSN"], 70002),
])
def test_a_limit_that_is_hidden_goes_on_until_it_is_shown_or_accepted(
        one, in_step, wait_for, attributes, account):
    follower = Follower(one.host, one)
    follower.start()
    in_step(follower)
    before = limits(follower)
    hide(one, *attributes)
    # The comparison sees it, and so does a refresh in full.
    wait_for(lambda: follower.status()["held"] == 1, "it is held", 20)
    says_what_is_held(follower, attributes[0], account)
    refreshes = follower.status()["refreshes"]
    assert follower.sync("refresh").returncode == 0
    wait_for(lambda: follower.status()["refreshes"] > refreshes, "a refresh", 20)
    assert follower.status()["held"] == 1
    says_what_is_held(follower, attributes[0], account)
    assert limits(follower) == before
    one.configure()
    one.restart()
    in_step(follower, 30)
    assert follower.status()["held"] == 0 and limits(follower) == before
    hide(one, *attributes)
    wait_for(lambda: follower.status()["held"] == 1, "it is held again", 20)
    assert follower.sync("accept").returncode == 0
    in_step(follower)
    assert limits(follower)[account] == ("active", 0)


def test_changes_count_while_a_limit_is_hidden(one, keys, in_step, wait_for):
    one.administrator.add_account(70004, enscaleStatus="suspended")
    follower = Follower(one.host, one)
    follower.start()
    in_step(follower)
    hide(one, "enscaleStatus")
    wait_for(lambda: follower.status()["held"] == 2, "both are held", 20)
    one.administrator.delete(key_dn(70001, keys[0]))
    one.administrator.replace(account_dn(70001), enscaleExpires="20200101000000Z")
    one.administrator.replace(account_dn(70004), enscaleStatus=None)
    wait_for(lambda: follower.accounts()[70004] == "active"
             and limits(follower)[70001][1] != 0
             and follower.fingerprints() == {fingerprint(keys[1])},
             "all changes are known", 10)
    assert follower.accounts()[70002] == "suspended"


def test_what_is_shown_now_counts_though_something_else_is_hidden(one, in_step, wait_for):
    one.administrator.add_account(70004, enscaleStatus="suspended",
                                  enscaleExpires="20200101000000Z")
    hide(one, "enscaleExpires")
    follower = Follower(one.host, one)
    follower.start()
    in_step(follower)
    assert limits(follower)[70004] == ("suspended", 0)
    hide(one, "enscaleStatus")
    wait_for(lambda: limits(follower)[70004] == ("suspended", 1577836800), "it has ended", 20)
    wait_for(lambda: follower.status()["held"] == 2, "both are held", 10)


def test_a_key_or_a_role_that_appears_without_a_change_waits(
        scratch_host, keys, in_step, wait_for):
    one = Slapd(scratch_host, 1)
    one.configure()
    one.fill()
    one.start()
    one.administrator._run("ldapadd", ldif=(
        f"dn: cn=env-1,{SUFFIX}\nobjectClass: enscaleEnvironment\ncn: env-1\n"
        "enscaleFullAccess: 70002\nenscaleLimitedAccess: 70002\n\n"
        f"dn: uid=70002,ou=accounts,{SUFFIX}\nobjectClass: account\n"
        "objectClass: enscaleAccountAux\nobjectClass: ldapPublicKey\nuid: 70002\n"
        f"enscaleAccountId: 70002\nsshPublicKey: {keys[0]}\n"))
    hide(one, "sshPublicKey")
    follower = Follower(one.host, one)
    follower.start()
    in_step(follower)
    before = follower.records("environment")
    assert follower.fingerprints() == set()
    hide(one, "enscaleLimitedAccess")
    wait_for(lambda: follower.status()["held"] == 2, "both are held", 20)
    assert follower.fingerprints() == set() and follower.records("environment") == before
    assert f'"uid=70002,ou=accounts,{SUFFIX}": by sshPublicKey it would grant more' \
        in follower.log()
    assert f'"cn=env-1,{SUFFIX}": by enscaleLimitedAccess it would grant more' \
        in follower.log()


def reload(slapd, *changes, later=False):
    """The same tree, loaded anew; later: each entry in another version."""
    slapd.stop()
    dump = slapd.dump().decode()
    for pattern, text in changes:
        dump = re.sub(pattern, text, dump)
    if later:
        dump = re.sub(r"\n((?:entry|context)CSN: .*)#000000#000#", r"\n\1#000001#000#", dump)
    slapd.host.sh(f"rm -f {slapd.folder}/db/*")
    slapd.load(dump)
    slapd.start()


def suspend(slapd, numbers):
    root = slapd.administrator
    root.add_accounts(numbers)
    for number in numbers:
        root.replace(account_dn(number), enscaleStatus="suspended")


def test_a_limit_that_vanishes_from_all_entries_is_held_in_any_version(
        one, in_step, is_held):
    suspend(one, range(71000, 71012))
    # The last change is told at once, as a change.
    one.administrator.replace(account_dn(70001), cn="Ann")
    follower = Follower(one.host, one)
    follower.start()
    in_step(follower)
    before = follower.accounts()
    said = "the suspension of all 13 accounts that have one"
    reload(one, (r"\nenscaleStatus: suspended", ""), later=True)
    is_held(follower, said, 30)
    assert f"would take away {said}" in follower.log()
    assert follower.accounts() == before and not follower.status()["in_step"]
    assert follower.sync("accept").returncode == 0
    in_step(follower)
    assert set(follower.accounts().values()) == {"active"}


def test_a_comparison_sees_what_vanishes_from_all_entries(one, in_step, is_held):
    """The server tells of no change, as its contextCSN is the one we know."""
    suspend(one, range(71000, 71012))
    follower = Follower(one.host, one)
    follower.start()
    in_step(follower)
    before = follower.accounts()
    follower.stop()
    reload(one, (r"\nenscaleStatus: suspended", ""),
           (r"\n(entryCSN: .*)#000000#000#", r"\n\1#000000#002#"))
    follower.start()
    is_held(follower, "the suspension of all 13 accounts", 30)
    assert "compared: too much is different" in follower.log()
    assert follower.accounts() == before


def test_who_was_reactivated_while_nobody_looked_is_active(one, in_step):
    """Each with a later version: a change, though there are many."""
    suspend(one, range(71000, 71030))
    follower = Follower(one.host, one)
    follower.start()
    in_step(follower)
    follower.stop()
    for number in range(71000, 71030):
        one.administrator.replace(account_dn(number), enscaleStatus=None)
    one.administrator.replace(account_dn(70003), enscaleExpires=None)
    follower.start()
    in_step(follower)
    assert follower.status()["held"] == 0
    assert follower.content() == one.administrator.content()
    assert limits(follower)[70003] == ("active", 0)
    assert follower.accounts()[70002] == "suspended"


def test_another_mapping_is_no_hidden_attribute(one, in_step):
    """What an administrator of the gateway reads otherwise grants what it says."""
    one.administrator.replace(account_dn(70002), cn="active")
    one.administrator.replace(account_dn(70001), cn="suspended")
    Follower(one.host, one).start()
    follower = Follower(one.host, one, more="[mapping]\nenscaleStatus = cn\n")
    follower.stop()
    follower.start()
    in_step(follower)
    assert follower.status()["held"] == 0
    assert follower.accounts()[70001] == "suspended"
    assert follower.accounts()[70002] == "active"


def test_a_server_that_is_polled_hides_nothing_either(one, in_step, wait_for):
    one.configure(syncprov=False)
    one.restart()
    follower = Follower(one.host, one, more=POLL)
    follower.start()
    in_step(follower)
    before = limits(follower)
    hide(one, "enscaleStatus", syncprov=False)
    wait_for(lambda: follower.status()["held"] == 1, "it is held", 20)
    says_what_is_held(follower, "enscaleStatus", 70002)
    refreshes = follower.status()["refreshes"]
    wait_for(lambda: follower.status()["refreshes"] > refreshes + 1, "two refreshes", 20)
    assert follower.status()["held"] == 1 and limits(follower) == before
    says_what_is_held(follower, "enscaleStatus", 70002)
    one.configure(syncprov=False)
    one.restart()
    in_step(follower, 30)
    assert limits(follower) == before


def test_a_stamp_of_seconds_is_a_version_once_it_is_old(one, in_step, wait_for):
    """Where there is no entryCSN, modifyTimestamp tells; of two changes in its
    second, the other may be read later."""
    one.configure(syncprov=False)
    reload(one, (r"(enscaleAccountId: 70002\n(?:[^\n]+\n)*modifyTimestamp: )\d+",
                 r"\g<1>20250101000000"))
    hide(one, "entryCSN", syncprov=False)
    follower = Follower(one.host, one, more=POLL)
    follower.start()
    in_step(follower)
    assert limits(follower)[70003] != ("active", 0)
    hide(one, "entryCSN", "enscaleStatus", "enscaleExpires", syncprov=False)
    wait_for(lambda: follower.status()["held"] == 1, "the old one is held", 20)
    says_what_is_held(follower, "enscaleStatus", 70002)
    assert limits(follower)[70003] == ("active", 0)


FILE = f"""dn: {SUFFIX}
objectClass: organization
objectClass: dcObject
o: test
dc: enscale

"""


def in_file(number, *lines):
    return "\n".join([f"dn: enscaleAccountId={number},{SUFFIX}",
                      "objectClass: enscaleAccount",
                      f"enscaleAccountId: {number}", *lines]) + "\n\n"


def put_file(host, *entries):
    host.write("/srv/ldif/new", FILE + "".join(entries))
    host.sh("mv /srv/ldif/new /srv/ldif/all.ldif")


class FileServer:
    uri = "file:///srv/ldif/all.ldif"


def test_a_file_grants_no_more_in_the_same_version(scratch_host, in_step, wait_for):
    """As one that ldapsearch(1) writes for an account from whom something is hidden."""
    csn = "entryCSN: 20260101000000.{:06d}Z#000000#001#000000"
    suspended = "enscaleStatus: suspended"
    scratch_host.sh("mkdir /srv/ldif")
    put_file(scratch_host, in_file(1, suspended, csn.format(1)), in_file(2, suspended),
             in_file(3, suspended, csn.format(3)))
    follower = Follower(scratch_host, FileServer)
    follower.start()
    in_step(follower)
    put_file(scratch_host, in_file(1, csn.format(1)), in_file(2),
             in_file(3, csn.format(4)))
    wait_for(lambda: follower.status()["held"] == 1, "one is held", 20)
    assert follower.accounts() == {1: "suspended", 2: "active", 3: "active"}
    assert f'enscaleStatus of "enscaleAccountId=1,{SUFFIX}"' in follower.status()["held_reason"]
    put_file(scratch_host, in_file(1, csn.format(2)), in_file(2), in_file(3, csn.format(4)))
    in_step(follower)
    assert follower.accounts()[1] == "active"


def test_a_file_without_versions_does_not_lose_a_limit_as_a_whole(
        scratch_host, in_step, is_held):
    scratch_host.sh("mkdir /srv/ldif")
    put_file(scratch_host, *[in_file(n, "enscaleStatus: suspended") for n in range(1, 15)])
    follower = Follower(scratch_host, FileServer)
    follower.start()
    in_step(follower)
    put_file(scratch_host, *[in_file(n) for n in range(1, 15)])
    is_held(follower, "the suspension of all 14 accounts")
    assert set(follower.accounts().values()) == {"suspended"}
    put_file(scratch_host, *[in_file(n) for n in range(1, 14)],
             in_file(14, "enscaleStatus: suspended"))
    in_step(follower)
    assert list(follower.accounts().values()).count("suspended") == 1
