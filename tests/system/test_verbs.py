"""enscalectl account, key, environment and node: an administrator's day, against
the real slapd, and the gateway that follows it."""

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

ACCOUNT, OTHER = "50001", "50002"
ENVIRONMENT, SECOND = "amber-field-7", "amber-field-8"
NODE = "130077"
GATEWAY_DN = f"cn=gateway,{entries.SUFFIX}"
AS_GATEWAY = ["--uri", "ldaps://directory", "--bind-dn", GATEWAY_DN, "--password-file",
              "/root/verbs/password"]


@pytest.fixture
def verbs(gateway, directory, administrator):
    gateway.sh("mkdir -p /root/verbs; install -m 600 /etc/enscale/directory.password"
               " /root/verbs/password; cd /root/verbs;"
               " for name in one two host; do ssh-keygen -q -t ed25519 -N '' -f $name; done")
    with directory_here(gateway, directory):
        yield Verbs(gateway)
    for dn in (entries.account_dn(ACCOUNT), entries.account_dn(OTHER),
               entries.environment_dn(ENVIRONMENT), entries.environment_dn(SECOND)):
        try:
            administrator.delete(dn)
        except test_hosts.Failed:  # it was not added
            pass
    gateway.sh("rm -r /root/verbs")


def explain(gateway, name):
    return gateway.run(["enscalectl", "explain", name], check=False).stdout.decode()


# ---- a day -------------------------------------------------------------------------


@pytest.mark.both
def test_four_verbs_make_an_account_with_a_key_and_a_node_that_it_may_enter(verbs, gateway):
    said = verbs.change("account", "add", ACCOUNT, "name=Ada Berg", "mail=ada@customer.example")
    assert said.startswith(f"account {ACCOUNT} added: ")
    said = verbs.change("key", "add", ACCOUNT, "laptop", "/root/verbs/one.pub")
    shown = gateway.sh("ssh-keygen -lf /root/verbs/one.pub; ssh-keygen -l -E md5 -f"
                       " /root/verbs/one.pub").stdout.decode().split()
    assert said.startswith(f"ED25519 256 {shown[1]} {shown[5]}\n")
    verbs.change("environment", "add", ENVIRONMENT, f"owner={ACCOUNT}")
    result = verbs.run("node", "add", NODE, ENVIRONMENT, "address=198.19.0.77",
                       "service_type=apache", "system_user=apache")
    assert b"nobody can enter it" in result.stderr
    verbs.change("node", "hostkey", NODE, "/root/verbs/host.pub")
    assert explain(gateway, f"{NODE}-{ACCOUNT}").startswith("allowed: ")

    verbs.change("account", "suspend", ACCOUNT)
    assert explain(gateway, ACCOUNT).startswith("account-suspended: ")
    verbs.change("account", "resume", ACCOUNT)
    verbs.change("account", "expire", ACCOUNT, "2020-01-31T12:00:00+01:00")
    assert explain(gateway, ACCOUNT).startswith("account-expired: ")
    verbs.change("account", "expire", ACCOUNT, "never")
    verbs.change("account", "limit", ACCOUNT, "3")
    [account] = verbs.json("account", "list", "max_sessions=3", "name=Ada*")
    assert account == {
        "account_id": int(ACCOUNT), "status": "active", "expires": None, "max_sessions": 3,
        "cn": "Ada Berg", "mail": "ada@customer.example", "dn": entries.account_dn(ACCOUNT),
        "refused": None}

    verbs.change("environment", "state", ENVIRONMENT, "stopped")
    assert explain(gateway, f"{NODE}-{ACCOUNT}").startswith("environment-stopped: ")
    verbs.change("environment", "state", ENVIRONMENT, "running")
    verbs.change("node", "state", NODE, "stopped")
    assert explain(gateway, f"{NODE}-{ACCOUNT}").startswith("node-stopped: ")
    verbs.change("node", "state", NODE, "running")
    verbs.change("key", "expire", ACCOUNT, "laptop", "2020-01-31")
    question = ["enscalectl", "explain", ACCOUNT, "--key", shown[1]]
    assert gateway.run(question, check=False).stdout.startswith(b"key-expired: ")
    verbs.change("key", "delete", ACCOUNT, shown[1], "--yes")
    verbs.change("node", "delete", NODE, "--yes")
    verbs.refuse("account", "delete", ACCOUNT, "--yes", says=f"owns {ENVIRONMENT}")
    verbs.change("environment", "delete", ENVIRONMENT, "--yes")
    verbs.change("account", "delete", ACCOUNT, "--yes")
    assert explain(gateway, ACCOUNT).startswith("account-unknown: ")


def test_access_to_an_environment_is_given_changed_and_taken_away(verbs, gateway):
    for account in (ACCOUNT, OTHER):
        verbs.change("account", "add", account)
    for name in (ENVIRONMENT, SECOND):
        verbs.change("environment", "add", name, f"owner={ACCOUNT}")
    verbs.do("node", "add", NODE, ENVIRONMENT, "address=198.19.0.77", "system_user=apache")
    name = f"{NODE}-{OTHER}"
    assert explain(gateway, name).startswith("node-unknown: ")
    verbs.change("environment", "share", ENVIRONMENT, OTHER, "limited")
    assert explain(gateway, name).startswith("access-limited: ")
    verbs.change("environment", "share", ENVIRONMENT, OTHER, "full")
    assert explain(gateway, name).startswith("allowed: ")
    [found] = verbs.json("environment", "list", f"cn={ENVIRONMENT}")
    assert (found["owner"], found["full_access"], found["limited_access"]) == (
        int(ACCOUNT), [int(OTHER)], [])
    verbs.change("environment", "unshare", ENVIRONMENT, OTHER)
    assert explain(gateway, name).startswith("node-unknown: ")
    verbs.refuse("environment", "unshare", ENVIRONMENT, OTHER, says="no access")
    verbs.refuse("environment", "share", ENVIRONMENT, ACCOUNT, "full", says="owns")
    verbs.refuse("environment", "share", ENVIRONMENT, "50009", "full", says='no account "50009"')
    verbs.change("node", "move", NODE, SECOND)
    verbs.change("environment", "owner", SECOND, OTHER)
    assert explain(gateway, name).startswith("allowed: ")
    verbs.change("environment", "delete", SECOND, "--yes")
    assert explain(gateway, f"{NODE}-{ACCOUNT}").startswith("node-unknown: ")


def test_nothing_but_its_keys_is_deleted_with_an_account(verbs, administrator):
    """An environment below it belongs to somebody else."""
    dn = entries.account_dn(ACCOUNT)
    verbs.change("account", "add", ACCOUNT)
    verbs.change("account", "add", OTHER)
    verbs.do("environment", "add", SECOND, f"owner={OTHER}", "--below", dn)
    try:
        verbs.refuse("account", "delete", ACCOUNT, "--yes", says=f"cn={SECOND},{dn}")
        verbs.do("account", "show", ACCOUNT)
    finally:
        administrator.delete(f"cn={SECOND},{dn}")
    verbs.change("account", "delete", ACCOUNT, "--yes")


def test_a_scan_shows_the_host_keys_of_a_node_and_stores_them_when_confirmed(
        verbs, gateway, hosts):
    shown = hosts.node124718.sh("for key in /etc/ssh/ssh_host_*_key.pub; do"
                                " ssh-keygen -lf $key; done").stdout.decode().split()
    keys = sorted(word for word in shown if word.startswith("SHA256:"))
    assert keys
    address = hosts.node124718.plan.addresses["private"]
    node = ["node", "add", NODE, ENVIRONMENT, f"address={address}", "system_user=apache"]
    verbs.change("account", "add", ACCOUNT)
    verbs.change("environment", "add", ENVIRONMENT, f"owner={ACCOUNT}")
    text = verbs.refuse(*node, "--scan", says="say yes with --yes", code=64)
    assert all(key in text for key in keys), text
    verbs.refuse("node", "show", NODE, says=f'no node "{NODE}"')
    verbs.change(*node, "--scan", "--yes")
    [stored] = verbs.json("node", "show", NODE)
    assert (sorted(stored["host_key"]), stored["refused"]) == (keys, None)
    assert explain(gateway, f"{NODE}-{ACCOUNT}").startswith("allowed: ")

    # In place of those that it has, and nothing where nothing answers.
    verbs.change("node", "hostkey", NODE, "/root/verbs/host.pub")
    [other] = verbs.json("node", "show", NODE)
    assert len(other["host_key"]) == 1 and other["host_key"][0] not in keys
    verbs.change("node", "hostkey", NODE, "--scan", "--yes")
    assert verbs.json("node", "show", NODE) == [stored]
    verbs.do("node", "delete", NODE, "--yes")
    verbs.refuse(*node, "port=1", "--scan", "--yes", code=2,
                 says=f"{address}, port 1: no host key was shown")
    verbs.refuse("node", "show", NODE, says=f'no node "{NODE}"')


def test_a_key_is_shown_by_its_title_or_its_fingerprint(verbs):
    verbs.change("account", "add", ACCOUNT)
    for title, name in ("laptop", "one"), ("desk", "two"):
        verbs.change("key", "add", ACCOUNT, title, f"/root/verbs/{name}.pub")
    [key] = verbs.json("key", "show", ACCOUNT, "desk")
    assert key in verbs.json("key", "list", ACCOUNT)
    assert verbs.json("key", "show", ACCOUNT, key["fingerprint"]) == [key]
    verbs.refuse("key", "show", ACCOUNT, "Desk", says=f'account {ACCOUNT} has no key "Desk"')
    verbs.change("key", "add", ACCOUNT, "desk", "/root/verbs/host.pub")
    verbs.refuse("key", "show", ACCOUNT, "desk", says="say which by its fingerprint")


@pytest.mark.parametrize("lines, told", [
    (b"", "no host key is in it"),
    (b"ssh-ed25519 AAAA\n", "standard input, line 2"),
    (None, "more than 16 host keys"),
], ids="none broken many".split())
def test_a_file_without_good_host_keys_is_refused_as_a_whole(verbs, gateway, lines, told):
    good = gateway.read("/root/verbs/host.pub")
    verbs.change("account", "add", ACCOUNT)
    verbs.change("environment", "add", ENVIRONMENT, f"owner={ACCOUNT}")
    verbs.do("node", "add", NODE, ENVIRONMENT, "address=198.19.0.77", "system_user=apache")
    verbs.change("node", "hostkey", NODE, "-", input=good)
    before = verbs.json("node", "show", NODE)
    text = good * 17 if lines is None else lines and good + lines
    verbs.refuse("node", "hostkey", NODE, "-", input=text, says=told)
    assert verbs.json("node", "show", NODE) == before


def test_show_of_an_account_has_what_support_needs(verbs, gateway, client):
    terminal = client.pexpect_ssh("25880")
    try:
        test_hosts.wait_for(lambda: "session" in kinds(verbs.json("account", "show", "25880")),
                            "the session in account show")
        shown = verbs.json("account", "show", "25880")
    finally:
        terminal.close()
    assert [row["kind"] for row in shown][0] == "account"
    environments = {row["cn"]: row["role"] for row in shown if row["kind"] == "environment"}
    assert environments["cool-waterfall-59"] == "owner"
    assert environments["crimson-dust-8"] == "limited"
    session = next(row for row in shown if row["kind"] == "session")
    used = {row["fingerprint"]: row["last_used"] for row in shown if row["kind"] == "key"}
    assert used[session["key"]] is not None


def kinds(rows):
    return {row["kind"] for row in rows}


# ---- keys --------------------------------------------------------------------------


def test_keys_come_in_every_form_and_only_once(verbs, gateway, client):
    for account in (ACCOUNT, OTHER):
        verbs.change("account", "add", account)
    gateway.sh("cd /root/verbs; ssh-keygen -q -t rsa -b 3072 -N '' -f rsa;"
               " ssh-keygen -q -t ecdsa -N '' -f ecdsa; ssh-keygen -q -t rsa -b 1024 -N '' -f weak;"
               " ssh-keygen -e -m RFC4716 -f rsa.pub >rsa.4716; ssh-keygen -e -m PEM -f rsa.pub"
               " >rsa.pem; ssh-keygen -e -m PKCS8 -f ecdsa.pub >ecdsa.pkcs8;"
               " openssl genpkey -algorithm ed25519 | openssl pkey -pubout >ed25519.pkcs8")
    for name, sort in (("rsa.4716", "RSA 3072"), ("rsa.pem", "RSA 3072"),
                       ("ecdsa.pkcs8", "ECDSA 256"), ("ed25519.pkcs8", "ED25519 256")):
        said = verbs.change("key", "add", ACCOUNT, name, f"/root/verbs/{name}")
        assert said.startswith(f"{sort} SHA256:")
        if name != "ed25519.pkcs8":
            own = gateway.sh(f"ssh-keygen -lf /root/verbs/{name.split('.')[0]}.pub").stdout
            assert own.decode().split()[1] in said
        if name.startswith("rsa"):
            verbs.change("key", "delete", ACCOUNT, name, "--yes")
    line = gateway.read("/root/verbs/one.pub")
    verbs.change("key", "add", ACCOUNT, "input", input=b'from="198.18.0.0/16",no-pty ' + line)
    [key] = [row for row in verbs.json("key", "list", ACCOUNT) if row["cn"] == "input"]
    assert key["from"] == "198.18.0.0/16" and key["options"] == "no-pty"

    says = f"account {ACCOUNT} has this key already"
    verbs.refuse("key", "add", ACCOUNT, "again", "/root/verbs/one.pub", says=says)
    verbs.refuse("key", "add", OTHER, "again", "/root/verbs/one.pub", says=says)
    # found by what it is, under whatever name the directory has it
    demo = client.read("/root/keys/25880-ed25519.pub")
    verbs.refuse("key", "add", OTHER, "demo", input=demo,
                 says="account 25880 has this key already")
    verbs.refuse("key", "add", OTHER, "weak", "/root/verbs/weak.pub", says="too weak")
    verbs.refuse("key", "add", OTHER, "none", input=b"ssh-ed25519 AAAA", says="not a public key")


def test_a_key_that_is_a_value_of_an_account_is_found_without_a_view(
        verbs, gateway, administrator):
    """Behind its options, in the directory itself, where no gateway follows it."""
    line = gateway.read("/root/verbs/one.pub").decode().strip()
    administrator.add_account(ACCOUNT, sshPublicKey=f'no-pty {line}')
    verbs.change("account", "add", OTHER)
    gateway.sh("(cat /etc/enscale/enscale.conf; printf '[paths]\\nstate_dir = /nowhere\\n')"
               " >/root/verbs/enscale.conf")
    for conf in ([], ["-f", "/root/verbs/enscale.conf"]):
        verbs.refuse(*conf, "key", "add", OTHER, "again", "/root/verbs/one.pub",
                     says=f"not added: account {ACCOUNT} has this key already")
    said = verbs.do("-f", "/root/verbs/enscale.conf", "key", "add", OTHER, "new",
                    "/root/verbs/two.pub")
    assert said.endswith(": no gateway runs here\n")


def test_a_key_expires_when_its_own_text_or_the_entry_says_so_first(
        verbs, gateway, administrator):
    verbs.change("account", "add", ACCOUNT)
    line = gateway.read("/root/verbs/one.pub").decode().strip()
    administrator.add(entries.key_dn(ACCOUNT, line), objectClass="enscaleKey", cn="laptop",
                      sshPublicKey=f'expiry-time="20400101" {line}')
    result = verbs.run("key", "expire", ACCOUNT, "laptop", "never")
    assert result.returncode == 0
    assert b"laptop\" of account 50001 expires 2040-01-01T" in result.stdout
    assert b"expiry-time of its own" in result.stderr
    result = verbs.run("key", "expire", ACCOUNT, "laptop", "2039-01-31")
    assert b"expires 2039-01-31T00:00:00Z" in result.stdout and result.stderr == b""
    said = verbs.change("key", "expire", ACCOUNT, "laptop", "2020-01-31")
    assert "laptop\" of account 50001 has expired, on 2020-01-31T00:00:00Z" in said


def test_of_a_private_key_nothing_is_kept_or_said(verbs, gateway):
    verbs.change("account", "add", ACCOUNT)
    private = gateway.read("/root/verbs/one")
    text = verbs.refuse("key", "add", ACCOUNT, "oops", input=private, says="a private key")
    assert "make a new pair" in text
    body = private.decode().split()[4:-4]
    assert len(body) > 3
    assert not any(part in text + gateway.log() for part in body)
    assert verbs.json("key", "list", ACCOUNT) == []


# ---- what cannot be done ------------------------------------------------------------


def test_what_a_gateway_would_refuse_is_not_written(verbs):
    verbs.refuse("account", "add", ACCOUNT, "status=asleep", says="enscaleStatus: an unknown word")
    verbs.change("account", "add", ACCOUNT)
    verbs.change("environment", "add", ENVIRONMENT, f"owner={ACCOUNT}")
    for wrong, says in ((["address=127.0.0.1"], "loopback"), (["address=here"], "not an address"),
                        (["address=198.19.0.77", "port=70000"], "enscalePort")):
        verbs.refuse("node", "add", NODE, ENVIRONMENT, *wrong, "system_user=apache", says=says)
    verbs.refuse("environment", "state", ENVIRONMENT, "runing", says="an unknown word")
    verbs.refuse("account", "add", ACCOUNT, says="exists already")
    verbs.refuse("account", "show", OTHER, says=f'no account "{OTHER}"')
    verbs.refuse("account", "add", "0", says="want 1 to", code=64)
    verbs.refuse("account", "add", OTHER, "colour=red", says="one of status, expires", code=64)
    verbs.refuse("account", "expire", ACCOUNT, "2027-02-30", says="is not a time", code=64)
    verbs.refuse("environment", "delete", ENVIRONMENT, says="--yes", code=64)
    verbs.refuse("account", "list", "--password", "secret", says="usage:", code=64)


def test_a_missing_right_and_a_missing_entry_are_named(verbs, gateway):
    verbs.change("account", "add", ACCOUNT)
    text = verbs.refuse("account", "suspend", ACCOUNT, *AS_GATEWAY,
                        says="Insufficient access")
    assert "name somebody who may do this with --bind-dn and --password-file" in text
    assert verbs.json("account", "list", *AS_GATEWAY) != []
    verbs.refuse("account", "list", "--uri", "ldap://127.0.0.1:1", says="--uri ldapi:///")
    gateway.sh("sed 's/^base = .*/base = dc=nowhere/' /etc/enscale/enscale.conf"
               " >/root/verbs/enscale.conf")
    verbs.refuse("-f", "/root/verbs/enscale.conf", "account", "list",
                 says='has no entry "dc=nowhere", or does not show it to you: base in')
    gateway.sh("cat /etc/enscale/enscale.conf - >/root/verbs/enscale.conf",
               input=f"[directory]\nfilter = (enscaleAccountId={ACCOUNT})\n".encode())
    assert len(verbs.json("-f", "/root/verbs/enscale.conf", "account", "list")) == 1
    verbs.refuse("account", "add", OTHER, "--below", f"ou=none,{entries.SUFFIX}",
                 says="name another with --below")


def test_the_settings_of_ldap_s_own_tools_count_here_too(verbs, gateway):
    verbs.change("account", "add", ACCOUNT)
    gateway.write("/root/verbs/.ldaprc", "URI ldapi:///\n")
    suspend = ["enscalectl", "account", "suspend", ACCOUNT]

    def run(*more, **env):
        return gateway.run([*suspend, *more], check=False, env={"HOME": "/nowhere"} | env)

    # without a word it is the gateway's server, where root is nobody
    result = run()
    assert result.returncode == 1 and b"ldaps://directory: SASL EXTERNAL" in result.stderr
    assert run(HOME="/root/verbs").returncode == 0
    result = run(*AS_GATEWAY[:2], *AS_GATEWAY[4:], LDAPBINDDN=GATEWAY_DN)
    assert b"Insufficient access" in result.stderr


def test_a_referral_is_named_and_not_followed(verbs, administrator):
    dn = f"ou=elsewhere,{entries.SUFFIX}"
    administrator.add(dn, objectClass=["referral", "extensibleObject"], ou="elsewhere",
                      ref="ldap://elsewhere.example/ou=elsewhere")
    try:
        verbs.refuse("account", "add", ACCOUNT, "--below", dn, says="ldap://elsewhere.example")
    finally:
        administrator._run("ldapdelete", "-M", dn)


def test_a_directory_that_goes_away_in_the_middle_leaves_a_change_unknown(
        gateway, directory, administrator):
    administrator.add_account(ACCOUNT)
    try:
        with directory_here(gateway, directory, ldapi.MODIFY):
            text = Verbs(gateway).refuse("account", "suspend", ACCOUNT, code=2,
                                         says="not known whether the change was made")
            assert '"show" tells' in text
        with directory_here(gateway, directory):
            def status():
                shown = Verbs(gateway).json("account", "show", ACCOUNT)
                return next(row["status"] for row in shown if row["kind"] == "account")

            test_hosts.wait_for(lambda: status() == "suspended", "the suspension")
    finally:
        administrator.delete(entries.account_dn(ACCOUNT))


def test_a_change_says_that_no_gateway_runs_or_follows(verbs, gateway):
    def elsewhere(setting):
        gateway.sh("cat /etc/enscale/enscale.conf - >/root/verbs/enscale.conf",
                   input=f"[paths]\n{setting}\n".encode())
        return ["-f", "/root/verbs/enscale.conf", "account"]

    here = elsewhere("state_dir = /nowhere")
    assert verbs.do(*here, "add", ACCOUNT) == f"account {ACCOUNT} added: no gateway runs here\n"
    [change] = verbs.json(*here, "suspend", ACCOUNT)
    assert change == {"done": f"account {ACCOUNT} suspended", "dn": entries.account_dn(ACCOUNT),
                      "milliseconds": None}
    test_hosts.wait_for(lambda: "suspended" in explain(gateway, ACCOUNT), "the suspension")
    # its view does not have it yet, and nobody is there to bring it
    gateway.kill("enscale-sync", signal.SIGSTOP)
    try:
        result = verbs.run(*elsewhere("run_dir = /nowhere"), "resume", ACCOUNT)
    finally:
        gateway.kill("enscale-sync", signal.SIGCONT)
    assert result.returncode == 2 and b"enscale-sync is not running" in result.stderr
    assert result.stdout == f"account {ACCOUNT} resumed\n".encode()


# ---- who did it, and how it looks ----------------------------------------------------


def test_each_change_is_in_the_log_with_who_did_it(verbs, gateway):
    before = len(gateway.log())
    verbs.change("account", "add", ACCOUNT)
    verbs.refuse("account", "suspend", ACCOUNT, *AS_GATEWAY,
                 says="Insufficient access")
    lines = re.findall(r"enscalectl\[\d+\]: ({.*})", gateway.log()[before:])
    done, tried = map(json.loads, lines)
    assert done == {"event": "account add", "dn": entries.account_dn(ACCOUNT), "user": "root",
                    "directory_user": "dn:gidNumber=0+uidNumber=0,cn=peercred,cn=external,cn=auth",
                    "result": "changed"}
    assert tried["directory_user"] == f"dn:{GATEWAY_DN}"
    assert tried["event"] == "account suspend" and tried["result"] == "Insufficient access"


def at_terminal(gateway, command):
    argv = gateway.command(["bash", "-c", command], {"TERM": "xterm"})
    return pexpect.spawn(argv[0], argv[1:], encoding="utf-8", timeout=20, dimensions=(24, 200))


def test_at_a_terminal_there_are_questions_and_aligned_columns(verbs, gateway):
    verbs.change("account", "add", ACCOUNT, "name=Ada\x1b[31m Berg")
    verbs.change("account", "add", OTHER)
    asks = f"enscalectl account list --uri ldaps://directory --bind-dn {GATEWAY_DN}"
    terminal = at_terminal(gateway, asks)
    terminal.expect(f"Password of {GATEWAY_DN}: ")
    password = gateway.read("/root/verbs/password").decode().strip()
    terminal.sendline(password)
    terminal.expect(pexpect.EOF)
    assert password not in terminal.before and "\x1b" not in terminal.before
    lines = terminal.before.replace("\r", "").strip().split("\n")
    assert lines[0].split() == ["account_id", "status", "expires", "max_sessions", "cn", "mail"]
    column = lines[0].index("cn")
    [row] = [line for line in lines if line.startswith(ACCOUNT)]
    assert row[column:].startswith("Ada[31m Berg")
    for answer, left in (("n", 1), ("y", 0)):
        terminal = at_terminal(
            gateway, f"LDAPURI=ldapi:/// enscalectl account delete {OTHER}")
        terminal.expect(rf"Delete account {OTHER}.*\[y/N\] ")
        terminal.sendline(answer)
        terminal.expect(pexpect.EOF)
        assert len([row for row in verbs.json("account", "list")
                    if row["account_id"] == int(OTHER)]) == left


def test_what_a_log_says_is_shown_without_its_control_characters(verbs, gateway):
    """It is what somebody else has written."""
    event = {"time": "2026-11-30T12:00:00Z\x1b[2J", "event": "hop-refused\x1b[31m",
             "session": "abc\x9b", "account": 25880, "node": 124718, "sentence": "No\x1b]0;x\x07"}
    gateway.write("/root/verbs/audit.log", json.dumps(event, separators=(",", ":")) + "\n")
    gateway.sh("cat /etc/enscale/enscale.conf - >/root/verbs/enscale.conf",
               input=b"[paths]\naudit_log = /root/verbs/audit.log\n")
    show = "enscalectl -f /root/verbs/enscale.conf account show 25880"
    terminal = at_terminal(gateway, f"LDAPURI=ldapi:/// {show}")
    terminal.expect(pexpect.EOF)
    piped = gateway.sh(f"LDAPURI=ldapi:/// {show} | cat").stdout.decode()
    for said in (terminal.before, piped):
        assert "hop-refused?[31m" in said, said
        assert not set("\x1b\x9b\x07") & set(said)


def test_without_a_terminal_a_record_is_a_line_with_tabs(verbs):
    verbs.change("account", "add", ACCOUNT, "name=Ada")
    # who reads no more of it, ends it
    quiet = verbs.gateway.sh("LDAPURI=ldapi:/// enscalectl key list 2>&1 | true").stdout
    assert quiet == b""
    lines = verbs.do("account", "list", "name=Ada").splitlines()
    assert lines == [f"{ACCOUNT}\tactive\t\t\tAda\t\t{entries.account_dn(ACCOUNT)}\t"]
    assert verbs.do("account", "list", "name=Nobody", "--json") == "[]\n"


def of_page(title):
    """Names that the page has for it, in their order."""
    with open("/usr/src/enscale/man/enscalectl.8") as file:
        text = file.read().split(".Ss Accounts, keys, environments and nodes\n")[1]
    item = re.search(rf"^\.It Li {title}$(.*?)^(?=\.It|\.El)", text, re.M | re.S)[1]
    lines = re.findall(r"^\.(?:Li|Cm) (.*?)(?: ;)?$", item, re.M)
    return re.findall(r"\w+", " ".join(lines))


@pytest.mark.parametrize("noun", ["account", "key", "environment", "node"])
def test_the_values_of_a_list_and_the_fields_are_those_of_the_page(verbs, noun):
    title = {"key": "key list , key show", "node": "node list , node show"}
    rows = verbs.json(noun, "list")
    assert len(rows) > 2
    for row in rows:
        assert list(row) == of_page(title.get(noun, f"{noun} list"))
    text = verbs.refuse(noun, "list", "colour=red", says="want FIELD=VALUE", code=64)
    assert sorted(text.split("one of ")[1].strip().split(", ")) == sorted(of_page(noun))


# ---- what this gateway knows, as JSON and for auditors -------------------------------


def test_who_names_each_key_that_may_enter_and_until_when(verbs, gateway):
    for account in (ACCOUNT, OTHER):
        verbs.change("account", "add", account, "name=Ada")
    verbs.change("environment", "add", ENVIRONMENT, f"owner={ACCOUNT}")
    verbs.do("node", "add", NODE, ENVIRONMENT, "address=198.19.0.77", "system_user=apache")
    verbs.refuse("who", NODE, says="nobody may enter")  # it has no key
    verbs.change("key", "add", ACCOUNT, "laptop", "/root/verbs/one.pub")
    verbs.change("key", "add", OTHER, "desktop", "/root/verbs/two.pub")
    [row] = verbs.json("who", NODE)
    own = gateway.sh("ssh-keygen -lf /root/verbs/one.pub").stdout.decode().split()[1]
    assert row == {"account_id": int(ACCOUNT), "name": "Ada", "role": "owner",
                   "fingerprint": own, "title": "laptop", "from": None, "until": None}
    verbs.change("account", "expire", OTHER, "2090-01-31")
    verbs.change("environment", "share", ENVIRONMENT, OTHER, "full")
    rows = {row["role"]: row for row in verbs.json("who", ENVIRONMENT)}
    assert rows["full"]["until"] == "2090-01-31T00:00:00Z"
    verbs.change("key", "expire", OTHER, "desktop", "2080-01-31")
    rows = {row["role"]: row for row in verbs.json("who", NODE)}
    assert rows["full"]["until"] == "2080-01-31T00:00:00Z"
    for change in (["key", "expire", OTHER, "desktop", "2020-01-31"],
                   ["account", "suspend", OTHER],
                   ["environment", "share", ENVIRONMENT, OTHER, "limited"]):
        verbs.change(*change)
        assert [row["role"] for row in verbs.json("who", NODE)] == ["owner"]
        if change[0] == "key":
            verbs.change("key", "expire", OTHER, "desktop", "never")
        elif change[0] == "account":
            verbs.change("account", "resume", OTHER)
    verbs.change("environment", "state", ENVIRONMENT, "stopped")
    for name in (NODE, ENVIRONMENT):
        verbs.refuse("who", name, says="environment-stopped")
    verbs.refuse("who", "no-such-9", says='no environment "no-such-9"')
    verbs.refuse("who", "999999", says="no node 999999")


def test_settings_are_what_a_user_sees_of_the_gateway(verbs, gateway, client):
    shown = client.sh("ssh-keyscan -p 3022 ssh.enscale.com 2>/dev/null | ssh-keygen -lf -"
                      " | awk '{ print $2 }'").stdout.decode().split()
    [settings] = verbs.json("settings", "25880")
    assert sorted(line.split()[1] for line in settings["sha256"]) == sorted(shown)
    assert (settings["user_name"], settings["host"], settings["port"]) == (
        "25880", "ssh.enscale.com", 3022)
    text = verbs.do("settings", "25880")
    for line in settings["sha256"] + settings["md5"]:
        assert line in text


def test_explain_and_lookup_say_the_same_as_json(verbs, gateway):
    [explained] = json.loads(verbs.run("explain", "136553-25880", "--json").stdout)
    assert as_text(explained) == explain(gateway, "136553-25880")
    [known] = verbs.json("lookup", "124718-25880")
    assert (known["account"], known["node"], known["map"]) == (25880, 124718, "exists")
    text = verbs.do("lookup", "124718-25880")
    for name, value in known.items():
        assert re.search(rf"^{name.replace('_', ' '):12}{re.escape(str(value))}$", text, re.M)


def as_text(explained):
    assert explained["name"] == "136553-25880"
    return f"{explained['verdict']}: {explained['sentence']}\n"


# ---- completion -----------------------------------------------------------------------


def completed(gateway, *words):
    script = ("source /usr/share/bash-completion/completions/enscalectl;"
              'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _enscalectl; echo "${COMPREPLY[@]}"')
    argv = ["bash", "-c", script, "bash", "enscalectl", *words]
    return gateway.run(argv).stdout.decode().split()


def test_bash_completes_nouns_verbs_and_options(gateway):
    assert completed(gateway, "acc") == ["account"]
    assert completed(gateway, "environment", "s") == ["share", "show", "state"]
    assert completed(gateway, "environment", "state", "x", "sl") == ["sleeping"]
    assert completed(gateway, "-f", "x", "node", "hostkey", "1", "--s") == ["--scan"]
    # each verb of --help is offered
    for line in re.findall(r"^  ([a-z].*)", gateway.run(["enscalectl", "--help"]).stdout.decode(),
                           re.M):
        verb = re.match(r"(?:[a-z]+ ?)+", line)[0].split()
        assert verb[-1] in completed(gateway, *verb[:-1], "")
