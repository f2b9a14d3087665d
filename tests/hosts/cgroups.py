"""The cgroups of the hosts that boot systemd: one for each, with a cgroup
namespace in it, below one for the set, below our own. They are made and
removed here; should that not come to pass, lib.sh finds the set's in the
set's folder.
"""

import errno
import os

import syscalls

ROOT = "/sys/fs/cgroup"


class Unavailable(Exception):
    """The kernel, or what we run in, refuses."""


def _mount():
    """The unified hierarchy, wherever the machine keeps it, in the keeper's
    mount namespace."""
    try:
        syscalls.mount("cgroup", ROOT, "cgroup2")
    except OSError as error:
        if error.errno != errno.EBUSY:  # it is there already
            raise Unavailable(f"no unified cgroup hierarchy: {error}") from None


def _own():
    with open("/proc/self/cgroup") as file:
        [line] = [line for line in file if line.startswith("0::")]
    return line[3:].strip().rstrip("/")


def create(folder, name):
    """A new one for the host of that name in the set in folder: its path."""
    _mount()
    with open(os.path.join(folder, "keeper")) as file:
        ours = f"{_own()}/enscale-hosts.{file.read().strip()}"
    with open(os.path.join(folder, "cgroup"), "w") as file:
        file.write(f"{ours}\n")
    path = f"{ROOT}{ours}/{name}"
    try:
        os.makedirs(path)
    except OSError as error:
        raise Unavailable(f"no cgroup can be made: {error}") from None
    return path


def enter(path):
    with open(f"{path}/cgroup.procs", "w") as file:
        file.write("0")


def remove(path):
    """It and all below it, where no process is left."""
    for folder, _, _ in os.walk(path, topdown=False):
        os.rmdir(folder)
