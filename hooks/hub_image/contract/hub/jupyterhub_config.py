# A hub that treats an image as hubs on Kubernetes do. https://jupyterhub.readthedocs.io
import asyncio
import io
import json
import os
import tarfile

from dockerspawner import DockerSpawner

SESSION = os.environ["SESSION"]
LABELS = {"hub-image.session": SESSION}
# Of the entry in the hub's menu what means something without Kubernetes.
PROFILE = json.loads(os.environ["PROFILE"])
OVERRIDE = PROFILE.get("kubespawner_override") or {}
HOMES = ("/home/jovyan", "/home/rstudio")
UID, GID = 1000, 100

# Hubs start servers through a script of their own and mount settings of their own.
WRAPPER = "/mnt/hub-image/start"
FILES = {
    WRAPPER: """#!/usr/bin/env python3
import os, sys
try:
    os.execvp(sys.argv[1], sys.argv[1:])
except OSError as error:
    sys.exit(f"{sys.argv[1]}: {error.strerror}")
""",
    "/usr/local/etc/ipython/ipython_kernel_config.json": json.dumps(
        {"HistoryManager": {"enabled": False}}
    ),
    "/usr/local/etc/jupyter/jupyter_server_config.json": json.dumps(
        {"MappingKernelManager": {"cull_idle_timeout": 3600}}
    ),
}


class LikeKubernetes(DockerSpawner):
    """DockerSpawner with what a pod has: mounted files, and empty homes that belong to the user."""

    async def start(self):
        """Keep the log until the server listens, and stop waiting when it has ended; the hub alone would wait on."""
        address = await super().start()
        while True:
            try:
                _, writer = await asyncio.open_connection(*address)
                writer.close()
                await self.keep_log("up")
                return address
            except OSError:
                if await self.poll() is not None:
                    raise RuntimeError("the server has ended") from None
                await asyncio.sleep(0.05)

    async def start_object(self):
        await self.docker("put_archive", self.container_id, "/", mounted())
        await super().start_object()

    async def run_post_stop_hook(self):
        """Remove one that has ended by itself, or that Docker could not start, too; the hub alone leaves it."""
        if await self.get_object():
            await self.remove_object()

    async def remove_object(self):
        """Keep the end of the log for whoever asks why a server did not start, and what Docker says of it."""
        found = await self.docker("inspect_container", self.container_id)
        await self.keep_log("end", found["State"]["Error"], tail=60)
        await super().remove_object()

    async def keep_log(self, name, more="", **options):
        """Write what the server has written where drive.py finds it."""
        log = await self.docker("logs", self.container_id, **options)
        path = f"/tmp/{self.user.name}.{name}"
        with open(f"{path}.part", "wb") as file:
            file.write(log + more.encode())
        os.rename(f"{path}.part", path)  # whoever finds it finds all of it


def mounted():
    """The files as a tar archive."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for home in HOMES:
            folder = tarfile.TarInfo(home)
            folder.type, folder.mode, folder.uid, folder.gid = tarfile.DIRTYPE, 0o755, UID, GID
            tar.addfile(folder)
        for path, text in FILES.items():
            file = tarfile.TarInfo(path)
            file.size, file.mode = len(text), 0o755
            tar.addfile(file, io.BytesIO(text.encode()))
    return archive.getvalue()


c = get_config()  # noqa: F821

c.JupyterHub.hub_ip = "0.0.0.0"
c.JupyterHub.hub_connect_ip = "hub"
c.JupyterHub.db_url = "sqlite:///:memory:"
c.JupyterHub.cookie_secret_file = "/tmp/cookie_secret"
# As on Kubernetes the proxy runs by itself, see the Dockerfile: the hub would wait for it second by second.
c.ConfigurableHTTPProxy.should_start = False
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.services = [{"name": "test", "api_token": os.environ["TOKEN"]}]
c.JupyterHub.load_roles = [
    {
        "name": "test",
        "scopes": ["admin:users", "admin:servers", "access:servers"],
        "services": ["test"],
    }
]

if PROFILE:
    c.JupyterHub.template_vars = {
        "announcement": f"{PROFILE['display_name']}: {os.environ['IMAGE']}"
    }

c.JupyterHub.spawner_class = LikeKubernetes
c.Spawner.cmd = [WRAPPER, "jupyterhub-singleuser"]
c.Spawner.default_url = os.environ["DEFAULT_URL"]
c.Spawner.start_timeout = c.Spawner.http_timeout = int(os.environ["START_TIMEOUT"])
c.Spawner.environment = {
    "SHELL": "/bin/bash",
    "JUPYTER_RUNTIME_DIR": "/tmp/.jupyter-runtime",
    "JUPYTER_IMAGE": os.environ["IMAGE"],
    "JUPYTER_IMAGE_SPEC": os.environ["IMAGE"],
    **(OVERRIDE.get("environment") or {}),
}
c.DockerSpawner.image = os.environ["IMAGE"]
c.DockerSpawner.pull_policy = "never"
c.DockerSpawner.network_name = SESSION
c.DockerSpawner.use_internal_ip = True
c.DockerSpawner.remove = True
c.DockerSpawner.name_template = f"{SESSION}-{{username}}"
# A volume that Docker fills from the image would hide what goes wrong with the empty one of a hub.
c.DockerSpawner.mounts = [
    {
        "type": "volume",
        "source": f"{SESSION}-{{username}}",
        "target": home,
        "no_copy": True,
        "labels": LABELS,
    }
    for home in HOMES
]
c.DockerSpawner.extra_create_kwargs = {
    "user": f"{UID}:{GID}",
    "working_dir": OVERRIDE.get("working_dir") or "/home/jovyan",
    "labels": LABELS,
}
c.DockerSpawner.extra_host_config = {
    "auto_remove": False,
    "security_opt": ["no-new-privileges"],
}
