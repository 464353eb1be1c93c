"""Build a rendered repository for real, and run what came out the way a hub does."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

from . import engine, standins

HOMES = ("/home/jovyan", "/home/rstudio")  # a hub mounts volumes over both


def build(project: Path, tag: str | None = None) -> str:
    """Build the unmodified Dockerfile in `project` with nothing but the defaults.

    Returns the image's name: `tag`, or one made from the folder. Stand-ins for the images that the
    Dockerfile names are made first where there is no way to the real ones.
    Raises RigError with the end of the build's log when it fails.
    """
    tag = tag or f"rig/{hashlib.sha256(str(project.resolve()).encode()).hexdigest()[:12]}:test"
    if not engine.is_provided():
        engine.up()
        standins.prepare((project / "Dockerfile").read_text(encoding="utf-8"))
    engine.build(tag, project)
    return tag


def pull(entry: dict) -> str:
    """Bring the image of an entry of catalog.yml here, or its stand-in; return its name."""
    image = standins.reference(entry)
    if engine.is_provided():
        engine.check(["docker", "pull", "--quiet", image])
    else:
        engine.up()
        standins.ensure(image)
    return image


def run(
    image: str,
    *command: str,
    user: str = "1000:100",
    network: str = "none",
    homes: tuple[str, ...] = HOMES,
    options: tuple[str, ...] = (),
    **popen,
) -> subprocess.CompletedProcess[str]:
    """Run a command in an image as a hub would, and wait for it.

    As on a hub: a user id from outside, no way to gain privileges, an empty volume over the home
    directories (on Kubernetes a volume is not filled from the image). No network unless asked for.
    `options` are more options of `docker run`; `popen` goes to subprocess.run (input, timeout ...).
    Returns the completed process, whatever its exit code.
    """
    uid, _, gid = user.partition(":")
    volumes = [f"--tmpfs={home}:rw,exec,mode=755,uid={uid},gid={gid or uid}" for home in homes]
    line = ["docker", "run", "--rm", f"--user={user}", f"--network={network}", *volumes]
    line += ["--security-opt=no-new-privileges", *options, image, *command]
    return subprocess.run(line, env=engine.variables(), capture_output=True, text=True, **popen)
