"""The package lists of a repository, read as their own ecosystems read them.

- environment.yml, environment.yaml: PyYAML, and py-rattler for each match spec.
- requirements.txt and the `pip:` section: packaging for each requirement. The lines are put
  together here, because pip's own reader is not a public interface.
- apt.txt: names after the Debian Policy; APT's parser is not on PyPI.
- install.R: strings, comments and brackets; R's parser comes only with R.
- Project.toml: Python's TOML parser and the rules of Julia's Pkg.
- vscode-extensions.txt: identifiers as VS Code writes them.

Every parser takes any text and never raises: what it cannot read is a `Problem`.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from hub_image.repository import files


@dataclass(frozen=True)
class Package:
    """One entry of a list. `admits` tells whether the entry allows a version, given as text."""

    manager: str  # conda, pip, apt, vscode, or r of what install.R may ask for
    name: str
    text: str
    line: int
    marker: str = ""  # of a pip requirement, as in `python_version < "3.12"`
    admits: Callable[[str], bool] = field(default=lambda version: True, compare=False)

    def admits_any(self, good: Callable[[str], bool]) -> bool:
        """Tell whether the entry allows at least one version that `good` accepts.

        There is no list of versions here, so it tries a grid of plausible ones and the
        versions next to those that the entry names.
        """
        return any(self.admits(version) and good(version) for version in candidates(self.text))


@dataclass(frozen=True)
class Problem:
    """Something that the manager of a list would refuse or ignore."""

    manager: str  # conda, pip, apt, r, julia or vscode
    line: int
    message: str
    severity: str = "error"


@dataclass(frozen=True)
class Channel:
    """A conda channel of an environment.yml."""

    name: str
    line: int


@dataclass(frozen=True)
class PackageList:
    """What a list says; `channels` only of a conda list.

    install.R is a program, so nobody knows its packages before it runs: `strings` are what may be their names.
    """

    packages: tuple[Package, ...] = ()
    problems: tuple[Problem, ...] = ()
    channels: tuple[Channel, ...] = ()
    strings: tuple[Package, ...] = ()


def candidates(text: str) -> Iterator[str]:
    """Yield versions with which to try a pin: a grid, and those close to the ones it names."""
    for named in re.findall(r"\d+(?:\.\d+)*", text):
        yield named
        yield f"{named}.1"
    for major in range(100):
        for minor in range(10):
            yield f"{major}.{minor}.0"


# conda -----------------------------------------------------------------------------------------

# https://docs.conda.io/projects/conda/en/stable/user-guide/tasks/manage-environments.html
# and the keys that conda-lock and mamba add.
CONDA_KEYS = {"name", "channels", "dependencies", "variables", "prefix", "platforms", "category"}
BUILD = re.compile(r"[\w.+*^$|()\[\]=-]*")


@lru_cache
def conda(text: str) -> PackageList:
    """Read an environment.yml; its `pip:` section is part of the result."""
    import yaml

    from hub_image.syntax.yaml import NotYaml, compose

    packages: list[Package] = []
    problems: list[Problem] = []
    channels: list[Channel] = []

    def problem(node: yaml.Node, message: str, severity: str = "error") -> None:
        problems.append(Problem("conda", node.start_mark.line + 1, message, severity))

    try:
        root = compose(text)
    except NotYaml as error:
        return _unreadable("conda", error.line, f"{error}; compare with the lines around it")

    if root is None:  # only comments: an empty list
        return PackageList()
    if not isinstance(root, yaml.MappingNode):
        return _unreadable(
            "conda", 1, "this is no conda list; start with `channels:` and `dependencies:`"
        )

    sections: dict[str, yaml.Node] = {}
    for key, value in root.value:
        name = key.value if isinstance(key, yaml.ScalarNode) else ""
        if name in sections:
            problem(key, f"`{name}:` is here a second time and replaces the first; make them one")
        elif name not in CONDA_KEYS:
            problem(key, f"conda knows no `{name}:` and ignores it; is it misspelt?", "warning")
        sections[name] = value
    if "dependencies" not in sections:
        problem(root, "there is no `dependencies:`, so nothing is installed; add it")

    for item in _items(sections.get("channels")):
        if isinstance(item, yaml.ScalarNode) and item.tag.endswith(":str"):
            channels.append(Channel(item.value, item.start_mark.line + 1))
        else:
            problem(item, "this is no channel; write a name such as `- conda-forge`")

    for item in _items(sections.get("dependencies")):
        if isinstance(item, yaml.MappingNode):
            for key, value in item.value:
                if getattr(key, "value", None) != "pip":
                    said = text[key.start_mark.index : value.end_mark.index].strip()
                    problem(key, f"conda cannot read `{said}`; write a version as in `numpy=2.3`")
                    continue
                for requirement in _items(value):
                    if isinstance(requirement, yaml.ScalarNode) and requirement.value:
                        line = requirement.start_mark.line + 1
                        found = pip(requirement.value, line)
                        packages += found.packages
                        problems += found.problems
                    else:
                        problem(requirement, "pip cannot read this; write one requirement, as text")
        elif not isinstance(item, yaml.ScalarNode) or not item.tag.endswith(":str"):
            problem(item, "this is no package; write `- name` or `- name=version`")
        else:
            try:
                packages.append(match_spec(item.value, item.start_mark.line + 1))
            except ValueError as error:
                problem(item, str(error))
    return PackageList(tuple(packages), tuple(problems), tuple(channels))


def match_spec(text: str, line: int = 1) -> Package:
    """Return one conda match spec as a Package; raise ValueError with a sentence if it is none."""
    from rattler import MatchSpec, Version, VersionSpec
    from rattler.exceptions import InvalidMatchSpecError, InvalidVersionError

    if " - " in text:
        raise ValueError(f"`{text}` is two entries in one; begin their lines with the same indent")
    try:
        spec = MatchSpec(text)
    except InvalidMatchSpecError as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise ValueError(
            f"conda cannot read `{text}`: {reason}; "
            "write it as `name`, `name=1.2` or `name>=1.2,<2`"
        ) from None
    if spec.build and not BUILD.fullmatch(str(spec.build)):
        raise ValueError(
            f"conda takes `{spec.build}` in `{text}` for a build that no package has; "
            "join conditions with a comma, as in `name>=1.2,<2`"
        )
    version_spec = VersionSpec(spec.version) if spec.version else None

    def admits(version: str) -> bool:
        try:
            return version_spec is None or version_spec.matches(Version(version))
        except InvalidVersionError:
            return False

    return Package("conda", spec.name.normalized, text, line, admits=admits)


def _items(node: object) -> list[Any]:
    """Return the items of a YAML list; anything else counts as a list of itself."""
    import yaml

    if node is None or (isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")):
        return []
    return node.value if isinstance(node, yaml.SequenceNode) else [node]


def _unreadable(manager: str, line: int, message: str) -> PackageList:
    return PackageList(problems=(Problem(manager, line, message),))


# pip -------------------------------------------------------------------------------------------

# https://pip.pypa.io/en/stable/reference/requirements-file-format/
COMMENT = re.compile(r"(^|\s+)#.*$")
URL = re.compile(r"([a-z]+\+)?(https?|file|ftp|ssh|git|hg|svn|bzr|lp|sftp)[:+]", re.IGNORECASE)
ARCHIVE = re.compile(
    r"\.(whl|zip|tar|tgz|tbz|txz|tar\.(gz|bz2|xz|lz|lzma))(\[.*\])?\s*(;.*)?$", re.I
)


@lru_cache
def pip(text: str, first_line: int = 1) -> PackageList:
    """Read a requirements.txt, or one line of a conda list's `pip:` section."""
    packages: list[Package] = []
    problems: list[Problem] = []
    for line, requirement in _logical_lines(text, first_line):
        if not requirement or (requirement.startswith("-") and not requirement.startswith("-e")):
            continue  # an option of pip's, such as `-r more.txt` or `--extra-index-url ...`
        try:
            packages.append(_requirement(requirement, line))
        except ValueError as error:
            problems.append(Problem("pip", line, str(error)))
    return PackageList(tuple(packages), tuple(problems))


def _logical_lines(text: str, first_line: int) -> Iterator[tuple[int, str]]:
    """Join continued lines and remove comments, as pip does."""
    joined, start = "", first_line
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), first_line):
        if line.endswith("\\") and not COMMENT.match(line):
            joined += line[:-1]
            continue
        if COMMENT.match(line):
            line = " " + line  # so that the comment ends what was joined before it
        yield start, COMMENT.sub("", joined + line).strip()
        joined, start = "", number + 1
    if joined:
        yield start, COMMENT.sub("", joined).strip()


def _requirement(text: str, line: int) -> Package:
    """Return one requirement as a Package; raise ValueError with a sentence if it is none."""
    from packaging.markers import InvalidMarker, Marker
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    # Options of one requirement follow it: `name --hash=sha256:...`
    said = (
        re.split(r"\s+--?[a-z]", text, maxsplit=1)[0].strip() if not text.startswith("-") else text
    )
    editable = re.match(r"(-e|--editable)[\s=]*(.*)", said)
    said = editable[2] if editable else said
    if editable or ("@" not in said.split("://")[0] and (URL.match(said) or _is_path(said))):
        egg = re.search(r"#(?:.*&)?egg=([A-Za-z0-9._-]+)", said)
        return Package("pip", canonicalize_name(egg[1]) if egg else "", text, line)
    if "${" in said:  # an environment variable: known only where pip runs
        return Package("pip", "", text, line)
    try:
        # pip splits before it parses, so that it takes a `;` right after an address
        wanted, _, condition = said.partition(";")
        requirement = Requirement(wanted.strip())
        marker = str(Marker(condition.strip())) if condition.strip() else ""
    except (InvalidRequirement, InvalidMarker) as error:
        raise ValueError(
            f"pip cannot read `{said}`: {str(error).splitlines()[0].rstrip('.')}; "
            "write it as `name`, `name==1.2` or `name>=1.2,<2`"
        ) from None
    return Package(
        "pip",
        canonicalize_name(requirement.name),
        text,
        line,
        marker,
        partial(requirement.specifier.contains, prereleases=True),
    )


def _is_path(text: str) -> bool:
    return (
        text.startswith((".", "/"))
        or ("/" in text and "@" not in text)
        or bool(ARCHIVE.search(text))
    )


# apt -------------------------------------------------------------------------------------------

# https://www.debian.org/doc/debian-policy/ch-controlfields.html#source, then apt-get(8):
# an architecture, a version or a release may follow the name.
APT_NAME = re.compile(
    r"([a-z0-9][a-z0-9+.-]+)(:(?:any|all|native|amd64|arm64|armhf|i386|ppc64el|riscv64|s390x))?"
    r"(?:=[0-9][\w.+:~-]*\*?|/[a-z][\w.-]*)?"
)


@lru_cache
def apt(text: str) -> PackageList:
    """Read an apt.txt: names with white space between them, comments from `#` on."""
    packages: list[Package] = []
    problems: list[Problem] = []
    for number, line in enumerate(text.split("\n"), 1):
        words = line.partition("#")[0].split()
        if words and words[0] in ("sudo", "apt", "apt-get") and "install" in words[1:3]:
            problems.append(
                Problem("apt", number, "this is a command; write only the names of the packages")
            )
            continue
        for word in words:
            match = APT_NAME.fullmatch(word)
            if match:
                packages.append(Package("apt", match[1] + (match[2] or ""), word, number))
            else:
                problems.append(
                    Problem(
                        "apt",
                        number,
                        f"`{word}` is no name of a Debian package; "
                        "write lower-case names, one a line, and comments after `#`",
                    )
                )
    return PackageList(tuple(packages), tuple(problems))


# R ---------------------------------------------------------------------------------------------

R_TOKEN = re.compile(
    r"""(?P<comment>\#[^\n]*)
    | [rR](?P<quote>["'])(?P<dashes>-*)(?P<open>[(\[{])     # the start of a raw string
    | (?P<string>"(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*' | `(?:\\.|[^`\\])*`)
    | (?P<operator>%[^%\n]*%)
    | (?P<unclosed>["'`])
    | (?P<opening>(?:\bc\s*)?[(\[{])
    | (?P<closing>[)\]}])
    | (?P<comma>,)
    | (?P<other>[^\s])
    | (?P<space>\s+)""",
    re.VERBOSE | re.DOTALL,
)
R_PAIRS = {"(": ")", "[": "]", "{": "}"}
# What only uses a package that is there already.
R_USE = re.compile(
    r"\b(library|require|requireNamespace|loadNamespace|packageVersion|find\.package|system\.file)"
    r"\s*\(\s*(package\s*=\s*)?$"
)


@lru_cache
def r(text: str) -> PackageList:
    """Read an install.R: what R would refuse (open strings, brackets, `c("a", )`, `c("a" "b")`), and its strings."""
    strings: list[Package] = []
    open_brackets: list[tuple[str, int, bool]] = []  # (bracket, offset, whether it is `c(`)
    comma = -1  # offset of a comma that nothing has followed yet
    before: str | None = None  # the kind of the token before this one
    position = 0

    def problem(offset: int, message: str) -> PackageList:
        return _unreadable("r", text.count("\n", 0, offset) + 1, message)

    while position < len(text):
        match = R_TOKEN.match(text, position)
        assert match  # `other` and `space` take any character
        kind, offset, position = match.lastgroup, match.start(), match.end()
        if kind == "open":  # `lastgroup` of a raw string
            end = R_PAIRS[match["open"]] + match["dashes"] + match["quote"]
            position = text.find(end, position)
            if position < 0:
                return problem(offset, f"this string never ends; close it with `{end}`")
            position += len(end)
        elif kind == "unclosed":
            return problem(offset, f"this string never ends; close it with `{match[0]}`")
        elif kind == "opening":
            bracket = match[0][-1]
            open_brackets.append((bracket, match.end() - 1, match[0] != bracket))
        elif kind == "closing":
            if not open_brackets:
                return problem(offset, f"`{match[0]}` closes nothing; remove it")
            bracket, opened, vector = open_brackets.pop()
            if R_PAIRS[bracket] != match[0]:
                line = text.count("\n", 0, opened) + 1
                return problem(
                    offset,
                    f"`{match[0]}` cannot close the `{bracket}` of line {line}; balance them",
                )
            if vector and comma >= 0:
                return problem(
                    comma, "R stops at a comma with nothing after it in `c()`; remove it"
                )
        if kind == before == "string" and [b[0] for b in open_brackets[-1:]] in (["("], ["["]):
            return problem(offset, f"there is no comma before {match[0]}; add it to the line above")
        if kind == "string" and not R_USE.search(text[max(0, offset - 100) : offset]):
            line = text.count("\n", 0, offset) + 1
            strings.append(Package("r", match[0][1:-1], match[0], line))
        if kind not in ("comment", "space"):
            before, comma = kind, offset if kind == "comma" else -1
    if open_brackets:
        bracket, opened, _ = open_brackets[-1]
        return problem(opened, f"this `{bracket}` is never closed; add `{R_PAIRS[bracket]}`")
    return PackageList(strings=tuple(strings))


# Julia -----------------------------------------------------------------------------------------


@lru_cache
def julia(text: str) -> PackageList:
    """Read a Project.toml as Julia's Pkg does: https://pkgdocs.julialang.org/v1/toml-files/"""
    from uuid import UUID

    try:
        import tomllib
    except ModuleNotFoundError:  # Python 3.10
        import tomli as tomllib  # type: ignore[import-not-found, no-redef]

    problems: list[Problem] = []

    def problem(key: str, message: str) -> None:
        match = re.search(rf"(?m)^\s*\[?[\"']?{re.escape(key)}\b", text)
        line = text.count("\n", 0, match.end()) + 1 if match else 1
        problems.append(Problem("julia", line, message))

    try:
        project = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        place = re.search(r"line (\d+)", str(error))
        reason = re.sub(r" \(at .*\)", "", str(error))
        line = int(place[1]) if place else max(1, len(text.splitlines()))
        return _unreadable("julia", line, f'this is not TOML: {reason}; write `Name = "uuid"`')

    tables = {}
    for table in ("deps", "weakdeps", "extras", "compat"):
        tables[table] = project.get(table, {})
        if not isinstance(tables[table], dict):
            problem(table, f"`{table}` must be a table; write `[{table}]` on a line of its own")
            tables[table] = {}
    for table in ("deps", "weakdeps", "extras"):
        for name, uuid in tables[table].items():
            try:
                UUID(uuid)
            except (ValueError, AttributeError, TypeError):
                problem(
                    name,
                    f"`{name}` needs the package's UUID, not `{uuid}`; add it in Julia with "
                    f'`Pkg.activate("."); Pkg.add("{name}")`',
                )
    for name, versions in tables["compat"].items():
        if name != "julia" and not any(name in tables[t] for t in ("deps", "weakdeps", "extras")):
            problem(
                "compat",
                f"`{name}` has a `[compat]` entry but is not in `[deps]`; add or remove it",
            )
        if not isinstance(versions, str):
            problem(name, f'the versions of `{name}` must be text, as in `{name} = "1.2"`')
    return PackageList(problems=tuple(problems))


# VS Code ---------------------------------------------------------------------------------------

# https://code.visualstudio.com/docs/configure/extensions/extension-marketplace#_extension-identifiers
EXTENSION = re.compile(
    r"([a-z0-9][a-z0-9-]*\.[a-z0-9][\w.-]*)(?:@\d+\.\d+\.\d+[\w.-]*)?", re.IGNORECASE
)


@lru_cache
def vscode(text: str) -> PackageList:
    """Read a vscode-extensions.txt: identifiers with white space between them, comments from `#` on."""
    packages: list[Package] = []
    problems: list[Problem] = []
    for number, line in enumerate(text.split("\n"), 1):
        for word in line.partition("#")[0].split():
            if match := EXTENSION.fullmatch(word):
                packages.append(Package("vscode", match[1].lower(), word, number))
            else:
                message = f"`{word}` is no extension; write publisher.name, as in ms-python.python"
                problems.append(Problem("vscode", number, message))
    return PackageList(tuple(packages), tuple(problems))


# All lists of a repository ---------------------------------------------------------------------

PARSERS: dict[str, Callable[[str], PackageList]] = {
    "environment.yml": conda,
    "environment.yaml": conda,
    "requirements.txt": pip,
    "apt.txt": apt,
    "install.R": r,
    "Project.toml": julia,
    "vscode-extensions.txt": vscode,
}


def read(repository: Path) -> Iterator[tuple[str, PackageList]]:
    """Yield (file name, what it says) for each package list at the root of a repository."""
    for name, parse in PARSERS.items():
        path = repository / name
        if path.is_file():
            yield name, parse(files.read(path))


def problems(repository: Path, manager: str) -> Iterator[tuple[str, Problem]]:
    """Yield (file name, problem) for what one manager would refuse in the lists of a repository."""
    for name, package_list in read(repository):
        for problem in package_list.problems:
            if problem.manager == manager:
                yield name, problem
