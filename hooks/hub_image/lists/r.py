"""install.R: strings, comments and brackets; R's parser comes only with R."""

import re
from collections.abc import Iterator
from functools import lru_cache

from hub_image.lists.model import Package, PackageList, unreadable

R_TOKEN = re.compile(
    r"""(?P<comment>\#[^\n]*)
    | [rR](?P<quote>["'])(?P<dashes>-*)(?P<open>[(\[{])     # the start of a raw string
    | (?P<string>"(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*' | `(?:\\.|[^`\\])*`)
    | (?P<operator>%[^%\n]*%)
    | (?P<unclosed>["'`])
    | (?P<opening>(?:\bc\s*)?[(\[{])
    | (?P<closing>[)\]}])
    | (?P<comma>,)
    | (?P<other>[^\s])
    | (?P<space>\s+)""",
    re.VERBOSE | re.DOTALL,
)
R_PAIRS = {"(": ")", "[": "]", "{": "}"}
# What only uses a package that is there already.
R_USE = re.compile(
    r"\b(library|require|requireNamespace|loadNamespace|packageVersion|find\.package|system\.file)"
    r"\s*\(\s*(package\s*=\s*)?$"
)

CALL = re.compile(r"^(utils::)?install\.packages\s*\(\s*(pkgs\s*=\s*)?\Z", re.MULTILINE)
ELSEWHERE = re.compile(r"\b(repos|contriburl|lib|type)\s*=")


@lru_cache
def read(text: str) -> PackageList:
    """Read an install.R: what R would refuse (open strings, brackets, `c("a", )`, `c("a" "b")`), and its strings."""
    strings: list[Package] = []
    open_brackets: list[tuple[str, int, bool]] = []  # (bracket, offset, whether it is `c(`)
    comma = -1  # offset of a comma that nothing has followed yet
    before: str | None = None  # the kind of the token before this one
    position = 0

    def fault(offset: int, message: str) -> PackageList:
        return unreadable("r", text.count("\n", 0, offset) + 1, message)

    while position < len(text):
        match = R_TOKEN.match(text, position)
        assert match  # `other` and `space` take any character
        kind, offset, position = match.lastgroup, match.start(), match.end()
        if kind == "open":  # `lastgroup` of a raw string
            end = R_PAIRS[match["open"]] + match["dashes"] + match["quote"]
            position = text.find(end, position)
            if position < 0:
                return fault(offset, f"this string never ends; close it with `{end}`")
            position += len(end)
        elif kind == "unclosed":
            return fault(offset, f"this string never ends; close it with `{match[0]}`")
        elif kind == "opening":
            bracket = match[0][-1]
            open_brackets.append((bracket, match.end() - 1, match[0] != bracket))
        elif kind == "closing":
            if not open_brackets:
                return fault(offset, f"`{match[0]}` closes nothing; remove it")
            bracket, opened, vector = open_brackets.pop()
            if R_PAIRS[bracket] != match[0]:
                line = text.count("\n", 0, opened) + 1
                return fault(
                    offset,
                    f"`{match[0]}` cannot close the `{bracket}` of line {line}; balance them",
                )
            if vector and comma >= 0:
                return fault(comma, "R stops at a comma with nothing after it in `c()`; remove it")
        if kind == before == "string" and [b[0] for b in open_brackets[-1:]] in (["("], ["["]):
            return fault(offset, f"there is no comma before {match[0]}; add it to the line above")
        if kind == "string" and not R_USE.search(text[max(0, offset - 100) : offset]):
            line = text.count("\n", 0, offset) + 1
            strings.append(Package("r", match[0][1:-1], match[0], line))
        if kind not in ("comment", "space"):
            before, comma = kind, offset if kind == "comma" else -1
    if open_brackets:
        bracket, opened, _ = open_brackets[-1]
        return fault(opened, f"this `{bracket}` is never closed; add `{R_PAIRS[bracket]}`")
    return PackageList(strings=tuple(strings))


def tokens(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield kind, start and end of each token of an install.R that is no white space and no comment.

    The kind is string, operator, opening, closing, comma or other; it ends at a string that is never closed.
    """
    position = 0
    while match := R_TOKEN.match(text, position):
        kind, position = str(match.lastgroup), match.end()
        if kind == "open":  # of a raw string
            end = R_PAIRS[match["open"]] + match["dashes"] + match["quote"]
            position = text.find(end, position) + len(end)
            if position < len(end):
                return
            kind = "string"
        elif kind == "unclosed":
            return
        if kind not in ("comment", "space"):
            yield kind, match.start(), position


def vectors(text: str) -> Iterator[int]:
    """Yield the offset behind the bracket of each `c(` that is what a call of `install.packages(` gets, in an install.R.

    What stands in a comment or in a string is none; nor what depends on something, or comes from elsewhere than CRAN.
    """
    found = list(tokens(text))
    for place, (kind, start, end) in enumerate(found):
        if kind == "opening" and text[start] == "c" and text[end - 1] == "(":
            if CALL.search(text[:start]) and not ELSEWHERE.search(text[end : _end(found[place:])]):
                yield end


def _end(following: list[tuple[str, int, int]]) -> int:
    """Return where the call ends that has the vector as an argument with which these tokens begin."""
    depth = 1
    for kind, _, end in following:
        depth += (kind == "opening") - (kind == "closing")
        if not depth:
            return end
    return following[-1][2]
