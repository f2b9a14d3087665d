"""The proof that the unit tests notice: each entry of tests/mutations takes the
line of one contract out of a copy of the sources, and the test that is named
there has to fail. An entry reads like a small patch:

    # What is promised.
    path/of/the/source.c
    - the lines that keep the promise
    + what stands there in their place
    ! test_program name_of_the_test        (without a name: any of them)
"""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field

import pytest

SOURCE = "/usr/src/enscale/.demo/src"
TABLES = os.path.join(os.path.dirname(os.path.dirname(__file__)), "mutations")
BUILD_SECONDS, TEST_SECONDS = 300, 120


@dataclass
class Mutation:
    promise: str
    file: str = ""
    old: list = field(default_factory=list)
    new: list = field(default_factory=list)
    program: str = ""
    test: str = ""

    def apply(self, folder):
        """Changes the file; returns what puts it back."""
        path = f"{folder}/{self.file}"
        with open(path) as file:
            text = file.read()
        old, new = "\n".join(self.old), "\n".join(self.new)
        assert text.count(old) == 1, f"{text.count(old)} times in {self.file}:\n{old}"
        write(path, text.replace(old, new))
        return lambda: write(path, text)


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def parse(path):
    found = []
    with open(path) as file:
        for line in file.read().splitlines():
            mark, rest = line[:1], line[2:]
            if mark == "#":
                found.append(Mutation(rest))
            elif mark == "-":
                found[-1].old.append(rest)
            elif mark == "+":
                found[-1].new.append(rest)
            elif mark == "!":
                found[-1].program, _, found[-1].test = rest.partition(" ")
            elif line:
                found[-1].file = line
    return found


def mutations():
    for name in sorted(os.listdir(TABLES)):
        for mutation in parse(f"{TABLES}/{name}"):
            word = re.sub(r"\W+", "-", mutation.promise.lower()).strip("-")
            yield pytest.param(mutation, id=f"{name}-{word}")


class Tree:
    """A copy of the sources, built as far as the tests of one program need."""

    def __init__(self, folder):
        self.source, self.build = f"{folder}/src", f"{folder}/b"
        shutil.copytree(SOURCE, self.source, symlinks=True)
        os.mkdir(self.build)
        env = dict(os.environ, CONFIG_SHELL="/bin/dash")
        self.run("../src/configure", env=env, timeout=BUILD_SECONDS)
        self.passed = set()

    def run(self, *argv, **options):
        done = subprocess.run(
            argv, cwd=self.build, capture_output=True, text=True, errors="replace", **options
        )
        done.said = done.stdout + done.stderr
        return done

    def make(self, program):
        target = f"tests/unit/{program}"
        if program.endswith(".sh"):
            target = "libnss_enscale.la"
        done = self.run("make", "-j2", target, timeout=BUILD_SECONDS)
        assert done.returncode == 0, done.said[-3000:]

    def test(self, program):
        """What fails: the exit code is 0, and the names of those that failed."""
        folder = self.source if program.endswith(".sh") else self.build
        env = dict(os.environ, ENS_SRCDIR=self.source, ENS_BUILDDIR=self.build)
        try:
            done = self.run(f"{folder}/tests/unit/{program}", env=env, timeout=TEST_SECONDS)
        except subprocess.TimeoutExpired as ended:
            said = (ended.stdout or b"").decode() + (ended.stderr or b"").decode()
            begun = re.findall(r"RUN +\] (\w+)", said)  # it hangs in the last one
            return False, re.findall(r"FAILED +\] (\w+)", said) + begun[-1:]
        return done.returncode == 0, re.findall(r"FAILED +\] (\w+)", done.said)

    def passes_as_it_is(self, program):
        if program not in self.passed:
            self.make(program)
            assert self.test(program) == (True, [])
            self.passed.add(program)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return Tree(tmp_path_factory.mktemp("mutations"))


@pytest.mark.full
@pytest.mark.mutations
@pytest.mark.timeout(900)
@pytest.mark.parametrize("mutation", mutations())
def test_a_broken_promise_is_noticed(tree, mutation):
    tree.passes_as_it_is(mutation.program)
    put_back = mutation.apply(tree.source)
    try:
        tree.make(mutation.program)
        well, failed = tree.test(mutation.program)
    finally:
        put_back()
    assert not well, "no test fails"
    assert not mutation.test or mutation.test in failed, failed


def test_each_entry_names_a_line_that_is_there_and_a_test_that_is():
    for parameter in mutations():
        mutation = parameter.values[0]
        with open(f"{SOURCE}/{mutation.file}") as file:
            assert file.read().count("\n".join(mutation.old)) == 1, mutation
        suffix = "" if mutation.program.endswith(".sh") else ".c"
        with open(f"{SOURCE}/tests/unit/{mutation.program}{suffix}") as file:
            assert f"{mutation.test}" in file.read(), mutation
