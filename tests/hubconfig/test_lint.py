"""A hub's configuration is looked over: all that is wrong, each with its line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from hub_image.__main__ import main
from hub_image.hubconfig import charts, lint

CASES = yaml.safe_load((Path(__file__).parent / "findings.yml").read_text())


@pytest.mark.parametrize("name", CASES)
def test_all_that_is_wrong_is_said(name):
    found = lint.text(CASES[name]["text"].encode(), "hub.yaml")
    said = [f"{one.line} {one.severity} {one.code}: {one.message}" for one in found]
    expected = CASES[name]["found"]
    assert len(said) == len(expected), "\n".join(said)
    for line in expected:
        head, _, words = line.partition(": ")
        assert any(one.startswith(head) and words in one for one in said), (line, said)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub's configuration with a chart, one file with errors, one with a warning and a template; the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    (tmp_path / ".git").mkdir()
    (tmp_path / "chart").mkdir()
    (tmp_path / "chart/Chart.yaml").write_text(
        "dependencies: [{name: other, version: 1}, {name: jupyterhub, version: 4.3.3}]\n"
    )
    (tmp_path / "config").mkdir()
    (tmp_path / "config/a.yaml").write_text(CASES["what people wrote"]["text"])
    (tmp_path / "config/b.yaml").write_text("singleuser: {image: {name: x, tag: latest}}\n")
    (tmp_path / "config/c.yaml").write_text("a: {{ b }}\n")
    return tmp_path


def test_a_folder_at_a_terminal(hub, capsys):
    assert main(["profile", "config"]) == 1
    said = capsys.readouterr().out
    assert "config/a.yaml:8: error unknown-key: `default`" in said
    assert "config/b.yaml:1: warning moving-tag: `x:latest`" in said
    assert "config/c.yaml:1: this is a template, and not YAML yet; passed over" in said
    assert said.endswith("3 files, 5 images, 22 findings.\n")


def test_warnings_stop_nothing(hub, capsys):
    assert main(["profile", "config/b.yaml"]) == 0
    assert "1 findings" in capsys.readouterr().out
    (hub / "config/b.yaml").write_text("singleuser: {image: {name: x, tag: 2026.1.1}}\n")
    assert main(["profile", "config/b.yaml"]) == 0
    assert capsys.readouterr().out == "1 files, 1 images, nothing wrong.\n"


def test_annotations(hub, capsys, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    main(["profile", "config"])
    said = capsys.readouterr().out
    assert "::error file=config/a.yaml,line=8::`default` is no key" in said
    assert "::warning file=config/b.yaml,line=1::`x:latest` has" in said


def test_json_for_programs(hub, capsys):
    assert main(["profile", "--json", "config"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert {
        "file": "config/a.yaml",
        "line": 9,
        "severity": "error",
        "code": "unknown-key",
    }.items() <= said["findings"][2].items()
    first = said["images"][0]
    assert first["reference"] == "quay.io/a/b:2026.10" and first["hub_version"] == "5.4"
    assert said["notes"] == ["config/c.yaml:1: this is a template, and not YAML yet; passed over"]


@pytest.mark.parametrize(
    ("chart", "version"),
    [
        ("dependencies: [{name: jupyterhub, version: 4.0.0-0.dev.git.6707.h109668fd}]", "5.2"),
        ("dependencies: [{name: jupyterhub, version: ~3.3}]", "4.1"),
        ("dependencies: [{name: jupyterhub, version: 99.1.0}]", ""),
        ("dependencies: [{name: basehub, version: 4.3.3}]", ""),
        ("name: {{ x }}", ""),
        ("name: x", ""),
    ],
)
def test_the_hubs_version_from_its_chart(chart, version, hub):
    (hub / "chart/Chart.yaml").write_text(chart)
    assert charts.Versions().of(hub / "config/a.yaml") == version


def test_charts_nearby_go_first_and_must_agree(hub):
    assert charts.Versions().of(hub / "config/a.yaml") == "5.4"
    (hub / "other").mkdir()
    (hub / "other/Chart.yaml").write_text("dependencies: [{name: jupyterhub, version: 3.3.8}]")
    assert charts.Versions().of(hub / "config/a.yaml") == ""
    assert charts.Versions().of(hub / "other/values.yaml") == "4.1"
