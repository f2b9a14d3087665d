"""What a service's user finds on a node, through the gateway: the documented
sudo, the prompt, and no way from there to root."""

import re
import shlex
import time

import pytest

LOGIN = "124718-25880"
PROMPT = "apache@node124718-cool-waterfall-59 {} $ "
SETUP = "/usr/src/enscale/node/enscale-node setup"
SERVICES = "/usr/src/enscale/node/services"
SUPPORT_SAID = "support@enscale.example"
SUPPORT = f"Help: {SUPPORT_SAID}"
PERMITTED = "(root) NOPASSWD: /usr/sbin/service httpd restart"


def sudo(client, command, login=LOGIN, **more):
    return client.ssh(login, f"sudo {command}", **more)


# ---- the promise


def test_restarting_httpd_prints_what_the_documentation_says(client, hosts):
    before = hosts.node124718.read("/run/httpd/httpd.pid")
    result = sudo(client, "service httpd restart")
    lines = result.stdout.decode().splitlines()
    assert (result.returncode, result.stderr) == (0, b"")
    assert [line.split() for line in lines] == [
        ["Stopping", "httpd:", "[", "OK", "]"],
        ["Starting", "httpd:", "[", "OK", "]"],
    ]
    assert hosts.node124718.read("/run/httpd/httpd.pid") != before


def test_nothing_of_httpd_runs_as_root(client):
    assert b"is running" in sudo(client, "service httpd status").stdout
    users = client.ssh(LOGIN, "ps -o user= -C httpd", check=True).stdout.split()
    assert set(users) == {b"apache"}


def test_sudo_lists_the_commands_without_a_password(client):
    result = sudo(client, "-n -l")
    assert result.returncode == 0
    assert PERMITTED in result.stdout.decode()


def test_another_command_fails_at_once_where_nobody_can_be_asked(client):
    begin = time.monotonic()
    result = sudo(client, "-n id")
    assert result.returncode == 1
    assert result.stderr == b"sudo: a password is required\n"
    assert time.monotonic() - begin < 5


def test_another_command_asks_once_and_says_that_it_is_not_permitted(client):
    terminal = client.pexpect_ssh(LOGIN, "sudo id; echo code $?", options=["-t"])
    asked = f"This command is not permitted: see sudo -l. {SUPPORT} "
    assert len(asked) < 80
    terminal.expect_exact(asked)
    terminal.sendline("secret")
    terminal.expect_exact("1 incorrect password attempt")
    terminal.expect_exact("code 1")


def test_the_sudoers_file_is_roots_alone(hosts):
    listed = hosts.node124718.sh("ls -ln /etc/sudoers.d/enscale").stdout.split()
    assert listed[0] == b"-r--r-----"
    assert listed[2:4] == [b"0", b"0"]


# ---- the prompt


SHELLS = ["bash", "dash", "zsh"]
every_shell = pytest.mark.parametrize("shell", SHELLS, indirect=True)


@pytest.fixture
def shell(request, hosts):
    """The service's user has that shell."""
    node = hosts.node124718
    # Without a .zshrc zsh asks a new user what he wants.
    node.sh(f"touch /var/www/.zshrc; usermod -s /bin/{request.param} apache; {SETUP}")
    yield request.param
    node.sh(f"rm /var/www/.zshrc; usermod -s /bin/bash apache; {SETUP}")


@pytest.fixture
def other_profile(hosts):
    """The service's profile says more than the one that is shipped."""
    node = hosts.node124718
    node.sh(
        "sed 's/^apache$/&\\n\\tumask\\t027\\n\\tsupport\\tthe baker: 112/'"
        f" {SERVICES} >/root/services; {SETUP} --services /root/services --support profile"
    )
    yield
    node.sh(f"{SETUP} --services none --support {SUPPORT_SAID}; rm /root/services")


def prompt(folder):
    """A pattern: only what moves nothing stands before it on its line."""
    return r"[\r\n](\x1b\[[0-9;?]*[a-zA-Z])*" + re.escape(PROMPT.format(folder))


@every_shell
def test_the_prompt_says_where_one_is(client, shell):
    terminal = client.pexpect_ssh(LOGIN)
    terminal.expect_exact("Node 124718 of environment cool-waterfall-59: apache.")
    terminal.expect_exact("sudo -l")
    terminal.expect(prompt("/var/www"))
    terminal.sendline("cd /etc/httpd/conf")
    terminal.expect(prompt("/etc/httpd/conf"))
    terminal.sendline("umask; exit 5")
    terminal.expect("0?022")
    terminal.expect_exact(["closed", "\n"])
    terminal.close()


@every_shell
def test_a_shell_that_is_not_interactive_has_nothing_of_ours(client, shell):
    for command in ("true", f"{shell} -c true", f"{shell} -l -c true", "sh -l -c true"):
        result = client.ssh(LOGIN, command)
        assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")
    found = 'echo "<$PS1$PROMPT>"'
    own = b"<$ >\n" if shell == "dash" else b"<>\n"
    for command in (found, f"{shell} -c '{found}'", f"{shell} -l -c '{found}'"):
        assert client.ssh(LOGIN, command).stdout == own
    assert b"ZDOTDIR" not in client.ssh(LOGIN, "env", check=True).stdout


@pytest.mark.parametrize("shell", ["zsh"], indirect=True)
def test_the_files_of_a_user_of_zsh_go_on_as_before(client, hosts, shell):
    home = "/var/www"
    hosts.node124718.sh(
        f"cd {home}; for name in .zshenv .zshrc; do echo \"read=\\$read$name\" >$name; done"
    )
    try:
        assert client.ssh(LOGIN, "echo $read").stdout == b".zshenv\n"
        terminal = client.pexpect_ssh(LOGIN)
        terminal.expect(prompt(home))
        terminal.sendline("echo $read; exit")
        terminal.expect_exact(".zshenv.zshrc")
    finally:
        hosts.node124718.sh(f"rm {home}/.zshenv")


@every_shell
def test_the_umask_of_a_profile_is_that_of_login_shells(client, other_profile, shell):
    terminal = client.pexpect_ssh(LOGIN)
    terminal.expect(prompt("/var/www"))
    terminal.sendline("umask; exit")
    terminal.expect(r"[\r\n]0?027[\r\n]")
    # Single commands have sshd's, as the manual page says.
    assert client.ssh(LOGIN, "umask").stdout.lstrip(b"0") == b"22\n"


def test_the_support_of_a_profile_ends_the_prompt_of_sudo(client, other_profile):
    terminal = client.pexpect_ssh(LOGIN, "sudo id", options=["-t"])
    terminal.expect_exact("This command is not permitted: see sudo -l. Help: the baker: 112 ")
    terminal.sendline("secret")
    terminal.expect_exact("1 incorrect password attempt")


# ---- escapes: each is to leave a mark where only root can

MARK = "/etc/escaped"
EVIL_SOURCE = f"""
#include <fcntl.h>
__attribute__((constructor)) static void
mark(void)
{{
	open("{MARK}", O_CREAT | O_WRONLY, 0600);
}}
"""
EVIL = "/tmp/evil"
ESCAPES = f"""
service ../../tmp/evil/run restart
service ../../bin/sh -c 'touch {MARK}'
service ../../../tmp/evil/run
/usr/sbin/../sbin/service ../../tmp/evil/run restart
service httpd restart ../../tmp/evil/run
service httpd 'restart; touch {MARK}'
service 'httpd restart; touch {MARK}' restart
service httpd '$(touch {MARK})'
service httpd restart -- -c 'touch {MARK}'
service --full-restart ../../tmp/evil/run
/etc/init.d/../../tmp/evil/run restart
/etc/init.d/httpd restart '`touch {MARK}`'
/tmp/evil/service httpd restart
/tmp/evil/links/httpd restart
LD_PRELOAD={EVIL}/evil.so service httpd restart
BASH_ENV={EVIL}/run service httpd restart
-E service httpd restart
--preserve-env=LD_PRELOAD,ENV,PATH service httpd restart
-E systemctl --no-pager status apache2
-E systemctl status apache2
-E systemctl edit apache2
systemctl edit --full apache2
systemctl --no-pager restart apache2 {EVIL}/run.service
systemctl link {EVIL}/run.service
systemctl --root=/tmp/evil --no-pager status apache2
-e /etc/init.d/httpd
-u root -e /etc/passwd
-u '#0' touch {MARK}
-u '#-1' touch {MARK}
-u root sh -c 'touch {MARK}'
-g root touch {MARK}
-g root service httpd restart
-g shadow cat /etc/shadow
-i touch {MARK}
-s touch {MARK}
-D /tmp/evil service httpd restart
-R /tmp/evil service httpd restart
-C 3 service httpd restart
-h localhost touch {MARK}
apachectl configtest -C 'LoadFile {EVIL}/evil.so'
apachectl -C 'LoadFile {EVIL}/evil.so' configtest
""".strip().splitlines()
RUN = f"{EVIL}/run"
HOSTILE = {
    "LD_PRELOAD": f"{EVIL}/evil.so",
    "LESSOPEN": f"|{RUN}",
    "APACHE_CONFDIR": EVIL,
    "PATH": f"{EVIL}:/usr/bin:/bin",
} | dict.fromkeys(
    "ENV BASH_ENV SYSTEMD_PAGER PAGER SYSTEMD_EDITOR EDITOR VISUAL SUDO_EDITOR HTTPD"
    " SUDO_ASKPASS".split(), RUN
)
SURROUNDINGS = f"cd {EVIL}; export {shlex.join('='.join(item) for item in HOSTILE.items())}"


def plant(node, user):
    """A program and a library of the user's that leave the mark, and names
    that a careless root would run them by."""
    node.put({f"{EVIL}/evil.c": EVIL_SOURCE})
    names = "apache2ctl setpriv httpd id install tail systemctl less cat service"
    node.sh(
        f"cd {EVIL}; gcc -shared -fPIC -o evil.so evil.c;"
        f"printf '#!/bin/sh\\n/usr/bin/touch {MARK}\\n' >run; chmod 755 run;"
        f"for name in {names}; do ln -s run $name; done;"
        "mkdir sbin usr links; ln -s /etc/init.d/httpd links;"
        f"printf '[Service]\\nExecStart={RUN}\\n' >run.service; chown -hR {user} {EVIL}"
    )


@pytest.fixture
def evil(hosts):
    node = hosts.node124718
    plant(node, "apache")
    yield node
    node.sh(f"rm -rf {EVIL} {MARK}")


def marked(node):
    return node.sh(f"[ ! -e {MARK} ]", check=False).returncode == 1


def test_the_mark_appears_when_root_falls_for_it(evil):
    for command in (f"{EVIL}/run", f"LD_PRELOAD={EVIL}/evil.so /bin/true"):
        evil.sh(command)
        assert marked(evil)
        evil.sh(f"rm {MARK}")


def test_no_escape_from_the_permitted_commands_becomes_root(client, evil):
    # All in one session; on a failure each is tried again to tell which.
    lines = [f"({SURROUNDINGS}; /usr/bin/sudo -n {escape})" for escape in ESCAPES]
    script = "\n".join(f"{line} </dev/null >/dev/null 2>&1" for line in lines)
    client.ssh(LOGIN, "sh", input=script.encode(), timeout=100)
    if marked(evil):
        for line, escape in zip(lines, ESCAPES):
            evil.sh(f"rm -f {MARK}")
            client.ssh(LOGIN, line)
            assert not marked(evil), escape
    assert not marked(evil)
    # What stands between the tries and root: only what is listed was run.
    refused = client.ssh(LOGIN, f"cd {EVIL}; sudo -n {ESCAPES[0]}")
    assert refused.stderr == b"sudo: a password is required\n"


def test_what_is_permitted_does_its_work_in_hostile_surroundings(client, evil):
    # They are hostile: a name is looked up there first, without root.
    said = client.ssh(LOGIN, f"{SURROUNDINGS}; id").stderr.decode()
    assert f"cannot touch '{MARK}': Permission denied" in said
    for command, words, new in [
        ("service httpd restart", "Stopping httpd: [ OK ] Starting httpd: [ OK ]", True),
        ("service httpd status", "httpd (pid PID) is running...", False),
        ("/etc/init.d/httpd restart", "Stopping httpd: [ OK ] Starting httpd: [ OK ]", True),
    ]:
        before = evil.read("/run/httpd/httpd.pid")
        result = client.ssh(LOGIN, f"{SURROUNDINGS}; /usr/bin/sudo -n {command}")
        pid = evil.read("/run/httpd/httpd.pid")
        words = words.replace("PID", pid.decode().strip())
        assert (result.returncode, result.stdout.decode().split()) == (0, words.split())
        assert (pid != before) == new
        assert not marked(evil), command


def test_a_script_that_is_a_link_to_the_users_is_permitted_no_more(client, evil):
    script = "/etc/init.d/httpd"
    evil.sh(f"mv {script} /root; ln -s {EVIL}/run {script}")
    try:
        assert "no sudo for httpd" in evil.sh(SETUP).stderr.decode()
        for command in ("service httpd restart", f"{script} restart"):
            result = client.ssh(LOGIN, f"sudo -n {command}")
            assert result.stderr == b"sudo: a password is required\n"
        assert not marked(evil)
    finally:
        evil.sh(f"mv -f /root/httpd {script}; {SETUP}")


def test_every_action_is_one_of_the_script_too(client, hosts):
    script = "/etc/init.d/httpd"
    listed = sudo(client, "-l").stdout.decode()
    actions = re.findall(rf"NOPASSWD: {script} (\w+)$", listed, re.MULTILINE)
    assert sorted(actions) == sorted(
        ["start", "stop", "restart", "reload", "status", "graceful", "configtest"]
    )
    running = "pid=$(cat /run/httpd/httpd.pid) && [ -d /proc/$pid ]"
    for action, code, runs in [
        ("status", 0, True), ("reload", 0, True), ("graceful", 0, True), ("restart", 0, True),
        ("configtest", 0, True), ("stop", 0, False), ("status", 3, False), ("start", 0, True),
    ]:
        assert sudo(client, f"-n {script} {action}").returncode == code, action
        result = hosts.node124718.sh(running, check=False)
        assert (result.returncode == 0) == runs, action


def test_a_module_in_the_users_own_configuration_is_loaded_without_root(client, evil):
    conf = "/etc/httpd/conf/httpd.conf"
    load = f"cp {conf} {EVIL}/; echo 'LoadFile {EVIL}/evil.so' >>{conf}"
    try:
        assert client.ssh(LOGIN, load).returncode == 0
        assert sudo(client, "service httpd restart").returncode == 0
        assert sudo(client, "service httpd configtest").returncode == 0
        assert not marked(evil)
    finally:
        client.ssh(LOGIN, f"cp {EVIL}/httpd.conf {conf}; sudo service httpd restart")


def test_the_configuration_of_what_starts_as_root_is_roots(client):
    for path in ("/etc/apache2/apache2.conf", "/etc/apache2/envvars", "/etc/init.d/httpd"):
        assert client.ssh(LOGIN, f"test -w {path}").returncode == 1
