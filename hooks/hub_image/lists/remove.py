"""One entry less in a package list.

The lines of the entry go, and what is left of it elsewhere: a comma, an empty `pip:`, the versions below `[compat]`. Every
other byte stays. What could go is only proposed here; the list's own reader then says whether the list means what it meant
before, without the entry.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from hub_image.lists import packages, r
from hub_image.lists.model import PackageList
from hub_image.lists.pip import COMMENT
from hub_image.repository import files
from hub_image.syntax import toml

# What ends a line for some readers and not for others.
UNSURE = re.compile(r"\r(?!\n)|[\x85\u2028\u2029]")
# Of a YAML list, and not `- [a, b]` or `- {a: b}`; or alone in a line between brackets.
ITEM = re.compile(
    r"""[ \t]*-[ \t]+[^\s\[{]
    | [ \t]*("[^"\n]*"|'[^'\n]*'|[^\s"'\[\]{},#-][^\[\]{},#\n]*?)[ \t]*,?[ \t]*(\#.*)?\r?(\n|\Z)""",
    re.VERBOSE,
)
PIP = re.compile(r"""[ \t]*-[ \t]+["']?pip["']?[ \t]*:[ \t]*\r?\n?""")
# What stands alone in a line of install.R: a name in a vector, or a call with one name.
NAME = re.compile(
    r"""[ \t]*(?P<before>,?)[ \t]*(["'])[^"'\\\n]+\2[ \t]*(?P<after>,?)[ \t]*(#.*)?\r?\n?"""
)
CALL = re.compile(
    r"""install\.packages\([ \t]*(["'])[^"'\\\n]+\1[ \t]*\)[ \t]*;?[ \t]*(#.*)?\r?\n?"""
)
# Before a bracket after which one more expression follows: https://cran.r-project.org/doc/manuals/r-release/R-lang.html
CONTROL = re.compile(r"\b(if|for|while|function)\s*$")
# Tables of a Project.toml that may name a package of [deps] too.
NEEDED = ("weakdeps", "extras", "sources")


def remove(file: str, text: str, line: int) -> str | None:
    """Return the text of a list without the entry that begins in a line, counted from 1, and the comment beside it.

    `file` is one of packages.PARSERS. None where the entry does not stand on lines of its own, where something else in the
    list needs it, or where nobody can be sure.
    """
    try:
        start = files.line_start(text, line)
    except ValueError:
        return None
    end = _line_end(text, start)
    if UNSURE.search(text[start:end]):
        return None
    if file == "Project.toml":
        return _julia(text, start, end)
    forms = {"install.R": _r, "requirements.txt": _pip}
    forms |= dict.fromkeys(("environment.yml", "environment.yaml"), _conda)
    proposed = forms.get(file, _line)(text, start, end)
    return proposed if proposed is not None and _is_one_less(file, text, proposed, line) else None


def _is_one_less(file: str, before: str, after: str, line: int) -> bool:
    """Whether a list says what it said, without the one entry that begins in a line."""
    read = packages.PARSERS[file]
    old = _entries(read(before))
    stay = [entry for place, *entry in old if place != line]
    return len(stay) == len(old) - 1 and stay == [entry for _, *entry in _entries(read(after))]


def _entries(read: PackageList) -> list[tuple[int, str, str]]:
    return [(one.line, one.manager, one.text) for one in (*read.packages, *read.strings)]


def _line_end(text: str, start: int) -> int:
    """Return where the line that begins at `start` ends, its line break included."""
    found = text.find("\n", start)
    return found + 1 if found >= 0 else len(text)


def _line(text: str, start: int, end: int) -> str | None:
    """A list of lines."""
    return text[:start] + text[end:]


def _pip(text: str, start: int, end: int) -> str | None:
    """requirements.txt: with the lines in which the entry goes on, if none but the last has a comment."""
    while text[start:end].rstrip("\r\n").endswith("\\"):
        if COMMENT.search(text[start:end].splitlines()[-1]) or end == len(text):
            return None
        end = _line_end(text, end)
    return text[:start] + text[end:]


def _conda(text: str, start: int, end: int) -> str | None:
    """environment.yml: an item of a list; and `- pip:` with it, once nothing stands below.

    mamba takes a `pip:` only with a list: https://github.com/mamba-org/mamba/blob/main/libmamba/src/api/install.cpp
    """
    if not ITEM.match(text, start):
        return None
    proposed = text[:start] + text[end:]
    before = set(_empty_pips(text))
    for place in _empty_pips(proposed):
        if place < start and place not in before:
            key = PIP.fullmatch(proposed, place, _line_end(proposed, place))
            return proposed[: key.start()] + proposed[key.end() :] if key else None
    return proposed


def _empty_pips(text: str) -> Iterator[int]:
    """Yield where the line of each `pip:` begins that has nothing below it, among the items of `dependencies:`."""
    from hub_image.syntax.yaml import NotYaml, compose

    try:
        root: Any = compose(text)
    except NotYaml:
        return
    for key, value in root.value if root is not None and root.id == "mapping" else []:
        for item in value.value if key.value == "dependencies" and value.id == "sequence" else []:
            for name, requirements in item.value if item.id == "mapping" else []:
                if name.value == "pip" and requirements.tag.endswith(":null"):
                    yield text.rfind("\n", 0, name.start_mark.index) + 1


def _r(text: str, start: int, end: int) -> str | None:
    """install.R: a name alone in its line in a vector, with a comma that then has nothing to part; or a call alone."""
    before: list[tuple[str, int, int]] = []
    brackets: list[int] = []  # those that are open at `start`, by their place in `before`
    closed = -1  # the one that was closed last
    after = ""
    for token in r.tokens(text):
        kind, offset, _ = token
        if offset >= start:
            after = after or (kind if offset >= end else "")
            continue
        before.append(token)
        if kind == "opening":
            brackets.append(len(before) - 1)
        elif kind == "closing" and brackets:
            closed = brackets.pop()
    last = before[-1][0] if before else ""
    without = text[:start] + text[end:]
    if not brackets:
        alone = not last or (last == "closing" and not CONTROL.search(text[: before[closed][1]]))
        return without if alone and CALL.fullmatch(text, start, end) else None
    name = NAME.fullmatch(text, start, end)
    if not name or not re.match(r"c\s*\(", text[before[brackets[-1]][1] :]):
        return None
    if name["before"] or name["after"]:
        return None if name["before"] and name["after"] else without
    if after != "closing":
        return None
    comma = before[-1][1]
    return text[:comma] + text[comma + 1 : start] + text[end:] if last == "comma" else without


def _julia(text: str, start: int, end: int) -> str | None:
    """Project.toml: a package of `[deps]`, and which versions of it `[compat]` allows."""
    found = re.match(r"""[ \t]*["']?([\w-]+)["']?[ \t]*=""", text[start:end])
    name = found[1] if found else ""
    without = text[:start] + text[end:]
    others = re.finditer(rf"""(?m)^[ \t]*["']?{name}["']?[ \t]*=.*(\n|\Z)""", without)
    try:
        wanted = toml.loads(text)
        if any(name in wanted.get(table, {}) for table in NEEDED):
            return None
        del wanted["deps"][name]
        wanted.get("compat", {}).pop(name, None)
        for proposed in (without, *(without[: o.start()] + without[o.end() :] for o in others)):
            if toml.loads(proposed) == wanted:
                return proposed
    except (RecursionError, ValueError, TypeError, AttributeError, LookupError):
        pass  # it is not as Julia wants it, so nobody can be sure
    return None
