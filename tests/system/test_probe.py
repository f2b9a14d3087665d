"""enscalectl probe logs in as users do, and doctor does with --login: by a key
that is given, or by one that is made in the directory and taken away again."""

import json
import re
import subprocess
import time

import pytest

import entries
import ldapi as local
from test_enrol import directory_here

LOGIN = "124718-25880"
IDENTITY = "/root/probe/key"


@pytest.fixture
def identity(gateway, client):
    gateway.write(IDENTITY, client.read("/root/keys/25880-ed25519"), 0o600)
    yield ["--identity", IDENTITY]
    gateway.sh("rm -r /root/probe")


@pytest.fixture
def ldapi(gateway, directory):
    with directory_here(gateway, directory) as options:
        yield options


def run(gateway, *words):
    """The exit code, and {word: line}."""
    result = gateway.run(["enscalectl", *words, "--json"], check=False)
    return result.returncode, {line["check"]: line for line in json.loads(result.stdout)}


def states(lines):
    return {word: line["state"] for word, line in lines.items()}


def probe_keys(administrator):
    found = administrator._run("ldapsearch", "-LLL", "-b", entries.SUFFIX,
                               "(&(objectClass=enscaleKey)(cn=enscalectl probe))", "sshPublicKey")
    return found.strip()


@pytest.fixture
def nothing_is_left(gateway, administrator):
    yield
    assert probe_keys(administrator) == ""
    assert gateway.sh("ls -d /tmp/enscalectl.* 2>/dev/null || :").stdout == b""


WELL = {"login": "ok", "login-ipv6": "ok", "login-key": "ok"}


@pytest.mark.parametrize("login", [LOGIN, "25880"])
def test_a_login_with_a_key_that_is_given_comes_in(gateway, identity, nothing_is_left, login):
    code, lines = run(gateway, "probe", login, *identity)
    assert states(lines) == WELL, lines
    assert code == 0
    assert lines["login-key"]["finding"] == "none was made"


def test_a_login_with_a_key_that_is_made_comes_in(
        gateway, ldapi, administrator, nothing_is_left, wait_for):
    code, lines = run(gateway, "probe", LOGIN, *ldapi)
    assert states(lines) == WELL, lines
    assert code == 0
    assert lines["login"]["finding"] == f"{LOGIN} logged in at 127.0.0.1"
    assert lines["login-key"]["finding"] == ""
    dump = gateway.run(["enscalectl", "view", "dump"])
    wait_for(lambda: b"enscalectl probe" not in gateway.run(["enscalectl", "view", "dump"]).stdout,
             f"the key is gone from the view {dump}")


def test_the_key_that_is_made_is_valid_from_here_alone_and_for_minutes(
        gateway, ldapi, administrator, nothing_is_left, wait_for):
    """Seen while a login that cannot end yet goes on: sshd is stopped meanwhile."""
    gateway.kill("enscale-sshd", 19)
    try:
        going = gateway.popen(["enscalectl", "probe", LOGIN, *ldapi])
        wait_for(lambda: probe_keys(administrator), "the key is there")
        value = probe_keys(administrator).replace("\n ", "")
        # what is ASCII and has no blank at its ends is not base64 in LDIF
        assert 'sshPublicKey: from="127.0.0.1,::1",expiry-time="' in value
    finally:
        gateway.kill("enscale-sshd", 18)
    assert going.wait(60) == 0


def test_what_is_done_to_the_directory_is_in_the_log_with_who_did_it(
        gateway, ldapi, nothing_is_left):
    before = len(gateway.log())
    code, _ = run(gateway, "probe", "25880", *ldapi)
    assert code == 0
    lines = re.findall(r"enscalectl\[\d+\]: ({.*})", gateway.log()[before:])
    done = [json.loads(line) for line in lines]
    assert [(line["event"], line["user"], line["result"]) for line in done] == [
        ("probe", "root", "changed")] * 2
    assert re.fullmatch(rf"enscaleKeyFingerprint=[0-9a-f]{{64}},{entries.account_dn(25880)}",
                        done[0]["dn"])
    assert done[0]["dn"] == done[1]["dn"]


@pytest.mark.parametrize("late, state", [(0, "ok"), (2, "ok"), (60, "warning")])
def test_a_key_that_the_directory_did_not_confirm_is_deleted_or_named(
        gateway, directory, nothing_is_left, late, state):
    """It comes at once, after a while, or not as long as anybody waits."""
    with local.directory_here(gateway, directory, local.ADD, late) as options:
        code, lines = run(gateway, "probe", "25880", *options)
        if state == "ok":
            time.sleep(late + 1)  # it has come by then, whatever was waited for
    assert code == 2
    assert states(lines) == {"login": "failure", "login-ipv6": "skipped", "login-key": state}
    assert "Can't contact LDAP server" in lines["login"]["finding"]
    if state == "warning":
        assert re.match(rf'"enscaleKeyFingerprint=[0-9a-f]{{64}},{entries.account_dn(25880)}": ',
                        lines["login-key"]["finding"])
        assert "should it come later" in lines["login-key"]["finding"]


def test_a_connection_that_ends_during_the_login_keeps_no_key(
        gateway, directory, administrator, nothing_is_left, wait_for):
    gateway.kill("enscale-sshd", 19)
    try:
        with local.directory_here(gateway, directory) as options:
            argv = ["enscalectl", "probe", "25880", *options, "--json"]
            going = gateway.popen(argv, stdout=subprocess.PIPE)
            wait_for(lambda: probe_keys(administrator), "the key is there")
        with local.directory_here(gateway, directory):
            gateway.kill("enscale-sshd", 18)
            lines = json.loads(going.communicate(timeout=60)[0])
    finally:
        gateway.kill("enscale-sshd", 18)
    assert {line["check"]: line["state"] for line in lines} == WELL


def test_nobody_logs_in_by_a_configuration_that_cannot_be_read(gateway, identity):
    gateway.sh("(cat /etc/enscale/enscale.conf; echo 'unknown = 1') >/root/probe/broken.conf")
    code, lines = run(gateway, "-f", "/root/probe/broken.conf", "probe", LOGIN, *identity)
    assert code == 2
    assert states(lines) == {"configuration": "failure", "login": "skipped",
                             "login-ipv6": "skipped", "login-key": "ok"}
    assert 'unknown key "unknown"' in lines["configuration"]["finding"]


@pytest.mark.parametrize("verb", [["doctor"], ["probe", LOGIN], ["node", "enrol", "host"],
                                  ["explain", LOGIN]])
def test_a_password_is_not_taken_from_a_command_line(gateway, verb):
    """--password is no short form of --password-file."""
    result = gateway.run(["enscalectl", *verb, "--password", "secret"], check=False)
    assert result.returncode == 64
    assert b"usage: " in result.stderr and b"secret" not in result.stderr


def test_without_the_right_to_write_no_key_is_made_and_that_is_said(gateway, nothing_is_left):
    config = ["--bind-dn", "cn=gateway,dc=enscale,dc=example",
              "--password-file", "/root/probe-password"]
    gateway.sh("install -m 600 /etc/enscale/directory.password /root/probe-password")
    try:
        code, lines = run(gateway, "probe", LOGIN, *config)
    finally:
        gateway.sh("rm /root/probe-password")
    assert code == 2
    assert states(lines) == {"login": "failure", "login-ipv6": "skipped", "login-key": "ok"}
    assert "nsufficient access" in lines["login"]["finding"]
    assert "--identity FILE needs none" in lines["login"]["mend"]


@pytest.mark.parametrize("login, told", [
    ("144490-25880", "its environment env-3344147 is stopped"),
    ("30311", "Account 30311 is suspended"),
])
def test_a_login_that_is_refused_fails_with_the_sentence_that_its_user_sees(
        gateway, ldapi, nothing_is_left, login, told):
    code, lines = run(gateway, "probe", login, *ldapi)
    assert code == 2
    assert states(lines) == {"login": "failure", "login-ipv6": "skipped", "login-key": "ok"}
    assert told in lines["login"]["finding"]


def test_doctor_logs_in_after_all_its_other_checks(gateway, identity, nothing_is_left):
    code, lines = run(gateway, "doctor", "--login", LOGIN, *identity)
    assert code == 0, lines
    assert list(lines)[-3:] == ["login", "login-ipv6", "login-key"]
    assert lines["sshd"]["state"] == "ok"


def test_probe_says_in_its_first_line_what_monitoring_shows(gateway, identity):
    result = gateway.run(["enscalectl", "probe", LOGIN, *identity])
    assert result.stdout.decode().splitlines()[0] == "all is well: 3 checks"


@pytest.mark.parametrize("words", [[], ["--json"], ["Walter"], [LOGIN, "--login", LOGIN]])
def test_what_is_not_a_login_name_is_wrong_usage(gateway, words):
    assert gateway.run(["enscalectl", "probe", *words], check=False).returncode == 64


# ---- one node -------------------------------------------------------------------------


def test_a_node_that_answers_with_its_host_key_is_ok(gateway):
    code, lines = run(gateway, "doctor", "--node", "124718")
    assert code == 0, lines
    assert "node 124718 answers with its host key" in lines["node"]["finding"]


def test_a_node_with_another_host_key_fails(gateway, administrator, client, wait_for):
    dn = entries.node_dn(124718, "cool-waterfall-59")
    kept = administrator._run("ldapsearch", "-LLL", "-o", "ldif-wrap=no", "-s", "base", "-b", dn,
                              "enscaleHostKey")
    keys = [line.split(": ", 1)[1] for line in kept.splitlines()
            if line.startswith("enscaleHostKey: ")]
    other = " ".join(client.read("/root/keys/25880-ed25519.pub").decode().split()[:2])
    administrator.replace(dn, enscaleHostKey=other)
    try:
        wait_for(lambda: run(gateway, "doctor", "--node", "124718")[0] == 2, "it is seen")
        _, lines = run(gateway, "doctor", "--node", "124718")
        assert {word for word, line in lines.items() if line["state"] != "ok"} == {"node"}
        assert "a host key that the directory does not have" in lines["node"]["finding"]
    finally:
        lines = "".join(f"enscaleHostKey: {key}\n" for key in keys)
        administrator._run("ldapmodify", ldif=f"dn: {dn}\nchangetype: modify\n"
                           f"replace: enscaleHostKey\n{lines}-\n")
    wait_for(lambda: run(gateway, "doctor", "--node", "124718")[0] == 0, "it is well again")


@pytest.mark.parametrize("node, told", [
    ("999999", "node 999999 is not in the view"),
    ("144490", "node 144490 does not answer as sshd does"),
])
def test_a_node_that_is_not_there_fails(gateway, node, told):
    code, lines = run(gateway, "doctor", "--node", node)
    assert code == 2
    assert {word for word, line in lines.items() if line["state"] != "ok"} == {"node"}
    assert told in lines["node"]["finding"]
