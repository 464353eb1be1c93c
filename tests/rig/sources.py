"""Package sources that stand in for conda-forge, CRAN and Julia's package server.

Each is made once, of what PyPI and Debian have, and served under its public name by serve.py.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import tarfile
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path

from . import engine
from .engine import CATALOG, HERE, SOURCES, STATE, SUITE

# Where rocker's images take CRAN from, and where the template does.
BINARIES = f"__linux__/{SUITE}/{CATALOG['cran']['date']}"
CRAN = (f"p3m.dev/cran/{BINARIES}", f"{CATALOG['cran']['url'].split('//')[1]}/{BINARIES}")
# What CRAN's index tells of a binary package; LinkingTo only matters to who compiles.
R_FIELDS = ("Package", "Version", "Depends", "Imports", "License", "NeedsCompilation", "Built")
GENERAL = "23338594-aafe-5451-b93e-139f81909106"  # Julia's own registry

# Those of the template, and one for tests to add.
EXTENSIONS = (
    "ms-python.python",
    "reditorsupport.r",
    "julialang.language-julia",
    "redhat.vscode-yaml",
)
VSIX = """\
<?xml version="1.0" encoding="utf-8"?>
<PackageManifest Version="2.0.0" xmlns="http://schemas.microsoft.com/developer/vsx-schema/2011">
  <Metadata>
    <Identity Language="en-US" Id="{name}" Version="{version}" Publisher="{publisher}"/>
    <DisplayName>{name}</DisplayName>
    <Description>A stand-in</Description>
  </Metadata>
  <Installation><InstallationTarget Id="Microsoft.VisualStudio.Code"/></Installation>
  <Dependencies/>
  <Assets><Asset Type="Microsoft.VisualStudio.Code.Manifest" Path="extension/package.json"/></Assets>
</PackageManifest>
"""


def make_conda(tools: str) -> None:
    """conda-forge: a channel made of Debian's Python and PyPI's wheels; see standins/conda.

    `tools` is the image that it is made in. Takes a minute; the catalog's pins are all in it.
    """
    pins = [f"{name}=={version}" for name, version in CATALOG["packages"].items()]
    pins.append(f"jupyterhub=={CATALOG['hub']}.*")
    variables = {"MAMBA": CATALOG["images"]["micromamba"]["tag"], "UV_CACHE_DIR": "/work/cache"}
    options = [f"--env={name}={value}" for name, value in variables.items()]
    make = ["python", "/recipe/channel.py", "--requirements=/recipe/packages.txt", *pins]
    with _work("conda") as work:
        options += [f"--volume={HERE}/standins/conda:/recipe:ro", f"--volume={work}:/work"]
        engine.check(["docker", "run", "--rm", *options, tools, *make])
        _publish(work / "channel", "conda.anaconda.org/conda-forge")


def make_cran(_: str) -> None:
    """CRAN with binary packages for the stand-ins' system: those of Debian, in CRAN's layout."""
    lines = (HERE / "standins/cran/packages.txt").read_text().splitlines()
    wanted = [f"r-cran-{line.lower()}" for line in lines if not line.startswith("#")]
    query = ["apt-cache", *engine.apt_options(SUITE), "depends", "--recurse", "--important"]
    listing = engine.check([*query, *wanted])
    names = sorted(set(re.findall(r"^r-cran-\S+", listing, re.MULTILINE)))
    with _work("cran") as work:
        engine.download(SUITE, names, work / "debs")
        for deb in (work / "debs").glob("*.deb"):
            engine.check(["dpkg-deb", "--extract", deb, work / deb.stem])
        contrib = work / "cran/src/contrib"
        contrib.mkdir(parents=True)
        packages = work.glob("*/usr/lib/R/*library/*/DESCRIPTION")
        index = [_pack_r(description, contrib) for description in sorted(packages)]
        (contrib / "PACKAGES").write_text("\n".join(index), encoding="utf-8")
        for place in CRAN:
            shutil.rmtree(SOURCES / place.split("/")[0], ignore_errors=True)
        _publish(work / "cran", CRAN[0])
    for place in CRAN[1:]:
        (SOURCES / place).parent.mkdir(parents=True)
        (SOURCES / place).symlink_to(SOURCES / CRAN[0])


def _pack_r(description: Path, contrib: Path) -> str:
    """Pack an installed R package the way CRAN's binary packages are; return its index entry."""
    joined = re.sub(r"\n\s+", " ", description.read_text(encoding="utf-8"))
    fields = dict(line.split(": ", 1) for line in joined.splitlines() if ": " in line)
    archive = contrib / f"{fields['Package']}_{fields['Version']}.tar.gz"
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        tar.add(description.parent, arcname=fields["Package"])
    return "".join(f"{key}: {fields[key]}\n" for key in R_FIELDS if key in fields)


def make_openvsx(_: str) -> None:
    """Open VSX, with an extension that does nothing under each name that the template or a test lists.

    VS Code asks for one extension's facts, then for the files that they name.
    """
    address = "https://open-vsx.org/vscode"
    manifest, package = (
        "Microsoft.VisualStudio.Code.Manifest",
        "Microsoft.VisualStudio.Services.VSIXPackage",
    )
    engine_needed = "^1.60.0"
    with _work("openvsx") as work:
        for extension in EXTENSIONS:
            publisher, _, name = extension.partition(".")
            facts = {"publisher": publisher, "name": name, "version": "1.0.0"}
            facts["engines"] = {"vscode": engine_needed}
            files = work / "server/vscode/asset" / publisher / name
            files.mkdir(parents=True)
            (files / manifest).write_text(json.dumps(facts))
            with zipfile.ZipFile(files / package, "w") as archive:
                archive.writestr("extension/package.json", json.dumps(facts))
                archive.writestr("extension.vsixmanifest", VSIX.format(**facts))
            uri = f"{address}/asset/{publisher}/{name}"
            version = {
                "version": "1.0.0",
                "lastUpdated": "2026-01-01T00:00:00Z",
                "assetUri": uri,
                "fallbackAssetUri": uri,
                "files": [
                    {"assetType": kind, "source": f"{uri}/{kind}"} for kind in (manifest, package)
                ],
                "properties": [
                    {"key": "Microsoft.VisualStudio.Code.Engine", "value": engine_needed}
                ],
            }
            answer = {
                "extensionId": str(uuid.uuid5(uuid.NAMESPACE_URL, extension)),
                "extensionName": name,
                "displayName": name,
                "publisher": {
                    "publisherId": publisher,
                    "publisherName": publisher,
                    "displayName": publisher,
                },
                "versions": [version],
                "statistics": [],
                "tags": [],
                "categories": [],
                "flags": "",
            }
            latest = work / "server/vscode/gallery/vscode" / publisher / name / "latest"
            latest.parent.mkdir(parents=True)
            latest.write_text(json.dumps(answer))
        _publish(work / "server", "open-vsx.org")


RSTUDIO = CATALOG["interfaces"]["rstudio"]


def make_rstudio(_: str) -> None:
    """RStudio's download: a Debian package under the real one's address, with a stand-in for its server.

    Its checksum is another one than the catalog's; `accept_rstudio` says so to a Dockerfile.
    """
    place = RSTUDIO["deb"].split("//")[1]
    version = re.search(r"server-(.*)-amd64", place)[1]
    with _work("rstudio") as work:
        program = work / "deb/usr/lib/rstudio-server/bin/rserver"
        program.parent.mkdir(parents=True)
        shutil.copy(HERE / "standins/rstudio/rserver", program)
        program.chmod(0o755)
        (work / "deb/etc/rstudio").mkdir(parents=True)
        (work / "deb/DEBIAN").mkdir()
        (work / "deb/DEBIAN/control").write_text(
            f"Package: rstudio-server\nVersion: {version}\nArchitecture: amd64\nDepends: psmisc\n"
            "Maintainer: nobody <nobody@example.org>\nDescription: A stand-in\n"
        )
        file = work / "server" / place.split("/", 1)[1]
        file.parent.mkdir(parents=True)
        engine.check(["dpkg-deb", "--build", "--root-owner-group", work / "deb", file])
        _publish(work / "server", place.split("/")[0])


def accept_rstudio(dockerfile: Path) -> None:
    """Let a Dockerfile take the stand-in's checksum for the real one's, where the rig serves it."""
    if engine.is_provided():
        return
    standin = SOURCES / RSTUDIO["deb"].split("//")[1]
    checksum = hashlib.sha256(standin.read_bytes()).hexdigest()
    dockerfile.write_text(dockerfile.read_text().replace(RSTUDIO["sha256"], checksum))


def make_julia(_: str) -> None:
    """Julia's package server with the packages of standins/julia; its clients check every hash.

    https://pkgdocs.julialang.org/v1/protocol/ has the addresses.
    """
    address = "https://pkg.julialang.org"
    packages = (
        f'name = "General"\nuuid = "{GENERAL}"\nrepo = "{address}/General.git"\n\n[packages]\n'
    )
    with _work("julia") as work:
        for project in sorted((HERE / "standins/julia").glob("*/Project.toml")):
            facts = dict(re.findall(r'^(\w+) = "(.+)"$', project.read_text(), re.MULTILINE))
            name, uuid, version = facts["name"], facts["uuid"], facts["version"]
            tree = _serve_tree(project.parent, work / "server/package" / uuid)
            folder = work / "General" / name
            folder.mkdir(parents=True)
            (folder / "Package.toml").write_text(
                f'name = "{name}"\nuuid = "{uuid}"\nrepo = "{address}/{name}.git"\n'
            )
            (folder / "Versions.toml").write_text(f'["{version}"]\ngit-tree-sha1 = "{tree}"\n')
            (folder / "Compat.toml").write_text(f'["{version[0]}"]\njulia = "1"\n')
            packages += f'{uuid} = {{ name = "{name}", path = "{name}" }}\n'
        (work / "General/Registry.toml").write_text(packages)
        tree = _serve_tree(work / "General", work / "server/registry" / GENERAL)
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


@contextlib.contextmanager
def _work(name: str) -> Iterator[Path]:
    """An empty folder to make a source in, gone afterwards."""
    folder = STATE / "work" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    yield folder
    shutil.rmtree(folder)


def _publish(folder: Path, place: str) -> None:
    """Put a finished source where it is served from."""
    target = SOURCES / place
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(target, ignore_errors=True)
    os.rename(folder, target)
