"""Benchmarks: what people feel, as ratios that are measured side by side in one run.

python -m benchmarks                          all of it, about an hour on two cores
python -m benchmarks copier rebuild-pip ...   some of it: copier, rebuild-pip, rebuild-conda, start, hubs,
                                              suites
    --repeat N                                measure each N times, and take the median (default: 3)
    --template PATH                           compare `copier copy` with one more template
    --write FILE                              write the table into a file too

A ratio is the median of ours divided by the median of what it is compared with. The two are measured in turns, so that
a machine that is busy for a while slows both. Builds and starts need a Docker Engine, or a machine for tests/rig.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


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


def table(rows: list[Row]) -> str:
    """Return the rows as Markdown."""
    lines = [
        "| what | ours | compared with | ratio | target | |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
    ]
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.3f}"
        target = "" if row.target is None else f"{row.target:g}"
        verdict = ""
        if row.ratio is not None and row.target is not None:
            verdict = "reached" if row.ratio <= row.target else "**missed**"
        lines.append(f"| {row.what} | {row.ours} | {row.other} | {ratio} | {target} | {verdict} |")
    return "\n".join(lines)


def machine() -> str:
    """Return what the figures were measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} processors ({platform.machine()}), {memory:.0f} GiB, Python "
        f"{platform.python_version()}; {load:.1f} processes waited for a processor when it began"
    )


def main() -> int:
    """Measure, and print the table."""
    from . import builds, copies, hubs, suites

    parts = {
        "copier": copies.measure,
        "rebuild-pip": lambda options: builds.rebuild("pip", options.repeat),
        "rebuild-conda": lambda options: builds.rebuild("conda", options.repeat),
        "start": lambda options: builds.start(options.repeat),
        "hubs": hubs.measure,
        "suites": suites.measure,
    }
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("part", nargs="*", help=", ".join(parts))
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--template", type=Path)
    parser.add_argument("--write", type=Path, metavar="FILE")
    options = parser.parse_args()
    if unknown := set(options.part) - set(parts):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(parts)}")
    on = machine()
    rows: list[Row] = []
    for name in options.part or parts:
        print(f"{name} ...", file=sys.stderr, flush=True)
        rows += parts[name](options)
    command = " ".join(["python -m benchmarks", *options.part, f"--repeat {options.repeat}"])
    text = f"`{command}` on {on}.\n\n{table(rows)}\n"
    print(text)
    if options.write:
        options.write.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
