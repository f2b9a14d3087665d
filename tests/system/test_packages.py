"""Debian's packages on a booted host: installed, updated under the people in
it, removed and purged. What is installed by hand has test_systemd.py."""

import glob
import os
import re
import shlex
import subprocess
import threading

import pytest

import catalogue
import hosts as test_hosts
import installing
from conftest import FOLDER
from entries import SUFFIX

pytestmark = [pytest.mark.packaging, pytest.mark.full, pytest.mark.timeout(600)]

PACKAGES = f"{test_hosts.STATE}/packages"
ON_A_GATEWAY = ["enscale-admin", "enscale-gateway", "libnss-enscale", "libpam-enscale"]
ALL = sorted([*ON_A_GATEWAY, "enscale-directory", "enscale-node"])
UNITS = ["enscale-sync", "enscale-guard", "enscale-sshd"]
LOGIN = "136553-21296"


def names_in(version, suffix):
    return sorted(os.path.basename(path) for path in glob.glob(f"{PACKAGES}/{version}/*{suffix}"))


def package_of(name):
    return name.split("_")[0]


def apt(host, *words, check=True):
    argv = ["apt-get", "-q", "-y", "-o", "Dpkg::Use-Pty=0", *words]
    return host.run(argv, env={"DEBIAN_FRONTEND": "noninteractive"}, timeout=300, check=check)


def install(host, version, packages=ON_A_GATEWAY, *options):
    """apt-get install ./FILE..., of that version."""
    files = {}
    for name in names_in(version, ".deb"):
        if package_of(name) in packages:
            with open(f"{PACKAGES}/{version}/{name}", "rb") as file:
                files[f"/root/{version}/{name}"] = file.read()
    assert len(files) == len(packages)
    host.put(files)
    return apt(host, "install", "--no-install-recommends", *options, *files)


@pytest.fixture
def booted(hosts):
    """A host with systemd that nobody has prepared, where packages may start
    what they bring."""
    plan = catalogue.Plan(
        "packages", "", {"public": "198.18.0.22", "private": "198.19.0.22"}, systemd=True)
    host = test_hosts.launch(plan, FOLDER)
    try:
        host.wait_for_systemd()
        host.run(["rm", "/usr/sbin/policy-rc.d"])
        yield host
    finally:
        host.end()


class Gateway(installing.Installation):
    """What an administrator makes of the installed packages."""

    def __init__(self, host, hosts):
        self.host, self.hosts = host, hosts
        self.address = host.plan.addresses["public"]

    def set_up(self):
        settings = installing.SETTINGS
        for theirs, ours, mode in (("/etc/enscale/directory.password", "/root/password", 0o600),
                                   (settings["tls_ca"], settings["tls_ca"], 0o644),
                                   ("/etc/enscale/ca/ca", "/root/ca", 0o600)):
            self.host.write(ours, self.hosts.gateway.read(theirs), mode)
        self.host.run(["enscalectl", "setup", "--uri", settings["uri"], "--base", SUFFIX,
                       "--bind-dn", settings["bind_dn"], "--password-file", "/root/password",
                       "--tls-ca", settings["tls_ca"], "--host", settings["host"],
                       "--ca", "/root/ca"], timeout=120)
        self.introduce()


@pytest.fixture
def gateway_of(booted, hosts):
    """gateway_of(version): set up from the packages of that version."""
    def make(version):
        install(booted, version)
        gateway = Gateway(booted, hosts)
        gateway.set_up()
        return gateway
    return make


class Shell:
    """A terminal on a node, through the gateway."""

    def __init__(self, gateway):
        self.terminal = gateway.pexpect_ssh(LOGIN)
        self.terminal.expect_exact("apache@node136553-crimson-dust-8")
        self.count = 0

    def works(self):
        self.count += 1
        self.terminal.sendline(f"echo answer $(({self.count} + 1000))")
        self.terminal.expect_exact(f"answer {self.count + 1000}")
        return True


class Logins:
    """People who come in one after the other, until it is enough; refused has
    what the gateway said to those whom it did not let in."""

    def __init__(self, gateway, *login):
        self.gateway, self.login = gateway, login
        self.count, self.refused = 0, []
        self.enough = threading.Event()
        self.thread = threading.Thread(target=self.come)

    def come(self):
        while not self.enough.is_set():
            self.count += 1
            try:
                self.gateway.ssh(*self.login, check=True)
            except (test_hosts.Failed, subprocess.TimeoutExpired) as error:
                self.refused.append(str(error))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.enough.set()
        self.thread.join()


class SlowLogin:
    """Somebody whose connection is there, and PAM's module of that time in it,
    and who only then unlocks his key."""

    def __init__(self, gateway, name):
        self.client = gateway.hosts.client
        self.files = [f"/root/slow-{name}.{end}" for end in ("key", "key.pub", "asked", "go")]
        key, public, self.asked, self.go = self.files
        self.client.write("/root/slow-askpass", "#!/bin/sh\n"
                          'touch "$ASKED"; while [ ! -e "$GO" ]; do sleep 0.05; done; echo secret\n',
                          0o755)
        self.client.sh(f"install -m 600 /root/keys/21296-ed25519 {key};"
                       f"cp /root/keys/21296-ed25519.pub {public};"
                       f"ssh-keygen -q -p -P '' -N secret -f {key}")
        options = [key if word.startswith("/root/keys/") else word
                   for word in gateway.options(LOGIN)]
        self.process = self.client.popen(
            ["ssh", *options, "--", gateway.address, "id -un"],
            {"SSH_ASKPASS": "/root/slow-askpass", "SSH_ASKPASS_REQUIRE": "force",
             "ASKED": self.asked, "GO": self.go},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        test_hosts.wait_for(lambda: self.is_there(self.asked), "the key is wanted")

    def is_there(self, path):
        return self.client.run(["test", "-e", path], check=False).returncode == 0

    def goes_on(self):
        self.client.run(["touch", self.go])
        said = self.process.communicate(timeout=60)
        self.client.run(["rm", "-f", *self.files])
        return said


def main_pid(host, unit):
    said = host.run(["systemctl", "show", "-P", "MainPID", unit]).stdout
    return int(said)


def installed_version(host, package):
    return host.run(["dpkg-query", "-Wf${Version}", package]).stdout.decode()


def words_of(host, database):
    for line in host.read("/etc/nsswitch.conf").decode().splitlines():
        if line.startswith(f"{database}:"):
            return line.split()[1:]
    return None


def everything(host):
    """The names of all files that packages are to leave as they were."""
    said = host.run(["find", "/etc", "/usr", "/var", "/run", "-xdev", "-not", "-path",
                     "/usr/src/*"]).stdout.decode()
    theirs = (r"/var/(lib|log|cache)/(dpkg|apt|debconf|systemd|private|journal|ldconfig|host|wtmp|"
              r"dbus|PackageKit)|"
              r"/var/lib/(pam|ucf|polkit-1)|/var/log/(dpkg|apt|alternatives)|"
              r"/run/(systemd|log|user|dbus|lock|sudo|host|sshd|credentials|utmp|mount|udev)|"
              r"/etc/((passwd|group|shadow|gshadow|subuid|subgid)-?$|ld.so.cache|\.pwd.lock|"
              r"machine-id)|/var/tmp/|/usr/share/man/.*cat|/var/cache/man")
    return {name for name in said.splitlines() if not re.match(theirs, name)}


# ---- what was built --------------------------------------------------------


def test_every_package_is_there_and_brings_its_symbols():
    packages = [package_of(name) for name in names_in("now", ".deb")]
    assert [name for name in packages if not name.endswith("-dbgsym")] == ALL
    assert {name for name in packages if name.endswith("-dbgsym")} == {
        f"{name}-dbgsym" for name in ON_A_GATEWAY}


def test_lintian_has_nothing_to_say():
    [changes] = glob.glob(f"{PACKAGES}/now/*.changes")
    # It wants a user of its own to be somebody else than root.
    done = subprocess.run(
        ["lintian", "--allow-root", "--fail-on", "error,warning", "--tag-display-limit", "0",
         changes], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("", 0), done.stderr


def test_debians_own_test_of_the_packages_passes(booted):
    install(booted, "now")
    done = booted.run(["autopkgtest", "--no-built-binaries",
                       "--ignore-restrictions=isolation-machine", installing.SOURCE,
                       "--", "null"], check=False, timeout=300)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()[-5000:]


# ---- installing ------------------------------------------------------------


def test_an_installation_starts_nothing_and_makes_no_key(booted):
    install(booted, "now")
    assert "enscale" in words_of(booted, "passwd")
    assert "enscale" in words_of(booted, "group")
    assert booted.run(["dpkg", "--verify", *ON_A_GATEWAY]).stdout == b""
    made = booted.sh("ls -d /etc/enscale/*; stat -c '%U %G %a %n' /var/lib/enscale/view"
                     " /var/log/enscale /run/enscale/guard").stdout.decode()
    assert made.splitlines() == [
        "/etc/enscale/enscale.conf",
        "/etc/enscale/sshd_config",
        "enscale-sync enscale 750 /var/lib/enscale/view",
        "enscale-guard adm 2750 /var/log/enscale",
        "enscale-guard enscale 755 /run/enscale/guard",
    ]
    for unit in [*UNITS, "enscale-keyd"]:
        for verb, said in (("is-active", b"inactive\n"), ("is-enabled", b"disabled\n")):
            assert booted.run(["systemctl", verb, unit], check=False).stdout == said
    assert booted.run(["systemctl", "is-system-running"]).stdout == b"running\n"


@pytest.mark.parametrize("before, after", [
    ("files", "files enscale"),
    ("files systemd", "files enscale systemd"),
    ("compat", "compat enscale"),
    ("compat systemd winbind", "compat enscale systemd winbind"),
    ("files [SUCCESS=merge] systemd", "files [SUCCESS=merge] enscale [SUCCESS=merge] systemd"),
])
def test_the_name_service_is_switched_and_put_back(scratch_host, before, after):
    def lines(group):
        passwd = group.replace(" [SUCCESS=merge]", "")  # glibc merges groups alone
        return f"# /etc/nsswitch.conf\n\npasswd:         {passwd}\ngroup:          {group}\n" \
            "shadow:         files\nhosts:          files dns\n"

    scratch_host.write("/etc/nsswitch.conf", lines(before))
    install(scratch_host, "now", ["libnss-enscale"])
    assert scratch_host.read("/etc/nsswitch.conf").decode() == lines(after)
    assert scratch_host.run(["getent", "passwd", "root"]).returncode == 0
    apt(scratch_host, "remove", "libnss-enscale")
    assert scratch_host.read("/etc/nsswitch.conf").decode() == lines(before)


def test_a_word_that_the_administrator_took_out_stays_out(scratch_host):
    install(scratch_host, "before", ["libnss-enscale"])
    scratch_host.run(["sed", "-i", "s/ enscale//", "/etc/nsswitch.conf"])
    install(scratch_host, "now", ["libnss-enscale"])
    assert words_of(scratch_host, "passwd") and "enscale" not in words_of(scratch_host, "passwd")


# ---- its life --------------------------------------------------------------


def test_people_stay_and_come_in_while_a_gateway_is_updated(gateway_of, note):
    gateway = gateway_of("before")
    host = gateway.host
    # Time enough for a slow login on a busy machine.
    host.run(["sed", "-i", "s/^LoginGraceTime .*/LoginGraceTime 300/", "/etc/enscale/sshd_config"])
    host.run(["systemctl", "restart", "enscale-sshd"])
    shell = Shell(gateway)
    menu = gateway.pexpect_ssh("25880")
    menu.expect_exact("cool-waterfall-59")
    for version in ("now", "next"):
        pids = {unit: main_pid(host, unit) for unit in UNITS}
        slow = SlowLogin(gateway, version)
        with Logins(gateway, "25880", "nodes") as listing, Logins(gateway, LOGIN, "true") as hops:
            said = install(host, version).stdout.decode()
        assert (listing.refused, hops.refused) == ([], [])
        assert slow.goes_on() == (b"apache\n", b"")
        note(f"update to \"{version}\": {listing.count} lists and {hops.count} hops meanwhile")
        assert listing.count > 2 and hops.count > 2
        for unit in UNITS:
            same = main_pid(host, unit) == pids[unit]
            assert same == (unit == "enscale-sshd"), f"{unit}\n{said}"
        assert b"LoginGraceTime 300" in host.read("/etc/enscale/sshd_config")
        host.run(["enscalectl", "status", "--wait", "60"])
        host.run(["enscalectl", "view", "verify"])
        assert shell.works()
    menu.sendline("0")
    menu.wait()
    shell.terminal.close(force=True)


def test_what_the_old_version_published_is_there_no_longer_than_it_is_needed(
        gateway_of, wait_for):
    gateway = gateway_of("before")

    def manifests():
        return gateway.host.sh("cd /var/lib/enscale/view; ls manifest*").stdout.split()

    assert manifests() == [b"manifest.4"]
    install(gateway.host, "now")
    assert manifests() == [b"manifest.4", b"manifest.5"]
    wait_for(lambda: manifests() == [b"manifest.5"], "the old manifest is gone", 150)
    names = set(re.findall(r"segment (\S+)", gateway.host.sh(
        "cat /var/lib/enscale/view/manifest.5").stdout.decode()))
    assert set(gateway.host.sh("cd /var/lib/enscale/view; ls *.cdb").stdout.decode().split()) == names


def test_sshd_is_started_anew_when_it_or_openssh_is_another(gateway_of):
    gateway = gateway_of("now")
    host = gateway.host
    shell = Shell(gateway)
    before = main_pid(host, "enscale-sshd")
    host.sh("dpkg-trigger --no-await /usr/sbin/sshd; dpkg --triggers-only -a")
    after = main_pid(host, "enscale-sshd")
    assert after not in (0, before)
    assert shell.works()

    # Of a configuration that sshd would not take, the one before serves on.
    host.run(["sed", "-i", "$aNoSuchOption yes", "/etc/enscale/sshd_config"])
    said = host.sh("dpkg-trigger --no-await /usr/sbin/sshd; dpkg --triggers-only -a")
    assert b"goes on as it was" in said.stderr
    assert main_pid(host, "enscale-sshd") == after
    assert gateway.ssh(LOGIN, "exit 7").returncode == 7
    shell.terminal.close(force=True)


def test_an_installation_over_itself_keeps_people_and_settings(gateway_of):
    gateway = gateway_of("now")
    settings = gateway.host.read("/etc/enscale/enscale.conf")
    shell = Shell(gateway)
    install(gateway.host, "now", ON_A_GATEWAY, "--reinstall")
    assert gateway.host.read("/etc/enscale/enscale.conf") == settings
    assert shell.works()
    assert gateway.ssh(LOGIN, "exit 7").returncode == 7
    shell.terminal.close(force=True)


def test_a_removal_ends_the_gateway_and_a_purge_leaves_its_users_alone(
        booted, gateway_of, wait_for):
    before, switch = everything(booted), booted.read("/etc/nsswitch.conf")
    gateway = gateway_of("now")
    settings = booted.read("/etc/enscale/enscale.conf")
    shell = Shell(gateway)
    apt(booted, "remove", *ON_A_GATEWAY)
    shell.terminal.expect_exact("closed")  # by the gateway, in ssh's words
    assert booted.sh("ss -Hltn 'sport = 3022'").stdout == b""
    wait_for(lambda: not booted.sh("pgrep -f '[e]nscale-' || true").stdout, "nothing of it runs")
    assert booted.read("/etc/nsswitch.conf") == switch
    assert booted.read("/etc/enscale/enscale.conf") == settings
    assert booted.run(["systemctl", "is-system-running"], check=False).stdout == b"running\n"

    # What was left makes a gateway again, with the keys that people know.
    install(booted, "now")
    booted.run(["enscalectl", "setup"], timeout=120)
    assert gateway.ssh("25880", "nodes").returncode == 0

    apt(booted, "purge", *ON_A_GATEWAY)
    assert everything(booted) - before == set()
    assert before - everything(booted) == set()
    assert booted.read("/etc/nsswitch.conf") == switch
    assert booted.run(["systemctl", "is-system-running"]).stdout == b"running\n"
    users = booted.sh("cut -d: -f1 /etc/passwd | grep ^enscale | sort").stdout.decode().split()
    assert users == ["enscale-guard", "enscale-keyd", "enscale-keys", "enscale-sync"]


@pytest.mark.parametrize("package, command", [
    ("enscale-node", "enscale-node --help"),
    ("enscale-admin", "enscalectl --help"),
    ("enscale-directory", "enscale-directory --help"),
])
def test_the_other_packages_come_alone_and_leave_nothing(scratch_host, package, command):
    before = everything(scratch_host)
    install(scratch_host, "now", [package])
    scratch_host.run(shlex.split(command))
    apt(scratch_host, "purge", package)
    assert everything(scratch_host) == before
