"""The image of the contract's hub, which several contracts may make at once."""

from __future__ import annotations

import subprocess

from hub_image.contract.groups import on_hub


def test_another_contract_makes_the_same_image_at_the_same_moment(monkeypatch):
    """BuildKit then says so of the slower one; said by Docker 28.2 when two contracts began with no image of the hub."""
    said = [
        (1, b'ERROR: failed to solve: image "docker.io/hub-image/hub:5.4": already exists'),
        (0, b""),
    ]

    def call(*line, **options):
        code, error = said.pop(0)
        return subprocess.CompletedProcess(line, code, b"", error)

    monkeypatch.setattr(on_hub.docker, "call", call)
    assert on_hub.hub_image("5.4") == "hub-image/hub:5.4"
    assert said == []
