"""What is installed in an image, asked of the image itself: packages of apt, conda, pip, R and Julia, extensions of VS Code.

R and Julia themselves are among their packages, since an image need not have them from apt or conda.
"""

from typing import Any, NamedTuple

from hub_image.problem import Problem
from hub_image.tools import docker

Packages = dict[tuple[str, str], str]  # (manager, name): version

# Lists what a Python sees, and is run by that Python. Of each package: what keeps it ("conda", "pip", or "Python" for what
# Python itself sees of a package of conda), name, version, the words by which a lock names it, and its folder.
#
# Packages of conda come in the order in which they can be installed: Python first, because mamba and micromamba compile
# none of the packages that they link before it. mamba writes `pip` into the dependencies of Python, which pip needs. A
# record need not have dependencies or any checksum: https://github.com/mamba-org/mamba/pull/4110. A package without one
# is locked by its address, which names one build. What came from elsewhere than a channel or an index has no words for
# a lock. Python's packages come in the order in which it finds them, so the first of a name is the one that is imported,
# and are spelled as https://packaging.python.org/en/latest/specifications/name-normalization/ says.
OF_PYTHON = r"""
import collections, importlib.metadata, json, pathlib, re, sys

records = collections.defaultdict(list)
for file in sorted(pathlib.Path(sys.prefix, "conda-meta").glob("*.json")):
    record = json.loads(file.read_text())
    records[record["name"]].append(record)

def install(name):
    found = records.pop(name, [])
    for record in found:
        for need in record.get("depends") or []:
            if (name, need.split()[0]) != ("python", "pip"):
                install(need.split()[0])
        address, lock = record.get("url", ""), ""
        if address.startswith("http") and record is found[-1]:
            lock = "#".join(filter(None, [address, record.get("sha256") or record.get("md5")]))
        print("conda", name, record.get("version", ""), lock, "conda-meta", sep="\t")

install("python")
for name in list(records):
    install(name)
rows = {}
for package in importlib.metadata.distributions():
    name = re.sub("[-_.]+", "-", package.metadata["Name"] or "").lower()
    if name:
        by_conda = (package.read_text("INSTALLER") or "").strip() == "conda"
        lock = "" if by_conda or package.read_text("direct_url.json") else f"{name}=={package.version}"
        kept = "Python" if by_conda else "pip"
        rows[kept, name, str(package.version), lock, str(package.locate_file(""))] = True
for row in rows:
    print(*row, sep="\t")
"""

# The same of all that is in an image; runs there, as nobody in particular and without network.
OF_IMAGE = rf"""
dpkg-query --show --showformat 'apt\t${{Package}}\t${{Version}}\n' 2>/dev/null
python - <<'EOF'
{OF_PYTHON}
EOF
python - <<'EOF'
import json, os, pathlib
depots = os.environ.get("JULIA_DEPOT_PATH", "").split(":")
for file in pathlib.Path(depots[0]).glob("environments/hub/Manifest.toml") if depots[0] else []:
    import tomllib
    for name, entries in tomllib.loads(file.read_text()).get("deps", {{}}).items():
        for entry in entries:
            if "version" in entry:
                print("Julia", name, entry["version"], sep="\t")
for file in pathlib.Path("/opt/vscode-extensions").glob("*/package.json"):
    about = json.loads(file.read_text())
    print("vscode", about["publisher"] + "." + about["name"], about["version"], sep="\t")
EOF
if command -v julia >/dev/null; then
    printf 'Julia\tjulia\t%s\n' "$(julia --version | cut -d' ' -f3)"
fi
if command -v Rscript >/dev/null; then
    Rscript -e 'all <- installed.packages(); all <- all[is.na(all[, "Priority"]), , drop = FALSE];
        cat(sprintf("R\t%s\t%s\n", c("R", all[, "Package"]), c(format(getRversion()), all[, "Version"])), sep = "")'
fi
true
"""


class Installed(NamedTuple):
    """One package that is installed: what keeps it, its name and version, how a lock names it, its folder."""

    manager: str
    name: str
    version: str
    lock: str = ""
    folder: str = ""


def read(listing: str) -> list[Installed]:
    """Return the packages that OF_PYTHON or OF_IMAGE printed; what an image's own start of Python or R says is none."""
    rows = (line.split("\t") for line in listing.splitlines())
    return [Installed(*row) for row in rows if 3 <= len(row) <= len(Installed._fields)]


def packages(image: str) -> Packages:
    """Return the packages of an image that Docker has.

    The image's own entrypoint is left out: it may start what the owner wrote. Raises Problem when the image does
    not run.
    """
    options = ["--rm", "--interactive", "--network=none", "--entrypoint=/bin/bash"]
    result = docker.call("run", *options, image, "-s", input=OF_IMAGE)
    if result.returncode:
        raise Problem(f"{image} does not tell its packages: {result.stderr.strip()[-300:]}")
    found = read(result.stdout)
    return {
        (entry.manager, entry.name): entry.version for entry in found if entry.manager != "Python"
    }


def compare(old: Packages, new: Packages) -> list[tuple[str, str, str, str]]:
    """Return manager, name, old and new version of what differs; an absent version is empty."""
    return [
        (*key, old.get(key, ""), new.get(key, ""))
        for key in sorted(old.keys() | new.keys(), key=lambda key: (key[0], key[1].lower()))
        if old.get(key) != new.get(key)
    ]


def layers(manifest: dict[str, Any]) -> dict[str, int]:
    """Return digest and compressed bytes of what a node pulls for an image."""
    return {layer["digest"]: layer["size"] for layer in [*manifest["layers"], manifest["config"]]}


def to_pull(old: dict[str, Any], new: dict[str, Any]) -> int:
    """Return the bytes that a node pulls for the image `new` when it has `old`; both are manifests."""
    have = layers(old)
    return sum(size for digest, size in layers(new).items() if digest not in have)
