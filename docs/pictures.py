"""Make the pictures of README.md and docs/: `python docs/pictures.py`, with what `pip install --editable '.[test]'` installs, and
Chromium. A release renews them.

Real: the hub's menu (JupyterHub, KubeSpawner, jupyterhub-fancy-profiles) and the entry in it, the list, the text of the
comment, the terminal. Stand-ins: Kubernetes (tests/handoff/hub_config.py); what a registry and a build would tell the
comment (SAMPLE); and GitHub's page, for which markdown-it renders the text, in GitHub's colours.
"""

from __future__ import annotations

import base64
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from unittest import mock

import copier
import yaml
from markdown_it import MarkdownIt
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[1]
PICTURES = Path(__file__).parent / "pictures"
sys.path[:0] = [str(ROOT / part) for part in ("docs", "hooks", "tests")]

import terminal  # noqa: E402

from conftest import git  # noqa: E402
from hub_image import __version__, catalog  # noqa: E402
from hub_image.ci import plan, report  # noqa: E402
from hub_image.handoff import links, menu, profiles  # noqa: E402
from hub_image.repository import image_env  # noqa: E402
from rig.fixtures import installed_browser  # noqa: E402

MODES = ("light", "dark")
EDGE = 16  # pixels around the menu
SCALE = 1.5  # pixels of a picture for one of the page
WAIT = 120_000  # milliseconds; tests run beside others
OWNER, NAME, TITLE = "ocean", "maps", "Maps of the sea"
PACKAGE = "cmocean"
COMMIT, BEFORE = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567", "9f8e7d6c5b4a"
# What a registry, a build and the contract would tell: cmocean needs colorspacious, and the base has the rest.
SAMPLE = {
    "digest": "sha256:4c1e5d0f7a6b3928c1e5d0f7a6b3928c4c1e5d0f7a6b3928c1e5d0f7a6b39281",
    "seconds": {"check": 4, "build": 41, "contract": 63, "publish": 6},
    "packages": {("conda", "matplotlib"): "3.10.5", ("conda", "numpy"): "2.3.2"},
    "added": {("conda", "cmocean"): "4.0.3", ("conda", "colorspacious"): "1.1.2"},
    "layers": [("base", 1_412_000_000), ("settled", 196_000_000)],
    "layer": ("listed", 341_000),
}
STYLE = """
body { margin: 0; font: 14px/1.5 -apple-system, "Segoe UI", "Noto Sans", Helvetica, Arial, "DejaVu Sans", sans-serif;
  --back: #ffffff; --ink: #1f2328; --faint: #59636e; --line: #d1d9e0; --bar: #f6f8fa; --added: #dafbe1; --link: #0969da }
body.dark { --back: #0d1117; --ink: #f0f6fc; --faint: #9198a1; --line: #3d444d; --bar: #151b23; --added: #12361f; --link: #4493f8 }
body { background: var(--back); color: var(--ink) }
code, pre, .diff { font: 12px/1.6 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace }
.box { border: 1px solid var(--line); border-radius: 6px; overflow: hidden }
.bar { background: var(--bar); border-bottom: 1px solid var(--line); padding: 7px 14px; color: var(--faint) }
.bar b { color: var(--ink) }
.comment { padding: 2px 14px }
.comment h3 { font-size: 17px; margin: 12px 0 } .comment p { margin: 10px 0 }
.comment pre { background: var(--bar); border-radius: 6px; padding: 10px; white-space: pre-wrap; overflow-wrap: anywhere }
.comment :not(pre) > code { background: var(--bar); border-radius: 5px; padding: 2px 5px; overflow-wrap: anywhere }
.comment table { border-collapse: collapse; margin: 10px 0; font-size: 12.5px } .comment th { padding: 0 }
.comment td { border: 1px solid var(--line); padding: 4px 9px }
.diff div { padding: 0 14px; white-space: pre } .diff .added { background: var(--added) }
figure { margin: 0 } figcaption { font-size: 16px; font-weight: 600; margin: 0 0 8px }
figcaption i { display: inline-block; width: 26px; border-radius: 13px; background: var(--link); color: var(--back);
  font-style: normal; text-align: center; margin-right: 8px }
.alone { width: 720px; padding: 12px }
.story { display: grid; grid-template-columns: 430px 560px; gap: 18px 22px; padding: 12px; align-items: start; width: max-content }
.story figure:nth-child(2) { grid-area: 1 / 2 / 3 / 3 }
.story img { width: 100%; display: block }
"""


def make(folder: Path) -> None:
    """Make all pictures in a folder. Raises what a part raises, with the folder as it was."""
    made: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as work, isolated(Path(work)):
        template = release(Path(work, "template"))
        made["copy.svg"] = copy(Path(work), template).encode()
        repository = Path(work, NAME)
        answers = {
            "title": TITLE,
            "github_owner": OWNER,
            "description": "Depth, heat and currents.",
        }
        copier.run_copy(str(template), repository, data=answers, defaults=True, quiet=True)
        change = edit(repository)
        text, reference = comment(repository, Path(work))
        said = as_github_shows(text)
        with hub(repository, Path(work)) as address, browser() as open_page:
            for mode in MODES:
                chosen = made[f"menu-{mode}.png"] = choose(open_page(mode), address, reference)
                made[f"comment-{mode}.png"] = shown(
                    open_page(mode), f"<div class='alone'>{said}</div>", mode
                )
                made[f"story-{mode}.png"] = shown(
                    open_page(mode), story(change, said, chosen), mode
                )
    folder.mkdir(exist_ok=True)
    for old in set(folder.iterdir()) - {folder / name for name in made}:
        old.unlink()
    for name, content in made.items():
        (folder / name).write_bytes(content)


@contextlib.contextmanager
def isolated(work: Path) -> Iterator[None]:
    """Leave out what git and Copier keep on this machine, and take the published template from the folder `work`."""
    (work / "gitconfig").write_text(
        f'[user]\n\tname = Ocean\n\temail = ocean@example.org\n[url "{work}/template"]\n'
        f"\tinsteadOf = {catalog.load().published}.git\n"
    )
    (work / "settings.yml").write_text("{}\n")
    variables = {
        "GIT_CONFIG_GLOBAL": f"{work}/gitconfig",
        "GIT_CONFIG_NOSYSTEM": "1",
        "COPIER_SETTINGS_PATH": f"{work}/settings.yml",
        "COPIER_CACHE_DIR": f"{work}/cache",
    }
    with mock.patch.dict(os.environ, variables):
        yield


def release(folder: Path) -> Path:
    """Return this template as it stands, released."""
    folder.mkdir()
    parts = ("copier.yml", "catalog.yml", "includes", "template")
    for name in filter(None, git(ROOT, "ls-files", "-z", *parts).split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes((ROOT / name).read_bytes())
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "--message", "A release")
    git(folder, "tag", f"v{__version__}")
    return folder


# ── The terminal

SOURCE = catalog.load().published.replace("https://github.com/", "gh:")
END = "5. Ask the people who run the hub"  # how the last words begin
KEYS = {"languages": " ", "interfaces": " "}  # ticks R, and RStudio


def copy(work: Path, template: Path) -> str:
    """Return the recording of README's way in a terminal, where somebody wants R and RStudio, as SVG."""
    frames = interview(work, template)
    return terminal.picture(
        frames,
        "A terminal: copier copy asks its questions, R and RStudio are ticked, and a list of the next steps ends it.",
    )


def interview(work: Path, template: Path) -> list[terminal.Frame]:
    """Copy the template at a terminal; return what was seen."""
    questions = yaml.safe_load((template / "copier.yml").read_text())
    asked = {
        question["help"].splitlines()[0]: name
        for name, question in questions.items()
        if isinstance(question, dict) and "help" in question
    }
    folder = work / "at-home"
    folder.mkdir()
    # `uvx copier` runs the Copier that is installed here.
    (work / "uvx").write_text('#!/bin/sh\nexec "$@"\n')
    (work / "uvx").chmod(0o755)
    path = os.pathsep.join([str(work), str(Path(sys.executable).parent), os.environ["PATH"]])
    with terminal.Terminal(folder, {"PATH": path}) as shell:
        shell.look(1)
        shell.type(f"uvx copier copy {SOURCE} my-image")
        shell.wait(f"{terminal.PROMPT}uvx")
        shell.look(2)
        shell.type("\r")
        while asked:
            found = shell.wait(*asked, END)
            if found == END:
                break
            shell.look(1.6)
            if keys := KEYS.get(asked.pop(found)):
                shell.type(keys)
                shell.wait(found)
                shell.look(1.2)
            shell.type("\r")
        shell.wait(terminal.PROMPT)
        shell.look(7)
    return shell.frames


# ── The list, the comment, the menu


def edit(repository: Path) -> str:
    """Add a package to the list, as a commit; return how GitHub shows that, as HTML."""
    git(repository, "init", "--quiet")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "First image")
    with (repository / "environment.yml").open("a", encoding="utf-8") as file:
        file.write(f"  - {PACKAGE}\n")
    change = git(repository, "diff", "--unified=4").partition("\n@@")[2].splitlines()[1:]
    git(repository, "commit", "--quiet", "--all", "--message", f"Add {PACKAGE}")
    lines = "".join(
        f"<div class='{'added' if line[0] == '+' else ''}'>{escape(line)}</div>" for line in change
    )
    return f"<div class='box diff'><div class='bar'><b>environment.yml</b></div>{lines}</div>"


def comment(repository: Path, work: Path) -> tuple[str, str]:
    """Return what hub-image comments on the pull request, and the image that it names."""
    here = f"{OWNER}/{NAME}"
    event = {
        "pull_request": {
            "number": 7,
            "head": {"sha": COMMIT, "repo": {"full_name": here}},
            "user": {"login": "ada"},
        }
    }
    environment = {
        "GITHUB_REPOSITORY": here,
        "GITHUB_REPOSITORY_OWNER": OWNER,
        "GITHUB_REF": "refs/pull/7/merge",
    }
    made = plan.plan(image_env.read(repository), event, environment)
    end = time.time()
    for step, seconds in SAMPLE["seconds"].items():
        end += seconds
        (work / f"{step}.log").write_text("")
        os.utime(work / f"{step}.log", (end, end))
    steps = {step: {"outcome": "success", "outputs": {}} for step in SAMPLE["seconds"]}
    steps["build"]["outputs"]["digest"] = SAMPLE["digest"]
    with contextlib.chdir(repository), registry():
        return "\n".join(report.report(made, steps, work)), made.reference


@contextlib.contextmanager
def registry() -> Iterator[None]:
    """Let the report find the sample where it asks a registry and Docker."""

    def manifest(*layers: tuple[str, int]) -> mock.Mock:
        parts = [{"digest": digest, "size": size} for digest, size in layers]
        return mock.Mock(content={"layers": parts, "config": {"digest": str(layers), "size": 0}})

    old, new = manifest(*SAMPLE["layers"]), manifest(*SAMPLE["layers"], SAMPLE["layer"])
    before = "sha256:before"

    def image(digest: str, _: str) -> mock.Mock:
        return old if digest == before else new

    def packages(image: str) -> dict[tuple[str, str], str]:
        return SAMPLE["packages"] | ({} if image.endswith(before) else SAMPLE["added"])

    with (
        mock.patch.object(report, "Repository", return_value=mock.Mock(image=image)),
        mock.patch.object(report, "image_before", return_value=(BEFORE, before)),
        mock.patch.object(report.installed, "packages", packages),
        mock.patch.object(report.docker, "pull"),
    ):
        yield


def as_github_shows(text: str) -> str:
    """Return a comment in Markdown as HTML, with the bar that GitHub puts above it."""
    body = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    bar = "<div class='bar'><b>github-actions</b> commented</div>"
    return f"<div class='box'>{bar}<div class='comment'>{body}</div></div>"


@contextlib.contextmanager
def hub(repository: Path, folder: Path) -> Iterator[str]:
    """Run a hub whose menu has the image that was published before; yield its address."""
    published = f"ghcr.io/{OWNER}/{NAME}:{BEFORE}"
    (folder / "menu.yaml").write_text(
        profiles.dump(menu.merged([repository], [published], "choice"))
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    config = next((ROOT / "tests").rglob("hub_config.py"))
    with (folder / "hub.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", f"--config={config}"],
            cwd=folder,
            env=os.environ | {"MENU": str(folder), "PORT": str(port)},
            stdout=log,
            stderr=log,
        )
    try:
        while True:
            try:
                urllib.request.urlopen(f"{address}/hub/health").close()
                break
            except OSError:
                if process.poll() is not None:
                    raise RuntimeError((folder / "hub.log").read_text()) from None
                time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def browser() -> Iterator[Callable[[str], Page]]:
    """Run a browser; yield what opens a new visitor's page, in light or dark mode."""
    if not (program := installed_browser()):
        raise SystemExit("install Chromium or Chrome")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])

        def visitor(mode: str) -> Page:
            size = {"width": 1040, "height": 700}
            page = running.new_page(color_scheme=mode, device_scale_factor=SCALE, viewport=size)
            page.set_default_timeout(WAIT)
            return page

        yield visitor
        running.close()


def choose(page: Page, address: str, reference: str) -> bytes:
    """Return what is seen where somebody gives the name of an image in the hub's menu."""
    page.goto(links.other(address, reference, "choose-your-environment"))
    page.fill("#username_input", "ada")
    page.fill("#password_input", "any")
    page.click("#login_submit")
    page.wait_for_selector(".selected-profile")
    top = page.locator("h1").bounding_box()["y"]
    start = page.locator("button.btn-jupyter:visible").bounding_box()
    clip = {"x": start["x"] - EDGE, "y": top - EDGE, "width": start["width"] + 2 * EDGE}
    clip["height"] = start["y"] + start["height"] - top + 2 * EDGE
    return page.screenshot(animations="disabled", clip=clip)


def shown(page: Page, content: str, mode: str) -> bytes:
    """Return how a browser shows HTML."""
    page.set_content(f"<style>{STYLE}</style><body class='{mode}'><div id='all'>{content}</div>")
    return page.locator("#all > *").screenshot()


def story(change: str, said: str, chosen: bytes) -> str:
    """Return the story in one picture, as HTML: the list, the comment, the menu."""
    source = base64.b64encode(chosen).decode()
    parts = {
        "Edit a list": change,
        "A comment names an image": said,
        "Try it on the hub": f"<div class='box'><img src='data:image/png;base64,{source}'></div>",
    }
    figures = (
        f"<figure><figcaption><i>{number}</i>{caption}</figcaption>{part}</figure>"
        for number, (caption, part) in enumerate(parts.items(), 1)
    )
    return f"<div class='story'>{''.join(figures)}</div>"


if __name__ == "__main__":
    make(PICTURES)
    print(*sorted(path.relative_to(ROOT).as_posix() for path in PICTURES.iterdir()), sep="\n")
