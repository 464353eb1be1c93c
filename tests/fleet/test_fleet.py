"""Many images at once: which need somebody, and why."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from conftest import CATALOG
from hub_image import __version__
from hub_image.__main__ import main
from hub_image.fleet import rows
from hub_image.problem import Problem
from hub_image.tools.registry import Away

from .hosting import PUBLISHED

HUB = """\
jupyterhub:
  singleuser:
    image: {name: quay.io/sea/lost, tag: "0000000000aa"}
    profileList:
      - display_name: Choose
        profile_options:
          image:
            display_name: Image
            choices:
              rivers:
                display_name: Rivers
                kubespawner_override: {image: "quay.io/sea/rivers:latest"}
              lakes:
                display_name: Lakes
                kubespawner_override: {image: "quay.io/sea/lakes:0a1b2c3d4e5f"}
              fine:
                display_name: All is well
                kubespawner_override: {image: "quay.io/sea/fine:2026.11.2"}
              away:
                display_name: Away
                kubespawner_override: {image: "quay.io/sea/away:0a1b2c3d4e5f"}
"""
CREATED = {
    "quay.io/sea/lost": {},
    "quay.io/sea/rivers": {
        "0a1b2c3d4e5f": "2026-11-01T00:00:00Z",
        "latest": "2026-11-09T00:00:00Z",
    },
    "quay.io/sea/lakes": {
        "0a1b2c3d4e5f": "2026-09-01T00:00:00Z",
        "ffffffffffff": "2026-11-01T00:00:00Z",
    },
    "quay.io/sea/fine": {"2026.11.2": "2026-11-02T00:00:00Z"},
    "quay.io/sea/islands": {"ffffffffffff": "2026-11-03T00:00:00Z"},
}


class Registry:
    """What a registry says; tests/ci/test_registry.py asks a stand-in of one."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.host, _, self.path = name.partition("/")

    def tags(self) -> list[str]:
        if self.name.endswith("away"):
            raise Away("quay.io does not answer (503): run this job again when it does.")
        return list(CREATED[self.name])

    def created(self, tag: str) -> str:
        if self.name.endswith("away"):
            raise Away("quay.io does not answer (503): run this job again when it does.")
        if tag not in CREATED[self.name]:
            raise Problem(f"{self.name} has no {tag}: publish it first, or check its name.")
        return CREATED[self.name][tag]


@pytest.fixture
def fleet(render, tmp_path, monkeypatch) -> Path:
    """Five repositories and a hub, in one folder."""
    monkeypatch.setattr(rows, "Repository", Registry)
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub/values.yaml").write_text(HUB)
    (tmp_path / "hub/Chart.yaml").write_text(
        f"name: hub\ndependencies:\n- {{name: jupyterhub, version: {chart()[0]}.0}}\n"
    )
    for name in ("rivers", "lakes", "fine", "islands"):
        shutil.copytree(
            render(image_name="ocean", registry="quay.io", registry_owner="sea"), tmp_path / name
        )
        edit(tmp_path / name, "IMAGE_NAME", name)
        edit(tmp_path / name, "HUB_VERSION", chart()[1])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def chart() -> tuple[str, str]:
    """A chart of Zero to JupyterHub, and its JupyterHub."""
    return next(iter(CATALOG["charts"].items()))


def edit(repository: Path, key: str, value: str) -> None:
    path = repository / ".github/image.env"
    path.write_text(re.sub(rf"(?m)^{key}=.*", f"{key}={value}", path.read_text()))


def look(*arguments: str, capsys) -> dict[str, dict]:
    """What the command prints for programs, by image and in its order."""
    assert main(["fleet", *arguments, "--json"]) == 0
    images = json.loads(capsys.readouterr().out)["images"]
    return {image["image"].rpartition("/")[2]: image for image in images}


ALL = ("rivers", "lakes", "fine", "islands", "hub")


def needs(image: dict) -> list[str]:
    return [need["weight"] for need in image["needs"]]


def test_the_images_that_need_somebody_come_first(fleet, capsys):
    found = look(*ALL, capsys=capsys)
    assert [(name, needs(image)) for name, image in found.items()] == [
        ("rivers", ["moves"]),
        ("lost", ["gone"]),
        ("lakes", ["behind"]),
        ("islands", ["unlinked"]),
        ("away", ["unknown"]),
        ("fine", []),
    ]
    (use,) = found["lakes"]["uses"]
    assert (use["title"], use["day"], found["lakes"]["newest"]) == (
        "Choose › Lakes", "2026-09-01", "ffffffffffff"
    )  # fmt: skip
    assert found["lakes"]["needs"][0]["sentence"] == (
        f"{use['where']} has 0a1b2c3d4e5f of 2026-09-01, and ffffffffffff of 2026-11-01 is newer; change the tag"
    )
    assert use["where"] == "hub/values.yaml:15"


def test_what_an_image_is_made_with_is_compared_with_what_there_is(fleet, capsys):
    base = CATALOG["bases"]["jupyter-scipy"]
    edit(fleet / "fine", "BASE_IMAGE", f"{base['image']}:2024-01-01")
    edit(fleet / "islands", "BASE_IMAGE", f"{base['image']}:cuda12-2024-01-01")  # not alike
    edit(fleet / "lakes", "HUB_VERSION", "4.1")
    answers = fleet / "rivers/.copier-answers.yml"
    answers.write_text(f"_commit: v0.0.1\n_src_path: {PUBLISHED}\n")
    (fleet / "rivers/apt.txt").write_text("zip  # GEOG 101, until 2020-01\n")
    found = look(*ALL, capsys=capsys)
    assert needs(found["fine"]) == ["base"] and needs(found["islands"]) == ["unlinked"]
    assert needs(found["rivers"]) == ["template", "packages", "moves"]
    assert needs(found["lakes"]) == ["behind", "hub"]
    said = {need["weight"]: need["sentence"] for row in found.values() for need in row["needs"]}
    assert f"2024-01-01, and {base['tag']} is there" in said["base"]
    assert said["template"].startswith(f"it is from v0.0.1 of the template, and v{__version__} is")
    assert said["packages"].startswith("zip: wanted for a time that is over")
    assert f"is for JupyterHub {chart()[1]}, and it is proved for 4.1" in said["hub"]


def test_as_a_table(fleet, capsys):
    assert main(["fleet", *ALL]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert re.match(r"image +on hubs +newest +base +template +JupyterHub +proved$", lines[0])
    assert lines[1].startswith("quay.io/sea/rivers") and "Choose › Rivers: latest" in lines[1]
    assert lines[2] == "    hub/values.yaml:12 has a tag that moves; write one that stays."
    assert re.search(r" ffffffffffff \(2026-11-01, \d+ days\) ", lines[5])
    assert lines[-1] == "6 images, 5 of which need somebody."


def test_without_a_hub_or_a_network_nobody_is_asked(fleet, capsys, monkeypatch):
    monkeypatch.setattr(rows, "Repository", None)
    found = look("rivers", "fine", "--offline", capsys=capsys)
    assert [image["needs"] for image in found.values()] == [[], []]


def test_an_owner_that_nobody_knows_is_said(render, tmp_path, capsys):
    (image,) = look(str(render()), capsys=capsys).values()
    assert image["image"] == "ghcr.io/<owner>/ocean" and needs(image) == ["unknown"]


def test_a_path_that_is_not_there_is_one_sentence(fleet, capsys):
    assert main(["fleet", "nowhere"]) == 2
    assert "nowhere" in capsys.readouterr().err
