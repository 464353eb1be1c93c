"""A KubeSpawner without Kubernetes, and repositories to hand over."""

from __future__ import annotations

import asyncio
from pathlib import Path
from unittest import mock

import kubespawner.spawner
import pytest
from jupyterhub.objects import Hub
from jupyterhub_fancy_profiles import setup_ui
from traitlets.config import Config

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


class Menu:
    """What a real KubeSpawner makes of a profile list.

    The stand-in is Kubernetes: its client is never asked, so nothing is proved about scheduling or
    about pulling the image.
    """

    def __init__(self, profile_list: list, fancy: bool = False) -> None:
        self.config = Config()
        # What a hub sets for every server: Zero to JupyterHub's user and group, 2i2c's folder and address.
        self.config.KubeSpawner = Config(
            uid=1000, fs_gid=100, working_dir="/home/jovyan", default_url="/tree"
        )
        if fancy:
            setup_ui(self.config)
        self.config.KubeSpawner.profile_list = profile_list

    def _spawner(self) -> kubespawner.spawner.KubeSpawner:
        user = mock.MagicMock(escaped_name="alice", url="/user/alice/", id=1)
        user.name = "alice"
        return kubespawner.spawner.KubeSpawner(_mock=True, config=self.config, hub=Hub(), user=user)

    def form(self) -> str:
        """The form that people see."""
        with _no_kubernetes():
            return asyncio.run(self._spawner().get_options_form())

    def pod(self, **fields: str) -> dict:
        """The container in the manifest of the pod that starts when the form is sent with these fields."""

        async def start() -> dict:
            spawner = self._spawner()
            spawner.user_options = spawner.options_from_form(
                {name: [value] for name, value in fields.items()}
            )
            await spawner.load_user_options()
            spawner.api_token = "stand-in"
            pod = (await spawner.get_pod_manifest()).to_dict()
            container = pod["spec"]["containers"][0]
            environment = {entry["name"]: entry.get("value") for entry in container["env"]}
            return {
                "image": container["image"],
                "working_dir": container["working_dir"],
                "default_url": environment["JUPYTERHUB_DEFAULT_URL"],
                "pull": container["image_pull_policy"],
                "resources": container["resources"],
            }

        with _no_kubernetes():
            return asyncio.run(start())


def _no_kubernetes():
    return mock.patch.multiple(
        kubespawner.spawner, load_config=mock.DEFAULT, shared_client=mock.DEFAULT
    )


@pytest.fixture
def menu() -> type[Menu]:
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
