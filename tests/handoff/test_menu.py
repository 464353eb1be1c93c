"""The entries for a hub's menu, as KubeSpawner and jupyterhub-fancy-profiles take them."""

from __future__ import annotations

import html
import shutil

import pytest
import yaml

from conftest import CATALOG, git
from hub_image.__main__ import main
from hub_image.handoff import menu as entries
from hub_image.handoff import profiles
from hub_image.problem import Problem

from .conftest import ANSWERS, REFERENCES, TAG

EXPECTED = {
    "ocean": {"image": REFERENCES["ocean"], "working_dir": "/home/jovyan", "default_url": "/lab"},
    "maps": {
        "image": REFERENCES["maps"],
        "working_dir": "/home/rstudio",
        "default_url": "/rstudio",
    },
    "rivers": {"image": REFERENCES["rivers"], "working_dir": "/home/jovyan", "default_url": "/lab"},
}


@pytest.fixture
def hub_image(capsys):
    """Run `hub-image profile`; return what it prints as a hub reads it."""

    def run(*arguments: object) -> list:
        assert main(["profile", *map(str, arguments)]) == 0, capsys.readouterr().err
        return yaml.safe_load(capsys.readouterr().out)

    return run


def images(names):
    return [f"--image={REFERENCES[name]}" for name in names]


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("fancy", [False, True])
def test_a_profile_of_its_own(name, fancy, repositories, hub_image, menu):
    entries = hub_image(repositories[name], *images([name]))
    hub = menu(entries, fancy)
    assert len(entries) == 1
    assert hub.pod(profile=entries[0]["slug"]).items() >= EXPECTED[name].items()
    assert hub.pod().items() >= EXPECTED[name].items(), "the only profile is the default"
    form = hub.form()
    assert entries[0]["slug"] in form
    assert ("fancy-profiles" in form) is fancy


@pytest.mark.parametrize("name", ANSWERS)
def test_no_resource_numbers(name, repositories, hub_image, menu):
    entry = hub_image(repositories[name], *images([name]))[0]
    assert set(entry["kubespawner_override"]) <= {"image", "default_url", "working_dir"}
    # The rest is what the hub has for everybody.
    assert menu([entry]).pod()["resources"] == menu([{"display_name": "none"}]).pod()["resources"]


@pytest.mark.parametrize("fancy", [False, True])
def test_a_merged_list_of_three_repositories(fancy, repositories, hub_image, menu):
    entries = hub_image(*repositories.values(), *images(ANSWERS))
    hub = menu(entries, fancy)
    assert [entry["slug"] for entry in entries] == list(ANSWERS)
    for name, expected in EXPECTED.items():
        assert hub.pod(profile=name).items() >= expected.items()


@pytest.mark.parametrize("fancy", [False, True])
def test_choices_of_one_profile(fancy, repositories, hub_image, menu):
    entries = hub_image(*repositories.values(), *images(ANSWERS), "--as=choice")
    hub = menu(entries, fancy)
    profile = entries[0]["slug"]
    field = f"profile-option-{profile}--image"
    for name, expected in EXPECTED.items():
        assert hub.pod(**{"profile": profile, field: name}).items() >= expected.items()
    assert hub.pod().items() >= EXPECTED["ocean"].items(), "the first choice is the default"
    other = {"profile": profile, f"{field}--unlisted-choice": "quay.io/ocean/trial:1.2"}
    assert hub.pod(**other)["image"] == "quay.io/ocean/trial:1.2"
    with pytest.raises(ValueError, match="validation regex"):
        hub.pod(**{**other, f"{field}--unlisted-choice": "quay.io/ocean/trial"})
    assert entries[0]["profile_options"]["image"]["display_name"] in hub.form()


class Tags:
    """What a registry has of each image; tests/ci/test_registry.py asks a stand-in of one."""

    kept = {
        "quay.io/ocean/ocean": ["0a1b2c3d4e5f", "2026.11"],
        "ghcr.io/ocean/maps": [TAG, "pr-1-0a1b2c3d4e5f"],
    }
    created = str

    def __init__(self, image: str) -> None:
        self.host, _, self.path = image.partition("/")
        self.tags = lambda: self.kept[image]


def test_the_newest_images_of_all_repositories_are_one_command(
    repositories, hub_image, menu, monkeypatch
):
    monkeypatch.setattr(profiles, "Repository", Tags)
    given = "docker.io/ocean/rivers:1.2.3"
    entries = hub_image(*repositories.values(), "--newest", f"--image={given}")
    assert [entry["kubespawner_override"]["image"] for entry in entries] == [
        "quay.io/ocean/ocean:2026.11",
        REFERENCES["maps"],
        given,
    ]


def test_the_owner_of_a_newest_image_is_that_on_github(render, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(profiles, "Repository", Tags)
    folder = tmp_path / "maps"
    shutil.copytree(render(image_name="maps"), folder)
    assert main(["profile", str(folder), "--newest"]) == 2
    assert "nobody knows the owner in `ghcr.io/<owner>/maps:<tag>`" in capsys.readouterr().err
    git(folder, "init", "--quiet")
    git(folder, "remote", "add", "origin", "git@github.com:Ocean/maps.git")
    assert main(["profile", str(folder), "--newest"]) == 0
    assert f'image: "ghcr.io/ocean/maps:{TAG}"' in capsys.readouterr().out


def test_text_is_shown_as_it_was_typed(repositories, hub_image, menu):
    """KubeSpawner puts it into the page unescaped: no tag may begin in it."""
    form = menu(hub_image(repositories["ocean"], *images(["ocean"]))).form()
    assert "<b>" not in form
    assert ANSWERS["ocean"]["description"] in html.unescape(form)


def test_tags_and_names_that_look_like_something_else(repositories, capsys):
    """A quoted image is a text whatever its tag; unquoted, some would be read as dates or numbers."""
    main(["profile", str(repositories["maps"]), "--image=ghcr.io/ocean/maps:2026.10"])
    printed = capsys.readouterr().out
    assert 'image: "ghcr.io/ocean/maps:2026.10"' in printed
    assert yaml.safe_load(printed)[0]["display_name"] == "2026-10-01"
    committed = (repositories["maps"] / profiles.FILE).read_text()
    assert f'image: "ghcr.io/ocean/maps:{profiles.TAG}"' in committed


def test_an_entry_pasted_without_its_tag_is_refused_by_kubernetes_not_pulled_as_latest(render):
    """<tag> is no character that a reference may have, so nobody gets `latest` by accident."""
    entry = yaml.safe_load((render() / profiles.FILE).read_text())
    assert entry["kubespawner_override"]["image"].endswith("/ocean:<tag>")
    assert not profiles.fits("ghcr.io/<owner>/ocean:<tag>", entry["kubespawner_override"]["image"])


VALUES = """\
jupyterhub:
  singleuser:
    defaultUrl: /tree
    image:
      name: quay.io/example/first
      tag: "2026.01.30"
    profileList:
      - display_name: Choose your environment
        slug: environment
        default: true
        kubespawner_override:
          mem_limit: 4G
        profile_options:
          image:
            display_name: Environment
            unlisted_choice:
              enabled: true
              display_name: Custom image
              validation_regex: ^.+:.+$
              kubespawner_override:
                image: "{value}"
            choices:
              first:
                display_name: First
                default: true
                kubespawner_override:
                  image: quay.io/example/first:2026.01.30
"""


def test_a_hubs_values_are_one_of_the_lists(repositories, hub_image, menu, tmp_path):
    values = tmp_path / "common.values.yaml"
    values.write_text(VALUES)
    hub = menu(hub_image(values, repositories["maps"], *images(["maps"])))
    assert hub.pod(profile="maps").items() >= EXPECTED["maps"].items()
    assert hub.pod()["image"] == "quay.io/example/first:2026.01.30"


ENTRY = """\
display_name: Ocean
slug: ocean
kubespawner_override:
  image: "quay.io/ocean/ocean:0a1b2c3d4e5f"
"""
SECOND = ENTRY.replace("Ocean", "Maps").replace("ocean", "maps")
WRONG = {
    "misspelt override": ([ENTRY + "  defualt_url: /lab\n"], "a.yaml:5: `defualt_url` is no key of kubespawner_override, so a hub ignores it; write `default_url`"),
    "misspelt key": ([ENTRY.replace("slug", "slog")], "a.yaml:2: `slog` is no key of a profile, so a hub ignores it; write `slug`"),
    "unknown key": ([ENTRY + "zzz: 1\n"], "a.yaml:5: `zzz` is no key of a profile, so a hub ignores it; remove it"),
    "no name in a list": (["- slug: a\n"], "a.yaml:1: this profile has no `display_name`"),
    "key twice": ([ENTRY + "slug: sea\n"], "a.yaml:5: `slug` stands in line 2 already"),
    "same slug": ([ENTRY, ENTRY.replace("Ocean", "Sea")], "b.yaml:2: `slug: ocean` is that of another profile already, {}/a.yaml:2"),
    "same slug made from the name": (["display_name: A b\n", "display_name: a-b\n"], "b.yaml:1: `slug: a-b` is that of another profile"),
    "same slug made twice": ([ENTRY.replace("slug: ocean\n", ""), ENTRY.replace("slug: ocean\n", "")], "b.yaml:1: `slug: ocean` is that of another profile already"),
    "two defaults": ([ENTRY + "default: true\n", SECOND + "default: true\n"], "b.yaml:5: `default: true` is that of another profile already, {}/a.yaml:5"),
    "two defaults among choices": ([VALUES + VALUES.split("choices:\n")[1].replace("irst", "ast")], "a.yaml:30: `default: true` is that of another choice already, {}/a.yaml:25"),
    "misspelt in a choice": ([VALUES + "                  imge: a\n"], "a.yaml:28: `imge` is no key of kubespawner_override"),
    "misspelt in Other": ([VALUES.replace("validation_regex", "validation_regexp")], "a.yaml:19: `validation_regexp` is no key of unlisted_choice"),
    "moving tag": ([ENTRY.replace("0a1b2c3d4e5f", "latest")], "a.yaml:4: `quay.io/ocean/ocean:latest` has a tag that moves"),
    "moving tag in a choice": ([VALUES.replace("first:2026.01.30", "first:main")], "a.yaml:27: `quay.io/example/first:main` has a tag that moves"),
    "no tag": ([ENTRY.replace(":0a1b2c3d4e5f", "")], "a.yaml:4: `quay.io/ocean/ocean` has no tag, so it means whatever is newest"),
    "tag not filled in": ([ENTRY.replace("0a1b2c3d4e5f", "<tag>")], "a.yaml:4: `quay.io/ocean/ocean:<tag>` needs its tag; add `--image quay.io/ocean/ocean:TAG`"),
    "no keys below": (["- display_name: a\n  kubespawner_override: image\n"], "a.yaml:2: `kubespawner_override` has no keys below it"),
    "no YAML": (["- a: [\n"], "a.yaml:2: this is not YAML"),
    "no text": (["- a: \x01\n"], "a.yaml:1: this is not YAML"),
    "no date": (["- a: 2026-99-99\n"], "a.yaml:1: this is not YAML"),
    "too deep": (["[" * 9999], "a.yaml:1: this is not YAML"),
    "no profile": (["a: 1\n"], "a.yaml:1: there is no profile here"),
    "empty": ([""], "a.yaml:1: there is no profile here"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_a_hub_would_ignore_or_mix_up_is_refused(case, tmp_path):
    """One sentence each, that names file and line."""
    texts, said = WRONG[case]
    paths = [tmp_path / name for name in ("a.yaml", "b.yaml")][: len(texts)]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text)
    with pytest.raises(Problem) as problem:
        entries.merged(paths, [])
    assert f"{tmp_path}/{said.format(tmp_path)}" in str(problem.value)


@pytest.mark.parametrize("case", [case for case in WRONG if "misspelt" in case])
def test_kubespawner_itself_says_nothing(case, menu):
    """Why we look: the hub takes the same entry without a word."""
    data = yaml.safe_load(WRONG[case][0][0])
    data = data["jupyterhub"]["singleuser"]["profileList"] if "jupyterhub" in data else [data]
    assert menu(data).form() and menu(data).pod()


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ("quay.io/ocean/other:1.2.3", "quay.io/ocean/other:1.2.3 is none of the images here, quay.io/ocean/ocean:<tag>"),
        ("quay.io/ocean/ocean", "quay.io/ocean/ocean is none of the images here"),
        ("quay.io/ocean/ocean:latest", "hub/profile.yaml:9: `quay.io/ocean/ocean:latest` has a tag that moves"),
    ],
)  # fmt: skip
def test_a_reference_that_does_not_fit(image, said, repositories, capsys):
    assert main(["profile", str(repositories["ocean"]), "--image", image]) == 2
    assert said in capsys.readouterr().err


def test_every_family_knows_its_home(render):
    """Hubs start servers in /home/jovyan: where a user is at home elsewhere the entry says so."""
    one_of_each = {base["family"]: (key, base) for key, base in CATALOG["bases"].items()}
    for key, base in one_of_each.values():
        entry = yaml.safe_load(
            (render(base=key, languages=base["languages"]) / profiles.FILE).read_text()
        )
        home = CATALOG["families"][base["family"]]["home"]
        assert entry["kubespawner_override"].get("working_dir", "/home/jovyan") == home
        assert TAG not in str(entry)
