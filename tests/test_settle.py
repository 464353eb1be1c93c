"""`hub-image settle`: when new locks are proposed, and how.

The registry, Docker and `hub-image lock` are left out here (tests/rig/test_locks.py has the last one), and GitHub's API
is a stand-in that answers what its documentation says: whether the job's token may do all this stays unproven.
"""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from hub_image import github, lock, settle

COMMIT = "0a1b2c3d4e5f" + "0" * 28
HEADER = "# For quay.io/jupyter/minimal-notebook:2026-07-28, Python 3.13, x86_64\n"


@pytest.fixture
def api(monkeypatch, tmp_path):
    """A stand-in for GitHub's API; returns what it was asked, and lets a test refuse something."""
    asked, pulls, refused = [], [], set()

    class Handler(BaseHTTPRequestHandler):
        def answer(self):
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            path = self.path.removeprefix("/repos/ocean/image/").partition("?")[0]
            asked.append((self.command, path, body))
            result, status = {"sha": f"sha-of-{path}"}, 200
            if (self.command, path) in refused:
                status = 403
            elif path == "pulls" and self.command == "GET":
                result = pulls
            elif path.startswith("git/matching-refs"):
                result = [{"ref": "x"}] if pulls else []
            elif path.startswith("pulls"):
                result = {"number": 7, "html_url": "https://github.com/ocean/image/pull/7"}
                pulls[:] = [result]
            data = json.dumps(result).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = answer

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"repository": {"default_branch": "main"}}))
    for name, value in {
        "GITHUB_API_URL": f"http://127.0.0.1:{server.server_port}",
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_REPOSITORY": "ocean/image",
        "GITHUB_REPOSITORY_OWNER": "ocean",
        "GITHUB_REF": "refs/heads/main",
        "GITHUB_SHA": COMMIT,
    }.items():
        monkeypatch.setenv(name, value)
    yield SimpleNamespace(asked=asked, refused=refused)
    server.shutdown()


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository whose image is published; `packages` is what a new lock will hold."""
    folder = tmp_path / "image"
    (folder / ".github").mkdir(parents=True)
    (folder / ".github/image.env").write_text(
        "REGISTRY=ghcr.io\nREGISTRY_OWNER=\nIMAGE_NAME=image\n"
    )
    packages = [f"package{number}==1.0" for number in range(20)]

    def write(place, image):
        assert image == "ghcr.io/ocean/image:0a1b2c3d4e5f"
        (place / "lock").mkdir(exist_ok=True)
        (place / "lock/pip-x86_64.txt").write_text(HEADER + "\n".join(packages) + "\n")

    done = SimpleNamespace(returncode=0)
    monkeypatch.setattr(lock, "lock", write)
    monkeypatch.setattr(settle.subprocess, "run", lambda *_, **__: done)
    published = SimpleNamespace(digest=lambda tag: "sha256:0")
    monkeypatch.setattr(settle, "Repository", lambda image: published)
    return SimpleNamespace(folder=folder, packages=packages, write=write, published=published)


def settled(repository) -> None:
    repository.write(repository.folder, "ghcr.io/ocean/image:0a1b2c3d4e5f")


def test_without_a_lock_there_is_one_pull_request_and_it_is_built(api, repository):
    assert settle.settle(repository.folder) == "https://github.com/ocean/image/pull/7"
    steps = [(method, re.sub("/heads/.*", "", path)) for method, path, _ in api.asked]
    assert steps == [
        ("POST", "git/trees"),
        ("POST", "git/commits"),
        ("GET", "git/matching-refs"),
        ("POST", "git/refs"),
        ("GET", "pulls"),
        ("POST", "pulls"),
        ("POST", "actions/workflows/image.yml/dispatches"),
    ]
    (entry,) = api.asked[0][2]["tree"]
    assert entry["path"] == "lock/pip-x86_64.txt" and entry["content"].startswith(HEADER)
    assert "20 of 20 packages" in api.asked[5][2]["body"]

    api.asked.clear()
    (repository.folder / "lock/pip-x86_64.txt").unlink()
    settle.settle(repository.folder)
    changes = [(method, path) for method, path, _ in api.asked if method == "PATCH"]
    assert changes == [("PATCH", "git/refs/heads/hub-image/lock"), ("PATCH", "pulls/7")]


@pytest.mark.parametrize(("new", "proposed"), [(2, False), (3, True)])
def test_a_tenth_of_the_packages_is_worth_it(new, proposed, api, repository):
    settled(repository)
    for number in range(new):
        repository.packages.append(f"new{number}==1.0")
    said = settle.settle(repository.folder)
    assert bool(api.asked) == proposed == said.startswith("https://")


def test_another_base_is_always_worth_it(api, repository):
    settled(repository)
    file = repository.folder / "lock/pip-x86_64.txt"
    file.write_text(file.read_text().replace("2026-07-28", "2026-01-01"))
    assert settle.settle(repository.folder).startswith("https://")


def test_an_image_that_is_not_published_is_not_settled(api, repository):
    repository.published.digest = lambda tag: None
    assert "not published" in settle.settle(repository.folder)
    assert not api.asked


def test_where_actions_may_not_open_pull_requests_the_branch_is_there_and_we_say_how(
    api, repository
):
    api.refused.add(("POST", "pulls"))
    with pytest.raises(
        github.Problem, match=r"compare/hub-image/lock\?expand=1, or allow it .*settings/actions"
    ):
        settle.settle(repository.folder)
