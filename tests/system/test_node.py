"""A node, as enscale-node sets it up: whom its sshd lets in, and what stays
when something is wrong."""

import re

import pytest

NODE = "/usr/src/enscale/node/enscale-node"
IDENTITY = "--node 124718 --environment cool-waterfall-59 --service apache --user www"
SETUP = f"{NODE} setup {IDENTITY} --ca"
OURS = (
    "/etc/enscale-node /etc/ssh/sshd_config.d /etc/hostname /etc/sudoers.d"
    " /etc/profile.d /etc/motd.d"
)
SSH = (
    "ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no -o LogLevel=ERROR"
    " -o UserKnownHostsFile=/dev/null -o IdentityAgent=none -i /root/key"
)


@pytest.fixture
def host(scratch_host):
    """A server with a service's user, two CAs, and sshd's host keys."""
    scratch_host.sh(
        "useradd -m -d /srv/www -s /bin/bash www; ssh-keygen -A; mkdir -p /run/sshd;"
        "cd /root; for key in ca next key; do"
        " ssh-keygen -q -t ed25519 -N '' -f $key; done; cat ca.pub next.pub >both.pub"
    )
    return scratch_host


def start_sshd(host):
    host.start("sshd", "--port", "22", "--", "/usr/sbin/sshd", "-D", "-e")


def enter(host, principal, ca="ca", user="www"):
    """What whoami says behind a certificate for that principal."""
    host.sh(
        f"ssh-keygen -q -s /root/{ca} -I test -n {principal} -V +3m /root/key.pub"
    )
    return host.sh(f"{SSH} {user}@127.0.0.1 whoami", check=False).stdout.decode().strip()


def state(host):
    return host.sh(f"hostname; grep -r '' {OURS} 2>/dev/null | sort").stdout


def test_a_certificate_opens_the_node_that_it_names_as_the_one_user(host):
    host.sh(f"{SETUP} /root/ca.pub")
    start_sshd(host)
    assert enter(host, "node124718") == "www"
    assert enter(host, "node124719") == ""
    assert enter(host, "www") == ""
    assert enter(host, "node124718", user="root") == ""
    assert enter(host, "root", user="root") == ""
    assert enter(host, "node124718", ca="next") == ""


def test_two_cas_are_accepted_while_one_takes_over_from_the_other(host):
    host.sh(f"{SETUP} /root/both.pub")
    start_sshd(host)
    assert enter(host, "node124718") == "www"
    assert enter(host, "node124718", ca="next") == "www"


def test_authorized_keys_go_on_as_before(host):
    host.sh(
        f"{SETUP} /root/ca.pub; install -d -o www -m 700 /srv/www/.ssh;"
        "install -o www -m 600 /root/key.pub /srv/www/.ssh/authorized_keys"
    )
    start_sshd(host)
    assert host.sh(f"{SSH} www@127.0.0.1 whoami").stdout == b"www\n"


def test_setup_names_the_host_after_node_and_environment(host):
    host.sh(f"{SETUP} /root/ca.pub")
    assert host.sh("hostname; cat /etc/hostname").stdout == (
        b"node124718-cool-waterfall-59\n" * 2
    )


def test_setup_run_again_changes_nothing(host):
    host.sh(f"{SETUP} /root/ca.pub")
    host.sh("touch /tmp/then; sleep 0.01")
    assert b"as it should be" in host.sh(f"{SETUP} /root/ca.pub").stderr
    assert host.sh(f"find {OURS} -type f -newer /tmp/then").stdout == b""


def test_another_user_takes_the_place_of_the_one_before(host):
    host.sh(f"{SETUP} /root/ca.pub; useradd -s /bin/sh nginx")
    host.sh(f"{SETUP} /root/ca.pub --user nginx")
    assert host.sh("ls /etc/enscale-node/principals").stdout == b"nginx\n"


def refused(host, *cases):
    """Asks an existing node to become another one, and checks that nothing
    comes of it. A case is the reason, arguments, and a script to run before."""
    then = state(host)
    other = "--node 136553 --environment crimson-dust-8"
    for reason, arguments, *before in cases:
        script = "; ".join([*before, f"{NODE} setup {IDENTITY} {other} {arguments}"])
        result = host.sh(script, check=False)
        assert result.returncode == 1, script
        assert reason in result.stderr.decode()
    assert state(host) == then


def test_what_is_wrong_on_the_command_line_is_said_and_nothing_changes(host):
    host.sh(f"{SETUP} /root/both.pub; : >/root/0; cat /root/*.pub >/root/3")
    host.sh(
        "useradd -o -u 0 -s /bin/sh toor; useradd -r -s /usr/sbin/nologin shut;"
        "usermod -s /bin/sh daemon; usermod -s /bin/sh nobody"
    )
    refused(host, *[
        ("no such file", "--ca /root/none"),
        ("is a private key", "--ca /root/ca"),
        ("not a public key", "--ca /etc/hostname"),
        ("has 0 keys", "--ca /root/0"),
        ("must have one, or two", "--ca /root/3"),
        ("must be a number", "--node 0124718"),
        ("must be a number", "--node 1234567890"),
        ("must be a number", "--node '1\n2'"),
        ("must be lower-case letters", "--environment ../x"),
        ("must be lower-case letters", "--environment -x"),
        ("longer than 63", f"--environment {'x' * 63}"),
        ("there is no user", "--user nobody2"),
        ("has the shell /usr/sbin/nologin", "--user shut"),
        ("root is root", "--user root"),
        ("toor is root", "--user toor"),
        ("daemon is an account of the system", "--user daemon"),
        ("nobody is an account of the system", "--user nobody"),
        ("not the name of a system user", "--user '../x'"),
        ("must be letters", "--service 'x\ny'"),
        ("there is no profile for the service apatche", "--service apatche"),
        ("is missing", "--service nginx --services /root/none"),
        ("must be addresses", "--gateway 'here;there'"),
        ("must be one line of letters", "--support 'x\"'"),
        ("must be one line of letters", "--support '%h'"),
        ("no such file", "--revoked /root/none"),
        ("is a private key", "--revoked /root/ca"),
        ("nobody could log in", "--revoked /root/both.pub"),
    ])


def test_a_configuration_that_sshd_would_not_use_is_taken_back(host):
    host.sh(f"{SETUP} /root/both.pub; cp /etc/ssh/sshd_config /root")
    refused(host, *[
        (reason, "", f"cp /root/sshd_config /etc/ssh; {script}")
        for script, reason in [
            ("sed -i /Include/d /etc/ssh/sshd_config", "sshd does not use"),
            ("echo Nonsense yes >>/etc/ssh/sshd_config", "Nonsense"),
            ("sed -i '1i TrustedUserCAKeys none' /etc/ssh/sshd_config", "sshd does not use"),
        ]
    ])


def listing(folder):
    """Prints every file below it: owner, mode, time, sum."""
    return (
        f"find {folder} ! -type f -printf '%p %y %m %u %g %l\\n';"
        f"find {folder} -type f -printf '%p %m %u %g %T@\\n' -exec cksum {{}} +"
    )


# All that setup could change, and what it works in, but the lock.
EVERYTHING = (
    f"({listing('/etc')}; find /run/enscale-node -mindepth 1 2>/dev/null || :;"
    " ls -I enscale-node /run) | sort; hostname"
)


def test_the_first_setup_that_fails_leaves_nothing(host):
    host.sh("sed -i /Include/d /etc/ssh/sshd_config")
    then = host.sh(EVERYTHING).stdout
    assert host.sh(f"{SETUP} /root/ca.pub", check=False).returncode == 1
    assert host.sh(EVERYTHING).stdout == then


def test_a_step_that_fails_half_way_leaves_nothing(host):
    # Nothing can take the place of a file that is mounted, as in containers.
    host.sh("mount --bind /etc/hostname /etc/hostname")
    then = host.sh(EVERYTHING).stdout
    failed = host.sh(f"{SETUP} /root/ca.pub", check=False)
    assert failed.returncode == 1
    assert failed.stderr.endswith(b"nothing was changed\n")
    assert host.sh(EVERYTHING).stdout == then


FAULTS = """#!/bin/sh
# Fails once: when it was called that often.
case ${0##*/}$* in
mv*.enscale-new* | mkdir*/srv/old/etc/*)
	count=$(($(cat /root/count) + 1))
	echo $count >/root/count
	[ $count != "$FAIL_AT" ] || exit 1
	;;
esac
exec /usr/bin/"${0##*/}" "$@"
"""


def test_whichever_step_fails_every_file_is_as_it_was(host):
    # Another node before, not left as setup had made it.
    image = "--root /srv/old --sshd-version 9.2"
    become = "--node 136553 --environment crimson-dust-8 --support desk --revoked"
    host.write("/root/faults/mv", FAULTS, 0o755)
    host.sh(
        f"cd /root/faults; ln -s mv mkdir; {OLD}; {SETUP} /root/ca.pub {image};"
        "cd /srv/old/etc; chmod 604 sudoers.d/enscale; chown www enscale-node/ca.pub;"
        "rm -r motd.d; mv enscale-node/sudo.env /srv; ln -s /srv/sudo.env enscale-node"
    )
    then = host.sh(listing("/srv/old") + " | sort").stdout
    for step in range(1, 30):
        done = host.sh(
            f"echo 0 >/root/count; FAIL_AT={step} PATH=/root/faults:$PATH"
            f" {NODE} setup {image} {become} /root/next.pub",
            check=False,
        )
        if done.returncode == 0:
            break
        assert b"nothing was changed" in done.stderr, done
        assert host.sh(listing("/srv/old") + " | sort").stdout == then, step
    assert step > 8
    assert host.sh(listing("/srv/old") + " | sort").stdout != then


def test_a_setup_that_nobody_listens_to_is_taken_back_all_the_same(host):
    # Its first word is that sshd does not use the file that it has placed.
    host.sh("sed -i /Include/d /etc/ssh/sshd_config")
    then = host.sh(EVERYTHING).stdout
    host.sh(f"{SETUP} /root/ca.pub --service vps 2>&1 | :")
    assert host.sh(EVERYTHING).stdout == then


LOCK = "/run/enscale-node"


def test_two_at_once_are_one_after_the_other(host):
    second = host.sh(f"mkdir -m 700 {LOCK}; flock {LOCK} {SETUP} /root/ca.pub", check=False)
    assert (second.returncode, second.stderr) == (
        1, b"enscale-node: another enscale-node is running here\n"
    )


def test_the_services_user_cannot_lock_root_out(host):
    host.sh(f"{SETUP} /root/ca.pub")
    as_www = "setpriv --reuid=www --regid=www --clear-groups"
    for folder in (LOCK, "/run"):
        held = host.sh(f"{as_www} flock -n {folder} true", check=False)
        assert (held.returncode == 0) == (folder == "/run")
    host.sh(f"flock /run {SETUP} /root/ca.pub")


@pytest.mark.parametrize("wrong", [
    {
        "AllowUsers root [w]ww": "AllowUsers without www",
        "DenyUsers root w?w": "DenyUsers with www",
        "AllowGroups root sudo": "AllowGroups without any group of www: www web",
        "DenyGroups w*b": "DenyGroups with a group of www: www web",
    },
    {
        "AuthenticationMethods publickey,password": "publickey alone must be enough for www",
        "PubkeyAuthentication no": "PubkeyAuthentication no",
        "PubkeyAcceptedAlgorithms rsa-sha2-512": "without ssh-ed25519-cert-v01",
        "CASignatureAlgorithms rsa-sha2-512": "casignaturealgorithms without ssh-ed25519",
        "UsePAM no": "whose password is locked",
    },
], ids=["lists", "methods"])
def test_an_sshd_that_would_refuse_the_user_is_named(host, wrong):
    host.sh(f"groupadd web; usermod -aG web www; {SETUP} /root/both.pub")
    host.sh("cp /etc/ssh/sshd_config /root")
    refused(host, *[
        (reason, "", f"(echo '{line}'; cat /root/sshd_config) >/etc/ssh/sshd_config")
        for line, reason in wrong.items()
    ])


def test_an_sshd_that_would_refuse_the_gateway_is_named(host):
    host.sh(f"{SETUP} /root/both.pub")
    refused(host, (
        "PubkeyAuthentication no",
        "--gateway 198.19.0.1,198.19.0.2",
        "printf 'Match Address 198.19.0.1\\nPubkeyAuthentication no\\n' >>/etc/ssh/sshd_config",
    ))


def test_an_sshd_that_lets_the_user_in_is_good(host):
    host.sh(f"groupadd web; usermod -aG web www; usermod -p '*' www; {SETUP} /root/both.pub")
    lines = [
        "AllowUsers root w*", "AllowGroups w?b", "DenyUsers root [w]ww", "DenyGroups sudo",
        "AuthenticationMethods publickey,password publickey", "UsePAM no",
    ]
    host.write("/root/lines", "\n".join(lines) + "\n")
    host.sh("cat /root/lines - </etc/ssh/sshd_config >/root/new")
    host.sh("cp /root/new /etc/ssh/sshd_config")
    assert b"note: sshd has" not in host.sh(f"{NODE} check").stderr
    start_sshd(host)
    assert enter(host, "node124718") == "www"
    # What depends on the address is for the administrator to judge.
    host.sh("sed -i 's/^AllowUsers .*/AllowUsers root w*@127.0.0.0\\/8/' /etc/ssh/sshd_config")
    host.sh("echo 'DenyUsers www@10.*' >>/etc/ssh/sshd_config")
    said = host.sh(f"{NODE} check").stderr
    assert b"AllowUsers with www from addresses" in said
    assert b"DenyUsers with www from addresses" in said


def test_a_server_without_the_file_gets_its_host_name_back(host):
    then = host.sh("hostname; rm /etc/hostname").stdout
    host.sh(f"{SETUP} /root/ca.pub")
    assert b"as it should be" in host.sh(f"{NODE} setup").stderr
    host.sh(f"{NODE} remove")
    assert host.sh("hostname").stdout == then


def test_show_prints_the_entry_with_the_host_keys_of_sshd(host):
    host.sh(f"{SETUP} /root/ca.pub --service apache")
    shown = host.sh(f"{NODE} show --suffix dc=enscale,dc=example").stdout.decode()
    entry = shown.splitlines()
    assert entry[:8] == [
        "dn: enscaleNodeId=124718,cn=cool-waterfall-59,ou=environments,"
        "dc=enscale,dc=example",
        "objectClass: enscaleNode",
        "enscaleNodeId: 124718",
        "ipHostNumber: 198.18.0.20",
        "enscaleServiceType: apache",
        "enscaleSystemUser: www",
        "enscaleState: running",
        "enscalePort: 22",
    ]
    keys = host.sh("cat /etc/ssh/ssh_host_*_key.pub").stdout.decode().splitlines()
    wanted = {"enscaleHostKey: " + " ".join(key.split()[:2]) for key in keys}
    assert set(entry[8:]) == wanted


def test_the_entry_that_show_prints_is_one_the_directory_takes(host, directory):
    host.sh(f"{SETUP} /root/ca.pub --node 999")
    entry = host.sh(f"{NODE} show --suffix dc=enscale,dc=example").stdout
    directory.run(["ldapadd", "-n", "-Q", "-Y", "EXTERNAL", "-H", "ldapi:///"], entry)


def test_an_image_is_set_up_without_touching_the_running_host(host):
    image = "/srv/image"
    host.sh(
        f"mkdir -p {image}/usr {image}/dev; mount --rbind /usr {image}/usr;"
        f"mount --rbind /dev {image}/dev; cp -a /etc {image}/etc;"
        f"for dir in bin lib lib64 sbin; do ln -s usr/$dir {image}/$dir; done;"
        f"rm {image}/etc/ssh/ssh_host_*"
    )
    then = state(host)
    before = host.sh(f"find {image}/etc | sort").stdout
    host.sh(f"{SETUP} /root/ca.pub --root {image}")
    assert state(host) == then
    assert host.sh(f"cat {image}/etc/enscale-node/principals/www").stdout == (
        b"node124718\n"
    )
    assert host.sh(f"ls {image}/run {image}/run/enscale-node").stdout == (
        f"{image}/run:\nenscale-node\nsshd\n\n{image}/run/enscale-node:\n".encode()
    )
    host.sh(f"{NODE} check --root {image}; {NODE} remove --root {image}")
    assert state(host) == then
    assert host.sh(f"find {image}/etc | sort").stdout == before


def test_a_link_of_an_image_does_not_lead_to_the_running_host(host):
    then = state(host)
    for link in ("sudoers.d", "enscale-node"):
        host.sh(f"rm -rf /srv/old; {OLD}; mkdir -p /etc/{link}")
        host.sh(f"ln -s /etc/{link} /srv/old/etc/{link}")
        done = host.sh(
            f"{SETUP} /root/ca.pub --root /srv/old --sshd-version 9.2", check=False
        )
        assert done.returncode == 1
        assert b"leads out of the image" in done.stderr
    assert state(host) == then


def test_what_lies_in_an_image_is_not_written_through(host):
    host.sh(f"{OLD}; cd /srv/old/etc; mkdir motd.d sudoers.d; echo mine >/root/mine")
    host.sh("cd /srv/old/etc; ln -s /root/mine hostname.enscale-new; ln -s /root motd.d/enscale")
    host.sh("ln -s /root/none /srv/old/etc/sudoers.d/enscale; ls /root >/tmp/then")
    host.sh(f"{SETUP} /root/ca.pub --root /srv/old --sshd-version 9.2")
    assert host.sh("ls /root | cmp /tmp/then; cat /root/mine").stdout == b"mine\n"
    files = "/srv/old/etc/motd.d/enscale /srv/old/etc/sudoers.d/enscale"
    assert host.sh(f"find {files} -type f | wc -l").stdout == b"2\n"


def test_enscale_node_and_its_parts_are_clean_for_shellcheck_and_dash(host):
    folder = "/usr/src/enscale/node"
    host.sh(f"cd {folder}; shellcheck -x -a enscale-node; dash -n enscale-node")
    for line in host.read(f"{folder}/enscale-node").decode().splitlines():
        assert len(line.expandtabs(8)) <= 100, line


def test_a_dry_run_names_what_would_change_and_changes_nothing(host):
    then = state(host)
    said = host.sh(f"{SETUP} /root/ca.pub --dry-run").stdout.decode().split("\n")
    assert "write /etc/sudoers.d/enscale" in said
    assert "write /etc/ssh/sshd_config.d/enscale.conf" in said
    assert state(host) == then
    host.sh(f"{SETUP} /root/ca.pub")
    assert host.sh(f"{SETUP} /root/ca.pub --dry-run").stdout == b""
    then = state(host)
    assert b"remove /etc/sudoers.d/enscale" in host.sh(f"{NODE} remove --dry-run").stdout
    assert state(host) == then


def test_remove_leaves_the_server_as_it_was_and_keys_as_they_were(host):
    host.sh(
        "install -d -o www -m 700 /srv/www/.ssh;"
        "install -o www -m 600 /root/key.pub /srv/www/.ssh/authorized_keys"
    )
    then = host.sh("find /etc | sort; hostname; cat /etc/hostname").stdout
    host.sh(f"{SETUP} /root/ca.pub")
    start_sshd(host)
    assert enter(host, "node124718") == "www"
    host.sh(f"{NODE} remove; rm -f /root/key-cert.pub")
    assert host.sh("find /etc | sort; hostname; cat /etc/hostname").stdout == then
    assert host.sh(f"{SSH} www@127.0.0.1 whoami").stdout == b"www\n"
    assert enter(host, "node124718", user="root") == ""


def test_setup_has_sshd_read_its_file_anew(host, wait_for):
    start_sshd(host)
    assert enter(host, "node124718") == ""
    host.sh(f"{SETUP} /root/ca.pub")
    wait_for(lambda: enter(host, "node124718") == "www", "the certificate counts")


def test_check_names_what_is_not_as_it_should_be(host):
    host.sh(f"{SETUP} /root/ca.pub")
    host.sh(
        "chmod 644 /etc/sudoers.d/enscale; hostname other; cd /etc/enscale-node;"
        "echo node1 >>principals/www; echo node1 >principals/root;"
        "rm /etc/ssh/sshd_config.d/enscale.conf"
    )
    checked = host.sh(f"{NODE} check", check=False)
    assert checked.returncode == 1
    for name in [
        "/etc/sudoers.d/enscale is not as",
        "/etc/enscale-node/principals/www is not as",
        "/etc/enscale-node/principals/root is not as",
        "sshd does not use",
        "the host name is other",
    ]:
        assert name in checked.stderr.decode()
    host.sh(f"{NODE} setup; {NODE} check")


def test_check_compares_the_clock_with_the_gateways(host):
    host.sh(f"{SETUP} /root/ca.pub")
    for off, code, word in [
        (0, 0, None), (50, 0, None), (-50, 0, None), (190, 1, "behind"), (-190, 1, "ahead"),
    ]:
        checked = host.sh(f"{NODE} check --clock $(($(date +%s) + {off}))", check=False)
        said = checked.stderr.decode()
        assert (checked.returncode, "clock" in said) == (code, bool(word)), said
        if word:
            seconds = re.search(rf" is (\d+) s {word}: the gateway's", said).group(1)
            assert abs(int(seconds) - 190) < 10
    assert b"must be what" in host.sh(f"{NODE} check --clock now", check=False).stderr
    # Nothing keeps it in step here, and nothing else is wrong.
    assert b"compare it with check --clock" in host.sh(f"{NODE} check").stderr


def test_sudo_without_its_folder_is_named_and_nothing_changes(host):
    host.sh(f"{SETUP} /root/both.pub; sed -i '/includedir/d' /etc/sudoers")
    refused(host, ("sudo does not use /etc/sudoers.d/enscale", ""))


# ---- sshd of other days


OLD = "mkdir -p /srv/old/etc; cp /etc/passwd /etc/hostname /srv/old/etc"


def keywords(host, version, *more):
    """What is written for that version, below an image without any sshd, and
    whether a step is left to do by hand."""
    host.sh(f"rm -rf /srv/old; {OLD}")
    argv = f"{SETUP} /root/ca.pub --root /srv/old --sshd-version {version}"
    done = host.sh(" ".join([argv, *more]), check=False)
    assert done.returncode in (0, 3), done
    file = "enscale-node/sshd_config" if done.returncode else "ssh/sshd_config.d/enscale.conf"
    text = host.read(f"/srv/old/etc/{file}").decode().splitlines()
    return [line.split()[0] for line in text if line and line[0] not in "#\t"], done


def test_what_an_older_sshd_does_not_know_is_left_out(host):
    common = ["TrustedUserCAKeys", "AuthorizedPrincipalsFile", "RevokedKeys", "AcceptEnv",
              "MaxStartups"]
    gateway = "--gateway 198.19.0.1 --gateway fd00::/64"
    for version, left, more in [
        ("7.4", 3, []),
        ("8.0", 3, []),
        ("8.2", 0, []),
        ("9.2", 0, ["PerSourceMaxStartups"]),
        ("9.8", 0, ["PerSourceMaxStartups", "PerSourcePenaltyExemptList"]),
        ("10.0", 0, ["PerSourceMaxStartups", "PerSourcePenaltyExemptList"]),
    ]:
        found, done = keywords(host, version, gateway)
        assert (found, done.returncode) == ([*common, *more, "Match", "Match"], left), version
        assert (b"at the top of /etc/ssh/sshd_config" in done.stderr) == bool(left)
    text = host.read("/srv/old/etc/ssh/sshd_config.d/enscale.conf")
    assert b"PerSourcePenaltyExemptList 198.19.0.1,fd00::/64\n" in text


def test_setup_says_that_an_sshd_would_keep_the_gateway_out(host):
    for version, gateway, said in [
        ("9.7", "none", False), ("9.8", "none", True), ("10.0", "198.19.0.1", False),
    ]:
        _, done = keywords(host, version, f"--gateway {gateway}")
        assert (b"setup --gateway ADDRESS" in done.stdout + done.stderr) == said, version


def test_sftp_of_the_user_does_without_its_shell_where_sshd_can(host):
    host.sh(f"{OLD}; mkdir -p /srv/old/etc/ssh")
    for served, inside in [
        ("sftp /usr/libexec/sftp-server", "internal-sftp"),
        ("sftp\t/usr/lib/openssh/sftp-server -f AUTHPRIV -u 002", "internal-sftp -f AUTHPRIV -u 002"),
        ("sftp internal-sftp", None),
        ("sftp /usr/local/bin/sftp-of-ours", None),
        ("other /usr/bin/other", None),
    ]:
        host.write("/srv/old/etc/ssh/sshd_config", f"Port 22\nSubsystem {served}\n")
        for version, expected in [("9.4", None), ("9.5", inside)]:
            host.sh(f"{SETUP} /root/ca.pub --root /srv/old --sshd-version {version}")
            text = host.read("/srv/old/etc/ssh/sshd_config.d/enscale.conf").decode()
            found = re.findall(r"(?m)^(?:Match|\tSub).*", text)
            subsystem = [f"\tSubsystem sftp {expected}"] if expected else []
            assert found == ["Match User www", *subsystem, "Match all"], (version, served)


SFTP = f"{SSH.replace('ssh', 'sftp', 1)} -b - www@127.0.0.1"


def test_sftp_mends_a_bashrc_that_exits_as_setup_makes_it_or_says(host, wait_for):
    host.write("/srv/www/.bashrc", "echo Welcome; exit 3\n")
    said = host.sh(f"{SETUP} /root/ca.pub").stderr.decode()
    start_sshd(host)
    assert enter(host, "node124718") == "Welcome"
    mend = f"echo rm .bashrc | {SFTP}"
    shown = [f"{NODE} check", f"{NODE} show --suffix dc=enscale,dc=example"]
    line = re.search(r'"(Subsystem .*)"', said)
    if line:  # sshd before 9.5
        assert host.sh(mend, check=False).returncode != 0
        for command in shown:
            assert line.group(0) in host.sh(command).stderr.decode()
        host.sh(f"sed -i 's,^Subsystem.*,{line.group(1)},' /etc/ssh/sshd_config")
        host.sh("kill -HUP $(cat /run/sshd.pid)")
    wait_for(lambda: host.sh(mend, check=False).returncode == 0, "sshd is back")
    assert enter(host, "node124718") == "www"
    for command in shown:
        assert "Subsystem" not in host.sh(command).stderr.decode()


def test_an_sshd_without_include_uses_the_lines_that_were_put_in_by_hand(host):
    # Debian's own stands for one: the version is told, what is left is asked.
    left = host.sh(f"{SETUP} /root/ca.pub --sshd-version 8.0", check=False)
    assert left.returncode == 3, left
    assert b"left to do: the lines" in left.stderr
    assert host.sh(f"{NODE} check --sshd-version 8.0", check=False).returncode == 0
    host.sh("cat /etc/enscale-node/sshd_config /etc/ssh/sshd_config >/root/new")
    host.sh("cp /root/new /etc/ssh/sshd_config")
    start_sshd(host)
    assert enter(host, "node124718") == "www"
    assert enter(host, "node124719") == ""
    # They are not ours to remove, and without its files sshd refuses all keys.
    removed = host.sh(f"{NODE} remove", check=False)
    assert removed.returncode == 1
    assert b"remove those lines first" in removed.stderr
    assert enter(host, "node124718") == "www"


# ---- what becomes of a profile


def permitted(host):
    listed = host.sh("cat /etc/sudoers.d/enscale").stdout.decode().splitlines()
    return [line.split("NOPASSWD: ")[1] for line in listed if "NOPASSWD: " in line]


def test_a_new_service_needs_a_block_and_no_code(host):
    host.write(
        "/root/services",
        "bread\n\tuser\twww\n\tinit\toven oven-[0-9]\n\taction\trestart bake\n"
        "\tcommand\t/usr/bin/true --all a=b,c:d\n\tcommand\t/usr/bin/none\n"
        "cake\n\tuser\twww\n",
    )
    host.sh(
        "printf '#!/bin/sh\\n' >/etc/init.d/oven; chmod 755 /etc/init.d/oven;"
        "mkdir -p /etc/systemd/system; touch /etc/systemd/system/oven-1.service"
    )
    profile = "--services /root/services --service bread"
    host.sh(f"{SETUP} /root/ca.pub {profile}")
    assert permitted(host) == [
        "/usr/sbin/service oven restart",
        "/etc/init.d/oven restart",
        "/usr/sbin/service oven bake",
        "/etc/init.d/oven bake",
        "/usr/sbin/service oven-1 restart",
        "/usr/bin/systemctl restart oven-1",
        "/usr/bin/systemctl --no-pager restart oven-1",
        r"/usr/bin/true --all a\=b\,c\:d",
    ]
    assert b"/usr/bin/true --all a" in host.sh("sudo -l -U www").stdout
    host.sh(f"{NODE} check")  # as it was told then


def permitted_in_image(host, profile, script):
    """What becomes of a profile in an image that the script has prepared,
    and what is said."""
    host.write("/root/services", "bread\n\tuser\twww\n" + profile)
    host.sh(f"rm -rf /srv/old; {OLD}; cd /srv/old; mkdir -p usr/bin; {script}")
    done = host.sh(
        f"{SETUP} /root/ca.pub --root /srv/old --sshd-version 9.2"
        " --services /root/services --service bread"
    )
    listed = host.read("/srv/old/etc/sudoers.d/enscale").decode()
    return re.findall("NOPASSWD: (.*)", listed), done.stderr.decode()


def test_a_node_without_the_program_service_gets_what_it_has(host):
    found, _ = permitted_in_image(
        host,
        "\tinit\toven bell\n\taction\trestart\n",
        "install -m 755 /dev/null usr/bin/systemctl; mkdir -p etc/systemd/system;"
        "touch etc/systemd/system/oven.service; ln -s /dev/null etc/systemd/system/bell.service",
    )
    assert found == [
        "/usr/bin/systemctl restart oven",
        "/usr/bin/systemctl --no-pager restart oven",
    ]


def test_root_reads_no_configuration_of_the_user_at_a_profiles_command(host):
    profile = "\tconfig\t/etc/bread /etc/none\n\tcommand\t/usr/bin/true --all=x\n"
    prepare = "install -m 755 /dev/null usr/bin/true; mkdir etc/bread; touch etc/bread/conf"
    found, said = permitted_in_image(host, profile, prepare)
    assert found == [r"/usr/bin/true --all\=x"]
    assert "/etc/bread" not in said
    for spoil in (
        "chown www etc/bread/conf",
        "chmod g+w etc/bread",
        "mkdir srv; chown www srv; touch srv/conf; ln -s ../../srv/conf etc/bread/more",
        "mkdir srv; install -o www /dev/null srv/conf; ln -s /srv etc/bread/more",
    ):
        found, said = permitted_in_image(host, profile, f"{prepare}; {spoil}")
        assert found == []
        assert "/etc/bread can be changed by others than root" in said


def test_a_command_that_sudoers_escapes_is_found_there(host):
    host.write("/root/services", "bread\n\tuser\twww\n\tcommand\t/usr/bin/true --all=x\n")
    host.sh(f"{SETUP} /root/ca.pub --services /root/services --service bread")
    assert permitted(host) == [r"/usr/bin/true --all\=x"]


def test_support_is_what_setup_is_told_or_what_the_profile_says(host):
    host.write("/root/services", "bread\n\tuser\twww\n\tsupport\tthe baker: 112\n")
    bread = "--services /root/services --service bread"
    host.sh(OLD)
    for said, wanted in [
        ("", "the baker: 112"),
        ("--support desk@enscale.example", "desk@enscale.example"),
        ("", "desk@enscale.example"),
        ("--support none", ""),
        ("", ""),
        ("--support profile", "the baker: 112"),
    ]:
        host.sh(f"{SETUP} /root/ca.pub {bread} --root /srv/old --sshd-version 9.2 {said}")
        sudoers = host.read("/srv/old/etc/sudoers.d/enscale").decode()
        assert re.findall(r'see sudo -l\.(?: Help: (.*))? "', sudoers) == [wanted]
        motd = host.read("/srv/old/etc/motd.d/enscale").decode()
        assert re.findall(r"^Help: (.*)$", motd, re.MULTILINE) == [wanted] * bool(wanted)
    host.sh(f"{SETUP} /root/ca.pub")
    host.write("/root/services", 'bread\n\tuser\twww\n\tsupport\t50 % "off"\n')
    refused(host, ("must be one line of letters", bread))


def test_a_pattern_never_reaches_sudoers(host):
    host.sh(f"{SETUP} /root/ca.pub")
    profile = "bread\n\tuser\twww\n\tcommand\t/usr/bin/true *\n"
    host.write("/root/services", profile)
    refused(host, ("cannot be permitted", "--services /root/services --service bread"))
    # The others with the part that refused this one, and one that is good.
    arguments = ["a", "*", "[a-z]", "!a", "\\", "#1", "a?", "a;b", '"a"', "a\\ b"]
    host.write("/root/arguments", "\n".join(arguments) + "\n")
    passed = host.sh(
        "fail() { exit 1; }; work=/root; profiles=services; . /usr/src/enscale/node/sudo.sh;"
        "while read -r argument; do"
        " printf '/usr/bin/true %s\\n' \"$argument\" >/root/permitted;"
        " (check_permitted) 2>/dev/null && echo \"$argument\"; done </root/arguments; true"
    )
    assert passed.stdout == b"a\n"


@pytest.mark.parametrize("spoil", [
    "chown www /etc/init.d/oven",
    "chmod g+w /etc/init.d/oven",
    "chmod o+w /etc/init.d",
    "install -o www -m 755 /etc/init.d/oven /srv/www/oven;"
    " ln -sf /srv/www/oven /etc/init.d/oven",
    "install -m 755 /etc/init.d/oven /srv/www/oven; ln -sf ../../srv/www/oven /etc/init.d/oven",
    "ln -s /srv/www/oven.service /etc/systemd/system/",
    "mkdir -p /etc/systemd/system/oven.service.d;"
    " install -o www /dev/null /etc/systemd/system/oven.service.d/more.conf",
    "install -d -o www /run/systemd/system/oven.service.d",
    "install -o www /dev/null /etc/default/oven",
    "install -o www -m 755 /dev/null /srv/www/oven; mkdir -p /etc/systemd/system;"
    " printf '[Service]\nExecStart=-/srv/www/oven --hot\n' >/etc/systemd/system/oven.service",
])
def test_a_script_that_others_than_root_can_change_is_left_out(host, spoil):
    host.write("/root/services", "bread\n\tuser\twww\n\tinit\toven\n\taction\trestart\n")
    host.sh("printf '#!/bin/sh\\n' >/etc/init.d/oven; chmod 755 /etc/init.d/oven")
    setup = f"{SETUP} /root/ca.pub --services /root/services --service bread"
    host.sh(setup)
    assert permitted(host) == ["/usr/sbin/service oven restart", "/etc/init.d/oven restart"]
    host.sh(f"{spoil}")
    assert b"no sudo for oven" in host.sh(setup).stderr
    assert permitted(host) == []


def test_a_program_of_the_users_is_started_by_its_unit_as_the_user(host):
    found, said = permitted_in_image(
        host,
        "\tinit\toven\n\taction\tstart\n",
        "install -m 755 /dev/null usr/bin/systemctl; mkdir -p etc/systemd/system srv;"
        "install -o www -m 755 /dev/null srv/oven;"
        "printf '[Service]\nUser=www\nExecStart=/srv/oven\n' >etc/systemd/system/oven.service",
    )
    assert found[0] == "/usr/bin/systemctl start oven"
    assert "/srv/oven" not in said


def test_every_profile_that_is_shipped_can_be_set_up(host):
    text = host.read("/usr/src/enscale/node/services").decode()
    blocks = {}
    for line in text.splitlines():
        if line and line[0] not in "#\t ":
            blocks[line] = keys = set()
        elif line.startswith("\t"):
            key, words = line.split(None, 1)
            keys.add(key)
            assert re.fullmatch(r"[A-Za-z0-9 /.\[\]_-]+", words), line
    assert len(blocks) == 18
    for name, keys in blocks.items():
        assert {"user", "home", "init", "action"} <= keys, name
    for name in ("glassfish", "php-fpm", "vps"):
        host.sh(f"{SETUP} /root/ca.pub --service {name} --dry-run")
