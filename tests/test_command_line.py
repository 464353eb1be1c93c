"""Every command in a folder where nothing is: one sentence, an exit code of the table, and no traceback."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from conftest import ROOT
from hub_image.__main__ import COMMANDS, EXIT_CODES, STEPS, main
from hub_image.tools import docker

IMAGE = "quay.io/ocean/ocean:0a1b2c3d4e5f"
# How each is called, and the exit code in an empty folder.
CALLS = {
    ("check",): 0,
    ("check", "--fix", "."): 0,
    ("add", "geopandas", "--why", "GEOG 101"): 2,
    ("add", "geopandas"): 2,
    ("expire",): 0,
    ("expire", "--draft", "draft.json"): 2,
    ("test", IMAGE): 2,
    ("hub", IMAGE, "--no-browser"): 2,
    ("adopt", "--yes"): 2,
    ("request", IMAGE): 2,
    ("request",): 2,
    ("request", "--issue"): 0,  # without its text there is no request
    ("request", IMAGE, "--into", "values.yaml"): 2,
    ("profile",): 2,
    ("profile", "--newest"): 2,
    ("page", IMAGE, "--into", "page"): 2,
    ("fleet", "."): 2,
    ("gate",): 2,
    ("links", IMAGE): 2,
    ("update",): 2,
    ("update", "--data", "registry"): 2,
    ("update", "--draft", "draft.json"): 2,
    ("configure",): 2,
    ("configure", "--propose"): 2,
    ("configure", "--draft", "draft.json"): 2,
    ("lock",): 2,
    ("lock", "--image", IMAGE): 2,
    ("plan",): 2,
    ("plan", "--builds"): 2,
    ("login",): 2,
    ("find",): 2,
    ("publish", f"sha256:{'0' * 64}"): 2,
    ("report", "report.md"): 2,
    ("report", "report.md", "--comment"): 2,
    ("release",): 2,
    ("settle", "draft.json"): 2,
    ("answer", "draft.json"): 2,
    ("propose", "drafts"): 2,
    ("clean-up",): 2,
    ("catch-up",): 2,
    ("notices",): 0,  # without an address of the hub there is nothing to compare
    (): 2,
    ("chekc",): 2,
    ("check", "nowhere"): 2,
    ("check", "--no-such-option"): 2,
}


@pytest.fixture
def alone(tmp_path, monkeypatch) -> Path:
    """An empty folder, outside of GitHub Actions, where nothing is on the PATH and no host answers."""
    for name in [name for name in os.environ if name.startswith(("GITHUB_", "REGISTRY_"))]:
        monkeypatch.delenv(name)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there
    # urllib keeps the proxies of its first request, for all that follow.
    monkeypatch.setattr(urllib.request, "_opener", None)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_every_command_is_called_here():
    assert {call[0] for call in CALLS if call} >= (COMMANDS | STEPS).keys()


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
def test_without_anything_each_command_says_one_sentence(call, alone, capsys):
    assert main(list(call)) == CALLS[call]
    said = capsys.readouterr().err
    assert said.count("\n") == (CALLS[call] == 2)
    assert not said or said.startswith("hub-image: ")
    assert not list(alone.iterdir())


@pytest.mark.parametrize("call", [call for call in CALLS if call], ids=" ".join)
def test_without_its_tools_each_command_says_one_sentence(call, alone, render, capsys):
    """In a repository of the template, so that each gets as far as it can."""
    shutil.copytree(render(), alone, dirs_exist_ok=True)
    code = main(list(call))
    said = [
        line for line in capsys.readouterr().err.splitlines() if not re.match(r" *\d+ s  ", line)
    ]
    assert code in EXIT_CODES and len(said) == (code == 2), said


@pytest.mark.parametrize("call", ["adopt --yes", "gate --base main"])
def test_where_git_lacks_nothing_else_is_blamed(call, alone, capsys):
    assert main(call.split()) == 2
    assert capsys.readouterr().err == "hub-image: There is no `git` command: install git.\n"


def test_nothing_to_look_over_is_not_all_well(alone, capsys):
    assert main(["profile", "."]) == 2
    assert "there is no YAML file in ., so there is nothing" in capsys.readouterr().err


def test_on_github_the_sentence_stands_beside_the_run(alone, monkeypatch, capsys):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert main(["plan"]) == 2
    begin, end, error, *rest = capsys.readouterr().out.splitlines()
    assert error.startswith("::error::.github/image.env is missing")
    word = begin.removeprefix("::stop-commands::")
    assert len(word) == 32 and (end, rest) == (f"::{word}::", [begin, f"::{word}::"])


def test_a_file_that_cannot_be_written_is_named(alone, render, capsys, monkeypatch):
    from hub_image.handoff import request

    monkeypatch.setattr(request, "request", lambda options: "text")
    assert main(["request", IMAGE, "--output", "no/such/folder"]) == 2
    assert capsys.readouterr().err == "hub-image: no/such/folder: No such file or directory\n"


def test_help_has_people_first_and_says_what_the_codes_mean(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    text = capsys.readouterr().out
    assert ended.value.code == 0
    places = [text.index(f"\n  {name} ") for name in STEPS]
    assert places == sorted(places) and min(places) > text.index("steps of CI")
    assert all(text.index(name) < text.index("steps of CI") for name in COMMANDS)
    assert all(meaning in text for meaning in EXIT_CODES.values())
    assert "JupyterHub" in text and "jupyterhub" not in text


@pytest.mark.parametrize("name", COMMANDS | STEPS)
def test_each_command_has_help(name, capsys):
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert (COMMANDS | STEPS)[name][1][1:40] in " ".join(capsys.readouterr().out.split())


def test_the_table_stands_in_contributing():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    for code, meaning in EXIT_CODES.items():
        assert f"| {code} | {meaning} |" in text


def test_ctrl_c_ends_a_test_without_a_traceback(alone):
    """A `docker` that hangs, as an engine does that starts; it says when it is asked."""
    bin = alone.parent / "bin"
    bin.mkdir()
    asked = alone / "asked"
    os.mkfifo(asked)
    (bin / "docker").write_text(
        f"#!/bin/sh\necho >{asked}\nexec {shutil.which('sleep', path='/usr/bin:/bin')} 600\n"
    )
    (bin / "docker").chmod(0o755)
    process = subprocess.Popen(
        [sys.executable, "-m", "hub_image", "test", IMAGE],
        env=os.environ | {"PYTHONPATH": str(ROOT / "hooks")},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell that runs the tests in its background has it ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    asked.read_text()
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, said = process.communicate()
    assert (process.returncode, said) == (130, "")


def test_a_pull_without_docker_is_one_sentence(alone):
    with pytest.raises(docker.DockerError, match="install Docker and start it"):
        docker.pull(IMAGE)


@pytest.mark.parametrize("words", [f"{IMAGE} --json .", f"--json {IMAGE} .", f"{IMAGE} . --json"])
def test_the_repository_may_stand_behind_options(words, alone, monkeypatch):
    seen = []
    monkeypatch.setattr("hub_image.contract.command.run", lambda options: seen.append(options) or 0)
    assert main(["test", *words.split()]) == 0
    assert (seen[0].image, seen[0].path, seen[0].json) == (IMAGE, Path("."), True)
