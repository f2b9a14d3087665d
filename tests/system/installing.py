"""INSTALL, followed word for word on a host, and the gateway that comes of it:
another one of the demo's directory and nodes, with keys of its own.
"""

import contextlib
import os
import re
import shlex

SOURCE = "/usr/src/enscale"
SETTINGS = {
    "uri": "ldaps://directory",
    "bind_dn": "cn=gateway,dc=enscale,dc=example",
    "password_file": "/etc/enscale/directory.password",
    "tls_ca": "/etc/enscale/directory-ca.crt",
    "host": "ssh.enscale.com",
}


def indented(text):
    return [line[4:] for line in text.splitlines() if line.startswith("    ")]


def commands(heading):
    """The indented lines of README below a heading, up to the next one."""
    with open(f"{SOURCE}/README") as file:
        section = file.read().split(f"\n{heading}\n", 1)[1]
    return indented(re.split(r"\n##+ ", section, maxsplit=1)[0])


KEYD_SETTINGS = {
    "manage": "yes",
    "keyd_bind_dn": "cn=keyd,dc=enscale,dc=example",
    "keyd_password_file": "/etc/enscale/keyd.password",
}


def edit_configuration(host, settings):
    """What the administrator does in the editor."""
    for key, value in settings.items():
        host.sh(
            f"grep -Eq '^#?{key} = ' /etc/enscale/enscale.conf;"
            f"sed -Ei 's|^#?{key} = .*|{key} = {value}|' /etc/enscale/enscale.conf"
        )


@contextlib.contextmanager
def keys_managed_on(host, directory, systemctl):
    """README, section Users who manage their own keys; afterwards it is as
    it was. systemctl(words) does what that command would."""
    before = host.read("/etc/enscale/enscale.conf")
    password = directory.read("/run/demo/keyd-password")
    host.write("/root/keyd-password", password, 0o600)
    try:
        for step in commands("### Users who manage their own keys"):
            if step.startswith("editor "):
                edit_configuration(host, KEYD_SETTINGS)
            elif step.startswith("systemctl "):
                systemctl(step.split()[1:])
            else:
                host.sh(step.replace(" FILE ", " /root/keyd-password "))
        yield
    finally:
        systemctl(["disable", "--now", "enscale-keyd"])
        host.write("/etc/enscale/enscale.conf", before)
        host.sh("rm -f /etc/enscale/keyd.password /root/keyd-password")
        systemctl(["restart", "enscale-guard"])


class Installation:
    def __init__(self, host, hosts):
        self.host, self.hosts = host, hosts
        self.address = host.plan.addresses["public"]
        with open(f"{SOURCE}/INSTALL") as file:
            steps = indented(file.read())
        install = next(i for i, s in enumerate(steps) if s.startswith("make install"))
        start = next(i for i, s in enumerate(steps) if s.startswith("systemctl enable"))
        status = next(i for i, s in enumerate(steps) if s.startswith("enscalectl status"))
        self.build_steps = steps[: install + 1]
        self.setup_steps = steps[install + 1 : start]
        self.systemd_steps = steps[start : status + 1]
        self.foreground_steps = steps[status + 1 :]

    def build(self):
        """In a copy of the sources, as a clone has them."""
        self.host.sh(f"cp -r {SOURCE} /root/enscale")
        for step in self.build_steps:
            words = shlex.split(step)
            if words[0] == "apt-get":  # they are in the layer
                self.host.run(["dpkg", "-s", *words[2:]])
            else:
                self.host.sh(
                    f"cd /root/enscale; {step}",
                    env={"MAKEFLAGS": f"-j{os.cpu_count()}"},
                    timeout=900,
                )

    def set_up(self):
        """From what make install installs to what can be started."""
        theirs = self.hosts.gateway
        password = theirs.read("/etc/enscale/directory.password")
        self.host.write("/root/password", password, 0o600)
        authority = "/etc/enscale/directory-ca.crt"
        self.host.write(authority, theirs.read(authority))
        for step in self.setup_steps:
            if step.startswith("editor "):
                edit_configuration(self.host, SETTINGS)
            else:
                step = step.replace("PASSWORD-FILE", "/root/password")
                self.host.sh(f"cd /root; {step}")
        self.introduce()

    # -- the people who use it

    @property
    def known_hosts(self):
        return f"/root/known_hosts.{self.host.name}"

    def introduce(self):
        """The client knows its host keys."""
        keys = self.host.sh("cat /etc/enscale/ssh_host_*_key.pub").stdout.decode()
        lines = "".join(f"[{self.address}]:3022 {key}\n" for key in keys.splitlines())
        self.hosts.client.write(self.known_hosts, lines)

    def options(self, login):
        account = login.split("-")[-1]
        argv = ["-F", "none", "-p", "3022", "-i", f"/root/keys/{account}-ed25519"]
        for option in (
            "IdentitiesOnly=yes",
            "StrictHostKeyChecking=yes",
            f"UserKnownHostsFile={self.known_hosts}",
        ):
            argv += ["-o", option]
        return [*argv, "-l", login]

    def ssh(self, login, *command, check=False, **more):
        argv = ["ssh", "-o", "BatchMode=yes", *self.options(login), "--", self.address]
        return self.hosts.client.run([*argv, *command], check=check, **more)

    def config(self, login):
        """A configuration of ssh in which "gateway" is that login there, for
        what runs ssh itself."""
        account = login.split("-")[-1]
        path = f"/root/config.{self.host.name}.{login}"
        self.hosts.client.write(path, f"""\
Host gateway
    HostName {self.address}
    Port 3022
    User {login}
    IdentityFile /root/keys/{account}-ed25519
    IdentitiesOnly yes
    BatchMode yes
    StrictHostKeyChecking yes
    UserKnownHostsFile {self.known_hosts}
""")
        return path

    def pexpect_ssh(self, login, *command):
        """The same at a terminal."""
        argv = ["ssh", *self.options(login), "--", self.address, *command]
        return self.hosts.client.spawn(argv)

    @property
    def gateways(self):
        """The addresses that they come from."""
        return [address for host in (self.hosts.gateway, self.host)
                for address in host.plan.addresses.values()]

    @contextlib.contextmanager
    def trusted_by(self, node):
        """README, section A node: it takes this gateway's CA beside the one
        it had, and what ldapadd is to be given is yielded."""
        show_ca = ["enscalectl", "ca", "show"]
        old = self.hosts.gateway.run(show_ca).stdout
        new = self.host.run(show_ca).stdout
        _, setup, show = commands("### A node")
        program = f"{SOURCE}/node/enscale-node"
        setup = (
            setup.replace("124718", node.plan.settings["NODE"])
            .replace("cool-waterfall-59", node.plan.settings["ENVIRONMENT"])
            .replace("apache", node.plan.settings["SERVICE"])
            .replace("node/enscale-node", program)
            .replace("10.10.129.1", ",".join(self.gateways))
        )

        def trust(*keys):
            node.write("/root/ca.pub", b"".join(keys))
            node.sh(f"cd /root; {setup}")

        try:
            trust(old, new)
            yield node.sh(show.replace("node/enscale-node", program)).stdout
        finally:
            trust(old)
