"""What becomes of each instruction of an old Dockerfile.

An instruction is carried over into a script, or replaced by what the new Dockerfile does anyway, or
left for its owner to decide. It is carried over only where the script does the same at another time:

- preBuild runs as root before the packages, and sees no file of the repository,
- postBuild runs as the user after the packages, in the repository,
- start runs before each server.

Everything is tried by the build that follows: a step that was wrongly taken for certain stops it.
"""

import json
import posixpath
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass

from hub_image.adopt.commands import Commands, Setting, Use, expand, variables
from hub_image.syntax import shell
from hub_image.syntax.dockerfile import Instruction, parse

CARRIED, REPLACED, LEFT = "carried", "replaced", "left"


@dataclass(frozen=True)
class Decision:
    """What becomes of an instruction: `what` is carried, replaced or left; `why` says more."""

    instruction: Instruction
    what: str
    why: str


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
        if not value or "=" in name or not re.fullmatch(r"[^\"'\\`$!]*", value):
            raise Left(
                "it may mean something else to a shell; write it into `start`, or where it is used"
            )
        return [(name, shlex.quote(value.strip()))]
    if not all(VALUE.fullmatch(match[2]) for match in found):
        raise Left(
            "it may mean something else to a shell; write it into `start`, or where it is used"
        )
    return [(match[1], match[2]) for match in found]


# Instructions -------------------------------------------------------------------------------------

USUAL_STARTS = {"jupyter", "jupyter-lab", "jupyterhub-singleuser", "start.sh", "start-notebook.sh"}
USUAL_STARTS |= {"start-notebook.py", "start-singleuser.sh", "start-singleuser.py", "tini", "init"}
USUAL_STARTS |= {"repo2docker-entrypoint", "start", "start-notebook"}


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
        self.scripts = {"preBuild": Script("/tmp"), "postBuild": Script("")}
        self.start: list[str] = []
        self.gone: dict[str, str] = {}  # name: why what it names is not there any more
        self.late: set[str] = set()  # names that exist only from postBuild on
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
            "ENTRYPOINT": self._cmd,
        }

    def all(self, instructions: list[Instruction]) -> tuple[list[Decision], dict[str, str]]:
        """Decide on all instructions; return the decisions and the scripts."""
        froms = [n for n, i in enumerate(instructions) if i.name == "FROM"]
        first, final = (froms[0], froms[-1]) if froms else (0, 0)
        stages = {
            words[2].lower() for words in (stage(instructions[n]) for n in froms) if len(words) == 3
        }
        builds_on_stage = bool(froms) and stage(instructions[final])[0].lower() in stages
        last_list = max(
            (
                n
                for n, i in enumerate(instructions)
                if n > final
                and i.name == "RUN"
                and "list" in self._kinds(i)
                and "apt.txt" not in i.source
            ),
            default=-1,
        )
        decisions = []
        folders = [n for n, i in enumerate(instructions) if i.name == "WORKDIR"]
        for n, instruction in enumerate(instructions):
            self.lists_to_come = n < last_list
            self.is_last_folder = folders[-1:] == [n]
            try:
                if instruction.name == "FROM" and n == final and not builds_on_stage:
                    decision = REPLACED, "the answers name the image to build on"
                elif n < first and instruction.name == "ARG":
                    self.defaults |= dict([instruction.arguments.partition("=")[::2]])
                    decision = REPLACED, "the answers name the image to build on"
                elif n < final or builds_on_stage:
                    raise Left(
                        "this Dockerfile has several stages and the new one has one; "
                        "do this in preBuild or postBuild, or install it from a package"
                    )
                elif not self.setting.family_name:
                    raise Left(
                        "it was made for another base image; see whether you still need it, "
                        "and do it in preBuild (root) or postBuild (user)"
                    )
                elif instruction.name in OTHERS:
                    raise Left(OTHERS[instruction.name])
                else:
                    decide = self.methods.get(instruction.name, self._unknown)
                    decision = decide(instruction)
            except Left as reason:
                decision = LEFT, str(reason)
            decisions.append(Decision(instruction, *decision))
        return self._finish(decisions)

    # One method for each instruction. Each returns (CARRIED or REPLACED, where or why), or raises Left.

    def _unknown(self, instruction: Instruction) -> tuple[str, str]:
        raise Left("Docker does not know this instruction; see what it was meant to do")

    def _run(self, instruction: Instruction) -> tuple[str, str]:
        source = command(instruction)
        kinds = self._kinds(instruction)
        uses = list(self._commands().uses(body(source)))
        elsewhere = [use.name for use in uses if use.kind in ("elsewhere", "list") and use.name]
        began = self.began
        self.began = began or "apt.txt" not in source
        if kinds == {"clean"}:
            self.began = began
            return REPLACED, "the new Dockerfile cleans up after itself"
        if kinds and kinds <= {"clean", "list"}:
            if elsewhere:
                return REPLACED, (
                    f"the new Dockerfile installs the list, and not into `{elsewhere[0]}`, which no "
                    f"kernel sees, but into {self.setting.family.prefix}"
                )
            return REPLACED, "the new Dockerfile installs the list"
        if self.shell:
            raise Left(self.shell)
        if flags(instruction):
            raise Left("a script has no such mounts; do it in preBuild or postBuild without them")
        for use in uses:
            if use.kind == "unread":
                raise Left(
                    "it is no bash that can be read; see what it does, and put that into preBuild "
                    "(root) or postBuild (user)"
                )
            if use.kind in ("own", "elsewhere"):
                raise Left(
                    f"it installs into an environment `{use.name or 'of its own'}` that no kernel of the "
                    "new image sees; add the packages to the list, or make the environment and its "
                    "kernel in postBuild"
                )
            if use.kind == "foreign":
                raise Left(
                    f"`{use.name}` is not the Python of the notebooks, so no kernel sees what it "
                    "installs; add the packages to the list"
                )
        if "list" in kinds:
            raise Left(
                "it installs a list, which the new Dockerfile does, and does more in the same step; "
                "put the rest into preBuild (root) or postBuild (user)"
            )
        self._needs_nothing_gone(source)
        if self.user == "user" or (
            {"install"} <= kinds <= {"install", "clean"} and self._permissive(uses)
        ):
            if self.lists_to_come:
                raise Left(
                    "it ran before the packages of the list, and postBuild runs after them; "
                    "put it there if that is the same to you"
                )
            return self._step("postBuild", instruction, source)
        if self.user == "root":
            if kinds & {"install"}:
                raise Left(
                    "it installs Python packages as root; add them to the list, or install them in "
                    "postBuild, which runs as the user"
                )
            late = next((name for name in self.late if mentions(source, name)), None)
            if late:
                raise Left(
                    f"it uses {late} as root, and preBuild sees no file of the repository; put it there"
                )
            if re.search(r"~/|\$\{?HOME\b|/home/", source):
                raise Left(
                    "it writes into the home, which a hub hides behind each user's own files; "
                    "do it in `start`, or install elsewhere"
                )
            if began and not (kinds and kinds <= {"apt", "clean"}):
                raise Left(
                    "it ran as root after other steps, and preBuild runs before them; put it there if "
                    "it does not need them"
                )
            self.began = began
            return self._step("preBuild", instruction, source)
        raise Left("it ran as another user; put it into preBuild (root) or postBuild (user)")

    def _copy(self, instruction: Instruction) -> tuple[str, str]:
        words = instruction.arguments
        given = flags(instruction)
        if "<<" in words:
            raise Left("it writes a file from the Dockerfile; write it in preBuild, with `cat`")
        try:
            paths = in_json(words) or shlex.split(words)
        except ValueError:
            paths = []
        paths = [path for path in paths if not path.startswith("--")]
        if len(paths) < 2:
            raise Left("it has no source or no target; see what it was meant to do")
        *sources, target = paths
        named = [posixpath.basename(source.rstrip("/")) for source in sources]
        if any(flag.startswith("--from") for flag in given):
            self._lose(named, target)
            raise Left(
                "it takes files from another image or stage; install them from a package, or "
                "download them in preBuild"
            )
        sources = [self._source(source) for source in sources]
        if all(source in self.setting.reads or source == "image-tests" for source in sources):
            self._lose(named, target)
            return REPLACED, "the new Dockerfile reads it from the root of the repository"
        where = self._target(target)
        try:
            owner = next((f.partition("=")[2] for f in given if f.startswith("--chown")), "")
            if any(not flag.startswith(("--chown", "--link")) for flag in given) or (
                owner and not self._is_user(owner)
            ):
                raise Left("owner or mode differ from what postBuild makes; copy it there yourself")
            if any(source in (".", "") for source in sources):
                raise Left(
                    "the image has no copy of the repository, because a hub hides the home; bring it to "
                    "people with nbgitpuller, and what the image needs in postBuild"
                )
            missing = [s for s in sources if not self._exists(s)]
            if missing:
                raise Left(
                    f"{missing[0]} is not in the repository, or not for builds; see what it was"
                )
            if under(where, self.setting.family.home):
                raise Left(
                    "a hub hides the home behind each user's own files; copy it elsewhere in postBuild, "
                    "or into the home in `start`"
                )
            if not under(where, self.setting.family.prefix) and not under(where, "/tmp"):
                raise Left(
                    "only root may write there, and preBuild sees no file of the repository; write the "
                    "file in preBuild, or copy it into the environment in postBuild"
                )
            self._free("postBuild")
        except Left:
            self._lose(named, target)
            raise
        self.began = True
        self.late |= {where, *named}
        lines = [self._cp(sources, target, where)]
        self.scripts["postBuild"].add(instruction, "\n".join(lines))
        return CARRIED, "postBuild"

    def _add(self, instruction: Instruction) -> tuple[str, str]:
        words = instruction.arguments.split()
        if any(re.search(r"://|git@|\.(tar|tgz|gz|bz2|xz|zst)(\.|$)", word) for word in words):
            self._lose([posixpath.basename(word) for word in words[:-1]], words[-1])
            raise Left(
                "it downloads or unpacks, which a script can do; use `curl` or `tar` in preBuild or "
                "postBuild"
            )
        return self._copy(instruction)

    def _env(self, instruction: Instruction) -> tuple[str, str]:
        for name in re.findall(r"^\w+|(?<=\s)\w+(?==)", instruction.arguments):
            self.gone[name] = f"line {instruction.line}, which sets it, is left for you"
        found = assignments(instruction.arguments)
        names = {name for name, _ in found}
        if names == {"DEBIAN_FRONTEND"}:
            del self.gone["DEBIAN_FRONTEND"]
            return REPLACED, "the new Dockerfile sets it where APT runs"
        if reserved := sorted(names & RESERVED):
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
        words = in_json(instruction.arguments) or instruction.arguments.split()
        names = [posixpath.basename(word) for word in words if not word.startswith("-")]
        program = next((name for name in names if name not in ("tini", "exec")), "tini")
        if words and program in USUAL_STARTS:
            return REPLACED, "the new image starts JupyterLab, or what the hub asks for"
        raise Left("a hub starts its own server; do what must come before it in `start`")

    # What they share.

    def _commands(self) -> Commands:
        return Commands(self.setting, self.known)

    def _kinds(self, instruction: Instruction) -> set[str]:
        return {use.kind for use in self._commands().uses(body(command(instruction)))} - {"neutral"}

    def _permissive(self, uses: list[Use]) -> bool:
        """Tell whether installs by root may as well be done by the user, who owns the packages."""
        programs = {use.name for use in uses if use.kind == "clean"}
        return self.setting.family_name != "rocker" and "fix-permissions" not in programs

    def _needs_nothing_gone(self, source: str) -> None:
        for name, why in self.gone.items():
            if mentions(source, name):
                raise Left(f"it needs {name}, and {why}; do both in preBuild or postBuild")
        if self.setting.family_name == "rocker" and re.search(r"\becho\b[^\n]*\\[nt0]", source):
            raise Left("sh and bash print this differently; write it into preBuild with `printf`")

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

    def _lose(self, named: list[str], target: str) -> None:
        """Remember that what a COPY brought is not there for the steps that follow."""
        why = "that is not where it was"
        where = self._target(target)
        for name in {*named, where} - {"", ".", "/", "/tmp", "/tmp/", self.setting.family.home}:
            if not re.fullmatch(r"[*?.]*", name):
                self.gone[name] = why

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

    def _cp(self, sources: list[str], target: str, where: str) -> str:
        into = quoted(where)
        paths = []
        for source in sources:
            is_folder = source not in self.setting.files and not re.search(r"[*?]", source)
            paths.append(f'"$repository"/{quoted(source)}{"/." if is_folder else ""}')
        if len(sources) == 1 and sources[0] in self.setting.files and not target.endswith("/"):
            return f"mkdir -p {quoted(posixpath.dirname(where))}\ncp {paths[0]} {into}"
        return f"mkdir -p {into}\ncp -r {' '.join(paths)} {into}"

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
        if self.start:
            head = "#!/bin/bash\n# What the old Dockerfile set for every server. The numbers are its lines.\n"
            texts["start"] = head + "\n".join(self.start) + '\nexec "$@"\n'
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
            elif what == CARRIED and instruction.name == "ENV":
                why = " and ".join(["start", *into])
            final.append(Decision(instruction, what, why))
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


OTHERS = {
    "HEALTHCHECK": "a hub looks after its servers itself; forget it, or say what it was for",
    "VOLUME": "a hub mounts its own volumes; forget it, or say what it was for",
    "STOPSIGNAL": "signals reach the server as they are; forget it, or say what it was for",
    "ONBUILD": "nothing is built on this image any more; do it in postBuild if you need it",
}


def stage(instruction: Instruction) -> list[str]:
    """Return [image] or [image, AS, name] of a FROM."""
    words = [word for word in instruction.arguments.split() if not word.startswith("--")]
    return words or [""]


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
