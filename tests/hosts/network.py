"""The network of a set: two bridges in the network namespace of the keeper,
which has no way out, and every host plugged in by a veth pair per network.
"""

import subprocess

# Both from 198.18.0.0/15, which is reserved for benchmarks.
NETWORKS = {"public": "198.18.0", "private": "198.19.0"}


def _ip(commands, pid=None):
    enter = ["nsenter", f"--target={pid}", "--net"] if pid else []
    done = subprocess.run(
        enter + ["ip", "-batch", "-"],
        input="\n".join(commands) + "\n",
        text=True,
        capture_output=True,
    )
    if done.returncode:
        raise RuntimeError(f"ip: {done.stderr.strip()}: {commands}")


def make_switch():
    commands = ["link set lo up"]
    for name in NETWORKS:
        commands += [f"link add {name} type bridge", f"link set {name} up"]
    _ip(commands)


def _hardware_address(address):
    """The same for each host that has this address: others remember it for
    half a minute, and would not find the next one."""
    return "02:00:" + ":".join(f"{int(byte):02x}" for byte in address.split("."))


def plug(pid, addresses):
    """Gives the host whose init is pid an interface in each of its networks:
    addresses is {"public": "198.18.0.10"}."""
    switch, inside = [], ["link set lo up"]
    for name, address in addresses.items():
        port = f"{name[:4]}{pid}"
        switch += [
            f"link add {port} type veth peer name {name} "
            f"address {_hardware_address(address)} netns {pid}",
            f"link set {port} master {name} up",
        ]
        inside += [f"addr add {address}/24 dev {name}", f"link set {name} up"]
    _ip(switch)
    _ip(inside, pid)
