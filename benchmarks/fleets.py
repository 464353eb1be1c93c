"""How long `hub-image fleet` takes for three hundred repositories."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import turns
from .hubs import COMMAND
from .turns import ROOT, Row

REPOSITORIES = 300
TARGET = 60  # seconds


def measure(options: argparse.Namespace) -> list[Row]:
    """Return the row about all of them: GitHub answers after 20 ms, some answers are limits and 502, and registries tell."""
    requests: list[int] = []

    def once(_: int) -> float:
        with hosted() as told, tempfile.TemporaryDirectory() as folder:
            hub = Path(folder, "hub.yaml")
            hub.write_text(told["menu"])
            environment = os.environ | {"GITHUB_API_URL": told["api"], "GITHUB_TOKEN": "secret"}
            line = [COMMAND, "fleet", "--org", "sea", hub, "--into", folder]
            taken = turns.seconds(line, env=environment)
        requests.append(told["requests"])
        return taken

    [taken] = turns.in_turns(options.repeat, once)
    what = f"`hub-image fleet` on {REPOSITORIES} repositories, {requests[0]} requests of GitHub"
    return [turns.compared(f"{what}, against a minute", "s", taken, TARGET, 1)]


@contextlib.contextmanager
def hosted() -> Iterator[dict[str, Any]]:
    """Serve the repositories in a process of their own; how often it was asked is there in the end."""
    line = [sys.executable, ROOT / "tests/fleet/many.py", str(REPOSITORIES)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(line, text=True, **pipes) as process:
        assert process.stdin and process.stdout
        told = json.loads(process.stdout.readline())
        yield told
        process.stdin.close()
        told |= json.loads(process.stdout.readline())
