"""Stand-in for the part of GitHub that a fleet asks, with many repositories: hosting.py NUMBER.

tests/github/server.py has one repository, and all that can be done to it; this one only tells, and of hundreds. Requests
and answers are held against GitHub's own description of its API (tests/github/description.py). What it does not say:

- An archive comes from another server, by a link of its own, after a 302:
  https://docs.github.com/en/rest/repos/contents#download-a-repository-archive-tar. It is what `git archive` makes, below a
  folder with the commit in its name. That of an empty repository is 400: https://github.com/github/docs/issues/11512
- A renamed repository is 301 to its number: https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects
- Pages of an organization's repositories lead to /organizations/NUMBER/repos, as its links always have; a search ends after
  1,000 results, and the page after them is 422: https://github.com/brekkylab/backlot/pull/144
- Limits, with and without a token, and their headers:
  https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api and
  https://docs.github.com/en/rest/search/search#rate-limit
- Words of 403, where an organization wants more of a token: https://github.com/ossf/scorecard/issues/1504,
  https://github.com/SalesforceFoundation/NPSP/issues/7247 and https://github.com/refined-github/refined-github/issues/6951
- What a token may not see is 404:
  https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#404-not-found-for-an-existing-resource

Unproven stay what GitHub thinks of many requests at once, and how long its archives take.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import math
import re
import sys
import tarfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlparse

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from github import description

BOT = "github-actions[bot]"
PUBLISHED = "https://github.com/hub-image-template/hub-image-template"
NUMBER = 9919  # of the organization, in links to further pages
SECONDARY = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
)
SINGLE_SIGN_ON = (
    "Resource protected by organization SAML enforcement. You must grant your Personal Access token access to this "
    "organization."
)
CLASSIC = (
    "`sea` forbids access via a personal access token (classic). Please use a GitHub App, OAuth App, or a personal access "
    "token with fine-grained permissions."
)
ALLOW_LIST = (
    "Although you appear to have the correct authorization credentials, the `sea` organization has an IP allow list "
    "enabled, and your IP address is not permitted to access this resource."
)


@dataclass
class Repository:
    """One repository: its files, what is open, and the runs of image.yml, the newest first."""

    name: str
    files: dict[str, str | bytes] = field(default_factory=dict)
    branch: str = "main"
    archived: bool = False
    fork: bool = False
    private: bool = False
    topics: tuple[str, ...] = ()
    issues: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)

    def opens(self, body: str, title: str = "", pull: bool = False, user: str = BOT) -> Repository:
        """Somebody opens an issue, or a pull request."""
        self.issues.insert(0, {"title": title, "body": body, "user": user, "pull": pull})
        return self

    def ran(self, conclusion: str, commit: str = "f" * 40, **more: Any) -> Repository:
        """image.yml ran on the default branch, or as `more` says."""
        run = {"event": "push", "head_branch": self.branch, "updated_at": "2026-11-20T10:00:00Z"}
        self.runs.insert(0, run | {"conclusion": conclusion, "head_sha": commit} | more)
        return self


class Refusal(Exception):
    """GitHub says no."""

    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, headers


class Server(ThreadingHTTPServer):
    """GitHub's API, or with `api` the server that has archives, which is another.

    `limit` requests an hour are left; `seen` counts each request, and `sent` how many came before the next. `faults` are
    answers in place of the next to a request that matches: a pattern, a status, headers, words. A token is `secret`.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, api: Server | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Archives if api else Answer)
        self.api = api or self
        self.repositories: dict[str, Repository] = {}
        self.renamed: dict[str, str] = {}
        self.people: set[str] = set()  # owners that are no organizations
        self.faults: list[tuple[str, int, dict[str, str], bool, str]] = []
        self.limit = 5000
        self.limits: dict[
            int, float
        ] = {}  # after how many requests whoever asks is limited, for how many seconds
        self.limited_until = 0.0
        self.delay = 0.0
        self.seen: Counter[str] = Counter()
        self.violations: list[str] = []
        self.judged: Counter[str] = Counter()
        self.lock = threading.Lock()
        self.archives = Server(self) if api is None else self

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def add(self, *repositories: Repository) -> None:
        self.repositories |= {one.name.lower(): one for one in repositories}

    def fail(
        self,
        request: str,
        status: int,
        times: int = 1,
        done: bool = False,
        says: str = "",
        **headers: str,
    ) -> None:
        """Answer the next requests that match with a status; with `done` what was asked is done all the same."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        says = says or (SECONDARY if status in (403, 429) else "")
        self.faults += [(request, status, named, done, says)] * times

    @contextlib.contextmanager
    def served(self) -> Iterator[Server]:
        """Answer, and look in the end whether all was as the description says."""
        for server in (self, self.archives):
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield self
        for server in (self, self.archives):
            server.shutdown()
            server.server_close()
        assert not self.violations, "\n".join(self.violations)


class Answer(BaseHTTPRequestHandler):
    """One request to the API."""

    server: Server

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.body = json.loads(self.rfile.read(length)) if length else None
        asked = self.path if self.command == "GET" else f"{self.command} {self.path}"
        time.sleep(self.server.delay)
        url = urlparse(self.path)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        path = url.path.replace(f"/organizations/{NUMBER}/", "/orgs/sea/")
        headers: dict[str, str] = {}
        with self.server.lock:
            self.server.seen[asked] += 1
            fault = next((one for one in self.server.faults if re.search(one[0], asked)), None)
            if fault:
                self.server.faults.remove(fault)
            if pause := self.server.limits.pop(sum(self.server.seen.values()), 0):
                self.server.limited_until = time.time() + pause
        call = description.call(self.command, re.sub(r"^/repositories/[^/]+", "/repos/a/b", path))
        wrong = list(call.faults(query, self.body)) if call else ["there is no such call"]
        try:
            if (left := self.server.limited_until - time.time()) > 0:
                raise Refusal(429, SECONDARY, **{"retry-after": str(math.ceil(left))})
            if fault and not fault[3]:
                raise Refusal(fault[1], fault[4], **fault[2])
            self.limited()
            assert call
            status, result, headers = self.told(call, path, query)
            if fault:
                raise Refusal(fault[1], "", **fault[2])
        except Refusal as no:
            status, result, headers = no.status, {"message": no.message}, no.headers
        with self.server.lock:
            kind = f"{self.command} {call.path if call else ''} {status}"
            is_new = call and self.server.judged[kind] < 3
            self.server.judged[kind] += 1
        if call and is_new:  # the same over and over would only take time
            wrong += call.wrong(status, result)
        self.server.violations += [f"{asked}: {fault}" for fault in wrong]
        data = b"" if result is None else json.dumps(result).encode()
        self.send_response(status)
        for name, value in ({"x-ratelimit-remaining": str(self.server.limit)} | headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = answer

    @property
    def has_token(self) -> bool:
        said = self.headers.get("Authorization")
        if said not in (None, "Bearer secret"):
            raise Refusal(401, "Bad credentials")
        return said is not None

    def limited(self) -> None:
        """Count the request. Raises Refusal."""
        with self.server.lock:
            if not self.has_token:
                self.server.limit = min(self.server.limit, 60)
            if not self.server.limit:
                reset = {
                    "x-ratelimit-remaining": "0",
                    "x-ratelimit-reset": str(int(time.time()) + 1800),
                }
                raise Refusal(403, "API rate limit exceeded for user ID 1.", **reset)
            self.server.limit -= 1

    def told(
        self, call: description.Call, path: str, query: dict[str, str]
    ) -> tuple[int, Any, dict[str, str]]:
        """Status, body and headers of an answer. Raises Refusal."""
        if call.path in ("/orgs/{org}/repos", "/users/{username}/repos"):
            owner = call.parts.get("org") or call.parts["username"]
            found = [
                one for one in self.visible() if one.name.lower().startswith(f"{owner.lower()}/")
            ]
            if not found or ("org" in call.parts) == (owner in self.server.people):
                raise Refusal(404, "Not Found")
            if "username" in call.parts:
                found = [one for one in found if not one.private]
            [example] = call.example(200)
            return self.page([self.about(one, example) for one in found], query, path)
        if call.path == "/search/repositories":
            return self.search(call, query)
        one = self.one(path)
        if call.path == "/repos/{owner}/{repo}":
            whole = call.example(200) | {"language": None}  # which the example forgets
            others = ("parent", "source", "template_repository")
            whole = {key: value for key, value in whole.items() if key not in others}
            return 200, self.about(one, whole), {}
        if call.path.endswith("/tarball/{ref}"):
            if unquote(call.parts["ref"]) != one.branch:
                raise Refusal(404, "Not Found")
            link = f"{self.server.archives.address}/{one.name}/legacy.tar.gz/refs/heads/main?token=once"
            return 302, None, {"Location": link}
        if call.path.endswith("/issues"):
            shown = [self.issue(one, number, call) for number in range(len(one.issues))]
            return self.page(shown, query, path)
        runs = [self.run(one, run, call) for run in one.runs]
        found = [run for run in runs if query.get("branch") in (None, run["head_branch"])]
        found = [run for run in found if query.get("status") in (None, run["status"])]
        if ".github/workflows/image.yml" not in one.files:
            raise Refusal(404, "Not Found")
        size = int(query.get("per_page", 30))
        return 200, {"total_count": len(found), "workflow_runs": found[:size]}, {}

    def visible(self) -> list[Repository]:
        all_of_them = self.has_token
        return [one for one in self.server.repositories.values() if all_of_them or not one.private]

    def one(self, path: str) -> Repository:
        if number := re.match(r"/repositories/([^/]+)", path):
            return self.server.repositories[self.server.renamed[number[1]]]
        name = "/".join(path.split("/")[2:4]).lower()
        if name in self.server.renamed:
            number = name.replace("/", "-")
            self.server.renamed[number] = self.server.renamed[name]
            moved = f"{self.server.address}/repositories/{number}"
            raise Refusal(301, "Moved Permanently", Location=moved)
        if name not in {one.name.lower() for one in self.visible()}:
            raise Refusal(404, "Not Found")
        return self.server.repositories[name]

    def search(
        self, call: description.Call, query: dict[str, str]
    ) -> tuple[int, Any, dict[str, str]]:
        """The repositories of a topic that are no forks, a thousand at most."""
        topic = query["q"].removeprefix("topic:")
        found = [one for one in self.visible() if topic in one.topics and not one.fork]
        size, number = int(query.get("per_page", 30)), int(query.get("page", 1))
        if (number - 1) * size >= 1000:
            raise Refusal(422, "Only the first 1000 search results are available")
        whole = call.example(200)
        items = [self.about(one, whole["items"][0]) for one in found[:1000]]
        status, part, headers = self.page(items, query, "/search/repositories")
        return status, whole | {"total_count": len(found), "items": part}, headers

    def page(
        self, whole: list, query: dict[str, str], path: str
    ) -> tuple[int, Any, dict[str, str]]:
        size, number = int(query.get("per_page", 30)), int(query.get("page", 1))
        headers = {}
        if number * size < len(whole):
            path = path.replace("/orgs/sea/", f"/organizations/{NUMBER}/")
            following = (
                f"{self.server.address}{path}?{urlencode(query | {'page': str(number + 1)})}"
            )
            headers["Link"] = f'<{following}>; rel="next"'
        return 200, whole[(number - 1) * size : number * size], headers

    def about(self, one: Repository, example: dict[str, Any]) -> dict[str, Any]:
        shown = {"full_name": one.name, "name": one.name.partition("/")[2], "fork": one.fork}
        shown |= {"archived": one.archived, "default_branch": one.branch, "private": one.private}
        return example | shown | {"topics": list(one.topics)}

    def issue(self, one: Repository, number: int, call: description.Call) -> dict[str, Any]:
        entry = one.issues[number]
        [example] = call.example(200)
        pull = example.pop("pull_request")
        kind = "pull" if entry["pull"] else "issues"
        shown = {
            "title": entry["title"],
            "body": entry["body"],
            "number": number + 1,
            "locked": False,
        }
        shown |= {"html_url": f"https://github.com/{one.name}/{kind}/{number + 1}"}
        shown |= {"user": entry["user"] and example["user"] | {"login": entry["user"]}}
        shown |= {"active_lock_reason": None}
        return example | shown | ({"pull_request": pull} if entry["pull"] else {})

    def run(self, one: Repository, run: dict[str, Any], call: description.Call) -> dict[str, Any]:
        example = call.example(200)["workflow_runs"][0]
        number = len(one.runs) - one.runs.index(run)
        shown = {"status": "completed" if run["conclusion"] else "in_progress"}
        shown |= {"html_url": f"https://github.com/{one.name}/actions/runs/{number}"}
        return example | run | shown

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


class Archives(BaseHTTPRequestHandler):
    """One request to the server that has archives; the token of the API is not for it."""

    server: Server

    def do_GET(self) -> None:
        api = self.server.api
        time.sleep(api.delay)
        if "Authorization" in self.headers:
            api.violations.append(f"{self.path}: the token went to another server")
        one = api.repositories["/".join(self.path.split("/")[1:3]).lower()]
        data = archive(one.name, frozenset(one.files.items())) if one.files else b""
        self.send_response(200 if data else 400)
        self.end_headers()
        with contextlib.suppress(OSError):  # who has enough goes
            self.wfile.write(data)

    log_message = Answer.log_message


@functools.lru_cache(maxsize=1000)
def archive(name: str, files: frozenset[tuple[str, str | bytes]]) -> bytes:
    """Return what `git archive` makes of files: in the order of git, with the commit in its first header.

    tests/fleet/test_sources.py compares it with git's own.
    """
    folder, kept = f"{name.replace('/', '-')}-{'f' * 7}", io.BytesIO()
    about = {"comment": "f" * 40}
    with tarfile.open(
        fileobj=kept, mode="w:gz", format=tarfile.PAX_FORMAT, pax_headers=about
    ) as tar:
        known: set[str] = set()
        for path, text in [("", b""), *sorted(files)]:
            parts = path.split("/")
            for depth in range(len(parts)):
                above = "/".join([folder, *parts[:depth]])
                if above not in known:
                    known.add(above)
                    entry = tarfile.TarInfo(f"{above}/")
                    entry.type, entry.mode = tarfile.DIRTYPE, 0o775
                    tar.addfile(entry)
            if path:
                data = text.encode() if isinstance(text, str) else text
                entry = tarfile.TarInfo(f"{folder}/{path}")
                entry.size, entry.mode = len(data), 0o664
                tar.addfile(entry, io.BytesIO(data))
    return kept.getvalue()


def image(**answers: str) -> dict[str, str | bytes]:
    """Return the files of a repository that makes an image, as far as a fleet reads them."""
    told = {"IMAGE_NAME": "ocean", "REGISTRY": "quay.io", "REGISTRY_OWNER": "sea"} | answers
    text = "".join(f"{key}={value}\n" for key, value in told.items())
    return {
        ".copier-answers.yml": f"# Written by Copier\n_src_path: {PUBLISHED}\n",
        ".github/image.env": text,
        ".github/workflows/image.yml": "name: image\n",
        "Dockerfile": "FROM x\n",
        "environment.yml": "channels: [conda-forge]\ndependencies:\n- xarray\n",
    }
