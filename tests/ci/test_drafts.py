"""Drafts: what one job makes is data of a stranger to the one that proposes it."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT, git
from hub_image.ci import proposal
from hub_image.ci.proposal import Draft
from hub_image.problem import Problem


@pytest.fixture
def repository(memory):
    """A repository with the files that a draft may or may not change."""
    folder = memory / "ocean"
    for path, text in {
        "Dockerfile": "FROM one\n",
        ".github/workflows/image.yml": "name: image\n",
        ".github/image.env": "TEMPLATE=https://example.org/t\nREGISTRY=quay.io\nREGISTRY_OWNER=sea\n",
        ".copier-answers.yml": "_src_path: https://example.org/t\nregistry: quay.io\n",
        "lock/pip-x86_64.txt": "a==1\n",
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "One")
    return folder


def draft_of(repository: Path, kind: str = "update", /, **files: str) -> Draft:
    """A draft that writes these files, each named by its path with __ for a slash."""
    base = git(repository, "rev-parse", "HEAD").strip()
    for path, text in files.items():
        file = repository / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    git(repository, "add", "--all")
    diff = git(repository, "diff", "--cached", "--binary", "--full-index", "--no-renames")
    git(repository, "reset", "--quiet", "--hard")
    return Draft(kind, base, "Title", diff=diff, issue="12" if kind == "request" else "")


def test_a_draft_is_what_was_written(repository, tmp_path):
    made = dataclasses.replace(draft_of(repository, Dockerfile="FROM zwei\n"), todo=("a", "b"))
    made = dataclasses.replace(made, notes="\udcff \u00e9")
    proposal.write(made, tmp_path / "draft.json")
    assert proposal.read(tmp_path / "draft.json") == made


def test_what_is_not_text_survives(repository, tmp_path):
    """A file in another encoding, and one that is no text at all."""
    (repository / "old.txt").write_bytes(b"caf\xe9\r\n")
    (repository / "picture.bin").write_bytes(bytes(range(256)))
    git(repository, "add", "--all")
    from hub_image.ci import draft
    from hub_image.updates.update import Outcome

    base = git(repository, "rev-parse", "HEAD").strip()
    outcome = Outcome("", "", changed={"old.txt": "A", "picture.bin": "A"})
    made = draft.of(repository, outcome, Draft("update", base, "Title"))
    git(repository, "reset", "--quiet", "--hard")
    proposal.write(made, tmp_path / "draft.json")
    tree = proposal.apply(repository, proposal.read(tmp_path / "draft.json"))
    for name, content in (("old.txt", b"caf\xe9\r\n"), ("picture.bin", bytes(range(256)))):
        line = ["git", "-C", repository, "show", f"{tree}:{name}"]
        assert subprocess.run(line, capture_output=True, check=True).stdout == content
    assert git(repository, "status", "--porcelain") == "", "only git's index was used"


NONE = {
    "no JSON": "{",
    "a list": "[]",
    "deeply nested": "[" * 100_000,
    "a newer format": {"format": 2},
    "no format": {"format": None},
    "another kind": {"kind": "main"},
    "a kind with a path": {"kind": "../../main"},
    "no commit": {"base": "main"},
    "an option in place of a commit": {"base": "--upload-pack=touch /tmp/x"},
    "a title of two lines": {"title": "one\ntwo"},
    "a number for a text": {"diff": 1},
    "todo of numbers": {"todo": [1]},
    "an issue of an update": {"issue": "12"},
    "a request of nobody": {"kind": "request"},
    "a request of no number": {"kind": "request", "issue": "012"},
    "a request with a path": {"kind": "request", "issue": "1/../../main"},
    "a request with a pattern": {"kind": "request", "issue": ".*"},
}


@pytest.mark.parametrize("what", NONE)
def test_what_is_no_draft_is_refused_in_a_sentence(what, repository, tmp_path):
    made, changes = draft_of(repository, Dockerfile="FROM two\n"), NONE[what]
    file = tmp_path / "draft.json"
    proposal.write(made, file)
    if isinstance(changes, dict):
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))
    else:
        file.write_text(changes)
    with pytest.raises(Problem, match=r"draft\.json is no draft that this version"):
        proposal.read(file)


def test_a_newer_field_is_left_out(repository, tmp_path):
    """Later releases may say more in the same format."""
    made = draft_of(repository, Dockerfile="FROM two\n")
    proposal.write(made, tmp_path / "draft.json")
    told = json.loads((tmp_path / "draft.json").read_text())
    (tmp_path / "draft.json").write_text(json.dumps(told | {"more": ["one"]}))
    assert proposal.read(tmp_path / "draft.json") == made


FORBIDDEN = {
    "a workflow": ("update", {".github/workflows/image.yml": "on: push\n"}, "only people change workflows"),
    "a new workflow": ("update", {".github/workflows/new.yml": "on: push\n"}, "only people change workflows"),
    "one in other letters": ("update", {".github/Workflows/new.yml": "on: push\n"}, "only people change workflows"),
    "other repositories": ("update", {".gitmodules": "[submodule]\n"}, "a link, or another repository"),
    "not a lock": ("settle", {"Dockerfile": "FROM evil\n"}, "has nothing to do with"),
    "an anchor": ("settle", {".github/image.env": "REGISTRY=evil.example\n"}, "has nothing to do with"),
    "not a list": ("expire", {"postBuild": "evil\n"}, "has nothing to do with"),
    "a test of its owner's": ("expire", {"image-tests/test_mine.py": "evil\n"}, "has nothing to do with"),
    "a list elsewhere": ("expire", {"images/apt.txt": "evil\n"}, "has nothing to do with"),
    "a script": ("request", {"postBuild": "evil\n"}, "has nothing to do with"),
    "the Dockerfile": ("request", {"Dockerfile": "FROM evil\n"}, "has nothing to do with"),
    "an action": ("request", {".github/actions/build/action.yml": "x\n"}, "has nothing to do with"),
    "an anchor, asked for": ("request", {".github/image.env": "REGISTRY=evil.example\n"}, "has nothing to do with"),
    "a workflow, asked for": ("request", {".github/workflows/new.yml": "on: push\n"}, "only people change workflows"),
    "a test of another": ("request", {"image-tests/request-13.ipynb": "{}\n"}, "has nothing to do with"),
    "a program as a test": ("request", {"image-tests/test_request_12.py": "evil\n"}, "has nothing to do with"),
    "a list in a folder": ("request", {"more/environment.yml": "evil\n"}, "has nothing to do with"),
    "below the locks": ("settle", {"lock/more/x.txt": "a==1\n"}, "has nothing to do with"),
}  # fmt: skip


@pytest.mark.parametrize("what", FORBIDDEN)
def test_what_a_draft_may_not_change(what, repository):
    kind, files, why = FORBIDDEN[what]
    with pytest.raises(proposal.Forbidden, match=why):
        proposal.apply(repository, draft_of(repository, kind, **files))


def test_a_removed_workflow_is_for_people_too(repository):
    (repository / ".github/workflows/image.yml").unlink()
    with pytest.raises(proposal.Forbidden, match="only people change workflows"):
        proposal.apply(repository, draft_of(repository))


def test_a_link_is_refused(repository):
    (repository / "link").symlink_to("/etc/passwd")
    with pytest.raises(proposal.Forbidden, match="a link, or another repository"):
        proposal.apply(repository, draft_of(repository))


@pytest.mark.parametrize("path", ["../outside", ".git/hooks/post-checkout", "/tmp/outside"])
def test_a_diff_leaves_the_repository_nowhere(path, repository, tmp_path):
    made = draft_of(repository, NEW="evil\n")
    made = dataclasses.replace(made, diff=made.diff.replace("NEW", path))
    with pytest.raises(proposal.Forbidden, match="does not fit"):
        proposal.apply(repository, made)
    assert not (repository.parent / "outside").exists()
    assert not (repository / ".git/hooks/post-checkout").exists()


def test_a_diff_that_follows_a_link_is_refused(repository):
    (repository / "out").symlink_to("/tmp")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "A link of the owner's")
    made = draft_of(repository, NEW="evil\n")
    made = dataclasses.replace(made, diff=made.diff.replace("NEW", "out/evil"))
    with pytest.raises(proposal.Forbidden):
        proposal.apply(repository, made)


def test_it_begins_from_a_commit_of_the_branch(repository):
    git(repository, "switch", "--quiet", "--orphan", "other")
    git(repository, "commit", "--quiet", "--allow-empty", "--message", "Elsewhere")
    other = git(repository, "rev-parse", "HEAD").strip()
    git(repository, "switch", "--quiet", "main")
    made = draft_of(repository, Dockerfile="FROM two\n")
    with pytest.raises(proposal.Forbidden, match="no commit of this branch"):
        proposal.apply(repository, dataclasses.replace(made, base=other))


def test_what_each_kind_is_for_is_let_through(repository):
    for kind, files in {
        "settle": {"lock/pip-x86_64.txt": "a==2\n", "Manifest.toml": "x\n"},
        "expire": {"apt.txt": "jq\n", "install.R": "", "image-tests/request-12.ipynb": "x\n"},
        "request": {
            "environment.yml": "x\n",
            "apt.txt": "x\n",
            "image-tests/request-12.ipynb": "{}\n",
        },
        "update": {"Dockerfile": "FROM two\n", ".github/actions/setup/action.yml": "name: x\n"},
    }.items():
        made = draft_of(repository, kind, **files)
        tree = proposal.apply(repository, made)
        for path, text in files.items():
            assert git(repository, "show", f"{tree}:{path}") == text


def test_an_anchor_is_said_on_top(repository):
    env = (repository / ".github/image.env").read_text()
    made = draft_of(repository, **{".github/image.env": env.replace("quay.io", "evil.example")})
    [line] = proposal.on_top(repository, made, proposal.apply(repository, made))
    assert line.startswith("> **Look at this first:** `REGISTRY` becomes `evil.example`")
    made = draft_of(repository, Dockerfile="FROM two\n")
    assert proposal.on_top(repository, made, proposal.apply(repository, made)) == []


PROPOSER = """\
import sys
from pathlib import Path
from hub_image.ci import proposal
print(proposal.apply(Path(sys.argv[1]), proposal.read(Path(sys.argv[2]))))
"""


def releases() -> list[str]:
    """The releases of this template that git knows here."""
    tags = git(ROOT, "tag", "--list", "v*").split()
    return [tag for tag in tags if not set(tag) & set("abcr")]


@pytest.mark.parametrize("version", [*releases(), "now"])
def test_todays_draft_is_read_by_the_proposer_of_every_release(version, repository, tmp_path):
    """A fault in an old one cannot be mended from outside: it has to take what the newest release drafts."""
    made = draft_of(repository, Dockerfile="FROM two\n")
    proposal.write(made, tmp_path / "draft.json")
    hooks = ROOT / "hooks"
    if version != "now":
        git(ROOT, "worktree", "add", "--quiet", "--detach", str(tmp_path / version), version)
        hooks = tmp_path / version / "hooks"
    line = [sys.executable, "-c", PROPOSER, repository, tmp_path / "draft.json"]
    done = subprocess.run(
        line,
        env={"PYTHONPATH": str(hooks), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    if version != "now":
        git(ROOT, "worktree", "remove", "--force", str(tmp_path / version))
    assert done.stdout.strip() == proposal.apply(repository, made), done.stderr
