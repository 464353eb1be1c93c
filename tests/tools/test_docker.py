"""A shell that stays open in a container; here the container is this machine, behind a `docker` that runs what follows its name."""

from __future__ import annotations

import threading
import time

import pytest

from hub_image.tools import docker


@pytest.fixture
def session(tmp_path, monkeypatch):
    """A session in which `docker exec --interactive NAME COMMAND` runs the command here, and nothing else is there."""
    program = tmp_path / "docker"
    program.write_text('#!/bin/sh\n[ "$1" != exec ] || { shift 3; exec "$@"; }\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with docker.Session() as session:
        yield session


def test_each_command_ends_as_it_does_alone(session):
    for command, code, out, err in [
        (("sh", "-c", "printf 'no end'; echo why >&2; exit 3"), 3, "no end", "why\n"),
        (("printf", "%s\n", "it's $HOME", "two\nlines", "<<end", ""), 0, "it's $HOME\ntwo\nlines\n<<end\n\n", ""),
        (("env", "-i", "A=ö\nb", "sh", "-c", 'echo "$A"'), 0, "ö\nb\n", ""),
        (("true",), 0, "", ""),
    ]:  # fmt: skip
        done = session.exec("one", *command)
        assert (done.returncode, done.stdout, done.stderr) == (code, out, err)
    assert session.exec("one", "no-such-program").returncode == 127


def test_a_command_reads_its_own_input_and_no_other(session):
    text = "print('$PATH `ls`')\nprint(6 * 7)"
    assert session.exec("one", "python3", "-", input=text).stdout == "$PATH `ls`\n42\n"
    assert session.exec("one", "cat").stdout == ""
    assert session.exec("one", "pwd").stdout == session.exec("one", "sh", "-c", "cd / && pwd >&2; cd -").stdout  # fmt: skip


def test_a_shell_that_has_ended_answers_nothing_and_is_not_asked_again(session):
    session.exec("one", "true")
    assert session.exec("one", "sh", "-c", "kill $PPID").returncode == 125
    assert session.exec("one", "echo", "more").stdout == "more\n"


def test_a_command_that_never_ends_is_given_up(session, monkeypatch):
    monkeypatch.setattr(docker, "PATIENCE", 0.1)
    assert session.exec("one", "sleep", "60").returncode == 125


def test_what_is_made_while_all_is_removed_goes_too(session, monkeypatch):
    """Somebody at work makes a container, after the first look, and waits for its end."""
    containers = ["one"]
    gone = threading.Event()

    def sweep(_):
        containers.clear()
        gone.set()

    monkeypatch.setattr(docker.Session, "_sweep", sweep)
    with docker.Session() as session:

        def work():
            gone.wait()
            containers.append("another")
            for _ in range(1000):
                if not containers:
                    break
                time.sleep(0.01)

        session.beside(work)
    assert not containers
    for end in (session.run, session.start):
        with pytest.raises(docker.DockerError):
            end("image")
