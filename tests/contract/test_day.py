"""What the users of a hub saw, as checks ask for it; here no hub runs, and what drive.py prints is given."""

from __future__ import annotations

import json
import sys

import pytest

from hub_image.contract import PASS, Check, NotApplicable, Result, Target
from hub_image.contract import command as test
from hub_image.contract.groups import on_hub
from hub_image.tools import docker


@pytest.fixture
def day(tmp_path, monkeypatch):
    """Make a Day of which drive.py prints lines; after a line `None` it waits until the test writes a file `go`."""
    monkeypatch.setattr(docker.Session, "_sweep", lambda session: None)
    monkeypatch.setattr(on_hub, "start", lambda *arguments, **options: "hub")
    monkeypatch.setattr(docker, "call", lambda *line: type("Log", (), {"stderr": "no luck"}))

    def make(session, *seen: dict | None, code: int = 0, **options) -> on_hub.Day:
        program = tmp_path / "docker"
        lines = [
            f"print({json.dumps(line)!r}, flush=True)"
            if line is not None
            else f"while not os.path.exists({str(tmp_path / 'go')!r}): time.sleep(0.01)"
            for line in seen
        ]
        script = [f"#!{sys.executable}", "import os, sys, time", *lines, f"sys.exit({code})"]
        program.write_text("\n".join(script))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
        target = Target("ocean:1", hub_version="5.4", **options)
        return on_hub.Day(target, session, ["C10"])

    return make


def test_what_was_seen_is_there_before_the_day_ends(day, tmp_path):
    with docker.Session() as session:
        hub = day(session, {"first": {"ready": True}}, None, {"again": 1})
        assert hub["first"] == {"ready": True}
        (tmp_path / "go").touch()
        assert hub["again"] == 1


def test_what_was_never_seen_because_no_server_started_concerns_no_check(day):
    with docker.Session() as session:
        hub = day(session, {"first": {"ready": False}})
        with pytest.raises(NotApplicable, match="the server did not start"):
            hub["again"]


def test_a_hub_that_ends_in_the_middle_of_the_day_is_no_fault_of_the_image(day):
    with docker.Session() as session:
        hub = day(session, {"first": {"ready": True}}, code=1)
        assert hub["first"]["ready"]
        with pytest.raises(docker.DockerError, match="the hub stopped: no luck"):
            hub["again"]


def check(name: str) -> Check:
    return Check("C0", name, "", "", "", lambda subject: None)


def test_results_of_all_groups_come_as_they_are_ready(monkeypatch):
    monkeypatch.setattr(docker.Session, "_sweep", lambda session: None)
    first, second, third = (Result(check(name), PASS, "") for name in "abc")
    seen = []

    def slow():
        while not seen:
            pass
        yield third

    def quick():
        yield from (first, second)

    with docker.Session() as session:
        for result in test.together(session, slow(), quick()):
            seen.append(result)
    assert [result.check.name for result in seen[:1]] == ["a"] and set(seen) == {first, second, third}  # fmt: skip


def test_what_stops_one_group_stops_the_contract(monkeypatch):
    monkeypatch.setattr(docker.Session, "_sweep", lambda session: None)

    def broken():
        yield Result(check("a"), PASS, "")
        raise docker.DockerError("no luck")

    with docker.Session() as session, pytest.raises(docker.DockerError, match="no luck"):
        list(test.together(session, broken(), iter(())))
