"""The CA for the nodes changes: step by step while users come in, and on the
bad day at once."""

import base64
import subprocess
import threading
from concurrent import futures

import pytest

NODE = "/usr/src/enscale/node/enscale-node"
LOGIN = "124718-25880"


def enscalectl(gateway, *arguments, **more):
    return gateway.run(["enscalectl", "ca", *arguments], **more)


def fingerprints(text):
    return [line.split()[2] for line in text.decode().splitlines() if line[0] == "#"]


class Nodes:
    """Those of the catalogue, as an administrator tells them a new CA."""

    def __init__(self, hosts):
        self.all = [hosts.node124718, hosts.node124719, hosts.node136553]

    def setup(self, ca, *more):
        def tell(node):
            node.write("/root/ca.pub", ca)
            node.run([NODE, "setup", "--ca", "/root/ca.pub", *more])

        with futures.ThreadPoolExecutor() as pool:
            list(pool.map(tell, self.all))


@pytest.fixture
def nodes(hosts, gateway):
    """Afterwards the CA is a new one, the only one, and nothing is revoked."""
    nodes = Nodes(hosts)
    yield nodes
    for step in ("--switch", "--finish"):  # of a test that failed half-way
        enscalectl(gateway, "rotate", step, check=False)
    nodes.setup(enscalectl(gateway, "show").stdout, "--revoked", "none")
    gateway.sh("rm -f /etc/enscale/ca/ca.revoked /etc/enscale/ca/ca.retired")


class Logins:
    """Users who come in all the time, until the with block ends."""

    def __init__(self, client):
        self.client, self.count, self.failed = client, 0, []
        self.over = threading.Event()

    def come(self):
        while not self.over.is_set():
            result = self.client.ssh(LOGIN, "id -un")
            self.count += 1
            if (result.returncode, result.stdout) != (0, b"apache\n"):
                self.failed.append(result)

    def __enter__(self):
        self.threads = [threading.Thread(target=self.come) for _ in range(2)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def some_more(self, wait_for):
        so_far = self.count
        wait_for(lambda: self.count >= so_far + 4, "four more logins", 60)


def test_the_ca_is_rotated_and_no_login_fails_on_the_way(client, gateway, nodes, wait_for):
    before = fingerprints(enscalectl(gateway, "show").stdout)
    guard = gateway.pid_of("enscale-guard")
    with Logins(client) as logins:
        both = enscalectl(gateway, "rotate").stdout
        logins.some_more(wait_for)
        nodes.setup(both)
        logins.some_more(wait_for)
        enscalectl(gateway, "rotate", "--switch")
        logins.some_more(wait_for)
        new = enscalectl(gateway, "rotate", "--finish").stdout
        nodes.setup(new)
        logins.some_more(wait_for)
    assert logins.failed == []
    after = fingerprints(new)
    assert len(after) == 1
    assert after != before
    assert fingerprints(both) == before + after
    assert gateway.pid_of("enscale-guard") == guard
    mode = gateway.sh("stat -c '%a %U:%G' /etc/enscale/ca/ca").stdout
    assert mode == b"440 root:enscale-ca\n"
    assert after[0] in nodes.all[0].log()  # its sshd names the CA
    assert gateway.read("/run/enscale/guard/ca").decode().split() == after


def test_a_step_whose_turn_it_is_not_is_refused(gateway, nodes):
    for step in ("--switch", "--finish"):
        assert enscalectl(gateway, "rotate", step, check=False).returncode == 1
    # A key whose public one was never made does not become the CA.
    gateway.sh("touch /etc/enscale/ca/ca.next")
    unfinished = enscalectl(gateway, "rotate", "--switch", check=False)
    assert unfinished.returncode == 1
    assert b"the next key is incomplete" in unfinished.stderr
    old = fingerprints(enscalectl(gateway, "rotate").stdout)[0]
    for step in ([], ["--finish"]):
        assert enscalectl(gateway, "rotate", *step, check=False).returncode == 1
    # The files have changed, and the guard was not told.
    gateway.sh(
        "cd /etc/enscale/ca; for end in '' .pub; do"
        " ln ca$end ca.previous$end; mv ca.next$end ca$end; done"
    )
    revoked = enscalectl(gateway, "revoke", old, check=False)
    assert (revoked.returncode, revoked.stdout) == (1, b"")
    assert b"still signs with this key" in revoked.stderr
    enscalectl(gateway, "rotate", "--switch")  # tells the guard
    enscalectl(gateway, "rotate", "--switch")  # tells it again
    assert enscalectl(gateway, "rotate", check=False).returncode == 1
    enscalectl(gateway, "rotate", "--finish")
    files = gateway.sh("ls /etc/enscale/ca").stdout
    assert files == b"ca\nca.pub\nca.retired\n"


def test_a_switch_that_was_cut_off_is_finished_by_doing_it_again(gateway, nodes):
    enscalectl(gateway, "rotate")
    new = fingerprints(enscalectl(gateway, "show").stdout)[1]
    # What is there after a kill between the private key and the public one.
    gateway.sh("cd /etc/enscale/ca; ln ca ca.previous; mv ca.next ca")
    enscalectl(gateway, "rotate", "--switch")
    assert fingerprints(enscalectl(gateway, "show").stdout)[0] == new
    assert gateway.read("/run/enscale/guard/ca").decode().split() == [new]
    enscalectl(gateway, "rotate", "--finish")


def for_ssh_keygen(pem, public):
    """An ed25519 key (PKCS #8) in the form that ssh-keygen reads."""

    def string(data):
        return len(data).to_bytes(4, "big") + data

    kind, blob, comment = public.split()
    public, pem = base64.b64decode(blob)[-32:], pem.split(b"-----")[2]
    private = b"chk-" * 2 + string(kind) + string(public)
    private += string(base64.b64decode(pem)[-32:] + public) + string(comment)
    private += bytes(range(1, 1 + -len(private) % 8))
    data = b"openssh-key-v1\0" + string(b"none") * 2 + string(b"") + b"\0\0\0\1"
    data += string(string(kind) + string(public)) + string(private)
    lines = base64.encodebytes(data)
    name = b"OPENSSH PRIVATE KEY-----\n"
    return b"-----BEGIN " + name + lines + b"-----END " + name


def test_a_revoked_ca_opens_no_node(client, gateway, nodes):
    old = fingerprints(enscalectl(gateway, "show").stdout)[0]
    assert enscalectl(gateway, "revoke", old, check=False).returncode == 1
    public = gateway.read("/etc/enscale/ca/ca.pub")
    stolen = for_ssh_keygen(gateway.read("/etc/enscale/ca/ca"), public)
    gateway.write("/root/stolen", stolen, 0o600)
    both = enscalectl(gateway, "rotate").stdout
    nodes.setup(both)
    enscalectl(gateway, "rotate", "--switch")

    use = (
        "cd /root; rm -f mine mine*.pub; ssh-keygen -q -t ed25519 -N '' -f mine;"
        "ssh-keygen -q -s stolen -I thief -n node124718 -V +3m mine.pub;"
        "ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no -o LogLevel=ERROR"
        " -o UserKnownHostsFile=/dev/null -o IdentityAgent=none -i mine"
        " apache@198.19.0.18 id -un"
    )
    assert gateway.sh(use).stdout == b"apache\n"
    revoked = enscalectl(gateway, "revoke", old).stdout
    # The list alone is enough: no sshd is reloaded, no CA taken away.
    for node in nodes.all:
        node.write("/root/revoked", revoked)
        node.run([NODE, "setup", "--revoked", "/root/revoked"])
    assert gateway.sh(use, check=False).returncode == 255
    gateway.sh("rm /root/stolen")
    assert client.ssh(LOGIN, "id -un").stdout == b"apache\n"
    assert enscalectl(gateway, "revoke").stdout == revoked
    assert gateway.sh("ls /etc/enscale/ca").stdout == b"ca\nca.pub\nca.revoked\n"


def test_a_key_that_is_gone_can_be_revoked_still(gateway, nodes):
    gone = []
    for _ in range(2):
        gone.append(enscalectl(gateway, "show").stdout)
        for step in ([], ["--switch"], ["--finish"]):
            enscalectl(gateway, "rotate", *step)
    first, second = (fingerprints(text)[0] for text in gone)
    revoked = enscalectl(gateway, "revoke", second).stdout
    assert revoked == gone[1].splitlines(True)[0]
    # One that this gateway never had is known by its file alone.
    gateway.sh("rm /etc/enscale/ca/ca.retired")
    unknown = enscalectl(gateway, "revoke", first, check=False)
    assert (unknown.returncode, unknown.stdout) == (1, b"")
    assert b"give the file of the public key" in unknown.stderr
    gateway.write("/root/gone.pub", gone[0])
    revoked += gone[0].splitlines(True)[0]
    for name in ("/root/gone.pub", second):  # again is no harm
        assert enscalectl(gateway, "revoke", name).stdout == revoked
    for wrong, code in [
        ("/etc/enscale/ca/ca.pub", 1), ("/etc/enscale/ca/ca.revoked", 2), ("/root/none", 2),
        ("SHA256:x", 2), (fingerprints(enscalectl(gateway, "show").stdout)[0], 1),
    ]:
        refused = enscalectl(gateway, "revoke", wrong, check=False)
        assert (refused.returncode, refused.stdout) == (code, b""), wrong
    assert enscalectl(gateway, "revoke").stdout == revoked
    gateway.sh("rm /root/gone.pub")


def test_nobody_else_can_hold_a_step_up(gateway, nodes):
    """A lock needs no more than a descriptor of what others may read."""
    old = fingerprints(enscalectl(gateway, "show").stdout)[0]
    for step in ([], ["--switch"]):
        enscalectl(gateway, "rotate", *step)
    nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    held = "for at in . *; do exec {fd}<$at && flock $fd; done; echo held; exec sleep 300"
    script = f"cd /etc/enscale/ca; echo $$; {held}"
    holder = gateway.popen([*nobody, "bash", "-c", script], stdout=subprocess.PIPE)
    pid = holder.stdout.readline().strip()
    assert holder.stdout.readline() == b"held\n"
    try:
        enscalectl(gateway, "rotate", "--finish", timeout=20)
        enscalectl(gateway, "revoke", old, timeout=20)
    finally:
        gateway.run(["kill", pid])
        holder.wait()


def test_a_krl_is_as_good_a_list(client, gateway, nodes):
    old = enscalectl(gateway, "show").stdout
    nodes.setup(enscalectl(gateway, "rotate").stdout)
    enscalectl(gateway, "rotate", "--switch")
    enscalectl(gateway, "rotate", "--finish")
    node = nodes.all[0]
    node.write("/root/old.pub", old.splitlines()[0] + b"\n")
    node.sh("cd /root; ssh-keygen -q -k -f krl old.pub")
    said = node.run([NODE, "setup", "--revoked", "/root/krl"]).stderr
    assert b"this CA is revoked" in said
    assert client.ssh(LOGIN, "id -un").stdout == b"apache\n"
    # The only one that is left cannot be revoked, too.
    node.write("/root/new.pub", enscalectl(gateway, "show").stdout.splitlines()[0] + b"\n")
    node.sh("cd /root; ssh-keygen -q -k -f all old.pub new.pub")
    refused = node.run([NODE, "setup", "--revoked", "/root/all"], check=False)
    assert refused.returncode == 1
    assert b"nobody could log in" in refused.stderr


def test_a_ca_key_that_cannot_be_read_leaves_the_one_before(client, gateway, wait_for):
    gateway.sh("cd /etc/enscale/ca; mv ca kept; echo nonsense >ca; chmod 440 ca; chgrp enscale-ca ca")
    try:
        seen = gateway.log("enscale-guard").count("keeping the previous CA key")
        gateway.kill("enscale-guard", 1)
        wait_for(
            lambda: gateway.log("enscale-guard").count("keeping the previous CA key") > seen,
            "the guard has looked",
        )
        assert client.ssh(LOGIN, "id -un").stdout == b"apache\n"
    finally:
        gateway.sh("cd /etc/enscale/ca; mv -f kept ca")
        gateway.kill("enscale-guard", 1)
