"""Dockerfiles are read as BuildKit reads them: its own parser is the oracle."""

import subprocess

import dockerfile as buildkit
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub_image.syntax import dockerfile
from texts import anything

DOCKERFILE = [
    "FROM x",
    "RUN",
    "run",
    "COPY",
    "ENV a=b",
    "ONBUILD",
    "USER",
    "SOURCE",
    "a",
    "EOF",
    "A",
]
DOCKERFILE += [
    "<<EOF",
    "<<-EOF",
    "<<'EOF'",
    "3<<A",
    "<<<w",
    "<",
    "'",
    '"',
    "`",
    "\\",
    "\\ ",
    "#",
    "=",
    "[",
]
DOCKERFILE += [
    "# c\n",
    "# escape=`\n",
    "# syntax=x\n",
    "`\n",
    "\\\n",
    "\\\\\n",
    "\\ \n",
    "\r\n",
    " ",
    "\t",
]
DOCKERFILE += ["\n", "\n", "\n", '["a"]', "--mount=type=cache"]


@given(text=anything)
def test_any_text_is_read(text: str):
    lines = text.count("\n") + 1
    assert all(1 <= each.line <= lines for each in dockerfile.parse(text))


@settings(max_examples=500)
@given(text=st.lists(st.sampled_from(DOCKERFILE), min_size=1, max_size=16).map("".join))
def test_dockerfile_is_what_buildkit_reads(text: str):
    """Where BuildKit takes a text, ours finds the same instructions in the same lines."""
    try:
        wanted = buildkit.parse_string(text)
    except buildkit.GoParseError:
        return
    if all(command.cmd for command in wanted):  # it names no instruction whose name it cannot read
        found = [(i.line, i.name, i.arguments.split()) for i in dockerfile.parse(text)]
        assert found == [
            (
                command.start_line,
                command.cmd.upper(),
                command.original.split("\n")[0].strip()[len(command.cmd) :].split(),
            )
            for command in wanted
        ]


@pytest.mark.world("backslash-newline-in-quotes")
def test_docker_joins_lines_before_the_shell_sees_quotes():
    run = "printf %s 'a\\\n  b'"
    [_, command] = buildkit.parse_string(f"FROM x\nRUN {run}\n")
    [_, ours] = dockerfile.parse(f"FROM x\nRUN {run}\n")
    assert command.value == (ours.arguments,) == ("printf %s 'a  b'",)
    said = subprocess.run(["bash", "-c", run], capture_output=True, text=True).stdout
    assert said == "a\\\n  b"
