"""A page of one file, which asks no other server for anything; a policy in it keeps that so."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator
from html import escape

STYLE = """
:root { color-scheme: light dark; background: Canvas; color: CanvasText; }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere; }
h1, h2 { line-height: 1.2; }
h2 { margin-top: 2rem; }
code, pre { font-family: ui-monospace, monospace; }
summary { cursor: pointer; padding: .5rem 0; font-weight: 600; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid color-mix(in srgb, currentColor 25%, transparent); padding: .3rem .5rem .3rem 0; text-align: left; vertical-align: top; }
label { display: block; font-weight: 600; }
input { box-sizing: border-box; width: 100%; font: inherit; padding: .5rem; }
[hidden] { display: none; }
"""


def document(title: str, body: Iterable[str], style: str, script: str) -> str:
    """Return a page: what stands in it as HTML, what its style adds, and its script, which it does without."""
    style = STYLE + style.lstrip("\n")
    policy = (
        f"default-src 'none'; style-src {_allowed(style)}; script-src {_allowed(script)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    lines = [
        "<!doctype html>",
        '<html lang="en">',
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<link rel="icon" href="data:,">',
        f"<title>{escape(title)}</title>",
        f"<style>{style}</style>",
        "<main>",
        f"<h1>{escape(title)}</h1>",
        *body,
        "</main>",
        f"<script>{script}</script>",
    ]
    return "\n".join(lines) + "\n"


def _allowed(text: str) -> str:
    """A text as a policy names it: https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Content-Security-Policy"""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """Yield a table; cells are texts and not HTML."""
    cells = "".join(f'<th scope="col">{head}</th>' for head in heads)
    yield f"<table><thead><tr>{cells}</tr></thead><tbody>"
    for row in rows:
        yield f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>"
    yield "</tbody></table>"


def listed(items: Iterable[str]) -> Iterator[str]:
    """Yield a list of what is HTML already."""
    yield "<ul>"
    yield from (f"<li>{item}</li>" for item in items)
    yield "</ul>"


def link(address: str, words: str) -> str:
    """Return a link; both are texts."""
    return f'<a href="{escape(address)}">{escape(words)}</a>'
