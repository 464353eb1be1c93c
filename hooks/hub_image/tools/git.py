"""git, as the commands of this package run it: the same on every machine, whatever its user has set."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from hub_image.problem import Problem

PLAIN = [
    "-c", "core.hooksPath=/dev/null", "-c", "commit.gpgSign=false",
    "-c", "core.quotePath=false", "-c", "advice.detachedHead=false",
]  # fmt: skip


def git(folder: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
    """Run git in a folder, without the user's hooks, and return what it prints.

    `environment` adds to the variables of this process. Raises Problem with git's own words when it refuses.
    """
    try:
        done = subprocess.run(
            ["git", *PLAIN, "-C", str(folder), *arguments],
            env={**os.environ, **(environment or {})},
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
        )
    except FileNotFoundError:
        raise Problem("There is no `git` command: install git.") from None
    if done.returncode:
        said = " ".join((done.stderr.strip() or done.stdout).split())
        raise Problem(f"git {arguments[0]} failed: {said}")
    return done.stdout
