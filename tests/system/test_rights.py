"""Who may enter which node, and the sentence for who may not."""

import re

import pytest

REFUSED = 120
HELP = "desk@enscale.example"
SESSION = rb"\(session [a-z2-7]{16}\)"


@pytest.mark.parametrize("login", [
    "124718-25880", "124719-25880", "124718-21296", "124719-21296",
    "136553-21296"])
def test_owners_and_full_collaborators_enter(client, login):
    assert client.ssh(login, "exit 3").returncode == 3


@pytest.mark.parametrize("login, sentence", [
    ("136553-25880", b"access is limited and does not include SSH"),
    ("144490-25880", b"its environment env-3344147 is stopped"),
    ("144490-21296", b"does not exist, or account 21296 has no access"),
    ("999999-25880", b"does not exist, or account 25880 has no access"),
    ("124718-40404", b"does not exist, or account 40404 has no access")])
def test_the_others_are_refused_with_the_reason(client, login, sentence):
    result = client.ssh(login, "id")
    assert result.returncode == REFUSED
    assert result.stdout == b""
    assert sentence in result.stderr
    assert re.search(SESSION, result.stderr)


def test_the_session_id_of_a_refusal_is_in_the_gateways_logs(client, gateway):
    result = client.ssh("136553-25880", "id")
    session = re.search(rb"session ([a-z2-7]{16})", result.stderr)[1].decode()
    log = gateway.log() + gateway.log("enscale-guard")
    assert session in log


def test_a_suspended_account_gets_its_sentence_as_a_banner(client):
    for login in ("30311", "124718-30311"):
        result = client.ssh(login, "id")
        assert result.returncode == 255
        assert result.stdout == b""
        assert b"Account 30311 is suspended" in result.stderr
        assert re.search(SESSION, result.stderr)


def test_an_unknown_account_gets_sshds_own_refusal(client):
    result = client.ssh("99999", "id")
    assert result.returncode == 255
    assert result.stdout == b""
    assert b"Permission denied (publickey)" in result.stderr
    assert b"99999" not in result.stderr.replace(b"99999@", b"")


def test_somebody_elses_key_opens_nothing(client):
    result = client.ssh("25880", "id", key="21296-ed25519")
    assert result.returncode == 255
    assert b"Permission denied (publickey)" in result.stderr


def test_both_keys_of_an_account_open_the_same(client):
    for key in ("25880-ed25519", "25880-rsa"):
        result = client.ssh("124718-25880", "id -un", key=key)
        assert result.stdout == b"apache\n", result.stderr


@pytest.fixture
def supported(gateway):
    """A gateway that names whom to ask."""
    path = "/etc/enscale/enscale.conf"
    before = gateway.read(path)
    gateway.sh(f"sed -i 's/^#support = .*/support = {HELP}/' {path}")
    gateway.stop("enscale-guard")
    gateway.start("enscale-guard")
    yield
    gateway.write(path, before)
    gateway.stop("enscale-guard")
    gateway.start("enscale-guard")


def test_refusals_end_with_whom_to_ask(client, supported):
    for login in ("30311", "124718-30311"):  # by PAM, in sshd's banner
        assert client.ssh(login, "id").stderr.count(HELP.encode()) == 1
    for login, command in [
        ("136553-25880", "id"), ("25880", "keys add My laptop"), ("25880", "keys add \x1b")
    ]:
        result = client.ssh(login, command)
        assert result.returncode == REFUSED
        assert result.stderr.endswith(f"enscale: Help: {HELP}\n".encode()), result
        assert result.stderr.count(HELP.encode()) == 1
