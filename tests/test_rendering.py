"""What holds for every repository that the questions can give."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import sys
from pathlib import Path

import copier
import pytest
import tomllib
import yaml

from conftest import CATALOG, ROOT, files
from hub_image import checks
from hub_image.lists import packages
from hub_image.page.facts import BRANCH
from matrix import NASTY, PAIRS, family

TOOLS = Path(sys.executable).parent


def describe(answers: dict) -> str:
    """A short name for a set of answers."""
    start = answers.get("base", "scratch")
    return "-".join(
        [start, answers.get("base_family", ""), *answers["languages"], answers["package_manager"]]
    )


@pytest.fixture(params=PAIRS, ids=[f"{n}-{describe(answers)}" for n, answers in enumerate(PAIRS)])
def answers(request):
    return request.param


@pytest.fixture
def rendered(answers, render) -> Path:
    return render(**answers)


def test_pytest_copie_agrees(copie, template, tmp_path):
    """The same rendering by way of the plugin that other templates are tested with."""
    result = copie.copy(extra_answers={"languages": ["r"]}, template_dir=template)
    assert result.exception is None and result.exit_code == 0
    assert (result.project_dir / "install.R").exists()
    assert result.answers["base"] == "jupyter-r"


@pytest.mark.world("conda-r-and-apt")
@pytest.mark.parametrize(
    ("answers", "place"),
    [
        ({"base": "jupyter-r", "languages": ["r"]}, "environment.yml"),
        ({"base": "jupyter-r", "languages": ["r"], "package_manager": "pip"}, "postBuild"),
        ({"start_from": "scratch", "languages": ["r"]}, "environment.yml"),
        ({"start_from": "scratch", "languages": ["r"], "package_manager": "pip"}, None),
        ({"base": "rocker-geospatial", "languages": ["r"]}, None),
    ],
)
def test_libraries_of_r_packages_come_from_where_r_does(answers, place, render):
    """The guide, the head of the list and the message of the build say it where R is conda's, and nowhere else."""
    repository = render(**answers)
    for path in ("GUIDE.md", "install.R", ".github/build/listed.R"):
        text = (repository / path).read_text()
        assert bool(re.search(r"\br-sf\b|\"r-\"", text)) == bool(place), path
        assert not place or place in text, path


def test_files_parse(rendered):
    for path in files(rendered):
        text = (rendered / path).read_text()
        match Path(path).suffix or path:
            case ".yml":
                yaml.safe_load(text)
            case ".ipynb":
                assert json.loads(text)["nbformat"] == 4
            case ".toml":
                tomllib.loads(text)


def test_files_are_tidy(rendered, answers):
    nasty = NASTY in answers.values()
    for path in files(rendered):
        text = (rendered / path).read_text()
        assert text.strip(), f"{path} is empty"
        assert text.endswith("\n") and not text.endswith("\n\n"), f"{path}: final newline"
        assert "\n\n\n" not in text, f"{path}: double blank line"
        assert "\r" not in text, path
        assert not re.search(r"[ \t]$", text, re.MULTILINE), f"{path}: trailing blanks"
        static = path.startswith((".github/actions/", ".github/workflows/"))
        if not nasty and not static:
            assert not re.search(r"(?<!\$){{|{%", text), f"{path}: Jinja left over"
        mode = stat.S_IMODE((rendered / path).stat().st_mode)
        assert mode & 0o111 == 0, f"{path}: no file of a rendering is run as a program"
        assert not set(path) & set('"<>:|?*\\') and not path.endswith((" ", ".")), (
            f"{path}: Windows"
        )


def test_lists_follow_the_answers(rendered, answers):
    present = {path for path in files(rendered) if "/" not in path}
    expected = {"environment.yml" if answers["package_manager"] == "conda" else "requirements.txt"}
    expected |= {"install.R"} & ({"install.R"} if "r" in answers["languages"] else set())
    expected |= {"Project.toml"} if "julia" in answers["languages"] else set()
    expected |= {"vscode-extensions.txt"} if "vscode" in answers["interfaces"] else set()
    lists = {"environment.yml", "requirements.txt", "install.R", "Project.toml"}
    assert present & (lists | {"vscode-extensions.txt"}) == expected


def test_hub_image_check_finds_nothing(rendered):
    assert [str(finding) for finding in checks.run(rendered)] == []
    assert list(packages.read(rendered)), "there is no package list to check"


def test_guide_and_readme_name_only_what_is_there(rendered):
    """Files named in code type or as links exist, or are the optional ones that the guide explains."""
    optional = {"preBuild", "postBuild", "postBuildRoot", "start"}
    lists = {"environment.yml", "requirements.txt", "install.R", "Project.toml", "apt.txt"}
    lists |= {"vscode-extensions.txt"}
    present = set(files(rendered)) | {path.split("/")[0] + "/" for path in files(rendered)}
    for page in ("README.md", "GUIDE.md"):
        text = (rendered / page).read_text()
        linked = set(re.findall(r"(?<!\\)\]\(([\w./-]+)\)", text))
        coded = set(re.findall(r"`([\w./-]+)`", text))
        linked.discard(f"../../tree/{BRANCH}")  # of GitHub, from the first image on
        assert linked <= present, (page, linked - present)
        assert coded & lists <= present, (page, coded & lists - present)
        named = {name for name in coded if name.endswith((".md", ".yml", ".toml"))}
        # One that owners may write, and one that `hub-image lock` writes.
        assert named - {".github/workflows/repo2docker.yml", "Manifest.toml"} <= present
    assert optional <= set(re.findall(r"`(\w+)`", (rendered / "GUIDE.md").read_text()))


def test_image_env_has_the_answers_as_they_were_typed(rendered, answers):
    lines = [
        line for line in (rendered / ".github/image.env").read_text().splitlines() if line[0] != "#"
    ]
    env = dict(line.split("=", 1) for line in lines)
    assert len(env) == len(lines)
    assert env["TITLE"] == answers.get("title", "Ocean")
    assert env["REGISTRY_OWNER"] == env["REGISTRY_OWNER"].lower()
    assert env["BASE_FAMILY"] in CATALOG["families"]
    assert env["HUB_VERSION"] == answers.get("hub_version", CATALOG["hub"])
    assert env["LANGUAGES"].split() == ["python", *answers["languages"]]
    assert env["INTERFACES"].split() == answers["interfaces"]


def test_readme_shows_title_and_description_as_they_were_typed(rendered, answers):
    """Rendered as Markdown, backslashes before punctuation vanish and the text is what was typed."""
    title, _, description = (rendered / "README.md").read_text().splitlines()[:3]
    unescape = lambda text: re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", text)  # noqa: E731
    assert unescape(title.removeprefix("# ")) == answers.get("title", "Ocean")
    if "description" in answers:
        assert unescape(description) == answers["description"]
        assert re.match(r"[^-+*#>=|]", description)
        assert not re.match(r"\d+[.)]", description)


@pytest.fixture(scope="session")
def everything(render) -> list[Path]:
    """All renderings at once, for linters that take many files in one go."""
    return [render(**answers) for answers in PAIRS]


def lint(tool: str, *arguments: object) -> None:
    """Run a linter, which must find nothing."""
    command = [TOOLS / tool, *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, (result.stdout + result.stderr)[:5000]


def distinct(paths: list[Path]) -> list[Path]:
    """Few paths that have every line between them; titles and names that people gave make no other line."""
    plain = re.compile(
        r"^(LABEL|      org|title:|description:|[a-z]+_(owner|url|name):)[^\n]*$", re.M
    )
    left = {path: set(plain.sub("", path.read_text()).splitlines()) for path in paths}
    seen, kept = set(), []
    while more := max(left, key=lambda path: len(left[path] - seen), default=None):
        if left[more] <= seen:
            break
        kept.append(more)
        seen |= left.pop(more)
    return kept


def test_dockerfiles_pass_hadolint(everything):
    paths = distinct([folder / "Dockerfile" for folder in everything])
    memory = ["+RTS", "-A64m", "-RTS"]  # with less it is busy with its memory for half of the time
    lint("hadolint", *memory, "--config", ROOT / ".hadolint.yaml", *paths)


def test_scripts_in_dockerfiles_pass_shellcheck(everything, tmp_path):
    """hadolint reads RUN as one line; here what RUN runs and what COPY writes or brings is checked as bash."""
    heredoc = re.compile(
        r"^(?:RUN|COPY|    --mount)[^\n]*<<'?EOF'?[^\n]*\n(#![^\n]*\n)?(.*?)^EOF$", re.M | re.S
    )
    scripts = {
        (shebang or "#!/bin/bash -eu\n") + body
        for folder in everything
        for shebang, body in heredoc.findall((folder / "Dockerfile").read_text())
        if "Rscript" not in shebang
    }
    assert len(scripts) > 10
    for number, script in enumerate(sorted(scripts)):
        (tmp_path / f"{number}.bash").write_text(script)
    lint("shellcheck", "--severity=style", *tmp_path.glob("*.bash"))
    # The same in every rendering; one reads another.
    lint("shellcheck", "-x", "--severity=style", *(ROOT / "template/.github/build").glob("*.bash"))


def test_yaml_passes_yamllint(everything):
    rules = (
        "{line-length: disable, document-start: disable, indentation: {indent-sequences: whatever},"
        " comments: {min-spaces-from-content: 1}, truthy: {check-keys: false}}"
    )
    paths = [folder / path for folder in everything for path in files(folder)]
    paths = distinct([path for path in paths if path.suffix == ".yml"])
    lint("yamllint", "--strict", "--config-data", f"{{extends: default, rules: {rules}}}", *paths)


def test_pre_commit_configurations_are_valid(everything):
    lint(
        "pre-commit",
        "validate-config",
        *(folder / ".pre-commit-config.yaml" for folder in everything),
    )


def test_every_step_of_the_dockerfile_says_why(rendered):
    """A comment stands before each step, or before the step that it goes on from."""
    steps = (rendered / "Dockerfile").read_text().split("\n\n")
    for step in steps:
        if re.match(r"(RUN|COPY|LABEL|ENV)", step):
            raise AssertionError(step[:80])


def test_dockerfile_installs_where_the_kernels_look(rendered, answers):
    text = (rendered / "Dockerfile").read_text()
    prefix = family(answers)["prefix"]
    assert set(re.findall(r"UV_PYTHON=(\S+)", text)) == {f"{prefix}/bin/python"}
    if answers["package_manager"] == "conda":
        root = prefix.split("/envs/")[0]
        assert set(re.findall(r" PREFIX=(\S+)", text)) == {prefix}
        assert set(re.findall(r" MAMBA_ROOT_PREFIX=(\S+)", text)) == {root}


def test_interfaces_are_brought_once(rendered, answers):
    """Each with its proxy and, unless the base has it, its program; nothing of what was not asked for."""
    text = (rendered / "Dockerfile").read_text()
    base = {} if answers.get("start_from") else CATALOG["bases"].get(answers.get("base"), {})
    programs = {"rstudio": "rstudio.deb", "vscode": "/opt/code-server", "desktop": "xfce4"}
    for name, program in programs.items():
        asked = name in answers["interfaces"]
        assert (CATALOG["interfaces"][name]["proxy"] in text) is asked
        assert (program in text) is (asked and name not in base.get("interfaces", []))
    asks_base = "vscode" in answers["interfaces"] and answers.get("base") == "other"
    assert ("if command -v code-server" in text) is asks_base, "nobody else has looked"
    has_proxy = "jupyter-server-proxy" in [*family(answers)["missing"], *family(answers)["brings"]]
    assert ("jupyter-server-proxy=" in text) is (
        "jupyter-server-proxy" in family(answers)["missing"]
        or bool(answers["interfaces"])
        and not has_proxy
    )


@pytest.mark.parametrize(
    ("answers", "url"),
    [
        ({}, "/lab"),
        ({"interfaces": ["vscode"]}, "/vscode"),
        ({"interfaces": ["vscode"], "opens_with": "lab"}, "/lab"),
        ({"interfaces": ["vscode", "desktop"]}, "/lab"),
        ({"interfaces": ["vscode", "desktop"], "opens_with": "desktop"}, "/desktop"),
    ],
    ids=str,
)
def test_the_hub_opens_what_was_chosen(answers, url, render):
    """One interface is what people come for; of several they choose in JupyterLab, unless one is named."""
    folder = render(**answers)
    entry = yaml.safe_load((folder / "hub/profile.yaml").read_text())
    assert entry["kubespawner_override"]["default_url"] == url
    assert f"\nDEFAULT_URL={url}\n" in (folder / ".github/image.env").read_text()


def test_graphics_cards_and_dask_where_they_were_asked_for(render):
    folder = render(base="pangeo-pytorch", dask_gateway=True)
    text = (folder / "Dockerfile").read_text()
    assert "\nARG CONDA_OVERRIDE_CUDA=" in text and "ENV CONDA_OVERRIDE_CUDA" not in text
    newer = f"dask-gateway>={CATALOG['packages']['dask-gateway']}"
    assert newer in text, "the family brings it, and may bring an older one"
    folder = render(base="pangeo-pytorch", package_manager="pip")
    for path in ("Dockerfile", "GUIDE.md"):
        assert "conda are chosen" not in (text := (folder / path).read_text())
        assert "CONDA_OVERRIDE_CUDA" not in text, "only conda reads it"
    folder = render(dask_gateway=True)
    text = (folder / "Dockerfile").read_text()
    assert "CONDA_OVERRIDE_CUDA" not in text
    assert f"dask-gateway={CATALOG['packages']['dask-gateway']}" in text


def test_tini_comes_first_and_the_family_s_command_last(rendered, answers):
    """tini buries dead processes, which no family's own entrypoint does; what a family documents of its command works."""
    text = (rendered / "Dockerfile").read_text()
    entrypoint, command = (
        json.loads(re.search(rf"^{step} (.*)$", text, re.M)[1]) for step in ("ENTRYPOINT", "CMD")
    )
    assert entrypoint[0] == "tini" and entrypoint.count("tini") == 1
    assert entrypoint[-1] == "hub-start"
    own = ["jupyter", "lab", "--no-browser", "--ip=*"]
    assert command == (family(answers)["command"] or own)


def test_dockerfile_keeps_the_contract_it_can_keep_in_text(rendered):
    text = (rendered / "Dockerfile").read_text()
    assert "# syntax=" not in text
    assert not re.search(r"^ARG (?!\w+=.)", text, re.M), "an argument without a default"
    assert re.findall(r"^USER (.*)$", text, re.M)[-1] == "1000"
    assert not re.search(r"^(?:FROM|COPY --from=)\S*:(latest|main)\b", text, re.M)
    froms = re.findall(r"(?:^FROM |--from=|,from=)(\S+?)(?:,|\s|$)", text, re.M)
    stages = set(re.findall(r"^FROM \S+ AS (\S+)", text, re.M)) | {"scratch"}
    for image in set(froms) - stages:
        assert re.search(r"(:[\w.-]+|@sha256:\w+)$", image), image


def test_a_template_given_by_a_relative_path_gives_commands_that_work(
    template, tmp_path, monkeypatch
):
    """Whoever reads the guide stands elsewhere than whoever made the repository."""
    monkeypatch.chdir(template.parent)
    copier.run_copy(template.name, tmp_path / "ocean", defaults=True, quiet=True)
    line = re.search(r"uvx --from .*", (tmp_path / "ocean/GUIDE.md").read_text())[0]
    assert f'git+file://{template.resolve()}"' in line
