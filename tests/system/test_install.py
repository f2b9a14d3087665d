"""README, section On a real gateway: its commands, on a host of Debian's that
nobody has prepared, make a gateway that people log in to."""

import re
import shlex

import pytest

SOURCE = "/usr/src/enscale"
ADDRESS = "198.18.0.20"
SETTINGS = {
    "uri": "ldaps://directory",
    "bind_dn": "cn=gateway,dc=enscale,dc=example",
    "password_file": "/etc/enscale/directory.password",
    "tls_ca": "/etc/enscale/directory-ca.crt",
    "host": "ssh.enscale.com",
}


def commands(readme, heading):
    """The indented lines below a heading, up to the next one."""
    section = readme.split(f"\n{heading}\n", 1)[1]
    section = re.split(r"\n##+ ", section, maxsplit=1)[0]
    return [line[4:] for line in section.splitlines() if line.startswith("    ")]


@pytest.fixture
def readme(scratch_host):
    return scratch_host.read(f"{SOURCE}/README").decode()


def edit_configuration(host):
    """What the administrator does in the editor."""
    for key, value in SETTINGS.items():
        host.sh(f"grep -Eq '^#?{key} = ' /etc/enscale/enscale.conf && "
                f"sed -Ei 's|^#?{key} = .*|{key} = {value}|' "
                "/etc/enscale/enscale.conf")


def run_step(host, command):
    """One command of the README as it stands, but for what it cannot know:
    packages are in the layer, daemons are this host's init's."""
    words = shlex.split(command)
    if words[0] == "apt-get":
        for package in words[2:]:
            host.run(["dpkg", "-s", package])
    elif words[0] == "editor":
        edit_configuration(host)
    elif words[:3] == ["systemctl", "enable", "--now"]:
        host.run(["hostctl", "start", f"{words[3]}.service"])
    else:
        host.sh(f"cd /root/enscale; {command}", timeout=300)


@pytest.fixture
def installed(scratch_host, gateway, readme):
    host = scratch_host
    host.sh(f"cp -r {SOURCE} /root/enscale")
    host.write("/root/password", gateway.read("/etc/enscale/directory.password"),
               0o600)
    steps = commands(readme, "## On a real gateway")
    until = next(i for i, step in enumerate(steps) if step.startswith("setpriv "))
    for step in steps[:until]:
        run_step(host, step.replace("PASSWORD-FILE", "/root/password"))
        if step.startswith("make install"):
            host.write("/etc/enscale/directory-ca.crt",
                       gateway.read("/etc/enscale/directory-ca.crt"))
    yield host


def trust_known_host(client, host):
    keys = host.sh("cat /etc/enscale/ssh_host_*_key.pub").stdout.decode()
    lines = "".join(f"[{ADDRESS}]:3022 {key}\n" for key in keys.splitlines())
    client.write("/root/known_hosts.scratch", lines)


def options():
    return ["-F", "none", "-p", "3022", "-i", "/root/keys/25880-ed25519",
            "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=yes",
            "-o", "UserKnownHostsFile=/root/known_hosts.scratch",
            "-o", "BatchMode=yes"]


@pytest.mark.timeout(400)
def test_the_readmes_commands_make_a_gateway(
        installed, client, gateway, hosts, readme, wait_for):
    host = installed
    status = host.run(["enscalectl", "status"])
    assert status.returncode == 0, status.stdout
    trust_known_host(client, host)

    def ssh(login, *command):
        return client.run(["ssh", *options(), "-l", login, "--", ADDRESS,
                           *command], check=False)

    # The menu, and a refusal by the policy: all but the nodes' trust is there.
    listed = ssh("25880")
    assert b"cool-waterfall-59" in listed.stdout + listed.stderr
    assert ssh("136553-25880", "id").returncode == 120
    # lastlog is what it was.
    assert host.sh("stat -c %s /var/log/lastlog 2>/dev/null || echo 0"
                   ).stdout.strip() in (b"0", b"1")

    # Section A node: it trusts this gateway's CA beside the one it had.
    node = hosts.node136553
    old = gateway.run(["enscalectl", "ca", "show"]).stdout
    new = host.run(["enscalectl", "ca", "show"]).stdout
    setup, reload_, show = commands(readme, "### A node")
    setup = (setup.replace("124718", "136553")
             .replace("cool-waterfall-59", "crimson-dust-8")
             .replace("enscale-node", f"{SOURCE}/node/enscale-node"))
    assert reload_ == "systemctl reload ssh"
    try:
        node.write("/root/ca.pub", old + new)
        node.sh(f"cd /root; {setup}")
        node.kill("ssh", 1)
        wait_for(lambda: client.run(
            ["ssh", *[o.replace("25880-ed", "21296-ed") for o in options()],
             "-l", "136553-21296", "--", ADDRESS, "id -un"],
            check=False).stdout == b"apache\n", "the node opens", 10)
        shown = node.sh(show.replace("enscale-node",
                                     f"{SOURCE}/node/enscale-node")).stdout
        assert b"enscaleNodeId: 136553" in shown
        assert b"enscaleHostKey: ssh-ed25519 " in shown
    finally:
        node.write("/root/ca.pub", old)
        node.sh(f"cd /root; {setup}")
        node.kill("ssh", 1)
