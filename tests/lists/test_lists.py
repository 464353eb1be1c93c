"""What the parsers of package lists do with any text: no crash, no false alarm."""

import string

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hub_image.lists import apt, conda, julia, pip, r
from hub_image.lists.model import Package
from texts import anything

LISTS = {
    name: each.read
    for name, each in {"conda": conda, "pip": pip, "apt": apt, "r": r, "julia": julia}.items()
}


@pytest.mark.parametrize("manager", LISTS)
@given(text=anything)
def test_any_text_is_read(manager: str, text: str):
    package_list = LISTS[manager](text)
    lines = len(text.splitlines()) + 1
    for fault in package_list.faults:
        assert 1 <= fault.line <= lines
        assert "; " in fault.message
    for package in package_list.packages:
        assert 1 <= package.line <= lines
        assert package.admits("1.2.3") in (True, False)


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
    assert not package_list.faults, text
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
        assert not package_list.faults, taken


@given(line=requirement)
def test_pip_refuses_what_pip_refuses(line: str):
    assert pip_takes(line) == (not pip.read(line).faults)


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
    if not package_list.faults:  # a name such as `apt` may make a line look like a command
        assert [package.name for package in package_list.packages] == names
    assert package_list.faults == () or {"apt", "apt-get", "sudo"} & set(names)


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
    assert not r.read(code).faults


@given(code=r_code, bracket=st.sampled_from(["(", "[", "{", ")", "]", "}", '"', "'"]))
def test_r_refuses_one_bracket_more(code: str, bracket: str):
    assert r.read(f"{code}\n{bracket}").faults


@given(deps=st.dictionaries(st.from_regex(r"[A-Z][A-Za-z0-9]{0,8}", fullmatch=True), st.uuids()))
def test_julia_takes_what_pkg_writes(deps: dict):
    lines = [f'{name} = "{uuid}"' for name, uuid in deps.items()]
    compat = [f'{name} = "1.2"' for name in deps]
    text = "\n".join(["[deps]", *lines, "", "[compat]", *compat, 'julia = "1.10"'])
    assert not julia.read(text).faults
