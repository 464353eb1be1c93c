"""House rules of releases: what was ever released still arrives.

Each version in CHANGELOG.md is taken from git, from its tag or from the commit that wrote its heading. "The last commit"
stands beside them, so that a change is compared with something before there is a first release.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import copier
import pytest
import yaml

from conftest import CATALOG, QUESTIONS_FILE, ROOT, TEMPLATE_PARTS, files, git
from hub_image.updates import changelog
from hub_image.updates.update import newest, update
from test_ownership import EVERYTHING, OWNER
from updates.test_nothing_lost import Owner, Template

LAST = "the last commit"
SECTIONS = changelog.sections((ROOT / "CHANGELOG.md").read_text())


def commit_of(version: str) -> str:
    """The commit that a version of CHANGELOG.md stands for."""
    if version == LAST:
        return "HEAD"
    if git(ROOT, "tag", "--list", version):
        return version
    written = git(
        ROOT, "log", "--reverse", "--format=%H", f"-S## {version}", "--", "CHANGELOG.md"
    ).split()
    return written[0] if written else "HEAD"


VERSIONS = [version for version in SECTIONS if version != "Unreleased"] + [LAST]


@pytest.fixture(scope="module")
def history(tmp_path_factory, template) -> Path:
    """A clone with a tag for each version, and the working tree as the release after all of them."""
    folder = tmp_path_factory.mktemp("history") / "hub-image-template"
    git(ROOT, "clone", "--quiet", "--no-tags", str(ROOT), str(folder))
    for version in VERSIONS:
        git(
            folder,
            "tag",
            tag(version),
            git(ROOT, "rev-parse", f"{commit_of(version)}^{{commit}}").strip(),
        )
    for part in TEMPLATE_PARTS:
        source = template / part
        if source.is_dir():
            shutil.rmtree(folder / part)
        (shutil.copytree if source.is_dir() else shutil.copy2)(source, folder / part)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "Now")
    git(folder, "tag", "v999.0.0")
    return folder


def tag(version: str) -> str:
    return "v998.0.0" if version == LAST else version


@pytest.fixture
def old(history, tmp_path):
    """What a version was, without git."""

    def checkout(version: str) -> Path:
        git(history, "worktree", "add", "--quiet", "--detach", str(tmp_path / "old"), tag(version))
        git(history, "worktree", "list")
        (tmp_path / "old/.git").unlink()
        git(history, "worktree", "prune")
        return tmp_path / "old"

    return checkout


# ── The rules ───────────────────────────────────────────────────────────────────────────────────────


def broken(old: Path, new: Path, folder: Path) -> list[str]:
    """What a repository made from `old` would miss in `new`."""
    questions, catalogs = (
        [read(one / name) for one in (old, new)] for name in ("copier.yml", "catalog.yml")
    )
    return [*gone(old, new, folder), *unasked(*questions), *dropped(*catalogs)]


def read(file: Path) -> dict:
    return yaml.safe_load(file.read_text())


def gone(old: Path, new: Path, folder: Path) -> list[str]:
    """Paths that are rendered no more, and not retired."""
    paths: list[set[str]] = [set(), set()]
    for number, template in enumerate((old, new)):
        for answers in EVERYTHING:
            target = folder / f"{number}-{EVERYTHING.index(answers)}"
            copier.run_copy(str(template), target, data=answers, defaults=True, quiet=True)
            paths[number] |= set(files(target))
    retired = read(new / "copier.yml")["_exclude"]
    return [
        f"{path} is rendered no more; put /{path} into _exclude"
        for path in sorted(paths[0] - paths[1])
        if f"/{path}" not in retired
    ]


def asked(questions: dict) -> dict:
    return {
        name: question
        for name, question in questions.items()
        if name[0] != "_"
        and (not isinstance(question, dict) or question.get("when", True) is not False)
    }


def unasked(old: dict, new: dict) -> list[str]:
    """Questions whose answers are forgotten, and questions that a bot cannot answer."""
    text = json.dumps(
        [question.get("default") for question in asked(new).values() if isinstance(question, dict)]
    )
    lost = [
        name
        for name in asked(old)
        if name not in asked(new) and not re.search(rf"{{{{ *{name}\b", text)
    ]
    bare = [
        name
        for name, question in asked(new).items()
        if isinstance(question, dict) and "default" not in question
    ]
    return [
        f"{name}: its answer is forgotten; give it to the new question's default" for name in lost
    ] + [f"{name}: it has no default" for name in bare]


def dropped(old: dict, new: dict) -> list[str]:
    """Keys of the catalog that recorded answers may name."""
    found = []
    for part in ("bases", "families"):
        found += [
            f"{part}: {key} is gone; give it `retired`"
            for key in old.get(part, {})
            if key not in new[part]
        ]
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_rules_are_kept(version, old, template, tmp_path):
    assert broken(old(version), template, tmp_path) == []


BREAKS = {
    "a file is gone": (
        "template/hub/profile.yaml.jinja",
        None,
        "hub/profile.yaml is rendered no more",
    ),
    "a question has a new name": (
        "copier.yml",
        ("support_url", "help_url"),
        "support_url: its answer is forgotten",
    ),
    "a question has no default": (
        "copier.yml",
        ("# ── Computed", "new: {type: str}\n# ── Computed"),
        "no default",
    ),
    "a base is gone": (
        "catalog.yml",
        ("  pangeo-ml:", "  pangeo-gpu:"),
        "bases: pangeo-ml is gone",
    ),
}


@pytest.mark.parametrize("what", BREAKS)
def test_rules_notice(what, template, tmp_path):
    """Each rule, broken once."""
    path, change, said = BREAKS[what]
    new = Path(shutil.copytree(template, tmp_path / "new"))
    if change:
        (new / path).write_text((new / path).read_text().replace(*change))
        found = [*unasked(read(template / "copier.yml"), read(new / "copier.yml")),
                 *dropped(read(template / "catalog.yml"), read(new / "catalog.yml"))]  # fmt: skip
    else:
        (new / path).unlink()
        found = gone(template, new, tmp_path)
    assert [line for line in found if said in line], found


def test_what_is_retired_is_said_where_people_look():
    """_exclude keeps an owner's edits; hub-image check says why the file is still there."""
    retired = {path[1:] for path in QUESTIONS_FILE["_exclude"] if "{%" not in path}
    assert retired == set(CATALOG.get("retired", {}))


# ── Updates ─────────────────────────────────────────────────────────────────────────────────────────


def is_current(folder: Path, source: Path, release: str, fresh: Path) -> None:
    """Every file of the template is as in a fresh copy with the same answers."""
    recorded = read(folder / ".copier-answers.yml")
    answers = {key: value for key, value in recorded.items() if key[0] != "_"}
    copier.run_copy(str(source), fresh, data=answers, vcs_ref=release, defaults=True, quiet=True)
    for path in set(files(fresh)) - OWNER:
        assert (folder / path).read_bytes() == (fresh / path).read_bytes(), path


@pytest.mark.parametrize("version", VERSIONS)
def test_an_update_from_each_version_is_as_a_fresh_copy(version, history, memory):
    folder = memory / "ocean"
    answers = {"title": "Ocean", "languages": ["r", "julia"], "package_manager": "conda"}
    copier.run_copy(
        str(history), folder, data=answers, vcs_ref=tag(version), defaults=True, quiet=True
    )
    Owner(folder)
    outcome = update(folder)
    assert (outcome.conflicts, outcome.kept, outcome.after) == ([], {}, "v999.0.0")
    is_current(folder, history, "v999.0.0", memory / "fresh/ocean")


def test_a_year_of_releases_arrives_in_one_update(template, memory):
    """Twelve releases by the house rules, while the owner only writes into lists."""
    source = Template(Path(shutil.copytree(template, memory / "hub-image-template")))
    folder = memory / "ocean"
    copier.run_copy(
        str(source.folder),
        folder,
        data={"base": "pangeo", "title": "Ocean"},
        defaults=True,
        quiet=True,
    )
    owner = Owner(folder)
    listed = (folder / "environment.yml").read_text() + "  - ours\n"
    (folder / "environment.yml").write_text(listed)
    owner.commit()
    for month in range(12):
        for kind in ("change", "change_everything", "add", "add_question", "rename_question"):
            source.step(kind, 31 * month, f"month {month}")
        if month in (3, 7):
            source.step("move", month, "moved")
        if month == 5:
            source.step("retire", month, "retired")
        if month == 9:
            source.copy_key("pangeo", "pangeo-notebook", "")
            source.retire_key("pangeo")
        source.release()
    outcome = update(folder)
    assert (outcome.conflicts, outcome.kept, outcome.after) == ([], {}, "v1.13.0")
    assert read(folder / ".copier-answers.yml")["base"] == "pangeo"
    assert (folder / "environment.yml").read_text() == listed
    is_current(folder, source.folder, "v1.13.0", memory / "fresh/ocean")


# ── Notes ───────────────────────────────────────────────────────────────────────────────────────────


def test_notes_are_those_between_two_versions():
    text = "# Changelog\n\n## Unreleased\n\n- d\n\n## v1.10.0\n\n- c\n\n## v1.2.0\n\n- b\n\n## v1.0.0\n\n- a\n"
    assert changelog.between(text, "v1.0.0", "v1.10.0") == "## v1.10.0\n\n- c\n\n## v1.2.0\n\n- b"
    assert changelog.between(text, "v1.0.0-3-g0a1b2c3", "v1.2.0") == "## v1.2.0\n\n- b"
    assert changelog.between(text, "0a1b2c3", "v1.0.0") == "## v1.0.0\n\n- a"
    assert changelog.between(text, "v1.10.0", "v1.10.0") == ""


def test_a_release_without_notes_is_refused(tmp_path):
    script = tmp_path / "hooks/hub_image/updates/changelog.py"
    script.parent.mkdir(parents=True)
    shutil.copy(ROOT / "hooks/hub_image/updates/changelog.py", script)
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## v1.0.0\n\n- a\n")
    for version, code, said in (("v1.0.0", 0, "- a\n"), ("v1.0.1", 1, "no section `## v1.0.1`")):
        result = subprocess.run(
            [sys.executable, "-I", script, version], capture_output=True, text=True
        )
        assert result.returncode == code and said in result.stdout


def test_the_package_has_the_version_of_the_last_release():
    """Generated repositories know the template by its tag, and hub-image by its version."""
    from hub_image import __version__

    released = [version for version in SECTIONS if version != "Unreleased"]
    assert not released or f"v{__version__}" == released[0]


@pytest.mark.parametrize(
    ("before", "taken"),
    [
        ("v1.0.0", "v1.1.0"),
        ("v1.0.0-3-g0123abc", "v1.1.0"),
        ("v1.1.0", "v1.1.0"),
        ("v1.1.0-3-g0123abc", "v1.1.0-3-g0123abc"),
        ("v1.2.0rc1", "v1.2.0rc1"),
        ("v2.0.0", "v2.0.0"),
        ("0a1b2c3", "v1.1.0"),
        ("1234567", "v1.1.0"),  # commits, which git writes so where there was no release
        ("12b4567", "v1.1.0"),
        ("", "v1.1.0"),
    ],
)
def test_the_newest_release(before, taken, tmp_path):
    git(tmp_path, "init", "--quiet")
    for tag in ("v1.0.0", "v1.1.0", "v1.2.0rc1", "v1", "vnext"):
        git(tmp_path, "commit", "--quiet", "--allow-empty", "--message", tag)
        git(tmp_path, "tag", tag)
    assert newest(tmp_path, before) == taken
