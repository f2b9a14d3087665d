"""A person at a terminal: the menu, a node, the menu again."""

import os
import re
import subprocess
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


@pytest.mark.mixed
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


def test_an_open_menu_enters_nodes_after_an_update_of_the_programs(menu, gateway):
    menu.expect("Choice> $")
    for path in ("/usr/bin/ssh", "/usr/libexec/enscale/enscale-connect"):
        gateway.sh(f"cp -a {path} {path}.new; mv {path}.new {path}")  # as dpkg does
    menu.sendline("1")
    choose(menu, "cool-waterfall-59")
    choose(menu, "124718")
    menu.expect(r"[$#] $")
    menu.sendline("exit")
    choose(menu, "Back")


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


@pytest.mark.mixed
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
        menu.expect("no longer have access to environment cool-waterfall-59")
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


@pytest.mark.mixed
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


# ---- what is typed beside numbers -------------------------------------------


def type_line(session, line):
    session.expect(r"> ?$")
    session.sendline(line)


def plain(text):
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_part_of_a_service_or_a_node_id_goes_there(menu):
    for text in ("mysql", "124719", "4719", "COOL mysql"):
        type_line(menu, text)
        menu.expect("Connecting to node 124719 \\(mysql in cool-waterfall-59\\)")
        menu.expect(r"[$#] $")
        menu.sendline("id -un; exit")
        menu.expect("mysql\r\n")
        menu.expect("Environments")


def test_several_that_match_narrow_the_list(menu):
    type_line(menu, "12471")
    menu.expect('"12471"')
    menu.expect(r"0\. Back")
    menu.expect(r"> ?$")
    shown = plain(menu.before)
    assert re.search(r"2\. cool-waterfall-59  apache  124718 ", shown)
    assert re.search(r"3\. cool-waterfall-59  mysql   124719 ", shown)
    menu.sendline("apache")
    menu.expect("Connecting to node 124718")
    menu.expect(r"[$#] $")
    menu.sendline("exit")
    menu.expect(r"0\. Back")
    type_line(menu, "0")
    menu.expect(r"0\. Quit")


def test_a_name_that_nothing_has_is_said_and_asked_for_again(menu):
    type_line(menu, "nonesuch")
    menu.expect('Nothing here matches "nonesuch"')
    type_line(menu, "\u202eevil")
    menu.expect(r'Nothing here matches "\?+evil"')
    type_line(menu, "1")
    menu.expect(r"0\. Quit")


def test_enter_alone_goes_to_the_node_that_was_used_last(client, menu):
    type_line(menu, "124719")
    menu.expect(r"[$#] $")
    menu.sendline("exit")
    menu.expect("Enter alone: node 124719, mysql in cool-waterfall-59.")
    menu.expect(r"> ?$")
    menu.sendline("0")
    menu.expect(pexpect.EOF)
    # A script's node is not what a person used last.
    client.ssh("124718-25880", "true", check=True)
    again = client.pexpect_ssh("25880")
    again.expect("Enter alone: node 124719")
    type_line(again, "")
    again.expect("Connecting to node 124719")
    again.expect(r"[$#] $")
    again.sendline("exit")
    again.expect(r"> ?$")
    again.close(force=True)


def test_the_last_node_is_kept_when_the_guard_is_restarted(menu, client, gateway):
    type_line(menu, "124718")
    menu.expect(r"[$#] $")
    menu.sendline("exit")
    menu.expect("Enter alone: node 124718")
    gateway.stop("enscale-guard")
    gateway.start("enscale-guard")
    again = client.pexpect_ssh("25880")
    again.expect("Enter alone: node 124718")
    again.close(force=True)


def test_the_last_node_of_one_account_is_nothing_to_another(menu, client):
    type_line(menu, "124718")
    menu.expect(r"[$#] $")
    menu.sendline("exit")
    menu.expect("Enter alone: node 124718")
    other = client.pexpect_ssh("40404")
    other.expect(r"> ?$")
    assert "Enter alone" not in other.before
    other.close(force=True)


def test_the_header_says_when_and_whence_the_last_login_was(client):
    client.ssh("124718-21296", "true", check=True)
    time.sleep(1.1)  # a login before this one: the clock has seconds
    session = client.pexpect_ssh("21296")
    session.expect(r"account 21296")
    session.expect(r"Last login: 20\d\d-\d\d-\d\d \d\d:\d\d UTC from 198\.18\.0\.10")
    session.close(force=True)


def test_an_announcement_stands_above_the_menu(client, gateway):
    path = "/etc/enscale/enscale.conf"
    before = gateway.read(path)
    gateway.sh("sed -i 's/^#announcement = .*/announcement = Zone 2 moves on Sunday./' "
               + path)
    try:
        gateway.stop("enscale-guard")
        gateway.start("enscale-guard")
        session = client.pexpect_ssh("25880")
        session.expect("Zone 2 moves on Sunday\\.\r\n")
        session.expect("Environments")
        session.close(force=True)
    finally:
        gateway.write(path, before)
        gateway.stop("enscale-guard")
        gateway.start("enscale-guard")


@pytest.mark.mixed
def test_c_prints_lines_that_work_when_they_are_pasted(menu, client):
    type_line(menu, "c 124718")
    menu.expect(r"> ?$")
    shown = plain(menu.before).replace("\r", "")
    for line in ("ssh -p 3022 124718-25880@ssh.enscale.com",
                 "scp -P 3022 FILE 124718-25880@ssh.enscale.com:",
                 "sftp -P 3022 124718-25880@ssh.enscale.com",
                 "rsync -av -e 'ssh -p 3022' FOLDER/ 124718-25880@ssh.enscale.com:FOLDER/",
                 "git clone ssh://124718-25880@ssh.enscale.com:3022/~/REPOSITORY"):
        assert f"\n{line}\n" in shown
    block = shown[shown.index("\nHost node124718"):shown.rindex("25880\n") + 6]
    client.write("/tmp/block", block + "    UserKnownHostsFile /root/known_hosts\n"
                 "    IdentityFile /root/keys/25880-ed25519\n")
    for name in ("node124718", "node124718-cool-waterfall-59"):
        assert client.run(["ssh", "-F", "/tmp/block", name, "id -un"]
                          ).stdout == b"apache\n"


def test_c_works_with_a_row_of_the_menu_of_nodes(menu):
    choose(menu, "cool-waterfall-59")
    type_line(menu, "c 3")
    menu.expect("sftp -P 3022 124719-25880@ssh.enscale.com")
    type_line(menu, "c 99")
    menu.expect("Type c and the number of a node")
    type_line(menu, "c")
    menu.expect("Type c and the number of a node")


def test_k_lists_the_keys_and_s_the_settings_with_fingerprints(menu, client, gateway):
    type_line(menu, "k")
    menu.expect(r"> ?$")
    public = client.sh("ssh-keygen -lf /root/keys/25880-ed25519.pub").stdout.decode()
    assert public.split()[1] in menu.before
    assert "Enscale Demo Key" in menu.before and "MD5:" in menu.before
    menu.sendline("s")
    menu.expect(r"> ?$")
    assert "ssh.enscale.com" in menu.before and "3022" in menu.before
    for kind in ("ed25519", "ecdsa", "rsa"):
        for digest in ("sha256", "md5"):
            line = gateway.sh(f"ssh-keygen -E {digest} "
                              f"-lf /etc/enscale/ssh_host_{kind}_key.pub").stdout
            assert line.decode().split()[1] in menu.before


def test_help_names_every_letter(menu):
    type_line(menu, "?")
    menu.expect(r"> ?$")
    for letter in ("A number", "Enter alone", "n, p", "c NUMBER", "  k ", "  s ",
                   "  q, Ctrl-D", "Ctrl-C"):
        assert letter in menu.before


def test_control_c_goes_one_step_back_and_q_quits_anywhere(menu):
    choose(menu, "cool-waterfall-59")
    menu.expect(r"0\. Back")
    menu.expect(r"> ?$")
    menu.sendintr()
    menu.expect(r"0\. Quit")
    choose(menu, "cool-waterfall-59")
    type_line(menu, "12471")
    menu.expect('"12471" in cool-waterfall-59')
    type_line(menu, "q")
    menu.expect(pexpect.EOF)
    menu.close()
    assert menu.exitstatus == 0


# ---- the terminal -----------------------------------------------------------


def test_colour_is_for_terminals_that_have_it_and_people_who_want_it(client):
    for term, options, has_colour in [
            ("xterm-256color", [], True), ("dumb", [], False), ("vt100", [], False),
            ("xterm", ["-o", "SetEnv=NO_COLOR=1"], False)]:
        argv = client.ssh_argv("25880", options=options)
        argv = client.command(argv, {"TERM": term})
        session = pexpect.spawn(argv[0], argv[1:], encoding="utf-8", timeout=15,
                                dimensions=(24, 80))
        session.expect(r"> ?$")
        assert ("\x1b[" in session.before) == has_colour, (term, options)
        session.close(force=True)


@pytest.fixture
def many_environments(administrator, wait_for, client):
    names = [f"env-{number:04}" for number in range(40)]
    for name in names:
        administrator.add(environment_dn(name), objectClass="enscaleEnvironment",
                          cn=name, enscaleState="running", enscaleOwner=40404)
    try:
        yield names
    finally:
        for name in names:
            administrator.delete(environment_dn(name))


def test_long_lists_come_in_pages_of_the_terminals_height(client, many_environments):
    session = client.pexpect_ssh("40404", dimensions=(24, 80))
    session.expect(r"> ?$")
    assert session.before.count("\n") <= 3 + 24
    assert "env-0016" in session.before and "env-0017" not in session.before
    assert "1 to 17 of 40.  n: next page" in session.before
    session.sendline("n")
    session.expect(r"> ?$")
    assert "env-0016" not in session.before and "env-0017" in session.before
    assert re.search(r"19\. env-0017", session.before)
    session.sendline("n")
    session.expect(r"> ?$")
    session.sendline("n")
    session.expect("This is the last page")
    type_line(session, "p")
    session.expect("18 to 34 of 40")
    session.expect(r"> ?$")
    # A row of another page is a row; a name finds what no page shows.
    session.sendline("41")
    session.expect("Nodes of env-0039")
    type_line(session, "0")
    type_line(session, "0003")
    session.expect("Nodes of env-0003")
    type_line(session, "0")
    session.expect(r"> ?$")
    session.setwinsize(200, 80)
    session.sendline("1")
    session.expect(r"> ?$")
    assert "env-0000" in session.before and "env-0039" in session.before
    session.close(force=True)


def test_a_terminal_without_anybody_ends_the_menu(client):
    begin = time.monotonic()
    result = client.run(["ssh", "-tt", "-l", "25880", "ssh.enscale.com"],
                        check=False, timeout=50)
    assert result.returncode == 123
    assert b"Nobody is typing at this terminal" in result.stdout
    assert 25 < time.monotonic() - begin < 45


def test_piped_choices_are_taken_one_by_one(client):
    result = client.run(["ssh", "-tt", "-l", "25880", "ssh.enscale.com"],
                        input=b"2\n0\nq\n", check=False, timeout=20)
    assert result.returncode == 0
    assert b"Nodes of cool-waterfall-59" in result.stdout


def test_a_command_at_a_terminal_says_what_to_type(client):
    session = client.pexpect_ssh("25880", "uptime", options=["-t"])
    session.expect("put the node in the name: ssh -p 3022 NODE-25880@ssh.enscale.com")
    session.expect(pexpect.EOF)
    session.close()
    assert session.exitstatus == 123


@pytest.mark.mixed
def test_the_terminal_is_put_right_when_a_node_leaves_it_wrong(menu):
    type_line(menu, "124718")
    menu.expect(r"[$#] $")
    # Alternate screen, mouse, no cursor, no echo; then answers that come late.
    menu.sendline(r"stty raw -echo; printf '\033[?1049h\033[?1000h\033[?25l'; exit")
    menu.expect(re.escape("\x1b[?1049l"))
    menu.expect(re.escape("\x1b[?1000l"))
    menu.expect(re.escape("\x1b[?25h"))
    menu.expect(r"> ?$")
    menu.sendline("?")
    menu.expect("\\?\r\n")  # the echo
    menu.expect("A number")


def test_a_terminals_answers_are_no_choices(menu):
    type_line(menu, "\x1b[?1;2c")
    menu.expect("Please type one of the numbers")
    menu.expect(r"> ?$")
    assert menu.isalive()


def test_the_menu_ends_when_a_client_that_does_not_read_goes(client, gateway, wait_for):
    process = client.popen(
        ["ssh", "-tt", "-l", "25880", "ssh.enscale.com"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        # It is there: killed sooner, ssh would not hear of it, and stay.
        assert process.stdout.read(1)
        os.set_blocking(process.stdin.fileno(), False)
        # The menu's answers fill every buffer on the way.
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            try:
                os.write(process.stdin.fileno(), b"?\n" * 512)
            except BlockingIOError:
                break
    finally:
        process.kill()
        process.wait()
    count = "ps -C enscale-shell -o pid= | wc -l"
    wait_for(lambda: gateway.sh(count).stdout.split() == [b"0"], "no shell is left")
