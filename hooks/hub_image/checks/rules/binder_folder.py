"""A `binder/` or `.binder/` folder hides the Dockerfile.

Why: repo2docker and BinderHub look into these folders first and then ignore the root, so that
what a user builds from the hub is not what CI built and tested.

Fix: move its lists to the root and remove the folder.

Severity: error.

Source: <https://repo2docker.readthedocs.io/en/latest/usage/#where-to-put-configuration-files>
"""

from collections.abc import Iterator
from pathlib import Path

from hub_image.checks import Finding


def check(repository: Path) -> Iterator[Finding]:
    """Yield a folder that repo2docker would use instead of the Dockerfile at the root."""
    if (repository / "Dockerfile").is_file():
        for folder in ("binder", ".binder"):
            if (repository / folder).is_dir():
                message = (
                    "this folder makes repo2docker ignore the Dockerfile; "
                    "move its lists to the root and remove it"
                )
                yield Finding(f"{folder}/", 1, message)
