"""`hub-image page`: write the page of an image, as README.md and as index.html; ci/page.py puts it into a branch."""

from __future__ import annotations

import argparse
from pathlib import Path

from hub_image.handoff import links
from hub_image.page import facts, readme, site
from hub_image.problem import Problem
from hub_image.repository import argument

FILES = ("README.md", "index.html", facts.FILE)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hub-image page`."""
    parser.add_argument(
        "reference",
        nargs="?",
        metavar="IMAGE",
        help="the published image with its tag, or one that Docker has",
    )
    argument.path(parser)
    parser.add_argument(
        "--into",
        type=Path,
        metavar="FOLDER",
        help="where the page is written; what is there from the image before tells what changed",
    )
    links.menu(parser)


def run(options: argparse.Namespace) -> int:
    """Write the page and say where; return the exit code. Raises Problem, with nothing written."""
    if not (options.reference and options.into):
        raise Problem(
            "hub-image page needs an image and a folder, as in `hub-image page ghcr.io/owner/my-image:0a1b2c3d4e5f --into page`"
        )
    kept = facts.read(options.into)
    found = facts.gather(options.path, options.reference, kept, options.profile, options.option)
    options.into.mkdir(parents=True, exist_ok=True)
    write(found, options.into)
    print(f"{options.into} has the page of {found.reference}, with {len(found.packages)} packages.")
    return 0


def write(found: facts.Facts, folder: Path) -> None:
    """Write the page into a folder, in the place of the one before."""
    made = (readme.text(found), site.text(found), facts.write(found))
    for name, text in zip(FILES, made, strict=True):
        (folder / name).write_text(text, encoding="utf-8")
