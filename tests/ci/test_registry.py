"""The registry's protocol and GitHub's API, against stand-ins on loopback.

The stand-in registry asks for a token, as ghcr.io, quay.io and Docker Hub do. A real registry, with passwords, is in
test_image_workflow.py; how each public one behaves stays unproven.
"""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hub_image.ci import clean_up
from hub_image.handoff import request
from hub_image.tools import github
from hub_image.tools.registry import Manifest, Refused, Repository

INDEX = "application/vnd.oci.image.index.v1+json"
LOGIN = base64.b64encode(b"me:secret").decode()


class StandInRegistry(BaseHTTPRequestHandler):
    """Holds manifests by tag; everything needs a token, and the token needs a login."""

    def do_GET(self):
        server = self.server
        server.seen.append((self.command, self.path, self.headers.get("Authorization")))
        if self.path.startswith("/token"):
            known = self.headers.get("Authorization") == f"Basic {LOGIN}"
            return self.give(200, json.dumps({"token": "good" if known else "nobody"}).encode())
        if server.errors:
            return self.give(server.errors.pop(0), b"{}")
        if not (authorization := self.headers.get("Authorization")):
            realm = f"http://127.0.0.1:{server.server_port}/token"
            challenge = f'Bearer realm="{realm}",service="s",scope="repository:sea/ocean:pull"'
            return self.give(401, b"", {"WWW-Authenticate": challenge})
        if authorization != "Bearer good":
            return self.give(403, json.dumps({"errors": [{"message": "no access"}]}).encode())
        reference = self.path.rpartition("/")[2]
        if self.command == "PUT":
            server.manifests[reference] = self.rfile.read(int(self.headers["Content-Length"]))
            return self.give(201, b"")
        if reference in server.manifests:
            return self.give(
                200, server.manifests[reference], {"Content-Type": f"{INDEX}; charset=utf-8"}
            )
        return self.give(404, b"{}")

    do_PUT = do_GET

    def give(self, status, data, headers=None):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format, *arguments):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    server = ThreadingHTTPServer(("127.0.0.1", 0), StandInRegistry)
    server.manifests, server.errors, server.seen = {"tag": b'{"manifests": []}'}, [], []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.image = f"127.0.0.1:{server.server_port}/sea/ocean"
    logins = {"auths": {f"127.0.0.1:{server.server_port}": {"auth": LOGIN}}}
    (tmp_path / "config.json").write_text(json.dumps(logins))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    yield server
    server.shutdown()
    server.server_close()


def test_a_digest_is_that_of_what_the_registry_holds(server):
    digest = "sha256:" + hashlib.sha256(server.manifests["tag"]).hexdigest()
    assert Repository(server.image).manifest("tag") == Manifest(
        digest, INDEX, server.manifests["tag"]
    )


def test_a_tag_that_is_not_there(server):
    assert Repository(server.image).digest("other") is None


def test_a_new_tag_has_the_same_bytes(server):
    repository = Repository(server.image)
    repository.tag(repository.manifest("tag"), "2026.11.23")
    assert repository.digest("2026.11.23") == repository.digest("tag")


def test_an_image_of_any_platform_is_read_and_its_attestations_are_none(server):
    data = b'{"config": {"Labels": {"title": "Ocean"}}}'
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    entries = [
        {"digest": "provenance", "platform": {"architecture": "unknown"}},
        {"digest": "arm", "platform": {"architecture": "arm64"}},
    ]
    server.manifests |= {
        "image": json.dumps({"manifests": entries}).encode(),
        "arm": json.dumps({"config": {"digest": digest}}).encode(),
        digest: data,
    }
    repository = Repository(server.image)
    assert repository.configuration("image") == {"Labels": {"title": "Ocean"}}
    server.manifests[digest] = b'{"config": {"Labels": {"title": "Land"}}}'
    lost = f"has lost {digest} of sea/ocean: publish the image again"
    with pytest.raises(github.Problem, match=lost):
        repository.configuration("image")
    del server.manifests[digest]
    with pytest.raises(github.Problem, match=lost):
        repository.configuration("image")
    with pytest.raises(github.Problem, match="has no other: publish it first"):
        repository.configuration("other")


def test_anyone_is_asked_without_the_login(server):
    with pytest.raises(Refused, match="no access"):
        Repository(server.image, anonymous=True).digest("tag")
    assert not any(f"Basic {LOGIN}" == authorization for _, _, authorization in server.seen)


def test_a_registry_that_stumbles_is_asked_again(server):
    server.errors = [503, 429, 500]
    assert Repository(server.image).digest("tag")


def test_a_registry_that_is_down_is_one_sentence(server):
    server.errors = [503] * 9
    with pytest.raises(github.Problem, match="does not answer .*: run this job again when it does"):
        Repository(server.image).digest("tag")


def test_a_registry_that_is_gone_is_one_sentence(server):
    server.shutdown()
    server.server_close()
    with pytest.raises(github.Problem, match="does not answer"):
        Repository(server.image).digest("tag")


@pytest.fixture
def api(tmp_path, monkeypatch):
    """The stand-in for GitHub's API; returns a function that reads or replaces what it keeps."""
    state = tmp_path / "github.json"
    state.write_text("{}")
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as probe:
        port = probe.server_port
    program = Path(__file__).parent / "standins/github.py"
    process = subprocess.Popen([sys.executable, program, str(port), state])
    monkeypatch.setenv("GITHUB_API_URL", f"http://127.0.0.1:{port}")
    event = {"repository": {"owner": {"type": "Organization"}}}
    (tmp_path / "event.json").write_text(json.dumps(event))
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(tmp_path / "event.json"))

    def kept(**new):
        state.write_text(json.dumps(json.loads(state.read_text()) | new))
        return json.loads(state.read_text())

    for _ in range(100):
        try:
            github.api("GET", "/orgs/sea/packages/container/none/versions")
            break
        except github.Problem:
            time.sleep(0.1)
    yield kept
    process.terminate()
    process.wait()


def test_ghcr_is_cleaned_by_githubs_api(api):
    def version(number, *tags):
        return {"id": number, "metadata": {"container": {"tags": list(tags)}}}

    api(
        versions=[
            version(1, "pr-7-0123456789ab"),
            version(2, "pr-7-0123456789ac", "0123456789ac"),
            version(3, "0123456789ad"),
            version(4),
        ]
    )
    assert clean_up.on_github("ghcr.io/sea/ocean", 7) == [["pr-7-0123456789ab"]]
    assert [kept["id"] for kept in api()["versions"]] == [2, 3, 4]


def test_one_issue_holds_the_newest_request(api, monkeypatch):
    """What somebody else began with our words is not touched, and what was closed stays closed."""
    monkeypatch.setenv("GITHUB_REPOSITORY", "sea/ocean")
    forged = {
        "number": 1,
        "state": "open",
        "user": {"login": "visitor"},
        "body": f"{request.MARK}mine",
    }
    api(issues=[forged])
    request.keep_issue("first", "a" * 40)
    request.keep_issue("second", "b" * 40)
    first, ours = api()["issues"]
    assert first == forged
    assert ours["title"] == "Link request" and ours["body"].endswith("\n\nsecond")
    api(issues=[forged, ours | {"state": "closed"}])
    request.keep_issue("third", "c" * 40)
    first, ours = api()["issues"]
    assert ours["state"] == "closed" and ours["body"].endswith("\n\nthird")


@pytest.mark.parametrize("state", ["read-only", "no-issues"])
def test_a_repository_without_issues_is_told_where_the_request_is(state, api, monkeypatch, capsys):
    monkeypatch.setenv("GITHUB_REPOSITORY", "sea/ocean")
    api(**{state: True})
    request.keep_issue("first", "a" * 40)
    assert "The page of this run has the request." in capsys.readouterr().out
    assert not api().get("issues")
