"""Adopted children of community images, built for real beside what they were before."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conftest import CATALOG, git
from hub_image import catalog
from rig import standins
from rig.images import run

from .conftest import adopt, write

pytestmark = pytest.mark.engine
whole_matrix = pytest.mark.whole_matrix


def base(key: str) -> str:
    """The base as it is today, so that both images build on the same one."""
    entry = CATALOG["bases"][key]
    return f"{entry['image']}:{entry['tag']}"


LIST = "channels:\n  - conda-forge\ndependencies:\n  - pip\n  - emcee"
STEPS = """
USER root
RUN apt-get update --yes && \\
    # a comment between the lines
    apt-get install --yes --no-install-recommends \\
      figlet && \\
    apt-get clean && rm -rf /var/lib/apt/lists/*
RUN <<EOF
mkdir -p /usr/local/share
printf 'hello\\n' >/usr/local/share/coast
EOF
ENV COAST_DATA="/srv/coast data"
COPY --chmod=755 <<'END' /usr/local/bin/coast
#!/bin/sh
echo "$COAST_DATA"
END
"""
PIP = """
COPY settings %(prefix)s/share/coast/
RUN pip install --no-cache-dir pyfiglet && \\
    python -c 'import os; assert os.environ["COAST_DATA"] == "/srv/coast data"'
"""
CHILDREN = {
    "docker-stacks": {
        "Dockerfile": f"""FROM {base("jupyter-scipy")}
{STEPS}
USER ${{NB_UID}}
COPY environment.yml /tmp/
RUN mamba env update --yes -p ${{CONDA_DIR}} -f /tmp/environment.yml && mamba clean --all --yes
{PIP % {"prefix": "${CONDA_DIR}"}}
CMD ["start-notebook.py"]
""",
        "environment.yml": LIST,
        "settings/deep/overrides.json": "{}",
    },
    "pangeo": {
        "Dockerfile": f"""FROM {base("pangeo")}
{STEPS}
USER ${{NB_USER}}
COPY requirements.txt /tmp/
RUN pip install --no-cache-dir --requirement /tmp/requirements.txt
{PIP % {"prefix": "${NB_PYTHON_PREFIX}"}}
""",
        "requirements.txt": "emcee\n",
        "settings/deep/overrides.json": "{}",
    },
    "rocker": {
        "Dockerfile": f"""FROM {base("rocker-geospatial")}
{STEPS}
COPY install.R /tmp/
RUN Rscript /tmp/install.R
""",
        "install.R": 'install.packages("praise")\n',
    },
}
# What the packages of the new image are, that the old one lacks or has in another version.
DIFFERENCE = {"docker-stacks": {"conda nbgitpuller"}, "pangeo": set()}


@pytest.mark.parametrize(
    "family",
    [
        name if name == "docker-stacks" else pytest.param(name, marks=whole_matrix)
        for name in CHILDREN
    ],
)
def test_old_and_new_image_have_the_same(family, engine, released, tmp_path, monkeypatch):
    """`--dry-run --compare` builds both and names what differs: only what a hub needs is added.

    With stand-ins it stays unproven that the real base behaves as its family.
    """
    for name, value in engine.environment().items():
        monkeypatch.setenv(name, value)
    folder = write(tmp_path / family, {"files": CHILDREN[family]})
    said = compared(folder, engine, released, tmp_path)
    rows = said.partition("Packages of")[2].partition("\nNothing has changed")[0].splitlines()[1:]
    differ = {row.strip().partition(": ")[0]: row for row in rows if " -> " in row}
    lost = {name: row for name, row in differ.items() if row.endswith("-> absent")}
    assert not lost, said
    if family in DIFFERENCE:
        assert set(differ) == DIFFERENCE[family], said

    image = f"{family}:adopted"
    assert run(image, "figlet", "-v").returncode == 0
    assert run(image, "cat", "/usr/local/share/coast").stdout == "hello\n"
    assert run(image, "printenv", "COAST_DATA").stdout == "/srv/coast data\n"
    assert run(image, "coast").stdout == "/srv/coast data\n"
    if family == "rocker":
        assert run(image, "Rscript", "-e", "library(praise)").returncode == 0
        return
    prefix = catalog.load().families[family].prefix
    assert run(image, "cat", f"{prefix}/share/coast/deep/overrides.json").stdout == "{}"
    assert run(image, "python", "-c", "import emcee, pyfiglet").returncode == 0


def compared(folder: Path, engine, released: Path, tmp_path: Path) -> str:
    """What adoption says of an old repository with `--compare`, which builds both images."""
    trial = tmp_path / "trial"
    git(tmp_path, "clone", "--quiet", str(folder), str(trial))
    adopt(trial, released)
    if not engine.is_provided():
        standins.prepare((trial / "Dockerfile").read_text(encoding="utf-8"))
    return adopt(folder, released, "--dry-run", "--compare")


def test_what_packages_recommend_is_counted(engine, released, tmp_path, monkeypatch):  # noqa: F811
    """An old Dockerfile that installs apt.txt with what its packages recommend; fortune-mod recommends fortunes-min."""
    for name, value in engine.environment().items():
        monkeypatch.setenv(name, value)
    text = f"""FROM {base("jupyter-scipy")}
USER root
COPY apt.txt /tmp/
RUN apt-get update && xargs -a /tmp/apt.txt apt-get install --yes
USER ${{NB_UID}}
"""
    folder = write(tmp_path / "advice", {"files": {"Dockerfile": text, "apt.txt": "fortune-mod\n"}})
    said = compared(folder, engine, released, tmp_path)
    assert "Dockerfile:4: it installed apt.txt with what its packages recommend" in said
    before, now = map(int, re.search(r"  apt: (\d+) packages before, (\d+) now", said).groups())
    lost = re.findall(r"  apt (\S+): \S+ -> absent", said)
    assert "fortunes-min" in lost and "fortune-mod" not in lost
    assert before - now >= len(lost) - len(re.findall(r"  apt \S+: absent -> ", said)) > 0
