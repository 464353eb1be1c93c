"""The link request, held against an image that was really built and pushed."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys

import pytest

from ci.runner import Process
from conftest import ROOT
from hub_image.handoff import profiles

from .conftest import SMALLEST

pytestmark = pytest.mark.engine

SOURCE = "https://github.com/ocean/ocean"
COMMIT = "0a1b2c3d4e5f" + "6" * 28


@pytest.fixture(scope="module")
def registry(engine, tmp_path_factory):
    """A registry that asks nobody for a password; its host and port."""
    folder = tmp_path_factory.mktemp("registry")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "registry.yml").write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {folder}}}, delete: {{enabled: true}}}}\n"
        f'http: {{addr: "127.0.0.1:{port}"}}\nlog: {{level: error}}\n'
    )
    server = Process(port, "docker-registry", "serve", folder / "registry.yml")
    server.start()
    yield f"localhost:{port}"
    server.stop()


@pytest.fixture(scope="module")
def repository(registry, render):
    """The smallest image's repository, which publishes to that registry."""
    return render(
        **SMALLEST, registry=registry, registry_owner="ocean", hub_url="https://hub.example.org"
    )


@pytest.fixture(scope="module")
def push(engine, repository, registry, build):
    """Build the repository as CI does, and push it; return its digest as Docker tells it."""
    build(repository)  # makes what the build needs
    reference = f"{registry}/ocean/ocean:{COMMIT[:12]}"

    def push(*labels: str) -> str:
        lines = [f"--label=org.opencontainers.image.{label}" for label in labels]
        engine.check(
            ["docker", "buildx", "build", "--load", f"--tag={reference}", *lines, repository]
        )
        engine.check(["docker", "push", reference])
        form = "--format={{json .RepoDigests}}"
        digests = json.loads(engine.check(["docker", "image", "inspect", form, reference]))
        return next(digest.partition("@")[2] for digest in digests if digest.startswith(registry))

    push.reference = reference
    yield push
    engine.check(["docker", "image", "rm", reference])


@pytest.fixture(scope="module")
def request_(engine, repository):
    """Run `hub-image request` where the registry can be reached."""

    def run(reference: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [
            sys.executable,
            "-m",
            "hub_image",
            "request",
            reference,
            str(repository),
            *arguments,
        ]
        environment = engine.variables() | {"PYTHONPATH": str(ROOT / "hooks")}
        return subprocess.run(
            engine.inside(*command), env=environment, capture_output=True, text=True
        )

    return run


def test_everything_in_the_request_is_what_was_published(push, request_, repository, engine):
    digest = push(f"revision={COMMIT}", f"source={SOURCE}")
    done = request_(push.reference, f"--digest={digest}", "--proved=built,public")
    assert done.returncode == 0, done.stderr
    text = done.stdout
    image = json.loads(engine.check(["docker", "image", "inspect", push.reference]))[0]
    labels = {key.rpartition(".")[2]: value for key, value in image["Config"]["Labels"].items()}
    assert re.findall(r"^- Digest: `(.*)`$", text, re.MULTILINE) == [digest]
    assert f"# Link request: {labels['title']}\n" in text
    assert f"`{labels['name']}`, commit {labels['source']}/commit/{labels['revision']}" in text
    assert f"- Who to ask: {labels['source']}/issues" in text
    assert text.count(push.reference) == 3, "once by itself, once in each form of the lines"
    # What the entry leaves to the image: the hub starts it in the image's own home.
    override = profiles.read(repository)[0]["kubespawner_override"]
    assert override.get("working_dir", "/home/jovyan") == image["Config"]["WorkingDir"]


def test_another_image_under_the_same_tag_is_noticed(push, request_):
    tested = push(f"revision={COMMIT}", f"source={SOURCE}")
    now = push(f"revision={COMMIT}", f"source={SOURCE}", "version=2")
    assert now != tested
    done = request_(push.reference, f"--digest={tested}")
    assert done.returncode == 2 and done.stdout == ""
    assert f"has the digest {now} in the registry, but {tested} was tested" in done.stderr


def test_an_image_of_another_commit_is_noticed(push, request_):
    push(f"revision={'f' * 40}", f"source={SOURCE}")
    done = request_(push.reference)
    assert done.returncode == 2
    assert "has the label revision=ffffffffffff" in done.stderr


def test_an_image_that_is_not_there(registry, request_):
    done = request_(f"{registry}/ocean/ocean:ffffffffffff")
    assert done.returncode == 2
    assert "is not in the registry; publish it first" in done.stderr
