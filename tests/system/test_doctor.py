"""enscalectl doctor names the one thing that is broken, and what mends it: each
of its lines, broken on a gateway where all the others are well."""

import json
import os
import signal
import time
from dataclasses import dataclass

import pytest

from hosts import wait_for

HERE = os.path.dirname(os.path.realpath(__file__))
LOGIN = "124718-25880"
PAM = "/etc/pam.d/enscale-sshd"
NSSWITCH = "/etc/nsswitch.conf"
PASSWD, GROUP = "/etc/passwd", "/etc/group"
SSHD_CONFIG = "/etc/enscale/sshd_config"
VIEW, MAP = "/var/lib/enscale/view", "/var/lib/enscale/map/accounts.map"
SYNC = "/run/enscale/metrics/sync.json"
CA, HOST_KEY = "/etc/enscale/ca/ca", "/etc/enscale/ssh_host_rsa_key"
BASE = 1879048192
LIBRARIES = ("MODULE=$(dirname /usr/lib/*/security/pam_unix.so)/pam_enscale.so;"
             "NSS=$(dirname /usr/lib/*/libnss_files.so.2)/libnss_enscale.so.2;")


def doctor(host, *options, **more):
    """The exit code, and {word: line}."""
    result = host.run(["enscalectl", *options, "doctor", "--json"], check=False, **more)
    lines = json.loads(result.stdout)
    return result.returncode, {line["check"]: line for line in lines}


def status(host):
    result = host.run(["enscalectl", "status"], check=False)
    return result.returncode, result.stdout.decode()


def found(lines, state):
    return {word for word, line in lines.items() if line["state"] == state}


def settle(host):
    """Until enscale-sync is in step and says so: on a machine that is busy with
    other tests it may have left a directory that did not answer."""
    def in_step():
        with open(host.path(SYNC)) as file:
            said = json.load(file)
        return said["in_step"] and time.time() - said["time"] < 10

    wait_for(in_step, "enscale-sync is in step", 60)


@pytest.fixture
def broken(gateway):
    """broken(script, *paths, back): until the end of the test; the paths are put
    back. All is well before, and then."""
    undo = []

    def do(script, *paths, back=":"):
        settle(gateway)
        undo.append(back)
        for path in paths:
            gateway.sh(f"cp -a {path} {path}.kept")
            undo.append(f"mv -fT {path}.kept {path}")
        gateway.sh(script)

    yield do
    for script in reversed(undo):
        gateway.sh(script)
    settle(gateway)
    code, lines = doctor(gateway)
    assert code == 0, lines


@dataclass
class Break:
    """What is done, and what is seen of it."""
    word: str
    name: str
    script: str
    finding: str
    paths: tuple = ()
    back: str = ":"
    state: str = "failure"
    out: bool = False  # nobody can log in
    also: tuple = ()  # rows that warn of the same


BREAKS = [
    Break("users", "user", f"sed -i '/^enscale-keys:/d' {PASSWD}",
          'there is no user "enscale-keys"', (PASSWD,), out=True),
    Break("users", "member", f"sed -i '/^enscale-ca:/s/enscale-guard//' {GROUP}",
          'user "enscale-guard" is not a member of group "enscale-ca"', (GROUP,)),
    Break("files", "password", "chown root: /etc/enscale/directory.password",
          'password_file: "/etc/enscale/directory.password", for user "enscale-sync":'
          " Permission denied", ("/etc/enscale/directory.password",)),
    Break("files", "tls-ca", "mv /etc/enscale/directory-ca.crt /root",
          'tls_ca: "/etc/enscale/directory-ca.crt", for user "enscale-sync": No such file',
          back="mv /root/directory-ca.crt /etc/enscale"),
    Break("folders", "missing", "rm -r /run/enscale/keyd",
          '"/run/enscale/keyd": No such file or directory',
          back="systemd-tmpfiles --create enscale.conf"),
    Break("folders", "writable", "chmod 777 /var/lib/enscale/empty",
          '"/var/lib/enscale/empty" is root:root 0777, not root:root 0755',
          back="systemd-tmpfiles --create enscale.conf"),
    Break("folders", "narrower", "chmod 700 /var/lib/enscale/empty",
          '"/var/lib/enscale/empty" is root:root 0700', state="warning",
          back="systemd-tmpfiles --create enscale.conf"),
    Break("disk", "full", "mount -t tmpfs -o size=64k,mode=2750,uid=enscale-guard,gid=adm"
          " log /var/log/enscale", '"/var/log/enscale/audit.log": 64 KiB and',
          back="umount /var/log/enscale"),
    Break("nsswitch", "missing", f"sed -i '/^passwd/s/enscale//' {NSSWITCH}",
          f'"enscale" is missing in the line "passwd:" of {NSSWITCH}', (NSSWITCH,), out=True),
    Break("nsswitch", "return", f"sed -Ei 's/^passwd:.*/passwd: files [NOTFOUND=return] enscale/'"
          f" {NSSWITCH}", f'[NOTFOUND=return] stands before "enscale" in the line "passwd:" of'
          f" {NSSWITCH}", (NSSWITCH,), out=True),
    Break("nsswitch", "order", f"sed -Ei 's/^group:.*/group: enscale files/' {NSSWITCH}",
          '"enscale" stands before the host\'s own files', (NSSWITCH,), state="warning"),
    Break("nsswitch", "module", "mv $NSS $NSS.gone",
          "libnss_enscale.so.2: cannot open shared object file", back="mv $NSS.gone $NSS", out=True),
    Break("map", "missing", f"mv {MAP} {MAP}.gone", f"{MAP}: No such file or directory",
          back=f"mv {MAP}.gone {MAP}", out=True),
    Break("map", "roots-alone", f"chmod 600 {MAP}", f"{MAP}: Permission denied",
          back=f"chmod 644 {MAP}"),
    Break("uid-range", "subuid", f"echo walter:{BASE - 1000}:65536 >>/etc/subuid",
          f'/etc/subuid gives "walter" uids {BASE - 1000} to', ("/etc/subuid",),
          state="warning"),
    Break("local-users", "name", f"echo '21296:x:4444:100::/:/bin/sh' >>{PASSWD}",
          f'{PASSWD} has a user "21296", uid 4444, with the name of an account', (PASSWD,)),
    Break("local-users", "name-with-node", f"echo '1-21296:x:4444:100::/:/bin/sh' >>{PASSWD}",
          f'{PASSWD} has a user "1-21296", uid 4444, with the name of an account', (PASSWD,)),
    Break("local-users", "uid", f"echo 'walter:x:{BASE + 21296}:100::/:/bin/sh' >>{PASSWD}",
          f'{PASSWD} has a user "walter" with the uid of account 21296', (PASSWD,)),
    Break("local-users", "no-account", f"echo '21297:x:4444:100::/:/bin/sh' >>{PASSWD}",
          "an account of that name would be kept out", (PASSWD,), state="warning"),
    Break("local-groups", "member", f"echo 'operators:x:4444:root,124718-21296' >>{GROUP}",
          f'{GROUP} has account "124718-21296" in the group "operators"', (GROUP,)),
    Break("sync", "stopped", "hostctl stop enscale-sync", "enscale-sync does not run",
          back="hostctl start enscale-sync"),
    Break("view", "mode", f"chmod 700 {VIEW}",
          f'user "enscale-keys": "{VIEW}": no published view can be read',
          back=f"chmod 750 {VIEW}", out=True, also=("folders",)),
    Break("shell", "mode", "chmod 644 /usr/bin/enscale-shell",
          '"/usr/bin/enscale-shell": Permission denied', back="chmod 755 /usr/bin/enscale-shell",
          out=True),
    Break("shell", "roots-alone", "chmod 700 /usr/bin/enscale-shell",
          '"/usr/bin/enscale-shell": Permission denied', back="chmod 755 /usr/bin/enscale-shell"),
    Break("nologin", "closed", "echo closed >/etc/nologin",
          '"/etc/nologin" exists and keeps everybody out', back="rm /etc/nologin", out=True),
    Break("drain", "drained", "enscalectl drain --message Soon.", "drained since 20",
          state="warning", back="enscalectl undrain"),
    Break("drain", "broken", "echo nonsense >/var/lib/enscale/guard/drain",
          "cannot be read, and nobody is let in", out=True, back="enscalectl undrain"),
    Break("pam", "file", f"rm {PAM}", f'"{PAM}": No such file or directory', (PAM,), out=True),
    Break("pam", "line", f"sed -i '/pam_enscale/d' {PAM}",
          f'no line "account" of "{PAM}" has pam_enscale.so', (PAM,), out=True),
    Break("pam", "module", "mv $MODULE $MODULE.gone",
          "pam_enscale.so: cannot open shared object file: No such file or directory",
          back="mv $MODULE.gone $MODULE", out=True),
    Break("sshd-config", "word", f"echo 'Prot 3022' >>{SSHD_CONFIG}",
          "Bad configuration option: Prot", (SSHD_CONFIG,)),
    Break("start", "match", "sed -i '$ a Match Address 192.0.2.0/24\\nForceCommand /bin/sh'"
          f" {SSHD_CONFIG}", "in the Match block at line ", (SSHD_CONFIG,)),
    Break("start", "pam", f"sed -Ei 's/^account.*pam_enscale/account optional pam_enscale/' {PAM}",
          f"{PAM}, line ", (PAM,)),
    Break("sshd", "stopped", "hostctl stop enscale-sshd",
          "nobody listens on port 3022", back="hostctl start enscale-sshd", out=True),
    Break("lastlog", "written", "[ -e /var/log/lastlog ] || touch /var/log/lastlog;"
          "nsenter -m -t $(cat /run/enscale/sshd.pid) umount /var/log/lastlog",
          "sshd writes /var/log/lastlog, at offsets that grow with the uid", state="warning",
          back="hostctl stop enscale-sshd; hostctl start enscale-sshd"),
    Break("limits", "files", "prlimit --nofile=256: --pid $(cat /run/enscale/sshd.pid)",
          "sshd may have only 256 open files", state="warning",
          back="hostctl stop enscale-sshd; hostctl start enscale-sshd"),
    Break("limits", "startups", f"sed -i 's/^MaxStartups .*/MaxStartups 300:30:900000000/'"
          f" {SSHD_CONFIG}", "MaxStartups allows 900000000 connections", (SSHD_CONFIG,),
          state="warning"),
    Break("helper", "folder", "chmod 777 /usr/libexec/enscale",
          "can be changed by others than root: sshd refuses to run it",
          back="chmod 755 /usr/libexec/enscale", out=True),
    Break("helper", "fails", "printf '#!/bin/sh\\nexit 1\\n' >/usr/libexec/enscale/enscale-keys",
          '/enscale-keys", run by user "enscale-keys", ends with 1: no key is accepted',
          ("/usr/libexec/enscale/enscale-keys",), out=True),
    Break("guard", "stopped", "hostctl stop enscale-guard",
          '"/run/enscale/guard/guard.sock": Connection refused',
          back="hostctl start enscale-guard"),
    Break("guard", "folder", "chmod 750 /run/enscale/guard",
          '"/run/enscale/guard/guard.sock": Permission denied',
          back="chmod 755 /run/enscale/guard", also=("folders",)),
    Break("ca-key", "owner", f"chown root:root {CA}",
          f'user "enscale-guard" cannot read "{CA}", so nobody can enter a node: Permission', (CA,)),
    Break("ca-key", "changeable", f"chown enscale-guard:enscale {CA}",
          f'user "enscale-guard" can change "{CA}"', (CA,), state="warning"),
    Break("ca-key", "open", f"chmod 444 {CA}", f'everybody on this host can read "{CA}"', (CA,)),
    Break("ca-key", "public", f"ssh-keygen -q -t ed25519 -N '' -f /root/x; mv /root/x.pub {CA}.pub;"
          "rm /root/x", f'"{CA}.pub" is not its public key', (f"{CA}.pub",)),
    Break("host-keys", "public", f"cp /etc/enscale/ssh_host_ed25519_key.pub {HOST_KEY}.pub",
          f'"{HOST_KEY}.pub" is not the key of "{HOST_KEY}"', (f"{HOST_KEY}.pub",)),
    Break("host-keys", "mode", f"chmod 644 {HOST_KEY}", f'"{HOST_KEY}" has mode 0644: sshd does not',
          (HOST_KEY,)),
]  # fmt: skip


@pytest.mark.parametrize("case", BREAKS, ids=lambda case: f"{case.word}-{case.name}")
def test_doctor_names_what_is_broken_and_nothing_else(gateway, client, broken, case):
    broken(LIBRARIES + case.script, *case.paths, back=LIBRARIES + case.back)
    if case.word != "sync":
        settle(gateway)
    code, lines = doctor(gateway)
    line = lines[case.word]
    assert found(lines, case.state) == {case.word}, lines
    assert found(lines, "failure") <= {case.word}, lines
    assert found(lines, "warning") <= {case.word, *case.also}, lines
    assert code == (2 if case.state == "failure" else 1)
    assert case.finding in line["finding"], line
    assert line["mend"]
    if case.out:
        result = client.ssh(LOGIN, "id -un")
        assert result.returncode not in (0, 1)
        assert result.stdout == b""
        code, said = status(gateway)
        assert code == 1, said
        logins = [line for line in said.splitlines() if line.startswith("logins ")]
        assert logins[0].startswith(f"logins      1 failure: {case.word}")


@pytest.mark.both
def test_doctor_finds_nothing_on_a_gateway_where_all_is_well(gateway):
    settle(gateway)
    result = gateway.run(["enscalectl", "doctor"])
    first, *lines = result.stdout.decode().splitlines()
    assert first == f"all is well: {len(lines)} checks"
    assert {line.split()[0] for line in lines} == {"ok"}
    assert any("SHA256:" in line for line in lines)


def test_doctor_changes_nothing(gateway):
    def changed(since):
        look = "find /etc /usr /var/lib/enscale/guard /run/enscale ! -type d "
        paths = gateway.sh(look + since).stdout.decode().split()
        # what enscale-sync and the guard say of themselves all the time
        return [path for path in paths if "/metrics/" not in path]

    # a session of the test before may come to its end only now
    wait_for(lambda: not changed("-newermt '1 second ago'"), "nobody changes anything", 30)
    gateway.sh("touch /root/before")
    doctor(gateway)
    assert changed("-newer /root/before") == []


def test_each_line_of_doctor_is_broken_by_a_test(gateway):
    words = set(doctor(gateway)[1])
    elsewhere = {"configuration", "clock", "kernel", "keyd", "names", "nscd", "records",
                 "shadows", "units"}  # in test_systemd.py
    assert words == {case.word for case in BREAKS} | elsewhere


def test_below_what_is_broken_stands_what_mends_it(gateway, broken):
    broken(f"sed -i '/^passwd/s/enscale//' {NSSWITCH}; echo closed >/etc/nologin", NSSWITCH,
           back="rm /etc/nologin")
    result = gateway.run(["enscalectl", "doctor"], check=False)
    said = result.stdout.decode().splitlines()
    assert result.returncode == 2
    assert said[0] == "2 failures: nsswitch, nologin"
    at = next(i for i, line in enumerate(said) if line.startswith("failure  nsswitch"))
    assert said[at + 1].strip() == "/usr/libexec/enscale/enscale-nsswitch add"
    assert "skipped  names         not checked: mend nsswitch first" in said


def test_what_doctor_says_mends_it(gateway, broken):
    broken(f"sed -i '/^passwd/s/enscale//' {NSSWITCH}; rm -r /run/enscale/keyd", NSSWITCH,
           back="systemd-tmpfiles --create enscale.conf")
    _, lines = doctor(gateway)
    for word in ("nsswitch", "folders"):
        gateway.sh(lines[word]["mend"])
    assert doctor(gateway)[0] == 0


def test_doctor_goes_on_by_the_defaults_without_a_configuration(gateway, broken):
    broken("echo 'unknown = 1' >>/etc/enscale/enscale.conf", "/etc/enscale/enscale.conf")
    code, lines = doctor(gateway)
    assert code == 2
    assert found(lines, "failure") == {"configuration"}
    assert found(lines, "warning") == set()
    assert 'unknown key "unknown"' in lines["configuration"]["finding"]
    assert found(lines, "skipped") == {"drain", "files"}
    assert status(gateway)[0] == 2


def test_only_root_can_run_doctor(gateway):
    argv = ["setpriv", "--reuid=enscale-keys", "--regid=enscale", "--clear-groups"]
    result = gateway.run([*argv, "enscalectl", "doctor"], check=False)
    assert result.returncode == 3
    assert b"only root can check" in result.stderr


# ---- what it takes more to break ---------------------------------------------------


def test_doctor_names_a_clock_that_was_set_back(gateway, broken):
    shifted = "/root/shifted_clock"
    with open(f"{HERE}/shifted_clock.c") as file:
        gateway.write(f"{shifted}.c", file.read())
    broken(f"gcc -shared -fPIC -o {shifted}.so {shifted}.c", back=f"rm {shifted}*")
    gateway.write(shifted, "-3600")
    code, lines = doctor(gateway, env={"LD_PRELOAD": f"{shifted}.so", "SHIFT_FILE": shifted})
    assert code == 1
    assert found(lines, "warning") == {"clock"} and found(lines, "failure") == set()
    assert " seconds ahead of this clock" in lines["clock"]["finding"]


@pytest.mark.parametrize("missing, state, finding", [
    ("NO_LANDLOCK", "warning", "it has no Landlock"),
    ("NO_PEERPIDFD", "ok", "; without SO_PEERPIDFD (Linux 6.5)"),
])
def test_doctor_names_what_an_older_kernel_does_not_have(
        gateway, broken, missing, state, finding):
    library = "/root/older_kernel"
    with open(f"{HERE}/older_kernel.c") as file:
        gateway.write(f"{library}.c", file.read())
    broken(f"gcc -shared -fPIC -o {library}.so {library}.c", back=f"rm {library}*")
    code, lines = doctor(gateway, env={"LD_PRELOAD": f"{library}.so", missing: "1"})
    assert lines["kernel"]["state"] == state
    assert finding in lines["kernel"]["finding"]
    assert found(lines, "warning") == ({"kernel"} if state == "warning" else set()), lines
    assert found(lines, "failure") == set(), lines
    assert code == (1 if state == "warning" else 0)


LISTENER = """\
import socket, sys
with socket.create_server((sys.argv[1], 3022)) as server:
    while True:
        server.accept()[0].close()
"""


def test_doctor_names_who_listens_in_place_of_our_sshd(gateway, client, broken):
    """Root's process, on our port; then our sshd beside it, which has IPv6 alone."""
    gateway.write("/root/listener.py", LISTENER)
    broken("hostctl stop enscale-sshd;"
           "hostctl start listener --port 3022 -- python3 /root/listener.py 0.0.0.0",
           back="hostctl stop listener; rm /root/listener.py; hostctl stop enscale-sshd;"
                "hostctl start enscale-sshd")
    for command in (":", "hostctl start enscale-sshd"):
        gateway.sh(command)
        code, lines = doctor(gateway)
        assert code == 2
        assert found(lines, "failure") == {"sshd"}, lines
        assert found(lines, "warning") == set(), lines
        pid = gateway.pid_of("listener")
        assert lines["sshd"]["finding"] == (
            f'"python3", pid {pid} of user "root", listens at 0.0.0.0 port 3022,'
            " and is not our sshd")
        assert lines["sshd"]["mend"].startswith("end that, or give our sshd another Port")
        assert client.ssh(LOGIN, "id -un").stdout == b""
        code, said = status(gateway)
        assert code == 1 and "1 failure: sshd;" in said, said


def test_a_listener_at_an_address_that_is_not_sshds_is_not_in_the_way(gateway, client, broken):
    gateway.write("/root/listener.py", LISTENER)
    broken("hostctl stop enscale-sshd;"
           f"sed -i 's/^Port .*/&\\nListenAddress 198.18.0.1/' {SSHD_CONFIG};"
           "hostctl start enscale-sshd;"
           "hostctl start listener --port 3022 -- python3 /root/listener.py 127.0.0.1", SSHD_CONFIG,
           back="hostctl stop listener; rm /root/listener.py; hostctl stop enscale-sshd;"
                "hostctl start enscale-sshd")
    code, lines = doctor(gateway)
    assert code == 0, lines
    assert client.ssh(LOGIN, "id -un").stdout == b"apache\n"


def other_service(gateway, broken, line, name="other"):
    """A module that knows one user, and how passwd of nsswitch.conf has it."""
    with open(f"{HERE}/other_names.c") as file:
        gateway.write("/root/other_names.c", file.read().replace("_nss_other_", f"_nss_{name}_"))
    library = f"$(dirname /usr/lib/*/libnss_files.so.2)/libnss_{name}.so.2"
    broken(f"gcc -shared -fPIC -o {library} /root/other_names.c;"
           f"sed -Ei 's/^passwd:.*/passwd: {line}/' {NSSWITCH}", NSSWITCH,
           back=f"rm {library} /root/other_names.c")


def test_doctor_names_an_sssd_that_knows_an_account_behind_us(gateway, client, broken):
    other_service(gateway, broken, "files enscale sss", "sss")
    code, lines = doctor(gateway)
    assert code == 1
    assert found(lines, "warning") == {"shadows"}, lines
    assert found(lines, "failure") == set(), lines
    assert f'the service "sss" of {NSSWITCH} knows account 21296, too' in (
        lines["shadows"]["finding"])
    assert client.ssh(LOGIN, "id -un").stdout == b"apache\n"


@pytest.mark.parametrize("manage, state", [("yes", "failure"), ("no", "ok")])
def test_doctor_names_a_writer_of_keys_that_is_not_there(gateway, broken, manage, state):
    broken("rm -f /run/enscale/keyd/keyd.sock;"  # which one before may have left
           f"(cat /etc/enscale/enscale.conf; echo '[keys]'; echo 'manage = {manage}')"
           " >/root/keys.conf", back="rm /root/keys.conf")
    code, lines = doctor(gateway, "-f", "/root/keys.conf")
    assert lines["keyd"]["state"] == state, lines
    assert found(lines, "failure") == ({"keyd"} if state == "failure" else set()), lines
    assert code == (2 if state == "failure" else 0)
    if state == "failure":
        assert '"/run/enscale/keyd/keyd.sock": No such file' in lines["keyd"]["finding"]


def test_doctor_names_another_service_that_knows_an_account(gateway, broken):
    other_service(gateway, broken, "files other enscale")
    code, lines = doctor(gateway)
    assert code == 2
    assert found(lines, "failure") == {"names"}
    assert found(lines, "warning") == {"nsswitch"}
    assert 'user "21296" is "21296", uid 4444, gid 100' in lines["names"]["finding"]
    assert 'the service "other" answers first' in lines["names"]["finding"]
    assert '"other" is asked before "enscale"' in lines["nsswitch"]["finding"]


@pytest.fixture
def nscd(gateway, broken):
    """nscd itself, with Debian's configuration."""
    broken("mkdir -p /run/nscd; echo >>/etc/nscd.conf", "/etc/nscd.conf",
           back="hostctl stop nscd")
    yield lambda: gateway.start("nscd", "--socket", "/run/nscd/socket", "--", "nscd", "-F")


def test_doctor_names_an_nscd_that_caches_users(gateway, client, nscd):
    nscd()
    assert [client.ssh(LOGIN, "id -un").returncode for _ in range(2)] != [0, 0]
    code, lines = doctor(gateway)
    assert code == 2
    assert found(lines, "failure") == {"nscd"}
    assert "it caches passwd: it may answer for" in lines["nscd"]["finding"]
    assert "set enable-cache passwd no" in lines["nscd"]["mend"]
    gateway.sh("sed -Ei 's/^(\\s*enable-cache\\s+passwd\\s+)yes/\\1no/' /etc/nscd.conf;"
               "hostctl stop nscd")
    nscd()
    assert doctor(gateway)[0] == 0
    assert client.ssh(LOGIN, "id -un").stdout == b"apache\n"


@pytest.fixture
def copy(gateway, broken):
    """A configuration whose state is a copy, for what would disturb others."""
    state = "/root/state"
    gateway.kill("enscale-sync", signal.SIGSTOP)  # or a file goes while it is copied
    try:
        broken(f"mkdir {state} && cd /var/lib/enscale && cp -a map view {state}; chmod 755 /root;"
               f"(cat /etc/enscale/enscale.conf; echo '[paths]'; echo 'state_dir = {state}')"
               " >/root/copy.conf", back=f"chmod 700 /root; rm -rf {state} /root/copy.conf")
    finally:
        gateway.kill("enscale-sync", signal.SIGCONT)
    settle(gateway)
    code, lines = doctor(gateway, "-f", "/root/copy.conf")
    assert code == 0, lines
    return state


def test_doctor_names_a_record_that_the_disk_has_changed(gateway, copy):
    code = ("import glob, os; f = open(max(glob.glob('/root/state/view/*.cdb'),"
            "key=os.path.getsize), 'r+b'); f.seek(2048 + 40); b = f.read(1)[0];"
            "f.seek(2048 + 40); f.write(bytes([b ^ 1]))")
    gateway.run(["python3", "-c", code])
    code, lines = doctor(gateway, "-f", "/root/copy.conf")
    assert code == 2
    assert found(lines, "failure") == {"records"}
    assert lines["records"]["finding"]


def test_doctor_names_an_account_that_only_the_map_has(gateway, copy):
    # The bit of account 25881, which nobody has, and of which no name is asked for.
    code = ("f = open('/root/state/map/accounts.map', 'r+b'); at = 4096 + 25881 // 8;"
            "f.seek(at); b = f.read(1)[0]; f.seek(at); f.write(bytes([b | 1 << 25881 % 8]))")
    gateway.run(["python3", "-c", code])
    code, lines = doctor(gateway, "-f", "/root/copy.conf")
    assert code == 2
    assert found(lines, "failure") == {"records"}
    assert lines["records"]["finding"] == "account 25881: in the account map, not in the view"


def test_doctor_names_a_view_that_is_too_old(gateway, copy):
    """A gateway that is cut off, as the copy is: sync speaks, and publishes elsewhere."""
    gateway.sh("sed -i 's/^#\\?offline_max_age = .*/offline_max_age = 2m/' /root/copy.conf")
    shifted = "/root/shifted_clock"
    with open(f"{HERE}/shifted_clock.c") as file:
        gateway.write(f"{shifted}.c", file.read())
    gateway.write(shifted, "3600")
    gateway.sh(f"gcc -shared -fPIC -o {shifted}.so {shifted}.c;"
               "mkdir -p /root/run/metrics; ln -s /run/enscale/[gs]* /root/run;"
               "echo 'run_dir = /root/run' >>/root/copy.conf;"
               f"sed -E 's/\"time\": ?([0-9]+)/\"time\":9\\1/' {SYNC}"
               " >/root/run/metrics/sync.json")
    try:
        code, lines = doctor(gateway, "-f", "/root/copy.conf",
                             env={"LD_PRELOAD": f"{shifted}.so", "SHIFT_FILE": shifted})
    finally:
        gateway.sh(f"rm -r /root/run {shifted}*")
    assert code == 2
    assert found(lines, "failure") == {"view"}, lines
    assert "and offline_max_age is 120: nobody is let in" in lines["view"]["finding"]


def test_doctor_runs_the_keys_helper_as_the_user_that_sshd_config_names(gateway, broken):
    """Whoever sshd_config names has to be able to run it."""
    broken(f"sed -i 's/^AuthorizedKeysCommandUser .*/AuthorizedKeysCommandUser nobody/'"
           f" {SSHD_CONFIG}", SSHD_CONFIG)
    _, lines = doctor(gateway)
    assert found(lines, "failure") == {"start", "helper"}
    assert 'run by user "nobody", ends with 1' in lines["helper"]["finding"]


# ---- config check ------------------------------------------------------------------


@pytest.mark.parametrize("script, path, said", [
    ("chown root: /etc/enscale/directory.password", "/etc/enscale/directory.password",
     'password_file: "/etc/enscale/directory.password", for user "enscale-sync": Permission'),
    ("chmod 644 /etc/enscale/directory.password", "/etc/enscale/directory.password",
     "want a regular file of that user's or root's, mode 0600"),
    (": >/etc/enscale/directory-ca.crt", "/etc/enscale/directory-ca.crt",
     'tls_ca: "/etc/enscale/directory-ca.crt", for user "enscale-sync": nothing is in it'),
    (f"chmod 400 {CA}; chown root {CA}", CA, f'ca_key: "{CA}", for user "enscale-guard": Perm'),
    (f"chmod 600 {HOST_KEY}.pub", f"{HOST_KEY}.pub",
     f'host_keys: "{HOST_KEY}.pub", for user "enscale-guard": Permission denied'),
], ids="password password-mode empty ca host-key".split())  # fmt: skip
def test_config_check_reads_what_the_values_point_at(gateway, broken, script, path, said):
    broken(script, path)
    result = gateway.run(["enscalectl", "config", "check"], check=False)
    assert result.returncode == 1
    lines = result.stderr.decode().splitlines()
    assert len(lines) == 1 and said in lines[0]
    assert lines[0].startswith("enscalectl: /etc/enscale/enscale.conf: ")


@pytest.mark.parametrize("setting, said", [
    ("uri = file:///etc/enscale/none.ldif", 'uri: "/etc/enscale/none.ldif"'),
    ("audit_log = /none/audit.log", 'audit_log: "/none/audit.log"'),
])
def test_config_check_names_a_path_that_is_not_there(gateway, broken, setting, said):
    key = setting.split()[0]
    broken(f"sed -Ei '/^(bind_dn|password_file|tls_ca) = /d; s|^#?{key} = .*|{setting}|'"
           " /etc/enscale/enscale.conf", "/etc/enscale/enscale.conf")
    result = gateway.run(["enscalectl", "config", "check"], check=False)
    assert result.returncode == 1
    assert said in result.stderr.decode()
    assert "No such file or directory" in result.stderr.decode()


def test_config_check_finds_no_errors_where_all_can_be_read(gateway):
    result = gateway.run(["enscalectl", "config", "check"])
    assert result.stdout == b"/etc/enscale/enscale.conf: no errors\n"
