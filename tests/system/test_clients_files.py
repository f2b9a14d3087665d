"""Programs that keep a folder and a node the same, or that make a node look
like a folder."""

import pexpect
import pytest

from clients import (DATA, HERE, HOST, LOGIN, PORT, TARGET, THERE, digest,
                     make_tree, nothing_left, place, tree)

pytestmark = pytest.mark.usefixtures("nothing_left")

MOUNT = "/root/mount"
MEBIBYTE = 1 << 20


# --- rsync

def test_rsync_deletes_what_the_other_side_has_not(client, hosts, place):
    node = hosts.node124718
    make_tree(client, f"{HERE}/tree")
    rsync = ["rsync", "-a", "--delete"]
    client.run([*rsync, f"{HERE}/tree/", f"{TARGET}:work/tree/"])
    client.run([*rsync, f"{TARGET}:work/tree/", f"{HERE}/back/"])
    first = tree(client, f"{HERE}/tree")
    assert tree(node, f"{THERE}/tree") == tree(client, f"{HERE}/back") == first

    client.sh(f"cd {HERE}/tree; rm -r empty deep/er/x; mv deep/random moved; "
              f"cp ../random 'deep/er/a b/new'; echo y >>nothing")
    client.run([*rsync, f"{HERE}/tree/", f"{TARGET}:work/tree/"])
    client.run([*rsync, f"{TARGET}:work/tree/", f"{HERE}/back/"])
    second = tree(client, f"{HERE}/tree")
    assert second != first
    assert tree(node, f"{THERE}/tree") == tree(client, f"{HERE}/back") == second


@pytest.mark.parametrize("options", [["-z"], ["--checksum"], ["--inplace"]],
                         ids=lambda options: options[0])
def test_rsync_sends_what_has_changed_alone(client, hosts, place, options):
    node = hosts.node124718
    node.write(f"{THERE}/random", DATA[:-1] + b"x")
    node.sh(f"chown apache {THERE}/random; touch -d yesterday {THERE}/random")
    result = client.run(["rsync", "--stats", "--no-whole-file", *options,
                         f"{HERE}/random", f"{TARGET}:work/"])
    assert digest(node, f"{THERE}/random") == place
    fields = dict(line.split(": ", 1) for line in result.stdout.decode().splitlines()
                  if ": " in line)
    assert int(fields["Total bytes sent"].replace(",", "")) < len(DATA) / 10


def test_rsync_says_what_the_node_has_not(client, place):
    result = client.run(["rsync", f"{TARGET}:work/none", HERE], check=False)
    assert result.returncode == 23
    assert b"No such file" in result.stderr


# --- lftp

@pytest.fixture
def lftp(client):
    """lftp(commands): in one session; the first that fails ends it."""
    def run(commands, **more):
        script = ("set cmd:fail-exit yes; set net:max-retries 1; "
                  f"open -u {LOGIN},none sftp://{HOST}:{PORT}; ")
        return client.run(["lftp", "-c", script + commands], **more)
    return run


def test_lftp_mirrors_both_ways(client, hosts, place, lftp):
    node = hosts.node124718
    make_tree(client, f"{HERE}/tree")
    mirror = "mirror --delete --parallel=4"
    commands = (f"{mirror} -R {HERE}/tree work/tree; "
                f"{mirror} work/tree {HERE}/back")
    lftp(commands)
    first = tree(client, f"{HERE}/tree")
    assert tree(node, f"{THERE}/tree") == tree(client, f"{HERE}/back") == first
    client.sh(f"cd {HERE}/tree; rm -r empty; cp ../random deep/er/x")
    lftp(commands)
    second = tree(client, f"{HERE}/tree")
    assert second != first
    assert tree(node, f"{THERE}/tree") == tree(client, f"{HERE}/back") == second


def test_lftp_says_what_the_node_has_not(place, lftp):
    result = lftp(f"get work/none -o {HERE}/none", check=False)
    assert result.returncode == 1
    assert b"No such file" in result.stderr


# --- sshfs

@pytest.fixture
def mounted(client, place):
    """THERE as MOUNT on the client."""
    fuse = client.sh(": <>/dev/fuse", check=False)
    if fuse.returncode:
        pytest.skip(f"this kernel has no FUSE: {fuse.stderr.decode()}")
    client.sh(f"mkdir -p {MOUNT}")
    client.run(["sshfs", "-p", PORT, f"{TARGET}:work", MOUNT])
    yield place
    client.run(["fusermount3", "-u", MOUNT])


def test_sshfs_says_what_the_node_has_not(client):
    client.sh(f"mkdir -p {MOUNT}")
    result = client.run(["sshfs", f"{TARGET}:none", MOUNT], check=False)
    assert result.returncode == 1
    assert b"none: No such file" in result.stderr


def test_sshfs_makes_the_node_a_folder(client, hosts, mounted):
    node = hosts.node124718
    make_tree(client, f"{MOUNT}/tree")
    client.sh(f"cd {MOUNT}; cp {HERE}/random one; mv one tree/two; "
              "printf more >>tree/nothing; : >gone; rm gone; rmdir tree/empty; "
              "chmod 600 tree/two; truncate -s 5 tree/deep/random")
    assert digest(node, f"{THERE}/tree/two") == mounted
    assert digest(client, f"{MOUNT}/tree/two") == mounted
    assert node.read(f"{THERE}/tree/nothing") == b"more"
    assert tree(node, THERE) == tree(client, MOUNT)
    assert client.sh(f"cat {MOUNT}/gone", check=False).returncode == 1


def test_sshfs_carries_large_files(client, hosts, mounted):
    node = hosts.node124718
    make = f"head -c {32 * MEBIBYTE} /dev/urandom"
    client.sh(f"{make} >{HERE}/made-here; cp {HERE}/made-here {MOUNT}")
    assert digest(node, f"{THERE}/made-here") == digest(client, f"{HERE}/made-here")
    node.sh(f"{make} >{THERE}/made-there")
    assert digest(client, f"{MOUNT}/made-there") == digest(node, f"{THERE}/made-there")


# --- Midnight Commander

COPY, DOWN, TAB, ENTER, QUIT = "\x1b5", "\x0e", "\t", "\r", "\x1b0"

# What is root's here cannot be root's there, and it would ask about that.
SETTINGS = """\
[Midnight-Commander]
copymove_persistent_attr=false
confirm_exit=false
"""


def test_midnight_commander_copies_both_ways(client, hosts, place, wait_for):
    """Through its own protocol, which is a shell on the node: FISH."""
    node = hosts.node124718
    here, there = DATA[:10_000], DATA[-10_000:]
    client.write(f"{HERE}/random", here)
    node.write(f"{THERE}/other", there)
    client.write("/root/mc/.config/mc/ini", SETTINGS)
    session = client.spawn(["env", "HOME=/root/mc", "mc", "-u", "-a", HERE,
                            f"sh://{TARGET}:{PORT}{THERE}"], timeout=30)

    def copy(keys, host, path, data):
        session.send(keys + COPY)
        session.expect("source mask")
        session.send(ENTER)
        wait_for(lambda: host.run(["cmp", path, "-"], input=data, check=False)
                 .returncode == 0, f"a copy is {path}", 30)
        # Its gauge takes keys for itself until the panels are there again.
        session.expect(pexpect.TIMEOUT, timeout=1)

    try:
        session.expect("other")
        copy(DOWN, node, f"{THERE}/random", here)
        copy(TAB + DOWN, client, f"{HERE}/other", there)
        session.send(QUIT)
        session.expect(pexpect.EOF)
    finally:
        session.close(force=True)
    assert session.exitstatus == 0
