"""As much of systemd's unit files as our services and Debian's use: who runs
what with which folders, capabilities and limits, and when it counts as
started. What only narrows a service (Protect..., Private..., system call
filters) has no effect here: a test with systemd itself is the judge of those.
"""

import os
import re
import shlex

FOLDERS = ["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"]
BASES = {
    "RuntimeDirectory": "/run",
    "StateDirectory": "/var/lib",
    "CacheDirectory": "/var/cache",
    "LogsDirectory": "/var/log",
    "ConfigurationDirectory": "/etc",
}
SIZES = {"K": 2**10, "M": 2**20, "G": 2**30, "": 1}


class Error(Exception):
    pass


def read(path):
    """{key: [values]} of [Service]; an empty value empties the list."""
    keys, section = {}, None
    with open(path) as file:
        text = file.read().replace("\\\n", " ")
    for line in text.splitlines():
        line = line.strip()
        if not line or line[0] in "#;":
            continue
        if line[0] == "[":
            section = line
        elif section == "[Service]":
            key, _, value = line.partition("=")
            values = keys.setdefault(key.strip(), [])
            if value.strip():
                values.append(value.strip())
            else:
                values.clear()
    return keys


def environment(keys):
    env = {}
    for line in keys.get("Environment", []):
        env |= dict(word.split("=", 1) for word in shlex.split(line))
    for path in keys.get("EnvironmentFile", []):
        if path.startswith("-") and not os.path.exists(path[1:]):
            continue
        with open(path.removeprefix("-")) as file:
            lines = [x.strip() for x in file if x.strip() and x.strip()[0] not in "#;"]
        env |= {k: " ".join(shlex.split(v)) for k, v in (x.split("=", 1) for x in lines)}
    return env


def command(line, env):
    """(argv, may fail, as root). A $WORD of its own becomes several."""
    prefix = re.match(r"[-+!@:]*", line).group()
    argv = []
    for word in shlex.split(line[len(prefix) :]):
        if re.fullmatch(r"\$\w+", word):
            argv += env.get(word[1:], "").split()
        else:
            argv.append(re.sub(r"\$\{(\w+)\}", lambda m: env.get(m[1], ""), word))
    return argv, "-" in prefix, "+" in prefix or "!" in prefix


def size(value):
    if value == "infinity":
        return None
    number, unit = re.fullmatch(r"(\d+)([KMG]?)", value).groups()
    return int(number) * SIZES[unit]


def seconds(value):
    number, unit = re.fullmatch(r"([\d.]+)\s*(ms|s|min|)", value).groups()
    return float(number) * {"ms": 0.001, "s": 1, "min": 60, "": 1}[unit]


def identity(keys, user, group):
    """The setpriv(1) command that becomes who the unit says."""
    argv = ["setpriv"]
    if user != "root":
        more = " ".join(keys.get("SupplementaryGroups", [])).split()
        argv += [f"--reuid={user}", f"--regid={group}"]
        argv += [f"--groups={','.join([group] + more)}"] if more else ["--init-groups"]
    ambient = " ".join(keys.get("AmbientCapabilities", [])).lower().split()
    if ambient:
        caps = ",".join("+" + cap.removeprefix("cap_") for cap in ambient)
        argv += [f"--inh-caps={caps}", f"--ambient-caps={caps}"]
    if keys.get("NoNewPrivileges", ["no"])[-1] in ("yes", "true", "1"):
        argv += ["--no-new-privs"]
    return argv + ["--"] if len(argv) > 1 else []


def load(name):
    """What init.py runs for that unit."""
    paths = [f"{folder}/{name}" for folder in FOLDERS]
    path = next((path for path in paths if os.path.exists(path)), None)
    if not path:
        raise Error(f"there is no unit {name}")
    keys = read(path)
    last = {key: values[-1] for key, values in keys.items() if values}
    if "ExecStart" not in last:
        raise Error(f"{path} starts nothing")
    user = last.get("User", "root")
    group = last.get("Group", user)
    env = environment(keys)
    who = identity(keys, user, group)
    folders = []
    for key, base in BASES.items():
        for words in keys.get(key, []):
            mode = last.get(f"{key}Mode", "0755")
            owner = ("root", "root") if base == "/etc" else (user, group)
            folders += [(f"{base}/{word}", mode, *owner) for word in words.split()]
            env[re.sub(r"(?<!^)([A-Z])", r"_\1", key).upper()] = f"{base}/{words.split()[0]}"
    before = []
    for line in keys.get("ExecStartPre", []):
        argv, may_fail, as_root = command(line, env)
        before.append((argv if as_root else who + argv, may_fail))
    binds = []
    for key, read_only in (("BindPaths", False), ("BindReadOnlyPaths", True)):
        for words in keys.get(key, []):
            for word in words.split():
                source, _, target = word.removeprefix("-").partition(":")
                binds.append((source, target or source, read_only))
    argv, _, as_root = command(last["ExecStart"], env)
    return {
        "argv": argv if as_root else who + argv,
        "env": env,
        "notify": last.get("Type", "simple").startswith("notify"),
        "restart": last.get("Restart", "no"),
        "delay": seconds(last.get("RestartSec", "100ms")),
        "umask": int(last.get("UMask", "0022"), 8),
        "limits": {k[5:]: size(v) for k, v in last.items() if re.match("Limit[A-Z]", k)},
        "folders": folders,
        "binds": binds,
        "before": before,
    }
