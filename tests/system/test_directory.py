"""The directory: what enscale-directory makes of Debian's slapd, and who may
see what in it."""

import base64
import hashlib
import re

import pytest

SOURCE = "/usr/src/enscale/directory"
SUFFIX = "dc=test,dc=example"
GATEWAY = f"cn=gateway,{SUFFIX}"
ROOT = "-Q -Y EXTERNAL -H ldapi:///"
SETUP = f"{SOURCE}/enscale-directory setup --suffix {SUFFIX}"
SETUP += " --gateway-password-file /root/password"
SLAPD = "slapd -d 0 -u openldap -g openldap -F /etc/ldap/slapd.d -h".split()
INSUFFICIENT_ACCESS = 50


def start_slapd(host):
    host.start("slapd", "--socket", "/run/slapd/ldapi", "--", *SLAPD, "ldapi:/// ldap:///")


def search_as_gateway(*arguments, uri="ldapi:///", password="/root/bare"):
    bind = ["-x", "-D", GATEWAY, "-y", password, "-H", uri]
    return ["ldapsearch", "-LLL", "-o", "ldif-wrap=no", *bind, *arguments]


def names(result):
    return re.findall(rb"^dn: (.*)", result.stdout, re.M)


@pytest.fixture
def host(scratch_host):
    """A host with slapd from Debian's package and a password for later."""
    scratch_host.write("/root/password", b"a secret of the gateway\n", 0o600)
    scratch_host.write("/root/bare", b"a secret of the gateway", 0o600)
    return scratch_host


@pytest.fixture
def fresh(host):
    """An empty directory, as setup leaves it, with slapd running."""
    host.sh(SETUP)
    start_slapd(host)
    return host


def add(host, ldif, check=True):
    return host.run(["ldapadd", *ROOT.split()], input=ldif, check=check)


def account(number, more=""):
    name = f"enscaleAccountId={number},ou=accounts,{SUFFIX}"
    return f"dn: {name}\nobjectClass: enscaleAccount\nenscaleAccountId: {number}\n{more}\n"


def test_setup_makes_the_suffix_its_units_and_the_gateways_identity(fresh):
    found = fresh.sh(f"ldapsearch -LLL {ROOT} -b {SUFFIX} 1.1")
    assert names(found) == [
        SUFFIX.encode(),
        f"ou=accounts,{SUFFIX}".encode(),
        f"ou=environments,{SUFFIX}".encode(),
        GATEWAY.encode(),
    ]


def test_setup_run_again_changes_nothing(host):
    host.sh(SETUP)
    before = host.sh("slapcat -n0; slapcat").stdout
    assert b"added" not in host.sh(SETUP).stdout
    assert host.sh("slapcat -n0; slapcat").stdout == before
    start_slapd(host)
    assert b"as it should be" in host.sh(SETUP).stdout


def test_setup_changes_the_gateways_password_on_a_running_server(fresh):
    fresh.write("/root/password", b"another\n", 0o600)
    assert b"changed the password" in fresh.sh(SETUP).stdout
    fresh.write("/root/bare", b"another", 0o600)
    fresh.run(search_as_gateway("-b", SUFFIX, "-s", "base"))


def test_setup_does_not_reconfigure_a_running_server(fresh):
    other = SETUP.replace(SUFFIX, "dc=other,dc=example") + " --replace"
    before = fresh.sh("slapcat -n0").stdout
    result = fresh.sh(other, check=False)
    assert result.returncode == 1
    assert b"Stop it and run this again" in result.stderr
    assert fresh.sh("slapcat -n0").stdout == before


def test_setup_does_not_replace_a_directory_that_holds_entries(host):
    host.sh(SETUP)
    start_slapd(host)
    host.stop("slapd")
    before = host.sh("slapcat").stdout
    other = SETUP.replace(SUFFIX, "dc=other,dc=example")
    result = host.sh(other, check=False)
    assert result.returncode == 1
    assert f"slapd serves {SUFFIX}, which has 4 entries".encode() in result.stderr
    assert host.sh("slapcat").stdout == before


def test_setup_says_what_is_wrong_and_changes_nothing(host):
    host.sh("umask 077; : >/root/empty; printf 'a\\nb\\n' >/root/two")
    host.write("/root/open", b"secret\n")
    for arguments, reason in [
        ("--suffix 'dc=a b'", "must be dc="),
        ("--suffix cn=admin", "must be dc="),
        ("--suffix c=DE", "must begin with dc="),
        ("--gateway-password-file /root/none", "no such file"),
        ("--gateway-password-file /root/open", "chmod 600"),
        ("--gateway-password-file /root/empty", "is empty"),
        ("--gateway-password-file /root/two", "more than one line"),
        ("--keyd-password-file /root/open", "chmod 600"),
        ("--keyd-password-file /root/bare", "is the gateway's password"),
        ("--tls-cert /root/bare", "--tls-cert needs --tls-key too"),
        ("--tls-cert x --tls-key y", "beginning with /"),
        ("--tls-cert /root/bare --tls-key /root/bare", "cannot read it"),
    ]:
        result = host.sh(f"{SETUP} {arguments}", check=False)
        assert result.returncode == 1, arguments
        assert reason in result.stderr.decode()
    left = host.sh("ls /var/lib/ldap /etc/ldap").stdout
    assert b"enscale" not in left and b"slapd.d" not in left


@pytest.mark.parametrize("hide", ["true", "mount --bind /bin/false /usr/bin/openssl"])
def test_a_certificate_and_a_key_that_differ_are_found_before_the_change(host, hide):
    host.sh(
        "cd /etc/ldap; for n in 1 2; do openssl req -x509 -newkey rsa:2048 -nodes"
        " -subj /CN=x -keyout $n.key -out $n.crt 2>/dev/null; done; chmod 644 *.key"
    )
    host.sh(hide)
    tls = "--tls-cert /etc/ldap/1.crt --tls-key /etc/ldap/2.key"
    result = host.sh(f"{SETUP} {tls}", check=False)
    assert result.returncode == 1
    assert b"/etc/ldap/2.key" in result.stderr or b"do not match" in result.stderr
    host.sh("! slapcat -n0 | grep -q enscale")


def test_the_gateway_sees_everything_but_passwords(fresh):
    add(fresh, account(25880))
    found = fresh.run(search_as_gateway("-b", SUFFIX, "*", "+"))
    assert len(names(found)) == 5
    assert b"contextCSN" in found.stdout
    assert b"userPassword" not in found.stdout


def test_the_gateway_sees_what_the_server_can_do(fresh):
    found = fresh.run(search_as_gateway("-b", "", "-s", "base", "supportedControl"))
    assert b"supportedControl: 1.3.6.1.4.1.4203.1.9.1.1\n" in found.stdout


def test_the_gateway_writes_nothing(fresh):
    add(fresh, account(25880))
    bind = ["-x", "-D", GATEWAY, "-y", "/root/bare", "-H", "ldapi:///"]
    name = f"enscaleAccountId=25880,ou=accounts,{SUFFIX}"
    result = fresh.run(["ldapdelete", *bind, name], check=False)
    assert result.returncode == INSUFFICIENT_ACCESS


def test_nobody_else_sees_anything(fresh):
    add(fresh, account(25880))
    for base in (SUFFIX, "cn=config", "cn=monitor", "cn=Subschema", "''"):
        for who in ("-x", "-Q -Y EXTERNAL"):
            found = fresh.sh(
                "setpriv --reuid=nobody --regid=nogroup --clear-groups"
                f" ldapsearch -LLL {who} -H ldapi:/// -b {base} -s base '*' +",
                check=False,
            )
            if base == "''" and who != "-x":
                continue  # what the server can do is no secret to who binds
            assert found.stdout == b"", (who, base)


def test_a_password_is_not_accepted_in_the_clear(fresh):
    search = search_as_gateway("-b", SUFFIX, uri="ldap://127.0.0.1")
    result = fresh.run(search, check=False)
    assert result.returncode == 13
    assert b"onfidentiality required" in result.stderr


def test_a_refresh_of_more_than_the_default_size_limit_arrives_whole(fresh):
    add(fresh, "".join(account(n) for n in range(100000, 101200)))
    found = fresh.run(search_as_gateway("-b", SUFFIX, "-E", "!sync=ro", "1.1"))
    assert len(names(found)) == 1204


def test_what_the_schema_rules_out_is_refused(fresh):
    for ldif in [
        account("025880"),
        account("25880x"),
        account(25880, "enscaleExpires: tomorrow\n"),
        account(25880, "enscaleMaxSessions: many\n"),
        account(25880, "enscaleStatus: active\nenscaleStatus: suspended\n"),
        account(25880, "enscaleOwner: 21296\n"),
        f"dn: cn=title,ou=accounts,{SUFFIX}\nobjectClass: enscaleKey\n\n",
        f"dn: cn=env,ou=environments,{SUFFIX}\nobjectClass: enscaleEnvironment\n"
        "enscaleOwner: somebody\n\n",
        f"dn: enscaleNodeId=1,ou=environments,{SUFFIX}\nobjectClass: enscaleNode\n"
        "enscalePort: ssh\n\n",
    ]:
        result = add(fresh, ldif, check=False)
        assert result.returncode != 0, ldif
        assert b"ldap_add" in result.stderr


def test_existing_entries_take_the_attributes_of_an_account(fresh):
    add(
        fresh,
        f"dn: cn=Frida,ou=accounts,{SUFFIX}\nobjectClass: inetOrgPerson\n"
        "objectClass: enscaleAccountAux\nobjectClass: ldapPublicKey\n"
        "cn: Frida\nsn: Lindqvist\nenscaleAccountId: 25880\n"
        "enscaleStatus: active\nenscaleExpires: 20300101000000Z\n"
        "sshPublicKey: ssh-ed25519 AAAA\n",
    )


def test_numbers_and_times_are_compared_as_such(fresh):
    add(fresh, account(9) + account(10, "enscaleExpires: 20300101000000Z\n"))
    for question in ("(enscaleAccountId>=10)", "(enscaleExpires>=20291231235959Z)"):
        found = fresh.sh(f"ldapsearch -LLL {ROOT} -b {SUFFIX} '{question}' 1.1")
        assert names(found) == [f"enscaleAccountId=10,ou=accounts,{SUFFIX}".encode()]


def test_the_demos_keys_are_named_by_their_fingerprint(directory):
    search = "ldapsearch -LLL -o ldif-wrap=no -Q -Y EXTERNAL -H ldapi:///"
    script = (
        f"{search} -b dc=enscale,dc=example objectClass=enscaleKey"
        " enscaleKeyFingerprint sshPublicKey"
    )
    entries = directory.sh(script).stdout.decode().strip().split("\n\n")
    assert len(entries) == 5
    for entry in entries:
        hexed = re.search(r"^enscaleKeyFingerprint: ([0-9a-f]{64})$", entry, re.M)[1]
        key = re.search(r"^sshPublicKey: (.*)$", entry, re.M)[1]
        shown = directory.run(["ssh-keygen", "-lf", "-"], input=key).stdout.split()[1]
        digest = base64.b64decode(shown.removeprefix(b"SHA256:") + b"=")
        assert digest.hex() == hexed


# Who writes the keys that users add: enscale-keyd

KEYD = f"cn=keyd,{SUFFIX}"
KEYD_SETUP = f"{SETUP} --keyd-password-file /root/keyd-password"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICDiJ5e3rOrq4QSI6gyWSlXh+x8OpQHom645DROpxVTa"
HEX = hashlib.sha256(base64.b64decode(KEY.split()[1])).hexdigest()
ACCOUNT = f"enscaleAccountId=25880,ou=accounts,{SUFFIX}"
KEY_DN = f"enscaleKeyFingerprint={HEX},{ACCOUNT}"


def key(dn=KEY_DN, classes=("enscaleKey",), more=""):
    lines = [f"dn: {dn}", *(f"objectClass: {name}" for name in classes)]
    lines += [f"enscaleKeyFingerprint: {HEX}", "cn: title", f"sshPublicKey: {KEY}"]
    return "\n".join(lines) + f"\n{more}\n"


@pytest.fixture
def keyd(host):
    """A directory with that identity, an account and what it may not touch."""
    host.write("/root/keyd-password", b"a secret of keyd", 0o600)
    host.sh(KEYD_SETUP)
    start_slapd(host)
    add(host, account(25880, "cn: Frida\nmail: frida@enscale.example\n"))
    add(host, f"dn: cn=env,ou=environments,{SUFFIX}\n"
              "objectClass: enscaleEnvironment\ncn: env\nenscaleOwner: 25880\n\n")

    def as_keyd(program, *arguments, ldif=""):
        bind = ["-x", "-D", KEYD, "-y", "/root/keyd-password", "-H", "ldapi:///"]
        return host.run([program, *bind, *arguments], input=ldif, check=False)

    return as_keyd


def test_setup_adds_the_identity_of_keyd_when_asked(host, keyd):
    assert keyd("ldapwhoami").stdout == f"dn:{KEYD}\n".encode()
    before = host.sh("slapcat -n0; slapcat").stdout
    assert b"as it should be" in host.sh(KEYD_SETUP).stdout
    assert host.sh("slapcat -n0; slapcat").stdout == before
    host.write("/root/keyd-password", b"another", 0o600)
    assert f"changed the password of {KEYD}".encode() in host.sh(KEYD_SETUP).stdout
    assert keyd("ldapwhoami").returncode == 0


def test_without_that_option_there_is_no_such_identity(fresh):
    found = fresh.sh(f"ldapsearch -LLL {ROOT} -b {SUFFIX} cn=keyd 1.1")
    assert names(found) == []
    assert b"keyd" not in fresh.sh("slapcat -n0").stdout


def test_keyd_adds_and_deletes_the_key_of_an_account(host, keyd):
    expires = "enscaleExpires: 20301231235959Z\n"
    assert keyd("ldapadd", ldif=key(more=expires)).returncode == 0
    found = host.run(search_as_gateway("-b", KEY_DN, "-s", "base"))
    assert f"sshPublicKey: {KEY}".encode() in found.stdout
    assert keyd("ldapadd", ldif=key()).returncode == 68  # already exists
    assert keyd("ldapdelete", KEY_DN).returncode == 0
    assert keyd("ldapdelete", KEY_DN).returncode == 32  # no such object


def test_keyd_deletes_a_key_of_any_name(host, keyd):
    add(host, key(f"cn=title,{ACCOUNT}"))
    assert keyd("ldapdelete", f"cn=title,{ACCOUNT}").returncode == 0


def test_keyd_finds_accounts_by_id_and_sees_their_keys_and_no_more(host, keyd):
    add(host, key())
    search = ["ldapsearch", "-LLL", "-o", "ldif-wrap=no", "-b", SUFFIX]
    found = keyd(*search, "enscaleAccountId=25880", "*", "+")
    assert names(found) == [ACCOUNT.encode()]
    seen = set(re.findall(rb"^(\w+):", found.stdout, re.M))
    assert seen == {b"dn", b"objectClass", b"enscaleAccountId"}
    found = keyd(*search, "objectClass=enscaleKey", "sshPublicKey")
    assert names(found) == [KEY_DN.encode()]
    assert f"sshPublicKey: {KEY}".encode() in found.stdout
    assert names(keyd(*search)) == [ACCOUNT.encode(), KEY_DN.encode()]
    assert names(keyd(*search, "mail=frida@enscale.example")) == []
    assert names(keyd(*search, "objectClass=enscaleEnvironment")) == []
    assert names(keyd(*search, "-s", "base", "-b", "cn=config")) == []


def test_keyd_writes_nothing_else(host, keyd):
    add(host, account(21296))
    add(host, key())
    aux = f"cn=aux,{ACCOUNT}"
    elsewhere = [
        f"cn=x,ou=accounts,{SUFFIX}",
        f"cn=x,ou=environments,{SUFFIX}",
        f"cn=x,cn=env,ou=environments,{SUFFIX}",
        f"cn=x,{SUFFIX}",
        f"cn=x,{KEYD}",
        f"cn=x,{KEY_DN}",
    ]
    refused = [key(dn) for dn in elsewhere] + [
        account(666),
        f"dn: enscaleAccountId=666,{ACCOUNT}\nobjectClass: enscaleAccount\n"
        "enscaleAccountId: 666\n\n",
        key(aux, ["enscaleKey", "enscaleAccountAux"], "enscaleAccountId: 666\n"),
        key(aux, ["enscaleKey", "simpleSecurityObject"], "userPassword: x\n"),
        key(aux, ["enscaleKey", "ipHost"], "ipHostNumber: 198.19.0.1\n"),
        f"dn: cn=x,{ACCOUNT}\nobjectClass: enscaleEnvironment\ncn: x\n\n",
        f"dn: cn=x,{ACCOUNT}\nobjectClass: organizationalRole\ncn: x\n\n",
    ]
    for ldif in refused:
        result = keyd("ldapadd", ldif=ldif)
        assert result.returncode in (INSUFFICIENT_ACCESS, 32), (ldif, result)
    for dn in [ACCOUNT, f"enscaleAccountId=21296,ou=accounts,{SUFFIX}", GATEWAY,
               KEYD, f"cn=env,ou=environments,{SUFFIX}", f"ou=accounts,{SUFFIX}"]:
        result = keyd("ldapdelete", dn)
        assert result.returncode in (INSUFFICIENT_ACCESS, 32), (dn, result)
    for dn, change in [
        (ACCOUNT, "replace: enscaleStatus\nenscaleStatus: active\n"),
        (ACCOUNT, f"add: sshPublicKey\nsshPublicKey: {KEY}\n"),
        (ACCOUNT, "replace: enscaleAccountId\nenscaleAccountId: 666\n"),
        (KEY_DN, f"replace: sshPublicKey\nsshPublicKey: {KEY} x\n"),
        (KEY_DN, "delete: enscaleKeyFingerprint\n"),
        (KEYD, "replace: userPassword\nuserPassword: x\n"),
        (GATEWAY, "replace: userPassword\nuserPassword: x\n"),
        (f"cn=env,ou=environments,{SUFFIX}", "add: enscaleFullAccess\n"
         "enscaleFullAccess: 21296\n"),
    ]:
        ldif = f"dn: {dn}\nchangetype: modify\n{change}-\n"
        result = keyd("ldapmodify", ldif=ldif)
        assert result.returncode in (INSUFFICIENT_ACCESS, 32), (ldif, result)


def test_the_gateway_still_writes_nothing_beside_keyd(host, keyd):
    bind = ["-x", "-D", GATEWAY, "-y", "/root/bare", "-H", "ldapi:///"]
    result = host.run(["ldapadd", *bind], input=key(), check=False)
    assert result.returncode == INSUFFICIENT_ACCESS
    found = host.run(search_as_gateway("-b", SUFFIX, "*", "+"))
    assert f"dn: {KEYD}".encode() in found.stdout
    assert b"userPassword" not in found.stdout


def test_enscale_directory_is_clean_for_shellcheck_and_dash(host):
    host.sh(f"cd {SOURCE}; shellcheck enscale-directory ../gateway/enscale-nsswitch;"
            "dash -n enscale-directory")
