"""Fixtures for tests that need a real Docker Engine: `engine`, `build` and `run`."""

from __future__ import annotations

import functools
import os
import shutil
import threading
import types
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

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


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder, as GitHub Pages does."""

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def served() -> Iterator[Callable[[Path], str]]:
    """Serve a folder; its address comes out."""
    servers = []

    def serve(folder: Path) -> str:
        handler = functools.partial(Quiet, directory=folder)
        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), handler))
        threading.Thread(target=servers[-1].serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}/"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def browse(chromium: str) -> Iterator[Callable]:
    """Open an address in a browser with some settings; a page knows what it `asked` for and what its console `said`."""
    from playwright import sync_api

    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])

        def open(address: str, **settings: object) -> sync_api.Page:
            page = browser.new_context(**settings).new_page()
            page.set_default_timeout(120_000)  # in milliseconds: other tests are at work too
            page.asked, page.said = [], []
            page.on("request", lambda request: page.asked.append(request.url))
            page.on("console", lambda message: page.said.append(message.text))
            page.on("pageerror", lambda error: page.said.append(str(error)))
            page.on("dialog", lambda dialog: page.said.append(dialog.message))
            page.goto(address)
            return page

        yield open
        browser.close()
