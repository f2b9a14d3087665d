"""The demo, which is also what the system tests begin with: its keys, its
certificates, and its hosts in the order in which they need each other.
"""

import concurrent.futures
import glob
import os
import secrets
import subprocess
import sys
import time
import traceback

import catalogue
import hosts

SUFFIX = "dc=enscale,dc=example"
PRIVATE = "/etc/enscale-demo"  # what the demo gives to a host's role


class Progress:
    """One line a step on the terminal, the rest in the log."""

    def __init__(self, log):
        self.log = log
        self.words = None

    def step(self, words):
        self.done()
        self.words, self.begin = words, time.monotonic()
        sys.stderr.write(f"  {words:40} ")
        sys.stderr.flush()

    def done(self):
        if self.words:
            sys.stderr.write(f"{time.monotonic() - self.begin:6.1f} s\n")
            self.words = None

    def failed(self, error):
        with open(self.log, "a") as log:
            log.write(f"\n=== {self.words}\n{traceback.format_exc()}")
        said = str(error).strip().replace("\n", "\n    ")
        sys.stderr.write(f"FAILED\n\n    {said}\n\n")
        sys.stderr.write(f'"{self.words}" failed, the full log: ')
        sys.stderr.write(f"{os.path.basename(os.path.dirname(self.log))}/")
        sys.stderr.write(f"{os.path.basename(self.log)}\n")


def run(*argv, **options):
    done = subprocess.run(argv, capture_output=True, **options)
    if done.returncode:
        said = (done.stdout + done.stderr).decode(errors="replace")
        raise RuntimeError(f"{' '.join(argv)}: {done.returncode}\n{said}")
    return done.stdout


def make_keys(folder):
    """The accounts' keys, and one that nobody has: made once per checkout."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    names = [f"{a}-{kind}" for a, kinds in catalogue.ACCOUNTS.items() for kind in kinds]
    for name in names + ["unknown-ed25519"]:
        path = f"{folder}/{name}"
        if os.path.exists(f"{path}.pub"):
            continue
        kind = name.split("-")[1]
        for leftover in glob.glob(f"{path}*"):
            os.unlink(leftover)
        bits = ["-b", "3072"] if kind == "rsa" else []
        run("ssh-keygen", "-q", "-t", kind, *bits, "-N", "", "-C", name, "-f", path)


def make_certificates(folder):
    """A CA of the demo's own and the directory's certificate."""
    if os.path.exists(f"{folder}/directory.crt"):
        return
    os.makedirs(folder, mode=0o700, exist_ok=True)
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    run(
        *["openssl", "req", "-x509", *curve, "-days", "3650", "-subj", "/CN=demo CA"],
        *["-keyout", f"{folder}/ca.key", "-out", f"{folder}/ca.crt"],
    )
    run(
        *["openssl", "req", "-x509", *curve, "-days", "3650", "-subj", "/CN=directory"],
        *["-CA", f"{folder}/ca.crt", "-CAkey", f"{folder}/ca.key"],
        *["-addext", "subjectAltName=DNS:directory,IP:198.19.0.2"],
        *["-addext", "basicConstraints=critical,CA:FALSE"],
        *["-keyout", f"{folder}/directory.key", "-out", f"{folder}/directory.new"],
    )
    os.rename(f"{folder}/directory.new", f"{folder}/directory.crt")


def give(host, files):
    """Puts files where the host's role finds them."""
    host.sh(f"install -d -m 700 {PRIVATE}")
    for name, data in files.items():
        host.write(f"{PRIVATE}/{name}", data, 0o600)


def content(path):
    with open(path, "rb") as file:
        return file.read()


class Demo:
    def __init__(self, folder):
        self.folder = folder
        self.keys = f"{hosts.STATE}/keys"
        self.certificates = f"{hosts.STATE}/certificates"
        self.hosts = {}

    def launch(self, name):
        self.hosts[name] = hosts.launch(catalogue.PLANS[name], self.folder)
        return self.hosts[name]

    def start_directory(self):
        directory = self.launch("directory")
        names = ["ca.crt", "directory.crt", "directory.key"]
        files = {name: content(f"{self.certificates}/{name}") for name in names}
        give(directory, files | {"gateway-password": self.password})
        directory.prepare()

    def start_outside(self):
        self.launch("outside").prepare()

    def start_node(self, name, gateway):
        """gateway is the future of the one whose CA it is to trust."""
        node = self.launch(name)
        gateway.result()
        give(node, {"ca.pub": self.hosts["gateway"].read(f"{PRIVATE}/ca.pub")})
        node.prepare()

    def start_client(self):
        client = self.launch("client")
        client.sh("install -d -m 700 /root/keys")
        for path in glob.glob(f"{self.keys}/*"):
            mode = 0o644 if path.endswith(".pub") else 0o600
            client.write(f"/root/keys/{os.path.basename(path)}", content(path), mode)
        client.prepare()

    def start_gateway(self):
        gateway = self.launch("gateway")
        ca = content(f"{self.certificates}/ca.crt")
        give(gateway, {"ca.crt": ca, "directory-password": self.password})
        gateway.prepare("install")

    def open_gateway(self):
        self.hosts["gateway"].prepare("open")

    def fill_directory(self):
        """The demo's entries, with the keys that were made for this run."""
        directory = self.hosts["directory"]
        directory.sh("mkdir -p /run/demo/accounts /run/demo/hosts")
        for path in glob.glob(f"{self.keys}/[1-9]*.pub"):
            directory.write(f"/run/demo/accounts/{os.path.basename(path)}", content(path))
        for name, host in self.hosts.items():
            if host.plan.role == "node":
                key = host.read("/etc/ssh/ssh_host_ed25519_key.pub")
                number = host.plan.settings["NODE"]
                directory.write(f"/run/demo/hosts/{number}-ed25519.pub", key)
        directory.sh(
            f"/usr/src/enscale/directory/demo-data --suffix {SUFFIX}"
            " --account-keys /run/demo/accounts --host-keys /run/demo/hosts"
            " | ldapadd -Q -Y EXTERNAL -H ldapi:///"
        )

    def introduce(self):
        """The client knows the gateway's host keys before it comes."""
        lines = self.hosts["gateway"].read(f"{PRIVATE}/host-keys").decode()
        name = f"[{catalogue.GATEWAY}]:{catalogue.PORT}"
        lines = "".join(f"{name} {line}\n" for line in lines.splitlines())
        self.hosts["client"].write("/root/known_hosts", lines)


def start(folder, progress):
    demo = Demo(folder)
    demo.password = secrets.token_urlsafe(24) + "\n"
    progress.step("keys and certificates")
    make_keys(demo.keys)
    make_certificates(demo.certificates)

    with concurrent.futures.ThreadPoolExecutor() as pool:
        progress.step("the hosts")
        gateway = pool.submit(demo.start_gateway)
        started = [gateway, pool.submit(demo.start_directory)]
        for name, plan in catalogue.PLANS.items():
            if plan.role == "node":
                started.append(pool.submit(demo.start_node, name, gateway))
        started.append(pool.submit(demo.start_client))
        started.append(pool.submit(demo.start_outside))
        for future in concurrent.futures.as_completed(started):
            future.result()
    progress.step("the directory's entries")
    demo.fill_directory()
    demo.introduce()
    progress.step("the gateway opens")
    demo.open_gateway()
    progress.done()
    return demo.hosts


def settings(folder):
    """The "SSH connection settings" that a user of the platform is shown."""
    gateway = hosts.find(catalogue.PLANS["gateway"], folder)
    lines = [
        "SSH connection settings",
        "  user name       25880 (a menu), 124718-25880 (straight to node 124718)",
        "  authentication  SSH key",
        f"  host            {catalogue.GATEWAY}",
        f"  port            {catalogue.PORT}",
    ]
    keys = f"{PRIVATE}/host-keys"
    script = f"ssh-keygen -lf {keys}; ssh-keygen -E md5 -lf {keys}"
    label = "host keys"
    for line in gateway.sh(script).stdout.decode().splitlines():
        _, fingerprint, *_, kind = line.split()
        lines.append(f"  {label:15} {kind.strip('()'):8} {fingerprint}")
        label = ""
    return "\n".join(lines) + "\n"
