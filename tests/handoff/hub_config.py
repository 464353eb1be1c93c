"""A real JupyterHub with a real KubeSpawner, for the page on which people choose.

Stand-ins: Kubernetes, so a server never starts, but the image that would start is written down; the
proxy, so browsers ask the hub itself.
"""

import os
from pathlib import Path
from unittest import mock

import kubespawner.spawner
import yaml
from jupyterhub.proxy import Proxy
from jupyterhub_fancy_profiles import setup_ui

kubespawner.spawner.load_config = mock.Mock()
kubespawner.spawner.shared_client = mock.Mock()
here = Path(os.environ["MENU"])


class NoProxy(Proxy):
    should_start = False

    async def get_all_routes(self):
        return {}

    async def add_route(self, routespec, target, data):
        pass

    async def delete_route(self, routespec):
        pass


class NoKubernetes(kubespawner.spawner.KubeSpawner):
    async def start(self):
        await self.load_user_options()
        (here / "started").write_text(self.image)
        raise RuntimeError("there is no Kubernetes here")

    async def poll(self):
        return 0

    async def stop(self, now=False):
        pass


c = get_config()  # noqa: F821
c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.spawner_class = NoKubernetes
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.hub_ip = "127.0.0.1"
c.JupyterHub.hub_port = int(os.environ["PORT"])
c.JupyterHub.db_url = "sqlite://"
c.JupyterHub.cookie_secret = os.urandom(32)
c.NoKubernetes.profile_list = yaml.safe_load((here / "menu.yaml").read_text())
setup_ui(c)
