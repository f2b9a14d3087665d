"""README, On a real gateway, word for word, as somebody does who has never seen
this: a fresh Debian with a slapd and two nodes, at a terminal, from the packages
to the first login. It may take ten minutes and twelve commands."""

import glob
import os
import re
import time

import pexpect
import pytest

import catalogue
import hosts as test_hosts
from conftest import FOLDER

pytestmark = [pytest.mark.packaging, pytest.mark.full, pytest.mark.timeout(900)]

COMMANDS, SECONDS = 12, 600
GATEWAY = {"public": "198.18.0.31", "private": "198.19.0.31"}
NODES = {"node124718": ("apache", "/var/www", "198.19.0.32"),
         "node124719": ("mysql", "/var/lib/mysql", "198.19.0.33")}
CLIENT = {"public": "198.18.0.34"}
SECTION = "## On a real gateway"


def commands_of_readme():
    """Those of the section itself, a here-document with the command that reads
    it; the user's are those behind the words about the user's machine."""
    with open("/usr/src/enscale/README") as file:
        section = file.read().split(f"\n{SECTION}\n", 1)[1].split("\n### ", 1)[0]
    ours, users = section.split("from the user's machine:\n")
    return commands_in(ours), commands_in(users)


def commands_in(text):
    found, end = [], None
    for line in text.splitlines():
        if end is None and not line.startswith("    "):
            continue
        if end is None:
            found.append(line[4:])
            heredoc = re.search(r"<<(\w+)$", line)
            end = heredoc[1] if heredoc else None
        else:
            found[-1] += "\n" + line[4:]
            end = None if line[4:] == end else end
    return found


class Newcomer:
    """At a terminal; what is asked there is answered as whoever trusts README
    does."""

    def __init__(self):
        self.count, self.begin = 0, time.monotonic()

    def run(self, host, command, more=()):
        self.count += 1
        argv = host.command(["bash", "-c", f"cd /root\n{command}"], {"TERM": "xterm"})
        terminal = pexpect.spawn(argv[0], argv[1:], encoding="utf-8", timeout=240,
                                 dimensions=(24, 80))
        said = ""
        while True:
            found = terminal.expect([pexpect.EOF, r"\[Y/n\] ?$", r"yes/no.*\? $", *more])
            said += terminal.before + (terminal.after if found else "")
            if found == 0 or found > 2:
                break
            terminal.sendline(["", "y", "yes"][found])
        if found == 0:
            terminal.close()
            assert terminal.exitstatus == 0, f"{command}\n{said}"
        return terminal, said


def launch(name, addresses, launched, systemd=True, hostname=""):
    plan = catalogue.Plan(name, "", addresses, systemd=systemd, hostname=hostname)
    host = test_hosts.launch(plan, FOLDER)
    launched.append(host)
    if systemd:
        host.wait_for_systemd()
        # The layer was made with it; a Debian that somebody installed has none.
        host.run(["rm", "/usr/sbin/policy-rc.d"])
    return host


@pytest.fixture
def hosts_of_a_newcomer():
    """The gateway to be, the nodes, and the user's machine: as Debian's packages
    leave them, and root of the first may log in to the nodes."""
    launched = []
    try:
        gateway = launch("newgateway", GATEWAY, launched)
        nodes = [launch(f"new{name}", {"private": address}, launched, hostname=name)
                 for name, (_, _, address) in NODES.items()]
        client = launch("newclient", CLIENT, launched, systemd=False)
        prepare_gateway(gateway)
        for node, (user, home, _) in zip(nodes, NODES.values()):
            prepare_node(gateway, node, user, home)
        client.sh("install -d -m 700 /root/.ssh; ssh-keygen -q -t ed25519 -N '' -f"
                  " /root/.ssh/id_ed25519; sed -i /ssh.enscale.com/d /etc/hosts;"
                  " echo 198.18.0.31 ssh.enscale.com >>/etc/hosts")
        gateway.write("/root/25880.pub", client.read("/root/.ssh/id_ed25519.pub"))
        yield gateway, client
    finally:
        for host in launched:
            host.end()


def prepare_gateway(gateway):
    for path in glob.glob(f"{test_hosts.STATE}/packages/now/*.deb"):
        with open(path, "rb") as file:
            gateway.write(f"/root/{os.path.basename(path)}", file.read())
    names = "".join(f"{address} {name}\n" for name, (_, _, address) in NODES.items())
    gateway.sh("sed -i /node12471/d /etc/hosts; ssh-keygen -q -t ed25519 -N '' -f"
               " /root/.ssh/id_ed25519")
    gateway.sh("cat >>/etc/hosts", input=names)
    # What apt-get install slapd does, where there is nobody to ask.
    gateway.sh("echo slapd slapd/no_configuration boolean false | debconf-set-selections;"
               "dpkg-reconfigure -f noninteractive slapd; systemctl start slapd", timeout=120)


def prepare_node(gateway, node, user, home):
    node.sh(f"id {user} || useradd --system --user-group {user};"
            f"usermod --home {home} --shell /bin/bash {user};"
            f"install -d -o {user} -g {user} {home}; ssh-keygen -A; systemctl start ssh;"
            "install -d -m 700 /root/.ssh")
    node.write("/root/.ssh/authorized_keys", gateway.read("/root/.ssh/id_ed25519.pub"), 0o600)


def test_the_commands_of_readme_lead_to_a_login(hosts_of_a_newcomer, note):
    gateway, client = hosts_of_a_newcomer
    administrators, users = commands_of_readme()
    newcomer = Newcomer()
    for command in administrators:
        newcomer.run(gateway, command)
    [login] = users
    prompt = r"apache@node124718-cool-waterfall-59 \S+ \$ "
    terminal, _ = newcomer.run(client, login, [prompt])
    seconds = time.monotonic() - newcomer.begin
    terminal.sendline("id -un; exit")
    terminal.expect(r"[\r\n]apache\r\n")
    terminal.expect(pexpect.EOF)
    note(f"a newcomer: {newcomer.count} commands and {seconds:.0f} s of the machine's time")
    assert newcomer.count <= COMMANDS
    assert seconds <= SECONDS
    # The other node is there as well, and the gateway is well.
    assert b"124719" in client.run(["ssh", "-p", "3022", "25880@ssh.enscale.com", "nodes"]).stdout
    assert gateway.run(["enscalectl", "status"]).returncode == 0
