"""What all forms of a fleet say in the same words: the table in a terminal, the summary of a run, and the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from hub_image.fleet.model import Row, Use
from hub_image.tools.markdown import escaped

MOST = 500  # rows of a summary, of which GitHub takes a megabyte
HEADS = ("image", "on hubs", "newest", "base", "template", "JupyterHub", "proved")


def age(day: str, today: date) -> str:
    """Return how old what was made on a day is, as in `90 days`; empty for what is no day."""
    try:
        days = (today - date.fromisoformat(day)).days
    except ValueError:
        return ""
    return "1 day" if days == 1 else f"{days} days"


def dated(day: str, today: date) -> str:
    """Return a day with its age, as in `2026-09-01, 90 days`."""
    return ", ".join(filter(None, [day, age(day, today)]))


def base(row: Row, today: date) -> list[str]:
    """Return the base without its registry, and its age; its day too where its tag does not say it."""
    name = row.base.rpartition("/")[2]
    is_said = row.base_day in name or row.base_day.replace("-", ".") in name
    return list(filter(None, [name, (age if is_said else dated)(row.base_day, today)]))


def where(use: Use) -> str:
    """Return where a hub has an image, and which: by its name in the menu, or else the place in a file."""
    return f"{use.title or use.where}: {use.short or '-'}"


def proved(row: Row) -> str:
    """Return how the last proof came out, and when."""
    if not row.proof:
        return ""
    return row.proof.day if row.proof.passed else f"failed {row.proof.day}"


def counted(found: Sequence[Row]) -> str:
    """Return how many images there are, and how many need somebody, as a sentence."""
    needy = sum(bool(row.needs) for row in found)
    images = "1 image" if len(found) == 1 else f"{len(found)} images"
    return f"{images}, {needy} of which need somebody."


def cells(row: Row, today: date) -> tuple[str, ...]:
    """Return the texts below HEADS."""
    newest = f"{row.newest} ({dated(row.day, today)})" if row.day else row.newest
    name, *old = base(row, today) or [""]
    uses = ", ".join(dict.fromkeys(map(where, row.uses)))
    made = f"{name} ({old[0]})" if old else name
    return (row.image, uses, newest, made, row.template, row.hub_version, proved(row))


def table(found: Sequence[Row], notes: Sequence[str], today: date) -> Iterator[str]:
    """Yield the lines of a table: one for each image, and below it what it needs, then the notes, and one about all."""
    lines = [HEADS, *(tuple(cell or "-" for cell in cells(row, today)) for row in found)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for place, line in enumerate(lines):
        yield "  ".join(
            cell.ljust(width) for cell, width in zip(line, widths, strict=True)
        ).rstrip()
        for need in found[place - 1].sorted_needs if place else ():
            yield f"    {need.sentence}{f': {need.page}' if need.page else '.'}"
    yield from notes
    yield counted(found)


def summary(found: Sequence[Row], notes: Sequence[str], today: date) -> str:
    """Return the images that need somebody in Markdown, for the page of a run."""
    needy = [row for row in found if row.needs]
    lines = ["| image | what it needs | newest | proved |", "| --- | --- | --- | --- |"]
    for row in needy[:MOST]:
        name = f"[{escaped(row.image)}]({row.page})" if row.page else escaped(row.image)
        needs = "<br>".join(
            escaped(need.sentence) + (f" ([there]({need.page}))" if need.page else "")
            for need in row.sorted_needs
        )
        _, _, newest, *_, last = cells(row, today)
        lines.append(f"| {name} | {needs} | {escaped(newest)} | {last} |")
    if needy[MOST:]:
        lines += ["", f"And {len(needy) - MOST} more."]
    lines = lines if needy else []
    return "\n".join(
        [*lines, "", counted(found), "", *(f"- {escaped(note)}" for note in notes), ""]
    )
