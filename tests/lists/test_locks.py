"""Locks in real builds: the same packages again, and a list that was edited afterwards is obeyed."""

from __future__ import annotations

import copier
import pytest
import yaml

from hub_image.lists import lock
from rig import engine as rig
from rig import images

pytestmark = pytest.mark.engine
whole_matrix = pytest.mark.whole_matrix

STACKS = {"base": "jupyter-minimal"}
FILES = r"""
import hashlib, importlib.metadata, pathlib, sys
for package in importlib.metadata.distributions():
    print(package.metadata["Name"].lower().replace("_", "-"), package.version)
for file in pathlib.Path(sys.prefix).rglob("*"):
    # Bytecode knows when its source was unpacked; the other two tell how an environment was made.
    if file.is_file() and not {"__pycache__", "conda-meta", "hub-image"} & set(file.parts):
        print(file, hashlib.sha256(file.read_bytes()).hexdigest())
"""


@pytest.fixture(scope="module")
def generate(template, tmp_path_factory):
    """Render answers into a repository of its own."""

    def make(name: str, **answers: str):
        folder = tmp_path_factory.mktemp(name) / "ocean"
        copier.run_copy(str(template), folder, data=answers, defaults=True, quiet=True)
        return folder

    return make


@pytest.fixture
def inside(engine, monkeypatch):
    """`hub-image lock` talks to the same engine as the tests."""
    for name, value in rig.environment().items():
        monkeypatch.setenv(name, value)


def installed(run, image: str) -> dict[str, str]:
    """Names with versions, and files with digests, of an image's Python environment."""
    result = run(image, "python", "-c", FILES)
    assert result.returncode == 0, result.stderr
    return dict(line.rsplit(" ", 1) for line in result.stdout.splitlines())


def versions(found: dict[str, str]) -> dict[str, str]:
    """Of what `installed` returns, the packages."""
    return {name: version for name, version in found.items() if "/" not in name}


def thin_layer(image: str) -> int:
    """Bytes of the layer that brings the list up to date."""
    form = ["docker", "history", "--no-trunc", "--human=false", "--format={{.Size}} {{.CreatedBy}}"]
    rows = rig.check([*form, image]).splitlines()
    return next(int(row.split()[0]) for row in rows if "listed.bash" in row)


def conda_list(*names: str, pip: list[str]) -> str:
    return yaml.safe_dump({"channels": ["conda-forge"], "dependencies": [*names, {"pip": pip}]})


def test_pip(generate, build, run, inside):
    """What is settled comes again; then the list adds, drops, tightens, loosens and contradicts."""
    project = generate("pip", **STACKS, package_manager="pip")
    wanted = project / "requirements.txt"
    base = installed(run, images.pull(rig.CATALOG["bases"]["jupyter-minimal"]))
    # A package of the base in another version; the stand-in has pandas, the real one has not.
    older = "pandas<3" if "pandas" in base else f"tqdm<{base['tqdm']}"
    wanted.write_text(f"emcee<3.1.5\nplotly\ntabulate\n{older}\n")
    first = build(project, "rig/locks:pip-first")

    assert [path.name for path in lock.lock(project, first)] == ["pip-x86_64.txt"]
    settled = installed(run, build(project, "rig/locks:pip-settled"))
    rig.build("rig/locks:pip-again", project, "--no-cache")
    assert installed(run, "rig/locks:pip-again") == settled, "file for file"
    assert versions(settled) == versions(installed(run, first)), "and as it was proved"

    wanted.write_text("emcee\ntabulate<0.9\ncowsay\n")
    edited = versions(installed(run, build(project, "rig/locks:pip-edited")))
    assert edited.pop("cowsay"), "added"
    assert versions(settled).keys() - edited.keys() == {"plotly", "narwhals"}, (
        "dropped, and nothing of the base, nor what its pandas needs in this version"
    )
    assert edited["tabulate"].startswith("0.8."), "tightened"
    expected = {name: settled[name] for name in edited} | {"tabulate": edited["tabulate"]}
    assert edited == expected, (
        "all else is as it was settled, also what the list would now allow to be newer"
    )
    assert thin_layer("rig/locks:pip-edited") < thin_layer("rig/locks:pip-first") / 50

    wanted.write_text("tabulate==0.9.0\ntabulate==0.8.9\n")
    with pytest.raises(
        rig.RigError, match="requirements.txt: these packages cannot be had together"
    ):
        build(project)


# Each conda family, whose prefixes and programs differ; one stands for them in every run.
CONDA = {
    "docker-stacks": STACKS,
    "pangeo": {"base": "pangeo-base"},
    "scratch": {"start_from": "scratch"},
}
IMPORTED = """
import collections, importlib.util, json, pathlib, sys
import emcee, tabulate, tqdm, cowsay
print(emcee.__version__, tabulate.__version__, tqdm.__version__, importlib.util.find_spec("plotly"))
records = [json.loads(path.read_text())["name"] for path in pathlib.Path(sys.prefix, "conda-meta").glob("*.json")]
print([name for name, times in collections.Counter(records).items() if times > 1])
compiled = [path.stem.split(".")[0] for path in pathlib.Path(tqdm.__file__).parent.glob("__pycache__/*.pyc")]
print("std" in compiled)
"""


@pytest.mark.world("mamba-links-over", "records-without-checksums")
@pytest.mark.parametrize(
    "family", [f if f == "docker-stacks" else pytest.param(f, marks=whole_matrix) for f in CONDA]
)
def test_conda_with_names_below_pip(family, generate, build, run, inside):
    """The same with environment.yml: what is listed, on record and imported is one and the same."""
    project = generate("conda", **CONDA[family], package_manager="conda")
    wanted = project / "environment.yml"
    wanted.write_text(
        conda_list("emcee", "plotly", "tabulate", "tqdm=4.66.5", pip=["cowsay<6", "pyfiglet"])
    )
    first = build(project, f"rig/locks:{family}-first")
    assert [path.name for path in lock.lock(project, first)] == [
        "conda-x86_64.txt",
        "pip-x86_64.txt",
    ]
    settled = installed(run, build(project, f"rig/locks:{family}-settled"))
    rig.build(f"rig/locks:{family}-again", project, "--no-cache")
    assert installed(run, f"rig/locks:{family}-again") == settled, "file for file"
    assert versions(settled) == versions(installed(run, first)), "and as it was proved"
    expected = f"{versions(settled)['emcee']} {versions(settled)['tabulate']} 4.66.5 ModuleSpec"
    assert run(first, "python", "-c", IMPORTED).stdout.startswith(expected)
    assert (
        "4.66.5 ModuleSpec" in run(f"rig/locks:{family}-settled", "python", "-c", IMPORTED).stdout
    )

    listed = ("emcee=3.1.4", "tabulate<0.9", "tqdm>=4.70", "seaborn")
    wanted.write_text(conda_list(*listed, pip=["cowsay", "art"]))
    image = build(project, f"rig/locks:{family}-edited")
    edited = versions(installed(run, image))
    assert edited.keys() - versions(settled).keys() >= {"seaborn", "matplotlib", "art"}, "added"
    dropped = versions(settled).keys() - edited.keys()
    needed = {"narwhals"} if family == "pangeo" else set()  # by Bokeh, which that base has
    assert dropped == {"plotly", "narwhals", "pyfiglet"} - needed
    changed = {"emcee": "3.1.4", "tabulate": "0.8.10", "tqdm": edited["tqdm"]}
    same = edited.keys() & settled.keys()
    expected = {name: settled[name] for name in same} | changed
    assert {name: edited[name] for name in same} == expected
    said = run(image, "python", "-c", IMPORTED)
    assert said.stdout.splitlines() == [f"3.1.4 0.8.10 {edited['tqdm']} None", "[]", "True"], (
        said.stderr
    )

    wanted.write_text(conda_list("emcee=3.1.4", "emcee=3.1.6", pip=[]))
    with pytest.raises(
        rig.RigError, match="environment.yml: these packages cannot be had together"
    ):
        build(project)


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        pytest.param(", Python 3.13,", ", Python 3.12,", "pip-x86_64.txt", id="Python"),
        pytest.param(":2026-07", ":2026-01", "pip-x86_64.txt", id="base", marks=whole_matrix),
        pytest.param("x86_64", "aarch64", "pip-aarch64.txt", id="processor", marks=whole_matrix),
    ],
)
def test_a_lock_for_something_else_is_left_out_and_the_build_says_so(
    old, new, name, generate, build, run
):
    project = generate("other", **STACKS, package_manager="pip")
    (project / "requirements.txt").write_text("cowsay\n")
    (project / "lock").mkdir()
    made_for = "# For quay.io/jupyter/minimal-notebook:2026-07-28, Python 3.13, x86_64\n"
    (project / "lock" / name).write_text(f"{made_for.replace(old, new)}cowsay==1.0\n")
    images.build(project, "rig/locks:other")
    log = rig.build("rig/locks:other", project, "--no-cache")
    assert (
        f"lock/{name}: left out, because it is not for quay.io/jupyter/minimal-notebook:2026-07-28,"
        in log
    )
    assert versions(installed(run, "rig/locks:other"))["cowsay"] > "5"


@whole_matrix
@pytest.mark.parametrize("package_manager", ["pip", "conda"])
def test_from_scratch_the_lock_holds_everything(package_manager, generate, build, run, inside):
    """What a hub needs has dependencies too, and the lock has them all."""
    project = generate("scratch", start_from="scratch", package_manager=package_manager)
    first = build(project, "rig/locks:scratch-first")
    (path,) = lock.lock(project, first)
    settled = build(project, "rig/locks:scratch-settled")
    found = versions(installed(run, settled))
    assert found == versions(installed(run, first))
    assert all(name in path.read_text() for name in ("tornado", "xarray", "jupyterhub"))
