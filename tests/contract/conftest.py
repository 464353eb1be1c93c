"""Fixtures for tests of the contract: good images, images with one fault, and the table of them."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hub_image import catalog
from hub_image.contract import Target
from hub_image.repository import image_env
from hub_image.tools import docker
from rig import standins

SCRATCH = {"start_from": "scratch"}
# Every family, both package managers, all languages.
GOOD = {
    "python": SCRATCH | {"package_manager": "pip"},
    "r-julia": SCRATCH | {"package_manager": "pip", "languages": ["r", "julia"]},
    "docker-stacks": {"base": "jupyter-scipy", "package_manager": "conda"},
    "conda": SCRATCH | {"package_manager": "conda"},
    "pangeo": {"base": "pangeo", "package_manager": "conda"},
    "rocker": {"base": "rocker-geospatial", "languages": ["r"]},
}
ON_ANY_RUN = ("r-julia", "docker-stacks")  # the others with --whole-matrix; python in tests/ci too


@pytest.fixture(scope="session")
def docker_environment(engine):
    """The commands under test reach the engine as a user's would: by the environment."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in engine.environment().items():
            patch.setenv(name, value)
        if not engine.is_provided():
            standins.ensure(catalog.load().images["hub"].reference)
        yield os.environ


@pytest.fixture(scope="session")
def good(render, build, docker_environment) -> Callable[[str], tuple[str, Path]]:
    """Build one of GOOD, once; returns the image's name and its repository."""

    @functools.cache
    def make(kind: str) -> tuple[str, Path]:
        repository = render(**GOOD[kind])
        return build(repository, f"rig/contract:{kind}"), repository

    return make


@pytest.fixture
def target(good) -> Callable[..., Target]:
    """What to test of a good image, or of another one made from it."""

    def make(kind: str, reference: str = "", **options: object) -> Target:
        image, repository = good(kind)
        reference = reference or image
        answers = image_env.read(repository)
        options.setdefault("hub_version", answers.hub_version)
        options.setdefault("config", docker.inspect(reference))
        return Target(reference, family=answers.base_family, **options)

    return make


def pytest_terminal_summary(terminalreporter) -> None:
    """Print the table of faults, and keep it in build/contract/."""
    from .test_faults import ELSEWHERE, FAULTS, WRONG, by_default

    found = [
        (name, value)
        for kind in ("passed", "failed")
        for report in terminalreporter.stats.get(kind, [])
        if report.when == "call"
        for name, value in report.user_properties
    ]
    rows = [value for name, value in found if name == "fault"]
    alarms = [value for name, value in found if name == "good"]
    if not rows and not alarms:
        return
    wide = max([len(row[0]) for row in rows], default=0)
    lines = [f"{'fault':<{wide}}  {'caught by':<56}  and with that check removed by"]
    lines += [f"{fault:<{wide}}  {caught:<56}  {without}" for fault, caught, without in rows]
    lines += [f"not applicable: {name}, since it is {why}" for name, why in ELSEWHERE.items()]
    own = sum(caught != "NOTHING" for _, caught, _ in rows)
    false = sum(count for _, count in alarms)
    names = ", ".join(name for name, _ in alarms) or "none"
    lines.append(f"{len(rows)} faults seeded, {own} caught by their own check.")
    lines.append(f"{false} false alarms on {len(alarms)} good images: {names}.")
    if not terminalreporter.config.getoption("--whole-matrix"):
        left_out = [fault["fault"] for fault in FAULTS if not by_default(fault)]
        images = ", ".join(kind for kind in GOOD if kind not in ON_ANY_RUN)
        lines.append(
            f"--whole-matrix tries {len(FAULTS) + len(WRONG)} faults, shows each to all checks of its "
            f"group, and adds the good images {images}. Not tried here: {', '.join(left_out)}."
        )
    terminalreporter.section("faults that the contract catches")
    for line in lines:
        terminalreporter.write_line(line)
    folder = Path(terminalreporter.config.rootpath) / "build" / "contract"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "faults.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
