"""A repository as GitHub would hold it: bare, with a rule for pushes, and an API beside it; and jobs that use it."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import github
from conftest import git
from hub_image.ci import configure, draft, proposal, propose

HERE = Path(__file__).parent
OWNER, NAME = "ocean", "ice-core"


class Hosted:
    """The repository ocean/ice-core."""

    def __init__(self, folder: Path) -> None:
        self.bare, self.clone, self.folder = folder / "hosted.git", folder / NAME, folder
        folder.mkdir(exist_ok=True)
        git(folder, "init", "--quiet", "--bare", "--initial-branch", "main", str(self.bare))
        (self.bare / "hooks").mkdir()
        shutil.copy(HERE / "standins/pre-receive", self.bare / "hooks/pre-receive")
        (self.bare / "hooks/pre-receive").chmod(0o755)
        self.github = github.Kept(folder / "github.json", f"{OWNER}/{NAME}", self.bare)
        self.port = 0  # of the API

    def become(self, other: Hosted) -> None:
        """Hold what another repository holds."""
        for mine, its in ((self.bare, other.bare), (self.clone, other.clone)):
            shutil.copytree(its, mine, dirs_exist_ok=True)

    def owner_pushes(self, message: str = "work", branch: str = "main") -> str:
        """A person commits everything in `clone` and pushes it; return the commit."""
        if not (self.clone / ".git").exists():
            git(self.clone, "init", "--quiet", "--initial-branch", "main")
        git(self.clone, "add", "--all")
        git(self.clone, "commit", "--quiet", "--allow-empty", "--message", message)
        environment = os.environ | {"PERSON": "yes"}
        push = ["git", "-C", self.clone, "push", "--quiet", "--force", self.bare, f"HEAD:{branch}"]
        subprocess.run(push, check=True, env=environment, capture_output=True)
        return git(self.clone, "rev-parse", "HEAD").strip()

    def branches(self) -> dict[str, str]:
        """Each branch with its commit."""
        listed = git(
            self.bare, "for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads"
        )
        return dict(line.split() for line in listed.splitlines())

    def checkout(self, branch: str = "main") -> Path:
        """A fresh checkout, as a job gets it."""
        folder = self.folder / f"job-{len(list(self.folder.glob('job-*')))}" / NAME
        git(self.folder, "clone", "--quiet", "--branch", branch, str(self.bare), str(folder))
        return folder

    def variables(self, workflow: str, event: str, **payload: object) -> dict[str, str]:
        """What GitHub tells the job of a workflow, whose token may do what the workflow says."""
        if event == "push":
            payload["after"] = self.branches()["main"]
        told = github.event(event, f"{OWNER}/{NAME}", ref="refs/heads/main", **payload)
        told["repository"]["default_branch"] = "main"
        (self.folder / "event.json").write_text(json.dumps(told))
        return {
            "GITHUB_API_URL": f"http://127.0.0.1:{self.port}",
            "GITHUB_REPOSITORY": f"{OWNER}/{NAME}",
            "GITHUB_REPOSITORY_OWNER": OWNER,
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_WORKFLOW": workflow.removesuffix(".yml"),
            "GITHUB_EVENT_PATH": str(self.folder / "event.json"),
            "GITHUB_TOKEN": "of-this-job",
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
            "GITHUB_WORKFLOW_REF": f"{OWNER}/{NAME}/.github/workflows/{workflow}@refs/heads/main",
        }

    def act(
        self,
        workflow: str,
        event: str,
        project: Path | None = None,
        without: tuple[str, ...] = (),
        **payload: object,
    ) -> tuple[int, str]:
        """Let act run a workflow of the default branch; return its exit code and its log.

        Jobs named in `without` are left out, as those that need an engine. The token may do what the job that runs grants
        it.
        """
        project = project or self.checkout()
        text = (project / ".github/workflows" / workflow).read_text()
        for job in without:
            text = re.sub(rf"^  {job}:\n(?:(?:    .*)?\n)*", "", text, flags=re.M)
            text = re.sub(rf"(?<=needs: )\[(.*), {job}\]", r"[\1]", text)
        (self.folder / workflow).write_text(text)
        variables = self.variables(workflow, event, **payload)
        shutil.rmtree(self.folder / "artifacts", ignore_errors=True)  # each run has its own
        line = [
            Path(sys.executable).parent / "act",
            event,
            "--eventpath",
            variables.pop("GITHUB_EVENT_PATH"),
        ]
        line += [
            "--directory",
            project,
            "--workflows",
            self.folder / workflow,
            "--no-cache-server",
        ]
        line += [
            "--pull=false",
            "--actor",
            OWNER,
            "--defaultbranch",
            "main",
            "--platform",
            "ubuntu-24.04=-self-hosted",
        ]
        text = "".join(path.read_text() for path in (project / ".github/workflows").glob("*.yml"))
        for uses in set(re.findall(r"uses: (actions/\w+(?:-artifact)?@\w+)", text)):
            name = uses.partition("@")[0].partition("/")[2]
            if (HERE / "standins" / name).exists():
                line += ["--local-repository", f"{uses}={HERE / 'standins' / name}"]
        line += [
            "--secret",
            f"GITHUB_TOKEN={variables.pop('GITHUB_TOKEN')}",
            "--env",
            f"PROJECT={self.bare}",
            "--env",
            f"ARTIFACTS={self.folder / 'artifacts'}",
        ]
        del variables["GITHUB_STEP_SUMMARY"]
        for name, value in variables.items():
            line += ["--env", f"{name}={value}"]
        environment = os.environ | {
            "XDG_CACHE_HOME": str(self.folder / "act"),
            "PIP_CACHE_DIR": str(Path.home() / ".cache/pip"),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        granted = "configure.yml" if workflow == "copy.yml" else workflow
        together = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        process = subprocess.Popen(line, env=environment, **together)
        log, running = "", ""
        for said in process.stdout:
            log += said
            told = re.match(r"\[(?:\w+/)+([^]/]+?)\s*\] ⭐", said)
            if told and told[1] != running:
                running = told[1]
                self.github.act_as(granted, running)
        code = process.wait()
        (self.folder / f"{workflow}.log").write_text(log)
        return code, log


def run(hosted: Hosted, monkeypatch, command=None, answers=None, workflow="weekly.yml") -> int:
    """Do what the jobs of a workflow do, each in a fresh checkout; the summary of earlier runs is gone.

    `command` makes a draft, of an update or of answers where there is none; or it is `configure.in_ci`, which makes none.
    """
    (hosted.folder / "summary.md").write_text("")
    workflow = "configure.yml" if answers or command is configure.in_ci else workflow
    for name, value in hosted.variables(workflow, "workflow_dispatch").items():
        monkeypatch.setenv(name, value)
    if command is configure.in_ci:
        hosted.github.act_as(workflow, "Configure")
        return command(hosted.checkout(), answers or {})
    hosted.github.state(permissions={"contents": "read"})
    drafts = hosted.folder / "drafts"
    drafts.mkdir(exist_ok=True)
    proposal.write(
        (command or draft.update)(hosted.checkout(), answers or {}), drafts / "draft.json"
    )
    hosted.github.act_as(workflow, "Propose")
    return propose.run(argparse.Namespace(drafts=drafts, path=hosted.checkout()))
