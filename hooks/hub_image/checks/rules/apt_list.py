"""APT cannot read the list.

Why: the build stops at this line of apt.txt.

Fix: write the names of Debian or Ubuntu packages, one a line; comments start with `#`.

Severity: error.

Source: <https://www.debian.org/doc/debian-policy/ch-controlfields.html#source>
"""

from collections.abc import Iterator
from pathlib import Path

from hub_image.checks import Finding
from hub_image.lists import packages


def check(repository: Path) -> Iterator[Finding]:
    """Yield what APT would refuse in apt.txt."""
    for file, fault in packages.faults(repository, "apt"):
        yield Finding(file, fault.line, fault.message, fault.severity)
