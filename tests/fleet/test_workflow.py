"""docs/fleet.yml, the workflow that people copy: valid, pinned as everywhere, with few rights, and what it runs works.

Unproven is what only GitHub has: its Pages with their actions, and the token of an App.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yaml

from ci.standins import registry as standin
from conftest import CATALOG, ROOT, fits
from hub_image import __version__

from .hosting import Repository, image

FILE = ROOT / "docs/fleet.yml"
WORKFLOW = yaml.safe_load(FILE.read_text())
TOOLS = Path(sys.executable).parent
RULES = "{line-length: disable, document-start: disable, truthy: {check-keys: false}, comments: {min-spaces-from-content: 1}}"


@pytest.mark.parametrize(
    "line",
    [
        ["actionlint", f"-shellcheck={TOOLS / 'shellcheck'}"],
        ["zizmor", "--offline", "--persona=auditor"],
        ["yamllint", "--strict", "--config-data", f"{{extends: default, rules: {RULES}}}"],
    ],
    ids=lambda line: line[0],
)
def test_linters_find_nothing(line, tmp_path):
    copy = tmp_path / ".github/workflows/fleet.yml"  # where people have it
    copy.parent.mkdir(parents=True)
    copy.write_bytes(FILE.read_bytes())
    done = subprocess.run([TOOLS / line[0], *line[1:], copy], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_schema():
    fits("github-workflows", FILE)


def test_actions_are_pinned_as_in_the_template():
    used = re.findall(r"uses: (\S+)@(\S+) # (v\S+)", FILE.read_text())
    assert len(used) == FILE.read_text().count("uses:")
    assert all(re.fullmatch(r"[0-9a-f]{40}", commit) for _, commit, _ in used)
    workflows = "".join(file.read_text() for file in (ROOT / "template/.github").rglob("*.yml"))
    for name, commit, version in used:
        elsewhere = set(re.findall(rf"uses: {name}@(\S+) # (\S+)", workflows))
        assert elsewhere <= {(commit, version)}, name
    assert f"uses: {used[0][0]}@{used[0][1]}" in workflows


def test_hub_image_is_that_of_this_version():
    [step] = [step for step in WORKFLOW["jobs"]["look"]["steps"] if step["name"] == "Get hub-image"]
    assert step["with"]["ref"] == f"v{__version__}"
    assert CATALOG["published"].endswith(f"/{step['with']['repository']}")


def test_each_job_has_few_rights_and_one_sees_the_secrets():
    assert WORKFLOW["permissions"] == {}
    assert {name: job["permissions"] for name, job in WORKFLOW["jobs"].items()} == {
        "look": {"contents": "read"},
        "schedule": {"actions": "write"},
        "page": {"pages": "write", "id-token": "write"},
    }
    seeing = [name for name, job in WORKFLOW["jobs"].items() if "secrets." in yaml.safe_dump(job)]
    assert seeing == ["look"]


def script(name: str) -> str:
    [step] = [step for step in WORKFLOW["jobs"]["look"]["steps"] if step["name"] == name]
    return step["run"]


def run(text: str, folder: Path, **variables: str) -> str:
    """Run a script as GitHub does."""
    line = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", text]
    environment = os.environ | variables
    done = subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_writes_the_page_and_the_summary(hosted, tmp_path):
    registry = standin.Registry("ghcr.io")  # which has no such image
    threading.Thread(target=registry.serve_forever, args=(0.01,), daemon=True).start()
    files = image(REGISTRY=f"127.0.0.1:{registry.server_port}")
    hosted.add(Repository("sea/ocean", files).ran("failure"))
    program = tmp_path / "temp/hub-image/bin/hub-image"
    program.parent.mkdir(parents=True)
    program.symlink_to(TOOLS / "hub-image")
    (tmp_path / "ours").write_text("sea/gone\n")
    run(
        script("Look"),
        tmp_path,
        RUNNER_TEMP=str(tmp_path / "temp"),
        SOURCES="--org sea --list ours",
        GITHUB_STEP_SUMMARY=str(tmp_path / "summary"),
    )
    assert "its last proof failed" in (tmp_path / "summary").read_text()
    registry.shutdown()
    registry.server_close()
    assert "sea/gone" in (tmp_path / "page/index.html").read_text()


@pytest.mark.network
def test_hub_image_is_installed_by_its_lock(tmp_path):
    (tmp_path / ".hub-image").symlink_to(ROOT)
    run(script("Install hub-image"), tmp_path, RUNNER_TEMP=str(tmp_path))
    assert run('"$RUNNER_TEMP/hub-image/bin/hub-image" --version', tmp_path, RUNNER_TEMP=str(tmp_path)) == f"hub-image {__version__}\n"  # fmt: skip
