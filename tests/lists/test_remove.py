"""One entry less in a list: the list says what it said, without the entry; and every other byte is there."""

from __future__ import annotations

import re
import string
from datetime import date

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from hub_image.lists import packages, reasons
from hub_image.lists.insert import insert
from hub_image.lists.remove import remove
from hub_image.problem import Problem
from hub_image.syntax import toml

from .test_insert import ENTRIES, UUID, environment, word

TODAY = date(2026, 11, 30)
OVER = "  # #12: GEOG 101, until 2026-06"


def taken_out(file: str, text: str) -> tuple[str, int]:
    """The text without all that is past its end, and how many entries are left."""
    left = 0
    while len(found := list(reasons.ended_in(file, text, TODAY))) > left:
        new = remove(file, text, found[left].line)
        assert new is None or len(list(reasons.ended_in(file, new, TODAY))) == len(found) - 1
        text, left = (text, left + 1) if new is None else (new, left)
    return text, left


# A name that YAML takes for one, and not for yes, no or nothing.
package = word.filter(lambda name: isinstance(yaml.safe_load(name), str))
# Lists as people write them, with entries past their end at any place: each of these goes.


@st.composite
def lists(
    draw: st.DrawFn, entry: str, indent: str = "", comma: str = ""
) -> tuple[list[str], list[str]]:
    """Lines with one entry each, and those lines that stay: comments, and entries that are still wanted."""
    written, stay = [], []
    for name in draw(st.lists(package, max_size=6, unique=True)):
        line = f"{indent}{entry.format(name)}{comma}"
        over = draw(st.booleans())
        written.append(
            line + (OVER if over else draw(st.sampled_from(["", "  # x, until 2026-11"])))
        )
        more = draw(
            st.sampled_from(
                [[], [], ["# a comment"], [""], [f"{indent}# geopandas, until 2020-01"]]
            )
        )
        stay += [*([] if over else [written[-1]]), *more]
        written += more
    return written, stay


@given(end=st.sampled_from(["\n", "\r\n"]), data=st.data())
@pytest.mark.parametrize(
    ("file", "entry"),
    {
        "apt.txt": "{}", "vscode-extensions.txt": "a.{}", "requirements.txt": "{}>=1; python_version > '3'",
        "Project.toml": f'{{}} = "{UUID}"',
    }.items(),
)  # fmt: skip
def test_lists_of_lines(file, entry, end, data):
    written, stay = data.draw(lists(entry))
    head = ["[deps]"] if file == "Project.toml" else ["# head"]
    tail = ["[compat]", 'julia = "1"'] if file == "Project.toml" else []
    text = end.join([*head, *written, *tail, ""])
    assert taken_out(file, text) == (end.join([*head, *stay, *tail, ""]), 0)


@given(end=st.sampled_from(["\n", "\r\n"]), indent=st.sampled_from(["", "  "]), data=st.data())
def test_environments(end, indent, data):
    conda, conda_stays = data.draw(lists("- {}", indent))
    pip, pip_stays = data.draw(lists("- {}==1", indent + "    "))
    place = data.draw(st.booleans())
    pip = [f"{indent}- pip:", *pip] if pip else []
    if any(line.lstrip().startswith("- ") for line in pip_stays):
        pip_stays = [f"{indent}- pip:", *pip_stays]
    head, tail = ["channels: [conda-forge]", "dependencies:"], ["variables:", "  A: b", ""]
    text = end.join([*head, *(pip + conda if place else conda + pip), *tail])
    new, left = taken_out("environment.yml", text)
    stay = pip_stays + conda_stays if place else conda_stays + pip_stays
    assert (new, left) == (end.join([*head, *stay, *tail]), 0)
    said = yaml.safe_load(new)
    assert said | {"dependencies": []} == yaml.safe_load(text) | {"dependencies": []}
    assert not [item for item in said["dependencies"] or [] if item == {"pip": None}]


@given(end=st.sampled_from(["\n", "\r\n"]), data=st.data())
def test_vectors_of_r(end, data):
    """A comma that parts nothing any more goes too."""
    written, stay = data.draw(lists('"{}"', "  ", ","))

    def call(lines: list[str]) -> str:
        last = max((n for n, line in enumerate(lines) if line.lstrip().startswith('"')), default=-1)
        lines = [line.replace('",', '"', 1) if n == last else line for n, line in enumerate(lines)]
        return end.join(["install.packages(c(", *lines, '), repos = "x")', "library(y)", ""])

    assert taken_out("install.R", call(written)) == (call(stay), 0)


@pytest.mark.parametrize("where", ENTRIES, ids=" ".join)
@given(
    text=environment()
    | st.text(string.printable)
    | st.text("- :\n\r'\"#[]{}(),=ab\\&*|>c", max_size=40)
)
@example(text="")
def test_what_is_added_can_go_again(where, text):
    """Into whatever list it was added: then the list says what it said before, or it is left to a person."""
    file, manager = where
    try:
        new = insert(file, text, manager, ENTRIES[where], OVER.removeprefix("  # "))
    except Problem:
        return
    line = new[: new.index(OVER)].count("\n") + 1
    after = remove(file, new, line)
    if after is None:
        return
    read = packages.PARSERS[file]
    assert [one.text for one in (*read(after).packages, *read(after).strings)] == [
        one.text for one in (*read(text).packages, *read(text).strings)
    ]
    if file == "Project.toml":
        assert toml.loads(after) == {"deps": {}} | toml.loads(text)
    kept = re.sub(r"\s", "", after)
    assert len(kept) >= len(re.sub(r"\s", "", text)) - len("-pip:,"), "no line of others went"


@given(
    text=st.text(string.printable) | st.text("- :\n\r'\"#[]{}(),=ab\\&*|>c", max_size=40),
    line=st.integers(1, 9),
)
@pytest.mark.parametrize("file", packages.PARSERS)
def test_any_line_of_any_text_has_an_answer(file, text, line):
    after = remove(file, text, line)
    assert after is None or len(after) < len(text)
    over = "\n".join(line + OVER for line in text.split("\n"))
    assert len(taken_out(file, over)[0]) <= len(over)


GOES = {
    "with its checksums": (
        "requirements.txt", f"a==1 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11{OVER}\nb\n", "b\n",
    ),
    "without a line break behind it": ("apt.txt", f"jq\nzip{OVER}", "jq\n"),
    "with an anchor that nobody uses": ("environment.yml", f"dependencies:\n- &a b{OVER}\n- c\n", "dependencies:\n- c\n"),
    "the last of a list": ("environment.yml", f"dependencies:\n- pip:\n  - b{OVER}\n", "dependencies:\n"),
    "alone in a line in brackets": ("environment.yml", f'dependencies: [\n  "b>=1,<2",{OVER}\n  a]\n', "dependencies: [\n  a]\n"),
    "the only one in brackets": ("environment.yml", f"dependencies: [\n  b{OVER}\n]\n", "dependencies: [\n]\n"),
    "a call of its own": ("install.R", f'library(x)\ninstall.packages("sf"){OVER}\nf()\n', "library(x)\nf()\n"),
    "a comma before it": ("install.R", f'f(c("a"\n, "b"{OVER}\n, "d"))\n', 'f(c("a"\n, "d"))\n'),
    "the last of a vector": ("install.R", f'f(c(\n  "a", # a, "b"\n  "b"{OVER}\n))', 'f(c(\n  "a" # a, "b"\n))'),
    "the only one of a vector": ("install.R", f"f(c(\n'b'{OVER}\n))", "f(c(\n))"),
    "with its versions, of which the end is noted too": (
        "Project.toml", f'[deps]\nA = "{UUID}"{OVER}\n[compat]\nA = "1"{OVER}\n', "[deps]\n[compat]\n",
    ),
    "with its versions": (
        "Project.toml", f'[compat]\nA = "1"\njulia = "1"\n[deps]\nA = "{UUID}"{OVER}\n', '[compat]\njulia = "1"\n[deps]\n',
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", GOES)
def test_what_goes(what):
    file, text, after = GOES[what]
    assert taken_out(file, text) == (after, 0)


STAYS = {
    "two in a line": ("apt.txt", f"jq zip{OVER}\n"),
    "two extensions in a line": ("vscode-extensions.txt", f"a.b c.d{OVER}\n"),
    "in brackets": ("environment.yml", f"dependencies: [a, b]{OVER}\n"),
    "all in brackets": ("environment.yml", f"{{dependencies: [b], variables: {{A: b}}}}{OVER}\n"),
    "an anchor that is used": ("environment.yml", f"dependencies:\n- &a b{OVER}\n- *a\n"),
    "the first, and `pip:` has a comment": ("environment.yml", f"dependencies:\n- pip: # PyPI\n  - b{OVER}\n"),
    "the comment goes on": ("requirements.txt", f"a{OVER} \\\nb\n"),
    "a call with more in it": ("install.R", f'install.packages("a", lib = "b"){OVER}\n'),
    "a call that an if needs": ("install.R", f'if (f(x))\ninstall.packages("sf"){OVER}\ng()\n'),
    "a call that an else needs": ("install.R", f'if (x) y else\ninstall.packages("sf"){OVER}\ng()\n'),
    "an argument": ("install.R", f'f(\n"a", # b\n"b"{OVER}\n)\n'),
    "a name of a name": ("install.R", f'c(\nx = "b"{OVER}\n)\n'),
    "first, and the comma comes after": ("install.R", f'c("x", c(\n"b"{OVER}\n, "d"))\n'),
    "something else needs it": ("Project.toml", f'[deps]\nA = "{UUID}"{OVER}\n[extras]\nA = "{UUID}"\n'),
    "no package": ("Project.toml", f'name = "x"{OVER}\n[deps]\n'),
    "another line break": ("apt.txt", f"zip # a\rjq{OVER}\n"),
}  # fmt: skip


@pytest.mark.parametrize("what", STAYS)
def test_what_is_left_to_a_person(what):
    file, text = STAYS[what]
    assert taken_out(file, text) == (text, len(list(reasons.ended_in(file, text, TODAY))))
