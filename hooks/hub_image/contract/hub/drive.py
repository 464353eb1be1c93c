"""Use the hub as people do, and print each thing that was seen as a line of JSON. Runs in the hub's container.

What it sees is judged elsewhere (on_hub.py); here nothing passes or fails.
"""

import asyncio
import base64
import hashlib
import html
import io
import json
import os
import re
import shlex
import sys
import time
import uuid
import zipfile
import zlib
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlencode

from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import websocket_connect

HUB = "127.0.0.1:8000"
HEADERS = {"Authorization": f"token {os.environ['TOKEN']}"}
HOMES = Path("/homes")
OTHER_HOMES = ("poisoned", "old", "full")
UID, GID = 1000, 100
PYTHONS = [f"3.{minor}" for minor in range(8, 17)]
POLL = 0.05  # seconds


def say(**seen):
    """Print what was seen, by its name."""
    print(json.dumps(seen), flush=True)


async def request(method, path, body=None, timeout=60, **options):
    """Ask the proxy; returns the response whatever its status."""
    return await AsyncHTTPClient().fetch(
        HTTPRequest(
            f"http://{HUB}{path}",
            method=method,
            headers=HEADERS,
            body=None if method in ("GET", "HEAD", "DELETE") else json.dumps(body or {}),
            request_timeout=timeout,
            **options,
        ),
        raise_error=False,
    )


async def start(user):
    """Start a user's server; returns what became of it, with what it wrote until then."""
    logs = {ready: Path(f"/tmp/{user}.{name}") for ready, name in ((True, "up"), (False, "end"))}
    for log in logs.values():
        log.unlink(missing_ok=True)
    began = time.monotonic()
    await request("POST", f"/hub/api/users/{user}")
    await request("POST", f"/hub/api/users/{user}/server", timeout=600)
    while True:
        seen = json.loads((await request("GET", f"/hub/api/users/{user}")).body)
        server = (seen.get("servers") or {}).get("")
        if not server or server["ready"]:
            break
        await asyncio.sleep(POLL)
    seen = {"ready": bool(server), "seconds": round(time.monotonic() - began, 1), "log": ""}
    for _ in range(80):  # of one that ended it comes a moment later, see jupyterhub_config.py
        if logs[seen["ready"]].exists():
            seen["log"] = logs[seen["ready"]].read_text(errors="replace")
            break
        await asyncio.sleep(0.25)
    return seen


async def stop(user):
    """Stop a user's server and wait until it is gone."""
    await request("DELETE", f"/hub/api/users/{user}/server", timeout=120)
    while json.loads((await request("GET", f"/hub/api/users/{user}")).body).get("servers"):
        await asyncio.sleep(POLL)


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
"$(pip --version 2>/dev/null)" "$(type -t conda)"; \
for name in {}; do printf '<<%s>>' "$(command -v "$name")"; done; printf '<<%s>>' end"""


async def terminal(user, programs):
    """What the shell of JupyterLab's terminal finds; opened through the server, as people open it."""
    answer = await request("POST", f"/user/{user}/api/terminals")
    if answer.code != 200:
        return {"error": answer.code}
    name = json.loads(answer.body)["name"]
    url = f"ws://{HUB}/user/{user}/terminals/websocket/{name}"
    socket = await websocket_connect(HTTPRequest(url, headers=HEADERS))
    look_around = LOOK_AROUND.format(" ".join(map(shlex.quote, programs)))
    await socket.write_message(json.dumps(["stdin", look_around + "\r"]))
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
    return dict(zip(("python", "pip", "conda", *programs), found, strict=False))


def programs_of(kernelspecs):
    """The programs beside python and pip that who works with these kernels types in a terminal."""
    wanted = dict.fromkeys(("git", "jupyter"))
    for spec in kernelspecs.values():
        program = spec["spec"]["argv"][0]
        wanted[{"R": "R", "julia": "julia"}.get(spec["spec"]["language"], program)] = None
    return [name for name in wanted if name != "python"]


def serve_course():
    """Serve a git repository with one notebook; returns its address in the hub's network.

    By git's oldest protocol, for which files are enough: https://git-scm.com/docs/http-protocol, "dumb clients".
    """
    root = Path("/tmp/git/course.git")

    def add(kind, content):
        data = f"{kind} {len(content)}\0".encode() + content
        name = hashlib.sha1(data).hexdigest()
        file = root / "objects" / name[:2] / name[2:]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(zlib.compress(data))
        return name

    blob = add("blob", json.dumps(NOTEBOOK).encode())
    tree = add("tree", b"100644 hello.ipynb\0" + bytes.fromhex(blob))
    who = "Nobody <nobody@example.org> 0 +0000"
    commit = add("commit", f"tree {tree}\nauthor {who}\ncommitter {who}\n\nA course\n".encode())
    (root / "info").mkdir(exist_ok=True)
    (root / "info/refs").write_text(f"{commit}\trefs/heads/main\n")
    (root / "HEAD").write_text("ref: refs/heads/main\n")

    class Quiet(SimpleHTTPRequestHandler):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, directory=root.parent, **options)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("", 0), Quiet)
    Thread(target=server.serve_forever, daemon=True).start()
    return f"http://hub:{server.server_port}/{root.name}"


async def pull_course(user):
    """Follow a link of nbgitpuller as a browser does; returns what came of each step."""
    base = f"/user/{user}"
    link = {"repo": serve_course(), "branch": "main", "depth": 0, "targetpath": "course"}
    opens = urlencode(link | {"urlpath": "lab/tree/course/hello.ipynb"})
    page = await request("GET", f"{base}/git-pull?{opens}")
    seen = {"page": page.code, "said": "", "notebook": 0, "opened": 0}
    if page.code != 200:
        return seen
    # The page itself asks this address, and shows what arrives.
    pulled = await request("GET", f"{base}/git-pull/api?{urlencode(link)}", timeout=120)
    events = [
        json.loads(line.partition(":")[2])
        for line in (pulled.body or b"").decode(errors="replace").splitlines()
        if line.startswith("data:")
    ]
    last = events[-1] if events else {"phase": "error", "message": f"error {pulled.code}"}
    if last["phase"] != "finished":
        lines = "".join(event.get("output", "") for event in events[:-1]).splitlines()
        told = [line for line in lines if re.match("fatal|error", line)]
        seen["said"] = (told or [last.get("message") or last["phase"]])[-1]
        return seen
    notebook = await request("GET", f"{base}/api/contents/course/hello.ipynb")
    opened = await request("GET", f"{base}/lab/tree/course/hello.ipynb")
    return seen | {"notebook": notebook.code, "opened": opened.code}


async def export(user, path):
    """What the menu *Save and Export* offers, each with how it ended: a status and the page's reason."""
    offered = await request("GET", f"/user/{user}/api/nbconvert")
    formats = json.loads(offered.body) if offered.code == 200 else {}
    if not formats:
        return {"html": [404, f"the server lists no formats, with code {offered.code}"]}
    seen = {}
    for name in formats:
        if name not in NOT_IN_THE_MENU:
            url = f"/user/{user}/nbconvert/{name}/{path}?download=true"
            answer = await request("GET", url, timeout=120)
            reason = ""
            if answer.code != 200:
                page = html.unescape((answer.body or b"").decode(errors="replace"))
                told = re.search(r"(?:nbconvert failed|Could not \w+ \w+): ([^\n<]+)", page)
                reason = told[1] if told else f"error {answer.code}"
            seen[name] = [answer.code, reason]
    return seen


async def lab(user):
    """JupyterLab's page, as far as it shows without a browser: its parts, and what it asks people."""
    base = f"/user/{user}"
    page = await request("GET", f"{base}/lab")
    text = (page.body or b"").decode(errors="replace")
    found = re.search(r'<script[^>]*id="jupyter-config-data"[^>]*>(.*?)</script>', text, re.DOTALL)
    if page.code != 200 or not found:
        return {"status": page.code, "config": {}, "missing": {}, "news": None}
    config = json.loads(found[1])
    wanted = dict.fromkeys(re.findall(r'<script[^>]*src="([^"]+)"', text), "JupyterLab")
    for extension in config.get("federated_extensions", []):
        if extension["name"] in config.get("disabledExtensions", []):  # that does no harm
            continue
        url = f"{config['fullLabextensionsUrl']}/{extension['name']}/{extension['load']}"
        wanted[url] = extension["name"]
    answers = await asyncio.gather(*(request("HEAD", url) for url in wanted))
    missing = {
        name: answer.code
        for name, answer in zip(wanted.values(), answers, strict=True)
        if answer.code != 200
    }
    setting = await request("GET", f"{base}/lab/api/settings/{NEWS}:notification")
    schema = json.loads(setting.body)["schema"]["properties"] if setting.code == 200 else {}
    news = {
        "asks": schema.get("fetchNews", {}).get("default"),
        "disabled": config.get("disabledExtensions", []),
        "off": (config.get("news") or {}).get("disabled", False),
    }
    return {"status": 200, "missing": missing, "news": news}


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


NOTEBOOK = {
    "cells": [
        {"cell_type": "markdown", "source": "# Probe", "metadata": {}},
        {
            "cell_type": "code",
            "source": "print(6 * 7)",
            "metadata": {},
            "outputs": [],
            "execution_count": None,
        },
    ],
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    "nbformat": 4,
    "nbformat_minor": 4,
}
# https://github.com/jupyterlab/jupyterlab/blob/main/packages/notebook-extension/src/index.ts, FORMAT_EXCLUDE
NOT_IN_THE_MENU = ("notebook", "python", "custom")
NEWS = "@jupyterlab/apputils-extension"

PREFIX = "import sys; print(sys.prefix)"
PIP = "%pip --version"
PULLER = "from importlib.metadata import version; print(version('nbgitpuller'))"
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
    """What homes on a hub look like: old packages, old settings, no space left; and one with all of it."""
    for home in ("poisoned", "all"):
        for python in PYTHONS:
            folder = f".local/lib/python{python}/site-packages/jupyter_server"
            write(home, f"{folder}/__init__.py", "raise ImportError('an old jupyter_server')\n")
    kernel = {"argv": ["/gone/bin/python", "-m", "ipykernel", "-f", "{connection_file}"]}
    kernel.update(display_name="Python 3", language="python")
    for home in ("old", "all"):
        write(home, ".local/share/jupyter/kernels/python3/kernel.json", json.dumps(kernel))
        extensions = {"NotebookApp": {"nbserver_extensions": {"gone": True}, "port": 9999}}
        write(home, ".jupyter/jupyter_notebook_config.json", json.dumps(extensions))
        extensions = {"ServerApp": {"jpserver_extensions": {"gone": True}, "port": 9999}}
        write(home, ".jupyter/jupyter_server_config.json", json.dumps(extensions))
    for home in ("full", "all"):
        # Who has filled the home has worked in it; these two each program writes once, and ends where it cannot:
        # IPython's first kernel, and the first server after it, https://github.com/jupyter/jupyter_core/blob/main/jupyter_core/migrate.py
        write(home, ".ipython/profile_default/startup/README", "IPython's\n")
        write(home, ".jupyter/migrated", "2020-01-01T00:00:00\n")
        try:
            with open(HOMES / home / "data.bin", "wb", buffering=0) as file:
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


async def other_homes():
    """What becomes of each such home. Whoever works in the one with all of it works in each of the three.

    Only where that fails does each get a server of its own, which says what it was.
    """
    seen = await other_home("all")
    if seen.get("cell") == "42":
        return dict.fromkeys(OTHER_HOMES, seen)
    # On a computer with few processors more servers at once would only keep the first one waiting.
    turns = asyncio.Semaphore(max(1, (os.cpu_count() or 2) - 1))

    async def in_turn(home):
        async with turns:
            return home, await other_home(home)

    return dict(await asyncio.gather(*map(in_turn, OTHER_HOMES)))


async def offered(user):
    """The page of each program that the launcher offers, asked as JupyterLab asks.

    https://github.com/jupyterhub/jupyter-server-proxy/blob/main/jupyter_server_proxy/api.py
    """
    answer = await request("GET", f"/user/{user}/server-proxy/servers-info")
    if answer.code != 200:
        return {}
    found = {
        entry["name"]: entry["launcher_entry"]
        for entry in json.loads(answer.body)["server_processes"]
    }
    # Older ones do not say the path.
    return {
        name: "/" + entry.get("path_info", f"{name}/")
        for name, entry in found.items()
        if entry["enabled"]
    }


async def visit(user, interfaces, asked):
    """Open each interface; returns how that ended and how long it took to start.

    `asked`: whether the repository asked for them, so that a desktop is the one that we know.
    """
    seen = {}
    for name, page in interfaces.items():
        began = time.monotonic()
        answer = await request("GET", f"/user/{user}{page}", timeout=150)
        seen[name] = {"status": answer.code}
        if name == "desktop" and asked:
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


async def notebook(user, checks):
    """Save a notebook, open it, run it and more in its kernel, and export it."""
    base = f"/user/{user}"
    body = {"type": "notebook", "content": NOTEBOOK}
    saved = await request("PUT", f"{base}/api/contents/probe.ipynb", body)
    opened = await request("GET", f"{base}/api/contents/probe.ipynb")
    path, code = None, ""
    if opened.code == 200:
        path = "probe.ipynb"
        code = json.loads(opened.body)["content"]["cells"][1]["source"]
    more = {"prefix": PREFIX, "pip": PIP} if "C9" in checks else {}
    more |= {"nbgitpuller": PULLER} if "C19" in checks else {}
    run = {"notebook": code, "note": WRITE_NOTE if path else ""} | more | {"python": INSTALL_PYTHON}

    async def in_kernel():
        said = await cells(user, *run.values(), notebook=path)
        found = dict(zip(run, said, strict=True))
        installed = found.pop("python")
        say(saved=saved.code, **found)
        return installed

    async def exports():
        if "C36" in checks:
            say(exports=await export(user, path) if path else {})

    installed, _ = await asyncio.gather(in_kernel(), exports())
    return installed


async def day(user, pages, interfaces, checks):
    """The day of a user whose server runs: see pages, run a notebook, install, stop, come back."""
    base = f"/user/{user}"
    answer = await request("GET", f"{base}/api/kernelspecs")
    specs = json.loads(answer.body)["kernelspecs"]
    asked = interfaces is not None
    if not asked:
        interfaces = await offered(user)
    pages = dict.fromkeys([*pages, *interfaces.values()])
    r = [name for name, spec in specs.items() if spec["spec"]["language"] == "R"][-1:]

    async def look():
        visited, opened = await visit(user, interfaces, asked), {}
        for page in pages:
            answer = await request("GET", f"{base}{page}")
            opened[page] = [answer.code, answer.effective_url.partition(base)[2]]
        say(interfaces=visited, pages=opened)

    async def in_r(code):
        return {"R": (await cells(user, code, name=r[0]))[0]} if r else {}

    async def install():
        python, others = await asyncio.gather(notebook(user, checks), in_r(INSTALL_R))
        say(install={"Python": python} | others)

    async def asked_for(numbers, name, probe):
        if checks & numbers:
            say(**{name: await probe(user)})

    await asyncio.gather(
        look(),
        install(),
        asked_for({"C9"}, "terminal", partial(terminal, programs=programs_of(specs))),
        asked_for({"C19"}, "course", pull_course),
        asked_for({"C35", "C37"}, "lab", lab),
    )
    await stop(user)
    again = await start(user)
    say(again=again)
    if again["ready"]:
        visited, [left, kept], left_in_r = await asyncio.gather(
            visit(user, interfaces, asked), cells(user, FIND_PYTHON, READ_NOTE), in_r(FIND_R)
        )
        say(interfaces_again=visited, left={"Python": left} | left_in_r, kept=kept)


async def main():
    wanted = json.loads(sys.argv[1])
    prepare_homes()
    for _ in range(1200):
        try:  # first the hub itself: the proxy makes an error page of each question before
            (await asyncio.open_connection("127.0.0.1", 8081))[1].close()
            if (await request("GET", "/hub/api/")).code == 200:
                break
        except OSError:
            pass
        await asyncio.sleep(POLL)

    first = await start("empty")
    say(first=first)
    if not first["ready"]:  # then the others would only wait as long
        return
    checks = set(wanted["checks"])

    async def homes():
        say(homes=await other_homes())

    await asyncio.gather(homes(), day("empty", wanted["pages"], wanted["interfaces"], checks))


asyncio.run(main())
