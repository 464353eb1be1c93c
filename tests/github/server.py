"""Stand-in for GitHub's REST API: server.py PORT STATE.

What there is is kept as JSON in the file STATE, which tests read and change. Each request and each answer is held
against GitHub's own description of its API, and answers begin as that description's examples (description.py); what
does not fit is kept under `violations`. What no description says comes from these sources:

- Pull requests are issues, in one series of numbers; a merged one, or one whose branch was pushed with force since it
  was closed, cannot be opened again: https://docs.github.com/en/rest/issues/issues,
  https://github.com/isaacs/github/issues/361
- Permissions of a job's token: https://docs.github.com/en/rest/authentication/permissions-required-for-github-apps;
  lists of issues and pull requests hold what the token may read.
- Limits: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
- Lists in parts: https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api
- Runs for a pull request that a job's token opened wait for approval:
  https://github.blog/changelog/2026-06-11-bot-created-pull-requests-can-run-workflows-if-approved/
- Pages: there is a site once its owner has chosen a source, and what a job's token pushes there builds nothing:
  https://docs.github.com/en/rest/pages/pages, https://docs.github.com/en/actions/concepts/security/github_token
- A job's number is that of its check run, as in the example of the description.
- Schedules stop after 60 days: https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows#schedule
"""

from __future__ import annotations

import contextlib
import copy
import fcntl
import functools
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlparse

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from github import description

BOT = "github-actions[bot]"
FORKER = "octocat"  # who has the token, where a fork is made
NOWHERE = "0" * 40  # the commit of a branch where there is no git
NUMBER = 1296269  # of the repository, which links to further pages have in place of its name
LIMIT = 1000  # requests an hour for the token of a job
NEEDS = {  # in the order in which they are looked for
    "/repos/{owner}/{repo}/issues": "issues",
    "/repos/{owner}/{repo}/pulls": "pull-requests",
    "/repos/{owner}/{repo}/actions": "actions",
    "/repos/{owner}/{repo}/pages": "pages",
    "/repos/{owner}/{repo}/labels": "issues",
    "/repos/{owner}/{repo}/check-runs": "checks",
    "/repos/{owner}/{repo}": "metadata",
}


class Refusal(Exception):
    """GitHub says no."""

    def __init__(self, status: int, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status, self.message, self.more = status, message, more


def invalid(resource: str, field: str, message: str = "") -> Refusal:
    """Return the refusal of a value."""
    error = {"resource": resource, "field": field, "code": "custom" if message else "invalid"}
    return Refusal(
        422, "Validation Failed", errors=[error | ({"message": message} if message else {})]
    )


def new(name: str, git: Path | None = None) -> dict[str, Any]:
    """Return what STATE holds of a new repository, whose branches are in the repository `git`.

    `permissions` are those of the token that asks, as `permissions:` of a job grants them. `faults` are answers in place
    of the next ones. A run ends after `looks` looks at it, with `conclusion`; with none it does not end.
    `site` is that of GitHub Pages: its `source`, and which commits of that branch were asked to be built as `builds`.
    `jobs` are those of every run, and `annotations` what stands beside each, by its number. `roles` are those of people;
    who has none may read.
    """
    return {
        "name": name,
        "git": str(git) if git else "",
        "repository": {},
        "issues": [],
        "comments": [],
        "runs": [],
        "site": {},
        "releases": {},
        "labels": [],
        "roles": {},
        "jobs": [],
        "annotations": {},
        "idle": {},
        "disabled": {},
        "permissions": {},
        "settings": {"issues": True, "actions may open pull requests": True},
        "faults": [],
        "looks": 0,
        "conclusion": "success",
        "remaining": LIMIT,
        "reset": int(time.time()) + 3600,
        "requests": [],
        "violations": [],
    }


@contextlib.contextmanager
def kept(file: Path) -> Iterator[dict[str, Any]]:
    """Give what is kept, and keep what becomes of it; one at a time."""
    with open(f"{file}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        state = json.loads(file.read_text(encoding="utf-8"))
        yield state
        file.write_text(json.dumps(state), encoding="utf-8")


def commit(state: dict[str, Any], ref: str) -> str:
    """Return the commit of a branch, or nothing."""
    if not state["git"]:
        return NOWHERE
    owner, _, branch = ref.rpartition(":")
    git = fork(state, owner) if owner else state["git"]
    with contextlib.suppress(OSError):  # as git keeps it; this is asked a thousand times
        return Path(git, "refs/heads", branch).read_text(encoding="ascii").strip()
    line = ["git", "-C", git, "rev-parse", "--quiet", "--verify", f"refs/heads/{branch}"]
    return subprocess.run(line, text=True, capture_output=True).stdout.strip()


@functools.cache
def has(git: str, commit: str, path: str) -> bool:
    """Whether a file is part of a commit."""
    line = ["git", "-C", git, "cat-file", "-e", f"{commit}:{path}"]
    return not subprocess.run(line, capture_output=True).returncode


def fork(state: dict[str, Any], owner: str) -> str:
    """Return where the fork of somebody is: beside the repository, in a folder of its owner."""
    git = Path(state["git"])
    return str(git.parents[1] / owner / git.name)


def is_ancestor(state: dict[str, Any], old: str, new: str) -> bool:
    """Whether a commit is part of another's history."""
    if not state["git"]:
        return old == new
    line = ["git", "-C", state["git"], "merge-base", "--is-ancestor", old, new]
    return subprocess.run(line, capture_output=True).returncode == 0


def now() -> str:
    """Return the time as GitHub writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


class Answer:
    """What GitHub answers to one request."""

    def __init__(
        self, state: dict, call: description.Call, query: dict[str, str], body: Any
    ) -> None:
        self.state, self.call, self.query, self.body = state, call, query, body or {}

    def give(self) -> tuple[int, Any]:
        """Do what is asked; return status and body. Raises Refusal."""
        parts = self.call.parts
        asked = f"{parts.get('owner')}/{parts.get('repo')}".lower()
        known = {self.state["name"].lower()}
        if self.call.path.endswith("/releases"):  # which anybody may read, where they are public
            known = {name.lower() for name in self.state["releases"]}
        if "repo" in parts and asked not in known:
            raise Refusal(404, "Not Found")
        self.permit()
        kind = re.sub(r"\W+", "_", re.sub(r"\{.*?\}", "", self.call.path)).strip("_")
        single = "_one" if self.call.path.endswith("}") and kind != "repos" else ""
        return getattr(self, f"{self.call.method}_{kind}{single}")()

    # ── Permissions

    def may(self, permission: str, level: str) -> bool:
        granted = self.state["permissions"]
        return permission == "metadata" or granted.get(permission) in (level, "write")

    def permit(self) -> None:
        """Raise Refusal for what the token may not do."""
        needed = next(name for start, name in NEEDS.items() if self.call.path.startswith(start))
        level = "read" if self.call.method == "get" else "write"
        wanted = [needed]
        if needed == "issues":
            number = self.call.parts.get("issue_number")
            if comment := self.call.parts.get("comment_id"):
                number = self.comment(comment)["issue"]
            if number and "pull" in self.issue(number):
                wanted = ["pull-requests"]
            elif self.call.method == "get":  # the list has what may be read
                wanted = ["issues", "pull-requests"]
        if not any(self.may(one, level) for one in wanted):
            raise Refusal(403, "Resource not accessible by integration")

    # ── The repository

    def example(self, status: int) -> Any:
        """Return an example that speaks of this repository."""
        text = json.dumps(self.call.example(status))
        owner, _, name = self.state["name"].partition("/")
        for before, after in (("Hello-World", name), ("hello-world", name), ("octocat", owner)):
            text = text.replace(before, after)
        return json.loads(text)

    def get_repos(self) -> tuple[int, Any]:
        known = self.example(200) | {"language": None, "private": True, "visibility": "private"}
        known |= {"fork": False, "is_template": False, "default_branch": "main"}
        template = known["template_repository"]
        for other in ("parent", "source", "template_repository"):
            known.pop(other, None)
        known |= self.state["repository"]
        if made_from := known.get("template_repository"):
            known["template_repository"] = template | made_from
        return 200, known

    def get_repos_releases(self) -> tuple[int, Any]:
        """The releases of a repository: https://docs.github.com/en/rest/releases/releases#list-releases."""
        [example] = self.call.example(200)
        name = f"{self.call.parts['owner']}/{self.call.parts['repo']}"
        return 200, [example | release for release in self.state["releases"][name]]

    def post_repos_forks(self) -> tuple[int, Any]:
        """Who has a fork already gets that one: https://docs.github.com/en/rest/repos/forks#create-a-fork."""
        mine = fork(self.state, FORKER)
        if not Path(mine).exists():
            line = ["git", "clone", "--quiet", "--bare", self.state["git"], mine]
            subprocess.run(line, check=True, capture_output=True)
        name = self.state["name"].partition("/")[2]
        made = self.example(202) | {"full_name": f"{FORKER}/{name}", "default_branch": "main"}
        return 202, made | {
            "has_discussions": False
        }  # the example lacks what the description asks for

    # ── GitHub Pages

    def site(self) -> dict[str, Any]:
        if not self.state["site"]:
            raise Refusal(404, "Not Found")
        return self.state["site"]

    def get_repos_pages(self) -> tuple[int, Any]:
        owner, _, name = self.state["name"].partition("/")
        address = {"html_url": f"https://{owner}.github.io/{name}/"}
        return 200, self.example(200) | address | {"source": self.site()["source"], "cname": None}

    def post_repos_pages_builds(self) -> tuple[int, Any]:
        site = self.site()
        site.setdefault("builds", []).append(commit(self.state, site["source"]["branch"]))
        return 201, self.example(201)

    # ── Issues, and pull requests as issues

    def issue(self, number: int | str) -> dict[str, Any]:
        if not 0 < int(number) <= len(self.state["issues"]):
            raise Refusal(404, "Not Found")
        return self.state["issues"][int(number) - 1]

    def add(self, **more: Any) -> dict[str, Any]:
        entry = {
            "number": len(self.state["issues"]) + 1,
            "state": "open",
            "user": BOT,
            "body": None,
        }
        self.state["issues"].append(entry | more)
        return self.state["issues"][-1]

    def user(self, example: dict[str, Any], login: str | None) -> dict[str, Any] | None:
        """An account; that of somebody who left is none."""
        bot = {"type": "Bot"} if (login or "").endswith("[bot]") else {}
        return example | {"login": login} | bot if login else None

    def shown(self, entry: dict[str, Any], example: dict[str, Any]) -> dict[str, Any]:
        """An entry as the example shows one; pull requests have addresses of their own."""
        kind = "pull" if "pull" in entry else "issues"
        page = f"https://github.com/{self.state['name']}/{kind}/{entry['number']}"
        shown = {key: entry[key] for key in ("number", "title", "body", "state")}
        shown |= {
            "html_url": page,
            "user": self.user(example["user"], entry["user"]),
            "locked": False,
        }
        shown |= {
            "closed_at": None if entry["state"] == "open" else now(),
            "active_lock_reason": None,
        }
        return example | shown

    def as_issue(self, entry: dict[str, Any], example: dict[str, Any]) -> dict[str, Any]:
        shown = self.shown(entry, example)
        pull = shown.pop("pull_request", None)
        if "pull" in entry:
            merged = {"merged_at": entry["pull"]["merged_at"], "html_url": shown["html_url"]}
            shown["pull_request"] = (pull or {}) | merged
            shown["pull_request"] |= {
                key: shown["html_url"] for key in ("url", "diff_url", "patch_url")
            }
        return shown

    def get_repos_issues(self) -> tuple[int, Any]:
        wanted = self.query.get("state", "open")
        [example] = self.example(200)
        return 200, [
            self.as_issue(entry, example)
            for entry in reversed(self.state["issues"])
            if wanted in ("all", entry["state"])
            and self.may("pull-requests" if "pull" in entry else "issues", "read")
            and (self.state["settings"]["issues"] or "pull" in entry)
        ]

    def post_repos_issues(self) -> tuple[int, Any]:
        if not self.state["settings"]["issues"]:
            raise Refusal(410, "Issues has been disabled in this repository.")
        self.fits("Issue")
        return 201, self.as_issue(self.add(**self.body), self.example(201))

    def fits(self, resource: str) -> None:
        """Raise Refusal for a text that GitHub does not take."""
        if len(self.body.get("body") or "") > 65536:
            raise invalid(resource, "body", "body is too long (maximum is 65536 characters)")
        if "title" in self.body and not self.body["title"]:
            raise Refusal(422, "Validation Failed", errors=[{"resource": resource, "field": "title", "code": "missing_field"}])  # fmt: skip

    def patch_repos_issues_one(self) -> tuple[int, Any]:
        entry = self.issue(self.call.parts["issue_number"])
        self.fits("Issue")
        self.change(entry)
        return 200, self.as_issue(entry, self.example(200))

    def change(self, entry: dict[str, Any]) -> None:
        """Take over what is given; a pull request has rules for being opened again."""
        wanted = self.body.get("state", entry["state"])
        if "pull" in entry and wanted != entry["state"]:
            reopen(self.state, entry) if wanted == "open" else close(self.state, entry)
        entry |= {key: self.body[key] for key in ("title", "body", "state") if key in self.body}

    # ── Labels, which are the same in capital letters

    def label(self, name: str, example: dict[str, Any]) -> dict[str, Any]:
        return example | {"name": name, "default": False}

    def post_repos_labels(self) -> tuple[int, Any]:
        """One that is there: https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#validation-failed"""
        name = self.body["name"]
        if name.lower() in map(str.lower, self.state["labels"]):
            error = {"resource": "Label", "code": "already_exists", "field": "name"}
            raise Refusal(422, "Validation Failed", errors=[error])
        self.state["labels"].append(name)
        return 201, self.label(name, self.example(201))

    def delete_repos_issues_labels_one(self) -> tuple[int, Any]:
        entry = self.issue(self.call.parts["issue_number"])
        wanted = unquote(self.call.parts["name"]).lower()
        left = [name for name in entry.get("labels", []) if name.lower() != wanted]
        if left == entry.get("labels", []):
            raise Refusal(404, "Label does not exist")
        entry["labels"] = left
        [example] = self.example(200)
        return 200, [self.label(name, example) for name in left]

    # ── People

    def get_repos_collaborators_permission(self) -> tuple[int, Any]:
        """What a role is worth, as the description says of this call."""
        login = unquote(self.call.parts["username"])
        role = self.state["roles"].get(login, "read")
        if not role:
            raise Refusal(404, f"{login} is not a user")
        known, permission = (
            self.example(200),
            {"maintain": "write", "triage": "read"}.get(role, role),
        )
        user = known["user"] | {"login": login, "role_name": role}
        return 200, known | {"permission": permission, "role_name": role, "user": user}

    # ── Comments

    def comment(self, number: str) -> dict[str, Any]:
        for comment in self.state["comments"]:
            if comment["id"] == int(number):
                return comment
        raise Refusal(404, "Not Found")

    def as_comment(self, entry: dict[str, Any], example: dict[str, Any]) -> dict[str, Any]:
        user = self.user(example["user"], entry["user"])
        return example | {"id": entry["id"], "body": entry["body"], "user": user}

    def get_repos_issues_comments(self) -> tuple[int, Any]:
        number = self.issue(self.call.parts["issue_number"])["number"]
        [example] = self.example(200)
        found = [entry for entry in self.state["comments"] if entry["issue"] == number]
        return 200, [self.as_comment(entry, example) for entry in found]

    def post_repos_issues_comments(self) -> tuple[int, Any]:
        number = self.issue(self.call.parts["issue_number"])["number"]
        self.fits("IssueComment")
        entry = {"id": len(self.state["comments"]) + 1, "issue": number, "user": BOT, **self.body}
        self.state["comments"].append(entry)
        return 201, self.as_comment(entry, self.example(201))

    def patch_repos_issues_comments_one(self) -> tuple[int, Any]:
        entry = self.comment(self.call.parts["comment_id"])
        self.fits("IssueComment")
        entry["body"] = self.body["body"]
        return 200, self.as_comment(entry, self.example(200))

    # ── Pull requests

    def as_pull(self, entry: dict[str, Any], example: dict[str, Any]) -> dict[str, Any]:
        example = copy.deepcopy(example)  # a list has one for each
        pull, owner = entry["pull"], self.state["name"].partition("/")[0]
        shown = self.shown(entry, example) | {"merged_at": pull["merged_at"], "requested_teams": []}
        label = pull["head"] if ":" in pull["head"] else f"{owner}:{pull['head']}"
        shown["head"] |= {"ref": label.partition(":")[2], "label": label}
        shown["head"]["sha"] = head(self.state, entry)
        shown["base"] |= {"ref": pull["base"], "label": f"{owner}:{pull['base']}"}
        for side in (shown["head"], shown["base"]):
            whose = side["label"].partition(":")[0]
            side["repo"] |= {"full_name": f"{whose}/{self.state['name'].partition('/')[2]}"}
        if "merged" in example:
            shown |= {"merged": bool(pull["merged_at"])}
        return shown

    def get_repos_pulls(self) -> tuple[int, Any]:
        wanted = self.query.get("state", "open")
        owner, colon, branch = self.query.get("head", "").partition(":")
        is_own = self.state["name"].startswith(f"{owner}/")
        [example] = self.example(200)
        return 200, [
            self.as_pull(entry, example)
            for entry in reversed(self.state["issues"])
            if "pull" in entry
            and wanted in ("all", entry["state"])
            and (not colon or entry["pull"]["head"] == (branch if is_own else f"{owner}:{branch}"))
        ]

    def post_repos_pulls(self) -> tuple[int, Any]:
        if not self.state["settings"]["actions may open pull requests"]:
            raise Refusal(
                403, "GitHub Actions is not permitted to create or approve pull requests."
            )
        self.fits("PullRequest")
        head, base = self.body.pop("head"), self.body.pop("base")
        self.body.pop("maintainer_can_modify", None)
        head = head.removeprefix(f"{self.state['name'].partition('/')[0]}:")
        for field, branch in {"head": head, "base": base}.items():
            if not commit(self.state, branch):
                raise invalid("PullRequest", field)
        if (
            is_ancestor(self.state, commit(self.state, head), commit(self.state, base))
            and self.state["git"]
        ):
            raise invalid("PullRequest", "", f"No commits between {base} and {head}")
        for entry in self.state["issues"]:
            if entry["state"] == "open" and entry.get("pull", {}).get("head") == head:
                owner = self.state["name"].partition("/")[0]
                message = f"A pull request already exists for {owner}:{head}."
                raise invalid("PullRequest", "", message)
        pull = {"head": head, "base": base, "merged_at": None, "sha": ""}
        return 201, self.as_pull(self.add(pull=pull, **self.body), self.example(201))

    def get_repos_pulls_one(self) -> tuple[int, Any]:
        entry = self.issue(self.call.parts["pull_number"])
        if "pull" not in entry:
            raise Refusal(404, "Not Found")
        return 200, self.as_pull(entry, self.example(200))

    def patch_repos_pulls_one(self) -> tuple[int, Any]:
        entry = self.issue(self.call.parts["pull_number"])
        if "pull" not in entry:
            raise Refusal(404, "Not Found")
        self.fits("PullRequest")
        self.change(entry)
        return 200, self.as_pull(entry, self.example(200))

    # ── Workflows

    def workflow(self) -> str:
        """The workflow of this request, which has to be on the default branch."""
        name = unquote(self.call.parts["workflow_id"])
        git, main = self.state["git"], commit(self.state, "main")
        if git and not has(git, main, f".github/workflows/{name}"):
            raise Refusal(404, "Not Found")
        return name

    def post_repos_actions_workflows_dispatches(self) -> tuple[int, Any]:
        name, ref = self.workflow(), self.body["ref"]
        if self.state["disabled"].get(name):
            raise Refusal(422, "Cannot trigger a 'workflow_dispatch' on a disabled workflow")
        if not (sha := commit(self.state, ref)):
            raise Refusal(422, f"No ref found for: {ref}")
        self.started(name, "workflow_dispatch", ref, sha, status="queued", conclusion=None)
        return 204, None

    def started(self, workflow: str, event: str, branch: str, sha: str, **more: Any) -> None:
        run = {"id": len(self.state["runs"]) + 1, "workflow": workflow, "event": event, "looks": 0}
        self.state["runs"].append(run | {"branch": branch, "sha": sha} | more)

    def put_repos_actions_workflows_enable(self) -> tuple[int, Any]:
        name = self.workflow()
        self.state["disabled"][name] = ""
        self.state["idle"][name] = 0
        return 204, None

    def get_repos_actions_workflows_runs(self) -> tuple[int, Any]:
        name = self.workflow()
        for entry in self.state["issues"]:  # what the job's token opened waits for approval
            pull, sha = entry.get("pull"), head(self.state, entry)
            known = [run["sha"] for run in self.state["runs"] if run["event"] == "pull_request"]
            if pull and entry["user"] == BOT and entry["state"] == "open" and sha not in known:
                waits = {"status": "completed", "conclusion": "action_required"}
                self.started(name, "pull_request", pull["head"], sha, **waits)
        whole = self.example(200)
        example = whole["workflow_runs"][0]
        example["head_repository"] |= {"full_name": self.state["name"]}
        found = []
        for run in reversed(self.state["runs"]):
            asked = {"event": run["event"], "head_sha": run["sha"], "branch": run["branch"]}
            if run["workflow"] != name or any(self.query.get(k, v) != v for k, v in asked.items()):
                continue
            if run["status"] != "completed":
                run["looks"] += 1
                run["status"] = "in_progress"
                if run["looks"] > self.state["looks"] and self.state["conclusion"]:
                    run |= {"status": "completed", "conclusion": self.state["conclusion"]}
            page = f"https://github.com/{self.state['name']}/actions/runs/{run['id']}"
            shown = {key: run[key] for key in ("id", "event", "status", "conclusion")}
            shown |= {"head_sha": run["sha"], "head_branch": run["branch"], "html_url": page}
            found.append(example | shown | {"path": f".github/workflows/{name}"})
        return 200, {"total_count": len(found), "workflow_runs": found}

    def get_repos_actions_runs_jobs(self) -> tuple[int, Any]:
        example = self.example(200)["jobs"][0]
        step = example["steps"][0]
        found = []
        for job in self.state["jobs"]:
            page = example["check_run_url"].rpartition("/")[0]
            steps = [step | {"number": n} | said for n, said in enumerate(job["steps"], 1)]
            made = {"created_at": now()}  # which the example lacks, and the description asks for
            found.append(
                example | made | job | {"steps": steps, "check_run_url": f"{page}/{job['id']}"}
            )
        return 200, {"total_count": len(found), "jobs": found}

    def get_repos_check_runs_annotations(self) -> tuple[int, Any]:
        [example] = self.example(200)
        found = self.state["annotations"].get(self.call.parts["check_run_id"], [])
        return 200, [example | {"title": None, "raw_details": None} | said for said in found]


def head(state: dict[str, Any], entry: dict[str, Any]) -> str:
    """Return the commit of a pull request; that of a closed one stays."""
    pull = entry.get("pull")
    return (pull["sha"] or commit(state, pull["head"]) or NOWHERE) if pull else ""


def close(state: dict[str, Any], entry: dict[str, Any], merged: bool = False) -> None:
    """Close a pull request, or have it merged."""
    entry["pull"]["sha"] = head(state, entry)
    entry["pull"]["merged_at"] = now() if merged else None
    entry["state"] = "closed"


def reopen(state: dict[str, Any], entry: dict[str, Any]) -> None:
    """Open a pull request again. Raises Refusal where that cannot be done."""
    pull = entry["pull"]
    if pull["merged_at"]:
        raise invalid(
            "PullRequest", "state", "state cannot be changed. The pull request cannot be reopened."
        )
    if not is_ancestor(state, pull["sha"], commit(state, pull["head"]) or NOWHERE):
        message = (
            f"state cannot be changed. The {pull['head']} branch was force-pushed or recreated."
        )
        raise invalid("PullRequest", "state", message)
    entry["state"], pull["sha"] = "open", ""


class GitHub(BaseHTTPRequestHandler):
    """One request."""

    file: Path

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        url = urlparse(self.path)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        with kept(self.file) as state:
            state["requests"].append(f"{self.command} {self.path}")
            fault = self.fault(state)
            if fault and not fault.get("done"):
                status, result = fault["status"], {"message": fault.get("message", "")}
            else:
                status, result = self.judged(state, url.path, query, body)
            headers = self.limits(state)
            if status == 200 and isinstance(result, list | dict):
                result, links = self.page(url.path, query, result)
                headers |= links
            if fault:
                status, result = fault["status"], {"message": fault.get("message", "")}
                headers |= fault.get("headers", {})
        if not status:  # the connection is lost
            self.close_connection = True
            return
        data = b"" if result is None else json.dumps(result).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = answer

    def fault(self, state: dict[str, Any]) -> dict[str, Any] | None:
        """Take the next fault that is meant for this request."""
        for fault in state["faults"]:
            if re.search(fault["request"], f"{self.command} {self.path}"):
                state["faults"].remove(fault)
                return fault
        return None

    def limits(self, state: dict[str, Any]) -> dict[str, Any]:
        return {
            "x-ratelimit-limit": LIMIT,
            "x-ratelimit-remaining": state["remaining"],
            "x-ratelimit-used": LIMIT - state["remaining"],
            "x-ratelimit-reset": state["reset"],
            "x-ratelimit-resource": "core",
        }

    def judged(self, state: dict, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        """Answer, and hold request and answer against the description."""
        path = re.sub(f"^/repositories/{NUMBER}", f"/repos/{state['name']}", path)
        call = description.call(self.command, path)
        wrong = list(call.faults(query, body)) if call else ["the description knows no such call"]
        try:
            if not re.fullmatch(r"Bearer \S+", self.headers.get("Authorization", "")):
                raise Refusal(401, "Requires authentication")
            if not state["remaining"]:
                raise Refusal(403, "API rate limit exceeded for installation ID 1.")
            state["remaining"] -= 1
            if not call:
                raise Refusal(404, "Not Found")
            if wrong:
                raise Refusal(422, "Invalid request.", errors=wrong)
            status, result = Answer(state, call, query, body).give()
        except Refusal as no:
            status, result = no.status, {"message": no.message, "status": str(no.status), **no.more}
            result |= {"documentation_url": call.docs} if call else {}
        if call:
            wrong += [f"the stand-in: {fault}" for fault in call.wrong(status, result)]
        state["violations"] += [f"{self.command} {self.path}: {fault}" for fault in wrong]
        return status, result

    def page(self, path: str, query: dict[str, str], result: Any) -> tuple[Any, dict[str, str]]:
        """Return one page of a list, and where the others are."""
        size = min(int(query.get("per_page", 30)), 100)
        number = int(query.get("page", 1))
        key = "workflow_runs" if "workflow_runs" in result else None
        whole = result[key] if key else result
        if not isinstance(whole, list):
            return result, {}
        part = whole[(number - 1) * size : number * size]
        last = max(1, -(-len(whole) // size))
        others = {"first": 1, "prev": number - 1} if number > 1 else {}
        others |= {"next": number + 1, "last": last} if number < last else {}
        here = re.sub("^/repos/[^/]+/[^/]+", f"/repositories/{NUMBER}", path)
        here = f"http://{self.headers['Host']}{here}"
        links = [
            f'<{here}?{urlencode(query | {"page": to})}>; rel="{rel}"' for rel, to in others.items()
        ]
        return (result | {key: part} if key else part), (
            {"Link": ", ".join(links)} if links else {}
        )

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


def server(port: int, file: Path) -> ThreadingHTTPServer:
    """Return a server for what is kept in a file; port 0 takes any."""
    return ThreadingHTTPServer(("127.0.0.1", port), type("Here", (GitHub,), {"file": file}))


if __name__ == "__main__":
    server(int(sys.argv[1]), Path(sys.argv[2])).serve_forever()
