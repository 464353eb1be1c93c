"""Which images of a hub's configuration changed between two states of its repository."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hub_image.hubconfig import values
from hub_image.hubconfig.values import Image
from hub_image.problem import Problem
from hub_image.tools import github
from hub_image.tools.git import GitError, git


@dataclass(frozen=True)
class Change:
    """An image that people get now, and what stood there before; `kind` is changed, added or moved."""

    after: Image
    before: Image | None
    kind: str


@dataclass(frozen=True)
class Changes:
    """All that changed; a note for each changed file that could not be read."""

    images: tuple[Change, ...] = ()
    removed: tuple[Image, ...] = ()
    notes: tuple[str, ...] = ()


def between(repository: Path, base: str) -> Changes:
    """Return the images that differ between a commit and the files that are here now.

    Raises Problem where git does not know the commit.
    """
    old: list[Image] = []
    new: list[Image] = []
    notes: list[str] = []
    for before, after in _files(repository, base):
        if before:
            data = git(repository, "show", f"{base}:{before}").encode("utf-8", "surrogateescape")
            old += values.parse(data, after or before).images
        if after:
            found = values.parse((repository / after).read_bytes(), after)
            new += found.images
            notes += found.notes
    new, old = (values.completed(images, repository) for images in (new, old))
    return Changes(*compare(_users(old), _users(new)), tuple(notes))


def compare(old: list[Image], new: list[Image]) -> tuple[tuple[Change, ...], tuple[Image, ...]]:
    """Return what changed, and what is gone. Images at the same place in the menu are compared, then those left over."""
    left = dict[tuple[str, ...], list[Image]]()
    for image in old:
        left.setdefault(_place(image), []).append(image)
    changed, lonely = [], []
    for image in new:
        if same := left.get(_place(image)):
            there = same.pop(0)
            if there.reference != image.reference:
                changed.append(Change(image, there, "changed"))
        else:
            lonely.append(image)
    gone = [image for images in left.values() for image in images]
    for image in lonely:
        before = _take(gone, "reference", image) or _take(gone, "name", image)
        is_same = before is not None and before.reference == image.reference
        kind = "moved" if is_same else "changed" if before else "added"
        changed.append(Change(image, before, kind))
    changed.sort(key=lambda change: (change.after.file, change.after.line))
    return tuple(changed), tuple(gone)


def _take(images: list[Image], what: str, image: Image) -> Image | None:
    found = next((one for one in images if getattr(one, what) == getattr(image, what)), None)
    if found:
        images.remove(found)
    return found


def _place(image: Image) -> tuple[str, ...]:
    """Where people find an image: entries of a menu may change their order."""
    if image.profile:
        return (image.file, image.profile, image.option, image.choice)
    return (image.file, image.place)


def _users(images: Iterable[Image]) -> list[Image]:
    return [image for image in images if image.kind.is_users]


def _files(repository: Path, base: str) -> Iterator[tuple[str, str]]:
    """Yield the names, before and now, of each YAML file that changed; empty where it was or is not there."""
    listed = git(repository, "diff", "--name-status", "-z", "--find-renames", base).split("\0")[:-1]
    while listed:
        status, before = listed.pop(0), listed.pop(0)
        after = listed.pop(0) if status[0] in "RC" else before
        if (repository / after).is_symlink():
            continue
        pair = ("" if status == "A" else before, "" if status == "D" else after)
        if pair[0 if not pair[1] else 1].endswith(values.SUFFIXES):
            yield pair
    for name in git(repository, "ls-files", "--others", "--exclude-standard", "-z").split("\0"):
        if name.endswith(values.SUFFIXES):
            yield "", name


def base_of(repository: Path, given: str) -> str:
    """Return the commit to compare with: where `given` and what is here parted, or what a pull request goes into.

    Raises Problem where there is nothing to compare with.
    """
    if not given:
        pull = github.event().get("pull_request")
        if not pull:
            raise Problem("say what to compare with, as in --base origin/main")
        parents = git(repository, "rev-list", "--parents", "--max-count=1", "HEAD").split()[1:]
        if len(parents) == 2:  # GitHub's trial merge: its first parent is the branch it goes into
            return parents[0]
        given = pull["base"]["sha"]
    try:
        return git(repository, "merge-base", given, "HEAD").strip()
    except GitError:
        try:
            return git(
                repository, "rev-parse", "--verify", "--quiet", f"{given}^{{commit}}"
            ).strip()
        except GitError:
            raise Problem(
                f"git does not know {given} here; fetch it, or check out with `fetch-depth: 2`"
            ) from None
