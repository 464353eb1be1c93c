"""Lists of other tools: what they would have installed, and what of it can be written into our own list exactly."""

import json
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from hub_image.syntax import toml

# `https://.../linux-64/numpy-2.3.1-py313h1.conda`, as conda, mamba, conda-lock and pixi write it.
CONDA_FILE = re.compile(r"https?://\S+/([^/\s]+)-([^-/\s]+)-[^-/\s]+\.(?:conda|tar\.bz2)")
# https://github.com/conda/conda-lock, one entry for each platform
CONDA_LOCK = re.compile(r"(?m)^ *-? *name: *(\S+)\n *version: *['\"]?([^'\"\s]+)")
VERSION = re.compile(r"[\w.*<>=!~,| +-]+")


@dataclass(frozen=True)
class Other:
    """What a list of another tool says.

    `packages` have their versions where the list has some. `becomes` is the list of ours that says the same, with
    `text`; empty where none does.
    """

    tool: str
    packages: tuple[str, ...]
    becomes: str = ""
    text: str = ""
    itself: bool = False  # whether the repository is a package, which was installed too

    def said(self, first: Collection[str] = ()) -> str:
        """Return in words what was installed; the packages of the names in `first` come first."""
        found = sorted(self.packages, key=lambda text: text.split(" ")[0].lower() not in first)
        shown = ", ".join(found[:8]) + (f" and {len(found) - 8} more" if len(found) > 8 else "")
        several = "" if len(found) == 1 else "s"
        if self.itself:
            needs = f", and {len(found)} package{several} that it needs: {shown}" if found else ""
            return f"{self.tool} installed the package that this repository is{needs}"
        if not found:
            return f"{self.tool} installed from it what cannot be read here"
        return f"{self.tool} installed {len(found)} package{several} from it: {shown}"

    def version(self, name: str) -> str:
        """Return the version in which a package was installed; empty where it was not, or nobody knows."""
        return next(
            (v for n, _, v in (p.partition(" ") for p in self.packages) if n.lower() == name), ""
        )


def read(name: str, text: str) -> Other | None:
    """Return what a list says, by its file name; None where it is no list of another tool's. Never fails."""
    for pattern, reader in READERS:
        if re.fullmatch(pattern, name):
            try:
                return reader(text)
            except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
                return Other("a tool that cannot read it any more,", ())
    return None


def _pixi(text: str) -> Other:
    """https://pixi.sh/latest/reference/pixi_manifest/"""
    return _pixi_tables(toml.loads(text))


def _pixi_tables(said: dict[str, Any]) -> Other:
    about = said.get("workspace") or said.get("project") or {}
    conda = said.get("dependencies", {})
    pypi = said.get("pypi-dependencies", {})
    lines = ["channels:", *(f"  - {channel}" for channel in about.get("channels", ["conda-forge"]))]
    lines.append("dependencies:")
    exact = not {"feature", "target"} & said.keys()
    for name, spec in conda.items():
        exact = exact and isinstance(spec, str) and bool(VERSION.fullmatch(spec))
        lines.append(f"  - {name}" + ("" if spec == "*" else f" {spec}"))
    if pypi:
        lines += ["  - pip", "  - pip:"]
    for name, spec in pypi.items():
        exact = exact and isinstance(spec, str) and bool(VERSION.fullmatch(spec))
        lines.append(f"      - {name}" + ("" if spec == "*" else str(spec)))
    becomes = "environment.yml" if exact and conda else ""
    return Other("pixi", (*conda, *pypi), becomes, "\n".join(lines) + "\n")


def _pyproject(text: str) -> Other | None:
    """https://packaging.python.org/en/latest/specifications/pyproject-toml/"""
    said = toml.loads(text)
    if "pixi" in said.get("tool", {}):
        return _pixi_tables(said["tool"]["pixi"])
    poetry = said.get("tool", {}).get("poetry", {}).get("dependencies", {})
    project = said.get("project", {})
    if not project and not poetry:
        return None  # only settings of tools
    wanted = [str(requirement) for requirement in project.get("dependencies", [])]
    exact = bool(wanted) and "dependencies" not in project.get("dynamic", []) and not poetry
    lines = "".join(f"{requirement}\n" for requirement in wanted)
    return Other("pip", (*wanted, *poetry), "requirements.txt" if exact else "", lines)


def _toml_lock(text: str) -> Other:
    found = [f"{p['name']} {p.get('version', '')}".strip() for p in toml.loads(text)["package"]]
    return Other("uv", tuple(found))


def _conda_files(tool: str) -> Callable[[str], Other]:
    def reader(text: str) -> Other:
        found = [f"{m[1]} {m[2]}" for m in CONDA_FILE.finditer(text)]
        return Other(tool, tuple(dict.fromkeys(found)))

    return reader


def _conda_lock(text: str) -> Other:
    found = [f"{m[1]} {m[2]}" for m in CONDA_LOCK.finditer(text)]
    return Other("conda-lock", tuple(dict.fromkeys(found)))


def _renv(text: str) -> Other:
    """https://rstudio.github.io/renv/articles/lockfile.html"""
    found = json.loads(text)["Packages"].values()
    return Other("renv", tuple(f"{p['Package']} {p.get('Version', '')}".strip() for p in found))


def _description(text: str) -> Other:
    """https://cran.r-project.org/doc/manuals/r-release/R-exts.html#Package-Dependencies"""
    fields = re.findall(r"(?m)^(?:Imports|Depends|LinkingTo):((?:.|\n[ \t])*)", text)
    names = [name.strip() for field in fields for name in field.split(",")]
    found = [
        " ".join(name.split()) for name in names if name and not re.match(r"R\b *(\(|$)", name)
    ]
    return Other("R", tuple(found), itself=True)


def _pipfile(text: str) -> Other:
    return Other("pipenv", tuple(toml.loads(text).get("packages", {})))


def _pipfile_lock(text: str) -> Other:
    found = json.loads(text)["default"].items()
    return Other("pipenv", tuple(f"{n} {p.get('version', '')}".strip() for n, p in found))


READERS: tuple[tuple[str, Callable[[str], Other | None]], ...] = (
    (r"pixi\.toml", _pixi),
    (r"pixi\.lock", _conda_files("pixi")),
    (r"pyproject\.toml", _pyproject),
    (r"uv\.lock", _toml_lock),
    (r"conda-lock\.ya?ml", _conda_lock),
    (r"(conda-.*|.*linux-64.*)\.lock|conda-(linux|osx|win)-.*\.txt", _conda_files("conda")),
    (r"renv\.lock", _renv),
    (r"DESCRIPTION", _description),
    (r"Pipfile", _pipfile),
    (r"Pipfile\.lock", _pipfile_lock),
)
