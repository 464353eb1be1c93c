"""The package lists of a repository, read as their own ecosystems read them.

Each ecosystem has a module with `read(text)`, which takes any text and never raises: what it cannot read is a `Fault`.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from hub_image.lists import apt, conda, julia, pip, r, vscode
from hub_image.lists.model import Fault, PackageList
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


def faults(repository: Path, manager: str) -> Iterator[tuple[str, Fault]]:
    """Yield (file name, fault) for what one manager would refuse in the lists of a repository."""
    for name, package_list in read(repository):
        for fault in package_list.faults:
            if fault.manager == manager:
                yield name, fault
