"""The pictures: all that a page shows is made by one command, says what it shows, and is of today."""

from __future__ import annotations

import html
import re
import sys
from pathlib import Path

import pytest

from conftest import ROOT

sys.path.insert(0, str(ROOT / "docs"))
import pictures  # noqa: E402
import terminal  # noqa: E402

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TAG = re.compile(r"<(?:img|source)\s[^>]*>")


def shown() -> dict[Path, list[str]]:
    """Each of our pictures that a page shows, with the tags that do so."""
    found: dict[Path, list[str]] = {}
    for page in PAGES:
        for tag in TAG.findall(page.read_text()):
            address = re.search(r'src(?:set)?="([^"]*)"', tag)[1]
            if "://" not in address:
                found.setdefault((page.parent / address).resolve(), []).append(tag)
    return found


def test_each_picture_is_shown_and_says_what_it_shows():
    assert set(shown()) == set(pictures.PICTURES.iterdir())
    for tags in shown().values():
        for tag in tags:
            assert tag.startswith("<source") or len(re.search(r'alt="([^"]*)"', tag)[1]) > 40, tag


def test_what_is_light_is_dark_for_who_wants_that():
    names = {path.name for path in shown()}
    for name in names:
        if name.endswith(".png"):
            assert {name.replace("-light", "-dark"), name.replace("-dark", "-light")} <= names
        else:
            assert "(prefers-color-scheme: dark)" in (pictures.PICTURES / name).read_text()


@pytest.mark.engine
def test_the_command_makes_them_and_nothing_else(chromium, tmp_path):
    (tmp_path / "old.png").write_bytes(b"of an earlier release")
    pictures.make(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in shown()}
    for path in tmp_path.glob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG"), path


@pytest.fixture(scope="module")
def frames(tmp_path_factory) -> list[terminal.Frame]:
    work = tmp_path_factory.mktemp("recording")
    with pictures.isolated(work):
        return pictures.interview(work, pictures.release(work / "template"))


def test_the_recording_shows_what_is_asked_today(frames):
    """Run `python docs/pictures.py` where it does not."""
    kept = (pictures.PICTURES / "copy.svg").read_text()
    kept = {html.unescape(text) for text in re.findall(r">([^<]+)</text>", kept)}
    today = [text for line in frames[-1].lines for _, text, _, _ in line]
    today = today[today.index("my-image is ready. Next:") :]
    for frame in frames:
        today += [line.partition("🎤 ")[2] for line in frame.text.splitlines() if "🎤" in line]
    assert len(set(today)) > 20 and not set(today) - kept


def test_the_recording_begins_as_the_readme_says(frames):
    command = frames[1].text.removeprefix(terminal.PROMPT)
    assert command.startswith("uvx copier copy ")
    assert command in (ROOT / "README.md").read_text().splitlines()


def test_nothing_that_is_said_around_the_questions_is_cut_at_80_columns(frames):
    """A line as wide as the terminal goes on in the next one."""
    wide = {
        text.rstrip()
        for frame in frames
        for text in frame.text.splitlines()
        if len(text) > terminal.WIDTH - 3
    }
    assert not wide


def test_letters_keep_their_columns():
    line = ((0, "🎤", "blue", False), (3, "a < b", "default", True), (20, "c", "green", False))
    drawn = terminal.picture([terminal.Frame((line,), 1)], "A test")
    places = re.findall(r'x="([\d.]+)" y="13" textLength="([\d.]+)">([^<]*)<', drawn)
    step, margin = terminal.STEP, terminal.MARGIN
    assert [(float(x), float(wide), text) for x, wide, text in places] == [
        (pytest.approx(margin + 3 * step), pytest.approx(5 * step), "a &lt; b"),
        (pytest.approx(margin + 20 * step), pytest.approx(step), "c"),
    ]
    assert "🎤" not in drawn and "<title>A test</title>" in drawn


@pytest.mark.parametrize("run", [(0, "🎉 done", "default", False), (0, "a", "#ff0000", False)])
def test_what_cannot_be_drawn_is_no_box(run):
    with pytest.raises(ValueError, match="docs/terminal.py"):
        terminal.picture([terminal.Frame(((run,),), 1)], "A test")
