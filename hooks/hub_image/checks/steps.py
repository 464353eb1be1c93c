"""The commands of what builds an image: the build scripts, and each RUN of a Dockerfile."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from hub_image.repository import files
from hub_image.syntax import dockerfile, shell

SCRIPTS = ("preBuild", "postBuild", "postBuildRoot")
# Folders of images in a repository that was not made from the template.
FOLDERS = ("", ".binder/", "binder/", "images/*/")
CONDA = {"conda", "mamba", "micromamba"}
# Options of pip and conda that a value follows.
VALUED = {
    "-r",
    "-c",
    "-i",
    "-f",
    "-t",
    "-n",
    "-p",
    "--requirement",
    "--constraint",
    "--index-url",
    "--extra-index-url",
}
VALUED |= {"--find-links", "--channel", "--name", "--prefix", "--file", "--python", "--target"}
OURS = {"base", "root", "notebook"}  # names of the environment that the notebooks have


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


def python_packages(words: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield (manager, package) of what a command of pip or conda installs beside the notebooks."""
    rest = [word for word in words if word != "sudo"]
    program = rest[0].rpartition("/")[2] if rest else ""
    if program in CONDA:
        manager, verbs = "conda", {"install", "update", "upgrade"}
    elif (
        re.fullmatch(r"pip[\d.]*", program)
        or rest[1:3] == ["-m", "pip"]
        or rest[:2] == ["uv", "pip"]
    ):
        manager, verbs = "pip", {"install"}
    else:
        return
    at = next((n for n, word in enumerate(rest) if word in verbs), len(rest))
    names = {after for word, after in pairwise(rest) if word in ("-n", "--name")}
    if any(name not in OURS and "$" not in name for name in names):
        return
    for before, word in pairwise(rest[at:]):
        if not word.startswith("-") and before not in VALUED:
            yield manager, word
