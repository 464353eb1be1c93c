"""Which repositories of GitHub belong to a fleet, and how GitHub is asked."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from conftest import git
from hub_image.fleet import remote
from hub_image.fleet.asking import AT_LAST, AT_ONCE, Asking
from hub_image.fleet.sources import Source, repositories
from hub_image.problem import Problem

from .hosting import Repository, archive, image


def names(*arguments: object, **more: object) -> list[str]:
    return [source.name for source in repositories(*arguments, **more)]


@pytest.fixture
def sea(hosted):
    """An organization of some kinds of repositories, and somebody else's."""
    hosted.add(
        Repository("sea/rivers", image(), branch="trunk", topics=("hub-image", "water")),
        Repository("sea/lakes", image(), private=True, topics=("hub-image",)),
        Repository("sea/old", image(), archived=True, topics=("hub-image",)),
        Repository("sea/fork", image(), fork=True),
        Repository("ada/own", image(), topics=("hub-image",)),
        Repository("ada/hidden", image(), private=True),
    )
    hosted.people.add("ada")
    return hosted


def test_an_organization_without_what_is_archived_and_without_forks(sea):
    said: list[str] = []
    found = repositories(["sea"], say=said.append)
    assert found == [Source("sea/rivers", "trunk"), Source("sea/lakes", "main")]
    assert said == [
        "Archived repositories that were left out: 1.",
        "Forks that were left out, name one in a list if it makes an image: 1.",
    ]


def test_a_person_shows_what_is_public(sea):
    assert names(["ada"]) == ["ada/own"]


def test_an_organization_has_pages(hosted):
    hosted.add(*(Repository(f"sea/image-{number}") for number in range(250)))
    assert len(names(["sea"])) == 250
    assert sum(hosted.seen.values()) == 3


def test_a_topic_of_all_and_of_an_organization(sea):
    assert names([], ["hub-image"]) == ["sea/rivers", "sea/lakes", "ada/own"]
    assert names(["sea"], ["hub-image"]) == ["sea/rivers", "sea/lakes"]
    assert names(["sea"], ["water", "other"]) == ["sea/rivers"]


@pytest.mark.world("search-ends-after-a-thousand")
def test_a_search_ends_after_a_thousand(hosted):
    hosted.add(*(Repository(f"sea/image-{n}", topics=("x",)) for n in range(1200)))
    said: list[str] = []
    assert len(names([], ["x"], say=said.append)) == 1000
    assert said == [
        "GitHub's search did not give all repositories of the topic x, 1000 at most: add --org, or name them in a list."
    ]


def test_a_list_has_names_addresses_and_comments(sea, tmp_path):
    sea.renamed["sea/streams"] = "sea/rivers"
    (tmp_path / "ours").write_text(
        "\ufeff# ours\n\nsea/fork\nSea/Streams  # has a new name\nhttps://github.com/sea/fork.git\nsea/gone\nsea/old\nada/own\n"
    )
    said: list[str] = []
    found = repositories(["sea"], [], [tmp_path / "ours"], say=said.append)
    assert said == ["Archived repositories that were left out: 1."], (
        "a fork that is named is none left out"
    )
    assert [source.name for source in found] == ["sea/rivers", "sea/lakes", "sea/fork", "sea/gone", "ada/own"]  # fmt: skip
    assert found[0].branch == "trunk"
    [gone] = [source for source in found if source.trouble]
    assert gone.name == "sea/gone"
    assert "has no repository sea/gone, or does not show it to this token" in str(gone.trouble)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((["nobody"],), "--org nobody: GitHub has no such organization or person"),
        ((["a/b"],), "--org a/b is the name of no organization"),
        (([], ["Hub Image"]), "--topic Hub Image is none"),
        (([], [], [Path("nowhere")]), "nowhere cannot be read: No such file"),
        (([], [], ["list"]), "list:2: 'sea' names no repository; write it as owner/name"),
    ],
)
def test_what_is_none_is_one_sentence(arguments, sentence, sea, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("list").write_text("sea/rivers\nsea\n")
    owners, topics, lists = (*arguments, [], [])[:3]
    with pytest.raises(Problem, match=sentence):
        repositories(owners, topics, [Path(file) for file in lists])


# ── Asking


@pytest.mark.parametrize("variable", ["GH_TOKEN", "GITHUB_TOKEN"])
def test_a_token_comes_from_the_environment(variable, sea, monkeypatch):
    for name in ("GH_TOKEN", "GITHUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    assert names(["sea"]) == ["sea/rivers"], "without one there is what is public"
    monkeypatch.setenv(variable, "secret")
    assert names(["sea"]) == ["sea/rivers", "sea/lakes"]


@pytest.mark.parametrize(("status", "why"), [(502, "502"), (429, "limits how fast")])
def test_each_request_is_tried_three_times(status, why, sea, waits):
    sea.fail("/orgs/sea/repos", status, times=2, retry_after="5")
    assert names(["sea"]) == ["sea/rivers", "sea/lakes"]
    sea.fail("/orgs/sea/repos", status, times=9, retry_after="5")
    with pytest.raises(Problem, match=why):
        names(["sea"])
    assert set(sea.seen.values()) == {6}
    assert waits == pytest.approx([5] * 4, abs=0.1)


def test_nothing_more_is_asked_when_the_limit_of_an_hour_is_used_up(sea, waits):
    asking = Asking()
    sea.limit = 1
    assert asking.get("/repos/sea/rivers")["default_branch"] == "trunk"
    for path in ("/repos/sea/lakes", "/repos/sea/fork"):
        with pytest.raises(Problem, match=r"limit for this hour is used up until \d\d:\d\d UTC"):
            asking.get(path)
    assert "/repos/sea/fork" not in sea.seen and waits == []


@pytest.mark.world("limits-may-last")
@pytest.mark.parametrize("header", [{}, {"retry_after": "60"}])
def test_who_is_limited_again_and_again_asks_no_more(header, sea, waits, capsys):
    asking = Asking()
    sea.fail("/repos/", 403, times=999, **header)

    def ask(number: int) -> str:
        with pytest.raises(Problem) as problem:
            asking.get(f"/repos/sea/image-{number}")
        return str(problem.value)

    with ThreadPoolExecutor(32) as pool:
        said = set(pool.map(ask, range(100)))
    assert said == {asking.ended} and "run this again in some minutes" in asking.ended
    assert sum(sea.seen.values()) <= 3 * AT_ONCE and waits
    assert capsys.readouterr().err.count("Another try in 60 s") <= 2, "not once for each"


def test_a_token_that_is_none_is_one_sentence(sea, monkeypatch):
    monkeypatch.setenv("GITHUB_TOKEN", "ended")
    asking = Asking()
    for _ in range(3):
        with pytest.raises(Problem, match="does not take the token in GH_TOKEN or GITHUB_TOKEN"):
            asking.get("/repos/sea/rivers")
    assert sum(sea.seen.values()) == 1


def test_when_github_is_away_for_all_it_is_left_in_peace(sea, waits):
    asking = Asking()
    sea.fail("/repos/", 503, times=999)
    for number in range(100):
        with pytest.raises(Problem):
            asking.get(f"/repos/sea/image-{number}")
    assert "GitHub is away" in asking.ended and sum(sea.seen.values()) == 3 * AT_LAST


def test_who_interrupts_it_waits_for_no_limit_to_pass(sea):
    """As with Ctrl-C, while all wait for a minute."""
    asking, told = Asking(), []
    with pytest.raises(KeyboardInterrupt), asking.pool() as pool:
        for number in range(100):
            pool.submit(lambda: (asking.pause(20), told.append(asking.ended)))
            pool.submit(asking.get, f"/repos/sea/image-{number}")
        raise KeyboardInterrupt
    assert set(told) <= {"it was interrupted"} and len(told) < 100
    assert sum(sea.seen.values()) < 100


# ── An archive


def test_the_archive_of_the_stand_in_is_like_that_of_git(tmp_path):
    files = {"a/b": "1", "a.txt": "2", "a": "", "B": "3", ".github/image.env": "4", "z/é": "5"}
    del files["a"]
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "First")
    line = ["git", "archive", "--format=tar.gz", "--prefix=sea-a-fffffff/", "HEAD"]
    real = subprocess.run(line, cwd=tmp_path, check=True, capture_output=True).stdout

    def listed(data: bytes) -> list[tuple]:
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            return [(one.name, one.type, one.size, list(tar.pax_headers)) for one in tar]

    assert listed(archive("sea/a", frozenset(files.items()))) == listed(real)


class Answer(io.BytesIO):
    """An archive that counts how much of it was read."""


def test_an_archive_is_read_no_further_than_it_takes(monkeypatch):
    noise = bytes(range(256)) * 4096
    large = {f"zz/{number}": os.urandom(500_000) for number in range(4)}
    with_image = Answer(archive("sea/a", frozenset((image() | large).items())))
    found = remote.unpack(with_image, "sea/a")
    assert set(found) == {".copier-answers.yml", ".github/image.env", "environment.yml"}
    assert with_image.tell() < 100_000
    without = {".github/x": "", "data/noise": noise, "environment.yml": ""} | large
    other = Answer(archive("sea/b", frozenset(without.items())))
    assert remote.unpack(other, "sea/b") == {} and other.tell() < 100_000


@pytest.mark.parametrize(
    "data", [os.urandom(2_000_000), bytes(20_000_000)], ids=["as-it-is", "packed"]
)
def test_what_comes_too_late_in_an_archive_is_one_sentence(data, monkeypatch):
    monkeypatch.setattr(remote, "MOST", 1_000_000)
    files = image() | {"data/noise": data}
    with pytest.raises(Problem, match="sea/a has more than 1 MB before its lists; clone it"):
        remote.unpack(Answer(archive("sea/a", frozenset(files.items()))), "sea/a")


def test_a_list_as_large_as_none_is_passed_over():
    files = image() | {"environment.yml": b"x" * 3_000_000}
    found = remote.unpack(Answer(archive("sea/a", frozenset(files.items()))), "sea/a")
    assert set(found) == {".copier-answers.yml", ".github/image.env"}


@pytest.mark.parametrize(
    "data", [b"", b"no archive", archive("a/b", frozenset(image().items()))[:200]]
)
def test_a_broken_archive_is_asked_for_again(data):
    with pytest.raises(ValueError, match="its archive is broken"):
        remote.unpack(Answer(data), "sea/a")
