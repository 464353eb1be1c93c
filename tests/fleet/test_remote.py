"""Rows of repositories on GitHub: what is made, what waits there, and how the last proof came out."""

from __future__ import annotations

import json
import shutil

import pytest

from conftest import CATALOG, files, git
from hub_image import __version__
from hub_image.__main__ import main
from hub_image.tools.registry import Away

from .hosting import ALLOW_LIST, PUBLISHED, SINGLE_SIGN_ON, Repository, image

UPDATE, LOCKS, REQUEST = (
    f"<!-- hub-image {kind} -->\n" for kind in ("update", "settle", "request")
)
BASE = CATALOG["bases"]["jupyter-scipy"]
MENU = """\
jupyterhub:
  singleuser:
    profileList:
      - display_name: Ocean
        kubespawner_override: {image: "quay.io/sea/ocean%s"}
"""


def menu(tag: str) -> str:
    """A hub's configuration with a tag, or with a digest."""
    return MENU % (tag if tag.startswith("@") else f":{tag}")


def look(capsys, *arguments: str, code: int = 0) -> tuple[dict[str, dict], list[str]]:
    """What the command prints for programs, by image or repository, and its notes."""
    assert main(["fleet", *arguments, "--json"]) == code
    told = json.loads(capsys.readouterr().out)
    return {row["image"]: row for row in told["images"]}, told["notes"]


def needs(row: dict) -> list[str]:
    return [need["weight"] for need in row["needs"]]


@pytest.fixture
def ocean(hosted, registry):
    """An organization with one image, which is proved and published."""
    registry["quay.io/sea/ocean"] = {
        "0" * 12: "2026-09-01T00:00:00Z",
        "f" * 12: "2026-11-20T00:00:00Z",
    }
    one = Repository("sea/ocean", image()).ran("success")
    hosted.add(one)
    return one


def test_all_is_well(ocean, hosted, capsys):
    found, notes = look(capsys, "--org", "sea")
    row = found["quay.io/sea/ocean"]
    assert row["needs"] == [] and notes == []
    assert (row["repository"], row["page"]) == ("sea/ocean", "https://github.com/sea/ocean")
    assert (row["newest"], row["day"]) == ("f" * 12, "2026-11-20")
    page = "https://github.com/sea/ocean/actions/runs/1"
    assert row["proof"] == {"passed": True, "commit": "f" * 40, "day": "2026-11-20", "page": page}
    assert sum(hosted.seen.values()) == 4, "one for the organization, three for the repository"


def test_what_a_rendered_repository_says_is_read_as_in_a_folder(
    hosted, registry, render, tmp_path, capsys
):
    folder = render(image_name="ocean", registry="quay.io", registry_owner="sea")
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / "apt.txt").write_text("zip  # GEOG 101, until 2020-01\n")
    hosted.add(Repository("sea/ocean", {name: (copy / name).read_bytes() for name in files(copy)}))
    there, _ = look(capsys, "--org", "sea")
    here, _ = look(capsys, str(copy))
    alike = ("image", "title", "base", "base_day", "template", "hub_version")
    one, other = there["quay.io/sea/ocean"], here["quay.io/sea/ocean"]
    assert {key: one[key] for key in alike} == {key: other[key] for key in alike}
    assert one["needs"] == other["needs"] and "packages" in needs(one)


@pytest.mark.parametrize(
    ("runs", "passed"),
    [
        ([("success", {})], True),
        ([("failure", {})], False),
        ([("timed_out", {})], False),
        ([("failure", {}), ("success", {})], True),
        ([("failure", {}), ("cancelled", {}), (None, {})], False),
        ([("success", {}), ("failure", {"head_branch": "work"})], True),
        ([("success", {}), ("failure", {"event": "pull_request"})], True),  # from a fork's main
        ([("skipped", {})], None),
        ([], None),
    ],
)
def test_the_last_proof(runs, passed, hosted, registry, capsys):
    one = Repository("sea/ocean", image())
    for number, (conclusion, more) in enumerate(runs):
        one.ran(conclusion, str(number) * 40, **more)
    hosted.add(one)
    row = look(capsys, "--org", "sea")[0]["quay.io/sea/ocean"]
    assert (row["proof"] and row["proof"]["passed"]) == passed
    assert ("failed" in needs(row)) == (passed is False)
    for need in row["needs"]:
        if need["weight"] == "failed":
            assert need["sentence"] == "its last proof failed, on 2026-11-20; look at the run"
            assert need["page"] == row["proof"]["page"]


@pytest.mark.parametrize(
    ("opened", "sentence"),
    [
        ({"body": UPDATE, "title": "Update", "pull": True}, "“Update” waits; look at it, and merge it"),
        ({"body": UPDATE, "title": "Update: it needs you"}, "“Update: it needs you”; do what the issue says"),
        ({"body": LOCKS, "title": "New locks", "pull": True}, "“New locks” waits; look at it, and merge it"),
        ({"body": REQUEST}, "its link request is open; send it to the people who run the hub, or close it"),
        ({"body": "<!-- hub-image welcome -->\n"}, ""),
        ({"body": UPDATE, "pull": True, "user": "ada"}, ""),
        ({"body": "Update", "pull": True}, ""),
        ({"body": None, "user": None}, ""),
    ],
)  # fmt: skip
def test_what_the_bot_has_opened_waits(opened, sentence, ocean, capsys):
    ocean.opens(**opened)
    row = look(capsys, "--org", "sea")[0]["quay.io/sea/ocean"]
    assert [need["sentence"] for need in row["needs"]] == ([sentence] if sentence else [])
    assert needs(row) == (["waits"] if sentence else [])
    if sentence:
        kind = "pull" if opened.get("pull") else "issues"
        assert row["needs"][0]["page"] == f"https://github.com/sea/ocean/{kind}/1"


def test_what_waits_is_not_asked_for_twice(ocean, capsys):
    ocean.files = image(BASE_IMAGE=f"{BASE['image']}:2024-01-01")
    ocean.files[".copier-answers.yml"] += "_commit: v0.0.1\n"
    row = look(capsys, "--org", "sea")[0]["quay.io/sea/ocean"]
    assert needs(row) == ["base", "template"] and row["base_day"] == "2024-01-01"
    told = row["needs"][1]
    assert f"and v{__version__} is there; start its workflow *weekly*" in told["sentence"]
    assert told["page"] == "https://github.com/sea/ocean/actions/workflows/weekly.yml"
    ocean.opens(UPDATE, "Update", pull=True)
    assert needs(look(capsys, "--org", "sea")[0]["quay.io/sea/ocean"]) == ["waits"]


def test_an_issue_beside_a_pull_request_of_the_same_kind_is_not_another_need(ocean, capsys):
    ocean.files["apt.txt"] = "zip  # GEOG 101, until 2020-01\n"
    mark = "<!-- hub-image expire -->\n"
    ocean.opens(mark, "Packages past their end").opens(mark, "Remove packages", pull=True)
    row = look(capsys, "--org", "sea")[0]["quay.io/sea/ocean"]
    assert [need["sentence"] for need in row["needs"]] == [
        "“Remove packages” waits; look at it, and merge it"
    ]


def test_the_newest_image_is_that_of_the_last_proof(ocean, registry, capsys):
    """Also where an older commit was built anew; and no other image is asked when it was made."""
    registry["quay.io/sea/ocean"]["0" * 12] = "2026-11-29T00:00:00Z"
    assert look(capsys, "--org", "sea")[0]["quay.io/sea/ocean"]["newest"] == "f" * 12
    registry["quay.io/sea/ocean"]["2026.10"] = "2026-10-01T00:00:00Z"  # a release comes first
    assert look(capsys, "--org", "sea")[0]["quay.io/sea/ocean"]["newest"] == "2026.10"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub's configuration on GitHub, with a tag that a test gives."""
    work = tmp_path / "server/sea/hubs"
    work.mkdir(parents=True)
    git(work, "init", "--quiet")
    monkeypatch.setenv("GITHUB_SERVER_URL", str(tmp_path / "server"))

    def write(tag: str) -> str:
        (work / "prod.yaml").write_text(menu(tag))
        git(work, "add", "--all")
        git(work, "commit", "--quiet", "--message", tag)
        return "sea/hubs:prod.yaml"

    return write


def test_a_hub_on_github(ocean, hub, capsys):
    row = look(capsys, "--org", "sea", hub("f" * 12))[0]["quay.io/sea/ocean"]
    [use] = row["uses"]
    assert (use["where"], use["title"], use["tag"]) == ("sea/hubs/prod.yaml:5", "Ocean", "f" * 12)
    assert use["page"].endswith("/sea/hubs/blob/HEAD/prod.yaml#L5")
    assert row["needs"] == []


@pytest.mark.parametrize(
    ("tag", "shown", "needed"),
    [
        ("@sha256:" + "f" * 64, "ffffffffffff@sha256:ffffffffffff…", []),
        ("@sha256:" + "0" * 64, "@sha256:000000000000…", ["behind"]),
        ("ffffffffffff@sha256:" + "f" * 64, "ffffffffffff@sha256:ffffffffffff…", []),
        ("000000000000@sha256:" + "0" * 64, "000000000000@sha256:000000000000…", ["behind"]),
    ],
)
def test_a_hub_that_has_an_image_by_its_digest(tag, shown, needed, ocean, hub, capsys):
    """The newest has the digest fff…, the one before 000…."""
    place = hub(tag)
    row = look(capsys, "--org", "sea", place)[0]["quay.io/sea/ocean"]
    assert needs(row) == needed and not row["uses"][0]["moves"] and row["uses"][0]["day"]
    assert main(["fleet", "--org", "sea", place]) == 0
    assert f"Ocean: {shown} " in capsys.readouterr().out


def test_a_link_request_is_where_the_hub_lags_behind_and_not_another_need(ocean, hub, capsys):
    ocean.opens(REQUEST, "Link request")
    row = look(capsys, "--org", "sea", hub("0" * 12))[0]["quay.io/sea/ocean"]
    assert needs(row) == ["behind"]
    assert row["needs"][0]["page"] == "https://github.com/sea/ocean/issues/1"
    row = look(capsys, "--org", "sea", hub("f" * 12))[0]["quay.io/sea/ocean"]
    assert row["needs"] == [], "the hub has it, so nothing is left to ask for"


def test_a_hub_that_is_not_there_ends_it(ocean, hub, capsys):
    hub("f" * 12)
    assert main(["fleet", "--org", "sea", "sea/hubs:nowhere.yaml"]) == 2
    assert "hub-image: sea/hubs has no nowhere.yaml; check its name" in capsys.readouterr().err
    assert main(["fleet", "--org", "sea", "sea/nowhere:prod.yaml"]) == 2
    assert "hub-image: sea/nowhere cannot be read (git clone failed" in capsys.readouterr().err


@pytest.mark.world("archive-of-an-empty-repository")
def test_what_is_no_image_is_counted(ocean, hosted, capsys):
    hosted.add(Repository("sea/site", {"README.md": "x"}), Repository("sea/empty"))
    found, notes = look(capsys, "--org", "sea")
    assert list(found) == ["quay.io/sea/ocean"]
    assert notes == ["Repositories that make no image with the template: 2."]


def test_two_repositories_that_make_one_image_are_a_note(ocean, hosted, capsys):
    hosted.add(Repository("sea/twin", image()))
    found, notes = look(capsys, "--org", "sea")
    assert found["quay.io/sea/ocean"]["repository"] == "sea/ocean"
    assert notes == [
        "sea/ocean and sea/twin both make quay.io/sea/ocean: only the first is looked at."
    ]


# ── What cannot be read


@pytest.mark.parametrize(("status", "says"), [(403, SINGLE_SIGN_ON), (403, ALLOW_LIST), (502, "")])
@pytest.mark.parametrize("what", ["issues", "runs"])
def test_what_github_does_not_tell_is_not_known(what, status, says, ocean, hosted, waits, capsys):
    hosted.fail(f"/repos/sea/ocean/.*{what}", status, times=3, says=says)
    row = look(capsys, "--org", "sea")[0]["quay.io/sea/ocean"]
    [need] = row["needs"]
    assert need["weight"] == "unknown" and f"{status} {says}".rstrip(".") in need["sentence"]
    assert max(hosted.seen.values()) == (3 if status == 502 else 1) and row["newest"] == "f" * 12


def test_a_repository_that_cannot_be_read_is_a_row(ocean, hosted, waits, tmp_path, capsys):
    hosted.add(Repository("sea/away", image(IMAGE_NAME="away")), Repository("sea/moved", image()))
    hosted.fail("/repos/sea/away/tarball", 502, times=3)
    hosted.repositories["sea/moved"].branch = "trunk"
    hosted.fail("/repos/sea/moved/tarball", 404)
    (tmp_path / "list").write_text("sea/gone\n")
    found, _ = look(capsys, "--org", "sea", "--list", str(tmp_path / "list"))
    assert {name: needs(row) for name, row in found.items()} == {
        "sea/away": ["unknown"], "sea/gone": ["unknown"], "sea/moved": ["unknown"], "quay.io/sea/ocean": [],
    }  # fmt: skip
    assert found["sea/away"]["page"] == "https://github.com/sea/away"
    said = {name: row["needs"][0]["sentence"] for name, row in found.items() if row["needs"]}
    assert said["sea/moved"] == (
        "GitHub does not give the files of sea/moved; let the token read its contents"
    )
    assert "let the token read it" in said["sea/gone"] and "502" in said["sea/away"]


def test_when_no_repository_could_be_read_it_has_failed(ocean, hosted, waits, tmp_path, capsys):
    """So that a workflow leaves the page of the week before."""
    hosted.fail("tarball", 502, times=3)
    (tmp_path / "hub.yaml").write_text(menu("f" * 12))
    found, _ = look(capsys, "--org", "sea", str(tmp_path / "hub.yaml"), code=1)
    assert needs(found["sea/ocean"]) == ["unknown"]
    ocean.files = {"README.md": "x"}  # which is no image, and no failure
    assert list(look(capsys, "--org", "sea", str(tmp_path / "hub.yaml"))[0]) == [
        "quay.io/sea/ocean"
    ]


@pytest.mark.parametrize("answers", ["", "X=1\n", "IMAGE_NAME=ocean\n", b"\xff\xfe\x00"])
def test_a_repository_whose_answers_name_no_image_is_a_row(answers, ocean, hosted, tmp_path, capsys):  # fmt: skip
    hosted.add(Repository("sea/none", image() | {".github/image.env": answers}))
    folder = tmp_path / "here/.github"
    folder.mkdir(parents=True)
    (folder / "image.env").write_bytes(answers if isinstance(answers, bytes) else answers.encode())
    found, _ = look(capsys, "--org", "sea", str(folder.parent))
    for name in ("sea/none", str(folder.parent)):
        [need] = found[name]["needs"]
        assert "image.env has no REGISTRY or no IMAGE_NAME; restore it" in need["sentence"]
    assert found["quay.io/sea/ocean"]["needs"] == []


@pytest.mark.parametrize(
    ("recorded", "source", "is_old"),
    [
        ("v0.0.1", PUBLISHED, True),
        ("v0.0.1", "gh:hub-image-template/hub-image-template", True),
        ("v0.0.1", f"git+{PUBLISHED}.git", True),
        ("0a1b2c3", PUBLISHED, True),
        ("1234567", PUBLISHED, True),  # a commit from before the first release
        (f"v{__version__}rc1", PUBLISHED, True),
        (f"v{__version__}", PUBLISHED, False),
        (f"v{__version__}-3-g0123abc", PUBLISHED, False),
        ("v99.0.0", PUBLISHED, False),
        ("v0.0.1", "https://github.com/sea/hub-image-template", False),
        ("", PUBLISHED, False),
    ],
)
def test_a_newer_template(recorded, source, is_old, ocean, capsys):
    """Of a fork nobody knows here what is its newest release."""
    ocean.files[".copier-answers.yml"] = f"_commit: {recorded}\n_src_path: {source}\n"
    row = look(capsys, "--org", "sea")[0]["quay.io/sea/ocean"]
    assert ("template" in needs(row)) == is_old


def test_a_registry_that_is_away_is_not_known(ocean, registry, monkeypatch, capsys):
    from hub_image.fleet import rows

    def away(self) -> list[str]:
        raise Away("quay.io does not answer (503): run this job again when it does.")

    monkeypatch.setattr(rows.Repository, "tags", away)
    row = look(capsys, "--org", "sea")[0]["quay.io/sea/ocean"]
    assert needs(row) == ["unknown"] and row["proof"]["passed"]


@pytest.mark.parametrize("token", ["secret", ""])
def test_when_the_limit_is_used_up_what_is_known_is_shown(
    token, ocean, hosted, registry, monkeypatch, waits, capsys
):
    monkeypatch.setenv("GITHUB_TOKEN", token)
    hosted.add(*(Repository(f"sea/image-{n}", image(IMAGE_NAME=f"image-{n}")) for n in range(100)))
    hosted.limit = 61
    found, notes = look(capsys, "--org", "sea", code=1)
    assert 0 < len(found) <= 61 and waits == []
    [note] = [note for note in notes if "not looked at" in note]
    because = (
        "GitHub's limit for this hour is used up" if token else "without a token GitHub answers 60"
    )
    assert f"of 101 repositories were not looked at: {because}" in note
    assert sum(hosted.seen.values()) <= 61 + 10, "who has reached the limit asks no more"


def test_where_nothing_can_be_known_it_is_one_sentence(ocean, hosted, waits, capsys):
    hosted.limit = 0
    assert main(["fleet", "--org", "sea"]) == 2
    assert "limit for this hour is used up" in capsys.readouterr().err
    hosted.limit = 1
    assert main(["fleet", "--org", "sea"]) == 2
    said = capsys.readouterr().err
    assert "1 of 1 repositories were not looked at" in said and "no image here" not in said


def test_no_source_and_offline_with_one_are_one_sentence(capsys):
    assert main(["fleet"]) == 2
    assert "give --org, --topic or --list" in capsys.readouterr().err
    assert main(["fleet", "--offline", "--org", "sea"]) == 2
    assert "--offline asks nobody" in capsys.readouterr().err
