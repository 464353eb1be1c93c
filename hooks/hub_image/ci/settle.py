"""`hub-image settle`: propose new locks, in one pull request, once enough has changed to be worth a larger pull.

The locks are made from the image that was published from this commit, so it has passed the contract. Merging the pull
request makes every node pull the settled layer once; therefore it only comes when there is no lock for this base, or
when a tenth of the packages differ from it.
"""

import argparse
import time
from pathlib import Path

from hub_image.ci import plan, propose
from hub_image.lists import lock
from hub_image.repository import files
from hub_image.tools import docker, github
from hub_image.tools.registry import Repository
from hub_image.updates.update import Outcome

ABOUT = """\
{changed} of {total} packages are not in the locks of this repository, or in another version. This writes down what the \
published image `{image}` has, which has passed its tests. Every build then has exactly these versions until a list \
asks for others, and nodes pull little when you add a package. For that they pull the packages once more."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """`hub-image settle` has no options."""


def run(options: argparse.Namespace) -> int:
    """Open or refresh the pull request where it is worth it; return the exit code. Raises Problem as `settle` does."""
    return settle(Path())


def settle(repository: Path) -> int:
    """Propose the locks and return the exit code. Raises Problem where Docker, the registry or GitHub refuse."""
    github.renew()
    made = plan.here(repository)
    image = f"{made.image}:{made.tags[0]}"
    if not Repository(made.image).digest(made.tags[0]):
        return _nothing(f"{image} is not published, so there is nothing to settle yet.")
    docker.pull(image)
    old, old_for = entries(repository), made_for(repository)
    before = set(paths(repository))
    lock.lock(repository, image)
    new = entries(repository)
    changed = max(len(new - old), len(old - new))
    if old_for == made_for(repository) and changed * 10 < len(new):
        return _nothing(
            f"{changed} of {len(new)} packages differ from the locks: a pull request comes at a tenth."
        )
    after = set(paths(repository))
    outcome = Outcome("", "")
    outcome.changed = {path.as_posix(): "M" if path in before else "A" for path in sorted(after)}
    outcome.changed |= {path.as_posix(): "D" for path in sorted(before - after)}
    proposal = propose.Proposal(
        "settle",
        f"Settle the package versions of {time.strftime('%B %Y')}",
        propose.command(repository, f"lock --image {image}"),
        outcome,
        [],
        ABOUT.format(changed=len(new - old), total=len(new), image=image),
        "next month",
    )
    return propose.propose(repository, proposal)


def _nothing(why: str) -> int:
    """Say that there is nothing to do, and return the exit code."""
    github.summary(f"Nothing to do: {why}\n")
    print(f"Nothing to do: {why}")
    return 0


def paths(repository: Path) -> list[Path]:
    """Return the locks of a repository, relative to it."""
    found = [*sorted((repository / lock.FOLDER).glob("*.txt")), repository / "Manifest.toml"]
    return [path.relative_to(repository) for path in found if path.is_file()]


def entries(repository: Path) -> set[str]:
    """Return a version or an address for each package that the locks name.

    Without checksums: which of its checksums a lock has depends on the program that installed a package.
    """
    return {
        line.split()[0].partition("#")[0]
        for line in _lines(repository)
        if "==" in line or line.startswith(("https:", "http:"))
    }


def made_for(repository: Path) -> set[str]:
    """Return what the locks were made for."""
    return {line for line in _lines(repository) if line.startswith("# For ")}


def _lines(repository: Path) -> list[str]:
    return [
        line for path in paths(repository) for line in files.read(repository / path).splitlines()
    ]
