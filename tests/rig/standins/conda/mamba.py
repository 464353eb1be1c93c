"""Stand-in for the command line of mamba, micromamba and conda, over py-rattler.

Solving, downloading, checking and linking are real; options, messages and defaults are only as far
like the real program's as Dockerfiles and `%conda` need. Unknown commands and options are refused.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml
from rattler import Channel, Gateway, MatchSpec, PrefixRecord, VirtualPackage, install, solve

VERSION = "@MAMBA@"  # filled in when it is packed
PROGRAM = Path(sys.argv[0]).name
BUNDLE = "/usr/local/ssl/cert.pem"  # where the stand-in for Debian keeps its authorities


class Refused(Exception):
    """What the real program would end with as `critical libmamba`."""


def parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    common.add_argument("-y", "--yes", action="store_true")
    common.add_argument("-q", "--quiet", action="store_true")
    common.add_argument("--json", action="store_true")
    common.add_argument("-r", "--root-prefix", type=Path)
    where = common.add_mutually_exclusive_group()
    where.add_argument("-p", "--prefix", type=Path)
    where.add_argument("-n", "--name")

    change = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    change.add_argument("-f", "--file", action="append", default=[], type=Path)
    change.add_argument("-c", "--channel", action="append", default=[])
    change.add_argument("--override-channels", action="store_true")
    change.add_argument("--dry-run", action="store_true")
    change.add_argument("specs", nargs="*")

    def add(commands, name, function, *parents):
        command = commands.add_parser(name, parents=[common, *parents], allow_abbrev=False)
        command.set_defaults(function=function)
        return command

    top = argparse.ArgumentParser(PROGRAM, allow_abbrev=False)
    top.add_argument("--version", action="version", version=VERSION)
    commands = top.add_subparsers(required=True, metavar="command")
    add(commands, "create", change_environment, change)
    add(commands, "install", change_environment, change)
    remove = add(commands, "remove", remove_packages)
    remove.add_argument("--no-prune-deps", action="store_true", required=True)
    remove.add_argument("specs", nargs="+")
    listing = add(commands, "list", list_packages)
    listing.add_argument("--full-name", action="store_true")
    listing.add_argument("pattern", nargs="?", default="")
    clean = add(commands, "clean", clean_caches)
    clean.add_argument("-a", "--all", action="store_true", required=True)
    clean.add_argument("-f", "--force-pkgs-dirs", action="store_true")
    environments = commands.add_parser("env", allow_abbrev=False).add_subparsers(required=True)
    add(environments, "create", change_environment, change)
    add(environments, "update", change_environment, change)
    return top


def prefix_of(options: argparse.Namespace) -> Path:
    root = root_of(options)
    if options.prefix:
        return options.prefix.resolve()
    if options.name and options.name != "base":
        return root / "envs" / options.name
    return root if options.name else Path(os.environ.get("CONDA_PREFIX", root))


def root_of(options: argparse.Namespace) -> Path:
    if options.root_prefix or os.environ.get("MAMBA_ROOT_PREFIX"):
        return Path(options.root_prefix or os.environ["MAMBA_ROOT_PREFIX"])
    # The installed program belongs to the environment that it stands in.
    return Path.home() / "micromamba" if PROGRAM == "micromamba" else Path(sys.prefix)


def package_caches(options: argparse.Namespace) -> list[Path]:
    folders = os.environ.get("CONDA_PKGS_DIRS", "").split(",")
    return [Path(folder) for folder in folders if folder] or [root_of(options) / "pkgs"]


def installed(prefix: Path) -> list[PrefixRecord]:
    return [PrefixRecord.from_path(file) for file in sorted((prefix / "conda-meta").glob("*.json"))]


def change_environment(options: argparse.Namespace) -> int:
    prefix = prefix_of(options)
    specs, pip, channels = list(options.specs), [], list(options.channel)
    for file in options.file:
        if "@EXPLICIT" in file.read_text().splitlines():
            return install_explicit(prefix, file, package_caches(options)[0])
        if file.suffix not in (".yml", ".yaml"):
            specs += [
                line for line in file.read_text().splitlines() if line.strip() and line[0] != "#"
            ]
            continue
        wanted = yaml.safe_load(file.read_text()) or {}
        channels += [name for name in wanted.get("channels") or [] if name != "nodefaults"]
        for dependency in wanted.get("dependencies") or []:
            if isinstance(dependency, dict):
                pip += [(line, file.parent) for line in dependency.get("pip") or []]
            else:
                specs.append(dependency)
    present = installed(prefix)
    names = {record.name.normalized for record in present}
    if pip and "pip" not in names:
        specs.append("pip")
    if specs:
        records = asyncio.run(
            resolve(prefix, specs, channels or configured_channels(prefix), present)
        )
        if not options.dry_run:
            asyncio.run(link(prefix, records, package_caches(options)[0]))
            remember(prefix, specs)
            compile_bytecode(prefix)
    if pip and not options.dry_run:
        install_with_pip(prefix, pip)
    return 0


def install_explicit(prefix: Path, file: Path, cache: Path) -> int:
    """Install the packages at the addresses of an explicit list, without solving."""
    urls = dict(
        line.split("#") for line in file.read_text().splitlines() if line.startswith("https://")
    )
    present = {record.name.normalized: record for record in installed(prefix)}
    records = asyncio.run(records_at(urls))
    names = {record.name.normalized for record in records}
    if PROGRAM != "conda" and names & present.keys():
        # The real mamba links such a package over the one that is there, and keeps both on its books.
        raise Refused(f"{', '.join(names & present.keys())} would be in {prefix} twice")
    kept = [record for name, record in present.items() if name not in names]
    asyncio.run(link(prefix, kept + records, cache))
    remember(prefix, list(urls))
    compile_bytecode(prefix)
    return 0


async def records_at(urls: dict[str, str]) -> list:
    """What the channel says of the packages at these addresses, whose hashes must be as listed."""
    names = {url.rsplit("/", 1)[1].rsplit("-", 2)[0] for url in urls}
    channels = {url.rsplit("/", 2)[0] for url in urls}
    found = await Gateway().query(
        [Channel(channel) for channel in channels],
        ["linux-64", "noarch"],
        sorted(names),
        recursive=False,
    )
    known = {str(record.url): record for records in found for record in records}
    for url, digest in urls.items():
        if url not in known:
            raise Refused(f"{url}: 404")
        if known[url].sha256.hex() != digest:
            raise Refused(f"{url}: SHA256 sum mismatch")
    return [known[url] for url in urls]


def remove_packages(options: argparse.Namespace) -> int:
    """Remove packages, and what depends on them; `--no-prune-deps` keeps what they depend on."""
    prefix = prefix_of(options)
    present = installed(prefix)
    missing = set(options.specs) - {record.name.normalized for record in present}
    if missing:
        raise Refused(f"packages to remove not found in the environment: {', '.join(missing)}")
    going: set[str] = set()
    more = set(options.specs)
    while more:
        going |= more
        more = {
            record.name.normalized
            for record in present
            if any(depend.split()[0] in going for depend in record.depends)
        } - going
    kept = [record for record in present if record.name.normalized not in going]
    asyncio.run(link(prefix, kept, package_caches(options)[0]))
    remember(prefix, [f"-{name}" for name in sorted(going)])
    return 0


def configured_channels(prefix: Path) -> list[str]:
    for file in (prefix / ".condarc", Path.home() / ".condarc"):
        if file.exists():
            return (yaml.safe_load(file.read_text()) or {}).get("channels") or ["conda-forge"]
    return ["conda-forge"]


async def resolve(prefix: Path, specs: list[str], channels: list[str], present: list) -> list:
    """What the environment shall hold: what is asked for, and what is there already."""
    pinned = prefix / "conda-meta/pinned"
    pins = (
        [line for line in pinned.read_text().splitlines() if line.strip()]
        if pinned.exists()
        else []
    )
    asked = [MatchSpec(spec) for spec in specs]
    keep = [MatchSpec(record.name.normalized) for record in present]
    try:
        return await solve(
            sources=[Channel(name) for name in channels],
            specs=asked + keep,
            gateway=Gateway(),
            platforms=["linux-64", "noarch"],
            locked_packages=present,
            virtual_packages=VirtualPackage.detect(),
            constraints=[MatchSpec(pin) for pin in pins],
        )
    except Exception as error:
        raise Refused(f"could not solve for {', '.join(specs)} (pins: {pins}):\n{error}") from error


async def link(prefix: Path, records: list, cache: Path) -> None:
    (prefix / "conda-meta").mkdir(parents=True, exist_ok=True)
    await install(records=records, target_prefix=prefix, cache_dir=cache, show_progress=False)
    print(f"{len(records)} packages in {prefix}")


def remember(prefix: Path, specs: list[str]) -> None:
    """The history, by which IPython knows a conda environment and finds its conda."""
    moment = datetime.datetime.now().strftime("%Y-%m-%d %H:%M:%S")
    program = shutil.which(sys.argv[0]) or sys.argv[0]
    with (prefix / "conda-meta/history").open("a") as file:
        file.write(f"==> {moment} <==\n# cmd: {program} {' '.join(sys.argv[1:])}\n")
        file.write(f"# conda version: {VERSION}\n# update specs: {json.dumps(specs)}\n")


def compile_bytecode(prefix: Path) -> None:
    """Packages for any Python are compiled when they are installed, and this channel has such."""
    library = next(prefix.glob("lib/python3.*"), None)
    if library:
        quiet = ["-m", "compileall", "-q", "-q", "-j", "0"]
        subprocess.run(
            [prefix / "bin/python", *quiet, library], env=outside()
        )  # templates do not compile


def install_with_pip(prefix: Path, wanted: list[tuple[str, Path]]) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("".join(f"{line}\n" for line, _ in wanted))
        file.flush()
        command = [prefix / "bin/python", "-m", "pip", "install", "-U", "-r", file.name]
        if subprocess.run(command, cwd=wanted[0][1], env=outside()).returncode:
            raise Refused("pip failed to install packages")


def outside() -> dict[str, str]:
    """The environment without what a one-file executable puts into it for itself."""
    environment = dict(os.environ)
    original = environment.pop("LD_LIBRARY_PATH_ORIG", None)
    if getattr(sys, "frozen", False):
        environment.pop("LD_LIBRARY_PATH", None)
    if original:
        environment["LD_LIBRARY_PATH"] = original
    return environment


def list_packages(options: argparse.Namespace) -> int:
    prefix = prefix_of(options)
    if not (prefix / "conda-meta").is_dir():
        raise Refused(f"{prefix} is no environment")
    fits = options.pattern.__eq__ if options.full_name else lambda name: options.pattern in name
    rows = [record for record in installed(prefix) if fits(record.name.normalized)]
    entries = [
        {
            "name": row.name.normalized,
            "version": str(row.version),
            "build_string": str(row.build),
            "channel": "conda-forge",
        }
        for row in rows
    ]
    if options.json:
        print(json.dumps(entries, indent=2))
        return 0
    for entry in entries:
        print("  {name:<32} {version:<14} {build_string:<14} {channel}".format(**entry))
    return 0


def clean_caches(options: argparse.Namespace) -> int:
    for folder in package_caches(options):
        for item in folder.iterdir() if folder.is_dir() else ():
            shutil.rmtree(item) if item.is_dir() else item.unlink()
    return 0


def main() -> int:
    if os.path.exists(BUNDLE):
        os.environ["SSL_CERT_FILE"] = BUNDLE
    options = parser().parse_args()
    try:
        return options.function(options)
    except (Refused, OSError) as error:
        print(f"critical libmamba {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # rattler's own threads sometimes crash an interpreter that ends the usual way
