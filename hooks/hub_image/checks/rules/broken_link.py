"""A list or a script is a link to a file that is not there.

Why: to the build it is as if there were no such list, and nothing says so.

Fix: put the file there, or remove the link.

Severity: error.

Source: <https://docs.docker.com/reference/dockerfile/#copy>
"""

from collections.abc import Iterator
from pathlib import Path

from hub_image.checks import Finding
from hub_image.checks.rules.unread_list import NAMES


def check(repository: Path) -> Iterator[Finding]:
    """Yield such links at the root of a repository."""
    for name in NAMES:
        path = repository / name
        if path.is_symlink() and not path.exists():
            message = (
                f"it is a link to {path.readlink()}, which is not there; put a file in its place"
            )
            yield Finding(name, 1, message)
