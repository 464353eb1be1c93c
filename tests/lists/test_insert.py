"""One more entry in a list: the list says what it said, and the entry; and every byte of it is there."""

from __future__ import annotations

import os.path
import re
import string
from datetime import date

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from hub_image.lists import packages, reasons
from hub_image.lists.insert import insert
from hub_image.problem import Problem
from hub_image.syntax import toml

NOTE = "#12: GEOG 101 & 'more' \"quotes\" {a: b} [c], until 2027-06"
UUID = "336ed68f-0bac-5ca0-87d4-7b16caf5d00b"
ENTRIES = {  # file and manager: an entry
    ("environment.yml", "conda"): "geopandas>=1,<2",
    ("environment.yml", "pip"): "geopandas[all]>=1,<2",
    ("requirements.txt", "pip"): "geopandas[all]>=1,<2",
    ("apt.txt", "apt"): "graphviz",
    ("vscode-extensions.txt", "vscode"): "redhat.vscode-yaml",
    ("install.R", "r"): '"sf"',
    ("Project.toml", "julia"): f'CSV = "{UUID}"',
}


def is_there(old: str, new: str) -> bool:
    """Whether `new` is `old` with something put between two of its characters."""
    same = len(os.path.commonprefix([old, new]))
    return len(new) > len(old) and new.endswith(old[same:])


# Lists as people write them: each must be taken. What they say is read by PyYAML, by tomllib, or word by word.

word = st.from_regex(r"[a-z]{2,6}", fullmatch=True)
comment = st.sampled_from(["", "  # why", " #", '  # it\'s: a ["comment"]'])
newline = st.sampled_from(["\n", "\r\n"])
filler = st.sampled_from(["", "# a comment", "   ", "# geopandas"])


def lines(draw: st.DrawFn, entries: list[str]) -> str:
    """Entries as lines, with comments, blank lines, either line end, and perhaps none at the end."""
    end = draw(newline)
    found = [draw(filler) for _ in range(draw(st.integers(0, 2)))]
    for entry in entries:
        found.append(entry + draw(comment))
        found += [draw(filler)] * draw(st.integers(0, 1))
    return end.join(found) + draw(st.sampled_from(["", end]))


@st.composite
def environment(draw: st.DrawFn) -> str:
    """A conda list, indented or not, in one line or many, with `pip:` at any place or nowhere."""
    indent = draw(st.sampled_from(["", "  ", "    "]))
    names = draw(st.lists(word, max_size=4))
    items = [draw(st.sampled_from(["{}", "'{}'", '"{}"', "{}>=1"])).format(name) for name in names]
    head = draw(st.sampled_from([["channels: [conda-forge]"], ["name: x", "channels:", "- a"], []]))
    tail = draw(st.sampled_from([[], ["variables:", "  A: b"], ["prefix: /x"]]))
    if draw(st.booleans()):
        entries = [f"dependencies: [{', '.join(items)}]"]
    else:
        entries = ["dependencies:", *(f"{indent}- {item}" for item in items)]
        if draw(st.booleans()):
            inner = [f"{indent}    - {name}" for name in draw(st.lists(word, max_size=2))]
            place = draw(st.integers(1, len(entries)))
            entries[place:place] = [f"{indent}- pip:", *inner]
    return lines(draw, [*head, *entries, *tail])


@given(text=environment(), manager=st.sampled_from(["conda", "pip"]))
@example(text="", manager="conda")
@example(text="", manager="pip")
@example(text="# only a comment", manager="conda")
@example(text="channels: [conda-forge]\n", manager="pip")
def test_an_environment_has_one_package_more(text, manager):
    entry = ENTRIES["environment.yml", manager]
    new = insert("environment.yml", text, manager, entry, NOTE)
    assert is_there(text, new)
    assert new.count(f"  # {NOTE}") == 1
    before, after = yaml.safe_load(text) or {}, yaml.safe_load(new)
    old, found = flat(before.get("dependencies")), flat(after["dependencies"])
    found.remove((manager, entry))
    assert found == old
    assert {k: v for k, v in after.items() if k != "dependencies"} == (
        {k: v for k, v in before.items() if k != "dependencies"}
        or {k: v for k, v in after.items() if k == "channels" and not text.strip()}
    )


@given(text=environment(), managers=st.permutations(["conda", "pip"]))
@example(text="dependencies: [a, b] # why\n", managers=["conda", "pip"])
@example(text="dependencies: [\n  a, # why\n  b # why\n]\n", managers=["pip", "conda"])
def test_what_stands_beside_an_entry_stays_beside_it(text, managers):
    """Also in brackets, and when one more entry comes: what is past its end is found by it."""
    for manager in managers:
        text = insert(
            "environment.yml", text, manager, f"geo-{manager}", f"{manager}, until 2027-06"
        )
    over = reasons.ended_in("environment.yml", text, date(2027, 7, 1))
    assert {(entry.name, entry.why) for entry in over} == {
        ("geo-conda", "conda"),
        ("geo-pip", "pip"),
    }


def flat(dependencies: list | None) -> list[tuple[str, str]]:
    """Who installs what, in order."""
    found = []
    for item in dependencies or []:
        if isinstance(item, dict):
            found += [("pip", requirement) for requirement in item["pip"] or []]
        else:
            found.append(("conda", item))
    return found


@st.composite
def words(draw: st.DrawFn, each: st.SearchStrategy[str]) -> str:
    return lines(draw, draw(st.lists(each, max_size=4)))


extension = st.builds("{}.{}".format, word, word)
requirement = word | st.builds("{}==1.2 \\\n    --hash=sha256:00".format, word)


@pytest.mark.parametrize("file", ["requirements.txt", "apt.txt", "vscode-extensions.txt"])
@given(data=st.data())
def test_a_list_of_lines_has_one_package_more(file, data):
    each = {"requirements.txt": requirement, "apt.txt": word}.get(file, extension)
    text = data.draw(words(each))
    manager = packages_manager(file)
    entry = ENTRIES[file, manager]
    new = insert(file, text, manager, entry, NOTE)
    assert is_there(text, new)
    assert f"{entry}  # {NOTE}" in new.splitlines()

    def said(text: str) -> list[str]:
        joined = text.replace("\r\n", "\n").replace("\\\n", " ")
        return [
            line.partition("#")[0].split()[0]
            for line in joined.split("\n")
            if line.partition("#")[0].strip()
        ]

    found = said(new)
    found.remove(entry)
    assert found == said(text)


def packages_manager(file: str) -> str:
    return next(manager for name, manager in ENTRIES if name == file)


@given(data=st.data())
def test_a_script_of_r_has_one_package_more(data):
    names = data.draw(st.lists(word, max_size=4))
    before = data.draw(
        st.sampled_from(["", "# install.packages(c(\n", 'x <- "install.packages(c("\n'])
    )
    gap, after = (
        data.draw(st.sampled_from(["", " ", "\n  ", " # a\n"])),
        data.draw(st.sampled_from(["", "\n"])),
    )
    quoted = [f"'{name}'" for name in names]
    call = f"install.packages(c({gap}{f',{gap}'.join(quoted)}{gap}))"
    text = before + data.draw(st.sampled_from([call, "library(x)", "", f"{call}; f(1)"])) + after
    new = insert("install.R", text, "r", '"sf"', NOTE)
    assert is_there(text, new)
    code = re.sub(r"#.*", "", new)
    assert code.count('"sf"') == 1
    if call in text:  # in that call, and none is made
        assert re.sub(r"\s", "", code).replace('"sf",', "").replace('"sf"', "") == re.sub(
            r"\s", "", re.sub(r"#.*", "", text)
        )
    else:
        assert 'install.packages("sf")' in code


@pytest.mark.parametrize("text", [
    'install.packages(c("a"), repos = "https://elsewhere.example")\n',
    'install.packages(c("a.tar.gz"), repos = NULL, type = "source")\n',
    'if (!requireNamespace("a")) install.packages(c("a"))\n',
    'if (FALSE) {\n  install.packages(c("a"))\n}\n',
])  # fmt: skip
def test_a_script_of_r_installs_it_in_any_case_and_from_cran(text):
    assert insert("install.R", text, "r", '"sf"') == f'{text}install.packages("sf")\n'
    other = text + 'install.packages(c("b"), Ncpus = 4)\n'
    assert '(c(\n  "sf",\n  "b"), Ncpus' in insert("install.R", other, "r", '"sf"')


@given(data=st.data())
def test_a_project_has_one_package_more(data):
    names = data.draw(st.lists(word, max_size=3, unique=True))
    table = ["[deps]", *(f'{name} = "{UUID}"' for name in names)]
    tables = [table, ["[compat]", 'julia = "1"'], ['name = "x"'], []]
    chosen = data.draw(st.permutations(tables[:2]).map(lambda t: t[: data.draw(st.integers(0, 2))]))
    head = data.draw(st.sampled_from(tables[2:]))
    text = lines(data.draw, [*head, *sum(chosen, [])])
    new = insert("Project.toml", text, "julia", ENTRIES["Project.toml", "julia"], NOTE)
    assert is_there(text, new)
    old = toml.loads(text)
    assert toml.loads(new) == old | {"deps": old.get("deps", {}) | {"CSV": UUID}}


@pytest.mark.parametrize("where", ENTRIES, ids=" ".join)
@given(
    text=st.text()
    | st.text(string.printable)
    | st.text("- :\n\r'\"#[]{}(),=ab\\&*|>c", max_size=40)
)
@example(text="dependencies: [a\n")
@example(text="a \\")
@example(text="dependencies:\n- a\n---\nb: c\n")
@example(text="channels: &a [x]\ndependencies: *a\n")
def test_any_text_has_one_package_more_or_is_refused(where, text):
    """Whatever stands in a file: what the list said is not changed, or nothing is."""
    file, manager = where
    entry = ENTRIES[where]
    try:
        new = insert(file, text, manager, entry, NOTE)
    except Problem as problem:
        assert str(problem).startswith(file) and "; " in str(problem)
        return
    assert is_there(text, new)
    old, found = packages.PARSERS[file](text), packages.PARSERS[file](new)
    assert len(found.packages) + len(found.strings) == len(old.packages) + len(old.strings) + (
        manager != "julia"
    )


def test_a_list_that_cannot_be_read_is_named_with_its_line():
    with pytest.raises(Problem, match=r"^environment.yml:3: .*; then add `geopandas` again$"):
        insert("environment.yml", "dependencies:\n  - a\n - b\n", "conda", "geopandas")
    with pytest.raises(Problem, match=r"^environment.yml has no place .*; write it into the list"):
        insert("environment.yml", "common: &c\n- a\ndependencies: *c\n", "conda", "geopandas")


def test_it_goes_below_the_last_package_and_not_below_what_is_switched_off():
    text = "jq\nzip\n\n# for PDF:\n# pandoc\n"
    assert insert("apt.txt", text, "apt", "graphviz") == text.replace("zip\n", "zip\ngraphviz\n")
