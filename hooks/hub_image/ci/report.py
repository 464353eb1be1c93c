"""`hub-image report`: say what came out, on the run's page and in one comment on the pull request.

The comment is updated in place, so that a pull request has one. Where the token may not comment, the page of the
run says the same.
"""

import argparse
import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from hub_image.ci import plan
from hub_image.ci.find import image_before
from hub_image.handoff import links
from hub_image.lists import installed
from hub_image.problem import Problem
from hub_image.repository import anchors
from hub_image.tools import docker, github, markdown
from hub_image.tools.git import git
from hub_image.tools.registry import Repository, settings_page, size

MARK = "<!-- hub-image {platform} -->"
ROWS = 100  # of packages; a comment holds 65,536 characters
LINES = 25  # of a failed step's log
FAILED = " failed"  # how the title of the reason ends, beside the run
# What says why, in the log of a step: a check's finding, a part of the contract, what a step of the build said last.
# https://docs.docker.com/reference/cli/docker/buildx/build/#progress, plain
SAID = {
    "check": r"\S+:\d+: error .*",
    "contract": r"Error \S+, .*",
    "build": r"#\d+ \d[\d.]* (.*\S.*)",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hub-image report`."""
    parser.add_argument("file", type=Path, help="where the report is written to, or read from")
    parser.add_argument(
        "--comment", action="store_true", help="put the report of FILE on the pull request"
    )
    parser.add_argument(
        "--logs", type=Path, default=Path(), help="folder with <step>.log for each step"
    )


def run(options: argparse.Namespace) -> int:
    """Write the report, or comment with it; return the exit code.

    Reads the variable STEPS, which is what GitHub knows of the job's steps. Raises Problem outside of a job.
    """
    if options.comment:
        comment(options.file.read_text(encoding="utf-8"))
        return 0
    made = plan.here()
    steps = json.loads(github.variable("STEPS"))
    text = "\n".join(report(made, steps, options.logs)) + "\n"
    options.file.write_text(text, encoding="utf-8")
    github.summary(text)
    print(text)
    return 0


def report(made: plan.Plan, steps: dict[str, Any], logs: Path) -> Iterator[str]:
    """Yield the lines of the report, in Markdown.

    `steps` is GitHub's `steps` context: for each step its outcome and outputs. `logs` has what each one wrote.
    """
    yield MARK.format(platform=made.platform)
    yield from _anchors()
    outcome = {name: step.get("outcome") for name, step in steps.items()}
    failed = next((name for name, result in outcome.items() if result == "failure"), None)
    digest = steps.get("build", {}).get("outputs", {}).get("digest")
    published = outcome.get("publish") == "success"
    if failed:
        yield f"### The image is not published: {failed} failed"
        yield ""
        yield from _log(logs / f"{failed}.log")
        github.titled(f"{failed}{FAILED}", _reason(logs / f"{failed}.log"))
    elif published:
        yield "### The image is ready"
        yield ""
        if steps["publish"]["outputs"].get("public") == "false":
            page = settings_page(made.image, github.event())
            yield f"> **Hubs cannot pull it yet**, because it is private. Make it public: {page}"
            yield ""
        yield "```"
        yield made.reference
        yield "```"
        yield ""
        yield from _how_to_try(made)
    else:
        yield "### The image is built and tested, but not published"
        yield ""
        yield made.why_not
    if not digest:
        return
    yield ""
    yield "| | |"
    yield "| --- | --- |"
    yield f"| commit | {made.commit} |"
    yield f"| digest | `{digest}` |"
    results = {"success": "passed", "failure": "**failed**"}
    yield f"| contract | {results.get(outcome.get('contract') or '', 'not run')} |"
    yield f"| time | {', '.join(took(logs))} |"
    yield from _compare(made, digest, published)


def _anchors() -> Iterator[str]:
    """Yield what a reviewer has to read first: a pull request that changes whose code CI runs, or where the image goes.

    It stands beside the line too, for a pull request of a fork, on which nothing here may comment.
    """
    base = (github.event().get("pull_request") or {}).get("base", {}).get("sha")
    if not base:
        return
    try:
        base = git(Path(), "merge-base", base, "HEAD").strip()
    except Problem:
        pass  # git does not have all of it
    here = anchors.here(Path())
    changed = list(anchors.changed(anchors.at(Path(), base), here))
    for file, name, sentence in changed:
        yield f"{anchors.LOOK} {sentence}."
        lines = [text.startswith(name) for text in here(file).splitlines()]
        github.annotate("warning", file, lines.index(True) + 1 if any(lines) else 1, sentence)
    yield from [""] if changed else []


def _how_to_try(made: plan.Plan) -> Iterator[str]:
    yield "To try it, choose *Other…* in your hub's list of images and paste this name; or on your computer:"
    yield f"`docker run --rm --publish 127.0.0.1:8888:8888 {made.reference}`"
    try:
        found = links.lines(Path(), made.reference)
    except Problem:  # no hub/profile.yaml: its owner may have removed it
        found = []
    yield from ["", *found] if found else []


def _compare(made: plan.Plan, digest: str, published: bool) -> Iterator[str]:
    """Yield what differs from the image that is now on the default branch, as far as it can be known."""
    repository = Repository(made.image)
    architecture = made.platform.split("/")[1]
    new = repository.image(digest, architecture) if published else None
    try:
        found = image_before(repository, made)
    except Problem:  # a registry that is away or refuses has failed a step already
        found = None
    if new:
        total = size(sum(installed.layers(new.content).values()))
        if found:
            tag, old = found
            content = repository.image(old, architecture)
            more = size(installed.to_pull(content.content, new.content)) if content else total
            yield f"| a node pulls | {more} when it has `{tag}`, {total} when it has nothing |"
        else:
            yield f"| a node pulls | {total} |"
    packages = installed.packages(f"{made.image}@{digest}")
    if not found:
        yield f"| packages | {len(packages)}; there is no earlier image to compare them with |"
        return
    tag, old = found
    docker.pull(f"{made.image}@{old}")
    changes = installed.compare(installed.packages(f"{made.image}@{old}"), packages)
    added = sum(not change[2] for change in changes)
    removed = sum(not change[3] for change in changes)
    changed = len(changes) - added - removed
    yield f"| packages | {added} added, {removed} removed, {changed} changed since `{tag}` |"
    if not changes:
        return
    yield ""
    yield "<details><summary>Packages</summary>"
    yield ""
    yield "| | package | before | now |"
    yield "| --- | --- | --- | --- |"
    for manager, name, before, now in changes[:ROWS]:
        yield "| " + " | ".join(map(markdown.cell, (manager, name, before, now))) + " |"
    if len(changes) > ROWS:
        yield f"| | and {len(changes) - ROWS} more | | |"
    yield ""
    yield "</details>"


def took(logs: Path) -> Iterator[str]:
    """Yield how long each step took: from the last line that the one before wrote to its own last line."""
    files = [logs / f"{name}.log" for name in ("check", "build", "contract", "publish")]
    for before, file in pairwise(file for file in files if file.exists()):
        seconds = round(file.stat().st_mtime - before.stat().st_mtime)
        text = (
            f"{file.stem} {seconds // 60} min {seconds % 60} s"
            if seconds >= 60
            else f"{file.stem} {seconds} s"
        )
        if file.stem == "build":
            log = file.read_text(errors="replace")
            steps = set(re.findall(r"^#(\d+) \[[^]]*\d/\d+\] (?:RUN|COPY)", log, re.M))
            cached = steps & set(re.findall(r"^#(\d+) CACHED$", log, re.M))
            text += f" ({len(cached)} of {len(steps)} steps from the cache)" if steps else ""
        yield text


def _lines(file: Path) -> list[str]:
    """Return what a step has written, without empty lines; none where it wrote nothing."""
    lines = file.read_text(errors="replace").splitlines() if file.exists() else []
    told = (line.removeprefix("::error::") for line in lines if not github.is_quote(line))
    return [line[:500] for line in told if line.strip()]


def _log(file: Path) -> Iterator[str]:
    """Yield the end of a step's log; its last line is the reason."""
    if shown := _lines(file)[-LINES:]:
        yield from markdown.block(shown)


def _reason(file: Path) -> str:
    """Return what says in a step's log why it failed, in a few lines."""
    lines = _lines(file)
    found = [said for line in lines if (said := re.fullmatch(SAID.get(file.stem, "(?!)"), line))]
    if found and file.stem == "build":
        return str(found[-1][1])
    return "\n".join([said[0] for said in found][:5] or lines[-1:])


def comment(text: str) -> None:
    """Put the report on the pull request, in place of the one before.

    Raises Problem when GitHub does not answer; where the token may not comment, only says so.
    """
    try:
        github.comment(github.event()["pull_request"]["number"], text, text.partition("\n")[0])
    except Problem as problem:
        github.warn(f"{problem} The page of this run has the report.")
