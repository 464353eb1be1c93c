"""The action that a hub's workflow uses: valid, pinned, and the whole gate under act with a real registry and JupyterHub."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import github
from ci import runner
from ci.conftest import free_port
from conftest import ROOT, fits, git
from hub_image import catalog
from rig import engine as rig
from rig import standins

ACTION = ROOT / "gate/action.yml"


def run_lint(tool: str, *arguments: object) -> None:
    line = [Path(sys.executable).with_name(tool), *map(str, arguments)]
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_action_is_valid_and_safe():
    fits("github-actions", ACTION)
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


WORKFLOW = """\
name: gate
on: pull_request
permissions: {contents: read, pull-requests: write}
jobs:
  gate:
    runs-on: ubuntu-24.04
    steps:
      - uses: hub-image-template/hub-image-template/gate@main
"""
CONFIGURATION = """\
jupyterhub:
  singleuser:
    defaultUrl: /lab
    profileList:
      - display_name: Ocean
        kubespawner_override:
          image: {host}/sea/ocean:{tag} # by hand
          environment: {{COURSE: tides}}
"""


@pytest.fixture(scope="module")
def hub(engine, build, render, tmp_path_factory):
    """A registry with a good image in two versions and one without Jupyter, GitHub, and a place for pull requests."""
    work = tmp_path_factory.mktemp("gate")
    good = build(render(start_from="scratch", package_manager="pip"), "rig/gate:good")
    standins.ensure(catalog.load().images["hub"].reference)
    ports = [free_port(), free_port()]
    (work / "htpasswd").touch()
    runner.configure(work, ports[0], public=True)
    registry = runner.Process(ports[0], "docker-registry", "serve", work / "registry.yml")
    kept = github.Kept(work / "github.json", "ocean/ocean")
    kept.pull(1)
    api = runner.Process(ports[1], runner.PYTHON, github.server.__file__, ports[1], kept.file)
    registry.start()
    api.start()
    host = f"localhost:{ports[0]}"
    empty = catalog.load().images["debian"].reference
    standins.ensure(empty)
    for image, names in (
        (good, ("ocean:1.0.0", "ocean:2.0.0", "land:1.0.0")),
        (empty, ("ocean:3.0.0",)),
    ):
        for name in names:
            rig.check(["docker", "tag", image, f"{host}/sea/{name}"])
            rig.check(["docker", "push", "--quiet", f"{host}/sea/{name}"])
            rig.check(["docker", "image", "rm", f"{host}/sea/{name}"])
    template = work / "template"
    ignored = shutil.ignore_patterns(".git", ".venv", "tests", "__pycache__", ".*_cache")
    shutil.copytree(ROOT, template, ignore=ignored)
    yield Hub(work, host, api.port, kept, template)
    kept.check()
    api.stop()
    registry.stop()


class Hub:
    """A hub's configuration, and the runs of its workflow."""

    def __init__(self, work: Path, host: str, api: int, kept: github.Kept, template: Path) -> None:
        self.work, self.host, self.api, self.github, self.template = work, host, api, kept, template
        self.project = work / "hub"
        (self.project / ".github/workflows").mkdir(parents=True)
        (self.project / ".github/workflows/gate.yml").write_text(WORKFLOW)
        git(self.project, "init", "--quiet")
        for name in ("staging", "prod"):
            self.write(f"{name}.values.yaml", "1.0.0")
        (self.project / "moved.yaml").write_text(
            f"singleuser: {{image: {{name: {host}/sea/land, tag: 1.0.0}}}}\n"
        )
        self.commit("First")

    def write(self, file: str, tag: str) -> None:
        (self.project / file).write_text(CONFIGURATION.format(host=self.host, tag=tag))

    def commit(self, message: str) -> None:
        git(self.project, "add", "--all")
        git(self.project, "commit", "--quiet", "--allow-empty", "--message", message)

    def run(self, fork: bool = False) -> runner.Run:
        """Let GitHub merge the branch for trial, and run the workflow; the token may do what the job grants it."""
        git(self.project, "checkout", "--quiet", "-B", "trial", "main")
        git(self.project, "merge", "--quiet", "--no-ff", "--no-edit", "work")
        level = "read" if fork else "write"
        self.github.state(permissions={"contents": "read", "pull-requests": level})
        base = git(self.project, "rev-parse", "main").strip()
        event = github.event(
            "pull_request",
            "ocean/ocean",
            number=1,
            pull_request={"number": 1, "base": {"sha": base}},
        )
        (self.work / "event.json").write_text(json.dumps(event))
        line: list[object] = [
            Path(sys.executable).parent / "act",
            "pull_request",
            "--eventpath",
            self.work / "event.json",
        ]
        line += [
            "--directory",
            self.project,
            "--no-cache-server",
            "--pull=false",
            "--platform",
            "ubuntu-24.04=-self-hosted",
        ]
        for uses in re.findall(r"uses: (\S+@\w+)", ACTION.read_text()):
            folder = runner.HERE / "standins" / uses.partition("@")[0].partition("/")[2]
            line += ["--local-repository", f"{uses}={folder}"]
        line += [
            "--local-repository",
            f"hub-image-template/hub-image-template@main={self.template}",
        ]
        line += ["--secret", "GITHUB_TOKEN=of-this-job"]
        for variable, value in {
            "GITHUB_API_URL": f"http://127.0.0.1:{self.api}",
            "GITHUB_REPOSITORY": "ocean/ocean",
            "PROJECT": self.project,
        }.items():
            line += ["--env", f"{variable}={value}"]
        environment = rig.variables() | {
            "XDG_CACHE_HOME": str(self.work / "cache"),
            "PIP_CACHE_DIR": str(Path.home() / ".cache/pip"),
        }
        done = subprocess.run(
            rig.inside(*map(str, line)), env=environment, text=True, capture_output=True
        )
        git(self.project, "checkout", "--quiet", "work")
        return runner.Run(done.returncode, done.stdout + done.stderr)


@pytest.mark.engine
@pytest.mark.whole_matrix
def test_a_pull_request_under_act(hub):
    """Two images change in two files, one does not start; one is added, one moves, and one file is no YAML."""
    git(hub.project, "checkout", "--quiet", "-b", "work")
    hub.write("staging.values.yaml", "2.0.0")
    hub.write("prod.values.yaml", "3.0.0")
    hub.write("new.values.yaml", "2.0.0")
    git(hub.project, "mv", "moved.yaml", "elsewhere.yaml")
    (hub.project / "chart.yaml").write_text("a: {{ .Values.b }}\n")
    hub.commit("Two images")
    ran = hub.run()
    assert ran.code == 1, ran.log
    assert len(hub.github.state()["comments"]) == 1, ran.log
    body = hub.github.state()["comments"][0]["body"]
    assert "1 of 3 images would not start" in body
    assert f"| ❌ | `{hub.host}/sea/ocean:3.0.0`<br>instead of `1.0.0`" in body
    assert (
        f"| ✅ | `{hub.host}/sea/ocean:2.0.0`" in body
        or f"| ⚠️ | `{hub.host}/sea/ocean:2.0.0`" in body
    )
    assert "chart.yaml:1: this is a template" in body
    assert f"Tried on JupyterHub {catalog.load().hub}, opens with `/lab`" in body
    hub.write("prod.values.yaml", "2.0.0")
    hub.commit("Another")
    ran = hub.run()
    assert ran.code == 0, ran.log
    [comment] = hub.github.state()["comments"]
    assert "All 3 images start" in comment["body"]
    hub.commit("Again")
    ran = hub.run(fork=True)
    assert ran.code == 0, ran.log
    assert "There is no comment" in ran.log and "All 3 images start" in ran.summary()
