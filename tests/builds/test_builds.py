"""Real images, built from unmodified renderings, with packages that their bases do not have."""

from __future__ import annotations

import functools
import json
import re
import shutil
from pathlib import Path

import copier
import pytest
import yaml

from hub_image.lists import installed
from rig import engine as rig

pytestmark = pytest.mark.engine
whole_matrix = pytest.mark.whole_matrix

HERE = Path(__file__).parent
SCRATCH = {"start_from": "scratch"}
CELLS = {
    "scratch-pip": SCRATCH | {"package_manager": "pip"},
    "scratch-r-pip": SCRATCH | {"package_manager": "pip", "languages": ["r"]},
    "scratch-conda": SCRATCH | {"package_manager": "conda"},
    "scratch-r-julia-pip": SCRATCH | {"package_manager": "pip", "languages": ["r", "julia"]},
    "docker-stacks-conda": {"base": "jupyter-scipy", "package_manager": "conda"},
    "docker-stacks-pip": {"base": "jupyter-minimal", "package_manager": "pip"},
    "pangeo-conda": {"base": "pangeo-base", "package_manager": "conda"},
    "pangeo-pip": {"base": "pangeo", "package_manager": "pip"},
    "rocker-geospatial": {"base": "rocker-geospatial", "languages": ["r"]},
    "rocker-binder": {"base": "rocker-binder", "languages": ["r"]},
}
# Those that guard most stand for the others in every run.
FEW = ["scratch-r-julia-pip", "docker-stacks-conda", "pangeo-conda"]

# An apt list as communities have them: comments, blank and Windows lines, several names, no last newline.
MESSY_APT = (
    b"# tools\r\nfiglet   # shows large letters\r\n\r\n\tjq  zip\r\n#tree\r\n  # indented\r\nrename"
)
SCRIPTS = {
    "preBuild": "#!/bin/bash -e\nid -u >/usr/local/share/pre-build\n",
    # As scripts for repo2docker are written: they write into the repository, and go by its names.
    "postBuild": "#!/bin/bash -e\ntouch made\n{ id -u; wc -l <$REPO_DIR/apt.txt; } >$NB_PYTHON_PREFIX/share/post-build\n",
    "postBuildRoot": "#!/bin/bash -e\ntouch made\n{ id -u; wc -l <apt.txt; } >/usr/local/share/post-build-root\n",
    "start": '#!/bin/bash -e\nexport FROM_START="a b"\nexec "$@"\n',
}
# An old version of what install.R lists. It belongs to root, as what Rocker's images bring.
OLD_PRAISE = """
mkdir praise
touch praise/NAMESPACE
cat >praise/DESCRIPTION <<EOF
Package: praise
Version: 0.9.0
Title: Praise
Description: An old version.
License: MIT
Author: Nobody
Maintainer: Nobody <nobody@example.org>
EOF
R CMD INSTALL praise
rm -r praise
"""
CODE = {
    "python": "import emcee, sys; print('python', sys.prefix)",
    "r": "library(praise); cat('R', format(packageVersion('praise')), nzchar(praise()))",
    "julia": 'using Example; println(hello("hub"))',
}
ANSWERS = {"r": "R 1.0.0 TRUE", "julia": "Hello, hub"}


def fill(project: Path, prefix: str) -> None:
    """Write what an owner might: a package in every list, and all scripts."""
    (project / "apt.txt").write_bytes(MESSY_APT)
    if (project / "environment.yml").exists():
        listed = yaml.safe_load((project / "environment.yml").read_text())
        listed["dependencies"] += ["emcee", {"pip": ["pyfiglet"]}]
        (project / "environment.yml").write_text(yaml.safe_dump(listed))
    else:
        (project / "requirements.txt").write_text("emcee  # a sampler\npyfiglet\n")
    if (project / "install.R").exists():
        (project / "install.R").write_text('install.packages("praise")\n')
    if (project / "Project.toml").exists():
        (project / "Project.toml").write_text(
            '[deps]\nExample = "7876af07-990d-54b4-ab0e-23690620f79a"\n'
        )
    for name, script in SCRIPTS.items():
        old = OLD_PRAISE if name == "preBuild" and (project / "install.R").exists() else ""
        (project / name).write_text(script.replace("{prefix}", prefix) + old)


@pytest.fixture(scope="session")
def project(template, tmp_path_factory):
    """Render answers into a folder of its own and fill it."""

    def make(cell: str, source: Path = template) -> Path:
        folder = tmp_path_factory.mktemp(cell) / "ocean"
        copier.run_copy(str(source), folder, data=CELLS[cell], defaults=True, quiet=True)
        catalog = yaml.safe_load((source / "catalog.yml").read_text())
        env = (folder / ".github/image.env").read_text()
        family = env.split("BASE_FAMILY=")[1].split("\n")[0]
        fill(folder, catalog["families"][family]["prefix"])
        return folder

    return make


@pytest.fixture(
    scope="session", params=[c if c in FEW else pytest.param(c, marks=whole_matrix) for c in CELLS]
)
def cell(request):
    return request.param


@pytest.fixture(scope="session")
def image_of(project, build):
    """The image of a cell, built once."""
    return functools.cache(lambda cell: build(project(cell), f"rig/cells:{cell}"))


@pytest.fixture(scope="session")
def image(cell, image_of):
    return image_of(cell)


def kernels(run, image: str, user: str = "1000:100") -> dict[str, str]:
    """What each kernel of the image answers, started as on a hub."""
    script = (HERE / "kernels.py").read_text()
    result = run(
        image, "python", "-", json.dumps(CODE), user=user, input=script, options=("--interactive",)
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return json.loads(result.stdout.splitlines()[-1])


@pytest.mark.world("rocker-library")
@pytest.mark.parametrize("user", ["1000:100", "1000:1000"])
def test_kernels_find_what_the_lists_name(image, run, user, cell):
    """C1, C3 to C5, C11: as a hub starts it, every kernel of the image imports the added packages.

    R's was there before in an old version, which belonged to root.
    """
    answers = kernels(run, image, user)
    assert answers.pop("python3").startswith("python /")
    languages = CELLS[cell].get("languages", [])
    assert sorted(answers.values()) == sorted(ANSWERS[language] for language in languages)


def test_system_packages_and_scripts(image, run):
    result = run(
        image, "bash", "-c",
        "figlet -v >/dev/null && jq --version && zip -v >/dev/null && command -v rename && ! command -v tree;"
        ' cat /usr/local/share/pre-build "$(dirname "$(dirname "$(command -v jupyter)")")"/share/post-build'
        ' /usr/local/share/post-build-root; ! [ -e /tmp/repository ] &&'
        ' echo "$FROM_START"; python -c "import pyfiglet"',
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    lines = str(MESSY_APT.count(b"\n"))
    assert result.stdout.splitlines()[-6:] == ["0", "1000", lines, "0", lines, "a b"]


@pytest.mark.world("julia-depot-path")
def test_julia_and_its_kernel_are_outside_the_home(image_of, run):
    """C5, C22: the kernel here is a stand-in that hands code to a real Julia; see the rig's README."""
    image = image_of("scratch-r-julia-pip")
    specs = json.loads(run(image, "jupyter", "kernelspec", "list", "--json").stdout)["kernelspecs"]
    julia = next(spec for spec in specs.values() if spec["spec"]["language"] == "julia")
    assert not julia["resource_dir"].startswith("/home")
    assert run(image, "printenv", "JULIA_DEPOT_PATH").stdout == "/opt/julia-depot:\n"


def test_what_is_installed_names_the_languages_too(image_of, run, engine, monkeypatch):
    for name, value in engine.variables().items():
        monkeypatch.setenv(name, value)
    image = image_of("scratch-r-julia-pip")
    found = installed.packages(image)
    julia = run(image, "julia", "-e", "print(VERSION)").stdout
    r = run(image, "Rscript", "-e", "cat(format(getRversion()))").stdout
    assert julia and found["Julia", "julia"] == julia
    assert r and found["R", "R"] == r and ("R", "praise") in found


def test_a_list_may_be_newer_than_its_manifest(project, image_of, build, run):
    folder = project("scratch-r-julia-pip")
    manifest = "/opt/julia-depot/environments/hub/Manifest.toml"
    (folder / "Manifest.toml").write_text(
        run(image_of("scratch-r-julia-pip"), "cat", manifest).stdout
    )
    with (folder / "Project.toml").open("a") as file:
        file.write('DataFrames = "a93c6f00-e57d-5684-b7b6-d8193f3e46c0"\n')
    image = build(folder, "rig/cells:newer-list")
    result = run(image, "julia", "-e", 'using DataFrames, Example; print(hello("hub"))')
    assert result.stdout == "Hello, hub", result.stderr


def test_one_session_installs_have_a_place(image, run):
    """C14: everything that %pip, %conda and install.packages() write to belongs to the user."""
    script = (
        "import os, site, subprocess, sys, shutil; places = [site.getsitepackages()[0], sys.prefix + '/bin'];"
        "places += [sys.prefix + '/conda-meta'] if os.path.isdir(sys.prefix + '/conda-meta') else [];"
        "places += [subprocess.check_output(['Rscript', '-e', 'cat(.libPaths()[1])'], text=True)]"
        " if shutil.which('Rscript') else [];"
        "print([place for place in places if not os.access(place, os.W_OK) or place.startswith('/home')])"
    )
    for user in ("1000:100", "1000:1000"):
        result = run(image, "python", "-c", script, user=user)
        assert result.stdout == "[]\n", result.stdout + result.stderr


def test_nothing_of_the_build_is_left(image, run):
    """C24, C25: bytecode is there; nothing is root's where users write; every PATH entry exists."""
    result = run(
        image, "bash", "-c",
        'prefix=$(dirname "$(dirname "$(command -v jupyter)")");'
        ' find "$prefix" /tmp -type d ! -user 1000 ! -path /tmp;'
        ' find "$prefix" -name "*.pyc" | head -1 | grep -q . || echo no bytecode;'
        ' IFS=:; for entry in $PATH; do [ -d "$entry" ] || echo "missing $entry"; done;'
        ' ls -A /tmp /mnt',
    )  # fmt: skip
    assert result.stdout.replace("/mnt:", "").replace("/tmp:", "").strip() == "", result.stdout


def test_what_pip_install_user_left_does_no_harm(image, run):
    result = run(
        image, "bash", "-c",
        'mkdir -p "$HOME/.local/lib/$(python -c "import sysconfig as s; print(\'python\' + s.get_python_version())")/site-packages"'
        ' && cd "$HOME"/.local/lib/python*/site-packages && echo "raise SystemExit(9)" >jupyter_server.py'
        ' && cd / && jupyterhub-singleuser --version && python -c "import jupyter_server"',
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("wrong", ["/srv/conda"])
def test_a_wrong_prefix_is_noticed(wrong, template, project, build, run, tmp_path):
    """The most common fault in the field: packages go where no kernel looks. The test above must see it."""
    changed = tmp_path / "changed"
    shutil.copytree(template, changed)
    text = (changed / "catalog.yml").read_text()
    assert "prefix: /srv/conda/envs/notebook" in text
    (changed / "catalog.yml").write_text(
        text.replace("prefix: /srv/conda/envs/notebook", f"prefix: {wrong}")
    )
    folder = project("pangeo-conda", changed)
    (folder / "postBuild").unlink()
    image = build(folder, "rig/cells:wrong-prefix")
    assert "No module named 'emcee'" in kernels(run, image)["python3"]


EMPTY_LAYER = (
    "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"  # a tar of nothing
)


@pytest.mark.parametrize("lists", ["absent", pytest.param("empty", marks=whole_matrix)])
def test_lists_without_packages_add_no_bytes(lists, project, build):
    folder = project("scratch-r-julia-pip")
    names = ["apt.txt", "requirements.txt", "install.R", "Project.toml"]
    for name in [*names, *SCRIPTS]:
        (folder / name).unlink()
        if lists == "empty" and name in names:
            (folder / name).write_text("# nothing yet\n")
    image = build(folder, "rig/cells:no-packages")
    details = json.loads(rig.check(["docker", "image", "inspect", image]))[0]
    # apt.txt, preBuild, requirements.txt, install.R, Project.toml, postBuild, postBuildRoot, security.txt, start, WORKDIR
    assert details["RootFS"]["Layers"].count(EMPTY_LAYER) == 10


@pytest.fixture(scope="module")
def failing(project, build):
    """Build the smallest flavour with one file changed; return the end of the log of the failed build."""

    def fail(cell: str, name: str, text: str) -> str:
        folder = project(cell)
        for script in SCRIPTS:
            (folder / script).unlink()
        (folder / name).write_text(text)
        with pytest.raises(rig.RigError) as error:
            build(folder)
        return str(error.value)

    return fail


# A package whose old version loads and whose new one cannot be installed.
BROKEN_UPDATE = r"""folder <- file.path(tempdir(), "broken")
dir.create(file.path(folder, "R"), recursive = TRUE)
file.create(file.path(folder, "NAMESPACE"))
install <- function(version, code) {
  writeLines(c("Package: broken", paste("Version:", version), "Title: Probe", "Description: A probe.",
    "License: MIT", "Author: Nobody", "Maintainer: Nobody <nobody@example.org>"), file.path(folder, "DESCRIPTION"))
  writeLines(code, file.path(folder, "R/code.R"))
  install.packages(folder, repos = NULL, type = "source")
}
install("1.0", "good <- 1"); install("2.0", "bad <- (")
"""


@pytest.mark.parametrize(
    ("cell", "name", "text", "said"),
    [
        ("scratch-r-julia-pip", "install.R", 'install.packages("nosuchpackage")\n', "install.R:1: cannot load nosuchpackage"),
        ("scratch-r-julia-pip", "install.R", 'install.packages(c(\n  "here"\n  "praise"\n))\n', "install.R:3:3: unexpected string constant"),
        ("scratch-r-julia-pip", "install.R", BROKEN_UPDATE, "install.R:10: cannot install broken, for the reason above"),
        ("scratch-r-julia-pip", "apt.txt", "nosuchpackage\n", "nosuchpackage"),
        ("scratch-r-julia-pip", "requirements.txt", "jupyter-server==1.24.0\n", "JupyterHub no longer starts"),
        ("scratch-r-julia-pip", "preBuild", "#!/bin/bash -e\nfalse\n", "preBuild"),
        ("scratch-conda", "environment.yml", "dependencies: [nosuchpackage]\n", "nosuchpackage"),
    ],
    ids=lambda value: str(value)[:20],
)  # fmt: skip
def test_a_package_that_fails_stops_the_build(cell, name, text, said, failing):
    assert said in failing(cell, name, text)


STARTS = {
    "hands over": ('export A="x\ny"\nexec "$@"', ["x", "y"], ""),
    "adds an argument": ('exec "$@" more', ["", "more"], ""),
    "changes the folder": ('cd /usr\nexec "$@"', [""], ""),
    "fails": ("exit 3", [""], "start: ended with status 3"),
    "forgets to hand over": ("true", [""], "start: ended with status 0"),
    "is no program": ("\x7fELF", [""], "start: ended with status"),
}


@pytest.mark.parametrize("case", STARTS)
def test_start_runs_once_before_the_server(case, image, run, tmp_path, cell):
    """C7, C15: one meaning for all families, whatever goes wrong."""
    body, printed, said = STARTS[case]
    start = tmp_path / "start"
    start.write_text(
        body if body[0] == "\x7f" else f"#!/bin/bash -e\necho ran >>/tmp/count\n{body}\n"
    )
    start.chmod(0o755)
    mount = ("--mount", f"type=bind,src={start},dst=/usr/local/lib/hub-image/start,ro")
    command = 'printf "%s\\n" "$A" "$@"; [ "$(cat /tmp/count 2>/dev/null | wc -l)" -le 1 ] || echo twice; exit 7'
    result = run(image, "bash", "-c", command, "server", options=mount)
    assert result.returncode == 7
    assert result.stdout.splitlines() == printed
    assert said in result.stderr


def test_signals_reach_the_server(image, run):
    """C7: a hub stops a server with TERM, and the server must be the one that gets it."""
    command = "trap 'echo stopped; exit 5' TERM; kill -TERM 1 & sleep 20 & wait"
    result = run(image, "bash", "-c", command)
    assert (result.returncode, result.stdout) == (5, "stopped\n"), result.stderr


@pytest.mark.world("pangeo-base-has-no-git", "login-shells")
def test_a_terminal_has_what_the_server_has(image, run, cell):
    """JupyterLab opens login shells, VS Code both kinds, in a home without the image's .bashrc."""
    look = 'type -P python pip jupyter git; echo "$PATH"'
    server = run(image, "bash", "-c", look).stdout.splitlines()
    assert len(server) == 5, "git too, which not every base has"
    folder = server[0].rpartition("/")[0]
    for command in ("bash -lc", "bash -lic", "bash -ic"):
        started = f"PATH=/from/start:$PATH exec {command} '{look}'"
        *found, path = run(image, "bash", "-c", started).stdout.splitlines()
        assert found == server[:4]
        assert "/from/start" in path.split(":"), "what `start` set stays"
    bare = ["env", "-i", "HOME=/tmp", "PATH=/usr/bin:/bin", "bash", "-lc", "type -P python"]
    assert run(image, *bare).stdout == f"{folder}/python\n", "also for an SSH server's shell"
    if "conda" in cell or "docker-stacks" in cell or "pangeo" in cell:
        for kind in ("-lic", "-ic"):
            said = run(image, "bash", kind, "conda activate && type -t conda").stdout
            assert said == "function\n"


def test_the_first_process_buries_the_dead(image, run):
    assert run(image, "cat", "/proc/1/comm").stdout == "tini\n"


ANSWERED = """
import sys, time, urllib.request
for address in sys.argv[1:]:
    for _ in range(240):
        try:
            print(urllib.request.urlopen(address).status)
            break
        except OSError:
            time.sleep(0.5)
"""


def test_started_by_hand_it_serves(image, cell):
    """Without a command, on IPv4 and IPv6; docker-stacks' own variables do what its documentation says."""
    path = "/mine/" if "docker-stacks" in cell else "/"
    options = ["--network=none", "--sysctl=net.ipv6.conf.all.disable_ipv6=0"]
    options += [f"--env=NOTEBOOK_ARGS=--ServerApp.base_url={path}"]
    container = rig.check(["docker", "run", "--detach", *options, image]).strip()
    addresses = [f"http://{host}:8888{path}api" for host in ("127.0.0.1", "[::1]")]
    try:
        ask = ["docker", "exec", container, "python", "-c", ANSWERED, *addresses]
        assert rig.check(ask) == "200\n200\n"
    finally:
        rig.check(["docker", "rm", "--force", container])


@whole_matrix  # 4.6 GB
def test_a_hundred_packages_of_a_real_community(template, build, run, tmp_path):
    """A list of the size and mess that communities have, through a generated repository."""
    folder = tmp_path / "ocean"
    copier.run_copy(
        str(template), folder, data=CELLS["docker-stacks-conda"], defaults=True, quiet=True
    )
    shutil.copy(HERE / "community/environment.yml", folder)
    (folder / "apt.txt").write_bytes((HERE / "community/apt.txt").read_bytes())
    image = build(folder, "rig/cells:community")
    listed = yaml.safe_load((folder / "environment.yml").read_text())["dependencies"]
    assert len(listed) >= 100
    result = run(
        image,
        "bash",
        "-c",
        "ls /opt/conda/conda-meta | sed -E 's/-[^-]+-[^-]+.json$//'; command -v tree",
    )
    installed = set(result.stdout.split())
    names = {re.split("[ =<>!]", name)[0] for name in listed if isinstance(name, str)}
    missing = names - installed
    assert not missing
    assert "/usr/bin/tree" in installed
