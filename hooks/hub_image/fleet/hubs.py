"""Where hubs have images: in configurations on this computer, and in those on GitHub."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from hub_image.fleet.model import Use
from hub_image.handoff.config import HubConfig, Unreadable
from hub_image.hubconfig import charts, values
from hub_image.problem import Problem
from hub_image.repository.reference import Moves, Reference
from hub_image.tools import github

Uses = dict[str, list[Use]]  # by the name of the image


def local(paths: Sequence[Path]) -> tuple[Uses, tuple[str, ...]]:
    """Return what files, and all files below folders, have for people, and a note on each file that was passed over.

    Raises Problem for a path that is not there.
    """
    read = values.read(paths)
    return _uses(values.completed(read.images)), read.notes


def remote(config: HubConfig) -> tuple[Uses, tuple[str, ...]]:
    """Return the same of files in a repository on GitHub. Raises Problem where it cannot be read, or lacks one."""
    page = f"{github.server()}/{config.repository}/blob/HEAD"
    with tempfile.TemporaryDirectory() as folder:
        try:
            clone = config.checkout(Path(folder, "hub"), github.token())
        except Unreadable as problem:
            remedy = "check its name, and whether the token in GITHUB_TOKEN may read it"
            raise Problem(f"{problem.reason}; {remedy}") from problem
        read = [values.parse((clone / file).read_bytes(), file) for file in config.files]
        images = [image for one in read for image in one.images]
        uses = _uses(values.completed(images, clone), clone, config.repository, page)
    return uses, tuple(f"{config.repository}/{note}" for one in read for note in one.notes)


def _uses(
    images: Iterable[values.Image], root: Path | None = None, repository: str = "", page: str = ""
) -> Uses:
    version = charts.Versions()
    found: Uses = {}
    for image in images:
        try:
            reference = Reference.parse(image.reference)
        except Problem:
            continue  # half of a name, or none: `hub-image profile` says what is wrong with it
        if image.kind.is_users:
            use = Use(
                f"{repository}/{image.where}" if repository else image.where,
                image.title,
                image.tag,
                reference.moves is Moves.YES,
                version.of((root or Path()) / image.file),
                page=f"{page}/{image.file}#L{image.line}" if page else "",
            )
            found.setdefault(reference.name, []).append(use)
    return found
