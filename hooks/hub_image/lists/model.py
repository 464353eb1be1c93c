"""What a package list says, whichever manager reads it."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Package:
    """One entry of a list. `admits` tells whether the entry allows a version, given as text."""

    manager: str  # conda, pip, apt, vscode, or r of what install.R may ask for
    name: str
    text: str
    line: int
    marker: str = ""  # of a pip requirement, as in `python_version < "3.12"`
    admits: Callable[[str], bool] = field(default=lambda version: True, compare=False)

    def admits_any(self, good: Callable[[str], bool]) -> bool:
        """Tell whether the entry allows at least one version that `good` accepts.

        There is no list of versions here, so it tries a grid of plausible ones and the
        versions next to those that the entry names.
        """
        return any(self.admits(version) and good(version) for version in candidates(self.text))


@dataclass(frozen=True)
class Fault:
    """Something that the manager of a list would refuse or ignore."""

    manager: str  # conda, pip, apt, r, julia or vscode
    line: int
    message: str
    severity: str = "error"


@dataclass(frozen=True)
class Channel:
    """A conda channel of an environment.yml."""

    name: str
    line: int


@dataclass(frozen=True)
class PackageList:
    """What a list says; `channels` only of a conda list.

    install.R is a program, so nobody knows its packages before it runs: `strings` are what may be their names.
    """

    packages: tuple[Package, ...] = ()
    faults: tuple[Fault, ...] = ()
    channels: tuple[Channel, ...] = ()
    strings: tuple[Package, ...] = ()


def candidates(text: str) -> Iterator[str]:
    """Yield versions with which to try a pin: a grid, and those close to the ones it names."""
    for named in re.findall(r"\d+(?:\.\d+)*", text):
        yield named
        yield f"{named}.1"
    for major in range(100):
        for minor in range(10):
            yield f"{major}.{minor}.0"


def unreadable(manager: str, line: int, message: str) -> PackageList:
    """Return what a list says that its manager would refuse as a whole."""
    return PackageList(faults=(Fault(manager, line, message),))
