"""Those who are compared, each as Debian ships it, on one host: which of them
a process asks is what its mount namespace has as /etc/nsswitch.conf."""

import os
import pathlib
import pwd
import subprocess
import time

from .directory import FIRST, COUNT, LOGINS, HOME, SHELL, SUFFIX, run

SSSD = f"""\
[sssd]
services = nss, pam, ssh
domains = bench
[domain/bench]
id_provider = ldap
auth_provider = ldap
access_provider = permit
ldap_schema = rfc2307
ldap_uri = ldap://127.0.0.1
ldap_search_base = {SUFFIX}
ldap_user_search_base = ou=accounts,{SUFFIX}
ldap_group_search_base = ou=groups,{SUFFIX}
ldap_user_ssh_public_key = sshPublicKey
"""

NSLCD = f"""\
uid nslcd
gid nslcd
uri ldap://127.0.0.1
base {SUFFIX}
base passwd ou=accounts,{SUFFIX}
base group ou=groups,{SUFFIX}
"""

# What who has nslcd uses for keys.
LDAP_KEYS = f"""\
#!/bin/sh
exec ldapsearch -x -LLL -o ldif-wrap=no -H ldap://127.0.0.1 -b ou=accounts,{SUFFIX} \\
	"(uid=$1)" sshPublicKey | sed -n 's/^sshPublicKey: //p'
"""

# Debian's common-*, without what the packages of the others put there.
PAM = {
    "auth": "auth required pam_unix.so\n",
    "account": "account required pam_unix.so\n",
    "session": "session required pam_permit.so\nsession required pam_unix.so\n",
    "password": "password required pam_unix.so\n",
}
PAM_OTHERS = {
    "account": "account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so\n"
               "account requisite pam_deny.so\naccount required pam_permit.so\n"
               "account [default=bad success=ok user_unknown=ignore] {}\n",
    "session": PAM["session"] + "session optional {}\n",
}


def in_world(services, argv):
    """The command line that runs argv where passwd and group are these."""
    script = ('printf "passwd: %s\\ngroup: %s\\n" "$1" "$1" >"$2" &&'
              ' mount --bind "$2" /etc/nsswitch.conf && rm "$2" && shift 2 && exec "$@"')
    path = f"/run/nsswitch.{time.monotonic_ns()}"
    return ["unshare", "--mount", "sh", "-c", script, "-", services, path, *argv]


LOOKUP = """\
import pwd, sys, time
begin = time.monotonic()
try:
    pwd.getpwnam(sys.argv[1])
    found = 1
except KeyError:
    found = 0
print(found, time.monotonic() - begin)
"""


def look_up(services, name, seconds=75):
    """(found, seconds) of one getpwnam() in a fresh process; found is None
    when there was no answer in time."""
    argv = in_world(services, ["/usr/bin/python3", "-c", LOOKUP, str(name)])
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        return None, seconds
    found, passed = done.stdout.split()
    return found == "1", float(passed)


def write(path, text, mode=0o644):
    pathlib.Path(path).write_text(text)
    os.chmod(path, mode)
    return str(path)


def write_index(path, rows):
    """libnss-cache's: sorted lines of one length, KEY NUL OFFSET NUL ... LF."""
    longest = max(len(key) + len(at) for key, at in rows) + 2
    with open(path, "wb") as out:
        for key, at in sorted(rows):
            out.write((key + b"\0" + at + b"\0").ljust(longest, b"\0") + b"\n")


def write_cache():
    by_name, by_uid, at = [], [], 0
    with open("/etc/passwd.cache", "wb") as out:
        for account in range(FIRST, FIRST + COUNT):
            name, place = str(account).encode(), str(at).encode()
            by_name.append((name, place))
            by_uid.append((name, place))
            at += out.write(b"%s:x:%s:10000::%s:%s\n"
                            % (name, name, HOME.encode(), SHELL.encode()))
    write_index("/etc/passwd.cache.ixname", by_name)
    write_index("/etc/passwd.cache.ixuid", by_uid)
    write("/etc/group.cache", "users:x:10000:\n")


def pam_service(name, module):
    """/etc/pam.d/NAME: Debian's sshd's, for a host with that module."""
    text = pathlib.Path("/etc/pam.d/sshd").read_text()
    for kind, lines in PAM_OTHERS.items():
        text = text.replace(f"@include common-{kind}\n", lines.format(module))
    write(f"/etc/pam.d/{name}", text)


class Services:
    def __init__(self, folder, directory):
        self.folder, self.directory = folder, directory
        self.daemons = []
        self.ldap_keys = write(f"{folder}/ldap-keys", LDAP_KEYS, 0o755)

    def daemon(self, name, *argv):
        log = open(f"{self.folder}/{name}.log", "wb")
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                   start_new_session=True)
        self.daemons.append(process)

    def start(self):
        for kind, text in PAM.items():
            write(f"/etc/pam.d/common-{kind}", text)
        self.start_enscale()
        write_cache()
        write("/etc/sssd/sssd.conf", SSSD, 0o600)
        write("/etc/nslcd.conf", NSLCD, 0o640)
        run("chgrp", "nslcd", "/etc/nslcd.conf")
        run("install", "-d", "-o", "nslcd", "-g", "nslcd", "/run/nslcd")
        self.daemon("sssd", "sssd", "-i")
        self.daemon("nslcd", "nslcd", "-n")
        pam_service("sshd-sss", "pam_sss.so")
        pam_service("sshd-ldap", "pam_ldap.so")
        for services in ("enscale", "sss", "ldap", "cache"):
            self.wait_for(services)

    def start_enscale(self):
        """As tests/hosts/roles/gateway does, but for a directory of this host."""
        run("systemd-sysusers")
        run("systemd-tmpfiles", "--create", "enscale.conf")
        run("enscalectl", "ca", "init")
        key = "/etc/enscale/ssh_host_ed25519_key"
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
        run("ssh-keygen", "-q", "-t", "rsa", "-N", "", "-f", key.replace("ed25519", "rsa"))
        run("install", "-o", "enscale-sync", "-m", "600", self.directory.password,
            "/etc/enscale/directory.password")
        file = pathlib.Path("/etc/enscale/enscale.conf")
        settings = {"bind_dn": f"cn=gateway,{SUFFIX}",
                    "password_file": "/etc/enscale/directory.password"}
        lines = []
        for line in file.read_text().splitlines():
            name = line.lstrip("#").split(" ", 1)[0]
            if name in settings and "=" in line:
                line = f"{name} = {settings.pop(name)}"
            lines.append(line)
        file.write_text("\n".join(lines) + "\n")
        run("hostctl", "start", "enscale-sync.service")
        run("hostctl", "start", "enscale-guard.service")

    def wait_for(self, services):
        for _ in range(300):
            if look_up(services, LOGINS[0])[0]:
                return
            time.sleep(0.2)
        raise SystemExit(f"bench_peers: {services} does not know account {LOGINS[0]}")

    def end(self):
        for process in self.daemons:
            process.terminate()
            process.wait()


def make_local_user(name, shell):
    if not any(user.pw_name == name for user in pwd.getpwall()):
        run("useradd", "--no-create-home", "--home-dir", "/", "--password", "*",
            "--shell", shell, name)
