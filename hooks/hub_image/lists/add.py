"""`hub-image add`: write packages into the lists where they belong, with why they are there and until when."""

from __future__ import annotations

import argparse
from pathlib import Path

from hub_image.lists import installed, reasons, wanted
from hub_image.problem import Problem
from hub_image.repository import files


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hub-image add`."""
    parser.add_argument(
        "words",
        metavar="NAME",
        nargs="+",
        help="a package, with a version where one is needed, as in 'geopandas>=1'; behind the last one the repository may "
        "stand, as `..` or a path with a slash (default: .)",
    )
    parser.add_argument("--why", required=True, metavar="TEXT", help="for what, as in 'GEOG 101'")
    parser.add_argument(
        "--until", default="", metavar="YYYY-MM", help="the last month in which it is needed"
    )
    parser.add_argument(
        "--issue", type=int, default=0, metavar="NUMBER", help="the issue that asked for it"
    )
    parser.add_argument(
        "--from",
        dest="manager",
        choices=wanted.MANAGERS,
        default="",
        help="where it comes from; for apt, and where several have the name",
    )
    parser.add_argument(
        "--image",
        default="",
        metavar="REFERENCE",
        help="an image of the repository, to see what it has already (default: the locks)",
    )
    parser.add_argument(
        "--anyway",
        action="store_true",
        help="also when its index does not answer or does not know it, and when the image has it already",
    )


def run(options: argparse.Namespace) -> int:
    """Write the entries, and say where; return the exit code. Raises Problem, with nothing written."""
    *words, last = options.words
    repository = Path(last if "/" in last or last in (".", "..") else ".")
    if not repository.is_dir():
        raise Problem(f"{last} is not a folder; name the repository's")
    if str(repository) == ".":
        words = [word for word in options.words if word != "."]
    if not words:
        raise Problem("no package is named; write its name before the repository")
    note = reasons.note(options.why, options.until, options.issue)
    image = installed.packages(options.image) if options.image else {}
    texts, said = wanted.add(
        repository, list(dict.fromkeys(words)), note, options.manager, options.anyway, image
    )
    for file, text in texts.items():
        (repository / file).touch()
        files.write(repository / file, text)
    print(*said, sep="\n")
    return 0
