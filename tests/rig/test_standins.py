"""Base images keep what catalog.yml says of their family, stand-ins and real ones alike.

Where the rig runs its own engine these are the stand-ins; with an engine that reaches the real
registries the same tests look at the real images.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass

import pytest
import yaml

from . import engine as rig
from . import images, standins
from .engine import CATALOG, HERE

pytestmark = pytest.mark.engine

# One base for each kind of image: those with the same target share one stand-in.
BASES = [
    "jupyter-scipy",
    "pangeo-base",
    pytest.param("pangeo", marks=pytest.mark.whole_matrix),
    pytest.param("rocker-geospatial", marks=pytest.mark.whole_matrix),
    pytest.param("rocker-binder", marks=pytest.mark.whole_matrix),
]
# Those that have an image here, the few that stand for the others first.
HERE_TOO = [
    key
    for key, entry in CATALOG["bases"].items()
    if rig.is_provided() or standins.reference(entry) in standins.targets()
]
ON_ANY_RUN = ("jupyter-scipy", "pangeo-base")
MODULES = {name: name.replace("-", "_") for name in CATALOG["packages"]}


@dataclass
class Base:
    """A base image, its entry in the catalog and its family's."""

    key: str
    image: str
    entry: dict
    family: dict

    @property
    def configuration(self) -> dict:
        return json.loads(rig.check(["docker", "image", "inspect", self.image]))[0]["Config"]

    def shell(self, script: str, *options: str, **arguments) -> subprocess.CompletedProcess[str]:
        """Run a script in the image, started as the image starts everything."""
        return images.run(self.image, "bash", "-c", script, homes=(), options=options, **arguments)


@pytest.fixture(scope="module", params=BASES)
def base(request: pytest.FixtureRequest, engine) -> Base:
    entry = CATALOG["bases"][request.param]
    family = CATALOG["families"][entry["family"]]
    return Base(request.param, images.pull(entry), entry, family)


def facts(base: Base) -> dict[str, str]:
    """What facts/ says of a base image: commands and what they print."""
    known = yaml.safe_load((HERE / f"facts/{base.entry['family']}.yml").read_text())
    found = known["all"] | known["bases"].get(base.key, {})
    if rig.is_provided():
        found |= known["real"]["all"] | known["real"].get(base.key, {})
    return found


@pytest.mark.world("nvidia-in-path", "pangeo-base-has-no-git", "onbuild", "login-shells")
@pytest.mark.world("docker-stacks-2026-07-28")  # on the real ones
@pytest.mark.parametrize(
    "base",
    [
        key if key in ON_ANY_RUN else pytest.param(key, marks=pytest.mark.whole_matrix)
        for key in HERE_TOO
    ],
    indirect=True,
)
def test_facts(base: Base) -> None:
    known = facts(base)
    script = "".join(f"( {command} ) | tr '\\n' ' '; echo\n" for command in known)
    options = ("--entrypoint=bash",)
    done = images.run(base.image, "-c", script, homes=(), options=options)
    said = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert dict(zip(known, said, strict=True)) == known, done.stderr


def test_user(base: Base) -> None:
    family = base.family
    name, _, uid, gid, _, home, _ = (
        base.shell(f"getent passwd {family['user']}").stdout.strip().split(":")
    )
    assert (int(uid), int(gid), home) == (family["uid"], family["gid"], family["home"])


def test_entrypoint(base: Base) -> None:
    assert (base.configuration["Entrypoint"] or []) == base.family["entrypoint"]
    if base.family["command"]:
        assert base.configuration["Cmd"] == base.family["command"]
    done = base.shell("echo started; exit 7")
    assert (done.returncode, done.stdout) == (7, "started\n")


@pytest.mark.parametrize("base", ["jupyter-scipy"], indirect=True)
def test_start_hooks_run_before_the_command_and_never_keep_it_from_running(
    base: Base, tmp_path
) -> None:
    folder = base.family["start_hooks"]
    (tmp_path / "hook.sh").write_text("export HOOK=ran\nfalse\n")
    mount = f"--volume={tmp_path / 'hook.sh'}:{folder}/hook.sh:ro"
    done = base.shell("echo $HOOK", mount)
    assert (done.returncode, done.stdout) == (0, "ran\n")


@pytest.mark.parametrize("base", ["jupyter-scipy", "pangeo"], indirect=True)
def test_installer(base: Base) -> None:
    """The template brings the installers of the other families."""
    assert base.shell("mamba --version").returncode == 0
    assert base.shell(f"test -d {base.family['prefix']}/conda-meta").returncode == 0


@pytest.mark.parametrize("base", ["jupyter-scipy", "pangeo"], indirect=True)
def test_packages_that_are_not_missing_are_there(base: Base) -> None:
    """Two are needed by some images only: with other web applications, and with Dask Gateway."""
    by_some = {"jupyter-server-proxy", "dask-gateway"}
    needed = CATALOG["packages"].keys() - by_some - set(base.family["missing"])
    needed |= set(base.family["brings"])
    present = [MODULES[name] for name in needed]
    python = f"{base.family['prefix']}/bin/python"
    done = base.shell(f"{python} -c 'import jupyterhub, {', '.join(present)}'")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("base", ["jupyter-scipy", "pangeo"], indirect=True)
def test_the_user_can_write_to_the_environment(base: Base) -> None:
    """In the other families the template makes the environment."""
    user = f"{base.family['uid']}:{base.family['gid']}"
    done = base.shell(f"touch {base.family['prefix']}/conda-meta/x", user=user)
    assert done.returncode == 0, done.stderr


def test_languages(base: Base) -> None:
    programs = {"r": "R", "julia": "julia"}
    for language, program in programs.items():
        there = base.shell(f"command -v {program}").returncode == 0
        assert there == (language in base.entry["languages"])


@pytest.mark.whole_matrix
@pytest.mark.world("rocker-library")
@pytest.mark.parametrize("base", ["rocker-geospatial"], indirect=True)
def test_packages_of_rocker_belong_to_staff(base: Base) -> None:
    library = "/usr/local/lib/R/site-library"
    stat = base.shell(f"stat -c '%U:%G %a' {library} {library}/*/").stdout.splitlines()
    assert stat[0] == "root:staff 2775"
    assert set(stat[1:]) == {"root:staff 775"}
    done = base.shell("Rscript -e 'install.packages(\"here\")'", user="1000:100")
    assert "is not writable" in done.stderr


if rig.is_provided():  # stand-ins have Debian's Python, whatever the real image pins

    @pytest.mark.whole_matrix
    def test_python(base: Base) -> None:
        done = base.shell("python3 -c 'import sys; print(*sys.version_info[:2], sep=\".\")'")
        assert done.stdout.strip() == base.entry["python"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("no-such-package", "no-such-package"),
        ("python=3.12", "python"),
        ("'pandas<1'", "pandas"),
    ],
)
def test_mamba_refuses_what_cannot_be(engine, arguments: str, reason: str) -> None:
    image = images.pull(CATALOG["bases"]["jupyter-scipy"])
    script = f"mamba install --yes --prefix /opt/conda {arguments}"
    done = images.run(image, "bash", "-c", script, network="bridge")
    assert done.returncode != 0 and reason in done.stderr, done.stderr


def test_mamba_adds_and_keeps(engine) -> None:
    image = images.pull(CATALOG["bases"]["jupyter-scipy"])
    script = "mamba install --yes --prefix /opt/conda sympy && python -c 'import sympy, pandas, jupyterlab'"
    done = images.run(image, "bash", "-c", script, network="bridge")
    assert done.returncode == 0, done.stderr


def test_what_is_pushed_has_the_digest_that_the_registry_tells(engine) -> None:
    if rig.is_provided():
        pytest.skip("pushing to a real registry takes an account")
    image = "ghcr.io/example-community/pushed:abc"
    rig.check(["docker", "tag", images.pull(CATALOG["images"]["uv"]), image])
    digest = json.loads(rig.check(["docker", "image", "inspect", image]))[0]["Id"]
    rig.check(["docker", "push", image])
    told = rig.check(rig.inside("docker", "buildx", "imagetools", "inspect", image))
    assert f"Digest:    {digest}" in told
