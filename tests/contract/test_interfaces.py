"""RStudio, VS Code and the desktop on a real hub: the contract, then a person with a browser."""

from __future__ import annotations

import functools
import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import CATALOG, ROOT
from hub_image.contract import FAIL, NOT_APPLICABLE, PASS, WARN, Target
from hub_image.contract import command as test
from hub_image.contract.groups import chosen, static
from hub_image.lists import installed, lock
from hub_image.repository import image_env
from hub_image.tools import docker
from rig import engine as rig
from rig import sources, standins

from .test_browser import ARTIFACTS

pytestmark = pytest.mark.engine
whole_matrix = pytest.mark.whole_matrix

HERE = Path(__file__).parent
PORT = "18124"
SCRATCH = {"start_from": "scratch", "package_manager": "pip"}
ALL = {"languages": ["r"], "interfaces": ["rstudio", "vscode", "desktop"]}
BOTH = {"interfaces": ["vscode", "desktop"]}
R = {"languages": ["r"], "interfaces": ["rstudio"]}
KINDS = {
    "scratch": SCRATCH | ALL | {"dask_gateway": True},
    "conda": SCRATCH | BOTH | {"package_manager": "conda"},
    "docker-stacks": BOTH | {"base": "jupyter-minimal"},
    "docker-stacks-pip": BOTH | {"base": "jupyter-minimal", "package_manager": "pip"},
    "pangeo": BOTH | {"base": "pangeo-base"},
    "rocker": R | {"base": "rocker-geospatial"},
    "rocker-binder": R | {"base": "rocker-binder"},
}
ON_ANY_RUN = ("scratch",)
FOR_OTHER_TESTS = ("scratch", "docker-stacks")
EXTENSION = "redhat.vscode-yaml"
APPLICATION = "mousepad"  # a text editor with a window
SETTINGS = {"@jupyterlab/apputils-extension:themes": {"theme": "JupyterLab Dark"}}


@pytest.fixture(scope="session")
def made(render, build, docker_environment, tmp_path_factory) -> Callable[[str], Target]:
    """Build one of KINDS, once, after its owner added a line to each list; what to test of it."""

    @functools.cache
    def make(kind: str) -> Target:
        repository = tmp_path_factory.mktemp(kind) / "ocean"
        subprocess.run(["cp", "-r", render(**KINDS[kind]), repository], check=True)
        add(repository / "apt.txt", APPLICATION)
        (repository / "overrides.json").write_text(json.dumps(SETTINGS))
        if (repository / "vscode-extensions.txt").exists():
            add(repository / "vscode-extensions.txt", EXTENSION)
        if "rstudio" in KINDS[kind]["interfaces"]:
            take_standin(repository)
        image = build(repository, f"rig/interfaces:{kind}")
        answers = image_env.read(repository)
        return Target(
            image,
            hub_version=answers.hub_version,
            family=answers.base_family,
            default_url=answers.default_url,
            interfaces=answers.interfaces,
            dask_gateway=answers.dask_gateway,
            repository=repository,
            config=docker.inspect(image),
        )

    return make


def add(file: Path, line: str) -> None:
    """What the owner of a list does."""
    file.write_text(f"{file.read_text()}{line}\n")


def take_standin(repository: Path) -> None:
    """RStudio Server cannot be had in the rig; see tests/rig/README.md for what that leaves unproven."""
    dockerfile = repository / "Dockerfile"
    if not rig.is_provided():
        standins.prepare(dockerfile.read_text())
        sources.accept_rstudio(dockerfile)


@pytest.fixture(
    scope="module",
    params=[
        kind if kind in ON_ANY_RUN else pytest.param(kind, marks=whole_matrix) for kind in KINDS
    ],
)
def target(request, made) -> Iterator[Target]:
    """One kind after the other, because no disk holds them all."""
    yield made(request.param)
    if request.param not in FOR_OTHER_TESTS:
        docker.call("image", "rm", made(request.param).reference)


def test_contract_covers_each_interface(target):
    results = list(test.contract(target, ("container", "hub")))
    wrong = {result.check.name: str(result) for result in results if result.status in (FAIL, WARN)}
    # An image without TeX, which is about 1 GB, is told so, see docs/export.md.
    wrong.pop("every export in the menu works", None)
    assert not wrong
    found = {result.check.name: result for result in results}
    if "vscode" in target.interfaces:
        listed = found["VS Code has the extensions of the list"].detail
        assert EXTENSION in listed and "ms-python.python" in listed
        assert installed.packages(target.reference)["vscode", "ms-python.python"]
    if "desktop" in target.interfaces:
        assert found["the desktop shows its screen"].detail.startswith("RFB ")
    if target.dask_gateway:
        assert found["the client of Dask Gateway is there"].status == PASS
        assert found["Dask's workers can run in this image"].status == PASS
    opened = found["interfaces open in a home that was used before"]
    assert opened.status != NOT_APPLICABLE
    assert all(chosen.title(name) in opened.detail for name in target.interfaces)
    print(opened.detail)


def test_a_line_in_apt_txt_is_in_the_menu(made, run):
    """The applications' folder is the system's, so a hidden home changes nothing."""
    found = run(made("scratch").reference, "xdg-mime", "query", "default", "text/plain")
    assert APPLICATION in found.stdout, found.stdout + found.stderr


def test_overrides_json_is_what_people_find(made, run):
    """JupyterLab itself reads it, beside the template's own setting."""
    code = """
from jupyterlab.commands import get_app_dir
from jupyterlab_server.settings_utils import get_settings
for plugin, key in (("themes", "theme"), ("notification", "fetchNews")):
    where = (get_app_dir() + "/settings", get_app_dir() + "/schemas", "/tmp/none")
    found, _ = get_settings(*where, schema_name="@jupyterlab/apputils-extension:" + plugin)
    print(found["schema"]["properties"][key]["default"])
"""
    found = run(made("scratch").reference, "python", "-c", code)
    assert found.stdout.splitlines() == ["JupyterLab Dark", "false"], found.stderr


def test_a_person_opens_each_interface(target, chromium, engine):
    """From its tile, and types; stops the server, starts it again, opens it by its address and types again."""
    folder = ARTIFACTS / target.reference.rpartition(":")[2]
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "hub_image", "hub", target.reference, f"--port={PORT}"]
    hub = subprocess.Popen(
        [*command, "--no-browser", str(target.repository)],
        env=rig.variables() | {"PYTHONPATH": str(ROOT / "hooks")},
        stdout=subprocess.PIPE,
        text=True,
        # Tests that run in the background pass on that Ctrl-C is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        assert "http://127.0.0.1:" in hub.stdout.readline()
        line = [f"http://127.0.0.1:{PORT}", chromium, folder, *target.interfaces]
        browse = engine.inside(sys.executable, HERE / "browse_interfaces.py", *line)
        done = subprocess.run(browse, capture_output=True, text=True)
    finally:
        hub.send_signal(signal.SIGINT)
        hub.communicate(timeout=180)
    assert done.returncode == 0, done.stderr[-3000:]
    typed = {"tile": "42", "activity": True, "address": "42"}
    assert json.loads(done.stdout) == dict.fromkeys(target.interfaces, typed), done.stderr


def test_a_lock_leaves_to_the_template_what_it_brings(made, tmp_path):
    """Else the list would remove again, in each build, what nobody wrote into it."""
    subprocess.run(["cp", "-r", made("scratch").repository, tmp_path / "ocean"], check=True)
    [path] = lock.lock(tmp_path / "ocean", made("scratch").reference)
    locked = set(re.findall(r"^([\w.-]+)==", path.read_text(), re.MULTILINE))
    assert {"jupyter-server-proxy", "dask-gateway"} <= locked
    proxies = {entry["proxy"].split("==")[0] for entry in CATALOG["interfaces"].values()}
    assert not locked & proxies


@whole_matrix
def test_a_base_that_has_an_interface_is_not_given_it_twice(made, render):
    """Of a base that was chosen by hand nobody knows what it has, so the build looks."""
    base = made("docker-stacks").reference
    answers = BOTH | {"base": "other", "base_image": base}
    again = "rig/interfaces:twice"
    docker.output("build", "--quiet", f"--tag={again}", render(**answers))
    before, after = (static.size_in_gb(image, docker.inspect(image)) for image in (base, again))
    docker.call("image", "rm", again)
    assert after - before < 0.1, "VS Code alone is more than half a gigabyte"


@whole_matrix
def test_another_download_stops_the_build(render, build, engine, tmp_path):
    """RStudio's checksum: the rig serves a stand-in, which an unchanged Dockerfile must refuse."""
    if engine.is_provided():
        pytest.skip("the real RStudio Server is there, and fits")
    repository = render(**SCRATCH, **R)
    with pytest.raises(rig.RigError, match="digest mismatch"):
        build(repository, "rig/interfaces:refused")
