"""`hub-image propose`: push what a draft says, and open or renew its pull request, or one issue that says what to do.

What is past its end has both (expire.py).

This runs with rights, in the version that the repository records; what made the draft had none (proposal.py). The job's
own token may do less than a person, so each refusal ends in the issue: conflicts, files in `.github/workflows/` (only a
person may add or change those), repositories where Actions may not open pull requests, protected branches. A branch is
pushed whole or not at all, and never with conflict marks in it.

The workflows of a pull request that was opened with this token wait until a person approves them. The token may start
one by hand: image.yml is started on the branch, in a job without rights, and its result is written into the text.
https://docs.github.com/en/actions/concepts/security/github_token
"""

import argparse
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hub_image.ci import expire, outcome, proposal
from hub_image.ci.proposal import Draft
from hub_image.problem import Problem
from hub_image.repository import argument
from hub_image.tools import github
from hub_image.tools.git import git, logged_in

IMAGE = "image.yml"
# Of these kinds a person wants each anew, whatever became of the one before.
ASKED = ("answers", "request")
EVERY = 60  # seconds between two looks at a run; the token has 1,000 requests an hour for the whole repository
LONGEST = 130 * 60  # seconds; image.yml ends its jobs before
WAITING = """\
Below, GitHub may let further runs wait for *Approve workflows to run*, as it does where no person opened a pull request. \
They would build the same commit again: approve them where a check has to pass before you can merge."""
APPROVE = f"""\
{WAITING} Nothing of this branch is published before you merge. To try its image on the hub before, look at what changes, and then choose \
*Actions*, *image*, *Run workflow*, with this branch."""
TRIAL = f"""\
Its name, to try it, stands in the issue. It is removed when this pull request is closed. Where you change something here, choose \
*Actions*, *image*, *Run workflow*, with this branch, for another one.

{WAITING}"""
NOT_REVIEWED = """\
*The text below was written by the release itself, which nobody here has reviewed yet.*"""


class ByHand(Exception):
    """Only a person can do this: `reason` says why, `steps` what, in Markdown."""

    def __init__(self, reason: str, *steps: str) -> None:
        super().__init__(reason)
        self.reason, self.steps = reason, steps


@dataclass
class Opened:
    """A draft whose branch is pushed: its commit, what stands on top of its text, and its pull request.

    There is none where GitHub refuses that one; `refusal` then says why. `not_started`: why its image is not built.
    `run`: the run that has built it, as GitHub tells of it, when it is at its end.
    """

    draft: Draft
    commit: str
    on_top: list[str]
    pull: dict[str, Any]
    refusal: Problem | None = None
    not_started: str = ""
    run: dict[str, Any] = field(default_factory=dict)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hub-image propose`."""
    parser.add_argument("drafts", type=Path, help="folder with the drafts of other jobs")
    argument.path(parser)


def run(options: argparse.Namespace) -> int:
    """Propose each draft; return the exit code. Raises Problem for a draft that is none, when the others are done."""
    github.variable("GITHUB_REPOSITORY")
    github.renew()
    drafts, problems = [], []
    for file in sorted(options.drafts.rglob("*.json")):
        try:
            draft = proposal.read(file)
            if draft.workflow != github.variable("GITHUB_WORKFLOW"):
                raise Problem(f"{file.name} is of the kind {draft.kind}, which is not made here.")
            drafts.append(draft)
        except Problem as problem:
            problems.append(problem)
    propose(options.path, drafts)
    if problems:
        raise problems[0]
    return 0


def propose(repository: Path, drafts: list[Draft]) -> None:
    """Open or refresh the pull request of each draft, or the issue that says what only a person can do.

    All branches are pushed before one is waited for. Raises Problem where not even an issue could be opened.
    """
    opened = []
    for draft in drafts:
        try:
            opened += pull_request(repository, draft)
        except ByHand as reason:
            issue(draft, reason)
    end = time.monotonic() + LONGEST
    for one in opened:
        start_proof(one)
    for one in opened:
        result = prove(one, end)
        try:
            tell(one, result)
        except ByHand as reason:
            issue(one.draft, reason)
        else:
            if one.draft.issue:
                outcome.tell(repository, one.draft.issue, one.commit, one.pull, one.run, result)


def pull_request(repository: Path, draft: Draft) -> list[Opened]:
    """Push the branch, and open or refresh its pull request; return it, or nothing where there is nothing to do."""
    pulls = f"{github.repository()}/pulls"
    same = f"head={os.environ['GITHUB_REPOSITORY_OWNER']}:{draft.branch}"
    if draft.kind == expire.KIND and not draft.diff:
        for pull in github.pages(f"{pulls}?state=open&{same}"):
            github.api("PATCH", f"{pulls}/{pull['number']}", _done(pull))
    if draft.todo:
        raise ByHand(_told(draft) + draft.todo[0], *draft.todo[1:])
    if not draft.diff:
        said = f"Nothing to do: {draft.about}."
        github.summary(f"{said}\n")
        print(said)
        if draft.kind in ("update", expire.KIND):
            close_issue(draft)
        return []
    try:
        tree = proposal.apply(repository, draft)
    except proposal.Forbidden as problem:
        raise ByHand(
            f"What the workflow *{draft.workflow}* made was refused, and nothing was pushed. {problem}",
            "Look at the release of the template before you take it in a terminal: this should not happen.",
        ) from problem
    on_top = proposal.on_top(repository, draft, tree)
    found = github.pages(f"{pulls}?state=all&{same}")
    merged = {pull["head"]["sha"] for pull in found if pull["merged_at"]}
    refused = [
        pull
        for pull in found
        if pull["state"] == "closed" and not pull["merged_at"] and is_said(draft, pull["title"])
    ]
    mine = next((pull for pull in found if pull["state"] == "open"), None)
    if refused and not mine and draft.kind not in ASKED:
        beside(draft, refused[0])
        print(
            f"{draft.title}: its pull request was closed, so it is left alone; another comes {draft.again}."
        )
        return []
    commit, is_new = push(repository, draft, tree, merged)
    content = {"title": draft.title, "body": text(draft, on_top, "is being built and tested")}
    try:
        if not mine:
            mine = github.api(
                "POST",
                pulls,
                {**content, "head": draft.branch, "base": github.default_branch()},
                made=lambda: next(iter(github.pages(f"{pulls}?{same}")), None),
            )
        elif is_new:
            mine = github.api("PATCH", f"{pulls}/{mine['number']}", content)
    except github.Refused as problem:
        return [Opened(draft, commit, on_top, {}, problem)]
    beside(draft, mine)
    return [Opened(draft, commit, on_top, mine)]


def tell(opened: Opened, result: str) -> None:
    """Write into the pull request what came out. Raises ByHand where a person has to open it."""
    draft, mine = opened.draft, opened.pull
    if opened.refusal:
        raise forbidden(draft, opened.refusal, result)
    if result not in (mine["body"] or ""):
        content = {"body": text(draft, opened.on_top, result)}
        github.api("PATCH", f"{github.repository()}/pulls/{mine['number']}", content)
    page = f"{github.page()}/pull/{mine['number']}"
    github.summary(f"{draft.title}: {page}\n")
    print(f"{draft.title}: {page}")


def push(repository: Path, draft: Draft, tree: str, merged: set[str]) -> tuple[str, bool]:
    """Commit, and push to the bot's branch; return the commit, and whether the branch was not like this already.

    A branch that ends in one of the commits `merged` is done with, whoever worked on it. Raises ByHand where someone
    else has worked on that branch, or GitHub refuses.
    """
    branch, url = draft.branch, git(repository, "remote", "get-url", "origin").strip()
    login = logged_in(os.environ.get("GITHUB_TOKEN", ""))
    made = ["commit-tree", tree, "-p", draft.base, "-m", draft.title]
    commit = git(repository, *made, environment=github.BOT).strip()
    before = ""
    if git(repository, "ls-remote", url, f"refs/heads/{branch}", environment=login):
        git(
            repository,
            "fetch",
            "--quiet",
            url,
            f"+refs/heads/{branch}:refs/hub-image",
            environment=login,
        )
        parts = ("refs/hub-image", "refs/hub-image^{tree}", "refs/hub-image^")
        before, old_tree, parent = git(repository, "rev-parse", *parts).split()
        authors = git(repository, "log", "--format=%an", f"{draft.base}..refs/hub-image")
        if before not in merged and set(authors.splitlines()) - {github.OURSELVES}:
            raise ByHand(
                f"Somebody else has committed to the branch `{branch}`, so it is left as it is.",
                "Merge that branch, or delete it. "
                + (
                    f"This comes again {draft.again}."
                    if draft.issue
                    else f"Then run the workflow *{draft.workflow}* again."
                ),
            )
        if (tree, draft.base) == (old_tree, parent):
            return before, False
    try:
        lease = f"--force-with-lease=refs/heads/{branch}:{before}"
        git(
            repository,
            "push",
            "--quiet",
            lease,
            url,
            f"{commit}:refs/heads/{branch}",
            environment=login,
        )
    except Problem as problem:
        raise ByHand(
            f"GitHub refused the branch `{branch}`: {problem}", proposal.by_hand(draft)
        ) from problem
    return commit, True


def start_proof(opened: Opened) -> None:
    """Have image.yml build the branch, if it has not built this commit; `prove` says what hinders that."""
    try:
        if not _runs(opened.commit):
            start(opened.draft.branch, opened.commit)
    except Problem as problem:
        opened.not_started = str(problem)


def prove(opened: Opened, end: float) -> str:
    """Wait for the run that builds the branch until `end`; return what came out, in Markdown."""
    branch = opened.draft.branch
    if why := opened.not_started:
        return f"was not tested: {why} Run the workflow *image* on the branch `{branch}` yourself"
    try:
        while (left := end - time.monotonic()) > 0:
            for run in _runs(opened.commit, left):
                if run["status"] == "completed":
                    opened.run = run
                    return f"{_verdict(run['conclusion'])} ([run]({run['html_url']}))"
                break  # only the newest counts
            time.sleep(EVERY)
    except Problem as problem:
        github.warn(f"How the image of {branch} came out is not known: {problem}")
    return f"is still being tested ([runs]({github.page()}/actions/workflows/{IMAGE}))"


def _verdict(conclusion: str) -> str:
    """Return what the end of a run says about the image."""
    if conclusion == "success":
        return "was built and has passed its tests"
    if conclusion in github.FAILED:
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


def text(draft: Draft, on_top: list[str], result: str) -> str:
    """Return what the pull request says."""
    lines = [draft.mark, *on_top, *([""] if on_top else []), _told(draft) + draft.about, ""]
    if draft.kind not in (expire.KIND, "request"):
        lines += ["Files that are yours stay as they are.", ""]
    lines += [f"**The image** {result}.", "", TRIAL if draft.issue else APPROVE, ""]
    lines += [draft.body, "", "### To undo it", ""]
    lines += [
        f"Before you merge: close this pull request; it comes again {draft.again}. After: choose *Revert* here."
    ]
    if draft.notes:
        notes = draft.notes.replace("\n## ", "\n#### ").removeprefix("## ")
        lines += ["", "### Release notes", "", notes]
    return ("\n".join(lines) + "\n")[: proposal.MOST]


def forbidden(draft: Draft, problem: Problem, result: str) -> ByHand:
    """Return what to do where Actions may not open pull requests."""
    compare = f"{github.page()}/compare/{github.default_branch()}...{draft.branch}?expand=1"
    trial = []
    if draft.issue:  # https://docs.github.com/en/pull-requests/reference/using-query-parameters-to-create-a-pull-request
        compare += f"&body=Closes+%23{draft.issue}"
        trial = ["To try its image, choose *Actions*, *image*, *Run workflow*, with this branch."]
    return ByHand(
        f"The branch `{draft.branch}` is ready, but the pull request is yours to open ({problem}). "
        f"Its image {result}.",
        f"Open [this page]({compare}), look at what changes, and choose *Create pull request*.",
        f"To have this done for you: [settings]({github.page()}/settings/actions), *Workflow permissions*, "
        "*Allow GitHub Actions to create and approve pull requests*.",
        *trial,
        draft.body,
    )


def _told(draft: Draft) -> str:
    """Return who speaks, where that is the code of a release that nobody here has reviewed."""
    return f"{NOT_REVIEWED}\n\n" if draft.kind == "update" else ""


def is_said(draft: Draft, title: str) -> bool:
    """Whether an earlier pull request with this title said what a draft says."""
    return expire.is_said(draft, title) if draft.kind == expire.KIND else title == draft.title


def beside(draft: Draft, pull: dict[str, Any]) -> None:
    """Keep the issue that stands beside a pull request, which may be closed; or close one that stood in its place.

    Raises Problem, but not where a repository has no issues to stand beside it.
    """
    if draft.kind == expire.KIND:
        try:
            expire.keep_issue(draft, "", expire.step(pull))
        except Problem as problem:
            github.warn(f"{problem} Pull request #{pull['number']} has the same list.")
    elif pull["state"] == "open":
        close_issue(draft)


def issue(draft: Draft, by_hand: ByHand) -> None:
    """Open or refresh the one issue, or the comment in the issue that has asked for this.

    Raises Problem where there can be none: the run's page then has its text.
    """
    if draft.kind == expire.KIND:
        expire.keep_issue(draft, by_hand.reason, *by_hand.steps)
        return
    steps = "\n\n".join(f"{number}. {step}" for number, step in enumerate(by_hand.steps, start=1))
    body = f"{draft.mark}\n{by_hand.reason}\n\n{steps}\n"
    if draft.notes:
        body += f"\n### Release notes\n\n{draft.notes}\n"
    body = body[: proposal.MOST]
    github.summary(body)
    if draft.issue:
        github.comment(int(draft.issue), body, draft.mark)
        return
    title = f"{draft.title}: it needs you"
    issues = f"{github.repository()}/issues"

    def old_one() -> dict[str, Any] | None:
        return github.written(f"{issues}?state=all", draft.mark)

    if not (old := old_one()):
        content = {"title": title, "body": body}
        number = github.api("POST", issues, content, made=old_one)["number"]
    elif old["state"] == "closed" and old["title"] == title and old["body"].strip() == body.strip():
        print(f"{title}: that issue was closed, so it is left alone.")
        return
    else:
        number = old["number"]
        github.api("PATCH", f"{issues}/{number}", {"title": title, "body": body, "state": "open"})
    github.warn(f"{title}: {github.page()}/issues/{number}")


def close_issue(draft: Draft) -> None:
    """Close the issue of an earlier run, which is settled now; a later one that says the same opens it again.

    One that asks for a package is closed by merging.
    """
    if draft.issue:
        return
    issues = f"{github.repository()}/issues"
    if old := github.written(f"{issues}?state=open", draft.mark):
        github.api("PATCH", f"{issues}/{old['number']}", _done(old))


def _done(old: dict[str, Any]) -> dict[str, str]:
    """Return what closes an issue or a pull request that is settled."""
    body = f"{old['body']}\n\n*Done: nothing of this is left to do.*\n"
    return {"state": "closed", "body": body}
