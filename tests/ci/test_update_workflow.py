"""weekly.yml and configure.yml: what happens to a repository on GitHub.

Real: the workflows, run by act; hub-image, installed as they install it; git; Copier. Stand-ins: GitHub's API
(tests/github/), its rule for pushes with a job's own token (standins/pre-receive), and the two actions that keep
and give a draft (standins/upload-artifact, standins/download-artifact). Unproven
here: the login of git by a header, that GitHub starts image.yml for a started dispatch, and that its checks are shown on
the pull request.

What a run does is tested with the command; that the workflows call it, with act.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time

import copier
import pytest
import yaml

import github
from conftest import CATALOG, QUESTIONS_FILE, ROOT, files, git
from hub_image.__main__ import main
from hub_image.ci import answer, configure
from hub_image.problem import Problem
from hub_image.tools.github import NoAnswer
from hub_image.updates import update as updating

from .hosting import NAME, OWNER, Hosted, run

NO_PULLS = {"issues": True, "actions may open pull requests": False}
FORM = yaml.safe_load((ROOT / ".github/workflows/configure.yml").read_text())[True][
    "workflow_dispatch"
]["inputs"]


@pytest.fixture
def ours(published, memory):
    """This template, released."""
    return shutil.copytree(published, memory / "hub-image-template")


def release(template, version: str, text: str = "", path: str = "Dockerfile.jinja") -> None:
    """Release the template, with text added to a file."""
    with (template / "template" / path).open("a") as file:
        file.write(text)
    changelog = template / "CHANGELOG.md"
    changelog.write_text(
        changelog.read_text().replace(
            "## Unreleased", f"## Unreleased\n\n## {version}\n\n- New in {version}."
        )
    )
    git(template, "commit", "--quiet", "--all", "--message", version)
    git(template, "tag", version)


def summary(hosted) -> str:
    return (hosted.folder / "summary.md").read_text()


def show(hosted, branch: str, path: str) -> str:
    return git(hosted.bare, "show", f"{branch}:{path}")


def test_a_release_becomes_one_pull_request(image, template, monkeypatch):
    main = image.branches()["main"]
    run(image, monkeypatch)
    assert image.branches() == {"main": main} and image.github.pulls() == []
    release(template, "v1.1.0", "# one\n")
    release(template, "v1.2.0", "# two\n")
    for _ in range(2):  # the second run finds everything done
        assert run(image, monkeypatch) == 0
        assert (
            image.branches().keys() == {"main", "hub-image/update"}
            and image.branches()["main"] == main
        )
        [pull] = image.github.pulls()
        assert (pull["title"], pull["base"]) == ("Update to v1.2.0 of the template", "main")
        assert image.github.started() == [["image.yml", "hub-image/update"]]
    assert show(image, "hub-image/update", "Dockerfile").endswith("# one\n# two\n")
    assert show(image, "hub-image/update", "environment.yml").endswith("# ours\n")
    for words in (
        "New in v1.1.0",
        "New in v1.2.0",
        "To undo it",
        "Dockerfile: changed",
        "has passed its tests",
    ):
        assert words in pull["body"]
    assert image.github.issues() == []

    release(template, "v1.3.0", "# three\n")
    image.github.state(conclusion="failure")
    run(image, monkeypatch)
    [pull] = image.github.pulls()
    assert (
        pull["title"] == "Update to v1.3.0 of the template"
        and "do not merge this yet" in pull["body"]
    )
    image.github.close(pull["number"])
    before, branches = image.github.state()["issues"], image.branches()
    run(image, monkeypatch)
    assert image.github.state()["issues"] == before and image.branches() == branches, (
        "a closed one is a no"
    )


@pytest.mark.world("pull-requests-are-issues")
@pytest.mark.parametrize("kept", [True, False], ids=["branch is kept", "branch is deleted"])
def test_after_a_merge_the_next_release_has_a_pull_request_of_its_own(
    kept, image, template, monkeypatch
):
    release(template, "v1.1.0", "# one\n")
    for _ in range(2):
        run(image, monkeypatch)
        assert [pull["state"] for pull in image.github.pulls()] == ["open"]
    image.github.close(1, merged=True)
    if not kept:
        git(image.bare, "branch", "--delete", "--force", "hub-image/update")
    for _ in range(2):
        assert run(image, monkeypatch) == 0
        assert "Nothing to do" in summary(image)
    release(template, "v1.2.0", "# two\n")
    for _ in range(2):
        assert run(image, monkeypatch) == 0
        assert [pull["state"] for pull in image.github.pulls()] == ["closed", "open"]
    assert image.github.issues() == []
    assert image.github.pulls()[1]["title"] == "Update to v1.2.0 of the template"
    assert show(image, "hub-image/update", "Dockerfile").endswith("# one\n# two\n")


@pytest.mark.world("pull-requests-are-issues")
def test_after_closing_and_reopening_it_is_the_same_pull_request(image, template, monkeypatch):
    release(template, "v1.1.0", "# one\n")
    run(image, monkeypatch)
    image.github.close(1)
    for _ in range(2):
        run(image, monkeypatch)
        assert [pull["state"] for pull in image.github.pulls()] == ["closed"]
    image.github.reopen(1)
    for version in ("v1.1.0", "v1.2.0"):
        if version == "v1.2.0":
            release(template, version, "# two\n")
        for _ in range(2):
            run(image, monkeypatch)
            [pull] = image.github.pulls()
            assert (pull["state"], pull["title"]) == (
                "open",
                f"Update to {version} of the template",
            )
    image.github.close(1)
    release(template, "v1.3.0", "# three\n")
    run(image, monkeypatch)
    assert [pull["state"] for pull in image.github.pulls()] == ["closed", "open"]
    with pytest.raises(github.server.Refusal):  # its branch is that of the second one now
        image.github.reopen(1)


def test_who_helped_with_a_merged_pull_request_is_in_nobodys_way(image, template, monkeypatch):
    """As with the button *Update branch*, and *Squash and merge*."""
    release(template, "v1.1.0", "# one\n")
    run(image, monkeypatch)
    git(image.clone, "fetch", "--quiet", str(image.bare), "hub-image/update")
    git(image.clone, "checkout", "--quiet", "FETCH_HEAD")
    image.owner_pushes("A repair", "hub-image/update")
    image.github.close(1, merged=True)
    release(template, "v1.2.0", "# two\n")
    run(image, monkeypatch)
    assert [pull["state"] for pull in image.github.pulls()] == ["closed", "open"]
    assert image.github.issues() == []


@pytest.mark.world("runs-wait-for-approval")
def test_the_text_has_the_proof_and_says_what_waits(image, template, monkeypatch):
    """The runs that GitHub makes for the pull request are no proof: they wait."""
    release(template, "v1.1.0", "# one\n")
    image.github.state(conclusion="failure")
    run(image, monkeypatch)
    runs = image.github.state()["runs"]
    assert {run["event"]: run["conclusion"] for run in runs} == {
        "workflow_dispatch": "failure",
        "pull_request": "action_required",
    }
    [pull] = image.github.pulls()
    assert "do not merge this yet" in pull["body"] and "Approve workflows to run" in pull["body"]
    for run_ in runs:  # somebody runs it again, and the registry is back
        run_["conclusion"] = "success"
    image.github.state(runs=runs)
    run(image, monkeypatch)
    [pull] = image.github.pulls()
    assert "has passed its tests" in pull["body"] and len(image.github.started()) == 1


def test_the_form_is_answered_again_after_closing(image, template, monkeypatch):
    """Who fills it in wants it, and the title does not say which value."""
    for title in ("Ice", "Snow"):
        run(image, monkeypatch, answers={"title": title})
        assert f"title={title}" in show(image, "hub-image/answers", "Dockerfile")
        image.github.close(len(image.github.pulls()))
    assert len(image.github.pulls()) == 2


def test_github_away_for_long_is_a_red_run_and_no_issue(image, template, monkeypatch):
    release(template, "v1.1.0", "# one\n")
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    image.github.fail("POST .*/pulls", 502, times=20)
    with pytest.raises(NoAnswer, match="Run this job again later"):
        run(image, monkeypatch)
    assert image.github.state()["issues"] == []
    image.github.state(faults=[])
    run(image, monkeypatch)
    assert len(image.github.pulls()) == 1


def test_conflicts_become_one_issue(image, template, monkeypatch):
    dockerfile = image.clone / "Dockerfile"
    dockerfile.write_text(dockerfile.read_text() + "RUN ours\n")
    main = image.owner_pushes()
    release(template, "v1.1.0", "RUN theirs\n")
    assert run(image, monkeypatch) == 0
    assert image.branches() == {"main": main} and image.github.pulls() == []
    [issue] = image.github.issues()
    for words in (
        "`Dockerfile`",
        "RUN ours",
        "RUN theirs",
        "hub-image update",
        "git clone",
        "New in v1.1.0",
    ):
        assert words in issue["body"]
    dockerfile.write_text(dockerfile.read_text().replace("RUN ours\n", ""))
    image.owner_pushes("Undo")
    run(image, monkeypatch)
    assert [issue["state"] for issue in image.github.issues()] == ["closed"]
    assert [pull["state"] for pull in image.github.pulls()] == ["open"]

    dockerfile.write_text(dockerfile.read_text() + "RUN ours\n")
    image.owner_pushes("Again")
    run(image, monkeypatch)
    [issue] = image.github.issues()
    assert issue["state"] == "open", "the bot closed it, so that is no answer of somebody's"
    image.github.close(issue["number"])
    for _ in range(2):
        run(image, monkeypatch)
        assert [issue["state"] for issue in image.github.issues()] == ["closed"]


@pytest.mark.world("token-and-workflows")
def test_a_changed_workflow_is_left_to_a_person(image, template, monkeypatch):
    main = image.branches()["main"]
    release(template, "v1.1.0", "# new\n")
    release(template, "v1.2.0", "# new\n", ".github/workflows/image.yml")
    run(image, monkeypatch)
    assert image.branches() == {"main": main} and image.github.pulls() == []
    [issue] = image.github.issues()
    new = (template / "template/.github/workflows/image.yml").read_text()
    assert new in issue["body"] and "/edit/main/.github/workflows/image.yml" in issue["body"]
    (image.clone / ".github/workflows/image.yml").write_text(new)  # as the issue says
    image.owner_pushes("New workflow")
    run(image, monkeypatch)
    assert show(image, "hub-image/update", "Dockerfile").endswith("# new\n")
    assert len(image.github.pulls()) == 1 and image.github.issues()[0]["state"] == "closed"


@pytest.mark.world("permissions-raise-the-default")
def test_where_actions_may_not_open_pull_requests_the_branch_waits(image, template, monkeypatch):
    release(template, "v1.1.0", "# new\n")
    image.github.state(settings=NO_PULLS)
    run(image, monkeypatch)
    [issue] = image.github.issues()
    assert (
        f"https://github.com/{OWNER}/{NAME}/compare/main...hub-image/update?expand=1"
        in issue["body"]
    )
    assert (
        "Allow GitHub Actions to create" in issue["body"]
        and "has passed its tests" in issue["body"]
    )
    assert show(image, "hub-image/update", "Dockerfile").endswith("# new\n")
    image.github.fail("PATCH .*/issues/1", 403)
    with pytest.raises(Problem):  # the run is red, and its page says the same
        release(template, "v1.2.0", "# newer\n")
        run(image, monkeypatch)
    assert "compare/main...hub-image/update" in summary(image)


def test_work_of_others_on_the_branch_is_not_overwritten(image, template, monkeypatch):
    release(template, "v1.1.0", "# new\n")
    run(image, monkeypatch)
    git(image.clone, "fetch", "--quiet", str(image.bare), "hub-image/update")
    git(image.clone, "checkout", "--quiet", "FETCH_HEAD")
    theirs = image.owner_pushes("A repair", "hub-image/update")
    release(template, "v1.2.0", "# newer\n")
    run(image, monkeypatch)
    assert image.branches()["hub-image/update"] == theirs
    [issue] = image.github.issues()
    assert "Somebody else has committed" in issue["body"]


def test_an_answer_that_is_gone_is_asked_for_and_not_replaced(image, template, monkeypatch):
    """A release that breaks the house rules: it removes the base that the repository has."""
    catalog = (template / "catalog.yml").read_text()
    (template / "catalog.yml").write_text(catalog.replace("  scipy:\n", "  sci:\n"))
    release(template, "v1.1.0")
    main = image.branches()["main"]
    run(image, monkeypatch)
    assert image.branches() == {"main": main}
    [issue] = image.github.issues()
    assert "no longer offers base: scipy" in issue["body"]


def test_a_template_that_cannot_be_had_is_no_issue(image, template, monkeypatch):
    """A red run, and next week another try."""
    shutil.rmtree(template)
    with pytest.raises(Problem, match="cannot be had"):
        run(image, monkeypatch)
    assert image.github.issues() == []


@pytest.mark.world("dispatch-inputs")
def test_the_forms_fields_are_our_questions():
    asked = {
        name: question
        for name, question in QUESTIONS_FILE.items()
        if name[0] != "_" and question.get("when", True) is not False
    }
    assert list(FORM) == [*asked, configure.MORE] and len(FORM) <= 25, "GitHub allows no more"
    for name, question in asked.items():
        words = question["help"].split("?")[0].split(", as in {{")[0]
        assert FORM[name]["description"].startswith(words), name
        choices = question.get("choices")
        if isinstance(choices, dict) and set(choices.values()) == {True, False}:
            assert FORM[name]["options"] == ["", "yes", "no"]
        elif isinstance(choices, dict) and not question.get("multiselect"):
            assert FORM[name]["options"] == ["", *choices.values()]
        else:  # what the catalog offers may change, a workflow may not
            assert FORM[name]["type"] == "string"


def button(hosted, ours):
    """The repository becomes a copy of ours, as the button makes one."""
    shutil.copytree(ours, hosted.clone, ignore=shutil.ignore_patterns(".git"))
    hosted.owner_pushes("Initial commit")
    return made_from(hosted, ours)


def made_from(hosted, ours):
    """GitHub knows from what the repository was made."""
    template = {"full_name": "x/hub-image-template", "html_url": str(ours)}
    hosted.github.state(repository={"template_repository": template})
    return hosted


@pytest.fixture(scope="session")
def pressed(published, memory_of_all):
    return button(Hosted(memory_of_all / "copy"), published)


@pytest.fixture
def copy(hosted, ours, pressed):
    """The repository is a copy of the newest release."""
    hosted.become(pressed)
    return made_from(hosted, ours)


OTHERS = {
    "ourselves before the box is ticked": {
        "html_url": "https://github.com/hub-image-template/hub-image-template"
    },
    "ourselves": {"is_template": True},
    "a mirror": {"template_repository": None},
    "a fork of a contributor": {"fork": True},
}


@pytest.mark.parametrize("who", OTHERS)
def test_only_a_copy_is_configured(who, copy, monkeypatch):
    copy.github.state(repository=copy.github.state()["repository"] | OTHERS[who])
    before = copy.branches()
    assert run(copy, monkeypatch, configure.in_ci) == 0
    assert copy.branches() == before and copy.github.started() == []
    assert "Nothing to configure" in summary(copy)


def is_image(hosted, ours, **answers) -> None:
    """What is on main is what Copier makes of the answers, and can be updated."""
    fresh = hosted.folder / "fresh" / NAME
    answers = {"github_owner": OWNER, **answers}
    copier.run_copy(str(ours), fresh, data=answers, defaults=True, quiet=True)
    here = hosted.checkout()
    assert {path: (here / path).read_bytes() for path in files(here)} == {
        path: (fresh / path).read_bytes() for path in files(fresh)
    }
    release(ours, "v1.1.0", "# new\n")
    assert updating.update(here).changed["Dockerfile"] == "M"


@pytest.mark.world("token-and-workflows")
def test_a_copy_becomes_an_image_repository(copy, ours, monkeypatch):
    assert (copy.checkout() / ".github/workflows/tests.yml").exists()
    answers = {"title": "Ice", "languages": "r"}
    assert run(copy, monkeypatch, configure.in_ci, answers) == 0
    assert copy.github.started() == [["image.yml", "main"]]
    assert copy.github.state()["labels"] == [answer.LABEL]
    is_image(copy, ours, title="Ice", languages=["r"])


WELCOME = """\
<!-- hub-image welcome -->
This repository now makes an image: the software that people find when they start a server on your hub. Lists say what is in it. \
When one changes, GitHub builds the image, starts it on a real JupyterHub as a test, and publishes it as `ghcr.io/ocean/ice-core`. \
The [first build]({page}/actions/workflows/image.yml) is under way and takes 10 to 30 minutes.

Tick what is done, and close this issue whenever you like. Everything can be changed later.

- [ ] **Choose the languages.** Python and JupyterLab are there. For R, Julia, RStudio, VS Code, a desktop or a graphics card open \
[the form]({page}/actions/workflows/configure.yml), press *Run workflow*, fill in only what you want to change, and press \
*Run workflow* again. A pull request brings the change and says whether the image works: merge it.
- [ ] **Make the image public**, after the first build: [its settings](https://github.com/users/ocean/packages/container/ice-core/settings), \
*Change visibility*, *Public*. Before that no hub can start it.
- [ ] **Add a package.** Open [environment.yml]({page}/edit/main/environment.yml) or [apt.txt]({page}/edit/main/apt.txt), write its \
name on a line of its own, *Commit changes…*, *Create a new branch*, *Propose changes*, *Create pull request*. A comment there says \
whether the image works, and names one that you can try on the hub. Then merge.
- [ ] **Get it onto the hub.** After the first build an issue *Link request* has the text that you send to the people who run \
your hub: [how]({page}/blob/main/GUIDE.md#get-it-onto-the-hub).

[GUIDE.md]({page}/blob/main/GUIDE.md) has the rest.
"""


def test_the_first_run_says_welcome_once(copy, monkeypatch):
    assert run(copy, monkeypatch, configure.in_ci) == 0
    [issue] = copy.github.issues()
    assert issue["title"] == "Welcome: the first steps"
    assert issue["body"] == WELCOME.format(page=f"https://github.com/{OWNER}/{NAME}")
    assert f"https://github.com/{OWNER}/{NAME}/issues/1" in summary(copy)
    anchors = re.findall(r"GUIDE.md#([\w-]+)", issue["body"])
    guide = (copy.checkout() / "GUIDE.md").read_text()
    headings = re.findall(r"^## (.*)", guide, re.MULTILINE)
    assert set(anchors) <= {text.lower().replace(" ", "-") for text in headings}
    copy.github.close(1)
    copy.owner_pushes("A copy again")
    assert run(copy, monkeypatch, configure.in_ci) == 0
    assert len(copy.github.issues()) == 1 and copy.github.issues()[0]["state"] == "closed"


def test_where_another_registry_publishes_the_welcome_names_its_login(copy, monkeypatch):
    answers = {"registry": "quay.io", "registry_owner": "ice", "languages": "r"}
    assert run(copy, monkeypatch, configure.in_ci, answers) == 0
    body = copy.github.issues()[0]["body"]
    assert "- [ ] **Let it publish on quay.io.** That needs a name and a password: [how](" in body
    assert "(https://quay.io/repository/ice/ice-core?tab=settings). Before" in body
    assert f"or [install.R](https://github.com/{OWNER}/{NAME}/edit/main/install.R), write" in body
    assert (
        "quay.io/registries" not in body
        and "needs a [name and a password]"
        in (copy.checkout() / "GUIDE.md")
        .read_text()
        .partition("## First day")[2]
        .partition("## ")[0]
    )


def test_a_repository_without_issues_is_made_all_the_same(copy, monkeypatch, capsys):
    copy.github.state(settings={"issues": False, "actions may open pull requests": True})
    assert run(copy, monkeypatch, configure.in_ci) == 0
    assert copy.github.issues() == [] and "GUIDE.md" in summary(copy)
    assert "Issues has been disabled" in capsys.readouterr().out
    assert copy.github.started() == [["image.yml", "main"]]


def test_what_was_written_before_stays(copy, monkeypatch):
    (copy.clone / "environment.yml").write_text("dependencies: [ours]\n")
    (copy.clone / "README.md").write_text("Ours.\n")
    (copy.clone / "notes").mkdir()
    (copy.clone / "notes/plan.md").write_text("Ours too.\n")
    copy.owner_pushes()
    run(copy, monkeypatch, configure.in_ci)
    here = copy.checkout()
    assert (here / "environment.yml").read_text() == "dependencies: [ours]\n"
    assert (here / "README.md").read_text() == "Ours.\n" and (here / "notes/plan.md").exists()
    assert not (here / "copier.yml").exists() and (here / "Dockerfile").exists()
    assert "notes/plan.md stays as you wrote it" in summary(copy)


WORKFLOW = ".github/workflows/image.yml"
COPIED = {
    # what happened before the copy was made, what after it, and the version that fits
    "after a release": ([], [], "v1.0.1"),
    "after a commit that is no release": (["README.md"], [], "v1.0.1"),
    "after a workflow changed": ([WORKFLOW], [], "v1.0.1-1-g"),
    "before a release with another workflow": ([], [WORKFLOW], "v1.0.1"),
}


@pytest.mark.world("token-and-workflows")
@pytest.mark.parametrize("when", COPIED)
def test_a_copy_is_made_of_the_version_whose_workflows_it_has(when, hosted, ours, monkeypatch):
    """The job's token may change no workflow, so the rest has to fit those that were copied; updates go on from there."""
    earlier, later, version = COPIED[when]

    def commit(paths: list[str]) -> None:
        for path in paths:
            for place in (ours / path, ours / "template" / path):
                if place.exists():
                    place.write_text(f"{place.read_text()}# changed\n")
            git(ours, "commit", "--quiet", "--all", "--message", "A change")

    commit(earlier)
    button(hosted, ours)
    commit(later)
    if later:
        git(ours, "tag", "v1.0.2")
    copied = (hosted.clone / WORKFLOW).read_bytes()
    assert run(hosted, monkeypatch, configure.in_ci) == 0
    here = hosted.checkout()
    recorded = updating.read(here)["_commit"]
    assert recorded.startswith(version) and (recorded == version) == (version[-1] != "g")
    assert (here / WORKFLOW).read_bytes() == copied and git(here, "status", "--porcelain") == ""
    release(ours, "v1.1.0", "# new\n")
    outcome = updating.update(here)
    assert outcome.after == "v1.1.0" and outcome.changed["Dockerfile"] == "M"
    assert not outcome.conflicts and (WORKFLOW in outcome.changed) == bool(later)


def test_workflows_that_are_nowhere_need_a_person(hosted, ours, monkeypatch):
    """Of a history that was made anew, say. In a terminal, a person's push may bring the release's."""
    of_the_release = (ours / WORKFLOW).read_bytes()
    (ours / WORKFLOW).write_bytes(of_the_release + b"# elsewhere\n")
    before = button(hosted, ours).branches()
    with pytest.raises(
        Problem, match="v1.0.1 of the template has another image.yml than this copy"
    ):
        run(hosted, monkeypatch, configure.in_ci)
    assert hosted.branches() == before and "hub-image configure" in summary(hosted)
    here = hosted.checkout()
    configure.configure.configure(here, {}, str(ours), NAME)
    assert (here / WORKFLOW).read_bytes() == of_the_release and not (here / "copier.yml").exists()


@pytest.mark.parametrize("what", ["a protected branch", "no template"])
def test_a_refusal_says_why_and_what_to_do_and_changes_nothing(what, copy, ours, monkeypatch):
    before = copy.branches()
    if what == "a protected branch":
        git(copy.bare, "config", "standin.protected", "refs/heads/main")
    else:
        shutil.rmtree(ours)
    with pytest.raises(Problem):
        run(copy, monkeypatch, configure.in_ci)
    assert copy.branches() == before and copy.github.started() == []
    reason = {"a protected branch": "declined", "no template": "cannot be had"}
    assert reason[what] in summary(copy)
    assert f"git clone https://github.com/{OWNER}/{NAME} && cd {NAME} && uvx --from" in summary(
        copy
    )


def test_the_last_field_of_the_form_is_for_later_questions():
    """A workflow that people have cannot get a field by an update."""
    fields = dict.fromkeys(FORM, "") | {"title": "Ice", "more": " memory = 8 GB=8 ;base=pangeo;"}
    answers = {"title": "Ice", "memory": "8 GB=8", "base": "pangeo"}
    assert configure.form(json.dumps(fields)) == answers
    assert configure.form("") == configure.form("null") == {}
    with pytest.raises(updating.Refused, match="more: write name=value instead of pangeo"):
        configure.form(json.dumps({"more": "pangeo"}))


REFUSED = [
    ({"image_name": "Ice Core"}, "image_name: As in ocean-modelling: at most 100 lowercase letters and digits"),
    ({"languages": "fortran"}, "languages: there is no `fortran`; choose from r, julia."),
    (
        {"base": "jupyter-minimal", "languages": "R"},
        "base: jupyter-minimal does not have R; choose from jupyter-r, rocker-geospatial, rocker-binder, "
        "jupyter-datascience, other, or start from scratch.",
    ),
    (
        {"start_from": "scratch", "base": "pangeo"},
        "base is asked only with start_from: community; give that answer as well.",
    ),
    ({"opens_with": "lab"}, "opens_with is asked only with an answer to interfaces; give that answer as well."),
]  # fmt: skip


REFUSED_PAGE = """\
**{sentence}**

Nothing was changed. Open [the form](https://github.com/ocean/ice-core/actions/workflows/configure.yml) again, press *Run workflow*, \
and fill it in anew: GitHub has forgotten what you gave.

You had filled in:

{given}
What the answers mean: [the questions]({docs}/questions.md), [the bases]({docs}/bases.md).
"""


def fill_in(hosted, monkeypatch, answers: dict) -> int:
    """Run the command of configure.yml that the repository calls for, as the form does; return the exit code."""
    (hosted.folder / "summary.md").write_text("")
    for name, value in hosted.variables("configure.yml", "workflow_dispatch").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ANSWERS", json.dumps(dict.fromkeys(FORM, "") | answers))
    here = hosted.checkout()
    is_image = (here / updating.ANSWERS).exists()
    hosted.github.act_as("configure.yml", "Change answers" if is_image else "Configure")
    what = ["--draft", str(hosted.folder / "draft.json")] if is_image else ["--propose"]
    return main(["configure", *what, str(here)])


def is_refused(hosted, sentence: str, answers: dict, capsys) -> None:
    """The run is red, its page and the line beside it say the sentence, and nothing else has happened."""
    text = summary(hosted)
    filled = dict.fromkeys(FORM, "") | answers
    given = "".join(f"- {field}: `{answer}`\n" for field, answer in filled.items() if answer)
    docs = f"{CATALOG['published']}/blob/main/docs"
    said = text.partition("\n")[0].strip("*")
    assert said.startswith(sentence)
    assert text == REFUSED_PAGE.format(sentence=said, given=given, docs=docs)
    printed = capsys.readouterr()
    assert said in printed.out + printed.err
    assert hosted.github.issues() == [] and hosted.github.started() == []


def test_a_mistyped_answer_of_an_image_repository_is_no_issue(image, monkeypatch, capsys):
    before, answers = image.branches(), {"manager": "npm"}
    assert fill_in(image, monkeypatch, answers) == 2
    is_refused(image, "manager: there is no `npm`; choose from conda, pip.", answers, capsys)
    assert image.branches() == before


@pytest.mark.parametrize(("answers", "sentence"), REFUSED, ids=str)
def test_a_refused_answer_is_one_sentence_in_a_red_run(
    answers, sentence, copy, monkeypatch, capsys
):
    before = copy.branches()
    assert fill_in(copy, monkeypatch, answers) == 2
    is_refused(copy, sentence, answers, capsys)
    assert copy.branches() == before


def test_an_empty_form_is_no_failure_of_ours(image, monkeypatch):
    assert fill_in(image, monkeypatch, {}) == 2
    assert summary(image).startswith("**No answer is given: give at least one.**")
    assert "You had filled in" not in summary(image) and "configure.yml) again" in summary(image)


def command(folder, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    """Run hub-image in a folder, outside of CI."""
    import os
    import sys

    variables = {
        key: value for key, value in os.environ.items() if not key.startswith("GITHUB_")
    } | environment
    line = [sys.executable, "-m", "hub_image", *arguments]
    return subprocess.run(
        line,
        cwd=folder,
        env=variables | {"PYTHONPATH": str(ROOT / "hooks")},
        text=True,
        capture_output=True,
    )


def test_answers_are_given_as_people_write_them(template):
    questions = updating.questions_of(template, "v1.0.0")
    given = {"title": "-", "languages": "r, julia", "manager": "PIP "}
    assert updating.normal(questions, given) == {
        "title": "",
        "languages": ["r", "julia"],
        "manager": "pip",
    }
    assert updating.normal(questions, {"languages": "-"}) == {"languages": []}


@pytest.mark.parametrize(
    ("said", "meant"),
    {
        "r": ["r"], " R ": ["r"], "[r]": ["r"], '["r", "julia"]': ["r", "julia"], "r,julia": ["r", "julia"],
        "R and Julia": ["r", "julia"], "R & Julia": ["r", "julia"], "R/Julia": ["r", "julia"], "julia;r": ["julia", "r"],
        "R\nJulia": ["r", "julia"], "R + JULIA": ["r", "julia"], "-": [], "fortran": ["fortran"],
    }.items(),
)  # fmt: skip
def test_languages_are_given_as_people_write_them(said, meant):
    questions = updating.asked(QUESTIONS_FILE)
    assert updating.normal(questions, {"languages": said}) == {"languages": meant}


def test_choices_are_found_by_the_names_that_people_see():
    questions = updating.asked(QUESTIONS_FILE)
    given = {
        "interfaces": "VS Code, RStudio",
        "base": "Jupyter-R",
        "title": " R and VS Code ",
        "dask_gateway": "Yes",
    }
    assert updating.normal(questions, given) == {
        "interfaces": ["vscode", "rstudio"],
        "base": "jupyter-r",
        "title": "R and VS Code",
        "dask_gateway": "yes",
    }
    with pytest.raises(updating.Refused, match="dask_gateway: answer yes or no"):
        updating.normal(questions, {"dask_gateway": "ja"})


def test_at_home(image, template):
    """The same commands in a terminal."""
    here = image.clone
    release(template, "v1.1.0", "# new\n")
    result = command(here, "update")
    assert (
        result.returncode == 0
        and "- Dockerfile: changed" in result.stdout
        and updating.UNDO in result.stdout
    )
    result = command(here, "update")
    assert result.returncode == 2 and "not committed" in result.stderr
    git(here, "commit", "--quiet", "--all", "--message", "Update")
    answers = ("--data=languages=r, julia", "--data=manager=pip")
    result = command(here, "configure", *answers)
    assert (
        result.returncode == 0 and "answer languages: [] becomes ['r', 'julia']" in result.stdout
    ), result.stderr
    assert (here / "environment.yml").read_text().endswith("# ours\n"), (
        "no longer asked for, and still there"
    )
    assert (here / "requirements.txt").read_text() == "# packages\n", "asked for now, and made"
    git(here, "add", "--all")
    git(here, "commit", "--quiet", "--message", "Languages")
    result = command(here, "update", "--data", "titel=Ice")
    assert result.returncode == 2 and "titel: there is no such question" in result.stderr
    assert git(here, "status", "--porcelain") == ""


WITH_AN_ENGINE = ("settle", "notices")  # run in test_image_workflow.py


# ── The workflows, by act ───────────────────────────────────────────────────────────────────────────


@pytest.mark.network
def test_configure_and_update_workflows(copy, ours):
    """From the button to an image repository, an update, a package that is past its end, and a new answer by the form.

    GitHub made nothing of the first push, as happens, and the second configures too; a run that comes late does nothing.
    """
    (copy.clone / "notes.md").write_text("Ours.\n")
    copy.owner_pushes("A second push")
    (copy.clone / "notes.md").unlink()
    copy.owner_pushes("A third push")
    late = copy.checkout()
    code, log = copy.act("copy.yml", "push")
    assert code == 0, log[-3000:]
    assert copy.github.started() == [["image.yml", "main"]]
    is_image(copy, ours)
    branches = copy.branches()
    code, log = copy.act("copy.yml", "push", project=late)
    assert code == 0 and copy.branches() == branches, log[-3000:]

    git(copy.clone, "fetch", "--quiet", str(copy.bare), "main")
    git(copy.clone, "checkout", "--quiet", "FETCH_HEAD")
    (copy.clone / "apt.txt").write_text("jq\nzip  # GEOG 101, until 2020-06\n")
    copy.owner_pushes("A package for some time")
    code, log = copy.act("weekly.yml", "schedule", without=WITH_AN_ENGINE)
    assert code == 0, log[-3000:]
    assert show(copy, "hub-image/update", "Dockerfile").endswith("# new\n")
    assert show(copy, "hub-image/expire", "apt.txt") == "jq\n"
    heads = ["hub-image/expire", "hub-image/update"]
    assert [pull["head"] for pull in copy.github.pulls()] == heads
    *_, issue = copy.github.issues()
    assert issue["title"] == "Remove what was wanted until 2020-06"
    assert "`zip` in [apt.txt, line 2]" in issue["body"] and "Merge #" in issue["body"]

    code, log = copy.act(
        "configure.yml", "workflow_dispatch", inputs=dict.fromkeys(FORM, "") | {"title": "Ice"}
    )
    assert code == 0, log[-3000:]
    assert 'title="Ice"' in show(copy, "hub-image/answers", "Dockerfile")
    assert [pull["title"] for pull in copy.github.pulls()][-1] == "Change title"


@pytest.mark.network
@pytest.mark.whole_matrix
@pytest.mark.world("pull-requests-are-issues", "schedules-stop")
def test_update_workflow_week_by_week(copy, ours):
    """Two pull requests, of which the first is merged and the second closed and opened again."""
    copy.act("copy.yml", "push")

    def a_week_later(*states: str) -> None:
        copy.github.days_pass(7)
        code, log = copy.act("weekly.yml", "schedule", without=WITH_AN_ENGINE)
        assert code == 0 and "::warning::" not in log, log[-3000:]
        assert [pull["state"] for pull in copy.github.pulls()] == list(states)
        assert copy.github.issues() == [] and copy.github.state()["idle"]["weekly.yml"] == 0

    a_week_later()
    release(ours, "v1.1.0", "# new\n")
    a_week_later("open")
    a_week_later("open")
    copy.github.close(1, merged=True)
    a_week_later("closed")
    release(ours, "v1.2.0", "# newer\n")
    a_week_later("closed", "open")
    copy.github.close(2)
    a_week_later("closed", "closed")
    copy.github.reopen(2)
    a_week_later("closed", "open")


@pytest.mark.network
@pytest.mark.parametrize("workflow", ["weekly.yml", "configure.yml"])
def test_workflows_leave_the_template_alone(workflow, copy):
    copy.github.state(repository={})
    before = copy.branches()
    code, log = copy.act(workflow, "workflow_dispatch", inputs=dict.fromkeys(FORM, ""))
    assert code == 0, log[-3000:]
    assert copy.branches() == before
    # The step's whole name: act says where the engine's socket is, and the rig's folder has the last word too.
    assert ("Main Get hub-image" in log) == (workflow == "configure.yml")
