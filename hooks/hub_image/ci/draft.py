"""Make drafts, in jobs that may change nothing: of an update, of changed answers, of new locks (proposal.py says the rest)."""

import dataclasses
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hub_image import catalog
from hub_image.ci import proposal
from hub_image.ci.proposal import Draft
from hub_image.problem import Problem
from hub_image.repository import files, image_env
from hub_image.tools import git as tool
from hub_image.tools import github, markdown
from hub_image.tools.git import git
from hub_image.updates import update as updates
from hub_image.updates.update import MARKER, Outcome

FACTS = {
    "base_image": "base image",
    "hub_version": "JupyterHub",
    "python_version": "Python",
    "registry": "registry",
    "image_name": "image",
}


def update(repository: Path, answers: Mapping[str, Any], version: str = "") -> Draft:
    """Update the working tree, or change answers, and return what is to be proposed.

    Raises Refused for an answer that cannot be taken: that is for who gave it, and no issue; and Unavailable where the
    template cannot be had.
    """
    base = git(repository, "rev-parse", "HEAD").strip()
    kind = "answers" if answers else "update"
    arguments = "update" + as_options(answers)
    again = "when you fill in the form again" if answers else "with the next release"
    try:
        outcome = updates.update(repository, answers, version)
    except (updates.Unavailable, updates.Refused):
        raise
    except Problem as problem:
        title = f"The template could not be {'changed' if answers else 'updated'}"
        draft = Draft(kind, base, title, command=command(repository, arguments), again=again)
        return dataclasses.replace(draft, todo=(str(problem), proposal.by_hand(draft)))
    if not outcome.changed:
        about = f"this repository has {outcome.after or outcome.before} of the template"
        return Draft(kind, base, "Nothing to do", about=about)
    return of(
        repository,
        outcome,
        Draft(
            kind,
            base,
            f"Change {', '.join(answers)}" if answers else updates.title(outcome.after),
            about=f"This brings the repository from {outcome.before} to {outcome.after} of the template."
            if outcome.before != outcome.after
            else "This changes answers.",
            body="".join(f"{fact}\n" for fact in _facts(repository)),
            again=again,
            command=command(repository, arguments, outcome.after),
        ),
    )


def of(repository: Path, outcome: Outcome, draft: Draft) -> Draft:
    """Return the draft with what the working tree has become; nothing is committed."""
    if outcome.conflicts:
        todo = conflicts(repository, outcome, draft)
    elif changed := {
        path: of for path, of in outcome.changed.items() if path.startswith(github.WORKFLOWS)
    }:
        todo = workflows(repository, changed, outcome.after, draft)
    else:
        todo = ()
        git(repository, "add", "--all")
        plain = ["--binary", "--full-index", "--no-renames", "--no-ext-diff", "--no-textconv"]
        prefixes = ["--no-color", "--src-prefix=a/", "--dst-prefix=b/"]
        diff = tool.content(repository, "diff", "--cached", *plain, *prefixes, "HEAD")
        draft = dataclasses.replace(draft, diff=diff.decode("utf-8", "surrogateescape"))
    facts = f"{draft.body}\n" if draft.body else ""
    body = facts + "\n".join(updates.describe(outcome))
    return dataclasses.replace(draft, body=body, notes=outcome.notes, todo=todo)


def command(repository: Path, arguments: str, version: str = "") -> str:
    """Return the line that runs hub-image in a terminal, in this version or the one that the answers record."""
    try:
        recorded = updates.read(repository)
    except Problem:
        recorded = {}
    source = updates.address(str(recorded.get("_src_path", "")))
    version = version or str(recorded.get("_commit", ""))
    return catalog.load().program.line(arguments, source, version)


def as_options(answers: Mapping[str, Any]) -> str:
    """Return answers as the options of a command line."""
    return "".join(
        f" --data {shlex.quote(f'{question}={answer}')}" for question, answer in answers.items()
    )


def conflicts(repository: Path, outcome: Outcome, draft: Draft) -> tuple[str, ...]:
    """Return what to do where the owner and the template changed the same lines."""
    shown = []
    for path in outcome.conflicts:
        shown.append(f"- `{path}`")
        said = files.read(repository / path)
        if MARKER.search(said.encode(errors="replace")):
            start_at = said.index("<<<<<<< before updating")
            part = "\n".join(said[start_at:].splitlines()[:40])
            shown += ["", *markdown.block(part.splitlines()), ""]
    return (
        "You and the template changed the same lines, and only you know which ones are right:\n\n"
        + "\n".join(shown),
        f"The third command marks these places: keep the right lines, remove the marks.\n\n{proposal.by_hand(draft)}",
        "Or, without a terminal: undo your change of these files in the browser, and run the workflow "
        f"*{draft.workflow}* again. What you need beyond the template belongs into the lists and scripts "
        "(GUIDE.md).",
    )


def workflows(
    repository: Path, changed: Mapping[str, str], version: str, draft: Draft
) -> tuple[str, ...]:
    """Return what to do where a release changes files that only a person may change."""
    steps = []
    for path, letter in changed.items():
        edit = f"{github.page()}/edit/{github.default_branch()}/{path}"
        if letter == "D":
            remove = edit.replace("/edit/", "/delete/", 1)
            steps.append(f"Open [{path}]({remove}) and delete it: this release no longer has it.")
            continue
        new = f"{github.page()}/new/{github.default_branch()}?filename={path}"
        steps.append(
            f"Open [{path}]({new if letter == 'A' else edit}), put this in place of everything there, and commit it:\n\n"
            f"<details><summary>{path}</summary>\n\n````yaml\n{files.read(repository / path)}````\n\n</details>"
        )
    names = ", ".join(f"`{path}`" for path in changed)
    return (
        f"{version} changes {names}, and GitHub lets only people change workflows.",
        *steps,
        f"Run the workflow *{draft.workflow}* again ([here]({github.page()}/actions), *Run workflow*): it does "
        "the rest.",
        f"Or do it all at once.\n\n{proposal.by_hand(draft)}",
    )


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
