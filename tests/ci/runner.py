"""Run the generated workflow with act, against the rig's engine and a registry of our own.

act runs the steps on this machine, in the engine's namespace, as a runner that GitHub hosts would. It does not emulate
fork pull requests, permissions and environments: the event is given to it as GitHub would describe it.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import github
from rig import engine

HERE = Path(__file__).parent
PYTHON = sys.executable
# Name and password, and what `htpasswd -B` makes of them. As on Docker Hub the name is also part of the image's.
NAME, PASSWORD = "ocean", "correct-horse"
HTPASSWD = f"{NAME}:$2b$04$gm1gM2ppwBIE2qmw1uLrsujU8jG37Q3kmvOLg5N5KpDDifJWxI9Fm"


class Process:
    """A server in the engine's namespace, ended by its id."""

    def __init__(self, port: int, *command: object) -> None:
        self.port = port
        self.command = engine.inside(*map(str, command))
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.command,
            env=engine.variables(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        probe = (
            "import socket, sys; socket.create_connection(('127.0.0.1', int(sys.argv[1]))).close()"
        )
        line = engine.inside(sys.executable, "-c", probe, str(self.port))
        for _ in range(200):
            if subprocess.run(line, env=engine.variables(), capture_output=True).returncode == 0:
                return
            time.sleep(0.05)
        raise engine.RigError(f"nothing listens on port {self.port}: {self.command}")

    def stop(self) -> None:
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait()
            self.process = None


def registry(folder: Path, port: int) -> Process:
    """A registry that asks for a login, as private ones do; what it holds survives its end."""
    (folder / "htpasswd").write_text(HTPASSWD + "\n")
    configure(folder, port)
    return Process(port, "docker-registry", "serve", folder / "registry.yml")


def configure(folder: Path, port: int, public: bool = False) -> None:
    """Write the registry's settings; a public one asks nobody for a login."""
    login = f"auth: {{htpasswd: {{realm: rig, path: {folder}/htpasswd}}}}"
    (folder / "registry.yml").write_text(
        f"""version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}/registry}}, delete: {{enabled: true}}}}
http: {{addr: "127.0.0.1:{port}"}}
{"" if public else login}
log: {{level: error}}
"""
    )


JOB = re.compile(r"^\[\w+/(.*?)\s*\]")  # which job a line of act's log is about
SAID = re.compile(r"^\[.*?\]\s+\| ?(.*)$", re.M)  # what a step wrote, in act's log


@dataclass
class Run:
    """What a run of the workflow did: its exit code and its log."""

    code: int
    log: str

    def steps(self) -> list[tuple[str, str]]:
        """Name and result (success or failure) of each named step, in the order in which they ended.

        The page comes last: act takes jobs that need the same one as it likes.
        """
        ended = re.compile(
            r"^\[\w+/(.*?)\s*\].*(Success|Failure) - Main (.*) \[[\d.a-zµ]+\]$", re.M
        )
        found = sorted(ended.findall(self.log), key=lambda step: step[0] == "Page of the image")
        return [(name, result.lower()) for _, result, name in found]

    def said(self, step: str = "") -> str:
        """What the steps wrote, or those of one name, without act's own lines and prefixes."""
        log = "".join(self._of(step).findall(self.log)) if step else self.log
        return "\n".join(SAID.findall(log))

    def without(self, step: str) -> Run:
        """The same run, had this step written nothing."""
        return Run(self.code, self._of(step).sub(lambda ran: SAID.sub("", ran[0]), self.log))

    def _of(self, step: str) -> re.Pattern[str]:
        name = re.escape(step)
        return re.compile(rf"^\[[^]]+\] ⭐ Run Main {name}$.*?Main {name} \[", re.M | re.S)

    def summary(self) -> str:
        """What stands on the run's page."""
        parts = re.findall(r"^\[[^]]+\]\s+⚙  Summary - (.*?)(?=^\[\w+/)", self.log, re.M | re.S)
        return "\n".join(dict.fromkeys(parts))  # act tells those of composite actions twice


class Runner:
    """A project, and the events that happen to it."""

    def __init__(
        self, project: Path, work: Path, registry: Process, api: Process, kept: github.Kept
    ) -> None:
        self.project, self.work, self.registry = project, work, registry
        self.api, self.github = api, kept
        self.image = f"localhost:{registry.port}/ocean/ocean"
        self.login = {
            "REGISTRY_LOGIN": f"localhost:{registry.port}/{NAME}",
            "REGISTRY_PASSWORD": PASSWORD,
        }
        config = work / "docker"
        (config / "cli-plugins").mkdir(parents=True)
        plugin = (
            Path(engine.variables().get("DOCKER_CONFIG", Path.home() / ".docker")) / "cli-plugins"
        )
        if plugin.exists():
            shutil.copytree(plugin, config / "cli-plugins", symlinks=True, dirs_exist_ok=True)

    def run(
        self,
        name: str,
        payload: dict,
        ref: str = "refs/heads/main",
        login: dict[str, str] | None = None,
        watch: Callable[[str], None] = lambda line: None,
        project: Path | None = None,
        job: str = "",
        workflow: str = "image.yml",
        actor: str = "octocat",
        page: bool = False,
    ) -> Run:
        """Let an event happen to the project; `watch` sees each line of the log as it comes.

        Only the job `job` runs, if one is named. `login` takes the place of the repository's variable and secret. Without
        `page` its variable PAGE is `no`. The token may do what the job that runs grants it.
        """
        login = self.login if login is None else login
        project = project or self.project
        commit = engine.check(["git", "-C", str(project), "rev-parse", "HEAD"]).strip()
        pushed = {"after": commit, "head_commit": {"id": commit}} if name == "push" else {}
        event = github.event(name, "ocean/ocean", ref=ref, **pushed, **payload)
        event["repository"]["default_branch"] = "main"
        event["repository"]["owner"]["type"] = "Organization"
        fork = "pull_request" in payload and not login
        (self.work / "event.json").write_text(json.dumps(event))
        shutil.rmtree(self.work / "artifacts", ignore_errors=True)  # each run has its own
        line = [
            str(Path(sys.executable).parent / "act"),
            name,
            "--eventpath",
            self.work / "event.json",
        ]
        line += [
            "--directory",
            project,
            "--workflows",
            f".github/workflows/{workflow}",
            "--no-cache-server",
            "--pull=false",
            "--concurrent-jobs=1",
        ]
        line += ["--job", job] if job else []
        line += ["--actor", actor, "--defaultbranch", "main"]
        for label in ("ubuntu-24.04", "ubuntu-24.04-arm"):
            line += ["--platform", f"{label}=-self-hosted"]
        for uses in set(re.findall(r"uses: (\w+/[\w-]+@\w+)", self._uses())):
            standin = HERE / "standins" / uses.partition("@")[0].partition("/")[2]
            line += ["--local-repository", f"{uses}={standin}"]
        line += [] if page else ["--var", "PAGE=no"]
        for variable, value in {"GITHUB_TOKEN": "of-this-job", **login}.items():
            line += ["--var" if variable == "REGISTRY_LOGIN" else "--secret", f"{variable}={value}"]
        for variable, value in {
            "GITHUB_API_URL": f"http://127.0.0.1:{self.api.port}",
            "GITHUB_REPOSITORY": "ocean/ocean",
            "GITHUB_REPOSITORY_OWNER": "ocean",
            "GITHUB_REF": ref,
            "GITHUB_WORKFLOW_REF": f"ocean/ocean/.github/workflows/{workflow}@{ref}",
            "PROJECT": str(project),
            "ARTIFACTS": str(self.work / "artifacts"),
        }.items():
            line += ["--env", f"{variable}={value}"]
        environment = engine.variables() | {
            "DOCKER_CONFIG": str(self.work / "docker"),
            "XDG_CACHE_HOME": str(self.work / "act"),
            "PIP_CACHE_DIR": str(Path.home() / ".cache/pip"),
            "PATH": f"{Path(sys.executable).parent}:{engine.variables()['PATH']}",
        }
        process = subprocess.Popen(
            engine.inside(*line),
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        log, running = "", ""
        proof = actor == "github-actions[bot]" and "/hub-image/request-" not in ref
        for text in process.stdout:
            log += text
            told = JOB.match(text)
            if told and told[1] != running:  # one job after the other, each with a token of its own
                running = told[1]
                self.github.act_as(workflow, running, fork, proof)
            watch(text)
        code = process.wait()
        (self.work / f"{len(list(self.work.glob('*.log')))}.log").write_text(log)
        return Run(code, log)

    def tags(self) -> dict[str, str]:
        """Tags and digests in the registry, read from its files; the build's cache is left out."""
        links = (self.work / "registry").glob("**/_manifests/tags/*/current/link")
        found = {link.parts[-3]: link.read_text() for link in links}
        return {tag: digest for tag, digest in found.items() if not tag.startswith("buildcache")}

    @contextlib.contextmanager
    def public_registry(self) -> Iterator[None]:
        """For a while anyone may pull, as after the owner has made the image public."""
        try:
            self._restart(public=True)
            yield
        finally:
            self._restart(public=False)

    def _restart(self, public: bool) -> None:
        self.registry.stop()
        configure(self.work, self.registry.port, public)
        self.registry.start()

    def docker(self, *arguments: str) -> str:
        """Run docker with what the workflow's login left; return what it prints."""
        options = ["--config", str(self.work / "docker")]
        return engine.check(["docker", *options, *arguments])

    def blob(self, digest: str) -> dict:
        """A manifest in the registry, read from its files."""
        [data] = (self.work / "registry").glob(f"**/blobs/sha256/*/{digest.partition(':')[2]}/data")
        return json.loads(data.read_text())

    def labels(self, digest: str) -> dict[str, str]:
        """The labels of a published image, read from the registry's files."""
        [entry] = [
            entry for entry in self.blob(digest)["manifests"] if entry["platform"]["os"] == "linux"
        ]
        return self.blob(self.blob(entry["digest"])["config"]["digest"])["config"]["Labels"]

    def attestations(self, digest: str) -> set[str]:
        """The kinds of attestation that are published with an image."""
        entries = self.blob(digest)["manifests"]
        layers = [layer for entry in entries for layer in self.blob(entry["digest"])["layers"]]
        kinds = {layer.get("annotations", {}).get("in-toto.io/predicate-type") for layer in layers}
        return kinds - {None}

    def untag(self, tag: str) -> None:
        """Take a tag out of the registry's files."""
        for folder in (self.work / "registry").glob(f"**/_manifests/tags/{tag}"):
            shutil.rmtree(folder)

    def hub_image(
        self, *arguments: str, sha: str, ref: str = "refs/heads/main", workflow: str = "image"
    ) -> tuple[int, str]:
        """Run one of CI's commands by itself, as for a push; return its exit code and what it says."""
        environment = (
            engine.variables()
            | self.login
            | {
                "DOCKER_CONFIG": str(self.work / "docker"),
                "PYTHONPATH": str(HERE.parents[1] / "hooks"),
                "GITHUB_ACTIONS": "true",
                "GITHUB_API_URL": f"http://127.0.0.1:{self.api.port}",
                "GITHUB_TOKEN": "of-this-job",
                "GITHUB_REPOSITORY": "ocean/ocean",
                "GITHUB_REPOSITORY_OWNER": "ocean",
                "GITHUB_REF": ref,
                "GITHUB_SHA": sha,
                "GITHUB_WORKFLOW": workflow,
            }
        )
        jobs = {"request": "Link request", "propose": "Propose"}
        self.github.act_as(f"{workflow}.yml", jobs.get(arguments[0], "Image for"))
        here = ["bash", "-c", 'cd "$0" && exec "$@"', str(self.project)]
        line = engine.inside(*here, PYTHON, "-m", "hub_image", *arguments)
        result = subprocess.run(line, env=environment, text=True, capture_output=True)
        return result.returncode, result.stdout + result.stderr

    def _uses(self) -> str:
        files = self.project.glob(".github/**/*.yml")
        return "".join(file.read_text() for file in files)
