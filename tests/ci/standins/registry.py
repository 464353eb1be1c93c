"""Stand-in for a public registry with the ways of ghcr.io, docker.io or quay.io: registry.py PORT HOST [FOREIGN].

FOREIGN is a package that another repository has made.

Written from the distribution specification (https://github.com/opencontainers/distribution-spec/blob/main/spec.md) and its
tokens (https://distribution.github.io/distribution/spec/auth/token/); where the three differ, from what was seen of them:

- ghcr.io gives nobody without a login a token for what is not public (openai/tunnel-client#75), refuses to remove a manifest
  (405; okxlin/docker-mirror-monitor#13), lists no referrers and keeps `subject` (dataaxiom/ghcr-cleanup-action#114), and
  refuses a push to a package of another repository (403; tuna-os/tunaOS#642). Versions are listed and removed by GitHub's
  API (https://docs.github.com/en/rest/packages/packages), the last one with a tag never (400; kairos-io/kairos#4723).
- docker.io gives a token to everybody, and then says 401 of what does not exist or is private (attune-io/attune#218,
  jupyterhub/binderhub#1664). Each GET of a manifest is a pull, no HEAD is, and too many are 429
  (https://docs.docker.com/docker-hub/usage/pulls/). Too many requests of all kinds are 429 for a while
  (docker/hub-feedback#1907). It removes nothing (405; docker/hub-feedback#1759).
- quay.io says 401 as well (helm/helm#31567). It removes a manifest with its tags, for who may push, and whose untagged
  parts it drops itself (quay/quay, endpoints/v2/manifest.py).

There is one login: me with secret, or with an identity token. All else of these registries stays unproven.
"""

import base64
import hashlib
import json
import re
import sys
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlparse

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from github import description

NAME, PASSWORD = "me", "secret"
IDENTITY = "identity-token"
LOGIN = base64.b64encode(f"{NAME}:{PASSWORD}".encode()).decode()


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@dataclass
class Content:
    """One repository: its manifests with their kinds, its tags and its blobs."""

    public: bool = False
    foreign: bool = False  # a package that another repository has made
    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)

    def put(self, kind: str, data: bytes, *tags: str) -> str:
        """Keep a manifest; return its digest."""
        digest = digest_of(data)
        self.manifests[digest] = kind, data
        self.tags |= dict.fromkeys(tags, digest)
        return digest

    def remove(self, digest: str) -> None:
        """Remove a manifest with its tags."""
        del self.manifests[digest]
        self.tags = {tag: other for tag, other in self.tags.items() if other != digest}


class Registry(ThreadingHTTPServer):
    """`pulls` are left before docker.io says 429; `busy` answers are 429, and after the next push as many again."""

    daemon_threads = True
    request_queue_size = 64  # of those that are asked at once: one too many waits a second

    def __init__(self, host: str, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Answer)
        self.host = host
        self.content: dict[str, Content] = {}
        self.pulls, self.busy, self.busy_after_push = 100, 0, 0
        self.violations: list[str] = []  # of GitHub's description of its API
        self.errors: list[int] = []  # instead of the next answers
        self.seen: list[tuple[str, str, str | None]] = []
        self.uploads: dict[str, bytes] = {}


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    default_request_version = (
        "HTTP/1.0"  # Docker first tries HTTPS, and wants to see that this is none
    )
    server: Registry

    def answer(self):
        self.body = self.received()
        server, url = self.server, urlparse(self.path)
        self.query = {key: value[0] for key, value in parse_qs(url.query).items()}
        self.seen = self.headers.get("Authorization")
        server.seen.append((self.command, url.path, self.seen))
        if server.busy:
            server.busy -= 1
            return self.give(429, b"Too Many Requests (HAP429).\n", Retry_After="60")
        if server.errors:
            return self.give(server.errors.pop(0), b"{}")
        if url.path == "/token":
            return self.token()
        if packages := re.fullmatch(
            r"/(?:orgs|users)/([^/]+)/packages/container/([^/]+)/versions(?:/(\d+))?", url.path
        ):
            return self.versions(*packages.groups())
        if url.path == "/v2/":
            return self.give(200, b"{}") if self.who() is not None else self.challenge("")
        if not (
            asked := re.fullmatch(r"/v2/(.+?)/(manifests|blobs|tags|referrers)/(.*)", url.path)
        ):
            return self.give(404, b"404 page not found\n")
        path, kind, rest = asked.groups()
        writes = self.command not in ("GET", "HEAD")
        scope = f"repository:{path}:pull{',push' if writes else ''}"
        if self.who() is None or (writes and "push" not in self.scope()):
            return self.challenge(scope)
        return self.allowed(path, kind, rest, writes, scope)

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = answer

    def allowed(self, path, kind, rest, writes, scope):
        """Answer who has a token."""
        host, content = self.server.host, self.server.content.get(path)
        if writes and (not self.who() or (content and content.foreign)):
            return self.error(403, "DENIED", "permission_denied: write_package")
        if self.command == "DELETE" and host != "quay.io":
            return self.error(405, "UNSUPPORTED", "The operation is unsupported.")
        if not content or not (self.who() or content.public):
            if not writes:
                if host == "ghcr.io":
                    return self.error(404, "NAME_UNKNOWN", "repository name not known to registry")
                return self.challenge(scope)
            content = self.server.content.setdefault(path, Content())
        return getattr(self, kind)(path, content, rest)

    def manifests(self, path, content, reference):
        if self.command == "PUT":
            digest = content.put(
                self.headers["Content-Type"], self.body, *([] if ":" in reference else [reference])
            )
            self.server.busy, self.server.busy_after_push = self.server.busy_after_push, 0
            return self.give(201, b"", Docker_Content_Digest=digest)
        digest = content.tags.get(reference, reference)
        if digest not in content.manifests:
            return self.error(404, "MANIFEST_UNKNOWN", "manifest unknown")
        if self.command == "DELETE":
            content.remove(digest)
            return self.give(202, b"")
        if self.command == "GET" and self.server.host == "docker.io":
            if not self.server.pulls:
                return self.error(429, "TOOMANYREQUESTS", "You have reached your pull rate limit.")
            self.server.pulls -= 1
        kind, data = content.manifests[digest]
        return self.give(200, data, Content_Type=kind, Docker_Content_Digest=digest)

    def blobs(self, path, content, rest):
        if not rest.startswith("uploads/"):
            if rest not in content.blobs:
                return self.error(404, "BLOB_UNKNOWN", "blob unknown to registry")
            return self.give(200, content.blobs[rest], Docker_Content_Digest=rest)
        uploads = self.server.uploads
        if self.command == "POST":
            rest = f"uploads/{len(uploads)}"
        uploads[rest] = uploads.get(rest, b"") + self.body
        if digest := self.query.get("digest"):
            content.blobs[digest] = uploads[rest]
            return self.give(
                201, b"", Docker_Content_Digest=digest, Location=f"/v2/{path}/blobs/{digest}"
            )
        end = f"0-{max(len(uploads[rest]) - 1, 0)}"
        return self.give(202, b"", Location=f"/v2/{path}/blobs/{rest}", Range=end)

    def tags(self, path, content, rest):
        size, tags = int(self.query.get("n", 1000)), sorted(content.tags)
        start = tags.index(self.query["last"]) + 1 if "last" in self.query else 0
        headers = {}
        if len(tags) > start + size:
            last = tags[start + size - 1]
            headers["Link"] = f'</v2/{path}/tags/list?last={last}&n={size}>; rel="next"'
        listed = {"name": path, "tags": tags[start : start + size]}
        return self.give(200, json.dumps(listed).encode(), **headers)

    def referrers(self, path, content, subject):
        if self.server.host == "ghcr.io":
            return self.give(404, b"404 page not found\n")
        found = [
            {"digest": digest, "mediaType": kind, "size": len(data)}
            for digest, (kind, data) in content.manifests.items()
            if json.loads(data).get("subject", {}).get("digest") == subject
        ]
        return self.give(200, json.dumps({"schemaVersion": 2, "manifests": found}).encode())

    def versions(self, owner, name, number):
        """GitHub's API for the packages that ghcr.io has."""
        content = self.server.content.get(f"{owner}/{name}")
        if not content:
            return self.github(404, {"message": "Package not found."})
        tagged = {digest: [] for digest in content.manifests}
        for tag, digest in content.tags.items():
            tagged[digest].append(tag)
        ids = {int(digest[7:20], 16): digest for digest in content.manifests}
        if number is None:
            size, page = int(self.query.get("per_page", 30)), int(self.query.get("page", 1))
            example = description.EXAMPLES["package-versions-for-org"][0]
            listed = [
                example
                | {"id": number, "name": digest}
                | {"metadata": {"package_type": "container", "container": {"tags": tagged[digest]}}}
                for number, digest in ids.items()
            ]
            more = {}
            if page * size < len(listed):
                here = f"http://{self.headers['Host']}{urlparse(self.path).path}"
                more["Link"] = f'<{here}?per_page={size}&page={page + 1}>; rel="next"'
            return self.github(200, listed[(page - 1) * size : page * size], **more)
        if not (digest := ids.get(int(number))):
            return self.github(404, {"message": "Package not found."})
        if tagged[digest] and sum(map(bool, tagged.values())) == 1:
            text = "You cannot delete the last tagged version of a package. You must delete the package instead."
            return self.github(400, {"message": text})
        content.remove(digest)
        return self.github(204, None)

    def github(self, status, answer, **headers):
        """Answer as GitHub, if its own description of its API says so."""
        call = description.call(self.command, urlparse(self.path).path)
        self.server.violations += [*call.faults(self.query, None), *call.wrong(status, answer)]
        self.give(status, json.dumps(answer).encode() if answer is not None else b"", **headers)

    def token(self):
        scope = self.query.get("scope", "")
        name = ""
        if self.command == "POST":  # https://distribution.github.io/distribution/spec/auth/oauth/
            form = {key: value[0] for key, value in parse_qs(self.body.decode()).items()}
            scope = form["scope"]
            known = ("refresh_token", IDENTITY), ("password", PASSWORD)
            kind = form["grant_type"]
            if (kind, form[kind]) not in known or form.get("username", NAME) != NAME:
                return self.error(401, "UNAUTHORIZED", "incorrect login")
            name = NAME
        elif self.seen:
            if self.seen != f"Basic {LOGIN}":
                return self.error(401, "UNAUTHORIZED", "incorrect username or password")
            name = NAME
        elif self.server.host == "ghcr.io":
            content = self.server.content.get(scope.split(":")[1])
            if not (content and content.public):
                return self.error(401, "UNAUTHORIZED", "authentication required")
        given = base64.b64encode(f"{name} {scope}".encode()).decode()
        key = "access_token" if self.command == "POST" else "token"
        return self.give(200, json.dumps({key: given}).encode())

    def who(self) -> str | None:
        """The name in the token, empty for somebody without a login; None without a token."""
        return self.given()[0] if (self.seen or "").startswith("Bearer ") else None

    def scope(self) -> str:
        return self.given()[1]

    def given(self) -> list[str]:
        return base64.b64decode(self.seen.removeprefix("Bearer ")).decode().split(" ", 1)

    def challenge(self, scope):
        realm = f"http://{self.headers['Host']}/token"
        text = f'Bearer realm="{realm}",service="{self.server.host}"'
        text += f',scope="{scope}"' if scope else ""
        text += ',error="insufficient_scope"' if self.seen else ""
        self.error(
            401,
            "UNAUTHORIZED",
            "access to the requested resource is not authorized",
            WWW_Authenticate=text,
        )

    def error(self, status, code, message, **headers):
        self.give(
            status, json.dumps({"errors": [{"code": code, "message": message}]}).encode(), **headers
        )

    def give(self, status, data, **headers):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD" and status != 204:
            self.wfile.write(data)

    def received(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        data = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    def log_message(self, format, *arguments):
        pass


if __name__ == "__main__":
    registry = Registry(sys.argv[2], int(sys.argv[1]))
    registry.content = {name: Content(foreign=True) for name in sys.argv[3:]}
    registry.serve_forever()
