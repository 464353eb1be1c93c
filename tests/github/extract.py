"""Take what we use out of GitHub's own description of its API, and of its examples of events.

    python tests/github/extract.py

gets two packages from npm at the versions below and writes description.json and events.json beside this file. Both
packages are published by GitHub's Octokit project under the MIT licence. The description is OpenAPI 3.0, whose schemas
say `nullable`; here they become JSON Schema, which any validator reads. To use another call, add it to CALLS.
"""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
DESCRIPTION = "@octokit/openapi@23.0.2", "package/generated/api.github.com.json"
EXAMPLES = "@octokit/webhooks-examples@7.6.1", "package/api.github.com/index.json"
ACTIONS = "/repos/{owner}/{repo}/actions/workflows/{workflow_id}"
VERSIONS = "/packages/{package_type}/{package_name}/versions"
CALLS = {
    "/orgs/{org}/repos": ["get"],
    "/users/{username}/repos": ["get"],
    "/search/repositories": ["get"],
    "/repos/{owner}/{repo}": ["get"],
    "/repos/{owner}/{repo}/contents/{path}": ["get"],
    "/repos/{owner}/{repo}/tarball/{ref}": ["get"],
    "/repos/{owner}/{repo}/forks": ["post"],
    "/repos/{owner}/{repo}/releases": ["get"],
    "/repos/{owner}/{repo}/issues": ["get", "post"],
    "/repos/{owner}/{repo}/issues/{issue_number}": ["patch"],
    "/repos/{owner}/{repo}/issues/{issue_number}/comments": ["get", "post"],
    "/repos/{owner}/{repo}/issues/comments/{comment_id}": ["patch"],
    "/repos/{owner}/{repo}/pages": ["get"],
    "/repos/{owner}/{repo}/pages/builds": ["post"],
    "/repos/{owner}/{repo}/issues/{issue_number}/labels/{name}": ["delete"],
    "/repos/{owner}/{repo}/labels": ["post"],
    "/repos/{owner}/{repo}/collaborators/{username}/permission": ["get"],
    "/repos/{owner}/{repo}/check-runs/{check_run_id}/annotations": ["get"],
    "/repos/{owner}/{repo}/actions/runs/{run_id}/jobs": ["get"],
    "/repos/{owner}/{repo}/pulls": ["get", "post"],
    "/repos/{owner}/{repo}/pulls/{pull_number}": ["get", "patch"],
    "/repos/{owner}/{repo}/pulls/{pull_number}/merge": ["put"],
    f"{ACTIONS}/dispatches": ["post"],
    f"{ACTIONS}/enable": ["put"],
    f"{ACTIONS}/runs": ["get"],
    f"/orgs/{{org}}{VERSIONS}": ["get"],
    f"/orgs/{{org}}{VERSIONS}/{{package_version_id}}": ["delete"],
    f"/users/{{username}}{VERSIONS}": ["get"],
    f"/users/{{username}}{VERSIONS}/{{package_version_id}}": ["delete"],
}
EVENTS = {  # the first example of each
    "push": lambda event: event["ref"] == "refs/heads/master",
    "pull_request": lambda event: event["action"] == "opened",
    "workflow_dispatch": lambda event: True,
    "issues": lambda event: event["action"] == "labeled",
}
TALK = {"description", "example", "examples", "title", "deprecated", "externalDocs", "readOnly"}


def get(package: str, path: str) -> Any:
    """Return a JSON file of a package on npm, which must be there."""
    with tempfile.TemporaryDirectory() as folder:
        line = ["npm", "pack", "--silent", "--pack-destination", folder, package]
        name = subprocess.run(line, check=True, text=True, capture_output=True).stdout.strip()
        with tarfile.open(Path(folder, name)) as archive:
            file = archive.extractfile(path)
            assert isinstance(file, io.BufferedReader)
            return json.load(file)


def schema(node: Any, in_properties: bool = False) -> Any:
    """Return a schema of OpenAPI 3.0 as JSON Schema, without its prose."""
    if isinstance(node, list):
        return [schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    new = {
        key: schema(value, in_properties=key in ("properties", "patternProperties"))
        for key, value in node.items()
        if in_properties or not (key in TALK or key == "nullable" or key.startswith("x-"))
    }
    if in_properties or not node.get("nullable"):
        return new
    if "$ref" in new or "type" not in new:
        return {"anyOf": [new, {"type": "null"}]}
    new["type"] = [new["type"], "null"]
    if "enum" in new:
        new["enum"] = [*new["enum"], None]
    return new


def description() -> dict[str, Any]:
    """Return what CALLS need: paths, the schemas that they name, and an example of each answer."""
    whole = get(*DESCRIPTION)

    def resolved(node: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in node:
            place: Any = whole
            for part in node["$ref"].removeprefix("#/").split("/"):
                place = place[part]
            node = place
        return node

    examples: dict[str, Any] = {}

    def content(node: dict[str, Any], example: bool) -> dict[str, Any] | None:
        found = node.get("content", {}).get("application/json")
        if not found:
            return None
        taken = {"schema": schema(found["schema"])}
        if example and (named := next(iter(found.get("examples", {}).values()), None)):
            taken["example"] = named.get("$ref", "").rpartition("/")[2]
            examples[taken["example"]] = resolved(named)["value"]
        return taken

    paths: dict[str, Any] = {}
    for path, methods in CALLS.items():
        for method in methods:
            call = whole["paths"][path][method]
            parameters = [resolved(parameter) for parameter in call.get("parameters", [])]
            answers = {
                status: content(resolved(answer), status.startswith("2"))
                for status, answer in call["responses"].items()
            }
            body = call.get("requestBody")
            paths.setdefault(path, {})[method] = {
                "docs": call["externalDocs"]["url"],
                "parameters": {
                    parameter["name"]: {
                        "in": parameter["in"],
                        "required": parameter.get("required", False),
                        "schema": schema(parameter["schema"]),
                    }
                    for parameter in parameters
                },
                "body": content(body, False) if body else None,
                "answers": answers,
            }
    schemas: dict[str, Any] = {}
    wanted = _names(paths)
    while wanted:
        name = wanted.pop()
        schemas[name] = schema(whole["components"]["schemas"][name])
        wanted |= _names(schemas[name]) - set(schemas)
    source = {"source": DESCRIPTION[0], "license": whole["info"]["license"]["name"]}
    return source | {"paths": paths, "components": {"schemas": schemas, "examples": examples}}


def _names(node: Any) -> set[str]:
    """Return the schemas that are named in a part of the description."""
    if isinstance(node, list):
        return set().union(*map(_names, node))
    if not isinstance(node, dict):
        return set()
    here = {node["$ref"].rpartition("/")[2]} if isinstance(node.get("$ref"), str) else set()
    return here.union(*map(_names, node.values()))


def events() -> dict[str, Any]:
    """Return an example of each event of EVENTS."""
    examples = {entry["name"]: entry["examples"] for entry in get(*EXAMPLES)}
    chosen = {name: next(filter(wanted, examples[name])) for name, wanted in EVENTS.items()}
    return {"source": EXAMPLES[0], "license": "MIT"} | chosen


if __name__ == "__main__":
    for file, taken in {"description": description(), "events": events()}.items():
        text = json.dumps(taken, indent=1, sort_keys=True)
        (HERE / f"{file}.json").write_text(text + "\n", encoding="utf-8")
