"""Each repository in `repositories/`: what is guessed, kept, carried over, replaced and left.

A case has `files`, and perhaps `origin`, `executable` and `data` (answers of its owner). Expected are

    answers    all that is guessed
    same       old path: new path, byte for byte, or a list of those that stay
    gone       what is not there afterwards
    replaced   place: words in the report. All places of the Dockerfile stand here, or in the next two
    carried    line of the Dockerfile: the scripts that it is in
    needs      place: words. All that needs its owner, so the findings of the checks too
    scripts    the whole text of scripts
"""

from __future__ import annotations

import subprocess

import pytest

from conftest import QUESTIONS_FILE, files, git

from .conftest import CASES, show, state

PARAMETERS = pytest.mark.parametrize("name", CASES)


@pytest.fixture
def case(name: str) -> dict:
    return CASES[name]


@PARAMETERS
def test_answers(name, case, adopted):
    said = adopted(name).output.partition(":\n")[2].partition("\n\n")[0]
    rows = [line.strip().partition(": ")[::2] for line in said.splitlines()]
    assert {name: value.rpartition("  (")[0] for name, value in rows} == case["answers"]
    recorded = (adopted(name).folder / ".copier-answers.yml").read_text()
    for question, value in case["answers"].items():
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
    assert lists & set(files(adopted(name).folder)) <= same
    tests = {path for path in files(adopted(name).folder) if path.startswith("image-tests/")}
    assert tests == {path for path in case["files"] if path.startswith("image-tests/")} or not any(
        path.startswith("image-tests/") for path in case["files"]
    )


@PARAMETERS
def test_no_file_is_lost(name, case, adopted):
    """Every byte that was in the repository still is, or the report says what took its place."""
    contents = {(adopted(name).folder / path).read_bytes() for path in files(adopted(name).folder)}
    report = adopted(name).report
    for path, text in case["files"].items():
        if text.encode() not in contents:
            said = [place for part in ("Replaced", "Kept") for place in report.get(part, {})]
            assert any(place.partition(":")[0] == path for place in said), path
    if ".gitignore" in case["files"]:
        merged = (adopted(name).folder / ".gitignore").read_text().splitlines()
        assert set(case["files"][".gitignore"].splitlines()) <= set(merged)


@PARAMETERS
def test_needs_its_owner(name, case, adopted):
    needs = adopted(name).report.get("Needs you", {})
    said = "\n".join(f"{place}: {what}" for place, whats in needs.items() for what in whats)
    assert set(needs) == set(case["needs"]), said
    for place, words in case["needs"].items():
        assert any(words in what for what in needs[place]), f"{place}: {words}\n{said}"
    for whats in needs.values():
        for what in whats:
            assert ";" in what, f"it does not say what to do: {what}"


@PARAMETERS
def test_every_instruction_is_accounted_for(name, case, adopted):
    dockerfile = next((path for path in case["files"] if path.endswith("Dockerfile")), None)
    report = adopted(name).report
    if not dockerfile:
        return
    carried = {
        int(place.rpartition(":")[2]): what
        for place, whats in report.get("Moved", {}).items()
        for what in whats
        if place.startswith(f"{dockerfile}:")
    }
    assert set(carried) == set(case.get("carried", {}))
    for line, scripts in case.get("carried", {}).items():
        assert carried[line].endswith(f"to {scripts}")
    replaced = {place for place in report.get("Replaced", {}) if place.startswith(f"{dockerfile}:")}
    assert replaced == set(case.get("replaced", {}))
    for place, words in case.get("replaced", {}).items():
        assert any(words in what for what in report["Replaced"][place]), report["Replaced"][place]


@PARAMETERS
def test_scripts(name, case, adopted):
    folder = adopted(name).folder
    for script, text in case.get("scripts", {}).items():
        assert (folder / script).read_text() == text
    for script in {"preBuild", "postBuild", "start"} & set(files(folder)):
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
