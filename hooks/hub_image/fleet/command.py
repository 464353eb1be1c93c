"""`hub-image fleet`: many images at once, the ones that need somebody first."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from hub_image.fleet import rows
from hub_image.fleet.rows import Row
from hub_image.problem import Problem


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hub-image fleet`."""
    parser.add_argument(
        "path",
        metavar="PATH",
        nargs="+",
        type=Path,
        help="folders of image repositories, and files or folders of hubs' configurations",
    )
    parser.add_argument("--offline", action="store_true", help="ask no registry")
    parser.add_argument("--json", action="store_true", help="print all of it, for a program")


def run(options: argparse.Namespace) -> int:
    """Print a row for each image; return the exit code. Raises Problem where there is no image."""
    found, notes = rows.gather(options.path, ask=not options.offline)
    if not found:
        raise Problem(
            "there is no image here; name folders of image repositories, or files of a hub's configuration"
        )
    if options.json:
        print(as_json(found, notes))
    else:
        print(*table(found, notes), sep="\n")
    return 0


def as_json(found: Sequence[Row], notes: Sequence[str]) -> str:
    """Return the rows for a program; the weight of a need is its name in rows.Weight."""
    data = [asdict(row) for row in found]
    for row in data:
        for need in row["needs"]:
            need["weight"] = need["weight"].name.lower()
    return json.dumps({"images": data, "notes": list(notes)}, indent=2, ensure_ascii=False)


def table(found: Sequence[Row], notes: Sequence[str]) -> Iterator[str]:
    """Yield the lines of a table: one for each image, and below it what it needs, and one about all."""
    heads = ("image", "on hubs", "newest", "base", "template", "JupyterHub")
    lines = [heads, *map(_cells, found)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for place, line in enumerate(lines):
        yield "  ".join(
            cell.ljust(width) for cell, width in zip(line, widths, strict=True)
        ).rstrip()
        needs = found[place - 1].needs if place else ()
        yield from (f"    {need.sentence}." for need in sorted(needs, key=lambda need: need.weight))
    yield from notes
    needy = sum(bool(row.needs) for row in found)
    yield f"{len(found)} images, {needy} of which need somebody."


def _cells(row: Row) -> tuple[str, ...]:
    used = ", ".join(
        dict.fromkeys(f"{use.title or use.where}: {use.tag or '-'}" for use in row.uses)
    )
    newest = f"{row.newest} ({row.day})" if row.day else row.newest
    base = row.base.rpartition("/")[2]
    return tuple(
        cell or "-" for cell in (row.image, used, newest, base, row.template, row.hub_version)
    )
