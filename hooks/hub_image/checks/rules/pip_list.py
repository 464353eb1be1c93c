"""pip cannot read the list.

Why: the build stops at this line of requirements.txt or of the `pip:` section.

Fix: write one requirement a line, as `name`, `name==1.2`, `name>=1.2,<2` or
`name @ git+https://...`.

Severity: error.

Source: <https://pip.pypa.io/en/stable/reference/requirements-file-format/>
"""

from collections.abc import Iterator
from pathlib import Path

from hub_image.checks import Finding
from hub_image.lists import packages


def check(repository: Path) -> Iterator[Finding]:
    """Yield what pip would refuse in requirements.txt and in the `pip:` section."""
    for file, fault in packages.faults(repository, "pip"):
        yield Finding(file, fault.line, fault.message, fault.severity)
