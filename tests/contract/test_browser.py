"""`hub-image hub` as a person meets it: a browser, a login, a launcher, a notebook; then Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT
from hub_image.handoff import profiles
from hub_image.tools import docker

pytestmark = pytest.mark.engine

HERE = Path(__file__).parent
PORT = "18123"
KIND = "r-julia"
ARTIFACTS = Path(os.environ.get("HUB_IMAGE_ARTIFACTS") or ROOT / "build" / "contract")


def traces(session: str) -> list[str]:
    """Every container, network and volume of one run of `hub-image`."""
    mark = f"--filter=label={docker.LABEL}={session}"
    kinds = (["ps", "--all"], ["network", "ls"], ["volume", "ls"])
    return [name for kind in kinds for name in docker.output(*kind, "--quiet", mark).split()]


@pytest.fixture
def hub(good):
    """`hub-image hub` with a good image, in a process of its own; ended as by Ctrl-C."""
    image, repository = good(KIND)
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


def test_a_champion_clicks_through_the_hub(hub, good, chromium, engine):
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    screenshot = ARTIFACTS / "jupyterlab.png"
    line = [sys.executable, HERE / "browser.py", f"http://127.0.0.1:{PORT}", chromium, screenshot]
    done = subprocess.run(engine.inside(*line), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    image, repository = good(KIND)
    specs = docker.output("run", "--rm", image, "jupyter", "kernelspec", "list", "--json")
    kernels = json.loads(specs)["kernelspecs"].values()
    [profile] = profiles.read(repository)
    assert json.loads(done.stdout) == {
        "announced": f"{profile['display_name']}: {image}",
        "kernels": sorted(kernel["spec"]["display_name"] for kernel in kernels),
        "output": "42",
    }
    assert len(kernels) == 3
    assert screenshot.stat().st_size > 10_000

    label = f'--format={{{{.Label "{docker.LABEL}"}}}}'
    session = docker.output("ps", f"--filter=publish={PORT}", label).strip()
    assert len(traces(session)) > 3
    hub.send_signal(signal.SIGINT)
    assert hub.wait(60) == 0
    assert not traces(session)
