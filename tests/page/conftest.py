"""An image with a page: its registry is the stand-in of tests/ci, and Docker is asked nothing."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from ci.standins import registry as standin
from ci.standins.registry import Content, digest_of
from conftest import git
from hub_image.lists import installed
from hub_image.page import command, facts
from hub_image.tools import docker

KIND = "application/vnd.oci.image.manifest.v1+json"
HOSTILE = "<script>alert(1)</script>|`x`"
OLD, NEW = "0a1b2c3d4e5f", "ffffffffffff"
PROOF = facts.Proof(
    "5.4.0",
    34,
    ("C5 small enough", "C7 <b>one version</b> of *each*"),
    "ready after 2.1 s",
)
PAGE = "c" * 40  # the commit that has the page of OLD
PACKAGES = {
    OLD: {
        ("conda", "xarray"): "2025.1.1",
        ("conda", "gone"): "1",
        ("apt", "zip"): "3.0-13",
    },
    NEW: {
        ("conda", "xarray"): "2026.1.0",
        ("conda", "scikit-learn"): "1.9",
        ("pip", HOSTILE): "<b>1</b>",
        ("R", "sf"): "1.0",
        ("Julia", "CSV"): "0.10",
        ("vscode", "ms-python.python"): "2026.1",
        **{("apt", f"lib{number}"): f"{number}-1" for number in range(200)},
        ("apt", "zip"): "3.0-13",
    },
}


@pytest.fixture
def published(monkeypatch):
    """The name of an image in a registry, with two tags of the main branch, a release and a trial."""
    server = standin.Registry("ghcr.io")
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    content = server.content["sea/ocean"] = Content(public=True)
    created = {
        OLD: "2026-11-01T10:00:00Z",
        "2026.11.2": "2026-11-02T10:00:00Z",
        NEW: "2026-11-03T10:00:00Z",
        "pr-7-0a1b2c3d4e5f": "2026-10-01T10:00:00Z",
        "cccccccccccc": "2026-11-04T10:00:00Z",
    }
    for tag, when in created.items():
        about = json.dumps({"config": {}, "created": when}).encode()
        content.blobs[digest_of(about)] = about
        layers = [{"digest": "sha256:00", "size": 1_100_000_000}]
        image = {"config": {"digest": digest_of(about), "size": 1}, "layers": layers}
        content.put(KIND, json.dumps(image).encode(), tag)
    monkeypatch.setattr(
        docker, "inspect", lambda reference: {"Created": created[reference.rpartition(":")[2]]}
    )
    monkeypatch.setattr(
        installed, "packages", lambda reference: PACKAGES[reference.rpartition(":")[2]]
    )
    yield f"127.0.0.1:{server.server_port}/sea/ocean"
    server.shutdown()
    server.server_close()


@pytest.fixture
def ocean(render, tmp_path) -> Path:
    """An image's repository, on GitHub, with a hub."""
    import shutil

    folder = tmp_path / "ocean"
    answers = {
        "title": "Ocean <modelling>",
        "description": "Models & *maps*",
        "image_name": "ocean",
    }
    hub = {"hub_url": "https://hub.example.org", "support_url": "mailto:help@example.org"}
    shutil.copytree(render(**answers, **hub), folder)
    git(folder, "init", "--quiet")
    git(folder, "remote", "add", "origin", "https://github.com/sea/ocean.git")
    return folder


@pytest.fixture
def kept(published, ocean, tmp_path) -> Path:
    """A folder with the page of the new image, as CI writes it on top of that of the old one."""
    folder = tmp_path / "page"
    folder.mkdir()
    for tag, pages in ((OLD, {}), (NEW, {OLD: PAGE})):
        known = facts.Published(proof=PROOF, pages=pages)
        reference, before = f"{published}:{tag}", facts.read(folder)
        command.write(facts.gather(ocean, reference, before, published=known), folder)
    return folder
