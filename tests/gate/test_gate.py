"""What `hub-image gate` finds, asks, says and returns.

The contract is a stand-in here, which notes what it is asked and says what a test wants; test_action.py has the real one.
"""

from __future__ import annotations

import json

import pytest

from conftest import git
from hub_image.__main__ import main
from hub_image.contract import FAIL, PASS, Check, Result
from hub_image.gate import changes, proof

from .conftest import CPU, write


def check(name: str) -> Check:
    return Check("C10", name, "", "", "", lambda subject: None)


@pytest.fixture
def asked(monkeypatch, registry):
    """What the contract and Docker were asked; `fails` are checks that fail, by a part of the image's name."""

    class Asked(list):
        fails: dict[str, str] = {}
        packages: dict[str, str] = {}

    asked = Asked()

    def contract(target, groups):
        asked.append(target)
        for name in ("a server starts", "a notebook runs", "git is there"):
            part = next((part for part in asked.fails if part in target.reference), None)
            is_bad = part is not None and asked.fails[part] == name
            yield Result(check(name), FAIL if is_bad else PASS, "no such file" if is_bad else "")

    def packages(pinned):
        digest = pinned.rpartition("@")[2]
        new = any(
            content.tags.get("2.0.0") == digest for content in registry.server.content.values()
        )
        return (
            {("conda", "xarray"): "2.0", ("pip", "new"): "1"}
            if new
            else {("conda", "xarray"): "1.0"}
        )

    monkeypatch.setattr(proof, "contract", contract)
    monkeypatch.setattr(proof.docker, "inspect", lambda reference: {"Config": {}})
    monkeypatch.setattr(proof.installed, "packages", packages)
    return asked


def gate(folder, *arguments: str) -> int:
    return main(["gate", f"--cache={folder.parent / 'cache'}", *arguments])


def test_two_files_change_at_a_terminal(hub, registry, asked, capsys):
    write(hub, registry, cpu="2.0.0", gpu="2.0.0")
    asked.fails = {"rivers": "a server starts"}
    assert gate(hub, "--base=HEAD") == 1
    said = capsys.readouterr().out
    host = registry.host
    assert f"cpu.values.yaml:8: {host}/sea/ocean:2.0.0 (changed): starts\n" in said
    assert (
        f"gpu.values.yaml:5: {host}/sea/rivers:2.0.0 (changed): no such file (C10, a server starts)"
        in said
    )
    assert "packages: 1 added, 1 changed" in said
    assert f"to roll back: {host}/sea/ocean:1.0.0" in said
    assert said.endswith("1 of 2 images would not start.\n")
    [ocean] = [target for target in asked if "ocean" in target.reference]
    assert (
        ocean.reference == f"{host}/sea/ocean@{registry.server.content['sea/ocean'].tags['2.0.0']}"
    )
    assert ocean.default_url == "/rstudio"
    assert ocean.override == {"environment": {"COURSE": "tides"}, "working_dir": "/home/rstudio"}


def test_what_is_less_than_not_starting_is_said_and_stops_nothing(hub, registry, asked, capsys):
    write(hub, registry, cpu="2.0.0")
    asked.fails = {"ocean": "git is there"}
    assert gate(hub, "--base=HEAD") == 0
    said = capsys.readouterr().out
    assert "starts; 1 checks fail" in said and "C10 git is there: no such file" in said


def test_nothing_is_proved_twice(hub, registry, asked):
    write(hub, registry, cpu="2.0.0")
    gate(hub, "--base=HEAD")
    gate(hub, "--base=HEAD")
    assert len(asked) == 1
    gate(hub, "--base=HEAD", "--hub-version=5.3")
    assert [target.hub_version for target in asked][1:] == ["5.3"]


def test_nothing_changed(hub, asked, capsys):
    (hub / "cpu.values.yaml").write_text((hub / "cpu.values.yaml").read_text() + "# a comment\n")
    assert gate(hub, "--base=HEAD") == 0
    assert capsys.readouterr().out == "No image changed.\n"
    assert not asked


@pytest.mark.parametrize(
    ("tag", "public", "said"),
    [
        ("9.9.9", True, "or gives it to nobody without a password; check its name and tag"),
        ("2.0.0", False, "or gives it to nobody without a password; check its name and tag"),
    ],
)
def test_an_image_that_cannot_be_pulled(tag, public, said, hub, registry, asked, capsys):
    registry.server.content["sea/ocean"].public = public
    write(hub, registry, cpu=tag)
    assert gate(hub, "--base=HEAD") == 1
    assert said in capsys.readouterr().out
    assert not asked


def test_an_image_for_other_machines(hub, registry, asked, capsys):
    entry = {"digest": "sha256:" + "2" * 64, "platform": {"architecture": "arm64"}}
    index = "application/vnd.oci.image.index.v1+json"
    registry.server.content["sea/ocean"].put(
        index, json.dumps({"manifests": [entry]}).encode(), "arm"
    )
    write(hub, registry, cpu="arm")
    assert gate(hub, "--base=HEAD") == 1
    assert "it has no image for linux/amd64" in capsys.readouterr().out
    assert not asked


def test_one_comment_renewed_in_place(hub, registry, asked, api, tmp_path, capsys):
    write(hub, registry, cpu="2.0.0", gpu="latest")
    registry.image("rivers", "latest")
    (hub / "chart.yaml").write_text("a: {{ b }}\n")
    (hub / "more.yaml").write_text(
        f"singleuser: {{image: {{name: {registry.host}/sea/ocean, tag: 1.0.0}}}}\n"
    )
    asked.fails = {"rivers": "a notebook runs"}
    assert gate(hub) == 1
    [comment] = api.state()["comments"]
    body = comment["body"]
    for part in (
        "<!-- hub-image gate -->\n### 1 of 3 images would not start\n",
        f"| ✅ | `{registry.host}/sea/ocean:2.0.0`<br>instead of `1.0.0` | cpu.values.yaml:8<br>Ocean | 1.5 GB | ",
        f"| ❌ | `{registry.host}/sea/rivers:latest`<br>instead of `1.0.0`<br>**no such file (C10, a notebook runs)**<br>**its tag moves**",
        "<br>added |", " days ago | 1 added, 1 changed |",
        f"To roll back, put this into line 8 of cpu.values.yaml again: `{registry.host}/sea/ocean:1.0.0`",
        "opens with `/rstudio`, works in `/home/rstudio`",
        f"https://github.com/sea/ocean/commit/{'c' * 40}", "| conda | xarray | 1.0 | 2.0 |",
        "- chart.yaml:1: this is a template, and not YAML yet; passed over.",
    ):  # fmt: skip
        assert part in body, (part, body)
    said = capsys.readouterr().out
    assert "::error file=gpu.values.yaml,line=5::" in said
    write(hub, registry, cpu="2.0.0")
    (hub / "more.yaml").unlink()
    assert gate(hub) == 0
    [comment] = api.state()["comments"]
    assert "### The image starts" in comment["body"]
    write(hub, registry)
    assert gate(hub) == 0
    [comment] = api.state()["comments"]
    assert "### No image changed" in comment["body"]
    assert (tmp_path / "summary.md").read_text().count("<!-- hub-image gate -->") == 3


def test_no_comment_where_no_image_changed(hub, api, asked):
    assert gate(hub) == 0
    assert api.state()["comments"] == []


def test_a_fork_gets_the_summary(hub, registry, asked, api, tmp_path, capsys):
    api.state(permissions={"contents": "read", "pull-requests": "read"})
    write(hub, registry, cpu="2.0.0")
    assert gate(hub) == 0
    assert api.state()["comments"] == []
    assert "There is no comment" in capsys.readouterr().out
    assert "### The image starts" in (tmp_path / "summary.md").read_text()


def test_what_others_wrote_cannot_begin_anything(hub, registry, asked, api):
    text = CPU.format(host=registry.host, tag="2.0.0")
    text = text.replace("display_name: Ocean", 'display_name: "<img src=x> @everyone | a"')
    (hub / "cpu.values.yaml").write_text(text)
    gate(hub)
    body = api.state()["comments"][0]["body"]
    assert "<img" not in body and "@everyone" not in body and "\\| a" in body


def test_the_trial_merge_is_compared_with_where_it_goes(hub, registry, asked, api, capsys):
    """What others merged meanwhile is no change of this pull request."""
    git(hub, "checkout", "--quiet", "-b", "work")
    write(hub, registry, cpu="2.0.0")
    git(hub, "commit", "--quiet", "--all", "--message", "Mine")
    git(hub, "checkout", "--quiet", "main")
    write(hub, registry, gpu="2.0.0")
    git(hub, "commit", "--quiet", "--all", "--message", "Of others")
    git(hub, "merge", "--quiet", "work")
    gate(hub)
    said = capsys.readouterr().out
    assert "ocean:2.0.0 (changed)" in said and "rivers" not in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "say what to compare with, as in --base origin/main"),
        (["--base=origin/none"], "git does not know origin/none here; fetch it"),
    ],
)
def test_nothing_to_compare_with(arguments, said, hub, capsys):
    assert gate(hub, *arguments) != 0
    assert said in capsys.readouterr().err


MENU = (
    "# The same words before and after, so that git sees the file again under its new name.\n" * 9
    + "singleuser:\n  profileList:\n{}"
)
ENTRY = "    - {{display_name: {}, kubespawner_override: {{image: 'a/{}'}}}}\n"


@pytest.mark.parametrize(
    ("before", "after", "kinds"),
    [
        ("A b:1|B c:1", "B c:1|A b:1", []),
        ("A b:1|B c:1", "N d:1|A b:1|B c:2", [("d:1", "added"), ("c:2", "changed")]),
        ("A b:1", "B b:1", [("b:1", "moved")]),
        ("A b:1", "B b:2", [("b:2", "changed")]),
        ("A b:1|B c:1", "A b:1", []),
        ("A b:1", "A d:1", [("d:1", "changed")]),
    ],
)
def test_entries_are_known_by_what_people_choose(before, after, kinds, hub):
    def menu(text: str) -> str:
        return MENU.format("".join(ENTRY.format(*entry.split()) for entry in text.split("|")))

    (hub / "menu.yaml").write_text(menu(before))
    git(hub, "add", "--all")
    git(hub, "commit", "--quiet", "--message", "Menu")
    git(hub, "mv", "menu.yaml", "renamed.yaml")
    (hub / "renamed.yaml").write_text(menu(after))
    found = changes.between(hub, "HEAD")
    assert [
        (change.after.reference.removeprefix("a/"), change.kind) for change in found.images
    ] == kinds
