"""Why a package stands in a list, and until when: the comment beside its entry.

As in `- geopandas  # #12: GEOG 101, until 2027-06`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import NamedTuple

from hub_image.lists import packages
from hub_image.problem import Problem
from hub_image.repository import files

MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
END = re.compile(rf"#\s*(?P<why>.*?)(?:^|[\s,;(])until (?P<until>{MONTH.pattern})\W*$")
ASKED = re.compile(r"#(\d{1,9}): ?")  # the issue, as `note` writes it
LONGEST = 200  # characters of a reason
KEPT = "hub-image: ignore[past-end]"  # who writes this beside an entry wants to hear no more of it


class Ended(NamedTuple):
    """An entry whose last month is over: where it begins, its name, why it was there, and that month."""

    file: str
    line: int
    name: str
    why: str
    until: str

    @property
    def issue(self) -> int:
        """The issue that asked for it; 0 where the reason names none."""
        asked = ASKED.match(self.why)
        return int(asked[1]) if asked else 0

    @property
    def reason(self) -> str:
        """Why it was there, without the issue; perhaps empty."""
        return ASKED.sub("", self.why, count=1) if self.issue else self.why


def note(why: str, until: str = "", issue: int = 0, today: date | None = None) -> str:
    """Return the comment for an entry, without `#`. Raises Problem for a reason or a month that can be none.

    What cannot be printed becomes a space, so that a reason is one line whatever was typed.
    """
    why = " ".join("".join(sign if sign.isprintable() else " " for sign in why).split())
    why = why.strip("#,; ").rstrip("\\,; ")  # a list of pip's would go on in the next line
    if not why:
        raise Problem(
            "the reason says nothing; write for what the package is needed, as in 'GEOG 101'"
        )
    if len(why) > LONGEST:
        raise Problem(
            f"the reason has {len(why)} characters; it stands in one line, so use {LONGEST}"
        )
    if "hub-image:" in why:
        raise Problem(
            "the reason has `hub-image:` in it, which is for the checks; say it otherwise"
        )
    if issue < 0:
        raise Problem(f"--issue {issue} is the number of no issue; write it as in 12")
    if until:
        if not MONTH.fullmatch(until):
            raise Problem(f"`{until}` is no month; write it as in 2027-06")
        if until < month(today):
            raise Problem(f"{until} is over already; write a month that comes")
        why += f", until {until}"
    return f"#{issue}: {why}" if issue else why


def month(today: date | None = None) -> str:
    """Return a day's month, or this one, as in 2027-06."""
    return (today or date.today()).strftime("%Y-%m")


def ended(repository: Path, today: date | None = None) -> Iterator[Ended]:
    """Yield the entries of a repository's lists whose last month is over."""
    for file, _ in packages.read(repository):
        yield from ended_in(file, files.read(repository / file), today)


def ended_in(file: str, text: str, today: date | None = None) -> Iterator[Ended]:
    """Yield the entries of one list, one of packages.PARSERS, whose last month is over, in the order of their lines."""
    found = packages.PARSERS[file](text)
    names: dict[int, str] = {}
    for package in (*found.packages, *found.strings):
        names.setdefault(package.line, package.name or package.text)
    julia: set[str] = set()  # a package may stand below [deps] and below [compat]
    begin, goes_on = 1, False
    for number, line in enumerate(text.split("\n"), 1):
        if not goes_on:
            begin = number
        goes_on = file == "requirements.txt" and line.rstrip("\r").endswith("\\")
        match = END.search(line)
        if not match or match["until"] >= month(today) or KEPT in line:
            continue
        key = re.match(r"\s*[\"']?([\w-]+)[\"']?\s*=", line) if file == "Project.toml" else None
        if key and key[1] not in julia:
            julia.add(key[1])
            names[number] = key[1]
        if begin in names:
            yield Ended(file, begin, names[begin], match["why"].rstrip(" ,;"), match["until"])
