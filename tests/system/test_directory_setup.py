"""enscale-directory setup where systemd runs a slapd as Debian's package leaves
it: one command, and all is as it was when that does not come about."""

import pytest

from entries import SUFFIX

pytestmark = pytest.mark.both

SETUP = f"enscale-directory setup --suffix {SUFFIX}"
PASSWORD = "/etc/ldap/enscale-gateway.password"
BIND = f"-x -H ldapi:/// -D cn=gateway,{SUFFIX} -y /run/bare"
# slapd does not start with our schema.
REFUSAL = """[Service]
ExecStartPre=/bin/sh -c '! ls /etc/ldap/slapd.d/cn=config/cn=schema | grep enscale'
"""


@pytest.fixture(scope="module")
def host(systemd_host):
    """With slapd in a state that Debian's package has made."""
    systemd_host.install()
    systemd_host.sh(
        "rm /usr/sbin/policy-rc.d;"
        "echo slapd slapd/no_configuration boolean false | debconf-set-selections;"
        "dpkg-reconfigure -f noninteractive slapd; systemctl start slapd", timeout=120)
    return systemd_host


def state(host):
    return host.sh("cat /etc/default/slapd; slapcat -n0; slapcat; systemctl is-active slapd").stdout


def test_when_slapd_does_not_start_it_goes_on_as_it_was(host):
    before = state(host)
    host.write("/etc/systemd/system/slapd.service.d/refusal.conf", REFUSAL)
    host.sh("systemctl daemon-reload")
    result = host.sh(SETUP, check=False)
    assert result.returncode == 1, result
    assert b"slapd does not start: journalctl -u slapd says why" in result.stderr
    assert b"/etc/ldap/slapd.d is as it was" in result.stdout
    assert state(host) == before
    host.sh("rm -r /etc/systemd/system/slapd.service.d; systemctl daemon-reload")


def test_one_command_makes_a_fresh_slapd_the_directory(host):
    said = host.sh(SETUP).stdout.decode()
    assert "stopping slapd, which has no entries of anybody's" in said
    assert (f"enscalectl setup --uri ldapi:/// --base {SUFFIX} --bind-dn cn=gateway,{SUFFIX}"
            f" --password-file {PASSWORD} --ca new\n") in said
    assert host.sh(f"stat -c '%U %a' {PASSWORD}").stdout == b"root 600\n"
    host.sh(f"umask 077; tr -d '\\n' <{PASSWORD} >/run/bare")
    assert host.sh(f"ldapsearch -LLL {BIND} -s base -b {SUFFIX} 1.1").returncode == 0
    assert host.sh("systemctl is-active slapd").stdout == b"active\n"


def test_and_again_changes_nothing(host):
    before, password = state(host), host.read(PASSWORD)
    assert b"is as it should be" in host.sh(SETUP).stdout
    assert (state(host), host.read(PASSWORD)) == (before, password)


def test_a_password_that_was_lost_here_is_not_changed_there(host):
    before = state(host)
    host.sh(f"rm {PASSWORD}; {SETUP}; test ! -e {PASSWORD}")
    assert state(host) == before


def test_a_directory_of_ours_that_runs_is_not_stopped(host):
    host.write("/root/keyd", b"another\n", 0o600)
    before = state(host)
    result = host.sh(f"{SETUP} --keyd-password-file /root/keyd", check=False)
    assert result.returncode == 1
    assert b"Stop it and run this again" in result.stderr
    assert state(host) == before
    host.sh(f"systemctl stop slapd; {SETUP} --keyd-password-file /root/keyd")
    assert host.sh("systemctl is-active slapd").stdout == b"active\n"
    found = host.sh(f"ldapsearch -Q -Y EXTERNAL -H ldapi:/// -LLL -b {SUFFIX} cn=keyd 1.1")
    assert f"dn: cn=keyd,{SUFFIX}".encode() in found.stdout
