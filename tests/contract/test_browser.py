"""`hub-image hub` as a person meets it: a browser, a login, a launcher, a notebook, its exports, a terminal, a link; then Ctrl-C."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT
from hub_image.contract.groups import on_hub
from hub_image.handoff import profiles
from hub_image.tools import docker

pytestmark = pytest.mark.engine

HERE = Path(__file__).parent
PORT = "18123"
# Where each export of the menu is tried; the second image has the recipe of docs/export.md.
EXPORTS = {
    "r-julia": {"HTML": "<!DOCTYPE html>"},
    "tex": {"HTML": "<!DOCTYPE html>", "PDF": "%PDF-1."},
}
ARTIFACTS = Path(os.environ.get("HUB_IMAGE_ARTIFACTS") or ROOT / "build" / "contract")


def traces(session: str) -> list[str]:
    """Every container, network and volume of one run of `hub-image`."""
    mark = f"--filter=label={docker.LABEL}={session}"
    kinds = (["ps", "--all"], ["network", "ls"], ["volume", "ls"])
    return [name for kind in kinds for name in docker.output(*kind, "--quiet", mark).split()]


@pytest.fixture(
    scope="module", params=["r-julia", pytest.param("tex", marks=pytest.mark.whole_matrix)]
)
def made(request, good, build, tmp_path_factory) -> tuple[str, Path, dict[str, str]]:
    """An image, its repository, and how each file begins that its menu exports."""
    kind = request.param
    if kind != "tex":
        return (*good(kind), EXPORTS[kind])
    repository = tmp_path_factory.mktemp("tex") / "repository"
    shutil.copytree(good("python")[1], repository)
    apt = repository / "apt.txt"
    apt.write_text(f"{apt.read_text()}{on_hub.RECIPE}\n")
    return build(repository, "rig/contract:tex"), repository, EXPORTS[kind]


@pytest.fixture
def hub(made):
    """`hub-image hub` with a good image, in a process of its own; ended as by Ctrl-C."""
    image, repository, _ = made
    command = [sys.executable, "-m", "hub_image", "hub", image, f"--port={PORT}", "--no-browser"]
    process = subprocess.Popen(
        [*command, str(repository)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "hooks")},
        stdout=subprocess.PIPE,
        text=True,
        # Tests that run in the background pass on that Ctrl-C is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        assert "http://127.0.0.1:" in process.stdout.readline()
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=180)


def test_a_champion_clicks_through_the_hub(hub, made, chromium, engine):
    image, repository, exports = made
    folder = ARTIFACTS / image.rpartition(":")[2]
    folder.mkdir(parents=True, exist_ok=True)
    line = [sys.executable, HERE / "browser.py", f"http://127.0.0.1:{PORT}", chromium, folder]
    done = subprocess.run(engine.inside(*line, *exports), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    specs = docker.output("run", "--rm", image, "jupyter", "kernelspec", "list", "--json")
    kernels = json.loads(specs)["kernelspecs"].values()
    assert len(kernels) == (3 if "r-julia" in image else 1)
    [profile] = profiles.read(repository)
    seen = json.loads(done.stdout)
    began = {name: text[: len(exports[name])] for name, text in seen.pop("exports").items()}
    assert began == exports
    assert seen == {
        "announced": f"{profile['display_name']}: {image}",
        "kernels": sorted(kernel["spec"]["display_name"] for kernel in kernels),
        "output": "42",
        "terminal": "42",
        "course": "Tides of the course",
    }
    assert (folder / "jupyterlab.png").stat().st_size > 10_000

    label = f'--format={{{{.Label "{docker.LABEL}"}}}}'
    session = docker.output("ps", f"--filter=publish={PORT}", label).strip()
    assert len(traces(session)) > 3
    hub.send_signal(signal.SIGINT)
    assert hub.wait(180) == 0
    assert not traces(session)
