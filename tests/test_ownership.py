"""What belongs to the owner is never touched after the first copy; the rest follows the template."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import copier
import pytest

from conftest import QUESTIONS_FILE, files, git

# Every path that a rendering can have is in one of these; a new one must be put here with care.
OWNER = {
    "README.md", "environment.yml", "requirements.txt", "apt.txt", "install.R", "Project.toml",
    "vscode-extensions.txt", "image-tests/python.ipynb", "image-tests/r.ipynb", "image-tests/julia.ipynb",
}  # fmt: skip
TEMPLATE = {
    "GUIDE.md", "Dockerfile", ".github/image.env", ".github/renovate.json5", ".copier-answers.yml", ".dockerignore",
    ".gitattributes", ".gitignore", ".pre-commit-config.yaml",
    "hub/link-request.md", "hub/profile.yaml",
    ".github/workflows/image.yml", ".github/workflows/weekly.yml", ".github/workflows/configure.yml",
    ".github/actions/setup/action.yml", ".github/actions/setup/get-hub-image.sh", ".github/actions/build/action.yml",
    ".github/workflows/requests.yml", ".github/ISSUE_TEMPLATE/hub-image-package.yml",
    ".github/build/install.bash", ".github/build/settled.bash", ".github/build/listed.bash",
    ".github/build/listed.R", ".github/build/environment.py",
    ".github/actions/sign/action.yml", ".github/actions/report/action.yml",
}  # fmt: skip
EVERYTHING = [
    {"languages": ["r", "julia"], "package_manager": "conda", "interfaces": ["vscode"]},
    {"languages": ["r", "julia"], "package_manager": "pip", "start_from": "scratch"},
]


@pytest.fixture
def repository(released, tmp_path):
    """Make a repository of v1.0.0 for some answers, committed as its owner would."""

    def make(**answers):
        folder = tmp_path / "ocean"
        copier.run_copy(str(released), folder, data=answers, defaults=True, quiet=True)
        git(folder, "init", "--quiet")
        commit(folder)
        return folder

    return make


def commit(folder):
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "work")


def change(folder, **answers):
    """Change answers at the same version of the template, as GUIDE.md shows."""
    copier.run_update(
        folder,
        vcs_ref=copier.VcsRef.CURRENT,
        data=answers,
        defaults=True,
        overwrite=True,
        quiet=True,
    )
    commit(folder)


def test_every_path_has_an_owner(render):
    seen = {path for answers in EVERYTHING for path in files(render(**answers))}
    assert seen == OWNER | TEMPLATE


@pytest.mark.parametrize("answers", EVERYTHING, ids=["conda", "pip"])
def test_template_files_say_so_in_their_first_line(answers, render):
    for path in TEMPLATE & set(files(render(**answers))):
        first = (render(**answers) / path).read_text().splitlines()[0]
        assert "Written by" in first, path
    for path in OWNER & set(files(render(**answers))):
        assert "Written by" not in (render(**answers) / path).read_text(), path


def test_settings_name_exactly_the_owners_files():
    """_skip_if_exists guards them on a copy, _exclude on an update: Copier needs both."""
    tops = {"/" + path.split("/")[0] for path in OWNER}
    assert set(QUESTIONS_FILE["_skip_if_exists"]) == tops
    on_update = re.compile(r"{% if _copier_operation == 'update'(?: or [^%]+)? %}(.+){% endif %}")
    assert {
        found[1] for found in map(on_update.fullmatch, QUESTIONS_FILE["_exclude"]) if found
    } == tops
    for pattern in QUESTIONS_FILE["_exclude"]:
        assert re.sub(r"{%.*?%}", "", pattern)[0] == "/", f"{pattern} also means files in folders"


def edit_all(folder) -> dict[str, bytes]:
    """The owner edits every file of theirs; return what is in them then."""
    written = {}
    for path in OWNER & set(files(folder)):
        text = (folder / path).read_bytes() + f"\n# ours: {path}\n".encode()
        (folder / path).write_bytes(text)
        written[path] = text
    commit(folder)
    return written


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ({"package_manager": "conda"}, {"package_manager": "pip"}),
        (
            {"languages": ["r", "julia"], "base": "jupyter-datascience"},
            {"languages": [], "base": "jupyter-scipy"},
        ),
        ({"start_from": "community"}, {"start_from": "scratch", "package_manager": "pip"}),
        ({"interfaces": ["vscode", "desktop"]}, {"interfaces": []}),
    ],
    ids=str,
)
def test_answers_change_there_and_back_without_losing_a_line(first, then, repository):
    folder = repository(**first)
    written = edit_all(folder)
    for answers in (then, {**dict.fromkeys(then), **default(then), **first}):
        change(folder, **answers)
        assert {path: (folder / path).read_bytes() for path in written} == written
        assert git(folder, "ls-files", "--unmerged") == ""


def default(answers):
    """Answers that undo a change, for questions that the first copy left at their defaults."""
    given = {"languages": [], "base": "jupyter-scipy", "start_from": "community"}
    given |= {"interfaces": [], "package_manager": "conda", "registry": "ghcr.io", "title": "Ocean"}
    return {question: given[question] for question in answers}


def test_a_new_language_moves_to_a_base_that_has_it(repository):
    folder = repository()
    change(folder, languages=["r"])
    assert "base: jupyter-r\n" in (folder / ".copier-answers.yml").read_text()


def test_what_an_owner_deleted_stays_deleted(repository):
    folder = repository(languages=["r"], package_manager="conda")
    for path in ("apt.txt", "install.R", "README.md"):
        (folder / path).unlink()
    shutil.rmtree(folder / "image-tests")
    commit(folder)
    change(folder, title="Another")
    assert not OWNER & set(files(folder)) - {"environment.yml"}


def test_a_first_copy_over_existing_files_keeps_them(released, tmp_path):
    folder = tmp_path / "ocean"
    folder.mkdir()
    (folder / "README.md").write_text("ours\n")
    (folder / "environment.yml").write_text("dependencies: [ours]\n")
    copier.run_copy(str(released), folder, defaults=True, quiet=True, overwrite=True)
    assert (folder / "README.md").read_text() == "ours\n"
    assert (folder / "environment.yml").read_text() == "dependencies: [ours]\n"
    assert (folder / "Dockerfile").exists()


def update(folder: Path, before: Path, newer: Path) -> None:
    """Update a repository from one folder with the template to another, which becomes v2.0.0."""
    commit(newer)
    git(newer, "tag", "v2.0.0")
    answers = folder / ".copier-answers.yml"
    answers.write_text(answers.read_text().replace(str(before), str(newer)))
    commit(folder)
    copier.run_update(folder, defaults=True, overwrite=True, quiet=True)
    assert "_commit: v2.0.0" in answers.read_text()


def test_release_reaches_template_files_and_only_those(released, repository, tmp_path):
    """A release that changes every file arrives in the template's files; the owner's stay as they are."""
    folder = repository(languages=["r"])
    written = edit_all(folder)
    newer = tmp_path / "newer"
    shutil.copytree(released, newer)
    for path in files(newer / "template"):
        if not path.endswith(".ipynb") and "answers_file" not in path:
            with (newer / "template" / path).open("a") as file:
                file.write("# v2\n")
    update(folder, released, newer)
    assert {path: (folder / path).read_bytes() for path in written} == written
    for path in TEMPLATE - {".copier-answers.yml"}:
        assert (folder / path).read_text().endswith("# v2\n"), path


def test_free_text_survives_an_update(repository):
    title = "{{ 7 * 7 }} ${HOME} 'a' \"b\" # c: d"
    folder = repository(title=title)
    before = (folder / "Dockerfile").read_text()
    change(folder, registry="quay.io")
    assert (folder / "Dockerfile").read_text() == before


def test_who_deletes_the_form_is_asked_by_nobody(released, repository, tmp_path):
    """The form is the template's, so that it changes with what reads it; deleted it stays so, also when a release changes it."""
    form = ".github/ISSUE_TEMPLATE/hub-image-package.yml"
    folder = repository()
    (folder / form).unlink()
    commit(folder)
    newer = shutil.copytree(released, tmp_path / "newer")
    text = (newer / "template" / form).read_text()
    (newer / "template" / form).write_text(text.replace("GEOG 101", "GEOG 202"))
    update(folder, released, newer)
    assert not (folder / form).exists()


def test_root_of_a_python_image_has_at_most_eight_visible_entries(render):
    visible = [entry.name for entry in render().iterdir() if not entry.name.startswith(".")]
    assert len(visible) <= 8, visible
