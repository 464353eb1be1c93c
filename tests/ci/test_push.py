"""Docker itself logs in and pushes to a registry with the ways of each public one: what it says is what `publish` reads.

The stand-in says where its ways are from; that the real ones take what it takes stays unproven.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from rig import engine as rig

from . import runner
from .conftest import free_port
from .standins.registry import NAME, PASSWORD

pytestmark = pytest.mark.engine
COMMIT = "0123456789ab" + "0" * 28


class Job:
    """A job of CI whose image belongs into this registry."""

    def __init__(self, folder: Path, image: str) -> None:
        self.folder, self.image = folder, image
        self.host, owner, name = image.split("/")
        (folder / ".github").mkdir()
        answers = f"REGISTRY={self.host}\nREGISTRY_OWNER={owner}\nIMAGE_NAME={name}\n"
        (folder / ".github/image.env").write_text(answers)

    def hub_image(self, *arguments: str) -> tuple[int, str]:
        """Run a step of CI; return its exit code and what it says."""
        environment = rig.variables() | {
            "DOCKER_CONFIG": str(self.folder),
            "PYTHONPATH": str(runner.HERE.parents[1] / "hooks"),
            "REGISTRY_LOGIN": f"{self.host}/{NAME}",
            "REGISTRY_PASSWORD": PASSWORD,
            "GITHUB_REPOSITORY": "sea/ocean",
            "GITHUB_REPOSITORY_OWNER": "sea",
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_SHA": COMMIT,
        }
        line = ["bash", "-c", 'cd "$0" && exec "$@"', str(self.folder), runner.PYTHON]
        line = rig.inside(*line, "-m", "hub_image", *arguments)
        result = subprocess.run(line, env=environment, text=True, capture_output=True)
        return result.returncode, result.stdout + result.stderr


@pytest.fixture
def job(request, engine, tmp_path):
    """A job with an image that Docker has built, logged in."""
    host, path = request.param
    port = free_port()
    program = runner.HERE / "standins/registry.py"
    server = runner.Process(port, runner.PYTHON, program, port, host, "sea/foreign")
    job = Job(tmp_path, f"127.0.0.1:{port}/{path}")
    name = f"{job.image}:{COMMIT[:12]}"
    (tmp_path / "Dockerfile").write_text(f"FROM scratch\nLABEL of={host}\nCOPY Dockerfile /\n")
    build = ["docker", "buildx", "build", "--load", "--quiet", "--provenance=mode=max"]
    server.start()
    try:
        job.digest = rig.check([*build, "--tag", name, str(tmp_path)]).strip()
        code, said = job.hub_image("login")
        assert code == 0, said
        yield job
    finally:
        server.stop()
        rig.check(["docker", "image", "rm", "--force", name])


def at(*images: tuple[str, str]):
    """In these registries, under these names."""
    return pytest.mark.parametrize("job", images, indirect=True, ids=" ".join)


@pytest.mark.world("absent-is-401")
@at(("ghcr.io", "sea/ocean"), ("docker.io", "sea/ocean"), ("quay.io", "sea/ocean"))
def test_a_first_image_is_published(job):
    code, said = job.hub_image("publish", job.digest)
    assert code == 0, said
    assert "is published, with the digest that was tested" in said
    code, said = job.hub_image("find")
    assert code == 0 and f"digest={job.digest}" in said


@pytest.mark.world("who-sees-a-package")
@at(("ghcr.io", "sea/foreign"))
def test_a_package_of_another_repository_refuses_the_push(job):
    code, said = job.hub_image("publish", job.digest)
    assert code == 2
    assert "write_package" in said and f"refuses to take {job.image}: " in said
