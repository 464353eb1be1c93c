"""The page as index.html: the same as README.md, and packages are found by typing. It is whole without JavaScript."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from hub_image.page import html
from hub_image.page.facts import FROM, KINDS, MOST, Facts, Older
from hub_image.page.words import (
    CHANGES,
    OLDER,
    PACKAGES,
    PEOPLE,
    START,
    anchor,
    changes_since,
    compared,
    counted,
    is_open,
    proved,
    sections,
)
from hub_image.tools.registry import size

STYLE = """
body { max-width: 50rem; }
pre { border: 1px solid; border-radius: .3rem; padding: .75rem; white-space: pre-wrap; }
th, #packages td:last-child { overflow-wrap: normal; }
td:nth-child(2) { min-width: 5rem; }
"""
SCRIPT = """
const field = document.getElementById("find"), said = document.getElementById("found");
const plain = text => text.toLowerCase().replace(/[-_.]+/g, "-");
const sections = [...document.querySelectorAll("#packages details")].map(section => ({
  section, open: section.open,
  rows: [...section.querySelectorAll("tbody tr")].map(row => ({row, name: plain(row.cells[0].textContent)})),
}));
document.getElementById("finder").hidden = false;
field.addEventListener("input", () => {
  const wanted = plain(field.value.trim());
  let all = 0;
  for (const {section, open, rows} of sections) {
    let count = 0;
    for (const {row, name} of rows) {
      row.hidden = !name.includes(wanted);
      count += !row.hidden;
    }
    section.hidden = !count;
    section.open = wanted ? count > 0 : open;
    all += count;
  }
  said.textContent = wanted ? (all === 1 ? "1 package" : all + " packages") : "";
});
"""


def text(facts: Facts) -> str:
    """Return the page in HTML."""
    return html.document(facts.title, _body(facts), STYLE, SCRIPT)


def _body(facts: Facts) -> Iterator[str]:
    if facts.description:
        yield f"<p>{escape(facts.description)}</p>"
    yield f"<pre>{escape(facts.reference)}</pre>"
    known = [
        f"Made on {escape(facts.made[:10])}." if facts.made else "",
        f"A machine of the hub pulls {size(facts.size)}." if facts.size else "",
    ]
    yield f"<p>{' '.join(filter(None, known))}</p>"
    if facts.proof:
        yield f"<p>{proved(facts.proof, html.link, escape)}</p>"
    headings = (f'<a href="#{anchor(one)}">{one}</a>' for one in sections(facts))
    yield f"<nav>{' · '.join(headings)}</nav>"
    yield from _start(facts)
    yield from _packages(facts)
    yield _heading(CHANGES)
    yield f"<p>{compared(facts, escape)}</p>"
    if facts.changes:
        rows = ((c.name, FROM.get(c.manager, c.manager), c.before, c.now) for c in facts.changes)
        yield "<details><summary>Packages that differ</summary>"
        yield from html.table(("package", "from", "before", "now"), rows)
        yield "</details>"
    if facts.older:
        yield _heading(OLDER)
        yield "<p>These stay. Choose <em>Other…</em> and paste one, or ask the people who run the hub to put it in the place of this one.</p>"
        yield from html.listed(_older(facts, older) for older in facts.older[:MOST])
    if PEOPLE not in sections(facts):
        return
    yield _heading(PEOPLE)
    yield from html.listed(
        filter(
            None,
            [
                facts.github
                and f"The image: {html.link(facts.home, facts.github)}, and {html.link(facts.home + '/issues', 'its issues')}",
                facts.hub and f"The hub: {html.link(facts.hub, facts.hub)}",
                facts.support
                and f"The people who run the hub: {html.link(facts.support, facts.support.removeprefix('mailto:'))}",
            ],
        )
    )


def _heading(words: str) -> str:
    return f'<h2 id="{anchor(words)}">{words}</h2>'


def _older(facts: Facts, older: Older) -> str:
    since = changes_since(facts, older)
    words = f"What changed since {older.tag}"
    changed = f" ({html.link(since, words)})" if since else ""
    name, day = escape(f"{facts.name}:{older.tag}"), escape(older.made[:10])
    return f"<code>{name}</code>, of {day}{changed}"


def _start(facts: Facts) -> Iterator[str]:
    yield _heading(START)
    run = f"docker run --rm --publish 127.0.0.1:8888:8888 {facts.reference}"
    yield from html.listed(
        filter(
            None,
            [
                facts.launch and html.link(facts.launch, "Start it on the hub"),
                "On a hub that has <em>Other…</em> in its list of images, choose that, and paste the name above.",
                facts.binder
                and f"{html.link(facts.binder, 'Build it on Binder')}, which takes its time",
                f"On your computer: <code>{escape(run)}</code>",
            ],
        )
    )


def _packages(facts: Facts) -> Iterator[str]:
    yield _heading(PACKAGES)
    yield '<div id="finder" hidden>'
    yield '<label for="find">Find a package</label>'
    yield '<input id="find" type="search" autocomplete="off" spellcheck="false">'
    yield '<p id="found" role="status"></p></div>\n<div id="packages">'
    for kind in KINDS:
        if found := facts.of(kind):
            state = " open" if is_open(kind) else ""
            yield f"<details{state}><summary>{kind}: {counted(len(found))}</summary>"
            rows = ((package.name, package.version, FROM[package.manager]) for package in found)
            yield from html.table(("package", "version", "from"), rows)
            yield "</details>"
    yield "</div>"
