"""What the installed files export, link and are built with."""

import re

import pytest

import installing

pytestmark = pytest.mark.both

MODULES = {
    "nss": "/usr/lib/*/libnss_enscale.so.2",
    "pam": "/usr/lib/*/security/pam_enscale.so",
    "pty": "/usr/libexec/enscale/pty_enscale.so",
    "keys": "/usr/libexec/enscale/enscale-keys",
    "sync": "/usr/libexec/enscale/enscale-sync",
    "guard": "/usr/libexec/enscale/enscale-guard",
    "keyd": "/usr/libexec/enscale/enscale-keyd",
    "shell": "/usr/bin/enscale-shell",
    "connect": "/usr/libexec/enscale/enscale-connect",
    "ctl": "/usr/bin/enscalectl",
}


@pytest.fixture(params=MODULES)
def built(request, gateway):
    path = gateway.sh(f"readlink -f {MODULES[request.param]}").stdout
    return request.param, path.decode().strip()


def needed(gateway, path):
    out = gateway.run(["objdump", "-p", path]).stdout.decode()
    found = re.findall(r"NEEDED +(\S+)", out)
    # Debian 12's and 13's
    return {re.sub(r"^(libldap|liblber)(-2\.5\.so\.0|\.so\.2)$", r"\1", name)
            for name in found}


def exported(gateway, path):
    out = gateway.run(["nm", "-D", "--defined-only", path]).stdout.decode()
    return {line.split()[-1].split("@")[0] for line in out.splitlines()}


ALLOWED = {
    "nss": {"libc.so.6"},
    "pam": {"libc.so.6", "libpam.so.0", "libinih.so.1", "libcrypto.so.3"},
    "pty": {"libc.so.6"},
    "keys": {"libc.so.6"},
    "sync": {"libc.so.6", "libldap", "liblber",
             "liblmdb.so.0", "libcrypto.so.3", "libsystemd.so.0",
             "libinih.so.1", "libjansson.so.4"},
    "guard": {"libc.so.6", "libcrypto.so.3", "libsystemd.so.0",
              "libjansson.so.4", "libinih.so.1"},
    "keyd": {"libc.so.6", "libldap", "liblber",
             "libcrypto.so.3", "libsystemd.so.0", "libinih.so.1"},
    "connect": {"libc.so.6"},
    "shell": {"libc.so.6", "libjansson.so.4", "libedit.so.2"},
    "ctl": {"libc.so.6", "libldap", "liblber",
            "libcrypto.so.3", "libjansson.so.4", "libinih.so.1"},
}


def test_each_file_links_only_what_its_job_needs(gateway, built):
    kind, path = built
    assert needed(gateway, path) <= ALLOWED[kind]


def test_modules_export_their_entry_points_and_nothing_else(gateway, built):
    kind, path = built
    if kind == "nss":
        names = exported(gateway, path)
        assert names and all(n.startswith("_nss_enscale_") for n in names)
    elif kind == "pam":
        names = exported(gateway, path)
        assert names and all(n.startswith("pam_sm_") for n in names)
    elif kind == "pty":
        assert exported(gateway, path) == {"openpty"}


def test_every_file_is_hardened(gateway, built):
    kind, path = built
    dynamic = gateway.run(["readelf", "-dW", path]).stdout.decode()
    headers = gateway.run(["readelf", "-lW", path]).stdout.decode()
    assert "GNU_RELRO" in headers
    assert re.search(r"BIND_NOW|FLAGS.*NOW", dynamic)
    assert "TEXTREL" not in dynamic
    stack = re.search(r"GNU_STACK.* (R\w+) ", headers)
    assert stack and "E" not in stack[1]
    kind_of_file = gateway.run(["readelf", "-hW", path]).stdout.decode()
    assert "DYN (" in kind_of_file, "position independent"


def test_the_packages_have_the_version_of_what_is_in_them():
    def first(name, pattern):
        with open(f"{installing.SOURCE}/{name}") as file:
            return re.search(pattern, file.read(), re.MULTILINE)[1]

    version = first("configure.ac", r"^AC_INIT\(\[[^]]*\], \[([^]]*)\]")
    assert first("debian/changelog", r"^enscale-gateway \(([^)]*)\)") == version
    # scripts that run as they are here, too
    for script in ("node/enscale-node", "directory/enscale-directory", "gateway/enscale-nsswitch"):
        assert first(script, r" \(enscale-gateway\) ([^\"]*)") == version
