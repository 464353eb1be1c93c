"""`hub-image update`: in a terminal it updates the repository; with `--propose`, in CI, it makes that a pull request."""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hub_image.ci import propose
from hub_image.problem import Problem
from hub_image.repository import image_env
from hub_image.tools import github
from hub_image.tools.git import git
from hub_image.updates import update as updates

FACTS = {
    "base_image": "base image",
    "hub_version": "JupyterHub",
    "python_version": "Python",
    "registry": "registry",
    "image_name": "image",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hub-image update`."""
    updates.arguments(parser)
    parser.add_argument(
        "--propose", action="store_true", help="in CI: make it a pull request, or an issue"
    )


def run(options: argparse.Namespace) -> int:
    """Update the working tree, or propose it; return the exit code. Raises Problem as `update` does."""
    if not options.propose:
        return updates.run(options)
    github.variable("GITHUB_REPOSITORY")
    return update(options.path, updates.given(options))


def update(repository: Path, answers: Mapping[str, Any]) -> int:
    """Update, or change answers, and propose what came out; return the exit code.

    Raises Refused for an answer that cannot be taken: that is for who gave it, and no issue. Raises Problem where not
    even an issue could be opened.
    """
    name = "answers" if answers else "update"
    if not answers:
        github.renew()
    close = propose.Proposal(name, "", "", updates.Outcome("", ""), [])
    try:
        outcome = updates.update(repository, answers)
    except (updates.Unavailable, updates.Refused):
        raise
    except Problem as problem:
        outcome = updates.Outcome("", "")
        todo = propose.Proposal(
            name,
            f"The template could not be {'changed' if answers else 'updated'}",
            "",
            outcome,
            [],
        )
        todo.command = propose.command(repository, "update" + propose.as_options(answers))
        return propose.issue(todo, propose.ByHand(str(problem), propose.by_hand(todo)))
    if not outcome.changed:
        github.summary(
            f"Nothing to do: this repository has {outcome.after or outcome.before} of the template.\n"
        )
        print(f"Nothing to do: this repository has {outcome.after} of the template.")
        propose.close_issue(close)
        return 0
    title = (
        f"Change {', '.join(answers)}" if answers else f"Update to {outcome.after} of the template"
    )
    proposal = propose.Proposal(
        name,
        title,
        propose.command(repository, "update" + propose.as_options(answers), outcome.after),
        outcome,
        list(_facts(repository)),
        f"This brings the repository from {outcome.before} to {outcome.after} of the template."
        if outcome.before != outcome.after
        else "This changes answers.",
        "when you fill in the form again" if answers else "with the next release",
    )
    return propose.propose(repository, proposal)


def _facts(repository: Path) -> Iterator[str]:
    """Yield what an image's users would want to know, from what CI reads."""
    try:
        before = image_env.parse(git(repository, "show", f"HEAD:{image_env.FILE}"))
    except Problem:
        return
    now = image_env.read(repository)
    for key, name in FACTS.items():
        old, new = getattr(before, key), getattr(now, key)
        if new and old != new:
            yield f"- {name}: {old or 'none'} becomes **{new}**"
