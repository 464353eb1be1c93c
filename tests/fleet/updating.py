"""Stand-in for the part of GitHub that `hub-image fleet --update` asks, with many repositories.

It goes beyond hosting.py: what is asked for happens, and time passes when a test says so. Each request and each answer is
held against GitHub's own description of its API (tests/github/description.py). What that does not say:

- A workflow that is switched off is 422 with these words: https://github.com/benc-uk/workflow-dispatch/issues/72
- A way of merging that a repository does not allow is 405: https://github.com/bazelbuild/continuous-integration/pull/2178
  and https://github.com/NielPieterse0/chatgpt-skill/issues/153; a missing review is 405 too:
  https://github.com/Reviewable/Reviewable/issues/561. Another head is 409, in GitHub's description.
- What a token may not do is 403: https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api
- A merge by a job's own token starts no workflow, that of an App or a person does:
  https://docs.github.com/en/actions/concepts/security/github_token

What weekly.yml makes of a start is what it made under act, with the real workflow, in tests/ci/test_update_workflow.py.
Unproven stay how far GitHub's list of runs lags behind, and what GitHub thinks of three hundred starts.
"""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass, field
from typing import Any

from github import description

from .hosting import BOT, Answer, Refusal, Repository, Server

TEMPLATE = "https://github.com/hub/template"
OLDEST, OLD, NEW = "v1.0.0", "v1.1.0", "v1.2.0"
DATES = {OLDEST: "2026-01-01T12:00:00Z", OLD: "2026-06-01T12:00:00Z", NEW: "2026-11-01T12:00:00Z"}
BEGIN = 1_794_000_000  # 2026-11-06: when tests begin, after the newest release
HOUR = 3600
ANCHORS = "> **Look at this first:** `REGISTRY` becomes `example.org`: CI sends the image and its login there.\n"


def title(version: str) -> str:
    """As the real weekly.yml calls its pull request."""
    return f"Update to {version} of the template"


@dataclass
class Image(Repository):
    """A repository with the workflows of the template, and what comes of them.

    `then`: what weekly.yml makes of a start, the key of a method below. `starts`: whether a merge starts image.yml.
    `methods` are the ways of merging that it allows, and `blocked` says why it allows none now. `rights` are those of the
    token.
    """

    version: str = OLD
    template: str = TEMPLATE
    then: str = "proved"
    starts: bool = True
    methods: tuple[str, ...] = ("merge", "squash", "rebase")
    blocked: str = ""
    rights: tuple[str, ...] = ("contents", "pulls", "issues", "actions", "start", "merge")
    switched_off: bool = False
    workflows: tuple[str, ...] = ("image.yml", "weekly.yml")
    pulls: list[dict[str, Any]] = field(default_factory=list)
    started: list[dict[str, Any]] = field(
        default_factory=list
    )  # runs of all workflows, oldest first
    server: Any = None

    # ── What people, the bot and time do

    def start(
        self, workflow: str, event: str = "workflow_dispatch", branch: str = "", **more: Any
    ) -> dict[str, Any]:
        """Start a workflow, as somebody or by an event."""
        run = {
            "workflow": workflow,
            "event": event,
            "branch": branch or self.branch,
            "status": "queued",
        }
        run |= {
            "conclusion": None,
            "sha": self.commit,
            "at": self.server.now,
            "actor": "ada",
        } | more
        self.started.append(run)
        return run

    @property
    def commit(self) -> str:
        """That of the default branch: another one for each merge."""
        return f"{sum(bool(pull['merged_at']) for pull in self.pulls):040x}"

    def propose(self, version: str = NEW, **more: Any) -> dict[str, Any]:
        """The bot pushes its branch, and opens its pull request."""
        pull = {
            "title": title(version),
            "body": "<!-- hub-image update -->\nText",
            "user": BOT,
            "version": version,
        }
        pull |= {
            "state": "open",
            "merged_at": None,
            "merge": None,
            "number": len(self.pulls) + 1,
            "repo": self.name,
        }
        pull |= {"sha": f"{len(self.pulls) + 1:039x}b"} | more
        self.pulls.append(pull)
        return pull

    def prove(self, conclusion: str | None = "success") -> Image:
        """The bot has image.yml prove its newest pull request; with none it goes on."""
        run = self.start(
            "image.yml", branch="hub-image/update", sha=self.pulls[-1]["sha"], actor=BOT
        )
        if conclusion:
            run |= {"status": "completed", "conclusion": conclusion}
        return self

    def merge(self, starts: bool | None = None) -> None:
        """Somebody merges the newest pull request."""
        pull = self.pulls[-1]
        self.version = pull["version"]
        pull |= {"state": "closed", "merged_at": self.server.now}
        pull["merge"] = self.commit
        if self.starts if starts is None else starts:
            self.start("image.yml", "push")

    def end(self, workflow: str, conclusion: str = "success") -> Image:
        """What runs of a workflow comes to its end."""
        for run in self.started:
            if run["workflow"] == workflow and run["status"] != "completed":
                run |= {"status": "completed", "conclusion": conclusion}
        return self

    def pass_on(self) -> None:
        """Half an hour goes by."""
        for run in list(self.started):
            if run["status"] == "completed":
                continue
            if run["workflow"] == "image.yml":
                bad = self.then == "broken" and run["branch"] != self.branch
                run |= {"status": "completed", "conclusion": "failure" if bad else "success"}
            elif run["status"] == "queued":
                run["status"] = "in_progress"
                if self.then in ("proved", "broken", "anchors"):
                    opened = [pull for pull in self.pulls if pull["state"] == "open"]
                    if not (opened and opened[-1]["version"] == NEW):
                        for pull in opened:
                            pull |= {
                                "title": title(NEW),
                                "version": NEW,
                                "sha": f"{pull['sha'][:-1]}c",
                            }
                        if not opened:
                            mark = "<!-- hub-image update -->\n"
                            self.propose(body=mark + (ANCHORS if self.then == "anchors" else ""))
                        self.prove(None)
            elif self.then == "fails":
                run |= {"status": "completed", "conclusion": "failure"}
            else:
                run |= {"status": "completed", "conclusion": "success"}
                if self.then == "conflict":
                    self.opens("<!-- hub-image update -->\nText", f"{title(NEW)}: it needs you")


class Updates(Server):
    """GitHub, where things happen; `seconds` is its clock."""

    def __init__(self) -> None:
        super().__init__()
        self.RequestHandlerClass = Happening
        self.limit = 100_000
        self.seconds = BEGIN

    @property
    def now(self) -> str:
        """The time, as GitHub writes it."""
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.seconds))

    def image(self, name: str, **more: Any) -> Image:
        """Add a repository, whose image was proved long ago."""
        one = Image(f"sea/{name}", server=self, **more)
        one.start("image.yml", "push", at="2026-10-01T12:00:00Z")
        one.end("image.yml")
        self.add(one)
        return one

    def days_pass(self) -> None:
        """Let all that runs come to its end, half an hour after half an hour."""
        for _ in range(6):
            self.half_an_hour()

    def half_an_hour(self) -> None:
        """Let time pass."""
        self.seconds += HOUR // 2
        for one in self.repositories.values():
            one.pass_on()


class Happening(Answer):
    """One request, of those that change something too."""

    server: Updates
    do_POST = do_PUT = Answer.answer

    def told(
        self, call: description.Call, path: str, query: dict[str, str]
    ) -> tuple[int, Any, dict[str, str]]:
        if "{repo}" not in call.path:
            return super().told(call, path, query)
        one = self.one(path)
        kind = (
            call.path.removeprefix("/repos/{owner}/{repo}").split("/")[1]
            if call.path.count("/") > 3
            else ""
        )
        if self.command == "GET":
            self.may(one, kind)
        if kind == "contents":
            return 200, self.contents(one, call), {}
        if call.path.endswith("/pulls"):
            return self.page(
                [self.pull(one, pull, call.example(200)[0]) for pull in self.wanted(one, query)],
                query,
                path,
            )
        if call.path.endswith("/{pull_number}"):
            pull = one.pulls[int(call.parts["pull_number"]) - 1]
            shown = self.pull(one, pull, call.example(200))
            return 200, shown | {"merged": bool(pull["merged_at"])}, {}
        if call.path.endswith("/merge"):
            self.may(one, "merge")
            return 200, self.merged(one, call), {}
        if call.path.endswith("/dispatches"):
            self.may(one, "start")
            self.dispatched(one, call.parts["workflow_id"])
            return 204, None, {}
        if call.path.endswith("/runs"):
            found = self.found(one, call.parts["workflow_id"], query)
            size = int(query.get("per_page", 30))
            shown = [self.shown(one, run, call) for run in found[:size]]
            return 200, {"total_count": len(found), "workflow_runs": shown}, {}
        return super().told(call, path, query)

    def may(self, one: Image, right: str) -> None:
        if right and right not in one.rights:
            raise Refusal(403, "Resource not accessible by personal access token")

    def contents(self, one: Image, call: description.Call) -> dict[str, Any]:
        if not one.version:
            raise Refusal(404, "Not Found")
        text = f"_commit: {one.version}\n_src_path: {one.template}\nimage_name: x\n"
        data = base64.encodebytes(text.encode()).decode()
        return call.example(200) | {
            "content": data,
            "path": call.parts["path"],
            "name": call.parts["path"],
        }

    def wanted(self, one: Image, query: dict[str, str]) -> list[dict[str, Any]]:
        """The pull requests that are asked for, the newest first."""
        owner = one.name.partition("/")[0]
        is_ours = query.get("head", f"{owner}:hub-image/update") == f"{owner}:hub-image/update"
        state = query.get("state", "open")
        found = [pull for pull in reversed(one.pulls) if state in ("all", pull["state"])]
        return found if is_ours and query.get("base", one.branch) == one.branch else []

    def pull(self, one: Image, pull: dict[str, Any], example: dict[str, Any]) -> dict[str, Any]:
        shown = {key: pull[key] for key in ("title", "body", "state", "number", "merged_at")}
        page = f"https://github.com/{one.name}/pull/{pull['number']}"
        shown |= {"html_url": page, "requested_teams": [], "merge_commit_sha": pull["merge"]}
        shown |= {
            "user": example["user"] | {"login": pull["user"]},
            "locked": False,
            "active_lock_reason": None,
        }
        head = example["head"] | {"ref": "hub-image/update", "sha": pull["sha"]}
        head["repo"] = example["base"]["repo"] | {"full_name": pull["repo"]}
        return example | shown | {"head": head, "base": example["base"] | {"ref": one.branch}}

    def merged(self, one: Image, call: description.Call) -> dict[str, Any]:
        pull = one.pulls[int(call.parts["pull_number"]) - 1]
        asked = self.body or {}
        method = asked.get("merge_method", "merge")
        if pull["state"] != "open":
            raise Refusal(405, "Pull Request is not mergeable")
        if asked.get("sha", pull["sha"]) != pull["sha"]:
            raise Refusal(409, "Head branch was modified. Review and try the merge again.")
        if method not in one.methods:
            names = {"squash": "Squash merges", "merge": "Merge commits", "rebase": "Rebase merges"}
            raise Refusal(405, f"{names[method]} are not allowed on this repository.")
        if one.blocked:
            raise Refusal(405, one.blocked)
        one.merge()
        return call.example(200) | {"sha": pull["merge"]}

    def dispatched(self, one: Image, workflow: str) -> None:
        if workflow not in one.workflows:
            raise Refusal(404, "Not Found")
        if one.switched_off:
            raise Refusal(422, "Cannot trigger a 'workflow_dispatch' on a disabled workflow")
        if self.body != {"ref": one.branch}:
            raise Refusal(422, f"No ref found for: {(self.body or {}).get('ref')}")
        one.start(workflow)

    def found(self, one: Image, workflow: str, query: dict[str, str]) -> list[dict[str, Any]]:
        """The runs that are asked for, the newest first."""
        if workflow not in one.workflows:
            raise Refusal(404, "Not Found")
        asked = {"event": "event", "branch": "branch", "head_sha": "sha", "status": "status"}
        return [
            run
            for run in reversed(one.started)
            if run["workflow"] == workflow
            and all(query.get(key, run[of]) == run[of] for key, of in asked.items())
        ]

    def shown(self, one: Image, run: dict[str, Any], call: description.Call) -> dict[str, Any]:
        example = call.example(200)["workflow_runs"][0]
        shown = {key: run[key] for key in ("event", "status", "conclusion")}
        shown |= {"head_sha": run["sha"], "head_branch": run["branch"], "created_at": run["at"]}
        shown |= {
            "actor": example["actor"] | {"login": run["actor"]},
            "id": one.started.index(run) + 1,
        }
        page = f"https://github.com/{one.name}/actions/runs/{one.started.index(run) + 1}"
        return example | shown | {"html_url": page, "path": f".github/workflows/{run['workflow']}"}


def kinds(server: Updates, number: int) -> dict[str, str]:
    """Add so many repositories of all kinds; return the kind of each."""
    made = {}
    for at in range(number):
        kind = list(KINDS)[at % len(KINDS)]
        one = server.image(f"{kind}-{at}")
        KINDS[kind](one)
        made[one.name] = kind
    return made


def _with(**more: Any) -> Any:
    return lambda one: [setattr(one, name, value) for name, value in more.items()]


def _proposed(conclusion: str | None, **more: Any) -> Any:
    def make(one: Image) -> None:
        one.propose(**more)
        one.prove(conclusion)

    return make


def _weekly(then: str, conclusion: str | None, **more: Any) -> Any:
    def make(one: Image) -> None:
        one.then = then
        run = one.start("weekly.yml", **more)
        if conclusion:
            run |= {"status": "completed", "conclusion": conclusion}

    return make


def _merged(starts: bool, conclusion: str | None) -> Any:
    def make(one: Image) -> None:
        one.propose()
        one.prove()
        one.merge(starts)
        if conclusion:
            one.end("image.yml", conclusion)

    return make


def _issue(one: Image) -> None:
    _weekly("conflict", "success")(one)
    one.opens("<!-- hub-image update -->\nText", f"{title(NEW)}: it needs you")


def _worked_on(one: Image) -> None:
    _proposed("success")(one)
    one.pulls[-1]["sha"] = "9" * 40


def _approved(one: Image) -> None:
    """A run for the pull request itself succeeded, at whatever; nobody has proved its commit by hand."""
    one.propose()
    run = one.start("image.yml", "pull_request", "hub-image/update", sha=one.pulls[-1]["sha"])
    run |= {"status": "completed", "conclusion": "success"}


def _by_a_fork(one: Image) -> None:
    """A run for a pull request from a fork's branch that is called main, too."""
    _merged(False, None)(one)
    run = one.start("image.yml", "pull_request", at="2026-11-28T12:00:00Z")
    run |= {"status": "completed", "conclusion": "success"}


def _broken_since(one: Image) -> None:
    one.version = NEW
    one.start("image.yml", "push")
    one.end("image.yml", "failure")


KINDS = {
    "old": _with(),
    "oldest": _with(version=OLDEST),
    "current": _with(version=NEW),
    "scheduled": _weekly("proved", "success", event="schedule"),
    "before-the-release": _weekly("proved", "success", at="2026-10-20T12:00:00Z"),
    "running": _weekly("proved", None),
    "proving": _proposed(None),
    "proved": _proposed("success"),
    "broken": _proposed("failure"),
    "cut-off": _proposed("cancelled"),
    "older-pull": _proposed("success", version=OLD),
    "approved": _approved,
    "worked-on": _worked_on,
    "conflict": _issue,
    "fails": _weekly("fails", "failure"),
    "left-nothing": _weekly("nothing", "success"),
    "will-break": _with(then="broken"),
    "will-conflict": _with(then="conflict"),
    "closed": lambda one: one.propose(state="closed"),
    "switched-off": _with(switched_off=True),
    "without-weekly": _with(workflows=("image.yml",)),
    "no-right": _with(rights=("contents", "pulls", "issues", "actions")),
    "building": _merged(True, None),
    "unbuilt": _merged(False, None),
    "unbuilt-but-by-a-fork": _by_a_fork,
    "current-and-broken-since": _broken_since,
    "broken-main": _merged(True, "failure"),
    "merged": _merged(True, "success"),
    "others": _with(version=""),
    "squash-only": lambda one: (_with(methods=("squash",))(one), _proposed("success")(one)),
    "review": lambda one: (
        _with(blocked="At least 1 approving review is required.")(one),
        _proposed("success")(one),
    ),
    "anchors": lambda one: (one.propose(body="<!-- hub-image update -->\n" + ANCHORS), one.prove()),
}


def disturb(server: Updates, number: int) -> None:
    """Let some answers be limits, and others errors, none of them three times."""
    for at in range(0, number, 15):
        name = f"{list(KINDS)[at % len(KINDS)]}-{at}/"
        server.fail(f"{name}contents", 502)
        server.fail(f"{name}pulls", 502, times=2)
    server.fail("/runs", 429, retry_after="2")
    server.fail("POST .*dispatches", 502, done=True)
    server.fail("POST .*dispatches", 502)
    server.fail("PUT .*merge", 502, done=True)
    server.fail("PUT .*merge", 403, retry_after="1")
