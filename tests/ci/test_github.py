"""GitHub's API as the commands of CI use it, against the stand-in (tests/github/)."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace

import pytest
import yaml

from conftest import ROOT
from github import LIMIT, Kept, event
from hub_image.ci import proposal, propose, report, request
from hub_image.problem import Problem
from hub_image.tools import github
from hub_image.tools.github import NoAnswer, Refused

ISSUES = "/repos/sea/ocean/issues"
DRAFT = proposal.Draft("update", "0" * 40, "Update")


@pytest.fixture
def api(tmp_path, monkeypatch):
    """The repository sea/ocean, and what a job that keeps the link request is told."""
    kept = Kept(tmp_path / "github.json", "sea/ocean")
    kept.act_as("image.yml", "Link request")
    (tmp_path / "event.json").write_text(json.dumps(event("push", "sea/ocean")))
    with kept.served() as port:
        monkeypatch.setenv("GITHUB_API_URL", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("GITHUB_TOKEN", "of-this-job")
        monkeypatch.setenv("GITHUB_REPOSITORY", "sea/ocean")
        monkeypatch.setenv("GITHUB_EVENT_PATH", str(tmp_path / "event.json"))
        yield kept


@pytest.fixture
def clock(monkeypatch):
    """Time that passes only while we wait; `waits` has how long each wait was, `after` what happens after the nth."""
    told = SimpleNamespace(now=1_800_000_000.0, waits=[], after={})

    def sleep(seconds: float) -> None:
        told.waits.append(seconds)
        told.now += seconds
        told.after.get(len(told.waits), lambda: None)()

    told.sleep, told.time, told.monotonic = sleep, lambda: told.now, lambda: told.now
    monkeypatch.setattr(github, "time", told)
    monkeypatch.setattr(propose, "time", told)
    return told


# ── One call


@pytest.mark.world("api-limits")
@pytest.mark.parametrize("status", [0, 500, 502, 503, 504])
def test_where_github_is_away_it_is_asked_again(status, api, clock):
    api.fail("GET", status, times=2)
    assert github.api("GET", ISSUES) == []
    assert clock.waits == [10, 20]


@pytest.mark.world("api-limits")
@pytest.mark.parametrize(
    ("status", "headers", "message", "waits"),
    [
        (429, {"retry-after": "17"}, "", [17]),
        (403, {"retry-after": "17"}, "You have exceeded a secondary rate limit.", [17]),
        (429, {"x-ratelimit-remaining": 0, "x-ratelimit-reset": 1_800_000_100}, "", [101]),
        (403, {"x-ratelimit-remaining": 0, "x-ratelimit-reset": 1_800_000_100}, "", [101]),
        (403, {"x-ratelimit-remaining": 0, "x-ratelimit-reset": 1_799_999_000}, "", [1]),
        (403, {}, "You have exceeded a secondary rate limit.", [60]),
        (429, {}, "", [60]),
        (429, {"retry-after": "soon"}, "", [60]),
        (503, {"retry-after": "17"}, "", [17]),
    ],
)
def test_limits_are_kept_as_the_headers_say(status, headers, message, waits, api, clock):
    api.fail("POST", status, headers=headers, message=message)
    github.api("POST", ISSUES, {"title": "One"}, made=lambda: None)
    assert clock.waits == waits and len(api.issues()) == 1


@pytest.mark.world("api-limits")
def test_a_limit_without_a_time_is_waited_for_longer_each_time_and_not_for_ever(api, clock):
    api.fail("GET", 403, 9, message="You have exceeded a secondary rate limit.")
    with pytest.raises(NoAnswer, match="secondary rate limit. Run this job again later"):
        github.api("GET", ISSUES)
    assert clock.waits == [60, 120, 240]


@pytest.mark.world("api-limits")
def test_the_limit_of_an_hour_is_not_waited_for(api, clock):
    api.state(remaining=0, reset=int(clock.now) + 30 * 60)
    with pytest.raises(NoAnswer, match="API rate limit exceeded.* Run this job again in 30 min"):
        github.api("GET", ISSUES)
    assert clock.waits == []


@pytest.mark.world("permissions-raise-the-default")
def test_what_is_refused_is_not_asked_again_and_says_why(api, clock):
    api.act_as("image.yml", "Image for linux/amd64")
    with pytest.raises(Refused, match="403 Resource not accessible by integration"):
        github.api("POST", ISSUES, {"title": "One"})
    assert clock.waits == [] and len(api.state()["requests"]) == 1


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("status", [0, 502])
def test_a_post_without_an_answer_is_looked_for_before_it_is_sent_again(status, done, api, clock):
    api.fail("POST", status, done=done)
    request.keep_issue("first", "a" * 40)
    assert len(api.issues()) == 1
    api.fail("POST", status, done=done)
    with pytest.raises(NoAnswer):  # nothing says how to look for it
        github.api("POST", ISSUES, {"title": "Another"})
    assert len(api.issues()) == 1 + done


@pytest.mark.parametrize("status", [0, 502])
def test_a_delete_without_an_answer_that_was_done_is_done(status, api, clock):
    """GitHub then says 404, as it does for what was never there."""
    api.fail("DELETE", status)
    path = "/orgs/sea/packages/container/ocean/versions/1"
    api.fail("DELETE", 404, times=2)
    assert github.api("DELETE", path) is None
    with pytest.raises(Refused, match="404"):
        github.api("DELETE", path)


def test_a_list_has_pages(api):
    for number in range(201):
        api.add(title=str(number))
    assert len(github.pages(ISSUES)) == 201


# ── What a job wrote before


def test_one_issue_holds_the_newest_request(api):
    """What somebody else began with our words is not touched, and what was closed stays closed."""
    forged = api.add(user="visitor", body=f"{request.MARK}mine")
    api.add(user=None, body=f"{request.MARK}of somebody who has left")
    request.keep_issue("first", "a" * 40)
    request.keep_issue("second", "b" * 40)
    before, _, ours = api.issues()
    assert before["number"] == forged and before["body"] == f"{request.MARK}mine"
    assert ours["title"] == "Link request" and ours["body"].endswith("\n\nsecond")
    api.close(ours["number"])
    request.keep_issue("third", "c" * 40)
    *_, ours = api.issues()
    assert ours["state"] == "closed" and ours["body"].endswith("\n\nthird")


@pytest.mark.parametrize("why", ["issues are off", "the token may not"])
def test_where_no_issue_can_be_kept_the_page_has_the_request(why, api, capsys):
    if why == "issues are off":
        api.state(settings={"issues": False, "actions may open pull requests": True})
    else:
        api.act_as("image.yml", "Link request", fork=True)
    request.keep_issue("first", "a" * 40)
    assert "The page of this run has the request." in capsys.readouterr().out
    assert not api.issues()


@pytest.mark.world("pull-requests-are-issues")
def test_an_issue_is_closed_and_the_pull_request_that_begins_alike_is_not(api):
    api.act_as("weekly.yml", "Propose")
    pull = {"head": "hub-image/update", "base": "main", "merged_at": None, "sha": ""}
    api.add(user=github.OURSELVES, body=DRAFT.mark)
    api.add(user=github.OURSELVES, body=DRAFT.mark, pull=pull)
    propose.close_issue(DRAFT)
    propose.close_issue(DRAFT)
    assert [entry["state"] for entry in api.state()["issues"]] == ["closed", "open"]


def test_one_comment_has_the_report(api, tmp_path, monkeypatch, clock):
    api.pull(3)
    api.act_as("image.yml", "Image for linux/amd64")
    told = event("pull_request", "sea/ocean", pull_request={"number": 3})
    (tmp_path / "event.json").write_text(json.dumps(told))
    api.fail("POST", 502, done=True)
    report.comment("<!-- hub-image linux/amd64 -->\nfirst")
    report.comment("<!-- hub-image linux/arm64 -->\nother")
    report.comment("<!-- hub-image linux/amd64 -->\nsecond")
    assert [comment["body"].split("\n")[1] for comment in api.state()["comments"]] == [
        "second",
        "other",
    ]


# ── Runs that are waited for


def prove() -> str:
    """What comes out for the branch of a draft."""
    opened = propose.Opened(DRAFT, "0" * 40, [], {})
    propose.start_proof(opened)
    return propose.prove(opened, propose.time.monotonic() + propose.LONGEST)


@pytest.mark.world("api-limits")
def test_an_hour_of_waiting_survives_bad_answers_and_asks_rarely(api, clock):
    api.act_as("weekly.yml", "Propose")
    api.state(looks=60)
    clock.after = {
        3: lambda: api.fail("GET", 502),
        10: lambda: api.fail("GET", 0, times=6),  # ten minutes
        30: lambda: api.fail("GET", 503, times=2),
    }
    assert prove().startswith("was built and has passed its tests")
    assert api.started() == [["image.yml", "hub-image/update"]]
    hours = sum(clock.waits) / 3600
    assert hours > 1 and len(api.state()["requests"]) / hours < LIMIT / 10


def test_a_run_that_does_not_end_is_left_and_found_again(api, clock):
    api.act_as("weekly.yml", "Propose")
    api.state(conclusion=None)
    assert prove().startswith("is still being tested")
    assert sum(clock.waits) < 150 * 60, "the job ends then"
    api.state(conclusion="success")
    assert prove().startswith("was built and has passed its tests")
    assert len(api.started()) == 1


@pytest.mark.parametrize(
    ("conclusion", "said"),
    [
        ("success", "has passed"),
        ("failure", "do not merge this yet"),
        ("timed_out", "do not merge this yet"),
        ("cancelled", "was not tested to the end"),
    ],
)
def test_the_end_of_a_run_is_told(conclusion, said, api, clock):
    api.act_as("weekly.yml", "Propose")
    api.state(conclusion=conclusion)
    assert said in prove()


@pytest.mark.parametrize("done", [True, False])
def test_a_start_without_an_answer_is_looked_for(done, api, clock):
    api.act_as("weekly.yml", "Propose")
    api.fail("POST", 502, done=done)
    prove()
    assert len(api.started()) == 1


# ── Schedules


@pytest.mark.world("schedules-stop")
def test_each_run_keeps_its_schedule(api, monkeypatch):
    name = "sea/ocean/.github/workflows/weekly.yml@refs/heads/main"
    monkeypatch.setenv("GITHUB_WORKFLOW_REF", name)
    api.act_as("weekly.yml", "Propose")
    for _ in range(20):
        api.days_pass(7)
        assert not api.state()["disabled"].get("weekly.yml")
        github.renew()
    api.days_pass(70)
    assert api.state()["disabled"]["weekly.yml"] == "disabled_inactivity"


@pytest.mark.world("schedules-stop")
def test_a_schedule_that_cannot_be_kept_is_a_warning(api, monkeypatch, capsys):
    monkeypatch.setenv("GITHUB_WORKFLOW_REF", "sea/ocean/.github/workflows/weekly.yml@refs/heads/x")
    github.renew()  # of a job that may not
    assert "choose *Enable workflow*" in capsys.readouterr().out


# ── Masks


@pytest.mark.world("secrets-are-masked")
def test_a_secret_is_only_what_no_output_needs():
    """The runner blots secrets out of pages and logs, and drops an output of a job that holds one.

    So names are variables, and outputs that cross jobs are a digest, words and numbers of ours and platforms.
    """
    template = ROOT / "template/.github"
    texts = [file.read_text() for file in template.rglob("*.yml")]
    assert set(re.findall(r"\bsecrets\.(\w+)", "".join(texts))) == {
        "REGISTRY_PASSWORD",
        "HUB_CONFIG_TOKEN",
    }
    jobs = [job for text in texts for job in (yaml.safe_load(text).get("jobs") or {}).values()]
    outputs = {name for job in jobs for name in job.get("outputs", {})}
    assert outputs == {"builds", "digest", "proved", "page", "kind", "draft"}


# ── The stand-in itself


@pytest.mark.world("pull-requests-are-issues")
def test_a_merged_pull_request_stays_closed(api):
    api.act_as("weekly.yml", "Propose")
    api.pull(1)
    for path in ("issues", "pulls"):
        github.api("PATCH", f"/repos/sea/ocean/{path}/1", {"state": "closed"})
        github.api("PATCH", f"/repos/sea/ocean/{path}/1", {"state": "open"})
    issues = api.state()["issues"]
    issues[0]["pull"]["merged_at"], issues[0]["state"] = "2026-11-23T10:00:00Z", "closed"
    api.state(issues=issues)
    for path in ("issues", "pulls"):
        with pytest.raises(Refused, match="422 Validation Failed; state cannot be changed"):
            github.api("PATCH", f"/repos/sea/ocean/{path}/1", {"state": "open"})


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (ISSUES, {"titel": "One"}),
        (ISSUES, {"title": ["One"]}),
        (f"{ISSUES}?state=every", None),
        (f"{ISSUES}?sate=all", None),
        ("/repos/sea/ocean/secrets", None),
    ],
)
def test_what_the_description_does_not_know_is_noticed(path, body, api):
    try:
        github.api("POST" if body else "GET", path, body)
    except Problem:
        pass
    with pytest.raises(AssertionError):
        api.check()
    api.state(violations=[])
