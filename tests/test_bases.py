"""Fresh bases: what Renovate finds in catalog.yml, and the table of what came out.

Unproven here: Renovate itself, and the real bases; only the regular expressions and the table are tried.
"""

from __future__ import annotations

import fnmatch
import json
import re

import yaml

from bases import STEPS, table
from conftest import CATALOG, ROOT

RENOVATE = json.loads((ROOT / ".github/renovate.json").read_text())


def python(expression: str) -> str:
    """A regular expression of JavaScript's, with Python's named groups."""
    return expression.replace("(?<", "(?P<")


def found(manager: dict) -> set[tuple[str, str]]:
    """Names and versions; one image may stand there with two tags."""
    [expression] = manager["matchStrings"]
    text = (ROOT / "catalog.yml").read_text()
    return {
        (match["depName"], match["currentValue"]) for match in re.finditer(python(expression), text)
    }


def test_renovate_finds_each_image_and_package():
    images, packages, proxies = map(found, RENOVATE["customManagers"])
    entries = [*CATALOG["bases"].values(), *CATALOG["images"].values()]
    followed = {
        (entry["image"], entry["tag"]) for entry in entries if entry["tag"] != CATALOG["hub"]
    }
    assert images == followed, "all but the hub, whose version people choose"
    by_hand = {"dask-gateway"}  # it follows the hubs' gateway
    assert dict(packages) == {k: v for k, v in CATALOG["packages"].items() if k not in by_hand}
    wanted = {interface["proxy"] for interface in CATALOG["interfaces"].values()}
    assert {f"{name}=={version}" for name, version in proxies} == wanted


def test_renovate_understands_each_tag():
    for image, tag in found(RENOVATE["customManagers"][0]):
        rules = [
            rule["versioning"].removeprefix("regex:")
            for rule in RENOVATE["packageRules"]
            if any(fnmatch.fnmatch(image, pattern) for pattern in rule["matchPackageNames"])
        ]
        assert len(rules) == 1 and re.fullmatch(python(rules[0]), tag), image


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


def test_each_step_of_a_base_has_a_column():
    """And each runs a test that there is."""
    workflow = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text())
    job = workflow["jobs"]["bases"]
    steps = [step for step in job["steps"] if step.get("name") in STEPS]
    assert tuple(step["name"] for step in steps) == STEPS
    for step in steps:
        path, _, name = re.search(r"(tests/rig/\S+)::(\w+)\[\$BASE\]", step["run"])[0].partition("::")
        assert f"\ndef {name.removesuffix('[$BASE]')}(" in (ROOT / path).read_text()
