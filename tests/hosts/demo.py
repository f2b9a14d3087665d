"""The demo, which is also what the system tests begin with: its keys, its
certificates, and its hosts in the order in which they need each other.
"""

import concurrent.futures
import fcntl
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
PRIVATE = "/run/demo"  # what a host's role is given, and what it gives


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


def content(path):
    with open(path, "rb") as file:
        return file.read()


class Demo:
    def __init__(self, folder):
        self.folder = folder
        self.keys = f"{hosts.STATE}/keys"
        self.certificates = f"{hosts.STATE}/certificates"
        self.password = secrets.token_urlsafe(24) + "\n"
        self.ca = concurrent.futures.Future()
        self.hosts = {}

    def launch(self, name, **given):
        """Starts the host, with what its role needs to be given."""
        host = hosts.launch(catalogue.PLANS[name], self.folder)
        self.hosts[name] = host
        host.put({f"{PRIVATE}/{name}": data for name, data in given.items()}, 0o600)
        return host

    def start_directory(self):
        names = ["ca.crt", "directory.crt", "directory.key"]
        given = {name: content(f"{self.certificates}/{name}") for name in names}
        given["password"] = self.password
        given["keyd-password"] = secrets.token_urlsafe(24) + "\n"
        self.launch("directory", **given).prepare()

    def start_gateway(self):
        """Its CA comes first: the nodes wait for it."""
        try:
            ca = content(f"{self.certificates}/ca.crt")
            gateway = self.launch("gateway", **{"ca.crt": ca}, password=self.password)
            gateway.prepare("install")
            self.ca.set_result(gateway.read(f"{PRIVATE}/ca.pub"))
        except BaseException as error:
            self.ca.set_exception(error)
            raise
        gateway.prepare("configure")

    def start_node(self, name):
        node = self.launch(name)
        node.put({f"{PRIVATE}/ca.pub": self.ca.result()})
        node.prepare()

    def start_client(self):
        client = self.launch("client")
        paths = glob.glob(f"{self.keys}/*")
        keys = {f"/root/keys/{os.path.basename(path)}": content(path) for path in paths}
        client.put(keys, 0o600)
        client.prepare()

    def start_outside(self):
        self.launch("outside").prepare()

    def fill_directory(self):
        """The demo's entries, with the keys that were made for this run."""
        keys = {}
        for path in glob.glob(f"{self.keys}/[1-9]*.pub"):
            keys[f"/run/demo/accounts/{os.path.basename(path)}"] = content(path)
        for host in self.hosts.values():
            if host.plan.role == "node":
                path = f"/run/demo/hosts/{host.plan.settings['NODE']}-ed25519.pub"
                keys[path] = host.read("/etc/ssh/ssh_host_ed25519_key.pub")
        directory = self.hosts["directory"]
        directory.put(keys)
        directory.sh(
            f"/usr/src/enscale/directory/demo-data --suffix {SUFFIX}"
            " --account-keys /run/demo/accounts --host-keys /run/demo/hosts"
            " | ldapadd -Q -Y EXTERNAL -H ldapi:///"
        )

    def open_gateway(self):
        self.hosts["gateway"].prepare("open")

    def introduce(self):
        """The client knows the gateway's host keys before it comes."""
        lines = self.hosts["gateway"].read(f"{PRIVATE}/host-keys").decode()
        name = f"[{catalogue.GATEWAY}]:{catalogue.PORT}"
        lines = "".join(f"{name} {line}\n" for line in lines.splitlines())
        self.hosts["client"].write("/root/known_hosts", lines)


def start(folder, progress):
    demo = Demo(folder)
    progress.step("keys and certificates")
    with open(f"{hosts.STATE}/keys.lock", "w") as lock:  # those of another set want them, too
        fcntl.flock(lock, fcntl.LOCK_EX)
        make_keys(demo.keys)
        make_certificates(demo.certificates)

    progress.step("the hosts")
    with concurrent.futures.ThreadPoolExecutor(len(catalogue.PLANS)) as pool:
        started = [pool.submit(demo.start_gateway), pool.submit(demo.start_directory)]
        for name, plan in catalogue.PLANS.items():
            if plan.role == "node":
                started.append(pool.submit(demo.start_node, name))
        started += [pool.submit(demo.start_client), pool.submit(demo.start_outside)]
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
