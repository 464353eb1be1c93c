"""weekly.yml's settle: when new locks are proposed, and how.

The locks are real in tests/lists/test_locks.py, and so is all of the workflow, by act, in test_image_workflow.py; here they
are written by the test. What stands in for GitHub: see test_update_workflow.py.
"""

from __future__ import annotations

import shutil
import subprocess
from types import SimpleNamespace

import pytest

from builds.prefix import HOST
from conftest import ROOT, git
from hub_image.ci import settle
from hub_image.lists import lock, security
from hub_image.tools import docker

from .hosting import run
from .test_update_workflow import NO_PULLS

PULLED = "ghcr.io/ocean/ice-core"
HEADER = "# For quay.io/jupyter/minimal-notebook:2026-07-28, Python 3.13, x86_64\n"
LOCK = "lock/pip-x86_64.txt"


@pytest.fixture
def image(hosted, monkeypatch):
    """A repository whose image is published, without a lock; `packages` is what its image has."""
    workflows = hosted.clone / ".github/workflows"
    shutil.copytree(ROOT / "template/.github/workflows", workflows)
    (hosted.clone / ".github/image.env").write_text(
        "REGISTRY=ghcr.io\nREGISTRY_OWNER=\nIMAGE_NAME=ice-core\n"
    )
    hosted.packages = [f"package{number}==1.0" for number in range(20)]
    hosted.digest = "sha256:0"

    def write(repository, image=f"{PULLED}:"):
        assert image.startswith(f"{PULLED}:")
        (repository / "lock").mkdir(exist_ok=True)
        (repository / LOCK).write_text(HEADER + "\n".join(hosted.packages) + "\n")

    hosted.write = write
    monkeypatch.setattr(lock, "lock", write)
    monkeypatch.setattr(docker, "pull", lambda image: None)
    hosted.newer = {}
    monkeypatch.setattr(security, "pending", lambda image: hosted.newer)
    published = SimpleNamespace(digest=lambda tag: hosted.digest)
    monkeypatch.setattr(settle, "Repository", lambda image: published)
    monkeypatch.setenv("GITHUB_SHA", hosted.owner_pushes())
    return hosted


def settled(image, monkeypatch) -> list[dict]:
    """What the workflow does; return the pull requests that there are."""
    assert run(image, monkeypatch, lambda here, _: settle.settle(here)) == 0
    return image.github.pulls()


def test_without_a_lock_there_is_one_pull_request_and_it_is_built(image, monkeypatch):
    for _ in range(2):  # the second run finds everything done
        (pull,) = settled(image, monkeypatch)
        assert image.github.started() == [["image.yml", "hub-image/settle"]]
    assert git(image.bare, "show", f"hub-image/settle:{LOCK}").startswith(HEADER)
    for words in ("20 of 20 packages", f"{LOCK}: new", "To undo it", "has passed its tests"):
        assert words in pull["body"], pull["body"]


def test_who_closes_it_is_asked_again_next_month(image, monkeypatch):
    (pull,) = settled(image, monkeypatch)
    image.github.close(pull["number"])
    assert len(settled(image, monkeypatch)) == 1
    (entry,) = image.github.state()["issues"]
    image.github.state(issues=[entry | {"title": "Settle the package versions of May"}])
    assert len(settled(image, monkeypatch)) == 2


@pytest.mark.parametrize(("new", "proposed"), [(2, False), (3, True)])
def test_a_tenth_of_the_packages_is_worth_it(new, proposed, image, monkeypatch):
    image.write(image.clone)
    image.owner_pushes()
    image.packages += [f"new{number}==1.0" for number in range(new)]
    assert bool(settled(image, monkeypatch)) == proposed
    summary = (image.folder / "summary.md").read_text()
    assert ("2 of 22 packages differ" in summary) != proposed


def test_another_base_is_always_worth_it(image, monkeypatch):
    image.write(image.clone)
    file = image.clone / LOCK
    file.write_text(file.read_text().replace("2026-07-28", "2026-01-01"))
    image.owner_pushes()
    (pull,) = settled(image, monkeypatch)
    assert f"{LOCK}: changed" in pull["body"]


def test_an_image_that_is_not_published_is_not_settled(image, monkeypatch):
    image.digest = None
    assert settled(image, monkeypatch) == []
    assert "not published" in (image.folder / "summary.md").read_text()


def test_where_actions_may_not_open_pull_requests_an_issue_says_what_to_do(image, monkeypatch):
    image.github.state(settings=NO_PULLS)
    assert settled(image, monkeypatch) == []
    assert "hub-image/settle" in image.branches()
    (issue,) = image.github.issues()
    assert "compare/main...hub-image/settle?expand=1" in issue["body"]


def test_a_checksum_of_another_kind_is_no_change(tmp_path):
    (tmp_path / "lock").mkdir()
    path = tmp_path / "lock/conda-x86_64.txt"
    found = []
    for checksum in ("", "#" + "0" * 32, "#" + "0" * 64):
        path.write_text(f"# For base\n@EXPLICIT\n{HOST}/noarch/x-1-0.conda{checksum}\n")
        found.append(settle.entries(tmp_path))
    assert found == [{f"{HOST}/noarch/x-1-0.conda"}] * 3


# In the form of `apt-get --simulate upgrade`: apt-pkg/algorithms.cc, pkgSimulate; archives as Debian and Ubuntu call theirs.
SIMULATED = """\
Reading package lists...
The following packages will be upgraded:
  libssl3t64 base-files openssl tzdata
Inst base-files [13.8+deb13u1] (13.8+deb13u2 Debian:13.2/stable [amd64])
Inst libssl3t64 [3.5.1-1] (3.5.1-1+deb13u1 Debian-Security:13/stable-security [amd64])
Inst openssl [3.0.13-0ubuntu3.4] (3.0.13-0ubuntu3.5 Ubuntu:24.04/noble-updates, Ubuntu:24.04/noble-security [amd64]) []
Inst new-package (1.0 Debian-Security:13/stable-security [amd64])
Inst -oAPT::x=y [1] (2 Debian-Security:13/stable-security [amd64])
Conf libssl3t64 (3.5.1-1+deb13u1 Debian-Security:13/stable-security [amd64])
"""


def test_what_apt_would_upgrade_for_security():
    assert security.parse(SIMULATED) == {
        "libssl3t64": "3.5.1-1+deb13u1",
        "openssl": "3.0.13-0ubuntu3.5",
    }


def test_newer_system_packages_come_by_themselves(image, monkeypatch):
    """Where the locks are as they were: a commit of its own, with the names that the build takes anew."""
    image.write(image.clone)
    image.owner_pushes()
    image.packages.append("one==1.0")  # too little to settle
    image.newer = {"openssl": "2"}
    (pull,) = settled(image, monkeypatch)
    assert (
        "1 of the system's packages" in pull["body"]
        and "Take newer system packages" in pull["title"]
    )
    changed = git(image.bare, "diff", "--name-only", "main", "hub-image/settle").split()
    assert changed == [security.FILE]
    assert git(image.bare, "show", f"hub-image/settle:{security.FILE}").endswith("\nopenssl 2\n")


def test_newer_system_packages_come_with_new_locks(image, monkeypatch):
    image.newer = {"openssl": "2"}
    (pull,) = settled(image, monkeypatch)
    assert "20 of 20 packages" in pull["body"] and "1 of the system's packages" in pull["body"]
    changed = git(image.bare, "diff", "--name-only", "main", "hub-image/settle").split()
    assert changed == [security.FILE, LOCK]


def test_what_was_named_stays_named_for_the_same_base(tmp_path):
    (tmp_path / ".github").mkdir()
    env = tmp_path / ".github/image.env"
    env.write_text("BASE_IMAGE=debian:1\n")
    assert security.write(tmp_path, {"a": "1", "b": "1"}) == "A"
    assert security.write(tmp_path, {"b": "2"}) == "M"
    assert security.read(tmp_path) == {"a": "1", "b": "2"}
    env.write_text("BASE_IMAGE=debian:2\n")
    assert security.read(tmp_path) == {}
    security.write(tmp_path, {"c": "1"})
    assert security.read(tmp_path) == {"c": "1"}


def test_the_build_takes_what_is_named_for_its_base_and_nothing_else(tmp_path):
    """The last step of the Dockerfile, with an apt-get that only says what it was asked for."""
    made = shutil.copytree(ROOT / "tests/golden/defaults", tmp_path / "ocean")
    text = (
        (made / "Dockerfile").read_text().partition("# Newer versions of the system's packages")[2]
    )
    step = text.partition("<<EOF\n")[2].partition("\nEOF\n")[0]
    (tmp_path / "apt-get").write_text('#!/bin/sh\necho "$@"\n')
    (tmp_path / "apt-get").chmod(0o755)

    def build() -> list[str]:
        line = ["bash", "-euo", "pipefail", "-c", step.replace("/mnt/", f"{made}/.github/build/")]
        environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
        done = subprocess.run(line, env=environment, check=True, capture_output=True, text=True)
        return done.stdout.splitlines()

    assert build() == []
    security.write(made, {"openssl": "2", "libssl3t64": "3"})
    install = "install --yes --no-install-recommends --only-upgrade -- libssl3t64 openssl"
    assert build() == ["update -qq", install, "clean"]
    env = made / ".github/image.env"
    env.write_text(env.read_text().replace("BASE_IMAGE=", "BASE_IMAGE=other/"))
    security.write(made, {"openssl": "2"})
    assert build() == [], "the base has changed since, or the file"
