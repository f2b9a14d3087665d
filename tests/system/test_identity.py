"""What a server calls an entry: RFC 4533 tells one number, and entryUUID may
say another one, as 389 Directory Server's does. What is deleted or suspended
is so in any case, and being in step is never said of other entries. The last
tests are on such a server itself."""

import pytest

from directories import ALL, GATEWAY, Directory389, Follower, Slapd
from entries import SUFFIX, account_dn, fingerprint, key_dn

# The server's own entryUUID is what its control tells; this is the attribute
# that the follower takes for it.
OTHER = "[mapping]\nentryUUID = carLicense\n"


def number(n):
    return f"00000000-0000-4000-8000-{n:012d}"


@pytest.fixture
def keys(scratch_host):
    """Three public keys."""
    scratch_host.sh("for n in 1 2 3; do ssh-keygen -q -t ed25519 -N '' -f /root/k$n; done")
    return [scratch_host.read(f"/root/k{n}.pub").decode().strip() for n in (1, 2, 3)]


@pytest.fixture
def in_step(wait_for):
    def wait(follower, seconds=20):
        try:
            wait_for(lambda: follower.status()["in_step"], "it is in step", seconds)
        except TimeoutError:
            raise AssertionError(f"{follower.status()}\n{follower.log()[-2000:]}") from None
    return wait


@pytest.fixture
def other(scratch_host, keys):
    """A slapd whose entries have another number in that attribute; or, for some,
    none or one that is no UUID."""
    slapd = Slapd(scratch_host, 1)
    slapd.configure(more="include /etc/ldap/schema/inetorgperson.schema\n")
    slapd.fill()
    slapd.start()
    root = slapd.administrator
    root.add_account(70001, keys[0], keys[1])
    root.add_account(70002, keys[2])
    root.add_accounts(range(71000, 71150))
    names = [account_dn(n) for n in (70001, 70002, *range(71000, 71140))]
    names += [key_dn(70001, keys[0]), key_dn(70001, keys[1]), key_dn(70002, keys[2])]
    root._run("ldapmodify", ldif="".join(
        f"dn: {dn}\nchangetype: modify\nadd: objectClass\nobjectClass: extensibleObject\n-\n"
        f"add: carLicense\ncarLicense: {number(n)}\n\n" for n, dn in enumerate(names)))
    slapd.restart()
    return slapd


def second_connection(slapd, follower, in_step):
    """The first is a refresh in full; at the second all is compared."""
    follower.stop()
    slapd.restart()
    follower.start()
    in_step(follower)


def test_revocations_count_where_entryuuid_is_another_number(
        other, keys, in_step, wait_for):
    root = other.administrator
    follower = Follower(other.host, other, more=OTHER)
    follower.start()
    in_step(follower)
    assert follower.content() == root.content() and len(follower.accounts()) == 152
    second_connection(other, follower, in_step)
    status = follower.status()
    assert status["compared"] > 0 and status["differences"] == 0 and status["held"] == 0
    assert status["entries"]["account"] == 152 and status["entries"]["key"] == 3
    root.delete(key_dn(70001, keys[0]))
    root.replace(account_dn(70002), enscaleStatus="suspended")
    wait_for(lambda: follower.content() == root.content(), "both are known", 5)
    assert follower.accounts()[70002] == "suspended"
    assert follower.fingerprints() == {fingerprint(keys[1]), fingerprint(keys[2])}
    second_connection(other, follower, in_step)
    assert follower.content() == root.content() and follower.status()["held"] == 0


def test_differences_are_settled_where_entryuuid_finds_nobody(
        other, keys, in_step):
    """Deleted before the server was killed: its cookie is the one we know."""
    root = other.administrator
    follower = Follower(other.host, other, more=OTHER)
    follower.start()
    in_step(follower)
    follower.stop()
    root.delete(key_dn(70001, keys[0]))
    other.kill()
    other.start()
    follower.start()
    in_step(follower, 30)
    assert "it does not find entries by their UUIDs: refreshing in full" in follower.log()
    assert follower.content() == root.content() and len(follower.fingerprints()) == 2


def test_who_alone_hides_entryuuid_is_not_taken_for_deleted(scratch_host, keys, in_step):
    """A few entries say what the rest is known by; one is otherwise."""
    one = Slapd(scratch_host, 1)
    one.configure(access=f'access to dn.base="{account_dn(71015)}" attrs=entryUUID'
                         f' by dn.exact="{GATEWAY}" none by * read\n{ALL}')
    one.fill()
    one.start()
    one.administrator.add_accounts(range(71000, 71030))
    follower = Follower(one.host, one)
    follower.start()
    in_step(follower)
    second_connection(one, follower, in_step)
    assert follower.status()["differences"] == 0
    assert follower.content() == one.administrator.content()
    assert "compared 30 entries: 0 differed" in follower.log()
    # What differs is settled here, too.
    follower.stop()
    one.administrator.delete(account_dn(71020))
    one.kill()
    one.start()
    follower.start()
    in_step(follower, 30)
    assert follower.content() == one.administrator.content()


def test_a_renamed_parent_is_found_where_entryuuid_is_another_number(
        other, keys, in_step, wait_for):
    root = other.administrator
    follower = Follower(other.host, other, more=OTHER)
    follower.start()
    in_step(follower)
    second_connection(other, follower, in_step)
    root._run("ldapmodify", ldif=f"dn: ou=accounts,{SUFFIX}\nchangetype: modrdn\n"
                                 "newrdn: ou=people\ndeleteoldrdn: 1\n")
    moved = account_dn(70002).replace("ou=accounts", "ou=people")
    root.add(key_dn(70002, keys[0]).replace("ou=accounts", "ou=people"),
             objectClass="enscaleKey", enscaleKeyFingerprint=fingerprint(keys[0]),
             sshPublicKey=keys[0])
    root.replace(moved, enscaleStatus="suspended")
    wait_for(lambda: len(follower.records("key")) == 4
             and follower.accounts()[70002] == "suspended", "both are known", 10)
    in_step(follower)


# ---- 389 Directory Server


@pytest.fixture
def dirsrv(scratch_host, keys):
    server = Directory389(scratch_host)
    server.administrator.add_account(70001, keys[0], keys[1])
    server.administrator.add_account(70002, keys[2])
    server.administrator.add_accounts(range(71000, 71150))
    return server


def test_389_is_followed_and_nothing_revoked_lives_on(
        dirsrv, keys, in_step, wait_for):
    root = dirsrv.administrator
    follower = Follower(dirsrv.host, dirsrv)
    follower.start()
    in_step(follower)
    assert follower.status()["method"] == "sync"
    assert follower.content() == root.content() and len(follower.accounts()) == 152
    second_connection(dirsrv, follower, in_step)
    status = follower.status()
    assert status["held"] == 0 and status["refused"] == 0
    assert status["entries"]["account"] == 152 and status["entries"]["key"] == 3
    root.delete(key_dn(70001, keys[0]))
    root.replace(account_dn(70002), enscaleStatus="suspended")
    wait_for(lambda: follower.content() == root.content(), "both are known", 5)
    assert follower.fingerprints() == {fingerprint(keys[1]), fingerprint(keys[2])}
    # And what happens while nobody follows.
    follower.stop()
    root.delete(key_dn(70001, keys[1]))
    root.replace(account_dn(71000), enscaleStatus="suspended")
    root.add_account(70003)
    follower.start()
    wait_for(lambda: follower.content() == root.content(), "all is known", 20)
    in_step(follower)
    assert follower.fingerprints() == {fingerprint(keys[2])}
    assert follower.status()["entries"]["account"] == 153
    in_step(follower)


def test_389_is_polled_as_well(dirsrv, keys, in_step, wait_for):
    root = dirsrv.administrator
    follower = Follower(dirsrv.host, dirsrv, more="method = poll\npoll_interval = 1s\n"
                                                  "poll_listing = 2s\n")
    follower.start()
    in_step(follower)
    root.delete(key_dn(70001, keys[0]))
    root.replace(account_dn(70002), enscaleStatus="suspended")
    wait_for(lambda: follower.content() == root.content(), "both are known", 20)
    assert len(follower.accounts()) == 152 and len(follower.fingerprints()) == 2
