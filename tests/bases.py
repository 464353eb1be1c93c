"""Table of what came out on each base image: base × JupyterHub × contract × date, from the jobs of a run of tests.yml.

`python tests/bases.py` prints it in CI, for the run that it is part of.
"""

from __future__ import annotations

import os
from pathlib import Path

import yaml

from hub_image.tools import github

CATALOG = yaml.safe_load((Path(__file__).parents[1] / "catalog.yml").read_text())
MARKS = {"success": "passed", "failure": "**failed**", "skipped": "not run"}
JOB = "base: "  # how the jobs are named; a workflow that calls tests.yml puts its own name before


def table(jobs: list[dict], catalog: dict) -> str:
    """Return the table, in Markdown; `jobs` are those that GitHub's API tells of."""
    lines = [
        "| base | image | JupyterHub | built | contract | date |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for job in jobs:
        key = job["name"].rpartition(JOB)[2]
        if JOB not in job["name"] or key not in catalog["bases"]:
            continue
        base = catalog["bases"][key]
        steps = {
            step["name"]: MARKS.get(step["conclusion"], "not run") for step in job.get("steps", [])
        }
        built, contract = (steps.get(name, "not run") for name in ("Build", "Contract"))
        date = (job.get("completed_at") or "")[:10]
        lines.append(
            f"| {key} | `{base['image']}:{base['tag']}` | {catalog['hub']} | {built} | {contract} | {date} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    run = f"/repos/{os.environ['GITHUB_REPOSITORY']}/actions/runs/{os.environ['GITHUB_RUN_ID']}/jobs?per_page=100"
    print(table(github.api("GET", run)["jobs"], CATALOG), end="")
