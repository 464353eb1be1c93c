"""What tests.yml makes of the bases: a job for each that is offered, and a table of what came out.

`python tests/bases.py offered` prints their names, as JSON; `python tests/bases.py` the table, for the run that it is
part of.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import yaml

from hub_image.tools import github

CATALOG = yaml.safe_load((Path(__file__).parents[1] / "catalog.yml").read_text())
MARKS = {"success": "passed", "failure": "**failed**", "skipped": "not run"}
JOB = "base: "  # how the jobs are named; a workflow that calls tests.yml puts its own name before
STEPS = ("Facts", "Build", "Contract", "Lock", "pip")  # what is done on each, as tests.yml names it


def offered(catalog: dict) -> list[str]:
    """Return the keys of the bases that new copies may choose."""
    return [key for key, base in catalog["bases"].items() if not base.get("retired")]


def table(jobs: list[dict], catalog: dict) -> str:
    """Return the table, in Markdown; `jobs` are those that GitHub's API tells of."""
    head = ["base", "image", "JupyterHub", *(step.lower() for step in STEPS), "date"]
    lines = [f"| {' | '.join(head)} |", "| --- " * len(head) + "|"]
    for job in jobs:
        key = job["name"].rpartition(JOB)[2]
        if JOB not in job["name"] or key not in catalog["bases"]:
            continue
        base = catalog["bases"][key]
        steps = {
            step["name"]: MARKS.get(step["conclusion"], "not run") for step in job.get("steps", [])
        }
        row = [key, f"`{base['image']}:{base['tag']}`", catalog["hub"]]
        row += [steps.get(name, "not run") for name in STEPS]
        lines.append(f"| {' | '.join(row)} | {(job.get('completed_at') or '')[:10]} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if sys.argv[1:] == ["offered"]:
        sys.exit(print(json.dumps(offered(CATALOG))))
    run = f"/repos/{os.environ['GITHUB_REPOSITORY']}/actions/runs/{os.environ['GITHUB_RUN_ID']}/jobs?per_page=100"
    print(table(github.api("GET", run)["jobs"], CATALOG), end="")
