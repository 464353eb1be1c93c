"""Each base of the catalog with what people choose it for: languages, interfaces, lists, a lock, and a list edited over it.

tests.yml does this on the real bases, a step for each test; here the same is done on those that have a stand-in.
"""

from __future__ import annotations

import functools
import subprocess
import sys

import copier
import pytest
import yaml

from hub_image.lists import lock
from lists.test_locks import installed, versions
from rig import engine as rig
from rig import standins
from rig.engine import CATALOG

from .test_builds import ANSWERS, fill, kernels

pytestmark = [pytest.mark.engine, pytest.mark.whole_matrix]

BASES = [
    key
    for key, entry in CATALOG["bases"].items()
    if rig.is_provided() or standins.reference(entry) in standins.targets()
]
CONDA = [key for key in BASES if CATALOG["bases"][key]["family"] != "rocker"]


@pytest.fixture(scope="module", autouse=True)
def inside(engine):
    """`hub-image` talks to the same engine as the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in rig.environment().items():
            patch.setenv(name, value)
        if not engine.is_provided():
            standins.ensure(standins.reference(CATALOG["images"]["hub"]))
        yield


@pytest.fixture(scope="module")
def made(template, tmp_path_factory, build):
    """A repository on a base with all that it is for, and its image."""

    @functools.cache
    def make(key: str):
        entry = CATALOG["bases"][key]
        answers = {
            "base": key,
            "languages": entry["languages"],
            "interfaces": ["vscode", "desktop"] + ["rstudio"] * ("r" in entry["languages"]),
            "dask_gateway": True,
        }
        folder = tmp_path_factory.mktemp(key) / "ocean"
        copier.run_copy(str(template), folder, data=answers, defaults=True, quiet=True)
        fill(folder, CATALOG["families"][entry["family"]]["prefix"])
        return folder, build(folder, f"rig/bases:{key}")

    return make


@pytest.mark.parametrize("base", BASES)
def test_build(base, made, run):
    """One package in each list, and each kernel imports its own."""
    _, image = made(base)
    answers = kernels(run, image)
    assert answers.pop("python3").startswith("python /")
    languages = CATALOG["bases"][base]["languages"]
    assert sorted(answers.values()) == sorted(ANSWERS[language] for language in languages)


@pytest.mark.parametrize("base", BASES)
def test_contract(base, made):
    """With every interface and Dask Gateway."""
    folder, image = made(base)
    command = [sys.executable, "-m", "hub_image", "test", image, folder]
    done = subprocess.run(command, capture_output=True, text=True)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("base", BASES)
def test_a_lock_and_a_list_edited_over_it(base, made, build, run):
    """The second build has what the first had; then a package is dropped, one added and one made older."""
    folder, image = made(base)
    conda = (folder / "environment.yml").exists()
    wanted = folder / ("environment.yml" if conda else "requirements.txt")

    def write(*names: str) -> None:
        text = yaml.safe_dump({"channels": ["conda-forge"], "dependencies": list(names)})
        wanted.write_text(text if conda else "\n".join(names) + "\n")

    write("emcee", "plotly", "tabulate")
    settled = versions(installed(run, build(folder, f"rig/bases:{base}-listed")))
    lock.lock(folder, f"rig/bases:{base}-listed")
    assert versions(installed(run, build(folder, f"rig/bases:{base}-settled"))) == settled
    write("emcee", "tabulate<0.10", "seaborn")
    edited = build(folder, f"rig/bases:{base}-edited")
    found = versions(installed(run, edited))
    assert "seaborn" in found and found["emcee"] == settled["emcee"]
    assert run(edited, "python", "-c", "import tabulate, seaborn").returncode == 0
    there = run(edited, "python", "-c", "import plotly").returncode == 0
    assert there == ("plotly" in found), "what is dropped is gone altogether"


@pytest.mark.parametrize("base", CONDA)
def test_pip_on_conda(base, template, tmp_path, build, run):
    """requirements.txt in an image whose packages are conda's."""
    answers = {"base": base, "package_manager": "pip", "dask_gateway": True}
    folder = tmp_path / "ocean"
    copier.run_copy(str(template), folder, data=answers, defaults=True, quiet=True)
    (folder / "requirements.txt").write_text("emcee\n")
    image = build(folder, f"rig/bases:{base}-pip")
    oldest = CATALOG["packages"]["dask-gateway"]
    code = f"import emcee, dask_gateway as d; print(d.__version__ >= '{oldest}')"
    assert run(image, "python", "-c", code).stdout == "True\n"
