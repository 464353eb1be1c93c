"""`hub-image` at a terminal: output, exit codes, the page of rules, what starting it imports."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hub_image import checks
from hub_image.__main__ import COMMANDS, main

HOOKS = Path(checks.__file__).parents[2]


def hub_image(*arguments: str, code: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command, or some code instead, in an interpreter of its own."""
    return subprocess.run(
        [sys.executable, *(["-c", code] if code else ["-m", "hub_image"]), *arguments],
        env=os.environ | {"PYTHONPATH": str(HOOKS)},
        capture_output=True,
        text=True,
    )


@pytest.fixture
def typical(tmp_path: Path) -> Path:
    """A repository of the usual size: two hundred conda packages, ten notebooks with pictures."""
    packages = "".join(f"  - package-{n}>=1.{n}\n" for n in range(200))
    files = {
        "environment.yml": f"channels:\n  - conda-forge\ndependencies:\n{packages}",
        "apt.txt": "\n".join(f"lib{n}-dev  # why" for n in range(40)),
        "install.R": 'install.packages(c("sf", "terra"))\n' * 20,
        "Dockerfile": "FROM example/base:1.2.3\nCOPY environment.yml apt.txt install.R /\n",
        ".github/image.env": "PYTHON_VERSION=3.13\nHUB_VERSION=5.4\n",
    }
    picture = "QUJD" * 100_000
    for n in range(10):
        files[f"image-tests/{n}.ipynb"] = (
            '{"cells": [{"cell_type": "code", "outputs": [{"data": {"image/png": "%s"}}],'
            ' "source": ["%%pip install x"]}], "metadata": {}}' % picture
        )
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def test_typical_repository(typical: Path, record_property):
    start = time.perf_counter()
    done = hub_image("check", str(typical))
    seconds = time.perf_counter() - start
    record_property("seconds", seconds)
    print(f"hub-image check on a typical repository: {seconds:.2f} s")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "0 errors, 0 warnings\n"


def test_exit_codes(tmp_path: Path, capsys: pytest.CaptureFixture):
    (tmp_path / "environment.yml").write_text("dependencies: [numpy]\n")
    assert main(["check", str(tmp_path)]) == 0
    assert capsys.readouterr().out == (
        "environment.yml:1: warning no-channel: the list names no channel for its packages; "
        "add `channels:` with `- conda-forge`\n"
        "0 errors, 1 warning (1 fixable with `hub-image check --fix`)\n"
    )
    (tmp_path / "apt.txt").write_text("Git\n")
    assert main(["check", str(tmp_path)]) == 1
    assert main(["check", "--fix", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert "environment.yml:1: fixed no-channel" in out
    assert out.endswith("1 error, 0 warnings\n")
    assert main(["check", str(tmp_path / "apt.txt")]) == 2
    assert capsys.readouterr().err.strip().endswith("says what it takes")


def test_what_is_no_text_is_shown_all_the_same(tmp_path: Path):
    (tmp_path / "apt.txt").write_bytes(b"caf\xe9\n")
    done = hub_image("check", str(tmp_path))
    assert done.returncode == 1 and "apt.txt:1: error apt-list" in done.stdout, done.stderr


def test_here_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "apt.txt").write_text("Git\n")
    monkeypatch.chdir(tmp_path)
    assert main(["check"]) == 1


def test_help_names_every_command(capsys: pytest.CaptureFixture):
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    printed = capsys.readouterr().out
    assert all(command in printed for command in COMMANDS)


def test_rules_page_is_made_from_the_rules(capsys: pytest.CaptureFixture):
    assert main(["check", "--rules"]) == 0
    page = capsys.readouterr().out
    for code, module in checks.modules():
        assert f"\n## {code}\n\n{module.__doc__.splitlines()[0]}" in page
        for part in ("Why: ", "Fix: ", "Severity: ", "Source: "):
            assert f"\n{part}" in module.__doc__, f"{code} has no paragraph `{part}`"


def test_the_command_line_alone_imports_no_subcommand():
    code = "import sys, hub_image.__main__ as m\ntry: m.main()\nfinally: print(*sys.modules)"
    imported = hub_image("--version", code=code).stdout.split()
    assert "hub_image.__main__" in imported
    assert not {f"hub_image.{place}" for place, _ in COMMANDS.values()} & set(imported)


def imported_by(*arguments: str) -> set[str]:
    code = "import sys, hub_image.__main__ as m; m.main(); print(*sys.modules, file=sys.stderr)"
    done = hub_image(*arguments, code=code)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


HEAVY = {"yaml", "rattler", "packaging", "tomllib", "urllib.request", "importlib.metadata"}
HEAVY |= {"tree_sitter", "tree_sitter_bash"}


@pytest.mark.parametrize(
    ("file", "text", "used"),
    [
        ("README.md", "nothing to parse", set()),
        ("apt.txt", "git", {"yaml"}),
        ("postBuild", "echo", {"tree_sitter", "tree_sitter_bash"}),
        ("install.R", "install.packages('sf')", set()),
        ("requirements.txt", "numpy", {"packaging", "yaml"}),
        ("Project.toml", "[deps]", {"tomllib"}),
        ("environment.yml", "channels: [conda-forge]\ndependencies: [numpy]", {"yaml", "rattler"}),
    ],
)
def test_start_up_imports_only_what_is_used(tmp_path: Path, file: str, text: str, used: set[str]):
    (tmp_path / file).write_text(text)
    imported = imported_by("check", str(tmp_path))
    wanted = {"tomli"} if used == {"tomllib"} and "tomllib" not in sys.stdlib_module_names else used
    assert wanted <= imported
    # rattler itself brings some of the standard library along
    assert not (HEAVY - used) & imported or "rattler" in used
