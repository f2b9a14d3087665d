"""enscalectl node enrol: from a host with sshd and a service to a node that a
user has entered, by one command on the gateway."""

import re

import pytest

import entries
import hosts as test_hosts
import new_host
from ldapi import directory_here

HOST = new_host.ADDRESS
ENVIRONMENT = "cool-waterfall-59"
IDENTITY = ["--node", "130001", "--environment", ENVIRONMENT]
SSH = [
    "--ssh-option", "BatchMode=yes",
    "--ssh-option", "IdentityFile=/root/enrol/key",
    "--ssh-option", "UserKnownHostsFile=/root/enrol/known",
]
LOGIN = ["--account", "25880", "--identity", "/root/enrol/account"]
MANAGER = "cn=manager,dc=enscale,dc=example"
DN = entries.node_dn(130001, ENVIRONMENT)


@pytest.fixture
def host(scratch_host, gateway, client, administrator):
    new_host.prepare(scratch_host, gateway)
    gateway.write("/root/enrol/account", client.read("/root/keys/25880-ed25519"), 0o600)
    yield scratch_host
    new_host.forget(gateway)
    try:
        administrator.delete(DN)
    except test_hosts.Failed:  # it was not added
        pass


@pytest.fixture
def manager(directory, gateway):
    """Who may change everything, by a password."""
    config = ("dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\n"
              f"add: olcAccess\nolcAccess: {{0}}to * by dn.exact={MANAGER} manage by * break\n")
    entry = (f"dn: {MANAGER}\nobjectClass: organizationalRole\n"
             "objectClass: simpleSecurityObject\ncn: manager\nuserPassword: top\n")
    external = ["-Q", "-Y", "EXTERNAL", "-H", "ldapi:///"]
    directory.run(["ldapmodify", *external], input=config)
    directory.run(["ldapadd", *external], input=entry)
    gateway.write("/root/password", "top\n", 0o600)
    yield ["--bind-dn", MANAGER, "--password-file", "/root/password"]
    gateway.sh("rm /root/password")
    directory.run(["ldapdelete", *external, MANAGER])
    directory.run(["ldapmodify", *external], input=(
        "dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\n"
        "delete: olcAccess\nolcAccess: {0}\n"))


def enrol(gateway, *arguments, check=True):
    return gateway.run(["enscalectl", "node", "enrol", HOST, *IDENTITY, *SSH, *arguments],
                       check=check)


def traces(host):
    return host.sh("find /usr/local/sbin /usr/local/share/enscale /etc/enscale-node"
                   " /run/enscale-enrol* -type f 2>/dev/null | sort; hostname",
                   check=False).stdout


@pytest.mark.both
def test_one_command_makes_a_host_a_node_that_a_user_enters(
        host, gateway, directory, client):
    before = traces(host)
    with directory_here(gateway, directory) as here:
        dry = enrol(gateway, *here, "--service", "apache", *LOGIN, "--dry-run")
        assert f"add {DN}" in dry.stdout.decode()
        assert b"Nothing was changed" in dry.stdout
        assert b"/usr/local/sbin/enscale-node" in dry.stderr
        assert traces(host) == before

        done = enrol(gateway, *here, "--service", "apache", *LOGIN)
        assert b"apache@node130001-cool-waterfall-59 answered" in done.stdout
        assert re.findall(r"^(\d)/7", done.stdout.decode(), re.M) == list("1234567")
        assert client.ssh("130001-25880", "id -un").stdout == b"apache\n"
        # sshd does not take all users for one who fails
        assert host.sh("grep gateways /etc/enscale-node/node.conf").stdout == (
            b"gateways=198.19.0.1\n")

        # what other gateways have told it stays
        host.sh("ssh-keygen -q -t ed25519 -N '' -f /root/old;"
                "enscale-node setup --revoked /root/old.pub --gateway 198.19.0.1,198.19.0.9")
        host.sh("touch /tmp/then; sleep 0.01")
        again = enrol(gateway, *here, *LOGIN)
        assert b"  as it should be" in again.stdout
        assert b"is as it should be" in again.stderr
        assert host.sh("find /usr/local /etc /run/enscale-enrol* -type f -newer /tmp/then",
                       check=False).stdout == b""
    assert gateway.sh("ls -d /tmp/enscalectl.*", check=False).stdout == b""


def test_a_host_that_changed_has_its_entry_changed_and_keeps_its_state(
        host, gateway, administrator, manager):
    enrol(gateway, *manager, "--service", "apache", *LOGIN)
    administrator.replace(DN, enscaleState="stopped", enscalePort="2222")
    host.sh("rm /etc/ssh/ssh_host_rsa_key*")
    done = enrol(gateway, *manager, "--no-login").stdout.decode()
    assert "enscalePort: 22\n" in done and "enscaleHostKey: ssh-ed25519" in done
    assert "ssh-rsa" not in done and "enscaleState" not in done
    assert "for you to try: ssh -p 3022 130001-ACCOUNT@ssh.enscale.com" in done
    stopped = enrol(gateway, *manager, *LOGIN, check=False)
    assert stopped.returncode == 1
    assert b"enscalectl explain 130001-25880" in stopped.stderr
    assert b"left to do: enter the node through the gateway" in stopped.stderr


def refused(gateway, *arguments, says, left):
    """It says so, and from which step on all is left to do."""
    result = enrol(gateway, *arguments, check=False)
    text = result.stderr.decode()
    assert result.returncode in (1, 2), text
    assert says in text
    steps = re.findall(r"left to do: (.*)", text)
    assert steps[0] == left and steps[-1] == "enter the node through the gateway"
    assert "run the same command again" in text


@pytest.mark.full  # half a minute
def test_a_step_that_fails_says_what_to_do_and_what_is_left(
        host, gateway, administrator, manager):
    gateway.write("/root/enrol/none", "")
    refused(gateway, "--ssh-option", "UserKnownHostsFile=/root/enrol/none", "--ssh-option",
            "IdentityFile=none", "--port", "23", *LOGIN,
            says="cannot log in to", left="log in to the host")
    refused(gateway, *LOGIN, says="setup needs", left="set up the node")
    refused(gateway, "--service", "nginxx", *LOGIN,
            says="no profile for the service", left="set up the node")
    put = "put its entry into the directory"
    gateway.sh("install -m 600 /etc/enscale/directory.password /root/enrol/password")
    refused(gateway, "--service", "apache", *LOGIN, "--bind-dn",
            "cn=gateway,dc=enscale,dc=example", "--password-file",
            "/root/enrol/password", left=put,
            says="name somebody who may do this with --bind-dn and --password-file")
    refused(gateway, *LOGIN, "--bind-dn", MANAGER, "--password-file", "/root/enrol/password",
            says="Invalid credentials", left=put)
    refused(gateway, "--service", "apache", *manager, "--environment", "no-such-9", *LOGIN,
            says='no environment "no-such-9"', left=put)
    enrol(gateway, *manager, "--no-login")
    refused(gateway, *manager, "--environment", "crimson-dust-8", *LOGIN,
            says="the node is there, in another place than", left=put)


def test_a_host_key_that_was_not_known_before_is_not_believed(host, gateway):
    gateway.write("/root/enrol/known", f"{HOST} {gateway.read('/root/enrol/key.pub').decode()}")
    refused(gateway, "--service", "apache", *LOGIN,
            says="Host key verification failed", left="log in to the host")


def test_a_host_that_says_it_is_another_node_does_not_take_its_place(
        host, gateway, manager):
    enrol(gateway, *manager, "--service", "apache", "--no-login")
    host.sh("sed -i 's/^echo\\|^	dn: enscaleNodeId=.node,/&/; "
            "s/enscaleNodeId: $node/enscaleNodeId: 124718/; "
            "s/dn: enscaleNodeId=$node/dn: enscaleNodeId=124718/'"
            " /usr/local/sbin/enscale-node; cp -r /usr/local/sbin/enscale-node /usr/sbin/;"
            " mkdir -p /usr/share/enscale; cp -r /usr/local/share/enscale/node /usr/share/enscale")
    refused(gateway, *manager, *LOGIN, says="a different node, not 130001",
            left="put its entry into the directory")


def test_what_is_missing_on_the_command_line_is_said(gateway):
    def usage(*arguments):
        result = gateway.run(["enscalectl", "node", "enrol", *arguments], check=False)
        assert result.returncode == 64
        return result.stderr.decode()

    assert "usage: enscalectl" in usage()
    assert "--node and --environment" in usage("host")
    assert "--account, or --no-login" in usage("host", *IDENTITY)
    assert "at most nine digits" in usage("host", "--node", "0124718", "--environment", "x")
    assert "lower-case letters" in usage("host", "--node", "1", "--environment", "x)(cn=*")
    assert "an account's number" in usage("host", *IDENTITY, "--account", "root")
