"""The package's own code: formatted, checked, typed, and simple enough to read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from conftest import ROOT

TOOLS = Path(sys.executable).parent


def run(*command: str) -> subprocess.CompletedProcess[str]:
    line = [TOOLS / command[0], *command[1:]]
    return subprocess.run(line, cwd=ROOT, text=True, capture_output=True)


def test_ruff_finds_nothing():
    done = run("ruff", "check", "--no-cache")
    assert done.returncode == 0, done.stdout


def test_the_code_is_formatted():
    done = run("ruff", "format", "--check", "--no-cache")
    assert done.returncode == 0, done.stdout


def test_types_are_right():
    done = run("mypy")
    assert done.returncode == 0, done.stdout


def test_no_function_is_too_complex():
    done = run("ruff", "check", "--no-cache", "--select=C901", "--output-format=json", "hooks")
    package = ROOT / "hooks/hub_image"
    found = {
        (Path(entry["filename"]).relative_to(package).as_posix(), entry["message"].split("`")[1])
        for entry in json.loads(done.stdout)
    }
    assert not found
