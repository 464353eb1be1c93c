"""How long our own checks and tests take, for whoever works on the template."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import copier

from . import turns
from .turns import ROOT, Row

BIN = Path(sys.executable).parent


def measure(options: argparse.Namespace) -> list[Row]:
    """Return the rows about the checks before a commit, the contract and the quick tests."""
    from tests.rig import engine

    from . import builds

    quick = ["-n", "2", "--dist", "loadfile", "-q", "-m", "not engine and not network"]
    with tempfile.TemporaryDirectory() as folder:
        copier.run_copy(str(ROOT), folder, defaults=True, quiet=True, vcs_ref="HEAD")
        check = turns.in_turns(
            options.repeat, lambda _: turns.seconds([BIN / "hub-image", "check", folder])
        )
    image = builds.example("pip", ["numpy"])
    contract = [BIN / "hub-image", "test", image, ROOT / "benchmarks"]
    proved = turns.in_turns(
        1, lambda _: turns.seconds(engine.inside(*contract), env=engine.variables())
    )
    tested = turns.in_turns(
        1, lambda _: turns.seconds([sys.executable, "-m", "pytest", *quick], cwd=ROOT)
    )
    return [
        Row("`hub-image check` on a new repository", f"{check[0]:.2f} s"),
        Row("`hub-image test`, the whole contract", f"{proved[0]:.0f} s"),
        Row("the quick tests of this repository", f"{tested[0]:.0f} s"),
    ]
