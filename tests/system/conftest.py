"""What the system tests stand on: the hosts that ./check has started.

Run by ./check inside the keeper of its hosts (tests/hosts/keeper.py), as root.
A host has run(), sh(), popen(), read(), write(), log(), and for its daemons
start(), stop(), kill(), daemon(), pid_of(): see tests/hosts/hosts.py. The
client also has ssh() and pexpect_ssh(), below.
"""

import os
import sys
import types

import pexpect
import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "hosts"))

import catalogue
import entries
import hosts as test_hosts

SET = os.environ.get("SET", "check")
SUITES = ["services", "packaging"]  # whose hosts are of a layer of their own
FOLDER = f"{test_hosts.STATE}/{SET}"
SHARED = os.environ.get("SHARED")


def pytest_configure(config):
    config.addinivalue_line("markers", "full: takes over a minute, for ./check --full")
    config.addinivalue_line("markers", "both: looks at what differs between releases of"
                            " Debian, so ./check runs it on both")
    config.addinivalue_line("markers", "mixed: sees more than one host at work, so it runs"
                            " where they are of different releases, too")
    config.addinivalue_line("markers", "mutations: needs no hosts")
    for suite in SUITES:
        config.addinivalue_line("markers", f"{suite}: needs the layer of packages-{suite}")


def is_wanted(item):
    for name in (*SUITES, "mutations"):  # each has a set of its own
        if bool(item.get_closest_marker(name)) != (SET == name):
            return False
    if SET.startswith("mixed/"):
        return bool(item.get_closest_marker("mixed")) and not item.get_closest_marker("full")
    if os.environ.get("FULL"):
        return True
    return not item.get_closest_marker("full") and (
        bool(item.get_closest_marker("both")) or not os.environ.get("BOTH"))


def pytest_collection_modifyitems(config, items):
    others = [item for item in items if not is_wanted(item)]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if item not in others]


def claim(module):
    """Whether it is ours: whoever makes the file has it."""
    try:
        os.close(os.open(f"{test_hosts.STATE}/claims/{module}", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


claims = {}


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item):
    """Two sets of hosts may share the tests: who comes to a module first has
    all of it, and the other goes on to the next."""
    if not SHARED:
        return None
    module = item.path.stem
    if module not in claims:
        claims[module] = claim(module)
    return None if claims[module] else True


class Client(test_hosts.Host):
    """Where a user sits. key is the name of one in /root/keys, or a path;
    without it ssh offers the keys of the account in the login name."""

    def ssh_argv(self, login, *command, key=None, options=()):
        argv = ["ssh"]
        if key:
            path = key if key.startswith("/") else f"/root/keys/{key}"
            argv += ["-F", "none", "-p", str(catalogue.PORT), "-i", path]
            argv += ["-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=yes"]
            argv += ["-o", "UserKnownHostsFile=/root/known_hosts"]
        return argv + [*options, "-l", login, "--", catalogue.GATEWAY, *command]

    def ssh(self, login, *command, key=None, options=(), input=b"", **more):
        """One ssh without a terminal; a result with returncode, stdout and
        stderr. Its exit code is not judged unless check is set."""
        options = ["-o", "BatchMode=yes", *options]
        argv = self.ssh_argv(login, *command, key=key, options=options)
        return self.run(argv, input=input, **({"check": False} | more))

    def pexpect_ssh(self, login, *command, key=None, options=(), **more):
        """The same at a real terminal: a pexpect.spawn of text."""
        argv = self.ssh_argv(login, *command, key=key, options=options)
        return self.spawn(argv, **more)

    def spawn(self, argv, **more):
        argv = self.command(argv, {"TERM": "xterm"})
        settings = {"encoding": "utf-8", "timeout": 15, "dimensions": (24, 80)}
        return pexpect.spawn(argv[0], argv[1:], **(settings | more))


@pytest.fixture(scope="session")
def hosts():
    """All of them, by name: hosts.gateway, hosts.node124718, ..."""
    found = types.SimpleNamespace()
    for plan in catalogue.PLANS.values():
        host = test_hosts.find(plan, FOLDER)
        assert host, f"{plan.name} is not up"
        if plan.role == "client":
            host = Client(plan, host.pid, host.folder)
        setattr(found, plan.name, host)
    return found


@pytest.fixture
def client(hosts):
    return hosts.client


@pytest.fixture
def gateway(hosts):
    return hosts.gateway


@pytest.fixture
def directory(hosts):
    return hosts.directory


@pytest.fixture
def administrator(hosts):
    """Who may change the directory: see entries.py."""
    return entries.Administrator(hosts.directory)


@pytest.fixture
def scratch_host():
    """One more host, on both networks, that nobody has prepared: no role was
    run, nothing of ours is installed. The sources are in /usr/src/enscale."""
    plan = catalogue.Plan(
        "scratch", "", {"public": "198.18.0.20", "private": "198.19.0.20"}
    )
    host = test_hosts.launch(plan, FOLDER)
    yield host
    host.end()


@pytest.fixture(scope="module")
def systemd_host():
    """The same with systemd as PID 1. Where the kernel
    has no cgroups for it, whoever asks for this host is skipped."""
    plan = catalogue.Plan(
        "systemd", "", {"public": "198.18.0.21", "private": "198.19.0.21"}, systemd=True
    )
    try:
        host = test_hosts.launch(plan, FOLDER)
    except test_hosts.cgroups.Unavailable as reason:
        pytest.skip(f"systemd cannot be PID 1 of a host: {reason}")
    try:
        host.wait_for_systemd()
        yield host
    finally:
        host.end()


notes = []


def pytest_terminal_summary(terminalreporter):
    if notes:
        terminalreporter.section("for information")
        for text in notes:
            terminalreporter.write_line(text)


@pytest.fixture(scope="session")
def note():
    """note("text") shows up at the end of the run, whatever comes of the test."""
    return notes.append


@pytest.fixture
def wait_for():
    """wait_for(condition, what, seconds=10)"""
    return test_hosts.wait_for
