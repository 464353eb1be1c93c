"""Make a conda channel of Debian's CPython and PyPI's wheels: channel.py REQUIREMENT ...

Works in the folder /work, all on one file system, so that files are linked and never copied; the
channel is /work/channel.

The packages are real `.conda` and `.tar.bz2` files that a real solver solves for and a real installer links. Their
contents are the wheels', not conda-forge's builds; those with compiled parts are made for one minor version of Python,
the others for any (`noarch: python`, https://docs.conda.io/projects/conda-build/en/stable/resources/define-metadata.html).
Runs in the `tools` stage of ../Dockerfile, where Debian's Python and uv are.
"""

from __future__ import annotations

import concurrent.futures
import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from importlib.metadata import distributions
from pathlib import Path

import zstandard
from conda_package_streaming.create import conda_builder
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HERE = Path(__file__).resolve().parent
MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"
BUILD = f"py{MINOR.replace('.', '')}_0"
# Wheels are installed here; an installer replaces this text by the prefix it installs to.
WORK = Path("/work")
PLACEHOLDER = WORK / "prefix-of-a-conda-environment"
SITE = PLACEHOLDER / f"lib/python{MINOR}/site-packages"
PYTHON_DEPENDENCY = f"python {MINOR}.*"
PLATFORM = {"arch": "x86_64", "platform": "linux", "subdir": "linux-64"}
NOARCH = {"noarch": "python", "arch": None, "platform": None, "subdir": "noarch"}

# Further versions, which recorded.yml needs: what a lock has is then older or newer than what a list asks for.
OLDER = ("emcee==3.1.4", "tabulate==0.8.10", "tqdm==4.66.5")
# conda-forge has packages in both formats.
OLD_FORMAT = {"emcee", "tabulate"}
# Programs that manage environments, by version: those of the template, of Pangeo's bases and of Docker Stacks.
PROGRAMS = {"mamba": (os.environ.get("MAMBA", ""), "2.4.0"), "conda": ("26.5.3",)}

# Where conda-forge's name is not PyPI's.
NAMES = {
    "build": "python-build",
    "graphviz": "python-graphviz",
    "msgpack": "msgpack-python",
    "psycopg2-binary": "psycopg2",
    "tables": "pytables",
    "torch": "pytorch",
}
# conda-forge's further names for a package that it splits.
ALSO = {
    "dask": ["dask-core"],
    "jupyterhub": ["jupyterhub-base", "jupyterhub-singleuser"],
    "matplotlib": ["matplotlib-base"],
}


def main(requirements: list[str]) -> None:
    folder = WORK / "channel"
    subprocess.run(["uv", "venv", "--quiet", "--python=/usr/bin/python3", PLACEHOLDER], check=True)
    install = ["uv", "pip", "install", "--quiet", f"--python={PLACEHOLDER}/bin/python"]
    # Fails, naming the package, where two cannot be had together or one exists only as source.
    subprocess.run([*install, "--only-binary=:all:", *requirements], check=True)
    for name in ("channel/linux-64", "channel/noarch", "tmp"):
        (WORK / name).mkdir(parents=True, exist_ok=True)
    sites = [SITE]
    for number, requirement in enumerate(OLDER):
        sites.append(WORK / f"older/{number}/site-packages")
        target = ["--no-deps", f"--target={sites[-1]}", requirement]
        subprocess.run([*install, "--only-binary=:all:", *target], check=True)
    with concurrent.futures.ProcessPoolExecutor() as pool:
        jobs = [pool.submit(pack_python, folder)]
        for name, versions in PROGRAMS.items():
            jobs += [pool.submit(pack_program, folder, name, version) for version in versions]
        for site in sites:
            for distribution in distributions(path=[str(site)]):
                jobs.append(
                    pool.submit(pack_distribution, folder, distribution.metadata["Name"], site)
                )
    packages = [package for job in jobs for package in job.result()]
    for subdir in ("linux-64", "noarch"):
        write_repodata(folder / subdir, {name: p for name, p in packages if p["subdir"] == subdir})
    print(f"{len(packages)} packages")


def write_repodata(folder: Path, packages: dict[str, dict]) -> None:
    data = {"info": {"subdir": folder.name}, "packages": {}, "packages.conda": {}}
    for name, package in packages.items():
        data["packages.conda" if name.endswith(".conda") else "packages"][name] = package
    text = json.dumps({**data, "removed": [], "repodata_version": 1})
    (folder / "repodata.json").write_text(text)


def pack_python(folder: Path) -> list[tuple[str, dict]]:
    """Debian's CPython, moved: it finds its own prefix, and brings the libraries it links to."""
    with tempfile.TemporaryDirectory(dir=WORK / "tmp") as name:
        root = Path(name)
        library = root / f"lib/python{MINOR}"
        unwanted = shutil.ignore_patterns(
            "test", "idlelib", "config-*", "EXTERNALLY-MANAGED", "sitecustomize*"
        )
        shutil.copytree(f"/usr/lib/python{MINOR}", library, symlinks=False, ignore=unwanted)
        # Debian keeps packages in dist-packages, everyone else in site-packages.
        virtual = 'if sys.base_prefix != sys.prefix or hasattr(sys, "real_prefix"):'
        substitute(library / "sysconfig/__init__.py", virtual, "if True:")
        shutil.copy(HERE / "sitecustomize.py", library)
        (library / "site-packages").mkdir()
        (library / "site-packages/README.txt").write_text("Python packages go here.\n")
        (root / "bin").mkdir()
        binary = root / f"bin/python{MINOR}"
        shutil.copy2(f"/usr/bin/python{MINOR}", binary)
        for link in ("python", "python3"):
            (root / "bin" / link).symlink_to(binary.name)
        for file in linked_libraries([binary, *library.glob("lib-dynload/*.so")]):
            shutil.copy2(file, root / "lib" / Path(file).name)
        rpath = ["--force-rpath", "--set-rpath", "$ORIGIN/../lib"]
        subprocess.run(["patchelf", *rpath, binary], check=True)
        version = ".".join(map(str, sys.version_info[:3]))
        return [write_package(folder, root, "python", version, "0_cpython", [])]


def linked_libraries(files: list[Path]) -> set[str]:
    """The shared libraries that files need, but for those of libc, which any Debian has."""
    lines = subprocess.run(["ldd", *files], capture_output=True, text=True).stdout.splitlines()
    found = {line.split("=> ")[1].split(" (")[0] for line in lines if "=> /" in line}
    libc = ("libc.", "libm.", "libpthread.", "libdl.", "librt.")
    return {file for file in found if not Path(file).name.startswith(libc)}


def substitute(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text, f"{file}: Debian's Python has changed, {old!r} is gone"
    file.write_text(text.replace(old, new))


def pack_program(folder: Path, name: str, version: str) -> list[tuple[str, dict]]:
    """mamba.py under the name and version of a program that environments are managed with."""
    with tempfile.TemporaryDirectory(dir=WORK / "tmp") as temporary:
        root = Path(temporary)
        (root / "bin").mkdir()
        source = (HERE / "mamba.py").read_text().replace("@VERSION@", version)
        (root / "bin" / name).write_text(f"#!{PLACEHOLDER}/bin/python\n{source}")
        (root / "bin" / name).chmod(0o755)
        (root / "etc/profile.d").mkdir(parents=True)
        shutil.copy(HERE / "profile.sh", root / f"etc/profile.d/{name}.sh")
        depends = [PYTHON_DEPENDENCY, "py-rattler", "pyyaml"]
        return [write_package(folder, root, name, version, BUILD, depends)]


def pack_distribution(folder: Path, name: str, site: Path) -> list[tuple[str, dict]]:
    """One installed wheel, and empty packages for further names that conda-forge has for it."""
    distribution = next(distributions(name=name, path=[str(site)]))
    metadata = distribution.metadata
    version = distribution.version.replace("+", "_")
    canonical = conda_name(metadata["Name"])
    depends = dependencies(distribution.requires or [])
    rows = csv.reader((distribution.read_text("RECORD") or "").splitlines())
    paths = [Path(os.path.normpath(site / path)) for path, *_ in rows]
    around = site if site != SITE else PLACEHOLDER
    paths = [
        path
        for path in paths
        if path.suffix != ".pyc" and path.is_relative_to(around) and path.exists()
    ]
    binary = any(
        path.suffix == ".so" or ".so." in path.name or PLACEHOLDER / "lib" == path.parent
        for path in paths
    )
    entries = [
        e for e in distribution.entry_points if e.group in ("console_scripts", "gui_scripts")
    ]
    scripts = {entry.name for entry in entries}
    with tempfile.TemporaryDirectory(dir=WORK / "tmp") as temporary:
        root = Path(temporary)
        for file in paths:
            if site == SITE:
                place = file.relative_to(PLACEHOLDER)
                if not binary and file.is_relative_to(SITE):
                    place = "site-packages" / file.relative_to(SITE)
                elif not binary and file.parent == PLACEHOLDER / "bin":
                    if file.name in scripts:
                        continue  # the installer writes those
                    place = Path("python-scripts") / file.name
            elif file.parent.name == "bin":
                continue
            else:
                place = "site-packages" / file.relative_to(site)
            target = root / place
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(file, target)
        for file in root.rglob("INSTALLER"):
            file.unlink()  # a hard link: written through it would change the original
            file.write_text("conda")
        if binary:
            result = [
                write_package(
                    folder, root, canonical, version, BUILD, [PYTHON_DEPENDENCY, *depends]
                )
            ]
        else:
            # Without the extras that a wheel may name there: a recipe has none.
            points = [f"{entry.name} = {entry.module}:{entry.attr}" for entry in entries]
            depends = ["python >=3.9", *depends]
            result = [
                write_package(folder, root, canonical, version, "pyhd8ed1ab_0", depends, points)
            ]
    # conda-forge writes some names with an underscore, jupyter_core for one: offer both.
    further = {metadata["Name"].lower()} if "_" in metadata["Name"] else set()
    for also in sorted(further.union(ALSO.get(canonical, ())) - {canonical}):
        with tempfile.TemporaryDirectory(dir=WORK / "tmp") as temporary:
            same = [f"{canonical} {version}"]
            result.append(write_package(folder, Path(temporary), also, version, "0", same))
    return result


def conda_name(name: str) -> str:
    name = canonicalize_name(name)
    return NAMES.get(name, name)


def dependencies(requirements: list[str], extra: str = "") -> list[str]:
    """Dependencies of a wheel in conda's spelling: `numpy >=1.26,<3`; those of one of its extras, if it is named.

    conda has no extras: conda-forge makes packages of them, and here those who need one depend on all that is in it.
    """
    result = []
    for requirement in map(Requirement, requirements):
        marker = requirement.marker
        always = not marker or marker.evaluate({"extra": ""})
        if always == bool(extra) or not (always or marker.evaluate({"extra": extra})):
            continue
        for name in requirement.extras:
            other = next(distributions(name=requirement.name, path=[str(SITE)]))
            result += dependencies(other.requires or [], name)
        versions = []
        for specifier in requirement.specifier:
            if specifier.operator == "~=":
                series = specifier.version.rpartition(".")[0]
                versions += [f">={specifier.version}", f"{series}.*"]
            else:
                versions.append(specifier.operator.replace("===", "==") + specifier.version)
        result.append(f"{conda_name(requirement.name)} {','.join(versions)}".strip())
    return result


def write_package(
    folder: Path,
    root: Path,
    name: str,
    version: str,
    build: str,
    depends: list[str],
    points: list[str] | None = None,
) -> tuple[str, dict]:
    """Write the files below `root` as one package; return its file name and its index entry.

    With entry points, even none, it is one for any Python.
    """
    files = sorted(path for path in root.rglob("*") if path.is_symlink() or path.is_file())
    paths = [describe(file, file.relative_to(root).as_posix()) for file in files]
    index = dict(name=name, version=version, build=build, build_number=0, depends=depends)
    index |= (PLATFORM if points is None else NOARCH) | {"timestamp": 1700000000000}
    if not depends:
        del index["depends"]  # as nlohmann_json-abi of conda-forge
    info = root / "info"
    info.mkdir()
    (info / "index.json").write_text(json.dumps(index))
    (info / "paths.json").write_text(json.dumps({"paths": paths, "paths_version": 1}))
    (info / "files").write_text("".join(f"{path['_path']}\n" for path in paths))
    (info / "about.json").write_text("{}")
    if points is not None:
        link = {"noarch": {"type": "python", "entry_points": points}, "package_metadata_version": 1}
        (info / "link.json").write_text(json.dumps(link))
    stem = f"{name}-{version}-{build}"
    ending = ".tar.bz2" if name in OLD_FORMAT else ".conda"
    package = folder / index["subdir"] / f"{stem}{ending}"
    package.unlink(missing_ok=True)
    if name in OLD_FORMAT:
        with tarfile.open(package, "w:bz2", compresslevel=1) as tar:
            for file in sorted([*info.iterdir(), *files]):
                tar.add(file, arcname=file.relative_to(root).as_posix(), recursive=False)
    else:
        fast = lambda: zstandard.ZstdCompressor(level=1)  # noqa: E731
        with conda_builder(stem, package.parent, compressor=fast) as tar:
            for file in files:
                tar.add(file, arcname=file.relative_to(root).as_posix(), recursive=False)
            tar.add(info, arcname="info")
    content = package.read_bytes()
    hashes = {kind: hashlib.new(kind, content).hexdigest() for kind in ("md5", "sha256")}
    return package.name, {**index, "depends": depends, **hashes, "size": len(content)}


def describe(file: Path, path: str) -> dict:
    """The entry of one file in paths.json."""
    if file.is_symlink():
        empty = hashlib.sha256(b"").hexdigest()
        return {"_path": path, "path_type": "softlink", "sha256": empty, "size_in_bytes": 0}
    content = file.read_bytes()
    entry = {"_path": path, "path_type": "hardlink", "size_in_bytes": len(content)}
    entry["sha256"] = hashlib.sha256(content).hexdigest()
    if bytes(PLACEHOLDER) in content and b"\0" not in content[:8192]:
        entry |= {"prefix_placeholder": str(PLACEHOLDER), "file_mode": "text"}
    return entry


if __name__ == "__main__":
    main(sys.argv[1:])
