"""What decides whose code CI runs, and who gets the image and its secrets: the anchors of trust.

They stand in `.copier-answers.yml` and `.github/image.env`. A pull request that changes one may look harmless, so whoever
reviews it is told.
"""

import functools
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from hub_image.problem import Problem
from hub_image.repository import files
from hub_image.repository.image_env import ANSWERS, FILE
from hub_image.tools.git import git
from hub_image.tools.markdown import code

COMMIT = "TEMPLATE_COMMIT"
LOOK = "> **Look at this first:**"  # a pull request that changes anchors begins its text with such lines
# Each anchor: its file, and what a change of it means.
ANCHORS = {
    "_src_path": (ANSWERS, "CI runs the code of that template"),
    "TEMPLATE": (FILE, "CI runs the code of that template"),
    COMMIT: (FILE, "CI runs that version of the template's code"),
    "REGISTRY": (FILE, "CI sends the image and its login there"),
    "REGISTRY_OWNER": (FILE, "the image goes to that account"),
}


def value(name: str, text: str) -> str:
    """Return the value of an anchor in the text of its file; empty where it has none."""
    found = re.search(rf"^{name}(?:=|: *)(.*)$", text, re.MULTILINE)
    return found[1].strip().strip("'\"") if found else ""


def changed(
    before: Callable[[str], str], after: Callable[[str], str], but: tuple[str, ...] = ()
) -> Iterator[tuple[str, str, str]]:
    """Yield each anchor that differs: its file, its name, and a sentence in Markdown that says what that means.

    `before` and `after` return the text of a file. An anchor that was not there before, as in a repository that is new,
    is none that changes. Those in `but` are left out.
    """
    for name, (file, means) in ANCHORS.items():
        old, new = value(name, before(file)), value(name, after(file))
        if old and old != new and name not in but:
            yield file, name, f"{code(name)} becomes {code(new or 'empty')} ({code(file)}): {means}"


def at(repository: Path, commit: str) -> Callable[[str], str]:
    """Return what reads a file in a commit or a tree, once; what is not there is empty."""

    @functools.cache
    def read(file: str) -> str:
        try:
            return git(repository, "show", f"{commit}:{file}")
        except Problem:
            return ""

    return read


def here(repository: Path) -> Callable[[str], str]:
    """Return what reads a file of the working tree."""
    return lambda file: files.read(repository / file)
