"""Answers that between them contain every pair of choices the questions allow."""

from __future__ import annotations

from allpairspy import AllPairs

from conftest import CATALOG

FAMILIES = CATALOG["families"]
NASTY = "{{ 7*7 }} {% raw %} $HOME `id` \"a\" 'b' \\ # c: d | *e* [f](g) <h> & ${{ i }} - 海洋"

STARTS = [
    {"start_from": "scratch"},
    *({"base": key} for key in CATALOG["bases"]),
    *(
        {"base": "other", "base_family": family, "base_image": "quay.io/ocean/base:2026.11.23"}
        for family in FAMILIES
        if family != "scratch"
    ),
]
LANGUAGES = [[], ["r"], ["julia"], ["r", "julia"]]
MANAGERS = ["conda", "pip"]
INTERFACES = [[], ["vscode"], ["rstudio", "desktop"], ["rstudio", "vscode", "desktop"]]
REGISTRIES = [
    {},
    {"registry": "quay.io", "registry_owner": "ocean"},
    {"registry": "docker.io", "github_owner": "CryoInTheCloud"},
    {"registry": "europe-docker.pkg.dev", "registry_owner": "a/b", "github_owner": "ocean"},
]
HUBS = [
    {},
    {"hub_url": "https://hub.example.org"},
    {"hub_url": "https://hub.example.org/", "support_url": "mailto:help@example.org"},
]
VERSIONS = [{}, {"hub_version": "4.1"}, {"hub_version": "5.4.4", "dask_gateway": True}]
TEXTS = [{}, {"title": NASTY, "description": NASTY}, {"title": "- a", "description": "1. b"}]


def family(start: dict) -> dict:
    """The catalog's family for the first answers."""
    if start.get("start_from") == "scratch":
        return FAMILIES["scratch"]
    return FAMILIES[start.get("base_family") or CATALOG["bases"][start["base"]]["family"]]


def allowed(row: list) -> bool:
    """Whether the questions allow these choices together; called with the beginnings of rows too."""
    if len(row) > 1 and row[0].get("base") in CATALOG["bases"]:
        if not set(row[1]) <= set(CATALOG["bases"][row[0]["base"]]["languages"]):
            return False
    if len(row) > 3 and "rstudio" in row[3] and "r" not in row[1]:
        return False
    return len(row) < 3 or row[2] in family(row[0])["package_managers"]


PAIRS = [
    {
        **start,
        "languages": languages,
        "package_manager": manager,
        "interfaces": interfaces,
        **registry,
        **hub,
        **version,
        **text,
    }
    for start, languages, manager, interfaces, registry, hub, version, text in AllPairs(
        [STARTS, LANGUAGES, MANAGERS, INTERFACES, REGISTRIES, HUBS, VERSIONS, TEXTS],
        filter_func=allowed,
    )
]
