"""Stand-in for the command lines of micromamba, mamba and conda, over py-rattler.

Solving, downloading, checking and unpacking are real. What it leaves in a prefix, its exit codes and the texts by which
failures are told apart are those of the program and version that it plays; other output and options are only as far
like the real ones as Dockerfiles and `%conda` need, and unknown ones are refused. Where that is from:

- recorded.yml: what the real programs left, which tests/rig/test_conda.py asks of this one and of the real one
- mamba 2.8.1: libmamba's transaction.cpp (explicit lists are linked without looking for other versions), link.cpp (short
  paths of noarch packages in conda's records, post-link scripts), transaction_context.cpp (one process compiles, started
  with the first noarch package), package_info.cpp and package_fetcher.cpp (checksums of an explicit list),
  shards.cpp (its cache), problems_graph.cpp and downloader.cpp (texts)
- https://github.com/mamba-org/mamba/pull/4110 and /4259: what was different before 2.6 and 2.7
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml
from rattler import (
    Channel,
    Gateway,
    MatchSpec,
    PrefixRecord,
    RepoDataRecord,
    VirtualPackage,
    install,
    solve,
)

VERSION = "@VERSION@"  # filled in when it is packed
PROGRAM = Path(sys.argv[0]).name
CONDA = PROGRAM == "conda"
BUNDLE = "/usr/local/ssl/cert.pem"  # where the stand-in for Debian keeps its authorities
EXPLICIT = re.compile(r"(https?://\S+?/([^/#]+?)\.(?:conda|tar\.bz2))(?:#(?:sha256:)?(\w+))?$")


class Refused(Exception):
    """What the real program would end with as `critical libmamba`."""


def since(*version: int) -> bool:
    """Whether the program that this one plays behaves as mamba does from this version on."""
    return not CONDA and tuple(map(int, VERSION.split("."))) >= version


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
    remove.add_argument("-f", "--force", action="store_true")
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


def gateway(options: argparse.Namespace) -> Gateway:
    """What asks channels. From 2.6 on the index is kept in shards, and not among the packages."""
    shards = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "conda/pkgs/cache"
    folder = shards if since(2, 6) else package_caches(options)[0] / "cache"
    folder.mkdir(parents=True, exist_ok=True)
    return Gateway(cache_dir=folder)


def records_of(prefix: Path) -> list[Path]:
    return sorted((prefix / "conda-meta").glob("*.json"))


def installed(prefix: Path) -> list[PrefixRecord]:
    return [PrefixRecord.from_path(file) for file in records_of(prefix)]


def change_environment(options: argparse.Namespace) -> int:
    prefix = prefix_of(options)
    specs, pip, channels = list(options.specs), [], list(options.channel)
    for file in options.file:
        if "@EXPLICIT" in file.read_text().splitlines():
            return install_explicit(options, prefix, file)
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
        if not CONDA and any(re.match(r"python\b", spec) for spec in specs):
            specs.append("pip")  # mamba makes it a dependency of Python
        channels = channels or configured_channels(prefix)
        records = asyncio.run(resolve(options, prefix, specs, channels, present))
        if not options.dry_run:
            before = {file.name for file in records_of(prefix)}
            link(prefix, records, package_caches(options)[0])
            remember(prefix, specs)
            new = [file for file in records_of(prefix) if file.name not in before]
            compile_bytecode(prefix, new)
            finish(prefix, new)
    if pip and not options.dry_run:
        install_with_pip(prefix, pip)
    return 0


def install_explicit(options: argparse.Namespace, prefix: Path, file: Path) -> int:
    """Install the packages at the addresses of an explicit list, in its order and without solving.

    conda puts them in the place of other versions. mamba and micromamba link them over those, and both
    stay on record.
    """
    found = [match for line in file.read_text().splitlines() if (match := EXPLICIT.match(line))]
    present = {record.name.normalized: record for record in installed(prefix)}
    had_python, cache = "python" in present, package_caches(options)[0]
    records = asyncio.run(records_at(options, {match[1]: match[3] for match in found}))
    names = [record.name.normalized for record in records]
    kept = [record for name, record in present.items() if name not in names]
    if not CONDA:
        kept = [record for record in kept if record.name.normalized == "python"]
    link(prefix, kept + records, cache, over=not CONDA)
    remember(prefix, [match[1] for match in found])
    new = [prefix / "conda-meta" / f"{match[2]}.json" for match in found]
    noarch = [name for name, record in zip(names, records, strict=True) if is_noarch(record)]
    early = noarch and "python" in names and names.index(noarch[0]) < names.index("python")
    # The process that compiles is started with the first such package, once.
    compile_bytecode(prefix, new, noarch=CONDA or had_python or not early)
    for path, match in zip(new, found, strict=True):
        note_checksums(path, match[3])
    finish(prefix, new)
    return 0


def is_noarch(record: RepoDataRecord) -> bool:
    """Whether a package is for any Python, and so is compiled when it is linked."""
    return record.subdir == "noarch" and any(need.split()[0] == "python" for need in record.depends)


def note_checksums(path: Path, told: str | None) -> None:
    """What stands in the record of a package of an explicit list: the checksum that the list has."""
    if CONDA or not path.exists():
        return
    record = json.loads(path.read_text())
    for name, digits in ("md5", 32), ("sha256", 64):
        if len(told or "") != digits:
            record.pop(name, None)
    if not since(2, 6):
        record["build_number"] = 0
    path.write_text(json.dumps(record, indent=2))


def finish(prefix: Path, new: list[Path]) -> None:
    """What programs write into the records of packages, and the scripts that run when these are linked."""
    for path in filter(Path.exists, new):
        record = json.loads(path.read_text())
        if CONDA and "site_packages_path" not in record:
            for entry in record["paths_data"][
                "paths"
            ]:  # of noarch packages as they are in the package
                entry["_path"] = re.sub(
                    r"^lib/python3\.\d+/site-packages/", "site-packages/", entry["_path"]
                )
        if not CONDA and record["name"] == "python" and "pip" not in record["depends"]:
            record["depends"].append("pip")
        path.write_text(json.dumps(record, indent=2))
        script = prefix / f"bin/.{record['name']}-post-link.sh"
        if script.exists():
            outcome = subprocess.run(["sh", script], env={**outside(), "PREFIX": str(prefix)})
            if outcome.returncode and CONDA:
                link(
                    prefix,
                    [r for r in installed(prefix) if r.name.normalized != record["name"]],
                    prefix / "pkgs",
                )
                raise Refused(f"LinkError: post-link script failed for package {record['name']}")


async def records_at(options: argparse.Namespace, urls: dict[str, str | None]) -> list:
    """What the channel says of the packages at these addresses, whose checksums must be as listed."""
    names = {url.rsplit("/", 1)[1].rsplit("-", 2)[0] for url in urls}
    channels = {url.rsplit("/", 2)[0] for url in urls}
    found = await gateway(options).query(
        [Channel(channel) for channel in channels],
        ["linux-64", "noarch"],
        sorted(names),
        recursive=False,
    )
    known = {str(record.url): record for records in found for record in records}
    for url, digest in urls.items():
        if url not in known:
            raise Refused(
                f"Failed to download package from {url} (status 404)\nFound incorrect downloads. Aborting"
            )
        if digest and digest not in (known[url].sha256.hex(), known[url].md5.hex()):
            raise Refused(f"{url}: checksum mismatch\nFound incorrect downloads. Aborting")
    return [known[url] for url in urls]


def remove_packages(options: argparse.Namespace) -> int:
    """Remove packages, and what depends on them, unless forced; `--no-prune-deps` keeps what they depend on."""
    prefix = prefix_of(options)
    present = installed(prefix)
    names = {record.name.normalized for record in present}
    if not options.force and set(options.specs) - names:
        missing = ", ".join(set(options.specs) - names)
        raise Refused(f"packages to remove not found in the environment: {missing}")
    going: set[str] = set()
    more = set(options.specs) & names
    while more:
        going |= more
        more = {
            record.name.normalized
            for record in present
            if any(depend.split()[0] in going for depend in record.depends)
        } - going
        if options.force:
            more = set()
    kept = [record for record in present if record.name.normalized not in going]
    link(prefix, kept, package_caches(options)[0])
    remember(prefix, [f"-{name}" for name in sorted(going)])
    return 0


def configured_channels(prefix: Path) -> list[str]:
    for file in (prefix / ".condarc", Path.home() / ".condarc"):
        if file.exists():
            return (yaml.safe_load(file.read_text()) or {}).get("channels") or ["conda-forge"]
    return ["conda-forge"]


async def resolve(
    options: argparse.Namespace, prefix: Path, specs: list[str], channels: list[str], present: list
) -> list:
    """What the environment shall hold: what is asked for, and what is there already if it can stay."""
    pinned = prefix / "conda-meta/pinned"
    pins = (
        [line for line in pinned.read_text().splitlines() if line.strip()]
        if pinned.exists()
        else []
    )
    ask = gateway(options)

    async def attempt(kept: list) -> list:
        return await solve(
            sources=[Channel(name) for name in channels],
            specs=[MatchSpec(spec) for spec in specs]
            + [MatchSpec(r.name.normalized) for r in kept],
            gateway=ask,
            platforms=["linux-64", "noarch"],
            locked_packages=present,
            virtual_packages=VirtualPackage.detect(),
            constraints=[MatchSpec(pin) for pin in pins],
        )

    try:
        try:
            return await attempt(present)
        except Exception:
            needed = await attempt([])  # mamba removes what stands in the way and nobody asked for
            names = {record.name.normalized for record in needed}
            kept = [
                record
                for record in present
                if record.name.normalized in names or not record.depends
            ]
            for record in present:
                if record not in kept and {need.split()[0] for need in record.depends} <= names:
                    kept.append(record)
            return await attempt(kept)
    except Exception as error:
        raise Refused(await explained(ask, channels, specs, str(error))) from error


async def explained(ask: Gateway, channels: list[str], specs: list[str], error: str) -> str:
    """mamba's text for a solve that failed, by its cause."""
    if (found := re.search(r"status code.*?(\d{3})|(\d{3}) Not Found", error)) or "404" in error:
        status = found and (found[1] or found[2]) or "404"
        return f"Multiple errors occurred:\n    Transfer finalized, status: {status} [{channels[0]}/noarch/repodata.json]\n    Subdir {channels[0]}/noarch not loaded!\n{error}"
    if re.search(r"error sending request|dns error|connect", error):
        return f"Multiple errors occurred:\n    Download error (6) Could not resolve hostname [{channels[0]}]\n{error}"
    lines = []
    for spec in specs:
        name = re.split(r"[ =<>!~\[]", spec.split("::")[-1])[0]
        found = await ask.query(
            [Channel(c) for c in channels], ["linux-64", "noarch"], [name], recursive=False
        )
        if not any(MatchSpec(spec).matches(record) for records in found for record in records):
            lines.append(f"    └─ {spec} does not exist (perhaps a typo or a missing channel).")
    print("error    libmamba Could not solve for environment specs", file=sys.stderr)
    print("\n".join(lines) or error, file=sys.stderr)
    return "Could not solve for environment specs"


def link(prefix: Path, records: list, cache: Path, over: bool = False) -> None:
    """Bring a prefix to these records; with `over`, add them to what is there, whatever that is."""
    (prefix / "conda-meta").mkdir(parents=True, exist_ok=True)
    hidden = []
    for path in records_of(prefix):
        record = json.loads(path.read_text())
        short = any(e["_path"].startswith("site-packages/") for e in record["paths_data"]["paths"])
        if over and record["name"] != "python":  # rattler links a noarch package only beside Python
            hidden.append(path.rename(path.with_suffix(".hidden")))
        elif short and since(2, 7):
            write_whole_paths(prefix, path, record)
        elif short and not CONDA and record["fn"] not in {r.file_name for r in records}:
            path.unlink()  # it says where no files are, so those stay
    asyncio.run(
        install(records=records, target_prefix=prefix, cache_dir=cache, show_progress=False)
    )
    for path in hidden:
        path.rename(path.with_suffix(".json"))
    print(f"{len(records)} packages in {prefix}\nTransaction finished")


def write_whole_paths(prefix: Path, path: Path, record: dict) -> None:
    """Write a record of conda anew, with the paths at which its files are."""
    library = next(prefix.glob("lib/python3.*/site-packages")).relative_to(prefix).as_posix()
    for entry in record["paths_data"]["paths"]:
        entry["_path"] = re.sub("^site-packages", library, entry["_path"])
    path.write_text(json.dumps(record, indent=2))


def remember(prefix: Path, specs: list[str]) -> None:
    """The history, by which IPython knows a conda environment and finds its conda."""
    moment = datetime.datetime.now().strftime("%Y-%m-%d %H:%M:%S")
    program = shutil.which(sys.argv[0]) or sys.argv[0]
    with (prefix / "conda-meta/history").open("a") as file:
        file.write(f"==> {moment} <==\n# cmd: {program} {' '.join(sys.argv[1:])}\n")
        file.write(f"# conda version: {VERSION}\n# update specs: {json.dumps(specs)}\n")


def compile_bytecode(prefix: Path, records: list[Path], noarch: bool = True) -> None:
    """Compile what packages bring: those for one Python have their bytecode in them, others when they are linked."""
    python = prefix / "bin/python"
    wanted = []
    for path in filter(Path.exists, records):
        record = json.loads(path.read_text())
        if record["subdir"] != "noarch" or noarch:
            wanted += [prefix / name for name in record["files"] if name.endswith(".py")]
    if wanted and python.exists():
        line = [python, "-Wi", "-m", "compileall", "-q", "-q", "-j", "0", "-i", "-"]
        names = "".join(f"{name}\n" for name in wanted)
        subprocess.run(line, env=outside(), input=names, text=True)  # templates do not compile
    for path in filter(Path.exists, records):  # so that what is compiled goes with its package
        record = json.loads(path.read_text())
        known = {entry["_path"] for entry in record["paths_data"]["paths"]}
        for name in record["files"]:
            folder, _, module = name.rpartition("/")
            for made in (
                (prefix / folder).glob(f"__pycache__/{module[:-3]}.cpython-*.pyc")
                if module.endswith(".py")
                else ()
            ):
                relative = str(made.relative_to(prefix))
                if relative not in known:
                    entry = {"_path": relative, "path_type": "pyc_file"}
                    record["paths_data"]["paths"].append(entry)
        path.write_text(json.dumps(record, indent=2))


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
