"""What contrib/ has for many nodes: the Ansible role and cloud-init's user-data,
each run on a host that was none."""

import os
import re

import pytest
import yaml

import entries
import new_host

CONTRIB = "/usr/src/enscale/contrib"
USER_DATA = os.path.join(os.path.dirname(__file__), "../../contrib/cloud-init/node.yaml")
ENVIRONMENT = "cool-waterfall-59"
SUFFIX = entries.SUFFIX
OURS = ("/usr/local/sbin /usr/local/share/enscale /etc/enscale-node /etc/ssh/sshd_config.d"
        " /etc/sudoers.d /etc/hostname")

INVENTORY = f"""\
[nodes]
{new_host.ADDRESS} enscale_node_id=130001 enscale_node_environment={ENVIRONMENT} \
enscale_node_service=apache enscale_node_address={new_host.ADDRESS}

[nodes:vars]
ansible_python_interpreter=/usr/bin/python3
ansible_ssh_private_key_file={new_host.FOLDER}/key
ansible_ssh_common_args="-o UserKnownHostsFile={new_host.FOLDER}/known -o ControlMaster=no"
"""


@pytest.fixture
def host(scratch_host, gateway):
    new_host.prepare(scratch_host, gateway)
    yield scratch_host
    new_host.forget(gateway)


@pytest.fixture
def enters(client, gateway, administrator, wait_for):
    """enters(LDIF): what id -un says on the node behind that entry, which is
    taken away again."""
    return lambda ldif: enter(client, gateway, administrator, wait_for, ldif)


def enter(client, gateway, administrator, wait_for, ldif):
    administrator._run("ldapadd", ldif=ldif)
    lookup = ["enscalectl", "lookup", "130001-25880"]
    try:
        wait_for(lambda: not gateway.run(lookup, check=False).returncode, "the node's entry")
        result = client.ssh("130001-25880", "id -un")
        assert result.returncode == 0, result.stderr
        return result.stdout
    finally:
        administrator.delete(entries.node_dn(130001, ENVIRONMENT))


def play(gateway, *arguments):
    folder = new_host.FOLDER
    said = gateway.run(
        ["ansible-playbook", "-i", f"{folder}/inventory", f"{folder}/ansible/nodes.yml",
         *arguments],
        env={"ANSIBLE_HOME": folder, "ANSIBLE_LOCAL_TEMP": f"{folder}/local"}, timeout=300,
    ).stdout.decode()
    return {word: int(count) for word, count in re.findall(r"(\w+)=(\d+)", said)}


@pytest.mark.full
@pytest.mark.timeout(900)
def test_the_ansible_role_makes_a_node_and_then_changes_nothing(
        host, gateway, enters):
    folder = new_host.FOLDER
    gateway.sh(f"cp -r {CONTRIB}/ansible {folder}; enscalectl ca show >{folder}/ansible/ca.pub;"
               f" sed -i s/10.10.129.1/198.19.0.1/ {folder}/ansible/nodes.yml")
    gateway.write(f"{folder}/inventory", INVENTORY)
    before = host.sh(f"find {OURS} -type f | sort; hostname", check=False).stdout
    assert play(gateway, "--check")["failed"] == 0
    assert host.sh(f"find {OURS} -type f | sort; hostname", check=False).stdout == before

    first = play(gateway)
    assert first["failed"] == 0 and first["changed"] >= 4
    host.sh("/usr/local/sbin/enscale-node check; touch /tmp/then; sleep 0.01")
    assert host.sh("grep -h . /etc/enscale-node/node.conf").stdout.decode().splitlines()[:3] == [
        "node=130001", f"environment={ENVIRONMENT}", "user=apache"]
    ldif = gateway.read(f"{folder}/ansible/node130001.ldif").decode()
    assert enters(ldif) == b"apache\n"

    again = play(gateway)
    assert (again["failed"], again["changed"]) == (0, 0)
    assert host.sh(f"find {OURS} -type f -newer /tmp/then").stdout == b""
    host.sh("echo >>/etc/ssh/sshd_config.d/enscale.conf")
    assert play(gateway, "--check")["changed"] == 1
    assert play(gateway)["changed"] == 1


def user_data(gateway):
    with open(USER_DATA) as file:
        text = file.read()
    ca = gateway.run(["enscalectl", "ca", "show"]).stdout.decode().splitlines()[0]
    for old, new in ((r"ssh-ed25519 \S+ enscale-ca", ca), ("124718", "130001"),
                     ("10.10.129.1", "198.19.0.1")):
        text, count = re.subn(old, new, text)
        assert count
    return yaml.safe_load(text)


def test_the_commands_of_the_user_data_make_a_node(scratch_host, gateway, enters):
    """Its packages are those of other tests: here their files are copied."""
    data = user_data(gateway)
    assert "enscale-node" in data["packages"]
    scratch_host.sh(
        "id www-data || useradd --system www-data; ssh-keygen -A; mkdir -p /run/sshd;"
        "cd /usr/src/enscale/node; install -D -t /usr/share/enscale/node *.sh services;"
        "install enscale-node /usr/sbin")
    scratch_host.put({file["path"]: file["content"] for file in data["write_files"]})
    for command in data["runcmd"]:
        said = scratch_host.run(command).stdout.decode()
    scratch_host.start("sshd", "--port", "22", "--", "/usr/sbin/sshd", "-D", "-e")
    scratch_host.run(["enscale-node", "check"])
    # its first address is the public one, which these gateways do not go to
    assert enters(said.replace("198.18.0.20", new_host.ADDRESS)) == b"www-data\n"


@pytest.mark.services
def test_cloud_init_finds_nothing_wrong_in_the_user_data(scratch_host):
    said = scratch_host.run(["cloud-init", "schema", "--config-file",
                             f"{CONTRIB}/cloud-init/node.yaml"], check=False)
    assert said.returncode == 0, said.stderr
    assert b"Valid" in said.stdout + said.stderr
