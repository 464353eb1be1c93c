"""Where a repository says which Python packages it wants.

In lists at its root, in one that was not made from the template elsewhere too, and in what its scripts and Dockerfiles install.
"""

from collections.abc import Iterator
from pathlib import Path

from hub_image.checks import steps
from hub_image.checks.steps import FOLDERS
from hub_image.lists import conda, packages, pip
from hub_image.lists.model import PackageList
from hub_image.repository import image_env


def lists(repository: Path) -> Iterator[tuple[str, PackageList]]:
    """Yield (file, what it says) of each list, and of each command that installs something."""
    is_ours = (repository / image_env.FILE).exists()
    for pattern in FOLDERS[:1] if is_ours else FOLDERS:
        folders = sorted(repository.glob(pattern)) if pattern else [repository]
        for folder in filter(Path.is_dir, folders):
            for name, listed in packages.read(folder):
                yield (folder / name).relative_to(repository).as_posix(), listed
    for file, line, words in steps.of(repository):
        for manager, text in steps.python_packages(words):
            try:
                package = conda.match_spec(text, line) if manager == "conda" else None
            except ValueError:
                continue
            yield file, PackageList((package,)) if package else pip.read(text, line)
