"""The answers of a repository, as CI and the commands see them: `.github/image.env`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from hub_image.repository import files

FILE = ".github/image.env"
ANSWERS = ".copier-answers.yml"  # the same in Copier's words; Copier alone writes it


@dataclass(frozen=True)
class Answers:
    """What `.github/image.env` says, each line in the field of its name; empty where it says nothing."""

    title: str = ""
    description: str = ""
    registry: str = ""
    registry_owner: str = ""
    image_name: str = ""
    platforms: tuple[str, ...] = ()
    base_image: str = ""
    base_family: str = ""
    languages: tuple[str, ...] = ()
    package_manager: str = ""
    python_version: str = ""
    interfaces: tuple[str, ...] = ()
    default_url: str = ""
    dask_gateway: bool = False
    cuda: str = ""
    conda_r: bool = False
    hub_version: str = ""
    hub_url: str = ""
    support_url: str = ""
    hub_config: str = ""


def read(repository: Path) -> Answers:
    """Return the answers of a repository; all are empty where it was not made from the template."""
    return parse(files.read(repository / FILE))


def parse(text: str) -> Answers:
    """Return the answers in a text such as `.github/image.env`: lines of NAME=value, as they stand."""
    kinds = {field.name: field.type for field in fields(Answers)}
    given: dict[str, str | bool | tuple[str, ...]] = {}
    for line in text.splitlines():
        key, equals, value = (part.strip() for part in line.partition("="))
        kind = kinds.get(key.lower())
        if not equals or kind is None:
            continue
        if kind == "bool":
            given[key.lower()] = value == "yes"
        elif kind == "str":
            given[key.lower()] = value
        else:
            given[key.lower()] = tuple(value.replace(",", " ").split())
    return Answers(**given)  # type: ignore[arg-type]
