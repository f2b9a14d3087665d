"""The shipped units under systemd itself: what INSTALL starts with systemctl
works in all of its sandbox, and can be restarted under the people in it."""

import json
import re
import signal
import subprocess
import time

import pytest

import installing

pytestmark = pytest.mark.both

UNITS = ["enscale-sync", "enscale-guard", "enscale-sshd"]

# What systemd-analyze(1) security calls each unit's exposure, 0 to 10, where
# Debian's two versions of it agree least: no change may raise it unseen.
EXPOSURE = {"enscale-sync": 1.1, "enscale-guard": 1.5, "enscale-keyd": 1.2, "enscale-sshd": 3.4}
LOGIN = "136553-21296"


@pytest.fixture(scope="module")
def installation(systemd_host, hosts):
    """What make install installs, and the commands of INSTALL after it."""
    systemd_host.install()
    installation = installing.Installation(systemd_host, hosts)
    installation.set_up()
    for step in installation.systemd_steps:
        systemd_host.sh(step)
    return installation


@pytest.fixture
def host(installation):
    return installation.host


@pytest.fixture
def trusted(installation, hosts):
    with installation.trusted_by(hosts.node136553):
        yield


@pytest.fixture
def in_a_node(installation, trusted):
    """A terminal on a node, through the gateway: says whether it still works."""
    terminal = installation.pexpect_ssh(LOGIN)
    terminal.expect_exact("apache@node136553-crimson-dust-8")
    count = 0

    def works():
        nonlocal count
        count += 1
        terminal.sendline(f"echo answer $(({count} + 1000))")
        terminal.expect_exact(f"answer {count + 1000}")
        return True

    assert works()
    yield works
    terminal.sendline("exit")
    terminal.expect(r"(?s).*")
    terminal.close(force=True)


def show(host, unit, *properties):
    said = host.run(["systemctl", "show", unit, f"--property={','.join(properties)}"])
    values = dict(line.split("=", 1) for line in said.stdout.decode().splitlines())
    return [values[name] for name in properties]


def main_pid(host, unit):
    return int(show(host, unit, "MainPID")[0])


def test_the_units_are_up_and_will_be_after_a_boot(host):
    assert host.run(["systemctl", "is-active", *UNITS]).stdout == b"active\n" * 3
    assert host.run(["systemctl", "is-enabled", *UNITS]).stdout == b"enabled\n" * 3
    assert host.run(["systemctl", "is-system-running"]).stdout == b"running\n"


def test_doctor_finds_nothing_until_a_unit_is_not_enabled(host):
    def lines():
        said = host.run(["enscalectl", "doctor", "--json"], check=False).stdout
        return {line["check"]: line for line in json.loads(said) if line["state"] != "ok"}

    assert lines() == {}
    host.sh("systemctl disable enscale-guard")
    try:
        (word, line), = lines().items()
        assert (word, line["state"]) == ("units", "warning")
        assert "enscale-guard is not enabled (disabled)" in line["finding"]
        host.sh(line["mend"])
        assert lines() == {}
    finally:
        host.sh("systemctl enable enscale-guard")


def test_a_refusal_of_pam_is_explained_from_the_audit_log_or_the_journal(installation, host):
    refused = installation.ssh("30311", "true")
    session = re.search(rb"\(session ([a-z2-7]{16})\)", refused.stderr)[1].decode()

    def explained(where):
        said = host.run(["enscalectl", "explain", "--session", session], check=False)
        assert said.returncode == 1
        lines = said.stdout.decode().splitlines()
        assert re.fullmatch(
            rf"then +\S+T\S+, {where}: account-suspended: Account 30311 is .*", lines[0])
        assert lines[-1].startswith("now         account-suspended: ")

    explained("login-refused")
    log = "/var/log/enscale/audit.log"
    host.sh(f"mv {log} {log[:-4]}; touch {log}")
    try:
        explained("account")
    finally:
        host.sh(f"mv {log[:-4]} {log}")


def test_the_journal_finds_what_was_said_of_an_account_by_its_fields(
        installation, trusted, host, wait_for):
    refused = installation.ssh("136553-25880", "id").stderr.decode()
    sentence, session = re.search(r"(Node .*) \(session ([a-z2-7]{16})\)", refused).groups()
    verdict = host.run(["enscalectl", "explain", "136553-25880"], check=False).stdout.decode()

    def found(*fields):
        said = host.run(["journalctl", "-q", "-o", "json", "-u", "enscale-guard", *fields])
        return [json.loads(line) for line in said.stdout.splitlines()]

    wait_for(lambda: found(f"ENSCALE_SESSION={session}"), "the journal has it")
    entry, = found("ENSCALE_ACCOUNT=25880", f"ENSCALE_SESSION={session}")
    assert entry["MESSAGE"] == (
        f"hop-refused: {sentence} session={session} account=25880 node=136553")
    assert entry["ENSCALE_NODE"] == "136553"
    assert entry["ENSCALE_VERDICT"] == verdict.split(":")[0]
    assert (entry["PRIORITY"], entry["SYSLOG_IDENTIFIER"]) == ("6", "enscale-guard")
    # What concerns nobody has come by standard error.
    said = {line["MESSAGE"]: line["_TRANSPORT"] for line in found()}
    assert {way for text, way in said.items() if text.startswith("ready: ")} == {"stdout"}


# Entries of nobody, until the journal's queue has room for no more.
FILL_JOURNAL = """
import socket
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as entries:
    entries.setblocking(False)
    try:
        while True:
            entries.sendto(b"MESSAGE=flood\\n", "/run/systemd/journal/socket")
    except BlockingIOError:
        pass
"""


def test_a_journal_that_hangs_keeps_nobody_in(installation, in_a_node, host, wait_for):
    """And what was said meanwhile is in it when it goes on."""
    journald, begin = str(main_pid(host, "systemd-journald")), time.time()
    host.run(["kill", "-STOP", journald])
    try:
        host.run(["python3", "-c", FILL_JOURNAL])
        host.run(["enscalectl", "kill", "--account", "21296"], timeout=30)
        wait_for(lambda: not host.sh("pgrep -u 1879069488 || :").stdout, "they are gone", 30)
    finally:
        host.run(["kill", "-CONT", journald])
    said = ["journalctl", "-q", "-u", "enscale-guard", "-o", "cat", "--since", f"@{int(begin)}"]
    wait_for(lambda: b"account=21296" in host.run(said).stdout, "the journal has it")


def test_systemd_has_nothing_to_say_against_the_units(host):
    paths = [f"/lib/systemd/system/{unit}.service" for unit in [*UNITS, "enscale-keyd"]]
    said = host.run(["systemd-analyze", "verify", "--man=no", *paths])
    assert (said.stdout, said.stderr) == (b"", b"")
    journal = host.run(["journalctl", "-b", "_PID=1", "-o", "cat"]).stdout.decode()
    assert not re.findall(r".*(?:[Ii]gnoring|Failed to).*enscale.*", journal)


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_runs_in_its_sandbox(host, unit):
    pid = main_pid(host, unit)
    status = dict(
        line.split(":\t", 1)
        for line in host.read(f"/proc/{pid}/status").decode().splitlines()
        if ":\t" in line
    )
    assert status["NoNewPrivs"].strip() == "1"
    assert status["Seccomp"].strip() == "2"

    def writable(path):
        test = f"nsenter --target={pid} --mount touch {path} && rm {path}"
        return host.sh(test, check=False).returncode == 0

    assert not writable("/usr/bin/enscale-test")
    assert not writable("/etc/enscale/enscale-test")


@pytest.mark.parametrize("unit", EXPOSURE)
def test_no_unit_is_more_exposed_than_is_quoted(host, unit, note):
    analysis = host.run(["systemd-analyze", "security", f"{unit}.service"], check=False)
    last = analysis.stdout.decode().splitlines()[-1]
    exposure = float(re.search(r"exposure level for \S+: ([\d.]+)", last)[1])
    note(f"systemd-analyze security: {unit} {exposure}")
    assert exposure <= EXPOSURE[unit], analysis.stdout.decode()


def test_only_the_guard_has_a_capability(host):
    def capabilities(unit):
        status = host.read(f"/proc/{main_pid(host, unit)}/status").decode()
        return [int(n, 16) for n in re.findall(r"Cap(?:Prm|Eff|Bnd|Amb):\t(\w+)", status)]

    assert capabilities("enscale-sync") == [0] * 4
    assert capabilities("enscale-guard") == [1 << 5] * 4  # CAP_KILL


def test_the_kernel_keeps_the_ca_key_from_the_guard(host):
    said = host.run(["journalctl", "-u", "enscale-guard", "-o", "cat"]).stdout.decode()
    if re.search(r"\(Landlock\): (Function not implemented|Operation not supported)", said):
        pytest.skip("the kernel has no Landlock")
    assert "ready:" in said
    assert "Landlock" not in said


def test_a_person_comes_in_and_goes_on_to_a_node(installation, trusted):
    menu = installation.pexpect_ssh("25880")
    menu.expect_exact("cool-waterfall-59")
    menu.sendline("0")
    menu.wait()
    assert installation.ssh("136553-25880", "id").returncode == 120
    done = installation.ssh(LOGIN, "id -un; exit 7")
    assert (done.stdout, done.returncode) == (b"apache\n", 7)


def test_a_login_at_a_terminal_leaves_lastlog_as_it_was(installation, host):
    before = host.sh("stat -c %s.%Y /var/log/lastlog").stdout
    menu = installation.pexpect_ssh("25880")
    menu.expect_exact("cool-waterfall-59")
    menu.sendline("0")
    menu.wait()
    assert host.sh("stat -c %s.%Y /var/log/lastlog").stdout == before


# Debian 13's sshd writes no wtmp but a database, which libwtmpdb keeps.
WHO = """
import os, sqlite3, subprocess
if os.path.exists("/var/log/wtmp.db"):
    rows = sqlite3.connect("/var/log/wtmp.db").execute("select User from wtmp")
    print(*(user for (user,) in rows), sep="\\n")
else:
    subprocess.run(["last", "-w", "-f", "/var/log/wtmp"])
"""


def test_a_login_at_a_terminal_is_in_the_system_s_record_of_logins(installation, host):
    menu = installation.pexpect_ssh("21296")
    menu.expect(r"> ?$")
    menu.sendline("0")
    menu.wait()
    said = host.run(["python3", "-c", WHO]).stdout.decode()
    assert re.search(r"^21296\b", said, re.M), said


def test_only_sshd_has_terminals_that_echo_nothing_too_early(host):
    loaded = [unit for unit in UNITS if b"pty_enscale.so" in
              host.read(f"/proc/{main_pid(host, unit)}/maps")]
    assert loaded == ["enscale-sshd"]


@pytest.mark.parametrize("unit", UNITS)
def test_a_restart_ends_no_session(installation, in_a_node, host, unit):
    before = main_pid(host, unit)
    host.run(["systemctl", "restart", unit])
    assert main_pid(host, unit) not in (0, before)
    assert in_a_node()
    assert installation.ssh(LOGIN, "exit 7").returncode == 7
    # Whoever judges sessions has judged this one by now.
    time.sleep(2)
    assert in_a_node()


def test_the_guard_removes_from_its_sandbox_what_a_killed_sshd_left(
        installation, host, wait_for):
    def records():
        return host.sh("ls /run/enscale/sessions").stdout.split()

    terminal = installation.pexpect_ssh("21296")
    terminal.expect(r"> ?$")
    wait_for(lambda: len(records()) == 1, "the session is recorded")
    host.sh(r"pkill -KILL -f 'sshd(-session)?: 21296 \[priv\]'")
    wait_for(lambda: records() == [], "its record is gone")
    terminal.close(force=True)


@pytest.mark.parametrize("unit", UNITS)
def test_a_reload_keeps_the_process(installation, host, unit, wait_for):
    before = show(host, unit, "MainPID", "NRestarts")
    host.run(["systemctl", "reload", unit])
    wait_for(lambda: installation.ssh("25880", "id").returncode == 123, "a login")
    assert show(host, unit, "MainPID", "NRestarts") == before


def test_keys_are_written_from_within_keyds_sandbox(installation, host, hosts):
    def systemctl(words):
        host.run(["systemctl", *words])

    public = hosts.client.read("/root/keys/21296-ed25519.pub")
    with installing.keys_managed_on(host, hosts.directory, systemctl):
        done = installation.ssh("40404", "keys add Shared", input=public)
        assert (done.returncode, done.stderr) == (0, b"")
        word, fingerprint = done.stdout.decode().split()
        assert word == "added"
        status = host.read(f"/proc/{main_pid(host, 'enscale-keyd')}/status").decode()
        assert [int(n, 16) for n in re.findall(r"Cap...:\t(\w+)", status)] == [0] * 5
        assert re.search(r"NoNewPrivs:\t1", status) and re.search(r"Seccomp:\t2", status)
        done = installation.ssh("40404", f"keys delete {fingerprint}")
        assert done.stdout == f"deleted {fingerprint}\n".encode()
        said = host.run(["journalctl", "-q", "-o", "cat", "ENSCALE_ACCOUNT=40404"]).stdout
        assert f'key "{fingerprint}" deleted account=40404\n'.encode() in said
        # Who asks while it is restarted, or stopped, waits for it.
        host.run(["systemctl", "stop", "enscale-keyd"])
        assert installation.ssh("40404", "keys add Shared", input=public).returncode == 0
        before = main_pid(host, "enscale-keyd")
        host.run(["systemctl", "reload", "enscale-keyd"])
        assert installation.ssh("40404", f"keys delete {fingerprint}").returncode == 0
        assert main_pid(host, "enscale-keyd") == before != 0
        host.sh("sed -i.kept 's/^manage = .*/manage = perhaps/' /etc/enscale/enscale.conf")
        assert host.run(["systemctl", "reload", "enscale-keyd"], check=False).returncode != 0
        host.sh("sed 's/^manage = .*/manage = no/' /etc/enscale/enscale.conf.kept "
                "> /etc/enscale/enscale.conf")
        host.run(["systemctl", "reload", "enscale-keyd"])
        assert installation.ssh("40404", "keys add Shared", input=public).returncode == 120
        host.sh("mv /etc/enscale/enscale.conf.kept /etc/enscale/enscale.conf")
        assert main_pid(host, "enscale-keyd") == before
    # Where it is off it says so once, and is not started again and again.
    assert host.run(["systemctl", "start", "enscale-keyd"], check=False).returncode != 0
    time.sleep(3)
    assert show(host, "enscale-keyd", "ActiveState", "NRestarts", "ExecMainStatus") == [
        "failed", "0", "78"]
    host.run(["systemctl", "reset-failed", "enscale-keyd"])


def test_the_password_may_be_a_credential(host):
    folder, before = "/run/systemd/system/enscale-sync.service.d", "/etc/enscale/enscale.conf"
    password = "/run/credentials/enscale-sync.service/directory"
    host.put({f"{folder}/credential.conf":
              "[Service]\nLoadCredential=directory:/etc/enscale/directory.password\n"})
    host.sh(f"cp -p {before} {before}.kept; chown root: /etc/enscale/directory.password;"
            f"sed -i 's|^password_file = .*|password_file = {password}|' {before}")
    try:
        host.sh("systemctl daemon-reload; systemctl restart enscale-sync;"
                "enscalectl status --wait 60; enscalectl config check")
        assert password.encode() in host.read(before)
        assert b", in step" in host.run(["enscalectl", "status"]).stdout
    finally:
        host.sh(f"mv {before}.kept {before}; rm -r {folder};"
                "chown enscale-sync: /etc/enscale/directory.password;"
                "systemctl daemon-reload; systemctl restart enscale-sync;"
                "enscalectl status --wait 60")


@pytest.fixture
def nothing_to_serve(host):
    """Neither state nor view, and a directory that nobody reaches."""
    folder = "/run/systemd/system/enscale-sync.service.d"
    host.sh("systemctl stop enscale-sync; cd /var/lib/enscale;"
            "mkdir -p /root/kept/state /root/kept/view;"
            "mv state/* /root/kept/state; mv view/* /root/kept/view;"
            "sed -i.kept 's|^uri = .*|uri = ldaps://198.19.0.99|' /etc/enscale/enscale.conf")
    host.put({f"{folder}/start.conf": "[Service]\nTimeoutStartSec=3\n"})
    host.run(["systemctl", "daemon-reload"])
    yield
    host.sh(f"mv /etc/enscale/enscale.conf.kept /etc/enscale/enscale.conf;"
            f"rm -r {folder} /root/kept; systemctl daemon-reload;"
            "systemctl restart enscale-sync; enscalectl status --wait 60")


def test_a_start_without_a_directory_returns_and_goes_on_trying(
        host, nothing_to_serve, wait_for):
    result = host.run(["systemctl", "start", "enscale-sync"], check=False, timeout=60)
    assert result.returncode != 0
    assert b"timeout was exceeded" in result.stderr
    assert b"journalctl" in result.stderr
    host.sh("sed -i 's|^uri = .*|uri = ldaps://directory|' /etc/enscale/enscale.conf")
    wait_for(lambda: show(host, "enscale-sync", "ActiveState") == ["active"],
             "it is served by then, although nobody starts it", 30)


@pytest.mark.parametrize("unit", ["enscale-sync", "enscale-guard"])
def test_the_watchdog_is_fed_and_bites(host, unit, in_a_node, wait_for):
    folder = f"/run/systemd/system/{unit}.service.d"
    host.put({f"{folder}/watchdog.conf": "[Service]\nWatchdogSec=2\nRestartSec=0\n"})
    host.run(["systemctl", "daemon-reload"])
    host.run(["systemctl", "restart", unit])
    try:
        before = main_pid(host, unit)
        time.sleep(5)
        assert main_pid(host, unit) == before
        host.run(["systemctl", "kill", "--kill-whom=main", "-s", "STOP", unit])
        wait_for(
            lambda: main_pid(host, unit) not in (0, before)
            and show(host, unit, "ActiveState") == ["active"],
            "systemd starts it again",
        )
        assert in_a_node()
    finally:
        host.sh(f"rm -r {folder}; systemctl daemon-reload; systemctl restart {unit}")


# ---- what sshd's sandbox has to bear ------------------------------------------


@pytest.fixture
def copied(installation, trusted, hosts):
    """A file on the client, and whether it has arrived in the node's folder."""
    client, node = hosts.client, hosts.node136553
    client.write("/root/copied", bytes(range(256)) * 4000)
    node.sh("rm -rf /var/www/in; install -d -o apache -g apache /var/www/in")

    def has_arrived():
        return node.read("/var/www/in/copied") == client.read("/root/copied")

    yield has_arrived
    node.sh("rm -rf /var/www/in")
    client.sh("rm -rf /root/copied /root/config.systemd.*")


@pytest.mark.parametrize("command", [
    "scp -q -F {config} /root/copied gateway:in/",
    "scp -q -O -F {config} /root/copied gateway:in/",
    "echo put /root/copied in/copied | sftp -q -b - -F {config} gateway",
    "rsync -e 'ssh -F {config}' /root/copied gateway:in/copied",
    "tar -C /root -cf - copied | ssh -F {config} gateway tar -C in -xf -",
], ids="scp rcp sftp rsync tar".split())  # fmt: skip
def test_files_are_copied(installation, copied, hosts, command):
    hosts.client.sh(command.format(config=installation.config(LOGIN)))
    assert copied()


def test_a_terminal_on_the_node_is_the_users(installation, trusted):
    terminal = installation.pexpect_ssh(LOGIN)
    terminal.expect_exact("apache@node136553-crimson-dust-8")
    terminal.setwinsize(33, 99)
    # The brackets keep what is typed from being what is waited for.
    terminal.sendline("until stty size | grep '33[ ]99'; do sleep 0.1; done; exit 5")
    terminal.expect_exact("33 99")
    terminal.wait()
    assert terminal.exitstatus == 5


def test_a_forwarded_agent_reaches_the_node(installation, trusted, hosts):
    config = installation.config(LOGIN)
    said = hosts.client.sh(
        "eval $(ssh-agent) >/dev/null; trap 'ssh-agent -k >/dev/null' EXIT;"
        "ssh-add -q /root/keys/21296-ed25519;"
        f"ssh -A -F {config} gateway ssh-add -L").stdout
    key = hosts.client.read("/root/keys/21296-ed25519.pub")
    assert said.split()[:2] == key.split()[:2]


def test_several_channels_share_a_connection(installation, trusted, hosts):
    config = installation.config(LOGIN)
    said = hosts.client.sh(
        f"ssh -fN -M -S /root/shared -F {config} gateway;"
        "trap 'ssh -S /root/shared -O exit gateway 2>/dev/null' EXIT;"
        f"for i in 1 2 3; do ssh -S /root/shared -F {config} gateway echo $i & done; wait").stdout
    assert sorted(said.split()) == [b"1", b"2", b"3"]


@pytest.fixture
def native_mode(host):
    host.sh("sed -Ei.kept 's/^#?native = .*/native = yes/' /etc/enscale/enscale.conf;"
            "systemctl restart enscale-guard")
    yield
    host.sh("mv /etc/enscale/enscale.conf.kept /etc/enscale/enscale.conf;"
            "systemctl restart enscale-guard")


def test_a_tunnel_of_native_mode_leads_to_the_node(installation, trusted, native_mode):
    target = "198.19.0.53:22"
    words = ["-o", "BatchMode=yes", "-W", target]
    argv = ["ssh", *installation.options(LOGIN), *words, "--", installation.address]
    done = installation.hosts.client.run(argv, timeout=30, check=False)
    assert done.stdout.startswith(b"SSH-2.0-"), done.stderr
    certificate = installation.ssh(LOGIN, "cert")
    assert certificate.stdout.startswith(b"ssh-ed25519-cert-v01@openssh.com "), certificate


@pytest.mark.parametrize("options, word", [
    (["-R", "40001:127.0.0.1:22"], b"remote port forwarding failed"),
    (["-W", "198.19.0.2:636"], b"administratively prohibited"),
    (["-W", "127.0.0.1:3022"], b"administratively prohibited"),
], ids="remote directory itself".split())
def test_nothing_of_the_gateway_is_opened(installation, trusted, options, word):
    argv = ["ssh", *installation.options(LOGIN), "-o", "ExitOnForwardFailure=yes",
            "-o", "BatchMode=yes", *options, "--", installation.address]
    done = installation.hosts.client.run(argv, timeout=30, check=False)
    assert done.returncode == 255 and word in done.stderr


def test_nobody_below_sshd_has_a_right_of_root(installation, in_a_node, host):
    """A shell and the ssh of its hop, as they run."""
    pids = host.sh("pgrep -u 1879069488").stdout.split()
    assert len(pids) >= 2
    for pid in pids:
        status = host.read(f"/proc/{pid.decode()}/status").decode()
        assert re.findall(r"Cap(?:Prm|Eff|Amb):\t(\w+)", status) == ["0" * 16] * 3
        assert re.search(r"NoNewPrivs:\t1", status)


# ---- restarts, reloads, all of it ----------------------------------------------


def logins_while(installation, count, act):
    """Their exit codes and what they said; act() is done meanwhile."""
    argv = ["ssh", *installation.options(LOGIN), "-o", "BatchMode=yes", "--",
            installation.address, "exit 7"]
    running = []
    for _ in range(count):
        running.append(installation.hosts.client.popen(argv, stderr=subprocess.PIPE))
        time.sleep(0.15)
        act()
    return [(process.wait(60), process.stderr.read()) for process in running]


@pytest.mark.parametrize("unit", ["enscale-sync", "enscale-guard"])
def test_a_restart_refuses_no_login(installation, trusted, host, unit):
    """They wait, also those for whom the guard had begun something."""
    def restart():
        host.run(["systemctl", "restart", unit])

    ends = logins_while(installation, 8, restart)
    assert ends == [(7, b"")] * 8


def test_who_asks_while_there_is_no_guard_waits_for_it(installation, trusted, host):
    host.run(["systemctl", "kill", "--kill-whom=main", "-s", "KILL", "enscale-guard"])
    assert installation.ssh(LOGIN, "exit 7").returncode == 7
    host.run(["systemctl", "stop", "enscale-guard"])
    assert installation.ssh(LOGIN, "exit 7").returncode == 7
    assert show(host, "enscale-guard", "ActiveState") == ["active"]


def test_a_guard_that_could_not_start_is_back_when_it_can(
        installation, trusted, host, wait_for):
    """However often somebody has asked for it meanwhile: it is tried once a
    second, and each try is a line or two in the log."""
    key = "/etc/enscale/ca/ca"
    host.sh(f"mv {key} {key}.away; systemctl restart enscale-guard || :")
    try:
        begin = time.time()
        host.sh("for i in $(seq 40); do enscalectl status >/dev/null || :; done & sleep 3; kill $!")
        assert show(host, "enscale-guard", "ActiveState") != ["active"]
        tries = host.sh(f"journalctl -q -o cat -u enscale-guard --since @{int(begin)} "
                        "| grep -c ^Starting || :").stdout
        assert int(tries) <= time.time() - begin + 3
    finally:
        host.sh(f"mv {key}.away {key}")
    wait_for(lambda: installation.ssh(LOGIN, "exit 7").returncode == 7, "a login", 30)
    assert show(host, "enscale-guard.socket", "ActiveState") == ["active"]


def test_the_guard_takes_a_new_ca_key_through_systemds_socket(installation, trusted, host):
    """Who is at the other end of the socket is the guard, not systemd."""
    for step in ("", "--switch", "--finish"):
        host.sh(f"enscalectl ca rotate {step}")
    pid = main_pid(host, "enscale-guard")
    log = host.run(["journalctl", f"_PID={pid}", "-o", "cat"]).stdout.decode()
    assert "from now on" in log


def test_the_target_stops_and_starts_all(installation, trusted, host, wait_for):
    def said():
        units = [*UNITS, "enscale-guard.socket"]
        return host.run(["systemctl", "is-active", *units], check=False).stdout

    host.run(["systemctl", "stop", "enscale.target"])
    try:
        # systemctl waits for the target alone, which goes before its units.
        wait_for(lambda: said() == b"inactive\n" * 4, "all is stopped", 30)
        assert installation.ssh("25880", "nodes").returncode == 255
    finally:
        host.run(["systemctl", "start", "enscale.target"])
    host.sh("enscalectl status --wait 60")
    assert installation.ssh(LOGIN, "exit 7").returncode == 7


@pytest.mark.parametrize("unit", UNITS)
def test_a_reload_tells_a_mistake_and_changes_nothing(installation, host, unit):
    file = f"/etc/enscale/{'sshd_config' if unit == 'enscale-sshd' else 'enscale.conf'}"
    before = show(host, unit, "MainPID", "NRestarts")
    host.sh(f"cp -p {file} {file}.kept; echo 'mistaken = yes' >>{file}")
    try:
        reload = host.run(["systemctl", "reload", unit], check=False)
    finally:
        host.sh(f"mv {file}.kept {file}")
    assert reload.returncode != 0
    log = host.run(["journalctl", "-u", unit, "-n", "20", "-o", "cat"]).stdout.decode()
    assert "mistaken" in log
    assert show(host, unit, "MainPID", "NRestarts", "ActiveState") == [*before, "active"]
    assert installation.ssh("25880", "nodes").returncode == 0


def test_a_reload_of_the_guard_takes_what_is_new(installation, host, wait_for):
    file = "/etc/enscale/enscale.conf"
    before = show(host, "enscale-guard", "MainPID", "NRestarts")
    line = "Zone 2 moves on Sunday."

    def shown():
        menu = installation.pexpect_ssh("25880")
        menu.expect_exact("cool-waterfall-59")
        menu.sendline("0")
        menu.wait()
        return line in menu.before

    host.sh(f"sed -Ei.kept 's/^#?announcement = .*/announcement = {line}/' {file};"
            "systemctl reload enscale-guard")
    try:
        wait_for(shown, "the menu shows it")
    finally:
        host.sh(f"mv {file}.kept {file}; systemctl reload enscale-guard")
    wait_for(lambda: not shown(), "and no longer")
    host.sh(f"sed -Ei.kept 's|^#?source_addresses = .*|source_addresses = 198.19.0.9/32|' {file};"
            "systemctl reload enscale-guard")
    journal = ["journalctl", "-u", "enscale-guard", "-n", "20", "-o", "cat"]
    try:
        said = b"uid_base, [paths], host_keys and source_addresses only change with a restart"
        wait_for(lambda: said in host.run(journal).stdout, "it says so")
    finally:
        host.sh(f"mv {file}.kept {file}")
    assert show(host, "enscale-guard", "MainPID", "NRestarts") == before


def test_the_password_may_be_a_file_of_roots_alone(host):
    password = "/etc/enscale/directory.password"
    host.sh(f"chown root: {password}; systemctl restart enscale-sync;"
            "enscalectl status --wait 60")
    assert b", in step" in host.run(["enscalectl", "status"]).stdout
    host.sh(f"chown enscale-sync: {password}; systemctl restart enscale-sync;"
            "enscalectl status --wait 60")


def test_a_start_needs_no_password_file(host):
    """Without a bind_dn there is none; here it is only missing."""
    password = "/etc/enscale/directory.password"
    host.sh(f"mv {password} {password}.away")
    try:
        host.run(["systemctl", "restart", "enscale-sync"])
        assert show(host, "enscale-sync", "ActiveState") == ["active"]
    finally:
        host.sh(f"mv {password}.away {password}; systemctl restart enscale-sync;"
                "enscalectl status --wait 60")
