"""What GitHub Actions gives a job, and what a job gives back.

https://docs.github.com/en/actions/reference/workflows-and-actions/variables
https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

import contextlib
import email.message
import http.client
import json
import os
import re
import secrets
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from hub_image.problem import Problem
from hub_image.tools import markdown

OURSELVES = "github-actions[bot]"  # who writes with the job's own token
BOT = {
    **{f"GIT_{who}_NAME": OURSELVES for who in ("AUTHOR", "COMMITTER")},
    **{
        f"GIT_{who}_EMAIL": f"41898282+{OURSELVES}@users.noreply.github.com"
        for who in ("AUTHOR", "COMMITTER")
    },
}
WORKFLOWS = (
    ".github/workflows/"  # the token may delete what is in there, and never add or change it
)
# How a run of a workflow or a job ends that did not work, unlike one that somebody cancelled:
# https://docs.github.com/en/rest/actions/workflow-runs#list-workflow-runs-for-a-workflow
FAILED = ("failure", "timed_out", "startup_failure")
PATIENCE = 8 * 60  # seconds that a call waits in all; the shortest jobs end after 10 minutes
AWAY, LONGEST = 10, 300  # seconds before the second try where GitHub is away, and at most
LIMITED = 60  # seconds before the second try where GitHub limits us and does not say for how long


class Refused(Problem):
    """GitHub understood, and said no with this status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class NoAnswer(Problem):
    """GitHub is away, or limits us, for longer than we wait: it says nothing about what was asked.

    `seconds`: after how long GitHub says that it goes on, where it does. `limited`: it is there, and limits whoever asks.
    """

    def __init__(self, message: str, seconds: float | None, limited: bool) -> None:
        super().__init__(message)
        self.seconds, self.limited = seconds, limited


class _Again(Exception):
    """It is worth another try, after so many seconds where GitHub says when; it may have been done all the same."""

    def __init__(self, message: str, seconds: float | None, unsure: bool) -> None:
        super().__init__(message)
        self.seconds, self.unsure = seconds, unsure


def variable(name: str) -> str:
    """Return what GitHub tells a job in a variable. Raises Problem where this is no job."""
    if value := os.environ.get(name):
        return value
    raise Problem(
        f"This is a step of GitHub Actions, which sets {name}: to try it, run the workflow with act."
    )


def token() -> str:
    """Return what the environment has for GitHub, in the order of GitHub's own `gh`; empty where it has nothing.

    https://cli.github.com/manual/gh_help_environment
    """
    return os.environ.get("GH_TOKEN") or os.environ.get("GITHUB_TOKEN", "")


def repository() -> str:
    """Return where the REST API has the repository of this job."""
    return f"/repos/{variable('GITHUB_REPOSITORY')}"


def server() -> str:
    """Return where a browser finds GitHub, which may be one of an organization's own."""
    return os.environ.get("GITHUB_SERVER_URL", "https://github.com")


def page() -> str:
    """Return where a browser finds the repository of this job."""
    return f"{server()}/{variable('GITHUB_REPOSITORY')}"


def event() -> dict[str, Any]:
    """Return what happened, as GitHub tells it; nothing outside of GitHub Actions."""
    path = os.environ.get("GITHUB_EVENT_PATH")
    return json.loads(Path(path).read_text(encoding="utf-8")) if path else {}


def default_branch(happened: Mapping[str, Any] | None = None) -> str:
    """Return the branch that pull requests go into, as an event tells it, by default that of this job."""
    told = event() if happened is None else happened
    return str(told.get("repository", {}).get("default_branch", "main"))


_closing = ""  # what ends the text that is data


@contextlib.contextmanager
def quoted() -> Iterator[None]:
    """What is printed meanwhile is data: a line of a build's log that looks like a command to the runner is none.

    `error`, `warn` and `annotate` still are.
    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#stopping-and-starting-workflow-commands
    """
    global _closing
    if _closing or os.environ.get("GITHUB_ACTIONS") != "true":
        yield
        return
    _closing = secrets.token_hex(16)  # which no log can know
    print(f"::stop-commands::{_closing}", flush=True)
    try:
        yield
    finally:
        print(f"::{_closing}::", flush=True)
        _closing = ""


def is_quote(line: str) -> bool:
    """Whether a line of a log is one with which `quoted` begins or ends."""
    return bool(re.fullmatch(r"::(stop-commands::)?[0-9a-f]{32}(::)?", line.strip()))


def _command(command: str, message: str) -> None:
    """Give the runner a command, which it takes although what is around it is data."""
    text = markdown.plain(message.replace("\r\n", "\n").replace("\r", "\n"))
    text = text.replace("%", "%25").replace("\n", "%0A")
    line = f"::{command}::{text}"
    print(f"::{_closing}::\n{line}\n::stop-commands::{_closing}" if _closing else line, flush=True)


def error(problem: object) -> None:
    """Say what went wrong, in one line; on GitHub also beside the run and the pull request."""
    message = " ".join(str(problem).split())
    if os.environ.get("GITHUB_ACTIONS") == "true":
        _command("error", message)
    else:
        print(f"hub-image: {message}", file=sys.stderr)


def warn(message: str) -> None:
    """Say what deserves attention but stops nothing."""
    if os.environ.get("GITHUB_ACTIONS") == "true":
        _command("warning", message)
    else:
        print(f"hub-image: warning: {message}", flush=True)


def annotate(severity: str, file: str, line: int, message: str) -> None:
    """Say what is wrong in a line of a file, where GitHub shows it beside the line.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#setting-an-error-message
    """
    _command(f"{severity} file={_property(file)},line={line}", message)


def titled(title: str, message: str) -> None:
    """Say what went wrong under a title by which the API finds it again; nothing outside of GitHub Actions."""
    if os.environ.get("GITHUB_ACTIONS") == "true":
        _command(f"error title={_property(title)}", message)


def _property(text: str) -> str:
    """Return a text as the value of a property of a command."""
    text = text.replace("%", "%25")
    for sign in "\r\n:,":
        text = text.replace(sign, f"%{ord(sign):02X}")
    return text


def output(**values: str) -> None:
    """Set outputs of the step, and print them.

    Values are one line each: a line break would begin another output, so it is refused.
    """
    lines = [f"{name.replace('_', '-')}={value}" for name, value in values.items()]
    if any("\n" in line or "\r" in line for line in lines):
        raise ValueError("an output is one line")
    text = "\n".join(lines) + "\n"
    print(text, end="", flush=True)
    if path := os.environ.get("GITHUB_OUTPUT"):
        with open(path, "a", encoding="utf-8") as file:
            file.write(text)


def summary(text: str) -> None:
    """Add Markdown to the page of the run."""
    if path := os.environ.get("GITHUB_STEP_SUMMARY"):
        with open(path, "a", encoding="utf-8") as file:
            file.write(text)


def keep(name: str, text: str) -> None:
    """Keep a text under a name for the later steps of this job; outside of GitHub Actions nothing is kept."""
    if folder := os.environ.get("RUNNER_TEMP"):
        Path(folder, name).write_text(text, encoding="utf-8")


def kept(name: str) -> str:
    """Return what an earlier step of this job has kept under a name; nothing where none has."""
    if not (folder := os.environ.get("RUNNER_TEMP")):
        return ""
    file = Path(folder, name)
    return file.read_text(encoding="utf-8") if file.exists() else ""


# What becomes of an answer; it raises ValueError for a broken one.
Take = Callable[[http.client.HTTPResponse], Any]


def api(
    method: str,
    path: str,
    body: dict[str, Any] | None = None,
    *,
    made: Callable[[], Any] | None = None,
    patience: float = PATIENCE,
    token: str = "",
) -> Any:
    """Ask GitHub's REST API with the job's own token, or another; return the answer, or None for an empty one.

    Where GitHub is away or limits us, this waits as its headers say and tries again, for `patience` seconds in all.
    GitHub may have done what was asked all the same, so a POST is not sent twice before `made` has looked: it returns
    what is there, or nothing. Raises Refused with GitHub's own words, and NoAnswer when patience is at its end.

    https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api
    """
    return _call(_Request(method, path, body), Way(token, patience), made)[0]


class Turns:
    """Lets so many requests through at once, none while GitHub limits whoever asks, and none once `ended` says why.

    Who waits because GitHub was away takes nobody's turn meanwhile. `wait` waits for so many seconds.
    """

    def __init__(
        self,
        at_once: int = 1,
        wait: Callable[[float], object] = lambda seconds: time.sleep(seconds),
    ) -> None:
        self.wait = wait
        self._free, self._until = threading.BoundedSemaphore(at_once), 0.0
        self.ended: Problem | None = None

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn, and take it. Raises the Problem that ended them."""
        with self._free:
            if not self.ended and (left := self._until - time.time()) > 0:
                self.wait(left)
            if self.ended:
                raise self.ended
            yield

    def rest(self, seconds: float) -> bool:
        """Let nobody through for so long; return whether that is news, and not what another request was told too."""
        before, self._until = self._until, max(self._until, time.time() + seconds)
        return self._until > before + 1


class Way(NamedTuple):
    """How one asks: with which token, for how many seconds of waiting, how often where there is a number, in whose turns.

    `away`: seconds before the second try where GitHub is away.
    """

    token: str = ""
    patience: float = PATIENCE
    tries: int = 0
    turns: Turns | None = None
    away: float = AWAY


JOBS = Way()  # a job asks as long as it has time


def get(path: str, way: Way, take: Take | None = None) -> Any:
    """Return what GitHub answers, or what `take` makes of the answer. Raises Problem as `api` does."""
    return _call(_Request("GET", path, take=take), way)[0]


def send(method: str, path: str, body: dict[str, Any], way: Way, made: Callable[[], Any]) -> Any:
    """Have GitHub do something, and return what it answers, or what `made` found. Raises Problem as `api` does."""
    return _call(_Request(method, path, body), way, made)[0]


class _Request(NamedTuple):
    """What is asked, and what becomes of the answer."""

    method: str
    path: str
    body: dict[str, Any] | None = None
    take: Take | None = None  # by default JSON is read

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def _call(
    request: _Request, way: Way = JOBS, made: Callable[[], Any] | None = None
) -> tuple[Any, str]:
    """Do what `api` says; return the answer, and where its next page is, if there is one."""
    unsure, tried, patience = False, 0, way.patience
    turns = way.turns or Turns()
    while True:
        tried += 1
        try:
            with turns.turn():
                return _ask(request, way.token)
        except Refused as refused:
            if unsure and request.method == "DELETE" and refused.status == 404:
                return None, ""  # it was done the first time
            raise
        except _Again as again:
            wait = again.seconds
            if wait is None:
                wait = min((way.away if again.unsure else LIMITED) * 2 ** (tried - 1), LONGEST)
            unsure |= again.unsure
            is_posted = again.unsure and request.method == "POST" and not made
            if wait > patience or is_posted or tried == way.tries:
                when = f"in {round(wait / 60) or 1} min" if again.seconds else "later"
                said = f"{again} Run this job again {when}."
                raise NoAnswer(said, again.seconds, not again.unsure) from again
            if again.unsure or turns.rest(wait):
                print(f"{again} Another try in {wait:.0f} s.", file=sys.stderr, flush=True)
            if again.unsure:
                turns.wait(wait)
            patience -= wait
            if again.unsure and made and (found := made()):
                return found, ""


class _NotToOthers(urllib.request.HTTPRedirectHandler):
    """Follows GitHub to where it keeps archives, which a link of its own opens: our token is not for others."""

    def redirect_request(self, request: urllib.request.Request, *about: Any) -> Any:
        other = super().redirect_request(request, *about)
        if other and other.host != request.host:
            other.remove_header("Authorization")
        return other


_OPENER = urllib.request.build_opener(_NotToOthers)


def _ask(request: _Request, token: str) -> tuple[Any, str]:
    """Ask once; return the answer, and where its next page is. Raises Refused or _Again."""
    server = os.environ.get("GITHUB_API_URL", "https://api.github.com")
    headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
    if token := token or os.environ.get("GITHUB_TOKEN", ""):
        headers["Authorization"] = f"Bearer {token}"
    sent = urllib.request.Request(
        server + request.path,
        method=request.method,
        data=json.dumps(request.body).encode() if request.body is not None else None,
        headers=headers,
    )
    try:
        with _OPENER.open(sent, timeout=60) as answer:
            following = re.search(r'<([^>]+)>; rel="next"', answer.headers.get("Link", ""))
            taken = (request.take or _json)(answer)
        return taken, following[1].removeprefix(server) if following else ""
    except urllib.error.HTTPError as error:
        said = _said(error)
        if error.code >= 500:
            away = f"GitHub did not answer {request}: {error.code} {said}."
            raise _Again(away, _seconds(error.headers), unsure=True) from error
        message = f"GitHub refused {request}: {error.code} {said}."
        limit = _seconds(error.headers)
        if error.code == 429 or (
            error.code == 403 and (limit is not None or re.search(r"\brate limit\b", said))
        ):
            raise _Again(message, limit, unsure=False) from error
        raise Refused(message, error.code) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        away = f"GitHub did not answer {request}: {error}."
        raise _Again(away, None, unsure=True) from error


def _json(answer: http.client.HTTPResponse) -> Any:
    text = answer.read()
    return json.loads(text) if text else None


def _said(error: urllib.error.HTTPError) -> str:
    """Return what GitHub gives as the reason, in one line."""
    try:
        answer = json.loads(error.read())
        said = [answer["message"]]
        said += [part["message"] for part in answer.get("errors", []) if "message" in part]
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        said = []
    text = "; ".join(" ".join(part.split()).rstrip(".") for part in said if part)
    return text or str(error.reason)


def _seconds(headers: email.message.Message) -> float | None:
    """Return how long GitHub asks us to wait, if it does."""
    try:
        if "retry-after" in headers:
            return float(headers["retry-after"])
        if headers.get("x-ratelimit-remaining") == "0":
            return max(1, float(headers["x-ratelimit-reset"]) - time.time() + 1)
    except (TypeError, ValueError):
        pass  # no number: as if nothing was said
    return None


def renew() -> None:
    """Keep the schedule of the workflow that runs: GitHub ends it after 60 days without a commit.

    Switching it on, which it is, begins the 60 days anew. Where that is refused, says so.
    https://docs.github.com/en/rest/actions/workflows#enable-a-workflow
    """
    workflow = os.environ.get("GITHUB_WORKFLOW_REF", "").partition("@")[0].rpartition("/")[2]
    if not workflow:
        return
    try:
        api("PUT", f"{repository()}/actions/workflows/{workflow}/enable")
    except Problem as problem:
        warn(
            f"{problem} After 60 days without a commit GitHub switches {workflow} off; then choose *Enable workflow* "
            "on its page under *Actions*."
        )


def pages(path: str) -> list[Any]:
    """Return all items of a list that GitHub gives in pages. Raises Problem as `api` does."""
    return [item for page in each_page(path) for item in page]


def each_page(path: str, way: Way = JOBS) -> Iterator[Any]:
    """Yield the pages of what GitHub gives in pages. Raises Problem as `api` does.

    Each page says where the next one is: not every list takes the number of a page.
    https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api
    """
    following = f"{path}{'&' if '?' in path else '?'}per_page=100"
    while following:
        found, following = _call(_Request("GET", following), way)
        yield found


def branch(kind: str) -> str:
    """Return the branch that the bot keeps for what it proposes of a kind."""
    return f"hub-image/{kind}"


MARK = re.compile(r"<!-- hub-image (\S+) ")  # what a workflow of ours writes begins with one


def marked(entry: Mapping[str, Any]) -> str:
    """Return the kind of an issue or a pull request that a workflow of ours wrote, as in `update`; empty for others."""
    found = MARK.match(entry["body"] or "") if _is_ours(entry) else None
    return found[1] if found else ""


def _is_ours(entry: Mapping[str, Any]) -> bool:
    """Whether a job wrote it: what others began with the same words is theirs. Who has left GitHub is nobody."""
    return bool((entry["user"] or {}).get("login") == OURSELVES)


def written(path: str, mark: str) -> dict[str, Any] | None:
    """Return what this workflow wrote before into a list of comments or issues; it begins with `mark`.

    Lists of issues hold pull requests too, and those are left out. Raises Problem as `api` does.
    """
    for entry in pages(path):
        if "pull_request" in entry or not _is_ours(entry):
            continue
        if (entry["body"] or "").startswith(mark):
            return dict(entry)
    return None


def comment(number: int, text: str, mark: str, is_new: bool = True) -> None:
    """Put a comment on a pull request, in place of the one of ours that begins with `mark`; the text begins with it too.

    Without `is_new` only an earlier one is replaced. Raises Problem as `api` does.
    """
    issues = f"{repository()}/issues"
    comments = f"{issues}/{number}/comments"

    def old_one() -> dict[str, Any] | None:
        return written(comments, mark)

    if old := old_one():
        api("PATCH", f"{issues}/comments/{old['id']}", {"body": text})
    elif is_new:
        api("POST", comments, {"body": text}, made=old_one)
