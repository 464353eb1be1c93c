"""A file is left over that the template no longer has.

Why: the template never deletes what may hold your work, so a file that a release retired stays
until you remove it, and does nothing.

Fix: as the finding says; then remove the file.

Severity: warning.

Source: `retired` in the template's `catalog.yml`.
"""

from collections.abc import Iterator
from pathlib import Path

from hub_image import catalog
from hub_image.checks import Finding
from hub_image.repository.image_env import ANSWERS


def check(repository: Path) -> Iterator[Finding]:
    """Yield paths of the catalog's `retired` that are still there."""
    if not (repository / ANSWERS).is_file():
        return  # not made from the template
    for file, reason in catalog.load().retired.items():
        if (repository / file).exists():
            yield Finding(file, 1, f"the template no longer has this: {reason}", "warning")
