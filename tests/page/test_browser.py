"""The page in a real browser: found by typing, on a narrow screen, without JavaScript, and without any other server."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.base import AXE_SCRIPT

from .conftest import HOSTILE, OLD, PAGE

pytestmark = pytest.mark.engine


@pytest.fixture
def address(kept, served):
    """The page on a server, as GitHub Pages has it."""
    return served(kept)


@pytest.fixture
def opened(browse, address):
    """Open the page."""
    return lambda **settings: browse(address, **settings)


def shown(page) -> list[str]:
    """The names of the packages that a person sees."""
    rows = page.locator("#packages tbody tr")
    return [row.locator("td").first.inner_text() for row in rows.all() if row.is_visible()]


def test_a_package_is_found_by_typing(opened, address):
    page = opened()
    assert {"xarray", HOSTILE} <= set(shown(page)) and "zip" not in shown(page)
    page.get_by_label("Find a package").fill("XARR")
    assert shown(page) == ["xarray"]
    assert page.get_by_role("status").inner_text() == "1 package"
    page.get_by_label("Find a package").fill("scikit_learn")
    assert shown(page) == ["scikit-learn"]
    page.get_by_label("Find a package").fill("zip")
    assert shown(page) == ["zip"], "what is folded is found too"
    page.get_by_label("Find a package").fill("nosuch")
    assert shown(page) == [] and page.get_by_role("status").inner_text() == "0 packages"
    page.get_by_label("Find a package").fill("")
    assert "xarray" in shown(page) and "zip" not in shown(page)
    assert page.asked == [address] and page.said == []


def test_what_changed_since_an_older_image_is_one_click(opened):
    link = opened().get_by_role("link", name=f"What changed since {OLD}")
    assert link.get_attribute("href") == f"https://github.com/sea/ocean/compare/{PAGE}...image-page"


def test_a_phone_shows_it_whole(opened, tmp_path):
    page = opened(viewport={"width": 320, "height": 640}, color_scheme="dark")
    wide = "document.documentElement.scrollWidth"
    assert page.evaluate(wide) <= 320
    page.screenshot(path=str(Path(tmp_path, "phone.png")), full_page=True)


def test_without_javascript_all_is_there(opened):
    page = opened(java_script_enabled=False)
    assert not page.get_by_label("Find a package").is_visible()
    assert "xarray" in shown(page)
    page.get_by_text("System: 201 packages").click()
    assert "zip" in shown(page)
    assert page.said == []


@pytest.mark.parametrize(
    "settings", [{}, {"color_scheme": "dark"}, {"viewport": {"width": 320, "height": 640}}], ids=str
)
def test_axe_finds_nothing(opened, settings):
    """https://github.com/dequelabs/axe-core, the engine of most checks of accessibility."""
    page = opened(**settings)
    page.evaluate(AXE_SCRIPT)
    found = page.evaluate("axe.run()")
    assert found["violations"] == [] and len(found["passes"]) > 20
