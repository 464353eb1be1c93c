"""What people read: advice, the table, GitHub's summary, JUnit; and where the answers come from."""

from __future__ import annotations

import argparse
import json
import subprocess
from dataclasses import replace
from functools import partial
from xml.etree import ElementTree

import pytest

from conftest import ROOT
from hub_image import __version__, catalog
from hub_image.__main__ import main
from hub_image.contract import (
    PAGE,
    PASS,
    Check,
    Failure,
    NotApplicable,
    Result,
    Target,
    Warning,
    display,
    selected,
)
from hub_image.contract import command as test
from hub_image.contract.groups import chosen, container, image_tests, on_hub, static
from hub_image.tools import docker

ALL = [*static.CHECKS, *container.CHECKS, *on_hub.CHECKS, *chosen.IN_CONTAINER, *chosen.ON_HUB]
ENDS = {
    "fine": None,
    "broken": Failure("it | broke\x1b"),
    "so so": Warning("it creaks"),
    "elsewhere": NotApplicable("there is none"),
}


TARGET = Target(
    "ocean:1",
    hub_version="5.4",
    config={"Id": "sha256:1", "Config": {"Env": ["PATH=/opt/conda/bin"]}},
)


def check(name: str, number: str = "C0") -> Check:
    def run(subject: dict) -> None:
        if subject[name]:
            raise subject[name]

    return Check(number, name, "Because.", "https://example.org/why", "Change it.", run)


@pytest.fixture
def results():
    found = test.judge([check(name) for name in ENDS], ENDS, at_once=2)
    return sorted(found, key=lambda result: list(ENDS).index(result.check.name))


def test_results_are_shown_in_the_order_of_the_page():
    """They come as they are ready; what an owner wrote has no place there."""
    own = Result(check("one.ipynb", "own"), PASS, "")
    known = [Result(one, PASS, "") for checks in test.CHECKS.values() for one in checks]
    assert test.in_order([own, *reversed(known)]) == [*known, own]


@pytest.mark.parametrize("check", ALL, ids=lambda check: f"{check.number} {check.name}")
def test_check_says_why_and_what_to_do(check):
    assert check.source.startswith("https://")
    assert check.why.endswith(".")
    assert check.fix.endswith((".", on_hub.RECIPE))


def test_every_requirement_has_a_check():
    """C28 and C29 are a hub's, not an image's. Names are unique, so that --without means one check."""
    wanted = set(range(1, 39)) - {28, 29}
    assert {check.number for check in ALL} == {f"C{number}" for number in wanted}
    assert len({check.name for check in ALL}) == len(ALL)


def test_page_is_made_from_the_checks(capsys):
    """And each check's link leads to its heading there."""
    with pytest.raises(SystemExit):
        options("--rules")
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    assert capsys.readouterr().out == page
    assert all(f"\n### {check.number} {check.name}\n" in page for check in ALL)
    same_pip = next(check for check in ALL if check.name == "pip in a terminal is the notebook's")
    assert same_pip.link.endswith("/docs/contract.md#c9-pip-in-a-terminal-is-the-notebooks")


def test_a_failure_reads_like_advice(results):
    text = display.text(TARGET, results)
    assert "Error C0, broken: it | broke\x1b.\n  Why it matters: Because.\n" in text
    assert "  What to change: Change it.\n" in text
    assert text.endswith("ocean:1: 1 failed, 1 warned, 1 passed, 1 not applicable")


def test_step_summary_is_a_table(results):
    text = display.markdown("ocean:1", results)
    link = f"{catalog.load().published}/blob/v{__version__}/docs/contract.md"
    assert f"| ❌ | [C0]({link}#c0-broken) broken | it \\| broke\x1b | Change it. |" in text
    assert text.count(f"({link}#c0-") == len(results) + 2
    assert text.count("\n| –") == 1


def test_step_summary_begins_with_size_and_times(results):
    """For those that have a note: what failed stands in the table."""
    named = [replace(result, check=replace(result.check, headline="Size")) for result in results]
    shown = [line for line in display.markdown("ocean:1", named).splitlines() if line[:2] == "- "]
    assert shown == ["- Size: ", "- Size: it creaks"]
    asked = {check.headline for check in ALL} - {""}
    assert asked == {"Size", "Server", "Interfaces open"}


def test_programs_get_json(results):
    found = json.loads(display.as_json(TARGET, results))
    assert (found["image"], found["digest"], found["hub"]) == ("ocean:1", "sha256:1", "5.4")
    assert [result["status"] for result in found["results"]] == [
        "pass",
        "fail",
        "warn",
        "not applicable",
    ]
    assert (
        found["results"][1].items()
        >= {"number": "C0", "detail": "it | broke\x1b", "fix": "Change it."}.items()
    )


@pytest.mark.parametrize(
    ("path", "family", "says"),
    [
        (
            "/opt/conda/bin:/usr/bin",
            "",
            "Jupyter Docker Stacks; Python in /opt/conda",
        ),
        (
            "/usr/bin",
            "pangeo",
            "Pangeo; Python in /srv/conda/envs/notebook",
        ),
        ("/usr/bin", "", "like no image that the template knows"),
    ],
)
def test_what_an_image_is_like_is_found_out_from_it(path, family, says):
    config = {"Config": {"Env": [f"PATH={path}"]}}
    assert Target("ocean:1", "5.4", family=family, config=config).kind == f"ocean:1: {says}"


def test_a_pull_says_how_far_it_is(tmp_path, monkeypatch):
    """In the lines that `docker pull` writes where it has no terminal."""
    (tmp_path / "docker").write_text(
        "#!/bin/sh\n[ $1 = pull ] || exit 0\nprintf 'a: Pulling fs layer\\nb: Pulling fs layer\\nb: Download complete\\n"
        "b: Pull complete\\na: Pull complete\\nStatus: Downloaded newer image for ocean:1\\n'\n"
    )
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    said = []
    docker.pull("ocean:1", said.append)
    assert said == ["Pulling ocean:1", "Pulled 1 of 2 layers", "Pulled 2 of 2 layers"]


def test_junit_is_what_parsers_expect(results):
    suite = ElementTree.fromstring(display.junit("ocean:1", results))
    assert dict(suite.attrib, name="") == dict(name="", tests="4", failures="1", skipped="1")
    assert suite.find("testcase/failure").get("message") == "it | broke?"
    assert suite.findall("testcase")[2].find("system-out") is not None


@pytest.mark.parametrize("word", ["C7", "the server hears when it shall stop"])
def test_a_check_is_left_out_by_number_or_name(word):
    left = selected(ALL, [word])
    gone = [check for check in ALL if check not in left]
    assert gone and {check.number for check in gone} == {"C7"}
    assert len(gone) == (4 if word == "C7" else 1)


def options(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    test.arguments(parser)
    return parser.parse_args(["ocean:1", *arguments])


def test_answers_come_from_the_repository(tmp_path, monkeypatch):
    monkeypatch.setattr(docker, "inspect", lambda reference, progress: {"Config": {}})
    target = partial(test.target, say=print)
    (tmp_path / ".github").mkdir()
    (tmp_path / ".github/image.env").write_text(
        "HUB_VERSION=4.1\nBASE_FAMILY=pangeo\nPLATFORMS=linux/amd64,linux/arm64\nINTERFACES=rstudio\n"
    )
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub/profile.yaml").write_text(
        "display_name: Ocean\nkubespawner_override: {default_url: /rstudio}\n"
    )
    found = target(options(str(tmp_path)))
    assert (found.hub_version, found.family, found.default_url) == ("4.1", "pangeo", "/rstudio")
    assert found.profile["display_name"] == "Ocean"
    for url in ("/tree", "tree"):  # a hub takes both
        assert target(options(str(tmp_path), "--default-url", url)).first_page == "/tree"
    assert found.platforms == ("linux/amd64", "linux/arm64") and found.interfaces == ("rstudio",)
    alone = target(options(str(tmp_path / "hub")))
    assert (alone.hub_version, alone.default_url) == (test.catalog.load().hub, "/lab")


def test_every_notebook_and_test_of_the_owner_is_found(tmp_path):
    folder = tmp_path / "image-tests"
    for name in ("a.ipynb", "deep/b.ipynb", "test_c.py", "helper.py", ".ipynb_checkpoints/a.ipynb"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    names = [
        check.name.removeprefix("image-tests/") for check in image_tests.checks(tmp_path, tmp_path)
    ]
    assert names == ["a.ipynb", "deep/b.ipynb", "test_c.py"]
    assert image_tests.checks(tmp_path / "nowhere", tmp_path) == []


def test_no_docker_is_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["test", "ocean:1", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        "hub-image: there is no `docker` command: install Docker and start it\n"
    )


@pytest.mark.parametrize("command", ["test", "hub"])
def test_a_profile_that_no_hub_takes_is_one_sentence(command, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(docker, "call", lambda *_, **__: subprocess.CompletedProcess([], 0, "", ""))
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub/profile.yaml").write_text("display_name: Ocean\ndefualt: true\n")
    assert main([command, "ocean:1", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "profile.yaml:2: `defualt` is no key of a profile" in said and said.count("\n") == 1
