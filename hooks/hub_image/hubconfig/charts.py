"""Which JupyterHub a hub's configuration is for, as its charts say."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from hub_image import catalog
from hub_image.syntax.yaml import NotYaml, load

# Where Helm 3 and Helm 2 name the charts that a chart is made of.
FILES = ("Chart.yaml", "requirements.yaml")


class Versions:
    """Looks for charts once in each folder."""

    def __init__(self) -> None:
        self.below = cache(_below)

    def of(self, file: Path) -> str:
        """Return JupyterHub's version for a file of a configuration, as in `5.4`; nothing where no chart says it.

        The nearest folder counts that has a chart made of Zero to JupyterHub, or a chart somewhere below it; where
        charts there disagree nothing is certain.
        """
        folder = file.resolve().parent
        for above in (folder, *folder.parents):
            versions = {version for name in FILES if (version := _version(above / name))}
            if not versions and (above / ".git").exists():
                versions = self.below(above)
            if versions:
                return versions.pop() if len(versions) == 1 else ""
            if (above / ".git").exists():
                return ""
        return ""


def _below(folder: Path) -> set[str]:
    return {
        version
        for name in FILES
        for chart in sorted(folder.rglob(name))
        if (version := _version(chart))
    }


def _version(chart: Path) -> str:
    """Return the JupyterHub of a chart that is made of Zero to JupyterHub; nothing for others."""
    try:
        said: Any = load(chart.read_bytes(), str(chart))
        needed = said.get("dependencies") or []
        versions = [str(entry["version"]) for entry in needed if entry["name"] == "jupyterhub"]
    except (OSError, NotYaml, AttributeError, KeyError, TypeError):
        return ""
    found = re.match(r"[~^=v]*(\d+\.\d+)", versions[0]) if versions else None
    return catalog.load().charts.get(found[1], "") if found else ""
