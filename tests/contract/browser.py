"""What a person does in the browser: log in, see the launcher, open a notebook, run a cell.

Usage: browser.py ADDRESS CHROMIUM SCREENSHOT; prints what the login page announces, the launcher's
kernels and the cell's output as JSON. A program of its own, because it has to run where the hub's port is published.
"""

import json
import re
import sys

from playwright.sync_api import sync_playwright


def main(address: str, chromium: str, screenshot: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(180_000)
        try:
            page.goto(address)
            announced = page.locator(".announcement").inner_text()
            page.fill("#username_input", "ada")
            page.click("#login_submit")
            page.wait_for_url(re.compile(r"/user/ada/lab"), timeout=300_000)
            section = page.locator(".jp-Launcher-section", has_text="Notebook").first
            section.locator(".jp-LauncherCard").first.wait_for()
            labels = section.locator(".jp-LauncherCard-label").all()
            kernels = sorted(label.inner_text().strip() for label in labels)
            section.locator(".jp-LauncherCard", has_text="Python 3").first.click()
            # What is run before the kernel is there is lost.
            page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
            cell = page.locator(".jp-Notebook .jp-CodeCell .cm-content").first
            cell.click()
            page.keyboard.type("print(6 * 7)")
            page.keyboard.press("Shift+Enter")
            output = page.locator(".jp-OutputArea-output pre").first
            output.wait_for()
            printed = output.inner_text().strip()
        finally:
            page.screenshot(path=screenshot)
            browser.close()
    print(json.dumps({"announced": announced.strip(), "kernels": kernels, "output": printed}))


if __name__ == "__main__":
    main(*sys.argv[1:])
