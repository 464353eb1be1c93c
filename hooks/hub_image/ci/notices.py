"""`hub-image notices`: say when the hub runs an image that is far behind the newest one.

It stands on top of the issue *Link request*, and a comment reminds of it, once a month at most.
"""

from __future__ import annotations

import argparse
import os
import re
import tempfile
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

from hub_image.ci import request
from hub_image.handoff.config import TOKEN, HubConfig, Unreadable
from hub_image.hubconfig import values
from hub_image.problem import Problem
from hub_image.repository import image_env
from hub_image.repository.reference import Reference
from hub_image.tools import github
from hub_image.tools.git import git
from hub_image.tools.registry import Repository

TOP = re.compile(r"<!-- hub-image notice (\S*) -->\n(?:> .*\n)*\n?")
MONTH = 30
SETTING = (
    "NOTICE_AFTER"  # a variable of the repository, so that an owner changes it without a commit
)
LIMITS = re.compile(r"(\d+) days? or (\d+) images?")


class Published(NamedTuple):
    """An image of the default branch: its tag, and when its commit was made, in seconds."""

    tag: str
    when: int


def arguments(parser: argparse.ArgumentParser) -> None:
    """`hub-image notices` has no options."""


def run(options: argparse.Namespace) -> int:
    """Compare what the hub runs with what is published; return the exit code. Raises Problem where that cannot be known."""
    answers = image_env.read(Path())
    if not answers.hub_config:
        print("There is no answer hub_config, so there is nothing to tell.")
        return 0
    where = HubConfig.parse(answers.hub_config)
    owner = answers.registry_owner or github.variable("GITHUB_REPOSITORY_OWNER").lower()
    name = f"{answers.registry}/{owner}/{answers.image_name}"
    try:
        sentence = late(where, name, *limits())
    except Unreadable as problem:
        tell(f"{problem}.", remind=False)
    else:
        tell(sentence, remind=bool(sentence))
    return 0


def limits() -> tuple[int, int]:
    """Return how many days, and how many images, a hub may be behind. Raises Problem for a setting that says neither."""
    text = os.environ.get(SETTING, "").strip() or "60 days or 3 images"
    found = LIMITS.fullmatch(text)
    if not found:
        raise Problem(
            f"the repository's variable {SETTING} is {text!r}: write it as 60 days or 3 images"
        )
    return int(found[1]), int(found[2])


def late(where: HubConfig, name: str, days: int, images: int) -> str:
    """Return in one sentence how far the hub is behind, or nothing. Raises Problem, Unreadable among them."""
    with tempfile.TemporaryDirectory() as folder:
        clone = where.checkout(Path(folder, "hub"), os.environ.get(TOKEN, ""))
        found = [
            (file, image.tag.partition("@")[0])
            for file in where.files
            for image in values.completed(
                values.parse((clone / file).read_bytes(), file).images, clone
            )
            if image.name and Reference.parse(image.name).name == Reference.parse(name).name
        ]
    made = published(name)
    sentences = []
    for file, tag in dict.fromkeys(found):
        place = next((number for number, one in enumerate(made) if one.tag == tag), None)
        if not place:
            continue  # the newest, or none that this repository published from its default branch
        behind = (made[0].when - made[place].when) // 86400
        if place >= images or behind >= days:
            newer = f"{place} newer images" if place > 1 else "a newer image"
            sentences.append(
                f"`{where.repository}` has `{tag}` in {file}, which is {behind} days older than the newest; there is {newer}"
            )
    return ". ".join(sentences)


def published(name: str) -> list[Published]:
    """Return the images of the default branch that the registry has, newest first."""
    tags = set(Repository(name).tags())
    log = git(Path(), "log", "--first-parent", "--max-count=500", "--format=%H %ct")
    commits = (line.split() for line in log.splitlines())
    return [Published(commit[:12], int(when)) for commit, when in commits if commit[:12] in tags]


def tell(sentence: str, remind: bool) -> None:
    """Put a sentence on top of the issue that holds the link request, or take the last one away.

    With `remind` people get a comment too, unless they got one in the last month. Raises Problem.
    """
    issues = f"{github.repository()}/issues"
    issue = github.written(f"{issues}?state=all", request.MARK)
    if not issue:
        print(sentence or "The hub has what is published.")
        return
    body = issue["body"].replace("\r\n", "\n")
    before = TOP.search(body)
    last = before[1] if before else ""
    today = datetime.now(timezone.utc).date().isoformat()
    due = remind and (not last or (_date(today) - _date(last)).days >= MONTH)
    day = today if due else last
    if sentence or last:
        head, rest = request.split(TOP.sub("", body, count=1))
        quoted = f"> **{sentence}**\n" if sentence else ""
        text = f"{head}<!-- hub-image notice {day} -->\n{quoted}\n{rest}"
        if text != body:
            github.api("PATCH", f"{issues}/{issue['number']}", {"body": text})
    if due:
        comment = f"{sentence}. The request above has the lines; who closes this issue is reminded all the same, once a month at most."
        github.api("POST", f"{issues}/{issue['number']}/comments", {"body": comment})
    print(sentence or "The hub has what is published.")


def _date(day: str) -> datetime:
    return datetime.fromisoformat(day)
