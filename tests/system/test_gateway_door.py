"""The door itself: what the shipped sshd_config and PAM service let in, before
any program of ours is asked."""

import subprocess

import pytest

pytestmark = pytest.mark.both

KEY = "/root/keys/25880-ed25519"


@pytest.fixture
def locals_with_keys(hosts):
    """root and a local user of the gateway, each with a key where the system's
    sshd would look for it."""
    key = hosts.client.read(f"{KEY}.pub")
    gateway = hosts.gateway
    gateway.sh("id localuser >/dev/null 2>&1 || useradd -m -s /bin/bash localuser")
    for name, home in ("root", "/root"), ("localuser", "/home/localuser"):
        gateway.sh(f"install -d -m 700 -o {name} {home}/.ssh")
        gateway.write(f"{home}/.ssh/authorized_keys", key)
    yield gateway
    gateway.sh("rm /root/.ssh/authorized_keys; userdel -r localuser 2>/dev/null")


@pytest.mark.parametrize("name", ["root", "localuser", "enscale-guard", "sshd"])
def test_who_is_not_an_account_is_refused_although_he_has_a_key(
    locals_with_keys, client, name
):
    result = client.ssh(name, "id", key=KEY)
    assert result.returncode == 255
    assert result.stdout == b""
    assert b"Permission denied (publickey)." in result.stderr


@pytest.mark.parametrize("name", ["root", "localuser", "sshd"])
def test_pam_alone_refuses_who_is_not_an_account(locals_with_keys, name):
    for operation in ("authenticate", "acct_mgmt", "open_session"):
        argv = ["pamtester", "enscale-sshd", name, operation]
        result = locals_with_keys.run(argv, check=False)
        assert result.returncode != 0, operation
        assert b"success" not in result.stdout


def test_nothing_but_a_public_key_is_offered(client):
    options = ["-o", "PreferredAuthentications=none"]
    result = client.ssh("25880", "id", options=options)
    assert b"Permission denied (publickey)." in result.stderr


def test_the_boundary_is_spelled_out(gateway):
    """Options of which another value would open something."""
    said = gateway.sh(
        "/usr/libexec/enscale/enscale-sshd -T -f /etc/enscale/sshd_config"
    ).stdout.decode()
    for line in """
        permitrootlogin no
        authorizedkeysfile none
        trustedusercakeys none
        authorizedprincipalsfile none
        authorizedprincipalscommand none
        authenticationmethods publickey
        passwordauthentication no
        kbdinteractiveauthentication no
        hostbasedauthentication no
        gssapiauthentication no
        kerberosauthentication no
        permitemptypasswords no
        fingerprinthash SHA256
        usepam yes
        allowtcpforwarding local
        allowstreamlocalforwarding no
        permitlisten none
        permitopen any
        gatewayports no
        permittunnel no
        x11forwarding no
        permituserenvironment no
        permituserrc no
        acceptenv LANG
        acceptenv LC_*
        acceptenv NO_COLOR
        usedns no
        printlastlog no
        unusedconnectiontimeout 120
        authorizedkeyscommand /usr/libexec/enscale/enscale-keys %u %f
        authorizedkeyscommanduser enscale-keys
        subsystem sftp /usr/libexec/enscale/sftp
    """.strip().splitlines():
        assert line.strip() in said.splitlines()


def test_every_option_of_the_boundary_stands_in_the_file(gateway):
    """The default of today may be another tomorrow."""
    text = gateway.read("/etc/enscale/sshd_config").decode()
    named = {line.split()[0].lower() for line in text.splitlines() if line[:1].isalpha()}
    assert "include" not in named and "match" not in named
    said = gateway.sh("/usr/sbin/sshd -T -f /etc/enscale/sshd_config").stdout.decode()
    options = {line.split()[0] for line in said.splitlines()}
    boundary = {
        option
        for option in options
        if option.startswith(("allow", "permit", "authorized", "auth"))
        or option.endswith(("authentication", "forwarding", "ports"))
    }
    boundary.discard("authorizedprincipalscommanduser")  # there is no command
    assert boundary - named == set()


def test_who_may_read_the_registry_cannot_keep_logins_out(gateway, client):
    holder = gateway.popen(
        ["setpriv", "--reuid=enscale-keys", "--regid=enscale", "--clear-groups",
         "flock", "/run/enscale/sessions", "sh", "-c", "echo held; read end"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert holder.stdout.readline() == b"held\n"
        assert client.ssh("124718-25880", "exit 7").returncode == 7
    finally:
        holder.communicate()
    mode = gateway.sh("stat -c '%a %U' /run/enscale/sessions.lock").stdout
    assert mode == b"600 root\n"


def test_the_modes_of_the_gateways_folders_are_as_the_design_has_them(gateway):
    script = "cd /; stat -c '%a %U:%G %n' run/enscale/* var/lib/enscale/* " \
        "var/lib/enscale/empty/.ssh var/lib/enscale/empty/.ssh/agent var/log/enscale var/log/enscale/*"
    found = set(gateway.sh(script).stdout.decode().splitlines())
    for line in """
        750 enscale-guard:enscale run/enscale/sessions
        755 enscale-guard:enscale run/enscale/guard
        755 enscale-sync:enscale run/enscale/metrics
        700 enscale-sync:enscale run/enscale/sync
        755 enscale-sync:enscale var/lib/enscale/map
        750 enscale-sync:enscale var/lib/enscale/view
        700 enscale-sync:enscale var/lib/enscale/state
        700 enscale-guard:enscale var/lib/enscale/guard
        755 root:root var/lib/enscale/empty
        755 root:root var/lib/enscale/empty/.ssh
        1733 root:root var/lib/enscale/empty/.ssh/agent
        2750 enscale-guard:adm var/log/enscale
        640 enscale-guard:adm var/log/enscale/audit.log
    """.strip().splitlines():
        assert line.strip() in found


def test_no_folder_that_root_reads_from_is_writable_for_a_group(gateway):
    find = "find /etc/enscale /usr/libexec/enscale /run/enscale /var/lib/enscale"
    # Where sshd makes the sockets of agents, as the user: nothing reads there.
    agents = "/var/lib/enscale/empty/.ssh/agent"
    assert gateway.sh(f"{find} -type d -perm /022 -not -path {agents}").stdout == b""
    assert gateway.sh(f"find {agents}").stdout.decode().split() == [agents]


@pytest.fixture
def passwd_line(gateway):
    """Puts lines in front of /etc/passwd, as an administrator might; and into
    /etc/group."""
    before = {path: gateway.read(path) for path in ("/etc/passwd", "/etc/group")}
    yield lambda line, path="/etc/passwd": gateway.write(
        path, line.encode() + b"\n" + before[path]
    )
    for path, text in before.items():
        gateway.write(path, text)


@pytest.mark.parametrize("name", ["25880", "124718-25880"])
def test_a_local_user_whose_name_is_a_number_gets_no_shell(
    passwd_line, gateway, client, name
):
    passwd_line(f"{name}:x:4444:100::/tmp:/bin/bash")
    result = client.ssh(name, "id")
    assert result.returncode == 255
    assert result.stdout == b""
    assert f"it takes {name} for another user".encode() in result.stderr
    cause = rf'user "{name}" is "{name}", uid 4444, gid 100, home "/tmp", shell "/bin/bash"'
    assert cause in gateway.log()


def test_a_local_group_with_an_account_in_it_gives_him_nothing(
    passwd_line, gateway, client
):
    passwd_line("operators:x:4444:25880", "/etc/group")
    result = client.ssh("25880", "nodes")
    assert result.returncode == 255
    assert 'user "25880" is a member of group 4444' in gateway.log()


def test_a_local_user_with_the_uid_of_an_account_keeps_him_out(
    passwd_line, gateway, client
):
    passwd_line(f"walter:x:{1879048192 + 25880}:100::/tmp:/bin/bash")
    result = client.ssh("124718-25880", "id")
    assert result.returncode == 255
    assert 'is "walter", uid 1879074072' in gateway.log()
