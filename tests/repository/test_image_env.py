"""The answers of a repository reach the rules."""

import shutil
from pathlib import Path

from hub_image import checks


def test_answers_reach_the_rules(render, tmp_path: Path):
    """`.github/image.env` carries what the rules about pins need, under the names they read."""
    repository = tmp_path / "ocean"
    shutil.copytree(render(base="jupyter-scipy"), repository)
    (repository / "environment.yml").write_text(
        "channels: [conda-forge]\ndependencies:\n  - python=3.8\n  - jupyterhub=4\n"
    )
    assert [finding.code for finding in checks.run(repository)] == ["python-pin", "hub-pin"]
