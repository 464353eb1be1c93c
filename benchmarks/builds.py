"""Builds and starts, against the usual way to make an image: copy the list, install it in one step."""

from __future__ import annotations

import atexit
import functools
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

import copier
import yaml
from tests.rig import engine, images

from hub_image.lists import installed, lock

from . import turns
from .turns import ROOT, Row

BASE = "jupyter-minimal"
PACKAGES = ["scipy", "matplotlib", "scikit-learn", "xarray", "seaborn", "statsmodels", "netcdf4"]
MODULES = "scipy.optimize, matplotlib.pyplot, sklearn.linear_model, xarray, seaborn, statsmodels.api, netCDF4"
# One more for each turn, so that none is built already; small, so that what else is built shows.
MORE = ["tabulate", "xxhash", "toolz", "lmfit", "geopy"]
USUAL = {
    # The stand-in for the base has no pip, the real one has.
    "pip": "RUN command -v pip || mamba install -y -p /opt/conda pip\nCOPY requirements.txt /tmp/\nRUN pip install --no-cache-dir -r /tmp/requirements.txt\n",
    "conda": "COPY environment.yml /tmp/\nRUN mamba env update -y -p /opt/conda -f /tmp/environment.yml && mamba clean -afy\n",
}
POLL = """
import sys, time, urllib.request
while True:
    try:
        urllib.request.urlopen(sys.argv[1], timeout=5).read()
        break
    except OSError:
        time.sleep(0.01)
print(time.time())
"""


def write_list(project: Path, manager: str, packages: list[str]) -> None:
    """Write the list of a repository."""
    if manager == "pip":
        (project / "requirements.txt").write_text("\n".join(packages) + "\n")
    else:
        listed = {"channels": ["conda-forge"], "dependencies": packages}
        (project / "environment.yml").write_text(yaml.safe_dump(listed))


@functools.cache
def work() -> Path:
    """A folder for this run; it goes when the run ends."""
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def settled(manager: str) -> Path:
    """A repository of ours with the packages, built once and locked; its image is benchmark/MANAGER:ours."""
    project = work() / f"{manager}-ours"
    answers = {"base": BASE, "package_manager": manager}
    source = work() / "template"
    if not source.exists():
        for part in ("copier.yml", "catalog.yml", "includes", "template"):
            copying = shutil.copytree if (ROOT / part).is_dir() else shutil.copy2
            source.mkdir(exist_ok=True)
            copying(ROOT / part, source / part)
    copier.run_copy(str(source), project, data=answers, defaults=True, quiet=True)
    write_list(project, manager, PACKAGES)
    image = images.build(project, f"benchmark/{manager}:ours")
    with mock.patch.dict(os.environ, engine.environment()):
        lock.lock(project, image)
    images.build(project, image)
    return project


def usual(manager: str) -> Path:
    """The same packages on the same base in the usual way; its image is benchmark/MANAGER:usual."""
    project = work() / f"{manager}-usual"
    project.mkdir(exist_ok=True)
    entry = engine.CATALOG["bases"][BASE]
    (project / "Dockerfile").write_text(f"FROM {entry['image']}:{entry['tag']}\n{USUAL[manager]}")
    write_list(project, manager, PACKAGES)
    images.build(project, f"benchmark/{manager}:usual")
    return project


def rebuild(manager: str, repeat: int) -> list[Row]:
    """Return the rows about a rebuild after one package was added, and about one without a change."""
    projects = [settled(manager), usual(manager)]
    names = [f"benchmark/{manager}:{name}" for name in ("ours", "usual")]
    before = [manifest(project) for project in projects]
    pulled: dict[Path, list[int]] = {project: [] for project in projects}

    def add(project: Path, image: str, old: dict):
        def once(turn: int) -> float:
            write_list(project, manager, [*PACKAGES, MORE[turn % len(MORE)]])
            taken = timed_build(image, project)
            pulled[project].append(installed.to_pull(old, manifest(project)))
            return taken

        return once

    steps = [add(*each) for each in zip(projects, names, before, strict=True)]
    added = turns.in_turns(min(repeat, len(MORE)), *steps)
    bytes_of = [sorted(pulled[project])[len(pulled[project]) // 2] / 1e6 for project in projects]

    project, image = projects[0], names[0]
    unchanged, cold = turns.in_turns(
        repeat,
        lambda _: timed_build(image, project),
        lambda _: timed_build(image, project, "--no-cache"),
    )
    usual_way = f"{manager}, seven packages and one more"
    return [
        turns.compared(f"{usual_way}: rebuild", "s", *added, 0.1),
        turns.compared(f"{usual_way}: what a node pulls", "MB", *bytes_of, 0.02),
        turns.compared(f"{manager}, nothing changed: rebuild, against one without cache", "s", unchanged, cold, 0.1),
    ]  # fmt: skip


def timed_build(image: str, project: Path, *options: str) -> float:
    """Build, and return the seconds that it took."""
    start = time.perf_counter()
    engine.build(image, project, *options)
    return time.perf_counter() - start


def manifest(project: Path) -> dict:
    """Build once more, from the cache, into a folder, compressed as for a registry; return the manifest."""
    with tempfile.TemporaryDirectory(dir=work()) as name:
        folder = Path(name)
        output = f"type=oci,dest={folder},tar=false,compression=gzip,oci-mediatypes=true"
        engine.check(
            ["docker", "buildx", "build", "--provenance=false", f"--output={output}", project]
        )
        digest = json.loads((folder / "index.json").read_text())["manifests"][0]["digest"]
        return json.loads((folder / "blobs" / digest.replace(":", "/")).read_text())


def start(repeat: int) -> list[Row]:
    """Return the rows about starting a server and importing packages."""
    settled("pip")
    usual("pip")
    base = images.pull(engine.CATALOG["bases"][BASE])
    served = turns.in_turns(
        max(repeat, 5),
        lambda turn: first_answer("benchmark/pip:ours"),
        lambda turn: first_answer(base),
    )
    imported = turns.in_turns(
        max(repeat, 5),
        *[lambda _, image=f"benchmark/pip:{name}": imports(image) for name in ("ours", "usual")],
    )
    return [
        turns.compared(
            "container start to the server's first answer, against the base", "s", *served, 1.05
        ),
        turns.compared(
            "import of the seven in a fresh process, against the usual image", "s", *imported, 1.05
        ),
    ]


def first_answer(image: str) -> float:
    """Seconds from `docker run` to the first answer of JupyterLab's server."""
    began = time.time()
    options = ["--detach", "--rm", "--publish=127.0.0.1::8888"]
    command = ["jupyter", "lab", "--ip=0.0.0.0", "--no-browser"]
    name = engine.check(["docker", "run", *options, image, *command]).split()[-1]
    try:
        port = engine.check(["docker", "port", name, "8888/tcp"]).split()[0]
        answered = engine.check(engine.inside(sys.executable, "-c", POLL, f"http://{port}/api"))
        return float(answered.split()[-1]) - began
    finally:
        engine.check(["docker", "kill", name])


def imports(image: str) -> float:
    """Seconds that the first import takes in a new container."""
    code = f"import time; began = time.time(); import {MODULES}; print(time.time() - began)"
    return float(engine.check(["docker", "run", "--rm", image, "python", "-c", code]).split()[-1])


def example(manager: str, packages: list[str]) -> str:
    """An image of ours with some packages, for what needs any image."""
    project = settled(manager)
    write_list(project, manager, packages)
    return images.build(project, f"benchmark/{manager}:example")
