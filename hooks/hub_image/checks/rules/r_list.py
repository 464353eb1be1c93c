"""R cannot read the list.

Why: the build stops in install.R.

Fix: close strings and brackets, and leave no comma at the end of `c()`.

Severity: error.

Source: <https://cran.r-project.org/doc/manuals/r-release/R-lang.html#Parser>
"""

from collections.abc import Iterator
from pathlib import Path

from hub_image.checks import Finding
from hub_image.lists import packages


def check(repository: Path) -> Iterator[Finding]:
    """Yield what R would refuse in install.R."""
    for file, problem in packages.problems(repository, "r"):
        yield Finding(file, problem.line, problem.message, problem.severity)
