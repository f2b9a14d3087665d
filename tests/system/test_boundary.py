"""The gateway's sshd is a boundary of its own: nobody else comes in there."""

import re

import pytest

from entries import account_dn, key_dn


@pytest.fixture
def local_people(client, gateway):
    """root and a local user with keys that would open Debian's sshd."""
    public = client.read("/root/keys/25880-ed25519.pub").decode()
    gateway.sh("id local || useradd -m -s /bin/bash local")
    for home, owner in (("/root", "root"), ("/home/local", "local")):
        gateway.sh(f"install -d -m 700 -o {owner} {home}/.ssh")
        gateway.write(f"{home}/.ssh/authorized_keys", public, 0o600)
        gateway.sh(f"chown {owner} {home}/.ssh/authorized_keys")
    return ["root", "local", "enscale-sync", "enscale-keys", "daemon"]


def test_root_and_local_users_are_refused_with_their_own_keys(
        client, local_people):
    for name in local_people:
        result = client.ssh(name, "id", key="25880-ed25519")
        assert result.returncode == 255, name
        assert b"Permission denied" in result.stderr
        assert result.stdout == b""


def test_pam_refuses_local_names_by_itself(gateway, local_people):
    for name in ["root", "local", "nobody", "enscale-guard"]:
        result = gateway.run(["pamtester", "enscale-sshd", name, "acct_mgmt"],
                             check=False)
        assert result.returncode != 0, name
        result = gateway.run(
            ["pamtester", "enscale-sshd", name, "open_session"], check=False)
        assert result.returncode != 0, name


@pytest.mark.parametrize("name", [
    "0", "025880", "25880-", "-25880", "25880 ", "+25880", "4294967297",
    "124718-25880-1", "124718--25880", "124718-025880", "25880\n",
    "\x1b[31m25880", "25880\x07", "a" * 2000, "25880/../root"])
def test_names_outside_the_grammar_are_unknown(client, name):
    result = client.ssh(name, "id", key="25880-ed25519")
    assert result.returncode == 255
    assert result.stdout == b""


def test_nothing_is_forwarded_into_the_gateways_network(client, gateway):
    refused = client.run(
        ["ssh", "-o", "BatchMode=yes", "-o", "ExitOnForwardFailure=yes",
         "-R", "3999:127.0.0.1:22", "124718-25880@ssh.enscale.com", "true"],
        check=False)
    assert refused.returncode == 255
    for target in ("198.19.0.18:22", "127.0.0.1:22", "198.19.0.2:389"):
        result = client.run(
            ["ssh", "-o", "BatchMode=yes", "-W", target,
             "124718-25880@ssh.enscale.com"], check=False)
        assert result.returncode == 255, target
        assert b"SSH-2.0" not in result.stdout


def test_the_guards_sockets_are_not_forwarded_either(client, gateway):
    for name in ("guard.sock", "agent.sock"):
        script = f"""
            rm -f /tmp/stolen /tmp/up
            ssh -o BatchMode=yes -L /tmp/stolen:/run/enscale/guard/{name} \\
                124718-25880@ssh.enscale.com 'echo up; sleep 2' >/tmp/up &
            until grep -q up /tmp/up; do sleep 0.1; done
            SSH_AUTH_SOCK=/tmp/stolen ssh-add -L || :
            wait
        """
        result = client.sh(script)
        assert b"ssh-" not in result.stdout, name
        refused = "refused streamlocal port forward: .* target /run/enscale/guard/"
        assert re.search(refused + name, gateway.log()), name


def test_passwords_are_not_asked_for(client):
    result = client.ssh("25880", "id", key="21296-ed25519", options=[
        "-o", "PreferredAuthentications=password,keyboard-interactive"])
    assert result.returncode == 255
    assert b"Permission denied (publickey)" in result.stderr


def test_weak_and_foreign_keys_in_the_directory_open_nothing(
        client, administrator, gateway, wait_for):
    client.sh("rm -f /root/keys/weak*; "
              "ssh-keygen -q -t rsa -b 1024 -N '' -f /root/keys/weak")
    weak = client.read("/root/keys/weak.pub").decode().strip()
    administrator.add_key(40404, weak)
    try:
        def named():
            out = gateway.run(["enscalectl", "status"], check=False).stdout
            return key_dn(40404, weak).encode() in out
        wait_for(named, "enscalectl status names the refused entry", 5)
        result = client.ssh("40404", "id", key="weak")
        assert result.returncode == 255
        # Its neighbour, the account's good key, is unharmed.
        assert client.ssh("40404", "id").returncode == 123
    finally:
        administrator.delete(key_dn(40404, weak))


def test_a_key_with_a_newline_in_it_adds_no_line_for_sshd(
        client, administrator, gateway):
    good = client.read("/root/keys/21296-ed25519.pub").decode().split()
    evil = (f"{good[0]} {good[1]}\n"
            f"command=\"id\" {good[0]} {good[1]}").encode()
    dn = f"cn=evil,{account_dn(40404)}"
    administrator.add(dn, objectClass="enscaleKey", cn="evil",
                      sshPublicKey=evil)
    try:
        result = client.ssh("40404", "id", key="21296-ed25519")
        assert result.returncode == 255
    finally:
        administrator.delete(dn)


def test_no_private_key_lies_on_the_gateway_but_the_cas_and_the_hosts(gateway):
    found = gateway.sh(
        "grep -rlsI -e 'PRIVATE KEY' /etc/enscale /var/lib/enscale "
        "/run/enscale /tmp /var/tmp /home /root || true").stdout.decode()
    assert set(found.split()) <= {
        "/etc/enscale/ca/ca", "/etc/enscale/ssh_host_ed25519_key",
        "/etc/enscale/ssh_host_ecdsa_key", "/etc/enscale/ssh_host_rsa_key"}
    mode = gateway.sh("stat -c '%a %U:%G' /etc/enscale/ca/ca").stdout
    assert mode == b"440 root:enscale-ca\n"


def test_the_guards_agent_gives_nothing_to_who_has_no_session(gateway):
    result = gateway.run(
        ["setpriv", "--reuid=1879074072", "--regid=1879074072",
         "--clear-groups", "ssh-add", "-L"], check=False,
        env={"SSH_AUTH_SOCK": "/run/enscale/guard/agent.sock"})
    assert result.returncode != 0
    assert b"ssh-" not in result.stdout
