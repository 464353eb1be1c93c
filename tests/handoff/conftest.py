"""Repositories to hand over."""

from __future__ import annotations

from pathlib import Path

import pytest

TAG = "0a1b2c3d4e5f"
HUB = "https://hub.example.org"
ANSWERS = {
    "ocean": {
        "title": "Ocean modelling",
        "description": "Models & maps: <b>not bold</b>, 海洋 🌊",
        "registry": "quay.io",
        "registry_owner": "ocean",
        "image_name": "ocean",
        "hub_url": HUB,
    },
    "maps": {
        "base": "rocker-geospatial",
        "languages": ["r"],
        "image_name": "maps",
        "title": "2026-10-01",
        "github_owner": "Ocean",
    },
    "rivers": {
        "start_from": "scratch",
        "package_manager": "pip",
        "image_name": "rivers",
        "registry": "docker.io",
        "registry_owner": "ocean",
    },
}
REFERENCES = {
    "ocean": f"quay.io/ocean/ocean:{TAG}",
    "maps": f"ghcr.io/ocean/maps:{TAG}",
    "rivers": f"docker.io/ocean/rivers:{TAG}",
}


@pytest.fixture(scope="session")
def repositories(render) -> dict[str, Path]:
    """Three communities' repositories, one environment each."""
    return {name: render(**answers) for name, answers in ANSWERS.items()}


@pytest.fixture
def menu():
    from .spawner import Menu  # slow to import

    return Menu


SMALLEST = {"start_from": "scratch", "package_manager": "pip"}


@pytest.fixture(scope="session")
def smallest(render) -> Path:
    """A repository whose image is built quickest: Debian with pip."""
    return render(**SMALLEST)


def pytest_terminal_summary(terminalreporter) -> None:
    """Print what packages for one session were seen to do, by flavour of image."""
    rows = [
        value
        for report in terminalreporter.stats.get("passed", [])
        if report.when == "call"
        for name, value in report.user_properties
        if name == "session"
    ]
    if rows:
        terminalreporter.section("packages for one session")
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)][:2]
        for flavour, typed, seen in sorted(rows):
            terminalreporter.write_line(f"{flavour:<{widths[0]}}  {typed:<{widths[1]}}  {seen}")
