"""`hub-image request --into`: the tag goes into a hub's files, and a real KubeSpawner starts what it says."""

from __future__ import annotations

import pytest
import yaml

from hub_image.__main__ import main

STAGING = """\
# Staging: see the menu below
jupyterhub:
  singleuser:
    profileList:
      - display_name: "Python"   # first
        slug: python
        profile_options:
          image:
            display_name: Image
            choices:
              ocean:
                display_name: Ocean
                default: true
                kubespawner_override:
                  image: 'quay.io/ocean/ocean:ffffffffffff'  # by hand
              rivers:
                display_name: Rivers
                kubespawner_override: {image: "quay.io/ocean/rivers:1.0"}
"""
NEW = "quay.io/ocean/ocean:0a1b2c3d4e5f"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A checkout of a hub's configuration; it is the working folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "staging.values.yaml").write_text(STAGING)
    (tmp_path / "prod.values.yaml").write_text(STAGING.replace("Staging", "Production"))
    (tmp_path / "common.values.yaml").write_text("jupyterhub: {hub: {}}\n")
    return tmp_path


def test_both_files_change_in_one_place_and_start_the_image(hub, menu, capsys):
    files = ["common.values.yaml", "staging.values.yaml", "prod.values.yaml"]
    before = {file: (hub / file).read_text() for file in files}
    assert main(["request", NEW, "--into", *files]) == 0
    said = capsys.readouterr().out
    assert "staging.values.yaml:15: quay.io/ocean/ocean:ffffffffffff is now " + NEW in said
    assert "prod.values.yaml:15" in said
    for file in files:
        after = (hub / file).read_text()
        assert after == before[file].replace("ffffffffffff", "0a1b2c3d4e5f")
    profiles = yaml.safe_load((hub / files[1]).read_text())["jupyterhub"]["singleuser"][
        "profileList"
    ]
    assert menu(profiles).pod()["image"] == NEW
    rivers = menu(profiles).pod(**{"profile": "python", "profile-option-python--image": "rivers"})
    assert rivers["image"] == "quay.io/ocean/rivers:1.0"


def test_another_name_where_the_menu_says(hub):
    command = ["request", "ghcr.io/x/y:2.0", "--into", "prod.values.yaml"]
    assert main([*command, "--profile=python", "--choice=rivers"]) == 0
    text = (hub / "prod.values.yaml").read_text()
    assert '{image: "ghcr.io/x/y:2.0"}' in text
    assert main(["request", "--into", "prod.values.yaml:15", "ghcr.io/x/y:3.0"]) == 0
    assert "image: 'ghcr.io/x/y:3.0'  # by hand" in (hub / "prod.values.yaml").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ghcr.io/x/y:1"], "docker.io/x/y is not there"),
        (["ghcr.io/x/y:1"], "say which: --profile python --choice ocean (quay.io/ocean/ocean:ffffffffffff, staging.values.yaml:15), --profile python --choice rivers"),
        ([NEW, "--choice=land"], "--choice land is not there; say which"),
        ([], "name the image with its tag before --into"),
        (["quay.io/a b"], "is no image reference"),
    ],
)  # fmt: skip
def test_one_sentence_and_nothing_is_written(arguments, said, hub, capsys):
    assert main(["request", *arguments, "--into", "staging.values.yaml"]) == 2
    error = capsys.readouterr().err
    assert said.replace("docker.io", "ghcr.io") in error and error.count("\n") == 1
    assert (hub / "staging.values.yaml").read_text() == STAGING


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: {{ .Values.b }}", "broken.yaml:1: this is a template, and not YAML yet; name another file"),
        ("a: 1\nsops: {mac: x}", "broken.yaml: sops has encrypted this file; name another file"),
        (None, "broken.yaml cannot be read: No such file or directory; check its name"),
    ],
)  # fmt: skip
def test_files_that_cannot_be_changed(text, said, hub, capsys):
    if text:
        (hub / "broken.yaml").write_text(text)
    assert main(["request", NEW, "--into", "staging.values.yaml", "broken.yaml"]) == 2
    assert said in capsys.readouterr().err
    assert (hub / "staging.values.yaml").read_text() == STAGING


def test_a_tag_whose_name_is_in_another_file(hub, capsys):
    (hub / "common.values.yaml").write_text("singleuser: {image: {name: quay.io/ocean/ocean}}\n")
    (hub / "prod.values.yaml").write_text("singleuser: {image: {tag: v1}}\n")
    assert main(["request", NEW, "--into", "prod.values.yaml"]) == 0
    assert (hub / "prod.values.yaml").read_text() == "singleuser: {image: {tag: 0a1b2c3d4e5f}}\n"
    assert main(["request", "a/b:1", "--into", "prod.values.yaml:1"]) == 2
    assert "the name of this image stands in no line here" in capsys.readouterr().err


def test_texts_that_are_shared_are_said(hub, capsys):
    (hub / "prod.values.yaml").write_text(
        "singleuser:\n  profileList:\n"
        "    - {display_name: A, kubespawner_override: &o {image: quay.io/ocean/ocean:1}}\n"
        "    - {display_name: B, kubespawner_override: *o}\n"
    )
    assert main(["request", NEW, "--into", "prod.values.yaml", "--profile=b"]) == 0
    assert "This is one text with B, which changed too." in capsys.readouterr().out
