"""Scripts are read as bash reads them: bash is the oracle."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import assume, event, example, given, settings
from hypothesis import strategies as st

from hub_image.syntax import shell
from texts import anything


@given(text=anything)
@example(text="echo {\U000f312b")  # isalnum() of such a character ends the process
def test_any_script_is_read(text: str):
    lines = text.count("\n") + 1
    script = shell.read(text)
    assert all(1 <= command.line <= lines for command in script.commands)
    assert 0 <= script.unread <= lines


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
