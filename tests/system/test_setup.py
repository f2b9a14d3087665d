"""enscalectl setup: after make install, or a package, one command makes a
gateway. What it is told is tried out before anything is changed, and what is
changed is changed whole."""

import re
import time

import pexpect
import pytest

import directories
import installing
from entries import SUFFIX

CONF = "/etc/enscale/enscale.conf"
CA = "/etc/enscale/ca/ca"
OPTIONS = {
    "--uri": "ldaps://directory",
    "--tls-ca": "/etc/enscale/directory-ca.crt",
    "--base": SUFFIX,
    "--bind-dn": f"cn=gateway,{SUFFIX}",
    "--password-file": "/root/password",
    "--host": "ssh.enscale.com",
    "--ca": "/root/ca",
}
CHANGED = ["users, folders", "host keys", "CA key", "password", "enscale.conf",
           "nsswitch.conf"]


def run_setup(host, options=OPTIONS, *more, check=True, **kinds):
    words = [word for pair in options.items() for word in pair if pair[1] is not None]
    return host.run(["enscalectl", "setup", *words, *more], check=check, **kinds)


def prepare(host, hosts):
    """What an administrator brings: installed files, the gateway's password, the
    directory's certificate, a copy of the CA's key."""
    host.install()
    for path, name, mode in [
        ("/etc/enscale/directory.password", "/root/password", 0o600),
        ("/etc/enscale/directory-ca.crt", "/etc/enscale/directory-ca.crt", 0o644),
        (CA, "/root/ca", 0o600),
    ]:
        host.write(name, hosts.gateway.read(path), mode)
    return host


def state(host):
    """All that setup may change, but for what the daemons write."""
    return host.sh("cd /; find etc -xdev -type f -exec sha256sum {} + | sort;"
                   "ls -laR --time-style=full-iso etc/enscale etc/systemd/system;"
                   "ls run var/lib").stdout


@pytest.fixture
def host(scratch_host, hosts):
    return prepare(scratch_host, hosts)


@pytest.fixture(scope="module")
def booted(systemd_host, hosts):
    """Set up by options, on a host with systemd."""
    prepare(systemd_host, hosts)
    systemd_host.said = run_setup(systemd_host).stdout.decode()
    return systemd_host


def ssh(host, hosts, *words):
    """Somebody who has the key of that account."""
    gateway = installing.Installation(host, hosts)
    gateway.introduce()
    return gateway.ssh(*words)


# ---- with systemd


@pytest.mark.both
def test_setup_makes_a_gateway_in_one_command(booted, hosts):
    for name in CHANGED:
        assert f"\n  {name}" in booted.said, booted.said
    assert "+ uri = ldaps://directory\n" in booted.said
    assert "logins      nothing prevents them\n" in booted.said
    assert "ssh -p 3022 21296@ssh.enscale.com\n" in booted.said
    units = ["enscale-sync", "enscale-guard", "enscale-sshd", "enscale.target"]
    assert booted.run(["systemctl", "is-active", *units]).stdout == b"active\n" * 4
    assert booted.run(["systemctl", "is-enabled", *units]).stdout == b"enabled\n" * 4
    # The daemon has it as a credential.
    password = "/etc/enscale/directory.password"
    assert booted.sh(f"stat -c '%U %a' {password}").stdout == b"root 600\n"
    assert b"cool-waterfall-59" in ssh(booted, hosts, "25880", "nodes").stdout
    # The nodes trust the key that was restored.
    went = ssh(booted, hosts, "124718-25880", "id", "-un")
    assert (went.returncode, went.stdout) == (0, b"apache\n"), went


def test_setup_run_again_changes_nothing(booted):
    then = state(booted)
    show = ["systemctl", "show", "-p", "MainPID", "enscale-sync", "enscale-guard",
            "enscale-sshd"]
    pids = booted.run(show).stdout
    for options in (OPTIONS, {}):
        said = run_setup(booted, options).stdout
        assert b"Everything is as it should be: nothing to change.\n" in said
        assert b"logins      nothing prevents them\n" in said
    assert state(booted) == then
    assert booted.run(show).stdout == pids


def test_setup_with_another_answer_restarts_under_the_sessions(booted, hosts):
    gateway = installing.Installation(booted, hosts)
    gateway.introduce()
    menu = gateway.pexpect_ssh("25880")
    menu.expect_exact("cool-waterfall-59")
    said = run_setup(booted, {"--host": "gate.enscale.com"}).stdout
    assert (b"  enscale.conf    - host = ssh.enscale.com\n"
            b"                  + host = gate.enscale.com\n") in said
    assert b"restart enscale-sync ... done\n" in said
    assert b"host keys" not in said and b"@gate.enscale.com\n" in said
    menu.sendline("0")
    menu.expect(pexpect.EOF)
    menu.close()
    assert menu.exitstatus == 0
    run_setup(booted, {"--host": "ssh.enscale.com"})


def test_setup_says_why_a_unit_does_not_start(booted):
    booted.sh("systemctl stop enscale-sshd; cp -a /etc/pam.d/enscale-sshd /root/pam;"
              "sed -i /pam_enscale/d /etc/pam.d/enscale-sshd")
    try:
        result = run_setup(booted, {}, check=False)
        assert result.returncode == 1
        assert b"has no account line with pam_enscale.so" in result.stderr
        assert b"then run enscalectl setup again" in result.stderr
    finally:
        booted.sh("mv /root/pam /etc/pam.d/enscale-sshd")
    assert b"enable and start enscale-sshd\n" in run_setup(booted, {}).stdout


# ---- what changes nothing


def test_a_dry_run_shows_all_and_changes_nothing(host):
    then = state(host)
    said = run_setup(host, OPTIONS, "--dry-run").stdout.decode()
    for name in CHANGED:
        assert f"\n  {name}" in said, said
    assert state(host) == then


REFUSED = [
    ({"--uri": "htp://directory"}, "uri = htp://directory: must be URIs"),
    ({"--uri": "ldaps://nowhere.invalid"}, "is the name right?"),
    ({"--uri": "ldaps://198.18.0.10"}, "does the server run there and listen on that port?"),
    ({"--uri": "ldapi:///"}, "does the server run here and have that socket?"),
    ({"--tls-ca": "/root/none.crt"}, "--tls-ca must name a file in PEM"),
    ({"--tls-ca": None}, "--tls-ca FILE must be the certificate"),
    ({"--base": "dc=wrong"}, f'the server has "{SUFFIX}": is --base right'),
    ({"--bind-dn": f"cn=nobody,{SUFFIX}"}, "--bind-dn or --password-file does not match"),
    ({"--bind-dn": "cn=gateway ; or not"}, "is read as"),
    ({"--password-file": None}, "--password-file FILE, with the password in one line, mode 0600"),
    ({"--password-file": "/root/none"}, "/root/none: No such file"),
    ({"--password-file": "/root/open"}, "chmod 600 /root/open"),
    ({"--password-file": "/root/wrong"}, "--bind-dn or --password-file does not match"),
    ({"--host": "not a host"}, "host = not a host: must be"),
    ({"--ca": None}, "--ca new makes the first one"),
    ({"--ca": "new"}, "the directory has nodes, which already trust a key"),
    ({"--ca": "/root/none"}, "--ca /root/none: No such file"),
    ({"--ca": "/root/password"}, "is not the private key of a gateway's CA"),
    ({"--uri": "/root/none.ldif"}, "create it, with entries as README shows"),
    ({"--uri": "/root/wrong.ldif"}, "fix it: a file is read whole or not at all"),
]


def test_bad_input_is_refused_in_words_and_changes_nothing(host):
    host.write("/root/open", b"secret\n")
    host.write("/root/wrong", b"secret\n", 0o600)
    host.write("/root/wrong.ldif", b"dn: cn=x\nno attribute\n")
    host.sh("chmod 755 /root")
    then = state(host)
    for changed, words in REFUSED:
        result = run_setup(host, OPTIONS | changed, check=False)
        said = result.stderr.decode()
        assert result.returncode == 1, (changed, result)
        assert words in said, (changed, said)
        assert said.startswith("enscalectl: ")
        assert state(host) == then, changed
    for words in (["--urj", "x"], ["--uri"], ["more"]):
        result = host.run(["enscalectl", "setup", *words], check=False)
        assert result.returncode == 64
        assert b"usage: enscalectl [-f FILE] setup [--uri URI]" in result.stderr


def test_what_is_not_known_of_nsswitch_is_left_to_the_administrator(host):
    host.sh("sed -i 's/^passwd:.*/passwd: sss/' /etc/nsswitch.conf")
    then = state(host)
    result = run_setup(host, check=False)
    assert result.returncode == 1
    assert b"neither files nor compat in passwd:" in result.stderr
    assert state(host) == then


def test_a_configuration_that_is_wrong_already_is_named_with_its_line(host):
    host.sh(f"echo 'wrong = 1' >>{CONF}")
    then = state(host)
    result = run_setup(host, check=False)
    assert result.returncode == 1
    assert re.search(rf"{CONF}:\d+: unknown key".encode(), result.stderr)
    assert state(host) == then


def test_one_setup_at_a_time(host):
    result = host.sh("mkdir -m 711 /run/enscale-setup; exec 9</run/enscale-setup; flock 9;"
                     "enscalectl setup", check=False)
    assert result.returncode == 1
    assert b"another enscalectl setup is running here" in result.stderr


# ---- half-way

# The users and folders that were made stay; they are nobody's yet.
USERS = "systemd-sysusers enscale.conf; systemd-tmpfiles --create enscale.conf"


@pytest.mark.parametrize("broken, mended", [
    ("mount --bind /bin/false /usr/bin/ssh-keygen", "umount /usr/bin/ssh-keygen"),
    # A file that cannot be replaced, after the keys and the password.
    (f"mount --bind {CONF} {CONF}", f"umount {CONF}"),
    ("mount --bind /etc/nsswitch.conf /etc/nsswitch.conf", "umount /etc/nsswitch.conf"),
], ids=["host keys", "enscale.conf", "nsswitch.conf"])  # fmt: skip
def test_when_a_change_fails_all_before_it_are_taken_back(host, broken, mended):
    host.sh(USERS)
    then = host.sh("sha256sum /etc/nsswitch.conf; ls -laR --time-style=+ /etc/enscale").stdout
    host.sh(broken)
    result = run_setup(host, check=False)
    assert result.returncode == 2, result
    assert b"every file is as it was before" in result.stderr
    assert host.sh("sha256sum /etc/nsswitch.conf; ls -laR --time-style=+ /etc/enscale"
                   ).stdout == then
    host.sh(mended)
    assert b"There is no systemd here: INSTALL says" in run_setup(host).stdout


def test_an_interrupt_between_two_changes_takes_all_back(host):
    host.sh(USERS)
    then = host.sh("sha256sum /etc/nsswitch.conf; ls -laR --time-style=+ /etc/enscale").stdout
    host.write("/root/ssh-keygen", "#!/bin/sh\nkill -INT $PPID\nexec /root/real \"$@\"\n",
               0o755)
    host.sh("cp /usr/bin/ssh-keygen /root/real; mount --bind /root/ssh-keygen /usr/bin/ssh-keygen")
    result = run_setup(host, check=False)
    assert result.returncode != 0
    assert b"every file is as it was before" in result.stderr
    assert host.sh("sha256sum /etc/nsswitch.conf; ls -laR --time-style=+ /etc/enscale"
                   ).stdout == then


# ---- the CA's key


def test_a_new_ca_key_is_never_made_in_place_of_one(host):
    host.sh(USERS)
    ldif = f"dn: {SUFFIX}\nobjectClass: dcObject\nobjectClass: organization\no: x\ndc: enscale\n"
    host.write("/etc/enscale/directory.ldif", ldif)
    file = {"--uri": "/etc/enscale/directory.ldif"}
    # Of one that was lost the list of its followers is left.
    host.sh("mkdir -p /etc/enscale/ca; touch /etc/enscale/ca/ca.retired")
    result = run_setup(host, file | {"--ca": "new"}, check=False)
    assert result.returncode == 1
    assert b"restore it from a backup or from another gateway" in result.stderr
    host.sh("rm /etc/enscale/ca/ca.retired")
    run_setup(host, file | {"--ca": "new"})
    key = host.read(CA)
    assert host.sh(f"stat -c '%U:%G %a' {CA} {CA}.pub").stdout == (
        b"root:enscale-ca 440\nroot:root 644\n")
    assert b"nothing to change" in run_setup(host, file | {"--ca": "new"}).stdout
    assert host.read(CA) == key
    # Nor does another take its place, and the same may be named again.
    result = run_setup(host, file | {"--ca": "/root/ca"}, check=False)
    assert result.returncode == 1
    assert b"enscalectl ca rotate replaces it" in result.stderr
    run_setup(host, file | {"--ca": CA})
    assert host.read(CA) == key


# ---- other sources


@pytest.fixture
def follower(host):
    """Starts what systemd would, and waits."""
    def start():
        host.start("enscale-sync", "--notify", "--restart", "no", "--", "setpriv",
                   "--reuid=enscale-sync", "--regid=enscale", "--clear-groups",
                   directories.FOLLOWER)
        return host.run(["enscalectl", "status", "--wait", "20"], check=False).stdout

    return start


def test_a_server_that_does_not_tell_its_changes_is_found_out(host, follower):
    slapd = directories.Slapd(host, 1)
    slapd.configure(syncprov=False)
    slapd.fill()
    slapd.start()
    host.write("/root/password", b"secret\n", 0o600)
    host.sh(f"sed -i 's/^#start_tls = .*/start_tls = no/' {CONF}")
    plain = OPTIONS | {"--uri": slapd.uri, "--tls-ca": None, "--ca": "new"}
    said = run_setup(host, plain).stdout.decode()
    assert "The server does not report its changes (RFC 4533)" in said
    assert "+ method = poll\n" in said
    assert f"following {slapd.uri}, by polling, in step".encode() in follower()
    # And when it does, later, it is found out as well.
    slapd.stop()
    slapd.configure()
    slapd.start()
    assert "  enscale.conf    - method = poll\n" in run_setup(host, {}).stdout.decode()
    assert b"nothing to change" in run_setup(host, {}).stdout


def test_the_directory_can_be_a_file(host, follower, hosts):
    ldif = hosts.directory.sh(f"slapcat -b {SUFFIX} -a '(!(cn=gateway))'").stdout
    host.write("/etc/enscale/directory.ldif", ldif, 0o640)
    options = {"--uri": "/etc/enscale/directory.ldif", "--ca": "/root/ca"}
    host.sh(USERS)
    result = run_setup(host, options, check=False)
    assert b"user enscale-sync must be able to read it" in result.stderr
    host.sh("chgrp enscale /etc/enscale/directory.ldif")
    assert b"+ uri = file:///etc/enscale/directory.ldif\n" in run_setup(host, options).stdout
    assert b"in step" in follower()
    assert host.sh("enscalectl explain 124718-25880").returncode == 0


# ---- at a terminal


@pytest.fixture
def terminal(host):
    def start(*words):
        argv = host.command(["enscalectl", "setup", *words], {"TERM": "xterm"})
        spawned.append(pexpect.spawn(argv[0], argv[1:], encoding="utf-8", timeout=20,
                                     dimensions=(24, 80)))
        return spawned[-1]

    spawned = []
    yield start
    for each in spawned:
        each.close(force=True)


def test_a_person_is_asked_and_asked_again_until_it_works(host, terminal):
    then = state(host)
    password = host.read("/root/password").decode().strip()
    asks = terminal("--host", "ssh.enscale.com")
    asks.expect_exact("Directory [ldapi:///]: ")
    asks.sendline("ldaps//directory")
    asks.expect_exact("must be URIs")
    asks.expect_exact("Directory [ldapi:///]: ")
    asks.sendline("ldaps://directory")
    asks.expect_exact("Certificates [-]: ")
    asks.sendline(OPTIONS["--tls-ca"])
    asks.expect_exact(f"Base [{SUFFIX}]: ")
    asks.sendline("")
    asks.expect_exact(f"The gateway's DN [cn=gateway,{SUFFIX}]: ")
    asks.sendline("")
    asks.expect_exact("Its password (not shown): ")
    asks.sendline("a wrong one")
    asks.expect_exact("Invalid credentials")
    asks.expect_exact("Change your answers? [Y/n] ")
    asks.sendline("")
    # What was answered before is what Enter stands for now.
    asks.expect_exact("Directory [ldaps://directory]: ")
    asks.sendline("")
    asks.expect_exact(f"Certificates [{OPTIONS['--tls-ca']}]: ")
    asks.sendline("")
    asks.expect_exact("Base [")
    asks.sendline("")
    asks.expect_exact("DN [")
    asks.sendline("")
    asks.expect_exact("Its password (not shown; Enter: keep the present one): ")
    asks.sendline(password)
    asks.expect_exact("Host name [ssh.enscale.com]: ")
    assert password not in asks.before
    asks.sendline("")
    asks.expect_exact("CA key: ")
    asks.sendline("new")
    asks.expect_exact("the directory has nodes")
    asks.expect_exact("CA key: ")
    asks.sendline("/root/ca")
    asks.expect_exact("What will be changed:")
    asks.expect_exact("Change it? [Y/n] ")
    assert state(host).replace(b"enscale-setup\n", b"") == then
    asks.sendline("y")
    asks.expect_exact("nsswitch.conf   done")
    asks.expect(pexpect.EOF)
    asks.close()
    assert asks.exitstatus == 0
    assert b"nothing to change" in run_setup(host, {}).stdout


def test_who_says_no_or_leaves_has_changed_nothing(host, terminal):
    words = [word for pair in OPTIONS.items() for word in pair]
    then = state(host)
    asks = terminal(*words)
    asks.expect_exact("Change it? [Y/n] ")
    asks.sendline("n")
    asks.expect_exact("Nothing was changed.")
    asks.expect(pexpect.EOF)
    assert state(host) == then
    # The end of input, at a question.
    asks = terminal()
    asks.expect_exact("Directory [")
    asks.sendeof()
    asks.expect_exact("Nothing was changed.")
    asks.expect(pexpect.EOF)
    assert state(host) == then


def test_leaving_at_the_password_gives_the_terminal_back(host, terminal):
    asks = terminal(*[word for pair in OPTIONS.items() for word in pair
                      if pair[0] != "--password-file"])
    asks.expect_exact("Its password (not shown): ")
    time.sleep(0.2)
    assert not asks.getecho()
    asks.sendintr()
    asks.expect_exact("Nothing was changed.")
    assert asks.getecho()
    asks.expect(pexpect.EOF)
    host.sh("! test -e /run/enscale-setup")


def test_leaving_at_a_question_leaves_no_password_behind(host, terminal):
    asks = terminal(*[word for pair in OPTIONS.items() for word in pair
                      if pair[0] != "--host"])
    asks.expect_exact("Host name [")
    asks.sendline("a host")
    asks.expect_exact("must be")
    asks.sendintr()
    asks.expect(pexpect.EOF)
    host.sh("! test -e /run/enscale-setup")
