"""What the page of an image says, read as a parser of HTML and one of Markdown read it."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from hub_image.__main__ import main
from hub_image.page import facts, readme
from hub_image.tools.markdown import escaped

from .conftest import HOSTILE, NEW, OLD, PAGE


class Reader(HTMLParser):
    """The texts of a page by the tag that they are in, its links, and whatever a browser would fetch or run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.cells: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.asked: list[str] = []
        self.headings: list[str] = []  # of the second level
        self.names: list[str] = []
        self.open: list[bool] = []  # what can be folded
        self.words = ""
        self.inside = ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.inside = tag
        given = dict(attributes)
        if tag == "a":
            self.links.append(given["href"])
        else:
            self.asked += [
                given[key] for key in ("src", "href", "srcset", "action") if key in given
            ]
        if tag == "td":
            self.cells.append("")
        if tag == "h2":
            self.headings.append("")
            self.names += [given["id"]] if "id" in given else []
        if tag == "details":
            self.open.append("open" in given)

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, data):
        if self.inside not in ("style", "script"):
            self.words += data
        if self.inside == "td":
            self.cells[-1] += data
        if self.inside == "h2":
            self.headings[-1] += data


def markdown(text: str) -> Reader:
    return Reader(MarkdownIt("commonmark").enable("table").render(text))


def read(file: Path) -> Reader:
    text = file.read_text()
    return Reader(text) if file.suffix == ".html" else markdown(text)


@pytest.fixture(params=["README.md", "index.html"])
def page(request, kept):
    """The page of the new image, made after that of the old one."""
    return read(kept / request.param)


def test_each_package_stands_there_with_its_version(page):
    rows = [tuple(page.cells[place : place + 3]) for place in range(len(page.cells))]
    for row in (
        ("xarray", "2026.1.0", "conda"),
        (HOSTILE, "<b>1</b>", "PyPI"),
        ("sf", "1.0", "R"),
        ("CSV", "0.10", "Julia"),
        ("ms-python.python", "2026.1", "VS Code"),
        ("lib7", "7-1", "system"),
    ):
        assert row in rows
    assert "Python: 3 packages" in page.words and "System: 201 packages" in page.words


def test_it_says_what_changed(page, published):
    cells = page.cells
    assert [cells[cells.index("gone") + step] for step in range(4)] == ["gone", "conda", "1", ""]
    rows = [tuple(cells[place : place + 4]) for place in range(len(cells))]
    assert ("xarray", "conda", "2025.1.1", "2026.1.0") in rows
    assert f"205 packages added, 1 removed, 1 changed since {published}:{OLD}." in page.words
    assert not any(row[0] == "zip" and row[1] == "system" for row in rows), "it is the same"


def test_it_says_how_to_start_it_and_how_to_go_back(page, published):
    assert f"{published}:{NEW}" in page.words and "1.1 GB" in page.words
    assert any(link.startswith("https://hub.example.org/hub/login?next=") for link in page.links)
    assert f"https://mybinder.org/v2/gh/sea/ocean/{NEW}" in page.links
    older = re.findall(rf"{re.escape(published)}:(\S+), of (2026-11-0\d)", page.words)
    assert older == [("2026.11.2", "2026-11-02"), (OLD, "2026-11-01")], "no trial, nothing newer"


def test_it_says_how_it_was_proved(page):
    assert "34 checks passed with JupyterHub 5.4.0." in page.words
    assert "A server was ready after 2.1 s, on a machine that had the image already." in page.words
    assert "2 only warned: C5 small enough, C7 <b>one version</b> of *each*." in page.words
    assert any(link.endswith("/docs/contract.md") for link in page.links)


def test_an_older_image_is_compared_by_github(page):
    compared = [link for link in page.links if "/compare/" in link]
    assert compared == [f"https://github.com/sea/ocean/compare/{PAGE}...image-page"]
    assert all(re.match("https://|mailto:|#", link) for link in page.links), (
        "also in another branch"
    )


def test_links_within_the_page_lead_to_headings(page):
    """As GitHub names them: https://docs.github.com/en/get-started/writing-on-github/getting-started-with-writing-and-formatting-on-github/basic-writing-and-formatting-syntax#section-links"""
    named = [re.sub("[^a-z -]", "", heading.lower()).replace(" ", "-") for heading in page.headings]
    links = [link[1:] for link in page.links if link.startswith("#")]
    assert len(links) == 5 and links == named
    assert page.names in ([], links)


def test_what_people_look_for_is_not_folded(page):
    """Not every browser's own search finds what is folded."""
    assert page.open == [True] * 4 + [False] * 2, "four languages, the system, and what changed"


def test_on_a_github_of_an_organizations_own(published, ocean, tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://git.example.org")
    monkeypatch.setenv("GITHUB_REPOSITORY", "sea/ocean")
    assert main(["page", f"{published}:{NEW}", str(ocean), "--into", str(tmp_path)]) == 0
    for name in ("README.md", "index.html"):
        links = read(tmp_path / name).links
        assert "https://git.example.org/sea/ocean/issues" in links
        assert not any("https://github.com/sea" in link or "mybinder" in link for link in links)


def test_a_page_from_a_terminal_leaves_out_what_only_ci_knows(published, ocean, tmp_path):
    for tag in (OLD, NEW):
        assert main(["page", f"{published}:{tag}", str(ocean), "--into", str(tmp_path)]) == 0
    for name in ("README.md", "index.html"):
        page = read(tmp_path / name)
        assert "JupyterHub" not in page.words and not any("/compare/" in it for it in page.links)


def test_without_an_image_it_says_what_it_needs(capsys):
    assert main(["page"]) == 2
    assert "hub-image page needs an image and a folder, as in" in capsys.readouterr().err


def test_it_says_who_looks_after_it(page):
    for link in ("https://github.com/sea/ocean/issues", "mailto:help@example.org"):
        assert link in page.links
    assert "Ocean <modelling>" in page.words and "Models & *maps*" in page.words


def test_nothing_on_it_is_fetched_or_run(page):
    assert page.asked in ([], ["data:,"])
    assert page.tags.count("script") <= 1 and "img" not in page.tags and "b" not in page.tags


def test_made_again_it_says_the_same(published, ocean, tmp_path):
    folder = tmp_path / "page"
    seen = []
    for tag in (OLD, NEW, NEW):
        assert main(["page", f"{published}:{tag}", str(ocean), "--into", str(folder)]) == 0
        seen.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert seen[1] == seen[2] != seen[0]
    assert b"There is no earlier image" in seen[0]["README.md"]
    lines = seen[1]["packages.json"].decode().splitlines()
    assert sum('"lib7"' in line for line in lines) == 2  # as a package, and as a change
    assert json.loads(seen[1]["packages.json"])["reference"] == f"{published}:{NEW}"


def test_without_a_hub_a_github_or_a_registry_it_says_what_it_knows(
    published, render, tmp_path, monkeypatch
):
    from hub_image.lists import installed
    from hub_image.tools import docker

    monkeypatch.setattr(docker, "inspect", lambda reference: {})
    monkeypatch.setattr(installed, "packages", lambda reference: {("conda", "numpy"): "2"})
    folder = tmp_path / "page"
    assert main(["page", "my-image", str(render()), "--into", str(folder)]) == 0
    for page in (read(folder / "index.html"), read(folder / "README.md")):
        assert all(link.startswith("#") for link in page.links)
        assert "numpy" in page.cells and "pulls" not in page.words
        assert "Go back" not in page.words and "Who looks after it" not in page.words


RELEASED = """{
"title": "Ocean", "description": "", "reference": "ghcr.io/sea/ocean:0a1b2c3d4e5f",
"made": "2026-11-01T10:00:00.5Z", "size": 7, "packages": [{"manager": "pip", "name": "xarray", "version": "2025.1"}],
"proof": {"hub": "5.4", "passed": 3, "warned": ["C5 small"], "started": "ready after 2 s"},
"before": "ghcr.io/sea/ocean:ffffffffffff",
"changes": [{"manager": "pip", "name": "dask", "before": "", "now": "1"}],
"older": [{"tag": "ffffffffffff", "made": "2026-10-01T10:00:00Z", "page": "0c"}],
"hub": "", "launch": "", "binder": "", "github": "sea/ocean", "support": "", "site": ""
}"""


def test_what_the_first_release_wrote_is_read(tmp_path):
    """From v1.0.0 on this text stays as it is: it stands in branches."""
    (tmp_path / "packages.json").write_text(RELEASED)
    kept = facts.read(tmp_path)
    assert kept == facts.Kept(
        "ghcr.io/sea/ocean:0a1b2c3d4e5f",
        "2026-11-01T10:00:00.5Z",
        {("pip", "xarray"): "2025.1"},
        facts.Proof("5.4", 3, ("C5 small",), "ready after 2 s"),
        "ghcr.io/sea/ocean:ffffffffffff",
        (facts.Change("pip", "dask", "", "1"),),
        (facts.Older("ffffffffffff", "2026-10-01T10:00:00Z", "0c"),),
    )


@pytest.mark.parametrize("kept", ["{", "[]", '{"reference": 1}', '{"packages": [1]}'])
def test_a_folder_with_something_else_is_refused(kept, published, ocean, tmp_path, capsys):
    (tmp_path / "packages.json").write_text(kept)
    line = ["page", f"{published}:{NEW}", str(ocean), "--into", str(tmp_path)]
    assert main(line) == 2
    assert "packages.json is not what `hub-image page` wrote; delete it" in capsys.readouterr().err
    assert not (tmp_path / "README.md").exists()


def test_an_image_without_a_tag_is_one_sentence(published, ocean, tmp_path, capsys):
    assert main(["page", published, str(ocean), "--into", str(tmp_path / "x")]) == 2
    assert f"{published} has no tag; write it as in" in capsys.readouterr().err


def test_an_image_that_is_not_published_is_one_sentence(
    published, ocean, tmp_path, capsys, monkeypatch
):
    from hub_image.lists import installed
    from hub_image.tools import docker

    monkeypatch.setattr(docker, "inspect", lambda reference: {})
    monkeypatch.setattr(installed, "packages", lambda reference: {})
    assert main(["page", f"{published}:nosuch", str(ocean), "--into", str(tmp_path / "x")]) == 2
    assert f"{published}:nosuch is not in the registry; publish it first" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "words",
    [
        "1. a",
        "1) a",
        "- a",
        "+ a",
        "= a",
        "2.",
        "2024.1 b",
        "# a",
        "@a",
        "0.10",
        "a|b",
        "\\",
        "&lt;",
        "_a_",
    ],
)
def test_a_text_is_shown_as_it_was_typed(words):
    assert markdown(escaped(words)).words.strip() == words
    assert markdown(f"| a |\n| --- |\n| {escaped(words)} |").cells == [words]


@pytest.mark.world("readme-is-cut")
def test_github_shows_the_whole_readme_of_an_image_with_all_that_there_is():
    """Three thousand packages, all of them changed: twice as many as the largest images have."""
    names = [f"a-package-with-a-long-name-{number}" for number in range(3000)]
    found = facts.Facts(
        *("x", "x", "quay.io/sea/ocean:1", "", 0),
        packages=tuple(facts.Package("conda", name, "2026.11.23") for name in names),
        before="quay.io/sea/ocean:0",
        changes=tuple(facts.Change("conda", name, "2025.12.31", "2026.11.23") for name in names),
    )
    text = readme.text(found)
    assert text.count(names[-1]) == 2 and len(text.encode()) < 512_000
