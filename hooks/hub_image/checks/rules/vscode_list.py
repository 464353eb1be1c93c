"""VS Code cannot read the list.

Why: the build stops at this line of vscode-extensions.txt.

Fix: write `publisher.name`, one a line, as in `ms-python.python`; comments start with `#`.

Severity: error.

Source: <https://code.visualstudio.com/docs/configure/extensions/extension-marketplace>
"""

from collections.abc import Iterator
from pathlib import Path

from hub_image.checks import Finding
from hub_image.lists import packages


def check(repository: Path) -> Iterator[Finding]:
    """Yield what VS Code would refuse in vscode-extensions.txt."""
    for file, fault in packages.faults(repository, "vscode"):
        yield Finding(file, fault.line, fault.message, fault.severity)
