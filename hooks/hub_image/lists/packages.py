"""The package lists of a repository, read as their own ecosystems read them.

Each ecosystem has a module with `read(text)`, which takes any text and never raises: what it cannot read is a `Problem`.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from hub_image.lists import apt, conda, julia, pip, r, vscode
from hub_image.lists.model import PackageList, Problem
from hub_image.repository import files

PARSERS: dict[str, Callable[[str], PackageList]] = {
    "environment.yml": conda.read,
    "environment.yaml": conda.read,
    "requirements.txt": pip.read,
    "apt.txt": apt.read,
    "install.R": r.read,
    "Project.toml": julia.read,
    "vscode-extensions.txt": vscode.read,
}


def read(repository: Path) -> Iterator[tuple[str, PackageList]]:
    """Yield (file name, what it says) for each package list at the root of a repository."""
    for name, parse in PARSERS.items():
        path = repository / name
        if path.is_file():
            yield name, parse(files.read(path))


def problems(repository: Path, manager: str) -> Iterator[tuple[str, Problem]]:
    """Yield (file name, problem) for what one manager would refuse in the lists of a repository."""
    for name, package_list in read(repository):
        for problem in package_list.problems:
            if problem.manager == manager:
                yield name, problem
