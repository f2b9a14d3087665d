"""Hosts from the outside: starting one, running things in it, its daemons,
its end. Used inside the namespaces of a set's keeper (see keeper.py), where
the process of each host's init has the PID that is noted here.
"""

import io
import json
import os
import select
import signal
import subprocess
import sys
import tarfile
import time

import catalogue
import cgroups
import hostctl
import network

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
STATE = os.path.join(TOP, ".demo")
LAYERS = "/run/layers"  # those of other releases, by name: see enter
COUNTS = os.path.join(STATE, "gcov")  # what programs that count their lines write
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
START_SECONDS = 30


class Result:
    """What a command left behind."""

    def __init__(self, done):
        self.returncode = done.returncode
        self.stdout, self.stderr = done.stdout, done.stderr

    def __repr__(self):
        said = f"stdout={self.stdout[-300:]!r}, stderr={self.stderr[-300:]!r}"
        return f"<exit code {self.returncode}, {said}>"


class Failed(Exception):
    """A command that had to work did not."""

    def __init__(self, host, argv, result):
        self.result = result
        words = " ".join(arg if isinstance(arg, str) else repr(arg) for arg in argv)
        said = (result.stdout or b"") + (result.stderr or b"")
        super().__init__(
            f"{host}: {words[:200]}: exit code {result.returncode}\n"
            + said.decode(errors="replace")[-3000:]
        )


def built(plan, what):
    """Where that is, of what was built for the host's release."""
    return os.path.join(STATE, plan.release, what)


def born(pid):
    """When that process started, in ticks; None when there is none."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            state, *fields = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if state in "ZX" else int(fields[18])


class Host:
    def __init__(self, plan, pid, folder, cgroup=None):
        self.plan, self.pid, self.folder, self.cgroup = plan, pid, folder, cgroup
        self.name = plan.name
        self.born = born(pid)

    # -- running things

    def command(self, argv, env=None):
        """The command line, for use inside the keeper, that runs argv here."""
        settings = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8"} | (env or {})
        return (
            ["nsenter", f"--target={self.pid}", "--mount", "--uts", "--ipc", "--net"]
            + ["--pid", "--", "setpriv", "--pdeathsig", "KILL", "--", "env", "-i"]
            + [f"{name}={value}" for name, value in settings.items()]
            + list(argv)
        )

    def popen(self, argv, env=None, **options):
        return subprocess.Popen(self.command(argv, env), **options)

    def run(self, argv, input=b"", check=True, timeout=60, env=None):
        """Runs argv as root; bytes in, bytes out. A result with returncode,
        stdout, stderr; Failed when check is set and the code is not 0."""
        if isinstance(input, str):
            input = input.encode()
        result = Result(
            subprocess.run(
                self.command(argv, env),
                input=input,
                capture_output=True,
                timeout=timeout,
            )
        )
        if check and result.returncode:
            raise Failed(self.name, argv, result)
        return result

    def sh(self, script, **options):
        return self.run(["sh", "-euc", script], **options)

    # -- files

    def path(self, path):
        """Where the host's file is seen from outside. A symbolic link with
        an absolute target leads astray: read() and write() do not."""
        return f"/proc/{self.pid}/root{path}"

    def read(self, path):
        return self.run(["cat", "--", path]).stdout

    def write(self, path, data, mode=0o644):
        self.put({path: data}, mode)

    def put(self, files, mode=0o644):
        """Writes {path: data}; folders that are missing are made, 0755."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            for path, data in files.items():
                data = data.encode() if isinstance(data, str) else data
                info = tarfile.TarInfo(path.lstrip("/"))
                info.size, info.mode = len(data), mode
                tar.addfile(info, io.BytesIO(data))
        self.run(["tar", "-xpf", "-", "-C", "/", "--no-same-owner"], archive.getvalue())

    def install(self):
        """What "make install" installs."""
        archive = subprocess.run(
            ["tar", "-cf", "-", "-C", built(self.plan, "stage"), "."],
            capture_output=True,
            check=True,
        )
        self.run(["tar", "-xpf", "-", "-C", "/", "--no-overwrite-dir"], archive.stdout)

    # -- daemons

    def ask(self, verb, name=None, **more):
        request = {"verb": verb, "name": name, **more}
        return hostctl.ask(request, self.path("/run/host/control"))

    def start(self, name, *arguments):
        """As hostctl start does."""
        self.run(["hostctl", "start", name, *arguments])

    def stop(self, name):
        self.ask("stop", name)

    def kill(self, name, number=signal.SIGKILL):
        """Sends the signal; what ends by it is started again."""
        self.ask("signal", name, signal=int(number))

    def daemon(self, name):
        for daemon in self.ask("status")["daemons"]:
            if daemon["name"] == name:
                return daemon
        raise KeyError(name)

    def pid_of(self, name):
        """Its PID in the host."""
        return self.daemon(name)["pid"]

    def log(self, name="syslog"):
        """What is in the log of that daemon, or in the host's syslog."""
        name = name if name == "syslog" else f"{name}.log"
        try:
            with open(os.path.join(self.folder, name), errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    # -- systemd in place of our init

    def wait_for_systemd(self):
        """Until all that was to be started is."""
        said = b""
        try:
            wait_for(lambda: os.path.exists(self.path("/run/systemd/private")), "systemd")
            up = self.run(["systemctl", "is-system-running", "--wait"], check=False)
            if up.stdout == b"running\n":
                return
            said = self.run(["systemctl", "--no-pager", "--failed"], check=False).stdout
        except TimeoutError:
            pass
        raise RuntimeError(
            f"{self.name}: systemd is not up\n{said.decode()}{self.log('console')[-3000:]}"
        )

    # -- its life

    @property
    def alive(self):
        return born(self.pid) == self.born

    def end(self):
        """Everything in it ends with its init."""
        if not self.alive:
            return
        pidfd = os.pidfd_open(self.pid)
        try:
            if self.alive:
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
                select.select([pidfd], [], [], START_SECONDS)
        finally:
            os.close(pidfd)
            try:
                os.unlink(os.path.join(self.folder, "pid"))
            except FileNotFoundError:
                pass
        if self.cgroup:
            cgroups.remove(self.cgroup)

    def prepare(self, *arguments):
        """Runs the script of its role."""
        settings = {"HOST": self.name, **self.plan.settings}
        script = f"/usr/src/enscale/tests/hosts/roles/{self.plan.role}"
        with open(os.path.join(self.folder, "role.log"), "ab") as log:
            done = self.popen(
                [script, *arguments], settings, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
            code = done.wait(120)
        if code:
            raise RuntimeError(
                f"{self.name}: roles/{self.plan.role} ended with {code}\n"
                + "".join(self.log("role").splitlines(True)[-25:])
            )


def launch(plan, folder):
    """Starts the host, without its role."""
    cgroup = cgroups.create(folder, plan.name) if plan.systemd else None
    folder = os.path.join(folder, plan.name)
    os.makedirs(folder, exist_ok=True)
    for name in os.listdir(folder):
        os.unlink(os.path.join(folder, name))
    spec = {
        "name": plan.name,
        "hostname": plan.hostname,
        "hosts": catalogue.etc_hosts(plan),
        "layer": f"{LAYERS}/{plan.release}" if plan.release else "/",
        "install": built(plan, "stage") if plan.install else None,
        "source": built(plan, "src"),
        "log": folder,
        "cgroup": cgroup,
        "counts": COUNTS if os.path.isdir(COUNTS) else None,
    }
    with open(os.path.join(folder, "init.log"), "ab") as log:
        init = subprocess.Popen(
            [sys.executable, "-B", os.path.join(HERE, "init.py"), plan.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
    init.stdin.write(json.dumps(spec).encode())
    init.stdin.close()
    host = Host(plan, int(init.stdout.readline() or 0), folder, cgroup)
    ready = init.stdout.readline() == b"ready\n"
    init.stdout.close()
    init.wait()
    if not ready:
        raise RuntimeError(f"{plan.name}: its init failed\n{host.log('init')[-3000:]}")
    try:
        network.plug(host.pid, plan.addresses)
    except BaseException:
        host.end()
        raise
    with open(os.path.join(folder, "pid"), "w") as file:
        file.write(f"{host.pid} {host.born}\n")
    return host


def find(plan, folder):
    """The host, when it is up; else None."""
    folder = os.path.join(folder, plan.name)
    try:
        with open(os.path.join(folder, "pid")) as file:
            pid, since = map(int, file.read().split())
    except (FileNotFoundError, ValueError):
        return None
    host = Host(plan, pid, folder)
    return host if host.born == since else None


def wait_for(condition, what, seconds=10):
    """Until condition() is true, which is returned; what it was is in the
    error otherwise."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds} s: {what}")
        time.sleep(0.02)
    return found
