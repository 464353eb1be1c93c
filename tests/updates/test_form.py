"""One answer of a repository changes: it works, or it is refused with the choices that fit.

Which answers Copier then takes is asked of Copier itself, of its questions alone and without rendering, so that many
repositories meet many changes; some are carried out. The long run tries every repository of the matrix:

    pytest tests/updates/test_form.py --whole-matrix
"""

from __future__ import annotations

import functools
import json
import shutil

import copier
import pytest
from copier import _user_data
from copier._main import Worker

from conftest import CATALOG, QUESTIONS_FILE, files, git
from hub_image.problem import Problem
from hub_image.updates import update as updating
from matrix import FAMILIES, PAIRS

OTHER = {"base": "other", "base_image": "quay.io/ocean/base:2026.11.23"}
HUB = {"hub_url": "https://hub.example.org", "support_url": "mailto:help@example.org"}
KINDS = [
    {},
    {"languages": ["r"], "base": "jupyter-r", "interfaces": ["rstudio", "vscode"], "opens_with": "rstudio"},
    {"base": "pangeo", "package_manager": "pip", "interfaces": ["desktop"]},
    {"languages": ["r"], "base": "rocker-geospatial", "interfaces": ["rstudio"], **HUB},
    {"languages": ["r", "julia"], "start_from": "scratch", "package_manager": "pip"},
    {"languages": ["r"], **OTHER, "base_family": "rocker"},
]  # fmt: skip
FEW_CHANGES = [
    {"start_from": "scratch"},
    {"start_from": "community"},
    {"languages": "-"},
    {"languages": "R"},
    {"languages": "R and Julia"},
    {"base": "pangeo"},
    {"base": "rocker-binder"},
    OTHER,
    {"base_image": "quay.io/ocean/base:7"},
    {"package_manager": "conda"},
    {"package_manager": "pip"},
    {"interfaces": "-"},
    {"interfaces": "RStudio, VS Code"},
    {"opens_with": "desktop"},
    {"support_url": "https://help.example.org"},
    {"hub_url": "-"},
]
CHANGES = [
    *({"languages": languages} for languages in ("-", "r", "Julia", "[r, julia]")),
    *({"base": key} for key in [*CATALOG["bases"], "other"]),
    *(OTHER | {"base_family": family} for family in FAMILIES if family != "scratch"),
    {"base_image": "quay.io/ocean/base:7"},
    {"base_family": "rocker"},
    *({"start_from": start} for start in ("scratch", "community")),
    *({"package_manager": manager} for manager in ("conda", "pip")),
    *({"interfaces": chosen} for chosen in ("-", "vscode", "RStudio", "VS Code and desktop", "rstudio vscode desktop")),
    *({"opens_with": opens} for opens in ("lab", "vscode", "rstudio", "desktop")),
    *({"dask_gateway": yes} for yes in ("yes", "no")),
    *({"registry": host} for host in ("quay.io", "ghcr.io")),
    *({"registry_owner": owner} for owner in ("-", "Ocean")),
    *({"hub_url": url} for url in ("-", "https://hub.example.org/")),
    {"support_url": "https://help.example.org"},
    *({"hub_config": where} for where in ("-", "sea/hubs:staging.yaml,prod/values.yaml")),
    *({"hub_version": version} for version in ("-", "5.3")),
    *({text: "R & Julia"} for text in ("title", "description")),
    {"start_from": "community", "base": "jupyter-datascience", "languages": "r"},
]  # fmt: skip
QUESTIONS = updating.asked(QUESTIONS_FILE)


@pytest.fixture(scope="module")
def settle(template, tmp_path_factory):
    """The answers that Copier records for recorded and given ones. Raises what it raises.

    What is asked a thousand times is compiled once, and each case is asked once.
    """
    folder = tmp_path_factory.mktemp("settle") / "ocean"
    folder.mkdir()
    with Worker(src_path=str(template)) as worker:
        environment = worker.jinja_env
    environment.from_string = functools.cache(environment.from_string)

    @functools.cache
    def ask(recorded: str, given: str) -> str:
        (folder / updating.ANSWERS).write_text(recorded)
        with Worker(
            src_path=str(template),
            dst_path=folder,
            data=json.loads(given),
            defaults=True,
            quiet=True,
        ) as worker:
            worker.jinja_env = environment
            worker._ask()
            answers = worker._answers_to_remember()
            return json.dumps({key: value for key, value in answers.items() if key[0] != "_"})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            _user_data, "parse_yaml_string", functools.cache(_user_data.parse_yaml_string)
        )
        patch.setitem(_user_data.CAST_STR_TO_NATIVE, "yaml", _user_data.parse_yaml_string)
        yield lambda recorded, given: json.loads(ask(json.dumps(recorded), json.dumps(given)))


@pytest.fixture
def answered(settle, memory, monkeypatch):
    """What becomes of a repository's answers, and the sentence if they are refused."""

    def render(source, folder, version, recorded, given):
        folder.mkdir()
        try:
            return settle(recorded, given)
        except ValueError as error:
            raise updating.Refused(updating.refusal(error)) from error

    def answered(recorded: dict, change: dict) -> tuple[dict, dict, str]:
        given = updating.normal(QUESTIONS, change)
        shutil.rmtree(memory / "ocean", ignore_errors=True)
        with monkeypatch.context() as patch:
            patch.setattr(updating, "render", render)
            try:
                to_give = updating.fit("", memory / "ocean", "", recorded, given, QUESTIONS)
            except updating.Refused as problem:
                return {}, given, str(problem)
            return settle(recorded, to_give), given, ""

    return answered


def fits(recorded: dict, given: dict) -> bool:
    """Whether a change can be made: by the rules of the questions, as a person would state them."""
    has = recorded | given
    languages, base = set(has["languages"]), given.get("base")
    if base in CATALOG["bases"] and not languages <= set(CATALOG["bases"][base]["languages"]):
        return False
    if "base" in given and given.get("start_from") == "scratch":
        return False
    if {"base_image", "base_family"} & set(given) and has.get("base") != "other":
        return False
    if "rstudio" in given.get("interfaces", []) and "r" not in languages:
        return False
    if "opens_with" in given:
        return bool(has["interfaces"]) and given["opens_with"] in ["lab", *has["interfaces"]]
    if "package_manager" in given:
        return given["package_manager"] in family(has)["package_managers"]
    return "support_url" not in given or bool(has["hub_url"])


def family(answers: dict) -> dict:
    if answers["start_from"] == "scratch":
        return FAMILIES["scratch"]
    base = answers["base"]
    return FAMILIES[answers["base_family"] if base == "other" else CATALOG["bases"][base]["family"]]


def try_change(recorded: dict, change: dict, answered, settle) -> None:
    """It works, and no answer moves that could have stayed; or it is refused with what fits."""
    now, given, refused = answered(recorded, change)
    assert bool(refused) != fits(recorded, given), refused or "this should be refused"
    if refused:
        question = refused.split()[0].strip(":")
        assert question in given and "\n" not in refused and "Traceback" not in refused
        assert any(word in refused for word in ("choose", "give", "work with")), refused
        return
    means = {"yes": True, "no": False}
    for question, answer in given.items():
        assert now[question] == (means.get(answer, answer) if isinstance(answer, str) else answer)
    for question in recorded:
        if question not in given and now.get(question) != recorded[question]:
            try:
                then = settle({}, {**now, question: recorded[question]})
            except ValueError:
                continue  # it could not stay
            could_stay = question in then and set(given) <= set(then)
            assert not could_stay, f"{question} moves without need"
    assert settle({}, now) == now


@pytest.mark.parametrize("change", FEW_CHANGES, ids=json.dumps)
def test_a_change_works_or_is_refused_with_what_fits(change, answered, settle):
    for kind in KINDS:
        try_change(settle({}, kind), change, answered, settle)


@pytest.mark.whole_matrix
@pytest.mark.parametrize("change", CHANGES, ids=json.dumps)
def test_every_change_of_every_repository(change, answered, settle):
    for answers in [*KINDS, *PAIRS]:
        recorded = settle({}, answers)
        try_change(recorded, change, answered, settle)


WHOLE = [
    ({}, {"languages": "R"}, {"languages": ([], ["r"]), "base": ("jupyter-scipy", "jupyter-r")}),
    (
        KINDS[1],
        {"base": "rocker-geospatial"},
        {"base": ("jupyter-r", "rocker-geospatial"), "package_manager": ("conda", "pip")},
    ),
    (
        KINDS[4],
        {"base": "jupyter-datascience"},
        {"start_from": ("scratch", "community"), "base": (None, "jupyter-datascience")},
    ),
]


@pytest.mark.parametrize(("answers", "change", "moved"), WHOLE, ids=json.dumps)
def test_a_changed_repository_is_like_a_new_one(answers, change, moved, released, memory):
    """What the template owns; the owner's lists stay, and who left a list is told where its entries belong."""
    here, fresh = memory / "ocean", memory / "fresh" / "ocean"
    copier.run_copy(str(released), here, data=answers, defaults=True, quiet=True)
    before = set(files(here))
    git(here, "init", "--quiet")
    git(here, "add", "--all")
    git(here, "commit", "--quiet", "--message", "Made")
    outcome = updating.update(here, change)
    assert outcome.answers == moved and not outcome.conflicts
    said = "\n".join(updating.describe(outcome))
    for question, (old, new) in moved.items():
        assert (
            f"answer {question}: {old} becomes {new}" if old is not None else f"{question}: {new}"
        ) in said
    now = updating.read(here)
    data = {key: value for key, value in now.items() if key[0] != "_"}
    copier.run_copy(str(released), fresh, data=data, defaults=True, quiet=True)
    owners = [path[1:] for path in QUESTIONS_FILE["_skip_if_exists"]]
    for path in {*files(here), *files(fresh)}:
        if not path.startswith(tuple(owners)) and path != updating.ANSWERS:
            assert (here / path).read_bytes() == (fresh / path).read_bytes(), path
    assert updating.read(fresh) == now and set(files(fresh)) <= set(files(here))
    for path in before - set(files(fresh)):
        assert (
            (here / path).exists() and "the image no longer reads it" in outcome.kept[path]
        ) == path.startswith(tuple(owners)), path
    if "package_manager" in moved:
        assert "move what you still need into requirements.txt" in outcome.kept["environment.yml"]


def test_a_refused_change_leaves_everything_as_it_was(released, memory):
    here = memory / "ocean"
    copier.run_copy(str(released), here, defaults=True, quiet=True)
    git(here, "init", "--quiet")
    git(here, "add", "--all")
    git(here, "commit", "--quiet", "--message", "Made")
    with pytest.raises(updating.Refused) as refusal:
        updating.update(here, {"base": "pangea"})
    assert str(refusal.value).startswith("base: there is no `pangea`; choose from jupyter-scipy, ")
    assert git(here, "status", "--porcelain") == ""
    answers = here / updating.ANSWERS  # edited by hand, as people do in the browser
    answers.write_text(answers.read_text().replace("languages: []", "languages: [r]"))
    git(here, "commit", "--quiet", "--all", "--message", "R")
    with pytest.raises(
        Problem,
        match="records answers that do not go together.* base: jupyter-scipy does not have R",
    ):
        updating.update(here, {"title": "Ice"})
