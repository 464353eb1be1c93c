"""What stands in for GitHub in all tests: a repository's API, what people do to it there, and its events."""

from __future__ import annotations

import contextlib
import copy
import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from . import server
from .server import LIMIT as LIMIT

ROOT = Path(__file__).parents[2]
EVENTS = json.loads((Path(__file__).parent / "events.json").read_text(encoding="utf-8"))


class Kept:
    """One repository on GitHub, kept in a file that server.py reads and writes."""

    def __init__(self, file: Path, name: str, git: Path | None = None) -> None:
        self.file, self.name, self.git = file, name, git
        file.write_text(json.dumps(server.new(name, git)), encoding="utf-8")

    def state(self, **changes: Any) -> dict[str, Any]:
        """Return what is kept; `changes` replaces parts of it."""
        with server.kept(self.file) as state:
            state |= changes
        return state

    def issues(self) -> list[dict[str, Any]]:
        """The issues that are no pull requests, oldest first."""
        return [entry for entry in self.state()["issues"] if "pull" not in entry]

    def pulls(self) -> list[dict[str, Any]]:
        """The pull requests, oldest first; `head` and `base` are branches."""
        return [entry | entry["pull"] for entry in self.state()["issues"] if "pull" in entry]

    def started(self) -> list[list[str]]:
        """Each run that was started by hand: workflow and branch."""
        runs = [run for run in self.state()["runs"] if run["event"] == "workflow_dispatch"]
        return [[run["workflow"], run["branch"]] for run in runs]

    def add(self, **entry: Any) -> int:
        """Somebody opens an issue; return its number."""
        with server.kept(self.file) as state:
            number = len(state["issues"]) + 1
            known = {
                "number": number,
                "state": "open",
                "user": "octocat",
                "title": "",
                "body": None,
            }
            state["issues"].append(known | entry)
        return number

    def pull(self, number: int, head: str = "work") -> None:
        """Somebody opens pull requests, all from one branch, up to this number."""
        pull = {"head": head, "base": "main", "merged_at": None, "sha": ""}
        while self.add(pull=pull, title="Work") < number:
            pass

    def close(self, number: int, merged: bool = False) -> None:
        """Somebody closes an issue or a pull request, or merges it into main: with a commit of its own, as squashed."""
        with server.kept(self.file) as state:
            entry = state["issues"][number - 1]
            if "pull" not in entry:
                entry["state"] = "closed"
                return
            if merged:
                head = server.head(state, entry)
                message = ["-m", f"{entry['title']} (#{number})"]
                parent = ["-p", server.commit(state, "main")]
                merge = self._git("commit-tree", f"{head}^{{tree}}", *parent, *message)
                self._git("update-ref", "refs/heads/main", merge)
            server.close(state, entry, merged)

    def reopen(self, number: int) -> None:
        """Somebody opens an issue or a pull request again. Raises server.Refusal where GitHub refuses."""
        with server.kept(self.file) as state:
            entry = state["issues"][number - 1]
            if "pull" in entry:
                server.reopen(state, entry)
            entry["state"] = "open"

    def _git(self, *arguments: str) -> str:
        line = ["git", "-C", str(self.git), *arguments]
        return subprocess.run(line, check=True, text=True, capture_output=True).stdout.strip()

    def fail(self, request: str, status: int, times: int = 1, **more: Any) -> None:
        """Answer the next requests that match with `status`; 0 is a lost connection.

        With `done=True` what was asked is done all the same. `headers` and `message` are the answer's.
        """
        fault = {"request": request, "status": status, **more}
        with server.kept(self.file) as state:
            state["faults"] += [fault] * times

    def days_pass(self, days: int) -> None:
        """Let time pass without a commit: a schedule stops after 60 days in which nobody enabled its workflow."""
        with server.kept(self.file) as state:
            for file in sorted((ROOT / ".github/workflows").glob("*.yml")):
                if "schedule" in (yaml.safe_load(file.read_text())[True] or {}):
                    idle = state["idle"][file.name] = state["idle"].get(file.name, 0) + days
                    if idle >= 60:
                        state["disabled"][file.name] = "disabled_inactivity"

    def act_as(self, workflow: str, job: str = "", fork: bool = False, bot: bool = False) -> None:
        """The token is that of a job: it may do what the workflow grants it, and for a fork at most read.

        `bot`: the job is the one of that name which the branches of the bot have.
        """
        self.state(permissions=permissions(workflow, job, fork, bot))

    @contextlib.contextmanager
    def served(self) -> Iterator[int]:
        """Answer on a port of this machine, and look in the end whether all was as the description says."""
        with server.server(0, self.file) as serving:
            thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.02})
            thread.start()
            yield serving.server_port
            serving.shutdown()
            thread.join()
        self.check()

    def check(self) -> None:
        """Fail where a request or an answer was not what GitHub's description says."""
        assert not (wrong := self.state()["violations"]), "\n".join(wrong)


def permissions(
    workflow: str, job: str = "", fork: bool = False, bot: bool = False
) -> dict[str, str]:
    """Return what the token of a job of a workflow, known by its name, may do; without a name, of its only job."""
    text = (ROOT / ".github/workflows" / workflow).read_text(encoding="utf-8")
    jobs = yaml.safe_load(text)["jobs"].items()
    [granted] = [
        said["permissions"]
        for key, said in jobs
        if (not job or job.startswith(said["name"].partition("${{")[0].strip()))
        and (key == "proof") <= bot
        and (key == "image") <= (not bot)
    ]
    return {name: "read" if fork else level for name, level in granted.items()}


def event(kind: str, name: str, **changes: Any) -> dict[str, Any]:
    """Return an example of an event, as if it had happened to the repository `name`, with changes to its parts."""
    owner, _, short = name.partition("/")
    if (
        kind == "schedule"
    ):  # no webhook has this; a run is told of the repository, as when started by hand
        dispatched = {key: EVENTS["workflow_dispatch"][key] for key in ("repository", "workflow")}
        text = json.dumps(dispatched | {"schedule": "17 4 * * 1"})
    else:
        text = json.dumps(EVENTS[kind])
    for before, after in (
        ("Hello-World", short),
        ("Codertocat", owner),
        ("octo-org", owner),
        ("octo-repo", short),
    ):
        text = text.replace(before, after)
    return merged(json.loads(text), changes)


def merged(whole: Any, changes: Any) -> Any:
    """Return `whole` with `changes`, also in what it holds."""
    if not isinstance(whole, dict) or not isinstance(changes, dict):
        return copy.deepcopy(changes)
    return whole | {key: merged(whole.get(key), value) for key, value in changes.items()}
