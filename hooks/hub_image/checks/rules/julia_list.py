"""Julia cannot read the list.

Why: the build stops when Pkg reads Project.toml.

Fix: change Project.toml with Julia's Pkg, which writes the UUIDs.

Severity: error.

Source: <https://pkgdocs.julialang.org/v1/toml-files/>
"""

from collections.abc import Iterator
from pathlib import Path

from hub_image.checks import Finding
from hub_image.lists import packages


def check(repository: Path) -> Iterator[Finding]:
    """Yield what Julia's Pkg would refuse in Project.toml."""
    for file, fault in packages.faults(repository, "julia"):
        yield Finding(file, fault.line, fault.message, fault.severity)
