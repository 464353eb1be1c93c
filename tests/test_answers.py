"""Good answers make a repository; a bad one ends in a sentence, with nothing written."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path

import copier
import pytest
import yaml
from prompt_toolkit.application import create_app_session
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output.vt100 import Vt100_Output
from wcwidth import wcswidth

from conftest import CATALOG, QUESTIONS_FILE, ROOT

DIGEST = "sha256:" + "0" * 64
OTHER = {"base": "other"}
HUB = {"hub_url": "https://hub.example.org"}

BAD = [
    # question, answer, what the sentence must say, other answers
    *[
        ("image_name", name, "lowercase letters and digits")
        for name in (
            "Ocean", "OCEAN", "ocean modelling", "-ocean", "ocean-", "_ocean", ".ocean", "ocean.",
            "ocean..x", "ocean.-x", "ocean___x", "ocean/x", "ocean:1", "ocean@x", "océan", "ocean\n",
            "", "   ", "a" * 101, "ocean\tx", "$(id)", "{{ x }}", "ocean,x",
        )
    ],
    *[
        (question, text, "one line of text without control characters")
        for question in ("title", "description")
        for text in ("a\nb", "a\rb", "\x1b[31mred", "tab\tbed", "bell\x07", "nul\x00", "", "  ", "a\u2028b", "a\x85b")
    ],
    *[
        ("registry", host, "host name in lowercase")
        for host in (
            "https://quay.io", "quay.io/owner", "Quay.io", "quay", "quay.io:", "quay.io:port",
            "-quay.io", "quay-.io", "quay..io", "", "quay io", "quay.io\n", "quay.io:123456",
        )
    ],
    *[
        ("github_owner", owner, "https://github.com/<name>")
        for owner in ("-ocean", "ocean-", "oce--an", "oce an", "ocean_x", "a" * 40, "ocean/x", "océan", "o.x", "a\n")
    ],
    *[
        ("registry_owner", owner, "between host and image name")
        for owner in ("-ocean", "ocean-", "oce an", "/ocean", "ocean/", "océan", "a" * 101, "a//b", "a:b", "a\n")
    ],
    *[
        ("base_image", image, sentence, OTHER)
        for image, sentence in (
            ("quay.io/ocean/base", "tag or the digest"),
            ("ocean", "tag or the digest"),
            ("localhost:5000/ocean", "tag or the digest"),
            ("quay.io/ocean/base:latest", "tag moves"),
            ("quay.io/ocean/base:main", "tag moves"),
            ("quay.io/ocean/base:python-latest", "tag moves"),
            ("quay.io/ocean/base:stable", "tag moves"),
            ("quay.io/Ocean/base:1", "a registry, a name and a tag"),
            ("quay.io/ocean/base:1 ", "a registry, a name and a tag"),
            ("quay.io/ocean/-base:1", "a registry, a name and a tag"),
            ("https://quay.io/ocean/base:1", "a registry, a name and a tag"),
            ("quay.io/ocean/base:", "a registry, a name and a tag"),
            ("quay.io/ocean/base:" + "a" * 129, "a registry, a name and a tag"),
            ("quay.io/ocean/base@sha256:abc", "a registry, a name and a tag"),
            ("quay.io/ocean/base:1\nRUN id", "a registry, a name and a tag"),
            ("", "a registry, a name and a tag"),
            ("quay.io/pangeo/base-image:2026.06.04", "ONBUILD"),
            ("quay.io/pangeo/base-image:master", "ONBUILD"),
            ("quay.io/pangeo/base-notebook-onbuild:2020.01.03", "ONBUILD"),
            (f"docker.io/library/node:8-onbuild@{DIGEST}", "ONBUILD"),
        )
    ],
    *[
        ("base", key, "does not have", {"languages": languages})
        for key, languages in (
            ("jupyter-scipy", ["r"]), ("pangeo", ["r"]), ("jupyter-r", ["julia"]),
            ("jupyter-julia", ["r"]), ("rocker-geospatial", ["julia"]), ("jupyter-r", ["r", "julia"]),
        )
    ],
    ("base", "nosuch", "is not in"),
    *[("dask_gateway", word, "is not in [False, True]") for word in ("nein", "maybe", "2")],
    ("base_family", "nosuch", "is not in", OTHER),
    ("start_from", "nosuch", "is not in"),
    ("languages", ["fortran"], "is not in"),
    ("package_manager", "npm", "is not in"),
    ("interfaces", ["emacs"], "is not in"),
    ("interfaces", ["rstudio"], "choose R in languages", {"languages": ["julia"]}),
    ("opens_with", "rstudio", "is not in", {"interfaces": ["vscode"]}),
    ("package_manager", "conda", "work with pip only", {"base": "rocker-geospatial"}),
    *[
        ("hub_url", url, "that starts with https://")
        for url in (
            "http://hub.example.org", "hub.example.org", "https://", "https://hub example.org",
            "ftp://hub.example.org", "https://hub.example.org/a b", "https://-hub.org", "https://hub.org\n",
            'https://hub.org/"x', "javascript:alert(1)", "https://user:pw@hub.org",
        )
    ],
    *[
        ("support_url", url, "https:// or mailto:", HUB)
        for url in ("help@example.org", "http://example.org", "", "https://a b", "mailto:help", "https://a<b>")
    ],
    *[
        ("hub_version", version, "one or two dots")
        for version in ("5", "v5.4", "5.4.", "latest", "5.x", "5.4.4.4", " 5.4", "5.4\n", "-5.4", "5.4b1", "five.four")
    ],
    *[("hub_version", version, "JupyterHub 4 and later") for version in ("3.1", "0.9", "3.1.1", "1.0")],
]  # fmt: skip


@pytest.mark.world("onbuild")
@pytest.mark.parametrize("case", BAD, ids=lambda case: f"{case[0]}={str(case[1])[:24]!r}")
def test_bad_answer_is_refused_with_a_sentence(case, template, tmp_path):
    question, answer, sentence, *more = case
    folder = tmp_path / "ocean"
    with pytest.raises(Exception) as refusal:
        copier.run_copy(
            str(template),
            folder,
            data={question: answer, **(more[0] if more else {})},
            defaults=True,
            quiet=True,
        )
    last = str(refusal.value).splitlines()[-1]
    assert question in last and sentence in last, last
    assert not folder.exists()


def test_bad_answer_on_the_command_line_ends_in_the_sentence(template, tmp_path):
    """What people see: Copier's own trace, and then, as the last line, what would be right."""
    command = [sys.executable, "-m", "copier", "copy", "--defaults", "--data", "image_name=Ocean"]
    result = subprocess.run(
        [*command, str(template), str(tmp_path / "ocean")], capture_output=True, text=True
    )
    assert result.returncode != 0
    assert "lowercase letters and digits" in result.stderr.splitlines()[-1]
    assert not (tmp_path / "ocean").exists()


GOOD = [
    {"image_name": "a"},
    {"image_name": "ocean-modelling_2.x--y"},
    {"title": "Océan & Klima – 海洋"},
    {"registry": "localhost:5000"},
    {"registry": "europe-docker.pkg.dev", "registry_owner": "project/repository"},
    {"github_owner": "CryoInTheCloud"},
    {"registry_owner": "CryoInTheCloud"},
    {"base": "other", "base_image": f"quay.io/ocean/base@{DIGEST}"},
    {"base": "other", "base_image": f"localhost:5000/ocean/base:1@{DIGEST}"},
    {"base": "other", "base_image": "rocker/ml-verse:4.5.1", "base_family": "rocker"},
    {"base": "other", "base_image": "quay.io/ocean/mainland:2026"},
    {"hub_url": "https://hub.example.org:8443/hub-1/"},
    {"hub_url": "https://hub.example.org", "support_url": "mailto:help@example.org"},
    {"hub_version": "4.1"},
    {"hub_version": "5.4.4"},
    {"interfaces": ["vscode", "desktop"], "opens_with": "desktop"},
    {"interfaces": ["rstudio"], "languages": ["r"], "dask_gateway": True},
    {"registry_owner": "ocean-lab"},
]


@pytest.mark.parametrize("answers", GOOD, ids=str)
def test_good_answer_is_taken(answers, render):
    recorded = yaml.safe_load((render(**answers) / ".copier-answers.yml").read_text())
    assert {key: recorded[key] for key in answers} == answers


@pytest.mark.parametrize(
    "destination", ["Ocean Modelling", "ocean.modelling", "--Ocean__Modelling--"]
)
@pytest.mark.parametrize("dot", [True, False], ids=["into .", "by path"])
def test_image_is_named_after_the_folder(destination, dot, template, tmp_path, monkeypatch):
    folder = tmp_path / destination
    folder.mkdir()
    monkeypatch.chdir(folder)
    target = "." if dot else folder
    copier.run_copy(str(template), target, defaults=True, quiet=True)
    answers = yaml.safe_load((folder / ".copier-answers.yml").read_text())
    assert answers["image_name"] == "ocean-modelling"


def test_a_folder_without_letters_still_gives_a_name(template, tmp_path):
    copier.run_copy(str(template), tmp_path / "海洋", defaults=True, quiet=True)
    answers = yaml.safe_load((tmp_path / "海洋" / ".copier-answers.yml").read_text())
    assert answers["image_name"] == "hub-image"


def interview(template: Path, folder: Path, keys: str) -> str:
    """Copy at a terminal of 80 columns, where somebody presses these keys, and return all that was shown."""
    shown = io.StringIO()
    with create_pipe_input() as pipe:
        pipe.send_text(keys)
        terminal = Vt100_Output(shown, lambda: Size(rows=60, columns=80))
        with create_app_session(input=pipe, output=terminal):
            copier.run_copy(str(template), folder, quiet=True)
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.getvalue()).replace("\r", "\n")


def test_enter_is_enough_and_is_pressed_twelve_times_at_most(template, tmp_path):
    shown = interview(template, tmp_path / "ocean", ENTER * 20)
    prompts = set(re.findall(r"🎤 .*", shown))
    assert 10 <= len(prompts) <= 12, prompts
    assert (tmp_path / "ocean" / "Dockerfile").exists()


DOWN, ENTER, SPACE, UP = "\x1b[B", "\r", " ", "\x1b[A"


def test_nothing_is_cut_at_80_columns(template, tmp_path):
    """With every question on the way: another base, R, RStudio, another registry, a hub."""
    keys = [ENTER * 4, SPACE + ENTER, UP + ENTER, ENTER * 3, SPACE + ENTER, ENTER * 2]
    keys += ["\x08" * 7 + "quay.io" + ENTER, ENTER * 2, "https://hub.example.org" + ENTER]
    shown = interview(template, tmp_path / "ocean", "".join(keys) + ENTER * 5)
    answers = yaml.safe_load((tmp_path / "ocean" / ".copier-answers.yml").read_text())
    assert answers.keys() >= {"base_image", "base_family", "opens_with", "support_url"}, answers
    assert (answers["registry"], answers["interfaces"]) == ("quay.io", ["rstudio"])
    wide = [line for line in re.split(r"\n|(?=🎤)", shown) if wcswidth(line) > 77]
    assert not wide


def test_a_base_is_offered_when_it_has_the_languages(template, tmp_path):
    """A choice that cannot be chosen would only be in the way; refused by name it is (above)."""
    shown = interview(template, tmp_path / "ocean", ENTER * 4 + SPACE + ENTER * 20)
    assert "Jupyter r-notebook" in shown and "Pangeo" not in shown


def test_rstudio_is_ticked_where_the_base_brings_it(render):
    def interfaces(**answers: object) -> list[str]:
        folder = render(base="rocker-geospatial", **answers)
        return yaml.safe_load((folder / ".copier-answers.yml").read_text())["interfaces"]

    assert interfaces(languages=["r"]) == ["rstudio"]
    assert interfaces(languages=["r"], interfaces=[]) == []
    assert interfaces() == []


def asked() -> dict[str, dict]:
    """The questions that people see."""
    return {
        name: question
        for name, question in QUESTIONS_FILE.items()
        if not name.startswith("_") and question.get("when", True) is not False
    }


def test_every_question_has_a_default_and_a_full_sentence():
    for name, question in asked().items():
        assert "default" in question, name
        assert "?" in question["help"], name


def test_nothing_needs_trust():
    assert (
        not {"_tasks", "_migrations", "_jinja_extensions", "_external_data"} & QUESTIONS_FILE.keys()
    )


def test_the_names_of_the_questions_are_the_public_interface():
    assert list(asked()) == [
        "image_name", "title", "description", "start_from", "languages", "base", "base_image",
        "base_family", "package_manager", "interfaces", "opens_with", "dask_gateway", "registry",
        "github_owner", "registry_owner", "hub_url", "support_url",
        "hub_config", "hub_version",
    ]  # fmt: skip


def test_a_page_lists_the_questions():
    """Its table has one row for each question, in the order in which they are asked."""
    page = (ROOT / "docs/questions.md").read_text()
    rows = [line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| `")]
    assert rows == [f"`{name}`" for name in asked()]


def test_default_base_is_the_first_that_carries_the_languages(render):
    for languages in ([], ["r"], ["julia"], ["r", "julia"]):
        folder = render(**({"languages": languages} if languages else {}))
        answers = yaml.safe_load((folder / ".copier-answers.yml").read_text())
        fitting = [
            key
            for key, base in CATALOG["bases"].items()
            if set(languages) <= set(base["languages"]) and not base.get("retired")
        ]
        assert answers["base"] == fitting[0]
