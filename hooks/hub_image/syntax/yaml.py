"""Reading YAML with the lines of its values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml


class NotYaml(ValueError):
    """What is wrong with a text, in words that a sentence can begin with, and in which line."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line = line


class Mapping(dict[Any, Any]):
    """A mapping that knows where it and each of its keys stand."""

    file = ""
    line = 0
    lines: dict[str, int]

    def where(self, key: str = "") -> str:
        """Return `file:line` of a key, or of the mapping itself."""
        return f"{self.file}:{self.lines.get(key, self.line)}"


# What libyaml says of the mistakes that beginners make, in words for them.
INDENT = "the indent differs from the line above"
PLAIN = {
    "did not find expected '-' indicator": INDENT,
    "did not find expected key": f"{INDENT}, or a colon is missing",
}


def compose(text: str | bytes) -> yaml.Node | None:
    """Return the nodes of a YAML text, or None where there is none. Raises NotYaml, also for several documents."""
    found = documents(text)
    if len(found) > 1:
        line = found[1].start_mark.line + 1
        raise NotYaml(line, "this is not YAML: but found another document")
    return found[0] if found else None


def documents(text: str | bytes) -> list[yaml.Node]:
    """Return the nodes of each document of a YAML text, in order. Raises NotYaml."""
    try:
        try:
            return list(yaml.compose_all(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
        except yaml.composer.ComposerError as error:
            if error.problem != "second occurrence":
                raise
            return list(yaml.compose_all(text, _AnchorsAgain))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or "it holds a character that YAML forbids"
        what = PLAIN.get(what, f"this is not YAML: {what}")
        raise NotYaml(mark.line + 1 if mark else 1, what) from None
    except (UnicodeError, RecursionError, ValueError):
        raise NotYaml(1, "this is not YAML: it is no UTF-8 text, or too deep") from None


def load(text: str | bytes, file: str) -> Any:
    """Return what a YAML text says, each mapping as a Mapping of this file.

    Raises NotYaml, for a key that stands twice too.
    """
    node = compose(text)
    return None if node is None else construct(node, file)


def construct(node: yaml.Node, file: str, twice: list[NotYaml] | None = None) -> Any:
    """Return what a node says, each mapping as a Mapping of this file.

    Keys that stand twice are put into `twice`, and the last one counts. Raises NotYaml, for such a key where there is no
    `twice`.
    """
    loader = _Loader("")
    loader.file, loader.twice = file, twice
    try:
        return loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise NotYaml(line, f"this is not YAML: {error.problem}") from None
    except NotYaml:
        raise
    except (RecursionError, ValueError):  # such as the date 2026-99-99
        line = node.start_mark.line + 1
        raise NotYaml(line, "this is not YAML: a date or number in it is none") from None


class _AnchorsAgain(yaml.SafeLoader):
    """Takes an anchor that stands twice as YAML 1.2 and Helm do: the later one counts from there on.

    https://yaml.org/spec/1.2.2/#71-alias-nodes
    """

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if not isinstance(event, yaml.AliasEvent):
            self.anchors.pop(getattr(event, "anchor", None), None)
        return super().compose_node(parent, index)


class _Loader(yaml.SafeLoader):
    """Makes a Mapping of each mapping, and refuses one that has a key twice."""

    file = ""
    twice: list[NotYaml] | None = None


def _mapping(loader: _Loader, node: yaml.MappingNode) -> Iterator[Mapping]:
    mapping = Mapping()
    mapping.file, mapping.line, mapping.lines = loader.file, node.start_mark.line + 1, {}
    yield mapping  # now, because an alias may mean it before it is complete
    for key, _value in node.value:
        name, line = str(key.value), key.start_mark.line + 1
        if name in mapping.lines:
            first = mapping.lines[name]
            what = f"`{name}` stands in line {first} already, and only one of them would count"
            if loader.twice is None:
                raise NotYaml(line, what)
            loader.twice.append(NotYaml(line, what))
        mapping.lines[name] = line
    mapping.update(loader.construct_mapping(node, deep=True))


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
