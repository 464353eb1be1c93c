"""What the image says about itself: no container is started."""

from __future__ import annotations

import re
import tempfile
from pathlib import PurePosixPath
from typing import Any

from hub_image.contract import Failure, Group, NotApplicable, Target, Warning
from hub_image.repository.reference import Moves, Reference
from hub_image.tools import docker

CHECKS = Group()

HOMES = ("/home/jovyan", "/home/rstudio")
DOCS = "https://z2jh.jupyter.org/en/stable/jupyterhub/customizing/user-environment.html"
SECRET = re.compile(r"(TOKEN|PASSWORD|PASSWD|SECRET|API_?KEY|CREDENTIALS?)$", re.IGNORECASE)
WANTED_LABELS = ("title", "base.name")
NAME_LENGTH = 63
LAYERS = 100


@CHECKS.check(
    "C3",
    "the user is not root",
    why="Hubs and mybinder.org do not run servers as root.",
    source="https://mybinder.readthedocs.io/en/latest/tutorials/dockerfile.html",
    fix="End the Dockerfile with `USER 1000`.",
)
def user(target: Target) -> str:
    name = target.config["Config"].get("User") or "root"
    if name.partition(":")[0] in ("root", "0"):
        raise Failure(f"the image's user is {name}")
    return f"USER {name}"


@CHECKS.check(
    "C6",
    "the working directory exists on a hub",
    why="A hub mounts an empty volume over the home, so a folder below it is not there at start.",
    source="https://github.com/elyra-ai/elyra/issues/1134",
    fix="Set WORKDIR to the home itself, or to a folder outside it.",
)
def working_directory(target: Target) -> str:
    folder = PurePosixPath(target.config["Config"].get("WorkingDir") or "/")
    if any(PurePosixPath(home) in folder.parents for home in HOMES):
        raise Failure(f"WORKDIR {folder} is below the home")
    return f"WORKDIR {folder}"


@CHECKS.check(
    "C16",
    "the tag stays what it is",
    why="Nodes keep the image that they pulled first under a tag, so a moving tag gives people "
    "different images.",
    source="https://kubernetes.io/docs/concepts/containers/images/#image-pull-policy",
    fix="Give each build a tag of its own, such as the first 12 characters of its commit.",
)
def tag(target: Target) -> str:
    reference = Reference.parse(target.reference)
    if reference.is_local and not reference.digest:
        raise NotApplicable("a name on this computer only")
    if not reference.tag and not reference.digest:
        raise Failure(f"{target.reference} has no tag")
    if reference.moves is Moves.YES:
        raise Failure(f"{target.reference} has the moving tag {reference.tag}")
    if reference.moves is Moves.MAYBE:
        raise Warning(f"{target.reference} has the tag {reference.tag}, which may move")
    return reference.digest[:19] or reference.tag


@CHECKS.check(
    "C16",
    "anyone can pull the image",
    why="A hub pulls without a password.",
    source="https://docs.github.com/en/packages/learn-github-packages/"
    "configuring-a-packages-access-control-and-visibility",
    fix="Make the image public in the settings of its registry, then try again.",
)
def public(target: Target) -> None:
    if not target.published:
        raise NotApplicable("asked for with --published, once the image is pushed")
    with tempfile.TemporaryDirectory() as empty:
        # An empty configuration has no passwords, and does not know either where the engine is.
        line = ("--config", empty, "--host", docker.host(), "pull", "--quiet", target.reference)
        pulled = docker.call(*line)
    if pulled.returncode:
        said = " ".join(pulled.stderr.split())[-300:]
        raise Failure(f"{target.reference} cannot be pulled without a password: {said}")


@CHECKS.check(
    "C17",
    "the name is short enough",
    why="Some hubs put the image's name into a Kubernetes label, which holds 63 characters.",
    source=DOCS,
    fix="Choose a shorter image name, or ask whether your hub minds.",
)
def name_length(target: Target) -> str:
    length = len(target.reference.partition("@")[0])
    if length > NAME_LENGTH:
        raise Warning(f"{target.reference} has {length} characters, more than {NAME_LENGTH}")
    return f"{length} characters"


@CHECKS.check(
    "C18",
    "the image runs on a hub's machines",
    why="Most hubs run on linux/amd64 machines, and an image for others does not start there.",
    source="https://docs.docker.com/build/building/multi-platform/",
    fix="Build with `docker build --platform linux/amd64`, or name the other platform in PLATFORMS.",
)
def platform(target: Target) -> str:
    found = f"{target.config['Os']}/{target.config['Architecture']}"
    if found not in target.platforms:
        raise Failure(f"the image is for {found}, not for {' or '.join(target.platforms)}")
    return found


@CHECKS.check(
    "C23",
    "Julia packages are not made for one processor",
    why="The machines of a hub differ from the one that builds, and Julia would compile everything "
    "again.",
    source="https://docs.julialang.org/en/v1/manual/environment-variables/#JULIA_CPU_TARGET",
    fix="Remove JULIA_CPU_TARGET from the Dockerfile's ENV, or name several targets.",
)
def julia_cpu(target: Target) -> str:
    cpu = target.environment.get("JULIA_CPU_TARGET")
    if cpu is None:
        raise NotApplicable("JULIA_CPU_TARGET is not set in the image")
    if "native" in cpu:
        raise Failure(f"JULIA_CPU_TARGET={cpu}")
    return cpu


@CHECKS.check(
    "C30",
    "the image is small enough to start",
    why="A node that has not got the image pulls it while somebody waits, and a hub gives up after "
    "ten minutes.",
    source="https://jupyterhub-kubespawner.readthedocs.io/en/latest/spawner.html",
    fix="Remove what you no longer need, or allow more with --max-size.",
    headline="Size",
)
def size(target: Target) -> str:
    gigabytes = size_in_gb(target.reference, target.config)
    layers = len(target.config["RootFS"].get("Layers") or [])
    if gigabytes > target.maximum_gb:
        raise Warning(f"{gigabytes:.1f} GB, more than {target.maximum_gb:g} GB")
    if layers > LAYERS:
        raise Warning(f"{layers} layers; Docker stops at 127")
    return f"{gigabytes:.1f} GB, {layers} layers"


def size_in_gb(reference: str, config: dict[str, Any]) -> float:
    """The size unpacked. Docker's containerd store says in `inspect` what is packed, so add up."""
    history = docker.call("history", "--no-trunc", "--human=false", "--format={{.Size}}", reference)
    sizes = [int(line) for line in history.stdout.split() if line.isdigit()]
    return max(sum(sizes), int(config["Size"])) / 1e9


@CHECKS.check(
    "C31",
    "the build's graphics settings stay in the build",
    why="CONDA_OVERRIDE_CUDA makes conda believe in a graphics card, also where there is none.",
    source="https://docs.conda.io/projects/conda/en/stable/user-guide/tasks/manage-virtual.html",
    fix="Set CONDA_OVERRIDE_CUDA in the RUN line that needs it, not with ENV.",
)
def graphics(target: Target) -> str:
    if value := target.environment.get("CONDA_OVERRIDE_CUDA"):
        raise Warning(f"the image sets CONDA_OVERRIDE_CUDA={value}")
    return "not set"


@CHECKS.check(
    "C32",
    "the image says what it is",
    why="Registries, scanners and the people who run the hub read these labels.",
    source="https://specs.opencontainers.org/image-spec/annotations/",
    fix="Add the label to the Dockerfile.",
)
def labels(target: Target) -> None:
    present = target.config["Config"].get("Labels") or {}
    missing = [
        f"org.opencontainers.image.{name}"
        for name in WANTED_LABELS
        if not present.get(f"org.opencontainers.image.{name}")
    ]
    if missing:
        raise Warning(f"no label {' and '.join(missing)}")


@CHECKS.check(
    "C33",
    "the image holds no secret",
    why="Everybody who can pull the image can read its environment.",
    source="https://docs.docker.com/build/building/secrets/",
    fix="Take it out of the Dockerfile and make it invalid where it came from; a build that needs "
    "one mounts it with `RUN --mount=type=secret`.",
)
def secrets(target: Target) -> None:
    found = [name for name, value in target.environment.items() if value and SECRET.search(name)]
    if found:
        raise Failure(f"the image sets {', '.join(found)}")
