"""The package is a house with rooms in one direction: a room imports only what stands below it."""

from __future__ import annotations

import ast
import functools
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from conftest import ROOT

PACKAGE = ROOT / "hooks/hub_image"
# From the ground up. `ci` is on top, so that nothing imports what only a workflow needs.
ROOMS = [
    "syntax",
    "tools",
    "repository",
    "lists",
    "checks",
    "hubconfig",
    "handoff",
    "updates",
    "adopt",
    "contract",
    "gate",
    "page",
    "fleet",
    "ci",
]
GROUND = {
    "",
    "problem",
    "catalog",
}  # the package itself, what every room may raise, and the facts that it stands on
MODULES = sorted(PACKAGE.rglob("*.py"))


def name(path: Path) -> str:
    """The name of a module below the package, as in `tools.git`; a room's own is that of the room."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {name(path) for path in MODULES}


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def imports(path: Path) -> set[str]:
    """The modules of this package that a module imports, wherever in its text."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "hub_image":
            module = node.module.removeprefix("hub_image").removeprefix(".")
            for alias in node.names:
                inner = f"{module}.{alias.name}".removeprefix(".")
                found.add(inner if inner in NAMES else module)
    return found


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_room_imports_only_what_stands_below_it(path):
    room = name(path).split(".")[0]
    if room in GROUND | {"__main__"}:
        return
    below = GROUND | set(ROOMS[: ROOMS.index(room) + 1])
    above = {module for module in imports(path) if module.split(".")[0] not in below}
    assert not above, f"{name(path)} imports {', '.join(sorted(above))}, which stands above it"


def test_there_is_no_circle():
    """Also not inside of a room; a package's own module may be imported by those in it."""
    graph = {name(path): imports(path) - {name(path)} for path in MODULES}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def test_docker_and_git_are_run_in_one_place():
    """So that one that is missing is one sentence everywhere, and git is deaf to what its user has set."""
    for path in MODULES:
        if name(path) in ("tools.docker", "tools.git"):
            continue
        nodes = list(ast.walk(tree(path)))
        compares = [node for node in nodes if isinstance(node, ast.Compare)]
        only_read = {id(part) for node in compares for part in ast.walk(node)}
        lists = [node for node in nodes if isinstance(node, ast.List) and node.elts]
        first = [node.elts[0] for node in lists if id(node) not in only_read]
        began = {node.value for node in first if isinstance(node, ast.Constant)}
        assert not began & {"docker", "git"}, (
            f"{name(path)} runs {began & {'docker', 'git'}} itself"
        )


def test_tests_stand_in_the_same_rooms():
    """Beside them: images that are built, and what stands in for the outside world."""
    folders = {path.parent.name for path in (ROOT / "tests").glob("*/*.py")}
    assert folders - set(ROOMS) == {"builds", "rig", "github"}
    assert set(ROOMS) <= folders
