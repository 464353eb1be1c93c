"""The answer `hub_config`: the request has the lines that change, and a pull request has them changed."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import yaml

from conftest import git
from github import Kept
from hub_image.__main__ import main
from hub_image.ci import notices
from hub_image.ci import request as ci_request
from hub_image.handoff import pull_request, request
from hub_image.handoff.config import HubConfig
from hub_image.problem import Problem

from .conftest import REFERENCES
from .test_into import STAGING

NEW = REFERENCES["ocean"]
OLD = "quay.io/ocean/ocean:ffffffffffff"


@pytest.fixture
def image(repositories, tmp_path, monkeypatch) -> Path:
    """An image repository whose answer names a hub's configuration with two files."""
    folder = tmp_path / "image"
    shutil.copytree(repositories["ocean"], folder)
    file = folder / ".github/image.env"
    text = file.read_text()
    assert "HUB_CONFIG=\n" in text
    file.write_text(
        text.replace("HUB_CONFIG=\n", "HUB_CONFIG=sea/hubs:staging.yaml,prod/values.yaml\n")
    )
    labels = {"org.opencontainers.image.source": "https://github.com/ocean/ocean"}
    monkeypatch.setattr(request, "published", lambda reference: ("sha256:" + "1" * 64, labels))
    return folder


@pytest.fixture
def hubs(tmp_path, monkeypatch) -> Path:
    """The repository sea/hubs, and a clone of it that people push from."""
    monkeypatch.setenv("GITHUB_SERVER_URL", f"file://{tmp_path}/github")
    monkeypatch.delenv("HUB_CONFIG_TOKEN", raising=False)
    bare, clone = tmp_path / "github/sea/hubs", tmp_path / "hubs"
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", str(bare))
    (clone / "prod").mkdir(parents=True)
    git(clone, "init", "--quiet")
    git(clone, "remote", "add", "origin", str(bare))
    push(clone, STAGING, STAGING)
    return clone


def push(clone: Path, staging: str, prod: str) -> None:
    (clone / "staging.yaml").write_text(staging)
    (clone / "prod/values.yaml").write_text(prod)
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--allow-empty", "--message", "Hubs")
    git(clone, "push", "--quiet", "origin", "HEAD:main")


def write(image: Path, capsys, *arguments: str) -> str:
    assert main(["request", NEW, str(image), *arguments]) == 0
    return capsys.readouterr().out


# ── The request's text


def test_lines_that_change_in_place_of_whole_lists(image, hubs, capsys):
    text = write(image, capsys, f"--previous={OLD}")
    for file in ("staging.yaml", "prod/values.yaml"):
        assert (
            f"In `{file}`, line 15:\n\n```diff\n"
            f"-                  image: '{OLD}'  # by hand\n+                  image: '{NEW}'  # by hand\n```"
        ) in text
    assert "profileList" not in text


def test_one_more_choice_is_only_its_lines(image, hubs, capsys):
    other = STAGING.replace("quay.io/ocean/ocean", "quay.io/ocean/land")
    push(hubs, other, other)
    text = write(image, capsys)
    assert "In `staging.yaml`, one more entry below `choices:` of the profile python:" in text
    assert "profileList" not in text
    choices = yaml.safe_load(text.split("```yaml\n")[1].split("```")[0])
    assert choices["ocean"]["kubespawner_override"]["image"] == NEW


@pytest.mark.parametrize("trouble", ["gone", "ambiguous", "no such file"])
def test_where_lines_are_not_known_the_lists_stay(trouble, image, hubs, tmp_path, capsys):
    if trouble == "gone":
        shutil.rmtree(tmp_path / "github")
    elif trouble == "ambiguous":
        two = STAGING.replace("quay.io/ocean/rivers:1.0", "quay.io/ocean/ocean:1.0")
        push(hubs, two, two)
    else:
        git(hubs, "rm", "--quiet", "staging.yaml")
        git(hubs, "commit", "--quiet", "--message", "Gone")
        git(hubs, "push", "--quiet", "origin", "HEAD:main")
    text = write(image, capsys)
    assert "warning: " in text and "The request has whole lists" in text
    assert text.count("profileList") == 2


@pytest.mark.parametrize(
    "text", ["sea/hubs", "sea/hubs:", "hubs:a", "sea/hubs:/a", "sea/hubs:a,../b", "a b/c:d"]
)
def test_an_answer_that_is_none(text):
    with pytest.raises(Problem, match="write it as owner/repository:staging.yaml"):
        HubConfig.parse(text)


# ── The pull request


@pytest.fixture
def api(hubs, tmp_path, monkeypatch):
    """GitHub with sea/hubs, for a token that may write there."""
    kept = Kept(tmp_path / "github.json", "sea/hubs", tmp_path / "github/sea/hubs")
    kept.state(
        permissions={"contents": "write", "pull-requests": "write"},
        repository={"permissions": {"admin": False, "push": True, "pull": True}},
    )
    monkeypatch.setenv("HUB_CONFIG_TOKEN", "of-the-owner")
    monkeypatch.setattr(pull_request.time, "sleep", lambda seconds: None)
    with kept.served() as port:
        monkeypatch.setenv("GITHUB_API_URL", f"http://127.0.0.1:{port}")
        yield kept


def shown(repository: Path, branch: str, file: str) -> str:
    return git(repository, "show", f"{branch}:{file}")


def test_one_pull_request_opened_and_renewed(image, hubs, api, tmp_path, capsys):
    said = write(image, capsys, "--pull-request", f"--previous={OLD}")
    [pull] = api.pulls()
    assert said == f"https://github.com/sea/hubs/pull/{pull['number']}\n"
    assert pull["title"] == f"Link {NEW}" and pull["head"] == "hub-image/ocean"
    for part in (
        f"- staging.yaml, line 15 (Python › Ocean): instead of `{OLD}`", "- prod/values.yaml, line 15", "https://github.com/ocean/ocean",
    ):  # fmt: skip
        assert part in pull["body"]
    bare = tmp_path / "github/sea/hubs"
    for file in ("staging.yaml", "prod/values.yaml"):
        assert shown(bare, "hub-image/ocean", file) == STAGING.replace("ffffffffffff", NEW[-12:])
        assert shown(bare, "main", file) == STAGING
    push(hubs, STAGING.replace("Staging", "New words"), STAGING)
    write(image, capsys, "--pull-request")
    assert [one["number"] for one in api.pulls()] == [pull["number"]]
    assert "New words" in shown(bare, "hub-image/ocean", "staging.yaml")


def test_from_a_fork_where_there_is_no_right_to_write(image, hubs, api, tmp_path, capsys):
    api.state(repository={"permissions": {"admin": False, "push": False, "pull": True}})
    write(image, capsys, "--pull-request")
    [pull] = api.pulls()
    assert pull["head"] == "octocat:hub-image/ocean"
    fork = tmp_path / "github/octocat/hubs"
    assert NEW in shown(fork, "hub-image/ocean", "staging.yaml")
    assert "hub-image" not in git(tmp_path / "github/sea/hubs", "branch")
    write(image, capsys, "--pull-request")
    assert len(api.pulls()) == 1


def test_a_hub_that_has_it_already(image, hubs, api, capsys):
    push(hubs, STAGING.replace(OLD, NEW), STAGING.replace(OLD, NEW))
    assert write(image, capsys, "--pull-request") == f"sea/hubs has {NEW} already.\n"
    assert api.pulls() == []


def test_ghs_login_is_enough_at_a_terminal(image, hubs, api, tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("HUB_CONFIG_TOKEN")
    (tmp_path / "bin").mkdir()
    gh = tmp_path / "bin/gh"
    gh.write_text('#!/bin/sh\n[ "$*" = "auth token" ] && echo of-gh\n')
    gh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    write(image, capsys, "--pull-request")
    assert len(api.pulls()) == 1
    gh.write_text("#!/bin/sh\nexit 1\n")
    assert main(["request", NEW, str(image), "--pull-request"]) == 2
    assert "install gh and run `gh auth login`, or set HUB_CONFIG_TOKEN" in capsys.readouterr().err


def test_without_the_answer(repositories, api, capsys):
    assert main(["request", NEW, str(repositories["ocean"]), "--pull-request"]) == 2
    assert "no answer says where the hub's configuration is" in capsys.readouterr().err


# ── An old image is noticed

ISSUE = f"{ci_request.MARK}{'a' * 40} -->\n{ci_request.KEPT}\n\n# Link request\n"


@pytest.fixture
def weekly(image, hubs, tmp_path, monkeypatch):
    """The weekly job of ocean/ocean, whose issue is there; five images were published, one each month."""
    monkeypatch.chdir(image)
    git(image, "init", "--quiet")
    tags = []
    for month in range(5):
        day = datetime.now(timezone.utc) - timedelta(days=30 * (4 - month))
        for who in ("AUTHOR", "COMMITTER"):
            monkeypatch.setenv(f"GIT_{who}_DATE", day.isoformat())
        git(image, "commit", "--quiet", "--allow-empty", "--message", str(month))
        tags.append(git(image, "rev-parse", "HEAD")[:12])
    monkeypatch.setattr(
        notices, "Repository", lambda name: type("", (), {"tags": lambda self: tags})()
    )
    kept = Kept(tmp_path / "ocean.json", "ocean/ocean")
    kept.state(permissions={"contents": "read", "issues": "write"})
    kept.add(title="Link request", user="github-actions[bot]", body=ISSUE)
    monkeypatch.setenv("GITHUB_REPOSITORY", "ocean/ocean")
    monkeypatch.setenv("GITHUB_REPOSITORY_OWNER", "ocean")
    monkeypatch.setenv("GITHUB_TOKEN", "of-this-job")
    kept.tags = tags
    with kept.served() as port:
        monkeypatch.setenv("GITHUB_API_URL", f"http://127.0.0.1:{port}")
        yield kept


def runs(hubs: Path, tag: str) -> None:
    """The hub gets this tag in production; staging has the newest always."""
    push(hubs, "a: 1\n", STAGING.replace("ffffffffffff", tag))


def notice(weekly) -> tuple[str, int]:
    """Run the job; return the issue's text and how many comments there are."""
    assert main(["notices"]) == 0
    state = weekly.state()
    return state["issues"][0]["body"], len(state["comments"])


def test_a_hub_that_lags_is_said_on_top_and_once_a_month(weekly, hubs, monkeypatch):
    runs(hubs, weekly.tags[2])
    body, comments = notice(weekly)
    assert (
        "> **`sea/hubs` has `"
        + weekly.tags[2]
        + "` in prod/values.yaml, which is 60 days older than the newest"
        in body
    )
    assert body.startswith(ci_request.MARK) and body.endswith("# Link request\n") and comments == 1
    assert notice(weekly) == (body, 1)
    today = datetime.now(timezone.utc).date()
    with_old = body.replace(today.isoformat(), (today - timedelta(days=31)).isoformat())
    state = weekly.state()
    state["issues"][0]["body"] = with_old
    weekly.state(issues=state["issues"])
    assert notice(weekly) == (body, 2)
    runs(hubs, weekly.tags[4])
    now, comments = notice(weekly)
    assert "older than the newest" not in now and comments == 2


def test_a_hub_that_is_near_is_left_alone(weekly, hubs):
    for tag in (weekly.tags[4], weekly.tags[3], "000000000000"):
        runs(hubs, tag)
        assert notice(weekly) == (ISSUE, 0)


@pytest.mark.parametrize("setting", ["25 days or 9 images", "400 days or 1 image"])
def test_what_is_far_behind_is_the_owners_setting(setting, weekly, hubs, monkeypatch):
    runs(hubs, weekly.tags[3])
    monkeypatch.setenv("NOTICE_AFTER", setting)
    body, comments = notice(weekly)
    assert "which is 30 days older than the newest; there is a newer image" in body
    assert comments == 1


def test_a_setting_that_says_neither_is_one_sentence(weekly, hubs, monkeypatch, capsys):
    monkeypatch.setenv("NOTICE_AFTER", "often")
    assert main(["notices"]) == 2
    said = capsys.readouterr()
    assert "the repository's variable NOTICE_AFTER is 'often': write it as" in said.out + said.err


def test_a_newer_request_does_not_begin_the_month_anew(weekly, hubs):
    runs(hubs, weekly.tags[0])
    body, _ = notice(weekly)
    ci_request.keep_issue("# A newer request\n", "b" * 40)
    kept = weekly.state()["issues"][0]["body"]
    assert "# A newer request" in kept and "older than the newest" not in kept
    body, comments = notice(weekly)
    assert "older than the newest" in body and comments == 1


def test_a_configuration_that_cannot_be_read_is_said_once(weekly, tmp_path):
    shutil.rmtree(tmp_path / "github")
    body, comments = notice(weekly)
    assert "> **hub_config: sea/hubs cannot be read" in body and comments == 0
    assert notice(weekly) == (body, 0)


def test_without_the_answer_nothing_is_told(repositories, monkeypatch, capsys):
    monkeypatch.chdir(repositories["ocean"])
    assert main(["notices"]) == 0
    assert "There is no answer hub_config" in capsys.readouterr().out
