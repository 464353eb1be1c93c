"""`hub-image update`: bring a repository to the newest release of the template, and lose nothing of its owner's.

`copier update` does the work, without trust. What it leaves open is done here:

- it ends well with conflicts, so they are looked for;
- without a conflict it deletes an edited file that a release no longer has, replaces an edited file that is not text,
  and can drop lines where a file moved: what the owner wrote is put back, and named;
- a recorded answer that the template no longer offers becomes the default without a word: that is refused;
- so does one that does not fit a changed answer: that is meant, and reported;
- an answer that somebody gives to a question which is not asked is forgotten without a word: that is refused;
- what is the owner's is left out of an update, so a list that a new answer asks for is made here;
- a failure in the middle leaves half an update: everything is put back.

"""

import argparse
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hub_image.problem import Problem
from hub_image.repository import argument
from hub_image.repository.image_env import ANSWERS
from hub_image.tools.git import git
from hub_image.updates import changelog

CURRENT = ":current:"  # the version that the repository has: only answers change
UNDO = "git reset --hard && git clean --force -d"
WITHOUT_A_WORD = {"defaults": True, "overwrite": True, "quiet": True}  # how Copier is called
# How Copier refuses an answer: https://github.com/copier-org/copier/blob/v9.19.1/copier/_user_data.py
REFUSAL = re.compile(
    r"(?:Validation error for question|Invalid choice for) '(\w+)': (.*)", re.DOTALL
)
YES_OR_NO = {"yes", "no", "true", "false"}
MARKER = re.compile(rb"^(<{7} before updating|>{7} after updating)\r?$", re.MULTILINE)


class Unavailable(Problem):
    """The template could not be had; that may be better the next time."""


class Refused(Problem):
    """Somebody gave an answer that cannot be taken; the message says which ones can."""


@dataclass
class Outcome:
    """What an update did to the working tree.

    `kept`: files of the owner's that stay although the template would have it otherwise, and why. `answers`: what became
    of answers, each as (before, after), with None where the question is not asked. `changed`: paths that differ from the last commit, each with git's letter: A, M, D or U.
    """

    before: str
    after: str
    notes: str = ""
    changed: dict[str, str] = field(default_factory=dict)
    conflicts: list[str] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)
    answers: dict[str, tuple[Any, Any]] = field(default_factory=dict)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hub-image update`."""
    argument.path(parser)
    parser.add_argument(
        "--version", default="", help="a release of the template (default: the newest)"
    )
    data(parser)


def data(parser: argparse.ArgumentParser) -> None:
    """Add the option `--data`, which `given` reads."""
    parser.add_argument(
        "--data",
        action="append",
        default=[],
        metavar="QUESTION=ANSWER",
        help="give an answer, or change one; may be repeated",
    )


def run(options: argparse.Namespace) -> int:
    """Update the working tree and say what came out; return 1 when something is left to do by hand.

    Raises Problem as `update` does.
    """
    return show(update(options.path, given(options), options.version))


def show(outcome: Outcome) -> int:
    """Say in a terminal what an update did; return 1 when something is left to do by hand."""
    if not outcome.changed:
        print(f"This repository is current: it has {outcome.after} of the template.")
        return 0
    print("\n".join(describe(outcome)))
    for path in outcome.conflicts:
        print(
            f"{path}: a conflict; keep the right lines, remove the marks (<<<<<<<), then `git add {path}`"
        )
    print(f"Look at it with `git diff`, then commit it. To undo it: {UNDO}")
    return bool(outcome.conflicts)


def given(options: argparse.Namespace) -> dict[str, str]:
    """Return the answers of `--data`. Raises Refused for what is no answer."""
    found = {}
    for item in options.data:
        question, equals, answer = item.partition("=")
        if not equals:
            raise Refused(f"--data {item}: write QUESTION=ANSWER, as in --data registry=quay.io.")
        found[question.strip()] = answer
    return found


def describe(outcome: Outcome) -> list[str]:
    """Return what an update did, in Markdown that reads well in a terminal too."""
    words = {"A": "new", "M": "changed", "D": "removed", "U": "**conflict**"}
    lines = ["### What changes", ""]
    lines += [
        f"- {path}: {words.get(letter, 'changed')}" for path, letter in outcome.changed.items()
    ]
    for question, (before, after) in outcome.answers.items():
        if after is None:
            lines.append(f"- answer {question}: {before} goes, since it is not asked any more")
        elif before is None:
            lines.append(f"- answer {question}: {after}, since it is asked now")
        else:
            lines.append(f"- answer {question}: {before} becomes {after}")
    if outcome.kept:
        lines += ["", "### Look at these", ""]
        lines += [f"- {path} stays as you wrote it: {why}" for path, why in outcome.kept.items()]
    return lines


def update(
    repository: Path, answers: Mapping[str, Any] | None = None, version: str = ""
) -> Outcome:
    """Update a repository's working tree, which must have no changes of its own, to a release of the template.

    Of the recorded answers those stay that fit the ones given, and the others become the default that fits.

    Raises Problem, with everything as it was, where that cannot be done, and Refused where an answer is at fault.
    Conflicts are no failure: they are marked in the files and named in the outcome.
    """
    recorded = read(repository)
    source, before = recorded.get("_src_path", ""), str(recorded.get("_commit", ""))
    if not before:
        raise Problem(
            f"{ANSWERS}: no version of the template is recorded there, so nothing can be updated from it."
        )
    refuse_changes(repository)
    with tempfile.TemporaryDirectory() as folder:
        template = clone(source, Path(folder, "template"))
        after = version or (before if answers else newest(template, before))
        outcome = Outcome(before, after)
        questions = questions_of(template, after)
        given = normal(questions, answers or {})
        if after == before and not answers:
            return outcome
        # What the template wrote, and what became of it: by these two the owner's own work is known.
        base, mine, new = Path(folder, "base"), Path(folder, "mine"), Path(folder, "new")
        try:
            old = {key: value for key, value in recorded.items() if not key.startswith("_")}
            # From where it is recorded, because its address is written into files.
            try:
                render(source, base, before, {}, old)
            except Refused as error:
                raise Problem(
                    f"{ANSWERS} records answers that do not go together, as after an edit by hand. {error} Undo "
                    f"that edit (git log -- {ANSWERS}), and give answers with `hub-image update --data` or the form."
                ) from error
            git(repository, "checkout-index", "--all", f"--prefix={mine.resolve()}/")
            ignored = _ignored(repository) - set(tree(base))
            if given and after != before:
                now = render(source, Path(folder, "released"), after, old, {})
                _refuse_gone(old, now, after, given)
            if ignored or given:
                given = fit(source, new, after, old, given, questions)
            for path in ignored & set(tree(new)):
                raise Problem(
                    f"{path}: {after} brings such a file, and git ignores yours: move it away first."
                )
            ref = copier().VcsRef.CURRENT if answers and after == before else after
            copier().run_update(
                repository, data=given, vcs_ref=ref, conflict="inline", **WITHOUT_A_WORD
            )
            now = read(repository)
            outcome.after = str(now.get("_commit", after))
            if given:
                outcome.answers = _moved(recorded, now)
            else:
                _refuse_gone(recorded, now, after, {})
            outcome.kept = dict(_put_back(repository, base, mine))
            _put_back_comments(repository / ANSWERS, base / ANSWERS, mine / ANSWERS)
            if given:
                asked_for = sorted(set(tree(new)) - set(tree(base)))
                for path in asked_for:
                    _make(new / path, repository / path)
                instead = " or ".join(path for path in asked_for if "/" not in path)
                for path in sorted(set(tree(base)) - set(tree(new))):
                    if os.path.lexists(repository / path) and path not in outcome.kept:
                        outcome.kept[path] = (
                            "the image no longer reads it; "
                            + (f"move what you still need into {instead}, and " if instead else "")
                            + "delete it"
                        )
        except BaseException as error:  # Ctrl-C too
            git(repository, "reset", "--quiet", "--hard")
            git(repository, "clean", "--quiet", "--force", "-d")
            if isinstance(error, Problem) or not isinstance(error, Exception):
                raise
            raise Problem(why(error, f"No update to {after}")) from error
        text = _show(template, after, "CHANGELOG.md")
        outcome.notes = changelog.between(text, before, after)
    outcome.changed = changes(repository)
    outcome.conflicts = sorted(path for path in outcome.changed if _is_marked(repository / path))
    return outcome


def render(
    source: str, folder: Path, version: str, recorded: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Make a repository of answers in an empty folder; return the answers that it records.

    Copier gives way with recorded answers and not with given ones: what no longer fits becomes the default.
    Raises Refused for a given answer that does not fit, and what Copier raises.
    """
    import yaml

    if recorded:
        folder.mkdir(parents=True)
        (folder / ANSWERS).write_text(yaml.safe_dump(dict(recorded), allow_unicode=True), "utf-8")
    try:
        copier().run_copy(source, folder, data=dict(given), vcs_ref=version, **WITHOUT_A_WORD)
    except ValueError as error:
        if sentence := refusal(error):
            raise Refused(sentence) from error
        raise
    return read(folder)


def fit(
    source: str,
    folder: Path,
    version: str,
    recorded: Mapping[str, Any],
    given: Mapping[str, Any],
    questions: Mapping[str, Any],
) -> dict[str, Any]:
    """Make a repository of recorded and given answers in an empty folder; return the answers to give.

    Those are more than were given where one calls for another: who names a base does not start from scratch.
    Raises Refused as `render` does, and for an answer to a question that is not asked.
    """

    def attempt(recorded: Mapping[str, Any]) -> dict[str, Any]:
        now = render(source, folder, version, recorded, given)
        for question in given:
            if question not in now:
                raise Refused(f"{question} is asked only with {_with(questions[question], now)}.")
        return now

    try:
        attempt(recorded)
        return dict(given)
    except Refused:
        words = " ".join(str(questions[question].get("when", "")) for question in given)
        called = set(re.findall(r"\w+", words)) & set(recorded) - set(given)
        if not called:
            raise
        shutil.rmtree(folder)
        others = {question: recorded[question] for question in recorded if question not in called}
        try:
            now = attempt(others)
        except Refused:
            pass  # what the first attempt said is nearer to what was given
        else:
            return {**{question: now[question] for question in called if question in now}, **given}
        raise


def read(repository: Path) -> dict[str, Any]:
    """Return what `.copier-answers.yml` records. Raises Problem where it is missing or no YAML."""
    import yaml

    try:
        recorded = yaml.safe_load((repository / ANSWERS).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise Problem(
            f"{ANSWERS} is missing here: this repository was not made from the template."
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Problem(f"{ANSWERS} cannot be read; restore it: git log -- {ANSWERS}") from error
    return recorded if isinstance(recorded, dict) else {}


def address(source: str) -> str:
    """Return where git finds a recorded source."""
    for short, host in {"gh:": "https://github.com/", "gl:": "https://gitlab.com/"}.items():
        source = source.replace(short, host, 1) if source.startswith(short) else source
    return source.removeprefix("git+")


def clone(source: str, folder: Path, environment: Mapping[str, str] | None = None) -> Path:
    """Get the template with all its releases; `environment` is git's. Raises Unavailable where it cannot be had."""
    line = ["clone", "--quiet", "--no-checkout", "--", address(source), str(folder)]
    try:
        git(Path(), *line, environment=environment)
    except Problem as problem:
        raise Unavailable(f"The template cannot be had from {source}: {problem}") from problem
    return folder


def newest(template: Path, before: str, among: set[str] | None = None) -> str:
    """Return the newest release of the template; the version that the repository has, if none is newer.

    `among`: only these tags count. A template without releases is taken as it is now.
    """
    releases = {tag: changelog.number(tag) for tag in git(template, "tag", "--list", "v*").split()}
    stable = {
        tag: version for tag, version in releases.items() if version and not version.is_prerelease
    }
    if not stable:
        now = git(template, "describe", "--tags", "--always", "HEAD").strip()
        return before if now.startswith(before) else now
    allowed = [tag for tag in stable if among is None or tag in among]
    tag = max(allowed, key=stable.__getitem__, default=before)
    has = changelog.number(before)
    return before if has and stable.get(tag, has) <= has else tag


def title(version: str) -> str:
    """Return what a pull request that brings a release is called: by this it is found again."""
    return f"Update to {version} of the template"


def changes(repository: Path) -> dict[str, str]:
    """Return the paths that differ from the last commit, with git's letter for what happened to each."""
    status = git(
        repository, "status", "--porcelain", "-z", "--untracked-files=all", "--no-renames"
    ).split("\0")
    letters = {entry[3:]: entry[:2].strip() for entry in status if entry}
    return {path: "A" if letter == "??" else letter[0] for path, letter in sorted(letters.items())}


def refuse_changes(repository: Path) -> None:
    """Raise Problem where something is not committed, since it could not be told from what an update does."""
    if git(repository, "rev-parse", "--show-prefix").strip():
        raise Problem("This folder is only a part of a git repository: run this at its root.")
    if git(repository, "status", "--porcelain"):
        raise Problem(
            "There are changes that are not committed: commit them, or put them aside with `git stash -u`."
        )


def copier() -> Any:
    """Return the library. Raises Problem where it is missing."""
    try:
        import copier
    except ModuleNotFoundError as error:
        raise Problem("Copier is missing here: run `pip install copier`.") from error
    return copier


def why(error: Exception, what: str) -> str:
    """Return why Copier could not, as one sentence: the last line of what it says."""
    said = str(error).strip().splitlines() or [type(error).__name__]
    return f"{what}, and nothing was changed: {said[-1].strip()}"


def refusal(error: ValueError) -> str:
    """Return Copier's refusal of an answer as a sentence of ours; empty where it is something else."""
    if not (found := REFUSAL.search(str(error))):
        return ""
    question, said = found[1], " ".join(found[2].split())
    if unknown := re.fullmatch(r"(.*) is not in \[(.*)\]", said):
        answer, choices = (part.replace("'", "") for part in unknown.groups())
        return f"{question}: there is no `{answer}`; choose from {choices}."
    return f"{question}: {said}"


def _with(question: Mapping[str, Any], answers: Mapping[str, Any]) -> str:
    """Return with which other answers a question is asked; those that are there are left out."""
    conditions = []
    for part in str(question["when"]).strip("{} ").split(" and "):
        name, _, value = (word.strip(" '") for word in part.partition("=="))
        if answers.get(name) != value or not value:
            conditions.append(f"{name}: {value}" if value else f"an answer to {name.split()[0]}")
    return f"{' and '.join(conditions)}; give that answer as well"


def _moved(recorded: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return the answers that changed, came or went."""
    return {
        question: (recorded.get(question), now.get(question))
        for question in {**recorded, **now}
        if not question.startswith("_") and recorded.get(question) != now.get(question)
    }


def _refuse_gone(
    recorded: Mapping[str, Any], now: Mapping[str, Any], version: str, given: Mapping[str, Any]
) -> None:
    """Raise Problem where a release has changed an answer: it no longer offers what is recorded."""
    for question, (before, after) in _moved(recorded, now).items():
        if before is not None and after is not None and question not in given:
            raise Problem(
                f"{ANSWERS}: the template no longer offers {question}: {before}, and would take {after}; choose one "
                f"yourself, as in `hub-image update --version {version} --data {question}={after}`."
            )


def questions_of(template: Path, version: str) -> dict[str, Any]:
    """Return the questions that people are asked by a version of the template."""
    import yaml

    return asked(yaml.safe_load(_show(template, version, "copier.yml")) or {})


def normal(questions: Mapping[str, Any], answers: Mapping[str, str]) -> dict[str, Any]:
    """Return answers as Copier takes them, from how people write them.

    `-` is the empty one. Choices are found in any case, and of several also by the name that people see, with anything
    between them: `R and Julia`, `[r, julia]`.

    Raises Refused for a question that nobody asks, whose answer Copier would take and forget, and for a yes or no that
    is neither, which it would take for no.
    """
    given: dict[str, Any] = {}
    for name, answer in answers.items():
        if name not in questions:
            raise Refused(f"{name}: there is no such question; there are {', '.join(questions)}.")
        question = questions[name] if isinstance(questions[name], dict) else {}
        given[name] = answer
        if not isinstance(answer, str):
            continue
        answer = "" if answer.strip() == "-" else answer.strip()
        if question.get("choices"):
            answer = answer.lower()
        if question.get("multiselect"):
            choices = question["choices"]
            for seen, choice in choices.items() if isinstance(choices, dict) else ():
                answer = re.sub(rf"(?<!\w){re.escape(seen.lower())}(?!\w)", choice, answer)
            given[name] = [word for word in re.split(r"[^\w.-]+", answer) if word and word != "and"]
        elif _is_yes_or_no(question) and answer not in YES_OR_NO:
            raise Refused(f"{name}: answer yes or no.")
        else:
            given[name] = answer
    return given


def _is_yes_or_no(question: Mapping[str, Any]) -> bool:
    choices = question.get("choices")
    return isinstance(choices, dict) and set(choices.values()) == {True, False}


def asked(copier_yml: Mapping[str, Any]) -> dict[str, Any]:
    """Return the questions that people are asked; the others are computed from the answers."""
    return {
        name: question
        for name, question in copier_yml.items()
        if name[0] != "_" and not (isinstance(question, dict) and question.get("when") is False)
    }


def _ignored(repository: Path) -> set[str]:
    """Return the files that git ignores; what is in an ignored folder is left out."""
    options = ["--others", "--ignored", "--exclude-standard", "--directory"]
    paths = git(repository, "ls-files", "-z", *options).split("\0")
    return {path for path in paths if path and not path.endswith("/")}


def _put_back(repository: Path, base: Path, mine: Path) -> Iterator[tuple[str, str]]:
    """Put back what an update took from the owner without a conflict; yield each file, and why it is as it was."""
    for path in tree(mine):
        own, now = _content(mine / path), _content(repository / path)
        if path == ANSWERS or own == now or own == _content(base / path):
            continue
        if now is None:
            why = "this release no longer has the file"
        elif not _is_text(mine / path) or (mine / path).is_symlink():
            why = "both changed it, and it is no text that could be merged"
        elif _lines(own) - _lines(_content(base / path)) - _lines(now):
            why = "the two versions could not be merged"
        else:
            continue
        git(repository, "checkout", "HEAD", "--", path)
        yield path, why


def _make(new: Path, path: Path) -> None:
    """Make a list that a new answer asks for: Copier leaves what is the owner's out of an update."""
    if not os.path.lexists(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(new, path)


def _put_back_comments(answers: Path, base: Path, mine: Path) -> None:
    """Add the owner's comments to the answers again: Copier writes that file anew."""
    lost = _lines(_content(mine)) - _lines(_content(base)) - _lines(_content(answers))
    comments = [line + b"\n" for line in lost.elements() if line.lstrip().startswith(b"#")]
    if comments:
        answers.write_bytes(answers.read_bytes() + b"".join(comments))


def tree(folder: Path) -> list[str]:
    """Return the files of a folder, as paths relative to it."""
    paths = [path for path in folder.rglob("*") if path.is_symlink() or path.is_file()]
    return sorted(path.relative_to(folder).as_posix() for path in paths)


def _content(path: Path) -> bytes | None:
    if path.is_symlink():
        return os.fsencode(os.readlink(path))
    return path.read_bytes() if path.is_file() else None


def _is_text(path: Path) -> bool:
    content = _content(path) or b""
    return b"\0" not in content


def _lines(content: bytes | None) -> Counter[bytes]:
    """Return the lines that say something, whatever their ends are."""
    return Counter(line for line in re.split(rb"\r?\n|\r", content or b"") if line.strip())


def _is_marked(path: Path) -> bool:
    return path.suffix == ".rej" or (
        not path.is_symlink() and bool(MARKER.search(_content(path) or b""))
    )


def _show(template: Path, version: str, path: str) -> str:
    """Return a file of a version of the template; an absent one is empty."""
    try:
        return git(template, "show", f"{version}:{path}")
    except Problem:
        return ""
