"""Stand-in for GitHub's REST API: github.py PORT STATE.

Issues, comments and versions of container packages, kept in the file STATE as JSON. Which tokens may do what stays
unproven; `read-only` in STATE stands for a token that may not write, and `no-issues` for a repository without issues.
"""

import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlparse

STATE = Path(sys.argv[2])


class GitHub(BaseHTTPRequestHandler):
    def answer(self):
        state = json.loads(STATE.read_text())
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        url = urlparse(self.path)
        status, result = self.act(state, url.path, body, parse_qs(url.query))
        STATE.write_text(json.dumps(state))
        data = b"" if result is None else json.dumps(result).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def act(self, state, path, body, query):
        if self.command != "GET" and state.get("read-only"):
            return 403, {"message": "Resource not accessible by integration"}
        first = query.get("page", ["1"]) == ["1"]
        us = {"login": "github-actions[bot]"}
        if issue := re.fullmatch(r"/repos/(\w+/\w+)/issues", path):
            issues = state.setdefault("issues", [])
            if state.get("no-issues"):
                return 410, {"message": "Issues has been disabled in this repository."}
            if self.command == "POST":
                number = len(issues) + 1
                page = f"https://github.com/{issue[1]}/issues/{number}"
                issues.append(
                    {"number": number, "state": "open", "user": us, "html_url": page, **body}
                )
                return 201, issues[-1]
            wanted = query.get("state", ["open"])[0]
            return 200, [
                entry for entry in issues if wanted in ("all", entry["state"])
            ] if first else []
        if issue := re.fullmatch(r"/repos/\w+/\w+/issues/(\d+)", path):
            state["issues"][int(issue[1]) - 1] |= body
            return 200, {}
        if issue := re.fullmatch(r"/repos/\w+/\w+/issues/(\d+)/comments", path):
            comments = state.setdefault("comments", [])
            if self.command == "POST":
                comments.append({"id": len(comments) + 1, "issue": issue[1], "user": us, **body})
                return 201, comments[-1]
            return 200, [entry for entry in comments if entry["issue"] == issue[1]] if first else []
        if comment := re.fullmatch(r"/repos/\w+/\w+/issues/comments/(\d+)", path):
            state["comments"][int(comment[1]) - 1]["body"] = body["body"]
            return 200, {}
        if re.fullmatch(r"/orgs/\w+/packages/container/\w+/versions", path):
            return 200, state.get("versions", []) if first else []
        if version := re.fullmatch(r"/orgs/\w+/packages/container/\w+/versions/(\d+)", path):
            state["versions"] = [v for v in state["versions"] if v["id"] != int(version[1])]
            return 204, None
        return 404, {"message": "Not Found"}

    do_GET = do_POST = do_PATCH = do_DELETE = answer

    def log_message(self, format, *arguments):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), GitHub).serve_forever()
