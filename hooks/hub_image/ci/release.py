"""`hub-image release`: choose the release of the template that an update takes.

The schedule takes a release only some days after GitHub published it, so that people have time to see what is wrong with
it, its publishers among them. How many, the version that a repository has says, and nothing in the release shortens it;
only a person's *Run workflow* takes one at once. Only GitHub tells such a date: the commits of a release could name any.
"""

import argparse
import os
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

from hub_image import catalog
from hub_image.repository import argument
from hub_image.tools import github
from hub_image.tools.git import GITHUB, git
from hub_image.updates import update


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hub-image release`."""
    argument.path(parser)


def run(options: argparse.Namespace) -> int:
    """Set the outputs `version` and `commit` of the release to take; no commit where the repository has that one.

    Returns the exit code. Raises Problem where the template cannot be had, or GitHub does not answer.
    """
    at_once = github.variable("GITHUB_EVENT_NAME") == "workflow_dispatch"
    recorded = update.read(options.path)
    source, before = str(recorded.get("_src_path", "")), str(recorded.get("_commit", ""))
    days = 0 if at_once and os.environ.get("GITHUB_ACTOR") != github.OURSELVES else waiting()
    with tempfile.TemporaryDirectory() as folder:
        template = update.clone(source, Path(folder, "template"))
        version = update.newest(template, before, old_enough(source, days))
        if (newest := update.newest(template, before)) != version:
            print(f"{newest} is taken when it is {days} days old; *Run workflow* takes it at once.")
        is_new = version != before  # what is here already, is here by its commit
        commit = git(template, "rev-parse", f"{version}^{{commit}}").strip() if is_new else ""
    github.output(version=version, commit=commit)
    return 0


def waiting() -> int:
    """Return how many days old a release must be."""
    return catalog.load().days_until_taken


def old_enough(source: str, days: int) -> set[str] | None:
    """Return the tags of the releases that GitHub published so many days ago; None where that is not asked."""
    on_github = GITHUB.fullmatch(update.address(source))
    if not days or not on_github:
        return None
    latest = datetime.now(timezone.utc) - timedelta(days=days)
    return {
        release["tag_name"]
        for release in github.pages(f"/repos/{on_github[1]}/releases")
        if not release["draft"]
        and not release["prerelease"]
        and datetime.fromisoformat(release["published_at"].replace("Z", "+00:00")) <= latest
    }
