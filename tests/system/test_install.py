"""INSTALL: its commands, on a host of Debian's that nobody has prepared, make a
gateway that people log in to. Here all of them from the build on, and the start
without systemd; test_systemd.py, which is faster, begins with what make install
installs."""

import re

import pytest

import installing


@pytest.fixture
def installation(scratch_host, hosts, wait_for):
    installation = installing.Installation(scratch_host, hosts)
    installation.build()
    installation.set_up()
    for step in installation.foreground_steps:
        daemon = re.search(r"/libexec/enscale/(enscale-\w+)", step)
        if not daemon:
            scratch_host.sh(step)
            continue
        more = ["--port", "3022"] if daemon[1] == "enscale-sshd" else []
        scratch_host.start(daemon[1], *more, "--", "sh", "-c", f"exec {step}")
    wait_for(
        lambda: scratch_host.run(["enscalectl", "status"], check=False).returncode == 0,
        "enscalectl status is content",
    )
    return installation


@pytest.mark.full
@pytest.mark.timeout(1200)
def test_the_commands_of_install_make_a_gateway(installation, hosts):
    # The menu, and a refusal by the policy: all but the nodes' trust is there.
    menu = installation.pexpect_ssh("25880")
    menu.expect_exact("cool-waterfall-59")
    menu.sendline("0")
    menu.wait()
    assert installation.ssh("136553-25880", "id").returncode == 120
    # lastlog is what it was.
    size = installation.host.sh("stat -c %s /var/log/lastlog").stdout
    assert size in (b"0\n", b"1\n")

    with installation.trusted_by(hosts.node136553) as entry:
        assert installation.ssh("136553-21296", "id -un").stdout == b"apache\n"
        assert b"enscaleNodeId: 136553" in entry
        assert b"enscaleHostKey: ssh-ed25519 " in entry

    install_again(installation.host)
    uninstall(installation.host)


def install_again(host):
    """Over what runs, with the umask of a careful administrator."""
    before = host.read("/etc/enscale/enscale.conf")
    said = host.sh("cd /root/enscale; umask 077; make install", timeout=300)
    assert b"kept /etc/enscale/enscale.conf: it differs from" in said.stdout
    assert b"kept /etc/enscale/sshd_config" not in said.stdout
    assert host.read("/etc/enscale/enscale.conf") == before
    folders = host.sh("stat -c %a /etc/enscale /usr/libexec/enscale").stdout
    assert folders == b"755\n755\n"


def uninstall(host):
    """All goes but for what the administrator changed or made."""
    host.sh("cd /root/enscale; make uninstall", timeout=300)
    found = host.sh("find /etc /usr -xdev -name '*enscale*' ! -path '/usr/src/*'")
    assert set(found.stdout.decode().split()) == {
        "/etc/enscale", "/etc/enscale/enscale.conf"}
