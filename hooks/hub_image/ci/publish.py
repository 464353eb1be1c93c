"""`hub-image publish`: push the image that was tested, under tags that never move.

A hub's nodes keep the image that they pulled first under a tag. So a tag that stands for another image stays
where it is, and the same image under the same tag is a quiet success.
"""

import argparse
import re
import subprocess

from hub_image.ci import plan
from hub_image.tools import github
from hub_image.tools.registry import Refused, Repository

# What the steps before this one have proved, by the names of the boxes in hub/link-request.md.
PROVED = ("built", "contract", "version", "immutable")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hub-image publish`."""
    parser.add_argument("digest", help="what was built and tested, as in sha256:0a1b...")


def run(options: argparse.Namespace) -> int:
    """Publish the tested image under the plan's tags and look whether anyone can pull it.

    Sets the output `public`, and for an image that a hub may link those for its link request: `digest` and `proved`.
    Returns the exit code.
    """
    try:
        made = plan.here()
        if not re.fullmatch(r"sha256:[0-9a-f]{64}", options.digest):
            raise github.Problem(
                f"{options.digest!r} is no digest: the build did not say what it made."
            )
        publish(made.image, made.tags, options.digest)
        public = anyone_can_pull(made.image, made.tags[0], options.digest)
    except github.Problem as problem:
        return github.fail(problem)
    if not public:
        page = plan.settings_page(made.image, github.event())
        github.warn(f"Only people with a login can pull {made.image}. Make it public: {page}")
    github.output(public=str(public).lower())
    if made.lasting:
        proved = ",".join([*PROVED, *(["public"] if public else [])])
        github.output(digest=options.digest, proved=proved)
    return 0


def publish(image: str, tags: tuple[str, ...], digest: str) -> None:
    """Give the image with this digest, which Docker has as `image:tags[0]`, its tags in the registry.

    Raises Problem when a tag stands for another image (before anything is pushed), when the registry refuses or
    does not answer, or when it has another digest afterwards than the one that was tested.
    """
    repository = Repository(image)
    now = {tag: repository.digest(tag) for tag in tags}
    for tag, other in now.items():
        if other and other != digest:
            raise github.Problem(
                f"{image}:{tag} exists with another digest, {other}, and a tag never moves: make a new commit "
                "or a new release."
            )
    for tag in tags:
        if now[tag]:
            print(f"{image}:{tag} is there already.")
            continue
        manifest = repository.manifest(digest)
        if manifest:
            repository.tag(manifest, tag)
        else:
            _push(f"{image}:{tag}", digest)
        found = repository.digest(tag)
        if found != digest:
            raise github.Problem(
                f"{image}:{tag} has the digest {found}, but {digest} was tested: do not use it, and delete it."
            )
        print(f"{image}:{tag} is published, with the digest that was tested.")
    print(f"{image}@{digest}")


def _push(reference: str, digest: str) -> None:
    """Let Docker push what it has under this name."""
    image = reference.rpartition(":")[0]
    subprocess.run(["docker", "tag", f"{image}@{digest}", reference], check=True)
    result = subprocess.run(
        ["docker", "push", reference], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    print(result.stdout, flush=True)
    if not result.returncode:
        return
    host = image.partition("/")[0]
    told = (result.stdout.strip().splitlines() or [""])[-1]
    if re.search(r"denied|unauthorized|forbidden|insufficient", result.stdout, re.IGNORECASE):
        page = plan.settings_page(image, github.event())
        raise Refused(
            f"{host} refuses to take {image}: give this repository the right to write to it on {page}. "
            f"It said: {told}"
        )
    raise github.Problem(
        f"{host} took {reference} only in part: run this job again. It said: {told}"
    )


def anyone_can_pull(image: str, tag: str, digest: str) -> bool:
    """Whether someone without a login gets this image, as the nodes of a hub do: all but its layers is read."""
    anyone = Repository(image, anonymous=True)
    try:
        if anyone.digest(tag) != digest:
            return False
        anyone.configuration(digest)
    except Refused:
        return False
    return True
