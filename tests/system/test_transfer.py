"""Files to and from a node, with the clients that people have."""

import hashlib
import random
import shlex

import pytest

pytestmark = pytest.mark.mixed

LOGIN = "124718-25880"
TARGET = f"{LOGIN}@ssh.enscale.com"
DATA = random.Random(124718).randbytes(3_000_001)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def folders(client, hosts):
    """A folder on the client with one file of random bytes, and an empty one
    on the node."""
    node = hosts.node124718
    client.sh("rm -rf /root/there /root/back; mkdir /root/there /root/back")
    client.write("/root/there/a file", DATA)
    node.sh("rm -rf /var/www/in && install -d -o apache -g apache /var/www/in")
    return "/root/there/a file", "/var/www/in"


def arrived(hosts, path):
    return sha256(hosts.node124718.read(path)) == sha256(DATA)


def test_sftp_puts_and_gets(client, hosts, folders):
    batch = ("put '/root/there/a file' in/one\n"
             "rename in/one in/two\n"
             "get in/two /root/back/two\n"
             "ls -l in\n")
    result = client.run(["sftp", "-b", "-", TARGET], input=batch)
    assert b"two" in result.stdout
    assert arrived(hosts, "/var/www/in/two")
    assert client.read("/root/back/two") == DATA


def test_sftp_serves_the_node_and_not_the_gateway(client):
    result = client.run(["sftp", "-b", "-", TARGET],
                        input="get /etc/hostname /root/back/hostname\n"
                        if client.sh("mkdir -p /root/back") else "")
    assert result.returncode == 0
    assert client.read("/root/back/hostname") == \
        b"node124718-cool-waterfall-59\n"


def test_sftp_mends_a_bashrc_that_exits(client):
    client.ssh(LOGIN, "echo 'echo Welcome; exit 3' >.bashrc", check=True)
    assert client.ssh(LOGIN, "true").returncode == 3
    client.run(["sftp", "-b", "-", TARGET], input="rm .bashrc\n")
    assert client.ssh(LOGIN, "true").returncode == 0


@pytest.mark.parametrize("protocol", [[], ["-O"]], ids=["sftp", "rcp"])
def test_scp_copies_both_ways(client, hosts, folders, protocol):
    client.run(["scp", "-q", *protocol, "/root/there/a file",
                f"{TARGET}:in/scp"])
    assert arrived(hosts, "/var/www/in/scp")
    client.run(["scp", "-q", *protocol, f"{TARGET}:in/scp",
                "/root/back/scp"])
    assert client.read("/root/back/scp") == DATA


def test_rsync_copies_a_tree_both_ways(client, hosts, folders):
    client.sh("cd /root/there; mkdir -p deep/er; echo x >deep/er/x; "
              "ln -sf x deep/er/link; chmod 640 deep/er/x")
    client.run(["rsync", "-a", "/root/there/", f"{TARGET}:in/tree/"])
    client.run(["rsync", "-a", f"{TARGET}:in/tree/", "/root/back/tree/"])
    listing = "cd {}; find . -type f -exec sha256sum {{}} + | sort; find . -printf '%m %y %p %l\n' | sort -k3"
    here = client.sh(listing.format("/root/there")).stdout
    there = hosts.node124718.sh(listing.format("/var/www/in/tree")).stdout
    back = client.sh(listing.format("/root/back/tree")).stdout
    assert here == there == back


def test_a_pipe_of_tar_works_as_people_use_it(client, hosts, folders):
    command = shlex.join(["ssh", LOGIN + "@ssh.enscale.com", "tar -C in -xf -"])
    client.sh(f"tar -C /root/there -cf - . | {command}")
    assert arrived(hosts, "/var/www/in/a file")
