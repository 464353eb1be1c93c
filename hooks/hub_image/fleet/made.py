"""What an image is made with, by the files of its repository."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from hub_image import __version__, catalog
from hub_image.fleet.model import Need, Row, Weight
from hub_image.handoff import profiles
from hub_image.lists import packages, reasons
from hub_image.problem import Problem
from hub_image.repository import anchors, files, image_env
from hub_image.repository.image_env import Answers
from hub_image.updates import update as updates
from hub_image.updates.changelog import number

FILES = (image_env.FILE, image_env.ANSWERS, *packages.PARSERS)  # all that is read


def row(folder: Path, repository: str, owner: str, page: str = "") -> Row:
    """Return the row of the repository in a folder, as far as its files tell.

    `owner` is whose it is on GitHub, where that is known; `page` is its address there. Raises Problem where its answers
    name no image.
    """
    answers = image_env.read(folder)
    if not (answers.registry and answers.image_name):
        raise Problem(
            f"{image_env.FILE} has no REGISTRY or no IMAGE_NAME; restore it with `hub-image update`, or from git"
        )
    owner = answers.registry_owner or owner.lower() or profiles.OWNER
    told = files.read(folder / image_env.ANSWERS)
    update = f"{page}/actions/workflows/weekly.yml" if page else ""
    how = "start its workflow *weekly*" if page else "run `hub-image update` in it"
    needs = [*_base(answers, how, update), *_template(told, how, update), *_packages(folder)]
    return Row(
        image=f"{answers.registry}/{owner}/{answers.image_name}",
        title=answers.title,
        repository=repository,
        page=page,
        base=answers.base_image,
        template=anchors.value("_commit", told),
        hub_version=answers.hub_version,
        needs=tuple(needs),
    )


def _base(answers: Answers, how: str, page: str) -> Iterator[Need]:
    """Whether the catalog has a newer tag of the same base; cuda12-2026-07-28 is not followed by 2026-11-01."""
    name, _, tag = answers.base_image.rpartition(":")
    known = [base.tag for base in catalog.load().bases.values() if base.image == name]
    alike = [other for other in known if re.sub(r"\d+", "0", other) == re.sub(r"\d+", "0", tag)]
    if alike and tag not in known:
        sentence = f"it is made from {name}:{tag}, and {alike[0]} is there; {how}"
        yield Need(Weight.BASE, sentence, page)


def _template(told: str, how: str, page: str) -> Iterator[Need]:
    """Whether there is a newer release than the one by which it was made; of another template nobody knows that here."""
    recorded, source = anchors.value("_commit", told), anchors.value("_src_path", told)
    version = number(recorded)  # none for a commit from before the first release
    is_ours = updates.address(source).removesuffix(".git") == catalog.load().published
    if is_ours and recorded and not (version and version >= number(__version__)):
        sentence = f"it is from {recorded} of the template, and v{__version__} is there; {how}"
        yield Need(Weight.TEMPLATE, sentence, page)


def _packages(folder: Path) -> Iterator[Need]:
    if over := [entry.name for entry in reasons.ended(folder)]:
        sentence = (
            f"{', '.join(over)}: wanted for a time that is over; run `hub-image expire` in it"
        )
        yield Need(Weight.PACKAGES, sentence)
