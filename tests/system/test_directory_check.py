"""enscalectl directory check names the one thing that is wrong with a directory,
and what mends it: each of its lines, broken at a slapd that enscale-directory
made, where all the others are well; from its own host and from another one."""

import json
import os
import re
from dataclasses import dataclass

import pytest

import catalogue
import hosts as test_hosts
from conftest import FOLDER
from entries import SUFFIX, Administrator, account_dn, environment_dn, node_dn

HERE = os.path.dirname(os.path.realpath(__file__))
GATEWAY = f"cn=gateway,{SUFFIX}"
CONF = "/etc/enscale/enscale.conf"
TLS = "/etc/ldap/tls"
DATABASE = "olcDatabase={1}mdb,cn=config"
OVERLAY = f"olcOverlay={{0}}syncprov,{DATABASE}"
SLAPD = ["slapd", "-d", "stats", "-u", "openldap", "-g", "openldap", "-F", "/etc/ldap/slapd.d",
         "-h", "ldapi:/// ldaps:///"]
KEYS = """mkdir -p /etc/ldap/tls; cd /etc/ldap/tls
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 \\
    -subj "/CN=test CA" -keyout ca.key -out ca.crt 2>/dev/null
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \\
    -subj "/CN=slapd" -keyout server.key -out server.csr 2>/dev/null
sign() {
    printf 'subjectAltName=%s\\n' "$3" >$1.ext
    openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -days $2 \\
        -CAcreateserial -extfile $1.ext -out $1.crt 2>/dev/null
}
sign right 60 DNS:checked; sign expired 0 DNS:checked
sign soon 7 DNS:checked; sign other 60 DNS:ldap.elsewhere.example
openssl req -x509 -key server.key -days 60 -subj "/CN=checked" -out self.crt \\
    -addext subjectAltName=DNS:checked
cp right.crt server.crt; chmod 644 *.crt; chgrp openldap server.key; chmod 640 server.key
"""


def check(host, *options, **more):
    """The exit code, and {word: line}."""
    argv = ["enscalectl", "directory", "check", "--json", *options]
    result = host.run(argv, check=False, **more)
    assert result.stdout, result.stderr
    return result.returncode, {line["check"]: line for line in json.loads(result.stdout)}


def found(lines, state):
    return {word for word, line in lines.items() if line["state"] == state}


def start(host):
    host.start("slapd", "--port", "636", "--socket", "/run/slapd/ldapi", "--restart", "no",
               "--", *SLAPD)


def configure(host, uri="ldapi:///", more=""):
    host.write(CONF, f"[directory]\nuri = {uri}\nbase = {SUFFIX}\nbind_dn = {GATEWAY}\n"
                     f"password_file = /etc/enscale/directory.password\n{more}")


@pytest.fixture(scope="module")
def place():
    """A directory with an entry of each kind, and enscalectl on its host."""
    plan = catalogue.Plan("checked", "", {"public": "198.18.0.22", "private": "198.19.0.22"})
    host = test_hosts.launch(plan, FOLDER)
    try:
        host.install()
        host.sh(KEYS)
        host.sh("ssh-keygen -q -t ed25519 -N '' -f /root/key")
        host.write("/root/password", "a secret of the gateway\n", 0o600)
        host.sh("systemd-sysusers enscale.conf;"
                " install -m 600 -o enscale-sync /root/password /etc/enscale/directory.password")
        host.sh(f"enscale-directory setup --suffix {SUFFIX} --gateway-password-file /root/password"
                f" --tls-cert {TLS}/server.crt --tls-key {TLS}/server.key --tls-ca {TLS}/ca.crt")
        configure(host)
        start(host)
        fill(Administrator(host), host.read("/root/key.pub").decode().strip())
        yield host
    finally:
        host.end()


def fill(administrator, key):
    administrator.add_account(50001, key, enscaleStatus="active", mail="ada@customer.example")
    administrator.add(environment_dn("amber-field-7"), objectClass="enscaleEnvironment",
                      cn="amber-field-7", enscaleOwner="50001")
    administrator.add(node_dn(130077, "amber-field-7"), objectClass="enscaleNode",
                      enscaleNodeId="130077", ipHostNumber="198.19.0.77",
                      enscaleSystemUser="apache")


def modify(host, ldif):
    host.run(["ldapmodify", "-Q", "-Y", "EXTERNAL", "-H", "ldapi:///"], input=ldif)


def dump(host, number):
    return host.sh(f"slapcat -o ldif-wrap=no -n {number}").stdout.decode()


def put_back(host, kept):
    host.sh("hostctl stop slapd; rm -r /etc/ldap/slapd.d /var/lib/ldap/enscale;"
            f"cp -a {kept}/slapd.d /etc/ldap; cp -a {kept}/enscale /var/lib/ldap;"
            f"cp -p {kept}/tls/* {TLS}; cp -p {kept}/enscale.conf {CONF};"
            f"cp -p {kept}/directory.password /etc/enscale")
    start(host)


@pytest.fixture
def broken(place):
    """broken(script, ldif): until the end of the test. All is well then."""
    kept = "/root/kept"
    place.sh(f"hostctl stop slapd; rm -rf {kept}; mkdir {kept}; cp -a /etc/ldap/slapd.d"
             f" /var/lib/ldap/enscale {TLS} {CONF} /etc/enscale/directory.password {kept}")
    start(place)

    def do(script=":", ldif="", restart=False):
        if ldif:
            modify(place, ldif)
        place.sh(script)
        if restart:
            place.sh("hostctl stop slapd", check=False)
            start(place)

    yield do
    put_back(place, kept)
    code, lines = check(place)
    assert code == 0, lines


def replace(dn, attribute, *values):
    return (f"dn: {dn}\nchangetype: modify\nreplace: {attribute}\n"
            + "".join(f"{attribute}: {value}\n" for value in values))


def access(host, *first):
    """The rules that are there, behind some others."""
    _, database = dump(host, 0).split(f"dn: {DATABASE}\n")
    rules = re.findall(r"^olcAccess: \{\d+\}(.*)", database.split("\n\n")[0], re.M)
    return replace(DATABASE, "olcAccess", *first, *rules)


@dataclass
class Break:
    """What is done, and what is seen of it."""
    word: str
    name: str
    finding: str
    ldif: str = ""
    script: str = ":"
    access: tuple = ()
    restart: bool = False
    state: str = "failure"
    mends: bool = False  # the command that it says does
    over_tls: bool = False


BREAKS = [
    Break("configuration", "unknown", 'unknown key "colour"', script=f"echo colour = red >>{CONF}"),
    Break("server", "stopped", "connect: ", script="hostctl stop slapd"),
    Break("certificate", "expired", "its certificate's last day was ", over_tls=True,
          script=f"cp {TLS}/expired.crt {TLS}/server.crt; sleep 1.1", restart=True),
    Break("certificate", "soon", "ldaps://checked: its last day is 20", state="warning",
          script=f"cp {TLS}/soon.crt {TLS}/server.crt", restart=True, over_tls=True),
    Break("certificate", "another", 'is not for the name "checked"', over_tls=True,
          script=f"cp {TLS}/other.crt {TLS}/server.crt", restart=True),
    Break("certificate", "issuer", "is not trusted here", over_tls=True,
          script=f"cp {TLS}/self.crt {TLS}/server.crt", restart=True),
    Break("certificate", "file", f'the last day of "{TLS}/server.crt" is 20', state="warning",
          script=f"cp {TLS}/soon.crt {TLS}/server.crt"),
    Break("identity", "password", "bind: Invalid credentials",
          script="printf another >/etc/enscale/directory.password"),
    Break("base", "another", '"dc=nowhere": ',
          script=f"sed -i 's/^base = .*/base = dc=nowhere/' {CONF}"),
    Break("base", "hidden", "there is no such entry, or it is not shown",
          access=(f'to dn.base="{SUFFIX}" by * none',)),
    Break("schema", "mapping",
          "[mapping] mail = rfc822Mailbox: the server calls it mail: write that",
          script=f"printf '[mapping]\\nmail = rfc822Mailbox\\n' >>{CONF}"),
    Break("schema", "mapped-to-nothing",
          "[mapping] enscaleMaxSessions = nothing: the server knows no such attribute",
          script=f"printf '[mapping]\\nenscaleMaxSessions = nothing\\n' >>{CONF}"),
    Break("method", "overlay", "the server does not offer RFC 4533 for this base",
          script="hostctl stop slapd; rm '/etc/ldap/slapd.d/cn=config/olcDatabase={1}mdb/"
                 "olcOverlay={0}syncprov.ldif'", restart=True),
    Break("method", "poll", "method = poll, although the server reports changes",
          script=f"echo method = poll >>{CONF}", state="warning", ldif=(
              f"dn: {DATABASE}\nchangetype: modify\nadd: olcDbIndex\n"
              "olcDbIndex: modifyTimestamp eq\n")),
    Break("log", "checkpoint", "syncprov has no checkpoint", state="warning", mends=True,
          ldif=replace(OVERLAY, "olcSpCheckpoint")),
    Break("log", "session-log", "syncprov has no session log", state="warning", mends=True,
          ldif=replace(OVERLAY, "olcSpSessionlog")),
    Break("limits", "none", "olcSizeLimit: the gateway gets 500 entries at most", mends=True,
          ldif=replace(DATABASE, "olcLimits"), state="warning"),
    Break("limits", "low", "after 2 entries the gateway gets no more: search: Size limit exceeded",
          ldif=replace(DATABASE, "olcLimits", f'dn.exact="{GATEWAY}" size=2')),
    Break("limits", "by-another-line", "olcLimits: the gateway gets 1000 entries at most",
          ldif=replace(DATABASE, "olcLimits", "users size.soft=1000 size.hard=2000",
                       f'dn.exact="{GATEWAY}" size=unlimited'), state="warning", mends=True),
    Break("access", "status", f'the gateway does not see enscaleStatus of "{account_dn(50001)}"',
          access=("to attrs=enscaleStatus by * none",)),
    Break("access", "nodes", "the gateway sees 0 of 1 nodes",
          access=("to filter=(objectClass=enscaleNode) by * none",)),
    Break("access", "password", f'the gateway can read the password (userPassword) of "{GATEWAY}"',
          access=(f'to attrs=userPassword by dn.exact="{GATEWAY}" read by anonymous auth',)),
    Break("access", "writes", f'the gateway may change "{account_dn(50001)}"',
          access=(f'to attrs=enscaleStatus by dn.exact="{GATEWAY}" write',)),
    Break("anonymous", "reads", "everybody can read who has accounts and access: 4 entries",
          access=("to filter=(!(userPassword=*)) by * read",), state="warning"),
    Break("anonymous", "password", "everybody can read the password (userPassword) of ",
          access=(f'to * by dn.exact="{GATEWAY}" none break by * read',)),
]  # fmt: skip


@pytest.mark.parametrize("case", BREAKS, ids=lambda case: f"{case.word}-{case.name}")
def test_directory_check_names_what_is_broken_and_nothing_else(place, broken, case):
    if case.over_tls:
        configure(place, "ldaps://checked", f"tls_ca = {TLS}/ca.crt\n")
    broken(case.script, case.ldif or (access(place, *case.access) if case.access else ""),
           case.restart)
    options = ["--uri", "ldapi:///"] if case.over_tls else []
    code, lines = check(place, *options)
    assert found(lines, case.state) == {case.word}, lines
    assert found(lines, "failure") <= {case.word}, lines
    assert found(lines, "warning") <= {case.word}, lines
    assert code == (2 if case.state == "failure" else 1)
    assert case.finding in lines[case.word]["finding"], lines[case.word]
    assert lines[case.word]["mend"]
    if case.mends:
        place.sh(lines[case.word]["mend"])
        assert check(place)[0] == 0, lines[case.word]


@pytest.mark.both
def test_directory_check_is_content_with_what_enscale_directory_made(place):
    result = place.run(["enscalectl", "directory", "check"], check=False)
    first, *lines = result.stdout.decode().splitlines()
    assert first == f"all is well: {len(lines)} checks"
    assert {line.split()[0] for line in lines} == {"ok"}
    assert not any("not seen" in line for line in lines), lines


def test_directory_check_changes_nothing(place):
    before = [dump(place, 0), dump(place, 1)]
    check(place)
    assert [dump(place, 0), dump(place, 1)] == before


def test_each_index_that_enscale_directory_makes_is_looked_for(place, broken):
    broken()
    indexed = re.findall(r"^olcDbIndex: (.*)", dump(place, 0), re.M)
    assert len(indexed) > 8
    for line in indexed:
        modify(place, f"dn: {DATABASE}\nchangetype: modify\ndelete: olcDbIndex\n"
                      f"olcDbIndex: {line}\n")
        code, lines = check(place)
        assert (code, found(lines, "warning")) == (1, {"indexes"}), (line, lines)
        assert f"not indexed: {line.split()[0]}:" in lines["indexes"]["finding"]
        place.sh(lines["indexes"]["mend"])
    assert check(place)[0] == 0


@pytest.mark.parametrize("mapping, code, state", [
    ("", 2, "failure"), ("[mapping]\nenscaleAccount = organizationalRole\n", 0, "ok"),
], ids="ours theirs".split())
def test_a_schema_that_lacks_an_attribute_is_named_with_it(place, broken, mapping, code, state):
    """As an older version of ours leaves it; a tree of others' need not have all."""
    configure(place, more=mapping)
    broken("hostctl stop slapd; slapcat -n0 -o ldif-wrap=no >/root/n0;"
           "sed -Ei \"/^olcAttributeTypes:.*'enscaleMaxSessions'/d; s/ \\\\$ enscaleMaxSessions//\""
           " /root/n0; rm -r /etc/ldap/slapd.d; mkdir /etc/ldap/slapd.d; slapadd -n0 -l /root/n0"
           " -F /etc/ldap/slapd.d; chown -R openldap: /etc/ldap/slapd.d", restart=True)
    result, lines = check(place)
    assert (result, lines["schema"]["state"]) == (code, state), lines
    assert found(lines, "failure") <= {"schema"} and found(lines, "warning") == set()
    assert "the server does not know enscaleMaxSessions" in lines["schema"]["finding"]


def test_each_line_of_directory_check_is_broken_by_a_test(place):
    words = set(check(place)[1])
    assert words == {case.word for case in BREAKS} | {"clock", "indexes"}


@pytest.mark.parametrize("seconds, said", [(3600, "seconds behind this one"),
                                           (-3600, "seconds ahead of this one")])
def test_a_clock_that_differs_is_named(place, seconds, said):
    with open(f"{HERE}/shifted_clock.c") as file:
        place.write("/root/shifted_clock.c", file.read())
    place.sh("gcc -shared -fPIC -o /root/shifted_clock.so /root/shifted_clock.c")
    place.write("/root/shifted_clock", str(seconds))
    code, lines = check(place, env={"LD_PRELOAD": "/root/shifted_clock.so",
                                    "SHIFT_FILE": "/root/shifted_clock"})
    assert code == 1
    assert found(lines, "warning") == {"clock"} and found(lines, "failure") == set()
    finding = lines["clock"]["finding"]
    assert said in finding and abs(int(re.search(r"\d+", finding)[0]) - 3600) < 20


# ---- from elsewhere ----------------------------------------------------------------


@pytest.mark.mixed
def test_a_gateway_on_another_host_looks_over_tls_and_says_what_it_cannot_see(gateway):
    code, lines = check(gateway)
    assert code == 0, lines
    assert re.search(r"^ldaps://directory: its last day is \d{4}-\d\d-\d\d$",
                     lines["certificate"]["finding"])
    for word in ("log", "indexes", "limits"):
        assert "not seen" in lines[word]["finding"]
        assert "--bind-dn and --password-file name an administrator" in lines[word]["finding"]
    assert "only an administrator sees" in lines["access"]["finding"]
    assert "OpenLDAP" in lines["server"]["finding"]


def test_a_gateway_elsewhere_names_a_limit_that_it_meets(gateway, directory):
    """Without seeing the server's settings."""
    limits = re.findall(r"^olcLimits: \{\d+\}(.*)", dump(directory, 0), re.M)
    modify(directory, replace(DATABASE, "olcLimits", f'dn.exact="{GATEWAY}" size=3'))
    try:
        code, lines = check(gateway)
    finally:
        modify(directory, replace(DATABASE, "olcLimits", *limits))
    assert code == 2
    assert found(lines, "failure") == {"limits"} and found(lines, "warning") == set()
    assert "after 3 entries the gateway gets no more" in lines["limits"]["finding"]
    assert found(lines, "skipped") == {"access"}


def test_a_gateway_elsewhere_names_a_server_that_does_not_answer(gateway):
    gateway.sh(f"sed 's|^uri = .*|uri = ldaps://directory ldaps://127.0.0.1:1|' {CONF}"
               " >/root/two.conf")
    try:
        argv = ["enscalectl", "-f", "/root/two.conf", "directory", "check", "--json"]
        result = gateway.run(argv, check=False)
    finally:
        gateway.sh("rm /root/two.conf")
    lines = {line["check"]: line for line in json.loads(result.stdout)}
    assert result.returncode == 1
    assert found(lines, "warning") == {"server"} and found(lines, "failure") == set()
    assert "ldaps://127.0.0.1:1: connect: Connection refused" in lines["server"]["finding"]


# ---- where no gateway is -----------------------------------------------------------


def test_on_the_directorys_own_host_no_configuration_is_needed(place):
    place.sh(f"mv {CONF} /root/away; cp /root/password /etc/ldap/enscale-gateway.password")
    try:
        code, lines = check(place)
    finally:
        place.sh(f"mv /root/away {CONF}; rm /etc/ldap/enscale-gateway.password")
    assert code == 0, lines
    assert GATEWAY in lines["configuration"]["finding"]
    assert "the gateway sees 1 accounts, 1 keys" in lines["access"]["finding"]


def test_directory_check_is_roots(place):
    argv = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    result = place.run([*argv, "enscalectl", "directory", "check"], check=False)
    assert result.returncode == 3
    assert b"only root can check" in result.stderr
