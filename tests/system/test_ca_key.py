"""Whose the CA key is: the guard's signer reads it, and the guard's user, taken
over, can neither open it to others nor put another one in its place."""

import os

import pytest

HERE = os.path.dirname(os.path.realpath(__file__))
CA = "/etc/enscale/ca/ca"
LOGIN = "124718-25880"
GUARD = ["setpriv", "--reuid=enscale-guard", "--regid=enscale", "--init-groups"]

# What could be done to a file by who may not read it, and by who may. Prints
# what was.
ATTEMPTS = """
import os
ca, folder = "/etc/enscale/ca/ca", "/etc/enscale/ca"
theirs = "/var/lib/enscale/guard/theirs"
open(theirs, "w").close()
attempts = {
    "chmod": lambda: os.chmod(ca, 0o444),
    "chown": lambda: os.chown(ca, os.getuid(), -1),
    "write": lambda: open(ca, "a").close(),
    "truncate": lambda: os.truncate(ca, os.stat(ca).st_size),
    "unlink": lambda: os.unlink(ca),
    "rename": lambda: os.rename(ca, folder + "/gone"),
    "move out": lambda: os.rename(ca, theirs),
    "replace": lambda: os.rename(theirs, ca),
    "link": lambda: os.link(ca, folder + "/another"),
    "next": lambda: open(ca + ".next", "w").close(),
    "utime": lambda: os.utime(ca, (0, 0)),
    "attribute": lambda: os.setxattr(ca, "user.x", b"x"),
    "folder's mode": lambda: os.chmod(folder, 0o777),
    "rename folder": lambda: os.rename(folder, folder + ".gone"),
    "read": lambda: open(ca).close(),
}
for name, attempt in attempts.items():
    try:
        attempt()
        print(name)
    except OSError:
        pass
os.unlink(theirs)
"""


@pytest.fixture
def confined(gateway):
    """A program that does what the guard does to itself, and then another."""
    with open(f"{HERE}/guard_confined.c") as file:
        gateway.write("/tmp/guard_confined.c", file.read())
    gateway.sh(
        "cd /tmp; touch config.h; gcc -D_GNU_SOURCE -I. -I/usr/src/enscale"
        " -o guard_confined guard_confined.c; chmod 755 guard_confined"
    )
    yield "/tmp/guard_confined"
    gateway.sh("rm -f /tmp/guard_confined* /tmp/config.h")


def owner(gateway, *names):
    argv = ["stat", "-c", "%a %U:%G", *names]
    return set(gateway.run(argv).stdout.decode().splitlines())


def attempts(gateway, *confinement):
    """What the guard's user could do."""
    argv = [*GUARD, *confinement, "/usr/bin/python3", "-c", ATTEMPTS]
    return gateway.run(argv).stdout.decode().splitlines()


def test_the_guards_user_cannot_change_the_ca_key(gateway):
    before = gateway.sh(f"cat {CA}; stat {CA} /etc/enscale/ca").stdout
    # Without Landlock he reads it, as his signer does.
    assert attempts(gateway) == ["read"]
    assert gateway.sh(f"cat {CA}; stat {CA} /etc/enscale/ca").stdout == before


def test_the_guard_itself_cannot_read_it_either(gateway, confined):
    if "(Landlock)" in gateway.log("enscale-guard"):
        pytest.skip("the kernel has no Landlock")
    assert attempts(gateway, confined) == []


def test_nobody_elses_user_can_read_it(gateway):
    for user in ("enscale-sync", "enscale-keys", "enscale-keyd", "nobody"):
        argv = ["setpriv", f"--reuid={user}", "--regid=enscale", "--init-groups", "cat", CA]
        result = gateway.run(argv, check=False)
        assert (result.returncode, result.stdout) == (1, b""), user


@pytest.fixture
def restarted(gateway, wait_for):
    """restarted(): another guard runs; what it has logged."""

    def restart():
        pid = gateway.pid_of("enscale-guard")
        seen = len(gateway.log("enscale-guard"))
        gateway.kill("enscale-guard")
        wait_for(
            lambda: gateway.pid_of("enscale-guard") not in (0, pid)
            and "ready:" in gateway.log("enscale-guard")[seen:],
            "another guard",
        )
        return gateway.log("enscale-guard")[seen:]

    return restart


def test_a_guard_that_starts_anew_signs_with_it(gateway, client, restarted):
    assert owner(gateway, CA) == {"440 root:enscale-ca"}
    assert "can change" not in restarted()
    assert client.ssh(LOGIN, "id -un").stdout == b"apache\n"


def test_a_key_of_before_goes_on_signing_with_a_hint(gateway, client, restarted):
    gateway.sh(f"chown enscale-guard:enscale {CA}; chmod 400 {CA}")
    try:
        assert f'this user can change CA key "{CA}": chown root:enscale-ca' in restarted()
        assert client.ssh(LOGIN, "id -un").stdout == b"apache\n"
        assert "chmod" in attempts(gateway)  # which is why
    finally:
        gateway.sh(f"chown root:enscale-ca {CA}; chmod 440 {CA}")
    assert "can change" not in restarted()


@pytest.mark.parametrize("hide, cause", [
    ("mv ca kept", "No such file or directory; restore it from a backup"),
    ("cp -p ca kept; chown root:root ca; chmod 400 ca",
     "Permission denied; it must belong to root and the group enscale-ca"),
    ("cp -p ca kept; chmod 444 ca", "Operation not permitted; it must belong"),
    ("mv ca kept; ln -s kept ca", "Too many levels of symbolic links; it must be a file, not a link"),
])  # fmt: skip
def test_a_guard_without_its_key_says_what_is_wrong_with_it(
    gateway, wait_for, restarted, hide, cause
):
    pid = gateway.pid_of("enscale-guard")
    seen = len(gateway.log("enscale-guard"))
    gateway.sh(f"cd /etc/enscale/ca; {hide}")
    try:
        gateway.kill("enscale-guard", 1)
        said = f'keeping the previous CA key: CA key "{CA}": {cause}'
        wait_for(lambda: said in gateway.log("enscale-guard")[seen:], said)
        gateway.kill("enscale-guard")
        said = f'no signer: CA key "{CA}": {cause}'
        wait_for(lambda: said in gateway.log("enscale-guard")[seen:], said)
    finally:
        gateway.sh("cd /etc/enscale/ca; mv -f kept ca")
    wait_for(
        lambda: gateway.pid_of("enscale-guard") not in (0, pid)
        and "ready:" in gateway.log("enscale-guard")[seen:],
        "a guard",
    )
    assert owner(gateway, CA) == {"440 root:enscale-ca"}


def test_a_lost_key_is_to_be_restored_and_not_made_anew(gateway):
    def enscalectl(*words):
        result = gateway.run(["enscalectl", "ca", *words], check=False)
        return result.returncode, result.stderr.decode()

    gateway.sh("mkdir /root/ca.kept; mv /etc/enscale/ca/* /root/ca.kept")
    try:
        for words in ("show",), ("rotate",):
            code, said = enscalectl(*words)
            assert code != 0
            assert "restore it from a backup or from another gateway" in said
        gateway.write("/etc/enscale/ca/ca.retired", b"")
        code, said = enscalectl("init")
        assert code == 1
        assert '"/etc/enscale/ca/ca.retired" exists, so there was a key' in said
        assert not gateway.sh("ls /etc/enscale/ca").stdout.split()[1:]
    finally:
        gateway.sh("rm -f /etc/enscale/ca/*; mv /root/ca.kept/* /etc/enscale/ca; rmdir /root/ca.kept")
