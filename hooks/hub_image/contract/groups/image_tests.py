"""What the repository's owner wrote: image-tests/, run inside the image.

Each notebook runs in its own kernel, each test_*.py by pytest. The folder may have been made for
repo2docker-action: then it may have a requirements.txt with what its tests need.
The image stays as it is: all of it happens in a container that is thrown away, and pytest is
mounted into it. nbclient, which runs the notebooks, comes with every Jupyter server.
"""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path
from typing import Any, cast

from hub_image.contract import Check, Failure
from hub_image.contract.groups.container import USER, Container, masks
from hub_image.contract.groups.on_hub import hub_image
from hub_image.tools import docker

FOLDER = "image-tests"
PLACE = "/tmp"
UID, GID = 1000, 100
SOURCE = "https://github.com/jupyterhub/repo2docker-action#testing-the-built-image"

# A notebook's own kernel: the one it names, else one of its language.
NOTEBOOK = """
import sys
import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

notebook = nbformat.read(sys.argv[1], as_version=4)
known = KernelSpecManager().get_all_specs()
asked = notebook.metadata.get("kernelspec", {})
language = notebook.metadata.get("language_info", {}).get("name") or asked.get("language", "")
languages = {found["spec"].get("language", "").lower(): name for name, found in known.items()}
kernel = asked.get("name") if asked.get("name") in known else languages.get(language.lower())
if not kernel:
    wanted = asked.get("name") or language or "none named"
    sys.exit(f"its kernel ({wanted}) is not in the image, which has {', '.join(known) or 'none'}")
try:
    NotebookClient(notebook, timeout=600, kernel_name=kernel).execute()
except CellExecutionError as error:
    cell = next(
        (number for number, cell in enumerate(notebook.cells, 1)
         if any(output.output_type == "error" for output in cell.get("outputs", []))),
        "?",
    )
    sys.exit(f"cell {cell}: {error.ename}: {error.evalue}")
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
    """A container with the image and a copy of image-tests/."""

    def __init__(self, image: Container) -> None:
        target, session = image.target, image.session
        wide = ["COLUMNS=300"]  # so that pytest shortens nothing
        self.python = ["env", "-i", *image.server_environment, *wide, image.python]
        tools = f"{session.id}-tools"
        docker.output("volume", "create", session.label, tools)
        # A new volume is filled with what the image has in that place.
        session.run(f"--volume={tools}:/opt/tools", hub_image(target.hub_version), "true")
        self.container = session.start(
            f"--user={USER}",
            "--security-opt=no-new-privileges",
            "--env=SHELL=/bin/bash",
            *masks(USER),
            f"--volume={tools}:/mnt/tools:ro",
            target.reference,
            *("sleep", "infinity"),
        )
        folder = (target.repository or Path()) / FOLDER
        copied = docker.call(
            *("cp", "-", f"{self.container}:{PLACE}"), input=_packed(folder), text=None, errors=None
        )
        if copied.returncode:
            raise docker.DockerError(
                f"{FOLDER}/ cannot be copied: {cast(bytes, copied.stderr).decode()[-300:]}"
            )
        self.setup = ""
        if (folder / "requirements.txt").exists():
            install = [
                "-m",
                "pip",
                "install",
                "--quiet",
                "-r",
                f"{PLACE}/{FOLDER}/requirements.txt",
            ]
            done = self.run(*install)
            if done.returncode:
                self.setup = f"{FOLDER}/requirements.txt: {done.stderr.strip()[-300:]}"

    def run(
        self, *arguments: str, folder: str = PLACE, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run Jupyter's Python in a folder of the container."""
        where = ["--interactive", f"--workdir={folder}", self.container]
        return docker.call("exec", *where, *self.python, *arguments, **options)


def _packed(folder: Path) -> bytes:
    """The folder as a tar archive in which everything belongs to the user."""
    archive = io.BytesIO()

    def owned(file: tarfile.TarInfo) -> tarfile.TarInfo:
        file.uid, file.gid = UID, GID
        return file

    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(folder, FOLDER, filter=owned)
    return archive.getvalue()


def checks(repository: Path) -> list[Check]:
    """One check for each notebook and each test file of a repository."""
    folder = repository / FOLDER
    found = [
        path
        for path in sorted([*folder.rglob("*.ipynb"), *folder.rglob("test_*.py")])
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    return [_check(f"{FOLDER}/{path.relative_to(folder).as_posix()}") for path in found]


def _check(path: str) -> Check:
    name, is_notebook = path.rpartition("/")[2], path.endswith(".ipynb")

    def run(owned: Owned) -> str:
        if owned.setup:
            raise Failure(owned.setup)
        if is_notebook:
            folder = f"{PLACE}/{path}".rpartition("/")[0]
            done = owned.run("-", name, input=NOTEBOOK, folder=folder)
            if done.returncode:
                raise Failure(done.stderr.strip().splitlines()[-1] if done.stderr else "it failed")
            return f"kernel {done.stdout.strip().splitlines()[-1]}"
        options = ["-q", "--tb=line", "--no-header", "-p", "no:cacheprovider"]
        done = owned.run("-", *options, path, input=PYTEST)
        lines = [line for line in done.stdout.strip().splitlines() if line]
        if done.returncode:
            failed = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
            raise Failure((failed or lines or [done.stderr.strip()[-300:] or "it failed"])[0])
        return lines[-1] if lines else ""

    return Check(
        number="own",
        name=path,
        why="The repository's owner wrote this test.",
        source=SOURCE,
        fix="Add what it needs to the lists, or correct the test.",
        run=run,
    )
