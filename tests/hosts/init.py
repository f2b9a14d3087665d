"""PID 1 of one host: makes the host's own root, then reaps, runs daemons
through its control socket, starts them again when they end, and takes what is
sent to /dev/log to /var/log/syslog; or becomes systemd, which then does all
of that its own way.

Reads what the host is to be from stdin (JSON, see hosts.py), prints its PID,
and "ready" once commands can be run in it. It is ended with SIGKILL by its
PID, and everything in the host ends with it: no signal from inside does that.
"""

import json
import os
import re
import resource
import selectors
import signal
import socket
import stat
import subprocess
import sys
import time

import cgroups
import syscalls

RUN = "/run/host"
STOP_SECONDS = 3
RESTART_SECONDS_MAX = 5
NODES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8)}
NODES |= {"urandom": (1, 9), "tty": (5, 0), "fuse": (10, 229)}


# --- the root ---------------------------------------------------------------


def make_dev(dev):
    syscalls.mount("dev", dev, "tmpfs", 0, "mode=755")
    for name, (major, minor) in NODES.items():
        os.mknod(f"{dev}/{name}", stat.S_IFCHR, os.makedev(major, minor))
        os.chmod(f"{dev}/{name}", 0o666)
    os.mkdir(f"{dev}/pts")
    syscalls.mount(
        "pts", f"{dev}/pts", "devpts", 0, "newinstance,ptmxmode=666,mode=620,gid=5"
    )
    os.mkdir(f"{dev}/shm")
    syscalls.mount("shm", f"{dev}/shm", "tmpfs", 0, "mode=1777")
    links = {"ptmx": "pts/ptmx", "fd": "/proc/self/fd"}
    links |= {"stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}
    for name, target in links.items():
        os.symlink(target, f"{dev}/{name}")
    os.close(os.open(f"{dev}/console", os.O_CREAT | os.O_WRONLY, 0o600))


def write(path, text):
    if os.path.lexists(path):
        os.unlink(path)
    with open(path, "w") as file:
        file.write(text)


def make_root(spec):
    """An overlay of memory over its layer, and what a host has of its own."""
    syscalls.mount("host", "/mnt", "tmpfs", 0, "mode=755")
    for name in ("upper", "work", "root"):
        os.mkdir(f"/mnt/{name}")
    root = "/mnt/root"
    syscalls.mount(
        spec["name"],
        root,
        "overlay",
        0,
        f"lowerdir={spec['layer']},upperdir=/mnt/upper,workdir=/mnt/work",
    )
    if spec["install"]:
        subprocess.run(["cp", "-a", spec["install"] + "/.", root], check=True)

    make_dev(f"{root}/dev")
    syscalls.mount("proc", f"{root}/proc", "proc")
    for path in (f"{root}/proc/sys", f"{root}/proc/sysrq-trigger"):
        if os.path.exists(path):
            syscalls.bind(path, path, read_only=True)
    syscalls.mount("sys", f"{root}/sys", "sysfs", syscalls.MS_RDONLY)
    if spec["cgroup"]:
        syscalls.mount("cgroup", f"{root}/sys/fs/cgroup", "cgroup2")
    syscalls.mount("run", f"{root}/run", "tmpfs", 0, "mode=755")
    syscalls.mount("tmp", f"{root}/tmp", "tmpfs", 0, "mode=1777")
    os.mkdir(f"{root}/run/lock")
    os.chmod(f"{root}/run/lock", 0o1777)
    os.mkdir(f"{root}{RUN}", 0o700)
    os.mkdir(f"{root}/run/demo", 0o700)

    write(f"{root}/etc/hostname", spec["hostname"] + "\n")
    write(f"{root}/etc/hosts", spec["hosts"])
    write(f"{root}/etc/resolv.conf", "")
    write(f"{root}/etc/machine-id", os.urandom(16).hex() + "\n")
    write(f"{root}/var/log/lastlog", "")

    syscalls.bind(spec["source"], f"{root}/usr/src/enscale", read_only=True)
    if spec["counts"]:
        syscalls.bind(spec["counts"], f"{root}{spec['counts']}")
    os.mkdir(f"{root}/var/log/host")
    syscalls.bind(spec["log"], f"{root}/var/log/host")
    if os.path.lexists(f"{root}/var/log/syslog"):
        os.unlink(f"{root}/var/log/syslog")
    os.symlink("host/syslog", f"{root}/var/log/syslog")
    control = f"{root}/usr/local/sbin/hostctl"
    os.symlink("/usr/src/enscale/tests/hosts/hostctl.py", control)

    syscalls.pivot_root(root, f"{root}/mnt")
    os.chdir("/")
    syscalls.detach("/mnt")


# --- systemd ----------------------------------------------------------------


SYSTEMD_TARGET = """\
[Unit]
Requires=basic.target
Wants=systemd-user-sessions.service
After=basic.target systemd-user-sessions.service
AllowIsolate=yes
"""


def become_systemd():
    """As in a container where nobody has enabled anything, ready for logins.
    What it says until its journal runs is in console.log."""
    subprocess.run("rm -rf /etc/systemd/system/*", shell=True, check=True)
    write("/etc/systemd/system/host.target", SYSTEMD_TARGET)
    # The machine's kernel is not the host's to load modules into.
    os.symlink("/dev/null", "/etc/systemd/system/systemd-modules-load.service")
    # In a container it leaves this to whoever made that; credentials need it.
    syscalls.mount(None, "/", None, syscalls.MS_REC | syscalls.MS_SHARED)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    console = os.open("/var/log/host/console.log", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    null = os.open("/dev/null", os.O_RDONLY)
    os.write(1, b"ready\n")
    for source, target in ((null, 0), (console, 1), (console, 2)):
        os.dup2(source, target)
    os.closerange(3, 1024)
    env = {"container": "test-host", "LANG": "C.UTF-8"}
    env["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    argv = ["systemd", "--unit=host.target", "--show-status=no"]
    os.execve("/lib/systemd/systemd", argv, env)


# --- daemons ----------------------------------------------------------------


class Daemon:
    """One program that is kept running: spec is what hostctl.py sends."""

    def __init__(self, spec):
        self.spec = spec
        self.name = spec["name"]
        self.log = f"/var/log/host/{self.name}.log"
        self.state = "stopped"  # starting, running, stopping, waiting, failed
        self.pid = None
        self.status = None
        self.starts = 0
        self.wanted = False
        self.deadline = None  # when to kill (stopping) or start (waiting)
        self.started = 0.0
        self.notify = None
        self.waiters = []

    def describe(self):
        return {
            "name": self.name,
            "state": self.state,
            "pid": self.pid,
            "status": self.status,
            "starts": self.starts,
            "log": self.log,
        }


def prepare(spec, log, notify_path):
    """In the new process: everything that comes before the program itself."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    null = os.open("/dev/null", os.O_RDONLY)
    out = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o640)
    for source, target in ((null, 0), (out, 1), (out, 2)):
        os.dup2(source, target)
    env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
    env |= {"LANG": "C.UTF-8", **spec.get("env", {})}
    if notify_path:
        env["NOTIFY_SOCKET"] = notify_path
    os.umask(spec.get("umask", 0o022))
    for name, value in spec.get("limits", {}).items():
        number = getattr(resource, f"RLIMIT_{name}")
        value = resource.RLIM_INFINITY if value is None else value
        try:
            resource.setrlimit(number, (value, value))
        except ValueError:  # root of a container may not raise it
            hard = resource.getrlimit(number)[1]
            resource.setrlimit(number, (hard, hard))
    for path, mode, user, group in spec.get("folders", []):
        subprocess.run(
            ["install", "-d", "-m", mode, "-o", user, "-g", group, path], check=True
        )
    if spec.get("binds"):
        syscalls.unshare(syscalls.CLONE_NEWNS)
        for source, target, read_only in spec["binds"]:
            syscalls.bind(source, target, read_only)
    for argv, may_fail in spec.get("before", []):
        if subprocess.run(argv, env=env).returncode and not may_fail:
            raise RuntimeError(f"{argv} failed")
    os.execvpe(spec["argv"][0], spec["argv"], env)


class Init:
    def __init__(self):
        self.selector = selectors.DefaultSelector()
        self.daemons = {}
        self.syslog = open("/var/log/host/syslog", "a", buffering=1, errors="replace")

    def say(self, text):
        stamp = time.strftime("%b %d %H:%M:%S")
        text = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
        self.syslog.write(f"{stamp} {text}\n")

    # -- sockets

    def listen(self, path, kind, mode, handle):
        sock = socket.socket(socket.AF_UNIX, kind | socket.SOCK_CLOEXEC)
        sock.bind(path)
        os.chmod(path, mode)
        sock.setblocking(False)
        if kind == socket.SOCK_STREAM:
            sock.listen(64)
        self.selector.register(sock, selectors.EVENT_READ, handle)
        return sock

    def on_log(self, sock):
        message = sock.recv(65536).decode(errors="replace").rstrip("\n\0")
        self.say(re.sub(r"^<\d+>([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d )?", "", message))

    def on_connection(self, sock):
        connection, _ = sock.accept()
        connection.settimeout(2)
        request = b""
        try:
            while not request.endswith(b"\n"):
                part = connection.recv(65536)
                if not part:
                    raise ConnectionError("cut short")
                request += part
            self.answer(connection, json.loads(request))
        except Exception as error:
            self.reply(connection, {"error": f"{type(error).__name__}: {error}"})

    def reply(self, connection, answer):
        try:
            connection.sendall(json.dumps(answer).encode() + b"\n")
        except OSError:
            pass  # nobody waits for it any more
        connection.close()

    def answer(self, connection, request):
        verb, name = request["verb"], request.get("name")
        if verb == "status":
            daemons = [daemon.describe() for daemon in self.daemons.values()]
            return self.reply(connection, {"daemons": daemons})
        if verb == "start":
            if "argv" in request:
                self.define(request)
        daemon = self.daemons.get(name)
        if not daemon:
            raise KeyError(f"no daemon {name}")
        if verb == "start":
            daemon.wanted = True
            if daemon.state in ("stopped", "failed", "waiting"):
                self.start(daemon)
        elif verb == "stop":
            daemon.wanted = False
            if daemon.state == "waiting":
                daemon.state, daemon.deadline = "stopped", None
            elif daemon.pid and daemon.state != "stopping":
                os.kill(daemon.pid, signal.SIGTERM)
                os.kill(daemon.pid, signal.SIGCONT)
                daemon.state = "stopping"
                daemon.deadline = time.monotonic() + STOP_SECONDS
        elif verb == "signal":
            if not daemon.pid:
                raise ProcessLookupError(f"{name} does not run")
            os.kill(daemon.pid, request["signal"])
        else:
            raise ValueError(f"unknown verb {verb}")
        daemon.waiters.append((verb, connection))
        self.tell(daemon)

    def define(self, spec):
        daemon = self.daemons.get(spec["name"])
        if daemon:
            daemon.spec = spec  # from its next start on
        else:
            self.daemons[spec["name"]] = Daemon(spec)

    def tell(self, daemon):
        """Answers those whose request is settled."""
        still = []
        for verb, connection in daemon.waiters:
            if verb == "start" and daemon.state == "starting":
                still.append((verb, connection))
            elif verb == "start" and daemon.state != "running":
                self.reply(connection, {"error": "ended", **daemon.describe()})
            elif verb == "stop" and daemon.state == "stopping":
                still.append((verb, connection))
            else:
                self.reply(connection, daemon.describe())
        daemon.waiters = still

    # -- a daemon's life

    def start(self, daemon):
        path = None
        if daemon.spec.get("notify"):
            path = f"/run/notify.{daemon.name}"
            self.forget(daemon)
            daemon.notify = self.listen(
                path,
                socket.SOCK_DGRAM,
                0o666,
                lambda sock: self.on_notify(daemon, sock),
            )
        daemon.status = None
        daemon.starts += 1
        daemon.started = time.monotonic()
        daemon.deadline = None
        daemon.state = "starting" if path else "running"
        daemon.pid = os.fork()
        if daemon.pid == 0:
            try:
                prepare(daemon.spec, daemon.log, path)
            except BaseException as error:
                os.write(2, f"{daemon.name}: not started: {error}\n".encode())
            finally:
                os._exit(127)

    def forget(self, daemon):
        if daemon.notify:
            self.selector.unregister(daemon.notify)
            os.unlink(daemon.notify.getsockname())
            daemon.notify.close()
            daemon.notify = None

    def on_notify(self, daemon, sock):
        if b"READY=1" in sock.recv(65536).split(b"\n") and daemon.state == "starting":
            daemon.state = "running"
            self.tell(daemon)

    def ended(self, daemon, status):
        code = os.waitstatus_to_exitcode(status)
        lived = time.monotonic() - daemon.started
        was = daemon.state
        daemon.pid, daemon.status, daemon.deadline = None, code, None
        self.forget(daemon)
        self.say(f"init: {daemon.name} ended with {code} after {lived:.1f} s")
        restart = daemon.spec.get("restart", "always")
        if not daemon.wanted:
            daemon.state = "stopped"
        elif was == "starting" and daemon.starts == 1:
            daemon.state, daemon.wanted = "failed", False
        elif restart == "no" or (restart == "on-failure" and code == 0):
            daemon.state = "failed" if code else "stopped"
        else:
            daemon.state = "waiting"
            delay = daemon.spec.get("delay", 0.2)
            if lived < 1:
                delay = min(delay * 2 ** min(daemon.starts, 8), RESTART_SECONDS_MAX)
            daemon.deadline = time.monotonic() + delay
        self.tell(daemon)

    def on_child(self, wakeup):
        try:
            wakeup.recv(4096)
        except BlockingIOError:
            pass
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for daemon in self.daemons.values():
                if daemon.pid == pid:
                    self.ended(daemon, status)

    def on_time(self):
        now = time.monotonic()
        for daemon in self.daemons.values():
            if daemon.deadline is None or daemon.deadline > now:
                continue
            daemon.deadline = None
            if daemon.state == "stopping":
                os.kill(daemon.pid, signal.SIGKILL)
            elif daemon.state == "waiting":
                self.start(daemon)

    def serve(self):
        ours, theirs = socket.socketpair()
        for sock in (ours, theirs):
            sock.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
        self.selector.register(ours, selectors.EVENT_READ, self.on_child)
        self.listen("/dev/log", socket.SOCK_DGRAM, 0o666, self.on_log)
        self.listen(f"{RUN}/control", socket.SOCK_STREAM, 0o600, self.on_connection)
        os.write(1, b"ready\n")
        os.dup2(2, 1)
        while True:
            deadlines = [d.deadline for d in self.daemons.values() if d.deadline]
            wait = max(0, min(deadlines) - time.monotonic()) if deadlines else None
            for key, _ in self.selector.select(wait):
                try:
                    key.data(key.fileobj)
                except Exception as error:  # PID 1 goes on, whatever it is
                    self.say(f"init: {type(error).__name__}: {error}")
            self.on_time()


def main():
    spec = json.load(sys.stdin)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    spaces = (
        syscalls.CLONE_NEWNS
        | syscalls.CLONE_NEWUTS
        | syscalls.CLONE_NEWIPC
        | syscalls.CLONE_NEWPID
        | syscalls.CLONE_NEWNET
    )
    if spec["cgroup"]:
        cgroups.enter(spec["cgroup"])
        spaces |= syscalls.CLONE_NEWCGROUP
    syscalls.unshare(spaces)
    told, tell = os.pipe()
    pid = os.fork()
    if pid:
        os.write(1, f"{pid}\n".encode())
        os._exit(0)
    # Its number is read before "ready": both write to one pipe.
    os.close(tell)
    os.read(told, 1)
    os.close(told)
    os.setsid()
    socket.sethostname(spec["hostname"])
    make_root(spec)
    if spec["counts"]:  # what confines itself could write there no more
        syscalls.hide_landlock()
    if spec["cgroup"]:
        become_systemd()
    Init().serve()


main()
