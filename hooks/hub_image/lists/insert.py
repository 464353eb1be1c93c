"""One more entry in a package list.

Nothing that stands in the list is touched: the entry is put between two of its characters. Where it can go is only
proposed here; the list's own reader then says whether the list means what it meant before, and the entry.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from hub_image.lists import packages, r
from hub_image.lists.model import PackageList
from hub_image.problem import Problem
from hub_image.syntax import toml

# How a list begins where there is none yet.
NEW_CONDA = "channels:\n  - conda-forge\n  - nodefaults\ndependencies:\n"
BREAK = re.compile(r"\r\n|[\r\n\x85\u2028\u2029]")  # YAML's
LINE_END = re.compile(r"\r\n|\r|\n|$")


def insert(file: str, text: str, manager: str, entry: str, note: str = "") -> str:
    """Return the text of a list with one more entry, and a comment beside it.

    `file` is one of packages.PARSERS, `manager` who installs the entry: conda, pip, apt, vscode, r or julia. `entry` is
    as its list has it, for Julia `Name = "uuid"`, and `note` a line without `#`. Raises Problem, with what to write by
    hand, where the list cannot be read or has no place that is certain.
    """
    note = f"  # {note}" if note else ""
    places = {"conda": _conda, "pip": _pip_of_conda} if file.startswith("environment.") else {}
    places |= {"r": _r, "julia": _julia}
    for proposed in places.get(manager, _line)(file, text, entry, note):
        if _is_one_more(file, text, proposed, manager, entry):
            return proposed
    found = [fault for fault in packages.PARSERS[file](text).faults if fault.severity == "error"]
    reason = (
        f"{file}:{found[0].line}: {found[0].message}; then add `{entry}` again"
        if found
        else f"{file} has no place where `{entry}` surely belongs; write it into the list yourself"
    )
    raise Problem(reason)


def _is_one_more(file: str, before: str, after: str, manager: str, entry: str) -> bool:
    """Whether a list says what it said, and the entry besides."""
    if manager == "julia":
        try:
            old, new = toml.loads(before), toml.loads(after)
            added = toml.loads(entry)
            return not added.keys() & old.get("deps", {}).keys() and new == old | {
                "deps": old.get("deps", {}) | added
            }
        except (RecursionError, ValueError, TypeError, AttributeError):
            return False
    read = packages.PARSERS[file]
    old_list, new_list = read(before), read(after)
    if len(new_list.faults) > len(old_list.faults) or not (
        _channels(new_list) == _channels(old_list) or not _channels(old_list)
    ):
        return False
    old_entries, new_entries = _entries(old_list), _entries(new_list)
    one = (manager, entry.strip('"'))
    return any(
        new_entries[:place] + new_entries[place + 1 :] == old_entries
        for place, found in enumerate(new_entries)
        if found == one
    )


def _channels(read: PackageList) -> list[str]:
    return [channel.name for channel in read.channels]


def _entries(read: PackageList) -> list[tuple[str, str]]:
    return [
        *((package.manager, package.text) for package in read.packages),
        *((string.manager, string.name) for string in read.strings),
    ]


def _newline(text: str) -> str:
    found = BREAK.search(text)
    return found[0] if found and found[0] in ("\r\n", "\r") else "\n"


def _after_line(text: str, place: int, lines: str, end: re.Pattern[str] = LINE_END) -> str:
    """Put lines below the one that `place` is in."""
    found = end.search(text, place)
    stop = found.start() if found else len(text)
    return text[:stop] + _newline(text) + lines + text[stop:]


def _at_end(text: str, lines: str) -> str:
    """Put lines below all that is written."""
    if not text.strip():
        return lines + _newline(text) + text
    return _after_line(text, len(text.rstrip()), lines)


def _at_head(text: str, place: int, line: str) -> str:
    """Put a line behind a bracket, so that the entry shares it with nothing."""
    before = re.findall(r"[^\r\n]*", text[:place])[-2]  # the line of the bracket
    begin = f"{_newline(text)}{before[: len(before) - len(before.lstrip())]}  "
    more = begin if re.match(r"[ \t]*[^\s]", text[place:]) else ""
    return text[:place] + begin + line + more + text[place:]


def _line(file: str, text: str, entry: str, note: str) -> Iterator[str]:
    """A list of lines: below the last entry; or further down, where a line goes on in the next one; or at the end."""
    ends = list(LINE_END.finditer(text))
    found = packages.PARSERS[file](text).packages
    for end in ends[found[-1].line - 1 :] if found else []:
        yield _after_line(text, end.start(), entry + note)
    yield _at_end(text, entry + note)


def _r(file: str, text: str, entry: str, note: str) -> Iterator[str]:
    """install.R: at the head of a vector that `install.packages` gets, where the comma is the entry's own; else a call."""
    for place in r.vectors(text):
        for comma in (",", ""):
            yield _at_head(text, place, entry + comma + note)
    yield _at_end(text, f"install.packages({entry}){note}")


def _julia(file: str, text: str, entry: str, note: str) -> Iterator[str]:
    """Project.toml: at the end of the table `[deps]`; where there is none, with its head at the end."""
    head = re.search(r"(?m)^[ \t]*\[[ \t]*deps[ \t]*\]", text)
    if head:
        following = re.compile(r"(?m)^[ \t]*\[").search(text, head.end())
        table = text[head.end() : following.start() if following else len(text)]
        used = [match.end() for match in re.finditer(r"(?m)^[ \t]*[^\s#].*$|\A.*$", table)]
        for place in reversed(used):
            yield _after_line(text, head.end() + len(table[:place].rstrip()), entry + note)
    yield _at_end(text, f"[deps]{_newline(text)}{entry}{note}")


def _conda(file: str, text: str, entry: str, note: str) -> Iterator[str]:
    """environment.yml: below the last package of `dependencies:`."""
    if not text.strip():
        yield text + (NEW_CONDA + f"  - {entry}{note}\n").replace("\n", _newline(text))
        return
    for scalar in _scalars(entry):
        yield from _into(text, _dependencies(text), 0, [scalar + note], (scalar, note))


def _pip_of_conda(file: str, text: str, entry: str, note: str) -> Iterator[str]:
    """environment.yml: below the last requirement of `pip:`, which is made where there is none."""
    if not text.strip():
        yield text + (NEW_CONDA + f"  - pip:\n      - {entry}{note}\n").replace(
            "\n", _newline(text)
        )
        return
    found = _dependencies(text)
    items = found[1].value if found and found[1].id == "sequence" else []
    sections = [
        pair
        for item in items
        if item.id == "mapping"
        for pair in item.value
        if pair[0].value == "pip"
    ]
    for scalar in _scalars(entry):
        if sections:
            yield from _into(text, sections[-1], 2, [scalar + note], (scalar, note))
        else:
            newline = _newline(text)
            in_brackets = f"{{pip: [{newline}  {scalar}{note}{newline}  ]}}"
            yield from _into(text, found, 0, ["pip:", f"    - {scalar}{note}"], (in_brackets, ""))


def _scalars(entry: str) -> list[str]:
    """The ways to write a text in YAML, the plainest first."""
    return [entry, '"' + entry.replace("\\", "\\\\").replace('"', '\\"') + '"']


def _dependencies(text: str) -> tuple[Any, Any] | None:
    """The key and the value of `dependencies:`, as nodes; None where the text has none or is no YAML."""
    from hub_image.syntax.yaml import NotYaml, compose

    try:
        root: Any = compose(text)
    except NotYaml:
        return None
    pairs = root.value if root is not None and root.id == "mapping" else []
    return next((pair for pair in reversed(pairs) if pair[0].value == "dependencies"), None)


def _into(
    text: str,
    pair: tuple[Any, Any] | None,
    indent: int,
    item: list[str],
    in_brackets: tuple[str, str],
) -> Iterator[str]:
    """Propose texts with one more item, of one or more lines, in the sequence that a key has.

    `indent` is that of an item below its key, where there is no other item to tell; `in_brackets` the item in `[a, b]`,
    where it begins a line, and what stands behind its comma.
    """
    newline = _newline(text)
    if pair is None:
        yield _at_end(text, f"dependencies:{newline}{_item(2, item, newline)}")
        return
    key, value = pair
    if value.id == "scalar":  # nothing, if it is a list at all
        lines = _item(key.start_mark.column + (indent or 2), item, newline)
        yield _after_line(text, key.end_mark.index, lines, BREAK)
    elif value.id == "sequence" and value.flow_style:
        comma = "," if value.value else ""
        yield _at_head(text, text.index("[", value.start_mark.index) + 1, comma.join(in_brackets))
    elif value.id == "sequence":
        lines = _item(value.start_mark.column, item, newline)
        own = [entry for entry in value.value if entry.id == "scalar"]
        if own:
            written = len(text[: own[-1].end_mark.index].rstrip())
            yield _after_line(text, written, lines, BREAK)
        start = value.start_mark.index - value.start_mark.column
        yield text[:start] + lines + newline + text[start:]


def _item(column: int, item: list[str], newline: str) -> str:
    return newline.join(
        [f"{' ' * column}- {item[0]}", *(f"{' ' * column}{line}" for line in item[1:])]
    )
