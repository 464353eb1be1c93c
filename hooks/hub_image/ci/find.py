"""`hub-image find`: take the image of this commit from the registry, where it is published already.

A second run of the same commit, and a release of it, then have nothing to build: what they test and name is the
image that people use. A new build would be another image, and its tag may not move.
"""

import argparse
from pathlib import Path

from hub_image.ci import plan
from hub_image.problem import Problem
from hub_image.tools import docker, github
from hub_image.tools.git import git
from hub_image.tools.registry import Repository


def arguments(parser: argparse.ArgumentParser) -> None:
    """`hub-image find` has no options."""


def run(options: argparse.Namespace) -> int:
    """Pull the image and set its digest as output, empty where there is none; return the exit code."""
    made = plan.here()
    digest = Repository(made.image).digest(made.tags[0])
    if digest:
        print(
            f"{made.image}:{made.tags[0]} is published already, so it is not built again.",
            flush=True,
        )
        docker.pull(f"{made.image}@{digest}")
    github.output(digest=digest or "")
    return 0


def image_before(repository: Repository, made: plan.Plan) -> tuple[str, str] | None:
    """Return tag and digest of the newest published image of the default branch, before this commit.

    Not each commit has one: a run may have failed.
    """
    event = github.event()
    start = (event.get("pull_request") or {}).get("base", {}).get("sha") or f"{made.commit}~1"
    try:
        log = git(Path(), "log", "--first-parent", "--max-count=30", "--format=%H", start)
    except Problem:  # git does not have that commit
        return None
    suffix = made.tags[0].partition(made.commit[:12])[2]
    for commit in log.split():
        tag = commit[:12] + suffix
        if commit != made.commit and (digest := repository.digest(tag)):
            return tag, digest
    return None
