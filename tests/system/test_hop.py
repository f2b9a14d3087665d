"""The hop from the gateway to a node: how it fails, and how it ends."""

import re
import signal
import subprocess
import time

import pexpect
import pytest

from entries import environment_dn, node_dn

pytestmark = pytest.mark.both

ENVIRONMENT = "cool-waterfall-59"
SESSION = r"\(session [a-z2-7]{16}\)"


@pytest.fixture
def stop_environment(administrator):
    """Stops the environment; it runs again after the test."""
    dn = environment_dn(ENVIRONMENT)
    yield lambda: administrator.replace(dn, enscaleState="stopped")
    administrator.replace(dn, enscaleState="running")


@pytest.fixture
def on_node(client):
    """At a terminal, on node 124718, come from the menu."""
    session = client.pexpect_ssh("25880")
    for what in (ENVIRONMENT, "124718"):
        session.expect(rf"(\d+)\. [^\r\n]*{what}")
        number = session.match.group(1)
        session.expect(r"> $")
        session.sendline(number)
    session.expect(r"[$#] $")
    yield session
    session.close(force=True)


@pytest.fixture
def running(client):
    """running(options=[...]): a client with a command on the node that does
    not end by itself."""
    clients = []

    def start(**more):
        argv = client.ssh_argv("124718-25880", "echo up; exec sleep 100", **more)
        process = client.popen(argv, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        clients.append(process)
        assert process.stdout.readline().strip() == b"up"
        return process

    yield start
    for process in clients:
        process.kill()
        process.communicate()


def processes(gateway, word):
    """Ids of the processes on the gateway whose command line has the word."""
    lines = gateway.run(["ps", "-e", "-o", "pid=,args="]).stdout.decode()
    return [int(line.split()[0]) for line in lines.splitlines() if word in line]


SHELL, HOP = "enscale-shell -c", "-oBatchMode=yes"


def test_a_node_whose_sshd_is_down_cannot_be_reached(client, hosts):
    hosts.node124719.stop("ssh")
    try:
        result = client.ssh("124719-25880", "id")
    finally:
        hosts.node124719.start("ssh")
    assert result.returncode == 121
    assert result.stdout == b""
    assert b"Node 124719 cannot be reached: it refuses" in result.stderr
    assert b"198.19.0.19" not in result.stderr


@pytest.mark.mixed
def test_a_node_with_another_host_key_is_not_entered(
        client, hosts, administrator, wait_for):
    dn = node_dn(124719, ENVIRONMENT)
    own, other = (
        " ".join(node.read("/etc/ssh/ssh_host_ed25519_key.pub").decode().split()[:2])
        for node in (hosts.node124719, hosts.node136553))
    administrator.replace(dn, enscaleHostKey=other)
    try:
        wait_for(
            lambda: client.ssh("124719-25880", "id").returncode == 121,
            "the node cannot be reached", 3)
        result = client.ssh("124719-25880", "id")
    finally:
        administrator.replace(dn, enscaleHostKey=own)
    assert result.stdout == b""
    assert b"its host key is not the one in the directory" in result.stderr
    wait_for(lambda: client.ssh("124719-25880", "true").returncode == 0,
             "the node can be entered again", 3)


@pytest.fixture
def offering(hosts):
    """offering(LINES): node 124719's sshd has those lines, too, for a while, and
    says what key exchange it agrees on."""
    node, path = hosts.node124719, "/etc/ssh/sshd_config.d/00-offering.conf"

    def restart():
        node.stop("ssh")
        node.start("ssh")

    def offer(lines):
        node.write(path, f"LogLevel DEBUG1\n{lines}\n")
        restart()
        return node

    yield offer
    node.run(["rm", "-f", path])
    restart()


SLOW, FAST, POST_QUANTUM = (
    "sntrup761x25519-sha512@openssh.com", "curve25519-sha256", "mlkem768x25519-sha256")


def exchanged(node, since):
    return re.findall(r"kex: algorithm: (\S+)", node.log()[since:])


@pytest.mark.mixed
def test_the_key_exchange_is_a_fast_one_and_post_quantum_where_both_have_it(
        client, gateway, offering):
    node = offering("")
    since = len(node.log())
    result = client.ssh("124719-25880", "id -un")
    assert (result.stdout, result.stderr) == (b"mysql\n", b"")
    known = [host.run(["ssh", "-Q", "kex"]).stdout.decode() for host in (gateway, node)]
    best = POST_QUANTUM if all(POST_QUANTUM in names for names in known) else FAST
    assert exchanged(node, since) == [best]


@pytest.mark.mixed
def test_a_node_with_nothing_but_a_slow_key_exchange_is_entered(client, offering):
    node = offering(f"KexAlgorithms {SLOW}")
    since = len(node.log())
    result = client.ssh("124719-25880", "id -un")
    assert (result.stdout, result.stderr) == (b"mysql\n", b"")
    assert exchanged(node, since)[-1] == SLOW


def test_a_node_without_a_key_exchange_of_ours_is_said_to_have_none(client, offering):
    offering("KexAlgorithms diffie-hellman-group14-sha1")
    result = client.ssh("124719-25880", "id")
    assert result.returncode == 121 and result.stdout == b""
    assert b"it offers no algorithm that the gateway accepts" in result.stderr


@pytest.fixture
def without_principal(hosts):
    """A node that takes nobody's certificate for a while."""
    node = hosts.node124719
    path = node.sh("sshd -T -C user=mysql,addr=198.19.0.1 |"
                   " sed -n 's/^authorizedprincipalsfile //p'").stdout.decode().strip()
    path = path.replace("%u", "mysql")
    before = node.read(path)
    node.sh(f": >{path}")
    restore = lambda: node.sh(f"cat >{path}", input=before)
    yield restore
    restore()


@pytest.mark.mixed
def test_a_node_that_refuses_the_certificate_is_said_to_have_done_so(
        client, without_principal):
    result = client.ssh("124719-25880", "id")
    assert result.returncode == 121
    assert result.stdout == b""
    assert b"Node 124719 cannot be reached: " in result.stderr
    assert b"it did not accept the gateway's certificate" in result.stderr
    assert re.search(SESSION.encode(), result.stderr)


def test_what_a_node_refused_keeps_nobody_else_of_the_gateway_out(
        client, hosts, without_principal):
    """The node sees one source for all users; from 9.8 on sshd locks out one
    from which logins fail."""
    for _ in range(6):
        assert client.ssh("124719-25880", "true").returncode == 121
    assert client.ssh("124719-25880", "true").stderr.count(b"certificate") == 1
    without_principal()
    assert client.ssh("124719-25880", "exit 7").returncode == 7


@pytest.mark.mixed
def test_a_direct_session_ends_when_its_environment_stops(
        running, stop_environment):
    process = running()
    stop_environment()
    out, err = process.communicate(timeout=5)
    assert process.returncode == 120
    assert out == b""
    assert b"its environment cool-waterfall-59 is stopped" in err


@pytest.mark.mixed
def test_the_menu_comes_back_when_the_nodes_environment_stops(
        on_node, stop_environment):
    stop_environment()
    on_node.expect("its environment cool-waterfall-59 is stopped.*" + SESSION)
    on_node.expect("Environments")
    on_node.expect(r"> $")
    # The terminal is the menu's again: what is typed is seen, and counts.
    on_node.sendline("q")
    on_node.expect("q\r\n")
    on_node.expect(pexpect.EOF)
    on_node.close()
    assert on_node.exitstatus == 0


@pytest.mark.mixed
def test_what_a_program_left_of_the_terminal_is_put_right(on_node):
    on_node.sendline("printf '\\033[?1049h'; stty -echo -icanon; exit")
    on_node.expect(r"\x1b\[\?1049l")
    on_node.expect(r"> $")
    on_node.sendline("0")
    on_node.expect("0\r\n")
    on_node.expect(r"0\. Quit")


@pytest.mark.parametrize("key", ["\x03", "\x1c"], ids=["interrupt", "quit"])
def test_keys_that_make_signals_are_the_nodes_and_not_the_menus(on_node, key):
    on_node.sendline("""sh -c 'trap "echo got; exit 3" INT QUIT; echo up;"""
                     """ while :; do sleep 0.1; done'; echo code $?""")
    on_node.expect("up\r\n")
    on_node.send(key)
    on_node.expect("got\r\n")
    on_node.expect("code 3\r\n")
    on_node.sendline("exit")
    on_node.expect("Nodes of cool-waterfall-59")


def test_what_is_typed_while_a_node_is_left_is_no_choice(on_node):
    on_node.sendline("sleep 1; exit")
    on_node.expect("exit\r\n")
    on_node.send("0\r")
    on_node.expect("Nodes of cool-waterfall-59")
    on_node.expect(r"> $")
    on_node.sendline("?")
    on_node.expect("\\?\r\n")
    on_node.expect("A number")
    assert "0. Quit" not in on_node.before
    assert "Please type" not in on_node.before


WAITING = """
import array, fcntl, os, sys, termios
terminal = os.open(os.readlink(f"/proc/{sys.argv[1]}/fd/0"), os.O_RDWR | os.O_NOCTTY)
waiting = array.array("i", [0])
fcntl.ioctl(terminal, termios.FIONREAD, waiting)
print(waiting[0])
"""


@pytest.mark.mixed
def test_what_came_too_late_for_the_node_is_no_choice(on_node, gateway, wait_for):
    (hop,) = processes(gateway, HOP)
    gateway.run(["kill", "-STOP", str(hop)])
    on_node.send("q")
    wait_for(lambda: gateway.run(["python3", "-c", WAITING, str(hop)]).stdout == b"1\n",
             "it waits at the gateway")
    gateway.run(["kill", "-KILL", str(hop)])
    on_node.expect("Nodes of cool-waterfall-59")
    on_node.expect(r"> $")
    on_node.sendline("?")
    on_node.expect("\\?\r\n")
    on_node.expect("A number")


def test_a_killed_guard_ends_no_hop(on_node, gateway):
    gateway.kill("enscale-guard")
    on_node.sendline("echo $((6*7)); exit")
    on_node.expect("42\r\n")
    on_node.expect("Nodes of cool-waterfall-59")
    on_node.expect(r"(\d+)\. [^\r\n]*124718")
    on_node.sendline(on_node.match.group(1))
    on_node.expect(r"[$#] $")


@pytest.mark.mixed
def test_the_users_own_agent_reaches_the_node_when_he_says_so(client):
    script = """
        eval "$(ssh-agent)" >/dev/null
        ssh-add -q /root/keys/25880-ed25519
        ssh %s -l 124718-25880 -- ssh.enscale.com ssh-add -l || :
        ssh-agent -k >/dev/null"""
    with_agent = client.sh(script % "-A").stdout
    without = client.sh(script % "-a")
    assert with_agent.count(b"\n") == 1 and b"(ED25519)" in with_agent
    assert b"ED25519" not in without.stdout
    assert b"Could not open a connection" in without.stderr


@pytest.mark.mixed
@pytest.mark.parametrize("options", [[], ["-tt"]], ids=["no pty", "pty"])
def test_a_killed_client_leaves_nothing_on_the_gateway(
        running, gateway, wait_for, options):
    process = running(options=options)
    assert processes(gateway, SHELL) and processes(gateway, HOP)
    process.kill()
    wait_for(lambda: not processes(gateway, SHELL), "the shell has gone", 5)
    wait_for(lambda: not processes(gateway, HOP), "its ssh has gone", 5)


def test_a_killed_client_leaves_nothing_while_there_is_no_guard(
        running, gateway, wait_for):
    process = running()
    gateway.stop("enscale-guard")
    try:
        process.kill()
        wait_for(lambda: not processes(gateway, SHELL), "the shell has gone", 5)
        wait_for(lambda: not processes(gateway, HOP), "its ssh has gone", 5)
    finally:
        gateway.start("enscale-guard")


@pytest.mark.mixed
def test_a_shell_that_is_killed_takes_its_hop_along(
        running, gateway, wait_for):
    for number in (signal.SIGTERM, signal.SIGKILL):
        process = running()
        (shell,) = processes(gateway, SHELL)
        gateway.run(["kill", f"-{number.value}", str(shell)])
        # OpenSSH's client says 255 for a death by signal.
        assert process.wait(5) == 255
        wait_for(lambda: not processes(gateway, HOP), "its ssh has gone", 5)


def test_ssh_gets_an_environment_of_few_words_and_three_descriptors(
        running, gateway):
    running(options=["-o", "SetEnv=LC_TEXT=plain LC_BAD=$(id)"])
    (hop,) = processes(gateway, HOP)
    pairs = gateway.read(f"/proc/{hop}/environ").decode().split("\0")[:-1]
    names = {pair.split("=")[0] for pair in pairs}
    assert names <= {"PATH", "SHELL", "HOME", "USER", "TERM", "LANG", "LC_TEXT"}
    assert "SHELL=/usr/libexec/enscale/enscale-connect" in pairs and "LC_TEXT=plain" in pairs
    (shell,) = processes(gateway, SHELL)
    open_files = gateway.sh(f"readlink /proc/{hop}/fd/*").stdout.decode()
    assert "known_hosts" not in open_files
    assert gateway.sh(f"grep NoNewPrivs /proc/{shell}/status").stdout.split()[1] == b"1"


def test_without_the_guard_nobody_hops_and_it_is_said(client, gateway):
    gateway.stop("enscale-guard")
    begun = time.monotonic()
    try:
        result = client.ssh("124718-25880", "id")
        waited = time.monotonic() - begun
    finally:
        gateway.start("enscale-guard")
    assert result.returncode == 122
    assert 3 < waited < 15 # it may be back in a moment
    assert result.stdout == b""
    session = re.search(SESSION.encode(), result.stderr)[0].decode()
    assert f"session={session[9:-1]}" in gateway.log()


@pytest.mark.full
def test_a_node_that_falls_silent_is_said_to_have_failed(running, hosts):
    process = running()
    stop = "for p in $(pgrep sshd); do kill -%s $p; done"
    hosts.node124718.sh(stop % "STOP")
    try:
        out, err = process.communicate(timeout=100)
    finally:
        hosts.node124718.sh(stop % "CONT")
    assert process.returncode == 255
    assert b"The connection to node 124718 has failed: it does not answer" in err
    assert re.search(SESSION.encode(), err)


@pytest.fixture
def slow_login(hosts):
    """A node whose sshd takes its time over a login."""
    node = hosts.node124719
    stack = node.read("/etc/pam.d/sshd").decode()
    node.write("/etc/pam.d/sshd",
               "account required pam_exec.so /bin/sleep 300\n" + stack)
    yield node
    node.write("/etc/pam.d/sshd", stack)
    # The next test waits for a sleep of its own.
    node.sh("pkill -x sleep || :; while pgrep -x sleep; do sleep 0.02; done")


@pytest.fixture
def at_login(client, slow_login, wait_for):
    """A client that waits for that node."""
    process = client.popen(client.ssh_argv("124719-25880", "id"),
                           stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for(lambda: slow_login.sh("pgrep -x sleep || :").stdout, "it logs in")
    yield process
    process.kill()
    process.communicate()


def test_control_c_while_a_node_is_being_entered_comes_back_to_the_menu(
        client, gateway, slow_login, wait_for):
    session = client.pexpect_ssh("25880")
    session.expect(r"> $")
    session.sendline("124719")
    wait_for(lambda: slow_login.sh("pgrep -x sleep || :").stdout, "it logs in")
    session.sendintr()
    session.expect("Environments")
    assert "cannot be reached" not in session.before
    session.expect(r"> $")
    assert not processes(gateway, HOP)
    session.sendline("q")
    session.expect(pexpect.EOF)
    session.close()
    assert session.exitstatus == 0


def test_control_c_while_a_node_is_being_entered_directly_is_the_nodes(
        client, slow_login, wait_for):
    session = client.pexpect_ssh("124719-25880", options=["-t"])
    wait_for(lambda: slow_login.sh("pgrep -x sleep || :").stdout, "it logs in")
    session.sendintr()
    session.expect("Node 124719 cannot be reached: it does not answer", timeout=25)
    assert "^C" not in session.before
    session.expect(pexpect.EOF)
    session.close()
    assert session.exitstatus == 121


def said_at_login(process, seconds):
    out, err = process.communicate(timeout=seconds)
    assert process.returncode == 121 and out == b""
    return err


@pytest.mark.mixed
def test_a_node_that_hangs_up_at_the_login_is_said_to_have_done_so(
        at_login, slow_login):
    slow_login.sh("pkill -KILL -f '^sshd(-session)?: mysql'")
    said = said_at_login(at_login, 10)
    assert b"Node 124719 cannot be reached: it closed the connection" in said


def test_a_node_that_falls_silent_at_the_login_is_not_waited_for_for_ever(
        at_login, slow_login):
    slow_login.sh("pkill -STOP -f '^sshd(-session)?: mysql'")
    try:
        said = said_at_login(at_login, 25)
    finally:
        slow_login.sh("pkill -KILL -f '^sshd(-session)?: mysql'")
    assert b"Node 124719 cannot be reached: it does not answer" in said
