"""`hub-image page`: write the page of an image, as README.md and as index.html."""

from __future__ import annotations

import argparse
from pathlib import Path

from hub_image.handoff import links
from hub_image.page import facts, readme, site
from hub_image.repository import argument


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hub-image page`."""
    parser.add_argument(
        "reference",
        metavar="IMAGE",
        help="the published image with its tag, or one that Docker has",
    )
    argument.path(parser)
    parser.add_argument(
        "--into",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="where the page is written; what is there from the image before tells what changed",
    )
    links.menu(parser)


def run(options: argparse.Namespace) -> int:
    """Write the page and say where; return the exit code. Raises Problem, with nothing written."""
    kept = facts.read(options.into)
    found = facts.gather(options.path, options.reference, kept, options.profile, options.option)
    made = {
        "README.md": readme.text(found),
        "index.html": site.text(found),
        facts.FILE: facts.write(found),
    }
    options.into.mkdir(parents=True, exist_ok=True)
    for name, text in made.items():
        (options.into / name).write_text(text, encoding="utf-8")
    print(f"{options.into} has the page of {found.reference}, with {len(found.packages)} packages.")
    return 0
