"""How it is built: what the distribution has, what configure asks for, and what
make install and make uninstall leave. All but the first two from the tarball,
by a user who owns nothing but the folder it is in, on hosts without a network.
"""

import collections
import glob
import hashlib
import os
import re
import shutil
import stat
import subprocess

import pytest

SOURCE = "/usr/src/enscale"
BUILD = f"{SOURCE}/.demo/build"
USER = 65534  # nobody
SECONDS = 1500


def run(*argv, check=True, user=None, umask=0o022, **options):
    argv = list(argv)
    if user:
        argv = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *argv]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", umask=umask, timeout=SECONDS, **options)
    assert not check or done.returncode == 0, done.stdout[-4000:]
    return done


def everything_in(root):
    """What lies below a folder, by its path in there: folders end with /."""
    found = {}
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            path = os.path.join(folder, name)
            is_folder = os.path.isdir(path) and not os.path.islink(path)
            found[os.path.relpath(path, root) + "/" * is_folder] = path
    return found


def test_the_distribution_has_every_file_of_the_checkout(tmp_path):
    if not os.path.exists(f"{SOURCE}/.git"):
        pytest.skip("this is no clone")
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=SOURCE)
    ours = {name for name in listed.stdout.splitlines() if os.path.lexists(f"{SOURCE}/{name}")}
    run("make", "-C", BUILD, "distdir", f"distdir={tmp_path}/dist")
    assert ours - everything_in(f"{tmp_path}/dist").keys() == set()


def test_uninstall_leaves_what_an_administrator_made(tmp_path):
    root = f"{tmp_path}/root"
    run("make", "-C", BUILD, "install", f"DESTDIR={root}")
    installed = everything_in(root)
    kept = "etc/enscale/ca/key"
    os.mkdir(f"{root}/etc/enscale/ca")
    for path in (kept, "etc/enscale/sshd_config"):  # one made, one changed
        with open(f"{root}/{path}", "a") as file:
            file.write("mine\n")
    run("make", "-C", BUILD, "uninstall", f"DESTDIR={root}")

    def of_ours(paths):
        return {path for path in paths if path[-1] != "/" or "enscale" in path}

    assert len(of_ours(installed)) > 50
    assert of_ours(everything_in(root)) == {
        "etc/enscale/", "etc/enscale/ca/", kept, "etc/enscale/sshd_config"}
    shutil.rmtree(f"{root}/etc/enscale/ca")
    os.remove(f"{root}/etc/enscale/sshd_config")
    for target in ("install", "uninstall"):
        run("make", "-C", BUILD, target, f"DESTDIR={root}")
    assert of_ours(everything_in(root)) == set()


# --- from the tarball -------------------------------------------------------


@pytest.fixture(scope="module")
def tarball(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    for above in (home, *home.parents[:-1]):
        os.chmod(above, os.stat(above).st_mode | 0o111)
    run("make", "-C", BUILD, "dist")
    [made] = glob.glob(f"{BUILD}/enscale-gateway-*.tar.gz")
    return shutil.move(made, home)


@pytest.fixture(scope="module")
def unpack(tarball):
    """unpack(folder): the tarball in a folder of that name; returns where."""
    def unpack(folder):
        path = f"{os.path.dirname(tarball)}/{folder}"
        os.makedirs(path)
        run("tar", "-xf", tarball, "-C", path, "--strip-components=1")
        run("chown", "-R", f"{USER}:{USER}", path)
        return path

    return unpack


# libtool is half of the work of configure, and dash is faster.
ENVIRONMENT = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "CONFIG_SHELL": "/bin/dash",
               "MAKEFLAGS": f"-j{os.cpu_count()}", "HOME": "/nonexistent", "LC_ALL": "C"}


def build(folder, *argv, check=True, **more):
    environment = ENVIRONMENT | more.pop("env", {})
    return run(*argv, cwd=folder, user=USER, env=environment, check=check, **more)


@pytest.mark.full
@pytest.mark.timeout(SECONDS)
def test_distcheck_passes_for_a_user_without_rights_or_network(unpack):
    """Sources that are only read, another folder, another prefix, DESTDIR, the
    unit tests; what is uninstalled is gone, and so is what was built."""
    folder = unpack("distcheck")
    build(folder, "./configure")
    said = build(folder, "make", "distcheck").stdout
    assert "ready for distribution" in said


@pytest.mark.full
@pytest.mark.timeout(SECONDS)
def test_two_builds_in_different_surroundings_are_the_same(unpack):
    first, second = unpack("one"), unpack("another/and/deeper")
    os.mkdir(f"{second}/objects")
    os.chown(f"{second}/objects", USER, USER)
    trees = [
        install(first, "./configure", LC_ALL="C", TZ="UTC"),
        install(f"{second}/objects", "../configure", umask=0o077, LC_ALL="C.UTF-8",
                TZ="Pacific/Kiritimati", HOME="/tmp"),
    ]
    one, other = (shape(tree) for tree in trees)
    assert one.keys() == other.keys()
    assert [path for path in one if one[path] != other[path]] == []
    # All of it went where it was to go, and nothing says where it was made.
    assert all(path.startswith("opt/") for path in one)
    places = "|".join(map(re.escape, (first, second)))
    for path, where in everything_in(trees[0]).items():
        if os.path.isfile(where) and not os.path.islink(where):
            with open(where, "rb") as file:
                assert not re.search(places.encode(), file.read()), path


def install(folder, configure, umask=0o022, **environment):
    build(folder, configure, "--prefix=/opt/enscale", env=environment, umask=umask)
    build(folder, "make", env=environment, umask=umask)
    build(folder, "make", "install", f"DESTDIR={folder}/root", env=environment, umask=umask)
    return f"{folder}/root"


def shape(tree):
    """Of each path what it is: mode, target of a link, bytes of a file. The
    folders above ours are whose umask made them."""
    found = {}
    for path, where in everything_in(tree).items():
        mode = os.lstat(where).st_mode
        if stat.S_ISLNK(mode):
            found[path] = os.readlink(where)
        elif stat.S_ISREG(mode):
            with open(where, "rb") as file:
                found[path] = (mode, hashlib.sha256(file.read()).hexdigest())
        else:
            found[path] = "folder"
    return found


LIBRARIES = {
    "pam": "libpam0g-dev", "lmdb": "liblmdb-dev", "ldap": "libldap-dev", "lber": "libldap-dev",
    "crypto": "libssl-dev", "systemd": "libsystemd-dev", "inih": "libinih-dev",
    "jansson": "libjansson-dev", "cdb": "libcdb-dev",
}


@pytest.fixture(scope="module")
def configured(unpack):
    """configured(): runs configure where it has been run before and remembers
    what it can; the linker looks into the folder "first" first."""
    folder = unpack("configured")
    os.mkdir(f"{folder}/first")

    def configured(**more):
        return build(folder, "./configure", "--config-cache", "LDFLAGS=-Lfirst", **more)

    configured.first = f"{folder}/first"
    configured()
    return configured


@pytest.mark.full
@pytest.mark.parametrize("library", LIBRARIES)
def test_configure_names_the_package_of_a_library_that_does_not_link(configured, library):
    # One that wants what nobody has.
    names = [f"{configured.first}/lib{library}{end}" for end in (".so", ".a", "_pic.a")]
    for name in names:
        with open(name, "w") as file:
            file.write("INPUT(-lnobody-has-this)\n")
    done = configured(check=False)
    for name in names:
        os.remove(name)
    assert done.returncode != 0
    assert f"install {LIBRARIES[library]}" in done.stdout.splitlines()[-1], done.stdout[-2000:]


@pytest.mark.full
def test_configure_names_pkg_config_where_there_is_none(unpack):
    done = build(unpack("alone"), "./configure", check=False, env={"PKG_CONFIG": "/nonexistent"})
    assert done.returncode != 0
    assert "install pkg-config" in done.stdout


# --- RPMs -------------------------------------------------------------------

PACKAGES = {
    "enscale-gateway": "/usr/libexec/enscale/enscale-guard",
    "libnss-enscale": "libnss_enscale.so.2",
    "libpam-enscale": "security/pam_enscale.so",
    "enscale-admin": "/usr/bin/enscalectl",
    "enscale-node": "/usr/share/enscale/node/sudo.sh",
    "enscale-directory": "/usr/share/enscale/directory/enscale.schema",
}


@pytest.mark.full
@pytest.mark.timeout(SECONDS)
def test_rpmbuild_puts_each_installed_file_into_one_package(tarball):
    """It ends itself when a file is in none. The packages that a build needs
    have other names here, and the unit tests run elsewhere."""
    home = f"{os.path.dirname(tarball)}/rpm"
    os.mkdir(home)
    os.chown(home, USER, USER)
    build(home, "rpmbuild", "-tb", "--nodeps", "--nocheck",
          "--define", f"_topdir {home}", "--define", f"_dbpath {home}/db",
          "--define", f"_tmppath {home}", tarball)
    holders, inside = collections.Counter(), {}
    for package in glob.glob(f"{home}/RPMS/*/*.rpm"):
        about = run("rpm", "-qp", "--dbpath", f"{home}/db", "--qf",
                    "%{NAME}\n[%{FILEMODES:perms} %{FILENAMES}\n]", package).stdout
        name, *lines = about.splitlines()
        if re.search("-debug(info|source)$", name):
            continue
        inside[name] = [line.split()[1] for line in lines if not line.startswith("d")]
        holders.update(path for path in inside[name] if "/licenses/" not in path)
    assert inside.keys() == PACKAGES.keys()
    assert [path for path, count in holders.items() if count > 1] == []
    for name, path in PACKAGES.items():
        assert any(it.endswith(path) for it in inside[name]), name
