"""A change in the directory counts on the gateway at once."""

import time

import pytest

from entries import account_dn, environment_dn, key_dn, node_dn


@pytest.fixture
def keypair(client):
    """A key of nobody's yet, on the client: its path and public line."""
    path = "/root/keys/spare"
    client.sh(f"rm -f {path} {path}.pub; "
              f"ssh-keygen -q -t ed25519 -N '' -f {path}")
    return path, client.read(f"{path}.pub").decode().strip()


@pytest.fixture
def account(administrator, keypair):
    administrator.add_account(51515, keypair[1], cn="New Customer")
    yield 51515
    administrator.delete(account_dn(51515))


def within_a_second(attempt):
    """Tries until it is true; a try that began after a second is too late."""
    begin = time.monotonic()
    while time.monotonic() - begin < 1:
        if attempt():
            return True
    return False


def test_a_deleted_key_is_refused_within_a_second(
        client, administrator, account, keypair):
    path, public = keypair
    assert within_a_second(
        lambda: client.ssh("51515", "id", key=path).returncode == 123)
    administrator.delete(key_dn(51515, public))
    assert within_a_second(
        lambda: client.ssh("51515", "id", key=path).returncode == 255)
    assert client.ssh("51515", "id", key=path).returncode == 255


def test_a_new_account_can_log_in_within_a_second(client, account, keypair):
    assert within_a_second(
        lambda: client.ssh("51515", "id", key=keypair[0]).returncode == 123)


def test_a_deleted_account_is_unknown_to_the_host(
        gateway, administrator, keypair, wait_for):
    def known():
        return gateway.run(["id", "51515"], check=False).returncode == 0

    administrator.add_account(51515, keypair[1])
    wait_for(known, "id 51515 succeeds", 1)
    administrator.delete(account_dn(51515))
    wait_for(lambda: not known(), "id 51515 fails", 1)


def test_a_suspended_account_is_refused_within_a_second(
        client, administrator, account, keypair):
    login = lambda: client.ssh("51515", "id", key=keypair[0])
    assert within_a_second(lambda: login().returncode == 123)
    administrator.replace(account_dn(51515), enscaleStatus="suspended")
    assert within_a_second(lambda: b"is suspended" in login().stderr)
    administrator.replace(account_dn(51515), enscaleStatus="active")
    assert within_a_second(lambda: login().returncode == 123)


def test_an_environment_that_stops_cannot_be_entered(client, administrator):
    enter = lambda: client.ssh("136553-21296", "exit 4")
    assert enter().returncode == 4
    administrator.replace(environment_dn("crimson-dust-8"),
                          enscaleState="stopped")
    try:
        assert within_a_second(lambda: enter().returncode == 120)
    finally:
        administrator.replace(environment_dn("crimson-dust-8"),
                              enscaleState="running")
    assert within_a_second(lambda: enter().returncode == 4)


def test_a_changed_host_key_closes_the_way_to_the_node(
        client, administrator, directory, keypair):
    """A node that shows another key than the directory's is not entered."""
    dn = node_dn(136553, "crimson-dust-8")
    found = directory.run(
        ["ldapsearch", "-Q", "-LLL", "-o", "ldif-wrap=no", "-Y", "EXTERNAL",
         "-H", "ldapi:///", "-s", "base", "-b", dn, "enscaleHostKey"])
    keys = [line.split(": ", 1)[1]
            for line in found.stdout.decode().splitlines()
            if line.startswith("enscaleHostKey: ")]
    assert keys
    enter = lambda: client.ssh("136553-21296", "exit 4")
    administrator.replace(dn, enscaleHostKey=keypair[1])
    try:
        assert within_a_second(lambda: enter().returncode == 121)
        result = enter()
        assert result.returncode == 121 and result.stdout == b""
    finally:
        administrator.replace(dn, enscaleHostKey=keys[0])
    assert within_a_second(lambda: enter().returncode == 4)
