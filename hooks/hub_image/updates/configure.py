"""`hub-image configure`: make an image repository of a copy of the template, or change the answers of one.

The button *Use this template* copies the whole template. Here the copy is replaced by what Copier makes of the answers,
in one commit, so that `copier update` knows it from then on. What its owner has changed or added since the copy was
made stays. Workflows are only deleted, since the job's own token may do no more; those that stay are the same bytes in
the template and in what it makes.

In CI (`--propose`) this happens only where GitHub says that the repository was made from a template and is no fork.
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
        lines = configure(repository, answers, source, name.partition("/")[2])
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
        propose.start(branch)
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


def configure(repository: Path, answers: Mapping[str, Any], source: str, name: str) -> list[str]:
    """Replace a copy of the template by an image repository, in a commit; return what to tell its owner.

    `name` is what the image is called if no answer says. Raises Problem, with everything as it was.
    """
    if not (repository / TEMPLATE).exists():
        raise Problem(f"There is no {TEMPLATE} here, so this is no copy of the template.")
    update.refuse_changes(repository)
    with tempfile.TemporaryDirectory() as folder:
        template = update.clone(source, Path(folder, "template"))
        version = update.newest(template, "")
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
        workflows = {path for path in new if path.startswith(propose.WORKFLOWS)}
        if missing := sorted(path for path in workflows if not (repository / path).exists()):
            raise Problem(
                f"{version} of the template has {', '.join(missing)}, which this copy lacks."
            )
        gone = set(git(repository, "ls-files", "-z").split("\0")) - kept - workflows - {""}
        git(repository, "rm", "--quiet", "--", *sorted(gone))
        for path in new - kept - workflows:
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


def _changed(repository: Path) -> set[str]:
    """Return what the owner changed or added since the copy was made; GitHub makes a copy as one commit."""
    first = git(repository, "rev-list", "--max-parents=0", "HEAD").split()[-1]
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
