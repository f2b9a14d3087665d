"""enscalectl explain --session says of a refusal that happened, by the id that
the user was told, which rule decided: then, and now."""

import re

import pytest

from entries import environment_dn
from test_ending import events

TELLS = rb"\(session ([a-z2-7]{16})\)"


def explain(gateway, *words):
    result = gateway.run(["enscalectl", "explain", *words], check=False)
    return result.returncode, result.stdout.decode(), result.stderr.decode()


def refused(client, login):
    """The id of the session that was refused."""
    result = client.ssh(login, "true")
    assert result.returncode != 0
    return re.search(TELLS, result.stderr)[1].decode()


def test_a_refusal_of_the_guard_is_explained(client, gateway):
    session = refused(client, "144490-25880")
    code, said, _ = explain(gateway, "--session", session)
    assert code == 1
    lines = [line.split(maxsplit=1) for line in said.splitlines()]
    assert [word for word, _ in lines] == ["then", "login", "key", "from", "now"]
    found = dict(lines)
    sentence = "Node 144490 cannot be entered: its environment env-3344147 is stopped."
    assert re.fullmatch(rf"\S+Z, hop-refused: environment-stopped: {sentence}", found["then"])
    assert found["login"] == "144490-25880"
    assert found["key"].startswith("SHA256:")
    assert found["from"] == "198.18.0.10"
    assert found["now"] == f"environment-stopped: {sentence}"


def test_what_is_allowed_now_is_said_beside_what_was_refused_then(
        client, gateway, administrator, wait_for):
    session = refused(client, "144490-25880")
    administrator.replace(environment_dn("env-3344147"), enscaleState="running")
    try:
        wait_for(lambda: explain(gateway, "144490-25880")[1][:21] != "environment-stopped: ",
                 "it runs")
        _, said, _ = explain(gateway, "--session", session)
        assert "then" in said and "environment-stopped" in said.splitlines()[0]
        assert "environment-stopped" not in said.splitlines()[-1]
    finally:
        administrator.replace(environment_dn("env-3344147"), enscaleState="stopped")


def test_a_refusal_of_pam_is_explained(client, gateway):
    """PAM has told the guard of it."""
    session = refused(client, "30311")
    code, said, _ = explain(gateway, "--session", session)
    assert code == 1
    lines = said.splitlines()
    assert re.fullmatch(r"then +\S.*, login-refused: account-suspended: Account 30311 is suspended\..*",
                        lines[0])
    assert lines[1].split() == ["login", "30311"]
    assert lines[-1].startswith("now         account-suspended: Account 30311 is suspended.")


@pytest.mark.parametrize("words, code, told", [
    (["--session", "aaaaaaaaaaaaaaaa"], 2, "no log of this gateway has session aaaaaaaaaaaaaaaa"),
    (["--session", "../../etc/passwd"], 64, "is not a session id"),
    (["--session", "aaaaaaaaaaaaaaaa", "25880"], 64, "usage:"),
    (["--session", "aaaaaaaaaaaaaaaa", "--from", "192.0.2.1"], 64, "usage:"),
    (["--session", "aaaaaaaaaaaaaaaa", "--json"], 64, "usage:"),
    ([], 64, "usage:"),
])
def test_a_session_that_no_log_has_is_not_explained(gateway, words, code, told):
    got, said, error = explain(gateway, *words)
    assert (got, said) == (code, "")
    assert told in error


def test_of_a_session_that_was_refused_nothing_that_is_said(client, gateway):
    client.ssh("25880", "nodes", check=True)
    session = events(gateway, "login")[-1]["session"]
    code, said, error = explain(gateway, "--session", session)
    assert (code, said) == (2, "")
    assert "was not refused anything" in error
