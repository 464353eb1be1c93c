"""Which commands a script runs, with which words, after tree-sitter's grammar of bash.

Where the grammar stumbles, nothing is guessed: what comes before that line is read, and the line
is named. It stumbles over here-documents whose line goes on (`cat <<E; ls`), so these are taken out
when they stand in the way, and over backquotes that a space follows. Backquotes in a here-document
are not looked into.
https://github.com/tree-sitter/tree-sitter-bash/issues/346 and /issues/278
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

SIMPLE = {"command", "declaration_command", "unset_command", "test_command"}
# No command has such a name, https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html
RESERVED = {b"!", b"{", b"}", b"case", b"do", b"done", b"elif", b"else", b"esac", b"fi", b"for"}
RESERVED |= {b"if", b"in", b"then", b"until", b"while"}
DOCUMENT = re.compile(rb"""<<(-?)[ \t]*(['"]?)([\w.-]+)\2""")
LEADING = re.compile(rb"(?m)^[ \t]*(?=<<)")
# https://www.gnu.org/software/bash/manual/bash.html#ANSI_002dC-Quoting
ANSI = re.compile(
    r"\\(?:x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8})|([0-7]{1,3})|(.))", re.DOTALL
)
NAMED = dict(zip("abeEfnrtv", "\a\b\x1b\x1b\f\n\r\t\v", strict=True))


@dataclass(frozen=True)
class Command:
    """A simple command, or with no words what a group of commands writes to.

    `words` are without quotes, with expansions as they are written; assignments before the
    command are left out. `writes` has each redirection into a file, as (`>` or `>>`, its word).
    """

    line: int
    words: tuple[str, ...]
    writes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Script:
    """The commands of a script in the order of their lines, those in `$(...)` included.

    `unread` is the line of what cannot be read, or 0; no command of that statement or after it
    is known.
    """

    commands: tuple[Command, ...]
    unread: int = 0


@lru_cache
def read(text: str) -> Script:
    """Return the commands of a script; never fails."""
    if not text.strip():
        return Script(())
    source = _encoded(text.replace("\r\n", "\n"))
    root = _parser().parse(source).root_node
    found: dict[int, Command] = {}
    while (
        any(map(_misread, _nodes(root))) and (blanked := _without_document(source, root)) != source
    ):
        for node in _nodes(root):
            gone = not blanked[node.start_byte : node.end_byte].strip()
            if node.type == "command_substitution" and gone and not node.has_error:
                for part in _nodes(node):
                    found |= _command(part)
        source = blanked
        root = _parser().parse(source).root_node
    wrong = [_opened(node) for node in _nodes(root) if _misread(node)]
    end = min((_statement(node).start_byte for node in wrong), default=len(source) + 1)
    unread = min((node.start_point[0] + 1 for node in wrong), default=len(source) + 1)
    for node in _nodes(root):
        if node.end_byte <= end:
            found |= _command(node)
    known = (found[at] for at in sorted(found) if at < end and found[at].line < unread)
    return Script(tuple(known), unread if wrong else 0)


def breakable(text: str, places: list[int]) -> list[int]:
    """Return those of the places in a one-line script where a backslash and a newline change nothing for bash.

    Where the script cannot be read, none is.
    """
    root = _parser().parse(_encoded(text)).root_node
    if root.has_error:
        return []
    # The grammar reads no expansion over two lines, though bash does.
    kinds = ("raw_string", "ansi_c_string", "comment", "expansion", "simple_expansion")
    whole = [n for n in _nodes(root) if n.type in kinds]
    offsets = {at: len(_encoded(text[:at])) for at in places}
    return [
        at
        for at, offset in offsets.items()
        if not any(
            n.start_byte < offset and (offset < n.end_byte or n.type == "comment") for n in whole
        )
    ]


def _encoded(text: str) -> bytes:
    """Return a script as the grammar gets it: each byte of its UTF-8 as a character of its own.

    Its scanner asks C's isalnum() about characters, which ends the process for one above 255.
    """
    return text.encode("utf-8", "replace").decode("latin-1").encode("utf-8")


def _decoded(source: bytes) -> str:
    """Return the text of what the grammar got."""
    return source.decode("utf-8", "replace").encode("latin-1", "replace").decode("utf-8", "replace")


@lru_cache
def _parser() -> Parser:
    import tree_sitter
    import tree_sitter_bash

    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_bash.language()))


def _nodes(root: Node) -> Iterator[Node]:
    """Yield a node and all that is in it, in the order of the text."""
    left = [root]
    while left:
        node = left.pop()
        yield node
        if not _is_arithmetic(node):
            left += reversed(node.children)


def _is_arithmetic(node: Node) -> bool:
    """Tell whether a node is `$((...))` in a here-document, where the grammar sees a command.

    https://github.com/tree-sitter/tree-sitter-bash/issues/325
    """
    return node.type == "command_substitution" and _bytes(node)[:3] == b"$(("


def _misread(node: Node) -> bool:
    if node.type == "command_substitution" and _bytes(node)[:1] == b"`":
        return bool(re.search(rb"(?<!\\)`", _bytes(node)[1:-1]))
    if node.type == "command_name":
        return node.text in RESERVED
    if node.type == "heredoc_start":
        return bool(re.search(rb"^[^'\"]*[;&|()<>]", _bytes(node)))
    return node.is_error or node.is_missing


def _opened(node: Node) -> Node:
    """Return where the mistake begins: a statement that is never closed leaves its parts bare."""
    if node.is_error and (node.parent is None or node.parent.parent is None):
        parts = (part for part in node.children if not part.is_named)
        return next((part for part in parts if part.type not in ("\n", ";", "&")), node)
    return node


def _statement(node: Node) -> Node:
    """Return the statement at the top of a script, or of what is not closed, that a node is in."""
    while node.parent is not None and node.parent.parent is not None and not node.parent.is_error:
        node = node.parent
    return node


def _without_document(source: bytes, root: Node) -> bytes:
    """Return a script with spaces in place of its first here-document, all else where it was.

    Where one ends is looked up in the text: the grammar takes `E;` in `<<E; ls` for the name.
    """
    places = [n.start_byte for n in _nodes(root) if n.type in ("<<", "<<-") and _is_document(n)]
    for place in places or [match.end() for match in LEADING.finditer(source)]:
        start = DOCUMENT.match(source, place)
        body = source.find(b"\n", start.end()) if start else -1
        if start and body >= 0:
            tabs = rb"\t*" if start[1] else b""
            last = re.compile(rb"(?m)^%b%b$" % (tabs, re.escape(start[3])))
            if end := last.search(source, body + 1):
                text = bytearray(source)
                for at, to in (start.span(), (body, end.end())):
                    text[at:to] = re.sub(rb"[^\n]", b" ", source[at:to])
                return bytes(text)
    return source


def _is_document(node: Node) -> bool:
    return node.parent is not None and node.parent.type in ("heredoc_redirect", "ERROR")


def _command(node: Node) -> Iterator[tuple[int, Command]]:
    """Yield what a node itself runs, without what stands in it, after the byte where it begins."""
    if node.type in SIMPLE and not _is_redirected(node):
        line = node.start_point[0] + 1
        yield node.start_byte, Command(line, tuple(_words(node)), tuple(_writes(node)))
    elif node.type == "redirected_statement":
        body = _body(node)
        simple = body if body is not None and body.type in SIMPLE else None
        words = _words(simple) if simple else []
        for redirect in node.children_by_field_name("redirect"):
            words += _words_after(redirect)
        writes = [*(_writes(simple) if simple else ()), *_writes(node)]
        if words or writes:
            first = simple or node
            line = first.start_point[0] + 1
            yield first.start_byte, Command(line, tuple(words), tuple(writes))


def _body(node: Node) -> Node | None:
    """Return what the redirections of a statement belong to: the last command of a list."""
    inner = node.child_by_field_name("body")
    while inner is not None and inner.type in ("list", "pipeline", "negated_command"):
        inner = inner.named_children[-1]
    return inner


def _is_redirected(node: Node) -> bool:
    """Tell whether a statement with redirections has this command."""
    above = node.parent
    while above is not None and above.type in ("list", "pipeline", "negated_command"):
        above = above.parent
    return above is not None and above.type == "redirected_statement" and _body(above) == node


def _words(node: Node) -> list[str]:
    if node.type == "test_command":
        return _text(node).split()
    found: list[str] = []
    source, end = _bytes(node), 0
    for child in node.children:
        start = child.start_byte - node.start_byte
        between, end = source[end:start], child.end_byte - node.start_byte
        if child.type in ("file_redirect", "herestring_redirect", "heredoc_redirect"):
            found += _words_after(child)
        elif child.type == "variable_assignment" and node.type != "declaration_command":
            continue
        elif child.type == "$" and source[end : end + 1] == b'"':
            continue  # the sign of `$"translated"`
        elif found and between and not between.replace(b"\\\n", b""):
            found[-1] += _word(child)  # the grammar takes a word on two lines for two
        else:
            found.append(_word(child))
    return found


def _words_after(redirect: Node) -> list[str]:
    """Return the words of the command that the grammar counts to a redirection."""
    if redirect.type == "heredoc_redirect":
        inner = [w for r in redirect.children_by_field_name("redirect") for w in _words_after(r)]
        return [_word(word) for word in redirect.children_by_field_name("argument")] + inner
    return [_word(word) for word in redirect.children_by_field_name("destination")[1:]]


def _writes(node: Node) -> Iterator[tuple[str, str]]:
    for redirect in node.children_by_field_name("redirect"):
        if redirect.type == "heredoc_redirect":
            yield from _writes(redirect)
        elif redirect.type == "file_redirect":
            operator = next((c.type for c in redirect.children if ">" in c.type), "")
            target = redirect.child_by_field_name("destination")
            if (
                operator
                and target is not None
                and not (operator == ">&" and target.type == "number")
            ):
                yield ">>" if ">>" in operator else ">", _word(target)


def _word(node: Node) -> str:
    """Return a word as a command is given it, except that expansions stay as they are written."""
    text = _text(node)
    if node.type == "raw_string":
        return text[1:-1]
    if node.type == "ansi_c_string":
        return ANSI.sub(_ansi, text[2:-1])
    if node.type == "string":
        return _quoted(node)
    if node.type in ("concatenation", "command_name", "translated_string", "variable_assignment"):
        return "".join(_word(child) for child in node.children)
    if node.type == "word":
        return re.sub(r"\\(.)", lambda m: "" if m[1] == "\n" else m[1], text, flags=re.DOTALL)
    return text


def _quoted(node: Node) -> str:
    """Return what stands in double quotes."""
    source, at, found = _bytes(node), 0, ""
    for child in [c for c in node.children if c.type not in ('"', "string_content", "$")]:
        start = child.start_byte - node.start_byte
        found += _unescaped(source[at:start]) + _text(child)
        at = child.end_byte - node.start_byte
    found += _unescaped(source[at:])
    return found[found.index('"') + 1 : -1]


def _unescaped(source: bytes) -> str:
    text = _decoded(source)
    return re.sub(r'\\([$`"\\\n])', lambda m: "" if m[1] == "\n" else m[1], text)


def _ansi(match: re.Match[str]) -> str:
    number = match[1] or match[2] or match[3]
    if number or match[4]:
        code = int(number, 16) if number else int(match[4], 8) & 0xFF
        return chr(code) if code <= 0x10FFFF else ""
    return NAMED.get(match[5], match[5] if match[5] in "\\'\"?" else match[0])


def _text(node: Node) -> str:
    return _decoded(_bytes(node))


def _bytes(node: Node) -> bytes:
    return node.text or b""  # a tree that was read from bytes has them
