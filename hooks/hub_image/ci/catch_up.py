"""`hub-image catch-up`: bring the branches of requests up to the default branch, where a merge has put them into conflict.

Requests add their lines at one place of a list. Once one is merged, GitHub says that each other one conflicts, whatever
.gitattributes says (https://github.com/isaacs/github/issues/487). Here both lines stay: the default branch is merged into
the branch of the request. Nothing is in it then but what was merged, and what somebody has said yes to. Both were built
and proved, and what they are together is proved after the merge, as always. Where it is more than lists that conflict, or
both have the same package, a person has to decide.
"""

from __future__ import annotations

import argparse
import os
import re
import tempfile
from collections import Counter
from pathlib import Path

from hub_image.lists import packages
from hub_image.lists.model import PackageList
from hub_image.lists.names import identity
from hub_image.problem import Problem
from hub_image.repository import argument
from hub_image.tools import github
from hub_image.tools.git import GitError, git, logged_in

BRANCH = re.compile(rf"{re.escape(github.branch('request'))}-[1-9][0-9]*")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hub-image catch-up`."""
    argument.path(parser)


def run(options: argparse.Namespace) -> int:
    """Bring up each request that is open; return the exit code. What GitHub refuses is a warning."""
    here = github.variable("GITHUB_REPOSITORY")
    main = github.default_branch()
    for pull in github.pages(f"{github.repository()}/pulls?state=open&base={main}"):
        branch, commit = pull["head"]["ref"], pull["head"]["sha"]
        if (pull["head"]["repo"] or {}).get("full_name") != here or not BRANCH.fullmatch(branch):
            continue
        if not (tree := merged(options.path, commit)):
            continue
        try:
            push(options.path, branch, commit, tree, f"Merge {main} into {branch}")
            print(f"{pull['html_url']} no longer conflicts with {main}.")
        except Problem as problem:  # as where somebody was quicker
            github.warn(f"{pull['html_url']} conflicts with {main} still: {problem}")
    return 0


def merged(repository: Path, commit: str) -> str:
    """Return the tree of HEAD and a commit with the lines of both in lists; empty where none conflict, or a person decides."""
    if _merged(repository, commit):
        return ""
    with tempfile.TemporaryDirectory() as folder:
        attributes = Path(folder, "attributes")
        attributes.write_text("".join(f"/{file} merge=union\n" for file in packages.PARSERS))
        tree = _merged(repository, commit, "-c", f"core.attributesFile={attributes}")
    return tree if tree and all(_adds(repository, tree, file) for file in packages.PARSERS) else ""


def _adds(repository: Path, tree: str, file: str) -> bool:
    """Whether a list of a tree says no more than that of HEAD but other packages."""
    before, after = (_read(repository, commit, file) for commit in ("HEAD", tree))
    more = Counter(_names(after)) - Counter(_names(before))
    return len(after.faults) <= len(before.faults) and not more.keys() & {*_names(before)}


def _names(read: PackageList) -> list[tuple[str, str]]:
    return [identity(one.manager, one.name) for one in (*read.packages, *read.strings)]


def _read(repository: Path, commit: str, file: str) -> PackageList:
    """Return what a list of a commit says."""
    try:
        return packages.PARSERS[file](git(repository, "show", f"{commit}:{file}"))
    except GitError:  # there is none
        return PackageList()


def _merged(repository: Path, commit: str, *options: str) -> str:
    """Return the tree of HEAD and a commit, as git merges them; empty where they conflict."""
    try:
        return git(repository, *options, "merge-tree", "--write-tree", "HEAD", commit).strip()
    except GitError:
        return ""


def push(repository: Path, branch: str, commit: str, tree: str, message: str) -> None:
    """Push what a branch becomes that ends in a commit, and into which HEAD was merged. Raises Problem."""
    made = ["commit-tree", tree, "-p", commit, "-p", "HEAD", "-m", message]
    made_of_both = git(repository, *made, environment=github.BOT).strip()
    url = git(repository, "remote", "get-url", "origin").strip()
    login = logged_in(os.environ.get("GITHUB_TOKEN", ""))
    git(
        repository, "push", "--quiet", url, f"{made_of_both}:refs/heads/{branch}", environment=login
    )
