"""The system calls that Debian 12's Python does not have."""

import ctypes
import errno
import os
import struct

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
MS_RDONLY = 1
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_SHARED = 1 << 20
MNT_DETACH = 2

_libc = ctypes.CDLL(None, use_errno=True)
_SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_SYS_OPEN_TREE = 428
_SYS_MOVE_MOUNT = 429
_AT_FDCWD = -100
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_OPEN_TREE_CLONE = 1
_MOVE_MOUNT_F_EMPTY_PATH = 4


def _check(result, what):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


def _bytes(value):
    return value.encode() if value is not None else None


def unshare(flags):
    _check(_libc.unshare(flags), "unshare")


def mount(source, target, kind=None, flags=0, data=None):
    done = _libc.mount(
        _bytes(source), _bytes(target), _bytes(kind), ctypes.c_ulong(flags), _bytes(data)
    )
    _check(done, f"mount {source} on {target}")


def bind(source, target, read_only=False):
    mount(source, target, None, MS_BIND)
    if read_only:
        mount(None, target, None, MS_REMOUNT | MS_BIND | MS_RDONLY)


def detach(target):
    _check(_libc.umount2(_bytes(target), MNT_DETACH), f"umount {target}")


def open_tree(path):
    """A descriptor of what is mounted there, for move_mount() in this mount
    namespace or another."""
    tree = _libc.syscall(
        _SYS_OPEN_TREE, _AT_FDCWD, _bytes(path), _OPEN_TREE_CLONE | os.O_CLOEXEC
    )
    _check(tree, f"open_tree {path}")
    return tree


def move_mount(tree, target):
    done = _libc.syscall(
        _SYS_MOVE_MOUNT, tree, b"", _AT_FDCWD, _bytes(target), _MOVE_MOUNT_F_EMPTY_PATH
    )
    _check(done, f"move_mount to {target}")


def hide_landlock():
    """From here on the kernel has none, for all that descends from us."""
    load, at_least, above, end = 0x20, 0x35, 0x25, 0x06
    allow, fail = 0x7FFF0000, 0x00050000 | errno.ENOSYS
    filter = [(load, 0, 0, 0), (at_least, 0, 2, 444), (above, 1, 0, 446),
              (end, 0, 0, fail), (end, 0, 0, allow)]  # fmt: skip
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in filter))
    program = struct.pack("HxxxxxxP", len(filter), ctypes.addressof(code))
    _check(_libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, program, 0, 0), "seccomp")


def enter(pid, spaces):
    """The namespaces of that process; that of PIDs counts for children."""
    pidfd = os.pidfd_open(pid)
    _check(_libc.setns(pidfd, spaces), f"setns to {pid}")
    os.close(pidfd)


def pivot_root(new, old):
    number = _SYS_PIVOT_ROOT[os.uname().machine]
    _check(_libc.syscall(number, _bytes(new), _bytes(old)), f"pivot_root {new}")
