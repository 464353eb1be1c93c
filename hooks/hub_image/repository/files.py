"""Reading, walking and repairing the files of a repository."""

import os
from collections.abc import Iterator
from pathlib import Path

# Folders that hold no work of the owner's.
SKIPPED = {".git", ".ipynb_checkpoints", ".venv", "__pycache__", "node_modules", "venv"}
BOM = "\ufeff"


def read(path: Path) -> str:
    """Return a file's text as it is, line ends included, without a byte order mark.

    Bytes that are no UTF-8 become lone surrogates, so that every file can be read and
    `write` gives the same bytes back. A file that is absent reads as empty.
    """
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape").removeprefix(BOM)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return ""


def write(path: Path, text: str) -> None:
    """Replace a file's text; keep its byte order mark if it has one."""
    mark = BOM if path.read_bytes().startswith(BOM.encode()) else ""
    path.write_bytes((mark + text).encode("utf-8", "surrogateescape"))


def walk(repository: Path) -> Iterator[Path]:
    """Yield every file of a repository in a stable order, without links and tools' folders."""
    for folder, folders, names in os.walk(repository):
        folders[:] = sorted(name for name in folders if name not in SKIPPED)
        for name in sorted(names):
            path = Path(folder, name)
            if not path.is_symlink():
                yield path


def line_start(text: str, line: int) -> int:
    """Return the offset at which a line (counted from 1) starts."""
    start = 0
    for _ in range(line - 1):
        start = text.index("\n", start) + 1
    return start
