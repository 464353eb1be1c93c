"""What a person does in the browser: log in, run a cell, export it, type in a terminal, follow a link with a course.

Usage: browser.py ADDRESS CHROMIUM FOLDER FORMAT...; prints what was seen as JSON: what the login page announces, the
launcher's kernels, the cell's output, how each export of the menu begins, what the terminal wrote, the title of the
notebook behind the link. Leaves screenshots in the folder. A program of its own, because it has to run where the hub's
port is published.
"""

import json
import re
import sys
import time
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import Page, sync_playwright

WAIT = 120_000  # milliseconds
NOTEBOOK = (
    '{"cells": [{"cell_type": "markdown", "id": "a", "metadata": {}, "source": "# Tides of the course"}],'
    ' "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
)
# One line, as it is typed; the course is a repository beside the home, so that no network is needed.
MAKE_COURSE = (
    "git init -q -b main /tmp/course && cd /tmp/course"
    f" && echo '{NOTEBOOK}' >tides.ipynb && git add . &&"
    " git -c user.name=Ada -c user.email=ada@example.org commit -q -m Tides &&"
    " echo $((6 * 7)) >$HOME/terminal.txt"
)


def launcher(page: Page) -> list[str]:
    """The kernels that the launcher offers."""
    section = page.locator(".jp-Launcher-section", has_text="Notebook").first
    section.locator(".jp-LauncherCard").first.wait_for()
    labels = section.locator(".jp-LauncherCard-label").all()
    return sorted(label.inner_text().strip() for label in labels)


def run_cell(page: Page) -> str:
    """Open a notebook from the launcher and run a cell; what it printed."""
    section = page.locator(".jp-Launcher-section", has_text="Notebook").first
    section.locator(".jp-LauncherCard", has_text="Python 3").first.click()
    # What is run before the kernel is there is lost.
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    page.locator(".jp-Notebook .jp-CodeCell .cm-content").first.click()
    page.keyboard.type("print(6 * 7)")
    page.keyboard.press("Shift+Enter")
    output = page.locator(".jp-OutputArea-output pre").first
    output.wait_for()
    return output.inner_text().strip()


def save(page: Page) -> None:
    """Save a new notebook, under the name that JupyterLab asks for."""
    page.keyboard.press("Control+S")
    page.locator(".jp-Dialog .jp-mod-accept").click()
    page.locator(".jp-Dialog").wait_for(state="hidden")


def export(page: Page, name: str, folder: Path) -> str:
    """Export the open notebook by the menu; the first letters of the file that arrives."""
    page.get_by_role("menuitem", name="File", exact=True).click()
    page.get_by_text("Save and Export Notebook As").hover()
    entry = page.locator(".lm-Menu-item", has_text=re.compile(f"^{name}$"))
    entry.wait_for()
    page.screenshot(path=folder / "export.png")
    # The entry opens a page that closes itself as soon as the file comes, so its address is asked again.
    is_export = lambda request: "/nbconvert/" in request.url  # noqa: E731
    with page.context.expect_event("request", is_export) as asked:
        entry.click()
    file = page.request.get(asked.value.url, timeout=WAIT).body()
    return file[:15].decode(errors="replace").strip()


def type_in_terminal(page: Page, lab: str) -> str:
    """Open a terminal from the launcher and type; what the typed line wrote into the home."""
    page.goto(f"{lab}?reset")
    page.locator(".jp-LauncherCard", has_text="Terminal").first.click()
    page.locator(".jp-Terminal .xterm-screen").first.click()
    page.wait_for_timeout(3000)  # until the shell reads
    page.keyboard.type(MAKE_COURSE)
    page.keyboard.press("Enter")
    for _ in range(240):
        answer = page.request.get(lab.replace("/lab", "/files/terminal.txt"))
        if answer.ok and (written := answer.text().strip()):
            return written
        time.sleep(0.5)
    return "nothing"


def follow_link(page: Page, address: str, folder: Path) -> str:
    """Follow a link of nbgitpuller, as a teacher hands it out; the heading that is read behind it."""
    wanted = {"repo": "/tmp/course", "branch": "main", "urlpath": "lab/tree/course/tides.ipynb"}
    page.goto(f"{address}/hub/user-redirect/git-pull?{urlencode(wanted)}")
    heading = page.locator(".jp-Notebook h1").first
    heading.wait_for()
    page.screenshot(path=folder / "course.png")
    return heading.inner_text().strip("¶ \n")


def main(address: str, chromium: str, screenshots: str, *formats: str) -> None:
    folder = Path(screenshots)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(WAIT)
        try:
            page.goto(address)
            seen = {"announced": page.locator(".announcement").inner_text().strip()}
            page.fill("#username_input", "ada")
            page.click("#login_submit")
            page.wait_for_url(re.compile(r"/user/ada/lab"), timeout=300_000)
            lab = page.url.partition("/lab")[0] + "/lab"
            seen["kernels"] = launcher(page)
            seen["output"] = run_cell(page)
            page.screenshot(path=folder / "jupyterlab.png")
            save(page)
            seen["exports"] = {name: export(page, name, folder) for name in formats}
            seen["terminal"] = type_in_terminal(page, lab)
            page.screenshot(path=folder / "terminal.png")
            seen["course"] = follow_link(page, address, folder)
        except Exception:
            page.screenshot(path=folder / "failed.png")
            raise
        finally:
            browser.close()
    print(json.dumps(seen))


if __name__ == "__main__":
    main(*sys.argv[1:])
