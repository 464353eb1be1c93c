"""What becomes of runs of image.yml that come at once, as GitHub orders them, whatever the order of what happens.

Real: the workflow's own `concurrency`, and what plan, publish and clean-up do. The stand-in for GitHub's order follows
https://docs.github.com/en/actions/how-tos/write-workflows/choose-when-workflows-run/control-workflow-concurrency: in a group
one run is running and one waits; a newer one takes the place of the one that waits, and with `cancel-in-progress` also ends
the one that is running; names of groups do not tell upper from lower case; in which order runs start is not promised. What
an event calls its ref: https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows.
When a cancelled run has ended is GitHub's matter: here it does nothing more.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import ROOT
from hub_image.ci import clean_up, plan, publish
from hub_image.problem import Problem
from hub_image.repository.image_env import Answers
from hub_image.tools import github
from hub_image.tools.registry import Manifest

from .expressions import evaluate

CONCURRENCY = yaml.safe_load((ROOT / ".github/workflows/image.yml").read_text())["concurrency"]
ANSWERS = Answers(registry="ghcr.io", image_name="ocean")
REPOSITORY = {
    "default_branch": "main",
    "full_name": "sea/ocean",
    "owner": {"login": "sea", "type": "Organization"},
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${{ github.a }}", 7),
        ("${{ github.b.c || 'x' }}", "x"),
        ("g-${{ github.none.of.it || github.a == 7 && github.b.d }}", "g-D"),
        ("${{ (github.a == 8 || github.b.d == 'd') && !github.b.c }}", True),
        (False, False),
    ],
)
def test_expressions(text, value):
    assert evaluate(text, github={"a": 7, "b": {"c": None, "d": "D"}}) == value


@dataclass
class Run:
    """A run of image.yml for an event: what is left of its work."""

    context: dict
    event: dict
    work: list = field(default_factory=list)
    group: str = ""
    done: bool = False
    digest: str = ""


class GitHub:
    """One repository with its runs, its registry and what its people do."""

    def __init__(self, monkeypatch, concurrency: dict = CONCURRENCY) -> None:
        self.concurrency = concurrency
        self.main = ["0" * 40]
        self.releases: dict[str, str] = {}
        self.pulls: dict[int, dict] = {}
        self.made = 0
        self.on_the_way: list[Run] = []
        self.running: dict[str, Run] = {}
        self.waiting: dict[str, Run] = {}
        self.runs: list[Run] = []
        self.cancelled: list[Run] = []
        self.registry: dict[str, str] = {}
        self.problems: list[str] = []
        self.now: Run | None = None  # whose commands are being executed
        monkeypatch.setattr(publish, "Repository", lambda image: self)
        monkeypatch.setattr(publish, "_push", self.push_image)
        monkeypatch.setattr(github, "event", lambda: self.now.event)
        monkeypatch.setattr(github, "api", self.api)
        monkeypatch.setattr(github, "pages", self.pages)
        monkeypatch.setenv("GITHUB_REPOSITORY", "sea/ocean")

    # What people do.

    def new_commit(self) -> str:
        self.made += 1
        return hashlib.sha1(str(self.made).encode()).hexdigest()

    def push(self, number: int) -> None:
        self.main.append(self.new_commit())
        self.happens("push", "refs/heads/main", self.main[-1])

    def release(self, number: int) -> None:
        commit = self.main[-1 - number % min(2, len(self.main))]
        tag = f"2026.11.{len(self.releases)}"
        self.releases[tag] = commit
        self.happens("push", f"refs/tags/{tag}", commit)

    def start(self, number: int) -> None:
        """By hand, on main or on another branch of the same commit."""
        ref = ("refs/heads/main", "refs/heads/try")[number % 2]
        self.happens("workflow_dispatch", ref, self.main[-1])

    def open(self, number: int) -> None:
        self.pulls[len(self.pulls) + 1] = {"state": "open", "sha": self.new_commit()}
        self.about(len(self.pulls), "opened")

    def of_state(self, number: int, state: str) -> int:
        found = [pull for pull, kept in self.pulls.items() if kept["state"] == state]
        return found[number % len(found)] if found else 0

    def add_commit(self, number: int) -> None:
        if pull := self.of_state(number, "open"):
            self.pulls[pull]["sha"] = self.new_commit()
            self.about(pull, "synchronize")

    def close(self, number: int) -> None:
        if pull := self.of_state(number, "open"):
            self.pulls[pull]["state"] = "closed"
            self.about(pull, "closed")

    def merge(self, number: int) -> None:
        if pull := self.of_state(number, "open"):
            self.pulls[pull]["state"] = "merged"
            self.about(pull, "closed", ref="refs/heads/main")
            self.push(number)

    def reopen(self, number: int) -> None:
        if pull := self.of_state(number, "closed"):
            self.pulls[pull]["state"] = "open"
            self.about(pull, "reopened")

    def again(self, number: int) -> None:
        """Somebody starts one of the runs again that have ended."""
        if ended := [run for run in self.runs if run.done]:
            run = ended[number % len(ended)]
            self.on_the_way.append(Run(run.context, run.event))

    def about(self, pull: int, action: str, ref: str = "") -> None:
        kept = self.pulls[pull]
        head = {"sha": kept["sha"], "repo": {"full_name": "sea/ocean"}}
        told = {"number": pull, "head": head, "user": {"login": "octocat"}}
        event = {"action": action, "number": pull, "pull_request": told}
        self.happens("pull_request", ref or f"refs/pull/{pull}/merge", "f" * 40, event)

    def happens(self, name: str, ref: str, sha: str, event: dict | None = None) -> None:
        event = {"repository": REPOSITORY, **(event or {})}
        kind, _, short = ref.removeprefix("refs/").partition("/")
        context = {
            "event_name": name,
            "event": event,
            "ref": ref,
            "ref_name": short,
            "ref_type": "tag" if kind == "tags" else "branch",
            "sha": sha,
        }
        self.on_the_way.append(Run(context, event))

    # What GitHub does.

    def deliver(self, number: int) -> None:
        """One of the events becomes a run; not always in their order."""
        if not self.on_the_way:
            return
        run = self.on_the_way.pop(number % len(self.on_the_way))
        self.runs.append(run)
        run.group = str(evaluate(self.concurrency["group"], github=run.context)).lower()
        before = [self.waiting.pop(run.group, None)]
        if evaluate(self.concurrency["cancel-in-progress"], github=run.context):
            before.append(self.running.pop(run.group, None))
        for other in filter(None, before):
            other.done = True
            self.cancelled.append(other)
        self.waiting[run.group] = run
        self.begin(run.group)

    def begin(self, group: str) -> None:
        if group not in self.running and group in self.waiting:
            run = self.running[group] = self.waiting.pop(group)
            closing = run.event.get("action") == "closed"
            run.work = [self.clean_up] if closing else [self.find, self.build, self.publish]

    def step(self, number: int) -> None:
        """One of the runs that are running gets further."""
        if not self.running:
            return
        run = list(self.running.values())[number % len(self.running)]
        self.now = run
        try:
            run.work.pop(0)(run)
        except Problem as problem:
            run.work.clear()
            if "is closed, so no trial image" not in str(problem):
                self.problems.append(str(problem))
        if not run.work:
            run.done = True
            del self.running[run.group]
            self.begin(run.group)

    def rest(self) -> None:
        """Nobody does anything more until all runs have ended."""
        while self.on_the_way or self.running:
            self.deliver(0)
            self.step(0)

    # What the jobs do.

    def find(self, run: Run) -> None:
        environ = {
            "GITHUB_REPOSITORY": "sea/ocean",
            "GITHUB_REPOSITORY_OWNER": "sea",
            "GITHUB_REF": run.context["ref"],
            "GITHUB_SHA": run.context["sha"],
        }
        tags = [tag for tag, commit in self.releases.items() if commit == run.context["sha"]]
        run.plan = plan.plan(ANSWERS, run.event, environ, git_tags=tags)
        run.digest = run.plan.push and self.registry.get(run.plan.tags[0]) or ""

    def build(self, run: Run) -> None:
        self.made += 1
        run.digest = run.digest or f"sha256:{self.made}"

    def publish(self, run: Run) -> None:
        if run.plan.push:
            publish._refuse_for_closed(run.event.get("pull_request"))
            publish.publish(run.plan.image, run.plan.tags, run.digest)

    def clean_up(self, run: Run) -> None:
        self.tags = {}
        for tag, digest in self.registry.items():
            self.tags.setdefault(digest, []).append(tag)
        clean_up.clean(self, clean_up.closed())

    # The registry, as publish and clean-up see it, and GitHub's API.

    def digest(self, reference: str) -> str | None:
        if reference.startswith("sha256:"):
            return reference if reference in self.registry.values() else None
        return self.registry.get(reference)

    def manifest(self, digest: str):
        return Manifest(digest, "", b"{}")

    def tag(self, manifest: Manifest, name: str) -> None:
        self.registry[name] = manifest.digest

    def push_image(self, reference: str, digest: str) -> None:
        self.registry[reference.rpartition(":")[2]] = digest

    def parts(self, digest: str) -> list[str]:
        return []

    attached = parts

    def delete(self, digest: str) -> None:
        self.registry = {tag: other for tag, other in self.registry.items() if other != digest}

    def api(self, method: str, path: str) -> dict:
        number = int(path.removeprefix("/repos/sea/ocean/pulls/"))
        return {"state": "open" if self.pulls[number]["state"] == "open" else "closed"}

    def pages(self, path: str) -> list[dict]:
        assert path == "/repos/sea/ocean/pulls?state=open"
        return [{"number": pull} for pull, kept in self.pulls.items() if kept["state"] == "open"]

    def check(self) -> None:
        """Nothing is lost and nothing is left."""
        assert self.problems == []
        for commit in self.main[1:]:
            assert commit[:12] in self.registry, f"no image of {commit} of main"
        for tag, commit in self.releases.items():
            assert self.registry.get(tag) == self.registry[commit[:12]], f"release {tag} is lost"


DEEDS = ("push", "release", "start", "open", "add_commit", "close", "merge", "reopen", "again")
GITHUBS = ("deliver", "step")


@pytest.mark.world("one-commit-two-digests")
@pytest.mark.world("ref-of-a-merged-pull-request")
@settings(max_examples=400, deadline=None)
@given(
    deeds=st.lists(
        st.tuples(st.sampled_from(DEEDS + 4 * GITHUBS), st.integers(0, 5)), min_size=5, max_size=60
    )
)
def test_whatever_happens_nothing_is_lost_and_nothing_is_left(deeds):
    with pytest.MonkeyPatch.context() as monkeypatch:
        world = GitHub(monkeypatch)
        for deed, number in deeds:
            getattr(world, deed)(number)
        world.rest()
        world.check()
        # Late events can end a clean-up; the next one does its work too.
        world.open(0)
        world.pulls[len(world.pulls)]["state"] = "closed"
        world.about(len(world.pulls), "closed")
        world.rest()
        world.check()
        still_open = {
            str(pull["number"]) for pull in world.pages("/repos/sea/ocean/pulls?state=open")
        }
        assert {tag.split("-")[1] for tag in world.registry if tag.startswith("pr-")} <= still_open


def scene(monkeypatch, *deeds: str, concurrency: dict = CONCURRENCY) -> GitHub:
    """Let these happen in this order, as `step 1`; then all runs end."""
    world = GitHub(monkeypatch, concurrency)
    for deed in deeds:
        name, _, number = deed.partition(" ")
        getattr(world, name)(int(number or 0))
    world.rest()
    return world


MERGED = ("open", "deliver", "merge")


@pytest.mark.world("ref-of-a-merged-pull-request")
@pytest.mark.parametrize("order", [(0, 0), (1, 0)])
def test_merging_does_not_cancel_the_build_of_main(order, monkeypatch):
    scene(monkeypatch, *MERGED, *(f"deliver {number}" for number in order)).check()


def test_by_ref_it_was_cancelled(monkeypatch):
    """The stand-in shows what GitHub did to the workflow before."""
    old = CONCURRENCY | {"group": "image-${{ github.ref }}"}
    world = scene(monkeypatch, *MERGED, "deliver 1", "deliver 0", concurrency=old)
    with pytest.raises(AssertionError, match="no image of .* of main"):
        world.check()


@pytest.mark.parametrize("steps", range(4))
def test_a_trial_build_never_publishes_after_its_pull_request_is_closed(steps, monkeypatch):
    world = scene(monkeypatch, "open", "deliver", *["step"] * steps, "close", "deliver")
    assert not world.registry
    assert [run.event["action"] for run in world.cancelled] == (["opened"] if steps < 3 else [])
    again = scene(monkeypatch, "open", "deliver", "close", "deliver", "step", "again", "deliver")
    assert not again.registry


@pytest.mark.world("one-commit-two-digests")
def test_releases_of_a_commit_that_wait_are_not_lost(monkeypatch):
    """GitHub drops all but the newest of those that wait for the build of main."""
    deliver = ["deliver"] * 4
    world = scene(monkeypatch, "push", "deliver", "step", *["release"] * 3, *deliver)
    assert len(world.cancelled) == 2
    world.check()
    assert len(set(world.registry.values())) == 1
