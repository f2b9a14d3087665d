"""The PAM module in a process of its own, as pamtester calls it on a gateway."""

import re

import pytest

pytestmark = pytest.mark.both

SERVICE = "/etc/pam.d/enscale-alone"


@pytest.fixture
def alone(gateway):
    """A service of our module alone: what valgrind finds is ours."""
    lines = [f"{kind} required pam_enscale.so\n" for kind in ("account", "session")]
    gateway.write(SERVICE, "".join(lines))
    yield "enscale-alone"
    gateway.sh(f"rm {SERVICE}")


def pamtester(client, account, key):
    kind, blob, *_ = client.read(f"/root/keys/{key}.pub").decode().split()
    info = f"SSH_AUTH_INFO_0=publickey {kind} {blob}"
    return ["pamtester", "-I", "rhost=198.18.0.10", "-E", info, "enscale-alone", account]


# "Possibly" is what the dynamic loader keeps of a module that went.
LOST = "definite,indirect"
VALGRIND = ["valgrind", "--leak-check=full", f"--errors-for-leak-kinds={LOST}"]
LIFE = ["acct_mgmt", "open_session", "close_session"]


@pytest.mark.parametrize("account, key, succeeds", [
    ("124718-25880", "25880-ed25519", True),
    # Refused with a record published: the guard may be quicker than pamtester
    # to its end, and end it.
    ("25880", "21296-ed25519", False),
    ("30311", "30311-ed25519", False),  # refused in account
    ("root", "25880-ed25519", False)])
def test_nothing_is_left_when_pam_ends(alone, gateway, client, account, key, succeeds):
    result = gateway.run([*VALGRIND, *pamtester(client, account, key), *LIFE], check=False)
    said = result.stderr.decode()
    assert (result.returncode == 0) == succeeds, said
    assert "ERROR SUMMARY: 0 errors" in said
    assert not re.search(r"(definitely|indirectly) lost: [1-9]", said), said
    number = account.rpartition("-")[2]
    records = gateway.run(["ls", "/run/enscale/sessions"]).stdout.decode().split()
    assert not [name for name in records if name.startswith(f"{number}.")]


def test_a_whole_life_leaves_no_descriptor(alone, gateway, client):
    """Not even across a refusal: sshd's monitor goes on with what is open."""
    trace = ["strace", "-qq", "-e", "trace=openat,close,dup,dup2,dup3,pipe2,socket"]
    argv = [*trace, *pamtester(client, "25880", "25880-ed25519"), *LIFE]
    calls = gateway.run(argv).stderr.decode()
    open_now = {}
    for line in calls.splitlines():
        if opened := re.match(r'openat\([^"]*"([^"]*)".* = (\d+)$', line):
            open_now[opened[2]] = opened[1]
        elif closed := re.match(r"close\((\d+)\) += 0", line):
            open_now.pop(closed[1], None)
    assert not [path for path in open_now.values() if "enscale" in path]
