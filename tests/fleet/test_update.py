"""`hub-image fleet --update`: what is asked of GitHub, in which order, and that nothing is done twice.

GitHub is a stand-in (updating.py says what it leaves unproven); git and the template's releases are real.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import ROOT, git
from hub_image.__main__ import main
from hub_image.fleet import asking, states, update
from hub_image.tools import github

from .hosting import ALLOW_LIST, CLASSIC, SINGLE_SIGN_ON
from .updating import BOT, DATES, KINDS, NEW, OLD, TEMPLATE, Updates, disturb, kinds


@pytest.fixture(scope="session")
def template(tmp_path_factory) -> Path:
    """A template with three releases, of which the dates are known."""
    folder = tmp_path_factory.mktemp("template")
    git(folder, "init", "--quiet")
    for version, date in DATES.items():
        made = ["git", "-C", folder, "-c", "user.name=x", "-c", "user.email=x@example.org"]
        environment = os.environ | {"GIT_COMMITTER_DATE": date}
        for line in (
            ["commit", "--quiet", "--allow-empty", "-m", version],
            ["tag", "-a", version, "-m", version],
        ):
            subprocess.run([*made, *line], env=environment, check=True)
    return folder


class World:
    """GitHub with its repositories, and the command."""

    def __init__(self, capsys) -> None:
        self.server = Updates()
        self.capsys = capsys

    def run(self, *options: str, code: int | None = 0) -> str:
        """Run the command for all of them; return what it prints."""
        found = main(["fleet", "--update", "--org", "sea", *options])
        said = self.capsys.readouterr()
        assert code in (None, found), said.out + said.err
        return said.out + said.err if found == 2 else said.out

    def image(self, name: str, **more):
        return self.server.image(name, **more)

    def starts(self, workflow: str = "weekly.yml") -> Counter[str]:
        """How often a workflow was started by hand since the release, by repository: not by the bot."""
        return Counter(
            one.name
            for one in self.server.repositories.values()
            for run in one.started
            if (run["workflow"], run["event"]) == (workflow, "workflow_dispatch")
            and run["actor"] != BOT
        )

    def sent(self) -> list[str]:
        """Each request that asked for a change."""
        return [asked for asked in self.server.seen.elements() if asked.startswith("P")]


@pytest.fixture
def world(template, tmp_path, monkeypatch, capsys, waits):
    made = World(capsys)
    settings = tmp_path / "gitconfig"
    settings.write_text(f'[url "{template}"]\n\tinsteadOf = {TEMPLATE}\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    monkeypatch.delenv("GH_TOKEN", raising=False)
    monkeypatch.setattr(asking, "PAUSE", 0)
    use(made.server, monkeypatch)
    with made.server.served():
        yield made


def use(server: Updates, monkeypatch) -> None:
    """Let the command ask this server, and have its time."""
    monkeypatch.setenv("GITHUB_API_URL", server.address)
    monkeypatch.setattr(states, "now", lambda: datetime.fromtimestamp(server.seconds, timezone.utc))


def far(said: str, name: str) -> str:
    """What is said of a repository."""
    [line] = [line for line in said.splitlines() if line.startswith(f"sea/{name} ")]
    return line.partition(" ")[2].strip().removeprefix("canary  ")


# ── How far a repository is

SAID = {
    "old": "its workflow weekly runs: {page}/actions/workflows/weekly.yml",
    "oldest": "its workflow weekly runs: {page}/actions/workflows/weekly.yml",
    "scheduled": "its workflow weekly runs: {page}/actions/workflows/weekly.yml",
    "before-the-release": "its workflow weekly runs: {page}/actions/workflows/weekly.yml",
    "older-pull": "its workflow weekly runs: {page}/actions/workflows/weekly.yml",
    "will-break": "its workflow weekly runs: {page}/actions/workflows/weekly.yml",
    "will-conflict": "its workflow weekly runs: {page}/actions/workflows/weekly.yml",
    "running": "its workflow weekly runs: {page}/actions/runs/2",
    "proving": "its image is being built and tested: {page}/actions/runs/2",
    "proved": "proved; merge it: {page}/pull/1",
    "squash-only": "proved; merge it: {page}/pull/1",
    "review": "proved; merge it: {page}/pull/1",
    "anchors": "proved; merge it: {page}/pull/1",
    "broken": "its image does not work; look at the run: {page}/actions/runs/2",
    "cut-off": "its image was not tested to the end; choose *Re-run all jobs* there: {page}/actions/runs/2",
    "approved": "its pull request was not tested; start its workflow *weekly*, or look at what changes: {page}/pull/1",
    "worked-on": "its pull request was not tested; start its workflow *weekly*, or look at what changes: {page}/pull/1",
    "conflict": "“Update to v1.2.0 of the template: it needs you”; do what the issue says: {page}/issues/1",
    "fails": "its workflow weekly failed; look why, and choose *Re-run failed jobs*: {page}/actions/runs/2",
    "left-nothing": "its workflow weekly left nothing to merge; look why: {page}/actions/runs/2",
    "closed": "closed by somebody, so it is left alone: {page}/pull/1",
    "switched-off": "its workflow weekly.yml is switched off; choose *Enable workflow* on its page: {page}",
    "without-weekly": "it has no workflow weekly.yml; update it in a terminal, with `hub-image update`: {page}",
    "building": "merged; its image is being built: {page}/actions/runs/3",
    "unbuilt": "merged; its image is being built: {page}/pull/1",
    "unbuilt-but-by-a-fork": "merged; its image is being built: {page}/pull/1",
    "current-and-broken-since": "its image of v1.2.0 does not work; look at the run: {page}/actions/runs/2",
    "broken-main": "its image of v1.2.0 does not work; look at the run: {page}/actions/runs/3",
}  # fmt: skip
NEEDY = ("broken", "cut-off", "approved", "worked-on", "conflict", "fails", "left-nothing", "switched-off", "without-weekly",
         "no-right", "broken-main", "current-and-broken-since")  # fmt: skip
STARTED = ("old", "oldest", "scheduled", "before-the-release", "older-pull", "will-break", "will-conflict")  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_each_state_is_told_and_no_more_is_asked_than_it_takes(kind, world):
    one = world.image(kind)
    KINDS[kind](one)
    world.server.seconds += 600
    before = world.starts()
    said = world.run(code=int(kind in NEEDY))
    if kind in SAID:
        assert far(said, kind) == SAID[kind].format(page=f"https://github.com/sea/{kind}")
    elif kind == "no-right":
        assert "the token needs the right *Actions: write*" in far(said, kind)
    else:
        assert f"sea/{kind}" not in said and "   1  " in said
    assert world.starts() - before == Counter({f"sea/{kind}": 1} if kind in STARTED else {})
    assert world.starts("image.yml") == Counter(
        {f"sea/{kind}": 1} if kind.startswith("unbuilt") else {}
    )
    reads = [
        asked
        for asked in world.server.seen.elements()
        if "/repos/sea/" in asked and asked.startswith("/")
    ]
    assert len(reads) <= 4, reads


@pytest.mark.parametrize("right", ["contents", "pulls", "actions", "issues"])
def test_a_right_that_lacks_is_named(right, world):
    one = world.image("ocean")
    KINDS["left-nothing"](one)
    one.rights = tuple(other for other in one.rights if other != right)
    said = far(world.run(code=1), "ocean")
    name = {"pulls": "Pull requests"}.get(right, right.capitalize())
    assert f"the token needs the right *{name}: read*" in said


@pytest.mark.parametrize("says", [SINGLE_SIGN_ON, ALLOW_LIST, CLASSIC])
@pytest.mark.parametrize("what", ["contents", "pulls", "runs", "POST .*dispatches"])
def test_what_an_organization_wants_of_a_token_is_no_right_that_lacks(what, says, world):
    world.image("ocean")
    world.server.fail(what, 403, says=says)
    said = far(world.run(code=1), "ocean")
    assert says.rstrip(".") in said and "needs the right" not in said


def test_a_classic_token_of_somebody_who_may_only_read_lacks_a_right(world):
    """https://github.com/PhilanthropyDataCommons/service/issues/343 has the words."""
    world.image("ocean")
    world.server.fail("POST .*dispatches", 403, says="Must have admin rights to Repository.")
    assert "the token needs the right *Actions: write*" in far(world.run(code=1), "ocean")


def test_without_a_token_and_with_wrong_options_it_is_one_sentence(world, monkeypatch, tmp_path):
    world.image("ocean")
    assert "--canary sea/pond is none of the 1 repositories here" in world.run(
        "--canary", "sea/pond", code=2
    )
    assert "name some with --canary" in world.run("--merge", code=2)
    assert "shows only how far" in world.run("--json", code=2)
    assert main(["fleet", "--org", "sea", "--merge"]) == 2
    assert "give --update too" in world.capsys.readouterr().err
    monkeypatch.delenv("GITHUB_TOKEN")
    assert "set GH_TOKEN" in world.run(code=2)
    assert not world.sent()


@pytest.mark.parametrize(
    "source", ["ext::sh -c false", "../template", "git@github.com:hub/template", ""]
)
def test_only_a_template_with_https_is_asked_for(source, world):
    world.image("ocean", template=source)
    assert "which is no address with https" in far(world.run(code=1), "ocean")


def test_who_has_more_than_the_newest_release_has_it(world):
    world.image("ocean", version="v1.2.0-3-g0123abc")
    assert "   1  has the newest release" in world.run()


def test_a_template_that_is_away_is_said(world):
    world.image("ocean", template="https://127.0.0.1:1/none")
    assert "The template cannot be had" in far(world.run(code=1), "ocean")


def test_a_pull_request_that_a_person_opened_for_the_bot_is_proved_but_never_merged(world):
    world.image("first", version=NEW)
    one = world.image("ocean")
    KINDS["left-nothing"](one)
    one.propose(user="ada", title="New template")
    one.prove()
    said = world.run("--canary", "sea/first", "--merge")
    assert "a person opened it or renamed it, so it is yours; proved; merge it" in far(
        said, "ocean"
    )
    assert not world.sent()


def test_a_pull_request_from_a_fork_is_none_of_the_bot(world):
    one = world.image("ocean")
    one.propose(repo="sea/fork")
    one.prove()
    assert "weekly runs" in far(world.run(), "ocean")


# ── Canaries


def test_the_commands_of_the_page_work(world):
    page = (ROOT / "docs/many.md").read_text()
    found = re.findall(r"^hub-image (fleet --update .*)$", page, re.MULTILINE)
    assert len(found) == 2
    for name in ("first", "second"):
        KINDS["merged"](world.image(name))
    KINDS["proved"](world.image("third"))
    told = []
    for line in found:
        assert main(shlex.split(line.replace("ocean", "sea"))) == 0
        told.append(far(world.capsys.readouterr().out, "third"))
    assert told[0].startswith("proved") and told[1].startswith("merged; its image is being built")


def test_canaries_come_first_and_the_rest_when_they_were_proved(world):
    for name in ("first", "ocean", "river"):
        world.image(name)
    canary = ("--canary", "sea/First")
    said = world.run(*canary)
    assert world.starts() == {"sea/first": 1} and "   2  not started" in said
    world.server.half_an_hour()
    assert "being built" in far(world.run(*canary), "first")
    assert world.starts() == {"sea/first": 1}
    world.server.days_pass()
    said = world.run(*canary)
    assert far(said, "first").startswith("proved; merge it")
    assert world.starts() == {"sea/first": 1, "sea/ocean": 1, "sea/river": 1}
    world.server.days_pass()
    said = world.run(*canary)
    assert [far(said, name).startswith("proved") for name in ("first", "ocean", "river")] == [
        True
    ] * 3
    assert sum(world.starts().values()) == 3 and "Run this again" not in said


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("will-break", "its image does not work; look at the run: https://github.com/sea/first/actions/runs/3"),
        ("will-conflict", "it needs you”; do what the issue says: https://github.com/sea/first/issues/1"),
        ("fails", "its workflow weekly failed"),
        ("closed", "closed by somebody"),
        ("switched-off", "is switched off"),
        ("no-right", "the token needs the right"),
        ("others", "makes no image"),
        ("broken-main", "its image of v1.2.0 does not work"),
    ],
)  # fmt: skip
def test_a_canary_that_fails_stops_the_rest_and_says_where(kind, why, world):
    KINDS[kind](world.image("first"))
    KINDS["proved"](world.image("pond"))
    world.image("second", version=NEW)
    world.image("ocean")
    options = ("--canary", "sea/first", "--canary", "sea/second", "--merge")
    for _ in range(3):
        said = world.run(*options, code=None)
        world.server.days_pass()
    said = world.run(*options, code=1)
    [line] = [
        line
        for line in said.splitlines()
        if line.startswith("The canary sea/first stops the rest: ")
    ]
    assert why in line
    assert "sea/ocean" not in world.starts()
    assert not any("PUT" in asked for asked in world.sent())


def test_a_canary_counts_when_people_merged_it_and_its_image_was_proved(world):
    one = world.image("first")
    KINDS["broken"](one)
    world.image("ocean")
    canary = ("--canary", "sea/first")
    world.run(*canary, code=1)
    one.pulls[-1]["sha"] = "9" * 40  # somebody mended it, and merged it
    one.merge()
    world.run(*canary)
    assert "sea/ocean" not in world.starts(), "its image is only being built"
    world.server.days_pass()
    world.run(*canary)
    assert world.starts() == {"sea/ocean": 1}


def test_a_canary_that_github_does_not_tell_of_holds_the_rest_up(world):
    world.image("first", version=NEW)
    world.image("ocean")
    world.server.fail("sea/first/pulls", 502, times=3)
    said = world.run("--canary", "sea/first", code=1)
    assert "502" in far(said, "first") and not world.starts()
    world.run("--canary", "sea/first")
    assert world.starts() == {"sea/ocean": 1}


# ── Merging


def test_what_was_proved_is_merged_only_when_people_have_merged_the_canaries(world):
    one = world.image("first")
    KINDS["proved"](one)
    for name in ("ocean", "squash-only", "review", "anchors", "broken"):
        KINDS.get(name, KINDS["proved"])(world.image(name))
    options = ("--canary", "sea/first", "--merge")
    said = world.run(*options, code=1)
    assert not world.sent()
    assert "Look at the canaries, and merge them; then run this again: sea/first." in said
    one.merge()
    world.server.half_an_hour()
    said = world.run(*options, code=1)
    assert far(said, "ocean").startswith("merged; its image is being built")
    assert far(said, "squash-only").startswith("merged; its image is being built")
    assert "could not be merged; do it by hand (GitHub refused PUT" in far(said, "review")
    assert "At least 1 approving review is required" in far(said, "review")
    assert "it changes where the template or the image comes from, so it is yours" in far(
        said, "anchors"
    )
    assert far(said, "broken").startswith("its image does not work")
    world.server.half_an_hour()
    said = world.run(*options, code=1)
    assert "   3  has the newest release, and its image was proved" in said
    merges = Counter(asked for asked in world.sent() if "PUT" in asked)
    assert merges["PUT /repos/sea/ocean/pulls/1/merge"] == 1
    assert not world.starts("image.yml"), "an App's or a person's merge has started it"


def test_without_merge_nothing_is_merged(world):
    KINDS["merged"](world.image("first"))
    KINDS["proved"](world.image("ocean"))
    world.run("--canary", "sea/first")
    assert not world.sent()


def test_who_has_another_template_than_the_canaries_is_not_merged(world, tmp_path, template):
    settings = tmp_path / "gitconfig"
    settings.write_text(settings.read_text() + f"\tinsteadOf = {TEMPLATE}-other\n")
    KINDS["merged"](world.image("first"))
    KINDS["proved"](world.image("ocean", template=f"{TEMPLATE}-other"))
    world.run("--canary", "sea/first", "--merge")
    assert not world.sent()


@pytest.mark.world("ways-of-merging")
@pytest.mark.parametrize("methods", [("merge",), ("squash",), ("rebase",), ()])
def test_it_is_merged_in_the_way_that_the_repository_allows(methods, world):
    KINDS["merged"](world.image("first"))
    one = world.image("ocean", methods=methods)
    KINDS["proved"](one)
    world.run("--canary", "sea/first", "--merge", code=int(not methods))
    assert one.version == (NEW if methods else OLD)


def test_only_the_commit_that_was_proved_is_merged(world):
    """GitHub holds the head against what was looked at, when it merges."""
    KINDS["merged"](world.image("first"))
    one = world.image("ocean")
    KINDS["proved"](one)
    look = update.look

    def slow(*arguments):
        found = look(*arguments)
        if found.name == one.name:
            one.pulls[-1]["sha"] = "9" * 40
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(update, "look", slow)
        said = world.run("--canary", "sea/first", "--merge", code=1)
    assert "Head branch was modified" in far(said, "ocean") and one.version == OLD


@pytest.mark.world("merge-by-a-job-starts-nothing")
def test_a_merge_that_starts_nothing_is_built_once_and_not_too_soon(world):
    KINDS["merged"](world.image("first"))
    one = world.image("ocean", starts=False)
    KINDS["proved"](one)
    options = ("--canary", "sea/first", "--merge")
    world.run(*options)
    world.server.seconds += 60
    said = world.run(*options)
    assert far(said, "ocean").startswith("merged; its image is being built")
    assert not world.starts("image.yml"), "GitHub's list may lag behind"
    world.server.seconds += 120
    world.run(*options)
    world.run(*options)
    assert world.starts("image.yml") == {"sea/ocean": 1}
    assert one.started[-1]["branch"] == "main"
    world.server.days_pass()
    assert "   2  has the newest release" in world.run(*options)


@pytest.mark.parametrize("kind", ["old", "unbuilt", "proved"])
def test_two_runs_at_once_do_nothing_twice(kind, world):
    """The other run does all that it can after this one has looked, and before it acts."""
    KINDS["merged"](world.image("first"))
    one = world.image("ocean")
    KINDS[kind](one)
    world.server.seconds += 600
    options = ("--canary", "sea/first", "--merge")
    act, ran = update.Fleet.act, []

    def late(fleet) -> None:
        if not ran:
            ran.append(True)
            world.run(*options)
        act(fleet)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(update.Fleet, "act", late)
        said = far(world.run(*options), "ocean")
    assert said.startswith("merged" if kind != "old" else "its workflow weekly runs")
    by_hand = Counter(world.starts()) + Counter(world.starts("image.yml"))
    assert sum(by_hand.values()) == (kind != "proved") and len(one.pulls) == (kind != "old")


def test_image_is_never_started_on_the_branch_of_an_update(world):
    """A start by a person or an App would build there with rights what nobody has reviewed."""
    kinds(world.server, len(KINDS))
    for _ in range(4):
        world.run(code=None)
        world.server.days_pass()
    for asked in world.sent():
        assert "dispatches" in asked
    for one in world.server.repositories.values():
        by_us = [
            run
            for run in one.started
            if run["event"] == "workflow_dispatch" and run["actor"] != BOT
        ]
        assert {run["branch"] for run in by_us} <= {"main"}


# ── Waiting, lags, lost answers, limits


def test_with_wait_it_goes_on_until_nothing_moves(world, monkeypatch):
    for name in ("first", "ocean", "river"):
        world.image(name)
    slept = []
    one = world.server.repositories["sea/first"]

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        world.server.half_an_hour()
        if one.pulls and one.started[-1]["workflow"] == "weekly.yml":
            pass
        if len(slept) == 4:
            one.merge()

    monkeypatch.setattr(update, "time", type("Time", (), {"sleep": staticmethod(sleep)}))
    said = world.run("--canary", "sea/first", "--merge", "--wait")
    assert "   3  has the newest release, and its image was proved" in said
    assert 4 < len(slept) < 20 and min(slept) >= 120
    assert world.starts() == {"sea/first": 1, "sea/ocean": 1, "sea/river": 1}


@pytest.mark.world("a-second-between-changes")
def test_a_second_lies_between_two_starts(world, monkeypatch):
    for name in ("first", "ocean", "river"):
        world.image(name)
    slept: list[float] = []
    told = SimpleNamespace(sleep=slept.append, monotonic=lambda: 0.0)
    monkeypatch.setattr(asking, "time", told)
    monkeypatch.setattr(asking, "PAUSE", 1)
    world.run()
    assert len(world.sent()) == 3 and slept == [0, 1, 1]


def test_what_github_lists_late_is_not_started_again(world, monkeypatch):
    one = world.image("ocean")
    slept = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        hidden = one.started.pop() if len(slept) == 1 else None
        if hidden:
            one.hidden = hidden
        elif len(slept) == 3:
            one.started.append(one.hidden)
        elif len(slept) > 3:
            world.server.half_an_hour()

    monkeypatch.setattr(update, "time", type("Time", (), {"sleep": staticmethod(sleep)}))
    world.run("--wait")
    assert [asked for asked in world.sent()] == [
        "POST /repos/sea/ocean/actions/workflows/weekly.yml/dispatches"
    ]


@pytest.mark.world("start-names-no-run")
@pytest.mark.parametrize("done", [True, False])
def test_a_start_whose_answer_is_lost_is_not_made_twice(done, world):
    one = world.image("ocean")
    world.server.fail("POST .*dispatches", 502, done=done)
    world.run()
    assert world.starts() == {one.name: 1}


@pytest.mark.parametrize("done", [True, False])
def test_a_merge_whose_answer_is_lost_is_no_failure(done, world):
    KINDS["merged"](world.image("first"))
    one = world.image("ocean")
    KINDS["proved"](one)
    world.server.fail("PUT .*merge", 502, done=done)
    world.run("--canary", "sea/first", "--merge")
    assert one.version == NEW


def test_a_limit_that_lasts_ends_it_and_another_run_goes_on(world):
    for at in range(40):
        world.image(f"image-{at}")
    world.server.limit = 150
    said = world.run(code=1)
    assert said.count("GitHub's limit for this hour is used up") == 1
    started = sum(world.starts().values())
    assert 0 < started < 40 and f"{39 - started:4}  not started" in said
    before = sum(world.starts().values())
    world.server.limit = 100_000
    world.run()
    assert set(world.starts().values()) == {1} and len(world.starts()) == 40 and before < 40


def test_what_is_shown_on_the_page_of_a_run_is_text(world, monkeypatch, tmp_path):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    one = world.image("ocean")
    KINDS["left-nothing"](one)
    one.opens("<!-- hub-image update -->\nText", "<img src=x> | [a](b) @ada")
    world.run(code=1)
    text = (tmp_path / "summary").read_text()
    assert r"\<img" in text and r"\[a\]" in text and r"\@ada" in text


# ── Three hundred, and interruptions


@pytest.mark.parametrize("size", [60, pytest.param(300, marks=pytest.mark.whole_matrix)])
def test_many_in_every_state_come_to_their_end(size, world):
    number = Counter(kinds(world.server, size).values())
    for name in ("canary-1", "canary-2"):
        world.image(name)
    options = ("--canary", "sea/canary-1", "--canary", "sea/canary-2", "--merge")
    for at in range(5):
        world.server.seen.clear()
        if at in (0, 3):
            disturb(world.server, size)
        said = world.run(*options, code=1)
        assert max(world.server.seen.values()) <= 3
        assert sum(world.server.seen.values()) <= 4.5 * size
        world.server.days_pass()
        if at == 1:
            for name in ("canary-1", "canary-2"):
                world.server.repositories[f"sea/{name}"].merge()
            world.server.days_pass()
    fine = ("old", "oldest", "current", "scheduled", "before-the-release", "running", "proving", "proved", "older-pull",
            "building", "unbuilt", "unbuilt-but-by-a-fork", "merged", "squash-only")  # fmt: skip
    has_it = 2 + sum(number[kind] for kind in fine)
    assert f"{has_it:4}  has the newest release, and its image was proved" in said
    assert f"{number['closed']:4}  closed by somebody" in said
    assert f"{number['others']:4}  makes no image with the template" in said
    assert f"{number['anchors']:4}  proved; merge it" in said, "where the image goes is for people"
    assert "not started" not in said and "Run this again" not in said
    once = Counter(asked for asked in world.starts())
    assert set(once.values()) == {1}


SMALL = ("old", "older-pull", "proved", "squash-only", "will-break", "will-conflict", "unbuilt", "merged", "closed", "anchors")  # fmt: skip


def end_of(server: Updates) -> dict[str, tuple]:
    """What has become of all: what is on the default branch, what is open, and how often each thing was started."""
    return {
        one.name: (
            one.version,
            tuple((pull["title"], pull["state"], bool(pull["merged_at"])) for pull in one.pulls),
            len(one.issues),
            Counter((run["workflow"], run["event"], run["branch"]) for run in one.started),
        )
        for one in server.repositories.values()
    }


def small(capsys) -> World:
    made = World(capsys)
    made.image("first")
    for kind in SMALL:
        KINDS[kind](made.image(kind, starts=kind != "proved"))
    return made


OPTIONS = ("--canary", "sea/first", "--merge")


def to_the_end(world: World, cut=lambda: None) -> dict[str, tuple]:
    """Run it again and again, the canary being merged when it is proved; return what has become of all."""
    for _ in range(5):
        cut()
        world.run(*OPTIONS, code=None)
        world.run(*OPTIONS, code=None)
        world.server.days_pass()
        canary = world.server.repositories["sea/first"]
        if canary.pulls and canary.pulls[-1]["state"] == "open":
            canary.merge()
            world.server.days_pass()
    return end_of(world.server)


class Cut:
    """Interrupts the command at a request, before it is sent or when it is answered."""

    def __init__(self, cuts: list[tuple[str, int, bool]]) -> None:
        self.cuts, self.ask = cuts, github._ask
        self.kinds, self.left, self.is_after = "", 0, False

    def next(self) -> None:
        if self.cuts:
            self.kinds, self.left, self.is_after = self.cuts.pop()

    def __call__(self, request, token: str):
        self.left -= request.method in self.kinds
        is_now = self.left == 0 and request.method in self.kinds
        if is_now and not self.is_after:
            raise KeyboardInterrupt
        found = self.ask(request, token)
        if is_now:
            raise KeyboardInterrupt
        return found


CUTS = st.one_of(
    st.tuples(st.just("GET POST PUT"), st.integers(1, 60), st.booleans()),
    st.tuples(st.just("POST PUT"), st.integers(1, 4), st.booleans()),
)


@pytest.fixture
def expected(world, capsys, monkeypatch):
    """What becomes of all where nobody is interrupted."""
    whole = small(capsys)
    use(whole.server, monkeypatch)
    with whole.server.served():
        return to_the_end(whole)


@settings(
    max_examples=4,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(cuts=st.lists(CUTS, min_size=2, max_size=5))
def test_whoever_is_interrupted_goes_on_and_nothing_is_done_twice(
    cuts, world, expected, capsys, monkeypatch
):
    again, cut = small(capsys), Cut(cuts)
    again.server.judged = world.server.judged
    use(again.server, monkeypatch)
    with pytest.MonkeyPatch.context() as patch, again.server.served():
        patch.setattr(github, "_ask", cut)
        assert to_the_end(again, cut.next) == expected
    for *_, started in expected.values():
        by_hand = {
            of: number for of, number in started.items() if of[1:] == ("workflow_dispatch", "main")
        }
        assert set(by_hand.values()) <= {1}
    assert expected["sea/old"][0] == expected["sea/proved"][0] == NEW


def test_an_interruption_is_130(world, monkeypatch):
    world.image("ocean")
    monkeypatch.setattr(github, "_ask", Cut([]))
    github._ask.kinds, github._ask.left = "POST", 1
    world.run(code=130)
    assert not world.starts()
    world.run()
    assert world.starts() == {"sea/ocean": 1}
