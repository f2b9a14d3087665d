"""What others did in an owner's environments, told to the owner alone."""

import json

import pexpect
import pytest

from test_ending import begin

pytestmark = pytest.mark.both

ENVIRONMENT = "cool-waterfall-59"


def visits(client, account, *words):
    result = client.ssh(str(account), " ".join(["log", *words, "--json"]), check=True)
    document = json.loads(result.stdout)
    assert document["account"] == account
    return document["visits"]


def test_an_owner_sees_who_entered_with_which_command_and_for_how_long(
        client, gateway, wait_for):
    assert client.ssh("124718-21296", "echo seen; exit 7").returncode == 7
    wait_for(lambda: visits(client, 25880)[-1]["seconds"] is not None, "it is over")
    last = visits(client, 25880)[-1]
    assert last | {"account": 21296, "environment": ENVIRONMENT, "node": 124718,
                   "address": "198.18.0.10", "command": "echo seen; exit 7", "exit": 7,
                   "terminal": False, "inside": False, "subsystem": None} == last
    line = client.ssh("25880", f"log {ENVIRONMENT}").stdout.decode().splitlines()[-1]
    assert line.split("\t")[1:5] == ["21296", ENVIRONMENT, "124718", "198.18.0.10"]
    assert line.split("\t")[6] == "echo seen; exit 7"


def test_a_collaborator_sees_nothing_of_it(client):
    client.ssh("124718-25880", "true", check=True)
    assert all(visit["environment"] != ENVIRONMENT for visit in visits(client, 21296))
    assert visits(client, 21296, ENVIRONMENT) == []


def test_who_is_inside_is_said_to_be(client, gateway, wait_for):
    session = begin(client, gateway, wait_for, "124718-21296")
    try:
        assert visits(client, 25880, ENVIRONMENT)[-1]["inside"] is True
    finally:
        session.kill()
        session.communicate()
    wait_for(lambda: visits(client, 25880)[-1]["inside"] is False, "it is over")


def test_the_menu_shows_it(client):
    client.ssh("124718-21296", "echo $((40+2)) in the menu", check=True)
    menu = client.pexpect_ssh("25880")
    menu.expect(r"> ?$")
    menu.sendline("l")
    menu.expect(r"21296\S* +cool-waterfall-59 +124718 +198\.18\.0\.10 +\S+ +echo \$\(\(40\+2\)\)")
    menu.sendline("q")
    menu.expect(pexpect.EOF)
    menu.close()


def test_a_wrong_word_is_said_to_be_one(client):
    result = client.ssh("25880", "log one two")
    assert result.returncode == 123 and b"log [ENVIRONMENT] [--json]" in result.stderr
