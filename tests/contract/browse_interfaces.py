"""What a person does with the interfaces beside JupyterLab: opens each, types, and comes back after a restart.

Usage: browse_interfaces.py ADDRESS CHROMIUM FOLDER INTERFACE...; leaves screenshots in the folder and
prints what was seen as JSON. A program of its own, because it has to run where the hub's port is
published.

What is typed writes a file, and Jupyter is asked for that file: nothing is read off a screen.
"""

import json
import re
import sys
import time

from playwright.sync_api import Page, TimeoutError, expect, sync_playwright

USER = "/user/ada"
TITLES = {"rstudio": "RStudio", "vscode": "VS Code", "desktop": "Desktop"}
# In milliseconds. The palette closes for good when something else of VS Code takes the keyboard, so
# waiting longer does not help.
WAIT = 120_000
WAIT_FOR_PALETTE = 20_000
WAIT_FOR_SERVER = 60_000


class Visit:
    """One person's browser on a hub."""

    def __init__(self, address: str, page: Page, folder: str) -> None:
        self.address, self.page, self.folder = address, page, folder
        expect.set_options(timeout=WAIT)
        page.context.set_default_timeout(WAIT)

    def log_in(self) -> None:
        self.page.goto(self.address)
        self.page.fill("#username_input", "ada")
        self.page.click("#login_submit")
        self.page.wait_for_url(re.compile(USER))

    def restart(self) -> None:
        """Stop the server and start it again, as people do."""
        self.page.goto(f"{self.address}/hub/home", wait_until="networkidle")
        self.page.click("#stop")
        expect(self.page.locator("#stop")).to_be_hidden()
        for _ in range(5):  # the hub starts nothing while Docker still removes the container
            self.page.goto(f"{self.address}/hub/spawn/ada")
            try:
                return self.page.wait_for_url(re.compile(USER), timeout=WAIT_FOR_SERVER)
            except TimeoutError as error:
                print(f"restart: {error}", file=sys.stderr)
        raise RuntimeError("the server does not start again")

    def open_tile(self, title: str) -> Page:
        """The page that opens from a tile of JupyterLab's launcher."""
        self.page.goto(f"{self.address}{USER}/lab")
        tile = self.page.locator(".jp-LauncherCard", has_text=title).first
        with self.page.context.expect_page() as opened:
            tile.click()
        return opened.value

    def open_address(self, name: str) -> Page:
        page = self.page.context.new_page()
        page.goto(f"{self.address}{USER}/{name}")
        return page

    def written(self, name: str) -> str:
        """What is in a file of the home, once it is there; "nothing" after 20 seconds."""
        for _ in range(40):
            url = f"{self.address}{USER}/api/contents/{name}?type=file&format=text"
            answer = self.page.request.get(url)
            if answer.ok and answer.json()["content"]:
                return answer.json()["content"].strip()
            time.sleep(0.5)
        return "nothing"

    def last_activity(self) -> str:
        answer = self.page.request.get(f"{self.address}{USER}/api/status")
        return answer.json()["last_activity"]


def trust_the_home(page: Page) -> None:
    """Answer VS Code's question whether a folder is trusted, where it has come up."""
    trust = page.get_by_role("button", name=re.compile("^Trust Folder"))
    if trust.is_visible():
        trust.click()
        page.wait_for_timeout(3000)


def type_in_vscode(page: Page, command: str) -> None:
    """Open a terminal by the command palette, trust the home folder and type."""
    expect(page.locator(".statusbar-item").first).to_be_visible()
    page.wait_for_timeout(3000)
    trust_the_home(page)
    page.keyboard.press("F1")
    page.locator(".quick-input-widget input").first.wait_for(timeout=WAIT_FOR_PALETTE)
    page.keyboard.type("Terminal: Create New Terminal")
    row = page.locator(".quick-input-list .monaco-list-row").first
    row.wait_for(timeout=WAIT_FOR_PALETTE)
    page.keyboard.press("Enter")
    terminal = page.locator(".terminal-wrapper.active .xterm-screen")
    terminal.wait_for()
    page.wait_for_timeout(8000)  # until the shell reads
    trust_the_home(page)
    expect(page.get_by_text("Build with Agent")).to_have_count(0)
    terminal.click()
    page.keyboard.press("Enter")
    page.keyboard.type(command, delay=20)
    page.keyboard.press("Enter")


def type_in_desktop(page: Page, command: str) -> None:
    """Run a command by the dialog of Alt+F2."""
    screen = page.locator("canvas").first
    expect(screen).to_be_visible()
    page.wait_for_timeout(8000)  # until Xfce has drawn its panel
    screen.click(position={"x": 600, "y": 400})
    page.keyboard.press("Alt+F2")
    page.wait_for_timeout(3000)
    page.keyboard.type(f"sh -c '{command}'", delay=30)
    page.keyboard.press("Enter")


def type_in_rstudio(page: Page, command: str) -> None:
    """Hand R's console a line; see standins/rstudio for where RStudio itself is a stand-in."""
    console = page.locator("#rstudio_console_input .ace_text-input, #console")
    console.wait_for(state="attached")
    console.focus()
    page.keyboard.type(f"system(r'({command})')")
    page.keyboard.press("Enter")


TYPE = {"vscode": type_in_vscode, "desktop": type_in_desktop, "rstudio": type_in_rstudio}


def use(visit: Visit, page: Page, name: str, step: str) -> str:
    """Type on an interface's page; what arrived.

    Three times at most, as a person would: on a slow machine a question of the program's own
    (whether a folder is trusted) comes up after the first letters and takes the rest, or closes
    the list in which a command was being looked for.
    """
    file = f"{name}-{step}.txt"
    found = "nothing"
    try:
        for _ in range(3):
            try:
                TYPE[name](page, f"echo $((6 * 7)) >$HOME/{file}")
            except TimeoutError as error:
                print(f"{name}, {step}: {error}", file=sys.stderr)
                continue
            if (found := visit.written(file)) != "nothing":
                break
        return found
    finally:
        page.screenshot(path=f"{visit.folder}/{name}-{step}.png")
        page.close()


def main(address: str, chromium: str, folder: str, *names: str) -> None:
    seen = {name: {} for name in names}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        visit = Visit(address, context.new_page(), folder)
        visit.log_in()
        for name in names:
            page = visit.open_tile(TITLES[name])
            before = visit.last_activity()
            seen[name]["tile"] = use(visit, page, name, "tile")
            seen[name]["activity"] = visit.last_activity() > before
        visit.restart()
        for name in names:
            seen[name]["address"] = use(visit, visit.open_address(name), name, "address")
        browser.close()
    print(json.dumps(seen))


if __name__ == "__main__":
    main(*sys.argv[1:])
