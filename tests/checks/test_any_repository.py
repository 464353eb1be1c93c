"""The checks end with whatever stands in a repository, and repair no more than they should."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub_image import checks
from hub_image.checks.rules import notebook_install
from hub_image.lists import packages
from texts import anything


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
