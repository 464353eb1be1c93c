"""`hub-image expire`: what is past its end leaves the lists, with the test of the request."""

from __future__ import annotations

import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from conftest import ROOT
from hub_image.__main__ import main
from hub_image.lists import expire

OVER = "# #12: GEOG 101, until 2020-06"
LISTS = {
    "environment.yml": f"""\
channels: [conda-forge]
dependencies:
  - plotly
  - geopandas  {OVER}
  - xarray  # #13: everybody
  - pip:
      - folium  {OVER}
""",
    "apt.txt": f"jq\ngdal-bin {OVER}\nzip unzip {OVER}\n",
    "install.R": f'install.packages(c(\n  "here",\n  "sf"  {OVER}\n))\n',
}
AFTER = {
    "environment.yml": """\
channels: [conda-forge]
dependencies:
  - plotly
  - xarray  # #13: everybody
""",
    "apt.txt": f"jq\nzip unzip {OVER}\n",
    "install.R": 'install.packages(c(\n  "here"\n))\n',
}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for file, text in LISTS.items():
        (tmp_path / file).write_text(text)
    tests = tmp_path / "image-tests"
    tests.mkdir()
    for name in ("request-12.ipynb", "request-123.ipynb", "my-request-12.ipynb"):
        (tests / name).write_text("{}\n")
    return tmp_path


def test_what_can_go_goes_and_the_rest_is_named(repository, capsys):
    assert main(["expire", str(repository)]) == 1
    for file, text in AFTER.items():
        assert (repository / file).read_text() == text, file
    said = capsys.readouterr().out.splitlines()
    assert said == [
        "environment.yml:4: geopandas is taken out; it was wanted for #12: GEOG 101 until 2020-06.",
        "environment.yml:7: folium is taken out; it was wanted for #12: GEOG 101 until 2020-06.",
        "apt.txt:2: gdal-bin is taken out; it was wanted for #12: GEOG 101 until 2020-06.",
        "install.R:3: sf is taken out; it was wanted for #12: GEOG 101 until 2020-06.",
        "apt.txt:3: zip is left; it was wanted for #12: GEOG 101 until 2020-06, and other things hang on its line; take it "
        "out yourself, or write a later month.",
    ]
    assert len(list((repository / "image-tests").iterdir())) == 3, "zip is of that issue too"


def test_the_test_of_a_request_goes_with_the_last_entry_of_its_issue(repository, capsys):
    (repository / "apt.txt").write_text("")
    assert main(["expire", str(repository)]) == 0
    left = sorted(path.name for path in (repository / "image-tests").iterdir())
    assert left == ["my-request-12.ipynb", "request-123.ipynb"]
    assert "image-tests/request-12.ipynb: removed; no list has" in capsys.readouterr().out
    assert main(["expire", str(repository)]) == 0
    assert capsys.readouterr().out == "Nothing in the lists is past its end.\n"


def test_a_later_month_or_a_word_to_the_checks_keeps_an_entry(tmp_path):
    text = "jq  # hub-image: ignore[past-end] GEOG 101, until 2020-06\nzip  # until 2026-11\n"
    (tmp_path / "apt.txt").write_text(text)
    assert expire.expired(tmp_path, date(2026, 11, 30)) == expire.Expired()
    assert [entry.name for entry in expire.expired(tmp_path, date(2026, 12, 1)).gone] == ["zip"]


def test_the_template_s_own_lists_may_become_empty(tmp_path):
    """Each entry of a new repository's list goes, and the checks and the build still take it."""
    made = shutil.copytree(ROOT / "tests/golden/defaults", tmp_path / "made")
    file = made / "environment.yml"
    file.write_text(
        file.read_text().replace("plotly", f"plotly {OVER}").replace("xarray", f"xarray {OVER}")
    )
    assert main(["expire", str(made)]) == 0
    assert file.read_text().endswith("\ndependencies:\n")
    assert main(["check", str(made)]) == 0
    parts = tmp_path / "parts"
    parts.mkdir()
    split = [sys.executable, ".github/build/environment.py", "split", parts]
    subprocess.run(split, cwd=made, check=True)
    assert not list(parts.iterdir()), "the build has nothing to install"
