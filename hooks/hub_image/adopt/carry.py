"""What becomes of each instruction of an old Dockerfile.

An instruction is carried over into a script, or replaced by what the new Dockerfile does anyway, or
left for its owner to decide. It is carried over only where the script does the same at another time:

- preBuild runs as root before the packages, and sees no file of the repository,
- postBuild runs as the user after the packages, in a copy of the repository,
- postBuildRoot runs as root after that, in such a copy too,
- start runs before each server.

Everything is tried by the build that follows: a step that was wrongly taken for certain stops it.
"""

import json
import posixpath
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from hub_image.adopt.commands import Commands, Setting, Use, variables
from hub_image.checks.rules import home_write, lab_settings
from hub_image.checks.steps import CONDA
from hub_image.syntax import shell
from hub_image.syntax.dockerfile import Instruction, expand, parse, stage

CARRIED, REPLACED, LEFT = "carried", "replaced", "left"
# https://jupyterlab.readthedocs.io/en/stable/user/directories.html#overrides-json
LAB_SETTINGS = re.compile(r"share/jupyter/lab/settings(/overrides\.json)?/?$")


@dataclass(frozen=True)
class Decision:
    """What becomes of an instruction: `what` is carried, replaced or left; `why` says more.

    `needs` is what its owner should know all the same.
    """

    instruction: Instruction
    what: str
    why: str
    needs: str = ""


class Left(Exception):
    """The instruction is left for a decision; the message says why, and what to do."""


class Script:
    """A script that is being made: steps, and what only matters when a step follows."""

    def __init__(self, folder: str) -> None:
        self.parts: list[tuple[bool, Instruction, str]] = []  # (is a step, from where, text)
        self.folder = folder

    def add(self, instruction: Instruction, text: str, step: bool = True) -> None:
        self.parts.append((step, instruction, text))

    def used(self) -> list[tuple[bool, Instruction, str]]:
        """Return the parts up to the last step."""
        last = max((n for n, part in enumerate(self.parts) if part[0]), default=-1)
        return self.parts[: last + 1]


def carry(text: str, setting: Setting) -> tuple[list[Decision], dict[str, str]]:
    """Return what becomes of each instruction of a Dockerfile, and the scripts by name."""
    return _Carrier(setting).all(list(parse(text)))


# Variables ----------------------------------------------------------------------------------------

# Assignments that mean the same to Docker and to bash.
VALUE = re.compile(
    r"""(?:[\w./:,@%+=-] | \$\w+(?!\w) | \$\{\w+(?::[-+][\w./:,@%+-]*)?\}
    | "(?:[^"\\`$!\n] | \$\w+(?!\w) | \$\{\w+\})*" | '[^'\n]*')*""",
    re.VERBOSE,
)
ASSIGNMENT = re.compile(r"""([A-Za-z_]\w*)=((?:"[^"]*"|'[^']*'|[^\s"'])*)(?:\s+|$)""")
# What the base or the new Dockerfile sets; another value breaks one of them.
RESERVED = {"HOME", "USER", "SHELL", "NB_USER", "NB_UID", "NB_GID", "CONDA_DIR", "CONDA_ENV"}
RESERVED |= {"NB_PYTHON_PREFIX", "VIRTUAL_ENV", "REPO_DIR", "PYTHONNOUSERSITE", "LD_LIBRARY_PATH"}


def assignments(arguments: str) -> list[tuple[str, str]]:
    """Return names and values of an ENV or ARG, as they are written; raise Left when unsure."""
    found = list(ASSIGNMENT.finditer(arguments))
    if not found or "".join(match[0] for match in found) != arguments:
        name, _, value = arguments.partition(" ")
        plain = r"(?:[^\"'\\`$!] | \$\w+ | \$\{\w+\})*"
        if not value or "=" in name or not re.fullmatch(plain, value, re.VERBOSE):
            raise Left(
                "it may mean something else to a shell; write it into `start`, or where it is used"
            )
        value = value.strip()
        return [(name, f'"{value}"' if "$" in value else shlex.quote(value))]
    if not all(VALUE.fullmatch(match[2]) for match in found):
        raise Left(
            "it may mean something else to a shell; write it into `start`, or where it is used"
        )
    return [(match[1], match[2]) for match in found]


# Instructions -------------------------------------------------------------------------------------

USUAL_STARTS = {"jupyter", "jupyter-lab", "jupyterhub-singleuser", "start.sh", "start-notebook.sh"}
USUAL_STARTS |= {"start-notebook.py", "start-singleuser.sh", "start-singleuser.py", "tini", "init"}
USUAL_STARTS |= {"repo2docker-entrypoint", "start", "start-notebook"}
# What the images of a family begin with.
STARTS = {
    "docker-stacks": r"/usr/local/bin/+start(-\w+)?\.(sh|py)\b",
    "pangeo": r"/srv/start(?![\w/.-])",
}


class _Carrier:
    """Goes through a Dockerfile from top to bottom and knows what holds at each instruction."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        family = setting.family
        self.known = variables(family)
        # Rocker's images are left as root, all but the one for Binder.
        rooted = setting.family_name == "rocker" and not setting.image.endswith("/binder")
        self.user = "root" if rooted else "user"
        self.folder = "/" if rooted else family.home
        self.made: set[str] = set()  # folders that WORKDIR made
        self.shell = ""  # why the steps cannot be carried over, after an unusual SHELL
        self.pipefail = not rooted
        self.scripts = {
            "preBuild": Script("/tmp"),
            "postBuild": Script(""),
            "postBuildRoot": Script(""),
        }
        self.start: list[str] = []
        self.entrypoint = ""  # of the owner, which each server begins with
        self.gone: dict[str, str] = {}  # name: why what it names is not there any more
        self.late: set[str] = set()  # names that exist only from postBuild on
        self.last: set[str] = set()  # those of them that exist only from postBuildRoot on
        self.copied: dict[str, str] = {}  # path in the image: file of the repository
        self.rooted = 0  # the line of the first step that became part of postBuildRoot
        self.stages = 0  # of the image, so far
        self.began = False  # whether anything came that preBuild would come before
        self.defaults: dict[str, str] = {}  # of the arguments before the first FROM
        self.lists_to_come = self.is_last_folder = False
        self.methods: dict[str, Callable[[Instruction], tuple[str, str]]] = {
            "RUN": self._run,
            "COPY": self._copy,
            "ADD": self._add,
            "ENV": self._env,
            "ARG": self._arg,
            "USER": self._user,
            "WORKDIR": self._workdir,
            "SHELL": self._shell,
            "LABEL": self._label,
            "MAINTAINER": self._label,
            "EXPOSE": self._expose,
            "CMD": self._cmd,
            "ENTRYPOINT": self._entrypoint,
        }

    def all(self, instructions: list[Instruction]) -> tuple[list[Decision], dict[str, str]]:
        """Decide on all instructions; return the decisions and the scripts."""
        stages = roles(instructions)
        lists = [n for n, i in enumerate(instructions) if stages[n] == IMAGE and self._lists(i)]
        folders = [n for n, i in enumerate(instructions) if i.name == "WORKDIR"]
        decisions = []
        for n, instruction in enumerate(instructions):
            self.lists_to_come = n < max(lists, default=-1)
            self.is_last_folder = folders[-1:] == [n]
            try:
                decision = self._one(instruction, stages[n])
            except Left as reason:
                decision = LEFT, str(reason)
            decisions.append(Decision(instruction, *decision))
        return self._finish(decisions)

    def _lists(self, instruction: Instruction) -> bool:
        """Tell whether an instruction installs a list other than apt.txt."""
        return (
            instruction.name == "RUN"
            and "apt.txt" not in instruction.source
            and "list" in self._kinds(instruction)
        )

    def _one(self, instruction: Instruction, where: str) -> tuple[str, str]:
        """Decide on one instruction, which stands in the stage `where`."""
        if where == BEFORE:
            if instruction.name != "ARG":
                raise Left(
                    "it stands before the first FROM, where Docker allows only ARG; remove it"
                )
            self.defaults |= dict([instruction.arguments.partition("=")[::2]])
            return REPLACED, "the answers name the image to build on"
        if where != IMAGE:
            raise Left(where)
        if instruction.name == "FROM":
            self.stages += 1
            if self.stages > 1:
                return REPLACED, "what follows goes on from the stage above, as it did"
            return REPLACED, "the answers name the image to build on"
        if not self.setting.family_name:
            if done := self._is_done_anyway(instruction):
                return REPLACED, done
            if self.setting.is_kept:
                raise Left(
                    "nobody here knows what its base is made from; adopt again with --data base_family=..., or do it in "
                    "preBuild (root), postBuild (user) or postBuildRoot (root, last)"
                )
            raise Left(
                "it was made for another base image; see whether you still need it, "
                "and do it in preBuild (root), postBuild (user) or postBuildRoot (root, last)"
            )
        if instruction.name in OTHERS:
            raise Left(OTHERS[instruction.name])
        return self.methods.get(instruction.name, self._unknown)(instruction)

    def _is_done_anyway(self, instruction: Instruction) -> str:
        """Return how the new Dockerfile does what an instruction did, whatever the base is; empty where it does not."""
        if instruction.name in ("COPY", "ADD"):
            words = [w for w in instruction.arguments.split() if not re.match("--ch(own|mod)=", w)]
            if words[:-1] and all(self._source(word) in self.setting.reads for word in words[:-1]):
                return "the new Dockerfile reads it from the root of the repository"
        if instruction.name == "RUN":
            kinds = self._kinds(instruction)
            if "list" in kinds and kinds <= {"clean", "list"}:
                return "the new Dockerfile installs the list"
        return ""

    # One method for each instruction. Each returns (CARRIED or REPLACED, where or why), or raises Left.

    def _unknown(self, instruction: Instruction) -> tuple[str, str]:
        raise Left("Docker does not know this instruction; see what it was meant to do")

    def _run(self, instruction: Instruction) -> tuple[str, str]:
        try:
            return self._run_kept(instruction)
        except Left:
            made = set(_made(body(command(instruction))))
            self._lose({expand(name, self.known) for name in made} | made, instruction)
            raise

    def _run_kept(self, instruction: Instruction) -> tuple[str, str]:
        source = command(instruction)
        uses = list(self._commands().uses(body(source)))
        kinds = {use.kind for use in uses} - {"neutral"}
        if kinds == {"clean"}:
            return REPLACED, "the new Dockerfile cleans up after itself"
        began = self.began
        self.began = began or "apt.txt" not in source
        if kinds and kinds <= {"clean", "list"}:
            elsewhere = [use.name for use in uses if use.kind == "list" and use.name]
            text = "the new Dockerfile installs the list"
            if elsewhere:
                text += (
                    f", and not into `{elsewhere[0]}`, which no kernel sees, "
                    f"but into {self.setting.family.prefix}"
                )
            return REPLACED, text
        if self.shell:
            raise Left(self.shell)
        for flag in flags(instruction):
            if not flag.startswith("--mount=type=cache"):
                option = flag.partition(",")[0]
                raise Left(f"a script has no `{option}`; do it in preBuild or postBuild without")
        for use in uses:
            if use.kind in USES_LEFT:
                raise Left(USES_LEFT[use.kind].format(use.name or "of its own"))
        self._needs_nothing_gone(source)
        self._fits_python(source)
        self._leaves_the_bases_start_alone(source)
        self._leaves_the_home_alone(source)
        if self.user == "user" or (
            {"install"} <= kinds <= {"install", "clean"} and self._permissive(uses)
        ):
            return self._as_user(instruction, source, kinds)
        if self.user == "root":
            return self._as_root(instruction, source, uses, began)
        raise Left("it ran as another user; put it into preBuild (root) or postBuild (user)")

    def _as_user(self, instruction: Instruction, source: str, kinds: set[str]) -> tuple[str, str]:
        """Carry over a step of the user's, which postBuild does."""
        if self.lists_to_come:
            raise Left(
                "it ran before the packages of the list, and postBuild runs after them; "
                "put it there if that is the same to you"
            )
        if self.rooted and not (kinds and kinds <= {"install", "clean"}):
            raise Left(
                f"it ran after line {self.rooted}, which only root may do and postBuildRoot does last; put it into "
                "postBuild if it does not need that, or at the end of postBuildRoot"
            )
        if name := next((name for name in sorted(self.last) if mentions(source, name)), ""):
            raise Left(
                f"it needs {name}, which only postBuildRoot can bring, last; put it at the end of postBuildRoot"
            )
        return self._step("postBuild", instruction, source)

    def _as_root(
        self, instruction: Instruction, source: str, uses: list[Use], began: bool
    ) -> tuple[str, str]:
        """Carry over a step of root's: into preBuild where it may come first, otherwise into postBuildRoot."""
        kinds = {use.kind for use in uses} - {"neutral"}
        repairs = self.setting.family_name != "rocker" and not self._permissive(uses)
        if "install" in kinds and not repairs:
            raise Left(
                "it installs Python packages as root; add them to the list, or install them in "
                "postBuild, which runs as the user"
            )
        late = next((name for name in sorted(self.late) if mentions(source, name)), "")
        only_apt = bool(kinds) and kinds <= {"apt", "clean"}
        if not late and not self.rooted and (only_apt or not began):
            self.began = began
            return self._step("preBuild", instruction, source)
        if self.lists_to_come:
            why = f"needs {late}, which preBuild does not see" if late else "after other steps"
            raise Left(
                f"it ran before the packages of the list, and {why}; put it into postBuildRoot, which runs last, "
                "if the packages do not need it, otherwise into preBuild"
            )
        decision = self._step("postBuildRoot", instruction, source)
        self.rooted = self.rooted or instruction.line
        return decision

    def _copy(self, instruction: Instruction) -> tuple[str, str]:
        words = instruction.arguments
        given = flags(instruction)
        if "<<" in words:
            return self._document(instruction)
        try:
            paths = in_json(re.sub(r"^(--\S+\s+)+", "", words)) or shlex.split(words)
        except ValueError:
            paths = []
        paths = [path for path in paths if not path.startswith("--")]
        if len(paths) < 2:
            raise Left("it has no source or no target; see what it was meant to do")
        *written, target = paths
        where = self._target(target)
        names = self._names([posixpath.normpath(w.lstrip("/") or ".") for w in written], target)
        try:
            if stage := next((f for f in given if f.startswith("--from")), ""):
                raise Left(
                    f"it takes files from {stage.partition('=')[2]}, another image or stage; install them from a package, "
                    "or download them in preBuild"
                )
            sources = [self._source(source) for source in written]
            if sources == ["image-tests"]:
                self._lose(names, instruction)
                return REPLACED, "CI runs these tests in the image, which has no copy of them"
            if all(source in self.setting.reads for source in sources):
                self._lose(names, instruction)
                return REPLACED, "the new Dockerfile reads it from the root of the repository"
            if sources == [lab_settings.FILE] and LAB_SETTINGS.search(where):
                self._lose(names, instruction)
                return REPLACED, "the new Dockerfile puts overrides.json there"
            # What it copies comes from the repository, whatever earlier steps brought.
            self._needs_nothing_gone(" ".join([target, *(w for w in written if "$" in w)]))
            self._fits_python(where)
            self._leaves_the_bases_start_alone(
                " ".join([where, *(f"{where}/{s}" for s in sources)])
            )
            name, owner, mode = self._place(sources, where, given)
            self._free(name)
        except Left:
            self._lose(names, instruction)
            raise
        self.late |= names
        if name == "postBuildRoot":
            self.last |= names
        for source in sources:
            inside = [f for f in self.setting.files if f.startswith(f"{source}/")]
            self.copied |= {posixpath.join(where, f[len(source) + 1 :]): f for f in inside}
            into = posixpath.join(where, posixpath.basename(source))
            self.copied[into if target.endswith("/") or len(sources) > 1 else where] = source
        self.scripts[name].add(instruction, self._cp(sources, target, where, owner, mode))
        return CARRIED, name

    def _document(self, instruction: Instruction) -> tuple[str, str]:
        """Carry over a COPY of text that stands in the Dockerfile."""
        found = re.fullmatch(
            r"(?:--\S+\s+)*<<(-?)(['\"]?)([^\s'\"<]+)\2\s+([^\s<]+)", instruction.arguments
        )
        if not found or "\n" not in instruction.source:
            raise Left("it writes a file from the Dockerfile; write it in preBuild, with `cat`")
        dash, quote, end, target = found.groups()
        where = self._target(target + end if target.endswith("/") else target)
        names = {where}
        try:
            text = instruction.source.partition("\n")[2]
            if not quote and re.search(r"[$`\\]", text):
                raise Left(
                    "it fills in variables, which a script may do in another way; write it in preBuild, with `cat`"
                )
            self._needs_nothing_gone(where)
            self._fits_python(where)
            name, owner, mode = self._place([], where, flags(instruction))
            if name == "postBuildRoot" and not self.began:
                name = "preBuild"  # it needs no file of the repository
            self._free(name)
        except Left:
            self._lose(names, instruction)
            raise
        if name != "preBuild":
            self.late |= names
        if name == "postBuildRoot":
            self.last |= names
        path = quoted(where)
        lines = [
            f"mkdir -p {quoted(posixpath.dirname(where))}",
            f"cat >{path} <<{dash}'{end}'\n{text}",
        ]
        lines += [f"chown {quoted(owner)} {path}"] if owner else []
        lines += [f"chmod {quoted(mode)} {path}"] if mode else []
        self.scripts[name].add(instruction, "\n".join(lines))
        return CARRIED, name

    def _place(self, sources: list[str], where: str, given: list[str]) -> tuple[str, str, str]:
        """Return which script copies files, and the owner and the mode that they get, if any."""
        options = {flag.partition("=")[0]: flag.partition("=")[2] for flag in given}
        if unknown := options.keys() - {"--chown", "--chmod", "--link"}:
            raise Left(f"a script has no {min(unknown)}; copy it in postBuild or postBuildRoot")
        owner = expand(options.get("--chown", ""), self.known)
        is_root = owner.partition(":")[0] in ("root", "0")
        if owner and not is_root and not self._is_user(owner):
            raise Left("the new image may not have this owner; copy it in postBuildRoot")
        missing = next((s for s in sources if s != "." and not self._exists(s)), "")
        if missing:
            raise Left(f"{missing} is not in the repository, or not for builds; see what it was")
        if under(where, self.setting.family.home):
            if "." in sources:
                raise Left(
                    "the image has no copy of the repository, because a hub hides the home; bring it to "
                    "people with nbgitpuller, and what the image needs in postBuild"
                )
            raise Left(
                "a hub hides the home behind each user's own files; copy it elsewhere in postBuild, "
                "or into the home in `start`"
            )
        mode = options.get("--chmod", "")
        mine = under(where, self.setting.family.prefix) or under(where, "/tmp")
        if mine and not is_root:
            return "postBuild", "", mode
        return "postBuildRoot", "" if is_root else owner, mode

    def _add(self, instruction: Instruction) -> tuple[str, str]:
        words = instruction.arguments.split()
        if any(re.search(r"://|git@|\.(tar|tgz|gz|bz2|xz|zst)(\.|$)", word) for word in words):
            self._lose(self._names(words[:-1], words[-1]), instruction)
            raise Left(
                "it downloads or unpacks, which a script can do; use `curl` or `tar` in preBuild or "
                "postBuild"
            )
        return self._copy(instruction)

    def _env(self, instruction: Instruction) -> tuple[str, str]:
        used = {a or b for a, b in re.findall(r"\$(?:(\w+)|\{(\w+))", instruction.arguments)}
        missing = next((name for name in self.gone if name in used), "")
        for name in re.findall(r"^\w+|(?<=\s)\w+(?==)", instruction.arguments):
            self.gone[name] = f"line {instruction.line}, which sets it, is left for you"
        found = assignments(instruction.arguments)
        names = {name for name, _ in found}
        if names == {"DEBIAN_FRONTEND"}:
            del self.gone["DEBIAN_FRONTEND"]
            return REPLACED, "the new Dockerfile sets it where APT runs"
        given = variables(self.setting.family)
        if all(given.get(n) == expand(v.strip("\"'"), self.known) for n, v in found):
            for name in names:
                del self.gone[name]
            return REPLACED, "the new image has it so"
        if missing:
            raise Left(f"it needs {missing}, and {self.gone[missing]}; do both in `start`")
        if reserved := sorted(names & RESERVED):
            for name in names:
                self.known.pop(name, None)
            raise Left(
                f"{reserved[0]} belongs to the base image and the new Dockerfile; "
                "see whether you still need it"
            )
        line = "export " + " ".join(f"{name}={value}" for name, value in found)
        self._remember(found)
        for name in names:
            self.gone.pop(name, None)
        for script in self.scripts.values():
            script.add(instruction, line, step=False)
        if "start" in self.setting.files:
            raise Left(f"your `start` is kept as it is; add `{line}` to it")
        self.start.append(f"{place(instruction)}{line}")
        return CARRIED, "start"

    def _arg(self, instruction: Instruction) -> tuple[str, str]:
        name = instruction.arguments.partition("=")[0].strip()
        if name == "DEBIAN_FRONTEND":
            return REPLACED, "the new Dockerfile sets it where APT runs"
        arguments = instruction.arguments
        if name in self.defaults and "=" not in arguments:
            arguments = f"{name}={self.defaults[name]}"
        if "=" not in arguments:
            self.gone[name] = "the build has no arguments"
            raise Left("the build has no arguments; write the value where it is used")
        self.gone[name] = f"line {instruction.line}, which sets it, is left for you"
        found = assignments(arguments)
        del self.gone[name]
        self._remember(found)
        line = "export " + " ".join(f"{name}={value}" for name, value in found)
        for script in self.scripts.values():
            script.add(instruction, line, step=False)
        return CARRIED, ""  # `_finish` knows where

    def _user(self, instruction: Instruction) -> tuple[str, str]:
        name = expand(instruction.arguments, self.known).partition(":")[0]
        if name in ("root", "0"):
            self.user = "root"
        else:
            self.user = "user" if self._is_user(instruction.arguments) else name
        if self.user not in ("root", "user"):
            raise Left("the new image has no such user; see what it was for")
        return REPLACED, "preBuild runs as root, postBuild and the server as the user"

    def _workdir(self, instruction: Instruction) -> tuple[str, str]:
        folder = expand(instruction.arguments.strip("\"'"), self.known)
        self.folder = posixpath.join(self.folder, folder)
        if "$" in self.folder:
            raise Left("the folder is not known before the build; use `cd` where it matters")
        home = self.setting.family.home
        if self.folder.rstrip("/") in (home, ""):
            return REPLACED, "steps and server begin in the folders that they did"
        self.made.add(self.folder)
        if self.is_last_folder:
            raise Left("a server begins in the home; what needs this folder must name it")
        return REPLACED, "the steps that are carried over begin there"

    def _shell(self, instruction: Instruction) -> tuple[str, str]:
        words = in_json(instruction.arguments) or []
        options = words[1:-1] if words[-1:] == ["-c"] else ["?"]
        program = posixpath.basename(words[0]) if words else ""
        plain = {"-o", "pipefail", "-e", "-u", "-x", "-eu", "-ex", "-euo", "-exo", "-eo"}
        if program not in ("bash", "sh") or not set(options) <= plain:
            self.shell = (
                f"the SHELL of line {instruction.line} runs it in an environment of its own; "
                "do it in postBuild, without that environment"
            )
            raise Left("scripts are run by bash as it is; write there what the shell did besides")
        self.shell, self.pipefail = "", "pipefail" in options
        return REPLACED, "the scripts are run by bash"

    def _label(self, instruction: Instruction) -> tuple[str, str]:
        raise Left("the new Dockerfile has labels of its own; say it in README.md")

    def _expose(self, instruction: Instruction) -> tuple[str, str]:
        if instruction.arguments in ("8888", "8888/tcp"):
            return REPLACED, "the new Dockerfile does the same"
        raise Left("a hub reaches port 8888 only; offer it through jupyter-server-proxy")

    def _cmd(self, instruction: Instruction) -> tuple[str, str]:
        program = self._program(instruction)
        if posixpath.basename(program) in USUAL_STARTS and program not in self.copied:
            return REPLACED, "the new image starts JupyterLab, or what the hub asks for"
        raise Left("a hub starts its own server; do what must come before it in `start`")

    def _entrypoint(self, instruction: Instruction) -> tuple[str, str]:
        """Let the owner's own entrypoint run before each server, as it did, where it hands over to that."""
        program = self._program(instruction)
        name = posixpath.basename(program)
        self._needs_nothing_gone(program)
        own = [path for path in self.copied if program in (path, posixpath.basename(path))]
        if not own and name in USUAL_STARTS:
            return REPLACED, "the new image starts JupyterLab, or what the hub asks for"
        if not own:
            raise Left("a hub starts its own server; do what must come before it in `start`")
        file = self.copied[own[0]]
        if not re.search(r"^[^#\n]*\bexec\b.*\$[@*]", self.setting.text(file), re.MULTILINE):
            raise Left(
                f'nothing in {file} says `exec "$@"`, so that a hub may not start its server through it; '
                "do what must come before the server in `start`"
            )
        if "start" in self.setting.files:
            raise Left(f'your `start` is kept as it is; let it end with `exec {own[0]} "$@"`')
        self.entrypoint = f"{place(instruction)}exec {quoted(own[0])} "
        return CARRIED, "start"

    def _program(self, instruction: Instruction) -> str:
        """Return what a CMD or ENTRYPOINT runs, without tini and what else only hands over."""
        words = in_json(instruction.arguments)
        if words is None:
            words = instruction.arguments.split()
        words = [expand(word, self.known) for word in words if not word.startswith("-")]
        passing = ("tini", "exec", "dumb-init")
        last = words[-1] if words else ""
        return next((w for w in words if posixpath.basename(w) not in passing), last)

    # What they share.

    def _commands(self) -> Commands:
        return Commands(self.setting, self.known)

    def _names(self, sources: list[str], target: str) -> set[str]:
        """Return under which names steps would speak of what a COPY brings."""
        where = self._target(target)
        found = set()
        for source in sources:
            inside = [
                f[len(source) + 1 :] for f in self.setting.files if f.startswith(f"{source}/")
            ]
            if source == ".":
                inside = list(self.setting.files)
            entries = {path.partition("/")[0] for path in inside}
            files = {posixpath.basename(path) for path in inside}
            if not inside:
                entries = files = {posixpath.basename(source.rstrip("/"))}
                if not target.endswith("/") and len(sources) == 1:
                    found.add(where)
            elif where.count("/") > 1:
                found.add(where)
            found |= {posixpath.join(where, entry) for entry in entries}
            found |= {name if "." in name else f"./{name}" for name in files if name}
        taken = {"/", "/tmp", self.setting.family.home, self.setting.family.prefix}
        return {name for name in found - taken if not re.fullmatch(r"[./*?]*", name)}

    def _kinds(self, instruction: Instruction) -> set[str]:
        return {use.kind for use in self._commands().uses(body(command(instruction)))} - {"neutral"}

    def _permissive(self, uses: list[Use]) -> bool:
        """Tell whether installs by root may as well be done by the user, who owns the packages."""
        programs = {use.name for use in uses if use.kind == "clean"}
        return self.setting.family_name != "rocker" and "fix-permissions" not in programs

    def _needs_nothing_gone(self, source: str) -> None:
        for name, why in self.gone.items():
            if mentions(source, name):
                raise Left(f"it needs {name}, and {why}; do both in one script")
        if self.setting.family_name == "rocker" and re.search(r"\becho\b[^\n]*\\[nt0]", source):
            raise Left("sh and bash print this differently; write it into preBuild with `printf`")

    def _fits_python(self, source: str) -> None:
        """Raise Left where a path names the folder of a Python that the new image does not have."""
        prefix = re.escape(self.setting.family.prefix)
        for version in re.findall(rf"{prefix}/lib/python(3\.\d+)\b", expand(source, self.known)):
            if self.setting.python and version != self.setting.python:
                raise Left(
                    f"it names the folder of Python {version}, and the new image has {self.setting.python}; write that, if "
                    "it still fits"
                )

    def _leaves_the_bases_start_alone(self, source: str) -> None:
        """Raise Left where a step changes the program that the base begins with."""
        pattern = STARTS.get(self.setting.family_name)
        if pattern and (found := re.search(pattern, source)):
            raise Left(
                f"it changes or needs {found[0]}, which belongs to the base and may be another now; do in `start` what must come "
                "before the server"
            )

    def _leaves_the_home_alone(self, source: str) -> None:
        """Raise Left where a step uses what is below a home, as the check `home-write` sees it."""
        for found in shell.read(body(source)).commands:
            if what := home_write.written(found)[0]:
                raise Left(
                    f"`{what}` uses what is below a home directory, which a hub hides behind each user's own files; "
                    "do it in `start`, or put it elsewhere"
                )
        others = re.sub(
            r"\bfix-permissions\s+\S+", "", source
        )  # of docker-stacks, harmless to a home
        if self.user == "root" and re.search(r"~/|\$\{?HOME\b|/home/", others):
            raise Left(
                "it is about the home, which a hub hides behind each user's own files; "
                "do it in `start`, or put it elsewhere"
            )

    def _step(self, name: str, instruction: Instruction, source: str) -> tuple[str, str]:
        self._free(name)
        text = as_one_step(source)
        script = self.scripts[name]
        if "$" in self.folder:
            raise Left(
                "its folder is not known before the build; put it into a script, after a `cd`"
            )
        own = (self.setting.family.prefix, self.setting.family.home, "/tmp")
        if name == "postBuild" and self.folder in self.made:
            if not any(under(self.folder, folder) for folder in own):
                raise Left(
                    f"it ran in {self.folder}, which only root can make; make that in preBuild, and do "
                    "this in postBuild"
                )
        if script.folder != self.folder:
            script.folder = self.folder
            path = shlex.quote(self.folder)
            make = f"mkdir -p {path}\n" if self.folder in self.made else ""
            script.add(instruction, f"{make}cd {path}", step=False)
        script.add(instruction, text)
        return CARRIED, name

    def _free(self, name: str) -> None:
        """Raise Left where the owner has such a script: it is not for us to change."""
        if name in self.setting.files:
            raise Left(f"your {name} is kept as it is; add this to it")

    def _lose(self, names: set[str], instruction: Instruction) -> None:
        """Remember that what a COPY brought is not there for the steps that follow."""
        why = f"line {instruction.line}, which brings it, is not carried over"
        self.gone |= dict.fromkeys(sorted(names), why)

    def _source(self, source: str) -> str:
        """Return where a file of the build context stands now."""
        path = posixpath.normpath(source.lstrip("/") or ".")
        return self.setting.moved.get(path, path)

    def _exists(self, source: str) -> bool:
        hidden = ("image-tests", "hub", ".github", ".git")  # as in .dockerignore
        if source.split("/")[0] in hidden or (source.endswith(".md") and "/" not in source):
            return False
        pattern = re.compile(
            re.escape(source).replace(r"\*", "[^/]*").replace(r"\?", "[^/]") + "(/.*)?"
        )
        return any(pattern.fullmatch(file) for file in self.setting.files)

    def _target(self, target: str) -> str:
        path = posixpath.join(self.folder, expand(target, self.known))
        return posixpath.normpath(path)

    def _cp(self, sources: list[str], target: str, where: str, owner: str, mode: str) -> str:
        """Return the lines that copy files as Docker does."""
        into = quoted(where)
        lines, paths = [], []
        for source in sources:
            is_folder = source not in self.setting.files and not re.search(r"[*?]", source)
            path = f'"$repository"/{quoted(source)}' if source != "." else '"$repository"'
            if owner:
                lines.append(f"chown -R {quoted(owner)} {path}")
            if mode:
                lines.append(f"chmod -R {quoted(mode)} {path}")
            paths.append(path + ("/." if is_folder else ""))
        keep = "p" if lines else ""
        if len(sources) == 1 and sources[0] in self.setting.files and not target.endswith("/"):
            lines.append(f"mkdir -p {quoted(posixpath.dirname(where))}")
            lines.append(f"cp {'-p ' if keep else ''}{paths[0]} {into}")
        else:
            lines.append(f"mkdir -p {into}\ncp -r{keep} {' '.join(paths)} {into}")
        return "\n".join(lines)

    def _is_user(self, name: str) -> bool:
        family = self.setting.family
        user = expand(name, self.known).strip("\"'").partition(":")[0]
        return user in (str(family.uid), family.user)

    def _remember(self, found: list[tuple[str, str]]) -> None:
        values = {name: expand(value.strip("\"'"), self.known) for name, value in found}
        self.known |= values

    def _finish(self, decisions: list[Decision]) -> tuple[list[Decision], dict[str, str]]:
        """Write the scripts, and say of what only matters to steps whether any step had it."""
        used = {name: script.used() for name, script in self.scripts.items()}
        texts = {name: self._text(name, parts) for name, parts in used.items() if parts}
        if self.start or self.entrypoint:
            head = "#!/bin/bash\n# What the old Dockerfile did before every server. The numbers are its lines."
            end = (self.entrypoint or "exec ") + '"$@"'
            texts["start"] = "\n".join([head, *self.start, end]) + "\n"
        final = []
        for decision in decisions:
            instruction, what, why = decision.instruction, decision.what, decision.why
            into = [n for n, parts in used.items() if any(p[1] is instruction for p in parts)]
            if what == CARRIED and instruction.name == "ARG":
                needed = any(
                    d.what == LEFT and mentions(d.instruction.source, name)
                    for d in decisions
                    for name in [instruction.arguments.partition("=")[0]]
                )
                if into:
                    why = " and ".join(into)
                elif needed:
                    what, why = LEFT, "a step that is left for you uses it; take it along"
                else:
                    what, why = REPLACED, "no step needs it any more"
            elif what == CARRIED and instruction.name == "ENV" and self.start:
                why = " and ".join(["start", *into])
            final.append(Decision(instruction, what, why, _recommends(instruction, what)))
        return final, texts

    def _text(self, name: str, parts: list[tuple[bool, Instruction, str]]) -> str:
        head = [
            "#!/bin/bash",
            "# Steps of the old Dockerfile. The numbers are its lines.",
            "set -e",
        ]
        if self.pipefail:
            head[-1] = "set -eo pipefail"
        if any("$repository" in text for _, _, text in parts):
            head.append("repository=$PWD")
        lines = []
        for step, instruction, text in parts:
            lines.append((place(instruction) if step else "") + text)
        return "\n".join(head) + "\n\n" + "\n\n".join(lines) + "\n"


def _recommends(instruction: Instruction, what: str) -> str:
    """Say what is lost where apt.txt was installed together with what its packages recommend."""
    source = instruction.source
    if what != REPLACED or "apt.txt" not in source or instruction.name != "RUN":
        return ""
    if re.search(r"--no-install-recommends|Install-Recommends", source):
        return ""
    return (
        "it installed apt.txt with what its packages recommend, often more than they are, and the new Dockerfile installs "
        "them alone; to keep the others, write `apt-get update && apt-get install --yes` and the names into preBuild "
        "instead, or see with --compare what you miss"
    )


# Why a step that does this is left.
USES_LEFT = {
    "unread": "it is no bash that can be read; see what it does, and put that into preBuild (root) or postBuild (user)",
    "own": "it installs into an environment `{}` that no kernel of the new image sees, and what a list says goes into that of "
    "the notebooks; add the packages to the list, or make the environment and its kernel in postBuild",
    "foreign": "`{}` is not the Python of the notebooks, so no kernel sees what it installs; add the packages to the list",
    "list": "it installs a list, which the new Dockerfile does, and does more in the same step; put the rest into preBuild "
    "(root) or postBuild (user)",
}
USES_LEFT["elsewhere"] = USES_LEFT["own"]
OTHERS = {
    "HEALTHCHECK": "a hub looks after its servers itself; forget it, or say what it was for",
    "VOLUME": "a hub mounts its own volumes; forget it, or say what it was for",
    "STOPSIGNAL": "signals reach the server as they are; forget it, or say what it was for",
    "ONBUILD": "nothing is built on this image any more; do it in postBuild if you need it",
}


# Where an instruction stands: before all stages, or in those that the image is made of. Others have their reason.
BEFORE, IMAGE = "before", "image"


def roles(instructions: list[Instruction]) -> list[str]:
    """Say of each instruction where it stands: BEFORE, IMAGE, or why its stage is left.

    Stages that build on one another are one image.
    """
    stages: list[tuple[str, str]] = []  # what it builds on, and its name
    of = []  # the stage of each instruction
    for instruction in instructions:
        if instruction.name == "FROM":
            words = [word.lower() for word in stage(instruction)]
            stages.append((words[0], words[2] if len(words) == 3 else str(len(stages))))
        of.append(len(stages) - 1)
    chain, at = [], len(stages) - 1
    while at >= 0:
        chain.append(at)
        at = max((n for n in range(at) if stages[n][1] == stages[at][0]), default=-1)
    taken = " ".join(i.arguments for i in instructions).lower()
    found = []
    for n in of:
        if n < 0:
            found.append(IMAGE if not stages else BEFORE)
        elif n in chain:
            found.append(IMAGE)
        elif re.search(rf"from={re.escape(stages[n][1])}\b", taken):
            found.append(
                f"it belongs to `{stages[n][1]}`, another stage, from which files are taken; do that in preBuild or "
                "postBuild, or install it from a package"
            )
        else:
            found.append(f"it belongs to `{stages[n][1]}`, a stage that nothing uses; forget it")
    return found


def in_json(text: str) -> list[str] | None:
    """Return the words of an instruction that is written in JSON; None where it is not."""
    try:
        words = json.loads(text)
    except (ValueError, RecursionError):
        return None
    is_form = isinstance(words, list) and all(isinstance(word, str) for word in words)
    return words if is_form else None


def flags(instruction: Instruction) -> list[str]:
    """Return the options that stand before what an instruction does."""
    found = []
    for word in instruction.arguments.split():
        if not word.startswith("--"):
            break
        found.append(word)
    return found


def command(instruction: Instruction) -> str:
    """Return what a RUN gives to the shell, without options; one in JSON as a shell writes it."""
    source = re.sub(r"^(--\S+[\s\\]*)+", "", instruction.source)
    words = in_json(re.sub(r"^(--\S+\s+)+", "", instruction.arguments))
    return shlex.join(words) if words else source


def body(source: str) -> str:
    """Return a here-document's text where that is all of a RUN, otherwise the RUN."""
    match = re.match(r"<<-?\s*['\"]?([^\s'\"]+)['\"]?[ \t]*\n", source)
    return source[match.end() :].rpartition(match[1])[0] if match else source


def _made(script: str) -> Iterator[str]:
    """Yield names that a script gives to what it makes: files, folders and environments, as far as its words tell."""
    for found in shell.read(script).commands:
        words = [word for word in found.words if word != "sudo"]
        program = posixpath.basename(words[0]) if words else ""
        plain = [word for word in words[1:] if not word.startswith("-")]
        names = [target for _, target in found.writes]
        names += [
            after
            for word, after in pairwise(words)
            if re.fullmatch(r"-[oO]|--output(-document)?", word)
        ]
        if program in ("wget", "curl"):
            names += [word.partition("?")[0] for word in plain if "://" in word]
        elif program in ("cp", "mv", "ln", "install"):
            names += plain[-1:]
        elif program in ("mkdir", "touch", "tee"):
            names += plain
        elif program in CONDA and "create" in words:
            names += [
                f"envs/{after}" for word, after in pairwise(words) if word in ("-n", "--name")
            ]
            names += [after for word, after in pairwise(words) if word in ("-p", "--prefix")]
        for name in names:
            name = name.partition("://")[2] and posixpath.basename(name) or name.rstrip("/")
            if re.search(r"[./]", name) and not re.fullmatch(
                r"[./*?$-]*|/(dev/null|tmp|opt|etc|srv|usr/local/bin)", name
            ):
                yield name


def as_one_step(source: str) -> str:
    """Return a RUN as lines of a script that stops where the RUN failed, and only there."""
    text = body(source)
    if text is not source and text.startswith("#!"):
        raise Left("it is a script of its own; save it as a file and run it from postBuild")
    firsts = [command.words[:1] for command in shell.read(text).commands]
    simple = len(firsts) == 1 and not re.search(r"[;&|()`]|<<", text)
    if simple and firsts[0] not in [(name,) for name in ("cd", "export", "set", "exit", "exec")]:
        return text.strip("\n")
    several = ";" in text or re.search(r"[^\\]\n", text.strip("\n"))
    relaxed = "set +e\n" if several else ""  # as in a RUN, where only the last command counts
    return f"(\n{relaxed}{text.strip(chr(10))}\n)"


def mentions(source: str, name: str) -> bool:
    """Tell whether a script names a file, a folder or a variable."""
    return bool(re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", source))


def under(path: str, folder: str) -> bool:
    """Tell whether a path is a folder or in it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def quoted(path: str) -> str:
    """Return a path for a shell, with its wildcards alive."""
    return path if re.fullmatch(r"[\w./*?@%+=:,-]*", path) else shlex.quote(path)


def place(instruction: Instruction) -> str:
    """Return the comment above a step: where it comes from, and what its author said of it."""
    said = f"{instruction.comment}\n" if instruction.comment else ""
    return f"{said}# line {instruction.line}\n"
