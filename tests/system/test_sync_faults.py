"""What may happen to a follower itself: kills, a full disk, broken files, a
clock that jumps. Afterwards what is published is compared with the directory,
entry by entry. The follower and its slapd are the test's own (test_sources.py),
on the gateway beside the real ones."""

import base64
import hashlib
import os
import random
import signal
import subprocess
import threading
import time
import types

import pytest

import test_sources
from test_sources import (BASE, FOLLOWER, NO_SYNCPROV, ROOT, SUFFIX, SYNCPROV,
                          Server, account, key, ldif)

DAY = 24 * 3600
STATE = f"{ROOT}/state"


def account_dn(number):
    return f"enscaleAccountId={number},{SUFFIX}"


def public_key(last):
    blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + bytes(31) + bytes([last])
    return f"ssh-ed25519 {base64.b64encode(blob).decode()}"


def change(dn, kind, *lines):
    return "\n".join([f"dn: {dn}", f"changetype: {kind}", *lines]) + "\n\n"


class Follower(test_sources.Follower):
    """One that is killed, and started as systemd would."""

    env = None

    def start(self):
        self.gateway.sh(f"rm -f {ROOT}/run/metrics/sync.json")
        self.process = self.gateway.popen(
            ["setpriv", "--reuid=enscale-sync", "--regid=enscale",
             "--clear-groups", FOLLOWER, "-f", self.conf], self.env,
            stdout=subprocess.DEVNULL,
            stderr=open(self.gateway.path(f"{ROOT}/log"), "ab"))
        return self

    def pid(self):
        """As it is seen from here."""
        parent = self.process.pid
        with open(f"/proc/{parent}/task/{parent}/children") as file:
            return int(file.read())

    def kill(self):
        os.kill(self.pid(), signal.SIGKILL)
        self.process.wait(10)

    def stop(self):
        """Started once more where it ended by itself."""
        if self.process and self.process.poll() is None:
            os.kill(self.pid(), signal.SIGTERM)
            self.process.wait(10)
        self.process = None

    def in_step(self, seconds=20):
        def arrived():
            if self.process.poll() is not None:
                self.start()
            return self.status()["in_step"]
        self.wait_for(arrived, "it is in step", seconds)
        return self

    def refuses(self):
        """Starts, and ends with a sentence or two."""
        before = len(self.log())
        self.start()
        assert self.process.wait(10) == 1
        return self.log()[before:]

    def ask(self, *words):
        return self.gateway.run(["enscalectl", "-f", self.conf, *words],
                                check=False)

    def content(self):
        accounts = {row["account"]: (row["status"], row["name"])
                    for row in self.records("account")}
        keys = {(row["account"], row["blob"]) for row in self.records("key")}
        return accounts, keys

    def name_of(self, number):
        return next((row["name"] for row in self.records("account")
                     if row["account"] == number), "0")

    def differences(self, expected):
        accounts, keys = self.content()
        return {"accounts": set(accounts.items()) ^ set(expected[0].items()),
                "keys": keys ^ expected[1], "status": self.status(),
                "log": self.log()[:30000]}

    def agrees(self, server, seconds=30):
        """Comes to publish exactly what the directory has."""
        def same():
            if self.process.poll() is not None:
                self.start()
            status = self.status()
            return status["in_step"] and status["ready"] and \
                self.content() == expected
        expected = content_of(server)
        try:
            self.wait_for(same, "it has what the directory has", seconds)
        except TimeoutError:
            raise AssertionError(self.differences(expected)) from None
        done = self.ask("view", "verify")
        assert done.returncode == 0, done.stdout.decode()
        return self


def content_of(server):
    found = server.gateway.run(
        ["ldapsearch", "-Q", "-LLL", "-Y", "EXTERNAL", "-H", server.uri, "-o",
         "ldif-wrap=no", "-b", SUFFIX, "(objectClass=*)"]).stdout.decode()
    accounts, keys = {}, set()
    for block in found.strip().split("\n\n"):
        entry = dict(line.split(": ", 1) for line in block.splitlines())
        if "enscaleAccountId" in entry:
            accounts[int(entry["enscaleAccountId"])] = (
                entry.get("enscaleStatus", "active"), entry.get("cn", ""))
        elif "sshPublicKey" in entry:
            parent = entry["dn"].split(",")[1].partition("=")[2]
            keys.add((int(parent), entry["sshPublicKey"].split()[1]))
    return accounts, keys


def preload(gateway, follower, name, **env):
    gateway.sh(f"gcc -shared -fPIC -o {ROOT}/{name}.so "
               f"/usr/src/enscale/tests/system/{name}.c")
    follower.env = {"LD_PRELOAD": f"{ROOT}/{name}.so", **env}


@pytest.fixture
def make(gateway, wait_for):
    """make(count) gives a server with so many accounts, and a follower that is
    not started."""
    made = []

    def both(count=300, overlay=SYNCPROV, timeout=3):
        server = Server(gateway, "own", BASE + "".join(
            account(number, "enscaleStatus: suspended")
            for number in range(1, count + 1)), overlay)
        made.append(server)
        follower = Follower(
            gateway, wait_for, f"uri = {server.uri}\nbase = {SUFFIX}\n"
                            f"timeout = {timeout}")
        made.append(follower)
        return server.start(wait_for), follower

    gateway.sh(f"rm -rf {ROOT}; mkdir -p {ROOT}")
    yield both
    for one in made:
        one.stop()
    gateway.sh(f"for m in $(mount | grep -o '{STATE}/[a-z]*'); do umount $m; done; "
               f"rm -rf {ROOT}")


# ---- kills


class Writer:
    """Changes accounts and keys without a pause. Every other change writes the
    number of changes so far into the name of account 1. The last that was begun
    may be under way."""

    def __init__(self, server, seed):
        self.random, self.there, self.sent = random.Random(seed), {}, 0
        self.process = server.gateway.popen(
            ["stdbuf", "-oL", "ldapmodify", "-Q", "-Y", "EXTERNAL", "-H", server.uri],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.begun = 0
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.write),
                        threading.Thread(target=self.count)]
        for thread in self.threads:
            thread.start()

    def one(self):
        number = self.random.randrange(2, 600)
        keys = self.there.get(number)
        if keys is None and number > 300:
            self.there[number] = []
            return change(account_dn(number), "add", "objectClass: enscaleAccount",
                          f"enscaleAccountId: {number}")
        keys = self.there.setdefault(number, [])
        dice = self.random.random()
        if dice < 0.4:
            blob = (b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + self.random.randbytes(32))
            name = hashlib.sha256(blob).hexdigest()
            keys.append(name)
            return change(f"cn={name},{account_dn(number)}", "add",
                          "objectClass: enscaleKey", f"cn: {name}",
                          f"sshPublicKey: ssh-ed25519 {base64.b64encode(blob).decode()}")
        if keys:
            return change(f"cn={keys.pop()},{account_dn(number)}", "delete")
        if dice > 0.8:
            del self.there[number]
            if number <= 300:
                self.there[number] = []
            else:
                return change(account_dn(number), "delete")
        word = self.random.choice(["active", "suspended"])
        return change(account_dn(number), "modify", "replace: enscaleStatus",
                      f"enscaleStatus: {word}")

    def write(self):
        while not self.stopping.is_set():
            self.sent += 2
            text = self.one() + change(account_dn(1), "modify", "replace: cn",
                                       f"cn: {self.sent}")
            self.process.stdin.write(text.encode())
        self.process.stdin.close()

    def count(self):
        """A line comes before its change."""
        for line in self.process.stdout:
            self.begun += bool(line.strip())

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        assert self.process.wait(30) == 0


def kill_at_random(make, note, wait_for, go_on):
    """go_on(kills) says whether one more is to come."""
    # Without a log of its sessions a server does not name what it deleted, and
    # so much that is gone at once would be held back.
    server, follower = make(overlay={
        **SYNCPROV, "overlay": SYNCPROV["overlay"] + "\nsyncprov-sessionlog 1000000"})
    follower.start().in_step()
    writer = Writer(server, 1)
    begin, moments, flights = time.monotonic(), random.Random(2), []
    try:
        wait_for(lambda: writer.begun > 100, "changes are made")
        while go_on(len(flights)):
            time.sleep(moments.uniform(0.02, 0.8))
            follower.kill()
            flights.append(writer.begun - int(follower.name_of(1)))
            follower.start()
    finally:
        rate = writer.begun / (time.monotonic() - begin)
        writer.stop()
    note(f"follower: {len(flights)} kills, {rate:.0f} changes/s; in flight: "
         + " ".join(map(str, flights)))
    follower.agrees(server)
    # Now and then there is nothing on the way at that moment.
    assert flights.count(0) <= len(flights) // 20 and sorted(flights)[len(flights) // 2] > 5


def test_killed_at_any_moment_it_loses_and_invents_nothing(make, note, wait_for):
    end = time.monotonic() + 12
    kill_at_random(make, note, wait_for, lambda kills: time.monotonic() < end)


@pytest.mark.full
@pytest.mark.timeout(600)
def test_killed_a_hundred_times_it_loses_and_invents_nothing(make, note, wait_for):
    kill_at_random(make, note, wait_for, lambda kills: kills < 100)


# ---- a power failure


# Of the two pages at the begin of LMDB's file the one with the higher number
# counts; it is written last, and not waited for.
PAGE = 4096
NUMBER = slice(144, 152)
MANIFEST = f"{STATE}/view/manifest.5"
LOST = pytest.mark.parametrize("lost", ["last page", "old file", "no file"])


def first_pages(gateway):
    data = gateway.read(f"{STATE}/state/state.mdb")
    return [data[:PAGE], data[PAGE:2 * PAGE]]


class PowerFailure:
    """Keeps what there is of the state before a change, and has only that left
    after it."""

    def __init__(self, gateway, lost):
        self.gateway, self.lost = gateway, lost
        gateway.sh(f"cp -a {STATE}/state/state.mdb {ROOT}/old.mdb")
        self.pages = first_pages(gateway)

    def strike(self):
        path = self.gateway.path(f"{STATE}/state/state.mdb")
        if self.lost == "no file":
            os.unlink(path)
        elif self.lost == "old file":
            self.gateway.sh(f"cp -a {ROOT}/old.mdb {STATE}/state/state.mdb")
        else:
            now = first_pages(self.gateway)
            last = max((0, 1), key=lambda i: int.from_bytes(now[i][NUMBER], "little"))
            with open(path, "r+b") as file:
                file.seek(last * PAGE)
                file.write(self.pages[last])


@pytest.fixture
def struck(make, gateway, wait_for):
    """struck(lost) gives a server that does not run, and a follower that had
    told of a key's deletion before a power failure, and was not started since."""
    def strike(lost):
        server, follower = make(overlay={
            **SYNCPROV, "overlay": SYNCPROV["overlay"] + "\nsyncprov-sessionlog 1000"})
        server.change("ldapadd", input=key(7, public_key(7)))
        follower.start().agrees(server)
        assert follower.content()[1]
        wait_for(lambda: os.path.exists(gateway.path(f"{STATE}/state/state.mdb")),
                 "the state has its name")
        if lost == "old file":
            follower.stop()
        failure = PowerFailure(gateway, lost)
        if lost == "old file":
            follower.start().agrees(server)
            for step in range(5):
                server.change("ldapmodify", input=change(
                    account_dn(8), "modify", "replace: cn", f"cn: step {step}"))
                wait_for(lambda: follower.name_of(8) == f"step {step}", "it is known")
        server.change("ldapdelete", f"cn=k{public_key(7)[-3:]},{account_dn(7)}")
        wait_for(lambda: not follower.content()[1], "the key is gone")
        follower.kill()
        server.stop()
        failure.strike()
        return server, follower
    return strike


def serves_on(follower, published, wait_for):
    wait_for(lambda: follower.status().get("ready"), "it is ready")
    status = follower.status()
    assert follower.content()[1] == set() and len(follower.content()[0]) == 300
    assert follower.gateway.read(MANIFEST) == published
    assert status["waits"] and not status["in_step"]
    assert follower.ask("lookup", "7").returncode == 0
    assert b"the published view stays in use" in follower.ask("status").stdout


@LOST
def test_a_power_failure_does_not_bring_back_a_key(struck, gateway, wait_for, lost):
    server, follower = struck(lost)
    published = gateway.read(MANIFEST)
    follower.start()
    serves_on(follower, published, wait_for)
    assert "the state is older than the view" in follower.log()
    # Neither because it is asked for, nor with the next start.
    os.kill(follower.pid(), signal.SIGUSR1)
    wait_for(lambda: "publishing everything again, as asked, as soon as" in
             follower.log(), "it says when")
    serves_on(follower, published, wait_for)
    follower.stop()
    gateway.sh(f"rm {STATE}/map/accounts.map")
    follower.start()
    serves_on(follower, published, wait_for)
    server.start(wait_for)
    follower.agrees(server)
    assert not follower.status()["waits"]
    assert "refreshing in full" in follower.log()
    # And all is as it always was.
    server.change("ldapadd", input=key(8, public_key(8)))
    follower.agrees(server)
    assert len(follower.content()[1]) == 1


@LOST
def test_what_is_held_after_a_power_failure_leaves_what_was_published(
        struck, gateway, wait_for, lost):
    server, follower = struck(lost)
    published = gateway.read(MANIFEST)
    conf = gateway.read(f"{ROOT}/own/conf").decode()
    hidden = ('access to dn.regex="^enscaleAccountId=(1|2)[0-9]*," by * none\n'
              "access to * by * read\n")
    gateway.write(f"{ROOT}/own/conf", conf.replace("access to * by * read\n", hidden))
    server.start(wait_for)
    follower.start()
    wait_for(lambda: follower.status().get("held_reason"), "it is held", 20)
    serves_on(follower, published, wait_for)
    server.stop()
    gateway.write(f"{ROOT}/own/conf", conf)
    server.start(wait_for)
    follower.agrees(server, 60)
    assert not follower.status()["waits"]


# ---- a refresh that takes longer than the server is given for an answer


def test_a_long_refresh_is_waited_for(make, gateway):
    server, follower = make(2000, timeout=1)
    preload(gateway, follower, "slow_reads")
    begin = time.monotonic()
    follower.start().in_step(60)
    assert time.monotonic() - begin > 3
    assert follower.log().count("connected to") == 1
    follower.agrees(server)


# ---- a directory that is too large


def test_a_directory_that_does_not_fit_into_the_state_is_named(make, gateway, wait_for):
    server, follower = make(3000)
    preload(gateway, follower, "small_map")
    follower.start()
    said = (f'the directory does not fit into the state below "{STATE}": '
            "a refresh may add 16 GiB to it")
    wait_for(lambda: said in follower.status().get("last_error", "") or
             follower.status().get("in_step"), "it is read", 20)
    assert said in follower.log(), follower.log()
    assert not follower.status()["in_step"]
    assert said.encode() in follower.ask("status").stdout
    follower.stop()
    follower.env = {}
    follower.start().agrees(server)


# ---- a full disk


def put_on_small_disk(gateway, part, size):
    gateway.sh(f"cp -a {STATE}/{part} {ROOT}/copy; "
               f"mount -t tmpfs -o size={size},mode=755 tmpfs {STATE}/{part}; "
               f"cp -a {ROOT}/copy/. {STATE}/{part}; rm -r {ROOT}/copy; "
               f"chown enscale-sync:enscale {STATE}/{part}")


def fill_disk(gateway, part):
    gateway.sh(f"cat /dev/zero > {STATE}/{part}/filler 2>/dev/null || true")


def is_full(follower):
    return "no space" in follower.status().get("last_error", "").lower()


def add_many(server):
    server.change("ldapadd", input="".join(
        account(number) for number in [*range(2000, 3500), 17_000_000]))


@pytest.mark.parametrize("part", ["state", "view", "map"])
def test_what_is_served_stays_when_the_disk_is_full(make, gateway, wait_for, part):
    server, follower = make()
    follower.start().agrees(server).stop()
    put_on_small_disk(gateway, part, "16m")
    follower.start().agrees(server)
    before = follower.content()
    fill_disk(gateway, part)
    add_many(server)
    wait_for(lambda: is_full(follower), "it says that there is no room", 20)
    assert f'cannot write below "{STATE}"' in follower.status()["last_error"]
    if part != "map":
        assert follower.content() == before
    assert follower.ask("lookup", "7").returncode == 0
    assert follower.ask("lookup", "17000000").returncode == 1
    assert follower.process.poll() is None
    gateway.sh(f"rm {STATE}/{part}/filler")
    follower.agrees(server)
    assert follower.ask("lookup", "17000000").returncode == 0


def test_a_first_refresh_waits_for_room(make, gateway, wait_for):
    server, follower = make(3000)
    put_on_small_disk(gateway, "state", "512k")
    follower.start()
    wait_for(lambda: is_full(follower), "it says that there is no room", 20)
    said = (f'cannot write below "{STATE}": No space left on device; it will go '
            'on by itself when there is room')
    assert follower.status()["last_error"] == said and said in follower.log()
    assert follower.process.poll() is None
    assert follower.ask("lookup", "7").returncode != 0
    gateway.sh(f"mount -o remount,size=64m {STATE}/state")
    follower.agrees(server)


# ---- broken files


DAMAGE = """
import random, sys
path, how, seed = sys.argv[1:]
data = bytearray(open(path, 'rb').read())
dice = random.Random(seed)
if how == 'cut':
    del data[dice.randrange(len(data)):]
elif how == 'bits':
    for at in [dice.randrange(len(data)) for _ in range(dice.choice([1, 4, 60]))]:
        data[at] ^= 1 << dice.randrange(8)
elif how == 'records':
    # cdb: two lengths, key, value; a key here is a checksum, a letter and a
    # number.
    for at in range(2048, len(data) - 17):
        if data[at:at + 4] == b'\\x09\\0\\0\\0' and data[at + 13:at + 17] == b'\\0\\0\\0\\7':
            data[at + 17 + data[at + 4] - 1] ^= 1
elif how == 'none':
    data.clear()
else:
    at = int(how)
    data[at] ^= 1
file = open(path, 'r+b')
file.write(data)
file.truncate()
"""


def damage(gateway, path, how, seed=1):
    gateway.run(["python3", "-c", DAMAGE, path, how, str(seed)])


@pytest.mark.parametrize("how, count", [("cut", 4), ("bits", 10), ("none", 1)])
def test_a_broken_state_is_asked_for_anew(make, gateway, how, count):
    server, follower = make()
    follower.start().agrees(server).stop()
    gateway.sh(f"cp -a {STATE} {ROOT}/good")
    for seed in range(count):
        # Without a view everything comes from the state.
        gateway.sh(f"rm -r {STATE}; cp -a {ROOT}/good {STATE}; rm {STATE}/view/*")
        damage(gateway, f"{STATE}/state/state.mdb", how, seed)
        follower.start().agrees(server).stop()


def test_a_state_of_somebody_else_is_refused_with_a_sentence(make, gateway):
    server, follower = make()
    follower.start().agrees(server).stop()
    gateway.sh(f"chown root:root {STATE}/state/state.mdb")
    said = follower.refuses()
    assert f'cannot open "{STATE}/state/state.mdb": Permission denied; it must ' \
        'belong to uid ' in said
    assert follower.content() == content_of(server)
    gateway.sh(f"chown enscale-sync:enscale {STATE}/state/state.mdb")
    follower.start().agrees(server)


@pytest.mark.parametrize("file, how", [
    ("manifest.5", "cut"), ("manifest.5", "none"), ("manifest.5", "bits"),
    ("*.cdb", "cut"), ("*.cdb", "none")])
def test_a_broken_view_cannot_tell_and_is_made_anew(make, gateway, file, how):
    server, follower = make()
    follower.start().agrees(server).stop()
    path = gateway.sh(f"ls -S {STATE}/view/{file}").stdout.decode().split()[0]
    damage(gateway, path, how)
    asked = follower.ask("explain", "7")
    assert asked.returncode == 2 and b"cannot" in asked.stdout + asked.stderr
    follower.start().agrees(server)


def test_a_turned_bit_in_a_record_cannot_tell_and_verify_says_what_helps(
        make, gateway):
    server, follower = make()
    follower.start().agrees(server)
    path = gateway.sh(f"ls -S {STATE}/view/*.cdb").stdout.decode().split()[0]
    damage(gateway, path, "records")
    asked = follower.ask("explain", "7")
    assert asked.returncode == 2 and b"cannot" in asked.stdout + asked.stderr
    done = follower.ask("view", "verify")
    assert done.returncode == 1
    assert b"--signal=USR1 enscale-sync" in done.stdout
    os.kill(follower.pid(), signal.SIGUSR1)
    follower.wait_for(lambda: follower.ask("view", "verify").returncode == 0,
                      "everything agrees again")
    follower.agrees(server)


@pytest.mark.parametrize("break_it", [
    "rm MAP", "truncate -s 100 MAP", "truncate -s 5000 MAP", "truncate -s 0 MAP",
    # magic, version
    "printf x | dd of=MAP bs=1 conv=notrunc", "printf x | dd of=MAP bs=1 seek=8 conv=notrunc"])
def test_a_broken_map_cannot_tell_and_is_made_anew(make, gateway, break_it):
    server, follower = make()
    follower.start().agrees(server).stop()
    gateway.sh(break_it.replace("MAP", f"{STATE}/map/accounts.map"))
    assert follower.ask("lookup", "7").returncode == 2
    follower.start().agrees(server)
    assert follower.ask("lookup", "7").returncode == 0
    assert follower.ask("lookup", "7777").returncode == 1


def test_a_map_of_another_uid_base_is_replaced(make, gateway):
    server, follower = make()
    follower.start().agrees(server).stop()
    config = gateway.read(follower.conf).decode()
    gateway.write(follower.conf, config + "[names]\nuid_base = 300000000\n")
    follower.start().agrees(server)
    assert follower.ask("lookup", "7").returncode == 0
    assert b"300000007" in follower.ask("lookup", "7").stdout


@pytest.mark.parametrize("part, file", [
    ("state", "state.mdb"), ("map", "accounts.map")])
def test_no_room_at_the_start_is_a_sentence(make, gateway, part, file):
    server, follower = make()
    put_on_small_disk(gateway, part, "64k")
    fill_disk(gateway, part)
    said = follower.refuses()
    assert (f'cannot open "{STATE}/{part}/{file}": No space left on device'
            in said)
    assert follower.ask("lookup", "7").returncode == 2
    gateway.sh(f"rm {STATE}/{part}/filler")
    gateway.sh(f"mount -o remount,size=16m {STATE}/{part}")
    follower.start().agrees(server)


# ---- the clock


def test_a_clock_that_jumps_by_a_day_stops_nothing(make, gateway, wait_for):
    server, follower = make()
    preload(gateway, follower, "shifted_clock", SHIFT_FILE=f"{ROOT}/shift")
    gateway.write(f"{ROOT}/shift", "0")
    follower.start().agrees(server)
    for step, shift in enumerate([DAY, 0, -DAY, DAY, 0], 50):
        gateway.write(f"{ROOT}/shift", str(shift))
        server.change("ldapmodify", input=change(
            account_dn(step), "modify", "replace: cn", f"cn: jump {step}"))
        wait_for(lambda: follower.name_of(step) == f"jump {step}",
                 "a change is visible", 5)
        wait_for(lambda: abs(follower.status()["time"] - shift - time.time()) < 60
                 and abs(follower.status()["as_of"] - shift - time.time()) < 120,
                 "the view has the new time", 30)
        follower.agrees(server)


# ---- readers


@pytest.fixture
def readers(make, gateway):
    """A follower, readers(words...) on what it publishes, and step(n), which
    takes the directory to number n: see view_reader.c."""
    server, follower = make()
    names = ("base/crc32c base/errors base/text base/wire names/login_name"
             " view/fields view/record view/record_encode view/manifest view/segment_key"
             " view/view view/view_walk")
    gateway.write(f"{ROOT}/config.h", "#define _GNU_SOURCE\n")
    gateway.sh(f"cd /usr/src/enscale; gcc -O1 -I {ROOT} -I . -o {ROOT}/reader "
               "tests/system/view_reader.c "
               f"$(printf 'common/%s.c ' {names}) -lcdb")
    argv = [f"{ROOT}/reader", f"{STATE}/view", f"{ROOT}/bounds"]
    gateway.write(f"{ROOT}/bounds", bytes(16))
    file = open(gateway.path(f"{ROOT}/bounds"), "r+b", buffering=0)

    def step(number):
        os.pwrite(file.fileno(), number.to_bytes(8, "little"), 8)
        other = (change(account_dn(2), "delete") if number % 2 else
                 change(account_dn(2), "add", "objectClass: enscaleAccount",
                        "enscaleAccountId: 2"))
        server.change("ldapmodify", input=other + change(
            account_dn(1), "modify", "replace: cn", f"cn: {number}"))
        gateway.run([*argv, "low", str(number)])

    server.change("ldapmodify", input=change(
        account_dn(1), "modify", "replace: cn", "cn: 0"))
    follower.start().agrees(server)
    follower.wait_for(lambda: follower.name_of(1) == "0", "the name is there")
    yield types.SimpleNamespace(server=server, follower=follower, argv=argv,
                                step=step)
    file.close()


def test_fifty_readers_get_what_is_true_at_that_moment(readers, gateway, note):
    asking = gateway.popen([*readers.argv, "many", "50", "15"],
                           stdout=subprocess.PIPE)
    number = 0
    while asking.poll() is None:
        number += 1
        readers.step(number)
        if number % 10 == 0:
            readers.follower.kill()
            readers.follower.start()
    said = asking.stdout.read().decode()
    assert asking.returncode == 0, said
    rows = [line.split() for line in said.splitlines()]
    assert len(rows) == 50 and number > 9
    note(f"readers: 50 got {sum(int(n) for n, _ in rows)} answers while {number} "
         f"changes came, the slowest in {max(float(t) for _, t in rows):.3f} s")
    readers.follower.in_step().agrees(readers.server)


def test_five_hundred_readers_at_once_are_served(readers, gateway):
    done = gateway.run([*readers.argv, "once", "500"], check=False)
    assert done.returncode == 0 and done.stdout == b""


def test_a_reader_stopped_inside_a_read_disturbs_nobody(readers, gateway):
    stopped = gateway.popen([*readers.argv, "stop"])
    try:
        # Long enough that its segments are merged and removed.
        for number in range(1, 41):
            readers.step(number)
        gateway.run([*readers.argv, "once", "50"])
        readers.follower.agrees(readers.server)
        assert stopped.poll() is None
        os.kill(stopped.pid, signal.SIGCONT)  # which nsenter hands on
        assert stopped.wait(10) == 0
    finally:
        stopped.kill()
