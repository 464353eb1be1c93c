"""The fleet as index.html: a table by urgency, which a browser sorts by any column and filters by typing and by need."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from html import escape
from typing import NamedTuple

from hub_image.fleet.model import Need, Row, Use, Weight
from hub_image.fleet.words import base, counted, dated, proved, where
from hub_image.page import html

STYLE = """
body { max-width: 110rem; }
#finder:not([hidden]) { display: flex; flex-wrap: wrap; gap: .5rem 1rem; }
#finder > div { flex: 1 1 14rem; }
#finder > p { flex-basis: 100%; margin: 0; min-height: 1.5rem; }
select { box-sizing: border-box; width: 100%; font: inherit; padding: .5rem; }
td ul { margin: 0; padding-left: 1.1rem; }
td:nth-child(1), td:nth-child(2), td:nth-child(3) { min-width: 11rem; }
td:nth-child(n+4) { min-width: 6rem; }
th, td > code { overflow-wrap: normal; }
td:nth-child(1) > code { overflow-wrap: anywhere; }
th button { font: inherit; color: inherit; background: none; border: 0; padding: 0; text-align: left; text-decoration: underline dotted; cursor: pointer; }
th[aria-sort=ascending] button::after { content: " \\25B2" / ""; }
th[aria-sort=descending] button::after { content: " \\25BC" / ""; }
@media (max-width: 70rem) {
  table, tbody, tbody tr, td { display: block; }
  thead { display: none; }
  .sorts thead { display: block; }
  thead tr { display: flex; flex-wrap: wrap; gap: 0 1rem; }
  th { border: 0; }
  tbody tr { border: 1px solid; border-radius: .3rem; padding: .5rem .75rem; margin: .75rem 0; }
  td { border: 0; padding: .15rem 0; }
  td::before { content: attr(data-head) ": "; font-weight: 600; }
  td:empty { display: none; }
  td:first-child::before { content: none; }
}
"""
SCRIPT = """
const table = document.getElementById("images"), body = table.tBodies[0], rows = [...body.rows];
const typed = document.getElementById("find"), need = document.getElementById("need");
const said = document.getElementById("found");
const texts = rows.map(row => row.textContent.toLowerCase());
const filter = () => {
  const wanted = typed.value.trim().toLowerCase();
  let count = 0;
  rows.forEach((row, at) => {
    const needs = row.dataset.needs.split(" ");
    const fits = !need.value || (need.value === "any" ? needs[0] : needs.includes(need.value));
    row.hidden = !(fits && texts[at].includes(wanted));
    count += !row.hidden;
  });
  said.textContent = wanted || need.value ? (count === 1 ? "1 image" : count + " images") : "";
};
typed.addEventListener("input", filter);
need.addEventListener("input", filter);

const order = new Intl.Collator(undefined, {numeric: true});
const heads = [...table.tHead.rows[0].cells];
heads.forEach((head, column) => {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = head.textContent;
  head.replaceChildren(button);
  button.addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    heads.forEach(other => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const key = row => row.cells[column].dataset.sort ?? row.cells[column].textContent;
    body.append(...[...rows].sort((one, other) => {
      const first = key(one), second = key(other);
      if (!first || !second) return !first - !second; // what is empty comes last
      return order.compare(first, second) * (down ? -1 : 1);
    }));
  });
});
table.classList.add("sorts");
document.getElementById("finder").hidden = false;
filter();
"""


class Cell(NamedTuple):
    """A cell of the table: its head, what stands in it as HTML, and what it is sorted by, where that is another text."""

    head: str
    shown: str
    sort: str | None = None


def text(found: Sequence[Row], notes: Sequence[str], today: date) -> str:
    """Return the page in HTML; `today` is the day on which all of it was so."""
    return html.document("Images", _body(found, notes, today), STYLE, SCRIPT)


def _body(found: Sequence[Row], notes: Sequence[str], today: date) -> Iterator[str]:
    yield f"<p>{counted(found)} As of {today}.</p>"
    yield '<div id="finder" hidden>'
    yield '<div><label for="find">Find an image</label>'
    yield '<input id="find" type="search" autocomplete="off" spellcheck="false"></div>'
    yield '<div><label for="need">Show</label>'
    yield '<select id="need" autocomplete="off"><option value="">all images</option>'
    yield '<option value="any">what needs somebody</option>'
    counts = Counter(weight for row in found for weight in {need.weight for need in row.needs})
    for weight, count in sorted(counts.items()):
        yield f'<option value="{weight.name.lower()}">{weight.words}: {count}</option>'
    yield '</select></div>\n<p id="found" role="status"></p></div>'
    yield '<table id="images" role="table">'
    yield from _rows(found, today)
    yield "</table>"
    if notes:
        yield "<h2>Notes</h2>"
        yield from html.listed(map(escape, notes))


def _rows(found: Sequence[Row], today: date) -> Iterator[str]:
    """The table by urgency. Its parts say what they are, since a narrow screen shows them as blocks."""
    heads = [cell.head for cell in _cells(Row(""), 0, today)]
    sorted_by = {"Needs": ' aria-sort="ascending"'}
    cells = (
        f'<th scope="col" role="columnheader"{sorted_by.get(head, "")}>{head}</th>'
        for head in heads
    )
    yield f'<thead role="rowgroup"><tr role="row">{"".join(cells)}</tr></thead>'
    yield '<tbody role="rowgroup">'
    for place, row in enumerate(found):
        needs = " ".join(dict.fromkeys(need.weight.name.lower() for need in row.sorted_needs))
        yield f'<tr role="row" data-needs="{needs}">'
        for cell in _cells(row, place, today):
            by = "" if cell.sort is None else f' data-sort="{escape(cell.sort)}"'
            yield f'<td role="cell" data-head="{cell.head}"{by}>{cell.shown}</td>'
        yield "</tr>"
    yield "</tbody>"


def _cells(row: Row, place: int, today: date) -> Iterator[Cell]:
    yield Cell("Image", _name(row), (row.title or row.image).lower())
    yield Cell("Needs", _listed(map(_need, row.sorted_needs)), str(place))
    yield Cell("On hubs", _listed(dict.fromkeys(map(_use, row.uses))))
    newest = [f"<code>{escape(row.newest)}</code>" if row.newest else "", dated(row.day, today)]
    yield Cell("Newest", "<br>".join(filter(None, newest)), row.day or row.newest)
    yield Cell(
        "Base",
        "<br>".join(map(escape, base(row, today))).replace(":", ":<wbr>"),
        row.base_day or row.base,
    )
    yield Cell("Template", escape(row.template))
    yield Cell("JupyterHub", escape(row.hub_version))
    last = _linked(row.proof.page if row.proof else "", proved(row))
    yield Cell("Proved", last, row.proof.day if row.proof else "")


def _name(row: Row) -> str:
    lines = [f"<strong>{escape(row.title)}</strong>" if row.title else ""]
    if row.is_read:
        lines.append(f"<code>{escape(row.image)}</code>" if row.image else "")
    lines.append(_linked(row.page, row.repository))
    return "<br>".join(filter(None, lines))


def _need(need: Need) -> str:
    is_word = re.match("[a-z]+ ", need.sentence)  # and no name, nor a path
    sentence = need.sentence[0].upper() + need.sentence[1:] if is_word else need.sentence
    is_broken = need.weight in (Weight.MOVES, Weight.HUB, Weight.GONE, Weight.FAILED)
    shown = f"<strong>{escape(sentence)}.</strong>" if is_broken else f"{escape(sentence)}."
    return f"{shown} {_linked(need.page, 'Look')}" if need.page else shown


def _use(use: Use) -> str:
    return _linked(use.page, where(use))


def _listed(items: Iterable[str]) -> str:
    """A list, or nothing where there is nothing."""
    found = list(items)
    return "".join(html.listed(found)) if found else ""


def _linked(page: str, words: str) -> str:
    """Words with a link, if there is one; of other kinds than GitHub's there is none."""
    return html.link(page, words) if page.startswith("https://") else escape(words)
