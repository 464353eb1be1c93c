"""`hub-image profile`: print the entries of one or several repositories for a hub's menu."""

import argparse
from pathlib import Path
from typing import Any

from hub_image.handoff import profiles
from hub_image.problem import Problem
from hub_image.tools.github import fail


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hub-image profile`."""
    parser.add_argument(
        "path",
        nargs="*",
        type=Path,
        default=[Path()],
        help="a repository, or a YAML file with profiles such as a hub's values (default: .)",
    )
    parser.add_argument(
        "--image",
        action="append",
        default=[],
        metavar="REFERENCE",
        help="a published image with its tag; it fills in the entry that has its name",
    )
    parser.add_argument(
        "--as",
        dest="form",
        choices=["profile", "choice"],
        default="profile",
        help="each a profile of its own (default), or all of them choices of one profile",
    )


def run(options: argparse.Namespace) -> int:
    """Print one list for `profileList`; return 1, with the reason, when a hub would not take it."""
    try:
        print(profiles.dump(merged(options.path, options.image, options.form)), end="")
    except Problem as problem:
        return fail(problem)
    return 0


def merged(paths: list[Path], images: list[str], form: str = "profile") -> list[Any]:
    """Return the profiles of all paths as one list, filled in and checked. Raises Problem."""
    found = [profile for path in paths for profile in profiles.read(path)]
    profiles.fill(found, images)
    profiles.check(found)
    return profiles.as_choices(found) if form == "choice" else found
