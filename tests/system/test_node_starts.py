"""What root does where a service starts, and that nothing is permitted by which
others could have it do what they like."""

import itertools

import pytest
from test_node import SETUP, host, permitted, permitted_in_image  # noqa: F401

OVEN = "\tinit\toven\n\taction\tstart\n"
BY_UNIT = ["/usr/bin/systemctl start oven", "/usr/bin/systemctl --no-pager start oven"]
BY_SCRIPT = ["/etc/init.d/oven start"]
# In /srv everything is the user's.
IMAGE = (
    "install -m 755 /dev/null usr/bin/systemctl; mkdir -p etc/systemd/system etc/init.d"
    " etc/default run srv; install -m 755 /dev/null srv/oven; touch srv/env; chown -R www srv;"
    "echo toor:x:0:0:::/bin/sh >>etc/passwd; "
)


def unit(text, name="oven.service"):
    folder, _, _ = f"etc/systemd/system/{name}".rpartition("/")
    return f"mkdir -p {folder}; cat >etc/systemd/system/{name} <<'END'\n{text}END\n"


def service(lines):
    return unit(f"[Service]\nUser=www\nExecStart=/srv/oven\n{lines}\n")


def script(lines):
    return f"cat >etc/init.d/oven <<'END'\n#!/bin/sh\n{lines}\nEND\nchmod 755 etc/init.d/oven\n"


@pytest.mark.parametrize("spoil", [
    service("ExecStartPre=+/srv/oven"),
    service("ExecStartPre=-+/srv/oven"),
    service("ExecReload=!/srv/oven"),
    service("ExecStopPost=@!!/srv/oven oven"),
    service("  ExecStartPost = +/srv/oven --hot"),
    service("ExecStop=+/bin/true \\\n# a word\n/srv/oven"),
    service("ExecStartPre=/bin/true ; +/srv/oven"),
    service("ExecSearchPath=/usr/bin:/srv\nExecStartPre=+oven"),
    service("ExecStartPre=+/bin/sh /srv/oven"),
    service("ExecStartPre=+/bin/sh -c 'cd /; exec /srv/oven'"),
    service("ExecStartPre=+/bin/sh -c 'chown www /srv/pid'"),
    service("ExecStartPre=+/bin/rm -f /srv/oven.pid"),
    service("ExecStartPre=+/usr/bin/warm") + "cat >usr/bin/warm <<'END'\n#!/bin/sh\n. /srv/env\nEND\n",
    service("Environment=HOME=/srv\nExecStartPre=+/usr/bin/warm")
    + "cat >usr/bin/warm <<'END'\n#!/bin/sh\n>$HOME/warm\nEND\n",
    service("PermissionsStartOnly=yes\nExecStartPre=/srv/oven"),
    service("ExecReload=/srv/oven\nPermissionsStartOnly=1"),
    service("EnvironmentFile=-/srv/none\nExecStop=+/bin/true"),
    service("RootDirectory=/srv\nExecStop=+/bin/true"),
    service("StandardOutput=append:/srv/log"),
    service("LoadCredential=all:/srv/shadow"),
    service("User="),
    service("User=toor"),
    service("User=0"),
    unit("[Unit]\nUser=www\n[Service]\nExecStart=/srv/oven\n"),
    unit("User=www\n[Service]\nExecStart=/srv/oven\n"),
    unit("[Service]\nWorkingDirectory=/srv\nExecStart=/bin/sh ./oven\n"),
    unit("[Service]\nExecStart=/srv/%N\n"),
    service("") + unit("[Service]\nExecStartPre=+/srv/oven\n", "service.d/a.conf"),
    service("") + unit("[Service]\nUser=\n", "oven.service.d/a.conf"),
    service("") + unit("[Service]\nUser=\n", "../../../run/systemd/transient/oven.service.d/a.conf"),
    service("") + "install -D -o www /dev/null etc/systemd/system/service.d/a.conf",
    service("") + unit("[Service]\nExecStart=/srv/oven\n", "bell.service")
    + "sed -i '1i [Unit]\\nWants=bell.service' etc/systemd/system/oven.service",
    service("") + unit("[Service]\nExecStart=/srv/%i\n", "bell@.service")
    + "mkdir etc/systemd/system/oven.service.wants;"
    " ln -s ../bell@.service etc/systemd/system/oven.service.wants/bell@oven.service",
    service("").replace("oven.service", "bell.service")
    + unit("[Service]\nExecStop=+/srv/oven\n", "bell.service.d/a.conf")
    + "ln -s bell.service etc/systemd/system/oven.service",
], ids=map(str, itertools.count()))
def test_a_unit_by_which_others_are_root_is_left_out(host, spoil):
    found, said = permitted_in_image(host, OVEN, IMAGE + spoil)
    assert "no sudo for oven\n" in said
    assert found == []


@pytest.mark.parametrize("mend", [
    service("ExecReload=/srv/oven"),
    service("ExecStartPre=+/bin/install -o www -d /srv"),
    service("ExecStartPre=+/srv/oven\nExecStartPre="),
    service("ExecStartPre=+/srv/oven") + unit("[Service]\nExecStartPre=\n", "oven.service.d/a.conf"),
    service("ExecStartPre=/srv/oven\nPermissionsStartOnly=no"),
    service("EnvironmentFile=/srv/env"),
    service("StandardOutput=append:/var/log/oven"),
    service("Environment=SOCKET=/srv/socket\nExecStop=+/bin/true --log=/dev/null"),
    service("User=").replace("ExecStart=/srv", "ExecStart=/bin"),
    unit("[Service]\nDynamicUser=yes\nExecStart=/srv/oven\n"),
    unit("[Service]\nExecStart=/srv/oven\n") + unit("[Service]\nUser=www\n", "oven.service.d/a.conf"),
    # Of one name the first counts; of all, the last.
    unit("[Service]\nExecStart=/srv/oven\n") + unit("[Service]\nUser=www\n", "oven.service.d/b.conf")
    + unit("[Service]\nUser=root\n", "oven.service.d/a.conf")
    + unit("[Service]\nUser=root\n", "../../../lib/systemd/system/oven.service.d/b.conf"),
    service("") + "mkdir etc/systemd/system/oven.service.d;"
    " ln -s /dev/null etc/systemd/system/oven.service.d/a.conf",
], ids=map(str, itertools.count()))
def test_what_systemd_runs_as_the_user_may_be_the_users(host, mend):
    found, said = permitted_in_image(host, OVEN, IMAGE + mend)
    assert "no sudo for" not in said
    assert found == BY_UNIT


@pytest.mark.parametrize("spoil", [
    ". /srv/env",
    "if [ -r /srv/env ]; then source /srv/env; fi",
    'NAME=oven; FILE=/srv/env\n[ -r "$FILE" ] && . "${FILE}"',
    "HOME=${BASE:-/srv}\n. $HOME/env",
    "touch /srv/pid",
    "date >/srv/log",
    "/bin/echo hot >>\"/srv/log\" 2>&1",
    "PID=/srv/pid; chown www $PID",
    "chown \\\n www \\\n /srv/pid",
    # Before the first start it is not there yet.
    "RUN=/run/oven\nmkdir -p $RUN\ntouch $RUN/pid\nchown www:www $RUN",
    "install -d -o www /run/oven; date >/run/oven/pid",
], ids=map(str, itertools.count()))
def test_a_script_by_which_others_are_root_is_left_out(host, spoil):
    found, said = permitted_in_image(host, OVEN, IMAGE + script(spoil))
    assert "no sudo for oven\n" in said
    assert found == []


@pytest.mark.parametrize("lines", [
    "# . /srv/env",
    "su - www -c '. /srv/env; exec /srv/oven >/srv/log'",
    "start-stop-daemon --start --chuid www --exec /srv/oven",
    "install -d -o www /srv; date >/dev/null 2>&1",
    "install -d -o www /run/oven; chown www /run/oven",
    ". /etc/default/oven",
], ids=map(str, itertools.count()))
def test_a_script_that_leaves_to_the_user_what_is_the_users_is_permitted(host, lines):
    found, said = permitted_in_image(host, OVEN, IMAGE + "touch etc/default/oven;" + script(lines))
    assert "no sudo for" not in said
    assert found == BY_SCRIPT


def test_a_variable_of_a_default_file_counts_in_the_script(host):
    lines = "PID=/run/oven.pid\n. /etc/default/oven\ntouch $PID\n"
    prepare = IMAGE + script(lines) + "echo PID=%s >etc/default/oven"
    assert permitted_in_image(host, OVEN, prepare % "/run/pid")[0] == BY_SCRIPT
    assert permitted_in_image(host, OVEN, prepare % "/srv/pid")[0] == []


def test_where_systemd_starts_it_an_unsafe_script_alone_is_left_out(host):
    prepare = IMAGE + service("") + script("touch /srv/pid")
    found, said = permitted_in_image(host, OVEN, prepare)
    assert (found, "no sudo for oven\n" in said) == ([], True)
    prepare += "mkdir sbin; ln -s /lib/systemd/systemd sbin/init"
    found, said = permitted_in_image(host, OVEN, prepare)
    assert (found, "no sudo for /etc/init.d/oven\n" in said) == (BY_UNIT, True)


def test_a_hazard_of_the_profile_is_one_only_with_its_setting(host):
    profile = OVEN + "\thazard\tstoker heat_on /etc/oven\n"
    prepare = IMAGE + script("/usr/bin/stoker --safe") + "mkdir etc/oven; "
    for line, permitted in [
        ("#heat_on = ON", True), ("heat_on=OFF", True), ("heat-on = 0", True),
        ("heat_on=ON", False), ("  heat-on", False), ("HEAT_ON = 1", False),
    ]:
        found, said = permitted_in_image(host, profile, prepare + f"echo '{line}' >etc/oven/conf")
        assert found == (BY_SCRIPT if permitted else []), line
        assert ("heat_on is set in /etc/oven/conf" in said) == (not permitted), line


def test_mariadb_with_wsrep_is_not_started_by_its_script(host):
    setup = f"usermod -s /bin/bash mysql; {SETUP} /root/ca.pub --service mariadb --user mysql"
    host.sh(setup)
    assert {"/usr/sbin/service mariadb restart", "/etc/init.d/mariadb restart"} <= set(permitted(host))
    host.sh("printf '[galera]\\nwsrep_on = ON\\n' >/etc/mysql/mariadb.conf.d/60-galera.cnf")
    said = host.sh(setup).stderr.decode()
    assert "wsrep_on is set in /etc/mysql/mariadb.conf.d/60-galera.cnf" in said
    assert [line for line in permitted(host) if "mariadb" in line] == []
