"""What people and trees that are there already bring as values: keys in every
form that they have them in, and names that nobody meant to be strict."""

import json

import pytest

from entries import account_dn, environment_dn, node_dn

ACCOUNT = 62101
ENVIRONMENT = "brought-1"
NODE = 901101
STATUS = "/run/enscale/metrics/sync.json"


@pytest.fixture
def status(gateway):
    return lambda: json.loads(gateway.read(STATUS))


@pytest.fixture
def make(client):
    """make("a"): a new key, its path and its public key as bytes."""
    def run(name, *options):
        path = f"/root/keys/brought-{name}"
        client.run(["rm", "-f", path, f"{path}.pub"])
        client.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "c",
                    "-f", path, *options])
        return path, client.read(f"{path}.pub").strip()
    return run


@pytest.fixture
def account(administrator):
    """Makes the account with these values."""
    made = []

    def add(**attributes):
        administrator.add_account(ACCOUNT, **attributes)
        made.append(account_dn(ACCOUNT))
    yield add
    for dn in made:
        administrator.delete(dn)


def reasons(status, what="refused_entries", dn=account_dn(ACCOUNT)):
    return [row["reason"] for row in status()[what] if row["dn"] == dn]


def test_keys_open_the_account_as_people_paste_them(
        account, client, gateway, make, status, wait_for):
    paths, publics = zip(*[make(name) for name in "abcdefgh"])
    block = client.run(["ssh-keygen", "-e", "-m", "RFC4716", "-f",
                        paths[0] + ".pub"]).stdout
    before = status()["key_values"]
    account(sshPublicKey=[
        block,
        publics[1] + b"\r\n",
        b"no-port-forwarding,no-X11-forwarding,no-user-rc " + publics[2],
        b"  \t" + publics[3] + b"\n\n",
        publics[4] + b"\n" + publics[5] + b"\n",
        b"# laptop\n" + publics[6],
        publics[7].replace(b" ", b"\t"),
    ])

    def comes_in(path):
        return client.ssh(str(ACCOUNT), "whoami", key=path).returncode == 0
    wait_for(lambda: comes_in(paths[0]), "the account comes in", 5)
    assert [path for path in paths if not comes_in(path)] == []
    assert status()["key_values"] == before + 8
    assert reasons(status) == []
    shown = gateway.run(["enscalectl", "status"], check=False).stdout.decode()
    assert f"{before + 8} as values of accounts" in shown


def test_every_bad_value_is_named_and_the_others_open_the_account(
        account, client, gateway, make, status, wait_for):
    (path, good), (_, one), (_, two), (other, three) = map(make, "abcd")
    client.run(["ssh-keygen", "-e", "-m", "PKCS8", "-f", other + ".pub"],
               check=False)
    account(sshPublicKey=[
        b'command="x",no-pty ' + one,
        good,
        b"no-touch-required " + two,
        b"# none\n\nhello\ncert-authority " + three,
        b"-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",
    ])
    wait_for(lambda: client.ssh(str(ACCOUNT), "whoami", key=path).returncode == 0,
             "the good key opens the account", 5)
    name = "sshPublicKey: value {} of 5{}: {}"
    wait_for(lambda: reasons(status) == [
        name.format(1, "", "option not accepted: command"),
        name.format(3, "", "option not accepted: no-touch-required"
                           " (see no_touch in enscale.conf)"),
        name.format(4, ", line 3", "not a public key"),
        name.format(4, ", line 4", "option not accepted: cert-authority"),
        name.format(5, "", "not a public key: PKCS#8; convert it with"
                           " ssh-keygen -i -m PKCS8 -f FILE"),
    ], "each is named", 10)
    log = gateway.log("enscale-sync")
    assert "value 1 of 5: option not accepted: command" in log
    assert "value 4 of 5, line 4: option not accepted: cert-authority" in log


def test_what_an_option_takes_away_is_not_there(
        account, client, gateway, make, wait_for):
    (free, one), (bare, two) = map(make, "ab")
    account(sshPublicKey=[one, b"no-pty,no-agent-forwarding " + two])
    wait_for(lambda: client.ssh(str(ACCOUNT), "whoami", key=bare).returncode == 0,
             "the account comes in", 5)
    asked = {path: client.ssh(str(ACCOUNT), "whoami", key=path,
                              options=["-tt"]).stderr.decode()
             for path in (free, bare)}
    words = "PTY allocation request failed"
    assert words not in asked[free] and words in asked[bare]
    lines = {path: gateway.run(
        ["/usr/libexec/enscale/enscale-keys", str(ACCOUNT),
         client.run(["ssh-keygen", "-lf", path]).stdout.split()[1].decode()]
        ).stdout.decode() for path in (free, bare)}
    assert lines[free].startswith("restrict,pty,agent-forwarding ssh-ed25519 ")
    assert lines[bare].startswith("restrict ssh-ed25519 ")


def test_names_cost_nobody_a_login(
        account, administrator, client, gateway, make, status, wait_for):
    path, public = make("a")
    before = status()["warnings"]
    account(cn="Anna\tMaier\u202e".encode(), mail="a" * 10000)
    administrator.add_key(ACCOUNT, public.decode(), cn="x" * 256)
    administrator.add(environment_dn(ENVIRONMENT), cn=ENVIRONMENT,
                      objectClass="enscaleEnvironment", enscaleOwner=ACCOUNT)
    administrator.add(node_dn(NODE, ENVIRONMENT), objectClass="enscaleNode",
                      enscaleNodeId=NODE, ipHostNumber="198.19.0.99",
                      enscaleServiceType=b"Apache\t2.4",
                      enscaleSystemUser="apache")
    try:
        wait_for(lambda: client.ssh(str(ACCOUNT), "whoami", key=path).returncode
                 == 0, "the account comes in", 5)
        said = json.loads(client.ssh(str(ACCOUNT), "whoami --json", key=path).stdout)
        assert said["name"] == "Anna Maier"
        rows = client.ssh(str(ACCOUNT), "nodes", key=path).stdout.decode()
        assert "Apache 2.4" in rows
        wait_for(lambda: status()["warnings"] == before + 3, "three are counted", 10)
        assert reasons(status, "warned_entries") == [
            "cn: characters that cannot be shown are left out",
            "mail: a text of 10000 bytes, of which 320 are shown"]
        assert reasons(status, "warned_entries", node_dn(NODE, ENVIRONMENT)) == [
            "enscaleServiceType: characters that cannot be shown are left out"]
        shown = gateway.run(["enscalectl", "status"], check=False).stdout.decode()
        assert f"{before + 3} with a warning" in shown
        assert "a text of 10000 bytes, of which 320 are shown" in shown
        assert "warning: account" in gateway.log("enscale-sync")
        assert status()["refused"] == 0
    finally:
        administrator.delete(environment_dn(ENVIRONMENT))
