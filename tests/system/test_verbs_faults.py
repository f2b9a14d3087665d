"""Every verb of accounts, keys, environments and nodes where it cannot do what it
was asked: without rights, without a server in the middle, without its base; and
what the directory holds is shown as text, whatever it is."""

import pexpect
import pytest

import entries
import ldapi
from ldapi import directory_here
from test_verbs import ACCOUNT, AS_GATEWAY, ENVIRONMENT, NODE, OTHER, SECOND, Verbs, at_terminal

ADD, DELETE, RENAME, SEARCH = 0x68, 0x4A, 0x6C, 0x63
ALONE = "50003"  # in no environment
KEY = "/root/verbs/two.pub"
# What each would do with what the fixture makes, and by which operation.
CHANGES = {
    "account add": (["60003"], ADD),
    "account delete": ([ALONE, "--yes"], DELETE),
    "account expire": ([ACCOUNT, "2090-01-31"], ldapi.MODIFY),
    "account limit": ([ACCOUNT, "3"], ldapi.MODIFY),
    "account resume": ([OTHER], ldapi.MODIFY),
    "account suspend": ([ACCOUNT], ldapi.MODIFY),
    "environment add": (["amber-field-9", f"owner={ACCOUNT}"], ADD),
    "environment delete": ([ENVIRONMENT, "--yes"], DELETE),
    "environment owner": ([ENVIRONMENT, OTHER], ldapi.MODIFY),
    "environment share": ([ENVIRONMENT, OTHER, "limited"], ldapi.MODIFY),
    "environment state": ([ENVIRONMENT, "stopped"], ldapi.MODIFY),
    "environment unshare": ([SECOND, OTHER], ldapi.MODIFY),
    "key add": ([ACCOUNT, "desktop", KEY], ADD),
    "key delete": ([ACCOUNT, "laptop", "--yes"], DELETE),
    "key expire": ([ACCOUNT, "laptop", "2090-01-31"], ldapi.MODIFY),
    "node add": (["130078", ENVIRONMENT, "address=198.19.0.78", "system_user=apache"], ADD),
    "node delete": ([NODE, "--yes"], DELETE),
    "node hostkey": ([NODE, "/root/verbs/host.pub"], ldapi.MODIFY),
    "node move": ([NODE, SECOND], RENAME),
    "node state": ([NODE, "stopped"], ldapi.MODIFY),
}
READS = {
    "account list": [], "account show": [ACCOUNT], "environment list": [],
    "environment show": [ENVIRONMENT], "key list": [], "key show": [ACCOUNT, "laptop"],
    "node list": [], "node show": [NODE],
}  # fmt: skip
EVERY = CHANGES | {name: (words, SEARCH) for name, words in READS.items()}


@pytest.fixture(scope="module")
def keys(hosts):
    hosts.gateway.sh("mkdir -p /root/verbs; install -m 600 /etc/enscale/directory.password"
                     " /root/verbs/password; cd /root/verbs; for name in one two host;"
                     " do ssh-keygen -q -t ed25519 -N '' -f $name; done")
    yield
    hosts.gateway.sh("rm -r /root/verbs")


def ldif(dn, **attributes):
    lines = [f"{name}: {value}" for name, value in attributes.items()]
    return "\n".join([f"dn: {dn}", *lines]) + "\n\n"


@pytest.fixture
def day(keys, gateway, administrator):
    """Two accounts, two environments, a node and a key."""
    laptop = gateway.read("/root/verbs/one.pub").decode().strip()
    administrator._run("ldapadd", ldif="".join([
        ldif(entries.account_dn(ACCOUNT), objectClass="enscaleAccount", enscaleAccountId=ACCOUNT,
             enscaleStatus="active"),
        ldif(entries.account_dn(OTHER), objectClass="enscaleAccount", enscaleAccountId=OTHER,
             enscaleStatus="suspended"),
        ldif(entries.account_dn(ALONE), objectClass="enscaleAccount", enscaleAccountId=ALONE),
        ldif(entries.key_dn(ACCOUNT, laptop), objectClass="enscaleKey", cn="laptop",
             enscaleKeyFingerprint=entries.fingerprint(laptop), sshPublicKey=laptop),
        ldif(entries.environment_dn(ENVIRONMENT), objectClass="enscaleEnvironment",
             cn=ENVIRONMENT, enscaleOwner=ACCOUNT),
        ldif(entries.environment_dn(SECOND), objectClass="enscaleEnvironment", cn=SECOND,
             enscaleOwner=ACCOUNT, enscaleFullAccess=OTHER),
        ldif(entries.node_dn(NODE, ENVIRONMENT), objectClass="enscaleNode", enscaleNodeId=NODE,
             ipHostNumber="198.19.0.77", enscaleSystemUser="apache")]))
    yield
    names = [entries.account_dn(n) for n in (ACCOUNT, OTHER, ALONE, "60003")]
    names += [entries.environment_dn(name) for name in (ENVIRONMENT, SECOND, "amber-field-9")]
    # some are gone, or were not added
    administrator.host.run(["ldapdelete", "-Q", "-Y", "EXTERNAL", "-H", "ldapi:///", "-c", "-r",
                            *names], check=False)


def dump(directory):
    return directory.sh("slapcat -o ldif-wrap=no").stdout


def test_each_verb_of_these_nouns_is_tried_here(gateway):
    said = gateway.run(["enscalectl", "--help"]).stdout.decode()
    rows = {" ".join(line.split()[:2]) for line in said.splitlines()
            if line.split()[:1] and line.split()[0] in ("account", "key", "environment", "node")}
    assert rows - {"node enrol"} == set(EVERY)  # test_enrol.py


@pytest.mark.parametrize("name", CHANGES)
def test_who_may_not_is_told_so_and_nothing_is_changed(day, gateway, directory, name):
    words, _ = CHANGES[name]
    before = dump(directory)
    text = Verbs(gateway).refuse(*name.split(), *words, *AS_GATEWAY, says="Insufficient access")
    assert "name somebody who may do this with --bind-dn and --password-file" in text
    assert dump(directory) == before


@pytest.mark.parametrize("name", READS)
def test_who_may_read_alone_reads(day, gateway, name):
    """As the gateway's own identity."""
    assert Verbs(gateway).json(*name.split(), *READS[name], *AS_GATEWAY) != []


@pytest.mark.parametrize("name", EVERY)
def test_a_server_that_goes_away_in_the_middle_is_named(day, gateway, directory, wait_for, name):
    words, operation = EVERY[name]
    before = dump(directory)
    with directory_here(gateway, directory, operation):
        text = Verbs(gateway).refuse(*name.split(), *words, code=2, says="has gone")
    if name in READS:
        assert "nothing was changed" in text and dump(directory) == before
        return
    assert "not known whether the change was made" in text
    wait_for(lambda: dump(directory) != before, "it was, as it happens")


def code_without_base(name):
    """Nothing is there; or whether this is there is not known."""
    return 1 if name.endswith(" list") else 2


@pytest.mark.parametrize("name", EVERY)
def test_a_base_that_does_not_exist_is_named(day, gateway, directory, name):
    """And where a new entry was to be."""
    words, _ = EVERY[name]
    gateway.sh("sed 's/^base = .*/base = dc=nowhere/' /etc/enscale/enscale.conf"
               " >/root/verbs/enscale.conf")
    with directory_here(gateway, directory):
        text = Verbs(gateway).refuse("-f", "/root/verbs/enscale.conf", *name.split(), *words,
                                     says='has no entry "', code=code_without_base(name))
    assert 'dc=nowhere", or does not show it to you' in text
    assert len(text.splitlines()) == 1


@pytest.mark.parametrize("name", EVERY)
def test_a_referral_is_named_with_where_it_leads(day, gateway, directory, administrator, name):
    """All is below an entry that is elsewhere."""
    words, _ = EVERY[name]
    dn = f"ou=elsewhere,{entries.SUFFIX}"
    administrator.add(dn, objectClass=["referral", "extensibleObject"], ou="elsewhere",
                      ref=f"ldap://elsewhere.example/{dn}")
    gateway.sh(f"sed 's/^base = .*/base = ou=people,{dn}/' /etc/enscale/enscale.conf"
               " >/root/verbs/enscale.conf")
    try:
        with directory_here(gateway, directory):
            text = Verbs(gateway).refuse("-f", "/root/verbs/enscale.conf", *name.split(), *words,
                                         says="ldap://elsewhere.example",
                                         code=code_without_base(name))
            # and nobody is asked there who is only named beside ours
            if name.endswith(" list"):
                assert Verbs(gateway).json(*name.split()) != []
    finally:
        administrator._run("ldapdelete", "-M", dn)
    assert "--uri" in text and len(text.splitlines()) == 1


# ---- passwords ---------------------------------------------------------------------


def test_a_password_is_on_no_command_line_and_in_no_log(day, gateway, directory):
    """Of whoever is started, and of those who are told of it."""
    before = len(gateway.log()), len(directory.log("slapd"))
    password = gateway.read("/root/verbs/password").decode().strip()
    trace = ["strace", "-f", "-s", "4096", "-e", "trace=execve", "-o", "/root/verbs/trace"]
    for words in (["account", "list"], ["account", "suspend", ACCOUNT], ["directory", "check"]):
        result = gateway.run([*trace, "enscalectl", *words, *AS_GATEWAY], check=False)
        assert password.encode() not in result.stdout + result.stderr
        assert password not in gateway.read("/root/verbs/trace").decode()
    terminal = at_terminal(gateway, "enscalectl account list "
                           f"--uri ldaps://directory --bind-dn {AS_GATEWAY[3]}")
    terminal.expect("Password of ")
    terminal.sendline("another")
    terminal.expect(pexpect.EOF)
    assert "Invalid credentials" in terminal.before and "another" not in terminal.before
    for text in (gateway.log()[before[0]:], directory.log("slapd")[before[1]:]):
        assert password not in text and "another" not in text


# ---- what the directory holds ------------------------------------------------------

EVIL = "Ada\x1b]0;owned\x07\x1b[31m\u202eBerg\x9b1m"


@pytest.fixture
def evil(keys, gateway, administrator):
    """An account, its key, an environment and a node with what terminals obey."""
    account, environment = "50077", "evil-field-7"
    hidden = "".join(f"\\{byte:02x}" for byte in EVIL.encode())
    top = f"ou={hidden},{entries.SUFFIX}"
    below = f"cn={hidden},{top}"
    administrator.add_account(account, cn=EVIL.encode(), mail=b"a\x1b[2J@customer.example",
                              enscaleStatus="active")
    administrator.add_key(account, gateway.read("/root/verbs/two.pub").decode().strip(),
                          cn=EVIL.encode())
    administrator.add(entries.environment_dn(environment), objectClass="enscaleEnvironment",
                      cn=environment, enscaleOwner=account)
    administrator.add(entries.node_dn("130099", environment), objectClass="enscaleNode",
                      enscaleNodeId="130099", ipHostNumber="198.19.0.99",
                      enscaleSystemUser="apache", enscaleServiceType=b"apache\x1b[31m")
    administrator.add(top, objectClass="organizationalUnit", ou=EVIL.encode())
    administrator.add(below, objectClass="enscaleEnvironment", cn=EVIL.encode(),
                      enscaleOwner=account)
    yield account, environment, top
    for name in (entries.account_dn(account), entries.environment_dn(environment), top):
        administrator.delete(name)


VERBS = [
    "account list", "account show {0}", "key list {0}", "environment list", "environment show {1}",
    "node list", "node show 130099", "who {1}", "explain 130099-{0}", "lookup 130099-{0}",
    "environment add other-field-7 --below '{2}' owner=9", "environment add x-7 --below '{2}x'",
    "view dump", "status", "directory check",
]  # fmt: skip


def test_text_of_the_directory_moves_no_terminal(evil, gateway, directory):
    with directory_here(gateway, directory):
        for words in VERBS:
            command = "LDAPURI=ldapi:/// enscalectl " + words.format(*evil)
            terminal = at_terminal(gateway, command)
            terminal.expect(pexpect.EOF)
            said = terminal.before
            assert said.strip(), words
            for bad in ("\x1b", "\x07", "\x9b", "\u202e"):
                assert bad not in said, (words, said)
