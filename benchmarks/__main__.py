"""Benchmarks: what people feel, as ratios that are measured side by side in one run.

python -m benchmarks                          all of it, about an hour on two cores
python -m benchmarks copier rebuild-pip ...   some of it: copier, rebuild-pip, rebuild-conda, start, hubs,
                                              fleet, suites, contract
    --before COMMIT                               what `contract` compares with (default: the commit before this one)
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
import sys
from pathlib import Path

from . import builds, contract, copies, fleets, hubs, suites
from .turns import Row


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
    parts = {
        "copier": copies.measure,
        "rebuild-pip": lambda options: builds.rebuild("pip", options.repeat),
        "rebuild-conda": lambda options: builds.rebuild("conda", options.repeat),
        "start": lambda options: builds.start(options.repeat),
        "hubs": hubs.measure,
        "fleet": fleets.measure,
        "suites": suites.measure,
        "contract": contract.measure,
    }
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("part", nargs="*", help=", ".join(parts))
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--template", type=Path)
    parser.add_argument("--before", default="HEAD^", metavar="COMMIT")
    parser.add_argument("--write", type=Path, metavar="FILE")
    options = parser.parse_args()
    if unknown := set(options.part) - set(parts):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(parts)}")
    on = machine()
    rows: list[Row] = []
    for name in options.part or parts:
        print(f"{name} ...", file=sys.stderr, flush=True)
        rows += parts[name](options)
    settings = [f"--repeat {options.repeat}"]
    settings += [f"--before {options.before}"] if "contract" in options.part else []
    command = " ".join(["python -m benchmarks", *options.part, *settings])
    text = f"`{command}` on {on}.\n\n{table(rows)}\n"
    print(text)
    if options.write:
        options.write.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
