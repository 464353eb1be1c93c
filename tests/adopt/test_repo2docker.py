"""What repo2docker gives a repository without being asked, as its own buildpacks say it."""

from __future__ import annotations

import pytest
from repo2docker.buildpacks import CondaBuildPack


@pytest.mark.world("repo2docker")
def test_what_scripts_and_r_get(tmp_path, monkeypatch):
    (tmp_path / "environment.yml").write_text("dependencies:\n- r-base=4.3\n")
    (tmp_path / "postBuild").write_text("#!/bin/bash\n")
    monkeypatch.chdir(tmp_path)
    pack = CondaBuildPack("docker.io/library/buildpack-deps:jammy")
    pack.platform = "linux/amd64"
    assert pack.detect()
    made = pack.render({})
    for variable in ("REPO_DIR", "NB_PYTHON_PREFIX", "CONDA_DIR"):
        assert f"\nENV {variable}" in made
    assert "rstudio-server" in made and "shiny-server" in made
    # The scripts run in the repository's own copy, which the user may write to.
    copied, owned, run = (
        made.index(line)
        for line in (
            "COPY --chown=1000:1000 src/ ${REPO_DIR}",
            "USER ${NB_USER}",
            "RUN ./postBuild",
        )
    )
    assert copied < run and owned < run and "WORKDIR ${REPO_DIR}" in made
