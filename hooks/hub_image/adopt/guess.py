"""Answers to the template's questions, guessed from what a repository has."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from hub_image import catalog
from hub_image.adopt import lists as others
from hub_image.adopt import workflows
from hub_image.lists import conda as conda_list
from hub_image.lists import pip
from hub_image.problem import Problem
from hub_image.repository import files
from hub_image.repository.reference import Moves, Reference, runs_steps, same_project
from hub_image.syntax import dockerfile

# Images that are an operating system or a language, so that everything else is the Dockerfile's own.
SYSTEMS = {"debian", "ubuntu", "python", "buildpack-deps", "alpine", "fedora", "rockylinux", "cuda"}
SYSTEMS |= {"miniconda3", "miniforge3", "mambaforge", "micromamba", "r-base", "julia", "node"}
SYSTEMS |= {"anaconda", "anaconda3", "miniconda", "pixi", "uv"}
# What a Dockerfile says only of images of one family.
TRACES = {
    "pangeo": r"/srv/conda\b|\benvs/notebook\b|\bNB_PYTHON_PREFIX\b|\$\{?CONDA_ENV\b|/srv/start\b|(-n|--name)[ =]notebook\b",
    "rocker": r"/home/rstudio\b|\brstudio-server\b|\binstall2\.r\b|/rocker_scripts\b",
}
LOCKS = {"conda-linux-64.lock", "conda-lock.yml", "pixi.lock"}
DECIDE = {"start_from", "base", "base_image", "base_family"}


@dataclass(frozen=True)
class Guess:
    """An answer, and where it comes from."""

    question: str
    value: str
    source: str


@dataclass(frozen=True)
class BuiltOn:
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
    base: BuiltOn
    needs: tuple[tuple[str, str], ...]
    replaced: tuple[tuple[str, str], ...]
    versions: tuple[tuple[str, str, str], ...] = ()  # of what, which, and where it is said


def survey(
    repository: Path,
    slug: str,
    folder: str,
    lists: dict[str, str],
    old: list[workflows.Workflow],
    given: Collection[str] = (),
) -> Survey:
    """Guess the answers for a repository.

    `slug` is its owner/name on GitHub, or empty; `folder` the name of its folder. `lists` says for
    each list that will stand at the root where it stands now; "Dockerfile" is one of them. `old` are its workflows.
    Of what `given` answers, the names of questions, decide, nothing is asked any more.
    """
    answers: list[Guess] = []
    needs: list[tuple[str, str]] = []
    replaced: list[tuple[str, str]] = []

    owner, _, name = slug.partition("/")
    image, source = _published(old, [] if "registry" in given else needs)
    registry, registry_owner, image_name = image or ("", "", "")
    answers.append(
        Guess("image_name", image_name or _slug(name or folder), source or "the repository's name")
    )
    if title := _title(files.read(repository / "README.md")):
        answers.append(Guess("title", title, "README.md"))

    conda = conda_list.read(
        files.read(repository / lists.get("environment.yml", "environment.yml"))
    )
    names = {package.name: package.line for package in conda.packages}
    lists_say = _languages(repository, lists, names)
    base = BuiltOn()
    if "Dockerfile" in lists:
        where = lists["Dockerfile"]
        base = base_of(files.read(repository / where))
        said: list[tuple[str, str]] = []
        taken: list[tuple[str, str]] = []
        answers += _base(
            base, f"{where}:{base.line}", said, taken, lists_say, _trace(repository, where)
        )
        if not DECIDE & set(given):
            needs += said
            replaced += taken
    else:
        answers += _repo2docker(lists, lists_say, names)
        if "r" in lists_say:
            text = "repo2docker brought Shiny Server with R, and the new image does not; show apps from RStudio, or install it in preBuild"
            needs.append((lists_say["r"], text))
    languages = next((g.value for g in answers if g.question == "languages"), "")
    answers += _interfaces(repository, lists, base, languages, "Dockerfile" not in lists)

    family = catalog.load().families.get(base.family)
    if family is None or len(family.package_managers) > 1:
        if "environment.yml" in lists:
            answers.append(Guess("package_manager", "conda", lists["environment.yml"]))
        elif "requirements.txt" in lists:
            answers.append(Guess("package_manager", "pip", lists["requirements.txt"]))
    if registry:
        answers.append(Guess("registry", registry, source))
    if owner:
        answers.append(Guess("github_owner", owner, "the address of `origin`"))
    if registry_owner and registry_owner != owner.lower():
        answers.append(Guess("registry_owner", registry_owner, source))
    versions = tuple(_versions(repository, lists, base))
    return Survey(tuple(answers), base, tuple(needs), tuple(replaced), versions)


def _versions(
    repository: Path, lists: dict[str, str], base: BuiltOn
) -> Iterator[tuple[str, str, str]]:
    """Yield versions that were asked for where the template does not look: in runtime.txt, and in the base's tag."""
    said = files.read(repository / lists.get("runtime.txt", "runtime.txt")).strip()
    if match := re.fullmatch(r"r-(\d{4}-\d{2}-\d{2})", said):
        yield "R", f"that of {match[1]}", lists["runtime.txt"]
    elif match := re.fullmatch(r"(python|r)-([\d.]+)(-\d{4}-\d{2}-\d{2})?", said):
        yield (
            {"python": "Python", "r": "R"}[match[1]],
            match[2] + (match[3] or ""),
            lists["runtime.txt"],
        )
    for name in sorted(LOCKS & lists.keys()):
        if locked := others.read(name, files.read(repository / lists[name])):
            for package, what in (
                ("python", "Python"),
                ("r-base", "R"),
                ("jupyterlab", "JupyterLab"),
            ):
                if version := locked.version(package):
                    yield what, version, lists[name]
    if match := re.search(r"(?:^|:)(python|r|lab)-([\d.]+)$", base.reference):
        name = {"python": "Python", "r": "R", "lab": "JupyterLab"}[match[1]]
        yield name, match[2], f"{lists['Dockerfile']}:{base.line}"
    elif match := re.search(r"(?:^|/)(python|julia|r-base|r-ver):(\d+(?:\.\d+)*)", base.reference):
        name = {"python": "Python", "julia": "Julia"}.get(match[1], "R")
        yield name, match[2], f"{lists['Dockerfile']}:{base.line}"
    elif base.family == "rocker" and (match := re.search(r":(\d+\.\d+\.\d+)$", base.reference)):
        yield "R", match[1], f"{lists['Dockerfile']}:{base.line}"


def _published(
    old: list[workflows.Workflow], needs: list[tuple[str, str]]
) -> tuple[tuple[str, str, str] | None, str]:
    """Return where the image is pushed, and the line that says so; where that is not certain, nothing, and add to `needs`."""
    pushes = {
        image: f"{w.file}:{line}"
        for w in reversed(old)
        if not w.only_called
        for line, image in w.pushes
    }
    found = {image: workflows.address(image) for image in pushes}
    if len(pushes) == 1 and (image := next(iter(pushes))) and found[image]:
        return found[image], pushes[image]
    if pushes:
        said = ", ".join(f"`{image}` ({place})" for image, place in sorted(pushes.items()))
        needs.append((next(iter(sorted(pushes.values()))), (
            f"more than one address may be meant here: {said}; say which with --data registry=... --data registry_owner=... "
            "--data image_name=..." if len(pushes) > 1 else
            f"only CI knows the address {said}; say it with --data registry=... --data registry_owner=... --data image_name=..."
        )))  # fmt: skip
    elif builders := [w.file for w in old if (w.builds or w.part) and not w.only_called]:
        text = (
            "it does not say where the image is published, and the new workflow publishes it on ghcr.io; for another place "
            "adopt again with --data registry=... --data registry_owner=... --data image_name=..."
        )
        needs.append((builders[0], text))
    return None, ""


def _trace(repository: Path, dockerfile_at: str) -> tuple[str, str]:
    """Return which family's images a Dockerfile speaks of, and the line that does; nothing where it does not."""
    for number, line in enumerate(files.read(repository / dockerfile_at).split("\n"), 1):
        for family, pattern in TRACES.items():
            if re.search(pattern, line) and not re.match(r"\s*(#|FROM\b)", line):
                return family, f"a guess from {dockerfile_at}:{number}"
    return "", ""


def first(languages: Collection[str]) -> catalog.Base:
    """Return the base that copier.yml takes where nobody chooses: the first that has the languages."""
    bases = catalog.load().bases.values()
    return next(b for b in bases if not b.retired and set(languages) <= set(b.languages))


def _languages(repository: Path, lists: dict[str, str], conda: dict[str, int]) -> dict[str, str]:
    """Return the languages that the lists speak of, and where."""
    found: dict[str, str] = {}
    for name, language in (
        ("install.R", "r"),
        ("DESCRIPTION", "r"),
        ("renv.lock", "r"),
        ("Project.toml", "julia"),
        ("JuliaProject.toml", "julia"),
        ("REQUIRE", "julia"),
    ):
        if name in lists:
            found.setdefault(language, lists[name])
    if files.read(repository / lists.get("runtime.txt", "runtime.txt")).strip().startswith("r-"):
        found.setdefault("r", lists["runtime.txt"])
    if "r-base" in conda:
        found.setdefault("r", f"{lists['environment.yml']}:{conda['r-base']}")
    return found


def _repo2docker(
    lists: dict[str, str], lists_say: dict[str, str], conda: dict[str, int]
) -> Iterator[Guess]:
    """Yield the answers for an image that repo2docker made."""
    if lists_say:
        yield Guess(
            "languages", f"[{', '.join(sorted(lists_say))}]", " and ".join(lists_say.values())
        )
    for package, key in (("pangeo-notebook", "pangeo"), ("pangeo-dask", "pangeo-base")):
        if package in conda and not lists_say and key in catalog.load().bases:
            yield Guess("base", key, f"{lists['environment.yml']}:{conda[package]}")
            return


# Packages through which Jupyter reaches an interface, by the names that they have or had.
PROXIES = {
    "jupyter-rsession-proxy": "rstudio",
    "jupyter-vscode-proxy": "vscode",
    "jupyter-codeserver-proxy": "vscode",
    "jupyter-remote-desktop-proxy": "desktop",
    "jupyter-desktop-server": "desktop",
}


def _interfaces(
    repository: Path, lists: dict[str, str], base: BuiltOn, languages: str, is_repo2docker: bool
) -> Iterator[Guess]:
    """Yield the interfaces that lists name, or that come with R: from repo2docker, and in Rocker's images."""
    found: dict[str, str] = {}
    for name, read in (("environment.yml", conda_list.read), ("requirements.txt", pip.read)):
        for package in read(files.read(repository / lists[name])).packages if name in lists else ():
            if interface := PROXIES.get(package.name):
                found.setdefault(interface, f"{lists[name]}:{package.line}")
    if "r" in languages.strip("[]").split(", "):
        if is_repo2docker:
            found.setdefault("rstudio", "repo2docker brings it with R")
    else:
        found.pop("rstudio", None)
    if found:
        yield Guess("interfaces", f"[{', '.join(sorted(found))}]", ", ".join(found.values()))


def _base(
    base: BuiltOn,
    place: str,
    needs: list[tuple[str, str]],
    replaced: list[tuple[str, str]],
    lists_say: dict[str, str],
    trace: tuple[str, str],
) -> Iterator[Guess]:
    """Yield the answers about the base image; add to what is replaced, and what needs its owner.

    `trace` is what else the Dockerfile says of it, as `_trace` returns it.
    """
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
    elif base.family and _stays(base.reference) and not runs_steps(base.reference):
        yield Guess("base", "other", place)
        yield Guess("base_image", base.reference, place)
        yield Guess("base_family", base.family, place)
        for language in [] if base.family == "rocker" else languages:
            needs.append((lists_say[language], (
                f"nobody here knows whether `{base.reference}` has {language.capitalize()}, and the build stops if not; then "
                "adopt again with --data base=... of one that has it, or with --data languages=[] and install it in preBuild"
            )))  # fmt: skip
        if alike := [
            key
            for key, entry in bases.items()
            if entry.image.endswith(f"/{base.name.rpartition('/')[2]}")
            and entry.family == base.family
        ]:
            needs.append((place, (
                f"`{base.reference}` is kept as it is, since it does not say which of {', '.join(alike)} it is; for one that "
                "updates keep current, adopt again with --data base=..."
            )))  # fmt: skip
    elif base.family:
        key = next(
            key for key, entry in bases.items() if entry.family == base.family and not entry.retired
        )
        languages = list(bases[key].languages)
        yield Guess("base", key, place)
        image = parsed(base.reference)
        variant = _variant(image.tag) if image else ""
        if variant and _variant(bases[key].tag) != variant:
            needs.append((place, (
                f"`{base.reference}` is for graphics cards, and the tag moves; choose a base with --data base=... in place "
                f"of {bases[key].image}, which is not"
            )))  # fmt: skip
        elif runs_steps(base.reference):
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
    elif runs_steps(base.reference):
        needs.append((place, (
            f"`{base.reference}` has steps of its own (ONBUILD) that would run in every build; choose a base with "
            "--data base=..."
        )))  # fmt: skip
    elif _stays(base.reference):
        yield Guess("base", "other", place)
        yield Guess("base_image", base.reference, place)
        yield Guess("base_family", trace[0] or "docker-stacks", trace[1] or "a guess")
        needs.append((place, (
            f"nobody here knows `{base.reference}`; say what it is made from with --data base_family=..., "
            "or choose another base with --data base=..., and its steps are carried over too"
        )))  # fmt: skip
    else:
        needs.append((place, (
            f"nobody here knows `{base.reference}`, and its tag moves, so {first(languages).image} takes its place; "
            "choose another base with --data base=..."
        )))  # fmt: skip
    if languages:
        from_lists = not base.key and languages == list(lists_say)
        source = " and ".join(lists_say.values()) if from_lists else place
        yield Guess("languages", f"[{', '.join(languages)}]", source)


def base_of(text: str) -> BuiltOn:
    """Return what the last stage of a Dockerfile builds on, earlier stages followed."""
    defaults: dict[str, str] = {}
    stages: dict[str, tuple[str, int]] = {}
    last = ("", 1)
    for instruction in dockerfile.parse(text):
        if instruction.name == "ARG" and not stages and last == ("", 1):
            name, _, value = instruction.arguments.partition("=")
            defaults[name] = value.strip("\"'")
        elif instruction.name == "FROM":
            words = dockerfile.stage(instruction)
            reference = dockerfile.expand(words[0], defaults)
            last = stages.get(reference.lower(), (reference, instruction.line))
            if len(words) == 3:
                stages[words[2].lower()] = last
    reference, line = last
    image = parsed(reference)
    if image is None or image.host not in ("docker.io", "quay.io"):
        return BuiltOn(reference, line)
    family, candidates = "", {}
    for key, entry in catalog.load().bases.items():
        known = Reference.parse(entry.image)
        if known.path == image.path and not entry.retired:
            candidates[key] = entry
        if same_project(known.path, image.path):
            family = entry.family
    key = ""
    if not image.digest or image.tag or len(candidates) == 1:
        key = next((k for k, e in candidates.items() if _variant(e.tag) == _variant(image.tag)), "")
    return BuiltOn(reference, line, family, key)


def _variant(tag: str) -> str:
    """Return what a tag says of the graphics cards that its image is for: they are images of their own."""
    found = re.search(r"cuda\d*", tag)
    return found[0] if found else ""


def parsed(reference: str) -> Reference | None:
    """Return a reference in its parts; None where it is none, as with a variable in it."""
    try:
        return Reference.parse(reference)
    except Problem:
        return None


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
