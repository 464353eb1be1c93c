"""`hub-image profile`: look over a hub's configuration, or print the entries of repositories for its menu."""

import argparse
import json
import os
from pathlib import Path
from typing import Any

from hub_image.checks import Finding
from hub_image.handoff import profiles
from hub_image.hubconfig import charts, lint
from hub_image.problem import Problem
from hub_image.tools.github import annotate


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hub-image profile`."""
    parser.add_argument(
        "path",
        metavar="PATH",
        nargs="*",
        type=Path,
        default=[Path()],
        help="files or folders of a hub's configuration, to look over; or repositories, whose entries are printed as "
        "one list, with those of files beside them (default: .)",
    )
    parser.add_argument(
        "--image",
        action="append",
        default=[],
        metavar="REFERENCE",
        help="a published image with its tag; it fills in the entry that has its name",
    )
    parser.add_argument(
        "--newest",
        action="store_true",
        help="give every other entry the newest image of its registry: of the latest release, else the one made last",
    )
    parser.add_argument(
        "--as",
        dest="form",
        choices=["profile", "choice"],
        default="profile",
        help="each a profile of its own (default), or all of them choices of one profile",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print what was found in a hub's configuration, and its images, for a program",
    )


def run(options: argparse.Namespace) -> int:
    """Print findings or a list for `profileList`; return 1 for an error. Raises Problem when a hub would not take the list."""
    prints = options.image or options.newest
    if prints or any((path / profiles.FILE).exists() for path in options.path):
        entries = merged(options.path, options.image, options.form, options.newest)
        print(profiles.dump(entries), end="")
        return 0
    return look_over(options.path, options.json)


def look_over(paths: list[Path], as_json: bool) -> int:
    """Print what is wrong in a hub's configuration; return 1 where something surely is.

    Raises Problem where there is nothing to look over."""
    findings, read = lint.files(paths)
    if not read.files:
        raise Problem(
            f"there is no YAML file in {', '.join(map(str, paths))}, so there is nothing to look over: name the files or "
            f"folders of a hub's configuration, or repositories that have {profiles.FILE}"
        )
    if as_json:
        version = charts.Versions()
        images = [
            {
                **{
                    key: str(image.kind.value) if key == "kind" else getattr(image, key)
                    for key in SHOWN
                },
                "span": image.span,
                "hub_version": version.of(Path(image.file)),
                "also": [use.place for use in image.also],
            }
            for image in read.images
        ]
        shown = [
            {key: getattr(finding, key) for key in ("file", "line", "severity", "code", "message")}
            for finding in findings
        ]
        print(json.dumps({"findings": shown, "images": images, "notes": read.notes}, indent=2))
    else:
        _show(findings, read.notes)
        wrong = f"{len(findings)} findings" if findings else "nothing wrong"
        print(f"{len(read.files)} files, {len(read.images)} images, {wrong}.")
    return 1 if any(finding.severity == "error" for finding in findings) else 0


SHOWN = (
    "file", "line", "place", "kind", "reference", "name", "tag", "profile", "option", "choice", "title", "default_url",
    "working_dir", "environment",
)  # fmt: skip


def _show(findings: list[Finding], notes: tuple[str, ...]) -> None:
    for note in notes:
        print(note)
    for finding in findings:
        if os.environ.get("GITHUB_ACTIONS") == "true":
            annotate(finding.severity, finding.file, finding.line, finding.message)
        else:
            print(finding)


def merged(
    paths: list[Path], images: list[str], form: str = "profile", newest: bool = False
) -> list[Any]:
    """Return the profiles of all paths as one list, filled in and checked. Raises Problem."""
    found = [profile for path in paths for profile in profiles.read(path)]
    if newest:
        images = [*images, *profiles.newest(found, images)]
    profiles.fill(found, images)
    profiles.check(found)
    return profiles.as_choices(found) if form == "choice" else found
