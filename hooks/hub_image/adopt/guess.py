"""Answers to the template's questions, guessed from what a repository has."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hub_image import catalog
from hub_image.adopt import workflows
from hub_image.adopt.carry import stage
from hub_image.adopt.commands import expand
from hub_image.lists import conda as conda_list
from hub_image.problem import Problem
from hub_image.repository import files
from hub_image.repository.reference import Moves, Reference, same_project
from hub_image.syntax import dockerfile

# Images that are an operating system or a language, so that everything else is the Dockerfile's own.
SYSTEMS = {"debian", "ubuntu", "python", "buildpack-deps", "alpine", "fedora", "rockylinux", "cuda"}
SYSTEMS |= {"miniconda3", "miniforge3", "mambaforge", "micromamba", "r-base", "julia", "node"}


@dataclass(frozen=True)
class Guess:
    """An answer, and where it comes from."""

    question: str
    value: str
    source: str


@dataclass(frozen=True)
class Base:
    """What a Dockerfile builds on. The family is empty where it is none that the template knows."""

    reference: str = ""
    line: int = 1
    family: str = ""
    key: str = ""  # in the catalog

    @property
    def name(self) -> str:
        """The reference as it is written, without tag and digest; all of it where it is none, as with a variable."""
        image = parsed(self.reference)
        return image.written if image else self.reference


@dataclass(frozen=True)
class Survey:
    """All that was found out; `needs` are decisions for the owner: where, and what."""

    answers: tuple[Guess, ...]
    base: Base
    needs: tuple[tuple[str, str], ...]
    replaced: tuple[tuple[str, str], ...]


def survey(repository: Path, slug: str, folder: str, lists: dict[str, str]) -> Survey:
    """Guess the answers for a repository.

    `slug` is its owner/name on GitHub, or empty; `folder` the name of its folder. `lists` says for
    each list that will stand at the root where it stands now; "Dockerfile" is one of them.
    """
    answers: list[Guess] = []
    needs: list[tuple[str, str]] = []
    replaced: list[tuple[str, str]] = []

    def answer(question: str, value: str, source: str) -> None:
        answers.append(Guess(question, value, source))

    image, source = next(
        ((w.image, f"{w.file}:{w.line}") for w in workflows.read(repository, slug) if w.image),
        (None, ""),
    )
    owner, _, name = slug.partition("/")
    registry, registry_owner, image_name = image or ("", "", "")
    answer("image_name", image_name or _slug(name or folder), source or "the repository's name")
    if title := _title(files.read(repository / "README.md")):
        answer("title", title, "README.md")

    lists_say = {}
    if "install.R" in lists:
        lists_say["r"] = lists["install.R"]
    for path in ("Project.toml", "JuliaProject.toml", "REQUIRE"):
        if path in lists:
            lists_say["julia"] = lists[path]
    runtime = files.read(repository / lists.get("runtime.txt", "runtime.txt")).strip()
    if runtime.startswith("r-"):
        lists_say.setdefault("r", lists["runtime.txt"])
    conda = conda_list.read(
        files.read(repository / lists.get("environment.yml", "environment.yml"))
    )
    names = {package.name: package.line for package in conda.packages}
    if "r-base" in names:
        lists_say.setdefault("r", f"{lists['environment.yml']}:{names['r-base']}")

    base, found = Base(), catalog.load()
    if "Dockerfile" in lists:
        where = lists["Dockerfile"]
        base = base_of(files.read(repository / where))
        place = f"{where}:{base.line}"
        for guess in _base(base, place, needs, replaced, lists_say):
            answers.append(guess)
    else:
        if lists_say:
            answer(
                "languages", f"[{', '.join(sorted(lists_say))}]", " and ".join(lists_say.values())
            )
        for package, key in (("pangeo-notebook", "pangeo"), ("pangeo-dask", "pangeo-base")):
            if package in names and not lists_say and key in found.bases:
                answer("base", key, f"{lists['environment.yml']}:{names[package]}")
                break

    family = found.families.get(base.family)
    if family is None or len(family.package_managers) > 1:
        if "environment.yml" in lists:
            answer("package_manager", "conda", lists["environment.yml"])
        elif "requirements.txt" in lists:
            answer("package_manager", "pip", lists["requirements.txt"])
    if registry:
        answer("registry", registry, source)
    if owner:
        answer("github_owner", owner, "the address of `origin`")
    if registry_owner and registry_owner != owner.lower():
        answer("registry_owner", registry_owner, source)
    return Survey(tuple(answers), base, tuple(needs), tuple(replaced))


def _base(
    base: Base,
    place: str,
    needs: list[tuple[str, str]],
    replaced: list[tuple[str, str]],
    lists_say: dict[str, str],
) -> Iterator[Guess]:
    """Yield the answers about the base image; add to what is replaced, and what needs its owner."""
    bases = catalog.load().bases
    languages = list(lists_say)
    if base.key:
        entry = bases[base.key]
        languages = list(entry.languages)
        yield Guess("base", base.key, place)
        now = entry.reference
        if base.reference != now:
            stay = (
                f"; to stay with yours, add --data base=other --data base_image={base.reference} "
                f"--data base_family={base.family}"
            )
            text = f"builds on {now} now, which updates keep current{stay if _stays(base.reference) else ''}"
            replaced.append((place, text))
        for language in sorted(set(lists_say) - set(languages)):
            needs.append((lists_say[language], (
                f"{base.key} does not bring {language.capitalize()}; if people use it, adopt again with "
                f"--data base=... of a base that has it, or keep it as a package"
            )))  # fmt: skip
    elif base.family and _stays(base.reference) and not _runs_steps(base.reference):
        yield Guess("base", "other", place)
        yield Guess("base_image", base.reference, place)
        yield Guess("base_family", base.family, place)
    elif base.family:
        key = next(
            key for key, entry in bases.items() if entry.family == base.family and not entry.retired
        )
        languages = list(bases[key].languages)
        yield Guess("base", key, place)
        if _runs_steps(base.reference):
            needs.append((place, (
                f"`{base.reference}` installed your lists by steps of its own (ONBUILD), as the new Dockerfile does, so "
                f"{bases[key].image} takes its place; it has more packages: see whether --data base=... has a better one"
            )))  # fmt: skip
        else:
            needs.append((place, (
                f"`{base.reference}` has a tag that moves, so {bases[key].image} takes its place; if you need "
                "the other, adopt again with --data base=other --data base_image=... and a tag that stays"
            )))  # fmt: skip
    elif base.name.rpartition("/")[2] in SYSTEMS or base.name in ("", "scratch"):
        yield Guess("start_from", "scratch", place)
        needs.append((place, (
            f"`{base.reference}` is no image for a hub, so Debian with our own Dockerfile takes its place; see "
            "whether a community image fits better: --data start_from=community --data base=..."
        )))  # fmt: skip
    elif _runs_steps(base.reference):
        needs.append((place, (
            f"`{base.reference}` has steps of its own (ONBUILD) that would run in every build; choose a base with "
            "--data base=..."
        )))  # fmt: skip
    elif _stays(base.reference):
        yield Guess("base", "other", place)
        yield Guess("base_image", base.reference, place)
        yield Guess("base_family", "docker-stacks", "a guess")
        needs.append((place, (
            f"nobody here knows `{base.reference}`; say what it is made from with --data base_family=..., "
            "or choose another base with --data base=..."
        )))  # fmt: skip
    else:
        needs.append((place, (
            f"nobody here knows `{base.reference}`, and its tag moves; choose a base with --data base=..."
        )))  # fmt: skip
    if languages:
        source = place if base.key or base.family else " and ".join(lists_say.values())
        yield Guess("languages", f"[{', '.join(languages)}]", source)


def base_of(text: str) -> Base:
    """Return what the last stage of a Dockerfile builds on, earlier stages followed."""
    defaults: dict[str, str] = {}
    stages: dict[str, tuple[str, int]] = {}
    last = ("", 1)
    for instruction in dockerfile.parse(text):
        if instruction.name == "ARG" and not stages and last == ("", 1):
            name, _, value = instruction.arguments.partition("=")
            defaults[name] = value.strip("\"'")
        elif instruction.name == "FROM":
            words = stage(instruction)
            reference = expand(words[0], defaults)
            last = stages.get(reference.lower(), (reference, instruction.line))
            if len(words) == 3:
                stages[words[2].lower()] = last
    reference, line = last
    image = parsed(reference)
    if image is None or image.host not in ("docker.io", "quay.io"):
        return Base(reference, line)
    family = ""
    for key, entry in catalog.load().bases.items():
        known = Reference.parse(entry.image)
        if known.path == image.path and not entry.retired:
            return Base(reference, line, entry.family, key)
        if same_project(known.path, image.path):
            family = entry.family
    return Base(reference, line, family)


def parsed(reference: str) -> Reference | None:
    """Return a reference in its parts; None where it is none, as with a variable in it."""
    try:
        return Reference.parse(reference)
    except Problem:
        return None


def _runs_steps(reference: str) -> bool:
    """Whether an image is made to run ONBUILD steps in what is built on it; copier.yml refuses it as a base."""
    return bool(re.search(r"((^|/)base-image|-onbuild)(:[^/]+)?(@.*)?$", reference))


def _stays(reference: str) -> bool:
    """Whether `hub-image check` and the question `base_image` would take it."""
    found = parsed(reference)
    return found is not None and found.moves is not Moves.YES


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:100].strip("-") or "hub-image"


def _title(readme: str) -> str:
    """Return the first heading of a README as plain text; empty where there is none."""
    match = re.search(r"^#[ \t]+(.+?)[ \t#]*\r?$|^(\S.*)\r?\n=+[ \t]*\r?$", readme, re.MULTILINE)
    said = (match[1] or match[2]) if match else ""
    said = re.sub(r"!\[[^\]]*\]\([^)]*\)|<[^>]*>", "", said)
    said = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", said)
    said = re.sub(r"[`*\x00-\x1f\x7f-\x9f]", "", said).encode("utf-8", "ignore").decode()
    return " ".join(said.split())


def slug(repository: Path) -> str:
    """Return owner/name on GitHub from the address of `origin`; empty where it is not there."""
    command = ["git", "-C", str(repository), "remote", "get-url", "origin"]
    address = subprocess.run(command, capture_output=True, text=True).stdout.strip()
    match = re.fullmatch(r".*github\.com[:/]([\w-]+)/([\w.-]+?)(\.git)?/?", address)
    return f"{match[1]}/{match[2]}" if match else ""
