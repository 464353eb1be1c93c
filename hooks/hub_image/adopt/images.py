"""Which images a repository builds: the template is for repositories of one, whose files stand at the root."""

import posixpath
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from hub_image.adopt.tree import ASIDE, CONFIGURATION, FOLDERS
from hub_image.adopt.workflows import Workflow
from hub_image.problem import Problem
from hub_image.tools.git import git

DOCKERFILE = re.compile(r"(.+[.-])?(Dockerfile|Containerfile)([.-].+)?")
# Folders whose Dockerfiles are no image for a hub.
APART = {ASIDE, ".devcontainer", ".github", "docs", "image-tests", "test", "tests", *FOLDERS}


def one(folder: Path, tracked: set[str], found: list[Workflow]) -> None:
    """Raise Problem where a repository builds no image, one in a folder, or several; it says how to adopt one.

    `folder` is the repository as its owner named it, `found` are its workflows.
    """
    built = {_place(source) for w in found if not w.only_called for _, source in w.sources}
    unclear = any("$" in place for place in built)
    built = {place for place in built if "$" not in place and _is_there(place, tracked)}
    dockerfiles = {
        path for path in tracked
        if DOCKERFILE.fullmatch(posixpath.basename(path)) and not path.endswith((".md", ".jinja", ".j2", ".dockerignore"))
        and not APART & set(path.split("/")[:-1])
    }  # fmt: skip
    beside = {path for path in dockerfiles if "/" in path}
    at_root = any(_at_root(path) for path in tracked)
    builds = any(w.builds or w.part for w in found)
    is_unsaid = bool(dockerfiles) and not builds and not any(_decides(path) for path in tracked)
    if is_unsaid:  # a list at the root may be for any of them, or for something else
        at_root, beside = False, dockerfiles
    if at_root and built <= {""} and not unclear:
        _one_variant(folder, found)
        return
    images = {place for place in built if place} | ({""} if at_root and "" in built else set())
    if not images or unclear:
        images |= beside
    if not images and at_root:
        return
    if not images and "setup.py" in tracked:
        raise Problem(
            f"{folder} has no Dockerfile and no list of packages, only setup.py, which no image reads: write what it needs "
            "into requirements.txt, commit that, and adopt again."
        )
    if not images:
        raise Problem(
            f"{folder} has no Dockerfile and no list, so it builds no image that could be adopted: "
            "name the repository that does, or make a new one with `copier copy`."
        )
    place = posixpath.dirname(min(images))
    if is_unsaid and len(images) == 1 and (not place or any(map(_at_root, tracked))):
        way = (
            f"`hub-image adopt --image-folder {place} {folder}` adopts it, in a repository of its own with its history"
            if place
            else "call it Dockerfile, commit that, and adopt again"
        )
        raise Problem(
            f"{folder} has {min(images)} and no Dockerfile at its root, and nothing says what the image is built from: if from that file, {way}; "
            "otherwise move it into a folder docs/, commit that, and adopt again."
        )
    places = [posixpath.dirname(place) for place in sorted(images)]
    alone = {place for place in places if place and places.count(place) == 1}
    names = [
        p if p in alone else i or "the root" for p, i in zip(places, sorted(images), strict=True)
    ]
    example = min(alone, default="")
    how = (
        f"`hub-image adopt --image-folder {example} {folder}` adopts one, in a repository of its own with its history"
        if example
        else "give each a folder of its own first, and commit that"
    )
    if "" in images:
        how += "; to adopt that of the root, move the others into repositories of their own first"
    if len(images) > 1:
        raise Problem(
            f"{folder} builds {len(images)} images ({', '.join(names)}) and a repository made from the template builds "
            f"one: {how}."
        )
    raise Problem(f"{folder} builds its image from {names[0]} and not from the root: {how}.")


def _one_variant(folder: Path, found: list[Workflow]) -> None:
    """Raise Problem where one Dockerfile makes several images, each with arguments of its own."""
    variants = {said for w in found for _, said in w.variants if said}
    pushed = {frozenset(i for _, i in w.pushes) for w in found if w.pushes and not w.only_called}
    names = sorted({image.rpartition("/")[2] for images in pushed for image in images})
    apart = all(one == other or not one & other for one in pushed for other in pushed)
    if len(names) > 1 and (len(variants) > 1 or (apart and len(pushed) > 2)):
        raise Problem(
            f"{folder} builds {len(names)} images ({', '.join(names)}) from one Dockerfile with other arguments for each, and a "
            "repository made from the template builds one: make a repository for each, with the arguments written into its "
            "Dockerfile and its own workflow alone, and adopt those."
        )


def _place(source: str) -> str:
    """Return the Dockerfile that a build reads; empty where it is what stands at the root."""
    place = posixpath.normpath(source).removeprefix("./")
    usual = {".", "Dockerfile", *(f"{folder}/Dockerfile" for folder in FOLDERS), *FOLDERS}
    return "" if place in usual else place


def _decides(path: str) -> bool:
    """Tell whether a file decides what repo2docker builds, whatever stands beside it."""
    return _at_root(path) and ("/" in path or path == "Dockerfile")


def _is_there(place: str, tracked: Iterable[str]) -> bool:
    return not place or any(path == place or path.startswith(f"{place}/") for path in tracked)


def _at_root(path: str) -> bool:
    """Tell whether a file at the root, or where repo2docker looks, says what an image has."""
    name = path.partition("/")[2] if path.split("/")[0] in FOLDERS else path
    lists = CONFIGURATION - {"start", "setup.py", "REQUIRE"}
    return name in lists or bool(re.fullmatch(r"environment[\w.-]*\.ya?ml", name))


def building(folder: str, found: list[Workflow]) -> list[Workflow]:
    """Return the workflows that build the image of a folder."""
    folder = posixpath.normpath(folder)
    return [
        w for w in found
        if not w.only_called and any(
            source == folder or source.startswith(f"{folder}/") for _, source in w.sources
        )
    ]  # fmt: skip


def part(repository: Path, folder: str, parent: Path) -> Path:
    """Make a repository of one folder, with the folder's history, below `parent`; return where it is.

    Raises Problem where that cannot be.
    """
    folder = posixpath.normpath(folder)
    if folder.startswith((".", "/")) or not (repository / folder).is_dir():
        raise Problem(
            f"--image-folder {folder}: name a folder of the repository, as in images/ocean."
        )
    target = parent / posixpath.basename(folder)
    if target.exists():
        raise Problem(f"{target} is there already: move it away first.")
    try:
        git(repository, "clone", "--quiet", "--no-local", str(repository), str(target))
        quiet = {"FILTER_BRANCH_SQUELCH_WARNING": "1"}
        git(target, "filter-branch", "--subdirectory-filter", folder, environment=quiet)
        git(target, "remote", "remove", "origin")
    except Problem:
        shutil.rmtree(target, ignore_errors=True)
        raise
    return target
