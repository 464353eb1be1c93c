"""Old repositories as fixtures, each adopted once."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest
import yaml

from conftest import git
from hub_image.__main__ import main

REPOSITORIES = Path(__file__).parent / "repositories"
CASES = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted(REPOSITORIES.glob("*.yml"))
}


def write(folder: Path, case: dict) -> Path:
    """Make the repository of a case, as its owner has it."""
    folder.mkdir(parents=True)
    for path, text in case["files"].items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(text.encode())
    for path, leads in case.get("links", {}).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).symlink_to(leads)
    for path in case.get("executable", []):
        (folder / path).chmod(0o755)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "--message", "As it was")
    if "origin" in case:
        git(folder, "remote", "add", "origin", case["origin"])
    return folder


def state(folder: Path) -> tuple[str, ...]:
    """All that git knows of a repository, and its files."""
    files = sorted(
        (path.relative_to(folder).as_posix(), path.read_bytes(), path.stat().st_mode)
        for path in folder.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    )
    commands = (["status", "--porcelain", "--branch"], ["for-each-ref"], ["stash", "list"])
    return (*(git(folder, *command) for command in commands), str(files))


@dataclass
class Adopted:
    """An adopted repository: where it is, what it was, and what was said."""

    folder: Path
    before: tuple[str, ...]
    output: str

    @property
    def report(self) -> dict[str, dict[str, list[str]]]:
        """The report in the commit's message: part, place, what is said of it."""
        parts: dict[str, dict[str, list[str]]] = {}
        for line in git(self.folder, "log", "-1", "--format=%b").splitlines():
            if line.endswith(":") and not line.startswith(" "):
                part = parts.setdefault(line[:-1], {})
            elif line:
                place, _, what = line.strip().partition(": ")
                part.setdefault(place, []).append(what)
        return parts


@pytest.fixture(scope="session")
def adopted(released: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Adopted]:
    """Adopt the repository of a case, once. Do not change what you get."""
    done: dict[str, Adopted] = {}

    def adopted(name: str) -> Adopted:
        if name not in done:
            case = CASES[name]
            folder = write(tmp_path_factory.mktemp(name) / "old-image", case)
            before = state(folder)
            output = adopt(folder, released, *(f"--data={data}" for data in case.get("data", [])))
            done[name] = Adopted(folder, before, output)
        return done[name]

    return adopted


def adopt(folder: Path, template: Path, *options: str, code: int = 0) -> str:
    """Run `hub-image adopt`; return what it prints."""
    ended, said = run("adopt", str(folder), "--yes", f"--template={template}", *options)
    assert ended == code, said
    return said


def run(*arguments: str) -> tuple[int, str]:
    """Run `hub-image`; return its exit code and what it prints."""
    said = TextIOWrapper(BytesIO(), "utf-8")
    with redirect_stdout(said), redirect_stderr(said):
        code = main(list(arguments))
    said.seek(0)
    return code, said.read()


def show(folder: Path, revision: str) -> bytes:
    """A file as git has it."""
    command = ["git", "-C", str(folder), "show", revision]
    return subprocess.run(command, check=True, capture_output=True).stdout
