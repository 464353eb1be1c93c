"""What the rig does where the engine fails by itself."""

import pytest

from rig import engine


@pytest.fixture
def told(monkeypatch):
    """What the engine says when it builds, one answer for each build; an empty one is that all went well."""
    answers: list[str] = []

    def check(command, **options):
        if answer := answers.pop(0):
            raise engine.RigError(f"`{command[0]}` failed, the end of its output:\n{answer}")
        return "built"

    monkeypatch.setattr(engine, "check", check)
    monkeypatch.setattr(engine, "is_provided", lambda: False)
    monkeypatch.setattr(engine, "_identity", lambda image: "")
    return answers


LOST = "#31 DONE 5.6s\nERROR: failed to solve: not found"


def test_what_the_engine_lost_is_built_again(told, tmp_path):
    told += [LOST, ""]
    assert engine.build("rig/some:image", tmp_path) == "built"


@pytest.mark.parametrize(
    "answers", [[LOST, LOST], ["ERROR: failed to solve: debian:none: not found", ""]]
)
def test_a_build_that_fails_fails(told, tmp_path, answers):
    told += answers
    with pytest.raises(engine.RigError, match="not found"):
        engine.build("rig/some:image", tmp_path)
