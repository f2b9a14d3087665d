"""contrib/container: the steps of each Containerfile, on a host that nobody has
prepared, make what the container's command starts. There is no network to load
an image from; what apt-get would install has to be in the layer.
"""

import contextlib
import json
import re
import shlex

import pytest

import catalogue
import hosts as test_hosts
import installing
from conftest import FOLDER

SOURCE = "/usr/src/enscale"
APT_GET = """#!/bin/sh
# Whether it is there.
[ "$1" = install ] || exit 0
shift
for word; do case $word in -*) ;; *) dpkg -s "$word" >/dev/null || exit 1 ;; esac; done
"""


def instructions(path):
    """Of a Containerfile, as pairs: the word, and what it is told."""
    with open(f"{SOURCE}/{path}") as file:
        lines = [line for line in file.read().splitlines() if not line.startswith("#")]
    text = "\n".join(lines).replace("\\\n", " ")
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]


def perform(host, path):
    """All of a Containerfile; its stages share the host. Returns its command."""
    host.write("/usr/local/sbin/apt-get", APT_GET, 0o755)
    command = None
    for word, told in instructions(path):
        if word == "RUN":
            host.sh(told, timeout=900)
        elif word == "COPY":
            *options, source, target = told.split()
            if options == []:
                copy(host, f"{SOURCE}/{source}", target)
            else:
                assert options == ["--from=build"]
                host.sh(f"cp -a {source}. {target}")
        elif word == "CMD":
            command = json.loads(told)
        else:
            assert word in ("ARG", "FROM", "EXPOSE", "VOLUME"), word
    host.sh("rm /usr/local/sbin/apt-get")
    return command


def copy(host, source, target):
    """As COPY does: of a folder what is in it, of a file the file."""
    if source == f"{SOURCE}/.":
        host.sh(f"mkdir -p {target}; cd {SOURCE};"
                f"tar -c --exclude=./.demo --exclude=./.git . | tar -x -C {target}")
    else:
        host.sh(f"if [ -d {source} ]; then mkdir -p {target}; cp -r {source}/. {target};"
                f"else cp {source} {target}; fi")


@contextlib.contextmanager
def another_host(name, last):
    plan = catalogue.Plan(name, "", {"public": f"198.18.0.{last}",
                                     "private": f"198.19.0.{last}"})
    host = test_hosts.launch(plan, FOLDER)
    try:
        yield host
    finally:
        host.end()


def test_each_containerfile_copies_only_what_is_there():
    for kind in ("gateway", "node"):
        for word, told in instructions(f"contrib/container/Containerfile.{kind}"):
            if word == "COPY" and "--from" not in told:
                with contextlib.suppress(IsADirectoryError), open(f"{SOURCE}/{told.split()[0]}"):
                    pass


def test_the_containers_command_makes_a_host_a_node(hosts, client, gateway):
    """It takes the place of node 124718 for a moment, in all but its address."""
    with another_host("container", 24) as host:
        start = perform(host, "contrib/container/Containerfile.node")
        host.write("/run/ca.pub", gateway.run(["enscalectl", "ca", "show"]).stdout)
        host.start("node", "--port", "22", "--", "env", "NODE=124718",
                   "ENVIRONMENT=cool-waterfall-59", *start)
        entry = host.run(["enscale-node", "show", "--suffix", "dc=enscale,dc=example"]).stdout
        assert b"enscaleNodeId: 124718" in entry and b"enscaleHostKey: ssh-ed25519 " in entry
        checked = host.run(["enscale-node", "check"], check=False)
        assert checked.returncode == 0, checked.stdout


@pytest.mark.full
@pytest.mark.timeout(1200)
def test_the_containers_command_makes_a_host_a_gateway(hosts, wait_for):
    with another_host("container", 24) as host:
        start = perform(host, "contrib/container/Containerfile.gateway")
        installation = installing.Installation(host, hosts)
        installation.set_up()
        daemons = host.start("gateway", "--port", "3022", "--", *start)
        wait_for(lambda: host.run(["enscalectl", "status"], check=False).returncode == 0,
                 "enscalectl status is content", seconds=60)
        menu = installation.pexpect_ssh("25880")
        menu.expect_exact("cool-waterfall-59")
        menu.sendline("0")
        menu.wait()
        # One daemon's end is the end of all.
        host.sh("pkill -x enscale-guard")
        wait_for(lambda: host.run(["pgrep", "-f", "gateway-start"], check=False).returncode != 0,
                 "the container has ended")
        assert host.run(["pgrep", "-x", "enscale-sync"], check=False).returncode != 0
