"""The packages of the image before the adoption and after it."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from hub_image import installed
from hub_image.contract import docker


def compare(old: Path, dockerfile: str, new: Path, name: str) -> Iterator[str]:
    """Build both images and yield the difference, one line a package.

    `old` and `new` are checkouts; `dockerfile` is the old one's, or empty where repo2docker built
    it. An image that cannot be built is said so. Raises Problem when one does not tell its packages.
    """
    before, after = f"{name}:before-adoption", f"{name}:adopted"
    try:
        docker.output("build", "--quiet", "--tag", after, str(new))
    except docker.DockerError as error:
        yield f"The adopted repository does not build yet, so nothing is compared: {error}"
        return
    try:
        if dockerfile:
            file = f"--file={old / dockerfile}"
            docker.output("build", "--quiet", "--tag", before, file, str(old))
        else:
            _repo2docker(old, before)
    except docker.DockerError as error:
        yield f"The old image cannot be built, so there is nothing to compare with: {error}"
        return
    changes = installed.compare(installed.packages(before), installed.packages(after))
    yield f"Packages of {before} and {after}, which `hub-image test {after}` proves on a hub:"
    for manager, package, was, now in changes:
        yield f"  {manager} {package}: {was or 'absent'} -> {now or 'absent'}"
    if not changes:
        yield "  no difference"


def _repo2docker(folder: Path, image: str) -> None:
    """Build a repository as repo2docker does; raises DockerError."""
    program = shutil.which("jupyter-repo2docker") or shutil.which("repo2docker")
    if not program:
        raise docker.DockerError("repo2docker built it: run `pip install jupyter-repo2docker`")
    options = ["--no-run", "--user-id=1000", "--user-name=jovyan", f"--image-name={image}"]
    done = subprocess.run([program, *options, str(folder)], capture_output=True, text=True)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise docker.DockerError(f"repo2docker failed: {' '.join(lines[-3:])}")
