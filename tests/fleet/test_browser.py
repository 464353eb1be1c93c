"""The page of a fleet in a real browser: found, filtered and sorted, on a narrow screen, and without JavaScript."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from axe_playwright_python.base import AXE_SCRIPT

from hub_image.fleet import site
from hub_image.fleet.model import Need, Proof, Row, Use, Weight

from .test_site import HOSTILE

pytestmark = pytest.mark.engine

GITHUB = "https://github.com/sea"
TODAY = date(2026, 11, 30)


def row(name: str, day: str, template: str, *needs: Weight, **more: object) -> Row:
    sentences = {
        Weight.MOVES: "sea/hubs/prod.yaml:12 has a tag that moves; write one that stays",
        Weight.BEHIND: f"sea/hubs/prod.yaml:15 has 0a1b2c3d4e5f of 2026-09-01, and ffffffffffff of {day} is newer; change the tag",
        Weight.WAITS: f"“{HOSTILE}” waits; look at it, and merge it",
        Weight.FAILED: "its last proof failed, on 2026-11-20; look at the run",
    }
    about = {
        "title": name.capitalize(), "repository": f"sea/{name}", "page": f"{GITHUB}/{name}", "newest": "f" * 12,
        "day": day, "base": "quay.io/jupyter/scipy-notebook:2026-07-28", "base_day": "2026-07-28",
        "template": template, "hub_version": "5.4", "proof": Proof(True, "f" * 40, day, f"{GITHUB}/{name}/actions/runs/1"),
        "uses": (Use("sea/hubs/prod.yaml:15", f"Ocean hub › {name}", "0a1b2c3d4e5f", False, page=f"{GITHUB}/hubs/blob/HEAD/prod.yaml#L15"),),
        "needs": tuple(Need(weight, sentences[weight], f"{GITHUB}/{name}/issues/1") for weight in needs),
    } | more  # fmt: skip
    return Row(f"quay.io/sea/{name}", **about)


ROWS = [
    row("rivers", "2026-11-09", "v1.10.0", Weight.MOVES, Weight.WAITS),
    row("streams", "2026-11-12", "v1.2.0", Weight.FAILED, proof=Proof(False, "f" * 40, "2026-11-20", f"{GITHUB}/streams/actions/runs/2")),
    row("lakes", "2026-11-01", "v1.9.0", Weight.BEHIND),
    row("fine", "2026-11-20", "v2.0.0"),
    Row("quay.io/elsewhere/a-long-name-of-an-image-that-is-made-elsewhere", uses=(Use("hub.yaml:3", "", "2026.01.30", False),)),
]  # fmt: skip
NOTES = ["Archived repositories that were left out: 2."]


@pytest.fixture
def address(served, tmp_path):
    folder = tmp_path / "page"
    folder.mkdir()
    (folder / "index.html").write_text(site.text(ROWS, NOTES, TODAY), encoding="utf-8")
    return served(folder)


@pytest.fixture
def opened(browse, address):
    return lambda **settings: browse(address, **settings)


def shown(page) -> list[str]:
    """The images that a person sees, in their order."""
    rows = page.locator("#images tbody tr")
    return [
        row.locator("td code").first.inner_text().rpartition("/")[2]
        for row in rows.all()
        if row.is_visible()
    ]


ALL = [one.image.rpartition("/")[2] for one in ROWS]


def test_an_image_is_found_by_typing_and_by_what_it_needs(opened, address):
    page = opened()
    assert shown(page) == ALL
    page.get_by_label("Find an image").fill("RIVER")
    assert shown(page) == ["rivers"] and page.get_by_role("status").inner_text() == "1 image"
    page.get_by_label("Find an image").fill("ocean hub › l")
    assert shown(page) == ["lakes"]
    page.get_by_label("Find an image").fill("")
    page.get_by_label("Show").select_option("what needs somebody")
    assert shown(page) == ALL[:3] and page.get_by_role("status").inner_text() == "3 images"
    page.get_by_label("Show").select_option("a newer image: 1")
    assert shown(page) == ["lakes"]
    page.get_by_label("Find an image").fill("nosuch")
    assert shown(page) == [] and page.get_by_role("status").inner_text() == "0 images"
    assert page.asked == [address] and page.said == []


def test_a_column_sorts(opened):
    page = opened()
    needs = page.get_by_role("columnheader", name="Needs")
    assert needs.get_attribute("aria-sort") == "ascending"
    template = page.get_by_role("columnheader", name="Template")
    template.get_by_role("button").click()
    assert shown(page) == ["streams", "lakes", "rivers", "fine", ALL[4]], "1.10 comes after 1.9"
    assert template.get_attribute("aria-sort") == "ascending" and not needs.get_attribute(
        "aria-sort"
    )
    template.get_by_role("button").press("Enter")
    assert shown(page) == ["fine", "rivers", "lakes", "streams", ALL[4]], "what is empty stays last"
    page.get_by_role("columnheader", name="Newest").get_by_role("button").click()
    assert shown(page)[0] == "lakes"
    page.get_by_role("columnheader", name="Needs").get_by_role("button").click()
    assert shown(page) == ALL and page.said == []


def test_what_is_sorted_and_filtered_stays_both(opened):
    page = opened()
    page.get_by_label("Show").select_option("what needs somebody")
    page.get_by_role("columnheader", name="Image").get_by_role("button").click()
    assert shown(page) == ["lakes", "rivers", "streams"]


@pytest.mark.parametrize("javascript", [True, False])
def test_a_phone_shows_it_whole(opened, javascript, tmp_path):
    page = opened(
        viewport={"width": 320, "height": 640}, color_scheme="dark", java_script_enabled=javascript
    )
    assert page.locator("html").bounding_box()["width"] <= 320
    assert shown(page) == ALL
    for cell in page.locator("#images tbody tr").first.locator("td").all():
        box = cell.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 320
    if javascript:
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        page.get_by_role("button", name="Template").click()
        assert shown(page)[0] == "streams"
    page.screenshot(path=str(Path(tmp_path, "phone.png")), full_page=True)


def test_without_javascript_it_is_a_table_by_urgency(opened):
    page = opened(java_script_enabled=False)
    assert shown(page) == ALL
    assert (
        not page.get_by_label("Find an image").is_visible()
        and page.get_by_role("button").count() == 0
    )
    assert page.get_by_role("columnheader").count() == 8 and page.said == []


def test_it_leads_to_where_something_is_to_do(opened):
    page = opened()
    first = page.locator("#images tbody tr").first
    links = {
        link.inner_text(): link.get_attribute("href") for link in first.get_by_role("link").all()
    }
    assert links == {
        "sea/rivers": f"{GITHUB}/rivers",
        "Look": f"{GITHUB}/rivers/issues/1",
        "Ocean hub › rivers: 0a1b2c3d4e5f": f"{GITHUB}/hubs/blob/HEAD/prod.yaml#L15",
        "2026-11-09": f"{GITHUB}/rivers/actions/runs/1",
    }
    assert HOSTILE in first.inner_text()


@pytest.mark.parametrize(
    "settings", [{}, {"color_scheme": "dark"}, {"viewport": {"width": 320, "height": 640}}], ids=str
)
def test_axe_finds_nothing(opened, settings, tmp_path):
    """https://github.com/dequelabs/axe-core, the engine of most checks of accessibility."""
    page = opened(**settings)
    page.evaluate(AXE_SCRIPT)
    found = page.evaluate("axe.run()")
    assert found["violations"] == [] and len(found["passes"]) > 20
    page.screenshot(path=str(tmp_path / "page.png"), full_page=True)
