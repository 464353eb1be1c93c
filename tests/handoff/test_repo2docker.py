"""repo2docker, which builds for BinderHub, makes the image that CI makes, from the same Dockerfile."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from conftest import ROOT

pytestmark = pytest.mark.engine

IMAGE = "rig/handoff:repo2docker"


@pytest.fixture(scope="module")
def built(engine, smallest, build, tmp_path_factory) -> tuple[str, str]:
    """The image that CI makes of a repository, and the one that repo2docker makes as BinderHub calls it."""
    folder = tmp_path_factory.mktemp("github") / "ocean"
    shutil.copytree(smallest, folder)
    ours = build(folder)
    # As in https://github.com/jupyterhub/binderhub/blob/main/binderhub/build.py, but for a folder instead of
    # an address: to tell what kind of address it is, repo2docker asks sites that are not needed here.
    command = [
        sys.executable,
        "-m",
        "repo2docker",
        f"--image-name={IMAGE}",
        "--no-clean",
        "--no-run",
    ]
    command += ["--user-name=jovyan", "--user-id=1000", folder]
    # One of an earlier run would be taken as it is.
    subprocess.run(["docker", "image", "rm", "--force", IMAGE], env=engine.variables(), check=True)
    result = subprocess.run(command, env=engine.variables(), capture_output=True, text=True)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    return ours, IMAGE


def inspect(engine, image: str) -> dict:
    return json.loads(engine.check(["docker", "image", "inspect", image]))[0]


def steps(engine, image: str) -> str:
    """What each layer was made by, as the image tells; a build argument that a step takes stands there too."""
    form = "--format={{.CreatedBy}}"
    return "\n".join(
        line
        for line in engine.check(["docker", "history", "--no-trunc", form, image]).splitlines()
        if not line.startswith("LABEL repo2docker.")
    )


def test_it_is_the_same_image(built, engine):
    """The same steps, none of which takes what repo2docker passes as arguments, and the same settings."""
    ours, theirs = (steps(engine, image) for image in built)
    assert theirs == ours
    ours, theirs = (inspect(engine, image) for image in built)
    labels = theirs["Config"].pop("Labels")
    assert labels.items() >= ours["Config"].pop("Labels").items(), (
        "repo2docker adds labels of its own"
    )
    assert theirs["Config"] == ours["Config"]


def test_it_starts_as_a_hub_starts_it(built, run):
    result = run(built[1], "jupyterhub-singleuser", "--version")
    assert result.returncode == 0, result.stderr
    assert run(built[1], "id", "-u").stdout == "1000\n"


@pytest.mark.whole_matrix  # as ours does, in tests/contract, of the same steps
def test_it_passes_the_contract(built, engine, smallest):
    command = [sys.executable, "-m", "hub_image", "test", built[1]]
    environment = engine.variables() | {"PYTHONPATH": str(ROOT / "hooks")}
    result = subprocess.run(command, cwd=smallest, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
