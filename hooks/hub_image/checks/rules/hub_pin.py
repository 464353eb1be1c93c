"""A list or a build step pins a JupyterHub that does not fit the hub.

Why: the server in the image and the hub speak the protocol of JupyterHub's major version.
Another major may end in redirect loops or 403; below 4 it does not work with today's hubs.

Fix: remove the pin, or set it to the hub's major version.

Severity: error below 4; warning on another major version than HUB_VERSION, or than most hubs have where that is not said.

Source: <https://github.com/jupyterhub/jupyterhub/issues/4744>
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from hub_image import catalog
from hub_image.checks import Finding, places
from hub_image.repository import image_env

NAMES = {"jupyterhub", "jupyterhub-base", "jupyterhub-singleuser"}
OLDEST = 4


def check(repository: Path) -> Iterator[Finding]:
    """Yield pins of JupyterHub that the hub does not fit."""
    said = image_env.read(repository).hub_version
    for file, package_list in places.lists(repository):
        for package in package_list.packages:
            if package.manager not in ("conda", "pip") or package.name not in NAMES:
                continue
            hub = (said or catalog.load().hub).partition(".")[0]
            if not package.admits_any(lambda version: major(version) >= OLDEST):
                yield Finding(
                    file,
                    package.line,
                    f"`{package.text}` is below {OLDEST} and does not work with today's hubs; "
                    f"remove the pin{f' or ask for {hub}' if hub else ''}",
                )
            elif hub.isdigit() and not package.admits_any(partial(_is_of, int(hub))):
                yield Finding(
                    file,
                    package.line,
                    f"`{package.text}` is another major version than the hub's {hub}; "
                    f"remove the pin or ask for {hub}",
                    "warning",
                )


def major(version: str) -> int:
    """Return the first number of a version."""
    return int(version.partition(".")[0])


def _is_of(hub: int, version: str) -> bool:
    return major(version) == hub
