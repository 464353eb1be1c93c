"""`hub-image configure`: make an image repository of a copy of the template, or change the answers of one.

The button *Use this template* copies the whole template. Here the copy is replaced by what Copier makes of the answers,
in one commit, so that `copier update` knows it from then on. What its owner has changed or added since the copy was
made stays.

A job's own token may only delete workflows. So in CI the version of the template is one with the workflows of the copy: the
newest release, or, where it was copied between two releases, the commit that was copied.
"""

import argparse
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hub_image import catalog
from hub_image.problem import Problem
from hub_image.repository import argument
from hub_image.repository.image_env import ANSWERS
from hub_image.tools import github
from hub_image.tools.git import git
from hub_image.updates import update

NOTHING = "No answer is given: give at least one."
TEMPLATE = "copier.yml"  # only the template and its copies have this


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hub-image configure`."""
    argument.path(parser)
    update.data(parser)


def run(options: argparse.Namespace) -> int:
    """Configure the repository, or change its answers; return the exit code. Raises Problem as both do."""
    repository, answers = options.path, update.given(options)
    if (repository / ANSWERS).exists():
        if not answers:
            raise Problem(NOTHING)
        return update.show(update.update(repository, answers))
    lines = configure(repository, answers, catalog.load().published, repository.resolve().name)
    print("\n".join([*lines, "Now `git push`. GitHub then builds the first image: see GUIDE.md."]))
    return 0


def configure(
    repository: Path,
    answers: Mapping[str, Any],
    source: str,
    name: str,
    by_token: bool = False,
) -> list[str]:
    """Replace a copy of the template by an image repository, in a commit; return what to tell its owner.

    `name` is what the image is called if no answer says. `by_token`: a job's own token will push this, so workflows stay
    as they are. Raises Problem, with everything as it was.
    """
    if not (repository / TEMPLATE).exists():
        raise Problem(f"There is no {TEMPLATE} here, so this is no copy of the template.")
    update.refuse_changes(repository)
    with tempfile.TemporaryDirectory() as folder:
        template = update.clone(source, Path(folder, "template"))
        version = update.newest(template, "")
        if by_token:
            version = with_the_workflows_of(repository, template, version)
        made = Path(folder, name)
        questions = update.questions_of(template, version)
        given = update.normal(questions, answers)
        source = source if source.startswith(("https://github.com/", "/")) else f"git+{source}"
        try:
            update.fit(source, made, version, {}, given, questions)
        except Problem:
            raise
        except Exception as error:
            raise Problem(update.why(error, "A repository cannot be made")) from error
        kept = _changed(repository)
        new = set(update.tree(made))
        stay = {path for path in new if by_token and path.startswith(github.WORKFLOWS)}
        gone = set(git(repository, "ls-files", "-z").split("\0")) - kept - stay - {""}
        git(repository, "rm", "--quiet", "--", *sorted(gone))
        for path in new - kept - stay:
            (repository / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(made / path, repository / path)
    git(repository, "add", "--all")
    message = f"Make an image repository, with {version} of the template"
    git(
        repository,
        "commit",
        "--quiet",
        "--message",
        message,
        environment=github.BOT,
    )
    lines = ["This is an image repository now. GUIDE.md says what comes next."]
    return lines + [f"{path} stays as you wrote it." for path in sorted(kept)]


def with_the_workflows_of(repository: Path, template: Path, newest: str) -> str:
    """Return the version of the template that has the workflows of a copy: the newest, or the commit that was copied.

    Raises Problem where neither has.
    """
    first = _first(repository)
    copied = _blobs(repository, first, github.WORKFLOWS)

    def differ(version: str) -> list[str]:
        wanted = _blobs(template, version, f"template/{github.WORKFLOWS}")
        return sorted(name for name, blob in wanted.items() if copied.get(name) != blob)

    if not (names := differ(newest)):
        return newest
    content = git(repository, "rev-parse", f"{first}^{{tree}}").strip()
    for line in git(template, "log", "--all", "--format=%T %H").splitlines():
        tree, commit = line.split()
        if tree == content and not differ(commit):
            return git(template, "describe", "--tags", "--always", commit).strip()
    raise Problem(
        f"{newest} of the template has another {' and another '.join(names)} than this copy, and GitHub lets only "
        "people change workflows."
    )


def _blobs(repository: Path, commit: str, folder: str) -> dict[str, str]:
    """Return the files of a folder in a commit, each with git's name for its content."""
    listed = git(repository, "ls-tree", "-z", commit, folder).split("\0")
    rows = (line.partition("\t") for line in listed if line)
    return {Path(path).name: facts.split()[2] for facts, _, path in rows}


def _first(repository: Path) -> str:
    """Return the commit that GitHub made the copy as."""
    return git(repository, "rev-list", "--max-parents=0", "HEAD").split()[-1]


def _changed(repository: Path) -> set[str]:
    """Return what the owner changed or added since the copy was made."""
    first = _first(repository)
    paths = git(
        repository, "diff", "-z", "--name-only", "--no-renames", "--diff-filter=AM", first, "HEAD"
    )
    return set(paths.split("\0")) - {""}
