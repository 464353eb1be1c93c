"""What happens on a real JupyterHub, with its proxy and DockerSpawner, in a container of its own.

The hub treats the image as hubs on Kubernetes do: see hub/jupyterhub_config.py. Inside that
container hub/drive.py behaves like users do and says what it saw; the checks below judge it.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import secrets
import subprocess
import tarfile
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from hub_image import catalog
from hub_image.contract import Failure, Group, NotApplicable, Target, Verdict, Warning
from hub_image.contract.groups.container import COLOURS
from hub_image.lists import packages
from hub_image.tools import docker

CHECKS = Group()

FILES = Path(__file__).parents[1] / "hub"
PORT = 8000
EXPORT = "https://nbconvert.readthedocs.io/en/latest/install.html"
RECIPE = "pandoc texlive-xetex texlive-latex-recommended texlive-fonts-recommended texlive-plain-generic lmodern"
# What the menu calls them: packages/notebook-extension/src/index.ts of JupyterLab; others by their name.
EXPORTS = {
    "html": "HTML",
    "latex": "LaTeX",
    "markdown": "Markdown",
    "pdf": "PDF",
    "rst": "ReStructured Text",
    "script": "Executable Script",
    "slides": "Reveal.js Slides",
}
# Who lists one of these packages wants these exports.
NEEDED_BY = {
    "pandoc": ("latex", "rst", "asciidoc"),
    "texlive-xetex": ("latex", "pdf"),
    "texlive-full": ("latex", "pdf"),
    "playwright": ("webpdf",),
    "pyqtwebengine": ("qtpdf", "qtpng"),
}
# How Jupyter Server, and Notebook 6 where a hub still asks for it, say that an extension does not load. One that is
# switched off is not loaded, and older servers complain about it all the same.
BROKEN = re.compile(
    r"(?P<name>\S+) \| (?:error adding extension(?: \(enabled: True\))?|error linking extension"
    r"|extension failed (?:load|start)ing with message): (?P<said>.*)"
    r"|Error loading server extension (?P<old>\S+)"
)
LOADED = re.compile(r"(\S+) \| extension was successfully loaded")
TRACEBACK = re.compile(
    r"^(?P<indent> *)Traceback \(most recent call last\):\n(?:(?P=indent) .*\n)*(?P=indent)(?P<error>\S.*)",
    re.MULTILINE,
)
PIP = re.compile(r" from (.*) \(python")
# The homes that drive.py prepares, with the options of their file systems: full is one of so many bytes.
HOMES = {"empty": (), "poisoned": (), "old": (), "full": ("size=64k",), "all": ("size=192k",)}
SPAWNER = "https://jupyterhub.readthedocs.io/en/stable/reference/spawners.html"
CUSTOMIZE = "https://docs.2i2c.org/user/environment/customize/"


def hub_image(version: str) -> str:
    """Build the image of the hub, unless it is here already, and return its name.

    Raises DockerError when that fails.
    """
    official = f"{catalog.load().images['hub'].image}:{version}"
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        for file in sorted(FILES.iterdir()):
            if file.is_file():
                tar.add(file, file.name, filter=_plain)
    # What it is made of is in the name: who finds it need not ask BuildKit.
    made_of = hashlib.sha256(context.getvalue()).hexdigest()[:12]
    name = f"hub-image/hub:{version}-{made_of}"
    if docker.call("image", "inspect", name).returncode == 0:
        return name
    # Those of earlier releases that nothing uses go, each nearly a gigabyte; a young one may be about to be used.
    label = f"hub-image.hub={version}"
    docker.call(
        "image", "prune", "--all", "--force", f"--filter=label={label}", "--filter=until=24h"
    )
    line = [
        "build",
        "--quiet",
        f"--build-arg=HUB={official}",
        f"--label={label}",
        f"--tag={name}",
        "-",
    ]
    built = docker.call(*line, input=context.getvalue(), text=None, errors=None)
    if built.returncode and b"already exists" in cast(bytes, built.stderr):
        # Another contract made it at the same moment; now it is found.
        built = docker.call(*line, input=context.getvalue(), text=None, errors=None)
    if built.returncode:
        log = cast(bytes, built.stderr).decode(errors="replace").strip().splitlines()
        raise docker.DockerError(
            f"the hub could not be made from {official}: {' '.join(log[-3:])}; "
            "is hub_version a version of JupyterHub, as in 5.4?"
        )
    return name


def _plain(file: tarfile.TarInfo) -> tarfile.TarInfo:
    """The same bytes on every computer, so that Docker finds what it built before."""
    file.uid = file.gid = file.mtime = 0
    file.uname = file.gname = ""
    file.mode = 0o644
    return file


def start(
    target: Target, session: docker.Session, *options: str, profile: dict[str, Any] | None = None
) -> str:
    """Start the hub for an image and return its container. Raises DockerError.

    With a profile the server starts as its entry in the hub's menu says, otherwise as by default.
    """
    network = session.beside(docker.output, "network", "create", session.label, session.id)
    image = session.beside(hub_image, target.hub_version)
    socket = docker.socket()
    network.result()
    settings = {
        "IMAGE": target.reference,
        "SESSION": session.id,
        "TOKEN": secrets.token_hex(16),
        "CONFIGPROXY_AUTH_TOKEN": secrets.token_hex(16),
        "DEFAULT_URL": target.default_url,
        "START_TIMEOUT": str(target.start_timeout),
        "PROFILE": json.dumps(profile or {}, default=str),  # YAML has dates
    }
    return session.start(
        f"--network={session.id}",
        "--network-alias=hub",
        f"--volume={socket}:/var/run/docker.sock",
        *(f"--env={name}={value}" for name, value in settings.items()),
        *options,
        image.result(),
    )


class Day:
    """What the users of a hub saw. One hub, some users: see drive.py.

    A check asks for a thing by its name and waits until it was seen. `checks` are the numbers of those that will ask:
    what nobody asks for is not tried.
    """

    def __init__(
        self, target: Target, session: docker.Session, checks: Iterable[str] | None = None
    ) -> None:
        self.target = target
        self._seen: dict[str, Any] = {}
        self._ended: str | None = None  # what went wrong, empty when nothing did
        self._news = threading.Condition()
        volumes = (
            session.volume(home, f"/homes/{home}", options) for home, options in HOMES.items()
        )
        profile = {"display_name": "", "kubespawner_override": target.override}
        hub = start(target, session, *volumes, profile=profile if target.override else None)
        numbers = {check.number for check in CHECKS} if checks is None else set(checks)
        wanted = {
            "pages": [target.first_page, "/lab", "/tree"],
            "interfaces": self.interfaces(target),
            "checks": sorted(numbers),
        }
        session.beside(self._listen, hub, json.dumps(wanted))

    def _listen(self, hub: str, wanted: str) -> None:
        """Take what drive.py prints, until it ends."""
        ended = "it was stopped"
        try:
            line = ("exec", hub, "python3", "/srv/jupyterhub/drive.py", wanted)
            with docker.running(*line, stderr=subprocess.PIPE) as process:
                for seen in process.stdout or ():
                    with self._news:
                        self._seen |= json.loads(seen)
                        self._news.notify_all()
                said = process.stderr.read().strip() if process.stderr else ""
            log = docker.call("logs", "--tail=5", hub).stderr.strip() if process.returncode else ""
            ended = f"{said[-500:]} {log[-500:]}".strip() if process.returncode else ""
        finally:
            with self._news:
                self._ended = ended
                self._news.notify_all()

    def __getitem__(self, name: str) -> Any:
        """What was seen under a name, as soon as it was. Raises NotApplicable without a server, DockerError without a hub."""
        with self._news:
            self._news.wait_for(lambda: name in self._seen or self._ended is not None)
            if name in self._seen:
                return self._seen[name]
            if self._ended:
                raise docker.DockerError(f"the hub stopped: {self._ended}")
            if self._seen["first"]["ready"]:
                raise KeyError(name)
            raise NotApplicable("the server did not start")

    @staticmethod
    def interfaces(target: Target) -> dict[str, str] | None:
        """The page of each interface that the repository chose; None where the image is asked for its own."""
        known = catalog.load().interfaces
        if target.interfaces is None:
            return None
        return {
            name: (known[name].url if name in known else f"/{name}") + "/"
            for name in target.interfaces
        }


def _reason(log: str) -> str:
    """The line of a server's log that says most."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    telling = [
        line for line in lines if re.search(r"error|denied|no space|not found|no such", line, re.I)
    ]
    return (telling or lines or ["it wrote nothing"])[-1][:300]


@CHECKS.check(
    "C10",
    "a server starts",
    why="The hub waits until the server answers through its proxy, and gives up otherwise.",
    source=SPAWNER,
    fix="The sentence above is the server's last word; the other checks often say why.",
    headline="Server",
)
def server(hub: Day) -> str:
    first = hub["first"]
    if not first["ready"]:
        raise Failure(f"no server after {first['seconds']} s: {_reason(first['log'])}")
    return f"ready after {first['seconds']} s"


def _home(kind: str, hub: Day) -> str:
    seen = hub["homes"][kind]
    if not seen["ready"]:
        raise Failure(f"no server: {_reason(seen['log'])}")
    if seen["cell"] != "42":
        raise Failure(f"the server starts, but a notebook says: {seen['cell'][-300:]}")
    return f"ready after {seen['seconds']} s"


@CHECKS.check(
    "C15",
    "a server starts in a home that was used before",
    why="Start scripts often work once, and fail where their files are already there.",
    source="https://github.com/2i2c-org/jupyterhub-home-nfs/issues/33",
    fix="Let the start script work a second time: `mkdir -p`, `ln -sfn`.",
)
def used_home(hub: Day) -> str:
    again = hub["again"]
    if not again["ready"]:
        raise Failure(f"no server the second time: {_reason(again['log'])}")
    return f"ready after {again['seconds']} s"


@CHECKS.check(
    "C15",
    "a server starts in a home with broken packages",
    why="`pip install --user` leaves packages in the home that go before the image's own, for ever.",
    source=CUSTOMIZE,
    fix="Set ENV PYTHONNOUSERSITE=1.",
)
def poisoned_home(hub: Day) -> str:
    return _home("poisoned", hub)


@CHECKS.check(
    "C15",
    "a server starts in a home with old settings",
    why="Homes outlive images: an old kernel or an old setting must not go before the image's own.",
    source="https://docs.jupyter.org/en/latest/use/jupyter-directories.html",
    fix="Set ENV JUPYTER_PREFER_ENV_PATH=1.",
)
def old_home(hub: Day) -> str:
    return _home("old", hub)


@CHECKS.check(
    "C15",
    "a server starts in a full home",
    why="Who has filled the home needs a server to make space in it.",
    source="https://github.com/2i2c-org/jupyterhub-home-nfs/issues/33",
    fix="Let the start script go on where it cannot write.",
)
def full_home(hub: Day) -> str:
    return _home("full", hub)


@CHECKS.check(
    "C15",
    "people's files are kept",
    why="The home is where people keep their work.",
    source=CUSTOMIZE,
    fix="Take out of the start script what changes or removes files in the home.",
)
def kept(hub: Day) -> None:
    if hub["note"] != "written":
        raise NotApplicable("no cell ran, so no file was written")
    if not hub["again"]["ready"]:
        raise NotApplicable("the server did not start again")
    if hub["kept"] != "kept":
        raise Failure(f"a file was gone after a restart: {hub['kept'][-200:]}")


@CHECKS.check(
    "C11",
    "a notebook runs",
    why="It is what people come for, and what the hub's own test does before a change goes live.",
    source="https://github.com/2i2c-org/infrastructure/tree/main/src/deployer/health_check_tests",
    fix="Look into Jupyter's settings in the image: kernels alone work, but not from the server.",
)
def notebook(hub: Day) -> None:
    if hub["saved"] not in (200, 201):
        raise Failure(f"a notebook cannot be saved: error {hub['saved']}")
    if hub["notebook"] != "42":
        raise Failure(f"a notebook's cell says: {hub['notebook'][-300:] or 'nothing'}")


@CHECKS.check(
    "C9",
    "a terminal has the image's programs",
    why="JupyterLab's terminal is a login shell: /etc/profile may set PATH anew, and the image's "
    "own .bashrc is hidden.",
    source="https://github.com/jupyter-server/jupyter_server_terminals/blob/main/"
    "jupyter_server_terminals/app.py",
    fix="Give login shells the image's PATH, and conda's function, with a file in /etc/profile.d.",
)
def terminal(hub: Day) -> str:
    found = hub["terminal"]
    if "error" in found:
        raise NotApplicable(f"the server opens no terminal: error {found['error']}")
    prefix = hub["prefix"]
    if found.get("python") != prefix:
        said = found.get("python") or "nothing"
        raise Failure(f"python in a terminal belongs to {said}, in a notebook to {prefix}")
    for name, path in found.items():
        if not path and name != "conda":
            raise Failure(f"a terminal does not find {name}")
    if found.get("conda") == "file":
        raise Warning("`conda activate` does not work in a terminal")
    return str(prefix)


@CHECKS.check(
    "C9",
    "pip in a terminal is the notebook's",
    why="What people install in a terminal they want to import in a notebook.",
    source="https://ipython.readthedocs.io/en/stable/interactive/magics.html#magic-pip",
    fix="Remove the other pip, or put the folder of Jupyter's Python before it in PATH.",
)
def same_pip(hub: Day) -> str:
    shell = hub["terminal"]
    if shell.get("python") != hub["prefix"] or not shell.get("pip"):
        raise NotApplicable("a terminal does not find the notebook's Python, or no pip")
    here, there = (PIP.search(said) for said in (shell["pip"], hub["pip"]))
    if not there:
        raise Failure(f"`%pip` does not run in a notebook: {hub['pip'][-200:] or 'no answer'}")
    if not here or here[1] != there[1]:
        raise Failure(
            f"`pip` in a terminal is {here[1] if here else shell['pip']}, `%pip` is {there[1]}"
        )
    return here[1]


@CHECKS.check(
    "C35",
    "every server extension loads",
    why="An extension that does not load is missing without a word: its pages end in error 404 and its buttons do "
    "nothing.",
    source="https://github.com/jupyter-server/jupyter_server/blob/main/jupyter_server/extension/manager.py",
    fix="Install what it asks for, in a version that fits this Jupyter Server; or switch it off with "
    "`jupyter server extension disable --sys-prefix NAME`.",
)
def server_extensions(hub: Day) -> str:
    first = hub["first"]
    if not first["ready"]:
        raise NotApplicable("the server did not start")
    log = first["log"]
    if broken := broken_extensions(log):
        raise Failure("; ".join(f"{name} does not load: {said}" for name, said in broken.items()))
    if found := TRACEBACK.search(log):
        raise Warning(f"the server starts with an error in its log: {found['error'][:300]}")
    return f"{len(set(LOADED.findall(log)))} extensions"


def broken_extensions(log: str) -> dict[str, str]:
    """Each extension of which a server's log says that it does not load, with the reason."""
    return {
        found["name"] or found["old"]: (found["said"] or "see the server's log").strip()[:300]
        for found in BROKEN.finditer(log)
    }


@CHECKS.check(
    "C35",
    "JupyterLab's page has all its parts",
    why="Where the server does not give JupyterLab's own files, the page stays empty; where it does not give an "
    "extension's, that extension is missing.",
    source="https://jupyterlab.readthedocs.io/en/stable/extension/extension_dev.html#prebuilt-extensions",
    fix="Install the package of that part again, and copy or remove nothing below share/jupyter by hand.",
)
def lab_page(hub: Day) -> None:
    seen = hub["lab"]
    if seen["status"] != 200:
        raise NotApplicable(f"/lab ends in error {seen['status']}")
    if missing := seen["missing"].items():
        raise Failure("; ".join(f"a file of {name} ends in error {code}" for name, code in missing))


@CHECKS.check(
    "C19",
    "links with course material work",
    why="nbgitpuller fetches what a link names. Hubs give such links to whole courses.",
    source="https://nbgitpuller.readthedocs.io/en/latest/install.html",
    fix="Install nbgitpuller and git, and leave the extension on; `jupyter server extension list` shows what fails.",
)
def course(hub: Day) -> str:
    seen, version = hub["course"], hub["nbgitpuller"].splitlines()[-1:]
    installed = bool(version and re.match(r"\d", version[0]))
    if seen["page"] == 404:
        if "nbgitpuller" in broken_extensions(hub["first"]["log"]):
            raise NotApplicable("nbgitpuller does not load, see C35")
        if not installed:
            raise Warning("nbgitpuller is not installed")
        raise Failure(
            f"nbgitpuller {version[0]} is installed but not on: /git-pull ends in error 404"
        )
    if seen["page"] != 200:
        raise Failure(f"/git-pull ends in error {seen['page']}")
    if seen["said"]:
        if hub["saved"] not in (200, 201):
            raise NotApplicable("nothing can be saved, see C11")
        raise Failure(f"a repository cannot be pulled: {seen['said'][:300]}")
    for what, name in (("notebook", "the pulled notebook"), ("opened", "its page in JupyterLab")):
        if seen[what] != 200:
            raise Failure(f"{name} ends in error {seen[what]}")
    return version[0] if installed else ""


@CHECKS.check(
    "C36",
    "a notebook is saved as a web page",
    why="It is what people hand in and show to others, and needs no program beside Jupyter's.",
    source=EXPORT,
    fix="Look into the server's log, and install the newest nbconvert with all that it asks for.",
)
def export_html(hub: Day) -> None:
    _exported(hub)
    status, reason = hub["exports"].get("html", (404, "the menu does not offer it"))
    if status != 200:
        raise Failure(f"File > Save and Export > HTML ends in an error: {reason}")


@CHECKS.check(
    "C36",
    "every export in the menu works",
    why="JupyterLab offers formats whether or not the image has their programs; the others end in an error page.",
    source=EXPORT,
    fix="For PDF, LaTeX, reST and Asciidoc take the lines for them in apt.txt, about 1 GB more: "
    + RECIPE,
)
def export_offered(hub: Day) -> str:
    return _working(hub, set(_exported(hub)) - {"html"} - _asked(hub.target), Warning)


@CHECKS.check(
    "C36",
    "the exports that the lists ask for work",
    why="Who lists Pandoc or TeX wants the exports that need them.",
    source=EXPORT,
    fix="A part of the recipe lacks: " + RECIPE,
)
def export_asked(hub: Day) -> str:
    asked = _asked(hub.target)
    if not asked:
        raise NotApplicable("no list names Pandoc, TeX, Playwright or PyQtWebEngine")
    return _working(hub, asked & set(_exported(hub)), Failure)


def _exported(hub: Day) -> dict[str, Any]:
    if not hub["exports"]:
        raise NotApplicable("no notebook was saved")
    return dict(hub["exports"])


def _working(hub: Day, formats: set[str], verdict: type[Verdict]) -> str:
    """The names of formats; raises the verdict with those that end in an error, gathered by their reason."""
    failed: dict[str, list[str]] = {}
    for name in sorted(formats):
        status, reason = hub["exports"][name]
        if status != 200:
            failed.setdefault(reason.rstrip("."), []).append(EXPORTS.get(name, name.capitalize()))
    if failed:
        told = (f"{', '.join(names)} ({reason[:200]})" for reason, names in failed.items())
        raise verdict(f"File > Save and Export ends in an error for {'; '.join(told)}")
    return ", ".join(EXPORTS.get(name, name.capitalize()) for name in sorted(formats))


def _asked(target: Target) -> set[str]:
    """The formats that need what the repository's lists name."""
    lists = packages.read(target.repository) if target.repository else []
    named = {entry.name.lower() for _, found in lists for entry in found.packages}
    return {
        export for package, exports in NEEDED_BY.items() if package in named for export in exports
    }


@CHECKS.check(
    "C37",
    "nobody is asked about Jupyter's news",
    why="JupyterLab asks each new user whether it may fetch news and look for updates, which on a hub nobody "
    "but the image's owner can install.",
    source="https://jupyterlab.readthedocs.io/en/stable/user/announcements.html",
    fix='Write {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false"}} into overrides.json.',
)
def news(hub: Day) -> str:
    seen = hub["lab"]["news"]
    if not seen or seen["asks"] is None:
        raise NotApplicable("this JupyterLab has no news")
    plugins = ("@jupyterlab/apputils-extension", "@jupyterlab/apputils-extension:announcements")
    if seen["off"] or set(plugins) & set(seen["disabled"]):
        return "switched off"
    if seen["asks"] == "none":
        raise Warning("JupyterLab asks everybody whether it may fetch news")
    return f"fetchNews: {seen['asks']}"


def _opens(hub: Day, page: str) -> str:
    status, landed = hub["pages"][page]
    if status != 200:
        raise Failure(f"{page} ends in error {status}")
    return str(landed)


@CHECKS.check(
    "C20",
    "the first page opens",
    why="The hub sends people to its default_url as soon as the server is ready.",
    source=SPAWNER,
    fix="Install what serves that page, or choose another default_url.",
)
def default_url(hub: Day) -> str:
    return _opens(hub, hub.target.first_page)


@CHECKS.check(
    "C20",
    "every interface opens",
    why="JupyterLab, the plain notebook and what the repository chose are what people are promised.",
    source="https://docs.2i2c.org/admin/howto/interfaces/",
    fix="Install the program and the package that proxies it, into Jupyter's environment.",
)
def interfaces(hub: Day) -> str:
    pages = [page for page in hub["pages"] if page != hub.target.first_page]
    for page in pages:
        _opens(hub, page)
    return ", ".join(pages)


def _cells(found: dict[str, str], wanted: str, sentence: str) -> str:
    for language, said in found.items():
        if said.splitlines()[-1:] != [wanted]:
            said = COLOURS.sub("", said).strip()
            raise Failure(f"{sentence.format(language)}: {said[:300] or 'no answer'}")
    return ", ".join(found)


@CHECKS.check(
    "C14",
    "packages can be installed for one session",
    why="People try a package before they ask for it.",
    source=CUSTOMIZE,
    fix="Give the environment's folders to user 1000, and leave out settings that send packages "
    "elsewhere, such as PIP_USER.",
)
def install(hub: Day) -> str:
    if hub["note"] != "written":
        raise NotApplicable("no cell runs")
    return _cells(hub["install"], "42", "an install in {} fails")


@CHECKS.check(
    "C14",
    "packages of one session are gone after it",
    why="What stays in the home breaks later images.",
    source=CUSTOMIZE,
    fix="Leave out settings that send packages into the home, such as PIP_USER, PIP_TARGET or "
    "R_LIBS_USER.",
)
def gone(hub: Day) -> str:
    if not hub["again"]["ready"]:
        raise NotApplicable("the server did not start again")
    installed = {key for key, said in hub["install"].items() if said.splitlines()[-1:] == ["42"]}
    left = {key: said for key, said in hub["left"].items() if key in installed}
    if not left:
        raise NotApplicable("nothing could be installed")
    return _cells(left, "gone", "a package of {} is still there")


def wait(hub: str) -> None:
    """Wait until a hub is up. Raises DockerError with its last words when it ends, or after a minute."""
    for _ in range(240):
        log = docker.call("logs", hub).stderr
        if "JupyterHub is now running" in log:
            return
        if not docker.call("ps", "--quiet", f"--filter=id={hub}").stdout.strip():
            break
        time.sleep(0.25)
    raise docker.DockerError(f"the hub did not start: {log.strip()[-500:]}")
