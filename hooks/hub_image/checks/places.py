"""Where the lists of a repository stand: at its root, and in one that was not made from the template elsewhere too."""

from collections.abc import Iterator
from pathlib import Path

from hub_image.checks.steps import FOLDERS
from hub_image.lists import packages
from hub_image.lists.model import PackageList
from hub_image.repository import image_env


def lists(repository: Path) -> Iterator[tuple[str, PackageList]]:
    """Yield (file, what it says) of each list."""
    is_ours = (repository / image_env.FILE).exists()
    for pattern in FOLDERS[:1] if is_ours else FOLDERS:
        folders = sorted(repository.glob(pattern)) if pattern else [repository]
        for folder in filter(Path.is_dir, folders):
            for name, listed in packages.read(folder):
                yield (folder / name).relative_to(repository).as_posix(), listed
