"""Users who add and delete their own keys: off by default, and what it is
like where the administrators want it."""

import base64
import hashlib
import json
import signal
import time

import pexpect
import pytest

import installing
from entries import account_dn, fingerprint, key_dn

AUDIT = "/var/log/enscale/audit.log"
SOCKET = "/run/enscale/keyd/keyd.sock"
UID_BASE = 1879048192
ACCOUNT, OTHER = 51518, 51519
# What the guard sends, from common/protocol/keyd_protocol.h; prints the result, or
# what became of the connection.
ASK = """
import socket, struct, sys
def text(value):
    value = value.encode()
    return struct.pack(">I", len(value)) + value + b"\\0"
def ask(*request):
    op, account, *rest = request
    body = struct.pack(">BBI", 1, op, account)
    body += b"".join(map(text, rest)) if op == 1 else rest[0]
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(15)
    s.connect("%s")
    s.sendall(struct.pack(">I", len(body)) + body)
    reply = b""
    while len(reply) < 38:
        more = s.recv(38 - len(reply))
        if not more:
            return "closed"
        reply += more
    return reply[5]
""" % SOCKET
DONE, KEY_FIXED, TOO_MANY, TOO_FAST, NO_ACCOUNT = 0, 9, 10, 11, 12


def sha256(public):
    digest = hashlib.sha256(base64.b64decode(public.split()[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def make_key(client, name, *options):
    path = f"/root/keys/{name}"
    client.run(["rm", "-f", path, f"{path}.pub"])
    client.run(["ssh-keygen", "-q", "-N", "", "-C", "me@home", "-f", path, *options])
    return path, client.read(f"{path}.pub").decode().strip()


@pytest.fixture
def first(client):
    """The key that the account begins with."""
    return make_key(client, "keyd-first", "-t", "ed25519")


@pytest.fixture
def second(client):
    return make_key(client, "keyd-second", "-t", "ecdsa")


@pytest.fixture
def account(client, administrator, first, wait_for):
    administrator.add_account(ACCOUNT, first[1])
    wait_for(lambda: client.ssh(str(ACCOUNT), "x", key=first[0]).returncode == 123,
             "the new account comes in", 5)
    yield ACCOUNT
    administrator.delete(account_dn(ACCOUNT))


@pytest.fixture
def keyd(directory, gateway):
    """As README says: a password, three settings, the daemon."""
    def systemctl(words):
        name = words[-1]
        if words[0] in ("disable", "restart"):
            gateway.stop(name)
        if words[0] in ("enable", "restart"):
            gateway.start(f"{name}.service")

    with installing.keys_managed_on(gateway, directory, systemctl):
        yield


@pytest.fixture
def keys(client, first):
    """keys("add My laptop", public key): as the account, with its first key."""
    def run(words="", public=b"", key=first[0], account=ACCOUNT, **more):
        if isinstance(public, str):
            public = public.encode() + b"\n"
        return client.ssh(str(account), f"keys {words}".strip(), key=key,
                          input=public, **more)
    return run


def within_a_second(attempt):
    begin = time.monotonic()
    while time.monotonic() - begin < 1:
        if attempt():
            return True
    return False


def ask_keyd(host, user, script, check=True):
    argv = ["setpriv", f"--reuid={user}", "--regid=enscale", "--clear-groups"]
    if isinstance(user, int) and user:
        argv[2] = f"--regid={user}"
    result = host.run([*argv, "python3", "-"], input=ASK + script, check=check)
    return result.stdout.decode().split() if check else result


def audit(host, event):
    lines = host.read(AUDIT).decode().splitlines()
    return [line for line in map(json.loads, lines)
            if line["event"] == event and line.get("account") == ACCOUNT]


# Off

def test_keys_cannot_be_changed_unless_the_administrators_allow_it(
        gateway, keys, account, first, second):
    for words, public in [("add My laptop", second[1]),
                          (f"delete {sha256(first[1])}", b"")]:
        result = keys(words, public)
        assert result.returncode == 120 and result.stdout == b""
        assert b"leaves that to the administrators" in result.stderr
    assert audit(gateway, "key-refused")[-1]["verdict"] == "keys-off"
    assert keys().returncode == 0
    # A module before this one may have had it, and stopped it.
    assert not [daemon for daemon in gateway.ask("status")["daemons"]
                if daemon["name"] == "enscale-keyd" and daemon["state"] != "stopped"]


def test_keyd_does_not_run_where_it_is_off(gateway):
    result = gateway.run(
        ["setpriv", "--reuid=enscale-keyd", "--regid=enscale", "--clear-groups",
         "/usr/libexec/enscale/enscale-keyd"], check=False, timeout=10)
    assert result.returncode == 78
    assert b"manage = no" in result.stderr


def test_keys_are_listed_with_title_date_type_and_fingerprints(
        client, keys, account, first, administrator, second):
    administrator.add_key(ACCOUNT, second[1], cn="The second key")
    shown = client.run(["ssh-keygen", "-E", "md5", "-lf", f"{second[0]}.pub"])

    def fields():
        lines = keys().stdout.decode().splitlines()
        found = [line.split("\t") for line in lines]
        return {row[0]: row[1:] for row in found}

    assert within_a_second(lambda: len(fields()) == 2)
    kind, bits, added, expires, source, md5, title = fields()[sha256(second[1])]
    assert (kind, bits, expires, source) == ("ECDSA", "256", "-", "-")
    assert md5 == shown.stdout.decode().split()[1]
    assert title == "The second key"
    now = time.strftime("%Y-%m-%dT%H", time.gmtime())
    assert added.startswith(now[:10]) and added.endswith("Z")
    assert keys(key=first[0]).stderr == b""


@pytest.mark.parametrize("words", ["add", "delete", "remove x", "add  ", "list"])
def test_other_words_say_which_there_are(keys, account, words):
    result = keys(words)
    assert result.returncode == 123 and result.stdout == b""
    assert b"keys add TITLE" in result.stderr


def test_the_word_is_the_nodes_business_where_the_name_has_a_node(client):
    result = client.ssh("124718-25880", "keys")
    assert result.returncode == 127
    assert b"enscale:" not in result.stderr


# On

def test_a_key_is_added_used_listed_and_deleted_again(
        client, gateway, keyd, keys, account, second):
    path, public = second
    login = lambda: client.ssh(str(ACCOUNT), "x", key=path).returncode
    assert login() == 255
    result = keys("add My 2nd laptop, blue", public)
    assert (result.returncode, result.stderr) == (0, b"")
    assert result.stdout.decode() == f"added {sha256(public)}\n"
    assert within_a_second(lambda: login() == 123)
    row = [line for line in keys().stdout.decode().splitlines()
           if line.startswith(sha256(public))]
    assert row and row[0].endswith("\tMy 2nd laptop, blue")

    result = keys(f"delete {sha256(public)}")
    assert (result.returncode, result.stderr) == (0, b"")
    assert result.stdout.decode() == f"deleted {sha256(public)}\n"
    assert within_a_second(lambda: login() == 255)
    assert sha256(public) not in keys().stdout.decode()

    added = audit(gateway, "key-added")[-1]
    assert added["fingerprint"] == sha256(public)
    assert added["title"] == "My 2nd laptop, blue"
    assert added["session"] and added["key"] != added["fingerprint"]
    assert audit(gateway, "key-deleted")[-1]["fingerprint"] == sha256(public)
    assert f'key "{sha256(public)}" added account={ACCOUNT}' in gateway.log(
        "enscale-keyd")


def read_entry(directory, dn):
    found = directory.run(
        ["ldapsearch", "-Q", "-LLL", "-o", "ldif-wrap=no", "-Y", "EXTERNAL", "-H",
         "ldapi:///", "-s", "base", "-b", dn])
    return found.stdout.decode().splitlines()


def test_the_entry_is_one_that_our_tools_would_write(
        directory, keyd, keys, account, second):
    public = second[1]
    limits = 'from="198.18.0.0/15",expiry-time="20991231235959Z" '
    assert keys("add Laptop", limits + public).returncode == 0
    lines = read_entry(directory, key_dn(ACCOUNT, public))
    kind, blob, _ = public.split()
    assert f'sshPublicKey: from="198.18.0.0/15" {kind} {blob}' in lines
    assert f"enscaleKeyFingerprint: {fingerprint(public)}" in lines
    assert "enscaleExpires: 20991231235959Z" in lines
    assert "cn: Laptop" in lines and "objectClass: enscaleKey" in lines


def test_bad_keys_are_refused_with_the_reason(client, keyd, keys, account, second):
    weak = make_key(client, "keyd-weak", "-t", "rsa", "-b", "1024")
    private = client.read(second[0])
    public = second[1]
    for given, reason in [
        (weak[1], b"an RSA key needs 2048 bits"),
        (private, b"This is a private key"),
        ("", b"no key on standard input"),
        ("hello", b"not an SSH public key"),
        (f"{public}\n{public}", b"add one at a time"),
        (f'command="id" {public}', b"an option that is not accepted"),
        (f"no-touch-required {public}", b"an option that is not accepted"),
        (f'expiry-time="20200101" {public}', b"already expired"),
        (public.split()[0] + " " + "A" * 20000, b"too long"),
        ("PuTTY-User-Key-File-3: ssh-rsa\nPrivate-Lines: 1\n",
         b"This is a private key"),
        ("-----BEGIN PUBLIC KEY-----\nMIIB\n", b"not an SSH public key"),
    ]:
        result = keys("add title", given)
        assert result.returncode == 120 and result.stdout == b"", given[:80]
        assert reason in result.stderr, (given[:80], result.stderr)
    result = keys("add a\x1b[31mtitle", public)
    assert result.returncode == 120 and b"The title must be" in result.stderr
    assert len(keys().stdout.splitlines()) == 1


def test_a_key_is_added_in_any_form_with_what_limits_it(
        client, directory, keyd, keys, account, second):
    path, public = second
    block = client.run(["ssh-keygen", "-e", "-m", "RFC4716", "-f", path + ".pub"])
    result = keys("add From PuTTY", block.stdout)
    assert result.returncode == 0, result.stderr
    assert sha256(public).encode() in result.stdout
    assert keys(f"delete {sha256(public)}").returncode == 0
    result = keys("add From a file", f"# mine\r\n\t\r\n  restrict,pty\t{public} \r\n")
    assert result.returncode == 0, result.stderr
    kind, blob, _ = public.split()
    lines = read_entry(directory, key_dn(account, public))
    assert ("sshPublicKey: no-agent-forwarding,no-port-forwarding "
            f"{kind} {blob}") in lines


def test_what_is_there_already_or_not_there_is_said(keyd, keys, account, first, second):
    result = keys("add Again", first[1])
    assert result.returncode == 120 and b"already has this key" in result.stderr
    result = keys(f"delete {sha256(second[1])}")
    assert result.returncode == 120
    assert b"no key with this fingerprint" in result.stderr
    result = keys("delete MD5:00:11")
    assert result.returncode == 123 and b"SHA256:" in result.stderr


def test_a_key_of_another_account_stays(
        client, administrator, keyd, keys, account, second):
    path, public = second
    administrator.add_account(OTHER, public)
    try:
        assert within_a_second(
            lambda: client.ssh(str(OTHER), "x", key=path).returncode == 123)
        result = keys(f"delete {sha256(public)}")
        assert result.returncode == 120
        assert b"no key with this fingerprint" in result.stderr
        assert client.ssh(str(OTHER), "x", key=path).returncode == 123
        # It is no business of that account which keys others have.
        assert keys("add Shared", public).returncode == 0
        assert keys(f"delete {sha256(public)}").returncode == 0
        time.sleep(0.5)
        assert client.ssh(str(OTHER), "x", key=path).returncode == 123
    finally:
        administrator.delete(account_dn(OTHER))


def test_a_key_is_deleted_whatever_its_entry_is_called(
        client, administrator, keyd, keys, account, second):
    path, public = second
    for title in ("By hand", "Twice"):
        administrator.add(f"cn={title},{account_dn(ACCOUNT)}",
                          objectClass="enscaleKey", sshPublicKey=public)
    login = lambda: client.ssh(str(ACCOUNT), "x", key=path).returncode
    assert within_a_second(lambda: login() == 123)
    assert keys(f"delete {sha256(public)}").returncode == 0
    assert within_a_second(lambda: login() == 255)


def test_a_key_on_the_account_itself_is_the_administrators(
        administrator, keyd, keys, account, second):
    administrator.replace(account_dn(ACCOUNT), sshPublicKey=second[1])
    result = keys(f"delete {sha256(second[1])}")
    assert result.returncode == 120
    assert b"only an administrator can delete it" in result.stderr
    result = keys("add Again", second[1])
    assert result.returncode == 120 and b"already has this key" in result.stderr


def test_a_key_may_delete_itself_and_its_session_ends(
        client, administrator, keyd, keys, account, first, second):
    administrator.add_key(ACCOUNT, second[1])
    session = client.pexpect_ssh(str(ACCOUNT), key=first[0])
    session.expect("Quit")
    begin = time.monotonic()
    keys(f"delete {sha256(first[1])}")  # perhaps ended before it could say so
    session.expect("The gateway is ending this session")
    session.expect(pexpect.EOF)
    assert time.monotonic() - begin < 10
    assert within_a_second(
        lambda: client.ssh(str(ACCOUNT), "x", key=first[0]).returncode == 255)
    assert client.ssh(str(ACCOUNT), "x", key=second[0]).returncode == 123


def test_a_limited_key_lists_and_changes_nothing(
        client, administrator, keyd, keys, account, second):
    path, public = second
    administrator.add(key_dn(ACCOUNT, public), objectClass="enscaleKey",
                      sshPublicKey=f'from="198.18.0.0/15" {public}')
    assert within_a_second(lambda: keys(key=path).returncode == 0)
    result = keys(f"delete {sha256(public)}", key=path)
    assert result.returncode == 120 and b"this session is restricted" in result.stderr


def test_a_users_process_cannot_talk_to_keyd(gateway, keyd, account, second, wait_for):
    before = len(gateway.log("enscale-keyd"))
    script = f"print(ask(1, {ACCOUNT}, 'title', '{second[1]}'))"
    result = ask_keyd(gateway, UID_BASE + ACCOUNT, script, check=False)
    assert result.returncode == 1 and b"PermissionError" in result.stderr
    # Who can reach the socket, in the group or as root, is refused by uid.
    for user in ("enscale-sync", "enscale-keys", "nobody", "root"):
        assert ask_keyd(gateway, user, f"""
try:
    {script}
except ConnectionError:
    print("closed")
""") == ["closed"], user
    # the line comes after the end of the connection
    wait_for(lambda: "refused a connection of uid 0, pid " in gateway.log("enscale-keyd")[before:],
             "root is refused")
    log = gateway.log("enscale-keyd")[before:]
    assert log.count("refused a connection of uid") == 4
    assert "added" not in log


def test_keyd_checks_again_what_the_guard_sends(
        administrator, gateway, keyd, account, second):
    public = second[1]
    administrator.add(f"cn=double,ou=accounts,dc=enscale,dc=example",
                      objectClass="enscaleAccount", enscaleAccountId=51520)
    administrator.add(f"cn=double2,ou=accounts,dc=enscale,dc=example",
                      objectClass="enscaleAccount", enscaleAccountId=51520)
    try:
        answers = ask_keyd(gateway, "enscale-guard", f"""
key = {public!r}
print(ask(1, 0, "t", key), ask(1, 2**28, "t", key), ask(1, 59999, "t", key))
print(ask(1, 51520, "t", key))
print(ask(1, {ACCOUNT}, "a\\nb", key), ask(1, {ACCOUNT}, "t", key + chr(10) + key))
print(ask(3, {ACCOUNT}, b"x" * 32), ask(2, {ACCOUNT}, b"x" * 31))
""")
    finally:
        for name in ("double", "double2"):
            administrator.delete(f"cn={name},ou=accounts,dc=enscale,dc=example")
    assert answers == ["12", "12", "12", "12", "2", "16", "1", "1"]


def test_an_account_has_only_so_many_keys_and_changes(
        administrator, client, gateway, keyd, account, second):
    blob = base64.b64decode(client.read("/root/keys/keyd-first.pub").split()[1])
    for n in range(99):
        other = blob[:-4] + n.to_bytes(4, "big")
        line = "ssh-ed25519 " + base64.b64encode(other).decode()
        administrator.add_key(ACCOUNT, line)
    digest = fingerprint("x " + base64.b64encode(other).decode())
    answers = ask_keyd(gateway, "enscale-guard", f"""
digest = bytes.fromhex("{digest}")
print(ask(1, {ACCOUNT}, "t", {second[1]!r}))
print(ask(2, {ACCOUNT}, digest), ask(1, {ACCOUNT}, "t", {second[1]!r}))
for n in range(18):
    print(ask(2, {ACCOUNT}, b"n" * 32))
print(ask(2, {ACCOUNT}, b"n" * 32))
""")
    assert answers == ["10", "0", "0"] + ["8"] * 17 + ["11", "11"]


def test_a_directory_that_hangs_is_said_and_holds_nobody_up(
        client, directory, keyd, keys, account, first, second):
    directory.kill("slapd", signal.SIGSTOP)
    try:
        argv = client.ssh_argv(str(ACCOUNT), "keys add Laptop", key=first[0],
                               options=["-o", "BatchMode=yes"])
        begin = time.monotonic()
        waiting = client.popen(argv, stdin=-1, stdout=-1, stderr=-1)
        waiting.stdin.write(second[1].encode() + b"\n")
        waiting.stdin.close()
        time.sleep(1)
        assert client.ssh("124718-25880", "exit 4").returncode == 4
        assert keys().returncode == 0
        again = keys("add Laptop", second[1])
        assert again.returncode == 122
        assert b"Another change to this account's keys" in again.stderr
        said = waiting.stderr.read()
        assert waiting.wait(20) == 122
        assert time.monotonic() - begin < 20
        assert b"nothing was changed" in said or b"did not say whether" in said
    finally:
        directory.kill("slapd", signal.SIGCONT)
    assert len(keys().stdout.splitlines()) == 1


def test_keyd_that_alone_has_read_that_it_is_off_refuses_every_change(
        gateway, keyd, keys, account, second):
    def reload(manage):
        gateway.sh(f"sed -i 's/^manage = .*/manage = {manage}/' /etc/enscale/enscale.conf")
        gateway.kill("enscale-keyd", signal.SIGHUP)
    reload("no")
    result = keys("add My laptop", second[1])
    assert result.returncode == 120 and b"leaves that to the administrators" in result.stderr
    refused = audit(gateway, "key-refused")[-1]
    assert refused["verdict"] == "keys-off" and refused["op"] == "add"
    reload("yes")
    assert keys("add My laptop", second[1]).returncode == 0


def test_without_keyd_nothing_is_changed(gateway, keyd, keys, account, second):
    gateway.stop("enscale-keyd")
    result = keys("add Laptop", second[1])
    assert result.returncode == 122
    assert b"nothing was changed" in result.stderr
