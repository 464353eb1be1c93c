"""Who may push, and under which tags: every event that GitHub knows, without GitHub."""

from __future__ import annotations

import pytest

from conftest import CATALOG, git
from hub_image.ci import clean_up, login
from hub_image.ci import plan as module
from hub_image.problem import Problem
from hub_image.repository import image_env
from hub_image.tools import github, registry

HEAD, MERGE = "a" * 40, "b" * 40
ANSWERS = {
    "REGISTRY": "quay.io",
    "REGISTRY_OWNER": "sea",
    "IMAGE_NAME": "ocean",
    "PLATFORMS": "linux/amd64",
}
REPOSITORY = {"repository": {"default_branch": "main", "owner": {"type": "Organization"}}}
LOGIN = {"REGISTRY_LOGIN": "quay.io/sea+ci", "REGISTRY_PASSWORD": "token"}
PULL = {
    "number": 7,
    "head": {"sha": HEAD, "repo": {"full_name": "Sea/ocean"}},
    "user": {"login": "octocat"},
}


def plan(
    event=None, ref="refs/heads/main", answers=None, login=None, platform="linux/amd64", git_tags=()
):
    """The plan for an event, where the repository belongs to `Sea`."""
    environ = {"GITHUB_REPOSITORY": "Sea/ocean", "GITHUB_REPOSITORY_OWNER": "Sea"}
    environ |= {"GITHUB_REF": ref, "GITHUB_SHA": MERGE, **(LOGIN if login is None else login)}
    lines = (f"{name}={value}" for name, value in (ANSWERS | (answers or {})).items())
    answers = image_env.parse("\n".join(lines))
    return module.plan(answers, REPOSITORY | (event or {}), environ, platform, git_tags)


def pull(**changes):
    return plan({"pull_request": PULL | changes}, ref="refs/pull/7/merge")


def test_the_default_branch_publishes_its_commit():
    made = plan()
    assert (made.push, made.tags) == (True, (MERGE[:12],))
    assert made.reference == f"quay.io/sea/ocean:{MERGE[:12]}"
    assert made.to_cache


def test_another_default_branch():
    made = plan({"repository": {"default_branch": "trunk"}}, ref="refs/heads/trunk")
    assert made.push
    assert not plan({"repository": {"default_branch": "trunk"}}).push


@pytest.mark.parametrize(
    "tag", ["2026.11", "2026.11.23", "2026.1.2", "2026.11.23-1", "2026.11.23.2"]
)
def test_a_release_has_the_commits_tag_and_its_own(tag):
    made = plan(ref=f"refs/tags/{tag}")
    assert made.push and made.tags == (MERGE[:12], tag)
    assert made.reference.endswith(f":{tag}")


def test_every_run_of_a_commit_publishes_all_its_releases():
    """GitHub drops a run that waits when a newer one of its group comes; the newer one names its own."""
    git_tags = ("2026.11.22", "v1.0.0", "2026.11.23")
    made = plan(ref="refs/tags/2026.11.22", git_tags=git_tags)
    assert made.tags == (MERGE[:12], "2026.11.22", "2026.11.23")
    assert made.reference == "quay.io/sea/ocean:2026.11.22"
    made = plan(git_tags=git_tags)
    assert made.tags == (MERGE[:12], "2026.11.22", "2026.11.23")
    assert made.reference == f"quay.io/sea/ocean:{MERGE[:12]}"
    both = {"PLATFORMS": "linux/amd64,linux/arm64"}
    made = plan(answers=both, platform="linux/arm64", git_tags=git_tags)
    assert made.tags == (f"{MERGE[:12]}-arm64", "2026.11.22-arm64", "2026.11.23-arm64")
    assert plan({"pull_request": PULL}, git_tags=git_tags).tags == (f"pr-7-{HEAD[:12]}",)


def test_releases_are_read_from_git(tmp_path, monkeypatch):
    git(tmp_path, "init", "--quiet")
    (tmp_path / ".github").mkdir()
    lines = (f"{name}={value}" for name, value in ANSWERS.items())
    (tmp_path / ".github/image.env").write_text("\n".join(lines))
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "First")
    git(tmp_path, "tag", "2026.11.22")
    git(tmp_path, "tag", "--annotate", "--message", "Second", "2026.11.23")
    head = git(tmp_path, "rev-parse", "HEAD").strip()
    for name, value in {
        "GITHUB_REF": "refs/heads/main",
        "GITHUB_SHA": head,
        "GITHUB_REPOSITORY": "Sea/ocean",
        "GITHUB_REPOSITORY_OWNER": "Sea",
        "GITHUB_EVENT_PATH": "",
    }.items():
        monkeypatch.setenv(name, value)
    assert module.here(tmp_path).tags == (head[:12], "2026.11.22", "2026.11.23")
    monkeypatch.setenv("GITHUB_SHA", HEAD)
    assert module.here(tmp_path).tags == (HEAD[:12],)


@pytest.mark.parametrize("tag", ["v1.0.0", "latest", "2026", "2026.11.23-rc", "2026.11.23\n"])
def test_a_release_is_named_by_its_date(tag):
    with pytest.raises(Problem, match="name it by its date"):
        plan(ref=f"refs/tags/{tag}")


def test_only_lasting_images_are_requested():
    assert plan().lasting and plan(ref="refs/tags/2026.11.23").lasting
    assert not pull().lasting
    both = {"PLATFORMS": "linux/amd64,linux/arm64"}
    assert plan(answers=both).lasting and not plan(answers=both, platform="linux/arm64").lasting


def test_a_pull_request_is_its_head_and_never_the_merge():
    made = pull()
    assert made.push and made.tags == (f"pr-7-{HEAD[:12]}",)
    assert made.commit == HEAD
    assert not made.to_cache


@pytest.mark.parametrize(
    "changes",
    [
        {"head": {"sha": HEAD, "repo": {"full_name": "visitor/ocean"}}},
        {"head": {"sha": HEAD, "repo": None}},  # the fork was deleted
        {"user": {"login": "dependabot[bot]"}},
    ],
)
def test_outsiders_never_push_even_with_secrets(changes):
    made = pull(**changes)
    assert not made.push and not made.to_cache
    assert "when they are merged" in made.why_not


def test_a_manual_run_of_another_branch_is_only_tested():
    assert not plan(ref="refs/heads/try").push


def test_without_a_login_three_lines_say_how():
    made = plan(login={})
    assert not made.push
    assert made.why_not.count("\n") == 3
    for page in ("secrets", "variables"):
        assert f"https://github.com/Sea/ocean/settings/{page}/actions/new" in made.why_not
    assert "`REGISTRY_LOGIN`, as in `quay.io/name`" in made.why_not


@pytest.mark.parametrize("missing", LOGIN)
def test_half_a_login_is_none(missing):
    assert not plan(login={name: value for name, value in LOGIN.items() if name != missing}).push
    assert not plan(login=LOGIN | {missing: ""}).push


@pytest.mark.parametrize(("owner", "push"), [("", True), ("sea", True), ("other", False)])
def test_ghcr_takes_the_own_token_for_the_own_owner_only(owner, push):
    made = plan(answers={"REGISTRY": "ghcr.io", "REGISTRY_OWNER": owner}, login={})
    assert made.push is made.own_token is push
    assert made.image == f"ghcr.io/{owner or 'sea'}/ocean"


def test_ghcr_of_another_owner_takes_a_login():
    made = plan(answers={"REGISTRY": "ghcr.io", "REGISTRY_OWNER": "other"})
    assert made.push and not made.own_token


def test_a_second_platform_has_tags_and_cache_of_its_own():
    both = {"PLATFORMS": "linux/amd64,linux/arm64"}
    made = plan(answers=both, platform="linux/arm64")
    assert made.tags == (f"{MERGE[:12]}-arm64",)
    assert made.cache == "quay.io/sea/ocean:buildcache-arm64"
    assert plan(answers=both).tags == (MERGE[:12],)


def test_a_platform_that_the_base_lacks():
    answers = {
        "PLATFORMS": "linux/amd64,linux/arm64",
        "BASE_IMAGE": "{image}:{tag}".format(**CATALOG["bases"]["pangeo-ml"]),
    }
    with pytest.raises(Problem, match="does not have; choose another base"):
        plan(answers=answers)


def test_never_latest():
    for made in (plan(), pull(), plan(ref="refs/tags/2026.11.23")):
        assert not {"latest", "main"} & set(made.tags)


@pytest.mark.parametrize(
    ("image", "kind", "page"),
    [
        (
            "ghcr.io/sea/ocean",
            "Organization",
            "https://github.com/orgs/sea/packages/container/ocean/settings",
        ),
        (
            "ghcr.io/sea/ocean",
            "User",
            "https://github.com/users/sea/packages/container/ocean/settings",
        ),
        ("quay.io/sea/ocean", "User", "https://quay.io/repository/sea/ocean?tab=settings"),
        (
            "docker.io/sea/ocean",
            "User",
            "https://hub.docker.com/repository/docker/sea/ocean/settings",
        ),
    ],
)
def test_the_page_that_makes_an_image_public(image, kind, page):
    assert registry.settings_page(image, {"repository": {"owner": {"type": kind}}}) == page


@pytest.mark.parametrize(
    ("tags", "gone"),
    [
        (["pr-7-0123456789ab"], True),
        (["pr-7-0123456789ab", "pr-7-0123456789ac"], True),
        (["pr-7-0123456789ab-arm64"], True),
        (["pr-7-0123456789ab", "0123456789ab"], False),
        (["pr-7-0123456789ab", "2026.11.23"], False),
        (["pr-7-0123456789ab", "pr-8-0123456789ab"], False),
        (["pr-70-0123456789ab"], False),
        (["0123456789ab"], False),
        (["buildcache"], False),
        ([], False),
    ],
)
def test_clean_up_takes_only_what_this_pull_request_made(tags, gone):
    assert clean_up.of_closed(tags, lambda number: number == 7) is gone


def test_ecr_is_recognised():
    assert login.ECR.fullmatch("123456789012.dkr.ecr.eu-west-1.amazonaws.com")[1] == "eu-west-1"
    assert not login.ECR.fullmatch("quay.io")


@pytest.mark.parametrize("value", ["a\nPATH=/evil", "a\rb"])
def test_an_output_is_one_line(value, tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    with pytest.raises(ValueError):
        github.output(name=value)
    assert not (tmp_path / "output").exists()
