"""The test hosts themselves: what other tests take for granted."""

import glob
import os
import re
import signal
import subprocess
import sys
import time

import pytest

import hosts as test_hosts


def test_each_host_has_its_own_name_and_addresses(hosts):
    for name, host in vars(hosts).items():
        assert host.run(["hostname"]).stdout.decode().strip() == host.plan.hostname
        assert host.read("/etc/hostname").decode().strip() == host.plan.hostname
        shown = host.run(["ip", "-brief", "-4", "address"]).stdout.decode()
        for address in host.plan.addresses.values():
            assert f" {address}/24" in shown


@pytest.mark.mixed
def test_each_host_is_of_its_release_of_debian(hosts):
    def release(text):
        return re.search(r"^VERSION_CODENAME=(\w+)$", text, re.M)[1]

    with open("/etc/os-release") as file:
        own = release(file.read())
    for host in vars(hosts).values():
        said = release(host.read("/etc/os-release").decode())
        assert said == (host.plan.release or own), host.name


def test_a_host_reaches_its_networks_and_nothing_else(hosts):
    ping = ["ping", "-q", "-c1", "-W2"]
    hosts.client.run(ping + ["ssh.enscale.com"])
    hosts.gateway.run(ping + ["node124718"])
    hosts.node124718.run(ping + ["outside"])
    assert hosts.client.run(ping + ["198.19.0.18"], check=False).returncode != 0
    assert hosts.gateway.run(["ip", "route", "get", "1.1.1.1"], check=False).returncode


def test_what_one_host_writes_no_other_sees(hosts):
    hosts.client.write("/etc/only-here", b"client")
    hosts.client.write("/tmp/only-here", b"client")
    for path in ("/etc/only-here", "/tmp/only-here"):
        assert hosts.client.read(path) == b"client"
        assert not os.path.exists(hosts.gateway.path(path))
        assert not os.path.exists(path)
    hosts.client.run(["rm", "/etc/only-here", "/tmp/only-here"])


def test_files_of_the_machine_that_are_not_the_system_s_are_not_there(hosts):
    for folder in ("/home", "/root/.ssh", "/var/cache/enscale-demo"):
        result = hosts.outside.run(["ls", "-A", folder], check=False)
        assert result.stdout in (b"", b"known_hosts\n")


def test_commands_pass_bytes_and_exit_codes(client):
    noise = os.urandom(1 << 20)
    result = client.run(["sh", "-c", "cat; echo aside >&2; exit 7"], noise, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (7, noise, b"aside\n")
    with pytest.raises(test_hosts.Failed, match="exit code 7"):
        client.sh("exit 7")


def test_a_terminal_of_the_host_s_own_is_there(client):
    script = "tty; test -c /dev/ptmx; : >/dev/null"
    said = client.run(["script", "-qec", script, "/dev/null"]).stdout
    assert said.startswith(b"/dev/pts/")


def test_any_user_may_use_the_devices(client):
    client.run(
        ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "sh", "-euc"]
        + ["echo x >/dev/null; head -c9 /dev/urandom >/dev/null; :>/dev/shm/x; :>/tmp/x"]
    )
    client.run(["rm", "/dev/shm/x", "/tmp/x"])


def test_the_kernel_s_settings_cannot_be_changed_from_a_host(hosts):
    result = hosts.outside.run(["sysctl", "-w", "kernel.sysrq=0"], check=False)
    assert result.returncode != 0 or b"ead-only" in result.stderr


def test_syslog_goes_to_a_file_that_is_seen_from_outside(client, wait_for):
    client.run(["logger", "-t", "tester", "a line\nwith \x1b in it"])
    wait_for(lambda: "tester: a line" in client.log(), "the line in syslog")
    assert "\x1b" not in client.log()
    assert b"tester: a line" in client.read("/var/log/syslog")


def test_a_daemon_is_started_again_when_it_ends(client, wait_for):
    client.start("sleeper", "--", "sleep", "1000")
    first = client.pid_of("sleeper")
    client.kill("sleeper", signal.SIGKILL)
    wait_for(lambda: client.pid_of("sleeper") not in (None, first), "a second start")
    assert client.daemon("sleeper")["starts"] == 2
    client.stop("sleeper")
    assert client.daemon("sleeper")["state"] == "stopped"
    assert client.run(["pgrep", "-x", "sleep"], check=False).returncode == 1


def test_a_daemon_that_ends_at_once_is_reported_with_its_log(client):
    with pytest.raises(test_hosts.Failed, match="no such thing"):
        client.start("broken", "--notify", "--", "sh", "-c", "echo no such thing; exit 3")
    assert client.daemon("broken")["state"] == "failed"


def test_a_daemon_is_up_when_it_says_so(client):
    script = "sleep 0.3; systemd-notify --ready; exec sleep 1000"
    begin = time.monotonic()
    client.start("slow", "--notify", "--", "sh", "-c", script)
    assert time.monotonic() - begin > 0.3
    assert client.daemon("slow")["state"] == "running"
    client.stop("slow")


def test_a_stopped_daemon_that_ignores_sigterm_is_killed(client):
    client.start("deaf", "--", "sh", "-c", "trap '' TERM; while :; do sleep 0.1; done")
    time.sleep(0.2)
    client.stop("deaf")
    assert client.daemon("deaf")["state"] == "stopped"
    assert client.daemon("deaf")["status"] == -signal.SIGKILL


def test_debian_s_own_units_can_be_started(scratch_host):
    scratch_host.run(["ssh-keygen", "-A"])
    scratch_host.start("ssh.service")
    assert scratch_host.daemon("ssh")["state"] == "running"
    banner = scratch_host.run(["ssh-keyscan", "-p22", "127.0.0.1"])
    assert b"SSH-2.0-OpenSSH" in banner.stderr + banner.stdout


def test_an_ended_host_takes_everything_in_it_along(hosts, scratch_host):
    scratch_host.start("sleeper", "--", "sleep", "1000")
    hosts.client.run(["ping", "-q", "-c1", "-W2", "198.18.0.20"])
    begin = time.monotonic()
    scratch_host.end()
    assert time.monotonic() - begin < 2
    assert not scratch_host.alive
    assert not os.path.exists(f"/proc/{scratch_host.pid}")


def test_the_directory_holds_the_demo_s_entries(directory):
    search = "ldapsearch -LLL -Q -Y EXTERNAL -H ldapi:/// -b dc=enscale,dc=example"
    accounts = directory.sh(f"{search} objectClass=enscaleAccount enscaleAccountId")
    for account in (b"25880", b"21296", b"30311", b"40404"):
        assert b"enscaleAccountId: " + account in accounts.stdout
    nodes = directory.sh(f"{search} objectClass=enscaleNode enscaleHostKey")
    assert nodes.stdout.count(b"enscaleHostKey: ssh-ed25519") == 3


def test_the_sum_names_what_failed_and_what_did_not_come_to_its_end():
    case = '<testcase classname="tests.system.test_bread" name="test_it_rises">'
    with open(f"{test_hosts.STATE}/bread.xml", "w") as file:
        file.write(f'<testsuites><testsuite tests="2" failures="1">{case}<failure/></testcase>'
                   f"{case}</testcase></testsuite></testsuites>")
    tally = [f"{test_hosts.HERE}/tally.py", "--system", "bread.xml", "--system", "none.xml"]
    done = subprocess.run([sys.executable, "-B", *tally], capture_output=True, text=True)
    os.unlink(f"{test_hosts.STATE}/bread.xml")
    assert done.stdout.split("\n") == [
        "", "failed: bread.xml: test_bread.py::test_it_rises",
        "failed: none.xml: pytest did not come to its end", "",
        "1 passed, 2 failed, 0 skipped", ""]
    assert done.returncode == 1


def test_the_tests_that_readme_names_are_there():
    here = os.path.dirname(__file__)
    with open(f"{here}/../../README") as file:
        named = set(re.findall(r"\btest_[\w*]+(?:\.py)?", file.read()))
    files = sorted(glob.glob(f"{here}/test_*.py"))
    texts = "".join(open(path).read() for path in files)
    assert len(named) > 4
    for name in named:
        if name.endswith(".py"):
            assert glob.glob(f"{here}/{name}"), name
        else:
            assert f"def {name}(" in texts, name
