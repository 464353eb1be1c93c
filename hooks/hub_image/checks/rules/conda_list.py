"""conda cannot read the list.

Why: the build stops at this entry, after minutes, or conda ignores it in silence.

Fix: write packages as `name`, `name=1.2` or `name>=1.2,<2` under `dependencies:`.

Severity: error; warning for a section that conda ignores.

Source: <https://docs.conda.io/projects/conda-build/en/stable/resources/package-spec.html#package-match-specifications>
"""

from collections.abc import Iterator
from pathlib import Path

from hub_image.checks import Finding
from hub_image.lists import packages


def check(repository: Path) -> Iterator[Finding]:
    """Yield what conda would refuse in environment.yml."""
    for file, fault in packages.faults(repository, "conda"):
        yield Finding(file, fault.line, fault.message, fault.severity)
