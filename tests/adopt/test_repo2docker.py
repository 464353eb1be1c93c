"""What repo2docker gives a repository without being asked, as its own buildpacks say it."""

from __future__ import annotations

from pathlib import Path

import pytest
from repo2docker.app import Repo2Docker
from repo2docker.buildpacks import CondaBuildPack, RBuildPack, conda

from hub_image.adopt.repo2docker import UNSET


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


@pytest.mark.world("repo2docker")
def test_what_every_image_of_repo2docker_has():
    """The report names these, since a base of the catalog may lack them."""
    frozen = Path(conda.__file__).with_name("environment.yml").read_text()
    for name in ("nodejs", "jupyter-resource-usage", "jupyter-offlinenotebook"):
        assert f"\n  - {name}=" in frozen
    assert Repo2Docker.base_image.default_value.startswith("docker.io/library/buildpack-deps:")


@pytest.mark.world("repo2docker")
def test_variables_that_scripts_find(tmp_path, monkeypatch):
    """Those that the new image does not have are named with the line that uses them."""
    (tmp_path / "environment.yml").write_text("dependencies:\n- r-base=4.3\n")
    (tmp_path / "runtime.txt").write_text("r-4.3-2024-01-01\n")
    monkeypatch.chdir(tmp_path)
    found = set()
    for pack in (CondaBuildPack, RBuildPack):
        made = pack("docker.io/library/buildpack-deps:jammy")
        made.platform = "linux/amd64"
        found |= {name for name, _ in made.get_build_env() + made.get_env()}
    assert found >= UNSET
    # Those that the images have too, or that only repo2docker's own steps use.
    others = found - UNSET - {"NB_PYTHON_PREFIX", "CONDA_DIR", "DEFAULT_KERNEL_NAME"}
    assert others <= {name for name in others if name.startswith(("R_", "RSTUDIO_", "SHINY_"))} | {
        "CONDA_PLATFORM",
        "LD_LIBRARY_PATH",
        "PYTHONUNBUFFERED",
    }
