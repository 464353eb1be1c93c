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
from hub_image.contract import docker

pytestmark = pytest.mark.engine

HERE = Path(__file__).parent
PORT = "18123"
ARTIFACTS = Path(os.environ.get("HUB_IMAGE_ARTIFACTS") or ROOT / "build" / "contract")


@pytest.fixture
def hub(good):
    """`hub-image hub` with a good image, in a process of its own; ended as by Ctrl-C."""
    image, repository = good("python")
    command = [sys.executable, "-m", "hub_image", "hub", image, f"--port={PORT}", "--no-browser"]
    process = subprocess.Popen(
        [*command, f"--repository={repository}"],
        env={**os.environ, "PYTHONPATH": str(ROOT / "hooks")},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert "http://127.0.0.1:" in process.stdout.readline()
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


def test_a_champion_clicks_through_the_hub(hub, chromium, engine):
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    screenshot = ARTIFACTS / "jupyterlab.png"
    line = [sys.executable, HERE / "browser.py", f"http://127.0.0.1:{PORT}", chromium, screenshot]
    done = subprocess.run(engine.inside(*line), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    seen = json.loads(done.stdout)
    assert seen == {"cards": ["Python 3 (ipykernel)"], "output": "42"}
    assert screenshot.stat().st_size > 10_000

    hub.send_signal(signal.SIGINT)
    assert hub.wait(60) == 0
    for kind in (["ps", "--all"], ["network", "ls"], ["volume", "ls"]):
        mark = f"--filter=label={docker.LABEL}"
        names = docker.output(
            *kind, mark, "--format={{.Names}}" if "ps" in kind else "--format={{.Name}}"
        )
        assert "ada" not in names
