"""A slapd of a benchmark's own (Debian's, back-mdb, ldapi), in a folder."""
import os
import pathlib
import socket
import subprocess
import sys
import time

SUFFIX = "dc=enscale,dc=example"
HERE = pathlib.Path(__file__).resolve().parent


def wait_for(condition, what, seconds):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"bench_sync: waited in vain for {what}")
        time.sleep(0.02)


def accepts(path):
    with socket.socket(socket.AF_UNIX) as s:
        return s.connect_ex(str(path)) == 0


def make_accounts(count, ldif):
    with ldif.open("w") as out:
        subprocess.run([HERE / "make_accounts", str(count), SUFFIX],
                       stdout=out, check=True)


class Directory:
    """With N accounts; without any: with no more than where they would be."""

    def __init__(self, folder, count):
        self.folder = folder
        folder.mkdir()
        (folder / "db").mkdir()
        self.config = folder / "slapd.conf"
        self.uri = "ldapi://" + str(folder / "ldapi").replace("/", "%2F")
        me = (f"gidNumber={os.getgid()}+uidNumber={os.getuid()},"
              "cn=peercred,cn=external,cn=auth")
        schema = HERE.parent / "directory"
        self.config.write_text(
            "include /etc/ldap/schema/core.schema\n"
            "include /etc/ldap/schema/cosine.schema\n"
            "include /etc/ldap/schema/nis.schema\n"
            f"include {schema}/openssh-lpk.schema\n"
            f"include {schema}/enscale.schema\n"
            "modulepath /usr/lib/ldap\nmoduleload back_mdb\n"
            "moduleload syncprov\nsizelimit unlimited\n"
            f"database mdb\nsuffix {SUFFIX}\nrootdn {me}\n"
            f"directory {folder}/db\nmaxsize 17179869184\n"
            "index objectClass,entryUUID,entryCSN eq\n"
            "overlay syncprov\nsyncprov-checkpoint 1000 10\n"
            "syncprov-sessionlog 10000\n")
        ldif = folder / "accounts.ldif"
        make_accounts(count, ldif)
        subprocess.run(["/usr/sbin/slapadd", "-q", "-w", "-f", self.config,
                        "-l", ldif], check=True)
        ldif.unlink()
        self.process = subprocess.Popen(
            ["/usr/sbin/slapd", "-d", "0", "-f", self.config, "-h", self.uri])
        wait_for(lambda: accepts(folder / "ldapi"), "slapd", 30)

    def end(self):
        self.process.terminate()
        self.process.wait()
