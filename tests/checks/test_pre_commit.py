"""pre-commit itself, from PyPI, runs the hook that this checkout exports and the generated
configuration."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import copier
import pytest
import yaml

CHECKOUT = Path(__file__).parents[2]
pytestmark = pytest.mark.network


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.org", *arguments]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(folder: Path) -> str:
    """Commit what is in a folder, as the first commit if there is none; return its hash."""
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "As it is")
    return git(folder, "rev-parse", "HEAD")


def pre_commit(repository: Path) -> subprocess.CompletedProcess[str]:
    git(repository, "add", "--all")
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "pre_commit", "run", "--all-files", "--color=never"],
        cwd=repository,
        env=os.environ | {"PYTHONPATH": ""},  # the hook's own environment has what it needs
        capture_output=True,
        text=True,
    )
    print(f"pre-commit run: {time.perf_counter() - start:.1f} s\n{done.stdout}{done.stderr}")
    return done


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This checkout as it stands, uncommitted changes included, as a repository of its own."""
    folder = tmp_path_factory.mktemp("checkout") / "source"
    ignored = [".git", ".venv", "__pycache__", ".*_cache", ".hypothesis", "dist", "tests"]
    shutil.copytree(CHECKOUT, folder, ignore=shutil.ignore_patterns(*ignored))
    commit(folder)
    return folder


@pytest.fixture(scope="module", autouse=True)
def environments(tmp_path_factory: pytest.TempPathFactory):
    """pre-commit's cache is empty, and a pre-commit that runs these tests does not reach them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PRE_COMMIT_HOME", str(tmp_path_factory.mktemp("pre-commit")))
        for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"):
            patch.delenv(name, raising=False)
        yield


def test_exported_hook(source: Path, tmp_path: Path):
    """The hook is installed as a repository would install it, passes, warns, and fails."""
    revision = git(source, "rev-parse", "HEAD")
    config = {"repo": str(source), "rev": revision, "hooks": [{"id": "hub-image-check"}]}
    (tmp_path / ".pre-commit-config.yaml").write_text(yaml.safe_dump({"repos": [config]}))
    dockerfile, environment = tmp_path / "Dockerfile", tmp_path / "environment.yml"
    dockerfile.write_text("FROM quay.io/jupyter/scipy-notebook:2026-07-28\nCOPY *.yml /\n")
    environment.write_text("channels: [conda-forge]\ndependencies: [numpy]\n")
    commit(tmp_path)
    assert pre_commit(tmp_path).returncode == 0

    environment.write_text("dependencies: [numpy]\n")
    done = pre_commit(tmp_path)
    assert done.returncode == 0
    assert "environment.yml:1: warning no-channel" in done.stdout

    # That rule needs the catalog, which the wheel must carry.
    dockerfile.write_text("FROM quay.io/jupyter/scipy-notebook:python-3.13\nCOPY *.yml /\n")
    environment.write_text("channels: [defaults]\ndependencies: [numpy>=1 <2]\n")
    done = pre_commit(tmp_path)
    assert done.returncode == 1
    assert "Dockerfile:1: error moving-tag" in done.stdout and "2026-07-28" in done.stdout
    assert "environment.yml:1: error defaults-channel" in done.stdout
    assert "environment.yml:2: error conda-list" in done.stdout


# What the manifest of https://github.com/pre-commit/pre-commit-hooks says about the files.
TYPES = {"check-merge-conflict": ["text"], "check-added-large-files": [], "check-yaml": ["yaml"]}


def without_cloning(config: dict) -> dict:
    """Replace repositories on GitHub, which a test cannot clone, by the same tools from PyPI.

    A stand-in: it leaves unproven that these repositories have the revisions that are named.
    """
    for repo in config["repos"]:
        if repo["repo"] == "https://github.com/pre-commit/pre-commit-hooks":
            tool = f"pre-commit-hooks=={repo.pop('rev').lstrip('v')}"
            repo["repo"] = "local"
            for hook in repo["hooks"]:
                hook |= {"name": hook["id"], "entry": hook["id"], "types": TYPES[hook["id"]]}
                hook |= {"language": "python", "additional_dependencies": [tool]}
        assert "github.com" not in repo["repo"], f"say how a test runs {repo['repo']}"
    return config


@pytest.mark.parametrize(
    ("answers", "bad_file", "bad_text", "says"),
    [
        ({}, "environment.yml", "dependencies: [numpy=]\n", "environment.yml:1: error conda-list"),
        (
            {"start_from": "scratch", "package_manager": "pip", "languages": ["r", "julia"]},
            "install.R",
            'install.packages("sf"\n',
            "install.R:1: error r-list",
        ),
    ],
    ids=["conda", "scratch with pip, R and Julia"],
)
def test_generated_configuration(
    source: Path, tmp_path: Path, answers: dict, bad_file: str, bad_text: str, says: str
):
    """A fresh copy passes what its `.pre-commit-config.yaml` asks for; a mistake in it does not."""
    folder = tmp_path / "ocean"
    copier.run_copy(str(source), folder, data=answers, defaults=True, quiet=True, vcs_ref="HEAD")
    path = folder / ".pre-commit-config.yaml"
    config = yaml.safe_load(path.read_text())
    assert str(source) in [repo["repo"] for repo in config["repos"]]
    path.write_text(yaml.safe_dump(without_cloning(config)))
    commit(folder)
    done = pre_commit(folder)
    assert done.returncode == 0 and "0 errors, 0 warnings" in done.stdout

    (folder / bad_file).write_text(bad_text)
    done = pre_commit(folder)
    assert done.returncode == 1 and says in done.stdout
