"""`hub-image configure`: in a terminal it makes an image repository of a copy, or changes answers; and in CI.

There the answers are the fields of the form, in the variable ANSWERS. `--propose` configures a copy, which is only done
where GitHub says that it was made from a template and is no fork; `--draft` writes changed answers for `hub-image propose`.
"""

import argparse
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hub_image import catalog
from hub_image.ci import answer, draft, proposal, propose, welcome
from hub_image.ci.update import draft_option
from hub_image.problem import Problem
from hub_image.tools import github
from hub_image.tools.git import git, logged_in
from hub_image.updates import configure, update

MORE = "more"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hub-image configure`."""
    configure.arguments(parser)
    parser.add_argument(
        "--propose", action="store_true", help="in CI: configure a copy, and push it"
    )
    draft_option(parser)


def run(options: argparse.Namespace) -> int:
    """Configure the repository, or propose changed answers; return the exit code. Raises Problem where that fails."""
    if not options.propose and not options.draft:
        return configure.run(options)
    github.variable("GITHUB_REPOSITORY")
    answers: dict[str, str] = {}
    try:
        answers = form(os.environ.get("ANSWERS", "")) | update.given(options)
        if options.propose:
            return in_ci(options.path, answers)
        if not answers:
            raise update.Refused(configure.NOTHING)
        proposal.write(draft.update(options.path, answers), options.draft)
        return 0
    except update.Refused as problem:
        github.summary(refused(problem, answers))
        raise


def form(text: str) -> dict[str, str]:
    """Return the answers in the fields of the form, which GitHub tells as JSON; an empty field is none.

    The field `more` holds those to questions that the form does not know. Raises Refused where it is not written so.
    """
    fields = json.loads(text or "{}") or {}
    answers = {field: said for field, said in fields.items() if said and field != MORE}
    for part in filter(str.strip, (fields.get(MORE) or "").split(";")):
        question, equals, answer = part.partition("=")
        if not equals:
            raise update.Refused(
                f"{MORE}: write name=value instead of {part.strip()}, with ; between several."
            )
        answers[question.strip()] = answer.strip()
    return answers


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
            environment=logged_in(os.environ.get("GITHUB_TOKEN", "")),
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
    answer.make_label()
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
    run = catalog.load().program.line(f"configure{draft.as_options(answers)}", source)
    return f"git clone {github.page()} && cd {name} && {run} && git push"
