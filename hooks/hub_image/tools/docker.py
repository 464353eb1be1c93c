"""Docker's command line, and a session that leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from hub_image.problem import Problem

LABEL = "hub-image.session"
NO_DOCKER = "there is no `docker` command: install Docker and start it"
T = TypeVar("T")


class DockerError(Problem):
    """Docker could not do what was asked."""


def call(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run `docker ARGUMENTS` and return how it ended, whatever its exit code.

    Raises DockerError where there is no docker command.
    """
    settings = {"capture_output": True, "text": True, "errors": "replace", **options}
    try:
        return subprocess.run(["docker", *arguments], **settings)
    except FileNotFoundError:
        raise DockerError(NO_DOCKER) from None


def output(*arguments: str, **options: Any) -> str:
    """Run `docker ARGUMENTS` and return what it printed. Raises DockerError when it fails."""
    done = call(*arguments, **options)
    if done.returncode:
        told = " ".join((done.stderr or done.stdout or "").split()[-60:])
        raise DockerError(f"`docker {arguments[0]}` failed: {told}")
    return done.stdout


def inspect(reference: str, say: Callable[[str], None] = lambda sentence: None) -> dict[str, Any]:
    """What Docker knows about an image, which is pulled when it is not here yet; `say` hears how far that is.

    Raises DockerError when there is no such image.
    """
    found = call("image", "inspect", reference)
    if found.returncode:
        if call("version").returncode:
            raise DockerError("Docker does not answer: start it, `docker version` must work")
        try:
            pull(reference, say)
        except DockerError:
            raise DockerError(
                f"{reference} is neither on this computer nor to be pulled: check the name, "
                "or build it first"
            ) from None
        found = call("image", "inspect", reference)
    [about] = json.loads(found.stdout)
    return dict(about)


def build(*arguments: str, say: Callable[[str], None]) -> str:
    """Run `docker build ARGUMENTS` and say each line of its log. Returns the log where it fails, nothing otherwise.

    Raises DockerError where there is no docker command.
    """
    log = []
    with _running("build", "--progress=plain", *arguments, stderr=subprocess.STDOUT) as process:
        for line in filter(None, map(str.rstrip, process.stdout or ())):
            log.append(line)
            say(line)
    return "\n".join(log) if process.returncode else ""


def pull(reference: str, say: Callable[[str], None] = lambda sentence: None) -> None:
    """Get an image from its registry, and say so with each layer that has come.

    Raises DockerError with Docker's own words.
    """
    say(f"Pulling {reference}")
    layers: dict[str, bool] = {}
    with _running("pull", reference, stderr=subprocess.PIPE) as done:
        for line in done.stdout or ():
            # As in `3f4ca61aafcd: Pull complete`.
            layer, _, state = line.strip().partition(": ")
            if state in ("Pulling fs layer", "Waiting"):
                layers.setdefault(layer, False)
            elif state in ("Pull complete", "Already exists"):
                layers[layer] = True
                say(f"Pulled {sum(layers.values())} of {len(layers)} layers")
        told = done.stderr.read().strip() if done.stderr else ""
    if done.returncode:
        raise DockerError(f"{reference} cannot be pulled: try again later. Docker said: {told}")


def _running(*arguments: str, stderr: int) -> subprocess.Popen[str]:
    """Start `docker ARGUMENTS`, whose output is read line by line. Raises DockerError where there is no docker command."""
    try:
        return subprocess.Popen(
            ["docker", *arguments],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            errors="replace",
        )
    except FileNotFoundError:
        raise DockerError(NO_DOCKER) from None


def socket() -> str:
    """Where containers find the engine's socket, as the engine itself sees it.

    Docker Desktop and its like run the engine in a virtual machine, where it has the usual place.
    """
    usual = "/var/run/docker.sock"
    if sys.platform != "linux":
        return usual
    host = os.environ.get("DOCKER_HOST") or output(
        "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"
    )
    kind, _, path = host.strip().partition("://")
    desktop = "Desktop" in output("info", "--format", "{{.OperatingSystem}}")
    return path if kind == "unix" and not desktop else usual


class Session:
    """Everything that one run makes in Docker carries a label, and goes when the run ends."""

    def __init__(self) -> None:
        self.id = f"hub-image-{uuid.uuid4().hex[:8]}"
        self.label = f"--label={LABEL}={self.id}"
        self._ended = False
        self._beside = ThreadPoolExecutor()

    def beside(self, function: Callable[..., T], *arguments: Any) -> Future[T]:
        """Run a function beside what goes on; the session's end takes away what it works with, and waits for it."""
        return self._beside.submit(function, *arguments)

    def __enter__(self) -> Session:
        if threading.current_thread() is threading.main_thread():
            # As after Ctrl-C, everything goes when the process is asked to end.
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        return self

    def __exit__(self, *_: object) -> None:
        if threading.current_thread() is not threading.main_thread():
            return self._remove()
        before = signal.signal(
            signal.SIGINT, signal.SIG_IGN
        )  # a second Ctrl-C must not cut this off
        try:
            self._remove()
        finally:
            signal.signal(signal.SIGINT, before)

    def _remove(self) -> None:
        self._ended = True
        self._sweep()
        # What was just being made when we stopped may appear late, so look twice.
        self._beside.shutdown(cancel_futures=True)
        self._sweep()

    def _sweep(self) -> None:
        mark = f"--filter=label={LABEL}={self.id}"
        if containers := call("ps", "--all", "--quiet", mark).stdout.split():
            call("rm", "--force", "--volumes", *containers)
        for kind in ("network", "volume"):
            if names := call(kind, "ls", "--quiet", mark).stdout.split():
                call(kind, "rm", *names)

    def run(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """`docker run` that waits for the end and removes the container."""
        return call("run", "--rm", self.label, *arguments, **options)

    def start(self, *arguments: str) -> str:
        """`docker run --detach`; returns the container's id. Raises DockerError, also where all is over."""
        container = "" if self._ended else output("run", "--detach", self.label, *arguments).strip()
        if self._ended:
            call("rm", "--force", "--volumes", container)
            raise DockerError("it was stopped")
        return container

    def volume(self, name: str, options: Iterable[str] = ()) -> str:
        """Make a volume in memory and return its name."""
        name = f"{self.id}-{name}"
        given = ",".join(["mode=755", *options])
        kind = ["--driver=local", "--opt=type=tmpfs", "--opt=device=tmpfs", f"--opt=o={given}"]
        output("volume", "create", self.label, *kind, name)
        return name
