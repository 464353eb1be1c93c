"""The commands of what builds an image: the build scripts, and each RUN of a Dockerfile."""

import re
from collections.abc import Iterator
from pathlib import Path

from hub_image.repository import files
from hub_image.syntax import dockerfile, shell

SCRIPTS = ("preBuild", "postBuild", "postBuildRoot")
# Folders of images in a repository that was not made from the template.
FOLDERS = ("", ".binder/", "binder/", "images/*/")


def of(repository: Path) -> Iterator[tuple[str, int, tuple[str, ...]]]:
    """Yield file, line and words of each command; what is no shell script, or cannot be read, has none."""
    for folder in FOLDERS:
        for name in SCRIPTS:
            for path in sorted(repository.glob(folder + name)):
                text = files.read(path)
                first = text.partition("\n")[0]
                if not first.startswith("#!") or re.search(r"\b(ba|da|z|k)?sh\b", first):
                    for command in shell.read(text).commands:
                        yield path.relative_to(repository).as_posix(), command.line, command.words
        for path in sorted(repository.glob(f"{folder}Dockerfile")):
            text = files.read(path)
            if text.startswith("# Written by hub-image-template"):
                continue  # the template's own tests see to it
            for found in dockerfile.parse(text):
                if found.name == "RUN":
                    source = re.sub(r"^(--\S+[\s\\]*)+", "", found.source)
                    for command in shell.read(source).commands:
                        line = found.line + command.line - 1
                        yield path.relative_to(repository).as_posix(), line, command.words


def installs(words: tuple[str, ...]) -> Iterator[str]:
    """Yield the packages that a command of APT installs."""
    rest = [word for word in words if word != "sudo" and not re.match(r"\w+=", word)]
    if rest[:1] in (["apt-get"], ["apt"]) and "install" in rest:
        yield from (word for word in rest[rest.index("install") + 1 :] if not word.startswith("-"))
