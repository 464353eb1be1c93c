"""Reading a Dockerfile as a list of instructions."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

COMMENT = re.compile(r"\s*#")
CONTINUED = re.compile(r"\\[ \t]*$")
HEREDOC = re.compile(r"(?:^|(?<=\s))\d*<<(-?)(['\"]?)([^\s<'\"]+)\2(?=\s|$)")


@dataclass(frozen=True)
class Instruction:
    """One instruction. `source` is what follows its name, as a shell would be given it: lines
    and here-documents as they are written, comments between continued lines left out.
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
    lines = re.split(r"\r?\n", text)
    comment: list[str] = []
    at = 0
    while at < len(lines):
        line, at = lines[at], at + 1
        if not line.strip() or COMMENT.match(line):
            comment = [*comment, line.strip()] if line.strip() else []
            continue
        first = at
        written = [line.lstrip()]
        while CONTINUED.search(written[-1]) and at < len(lines):
            if lines[at].strip() and not COMMENT.match(lines[at]):
                written.append(lines[at])
            at += 1
        written[-1] = CONTINUED.sub("", written[-1])
        joined = "".join(CONTINUED.sub("", part) for part in written)
        if not joined.strip():
            continue
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


def instructions(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield (line, INSTRUCTION, arguments) in order, with continued lines joined.

    Comments and the bodies of here-documents are left out.
    """
    for found in parse(text):
        yield found.line, found.name, found.arguments
