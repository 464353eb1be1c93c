"""What there is to know of an image before a hub runs it: its registry, the contract, its packages."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from hub_image import __version__, catalog
from hub_image.contract import FAIL, PASS, WARN, Target
from hub_image.contract.command import contract, in_order
from hub_image.gate.changes import Change
from hub_image.hubconfig.charts import Versions
from hub_image.lists import installed
from hub_image.problem import Problem
from hub_image.repository.reference import Moves, Reference
from hub_image.tools import docker
from hub_image.tools.registry import Refused, Repository

# Without these a server is no use to anybody; what else fails in the contract is said, and stops nothing.
NEEDED = ("a server starts", "a notebook runs", "the first page opens")
GROUPS = ("static", "container", "hub")
LABEL = "org.opencontainers.image."


@dataclass(frozen=True)
class Proof:
    """What was found out about an image. `wrong` says in one sentence why a hub cannot run it, or is empty."""

    reference: str
    wrong: str = ""
    digest: str = ""
    is_public: bool = True
    moves: str = ""
    size: int = 0
    created: str = ""
    base: str = ""
    source: str = ""
    hub_version: str = ""
    results: tuple[tuple[str, str, str, str], ...] = ()  # status, number, name, detail
    packages: tuple[tuple[str, str, str, str], ...] = ()  # manager, name, before, now
    compared: bool = False
    note: str = ""

    @property
    def failed(self) -> list[tuple[str, str, str, str]]:
        """What the contract says against it."""
        return [result for result in self.results if result[0] == FAIL]

    @property
    def age(self) -> int | None:
        """Days since it was made, where it says so."""
        try:
            made = datetime.fromisoformat(self.created[:19]).replace(tzinfo=timezone.utc)
        except ValueError:
            return None
        days = (datetime.now(timezone.utc) - made).days
        return days if made.year > 1980 else None  # reproducible builds say 1970 or 1980


@dataclass
class Cache:
    """Keeps what was found out about a digest in files of a folder, for the next push."""

    folder: Path
    used: int = field(default=0)

    def get(self, *key: object) -> Any:
        """Return what was kept for this key, or nothing."""
        try:
            kept = json.loads(self._file(key).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        self.used += 1
        return kept

    def put(self, value: object, *key: object) -> None:
        """Keep this for the key; where that is not possible, it is found out again next time."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._file(key).write_text(json.dumps(value), encoding="utf-8")
        except OSError:
            pass

    def _file(self, key: tuple[object, ...]) -> Path:
        said = json.dumps([__version__, *key], sort_keys=True, default=str)
        return self.folder / f"{hashlib.sha256(said.encode()).hexdigest()}.json"


def prove(changes: Iterable[Change], repository: Path, cache: Cache, hub: str = "") -> list[Proof]:
    """Return a proof for each changed image, in their order; as many at once as the machine allows."""
    versions = Versions()

    def one(change: Change) -> Proof:
        version = hub or versions.of(repository / change.after.file) or catalog.load().hub
        try:
            return _prove(change, version, cache)
        except Problem as problem:
            return Proof(
                change.after.reference, wrong=str(problem).rstrip("."), hub_version=version
            )

    with ThreadPoolExecutor(max(1, (os.cpu_count() or 1) // 2)) as pool:
        return list(pool.map(one, changes))


def _prove(change: Change, version: str, cache: Cache) -> Proof:
    image = change.after
    proof = facts(image.reference, version)
    if proof.wrong:
        return proof
    pinned = f"{Reference.parse(image.reference).name}@{proof.digest}"
    override: dict[str, Any] = {"environment": _plain(image.environment)}
    if image.working_dir:
        override["working_dir"] = image.working_dir
    url = image.default_url or "/lab"
    key = ("contract", pinned, version, url, override)
    results = cache.get(*key)
    if results is None:
        target = Target(
            reference=pinned,
            hub_version=version,
            default_url=url,
            override=override,
            config=docker.inspect(pinned),
        )
        found = in_order(contract(target, GROUPS))
        results = [
            [one.status, one.check.number, one.check.name, one.detail]
            for one in found
            if one.status in (PASS, WARN, FAIL)
        ]
        cache.put(results, *key)
    proof = replace(proof, results=tuple(tuple(result) for result in results))
    broken = next((one for one in proof.failed if one[2] in NEEDED), None)
    if broken:
        proof = replace(proof, wrong=f"{broken[3] or broken[2]} ({broken[1]}, {broken[2]})")
    if change.before and change.kind == "changed":
        proof = _compared(proof, pinned, change.before.reference, cache)
    return proof


def facts(reference: str, version: str) -> Proof:
    """Return what the registry knows of an image, asked as anyone and as whoever is logged in.

    Raises Problem when the registry does not answer.
    """
    parsed = Reference.parse(reference)
    if not parsed.path or reference.startswith(":"):
        return Proof(reference, wrong="its name stands in no file beside it; write it there")
    tag = parsed.digest or parsed.tag or "latest"
    for is_public in (True, False):
        repository = Repository(parsed.name, anonymous=is_public)
        with suppress(Refused):
            digest = repository.digest(tag)
            if digest is not None:
                break
    else:
        what = f"the registry has no {parsed}, or gives it to nobody without a password; check its name and tag"
        return Proof(reference, wrong=what, hub_version=version)
    manifest = repository.image(digest, "amd64")
    if manifest is None or "config" not in manifest.content:  # an index without it
        what = "it has no image for linux/amd64, which hubs' machines are; build it for that too"
        return Proof(reference, wrong=what, hub_version=version)
    configuration = json.loads(repository.blob(manifest.content["config"]["digest"]))
    labels = (configuration.get("config") or {}).get("Labels") or {}
    commit = labels.get(f"{LABEL}revision", "")
    source = labels.get(f"{LABEL}source", "")
    moves = {Moves.YES: "moves", Moves.MAYBE: "may move", Moves.NO: ""}[parsed.moves]
    return Proof(
        reference,
        digest=digest,
        is_public=is_public,
        moves=moves,
        size=sum(installed.layers(manifest.content).values()),
        created=str(configuration.get("created") or ""),
        base=labels.get(f"{LABEL}base.name", ""),
        source=f"{source}/commit/{commit}"
        if source.startswith("https://github.com/") and commit
        else source,
        hub_version=version,
    )


def _compared(proof: Proof, new: str, before: str, cache: Cache) -> Proof:
    """Return the proof with what changed in packages; where the image before is gone, with a note."""
    try:
        old = facts(before, "")
        if old.wrong:
            raise Problem(old.wrong)
        pinned = f"{Reference.parse(before).name}@{old.digest}"
        changes = installed.compare(_packages(pinned, cache), _packages(new, cache))
    except Problem as problem:
        return replace(proof, note=f"Its packages are not compared with {before}: {problem}")
    return replace(proof, packages=tuple(changes), compared=True)


def _packages(pinned: str, cache: Cache) -> installed.Packages:
    kept = cache.get("packages", pinned)
    if kept is None:
        docker.inspect(pinned)
        kept = [[*key, version] for key, version in installed.packages(pinned).items()]
        cache.put(kept, "packages", pinned)
    return {(manager, name): version for manager, name, version in kept}


def _plain(environment: dict[str, str]) -> dict[str, str]:
    """What Kubernetes would fill in, such as $(JUPYTERHUB_USER), is left out: nothing does that here."""
    return {name: value for name, value in environment.items() if "$(" not in value}
