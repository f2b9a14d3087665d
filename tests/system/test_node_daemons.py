"""Debian's own daemons on nodes, restarted and fed through the gateway by the
users that they run as."""

import hashlib
import random

import catalogue
import entries
import hosts as test_hosts
import pexpect
import pytest
from conftest import FOLDER
from test_node_service import HOSTILE, MARK, marked, plant

NODE = "/usr/src/enscale/node/enscale-node"
DATABASE = "124719-25880"


def restart(client, login, service):
    result = client.ssh(login, f"sudo service {service} restart", timeout=60)
    assert result.returncode == 0, result


def test_apache2_is_restarted_by_its_user(client, hosts):
    pids = set()
    try:
        for _ in range(2):
            restart(client, "124718-25880", "apache2")
            pids.add(hosts.node124718.read("/run/apache2/apache2.pid"))
            users = client.ssh("124718-25880", "ps -o user= -C apache2").stdout.split()
            assert users.count(b"apache") >= 1
        assert len(pids) == 2
    finally:
        client.ssh("124718-25880", "sudo service apache2 stop")


@pytest.fixture
def nginx_node(hosts, directory, administrator, wait_for):
    """A node that is made for this, and made known as setup and show say."""
    plan = catalogue.node(227028, "cool-waterfall-59", "nginx", "198.19.0.28")
    node = test_hosts.launch(plan, FOLDER)
    dn = entries.node_dn(227028, "cool-waterfall-59")
    try:
        node.sh(
            "useradd --system --user-group --home /var/www --shell /bin/bash nginx;"
            "sed -i 's/www-data/nginx/' /etc/nginx/nginx.conf; mkdir -p /run/sshd;"
            "ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key"
        )
        node.write("/root/ca.pub", hosts.gateway.run(["enscalectl", "ca", "show"]).stdout)
        node.sh(
            f"{NODE} setup --node 227028 --environment cool-waterfall-59"
            " --service nginx --ca /root/ca.pub"
        )
        node.start("sshd", "--port", "22", "--", "/usr/sbin/sshd", "-D", "-e")
        shown = node.sh(f"{NODE} show --suffix dc=enscale,dc=example").stdout
        directory.run(["ldapadd", "-Q", "-Y", "EXTERNAL", "-H", "ldapi:///"], shown)
        wait_for(
            lambda: hosts.gateway.run(
                ["enscalectl", "explain", "227028-25880"], check=False
            ).returncode == 0,
            "the node has arrived",
        )
        yield node
    finally:
        administrator.delete(dn)
        node.end()


def test_nginx_is_restarted_by_its_user_on_a_node_from_setup_and_show(client, nginx_node):
    pids = set()
    for _ in range(2):
        restart(client, "227028-25880", "nginx")
        pids.add(nginx_node.read("/run/nginx.pid"))
    assert len(pids) == 2
    assert client.ssh("227028-25880", "sudo nginx -t").returncode == 0
    users = client.ssh("227028-25880", "ps -o user= -C nginx").stdout.split()
    assert b"nginx" in users


@pytest.fixture
def database(client):
    restart(client, DATABASE, "mariadb")
    yield
    client.ssh(DATABASE, "mysql -e 'drop database if exists shop; drop database if exists copy'")
    client.ssh(DATABASE, "sudo service mariadb stop", timeout=60)


def test_a_database_goes_through_the_gateway_as_a_dump_and_back(client, database):
    blobs = [random.Random(i).randbytes(100_000) for i in range(40)]
    rows = ",".join(f"({i},0x{blob.hex()})" for i, blob in enumerate(blobs))
    script = (
        "create database shop; create database copy; use shop;"
        "set global max_allowed_packet=67108864;"
        "create table pictures (id int primary key, data longblob);"
    )
    result = client.ssh(DATABASE, "mysql", input=script.encode())
    assert (result.returncode, result.stderr) == (0, b"")
    script = f"insert into pictures values {rows};"
    client.ssh(DATABASE, "mysql shop", input=script.encode(), check=True, timeout=100)

    dump = client.ssh(DATABASE, "mysqldump shop", check=True, timeout=100).stdout
    assert len(dump) > 4_000_000
    client.ssh(DATABASE, "mysql copy", input=dump, check=True, timeout=100)

    question = "select id, sha2(data, 256) from copy.pictures order by id"
    said = client.ssh(DATABASE, f"mysql -N -e '{question}'", check=True).stdout.decode()
    assert said.split() == [
        word
        for i, blob in enumerate(blobs)
        for word in (str(i), hashlib.sha256(blob).hexdigest())
    ]
    failed = client.ssh(DATABASE, "mysqldump nonesuch")
    assert failed.returncode == 2


def test_mariadb_is_restarted_as_its_user(client, hosts, database):
    before = hosts.node124719.read("/run/mysqld/mysqld.pid").strip()
    restart(client, DATABASE, "mariadb")
    now = hosts.node124719.read("/run/mysqld/mysqld.pid").strip()
    assert now != before
    daemons = client.ssh(DATABASE, "ps -o user=,pid= -C mariadbd", check=True).stdout
    assert daemons.split() == [b"mysql", now]


# ---- under systemd

AS_WWW = ["setpriv", "--reuid=www", "--regid=www", "--clear-groups"]


@pytest.fixture(scope="module")
def systemd_node(systemd_host):
    """A node of apache2 as Debian ships it, and a folder of its user's with
    programs that leave a mark where only root can."""
    host = systemd_host
    host.sh(
        "useradd -m -s /bin/bash www; ssh-keygen -A; cd /root;"
        "ssh-keygen -q -t ed25519 -N '' -f ca; mkdir -p /run/sshd; systemctl start apache2"
    )
    host.sh(
        f"{NODE} setup --node 124718 --environment cool-waterfall-59 --service apache"
        " --user www --ca /root/ca.pub"
    )
    plant(host, "www")
    return host


def in_surroundings(variables, *command):
    """As www, and for www alone: what starts it has others."""
    words = ["=".join(item) for item in variables.items()]
    return [*AS_WWW, "env", *words, "/usr/bin/sudo", *command]


@pytest.mark.parametrize("surroundings", [{}, HOSTILE], ids=["none", "hostile"])
def test_no_pager_of_roots_comes_up_under_systemd(systemd_node, surroundings):
    host = systemd_node
    for command in ("service apache2 status", "systemctl --no-pager status apache2"):
        words = in_surroundings(surroundings | {"TERM": "xterm"}, *command.split())
        argv = host.command(words)
        terminal = pexpect.spawn(argv[0], argv[1:], dimensions=(4, 80), timeout=20)
        terminal.sendline(f"!touch {MARK}")
        terminal.sendline("q")
        terminal.expect(pexpect.EOF)
        assert b"Loaded:" in terminal.before
        assert not marked(host)


def invocation(host):
    """Another one after each start. Its pid file apache2 writes some time after
    systemd has seen it start."""
    return host.sh("systemctl is-active apache2; systemctl show -p InvocationID apache2").stdout


def test_what_is_permitted_under_systemd_does_its_work_in_hostile_surroundings(systemd_node):
    host = systemd_node
    before = invocation(host)
    for command in (
        "systemctl restart apache2",
        "systemctl --no-pager restart apache2",
        "service apache2 restart",
        "/etc/init.d/apache2 restart",
    ):
        host.run(in_surroundings(HOSTILE, "-n", *command.split()))
        now = invocation(host)
        assert now != before, command
        before = now
    assert not marked(host)


def test_every_action_but_status_is_one_of_systemctls_too(systemd_node):
    host = systemd_node
    listed = host.run([*AS_WWW, "sudo", "-n", "-l"]).stdout.decode()
    for systemctl in ("systemctl", "systemctl --no-pager"):
        for action, runs in [
            ("stop", False), ("start", True), ("reload", True), ("restart", True)
        ]:
            assert f"NOPASSWD: /usr/bin/{systemctl} {action} apache2\n" in listed
            host.run([*AS_WWW, "sudo", "-n", *systemctl.split(), action, "apache2"])
            active = host.sh("systemctl is-active apache2", check=False).stdout
            assert (active == b"active\n") == runs
    # A pager of root's would be a shell of root's.
    for line in listed.splitlines():
        if "systemctl" in line and " status " in line:
            assert "systemctl --no-pager status apache2" in line
            assert "NOEXEC:" in line
