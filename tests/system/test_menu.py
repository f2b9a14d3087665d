"""A person at a terminal: the menu, a node, the menu again."""

import re
import time

import pexpect
import pytest

from entries import environment_dn

SESSION = r"\(session [a-z2-7]{16}\)"


@pytest.fixture
def menu(client):
    session = client.pexpect_ssh("25880")
    yield session
    session.close(force=True)


def choose(session, what):
    """Types the number in front of the line that says what."""
    session.expect(rf"(\d+)\. [^\r\n]*{re.escape(what)}")
    number = session.match.group(1)
    session.expect(r"> ?$")
    session.sendline(number)


def test_from_the_menu_into_a_node_and_back(menu):
    choose(menu, "cool-waterfall-59")
    choose(menu, "124718")
    menu.expect(r"[$#] $")
    menu.sendline("id -un; hostname; tty; echo $((6*7))")
    menu.expect("apache\r\n")
    menu.expect("node124718-cool-waterfall-59\r\n")
    menu.expect("/dev/pts/")
    menu.expect("42\r\n")
    menu.sendline("exit")
    choose(menu, "Back")
    menu.expect(r"0\. Quit")
    menu.expect("cool-waterfall-59")
    menu.expect(r"> ?$")
    menu.sendline("0")
    menu.expect(pexpect.EOF)
    menu.close()
    assert menu.exitstatus == 0


def test_the_menu_lists_each_environment_with_its_state_and_role(menu):
    menu.expect(r"0\. Quit")
    menu.expect(r"1\. Refresh")
    menu.expect(r"> ?$")
    shown = menu.before
    lines = [line for line in shown.splitlines() if re.match(r" *\d+\. ", line)]
    text = "\n".join(lines)
    assert re.search(r"cool-waterfall-59\b.*running.*owner", text)
    assert re.search(r"crimson-dust-8\b.*running.*limited", text)
    assert re.search(r"env-3344147\b.*stopped.*owner", text)


def test_a_stopped_environment_says_why_it_cannot_be_entered(menu):
    choose(menu, "env-3344147")
    menu.expect("stopped")
    menu.expect(r"> ?$")


def test_an_environment_with_limited_access_says_so(menu):
    choose(menu, "crimson-dust-8")
    menu.expect("access is limited")
    menu.expect(r"> ?$")


def test_end_of_input_ends_the_menu(menu):
    menu.expect(r"> ?$")
    menu.sendeof()
    menu.expect(pexpect.EOF)
    menu.close()
    assert menu.exitstatus == 0


def test_a_line_is_one_choice_however_long_it_is(menu):
    menu.expect(r"> ?$")
    # 255 characters and a Quit behind them.
    menu.sendline("x" * 255 + "0")
    menu.expect("Please type one of the numbers")
    menu.expect(r"> ?$")
    menu.sendline(" " * 300 + "1")
    menu.expect(r"0\. Quit")
    menu.expect(r"> ?$")
    assert menu.isalive()


def test_rights_that_went_after_the_list_was_shown_do_not_count(
        menu, administrator):
    dn = environment_dn("cool-waterfall-59")
    choose(menu, "cool-waterfall-59")
    menu.expect(r"(\d+)\. [^\r\n]*124718")
    number = menu.match.group(1)
    menu.expect(r"> ?$")
    administrator.replace(dn, enscaleOwner=21296)
    try:
        time.sleep(1)
        menu.sendline(number)
        menu.expect("Node 124718 does not exist, or account 25880 has no access")
        menu.expect("environment cool-waterfall-59 is not yours any more")
        menu.expect(r"0\. Quit")
        menu.expect(r"> ?$")
        assert "cool-waterfall" not in menu.before
    finally:
        administrator.replace(dn, enscaleOwner=25880)


def test_without_the_guard_the_menu_says_so_once_and_waits(menu, gateway):
    choose(menu, "cool-waterfall-59")
    menu.expect(r"> ?$")
    gateway.stop("enscale-guard")
    try:
        menu.sendline("1")
        menu.expect(rf"The gateway cannot answer now[^\r\n]*{SESSION}")
        menu.expect(r"0\. Back")
        menu.expect(r"> ?$")
        assert "cannot answer" not in menu.before
    finally:
        gateway.start("enscale-guard")
    menu.sendline("1")
    menu.expect("124718")


def test_an_account_without_an_environment_gets_a_menu_that_says_so(client):
    session = client.pexpect_ssh("40404")
    session.expect("(?i)no environment")
    session.expect(r"> ?$")
    session.sendline("0")
    session.expect(pexpect.EOF)
    session.close()
    assert session.exitstatus == 0


def test_a_direct_name_at_a_terminal_goes_straight_to_the_node(client):
    session = client.pexpect_ssh("124719-25880")
    session.expect(r"[$#] $")
    assert "Quit" not in session.before
    session.sendline("id -un; exit 5")
    session.expect("mysql\r\n")
    session.expect(pexpect.EOF)
    session.close()
    assert session.exitstatus == 5


def test_the_node_sees_the_size_of_the_window_and_its_changes(client):
    session = client.pexpect_ssh("124718-25880", dimensions=(33, 99))
    session.expect(r"[$#] $")
    session.sendline("stty size")
    session.expect("33 99\r\n")
    session.setwinsize(20, 70)
    session.expect(r"[$#] $")
    session.sendline("sleep 0.3; stty size")
    session.expect("20 70\r\n")
    session.sendline("exit")
    session.expect(pexpect.EOF)
    session.close()


def test_directory_text_reaches_the_terminal_without_control_characters(
        client, administrator, wait_for):
    name = "evil-\x1b]0;owned\x07-name"
    dn = environment_dn("evil-env")
    administrator.add(
        dn, objectClass="enscaleEnvironment",
        cn=["evil-env", name.encode()],
        enscaleState="running", enscaleOwner=40404)
    try:
        session = client.pexpect_ssh("40404")
        session.expect(r"> ?$")
        assert "\x1b]" not in session.before and "\x07" not in session.before
        session.close(force=True)
    finally:
        administrator.delete(dn)
