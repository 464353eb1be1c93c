"""`hub-image clean-up`: remove the trial images of a pull request that was closed.

What a tag of another kind also stands for stays: an image is removed only when each of its tags is one of this
pull request's. quay.io and Docker Hub cannot do this; there the tags stay, and do no harm.
"""

import argparse
import re
import urllib.parse

from hub_image.ci import plan
from hub_image.tools import github
from hub_image.tools.registry import Refused, Repository


def arguments(parser: argparse.ArgumentParser) -> None:
    """`hub-image clean-up` has no options."""


def run(options: argparse.Namespace) -> int:
    """Remove the images and print them; return the exit code."""
    try:
        made = plan.here()
        number = github.event()["pull_request"]["number"]
        remove = on_github if made.host == "ghcr.io" and made.own_token else in_registry
        removed = remove(made.image, number)
    except Refused as refusal:
        github.warn(f"The tags that begin with pr-{number}- stay: {refusal}")
        return 0
    except github.Problem as problem:
        return github.fail(problem)
    for tags in removed:
        print(f"removed {made.image}: {', '.join(tags)}")
    print(f"{len(removed)} trial image{'s' * (len(removed) != 1)} of pull request {number} removed")
    return 0


def of_pull_request(tags: list[str], number: int) -> bool:
    """Whether all tags of an image, and there are some, were made for this pull request."""
    return bool(tags) and all(
        re.fullmatch(rf"pr-{number}-[0-9a-f]{{12}}(-\w+)?", tag) for tag in tags
    )


def in_registry(image: str, number: int) -> list[list[str]]:
    """Remove by the registry's own protocol; return the tags of each image that is gone."""
    repository = Repository(image)
    tags_of: dict[str, list[str]] = {}
    for tag in repository.tags():
        if digest := repository.digest(tag):
            tags_of.setdefault(digest, []).append(tag)
    gone = {digest: tags for digest, tags in tags_of.items() if of_pull_request(tags, number)}
    for digest in gone:
        repository.delete(digest)
    return list(gone.values())


def on_github(image: str, number: int) -> list[list[str]]:
    """Remove by GitHub's API, since ghcr.io has no other way; return the tags of each version that is gone.

    https://docs.github.com/en/rest/packages/packages
    """
    _, owner, name = image.split("/", 2)
    person = github.event()["repository"]["owner"]["type"] == "User"
    package = f"/{'users' if person else 'orgs'}/{owner}/packages/container/{urllib.parse.quote(name, safe='')}"
    removed = []
    for version in github.pages(f"{package}/versions"):
        tags = version["metadata"]["container"]["tags"]
        if of_pull_request(tags, number):
            github.api("DELETE", f"{package}/versions/{version['id']}")
            removed.append(tags)
    return removed
