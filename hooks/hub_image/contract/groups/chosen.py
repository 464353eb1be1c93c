"""What a repository's answers add to its image: interfaces, Dask Gateway, graphics cards.

Two groups, because some of it shows in a container and some only on a hub. A check does not apply
where the answers did not ask.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable

from hub_image import catalog
from hub_image.contract import Failure, Group, NotApplicable, Target
from hub_image.contract.groups.container import Container
from hub_image.contract.groups.on_hub import Day
from hub_image.lists import packages
from hub_image.tools import docker

IN_CONTAINER = Group()
ON_HUB = Group()

EXTENSIONS = "vscode-extensions.txt"
# What is only in the step of the Dockerfile that brings an interface.
STEPS = {"rstudio": "rstudio.deb", "vscode": "/opt/code-server", "desktop": "xfce4"}
DESKTOP = ("vncserver", "startxfce4", "dbus-launch", "firefox")
# How each framework says which CUDA it is made for; nothing where it is made for none.
FRAMEWORKS = {
    "torch": "import torch; print(torch.version.cuda or '')",
    "tensorflow": "import tensorflow as t; print(t.sysconfig.get_build_info().get('cuda_version', ''))",
    # On PyPI a package of its own, in conda a build of jaxlib.
    "jax": "import glob, sys; from importlib.metadata import distributions as d; "
    "print(*(x.version for x in d() if x.metadata['Name'].startswith('jax-cuda')), "
    "*glob.glob(sys.prefix + '/conda-meta/jaxlib-*cuda*'))",
}
# Imports the module of each package, where it has one of its name or one alone, and prints its name before. Only a
# module that is not found, or a library that cannot be loaded, is a fault: others want a screen, a card or arguments.
IMPORT = r"""
import contextlib, importlib, importlib.metadata, io, re, sys
modules = {}
for module, names in importlib.metadata.packages_distributions().items():
    for name in names:
        modules.setdefault(re.sub("[-_.]+", "-", name).lower(), set()).add(module)
for name in sys.argv[1:]:
    found = {module for module in modules.get(name, ()) if module[0] != "_"}
    same = {module for module in found if module.lower().replace("_", "-") == name}
    for module in same or (found if len(found) == 1 else ()):
        print(f"{name} stops Python when it is imported", flush=True)
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                importlib.import_module(module)
        except ImportError as error:
            if "libcuda" not in str(error):
                print(f"{name} cannot be imported: {str(error).splitlines()[0]}")
                sys.exit()
        except BaseException:
            pass
print("done")
"""


def title(interface: str) -> str:
    """What people call an interface."""
    known = catalog.load().interfaces.get(interface)
    return known.title if known else interface


def sizes(target: Target, interfaces: Iterable[str]) -> dict[str, float]:
    """What each interface adds to the image in MB, of those that the image's own steps brought."""
    form = ["--no-trunc", "--human=false", "--format={{json .}}"]
    steps = [
        json.loads(line)
        for line in docker.call("history", *form, target.reference).stdout.splitlines()
    ]
    found = {}
    for name in interfaces:
        added = sum(
            int(step["Size"]) for step in steps if STEPS.get(name, name) in step["CreatedBy"]
        )
        if added:
            found[name] = added / 1e6
    return found


def _asked(target: Target, interface: str) -> None:
    if interface not in (target.interfaces or ()):
        raise NotApplicable(f"the repository did not ask for it: {title(interface)}")


@IN_CONTAINER.check(
    "C27",
    "the desktop has all its parts",
    why="The desktop is a chain of programs; one that lacks leaves an empty page.",
    source="https://github.com/jupyterhub/jupyter-remote-desktop-proxy",
    fix="Install the part that lacks; a Firefox from snap does not run in a container.",
)
def desktop(image: Container) -> None:
    _asked(image.target, "desktop")
    missing = [name for name in DESKTOP if image.exec("which", name).returncode]
    if missing:
        raise Failure(f"{missing[0]} is not on PATH")
    if "/snap/" in image.shell('head -c 2000 "$(readlink -f "$(command -v firefox)")"'):
        raise Failure("firefox is a snap")


@IN_CONTAINER.check(
    "C27",
    "the desktop knows its applications",
    why="The menu, and what a double click opens, come from folders that XDG_DATA_DIRS names; what "
    "stands in the image's home is hidden.",
    source="https://specifications.freedesktop.org/menu-spec/latest/",
    fix="Let XDG_DATA_DIRS name /usr/share and the environment's share folder, with ENV.",
)
def applications(image: Container) -> str:
    _asked(image.target, "desktop")
    if image.exec("which", "startxfce4").returncode:
        raise NotApplicable("there is no desktop")
    folders = image.shell("echo ${XDG_DATA_DIRS:-/usr/local/share:/usr/share}").split(":")
    for folder in ("/usr/share", f"{image.prefix}/share"):
        if folder not in folders:
            raise Failure(f"XDG_DATA_DIRS does not name {folder}")
    browser = image.shell("xdg-mime query default text/html")
    if not browser:
        raise Failure("no program opens a web page")
    return browser


@IN_CONTAINER.check(
    "C22",
    "VS Code has the extensions of the list",
    why="Extensions that are installed into the home are hidden on a hub.",
    source="https://github.com/StatCan/aaw/issues/1404",
    fix="Name a folder outside the home as extensions-dir in code-server's settings.",
)
def extensions(image: Container) -> str:
    _asked(image.target, "vscode")
    listed = image.exec("code-server", "--list-extensions")
    if listed.returncode:
        raise Failure("code-server does not run")
    lists = dict(packages.read(image.target.repository)) if image.target.repository else {}
    wanted = {entry.name for entry in lists[EXTENSIONS].packages} if EXTENSIONS in lists else set()
    missing = wanted - {line.strip().lower() for line in listed.stdout.splitlines()}
    if missing:
        raise Failure(f"{EXTENSIONS} names {min(missing)}, which VS Code does not find")
    return ", ".join(sorted(wanted))


@IN_CONTAINER.check(
    "C9",
    "a terminal in VS Code has the image's programs",
    why="VS Code takes its environment from a login shell, and its terminals are none; both read files of /etc "
    "that may set PATH anew.",
    source="https://code.visualstudio.com/docs/configure/command-line#_how-do-i-detect-when-a-shell-was-launched-by-vs-code",
    fix="Give both kinds of shell the image's PATH: with a file in /etc/profile.d, and in /etc/bash.bashrc.",
)
def vscode_terminal(image: Container) -> str:
    _asked(image.target, "vscode")
    look = "python -c 'import sys; print(sys.prefix)'; command -v pip; command -v git"
    for kind in ("-ic", "-lic"):
        python, *others = [*image.exec("bash", kind, look).stdout.splitlines(), ""]
        if python != image.prefix:
            raise Failure(
                f"python in a terminal belongs to {python or 'nothing'}, not to {image.prefix}"
            )
        if len(others) < 3:
            raise Failure("a terminal does not find pip or git")
    return image.prefix


@IN_CONTAINER.check(
    "C34",
    "what the lists name can be imported",
    why="A package whose own steps failed is installed all the same: conda's programs note it and go on.",
    source="https://github.com/mamba-org/mamba/blob/2.8.1/libmamba/src/core/link.cpp",
    fix="Import it in a terminal of the image; often a library lacks that apt.txt or environment.yml can bring.",
)
def imports(image: Container) -> str:
    lists = packages.read(image.target.repository) if image.target.repository else []
    named = {
        entry.name.lower().replace("_", "-")
        for _, found in lists
        for entry in found.packages
        if entry.manager in ("conda", "pip")
    }
    if not named:
        raise NotApplicable("no list names a Python package")
    *imported, last = image.ask(IMPORT, *sorted(named)).splitlines() or [""]
    if last != "done":
        raise Failure(last or "Python does not run")
    return f"{len(imported)} packages"


@IN_CONTAINER.check(
    "C34",
    "no package is there in two versions",
    why="Python then runs files of both, and says that it is one of them.",
    source="https://github.com/mamba-org/mamba/issues/4242",
    fix="Install the package with one program only, not with the base's mamba or conda in a script.",
)
def doubled(image: Container) -> None:
    # In one folder: where Python finds a package in two, it takes the first, which may be meant.
    times = Counter((entry.name, entry.folder) for entry in image.installed)
    if twice := sorted({name for (name, _), often in times.items() if often > 1}):
        raise Failure(f"there are two versions of {', '.join(twice)}")


@IN_CONTAINER.check(
    "C12",
    "the client of Dask Gateway is there",
    why="Without it nobody can ask the hub for workers.",
    source="https://gateway.dask.org/usage.html",
    fix="Take dask-gateway into the list of Python packages, or answer no to dask_gateway.",
)
def dask_gateway(image: Container) -> str:
    if not image.target.dask_gateway:
        raise NotApplicable("the repository's hub has no Dask Gateway")
    if "dask-gateway" not in image.packages:
        raise Failure("dask-gateway is not installed")
    return image.packages["dask-gateway"]


@IN_CONTAINER.check(
    "C31",
    "the frameworks are made for graphics cards",
    why="On a machine without a graphics card, as in CI, installers take builds that never use one.",
    source="https://docs.conda.io/projects/conda/en/stable/user-guide/tasks/manage-virtual.html",
    fix="Take the framework's own line out of the list, so that the base's build stays; or name a "
    "build for CUDA.",
)
def graphics(image: Container) -> str:
    if not image.target.cuda:
        raise NotApplicable("the base is not made for graphics cards")
    found = {}
    for framework, code in FRAMEWORKS.items():
        if framework in image.packages:
            found[framework] = image.ask(code).splitlines()[-1:]
            if not found[framework]:
                raise Failure(f"{framework} {image.packages[framework]} uses no graphics card")
    return ", ".join(f"{framework}: CUDA {said[0]}" for framework, said in found.items())


@ON_HUB.check(
    "C20",
    "interfaces open in a home that was used before",
    why="What an interface leaves in the home must not stop it the next time.",
    source="https://docs.2i2c.org/admin/howto/interfaces/",
    fix="Start it by hand on `hub-image hub` a second time and look into the server's log.",
    headline="Interfaces open",
)
def used_home(hub: Day) -> str:
    first = hub["interfaces"]
    if not first:
        by = "image offers no" if hub.target.interfaces is None else "repository did not ask for"
        raise NotApplicable(f"the {by} interfaces beside JupyterLab")
    if not hub["again"]["ready"]:
        raise NotApplicable("the server did not start again")
    again = hub["interfaces_again"]
    opened = {name: seen for name, seen in first.items() if seen["status"] == 200}
    for name in opened:
        if again[name]["status"] != 200:
            raise Failure(f"{title(name)} ends in error {again[name]['status']} the second time")
    added = sizes(hub.target, opened)
    return ", ".join(
        f"{title(name)} in {seen['seconds']} s"
        + (f", with {added[name]:.0f} MB" if name in added else "")
        for name, seen in opened.items()
    )


@ON_HUB.check(
    "C27",
    "the desktop shows its screen",
    why="The page of the desktop opens also where no desktop starts, and then stays empty.",
    source="https://github.com/jupyterhub/jupyter-remote-desktop-proxy",
    fix="Start `vncserver` in the image as its user and read what it says.",
)
def screen(hub: Day) -> str:
    _asked(hub.target, "desktop")
    said = hub["interfaces"]["desktop"]["screen"]
    if not said.startswith("RFB "):
        raise Failure(f"the screen does not answer: {said or 'nothing'}")
    return str(said)
