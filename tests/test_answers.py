"""Good answers make a repository; a bad one ends in a sentence, with nothing written."""

from __future__ import annotations

import subprocess
import sys

import copier
import pytest
import yaml

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
            ("quay.io/Ocean/base:1", "Give a reference such as"),
            ("quay.io/ocean/base:1 ", "Give a reference such as"),
            ("quay.io/ocean/-base:1", "Give a reference such as"),
            ("https://quay.io/ocean/base:1", "Give a reference such as"),
            ("quay.io/ocean/base:", "Give a reference such as"),
            ("quay.io/ocean/base:" + "a" * 129, "Give a reference such as"),
            ("quay.io/ocean/base@sha256:abc", "Give a reference such as"),
            ("quay.io/ocean/base:1\nRUN id", "Give a reference such as"),
            ("", "Give a reference such as"),
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
    ("base_family", "nosuch", "is not in", OTHER),
    ("start_from", "nosuch", "is not in"),
    ("languages", ["fortran"], "is not in"),
    ("package_manager", "npm", "is not in"),
    ("interfaces", ["emacs"], "is not in"),
    ("interfaces", ["rstudio"], "choose R in languages", {"languages": ["julia"]}),
    ("opens_with", "rstudio", "is not in", {"interfaces": ["vscode"]}),
    ("package_manager", "conda", "work with pip only", {"base": "rocker-geospatial"}),
    *[
        ("hub_url", url, "starts with https://")
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
        "github_owner", "registry_owner", "hub_url", "support_url", "hub_version",
    ]  # fmt: skip


def test_readme_lists_the_questions():
    """The README's table has one row for each question, in the order in which they are asked."""
    readme = (ROOT / "README.md").read_text()
    table = readme[readme.index("## The questions") :]
    rows = [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| `")]
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
