"""The manual pages against the programs, both ways: what a program takes or
says is in its page, and what the page says a program takes or says."""

import glob
import os
import re

import pytest

TOP = os.path.join(os.path.dirname(__file__), "..", "..")
MAN = "/usr/src/enscale/man"
PAGES = sorted(os.path.basename(path) for path in glob.glob(f"{TOP}/man/*.[1-9]"))


def source(*patterns):
    """C and shell sources, without comments of C."""
    text = ""
    for pattern in patterns:
        for path in sorted(glob.glob(f"{TOP}/{pattern}")):
            with open(path) as file:
                text += re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
    assert text, patterns
    return text


def page(name):
    with open(f"{TOP}/man/{name}") as file:
        return file.read().replace("\\-", "-")


def section(name, title):
    found = re.search(rf"^\.S[hs] \"?{re.escape(title)}\"?(?:\\&)?$(.*?)(?=^\.Sh|\Z)", page(name), re.M | re.S)
    assert found, f"{name}: no section {title}"
    return found.group(1)


def options_of(text):
    """What stands behind Fl: "-f", "--key"."""
    found = set()
    for words in re.findall(r"\bFl ((?:[^ \n|]+)(?: \| [-\w]+)*)", text):
        found |= {f"-{word}" for word in words.split(" | ")}
    return found


def documented(name):
    """The options of the synopsis and of the items of lists."""
    items = "\n".join(re.findall(r"^\.It .*Fl .*", page(name), re.M))
    return options_of(section(name, "SYNOPSIS")) | options_of(items)


def options_in(text):
    return set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*|(?<![\w-])-[A-Z]\b", text, re.I))


# ---- mdoc -----------------------------------------------------------------------


def test_mandoc_finds_nothing_wrong_in_any_page(gateway):
    said = gateway.run(["mandoc", "-T", "lint", *(f"{MAN}/{name}" for name in PAGES)],
                       check=False).stdout.decode()
    # which pages of others are installed, differs from host to host
    assert [line for line in said.splitlines() if "referenced manual not found" not in line] == []


def test_each_page_of_ours_that_a_page_names_is_there():
    for name in PAGES:
        for other, number in re.findall(r"\bXr ((?:enscale|\w+_enscale)\S*) (\d)", page(name)):
            assert f"{other}.{number}" in PAGES, f"{name} names {other}({number})"
        assert name in source("man/local.mk")


# ---- verbs and options ----------------------------------------------------------

# Of every program.
ASKED = {"-h", "--help", "-V", "--version"}


def rows_of(usage, start):
    """{verb: its options} of a usage text, where start is what is before each verb."""
    # a line of arguments that goes on; what it is for begins with a small letter
    usage = re.sub(r"\n {10,}|\n {6}(?=[^a-z ])", " ", usage)
    return {verb.strip(): options_in(rest)
            for verb, rest in re.findall(rf"^{start}((?:[a-z]+ ?)+)(.*)", usage, re.M)}


def synopsis(name):
    """{verb: its options} of a synopsis with a verb behind each Nm, or several."""
    rows = {}
    for chunk in re.split(r"^\.Nm.*$", section(name, "SYNOPSIS"), flags=re.M)[1:]:
        chunk = chunk.replace(".Op Fl f Ar file\n", "")
        verbs = " | ".join(re.findall(r"^\.Cm (.*?)(?: \|)?$", chunk, re.M))
        for verb in verbs.split(" | "):
            rows[verb] = options_of(chunk)
    return rows


def test_each_verb_of_enscalectl_and_its_options_are_in_its_page(gateway):
    said = gateway.run(["enscalectl", "--help"]).stdout.decode()
    rows = rows_of(said.split("\n\n")[1], "  ")
    assert len(rows) >= 13
    assert synopsis("enscalectl.8") == rows
    items = re.findall(r"^\.It Cm ((?:[a-z]+ ?)+)", page("enscalectl.8"), re.M)
    assert {item.strip() for item in items} == set(rows)
    general = options_in(said.split("\n\n")[2])
    assert general == {"-f"} | ASKED
    assert documented("enscalectl.8") == set().union(general, *rows.values())


@pytest.mark.parametrize("table, title", [
    ("doctor_checks.c", "What doctor checks"),
    ("survey_rows.c", "What is checked of the directory"),
])
def test_each_line_of_doctor_and_of_directory_check_is_in_its_page(table, title):
    words = re.findall(r'\.word = "([a-z-]+)"', source(f"enscalectl/{table}"))
    text = section("enscalectl.8", title).split("\n.Ss")[0]
    shown = re.findall(r"^\.It Li ([a-z-]+)$", text, re.M)
    assert len(words) > 10
    assert shown == words


def test_each_verb_of_enscale_node_and_its_options_are_in_its_page(gateway):
    said = gateway.run(["/usr/src/enscale/node/enscale-node", "--help"]).stdout.decode()
    rows = rows_of(said, ".*enscale-node ")
    assert set(rows) == {"setup", "check", "show", "remove"}
    assert synopsis("enscale-node.8") == rows
    assert documented("enscale-node.8") == set().union(ASKED, *rows.values())


def test_each_option_of_enscale_directory_is_in_its_page(gateway):
    program = "/usr/src/enscale/directory/enscale-directory"
    said = gateway.run([program, "--help"]).stdout.decode()
    taken = set(re.findall(r" (--[a-z-]+) ", said))
    assert len(taken) > 5
    assert documented("enscale-directory.8") == taken | ASKED


@pytest.mark.parametrize("name", ["enscale-sync", "enscale-guard", "enscale-keyd", "enscale-keys"])
def test_each_option_that_a_program_lists_is_in_its_page(gateway, name):
    said = gateway.run([f"/usr/libexec/enscale/{name}", "--help"]).stdout.decode()
    assert ASKED < options_in(said)
    assert documented(f"{name}.8") == options_in(said)


def test_enscale_keys_lists_the_options_that_it_takes(gateway):
    said = gateway.run(["/usr/libexec/enscale/enscale-keys", "--help"]).stdout.decode()
    taken = set(re.findall(r'"(--[a-z-]+)"', source("enscale_keys/enscale_keys.c")))
    assert options_in(said) == taken | ASKED


# Of all programs: the files of the installation that a person could start.
PROGRAMS = "/usr/bin/enscale* /usr/sbin/enscale* /usr/libexec/enscale/enscale-*"
# After a wrong option: the programs in C, the scripts, and who has its own code.
WRONG_USAGE = {64, 2}
OWN_CODE = {"enscale-shell": 123, "enscale-connect": 1, "enscale-keys": 1}


@pytest.mark.both
def test_every_program_tells_its_usage_and_its_version(gateway):
    paths = gateway.sh(f"ls {PROGRAMS}").stdout.decode().split()
    paths = [path for path in paths if not path.endswith("/enscale-sshd")]  # OpenSSH's
    assert len(paths) >= 10
    version = re.search(r"^AC_INIT\(\[[^]]*\], \[([^]]*)", source("configure.ac"), re.M)[1]
    for path in paths:
        name = os.path.basename(path)
        for word in ("-h", "--help"):
            result = gateway.run([path, word])
            assert result.stdout.decode().startswith(f"usage: {name}"), (path, word)
            assert result.stderr == b"", (path, word)
        for word in ("-V", "--version"):
            result = gateway.run([path, word])
            assert result.stdout.decode() == f"{name} (enscale-gateway) {version}\n", (path, word)
            assert result.stderr == b"", (path, word)
        result = gateway.run([path, "--no-such-option"], check=False)
        assert result.returncode in ({OWN_CODE[name]} if name in OWN_CODE else WRONG_USAGE), path
        assert result.stdout == b"", path
        # what to do next: the usage, or where it is; stderr of enscale-keys is sshd's
        pattern = rb"usage: |--help|it takes " if name != "enscale-keys" else rb"^$"
        assert re.search(pattern, result.stderr), path


def test_each_argument_of_pam_enscale_is_in_its_page():
    taken = set(re.findall(r'"(config=|debug)"', source("pam_enscale/pam_enscale.c")))
    assert taken == {"config=", "debug"}
    shown = re.findall(r"^\.It Cm (config=|debug)", page("pam_enscale.8"), re.M)
    assert set(shown) == taken


def test_each_word_for_scripts_is_in_the_shells_page(client):
    said = client.ssh("25880", "help", check=True).stdout.decode()
    rows = {re.sub(r" (TITLE|SHA256:\S+|\[).*", "", words): "--json" in words
            for words in re.findall(r"^  (\S.*?)(?:  .*)?$", said, re.M)}
    text = section("enscale-shell.1", "Commands for scripts")
    shown = {verb.strip(): "json" in options
             for verb, options in re.findall(r"^\.It Li ([a-z_ ]+)(.*)", text, re.M)}
    assert shown == rows


# ---- enscale.conf ---------------------------------------------------------------


def test_each_key_of_the_configuration_is_in_its_page():
    table = re.findall(r'(?:KEY|WORDS)\("(\w+)", (\w+),', source("common/config/config.c"))
    shown, current = [], None
    for line in page("enscale.conf.5").splitlines():
        if found := re.match(r"\.S[sh] (?:\[(\w+)\])?", line):
            current = found[1]
        elif current and (found := re.match(r"\.It Cm (\w+)$", line)):
            shown.append((current, found[1]))
    assert len(table) > 30
    assert sorted(shown) == sorted(table)


def test_each_name_of_the_schema_that_can_be_mapped_is_in_the_page():
    table = re.findall(r'NAME\(\w+, "(\w+)"\)', source("common/names/schema.h"))
    mappable = set(table) - {"objectClass", "entryCSN"}
    text = section("enscale.conf.5", "[mapping]").split(".Ss")[0]
    shown = set(re.findall(r"^\.Cm (\w+)", text, re.M))
    assert shown == mappable


# ---- exit codes -----------------------------------------------------------------

EXITS = {"EXIT_SUCCESS": "0", "EXIT_FAILURE": "1", "EX_USAGE": "64", "EX_CONFIG": "78"}


def daemon_exits(name):
    text = source(f"{name}/main.c")
    assert "daemon_read_arguments(" in text
    found = re.findall(r"\b(EXIT_\w+|EX_\w+)\b", text)
    return {EXITS[code] for code in [*found, "EX_USAGE"]}


@pytest.mark.parametrize("name,codes", [
    ("enscalectl.8", lambda: re.findall(r"#define EXIT_\w+\s+(\d+)", source("enscalectl/verb.h"))),
    ("enscale-shell.1", lambda: re.findall(r"#define GUARD_EXIT_\w+\s+(\d+)",
                                           source("common/protocol/guard_protocol.h"))),
    ("enscale-node.8", lambda: re.findall(r"\bexit (\d)\b", source("node/*node", "node/*.sh"))),
    ("enscale-directory.8", lambda: re.findall(r"\bexit (\d)\b",
                                               source("directory/enscale-directory"))),
    ("enscale-sshd-start.8", lambda: re.findall(r"\bexit (\d)\b|EX_CONFIG=(\d+)",
                                                source("gateway/enscale-sshd-start.in"))),
    ("enscale-keys.8", lambda: ["0", "1"]),
    ("enscale-sync.8", lambda: daemon_exits("enscale_sync")),
    ("enscale-guard.8", lambda: daemon_exits("enscale_guard")),
    ("enscale-keyd.8", lambda: daemon_exits("enscale_keyd")),
])
def test_each_exit_status_is_in_the_page(name, codes):
    used = {code for found in codes() for code in ([found] if isinstance(found, str) else found)}
    shown = re.findall(r"^\.It (\d+)$", section(name, "EXIT STATUS"), re.M)
    assert set(shown) == used - {""}


# ---- what users are told --------------------------------------------------------

SPEAKERS = ["common/policy/policy_words.c", "common/protocol/keyd_protocol.c", "enscale_guard/*.c",
            "enscale_shell/*.c", "pam_enscale/*.c"]
LITERAL = re.compile(r'"((?:[^"\\\n]|\\.)*)"|NUMBER\(\s*\w+\)')
# What the menu shows by itself, the log gets, and ssh says, is not for here.
OTHERS = re.compile(r"json_\w+|f?printf|f?puts|\w*syslog|log_\w+|strstr|reasons|denials")


def surroundings(text):
    """The calls and tables that are open at the end of a text."""
    depth, names = 0, []
    for found in reversed(list(re.finditer(r"(\w*)(?:\[\] = )?[({]|[)}]|;", text))):
        if found[0] in ")}":
            depth += 1
        elif found[0] != ";" and depth:
            depth -= 1
        elif found[0] != ";":
            names.append(found[1])
        if not depth and (found[0] == ";" or found[0].endswith("{")):
            break
    return names


def literals(text):
    """Each run of string literals, and what it stands in."""
    for run in re.finditer(rf"(?:(?:{LITERAL.pattern})\s*)+", text):
        words = "".join(found[1] if found[1] is not None else "%u"
                        for found in LITERAL.finditer(run[0]))
        around = re.sub(r'"(?:[^"\\\n]|\\.)*"', '""', text[:run.start()])
        yield words, surroundings(around[-2000:])


def is_sentence(words):
    return re.match(r"[A-Z{]", words) and " " in words and re.search(r"[.]$|: |[.] ", words)


def sentences():
    found = set()
    for pattern in SPEAKERS:
        for path in glob.glob(f"{TOP}/{pattern}"):
            for words, around in literals(source(os.path.relpath(path, TOP))):
                if is_sentence(words) and not any(map(OTHERS.fullmatch, around)):
                    found.add(words.replace('\\"', '"').replace("\\n", ""))
    return found


def as_pattern(sentence):
    """Where the program puts something in, the page has a word in capitals."""
    parts = re.split(r"\{\w+\}|%[a-z]", sentence)
    return re.compile(r"(?:[A-Z]+|\(s\))".join(map(re.escape, parts)))


def test_each_sentence_that_a_user_may_see_is_explained():
    said = {sentence: as_pattern(sentence) for sentence in sentences()}
    assert len(said) > 80
    text = re.search(r"^\.Sh MESSAGES$(.*?)^\.Sh", page("enscale-gateway.7"), re.M | re.S)[1]
    shown = re.findall(r'^\.It "(.*)"$', text, re.M)
    assert [sentence for sentence, pattern in said.items()
            if not any(map(pattern.fullmatch, shown))] == []
    assert [words for words in shown
            if not any(pattern.fullmatch(words) for pattern in said.values())] == []


def test_each_reason_why_a_node_cannot_be_reached_is_explained():
    table = re.search(r"reasons\[\] = \{(.*?)\n\};", source("enscale_shell/ssh_log.c"), re.S)[1]
    reasons = set(re.findall(r'"([^"]*)" \}', table))
    assert len(reasons) > 8
    text = page("enscale-gateway.7")
    assert [reason for reason in reasons if f".Dq {reason}" not in text] == []
