"""A container of the contract where Docker does not do what was asked; here no Docker runs."""

from __future__ import annotations

import subprocess
from types import SimpleNamespace

import pytest

from hub_image.contract import FAIL, NOT_APPLICABLE, PASS, Target
from hub_image.contract.groups import container
from hub_image.tools.docker import DockerError

RUNS = "the entrypoint runs what the hub asks for"
CODE = "the server's exit code is the container's"
ERROR = (
    "docker: Error response from daemon: failed to create task for container: runc create failed: unable to start "
    "container process: exec: \"/bin/sh\": no such file or directory: unknown.\n\nRun 'docker run --help' for more information\n"
)


@pytest.fixture
def judge(monkeypatch):
    """How each check of a container ends, where none stays up and `docker run` does this."""

    def make(run, *names: str) -> dict[str, tuple[str, str]]:
        def start(*_: str) -> str:
            raise DockerError(ERROR)

        target = Target("ocean:1", hub_version="5.4", config={"Config": {"User": "1000"}})
        image = container.Container(target, SimpleNamespace(run=run, start=start, exec=None))
        checks = [check for check in container.CHECKS if check.name in names or not names]
        results = [check.result(image) for check in checks]
        return {result.check.name: (result.status, result.detail) for result in results}

    return make


def test_where_nothing_starts_one_check_says_so_in_words_of_the_image(judge):
    found = judge(lambda *line, **_: subprocess.CompletedProcess(line, 127, "", ERROR))
    status, said = found.pop(RUNS)
    assert status == FAIL
    assert said == 'the arguments do not arrive: exec: "/bin/sh": no such file or directory'
    found.pop("the image's user has the number 1000")  # a number needs no container
    assert {status for status, _ in found.values()} == {NOT_APPLICABLE}


def test_an_entrypoint_that_never_ends_is_not_waited_for(judge):
    def run(*_: str, timeout: int, **__: object) -> None:
        raise subprocess.TimeoutExpired("docker", timeout)

    status, said = judge(run, RUNS)[RUNS]
    assert status == FAIL and said.endswith("it still runs after 60 seconds")


def test_output_that_docker_lost_is_no_fault(judge):
    """https://github.com/moby/moby/issues/27289"""
    run = lambda *line, **_: subprocess.CompletedProcess(line, 7, "", "")  # noqa: E731
    found = judge(run, RUNS, CODE)
    assert found[RUNS] == (FAIL, "no container of it stays up: `sh`, `env` or `sleep` is missing")
    assert found[CODE] == (PASS, "")
