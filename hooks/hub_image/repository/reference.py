"""The name of an image: registry, path, tag and digest, and whether it may mean another image tomorrow.

https://pkg.go.dev/github.com/distribution/reference has the grammar and what Docker adds to a short name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from hub_image import catalog
from hub_image.problem import Problem

DOCKER_HUB = "docker.io"
_WORD = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?P<path>(?:[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]+)?/)?{_WORD}(?:/{_WORD})*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?(?:@(?P<digest>[a-z0-9]+:[0-9a-f]{32,}))?",
    re.ASCII,
)


class Moves(Enum):
    """Whether a reference means the same image for ever."""

    NO = "stays"
    MAYBE = "may move"
    YES = "moves"


@dataclass(frozen=True)
class Reference:
    """An image reference in its parts; `host` is where Docker would look, `path` as it is written there.

    `written` is the name as somebody wrote it, without tag and digest.
    """

    host: str
    path: str
    tag: str = ""
    digest: str = ""
    written: str = ""

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Take a reference apart. Raises Problem for what is none, in one sentence."""
        found = _REFERENCE.fullmatch(text)
        if not found:
            raise Problem(f"{text!r} is no image reference: write it as in quay.io/owner/name:tag.")
        written = found["path"]
        first, slash, rest = written.partition("/")
        # Docker's own rule for what is a host.
        if slash and (re.search(r"[.:A-Z]", first) or first == "localhost"):
            host, path = first, rest
        else:
            host, path = DOCKER_HUB, written
        if host in ("index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"):
            host = DOCKER_HUB
        if host == DOCKER_HUB and "/" not in path:
            path = f"library/{path}"
        return cls(host, path, found["tag"] or "", found["digest"] or "", written)

    @property
    def name(self) -> str:
        """Host and path, without tag and digest."""
        return f"{self.host}/{self.path}"

    @property
    def owner(self) -> str:
        """The part of the path before the image's own name."""
        return self.path.rpartition("/")[0]

    @property
    def is_local(self) -> bool:
        """Whether it was written without a registry, as an image has it that is on one computer only."""
        return not self.written.startswith(self.host)

    @property
    def moves(self) -> Moves:
        """Whether it may mean another image tomorrow. `includes/reference.jinja` is this rule for the question.

        Of a project in the catalog only the tags stay that its family's pattern says. Elsewhere a full version, a
        date or a commit stays, whatever else the tag says; a word that is made to move moves; and nobody knows the rest.
        """
        if self.digest:
            return Moves.NO
        facts, pattern = catalog.load(), _family_tag(self.path)
        if not self.tag:
            return Moves.YES
        if pattern:
            return Moves.NO if re.fullmatch(pattern, self.tag) else Moves.YES
        if re.fullmatch(facts.lasting_tag, self.tag):
            return Moves.NO
        words = "|".join(facts.moving_tags)
        moving = re.fullmatch(rf"(.*[-_.])?({words})([-_.].*)?", self.tag, re.IGNORECASE)
        return Moves.YES if moving else Moves.MAYBE

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return self.name + tag + (f"@{self.digest}" if self.digest else "")


def runs_steps(reference: str) -> bool:
    """Whether an image is made to run ONBUILD steps in what is built on it, which copier.yml refuses as a base."""
    return bool(re.search(rf"{catalog.load().runs_steps}\Z", reference))


def same_project(one: str, other: str) -> bool:
    """Whether two images, named without tags, are of the same project: jupyter, say, in any registry."""
    return one.split("/")[-2:-1] == other.split("/")[-2:-1]


def _family_tag(path: str) -> str:
    """Return the pattern for tags that stay, for images of the catalog's projects; else nothing."""
    facts = catalog.load()
    for base in facts.bases.values():
        if same_project(base.image, path):
            return facts.families[base.family].tag
    return ""
