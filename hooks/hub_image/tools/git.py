"""git, as the commands of this package run it: the same on every machine, whatever its user has set."""

import base64
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from hub_image.problem import Problem

PLAIN = [
    "-c", "core.hooksPath=/dev/null", "-c", "commit.gpgSign=false",
    "-c", "core.quotePath=false", "-c", "advice.detachedHead=false",
]  # fmt: skip


class GitError(Problem):
    """git is there and refused what was asked, which may be an answer. That there is no git never is one."""


# The address of a repository on GitHub, as git clones it by https or ssh.
GITHUB = re.compile(r".*\bgithub\.com[:/]([\w.-]+/[\w.-]+?)(\.git)?/?")


def on_github(repository: Path) -> str:
    """Return owner/name on GitHub, by the address of `origin`; empty where it is not there, or where there is no git."""
    try:
        found = GITHUB.fullmatch(git(repository, "remote", "get-url", "origin").strip())
    except Problem:
        return ""
    return found[1] if found else ""


def git(folder: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
    """Run git in a folder, without the user's hooks, and return what it prints, as text.

    `environment` adds to the variables of this process. Raises GitError with git's own words when it refuses,
    and Problem where there is none.
    """
    said = content(folder, *arguments, environment=environment)
    return _text(said).replace("\r\n", "\n")


def content(folder: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> bytes:
    """Do what `git` does, and return what it prints byte for byte."""
    try:
        done = subprocess.run(
            ["git", *PLAIN, "-C", str(folder), *arguments],
            env={**os.environ, **(environment or {})},
            capture_output=True,
        )
    except FileNotFoundError:
        raise Problem("There is no `git` command: install git.") from None
    if done.returncode:
        said = " ".join(_text(done.stderr.strip() or done.stdout).split())
        raise GitError(f"git {arguments[0]} failed: {said}")
    return done.stdout


def is_ancestor(folder: Path, old: str, new: str) -> bool:
    """Whether a commit is part of the history of another, or the same; not where git does not know one of them."""
    try:
        git(folder, "merge-base", "--is-ancestor", old, new)
    except GitError:
        return False
    return True


def _text(said: bytes) -> str:
    return said.decode("utf-8", "surrogateescape")


def logged_in(token: str) -> dict[str, str]:
    """Return what makes git log in with a token, without a question and without a file that keeps it.

    https://git-scm.com/docs/git-config#Documentation/git-config.txt-GITCONFIGCOUNT
    """
    quiet = {"GIT_TERMINAL_PROMPT": "0"}
    if not token:
        return quiet
    basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
    return quiet | {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{server}/.extraheader",
        "GIT_CONFIG_VALUE_0": f"AUTHORIZATION: basic {basic}",
    }
