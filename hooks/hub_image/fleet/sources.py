"""Which repositories on GitHub belong to a fleet: those of an organization or a person, of a topic, of a list in a file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hub_image.fleet.asking import Asking
from hub_image.problem import Problem
from hub_image.tools.git import GITHUB
from hub_image.tools.github import Refused

NAME = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
FOUND = 1000  # repositories that a search of GitHub gives at most


class Source(NamedTuple):
    """A repository on GitHub as `owner/name`, and its default branch; `trouble` says why it is not known."""

    name: str
    branch: str
    trouble: Problem | None = None


def repositories(
    owners: Sequence[str] = (),
    topics: Sequence[str] = (),
    lists: Sequence[Path] = (),
    asking: Asking | None = None,
    say: Callable[[str], object] = lambda sentence: None,
) -> list[Source]:
    """Return the repositories of organizations or people, of topics, and of lists in files, each once.

    With owners a topic is one that their repositories must have. Archived repositories are left out, since nothing can be
    done about them, and forks unless a list names them: most are there for a pull request. `say` is told so. A repository
    of a list that cannot be read has its trouble. Raises Problem for a list that is none, for an owner that is not there,
    and where GitHub does not answer.
    """
    asking = asking or Asking()
    listed = {name.lower(): name for file in lists for name in read_list(file)}
    found = {about["full_name"].lower(): about for about in _found(asking, owners, topics, say)}
    archived = {name for name, about in found.items() if about.get("archived")}
    forks = {name for name, about in found.items() if about.get("fork")} - archived
    sources = {
        name: _source(about) for name, about in found.items() if name not in archived | forks
    }
    named = [listed[name] for name in listed if name not in sources.keys() | archived]
    with asking.pool() as pool:
        for source, is_archived in pool.map(lambda name: _one(asking, name), named):
            name = source.name.lower()
            forks.discard(name)
            if is_archived:
                archived.add(name)
            else:
                sources[name] = source
    if archived:
        say(f"Archived repositories that were left out: {len(archived)}.")
    if forks:
        say(f"Forks that were left out, name one in a list if it makes an image: {len(forks)}.")
    return list(sources.values())


def read_list(file: Path) -> Iterator[str]:
    """Yield the repositories that a file names, one on each line as `owner/name` or by its address; # begins a comment.

    Raises Problem for a file that is not there, and for a line that names none.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise Problem(f"{file} cannot be read: {reason}; check its name") from None
    for number, line in enumerate(lines, 1):
        text = re.sub(r"(^|\s)#.*", "", line).strip()
        address = GITHUB.fullmatch(text)
        name = address[1] if address else text
        if text and not NAME.fullmatch(name):
            raise Problem(f"{file}:{number}: {text!r} names no repository; write it as owner/name")
        if text:
            yield name


def _found(
    asking: Asking, owners: Sequence[str], topics: Sequence[str], say: Callable[[str], object]
) -> Iterator[Mapping[str, Any]]:
    for owner in owners:
        for about in _of_owner(asking, owner):
            if not topics or set(topics) & set(about.get("topics") or ()):
                yield about
    if not owners:
        for topic in topics:
            yield from _of_topic(asking, topic, say)


def _of_owner(asking: Asking, owner: str) -> Iterable[Mapping[str, Any]]:
    """What GitHub tells of the repositories of an organization, or of a person: of whom only the public ones.

    https://docs.github.com/en/rest/repos/repos#list-organization-repositories
    """
    if not re.fullmatch(r"[\w-]+", owner, re.ASCII):
        raise Problem(
            f"--org {owner} is the name of no organization; write it as in github.com/ocean"
        )
    for kind in ("orgs", "users"):
        try:
            return [about for page in asking.pages(f"/{kind}/{owner}/repos") for about in page]
        except Refused as problem:
            if problem.status != 404:
                raise
    raise Problem(
        f"--org {owner}: GitHub has no such organization or person, or does not show it to this token; check its name"
    )


def _of_topic(
    asking: Asking, topic: str, say: Callable[[str], object]
) -> Iterator[Mapping[str, Any]]:
    """What GitHub's search finds, which leaves forks out and ends after a thousand.

    https://docs.github.com/en/rest/search/search#about-search
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", topic):
        raise Problem(f"--topic {topic} is none: they have small letters, digits and hyphens")
    is_whole = True
    for page in asking.pages(f"/search/repositories?q=topic:{topic}"):
        yield from page["items"]
        is_whole &= not page["incomplete_results"] and page["total_count"] <= FOUND
    if not is_whole:
        say(
            f"GitHub's search did not give all repositories of the topic {topic}, {FOUND} at most: add --org, or name them "
            "in a list."
        )


def _one(asking: Asking, name: str) -> tuple[Source, bool]:
    """A repository of a list, under the name that it has now, and whether it is archived."""
    try:
        about = asking.get(f"/repos/{name}")
    except Problem as problem:
        if isinstance(problem, Refused) and problem.status == 404:
            problem = Problem(
                f"GitHub has no repository {name}, or does not show it to this token; check its name in the list, or let "
                "the token read it"
            )
        return Source(name, "", problem), False
    return _source(about), bool(about.get("archived"))


def _source(about: Mapping[str, Any]) -> Source:
    return Source(str(about["full_name"]), str(about.get("default_branch") or "main"))
