"""Directories that a test may break: several slapd and a follower of its own,
all on one scratch host, so that nobody else is disturbed."""

import base64
import json
import pathlib
import signal

import hosts
from entries import SUFFIX, Administrator, account_dn

GATEWAY = f"cn=gateway,{SUFFIX}"
FOLLOWER = "/usr/libexec/enscale/enscale-sync"
ALL = "access to * by * read"


class Slapd:
    """One provider: slapd NUMBER on its own port, with its own database. Its
    contextCSN is written when it ends well, not when it is killed."""

    password = "root"

    def __init__(self, host, number, scheme="ldap"):
        self.host, self.number = host, number
        self.name, self.port = f"slapd{number}", 3890 + number
        self.folder = f"/srv/{self.name}"
        self.uri = f"{scheme}://127.0.0.1:{self.port}"

    def configure(self, access=ALL, limits="limits dn.exact=" f'"{GATEWAY}" size=unlimited',
                  syncprov=True, sessionlog=True, reload_hint=False, our_schema=True,
                 more=""):
        modules = "moduleload back_mdb\n" + "moduleload syncprov\n" * syncprov
        overlay = ""
        if syncprov:
            overlay = "overlay syncprov\nsyncprov-checkpoint 100000 10000\n"
            overlay += "syncprov-sessionlog 1000\n" * sessionlog
            overlay += "syncprov-reloadhint TRUE\n" * reload_hint
        paths = [f"/etc/ldap/schema/{name}.schema" for name in ("core", "cosine", "nis")]
        if our_schema:
            paths += [f"/usr/src/enscale/directory/{name}.schema"
                      for name in ("openssh-lpk", "enscale")]
        schema = "".join(f"include {path}\n" for path in paths)
        self.host.sh(f"mkdir -p {self.folder}/db")
        self.host.write(f"{self.folder}/conf", (
            f"{schema}modulepath /usr/lib/ldap\n{modules}{more}"
            f"pidfile {self.folder}/pid\ndatabase mdb\nsuffix {SUFFIX}\n"
            f"rootdn cn=root,{SUFFIX}\nrootpw root\nmaxsize 268435456\n"
            f"directory {self.folder}/db\nindex objectClass eq\n"
            f"index entryUUID eq\nindex entryCSN eq\n{limits}\n{access}\n{overlay}"))

    def fill(self):
        self.load(f"""dn: {SUFFIX}
objectClass: dcObject
objectClass: organization
o: test
dc: enscale

dn: ou=accounts,{SUFFIX}
objectClass: organizationalUnit
ou: accounts

dn: {GATEWAY}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: gateway
userPassword: secret
""")

    def load(self, ldif):
        self.host.run(["slapadd", "-q", "-w", "-f", f"{self.folder}/conf"], input=ldif)

    def dump(self):
        return self.host.run(["slapcat", "-f", f"{self.folder}/conf"]).stdout

    def start(self):
        self.host.start(self.name, "--port", str(self.port), "--restart", "no", "--",
                        "slapd", "-d", "stats,sync", "-f", f"{self.folder}/conf", "-h", self.uri)

    def restart(self):
        self.stop()
        self.start()

    def stop(self):
        self.host.stop(self.name)

    def kill(self, number=signal.SIGKILL):
        self.host.kill(self.name, number)

    @property
    def administrator(self):
        return Root(self)


class Directory389:
    """389 Directory Server, as dscreate(8) makes one and the commands of
    enscale-directory(8) make it ours."""

    port, uri, password = 3900, "ldap://127.0.0.1:3900", "root-of-389"
    ldapi = "ldapi://%2Frun%2Fslapd-test.socket"

    def __init__(self, host):
        self.host = host
        host.install()
        # Its tools ask systemd to start it, wherever they are.
        host.sh("sed -i 's/^with_systemd = .*/with_systemd = 0/' "
                "/usr/share/dirsrv/inf/defaults.inf")
        host.write("/srv/inf", f"""[general]
full_machine_name = localhost
strict_host_checking = False
selinux = False

[slapd]
instance_name = test
port = {self.port}
secure_port = 0
self_sign_cert = False
root_dn = cn=root,{SUFFIX}
root_password = {self.password}

[backend-userroot]
suffix = {SUFFIX}
create_suffix_entry = True
""")
        host.run(["dscreate", "from-file", "/srv/inf"])
        host.write("/root/gateway.password", "secret\n", 0o600)
        host.sh(self.commands_of_the_page())
        # An index that is being made lets nobody write, for a moment longer.
        hosts.wait_for(self.takes_changes, "the server takes changes", 30)

    def takes_changes(self):
        change = f"dn: {SUFFIX}\nchangetype: modify\nreplace: description\n"
        return self.host.run(["ldapmodify", "-Q", "-Y", "EXTERNAL", "-H", self.ldapi],
                             input=change, check=False).returncode == 0

    @staticmethod
    def commands_of_the_page():
        with open("/usr/src/enscale/man/enscale-directory.8") as file:
            text = file.read().split(".Ss 389 Directory Server\n")[1]
        block = text.split(".Bd -literal -offset indent\n")[1].split(".Ed\n")[0]
        _, commands = block.replace("\\e", "\\").split("\n", 1)
        return f"instance=test suffix={SUFFIX}\n{commands}"

    def restart(self):
        self.host.run(["dsctl", "test", "restart"])

    @property
    def administrator(self):
        return Root(self)


class Relay:
    """Stands before a slapd, and cuts connections in the middle."""

    def __init__(self, slapd):
        self.host, self.port = slapd.host, slapd.port + 100
        self.uri = f"ldap://127.0.0.1:{self.port}"
        script = pathlib.Path(__file__).with_name("relay.py").read_text()
        self.host.put({"/srv/relay.py": script, "/srv/limits": ""})
        self.host.start("relay", "--port", str(self.port), "--restart", "no", "--",
                        "python3", "/srv/relay.py", str(self.port), str(slapd.port), "/srv/limits")

    def cut(self, limits):
        """One connection after the other is reset after so many bytes."""
        self.host.write("/srv/limits.given", "\n".join(map(str, limits)))
        self.host.sh("mv /srv/limits.given /srv/limits")

    def cuts(self):
        return self.host.log("relay").count("cut")

    def is_through(self):
        return self.host.read("/srv/limits") == b""


class Root(Administrator):
    """The administrator of one slapd, by its port."""

    def __init__(self, slapd):
        super().__init__(slapd.host)
        self.slapd = slapd

    def _run(self, program, *arguments, ldif=""):
        argv = [program, "-x", "-D", f"cn=root,{SUFFIX}", "-w", self.slapd.password,
                "-H", self.slapd.uri, *arguments]
        # The follower verifies the certificate, not the one who changes it.
        env = {"LDAPTLS_REQCERT": "never"}
        return self.host.run(argv, input=ldif, env=env).stdout.decode()

    def fingerprints(self):
        """The keys there are, in hex."""
        found = self._run("ldapsearch", "-LLL", "-o", "ldif-wrap=no", "-b", SUFFIX,
                          "(objectClass=enscaleKey)", "enscaleKeyFingerprint")
        return {line.split()[1] for line in found.splitlines()
                if line.startswith("enscaleKeyFingerprint:")}

    def accounts(self):
        """{number: status} of the accounts there are."""
        found = self._run("ldapsearch", "-LLL", "-o", "ldif-wrap=no", "-b", SUFFIX, "(objectClass=enscaleAccount)",
                          "enscaleAccountId", "enscaleStatus")
        accounts, number = {}, None
        for line in found.splitlines():
            name, _, value = line.partition(": ")
            if name == "enscaleAccountId":
                number = int(value)
                accounts.setdefault(number, "active")
        for block in found.split("\n\n"):
            values = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
            if "enscaleStatus" in values:
                accounts[int(values["enscaleAccountId"])] = values["enscaleStatus"]
        return accounts

    def content(self):
        """What Follower.content() has to be."""
        return self.accounts(), self.fingerprints()

    def add_accounts(self, numbers):
        self._run("ldapadd", ldif="".join(
            f"dn: {account_dn(n)}\nobjectClass: enscaleAccount\nenscaleAccountId: {n}\n\n"
            for n in numbers))


class Follower:
    """An enscale-sync of its own, which follows some of them."""

    def __init__(self, host, *slapds, timeout=3, password="secret", start_tls="no",
                 more=""):
        self.host = host
        host.install()
        host.sh("mkdir -p /srv/state/map /srv/state/view /srv/state/state"
                " /srv/run/metrics /srv/run/sync")
        host.write("/srv/password", password, 0o600)
        uris = " ".join(slapd.uri for slapd in slapds)
        host.write("/srv/conf", (
            f"[directory]\nuri = {uris}\nbase = {SUFFIX}\nbind_dn = {GATEWAY}\n"
            f"password_file = /srv/password\ntimeout = {timeout}\nstart_tls = {start_tls}\n{more}"
            "[gateway]\nhost_keys = /etc/hostname\n"
            "[paths]\nstate_dir = /srv/state\nrun_dir = /srv/run\n"))

    def start(self):
        self.host.start("follower", "--notify", "--restart", "no", "--",
                        FOLLOWER, "-f", "/srv/conf")

    def launch(self):
        """Where READY is not to be expected."""
        self.host.start("follower", "--restart", "no", "--", FOLLOWER, "-f", "/srv/conf")

    def stop(self):
        self.host.stop("follower")

    def status(self):
        try:
            return json.loads(self.host.read("/srv/run/metrics/sync.json"))
        except (ValueError, hosts.Failed):
            return {"in_step": False, "source": "", "last_error": "", "held": 0}

    def log(self):
        return self.host.log("follower")

    def sync(self, word):
        return self.host.run(["enscalectl", "-f", "/srv/conf", "sync", word], check=False)

    def records(self, kind):
        found = self.host.run(["enscalectl", "-f", "/srv/conf", "view", "dump", "--json"]).stdout
        records = map(json.loads, found.decode().splitlines())
        return [record for record in records if record["kind"] == kind]

    def fingerprints(self):
        return {base64.b64decode(record["fingerprint"].split(":", 1)[1] + "=").hex()
                for record in self.records("key")}

    def accounts(self):
        return {record["account"]: record["status"] for record in self.records("account")}

    def content(self):
        """All that the gateway's readers see, entry by entry."""
        return self.accounts(), self.fingerprints()
