"""A KubeSpawner without Kubernetes."""

from __future__ import annotations

import asyncio
from unittest import mock

import kubespawner.spawner
from jupyterhub.objects import Hub
from jupyterhub_fancy_profiles import setup_ui
from traitlets.config import Config


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
