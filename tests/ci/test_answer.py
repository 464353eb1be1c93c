"""requests.yml: what somebody gets who asks for a package in an issue, and what a yes to it does.

Real: the form, the commands, git, the lists. Stand-ins: GitHub's API (tests/github/), its rule for pushes, and the indexes
(tests/lists/test_wanted.py). The image is built in test_image_workflow.py. Unproven: what GitHub makes of the form. That it
renders a heading and a text for each field, and `_No response_`, was seen in texts that others have kept (asked.py).
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
from pathlib import Path

import copier
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import github
from conftest import ROOT, TEMPLATE_PARTS, fits, git
from hub_image.__main__ import main
from hub_image.ci import answer, asked, catch_up, propose
from hub_image.lists import indexes, packages
from hub_image.page import facts
from hub_image.problem import Problem
from lists.test_wanted import KNOWN, UUID
from lists.test_wanted import asked as index  # noqa: F401 (a fixture)

from .expressions import evaluate, expression
from .hosting import NAME, OWNER, Hosted
from .test_update_workflow import NO_PULLS, show

FORM = (ROOT / "template" / asked.FORM).read_text()
LABELS = {part["id"]: part["attributes"]["label"] for part in yaml.safe_load(FORM)["body"] if "id" in part}  # fmt: skip
GOOD = {
    "packages": "geopandas",
    "kind": "Python",
    "why": "GEOG 101",
    "until": "2999-06",
    "code": "import geopandas; geopandas.GeoDataFrame()",
}
NOTE = "GEOG 101, until 2999-06"


def body(**fields: str) -> str:
    """What GitHub makes of the form's fields."""
    said = GOOD | fields
    parts = [f"### {LABELS[name]}\n\n{said[name] or '_No response_'}" for name in LABELS]
    return "\n\n".join(parts)


@pytest.fixture(scope="session")
def rendered(tmp_path_factory):
    """Render answers into a repository, once for each set of them."""
    source, done = tmp_path_factory.mktemp("template"), {}
    for part in TEMPLATE_PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy2
        copy(ROOT / part, source / part)

    def render(**answers: object) -> Path:
        key = json.dumps(answers)
        if key not in done:
            done[key] = tmp_path_factory.mktemp("rendered") / "ocean"
            copier.run_copy(str(source), done[key], data=answers, defaults=True, quiet=True)
        return done[key]

    return render


@pytest.fixture(scope="module")
def made(rendered, memory_of_all) -> Hosted:
    """An image repository."""
    hosted = Hosted(memory_of_all / "made")
    shutil.copytree(rendered(), hosted.clone)
    hosted.owner_pushes()
    return hosted


@pytest.fixture
def image(hosted, made, index, monkeypatch):  # noqa: F811
    """An image repository, and people who may do this and that in it."""
    hosted.become(made)
    hosted.github.state(roles={"teacher": "write", "boss": "admin", "keeper": "maintain", "sorter": "triage"})  # fmt: skip
    for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
        monkeypatch.setenv(name, str(hosted.folder / "output"))
    return hosted


class Issue:
    """An issue, and what people do with it."""

    def __init__(self, image, monkeypatch, text: str) -> None:
        self.image, self.monkeypatch = image, monkeypatch
        self.number = image.github.add(title="Add", body=text, user="student")
        self.edit(text)

    def edit(self, text: str) -> None:
        self.text = text

    def happens(self, action: str, **more: object) -> bool:
        """Let an event of the issue happen, to the job *answer*; whether it has made a draft."""
        entry = self.image.github.state()["issues"][self.number - 1]
        told = {"number": self.number, "body": self.text, "state": entry["state"]}
        event = self.image.variables("requests.yml", "issues", action=action, issue=told, **more)
        if action == "opened":  # the example is one of a label
            happened = json.loads(Path(event["GITHUB_EVENT_PATH"]).read_text())
            Path(event["GITHUB_EVENT_PATH"]).write_text(json.dumps(happened | {"label": None}))
        for name, value in event.items():
            self.monkeypatch.setenv(name, value)
        output = self.image.folder / "output"
        output.write_text("")
        self.monkeypatch.setenv("GITHUB_OUTPUT", str(output))
        self.image.github.act_as("requests.yml", "Answer")
        self.here = self.image.checkout()
        self.monkeypatch.chdir(self.here)
        self.draft = self.image.folder / "drafts" / f"{self.number}.json"
        self.draft.parent.mkdir(exist_ok=True)
        assert main(["answer", str(self.draft)]) == 0
        return "draft=yes" in output.read_text()

    def label(self, who: str = "teacher") -> bool:
        with github.server.kept(self.image.github.file) as state:
            state["issues"][self.number - 1]["labels"] = [answer.LABEL]
        return self.happens("labeled", label={"name": answer.LABEL}, sender={"login": who})

    def propose(self) -> None:
        """The job *propose*, of the drafts that there are."""
        self.image.github.act_as("requests.yml", "Propose")
        here = self.image.checkout()
        self.monkeypatch.chdir(here)
        assert propose.run(argparse.Namespace(drafts=self.draft.parent, path=Path())) == 0
        shutil.rmtree(self.draft.parent)

    @property
    def entry(self) -> dict:
        return self.image.github.state()["issues"][self.number - 1]

    @property
    def comments(self) -> list[str]:
        """What the bot wrote into it."""
        comments = self.image.github.state()["comments"]
        return [comment["body"] for comment in comments if comment["issue"] == self.number]


@pytest.fixture
def issue(image, monkeypatch):
    """Somebody opens an issue."""
    return lambda text=None, **fields: Issue(
        image, monkeypatch, body(**fields) if text is None else text
    )


def opened(issue, **fields: str) -> tuple[Issue, str]:
    """An issue that was opened with these fields, and the one comment that it got."""
    asks = issue(**fields)
    assert not asks.happens("opened")
    [comment] = asks.comments
    return asks, comment


# ── A request, from the form to the name of an image


@pytest.mark.world("forms-are-text")
def test_a_request_becomes_a_pull_request_and_its_image_is_named(image, issue):
    asks, comment = opened(issue)
    assert comment.startswith(answer.MARK)
    assert "- `geopandas`: found in conda's channels. It goes into `environment.yml`." in comment
    assert f"For `#1: {NOTE}`" in comment and GOOD["code"] in comment
    assert f"put the label *{answer.LABEL}*" in comment
    assert image.github.state()["labels"] == [answer.LABEL]
    assert image.branches().keys() == {"main"} and image.github.pulls() == []

    assert asks.label()
    image.github.state(jobs=[JOB])
    asks.propose()
    [pull] = image.github.pulls()
    assert pull["head"] == "hub-image/request-1" and pull["title"] == "Add geopandas (#1)"
    assert "Closes #1, which asks for this. `teacher` said yes to it." in pull["body"]
    assert "Files that are yours" not in pull["body"] and "stands in the issue" in pull["body"]
    changed = git(image.bare, "diff", "--name-only", "main", pull["head"]).split()
    assert changed == ["environment.yml", "image-tests/request-1.ipynb"]
    assert f"  - geopandas  # #1: {NOTE}\n" in show(image, pull["head"], "environment.yml")
    [cell] = json.loads(show(image, pull["head"], changed[1]))["cells"]
    assert cell["source"] == [GOOD["code"]]
    commit = image.branches()[pull["head"]]
    name = f"ghcr.io/{OWNER}/{NAME_OF_IMAGE}:pr-{pull['number']}-{commit[:12]}"
    assert f"\n{name}\n" in asks.comments[-1] and f"#{pull['number']}" in asks.comments[-1]
    assert asks.entry["state"] == "open" and asks.entry["labels"] == [answer.LABEL]


NAME_OF_IMAGE = "ocean"
STEPS = [{"name": name, "conclusion": "success"} for name in ("Build", "Contract", "Publish")]
JOB = {"id": 7, "name": "Image for linux/amd64", "conclusion": "success", "steps": STEPS}


@pytest.mark.parametrize(
    ("answers", "fields", "file", "line", "cell"),
    [
        ({}, {"packages": "geodatasets"}, "environment.yml", "      - geodatasets", None),
        ({"package_manager": "pip"}, {}, "requirements.txt", "geopandas", None),
        ({}, {"packages": "geopandas >= 1, < 2"}, "environment.yml", "  - geopandas>=1,<2", None),
        ({}, {"kind": "Program or library of the system", "packages": "graphviz", "code": "dot -V"},
         "apt.txt", "graphviz", ["%%bash\n", "set -e\n", "dot -V"]),
        ({"languages": ["r"]}, {"kind": "R", "packages": "sf", "code": "library(sf)"}, "install.R", '  "sf",', ["library(sf)"]),
        ({"languages": ["julia"]}, {"kind": "Julia", "packages": "CSV", "code": "using CSV"}, "Project.toml", 'CSV = "', ["using CSV"]),
    ],
    ids=str,
)  # fmt: skip
def test_each_kind_goes_into_its_list(answers, fields, file, line, cell, image, rendered, issue):
    shutil.rmtree(image.clone)
    shutil.copytree(rendered(**answers), image.clone)
    image.owner_pushes()
    asks, _ = opened(issue, **fields)
    assert asks.label()
    written = (asks.here / file).read_text()
    assert re.search(rf"^{re.escape(line)}.*# #1: {NOTE}$", written, re.M), written
    notebook = json.loads((asks.here / "image-tests/request-1.ipynb").read_text())
    assert notebook["cells"][0]["source"] == (cell or [GOOD["code"]])
    language = {"R": "R", "Julia": "julia"}.get(fields.get("kind"), "python")
    assert notebook["metadata"]["language_info"]["name"] == language


def test_several_packages_are_one_request(image, issue):
    asks, comment = opened(issue, packages="geopandas, geodatasets; arrow geopandas", until="")
    assert comment.count("It goes into") == 3
    assert asks.label()
    asks.propose()
    assert image.github.pulls()[0]["title"] == "Add geopandas, geodatasets, arrow (#1)"
    assert "- arrow  # #1: GEOG 101\n" in show(image, "hub-image/request-1", "environment.yml")


# ── What is no yes


REFUSED = [
    ({"packages": "nosuch"}, "`nosuch`: **no.** There is no such package in conda's channels or PyPI."),
    ({"packages": "geopandas nosuch"}, "`nosuch`: **no.** There is no such package"),
    ({"packages": "away"}, "Nobody could tell whether there is such a package: 127.0.0.1 does not answer (503"),
    ({"packages": "git+https://evil.example/x"}, "is no name of a package"),
    ({"packages": "https://evil.example/x.whl"}, "is no name of a package"),
    ({"packages": "../x"}, "is no name of a package"),
    ({"packages": "--index-url=https://evil.example"}, "is no name of a package"),
    ({"packages": "-r/etc/passwd"}, "is no name of a package"),
    ({"packages": "evil::geopandas"}, "is no name of a package"),
    ({"packages": "geopandas[channel=evil]"}, "is no name of a package"),
    ({"packages": "geopandas=1=evil_build"}, "is no name of a package"),
    ({"packages": "x@https://evil.example/x.zip"}, "is no name of a package"),
    ({"packages": "x.tar.gz"}, "`x.tar.gz`: **no.** There is no such package"),
    ({"packages": "numpy;python_version<'3'"}, "is no name of a package"),
    ({"packages": " ".join(f"x{n}" for n in range(11))}, "these are 11 packages; ask for 10 at most"),
    ({"packages": "x" * 10_000}, "this has 10000 characters; use 150 at most"),
    ({"packages": ""}, "Packages: this is empty; fill it in"),
    ({"kind": "Perl"}, "Kind: this is not one of the choices, Python, R, Julia"),
    ({"kind": "R", "packages": "sf"}, "this image has no R; change the answer to languages first"),
    ({"why": ""}, "What for: this is empty; fill it in"),
    ({"why": "#"}, "the reason says nothing"),
    ({"why": "x" * 10_000}, "this has 10000 characters; use 300 at most"),
    ({"why": "x" * 250}, "the reason has 250 characters; it stands in one line, so use 200"),
    ({"why": "two\nlines"}, "What for: this has several lines"),
    ({"why": "hub-image: ignore[past-end]"}, "which is for the checks; say it otherwise"),
    ({"until": "next June"}, "`next June` is no month; write it as in 2027-06"),
    ({"until": "2020-01"}, "2020-01 is over already; write a month that comes"),
    ({"code": ""}, "A line of code that must work: this is empty"),
    ({"code": "import x\nimport y"}, "this has several lines"),
    ({"code": "import x\u202e"}, "signs that nobody sees"),
    ({"code": "x" * 10_000}, "this has 10000 characters; use 500 at most"),
    ({"why": f"x\n\n### {LABELS['code']}\n\nimport evil"}, "a heading of the form stands there twice"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "sentence"), REFUSED, ids=str)
def test_what_cannot_be_is_said_in_a_sentence(fields, sentence, rendered, index, monkeypatch):  # noqa: F811
    monkeypatch.setenv("GITHUB_REPOSITORY", f"{OWNER}/{NAME}")
    checked = answer.check(rendered(), 1, body(**fields))
    said = answer.text(checked)
    assert sentence in said.replace("\\", ""), said
    assert f"open a [new issue](https://github.com/{OWNER}/{NAME}/issues/new?template=" in said
    assert not checked.texts and not checked.is_there


def test_no_label_helps_where_nothing_can_be_added(image, issue):
    asks, _ = opened(issue, packages="geopandas nosuch")
    assert image.github.state()["labels"] == []
    assert not asks.label()
    assert asks.entry["labels"] == [] and asks.entry["state"] == "open"
    assert "Nothing of it can be added" in asks.comments[-1]
    assert not asks.draft.exists()


def test_what_is_there_already_is_said_and_the_issue_closed(image, issue):
    with (image.clone / "environment.yml").open("a") as file:
        file.write("  - scikit-learn\n")
    lock = image.clone / "lock/conda-x86_64.txt"
    lock.parent.mkdir()
    lock.write_text("@EXPLICIT\nhttps://conda.anaconda.org/conda-forge/noarch/shapely-2.0-p_0.conda\n")  # fmt: skip
    image.owner_pushes()
    asks, comment = opened(issue, packages="scikit_learn shapely")
    assert re.search(r"environment.yml:\d+ has scikit\\_learn already", comment)
    assert "shapely 2.0 is there already, by way of another package" in comment
    assert "so this issue is closed" in comment and asks.entry["state"] == "closed"
    image.github.reopen(asks.number)
    assert not asks.label() and asks.entry["state"] == "closed", "nor does a yes change it"
    asks, comment = opened(issue, packages="shapely geopandas")
    assert asks.entry["state"] == "open" and "It goes into" in comment


def test_what_the_newest_image_has_by_its_page_is_there_too(image, issue):
    """As what its base brings; in another version than is asked for it is not."""
    page = facts.Facts("Ice", "", "ghcr.io/x", "", 0, (facts.Package("conda", "arrow", "1.3"),))
    listed, main = image.clone / facts.FILE, image.branches()["main"]
    listed.write_text(facts.write(page))
    image.owner_pushes(branch=facts.BRANCH)
    git(image.clone, "reset", "--quiet", "--hard", main)
    asks, comment = opened(issue, packages="arrow>=1")
    assert "arrow 1.3 is there already, by way of another package, as the image says" in comment
    assert asks.entry["state"] == "closed"
    asks, comment = opened(issue, packages="arrow>=2")
    assert "It goes into" in comment and asks.entry["state"] == "open"
    listed.write_text("of a later release")
    image.owner_pushes(branch=facts.BRANCH)
    assert "It goes into" in opened(issue, packages="arrow")[1]


def test_what_a_list_has_in_another_version_is_for_a_person(image, issue):
    with (image.clone / "environment.yml").open("a") as file:
        file.write("  - geopandas<1\n")
    image.owner_pushes()
    asks, comment = opened(issue, packages="geopandas>=1")
    assert re.search(r"environment.yml:\d+ has `geopandas<1` already; write `geopandas>=1` there instead", comment)  # fmt: skip
    assert asks.entry["state"] == "open" and not asks.label()


@pytest.mark.world("triage-may-label")
@pytest.mark.parametrize("role", ["read", "triage", "none", None])
def test_a_label_of_somebody_who_may_not_write_is_no_yes(role, image, issue):
    """Who sorts issues may label: https://docs.github.com/en/organizations/managing-user-access-to-your-organizations-repositories/managing-repository-roles/repository-roles-for-an-organization"""
    asks, before = opened(issue)
    image.github.state(roles={"somebody": role})
    assert not asks.label("somebody")
    assert asks.comments[0] == before and "`somebody` may not write" in asks.comments[1]
    assert asks.entry["labels"] == [] and not asks.draft.exists()


@pytest.mark.parametrize("who", ["teacher", "keeper", "boss"])
def test_a_label_of_somebody_who_may_write_is_a_yes(who, issue):
    asks, _ = opened(issue)
    assert asks.label(who)


@pytest.mark.world("labels-come-one-by-one")
def test_another_label_is_nothing(issue):
    """And so it is for the workflow, which does not even start a job."""
    when = yaml.safe_load((ROOT / "template/.github/workflows/requests.yml").read_text())
    for event, runs in {
        "opened": ({"action": "opened"}, True),
        "ours": ({"action": "labeled", "label": {"name": answer.LABEL}}, True),
        "another": ({"action": "labeled", "label": {"name": "bug"}}, False),
    }.values():
        asked_for = {"event": event | {"issue": {"number": 3}}, "run_id": "99"}
        assert expression(when["jobs"]["answer"]["if"], github=asked_for) is runs
        group = evaluate(when["concurrency"]["group"], github=asked_for)
        assert group == ("requests-3-package" if runs else "requests-3-99")
    assert when["concurrency"]["cancel-in-progress"] is False


def test_a_text_that_was_edited_is_shown_before_it_counts(image, issue):
    asks, before = opened(issue)
    asks.edit(body(packages="arrow", code="import os"))
    assert not asks.label()
    shown, refusal = asks.comments
    assert "`arrow`: found" in shown and "import os" in shown and "geopandas" not in shown
    assert shown != before and "Is it what you want?" in refusal and asks.entry["labels"] == []
    asks.edit(body())
    assert not asks.label(), "also back to what was shown first: it is not what is shown now"
    assert asks.label()
    asks.edit(body(packages="arrow"))
    assert not asks.label(), "an old event, which somebody runs again"


@pytest.mark.parametrize("what", ["a line", "line ends"])
def test_every_byte_of_the_text_counts(what, issue):
    asks, _ = opened(issue)
    asks.edit(body() + "\nx" if what == "a line" else body().replace("\n", "\r\n"))
    assert not asks.label()


def test_what_can_be_had_otherwise_meanwhile_is_shown_too(issue, monkeypatch):
    """As where conda's channel has it now, which was another's package before."""
    asks, comment = opened(issue, packages="geodatasets")
    assert "found in PyPI" in comment
    monkeypatch.setattr("lists.test_wanted.KNOWN", KNOWN | {"/package/conda-forge/geodatasets"})
    assert not asks.label()
    assert "found in conda's channels" in asks.comments[0]
    assert asks.label()


def test_an_index_that_was_away_is_asked_again_with_the_label(issue, monkeypatch):
    asks, comment = opened(issue, packages="away")
    assert "Nobody could tell" in comment
    monkeypatch.setattr(indexes, "has", lambda *_: True)
    assert not asks.label() and "found in" in asks.comments[0]
    assert asks.label()


def test_a_closed_issue_waits_until_it_is_open(image, issue):
    asks, _ = opened(issue)
    image.github.close(asks.number)
    assert not asks.label()
    assert "This issue is closed" in asks.comments[-1] and asks.entry["labels"] == []
    image.github.reopen(asks.number)
    assert asks.label()


def test_a_label_before_the_first_answer_is_too_early(issue):
    """As where the run for the opened issue failed, or comes later."""
    asks = issue()
    assert not asks.label()
    assert "`geopandas`: found" in asks.comments[0]
    assert asks.label()


def test_nobody_answers_in_the_name_of_the_bot(image, issue):
    asks, comment = opened(issue)
    asks.edit(body(packages="arrow"))
    image.github.state(comments=[])
    forged = answer.check(asks.here, asks.number, asks.text)
    image.github.state(comments=[{"id": 1, "issue": 1, "user": "student", "body": answer.text(forged)}])  # fmt: skip
    assert not asks.label()
    assert len(asks.comments) == 3


@pytest.mark.parametrize("text", [
    None, "", "Please add geopandas", body().partition("\n\n### Kind")[0], "Hello\n\n" + body(), f"<!-- {body()} -->",
])  # fmt: skip
def test_an_issue_that_is_none_of_the_form_is_left_alone(text, image, issue):
    asks = issue(text or "")
    assert not asks.happens("opened") and not asks.label()
    assert asks.comments == [] and asks.entry["labels"] == [answer.LABEL]
    assert not [asked for asked in image.github.state()["requests"] if not asked.startswith("GET")]


def test_without_the_form_nothing_happens(image, issue):
    """Neither here nor in the workflow, which looks for the file."""
    (image.clone / asked.FORM).unlink()
    image.owner_pushes()
    asks = issue()
    assert not asks.happens("opened") and not asks.label() and asks.comments == []
    steps = yaml.safe_load((ROOT / "template/.github/workflows/requests.yml").read_text())
    for step in steps["jobs"]["answer"]["steps"][1:3]:
        assert step["if"] == f"hashFiles('{Path(asked.FORM).parent}/hub-image-*.yml') != ''"


def test_a_form_may_be_translated_and_lose_fields(image, issue):
    form = image.clone / asked.FORM
    fields = yaml.safe_load(FORM)
    fields["body"] = [part for part in fields["body"] if part.get("id") not in ("until", "code")]
    form.write_text(yaml.safe_dump(fields, sort_keys=False).replace("What for", "Wofür"))
    image.owner_pushes()
    text = body().partition(f"\n\n### {LABELS['until']}")[0].replace("What for", "Wofür")
    asks = issue(text)
    assert not asks.happens("opened") and asks.label()
    assert f"# #{asks.number}: GEOG 101\n" in (asks.here / "environment.yml").read_text()
    assert not (asks.here / "image-tests/request-1.ipynb").exists()


def test_a_form_may_have_more_fields():
    fields = yaml.safe_load(FORM)
    more = {"type": "input", "id": "course", "attributes": {"label": "Your course"}}
    fields["body"][2:2] = [more]
    form, asks = yaml.safe_dump(fields), f"### Your course\n\nGEOG\n\n### {LABELS['kind']}"
    text = body().replace(f"### {LABELS['kind']}", asks)
    assert asked.read(form, text) == asked.read(FORM, body())
    assert asked.read(form, body()) is None
    with pytest.raises(Problem, match="a heading of the form stands there twice"):
        asked.read(form, text + "\n\n### Your course")


@pytest.mark.parametrize(
    ("kind", "manager"),
    {"Python (conda, PyPI)": "python", "Paquet R": "r", "Julia-Paket": "julia", "Programm": "apt", "Reader": "apt"}.items(),
)  # fmt: skip
def test_a_translated_kind_is_known_by_its_language(kind, manager):
    form = FORM.replace("        - Python\n", f"        - {kind}\n        - 7\n")
    assert asked.read(form, body(kind=kind)).manager == manager
    with pytest.raises(Problem, match=f"Kind: this is not one of the choices, {re.escape(kind)}, 7"):  # fmt: skip
        asked.read(form, body(kind="Python"))


def test_what_people_paste_is_taken_as_they_mean_it():
    """Spaces of a text processor, and the signs of code that the form itself shows."""
    odd = body(packages="`geopandas\u00a0arrow`", why="GEOG\u00a0101\u2003maps", code="`import\tx`")
    wish = asked.read(FORM, odd)
    assert (wish.words, wish.why, wish.code) == (("geopandas", "arrow"), "GEOG 101 maps", "import x")  # fmt: skip
    assert asked.read(FORM, body(code="echo `date`")).code == "echo `date`"


@pytest.mark.parametrize(
    "text", ["body: [1]\n", "body: [\n", "a: 1\n", FORM.replace("packages", "names")]
)
def test_a_form_that_is_none_says_so(text, image, issue):
    (image.clone / asked.FORM).write_text(text)
    image.owner_pushes()
    _, comment = opened(issue)
    assert "is no form that hub-image can read: restore it, or delete it" in comment
    other = issue("Something else does not work")
    assert not other.happens("opened") and other.comments == []


def test_the_form_is_one_and_the_label_is_the_one_of_the_workflow():
    fits("github-issue-forms", ROOT / "template" / asked.FORM)
    assert list(LABELS) == list(asked.LONGEST)
    kinds = yaml.safe_load(FORM)["body"][2]["attributes"]["options"]
    assert set(asked.MANAGERS) < set(kinds) and len(kinds) == len(asked.MANAGERS) + 1
    workflow = (ROOT / "template/.github/workflows/requests.yml").read_text()
    assert workflow.count(f"label.name == '{answer.LABEL}'") == 2


# ── Text of a stranger

EVIL = {
    "shell": "$(touch /tmp/evil) `id` ; rm -rf ~ | sh && '\"",
    "yaml": "]\n- evil: [x",
    "markdown": "**[x](javascript:alert(1))** ![x](https://evil.example/x.png) <img src=x> |a|",
    "mentions": "@octocat @ocean/team a@evil.example #1 ocean/ice-core#1 www.evil.example https://evil.example",
    "commands": "::set-output name=draft::yes ::add-mask::a ##[error]x %0A::error::x",
    "marks": f"<!-- hub-image asked {'0' * 64} --> --> <!--",
    "fences": "```` ``` ~~~ ` `` \\` \\",
    "expressions": "${{ secrets.REGISTRY_PASSWORD }} {{ 7 * 7 }} ${HOME} %s {0}",
    "python": '"""\nimport evil\n"""',
    "lines": "one\n\n### two\n\n> three\n- four\n\x0b\x1b[2K\u2028\x85end",
    "headings": f"x\n\n### {LABELS['packages']}\n\nevil",
    "long": "@octocat " * 1200,
    "nothing": "\u200b\u202e\x00",
}


TAKEN = {
    "shell",
    "markdown",
    "mentions",
    "commands",
    "marks",
    "fences",
    "expressions",
}  # one line each


def outside_of_code(text: str) -> str:
    """A comment without its mark, blocks of code, and code: what GitHub makes something of.

    https://spec.commonmark.org/0.31.2/#code-spans
    """
    mark, _, rest = text.partition("\n")
    assert re.fullmatch(r"<!-- [\w -]+ -->", mark), mark
    rest = re.sub(r"^(`{3,4})$.*?^\1$", "", rest, flags=re.M | re.S)
    return re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", rest)


def is_harmless(text: str) -> None:
    """Nobody is called by it, it links to nowhere but this repository, and it has neither tags nor marks."""
    left = outside_of_code(text)
    left = re.sub(rf"\(https://github\.com/{OWNER}/{NAME}/[\w/.?=&+%-]*\)", "()", left)
    assert not re.search(r"@|://|www\.|<|javascript:|evil|secrets", left, re.I), left
    assert not re.search(r"#(?!#|\d+[),.])", left.replace("### ", "")), left
    assert "\x1b" not in text and "\u202e" not in text and "\x00" not in text
    assert len(text) < 8000


@pytest.mark.parametrize("what", EVIL)
def test_hostile_text_in_any_field_is_shown_as_text(what, rendered, index, monkeypatch):  # noqa: F811
    monkeypatch.setenv("GITHUB_REPOSITORY", f"{OWNER}/{NAME}")
    for name in LABELS:
        checked = answer.check(rendered(), 1, body(**{name: EVIL[what]}))
        is_harmless(answer.text(checked))
        taken = name in ("why", "code") and what in TAKEN
        assert bool(checked.texts) == taken, name


@pytest.mark.parametrize("what", [*sorted(TAKEN), "lines"])
def test_hostile_text_says_one_package_and_one_test_and_nothing_else(what, image, issue, capsys):
    asks, _ = opened(issue, why=EVIL[what], code=EVIL[what])
    assert asks.label() == (what in TAKEN)
    said = capsys.readouterr().out.splitlines()
    assert not [line for line in said if "::" in line or "##[" in line]
    if what not in TAKEN:
        return
    asks.propose()
    [pull] = image.github.pulls()
    assert pull["title"] == "Add geopandas (#1)"
    for text in (pull["body"].replace("Closes #1,", ""), *asks.comments):
        is_harmless(text)
    branch = pull["head"]
    changed = git(image.bare, "diff", "--name-only", "main", branch).split()
    assert changed == ["environment.yml", "image-tests/request-1.ipynb"]
    lists = [show(image, of, "environment.yml") for of in ("main", branch)]
    found = [packages.PARSERS["environment.yml"](text) for text in lists]
    names = [[package.text for package in read.packages] for read in found]
    assert names[1] == [*names[0], "geopandas"] and not found[1].faults
    assert lists[1].count("\n") == lists[0].count("\n") + 1
    [cell] = json.loads(show(image, branch, changed[1]))["cells"]
    assert cell["source"] == [EVIL[what].strip()]


@given(st.dictionaries(st.sampled_from(list(LABELS)), st.text(max_size=400) | st.sampled_from(list(EVIL.values()))))  # fmt: skip
def test_whatever_is_typed_it_is_a_request_or_a_sentence(fields):
    try:
        wish = asked.read(FORM, body(**fields))
    except Exception as problem:
        assert type(problem).__name__ == "Problem", repr(problem)
        return
    if wish:
        assert all(re.fullmatch(r"[A-Za-z0-9][\w.+*!<>=~,-]*", word, re.A) for word in wish.words)
        for text in (wish.why, wish.until, wish.code):
            assert text.isprintable() and len(text) <= 500


# ── Two, and one more time


def test_two_requests_at_once_are_two_pull_requests(image, issue):
    first, _ = opened(issue)
    second, _ = opened(issue, packages="arrow")
    assert first.label() and second.label()
    first.propose()  # GitHub has one run for each; here one proposes both
    assert [pull["head"] for pull in image.github.pulls()] == ["hub-image/request-1", "hub-image/request-2"]  # fmt: skip
    for asks, name in ((first, "geopandas"), (second, "arrow")):
        added = git(image.bare, "diff", "main", f"hub-image/request-{asks.number}", "--", "environment.yml")  # fmt: skip
        assert f"+  - {name}" in added and added.count("\n+  - ") == 1


@pytest.fixture
def two(image, issue):
    """Two requests that somebody has said yes to, of which the first is merged."""
    found = [opened(issue)[0], opened(issue, packages="arrow")[0]]
    assert all(asks.label() for asks in found)
    found[0].propose()
    image.github.close(3, merged=True)
    return found


def a_list_changes(image, monkeypatch) -> None:
    """What *requests* does when a list has changed on main."""
    for name, value in image.variables("requests.yml", "push").items():
        monkeypatch.setenv(name, value)
    image.github.act_as("requests.yml", "Catch up")
    monkeypatch.chdir(image.checkout())
    assert main(["catch-up"]) == 0


def conflicts(image, branch: str) -> bool:
    """Whether GitHub would say so: it merges as git does, without .gitattributes."""
    line = ["git", "-C", image.bare, "merge-tree", "--write-tree", "main", branch]
    return subprocess.run(line, capture_output=True).returncode == 1


SECOND = "hub-image/request-2"


@pytest.mark.world("merging-takes-no-attributes")
def test_once_one_is_merged_the_other_is_brought_up_to_it(image, two, monkeypatch):
    before, main_now = image.branches()[SECOND], image.branches()["main"]
    assert conflicts(image, SECOND)
    for _ in range(2):  # the second time there is nothing to do
        a_list_changes(image, monkeypatch)
        assert not conflicts(image, SECOND)
        made = git(image.bare, "log", "-1", "--format=%P %an", SECOND).split()
        assert made == [before, main_now, "github-actions[bot]"]
    added = git(image.bare, "diff", "main", SECOND, "--", "environment.yml").splitlines()[4:]
    assert [line for line in added if line[0] in "+-"] == [f"+  - arrow  # #2: {NOTE}"]
    two[1].label()
    two[1].propose()
    assert git(image.bare, "rev-parse", f"{SECOND}^").strip() == main_now, "a yes makes it anew"


SAME = {  # both as a list then has it twice: with other words, and as no TOML
    "the same package": (
        "environment.yml",
        "channels: [x]\ndependencies:\n{}",
        "  - {} # {}\n",
        "a_b",
        "a-b",
    ),
    "the same key": ("Project.toml", "[deps]\n{}", f'{{}} = "{UUID}" # {{}}\n', "A", "A"),
    "no list any more": ("environment.yml", "dependencies: [{}]\n", "\n  {} # {}\n  ", "a", "b"),
}


@pytest.mark.parametrize("what", SAME)
def test_what_would_be_twice_in_a_list_or_no_list_stays_a_conflict(what, tmp_path):
    file, text, line, first, second = SAME[what]
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    for branch, lines in {"main": "", "one": line.format(first, 1), "two": line.format(second, 2)}.items():  # fmt: skip
        git(tmp_path, "checkout", "--quiet", "-B", branch, *["main"] * (branch != "main"))
        (tmp_path / file).write_text(text.format(lines))
        git(tmp_path, "add", file)
        git(tmp_path, "commit", "--quiet", "--message", branch)
    assert catch_up.merged(tmp_path, "one") == ""
    other = text.format(line.format("other", 3))
    (tmp_path / file).write_text(other)
    git(tmp_path, "commit", "--quiet", "--all", "--amend", "--message", "other")
    assert bool(catch_up.merged(tmp_path, "one")) == (what != "no list any more")


@pytest.mark.parametrize("what", ["the branch of a fork", "no conflict", "another file", "closed"])
def test_what_is_not_brought_up(what, image, two, monkeypatch, request):
    """Where somebody has to decide, or where there is nothing to do."""
    if what == "closed":
        image.github.close(4)
    elif what == "no conflict":
        git(image.bare, "update-ref", "refs/heads/main", "refs/heads/main~1")
    elif what == "another file":
        git(image.clone, "fetch", "--quiet", str(image.bare), "refs/heads/*:refs/theirs/*")
        for branch, text in (("main", "a"), (SECOND, "b")):
            git(image.clone, "checkout", "--quiet", image.branches()[branch])
            (image.clone / "preBuild").write_text(text)
            image.owner_pushes(branch=branch)
    else:
        owner = f"stranger-{image.folder.name}"
        with github.server.kept(image.github.file) as state:
            state["issues"][3]["pull"]["head"] = f"{owner}:{SECOND}"
        fork = Path(github.server.fork(image.github.state(), owner))
        request.addfinalizer(lambda: shutil.rmtree(fork.parent))
        shutil.copytree(image.bare, fork)
    before = image.branches()
    a_list_changes(image, monkeypatch)
    assert image.branches() == before


def test_who_was_quicker_than_catching_up_is_not_undone(image, two, monkeypatch, capsys):
    git(image.bare, "config", "standin.protected", f"refs/heads/{SECOND}")
    before = image.branches()
    a_list_changes(image, monkeypatch)
    assert image.branches() == before
    assert re.search(r"warning.*/pull/4 conflicts with main still: git push failed", capsys.readouterr().out)  # fmt: skip


def test_only_a_list_of_the_default_branch_that_changes_starts_it():
    """Each such change in a run of its own, which keeps no request waiting."""
    workflow = yaml.safe_load((ROOT / "template/.github/workflows/requests.yml").read_text())
    assert {*workflow[True]["push"]["paths"], "environment.yaml"} == set(packages.PARSERS)
    main = {"default_branch": "main"}
    for name, event in {"push": {"repository": main}, "issues": {"action": "opened", "issue": {"number": 3}, "repository": main}}.items():  # fmt: skip
        told = {"event_name": name, "event": event, "run_id": "99", "ref_name": "main"}
        assert expression(workflow["jobs"]["catch-up"]["if"], github=told) is (name == "push")
        other = told | {"ref_name": "master"}  # it may be there beside main
        assert not expression(workflow["jobs"]["catch-up"]["if"], github=other)
        assert expression(workflow["jobs"]["answer"]["if"], github=told) is (name == "issues")
        group = evaluate(workflow["concurrency"]["group"], github=told)
        assert group.endswith({"push": "-99", "issues": "-3-package"}[name])


def test_a_yes_that_is_given_again_makes_it_again(image, issue):
    """After its pull request was closed, on what main is then; after it was merged there is nothing to do."""
    asks, _ = opened(issue)
    for number in (2, 3):
        assert asks.label()
        asks.propose()
        assert [pull["number"] for pull in image.github.pulls()] == list(range(2, number + 1))
        if number == 2:
            image.github.close(number)
            image.owner_pushes("More work")
    assert git(image.bare, "merge-base", "main", "hub-image/request-1").strip() == image.branches()["main"]  # fmt: skip
    image.github.close(3, merged=True)
    assert not asks.label() and asks.entry["state"] == "closed"
    assert "is closed" in asks.comments[0]


def test_a_branch_that_somebody_has_worked_on_stays(image, issue):
    """And the issue says how it comes again: nobody can run *requests* by hand."""
    image.owner_pushes("Mine", branch="hub-image/request-1")
    mine = image.branches()["hub-image/request-1"]
    asks, _ = opened(issue)
    assert asks.label()
    asks.propose()
    assert image.branches()["hub-image/request-1"] == mine and image.github.pulls() == []
    assert "Somebody else has committed to the branch" in asks.comments[-1]
    assert f"comes again when the label *{answer.LABEL}* is put on the issue once more" in asks.comments[-1]  # fmt: skip


# ── What becomes of the image


def tried(image, issue, **state: object) -> str:
    """What the issue says of an image that was tried with this end."""
    asks, _ = opened(issue)
    assert asks.label()
    image.github.state(**state)
    asks.propose()
    assert asks.entry["state"] == "open"
    for said in asks.comments:
        is_harmless(said)
    return asks.comments[-1]


def test_an_image_that_fails_tells_its_reason(image, issue):
    failed = [{"name": "Build", "conclusion": "success"}, {"name": "Contract", "conclusion": "failure"}]  # fmt: skip
    jobs = [{"id": 5, "name": "Plan", "conclusion": "success", "steps": []}, JOB | {"conclusion": "failure", "steps": failed}]  # fmt: skip
    why = "Error own, image-tests/request-1.ipynb: cell 1: ModuleNotFoundError: @octocat ````"
    beside = [
        {"title": None, "message": "Process completed with exit code 1.", "annotation_level": "failure"},
        {"title": "contract failed", "message": why, "annotation_level": "failure"},
    ]  # fmt: skip
    told = tried(image, issue, conclusion="failure", jobs=jobs, annotations={"7": beside})
    assert "**The image does not work with it** (#2)" in told and "**Contract**" in told
    assert "cell 1: ModuleNotFoundError" in told and "exit code" not in told
    assert "do not merge this yet" in image.github.pulls()[0]["body"]


def test_an_image_that_fails_before_anything_was_said(image, issue):
    job = JOB | {"conclusion": "failure", "steps": []}
    told = tried(image, issue, conclusion="failure", jobs=[job])
    assert "**Image for linux/amd64**" in told and "The page of the run has its log." in told


def test_a_run_that_could_not_start_has_no_jobs(image, issue):
    told = tried(image, issue, conclusion="startup_failure")
    assert "**The image does not work with it** (#2)" in told
    assert "GitHub does not say what: the page of the run may." in told
    assert "do not merge this yet" in image.github.pulls()[0]["body"]


def test_an_image_that_is_not_published_has_no_name(image, issue):
    skipped = [step | {"conclusion": "skipped" if step["name"] == "Publish" else "success"} for step in STEPS]  # fmt: skip
    told = tried(image, issue, jobs=[JOB | {"steps": skipped}])
    assert "was not published" in told and "ghcr.io" not in told


def test_a_run_that_was_cancelled_is_said(image, issue):
    assert "was not tested to the end" in tried(image, issue, conclusion="cancelled")


def test_where_actions_may_not_open_pull_requests_the_issue_has_the_link(image, issue):
    told = tried(image, issue, settings=NO_PULLS)
    assert f"compare/main...hub-image/request-1?expand=1&body=Closes+%231" in told  # noqa: F541
    assert "pull request is yours to open" in told and len(image.github.issues()) == 1


def test_a_link_starts_it_where_the_hub_is_known(image, rendered, issue):
    shutil.copytree(rendered(hub_url="https://hub.example.org"), image.clone, dirs_exist_ok=True)
    image.owner_pushes()
    asks, _ = opened(issue)
    assert asks.label()
    image.github.state(jobs=[JOB])
    asks.propose()
    assert "[Start this image on the hub](https://hub.example.org/hub/login?next=" in asks.comments[-1]  # fmt: skip
    assert ":pr-2-" in asks.comments[-1]
