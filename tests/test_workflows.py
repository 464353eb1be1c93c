"""The workflows of this repository: valid, pinned, least privilege."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import yaml

from conftest import ROOT

TOOLS = Path(sys.executable).parent
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def lint(tool: str, *arguments: object) -> None:
    """Run a linter, which must find nothing."""
    command = [TOOLS / tool, *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_actionlint_finds_nothing():
    lint("actionlint", *WORKFLOWS)


def test_zizmor_finds_nothing():
    lint("zizmor", "--offline", "--persona=auditor", *WORKFLOWS)


def test_schema():
    lint("check-jsonschema", "--builtin-schema=vendor.github-workflows", *WORKFLOWS)


def test_tests_workflow_builds_every_cell():
    sys.path.insert(0, str(ROOT))
    from tests.rig.test_builds import CELLS

    jobs = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text())["jobs"]
    assert jobs["images"]["strategy"]["matrix"]["cell"] == list(CELLS)
