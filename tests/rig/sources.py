"""Package sources that stand in for conda-forge, CRAN and Julia's package server.

Each is made once, of what PyPI and Debian have, and served under its public name by serve.py.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tarfile
from pathlib import Path

from . import engine
from .engine import CATALOG, HERE, SOURCES, STATE, SUITE

# Where rocker's images take CRAN from, and where the template does.
CRAN = (
    f"p3m.dev/cran/__linux__/{SUITE}/{CATALOG['cran']['date']}",
    f"{CATALOG['cran']['url'].removeprefix('https://')}/__linux__/{SUITE}/{CATALOG['cran']['date']}",
)

GENERAL = "23338594-aafe-5451-b93e-139f81909106"  # Julia's own registry


def make_conda(tools: str) -> None:
    """conda-forge: a channel made of Debian's Python and PyPI's wheels; see standins/conda.

    `tools` is the image that it is made in. Takes a minute; the catalog's pins are all in it.
    """
    work = _work("conda")
    pins = [f"{name}=={version}" for name, version in CATALOG["packages"].items()]
    pins.append(f"jupyterhub=={CATALOG['hub']}.*")
    variables = {"MAMBA": CATALOG["images"]["micromamba"]["tag"], "UV_CACHE_DIR": "/work/cache"}
    options = [f"--env={name}={value}" for name, value in variables.items()]
    options += [f"--volume={HERE}/standins/conda:/recipe:ro", f"--volume={work}:/work"]
    make = ["python", "/recipe/channel.py", "--requirements=/recipe/packages.txt", *pins]
    engine.check(["docker", "run", "--rm", *options, tools, *make])
    _publish(work / "channel", "conda.anaconda.org/conda-forge")
    shutil.rmtree(work)


def make_cran(_: str) -> None:
    """CRAN with binary packages for the stand-ins' system: those of Debian, in CRAN's layout."""
    work = _work("cran")
    contrib = work / "cran/src/contrib"
    contrib.mkdir(parents=True)
    lines = (HERE / "standins/cran/packages.txt").read_text().splitlines()
    wanted = [f"r-cran-{line.lower()}" for line in lines if not line.startswith("#")]
    query = [
        "apt-cache",
        *engine.apt_options(SUITE),
        "depends",
        "--recurse",
        "--important",
        *wanted,
    ]
    names = sorted(set(re.findall(r"^r-cran-\S+", engine.check(query), re.MULTILINE)))
    engine.download(SUITE, names, work / "debs")
    index = []
    for deb in (work / "debs").glob("*.deb"):
        unpacked = work / deb.stem
        engine.check(["dpkg-deb", "--extract", deb, unpacked])
        for description in unpacked.glob("usr/lib/R/*library/*/DESCRIPTION"):
            fields = _fields(description.read_text(encoding="utf-8"))
            name = f"{fields['Package']}_{fields['Version']}.tar.gz"
            with tarfile.open(contrib / name, "w:gz", compresslevel=1) as tar:
                tar.add(description.parent, arcname=fields["Package"])
            # Without LinkingTo, which only matters to who compiles.
            kept = (
                "Package",
                "Version",
                "Depends",
                "Imports",
                "License",
                "NeedsCompilation",
                "Built",
            )
            index.append("".join(f"{key}: {fields[key]}\n" for key in kept if key in fields))
    (contrib / "PACKAGES").write_text("\n".join(index), encoding="utf-8")
    for place in CRAN:
        shutil.rmtree(SOURCES / place.split("/")[0], ignore_errors=True)
    _publish(work / "cran", CRAN[0])
    for place in CRAN[1:]:
        (SOURCES / place).parent.mkdir(parents=True)
        (SOURCES / place).symlink_to(SOURCES / CRAN[0])


def make_julia(_: str) -> None:
    """Julia's package server with the packages of standins/julia; its clients check every hash.

    https://pkgdocs.julialang.org/v1/protocol/ has the addresses.
    """
    work = _work("julia")
    registry = work / "General"
    packages = []
    for project in sorted((HERE / "standins/julia").glob("*/Project.toml")):
        text = project.read_text()
        name, uuid, version = (
            re.search(rf'^{key} = "(.+)"', text, re.M)[1] for key in ("name", "uuid", "version")
        )
        tree = _serve_tree(project.parent, work / "server/package" / uuid)
        files = {
            "Package.toml": f'name = "{name}"\nuuid = "{uuid}"\nrepo = "https://pkg.julialang.org/{name}.git"\n',
            "Versions.toml": f'["{version}"]\ngit-tree-sha1 = "{tree}"\n',
            "Compat.toml": f'["{version.split(".")[0]}"]\njulia = "1"\n',
        }
        for file, content in files.items():
            (registry / name).mkdir(parents=True, exist_ok=True)
            (registry / name / file).write_text(content)
        packages.append(f'{uuid} = {{ name = "{name}", path = "{name}" }}\n')
    head = (
        f'name = "General"\nuuid = "{GENERAL}"\nrepo = "https://pkg.julialang.org/General.git"\n\n'
    )
    (registry / "Registry.toml").write_text(head + "[packages]\n" + "".join(packages))
    tree = _serve_tree(registry, work / "server/registry" / GENERAL)
    (work / "server/registries").write_text(f"/registry/{GENERAL}/{tree}\n")
    _publish(work / "server", "pkg.julialang.org")


def _serve_tree(folder: Path, place: Path) -> str:
    """Write a folder as the archive that its git tree hash names; return the hash."""
    tree = _git_tree(folder).hex()
    place.mkdir(parents=True)
    with tarfile.open(place / tree, "w:gz") as tar:
        for item in sorted(folder.iterdir()):
            tar.add(item, arcname=item.name)
    return tree


def _git_tree(folder: Path) -> bytes:
    """The hash that git gives a folder. Folders sort as if their names ended in a slash."""
    content = b""
    for item in sorted(folder.iterdir(), key=lambda path: path.name + "/" * path.is_dir()):
        if item.is_dir():
            mode, digest = "40000", _git_tree(item)
        else:
            mode, digest = "100644", _git_hash("blob", item.read_bytes())
        content += f"{mode} {item.name}\0".encode() + digest
    return _git_hash("tree", content)


def _git_hash(kind: str, content: bytes) -> bytes:
    return hashlib.sha1(f"{kind} {len(content)}\0".encode() + content).digest()


def _fields(description: str) -> dict[str, str]:
    """The fields of a Debian-style description, each on one line."""
    joined = re.sub(r"\n\s+", " ", description)
    return dict(line.split(": ", 1) for line in joined.splitlines() if ": " in line)


def _work(name: str) -> Path:
    """An empty folder to make a source in."""
    folder = STATE / "work" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _publish(folder: Path, place: str) -> None:
    """Put a finished source where it is served from."""
    target = SOURCES / place
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(target, ignore_errors=True)
    os.rename(folder, target)
