"""What .github/build/ does with a prefix, without one that is real; test_builds.py and lists/test_locks.py have those.

The texts are those of mamba 2.8.1 (problems_graph.cpp, downloader.cpp, package_fetcher.cpp) and of uv.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from builds.prefix import HOST, record
from conftest import ROOT

BUILD = ROOT / "template/.github/build"
UNSOLVED = "error    libmamba Could not solve for environment specs\n"
SAID = {
    "a typo": (
        f"{UNSOLVED}    The following package could not be installed\n"
        "    └─ xaray does not exist (perhaps a typo or a missing channel).",
        "there is no such package or no such version, see above; correct it",
    ),
    "a conflict": (
        f"{UNSOLVED}    The following packages are incompatible\n"
        "    ├─ tabulate =0.10.0 * is requested and can be installed;\n"
        "    └─ tabulate =0.8.10 * is not installable because it conflicts with any installable versions",
        "these packages cannot be had together, for the reason above; loosen the version",
    ),
    "a channel that is not there": (
        "critical libmamba Multiple errors occurred:\n"
        f"    Transfer finalized, status: 404 [{HOST}call/noarch/repodata.json] 3293 bytes\n"
        "    Subdir conda-forgecall/noarch not loaded!",
        "an address does not exist or lets nobody in, see above; correct the channel",
    ),
    "a network that fails": (
        f"critical libmamba Download error (6) Could not resolve hostname [{HOST}/noarch/repodata.json]",
        "a server did not answer, see above; build again later",
    ),
    "a server that is ill": (
        f"    Transfer finalized, status: 503 [{HOST}/noarch/repodata.json] 0 bytes",
        "a server did not answer, see above; build again later",
    ),
    "pip: a typo": (
        "  × No solution found when resolving dependencies:\n"
        "  ╰─▶ Because xaray was not found in the package registry and you require xaray, we can conclude that",
        "there is no such package or no such version, see above; correct it",
    ),
    "pip: a conflict": (
        "  × No solution found when resolving dependencies:\n"
        "  ╰─▶ Because you require tabulate==0.9.0 and tabulate==0.8.9, we can conclude that your requirements",
        "these packages cannot be had together, for the reason above; loosen the version",
    ),
    "pip: a network that fails": (
        "error: Failed to fetch: `https://pypi.org/simple/xarray/`\n  Caused by: dns error",
        "a server did not answer, see above; build again later",
    ),
    "something else": ("segmentation fault", "cannot be installed, for the reason above"),
}


def attempt(text: str, advice: str = "") -> str:
    """The last line after a program said this and failed."""
    script = (
        f'. {BUILD}/install.bash; failing() {{ cat; false; }}; attempt environment.yml "$0" failing'
    )
    result = subprocess.run(
        ["bash", "-c", script, advice],
        env={"PATH": "/usr/bin:/bin", "PREFIX": "/", "LIST": "environment.yml", "HUB_PACKAGES": ""},
        input=text,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    assert text in result.stdout
    return result.stderr.splitlines()[-1]


@pytest.mark.parametrize("cause", SAID)
def test_the_last_line_names_the_cause(cause):
    text, said = SAID[cause]
    assert attempt(text).startswith(f"environment.yml: {said}")


def test_a_lock_is_made_anew_but_not_because_of_the_network():
    advice = "run hub-image lock, or delete the file."
    gone = (
        f"error    libmamba Failed to download package from {HOST}/noarch/x-1-0.conda (status 404)"
    )
    assert attempt(gone, advice).endswith(advice)
    assert "hub-image lock" not in attempt(SAID["a network that fails"][0], advice)


def test_what_the_list_dropped_goes_unless_something_needs_it(tmp_path):
    """A record need not say what its package depends on."""
    prefix = tmp_path / "prefix"
    record(prefix, "base-package", depends=["helper"])
    record(prefix, "helper")
    record(prefix, "listed", depends=["part"])
    record(prefix, "part", depends=[])
    record(prefix, "dropped", depends=["rest"])
    record(prefix, "rest")
    record(prefix, "hub", depends=[])
    note = prefix / "share/hub-image/conda-added"
    note.parent.mkdir(parents=True)
    note.write_text("dropped\nhelper\nhub\nlisted\npart\nrest\n")
    (tmp_path / "environment.yml").write_text("dependencies: [conda-forge::Listed>=1]\n")
    script = BUILD / "environment.py"
    line = [sys.executable, script, "unneeded", prefix, "hub"]
    found = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert found.split() == ["dropped", "rest"]


FAKE = """#!/bin/bash
echo "$(basename "$0") $*" >>{log}
case "$*" in
    "pip list"*) printf '%s\\n' jupyterhub==5.4.0 tqdm==4.66.5 ;;
esac
"""


@pytest.fixture
def scripts(tmp_path):
    """Run a script of .github/build with programs that only note how they were called; return the notes."""
    (tmp_path / "bin").mkdir()
    for name in ("micromamba", "uv"):
        (tmp_path / "bin" / name).write_text(FAKE.format(log=tmp_path / "log"))
        (tmp_path / "bin" / name).chmod(0o755)
    prefix = tmp_path / "srv/conda/envs/notebook"
    (prefix / "bin").mkdir(parents=True)
    (prefix / "bin/python").symlink_to(sys.executable)
    for path in BUILD.glob("*.bash"):
        (tmp_path / path.name).write_text(path.read_text().replace("/mnt", str(tmp_path)))

    def run(name: str, **told: str) -> list[str]:
        told = {
            "PREFIX": str(prefix),
            "LIST": "environment.yml",
            "HUB_PACKAGES": "",
            "BASE": "base",
        } | told
        environment = {"PATH": f"{tmp_path}/bin:/usr/bin:/bin"} | told
        line = ["bash", tmp_path / name]
        subprocess.run(line, env=environment, capture_output=True, text=True, check=True)
        return (tmp_path / "log").read_text().replace(str(tmp_path), "").splitlines()

    run.prefix, run.folder = prefix, tmp_path
    return run


@pytest.mark.world("mamba-links-over")
def test_what_the_lock_has_in_another_version_goes_before_it_is_installed(scripts):
    for stem in ("tqdm-4.66.5-pyhd8ed1ab_0", "numpy-2.1-py_0", "ca-certificates-1-0"):
        record(scripts.prefix, "x")
        (scripts.prefix / f"conda-meta/{stem}.json").write_text("{}")
    (scripts.prefix / "conda-meta/x-1-0.json").unlink()
    python = ".".join(map(str, sys.version_info[:2]))
    machine = subprocess.check_output(["uname", "-m"], text=True).strip()
    lock_file = scripts.folder / f"conda-{machine}.txt"
    lock_file.write_text(
        f"# For base, Python {python}, {machine}\n@EXPLICIT\n{HOST}/noarch/tqdm-4.70.1-pyhd8ed1ab_0.conda#{'0' * 64}\n"
        f"{HOST}/linux-64/numpy-2.1-py_0.tar.bz2#{'0' * 32}\n{HOST}/noarch/emcee-3.1-py_0.conda\n"
    )
    prefix = "/srv/conda/envs/notebook"
    calls = [
        call
        for call in scripts("settled.bash", HUB_PACKAGES="mamba=2.8.1 nbgitpuller=1.2.*")
        if call[0] == "m"
    ]
    assert calls == [
        f"micromamba remove --yes --force --no-prune-deps --prefix {prefix} tqdm",
        f"micromamba install --yes --prefix {prefix} --file /{lock_file.name}",
        f"micromamba install --yes --prefix {prefix} mamba=2.8.1 nbgitpuller=1.2.*",
    ]
