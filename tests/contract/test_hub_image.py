"""The image of the contract's hub, which several contracts may make at once."""

from __future__ import annotations

import subprocess

from hub_image.contract.groups import on_hub


def hub(monkeypatch, *said: tuple[str, int, bytes]) -> str:
    """The name of the hub's image where Docker is asked this, in this order, and says so."""
    left = list(said)

    def call(what, *line, **options):
        asked, code, error = left.pop(0)
        assert what == asked
        return subprocess.CompletedProcess(line, code, b"", error)

    monkeypatch.setattr(on_hub.docker, "call", call)
    name = on_hub.hub_image("5.4")
    assert left == []
    return name


def test_it_is_made_once_and_found_again_by_its_name(monkeypatch, tmp_path):
    made = hub(monkeypatch, ("image", 1, b""), ("image", 0, b""), ("build", 0, b""))
    assert made.startswith("hub-image/hub:5.4-") and made == hub(monkeypatch, ("image", 0, b""))
    for file in on_hub.FILES.iterdir():
        if file.is_file():
            (tmp_path / file.name).write_bytes(file.read_bytes() + b"\n")
    monkeypatch.setattr(on_hub, "FILES", tmp_path)
    assert hub(monkeypatch, ("image", 0, b"")) != made


def test_another_contract_makes_the_same_image_at_the_same_moment(monkeypatch):
    """BuildKit then says so of the slower one; said by Docker 28.2 when two contracts began with no image of the hub."""
    error = b'ERROR: failed to solve: image "docker.io/hub-image/hub:5.4": already exists'
    assert hub(
        monkeypatch, ("image", 1, b""), ("image", 0, b""), ("build", 1, error), ("build", 0, b"")
    )
