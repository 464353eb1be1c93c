"""What became of the image with a package that somebody asked for, told in the issue: a name to try, or why it fails."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hub_image.ci import plan, report
from hub_image.handoff import links
from hub_image.problem import Problem
from hub_image.repository import image_env
from hub_image.tools import github, markdown

PUBLISH = "Publish"  # the step of image.yml
LINES = 10  # of a reason


def tell(
    repository: Path,
    issue: str,
    commit: str,
    pull: Mapping[str, Any],
    run: Mapping[str, Any],
    result: str,
) -> None:
    """Write into the issue what became of the image of a pull request, each time anew, so that people are told.

    `run` is the one of image.yml that has built this commit, as GitHub tells of it, empty where none is at its end;
    `result` says in Markdown what is known then. Raises Problem.
    """
    mark = f"<!-- hub-image tried {commit} -->"
    lines = [mark, *_told(repository, commit, pull, run, result), ""]
    github.comment(int(issue), "\n".join(lines), mark)


def _told(
    repository: Path, commit: str, pull: Mapping[str, Any], run: Mapping[str, Any], result: str
) -> Iterator[str]:
    ended, number = run.get("conclusion"), pull["number"]
    jobs = _jobs(run) if ended else []
    if ended == "success" and _published(jobs):
        name = _reference(repository, commit, pull)
        yield f"**The image with it can be tried** (#{number}). In your hub's list of images choose *Other…* and paste this name:"
        yield from ["", "```", name, "```", "", *_link(repository, name)]
        yield "Does it do what you need? Say so here. When the pull request is merged, this issue is closed."
    elif ended == "success":
        yield f"The image with it was built and has passed its tests (#{number}), but was not published, so there is none to try."
        yield f"The page of [the run]({run['html_url']}) says why."
    elif ended in github.FAILED:
        yield f"**The image does not work with it** (#{number}), so there is none to try."
        yield from [f"In [the run]({run['html_url']}) this failed:", "", *_why(jobs), ""]
        yield "Somebody who may write to this repository can put it right in the pull request, or close it and this issue."
    else:
        yield f"The image with it (#{number}) {result}."


def _link(repository: Path, name: str) -> list[str]:
    """Return a link that starts an image on the hub, where that is known."""
    try:
        found = links.lines(repository, name) if image_env.read(repository).hub_url else []
    except Problem:  # no hub/profile.yaml: its owner may have removed it
        found = []
    return [*found[:1], ""] if found else []


def _jobs(run: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the jobs of a run; none where GitHub does not say."""
    try:
        path = f"{github.repository()}/actions/runs/{run['id']}/jobs?per_page=100"
        return list(github.api("GET", path)["jobs"])
    except Problem as problem:
        github.warn(f"What the jobs did is not known: {problem}")
        return []


def _published(jobs: list[dict[str, Any]]) -> bool:
    """Whether a job of the run has published an image."""
    steps = [step for job in jobs for step in job.get("steps", [])]
    return any(step["name"] == PUBLISH and step["conclusion"] == "success" for step in steps)


def _reference(repository: Path, commit: str, pull: Mapping[str, Any]) -> str:
    """Return the name of the trial image that a pull request's commit got, with its tag."""
    head = {**pull["head"], "sha": commit}
    answers = image_env.read(repository)
    happened = github.event() | {"pull_request": {**pull, "head": head}}
    platform = (answers.platforms or ("linux/amd64",))[0]
    return plan.plan(answers, happened, os.environ, platform).reference


def _why(jobs: list[dict[str, Any]]) -> Iterator[str]:
    """Yield in Markdown which step failed and what it said, as far as GitHub tells."""
    for job in jobs:
        if job["conclusion"] not in github.FAILED:
            continue
        steps = [step["name"] for step in job.get("steps", []) if step["conclusion"] == "failure"]
        yield f"**{(steps or [job['name']])[0]}**"
        try:
            number = job["check_run_url"].rpartition("/")[2]
            said = github.pages(f"{github.repository()}/check-runs/{number}/annotations")
        except Problem as problem:
            github.warn(f"Why it failed is not known: {problem}")
            said = []
        reasons = [one for one in said if (one["title"] or "").endswith(report.FAILED)]
        lines = "\n".join(one["message"] or "" for one in reasons).splitlines()
        yield from ["", *markdown.block(lines[:LINES] or ["The page of the run has its log."])]
        return
    yield "GitHub does not say what: the page of the run may."  # there are no jobs where it could not even start
