"""catalog.yml is complete and consistent, because everything else relies on it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import copier
import pytest
import tomllib
import yaml

from conftest import CATALOG, ROOT, git
from hub_image import catalog
from hub_image.ci import draft
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
    pages = {"packages"}  # of what its images bring; from scratch there is nothing
    assert all(
        has == fields["scratch"] | pages for name, has in fields.items() if name != "scratch"
    )
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


def test_every_page_runs_the_program_in_the_same_way(render):
    """Where `hub-image` comes from stands in the catalog; the README names where the template is published."""
    facts = catalog.load()
    ours, published = tomllib.loads((ROOT / "pyproject.toml").read_text()), facts.published
    assert facts.program.package.split("[")[0] == ours["project"]["name"] == "hub-image"
    begins = {"README.md": facts.program.line("", published)}
    rendered = render()
    recorded = yaml.safe_load((rendered / ".copier-answers.yml").read_text())["_src_path"]
    begins["GUIDE.md"] = facts.program.line("", recorded)
    for page, folder in (("README.md", ROOT), ("GUIDE.md", rendered)):
        blocks = re.findall(r"^```\n(.*?)^```", (folder / page).read_text(), re.M | re.S)
        lines = [line for block in blocks for line in block.splitlines() if " hub-image " in line]
        assert lines and all(line.startswith(begins[page]) for line in lines), lines
    assert draft.command(rendered, "update") == f"{begins['GUIDE.md']}update"


def test_the_program_is_run_at_a_commit_between_two_releases(released, tmp_path):
    """uv would fetch refs/tags/v1.0.0-1-g0a1b2c3, which is what `git describe` says, and no server has that."""
    later = Path(shutil.copytree(released, tmp_path / "template"))
    git(later, "commit", "--quiet", "--allow-empty", "--message", "Between two releases")
    copier.run_copy(str(later), tmp_path / "ocean", vcs_ref="HEAD", defaults=True, quiet=True)
    commit = git(later, "rev-parse", "--short", "HEAD").strip()
    line = catalog.load().program.line("update", f"file://{later}", commit)
    assert draft.command(tmp_path / "ocean", "update") == line
    assert f"\n{line} --data" in (tmp_path / "ocean/GUIDE.md").read_text()


def test_a_release_is_published_without_a_password():
    """https://docs.pypi.org/trusted-publishers/using-a-publisher/: an environment, and the right to ask for a token."""
    jobs = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())["jobs"]
    job = jobs["publish"]
    assert job["needs"] == "release" and jobs["release"]["needs"] == "tests"
    assert job["environment"]["name"] == "pypi"
    assert job["permissions"] == {"contents": "read", "id-token": "write"}
    upload = job["steps"][-1]
    assert re.fullmatch(r"pypa/gh-action-pypi-publish@[0-9a-f]{40}", upload["uses"])
    assert "with" not in upload
    others = [rights for name in jobs for rights in jobs[name]["permissions"] if name != "publish"]
    assert "id-token" not in others
