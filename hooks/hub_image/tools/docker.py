"""Docker's command line, and a session that leaves nothing behind."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

from hub_image.problem import Problem

LABEL = "hub-image.session"
PATIENCE = 600  # seconds, for one command in a container
STOPPED = "it was stopped"
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
        except DockerError as error:
            said = str(error).rpartition("Docker said: ")[2]
            raise DockerError(
                f"{reference} is neither on this computer nor to be pulled: check the name, build it, "
                f"or log in where it is private. Docker said: {said}"
            ) from None
        found = call("image", "inspect", reference)
    [about] = json.loads(found.stdout)
    return dict(about)


def build(*arguments: str, say: Callable[[str], None]) -> str:
    """Run `docker build ARGUMENTS` and say each line of its log. Returns the log where it fails, nothing otherwise.

    Raises DockerError where there is no docker command.
    """
    log = []
    with running("build", "--progress=plain", *arguments, stderr=subprocess.STDOUT) as process:
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
    with running("pull", reference, stderr=subprocess.PIPE) as done:
        for line in done.stdout or ():
            # As in `3f4ca61aafcd: Pull complete`.
            layer, _, state = line.strip().partition(": ")
            if state in ("Pulling fs layer", "Waiting"):
                layers.setdefault(layer, False)
            elif state in ("Pull complete", "Already exists"):
                layers[layer] = True
                say(f"Pulled {sum(layers.values())} of {len(layers)} layers")
        told = " ".join(done.stderr.read().split()) if done.stderr else ""
    if done.returncode:
        raise DockerError(f"{reference} cannot be pulled: try again later. Docker said: {told}")


def running(*arguments: str, stderr: int) -> subprocess.Popen[str]:
    """Start `docker ARGUMENTS`, whose output the caller reads line by line. Raises DockerError where there is no docker command."""
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


def host() -> str:
    """Where the engine is that `docker` talks to, as in unix:///var/run/docker.sock."""
    form = "{{.Endpoints.docker.Host}}"
    return os.environ.get("DOCKER_HOST") or output("context", "inspect", "--format", form).strip()


def socket() -> str:
    """Where containers find the engine's socket, as the engine itself sees it.

    Docker Desktop and its like run the engine in a virtual machine, where it has the usual place.
    """
    usual = "/var/run/docker.sock"
    if sys.platform != "linux":
        return usual
    kind, _, path = host().partition("://")
    if kind != "unix" or path == usual:
        return usual
    return usual if "Desktop" in output("info", "--format", "{{.OperatingSystem}}") else path


class Shell:
    """A shell in a container, which runs one command after the other.

    A `docker exec` of its own costs each command a tenth of a second of processor time.
    """

    def __init__(self, container: str) -> None:
        line = ["docker", "exec", "--interactive", container, "sh"]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(line, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)
        self.file = f"/tmp/.hub-image-{uuid.uuid4().hex[:8]}"

    def run(
        self,
        *command: str,
        input: str | None = None,  # noqa: A002 (as subprocess calls it)
    ) -> subprocess.CompletedProcess[str]:
        """Run a command with a text as its input; returns how it ended, as `docker exec` would."""
        end = f"end-{uuid.uuid4().hex}"
        given = "</dev/null" if input is None else f"<<'{end}'\n{input}\n{end}"
        out, err = f"{self.file}.out", f"{self.file}.err"
        script = f"({shlex.join(command)}) >{out} 2>{err} {given}\n"
        script += f"echo $? $(wc -c <{out}) $(wc -c <{err}); cat {out} {err}\n"
        patience = threading.Timer(PATIENCE, self.process.kill)
        patience.daemon = True
        patience.start()
        try:
            assert self.process.stdin and self.process.stdout
            self.process.stdin.write(script.encode())
            self.process.stdin.flush()
            if numbers := self.process.stdout.readline().split():
                code, *sizes = map(int, numbers)
                said = [self.process.stdout.read(size).decode(errors="replace") for size in sizes]
                return subprocess.CompletedProcess(command, code, *said)
        except OSError:
            pass  # the container is gone: there is no answer either
        finally:
            patience.cancel()
        self.process.kill()
        self.process.wait()
        told = f"it ran for more than {PATIENCE // 60} minutes, or the container has ended"
        return subprocess.CompletedProcess(command, 125, "", told)

    def is_open(self) -> bool:
        """Whether it takes another command."""
        return self.process.poll() is None

    def close(self) -> None:
        """End it."""
        with contextlib.suppress(OSError):
            self.process.communicate()


class Session:
    """Everything that one run makes in Docker carries a label, and goes when the run ends."""

    def __init__(self) -> None:
        self.id = f"hub-image-{uuid.uuid4().hex[:8]}"
        self.label = f"--label={LABEL}={self.id}"
        self._ended = False
        self._beside = ThreadPoolExecutor()
        self._at_work: list[Future[Any]] = []
        self._shells: dict[str, list[Shell]] = {}

    def beside(self, function: Callable[..., T], *arguments: Any) -> Future[T]:
        """Run a function beside what goes on; the session's end takes away what it works with, and waits for it."""
        future = self._beside.submit(function, *arguments)
        self._at_work.append(future)
        return future

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
        self._beside.shutdown(wait=False, cancel_futures=True)
        self._sweep()
        # What was just being made when we stopped may appear late, and who works with it waits for it: so look again.
        while left := [future for future in self._at_work if not future.done()]:
            wait(left, timeout=1)
            self._sweep()
        for shell in itertools.chain(*self._shells.values()):
            shell.close()
        self._sweep()

    def _sweep(self) -> None:
        mark = f"--filter=label={LABEL}={self.id}"

        def remove(kind: str) -> None:
            if names := call(kind, "ls", "--quiet", mark).stdout.split():
                call(kind, "rm", *names)

        with ThreadPoolExecutor() as pool:
            containers = call("ps", "--all", "--quiet", mark).stdout.split()
            # At once: Docker would end one after the other.
            list(pool.map(lambda name: call("rm", "--force", "--volumes", name), containers))
            list(pool.map(remove, ("network", "volume")))

    def run(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """`docker run` that waits for the end and removes the container. Raises DockerError where all is over."""
        if self._ended:
            raise DockerError(STOPPED)
        return call("run", "--rm", self.label, *arguments, **options)

    def start(self, *arguments: str) -> str:
        """`docker run --detach`; returns the container's id. Raises DockerError, also where all is over."""
        container = "" if self._ended else output("run", "--detach", self.label, *arguments).strip()
        if self._ended:
            call("rm", "--force", "--volumes", container)
            raise DockerError(STOPPED)
        return container

    def exec(
        self, container: str, *command: str, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in a container of ours that has `sh`, as `docker exec --interactive` does."""
        idle = self._shells.setdefault(container, [])
        try:
            shell = idle.pop()
        except IndexError:  # all are at work
            shell = Shell(container)
        try:
            return shell.run(*command, **options)
        finally:
            if shell.is_open():
                idle.append(shell)

    def volume(self, name: str, path: str, options: Iterable[str] = ()) -> str:
        """The option of `docker run` that makes a volume in memory and mounts it at a path."""
        given = ",".join(["mode=755", *options])
        kind = "volume-driver=local,volume-opt=type=tmpfs,volume-opt=device=tmpfs"
        mark = f"volume-label={LABEL}={self.id}"
        return f'--mount=type=volume,src={self.id}-{name},dst={path},{kind},"volume-opt=o={given}",{mark}'
