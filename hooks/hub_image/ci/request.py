"""`hub-image request`: in a terminal it writes the link request; with `--issue`, in CI, it keeps it in one issue."""

import argparse
import os
import re
from pathlib import Path
from typing import Any

from hub_image.ci import plan
from hub_image.ci.find import image_before
from hub_image.handoff import config, request
from hub_image.problem import Problem
from hub_image.repository import image_env
from hub_image.repository.reference import Reference
from hub_image.tools import github
from hub_image.tools.git import is_ancestor
from hub_image.tools.registry import Repository

TITLE = "Link request"  # of the issue that CI keeps
MARK = "<!-- hub-image request "
KEPT = (
    "*CI keeps this text: it is always about the newest image. What you change here is replaced.*"
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hub-image request`."""
    request.arguments(parser)
    parser.add_argument(
        "--issue",
        action="store_true",
        help="in CI: put it on the run's page, and into the repository's issue that holds it",
    )


def run(options: argparse.Namespace) -> int:
    """Write the request, and keep it; return the exit code. Raises Problem as `request` does."""
    if not options.issue:
        return request.run(options)
    if not (options.path / request.FILE).exists():
        print(f"{request.FILE} is not there, so nothing is requested.")
        return 0
    made = plan.here()
    options.reference = options.reference or made.reference
    options.previous = options.previous or _before(options.reference)
    text = request.request(options)
    github.summary(text)
    keep_issue(text, made.commit)
    request.write(text, options.output)
    if os.environ.get(config.TOKEN) and image_env.read(options.path).hub_config:
        try:
            print(request.propose(options))
        except Problem as problem:
            github.warn(f"{problem} The issue has the request all the same.")
    return 0


def _before(reference: str) -> str:
    """Return the image of the default branch before this one, or nothing."""
    image = Reference.parse(reference).name
    found = image_before(Repository(image), plan.here())
    return f"{image}:{found[0]}" if found else ""


def keep_issue(text: str, commit: str) -> None:
    """Keep one issue with the request for the image of the newest commit; whoever closed it finds it closed.

    Where the token may not write issues, or the repository has none, only says so.
    """
    issues = f"{github.repository()}/issues"
    head = f"{MARK}{commit} -->\n{KEPT}\n\n"

    def old_one() -> dict[str, Any] | None:
        return github.written(f"{issues}?state=all", MARK)

    try:
        if not (old := old_one()):
            github.api("POST", issues, {"title": TITLE, "body": head + text}, made=old_one)
        elif _is_older(commit, old["body"].removeprefix(MARK)[:40]):
            print(f"{old['html_url']} is about a newer image, so it stays.")
        else:
            body = head + reminded(old["body"]) + text
            github.api("PATCH", f"{issues}/{old['number']}", {"body": body})
    except Problem as problem:
        github.warn(f"{problem} The page of this run has the request.")


def split(body: str) -> tuple[str, str]:
    """Return the first lines of the issue, which are ours, and the request below."""
    head, kept, rest = body.partition(f"{KEPT}\n\n")
    return head + kept, rest


def reminded(body: str) -> str:
    """Return the line that says when people were last reminded, so that a newer image does not begin the month anew."""
    found = re.search(r"^<!-- hub-image notice \S+ -->$", body.replace("\r\n", "\n"), re.MULTILINE)
    return f"{found[0]}\n\n" if found else ""


def _is_older(commit: str, other: str) -> bool:
    """Whether `other` was made after `commit`, on top of it; not when git knows nothing of it."""
    return commit != other and is_ancestor(Path(), commit, other)
