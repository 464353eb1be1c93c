"""Tests that live elsewhere: image-tests/elsewhere.yml names notebooks of other repositories.

    - repository: https://github.com/ocean/course
      ref: v2.1
      notebooks: ["chapters/*.ipynb"]
      network: true  # they fetch data; without it they run without a network

Each notebook runs in its own kernel, in a copy of its repository. What is wrong with the file, or cannot be
fetched, is the result of a check of its own, since the repository's other tests can run all the same.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub_image.problem import Problem
from hub_image.repository import files
from hub_image.syntax import yaml
from hub_image.tools.git import git

FILE = "image-tests/elsewhere.yml"
KEYS = ("repository", "ref", "notebooks", "network")
# git would wait for a name and a password for an address that does not exist, and for a host that sends nothing.
WAIT_FOR_NOBODY = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_HTTP_LOW_SPEED_LIMIT": "1000",
    "GIT_HTTP_LOW_SPEED_TIME": "60",
}


@dataclass(frozen=True)
class Elsewhere:
    """An entry of the file; `where` is its line."""

    where: str
    repository: str
    ref: str
    patterns: tuple[str, ...]
    network: bool

    @property
    def name(self) -> str:
        """The last part of the repository's address."""
        return self.repository.rstrip("/").rpartition("/")[2].removesuffix(".git")


@dataclass(frozen=True)
class Fetched:
    """An entry's repository in a folder, at one commit, and the notebooks in it that are to run."""

    entry: Elsewhere
    folder: Path
    commit: str
    notebooks: tuple[str, ...]

    def link(self, notebook: str) -> str:
        """Where people read a notebook, on the hosts that show files as GitHub does."""
        return f"{self.entry.repository.removesuffix('.git').rstrip('/')}/blob/{self.commit}/{notebook}"


def read(repository: Path) -> list[Elsewhere]:
    """The entries of a repository's file; none where there is no file. Raises Problem with file and line."""
    text = files.read(repository / FILE)
    try:
        found = yaml.load(text, FILE)
    except yaml.NotYaml as error:
        raise Problem(f"{FILE}:{error.line}: {error}") from None
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(entry, yaml.Mapping) for entry in found):
        raise Problem(f"{FILE}:1: this is no list; begin each entry with `- repository:`")
    return [_entry(entry) for entry in found]


def _entry(said: yaml.Mapping) -> Elsewhere:
    for key in said:
        if key not in KEYS:
            raise Problem(f"{said.where(str(key))}: `{key}` is none of {', '.join(KEYS)}")
    patterns = said.get("notebooks")
    patterns = [patterns] if isinstance(patterns, str) else patterns
    if not isinstance(patterns, list) or not patterns or not all(map(_is_text, patterns)):
        raise Problem(f'{said.where("notebooks")}: name `notebooks`, as in ["chapters/*.ipynb"]')
    # Between quotes, since 1.10 is a number and 0123456 too.
    for key in ("repository", "ref"):
        if not _is_text(said.get(key)):
            raise Problem(f'{said.where(key)}: write `{key}` as text, between " and "')
    if not said["repository"].startswith(("https://", "file://")):
        raise Problem(f"{said.where('repository')}: give the repository's address with https://")
    if any(pattern.startswith("/") or ".." in pattern.split("/") for pattern in patterns):
        raise Problem(f"{said.where('notebooks')}: a pattern begins in the repository's root")
    network = said.get("network", False)
    if not isinstance(network, bool):
        raise Problem(f"{said.where('network')}: write `network: true` or leave it out")
    return Elsewhere(
        said.where(), said["repository"], said["ref"], tuple(patterns), network=network
    )


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and not value.startswith("-")


def fetch(entry: Elsewhere, folder: Path) -> Fetched:
    """Fetch an entry's repository, at its ref, into a new folder. Raises Problem, also where no notebook fits."""
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet")
    try:
        # One commit alone; a full commit's name works too where the host allows it, as GitHub does.
        line = ("fetch", "--quiet", "--depth=1", entry.repository, entry.ref)
        git(folder, *line, environment=WAIT_FOR_NOBODY)
        git(folder, "checkout", "--quiet", "FETCH_HEAD")
    except Problem as error:
        said = str(error)
        if (
            "could not read Username" in said
        ):  # what git says without a terminal where a host asks who it is
            said = "there is no such repository, or it is private"
        elif "couldn't find remote ref" in said:
            said = "it has no such branch or tag; a commit needs its full name"
        raise Problem(
            f"{entry.where}: {entry.repository} cannot be fetched at {entry.ref}: {said[-300:]}"
        ) from None
    commit = git(folder, "rev-parse", "HEAD").strip()
    notebooks = tuple(dict.fromkeys(_matching(folder, entry.patterns)))
    if not notebooks:
        raise Problem(
            f"{entry.where}: {entry.repository} has no notebook {', '.join(entry.patterns)} at {entry.ref}"
        )
    return Fetched(entry, folder, commit, notebooks)


def _matching(folder: Path, patterns: tuple[str, ...]) -> Iterator[str]:
    for pattern in patterns:
        for path in sorted(folder.glob(pattern)):
            name = os.path.relpath(path, folder)
            if path.suffix == ".ipynb" and path.is_file() and not path.is_symlink():
                yield name.replace(os.sep, "/")
