"""A notebook installs packages in a way that does not reach its kernel, or outlives the session.

Why: `!pip` and `!conda` run whatever comes first on PATH, which need not be the kernel's
environment. `pip install --user` writes into the home directory, where it stays, hides what the
image brings, and can keep the next server from starting.

Fix: `%pip install` or `%conda install` for one session; the package list for good. `--fix`
replaces `!` by `%`.

Severity: error.

Source: <https://ipython.readthedocs.io/en/stable/interactive/magics.html#magic-pip>
"""

import json
import re
from collections.abc import Callable, Iterator
from json import scanner
from pathlib import Path

from hub_image.checks import Edit, Finding
from hub_image.repository import files

INSTALL = (
    r"(?P<tool>(?:python[\d.]*\s+-m\s+)?pip[\d.]*|conda|mamba|micromamba)\s+install\b(?P<rest>.*)"
)
LINE = re.compile(rf"\s*(?P<sign>!+|%)?\s*(?:sudo\s+(?:-\w+\s+)*)?{INSTALL}", re.DOTALL)
SHELL_CELL = re.compile(r"\s*%%(bash|sh|script\s+\S*sh|!|sx|system)\b")


def check(repository: Path) -> Iterator[Finding]:
    """Yield such installs in the code cells of every notebook whose kernel speaks Python."""
    for path in files.walk(repository):
        if path.suffix == ".ipynb":
            text = files.read(path)
            if "install" in text:
                yield from _notebook(path.relative_to(repository).as_posix(), text)


def _notebook(file: str, text: str) -> Iterator[Finding]:
    try:
        notebook = Decoder().decode(text)
        metadata = notebook.get("metadata", {})
        language = metadata.get("kernelspec", {}).get("language") or metadata.get(
            "language_info", {}
        ).get("name")
        cells = [cell for cell in notebook.get("cells", []) if cell.get("cell_type") == "code"]
        sources = [cell.get("source", []) for cell in cells]
    except (ValueError, RecursionError, AttributeError):
        message = "this is not a notebook that Jupyter can open; restore it from an older commit"
        yield Finding(file, 1, message)
        return
    if language not in (None, "", "python"):
        return
    for source in sources:
        pieces = [source] if isinstance(source, str) else source
        pieces = [piece for piece in pieces or [] if isinstance(piece, str)]
        in_shell = bool(pieces) and bool(SHELL_CELL.match(pieces[0]))
        for piece in pieces:
            offset = piece.start if isinstance(piece, Located) else 0
            for line in piece.splitlines():
                offset = _find(text, line, offset)
                match = LINE.match(line)
                if match and (match["sign"] or in_shell or "--user" in line):
                    yield from _install(file, text, offset, line, match, in_shell)
                offset += len(line)


def _find(text: str, line: str, offset: int) -> int:
    """Return the offset of a line of source in the JSON text, in which it may be escaped."""
    found = [
        text.find(json.dumps(line, ensure_ascii=ascii)[1:-1], offset) for ascii in (False, True)
    ]
    return min((place for place in found if place >= 0), default=offset)


def _install(
    file: str, text: str, offset: int, line: str, match: re.Match[str], in_shell: bool
) -> Iterator[Finding]:
    rest, user = re.subn(r"\s--user\b", "", match["rest"])
    if match["sign"] == "%" and not user:
        return
    tool = "pip" if "pip" in match["tool"] else "conda"
    good = f"%{tool} install{rest}".split("  #")[0].strip()
    if len(good) > 60:
        good = f"%{tool} install ..."
    reason = (
        "installs into the home directory and can break the next start"
        if user
        else "may install into another environment than the kernel's"
    )
    message = (
        f"`{line.strip()[:60]}` {reason}; write `{good}`, or add the package to the list for good"
    )
    edit = None
    simple = match["sign"] == "!" and not user and "sudo" not in line and " -m " not in line
    if simple and not in_shell:
        start = text.find("!", offset)
        old = line[match.start("sign") : match.end("tool")]
        if text.startswith(old, start):
            edit = Edit(start, old, f"%{tool}")
    yield Finding(file, text.count("\n", 0, offset) + 1, message, edit=edit)


class Located(str):
    """A string of a JSON text that knows at which offset its contents start."""

    start: int


class Decoder(json.JSONDecoder):
    """A JSON decoder whose strings, but for the keys of objects, are `Located`."""

    def __init__(self) -> None:
        super().__init__()
        scan: Callable[[str, int, bool], tuple[str, int]] = json.decoder.scanstring  # type: ignore[attr-defined]

        def located(text: str, start: int, strict: bool = True) -> tuple[str, int]:
            value, end = scan(text, start, strict)
            string = Located(value)
            string.start = start
            return string, end

        self.parse_string = located
        self.scan_once = scanner.py_make_scanner(self)  # type: ignore[attr-defined]
