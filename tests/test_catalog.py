"""catalog.yml is complete and consistent, because everything else relies on it."""

from __future__ import annotations

import re

import pytest

from conftest import CATALOG
from hub_image.repository.reference import Moves, Reference

REFERENCE = re.compile(r"[a-z0-9.-]+\.[a-z]+(/[a-z0-9_.-]+)+")
BASES = CATALOG["bases"]
FAMILIES = CATALOG["families"]


@pytest.mark.parametrize("key", BASES)
def test_base_is_complete(key):
    base = BASES[key]
    needed = {"title", "image", "tag", "family", "languages", "python", "platforms"}
    assert needed <= base.keys() <= needed | {"retired", "moves", "interfaces", "cuda"}
    assert REFERENCE.fullmatch(base["image"])
    assert re.fullmatch(FAMILIES[base["family"]]["tag"], base["tag"]), "a tag of the family's form"
    assert set(base["languages"]) <= {"r", "julia"}
    assert set(base.get("interfaces", [])) <= CATALOG["interfaces"].keys()
    assert re.fullmatch(r"3\.\d+", base["python"])
    assert (
        set(base["platforms"]) <= {"linux/amd64", "linux/arm64"}
        and "linux/amd64" in base["platforms"]
    )


def test_titles_are_told_apart():
    """Two bases with one title would be one choice. A retired one says so behind its title."""
    titles = [(base["title"], bool(base.get("retired"))) for base in BASES.values()]
    assert len(set(titles)) == len(titles)


def test_families_are_complete_and_alike():
    fields = {name: set(family) for name, family in FAMILIES.items()}
    assert all(has == fields["scratch"] for has in fields.values())
    for name, family in FAMILIES.items():
        assert family["uid"] == 1000, "hubs run servers as 1000 (C3)"
        assert set(family["package_managers"]) <= {"conda", "pip"}
        assert set(family["missing"]) <= CATALOG["packages"].keys(), name
        assert not set(family["missing"]) & set(family["brings"]), name
        assert not family["prefix"].startswith("/home"), "a volume hides it on a hub (C5)"


@pytest.mark.parametrize("key", CATALOG["images"])
def test_tool_image_has_a_tag_that_stays(key):
    image = CATALOG["images"][key]
    assert REFERENCE.fullmatch(image["image"])
    assert Reference.parse(f"{image['image']}:{image['tag']}").moves is not Moves.YES
    assert re.search(r"\d", image["tag"])


def test_every_family_serves_every_question():
    """For each set of languages there is a base, and each family has a base or is made from scratch."""
    for languages in ([], ["r"], ["julia"], ["r", "julia"]):
        assert any(set(languages) <= set(base["languages"]) for base in BASES.values())
    assert {base["family"] for base in BASES.values()} | {"scratch"} == FAMILIES.keys()
