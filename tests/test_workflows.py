"""The workflows and actions of this repository and of those made from it: valid, pinned, least privilege."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ci.expressions import evaluate, expression
from conftest import CATALOG, ROOT, fits, git
from hub_image.ci import plan
from hub_image.repository import image_env
from hub_image.updates import changelog

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
    fits("github-workflows", *WORKFLOWS)
    fits("github-actions", *ACTIONS)


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


@pytest.mark.world("cosign-log-is-public")
@pytest.mark.parametrize(("private", "asked", "signed"), [
    (False, "", True), (True, "", False), (True, "yes", True), (True, "no", False),
])  # fmt: skip
def test_nothing_private_is_signed_in_a_public_log_unasked(private, asked, signed):
    jobs = yaml.safe_load((ROOT / ".github/workflows/image.yml").read_text())["jobs"]
    [sign] = [step for step in jobs["image"]["steps"] if step["name"] == "Sign"]
    event = {"event": {"repository": {"private": private}}}
    setup = {"setup": {"outputs": {"push": "true"}}}
    told = {"github": event, "steps": setup, "vars": {"SIGN": asked}}
    assert expression(sign["if"], **told) is signed


@pytest.mark.parametrize(("published", "ref", "asked", "has"), [
    ("{}", "main", "", True), ("{}", "main", "no", False), ("{}", "2026.11.23", "", False), ("", "main", "", False),
])  # fmt: skip
def test_the_image_of_the_default_branch_has_a_page_unless_its_owner_says_no(
    published, ref, asked, has
):
    jobs = yaml.safe_load((ROOT / ".github/workflows/image.yml").read_text())["jobs"]
    told = {
        "needs": {"image": {"outputs": {"page": published}}},
        "github": {"ref_name": ref, "event": {"repository": {"default_branch": "main"}}},
        "vars": {"PAGE": asked},
    }
    assert bool(expression(jobs["page"]["if"], **told)) is has


@pytest.mark.parametrize(
    ("platforms", "runner"),
    [
        ("", "ubuntu-24.04"),
        ("linux/arm64", "ubuntu-24.04-arm"),
        ("linux/arm64 linux/amd64", "ubuntu-24.04-arm"),
        ("linux/amd64 linux/arm64", "ubuntu-24.04"),
    ],
)
def test_the_page_is_made_where_its_image_runs(platforms, runner):
    """The image that a hub links is that of the first platform."""
    jobs = yaml.safe_load((ROOT / ".github/workflows/image.yml").read_text())["jobs"]
    builds = plan.builds(image_env.Answers(platforms=tuple(platforms.split())))
    told = {"needs": {"plan": {"outputs": {"builds": json.dumps(builds)}}}}
    assert evaluate(jobs["page"]["runs-on"], **told) == runner
    assert jobs["page"]["needs"] == ["plan", "image"]
    assert expression("fromJSON('[{}]')[0].runner || 'usual'") == "usual"


def test_each_exception_for_a_linter_has_its_reason_beside_it():
    for path in [*WORKFLOWS, *ACTIONS]:
        for line in path.read_text().splitlines():
            assert "zizmor: ignore" not in line or re.search(r"ignore\[[a-z-]+\] \w+", line), line


def test_actions_are_pinned_by_commit_and_few():
    text = "".join(path.read_text() for path in [*SHARED, *ACTIONS])
    uses = re.findall(r"uses: ([^.\s][^@\s]*)@(\S+) # v\d", text)
    assert len(uses) == len(re.findall(r"uses: [^.]", text))
    assert {name for name, _ in uses} == {
        "actions/checkout",
        "actions/upload-artifact",
        "actions/download-artifact",
        "sigstore/cosign-installer",
    }
    assert all(re.fullmatch(r"[0-9a-f]{40}", commit) for _, commit in uses)


KEPT = ROOT / "tests/golden/workflows.json"


def test_no_workflow_of_the_template_changes_unnoticed(request):
    """Only people may change one, in each repository, so from v1.0.0 on a release changes none without saying so.

    Until then the digests kept here are compared; `--update-golden` writes them anew.
    """
    now = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in SHARED}
    if request.config.getoption("--update-golden"):
        KEPT.write_text(json.dumps(now, indent=2) + "\n")
    releases = [
        tag for tag in git(ROOT, "tag", "--list", "v[1-9]*.*").split() if changelog.number(tag)
    ]
    before = json.loads(KEPT.read_text())
    if releases:
        last = max(releases, key=changelog.number)
        folder = "template/.github/workflows"
        names = git(ROOT, "ls-tree", "--name-only", f"{last}:{folder}").split()
        texts = {name: git(ROOT, "show", f"{last}:{folder}/{name}").encode() for name in names}
        before = {name: hashlib.sha256(text).hexdigest() for name, text in texts.items()}
    changed = {name for name in {**before, **now} if before.get(name) != now.get(name)}
    notes = changelog.sections((ROOT / "CHANGELOG.md").read_text()).get("Unreleased", "")
    said = {name for name in changed if releases and name in notes}
    assert changed == said, "say it in the release note, or undo it; --update-golden until v1.0.0"


def test_tests_workflow_builds_every_cell():
    from builds.test_builds import CELLS

    jobs = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text())["jobs"]
    assert jobs["images"]["strategy"]["matrix"]["cell"] == list(CELLS)


def test_tests_workflow_runs_every_suite_that_needs_an_engine():
    text = (ROOT / ".github/workflows/tests.yml").read_text()
    named = re.findall(r"\btests/[\w./]+", text)
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        if re.search(r"^(pytestmark = .*|@)pytest\.mark\.engine", file.read_text(), re.M):
            path = file.relative_to(ROOT)
            assert {str(path), str(path.parent)} & set(named), f"{path} is in no job"


def test_a_form_and_a_schedule_change_nothing_in_the_template():
    """They are here too, because "Use this template" copies this repository."""
    for name in ("weekly.yml", "requests.yml", "configure.yml"):
        for key, job in yaml.safe_load((ROOT / ".github/workflows" / name).read_text())[
            "jobs"
        ].items():
            if "needs" in job and "!cancelled()" not in job.get("if", ""):
                continue  # it waits for one that does nothing there
            for step in job["steps"][1:]:
                asked = step.get("if", "")
                assert (
                    "hashFiles(" in asked or re.match(r"steps\.\w+\.out", asked) or key == "look"
                ), f"{name}: {step['name']}"


OURS = CATALOG["published"].removeprefix("https://github.com/")
# What an event tells of a repository: https://www.npmjs.com/package/@octokit/webhooks-examples (7.6.1). A push and a pull
# request say whether it is a fork or a template; whether it was made from a template no event says, and the older
# examples lack is_template.
REPOSITORIES = {
    "the template": ({"full_name": OURS, "fork": False, "is_template": True}, {"tests", "release"}),
    "the template before its box is ticked": ({"full_name": OURS, "fork": False, "is_template": False}, {"tests", "release"}),
    "the template after it moved": ({"full_name": "elsewhere/images", "fork": False, "is_template": True}, {"tests", "release"}),
    "a fork": ({"full_name": "ocean/hub-image-template", "fork": True, "is_template": False}, {"tests"}),
    "a copy": ({"full_name": "ocean/ice-core", "fork": False, "is_template": False}, {"copy"}),
    "a copy, told by an older event": ({"full_name": "ocean/ice-core", "fork": False}, {"copy"}),
}  # fmt: skip
GUARDED = {"tests": "quick", "release": "tests", "copy": "configure"}  # the job that others need


@pytest.mark.world("use-this-template-pushes")
@pytest.mark.parametrize("event", ["push", "pull_request"])
@pytest.mark.parametrize("repository", REPOSITORIES)
def test_what_runs_where(repository, event, tmp_path):
    """act decides, by the conditions of our workflows, in jobs that do nothing else."""
    told, expected = REPOSITORIES[repository]
    jobs = {}
    for name, job in GUARDED.items():
        workflow = yaml.safe_load((ROOT / f".github/workflows/{name}.yml").read_text())
        if event in workflow[True]:
            jobs[name] = {
                "if": workflow["jobs"][job]["if"],
                "runs-on": "here",
                "steps": [{"run": "true"}],
            }
    (tmp_path / "workflow.yml").write_text(yaml.safe_dump({"on": [event], "jobs": jobs}))
    (tmp_path / "event.json").write_text(json.dumps({"repository": told, "ref": "refs/heads/main"}))
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "--message", "A push")
    line = [
        TOOLS / "act",
        event,
        "--dryrun",
        "--workflows",
        "workflow.yml",
        "--eventpath",
        "event.json",
    ]
    line += ["--platform", "here=-self-hosted", "--env", f"GITHUB_REPOSITORY={told['full_name']}"]
    result = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    ran = set(re.findall(r"\[workflow\.yml/(\w+)\s*\].*Job succeeded", result.stdout))
    assert ran == expected & set(jobs), result.stdout


def test_a_copy_starts_no_other_job_of_ours():
    """A skipped job skips those that need it, unless they say otherwise."""
    for name, guarded in GUARDED.items():
        jobs = yaml.safe_load((ROOT / f".github/workflows/{name}.yml").read_text())["jobs"]
        waiting = {job: steps.get("needs") for job, steps in jobs.items() if job != guarded}
        assert all(needs in jobs for needs in waiting.values())
        for job in waiting:
            condition = jobs[job].get("if", "")
            if "cancelled()" in condition or "always()" in condition:
                assert f"needs.{waiting[job]}.result != 'skipped'" in condition
