"""One table of image references for all who decide on them: the question, the check, the contract, adoption."""

from __future__ import annotations

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2_ansible_filters import AnsibleCoreFiltersExtension

from conftest import CATALOG, QUESTIONS_FILE, ROOT
from hub_image.adopt import guess
from hub_image.checks.rules import moving_tag
from hub_image.contract import PASS, WARN, Target
from hub_image.contract.groups import static
from hub_image.problem import Problem
from hub_image.repository.reference import Moves, Reference

DIGEST = "sha256:" + "0a1b" * 16
STAY, MAY, MOVE = Moves.NO, Moves.MAYBE, Moves.YES
TABLE = {
    "quay.io/jupyter/scipy-notebook:2026-07-28": STAY,
    "quay.io/jupyter/pytorch-notebook:cuda12-2026-07-28": STAY,
    "quay.io/jupyter/scipy-notebook:0a1b2c3d4e5f": STAY,
    "quay.io/jupyter/scipy-notebook:python-3.13": MOVE,
    "quay.io/jupyter/scipy-notebook:latest": MOVE,
    "quay.io/jupyter/scipy-notebook": MOVE,
    "docker.io/pangeo/pangeo-notebook:2026.01.30": STAY,
    "quay.io/pangeo/pangeo-notebook:master": MOVE,
    "docker.io/rocker/geospatial:4.5": MOVE,
    "docker.io/rocker/geospatial:4.5.3": STAY,
    "ghcr.io/ocean/ocean:latest": MOVE,
    "ghcr.io/ocean/ocean:Latest": MOVE,
    "ghcr.io/ocean/ocean:latest-gpu": MOVE,
    "ghcr.io/ocean/ocean:gpu-latest": MOVE,
    "ghcr.io/ocean/ocean:2026-01-01-latest": STAY,
    "ghcr.io/ocean/ocean:release-1.2.3": STAY,
    "ghcr.io/ocean/ocean:1.2.3": STAY,
    "ghcr.io/ocean/ocean:20260918": STAY,
    "ghcr.io/ocean/ocean:0a1b2c3d4e5f": STAY,
    "ghcr.io/ocean/ocean:v1": MAY,
    "ghcr.io/ocean/ocean:4.4": MAY,
    "ghcr.io/ocean/ocean:prodigy": MAY,
    "ghcr.io/ocean/ocean": MOVE,
    f"ghcr.io/ocean/ocean@{DIGEST}": STAY,
    f"ghcr.io/ocean/ocean:latest@{DIGEST}": STAY,
    "example.org:5000/ocean/base/ocean:main": MOVE,
    "example.org:5000/ocean": MOVE,
    "localhost:5000/ocean:1.2.3": STAY,
    f"quay.io/jupyter/scipy-notebook:python-3.13@{DIGEST}": STAY,
}


@pytest.fixture(scope="session")
def question():
    """What the question `base_image` says to an answer; empty where it takes it."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROOT), extensions=[AnsibleCoreFiltersExtension]
    )
    validator = environment.from_string(QUESTIONS_FILE["base_image"]["validator"])
    return lambda text: validator.render(base_image=text, catalog=CATALOG).strip()


@pytest.mark.parametrize("text", TABLE)
def test_everybody_decides_alike(text, question):
    moves = TABLE[text]
    assert Reference.parse(text).moves is moves
    assert bool(question(text)) == (moves is MOVE), question(text)
    severities = {found.severity for found in moving_tag.finding("Dockerfile", 1, text)}
    assert severities == {STAY: set(), MAY: {"warning"}, MOVE: {"error"}}[moves]
    [contract] = [check for check in static.CHECKS if check.name == "the tag stays what it is"]
    status = contract.result(Target(text, "5.4")).status
    assert status == {STAY: PASS, MAY: WARN, MOVE: "fail"}[moves]
    assert guess._stays(text) == (moves is not MOVE)


@pytest.mark.parametrize(
    ("text", "host", "path", "tag", "digest"),
    [
        ("debian", "docker.io", "library/debian", "", ""),
        ("debian:trixie", "docker.io", "library/debian", "trixie", ""),
        ("rocker/binder:4.4.2", "docker.io", "rocker/binder", "4.4.2", ""),
        ("index.docker.io/rocker/binder", "docker.io", "rocker/binder", "", ""),
        ("localhost/ocean", "localhost", "ocean", "", ""),
        ("localhost:5000/a/b:c", "localhost:5000", "a/b", "c", ""),
        (f"a/b:c@{DIGEST}", "docker.io", "a/b", "c", DIGEST),
        (f"ghcr.io/a/b@{DIGEST}", "ghcr.io", "a/b", "", DIGEST),
    ],
)
def test_parts(text, host, path, tag, digest):
    found = Reference.parse(text)
    assert (found.host, found.path, found.tag, found.digest) == (host, path, tag, digest)


@pytest.mark.parametrize(
    "text", ["", "a b", "ghcr.io/A/b:c", "a:", "a@", "https://a.b/c", "a:b:c", "${A}"]
)
def test_what_is_no_reference_is_said_so(text):
    with pytest.raises(Problem, match="no image reference"):
        Reference.parse(text)


WORDS = st.from_regex(r"[a-z0-9]+([._-][a-z0-9]+)?", fullmatch=True)


@given(
    host=st.sampled_from(["ghcr.io", "docker.io", "localhost", "example.org:5000"]),
    path=st.lists(WORDS, min_size=2, max_size=4).map("/".join),
    tag=st.sampled_from(["", "2026-07-28", "latest", "v1.2"]),
    digest=st.sampled_from(["", DIGEST]),
)
def test_printed_and_parsed_again_it_is_the_same(host, path, tag, digest):
    reference = Reference(host, path, tag, digest, written=f"{host}/{path}")
    assert Reference.parse(str(reference)) == reference
