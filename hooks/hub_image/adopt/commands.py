"""What the commands of a RUN do: install a list, clean up, install elsewhere, or something else."""

import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from hub_image.catalog import Family
from hub_image.checks.steps import CONDA
from hub_image.syntax import shell
from hub_image.syntax.dockerfile import expand


@dataclass(frozen=True)
class Setting:
    """What is known of the repository and of the image that it builds on."""

    family: Family
    family_name: str  # empty where the old base is given up, or nobody knows what it is made from
    reads: frozenset[str]  # the files at the root that the new Dockerfile reads
    image: str = ""  # the old base, without tag
    files: frozenset[str] = frozenset()  # of the repository, as they stand now
    moved: dict[str, str] = field(default_factory=dict)  # old path: new path
    text: Callable[[str], str] = str  # what stands in a file of the repository
    is_kept: bool = False  # whether the new image builds on the old base, whatever that is
    python: str = ""  # the minor version of the new image, where it is known


def variables(family: Family) -> dict[str, str]:
    """Return the variables of a family's images that Dockerfiles name paths with."""
    prefix = family.prefix
    return {
        "HOME": family.home,
        "NB_USER": family.user,
        "NB_UID": str(family.uid),
        "NB_GID": str(family.gid),
        "CONDA_DIR": prefix.partition("/envs/")[0],
        "CONDA_ENV": prefix.partition("/envs/")[2],
        "NB_PYTHON_PREFIX": prefix,
        "SHELL": "/bin/bash",
    }


NEUTRAL = {"set", "echo", "true", ":", "cd", "export", "ldconfig", "ls", "pwd", "sync"}
NEUTRAL |= {"[", "[[", "test"}
# What may be removed without anybody missing it.
RUBBISH = re.compile(
    r"-\w+|/var/lib/apt/lists.*|/var/cache/.*|/tmp/.*|/var/tmp/.*|.*/\.cache(/.*)?|.*/pkgs(/.*)?|.*/\.npm"
)
FOUND_RUBBISH = {"*.a", "*.js.map", "*.pyc", "__pycache__"}


@dataclass(frozen=True)
class Use:
    """What one command does: list, clean, apt, install, own, elsewhere, foreign, neutral, other.

    `unread` is what cannot be read.
    """

    kind: str
    name: str = ""  # of the environment or program, where that is what matters


class Commands:
    """Says what the commands of a RUN do."""

    def __init__(self, setting: Setting, known: dict[str, str]) -> None:
        self.setting, self.known = setting, known

    def uses(self, script: str) -> Iterator[Use]:
        found = shell.read(script)
        if found.unread:
            yield Use("unread")
        for command in found.commands:
            if any(target != "/dev/null" for _, target in command.writes):
                yield Use("other")
                continue
            words = list(command.words)
            while words and (re.match(r"\w+=", words[0]) or words[0] in ("sudo", "-E", "exec")):
                words = words[1:]
            if not words:
                continue
            if words[0] in ("bash", "sh", "/bin/bash", "/bin/sh") and "-c" in words[1:-1]:
                yield from self.uses(words[-1])
            else:
                yield self.use([expand(word, self.known) for word in words], script)

    def use(self, words: list[str], script: str) -> Use:
        """Say what a command does, given the words of it and the script that it stands in."""
        program = PurePosixPath(words[0]).name
        rest = [word for word in words[1:] if not word.startswith(("-", "$(", "`"))]
        if program in CONDA:
            return self._conda(words)
        if words[:3] == ["uv", "pip", "install"] or re.fullmatch(r"(pip|python)[\d.]*", program):
            return self._python(words, program)
        if program in ("activate", "source", "."):
            if "activate" not in words[0] + " ".join(words[1:2]):
                return Use("other")
            return self._environment(rest[-1] if rest else "")
        if program == "virtualenv":
            return Use("own", rest[-1] if rest else "")
        if program in NEUTRAL:
            return Use("neutral")
        apt = self._apt(program, rest) if "apt.txt" in script else None
        if apt is None and program in ("apt-get", "apt"):
            cleans = rest[:1] in (["update"], ["clean"], ["autoclean"], ["autoremove"])
            return Use("clean" if cleans or rest == ["purge"] else "apt")
        if apt or self._installs(program, words, rest, script):
            return apt or Use("list")
        return (
            Use("clean", program) if self._cleans(program, words, rest) else Use("other", program)
        )

    def _apt(self, program: str, rest: list[str]) -> Use | None:
        """Judge a command of a script that names apt.txt; None where it has nothing to do with that."""
        if program in ("apt-get", "apt") and rest == ["install"]:
            return Use("list")
        if program in ("xargs", "cat", "sed", "grep", "tr", "awk"):
            names = rest[rest.index("install") + 1 :] if "install" in rest else []
            return Use("list" if not names else "other")
        return None

    def _installs(self, program: str, words: list[str], rest: list[str], script: str) -> bool:
        """Tell whether a command installs a list that the new Dockerfile reads, or runs its postBuild."""
        if program in ("R", "Rscript"):
            return self._listed(words[1:], "install.R")
        if program == "julia":
            return "instantiate" in script and "Project.toml" in self.setting.reads
        if program in ("bash", "sh"):
            return self._listed(rest[:1], "postBuild")
        return self._listed([program], "postBuild")

    def _cleans(self, program: str, words: list[str], rest: list[str]) -> bool:
        """Tell whether a command only removes what nobody misses, or prepares what is not needed any more."""
        if program == "chmod":
            return all(self._listed([word], "postBuild") for word in rest[1:])
        if program == "rm":
            return all(self._rubbish(word) for word in words[1:])
        if program == "find" and "-delete" in words:
            found = {words[n + 1] for n, w in enumerate(words[:-1]) if w in ("-name", "-iname")}
            return bool(found) and found <= FOUND_RUBBISH
        if program in ("npm", "jlpm", "yarn"):
            return rest[:2] == ["cache", "clean"]
        return program == "fix-permissions" or words[:3] == ["jupyter", "lab", "clean"]

    def _rubbish(self, word: str) -> bool:
        return bool(RUBBISH.fullmatch(word)) or self._listed([word])

    def _listed(self, words: list[str], *names: str) -> bool:
        """Tell whether one of the words is a file that the new Dockerfile reads."""
        found = {self._now(word) for word in words} & self.setting.reads
        return bool(found & set(names) if names else found)

    def _now(self, path: str) -> str:
        path = posixpath.normpath(path)
        name = posixpath.basename(path)
        for old, new in self.setting.moved.items():
            if path == old or name == posixpath.basename(old):
                return new
        return name

    def _environment(self, target: str) -> Use:
        """Judge the environment that a command names: the one of the notebooks, or another."""
        prefix = self.setting.family.prefix.rstrip("/")
        root, _, name = prefix.partition("/envs/")
        if target.rstrip("/") in ("", prefix, name or "base", f"envs/{name}"):
            return Use("install")
        return Use("elsewhere" if target.rstrip("/") in ("base", root) else "own", target)

    def _conda(self, words: list[str]) -> Use:
        target, lists, packages = "", [], []
        after = iter(words[1:])
        for word in after:
            option, equals, value = word.partition("=")
            if option in ("-n", "--name", "-p", "--prefix", "-f", "--file", "-c", "--channel"):
                value = value if equals else next(after, "")
                if option in ("-n", "--name", "-p", "--prefix"):
                    target = value
                elif option in ("-f", "--file"):
                    lists.append(value)
            elif not word.startswith("-"):
                packages.append(word)
        verb, *packages = packages[packages[:1] == ["env"] :] or [""]
        if verb == "clean":
            return Use("clean")
        if verb == "create":
            return Use("own", target)
        if verb == "activate":
            return self._environment(packages[0] if packages else "")
        where = self._environment(target)
        if verb not in ("install", "update", "upgrade"):
            return where if where.kind == "own" else Use("other")
        if lists and not packages and where.kind != "own":
            if all(self._listed([name], "environment.yml") for name in lists):
                return Use("list", where.name)
        return where

    def _python(self, words: list[str], program: str) -> Use:
        if "venv" in words[1:3]:
            return Use("own", words[-1])
        pip = program.startswith("pip") or words[1:3] == ["-m", "pip"] or words[0] == "uv"
        if not pip or "install" not in words:
            return Use("clean") if words[1:3] == ["cache", "purge"] else Use("other")
        inside = words[0].startswith(self.setting.family.prefix + "/")
        if ("/" in words[0] and not inside) or re.search(r"\d\.\d", program):
            return Use("foreign", words[0])
        lists, packages = [], []
        after = iter(words[words.index("install") + 1 :])
        for word in after:
            option, equals, value = word.partition("=")
            if option in ("-r", "--requirement"):
                lists.append(value if equals else next(after, ""))
            elif option in ("-c", "--constraint", "-i", "--index-url", "--extra-index-url", "-f"):
                value or next(after, "")
                packages.append(option)  # the list alone does not say that
            elif not word.startswith("-"):
                packages.append(word)
        if lists and not packages and all(self._listed([f], "requirements.txt") for f in lists):
            return Use("list")
        return Use("install")
