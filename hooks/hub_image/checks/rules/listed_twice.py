"""A package is listed twice.

Why: with two pins the environment cannot be solved, or one of them is forgotten when the other
changes. A package from both conda and pip is installed by conda and then replaced by pip, which
leaves an environment that conda no longer knows.

Fix: keep one entry; conda's, where both managers have the package.

Severity: error; warning where both say no more than the name, which `--fix` repairs.

Source: <https://docs.conda.io/projects/conda/en/stable/user-guide/tasks/manage-environments.html#using-pip-in-an-environment>
"""

import re
from collections.abc import Iterator
from pathlib import Path

from hub_image.checks import Edit, Finding
from hub_image.lists import packages
from hub_image.lists.model import Package
from hub_image.lists.names import identity
from hub_image.repository import files


def check(repository: Path) -> Iterator[Finding]:
    """Yield entries whose package an earlier entry has; conditional requirements are left alone."""
    seen: dict[tuple[str, ...], tuple[str, Package]] = {}
    for file, package_list in packages.read(repository):
        for package in package_list.packages:
            if not package.name:
                continue
            first = seen.setdefault(
                (package.manager, package.name, package.marker), (file, package)
            )
            if first[1] is package:
                continue
            if first[0] == file and first[1].text == package.text == package.name:
                message = f"`{package.name}` is listed already in line {first[1].line}; keep one"
                edit = _edit(files.read(repository / file), package)
                yield Finding(file, package.line, message, "warning", edit)
            else:
                where = (
                    f"line {first[1].line}" if first[0] == file else f"{first[0]}:{first[1].line}"
                )
                yield Finding(
                    file, package.line, f"`{package.name}` is listed already in {where}; keep one"
                )
    from_conda = {
        identity("conda", name): (file, package)
        for (manager, name, _), (file, package) in seen.items()
        if manager == "conda"
    }
    for (manager, name, _), (file, package) in seen.items():
        if manager == "pip" and identity("pip", name) in from_conda:
            other, twin = from_conda[identity("pip", name)]
            yield Finding(
                file,
                package.line,
                f"pip would replace conda's `{twin.name}` ({other}:{twin.line}); keep one",
            )


def _edit(text: str, package: Package) -> Edit | None:
    """Remove the package's line, if it has one of its own without a comment."""
    start = files.line_start(text, package.line)
    line = "".join(text[start:].partition("\n")[:2])
    alone = re.fullmatch(rf"\s*(-\s*)?['\"]?{re.escape(package.text)}['\"]?\s*", line)
    return Edit(start, line, "") if alone else None
