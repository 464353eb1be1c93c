"""Changing an image in a hub's configuration: exactly the bytes of its tag, and of its name where that changes."""

from __future__ import annotations

import re
from collections.abc import Iterable

import yaml

from hub_image.hubconfig.values import Image, Text
from hub_image.problem import Problem
from hub_image.repository.reference import Reference

# What Helm's reader of YAML takes for a number, though Python's does not: https://yaml.org/spec/1.2.2/#103-core-schema
_NUMBER = re.compile(r"[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?|0o[0-7]+|0x[0-9a-fA-F]+")


class NotThere(Problem):
    """No image of that name, or at that place in the menu, is in the file."""


def change(data: bytes, images: Iterable[Image], reference: str) -> bytes:
    """Return the bytes of a file in which these images of it are another one; all other bytes stay.

    The name stays as it is written where only the tag changes. Raises Problem where the file lacks the line that would
    have to change.
    """
    new = Reference.parse(reference)
    edits: dict[tuple[int, int], bytes] = {}
    for image in images:
        for at, text in _edits(image, new):
            edits[at.start, at.end] = _written(at, text)
    for (start, end), written in sorted(edits.items(), reverse=True):
        data = data[:start] + written + data[end:]
    return data


def _edits(image: Image, new: Reference) -> Iterable[tuple[Text, str]]:
    """Yield what has to be written where."""
    tag = new.tag + (f"@{new.digest}" if new.digest else "")
    if not tag and image.tag:
        raise Problem(f"{new} has no tag; name the image that the hub is to run with its tag")
    stays = bool(image.name) and Reference.parse(image.name).name == new.name
    name = image.name if stays else new.written
    if image.name_at and image.name_at is image.tag_at:
        mark = ":" if new.tag else ""
        yield image.name_at, f"{name}{mark}{tag}"
        return
    if not image.tag_at or (not image.name_at and image.name and not stays):
        lacking = "name" if image.name_at is None else "tag"
        raise Problem(
            f"{image.where}: the {lacking} of this image stands in no line here; write it there, or change "
            "the file that has it"
        )
    yield image.tag_at, tag
    if image.name_at and not stays:
        yield image.name_at, name


def _written(at: Text, text: str) -> bytes:
    return (f'"{text}"' if at.plain and is_no_text(text) else text).encode()


def is_no_text(text: str) -> bool:
    """Whether YAML takes this for a number, a date or the like where it has no quotes."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    return node is None or node.tag != "tag:yaml.org,2002:str" or bool(_NUMBER.fullmatch(text))


def chosen(
    images: Iterable[Image],
    reference: str,
    *,
    profile: str = "",
    choice: str = "",
    lines: Iterable[tuple[str, int]] = (),
    previous: str = "",
    everywhere: bool = False,
) -> list[Image]:
    """Return the images that are to become `reference`: one, or those in the `lines`, each a file with a line of it.

    Without lines it is what stands at this profile and choice, and else the image that has this name, or is the
    `previous` one; with `everywhere` in all places, as long as they agree on its tag. Raises Problem where there is none,
    and where there are several, with what can be chosen.
    """
    users = [image for image in images if image.kind.is_users]
    if lines := list(lines):
        there = {(image.file, image.line): image for image in users}
        for file, line in lines:
            if (file, line) not in there:
                raise Problem(f"{file}:{line}: no image stands in this line; {_choices(users)}")
        return [there[line] for line in lines]
    found = [image for image in users if _is_at(image, profile, choice)]
    if not found:
        asked = [f"--profile {profile}"] * bool(profile) + [f"--choice {choice}"] * bool(choice)
        what = " with ".join(asked) or "no image that people start"
        raise NotThere(f"{what} is not there; {_choices(users)}")
    if len(found) > 1 or not (profile or choice):
        named = _named(found, reference) or _named(found, previous)
        if not named:
            name = Reference.parse(reference).name
            raise NotThere(f"{name} is not there yet; {_choices(found)}")
        found = named
    if len(found) > 1:
        raise Problem(
            f"{Reference.parse(found[0].name).name} stands in {len(found)} places; {_choices(found)}"
        )
    return found


def _is_at(image: Image, profile: str, choice: str) -> bool:
    return any(
        profile in ("", use.profile, use.title.partition(" › ")[0])
        and choice in ("", use.choice, use.title.partition(" › ")[2])
        for use in (image, *image.also)
    )


def _named(images: Iterable[Image], reference: str) -> list[Image]:
    """Return the images that are this one in any version."""
    name = reference and Reference.parse(reference).name
    return [image for image in images if image.name and Reference.parse(image.name).name == name]


def _choices(images: Iterable[Image]) -> str:
    """Say how each of these images can be named in a command."""
    ways = []
    for image in images:
        way = f"--profile {image.profile}" if image.profile else f"--into {image.where}"
        if image.choice:
            way += f" --choice {image.choice}"
        at = f", {image.where}" if image.profile else ""
        ways.append(f"{way} ({image.reference}{at})")
    return "say which: " + ", ".join(ways) if ways else "name another file"
