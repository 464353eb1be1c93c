"""Fresh bases: the table of what came out. What finds them is in test_renovate.py."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import yaml

from bases import STEPS, table
from conftest import CATALOG, ROOT


def test_table_says_for_each_base_what_came_out():
    def job(name, *conclusions):
        steps = [
            {"name": name, "conclusion": conclusion}
            for name, conclusion in zip(STEPS, conclusions, strict=True)
        ]
        return {"name": name, "completed_at": "2026-11-23T08:00:00Z", "steps": steps}

    jobs = [
        job("Tests / base: pangeo", *["success"] * 5),
        job("base: jupyter-r", "success", "failure", *["skipped"] * 3),
        {"name": "quick tests", "completed_at": None},
        {"name": "base: jupyter-scipy", "completed_at": None},
    ]
    tag = CATALOG["bases"]["pangeo"]["tag"]
    _, _, pangeo, r, scipy = table(jobs, CATALOG).splitlines()
    assert (
        pangeo
        == f"| pangeo | `quay.io/pangeo/pangeo-notebook:{tag}` | {CATALOG['hub']}"
        + " | passed" * 5
        + " | 2026-11-23 |"
    )
    assert "| passed | **failed** | not run | not run | not run | 2026-11-23 |" in r
    assert "| not run | not run |  |" in scipy


def test_a_new_base_is_one_entry_of_the_catalog():
    """Its job, its row and its page are made of that."""
    jobs = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text())["jobs"]
    [step] = [step for step in jobs["quick"]["steps"] if step.get("id") == "bases"]
    said = subprocess.run(
        ["bash", "-c", step["run"].replace("python", sys.executable)],
        env={"GITHUB_OUTPUT": "/dev/stdout", "PYTHONPATH": str(ROOT / "hooks")},
        cwd=ROOT,
        text=True,
        capture_output=True,
    ).stdout
    name, _, printed = said.strip().partition("=")
    assert jobs["quick"]["outputs"] == {"bases": f"${{{{ steps.bases.outputs.{name} }}}}"}
    matrix = jobs["bases"]["strategy"]["matrix"]["base"]
    assert matrix == "${{ fromJSON(needs.quick.outputs.bases) }}"
    bases = {key: base for key, base in CATALOG["bases"].items() if not base.get("retired")}
    assert json.loads(printed) == list(bases)
    without = next(step for step in jobs["bases"]["steps"] if step.get("name") == "pip")["if"]
    assert "'rocker'" in without
    for key, base in bases.items():
        assert (base["family"] == "rocker") == key.startswith("rocker"), (
            "tests.yml goes by its name"
        )


def test_each_step_of_a_base_has_a_column():
    """And each runs a test that there is."""
    workflow = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text())
    job = workflow["jobs"]["bases"]
    steps = [step for step in job["steps"] if step.get("name") in STEPS]
    assert tuple(step["name"] for step in steps) == STEPS
    for step in steps:
        path, _, name = re.search(r"(tests/\S+)::(\w+)\[\$BASE\]", step["run"])[0].partition("::")
        assert f"\ndef {name.removesuffix('[$BASE]')}(" in (ROOT / path).read_text()
