"""The page as README.md, which GitHub shows without any setting."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hub_image.page.facts import FROM, KINDS, MOST, Facts
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
from hub_image.tools.markdown import escaped
from hub_image.tools.registry import size


def text(facts: Facts) -> str:
    """Return the page in Markdown."""
    return "\n".join(_lines(facts)) + "\n"


def _lines(facts: Facts) -> Iterator[str]:
    yield f"# {escaped(facts.title)}"
    if facts.description:
        yield from ("", escaped(facts.description))
    yield from ("", "```", facts.reference, "```", "")
    if facts.made:
        yield f"Made on {facts.made[:10]}."
    if facts.size:
        yield f"A machine of the hub pulls {size(facts.size)}."
    if facts.proof:
        yield ""
        yield proved(facts.proof, lambda address, words: f"[{words}]({address})", escaped)
    yield ""
    yield " · ".join(f"[{heading}](#{anchor(heading)})" for heading in sections(facts))
    yield from _start(facts)
    yield from _packages(facts)
    yield from ("", f"## {CHANGES}", "", compared(facts, escaped))
    if facts.changes:
        rows = ((c.name, FROM.get(c.manager, c.manager), c.before, c.now) for c in facts.changes)
        yield from ("", "<details><summary>Packages that differ</summary>", "")
        yield from _table(("package", "from", "before", "now"), rows)
        yield from ("", "</details>")
    if facts.older:
        yield from ("", f"## {OLDER}", "")
        yield "These stay. Choose *Other…* and paste one, or ask the people who run the hub to put it in the place of this one."
        yield ""
        for older in facts.older[:MOST]:
            since = changes_since(facts, older)
            changed = f" ([what changed since]({since}))" if since else ""
            yield f"- `{facts.name}:{older.tag}`, of {older.made[:10]}{changed}"
    yield from _people(facts)


def _start(facts: Facts) -> Iterator[str]:
    yield from ("", f"## {START}", "")
    if facts.launch:
        yield f"- [Start it on the hub]({facts.launch})"
    yield "- On a hub that has *Other…* in its list of images, choose that, and paste the name above."
    if facts.binder:
        yield f"- [Build it on Binder]({facts.binder}), which takes its time"
    yield f"- On your computer: `docker run --rm --publish 127.0.0.1:8888:8888 {facts.reference}`"


def _packages(facts: Facts) -> Iterator[str]:
    yield from ("", f"## {PACKAGES}")
    if facts.site:
        yield from ("", f"[Find a package by typing]({facts.site}#{anchor(PACKAGES)})")
    for kind in KINDS:
        if found := facts.of(kind):
            state = " open" if is_open(kind) else ""
            yield from ("", f"<details{state}><summary>{kind}: {counted(len(found))}</summary>", "")
            yield from _table(
                ("package", "version", "from"),
                ((p.name, p.version, FROM[p.manager]) for p in found),
            )
            yield from ("", "</details>")


def _people(facts: Facts) -> Iterator[str]:
    if PEOPLE in sections(facts):
        yield from ("", f"## {PEOPLE}", "")
    if facts.github:
        yield f"- The image: [{facts.github}]({facts.home}), and [its issues]({facts.home}/issues)"
    if facts.hub:
        yield f"- The hub: <{facts.hub}>"
    if facts.support:
        words = escaped(facts.support.removeprefix("mailto:"))
        yield f"- The people who run the hub: [{words}]({facts.support})"


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{' --- |' * len(heads)}"
    yield from (f"| {' | '.join(map(escaped, row))} |" for row in rows)
