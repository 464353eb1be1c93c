"""A hub's configuration in git, a registry and GitHub's API: what a gate talks to."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from ci.standins import registry as standin
from ci.standins.registry import Content, digest_of
from conftest import git
from github import Kept, event

IMAGE = "application/vnd.oci.image.manifest.v1+json"
CPU = """\
jupyterhub:
  singleuser:
    defaultUrl: /lab
    profileList:
      - display_name: Ocean
        slug: ocean
        kubespawner_override:
          image: "{host}/sea/ocean:{tag}"
          default_url: /rstudio
          working_dir: /home/rstudio
          environment: {{COURSE: tides, HOME_OF: $(JUPYTERHUB_USER)}}
"""
GPU = "jupyterhub:\n  singleuser:\n    image:\n      name: {host}/sea/rivers\n      tag: '{tag}' # ours\n"


class Registry:
    """The registry, and what to put into it."""

    def __init__(self, server: standin.Registry) -> None:
        self.server = server
        self.host = f"127.0.0.1:{server.server_port}"

    def image(self, name: str, *tags: str, public: bool = True) -> str:
        """Publish an image of one layer; return its digest."""
        content = self.server.content.setdefault(f"sea/{name}", Content(public=public))
        labels = {
            "org.opencontainers.image.base.name": "quay.io/jupyter/base-notebook:2026-10-01",
            "org.opencontainers.image.source": f"https://github.com/sea/{name}",
            "org.opencontainers.image.revision": "c" * 40,
        }
        said = {
            "created": "2026-01-02T03:04:05.123456789Z",
            "config": {"Labels": labels},
            "tags": tags,
        }
        data = json.dumps(said).encode()
        content.blobs[digest_of(data)] = data
        layers = [{"digest": "sha256:" + "1" * 64, "size": 1_500_000_000}]
        config = {"digest": digest_of(data), "size": 500}
        return content.put(IMAGE, json.dumps({"config": config, "layers": layers}).encode(), *tags)


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """A registry like ghcr.io, which knows nobody."""
    server = standin.Registry("ghcr.io")
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    yield Registry(server)
    server.shutdown()
    server.server_close()


@pytest.fixture
def hub(registry, tmp_path, monkeypatch) -> Path:
    """A configuration with two files and one commit; it is the working folder. Its images are published."""
    for name in ("ocean", "rivers"):
        registry.image(name, "1.0.0")
        registry.image(name, "2.0.0")
    folder = tmp_path / "hub"
    folder.mkdir()
    git(folder, "init", "--quiet")
    write(folder, registry)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "First")
    monkeypatch.chdir(folder)
    for name in ("GITHUB_ACTIONS", "GITHUB_EVENT_PATH", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    return folder


def write(folder: Path, registry: Registry, cpu: str = "1.0.0", gpu: str = "1.0.0") -> None:
    """Write both files, with these tags."""
    (folder / "cpu.values.yaml").write_text(CPU.format(host=registry.host, tag=cpu))
    (folder / "gpu.values.yaml").write_text(GPU.format(host=registry.host, tag=gpu))


@pytest.fixture
def api(tmp_path, monkeypatch, hub):
    """The pull request 1 of sea/hub on GitHub, for a job that may comment."""
    kept = Kept(tmp_path / "github.json", "sea/hub")
    kept.pull(1)
    kept.state(permissions={"contents": "read", "pull-requests": "write"})
    base = git(hub, "rev-parse", "HEAD").strip()
    pull = event(
        "pull_request", "sea/hub", number=1, pull_request={"number": 1, "base": {"sha": base}}
    )
    (tmp_path / "event.json").write_text(json.dumps(pull))
    with kept.served() as port:
        monkeypatch.setenv("GITHUB_API_URL", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("GITHUB_TOKEN", "of-this-job")
        monkeypatch.setenv("GITHUB_REPOSITORY", "sea/hub")
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
        monkeypatch.setenv("GITHUB_EVENT_PATH", str(tmp_path / "event.json"))
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
        yield kept
