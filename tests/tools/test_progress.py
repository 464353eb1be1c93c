"""What is said while somebody waits: a live line and colours at a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

SCRIPT = """
import time
from hub_image.tools.progress import progress
with progress() as say:
    say("Pulling [bold]x[/]")
    time.sleep(0.3)
    say.done("FAIL C0 broke", "bold red")
print("the table")
"""


def at_a_terminal(**environment: str) -> str:
    """What the script writes to a terminal."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", SCRIPT]
    variables = {**os.environ, "TERM": "xterm-256color", **environment}
    with subprocess.Popen(command, stderr=theirs, stdout=subprocess.DEVNULL, env=variables):
        os.close(theirs)
        written = b""
        try:
            while part := os.read(ours, 65536):
                written += part
        except OSError:  # how Linux says that the other end is closed
            pass
    os.close(ours)
    return written.decode()


def test_in_a_pipe_it_is_plain_lines_with_seconds_apart_from_the_result():
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr.splitlines() == ["   0 s  Pulling [bold]x[/]", "   0 s  FAIL C0 broke"]
    assert done.stdout == "the table\n"


@pytest.mark.parametrize("no_color", ["", "1"])
def test_at_a_terminal_a_line_lives_and_colours_can_be_refused(no_color):
    written = at_a_terminal(NO_COLOR=no_color)
    assert "Pulling [bold]x[/]" in written and "\x1b[2K" in written
    assert ("31m" in written) == (not no_color)
