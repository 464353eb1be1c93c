"""One row for each image: what its repository says, what hubs run, and what its registry has."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from hub_image.fleet import hubs, made, remote
from hub_image.fleet.asking import Asking, Ended
from hub_image.fleet.model import Need, Row, Use, Weight
from hub_image.fleet.sources import Source
from hub_image.handoff import profiles
from hub_image.handoff.config import HubConfig
from hub_image.problem import Problem
from hub_image.repository import image_env, tags
from hub_image.tools.git import on_github
from hub_image.tools.registry import Away, Refused, Repository

# Which kind of what the bot opens does what is to be done.
DOES = {Weight.BASE: "update", Weight.TEMPLATE: "update", Weight.PACKAGES: "expire"}
DATED = re.compile(r"(20\d\d)[-.]?(\d\d)[-.]?(\d\d)")  # tags of bases, as in cuda12-2026-07-28


def gather(
    paths: Sequence[Path],
    sources: Sequence[Source] = (),
    configs: Sequence[HubConfig] = (),
    asking: Asking | None = None,
    ask: bool = True,
) -> tuple[list[Row], tuple[str, ...]]:
    """Return a row for each image, the ones that need somebody first, and notes on what was passed over.

    `paths` are repositories of the template, and files or folders of hubs' configurations; `sources` repositories on
    GitHub, and `configs` hubs' configurations there. With `ask` registries tell what they have. Who does not answer is a
    need of the row; a repository that cannot be read is a row of its own, but where GitHub's limit is used up, which is
    one note. Raises Problem for a path or a configuration that is not there.
    """
    asking = asking or Asking()
    local = [path for path in paths if (path / image_env.FILE).is_file()]
    places = [path for path in paths if path not in local]
    has_hubs = bool(places or configs)
    uses, notes = _hubs(places, configs)
    found = [_local(path) for path in dict.fromkeys(local)]
    with asking.pool() as pool:
        found += _remote(asking, sources, pool.map, notes.append)
        rows = _once(found, notes.append)
        for name, here in uses.items():
            rows[name] = replace(rows.get(name, Row(name)), uses=tuple(here))
        if ask:
            asked = list(pool.map(_asked, rows.values()))
        else:
            asked = list(rows.values())
        days = cache(lambda base: _base_day(base, ask))
        dated = pool.map(lambda row: replace(row, base_day=days(row.base)), asked)
        done = [replace(row, needs=tuple(_needs(row, has_hubs))) for row in dated]
    return sorted(done, key=lambda row: row.urgency), tuple(notes)


def _hubs(places: Sequence[Path], configs: Sequence[HubConfig]) -> tuple[hubs.Uses, list[str]]:
    """What all hubs have, and notes."""
    uses, said = hubs.local(places)
    notes = list(said)
    for config in configs:
        more, said = hubs.remote(config)
        notes += said
        for name, here in more.items():
            uses.setdefault(name, []).extend(here)
    return uses, notes


def _local(path: Path) -> Row:
    """The row of a repository in a folder."""
    try:
        return made.row(path, str(path), on_github(path).partition("/")[0])
    except Problem as problem:
        return _unread(str(path), problem)


def _unread(name: str, problem: Problem, page: str = "") -> Row:
    """The row of a repository that cannot be read."""
    need = Need(Weight.UNKNOWN, str(problem).rstrip("."))
    return Row(name, repository=name, page=page, needs=(need,))


def _remote(
    asking: Asking,
    sources: Sequence[Source],
    each: Callable[..., Iterable[Row | Problem | None]],
    say: Callable[[str], object],
) -> Iterator[Row]:
    """The rows of repositories on GitHub, and notes on those that have none."""
    others = unread = 0

    def one(source: Source) -> Row | Problem | None:
        try:
            if source.trouble:
                raise source.trouble
            return remote.read(asking, source)
        except Problem as problem:
            return problem

    for source, found in zip(sources, each(one, sources), strict=True):
        if found is None:
            others += 1
        elif isinstance(found, Ended):
            unread += 1
        elif isinstance(found, Problem):
            yield _unread(source.name, found, f"{asking.server}/{source.name}")
        else:
            yield found
    if others:
        say(f"Repositories that make no image with the template: {others}.")
    if asking.ended:
        say(f"{unread} of {len(sources)} repositories were not looked at: {asking.ended}.")


def _once(found: Iterable[Row], say: Callable[[str], object]) -> dict[str, Row]:
    """The rows by their images; two repositories that make the same one are a note."""
    rows: dict[str, Row] = {}
    for row in found:
        first = rows.setdefault(row.image, row)
        if first is not row and profiles.OWNER not in row.image:
            say(
                f"{first.repository} and {row.repository} both make {row.image}: only the first is looked at."
            )
    return rows


def _base_day(base: str, ask: bool) -> str:
    """The day of a base image: as its tag says it, or its registry; empty where neither does."""
    name, _, tag = base.rpartition(":")
    if written := DATED.search(tag):
        return "-".join(written.groups())
    try:
        return Repository(name).created(tag)[:10] if ask and name else ""
    except Problem:
        return ""


def _asked(row: Row) -> Row:
    """A row with what its registry tells."""
    needs = list(row.needs)
    if profiles.OWNER in row.image:
        sentence = (
            "nobody knows who owns its image, because it is not on GitHub; answer registry_owner"
        )
        return replace(row, needs=(*needs, Need(Weight.UNKNOWN, sentence)))
    if not row.is_read:
        return row
    registry = Repository(row.image)
    created = cache(lambda tag: _day(registry, tag))
    digest = cache(lambda tag: registry.digest(tag))
    uses = []
    newest = day = ""
    try:
        if row.repository:
            built = row.proof.commit[:12] if row.proof and row.proof.passed else ""
            newest = tags.newest(registry, built)
            day = created(newest) or ""
        for use in row.uses:
            made = created(use.tag)
            is_newest = newest and use.tag[:1] == "@" and use.tag[1:] == digest(newest)
            tag = newest + use.tag if is_newest else use.tag
            uses.append(replace(use, tag=tag, day=made or ""))
            if made is None:
                sentence = f"{use.where} has {use.short}, which the registry does not have, or not for everybody; start it, or change the tag"
                needs.append(Need(Weight.GONE, sentence, use.page))
    except Problem as problem:
        needs.append(Need(Weight.UNKNOWN, str(problem).rstrip(".")))
        return replace(row, needs=tuple(needs))
    return replace(row, newest=newest, day=day, uses=tuple(uses), needs=tuple(needs))


def _day(registry: Repository, tag: str) -> str | None:
    """The day on which an image was made, empty where it does not say; None where there is no such image."""
    if not tag:
        return ""
    try:
        return registry.created(tag.rpartition("@")[2])[:10]
    except (Away, Refused):
        raise
    except Problem:
        return None


def _needs(row: Row, has_hubs: bool) -> Iterator[Need]:
    """Why somebody has to look, nothing twice: what waits already is not asked for."""
    request = next((one for one in row.waiting if one.kind == "request"), None)
    open = {one.kind for one in row.waiting}
    yield from (need for need in row.needs if DOES.get(need.weight) not in open)
    for use in row.uses:
        yield from _of_use(row, use, request.page if request else "")
    if has_hubs and not row.uses and row.is_read:
        sentence = "no hub here has it; send its link request, or retire it"
        yield Need(Weight.UNLINKED, sentence, request.page if request else "")
    if request and not has_hubs:
        sentence = "its link request is open; send it to the people who run the hub, or close it"
        yield Need(Weight.WAITS, sentence, request.page)
    if row.proof and not row.proof.passed:
        sentence = f"its last proof failed, on {row.proof.day}; look at the run"
        yield Need(Weight.FAILED, sentence, row.proof.page)
    pulls = {one.kind for one in row.waiting if one.is_pull}
    for one in row.waiting:
        if one.is_pull:
            yield Need(Weight.WAITS, f"“{one.title}” waits; look at it, and merge it", one.page)
        elif one.kind not in pulls | {"request", "welcome"}:
            yield Need(Weight.WAITS, f"“{one.title}”; do what the issue says", one.page)


def _of_use(row: Row, use: Use, request: str) -> Iterator[Need]:
    """Why somebody has to look at what a hub has; `request` is where the link request is, if one is open."""
    if use.moves:
        sentence = f"{use.where} has a tag that moves; write one that stays"
        yield Need(Weight.MOVES, sentence, use.page)
    elif row.newest and use.tag.partition("@")[0] != row.newest:
        of = f" of {use.day}" if use.day else ""
        newer = f"{row.newest} of {row.day} is newer" if row.day else f"{row.newest} is newer"
        sentence = f"{use.where} has {use.short}{of}, and {newer}; change the tag"
        yield Need(Weight.BEHIND, sentence, request or use.page)
    if row.hub_version and use.hub_version and use.hub_version != row.hub_version:
        sentence = (
            f"{use.where} is for JupyterHub {use.hub_version}, and it is proved for {row.hub_version}; change its "
            "answer hub_version"
        )
        page = f"{row.page}/actions/workflows/configure.yml" if row.page else ""
        yield Need(Weight.HUB, sentence, page)
