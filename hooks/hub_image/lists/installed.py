"""What is installed in an image, asked of the image itself: apt, conda, pip, R and Julia packages."""

from typing import Any

from hub_image.problem import Problem
from hub_image.tools import docker

Packages = dict[tuple[str, str], str]  # (manager, name): version

# Runs in the image, as nobody in particular and without network. Prints manager, name and version.
LISTING = r"""
dpkg-query --show --showformat 'apt\t${Package}\t${Version}\n' 2>/dev/null
python - <<'EOF'
import importlib.metadata, json, os, pathlib, sys
for file in pathlib.Path(sys.prefix, "conda-meta").glob("*.json"):
    package = json.loads(file.read_text())
    print("conda", package["name"], package["version"], sep="\t")
for package in importlib.metadata.distributions():
    if package.metadata["Name"] and (package.read_text("INSTALLER") or "").strip() != "conda":
        print("pip", package.metadata["Name"], package.version, sep="\t")
depots = os.environ.get("JULIA_DEPOT_PATH", "").split(":")
for file in pathlib.Path(depots[0]).glob("environments/hub/Manifest.toml") if depots[0] else []:
    import tomllib
    for name, entries in tomllib.loads(file.read_text()).get("deps", {}).items():
        for entry in entries:
            if "version" in entry:
                print("Julia", name, entry["version"], sep="\t")
EOF
if command -v Rscript >/dev/null; then
    Rscript -e 'all <- installed.packages(); all <- all[is.na(all[, "Priority"]), , drop = FALSE];
        cat(sprintf("R\t%s\t%s\n", all[, "Package"], all[, "Version"]), sep = "")'
fi
true
"""


def packages(image: str) -> Packages:
    """Return the packages of an image that Docker has.

    The image's own entrypoint is left out: it may start what the owner wrote. Raises Problem when the image does
    not run.
    """
    options = ["--rm", "--interactive", "--network=none", "--entrypoint=/bin/bash"]
    result = docker.call("run", *options, image, "-s", input=LISTING)
    if result.returncode:
        raise Problem(f"{image} does not tell its packages: {result.stderr.strip()[-300:]}")
    found: Packages = {}
    for line in result.stdout.splitlines():
        manager, name, version = line.split("\t")
        found[manager, name] = version
    return found


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
