"""What one job makes and another proposes: a draft, as JSON of a format with a number, and what it may change.

Drafts come from jobs that may change nothing, since they may run a release that nobody here has reviewed. So a draft is
data of a stranger: its diff is applied to git's index alone, never to files, and what it may touch is decided here, in
the version that the repository records. A fault in that version cannot be mended from outside: newer releases write what
older ones read, which tests/ci/test_drafts.py sees to.
"""

import json
import re
import tempfile
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from hub_image.lists import expire, packages
from hub_image.problem import Problem
from hub_image.repository import anchors
from hub_image.tools import github
from hub_image.tools.git import git

FORMAT = 1
MOST = 65000  # characters of a text; GitHub takes 65,536
LARGEST = 20_000_000  # bytes of a draft; locks of a large image have some hundred thousand
LISTS = "|".join(map(re.escape, packages.PARSERS))
TEST = re.escape(expire.TEST).replace(r"\{issue\}", "{issue}")
KINDS = {  # what each kind of draft may change, as a pattern for paths; workflows none may
    "update": r".*",
    "answers": r".*",
    "settle": r"lock/[^/]+|Manifest\.toml|\.github/build/security\.txt",
    "expire": rf"{LISTS}|{TEST.format(issue='[0-9]+')}",
    "request": rf"{LISTS}|{TEST}",
}
WORKFLOW = {  # which makes it again
    "update": "weekly",
    "answers": "configure",
    "settle": "weekly",
    "expire": "weekly",
    "request": "requests",
}
FILE_MODES = {"000000", "100644", "100755"}  # neither links nor other repositories


class Forbidden(Problem):
    """A draft would change what it may not."""


@dataclass(frozen=True)
class Draft:
    """What is to be proposed.

    `kind` names the branch. `base` is the commit that the diff, as git writes it, is to be applied to; without a diff
    there is nothing to propose. `about`, `body` and `notes` are Markdown: what the pull request begins with, what changes,
    and release notes. `again`: when the same comes again after somebody closed it. `command` does the same in a terminal.
    `todo`: why only a person can do this, and then each step; empty where a job can. `issue`: the number of the one that
    asks for this, with a request and with nothing else.
    """

    kind: str
    base: str
    title: str
    diff: str = ""
    about: str = ""
    body: str = ""
    notes: str = ""
    again: str = ""
    command: str = ""
    todo: tuple[str, ...] = ()
    issue: str = ""

    @property
    def branch(self) -> str:
        """The branch that the bot keeps for this."""
        return github.branch(self.kind) + (f"-{self.issue}" if self.issue else "")

    @property
    def workflow(self) -> str:
        """The workflow that makes this, and makes it again."""
        return WORKFLOW[self.kind]

    @property
    def mark(self) -> str:
        """How the texts that the bot wrote are found again."""
        return f"<!-- {self.branch.replace('/', ' ')} -->"


def write(draft: Draft, file: Path) -> None:
    """Write a draft for the job that proposes it."""
    file.write_text(json.dumps({"format": FORMAT, **asdict(draft)}, indent=1), encoding="utf-8")


def read(file: Path) -> Draft:
    """Return a draft. Raises Problem for what is none, or one of a newer format."""
    said = f"{file.name} is no draft that this version of hub-image knows"
    if file.is_symlink() or file.stat().st_size > LARGEST:
        raise Problem(f"{said}: it is a link, or too large.")
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise Problem(f"{said}: it is no JSON.") from error
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise Problem(f"{said}: update this repository in a terminal, with `hub-image update`.")
    todo = told.get("todo") or []
    words = {
        field.name: told.get(field.name, "") for field in fields(Draft) if field.name != "todo"
    }
    if not isinstance(todo, list) or not all(
        isinstance(word, str) for word in [*words.values(), *todo]
    ):
        raise Problem(f"{said}: what should be text is something else.")
    draft = Draft(**words, todo=tuple(todo))
    if draft.kind not in KINDS or not re.fullmatch(r"[0-9a-f]{40}", draft.base):
        raise Problem(
            f"{said}: there is no kind {draft.kind!r}, or it has no commit to begin from."
        )
    if not re.fullmatch(r"[1-9][0-9]{0,9}" if draft.kind == "request" else "", draft.issue):
        raise Problem(f"{said}: it is for no issue, or for one that it has nothing to do with.")
    if not re.fullmatch(r"[^\x00-\x1f\x7f]{1,200}", draft.title):
        raise Problem(f"{said}: its title is no line of text.")
    return draft


def apply(repository: Path, draft: Draft) -> str:
    """Return the tree, as git names it, that the draft makes of its base; no file is touched.

    Raises Forbidden where the draft changes what its kind may not, or begins elsewhere than on this branch.
    """
    try:
        git(repository, "merge-base", "--is-ancestor", draft.base, "HEAD")
    except Problem as problem:
        raise Forbidden(
            f"It begins from {draft.base}, which is no commit of this branch."
        ) from problem
    with tempfile.TemporaryDirectory() as folder:
        patch = Path(folder, "diff")
        patch.write_bytes(draft.diff.encode("utf-8", "surrogateescape"))
        index = {"GIT_INDEX_FILE": str(Path(folder, "index"))}
        git(repository, "read-tree", draft.base, environment=index)
        try:
            apply = ["apply", "--cached", "--binary", "--whitespace=nowarn", str(patch)]
            git(repository, *apply, environment=index)
        except Problem as problem:
            raise Forbidden(f"Its diff does not fit. {problem}") from problem
        tree = git(repository, "write-tree", environment=index).strip()
    for path, mode in _changed(repository, draft.base, tree):
        if path.lower().startswith(github.WORKFLOWS):
            raise Forbidden(f"It would change `{path}`, and only people change workflows.")
        if not re.fullmatch(KINDS[draft.kind].format(issue=draft.issue), path):
            raise Forbidden(
                f"It would change `{path}`, which *{draft.kind}* has nothing to do with."
            )
        if mode not in FILE_MODES or path.lower() == ".gitmodules":
            raise Forbidden(f"It would make `{path}` a link, or another repository.")
    return tree


def _changed(repository: Path, base: str, tree: str) -> list[tuple[str, str]]:
    """Return each path that differs, with the mode that it has in the tree."""
    raw = git(repository, "diff-tree", "-r", "-z", "--raw", "--no-renames", base, tree).split("\0")
    return [(path, facts.split()[1]) for facts, path in zip(raw[::2], raw[1::2], strict=False)]


def on_top(repository: Path, draft: Draft, tree: str) -> list[str]:
    """Return what a reviewer has to read first: which anchors of trust change."""
    before, after = anchors.at(repository, draft.base), anchors.at(repository, tree)
    return [
        f"{anchors.LOOK} {sentence}."
        for _, _, sentence in anchors.changed(before, after, but=(anchors.COMMIT,))
    ]


def by_hand(draft: Draft) -> str:
    """Return how to do the same in a terminal, in Markdown."""
    name = github.variable("GITHUB_REPOSITORY").partition("/")[2]
    return f"""In a terminal, with git and [uv](https://docs.astral.sh/uv/):

```
git clone {github.page()} && cd {name}
git switch --create template-{draft.kind}
{draft.command}
git add --all
git commit --message "{draft.title}"
git push --set-upstream origin template-{draft.kind}
```

Then open a pull request: {github.page()}/compare/template-{draft.kind}?expand=1
To undo it before the commit: `git reset --hard && git clean --force -d`"""
