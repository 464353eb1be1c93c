"""The pages: what is made is what would be made, links lead somewhere, commands are ones that there are, and the first page is short."""

from __future__ import annotations

import os
import re
import runpy
import shlex
from importlib import import_module
from pathlib import Path

import pytest

from conftest import CATALOG, QUESTIONS_FILE, ROOT
from hub_image.__main__ import COMMANDS, STEPS, Parser
from hub_image.lists.packages import PARSERS

MADE = runpy.run_path(str(ROOT / "docs/make.py"))["PAGES"]
DOCS = sorted((ROOT / "docs").glob("*.md"))
GUIDES = sorted((ROOT / "tests/golden").glob("*/GUIDE.md"))
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS, *GUIDES]
LINK = re.compile(r"(?<!\\)\]\(([^()\s]+)\)")
BLOCK = re.compile(r"(?:^<!-- ([^\n]*) -->\n)?^( *)```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """What stands behind # in links to a page: https://github.com/gjtorikian/html-pipeline, its table of contents."""
    headings = re.findall(r"^#+ (.*)", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


def name(page: Path) -> str:
    """A page, as a test's name."""
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", MADE)
def test_a_made_page_is_the_one_that_would_be_made(page):
    assert (ROOT / "docs" / page).read_text() == MADE[page](), "run python docs/make.py"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    """Links to this project; what others have cannot be looked up from here."""
    ours = f"{CATALOG['published']}/blob/main/"
    for link in LINK.findall(page.read_text()):
        target, _, anchor = link.partition("#")
        if target.startswith(ours):
            there = ROOT / target.removeprefix(ours)
        elif "://" in target or target.startswith(("mailto:", "../../tree/")):  # on GitHub
            continue
        else:
            there = page.parent / target if target else page
        assert there.exists(), link
        assert not anchor or anchor in anchors(there), link


@pytest.mark.parametrize("page", DOCS, ids=name)
def test_each_command_on_a_page_is_run_by_a_test_or_says_why_not(page):
    for said, _, _, text in BLOCK.findall(page.read_text()):
        where = re.fullmatch(r"run by (\S+)", said)
        assert where or said.startswith("not run: "), text
        assert not where or (ROOT / where[1]).is_file(), said


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_of_hub_image_have_the_options_that_a_page_gives_them(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my-image").mkdir()
    for _, _, _, text in BLOCK.findall(page.read_text()):
        for line in text.splitlines():
            words = shlex.split(line, comments=True) if "hub-image " in line else []
            if "hub-image" in words[:-1] and words[0] in ("hub-image", "uvx"):
                command, *options = words[words.index("hub-image") + 1 :]
                parser = Parser()
                import_module(f"hub_image.{COMMANDS[command][0]}").arguments(parser)
                parser.parse_args(options)


def test_the_first_pages_are_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 90
    for page in GUIDES:
        text = page.read_text()
        assert len(text.splitlines()) <= 120 and len(text.split()) <= 900, page


def test_what_adopt_says_in_the_readme_is_what_it_says():
    """Eight lines of its report on one of the old repositories, which tests/adopt runs; in their order."""
    (shown,) = re.findall(r" adopt --dry-run .*\n((?s:.*?))```", (ROOT / "README.md").read_text())
    said = (ROOT / "tests/adopt/repositories/hub-user-image-template.txt").read_text().splitlines()
    lines, rest = shown.splitlines(), iter(said)
    assert len(lines) == 8
    for line in lines:
        assert line in rest, line


def test_the_index_names_every_page():
    index = set(LINK.findall((ROOT / "docs/README.md").read_text()))
    assert {page.name for page in DOCS} - {"README.md"} <= index


TOPS = set(os.listdir(ROOT))
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()


def test_what_contributing_names_is_there():
    """Paths of this repository, in text and in commands; `my_rule.py` is the one that a reader makes."""
    names = re.findall(r"(?<![\w./:-])((?:\.?[\w-]+/)+[\w.-]*|[\w-]+\.(?:yml|md))", CONTRIBUTING)
    names = [name for name in names if name.split("/")[0] in TOPS or name in TOPS]
    assert len(names) > 40
    assert {name for name in names if not (ROOT / name).exists()} == {
        "hooks/hub_image/checks/rules/my_rule.py"
    }


def test_contributing_knows_every_room():
    rooms = {path.parent.name for path in (ROOT / "hooks/hub_image").glob("*/__init__.py")}
    assert rooms == set(re.findall(r"^(\w+)/  ", CONTRIBUTING, re.MULTILINE))


def test_a_step_of_ci_is_a_module_and_a_line():
    """The commands of the room, and nothing else there can be called."""
    folder = ROOT / "hooks/hub_image/ci"
    callable = {path.stem for path in folder.glob("*.py") if "\ndef run(" in path.read_text()}
    places = [place for place, _ in (COMMANDS | STEPS).values()]
    assert callable == {place.removeprefix("ci.") for place in places if place.startswith("ci.")}


def test_a_list_is_read_and_belongs_to_its_owner():
    """Each package list that people get is one that the checks read and that updates leave alone."""
    lists = {name.removesuffix(".jinja") for name in os.listdir(ROOT / "template")} & {*PARSERS}
    assert lists == {*PARSERS} - {"environment.yaml"}  # which adoption renames
    assert {f"/{name}" for name in lists} <= set(QUESTIONS_FILE["_skip_if_exists"])
