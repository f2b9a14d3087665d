"""Native mode: the user's own ssh, through the gateway, to one node. And what
sshd must refuse, with it and without."""

import re

import pytest

from entries import environment_dn, fingerprint, key_dn

CONFIG = "/etc/enscale/enscale.conf"
NODE = "198.19.0.18:22"


def set_native(gateway, value):
    gateway.sh(f"sed -Ei 's/^#?native = .*/native = {value}/' {CONFIG}")
    gateway.stop("enscale-guard")
    gateway.start("enscale-guard")


@pytest.fixture(scope="module")
def native(hosts):
    set_native(hosts.gateway, "yes")
    yield
    set_native(hosts.gateway, "no")


def tunnel(client, login, target, **more):
    """ssh -W: one connection to the target, through the gateway."""
    return client.ssh(login, options=["-W", target], timeout=30, **more)


REFUSED = [
    "198.19.0.19:22",  # another node
    "198.19.0.18:80",  # another port
    "node124718:22", "198.19.0.018:22",  # the same, said otherwise
    "127.0.0.1:3022", "198.19.0.1:22", "[::1]:3022",  # the gateway
    "198.19.0.2:636",  # the directory
]


@pytest.mark.parametrize("target", [NODE, *REFUSED])
def test_without_native_mode_no_address_is_open(client, gateway, target):
    result = tunnel(client, "124718-25880", target)
    assert result.returncode == 255
    assert result.stdout == b""
    assert b"administratively prohibited" in result.stderr


def test_without_native_mode_cert_is_a_command_of_the_node(client):
    result = client.ssh("124718-25880", "cert")
    assert result.returncode == 127
    assert b"enscale:" not in result.stderr


@pytest.mark.mixed
def test_the_login_names_node_is_open_in_native_mode(native, client):
    result = tunnel(client, "124718-25880", NODE)
    assert result.stdout.startswith(b"SSH-2.0-")


@pytest.mark.mixed
@pytest.mark.parametrize("target", REFUSED)
def test_nothing_else_is_open_in_native_mode(native, client, target):
    result = tunnel(client, "124718-25880", target)
    assert result.returncode == 255 and result.stdout == b""
    assert b"administratively prohibited" in result.stderr


@pytest.mark.parametrize("login, target", [
    ("25880", NODE), ("136553-25880", "198.19.0.53:22"), ("124718-40404", NODE),
    ("144490-25880", "198.19.0.21:22")])
def test_nothing_is_open_for_whom_the_node_is_not(native, client, login, target):
    result = tunnel(client, login, target)
    assert result.returncode == 255 and result.stdout == b""


@pytest.mark.parametrize("options", [
    ["-R", "40001:127.0.0.1:22"], ["-R", "/tmp/forwarded:127.0.0.1:22"],
    ["-R", "40002"], ["-L", "/tmp/local:/run/enscale/guard/guard.sock"]])
def test_no_listener_and_no_socket_is_forwarded(native, client, gateway, options):
    result = client.ssh(
        "124718-25880", "sleep 1",
        options=["-o", "ExitOnForwardFailure=yes", *options], timeout=30)
    if options[0] == "-R":
        assert result.returncode == 255
        assert b"remote port forwarding failed" in result.stderr
    assert gateway.sh("test -e /tmp/forwarded || ss -ltn | grep -E ':4000[12]' || "
                      "echo none").stdout == b"none\n"


REACH_SOCKET = r"""
rm -f /tmp/l.sock
ssh -v -l 124718-25880 -L /tmp/l.sock:/run/enscale/guard/guard.sock \
    ssh.enscale.com 'echo ready; sleep 30' >/tmp/l.out 2>/tmp/l.log &
for i in $(seq 200); do grep -q ready /tmp/l.out && break; sleep 0.1; done
python3 - <<'END'
import socket
s = socket.socket(socket.AF_UNIX)
s.connect('/tmp/l.sock')
s.settimeout(20)
try:
    s.sendall(b'{"op":"hello"}\n')
    print(s.recv(10))
except OSError as error:
    print(error)
END
kill $!
wait
grep -c 'open failed' /tmp/l.log
"""


def test_a_socket_of_the_gateway_is_not_reached(native, client, gateway):
    before = gateway.log().count("refused streamlocal port forward")
    said = client.sh(REACH_SOCKET).stdout.decode().split("\n")
    assert '"ok"' not in said[0] and said[1] == "1"
    assert gateway.log().count("refused streamlocal port forward") == before + 1


SOCKS = r"""
ssh -v -N -l 124718-25880 -D 1080 ssh.enscale.com 2>/tmp/d.log &
for i in $(seq 200); do ss -ltn | grep -q ':1080 ' && break; sleep 0.1; done
python3 - <<'END'
import socket
for host, port in (("198.19.0.18", 22), ("198.19.0.19", 22), ("127.0.0.1", 3022)):
    s = socket.create_connection(("127.0.0.1", 1080))
    s.settimeout(20)
    s.sendall(b"\5\1\0")
    assert s.recv(2) == b"\5\0"
    s.sendall(b"\5\1\0\1" + socket.inet_aton(host) + port.to_bytes(2, "big"))
    s.recv(10)
    try:
        print(s.recv(4))
    except OSError:
        print(b"")
END
kill $!
wait
grep -c 'administratively prohibited' /tmp/d.log
"""


@pytest.mark.mixed
def test_a_dynamic_forward_reaches_the_node_alone(native, client):
    said = client.sh(SOCKS).stdout.decode().split("\n")
    assert said[:4] == ["b'SSH-'", "b''", "b''", "2"]


TUN = r"""
mkdir -p /dev/net
test -e /dev/net/tun || mknod /dev/net/tun c 10 200
timeout 20 ssh -v -N -l 124718-25880 -w 7:7 ssh.enscale.com >/tmp/tun.log 2>&1 &
for i in $(seq 200); do grep -q 'rejected tunnel' /tmp/tun.log && break; sleep 0.1; done
kill $! || :
cat /tmp/tun.log
"""


def test_no_tunnel_device_is_made(native, client, gateway):
    said = client.sh(TUN, check=False).stdout
    assert b"Requesting tun" in said
    assert b"Server has rejected tunnel device forwarding" in said
    assert b"tun7" not in gateway.sh("ip -o link").stdout


@pytest.mark.mixed
def test_the_certificate_opens_that_node_as_the_users_own_ssh(native, client, gateway):
    config = client.ssh("25880", "config", check=True).stdout
    # The gateway is known; of the nodes no file says anything.
    common = (b"Host *\n    UserKnownHostsFile /root/known_hosts\n"
              b"    StrictHostKeyChecking yes\n"
              b"    IdentityFile /root/keys/25880-ed25519\n    IdentitiesOnly yes\n")
    assert config.startswith(b"# Native mode is on:")
    assert b"ProxyJump 124718-25880@ssh.enscale.com:3022" in config
    client.write("/root/native.conf", config + common)
    # ssh runs the jump and the Match with the user's own configuration.
    result = client.run(["ssh", "-F", "/root/native.conf", "node124718",
                         "id -un; hostname; exit 7"], check=False, timeout=60)
    assert result.returncode == 7, result.stderr
    assert result.stdout == b"apache\nnode124718-cool-waterfall-59\n"
    text = client.sh("ssh-keygen -L -f /root/.ssh/node124718-cert.pub").stdout.decode()
    assert re.search(r"Principals:\s+node124718\n", text)
    assert "source-address 198.19.0.1/32" in text
    assert "account=25880 session=" in text
    audit = gateway.sh("tail -20 /var/log/enscale/audit.log").stdout.decode()
    assert '"native":true' in audit.replace(" ", "")


@pytest.mark.mixed
def test_the_certificate_opens_no_other_node(native, client):
    client.ssh("124718-25880", "cert", check=True)
    client.sh("ssh -l 124718-25880 ssh.enscale.com cert > /tmp/c-cert.pub")
    result = client.run(
        ["ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no",
         "-o", "UserKnownHostsFile=/dev/null", "-o", "IdentitiesOnly=yes",
         "-o", "CertificateFile=/tmp/c-cert.pub", "-i", "/root/keys/25880-ed25519",
         "-o", "ProxyCommand=ssh -l 124719-25880 -W 198.19.0.19:22 ssh.enscale.com",
         "mysql@198.19.0.19", "id"], check=False, timeout=60)
    assert result.returncode == 255
    assert b"Permission denied" in result.stderr


def own_ssh(client, key, kind):
    """The node by the user's own ssh, with a certificate over this key."""
    login = f"ssh -i {key} -o IdentitiesOnly=yes -l 124718-25880"
    client.sh(f"{login} ssh.enscale.com cert > /tmp/k-cert.pub")
    assert client.read("/tmp/k-cert.pub").startswith(f"{kind}-cert-v01@".encode())
    return client.run(
        ["ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no",
         "-o", "UserKnownHostsFile=/dev/null", "-o", "IdentitiesOnly=yes",
         "-o", "CertificateFile=/tmp/k-cert.pub", "-i", key,
         "-o", f"ProxyCommand={login} -W {NODE} ssh.enscale.com",
         "apache@198.19.0.18", "id -un"], timeout=60).stdout


@pytest.mark.mixed
def test_an_rsa_key_gets_a_certificate_as_well(native, client):
    assert own_ssh(client, "/root/keys/25880-rsa", "ssh-rsa") == b"apache\n"


@pytest.mark.mixed
def test_an_ecdsa_key_gets_a_certificate_as_well(native, client, administrator,
                                                 wait_for):
    client.sh("rm -f /tmp/ecdsa*; ssh-keygen -q -t ecdsa -N '' -f /tmp/ecdsa")
    public = client.read("/tmp/ecdsa.pub").decode()
    administrator.add_key(25880, public)
    try:
        wait_for(lambda: client.ssh("25880", "whoami", key="/tmp/ecdsa").returncode == 0,
                 "the key is known")
        assert own_ssh(client, "/tmp/ecdsa", "ecdsa-sha2-nistp256") == b"apache\n"
    finally:
        administrator.delete(key_dn(25880, public))


@pytest.mark.mixed
@pytest.mark.parametrize("options, is_open", [
    ("verify-required", True), ("no-port-forwarding", False)])
def test_a_key_with_options_gets_no_certificate_and_no_more_than_they_leave(
        native, client, administrator, wait_for, options, is_open):
    client.sh("rm -f /tmp/narrow*; ssh-keygen -q -t ed25519 -N '' -f /tmp/narrow")
    public = client.read("/tmp/narrow.pub").decode().strip()
    dn = key_dn(25880, public)
    administrator.add(dn, objectClass="enscaleKey", sshPublicKey=f"{options} {public}",
                      enscaleKeyFingerprint=fingerprint(public))
    try:
        wait_for(lambda: client.ssh("25880", "whoami", key="/tmp/narrow").returncode
                 == 0, "the key is known")
        result = client.ssh("124718-25880", "cert", key="/tmp/narrow")
        assert result.returncode == 120 and result.stdout == b""
        assert b"options that a certificate cannot express" in result.stderr
        result = tunnel(client, "124718-25880", NODE, key="/tmp/narrow")
        assert result.stdout.startswith(b"SSH-2.0-") == is_open
    finally:
        administrator.delete(dn)


@pytest.mark.mixed
def test_a_tunnel_ends_when_the_access_does(native, client, administrator, wait_for):
    dn = environment_dn("cool-waterfall-59")
    process = client.popen(
        ["ssh", "-l", "124718-25880", "-W", NODE, "ssh.enscale.com"],
        stdin=-1, stdout=-1, stderr=-1)
    try:
        assert process.stdout.readline().startswith(b"SSH-2.0-")
        administrator.replace(dn, enscaleOwner=21296)
        wait_for(lambda: process.poll() is not None, "the tunnel ends", seconds=30)
    finally:
        administrator.replace(dn, enscaleOwner=25880)
        process.kill()
        process.wait()
