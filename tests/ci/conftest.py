"""A repository as people get it, with a registry and GitHub's API beside it."""

from __future__ import annotations

import shutil
import socket
import tempfile
import uuid
from pathlib import Path

import copier
import pytest

import github
from conftest import CATALOG, ROOT, first_release, git, roomy
from rig import engine as rig
from rig import standins

from . import runner
from .hosting import Hosted

GROUPS = 'GROUPS = ("static", "container", "hub", "image-tests")'
PART = 'GROUPS = ("static", "image-tests")'
# Nobody else's build has this step, so what is found of it later came from the registry.
INSTALLS, LIST = "bash /mnt/listed.bash", uuid.uuid4().hex
SCANNER = "{image}:{tag}".format_map(CATALOG["images"]["scanner"])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def hosted(memory):
    repository = Hosted(memory)
    with repository.github.served() as repository.port:
        yield repository


@pytest.fixture(scope="session")
def memory_of_all():
    """A folder for what tests copy, in memory where the machine has room."""
    with tempfile.TemporaryDirectory(dir=roomy()) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def start(small, memory_of_all) -> tuple[Path, Hosted]:
    """A small template with one release, v1.0.0, and a repository with an image of it, with work of its owner's."""
    template = shutil.copytree(small, memory_of_all / "small-template")
    first_release(template)
    hosted = Hosted(memory_of_all)
    copier.run_copy(str(template), hosted.clone, defaults=True, quiet=True)
    shutil.copy(ROOT / "template/.github/workflows/weekly.yml", hosted.clone / ".github/workflows")
    with (hosted.clone / "environment.yml").open("a") as file:
        file.write("# ours\n")
    hosted.owner_pushes()
    return shutil.copytree(template, memory_of_all / "first-template"), hosted


@pytest.fixture
def template(start, memory_of_all):
    """A small template with one release, v1.0.0, to make more of; where it is stands in the image's answers."""
    shutil.rmtree(memory_of_all / "small-template", ignore_errors=True)
    return shutil.copytree(start[0], memory_of_all / "small-template")


@pytest.fixture
def image(hosted, template, start):
    """The repository holds an image that was made from v1.0.0, with work of its owner's."""
    hosted.become(start[1])
    return hosted


@pytest.fixture(scope="session")
def published(tmp_path_factory) -> Path:
    """This template, from which a repository's CI gets hub-image, with two releases.

    v1.0.0 is what it is. v1.0.1 proves a part of the contract only, so that not every event takes a minute.
    """
    folder = tmp_path_factory.mktemp("published") / "hub-image-template"
    ignore = shutil.ignore_patterns(
        ".git", "*cache*", ".venv", ".hypothesis", "tests", "*.egg-info"
    )
    shutil.copytree(ROOT, folder, ignore=ignore)
    dockerfile = folder / "template/Dockerfile.jinja"
    text = dockerfile.read_text()
    assert text.count(INSTALLS) == 1
    dockerfile.write_text(text.replace(INSTALLS, f"LIST_OF={LIST} {INSTALLS}"))
    facts = (folder / "catalog.yml").read_text()
    digest = CATALOG["images"]["scanner"]["digest"]
    assert facts.count(digest) == 1  # the stand-in has another
    (folder / "catalog.yml").write_text(facts.replace(f"    digest: {digest}\n", ""))
    first_release(folder)
    command = folder / "hooks/hub_image/contract/command.py"
    text = command.read_text()
    assert text.count(GROUPS) == 1
    command.write_text(text.replace(GROUPS, PART))
    git(folder, "commit", "--quiet", "--all", "--message", "Second release")
    git(folder, "tag", "v1.0.1")
    git(folder, "repack", "--quiet", "-a", "-d")  # a few files, which are soon copied
    return folder


@pytest.fixture(scope="session")
def ports() -> dict[str, int]:
    return {"registry": free_port(), "github": free_port()}


@pytest.fixture(scope="session")
def project(published, ports, tmp_path_factory) -> Path:
    """The quickest flavour: Debian with pip."""
    folder = tmp_path_factory.mktemp("project") / "ocean"
    answers = {
        "start_from": "scratch",
        "package_manager": "pip",
        "registry": f"localhost:{ports['registry']}",
        "registry_owner": "ocean",
        "title": 'Ocean << $(id) "quoted"',
    }
    copier.run_copy(
        str(published), folder, data=answers, defaults=True, quiet=True, vcs_ref="v1.0.0"
    )
    with (folder / "requirements.txt").open("a") as file:
        file.write("pyfiglet\n")
    git(folder, "init", "--quiet", "--initial-branch", "main")
    commit(folder, "First image")
    return folder


def commit(folder: Path, message: str) -> str:
    """Commit everything; return the commit."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)
    return git(folder, "rev-parse", "HEAD").strip()


@pytest.fixture(scope="session")
def ci(engine, project, ports, tmp_path_factory) -> runner.Runner:
    """What runs the workflow of the project."""
    if rig.is_provided():
        pytest.skip(
            "act would change this machine's Docker as it changes a runner's: GitHub runs image.yml itself"
        )
    hub = standins.reference(rig.CATALOG["images"]["hub"])
    for image in [hub, *standins.references((project / "Dockerfile").read_text())]:
        standins.ensure(image)
    scanner(tmp_path_factory.mktemp("scanner"))
    work = tmp_path_factory.mktemp("ci")
    kept = github.Kept(work / "github.json", "ocean/ocean", project)
    kept.pull(8)
    registry = runner.registry(work, ports["registry"])
    api = runner.Process(
        ports["github"],
        runner.PYTHON,
        github.server.__file__,
        ports["github"],
        kept.file,
    )
    registry.start()
    api.start()
    yield runner.Runner(project, work, registry, api, kept)
    kept.check()
    api.stop()
    registry.stop()
    images = [
        "docker",
        "image",
        "ls",
        "--quiet",
        f"--filter=reference=localhost:{ports['registry']}/*/*",
    ]
    if left := rig.check(images).split():
        rig.check(["docker", "image", "rm", "--force", *left])


def scanner(folder: Path) -> None:
    """Put the stand-in for the SBOM scanner where BuildKit looks for the real one, whose digest it cannot have."""
    file = runner.HERE / "standins/scanner.Dockerfile"
    debian = rig.CATALOG["images"]["debian"]
    rig.check(["docker", "buildx", "build", "--quiet", "--load", f"--tag={SCANNER}", f"--file={file}",
               f"--build-arg=DEBIAN={debian['image']}:{debian['tag']}", folder])  # fmt: skip
    rig.check(["docker", "push", SCANNER])
