"""What a directory server does when it breaks, and that the follower neither
loses nor invents anything. Each test has servers and a follower of its own."""

import re
import signal
import time

import pytest

from directories import ALL, GATEWAY, Follower, Relay, Slapd
from entries import (SUFFIX, account_dn, environment_dn, fingerprint, key_dn,
                     node_dn)


@pytest.fixture
def keys(scratch_host):
    """Three public keys."""
    scratch_host.sh("for n in 1 2 3; do ssh-keygen -q -t ed25519 -N '' -f /root/k$n; done")
    return [scratch_host.read(f"/root/k{n}.pub").decode().strip() for n in (1, 2, 3)]


@pytest.fixture
def one(scratch_host, keys):
    """A server with two accounts and three keys, which ended well once."""
    slapd = Slapd(scratch_host, 1)
    slapd.configure()
    slapd.fill()
    slapd.start()
    slapd.administrator.add_account(70001, keys[0], keys[1])
    slapd.administrator.add_account(70002, keys[2])
    slapd.restart()
    return slapd


def copy_of(slapd, number):
    other = Slapd(slapd.host, number)
    other.configure()
    other.load(slapd.dump())
    other.start()
    return other


@pytest.fixture
def in_step(wait_for):
    def wait(follower, seconds=20):
        wait_for(lambda: follower.status()["in_step"], "it is in step", seconds)
    return wait


def test_a_delete_that_a_killed_server_no_longer_tells_is_found(
        one, keys, in_step, wait_for):
    """The older cookie is told that nothing has changed."""
    follower = Follower(one.host, one)
    follower.start()
    in_step(follower)
    follower.stop()
    one.administrator.delete(key_dn(70001, keys[0]))
    one.kill()
    one.start()
    follower.start()
    in_step(follower)
    assert follower.content() == one.administrator.content() and len(follower.fingerprints()) == 2
    assert "was deleted without a report" in follower.log()
    assert follower.status()["differences"] == 1


def test_what_a_server_brought_up_to_date_by_hand_does_not_tell_is_found(
        one, keys, in_step):
    """The same, of an entry that was changed and one that was added."""
    follower = Follower(one.host, one)
    follower.start()
    in_step(follower)
    follower.stop()
    one.stop()
    dump = one.dump().decode().replace(
        "\nenscaleAccountId: 70002\n", "\nenscaleAccountId: 70002\nenscaleStatus: suspended\n")
    head, entry = dump.split(f"dn: {account_dn(70002)}", 1)
    entry, _, rest = entry.partition("\n\n")
    entry = entry.replace("#000000#000#000000", "#000001#000#000000")
    one.host.sh(f"rm -f {one.folder}/db/*")
    one.load(head + f"dn: {account_dn(70002)}" + entry + "\n\n" + rest)
    one.start()
    follower.start()
    in_step(follower)
    assert follower.accounts()[70002] == "suspended"
    assert follower.content() == one.administrator.content()


def test_a_server_that_hangs_is_left_and_gone_back_to(one, in_step, wait_for):
    two = copy_of(one, 2)
    follower = Follower(one.host, one, two)
    follower.start()
    in_step(follower)
    assert follower.status()["source"] == one.uri
    one.kill(signal.SIGSTOP)
    try:
        wait_for(lambda: follower.status()["source"] == two.uri
                 and follower.status()["in_step"], "it follows the other", 20)
    finally:
        one.kill(signal.SIGCONT)
    wait_for(lambda: follower.status()["source"] == one.uri
             and follower.status()["in_step"], "it went back", 60)


@pytest.mark.full
def test_a_stale_copy_brings_nothing_back(one, keys, in_step, wait_for):
    two = copy_of(one, 2)
    follower = Follower(one.host, one, two)
    follower.start()
    in_step(follower)
    one.administrator.delete(key_dn(70001, keys[0]))
    one.administrator.replace(account_dn(70002), enscaleStatus="suspended")
    wait_for(lambda: follower.content() == one.administrator.content(), "both are known", 10)
    right = follower.accounts(), follower.fingerprints()
    one.kill()

    def is_still_right(seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert (follower.accounts(), follower.fingerprints()) == right
            time.sleep(0.5)

    is_still_right(40)
    wait_for(lambda: follower.status()["held"] >= 2, "both are held back", 30)
    named = {entry["dn"].lower(): entry["reason"]
             for entry in follower.status()["held_entries"]}
    assert named[account_dn(70002).lower()] == "it is older than what is known here"
    assert key_dn(70001, keys[0]).lower() in named
    assert not follower.status()["in_step"]
    # A newer write makes its contextCSN the newest; its content stays old.
    two.administrator.add_account(70003)
    wait_for(lambda: 70003 in follower.accounts(), "what is new is let in", 10)
    right[0][70003] = "active"
    assert follower.sync("refresh").returncode == 0
    is_still_right(10)
    assert follower.status()["held"] >= 2
    assert follower.sync("accept").returncode == 0
    in_step(follower)
    assert follower.content() == two.administrator.content()


@pytest.mark.full
def test_a_server_that_is_behind_our_cookie_is_followed_and_revives_nothing(
        one, keys, in_step, wait_for):
    """Killed behind its checkpoint, it answers a newer cookie with 53."""
    follower = Follower(one.host, one)
    follower.start()
    in_step(follower)
    one.administrator.delete(key_dn(70001, keys[0]))
    wait_for(lambda: follower.content() == one.administrator.content(), "it is known", 10)
    one.kill()
    one.start()
    wait_for(lambda: "is behind what is known here" in follower.log(),
             "the server is passed over", 20)
    in_step(follower, 60)
    assert follower.content() == one.administrator.content() and len(follower.fingerprints()) == 2


NO_CONTEXT = (f'access to dn.base="{SUFFIX}" attrs=contextCSN by dn.exact="{GATEWAY}"'
              f' none by * read\n{ALL}')


@pytest.mark.full
def test_a_server_that_only_result_53_shows_to_be_behind_revives_nothing(
        one, keys, in_step, wait_for):
    one.configure(access=NO_CONTEXT)
    one.restart()
    follower = Follower(one.host, one)
    follower.start()
    in_step(follower)
    one.administrator.delete(key_dn(70001, keys[0]))
    wait_for(lambda: follower.content() == one.administrator.content(), "it is known", 10)
    one.kill()
    one.start()
    wait_for(lambda: "is behind what is known here" in follower.log(),
             "the server is passed over", 20)
    assert " err=53 " in one.host.log(one.name)
    in_step(follower, 60)
    assert follower.content() == one.administrator.content() and len(follower.fingerprints()) == 2


@pytest.mark.full
def test_a_stale_copy_that_does_not_say_so_takes_nothing_away(
        one, keys, in_step, wait_for):
    two = copy_of(one, 2)
    two.configure(access=NO_CONTEXT)
    two.restart()
    follower = Follower(one.host, one, two)
    follower.start()
    in_step(follower)
    one.administrator.delete(key_dn(70001, keys[0]))
    one.administrator.add_account(70003)
    right = one.administrator.content()
    wait_for(lambda: follower.content() == right, "it is known", 10)
    one.kill()

    def is_held():
        assert follower.content() == right
        return follower.status()["held"] >= 2

    wait_for(is_held, "what differs is held back", 60)
    assert " err=53 " in two.host.log(two.name)
    assert not follower.status()["in_step"]


def test_a_server_that_no_longer_knows_our_cookie_is_asked_for_everything(
        one, keys, in_step):
    """It answers it with 4096, e-syncRefreshRequired."""
    follower = Follower(one.host, one)
    follower.start()
    in_step(follower)
    follower.stop()
    one.stop()
    dump = re.sub(r"(\n(?:entry|context)CSN: )\d{8}", r"\g<1>20300101", one.dump().decode())
    one.host.sh(f"rm -f {one.folder}/db/*")
    one.load(dump.replace("\nenscaleAccountId: 70002\n",
                          "\nenscaleAccountId: 70002\nenscaleStatus: suspended\n"))
    one.configure(sessionlog=False, reload_hint=True)
    one.start()
    follower.start()
    in_step(follower)
    assert " err=4096 " in one.host.log(one.name)
    assert follower.content() == one.administrator.content()
    assert follower.accounts() == {70001: "active", 70002: "suspended"}


def test_a_server_that_is_behind_is_passed_over_while_another_answers(
        one, keys, in_step, wait_for):
    two = copy_of(one, 2)
    two.stop()
    follower = Follower(one.host, two, one)
    follower.start()
    in_step(follower)
    one.administrator.delete(key_dn(70001, keys[0]))
    one.administrator.replace(account_dn(70002), enscaleStatus="suspended")
    wait_for(lambda: follower.content() == one.administrator.content(), "both are known", 10)
    follower.stop()
    two.start()
    follower.start()
    in_step(follower)
    assert f'lost "{two.uri}": it is behind what is known here' in follower.log()
    assert follower.status()["source"] == one.uri and follower.status()["held"] == 0
    assert follower.content() == one.administrator.content()


def test_a_server_without_our_classes_takes_nothing_away(one, in_step, wait_for):
    one.administrator.add_accounts(range(71000, 71300))
    two = Slapd(one.host, 2)
    two.configure(our_schema=False)
    two.fill()
    two.start()
    follower = Follower(one.host, one, two)
    follower.start()
    in_step(follower)
    before = follower.content()
    one.kill()
    wait_for(lambda: "302 of 302 accounts" in follower.status()["held_reason"],
             "it says what is held", 30)
    assert follower.content() == before and not follower.status()["in_step"]


def test_it_is_ready_where_no_server_is(one, in_step):
    follower = Follower(one.host, one)
    follower.start()
    in_step(follower)
    before = follower.content()
    follower.stop()
    one.stop()
    follower.start()  # which waits for READY
    assert follower.status()["ready"] and not follower.status()["in_step"]
    assert follower.content() == before
    one.start()
    in_step(follower)


def test_what_hides_nearly_everything_is_held_until_it_is_accepted(
        one, in_step, wait_for):
    one.administrator.add_accounts(range(71000, 71300))
    follower = Follower(one.host, one)
    follower.start()
    in_step(follower)
    before = follower.accounts()
    one.configure(access=(
        f'access to dn.subtree="ou=accounts,{SUFFIX}" by dn.exact="{GATEWAY}" none by * read\n'
        + ALL))
    one.restart()
    wait_for(lambda: follower.status()["held"] > 300, "it is held", 30)
    assert follower.accounts() == before
    assert not follower.status()["in_step"]
    assert "302 of 302 accounts" in follower.status()["held_reason"]
    named = follower.status()["held_entries"]
    assert len(named) == 100
    assert {entry["reason"] for entry in named} == {"the directory would take it away"}
    assert all(f"ou=accounts,{SUFFIX}" in entry["dn"] for entry in named)
    assert "enscalectl sync accept" in follower.log()
    one.configure()
    one.restart()
    in_step(follower, 60)
    assert follower.status()["held"] == 0 and follower.accounts() == before


def test_what_is_held_is_let_in_when_it_is_accepted(one, in_step, wait_for):
    one.administrator.add_accounts(range(71000, 71300))
    follower = Follower(one.host, one)
    follower.start()
    in_step(follower)
    follower.stop()
    one.stop()
    kept = one.dump().decode().split(f"dn: {account_dn(71000)}")[0]
    one.host.sh(f"rm -f {one.folder}/db/*")
    one.load(kept)
    one.start()
    follower.start()
    wait_for(lambda: follower.status()["held"] >= 300, "it is held", 60)
    assert follower.sync("accept").returncode == 0
    in_step(follower)
    assert set(follower.accounts()) == {70001, 70002}
    assert follower.content() == one.administrator.content()


def test_more_parents_than_are_asked_for_are_the_matter_of_a_refresh_in_full(
        one, keys, in_step, wait_for):
    follower = Follower(one.host, one)
    follower.start()
    in_step(follower)
    follower.stop()
    one.administrator._run("ldapadd", ldif="".join(
        f"dn: ou=u{i},{SUFFIX}\nobjectClass: organizationalUnit\nou: u{i}\n\n"
        f"dn: cn=k,ou=u{i},{SUFFIX}\nobjectClass: enscaleKey\ncn: k\n"
        f"sshPublicKey: {keys[0]}\n\n" for i in range(1002)))
    follower.start()
    wait_for(lambda: "too many entries below unknown ones" in follower.log(), "it is said", 30)
    wait_for(lambda: follower.status()["refreshes"] == 2, "all is asked anew", 30)


EXISTING = [f"uid={number},ou=accounts,{SUFFIX}" for number in range(71000, 71150)]


@pytest.fixture
def existing(one, keys):
    """A server with 150 accounts more, each with a key that is a value of its own."""
    one.administrator._run("ldapadd", ldif="".join(
        f"dn: {dn}\nobjectClass: account\nobjectClass: enscaleAccountAux\n"
        f"objectClass: ldapPublicKey\nuid: {71000 + i}\nenscaleAccountId: {71000 + i}\n"
        f"sshPublicKey: {keys[0]}\n\n" for i, dn in enumerate(EXISTING)))
    one.administrator.add("ou=environments," + SUFFIX, objectClass="organizationalUnit",
                          ou="environments")
    one.administrator.add(environment_dn("cool-waterfall-59"), objectClass="enscaleEnvironment",
                          cn="cool-waterfall-59", enscaleOwner="70001",
                          enscaleFullAccess=["70002", *map(str, range(71000, 71150))])
    return one


def take_values(slapd, attribute, *dns):
    slapd.administrator._run("ldapmodify", ldif="".join(
        f"dn: {dn}\nchangetype: modify\ndelete: {attribute}\n\n" for dn in dns))


def members(follower):
    record = follower.records("environment")[0]
    return {row["account"]: row["role"] for row in record["members"]}


def test_what_narrows_an_entry_counts_though_the_rest_of_it_is_held(
        existing, keys, in_step, wait_for):
    root = existing.administrator
    follower = Follower(existing.host, existing)
    follower.start()
    in_step(follower)
    follower.stop()
    before = len(follower.records("key"))
    take_values(existing, "sshPublicKey", *EXISTING)
    root.replace(EXISTING[0], enscaleStatus="suspended")
    root.replace(EXISTING[1], enscaleExpires="20200101000000Z")
    root.replace(environment_dn("cool-waterfall-59"), enscaleFullAccess=None,
                 enscaleLimitedAccess="70002")
    follower.start()
    wait_for(lambda: "keys" in follower.status()["held_reason"], "it is held", 30)
    accounts = {row["account"]: row for row in follower.records("account")}
    assert accounts[71000]["status"] == "suspended"
    assert accounts[71001]["expires"] == 1577836800
    assert accounts[71002]["status"] == "active" and accounts[71002]["expires"] == 0
    # What is taken away from many waits, and with it who lost all.
    assert len(follower.records("key")) == before
    assert members(follower)[70002] == "limited" and members(follower)[71000] == "full"
    # So it stays when all is asked again, and what is changed then counts.
    refreshes = follower.status()["refreshes"]
    assert follower.sync("refresh").returncode == 0
    wait_for(lambda: follower.status()["refreshes"] > refreshes, "a refresh", 20)
    assert "keys" in follower.status()["held_reason"]
    assert follower.accounts()[71000] == "suspended"
    root.replace(EXISTING[1], enscaleStatus="suspended")
    wait_for(lambda: follower.accounts()[71001] == "suspended", "it is known", 10)
    assert follower.sync("accept").returncode == 0
    in_step(follower)
    assert follower.fingerprints() == root.fingerprints()
    assert {n for n, status in follower.accounts().items() if status == "suspended"} \
        == {71000, 71001}
    assert members(follower) == {70001: "owner", 70002: "limited"}


@pytest.mark.full
def test_a_server_that_lags_does_not_lift_what_narrowed_a_held_entry(
        existing, in_step, wait_for):
    """It has a version that is later than ours, and earlier than the one that is held."""
    two = Slapd(existing.host, 2)
    two.configure()
    follower = Follower(existing.host, existing, two)
    follower.start()
    in_step(follower)
    follower.stop()
    existing.administrator.replace(EXISTING[0], description="changed")
    two.load(existing.dump().decode())
    take_values(existing, "sshPublicKey", *EXISTING)
    existing.administrator.replace(EXISTING[0], enscaleStatus="suspended")
    follower.start()
    wait_for(lambda: "keys" in follower.status()["held_reason"], "it is held", 30)
    assert follower.accounts()[71000] == "suspended"
    existing.stop()
    two.start()
    wait_for(lambda: {"dn": EXISTING[0], "reason":
             "it would grant more, and the server may not have the last version yet"}
             in follower.status()["held_entries"], "it is held", 90)
    assert follower.status()["source"] == two.uri
    assert follower.accounts()[71000] == "suspended"


def load_anew(slapd):
    """The same tree, whose entries are others: new entryUUIDs."""
    slapd.stop()
    own = ("entryUUID:", "entryCSN:", "createTimestamp:", "modifyTimestamp:",
           "creatorsName:", "modifiersName:", "structuralObjectClass:", "contextCSN:")
    kept = "".join(line for line in slapd.dump().decode().splitlines(True)
                   if not line.startswith(own))
    slapd.host.sh(f"rm -f {slapd.folder}/db/*")
    slapd.load(kept)
    slapd.start()


def test_what_is_taken_from_a_tree_that_was_loaded_anew_is_gone_at_once(
        one, keys, in_step, wait_for):
    root = one.administrator
    root.add_accounts(range(71000, 71300))
    root.add("ou=environments," + SUFFIX, objectClass="organizationalUnit",
             ou="environments")
    root.add(environment_dn("cool-waterfall-59"), objectClass="enscaleEnvironment",
             cn="cool-waterfall-59", enscaleOwner="70001",
             enscaleFullAccess=["70002", "71001"])
    root.add(node_dn(227028, "cool-waterfall-59"), objectClass="enscaleNode",
             enscaleNodeId="227028", ipHostNumber="10.10.129.154",
             enscaleSystemUser="apache")
    follower = Follower(one.host, one)
    follower.start()
    in_step(follower)
    before = follower.content()
    load_anew(one)
    wait_for(lambda: follower.status()["held_reason"], "it is held", 60)
    assert "302 of 302 accounts" in follower.status()["held_reason"]
    assert follower.content() == before

    def environment():
        record = follower.records("environment")[0]
        return record["state"], {row["account"] for row in record["members"]}

    assert environment() == ("running", {70001, 70002, 71001})
    root.replace(account_dn(70002), enscaleStatus="suspended")
    root.delete(key_dn(70001, keys[0]))
    root.delete(account_dn(71000))
    root.replace(environment_dn("cool-waterfall-59"), enscaleFullAccess="71001",
                 enscaleState="stopped")
    wait_for(lambda: environment() == ("stopped", {70001, 71001}), "it is stopped", 10)
    wait_for(lambda: follower.accounts()[70002] == "suspended", "it is suspended", 10)
    assert 71000 not in follower.accounts()
    assert follower.fingerprints() == before[1] - {fingerprint(keys[0])}
    # Nor does it matter whether somebody was there to hear it.
    follower.stop()
    root.delete(account_dn(71001))
    root.replace(account_dn(71002), enscaleStatus="suspended")
    root.delete(node_dn(227028, "cool-waterfall-59"))
    follower.start()
    wait_for(lambda: 71001 not in follower.accounts(), "it is gone", 20)
    assert follower.accounts()[71002] == "suspended"
    assert not follower.records("node")
    assert set(before[0]) - set(follower.accounts()) == {71000, 71001}
    assert follower.fingerprints() == before[1] - {fingerprint(keys[0])}
    wait_for(lambda: follower.status()["held"] > 300, "the rest is held", 10)
    assert not follower.status()["in_step"]
    assert follower.sync("accept").returncode == 0
    in_step(follower)
    assert follower.content() == root.content()
    assert follower.status()["held"] == 0


def test_the_default_size_limit_takes_nothing_away(one, in_step, wait_for):
    follower = Follower(one.host, one)
    follower.start()
    in_step(follower)
    one.administrator.add_accounts(range(71000, 71600))
    wait_for(lambda: len(follower.accounts()) == 602, "all are known", 20)
    one.configure(limits="")
    one.restart()
    assert follower.sync("refresh").returncode == 0
    wait_for(lambda: "result 4: Size limit exceeded" in follower.status()["last_error"],
             "it says so", 20)
    assert len(follower.accounts()) == 602


@pytest.mark.parametrize("fault, password, said", [
    ("syncprov", "secret", "does not offer RFC 4533 (syncprov)"),
    ("password", "another", "bind: Invalid credentials"),
])
def test_a_server_that_cannot_be_followed_is_named_with_the_reason(
        one, wait_for, fault, password, said):
    one.configure(syncprov=fault != "syncprov")
    one.restart()
    follower = Follower(one.host, one, password=password)
    follower.launch()
    wait_for(lambda: said in follower.status()["last_error"], said, 20)
    assert said in follower.log()


@pytest.fixture
def certificates(scratch_host):
    """/srv/tls: a CA, and three certificates of it; one is right."""
    scratch_host.sh("""mkdir -p /srv/tls; cd /srv/tls
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \\
    -subj "/CN=test CA" -keyout ca.key -out ca.crt 2>/dev/null
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \\
    -subj "/CN=slapd" -keyout server.key -out server.csr 2>/dev/null
sign() {
    printf 'subjectAltName=%s\\n' "$3" >$1.ext
    openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -days $2 \\
        -CAcreateserial -extfile $1.ext -out $1.crt 2>/dev/null
}
sign expired 0 IP:127.0.0.1; sign right 30 IP:127.0.0.1
sign other 30 DNS:ldap.elsewhere.example
sleep 1.1  # the first one expires
""")


TLS = pytest.mark.parametrize("scheme, start_tls", [("ldaps", "no"), ("ldap", "yes")])


def with_certificate(host, scheme):
    """A slapd that speaks TLS, with /srv/tls/server.crt."""
    slapd = Slapd(host, 1, scheme)
    slapd.configure(more="TLSCertificateFile /srv/tls/server.crt\n"
                         "TLSCertificateKeyFile /srv/tls/server.key\n")
    slapd.fill()
    return slapd


@TLS
def test_much_comes_over_tls_in_one_piece(
        scratch_host, certificates, in_step, scheme, start_tls):
    scratch_host.sh("cp /srv/tls/right.crt /srv/tls/server.crt")
    slapd = with_certificate(scratch_host, scheme)
    slapd.load("".join(
        f"dn: {account_dn(number)}\nobjectClass: enscaleAccount\n"
        f"enscaleAccountId: {number}\ncn: n{'x' * (number % 200)}\n\n"
        for number in range(100000, 120000)))
    slapd.start()
    follower = Follower(scratch_host, slapd, start_tls=start_tls,
                        more="tls_ca = /srv/tls/ca.crt\n")
    follower.start()
    in_step(follower, 30)
    assert set(follower.accounts()) == set(range(100000, 120000))
    assert follower.log().count("refreshing in full") == 1
    assert follower.status()["connections"] == 1
    assert "TLS established" in scratch_host.log(slapd.name)


@TLS
@pytest.mark.parametrize("certificate", ["expired", "other"])
def test_a_wrong_certificate_is_refused_and_what_is_known_serves_on(
        scratch_host, certificates, keys, in_step, wait_for, certificate, scheme,
        start_tls):
    said = "the certificate does not prove that this is the host"
    slapd = with_certificate(scratch_host, scheme)

    def present(name):
        scratch_host.sh(f"cp /srv/tls/{name}.crt /srv/tls/server.crt")

    present("right")
    slapd.start()
    slapd.administrator.add_account(70001, keys[0])
    follower = Follower(scratch_host, slapd, start_tls=start_tls,
                        more="tls_ca = /srv/tls/ca.crt\n")
    follower.start()
    in_step(follower)
    before = follower.content()
    present(certificate)
    slapd.restart()
    slapd.administrator.add_account(70002)
    wait_for(lambda: said in follower.status()["last_error"], f'it says "{said}"', 20)
    assert follower.content() == before and not follower.status()["in_step"]
    present("right")
    slapd.restart()
    in_step(follower, 30)
    assert follower.content() == slapd.administrator.content() != before


@TLS
def test_a_certificate_is_verified_by_the_systems_authorities_where_none_is_named(
        scratch_host, certificates, wait_for, scheme, start_tls):
    scratch_host.sh("cp /srv/tls/right.crt /srv/tls/server.crt")
    slapd = with_certificate(scratch_host, scheme)
    slapd.start()
    follower = Follower(scratch_host, slapd, start_tls=start_tls)
    follower.launch()
    wait_for(lambda: "the certificate does not prove" in follower.status()["last_error"],
             "it is refused", 20)
    assert follower.status()["connections"] == 0


def test_connections_cut_in_a_message_lose_no_change(one, keys, in_step, wait_for):
    """Of a first refresh, of changes, and of the refreshes after these."""
    root = one.administrator
    root.add_accounts(range(71000, 71200))
    relay = Relay(one)
    follower = Follower(one.host, *[relay] * 8)
    cuts = [7, 99, 411, 700, 1001, 1500, 2222, 5003, 11111, 30001]
    relay.cut(cuts)
    follower.launch()
    in_step(follower, 40)
    assert relay.cuts() == len(cuts)
    assert follower.content() == root.content() and len(follower.accounts()) == 202
    possible = set(range(71000, 71230)) | {70001, 70002}
    for turn in range(3):
        cuts += [60 + turn, 850 + 7 * turn, 1300 + 11 * turn]
        relay.cut(cuts[-3:])
        root.add_accounts(range(71200 + 10 * turn, 71210 + 10 * turn))
        root.replace(account_dn(71000 + turn), enscaleStatus="suspended")
        root.delete(account_dn(71100 + turn))
        root.delete(key_dn(*((70001, keys[0]), (70001, keys[1]), (70002, keys[2]))[turn]))
        right = root.content()

        def arrives():
            assert set(follower.accounts()) <= possible
            return follower.content() == right and relay.is_through()
        wait_for(arrives, "all changes have come", 30)
    in_step(follower, 30)
    assert follower.content() == root.content() and follower.fingerprints() == set()
    # What is left may come in fewer bytes than the last cut is after.
    assert len(cuts) - 3 <= relay.cuts() <= len(cuts)


def test_a_broken_refresh_takes_no_key_from_an_account_that_was_renamed(
        one, keys, in_step, wait_for):
    """All that hangs below has another name then, and comes before it is known
    who has which."""
    one.administrator.add_accounts(range(71000, 74000))
    relay = Relay(one)
    follower = Follower(one.host, *[relay] * 8)
    follower.launch()
    in_step(follower, 40)
    before = follower.content()
    assert len(before[1]) == 3
    one.administrator._run("ldapmodrdn", "-r", f"ou=accounts,{SUFFIX}", "ou=people")
    relay.cut([500_000, 600_000, 700_000, 800_000, 900_000])
    assert follower.sync("refresh").returncode == 0

    def arrives():
        assert follower.content() == before
        return relay.is_through() and follower.status()["in_step"]
    wait_for(arrives, "it is in step", 60)
    assert relay.cuts() > 1
    assert follower.content() == before


def test_a_server_that_lost_its_session_log_takes_away_only_what_is_gone(
        one, keys, in_step):
    """It names what is there, and not what was deleted."""
    root = one.administrator
    root.add_accounts(range(71000, 71100))
    follower = Follower(one.host, one)
    follower.start()
    in_step(follower)
    follower.stop()
    root.delete(key_dn(70001, keys[0]))
    root.delete(account_dn(71050))
    root.add_accounts([71100])
    root.replace(account_dn(71001), enscaleStatus="suspended")
    one.stop()
    one.configure(sessionlog=False)
    one.start()
    follower.start()
    in_step(follower)
    assert follower.content() == root.content()
    assert len(follower.accounts()) == 102 and len(follower.fingerprints()) == 2
    assert " 2 are gone" in follower.log()
    assert follower.status()["held"] == 0


def provider(host, number, other):
    """One of two that tell each other everything."""
    slapd = Slapd(host, number)
    slapd.configure(
        more=f"serverID {number}\n",
        access=ALL + f'''
syncrepl rid=00{other} provider=ldap://127.0.0.1:{3890 + other} bindmethod=simple
  binddn="cn=root,{SUFFIX}" credentials=root searchbase="{SUFFIX}"
  type=refreshAndPersist retry="1 +"
multiprovider on''')
    return slapd


def test_when_one_of_two_providers_dies_the_other_goes_on_from_there(
        scratch_host, keys, in_step, wait_for):
    one, two = provider(scratch_host, 1, 2), provider(scratch_host, 2, 1)
    one.fill()
    one.start()
    two.start()
    one.administrator.add_account(70001, keys[0], keys[1])
    one.administrator.add_account(70002, keys[2])
    follower = Follower(scratch_host, one, two)

    def all_have_it():
        return (one.administrator.content() == two.administrator.content()
                == follower.content())

    follower.start()
    in_step(follower)
    wait_for(all_have_it, "both have the accounts", 20)
    two.administrator.add_account(70003)
    one.administrator.delete(key_dn(70001, keys[0]))
    one.administrator.replace(account_dn(70002), enscaleStatus="suspended")
    wait_for(all_have_it, "both have the changes", 20)
    # Two servers that have just met may give a deleted entry back to each other:
    # what they agree on is what is right.
    right, left = follower.content()
    assert right == {70001: "active", 70002: "suspended", 70003: "active"}
    assert left >= {fingerprint(keys[1]), fingerprint(keys[2])}
    one.kill()

    def follows(slapd):
        assert follower.content() == (right, left)
        status = follower.status()
        return status["source"] == slapd.uri and status["in_step"]

    wait_for(lambda: follows(two), "it follows the second", 30)
    two.administrator.delete(key_dn(70001, keys[1]))
    left.remove(fingerprint(keys[1]))
    wait_for(lambda: follower.content() == (right, left), "it is told by the second", 5)
    one.start()
    wait_for(lambda: follows(one), "it follows the first again", 60)
    assert all_have_it()


def test_children_follow_when_a_whole_subtree_is_renamed(one, keys, in_step, wait_for):
    """The server tells of the top only."""
    root = one.administrator
    follower = Follower(one.host, one)
    follower.start()
    in_step(follower)
    before = follower.content()
    root._run("ldapmodify", ldif=f"dn: ou=accounts,{SUFFIX}\nchangetype: modrdn\n"
                                 "newrdn: ou=people\ndeleteoldrdn: 1\n")

    def moved(dn):
        return dn.replace("ou=accounts", "ou=people")

    root.delete(moved(key_dn(70001, keys[0])))
    root.replace(moved(account_dn(70002)), enscaleStatus="suspended")
    root.add(moved(key_dn(70002, keys[0])), objectClass="enscaleKey",
             enscaleKeyFingerprint=fingerprint(keys[0]), sshPublicKey=keys[0])
    wait_for(lambda: follower.content() == root.content(), "all of it is known", 10)
    assert follower.content() != before
    of = {record["account"] for record in follower.records("key")}
    assert of == {70001, 70002} and len(follower.fingerprints()) == 3
    in_step(follower)
    root.delete(moved(account_dn(70001)))
    wait_for(lambda: set(follower.accounts()) == {70002}, "the account is gone", 10)
    assert follower.content() == root.content() and len(follower.fingerprints()) == 2


def test_keys_follow_a_renamed_account(one, keys, in_step, wait_for):
    root = one.administrator
    follower = Follower(one.host, one)
    follower.start()
    in_step(follower)
    before = follower.content()
    root._run("ldapmodify", ldif=f"dn: {account_dn(70001)}\nchangetype: modrdn\n"
                                 "newrdn: cn=renamed\ndeleteoldrdn: 0\n")
    root.delete(key_dn(70001, keys[0]).replace("enscaleAccountId=70001", "cn=renamed"))
    wait_for(lambda: fingerprint(keys[0]) not in follower.fingerprints(),
             "the deleted key is gone", 10)
    assert follower.content() == root.content()
    assert follower.content() == (before[0], before[1] - {fingerprint(keys[0])})
    assert {record["account"] for record in follower.records("key")} == {70001, 70002}
    in_step(follower)
