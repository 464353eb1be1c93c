"""Links that leave the repository: whoever wrote one has every file of the machine that adopts it in mind."""

from __future__ import annotations

import re

import pytest

from conftest import git
from hub_image import adopt as module
from hub_image.__main__ import main


@pytest.fixture
def linked(tmp_path):
    """An old repository whose files are links to what is not its own."""
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "file").write_text(
        "FROM quay.io/jupyter/base-notebook:2026-07-28\nRUN echo hunter2\n"
    )
    folder = tmp_path / "old"
    folder.mkdir()
    (folder / "environment.yml").write_text("channels: [conda-forge]\ndependencies: [numpy]\n")
    (folder / "Dockerfile").symlink_to(secret / "file")
    (folder / "GUIDE.md").symlink_to(secret / "file")
    (folder / "notes").symlink_to("../secret")
    (folder / "hub").symlink_to(secret)
    (folder / "inside.yml").symlink_to("environment.yml")
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "Links")
    return folder


def test_adoption_goes_through_no_link_that_leaves(linked, tmp_path, released):
    before = {path.name: path.read_bytes() for path in (tmp_path / "secret").iterdir()}
    line = ["adopt", str(linked), "--yes", "--template", str(released)]
    assert main(line) == 0
    assert {path.name: path.read_bytes() for path in (tmp_path / "secret").iterdir()} == before
    whole = git(linked, "log", "-1", "--patch", module.BRANCH)
    assert "hunter2" not in whole
    message = git(linked, "log", "-1", "--format=%B", module.BRANCH)
    for path in ("Dockerfile", "GUIDE.md", "notes", "hub"):
        assert re.search(
            rf"^ *(before-adoption/)?{path}: it is a link to .*, and nothing was read or written through it",
            message,
            re.M,
        )
    listed = git(linked, "ls-tree", "-r", module.BRANCH)
    assert re.search(r"^120000 .*\tnotes$", listed, re.M), "as it was"
    assert re.search(r"^100644 .*\thub/profile.yaml$", listed, re.M)
    assert re.search(r"^100644 .*\tDockerfile$", listed, re.M)
