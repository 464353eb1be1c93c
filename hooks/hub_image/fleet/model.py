"""What a fleet says of each image: one row, and what somebody has to do about it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum


class Weight(IntEnum):
    """How soon somebody has to look, the soonest first."""

    MOVES = 1  # people may get another image than was proved
    HUB = 2  # it was proved for another JupyterHub
    GONE = 3  # what a hub has is not in the registry
    FAILED = 4  # what is on the default branch gives no image
    BEHIND = 5  # a newer image waits
    WAITS = 6  # the bot has opened something that only a person can merge or send
    BASE = 7
    TEMPLATE = 8
    PACKAGES = 9
    UNLINKED = 10
    UNKNOWN = 11  # a registry or GitHub does not tell

    @property
    def words(self) -> str:
        """What is wrong, in some words."""
        return WORDS[self]


WORDS = {
    Weight.MOVES: "a tag that moves",
    Weight.HUB: "another JupyterHub",
    Weight.GONE: "an image that is gone",
    Weight.FAILED: "a failed proof",
    Weight.BEHIND: "a newer image",
    Weight.WAITS: "something that waits",
    Weight.BASE: "a newer base",
    Weight.TEMPLATE: "a newer template",
    Weight.PACKAGES: "packages past their end",
    Weight.UNLINKED: "on no hub",
    Weight.UNKNOWN: "not known",
}


@dataclass(frozen=True)
class Need:
    """Why somebody has to look at an image, and what to do, in a sentence; `page` is where, if it is on GitHub."""

    weight: Weight
    sentence: str
    page: str = ""


@dataclass(frozen=True)
class Use:
    """A place where a hub has the image: file and line, what people read in the menu, the tag, and the image's day.

    `tag` includes a digest, as in `2026.11@sha256:…`; where only that is written, the tag is the newest, if it is its digest.
    `moves`: whether the tag may mean another image tomorrow. `page` shows the line, if it is on GitHub.
    """

    where: str
    title: str
    tag: str
    moves: bool
    hub_version: str = ""
    day: str = ""
    page: str = ""

    @property
    def short(self) -> str:
        """The tag as people read it, with the beginning of a digest."""
        return re.sub(r"(@\w+:[0-9a-f]{12})[0-9a-f]+", r"\1…", self.tag)


@dataclass(frozen=True)
class Proof:
    """The last run of image.yml on the default branch that came to an end: of which commit, when, and how."""

    passed: bool
    commit: str
    day: str
    page: str


@dataclass(frozen=True)
class Waiting:
    """What the bot has opened: an issue, or a pull request. `kind` is that of its mark."""

    kind: str
    title: str
    is_pull: bool
    page: str


@dataclass(frozen=True)
class Row:
    """An image by its name without a tag; what is not known is empty.

    `repository` is the folder that it is made from, or `owner/name` on GitHub, and `page` its address there. `newest` is
    the newest tag in its registry, `base` and `template` what it is made with, and `hub_version` the JupyterHub for which
    it is proved.
    """

    image: str
    title: str = ""
    repository: str = ""
    page: str = ""
    uses: tuple[Use, ...] = ()
    newest: str = ""
    day: str = ""
    base: str = ""
    base_day: str = ""
    template: str = ""
    hub_version: str = ""
    proof: Proof | None = None
    waiting: tuple[Waiting, ...] = ()
    needs: tuple[Need, ...] = ()

    @property
    def is_read(self) -> bool:
        """Whether it is known what is made; a repository that could not be read stands in the place of its image."""
        return self.image != self.repository

    @property
    def sorted_needs(self) -> list[Need]:
        """What has to be done, the most urgent first."""
        return sorted(self.needs, key=lambda need: need.weight)

    @property
    def urgency(self) -> tuple[int, int, str]:
        """What rows are sorted by."""
        first = min((need.weight for need in self.needs), default=len(Weight) + 1)
        return int(first), -len(self.needs), self.image
