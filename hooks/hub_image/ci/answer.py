"""`hub-image answer`: what an issue of the form *Ask for a package* gets; and when somebody has said yes, the draft of it.

Opened, an issue gets one comment: what was understood, and whether its packages can be had. The label LABEL is a yes. It
counts from people who may write, and for what that comment showed: its mark has a hash of the issue's text and of what
would be written, and what the event tells has to give the same one. What people write is data here, and in all that follows.

https://docs.github.com/en/webhooks/webhook-events-and-payloads#issues
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shlex
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hub_image.ci import asked, draft, proposal
from hub_image.ci.asked import Asked
from hub_image.ci.proposal import Draft
from hub_image.lists import expire, indexes, installed, reasons, wanted
from hub_image.page import facts
from hub_image.problem import Problem
from hub_image.repository import files
from hub_image.tools import github, markdown
from hub_image.tools.git import git
from hub_image.updates.update import Outcome

LABEL = "add package"  # requests.yml has it too
MARK, REFUSED = "<!-- hub-image asked ", "<!-- hub-image not yet -->"
# Name, kernel and language of a test's notebook. Where the image calls its kernel otherwise, the language decides.
KERNELS = {
    "r": ("R", "ir", "R"),
    "julia": ("Julia", "julia", "julia"),
    wanted.PYTHON: ("Python 3 (ipykernel)", "python3", "python"),
}


@dataclass
class Checked:
    """What came of looking at a request.

    `lines` say it, in Markdown. `entries` are what would be added, `texts` the new text of each list, by its file. There
    are none where one package cannot be had, nor where all are there. `hash` is that of all this and of the issue's text.
    """

    asked: Asked | None = None
    lines: list[str] = field(default_factory=list)
    entries: list[wanted.Entry] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    is_there: bool = False
    hash: str = ""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hub-image answer`."""
    parser.add_argument(
        "draft", type=Path, help="where to write what is to be proposed, if anything"
    )


def run(options: argparse.Namespace) -> int:
    """Answer the issue of this job's event, and write the draft; return the exit code. Raises Problem."""
    github.variable("GITHUB_EVENT_PATH")
    happened = github.event()
    issue, number = happened["issue"], int(happened["issue"]["number"])
    checked = check(Path(), number, str(issue["body"] or ""))
    if not checked:
        print("This issue is none of the form, so it is left alone.")
    elif happened["action"] == "opened":
        answer(number, checked)
    elif reason := why_not(issue, happened["sender"]["login"], checked):
        take_back(number, reason)
    elif checked.is_there:
        answer(number, checked)
    else:
        who = happened["sender"]["login"]
        proposal.write(drafted(Path(), number, who, checked), options.draft)
        github.output(draft="yes")
    return 0


def check(repository: Path, number: int, body: str) -> Checked | None:
    """Return what comes of an issue with this text, by lists, locks, the image's page and indexes; nothing is written.

    None where it is none of the form.
    """
    checked = Checked()
    try:
        checked.asked = asked.read(files.read(repository / asked.FORM), body)
        if not checked.asked:
            return None
        _look(repository, number, checked.asked, checked)
    except Problem as problem:
        checked.lines = [f"- {markdown.sentence(str(problem))}."]
    told = [body, [(entry.manager, entry.text) for entry in checked.entries]]
    checked.hash = hashlib.sha256(json.dumps(told).encode()).hexdigest()
    return checked


def _look(repository: Path, number: int, wish: Asked, checked: Checked) -> None:
    """Look at each package of a request. Raises Problem for what concerns all of them."""
    note = reasons.note(wish.why, wish.until, number)
    wishes, entries, can_be_had = wanted.Wishes(repository, in_image(repository)), [], True
    for word in wish.words:
        try:
            found = wishes.look(word, wish.manager)
            if isinstance(found, wanted.There):
                said = markdown.sentence(str(found))
            else:
                entries.append(found)
                said = f"{_where(found)} It goes into `{wishes.put(found, note)}`."
        except Problem as problem:
            can_be_had, said = False, f"**no.** {_sentence(problem)}"
        checked.lines.append(f"- {markdown.code(word)}: {said}")
    checked.is_there = can_be_had and not entries
    if can_be_had and entries:
        checked.entries, checked.texts = entries, wishes.texts
    checked.lines += ["", f"For {markdown.code(note)}."]
    if wish.code:
        checked.lines += ["This has to work:", "", *markdown.block([wish.code])]


def in_image(repository: Path) -> installed.Packages:
    """Return what the newest image has, as its page tells; nothing where it has none, or one of a later release."""
    page = f"origin/{facts.BRANCH}:{facts.FILE}"
    try:
        return facts.parse(git(repository, "show", page), page).packages
    except Problem:
        return {}


def _where(entry: wanted.Entry) -> str:
    """Say where a package comes from."""
    if entry.manager == "apt":
        return "a package of the system. No index was asked; the build says whether there is one."
    return f"found in {indexes.TITLES[entry.manager]}."


def _sentence(problem: Problem) -> str:
    """Say why a package cannot be added, to somebody who has no command line."""
    if not isinstance(problem, wanted.Undecided):
        return f"{markdown.sentence(str(problem))}."
    if problem.away:
        return f"Nobody could tell whether there is such a package: {markdown.sentence('; '.join(problem.away))}."
    titles = " or ".join(dict.fromkeys(indexes.TITLES[entry.manager] for entry in problem.entries))
    return f"There is no such package in {titles}. Look up there how it is spelt."


def answer(number: int, checked: Checked) -> None:
    """Write the one comment, with the label to put on the issue; or close it where all is there. Raises Problem."""
    if checked.texts:
        make_label()
    github.comment(number, text(checked), MARK)
    if checked.is_there:
        github.api("PATCH", f"{github.repository()}/issues/{number}", {"state": "closed"})


def text(checked: Checked) -> str:
    """Return what the one comment says."""
    if checked.is_there:
        end = (
            "All of it is there, so this issue is closed. It does not work for you? Then say here what happens, and somebody "
            "will open it again."
        )
    elif checked.texts:
        end = (
            f"**To say yes**, put the label *{LABEL}* on this issue. That counts from people who may write to this repository, "
            "and for what stands here: once the text above is edited, it is looked at anew. Then the image is built with it, "
            "and tried, and its name comes here."
        )
    else:
        end = (
            f"So nothing can be added. Where you can put it right, open a [new issue]({github.page()}/issues/new?template="
            f"{Path(asked.FORM).name}) and close this one. Where somebody else has done so meanwhile, the label *{LABEL}* has "
            "it looked at again."
        )
    return "\n".join(
        [f"{MARK}{checked.hash} -->", "What was understood:", "", *checked.lines, "", end, ""]
    )


def make_label() -> None:
    """Make the label, unless the repository has it. Where that cannot be, only says so: a person can make it."""
    about = {"color": "0e8a16", "description": "Yes to a request for a package"}
    path = f"{github.repository()}/labels"
    try:  # the second of two is refused, so it can be sent again
        github.api("POST", path, {"name": LABEL, **about}, made=lambda: None)
    except Problem as problem:
        if not (isinstance(problem, github.Refused) and problem.status == 422):  # it is there
            github.warn(f"{problem} Make the label {LABEL!r} yourself.")


def why_not(issue: dict[str, Any], who: str, checked: Checked) -> str:
    """Return why a label that somebody put on an issue is no yes, in Markdown; empty where it is one. Raises Problem."""
    number = issue["number"]
    if not may_write(who):
        return f"{markdown.code(who)} may not write to this repository, so this label is no yes. It needs somebody who may."
    if issue["state"] != "open":
        return "This issue is closed. Open it again, and then put the label on it."
    before = github.written(f"{github.repository()}/issues/{number}/comments", MARK)
    shown = before["body"].removeprefix(MARK).partition(" ")[0] if before else ""
    if checked.is_there:
        return ""
    if shown != checked.hash:
        answer(number, checked)
        return (
            "The comment that says what was understood is new: the text, or what can be had, is another than was shown before. "
            f"Read it. Is it what you want? Then put the label *{LABEL}* on this issue once more."
        )
    return "" if checked.texts else "Nothing of it can be added; the comment above says why."


def may_write(who: str) -> bool:
    """Whether somebody may write to this repository, as GitHub says. Who may only read or sort issues may not.

    https://docs.github.com/en/rest/collaborators/collaborators#get-repository-permissions-for-a-user says `write` of the
    role maintain and `read` of triage. Metadata are enough to ask: aenix-io/aeman#161.
    """
    name = urllib.parse.quote(who, safe="")
    try:
        found = github.api("GET", f"{github.repository()}/collaborators/{name}/permission")
    except github.Refused as refused:
        if refused.status == 404:
            return False
        raise
    return found["permission"] in ("admin", "write")


def take_back(number: int, reason: str) -> None:
    """Take the label off an issue, and say why. Raises Problem."""
    github.comment(number, f"{REFUSED}\n{reason}\n", REFUSED)
    try:
        label = urllib.parse.quote(LABEL)
        github.api("DELETE", f"{github.repository()}/issues/{number}/labels/{label}")
    except github.Refused as refused:
        if refused.status != 404:  # somebody was faster
            raise
    print(reason)


def drafted(repository: Path, number: int, who: str, checked: Checked) -> Draft:
    """Write the lists and the test into the working tree, and return what is to be proposed. Raises Problem."""
    wish = checked.asked
    assert wish
    base = git(repository, "rev-parse", "HEAD").strip()
    outcome = Outcome("", "")
    written = checked.texts
    if wish.code:
        written |= {expire.TEST.format(issue=number): notebook(number, wish)}
    for path, content in written.items():
        file = repository / path
        outcome.changed[path] = "M" if file.exists() else "A"
        file.parent.mkdir(exist_ok=True)
        file.touch()
        files.write(file, content)
    names = [entry.name for entry in checked.entries]
    return draft.of(
        repository,
        outcome,
        Draft(
            "request",
            base,
            f"Add {', '.join(names)} (#{number})",
            about=f"Closes #{number}, which asks for this. {markdown.code(who)} said yes to it.",
            body="\n".join([*checked.lines, ""]),
            again=f"when the label *{LABEL}* is put on the issue once more",
            command="\n".join(
                draft.command(repository, _as_options(entry, wish, number))
                for entry in checked.entries
            ),
            issue=str(number),
        ),
    )


def _as_options(entry: wanted.Entry, wish: Asked, number: int) -> str:
    """Return what `hub-image` is told to add the same."""
    words = ["add", entry.text.strip('"'), "--from", entry.manager, "--why", wish.why]
    words += ["--until", wish.until] if wish.until else []
    return shlex.join([*words, "--issue", str(number)])


def notebook(number: int, wish: Asked) -> str:
    """Return a notebook that runs the line which has to work; for a program of the system it is one of bash."""
    title, kernel, language = KERNELS.get(wish.manager, KERNELS[wanted.PYTHON])
    bash = ["%%bash\n", "set -e\n"] if wish.manager == "apt" else []
    cell: dict[str, Any] = {
        "cell_type": "code",
        "id": f"request-{number}",
        "metadata": {},
        "execution_count": None,
        "outputs": [],
        "source": [*bash, wish.code],
    }
    kernelspec = {"display_name": title, "language": language, "name": kernel}
    whole = {
        "cells": [cell],
        "metadata": {"kernelspec": kernelspec, "language_info": {"name": language}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"
