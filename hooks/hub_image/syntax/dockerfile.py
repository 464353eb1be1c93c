"""Reading a Dockerfile as a list of instructions.

Ours, because no parser on PyPI serves: `dockerfile-parse` knows no here-documents, and `dockerfile`,
which is BuildKit's own, is archived, stops at the first mistake and gives no comments. The tests
compare with the latter.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate

from hub_image.syntax import shell

COMMENT = re.compile(r"\s*#")
DIRECTIVE = re.compile(r"\s*#\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(.+?)\s*$")
OPERATOR = re.compile(r"[&|;<>]{2}")
HEREDOC = re.compile(r"(?:^|(?<=\s))\d*<<(-?)(['\"]?)([^\s<'\"]+)\2(?=\s|$)")


@dataclass(frozen=True)
class Instruction:
    """One instruction. `source` is what follows its name, for a shell: the text that Docker gives it, on lines of their own
    where that is the same to bash; here-documents as they are written, comments between continued lines left out.
    """

    line: int
    name: str  # in capitals
    arguments: str  # continued lines joined, without here-documents
    source: str
    comment: str  # the lines of comment right above


def parse(text: str) -> Iterator[Instruction]:
    """Yield the instructions of a Dockerfile in order; never fails.

    After https://docs.docker.com/reference/dockerfile/. A here-document that never ends counts
    as none, so that it cannot swallow what follows.
    """
    lines = re.split(r"\r?\n", text.removeprefix("\ufeff"))
    escape = re.escape(_escape(lines))
    continued = re.compile(rf"(?<!{escape}){escape}[ \t]*$")
    comment: list[str] = []
    at = 0
    while at < len(lines):
        line, at = lines[at], at + 1
        if not line.strip() or COMMENT.match(line):
            comment = [*comment, line.strip()] if line.strip() else []
            continue
        first = at
        parts = [line.lstrip()]
        while continued.search(parts[-1]):
            parts[-1] = continued.sub("", parts[-1])
            while at < len(lines) and (not lines[at].strip() or COMMENT.match(lines[at])):
                at += 1
            if at == len(lines):
                break
            parts.append(lines[at])
            at += 1
        joined = "".join(parts)
        if not joined.strip():
            continue
        written = [_continued(parts, joined)]
        name = joined.split(maxsplit=1)[0]
        arguments = joined.strip()[len(name) :].strip()
        if name.upper() in ("RUN", "COPY", "ADD"):
            for dash, _, delimiter in HEREDOC.findall(arguments):
                for end in range(at, len(lines)):
                    if (lines[end].lstrip("\t") if dash else lines[end]) == delimiter:
                        written += lines[at : end + 1]
                        at = end + 1
                        break
        source = (
            re.sub(r"^[\\\s]+\n", "", "\n".join(written).partition(name)[2]).strip() or arguments
        )
        yield Instruction(first, name.upper(), arguments, source, "\n".join(comment))
        comment = []


def _escape(lines: list[str]) -> str:
    """Return the sign that continues lines: a backslash, unless a directive at the top says else."""
    for line in lines:
        found = DIRECTIVE.match(line)
        if not found:
            break
        if found[1].lower() == "escape" and found[2] == "`":
            return "`"
    return "\\"


def _continued(parts: list[str], joined: str) -> str:
    """Return continued lines as a shell reads them like the one line that Docker makes of them.

    Docker takes a backslash and the newline away wherever they stand, bash not inside of single quotes and not in a
    comment: https://docs.docker.com/reference/dockerfile/#escape
    """
    places = accumulate(len(part) for part in parts[:-1])
    # The grammar of shell.py reads no `&&` over two lines, though bash does.
    ends = [at for at in places if not OPERATOR.fullmatch(joined[at - 1 : at + 1])]
    if re.search("['#$]", joined):
        ends = shell.breakable(joined, ends)
    for at in reversed(ends):
        joined = f"{joined[:at]}\\\n{joined[at:]}"
    return joined


def expand(text: str, known: Mapping[str, str]) -> str:
    """Fill in the variables that are known, or have a default beside them; the others stay."""
    return re.sub(
        r"\$(?:(\w+)|\{(\w+)(?::-([^}]*))?\})",
        lambda m: known.get(m[1] or m[2], m[0] if m[3] is None else m[3]),
        text,
    )


def stage(instruction: Instruction) -> list[str]:
    """Return [image] or [image, AS, name] of a FROM."""
    words = [word for word in instruction.arguments.split() if not word.startswith("--")]
    return words or [""]
