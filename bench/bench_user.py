"""A user of this host for the time of a benchmark, whom nothing outlives: not
the last sessions, which end a moment after their clients, nor what a run that
was cut off has left."""
import contextlib
import os
import pathlib
import pwd
import signal
import subprocess
import time

SECONDS = 10


def processes(uid):
    """Not by the owner of /proc/PID: of sshd's that is root."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):
            if f"\nUid:\t{uid}\t" in path.read_text():
                found.append(int(path.parent.name))
    return found


def end_processes(uid):
    end = time.monotonic() + SECONDS
    while pids := processes(uid):
        if time.monotonic() > end:
            raise SystemExit(f"processes of uid {uid} do not end: {pids}")
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def remove(name):
    try:
        uid = pwd.getpwnam(name).pw_uid
    except KeyError:
        return
    end_processes(uid)
    subprocess.run(["userdel", name], check=True)


@contextlib.contextmanager
def local_user(name, shell):
    remove(name)
    subprocess.run(["useradd", "--no-create-home", "--home-dir", "/", "--password",
                    "*", "--shell", shell, name], check=True)
    try:
        yield
    finally:
        remove(name)
