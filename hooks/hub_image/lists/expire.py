"""`hub-image expire`: take out of the lists what is past the month that stands beside it."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from hub_image.lists import packages, reasons
from hub_image.lists.reasons import Ended
from hub_image.lists.remove import remove
from hub_image.repository import argument, files

# The test that comes with what an issue asked for.
TEST = "image-tests/request-{issue}.ipynb"


@dataclass
class Expired:
    """What is past its end: entries that can be taken out, entries that only a person can, and what becomes of files.

    `texts` has the new text of each list that changes, `tests` the files in image-tests/ that go.
    """

    gone: list[Ended] = field(default_factory=list)
    left: list[Ended] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    tests: list[str] = field(default_factory=list)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hub-image expire`."""
    argument.path(parser)


def run(options: argparse.Namespace) -> int:
    """Write the lists, and say what became of them; return the exit code, which is 1 where something is left."""
    found = expired(options.path)
    write(options.path, found)
    for entry in found.gone:
        print(f"{entry.file}:{entry.line}: {entry.name} is taken out; {_said(entry)}.")
    for test in found.tests:
        print(f"{test}: removed; no list has a package of its issue any more.")
    for entry in found.left:
        print(
            f"{entry.file}:{entry.line}: {entry.name} is left; {_said(entry)}, and other things hang on its line; "
            "take it out yourself, or write a later month."
        )
    if not found.gone and not found.left:
        print("Nothing in the lists is past its end.")
    return 1 if found.left else 0


def expired(repository: Path, today: date | None = None) -> Expired:
    """Return what in the lists of a repository is past its end; nothing is written."""
    found = Expired()
    after = {}
    for file, _ in packages.read(repository):
        after[file] = before = files.read(repository / file)
        left = 0
        for entry in list(reasons.ended_in(file, before, today)):
            # What goes moves the lines below; the order stays.
            now = list(reasons.ended_in(file, after[file], today))[left]
            text = remove(file, after[file], now.line)
            if text is None:
                left += 1
                found.left.append(entry)
            else:
                after[file] = found.texts[file] = text
                found.gone.append(entry)
    for issue in sorted({entry.issue for entry in found.gone} - {0}):
        test = TEST.format(issue=issue)
        is_needed = any(re.search(rf"#\s*#{issue}: ", text) for text in after.values())
        if not is_needed and (repository / test).is_file():
            found.tests.append(test)
    return found


def write(repository: Path, found: Expired) -> None:
    """Write the lists that change, and remove the tests that go."""
    for file, text in found.texts.items():
        files.write(repository / file, text)
    for test in found.tests:
        (repository / test).unlink()


def _said(entry: Ended) -> str:
    why = f" for {entry.why}" if entry.why else ""
    return f"it was wanted{why} until {entry.until}"
