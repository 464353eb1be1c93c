"""A build script writes below a home directory.

Why: on a hub an empty volume is mounted over the home directory, so that nothing which the
image has there can be seen.

Fix: write into the environment, `/etc` or `/usr/local`, or do it in `start`, which runs on the hub.

Severity: error; warning where a command only names such a path and may be reading it.

Source: <https://z2jh.jupyter.org/en/stable/jupyterhub/customizing/user-environment.html>
"""

import re
from collections.abc import Iterator
from pathlib import Path

from hub_image.checks import Finding
from hub_image.checks.steps import SCRIPTS
from hub_image.repository import files
from hub_image.syntax import shell

HOME = re.compile(r"(~|\$HOME\b|\$\{HOME[}:]|/home/)")
# `--prefix=~/x` and `of=/home/x` carry a path after the sign.
VALUE = re.compile(r"^(?:--?[\w-]+|\w+)=")
# Commands that read, name or clean up what is below a home directory.
HARMLESS = {"cat", "cd", "chgrp", "chmod", "chown", "du", "echo", "env", "export", "file", "find"}
HARMLESS |= {
    "fix-permissions",
    "grep",
    "head",
    "ls",
    "popd",
    "printf",
    "pushd",
    "readlink",
    "realpath",
}
HARMLESS |= {"rm", "rmdir", "set", "source", "stat", "tail", "test", "tree", "unset", "wc", "which"}
HARMLESS |= {".", "[", "[["}
# Commands that write to each path that they are given, or only to the last one.
WRITERS = {"curl", "dd", "mkdir", "npm", "sed", "tar", "tee", "touch", "unzip", "wget"}
LAST = {"cp", "git", "install", "ln", "mv", "rsync"}
# Words before a command that are not it.
PREFIXES = {"sudo", "time", "exec", "command", "nice"}


def check(repository: Path) -> Iterator[Finding]:
    """Yield the commands of the build scripts that write below a home directory."""
    for file in SCRIPTS:
        text = files.read(repository / file)
        first = text.partition("\n")[0]
        if first.startswith("#!") and not re.search(r"\b(ba|da|z|k)?sh\b", first):
            continue  # not a shell script
        for command in shell.read(text).commands:
            what, certain = written(command)
            if what:
                does = "writes" if certain else "uses what is"
                yield Finding(
                    file,
                    command.line,
                    f"`{what}` {does} below a home directory, which a hub hides; "
                    "use the environment, /etc or /usr/local, or do it in `start`",
                    "error" if certain else "warning",
                )


def written(found: shell.Command) -> tuple[str, bool]:
    """Return what a command has below a home directory, or nothing, and whether it writes it."""
    for operator, target in found.writes:
        if HOME.match(target):
            return f"{operator} {target}", True
    words = list(found.words)
    while words and (words[0] in PREFIXES or re.match(r"-|\w+=", words[0])):
        words = words[1:]
    if not words:
        return "", False
    command, arguments = words[0].rpartition("/")[2], words[1:]
    if command == "git" and {"config", "--global"} <= set(arguments):
        return "git config --global", False
    if "--user" in arguments and {"install", "enable", "develop"} & set(arguments):
        return " ".join(words), True
    if command in HARMLESS or (
        command == "sed" and not any(a.startswith(("-i", "--in")) for a in arguments)
    ):
        return "", False
    paths = [argument for argument in arguments if HOME.match(VALUE.sub("", argument))]
    if command in LAST and not any(a.startswith(("-t", "--target")) for a in arguments):
        paths = [path for path in paths if path == arguments[-1]]
    return (f"{command} {paths[0]}" if paths else ""), command in WRITERS | LAST
