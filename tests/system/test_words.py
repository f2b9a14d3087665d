"""The words for scripts: what programs read, in a form that stays."""

import json

import pytest


def say(client, words, **more):
    return client.ssh("25880", words, **more)


def read_json(client, words):
    result = say(client, words, check=True)
    assert result.stderr == b""
    return json.loads(result.stdout)


def test_nodes_are_one_line_each(client):
    lines = say(client, "nodes", check=True).stdout.decode().splitlines()
    assert [line.split("\t") for line in lines] == [
        ["124718", "cool-waterfall-59", "apache", "198.19.0.18", "apache",
         "running", "running", "yes"],
        ["124719", "cool-waterfall-59", "mysql", "198.19.0.19", "mysql",
         "running", "running", "yes"],
        lines[2].split("\t")]
    assert lines[2].startswith("144490\tenv-3344147\t")
    assert lines[2].endswith("\tstopped\tno")


def test_nodes_as_json(client):
    document = read_json(client, "nodes --json")
    assert document["account"] == 25880
    cool, crimson, stopped = document["environments"]
    assert cool == {
        "name": "cool-waterfall-59", "state": "running", "role": "owner",
        "owner": 25880, "enter": True, "reason": None, "node_count": 2,
        "nodes": [
            {"node": 124718, "address": "198.19.0.18", "port": 22,
             "state": "running", "service": "apache", "user": "apache",
             "login": "124718-25880"},
            {"node": 124719, "address": "198.19.0.19", "port": 22,
             "state": "running", "service": "mysql", "user": "mysql",
             "login": "124719-25880"}]}
    assert crimson["role"] == "limited" and not crimson["enter"]
    assert crimson["node_count"] == 1 and crimson["nodes"] == []
    assert "access is limited" in crimson["reason"]
    assert not stopped["enter"] and "stopped" in stopped["reason"]


def test_config_is_a_configuration_that_ssh_takes(client):
    config = say(client, "config", check=True).stdout
    client.write("/tmp/config", config + b"Host *\n"
                 b"    UserKnownHostsFile /root/known_hosts\n"
                 b"    IdentityFile /root/keys/25880-ed25519\n")
    for name in ("node124719", "node124719-cool-waterfall-59"):
        result = client.run(["ssh", "-F", "/tmp/config", name, "id -un"])
        assert result.stdout == b"mysql\n"


def test_config_says_that_ones_own_ssh_may_not_go_through(client):
    config = say(client, "config", check=True).stdout
    assert config.startswith(b"# Native mode is off here: -L, -R, -D and -J ")
    assert b"KnownHostsCommand" not in config


def test_known_hosts_are_the_nodes_own_keys(client, hosts):
    lines = say(client, "known_hosts", check=True).stdout.decode().splitlines()
    for node in ("node124718", "node124719"):
        key = getattr(hosts, node).read("/etc/ssh/ssh_host_ed25519_key.pub")
        assert f"{node} {' '.join(key.decode().split()[:2])}" in lines
    assert not [line for line in lines if line.startswith("node136553 ")]  # limited


CONSTRAINED = r"""
trap 'ssh-agent -k >/dev/null' EXIT
eval "$(ssh-agent)" >/dev/null
ssh -l 25880 ssh.enscale.com known_hosts >/tmp/nodes
ssh-add -q %s /root/keys/25880-ed25519
ssh -A -o IdentityFile=none -l 124718-25880 ssh.enscale.com '
    ssh-add -L | cut -d" " -f1
    ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no \
        -o UserKnownHostsFile=/dev/null -p 3022 25880@198.19.0.1 whoami 2>/dev/null |
        cut -f1'
"""
PATHS = ("-H /root/known_hosts -H /tmp/nodes -h '[ssh.enscale.com]:3022' "
         "-h '[ssh.enscale.com]:3022>node124718' -h 'node124718>node124719'")


@pytest.mark.parametrize("options, said", [
    ("", b"ssh-ed25519\n25880\n"), (PATHS, b"ssh-ed25519\n")])
def test_a_forwarded_agent_opens_the_gateway_unless_it_is_constrained(
        client, options, said):
    """What a hostile node could do with it, and what the manual says against."""
    assert client.sh(CONSTRAINED % options).stdout == said


def test_keys_as_json(client):
    document = read_json(client, "keys --json")
    assert document["account"] == 25880 and document["manage"] is False
    listed = client.sh("ssh-keygen -lf /root/keys/25880-ed25519.pub").stdout.decode()
    key, = [key for key in document["keys"] if key["type"] == "ED25519"]
    assert key["sha256"] == listed.split()[1]
    assert key["bits"] == 256 and key["expires"] is None and key["from"] == ""
    assert key["added"].endswith("Z") and key["md5"].startswith("MD5:")


def test_settings_name_the_host_and_its_fingerprints(client, gateway):
    document = read_json(client, "settings --json")
    assert (document["host"], document["port"]) == ("ssh.enscale.com", 3022)
    assert document["authentication"] == "publickey"
    text = say(client, "settings", check=True).stdout.decode()
    for key in document["host_keys"]:
        kind = key["type"].lower()
        line = gateway.sh(f"ssh-keygen -lf /etc/enscale/ssh_host_{kind}_key.pub")
        assert key["sha256"] == line.stdout.decode().split()[1]
        assert key["sha256"] in text and key["md5"] in text
    assert [key["type"] for key in document["host_keys"]] == [
        "ED25519", "ECDSA", "RSA"]


def test_sessions_are_ones_own(client):
    other = client.pexpect_ssh("124718-21296")
    other.expect(r"[$#] $")
    mine = client.pexpect_ssh("124718-25880")
    mine.expect(r"[$#] $")
    try:
        sessions = read_json(client, "sessions --json")["sessions"]
        lines = say(client, "sessions", check=True).stdout.decode().splitlines()
    finally:
        mine.close(force=True)
        other.close(force=True)
    direct, = [row for row in sessions if row["inside"] == [124718]]
    this, = [row for row in sessions if row["this"]]
    assert direct["node"] == 124718 and not direct["this"]
    assert this["node"] is None and this["inside"] == []
    assert {row["address"] for row in sessions} == {"198.18.0.10"}
    assert len(sessions) == 2
    assert sorted(line.split("\t")[3:] for line in lines) == [
        ["-", "-", "this"], ["124718", "124718", "-"]]


def test_whoami_names_account_key_and_session(client):
    document = read_json(client, "whoami --json")
    listed = client.sh("ssh-keygen -lf /root/keys/25880-ed25519.pub").stdout.decode()
    assert document["account"] == 25880 and document["address"] == "198.18.0.10"
    assert document["key"] == listed.split()[1]
    assert len(document["session"]) == 16
    fields = say(client, "whoami", check=True).stdout.decode().split("\t")
    assert fields[0] == "25880" and fields[1] == document["key"]


def test_help_names_every_word(client):
    text = say(client, "help", check=True).stdout.decode()
    for word in ("nodes", "config", "known_hosts", "keys", "settings", "sessions", "whoami"):
        assert f"\n  {word} " in text


@pytest.mark.parametrize("command", [
    "nodes --xml", "config --json", "whoami root", "help me", "settings -j"])
def test_arguments_that_are_not_known_are_refused(client, command):
    result = say(client, command)
    assert result.returncode == 123
    assert result.stdout == b""
    assert b"Usage: ssh -p 3022 25880@ssh.enscale.com" in result.stderr


@pytest.mark.parametrize("command", ["uptime", "Nodes", "nodes;id", " nodes"])
def test_anything_else_says_what_to_type(client, command):
    result = say(client, command)
    assert result.returncode == 123
    assert result.stdout == b""
    assert b"NODE-25880@ssh.enscale.com COMMAND" in result.stderr


def test_a_word_is_the_nodes_business_where_the_name_has_a_node(client):
    result = client.ssh("124718-25880", "whoami", check=True)
    assert result.stdout == b"apache\n"


def test_words_need_no_terminal_and_do_not_mind_one(client):
    session = client.pexpect_ssh("25880", "whoami", options=["-t"])
    session.expect("25880\tSHA256:")
    session.close(force=True)
