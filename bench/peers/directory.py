"""One slapd with 100,000 accounts, which everybody in this benchmark serves:
each entry is a posixAccount for the others and an account of ours, with its
public keys as sshPublicKey. Set up by enscale-directory; readable on loopback
without TLS or a password, which is the best case for whoever asks at each
login."""

import base64
import os
import random
import re
import signal
import struct
import subprocess
import time

SUFFIX = "dc=enscale,dc=example"
PEOPLE = f"ou=accounts,{SUFFIX}"
FIRST, COUNT = 20000, 100000
WITH_KEYS = {1001: 1, 1010: 10, 2000: 1000, 11000: 10000}
LOGINS = range(FIRST, FIRST + 20)  # these have the login key
UNKNOWN = 9000000
HOME, SHELL = "/var/lib/enscale/empty", "/usr/bin/enscale-shell"
AS_ROOT = ["-Q", "-Y", "EXTERNAL", "-H", "ldapi:///"]

ACCESS = f"""\
dn: olcDatabase={{-1}}frontend,cn=config
changetype: modify
add: olcAccess
olcAccess: {{1}}to dn.base="" by * read

dn: olcDatabase={{1}}mdb,cn=config
changetype: modify
add: olcAccess
olcAccess: {{1}}to * by dn.exact="cn=gateway,{SUFFIX}" read by peername.ip=127.0.0.1 read by * none
-
add: olcDbIndex
olcDbIndex: uid,uidNumber,gidNumber,memberUid eq
"""


def run(*argv, input=None, check=True):
    done = subprocess.run(argv, input=input, capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise SystemExit(f"{' '.join(argv)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def string(data):
    return struct.pack(">I", len(data)) + data


def made_up_key(chance=random.Random(4)):
    blob = string(b"ssh-ed25519") + string(chance.randbytes(32))
    return "ssh-ed25519 " + base64.b64encode(blob).decode()


def entry(account, keys):
    lines = [f"dn: enscaleAccountId={account},{PEOPLE}", "objectClass: account"]
    lines += ["objectClass: posixAccount", "objectClass: enscaleAccountAux"]
    lines += [f"enscaleAccountId: {account}", f"uid: {account}", f"cn: User {account}"]
    lines += [f"uidNumber: {account}", "gidNumber: 10000", "enscaleStatus: active"]
    lines += [f"homeDirectory: {HOME}", f"loginShell: {SHELL}"]
    lines += [f"sshPublicKey: {key}" for key in keys]
    return "\n".join(lines) + "\n\n"


def write_ldif(path, login_key):
    """The accounts; returns one made-up key of each in WITH_KEYS."""
    middle = {}
    with open(path, "w") as out:
        out.write(f"dn: ou=groups,{SUFFIX}\nobjectClass: organizationalUnit\nou: groups\n\n")
        out.write(f"dn: cn=users,ou=groups,{SUFFIX}\nobjectClass: posixGroup\n")
        out.write("cn: users\ngidNumber: 10000\n\n")
        for account, count in WITH_KEYS.items():
            keys = [made_up_key() for _ in range(count)]
            middle[account] = keys[count // 2]
            out.write(entry(account, keys))
        for account in range(FIRST, FIRST + COUNT):
            key = login_key if account in LOGINS else made_up_key()
            out.write(entry(account, [key]))
    return middle


class Directory:
    def __init__(self, folder, sources, login_key):
        self.password = f"{folder}/password"
        with open(self.password, "w", opener=lambda p, f: os.open(p, f, 0o600)) as file:
            file.write("only for this run\n")
        run(f"{sources}/directory/enscale-directory", "setup", "--suffix", SUFFIX, "--replace",
            "--gateway-password-file", self.password)
        run("slapmodify", "-F", "/etc/ldap/slapd.d", "-n", "0", input=ACCESS)
        ldif = f"{folder}/accounts.ldif"
        self.middle_keys = write_ldif(ldif, login_key)
        run("slapadd", "-q", "-F", "/etc/ldap/slapd.d", "-b", SUFFIX, "-l", ldif)
        run("chown", "-R", "openldap:openldap", "/etc/ldap/slapd.d", "/var/lib/ldap")
        self.process = subprocess.Popen(
            ["slapd", "-d", "0", "-u", "openldap", "-g", "openldap", "-F",
             "/etc/ldap/slapd.d", "-h", "ldapi:/// ldap://127.0.0.1/"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while run("ldapwhoami", *AS_ROOT, check=False).returncode:
            if self.process.poll() is not None:
                raise SystemExit("bench_peers: slapd does not start")
            time.sleep(0.1)

    def operations(self):
        """(searches, binds) that slapd has completed, less our own asking."""
        said = run("ldapsearch", *AS_ROOT, "-LLL", "-b", "cn=Operations,cn=Monitor",
                   "(cn=*)", "monitorOpCompleted").stdout
        found = re.findall(r"dn: cn=(\w+),.*?monitorOpCompleted: (\d+)", said, re.S)
        counts = {name.lower(): int(number) for name, number in found}
        return counts["search"], counts["bind"]

    def modify(self, text):
        run("ldapmodify", *AS_ROOT, input=text)

    def change_key(self, account, verb, key):
        self.modify(f"dn: enscaleAccountId={account},{PEOPLE}\nchangetype: modify\n"
                    f"{verb}: sshPublicKey\nsshPublicKey: {key}\n")

    def hang(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def end(self):
        self.go_on()
        self.process.kill()
        self.process.wait()
