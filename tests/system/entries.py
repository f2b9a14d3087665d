"""The directory's administrator, for tests: root over ldapi on its host."""

import base64
import hashlib

SUFFIX = "dc=enscale,dc=example"


def account_dn(account):
    return f"enscaleAccountId={account},ou=accounts,{SUFFIX}"


def environment_dn(name):
    return f"cn={name},ou=environments,{SUFFIX}"


def node_dn(node, environment):
    return f"enscaleNodeId={node},{environment_dn(environment)}"


def fingerprint(public_key):
    """SHA-256 in hex of a key in authorized_keys form."""
    return hashlib.sha256(base64.b64decode(public_key.split()[1])).hexdigest()


def key_dn(account, public_key):
    return f"enscaleKeyFingerprint={fingerprint(public_key)},{account_dn(account)}"


class Administrator:
    def __init__(self, host):
        self.host = host

    def _run(self, program, *arguments, ldif=""):
        argv = [program, "-Q", "-Y", "EXTERNAL", "-H", "ldapi:///", *arguments]
        return self.host.run(argv, input=ldif).stdout.decode()

    def add(self, dn, **attributes):
        """Adds an entry; a value may be a list, bytes go as base64."""
        lines = [f"dn: {dn}"]
        for name, values in attributes.items():
            for value in values if isinstance(values, list) else [values]:
                if isinstance(value, bytes):
                    lines.append(f"{name}:: {base64.b64encode(value).decode()}")
                else:
                    lines.append(f"{name}: {value}")
        self._run("ldapadd", ldif="\n".join(lines) + "\n")

    def add_account(self, account, *public_keys, **attributes):
        self.add(account_dn(account), objectClass="enscaleAccount",
                 enscaleAccountId=account, **attributes)
        for public_key in public_keys:
            self.add_key(account, public_key)

    def add_key(self, account, public_key, **attributes):
        self.add(key_dn(account, public_key), objectClass="enscaleKey",
                 enscaleKeyFingerprint=fingerprint(public_key),
                 sshPublicKey=public_key, **attributes)

    def replace(self, dn, **attributes):
        """Replaces values; None takes the attribute away."""
        changes = []
        for name, value in attributes.items():
            change = f"replace: {name}\n"
            if value is not None:
                change += f"{name}: {value}\n"
            changes.append(change + "-\n")
        self._run("ldapmodify",
                  ldif=f"dn: {dn}\nchangetype: modify\n" + "".join(changes))

    def delete(self, dn):
        """Deletes the entry and all below it."""
        self._run("ldapdelete", "-r", dn)
