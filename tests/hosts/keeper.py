"""PID 1 of a set of hosts: holds the namespaces that everything of the set
lives in (PIDs, the switch's network, the layer's mounts), so that ending this
one process ends all of it.

keeper.py SET-FOLDER. Says "ready" on stdout. Ends when stdin does, unless it
reads "stay" first: whoever starts hosts and is killed half-way leaves nothing.
"""

import fcntl
import os
import signal
import sys

import network


def main():
    folder = sys.argv[1]
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps for us
    alive = open(os.path.join(folder, "keeper"), "w")
    fcntl.flock(alive, fcntl.LOCK_EX)
    alive.write(os.environ["OUTER_PID"] + "\n")
    alive.flush()
    network.make_switch()
    os.write(1, b"ready\n")
    os.dup2(2, 1)
    if b"stay" in os.read(0, 16):
        while True:
            signal.pause()


main()
