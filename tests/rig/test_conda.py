"""micromamba, mamba and conda do what recorded.yml says: the stand-ins, or the real ones.

With an engine that reaches the registries and conda-forge this compares the stand-in's facts with the real programs.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
import yaml

from . import engine as rig
from . import images, standins

pytestmark = pytest.mark.engine

RECORDED = yaml.safe_load((Path(__file__).parent / "recorded.yml").read_text())
# Runs in the image: all steps of one record, and after each of them what it left, a line of JSON.
SCRIPT = r"""
import glob, json, os, re, subprocess, sys
from pathlib import Path

prefix = Path("/tmp/env")
os.environ.update(HOME="/tmp/home", CONDA_PKGS_DIRS="/tmp/pkgs", XDG_CACHE_HOME="/tmp/cache", MAMBA_ROOT_PREFIX="/tmp/root")
os.environ.pop("CONDA_PREFIX", None)

def addresses(wanted):
    found = subprocess.run(["micromamba", "create", "--yes", "--prefix", "/tmp/found", "--channel", "conda-forge", *wanted],
                           stdout=sys.stderr).returncode
    assert not found, wanted
    records = [json.loads(path.read_text()) for path in Path("/tmp/found/conda-meta").glob("*.json")]
    subprocess.run(["rm", "-r", "/tmp/found"])
    known = {r["name"]: r for r in records}
    names = [spec.partition("=")[0] for spec in wanted]
    if not (prefix / "bin/python").exists():
        others = [name for name in known if name not in names]
        after = [name for name in others if any(need.split()[0] == "python" for need in known[name].get("depends", []))]
        names = [name for name in others if name not in after] + names + after
    return [f"{known[name]['url']}#{known[name]['sha256']}" for name in names]

def state(names):
    left = {"records": {}, "metadata": {}, "imports": {}, "compiled": {}}
    site = next(prefix.glob("lib/python3.*/site-packages"), prefix)
    for name in names:
        records = [json.loads(path.read_text()) for path in prefix.glob("conda-meta/*.json")]
        left["records"][name] = sorted(r["version"] for r in records if r["name"] == name)
        left["metadata"][name] = sorted(p.name[len(name) + 1:-10] for p in site.glob(name + "-*.dist-info"))
        run = subprocess.run([prefix / "bin/python", "-B", "-c", f"import {name}; print({name}.__version__)"],
                             capture_output=True, text=True)
        left["imports"][name] = run.stdout.strip()
        left["compiled"][name] = bool(glob.glob(f"{site}/{name}/__pycache__/*.pyc") + glob.glob(f"{site}/__pycache__/{name}.*.pyc"))
    return left

for step in json.loads(sys.argv[1]):
    program, _, version = step.get("program", "micromamba").partition(" ")
    line = [program]
    if program != "micromamba":
        home = f"/tmp/{program}"
        if not os.path.exists(home):
            subprocess.run(["micromamba", "create", "--yes", "--prefix", home, "--channel", "conda-forge",
                            "python=3.13", program + ("=" + version if version else "")], check=True, stdout=sys.stderr)
        line = [f"{home}/bin/{program}"]
    verb, *rest = step["run"].split()
    line += [verb, "--yes", "--prefix", str(prefix), *rest]
    line += ["--channel", "conda-forge"] if verb == "install" else []
    if "explicit" in step:
        Path("/tmp/explicit.txt").write_text("\n".join(["@EXPLICIT", *addresses(step["explicit"])]) + "\n")
        line += ["--file", "/tmp/explicit.txt"]
    run = subprocess.run(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print(json.dumps({"exit": run.returncode, "said": run.stdout[-3000:], **state(["tabulate", "emcee", "tqdm", "pip"])}), flush=True)
"""


@pytest.fixture(scope="module")
def image(engine, tmp_path_factory) -> str:
    """Debian with micromamba, as the template brings it, and a Python that asks the questions."""
    tool, debian = (rig.CATALOG["images"][name] for name in ("micromamba", "debian"))
    folder = tmp_path_factory.mktemp("conda")
    (folder / "Dockerfile").write_text(
        f"FROM {standins.reference(debian)}\n"
        "RUN apt-get update -qq && apt-get install -qq --no-install-recommends ca-certificates python3 >/dev/null\n"
        f"COPY --from={standins.reference(tool)}@{tool['digest']} /bin/micromamba /usr/local/bin/\n"
    )
    return images.build(folder, "rig/conda:recorded")


@pytest.mark.world("mamba-links-over", "mamba-leaves-files")
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name == "one tool" else pytest.mark.whole_matrix)
        for name in RECORDED
    ],
)
def test_programs_do_what_was_recorded(name, image, run):
    steps = RECORDED[name]
    result = run(
        image, "python3", "-c", SCRIPT, json.dumps(steps), user="1000:100", network="bridge"
    )
    assert result.returncode == 0, result.stderr[-3000:]
    for step, line in zip(steps, result.stdout.splitlines(), strict=True):
        left = json.loads(line)
        what = f"{step.get('program', 'micromamba')} {shlex.quote(step['run'])}: {left['said']}"
        assert left["exit"] == step["exit"], what
        assert step.get("said", "") in left["said"], what
        for kind in ("records", "metadata", "imports", "compiled"):
            expected = step.get(kind, {})
            assert {package: left[kind][package] for package in expected} == expected, what
