"""The page of a fleet as text: all is there, nothing that others wrote is more than text, and a run's summary."""

from __future__ import annotations

import json
from datetime import date
from html import escape

import pytest

from hub_image.__main__ import main
from hub_image.fleet import words
from hub_image.fleet.model import Need, Row, Use, Weight

from .hosting import Repository, image

HOSTILE = '<script>alert(1)</script> & "|`x`" @ada ::set-output name=x::y'


@pytest.fixture
def fleet(hosted, registry, tmp_path):
    """Two images, of which one is hostile wherever somebody else writes, and a hub; the command that looks at them."""
    registry["quay.io/sea/ocean"] = {
        "0" * 12: "2026-09-01T00:00:00Z",
        "f" * 12: "2026-11-20T00:00:00Z",
    }
    hosted.add(
        Repository("sea/ocean", image(TITLE=HOSTILE))
        .ran("success")
        .opens("<!-- hub-image update -->\n", HOSTILE, pull=True),
        Repository("sea/fine", image(IMAGE_NAME="fine")).ran("failure"),
        Repository("sea/site", {"README.md": ""}),
    )
    text = json.dumps(HOSTILE)
    (tmp_path / "hub.yaml").write_text(
        f"singleuser: {{profileList: [{{display_name: {text}, kubespawner_override: "
        '{image: "quay.io/sea/ocean:000000000000"}}]}'
    )
    return ["fleet", "--org", "sea", str(tmp_path / "hub.yaml")]


def test_the_page_has_all_and_what_others_wrote_is_text(fleet, tmp_path, capsys):
    assert main([*fleet, "--into", str(tmp_path / "page")]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Repositories that make no image with the template: 1.",
        f"{tmp_path}/page has the page of 2 images, 2 of which need somebody.",
    ]
    text = (tmp_path / "page/index.html").read_text()
    assert text.count(escape(HOSTILE)) == 4 and "<script>alert" not in text
    for part in (
        'href="https://github.com/sea/ocean"', 'href="https://github.com/sea/ocean/pull/1"',
        'href="https://github.com/sea/fine/actions/runs/1"', "f" * 12, "2026-11-20",
        '<option value="failed">a failed proof: 1</option>', "<li>Repositories that make no image",
    ):  # fmt: skip
        assert part in text, part
    told = json.loads((tmp_path / "page/fleet.json").read_text())
    assert main([*fleet, "--json"]) == 0
    assert told == json.loads(capsys.readouterr().out)


def test_the_page_of_a_run_has_those_that_need_somebody(fleet, tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    assert main(fleet) == 0
    text = (tmp_path / "summary").read_text()
    assert "| [quay.io/sea/ocean](https://github.com/sea/ocean) | " in text
    assert "<script>" not in text and " @ada" not in text and "2 images, 2 of which" in text
    assert text.count("\n| ") == 3


def test_a_summary_fits_on_the_page_of_a_run():
    """Which takes a megabyte: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#step-isolation-and-limits"""
    need = Need(Weight.UNKNOWN, "x" * 400, "https://github.com/sea/ocean/actions/runs/1")
    rows = [Row(f"quay.io/sea/image-{n}", needs=(need, need)) for n in range(3000)]
    text = words.summary(rows, [], date(2026, 11, 30))
    assert len(text.encode()) < 2**20 and "And 2500 more." in text
    assert "|" not in words.summary([Row("quay.io/sea/ocean")], [], date(2026, 11, 30))


def test_days_have_an_age():
    today = date(2026, 11, 30)
    assert words.dated("2026-11-29", today) == "2026-11-29, 1 day"
    assert words.dated("2026-09-01", today) == "2026-09-01, 90 days"
    assert words.dated("", today) == "" and words.dated("0001", today) == "0001"
    for base, day, shown in (
        ("quay.io/a/scipy:2026-07-28", "2026-07-28", ["scipy:2026-07-28", "125 days"]),
        ("quay.io/a/pangeo:2026.07.28", "2026-07-28", ["pangeo:2026.07.28", "125 days"]),
        ("quay.io/a/binder:4.5.1", "2026-07-28", ["binder:4.5.1", "2026-07-28, 125 days"]),
        ("quay.io/a/binder:4.5.1", "", ["binder:4.5.1"]),
        ("", "", []),
    ):
        assert words.base(Row("", base=base, base_day=day), today) == shown


def test_a_link_is_one_of_github(tmp_path):
    from hub_image.fleet import site

    use = Use("hub.yaml:1", "", "1", False, page="javascript:alert(1)")
    text = site.text([Row("quay.io/sea/ocean", uses=(use,))], [], date(2026, 11, 30))
    assert "javascript:" not in text and "hub.yaml:1" in text
    use = Use("hub.yaml:1", HOSTILE, "1", False, page='https://github.com/"><b>')
    text = site.text([Row("quay.io/sea/ocean", uses=(use,))], [], date(2026, 11, 30))
    assert f'<a href="https://github.com/&quot;&gt;&lt;b&gt;">{escape(HOSTILE)}: 1</a>' in text
