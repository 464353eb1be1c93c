"""Reading a Dockerfile as a list of instructions."""

import re
from collections.abc import Iterator

COMMENT_OR_BLANK = re.compile(r"\s*(#|$)")
HEREDOC = re.compile(r"<<(-?)(['\"]?)([A-Za-z_]\w*)\2")


def instructions(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield (line, INSTRUCTION, arguments) in order, with continued lines joined.

    Comments and the bodies of here-documents are left out. After
    https://docs.docker.com/reference/dockerfile/
    """
    lines = enumerate(text.splitlines(), 1)
    for number, line in lines:
        if COMMENT_OR_BLANK.match(line):
            continue
        joined = line.strip()
        while joined.endswith("\\"):
            more = next((more for _, more in lines if not COMMENT_OR_BLANK.match(more)), "")
            joined = joined[:-1] + more.strip()
        name, _, arguments = joined.partition(" ")
        if name.upper() in ("RUN", "COPY", "ADD"):
            for dash, _, delimiter in HEREDOC.findall(arguments):
                for _, body in lines:
                    if (body.lstrip("\t") if dash else body) == delimiter:
                        break
        yield number, name.upper(), arguments.strip()
