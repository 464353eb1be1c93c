"""The two rules that compare a repository with what the template ships."""

import dataclasses
from pathlib import Path

import pytest

from hub_image import __version__, catalog, checks
from hub_image.checks.rules import edited_template_file, retired_path

OWNED = "# copier update replaces this file.\n"


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for template/, so that this test does not depend on what is in it today."""
    folder = tmp_path / "template"
    for path, text in {
        ".github/workflows/image.yml": f"{OWNED}on: push\n",
        ".github/actions/run": f"#!/bin/sh\n{OWNED}true\n",
        "GUIDE.md.jinja": f"{OWNED}{{{{ title }}}}\n",
        "image-tests/test_image.py": "def test_it(): ...\n",
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    monkeypatch.setattr(catalog, "shipped", lambda name: tmp_path / name)
    return folder


@pytest.fixture
def repository(tmp_path: Path, shipped: Path) -> Path:
    """An image repository in which the owner changed each of these files."""
    folder = tmp_path / "repository"
    for path in shipped.rglob("*"):
        if path.is_file():
            copy = folder / path.relative_to(shipped).with_suffix(
                "" if path.suffix == ".jinja" else path.suffix
            )
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(path.read_text() + "# mine\n")
    (folder / ".copier-answers.yml").write_text(f"_commit: v{__version__}\n")
    return folder


def test_edited_files_are_named(repository: Path):
    assert {finding.file for finding in edited_template_file.check(repository)} == {
        ".github/workflows/image.yml",
        ".github/actions/run",
    }
    assert {finding.severity for finding in edited_template_file.check(repository)} == {"warning"}


def test_untouched_files_are_not(repository: Path, shipped: Path):
    for path in (".github/workflows/image.yml", ".github/actions/run"):
        (repository / path).write_bytes((shipped / path).read_bytes().replace(b"\n", b"\r\n"))
    assert not list(edited_template_file.check(repository))


@pytest.mark.parametrize("commit", ["v0.0.1", f"v{__version__}-3-gabcdef0", "None"])
def test_another_version_of_the_template_says_nothing(repository: Path, commit: str):
    (repository / ".copier-answers.yml").write_text(f"_commit: {commit}\n")
    assert not list(edited_template_file.check(repository))


def test_no_answers_file_says_nothing(repository: Path):
    (repository / ".copier-answers.yml").unlink()
    assert not list(edited_template_file.check(repository))


def test_retired_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    retired = {
        "old/script.sh": "preBuild does its work since v2.0.0; remove it",
        "gone": "x; remove it",
    }
    shipped = dataclasses.replace(catalog.load(), retired=retired)
    monkeypatch.setattr(catalog, "load", lambda: shipped)
    (tmp_path / ".copier-answers.yml").touch()
    (tmp_path / "old").mkdir()
    (tmp_path / "old/script.sh").touch()
    (finding,) = retired_path.check(tmp_path)
    assert (finding.file, finding.severity) == ("old/script.sh", "warning")
    assert finding.message.endswith("remove it")


def test_the_catalog_that_ships_can_be_read(tmp_path: Path):
    assert catalog.load().families
    (tmp_path / ".copier-answers.yml").write_text(f"_commit: v{__version__}\n")
    assert not checks.run(tmp_path)
