"""The profiles of AppArmor: the kernel of a test host need not have AppArmor,
so its parser judges how they are written, and what the programs open, as strace
sees it, is compared with what they allow."""

import functools
import itertools
import posixpath
import re

import pytest

import installing

pytestmark = pytest.mark.both

PROFILES = "/usr/share/enscale/gateway/apparmor"
LOGIN = "124718-25880"


def test_the_parser_takes_the_profiles(gateway):
    done = gateway.run(["apparmor_parser", "-QK", PROFILES])
    # Of a kernel without AppArmor it only says that there is no cache.
    said = [line for line in done.stderr.splitlines() if not line.startswith(b"Cache ")]
    assert (done.stdout, said) == (b"", [])
    names = gateway.run(["apparmor_parser", "-QKN", PROFILES]).stdout.decode().split()
    assert names == [f"enscale-{name}" for name in "guard keyd keys shell sync".split()]


# ---- what a profile allows --------------------------------------------------------


class Rules:
    """Files only. A pattern is AppArmor's: * and ** and {a,b} and [ab]."""

    def __init__(self, host):
        self.host, self.variables, self.profiles = host, {}, {}
        self.read(host.read(PROFILES).decode(), None)

    def include(self, name):
        listed = f"cd /etc/apparmor.d; find {name} -type f 2>/dev/null || :"
        for path in sorted(self.host.sh(listed).stdout.decode().split()):
            yield self.host.read(f"/etc/apparmor.d/{path}").decode()

    def read(self, text, rules):
        for line in map(str.strip, text.splitlines()):
            variable = re.match(r"(@\{\w+\})\s*\+?=\s*(.*)", line)
            include = re.match(r"#?include (?:if exists )?<(.+)>", line)
            profile = re.match(r"profile (\S+) (\S+) \{", line)
            file = re.match(r"(owner )?([/@]\S+)\s+([a-zA-Z]+),", line)
            if variable:
                values = self.variables.setdefault(variable[1], [])
                values += [word.strip('"') for word in variable[2].split()]
            elif include:
                for included in self.include(include[1]):
                    self.read(included, rules)
            elif profile:
                rules = self.profiles[profile[2]] = [(self.regex(profile[2]), "rm")]
            elif file:
                rules.append((self.regex(file[2]), file[3]))

    def expand(self, pattern):
        name = re.search(r"@\{\w+\}", pattern)
        if not name:
            return [pattern]
        values = self.variables.get(name[0], [])
        return list(itertools.chain.from_iterable(
            self.expand(pattern.replace(name[0], value, 1)) for value in values))

    def regex(self, pattern):
        words = {"**": ".*", "*": "[^/]*", "?": "[^/]", "{": "(?:", "}": ")", ",": "|"}

        def translate(expanded):
            parts = re.findall(r"\*\*|\[[^]]*\]|.", re.sub("//+", "/", expanded))
            return "".join(words.get(p, p if p[0] == "[" and len(p) > 1 else re.escape(p))
                           for p in parts)

        return re.compile("|".join(f"(?:{translate(one)})" for one in self.expand(pattern)) or "(?!)")

    def allow(self, program, path, access):
        return any(access in perms and regex.fullmatch(path)
                   for regex, perms in self.profiles[program])


# ---- what a program opens -----------------------------------------------------------

CALLS = "execve,open,openat,connect,unlink,unlinkat,rename,renameat,renameat2,mkdir,mkdirat"
# Run by the shell, and under its profile.
INHERIT = {"/usr/bin/ssh", "/usr/libexec/enscale/enscale-connect"}
TRACE = "/tmp/trace"


def traced(gateway, *words):
    """The command line; each process has a file of its own."""
    gateway.sh(f"rm -rf {TRACE}; mkdir -m 1777 {TRACE}")
    return ["strace", "-ff", "-y", "-s", "300", "-e", f"trace={CALLS}", "-o", f"{TRACE}/of", *words]


def wanted(call, arguments):
    """"r", "w", both, or nothing that has a name."""
    if not call.startswith("open"):
        return "w"
    if "O_TMPFILE" in arguments or "O_PATH" in arguments:
        return ""
    return "rw" if "O_RDWR" in arguments else "w" if "O_WRONLY" in arguments else "r"


def accesses(trace, profiles):
    """(program, path, "r" or "w") of each call of one process that succeeded."""
    program = None
    for call, arguments in re.findall(r"^(\w+)\((.*)\) += \d+", trace, re.M):
        texts = re.findall(r'"((?:[^"\\]|\\.)*)"', arguments)
        if call == "execve":
            program = "/usr/bin/enscale-shell" if texts[0] in INHERIT else texts[0]
        elif program in profiles:
            folders = re.findall(r"(?:AT_FDCWD|\d+)<([^>]*)>", arguments)
            for number, text in enumerate(texts):
                folder = folders[min(number, len(folders) - 1)] if folders else "/"
                path = posixpath.normpath(posixpath.join(folder, text))
                path += "/" if "O_DIRECTORY" in arguments else ""
                # of a host without systemd (tests/hosts/init.py)
                path = re.sub(r"^/run/notify\.[\w-]+$", "/run/systemd/notify", path)
                for access in wanted(call, arguments):
                    yield program, path, access


def refused(gateway, programs):
    """What the profiles would not have let them open."""
    rules = Rules(gateway)
    files = gateway.sh(f"ls {TRACE}").stdout.decode().split()
    seen = set()
    for file in files:
        seen |= set(accesses(gateway.read(f"{TRACE}/{file}").decode(), rules.profiles))
    assert {f"/usr/{name}" for name in programs} <= {program for program, _, _ in seen}
    return {(program, path, access) for program, path, access in seen
            if path.startswith("/")
            and not rules.allow(program, real_path(gateway, path), access)}


@functools.lru_cache(maxsize=None)
def real_path(gateway, path):
    """/lib is a link: AppArmor judges where it leads. A folder ends in "/"."""
    real = gateway.run(["realpath", "-m", "--", path]).stdout.decode().strip()
    return real + "/" if path.endswith("/") and real != "/" else real


def test_what_sessions_open_is_allowed(gateway, client, wait_for):
    sshd = gateway.pid_of("enscale-sshd")
    gateway.start("trace", "--", *traced(gateway, "-p", str(sshd)))
    wait_for(lambda: gateway.sh(f"grep TracerPid /proc/{sshd}/status").stdout.split()[1] != b"0",
             "sshd is looked at")
    try:
        assert client.ssh(LOGIN, "exit 7").returncode == 7
        assert client.ssh("25880", "nodes").returncode == 0
        client.sh("eval $(ssh-agent) >/dev/null; trap 'ssh-agent -k >/dev/null' EXIT;"
                  f"ssh-add -q /root/keys/25880-ed25519; ssh -A -l {LOGIN} ssh.enscale.com ssh-add -L")
        menu = client.pexpect_ssh("25880")
        menu.expect_exact("cool-waterfall-59")
        menu.sendline("0")
        menu.wait()
    finally:
        gateway.stop("trace")
    assert refused(gateway, ["bin/enscale-shell", "libexec/enscale/enscale-keys"]) == set()


RIGHTS = {"enscale-sync": ["--clear-groups"],
          "enscale-guard": ["--init-groups", "--inh-caps=+kill", "--ambient-caps=+kill"]}


@pytest.mark.parametrize("name", RIGHTS)
def test_what_a_daemon_opens_is_allowed(gateway, client, name, wait_for):
    who = ["setpriv", f"--reuid={name}", "--regid=enscale", *RIGHTS[name]]
    gateway.stop(name)
    gateway.start(name, "--notify", "--", *traced(gateway, "-D", *who, f"/usr/libexec/enscale/{name}"))
    try:
        wait_for(lambda: b", in step" in gateway.run(["enscalectl", "status"], check=False).stdout,
                 "it is in step", 30)
        assert client.ssh(LOGIN, "exit 7").returncode == 7
    finally:
        gateway.stop(name)
        gateway.start(f"{name}.service")
        gateway.run(["enscalectl", "status", "--wait", "30"])
    assert refused(gateway, [f"libexec/enscale/{name}"]) == set()


def test_what_keyd_opens_is_allowed(gateway, client, directory):
    def systemctl(words):
        name = words[-1]
        if words[0] in ("disable", "restart"):
            gateway.stop(name)
        if words[0] == "restart":
            gateway.start(f"{name}.service")
        elif words[0] == "enable":
            who = ["setpriv", f"--reuid={name}", "--regid=enscale", "--clear-groups"]
            command = traced(gateway, "-D", *who, f"/usr/libexec/enscale/{name}")
            gateway.start(name, "--notify", "--", *command)

    public = client.read("/root/keys/21296-ed25519.pub")
    with installing.keys_managed_on(gateway, directory, systemctl):
        added = client.ssh("40404", "keys add Shared", input=public)
        assert added.returncode == 0, added
        client.ssh("40404", f"keys delete {added.stdout.decode().split()[1]}", check=True)
    assert refused(gateway, ["libexec/enscale/enscale-keyd"]) == set()
