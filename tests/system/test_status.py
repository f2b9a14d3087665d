"""enscalectl status says of each thing that a login needs when it is not there:
what was well an hour ago is looked at now."""

import pytest

LOGIN = "124718-25880"
PAM = "/etc/pam.d/enscale-sshd"
SSHD = "/usr/libexec/enscale/enscale-sshd"


def status(gateway):
    result = gateway.run(["enscalectl", "status"], check=False)
    return result.returncode, result.stdout.decode()


@pytest.fixture
def broken(gateway):
    """broken(script): until the end of the test; kept(path) is put back."""
    undo = []

    def kept(path):
        gateway.sh(f"cp -a {path} {path}.kept")
        undo.append(f"mv -fT {path}.kept {path}")

    def do(script, *paths, back=":"):
        undo.append(back)
        for path in paths:
            kept(path)
        gateway.sh(script)

    yield do
    for script in reversed(undo):
        gateway.sh(script)
    code, said = status(gateway)
    assert code == 0, said


def test_status_is_content_when_nothing_is_in_the_way(gateway):
    code, said = status(gateway)
    assert code == 0, said
    assert "logins      nothing prevents them\n" in said


VIEW, MAP = "/var/lib/enscale/view", "/var/lib/enscale/map/accounts.map"


@pytest.mark.parametrize("script, paths, back, finding", [
    ("sed -i '/^passwd/s/enscale//' /etc/nsswitch.conf", ["/etc/nsswitch.conf"], ":",
     'name service: "enscale" is missing in the line "passwd:" of /etc/nsswitch.conf'),
    (f"rm {PAM}", [PAM], ":", f'PAM: "{PAM}": No such file or directory'),
    (f"sed -i '/pam_enscale/d' {PAM}", [PAM], ":",
     f'PAM: no line "account" of "{PAM}" has pam_enscale.so'),
    ("mv $MODULE $MODULE.gone", [], "mv $MODULE.gone $MODULE",
     "pam_enscale.so: cannot open shared object file: No such file or directory"),
    (f"chmod 700 {VIEW}", [], f"chmod 750 {VIEW}",
     f'view: user "enscale-keys" cannot read "{VIEW}": no published view can be read'),
    (f"mv {MAP} {MAP}.gone", [], f"mv {MAP}.gone {MAP}",
     f"account map: {MAP}: No such file or directory"),
    ("sed -i '/^enscale-keys:/d' /etc/passwd", ["/etc/passwd"], ":",
     'key helper: there is no user "enscale-keys"'),
    ("chmod 777 /usr/libexec/enscale", [], "chmod 755 /usr/libexec/enscale",
     "can be changed by others than root: sshd refuses to run it"),
    ("chmod 644 /usr/bin/enscale-shell", [], "chmod 755 /usr/bin/enscale-shell",
     'login shell: "/usr/bin/enscale-shell": Permission denied'),
    ("echo closed >/etc/nologin", [], "rm /etc/nologin",
     'nologin: "/etc/nologin" exists and keeps everybody out'),
    ("hostctl stop enscale-sshd", [], "hostctl start enscale-sshd",
     "sshd: no process of root's listens on port 3022"),
], ids="""nsswitch pam-file pam-line pam-module view map helpers-user helper shell nologin
    sshd""".split())  # fmt: skip
def test_status_names_what_keeps_everybody_out(
    gateway, client, broken, script, paths, back, finding
):
    module = "MODULE=$(dirname /usr/lib/*/security/pam_unix.so)/pam_enscale.so; "
    broken(module + script, *paths, back=module + back)
    code, said = status(gateway)
    assert code == 1, said
    assert finding in said
    remedy = said.split(finding)[1].splitlines()[1]
    assert remedy.startswith(" " * 12) and remedy.strip()
    result = client.ssh(LOGIN, "id -un")
    assert result.returncode not in (0, 1)
    assert result.stdout == b""


def test_status_names_what_sshd_would_not_start_with(gateway, client, broken):
    broken("echo 'Prot 3022' >>/etc/enscale/sshd_config", "/etc/enscale/sshd_config")
    code, said = status(gateway)
    assert code == 1, said
    assert "Bad configuration option: Prot" in said
    assert client.ssh(LOGIN, "id -un").stdout == b"apache\n"  # the one that runs


@pytest.mark.parametrize("script, finding", [
    ("sed -i '$ a Match Address 192.0.2.0/24\\nForceCommand /bin/sh' /etc/enscale/sshd_config",
     "sshd's configuration: in the Match block at line "),
    (f"sed -Ei 's/^account.*pam_enscale/account optional pam_enscale/' {PAM}",
     f"sshd's configuration: {PAM}, line "),
], ids=["match", "pam"])
def test_status_names_what_would_let_in_otherwise(gateway, broken, script, finding):
    broken(script, "/etc/enscale/sshd_config", PAM)
    code, said = status(gateway)
    assert code == 1, said
    assert finding in said


def test_a_match_block_of_a_sites_own_is_nothing_unwell(gateway, broken):
    broken("sed -i '$ a Match LocalPort 3022 User 4444\\nMaxSessions 20'"
           " /etc/enscale/sshd_config", "/etc/enscale/sshd_config")
    code, said = status(gateway)
    assert code == 0, said


@pytest.mark.parametrize("login, words", [(LOGIN, ["true"]), ("25880", ["nodes"])])
def test_a_login_that_pam_was_not_asked_about_is_the_gateways_trouble(
    gateway, client, broken, login, words
):
    """Without its own file PAM takes that of "other", which lets everybody in."""
    broken(f"rm {PAM}", PAM)
    result = client.ssh(login, *words)
    assert result.returncode == 122
    assert result.stdout == b""
    assert b"it let you in without a record of this session" in result.stderr
    uid = 1879048192 + 25880
    assert f"sshd let uid {uid} in without pam_enscale" in gateway.log("enscale-guard")


ACCOUNTS_UID = 1879048192 + 21296


@pytest.mark.parametrize("file, line, findings", [
    ("passwd", "21296:x:4444:100::/:/bin/sh", [
        '/etc/passwd has a user "21296", uid 4444, with the name of an account',
        'user "21296" is "21296", uid 4444, gid 100, home "/", shell "/bin/sh"; '
        'the service "files" answers first']),
    ("passwd", "1-21296:x:4444:100::/:/bin/sh", [
        '/etc/passwd has a user "1-21296", uid 4444, with the name of an account',
        'user "1-21296" is "1-21296", uid 4444']),
    ("passwd", f"walter:x:{ACCOUNTS_UID}:100::/:/bin/sh", [
        '/etc/passwd has a user "walter" with the uid of account 21296',
        f'uid {ACCOUNTS_UID} is "walter"']),
    ("group", "operators:x:4444:root,124718-21296", [
        '/etc/group has account "124718-21296" in the group "operators"']),
], ids="name name-with-node uid group".split())  # fmt: skip
def test_status_names_who_has_the_name_or_uid_of_an_account(
    gateway, broken, file, line, findings
):
    broken(f"echo '{line}' | cat - /etc/{file}.kept >/etc/{file}", f"/etc/{file}")
    code, said = status(gateway)
    assert code == 1, said
    for finding in findings:
        assert finding in said, said


def test_lookup_says_who_has_the_name(gateway, broken):
    broken("echo 40404:x:4444:100::/:/bin/sh | cat - /etc/passwd.kept >/etc/passwd", "/etc/passwd")
    said = gateway.run(["enscalectl", "lookup", "40404"]).stdout.decode()
    assert 'nss         another user, so PAM refuses the name: user "40404" is' in said
    assert "uid 4444" in said


def test_a_local_number_that_is_no_account_is_in_nobodys_way(gateway, broken):
    broken("echo 21297:x:4444:100::/:/bin/sh >>/etc/passwd", "/etc/passwd")
    assert status(gateway)[0] == 0


def test_status_says_of_a_key_that_the_guard_can_change_what_to_do(gateway, broken):
    broken("chown enscale-guard:enscale /etc/enscale/ca/ca", "/etc/enscale/ca/ca")
    code, said = status(gateway)
    assert code == 0, said
    assert 'CA key: user "enscale-guard" can change "/etc/enscale/ca/ca"' in said
    assert "chown root:enscale-ca" in said


@pytest.fixture
def nscd(gateway, broken):
    """nscd itself, with Debian's configuration."""
    broken("mkdir -p /run/nscd; echo >>/etc/nscd.conf", "/etc/nscd.conf",
           back="hostctl stop nscd")
    yield lambda: gateway.start("nscd", "--socket", "/run/nscd/socket", "--", "nscd", "-F")


def test_status_names_an_nscd_that_caches_users(gateway, client, nscd):
    nscd()
    assert [client.ssh(LOGIN, "id -un").returncode for _ in range(2)] != [0, 0]
    code, said = status(gateway)
    assert code == 1, said
    assert "nscd: it caches passwd: it may give" in said
    assert "set enable-cache passwd no" in said
    gateway.sh("sed -Ei 's/^(\\s*enable-cache\\s+passwd\\s+)yes/\\1no/' /etc/nscd.conf;"
               "hostctl stop nscd")
    nscd()
    assert "nscd" not in status(gateway)[1]
    assert client.ssh(LOGIN, "id -un").stdout == b"apache\n"


def test_who_is_not_root_is_told_that_he_cannot_look(gateway):
    argv = ["setpriv", "--reuid=enscale-keys", "--regid=enscale", "--clear-groups"]
    result = gateway.run([*argv, "enscalectl", "status"], check=False)
    assert result.returncode == 2
    assert b"logins      only root can look at what they need\n" in result.stdout
