"""A file that the template replaces was edited by hand.

Why: the next `copier update` merges the template's version into it, which may conflict, and
keeps your change from being found where people look for it.

Fix: undo the change, and make it where the finding says.

Severity: warning.

Source: the first line of the file. Only files without answers in them can be compared, and only
in a repository made from the very version of the template to which this command belongs.
"""

from collections.abc import Iterator
from pathlib import Path

from hub_image import __version__, catalog
from hub_image.checks import Finding
from hub_image.repository import anchors, files
from hub_image.repository.image_env import ANSWERS

INSTEAD = {
    "Dockerfile": "package lists, preBuild, postBuild and postBuildRoot",
    "GUIDE.md": "README.md",
    ".github/workflows/": "a workflow file of your own",
    ".github/renovate.json5": "renovate.json in the root",
    ".github/": "a workflow or action of your own",
    "": "a file of your own",
}


def check(repository: Path) -> Iterator[Finding]:
    """Yield files that differ from the template's, where they should not."""
    version = anchors.value("_commit", files.read(repository / ANSWERS)).removeprefix("v")
    template = catalog.shipped("template")
    if version != __version__ or not template.is_dir():
        return
    for path in files.walk(template):
        file = path.relative_to(template).as_posix()
        original = files.read(path)
        copy = repository / file
        head = original.split("\n", 2)[:2]  # the second line, where the first is `#!`
        if path.suffix == ".jinja" or "{" in file or "copier update" not in "".join(head):
            continue
        if copy.is_file() and files.read(copy).split() != original.split():
            instead = next(words for start, words in INSTEAD.items() if file.startswith(start))
            message = f"this file is the template's; undo the change and use {instead} instead"
            yield Finding(file, 1, message, "warning")
