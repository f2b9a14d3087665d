"""What operators do with sessions: see them, end them, speak to all, and close
the gateway to new logins."""

import contextlib
import json
import re
import signal
import subprocess
import time

import pexpect
import pytest

from test_ending import begin, ends, events
from test_menu import choose

pytestmark = pytest.mark.both

REFUSED = 120
ENVIRONMENT = "cool-waterfall-59"
SOCKET = "/run/enscale/guard/operator.sock"
CLOSED = "The gateway takes no new logins at the moment: "


def ctl(gateway, *words, code=0):
    result = gateway.run(["enscalectl", *words], check=False)
    assert result.returncode == code, result
    return result.stdout.decode() + result.stderr.decode()


def sessions(gateway, *options):
    return json.loads(ctl(gateway, "sessions", "--json", *options))


@pytest.fixture(autouse=True)
def nobody_in(gateway, wait_for):
    yield
    wait_for(lambda: sessions(gateway) == [], "nobody is in")


@pytest.fixture
def direct(client, gateway, wait_for):
    """begin() for a login name; what is left is ended."""
    begun = []

    def do(login, **more):
        begun.append(begin(client, gateway, wait_for, login, **more))
        return begun[-1]

    yield do
    for session in begun:
        session.kill()
        session.communicate()


@pytest.fixture
def menu(client):
    """Menus of an account, at their prompt; all are closed afterwards."""
    opened = []

    def do(account="25880"):
        opened.append(client.pexpect_ssh(account))
        opened[-1].expect("Choice> $")
        return opened[-1]

    yield do
    for terminal in opened:
        terminal.close(force=True)


@pytest.fixture
def quiet(gateway):
    """Nothing is announced, and the gateway is open, afterwards."""
    yield
    ctl(gateway, "announce", "--clear")
    ctl(gateway, "undrain")


# ---- sessions -------------------------------------------------------------------


@pytest.mark.mixed
def test_sessions_are_listed_with_whose_they_are_and_what_they_do(gateway, direct, menu):
    direct("124718-25880", key="25880-ed25519")
    waiting = menu("21296")
    listed = {line["account"]: line for line in sessions(gateway)}
    assert set(listed) == {25880, 21296}
    inside, at_menu = listed[25880], listed[21296]
    assert (inside["node"], inside["inside"], inside["state"]) == (124718, [124718], "inside")
    assert inside["idle"] is None  # no terminal
    assert (at_menu["node"], at_menu["inside"], at_menu["state"]) == (None, [], "menu")
    assert at_menu["idle"] is not None and at_menu["idle"] < 60
    for line in listed.values():
        assert re.fullmatch("[a-z2-7]{16}", line["session"])
        assert re.fullmatch(r"198\.18\.0\.\d+", line["from"])
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", line["since"])
        assert line["key"]
    assert [line["account"] for line in sessions(gateway, "--account", "21296")] == [21296]
    assert [line["account"] for line in sessions(gateway, "--node", "124718")] == [25880]
    assert sessions(gateway, "--node", "144490") == []
    # for people and scripts: a line each, the same columns
    line = ctl(gateway, "sessions", "--account", "21296").rstrip("\n").split("\t")
    assert line[0] == at_menu["session"] and line[7] == "menu"
    waiting.sendline("q")


def test_a_terminal_that_is_quiet_is_idle(gateway, menu):
    menu("25880")
    time.sleep(20)
    assert sessions(gateway)[0]["idle"] >= 8


# ---- kill -----------------------------------------------------------------------


@pytest.mark.mixed
def test_a_session_that_is_killed_ends_with_the_operators_words(gateway, direct):
    killed = direct("124718-25880")
    kept = direct("124719-25880")
    id_of = {line["node"]: line["session"] for line in sessions(gateway)}
    assert ctl(gateway, "kill", id_of[124718], "--message", "Please call us.") == (
        "ended: 1 session, 0 hops\n")
    code, said = ends(killed)
    assert code == REFUSED
    assert ("The gateway is ending this session. An operator of the gateway has ended it: "
            f"Please call us. (session {id_of[124718]})") in said
    assert kept.poll() is None
    last = events(gateway, "session-withdrawn")[-1]
    assert (last["session"], last["verdict"]) == (id_of[124718], "ended-by-operator")
    assert last["by"].endswith("root") or "(root)" in last["by"]
    asked = events(gateway, "operator")[-1]
    assert (asked["request"], asked["uid"], asked["user"], asked["ok"]) == ("kill", 0, "root", True)
    assert asked["arguments"] == {"session": id_of[124718], "text": "Please call us."}
    assert "No such session" in ctl(gateway, "kill", "aaaaaaaaaaaaaaaa", code=1)


def test_all_of_an_account_are_killed_and_nobody_elses(gateway, direct, menu):
    ended = direct("124718-25880")
    other = direct("124718-21296")
    at_menu = menu("25880")
    assert ctl(gateway, "kill", "--account", "25880") == "ended: 2 sessions, 0 hops\n"
    assert ends(ended)[0] == REFUSED
    at_menu.expect("An operator of the gateway has ended it: please try again later")
    at_menu.expect(pexpect.EOF)
    assert other.poll() is None


@pytest.mark.parametrize("option", [["--node", "124718"], ["--environment", ENVIRONMENT]])
def test_what_is_in_a_node_is_killed_and_the_menu_stays(gateway, direct, menu, option):
    inside = menu("25880")
    inside.sendline("1")
    choose(inside, ENVIRONMENT)
    choose(inside, "124718")
    inside.expect(r"[$#] $")
    ended = direct("124718-21296")
    waiting = menu("21296")
    assert ctl(gateway, "kill", *option) == "ended: 1 session, 1 hop\n"
    assert ends(ended)[0] == REFUSED
    inside.expect("The gateway is ending this connection. An operator of the gateway has ended it")
    inside.expect("Choice> $")
    waiting.sendline("?")
    waiting.expect("A number      goes there")


def test_kill_wants_one_thing_that_is_meant(gateway):
    for words in ([], ["--account", "25880", "--node", "1"], ["--message", "x"],
                  ["aaaaaaaaaaaaaaaa", "--account", "25880"], ["a", "b"]):
        assert "usage: " in ctl(gateway, "kill", *words, code=64)
    ctl(gateway, "kill", "--account", "0", code=64)
    said = ctl(gateway, "kill", "--account", "25880", "--message", "two\nlines", code=1)
    assert "characters that cannot be shown" in said
    said = ctl(gateway, "kill", "--account", "25880", "--message", "x" * 241, code=1)
    assert "too long" in said


# ---- announce -------------------------------------------------------------------


@pytest.mark.mixed
def test_an_announcement_is_in_open_menus_at_once_and_leaves_what_is_typed(
        gateway, menu, quiet):
    open_menu = menu("25880")
    open_menu.send("cool-wat")
    open_menu.expect_exact("cool-wat")
    began = time.monotonic()
    ctl(gateway, "announce", "Maintenance at 14:00 UTC.")
    open_menu.expect_exact("Notice: Maintenance at 14:00 UTC.\r\nChoice> cool-wat")
    assert time.monotonic() - began < 3
    open_menu.sendline("")
    open_menu.expect(f"Nodes of {ENVIRONMENT}")
    open_menu.expect("Choice> $")
    assert "Notice" not in open_menu.before  # once is enough
    later = menu("40404")
    assert "Notice: Maintenance at 14:00 UTC." in later.before
    ctl(gateway, "announce", "--clear")
    assert "Notice" not in menu("21296").before


def test_an_announcement_outlives_the_guard_and_reaches_menus_after_it(gateway, menu, quiet):
    open_menu = menu("25880")
    ctl(gateway, "announce", "First.")
    open_menu.expect_exact("Notice: First.")
    gateway.stop("enscale-guard")
    gateway.start("enscale-guard")
    assert "Notice: First." in menu("21296").before
    ctl(gateway, "announce", "Second.")
    open_menu.expect_exact("Notice: Second.", timeout=10)


@pytest.mark.mixed
def test_a_person_at_a_node_is_told_and_a_script_gets_no_byte(client, gateway, quiet):
    ctl(gateway, "announce", "Maintenance.")
    terminal = client.pexpect_ssh("124718-25880")
    terminal.expect(r"enscale: Maintenance\. \(session [a-z2-7]{16}\)")
    terminal.expect(r"[$#] $")
    terminal.close(force=True)
    for words, options in ((["echo out"], []), (["echo out"], ["-tt"])):
        done = client.ssh("124718-25880", *words, options=options)
        assert done.stdout.replace(b"\r", b"") == b"out\n", done
        assert b"Maintenance" not in done.stderr
    done = client.ssh("124718-25880", input=b"echo out\n")
    assert done.stdout.endswith(b"out\n")
    assert b"Maintenance" not in done.stdout + done.stderr
    batch = ["sftp", "-q", "-P", "3022", "-b", "-", "124718-25880@ssh.enscale.com"]
    done = client.run(batch, input=b"pwd\n", check=False)
    assert b"Maintenance" not in done.stdout + done.stderr
    done = client.ssh("25880", "nodes")
    assert b"Maintenance" not in done.stdout + done.stderr


# ---- drain ----------------------------------------------------------------------


@contextlib.contextmanager
def setting(gateway, line):
    gateway.sh("cp -p /etc/enscale/enscale.conf /etc/enscale/enscale.conf.kept;"
               f"sed -i '/^\\[policy\\]/a {line}' /etc/enscale/enscale.conf")
    try:
        yield
    finally:
        gateway.sh("mv /etc/enscale/enscale.conf.kept /etc/enscale/enscale.conf")


@pytest.mark.mixed
def test_a_drained_gateway_keeps_who_is_in_and_lets_in_nobody_but_those_allowed(
        client, gateway, direct, menu, quiet):
    inside, at_menu = direct("124718-25880"), menu("25880")
    said = ctl(gateway, "drain", "--message", "Back at 14:00 UTC.")
    assert said == "no new logins are taken, 2 sessions are open\n"
    for login, words in (("25880", ["nodes"]), ("124718-21296", ["true"])):
        refused = client.ssh(login, *words)
        assert refused.returncode == 255
        assert f"{CLOSED}Back at 14:00 UTC.".encode() in refused.stderr
    # they go on, also to other nodes
    assert inside.poll() is None
    at_menu.sendline("1")
    choose(at_menu, ENVIRONMENT)
    choose(at_menu, "124719")
    at_menu.expect(r"[$#] $")
    with setting(gateway, "drain_allow = 40404, 21296"):
        assert client.ssh("124718-21296", "exit 7").returncode == 7
        assert client.ssh("124718-25880", "exit 7").returncode == 255
    assert ctl(gateway, "undrain") == "new logins are taken, 2 sessions are open\n"
    assert client.ssh("124718-25880", "exit 7").returncode == 7


def test_a_drain_holds_without_the_guard_and_after_it(client, gateway, quiet):
    ctl(gateway, "drain")
    gateway.stop("enscale-guard")
    try:
        refused = client.ssh("124718-25880", "true")
        assert (f"{CLOSED}please try again later.").encode() in refused.stderr
    finally:
        gateway.start("enscale-guard")
    assert CLOSED.encode() in client.ssh("124718-25880", "true").stderr
    metrics = gateway.read("/run/enscale/guard/metrics/enscale_guard.prom").decode()
    assert "\nenscale_guard_drained 1\n" in metrics
    ctl(gateway, "undrain")
    metrics = gateway.read("/run/enscale/guard/metrics/enscale_guard.prom").decode()
    assert "\nenscale_guard_drained 0\n" in metrics
    assert client.ssh("124718-25880", "exit 7").returncode == 7


def test_status_doctor_and_explain_say_that_the_gateway_is_drained(gateway, quiet):
    ctl(gateway, "drain", "--message", "Back soon.")
    result = gateway.run(["enscalectl", "doctor", "--json"], check=False)
    lines = {line["check"]: line for line in json.loads(result.stdout)}
    assert result.returncode == 1
    assert lines["drain"]["state"] == "warning"
    assert re.fullmatch(r"drained since \S+Z by .*root\)?: Back soon\.", lines["drain"]["finding"])
    assert lines["drain"]["mend"] == "enscalectl undrain"
    assert re.search(r"^drained     since \S+Z by .*Back soon\.$", ctl(gateway, "status"), re.M)
    assert ctl(gateway, "explain", "25880", code=1) == f"drained: {CLOSED}Back soon.\n"
    gateway.sh(lines["drain"]["mend"])
    assert gateway.run(["enscalectl", "doctor"], check=False).returncode == 0


# ---- who may --------------------------------------------------------------------


def test_only_root_and_members_of_the_group_may_ask(gateway, quiet):
    gateway.sh("useradd -m ada; useradd -m eve; usermod -aG enscale-admin ada")
    try:
        as_ada = ["setpriv", "--reuid=ada", "--regid=ada", "--init-groups"]
        as_eve = ["setpriv", "--reuid=eve", "--regid=eve", "--init-groups"]
        done = gateway.run([*as_ada, "enscalectl", "sessions", "--json"])
        assert json.loads(done.stdout) == []
        gateway.run([*as_ada, "enscalectl", "drain", "--message", "By Ada."])
        asked = events(gateway, "operator")[-1]
        assert (asked["request"], asked["user"]) == ("drain", "ada")
        ctl(gateway, "undrain")
        before = len(events(gateway, "operator"))
        for words in (["sessions"], ["drain"], ["kill", "--account", "25880"], ["announce", "x"]):
            done = gateway.run([*as_eve, "enscalectl", *words], check=False)
            assert done.returncode == 2, done
            assert b"only root and members of the group enscale-admin" in done.stderr
        # nor a user of the gateway, whatever its group says it is
        done = gateway.run(["setpriv", "--reuid=1879074072", "--regid=1879074072", "--clear-groups",
                            "enscalectl", "sessions"], check=False)
        assert done.returncode == 2
        assert len(events(gateway, "operator")) == before
        assert "somebody who may not ask" in gateway.log("enscale-guard")
    finally:
        gateway.sh("userdel -r ada; userdel -r eve", check=False)


def test_a_group_that_has_another_number_counts_after_a_reload(gateway, wait_for):
    number = gateway.run(["getent", "group", "enscale-admin"]).stdout.decode().split(":")[2]
    ask = ["setpriv", "--reuid=ada", "--regid=ada", "--init-groups", "enscalectl", "sessions"]
    gateway.sh("useradd -m ada; groupmod -g 4711 enscale-admin; usermod -aG enscale-admin ada")
    try:
        assert gateway.run(ask, check=False).returncode == 2
        gateway.kill("enscale-guard", signal.SIGHUP)
        wait_for(lambda: gateway.run(ask, check=False).returncode == 0, "the group is known")
    finally:
        gateway.sh(f"userdel -r ada; groupmod -g {number} enscale-admin", check=False)
        gateway.kill("enscale-guard", signal.SIGHUP)


def test_what_no_program_of_ours_says_is_refused_and_audited(gateway):
    script = (
        "import socket, sys\n"
        "s = socket.socket(socket.AF_UNIX)\n"
        f"s.connect('{SOCKET}')\n"
        "s.sendall(sys.stdin.buffer.read())\n"
        "s.shutdown(socket.SHUT_WR)\n"
        "print(s.makefile().read())\n"
    )
    lines = ['{"op":"reboot"}', "[]", '{"op":"kill"}', '{"op":"drain","text":1}',
             '{"op":"announce"}', '{"op":"drain","more":true}',
             '{"op":"announce","text":"\\u001b[31m"}', '{"op":"sessions","node":0}']
    said = gateway.run(["python3", "-c", script], input="\n".join(lines) + "\n").stdout.decode()
    answers = [json.loads(line) for line in said.splitlines() if line]
    assert len(answers) == len(lines)
    assert not any(answer["ok"] for answer in answers)
    assert answers[6]["verdict"] == "bad-text"
    audited = events(gateway, "operator")[-7:]
    assert [line.get("request") for line in audited] == [
        "reboot", "kill", "drain", "announce", "drain", "announce", "sessions"]
    assert not any(line["ok"] for line in audited)


def test_crowds_of_users_keep_no_operator_out(client, gateway):
    """Their connections are counted apart."""
    script = (
        "import os, socket, time\n"
        "os.setuid(1879074072)\n"
        "held = []\n"
        "for i in range(600):\n"
        "    s = socket.socket(socket.AF_UNIX)\n"
        "    try: s.connect('/run/enscale/guard/guard.sock')\n"
        "    except OSError: break\n"
        "    held.append(s)\n"
        "print(len(held), flush=True)\n"
        "time.sleep(60)\n"
    )
    holder = gateway.popen(["python3", "-c", script], stdout=subprocess.PIPE)
    try:
        assert int(holder.stdout.readline()) > 400
        assert sessions(gateway) == []
    finally:
        holder.kill()
        holder.communicate()
