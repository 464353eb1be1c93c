"""What GitHub Actions gives a job, and what a job gives back.

https://docs.github.com/en/actions/reference/workflows-and-actions/variables
https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from hub_image.problem import Problem

OURSELVES = "github-actions[bot]"  # who writes with the job's own token


def repository() -> str:
    """Return where the REST API has the repository of this job."""
    return f"/repos/{os.environ['GITHUB_REPOSITORY']}"


def event() -> dict[str, Any]:
    """Return what happened, as GitHub tells it; nothing outside of GitHub Actions."""
    path = os.environ.get("GITHUB_EVENT_PATH")
    return json.loads(Path(path).read_text(encoding="utf-8")) if path else {}


def fail(problem: Exception) -> int:
    """Say what went wrong, on GitHub also beside the run and the pull request; return exit code 1."""
    message = " ".join(str(problem).split())
    if os.environ.get("GITHUB_ACTIONS") == "true":
        print(f"::error::{message.replace('%', '%25')}")
    else:
        print(f"hub-image: {message}", file=sys.stderr)
    return 1


def warn(message: str) -> None:
    """Say what deserves attention but stops nothing."""
    mark = "::warning::" if os.environ.get("GITHUB_ACTIONS") == "true" else "warning: "
    print(f"{mark}{message}", flush=True)


def output(**values: str) -> None:
    """Set outputs of the step, and print them.

    Values are one line each: a line break would begin another output, so it is refused.
    """
    lines = [f"{name.replace('_', '-')}={value}" for name, value in values.items()]
    if any("\n" in line or "\r" in line for line in lines):
        raise ValueError("an output is one line")
    text = "\n".join(lines) + "\n"
    print(text, end="", flush=True)
    if path := os.environ.get("GITHUB_OUTPUT"):
        with open(path, "a", encoding="utf-8") as file:
            file.write(text)


def summary(text: str) -> None:
    """Add Markdown to the page of the run."""
    if path := os.environ.get("GITHUB_STEP_SUMMARY"):
        with open(path, "a", encoding="utf-8") as file:
            file.write(text)


def api(method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """Ask GitHub's REST API with the job's own token; return the answer, or None for an empty one.

    Raises Problem with GitHub's own words when it refuses or does not answer.
    """
    request = urllib.request.Request(
        os.environ.get("GITHUB_API_URL", "https://api.github.com") + path,
        method=method,
        data=json.dumps(body).encode() if body is not None else None,
        headers={
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {os.environ.get('GITHUB_TOKEN', '')}",
            "X-GitHub-Api-Version": "2022-11-28",
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
    except urllib.error.HTTPError as error:
        raise Problem(f"GitHub refused {method} {path}: {error.code} {error.reason}.") from error
    except OSError as error:
        raise Problem(f"GitHub did not answer {method} {path}: {error}.") from error
    return json.loads(text) if text else None


def pages(path: str) -> list[Any]:
    """Return all items of a list that GitHub gives in pages of a hundred."""
    items: list[Any] = []
    number = 0
    while len(items) == number * 100:
        number += 1
        items += api("GET", f"{path}{'&' if '?' in path else '?'}per_page=100&page={number}")
    return items


def written(path: str, mark: str) -> dict[str, Any] | None:
    """Return what this workflow wrote before into a list of comments or issues; it begins with `mark`.

    What others began with the same words is theirs. Raises Problem as `api` does.
    """
    for entry in pages(path):
        if entry["user"]["login"] == OURSELVES and (entry["body"] or "").startswith(mark):
            return entry
    return None
