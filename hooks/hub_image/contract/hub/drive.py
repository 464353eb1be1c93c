"""Use the hub as people do, and print what was seen as JSON. Runs in the hub's container.

What it sees is judged elsewhere (on_hub.py); here nothing passes or fails.
"""

import asyncio
import base64
import io
import json
import os
import re
import sys
import time
import uuid
import zipfile
from pathlib import Path

from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import websocket_connect

HUB = "127.0.0.1:8000"
HEADERS = {"Authorization": f"token {os.environ['TOKEN']}"}
HOMES = Path("/homes")
UID, GID = 1000, 100
PYTHONS = [f"3.{minor}" for minor in range(8, 17)]


async def request(method, path, body=None, timeout=60, **options):
    """Ask the proxy; returns the response whatever its status."""
    return await AsyncHTTPClient().fetch(
        HTTPRequest(
            f"http://{HUB}{path}",
            method=method,
            headers=HEADERS,
            body=None if method in ("GET", "DELETE") else json.dumps(body or {}),
            request_timeout=timeout,
            **options,
        ),
        raise_error=False,
    )


async def start(user):
    """Start a user's server; returns what became of it."""
    log = Path(f"/tmp/{user}.log")
    log.unlink(missing_ok=True)
    began = time.monotonic()
    await request("POST", f"/hub/api/users/{user}")
    await request("POST", f"/hub/api/users/{user}/server", timeout=600)
    while True:
        seen = json.loads((await request("GET", f"/hub/api/users/{user}")).body)
        server = (seen.get("servers") or {}).get("")
        if not server or server["ready"]:
            break
        await asyncio.sleep(0.25)
    seen = {"ready": bool(server), "seconds": round(time.monotonic() - began, 1), "log": ""}
    if not seen["ready"]:
        for _ in range(80):  # the hub keeps the log a moment later, when it removes the container
            if log.exists():
                seen["log"] = log.read_text(errors="replace")[-4000:]
                break
            await asyncio.sleep(0.25)
    return seen


async def stop(user):
    """Stop a user's server and wait until it is gone."""
    await request("DELETE", f"/hub/api/users/{user}/server", timeout=120)
    while json.loads((await request("GET", f"/hub/api/users/{user}")).body).get("servers"):
        await asyncio.sleep(0.25)


class Kernel:
    """A kernel of a user's server, reached through the proxy as a browser reaches it."""

    @classmethod
    async def start(cls, user, name, notebook=None):
        """Start a kernel, for a notebook or alone. Raises RuntimeError with the server's answer."""
        path, body = f"/user/{user}/api/kernels", {"name": name}
        if notebook:
            path = f"/user/{user}/api/sessions"
            body = {"path": notebook, "name": notebook, "type": "notebook", "kernel": body}
        answer = await request("POST", path, body, timeout=90)
        if answer.code != 201:
            raise RuntimeError(f"error {answer.code}: {answer.body.decode()[:300]}")
        found = json.loads(answer.body)
        self = cls()
        number = found["kernel"]["id"] if notebook else found["id"]
        url = f"ws://{HUB}/user/{user}/api/kernels/{number}/channels"
        self.socket = await websocket_connect(HTTPRequest(url, headers=HEADERS))
        return self

    async def run(self, code):
        """Run a cell; returns what it printed, errors included."""
        number = uuid.uuid4().hex
        header = {
            "msg_id": number,
            "msg_type": "execute_request",
            "username": "",
            "session": number,
            "version": "5.3",
            "date": "",
        }
        content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
        message = {"channel": "shell", "header": header, "parent_header": {}, "metadata": {}}
        await self.socket.write_message(json.dumps({**message, "content": content}))
        printed, seen = [], set()
        while seen < {"execute_reply", "idle"}:
            answer = await asyncio.wait_for(self.socket.read_message(), 120)
            if answer is None:
                raise RuntimeError("the connection to the kernel was closed")
            answer = json.loads(answer)
            if answer["parent_header"].get("msg_id") != number:
                continue
            kind, content = answer["msg_type"], answer["content"]
            if kind == "stream":
                printed.append(content["text"])
            elif kind == "error":
                printed.append(f"{content['ename']}: {content['evalue']}")
            elif kind == "execute_reply":
                seen.add(kind)
            elif kind == "status" and content["execution_state"] == "idle":
                seen.add("idle")
        return "".join(printed).strip()


async def cells(user, *codes, name="python3", notebook=None):
    """Run cells in one new kernel, or in a notebook's; what fails gives its error as text."""
    try:
        kernel = await Kernel.start(user, name, notebook)
    except Exception as error:
        return [f"{type(error).__name__}: {error}" for _ in codes]
    said = []
    for code in codes:
        try:
            said.append(await kernel.run(code))
        except Exception as error:
            said.append(f"{type(error).__name__}: {error}")
    return said


# What a terminal finds; the typed line comes back too, but its own <<%s>> holds no answer.
LOOK_AROUND = """printf '<<%s>>' "$(python -c 'import sys; print(sys.prefix)' 2>/dev/null)" \
"$(command -v pip)" "$(command -v git)" "$(command -v jupyter)" "$(type -t conda)" end"""


async def terminal(user):
    """What the shell of JupyterLab's terminal finds; opened through the server, as people open it."""
    answer = await request("POST", f"/user/{user}/api/terminals")
    if answer.code != 200:
        return {"error": answer.code}
    name = json.loads(answer.body)["name"]
    url = f"ws://{HUB}/user/{user}/terminals/websocket/{name}"
    socket = await websocket_connect(HTTPRequest(url, headers=HEADERS))
    await socket.write_message(json.dumps(["stdin", LOOK_AROUND + "\r"]))
    shown, found = "", []
    while found[-1:] != ["end"]:
        try:
            answer = await asyncio.wait_for(socket.read_message(), 60)
        except TimeoutError:
            break
        if answer is None:
            break
        kind, *content = json.loads(answer)
        shown += content[0] if kind == "stdout" else ""
        found = re.findall("<<([^%>]*)>>", shown)
    await request("DELETE", f"/user/{user}/api/terminals/{name}")
    return dict(zip(("python", "pip", "git", "jupyter", "conda"), found, strict=False))


def wheel():
    """A Python package of one line, as a wheel."""
    package, info = io.BytesIO(), "hub_image_probe-1.dist-info"
    with zipfile.ZipFile(package, "w") as file:
        file.writestr("hub_image_probe.py", "ANSWER = 42\n")
        file.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: hub-image-probe\nVersion: 1\n"
        )
        file.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr(
            f"{info}/RECORD",
            f"hub_image_probe.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n",
        )
    return base64.b64encode(package.getvalue()).decode()


PREFIX = "import sys; print(sys.prefix)"
WRITE_NOTE = "open('note.txt', 'w').write('kept'); print('written')"
READ_NOTE = "print(open('note.txt').read())"
# Without a network: the package is made on the spot.
INSTALL_PYTHON = f"""
import base64, importlib
with open("/tmp/hub_image_probe-1-py3-none-any.whl", "wb") as file:
    file.write(base64.b64decode("{wheel()}"))
%pip install --no-index --quiet --disable-pip-version-check /tmp/hub_image_probe-1-py3-none-any.whl
importlib.invalidate_caches()
import hub_image_probe
print(hub_image_probe.ANSWER)
"""
FIND_PYTHON = """
import importlib.util
print("still there" if importlib.util.find_spec("hub_image_probe") else "gone")
"""
INSTALL_R = """
folder <- file.path(tempdir(), "hubimageprobe")
dir.create(folder)
writeLines(c("Package: hubimageprobe", "Version: 1.0", "Title: Probe", "License: BSD_3_clause",
  "Description: A probe.", "Author: Nobody", "Maintainer: Nobody <nobody@example.org>"),
  file.path(folder, "DESCRIPTION"))
writeLines("", file.path(folder, "NAMESPACE"))
install.packages(folder, repos = NULL, type = "source", quiet = TRUE)
cat(if (requireNamespace("hubimageprobe", quietly = TRUE)) 42 else "not installed")
"""
FIND_R = 'cat(if (requireNamespace("hubimageprobe", quietly = TRUE)) "still there" else "gone")'


def write(home, path, text):
    """Write a file into a home."""
    file = HOMES / home / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def prepare_homes():
    """What homes on a hub look like: old packages, old settings, no space left."""
    for python in PYTHONS:
        folder = f".local/lib/python{python}/site-packages/jupyter_server"
        write("poisoned", f"{folder}/__init__.py", "raise ImportError('an old jupyter_server')\n")
    kernel = {"argv": ["/gone/bin/python", "-m", "ipykernel", "-f", "{connection_file}"]}
    kernel.update(display_name="Python 3", language="python")
    write("old", ".local/share/jupyter/kernels/python3/kernel.json", json.dumps(kernel))
    extensions = {"NotebookApp": {"nbserver_extensions": {"gone": True}, "port": 9999}}
    write("old", ".jupyter/jupyter_notebook_config.json", json.dumps(extensions))
    extensions = {"ServerApp": {"jpserver_extensions": {"gone": True}, "port": 9999}}
    write("old", ".jupyter/jupyter_server_config.json", json.dumps(extensions))
    try:
        with open(HOMES / "full" / "data.bin", "wb", buffering=0) as file:
            while True:
                file.write(bytes(512))
    except OSError:
        pass  # now it is full
    for path in (HOMES, *HOMES.rglob("*")):
        os.chown(path, UID, GID)


async def other_home(user):
    """Start a server with such a home and run a cell."""
    seen = await start(user)
    if seen["ready"]:
        [seen["cell"]] = await cells(user, "print(6 * 7)")
    return seen


async def visit(user, interfaces):
    """Open each interface; returns how that ended and how long it took to start."""
    seen = {}
    for name, page in interfaces.items():
        began = time.monotonic()
        answer = await request("GET", f"/user/{user}{page}", timeout=150)
        seen[name] = {"status": answer.code}
        if name == "desktop":
            seen[name]["screen"] = await screen(user)
        seen[name]["seconds"] = round(time.monotonic() - began, 1)
    return seen


async def screen(user):
    """The first words of the desktop's VNC server, as the page in the browser hears them."""
    url = f"ws://{HUB}/user/{user}/desktop-websockify/"
    try:
        wanted = HTTPRequest(url, headers=HEADERS, request_timeout=60)
        socket = await websocket_connect(wanted, subprotocols=["binary"])
        said = await asyncio.wait_for(socket.read_message(), 60)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return (said or b"").decode(errors="replace").strip()


async def day(user, pages, interfaces):
    """The day of a user whose server runs: see pages, run a notebook, install, stop, come back."""
    seen = {"interfaces": await visit(user, interfaces), "pages": {}, "notebook": "", "note": ""}
    base = f"/user/{user}"
    for page in pages:
        answer = await request("GET", f"{base}{page}")
        seen["pages"][page] = [answer.code, answer.effective_url.partition(base)[2]]
    notebook = {
        "cells": [{"cell_type": "code", "source": "print(6 * 7)", "metadata": {}, "outputs": []}],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        "nbformat": 4,
        "nbformat_minor": 4,
    }
    body = {"type": "notebook", "content": notebook}
    saved = await request("PUT", f"{base}/api/contents/probe.ipynb", body)
    seen["saved"] = saved.code
    opened = await request("GET", f"{base}/api/contents/probe.ipynb")
    if opened.code == 200:
        code = json.loads(opened.body)["content"]["cells"][0]["source"]
        said = await cells(user, code, WRITE_NOTE, notebook="probe.ipynb")
        seen["notebook"], seen["note"] = said
    [prefix] = await cells(user, PREFIX)
    seen["terminal"] = await terminal(user) | {"kernel": prefix}

    languages = {"Python": ("python3", INSTALL_PYTHON, FIND_PYTHON)}
    specs = json.loads((await request("GET", f"{base}/api/kernelspecs")).body)["kernelspecs"]
    for name, spec in specs.items():
        if spec["spec"]["language"] == "R":
            languages["R"] = (name, INSTALL_R, FIND_R)

    async def in_each(step):
        work = (cells(user, steps[step], name=kernel) for kernel, *steps in languages.values())
        return dict(zip(languages, [said for [said] in await asyncio.gather(*work)], strict=True))

    seen["install"] = await in_each(0)
    await stop(user)
    seen["again"] = await start(user)
    if seen["again"]["ready"]:
        seen["interfaces_again"] = await visit(user, interfaces)
        seen["left"] = await in_each(1)
        [seen["kept"]] = await cells(user, READ_NOTE)
    return seen


async def main():
    wanted = json.loads(sys.argv[1])
    prepare_homes()
    for _ in range(240):
        try:
            if (await request("GET", "/hub/api/")).code == 200:
                break
        except OSError:
            pass
        await asyncio.sleep(0.25)

    seen = {"first": await start("empty")}
    if seen["first"]["ready"]:  # else the others would only wait as long
        others = ("poisoned", "old", "full")
        seen["day"], *homes = await asyncio.gather(
            day("empty", wanted["pages"], wanted["interfaces"]), *map(other_home, others)
        )
        seen["homes"] = dict(zip(others, homes, strict=True))
    print(json.dumps(seen))


asyncio.run(main())
