"""The action that a hub's workflow uses: valid, pinned, and the whole gate under act with a real registry and JupyterHub."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import yaml

from conftest import ROOT

ACTION = ROOT / "gate/action.yml"


def run_lint(tool: str, *arguments: object) -> None:
    line = [Path(sys.executable).with_name(tool), *map(str, arguments)]
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_action_is_valid_and_safe():
    run_lint("check-jsonschema", "--builtin-schema=vendor.github-actions", ACTION)
    run_lint("zizmor", "--offline", "--quiet", ACTION)


def test_what_it_uses_is_pinned_by_commit():
    used = re.findall(r"uses: (\S+)", ACTION.read_text())
    assert [name.partition("@")[0] for name in used] == ["actions/checkout", "actions/cache"]
    assert all(re.fullmatch(r"[^@]+@[0-9a-f]{40}", name) for name in used)
    workflows = "".join(file.read_text() for file in (ROOT / ".github/workflows").glob("*.yml"))
    assert used[0] in workflows, "the same checkout as everywhere"


def test_the_page_shows_the_workflow_that_works():
    text = (ROOT / "docs/hub.md").read_text()
    workflow = yaml.safe_load(re.search(r"```yaml\n(.*?)```", text, re.DOTALL)[1])
    assert workflow[True] == "pull_request"
    assert workflow["permissions"] == {"contents": "read", "pull-requests": "write"}
    [step] = workflow["jobs"]["gate"]["steps"]
    assert (ROOT / step["uses"].split("@")[0].split("/", 2)[2] / "action.yml") == ACTION
