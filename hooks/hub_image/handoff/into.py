"""`hub-image request --into`: a published image goes into a checkout of a hub's configuration."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hub_image.hubconfig import edit, values
from hub_image.problem import Problem
from hub_image.repository.reference import Moves, Reference
from hub_image.tools.github import warn


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where the image goes; links.menu has `--profile`."""
    parser.add_argument(
        "--into",
        nargs="+",
        action="extend",
        default=[],
        metavar="FILE",
        help="change its tag in these files of a hub's configuration instead; FILE:LINE says which line",
    )
    parser.add_argument(
        "--choice", default="", metavar="KEY", help="with --into, the choice in the hub's menu"
    )


def run(options: argparse.Namespace) -> None:
    """Change the files, and say what changed. Raises Problem, before anything is written."""
    if not options.reference and len(options.into) > 1 and not Path(options.into[-1]).exists():
        options.reference = options.into.pop()
    if not options.reference:
        raise Problem(
            "name the image with its tag before --into, as in ghcr.io/owner/name:0a1b2c3d4e5f"
        )
    if Reference.parse(options.reference).moves is Moves.YES:
        warn(
            f"{options.reference} has a tag that moves: nodes of the hub keep what they pulled first."
        )
    changes = changed(
        [_place(text) for text in options.into],
        options.reference,
        profile=options.profile,
        choice=options.choice,
        previous=options.previous,
    )
    for path, (data, images) in changes.items():
        path.write_bytes(data)
        for image in images:
            print(f"{image.where}: {image.reference} is now {options.reference}")
            if image.also:
                places = ", ".join(use.title or use.place for use in image.also)
                print(f"  This is one text with {places}, which changed too.")


def changed(
    places: Iterable[tuple[Path, int]], reference: str, **which: Any
) -> dict[Path, tuple[bytes, list[values.Image]]]:
    """Return the new bytes of each file that changes, with the images that were there.

    A place is a file with a line, or with 0. `which` is what `edit.chosen` takes. A file that does not have the image is
    left out as long as another one has it. Raises Problem.
    """
    found: dict[Path, tuple[bytes, list[values.Image]]] = {}
    lacking: list[Problem] = []
    lines: dict[Path, list[tuple[str, int]]] = {}
    for path, line in places:
        lines.setdefault(path, []).extend([(str(path), line)] if line else [])
    for path, wanted in lines.items():
        read = values.read([path])
        if read.notes:
            raise Problem(read.notes[0].removesuffix("; passed over") + "; name another file")
        try:
            images = edit.chosen(values.completed(read.images), reference, lines=wanted, **which)
        except edit.NotThere as problem:
            lacking.append(problem)
            continue
        data = path.read_bytes()
        found[path] = (edit.change(data, images, reference), images)
    if not found:
        raise lacking[0]
    return found


def _place(text: str) -> tuple[Path, int]:
    """Take FILE or FILE:LINE apart."""
    found = re.fullmatch(r"(.+):(\d+)", text)
    if found and not Path(text).exists():
        return Path(found[1]), int(found[2])
    return Path(text), 0
