"""`hub-image settle`: propose new locks, in one pull request, once enough has changed to be worth a larger pull.

The locks are made from the image that was published from this commit, so it has passed the contract. Merging the pull
request makes every node pull the settled layer once; therefore it only comes when there is no lock for this base, or
when a tenth of the packages differ from it.
"""

import argparse
import subprocess
from pathlib import Path

from hub_image import files, github, lock, plan
from hub_image.registry import Repository

BRANCH = "hub-image/lock"
TITLE = "Settle the package versions"
BODY = """\
{changed} of {total} packages are not in the locks of this repository, or in another version. This pull request writes \
down what the published image `{image}` has, which has passed its tests.

**After merging** every build has exactly these versions until a list asks for others, and hub nodes pull little when \
you add a package. Nodes pull the packages once more for that. Nothing else changes.

**To undo it** choose *Revert* here, or delete the folder `lock/`.
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """`hub-image settle` has no options."""


def run(options: argparse.Namespace) -> int:
    """Open or refresh the pull request where it is worth it; return the exit code."""
    try:
        print(settle(Path()))
    except github.Problem as problem:
        return github.fail(problem)
    return 0


def settle(repository: Path) -> str:
    """Return what came of it, in one sentence. Raises Problem where Docker, the registry or GitHub refuse."""
    made = plan.here(repository)
    image = f"{made.image}:{made.tags[0]}"
    if not Repository(made.image).digest(made.tags[0]):
        return f"{image} is not published, so there is nothing to settle yet."
    pulled = subprocess.run(["docker", "pull", "--quiet", image], capture_output=True, text=True)
    if pulled.returncode:
        raise github.Problem(f"{image} cannot be pulled: {pulled.stderr.strip()[-200:]}")
    old, old_for = entries(repository), made_for(repository)
    lock.lock(repository, image)
    new = entries(repository)
    changed = max(len(new - old), len(old - new))
    if old_for == made_for(repository) and changed * 10 < len(new):
        return f"{changed} of {len(new)} packages differ from the locks: a pull request comes at a tenth."
    body = BODY.format(changed=len(new - old), total=len(new), image=image)
    written = {path.as_posix(): files.read(repository / path) for path in paths(repository)}
    return github.propose(BRANCH, TITLE, body, written)


def paths(repository: Path) -> list[Path]:
    """Return the locks of a repository, relative to it."""
    found = [*sorted((repository / lock.FOLDER).glob("*.txt")), repository / "Manifest.toml"]
    return [path.relative_to(repository) for path in found if path.is_file()]


def entries(repository: Path) -> set[str]:
    """Return a version or an address for each package that the locks name."""
    return {
        line.split()[0] for line in _lines(repository) if "==" in line or line.startswith("https:")
    }


def made_for(repository: Path) -> set[str]:
    """Return what the locks were made for."""
    return {line for line in _lines(repository) if line.startswith("# For ")}


def _lines(repository: Path) -> list[str]:
    return [
        line for path in paths(repository) for line in files.read(repository / path).splitlines()
    ]
