"""Fixtures for tests that need a real Docker Engine: `engine`, `build` and `run`."""

from __future__ import annotations

import os
import shutil
import types
from collections.abc import Callable

import pytest

from . import engine as rig
from . import images


@pytest.fixture(scope="session")
def engine() -> types.ModuleType:
    """A Docker Engine that answers: the machine's own, or the rig's, started now and left running.

    Where neither is possible the test is skipped with the reason; in CI that is a failure.
    """
    try:
        if not rig.is_provided():
            rig.up()
    except rig.RigError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))
    return rig


@pytest.fixture(scope="session")
def build(engine: types.ModuleType) -> Callable:
    """images.build: a project's folder goes in, the name of the image that was built comes out."""
    return images.build


@pytest.fixture(scope="session")
def run(engine: types.ModuleType) -> Callable:
    """images.run: run a command in an image the way a hub does."""
    return images.run


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a browser: the machine's, or Debian's, installed now."""
    found = installed_browser()
    if not found and shutil.which("apt-get") and os.geteuid() == 0:
        with rig.locked("engine"):  # which apt installs too
            if not installed_browser():
                rig.check(["apt-get", "update", "-qq"])
                rig.check(["apt-get", "install", "-qq", "--no-install-recommends", "chromium"])
        found = installed_browser()
    if not found:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("install Chromium or Chrome")
    return found


def installed_browser() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return next(filter(None, map(shutil.which, names)), None)
