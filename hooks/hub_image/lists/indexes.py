"""The indexes of package managers: whether they have a package.

Each is asked for one name, at the address that it documents or shows for a package. Debian and Ubuntu have no such address
for the packages of one release, so they are not asked.
"""

from __future__ import annotations

import http.client
import urllib.error
import urllib.parse
import urllib.request

from hub_image import __version__
from hub_image.problem import Problem
from hub_image.syntax import toml

ADDRESSES = {
    "conda": "https://api.anaconda.org/package/{channel}/{name}",  # https://api.anaconda.org/docs
    "pip": "https://pypi.org/pypi/{name}/json",  # https://docs.pypi.org/api/json/
    "r": "https://cran.r-project.org/web/packages/{name}/DESCRIPTION",
    # Its folders: package_relpath in https://github.com/JuliaRegistries/RegistryTools.jl
    "julia": "https://raw.githubusercontent.com/JuliaRegistries/General/master/{initial}/{name}/Package.toml",
    "vscode": "https://open-vsx.org/api/{publisher}/{extension}",  # https://open-vsx.org/swagger-ui/
}
TITLES = {
    "conda": "conda's channels",
    "pip": "PyPI",
    "r": "CRAN",
    "julia": "Julia's General registry",
    "vscode": "Open VSX",
}
SECONDS = 20


class Away(Problem):
    """An index that does not answer, or does not let us ask."""


def has(manager: str, name: str, channel: str = "") -> bool:
    """Whether an index has a package; `channel` is conda's. Raises Away."""
    return _get(_address(manager, name, channel)) is not None


def uuid(name: str) -> str:
    """Return the UUID of a package in Julia's General registry; empty where there is no such package. Raises Away."""
    text = _get(_address("julia", name))
    try:
        return str(toml.loads((text or b"").decode()).get("uuid", ""))
    except ValueError:
        raise Away(f"{TITLES['julia']} answers with something else than a package") from None


def _address(manager: str, name: str, channel: str = "") -> str:
    name = urllib.parse.quote(name, safe="")
    publisher, _, extension = name.partition(".")
    return ADDRESSES[manager].format(
        name=name,
        channel=urllib.parse.quote(channel, safe=""),
        initial=name[0].upper(),
        publisher=publisher,
        extension=extension,
    )


def _get(address: str) -> bytes | None:
    """Return what stands at an address, or None where nothing does. Raises Away."""
    # Some servers turn away what calls itself a library of Python.
    request = urllib.request.Request(address, headers={"User-Agent": f"hub-image/{__version__}"})
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            text: bytes = answer.read()
            return text
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        reason: object = f"{error.code} {error.reason}"
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
    raise Away(f"{urllib.parse.urlsplit(address).hostname} does not answer ({reason})")
