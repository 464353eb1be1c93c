"""A lock in `lock/` is not used.

Why: a lock holds the versions of one base image, with one Python. After a move to another base the build leaves it
out, so it takes what the lists allow on that day, and the next build may have other versions.

Fix: `hub-image lock` writes a new one. On GitHub the workflow *weekly* proposes it after the next publication.

Severity: warning.

Source: the step "What is settled" of the Dockerfile.
"""

from collections.abc import Iterator
from pathlib import Path

from hub_image.checks import Finding
from hub_image.repository import files, image_env


def check(repository: Path) -> Iterator[Finding]:
    """Yield locks whose first line names another base or Python than `.github/image.env`."""
    answers = image_env.read(repository)
    made_for = f"# For {answers.base_image}, Python {answers.python_version}"
    for path in sorted((repository / "lock").glob("*.txt")) if answers.base_image else ():
        lines = files.read(path).splitlines()
        if not any(line.startswith(made_for) for line in lines):
            message = (
                f"the image is built without this lock, because it is not for {made_for[6:]}; "
                "write a new one with `hub-image lock`"
            )
            yield Finding(path.relative_to(repository).as_posix(), 1, message, "warning")
