"""Each repository in `repositories/`: what becomes of it, and that nothing of it is gone without a word.

A case has `files`, and perhaps `links` (path: where it leads), `origin`, `executable` and `data` (answers of its owner).
Expected are

    same       old path: new path, byte for byte, or a list of those that stay
    gone       what is not there afterwards
    made       lists that are made anew, from what stood somewhere else
    NAME.txt   beside it: the whole report, and the scripts that were made. `--update-golden` writes it anew: read the
               difference, and ask of each line whether it is true
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from conftest import QUESTIONS_FILE, files, git
from hub_image.adopt.carry import body, command
from hub_image.syntax.dockerfile import parse

from .conftest import CASES, REPOSITORIES, show, state

SCRIPTS = {"preBuild", "postBuild", "postBuildRoot", "start"}
PARAMETERS = pytest.mark.parametrize("name", CASES)


@pytest.fixture
def case(name: str) -> dict:
    return CASES[name]


@PARAMETERS
def test_report(name, case, adopted, request):
    """The whole of what is said, and of what is made."""
    folder = adopted(name).folder
    said = adopted(name).output.partition("\nAll of it is one commit")[0]
    for script in sorted(SCRIPTS - set(case["files"])):
        if (folder / script).exists():
            said += f"\n==== {script}\n{(folder / script).read_text()}"
    golden = REPOSITORIES / f"{name}.txt"
    if request.config.getoption("update_golden"):
        golden.write_text(said, encoding="utf-8")
    assert said == golden.read_text(encoding="utf-8")


@PARAMETERS
def test_answers_are_recorded(name, case, adopted):
    said = adopted(name).output.partition(":\n")[2].partition("\n\n")[0]
    recorded = (adopted(name).folder / ".copier-answers.yml").read_text()
    for line in said.splitlines():
        question, _, rest = line.strip().partition(": ")
        value = rest.rpartition("  (")[0]
        if not value.startswith("["):
            assert f"{question}: {value}\n" in recorded


@PARAMETERS
def test_kept_byte_for_byte(name, case, adopted):
    folder = adopted(name).folder
    same = case["same"] if isinstance(case["same"], dict) else {path: path for path in case["same"]}
    for old, new in same.items():
        original = case["files"][old].encode()
        assert (folder / new).read_bytes() == original, new
        assert show(folder, f"HEAD:{new}") == original, new
        assert bool((folder / new).stat().st_mode & 0o100) == (old in case.get("executable", []))
    for path in case.get("gone", []):
        assert not (folder / path).exists(), path


@PARAMETERS
def test_no_example_is_added_to_what_the_owner_has(name, case, adopted):
    """A list that was not there would bring packages that nobody asked for."""
    same = set(case["same"].values() if isinstance(case["same"], dict) else case["same"])
    lists = {path[1:] for path in QUESTIONS_FILE["_skip_if_exists"]} - {"README.md", "image-tests"}
    assert lists & set(files(adopted(name).folder)) <= same | set(case.get("made", []))
    tests = {path for path in files(adopted(name).folder) if path.startswith("image-tests/")}
    assert tests == {path for path in case["files"] if path.startswith("image-tests/")} or not any(
        path.startswith("image-tests/") for path in case["files"]
    )


@PARAMETERS
def test_no_line_is_lost(name, case, adopted):
    """Every line of every old text file stands somewhere in the new tree, or in the report."""
    folder = adopted(name).folder
    there = {line.strip() for path in files(folder) for line in lines(folder / path)}
    report = git(folder, "log", "-1", "--format=%b")
    for path, text in case["files"].items():
        for line in filter(None, map(str.strip, text.splitlines())):
            assert line in there or line in report, f"{path}: {line}"


def lines(path: Path) -> list[str]:
    return path.read_bytes().decode("utf-8", "replace").splitlines()


@PARAMETERS
def test_what_needs_its_owner_says_what_to_do(name, case, adopted):
    for whats in adopted(name).report.get("Needs you", {}).values():
        for what in whats:
            assert ";" in what, f"it does not say what to do: {what}"


@PARAMETERS
def test_scripts_can_be_read(name, case, adopted):
    folder = adopted(name).folder
    for script in (SCRIPTS & set(files(folder))) - set(case["files"]):
        subprocess.run(["bash", "-n", folder / script], check=True)
        assert (folder / script).stat().st_mode & 0o111


@PARAMETERS
def test_undo_gives_back_the_old_repository(name, adopted, tmp_path):
    copy = tmp_path / "copy"
    subprocess.run(["cp", "--archive", adopted(name).folder, copy], check=True)
    assert git(copy, "status", "--porcelain") == ""
    assert git(copy, "rev-list", "--count", "main..HEAD") == "1\n"
    undo = adopted(name).output.strip().splitlines()[-1]
    subprocess.run(["bash", "-ec", undo], cwd=copy, check=True, capture_output=True)
    assert state(copy) == adopted(name).before


# Cases that repo2docker built, with a script of their owner's.
SCRIPTED = [
    (name, script)
    for name, case in CASES.items()
    for script in ("postBuild", "start")
    for path in case["files"]
    if Path(path).name == script and not any(Path(p).name == "Dockerfile" for p in case["files"])
]
# Tells on which line of a script a command failed.
WATCH = """trap 'echo "$LINENO" >>"$FAILED"' ERR
set -o errtrace
"""


@pytest.mark.parametrize(("name", "script"), SCRIPTED)
def test_a_script_for_repo2docker_runs_by_the_new_dockerfiles_rules(
    name, script, adopted, tmp_path
):
    """It does what it did, or the report names the line; Jupyter's own program is one that does nothing here."""
    folder = adopted(name).folder
    (tmp_path / "watch").write_text(WATCH)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/jupyter").write_text("#!/bin/sh\n")
    (tmp_path / "bin/jupyter").chmod(0o755)
    prefix = tmp_path / "prefix"
    (prefix / "share").mkdir(parents=True)
    (prefix / "etc/jupyter").mkdir(parents=True)
    environment = {
        "BASH_ENV": str(tmp_path / "watch"),
        "FAILED": str(tmp_path / "failed"),
        "HOME": str(tmp_path / "home"),
        "NB_PYTHON_PREFIX": str(prefix),
        "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin",
    }
    if script == "postBuild":
        step = next(
            body(command(i))
            for i in parse((folder / "Dockerfile").read_text())
            if i.name == "RUN" and "./postBuild" in i.source
        )
        step = step.replace("/mnt", str(folder)).replace("/tmp/repository", str(tmp_path / "copy"))
        # Only the script is watched.
        step = step.replace("./postBuild", f"BASH_ENV={tmp_path / 'watch'} ./postBuild")
        done = ["bash", "-euo", "pipefail", "-c", step]
        ended = subprocess.run(done, env=environment | {"BASH_ENV": ""}, capture_output=True)
    else:
        ended = subprocess.run([folder / "start", "true"], env=environment, capture_output=True)
    reported = {
        int(line)
        for place in adopted(name).report.get("Needs you", {})
        for file, _, line in [place.partition(":")]
        if file == script and line
    }
    failed = tmp_path / "failed"
    lines = {int(line) for line in failed.read_text().split()} if failed.exists() else set()
    assert lines <= reported, ended.stderr.decode()
    assert not ended.returncode or lines


def test_scripts_for_repo2docker_run_by_the_new_dockerfiles_rules(adopted, tmp_path):
    """postBuild is run as the Dockerfile says, with other places for /mnt, /tmp/repository and the environment."""
    folder = adopted("scripts-for-repo2docker").folder
    dockerfile = (folder / "Dockerfile").read_text()
    step = next(
        body(command(i)) for i in parse(dockerfile) if i.name == "RUN" and "./postBuild" in i.source
    )
    copy, prefix = tmp_path / "repository", tmp_path / "prefix"
    step = step.replace("/mnt", str(folder)).replace("/tmp/repository", str(copy))
    before = files(folder)
    subprocess.run(
        ["bash", "-euo", "pipefail", "-c", step],
        env={"NB_PYTHON_PREFIX": str(prefix), "PATH": "/usr/bin:/bin"},
        check=True,
    )
    assert (prefix / "share/dunes/settings.json").read_text() == "{}\n"
    assert (prefix / "share/dunes/count").read_text() == "2\n"
    assert files(folder) == before and not copy.exists()
    assert "NB_PYTHON_PREFIX=/opt/conda" in dockerfile
