"""How the gateway's sshd is started: what differs between versions of OpenSSH
is found out, and an sshd that would let in otherwise is refused, in words."""

import re

import pytest

pytestmark = pytest.mark.both

START = "/usr/libexec/enscale/enscale-sshd-start"
CONFIG = "/etc/enscale/sshd_config"
STACK = "/etc/pam.d/enscale-sshd"
EX_CONFIG = 78


@pytest.fixture
def changed(gateway):
    """changed(PATH, sed script): of a file that is put back afterwards."""
    kept = {}

    def change(path, script):
        kept.setdefault(path, gateway.read(path))
        gateway.run(["sed", "-Ei", script, path])

    yield change
    for path, text in kept.items():
        gateway.write(path, text)


def check(gateway, **env):
    return gateway.run([START, "check"], check=False, env=env)


def sshd_of(gateway):
    return gateway.pid_of("enscale-sshd")


def knows_service(gateway):
    """OpenSSH 9.8 and later."""
    return gateway.run(["/usr/sbin/sshd", "-T", "-f", CONFIG, "-o",
                        "PAMServiceName=x"], check=False).returncode == 0


def test_what_is_shipped_is_as_it_has_to_be(gateway):
    result = check(gateway)
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")


def test_the_service_of_pam_is_named_where_sshd_takes_the_name(gateway):
    # One text: sshd shows it as its title.
    line = gateway.read(f"/proc/{sshd_of(gateway)}/cmdline").decode().replace("\0", " ")
    assert ("-o PAMServiceName=enscale-sshd " in line) == knows_service(gateway)
    assert "/usr/libexec/enscale/enscale-sshd " in line


def test_pam_enscale_judges_a_login(gateway, client):
    before = gateway.log().count("account allowed: account=25880")
    assert client.ssh("25880", "whoami").returncode == 0
    assert gateway.log().count("account allowed: account=25880") == before + 1


@pytest.mark.parametrize("option, value, must", [
    ("UsePAM", "no", "yes"),
    ("FingerprintHash", "md5", "SHA256"),
    ("AuthorizedKeysCommandUser", "nobody", "enscale-keys"),
    ("AuthorizedKeysFile", ".ssh/authorized_keys", "none"),
    ("AllowTcpForwarding", "yes", "local"),
    ("PermitListen", "any", "none"),
    ("PermitUserEnvironment", "yes", "no"),
    ("UseDNS", "yes", "no"),
])
def test_a_setting_that_the_gateway_relies_on_is_refused_in_words(
        gateway, changed, option, value, must):
    changed(CONFIG, f"s|^{option} .*|{option} {value}|")
    result = check(gateway)
    assert result.returncode == EX_CONFIG
    said = result.stderr.decode()
    assert re.fullmatch(rf'enscale-sshd-start: in {CONFIG}, {option.lower()} must be '
                        rf'"{must}", not "[^"]+": otherwise .*\n', said)


def test_a_file_that_sshd_does_not_take_is_refused_with_sshds_words(gateway, changed):
    changed(CONFIG, "$ a NoSuchOption yes")
    result = check(gateway)
    assert result.returncode == EX_CONFIG
    assert b"Bad configuration option: NoSuchOption" in result.stderr


@pytest.mark.parametrize("script, kind", [
    ("/^account.*pam_enscale/d", "account"), ("/^session.*pam_enscale/d", "session")])
def test_a_pam_service_that_judges_nobody_is_refused(gateway, changed, script, kind):
    changed(STACK, script)
    result = check(gateway)
    assert result.returncode == EX_CONFIG
    assert f"{STACK} has no {kind} line with pam_enscale.so".encode() in result.stderr


def test_a_missing_pam_service_is_refused(gateway, changed):
    changed(STACK, "")
    gateway.run(["rm", STACK])
    result = check(gateway)
    assert result.returncode == EX_CONFIG
    assert b"nobody is judged" in result.stderr


def test_a_missing_user_of_the_helper_is_refused(gateway, changed):
    changed("/etc/passwd", "/^enscale-keys:/d")
    result = check(gateway)
    assert result.returncode == EX_CONFIG
    assert b"enscale-keys" in result.stderr


def test_a_reload_after_an_update_of_openssh_asks_for_a_restart(gateway):
    sleeper = gateway.popen(["sleep", "60"])
    try:
        # In its place, an sshd that an earlier version's command line started.
        pid = gateway.run(["pgrep", "-nx", "sleep"]).stdout.decode().strip()
        result = check(gateway, MAINPID=pid)
    finally:
        sleeper.kill()
        sleeper.wait()
    if knows_service(gateway):
        assert result.returncode == EX_CONFIG
        assert b"OpenSSH was updated since sshd was started: restart it" in result.stderr
    else:
        assert result.returncode == 0
    assert check(gateway, MAINPID=str(sshd_of(gateway))).returncode == 0


def test_what_is_refused_is_not_started(scratch_host):
    scratch_host.install()
    result = scratch_host.run([START], check=False)
    assert result.returncode == EX_CONFIG
    assert scratch_host.sh("ss -Hltn 'sport = :3022'").stdout == b""
