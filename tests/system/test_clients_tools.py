"""Programs that bring a protocol of their own over ssh: git, Subversion,
Ansible."""

import json
import shlex

import pytest

from clients import (HERE, HOST, KEY, LOGIN, PORT, TARGET, THERE, digest,
                     nothing_left, place)

pytestmark = pytest.mark.usefixtures("nothing_left")

AUTHOR = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@enscale.example",
          "GIT_COMMITTER_NAME": "c", "GIT_COMMITTER_EMAIL": "c@enscale.example",
          "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "init.defaultBranch",
          "GIT_CONFIG_VALUE_0": "main"}


def on_node(client, command):
    """As the service's user, whose the repositories are."""
    return client.ssh(LOGIN, command, check=True).stdout


# --- git

@pytest.fixture
def git(client):
    def run(*arguments, **more):
        return client.run(["git", *arguments], env=AUTHOR, **more)
    return run


def test_git_clones_pushes_and_fetches(client, place, git):
    url = f"ssh://{TARGET}:{PORT}{THERE}/site.git"
    on_node(client, "git init -q --bare -b main work/site.git")
    first, second = f"{HERE}/first", f"{HERE}/second"

    git("clone", "-q", url, first)
    client.sh(f"cp {HERE}/random {first}; cd {first}; echo one >index.html")
    git("-C", first, "add", ".")
    git("-C", first, "commit", "-q", "-m", "one")
    git("-C", first, "push", "-q", "origin", "HEAD:main")

    git("clone", "-q", f"{TARGET}:work/site.git", second)
    assert digest(client, f"{second}/random") == place
    client.sh(f"echo two >{second}/index.html")
    git("-C", second, "commit", "-q", "-a", "-m", "two")
    git("-C", second, "tag", "v2")
    git("-C", second, "push", "-q", "--tags", "origin", "HEAD:main", "HEAD:other")

    git("-C", first, "fetch", "-q", "--tags")
    git("-C", first, "merge", "-q", "--ff-only", "origin/main")
    assert client.read(f"{first}/index.html") == b"two\n"
    heads = [git("-C", first, "rev-parse", name).stdout
             for name in ("HEAD", "v2", "origin/other")]
    heads.append(on_node(client, "git -C work/site.git rev-parse main"))
    assert len(set(heads)) == 1
    git("-C", second, "fsck", "--strict")


def test_git_speaks_its_protocol_of_version_2(client, place):
    on_node(client, "git init -q --bare -b main work/site.git")
    said = client.run(["git", "-c", "protocol.version=2", "ls-remote",
                       f"ssh://{TARGET}:{PORT}{THERE}/site.git"],
                      env=AUTHOR | {"GIT_TRACE_PACKET": "1"})
    assert b"ls-remote< version 2" in said.stderr


def test_git_tells_what_the_nodes_hook_says(client, place, git):
    on_node(client, "git init -q --bare -b main work/site.git; "
            "cd work/site.git/hooks; printf '%s\n' '#!/bin/sh' 'echo not today' "
            "'exit 1' >pre-receive; chmod 755 pre-receive")
    git("init", "-q", f"{HERE}/first")
    git("-C", f"{HERE}/first", "commit", "-q", "--allow-empty", "-m", "one")
    result = git("-C", f"{HERE}/first", "push", f"{TARGET}:work/site.git", "main",
                 check=False)
    assert result.returncode == 1
    assert b"remote: not today" in result.stderr


def test_git_of_what_the_node_has_not_ends_with_128(client, place, git):
    result = git("clone", f"{TARGET}:work/none.git", f"{HERE}/none", check=False)
    assert result.returncode == 128
    assert b"does not appear to be a git repository" in result.stderr


@pytest.fixture
def forge(hosts):
    """A git server that is not ours and takes the account's key: the name of
    its repository, and what its host key is."""
    outside = hosts.outside
    key = hosts.client.read(f"{KEY}.pub")
    outside.sh("useradd -m -s /bin/bash forge")
    outside.write("/home/forge/.ssh/authorized_keys", key)
    outside.sh("su - forge -c 'git init -q --bare -b main site.git'")
    host_key = outside.read("/etc/ssh/ssh_host_ed25519_key.pub").decode()
    yield "forge@outside:site.git", f"outside {host_key}"
    outside.sh("userdel -r forge 2>/dev/null")


def test_git_on_the_node_pushes_with_the_users_own_agent(client, hosts, place, forge):
    url, known = forge
    hosts.node124718.write(f"{THERE}/known_hosts", known)
    client.run(["scp", "-q", f"{HERE}/random", f"{TARGET}:work/random"])
    on_node(client, "cd work; git init -q -b main; git add random; git "
            "-c user.name=a -c user.email=a@enscale.example commit -q -m one")
    push = ("cd work; export GIT_SSH_COMMAND='ssh -o BatchMode=yes "
            f"-o UserKnownHostsFile={THERE}/known_hosts'; git push -q {url} main")
    script = f"ssh-add -q {KEY}; exec ssh {{}} {TARGET} {shlex.quote(push)}"
    agent = ["ssh-agent", "sh", "-c"]

    result = client.run([*agent, script.format("-a")], check=False)
    assert result.returncode == 128
    assert b"Permission denied" in result.stderr
    client.run([*agent, script.format("-A")])
    shown = hosts.outside.sh(
        "su - forge -c 'git -C site.git show main:random' | sha256sum")
    assert shown.stdout.split()[0] == place.encode()


# --- Subversion

def test_subversion_checks_out_and_commits(client, place):
    on_node(client, "svnadmin create work/svn")
    url = f"svn+ssh://{TARGET}{THERE}/svn"
    svn = ["svn", "--non-interactive", "-q"]
    client.run([*svn, "checkout", url, f"{HERE}/first"])
    client.sh(f"cp {HERE}/random {HERE}/first")
    client.run([*svn, "add", f"{HERE}/first/random"])
    client.run([*svn, "commit", "-m", "one", f"{HERE}/first"])
    client.run([*svn, "checkout", url, f"{HERE}/second"])
    assert digest(client, f"{HERE}/second/random") == place
    assert on_node(client, "svnlook cat work/svn random | sha256sum").split()[0] \
        == place.encode()
    result = client.run([*svn, "checkout", f"{url}/none", f"{HERE}/none"], check=False)
    assert result.returncode == 1
    assert b"doesn't exist" in result.stderr


# --- Ansible

INVENTORY = f"""\
node ansible_host={HOST} ansible_port={PORT} ansible_user={LOGIN}

[all:vars]
ansible_python_interpreter=/usr/bin/python3
"""

PLAYBOOK = f"""\
- hosts: node
  gather_facts: false
  tasks:
  - ping:
  - copy:
      src: {HERE}/random
      dest: work/
      mode: "0640"
  - command: sha256sum work/random
  - command: sh -c 'echo out; echo err >&2; exit 7'
"""


@pytest.fixture
def ansible(client):
    """An environment for it. It keeps its connection open for the next time;
    that is closed afterwards."""
    folder = "/root/ansible"
    client.sh(f"rm -rf {folder}; mkdir -m 700 {folder}")
    client.put({f"{folder}/inventory": INVENTORY, f"{folder}/playbook": PLAYBOOK})
    yield {"ANSIBLE_HOME": folder, "ANSIBLE_LOCAL_TEMP": f"{folder}/local",
           "ANSIBLE_INVENTORY": f"{folder}/inventory",
           "ANSIBLE_SSH_CONTROL_PATH_DIR": f"{folder}/control"}
    client.sh(f"for socket in {folder}/control/*; do [ ! -S $socket ] || "
              f"ssh -O exit -o ControlPath=$socket {TARGET}; done")


def test_ansible_pings_copies_and_runs_commands(client, hosts, place, ansible):
    result = client.run(["ansible-playbook", "-v", "/root/ansible/playbook"],
                        env=ansible, check=False)
    assert result.returncode == 2
    said = [line.partition(" => ")[2] for line in result.stdout.decode().splitlines()]
    ping, copy, command, failing = [json.loads(part) for part in said if part]
    assert ping["ping"] == "pong"
    assert copy["changed"]
    assert command["stdout"].split()[0] == place
    assert (failing["stdout"], failing["stderr"], failing["rc"]) == ("out", "err", 7)
    assert digest(hosts.node124718, f"{THERE}/random") == place
    listed = hosts.node124718.sh(f"stat -c '%U %a' {THERE}/random")
    assert listed.stdout == b"apache 640\n"
