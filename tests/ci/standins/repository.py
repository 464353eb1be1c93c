"""Stand-in for what GitHub keeps beside git: repository.py PORT STATE.

Pull requests, issues and runs of one repository, kept in the file STATE as JSON. A run that is started ends at once, as
STATE's `conclusion` says. What a real token may do stays unproven; `forbidden` of STATE holds paths that are refused.
"""

import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlparse

STATE = Path(sys.argv[2])
BOT = {"login": "github-actions[bot]"}


class GitHub(BaseHTTPRequestHandler):
    def answer(self):
        state = json.loads(STATE.read_text())
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        url = urlparse(self.path)
        path = url.path.removeprefix(f"/repos/{state['repository']['full_name']}")
        if self.command != "GET" and path in state["forbidden"]:
            status, result = 403, {"message": "not permitted"}
        else:
            status, result = self.act(
                state, path, body, {k: v[0] for k, v in parse_qs(url.query).items()}
            )
        STATE.write_text(json.dumps(state))
        data = b"" if result is None else json.dumps(result).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def act(self, state, path, body, query):
        if path == "":
            return 200, state["repository"]
        if started := re.fullmatch(r"/actions/workflows/([\w.]+)/dispatches", path):
            state["started"].append([started[1], body["ref"]])
            return 204, None
        if path.startswith("/actions/workflows/") and path.endswith("/runs"):
            run = {
                "status": "completed",
                "conclusion": state["conclusion"],
                "html_url": "https://example.org/run",
            }
            return 200, {"workflow_runs": [run] if state["started"] else []}
        kind, _, number = path.strip("/").partition("/")
        if kind not in ("issues", "pulls"):
            return 404, {"message": "Not Found"}
        if number:
            state[kind][int(number) - 1] |= body
            return 200, state[kind][int(number) - 1]
        if self.command == "POST":
            state[kind].append(
                {"number": len(state[kind]) + 1, "state": "open", "user": BOT, **body}
            )
            return 201, state[kind][-1]
        wanted = [one for one in state[kind] if query.get("state", "open") in ("all", one["state"])]
        head = query.get("head", ":").partition(":")[2]
        wanted = [one for one in wanted if head in ("", one.get("head"))]
        return 200, wanted if query.get("page", "1") == "1" else []

    do_GET = do_POST = do_PATCH = answer

    def log_message(self, format, *arguments):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), GitHub).serve_forever()
