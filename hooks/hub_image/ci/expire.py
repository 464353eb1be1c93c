"""`hub-image expire`: in a terminal it writes the lists; with `--draft`, in CI, it writes what is to be proposed.

One text lists what is past its end, for the pull request that removes it and for the issue (propose.py). The reasons are
comments in lists, which perhaps a stranger wrote: they are shown as code, since GitHub tells a person whose name stands
behind `\\@` too (https://github.com/github/markup/issues/1168).
"""

import argparse
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hub_image.ci import draft, proposal, update
from hub_image.ci.proposal import Draft
from hub_image.lists import expire
from hub_image.lists.reasons import Ended
from hub_image.tools import github, markdown
from hub_image.tools.git import git
from hub_image.updates.update import Outcome

KIND = "expire"
OVER = "The last month in which somebody wanted these packages is over"
LEFT = "Something else stands on their lines or needs them, so only you can take them out:"
LATER = """\
Is one still needed? Write a later month beside it: {edit}. Then this text follows with the next run of *weekly*."""
REMINDER = """\
These packages are still past their end: the list above is of today. This reminder comes once a month, as long as the issue \
is open."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hub-image expire`."""
    expire.arguments(parser)
    update.draft_option(parser)


def run(options: argparse.Namespace) -> int:
    """Write the lists, or a draft; return the exit code. Raises Problem where it is to be drafted outside of CI."""
    if not options.draft:
        return expire.run(options)
    github.variable("GITHUB_REPOSITORY")
    proposal.write(expired(options.path), options.draft)
    return 0


def expired(repository: Path) -> Draft:
    """Take out of the working tree's lists what is past its end, and return what is to be proposed, if anything."""
    base = git(repository, "rev-parse", "HEAD").strip()
    found = expire.expired(repository)
    over = [*found.gone, *found.left]
    if not over:
        return Draft(KIND, base, "Nothing to do", about="nothing in the lists is past its end")
    expire.write(repository, found)
    about = []
    if found.gone:
        about += [f"{OVER}:", "", *(_line(entry, base) for entry in found.gone), ""]
    if found.tests:
        names = ", ".join(markdown.code(test) for test in found.tests)
        about += [f"The test that came with their request goes with them: {names}.", ""]
    if found.left:
        about += [f"{OVER}. {LEFT}", "", *(_line(entry, base) for entry in found.left), ""]
    edit = f"{github.page()}/edit/{github.default_branch()}"
    lists = dict.fromkeys(entry.file for entry in over)
    about += [LATER.format(edit=", ".join(f"[{file}]({edit}/{file})" for file in lists))]
    made = Draft(
        KIND,
        base,
        # What sorts as time does: whether somebody has said no to this already is seen by it.
        f"Remove what was wanted until {max(entry.until for entry in over)}",
        about="\n".join(about),
        again="when more is past its end",
        command=draft.command(repository, "expire"),
        todo=("",) if not found.gone else (),
    )
    if not found.gone:
        return made
    changed = dict.fromkeys(found.texts, "M") | dict.fromkeys(found.tests, "D")
    return draft.of(repository, Outcome("", "", changed=changed), made)


def is_said(draft: Draft, title: str) -> bool:
    """Whether an earlier title told of all months that a draft tells of: then who closed it has said no to this too."""
    return title >= draft.title


def step(pull: Mapping[str, Any]) -> str:
    """Return what to do where there is a pull request that removes them, which somebody may have closed."""
    if pull["state"] == "closed":
        do = f"Open #{pull['number']} again, which somebody closed, or take the lines out yourself."
    else:
        do = f"Merge #{pull['number']}, which says whether the image works without them."
    return f"Are they not needed any more? {do} This issue closes by itself once nothing of it is left."


def keep_issue(draft: Draft, reason: str, *steps: str) -> None:
    """Keep one issue with the list of a draft, and what to do; who closed it finds it closed until more is past its end.

    Once a month a comment reminds those who follow it. Raises Problem where there can be no issue: the run's page then has
    its text.
    """
    month = f"<!-- reminded {time.strftime('%Y-%m')} -->"
    parts = (f"{draft.mark}\n{month}\n{draft.about}", reason, *steps)
    body = "\n\n".join(filter(None, parts))[: proposal.MOST]
    github.summary(body)
    issues = f"{github.repository()}/issues"
    content = {"title": draft.title, "body": body}

    def old_one() -> dict[str, Any] | None:
        return github.written(f"{issues}?state=all", draft.mark)

    if not (old := old_one()):
        number = github.api("POST", issues, content, made=old_one)["number"]
    elif old["state"] == "closed" and is_said(draft, old["title"]):
        print(f"{draft.title}: that issue was closed, so it is left alone.")
        return
    else:
        number = old["number"]
        github.api("PATCH", f"{issues}/{number}", {**content, "state": "open"})
        if month not in old["body"]:
            github.api("POST", f"{issues}/{number}/comments", {"body": REMINDER})
    github.warn(f"{draft.title}: {github.page()}/issues/{number}")


def _line(entry: Ended, commit: str) -> str:
    """Return an entry as a line of a list: its name, where it stands, who wanted it, why, and until when."""
    place = f"[{entry.file}, line {entry.line}]({github.page()}/blob/{commit}/{entry.file}#L{entry.line})"
    said = [f"#{entry.issue}"] if entry.issue else []
    said += [markdown.code(entry.reason)] if entry.reason else []
    return f"- {markdown.code(entry.name)} in {place}: {', '.join([*said, f'until {entry.until}'])}"
