"""What the repository's owner wrote: image-tests/, run inside the image.

Each notebook runs in its own kernel, each test_*.py by pytest. The folder may have been made for
repo2docker-action: then it may have a requirements.txt with what its tests need.
Notebooks of other repositories, which elsewhere.yml names, run as those beside it.
The image stays as it is: all of it happens in a container that is thrown away, and pytest is
mounted into it. nbclient, which runs the notebooks, comes with every Jupyter server.
"""

from __future__ import annotations

import io
import subprocess
import tarfile
import time
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from hub_image.contract import Check, Failure, NotApplicable
from hub_image.contract.groups import elsewhere
from hub_image.contract.groups.container import USER, Container, masks
from hub_image.contract.groups.elsewhere import Fetched
from hub_image.contract.groups.on_hub import hub_image
from hub_image.problem import Problem
from hub_image.tools import docker

FOLDER = "image-tests"
PLACE = "/tmp"
CELL = 600  # seconds for a notebook's cell
LONGEST = 3600  # seconds for a notebook or a file of tests
UID, GID = 1000, 100
WHY = "The repository's owner wrote this test."
SOURCE = "https://github.com/jupyterhub/repo2docker-action#testing-the-built-image"

# A notebook's own kernel: the one it names, else one of its language.
NOTEBOOK = """
import sys
import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

notebook = nbformat.read(sys.argv[1], as_version=4)
known = KernelSpecManager().get_all_specs()
asked = notebook.metadata.get("kernelspec", {})
language = notebook.metadata.get("language_info", {}).get("name") or asked.get("language", "")
languages = {found["spec"].get("language", "").lower(): name for name, found in known.items()}
kernel = asked.get("name") if asked.get("name") in known else languages.get(language.lower())
if not kernel:
    wanted = asked.get("name") or language or "none named"
    sys.exit(f"its kernel ({wanted}) is not in the image, which has {', '.join(known) or 'none'}")
code = [(number, cell) for number, cell in enumerate(notebook.cells, 1) if cell.cell_type == "code"]
for _, cell in code:
    cell.execution_count = None
try:
    NotebookClient(notebook, timeout=int(sys.argv[2]), kernel_name=kernel).execute()
except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
    last = max((number for number, cell in code if cell.execution_count), default="?")
    said = f"{error.ename}: {error.evalue}" if isinstance(error, CellExecutionError) else str(error)
    if isinstance(error, CellTimeoutError):
        said = f"it runs for more than {sys.argv[2]} seconds"
    sys.exit(f"cell {last}: {' '.join(said.split())[:300]}")
print(kernel)
"""
PYTEST = """
import sys
sys.path.insert(0, "/mnt/tools/first")
sys.path.append("/mnt/tools/last")
sys.dont_write_bytecode = True
import pytest
sys.exit(pytest.main(sys.argv[1:]))
"""


class Owned:
    """Containers with the image: one with a copy of image-tests/, others for what lives elsewhere."""

    def __init__(self, image: Container) -> None:
        self.image = image
        self._elsewhere: dict[Path, str] = {}

    @cached_property
    def container(self) -> str:
        """The container with a copy of image-tests/, and with pytest."""
        tools = f"{self.image.session.id}-tools"
        docker.output("volume", "create", self.image.session.label, tools)
        # A new volume is filled with what the image has in that place.
        hub = hub_image(self.image.target.hub_version)
        self.image.session.run(f"--volume={tools}:/opt/tools", hub, "true")
        folder = (self.image.target.repository or Path()) / FOLDER
        return self._with_copy(folder, FOLDER, f"--volume={tools}:/mnt/tools:ro")

    @cached_property
    def setup(self) -> str:
        """What went wrong when the requirements of image-tests/ were installed; empty when nothing did."""
        listed = f"{FOLDER}/requirements.txt"
        if not ((self.image.target.repository or Path()) / listed).exists():
            return ""
        done = self.run("-m", "pip", "install", "--quiet", "-r", f"{PLACE}/{listed}")
        return f"{listed}: {done.stderr.strip()[-300:]}" if done.returncode else ""

    def elsewhere(self, found: Fetched) -> str:
        """The container with a copy of a fetched repository, in which nothing else was done."""
        if found.folder not in self._elsewhere:
            network = [] if found.entry.network else ["--network=none"]
            self._elsewhere[found.folder] = self._with_copy(found.folder, "repository", *network)
        return self._elsewhere[found.folder]

    def _with_copy(self, folder: Path, name: str, *options: str) -> str:
        if not self.image.running.is_entered:
            raise NotApplicable("the entrypoint does not run what it is given, see C7")
        container = self.image.session.start(
            f"--user={USER}",
            "--security-opt=no-new-privileges",
            "--env=SHELL=/bin/bash",
            *masks(USER),
            *options,
            self.image.target.reference,
            *("sleep", "infinity"),
        )
        line = ("cp", "-", f"{container}:{PLACE}")
        copied = docker.call(*line, input=_packed(folder, name), text=None, errors=None)
        if copied.returncode:
            said = cast(bytes, copied.stderr).decode(errors="replace")[-300:]
            raise docker.DockerError(f"{name}/ cannot be copied: {said}")
        return container

    def run(
        self, *arguments: str, folder: str = PLACE, container: str = "", **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run Jupyter's Python in a folder of a container."""
        where = ["--interactive", f"--workdir={folder}", container or self.container]
        wide = ["COLUMNS=300"]  # so that pytest shortens nothing
        python = ["env", "-i", *self.image.running.environment, *wide, self.image.python]
        try:
            return docker.call("exec", *where, *python, *arguments, timeout=LONGEST, **options)
        except subprocess.TimeoutExpired:
            said = f"it still runs after {LONGEST // 60} minutes"
            return subprocess.CompletedProcess(arguments, 124, "", said)

    def notebook(self, path: str, container: str = "") -> str:
        """Run a notebook where it lies, below PLACE; its kernel and its time. Raises Failure."""
        folder, _, name = f"{PLACE}/{path}".rpartition("/")
        began = time.monotonic()
        done = self.run("-", name, str(CELL), input=NOTEBOOK, folder=folder, container=container)
        if done.returncode:
            raise Failure(done.stderr.strip().splitlines()[-1] if done.stderr else "it failed")
        kernel = done.stdout.strip().splitlines()[-1]
        return f"kernel {kernel}, {time.monotonic() - began:.0f} s"


def _packed(folder: Path, name: str) -> bytes:
    """The folder under a name as a tar archive, without git's own, in which everything belongs to the user."""
    archive = io.BytesIO()

    def owned(file: tarfile.TarInfo) -> tarfile.TarInfo | None:
        if file.name.endswith("/.git"):
            return None
        file.uid, file.gid = UID, GID
        return file

    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(folder, name, filter=owned)
    return archive.getvalue()


def checks(repository: Path, fetched: Path) -> list[Check]:
    """One check for each notebook and each test file of a repository, and for each notebook that it has elsewhere.

    Their repositories are fetched into a folder.
    """
    folder = repository / FOLDER
    found = [
        path
        for path in sorted([*folder.rglob("*.ipynb"), *folder.rglob("test_*.py")])
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    own = [_check(f"{FOLDER}/{path.relative_to(folder).as_posix()}") for path in found]
    return own + list(_elsewhere(repository, fetched))


def _elsewhere(repository: Path, folder: Path) -> Iterator[Check]:
    try:
        entries = elsewhere.read(repository)
    except Problem as problem:
        yield _broken(elsewhere.FILE, problem)
        return
    for number, entry in enumerate(entries):
        try:
            fetched = elsewhere.fetch(entry, folder / str(number))
        except Problem as problem:
            yield _broken(f"{elsewhere.FILE}: {entry.name}", problem)
            continue
        for notebook in fetched.notebooks:
            yield _notebook_elsewhere(fetched, notebook)


def _broken(name: str, problem: Problem) -> Check:
    def run(_: Owned) -> str:
        raise Failure(str(problem))

    return Check("own", name, WHY, SOURCE, f"Correct {elsewhere.FILE}.", run)


def _notebook_elsewhere(found: Fetched, notebook: str) -> Check:
    def run(owned: Owned) -> str:
        return owned.notebook(f"repository/{notebook}", owned.elsewhere(found))

    return Check(
        number="own",
        name=f"{found.entry.name}/{notebook}",
        why=WHY,
        source=found.link(notebook),
        fix=f"Add what it needs to the lists, or name another ref in {elsewhere.FILE}; a notebook that needs the "
        "network has `network: true` there.",
        run=run,
    )


def _check(path: str) -> Check:
    is_notebook = path.endswith(".ipynb")

    def run(owned: Owned) -> str:
        if owned.setup:
            raise Failure(owned.setup)
        if is_notebook:
            return owned.notebook(path)
        options = ["-q", "--tb=line", "--no-header", "-p", "no:cacheprovider"]
        done = owned.run("-", *options, path, input=PYTEST)
        lines = [line for line in done.stdout.strip().splitlines() if line]
        if done.returncode:
            failed = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
            said = failed or lines or [done.stderr.strip()[-300:] or "it failed"]
            raise Failure(said[0])
        return lines[-1] if lines else ""

    return Check(
        number="own",
        name=path,
        why=WHY,
        source=SOURCE,
        fix="Add what it needs to the lists, or correct the test.",
        run=run,
    )
