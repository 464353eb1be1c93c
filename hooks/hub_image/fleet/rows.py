"""One row for each image: what its repository says, what hubs run, and what its registry has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path

from hub_image import __version__, catalog
from hub_image.handoff import profiles
from hub_image.hubconfig import charts, values
from hub_image.lists import reasons
from hub_image.problem import Problem
from hub_image.repository import anchors, files, image_env, tags
from hub_image.repository.image_env import Answers
from hub_image.repository.reference import Moves, Reference
from hub_image.tools.git import on_github
from hub_image.tools.registry import Away, Refused, Repository
from hub_image.updates.changelog import number

AT_ONCE = 8  # registries that are asked


class Weight(IntEnum):
    """How soon somebody has to look, the soonest first."""

    MOVES = 1  # people may get another image than was proved
    HUB = 2  # it was proved for another JupyterHub
    GONE = 3  # what a hub has is not in the registry
    BEHIND = 4  # a newer image waits
    BASE = 5
    TEMPLATE = 6
    PACKAGES = 7
    UNLINKED = 8
    UNKNOWN = 9  # a registry does not tell


@dataclass(frozen=True)
class Need:
    """Why somebody has to look at an image, and what to do, in a sentence."""

    weight: Weight
    sentence: str


@dataclass(frozen=True)
class Use:
    """A place where a hub has the image: file and line, what people read in the menu, the tag, and the image's day.

    `moves`: whether the tag may mean another image tomorrow.
    """

    where: str
    title: str
    tag: str
    moves: bool
    hub_version: str = ""
    day: str = ""


@dataclass(frozen=True)
class Row:
    """An image by its name without a tag; what is not known is empty.

    `repository` is the folder that it is made from. `newest` is the newest tag in its registry, `base` and `template`
    what it is made with, and `hub_version` the JupyterHub for which it is proved.
    """

    image: str
    title: str = ""
    repository: str = ""
    uses: tuple[Use, ...] = ()
    newest: str = ""
    day: str = ""
    base: str = ""
    template: str = ""
    hub_version: str = ""
    needs: tuple[Need, ...] = ()

    @property
    def urgency(self) -> tuple[int, int, str]:
        """What rows are sorted by."""
        first = min((need.weight for need in self.needs), default=len(Weight) + 1)
        return int(first), -len(self.needs), self.image


def gather(paths: Sequence[Path], ask: bool = True) -> tuple[list[Row], tuple[str, ...]]:
    """Return a row for each image, the ones that need somebody first, and a note on each file that was passed over.

    `paths` are repositories of the template, and files or folders of hubs' configurations. With `ask` registries tell what
    they have; one that does not answer is a need of the row. Raises Problem for a path that is not there.
    """
    made = [path for path in paths if (path / image_env.FILE).is_file()]
    hubs = [path for path in paths if path not in made]
    read = values.read(hubs)
    rows = {row.image: row for row in map(_of_repository, made)}
    for name, uses in _uses(values.completed(read.images)).items():
        rows[name] = replace(rows.get(name, Row(name)), uses=tuple(uses))
    if ask:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            asked = list(pool.map(_asked, rows.values()))
    else:
        asked = list(rows.values())
    found = [replace(row, needs=(*row.needs, *_needs(row, bool(hubs)))) for row in asked]
    return sorted(found, key=lambda row: row.urgency), read.notes


def _of_repository(path: Path) -> Row:
    answers = image_env.read(path)
    owner = answers.registry_owner or on_github(path).partition("/")[0].lower() or profiles.OWNER
    recorded = anchors.value("_commit", files.read(path / image_env.ANSWERS))
    needs = [*_base(answers), *_template(recorded), *_packages(path)]
    return Row(
        image=f"{answers.registry}/{owner}/{answers.image_name}",
        title=answers.title,
        repository=str(path),
        base=answers.base_image,
        template=recorded,
        hub_version=answers.hub_version,
        needs=tuple(needs),
    )


def _base(answers: Answers) -> Iterator[Need]:
    """Whether the catalog has a newer tag of the same base; cuda12-2026-07-28 is not followed by 2026-11-01."""
    name, _, tag = answers.base_image.rpartition(":")
    known = [base.tag for base in catalog.load().bases.values() if base.image == name]
    alike = [other for other in known if re.sub(r"\d+", "0", other) == re.sub(r"\d+", "0", tag)]
    if alike and tag not in known:
        sentence = (
            f"it is made from {name}:{tag}, and {alike[0]} is there; run `hub-image update` in it"
        )
        yield Need(Weight.BASE, sentence)


def _template(recorded: str) -> Iterator[Need]:
    version = number(recorded)
    if version and version < number(__version__):
        sentence = f"it is from {recorded} of the template, and v{__version__} is there; run `hub-image update` in it"
        yield Need(Weight.TEMPLATE, sentence)


def _packages(path: Path) -> Iterator[Need]:
    if over := [entry.name for entry in reasons.ended(path)]:
        sentence = f"{', '.join(over)}: wanted for a time that is over; run `hub-image check` in it"
        yield Need(Weight.PACKAGES, sentence)


def _uses(images: Iterable[values.Image]) -> dict[str, list[Use]]:
    """What hubs have for people, by the name of the image."""
    version = charts.Versions()
    found: dict[str, list[Use]] = {}
    for image in images:
        try:
            reference = Reference.parse(image.reference)
        except Problem:
            continue  # half of a name, or none: `hub-image profile` says what is wrong with it
        if image.kind.is_users:
            moves = reference.moves is Moves.YES
            hub = version.of(Path(image.file))
            use = Use(image.where, image.title, image.tag, moves, hub)
            found.setdefault(reference.name, []).append(use)
    return found


def _asked(row: Row) -> Row:
    """A row with what its registry tells."""
    needs = list(row.needs)
    if profiles.OWNER in row.image:
        sentence = (
            "nobody knows who owns its image, because it is not on GitHub; answer registry_owner"
        )
        return replace(row, needs=(*needs, Need(Weight.UNKNOWN, sentence)))
    registry = Repository(row.image)
    uses = []
    newest = day = ""
    try:
        if row.repository:
            newest = tags.newest(registry)
            day = registry.created(newest)[:10]
        for use in row.uses:
            made = _day(registry, use.tag)
            uses.append(replace(use, day=made or ""))
            if made is None:
                sentence = f"{use.where} has {use.tag}, which the registry does not have, or not for everybody; start it, or change the tag"
                needs.append(Need(Weight.GONE, sentence))
    except Problem as problem:
        needs.append(Need(Weight.UNKNOWN, str(problem).rstrip(".")))
        return replace(row, needs=tuple(needs))
    return replace(row, newest=newest, day=day, uses=tuple(uses), needs=tuple(needs))


def _day(registry: Repository, tag: str) -> str | None:
    """The day on which an image was made, empty where it does not say; None where there is no such image."""
    if not tag:
        return ""
    try:
        return registry.created(tag.rpartition("@")[2])[:10]
    except (Away, Refused):
        raise
    except Problem:
        return None


def _needs(row: Row, has_hubs: bool) -> Iterator[Need]:
    """Why somebody has to look at what hubs have."""
    for use in row.uses:
        if use.moves:
            yield Need(Weight.MOVES, f"{use.where} has a tag that moves; write one that stays")
        elif row.newest and use.tag.partition("@")[0] != row.newest:
            of = f" of {use.day}" if use.day else ""
            newer = f"{row.newest} of {row.day} is newer" if row.day else f"{row.newest} is newer"
            yield Need(Weight.BEHIND, f"{use.where} has {use.tag}{of}, and {newer}; change the tag")
        if row.hub_version and use.hub_version and use.hub_version != row.hub_version:
            sentence = (
                f"{use.where} is for JupyterHub {use.hub_version}, and it is proved for {row.hub_version}; change its "
                "answer hub_version"
            )
            yield Need(Weight.HUB, sentence)
    if has_hubs and not row.uses:
        yield Need(Weight.UNLINKED, "no hub here has it; send its link request, or retire it")
