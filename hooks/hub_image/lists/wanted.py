"""Packages that somebody wants in an image: which one is meant, whether it is there, and which list it goes into."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hub_image.lists import apt, conda, indexes, installed, packages, pip, vscode, wrong_names
from hub_image.lists.insert import insert
from hub_image.lists.lock import FOLDER
from hub_image.lists.model import Package
from hub_image.lists.names import identity
from hub_image.problem import Problem
from hub_image.repository import files, image_env
from hub_image.repository.image_env import Answers
from hub_image.syntax import toml

LISTS = {
    "apt": "apt.txt",
    "r": "install.R",
    "julia": "Project.toml",
    "vscode": "vscode-extensions.txt",
}
MANAGERS = ("conda", "pip", *LISTS)
PYTHON = "python"  # conda or pip, whichever has the package
FORMS = {
    "conda": "`name`, `name=1.2` or `name>=1.2,<2`",
    "pip": "`name`, `name==1.2` or `name>=1.2,<2`",
    "apt": "the lower-case name of a Debian package",
    "r": "a name of CRAN, without a version",
    "julia": "a name of Julia's General registry, without a version",
    "vscode": "publisher.name",
}
# What reads an entry of those lists whose entries are more than a name, and may be more than its name; and what is more.
READERS: dict[str, Callable[[str], Sequence[Package]]] = {
    "conda": lambda text: (conda.match_spec(text),),
    "pip": lambda text: pip.read(text).packages,
    "apt": lambda text: apt.read(text).packages,
    "vscode": lambda text: vscode.read(text).packages,
}
MORE = re.compile(r"[][=<>!~:]")
# https://cran.r-project.org/doc/manuals/r-release/R-exts.html#The-DESCRIPTION-file
R_NAME = re.compile(r"[A-Za-z][A-Za-z0-9.]*[A-Za-z0-9]", re.ASCII)
JULIA_NAME = re.compile(r"([A-Za-z]\w*?)(?:\.jl)?", re.ASCII)
# The name and the version in a lock: of the file in an address, and in a requirement.
LOCKED = re.compile(
    r"(?m)^(?:https?://\S*/([^/\s]+)-([^-/\s]+)-[^-/\s]+\.(?:conda|tar\.bz2)|([\w.-]+)==([^\s\\;]+))"
)


@dataclass(frozen=True)
class Entry:
    """A package for a list: who installs it, its name, and the entry as the list has it."""

    manager: str
    name: str
    text: str


@dataclass(frozen=True)
class There:
    """A package that a list has, by its place; or a lock or an image, by way of another package and in this version."""

    name: str
    place: str
    version: str = ""

    def __str__(self) -> str:
        if not self.version:
            return f"{self.place} has {self.name} already."
        return f"{self.name} {self.version} is there already, by way of another package, as {self.place} says."


class Undecided(Problem):
    """Nobody knows which package is meant: `found` are those that there are, `away` says which index did not answer."""

    def __init__(self, word: str, entries: list[Entry], found: list[Entry], away: list[str]):
        super().__init__(_undecided(word, entries, found, away))
        self.entries, self.found, self.away = entries, found, away


class Wishes:
    """What is to go into the lists of a repository, whose files stay as they are.

    `texts` has the new text of each list that changes, by its file. Raises Problem where there is no repository.
    """

    def __init__(self, repository: Path, image: installed.Packages | None = None) -> None:
        self.repository, self.answers = repository, image_env.read(repository)
        if not self.answers.base_family:
            raise Problem(f"{image_env.FILE} is missing: run this in a repository of the template.")
        self.here = locked(repository)
        self.here |= {
            identity(kind, name): (version, "the image")
            for (kind, name), version in (image or {}).items()
        }
        self.texts: dict[str, str] = {}

    def look(self, word: str, manager: str = "", anyway: bool = False) -> Entry | There:
        """Return what a word means, or where that is already; `manager` and `anyway` as for `add`. Raises Problem."""
        entries = meant(self.answers, word, manager)
        for entry in entries:
            if there := self._there(entry, {} if anyway else self.here):
                return there
        return choose(self.repository, word, entries if anyway else _rightly(entries), anyway)

    def put(self, entry: Entry, note: str) -> str:
        """Put an entry into its list, with a comment beside it; return the list's file. Raises Problem."""
        file = list_of(self.answers, entry.manager)
        before = self.texts[file] if file in self.texts else files.read(self.repository / file)
        self.texts[file] = insert(file, before, entry.manager, _text(entry), note)
        return file

    def _there(self, entry: Entry, image: dict[tuple[str, str], tuple[str, str]]) -> There | None:
        """Return where a package is already, in a list or in `image`; None where it is in neither, or not as is asked.

        Raises Problem where a list has it otherwise.
        """
        version, where = image.get(identity(entry.manager, entry.name), ("", ""))
        if where and not _is_enough(entry, version):
            where = ""
        if listed := self._listed(entry):
            place, text = listed
            if where or text == entry.text or not MORE.search(entry.text):
                return There(entry.name, place)
            raise Problem(f"{place} has `{text}` already; write `{entry.text}` there instead")
        return There(entry.name, where, version) if where else None

    def _listed(self, entry: Entry) -> tuple[str, str] | None:
        """Return where a list that the image is made with has a package, as file:line, and what stands there."""
        wanted = identity(entry.manager, entry.name)
        for file in dict.fromkeys(list_of(self.answers, kind) for kind in possible(self.answers)):
            text = self.texts.get(file) or files.read(self.repository / file)
            found = packages.PARSERS[file](text)
            for package in (*found.packages, *found.strings):
                if identity(package.manager, package.name) == wanted:
                    return f"{file}:{package.line}", package.text
            if file == LISTS["julia"] and entry.manager == "julia":
                name = re.escape(entry.name)
                table = r"(?m)^\s*\[\s*deps\s*\][^\[]*?"
                key = re.search(rf"{table}^\s*[\"']?{name}[\"']?\s*=", text)
                if key:
                    return f"{file}:{text.count(chr(10), 0, key.end()) + 1}", entry.text
        return None


def add(
    repository: Path,
    words: list[str],
    note: str,
    manager: str = "",
    anyway: bool = False,
    image: installed.Packages | None = None,
) -> tuple[dict[str, str], list[str]]:
    """Return the new text of each list that changes, by its file, and a sentence about each package.

    `note` is the comment beside each entry, `manager` one of MANAGERS, or PYTHON, where somebody has said it, `image`
    what an image of the repository has. With `anyway` an index need not answer or know the name, and what the image has
    by way of another package is added too. Raises Problem.
    """
    wishes, said = Wishes(repository, image), []
    for word in words:
        found = wishes.look(word, manager, anyway)
        if isinstance(found, Entry):
            said.append(_said(wishes.put(found, note), found))
        else:
            keep = " To keep it when that one goes, add it with --anyway." if found.version else ""
            said.append(f"{found}{keep}")
    return wishes.texts, said


def meant(answers: Answers, word: str, manager: str = "") -> list[Entry]:
    """Return what a word can mean in a repository with these answers, the likeliest first.

    System packages only where `manager` says so. Raises Problem for a word that is no name.
    """
    known = possible(answers)
    if manager == PYTHON:
        managers = [kind for kind in known if kind in ("conda", "pip")]
    elif manager and manager not in known:
        raise Problem(_impossible(answers, manager))
    else:
        managers = [manager] if manager else [kind for kind in known if kind != "apt"]
    # conda's channels have most packages with a dash, and PyPI takes either.
    words = {
        kind: [word, word.replace("_", "-")] if kind == "conda" else [word] for kind in managers
    }
    found = [parse(kind, name) for kind in managers for name in dict.fromkeys(words[kind])]
    entries = [entry for entry in found if entry]
    if not entries:
        raise Problem(f"`{word}` names no package; write {FORMS[managers[0]]}")
    return entries


def _rightly(entries: list[Entry]) -> list[Entry]:
    """Return the entries without those of an index that has something else under their name.

    Raises Problem where the first is one, with the name to write.
    """
    wrong = [wrong_names.find(entry.manager, entry.name) for entry in entries]
    if first := wrong[0]:
        title = indexes.TITLES[entries[0].manager]
        raise Problem(
            f"there is {first.there} under `{entries[0].name}` in {title}; write `{first.right}`"
        )
    return [entry for entry, known in zip(entries, wrong, strict=True) if not known]


def choose(repository: Path, word: str, entries: list[Entry], anyway: bool = False) -> Entry:
    """Return which of the entries that a word can mean is meant: the one that its index has.

    Raises Problem for a package that nobody has or several have, and where an index does not answer, if not `anyway`.
    """
    if entries[0].manager == "apt":
        return entries[0]
    found: list[Entry] = []
    away = []
    for entry in entries:
        if _kind(entry.manager) == "Python" and any(other.manager == "conda" for other in found):
            continue  # where both have it, it is conda's
        try:
            if _is_known(repository, entry):
                found.append(entry)
        except indexes.Away as problem:
            away.append(str(problem))
    if len(found) == 1 and not away:
        return found[0]
    kinds = {_kind(entry.manager) for entry in entries}
    if anyway and len(kinds) == 1:
        return (found or entries)[0]
    raise Undecided(word, entries, found, away)


def _is_known(repository: Path, entry: Entry) -> bool:
    if entry.manager != "conda":
        return indexes.has(entry.manager, entry.name)
    named, _, rest = entry.text.rpartition("::")
    return any(
        indexes.has("conda", entry.name, channel)
        for channel in ([named] if named else channels(repository))
    )


def _undecided(word: str, entries: list[Entry], found: list[Entry], away: list[str]) -> str:
    """Say why nobody knows which package is meant, and what to do."""
    several = len({_kind(entry.manager) for entry in entries}) > 1
    if away:
        how = (
            "say where it comes from with --from, and add --anyway"
            if several
            else "add it with --anyway"
        )
        return f"nobody could tell whether there is a package `{word}`: {'; '.join(away)}; try again later, or {how}"
    if found:
        titles = " and ".join(indexes.TITLES[entry.manager] for entry in found)
        which = " or ".join(f"--from {entry.manager}" for entry in found)
        return f"{titles} have a package `{word}`; say which with {which}"
    titles = ", ".join(dict.fromkeys(indexes.TITLES[entry.manager] for entry in entries))
    return (
        f"there is no package `{word}` in {titles}; check its name, say --from apt for a program or library of the system, "
        "or add --anyway with its --from where it comes from elsewhere"
    )


def possible(answers: Answers) -> list[str]:
    """Return which of MANAGERS the image of a repository has."""
    managers = ["conda", "pip"] if answers.package_manager == "conda" else ["pip"]
    managers += [language for language in ("r", "julia") if language in answers.languages]
    return [*managers, "apt", *(["vscode"] if "vscode" in answers.interfaces else [])]


def _impossible(answers: Answers, manager: str) -> str:
    if manager == "conda":
        return "this image has its Python packages from PyPI, and no conda; add it with --from pip"
    question = "interfaces" if manager == "vscode" else "languages"
    title = {"r": "R", "julia": "Julia", "vscode": "VS Code"}[manager]
    return f"this image has no {title}; change the answer to {question} first"


def parse(manager: str, word: str) -> Entry | None:
    """Return what a word means to a manager; None where it means no package, or more than its name and version."""
    if not re.fullmatch(r"[A-Za-z0-9][\w.+=<>!~,*:\[\]-]*", word, re.ASCII):
        return None
    if manager in READERS:
        found = _package(manager, word)
        return Entry(manager, found.name, word) if found and found.name else None
    if match := (R_NAME if manager == "r" else JULIA_NAME).fullmatch(word):
        return (
            Entry("r", word, f'"{word}"') if manager == "r" else Entry("julia", match[1], match[1])
        )
    return None


def _package(manager: str, text: str) -> Package | None:
    """Return the one package that a list of one of READERS would have in this text; None where it has none or several."""
    try:
        found = READERS[manager](text)
    except ValueError:
        return None
    return found[0] if len(found) == 1 else None


def _is_enough(entry: Entry, version: str) -> bool:
    """Whether this version of a package is what an entry asks for; of its extras nobody knows whether they are there."""
    found = _package(entry.manager, entry.text) if entry.manager in READERS else None
    return "[" not in entry.text and (found is None or found.admits(version))


def list_of(answers: Answers, manager: str) -> str:
    """Return the file that a package of a manager goes into, whether it is there or not."""
    python = "environment.yml" if answers.package_manager == "conda" else "requirements.txt"
    return LISTS.get(manager, python)


def channels(repository: Path) -> list[str]:
    """Return the channels of a repository that can be asked for a package: those of anaconda.org, by name."""
    named = (channel.name for _, found in packages.read(repository) for channel in found.channels)
    asked = [name.partition("/")[0] for name in named if "://" not in name]
    return [name for name in asked if name not in ("defaults", "nodefaults")] or ["conda-forge"]


def locked(repository: Path) -> dict[tuple[str, str], tuple[str, str]]:
    """Return version and file of each package in the locks of a repository, by their identity."""
    found = {}
    for path in sorted((repository / FOLDER).glob("*.txt")):
        for match in LOCKED.finditer(files.read(path)):
            kind, name, version = (
                ("conda", match[1], match[2]) if match[1] else ("pip", match[3], match[4])
            )
            found[identity(kind, name)] = (version, f"{FOLDER}/{path.name}")
    manifest = "Manifest.toml"
    try:
        entries = toml.loads(files.read(repository / manifest)).get("deps", {})
        for name, versions in entries.items():
            found[identity("julia", name)] = (versions[0].get("version", ""), manifest)
    except (RecursionError, ValueError, LookupError, TypeError, AttributeError):
        pass  # no manifest of Julia's: then it says nothing
    return found


def _kind(manager: str) -> str:
    return "Python" if manager in ("conda", "pip") else manager


def _text(entry: Entry) -> str:
    """Return the entry as its list has it; Julia's needs a UUID. Raises Problem where nobody knows that."""
    if entry.manager != "julia":
        return entry.text
    if uuid := indexes.uuid(entry.name):
        return f'{entry.name} = "{uuid}"'
    raise Problem(
        f"{indexes.TITLES['julia']} does not have {entry.name}, so nobody knows its UUID; write both into Project.toml yourself"
    )


def _said(file: str, entry: Entry) -> str:
    if entry.manager == "pip" and file.startswith("environment"):
        return f"{file}: {entry.name} is added below pip:, as a package of PyPI."
    if entry.manager == "apt":
        return f"{file}: {entry.name} is added. No index was asked; the build says whether there is such a package."
    return f"{file}: {entry.name} is added."
