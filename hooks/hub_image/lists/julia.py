"""Project.toml: Python's TOML parser and the rules of Julia's Pkg."""

import re
from functools import lru_cache

from hub_image.lists.model import Fault, PackageList, unreadable
from hub_image.syntax import toml


@lru_cache
def read(text: str) -> PackageList:
    """Read a Project.toml as Julia's Pkg does: https://pkgdocs.julialang.org/v1/toml-files/"""
    from uuid import UUID

    faults: list[Fault] = []

    def fault(key: str, message: str) -> None:
        match = re.search(rf"(?m)^\s*\[?[\"']?{re.escape(key)}\b", text)
        line = text.count("\n", 0, match.end()) + 1 if match else 1
        faults.append(Fault("julia", line, message))

    try:
        project = toml.loads(text)
    except (RecursionError, ValueError) as error:
        place = re.search(r"line (\d+)", str(error))
        reason = re.sub(r" \(at .*\)", "", str(error))
        line = int(place[1]) if place else max(1, len(text.splitlines()))
        return unreadable("julia", line, f'this is not TOML: {reason}; write `Name = "uuid"`')

    tables = {}
    for table in ("deps", "weakdeps", "extras", "compat"):
        tables[table] = project.get(table, {})
        if not isinstance(tables[table], dict):
            fault(table, f"`{table}` must be a table; write `[{table}]` on a line of its own")
            tables[table] = {}
    for table in ("deps", "weakdeps", "extras"):
        for name, uuid in tables[table].items():
            try:
                UUID(uuid)
            except (ValueError, AttributeError, TypeError):
                fault(
                    name,
                    f"`{name}` needs the package's UUID, not `{uuid}`; add it in Julia with "
                    f'`Pkg.activate("."); Pkg.add("{name}")`',
                )
    for name, versions in tables["compat"].items():
        if name != "julia" and not any(name in tables[t] for t in ("deps", "weakdeps", "extras")):
            fault(
                "compat",
                f"`{name}` has a `[compat]` entry but is not in `[deps]`; add or remove it",
            )
        if not isinstance(versions, str):
            fault(name, f'the versions of `{name}` must be text, as in `{name} = "1.2"`')
    return PackageList(faults=tuple(faults))
