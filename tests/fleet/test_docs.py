"""The commands of docs/many.md work as they stand there."""

from __future__ import annotations

import re
import shlex
from dataclasses import fields
from pathlib import Path

from conftest import ROOT, git
from hub_image.__main__ import main
from hub_image.fleet.model import Need, Proof, Row, Use, Waiting, Weight

from .hosting import Repository, image
from .test_remote import menu

PAGE = (ROOT / "docs/many.md").read_text()


def commands() -> list[list[str]]:
    """The commands that a person types, for GitHub."""
    found = re.findall(r"^hub-image (fleet .*--org.*)$", PAGE, re.MULTILINE)
    return [shlex.split(line) for line in found if "--update" not in line]


def test_the_commands_of_the_page(hosted, registry, tmp_path, monkeypatch, capsys):
    hubs = tmp_path / "server/ocean/hubs"
    (hubs / "config").mkdir(parents=True)
    for name in ("staging", "prod"):
        (hubs / f"config/{name}.yaml").write_text(menu("f" * 12))
    git(hubs, "init", "--quiet")
    git(hubs, "add", "--all")
    git(hubs, "commit", "--quiet", "--message", "First")
    monkeypatch.setenv("GITHUB_SERVER_URL", str(tmp_path / "server"))
    monkeypatch.chdir(tmp_path)
    registry["quay.io/sea/ocean"] = {"f" * 12: "2026-11-20T00:00:00Z"}
    hosted.add(Repository("ocean/ocean", image()).ran("success"))
    look, write = commands()
    assert main(look) == 0
    said = capsys.readouterr().out
    assert "Ocean: ffffffffffff" in said and "1 image, 0 of which need somebody." in said
    assert main(write) == 0
    assert {path.name for path in Path("page").iterdir()} == {"index.html", "fleet.json"}


def test_the_page_names_each_field_for_programs():
    section = PAGE.partition("## For programs\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*) \| (.*) \|$", section, re.MULTILINE)
    first = [name for cell, _ in rows for name in re.findall(r"`(\w+)`", cell)]
    assert sorted(first) == sorted(field.name for field in fields(Row))
    for name, kind in {"uses": Use, "proof": Proof, "waiting": Waiting, "needs": Need}.items():
        [words] = [words for cell, words in rows if cell == f"`{name}`"]
        named = re.findall(r"`(\w+)`", words)
        assert {field.name for field in fields(kind)} <= set(named)
    assert named[-len(Weight) :] == [weight.name.lower() for weight in Weight]


def test_the_page_names_the_file_to_copy_and_the_rights_that_it_asks_for():
    assert "[fleet.yml](fleet.yml)" in PAGE
    rights = set(re.findall(r"^\| ([A-Z][a-z ]+) \| read \|", PAGE, re.MULTILINE))
    asked = re.findall(r"permission-([\w-]+): read", (ROOT / "docs/fleet.yml").read_text())
    assert {right.lower().replace(" ", "-") for right in rights} == {*asked, "metadata"}
    for name in ("FLEET_TOKEN", "FLEET_APP", "FLEET_APP_KEY"):
        assert name in PAGE and name in (ROOT / "docs/fleet.yml").read_text()
