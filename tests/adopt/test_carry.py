"""Any Dockerfile: each instruction is in a script, or in the report with its line; none is lost."""

from __future__ import annotations

import json
import re
import subprocess

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from conftest import CATALOG
from hub_image import catalog
from hub_image.adopt.carry import CARRIED, LEFT, REPLACED, carry
from hub_image.adopt.commands import Setting
from hub_image.adopt.guess import base_of
from hub_image.syntax.dockerfile import parse

# A mark, unlike any other, goes where it says MARK: the oracle looks for it and reads no Dockerfile.
PIECES = [
    "RUN echo MARK >/opt/x",
    "RUN apt-get install -y MARK",
    "RUN apt-get update && \\\n    # a comment\n    apt-get install -y \\\n\n  MARK && \\\n  rm -rf /var/lib/apt/lists/*",
    "run\tpip install MARK",
    "RUN pip install -r requirements.txt MARK",
    "RUN mamba env update -p ${CONDA_DIR} -f environment.yml && echo MARK > x",
    "RUN mamba env update -n MARK -f environment.yml",
    "RUN conda create -n MARK python",
    "RUN cd /opt; false; touch MARK",
    "RUN <<EOF\nfalse\ntouch MARK\n# RUN no\nFROM no\nEOF",
    "RUN <<EOF cat >/tmp/MARK\nCOPY no no\nEOF",
    "RUN cat <<<MARK",
    "RUN cat <<MARK",
    "RUN python3 - <<'X' <<Y\nX\nprint(1)\nX\nMARK\nY",
    'RUN ["touch", "MARK"]',
    "RUN --mount=type=cache,target=/x touch MARK",
    "RUN --network=none \\\n touch MARK",
    "RUN touch $HOME/MARK",
    "RUN sudo touch MARK | cat",
    "COPY MARK /tmp/",
    "COPY one.txt ${CONDA_DIR}/MARK",
    "COPY one.txt folder /tmp/MARK/",
    "COPY --chown=root one.txt /tmp/MARK",
    "COPY environment.yml MARK/",
    "COPY --from=other MARK /",
    "COPY <<A /MARK\nRUN no\nA",
    "ADD https://example.org/MARK /tmp/",
    "ADD one.txt /tmp/MARK",
    "ENV MARK=1",
    'ENV A="x y" MARK=$A',
    "ENV MARK some old form",
    'ENV MARK="\\"`quoted`\\""',
    "ENV HOME=/MARK",
    "ARG MARK=1",
    "ARG MARK",
    "USER root",
    "USER jovyan",
    "USER MARK",
    "WORKDIR /srv/MARK",
    "WORKDIR $HOME",
    'SHELL ["/bin/bash", "-lc"]',
    'SHELL ["/bin/bash", "-c"]',
    "LABEL a=MARK",
    "EXPOSE 8888",
    'CMD ["MARK"]',
    "CMD jupyter lab --MARK",
    "ENTRYPOINT MARK",
    "ONBUILD RUN MARK",
    "HEALTHCHECK CMD MARK",
    "VOLUME /MARK",
    "FROM quay.io/jupyter/other:MARK AS other",
    "INVENTED MARK",
    *(f"{name} MARK" for name in ("SOURCE", "TEXT", "STEP", "CP", "ALL", "_INIT__", "FREE")),
    "SHELL 5",
    'SHELL {"MARK": 1}',
    'COPY [1, "MARK"]',
    'RUN [1, "MARK"]',
    "CMD []",
    'CMD {"MARK": 1}',
    "COPY 'MARK",
    "ENV",
    "ARG",
    "USER",
    "WORKDIR",
    "ADD",
]
SETTINGS = [
    Setting(
        catalog.load().families[family],
        family if kept else "",
        frozenset({"environment.yml", "apt.txt", "postBuild", "start"}),
        files=frozenset({"one.txt", "folder/two.txt", "environment.yml", *own}),
    )
    for family in CATALOG["families"]
    for kept in (True, False)
    for own in ((), ("start",), ("postBuild",), ("preBuild", "start"))
]


ANY = given(
    st.lists(
        st.tuples(st.sampled_from(PIECES), st.sampled_from(["", "# why\n", "\n"])), max_size=12
    ),
    st.sampled_from(SETTINGS),
    st.sampled_from(["\n", "\r\n"]),
)
QUIETLY = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}


@settings(max_examples=100, **QUIETLY)
@ANY
def test_every_instruction_is_carried_over_or_listed(pieces, setting, end):
    account(pieces, setting, end)


@pytest.mark.whole_matrix
@settings(max_examples=5000, **QUIETLY)
@ANY
def test_every_instruction_of_many_dockerfiles(pieces, setting, end):
    account(pieces, setting, end)


def account(pieces, setting, end):
    """Assert that each instruction has come out somewhere, under its line."""
    text, expected = "FROM quay.io/jupyter/base:1\n", {}
    for number, (piece, above) in enumerate(pieces):
        text += above
        expected[text.count("\n") + 1] = mark = f"mark{number}x"
        text += piece.replace("MARK", mark) + "\n\n"
    decisions, scripts = carry(text.replace("\n", end), setting)
    decided = {decision.instruction.line: decision for decision in decisions}
    assert set(decided) == {1, *expected} and len(decisions) == len(expected) + 1
    for line, mark in expected.items():
        decision = decided[line]
        assert decision.what in (CARRIED, REPLACED, LEFT)
        assert decision.why
        if decision.what == CARRIED:
            wanted = set(decision.why.split(" and "))
            assert wanted <= set(scripts)
            for name in wanted:
                assert mark in scripts[name]
        elif decision.what == LEFT:
            assert ";" in decision.why, decision.why
    assert not set(scripts) & setting.files, "a script of the owner's would be written over"
    for name, script in scripts.items():
        checked = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True)
        assert checked.returncode == 0 or "<<mark" in script, f"{checked.stderr}\n{name}:\n{script}"


@pytest.mark.parametrize(
    ("run", "status", "prints"),
    [
        ("false; echo on", 0, "on"),
        ("false && echo no; true", 0, ""),
        ("echo a && false && echo b", 1, "a"),
        ("cd /; pwd", 0, "/"),
        ("X=1; export X; echo $X", 0, "1"),
        ("<<EOF\nfalse\necho 'a  b'\nEOF", 0, "a  b"),
        ("<<EOF\necho a\nexit 3\necho b\nEOF", 3, "a"),
        ("cat <<EOF\n$((1+1))\nEOF", 0, "2"),
        ("cat <<'EOF'\n$((1+1))\nEOF", 0, "$((1+1))"),
        ("set -e; false; echo no", 1, ""),
        ('["echo", "a  b", "$X"]', 0, "a  b $X"),
        ("echo a \\\n  b", 0, "a b"),
        ("{ echo a; false; } || echo b", 0, "a\nb"),
    ],
)
def test_a_step_does_what_the_run_did(run, status, prints, tmp_path):
    """The script stops where the RUN would have stopped the build, and the next step is not touched by it."""
    text = f"FROM quay.io/jupyter/base:1\nUSER root\nWORKDIR {tmp_path}\nRUN {run}\nRUN echo the end $X $PWD\n"
    family = catalog.load().families["docker-stacks"]
    decisions, scripts = carry(text, Setting(family, "docker-stacks", frozenset()))
    if decisions[-1].what == LEFT:  # another root step: run the first one alone
        text = text.rpartition("RUN")[0]
        decisions, scripts = carry(text, Setting(family, "docker-stacks", frozenset()))
    assert decisions[3].what == CARRIED, decisions[3]
    done = subprocess.run(["bash", "-c", scripts["preBuild"]], capture_output=True, text=True)
    ended = done.stdout.strip().removesuffix(f"the end {tmp_path}").strip()
    assert (done.returncode, ended) == (status, prints), scripts["preBuild"]


def docker_gives(lines: list[str]) -> str:
    """The text that Docker gives to the shell for a RUN on these lines, here-documents apart.

    After BuildKit's parser: https://github.com/moby/buildkit/blob/master/frontend/dockerfile/parser/parser.go
    """
    text = ""
    for line in lines:
        if text and (not line.strip() or re.match(r"\s*#", line)):
            continue
        ended = re.search(r"(?<!\\)\\[ \t]*$", line)
        text += line[: ended.start()] if ended else line
        if not ended:
            break
    return text


WORDS_OF_A_SHELL = ["'a  b'", '"a  b"', "a", "é", "\\'", '"$(show \'c  d\')"', "'#'", "a#b", "$X", '"${X:-y  z}"', "$'e\\tf'",
                    "&& show", "; show", "| cat; show", "'{ \"a\": 1 }'", "# the end"]  # fmt: skip


@settings(max_examples=60, **QUIETLY)
@given(
    st.lists(st.sampled_from(WORDS_OF_A_SHELL), min_size=1, max_size=6),
    st.lists(st.tuples(st.integers(5, 60), st.sampled_from(["", " ", "\t"])), max_size=4),
)
@example(["&& show"], [(6, "")])  # in the middle of `&&`
def test_a_step_is_what_dockers_shell_was_given(tmp_path_factory, words, breaks):
    """A program that tells its arguments is told the same by the script as by the RUN, wherever lines are broken."""
    text = "show " + " ".join(words)
    for at, blank in sorted(breaks, reverse=True):
        if at < len(text) and text[at - 1] != "\\":
            text = f"{text[:at]}\\{blank}\n{text[at:]}"
    lines = text.split("\n")
    assume(not re.search(r"^\s*#|^\s*$", "\n".join(lines[1:]), re.MULTILINE) or len(lines) == 1)
    given_text = docker_gives(lines)
    setting = Setting(catalog.load().families["docker-stacks"], "docker-stacks", frozenset())
    text = "FROM quay.io/jupyter/base:1\nUSER root\nRUN " + "\n".join(lines) + "\n"
    decisions, scripts = carry(text, setting)
    assert decisions[2].what == CARRIED, decisions[2]
    folder = tmp_path_factory.mktemp("shell")
    show = 'show() { printf \'%s\\0\' "$#" "$@" >>$OUT; }\n'
    told = []
    for name, script in (("docker", given_text), ("script", scripts["preBuild"])):
        script = script.replace("cd /home/jovyan", "")
        command = ["bash", "-o", "pipefail", "-c", show + script]
        out = folder / name
        subprocess.run(command, env={"OUT": str(out), "PATH": "/usr/bin:/bin"}, capture_output=True)
        told.append(out.read_bytes() if out.exists() else b"")
    assert told[0] == told[1], scripts["preBuild"]


def test_parse_keeps_what_a_shell_is_given():
    text = "FROM a\n# why\nRUN a && \\\n# not this\n  b <<X\n# this\nX\nLABEL x\n"
    run = list(parse(text))[1]
    assert (run.line, run.comment) == (3, "# why")
    assert run.source == "a && \\\n  b <<X\n# this\nX"
    assert json.dumps(run.arguments) == '"a &&   b <<X"'


WORDS = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "ONBUILD",
    "RUN",
    "SHELL",
]
WORDS += [
    "USER",
    "WORKDIR",
    "CP",
    "SOURCE",
    "a",
    "b",
    "=",
    "$x",
    "${x:-",
    "/tmp/",
    "<<E",
    "E",
    "|",
    ";",
]
WORDS += [
    "\\",
    "'",
    '"',
    "`",
    "$(",
    ")",
    "[",
    "]",
    '["a"]',
    "--from=a",
    "#",
    " ",
    " ",
    "\n",
    "\n",
    "\n",
]


@settings(max_examples=200, **QUIETLY)
@given(
    st.lists(st.sampled_from(WORDS) | st.text(max_size=3), max_size=25).map("".join),
    st.sampled_from(SETTINGS),
)
def test_any_text_is_a_dockerfile(text, setting):
    """Each instruction that is found is decided on; no text ends in a traceback."""
    base_of(text)
    decisions, _ = carry(text, setting)
    assert [decision.instruction for decision in decisions] == list(parse(text))
