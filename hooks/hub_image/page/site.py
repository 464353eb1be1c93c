"""The page as index.html: the same as README.md, and packages are found by typing.

One file, which asks no other server for anything and is whole without JavaScript; a policy in it keeps that so.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator
from html import escape

from hub_image.page.facts import FROM, KINDS, OLDER, Facts, Older
from hub_image.page.words import changes_since, compared, counted, proved
from hub_image.tools.registry import size

STYLE = """
:root { color-scheme: light dark; background: Canvas; color: CanvasText; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 50rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere; }
h1, h2 { line-height: 1.2; }
h2 { margin-top: 2rem; }
code, pre { font-family: ui-monospace, monospace; }
pre { border: 1px solid; border-radius: .3rem; padding: .75rem; white-space: pre-wrap; }
summary { cursor: pointer; padding: .5rem 0; font-weight: 600; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid color-mix(in srgb, currentColor 25%, transparent); padding: .3rem .5rem .3rem 0; text-align: left; vertical-align: top; }
th, #packages td:last-child { overflow-wrap: normal; }
td:nth-child(2) { min-width: 5rem; }
label { display: block; font-weight: 600; }
input { box-sizing: border-box; width: 100%; font: inherit; padding: .5rem; }
[hidden] { display: none; }
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
    return "\n".join([*_head(facts), *_body(facts)]) + "\n"


def _allowed(text: str) -> str:
    """A text as a policy names it: https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Content-Security-Policy"""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _head(facts: Facts) -> Iterator[str]:
    policy = (
        f"default-src 'none'; style-src {_allowed(STYLE)}; script-src {_allowed(SCRIPT)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    yield "<!doctype html>"
    yield '<html lang="en">'
    yield '<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield '<link rel="icon" href="data:,">'
    yield f"<title>{escape(facts.title)}</title>"
    yield f"<style>{STYLE}</style>"


def _body(facts: Facts) -> Iterator[str]:
    yield "<main>"
    yield f"<h1>{escape(facts.title)}</h1>"
    if facts.description:
        yield f"<p>{escape(facts.description)}</p>"
    yield f"<pre>{escape(facts.reference)}</pre>"
    known = [
        f"Made on {escape(facts.made[:10])}." if facts.made else "",
        f"A machine of the hub pulls {size(facts.size)}." if facts.size else "",
    ]
    yield f"<p>{' '.join(filter(None, known))}</p>"
    if facts.proof:
        yield f"<p>{proved(facts.proof, _link, escape)}</p>"
    yield from _start(facts)
    yield from _packages(facts)
    yield f"<h2>What changed</h2>\n<p>{compared(facts, escape)}</p>"
    if facts.changes:
        rows = ((c.name, FROM.get(c.manager, c.manager), c.before, c.now) for c in facts.changes)
        yield "<details><summary>Packages that differ</summary>"
        yield from _table(("package", "from", "before", "now"), rows)
        yield "</details>"
    if facts.older:
        yield "<h2>Go back to an older one</h2>"
        yield "<p>These stay. Choose <em>Other…</em> and paste one, or ask the people who run the hub to put it in the place of this one.</p>"
        yield from _list(_older(facts, older) for older in facts.older[:OLDER])
    yield "<h2>Who looks after it</h2>"
    home = f"https://github.com/{facts.github}"
    yield from _list(
        filter(
            None,
            [
                facts.github
                and f"The image: {_link(home, facts.github)}, and {_link(home + '/issues', 'its issues')}",
                facts.hub and f"The hub: {_link(facts.hub, facts.hub)}",
                facts.support
                and f"The people who run the hub: {_link(facts.support, facts.support.removeprefix('mailto:'))}",
            ],
        )
    )
    yield "</main>"
    yield f"<script>{SCRIPT}</script>"


def _older(facts: Facts, older: Older) -> str:
    since = changes_since(facts, older)
    words = f"What changed since {older.tag}"
    changed = f" ({_link(since, words)})" if since else ""
    name, day = escape(f"{facts.name}:{older.tag}"), escape(older.made[:10])
    return f"<code>{name}</code>, of {day}{changed}"


def _start(facts: Facts) -> Iterator[str]:
    yield "<h2>Start it</h2>"
    run = f"docker run --rm --publish 127.0.0.1:8888:8888 {facts.reference}"
    yield from _list(
        filter(
            None,
            [
                facts.launch and _link(facts.launch, "Start it on the hub"),
                "On a hub that has <em>Other…</em> in its list of images, choose that, and paste the name above.",
                facts.binder
                and f"{_link(facts.binder, 'Build it on Binder')}, which takes its time",
                f"On your computer: <code>{escape(run)}</code>",
            ],
        )
    )


def _packages(facts: Facts) -> Iterator[str]:
    yield '<h2>What is in it</h2>\n<div id="finder" hidden>'
    yield '<label for="find">Find a package</label>'
    yield '<input id="find" type="search" autocomplete="off" spellcheck="false">'
    yield '<p id="found" role="status"></p></div>\n<div id="packages">'
    for kind in KINDS:
        if found := facts.of(kind):
            state = "" if kind == "System" else " open"
            yield f"<details{state}><summary>{kind}: {counted(len(found))}</summary>"
            rows = ((package.name, package.version, FROM[package.manager]) for package in found)
            yield from _table(("package", "version", "from"), rows)
            yield "</details>"
    yield "</div>"


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    cells = "".join(f'<th scope="col">{head}</th>' for head in heads)
    yield f"<table><thead><tr>{cells}</tr></thead><tbody>"
    for row in rows:
        yield f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>"
    yield "</tbody></table>"


def _list(items: Iterable[str]) -> Iterator[str]:
    yield "<ul>"
    yield from (f"<li>{item}</li>" for item in items)
    yield "</ul>"


def _link(address: str, words: str) -> str:
    return f'<a href="{escape(address)}">{escape(words)}</a>'
