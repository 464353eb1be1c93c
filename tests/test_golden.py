"""Four telling renderings, so that a review sees what a change does to what people get.

The one of the defaults is whole, since people read it as the example. Of the others stands here what an answer changes:
`same.txt` lists the files that are those of template/, byte for byte.

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


EXAMPLE = "defaults"
SAME = "same.txt"


def contents(name: str, folder: Path, template: Path) -> dict[str, str]:
    """What is kept of a rendering, with the template's published address instead of a temporary folder."""
    kept, same = {}, []
    for path in files(folder):
        original = template / "template" / path
        if (
            name != EXAMPLE
            and original.exists()
            and original.read_bytes() == (folder / path).read_bytes()
        ):
            same.append(f"{path}\n")
        else:
            text = (folder / path).read_text()
            for own in (f"file://{template}", str(template)):
                text = text.replace(own, CATALOG["published"])
            kept[path] = text
    return kept | ({SAME: "".join(same)} if same else {})


@pytest.mark.parametrize("name", ANSWERS)
def test_rendering_is_as_reviewed(name, render, template, request):
    now = contents(name, render(**ANSWERS[name]), template)
    if request.config.getoption("--update-golden"):
        shutil.rmtree(GOLDEN / name, ignore_errors=True)
        for path, text in now.items():
            (GOLDEN / name / path).parent.mkdir(parents=True, exist_ok=True)
            (GOLDEN / name / path).write_text(text)
    assert now == {path: (GOLDEN / name / path).read_text() for path in files(GOLDEN / name)}
