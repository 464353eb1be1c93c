"""`hub-image publish`: push the image that was tested, under tags that never move.

A hub's nodes keep the image that they pulled first under a tag. So a tag that stands for another image stays
where it is, and the same image under the same tag is a quiet success.
"""

import argparse
import json
import os
import re
import subprocess
from dataclasses import asdict
from typing import Any

from hub_image.ci import plan
from hub_image.contract import RESULTS
from hub_image.page.facts import Proof
from hub_image.problem import Problem
from hub_image.tools import docker, github
from hub_image.tools.registry import Away, Refused, Repository, settings_page

# What the steps before this one have proved, by the names of the boxes in hub/link-request.md.
PROVED = ("built", "contract", "version", "immutable")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hub-image publish`."""
    parser.add_argument("digest", help="what was built and tested, as in sha256:0a1b...")


def run(options: argparse.Namespace) -> int:
    """Publish the tested image under the plan's tags and look whether anyone can pull it.

    Sets the output `public` (empty where the registry did not say), and for an image that a hub may link those for its
    link request, `digest` and `proved`, and `page`: how it was proved, for its page. Returns the exit code; raises Problem as `publish` does.
    """
    made = plan.here()
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", options.digest):
        raise Problem(f"{options.digest!r} is no digest: the build did not say what it made.")
    _refuse_for_closed(github.event().get("pull_request"))
    publish(made.image, made.tags, options.digest)
    public = _look(made, options.digest)
    github.output(public="" if public is None else str(public).lower())
    if made.lasting:
        proved = ",".join([*PROVED, *(["public"] if public else [])])
        page = json.dumps(_proof(options.digest))
        github.output(digest=options.digest, proved=proved, page=page)
    return 0


def _proof(digest: str) -> dict[str, Any]:
    """What the contract found of this image earlier in this job, as Proof has it; nothing where it was not asked here."""
    found = json.loads(github.kept(RESULTS) or "{}")
    return asdict(Proof.of(found)) if found.get("image", "").endswith(f"@{digest}") else {}


def _refuse_for_closed(pull: dict[str, Any] | None) -> None:
    """Raise Problem for a pull request that is closed, as when its run is started again: nobody removes that trial image."""
    if not pull:
        return
    try:
        state = github.api("GET", f"{github.repository()}/pulls/{pull['number']}")["state"]
    except Problem as problem:
        return github.warn(f"Whether the pull request is still open is not known: {problem}")
    if state == "closed":
        raise Problem(
            f"Pull request {pull['number']} is closed, so no trial image of it is published: reopen it to try its image "
            "on a hub."
        )


def _look(made: plan.Plan, digest: str) -> bool | None:
    """Look whether anyone can pull what was published, and warn where not; None where the registry does not say."""
    try:
        public = anyone_can_pull(made.image, made.tags[0], digest)
    except Problem as problem:
        github.warn(f"Whether anyone can pull {made.image} is not known: {problem}")
        return None
    if not public:
        page = settings_page(made.image, github.event())
        github.warn(f"Only people with a login can pull {made.image}. Make it public: {page}")
    return public


def publish(image: str, tags: tuple[str, ...], digest: str) -> None:
    """Give the image with this digest, which Docker has as `image:tags[0]`, its tags in the registry.

    Raises Problem when a tag stands for another image (before anything is pushed), when the registry refuses or
    does not answer, or when it has another digest afterwards than the one that was tested.
    """
    repository = Repository(image)
    try:
        now = {tag: repository.digest(tag) for tag in tags}
    except Refused as refusal:
        raise Refused(_who_may_write(image, str(refusal))) from refusal
    for tag, other in now.items():
        if other and other != digest:
            what = (
                "another run of this commit published it meanwhile. Run this job again: it takes that image"
                if tag == tags[0]
                else "a tag never moves. Make a release with another name"
            )
            raise Problem(f"{image}:{tag} exists with another digest, {other}: {what}.")
    for tag in tags:
        if now[tag]:
            print(f"{image}:{tag} is there already.")
            continue
        if repository.digest(digest) and (manifest := repository.manifest(digest)):
            repository.tag(manifest, tag)
        else:
            _push(f"{image}:{tag}", digest)
        try:
            found = repository.digest(tag)
        except Away as problem:  # such as Docker Hub, whose limits count what came before the push
            github.warn(f"{image}:{tag} was taken, and not shown since: {problem}")
            continue
        if found != digest:
            raise Problem(
                f"{image}:{tag} has the digest {found}, but {digest} was tested: do not use it, and delete it."
            )
        print(f"{image}:{tag} is published, with the digest that was tested.")
    print(f"{image}@{digest}")


def _push(reference: str, digest: str) -> None:
    """Let Docker push what it has under this name."""
    image = reference.rpartition(":")[0]
    docker.output("tag", f"{image}@{digest}", reference)
    together = {"capture_output": False, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    result = docker.call("push", reference, **together)
    print(result.stdout, flush=True)
    if not result.returncode:
        return
    told = (result.stdout.strip().splitlines() or [""])[-1]
    if re.search(r"denied|unauthorized|forbidden|insufficient", result.stdout, re.IGNORECASE):
        try:  # Docker says no more than "403 Forbidden"
            Repository(image).ask_to_push()
        except Refused as refusal:
            told = str(refusal)
        raise Refused(_who_may_write(image, told))
    host = image.partition("/")[0]
    raise Problem(f"{host} took {reference} only in part: run this job again. It said: {told}")


def _who_may_write(image: str, told: str) -> str:
    """Return the sentence for a registry that does not take an image, by what it told."""
    host, owner = image.split("/")[:2]
    page = settings_page(image, github.event())
    if host != "ghcr.io":
        what = f"give the login in {plan.LOGIN} the right to write to it on {page}"
    elif "Create" in told:  # installation not allowed to Create organization package
        what = f"let members make packages on https://github.com/organizations/{owner}/settings/packages"
    else:  # another repository has made it: https://github.com/orgs/community/discussions/26700
        repository = os.environ.get("GITHUB_REPOSITORY", "this repository")
        what = (
            f"it was not made by {repository}. Give that write access, as the package's owner, on {page}, under "
            "Manage Actions access, or choose another image_name"
        )
    return f"{host} refuses to take {image}: {what}. It said: {told}"


def anyone_can_pull(image: str, tag: str, digest: str) -> bool:
    """Whether someone without a login gets this image, as the nodes of a hub do; raises Away when that is not known."""
    try:
        return Repository(image, anonymous=True).digest(tag) == digest
    except Refused:
        return False
