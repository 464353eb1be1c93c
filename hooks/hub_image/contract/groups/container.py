"""What happens in a container with a hub's restrictions.

As on a hub: user 1000 with group 100, no way to gain privileges, empty volumes over the homes, no
network needed. Most checks look into one container that stays up, in the environment that the
image's entrypoint gives to a server.
"""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, NamedTuple

from packaging.version import Version

from hub_image import catalog
from hub_image.contract import Failure, Group, NotApplicable, Target, Warning
from hub_image.contract.groups.static import HOMES
from hub_image.lists import installed
from hub_image.tools import docker

CHECKS = Group()

UPDATE_ENV = "https://infrastructure.2i2c.org/howto/update-env/"
BASEHUB = "https://github.com/2i2c-org/infrastructure/blob/main/helm-charts/basehub/values.yaml"
USER, OTHER_GROUP = "1000:100", "1000:1000"
ENVIRONMENT = "/tmp/.hub-image-environment"
# The Dockerfile notes what the base itself has in the homes.
HOME_OF_THE_BASE = "/usr/local/lib/hub-image/home-of-the-base"
# Folders that a node with a graphics card mounts: bases for such cards have them in PATH.
# https://github.com/jupyter/docker-stacks/blob/main/images/pytorch-notebook/cuda12/Dockerfile
OF_THE_NODE = ("/usr/local/nvidia/",)
# A row of `jupyter labextension list`: name, version, and X where it does not fit; what is switched off does no harm.
EXTENSION = re.compile(r"^ +(\S+) v(\S+) enabled +(OK|X)", re.MULTILINE)
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
LONGEST = 60  # seconds until a container that should end at once is held for one that never does
OLDEST_HUB = 4
SAFE_PROXY = Version("4.1.1")
CELLS = {
    "python": "print(6 * 7)",
    "R": "cat(6 * 7)",
    "julia": "print(6 * 7)",
}
# What packages and editors keep in the home unless they are told otherwise.
IN_HOME = {
    ".local/share/jupyter/kernels": "kernels: install them with `--prefix` or `--sys-prefix`",
    ".ipython/extensions": "IPython extensions: install them with pip or conda",
    ".julia": "Julia packages: set JULIA_DEPOT_PATH to a folder such as /opt/julia-depot",
    "R": "R packages: install them into the first folder of .libPaths()",
    ".local/share/code-server/extensions": "editor extensions: give code-server --extensions-dir",
    ".vscode-server/extensions": "editor extensions: install them outside the home",
    "nltk_data": "NLTK data: set NLTK_DATA to a folder outside the home",
    ".cache/ms-playwright": "browsers: set PLAYWRIGHT_BROWSERS_PATH to a folder outside the home",
    ".local/share/QGIS": "QGIS plugins: set QGIS_PLUGINPATH to a folder outside the home",
}

# What `jupyter labextension list` prints, and then, of each setting that the image changes, what JupyterLab's own form
# says against it. In one process, because JupyterLab takes a second of processor time to import.
LISTED = "--- listed\n"
ASK_LAB = """
from jupyterlab.labextensions import main
try:
    main(["list"])
except SystemExit as end:
    if end.code:
        raise
print("--- listed", flush=True)
import glob, json, os
from jsonschema import Draft7Validator
from jupyter_core.paths import jupyter_path
from jupyterlab.commands import get_app_dir
folder = os.path.join(get_app_dir(), "settings")
forms = {}
for root in (os.path.join(get_app_dir(), "schemas"), *jupyter_path("labextensions")):
    for path in glob.glob(root + "/**/*.json", recursive=True):
        package, _, plugin = path.rpartition("/")
        package = package.rpartition("/schemas/")[2]
        if "/schemas/" in path and os.path.basename(path) not in ("package.json", "package.json.orig"):
            forms.setdefault(f"{package}:{plugin[:-5]}", path)
for path in [*sorted(glob.glob(folder + "/overrides.d/*.json")), folder + "/overrides.json"]:
    if not os.path.exists(path):
        continue
    try:
        settings = json.load(open(path, encoding="utf-8"))
        items = [(plugin, key, value) for plugin, found in settings.items() for key, value in found.items()]
    except Exception as error:
        print(f"{path} cannot be read: {error}")
        continue
    for plugin, key, value in items:
        if plugin not in forms:
            print(f"{path} names {plugin}, which is not there")
            continue
        form = json.load(open(forms[plugin], encoding="utf-8"))
        properties = form.get("properties", {})
        if key not in properties:
            if form.get("additionalProperties") is False:
                print(f"{path}: {plugin} has no setting {key}")
            continue
        form = {name: form[name] for name in ("definitions", "$defs") if name in form} | properties[key]
        for error in Draft7Validator(form).iter_errors(value):
            print(f"{path}: {plugin}, {key}: {error.message}")
print("done")
"""


class Running(NamedTuple):
    """The container that most checks look into, and the environment that a server gets there."""

    name: str
    environment: list[str]
    is_entered: bool  # whether the entrypoint made that environment


class Container:
    """An image in containers like those of a hub."""

    def __init__(self, target: Target, session: docker.Session) -> None:
        self.target = target
        self.session = session
        self._asking = threading.Lock()
        self._running = self._start()

    def _start(self) -> Running | None:
        """Start the container that most checks look into; nothing where none of the image stays up.

        Where the entrypoint does not run what it is given, which is a check of its own, the
        container starts without it and the environment is the image's.
        """
        keep = (
            f"env -0 >{ENVIRONMENT}.part; mv {ENVIRONMENT}.part {ENVIRONMENT}; exec sleep infinity"
        )
        for entrypoint in ([], ["--entrypoint=env"]):
            line = [*self.options(USER), *entrypoint, self.target.reference, "sh", "-c", keep]
            try:
                container = self.session.start(*line)
            except docker.DockerError:  # its words are those of the check of the entrypoint
                continue
            for _ in range(150):
                read = docker.call("exec", container, "cat", ENVIRONMENT)
                environment = [item for item in read.stdout.split("\0") if item]
                if read.returncode == 0 and environment:
                    return Running(container, environment, not entrypoint)
                if not docker.call("ps", "--quiet", f"--filter=id={container}").stdout.strip():
                    break
                time.sleep(0.1)
        return None

    @property
    def stays_up(self) -> bool:
        """Whether there is a container to look into."""
        return self._running is not None

    @property
    def running(self) -> Running:
        """The container that stays up. Raises NotApplicable where there is none."""
        if not self._running:
            raise NotApplicable("no container of the image stays up, see C7")
        return self._running

    @property
    def hidden(self) -> str:
        """The container that stays up, whose home is an empty one over the image's own."""
        return self.running.name

    def options(self, user: str, privileges: bool = False) -> list[str]:
        """Options for `docker run` that give a container what a hub gives it, and no more."""
        forced = ["--env=SHELL=/bin/bash", "--env=JUPYTER_RUNTIME_DIR=/tmp/.jupyter-runtime"]
        options = [f"--user={user}", "--network=none", "--workdir=/home/jovyan", *forced]
        return options + masks(user) + ([] if privileges else ["--security-opt=no-new-privileges"])

    def run(
        self, *command: str, user: str = USER, privileges: bool = False, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a command through the entrypoint in a new container, as a hub starts a server."""
        line = [*self.options(user, privileges), self.target.reference, *command]
        try:
            return self.session.run(*line, timeout=LONGEST, **options)
        except subprocess.TimeoutExpired:
            said = f"it still runs after {LONGEST} seconds"
            return subprocess.CompletedProcess(line, 124, "", said)

    def exec(self, *command: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command in the container with the hidden home, in a server's environment."""
        quiet = ["PYTHONDONTWRITEBYTECODE=1"]  # looking must not change what another check sees
        line = ["env", "-i", *self.running.environment, *quiet, *command]
        return self.session.exec(self.hidden, *line, **options)

    def shell(self, script: str) -> str:
        """What a shell script prints in the container with the hidden home."""
        return self.exec("sh", "-c", script).stdout.strip()

    @cached_property
    def own_home(self) -> str:
        """A container in which the image's own home is not hidden."""
        assert self.running  # where one stays up another does
        options = (f"--user={USER}", "--network=none", "--entrypoint=sh")
        return self.session.start(*options, self.target.reference, "-c", "exec sleep infinity")

    @cached_property
    def home_of_the_base(self) -> set[str]:
        """What the base itself has in the homes: not the owner's, and no edit of theirs removes it."""
        listed = self.session.exec(self.own_home, "cat", HOME_OF_THE_BASE)
        return set(listed.stdout.splitlines())

    def in_own_home(self, script: str) -> list[str]:
        """The paths that a shell script prints where the image's own home is not hidden.

        Without those of the base.
        """
        printed = self.session.exec(self.own_home, "sh", "-c", f"{script} 2>/dev/null").stdout
        return [path for path in printed.splitlines() if path not in self.home_of_the_base]

    @cached_property
    def python(self) -> str:
        """The Python that Jupyter runs with: the one beside its commands."""
        family = catalog.load().families.get(self.target.family)
        prefix = family.prefix if family else ""
        return self.shell(
            "for command in jupyterhub-singleuser jupyter-server jupyter; do "
            'path=$(command -v $command) && [ -x "${path%/*}/python3" ] && '
            'echo "${path%/*}/python3" && exit; done; '
            f'[ -x "{prefix}/bin/python3" ] && echo "{prefix}/bin/python3" || command -v python3'
        )

    def ask(self, code: str, *arguments: str) -> str:
        """What Python code prints, run by Jupyter's Python; empty when it fails."""
        return self.exec(self.python, "-", *arguments, input=code).stdout.strip()

    @cached_property
    def installed(self) -> list[installed.Installed]:
        """What is in the environment of Jupyter's Python."""
        return installed.read(self.ask(installed.OF_PYTHON))

    @cached_property
    def packages(self) -> dict[str, str]:
        """The versions of the packages that Jupyter's Python sees."""
        seen = [entry for entry in self.installed if entry.manager != "conda"]
        return {entry.name: entry.version for entry in reversed(seen)}

    @cached_property
    def _paths(self) -> list[str]:
        code = "import sys, sysconfig; print(sys.prefix, sysconfig.get_path('purelib'), sep='\\n')"
        return self.ask(code).splitlines() or ["", ""]

    @property
    def prefix(self) -> str:
        """The environment of Jupyter's Python. Raises NotApplicable where no Python runs."""
        if not self._paths[0]:
            raise NotApplicable("no Python runs")
        return self._paths[0]

    @property
    def site_packages(self) -> str:
        """Where pip puts packages for Jupyter's Python. Raises NotApplicable where no Python runs."""
        assert self.prefix
        return self._paths[1]

    @property
    def asked_lab(self) -> subprocess.CompletedProcess[str]:
        """What JupyterLab says of its extensions and settings; asked once, also where two checks want it at once."""
        with self._asking:
            return self._asked_lab

    @cached_property
    def _asked_lab(self) -> subprocess.CompletedProcess[str]:
        return self.exec(self.python, "-", input=ASK_LAB)

    @cached_property
    def ended(self) -> subprocess.CompletedProcess[str]:
        """How a server ended that says so and ends with 7 where its argument arrived."""
        # /bin/sh by its path, as hubs give the path of a wrapper of their own.
        script = '[ "$1" = "two words" ] && echo "<arrived>" && exit 7; echo "<$1>"'
        return self.run("/bin/sh", "-c", script, "sh", "two words", privileges=True)

    @property
    def arrived(self) -> bool:
        """Whether the entrypoint runs what it is given, with its arguments."""
        # By either: now and then Docker loses the output of a container that ends at once,
        # https://github.com/moby/moby/issues/27289.
        return self.ended.returncode == 7 or "<arrived>" in self.ended.stdout

    def missing(self, test: str, paths: list[str]) -> list[str]:
        """Those of the paths for which `test -x` and its like say no."""
        script = f'for path in "$@"; do test {test} "$path" || echo "$path"; done'
        done = self.exec("sh", "-c", script, "sh", *paths)
        return paths if done.returncode else done.stdout.splitlines()

    @cached_property
    def has_r(self) -> bool:
        """Whether there is an R."""
        return bool(self.shell("command -v Rscript"))


def masks(user: str) -> list[str]:
    """Options for `docker run` that put an empty home of a user over the image's own."""
    uid, _, gid = user.partition(":")
    return [f"--tmpfs={home}:rw,exec,mode=755,uid={uid},gid={gid}" for home in HOMES]


def _last_line(done: subprocess.CompletedProcess[str]) -> str:
    lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
    if of_docker := [line for line in lines if line.startswith("docker: ")]:
        # ... runc create failed: unable to start container process: exec: "sh": executable file not found in $PATH: unknown.
        return of_docker[-1].rpartition("container process: ")[2].partition(": unknown")[0]
    return lines[-1] if lines else f"exit code {done.returncode}"


@CHECKS.check(
    "C1",
    "the hub finds its server program",
    why="The hub starts `jupyterhub-singleuser` without a login shell, so .bashrc and profile "
    "files do not count.",
    source=UPDATE_ENV,
    fix="Install jupyterhub-singleuser, and put its folder into PATH with ENV in the Dockerfile.",
)
def singleuser(image: Container) -> str:
    found = docker.call("exec", image.hidden, "sh", "-c", "command -v jupyterhub-singleuser")
    if found.returncode:
        raise Failure("jupyterhub-singleuser is not on PATH")
    return found.stdout.strip()


@CHECKS.check(
    "C2",
    "the image and the hub speak the same version",
    why="Another major version of JupyterHub may end in redirect loops or error 403; versions "
    "below 4 do not work with today's hubs.",
    source="https://github.com/jupyterhub/jupyterhub/issues/4744",
    fix="Install the version that the hub has, or correct the answer to hub_version.",
)
def version(image: Container) -> str:
    found, wanted = image.packages.get("jupyterhub", ""), image.target.hub_version
    if not found:
        raise NotApplicable("there is no JupyterHub in the image's Python")
    if Version(found).major < OLDEST_HUB:
        raise Failure(f"the image has JupyterHub {found}")
    if Version(found).major != Version(wanted).major:
        raise Warning(f"the image has JupyterHub {found}, the hub {wanted}")
    return found


@CHECKS.check(
    "C3",
    "the image's user has the number 1000",
    why="Hubs start the server as user 1000, so the image's files should be that user's.",
    source=UPDATE_ENV,
    fix="Make the user with `useradd --uid 1000`, and use that one.",
)
def uid(image: Container) -> str:
    user = (image.target.config["Config"].get("User") or "root").partition(":")[0]
    found = user
    if not user.isdigit():
        asked = image.session.exec(image.own_home, "id", "-u", user)
        if asked.returncode:
            raise Failure(f"the image does not know its own user {user}")
        found = asked.stdout.strip()
    if found == "0":
        raise NotApplicable("it is root, see the other C3")
    if found != "1000":
        raise Failure(f"the image's user has the number {found}")
    return found


@CHECKS.check(
    "C4",
    "no privileges and no certain group are needed",
    why="A hub forbids sudo and setuid, and starts servers with group 100 or 1000.",
    source="https://z2jh.jupyter.org/en/stable/resources/reference.html",
    fix="Take sudo out of the start script, and give files that only a group may read to user 1000.",
)
def privileges(image: Container) -> str:
    if not image.arrived:
        raise NotApplicable("the arguments do not arrive")
    probe = (image.python or "python3", "-c", "import sys, json")
    for user in (USER, OTHER_GROUP):
        if user == USER and image.running.is_entered and image.exec(*probe).returncode == 0:
            continue  # the container that stays up is one of this user's, without privileges
        done = image.run(*probe, user=user)
        if done.returncode:
            if image.run(*probe, user=USER, privileges=True).returncode:
                raise NotApplicable("nothing starts, with or without privileges")
            raise Failure(f"nothing starts as {user} without privileges: {_last_line(done)}")
    return f"{USER} and {OTHER_GROUP}"


@CHECKS.check(
    "C5",
    "nothing that is needed is in the home",
    why="On a hub each user's own files are mounted over the home; what the image has there is "
    "hidden.",
    source=UPDATE_ENV,
    fix="Install it outside the home, without `--user`; give files to users with nbgitpuller.",
)
def home(image: Container) -> None:
    software = image.in_own_home(
        "find /home -mindepth 2 -maxdepth 8 \\( -path '*/site-packages/*' -o -name conda-meta "
        "-o -name pyvenv.cfg -o -path '*/bin/*' -perm -1 \\) -prune -print"
    )
    if software:
        raise Failure(f"{software[0]} is hidden on a hub")
    files = image.in_own_home("find /home -mindepth 2 -maxdepth 2 -type f ! -name '.*'")
    if files:
        raise Warning(f"{files[0]} is hidden on a hub")


@CHECKS.check(
    "C7",
    "the entrypoint runs what the hub asks for",
    why="A hub replaces the arguments, not the entrypoint, so the entrypoint must run them as they "
    "are.",
    source="https://jupyterhub-kubespawner.readthedocs.io/en/latest/spawner.html",
    fix='End the entrypoint script with `exec "$@"`.',
)
def arguments(image: Container) -> None:
    if not image.arrived:
        raise Failure(f"the arguments do not arrive: {_last_line(image.ended)}")
    if not image.stays_up:
        raise Failure("no container of it stays up: `sh`, `env` or `sleep` is missing")


@CHECKS.check(
    "C7",
    "the server's exit code is the container's",
    why="The hub tells a server that failed from one that ended by the exit code.",
    source="https://jupyterhub-kubespawner.readthedocs.io/en/latest/spawner.html",
    fix='End the entrypoint script with `exec "$@"`.',
)
def exit_code(image: Container) -> None:
    if not image.arrived:
        raise NotApplicable("the arguments do not arrive")
    if image.ended.returncode != 7:
        raise Failure(f"a server that ends with 7 gives {image.ended.returncode}")


@CHECKS.check(
    "C7",
    "the server hears when it shall stop",
    why="Without the signal the server is killed after a while, and kernels lose their work.",
    source="https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination",
    fix='End the entrypoint script with `exec "$@"`, and let tini start it.',
)
def signals(image: Container) -> None:
    if not image.arrived:
        raise NotApplicable("the arguments do not arrive")
    script = "trap 'echo heard; exit 0' TERM; echo ready; while :; do sleep 0.1; done"
    options = image.options(USER, privileges=True)
    container = image.session.start(*options, image.target.reference, "/bin/sh", "-c", script)
    for _ in range(40):
        if "ready" in docker.call("logs", container).stdout:
            break
        time.sleep(0.25)
    else:
        raise NotApplicable("a shell does not start")
    docker.call("stop", "--time=5", container)
    if "heard" not in docker.call("logs", container).stdout:
        raise Failure("the signal TERM does not reach the server")


@CHECKS.check(
    "C7",
    "dead processes are buried",
    why="What a server's programs leave behind becomes the first process's, and stays as a zombie "
    "where that one never asks for it; VS Code and a desktop leave many.",
    source="https://github.com/krallin/tini#why-tini",
    fix="Let tini be the first word of the entrypoint.",
)
def zombies(image: Container) -> None:
    if not image.running.is_entered:
        raise NotApplicable("the arguments do not arrive")
    code = """
import os, time
reads, writes = os.pipe()
if not (child := os.fork()):
    if orphan := os.fork():
        os.write(writes, str(orphan).encode())
    os._exit(0)
os.waitpid(child, 0)
orphan = os.read(reads, 20).decode()
end = time.monotonic() + 3
while os.path.exists("/proc/" + orphan) and time.monotonic() < end:
    time.sleep(0.1)
print("zombie" if os.path.exists("/proc/" + orphan) else "buried")
"""
    found = image.ask(code)
    if not found:
        raise NotApplicable("no Python runs")
    if found != "buried":
        raise Failure("a process that ended is still there after three seconds")


@CHECKS.check(
    "C8",
    "python3, pip and Jupyter are one environment",
    why="Hubs start the server through a Python script, and people type `pip`: both must mean the "
    "Python that Jupyter runs with.",
    source=BASEHUB,
    fix="Put the folder of Jupyter's Python first in PATH, with ENV; install pip there.",
)
def one_environment(image: Container) -> str:
    code = "import sys; print(sys.prefix, sys.version.split()[0])"
    found = image.exec("env", "python3", "-c", code)
    if found.returncode:
        raise Failure(f"python3 does not run: {_last_line(found)}")
    prefix, _, version = found.stdout.strip().rpartition(" ")
    if prefix != image.prefix:
        raise Failure(f"python3 belongs to {prefix}, Jupyter to {image.prefix}")
    pip = image.exec("pip", "--version")
    if pip.returncode:
        raise Failure(f"pip does not run: {_last_line(pip)}")
    if image.prefix not in pip.stdout:
        raise Failure(f"pip is another Python's: {pip.stdout.strip()[:300]}")
    return f"Python {version} in {prefix}"


@CHECKS.check(
    "C8",
    "jupyter-server-proxy is a safe version",
    why="Versions below 4.1.1 let strangers reach what runs in the server.",
    source="https://github.com/jupyterhub/jupyter-server-proxy/security/advisories/"
    "GHSA-w3vc-fx9p-wp4v",
    fix="Install jupyter-server-proxy 4.1.1 or later.",
)
def proxy(image: Container) -> str:
    found = image.packages.get("jupyter-server-proxy")
    if not found:
        raise NotApplicable("jupyter-server-proxy is not installed")
    if Version(found) < SAFE_PROXY:
        raise Failure(f"jupyter-server-proxy is {found}")
    return found


@CHECKS.check(
    "C9",
    "there is a /bin/bash",
    why="Hubs set SHELL=/bin/bash, so without it no terminal opens.",
    source=BASEHUB,
    fix="Install bash.",
)
def bash(image: Container) -> None:
    if image.exec("/bin/bash", "-c", "true").returncode:
        raise Failure("/bin/bash does not run")


@CHECKS.check(
    "C11",
    "there is a kernel named python3",
    why="The hub's own test before a change goes live runs a notebook with that kernel.",
    source="https://github.com/2i2c-org/infrastructure/tree/main/src/deployer/health_check_tests",
    fix="Install ipykernel.",
)
def python_kernel(image: Container) -> None:
    if "python3" not in _kernels(image):
        raise Failure("no kernel is named python3")


@CHECKS.check(
    "C11",
    "every kernel runs a cell",
    why="A kernel that does not start is the first thing people meet.",
    source="https://jupyter-client.readthedocs.io/en/stable/kernels.html",
    fix="Look into the kernel's kernel.json: the program must exist where the home is empty.",
)
def kernels(image: Container) -> str:
    known = _kernels(image)
    if not known:
        raise NotApplicable("there is no kernel")
    code = """
import sys
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel(kernel_name=sys.argv[1], startup_timeout=60)
printed = []
def hook(message):
    printed.append(message["content"].get("text", ""))
reply = client.execute_interactive(sys.argv[2], timeout=60, output_hook=hook)
manager.shutdown_kernel(now=True)
sys.exit("42" not in "".join(printed) and sys.argv[2] != "")
"""

    def try_out(name: str) -> subprocess.CompletedProcess[str]:
        return image.exec(image.python, "-", name, CELLS.get(known[name], ""), input=code)

    with ThreadPoolExecutor() as pool:  # most of the time goes into waiting for the kernels
        for name, done in zip(known, pool.map(try_out, known), strict=True):
            if done.returncode:
                raise Failure(f"the kernel {name} does not run a cell: {_last_line(done)}")
    return ", ".join(known)


def _kernels(image: Container) -> dict[str, str]:
    """The name of each kernel with its language."""
    code = """
import json
from jupyter_client.kernelspec import KernelSpecManager
specs = KernelSpecManager().get_all_specs()
print(json.dumps({name: found["spec"].get("language", "") for name, found in specs.items()}))
"""
    return dict(json.loads(image.ask(code) or "{}"))


@CHECKS.check(
    "C12",
    "Dask's workers can run in this image",
    why="With Dask Gateway the workers use the same image and must have the same packages.",
    source="https://gateway.dask.org/install-kube.html",
    fix="Install dask, distributed and dask-gateway together, from the same place.",
)
def dask(image: Container) -> str:
    if "dask-gateway" not in image.packages:
        raise NotApplicable("dask-gateway is not installed")
    if not image.arrived:
        raise NotApplicable("the arguments do not arrive")
    code = "import dask, distributed, dask_gateway; print(dask.__version__)"
    done = image.run(image.python, "-c", code, user=OTHER_GROUP)
    if done.returncode:
        raise Failure(_last_line(done))
    return done.stdout.strip()


@CHECKS.check(
    "C13",
    "the image's settings are not overwritten",
    why="Hubs mount files of their own over these, so what the image has there is lost.",
    source=BASEHUB,
    fix="Move the settings to etc/jupyter/ in the environment's folder, or to /etc/jupyter/.",
)
def settings(image: Container) -> None:
    names = "jupyter/jupyter_server_config.json jupyter/jupyter_notebook_config.json "
    names += "ipython/ipython_kernel_config.json"
    found = image.shell(f"cd /usr/local/etc && ls {names} 2>/dev/null").split()
    if found:
        raise Warning(f"/usr/local/etc/{found[0]} is overwritten")


@CHECKS.check(
    "C14",
    "people can install Python packages for one session",
    why="`%pip install` and `%conda install` write into the environment.",
    source="https://docs.2i2c.org/user/environment/customize/",
    fix="Give the environment's folders to user 1000; install packages as that user.",
)
def python_writable(image: Container) -> None:
    if left := image.missing("-w", _installs_into(image)):
        raise Failure(f"user 1000 cannot write to {left[0]}")


def _installs_into(image: Container) -> list[str]:
    conda = image.shell(f"cd '{image.prefix}' && ls -d conda-meta 2>/dev/null")
    folders = [image.site_packages, f"{image.prefix}/bin"]
    return folders + ([f"{image.prefix}/conda-meta"] if conda else [])


@CHECKS.check(
    "C14",
    "people can install R packages for one session",
    why="`install.packages()` writes into the first library. To update a package it moves the old one's folder away and "
    "deletes it; where it cannot, it says so, and the old version still loads.",
    source="https://docs.2i2c.org/user/environment/customize/",
    fix="Give the first folder of .libPaths() and the folders in it to user 1000.",
)
def r_writable(image: Container) -> str:
    if not image.has_r:
        raise NotApplicable("there is no R")
    folder = image.shell("Rscript -e 'cat(.libPaths()[1])'")
    if image.exec("test", "-w", folder).returncode:
        raise Failure(f"user 1000 cannot write to {folder}")
    if kept := image.exec("find", folder, "-type", "d", "!", "-writable").stdout.splitlines():
        package = kept[0].removeprefix(f"{folder}/").split("/")[0]
        raise Failure(f"user 1000 can install packages into {folder}, but not update {package}")
    return folder


@CHECKS.check(
    "C19",
    "git is there",
    why="Links that bring course material call git.",
    source="https://nbgitpuller.readthedocs.io",
    fix="Install git.",
)
def git(image: Container) -> None:
    if image.exec("git", "--version").returncode:
        raise Failure("git is not on PATH")


@CHECKS.check(
    "C19",
    "JupyterLab is there",
    why="Most hubs open /lab.",
    source="https://jupyterlab.readthedocs.io",
    fix="Install jupyterlab.",
)
def lab(image: Container) -> str:
    return _installed(image, "jupyterlab", "4")


@CHECKS.check(
    "C19",
    "the plain notebook interface is there",
    why="Some hubs open /tree.",
    source="https://jupyter-notebook.readthedocs.io",
    fix="Install notebook 7 or later.",
)
def notebook(image: Container) -> str:
    if "nbclassic" in image.packages:
        return f"nbclassic {image.packages['nbclassic']}"
    return _installed(image, "notebook", "7")


def _installed(image: Container, package: str, oldest: str) -> str:
    found = image.packages.get(package)
    if not found:
        raise Failure(f"{package} is not installed")
    if Version(found) < Version(oldest):
        raise Failure(f"{package} is {found}, older than {oldest}")
    return found


@CHECKS.check(
    "C35",
    "JupyterLab's extensions fit this JupyterLab",
    why="An extension that was made for another JupyterLab is missing from the page, or breaks it.",
    source="https://jupyterlab.readthedocs.io/en/stable/extension/extension_migration.html",
    fix="Install a newer version of the extension, or take it out of the list; `jupyter labextension list` shows all.",
)
def lab_extensions(image: Container) -> str:
    if "jupyterlab" not in image.packages:
        raise NotApplicable("there is no JupyterLab")
    listed = image.asked_lab
    if LISTED not in listed.stdout:
        raise Failure(f"`jupyter labextension list` fails: {_last_line(listed)}")
    found = EXTENSION.findall(COLOURS.sub("", listed.stdout + listed.stderr))
    if wrong := [f"{name} {version}" for name, version, state in found if state == "X"]:
        raise Failure(
            f"{', '.join(wrong)} was made for another JupyterLab than {image.packages['jupyterlab']}"
        )
    return f"{len(found)} extensions"


@CHECKS.check(
    "C38",
    "JupyterLab takes the settings of the image",
    why="JupyterLab leaves out a file that it cannot read, and settings that it does not know, and says so only in the "
    "server's log.",
    source="https://jupyterlab.readthedocs.io/en/stable/user/directories.html#overrides-json",
    fix="Correct overrides.json: *Settings Editor*, *JSON Settings Editor* in JupyterLab shows the names and values.",
)
def lab_settings(image: Container) -> None:
    if "jupyterlab" not in image.packages:
        raise NotApplicable("there is no JupyterLab")
    *wrong, last = image.asked_lab.stdout.partition(LISTED)[2].splitlines() or [""]
    if last != "done":
        raise NotApplicable("its settings cannot be read as those of JupyterLab 4")
    if wrong:
        raise Warning("; ".join(wrong)[:600])


@CHECKS.check(
    "C21",
    "R finds the image's programs",
    why="RStudio does not pass the container's environment on to R; R reads Renviron.site.",
    source="https://github.com/jupyterhub/jupyter-rsession-proxy/issues/135",
    fix='Write PATH and TZ into "$(R RHOME)/etc/Renviron.site".',
)
def r_environment(image: Container) -> None:
    if not image.has_r:
        raise NotApplicable("there is no R")
    rscript = image.shell("command -v Rscript")
    bare = ["env", "-i", "HOME=/home/jovyan", "PATH=/usr/bin:/bin", rscript, "-e"]
    found = docker.call("exec", image.hidden, *bare, 'cat(Sys.getenv("PATH"))').stdout
    folder = image.python.rpartition("/")[0]
    if not folder:
        raise NotApplicable("no Python runs")
    if folder not in found.split(":"):
        raise Failure(f"without the container's environment R does not have {folder} in PATH")


@CHECKS.check(
    "C22",
    "kernels, packages and extensions are outside the home",
    why="On a hub each user's own files are mounted over the home; what the image has there is "
    "hidden.",
    source="https://github.com/jupyterhub/repo2docker/issues/554",
    fix="Keep each kind where the sentence above says.",
)
def moved_from_home(image: Container) -> None:
    depot = image.target.environment.get("JULIA_DEPOT_PATH", "").partition(":")[0]
    if depot.startswith("/home/"):
        raise Failure(f"{depot} has {IN_HOME['.julia']}")
    names = " ".join(f"/home/*/{name}" for name in IN_HOME)
    for folder in image.in_own_home(f"ls -d {names}"):
        for name, advice in IN_HOME.items():
            if folder.endswith(f"/{name}"):
                raise Failure(f"{folder} has {advice}")


@CHECKS.check(
    "C24",
    "Python starts quickly",
    why="Without compiled files every user waits while Python compiles the packages again.",
    source="https://github.com/pangeo-data/pangeo-docker-images/pull/426",
    fix="Do not delete .pyc files; give uv `--compile-bytecode` and pip no `--no-compile`.",
)
def compiled(image: Container) -> str:
    count = "find '{}' -name '*.{}' | wc -l"
    sources = int(image.shell(count.format(image.site_packages, "py")) or 0)
    compiled = int(image.shell(count.format(image.site_packages, "pyc")) or 0)
    share = compiled / max(sources, 1)
    if share < 0.5:
        raise Warning(f"only {share:.0%} of the packages' files are compiled")
    return f"{min(share, 1):.0%} compiled"


@CHECKS.check(
    "C25",
    "every folder in PATH exists",
    why="A folder that the build removed took its programs along.",
    source="https://docs.docker.com/reference/dockerfile/#env",
    fix="Correct PATH in the Dockerfile, and install nothing into /tmp.",
)
def path(image: Container) -> None:
    folders = image.target.environment.get("PATH", "").split(":")
    # What is below /home is hidden on a hub; C5 says what that hides.
    elsewhere = ("/home/", *OF_THE_NODE)
    if left := image.missing("-d", [name for name in folders if not name.startswith(elsewhere)]):
        raise Failure(f"PATH names {left[0]}, which does not exist")


@CHECKS.check(
    "C25",
    "nothing of root's is where people write",
    why="What root left in the environment or in a home cannot be changed by the user, so installs "
    "and programs fail half way.",
    source="https://jupyter-docker-stacks.readthedocs.io/en/latest/using/recipes.html",
    fix="Install as user 1000, or give the files to 1000 in the same RUN line.",
)
def ownership(image: Container) -> None:
    if left := image.in_own_home("find /home -mindepth 1 -uid 0"):
        raise Failure(f"{left[0]} belongs to root")
    known = " ".join(f"! -path '{folder}'" for folder in _installs_into(image))
    find = f"find '{image.prefix}' -xdev -type d ! -writable {known} 2>/dev/null | head -1"
    if image.prefix != "/usr" and (folder := image.shell(find)):
        raise Failure(f"user 1000 cannot write to {folder}")


@CHECKS.check(
    "C26",
    "text with accents works",
    why="Without a UTF-8 locale file names and output with other letters than English ones break.",
    source="https://docs.python.org/3/library/locale.html",
    fix="Set ENV LANG=C.UTF-8.",
)
def locale(image: Container) -> str:
    charmap = image.shell("locale charmap 2>/dev/null")
    if charmap != "UTF-8":
        raise Failure(f"the character set is {charmap or 'unknown'}")
    return charmap


@CHECKS.check(
    "C26",
    "the time zone is set",
    why="Some packages ask for TZ and stop without it.",
    source="https://github.com/PrefectHQ/prefect/issues/3061",
    fix="Set ENV TZ=Etc/UTC.",
)
def time_zone(image: Container) -> str:
    found = image.shell('echo "${TZ-}"')
    if not found:
        raise Warning("TZ is not set")
    return found
