"""What is installed, and what differs between two images. In images that are real: test_locks.py."""

from __future__ import annotations

import subprocess
import sys

import pytest

from builds.prefix import HOST, record
from hub_image.lists import installed


@pytest.mark.world("records-without-checksums")
def test_a_lock_of_records_that_lack_what_records_may_lack(tmp_path):
    """As in Pangeo's images: no sha256, or no checksum at all, no depends, and pip in what Python depends on."""
    record(tmp_path, "a-first", sha256="5" * 64, md5="4" * 32, depends=["python >=3.9"])
    record(tmp_path, "nlohmann_json-abi", md5="6" * 32)
    record(tmp_path, "pip", md5="7" * 32, depends=["python >=3.9", "setuptools"])
    record(tmp_path, "python", md5="8" * 32, depends=["tzdata", "pip"])
    record(tmp_path, "setuptools", depends=["python >=3.9"])
    record(tmp_path, "tzdata", md5="9" * 32, depends=[])
    record(tmp_path, "own", url="file:///tmp/own-1-0.conda", depends=[])
    code = f"import sys; sys.prefix = {str(tmp_path)!r}\n{installed.OF_PYTHON}"
    listed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    found = [entry for entry in installed.read(listed.stdout) if entry.manager == "conda"]
    assert [entry.lock for entry in found if entry.lock] == [
        f"{HOST}/noarch/tzdata-1-0.conda#{'9' * 32}",
        f"{HOST}/noarch/python-1-0.conda#{'8' * 32}",
        f"{HOST}/noarch/a-first-1-0.conda#{'5' * 64}",
        f"{HOST}/noarch/nlohmann_json-abi-1-0.conda#{'6' * 32}",
        f"{HOST}/noarch/setuptools-1-0.conda",
        f"{HOST}/noarch/pip-1-0.conda#{'7' * 32}",
    ], "Python before all that it compiles"


def test_packages_are_compared_by_manager_and_name():
    old = {("pip", "a"): "1", ("pip", "b"): "1", ("apt", "c"): "1"}
    new = {("pip", "a"): "2", ("conda", "b"): "1", ("apt", "c"): "1"}
    assert installed.compare(old, new) == [
        ("conda", "b", "", "1"), ("pip", "a", "1", "2"), ("pip", "b", "1", ""),
    ]  # fmt: skip


def test_a_node_pulls_the_layers_it_has_not():
    def manifest(config, *sizes):
        return {
            "config": {"digest": f"c{config}", "size": config},
            "layers": [{"digest": f"d{size}", "size": size} for size in sizes],
        }

    assert installed.to_pull(manifest(1, 100, 200), manifest(2, 100, 30, 30)) == 32


def test_what_else_an_image_says_is_no_package():
    """As Rprofile.site or sitecustomize.py of its owner, or the name of a package with a tab in it."""
    said = "Welcome to the R of the group\napt\tzip\t3.0\n\nvscode\ta\tb\tc\td\te\nconda\tx\t1\tu#m\tconda-meta\n"
    assert [entry.name for entry in installed.read(said)] == ["zip", "x"]
