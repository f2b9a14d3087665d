"""Direct names in scripts: the node's bytes and exit codes, nothing of ours."""

import os
import random
import re
import subprocess

import pexpect
import pytest

pytestmark = pytest.mark.mixed

HERE = os.path.dirname(os.path.realpath(__file__))
MEBIBYTE = 1 << 20
UID = 0x70000000 + 25880
LANDLOCK_VERSION = """
import ctypes
create_ruleset, ask_version = 444, 1
print(ctypes.CDLL(None).syscall(create_ruleset, None, 0, ask_version))
"""

LISTEN = """
import socket, time
listener = socket.socket(socket.AF_UNIX)
listener.bind("\\0enscale-test")
listener.listen()
print("listening", flush=True)
time.sleep(60)
"""


def test_a_command_runs_as_the_services_user_and_its_exit_code_arrives(client):
    result = client.ssh("124718-25880", "id -un; exit 7")
    assert result.returncode == 7
    assert result.stdout == b"apache\n"
    assert result.stderr == b""


def test_each_node_has_its_own_user_and_host_name(client):
    for login, expected in [
            ("124718-25880", b"apache node124718-cool-waterfall-59\n"),
            ("124719-25880", b"mysql node124719-cool-waterfall-59\n"),
            ("136553-21296", b"apache node136553-crimson-dust-8\n")]:
        result = client.ssh(login, 'echo "$(id -un) $(hostname)"', check=True)
        assert result.stdout == expected


def test_64_mebibytes_go_both_ways_unharmed(client):
    data = random.Random(25880).randbytes(64 * MEBIBYTE)
    result = client.ssh("124718-25880", "cat", input=data, timeout=100)
    assert result.returncode == 0
    assert result.stderr == b""
    assert result.stdout == data


def test_standard_error_stays_apart(client):
    result = client.ssh("124718-25880", "echo out; echo err >&2")
    assert (result.stdout, result.stderr) == (b"out\n", b"err\n")


def test_a_command_string_arrives_as_it_was_typed(client):
    command = r"""printf '%s|' "a  b" 'c"d' \$HOME '*' 'é;' "$(echo e)" """
    result = client.ssh("124718-25880", command, check=True)
    assert result.stdout.decode() == 'a  b|c"d|$HOME|*|é;|e|'


def test_a_command_that_begins_with_a_dash_is_only_a_command(client, gateway):
    marker = "/tmp/owned-by-a-dash"
    command = f"-oProxyCommand=touch {marker}"
    result = client.ssh("124718-25880", command)
    # The shell on the node takes it for options of its own, and says so: that
    # is between the user and bash, there, just as without a gateway.
    assert result.returncode in (2, 126, 127)
    assert not os.path.exists(gateway.path(marker))


def test_a_newline_in_a_command_is_the_nodes_business(client):
    result = client.ssh("124718-25880", "echo one\necho two", check=True)
    assert result.stdout == b"one\ntwo\n"


def test_the_home_directory_is_the_services(client):
    result = client.ssh("124718-25880", "pwd", check=True)
    assert result.stdout == b"/var/www\n"


def test_exit_codes_of_the_node_are_carried_all_of_them(client):
    for code in (0, 1, 2, 100, 126, 127, 128, 254, 255):
        result = client.ssh("124718-25880", f"exit {code}")
        assert result.returncode == code, code
        assert result.stdout == result.stderr == b""


def test_the_end_of_input_arrives(client):
    result = client.ssh("124718-25880", "wc -c", input=b"x" * 12345, check=True)
    assert result.stdout.split() == [b"12345"]


def test_a_session_without_a_command_and_terminal_is_the_nodes_shell(client):
    result = client.ssh("124718-25880", input=b"id -un\nexit 9\n")
    assert result.returncode == 9
    assert b"apache\n" in result.stdout
    assert b"Quit" not in result.stdout


@pytest.mark.parametrize("account", ["25880", "21296"])
def test_a_command_without_a_node_says_what_to_type(client, account):
    result = client.ssh(account, "uptime")
    assert result.returncode == 123
    assert result.stdout == b""
    assert f"-{account}@".encode() in result.stderr


# What the node's own sshd and bash put there.
OF_THE_NODE = {"HOME", "LOGNAME", "MAIL", "MOTD_SHOWN", "PATH", "PWD", "SHELL", "SHLVL",
               "SSH_CLIENT", "SSH_CONNECTION", "SSH_TTY", "USER", "_"}
ENVIRONMENT = ["-o", "SetEnv=LANG=sv_SE.UTF-8 LC_ENSCALE=hallo EDITOR=bad LD_PRELOAD=/x"
                     " GIT_PROTOCOL=version=2 COLORTERM=truecolor GIT_DIR=/x NO_COLOR=1"]
PASSED = {"LANG": "sv_SE.UTF-8", "LC_ENSCALE": "hallo", "GIT_PROTOCOL": "version=2",
          "COLORTERM": "truecolor"}


def variables(text):
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def test_what_the_manual_names_of_the_users_environment_arrives_and_nothing_else(client):
    result = client.ssh("124718-25880", "env", check=True, options=ENVIRONMENT)
    found = variables(result.stdout.decode())
    assert {name: found.pop(name, None) for name in PASSED} == PASSED
    assert found.keys() <= OF_THE_NODE


def test_the_kind_of_his_terminal_arrives_as_well(client):
    session = client.pexpect_ssh("124718-25880", "env", options=["-t", *ENVIRONMENT])
    session.expect(pexpect.EOF)
    found = variables(session.before)
    assert found.pop("TERM") == "xterm"
    assert {name: found.pop(name, None) for name in PASSED} == PASSED
    assert found.keys() <= OF_THE_NODE


TRAP = """trap 'echo got; exit 3' INT QUIT; echo up; while :; do sleep 0.1; done"""


@pytest.mark.parametrize("key", ["\x03", "\x1c"], ids=["interrupt", "quit"])
def test_keys_that_make_signals_reach_the_program_on_the_node(client, key):
    session = client.pexpect_ssh("124718-25880", TRAP, options=["-t"])
    session.expect("up\r\n")
    session.send(key)
    session.expect("got\r\n")
    session.expect(pexpect.EOF)
    session.close()
    assert session.exitstatus == 3


def test_the_clients_display_stays_with_the_client(client):
    result = client.run(
        ["ssh", "-v", "-X", "-l", "124718-25880", "ssh.enscale.com",
         'echo "<$DISPLAY>"; xauth list 2>&1 | wc -l'], env={"DISPLAY": ":0"})
    assert result.stdout.startswith(b"<>\n")
    assert b"X11 forwarding request failed on channel 0" in result.stderr


def test_death_by_a_signal_is_255_without_a_word(client):
    # What ssh says of it itself: the node's word for the signal gets lost there.
    for number in (9, 15, 11):
        result = client.ssh("124718-25880", f"kill -{number} $$")
        assert result.returncode == 255
        assert result.stdout == result.stderr == b""


def test_what_comes_after_the_end_of_input_arrives(client):
    result = client.ssh("124718-25880", "cat; sleep 0.5; echo late; echo err >&2",
                        input=b"early\n", check=True)
    assert (result.stdout, result.stderr) == (b"early\nlate\n", b"err\n")


def test_a_node_that_closes_its_output_may_still_read(client):
    result = client.ssh("124718-25880", "exec >&- 2>&-; wc -c > /tmp/half-close",
                        input=b"x" * 100000)
    assert result.returncode == 0
    result = client.ssh("124718-25880", "cat /tmp/half-close; rm /tmp/half-close")
    assert result.stdout.split() == [b"100000"]


def test_values_of_the_locale_that_could_be_more_do_not_arrive(client):
    result = client.ssh(
        "124718-25880", "env", check=True,
        options=["-o", "SetEnv=LC_A=$(id) LC_B=../../tmp/x LC_C=a\x1b[2J "
                 "LC_D=" + "x" * 65 + " LC_E=de_DE.UTF-8"])
    names = {line.split(b"=")[0] for line in result.stdout.splitlines()}
    assert b"LC_E" in names
    assert not names & {b"LC_A", b"LC_B", b"LC_C", b"LC_D"}


@pytest.mark.parametrize("rows, columns", [(1, 1), (65535, 65535), (3, 7)])
def test_any_size_of_a_window_is_the_nodes(client, rows, columns):
    session = client.pexpect_ssh("124718-25880", "stty size", options=["-t"],
                                 dimensions=(rows, columns))
    session.expect(f"{rows} {columns}\r\n")
    session.expect(pexpect.EOF)
    session.close()
    assert session.exitstatus == 0


def test_the_shell_and_its_ssh_are_confined(client, gateway):
    session = client.pexpect_ssh("124718-25880")
    session.expect(r"[$#] $")
    try:
        shell, = gateway.sh("pgrep -x enscale-shell").stdout.split()
        ssh, = gateway.sh(f"pgrep -P {shell.decode()} -x ssh").stdout.split()
        for process in (shell, ssh):
            status = gateway.read(f"/proc/{process.decode()}/status")
            fields = dict(line.split(":", 1) for line in
                          (status if isinstance(status, str) else status.decode())
                          .splitlines())
            assert fields["NoNewPrivs"].strip() == "1"
            assert fields["Seccomp"].strip() == "2"
    finally:
        session.close(force=True)


@pytest.fixture
def probe(gateway):
    """confined.c in the place of the gateway's ssh, and what it reaches for."""
    with open(f"{HERE}/confined.c") as file:
        gateway.write("/tmp/confined.c", file.read())
    gateway.sh("gcc -o /tmp/confined /tmp/confined.c; chmod 755 /tmp/confined;"
               f" install -m 666 -o {UID + 1} /dev/null /tmp/others;"
               " mv /usr/bin/ssh /usr/bin/ssh.kept; cp /tmp/confined /usr/bin/ssh")
    listener = gateway.popen(["python3", "-c", LISTEN], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE)
    assert listener.stdout.readline() == b"listening\n"
    yield lambda text: dict(re.findall(r"^([a-z-]+) (\w+)\r*$", text, re.M))
    listener.kill()
    listener.communicate()
    gateway.sh("mv -f /usr/bin/ssh.kept /usr/bin/ssh;"
               " rm -f /tmp/confined* /tmp/others /tmp/made")


def test_what_the_shell_runs_can_run_read_and_write_nothing_of_the_gateway(
        client, gateway, probe):
    landlock = int(gateway.run(["python3", "-c", LANDLOCK_VERSION]).stdout)
    if landlock <= 0:
        pytest.skip("the kernel has no Landlock")
    session = client.pexpect_ssh("124718-25880")
    session.expect(pexpect.EOF)
    said = probe(session.before)
    files = ["read-group", "read-others", "write-others", "make", "remove"]
    calls = ["run", "third", "memory-file", "second-tcp", "udp", "multipath",
             "netlink", "log", "unshare", "clone", "ring", "bind", "listen",
             "mode", "sti", "linux"]
    free = ["read-passwd", "agent", "first-tcp"]
    assert said.pop("abstract") == ("EPERM" if landlock >= 6 else "0")
    assert said == dict.fromkeys(files, "EACCES") | {"loader": "unloadable"} | \
        dict.fromkeys(calls, "EPERM") | dict.fromkeys(free, "0")
    # It is the confinement that refuses, no mode of a file.
    outside = gateway.run(["setpriv", f"--reuid={UID}", f"--regid={UID}",
                           "--clear-groups", "/tmp/confined"])
    said = probe(outside.stdout.decode())
    for name in ("remove",  # of another's file in a folder with the sticky bit
                 "mode", "sti", "linux"):  # there is no terminal of his
        said.pop(name)
    assert set(said.values()) == {"0"} and "run-memory" in said


CONNECT = """
import array, os, socket, subprocess, sys
TCP_DELACK_MAX_US = 46  # Linux 6.15
listener = socket.create_server(("127.0.0.1", 0))
ours, theirs = socket.socketpair()
command = f"exec 127.0.0.1 {listener.getsockname()[1]} 5 /dev/null"
subprocess.run(["/usr/libexec/enscale/enscale-connect", "-c", command],
               stdout=theirs, check=True)
_, (fd,), _, _ = socket.recv_fds(ours, 1, 1)
made = socket.socket(fileno=fd)
assert made.getpeername() == listener.getsockname()
assert os.get_blocking(fd)
assert made.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
try:
    delay = made.getsockopt(socket.IPPROTO_TCP, TCP_DELACK_MAX_US)
except OSError:
    delay = None  # an older kernel
assert delay is None or delay <= 24000, delay
"""


def test_the_connection_to_the_node_waits_for_no_other_segment(gateway):
    """TCP_NODELAY before the first byte, and soon acknowledged."""
    gateway.run(["python3", "-c", CONNECT])


def test_no_user_can_run_what_connects_for_something_else(client, gateway):
    for command in ("-c 'exec 198.19.0.18 22 5 /dev/null; id'", "-c id", "",
                    "-c 'exec 198.19.0.18 22 5'", "-c 'exec localhost 22 5 /dev/null'",
                    "-c 'exec 198.19.0.18 99999 5 /dev/null'",
                    "-c 'exec 198.19.0.18 22 5 /dev/null x'"):
        result = gateway.sh(f"/usr/libexec/enscale/enscale-connect {command}",
                            check=False)
        assert result.returncode == 1, command
        assert result.stdout == b""
