"""`hub-image adopt` as a command: what it refuses, what it leaves alone, and what comes after it."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys

import copier
import pytest

from conftest import files, git
from hub_image import adopt as module

from .conftest import CASES, adopt, run, state, write

CASE = CASES["rocker-child"]


@pytest.fixture
def old(tmp_path):
    return write(tmp_path / "old-image", CASE)


def commit(folder):
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "work")


def untracked(folder):
    (folder / "notes.txt").write_text("not saved\n")


def edited(folder):
    (folder / "install.R").write_text("changed\n")


def adopted_before(folder):
    git(folder, "branch", module.BRANCH)


def made_from_a_template(folder):
    (folder / ".copier-answers.yml").write_text("_src_path: gh:some/template\n")
    commit(folder)


def no_git(folder):
    shutil.rmtree(folder / ".git")


def no_commit(folder):
    shutil.rmtree(folder / ".git")
    git(folder, "init", "--quiet")


def an_ignored_file_in_the_way(folder):
    (folder / ".gitignore").write_text("GUIDE.md\n")
    commit(folder)
    (folder / "GUIDE.md").write_text("mine\n")


@pytest.mark.parametrize(
    ("prepare", "says"),
    [
        (untracked, "commit them"),
        (edited, "commit them"),
        (adopted_before, "merge it, or remove it"),
        (made_from_a_template, "already made from gh:some/template: run `copier update`"),
        (no_git, "run `git init`"),
        (no_commit, "run `git init`"),
        (an_ignored_file_in_the_way, "GUIDE.md would be replaced: move it away"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_refuses_in_one_sentence_and_changes_nothing(prepare, says, old, released):
    prepare(old)
    has_git = (old / ".git").exists()
    before = state(old) if has_git else files(old)
    sentence = adopt(old, released, code=2).strip().splitlines()[-1]
    assert says in sentence
    assert sentence.startswith("hub-image: ") and sentence.count(". ") == 0
    assert (state(old) if has_git else files(old)) == before


MATRIX = """on: push
jobs:
  build:
    strategy:
      matrix:
        image: [tides, waves]
    steps:
      - uses: docker/build-push-action@v6
        with:
          context: images/${{ matrix.image }}
"""
CALLS = """on: push
jobs:
  tides:
    uses: ./.github/workflows/build.yml
    with: {path: images/tides}
  waves:
    uses: ./.github/workflows/build.yml
    with: {path: images/waves}
"""
CALLED = """on:
  workflow_call: {inputs: {path: {type: string}}}
jobs:
  build:
    steps:
      - run: docker build --tag x --file ${{ inputs.path }}/Dockerfile .
"""
FILES = """on: push
jobs:
  build:
    steps:
      - uses: docker/build-push-action@v6
        with: {file: gpu.Dockerfile}
      - uses: docker/build-push-action@v6
"""
ACTION = """runs:
  using: composite
  steps:
    - uses: docker/build-push-action@v6
      with:
        push: true
        tags: registry.example.org/bay/${{ inputs.class }}:1,registry.example.org/bay/${{ inputs.class }}:new
        build-args: CLASS=${{ inputs.class }}
"""
COURSE = """on: push
jobs:
  build:
    steps:
      - run: |
          COURSE={0} docker compose build
          docker push registry.example.org/school/{0}:${{GITHUB_REF##*/}}
"""
CLASSES = """on: push
jobs:
  build:
    strategy:
      matrix:
        class: [algae, birds]
    steps:
      - uses: ./.github/actions/make
        with: {class: "${{ matrix.class }}"}
"""
ROOT = {"Dockerfile": "FROM quay.io/jupyter/scipy-notebook:2025-11-10\n"}
TWO = {
    "images/tides/Dockerfile": "FROM quay.io/jupyter/scipy-notebook:2025-11-10\nCOPY a /etc/a\n",
    "images/tides/a": "1\n",
    "images/waves/Dockerfile": "FROM quay.io/jupyter/r-notebook:2025-11-10\n",
}
FLOWS = ".github/workflows"


@pytest.mark.parametrize(
    ("contents", "says"),
    [
        (TWO, "builds 2 images (images/tides, images/waves)"),
        (TWO | {f"{FLOWS}/a.yml": MATRIX}, "`hub-image adopt --image-folder images/tides"),
        (ROOT | TWO | {f"{FLOWS}/a.yml": MATRIX}, "builds 2 images (images/tides, images/waves)"),
        (ROOT | TWO | {f"{FLOWS}/a.yml": CALLS, f"{FLOWS}/build.yml": CALLED}, "images/waves)"),
        (ROOT | {"gpu.Dockerfile": "FROM a:1.2.3\n", f"{FLOWS}/a.yml": FILES}, "(the root, gpu.Dockerfile)"),
        ({"docker/Dockerfile": "FROM a:1.2.3\n"}, "builds its image from docker and not from the root"),
        ({"README.md": "# Nothing\n"}, "builds no image that could be adopted"),
        ({"setup.py": "", "index.ipynb": "{}\n"}, "only setup.py, which no image reads: write what it needs into requirements.txt"),
        ({"cpu.Dockerfile": "", "gpu.Dockerfile": "", "environment.yml": ""}, "builds 2 images (cpu.Dockerfile, gpu.Dockerfile)"),
        ({"hub.Dockerfile": "", "requirements.txt": ""}, "if from that file, call it Dockerfile, commit that, and adopt again; otherwise"),
        ({"docker/Dockerfile": "", "requirements.txt": "mkdocs\n"}, "--image-folder docker"),
        (ROOT | {f"{FLOWS}/a.yml": CLASSES, ".github/actions/make/action.yml": ACTION}, "builds 2 images (algae, birds) from one Dockerfile with other arguments for each"),
        (ROOT | {f"{FLOWS}/{n}{tag}.yml": COURSE.format(n) for n in "abc" for tag in ("", "-tag")}, "builds 3 images (a, b, c) from one"),
        ({"image/Dockerfile": "", "image/Dockerfile.gpu": ""}, "builds 2 images (image/Dockerfile, image/Dockerfile.gpu)"),
    ],
    ids=["folders", "matrix", "root-beside-matrix", "called", "files", "one-folder", "none", "setup", "named", "one-named", "list-beside", "arguments", "courses", "together"],
)  # fmt: skip
def test_a_repository_of_several_images_is_refused(contents, says, tmp_path, released):
    folder = write(tmp_path / "many", {"files": contents})
    before = state(folder)
    sentence = adopt(folder, released, code=2).strip()
    assert says in sentence and sentence.startswith("hub-image: ")
    assert sentence.count("\n") == 0
    assert state(folder) == before


def test_one_of_several_images_becomes_a_repository_of_its_own(tmp_path, released):
    """With its folder's history alone; the old repository stays as it is, and a dry run makes nothing."""
    folder = write(tmp_path / "many", {"files": TWO, "origin": "https://github.com/sea/many.git"})
    (folder / "images/waves/b").write_text("1\n")
    commit(folder)
    before = state(folder)
    said = adopt(folder, released, "--image-folder=images/tides", "--dry-run")
    assert not (tmp_path / "tides").exists()
    assert "image_name: tides" in said and "github_owner: sea" in said
    assert "`COPY a /etc/a` to postBuildRoot" in said
    adopt(folder, released, "--image-folder=images/tides")
    assert state(folder) == before
    assert git(tmp_path / "tides", "log", "--format=%s").split("\n")[:2] == [
        "Adopt hub-image-template",
        "As it was",
    ]
    assert (tmp_path / "tides/postBuildRoot").exists()
    again = adopt(folder, released, "--image-folder=images/tides", code=2)
    assert "is there already" in again
    assert "name a folder" in adopt(folder, released, "--image-folder=../x", code=2)


def test_where_one_of_several_images_is_published(tmp_path, released):
    """The workflow stays in the old repository, and says it."""
    flow = """on: push
jobs:
  build:
    strategy: {matrix: {image: [tides, waves]}}
    steps:
      - uses: docker/build-push-action@v6
        with: {context: "images/${{ matrix.image }}", push: true, tags: "quay.io/sea/${{ matrix.image }}:1"}
"""
    only = flow.replace("[tides, waves]", "[tides]")
    for name, text in (("one", only), ("both", flow)):
        contents = TWO | {f"{FLOWS}/images.yml": text}
        folder = write(
            tmp_path / name, {"files": contents, "origin": "https://github.com/sea/many.git"}
        )
        said = adopt(folder, released, "--image-folder=images/tides", "--dry-run")
        assert f"{name}/{FLOWS}/images.yml: it builds the image in the old repository" in said
        if name == "one":
            assert "registry: quay.io" in said and "image_name: tides" in said
        else:
            assert "more than one address may be meant here: `quay.io/sea/tides`" in said


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--data=langauges=r"], "langauges: there is no such question; there are image_name, "),
        (["--data=base"], "write QUESTION=ANSWER"),
        (["--data=registry=https://quay.io"], "the registry's host name"),
        (["--template=/nowhere/at/all"], "with --data, --template or --vcs-ref"),
        (["--vcs-ref=v99"], "Unknown revision"),
        (["--template=https://127.0.0.1:9/none.git"], "name another with --template"),
    ],
    ids=str,
)
def test_bad_options_end_in_a_sentence_and_change_nothing(options, says, old, released):
    before = state(old)
    said = adopt(old, released, *options, code=2)
    assert says in said.strip().splitlines()[-1]
    assert "Traceback" not in said
    assert state(old) == before


def test_a_folder_inside_of_a_repository_is_not_meant(old, released):
    (old / "sub").mkdir()
    assert "is inside of the repository" in adopt(old / "sub", released, code=2)


def test_without_copier_it_says_what_to_install(old, released, monkeypatch):
    monkeypatch.setitem(sys.modules, "copier", None)
    before = state(old)
    assert "run `pip install copier`" in adopt(old, released, code=2)
    assert state(old) == before


def test_dry_run_says_the_same_and_changes_nothing(old, released, adopted):
    before, folder_before = state(old), sorted((old / ".git").rglob("*"))
    dry = adopt(old, released, "--dry-run").partition("Nothing has changed")
    assert dry[1]
    assert state(old) == before
    assert sorted((old / ".git").rglob("*")) == folder_before
    assert adopted("rocker-child").output.startswith(dry[0])


def test_answers_are_confirmed_and_those_of_the_owner_win(old, released, monkeypatch):
    before = state(old)
    command = ["adopt", str(old), f"--template={released}", "--data=image_name=woods"]
    for answer in (io.StringIO("y\n"), Terminal("n\n")):
        monkeypatch.setattr(sys, "stdin", answer)
        code, said = run(*command)
        assert code == 2 and "image_name: woods  (--data)" in said
        assert state(old) == before
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    assert run(*command)[0] == 0
    assert "IMAGE_NAME=woods\n" in (old / ".github/image.env").read_text()


class Terminal(io.StringIO):
    """A stand-in for a terminal at which somebody types; that it is a real one stays unproven."""

    def isatty(self):
        return True


def test_from_a_commit_without_a_branch_there_and_back(old, released):
    git(old, "checkout", "--quiet", "--detach")
    before = state(old)
    undo = adopt(old, released).strip().splitlines()[-1]
    after = state(old)
    again = adopt(old, released, code=2)
    assert "run `copier update`" in again and again.count("\n") == 1
    assert state(old) == after
    subprocess.run(["bash", "-ec", undo], cwd=old, check=True, capture_output=True)
    assert state(old) == before


def test_copier_update_accepts_what_was_adopted(released, tmp_path):
    """The next release arrives without a conflict, and changes nothing of the owner's."""
    case = CASES["docker-stacks-child"]
    template = shutil.copytree(released, tmp_path / "template")
    folder = write(tmp_path / "old-image", case)
    adopt(folder, template)
    for path in ("Dockerfile.jinja", "GUIDE.md.jinja", ".gitignore.jinja"):
        with (template / "template" / path).open("a") as file:
            file.write("# v2\n")
    commit(template)
    git(template, "tag", "v2.0.0")
    copier.run_update(folder, defaults=True, overwrite=True, quiet=True)
    assert git(folder, "ls-files", "--unmerged") == ""
    changed = git(folder, "diff", "--name-only", "HEAD").split()
    pinned = {".copier-answers.yml", ".pre-commit-config.yaml", ".github/image.env"}
    assert set(changed) == {"Dockerfile", "GUIDE.md", ".gitignore"} | pinned
    own = set(case["files"][".gitignore"].splitlines())
    assert own | {"# v2"} <= set((folder / ".gitignore").read_text().splitlines())


def test_nothing_is_read_or_written_through_links_that_leave(old, released, tmp_path):
    """A link to a file of the system would bring that file's text into a commit, or be written through."""
    outside = tmp_path / "outside"
    outside.mkdir()
    for name in ("secret", "guide"):
        (outside / name).write_text(
            f"# ours alone: {name}\nFROM quay.io/jupyter/r-notebook:{name}\n"
        )
    before = {path.name: path.read_text() for path in outside.iterdir()}
    for place in ("README.md", "Dockerfile", "environment.yml", ".github/workflows/build.yml"):
        (old / place).unlink(missing_ok=True)
        (old / place).parent.mkdir(parents=True, exist_ok=True)
        (old / place).symlink_to(outside / "secret")
    (old / "GUIDE.md").symlink_to(outside / "guide")
    (old / "requirements.txt").write_text("xarray\n")
    commit(old)
    said = adopt(old, released)
    for place in (
        "README.md",
        "Dockerfile",
        "environment.yml",
        "GUIDE.md",
        ".github/workflows/build.yml",
    ):
        assert f"{place}: it is a link to {outside}" in said
    assert {path.name: path.read_text() for path in outside.iterdir()} == before
    assert "ours alone" not in said + git(old, "log", "-p", "--all")
    assert (old / "GUIDE.md").is_file() and not (old / "GUIDE.md").is_symlink()


def test_a_folder_that_is_a_link_is_not_written_through(old, released, tmp_path):
    (tmp_path / "outside").mkdir()
    (old / ".git/info").mkdir(exist_ok=True)
    (old / ".git/info/exclude").write_text("hub\n")
    (old / "hub").symlink_to(tmp_path / "outside")
    said = adopt(old, released, code=2)
    assert (
        said.splitlines()[-1] == f"hub-image: {old / 'hub'} would be replaced: move it away first."
    )
    assert not list((tmp_path / "outside").iterdir()) and (old / "hub").is_symlink()
