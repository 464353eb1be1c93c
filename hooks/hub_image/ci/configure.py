"""`hub-image configure`: in a terminal it makes an image repository of a copy, or changes answers; with `--propose`, in CI.

There the answers are the fields of the form, in the variable ANSWERS. A copy is only configured where GitHub says that it was
made from a template and is no fork.
"""

import argparse
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hub_image import catalog
from hub_image.ci import propose, welcome
from hub_image.ci import update as proposed
from hub_image.problem import Problem
from hub_image.tools import github
from hub_image.tools.git import git
from hub_image.updates import configure, update


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hub-image configure`."""
    configure.arguments(parser)
    parser.add_argument("--propose", action="store_true", help="in CI: push it, or say what to do")


def run(options: argparse.Namespace) -> int:
    """Configure the repository, or propose changed answers; return the exit code. Raises Problem where that fails."""
    if not options.propose:
        return configure.run(options)
    github.variable("GITHUB_REPOSITORY")
    form = json.loads(os.environ.get("ANSWERS") or "{}") or {}
    answers = {field: text for field, text in form.items() if text} | update.given(options)
    try:
        if not (options.path / update.ANSWERS).exists():
            return in_ci(options.path, answers)
        if not answers:
            raise update.Refused(configure.NOTHING)
        return proposed.update(options.path, answers)
    except update.Refused as problem:
        github.summary(refused(problem, answers))
        raise


def in_ci(repository: Path, answers: Mapping[str, str]) -> int:
    """Configure the repository of this job, push it and start its first build; return the exit code."""
    name = os.environ["GITHUB_REPOSITORY"]
    here = github.api("GET", f"/repos/{name}")
    if reason := why_not(here):
        said = f"Nothing to configure: {reason}."
        github.summary(said + "\n")
        print(said)
        return 0
    source = here["template_repository"]["html_url"]
    answers = {"github_owner": os.environ["GITHUB_REPOSITORY_OWNER"], **answers}
    try:
        lines = configure.configure(
            repository, answers, source, name.partition("/")[2], by_token=True
        )
        branch = os.environ["GITHUB_REF"].removeprefix("refs/heads/")
        url = git(repository, "remote", "get-url", "origin").strip()
        git(
            repository,
            "push",
            "--quiet",
            url,
            f"HEAD:refs/heads/{branch}",
            environment=propose.credentials(),
        )
    except update.Refused:
        raise
    except Problem as problem:
        github.summary(
            f"{problem}\n\nNothing was changed. In a terminal, with git and uv:\n\n```\n{by_hand(source, answers)}\n```\n"
        )
        raise
    try:
        propose.start(branch, git(repository, "rev-parse", "HEAD").strip())
        lines.append(
            "The workflow *image* builds the first image now, and then writes the link request as an issue."
        )
    except Problem as problem:
        lines.append(
            f"{problem} Start the workflow *image* yourself: *Actions*, *image*, *Run workflow*."
        )
    if issue := welcome.welcome(repository, branch, here):
        lines.append(f"The issue *{welcome.TITLE}* says what comes next: {issue}")
    github.summary("\n\n".join(lines) + "\n")
    print("\n".join(lines))
    return 0


def refused(problem: update.Refused, answers: Mapping[str, str]) -> str:
    """Return what the run's page says where an answer is refused: the sentence, and the way back to an empty form."""
    docs = f"{catalog.load().published}/blob/main/docs"
    given = "".join(f"- {question}: `{answer}`\n" for question, answer in answers.items())
    again = f"You had filled in:\n\n{given}\n" if given else ""
    return f"""\
**{problem}**

Nothing was changed. Open [the form]({github.page()}/{welcome.FORM}) again, press *Run workflow*, and fill it in anew: GitHub \
has forgotten what you gave.

{again}What the answers mean: [the questions]({docs}/questions.md), [the bases]({docs}/bases.md).
"""


def why_not(repository: Mapping[str, Any]) -> str:
    """Return why this is no copy that was made with "Use this template", by what GitHub says of it."""
    if repository["html_url"] == catalog.load().published or repository.get("is_template"):
        return "this is a template itself"
    if repository["fork"]:
        return "this is a fork, in which somebody works on the template"
    if not repository.get("template_repository"):
        return "GitHub does not say that it was made with *Use this template*"
    return ""


def by_hand(source: str, answers: Mapping[str, Any]) -> str:
    """Return the line that does the same in a terminal."""
    name = os.environ["GITHUB_REPOSITORY"].partition("/")[2]
    run = catalog.load().program.line(f"configure{propose.as_options(answers)}", source)
    return f"git clone {github.page()} && cd {name} && {run} && git push"
