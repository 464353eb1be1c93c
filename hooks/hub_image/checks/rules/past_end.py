"""A package is there longer than it was wanted.

Why: each package makes the image slower to start and harder to update, and nobody remembers why it is there.

Fix: ask who needs it, then take it out, or write a later month. `hub-image expire` takes out all of them at once.

Severity: warning.

Source: a comment beside the entry that ends in `until` and a month, as `hub-image add` writes it.
"""

from collections.abc import Iterator
from pathlib import Path

from hub_image.checks import Finding
from hub_image.lists import reasons


def check(repository: Path) -> Iterator[Finding]:
    """Yield entries whose last month is over."""
    for entry in reasons.ended(repository):
        why = f" for {entry.why}" if entry.why else ""
        message = f"`{entry.name}` was wanted{why} until {entry.until}; take it out, or write a later month"
        yield Finding(entry.file, entry.line, message, "warning")
