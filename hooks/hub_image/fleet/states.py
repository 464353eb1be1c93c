"""How far the update of a repository is, by what GitHub tells of it: three requests, five at most, and nothing is kept.

The way of an update is that of weekly.yml: started by hand it takes the newest release at once, opens a pull request, and
has image.yml prove the commit of it in a job without rights. What is found here is found so:

- Only runs of image.yml that were started by hand for the very commit of the pull request count as its proof. Those for
  the pull request itself may wait for approval, or only clean up, and succeed at that.
- A run of weekly.yml counts when it was started by hand since the release is there: on its schedule it waits some days.
- The list of runs lags behind by some seconds, so what is missing there is asked for again only after a while.

https://docs.github.com/en/rest/actions/workflow-runs#list-workflow-runs-for-a-workflow
"""

from __future__ import annotations

import base64
import re
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from hub_image.fleet.asking import Asking
from hub_image.fleet.sources import Source
from hub_image.problem import Problem
from hub_image.repository import anchors, image_env
from hub_image.tools import github
from hub_image.tools.git import git, logged_in
from hub_image.updates import update as updates

WEEKLY, IMAGE = "weekly.yml", "image.yml"
SLOW = timedelta(minutes=2)  # within which a run of a merge appears in GitHub's list


class State(Enum):
    """How far an update is; the first need somebody."""

    STUCK = "needs somebody"
    UNKNOWN = "not known"
    CLOSED = "closed by somebody, so it is left alone"
    PROVED = "proved; merge it"
    PROVING = "its image is being built and tested"
    RUNNING = "its workflow weekly runs"
    WAITING = "not started"
    UNBUILT = "merged; its image is not built yet"
    BUILDING = "merged; its image is being built"
    DONE = "has the newest release, and its image was proved"
    OTHER = "makes no image with the template, or does not show it to this token"

    @property
    def moves(self) -> bool:
        """Whether it becomes another one without anybody."""
        return self in (State.PROVING, State.RUNNING, State.UNBUILT, State.BUILDING)


class Release(NamedTuple):
    """The newest release of a template, and since when it is there, as GitHub writes a time; empty for who has it."""

    template: str
    version: str
    since: str


@dataclass(frozen=True)
class Update:
    """What is known of one repository; `page` is where to look, and `why` says more than the state. `pull` is GitHub's."""

    source: Source
    state: State
    page: str
    why: str = ""
    release: Release | None = None
    pull: dict[str, Any] | None = None

    @property
    def name(self) -> str:
        """The repository, as `owner/name`."""
        return self.source.name


class Releases:
    """The newest release of each template, which is cloned once; the newest of a run stays the newest."""

    def __init__(self, token: str) -> None:
        self._environment = logged_in(token)
        self._lock = threading.Lock()
        self._folders: dict[str, Path | Problem] = {}
        self._known: dict[tuple[str, str], Release] = {}
        self._temporary = tempfile.TemporaryDirectory()

    def __enter__(self) -> Releases:
        return self

    def __exit__(self, *error: object) -> None:
        self._temporary.cleanup()

    def newest(self, template: str, before: str) -> Release:
        """Return the release that weekly.yml takes where it is started by hand. Raises Problem where nobody can tell."""
        address = updates.address(template)
        if not address.startswith("https://"):  # git would also run programs, or read folders here
            raise Problem(
                f"its template is recorded as {template or 'nothing'}, which is no address with https"
            )
        with self._lock:
            if address not in self._folders:
                self._folders[address] = self._clone(address)
            folder = self._folders[address]
            if isinstance(folder, Problem):
                raise folder
            if (address, before) not in self._known:
                version = updates.newest(folder, before)
                since = "" if version == before else _since(folder, version)
                self._known[address, before] = Release(address, version, since)
            return self._known[address, before]

    def _clone(self, address: str) -> Path | Problem:
        folder = Path(self._temporary.name, str(len(self._folders)))
        try:
            return updates.clone(address, folder, self._environment)
        except Problem as problem:
            return problem


def _since(template: Path, version: str) -> str:
    """When a tag was made, or else a commit."""
    said = git(template, "for-each-ref", "--format=%(creatordate:unix)", f"refs/tags/{version}")
    seconds = said.strip() or git(template, "log", "-1", "--format=%ct", version)
    return f"{datetime.fromtimestamp(int(seconds), timezone.utc):%Y-%m-%dT%H:%M:%SZ}"


def look(asking: Asking, source: Source, releases: Releases) -> Update:
    """Return how far the update of a repository is; what GitHub does not tell is a state too."""
    page = f"{asking.server}/{source.name}"
    try:
        if source.trouble:
            raise source.trouble
        return _Repository(asking, source, page).look(releases)
    except github.NoAnswer as problem:
        return Update(source, State.UNKNOWN, page, str(problem))
    except Problem as problem:
        state = State.UNKNOWN if asking.ended else State.STUCK
        return Update(source, state, page, str(problem).rstrip("."))


class _Repository:
    """One repository, while it is looked at."""

    def __init__(self, asking: Asking, source: Source, page: str) -> None:
        self.asking, self.source, self.page = asking, source, page
        self.path = f"/repos/{source.name}"
        self.release = Release("", "", "")

    def look(self, releases: Releases) -> Update:
        """Do what `look` says. Raises Problem."""
        try:
            file = self.get(f"contents/{image_env.ANSWERS}", "Contents: read")
        except github.Refused as problem:
            if problem.status != 404:
                raise
            return self.is_(State.OTHER)
        if "content" not in file:  # it is no file
            return self.is_(State.OTHER)
        recorded = base64.b64decode(file["content"]).decode("utf-8", "replace")
        before = anchors.value("_commit", recorded)
        self.release = releases.newest(anchors.value("_src_path", recorded), before)
        pulls = self.pulls()
        named = [pull for pull in pulls if pull["title"] == updates.title(self.release.version)]
        if before == self.release.version:
            return self.merged(next((pull for pull in named if pull["merged_at"]), None))
        opened = next((pull for pull in pulls if pull["state"] == "open"), None)
        if opened and opened in named:
            return self.proposed(opened)
        if named and not opened:
            return self.is_(State.CLOSED, page=named[0]["html_url"])
        return self.asked(opened)

    def is_(
        self, state: State, why: str = "", page: str = "", pull: dict[str, Any] | None = None
    ) -> Update:
        return Update(self.source, state, page or self.page, why, self.release, pull)

    def get(self, path: str, right: str) -> Any:
        try:
            return self.asking.get(f"{self.path}/{path}")
        except github.Refused as problem:
            raise lacking(problem, right) from problem

    def pulls(self) -> list[dict[str, Any]]:
        """The pull requests of the bot's branch into the default branch, the newest first."""
        owner = self.source.name.partition("/")[0]
        head, base = f"{owner}:{github.branch('update')}", quote(self.source.branch, safe="")
        found = self.get(
            f"pulls?state=all&head={head}&base={base}&per_page=100", "Pull requests: read"
        )
        return [  # an organization may have forks of its own
            pull
            for pull in found
            if (pull["head"]["repo"] or {}).get("full_name") == self.source.name
        ]

    def runs(self, workflow: str, query: str) -> list[dict[str, Any]]:
        """The runs of a workflow, the newest first."""
        try:
            path = f"actions/workflows/{workflow}/runs?{query}"
            return list(self.get(path, "Actions: read")["workflow_runs"])
        except github.Refused as problem:
            if problem.status == 404:
                raise Problem(
                    f"it has no workflow {workflow}; update it in a terminal, with `hub-image update`"
                ) from problem
            raise

    def merged(self, pull: dict[str, Any] | None) -> Update:
        """What became of the image on the default branch: since the update was merged, or else last."""
        branch = quote(self.source.branch, safe="")
        found = self.runs(IMAGE, f"branch={branch}&exclude_pull_requests=true&per_page=30")
        runs = [
            run for run in found if run["event"] != "pull_request"
        ]  # from a fork's branch of the same name
        if pull:
            runs = [
                run
                for run in runs
                if pull["merge_commit_sha"] == run["head_sha"]
                or run["created_at"] > pull["merged_at"]
            ]
        else:
            runs = runs[:1]
        ended = [run for run in runs if run["status"] == "completed"]
        if any(run["conclusion"] == "success" for run in ended):
            return self.is_(State.DONE)
        if runs and runs[0] not in ended:
            return self.is_(State.BUILDING, page=runs[0]["html_url"])
        if runs:
            return self.is_(
                State.STUCK,
                _verdict(runs[0], f"its image of {self.release.version}"),
                runs[0]["html_url"],
            )
        if not pull:
            why = f"has {self.release.version}, and nothing has built its image; start its workflow *image*"
            return self.is_(State.STUCK, why, f"{self.page}/actions/workflows/{IMAGE}")
        is_new = now() - _time(pull["merged_at"]) < SLOW
        return self.is_(
            State.BUILDING if is_new else State.UNBUILT, page=pull["html_url"], pull=pull
        )

    def proposed(self, pull: dict[str, Any]) -> Update:
        """What became of the proof of a pull request."""
        commit = pull["head"]["sha"]
        runs = self.runs(IMAGE, f"event=workflow_dispatch&head_sha={commit}&per_page=5")
        if not runs:
            if any(run["status"] != "completed" for run in self.weekly()):
                return self.is_(State.PROVING, page=pull["html_url"])
            why = "its pull request was not tested; start its workflow *weekly*, or look at what changes"
            return self.is_(State.STUCK, why, pull["html_url"])
        if runs[0]["status"] != "completed":
            return self.is_(State.PROVING, page=runs[0]["html_url"])
        if runs[0]["conclusion"] == "success":
            return self.is_(State.PROVED, page=pull["html_url"], pull=pull)
        return self.is_(State.STUCK, _verdict(runs[0], "its image"), runs[0]["html_url"])

    def weekly(self) -> list[dict[str, Any]]:
        """The runs of weekly.yml on the default branch, the newest first."""
        branch = quote(self.source.branch, safe="")
        return self.runs(WEEKLY, f"branch={branch}&exclude_pull_requests=true&per_page=30")

    def asked(self, opened: dict[str, Any] | None) -> Update:
        """What became of weekly.yml, which has not brought this release; an older pull request may be open."""
        runs = self.weekly()
        if running := next((run for run in runs if run["status"] != "completed"), None):
            return self.is_(State.RUNNING, page=running["html_url"])
        if not (mine := started(runs, self.release.since)):
            return self.is_(State.WAITING)
        issues = self.get("issues?state=open&sort=updated&per_page=100", "Issues: read")
        for entry in issues:
            if github.marked(entry) == "update" and "pull_request" not in entry:
                return self.is_(
                    State.STUCK, f"“{entry['title']}”; do what the issue says", entry["html_url"]
                )
        run = mine[0]
        if run["conclusion"] != "success":
            why = "its workflow weekly failed; look why, and choose *Re-run failed jobs*"
            return self.is_(State.STUCK, why, run["html_url"])
        if opened:  # under a name of its own, because a person opened it
            return self.proposed(opened)
        return self.is_(
            State.STUCK, "its workflow weekly left nothing to merge; look why", run["html_url"]
        )


def started(runs: Sequence[dict[str, Any]], since: str) -> list[dict[str, Any]]:
    """Return the runs that people, or Apps, have started by hand since a time: those take a release at once."""
    return [
        run
        for run in runs
        if run["event"] == "workflow_dispatch"
        and run["created_at"] >= since
        and (run.get("actor") or {}).get("login") != github.OURSELVES
    ]


def lacking(problem: github.Refused, right: str) -> github.Refused:
    """Return what to do about a refusal: which right the token lacks, unless GitHub has another reason, such as a login.

    https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#resource-not-accessible
    """
    if problem.status != 403 or not re.search("not accessible|Must have", str(problem)):
        return problem
    return github.Refused(f"the token needs the right *{right}* ({str(problem).rstrip('.')})", 403)


def _verdict(run: dict[str, Any], what: str) -> str:
    if run["conclusion"] in github.FAILED:
        return f"{what} does not work; look at the run"
    return f"{what} was not tested to the end; choose *Re-run all jobs* there"


def now() -> datetime:
    """Return the time."""
    return datetime.now(timezone.utc)


def _time(written: str) -> datetime:
    return datetime.fromisoformat(written.replace("Z", "+00:00"))
