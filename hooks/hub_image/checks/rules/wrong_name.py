"""The list asks for a package by a name that it has elsewhere: in an `import`, or on the other index.

Why: nothing of that name is there, so the build stops after minutes; or something else is, and the import fails on the hub.

Fix: write the name that the finding gives.

Severity: error where nothing installable has that name, warning otherwise.

Source: the pages of each index, <https://pypi.org/project/NAME/> and <https://anaconda.org/conda-forge/NAME>; the names are data, in
`wrong_name.yml`
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from hub_image.checks import Finding
from hub_image.lists import packages

INDEX = {"pip": "PyPI", "conda": "conda-forge"}


@cache
def known() -> dict[tuple[str, str], tuple[str, str]]:
    """Return for each manager and name the severity and what to do, from `wrong_name.yml`."""
    import yaml

    text = Path(__file__).with_suffix(".yml").read_text(encoding="utf-8")
    data: dict[str, dict[str, dict[str, Any]]] = yaml.safe_load(text)
    return {
        (manager, wrong): (severity, right)
        for manager, severities in data.items()
        for severity, names in severities.items()
        for wrong, right in names.items()
    }


def check(repository: Path) -> Iterator[Finding]:
    """Yield packages that are listed under a name that is not theirs."""
    for file, listed in packages.read(repository):
        names = {package.name.lower() for package in listed.packages}
        for package in listed.packages:
            manager, name = package.manager, package.name.lower().replace("_", "-")
            if manager == "pip" and name.startswith("r-"):
                message = f"`{package.text}`: packages of R are not on PyPI; write it into install.R, without r-"
                yield Finding(file, package.line, message, "error")
            elif (manager, name) in known():
                severity, right = known()[manager, name]
                if severity == "warning" and right in names:
                    continue  # it is the other thing of that name which is meant, as in a list that a tool wrote
                there = "has nothing" if severity == "error" else "has something else"
                message = (
                    f"`{package.text}`: {INDEX[manager]} {there} under this name; write {right}"
                )
                yield Finding(file, package.line, message, severity)
