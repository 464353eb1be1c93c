"""The workflows and actions of this repository and of those made from it: valid, pinned, least privilege."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from conftest import CATALOG, ROOT

TOOLS = Path(sys.executable).parent
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
SHARED = sorted(
    (ROOT / "template/.github/workflows").glob("*.yml")
)  # with the repositories made from it
ACTIONS = sorted((ROOT / "template/.github/actions").glob("*/action.yml"))


def lint(tool: str, *arguments: object) -> None:
    """Run a linter, which must find nothing."""
    command = [TOOLS / tool, *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_actionlint_finds_nothing():
    lint("actionlint", f"-shellcheck={TOOLS / 'shellcheck'}", *WORKFLOWS)


def test_zizmor_finds_nothing():
    lint("zizmor", "--offline", "--persona=auditor", *WORKFLOWS, *ACTIONS)


def test_schema():
    lint("check-jsonschema", "--builtin-schema=vendor.github-workflows", *WORKFLOWS)
    lint("check-jsonschema", "--builtin-schema=vendor.github-actions", *ACTIONS)


def test_scripts_of_actions_pass_shellcheck(tmp_path):
    """actionlint does this for workflows only."""
    for action in ACTIONS:
        for number, step in enumerate(yaml.safe_load(action.read_text())["runs"]["steps"]):
            if "run" in step:
                script = tmp_path / f"{action.parent.name}-{number}.sh"
                script.write_text("#!/bin/bash\nset -eo pipefail\n" + step["run"])
                assert "${{" not in step["run"], (
                    f"{action}: give values to a script by its environment"
                )
    files = (ROOT / "template/.github/actions").glob("*/*.sh")
    lint("shellcheck", "--severity=style", *tmp_path.glob("*.sh"), *files)


@pytest.mark.parametrize(
    "path", [*SHARED, *ACTIONS], ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_workflows_and_actions_hold_no_answers(path, render):
    """GitHub's own token may not change a workflow, so answers must not: the same bytes for everyone."""
    inside = path.relative_to(ROOT / "template")
    for answers in ({}, {"start_from": "scratch", "registry": "quay.io", "title": "{{ 7*7 }}"}):
        assert (render(**answers) / inside).read_bytes() == path.read_bytes()
    if path in SHARED:
        assert (ROOT / inside).read_bytes() == path.read_bytes()


def test_actions_are_pinned_by_commit_and_few():
    text = "".join(path.read_text() for path in [*SHARED, *ACTIONS])
    uses = re.findall(r"uses: ([^.\s][^@\s]*)@(\S+) # v\d", text)
    assert len(uses) == len(re.findall(r"uses: [^.]", text))
    assert {name for name, _ in uses} == {"actions/checkout", "sigstore/cosign-installer"}
    assert all(re.fullmatch(r"[0-9a-f]{40}", commit) for _, commit in uses)


def test_tests_workflow_builds_every_cell():
    sys.path.insert(0, str(ROOT))
    from tests.rig.test_builds import CELLS

    jobs = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text())["jobs"]
    assert jobs["images"]["strategy"]["matrix"]["cell"] == list(CELLS)
    offered = [key for key, base in CATALOG["bases"].items() if not base.get("retired")]
    assert jobs["bases"]["strategy"]["matrix"]["base"] == offered


def test_tests_workflow_runs_every_suite_that_needs_an_engine():
    text = (ROOT / ".github/workflows/tests.yml").read_text()
    named = re.findall(r"\btests/[\w./]+", text)
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        if re.search(r"^(pytestmark = .*|@)pytest\.mark\.engine", file.read_text(), re.M):
            path = file.relative_to(ROOT)
            assert {str(path), str(path.parent)} & set(named), f"{path} is in no job"


def test_a_form_and_a_schedule_change_nothing_in_the_template():
    """They are here too, because "Use this template" copies this repository."""
    for name in ("update.yml", "configure.yml"):
        [job] = yaml.safe_load((ROOT / ".github/workflows" / name).read_text())["jobs"].values()
        for step in job["steps"][1:]:
            assert "hashFiles(" in step["if"], f"{name}: {step['name']}"
