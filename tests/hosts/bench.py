"""bench.py SET TARGET [make arguments]: runs "make TARGET" on a host of that
set: on the gateway, beside the daemons that users have there, or for
"bench-peers" on one of its own. The checkout with the build, which a host does
not have, is mounted for make alone.
"""

import os
import sys

import catalogue
import hosts
import syscalls

PEERS = catalogue.Plan("peers", "", {"public": "198.18.0.30"}, install=True)


def main(name, target, *arguments):
    folder = f"{hosts.STATE}/{name}"
    if target == "bench-peers":
        host = hosts.launch(PEERS, folder)
    else:
        host = hosts.find(catalogue.PLANS["gateway"], folder)
    checkout = syscalls.open_tree(hosts.TOP)
    syscalls.enter(
        host.pid,
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
    argv = ["make", "--no-print-directory", "-C", f"{hosts.STATE}/build", target, key]
    env = {"PATH": hosts.PATH, "HOME": "/root", "LANG": "C.UTF-8"}
    pid = os.fork()  # into the PID namespace
    if pid == 0:
        os.execvpe(argv[0], [*argv, *arguments], env)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


main(*sys.argv[1:])
