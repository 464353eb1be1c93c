"""GitHub with many repositories, and registries with their images."""

from __future__ import annotations

import pytest

from hub_image.fleet import rows
from hub_image.fleet.asking import Asking
from hub_image.problem import Problem

from .hosting import Server


@pytest.fixture
def hosted(monkeypatch):
    """GitHub, asked with a token."""
    server = Server()
    with server.served():
        monkeypatch.setenv("GITHUB_API_URL", server.address)
        monkeypatch.setenv("GITHUB_TOKEN", "secret")
        monkeypatch.delenv("GH_TOKEN", raising=False)
        yield server


@pytest.fixture
def waits(monkeypatch):
    """How long each wait was; no time passes."""
    waited: list[float] = []
    monkeypatch.setattr(Asking, "pause", lambda self, seconds: waited.append(seconds))
    return waited


@pytest.fixture
def registry(monkeypatch):
    """What registries have, by name and tag, with the days; tests/ci/test_registry.py asks a stand-in of one."""
    images: dict[str, dict[str, str]] = {}

    class Registry:
        def __init__(self, name: str) -> None:
            self.name = name
            self.host, _, self.path = name.partition("/")

        def tags(self) -> list[str]:
            return list(images.get(self.name, {}))

        def digest(self, tag: str) -> str:
            return f"sha256:{tag[0] * 64}"

        def created(self, tag: str) -> str:
            tag = tag[-12:] if tag.startswith("sha256:") else tag
            if tag not in images.get(self.name, {}):
                raise Problem(f"{self.name} has no {tag}: publish it first, or check its name.")
            return images[self.name][tag]

    monkeypatch.setattr(rows, "Repository", Registry)
    return images
