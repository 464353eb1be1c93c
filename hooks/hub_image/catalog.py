"""What the template ships besides code: `catalog.yml`, `copier.yml` and the files of `template/`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, TypeVar


@dataclass(frozen=True)
class Image:
    """An image that builds take something from, at the version of this template."""

    image: str
    tag: str
    platforms: tuple[str, ...] = ()
    digest: str = ""

    @property
    def reference(self) -> str:
        """Its name with the tag."""
        return f"{self.image}:{self.tag}"

    @property
    def pinned(self) -> str:
        """Its name with the tag, and with the digest where the catalog has it."""
        return f"{self.reference}@{self.digest}" if self.digest else self.reference


@dataclass(frozen=True)
class Base(Image):
    """An image that a community maintains, as people may choose it."""

    family: str = ""
    languages: tuple[str, ...] = ()
    retired: str = ""
    python: str = ""  # the minor version


@dataclass(frozen=True)
class Family:
    """How the images of one project behave; `tag` is a pattern for the tags that stay."""

    title: str
    prefix: str
    user: str
    uid: int
    gid: int
    home: str
    tag: str
    package_managers: tuple[str, ...]


@dataclass(frozen=True)
class Interface:
    """A web application beside JupyterLab: its address below a server, and the package through which Jupyter reaches it."""

    title: str
    url: str
    proxy: str


@dataclass(frozen=True)
class Registry:
    """What a registry does in a way of its own.

    `settings`: the page of an image, where it is made public. `login`: what Docker calls the registry. `api`: the host
    that speaks its protocol. `deletes`: whether a program may remove an image.
    """

    settings: str = ""
    login: str = ""
    api: str = ""
    deletes: bool = True


@dataclass(frozen=True)
class Program:
    """How people get `hub-image`: the `package` for pip, and the beginning of a line that runs it in a terminal."""

    package: str
    run: str

    def line(self, arguments: str, source: str, version: str = "") -> str:
        """Return a line for a terminal.

        `source` is the template's address for git, or a folder, `version` what `git describe` says of it: where that is
        no tag, the commit in it is taken, since uv asks a server for the name as it stands.
        """
        version = re.sub(r".*-g([0-9a-f]+)", r"\1", version)
        source = source if "://" in source else f"file://{source}"
        return f"{self.run.format(source=f'{source}@{version}' if version else source)} {arguments}"


@dataclass(frozen=True)
class Catalog:
    """Facts about bases, families, registries and pinned versions."""

    published: str
    days_until_taken: int
    program: Program
    hub: str
    charts: Mapping[str, str]
    lasting_tag: str
    moving_tags: tuple[str, ...]
    runs_steps: str
    images: Mapping[str, Image]
    interfaces: Mapping[str, Interface]
    registries: Mapping[str, Registry]
    families: Mapping[str, Family]
    bases: Mapping[str, Base]
    retired: Mapping[str, str]

    def registry(self, host: str) -> Registry:
        """Return the ways of a registry; one that nobody knows has none of its own."""
        return self.registries.get(host, Registry())


T = TypeVar("T")


def shipped(name: str) -> Path:
    """Return the path of a file or folder that the wheel carries and a checkout has at its root."""
    package = Path(__file__).parent
    inside = package / name
    return inside if inside.exists() else package.parents[1] / name


@cache
def questions() -> dict[str, Any]:
    """Return `copier.yml`: the questions, and which files belong to a repository's owner."""
    return _yaml("copier.yml")


@cache
def load() -> Catalog:
    """Return `catalog.yml`, as far as Python reads it; the rest is for the Dockerfile."""
    facts = _yaml("catalog.yml")
    return Catalog(
        published=facts["published"],
        days_until_taken=facts["days_until_taken"],
        program=Program(**facts["program"]),
        hub=facts["hub"],
        charts=facts["charts"],
        lasting_tag=facts["lasting_tag"],
        moving_tags=tuple(facts["moving_tags"]),
        runs_steps=facts["runs_steps"],
        images=_all(Image, facts["images"]),
        interfaces=_all(Interface, facts["interfaces"]),
        registries=_all(Registry, facts["registries"]),
        families=_all(Family, facts["families"]),
        bases=_all(Base, facts["bases"]),
        retired=facts.get("retired") or {},
    )


def _yaml(name: str) -> dict[str, Any]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = shipped(name).read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.load(text, Loader=loader)
    return found


def _all(kind: type[T], entries: Mapping[str, Mapping[str, Any]]) -> dict[str, T]:
    """Make one of these of each entry, from the keys that it has a field for."""
    names = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    return {
        key: kind(
            **{
                name: tuple(value) if isinstance(value, list) else value
                for name, value in entry.items()
                if name in names
            }
        )
        for key, entry in entries.items()
    }
