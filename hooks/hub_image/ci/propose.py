"""What CI makes of an update, of changed answers or of new locks: one pull request, or one issue that says what to do.

The job's own token may do less than a person, so each refusal ends in the issue: conflicts, files in
`.github/workflows/` (only a person may add or change those), repositories where Actions may not open pull requests,
protected branches. A branch is pushed whole or not at all, and never with conflict marks in it.

The workflows of a pull request that was opened with this token wait until a person approves them. The token may start
one by hand: image.yml is started on the branch, and its result is written into the text.
https://docs.github.com/en/actions/concepts/security/github_token
"""

import base64
import os
import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub_image import catalog
from hub_image.problem import Problem
from hub_image.repository import files
from hub_image.tools import github
from hub_image.tools.git import git
from hub_image.updates.update import MARKER, UNDO, Outcome, address, describe, read

IMAGE = "image.yml"
EVERY = 60  # seconds between two looks at a run; the token has 1,000 requests an hour for the whole repository
LONGEST = 130 * 60  # seconds; image.yml ends its jobs before
APPROVE = """\
Below, GitHub may let further runs wait for *Approve workflows to run*, as it does where no person opened a pull request. \
They would build the same commit again: approve them where a check has to pass before you can merge."""


class ByHand(Exception):
    """Only a person can do this: `reason` says why, `steps` what, in Markdown."""

    def __init__(self, reason: str, *steps: str) -> None:
        super().__init__(reason)
        self.reason, self.steps = reason, steps


@dataclass
class Proposal:
    """What is proposed: `name` is update, answers or settle, `command` does the same on one's own computer.

    `about` is what the text begins with. Who closes a pull request sees it again when its title changes, which `again`
    says; answers come from a person, and always again.
    """

    name: str
    title: str
    command: str
    outcome: Outcome
    facts: list[str]
    about: str = ""
    again: str = "with the next release"

    @property
    def branch(self) -> str:
        """The branch that the bot keeps for this."""
        return f"hub-image/{self.name}"

    @property
    def mark(self) -> str:
        """How the texts that the bot wrote are found again."""
        return f"<!-- hub-image {self.name} -->"


def propose(repository: Path, proposal: Proposal) -> int:
    """Open or refresh the pull request, or the issue that says what only a person can do; return the exit code.

    Raises Problem where not even an issue could be opened.
    """
    try:
        return pull_request(repository, proposal)
    except ByHand as reason:
        return issue(proposal, reason)


def command(repository: Path, arguments: str, version: str = "") -> str:
    """Return the line that runs hub-image in a terminal, in this version or the one that the answers record."""
    try:
        recorded = read(repository)
    except Problem:
        recorded = {}
    source = address(str(recorded.get("_src_path", "")))
    version = version or str(recorded.get("_commit", ""))
    return catalog.load().program.line(arguments, source, version)


def as_options(answers: Mapping[str, Any]) -> str:
    """Return answers as the options of a command line."""
    return "".join(
        f" --data {shlex.quote(f'{question}={answer}')}" for question, answer in answers.items()
    )


def pull_request(repository: Path, proposal: Proposal) -> int:
    """Push the branch, open or refresh its pull request, prove the branch, and say how that went."""
    if proposal.outcome.conflicts:
        raise conflicts(repository, proposal)
    if changed := _workflows(proposal.outcome):
        raise workflows(repository, proposal, changed)
    pulls = f"{github.repository()}/pulls"
    same = f"head={os.environ['GITHUB_REPOSITORY_OWNER']}:{proposal.branch}"
    found = github.pages(f"{pulls}?state=all&{same}")
    merged = {pull["head"]["sha"] for pull in found if pull["merged_at"]}
    refused = {
        pull["title"] for pull in found if pull["state"] == "closed" and not pull["merged_at"]
    }
    mine = next((pull for pull in found if pull["state"] == "open"), None)
    if proposal.title in refused and not mine and proposal.name != "answers":
        print(
            f"{proposal.title}: its pull request was closed, so it is left alone; another comes {proposal.again}."
        )
        return 0
    commit, is_new = push(repository, proposal, merged)
    content = {"title": proposal.title, "body": text(proposal, "is being built and tested")}
    try:
        if not mine:
            mine = github.api(
                "POST",
                pulls,
                {**content, "head": proposal.branch, "base": _default_branch()},
                made=lambda: next(iter(github.pages(f"{pulls}?{same}")), None),
            )
        elif is_new:
            mine = github.api("PATCH", f"{pulls}/{mine['number']}", content)
    except github.Refused as problem:
        raise forbidden(proposal, problem, prove(proposal, commit)) from problem
    close_issue(proposal)
    result = prove(proposal, commit)
    if result not in (mine["body"] or ""):
        content = {"body": text(proposal, result)}
        github.api("PATCH", f"{pulls}/{mine['number']}", content)
    page = f"{github.page()}/pull/{mine['number']}"
    github.summary(f"{proposal.title}: {page}\n")
    print(f"{proposal.title}: {page}")
    return 0


def push(repository: Path, proposal: Proposal, merged: set[str]) -> tuple[str, bool]:
    """Commit, and push to the bot's branch; return the commit, and whether the branch was not like this already.

    A branch that ends in one of the commits `merged` is done with, whoever worked on it. Raises ByHand where someone
    else has worked on that branch, or GitHub refuses.
    """
    branch, url = proposal.branch, git(repository, "remote", "get-url", "origin").strip()
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", proposal.title, environment=github.BOT)
    commit, tree = git(repository, "rev-parse", "HEAD", "HEAD^{tree}").split()
    before = ""
    if git(repository, "ls-remote", url, f"refs/heads/{branch}", environment=credentials()):
        git(
            repository,
            "fetch",
            "--quiet",
            url,
            f"+refs/heads/{branch}:refs/hub-image",
            environment=credentials(),
        )
        before, old_tree, parent, ours = git(
            repository,
            "rev-parse",
            "refs/hub-image",
            "refs/hub-image^{tree}",
            "refs/hub-image^",
            "HEAD^",
        ).split()
        authors = git(repository, "log", "--format=%an", "HEAD^..refs/hub-image").splitlines()
        if before not in merged and set(authors) - {github.OURSELVES}:
            raise ByHand(
                f"Somebody else has committed to the branch `{branch}`, so it is left as it is.",
                f"Merge that branch, or delete it. Then run the workflow *{proposal.name}* again.",
            )
        if (tree, ours) == (old_tree, parent):
            return before, False
    try:
        lease = f"--force-with-lease=refs/heads/{branch}:{before}"
        git(
            repository,
            "push",
            "--quiet",
            lease,
            url,
            f"HEAD:refs/heads/{branch}",
            environment=credentials(),
        )
    except Problem as problem:
        raise ByHand(
            f"GitHub refused the branch `{branch}`: {problem}", by_hand(proposal)
        ) from problem
    return commit, True


def credentials() -> dict[str, str]:
    """Return the variables that log git in with the job's token, which so is in no file and no command line."""
    token = os.environ.get("GITHUB_TOKEN", "")
    secret = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{os.environ.get('GITHUB_SERVER_URL', 'https://github.com')}/.extraheader",
        "GIT_CONFIG_VALUE_0": f"AUTHORIZATION: basic {secret}",
    }


def prove(proposal: Proposal, commit: str) -> str:
    """Have image.yml build the branch, if it has not built this commit; wait, and return what came out, in Markdown."""
    end = time.monotonic() + LONGEST
    try:
        if not _runs(commit):
            start(proposal.branch, commit)
    except Problem as problem:
        return f"was not tested: {problem} Run the workflow *image* on the branch `{proposal.branch}` yourself"
    try:
        while (left := end - time.monotonic()) > 0:
            for run in _runs(commit, left):
                if run["status"] == "completed":
                    return f"{_verdict(run['conclusion'])} ([run]({run['html_url']}))"
                break  # only the newest counts
            time.sleep(EVERY)
    except Problem as problem:
        github.warn(f"How the image of {proposal.branch} came out is not known: {problem}")
    return f"is still being tested ([runs]({github.page()}/actions/workflows/{IMAGE}))"


def _verdict(conclusion: str) -> str:
    """Return what the end of a run says about the image."""
    if conclusion == "success":
        return "was built and has passed its tests"
    if conclusion in ("failure", "timed_out"):
        return "**does not work: do not merge this yet**"
    return "was not tested to the end: choose *Re-run all jobs* there"


def _runs(commit: str, patience: float = github.PATIENCE) -> list[dict[str, Any]]:
    """Return the runs of image.yml that were started by hand for a commit, newest first. Raises Problem."""
    runs = f"{github.repository()}/actions/workflows/{IMAGE}/runs"
    asked = f"{runs}?event=workflow_dispatch&head_sha={commit}"
    return list(github.api("GET", asked, patience=patience)["workflow_runs"])


def start(branch: str, commit: str) -> None:
    """Start image.yml on a branch, which ends in this commit. Raises Problem."""
    path = f"{github.repository()}/actions/workflows/{IMAGE}/dispatches"
    github.api("POST", path, {"ref": branch}, made=lambda: _runs(commit))


def text(proposal: Proposal, result: str) -> str:
    """Return what the pull request says."""
    outcome = proposal.outcome
    lines = [proposal.mark, proposal.about, ""]
    lines += [
        "Files that are yours stay as they are.",
        "",
        f"**The image** {result}.",
        "",
        APPROVE,
        "",
    ]
    lines += [*proposal.facts, ""] if proposal.facts else []
    lines += describe(outcome)
    lines += ["", "### To undo it", ""]
    lines += [
        f"Before you merge: close this pull request; it comes again {proposal.again}. After: choose *Revert* here."
    ]
    if outcome.notes:
        lines += [
            "",
            "### Release notes",
            "",
            outcome.notes.replace("\n## ", "\n#### ").removeprefix("## "),
        ]
    return "\n".join(lines) + "\n"


def by_hand(proposal: Proposal) -> str:
    """Return how to do the same in a terminal."""
    name = os.environ["GITHUB_REPOSITORY"].partition("/")[2]
    return f"""In a terminal, with git and [uv](https://docs.astral.sh/uv/):

```
git clone {github.page()} && cd {name}
git switch --create template-{proposal.name}
{proposal.command}
git add --all
git commit --message "{proposal.title}"
git push --set-upstream origin template-{proposal.name}
```

Then open a pull request: {github.page()}/compare/template-{proposal.name}?expand=1
To undo it before the commit: `{UNDO}`"""


def conflicts(repository: Path, proposal: Proposal) -> ByHand:
    """Return what to do where the owner and the template changed the same lines."""
    shown = []
    for path in proposal.outcome.conflicts:
        shown.append(f"- `{path}`")
        said = files.read(repository / path)
        if MARKER.search(said.encode(errors="replace")):
            start_at = said.index("<<<<<<< before updating")
            part = "\n".join(said[start_at:].splitlines()[:40])
            shown += ["", "````", part, "````", ""]
    return ByHand(
        "You and the template changed the same lines, and only you know which ones are right:\n\n"
        + "\n".join(shown),
        f"The third command marks these places: keep the right lines, remove the marks.\n\n{by_hand(proposal)}",
        "Or, without a terminal: undo your change of these files in the browser, and run the workflow "
        f"*{proposal.name}* again. What you need beyond the template belongs into the lists and scripts (GUIDE.md).",
    )


def workflows(repository: Path, proposal: Proposal, changed: dict[str, str]) -> ByHand:
    """Return what to do where a release changes files that only a person may change."""
    steps = []
    for path, letter in changed.items():
        edit = f"{github.page()}/edit/{_default_branch()}/{path}"
        page = f"{github.page()}/new/{_default_branch()}?filename={path}" if letter == "A" else edit
        steps.append(
            f"Open [{path}]({page}), put this in place of everything there, and commit it:\n\n"
            f"<details><summary>{path}</summary>\n\n````yaml\n{files.read(repository / path)}````\n\n</details>"
        )
    names = ", ".join(f"`{path}`" for path in changed)
    return ByHand(
        f"{proposal.outcome.after} changes {names}, and GitHub lets only people change workflows.",
        *steps,
        f"Run the workflow *{proposal.name}* again ([here]({github.page()}/actions), *Run workflow*): it does the rest.",
        f"Or do it all at once.\n\n{by_hand(proposal)}",
    )


def forbidden(proposal: Proposal, problem: Problem, result: str) -> ByHand:
    """Return what to do where Actions may not open pull requests."""
    compare = f"{github.page()}/compare/{_default_branch()}...{proposal.branch}?expand=1"
    return ByHand(
        f"The branch `{proposal.branch}` is ready, but the pull request is yours to open ({problem}). "
        f"Its image {result}.",
        f"Open [this page]({compare}), look at what changes, and choose *Create pull request*.",
        f"To have this done for you: [settings]({github.page()}/settings/actions), *Workflow permissions*, "
        "*Allow GitHub Actions to create and approve pull requests*.",
        "\n".join(describe(proposal.outcome)),
    )


def issue(proposal: Proposal, by_hand: ByHand) -> int:
    """Open or refresh the one issue; return the exit code.

    Raises Problem where there can be none: the run's page then has its text.
    """
    steps = "\n\n".join(f"{number}. {step}" for number, step in enumerate(by_hand.steps, start=1))
    body = f"{proposal.mark}\n{by_hand.reason}\n\n{steps}\n"
    if proposal.outcome.notes:
        body += f"\n### Release notes\n\n{proposal.outcome.notes}\n"
    body = body[:65000]  # GitHub takes 65,536 characters
    github.summary(body)
    title = f"{proposal.title}: it needs you"
    issues = f"{github.repository()}/issues"

    def old_one() -> dict[str, Any] | None:
        return github.written(f"{issues}?state=all", proposal.mark)

    if not (old := old_one()):
        content = {"title": title, "body": body}
        number = github.api("POST", issues, content, made=old_one)["number"]
    elif old["state"] == "closed" and old["title"] == title and old["body"].strip() == body.strip():
        print(f"{title}: that issue was closed, so it is left alone.")
        return 0
    else:
        number = old["number"]
        github.api("PATCH", f"{issues}/{number}", {"title": title, "body": body, "state": "open"})
    github.warn(f"{title}: {github.page()}/issues/{number}")
    return 0


def close_issue(proposal: Proposal) -> None:
    """Close the issue of an earlier run, which is settled now; a later one that says the same opens it again."""
    issues = f"{github.repository()}/issues"
    if old := github.written(f"{issues}?state=open", proposal.mark):
        body = f"{old['body']}\n\n*Done: nothing of this is left to do.*\n"
        github.api("PATCH", f"{issues}/{old['number']}", {"state": "closed", "body": body})


def _workflows(outcome: Outcome) -> dict[str, str]:
    """Return what the token may not push; it may remove workflows."""
    return {
        path: letter
        for path, letter in outcome.changed.items()
        if path.startswith(github.WORKFLOWS) and letter != "D"
    }


def _default_branch() -> str:
    return str(github.event().get("repository", {}).get("default_branch", "main"))
