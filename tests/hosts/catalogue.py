"""The hosts of the demo and of the tests: names, addresses, roles."""

import dataclasses
import os
from dataclasses import dataclass, field

# Whose hosts are of another release of Debian than the set's: lib.sh says it,
# as "gateway=trixie client=trixie".
RELEASES = dict(word.split("=") for word in os.environ.get("RELEASES", "").split())


@dataclass(frozen=True)
class Plan:
    name: str  # as ./demo on NAME and the tests say it
    role: str  # the script in roles/ that prepares it
    addresses: dict  # {network: address}
    hostname: str = ""  # name, unless said otherwise
    install: bool = False  # gets what "make install" installs
    systemd: bool = False  # its PID 1, in place of init.py's
    release: str = ""  # of Debian, where it is another than the set's
    settings: dict = field(default_factory=dict)  # environment of its role

    def __post_init__(self):
        if not self.hostname:
            object.__setattr__(self, "hostname", self.name)


def node(number, environment, user, address):
    name = f"node{number}"
    return Plan(
        name,
        "node",
        {"private": address},
        hostname=f"{name}-{environment}",
        settings={"NODE": str(number), "ENVIRONMENT": environment, "SERVICE": user},
    )


GATEWAY = "ssh.enscale.com"
PORT = 3022

PLANS = {
    plan.name: dataclasses.replace(plan, release=RELEASES.get(plan.role, ""))
    for plan in [
        Plan("directory", "directory", {"private": "198.19.0.2"}),
        Plan(
            "gateway",
            "gateway",
            {"public": "198.18.0.1", "private": "198.19.0.1"},
            install=True,
        ),
        node(124718, "cool-waterfall-59", "apache", "198.19.0.18"),
        node(124719, "cool-waterfall-59", "mysql", "198.19.0.19"),
        node(136553, "crimson-dust-8", "apache", "198.19.0.53"),
        Plan("client", "client", {"public": "198.18.0.10"}),
        Plan("outside", "outside", {"private": "198.19.0.3"}),
    ]
}

# Accounts and the kinds of key each of them has.
ACCOUNTS = {
    25880: ["ed25519", "rsa"],
    21296: ["ed25519"],
    30311: ["ed25519"],
    40404: ["ed25519"],
}


def etc_hosts(plan):
    """Who a host knows by name: all in the networks that it is in."""
    lines = ["127.0.0.1 localhost", f"127.0.1.1 {plan.hostname}"]
    for network in plan.addresses:
        for other in PLANS.values():
            if network in other.addresses:
                names = [other.hostname, other.name]
                if other.name == "gateway" and network == "public":
                    names = [GATEWAY]
                line = f"{other.addresses[network]} {' '.join(dict.fromkeys(names))}"
                lines.append(line)
    return "\n".join(lines) + "\n"
