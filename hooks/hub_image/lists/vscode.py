"""vscode-extensions.txt: identifiers as VS Code writes them."""

import re
from functools import lru_cache

from hub_image.lists.model import Fault, Package, PackageList

# https://code.visualstudio.com/docs/configure/extensions/extension-marketplace#_extension-identifiers
EXTENSION = re.compile(
    r"([a-z0-9][a-z0-9-]*\.[a-z0-9][\w.-]*)(?:@\d+\.\d+\.\d+[\w.-]*)?", re.IGNORECASE
)


@lru_cache
def read(text: str) -> PackageList:
    """Read a vscode-extensions.txt: identifiers with white space between them, comments from `#` on."""
    packages: list[Package] = []
    faults: list[Fault] = []
    for number, line in enumerate(text.split("\n"), 1):
        for word in line.partition("#")[0].split():
            if match := EXTENSION.fullmatch(word):
                packages.append(Package("vscode", match[1].lower(), word, number))
            else:
                message = f"`{word}` is no extension; write publisher.name, as in ms-python.python"
                faults.append(Fault("vscode", number, message))
    return PackageList(tuple(packages), tuple(faults))
