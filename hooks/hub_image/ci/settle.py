"""`hub-image settle`: draft new locks, for one pull request, once enough has changed to be worth a larger pull.

The locks are made from the image that was published from this commit, so it has passed the contract. Merging the pull
request makes every node pull the settled layer once; therefore it only comes when there is no lock for this base, or
when a tenth of the packages differ from it.

Newer versions of system packages, for security, come the same way whenever there are any: the repository has not changed,
so nothing else would build it again. It is a commit, and so an image with a tag of its own; a tag that is published is
never made anew.
"""

import argparse
import time
from pathlib import Path

from hub_image.ci import draft, plan, proposal
from hub_image.ci.proposal import Draft
from hub_image.lists import lock, security
from hub_image.repository import files
from hub_image.tools import docker, github
from hub_image.tools.git import git
from hub_image.tools.registry import Repository
from hub_image.updates.update import Outcome

ABOUT = """\
{changed} of {total} packages are not in the locks of this repository, or in another version. This writes down what the \
published image `{image}` has, which has passed its tests. Every build then has exactly these versions until a list \
asks for others, and nodes pull little when you add a package. For that they pull the packages once more."""

NEWER = """\
{number} of the system's packages in the published image `{image}` have newer versions, for security. This makes the build take \
them, in its last layer: nodes pull no more than these."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hub-image settle`."""
    parser.add_argument("draft", type=Path, help="where to write what is to be proposed")


def run(options: argparse.Namespace) -> int:
    """Write the draft; return the exit code. Raises Problem as `settle` does."""
    proposal.write(settle(Path()), options.draft)
    return 0


def settle(repository: Path) -> Draft:
    """Return what is to be proposed, if anything. Raises Problem where Docker or the registry refuse."""
    made = plan.here(repository)
    base = git(repository, "rev-parse", "HEAD").strip()

    def nothing(why: str) -> Draft:
        return Draft("settle", base, "Nothing to settle", about=why)

    image = f"{made.image}:{made.tags[0]}"
    if not Repository(made.image).digest(made.tags[0]):
        return nothing(f"{image} is not published, so there is nothing to settle yet")
    docker.pull(image)
    old, old_for = entries(repository), made_for(repository)
    before = set(paths(repository))
    lock.lock(repository, image)
    new = entries(repository)
    changed = max(len(new - old), len(old - new))
    try:
        newer = security.pending(image)
    except docker.DockerError as problem:  # an archive that is away need not stop the locks
        github.warn(f"Whether system packages have newer versions is not known: {problem}")
        newer = {}
    outcome, about, title = Outcome("", ""), [], ""
    if old_for != made_for(repository) or changed * 10 >= len(new):
        after = set(paths(repository))
        outcome.changed = {
            path.as_posix(): "M" if path in before else "A" for path in sorted(after)
        }
        outcome.changed |= {path.as_posix(): "D" for path in sorted(before - after)}
        about.append(ABOUT.format(changed=len(new - old), total=len(new), image=image))
        title = f"Settle the package versions of {time.strftime('%B %Y')}"
    else:
        _undo(repository)
    if newer:
        outcome.changed[security.FILE] = security.write(repository, newer)
        about.append(NEWER.format(number=len(newer), image=image))
        title = title or f"Take newer system packages, {time.strftime('%B %Y')}"
    if not outcome.changed:
        return nothing(
            f"{changed} of {len(new)} packages differ from the locks: a pull request comes at a tenth"
        )
    return draft.of(
        repository,
        outcome,
        Draft(
            "settle",
            base,
            title,
            about="\n\n".join(about),
            again="next month",
            command=draft.command(repository, f"lock --image {image}"),
        ),
    )


def _undo(repository: Path) -> None:
    """Take back locks that are not worth a pull request."""
    for path in set(paths(repository)):
        (repository / path).unlink()
    kept = ["ls-files", "-z", "--", f"{lock.FOLDER}/*.txt", "Manifest.toml"]
    for name in filter(None, git(repository, *kept).split("\0")):
        git(repository, "checkout", "HEAD", "--", name)


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
