"""How the gateway's sshd is started: what differs between versions of OpenSSH
is found out, and an sshd that would let in otherwise is refused, in words."""

import re
import signal

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


def in_block(setting, criteria="Address 192.0.2.0/24"):
    """A sed script: one more Match block."""
    return f"$ a\\\nMatch {criteria}\n$ a\\\n{setting}"


def last_line(gateway):
    return gateway.read(CONFIG).count(b"\n")


@pytest.mark.parametrize("setting, option, must", [
    ("ForceCommand /bin/sh", "forcecommand", "none"),
    ("AuthorizedKeysCommand /usr/bin/cat /etc/keys", "authorizedkeyscommand",
     "/usr/libexec/enscale/enscale-keys %u %f"),
    ("TrustedUserCAKeys /etc/ssh/ca.pub", "trustedusercakeys", "none"),
    ("  allowtcpforwarding = \"all\"", "allowtcpforwarding", "local"),
    ("ChallengeResponseAuthentication yes", "kbdinteractiveauthentication", "no"),
    ("AuthenticationMethods hostbased", "authenticationmethods", "publickey"),
    ("PermitUserRC yes", "permituserrc", "no"),
])
def test_a_match_block_that_sets_what_is_relied_on_is_refused_in_words(
        gateway, changed, setting, option, must):
    changed(CONFIG, in_block(setting))
    result = check(gateway)
    assert result.returncode == EX_CONFIG
    assert re.fullmatch(
        rf'enscale-sshd-start: in the Match block at line {last_line(gateway) - 1} of '
        rf'{CONFIG}, {option} must be "{re.escape(must)}", not "[^"]+": otherwise .*\n',
        result.stderr.decode())


@pytest.mark.parametrize("criteria", [
    "User *,!4444", "Address 198.18.0.10", "Host *.example", "LocalPort 3022", "all"])
def test_whom_a_match_block_is_for_does_not_matter(gateway, changed, criteria):
    changed(CONFIG, in_block("AuthorizedKeysFile .ssh/authorized_keys", criteria))
    result = check(gateway)
    assert result.returncode == EX_CONFIG
    assert b"authorizedkeysfile must be" in result.stderr


def test_every_match_block_is_looked_at(gateway, changed):
    changed(CONFIG, in_block("MaxSessions 20"))
    changed(CONFIG, in_block("PermitTunnel yes", "User 7777").replace("Match", "=\"match\" "))
    changed(CONFIG, in_block("ClientAliveInterval 60"))
    result = check(gateway)
    assert result.returncode == EX_CONFIG
    assert f"the Match block at line {last_line(gateway) - 3} of".encode() in result.stderr
    assert b"permittunnel must be" in result.stderr


@pytest.mark.parametrize("word", [
    'Ma"tch"', '"match" ', '"Match"', '="Match"', '= MATCH', '""Match', '"" Match'])
def test_a_match_block_is_one_however_its_word_is_written(gateway, changed, word):
    script = in_block("PermitTunnel yes", "User 7777")
    changed(CONFIG, script.replace("Match ", word if word.endswith('"') else f"{word} "))
    result = check(gateway)
    assert result.returncode == EX_CONFIG
    assert f"the Match block at line {last_line(gateway) - 1} of".encode() in result.stderr
    assert b"permittunnel must be" in result.stderr


def test_match_blocks_that_leave_alone_what_is_relied_on_are_taken(gateway, changed):
    changed(CONFIG, in_block("MaxSessions 20"))
    changed(CONFIG, in_block("ClientAliveInterval 60\\\nPasswordAuthentication no",
                             "User 4444 Address 198.18.0.0/15 LocalPort 3022"))
    result = check(gateway)
    assert (result.returncode, result.stderr) == (0, b"")


def test_a_match_block_that_names_another_pam_service_is_refused(gateway, changed):
    changed(CONFIG, in_block("PAMServiceName sshd"))
    result = check(gateway)
    assert result.returncode == EX_CONFIG
    assert (b"take out PAMServiceName" if knows_service(gateway)
            else b"Bad configuration option: PAMServiceName") in result.stderr


def test_a_file_that_includes_others_is_refused(gateway, changed):
    changed(CONFIG, "1 i\\\n  include /etc/enscale/sshd_config.d/*.conf")
    result = check(gateway)
    assert result.returncode == EX_CONFIG
    assert f"line 1 of {CONFIG} includes other files".encode() in result.stderr


@pytest.mark.parametrize("line, effect", [
    ("Subsystem files internal-sftp -R", "this host's disk"),
    ("AcceptEnv *", "what programs here are loaded with"),
    ("AcceptEnv LD_*", "what programs here are loaded with"),
])
def test_what_must_not_be_there_is_refused_in_words(gateway, changed, line, effect):
    changed(CONFIG, f"s|^Subsystem sftp .*|&\\n{line}|")
    result = check(gateway)
    assert result.returncode == EX_CONFIG
    said = result.stderr.decode()
    assert f'in {CONFIG}, take out "{line[0].lower()}' in said and effect in said


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


ACCOUNT = r"^account\s+\[.*\]\s+.*pam_enscale.so"
SESSION = r"^session\s+\[.*\]\s+.*pam_enscale.so"


@pytest.mark.parametrize("script, word", [
    (f"s/{ACCOUNT}/account optional pam_enscale.so/", "its refusal must be final"),
    (f"s/{ACCOUNT}/account sufficient pam_enscale.so/", "its refusal must be final"),
    (f"s/{ACCOUNT}/account [success=done] pam_enscale.so/", "its refusal must be final"),
    (f"s/{ACCOUNT}/account [success=done ignore=ignore default=die] pam_enscale.so/",
     "its refusal must be final"),
    (f"s/{SESSION}/SESSION Optional pam_enscale.so/", "its refusal must be final"),
    (f"s/{SESSION}/session [default=ignore] pam_enscale.so/",
     "its refusal must be final"),
    (f"s/{ACCOUNT}/-&/", "remove the -"),
    (f"s/{SESSION}/-&/", "remove the -"),
    (f"s/{ACCOUNT}/account sufficient pam_localuser.so\\n&/",
     '"sufficient pam_localuser.so" could let in before pam_enscale.so is asked'),
    (f"s/{ACCOUNT}/account [success=1 default=ignore] pam_access.so\\n&/",
     "could let in before pam_enscale.so is asked"),
    (f"s/{ACCOUNT}/account \\\\\\n  [success=done default=ignore] pam_access.so\\n&/",
     "could let in before pam_enscale.so is asked"),
    (f"s/{ACCOUNT}/account include common-account\\n&/",
     "could let in before pam_enscale.so is asked"),
    (f"s/{SESSION}/session substack common-session\\n&/",
     "could let in before pam_enscale.so is asked"),
    (f"s/{ACCOUNT}/@include common-account\\n&/", "what is included could let in"),
    (f"s/{ACCOUNT}/account required pam_access.so \\\\  \\n&/", "take out the backslash"),
    (f"s/{ACCOUNT}/account required pam_access.so a\\\\#b\\n&/", "take out the backslash"),
    (f"s/{ACCOUNT}/account [success=done default=die] pam_permit.so pam_enscale.so/",
     "could let in before pam_enscale.so is asked"),
])
def test_a_pam_service_in_which_pam_enscale_has_not_the_last_word_is_refused(
        gateway, changed, script, word):
    changed(STACK, script)
    result = check(gateway)
    assert result.returncode == EX_CONFIG
    said = result.stderr.decode()
    assert word in said and re.match(rf"enscale-sshd-start: {STACK}, line \d+: ", said)


@pytest.mark.parametrize("script", [
    f"s/{ACCOUNT}/account required pam_access.so\\n&/",
    f"s/{ACCOUNT}/account [success=ok default=bad] pam_access.so # ours\\n&/",
    f"s/{ACCOUNT}/Account  [default=die success=ok]\\\\\\n\\tpam_enscale.so/",
    f"s/{SESSION}/&\\n@include common-session/",
    f"s/{SESSION}/session optional pam_exec.so pam_enscale.so\\n&/",
])
def test_a_pam_service_with_modules_of_a_sites_own_is_taken(gateway, changed, script):
    changed(STACK, script)
    result = check(gateway)
    assert (result.returncode, result.stderr) == (0, b"")


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


def test_a_reload_after_an_update_of_openssh_asks_for_a_restart(gateway, wait_for):
    sleeper = gateway.popen(["sleep", "60"])
    try:
        # In its place, an sshd that an earlier version's command line started.
        wait_for(lambda: gateway.sh("pgrep -nx sleep || :").stdout, "it sleeps")
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


def test_failed_logins_lock_out_nobody_behind_the_same_address(client):
    for _ in range(6):
        assert client.ssh("25880", "whoami", key="21296-ed25519").returncode == 255
    assert client.ssh("25880", "whoami").returncode == 0


@pytest.fixture
def reloaded(gateway, changed, client, wait_for):
    """reloaded(sed script): of the configuration, for sshd as it runs."""
    def restart():
        listened = gateway.log().count("Server listening on")
        gateway.kill("enscale-sshd", signal.SIGHUP)
        wait_for(lambda: gateway.log().count("Server listening on") > listened, "sshd is back")
        wait_for(lambda: gateway.sh("ss -Hltn4 'sport = :3022'").stdout, "and listens")

    def reload(script):
        changed(CONFIG, script)
        restart()

    before = gateway.read(CONFIG)
    yield reload
    gateway.write(CONFIG, before)
    restart()


def test_users_whom_a_site_refuses_lock_out_nobody_behind_the_same_address(
        gateway, client, reloaded):
    if not knows_service(gateway):  # nor RefuseConnection
        return
    reloaded(in_block("RefuseConnection yes", "User 21296"))
    assert check(gateway).returncode == 0
    for _ in range(4):
        assert client.ssh("21296", "whoami").returncode == 255
    assert client.ssh("25880", "whoami").returncode == 0


def test_what_is_refused_is_not_started(scratch_host):
    scratch_host.install()
    result = scratch_host.run([START], check=False)
    assert result.returncode == EX_CONFIG
    assert scratch_host.sh("ss -Hltn 'sport = :3022'").stdout == b""
