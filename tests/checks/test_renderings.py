"""A fresh copy of the template raises nothing, whatever the answers."""

import shutil
from pathlib import Path

import pytest
import yaml

from hub_image import checks, packages

CATALOG = yaml.safe_load((Path(__file__).parents[2] / "catalog.yml").read_text())
ANSWERS = [
    pytest.param(
        {"base": key, "languages": base["languages"], "package_manager": manager},
        id=f"{key} {manager}",
    )
    for key, base in CATALOG["bases"].items()
    for manager in CATALOG["families"][base["family"]]["package_managers"]
] + [
    pytest.param(
        {"start_from": "scratch", "package_manager": manager, "languages": languages},
        id=f"scratch {manager} {'+'.join(languages)}",
    )
    for manager in ("conda", "pip")
    for languages in ([], ["r"], ["julia"], ["r", "julia"])
]


@pytest.mark.parametrize("answers", ANSWERS)
def test_fresh_copy(render, answers: dict):
    repository = render(**answers)
    assert [str(finding) for finding in checks.run(repository)] == []
    assert list(packages.read(repository)), "there is no package list to check"


def test_answers_reach_the_rules(render, tmp_path: Path):
    """`.github/image.env` carries what the rules about pins need, under the names they read."""
    repository = tmp_path / "ocean"
    shutil.copytree(render(base="jupyter-scipy"), repository)
    (repository / "environment.yml").write_text(
        "channels: [conda-forge]\ndependencies:\n  - python=3.8\n  - jupyterhub=4\n"
    )
    assert [finding.code for finding in checks.run(repository)] == ["python-pin", "hub-pin"]
