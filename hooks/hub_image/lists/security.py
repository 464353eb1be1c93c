"""Newer versions of system packages, for security: which a published image lacks, and the file that makes the build take them.

A base keeps the versions of the day on which it was made, and the build keeps its layers as long as nothing asks for others.
So what has a newer version is named in a file, and the last layer of the build takes the newest of just these.
"""

import re
from pathlib import Path

from hub_image.repository import files, image_env
from hub_image.tools import docker

FILE = ".github/build/security.txt"
HEADER = "# For {base}: packages of the system that have newer versions, for security. `hub-image settle` writes this.\n"
ASK = """\
command -v apt-get >/dev/null || exit 0
apt-get update -qq >&2
apt-get --simulate upgrade
"""
# A package that would be unpacked, as apt's pkgSimulate prints it: the name, what is there, what would come and from where.
# https://salsa.debian.org/apt-team/apt/-/blob/main/apt-pkg/algorithms.cc
UNPACKED = re.compile(
    r"^Inst ([a-z0-9][a-z0-9+.-]*(?::\w+)?) \[[^]]*\] \((\S+) ([^)]*)\)", re.MULTILINE
)


def pending(image: str) -> dict[str, str]:
    """Return the packages of an image with a newer version from a distribution's security archive, each with that version.

    Raises DockerError where that cannot be asked, as without a network.
    """
    asked = ("run", "--rm", "--user=0", "--entrypoint=bash", image, "-ec", ASK)
    return parse(docker.output(*asked))


def parse(simulated: str) -> dict[str, str]:
    """Return the same from what apt-get prints."""
    return {
        name: version
        for name, version, origins in UNPACKED.findall(simulated)
        if re.search(r"(?i)\bsecurity\b|-security\b", origins)
    }


def read(repository: Path) -> dict[str, str]:
    """Return what the file names, if it was made for the base that the repository has now."""
    head, _, rest = files.read(repository / FILE).partition("\n")
    if head + "\n" != _header(repository):
        return {}
    lines = (line.split() for line in rest.splitlines() if line.strip() and line[0] != "#")
    return {words[0]: words[-1] for words in lines}


def write(repository: Path, newer: dict[str, str]) -> str:
    """Add to what the file names; return git's letter for what became of it."""
    before = (repository / FILE).exists()
    lines = sorted({**read(repository), **newer}.items())
    text = _header(repository) + "".join(f"{name} {version}\n" for name, version in lines)
    (repository / FILE).parent.mkdir(parents=True, exist_ok=True)
    (repository / FILE).write_text(text, encoding="utf-8")
    return "M" if before else "A"


def _header(repository: Path) -> str:
    return HEADER.format(base=image_env.read(repository).base_image)
