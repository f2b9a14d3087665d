"""bench.py SET [make arguments]: runs "make bench" on the gateway of that set,
on the network and beside the daemons that users have there. The checkout with
the build, which a host does not have, is mounted for make alone.
"""

import os
import sys

import catalogue
import hosts
import syscalls


def main(name, *arguments):
    gateway = hosts.find(catalogue.PLANS["gateway"], f"{hosts.STATE}/{name}")
    checkout = syscalls.open_tree(hosts.TOP)
    syscalls.enter(
        gateway.pid,
        syscalls.CLONE_NEWNS
        | syscalls.CLONE_NEWUTS
        | syscalls.CLONE_NEWIPC
        | syscalls.CLONE_NEWPID
        | syscalls.CLONE_NEWNET,
    )
    syscalls.unshare(syscalls.CLONE_NEWNS)
    syscalls.move_mount(checkout, hosts.TOP)
    os.close(checkout)
    key = f"BENCH_KEY={hosts.STATE}/keys/25880-ed25519"
    argv = ["make", "--no-print-directory", "-C", f"{hosts.STATE}/build", "bench", key]
    env = {"PATH": hosts.PATH, "HOME": "/root", "LANG": "C.UTF-8"}
    pid = os.fork()  # into the PID namespace
    if pid == 0:
        os.execvpe(argv[0], [*argv, *arguments], env)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


main(*sys.argv[1:])
