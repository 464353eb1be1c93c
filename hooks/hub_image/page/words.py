"""What both forms of the page say in the same words."""

from __future__ import annotations

from collections.abc import Callable

from hub_image.page.facts import Facts


def counted(number: int) -> str:
    """Return a number of packages in words."""
    return "1 package" if number == 1 else f"{number} packages"


def compared(facts: Facts, escaped: Callable[[str], str]) -> str:
    """Return in one sentence what changed since the image before; `escaped` is for names."""
    if not facts.before:
        return "There is no earlier image to compare it with."
    added = sum(not change.before for change in facts.changes)
    removed = sum(not change.now for change in facts.changes)
    other = len(facts.changes) - added - removed
    counts = (
        f"{counted(added)} added, {removed} removed, {other} changed"
        if facts.changes
        else "No package differs"
    )
    return f"{counts} since {escaped(facts.before)}."
