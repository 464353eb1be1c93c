"""`copier copy` and `copier update`, against a template of one file: what Copier itself takes."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from . import turns
from .turns import ROOT, Row

COPIER = Path(sys.executable).parent / "copier"
PARTS = ["copier.yml", "catalog.yml", "includes", "template"]
ANSWERS = "{{ _copier_conf.answers_file }}.jinja"


def git(folder: Path, *arguments: str) -> None:
    """Run git, as somebody."""
    who = ["-c", "user.name=Benchmark", "-c", "user.email=benchmark@example.org"]
    subprocess.run(["git", "-C", folder, *who, *arguments], check=True, capture_output=True)


def released(folder: Path) -> Path:
    """Make a template of two releases, the second with one more line in its README."""
    (readme,) = [*folder.glob("README.md.jinja"), *folder.glob("template/README.md.jinja")]
    git(folder, "init", "--quiet")
    for version in ("v1.0.0", "v2.0.0"):
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "--message", version)
        git(folder, "tag", version)
        readme.write_text(readme.read_text() + "\nOne more line.\n")
    git(folder, "checkout", "--quiet", ".")
    return folder


def floor(folder: Path) -> Path:
    """The smallest template that can be updated: one file and the answers."""
    folder.mkdir()
    (folder / "copier.yml").write_text("name: {type: str, default: ocean}\n")
    (folder / "README.md.jinja").write_text("# {{ name }}\n")
    (folder / ANSWERS).write_text("{{ _copier_answers | to_nice_yaml }}")
    return released(folder)


def ours(folder: Path) -> Path:
    """This template as it is in the working tree."""
    folder.mkdir()
    for part in PARTS:
        source = ROOT / part
        (shutil.copytree if source.is_dir() else shutil.copy2)(source, folder / part)
    return released(folder)


def measure(options: argparse.Namespace) -> list[Row]:
    """Return the rows about copying and updating."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        templates = [ours(work / "ours"), floor(work / "floor")]
        if options.template:
            templates.append(options.template.resolve())
        projects = [made(template, work) for template in templates[:2]]

        def copy(template: Path):
            return lambda turn: turns.seconds(
                [
                    COPIER,
                    "copy",
                    "--quiet",
                    "--defaults",
                    template,
                    work / f"{template.name}-{turn}",
                ]
            )

        def update(project: Path):
            def once(turn: int) -> float:
                clone = work / f"{project.name}-update-{turn}"
                shutil.copytree(project, clone, symlinks=True)
                return turns.seconds([COPIER, "update", "--quiet", "--defaults", clone])

            return once

        repeat = max(options.repeat, 5)  # each takes about a second
        copied = turns.in_turns(repeat, *map(copy, templates))
        updated = turns.in_turns(repeat, *map(update, projects))
    rows = [
        turns.compared("`copier copy`, against a template of one file", "s", *copied[:2], 1.15),
        turns.compared("`copier update`, against a template of one file", "s", *updated, 1.25),
    ]
    if options.template:
        text = f"`copier copy`, against {options.template.name}"
        rows.append(turns.compared(text, "s", copied[0], copied[2], None))
    return rows


def made(template: Path, work: Path) -> Path:
    """A repository made from the first release, with everything committed."""
    project = work / f"{template.name}-project"
    line = [COPIER, "copy", "--quiet", "--defaults", "--vcs-ref=v1.0.0", template, project]
    subprocess.run(line, check=True, capture_output=True)
    git(project, "init", "--quiet")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "First")
    return project
