"""weekly.yml's expire: what is past its end becomes one pull request and one issue.

What goes from a list is in tests/lists/test_remove.py. What stands in for GitHub: see test_update_workflow.py, which runs
the workflow by act.
"""

from __future__ import annotations

import re
import time

import pytest

from conftest import git
from hub_image.ci import expire

from .hosting import NAME, OWNER, run
from .test_update_workflow import NO_PULLS, show, summary

LIST = """\
channels: [conda-forge]
dependencies:
  - plotly
  - geopandas  # #12: GEOG 101, until 2020-06
  - xarray  # the <b>maps</b> of @octocat, [x](https://evil.example) `code` #7, until 2020-04
"""
BRANCH = "hub-image/expire"
TEST = "image-tests/request-12.ipynb"


@pytest.fixture
def lists(image):
    """The repository has packages that are past their end, and the test of one of them."""
    (image.clone / "environment.yml").write_text(LIST)
    (image.clone / TEST).parent.mkdir(exist_ok=True)
    (image.clone / TEST).write_text("{}\n")
    image.owner_pushes()
    return image


def edit(lists, before: str, after: str, file: str = "environment.yml") -> None:
    """The owner changes a list."""
    path = lists.clone / file
    assert before in path.read_text()
    path.write_text(path.read_text().replace(before, after))
    lists.owner_pushes()


def weekly(lists, monkeypatch) -> None:
    """What the workflow does in a week."""
    assert run(lists, monkeypatch, lambda here, _: expire.expired(here)) == 0


def states(lists) -> list[tuple[str, str]]:
    """State and title of each pull request, then of the issue."""
    found = [*lists.github.pulls(), *lists.github.issues()]
    return [
        (one["state"], one["title"].removeprefix("Remove what was wanted until ")) for one in found
    ]


def test_one_pull_request_removes_it_and_one_issue_lists_it(lists, monkeypatch):
    commit = lists.branches()["main"]
    for _ in range(2):  # the second run finds everything done
        weekly(lists, monkeypatch)
        assert states(lists) == [("open", "2020-06")] * 2
        assert lists.github.started() == [["image.yml", BRANCH]]
    changed = git(lists.bare, "diff", "--name-status", "main", BRANCH).split()
    assert changed == ["M", "environment.yml", "D", TEST]
    assert show(lists, BRANCH, "environment.yml") == "".join(LIST.splitlines(True)[:3])
    page = f"https://github.com/{OWNER}/{NAME}"
    place = f"{page}/blob/{commit}/environment.yml#L"
    [pull], [issue] = lists.github.pulls(), lists.github.issues()
    for text in (pull["body"], issue["body"]):
        listed = [line for line in text.splitlines() if line.startswith("- `")]
        assert listed == [
            f"- `geopandas` in [environment.yml, line 4]({place}4): #12, `GEOG 101`, until 2020-06",
            f"- `xarray` in [environment.yml, line 5]({place}5): `the <b>maps</b> of @octocat, [x](https://evil.example) "
            "code #7`, until 2020-04",
        ]
        assert f"their request goes with them: `{TEST}`" in text
        assert (
            f"a later month beside it: [environment.yml]({page}/edit/main/environment.yml)" in text
        )
    assert (
        "Files that are yours stay" not in pull["body"] and "has passed its tests" in pull["body"]
    )
    assert f"Merge #{pull['number']}, which says" in issue["body"]
    assert lists.github.state()["comments"] == []


def test_after_the_merge_the_issue_is_closed(lists, monkeypatch):
    weekly(lists, monkeypatch)
    git(lists.bare, "update-ref", "refs/heads/main", f"refs/heads/{BRANCH}")
    lists.github.close(1, merged=True)
    weekly(lists, monkeypatch)
    assert states(lists) == [("closed", "2020-06")] * 2
    assert "Done: nothing of this is left to do" in lists.github.issues()[0]["body"]
    assert "nothing in the lists is past its end" in summary(lists)


def test_who_closes_them_is_asked_again_when_more_is_past_its_end(lists, monkeypatch):
    weekly(lists, monkeypatch)
    lists.github.close(1)
    weekly(lists, monkeypatch)
    assert states(lists) == [("closed", "2020-06"), ("open", "2020-06")]
    assert "Open #1 again, which somebody closed" in lists.github.issues()[0]["body"]
    lists.github.close(2)
    edit(lists, "  # #12: GEOG 101, until 2020-06", "")  # less is no news
    weekly(lists, monkeypatch)
    assert states(lists) == [("closed", "2020-06")] * 2
    edit(lists, "plotly", "plotly  # until 2020-07")
    weekly(lists, monkeypatch)
    assert states(lists) == [("closed", "2020-06"), ("open", "2020-07"), ("open", "2020-07")]
    assert "Merge #3" in lists.github.issues()[0]["body"]


def test_a_later_month_takes_it_back(lists, monkeypatch):
    weekly(lists, monkeypatch)
    edit(lists, "until 2020-06", "until 2999-06")
    weekly(lists, monkeypatch)
    assert states(lists) == [("open", "2020-04")] * 2
    assert "geopandas" in show(lists, BRANCH, "environment.yml")
    assert "`geopandas`" not in lists.github.issues()[0]["body"]
    edit(lists, "until 2020-04", "until 2999-06")
    for _ in range(2):
        weekly(lists, monkeypatch)
        assert states(lists) == [("closed", "2020-04")] * 2


def test_what_only_a_person_can_take_out_is_in_the_issue_alone(lists, monkeypatch):
    weekly(lists, monkeypatch)
    (lists.clone / "apt.txt").write_text("jq zip  # until 2020-08\n")
    edit(lists, "until 2020-0", "until 2999-0")
    weekly(lists, monkeypatch)
    assert states(lists) == [("closed", "2020-06"), ("open", "2020-08")]
    [issue] = lists.github.issues()
    assert "only you can take them out:\n\n- `jq` in [apt.txt, line 1]" in issue["body"]
    assert "Merge #" not in issue["body"]


def test_a_comment_reminds_once_a_month(lists, monkeypatch):
    weekly(lists, monkeypatch)
    for month in ("2998-12", "2999-01"):
        monkeypatch.setattr(time, "strftime", lambda form, *_, month=month: month)
        for _ in range(2):
            weekly(lists, monkeypatch)
    comments = lists.github.state()["comments"]
    assert [comment["body"] for comment in comments] == [expire.REMINDER] * 2
    lists.github.close(2)
    monkeypatch.setattr(time, "strftime", lambda form, *_: "2999-02")
    weekly(lists, monkeypatch)
    assert lists.github.state()["comments"] == comments


def test_where_actions_may_not_open_pull_requests_the_issue_has_both(lists, monkeypatch):
    lists.github.state(settings=NO_PULLS)
    weekly(lists, monkeypatch)
    assert states(lists) == [("open", "2020-06")]
    [issue] = lists.github.issues()
    assert f"compare/main...{BRANCH}?expand=1" in issue["body"] and "`geopandas`" in issue["body"]


def test_without_issues_there_is_the_pull_request(lists, monkeypatch, capsys):
    lists.github.state(settings={"issues": False, "actions may open pull requests": True})
    weekly(lists, monkeypatch)
    assert [pull["state"] for pull in lists.github.pulls()] == ["open"]
    assert re.search(r"warning.* Pull request #1 has the same list\.", capsys.readouterr().out)


def test_a_protected_branch_leaves_the_commands(lists, monkeypatch):
    git(lists.bare, "config", "standin.protected", f"refs/heads/{BRANCH}")
    weekly(lists, monkeypatch)
    [issue] = lists.github.issues()
    assert "GitHub refused the branch" in issue["body"] and "hub-image expire" in issue["body"]
    assert "`geopandas`" in issue["body"]
