"""What both forms of the page say in the same words."""

from __future__ import annotations

from collections.abc import Callable

from hub_image import __version__, catalog
from hub_image.contract import PAGE
from hub_image.page.facts import BRANCH, Facts, Older, Proof

START, PACKAGES, CHANGES = "Start it", "What is in it", "What changed"
OLDER, PEOPLE = "Go back to an older one", "Who looks after it"


def counted(number: int) -> str:
    """Return a number of packages in words."""
    return "1 package" if number == 1 else f"{number} packages"


def sections(facts: Facts) -> list[str]:
    """Return the headings of a page, in their order."""
    is_known = facts.github or facts.hub or facts.support
    return [
        START,
        PACKAGES,
        CHANGES,
        *([OLDER] if facts.older else []),
        *([PEOPLE] if is_known else []),
    ]


def anchor(heading: str) -> str:
    """Return where a link within the page finds a heading, as GitHub names it in Markdown."""
    return heading.lower().replace(" ", "-")


def is_open(kind: str) -> bool:
    """Whether the packages of a section of KINDS are shown at once: few people look for those of the system.

    What is folded is not found by every browser's own search: https://github.com/WebKit/WebKit/pull/18785.
    """
    return kind != "System"


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


def proved(proof: Proof, link: Callable[[str, str], str], escaped: Callable[[str], str]) -> str:
    """Return in two or three sentences what the contract found; `link` makes one of an address and its words."""
    checks = "1 check" if proof.passed == 1 else f"{proof.passed} checks"
    contract = link(f"{catalog.load().published}/blob/v{__version__}/{PAGE}", f"{checks} passed")
    if proof.started:
        contract += (
            f" with JupyterHub {escaped(proof.hub)}. A server was {escaped(proof.started)}, on a machine that had the "
            "image already"
        )
    said = f"Before it was published, {contract}."
    if proof.warned:
        said += f" {len(proof.warned)} only warned: {escaped(', '.join(proof.warned))}."
    return said


def changes_since(facts: Facts, older: Older) -> str:
    """Return where GitHub compares the page of an older image with the newest; nothing where it cannot.

    https://docs.github.com/en/pull-requests/committing-changes-to-your-project/viewing-and-comparing-commits/comparing-commits
    """
    if not (older.page and facts.github):
        return ""
    return f"{facts.home}/compare/{older.page}...{BRANCH}"
