"""The link request: complete, true, and refused where it would not be true.

The registry here is a stand-in; test_published.py asks a real one.
"""

from __future__ import annotations

import json
import re

import pytest
import yaml

from conftest import CATALOG
from hub_image.__main__ import main
from hub_image.handoff import profiles, request

from .conftest import ANSWERS, REFERENCES, TAG

DIGEST = "sha256:" + "1" * 64
COMMIT = TAG + "6" * 28


@pytest.fixture
def labels(monkeypatch) -> dict[str, str]:
    """The labels of the image in the stand-in registry; change them as you like."""
    labels = {
        "org.opencontainers.image.revision": COMMIT,
        "org.opencontainers.image.source": "https://github.com/ocean/ocean",
    }
    monkeypatch.setattr(request, "published", lambda reference: (DIGEST, labels))
    return labels


@pytest.fixture
def write(repositories, labels, capsys):
    """Write the request of one of our repositories; return it."""

    def write(name: str = "ocean", *arguments: str) -> str:
        assert main(["request", REFERENCES[name], str(repositories[name]), *arguments]) == 0
        return capsys.readouterr().out

    return write


def test_it_names_all_that_is_asked_for(write):
    previous = "quay.io/ocean/ocean:ffffffffffff"
    text = write(
        "ocean", f"--previous={previous}", "--proved=built, contract,public", "--hub=both", "--default",
        "--replaces=the choice Ocean of the profile Python", f"--digest={DIGEST}", "--profile=python",
    )  # fmt: skip
    for part in (
        f"```\n{REFERENCES['ocean']}\n```", f"- Digest: `{DIGEST}`", "- Which hub: both", "- Default choice: yes",
        "- New or instead of: instead of the choice Ocean of the profile Python", "- Opens with: `/lab`",
        "- Working directory: the hub's own", f"https://github.com/ocean/ocean/commit/{COMMIT}",
        f"- To roll back: put `{previous}` in its place again", "- Who to ask: https://github.com/ocean/ocean/issues",
        f"- Tested against: JupyterHub {CATALOG['hub']}, as user 1000", "- [x] **built**", "- [x] **contract**",
        "- [x] **public**", "- [ ] **immutable**", "- [ ] **version**", "- [ ] The community has agreed",
        "https://quay.io/repository/ocean/ocean?tab=settings", "https://hub.example.org/hub/login?next=",
        f'-image: "{previous}"\n+image: "{REFERENCES["ocean"]}"', "on https://hub.example.org:",
        "<https://docs.2i2c.org/support/>", "*Image Change Request*",
    ):  # fmt: skip
        assert part in text, part


@pytest.mark.parametrize("name", ANSWERS)
def test_nothing_is_left_open(name, write):
    text = write(name)
    assert not request.PLACE.findall(text)
    assert not re.search(r"<(owner|tag)>", text)
    assert "None" not in text
    assert "- Tested against: nothing yet" in text
    assert "- [x]" not in text
    assert "- To roll back: remove it again" in text
    assert ("hub.example.org" in text) == (name == "ocean")


@pytest.mark.parametrize("name", ANSWERS)
def test_committed_file_holds_no_tag(name, repositories):
    for file in (request.FILE, profiles.FILE):
        text = (repositories[name] / file).read_text()
        assert not re.search(r":[0-9a-f]{12}\b|sha256:", text)
        assert text.count(":<tag>") == 1


def test_every_place_has_a_value_and_every_value_a_place(write, repositories):
    text = (repositories["ocean"] / request.FILE).read_text()
    assert len(request.PLACE.findall(text)) == len(set(request.PLACE.findall(text))) == 13
    assert request.BOX.findall(text) == ["built", "contract", "version", "immutable", "public"]


def blocks(text: str) -> list:
    """The ready lines of a request, as a hub reads them."""
    return [
        yaml.safe_load(block)["profileList"]
        for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    ]


@pytest.mark.parametrize("name", ANSWERS)
def test_ready_lines_start_the_image(name, write, menu, repositories):
    alone, chosen = blocks(write(name))
    pod = menu(alone).pod()
    assert pod["image"] == REFERENCES[name]
    field = "profile-option-choose-your-environment--image"
    assert menu(chosen).pod(**{"profile": "choose-your-environment", field: name}) == pod


# As such files look in the field: comments, an anchor, other settings.
VALUES = """\
# Values of one hub
jupyterhub:
  singleuser:
    defaultUrl: /tree
    profileList:
      # people start here
      - display_name: "Python"
        slug: python
        default: true
        kubespawner_override: &common
          environment: {COURSE: a}
        profile_options:
          image:
            display_name: Image
            choices:
              first:
                display_name: First
                default: true
                kubespawner_override:
                  image: quay.io/ocean/ocean:ffffffffffff
"""


@pytest.mark.parametrize("name", ANSWERS)
def test_lines_pasted_into_a_hubs_values(name, write, menu):
    """As an engineer does: the entry at the end of the list, the choice at the end of the choices."""
    _, block, other = re.split(r"```yaml\nprofileList:\n", write(name))
    alone = block.split("```")[0]
    values = VALUES + indent(alone, 4)
    pod = menu(yaml.safe_load(values)["jupyterhub"]["singleuser"]["profileList"]).pod(profile=name)
    choice = other.split("```")[0].split("choices:\n")[1].split("        unlisted_choice:\n")[0]
    values = VALUES + indent(choice, 4)
    menu_ = menu(yaml.safe_load(values)["jupyterhub"]["singleuser"]["profileList"])
    assert menu_.pod(**{"profile": "python", "profile-option-python--image": name}) == pod
    assert pod["image"] == REFERENCES[name]
    assert menu_.pod()["image"] == "quay.io/ocean/ocean:ffffffffffff", "what was there stays"


def indent(text: str, spaces: int) -> str:
    return "".join(f"{' ' * spaces}{line}\n" for line in text.splitlines())


def test_replacement_is_one_line_of_a_hubs_values(write, menu):
    text = write("ocean", "--previous=quay.io/ocean/ocean:ffffffffffff")
    old, new = re.search(r'-image: "(.*)"\n\+image: "(.*)"', text).groups()
    assert old in VALUES
    values = yaml.safe_load(VALUES.replace(old, new))["jupyterhub"]["singleuser"]["profileList"]
    assert menu(values).pod()["image"] == REFERENCES["ocean"]


@pytest.mark.parametrize(
    ("arguments", "changed", "said"),
    [
        (["--digest=sha256:" + "2" * 64], {}, f"has the digest {DIGEST} in the registry, but sha256:{'2' * 64} was tested"),
        ([], {"revision": "f" * 40}, f"has the label revision=ffffffffffff, but here it would be {TAG}"),
        ([], {"title": "Other"}, "has the label title=Other, but here it would be Ocean modelling"),
        ([], {"base.name": "quay.io/a/b:1"}, "has the label base.name=quay.io/a/b:1"),
        (["--proved=build"], {}, "--proved build: hub/link-request.md has no such box, only built, contract"),
    ],
)  # fmt: skip
def test_what_is_not_true_is_not_requested(arguments, changed, said, labels, repositories, capsys):
    labels.update({f"org.opencontainers.image.{key}": value for key, value in changed.items()})
    code = main(["request", REFERENCES["ocean"], str(repositories["ocean"]), *arguments])
    captured = capsys.readouterr()
    assert code == 2 and captured.out == ""
    assert said in captured.err and captured.err.count("\n") == 1


@pytest.mark.parametrize(
    "reference", ["quay.io/ocean/ocean:latest", "quay.io/ocean/other:1.2.3", "quay.io/ocean/ocean"]
)
def test_references_that_cannot_be_linked(reference, labels, repositories, capsys):
    assert main(["request", reference, str(repositories["ocean"])]) == 2
    assert reference in capsys.readouterr().err


def test_a_request_needs_an_image(repositories, monkeypatch, capsys):
    monkeypatch.chdir(repositories["ocean"])
    assert main(["request"]) == 2
    assert "name the published image with its tag" in capsys.readouterr().err


def test_output_goes_to_a_file(write, tmp_path):
    assert write("ocean", f"--output={tmp_path / 'issue.md'}") == ""
    assert REFERENCES["ocean"] in (tmp_path / "issue.md").read_text()


def test_people_are_told_their_own_settings_page(write, tmp_path, monkeypatch):
    """A personal account has another address than an organization; GitHub's event says which it is."""
    (tmp_path / "event.json").write_text(json.dumps({"repository": {"owner": {"type": "User"}}}))
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(tmp_path / "event.json"))
    assert "https://github.com/users/ocean/packages/container/maps/settings" in write("maps")
