"""The packages of the image before the adoption and after it."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from hub_image.lists import installed
from hub_image.tools import docker
from hub_image.tools.progress import progress

LINES = 15  # of a log; the reason stands near its end


def compare(old: Path, dockerfile: str, new: Path, name: str) -> Iterator[str]:
    """Build both images and yield what differs, one line a package, or why that cannot be said.

    `old` and `new` are checkouts; `dockerfile` is the old one's, or empty where repo2docker built
    it. Raises Problem when an image does not tell its packages.
    """
    before, after = f"{name}:before-adoption", f"{name}:adopted"
    try:
        if log := _build("--tag", after, str(new)):
            yield "The adopted repository does not build yet, so nothing is compared:"
            yield from log
            return
        if dockerfile:
            log = _build("--tag", before, "--file", str(old / dockerfile), str(old))
        else:
            log = _repo2docker(old, before)
    except docker.DockerError as error:
        yield f"Nothing is compared: {error}."
        return
    if log:
        yield "The old image cannot be built any more, so there is nothing to compare with:"
        yield from log
        return
    old_packages, new_packages = installed.packages(before), installed.packages(after)
    changes = installed.compare(old_packages, new_packages)
    yield f"Packages of {before} and {after}, which `hub-image test {after}` proves on a hub:"
    for manager in sorted({manager for manager, _ in old_packages | new_packages}):
        was_many, now_many = (
            sum(key[0] == manager for key in found) for found in (old_packages, new_packages)
        )
        yield f"  {manager}: {was_many} packages before, {now_many} now"
    for manager, package, was, now in changes:
        yield f"  {manager} {package}: {was or 'absent'} -> {now or 'absent'}"
    if not changes:
        yield "  no difference"


def _build(*arguments: str) -> list[str]:
    """Build an image; return the end of the log where that fails. Raises DockerError without Docker."""
    with progress() as say:
        return _end(docker.build(*arguments, say=say))


def _repo2docker(folder: Path, image: str) -> list[str]:
    """Build a repository as repo2docker does, and return the same; raises DockerError without it."""
    program = shutil.which("jupyter-repo2docker") or shutil.which("repo2docker")
    if not program:
        raise docker.DockerError(
            "repo2docker built the old image: `pip install jupyter-repo2docker`"
        )
    options = ["--no-run", "--user-id=1000", "--user-name=jovyan", f"--image-name={image}"]
    with progress() as say:
        say("Building the old image with repo2docker")
        done = subprocess.run([program, *options, str(folder)], capture_output=True, text=True)
    return _end(done.stderr or done.stdout) if done.returncode else []


def _end(log: str) -> list[str]:
    lines = [line for line in log.splitlines() if line.strip()]
    return [f"  {line[:300]}" for line in lines[-LINES:]]
