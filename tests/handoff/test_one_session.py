"""Packages for one session: installed from a notebook, used, and gone at the next start.

What a server keeps from one start to the next is the home, a volume; everything else is the image's.
"""

from __future__ import annotations

import functools
import json
import re
import shutil

import pytest

from builds.test_builds import CELLS
from conftest import ROOT
from hub_image.contract.groups.on_hub import COLOURS
from rig import images

pytestmark = pytest.mark.engine
whole_matrix = pytest.mark.whole_matrix

KERNELS = (ROOT / "tests/builds/kernels.py").read_text()
PYTHON = """
from importlib.util import find_spec
print("before", bool(find_spec("{name}")))
{line}
import importlib; importlib.invalidate_caches()
import {name}; print("after", {name}.__name__)
"""
R = """
cat("before", requireNamespace("praise", quietly = TRUE), "\\n")
{line}
library(praise); cat("after", environmentName(environment(praise)), "\\n")
"""
JULIA = """
println("before ", Base.find_package("Example") !== nothing)
{line}
using Example; println("after ", nameof(Example))
"""
# The table of GUIDE.md: what people type, and what is installed by it.
TYPED = {
    "pip": "%pip install --quiet emcee",
    "conda": "%conda install --yes --quiet emcee",
    "r": 'install.packages("praise", quiet = TRUE)',
    "julia": 'using Pkg; Pkg.activate(temp=true); Pkg.add("Example")',
}


def installers(answers: dict) -> list[str]:
    """What an image with these answers has."""
    rocker = answers.get("base", "").startswith("rocker")
    scratch_pip = "start_from" in answers and answers["package_manager"] == "pip"
    return ["pip", *([] if rocker or scratch_pip else ["conda"]), *answers.get("languages", [])]


ON_ANY_RUN = ("scratch-pip", "docker-stacks-conda")


def some(cell: str, *more: str):
    """Parameters of one test; those of most flavours are tried with --whole-matrix."""
    marks = () if cell in ON_ANY_RUN else whole_matrix
    return pytest.param(cell, *more, id="-".join([cell, *more]), marks=marks)


CASES = [(cell, installer) for cell in CELLS for installer in installers(CELLS[cell])]


@pytest.fixture(scope="session")
def image_of(render, build, tmp_path_factory):
    """The image of a cell, with lists that name none of the packages below."""

    @functools.cache
    def make(cell: str) -> str:
        folder = tmp_path_factory.mktemp(cell) / "ocean"
        shutil.copytree(render(**CELLS[cell]), folder)
        for name in ("install.R", "Project.toml"):
            if (folder / name).exists():
                (folder / name).write_text("")
        return build(folder, f"rig/session:{cell}")

    return make


@pytest.fixture
def start(run, tmp_path):
    """Start a server's container with a home that stays, and run something in it."""
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(0o777)
    mounts = [f"--volume={home}:{place}" for place in images.HOMES]

    def start(image: str, *command: str, **popen):
        return run(
            image, *command, homes=(), network="bridge", options=("--interactive", *mounts), **popen
        )

    return start


def cell(start, image: str, installer: str, line: str) -> str:
    """What a notebook prints that runs `line`; Julia is asked without one, as the rig may have no kernel for it."""
    if installer == "julia":
        done = start(image, "julia", "-e", JULIA.format(line=line))
        return done.stdout + done.stderr
    code = {"python": "", "r": "", "julia": ""}
    if installer == "r":
        code["r"] = R.format(line=line)
    else:
        code["python"] = PYTHON.format(name="emcee", line=line)
    done = start(image, "python", "-", json.dumps(code), input=KERNELS)
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    return said["ir" if installer == "r" else "python3"]


@pytest.mark.parametrize(("flavour", "installer"), [some(*case) for case in CASES])
def test_installed_used_and_gone(flavour, installer, image_of, start, record_property):
    image = image_of(flavour)
    for _ in ("first start", "second start"):
        said = cell(start, image, installer, TYPED[installer])
        assert re.search(r"before (False|false|FALSE)", said), said
        assert re.search(r"after \w+", said), said
    sentence = "installed, used, gone at the next start"
    record_property("session", (flavour, TYPED[installer], sentence))


@pytest.mark.parametrize("flavour", [some(c) for c in CELLS if (c, "conda") not in CASES])
def test_conda_where_there_is_none_names_pip(flavour, image_of, start, record_property):
    said = cell(start, image_of(flavour), "conda", TYPED["conda"])
    assert not re.search(r"^after ", said, re.MULTILINE)
    sentence = COLOURS.sub("", said.splitlines()[-1])
    assert "%pip install" in sentence, said
    record_property("session", (flavour, TYPED["conda"], sentence))


WHEEL = "/home/jovyan/jupyter_server-9999.0-py3-none-any.whl"
BROKEN = f"""
import zipfile
name = "jupyter_server-9999.0"
wheel = zipfile.ZipFile("{WHEEL}", "w")
wheel.writestr("jupyter_server/__init__.py", "raise SystemExit('broken')")
wheel.writestr(name + ".dist-info/METADATA", "Metadata-Version: 2.1\\nName: jupyter-server\\nVersion: 9999.0\\n")
wheel.writestr(name + ".dist-info/WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
wheel.writestr(name + ".dist-info/RECORD", "")
wheel.close()
"""
ANSWERS_LAB = """
import json, subprocess, time, urllib.request
server = subprocess.Popen(["jupyter", "lab", "--ip=127.0.0.1", "--port=8888", "--no-browser", "--IdentityProvider.token="])
while True:
    try:
        print(json.load(urllib.request.urlopen("http://127.0.0.1:8888/api"))["version"])
        break
    except OSError:
        assert server.poll() is None, "the server ended"
        time.sleep(0.2)
server.terminate()
server.wait()
"""


@pytest.mark.parametrize("flavour", [some(cell) for cell in CELLS])
def test_what_pip_install_user_leaves_does_not_stop_the_next_start(
    flavour, image_of, start, record_property
):
    """The image does not look into the home; on images with a virtual environment pip refuses by itself."""
    image = image_of(flavour)
    assert start(image, "python", "-", input=BROKEN).returncode == 0
    # As people do it, where pip allows it; and as an image that still looked there would have left it.
    start(image, "pip", "install", "--user", "--no-deps", WHEEL)
    target = 'pip install --no-deps --upgrade --target "$(python -m site --user-site)" "$0"'
    done = start(image, "bash", "-c", target, WHEEL)
    assert done.returncode == 0, done.stdout + done.stderr
    found = start(
        image, "bash", "-c", 'ls -d "$HOME"/.local/lib/python*/site-packages/jupyter_server'
    )
    assert found.returncode == 0, "the broken package is there"
    done = start(image, "jupyterhub-singleuser", "--version")
    assert done.returncode == 0, done.stdout + done.stderr
    done = start(image, "python", "-", input=ANSWERS_LAB)
    version = done.stdout.splitlines()[-1:] or [""]  # before it some packages greet
    assert re.fullmatch(r"(?!9999)\d+\.\d+.*", version[0]), done.stdout + done.stderr
    without = start(image, "env", "-u", "PYTHONNOUSERSITE", "python", "-c", "import jupyter_server")
    if without.returncode == 0:  # a virtual environment never looks there
        assert (
            start(image, "python", "-c", "import sys; print(sys.prefix != sys.base_prefix)").stdout
            == "True\n"
        )
    sentence = "a broken jupyter_server there does not stop the next start"
    record_property("session", (flavour, "pip install --user", sentence))
