"""Renovate follows each version in catalog.yml, and changes what is its owner's, and nothing else, in a repository.

The real Renovate runs with --whole-matrix, since installing it takes minutes; its registries are stand-ins.
Unproven: GitHub's tags, for which it wants a token, and the pull requests, which need a server.
"""

from __future__ import annotations

import fnmatch
import json
import re
import shutil

import copier
import plumbum
import pytest

import renovate
from conftest import CATALOG, ROOT, git
from test_ownership import TEMPLATE

SETTINGS = ".github/renovate.json"
SHIPPED = ".github/renovate.json5"
HUB = "quay.io/jupyterhub/jupyterhub"

# Versions that Renovate does not follow: what in the catalog, and why.
BY_HAND = {
    "bases.*.python": "the base's own",
    "bases.*.cuda": "the base's own",
    "bases.*.title": "words for people",
    "bases.*.retired": "a release of this template",
    "bases.rocker-binder.tag": "offered because it is the last of its series",
    "images.debian.python": "Debian's own",
    "interfaces.rstudio.deb": "it needs the checksum beside it, which Renovate cannot make",
    "charts.*": "what a released chart has; a new chart is one more line",
    "cran.date": "every day is one: the day on which the bases were renewed",
}


def real(test):
    """A test with the real Renovate."""
    return pytest.mark.whole_matrix(pytest.mark.network(test))


def versions(entry=CATALOG, path=()):
    """Everything in the catalog that looks like a version, by its place."""
    if isinstance(entry, dict):
        for key, value in entry.items():
            yield from versions(value, (*path, key))
    elif re.search(r"\d\.\d|\d{4}-\d\d-\d\d|-\d{8}-", str(entry)):
        yield path, str(entry)


def wanted() -> set[tuple[str, str, str]]:
    """What Renovate has to find in the catalog: source, name and version."""
    found = set()
    for path, value in versions():
        by_hand = [place for place in BY_HAND if fnmatch.fnmatch(".".join(path), place)]
        match path:
            case ("hub",):
                found.add(("docker", HUB, value))
            case ("images" | "bases" as group, name, "tag"):
                found.add(("docker", CATALOG[group][name]["image"], value))
            case ("packages", name):
                found.add(("pypi", name, value))
            case ("interfaces", _, "proxy"):
                found.add(("pypi", *value.split("==")))
            case _:
                assert by_hand, f"{'.'.join(path)}: {value} is neither followed nor in BY_HAND"
    return found


def test_what_is_chosen_by_hand_is_still_there():
    places = [".".join(path) for path, _ in versions()] + ["bases.any.retired"]
    assert not [each for each in BY_HAND if not fnmatch.filter(places, each)]


def test_settings_find_each_version_of_the_catalog():
    """Quick, with Python's regular expressions; the real one is below."""
    found, digests = set(), set()
    for manager in json.loads((ROOT / SETTINGS).read_text())["customManagers"]:
        if "catalog.yml" not in manager["managerFilePatterns"]:
            continue
        texts = [(ROOT / "catalog.yml").read_text()]
        *outer, inner = (each.replace("(?<", "(?P<") for each in manager["matchStrings"])
        for expression in outer:
            texts = [match[0] for text in texts for match in re.finditer(expression, text)]
        for text in texts:
            for match in map(re.Match.groupdict, re.finditer(inner, text)):
                name = match.get("depName") or manager["depNameTemplate"]
                found.add((manager["datasourceTemplate"], name, match["currentValue"]))
                digests.add(match.get("currentDigest"))
    assert found == wanted()
    assert digests - {None} == {
        entry["digest"] for entry in CATALOG["images"].values() if "digest" in entry
    }, "a new tag brings its own digest"


def test_shipped_settings_name_each_workflow_and_action_of_the_template():
    """A new one would be changed in every repository."""
    ignored = re.findall(r'"([^"]+)"', (ROOT / "template" / SHIPPED).read_text())
    theirs = {path for path in TEMPLATE if re.match(r"\.github/(workflows|actions)/|Docker", path)}
    assert theirs == {
        path for path in theirs if any(fnmatch.fnmatch(path, each) for each in ignored)
    }


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """What the real Renovate finds in this repository."""
    return renovate.dependencies(renovate.run(ROOT, tmp_path_factory.mktemp("renovate")))


@real
@pytest.mark.parametrize("file", [SETTINGS, f"template/{SHIPPED}"])
def test_settings_are_valid(file):
    assert "validated successfully" in renovate.validate(ROOT / file)


@real
def test_finds_each_version_of_the_catalog(here):
    found = {
        (each["datasource"], each["depName"], each["currentValue"])
        for each in here
        if each["file"] == "catalog.yml"
    }
    assert found == wanted()


@real
def test_finds_actions_hooks_and_pinned_packages(here):
    def found(file, *keys):
        return {tuple(each.get(key) for key in keys) for each in here if each["file"] == file}

    for folder in (".github", "template/.github", "docs"):
        for path in (ROOT / folder).rglob("*.yml"):
            used = re.findall(r"uses: ([^.\s]\S+)@([0-9a-f]{40}) # (\S+)", path.read_text())
            file = path.relative_to(ROOT).as_posix()
            assert set(used) <= found(file, "depName", "currentDigest", "currentValue"), file
    for file in (".pre-commit-config.yaml", "template/.pre-commit-config.yaml.jinja"):
        text = (ROOT / file).read_text()
        pinned = re.findall(r"repo: https://github.com/(\S+)\n +rev: (v\S+)", text)
        assert pinned and set(pinned) == found(file, "depName", "currentValue")
    pinned = re.findall(r'"([\w-]+)(==[\w.]+)"', (ROOT / "pyproject.toml").read_text())
    assert "copier" in dict(pinned)
    assert set(pinned) <= found("pyproject.toml", "depName", "currentValue")


@real
def test_takes_nothing_else_for_a_version(here):
    """Such as what stands in a module called dockerfile.py, or the template's FROM."""
    assert {each["manager"] for each in here if each["datasource"] == "docker"} == {"regex"}
    assert not [each["file"] for each in here if each["file"].startswith("tests/")]


# Tags as the projects publish them, beside the one that a person would choose. The years and versions are far away, so that
# none of them is ever older than the catalog's.
BESIDE = {
    # https://jupyter-docker-stacks.readthedocs.io/en/latest/using/selecting.html, .../maintaining/tagging.html
    "quay.io/jupyter/*": ["latest", "2199-01-01", "cuda12-2199-01-01", "cuda99-2199-01-01", "cuda12-latest",
                          "python-3.99", "ubuntu-99.04", "lab-99.0.0", "hub-99.0.0", "9f3a1c5b7d2e"],
    # https://pangeo-docker-images.readthedocs.io/en/latest/howto/launch.html
    "quay.io/pangeo/*": ["latest", "master", "main", "9f3a1c5"],
    # https://hub.docker.com/_/debian
    "docker.io/library/debian": ["latest", "trixie", "trixie-slim", "trixie-21990101", "13.99-slim", "forky-21990101-slim",
                                 "sid-21990101-slim", "stable-slim", "trixie-backports"],
    # https://hub.docker.com/_/julia
    "docker.io/library/julia": ["latest", "1", "1.99", "99.0.0", "99.0.0-trixie", "1.99-bookworm", "99.0.0-rc1-bookworm",
                                "99.0.0-windowsservercore-ltsc2025"],
    # https://rocker-project.org/images/
    "docker.io/rocker/*": ["latest", "4", "4.99", "devel", "99.0.0-daily", "ubuntugis"],
    # https://docs.astral.sh/uv/guides/integration/docker/
    "ghcr.io/astral-sh/uv": ["latest", "99.0", "debian-slim", "99.0.0-alpine", "99.0.0-python3.14-trixie"],
    # https://micromamba-docker.readthedocs.io/en/latest/quick_start.html
    "docker.io/mambaorg/micromamba": ["latest", "2", "99.0", "99.0.0-ubuntu26.04", "99.0.0-cuda13.0.1-ubuntu24.04",
                                      "99.0.0.rc0", "git-9f3a1c5-noble"],
    # https://coder.com/docs/code-server/install#docker
    "ghcr.io/coder/code-server": ["latest", "99.0.0-ubuntu", "99.0.0-39", "debian"],
    # https://quay.io/repository/jupyterhub/jupyterhub?tab=tags
    HUB: ["latest", "main", "99", "99.0.0", "99.0.0b1", "99.0.0-1"],
}  # fmt: skip


def after(version: str) -> str:
    """The version that comes after: of a date the next year, of others the next minor version."""
    date = re.match(r"([a-z]+-|cuda\d+-)?\d{4}", version)
    return re.sub(
        r"(?<!\d)(\d{4})" if date else r"(?<=\.)(\d+)",
        lambda number: str(int(number[0]) + 1),
        version,
        count=1,
    )


def published() -> dict[str, list[str]]:
    """What the stand-ins of the registries have: for each version of the catalog the one after it, and what stands beside."""
    known: dict[str, list[str]] = {}
    for source, name, version in wanted():
        known.setdefault(name, []).extend([version, after(version)])
        if source == "pypi":
            known[name] += ["999999.0.0rc1", "999999.0.dev1"]
    for name, tags in known.items():
        followed = {re.sub(r"\d{4}-\d\d-\d\d", "2199-01-01", tag) for tag in tags}
        for image in BESIDE:
            if fnmatch.fnmatch(name, image):
                tags += [tag for tag in BESIDE[image] if tag not in followed]
    return known


@real
def test_proposes_what_a_person_would_choose(tmp_path):
    with renovate.registries(tmp_path, published()) as settings:
        report = renovate.run(ROOT, tmp_path, **settings)
    followed = [each for each in renovate.dependencies(report) if each["file"] == "catalog.yml"]
    branches: dict[str, set[str]] = {}
    for each in followed:
        if each["depName"] == "docker.io/rocker/binder":
            assert each["skipReason"] == "disabled"
            continue
        # Settings leave out a new digest of the same tag, and the report does not yet know.
        [update] = [found for found in each["updates"] if found["updateType"] != "digest"]
        assert update["newValue"] == after(each["currentValue"]), each["depName"]
        assert ("newDigest" in update) == ("currentDigest" in each), each["depName"]
        branches.setdefault(update["branchName"], set()).add(each["depName"])
    names = {each["depName"] for each in followed}
    together = {
        "renovate/docker-stacks": set(fnmatch.filter(names, "quay.io/jupyter/*")),
        "renovate/pangeo": set(fnmatch.filter(names, "quay.io/pangeo/*")),
        "renovate/python-packages": {name for name in names if "/" not in name} - {"dask-gateway"},
    }
    assert {branch: branches.pop(branch) for branch in together} == together
    assert all(len(alone) == 1 for alone in branches.values()) and {HUB} in branches.values()


@pytest.fixture
def repository(released, tmp_path):
    """A repository of the template's first release, with a version in its owner's list and a workflow of their own."""

    def make(source: str):
        folder = tmp_path / "ocean"
        answers = {"start_from": "scratch", "package_manager": "pip", "languages": ["r", "julia"]}
        copier.run_copy(str(released), folder, data=answers, defaults=True, quiet=True)
        recorded = folder / ".copier-answers.yml"
        recorded.write_text(recorded.read_text().replace(str(released), source))
        (folder / "requirements.txt").write_text("xarray==2025.1.0\ngeopandas\n")
        (folder / ".github/workflows/mine.yml").write_text(
            "on: push\njobs:\n  mine:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/cache@v3\n"
        )
        git(folder, "init", "--quiet")
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "--message", "First image")
        return folder

    return make


def test_gh_is_recorded_as_an_address(released, tmp_path):
    """Renovate's copier manager takes gh: for the name of a server: its getPackageName, in manager/copier/extract.ts."""
    settings = tmp_path / "gitconfig"
    settings.write_text(
        f'[url "file://{released}"]\n\tinsteadOf = https://github.com/a/template.git\n'
    )
    with plumbum.local.env(GIT_CONFIG_GLOBAL=str(settings)):
        copier.run_copy("gh:a/template", tmp_path / "ocean", defaults=True, quiet=True)
    recorded = (tmp_path / "ocean/.copier-answers.yml").read_text()
    assert "_src_path: https://github.com/a/template\n" in recorded


@real
def test_repository_gives_renovate_its_owners_files_alone(repository, tmp_path):
    folder = repository(CATALOG["published"])
    found = {each["file"] for each in renovate.dependencies(renovate.run(folder, tmp_path))}
    assert found - TEMPLATE == {"requirements.txt", ".github/workflows/mine.yml"}
    assert found & TEMPLATE == {".copier-answers.yml"}
    (folder / SHIPPED).unlink()
    git(folder, "add", "--all")
    found = {each["file"] for each in renovate.dependencies(renovate.run(folder, tmp_path))}
    assert {"Dockerfile", ".github/workflows/image.yml"} < found, "without settings it reads them"


@real
def test_renovate_sees_releases_of_the_template(released, repository, tmp_path):
    folder, newer = repository(CATALOG["published"]), tmp_path / "newer"
    shutil.copytree(released, newer)
    for tag in ("v1.1.0", "v1.2.0rc1"):
        git(newer, "tag", tag)
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(
        f'[url "file://{newer}"]\n\tinsteadOf = {CATALOG["published"]}\n'
    )

    def seen():
        with renovate.registries(tmp_path, {"xarray": ["2025.1.0", "2026.1.0"]}) as settings:
            report = renovate.run(folder, tmp_path, HOME=str(home), **settings)
        return {
            each["file"]: [update["newValue"] for update in each["updates"]]
            for each in renovate.dependencies(report)
            if each.get("updates")
        }

    assert seen() == {".copier-answers.yml": ["v1.1.0"], "requirements.txt": ["==2026.1.0"]}
    recorded = folder / ".copier-answers.yml"
    recorded.write_text(recorded.read_text().replace("v1.0.0", "v1.0.0-3-g0a1b2c3"))
    assert seen() == {"requirements.txt": ["==2026.1.0"]}, "a copy of no release is not followed"
