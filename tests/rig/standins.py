"""Stand-ins for the base images of catalog.yml, under their own names and tags.

`ensure` builds them where the rig runs its own engine and pushes them to the rig's registry, so
that `FROM quay.io/...` finds them. With an engine that was already there the real ones are pulled.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from . import engine, sources
from .engine import CATALOG, HERE, STATE, RigError

RECIPE = HERE / "standins"
# Which package sources a Dockerfile uses: by what it says, and by the stand-ins it starts from.
SAID = {
    "conda": "mamba",
    "cran": "packagemanager.posit.co",
    "julia": "Pkg.",
    "openvsx": "open-vsx.org",
    "rstudio": "download2.rstudio.org",
}
NEEDED = {"docker-stacks": "conda", "micromamba": "conda", "pangeo": "conda", "rocker": "cran"}
TOOLS = "rig/tools"  # what the others are made with; stays on this machine
MOZILLA = Path("/usr/share/ca-certificates")
REFERENCE = re.compile(
    r"(?:^FROM\s+(?:--\S+\s+)*|\bfrom=)([^\s,]+/[^\s,]+)", re.MULTILINE | re.IGNORECASE
)

# Where a stand-in keeps the rig's certificates: no Debian package writes there, and uv looks there.
TRUST = "usr/local/ssl/cert.pem"
# As in the real image: downloaded packages and apt's own caches do not stay.
DOCKER_CLEAN = """\
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true"; };
APT::Update::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true"; };
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Acquire::Languages "none";
Acquire::GzipIndexes "true";
Apt::AutoRemove::SuggestsImportant "false";
"""


def reference(entry: dict) -> str:
    """The image reference of an entry of catalog.yml."""
    return f"{entry['image']}:{entry['tag']}"


def targets() -> dict[str, str]:
    """Which target of standins/Dockerfile stands in for which image reference of the catalog.

    One has the key of a base, or its family's name; `-cuda` stands in for those made for graphics cards.

    What the catalog has and no target stands in for is not in it: bases with R or Julia in a conda
    environment, since the channel has neither.
    """
    stages = re.findall(r"^FROM .* AS (\S+)$", (RECIPE / "Dockerfile").read_text(), re.MULTILINE)
    found = {reference(entry): name for name, entry in CATALOG["images"].items()}
    for key, entry in CATALOG["bases"].items():
        if key in stages:
            found[reference(entry)] = key
        elif not entry["languages"]:
            found[reference(entry)] = entry["family"] + ("-cuda" if "cuda" in entry else "")
    return {image: target for image, target in found.items() if target in ["debian", *stages]}


def one_of_each() -> list[str]:
    """One image reference for each stand-in that there is."""
    return list({target: image for image, target in reversed(targets().items())}.values())


def references(dockerfile: str) -> list[str]:
    """The images that a Dockerfile takes something from, by their tags, without its own stages."""
    return sorted({name.partition("@")[0] for name in REFERENCE.findall(dockerfile)})


def prepare(dockerfile: str) -> None:
    """Make what a Dockerfile needs from outside: images and package sources, unless they are there.

    Raises RigError where there is no stand-in, or with the end of the log when one does not build.
    """
    for source, word in SAID.items():
        if word in dockerfile:
            _source(source)
    for image in references(dockerfile):
        ensure(image)


def ensure(image: str) -> None:
    """Make the stand-in for one image reference; otherwise as `prepare`."""
    target = targets().get(image)
    if target is None:
        raise RigError(f"no stand-in for {image}: tests/rig/standins.py makes those of catalog.yml")
    for made, source in NEEDED.items():
        if target.startswith(made):
            _source(source)
    _image(target, image)


def _image(target: str, image: str) -> str:
    """The image of one target, made when what it is made of has changed; once, whatever its names are."""
    make = functools.partial(_build, target, image)
    stamp = _stamp(RECIPE, CATALOG["images"], *_facts())
    first = next((name for name, of in targets().items() if of == target), image)
    if target == "debian":
        make, stamp = functools.partial(_debian, image), _stamp()
    elif first != image:
        make = functools.partial(_name, _image(target, first), image)
    else:
        _image("debian", reference(CATALOG["images"]["debian"]))
    is_there = functools.partial(engine.succeeds, ["docker", "image", "inspect", image])
    _once(f"stand-in for {image}", stamp, make, is_there)
    return image


def _source(name: str) -> None:
    """A package source, made when what it is made of has changed."""
    make = functools.partial(getattr(sources, f"make_{name}"), _image("tools", TOOLS))
    stamp = _stamp(RECIPE / name, CATALOG["images"]["micromamba"], *_facts())
    _once(f"package source {name}", stamp, make)


def _once(
    what: str,
    stamp: str,
    make: Callable[[], None],
    is_there: Callable[[], bool] = lambda: True,
) -> None:
    """Make something, unless it is still there and made of the same as this stamp says.

    Others, who may be at work at the same time, wait for this one thing and for nothing else.
    """
    mark = STATE / "made" / re.sub(r"\W+", "-", what)
    with engine.locked(f"made/{mark.name}"):
        if is_there() and mark.exists() and mark.read_text() == stamp:
            return
        start = time.monotonic()
        make()
        mark.write_text(stamp)
    print(f"rig: {what} made in {time.monotonic() - start:.0f} s", file=sys.stderr)


def _name(image: str, other: str) -> None:
    """Give an image one more name, here and in the registry."""
    engine.check(["docker", "tag", image, other])
    engine.check(["docker", "push", "--quiet", other])


def _debian(image: str) -> None:
    """Debian as the slim image is: the packages of `minbase`, no manuals, apt that keeps nothing.

    What this machine adds: its package archive, and trust in its certificate authorities. Like the
    real image it has no ca-certificates; once installed, that package takes ours up.
    """
    work = STATE / "work" / "debian"
    shutil.rmtree(work, ignore_errors=True)
    files = {
        "etc/apt/apt.conf.d/docker-clean": DOCKER_CLEAN,
        "etc/apt/apt.conf.d/machine": _apt_settings(),
        "etc/dpkg/dpkg.cfg.d/docker-apt-speedup": "force-unsafe-io\n",
        "etc/pip.conf": f"[global]\ncert = /{TRUST}\n" + _index("index-url = {}\n"),
        "etc/uv/uv.toml": "native-tls = true\n" + _index('[[index]]\nurl = "{}"\ndefault = true\n'),
        TRUST: engine.BUNDLE.read_text(),
    }
    for number, certificate in enumerate(_own_authorities()):
        files[f"usr/local/share/ca-certificates/machine-{number}.crt"] = certificate
    for name, text in files.items():
        file = work / "files" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    lines = [f"deb {engine.archive()} {engine.SUITE}{part} main" for part in ("", "-updates")]
    options = ["--variant=minbase", "--dpkgopt=path-exclude=/usr/share/man/*"]
    options += [f"--aptopt={line}" for line in _apt_settings().splitlines()]
    options += [f"--customize-hook=sync-in {work}/files /"]
    engine.check(["mmdebstrap", *options, engine.SUITE, work / "root.tar", *lines])
    engine.check(["docker", "import", '--change=CMD ["bash"]', work / "root.tar", image])
    engine.check(["docker", "push", image])
    (work / "root.tar").unlink()


def _apt_settings() -> str:
    """How this machine's apt is told to fetch: a proxy, say, or an archive with an old date."""
    lines = engine.check(["apt-config", "dump", "Acquire"]).splitlines()
    kept = re.compile(r"Acquire::(Check-|Retries|https?::(Proxy|Timeout))")
    return "".join(f"{line}\n" for line in lines if kept.match(line))


def _index(line: str) -> str:
    """`line` with the package index that this machine's pip uses, when that is not PyPI itself."""
    settings = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True
    ).stdout
    found = re.search(r"^(?:global|:env:)\.index-url='(https?://[^']+)'", settings, re.MULTILINE)
    return line.format(found[1]) if found else ""


def _own_authorities() -> list[str]:
    """The certificates in the rig's bundle that Debian's ca-certificates does not bring."""
    split = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n", re.DOTALL)
    known = {text for file in MOZILLA.rglob("*.crt") for text in split.findall(file.read_text())}
    return [text for text in split.findall(engine.BUNDLE.read_text()) if text not in known]


def _build(target: str, image: str) -> None:
    images = CATALOG["images"]
    arguments = {
        "CODE_SERVER": images["code-server"]["tag"],
        "CRAN": f"https://{sources.CRAN[0]}",
        "DEBIAN": reference(images["debian"]),
        "HUB": images["hub"]["tag"],
        "MAMBA": images["micromamba"]["tag"],
        "PYTHON": images["debian"]["python"],
        "UV": images["uv"]["tag"],
    }
    options = [f"--build-arg={name}={value}" for name, value in arguments.items()]
    options += ["--provenance=false", f"--target={target}"]
    log = engine.build(image, RECIPE, *options, push=image != TOOLS)
    (STATE / "log" / f"{target}.log").write_text(log)


def _facts() -> list:
    """What the catalog says of the packages that are in stand-ins and package sources."""
    return [CATALOG["packages"], CATALOG["hub"], CATALOG["cran"]]


def _stamp(folder: Path | None = None, *facts: object) -> str:
    """What something is made of, as one short hash: Debian, trust, files, parts of the catalog."""
    files = sorted(file for file in folder.rglob("*") if file.is_file()) if folder else []
    known = json.dumps([CATALOG["images"]["debian"], *facts])
    parts = [known.encode(), engine.BUNDLE.read_bytes(), *(file.read_bytes() for file in files)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]
