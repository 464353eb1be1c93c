"""Four telling renderings, whole, so that a review sees what a change does to what people get.

After a change that is meant: pytest tests/test_golden.py --update-golden, then read git diff.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from conftest import CATALOG, files

GOLDEN = Path(__file__).parent / "golden"
ANSWERS = {
    "defaults": {},
    "pangeo": {
        "base": "pangeo",
        "title": "Ocean modelling",
        "description": "Models, maps & notebooks for the *ocean* course.",
        "registry": "quay.io",
        "registry_owner": "ocean",
        "github_owner": "CryoInTheCloud",
        "hub_url": "https://hub.example.org",
    },
    "rocker": {
        "base": "rocker-geospatial",
        "languages": ["r"],
        "interfaces": ["rstudio"],
        "github_owner": "ocean",
    },
    "scratch": {
        "start_from": "scratch",
        "package_manager": "pip",
        "languages": ["r", "julia"],
        "interfaces": ["rstudio", "vscode", "desktop"],
        "dask_gateway": True,
    },
}


def contents(folder: Path, template: Path) -> dict[str, str]:
    """The files of a rendering, with the template's published address instead of a temporary folder."""
    return {
        path: (folder / path).read_text().replace(str(template), CATALOG["published"])
        for path in files(folder)
    }


@pytest.mark.parametrize("name", ANSWERS)
def test_rendering_is_as_reviewed(name, render, template, request):
    now = contents(render(**ANSWERS[name]), template)
    if request.config.getoption("--update-golden"):
        shutil.rmtree(GOLDEN / name, ignore_errors=True)
        for path, text in now.items():
            (GOLDEN / name / path).parent.mkdir(parents=True, exist_ok=True)
            (GOLDEN / name / path).write_text(text)
    assert now == {path: (GOLDEN / name / path).read_text() for path in files(GOLDEN / name)}
