"""An update or a merge was left half done.

Why: `copier update` and git mark what they could not merge with `<<<<<<<` and `>>>>>>>`, or leave
it in a `.rej` file. With the marks in place nothing that reads the file works.

Fix: keep the right lines, remove the marks or the `.rej` file.

Severity: error.

Source: <https://copier.readthedocs.io/en/stable/updating/>
"""

import re
from collections.abc import Iterator
from pathlib import Path

from hub_image.checks import Finding
from hub_image.repository import files

CONFLICT = re.compile(r"^<{7} .*?^>{7} ", re.MULTILINE | re.DOTALL)
LARGEST = 1_000_000  # bytes; a larger file is data


def check(repository: Path) -> Iterator[Finding]:
    """Yield conflicts in text files, and `.rej` files."""
    for path in files.walk(repository):
        file = path.relative_to(repository).as_posix()
        if path.suffix == ".rej":
            message = (
                f"these changes could not be merged; add them to {path.stem} and remove this file"
            )
            yield Finding(file, 1, message)
        elif path.stat().st_size <= LARGEST and b"<<<<<<< " in path.read_bytes():
            text = files.read(path)
            if "\0" in text:
                continue
            for match in CONFLICT.finditer(text):
                line = text.count("\n", 0, match.start()) + 1
                yield Finding(
                    file, line, "a conflict starts here; keep the right lines, remove the marks"
                )
