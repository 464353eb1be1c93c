"""The tags that images of the template have: one of the commit each was built from, and those of releases, by date."""

from __future__ import annotations

import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from hub_image.problem import Problem
from hub_image.tools.registry import Repository

CALVER = re.compile(r"20\d\d(\.\d\d?){1,2}([.-]\d+)?")  # 2026.11, 2026.11.23, 2026.11.23-1
COMMIT = re.compile(r"[0-9a-f]{12}")
AT_ONCE = 8  # requests to a registry


def lasts(tag: str) -> bool:
    """Whether a tag is one that stays: no trial image's, and not that of a second platform."""
    return bool(CALVER.fullmatch(tag) or COMMIT.fullmatch(tag))


def newest_release(tags: Iterable[str]) -> str:
    """Return the tag of the latest release, by its date; empty where there is none."""
    releases = [tag for tag in tags if CALVER.fullmatch(tag)]
    return max(releases, key=lambda tag: [int(part) for part in re.split("[.-]", tag)], default="")


def by_age(repository: Repository, tags: Iterable[str]) -> list[tuple[str, str]]:
    """Return tags with the time at which their images were made, in ISO 8601, the newest first.

    Each image is asked. Raises Problem where the registry does not answer.
    """
    with ThreadPoolExecutor(AT_ONCE) as pool:
        names = list(tags)
        made = zip(names, pool.map(repository.created, names), strict=True)
    return sorted(made, key=lambda pair: pair[1], reverse=True)


def newest(repository: Repository, built: str = "") -> str:
    """Return the newest tag that stays: of the latest release, or else of the image that was made last.

    Who knows which that is gives its tag, and no image is asked when it was made. Trial images of pull requests and those
    of a second platform are none. Raises Problem where there is none.
    """
    tags = repository.tags()
    if release := newest_release(tags):
        return release
    if built in tags:
        return built
    commits = by_age(repository, [tag for tag in tags if COMMIT.fullmatch(tag)])
    if not commits:
        raise Problem(
            f"{repository.host}/{repository.path} has no image of a release or of the main branch; publish one first, "
            "or check the name"
        )
    return commits[0][0]
