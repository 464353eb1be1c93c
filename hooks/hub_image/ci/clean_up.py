"""`hub-image clean-up`: remove the trial images of pull requests that are closed, with all that belongs to them alone.

An image is removed only when each of its tags is one of theirs. It is an index; the images of its platforms, their
attestations and the signatures stay behind when it goes, and can still be pulled by digest, so they go next, except what
something else needs as well: https://github.com/dataaxiom/ghcr-cleanup-action/issues/102

On ghcr.io earlier caches of the build go too, which have lost their tag to the newest one. Docker Hub removes nothing for
us; there the tags stay, and do no harm. Nothing that is refused here makes a run red.
"""

import argparse
import re
import urllib.parse
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hub_image import catalog
from hub_image.ci import plan
from hub_image.problem import Problem
from hub_image.tools import github
from hub_image.tools.registry import Repository, settings_page

TRIAL = re.compile(r"pr-(\d+)-[0-9a-f]{12}(-\w+)?")
# What cosign attaches to an image in a registry that does not list what belongs to a digest.
# https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema
ATTACHED = re.compile(r"sha256-([0-9a-f]{64})(\.\w+)?")
CACHE = "application/vnd.buildkit.cacheconfig.v0"


def arguments(parser: argparse.ArgumentParser) -> None:
    """`hub-image clean-up` has no options."""


def run(options: argparse.Namespace) -> int:
    """Remove the images and print them; return the exit code."""
    made = plan.here()
    if not catalog.load().registry(made.host).deletes:
        page = settings_page(made.image, github.event())
        print(
            f"{made.host} removes nothing for a program, so trial images stay until you remove them: {page}"
        )
        return 0
    removed = []
    try:
        store = Packages if made.host == "ghcr.io" and made.own_token else Registry
        removed = clean(store(made.image), closed())
    except Problem as problem:
        github.warn(f"Trial images of closed pull requests stay: {problem}")
    for tags in removed:
        print(f"removed {made.image}: {', '.join(tags) or 'an earlier cache'}")
    trials = sum(bool(tags) for tags in removed)
    print(f"{trials} trial image{'s' * (trials != 1)} of closed pull requests removed")
    return 0


def closed() -> Callable[[int], bool]:
    """Return which pull requests are closed: the one of this event, and all others that GitHub does not call open.

    A run of an earlier one may have been missed or cancelled. Where GitHub does not say, it is only the one of this event.
    """
    ours = github.event()["pull_request"]["number"]
    try:
        pulls = github.pages(f"{github.repository()}/pulls?state=open")
    except Problem:
        return lambda number: number == ours
    still_open = {pull["number"] for pull in pulls} - {ours}
    # A number above ours was opened after the list was made, or it is not known yet.
    return lambda number: number <= ours and number not in still_open


class Registry:
    """What a registry has under an image's name, by its own protocol, which lists tags alone."""

    def __init__(self, image: str) -> None:
        self.repository = Repository(image)
        self.tags: dict[str, list[str]] = {}
        for tag in self.repository.tags():
            if digest := self.repository.digest(tag):
                self.tags.setdefault(digest, []).append(tag)
        self.manifests: dict[str, dict[str, Any]] = {}

    def manifest(self, digest: str) -> dict[str, Any]:
        """Return a manifest; an empty one for what an index names and nobody has pushed.

        Raises Problem for a tagged one that the registry does not show: what it needs is not known.
        """
        if digest not in self.manifests:
            manifest = self.repository.manifest(digest)
            if not manifest and self.tags.get(digest):
                raise Problem(f"{self.repository.host} does not show {self.tags[digest][0]}.")
            self.manifests[digest] = manifest.content if manifest else {}
        return self.manifests[digest]

    def parts(self, digest: str) -> list[str]:
        """Return the digests that an index lists."""
        return [entry["digest"] for entry in self.manifest(digest).get("manifests", [])]

    def attached(self, digest: str) -> list[str]:
        """Return the digests of what says that it belongs to this one."""
        return self.repository.attached(digest)

    def delete(self, digest: str) -> None:
        """Remove what has this digest, with all its tags; raises Problem where that is refused."""
        self.repository.delete(digest)


class Packages(Registry):
    """The same on ghcr.io, by GitHub's API, which lists all there is and may remove it: the registry itself refuses that.

    https://docs.github.com/en/rest/packages/packages
    """

    def __init__(self, image: str) -> None:
        self.repository = Repository(image)
        _, owner, name = image.split("/", 2)
        kind = "users" if github.event()["repository"]["owner"]["type"] == "User" else "orgs"
        package = urllib.parse.quote(name, safe="")
        self.versions = f"/{kind}/{owner}/packages/container/{package}/versions"
        found = github.pages(self.versions) if self.repository.tags() else []
        self.tags = {entry["name"]: entry["metadata"]["container"]["tags"] for entry in found}
        self.numbers = {entry["name"]: entry["id"] for entry in found}
        self.manifests = {}
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(self.manifest, self.tags))
        self.subjects: dict[str, list[str]] = {}
        for digest, content in self.manifests.items():
            if subject := content.get("subject"):
                self.subjects.setdefault(subject["digest"], []).append(digest)

    def attached(self, digest: str) -> list[str]:
        """Return the digests of what says that it belongs to this one; ghcr.io itself does not list them."""
        return self.subjects.get(digest, [])

    def delete(self, digest: str) -> None:
        """Remove the version with this digest, with all its tags; raises Problem where that is refused."""
        if digest in self.numbers:
            github.api("DELETE", f"{self.versions}/{self.numbers[digest]}")


def clean(store: Registry, closed: Callable[[int], bool]) -> list[list[str]]:
    """Remove trial images of closed pull requests and lost caches; return the tags of each that is gone.

    What the registry refuses to remove stays, with all that belongs to it, and is said: ghcr.io keeps the last version
    that has a tag. Raises Problem when the registry does not answer.
    """
    signatures: dict[str, list[str]] = {}
    for digest, tags in store.tags.items():
        for about in filter(None, map(ATTACHED.fullmatch, tags)):
            signatures.setdefault(f"sha256:{about[1]}", []).append(digest)

    def belongings(digest: str) -> list[str]:
        return [*store.parts(digest), *store.attached(digest), *signatures.get(digest, [])]

    roots = [digest for digest, tags in store.tags.items() if of_closed(tags, closed)]
    roots += _lost_caches(store)
    families = {root: _reach([root], belongings) for root in roots}
    loose = set().union(*families.values())
    # A signature keeps nothing: it stays with what it signs.
    kept = [
        digest
        for digest, tags in store.tags.items()
        if digest not in loose or not all(map(ATTACHED.fullmatch, tags))
    ]
    needed = _reach(set(kept) - set(roots), store.parts) if roots else set()

    gone = []
    for root in sorted(roots, key=store.parts, reverse=True):  # an index before what it lists
        if root in needed:
            continue
        if _removed(store, root):
            gone.append(root)
        else:
            needed |= families[root]
    loose -= {*roots, *_reach(loose & needed, belongings)}
    for digest in sorted(loose, key=store.parts, reverse=True):
        _removed(store, digest)
    return [store.tags[root] for root in gone]


def of_closed(tags: list[str], closed: Callable[[int], bool]) -> bool:
    """Whether all tags of an image, and there are some, were made for pull requests that are closed."""
    found = [TRIAL.fullmatch(tag) for tag in tags]
    return bool(found) and all(trial and closed(int(trial[1])) for trial in found)


def _lost_caches(store: Registry) -> list[str]:
    """Return the caches of builds that have lost their tag to a newer one."""
    untagged = [digest for digest, tags in store.tags.items() if not tags]
    return [d for d in untagged if store.manifest(d).get("config", {}).get("mediaType") == CACHE]


def _reach(start: Iterable[str], further: Callable[[str], Iterable[str]]) -> set[str]:
    """Return `start` and all that can be reached from there."""
    found: set[str] = set()
    ahead = list(start)
    while ahead:
        if (digest := ahead.pop()) not in found:
            found.add(digest)
            ahead += further(digest)
    return found


def _removed(store: Registry, digest: str) -> bool:
    """Remove it; return whether that was allowed, and say so where not."""
    try:
        store.delete(digest)
    except Problem as problem:
        github.warn(f"{' '.join(store.tags.get(digest, [])) or digest} stays: {problem}")
        return False
    return True
