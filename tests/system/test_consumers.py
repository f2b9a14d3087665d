"""What the system's own programs make of an account's two names on a gateway:
all-digit names are rare, and nss_enscale(8) tells what each program does."""

import re

import pytest

UID = 0x70000000 + 25880
NAMES = ["25880", "227028-25880"]
OF_THE_ACCOUNT = f"uid={UID}(25880) gid={UID}(25880) groups={UID}(25880)\n"

both = pytest.mark.parametrize("name", NAMES)


@pytest.fixture
def folder(gateway):
    path = "/tmp/consumers"
    gateway.sh(f"mkdir -m 755 {path}")
    yield path
    gateway.sh(f"rm -r {path}")


@pytest.fixture
def says(gateway):
    """says(script): what it prints."""
    return lambda script: gateway.sh(script).stdout.decode()


@pytest.fixture
def sleeper(gateway, wait_for):
    """A process of the account."""
    argv = ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups"]
    process = gateway.popen([*argv, "sleep", "300"])
    find = ["pgrep", "-u", str(UID), "-x", "sleep"]
    pid = wait_for(
        lambda: gateway.run(find, check=False).stdout.decode().split(),
        "the process of the account",
    )
    yield
    # Not what entered the host for it: that would leave it behind.
    gateway.run(["kill", *pid])
    process.wait()


@both
def test_id_takes_both_names(says, name):
    assert says(f"id {name}") == OF_THE_ACCOUNT


def test_id_knows_the_account_of_a_uid_and_who_does_not_exist(gateway, says):
    assert says(f"id {UID}") == OF_THE_ACCOUNT
    for name in ("25881", "227028-25881", "025880", "25880-", "4294967297"):
        assert b"no such user" in gateway.run(["id", name], check=False).stderr


@both
def test_su_becomes_the_account_and_names_it_as_it_was_asked(says, name):
    assert says(f"su -s /bin/sh {name} -c id") == OF_THE_ACCOUNT
    script = "'echo $LOGNAME $HOME'"
    assert says(f"su -s /bin/sh - {name} -c {script}") == f"{name} /var/lib/enscale/empty\n"


@both
def test_su_without_a_session_gets_no_shell(gateway, name):
    result = gateway.run(["su", "-", name, "-c", "id"], check=False)
    assert result.returncode != 0
    assert result.stdout == b""
    assert b"does not belong to a session" in result.stderr


@both
def test_sudo_becomes_the_account(says, name):
    assert says(f"sudo -u {name} id") == OF_THE_ACCOUNT


def test_sudo_takes_a_number_for_a_uid_only_behind_a_hash(gateway, says):
    assert says(f"sudo -u '#{UID}' id") == OF_THE_ACCOUNT
    assert gateway.run(["sudo", "-u", "#25880", "id"], check=False).returncode != 0


@pytest.mark.parametrize("tool", ["runuser -u {} -- id", "chroot --userspec={} / id"])
@both
def test_other_ways_to_become_the_account(says, tool, name):
    assert says(tool.format(name)) == OF_THE_ACCOUNT


@both
def test_chown_and_install_take_both_names(says, folder, name):
    says(f"cd {folder}; touch a; chown {name}: a; install -o {name} /dev/null b")
    assert says(f"cd {folder}; stat -c '%u %U' a b") == 2 * f"{UID} 25880\n"
    assert says(f"stat -c '%g %G' {folder}/a") == f"{UID} 25880\n"


def test_chown_takes_the_number_of_no_account_for_a_uid(says, folder):
    """The trap of every system with all-digit names; the manual page names it."""
    says(f"cd {folder}; touch a; chown 25881 a")
    assert says(f"stat -c %u {folder}/a") == "25881\n"


def test_ls_shows_the_account_by_its_number(says, folder):
    says(f"touch {folder}/a; chown 227028-25880:25880 {folder}/a")
    assert re.search(r" 25880 +25880 ", says(f"ls -l {folder}"))
    assert re.search(rf" {UID} +{UID} ", says(f"ls -ln {folder}"))


@both
def test_find_takes_both_names_for_the_account(says, folder, name):
    says(f"cd {folder}; touch a b; chown 25880:25880 a; chown +25880 b")
    assert says(f"find {folder} -user {name}") == f"{folder}/a\n"
    assert says(f"find {folder} -group 25880") == f"{folder}/a\n"
    assert says(f"find {folder} -nouser") == f"{folder}/b\n"


def test_tar_takes_a_number_for_a_uid_and_keeps_names(says, folder):
    script = f"cd {folder}; touch a; chown 25880 a; "
    listed = "tar --numeric-owner -tvf -"
    assert f" {UID}/0 " in says(f"{script} tar cf - a | {listed}")
    assert " 25880/0 " in says(f"{script} tar cf - --owner=25880 a | {listed}")
    # Back on the gateway the name counts before the number.
    says(f"{script} tar cf x.tar a; rm a; tar xf x.tar")
    assert says(f"stat -c %u {folder}/a") == f"{UID}\n"


def test_getent_takes_a_number_for_a_uid(gateway, says):
    entry = f":*:{UID}:{UID}::/var/lib/enscale/empty:/usr/bin/enscale-shell\n"
    assert gateway.run(["getent", "passwd", "25880"], check=False).stdout == b""
    assert says(f"getent passwd {UID}") == "25880" + entry
    assert says("getent passwd 227028-25880") == "227028-25880" + entry
    assert says(f"getent group {UID}") == f"25880:*:{UID}:\n"
    assert says("getent initgroups 25880").split() == ["25880", str(UID)]


def test_nobody_is_listed_unless_the_map_says_so(says):
    everybody = says("getent passwd; getent group")
    assert "root:" in everybody
    assert "25880" not in everybody and "enscale-shell" not in everybody


def test_ps_and_pgrep_take_a_number_for_a_uid(gateway, says, sleeper):
    for option in (str(UID), "227028-25880"):
        assert says(f"ps -u {option} -o comm=") == "sleep\n"
        assert says(f"pgrep -u {option} -x sleep").strip()
    for tool in ("ps", "pgrep"):
        assert gateway.run([tool, "-u", "25880"], check=False).returncode == 1
    assert "25880" in says("ps -C sleep -o user=").split()


@both
def test_ssh_and_scp_run_as_the_account(gateway, says, name):
    """ssh(1) asks who runs it, and offers that name where none was given."""
    said = says(f"runuser -u {name} -- ssh -F none -G node.example")
    assert "user 25880\n" in said
    assert "user 124718-25880\n" in says("ssh -F none -G 124718-25880@node.example")
    argv = ["runuser", "-u", name, "--", "scp", "/etc/hostname", "/tmp/copied"]
    gateway.run(argv)
    assert says("stat -c %U /tmp/copied; rm /tmp/copied") == "25880\n"


@both
def test_a_setuid_program_finds_the_account(gateway, says, name):
    """glibc then looks for modules in the system's folders alone."""
    gateway.sh("install -m 4755 /usr/bin/id /usr/local/bin/setuid-id")
    try:
        said = says(
            "export LD_LIBRARY_PATH=/tmp;"
            f" setpriv --reuid=65534 --regid=65534 --clear-groups setuid-id {name}"
        )
    finally:
        gateway.sh("rm /usr/local/bin/setuid-id")
    assert said == OF_THE_ACCOUNT


def trace(gateway, *names):
    """The system calls of id(1), which looks each of them up."""
    argv = ["strace", "-qq", "-f", "--", "id", *names]
    return gateway.run(argv, check=False).stderr.decode()


def test_a_name_outside_the_grammar_opens_no_file_of_ours(gateway):
    for name in ("no-such-user", "025880", "25880-", "0", "x" * 100000):
        calls = trace(gateway, name)
        assert "libnss_enscale.so.2" in calls, "the module was asked"
        assert "accounts.map" not in calls


def test_a_hundred_look_ups_map_the_map_once(gateway):
    calls = trace(gateway, *[f"{node}-25880" for node in range(1, 101)])
    assert len(re.findall(r"open[^\n]*accounts\.map", calls)) == 1


def test_valgrind_has_nothing_to_say_about_ten_thousand_look_ups(gateway):
    script = (
        "valgrind --leak-check=full --track-fds=yes --error-exitcode=99 getent passwd"
        " $(seq -f %.0f-25880 1 5000) $(seq -f %.0f-25881 1 5000) > /dev/null"
    )
    result = gateway.run(["bash", "-c", script], check=False, timeout=110)
    said = result.stderr.decode()
    assert result.returncode == 2, said  # getent's, for those not found
    assert "ERROR SUMMARY: 0 errors" in said
    assert not re.search(r"(definitely|indirectly) lost: [1-9]", said)
    assert not re.search(r"(?s)Open file descriptor.*accounts\.map", said)
