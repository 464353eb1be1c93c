"""apt.txt: names after the Debian Policy; APT's parser is not on PyPI."""

import re
from functools import lru_cache

from hub_image.lists.model import Fault, Package, PackageList

# https://www.debian.org/doc/debian-policy/ch-controlfields.html#source, then apt-get(8):
# an architecture, a version or a release may follow the name.
APT_NAME = re.compile(
    r"([a-z0-9][a-z0-9+.-]+)(:(?:any|all|native|amd64|arm64|armhf|i386|ppc64el|riscv64|s390x))?"
    r"(?:=[0-9][\w.+:~-]*\*?|/[a-z][\w.-]*)?"
)


@lru_cache
def read(text: str) -> PackageList:
    """Read an apt.txt: names with white space between them, comments from `#` on."""
    packages: list[Package] = []
    faults: list[Fault] = []
    for number, line in enumerate(text.split("\n"), 1):
        words = line.partition("#")[0].split()
        if words and words[0] in ("sudo", "apt", "apt-get") and "install" in words[1:3]:
            faults.append(
                Fault("apt", number, "this is a command; write only the names of the packages")
            )
            continue
        for word in words:
            match = APT_NAME.fullmatch(word)
            if match:
                packages.append(Package("apt", match[1] + (match[2] or ""), word, number))
            else:
                faults.append(
                    Fault(
                        "apt",
                        number,
                        f"`{word}` is no name of a Debian package; "
                        "write lower-case names, one a line, and comments after `#`",
                    )
                )
    return PackageList(tuple(packages), tuple(faults))
