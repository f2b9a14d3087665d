"""Counts what the tests said and closes ./check.

tally.py [--unit FOLDER well|badly]... [--system FILE]... [--passed|--failed WHAT]...
"""

import glob
import os
import re
import sys
import xml.etree.ElementTree

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
STATE = f"{TOP}/.demo"


def cmocka(text, word):
    return sum(int(n) for n in re.findall(rf"^\[ +{word} +\] (\d+) test", text, re.M))


def program(trs):
    """What one program of make check said. Its exit code has the last word:
    one that crashed has failed, whatever it counted before."""
    with open(trs) as file:
        result = re.search(r"^:test-result: (\w+)", file.read(), re.M)
    with open(trs.removesuffix("trs") + "log", errors="replace") as file:
        text = file.read()
    passed, failed, skipped = (cmocka(text, w) for w in ("PASSED", "FAILED", "SKIPPED"))
    result = result.group(1) if result else "ERROR"
    if result == "PASS":
        return (passed or 1, 0, skipped)
    if result == "SKIP":
        return (0, 0, 1)
    sys.stdout.write(f"\n{os.path.relpath(trs, STATE)[:-4]}: {result}\n")
    sys.stdout.write("".join(f"    {line}\n" for line in text.splitlines()[-25:]))
    return (passed, failed or 1, skipped)


def unit(folder, ended):
    programs = [program(t) for t in glob.glob(f"{STATE}/{folder}/**/*.trs", recursive=True)]
    if not programs:
        print(f"\nmake check in {folder} ran no test: see the log")
        programs = [(0, 1, 0)]
    total = [sum(counts) for counts in zip(*programs)]
    if ended == "badly" and not total[1]:
        print(f"\nmake check in {folder} failed beside its tests: see the log")
        total[1] = 1
    return total


def system(file):
    try:
        suites = xml.etree.ElementTree.parse(f"{STATE}/{file}").getroot()
    except (OSError, xml.etree.ElementTree.ParseError):
        print(f"failed: {file}: pytest did not come to its end")
        return (0, 1, 0)
    total = [0, 0, 0]
    for case in suites.iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            module = case.get("classname", "").rpartition(".")[2]
            print(f"failed: {file}: {module}.py::{case.get('name')}")
    for suite in suites.iter("testsuite"):
        tests, failures, errors, skipped = (
            int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")
        )
        # A test that passed and could not tidy up is an error and no pass.
        total[1] += failures + errors
        total[2] += skipped
        total[0] += max(0, tests - failures - errors - skipped)
    return total


def main(arguments):
    total = [0, 0, 0]
    print()
    while arguments:
        word = arguments.pop(0)
        if word == "--unit":
            counts = unit(arguments.pop(0), arguments.pop(0))
        elif word == "--system":
            counts = system(arguments.pop(0))
        elif word == "--passed":
            arguments.pop(0)
            counts = (1, 0, 0)
        else:
            print(f"failed: {arguments.pop(0)}")
            counts = (0, 1, 0)
        total = [a + b for a, b in zip(total, counts)]
    print("\n{} passed, {} failed, {} skipped".format(*total))
    sys.exit(0 if total[0] and not total[1] else 1)


main(sys.argv[1:])
