"""The programs that people reach a node with, through its direct name: the
same bytes, the node's exit code, and nothing left behind."""

import json
import shlex
import subprocess

import pytest

from clients import (DATA, HERE, HOST, KEY, LOGIN, PORT, SCRIPT, TARGET, THERE,
                     digest, make_tree, nothing_left, place, tree)

pytestmark = pytest.mark.usefixtures("nothing_left")

GIBIBYTE = 1 << 30
# For PuTTY and Dropbear, which take ten seconds for DATA from any sshd.
LESS = DATA[:300_001]
CHANNELS = 10


# --- OpenSSH

@pytest.mark.mixed
@pytest.mark.parametrize("protocol", [[], ["-O"]], ids=["sftp", "rcp"])
def test_scp_copies_a_tree_with_modes_and_names(client, hosts, place, protocol):
    make_tree(client, f"{HERE}/tree")
    client.sh(f"rm {HERE}/tree/deep/link")  # scp follows it
    client.run(["scp", "-qrp", *protocol, f"{HERE}/tree", f"{TARGET}:work/tree"])
    client.run(["scp", "-qrp", *protocol, f"{TARGET}:work/tree", f"{HERE}/back"])
    here = tree(client, f"{HERE}/tree")
    assert "random" in here
    assert tree(hosts.node124718, f"{THERE}/tree") == here
    assert tree(client, f"{HERE}/back") == here


@pytest.mark.parametrize("protocol", [[], ["-O"]], ids=["sftp", "rcp"])
def test_scp_says_what_the_node_has_not(client, place, protocol):
    result = client.run(["scp", "-q", *protocol, f"{TARGET}:work/none", HERE],
                        check=False)
    assert result.returncode == 1
    assert b"No such file" in result.stderr


def test_a_client_without_ed25519_and_sha2_for_rsa_is_served_by_the_ecdsa_key(client):
    # What Java's JSch 0.1.55 knows; sshd signs with RSA and SHA-1 no more.
    result = client.ssh(LOGIN, "echo in", options=[
        "-o", "HostKeyAlgorithms=ecdsa-sha2-nistp256,ssh-rsa"])
    assert result.stdout == b"in\n"
    assert result.stderr == b""


@pytest.mark.mixed
@pytest.mark.both
def test_sftp_changes_what_is_on_the_node(client, hosts, place):
    batch = f"""
        lcd {HERE}
        cd work
        mkdir folder
        put -p random folder/one
        chmod 640 folder/one
        rename folder/one folder/two
        ln -s two folder/three
        get folder/two back
        put random rest
        rm rest
        """
    result = client.run(["sftp", "-q", "-b", "-", TARGET], input=batch)
    assert result.stderr == b""
    assert digest(client, f"{HERE}/back") == place
    listing = tree(hosts.node124718, THERE)
    assert listing.splitlines() == [
        f"{place}  ./folder/two", "640 f ./folder/two", "755 d .",
        "755 d ./folder", "./folder/three -> two"]


@pytest.mark.mixed
@pytest.mark.both
def test_sftp_goes_on_where_a_transfer_was_cut(client, hosts, place):
    half = len(DATA) // 2
    hosts.node124718.write(f"{THERE}/put", DATA[:half])
    hosts.node124718.sh(f"chown apache {THERE}/put")
    client.write(f"{HERE}/get", DATA[:half])
    batch = f"reput {HERE}/random work/put\nreget work/put {HERE}/get\n"
    client.run(["sftp", "-q", "-b", "-", TARGET], input=batch)
    assert digest(hosts.node124718, f"{THERE}/put") == place
    assert digest(client, f"{HERE}/get") == place


@pytest.mark.both
def test_sftp_of_a_batch_that_fails_ends_with_1(client, place):
    result = client.run(["sftp", "-q", "-b", "-", TARGET], check=False,
                        input="get work/none\nput random work/never\n")
    assert result.returncode == 1
    assert b"not found" in result.stderr


@pytest.fixture
def master(client, wait_for):
    """ssh options for the connection that is shared."""
    options = ["-o", "ControlPath=/root/control-%C"]
    process = client.popen(["ssh", "-MN", *options, TARGET],
                           stdin=subprocess.DEVNULL)
    check = ["ssh", *options, "-O", "check", TARGET]
    wait_for(lambda: client.run(check, check=False).returncode == 0,
             "the connection is shared")
    yield options
    client.run(["ssh", *options, "-O", "exit", TARGET])
    process.wait(timeout=10)


@pytest.fixture
def channels(client, master):
    """Of that connection, each with a number for its exit code."""
    started = [
        client.popen(["ssh", *master, TARGET, f"echo up; echo e{number} >&2; "
                      f"cat; exit {number}"], stdin=subprocess.PIPE,
                     stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for number in range(CHANNELS)]
    yield started
    for channel in started:
        channel.kill()
        channel.communicate()


def test_ten_channels_of_one_connection_run_side_by_side(gateway, channels):
    for channel in channels:
        assert channel.stdout.readline() == b"up\n"
    monitors = gateway.run(["pgrep", "-fc", f"sshd(-session)?: {LOGIN} .priv"]).stdout
    assert int(monitors) == 1
    for number, channel in enumerate(channels):
        data = DATA[number:100_000 + number * 1000]
        assert channel.communicate(data, timeout=30) == (data, b"e%d\n" % number)
        assert channel.returncode == number


@pytest.mark.mixed
def test_a_shared_connection_serves_files_too(client, hosts, place, master):
    client.run(["scp", "-q", *master, f"{HERE}/random", f"{TARGET}:work/one"])
    client.run(["rsync", "-e", shlex.join(["ssh", *master]),
                f"{TARGET}:work/one", f"{HERE}/back"])
    assert digest(hosts.node124718, f"{THERE}/one") == place
    assert digest(client, f"{HERE}/back") == place


# The hash of what one side makes goes to its standard error, that of what the
# other side gets to its standard output: no side keeps it.
MAKE = f"head -c {GIBIBYTE} /dev/urandom | tee /dev/fd/3"
HASH = "exec 3> >(sha256sum >&2); {}; exec 3>&-; wait $!"


@pytest.mark.full
@pytest.mark.timeout(600)
def test_a_dump_of_a_gibibyte_arrives_as_it_was_made(client):
    command = shlex.join(["ssh", TARGET, HASH.format(MAKE)])
    result = client.run(["bash", "-o", "pipefail", "-c",
                         f"{command} | sha256sum"], timeout=600)
    assert len(result.stdout) > 64
    assert result.stderr == result.stdout


@pytest.mark.full
@pytest.mark.timeout(600)
def test_an_import_of_a_gibibyte_arrives_as_it_was_made(client):
    command = shlex.join(["ssh", TARGET, "sha256sum; exit 7"])
    script = HASH.format(f"{MAKE} | {command}; code=$?") + "; exit $code"
    result = client.run(["bash", "-o", "pipefail", "-c", script], check=False,
                        timeout=600)
    assert result.returncode == 7
    assert len(result.stdout) > 64
    assert result.stderr == result.stdout


# --- PuTTY

@pytest.fixture
def putty(client):
    """putty("plink", ...): PuTTY's program, with the key and the host key as
    it wants them. It asks nobody, and trusts no other host key."""
    key = "/root/key.ppk"
    client.run(["puttygen", KEY, "-O", "private", "-o", key])
    lines = client.run(["ssh-keygen", "-lf", "/root/known_hosts"]).stdout.decode()
    trusted = [line.split()[1] for line in lines.splitlines()]

    def run(program, *arguments, **more):
        argv = [program, "-batch", "-P", PORT, "-i", key]
        for fingerprint in trusted:
            argv += ["-hostkey", fingerprint]
        return client.run([*argv, *arguments], **more)

    return run


def test_plink_runs_a_command(putty):
    result = putty("plink", TARGET, SCRIPT, check=False)
    assert (result.stdout, result.stderr) == (b"out\n", b"err\n")
    assert result.returncode == 7
    result = putty("plink", TARGET, "cat", input=LESS)
    assert (result.stdout, result.stderr) == (LESS, b"")


def test_plink_without_a_command_is_the_nodes_shell(putty):
    # Which says hello first, in the node's words.
    result = putty("plink", "-T", TARGET, input=b"id -un; echo err >&2\nexit 9\n",
                   check=False)
    assert result.stdout.endswith(b"\napache\n")
    assert result.stderr.endswith(b"\nerr\n")
    assert result.returncode == 9


def test_plink_at_a_terminal_is_at_the_nodes(client, putty):
    result = putty("plink", "-t", TARGET, "tty; exit 7", check=False)
    assert result.stdout.startswith(b"/dev/pts/")
    assert result.returncode == 7


def test_plink_without_a_node_gets_the_sentence(putty):
    result = putty("plink", f"25880@{HOST}", "uptime", check=False)
    assert result.returncode == 123
    assert b"-25880@" in result.stderr


@pytest.fixture
def less(client, place):
    """HERE and THERE, with a file "less"; its sha256."""
    client.write(f"{HERE}/less", LESS)
    return digest(client, f"{HERE}/less")


def test_psftp_puts_renames_and_gets(client, hosts, less, putty):
    client.write(f"{HERE}/batch", f"""\
lcd {HERE}
cd work
mkdir folder
put less folder/one
mv folder/one folder/two
get folder/two back
""")
    putty("psftp", "-b", f"{HERE}/batch", TARGET)
    assert digest(hosts.node124718, f"{THERE}/folder/two") == less
    assert digest(client, f"{HERE}/back") == less
    client.write(f"{HERE}/batch", "get work/none\nput less work/never\n")
    result = putty("psftp", "-b", f"{HERE}/batch", TARGET, check=False)
    assert result.returncode == 2
    assert b"no such file" in result.stdout


@pytest.mark.parametrize("protocol", ["-sftp", "-scp"])
def test_pscp_copies_both_ways(client, hosts, less, putty, protocol):
    putty("pscp", "-q", protocol, f"{HERE}/less", f"{TARGET}:work/one")
    putty("pscp", "-q", protocol, f"{TARGET}:work/one", f"{HERE}/back")
    assert digest(hosts.node124718, f"{THERE}/one") == less
    assert digest(client, f"{HERE}/back") == less
    result = putty("pscp", "-q", protocol, f"{TARGET}:work/none", HERE, check=False)
    assert result.returncode == 1


# --- programs that know no ~/.ssh/config

@pytest.fixture
def home(client):
    """An environment whose HOME has a .ssh/known_hosts as everybody has it."""
    path = "/root/home"
    known = client.read("/root/known_hosts").decode()
    # Dropbear takes a comment for a part of the key, and a name for any port.
    known = "".join(" ".join(line.split()[:3]) + "\n" for line in known.splitlines())
    plain = known.replace(f"[{HOST}]:{PORT}", HOST)
    client.write(f"{path}/.ssh/known_hosts", known + plain, 0o600)
    return {"HOME": path}


@pytest.fixture
def dbclient(client, home):
    key = "/root/key.dropbear"
    client.run(["dropbearconvert", "openssh", "dropbear", KEY, key])
    return ["dbclient", "-p", PORT, "-i", key]


def test_dropbears_client_runs_a_command(client, dbclient, home):
    result = client.run([*dbclient, TARGET, SCRIPT], env=home, check=False)
    assert (result.stdout, result.stderr) == (b"out\n", b"err\n")
    assert result.returncode == 7
    result = client.run([*dbclient, TARGET, "cat"], env=home, input=LESS)
    assert (result.stdout, result.stderr) == (LESS, b"")


def test_dropbears_client_without_a_command_is_the_nodes_shell(client, dbclient, home):
    result = client.run([*dbclient, "-T", TARGET], env=home, check=False,
                        input=b"id -un; echo err >&2\nexit 9\n")
    assert result.stdout.endswith(b"\napache\n")
    assert result.stderr == b"err\n"
    assert result.returncode == 9


def test_dropbears_client_carries_files(client, hosts, less, dbclient, home):
    subsystem = shlex.join([*dbclient, "-s", TARGET, "sftp"])
    client.run(["sftp", "-q", "-b", "-", "-D", subsystem], env=home,
               input=f"put {HERE}/less work/one\nget work/one {HERE}/back\n")
    assert digest(hosts.node124718, f"{THERE}/one") == less
    assert digest(client, f"{HERE}/back") == less
    client.run(["rsync", "-e", shlex.join(dbclient), f"{TARGET}:work/one",
                f"{HERE}/again"], env=home)
    assert digest(client, f"{HERE}/again") == less


PARAMIKO = f"""
import hashlib, json, sys, paramiko
with paramiko.SSHClient() as ssh:
    ssh.load_system_host_keys("/root/known_hosts")
    ssh.connect({HOST!r}, {PORT}, {LOGIN!r}, key_filename={KEY!r},
                allow_agent=False, look_for_keys=False)
    stdin, stdout, stderr = ssh.exec_command({SCRIPT!r})
    said = [stdout.read().decode(), stderr.read().decode(),
            stdout.channel.recv_exit_status()]
    stdin, stdout, stderr = ssh.exec_command("sha256sum")
    stdin.write(open("{HERE}/random", "rb").read())
    stdin.channel.shutdown_write()
    said.append(stdout.read().split()[0].decode())
    with ssh.open_sftp() as sftp:
        sftp.put("{HERE}/random", "work/one")
        sftp.rename("work/one", "work/two")
        sftp.get("work/two", "{HERE}/back")
        said.append(sftp.listdir("work"))
        try:
            sftp.stat("work/one")
        except FileNotFoundError:
            said.append("no such file")
    json.dump(said, sys.stdout)
"""


def test_paramiko_runs_commands_and_moves_files(client, hosts, place):
    result = client.run(["/usr/bin/python3", "-W", "ignore", "-c", PARAMIKO])
    assert result.stderr == b""
    assert json.loads(result.stdout) == [
        "out\n", "err\n", 7, place, ["two"], "no such file"]
    assert digest(hosts.node124718, f"{THERE}/two") == place
    assert digest(client, f"{HERE}/back") == place


@pytest.mark.parametrize("scheme, missing", [("scp", {78, 79}), ("sftp", {78})])
def test_curl_with_libssh2_puts_and_gets(client, hosts, place, home, scheme, missing):
    url = f"{scheme}://{HOST}:{PORT}{THERE}"
    curl = ["curl", "-sS", "-u", f"{LOGIN}:", "--key", KEY, "--pubkey", f"{KEY}.pub"]
    client.run([*curl, "-T", f"{HERE}/random", f"{url}/one"], env=home)
    assert digest(hosts.node124718, f"{THERE}/one") == place
    result = client.run([*curl, f"{url}/one"], env=home)
    assert result.stdout == DATA
    assert result.stderr == b""
    result = client.run([*curl, f"{url}/none"], env=home, check=False)
    assert result.returncode in missing
    assert result.stdout == b""
