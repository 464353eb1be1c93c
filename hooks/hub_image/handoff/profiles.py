"""Entries for a hub's menu: KubeSpawner's `profile_list`, read from YAML, checked, filled in, merged.

KubeSpawner says nothing about a misspelt key, it ignores it; so hub_image.hubconfig.lint looks them over.
https://jupyterhub-kubespawner.readthedocs.io/en/latest/spawner.html#kubespawner.KubeSpawner.profile_list
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from hub_image.hubconfig import lint
from hub_image.problem import Problem
from hub_image.repository import tags
from hub_image.syntax.yaml import Mapping, NotYaml, load
from hub_image.tools.git import on_github
from hub_image.tools.registry import Repository

FILE = "hub/profile.yaml"
TAG, OWNER = "<tag>", "<owner>"  # what a committed entry cannot know


def read(path: Path) -> list[Mapping]:
    """Return the profiles of a repository, or of a YAML file.

    A file holds one profile, a list of them, or a hub's values with a `profileList` somewhere.
    Raises Problem for a file that is absent or holds none.
    """
    path = path / FILE if path.is_dir() else path
    try:
        data = load(path.read_bytes(), str(path))
    except OSError:
        raise Problem(
            f"{path} is not there; name a repository that has {FILE}, or a YAML file"
        ) from None
    except NotYaml as error:
        raise Problem(f"{path}:{error.line}: {error}; repair it") from None
    if isinstance(data, Mapping) and "display_name" in data:
        data = [data]
    if isinstance(data, Mapping):
        data = _profile_list(data)
    if not isinstance(data, list) or not all(isinstance(profile, Mapping) for profile in data):
        raise Problem(
            f"{path}:1: there is no profile here; begin with `display_name:`, or with a list"
        )
    return data


def _profile_list(values: Mapping) -> list[Mapping] | None:
    """The `profileList` of a Helm chart's values, however deep."""
    if "profileList" in values:
        found: list[Mapping] | None = values["profileList"]
        return found
    inner = (_profile_list(value) for value in values.values() if isinstance(value, Mapping))
    return next((found for found in inner if found is not None), None)


def fill(profiles: Iterable[Mapping], references: Iterable[str]) -> None:
    """Give every image that has no tag yet the one of these references that has its name.

    Raises Problem for an image that stays without a tag, and for a reference that fits none.
    """
    references = list(references)
    overrides = [override for profile in profiles for override in lint.overrides(profile)]
    names = [str(override.get("image")) for override in overrides if "image" in override]
    for reference in references:
        if not any(fits(name, reference) for name in names):
            raise Problem(
                f"{reference} is none of the images here, {', '.join(names)}; check its name"
            )
    for override in overrides:
        image = str(override.get("image", ""))
        if TAG in image:
            fitting = [reference for reference in references if fits(image, reference)]
            if len(fitting) != 1:
                raise Problem(
                    f"{override.where('image')}: `{image}` needs its tag; add `--image "
                    f"{image.replace(TAG, 'TAG').replace(OWNER, 'OWNER')}`, once"
                )
            override["image"] = fitting[0]


def newest(profiles: Iterable[Mapping], given: Iterable[str] = ()) -> list[str]:
    """Return a reference for every image that has no tag yet, and none of those given: the newest that its registry has.

    An owner that nobody has written down is that of the repository on GitHub. Raises Problem where a registry does not
    answer or has no such image, and where nobody knows the owner.
    """
    found = {}
    for override in (override for profile in profiles for override in lint.overrides(profile)):
        image = str(override.get("image", ""))
        is_given = any(fits(image, reference) for reference in given)
        if not image.endswith(f":{TAG}") or image in found or is_given:
            continue
        name = image.removesuffix(f":{TAG}")
        if OWNER in name:
            owner = on_github(Path(override.file).parent.parent).partition("/")[0].lower()
            if not owner:
                raise Problem(
                    f"{override.where('image')}: nobody knows the owner in `{image}`, because the repository is not on "
                    "GitHub; add --image with the whole name"
                )
            name = name.replace(OWNER, owner)
        found[image] = f"{name}:{tags.newest(Repository(name))}"
    return list(found.values())


def fits(image: str, reference: str) -> bool:
    """Whether a reference is what an image without owner or tag could become."""
    pattern = (
        re.escape(image)
        .replace(OWNER, r"[\w./-]+")
        .replace(TAG, r"\w[\w.-]*(@sha256:[0-9a-f]{64})?")
    )
    return bool(re.fullmatch(pattern, reference, re.ASCII))


def check(profiles: list[Mapping]) -> None:
    """Raise Problem for the first thing that a hub would ignore, refuse or mix up, and for a tag that moves."""
    images = (override for profile in profiles for override in lint.overrides(profile))
    for finding in [
        *lint.menu(profiles),
        *(finding for image in images for finding in lint.tag(image)),
    ]:
        if finding.severity == "error" or finding.code == lint.MOVES:
            raise Problem(f"{finding.file}:{finding.line}: {finding.message}")


def as_choices(profiles: Iterable[Mapping]) -> list[dict[str, Any]]:
    """Return one profile that offers these as choices, and "Other..." for any other image.

    Raises Problem for a profile with options of its own: choices have none.
    """
    choices = {}
    for profile in profiles:
        if "profile_options" in profile:
            raise Problem(
                f"{profile.where('profile_options')}: a choice has no options; leave it a profile"
            )
        choices[lint.slug(profile)] = {
            key: profile[key] for key in profile if key in lint.CHOICE - {"slug"}
        }
    return [
        {
            "display_name": "Choose your environment",
            "slug": "choose-your-environment",
            "profile_options": {
                "image": {
                    "display_name": "Environment",
                    "choices": choices,
                    "unlisted_choice": {
                        "enabled": True,
                        "display_name": "Another image",
                        "validation_regex": "^.+:.+$",
                        "validation_message": "A public image with its tag, as in quay.io/owner/name:tag",
                        "kubespawner_override": {"image": "{value}"},
                    },
                }
            },
        }
    ]


class _Quoted(str):
    """A text that is written with quotes."""


class _Dumper(yaml.SafeDumper):
    """Writes lists as people do, with the dash indented."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


_Dumper.add_representer(
    _Quoted, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')
)


def dump(data: Any) -> str:
    """Return data as YAML; images are in quotes, because a tag may look like a number or a date."""
    return yaml.dump(_plain(data), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)


def _plain(data: Any, key: str = "") -> Any:
    if isinstance(data, dict):
        return {key: _plain(value, key) for key, value in data.items()}
    if isinstance(data, list):
        return [_plain(value) for value in data]
    return _Quoted(data) if key == "image" and isinstance(data, str) else data
