"""enscalectl status never says well when nobody can come in: what was well an
hour ago is looked at now. What it names, test_doctor.py has."""

import json
import re

import pytest

import entries
from test_doctor import LOGIN, PAM, broken, status  # noqa: F401


def test_status_is_content_when_nothing_is_in_the_way(gateway):
    code, said = status(gateway)
    assert code == 0, said
    assert "logins      nothing prevents them\n" in said


def test_status_names_in_one_line_what_doctor_finds(gateway, broken):
    broken("echo closed >/etc/nologin; sed -i '/^passwd/s/enscale//' /etc/nsswitch.conf;"
           "echo '21297:x:4444:100::/:/bin/sh' >>/etc/passwd",
           "/etc/nsswitch.conf", "/etc/passwd", back="rm /etc/nologin")
    code, said = status(gateway)
    assert code == 1
    assert said.splitlines()[-1] == ("logins      2 failures: nsswitch, nologin; "
                                     "1 warning: local-users; see enscalectl doctor")


def test_status_names_what_sshd_would_not_start_with(gateway, client, broken):
    broken("echo 'Prot 3022' >>/etc/enscale/sshd_config", "/etc/enscale/sshd_config")
    code, said = status(gateway)
    assert code == 1, said
    assert "1 failure: sshd-config" in said
    assert client.ssh(LOGIN, "id -un").stdout == b"apache\n"  # the one that runs


def test_a_match_block_of_a_sites_own_is_nothing_unwell(gateway, broken):
    broken("sed -i '$ a Match LocalPort 3022 User 4444\\nMaxSessions 20'"
           " /etc/enscale/sshd_config", "/etc/enscale/sshd_config")
    code, said = status(gateway)
    assert code == 0, said


@pytest.mark.parametrize("login, words", [(LOGIN, ["true"]), ("25880", ["nodes"])])
def test_a_login_that_pam_was_not_asked_about_is_the_gateways_trouble(
    gateway, client, broken, login, words
):
    """Without its own file PAM takes that of "other", which lets everybody in."""
    broken(f"rm {PAM}", PAM)
    result = client.ssh(login, *words)
    assert result.returncode == 122
    assert result.stdout == b""
    assert b"it let you in without a record of this session" in result.stderr
    uid = 1879048192 + 25880
    assert f"sshd let uid {uid} in without pam_enscale" in gateway.log("enscale-guard")


def test_lookup_says_who_has_the_name(gateway, broken):
    broken("echo 40404:x:4444:100::/:/bin/sh | cat - /etc/passwd.kept >/etc/passwd", "/etc/passwd")
    said = gateway.run(["enscalectl", "lookup", "40404"]).stdout.decode()
    assert 'nss         another user, so PAM refuses the name: user "40404" is' in said
    assert "uid 4444" in said


def test_a_local_number_that_is_no_account_is_in_nobodys_way(gateway, broken):
    broken("echo 21297:x:4444:100::/:/bin/sh >>/etc/passwd", "/etc/passwd")
    assert status(gateway)[0] == 0


def test_what_keeps_nobody_out_is_a_warning(gateway, broken):
    broken("chown enscale-guard:enscale /etc/enscale/ca/ca", "/etc/enscale/ca/ca")
    code, said = status(gateway)
    assert code == 0, said
    assert "logins      1 warning: ca-key; see enscalectl doctor\n" in said


def test_who_is_not_root_is_told_that_he_cannot_look(gateway):
    argv = ["setpriv", "--reuid=enscale-keys", "--regid=enscale", "--clear-groups"]
    result = gateway.run([*argv, "enscalectl", "status"], check=False)
    assert result.returncode == 2
    assert b"logins      only root can check what they need\n" in result.stdout


# ---- for programs ------------------------------------------------------------------


def json_of(gateway, *words):
    result = gateway.run(["enscalectl", *words, "--json"], check=False)
    return result.returncode, json.loads(result.stdout)


def members_of_page():
    with open("/usr/src/enscale/man/enscalectl.8") as file:
        text = file.read().split("it is an array with one object:\n")[1]
    lines = re.findall(r"^\.Li (.*)$", text.split("The last two")[0], re.M)
    return re.findall(r"\w+", " ".join(lines))


def test_status_says_the_same_as_json(gateway, broken):
    code, [seen] = json_of(gateway, "status", "--wait", "30")
    assert code == 0, seen
    assert list(seen) == members_of_page()
    assert seen["in_step"] is True and seen["stage"] == "in step"
    assert seen["accounts"] > 3 and seen["guard_error"] is None and seen["sessions"] == 0
    assert (seen["doctor_failures"], seen["doctor_warnings"]) == ([], [])
    broken("echo closed >/etc/nologin", back="rm /etc/nologin")
    code, [seen] = json_of(gateway, "status")
    assert code == 1
    assert seen["doctor_failures"] == ["nologin"]


def test_status_is_null_where_nothing_is_known(gateway):
    gateway.sh("(cat /etc/enscale/enscale.conf; printf '[paths]\\nrun_dir = /nowhere\\n"
               "state_dir = /nowhere\\n') >/root/nowhere.conf")
    try:
        code, [seen] = json_of(gateway, "-f", "/root/nowhere.conf", "status")
    finally:
        gateway.sh("rm /root/nowhere.conf")
    assert code == 2
    assert list(seen) == members_of_page()
    for name in ("stage", "accounts", "refused", "generation", "as_of", "sessions"):
        assert seen[name] is None, name
    assert seen["in_step"] is False
    assert seen["view_error"] and seen["guard_error"]


def test_what_enscale_sync_refuses_is_listed_with_the_reason(gateway, administrator, wait_for):
    dn, orphan = entries.account_dn(50001), f"enscaleNodeId=130099,{entries.account_dn(50002)}"

    def listed():
        return [row for row in json_of(gateway, "sync", "refused")[1] if "5000" in row["entry"]]

    administrator.add_account(50001, enscaleStatus="asleep")
    administrator.add_account(50002)
    try:
        administrator.add(orphan, objectClass="enscaleNode", enscaleNodeId=130099,
                          ipHostNumber="198.19.0.99", enscaleSystemUser="apache")
        wait_for(lambda: len(listed()) == 2, "both are named")
        rows = {row["state"]: row for row in listed()}
        assert list(rows["refused"]) == ["state", "entry", "reason"]
        assert rows["refused"]["entry"] == dn
        assert "enscaleStatus: an unknown word" in rows["refused"]["reason"]
        assert rows["no parent"]["entry"] == orphan
        said = gateway.run(["enscalectl", "sync", "refused"]).stdout.decode().splitlines()
        assert any(line.startswith(f"refused\t{dn}\tenscaleStatus") for line in said)
    finally:
        administrator.delete(entries.account_dn(50002))
        administrator.delete(dn)
    wait_for(lambda: listed() == [], "they are gone")
