"""The list uses one of Anaconda's own channels.

Why: the terms of service of `defaults` ask larger organisations for a licence, and mixing it
with conda-forge makes environments that cannot be solved.

Fix: remove it; conda-forge has the packages. `--fix` does so where it has a line of its own.

Severity: error.

Source: <https://www.anaconda.com/docs/getting-started/working-with-conda/reference/default-channels>
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from hub_image.checks import Edit, Finding, steps
from hub_image.lists import packages
from hub_image.lists.model import Channel
from hub_image.repository import files

ANACONDA = re.compile(
    r"(?:https?://[^/]*anaconda\.(?:com|org)/)?(defaults|anaconda|main|r|msys2|pkgs/\w+)/?"
)


def check(repository: Path) -> Iterator[Finding]:
    """Yield channels of Anaconda's: in `channels:`, before `::` in a package, and in build steps."""
    for file, line, words in steps.of(repository):
        if {"conda", "mamba", "micromamba"} & set(words[:2]):
            for option, value in pairwise(words):
                if option in ("-c", "--channel") and ANACONDA.fullmatch(value):
                    yield _finding(file, line, value)
    for file, package_list in packages.read(repository):
        channels = package_list.channels
        kept = [channel for channel in channels if not ANACONDA.fullmatch(channel.name)]
        replacement = "" if kept else "conda-forge"
        for channel in channels:
            if channel not in kept:
                edit = _edit(files.read(repository / file), channel, replacement)
                yield _finding(file, channel.line, channel.name, edit)
                replacement = ""
        for package in package_list.packages:
            name, colons, _ = package.text.partition("::")
            if package.manager == "conda" and colons and ANACONDA.fullmatch(name):
                yield _finding(file, package.line, name)


def _finding(file: str, line: int, channel: str, edit: Edit | None = None) -> Finding:
    message = f"`{channel}` is a channel under Anaconda's terms of service; use conda-forge alone"
    return Finding(file, line, message, edit=edit)


def _edit(text: str, channel: Channel, replacement: str) -> Edit | None:
    """Replace the channel, or remove its line, if it has a line of its own."""
    start = files.line_start(text, channel.line)
    line = "".join(text[start:].partition("\n")[:2])
    if not re.fullmatch(r"\s*-\s*['\"]?" + re.escape(channel.name) + r"['\"]?\s*(#.*)?\s*", line):
        return None
    if replacement:
        return Edit(text.index(channel.name, start), channel.name, replacement)
    return Edit(start, line, "")
