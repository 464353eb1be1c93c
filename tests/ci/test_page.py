"""The page in its branch: what `hub-image page --publish` does to a repository as GitHub holds it.

Real: git, with a bare repository. The registry is the stand-in of standins/, GitHub's API that of tests/github/, and Docker
is asked nothing: what is in an image is in tests/page/. Unproven stays what only GitHub does: that its Pages publish the
branch when they are asked to, and what its rules for branches say when they refuse a push.
"""

from __future__ import annotations

import json
import threading
from dataclasses import asdict
from pathlib import Path

import pytest

from conftest import git
from hub_image.__main__ import main
from hub_image.ci import page
from hub_image.lists import installed
from hub_image.page import facts
from hub_image.tools import docker

from .hosting import NAME, OWNER
from .standins import registry as standin
from .standins.registry import Content, digest_of

KIND = "application/vnd.oci.image.manifest.v1+json"
BRANCH = "image-page"
FILES = {".nojekyll", "README.md", "index.html", "packages.json"}
HUB = facts.Proof("5.4.0", 34, ("C5 small enough",), "ready after 2.1 s")
OTHER = facts.Proof("5.4.0", 34, (), "ready after 2.2 s")


class Images:
    """The images of the repository, one for each commit, and the job *page* of each."""

    def __init__(self, hosted, server, monkeypatch) -> None:
        self.hosted, self.monkeypatch = hosted, monkeypatch
        self.content = server.content[f"{OWNER}/{NAME}"] = Content(public=True)
        self.name = f"127.0.0.1:{server.server_port}/{OWNER}/{NAME}"
        self.packages, self.created = {}, {}
        monkeypatch.setattr(docker, "inspect", lambda name: {"Created": self.created[name]})
        monkeypatch.setattr(installed, "packages", lambda name: self.packages[name])
        answers = (
            f"REGISTRY=127.0.0.1:{server.server_port}\nIMAGE_NAME={NAME}\nBASE_FAMILY=scratch\n"
        )
        (hosted.clone / ".github").mkdir(parents=True)
        (hosted.clone / ".github/image.env").write_text(answers)

    def publish(self, packages: dict[str, str], *more: str) -> str:
        """Somebody pushes a commit, and its image is published, also under the tags `more`; return the commit."""
        commit = self.hosted.owner_pushes()
        when = f"2026-11-03T10:00:0{len(self.created)}.5Z"
        about = json.dumps({"config": {}, "created": when}).encode()
        self.content.blobs[digest_of(about)] = about
        layers = [{"digest": "sha256:00", "size": 1_100_000_000}]
        image = json.dumps({"config": {"digest": digest_of(about), "size": 1}, "layers": layers})
        for tag in (commit[:12], *more):
            self.content.put(KIND, image.encode(), tag)
        digest = self.name + "@" + self.content.tags[commit[:12]]
        self.packages[digest] = {("conda", name): version for name, version in packages.items()}
        self.created[digest] = when
        return commit

    def checkout(self, commit: str):
        """What the job of a commit checks out: all that GitHub has now."""
        folder = self.hosted.checkout()
        git(folder, "checkout", "--quiet", "--detach", commit)
        return folder

    def job(self, commit: str, proof: facts.Proof | None = HUB, folder=None) -> int:
        """Let the job of a commit run; return its exit code."""
        told = self.hosted.variables("image.yml", "push") | {
            "GITHUB_SHA": commit,
            "PUBLISHED": json.dumps(
                {
                    "digest": self.content.tags[commit[:12]],
                    "page": json.dumps(asdict(proof) if proof else {}),
                }
            ),
        }
        for name, value in told.items():
            self.monkeypatch.setenv(name, value)
        self.monkeypatch.chdir(folder or self.checkout(commit))
        self.hosted.github.act_as("image.yml", "Page of the image")
        return main(["page", "--publish"])

    def commits(self) -> list[str]:
        """The commits of the branch, oldest first."""
        if BRANCH not in self.hosted.branches():
            return []
        return git(self.hosted.bare, "rev-list", "--reverse", BRANCH).split()

    def show(self, file: str, commit: str = BRANCH) -> str:
        return git(self.hosted.bare, "show", f"{commit}:{file}")

    def about(self) -> str:
        """The commit that the page is about, in short."""
        return json.loads(self.show("packages.json"))["reference"].rpartition(":")[2]

    def person(self, *change: str, **files: str) -> None:
        """Somebody changes files of the branch, or does something else there."""
        folder = self.hosted.checkout(BRANCH)
        for name, text in files.items():
            (folder / name).write_text(text)
        for command in change:
            git(folder, *command.split())
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "--allow-empty", "--message", "mine")
        git(folder, "push", "--quiet", "origin", BRANCH)


@pytest.fixture
def images(hosted, monkeypatch):
    server = standin.Registry("ghcr.io")
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield Images(hosted, server, monkeypatch)
    server.shutdown()
    server.server_close()


def test_each_image_is_a_commit_on_top_of_the_one_before(images, capsys):
    one = images.publish({"xarray": "2025.1"})
    assert images.job(one) == 0
    [first] = images.commits()
    assert set(git(images.hosted.bare, "ls-tree", "--name-only", BRANCH).split()) == FILES
    assert "There is no earlier image" in images.show("README.md")
    assert f"https://github.com/{OWNER}/{NAME}/tree/{BRANCH}" in capsys.readouterr().out
    two = images.publish({"xarray": "2026.1", "gone?": "1"}, "2026.11.3")
    assert images.job(two) == 0
    assert images.commits()[0] == first and len(images.commits()) == 2
    text = images.show("README.md")
    assert f"1 package added, 0 removed, 1 changed since {images.name}:{one[:12]}." in text
    assert "| xarray | conda | 2025.1 | 2026.1 |" in text
    who = git(images.hosted.bare, "log", "--format=%an %cn %s", BRANCH).splitlines()
    bot = "github-actions[bot]"
    assert who == [f"{bot} {bot} {two[:12]}", f"{bot} {bot} {one[:12]}"]
    assert images.hosted.branches()["main"] == two
    summary = (images.hosted.folder / "summary.md").read_text()
    assert f"(https://github.com/{OWNER}/{NAME}/tree/{BRANCH})" in summary


def test_any_older_image_is_compared_with_the_newest_on_githubs_own_page(images):
    made = [images.publish({"xarray": str(number)}) for number in range(2)]
    made.append(images.publish({"xarray": "2"}, "2026.11.5"))
    made.append(images.publish({"xarray": "3"}))
    for commit in (made[0], made[2], made[3]):  # the page of one was never made
        assert images.job(commit) == 0
    first, third, _ = images.commits()
    older = {
        entry["tag"]: entry["page"] for entry in json.loads(images.show("packages.json"))["older"]
    }
    names = [commit[:12] for commit in made]
    assert older == {names[0]: first, names[1]: "", names[2]: third, "2026.11.5": third}
    for file in ("README.md", "index.html"):
        text = images.show(file)
        for sha, times in ((first, 1), (third, 2)):
            address = f"https://github.com/{OWNER}/{NAME}/compare/{sha}...{BRANCH}"
            assert text.count(address) == times
    changed = git(images.hosted.bare, "diff", f"{first}...{BRANCH}", "--", "packages.json")
    assert '-  {"manager": "conda", "name": "xarray", "version": "0"}' in changed
    assert '+  {"manager": "conda", "name": "xarray", "version": "3"}' in changed


def test_the_registry_is_asked_about_a_tag_once(images, monkeypatch):
    """Docker Hub counts each look at an image."""
    asked = []
    by_age = facts.tags.by_age
    monkeypatch.setattr(
        facts.tags, "by_age", lambda where, tags: asked.append(sorted(tags)) or by_age(where, tags)
    )
    made = [images.publish({"xarray": str(number)}) for number in range(2)]
    assert images.job(made[1]) == 0
    made.append(images.publish({"xarray": "2"}, "2026.11.5"))
    made.append(images.publish({"xarray": "3"}))
    assert images.job(made[3]) == 0
    assert asked == [[made[0][:12]], sorted([made[2][:12], "2026.11.5"])]
    images.content.tags.pop(made[0][:12])
    assert images.job(images.publish({"xarray": "4"})) == 0
    assert asked[2:] == [[]]
    assert made[0][:12] not in images.show("README.md"), "it is gone"


@pytest.mark.parametrize("event", [{"private": True}, {"private": False}], ids=str)
def test_binder_is_offered_where_it_can_read_the_repository(event, images):
    told = images.hosted.variables

    def variables(*arguments):
        found = told(*arguments)
        file = Path(found["GITHUB_EVENT_PATH"])
        happened = json.loads(file.read_text())
        happened["repository"] |= event
        file.write_text(json.dumps(happened))
        return found

    images.monkeypatch.setattr(images.hosted, "variables", variables)
    assert images.job(images.publish({"xarray": "1"})) == 0
    assert ("mybinder.org" in images.show("README.md")) != event["private"]


def test_how_it_was_proved_stands_there(images):
    commit = images.publish({"xarray": "1"})
    assert images.job(commit) == 0
    for file in ("README.md", "index.html"):
        text = images.show(file)
        assert "34 checks passed" in text and "with JupyterHub 5.4.0." in text
        assert "A server was ready after 2.1 s, on a machine that had the image already." in text
        assert "1 only warned: C5 small enough." in text
    assert images.job(images.publish({"xarray": "2"}), None) == 0
    for file in ("README.md", "index.html"):
        assert "JupyterHub 5" not in images.show(file) and "warned" not in images.show(file)


def test_the_same_image_again_is_a_quiet_success(images, capsys):
    """A server took a little longer this time, which is no news."""
    commit = images.publish({"xarray": "1"})
    assert images.job(commit) == 0
    before = images.commits()
    capsys.readouterr()
    assert images.job(commit, OTHER) == 0
    assert images.commits() == before
    said = capsys.readouterr().out
    assert f"{BRANCH} says so already" in said and "warning" not in said


def test_an_older_image_that_is_late_leaves_the_page_of_a_newer_one(images, capsys):
    one = images.publish({"xarray": "1"})
    early = images.checkout(one)  # which does not know the next commit
    two = images.publish({"xarray": "2"})
    assert images.job(two) == 0
    before = images.commits()
    assert images.job(one, folder=early) == 0
    assert images.commits() == before and images.about() == two[:12]
    assert f"{images.name}:{two[:12]}, which is newer, so it stays" in capsys.readouterr().out


def test_a_commit_that_was_taken_back_is_not_newer(images):
    """As after a push with force, which leaves main at an earlier commit."""
    one = images.publish({"xarray": "1"})
    two = images.publish({"xarray": "2"})
    assert images.job(two) == 0
    git(images.hosted.clone, "reset", "--quiet", "--hard", one)
    images.hosted.owner_pushes()
    git(images.hosted.bare, "update-ref", "refs/heads/main", one)
    assert images.job(one) == 0
    assert images.about() == one[:12] and len(images.commits()) == 2


@pytest.mark.parametrize("first", [True, False], ids=["the first two", "later"])
@pytest.mark.parametrize("newer", [True, False])
def test_two_at_once(first, newer, images, monkeypatch, capsys):
    """The other run pushes while this one asks its image: what it said is read before this one says more."""
    if not first:
        assert images.job(images.publish({"xarray": "0"})) == 0
    one, two = images.publish({"xarray": "1"}), images.publish({"xarray": "2"})
    mine, other = (one, two) if newer else (two, one)
    start = len(images.commits())
    gather, ran = facts.gather, []

    def late(*arguments, **more):
        found = gather(*arguments, **more)
        if not ran:
            ran.append(True)
            assert images.job(other) == 0
        return found

    monkeypatch.setattr(facts, "gather", late)
    assert images.job(mine) == 0
    assert images.about() == two[:12]
    assert len(images.commits()) == start + (1 if newer else 2)
    if not newer:
        assert f"changed since {images.name}:{one[:12]}." in images.show("README.md")
    assert "warning" not in capsys.readouterr().out


def test_who_is_never_quick_enough_says_so(images, monkeypatch, capsys):
    assert images.job(images.publish({"xarray": "1"})) == 0
    gather = facts.gather

    def late(*arguments, **more):
        images.person()
        return gather(*arguments, **more)

    monkeypatch.setattr(facts, "gather", late)
    assert images.job(images.publish({"xarray": "2"})) == 2
    assert f"Other runs wrote into {BRANCH} again and again" in capsys.readouterr().err
    assert len(images.commits()) == 1 + page.TRIES


def test_what_somebody_changed_stays(images, capsys):
    assert images.job(images.publish({"xarray": "1"})) == 0
    images.person(**{"README.md": "# Mine\n"})
    before = images.commits()
    commit = images.publish({"xarray": "2"})
    assert images.job(commit) == 0
    assert images.commits() == before
    said = capsys.readouterr().out
    assert f"warning: Somebody has changed README.md in the branch {BRANCH}" in said
    assert "delete the branch, and run this job again. The image is published all the same." in said
    git(images.hosted.bare, "branch", "--quiet", "-D", BRANCH)
    assert images.job(commit) == 0
    assert len(images.commits()) == 1 and images.about() == commit[:12]


def test_what_somebody_added_stays(images):
    """As GitHub does it itself for a domain: https://docs.github.com/en/pages/configuring-a-custom-domain-for-your-github-pages-site"""
    assert images.job(images.publish({"xarray": "1"})) == 0
    images.person(CNAME="image.example.org\n")
    two = images.publish({"xarray": "2"})
    assert images.job(two) == 0
    assert images.about() == two[:12] and images.show("CNAME") == "image.example.org\n"
    assert len(images.commits()) == 3


@pytest.mark.parametrize("whose", ["a person's", "of a later release"])
def test_a_branch_with_something_else_stays(whose, images, capsys):
    commit = images.publish({"xarray": "1"})
    if whose == "a person's":
        git(images.hosted.bare, "branch", "--quiet", BRANCH, "main")
        told = "holds something else than the page of the image, so it stays as it is: give that"
    else:
        environment = page.github.BOT
        folder = images.checkout("main")
        (folder / "packages.json").write_text('{"reference": "a:b", "kernels": []}')
        git(folder, "add", "--all")
        page.git(folder, "commit", "--quiet", "--message", "x", environment=environment)
        git(folder, "push", "--quiet", "origin", f"HEAD:refs/heads/{BRANCH}")
        told = f"This version of hub-image cannot read packages.json in the branch {BRANCH}"
    before = images.commits()
    assert images.job(commit) == 0
    assert images.commits() == before and told in capsys.readouterr().out


def test_a_rule_that_forbids_the_branch_is_one_sentence(images, capsys):
    git(images.hosted.bare, "config", "standin.protected", f"refs/heads/{BRANCH}")
    assert images.job(images.publish({"xarray": "1"})) == 0
    assert images.commits() == []
    [said] = [line for line in capsys.readouterr().out.splitlines() if "warning:" in line]
    assert (
        f"leave that branch out of the rule on https://github.com/{OWNER}/{NAME}/settings/rules"
        in said
    )
    assert (
        "a variable PAGE with the value `no`" in said and "protected branch hook declined" in said
    )


@pytest.mark.world("pages-are-asked-for")
@pytest.mark.parametrize(
    ("source", "is_built"),
    [
        (None, False),
        ({"branch": BRANCH, "path": "/"}, True),
        ({"branch": "main", "path": "/docs"}, False),
    ],
    ids=["off", "this branch", "another"],
)
def test_github_pages_are_asked_to_publish_what_is_theirs(source, is_built, images, capsys):
    images.hosted.github.state(site={"source": source} if source else {})
    commit = images.publish({"xarray": "1"})
    assert images.job(commit) == 0
    said = capsys.readouterr().out
    assert images.hosted.github.state()["site"].get("builds", []) == images.commits() * is_built
    address = f"https://{OWNER}.github.io/{NAME}/"
    assert (address in said) == is_built and "warning" not in said
    assert (
        f"[Find a package by typing]({address}#what-is-in-it)" in images.show("README.md")
    ) == is_built
    assert images.job(commit) == 0
    assert len(images.hosted.github.state()["site"].get("builds", [])) == is_built, "no news"


@pytest.mark.parametrize("asked", ["GET", "POST"])
def test_github_pages_that_refuse_are_a_warning(asked, images, capsys):
    images.hosted.github.state(site={"source": {"branch": BRANCH, "path": "/"}})
    images.hosted.github.fail(f"{asked} .*/pages", 403, message="Resource not accessible")
    assert images.job(images.publish({"xarray": "1"})) == 0
    said = capsys.readouterr().out
    assert "Resource not accessible" in said and f"{BRANCH} has the page" in said
    assert len(images.commits()) == 1


def test_outside_of_a_job_it_says_so(images, monkeypatch, capsys):
    assert main(["page", "--publish"]) == 2
    assert "This is a step of GitHub Actions, which sets PUBLISHED" in capsys.readouterr().err
