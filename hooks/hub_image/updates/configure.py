"""`hub-image configure`: make an image repository of a copy of the template, or change the answers of one.

The button *Use this template* copies the whole template. Here the copy is replaced by what Copier makes of the answers,
in one commit, so that `copier update` knows it from then on. What its owner has changed or added since the copy was
made stays.

In CI (`--propose`) workflows are only deleted, since the job's own token may do no more. So the version of the template is
one with the workflows of the copy: the newest release, or, where it was copied between two releases, the commit that was
copied. And this happens only where GitHub says that the repository was made from a template and is no fork.
"""

import argparse
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hub_image.ci import propose
from hub_image.problem import Problem
from hub_image.repository import catalog
from hub_image.tools import github
from hub_image.tools.git import git
from hub_image.tools.github import fail
from hub_image.updates import update

NOTHING = "Nothing is changed: give at least one answer."
TEMPLATE = "copier.yml"  # only the template and its copies have this


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hub-image configure`."""
    parser.add_argument(
        "--repository", type=Path, default=Path(), help="the repository (default: .)"
    )
    parser.add_argument(
        "--data",
        action="append",
        default=[],
        metavar="QUESTION=ANSWER",
        help="give an answer; may be repeated",
    )
    parser.add_argument("--propose", action="store_true", help="in CI: push it, or say what to do")


def run(options: argparse.Namespace) -> int:
    """Configure the repository; return the exit code. The form's fields come in the variable ANSWERS."""
    form = json.loads(os.environ.get("ANSWERS") or "{}") or {}
    answers = {field: text for field, text in form.items() if text}
    answers |= dict(item.partition("=")[::2] for item in options.data)
    try:
        if (options.repository / update.ANSWERS).exists():
            if not answers:
                github.summary(NOTHING + "\n")
                raise Problem(NOTHING)
            if options.propose:
                return propose.update(options.repository, answers)
            return update.show(update.update(options.repository, answers))
        if options.propose:
            return in_ci(options.repository, answers)
        lines = configure(
            options.repository,
            answers,
            catalog.load()["published"],
            options.repository.resolve().name,
        )
    except Problem as problem:
        return fail(problem)
    print("\n".join([*lines, "Now `git push`. GitHub then builds the first image: see GUIDE.md."]))
    return 0


def in_ci(repository: Path, answers: Mapping[str, str]) -> int:
    """Configure the repository of this job, push it and start its first build; return the exit code."""
    name = os.environ["GITHUB_REPOSITORY"]
    here = github.api("GET", f"/repos/{name}")
    if reason := why_not(here):
        said = f"Nothing to configure: {reason}."
        github.summary(said + "\n")
        print(said)
        return 0
    source = here["template_repository"]["html_url"]
    answers = {"github_owner": os.environ["GITHUB_REPOSITORY_OWNER"], **answers}
    try:
        lines = configure(repository, answers, source, name.partition("/")[2], by_token=True)
        branch = os.environ["GITHUB_REF"].removeprefix("refs/heads/")
        url = git(repository, "remote", "get-url", "origin").strip()
        git(
            repository,
            "push",
            "--quiet",
            url,
            f"HEAD:refs/heads/{branch}",
            environment=propose.credentials(),
        )
    except update.Refused as problem:
        github.summary(f"{problem}\n")
        raise
    except Problem as problem:
        github.summary(
            f"{problem}\n\nNothing was changed. In a terminal, with git and pipx:\n\n```\n{by_hand(source, answers)}\n```\n"
        )
        raise
    try:
        propose.start(branch, git(repository, "rev-parse", "HEAD").strip())
        lines.append(
            "The workflow *image* builds the first image now, and then writes the link request as an issue."
        )
    except Problem as problem:
        lines.append(
            f"{problem} Start the workflow *image* yourself: *Actions*, *image*, *Run workflow*."
        )
    github.summary("\n\n".join(lines) + "\n")
    print("\n".join(lines))
    return 0


def why_not(repository: Mapping[str, Any]) -> str:
    """Return why this is no copy that was made with "Use this template", by what GitHub says of it."""
    if repository["html_url"] == catalog.load()["published"] or repository.get("is_template"):
        return "this is a template itself"
    if repository["fork"]:
        return "this is a fork, in which somebody works on the template"
    if not repository.get("template_repository"):
        return "GitHub does not say that it was made with *Use this template*"
    return ""


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
        stay = {path for path in new if by_token and path.startswith(propose.WORKFLOWS)}
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
        environment=propose.BOT,
    )
    lines = ["This is an image repository now. GUIDE.md says what comes next."]
    return lines + [f"{path} stays as you wrote it." for path in sorted(kept)]


def with_the_workflows_of(repository: Path, template: Path, newest: str) -> str:
    """Return the version of the template that has the workflows of a copy: the newest, or the commit that was copied.

    Raises Problem where neither has.
    """
    first = _first(repository)
    copied = _blobs(repository, first, propose.WORKFLOWS)

    def differ(version: str) -> list[str]:
        wanted = _blobs(template, version, f"template/{propose.WORKFLOWS}")
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


def by_hand(source: str, answers: Mapping[str, Any]) -> str:
    """Return the line that does the same in a terminal."""
    server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
    name = os.environ["GITHUB_REPOSITORY"]
    data = propose.as_options(answers)
    run = f'pipx run --spec "hub-image-template[copier] @ git+{source}" hub-image configure{data}'
    return f"git clone {server}/{name} && cd {name.partition('/')[2]} && {run} && git push"
