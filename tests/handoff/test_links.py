"""Launch links, read by the programs that they are made for."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from conftest import git
from hub_image.__main__ import main
from hub_image.handoff import links

from .conftest import REFERENCES

HERE = Path(__file__).parent
TRIAL = "quay.io/ocean/trial_2:2026.10-1"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def running(command: list[str], folder: Path, environment: dict[str, str], answers: str):
    """Run a Python module as a server until it is no longer needed; wait until this address answers."""
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=folder, env=os.environ | environment, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        while True:
            try:
                urllib.request.urlopen(answers).close()
                break
            except OSError:
                assert process.poll() is None, (folder / "log").read_text()
                time.sleep(0.2)
        yield
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def hub(repositories, tmp_path_factory):
    """A hub with our entries as choices of one profile, which may also build images; its address."""
    from hub_image.handoff import menu as entries
    from hub_image.handoff import profiles

    folder = tmp_path_factory.mktemp("hub")
    menu = entries.merged(list(repositories.values()), list(REFERENCES.values()), "choice")
    menu[0]["profile_options"]["image"]["dynamic_image_building"] = {"enabled": True}
    first = [{"display_name": "Something else", "default": True}]
    (folder / "menu.yaml").write_text(profiles.dump(first + menu))
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    environment = {"MENU": str(folder), "PORT": str(port)}
    command = ["jupyterhub", f"--config={HERE / 'hub_config.py'}"]
    with running(command, folder, environment, f"{address}/hub/health"):
        yield address, folder


@pytest.fixture(scope="module")
def browser(chromium):
    """A real browser."""
    from playwright import sync_api

    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    """A new visitor's page, who may read the clipboard."""
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    yield page
    context.close()


def follow(page, link: str) -> None:
    """Open a link as someone who is not logged in yet."""
    page.goto(link)
    page.fill("#username_input", "alice")
    page.fill("#password_input", "any")
    page.click("#login_submit")
    page.wait_for_selector("[aria-label='Select profile']")


@pytest.fixture
def copied(page):
    """What the page's own Permalink button copies."""

    def copy() -> str:
        page.click(".selected-profile >> text=Permalink")
        page.wait_for_selector("text=Copied to clipboard")
        return page.evaluate("navigator.clipboard.readText()")

    return copy


@pytest.mark.engine
def test_other_is_chosen_and_starts(hub, page, copied):
    address, folder = hub
    link = links.other(address, TRIAL, "choose-your-environment")
    follow(page, link)
    assert page.input_value("input[name='profile']") == "choose-your-environment"
    field = "profile-option-choose-your-environment--image--unlisted-choice"
    assert page.input_value(f"[name='{field}']") == TRIAL
    # Byte for byte what the page itself makes; it adds what it has beside the image.
    assert copied().startswith(link.removesuffix("%7D"))
    page.click("button.btn-jupyter:visible")
    page.wait_for_load_state("networkidle")
    assert (folder / "started").read_text() == TRIAL


@pytest.mark.engine
def test_building_is_chosen(hub, page):
    address, _ = hub
    follow(page, links.build(address, "ocean/ocean", "HEAD", "choose-your-environment"))
    assert page.input_value("input[name='profile']") == "choose-your-environment"
    assert page.get_by_role("combobox", name="Repository").input_value() == "ocean/ocean"
    assert page.get_by_role("combobox", name="Git Ref").input_value() == "HEAD"
    assert page.errors == []


@pytest.mark.engine
def test_our_own_choice_is_chosen(hub, page, copied):
    address, _ = hub
    choices = {"profile": "choose-your-environment", "image": "maps"}
    follow(page, links.permalink(address, choices))
    assert page.locator(".selected-profile").inner_text().count("2026-10-01")
    assert page.errors == []


@pytest.mark.engine
def test_a_profile_that_the_hub_does_not_have(hub, page):
    """What we warn of: the page is then empty, so links name the profile that people gave us."""
    address, _ = hub
    page.goto(links.other(address, TRIAL, "no-such-profile"))
    page.fill("#username_input", "bob")
    page.fill("#password_input", "any")
    with page.expect_event("pageerror"):  # the page before may be idle for long
        page.click("#login_submit")
    assert page.locator("#form").inner_text() == ""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A Jupyter server with nbgitpuller, as in an image; its address."""
    folder = tmp_path_factory.mktemp("server")
    port = free_port()
    settings = {
        "ServerApp": {
            "port": port,
            "port_retries": 0,
            "root_dir": str(folder),
            "allow_root": True,
            "open_browser": False,
            "jpserver_extensions": {"nbgitpuller": True},
        },
        "IdentityProvider": {"token": ""},
    }
    (folder / "jupyter_server_config.json").write_text(json.dumps(settings))
    environment = {"JUPYTER_CONFIG_DIR": str(folder), "HOME": str(folder)}
    with running(["jupyter_server"], folder, environment, f"http://127.0.0.1:{port}/api"):
        yield f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("hub_url", ["https://hub.example.org", "https://example.org/jupyter/"])
def test_nbgitpuller_opens_the_folder_that_it_makes(hub_url, server):
    """The part after user-redirect, asked from the real nbgitpuller."""
    link = urlsplit(links.content(hub_url, "ocean/course.notes", path="a b.ipynb"))
    base, redirect, path = link.path.partition("/hub/user-redirect/")
    assert (base, redirect) == (urlsplit(hub_url).path.rstrip("/"), "/hub/user-redirect/")
    with urllib.request.urlopen(f"{server}/{path}?{link.query}") as answer:
        page = answer.read().decode()
    shown = {key: unquote(value) for key, value in re.findall(r'data-(\w+)="([^"]*)"', page)}
    assert shown["repo"] == "https://github.com/ocean/course.notes"
    assert shown["path"] == f"lab/tree/{shown['targetpath']}/a b.ipynb"


def test_links_are_those_of_the_generators():
    """What nbgitpuller's link generator and mybinder.org's page make of the same repository."""
    assert links.content("https://hub.example.org", "ocean/maps", branch="main") == (
        "https://hub.example.org/hub/user-redirect/git-pull"
        "?repo=https%3A%2F%2Fgithub.com%2Focean%2Fmaps&urlpath=lab%2Ftree%2Fmaps%2F&branch=main"
    )
    assert links.badge("ocean/maps") == (
        "[![Binder](https://mybinder.org/badge_logo.svg)](https://mybinder.org/v2/gh/ocean/maps/HEAD)"
    )


def test_command(repositories, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("GITHUB_REPOSITORY", "ocean/ocean")
    assert main(["links", REFERENCES["ocean"], str(repositories["ocean"])]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert "%22profile%22%3A%22ocean%22" in lines[0], "the profile of our own entry"
    (tmp_path / "event.json").write_text('{"repository": {"private": true}}')
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(tmp_path / "event.json"))
    assert main(["links", REFERENCES["ocean"], str(repositories["ocean"])]) == 0
    assert capsys.readouterr().out.splitlines() == lines[:1], "nobody else can read the files"
    monkeypatch.delenv("GITHUB_EVENT_PATH")
    monkeypatch.delenv("GITHUB_REPOSITORY")
    assert main(["links", REFERENCES["maps"], str(repositories["maps"])]) == 0
    assert capsys.readouterr().out == "", "neither a hub nor a repository is known"
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "remote", "add", "origin", "git@github.com:ocean/course.notes.git")
    assert links.github_repository(tmp_path) == "ocean/course.notes"
