"""Measure in turns, and a row of the table."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent


class Row(NamedTuple):
    """One line of the table. `target` is the highest ratio that we want; none where there is nothing to compare."""

    what: str
    ours: str
    other: str = ""
    ratio: float | None = None
    target: float | None = None


def in_turns(repeat: int, *measures: Callable[[int], float]) -> list[float]:
    """Return the median of what each measure returns, called in turns with the number of the turn."""
    rounds = [[measure(turn) for measure in measures] for turn in range(repeat)]
    return [statistics.median(values) for values in zip(*rounds, strict=True)]


def seconds(command: list, **options) -> float:
    """Run a command, which must end well, and return how long it took."""
    start = time.perf_counter()
    result = subprocess.run(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **options,
    )
    taken = time.perf_counter() - start
    if result.returncode:
        raise SystemExit(f"{command} failed:\n{result.stdout[-3000:]}")
    return taken


def compared(what: str, unit: str, ours: float, other: float, target: float | None) -> Row:
    """Return a row about two figures of one unit."""
    digits = 0 if min(ours, other) >= 100 else 2
    form = lambda value: f"{value:.{digits}f} {unit}"  # noqa: E731
    return Row(what, form(ours), form(other), ours / other, target)
