"""Why a package is in a list, and until when."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hub_image.lists import reasons
from hub_image.lists.insert import insert
from hub_image.problem import Problem

TODAY = date(2026, 11, 29)


def test_a_note_has_the_issue_the_reason_and_the_end():
    assert reasons.note("GEOG 101", "2027-06", 12, TODAY) == "#12: GEOG 101, until 2027-06"
    assert reasons.note(" # maps,\n of  the sea \\", today=TODAY) == "maps, of the sea"
    assert reasons.note("x", "2026-11", today=TODAY) == "x, until 2026-11"


@pytest.mark.parametrize(
    ("why", "until", "sentence"),
    [
        ("", "", "the reason says nothing; write"),
        (" \x00\u2028# ", "", "the reason says nothing; write"),
        ("x" * 10_000, "", "the reason has 10000 characters; it"),
        ("hub-image: ignore[past-end]", "", "the reason has `hub-image:` in it, which"),
        ("x", "2027", "`2027` is no month; write it as in 2027-06"),
        ("x", "2027-13", "`2027-13` is no month; write it as in 2027-06"),
        ("x", "２０２７-06", "`２０２７-06` is no month"),
        ("x", "2027-02-30", "`2027-02-30` is no month"),
        ("x", "2026-10", "2026-10 is over already; write"),
    ],
)
def test_what_can_be_no_note_is_refused(why, until, sentence):
    with pytest.raises(Problem) as refused:
        reasons.note(why, until, today=TODAY)
    assert str(refused.value).startswith(sentence)


def test_an_issue_has_a_number():
    with pytest.raises(Problem, match="^--issue -3 is the number of no issue; write it as in 12$"):
        reasons.note("x", issue=-3)


@settings(max_examples=200, deadline=None)
@example(why=";\\", file="environment.yml")
@given(why=st.text(max_size=250), file=st.sampled_from(["environment.yml", "requirements.txt"]))
def test_whatever_a_reason_says_the_list_is_one_line_longer(tmp_path_factory, why, file):
    """And its end is found, once it is over."""
    try:
        note = reasons.note(why, "2027-06", 12, TODAY)
    except Problem:
        return
    manager = "conda" if file == "environment.yml" else "pip"
    old = "dependencies:\n  - numpy\n" if manager == "conda" else "numpy\n"
    new = insert(file, old, manager, "geopandas", note)
    assert new.startswith(old) and new.count("\n") == old.count("\n") + 1
    folder = tmp_path_factory.mktemp("repository")
    (folder / file).write_text(new)
    assert not list(reasons.ended(folder, date(2027, 6, 30)))
    (found,) = reasons.ended(folder, date(2027, 7, 1))
    assert (found.name, found.until, found.line) == ("geopandas", "2027-06", old.count("\n") + 1)
    assert found.why.startswith("#12: ")
