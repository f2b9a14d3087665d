"""The services that Debian packages, on nodes where init scripts start them and
on one that systemd has booted: what setup permits their users does its work."""

import re

import pytest
from hosts import wait_for
from test_node import NODE, permitted

pytestmark = [pytest.mark.full, pytest.mark.services]

# type: user, names that start it, and what its main process is called
SERVICES = {
    "apache": ("www-data", {"apache2": "apache2"}),
    "nginx": ("www-data", {"nginx": "nginx"}),
    "mysql": ("mysql", {"mariadb": "mariadbd"}),
    "postgresql": ("postgres", {"postgresql": "postgres"}),
    "redis": ("redis", {"redis-server": "redis-server", "redis-sentinel": "redis-sentinel"}),
    "memcached": ("memcache", {"memcached": "memcached"}),
    "tomcat": ("tomcat", {"tomcat10": "java"}),
    "jetty": ("jetty", {"jetty9": "java"}),
    "varnish": ("vcache", {"varnish": "varnishd"}),
    "haproxy": ("haproxy", {"haproxy": "haproxy"}),
    "php-fpm": ("www-data", {"php8.2-fpm": "php-fpm8.2"}),
    "vps": ("vps", {"cron": "cron", "rsyslog": "rsyslogd"}),
}
PROFILES = {"mysql": ["mysql", "mariadb"]}
# What is started as root by them, and where it goes wrong: see enscale-node(8).
UNSAFE_SCRIPTS = {"redis-server", "redis-sentinel", "jetty9"}


def prepare(host):
    """What an operator does before setup, and Debian at the boot."""
    host.sh(
        "ssh-keygen -A; mkdir -p /run/sshd; cd /root; ssh-keygen -q -t ed25519 -N '' -f ca;"
        "useradd -m vps; systemd-tmpfiles --create;"
        # The machine below may have one, from a package.
        "pg_lsclusters -h | grep -q . || pg_createcluster $(ls /usr/lib/postgresql) main;"
        "printf '%s\n' '[mariadb]' innodb_log_file_size=4M innodb_buffer_pool_size=8M"
        " >/etc/mysql/mariadb.conf.d/99-small.cnf"
    )


def set_up(host, service):
    """The commands that it permits, and what it says."""
    user, _ = SERVICES[service]
    said = b""
    host.sh(f"usermod -s /bin/bash {user}")
    for profile in PROFILES.get(service, [service]):
        said += host.sh(
            f"{NODE} setup --node 124718 --environment cool-waterfall-59"
            f" --service {profile} --user {user} --ca /root/ca.pub"
        ).stderr
    return permitted(host), said.decode()


def runs(host, process):
    """Does it? The kernel keeps 15 letters of a name."""
    return host.run(["pgrep", "-x", process[:15]], check=False).returncode == 0


def listens(host, port):
    found = host.run(["ss", "-Hltn", f"sport = {port}"]).stdout
    return found != b""


ORDER = ["start", "status", "reload", "restart"]
UNKNOWN = "[Uu]sage: |is not applicable|unrecognized service"
ALWAYS = ["start", "status", "restart", "stop"]


def in_order(commands, name):
    """Those of one name, by the way that they take: start first, stop last."""
    ways = {}
    for command in commands:
        words = command.removeprefix("NOEXEC: ").split()
        if words[0].endswith("/systemctl") and words[-1] == name:
            ways.setdefault(tuple(words[:-2]), []).append((words[-2], words))
        elif words[:2] == ["/usr/sbin/service", name] or words[0] == f"/etc/init.d/{name}":
            ways.setdefault(tuple(words[:-1]), []).append((words[-1], words))
    for _, found in sorted(ways.items()):
        def place(item):
            action, _ = item
            return ORDER.index(action) if action in ORDER else len(ORDER) + (action == "stop")
        yield from sorted(found, key=place)


def try_all(host, service, commands):
    """Each once, as the user; the names that there was a command for."""
    user, names = SERVICES[service]
    tried = set()
    for name, process in names.items():
        for action, words in in_order(commands, name):
            # Nobody starts so much in so few seconds: systemd would refuse it.
            host.run(["systemctl", "reset-failed"], check=False)
            argv = ["runuser", "-u", user, "--", "sudo", "-n", *words]
            done = host.run(argv, check=False)
            if name == "varnish" and action == "reload" and done.returncode:
                # systemd calls it started before it can be asked.
                wait_for(lambda: listens(host, 6082), "varnish can be asked", 20)
                done = host.run(argv, check=False)
            said = (done.stdout + done.stderr).decode()
            tried.add(name)
            if action not in ALWAYS and re.search(UNKNOWN, said):
                continue  # this script or unit has no such action
            assert done.returncode == 0, (words, done)
            if "can still be activated" in said:
                continue  # and is, by what sudo has to say in the log
            # systemd does not wait for all of them.
            wait_for(lambda: runs(host, process) == (action != "stop"), (words, done), 20)
    return tried


@pytest.mark.parametrize("service", SERVICES)
def test_every_command_that_is_permitted_works_by_init_script(scratch_host, service):
    host = scratch_host
    prepare(host)
    commands, said = set_up(host, service)
    # Varnish's script tests the configuration on the ports of the one that runs,
    # and so refuses every restart, root's too.
    commands = [
        command for command in commands
        if "systemctl" not in command
        and not re.search("varnish (restart|configtest)$", command)
    ]
    tried = set()
    for name in SERVICES[service][1]:
        if host.sh(f"test -e /etc/init.d/{name}", check=False).returncode:
            # Debian starts it by its unit alone.
            commands = [command for command in commands if name not in command.split()]
        elif name in UNSAFE_SCRIPTS:
            assert f"no sudo for {name}\n" in said
        else:
            tried.add(name)
    assert try_all(host, service, commands) == tried


@pytest.fixture(scope="module")
def systemd_node(systemd_host):
    prepare(systemd_host)
    # What installing it does: syslog.socket wants its other name.
    systemd_host.sh("systemctl enable rsyslog; systemctl daemon-reload")
    return systemd_host


@pytest.mark.parametrize("service", SERVICES)
def test_every_command_that_is_permitted_works_under_systemd(systemd_node, service):
    host = systemd_node
    commands, said = set_up(host, service)
    names = set(SERVICES[service][1])
    for name in names & UNSAFE_SCRIPTS:
        assert f"no sudo for /etc/init.d/{name}\n" in said
        assert f"/etc/init.d/{name} restart" not in commands
        assert f"/usr/sbin/service {name} restart" in commands
    assert try_all(host, service, commands) == names


def test_postgresql_and_php_start_without_roots_work_in_their_folders(systemd_node):
    # As CAVEATS in enscale-node(8) says.
    host = systemd_node
    host.write("/etc/systemd/system/postgresql@.service.d/user.conf", "[Service]\nUser=postgres\n")
    host.write("/etc/tmpfiles.d/php8.2-fpm.conf", "d /run/php 0755 root root\n")
    host.sh("systemctl daemon-reload; systemd-tmpfiles --create php8.2-fpm.conf")
    assert host.sh("stat -c %U /run/php").stdout == b"root\n"
    for name, process in [("postgresql", "postgres"), ("php8.2-fpm", "php-fpm8.2")]:
        for verb in ("start", "stop"):
            host.run(["systemctl", verb, name])
            wait_for(lambda: runs(host, process) == (verb == "start"), (verb, name), 20)


@pytest.mark.parametrize("service, names", [("nodejs", ["nodejs", "node"]), ("ruby", ["puma"])])
def test_what_debian_starts_by_nothing_has_nothing_permitted(scratch_host, service, names):
    host = scratch_host
    prepare(host)
    host.sh(f"useradd -m -s /bin/bash web; command -v {names[0]}")
    host.sh(
        f"{NODE} setup --node 124718 --environment cool-waterfall-59"
        f" --service {service} --user web --ca /root/ca.pub"
    )
    assert [line for line in permitted(host) if set(names) & set(line.split())] == []
