"""The page of an image that was really built."""

from __future__ import annotations

import json

import pytest

from hub_image.__main__ import main


@pytest.mark.engine
def test_the_page_has_what_the_image_itself_says(engine, build, run, render, tmp_path, monkeypatch):
    for name, value in engine.variables().items():
        monkeypatch.setenv(name, value)
    repository = render(start_from="scratch", package_manager="pip")
    image = build(repository)
    assert main(["page", image, str(repository), "--into", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "packages.json").read_text())
    versions = {
        (package["manager"], package["name"]): package["version"] for package in found["packages"]
    }
    for name in ("jupyterhub", "xarray"):
        code = f"from importlib.metadata import version; print(version('{name}'))"
        said = run(image, "python", "-c", code).stdout.strip()
        assert said and versions["pip", name] == said
    said = run(image, "dpkg-query", "--show", "--showformat=${Version}", "jq").stdout
    assert said and versions["apt", "jq"] == said
    assert found["made"].startswith("20") and found["size"] == 0, "it is in no registry"
