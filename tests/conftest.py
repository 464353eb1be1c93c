"""Fixtures for every test: a template to render, isolated from this machine's Copier and git settings."""

from __future__ import annotations

import functools
import json
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import copier
import jinja2
import plumbum
import pytest
import yaml
from copier import _main, _subproject, _template, _vcs
from copier._main import Worker
from hypothesis import HealthCheck, settings

from rig.fixtures import browse, build, chromium, engine, run, served  # noqa: F401 (fixtures)
from world import pytest_terminal_summary  # noqa: F401 (a hook)

ROOT = Path(__file__).parent.parent
TEMPLATE_PARTS = ["copier.yml", "catalog.yml", "includes", "template"]
QUESTIONS_FILE = yaml.safe_load((ROOT / "copier.yml").read_text())
CATALOG = yaml.safe_load((ROOT / "catalog.yml").read_text())


# No repository here lives long enough to be tidied, needs the examples of hooks, or has to outlive a power cut.
GITCONFIG = """\
[user]
	name = Test
	email = test@example.org
[init]
	defaultBranch = main
	templateDir = {folder}/empty
[maintenance]
	auto = false
[gc]
	auto = 0
[receive]
	autogc = false
[core]
	fsync = none
"""


@pytest.fixture(scope="session", autouse=True)
def isolated(tmp_path_factory: pytest.TempPathFactory):
    """Neither the user's Copier settings nor their git settings reach a test."""
    folder = tmp_path_factory.mktemp("settings")
    (folder / "copier.yml").write_text("{}\n")
    (folder / "gitconfig").write_text(GITCONFIG.format(folder=folder))
    (folder / "empty").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COPIER_SETTINGS_PATH", str(folder / "copier.yml"))
        patch.setenv("GIT_CONFIG_GLOBAL", str(folder / "gitconfig"))
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        with plumbum.local.env(
            **os.environ
        ):  # with which Copier runs git: a copy, made when it was imported
            yield


class Git:
    """git as Copier runs it, but where there are no submodules it is not asked for them: that takes as long as a clone."""

    def __init__(self, git) -> None:
        self.git = git

    def __call__(self, *arguments: str, **options: object):
        nothing = arguments[0] == "submodule" and not Path(".gitmodules").exists()
        return "" if nothing else self.git(*arguments, **options)

    def __getitem__(self, arguments):
        return self.git[arguments]

    def __getattr__(self, name: str):
        return getattr(self.git, name)


@pytest.fixture(scope="session", autouse=True)
def read_once():
    """Each text of the template is read and compiled once in a run: most of a rendering, and always the same.

    Copier also asks git whether the template is a bundle, which a folder is not; and after each file whether git knows
    of executable files, which it does everywhere but on Windows, and then does nothing.
    """
    compile, load, configuration = (
        jinja2.Environment.compile,
        yaml.safe_load,
        _template.load_template_config,
    )
    compiled: dict[object, object] = {}
    loaded: dict[object, bytes] = {}  # pickled, since who gets a value may change it

    def compile_once(self, source, name=None, *arguments, **options):
        key = (self.lexer, tuple(self.extensions), source, name)
        if key not in compiled:
            compiled[key] = compile(self, source, name, *arguments, **options)
        return compiled[key]

    def load_once(text):
        if not isinstance(text, str):
            return load(text)
        if text not in loaded:
            loaded[text] = pickle.dumps(load(text))
        return pickle.loads(loaded[text])

    def configuration_once(path, quiet=False):
        key = (path.read_bytes(), quiet)
        if key not in loaded:
            loaded[key] = pickle.dumps(configuration(path, quiet))
        return pickle.loads(loaded[key])

    def is_root(path) -> bool:
        return (Path(path) / ".git").exists()

    def is_inside(path) -> bool:
        return any(map(is_root, [Path(path), *Path(path).parents]))

    is_bundle, get_git = _vcs.is_git_bundle, _vcs.get_git
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jinja2.Environment, "compile", compile_once)
        patch.setattr(yaml, "safe_load", load_once)
        patch.setattr(_template, "load_template_config", configuration_once)
        patch.setattr(Worker, "_sync_git_index_executable_bit", lambda *_: None)
        patch.setattr(_vcs, "get_git", lambda *folder: Git(get_git(*folder)))
        patch.setattr(_vcs, "get_git_version", functools.cache(_vcs.get_git_version))
        patch.setattr(_vcs, "is_git_repo_root", is_root)
        patch.setattr(_subproject, "is_in_git_repo", is_inside)
        patch.setattr(_vcs, "is_git_bundle", lambda path: path.is_file() and is_bundle(path))
        yield


def names(repository: Path) -> tuple[tuple[str, bytes], ...]:
    """The names of a git repository with their commits, as they stand in its files."""
    folder = repository / ".git" if (repository / ".git").is_dir() else repository
    paths = [folder / "packed-refs", *sorted(folder.glob("refs/**/*"))]
    return tuple((str(path), path.read_bytes()) for path in paths if path.is_file())


@pytest.fixture(scope="module", autouse=True)
def cloned_once(read_once: None):
    """Copier clones a version of a template once while none of its names moves: in an update it would six times."""
    kept: dict[object, _template.Template] = {}
    cleanup = _template.Template._cleanup

    def template_of(url: str, ref: str | None = None, use_prereleases: bool = False):
        made = _template.Template(url=url, ref=ref, use_prereleases=use_prereleases)
        held = names(Path(url))
        released = any("/refs/tags/" in path or b" refs/tags/" in text for path, text in held)
        if ref == "HEAD" or not (ref or released):  # what is not committed counts
            return made
        return kept.setdefault((url, ref, use_prereleases, held), made) if held else made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_main, "Template", template_of)
        patch.setattr(_subproject, "Template", template_of)
        patch.setattr(
            _template.Template,
            "_cleanup",
            lambda self: any(self is made for made in kept.values()) or cleanup(self),
        )
        yield
    for made in kept.values():
        cleanup(made)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template as it stands in the working tree, in a folder without git: quick to render."""
    folder = tmp_path_factory.mktemp("template") / "hub-image-template"
    folder.mkdir()
    for part in TEMPLATE_PARTS:
        source = ROOT / part
        (shutil.copytree if source.is_dir() else shutil.copy2)(source, folder / part)
    return folder


@pytest.fixture(scope="session")
def render(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Render answers into a repository, once for each set of answers. Do not change what you get."""
    done: dict[str, Path] = {}

    def render(**answers: object) -> Path:
        key = json.dumps(answers)  # Copier records answers in the order in which they are given
        if key not in done:
            folder = tmp_path_factory.mktemp("rendered") / "ocean"
            copier.run_copy(
                str(template), folder, data=answers, defaults=True, quiet=True, unsafe=False
            )
            done[key] = folder
        return done[key]

    return render


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder and return what it prints; it may quote files that are no UTF-8."""
    command = ["git", "-C", str(folder), *arguments]
    result = subprocess.run(command, check=True, capture_output=True)
    return result.stdout.decode(errors="surrogateescape")


def fits(schema: str, *paths: Path) -> None:
    """Fail where a file does not fit a schema that check-jsonschema brings; here, since it takes longest to start."""
    from check_jsonschema import main
    from click.testing import CliRunner

    done = CliRunner().invoke(main, [f"--builtin-schema=vendor.{schema}", *map(str, paths)])
    assert done.exit_code == 0, done.output


def first_release(template: Path) -> None:
    """Make a git repository of a template's folder, with one release, v1.0.0."""
    git(template, "init", "--quiet")
    git(template, "add", "--all")
    git(template, "commit", "--quiet", "--message", "First release")
    git(template, "tag", "v1.0.0")


@pytest.fixture(scope="session")
def released(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template as a git repository with one release, v1.0.0."""
    folder = tmp_path_factory.mktemp("released") / "hub-image-template"
    shutil.copytree(template, folder)
    first_release(folder)
    return folder


def roomy() -> str | None:
    """The folder of this machine's memory, where there is one with room."""
    memory = "/dev/shm"
    return memory if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2**30 else None


@pytest.fixture(autouse=True)
def temporary(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Copier and we make for a moment is made in memory, where the machine has room: git is several times faster there.

    Not where an engine looks into it: its memory may be another.
    """
    if not request.node.get_closest_marker("engine") and (memory := roomy()):
        monkeypatch.setattr(tempfile, "tempdir", memory)
        monkeypatch.setenv("TMPDIR", memory)


@pytest.fixture
def memory(temporary: None):
    """A folder in memory, where the machine has room."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture
def tmp_path(
    request: pytest.FixtureRequest, memory: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """As pytest's, in memory where the machine has room; where an engine looks into it, pytest's own, which is kept."""
    is_engine = request.node.get_closest_marker("engine")
    return tmp_path_factory.mktemp("engine") if is_engine else memory


SMALL = {
    "copier.yml": """\
catalog: {type: yaml, default: "{% include 'catalog.yml' %}", when: false}
title: {type: str, default: Ocean}
languages: {type: str, multiselect: true, default: [], choices: [r, julia]}
manager: {type: str, default: conda, choices: [conda, pip]}
base:
  type: str
  default: "{{ catalog.bases | list | first }}"
  choices: |
    {%- for key, entry in catalog.bases.items()
      if not entry.retired | default(false) or key == base | default %}
    "{{ entry.title }}{{ ' (retired)' if entry.retired | default(false) }}": {{ key }}
    {%- endfor %}
# ── Computed from the answers
conda: {type: bool, default: "{{ manager == 'conda' }}", when: false}
_subdirectory: template
_envops: {undefined: jinja2.StrictUndefined}
_skip_if_exists:
  - /README.md
  - /environment.yml
  - /requirements.txt
_exclude:
  - "{% if _copier_operation == 'update' %}/README.md{% endif %}"
  - "{% if _copier_operation == 'update' %}/environment.yml{% endif %}"
  - "{% if _copier_operation == 'update' %}/requirements.txt{% endif %}"
""",
    "CHANGELOG.md": "# Changelog\n\n## Unreleased\n",
    "catalog.yml": "".join(
        [
            "bases:\n",
            *(
                f'  {key}:\n    title: "The {key}"\n    image: quay.io/{key}\n'
                for key in ("scipy", "pangeo")
            ),
        ]
    ),
    "template/{{ _copier_conf.answers_file }}.jinja": "# Written by Copier\n{{ _copier_answers | to_nice_yaml -}}\n",
    "template/Dockerfile.jinja": "FROM {{ catalog.bases[base].image }}\nLABEL title={{ title }}\n"
    + "".join(f"RUN step {n}\n" for n in range(12)),
    "template/GUIDE.md": "".join(f"Paragraph {n} of the guide.\n\n" for n in range(12)),
    "template/.github/actions/setup/action.yml": "".join(f"step: {n}\n" for n in range(8)),
    "template/.github/workflows/image.yml": "# Written by nobody\nname: image\n",
    "template/README.md": "# Ours\n\nA text.\n",
    "template/{% if conda %}environment.yml{% endif %}": "channels: [conda-forge]\ndependencies: []\n",
    "template/{% if not conda %}requirements.txt{% endif %}": "# packages\n",
    "template/{% if conda %}conda.sh{% endif %}": "# the template's own, for one answer only\nconda info\n",
}


@pytest.fixture(scope="session")
def small(tmp_path_factory) -> Path:
    """A template by the conventions of ours, for tests that render hundreds of times."""
    folder = tmp_path_factory.mktemp("small") / "small-template"
    for name, text in SMALL.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def files(folder: Path) -> list[str]:
    """The files of a repository, as paths relative to it, git's own left out."""
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    )


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of our own."""
    parser.addoption("--update-golden", action="store_true", help="write tests/golden/ anew")
    parser.addoption("--whole-matrix", action="store_true", help="build and test every flavour")


def pytest_configure(config: pytest.Config) -> None:
    """Fewer examples of a property, each time others, unless the whole matrix is asked for.

    What Python compiles is kept, also where the environment says no, as in many containers: else each of hundreds of
    processes would compile all that it imports, a fifth of a run.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    examples = 100 if config.getoption("--whole-matrix") else 30
    settings.register_profile(
        "ours",
        max_examples=examples,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.load_profile("ours")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the cells of the whole matrix out, unless they are asked for; what needs the engine goes first.

    So with two processes both have work until the end: the quick tests fill what is left.
    """
    if not config.getoption("--whole-matrix"):
        left_out = [item for item in items if item.get_closest_marker("whole_matrix")]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)
    slow = {item.path for item in items if item.get_closest_marker("engine")}
    items.sort(key=lambda item: item.path not in slow)
