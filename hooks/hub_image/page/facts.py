"""What the page of an image says, gathered from the image, its registry, its repository, and the page before.

The page's folder keeps all of it in packages.json, so that the next image is compared without pulling this one again.
What one release has written there, each later one has to read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hub_image.contract import PASS, WARN
from hub_image.handoff import links, profiles
from hub_image.hubconfig import lint
from hub_image.lists import installed
from hub_image.problem import Problem
from hub_image.repository import files, image_env, tags
from hub_image.repository.reference import Reference
from hub_image.tools import docker
from hub_image.tools.github import server
from hub_image.tools.registry import Repository

FILE = "packages.json"
BRANCH = "image-page"  # where CI keeps the page
MOST = 20  # older images on the page
STARTS = "a server starts"  # the check of the contract whose words say how long that took
# The sections of the page, and what keeps the packages in each.
KINDS = {
    "Python": {"conda": "conda", "pip": "PyPI"},
    "R": {"R": "R"},
    "Julia": {"Julia": "Julia"},
    "VS Code": {"vscode": "VS Code"},
    "System": {"apt": "system"},
}
FROM = {manager: words for kept in KINDS.values() for manager, words in kept.items()}


@dataclass(frozen=True)
class Package:
    """A package that is installed: what keeps it (as in lists.installed), its name and its version."""

    manager: str
    name: str
    version: str


@dataclass(frozen=True)
class Change:
    """A package that differs from the image before; a version that is not there is empty."""

    manager: str
    name: str
    before: str
    now: str


@dataclass(frozen=True)
class Older:
    """An image that was published before: its tag, when it was made, and the commit of BRANCH that has its page, if any."""

    tag: str
    made: str
    page: str = ""


@dataclass(frozen=True)
class Proof:
    """What the contract found before an image was published, and on which JupyterHub.

    `passed`: how many checks did. `warned`: the names of those that only warned. `started`: how long a server took, in
    words; empty where no server was started.
    """

    hub: str
    passed: int
    warned: tuple[str, ...] = ()
    started: str = ""

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Proof:
        """Return the proof in what `hub-image test --json` prints."""
        passed, warned = (
            [entry for entry in found["results"] if entry["status"] == status]
            for status in (PASS, WARN)
        )
        return cls(
            found["hub"],
            len(passed),
            tuple(f"{entry['number']} {entry['name']}" for entry in warned),
            next((entry["detail"] for entry in passed if entry["name"] == STARTS), ""),
        )

    @classmethod
    def again(cls, kept: Mapping[str, Any]) -> Proof | None:
        """Return a proof from its fields, as JSON keeps them; nothing where it kept none."""
        return cls(**{**kept, "warned": tuple(kept["warned"])}) if kept else None


@dataclass(frozen=True)
class Published:
    """What CI knows of an image that it has just published.

    `pages` has the commit of BRANCH with the page of each earlier image, by that image's tag. `site` is where GitHub Pages
    publish the page, if they do.
    """

    digest: str = ""
    proof: Proof | None = None
    pages: Mapping[str, str] = field(default_factory=dict)
    site: str = ""


@dataclass(frozen=True)
class Facts:
    """What the page says.

    `made` is a time in ISO 8601, as the image and its registry have it. `size` is what a node pulls, in bytes, 0 where
    nobody knows; empty texts are unknown too. `older` begins with the newest.
    """

    title: str
    description: str
    reference: str
    made: str
    size: int
    packages: tuple[Package, ...]
    proof: Proof | None = None
    before: str = ""
    changes: tuple[Change, ...] = ()
    older: tuple[Older, ...] = ()
    hub: str = ""
    launch: str = ""
    binder: str = ""
    github: str = ""
    support: str = ""
    site: str = ""

    @property
    def home(self) -> str:
        """The repository's own page on GitHub."""
        return f"{server()}/{self.github}"

    @property
    def name(self) -> str:
        """The image without its tag, as it was written."""
        return Reference.parse(self.reference).written

    def of(self, kind: str) -> list[Package]:
        """Return the packages of a section, by name."""
        found = [package for package in self.packages if package.manager in KINDS[kind]]
        return sorted(found, key=lambda package: (package.name.lower(), package.manager))


@dataclass(frozen=True)
class Kept:
    """What the page before said: its image, its packages, how it was proved, and what it was compared with itself."""

    reference: str = ""
    made: str = ""
    packages: installed.Packages = field(default_factory=dict)
    proof: Proof | None = None
    before: str = ""
    changes: tuple[Change, ...] = ()
    older: tuple[Older, ...] = ()


def read(folder: Path) -> Kept:
    """Return what the page before kept in its folder; nothing where there is none. Raises Problem where it is no page's."""
    return parse(files.read(folder / FILE), str(folder / FILE))


def parse(text: str, file: str) -> Kept:
    """Return what a text of packages.json says; nothing where it is empty. Raises Problem where it is no page's."""
    if not text:
        return Kept()
    try:
        found = json.loads(text)
        return Kept(
            reference=str(found["reference"]),
            made=str(found["made"]),
            packages={
                (entry["manager"], entry["name"]): entry["version"] for entry in found["packages"]
            },
            proof=Proof.again(found["proof"]),
            before=str(found["before"]),
            changes=tuple(Change(**entry) for entry in found["changes"]),
            older=tuple(Older(**entry) for entry in found["older"]),
        )
    except (ValueError, LookupError, TypeError):
        raise Problem(
            f"{file} is not what `hub-image page` wrote; delete it, and the page is made anew"
        ) from None


def write(facts: Facts) -> str:
    """Return the text of packages.json: one package on a line, so that git shows what changed."""
    data = asdict(facts)
    lines = []
    for key, value in data.items():
        if isinstance(value, tuple) and value:
            items = ",\n".join(f"  {json.dumps(item, ensure_ascii=False)}" for item in value)
            lines.append(f'"{key}": [\n{items}\n]')
        else:
            lines.append(f'"{key}": {json.dumps(value, ensure_ascii=False)}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


def gather(
    repository: Path,
    reference: str,
    kept: Kept,
    profile: str = "",
    option: str = "image",
    published: Published | None = None,
) -> Facts:
    """Return what there is to say about an image of a repository.

    `kept` is what the page before said; `profile` and `option` are those of links.other; `published` is what CI adds. An
    image that has its page already keeps what was said of it. Raises Problem where the image or its registry does not
    answer.
    """
    published = published or Published()
    answers = image_env.read(repository)
    if not answers.base_family:
        raise Problem(f"{image_env.FILE} is missing: run this in a repository of the template.")
    image = Reference.parse(reference)
    if not (image.is_local or image.tag or image.digest):
        raise Problem(f"{reference} has no tag; write it as in {reference}:0a1b2c3d4e5f")
    pulled = f"{image.written}@{published.digest}" if published.digest else reference
    made = str(docker.inspect(pulled).get("Created") or "")
    found = installed.packages(pulled)
    packages = [
        Package(manager, name, version)
        for (manager, name), version in found.items()
        if manager in FROM
    ]
    again = kept.reference == reference
    github = links.github_repository(repository)
    return Facts(
        title=answers.title or answers.image_name,
        description=answers.description,
        reference=reference,
        made=made,
        packages=tuple(
            sorted(packages, key=lambda package: (package.manager, package.name.lower()))
        ),
        proof=kept.proof if again else published.proof,
        **_compare(reference, found, kept),
        **_of_registry(image, made, kept, published.pages),
        hub=answers.hub_url,
        launch=_launch(repository, answers.hub_url, reference, profile, option),
        binder=links.binder(where, image.tag if tags.COMMIT.fullmatch(image.tag) else "HEAD")
        if (where := links.open_repository(repository))
        else "",
        github=github,
        support=answers.support_url if answers.hub_url else "",
        site=published.site,
    )


def _compare(reference: str, found: installed.Packages, kept: Kept) -> dict[str, Any]:
    """What changed since the image before; a page that is made again says the same again."""
    if kept.reference == reference:
        return {"before": kept.before, "changes": kept.changes}
    if not kept.reference:
        return {}
    changes = installed.compare(kept.packages, found)
    return {"before": kept.reference, "changes": tuple(Change(*change) for change in changes)}


def _of_registry(
    image: Reference, made: str, kept: Kept, pages: Mapping[str, str]
) -> dict[str, Any]:
    """The size and the older tags, of an image that is in a registry."""
    if image.is_local:
        return {"size": 0}
    repository = Repository(image.name)
    manifest = repository.image(image.digest or image.tag)
    if manifest is None:
        raise Problem(f"{image} is not in the registry; publish it first, or check its name")
    return {
        "size": sum(installed.layers(manifest.content).values()),
        "older": tuple(_older(repository, image, made, kept, pages)),
    }


def _older(
    repository: Repository, image: Reference, made: str, kept: Kept, pages: Mapping[str, str]
) -> list[Older]:
    """The images that were made before this one and are still there, the newest first.

    The registry is asked only about tags that the page before does not know: a tag does not move.
    """
    before = Reference.parse(kept.reference) if kept.reference else image
    known = {}
    if before.name == image.name:
        known = {older.tag: older.made for older in kept.older} | {before.tag: kept.made}
    there = [tag for tag in repository.tags() if tags.lasts(tag) and tag != image.tag]
    found = {tag: known[tag] for tag in there if tag in known}
    found |= dict(tags.by_age(repository, [tag for tag in there if tag not in known]))
    # A release is one more name of an image, and the page is that of its other name.
    page = {found[tag]: commit for tag, commit in pages.items() if tag in found}
    older = [Older(tag, when, page.get(when, "")) for tag, when in found.items() if when < made]
    return sorted(older, key=lambda entry: (entry.made, entry.tag), reverse=True)


def _launch(repository: Path, hub: str, reference: str, profile: str, option: str) -> str:
    """A link that starts the image on the hub; nothing where nobody knows the hub or its menu."""
    if not hub:
        return ""
    try:
        profile = profile or lint.slug(profiles.read(repository)[0])
    except Problem:  # no hub/profile.yaml: its owner may have removed it
        return ""
    return links.other(hub, reference, profile, option)
