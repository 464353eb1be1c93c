"""What the parsers of package lists do with any text: no crash, no false alarm."""

import json
import re
import shlex
import string
import subprocess
from pathlib import Path

import dockerfile as buildkit
import pytest
import yaml
from hypothesis import HealthCheck, assume, event, example, given, settings
from hypothesis import strategies as st

from hub_image import checks
from hub_image.checks.rules import notebook_install
from hub_image.lists import apt, conda, julia, packages, pip, r
from hub_image.lists.model import Package
from hub_image.syntax import dockerfile, shell

settings.register_profile(
    "checks", max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("checks")

CORPUS = [
    case
    for path in sorted((Path(__file__).parent / "corpus").glob("*.yml"))
    for case in yaml.safe_load(path.read_text(encoding="utf-8"))
]
REAL = sorted({text for case in CORPUS for text in case.get("files", {}).values()})
LISTS = {
    name: each.read
    for name, each in {"conda": conda, "pip": pip, "apt": apt, "r": r, "julia": julia}.items()
}


@st.composite
def spoiled(draw: st.DrawFn) -> str:
    """Return a file of the corpus with a piece taken out and something else put in."""
    text = draw(st.sampled_from(REAL))
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, min(len(text), start + 8)))
    new = draw(st.text(max_size=4) | st.text("'\"`[](){}:#\\\n\r\t-=<>!%&*|@,;$ ", max_size=4))
    return text[:start] + new + text[end:]


anything = st.text() | st.text(string.printable) | spoiled()


@pytest.mark.parametrize("manager", LISTS)
@given(text=anything)
def test_any_text_is_read(manager: str, text: str):
    package_list = LISTS[manager](text)
    lines = len(text.splitlines()) + 1
    for problem in package_list.problems:
        assert 1 <= problem.line <= lines
        assert "; " in problem.message
    for package in package_list.packages:
        assert 1 <= package.line <= lines
        assert package.admits("1.2.3") in (True, False)


@given(text=anything)
@example(text="echo {\U000f312b")  # isalnum() of such a character ends the process
def test_any_script_is_read(text: str):
    lines = text.count("\n") + 1
    script = shell.read(text)
    assert all(1 <= command.line <= lines for command in script.commands)
    assert 0 <= script.unread <= lines
    for _ in dockerfile.instructions(text):
        pass


@settings(max_examples=60)
@given(data=st.data())
def test_any_repository_is_read(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject):
    """Whatever bytes stand in the files that are read, the checks end and name a line."""
    repository = tmp_path_factory.mktemp("any")
    names = [
        *packages.PARSERS,
        "Dockerfile",
        "preBuild",
        "postBuild",
        "postBuildRoot",
        "a.ipynb",
        "hub/profile.yaml",
    ]
    names += [".github/image.env", ".copier-answers.yml"]
    for name in data.draw(st.sets(st.sampled_from(names), min_size=1, max_size=5)):
        (repository / name).parent.mkdir(exist_ok=True)
        content = data.draw(
            st.binary() | anything.map(lambda t: t.encode("utf-8", "surrogateescape"))
        )
        (repository / name).write_bytes(content)
    checks.fix(repository, checks.run(repository))
    for finding in checks.run(repository):
        assert finding.line >= 1 and len(str(finding).splitlines()) == 1


# bash: bash is the oracle -------------------------------------------------------------------------

# What is written, and what a command is given.
WORDS = {
    "a": "a", "'b  c'": "b  c", '"d\'e"': "d'e", r'"\"\\\$"': '"\\$', r"$'it\'s\n\x41'": "it's\nA", r"f\ g": "f g",
    "h#i": "h#i", "''": "", "k\\\nl": "kl", "$((1 << 3))": "8", r"${u:-it\'s}": "it's", '"${u:-}"': "",
    '$"m n"': "m n", "--o=p": "--o=p", "'<<E'": "<<E", "'#'": "#", "\\;": ";", '"`x0`"': "",
}  # fmt: skip
BODIES = ["", "it's\n", "$(x0 a)\n", "$((1+2))\n", '"\n', ")\n"]
TAILS = [
    "",
    "; x1 b",
    " | x1 b",
    " && x1 b",
    " >/dev/null",
    " 2>&1 | x1 b",
    " >/dev/null; x1",
    " c",
]

plain = st.lists(st.sampled_from(sorted(WORDS)), max_size=3).map(lambda w: " ".join(["A=1 x0", *w]))
documented = st.builds(
    "x2 {}{}\n{}E".format,
    st.sampled_from(["<<'E'", "<<E", '<<"E"', "<<-E", "<< E"]),
    st.sampled_from(TAILS),
    st.sampled_from(BODIES),
)
statement = st.recursive(
    plain | documented,
    lambda inner: st.one_of(
        *(
            st.builds(form.format, inner)
            for form in (
                'x3 "$(\n{}\n)" z', "x4 $(\n{}\n)", "( {}\n)", "{{ {}\n}} 2>&1", "! x7 || {}",
                "if {}\nthen x5\nfi", "for f in 1; do {}\ndone >/dev/null", "f() {{ {}\n}}\nf",
                "B=$(\n{}\n) x6 # it's",
            )
        ),
        st.builds("{}\n{}".format, inner, inner),
        st.builds("{} | {{ {}\n}}".format, plain, inner),
        st.builds("{} && {}".format, plain, inner),
    ),
    max_leaves=5,
)  # fmt: skip
# No command is one that bash finds, so it writes down what each was given.
STUB = """command_not_found_handle() { local said; printf -v said '%q ' "$@"; echo "$said" >&9; }
PATH=/nowhere
"""


def run_by_bash(script: str, folder: Path) -> list[list[str]]:
    """Return the commands that bash runs, each with its words."""
    said = folder / "said"
    with said.open("wb") as file:
        done = subprocess.run(
            ["bash", "-c", f"exec 9>>{shlex.quote(str(said))}\n{STUB}{script}"],
            stdout=file,
            stderr=subprocess.PIPE,
        )
    assume(b"syntax error" not in done.stderr)  # bash 5.2 misreads some `$(a || b <<E && c)` itself
    return [shlex.split(unquoted(line)) for line in said.read_text().splitlines()]


def unquoted(line: str) -> str:
    """Return what `%q` wrote with $'...' as shlex reads it."""
    return re.sub(
        r"\$'((?:[^'\\]|\\.)*)'",
        lambda m: shlex.quote(m[1].encode().decode("unicode_escape")),
        line,
    )


def given_words(words: tuple[str, ...]) -> list[str]:
    """Return the words with the values of expansions in place of these."""
    found = []
    for word in words:
        if word.startswith("$(\n"):
            found += [""] if words[0] == "x3" else []  # in quotes there
        elif word.startswith(("$((", "${", "`")):
            found.append({w.strip('"'): value for w, value in WORDS.items()}[word])
        else:
            found.append(word)
    return found


@settings(max_examples=100)
@given(script=statement)
def test_shell_is_what_bash_runs(tmp_path_factory: pytest.TempPathFactory, script: str):
    """The commands of a script are the ones that bash runs; or its first lines are, and it says so."""
    wanted = sorted(run_by_bash(script, tmp_path_factory.mktemp("bash")))
    read = shell.read(script)
    found = sorted(given_words(c.words) for c in read.commands if c.words[:1] not in ((), ("f",)))
    event(f"unread: {bool(read.unread)}")
    if read.unread:
        assert all(found.count(words) <= wanted.count(words) for words in found)
    else:
        assert found == wanted


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ('a "$(b c)" d', ["a $(b c) d", "b c"]),
        ('a "$(cat <<E\nit\'s\nE\n)" b\nc', ["a $(cat <<E\nit's\nE\n) b", "cat", "c"]),
        (r"a $'it\'s' b; c", ["a it's b", "c"]),
        (r"a ${x:-it\'s} b; c", [r"a ${x:-it\'s} b", "c"]),
        ("a $((1 << 3)) b\nc", ["a $((1 << 3)) b", "c"]),
        ("cat <<E >f; b\nit's\nE\nc", ["cat > f", "b", "c"]),
        ("cat <<A <<B\nx\nA\ny\nB\nc", ["cat", "c"]),
        ("a <<E; b\n$(c)\nE\nd", ["a", "b", "c", "d"]),
        ("<<E cat >~/x\nb\nE\nc", ["cat > ~/x", "c"]),
        ("a && b >>f 2>&1 | c &>g", ["a", "b >> f", "c > g"]),
        ("{ a; } >f; if b; then c; fi", [" > f", "a", "b", "c"]),
        ("a >f b", ["a b > f"]),
        ("[ -e a ] || export B=$(c) D='e f'", ["[ -e a ]", "export B=$(c) D=e f", "c"]),
    ],
)
def test_shell_reads(script: str, found: list[str]):
    read = shell.read(script)
    assert not read.unread
    said = [" ".join([*c.words, *(part for w in c.writes for part in w)]) for c in read.commands]
    assert said == [one.removeprefix(" ") for one in found]


@pytest.mark.parametrize("open_end", ["b '", 'b "$(c', "b <<E\nc", "if b; then\nc", "b `c` ` d`"])
def test_shell_says_where_it_ends(open_end: str):
    """What stands before is read; of the rest nothing is said."""
    read = shell.read(f"a 1\n{open_end}")
    assert [command.words for command in read.commands] == [("a", "1")]
    assert read.unread >= 2


# Dockerfile: BuildKit's own parser is the oracle ------------------------------------------------

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


# conda: py-rattler is the oracle ----------------------------------------------------------------

name = st.from_regex(r"[a-z_][a-z0-9_.-]{0,12}[a-z0-9]", fullmatch=True)
version = st.from_regex(r"[0-9]{1,4}(\.[0-9]{1,3}){0,3}((a|b|rc)[0-9])?", fullmatch=True)
condition = st.builds(
    "{}{}".format, st.sampled_from(["=", "==", ">=", "<=", ">", "<", "!=", "~=", " ", ""]), version
)
match_spec = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(["", "conda-forge::", "bioconda::"]),
    name,
    st.sampled_from(["", " "]),
    st.lists(condition, max_size=3).map(",".join) | condition.map(lambda c: f"{c}.*"),
    st.sampled_from(["", "=py312_0", " *_cpython", "[build=*mpi*]", "[channel=conda-forge]"]),
)


@given(specs=st.lists(match_spec | st.text(string.printable, min_size=1, max_size=12), max_size=5))
def test_conda_takes_what_rattler_takes(specs: list[str]):
    from rattler import MatchSpec
    from rattler.exceptions import InvalidMatchSpecError

    def taken(spec: str) -> bool:
        try:
            MatchSpec(spec, strict=True)
        except InvalidMatchSpecError:
            return False
        return True

    good = [spec for spec in specs if taken(spec)]
    text = yaml.safe_dump({"channels": ["conda-forge"], "dependencies": good}, allow_unicode=True)
    package_list = conda.read(text)
    assert not package_list.problems, text
    assert len(package_list.packages) == len(good)


@given(spec=match_spec)
def test_conda_refuses_what_rattler_refuses(spec: str):
    from rattler import MatchSpec
    from rattler.exceptions import InvalidMatchSpecError

    try:
        MatchSpec(spec)
    except InvalidMatchSpecError:
        with pytest.raises(ValueError):
            conda.match_spec(spec)


@given(pinned=version, other=version)
def test_conda_pins_mean_what_rattler_says(pinned: str, other: str):
    from rattler import Version

    admits = conda.match_spec(f"python>={pinned}").admits
    assert admits(other) == (Version(other) >= Version(pinned))


@pytest.mark.parametrize("package", [conda.match_spec("a>1"), pip.read("a>1").packages[0]])
def test_what_is_no_version_is_not_admitted(package: Package):
    assert package.admits("2.0") and not package.admits("3 13")


# pip: its own reader, which is not a public interface, is the oracle -----------------------------

requirement = st.builds(
    "{}{}{}{}{}".format,
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,10}[A-Za-z0-9]", fullmatch=True),
    st.sampled_from(["", "[extra]", "[a,b]", " [a]"]),
    st.sampled_from(["", " "]),
    st.lists(condition, max_size=3).map(", ".join)
    | st.sampled_from(["==1.*", ">=1.*", "@ https://a.b/c.whl"]),
    st.sampled_from(
        [
            "",
            '; python_version < "3.12"',
            " # why",
            " --hash=sha256:aa",
            ";sys_platform=='x'",
            " \\",
        ]
    ),
)
address = st.builds(
    "{}{}{}".format,
    st.sampled_from(
        ["git+https://", "git+ssh://git@", "https://", "hg+http://", "-e git+https://", "file:///"]
    ),
    st.sampled_from(
        ["github.com/a/b", "example.org/b-1.0.tar.gz", "example.org/b-1.0-py3-none-any.whl"]
    ),
    st.sampled_from(["", "@v1", "#egg=b", "@main#egg=b&subdirectory=c", "#subdirectory=c"]),
)
option = st.sampled_from(
    ["--pre", "-i https://a.b/simple", "--extra-index-url=https://a.b", "-c c.txt"]
)
lines_of_pip = st.lists(
    requirement | address | option | st.sampled_from(["", "# note", "  # note"]), max_size=4
)


@given(lines=lines_of_pip, end=st.sampled_from(["\n", "\r\n"]))
def test_pip_takes_what_pip_takes(lines: list[str], end: str):
    pytest.importorskip("pip._internal.req.req_file")
    taken = [line for line in lines if pip_takes(line)]
    package_list = pip.read(end.join(taken) + end)
    if not any(line.endswith("\\") for line in taken):
        assert not package_list.problems, taken


@given(line=requirement)
def test_pip_refuses_what_pip_refuses(line: str):
    assert pip_takes(line) == (not pip.read(line).problems)


def pip_takes(line: str) -> bool:
    """Tell whether pip's own reader of requirements files takes a line."""
    from optparse import Values

    from pip._internal.exceptions import InstallationError
    from pip._internal.req import req_file
    from pip._internal.req.constructors import install_req_from_editable, install_req_from_line

    parser = req_file.get_line_parser(None)
    try:
        for _, text in req_file.preprocess(line):
            said, options = parser(text)
            assert isinstance(options, Values)
            if options.editables:
                install_req_from_editable(options.editables[0])
            elif said:
                install_req_from_line(said)
    except (InstallationError, req_file.OptionParsingError):
        return False
    return True


# The others -------------------------------------------------------------------------------------

debian_name = st.from_regex(r"[a-z0-9][a-z0-9+.-]{1,12}", fullmatch=True)


@given(names=st.lists(debian_name), data=st.data())
def test_apt_takes_every_debian_name(names: list[str], data: st.DataObject):
    ends = st.sampled_from([" ", "\n", "\r\n", "  # note\n", "\t", "\n\n# note\n"])
    text = "".join(f"{name}{data.draw(ends)}" for name in names)
    package_list = apt.read(text)
    if not package_list.problems:  # a name such as `apt` may make a line look like a command
        assert [package.name for package in package_list.packages] == names
    assert package_list.problems == () or {"apt", "apt-get", "sudo"} & set(names)


r_code = st.recursive(
    st.sampled_from(
        ["x", "1", '"a ( b"', "'[', \"'\"", "`{`", 'r"(a " b)"', "y %in% z", "# (\n1", "f(x)[[1]]"]
    ),
    lambda inner: (
        st.builds("c({}, {})".format, inner, inner)
        | st.builds("f({}[{}, ])".format, inner, inner)
        | st.builds("{{\n{}; {} }}".format, inner, inner)
    ),
    max_leaves=8,
)


@given(code=r_code)
def test_r_takes_balanced_code(code: str):
    assert not r.read(code).problems


@given(code=r_code, bracket=st.sampled_from(["(", "[", "{", ")", "]", "}", '"', "'"]))
def test_r_refuses_one_bracket_more(code: str, bracket: str):
    assert r.read(f"{code}\n{bracket}").problems


@given(deps=st.dictionaries(st.from_regex(r"[A-Z][A-Za-z0-9]{0,8}", fullmatch=True), st.uuids()))
def test_julia_takes_what_pkg_writes(deps: dict):
    lines = [f'{name} = "{uuid}"' for name, uuid in deps.items()]
    compat = [f'{name} = "1.2"' for name in deps]
    text = "\n".join(["[deps]", *lines, "", "[compat]", *compat, 'julia = "1.10"'])
    assert not julia.read(text).problems


source_line = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    [
        "!pip install a\n",
        "%pip install b\n",
        "  !conda install c -y\n",
        "x = 1\n",
        '!pip install "é"\n',
    ]
)
cell = st.fixed_dictionaries(
    {
        "cell_type": st.sampled_from(["code", "markdown"]),
        "outputs": st.lists(source_line, max_size=2),
        "source": st.lists(source_line, max_size=4)
        | st.lists(source_line, max_size=4).map("".join),
    }
)


@given(
    cells=st.lists(cell, max_size=4), indent=st.sampled_from([None, 1]), ascii_only=st.booleans()
)
def test_notebook_is_repaired_where_it_is_wrong(
    tmp_path_factory: pytest.TempPathFactory, cells: list, indent: int | None, ascii_only: bool
):
    """After the repair, nothing but the signs of installs in code cells is another."""
    repository = tmp_path_factory.mktemp("notebook")
    path = repository / "a.ipynb"
    path.write_text(
        json.dumps({"cells": cells, "metadata": {}}, indent=indent, ensure_ascii=ascii_only),
        "utf-8",
    )
    lines = path.read_text("utf-8").split("\n")
    findings = list(notebook_install.check(repository))
    for finding in findings:
        assert "install" in lines[finding.line - 1]
    fixed = checks.fix(repository, findings)
    after = json.loads(path.read_text("utf-8"))["cells"]
    assert len(fixed) == sum(finding.edit is not None for finding in findings)
    changed = []
    for old, new in zip(cells, after, strict=True):
        if old["cell_type"] == "markdown":
            assert old == new
        assert old["outputs"] == new["outputs"]
        pairs = zip("".join(old["source"]), "".join(new["source"]), strict=True)
        changed += [pair for pair in pairs if pair[0] != pair[1]]
    assert changed == [("!", "%")] * len(fixed)
