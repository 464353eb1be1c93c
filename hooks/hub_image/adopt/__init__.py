"""`hub-image adopt`: bring the template into a repository that has an image already.

All work is done in a clone. The repository itself changes once, at the end, and only by one commit
on a branch of its own; its message is the report.
"""

import argparse
import os
import re
import sys
import tempfile
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import groupby
from pathlib import Path

from hub_image import catalog, checks
from hub_image.adopt import carry, commands, guess, images, repo2docker, tree, workflows
from hub_image.adopt.tree import ASIDE
from hub_image.checks.rules import lab_settings
from hub_image.problem import Problem
from hub_image.repository import anchors, argument, files, image_env
from hub_image.tools.git import GitError, git, on_github
from hub_image.updates import update

BRANCH = "adopt-hub-image-template"
SCRIPTS = ("preBuild", "postBuild", "postBuildRoot", "start")
QUICK = {"GIT_LFS_SKIP_SMUDGE": "1"}  # a clone does not fetch large files


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hub-image adopt`."""
    argument.path(parser)
    parser.add_argument(
        "--image-folder",
        metavar="FOLDER",
        help="adopt only this folder, in a new repository beside the old one, with the folder's history",
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    parser.add_argument("--yes", action="store_true", help="take the answers without asking")
    update.data(parser)
    parser.add_argument(
        "--compare", action="store_true", help="build the old and the new image, and compare them"
    )
    parser.add_argument(
        "--template", default=catalog.load().published, help="where the template is"
    )
    parser.add_argument("--vcs-ref", help="which version of it (default: the newest release)")


def run(options: argparse.Namespace) -> int:
    """Adopt a repository; return the exit code. Raises Problem as `adopt` does."""
    adopt(options)
    return 0


@dataclass
class Report:
    """What was done with a repository: lines of (place, what), in four parts."""

    kept: list[tuple[str, str]] = field(default_factory=list)
    moved: list[tuple[str, str]] = field(default_factory=list)
    replaced: list[tuple[str, str]] = field(default_factory=list)
    needs: list[tuple[str, str]] = field(default_factory=list)

    def __str__(self) -> str:
        parts = {
            "Kept": self.kept,
            "Moved": self.moved,
            "Replaced": self.replaced,
            "Needs you": self.needs,
        }
        return "\n".join(
            f"{title}:\n" + "".join(f"  {place}: {what}\n" for place, what in lines)
            for title, lines in parts.items()
            if lines
        )


def adopt(options: argparse.Namespace) -> None:
    """Do what the command line says. Raises Problem, and then nothing has changed."""
    given = update.normal(update.asked(catalog.questions()), update.given(options))
    repository, head = _repository(options.path)
    slug = on_github(repository)
    with tempfile.TemporaryDirectory(prefix="hub-image-adopt-") as name:
        folder = Path(name)
        theirs: list[workflows.Workflow] = []  # those of the old repository that build a part of it
        if options.image_folder:
            parent = folder if options.dry_run else repository.parent
            theirs = images.building(options.image_folder, workflows.read(repository, slug))
            for workflow in theirs:
                workflow.file = f"{repository.name}/{workflow.file}"
            repository = images.part(repository, options.image_folder, parent)
            slug = f"{slug.partition('/')[0]}/{repository.name}" if slug else ""
        clone = _clone(repository, folder / "new")
        tracked = set(filter(None, git(clone, "ls-files", "-z").split("\0")))
        links = tree.outside(clone, tracked)
        tree.cut(clone, links)
        tracked -= links.keys()
        old_workflows = workflows.read(clone, slug)
        images.one(options.path, tracked, old_workflows)
        made = tree.layout(clone, tracked)
        known = [*old_workflows, *theirs]
        found = guess.survey(clone, slug, repository.name, made.lists, known, set(given))
        answers = {g.question: g.value for g in found.answers if g.question not in given} | given
        print(_answers(found, given))
        if not options.dry_run and not options.yes:
            _confirm()
        report = _work(clone, options, made, found, answers, set(given), old_workflows, tracked)
        _links(clone, links, report)
        for workflow in theirs:
            text = (
                "it builds the image in the old repository; remove it there once this one publishes"
            )
            report.needs.append((workflow.file, text))
        print(report)
        if options.compare:
            from hub_image.adopt import compare

            old = _clone(repository, folder / "old")
            dockerfile = made.lists.get("Dockerfile", "")
            print("\n".join(compare.compare(old, dockerfile, clone, answers["image_name"])))
        if options.dry_run:
            print("Nothing has changed; without --dry-run this becomes one commit on a branch.")
            return
        _bring(repository, clone, report)
    if options.image_folder:
        print(f"{repository} is a repository of its own now; to undo it, remove that folder.")
    undo = f"git switch {head} && git branch --delete --force {BRANCH}"
    print(
        f"All of it is one commit on the branch {BRANCH}; `git log -1` shows this report again.\n"
        f"When you have decided on what needs you, push the branch and open a pull request. To undo it:\n  {undo}"
    )


def _clone(repository: Path, folder: Path) -> Path:
    """Clone a repository into a folder without its large files; return the folder."""
    arguments = ["--quiet", "--shared", str(repository), str(folder)]
    git(repository, "clone", *arguments, environment=QUICK)
    return folder


def _repository(folder: Path) -> tuple[Path, str]:
    """Return the folder and what is checked out; raise Problem where adoption could lose work."""
    if not folder.is_dir():
        raise Problem(f"{folder} is not a folder: name the repository's.")
    repository = folder.resolve()
    try:
        top = Path(git(repository, "rev-parse", "--show-toplevel").strip())
        git(repository, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    except GitError:
        raise Problem(
            f"{folder} is no git repository with a commit: run `git init`, `git add --all` and "
            "`git commit` there first."
        ) from None
    if top.resolve() != repository:
        raise Problem(f"{folder} is inside of the repository {top}: name that folder.")
    answered = repository / image_env.ANSWERS
    if answered.exists() and not answered.is_symlink():
        source = anchors.value("_src_path", files.read(answered))
        raise Problem(
            f"{folder}/{image_env.ANSWERS} says that this repository is already made from "
            f"{source or 'a template'}: run `copier update` to bring it up to date."
        )
    if git(repository, "status", "--porcelain"):
        raise Problem(
            f"{folder} has changes that are in no commit: commit them, or put them away with "
            "`git stash --include-untracked`, and then adopt."
        )
    if git(repository, "branch", "--list", BRANCH):
        raise Problem(
            f"{folder} has a branch {BRANCH} from an adoption before: merge it, or remove it with "
            f"`git branch --delete --force {BRANCH}`."
        )
    branch = git(repository, "branch", "--show-current").strip()
    return repository, branch or f"--detach {git(repository, 'rev-parse', 'HEAD').strip()}"


def _answers(found: guess.Survey, given: dict[str, str]) -> str:
    """Return the answers as they will be given, and where each comes from."""
    rows = [(g.question, g.value, g.source) for g in found.answers if g.question not in given]
    rows += [(question, value, "--data") for question, value in given.items()]
    lines = [f"  {question}: {value}  ({source})" for question, value, source in rows]
    return "Answers, the others are the template's defaults:\n" + "\n".join(lines) + "\n"


def _confirm() -> None:
    if not sys.stdin.isatty():
        raise Problem(
            "nobody is here to confirm the answers: add --yes to take them, or --dry-run to look."
        )
    try:
        said = input("Adopt with these answers? To change one, add --data. [y/N] ")
    except EOFError:
        said = ""
    if said.strip().lower() != "y":
        raise Problem("nothing has changed: give other answers with --data QUESTION=ANSWER.")


def _work(
    clone: Path,
    options: argparse.Namespace,
    made: tree.Layout,
    found: guess.Survey,
    answers: dict[str, str],
    given: set[str],
    old_workflows: list[workflows.Workflow],
    tracked: set[str],
) -> Report:
    """Adopt in the clone, and leave everything there ready to be committed."""
    report = Report(needs=list(found.needs), replaced=list(found.replaced))
    tree.apply(clone, made)
    _render(clone, options, answers)
    merged, aside = tree.settle(clone)
    kept = tracked - set(made.moves) - set(merged) - set(aside)
    kept -= set(made.writes)
    for path in merged:
        report.kept.append((path, "your lines stand among the template's"))
    for path in aside:
        text = f"the template has a file of this name; bring over what you need from {ASIDE}/{path}"
        report.needs.append((f"{ASIDE}/{path}", text))
        report.moved.append((path, f"to {ASIDE}/{path}"))
    kept -= _workflows(clone, old_workflows, set(aside), report)
    for old, new in made.moves.items():
        if old == new:
            report.moved.append((old, made.why[old]))
        elif old != made.lists.get("Dockerfile"):
            report.moved.append((old, f"to {new}; {made.why[old]}" if new else made.why[old]))
    asked: list[tuple[str, str]] = []
    if "Dockerfile" in made.lists:
        _dockerfile(clone, made, found, given, report)
    else:
        before = repo2docker.Before(clone, made, old_workflows, tracked)
        replaced, asked = repo2docker.said(before)
        report.replaced[:0] = replaced
    scripts = files.read(clone / "preBuild") + files.read(clone / "postBuild")
    report.needs += [(path, what) for path, what in made.needs if not carry.mentions(scripts, path)]
    report.needs += _lab_settings(clone, made)
    report.needs += _unseen(clone, tracked | set(made.lists))
    report.needs += tree.naming(clone, made, kept)
    for place, command in workflows.elsewhere(clone, tracked):
        text = f"`{command}` builds the image too; remove that, so that image.yml alone does"
        report.needs.append((place, text))
    report.needs += asked
    report.replaced += _versions(clone, found)
    git(clone, "add", "--all", "--force")
    for finding in checks.run(clone):
        said = (
            finding.code == "unread-list"
            and finding.severity != "error"
            and finding.file in {place for place, _ in report.needs}
        )
        if not said and not finding.file.startswith(f"{ASIDE}/"):
            place = f"{finding.file}:{finding.line}"
            report.needs.append((place, f"{finding.severity} {finding.code}: {finding.message}"))
    report.needs += _registry(image_env.read(clone).registry)
    _kept(kept, report)
    report.needs = [(_now(clone, place), what) for place, what in dict.fromkeys(report.needs)]
    return report


def _links(clone: Path, links: dict[str, str], report: Report) -> None:
    """Put the links that leave the repository back, and say of each that nobody went through it."""
    for path, place in tree.bind(clone, links).items():
        text = f"it is a link to {links[path]}, out of the repository, and nothing was read or written through it"
        if place == path:
            report.kept.append((path, text))
        else:
            report.moved.append((path, f"to {place}"))
            report.needs.append((place, f"{text}; bring over as a file what you need of it"))
    git(clone, "add", "--all", "--force")


def _lab_settings(clone: Path, made: tree.Layout) -> list[tuple[str, str]]:
    """Say so where a file is JupyterLab's for everybody now, and nothing in the old repository gave it to JupyterLab."""
    name = lab_settings.FILE
    dockerfile = made.lists.get("Dockerfile")
    scripts = ["preBuild", "postBuild", "start", *([f"{ASIDE}/{dockerfile}"] if dockerfile else [])]
    texts = "\n".join(files.read(clone / script) for script in scripts)
    if not (clone / name).is_file() or (name in texts and "lab/settings" in texts):
        return []
    text = "JupyterLab takes it as settings for everybody now, which it did not before; rename it if it is something else"
    return [(name, text)]


def _now(clone: Path, place: str) -> str:
    """Return a place where its file stands now, which may have been set aside since."""
    file = place.partition(":")[0]
    is_aside = not (clone / file).exists() and (clone / ASIDE / file).exists()
    return f"{ASIDE}/{place}" if is_aside else place


def _registry(host: str) -> list[tuple[str, str]]:
    """Return what a registry needs of its owner."""
    if host == "ghcr.io":
        return []
    if host == "public.ecr.aws" or host.endswith(".amazonaws.com"):
        text = (
            f"passwords of {host} end after twelve hours, so the new workflow cannot log in there; publish elsewhere with "
            "--data registry=..., or copy the image there in a workflow of your own"
        )
        return [("GUIDE.md", text)]
    text = (
        "the new workflow logs in with the variable REGISTRY_LOGIN and the secret REGISTRY_PASSWORD; "
        'add them as "The registry" there says'
    )
    return [("GUIDE.md", text)]


def _kept(kept: set[str], report: Report) -> None:
    """Name the lists, scripts and tests that stay; count the rest."""
    named = {path for path in kept if path in tree.CONFIGURATION or path == "README.md"}
    tests = {path for path in kept if path.startswith("image-tests/")}
    report.kept += [(path, "byte for byte") for path in sorted(named)]
    if tests:
        report.kept.append(("image-tests/", f"{len(tests)} files, byte for byte"))
    if others := len(kept - named - tests):
        report.kept.append(("everything else", f"{others} files, byte for byte"))


def _render(clone: Path, options: argparse.Namespace, answers: dict[str, str]) -> None:
    """Copy the template over the clone. Raises Problem with Copier's own reason."""
    # A list that the owner does not have would bring the packages of an example.
    examples = [path for path in catalog.questions()["_skip_if_exists"] if path != "/README.md"]
    if not (clone / "image-tests").exists():
        examples.remove("/image-tests")
    run_copy = update.copier().run_copy
    try:
        run_copy(
            options.template,
            clone,
            data=answers,
            vcs_ref=options.vcs_ref,
            exclude=examples,
            defaults=True,
            overwrite=True,
            quiet=True,
        )
    except Exception as error:  # of Copier's and of git's, which Copier runs; they share no class
        said = " ".join(str(error).split()).rstrip(".")
        if "git" in said and "fatal:" in said:
            reason = said.rpartition("fatal:")[2].strip()
            text = f"the template {options.template} cannot be had: {reason}; name another with --template."
        else:
            text = (
                f"Copier refused: {said}; give what it wants with --data, --template or --vcs-ref."
            )
        raise Problem(text) from error


def _workflows(
    clone: Path, old: list[workflows.Workflow], aside: set[str], report: Report
) -> set[str]:
    """Set aside the workflows that the new one replaces; say of the others what they do. Return those set aside."""
    gone = {w.file: w for w in old if w.builds and w.file not in aside}
    for file, workflow in gone.items():
        tree.aside(clone, file)
        place = f"{ASIDE}/{file}"
        text = f".github/workflows/image.yml builds and publishes now; the old one is {place}"
        report.replaced.append((file, text))
        if workflow.others:
            steps = ", ".join(f"{step} (line {line})" for line, step in workflow.others)
            text = f"it had steps that the new workflow has not: {steps}; if you need them, write a workflow"
            report.needs.append((place, text))
        for line, said in workflow.extras:
            text = f"repo2docker was given `{said}`, and nobody reads that now; do in preBuild or postBuild what it did"
            report.needs.append((f"{place}:{line}", text))
        for line, called in workflow.calls:
            if not called.startswith("./"):
                text = f"it called `{called}`, which nothing does now; if that did more than build and publish, write a workflow"
                report.needs.append((f"{place}:{line}", text))
    names = {workflow.name for workflow in gone.values()} - {""}
    for workflow in old:
        if workflow.file in gone:
            continue
        place = f"{ASIDE}/{workflow.file}" if workflow.file in aside else workflow.file
        if workflow.part:
            text = "it builds the image too, among other things; remove what image.yml does now"
            report.needs.append((place, text))
        elif workflow.binder:
            text = (
                "image.yml tells pull requests how to try the image; remove this if that is enough"
            )
            report.needs.append((place, text))
        for line, called in workflow.calls:
            if called.removeprefix("./") in gone:
                text = f"it calls `{called}`, which is set aside; let it do without"
                report.needs.append((f"{place}:{line}", text))
        if lost := names & set(workflow.after):
            text = f"it runs after `{min(lost)}`, which is set aside; let it run after `image`"
            report.needs.append((place, text))
    return set(gone)


def _dockerfile(
    clone: Path,
    made: tree.Layout,
    found: guess.Survey,
    given: set[str],
    report: Report,
) -> None:
    """Carry over the old Dockerfile, which stays aside."""
    old = made.lists["Dockerfile"]
    kept = clone / ASIDE / old
    family = image_env.read(clone).base_family
    same_base = family == found.base.family or "base_family" in given
    same_base = same_base or (not found.base.family and "base" in given)
    new_dockerfile = files.read(clone / "Dockerfile")
    words = {Path(word).name for word in re.findall(r"^COPY.*$", new_dockerfile, re.MULTILINE)
             for word in word.split()}  # fmt: skip
    reads = {
        name
        for name in tree.CONFIGURATION
        if any(fnmatchcase(name, word) for word in words) and name != "Dockerfile"
    }
    staged = set(filter(None, git(clone, "ls-files", "-z").split("\0")))
    setting = commands.Setting(
        family=catalog.load().families[family],
        family_name=family if same_base else "",
        reads=frozenset(reads | {"postBuild"}),
        image=found.base.name,
        files=frozenset(staged),
        moved={o: n for o, n in made.moves.items() if n and not n.startswith(ASIDE)},
        text=lambda path: files.read(clone / path),
        is_kept=image_env.read(clone).base_image == found.base.reference,
        python=image_env.read(clone).python_version,
    )
    text = files.read(kept)
    for name in tree.unnamed(text, made, reads | {"start", "preBuild", "postBuild"}):
        what = "runs" if name in SCRIPTS else "installs"
        said = f"nothing in the old Dockerfile names it, and the new one {what} it; call it something else if the image is to do without"
        report.needs.append((name, said))
    decisions, scripts = carry.carry(text, setting)
    _decisions(decisions, old, report)
    for name, text in scripts.items():
        path = clone / name
        assert not path.exists()  # carry() leaves what would go into a script of the owner's
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        path.chmod(0o755)


def _decisions(decisions: list[carry.Decision], old: str, report: Report) -> None:
    """Say what became of each instruction, and of several in a row for one reason in one line."""
    rows = {carry.LEFT: report.needs, carry.CARRIED: report.moved, carry.REPLACED: report.replaced}
    for (what, why), group in groupby(decisions, key=lambda d: (d.what, d.why)):
        found = list(group)
        for several in [found] if what == carry.LEFT else [[one] for one in found]:
            instruction = several[0].instruction
            first = " ".join(instruction.arguments.split())
            said = f"`{instruction.name} {first[:60]}{'…' if len(first) > 60 else ''}`"
            if len(several) > 1:
                last = several[-1].instruction.line
                said += f" and {len(several) - 1} more, to line {last}"
            place = f"{ASIDE}/{old}" if what == carry.LEFT else old
            joint = " to " if what == carry.CARRIED else ": "
            rows[what].append((f"{place}:{instruction.line}", said + joint + why))
    report.needs += [(f"{old}:{d.instruction.line}", d.needs) for d in decisions if d.needs]


def _unseen(clone: Path, own: set[str]) -> list[tuple[str, str]]:
    """Return what lists and scripts of the owner's name that the build does not see any more."""
    needs = []
    for number, line in enumerate(files.read(clone / "environment.yml").split("\n"), 1):
        if match := re.match(
            r"\s*-\s*[\"']?(?:-r|--requirement|-c|--constraint|-e)[\s=]+(\S+)", line
        ):
            text = f"the build sees no other file, so pip does not find {match[1]}; write here what it says"
            needs.append((f"environment.yml:{number}", text))
        if line.startswith("variables:"):
            text = "a server has these variables only where it activates the environment; write them as `export` into `start` too"
            needs.append((f"environment.yml:{number}", text))
    answers = image_env.read(clone)
    for name in filter(own.__contains__, SCRIPTS):
        for number, text in repo2docker.lines(name, files.read(clone / name), answers):
            needs.append((f"{name}:{number}", text))
    return needs


def _versions(clone: Path, found: guess.Survey) -> list[tuple[str, str]]:
    """Return which versions the old repository asked for, beside those of the new image where they are known."""
    answers = image_env.read(clone)
    base = answers.base_image
    now = {"Python": answers.python_version}
    if answers.base_family == "rocker":
        now["R"] = base.rpartition(":")[2]
    return [
        (name, f"{version} before ({place}), {now.get(name) or f'what {base} has'} now")
        for name, version, place in dict.fromkeys(found.versions)
    ]


def _bring(repository: Path, clone: Path, report: Report) -> None:
    """Commit in the clone and fetch that commit as a branch; then check it out."""
    tracked = set(git(repository, "ls-files", "-z").split("\0"))
    new = git(clone, "diff", "--cached", "--name-only", "--diff-filter=A", "--no-renames", "-z")
    for path in filter(None, new.split("\0")):
        file = repository / path
        ways = [p for p in file.parents if p.is_symlink() and p.is_relative_to(repository)]
        for way in (file, *ways):  # ignored by git, which would replace it in silence
            if os.path.lexists(way) and way.relative_to(repository).as_posix() not in tracked:
                raise Problem(f"{way} would be replaced: move it away first.")
    for key in ("user.name", "user.email"):
        try:
            value = git(repository, "config", key).strip()
        except Problem:
            value = ""
        if value:
            git(clone, "config", key, value)
    git(
        clone,
        "commit",
        "--quiet",
        "--message",
        f"Adopt hub-image-template\n\n{report}".replace("\0", ""),
    )
    source = [str(clone), f"HEAD:refs/heads/{BRANCH}"]
    git(repository, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", *source)
    try:
        git(repository, "switch", "--quiet", BRANCH)
    except Problem:
        git(repository, "branch", "--quiet", "--delete", "--force", BRANCH)
        raise
