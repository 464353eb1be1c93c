"""The table of facts about the real world, and what shows that we know them: tests that carry their names."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest
import yaml

TESTS = Path(__file__).parent
FACTS = {
    name: entry
    for entries in yaml.safe_load((TESTS / "world.yml").read_text()).values()
    for name, entry in entries.items()
}
HEADING = "## Facts that no test here can show"


@functools.cache
def proofs() -> dict[str, list[str]]:
    """The tests that carry each name, as pytest writes them.

    They are read from the files, because pytest collects only what it is asked for.
    """
    found: dict[str, list[str]] = {}

    def look(node: ast.AST, place: str) -> None:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            place += f"::{node.name}"
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.world":
            for argument in node.args:
                found.setdefault(ast.literal_eval(argument), []).append(place)
        for child in ast.iter_child_nodes(node):
            look(child, place)

    for path in sorted(TESTS.rglob("test_*.py")):
        look(ast.parse(path.read_text()), path.relative_to(TESTS.parent).as_posix())
    return found


@functools.cache
def sentences() -> dict[str, str]:
    """Why there is no test: the list below the heading in the rig's README."""
    section = (TESTS / "rig/README.md").read_text().partition(HEADING)[2].partition("\n## ")[0]
    return dict(re.findall(r"^- `([a-z0-9-]+)`: (.+)$", section, re.MULTILINE))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the table where `-k` names it."""
    if "world" not in config.option.keyword:
        return
    tests, reasons = proofs(), sentences()
    terminalreporter.section("what the real world does")
    for name, entry in FACTS.items():
        terminalreporter.write_line(f"{name}: {entry['fact']}", bold=True)
        terminalreporter.write_line(f"    source: {entry['source']}")
        for test in tests.get(name, []):
            terminalreporter.write_line(f"    test: {test}")
        if name in reasons:
            terminalreporter.write_line(f"    not tested: {reasons[name]}")
        if name not in tests and name not in reasons:
            terminalreporter.write_line("    NO TEST, NO REASON", red=True)
