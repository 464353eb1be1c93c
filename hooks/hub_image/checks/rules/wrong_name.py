"""The list asks for a package by a name that it has elsewhere: in an `import`, or on the other index.

Why: nothing of that name is there, so the build stops after minutes; or something else is, and the import fails on the hub.

Fix: write the name that the finding gives.

Severity: error where nothing installable has that name, warning otherwise.

Source: the pages of each index, <https://pypi.org/project/NAME/> and <https://anaconda.org/conda-forge/NAME>; the names are data, in
`lists/wrong_names.yml`
"""

from collections.abc import Iterator
from pathlib import Path

from hub_image.checks import Finding
from hub_image.lists import packages, wrong_names

INDEX = {"pip": "PyPI", "conda": "conda-forge"}


def check(repository: Path) -> Iterator[Finding]:
    """Yield packages that are listed under a name that is not theirs."""
    for file, listed in packages.read(repository):
        names = {package.name.lower() for package in listed.packages}
        for package in listed.packages:
            if package.manager == "pip" and package.name.lower().startswith("r-"):
                message = f"`{package.text}`: packages of R are not on PyPI; write it into install.R, without r-"
                yield Finding(file, package.line, message, "error")
            elif wrong := wrong_names.find(package.manager, package.name):
                if wrong.severity == "warning" and wrong.right in names:
                    continue  # it is the other thing of that name which is meant, as in a list that a tool wrote
                message = f"`{package.text}`: {INDEX[package.manager]} has {wrong.there} under this name; write {wrong.right}"
                yield Finding(file, package.line, message, wrong.severity)
