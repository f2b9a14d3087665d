"""What an administrator asks of the running follower."""

import json

import pytest

STATUS = "/run/enscale/metrics/sync.json"


def sync(gateway, word):
    return gateway.run(["enscalectl", "sync", word], check=False)


def status(gateway):
    return json.loads(gateway.read(STATUS))


def test_a_refresh_that_is_asked_for_is_made(gateway, wait_for):
    before = status(gateway)["refreshes"]
    done = sync(gateway, "refresh")
    assert done.returncode == 0 and b"a full refresh follows" in done.stdout
    wait_for(lambda: status(gateway)["refreshes"] > before, "a refresh", 20)
    assert "refreshing in full" in gateway.log("enscale-sync")
    wait_for(lambda: status(gateway)["in_step"], "in step again", 20)


def test_nothing_is_accepted_where_nothing_is_held(gateway):
    done = sync(gateway, "accept")
    assert done.returncode == 1
    assert done.stderr == b"enscalectl: nothing is held back\n"


@pytest.mark.parametrize("user", ["enscale-guard", "nobody"])
def test_nobody_else_may_ask(gateway, user):
    done = gateway.run(["setpriv", f"--reuid={user}", "--regid=enscale",
                        "--clear-groups", "enscalectl", "sync", "refresh"],
                       check=False)
    assert done.returncode == 2
    assert b"only root may ask enscale-sync" in done.stderr


def test_a_follower_that_does_not_run_is_named(gateway, wait_for):
    gateway.stop("enscale-sync")
    try:
        done = sync(gateway, "refresh")
        assert done.returncode == 2
        assert b"enscale-sync is not running" in done.stderr
    finally:
        gateway.run(["hostctl", "start", "enscale-sync"])
    wait_for(lambda: status(gateway)["in_step"], "in step again", 20)
