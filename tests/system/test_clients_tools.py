"""Programs that bring a protocol of their own over ssh: git, Subversion,
Ansible."""

import json

import pytest

from clients import (HERE, HOST, LOGIN, PORT, TARGET, THERE, digest,
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
    register: ping
  - copy:
      src: {HERE}/random
      dest: work/
      mode: "0640"
    register: copy
  - command: sha256sum work/random
    register: command
  - delegate_to: localhost
    copy:
      content: "{{{{ [ping, copy, command] | to_json }}}}"
      dest: {HERE}/results
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
    result = client.run(["ansible-playbook", "/root/ansible/playbook"],
                        env=ansible, check=False)
    ping, copy, command = json.loads(client.read(f"{HERE}/results"))
    assert ping["ping"] == "pong"
    assert copy["changed"]
    assert command["stdout"].split()[0] == place
    listed = hosts.node124718.sh(f"stat -c '%U %a' {THERE}/random")
    assert listed.stdout == b"apache 640\n"

    assert result.returncode == 2
    for part in (b'"rc": 7', b'"stdout": "out"', b'"stderr": "err"'):
        assert part in result.stdout
