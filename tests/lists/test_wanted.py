"""`hub-image add`: which package is meant, whether it is there, and what a terminal says.

The indexes are a stand-in that knows a few names. What each answers for a package and for none is 200 and 404, as
https://docs.pypi.org/api/json/ says for PyPI; for anaconda.org, CRAN, the General registry of Julia and Open VSX this is
what a file or a page that is not there gives, and nothing here proves that they still have these addresses.
"""

from __future__ import annotations

import re
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hub_image.__main__ import main
from hub_image.lists import indexes, installed
from hub_image.repository import image_env

UUID = "336ed68f-0bac-5ca0-87d4-7b16caf5d00b"
KNOWN = {
    "/package/conda-forge/geopandas",
    "/package/conda-forge/arrow",
    "/package/bioconda/samtools",
    "/package/conda-forge/scikit-learn",
    "/package/conda-forge/typing_extensions",
    "/package/conda-forge/pytorch",
    "/package/conda-forge/cv2",
    "/pypi/scikit-learn/json",
    "/pypi/geopandas/json",
    "/pypi/geodatasets/json",
    "/pypi/graphviz/json",
    "/pypi/plumber/json",
    "/pypi/arrow/json",
    "/cran/sf",
    "/cran/plumber",
    "/cran/arrow",
    "/julia/C/CSV",
    "/vsx/redhat/vscode-yaml",
}


@pytest.fixture
def asked(monkeypatch):
    """Indexes at an address of this machine; what they are asked for, in order. `away` in a name is a server in trouble."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            paths.append(self.path)
            code = 503 if "away" in self.path else 200 if self.path in KNOWN else 404
            self.send_response(code)
            self.end_headers()
            self.wfile.write(f'name = "CSV"\nuuid = "{UUID}"\n'.encode())
            assert self.headers["User-Agent"].startswith("hub-image/")

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    here = f"http://127.0.0.1:{server.server_port}"
    addresses = {
        "conda": "/package/{channel}/{name}",
        "pip": "/pypi/{name}/json",
        "r": "/cran/{name}",
        "julia": "/julia/{initial}/{name}",
        "vscode": "/vsx/{publisher}/{extension}",
    }
    for manager, path in addresses.items():
        monkeypatch.setitem(indexes.ADDRESSES, manager, here + path)
    yield paths
    server.shutdown()
    server.server_close()


ALL = {"languages": ["r", "julia"], "interfaces": ["vscode"], "base": "jupyter-datascience"}


@pytest.fixture
def repository(render, tmp_path, monkeypatch):
    """Make a repository of answers, and go there."""

    def made(**answers: object) -> Path:
        folder = tmp_path / "ocean"
        shutil.copytree(render(**answers), folder)
        monkeypatch.chdir(folder)
        return folder

    return made


WHY = ["--why", "GEOG 101", "--until", "2999-06", "--issue", "12"]
NOTE = "  # #12: GEOG 101, until 2999-06"


def changed(before: dict[str, bytes], folder: Path) -> dict[str, str]:
    """The lines that are new, by file; nothing else may have changed."""
    found = {}
    for name, data in contents(folder).items():
        old, new = before.get(name, b"").decode().splitlines(), data.decode().splitlines()
        if old != new:
            assert [line for line in new if line in old] == old
            found[name] = "\n".join(line for line in new if line not in old)
    return found


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize(
    ("answers", "words", "file", "line"),
    [
        ({}, "geopandas", "environment.yml", f"  - geopandas{NOTE}"),
        ({}, "geopandas>=1,<2", "environment.yml", f"  - geopandas>=1,<2{NOTE}"),
        ({}, "geodatasets", "environment.yml", f"  - pip:\n      - geodatasets{NOTE}"),
        ({}, "geopandas --from pip", "environment.yml", f"  - pip:\n      - geopandas{NOTE}"),
        ({}, "graphviz --from apt", "apt.txt", f"graphviz{NOTE}"),
        ({"package_manager": "pip"}, "geodatasets", "requirements.txt", f"geodatasets{NOTE}"),
        (ALL, "sf", "install.R", f'  "sf",{NOTE}'),
        (ALL, "arrow --from r", "install.R", f'  "arrow",{NOTE}'),
        (ALL, "CSV.jl", "Project.toml", f'CSV = "{UUID}"{NOTE}'),
        (ALL, "redhat.vscode-yaml", "vscode-extensions.txt", f"redhat.vscode-yaml{NOTE}"),
        ({}, "scikit_learn>=1", "environment.yml", f"  - scikit-learn>=1{NOTE}"),
        ({}, "typing_extensions", "environment.yml", f"  - typing_extensions{NOTE}"),
        ({}, "pytorch", "environment.yml", f"  - pytorch{NOTE}"),
        ({}, "cv2 --from conda --anyway", "environment.yml", f"  - cv2{NOTE}"),
        ({}, "nosuch --anyway", "environment.yml", f"  - nosuch{NOTE}"),
        ({}, "away --anyway", "environment.yml", f"  - away{NOTE}"),
    ],
    ids=str,
)
def test_it_goes_into_its_list(answers, words, file, line, asked, repository, capsys):
    folder = repository(**answers)
    before = contents(folder)
    assert main(["add", *words.split(), *WHY]) == 0
    assert changed(before, folder) == {file: line}
    assert capsys.readouterr().out.startswith(f"{file}: ")


@pytest.mark.parametrize(
    ("answers", "words", "sentence"),
    [
        ({}, "nosuch", "there is no package `nosuch` in conda's channels, PyPI; check its name"),
        ({}, "geopandas nosuch", "there is no package `nosuch`"),
        ({}, "no_such", "there is no package `no_such` in conda's channels, PyPI; check its name"),
        ({}, "cv2", "there is something else under `cv2` in conda's channels; write `opencv`"),
        ({"package_manager": "pip"}, "pytorch", "there is nothing under `pytorch` in PyPI; write `torch`"),
        ({}, "away", "nobody could tell whether there is a package `away`: 127.0.0.1 does not answer (503"),
        (ALL, "plumber", "PyPI and CRAN have a package `plumber`; say which with --from pip or --from r"),
        (ALL, "arrow", "conda's channels and CRAN have a package `arrow`; say which with --from conda or --from r"),
        (ALL, "away --anyway", "nobody could tell whether there is a package `away`"),
        (ALL, "Nosuch --from julia --anyway", "Julia's General registry does not have Nosuch, so nobody knows its UUID"),
        ({}, "sf --from r", "this image has no R; change the answer to languages first"),
        ({}, "a.b --from vscode", "this image has no VS Code; change the answer to interfaces first"),
        ({"package_manager": "pip"}, "x --from conda", "this image has its Python packages from PyPI, and no conda"),
        ({}, "$(touch-x)", "`$(touch-x)` names no package; write `name`, `name=1.2` or `name>=1.2,<2`"),
        ({}, "Graphviz --from apt", "`Graphviz` names no package; write the lower-case name"),
        ({}, "geopandas no/such", "no/such is not a folder; name the repository's"),
        ({}, ".", "no package is named"),
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_added_is_one_sentence(answers, words, sentence, asked, repository, capsys):
    folder = repository(**answers)
    before = contents(folder)
    assert main(["add", *words.split(), *WHY]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"hub-image: {sentence}") and said.count("\n") == 1
    assert not changed(before, folder)


def test_a_package_of_a_list_is_not_added_again(asked, repository, capsys):
    folder = repository(**ALL)
    (folder / "environment.yml").write_text(
        "dependencies:\n  - Scikit.learn>=1\n  - pip:\n    - a\n"
    )
    before = contents(folder)
    assert main(["add", "scikit_learn", "A", "praise", "DataFrames", *WHY]) == 0
    said = capsys.readouterr().out
    for there in ("environment.yml:2 has scikit_learn", "environment.yml:4 has a"):
        assert f"{there} already." in said
    for there in (r"install\.R:\d+ has praise", r"Project\.toml:\d+ has DataFrames"):
        assert re.search(rf"{there} already\.", said)
    assert not changed(before, folder) and not asked


def test_a_package_of_a_lock_or_an_image_is_there_by_way_of_another(
    asked, repository, capsys, monkeypatch
):
    folder = repository(**ALL)
    (folder / "lock").mkdir()
    address = "https://conda.anaconda.org/conda-forge/noarch/shapely-base-2.0.1-pyhd8_0.conda"
    (folder / "lock/conda-x86_64.txt").write_text(f"# For x\n@EXPLICIT\n{address}#0a1b\n")
    (folder / "lock/pip-x86_64.txt").write_text("Click==8.1 \\\n    --hash=sha256:00\n")
    (folder / "Manifest.toml").write_text('[[deps.Parsers]]\nversion = "2.8"\n')
    monkeypatch.setattr(
        installed, "packages", lambda image: {("R", "sf"): "1.0", ("conda", "numpy"): "2.3"}
    )
    before = contents(folder)
    words = ["shapely_base", "click", "Parsers", "sf", "numpy"]
    assert main(["add", *words, "--image", "x", *WHY]) == 0
    said = capsys.readouterr().out.splitlines()
    there = "is there already, by way of another package, as"
    assert said[0].startswith(f"shapely_base 2.0.1 {there} lock/conda-x86_64.txt says.")
    assert said[1].startswith(f"click 8.1 {there} lock/pip-x86_64.txt says.")
    assert said[2].startswith(f"Parsers 2.8 {there} Manifest.toml says.")
    assert said[3].startswith(f"sf 1.0 {there} the image says.")
    assert said[4].startswith(f"numpy 2.3 {there} the image says.")
    assert not changed(before, folder) and not asked
    assert main(["add", "sf", "--image", "x", "--anyway", *WHY]) == 0
    assert changed(before, folder) == {"install.R": f'  "sf",{NOTE}'}


def test_one_package_has_two_names_and_two_packages_have_one(asked, repository, capsys):
    folder = repository()
    (folder / "environment.yml").write_text("dependencies: [pytorch, graphviz]\n")
    before = contents(folder)
    assert main(["add", "torch", "--from", "pip", *WHY]) == 0
    assert capsys.readouterr().out == "environment.yml:1 has torch already.\n"
    assert not changed(before, folder)
    assert main(["add", "graphviz", "--from", "pip", *WHY]) == 0
    assert f"{{pip: [\n  graphviz{NOTE}\n  ]}}" in (folder / "environment.yml").read_text()


def test_another_version_or_more_of_it_than_there_is(asked, repository, capsys, monkeypatch):
    """What a list has otherwise is changed there; what only an image has otherwise is added."""
    folder = repository()
    (folder / "environment.yml").write_text("dependencies:\n  - xarray<1\n  - dask\n  - pip: [geopandas]\n")  # fmt: skip
    monkeypatch.setattr(installed, "packages", lambda image: {("conda", "arrow"): "1.3", ("pip", "geopandas"): "1.0"})  # fmt: skip
    before = contents(folder)

    def add(word: str) -> tuple[int, str]:
        code = main(["add", word, "--image", "x", *WHY])
        return code, "".join(capsys.readouterr())

    change = "hub-image: environment.yml:{} has `{}` already; write `{}` there instead\n"
    assert add("xarray>=1") == (2, change.format(2, "xarray<1", "xarray>=1"))
    assert add("dask[complete]") == (2, change.format(3, "dask", "dask[complete]"))
    for word, place in {"xarray<1": 2, "xarray": 2, "geopandas>=1": 4}.items():
        assert f"environment.yml:{place} has" in add(word)[1]
    assert "arrow 1.3 is there already" in add("arrow>=1")[1]
    assert not changed(before, folder)
    assert add("arrow>=2")[0] == 0
    assert changed(before, folder) == {"environment.yml": f"  - arrow>=2{NOTE}"}


def test_a_list_that_the_image_does_not_read_has_nothing(asked, repository):
    folder = repository()
    for name in ("requirements.txt", "environment.yaml", "install.R"):
        (folder / name).write_text("# geopandas\n" if name == "install.R" else "dependencies: [geopandas]\n" if "yaml" in name else "geopandas\n")  # fmt: skip
    before = contents(folder)
    assert main(["add", "geopandas", *WHY]) == 0
    assert changed(before, folder) == {"environment.yml": f"  - geopandas{NOTE}"}


@pytest.mark.parametrize(("file", "line"), [
    ("environment.yml", "  - r-sf>=1\n"),
    ("install.R", 'remotes::install_github("r-spatial/sf@main")\n'),
    ("install.R", 'pak::pak("SF")\n'),
    ("install.R", 'install.packages("https://cran.r-project.org/src/contrib/Archive/sf/sf_1.0.tar.gz", repos = NULL)\n'),
])  # fmt: skip
def test_a_package_of_r_has_other_names(file, line, asked, repository, capsys):
    folder = repository(**ALL)
    with (folder / file).open("a") as text:
        text.write(line)
    before = contents(folder)
    assert main(["add", "sf", *WHY]) == 0
    assert re.search(rf"{re.escape(file)}:\d+ has sf already\.", capsys.readouterr().out)
    assert not changed(before, folder)


def test_channels_of_the_list_are_asked(asked, repository):
    folder = repository()
    text = "channels: [bioconda/label/main, nodefaults, https://example.org/x]\ndependencies: []\n"
    (folder / "environment.yml").write_text(text)
    assert main(["add", "samtools", "conda-forge::geopandas", *WHY]) == 0
    assert asked == ["/package/bioconda/samtools", "/package/conda-forge/geopandas"]


def test_a_list_that_is_not_there_is_made(asked, repository):
    folder = repository(**ALL)
    for name in ("environment.yml", "apt.txt", "install.R", "Project.toml"):
        (folder / name).unlink()
    for words in (["geopandas"], ["zip", "--from", "apt"], ["sf"], ["CSV"]):
        assert main(["add", *words, *WHY]) == 0
    assert (folder / "environment.yml").read_text() == (
        f"channels:\n  - conda-forge\n  - nodefaults\ndependencies:\n  - geopandas{NOTE}\n"
    )
    assert (folder / "install.R").read_text() == f'install.packages("sf"){NOTE}\n'
    assert (folder / "Project.toml").read_text() == f'[deps]\nCSV = "{UUID}"{NOTE}\n'


def test_the_repository_may_be_named_and_a_byte_order_mark_stays(asked, repository, monkeypatch):
    folder = repository()
    monkeypatch.chdir(folder.parent)
    data = b"\xef\xbb\xbfdependencies:\r\n- numpy\r\n"
    (folder / "environment.yml").write_bytes(data)
    assert main(["add", "geopandas", "./ocean", *WHY]) == 0
    assert (folder / "environment.yml").read_bytes() == data + f"- geopandas{NOTE}\r\n".encode()


def test_all_that_is_known_of_a_repository_is_in_its_answers(render):
    answers = image_env.read(render(**ALL))
    assert answers.languages == ("python", "r", "julia")


@pytest.mark.network
def test_pypi_knows_its_packages():
    """The real one, of which the stand-in says what it answers."""
    assert indexes.has("pip", "geopandas")
    assert not indexes.has("pip", "no-such-package-as-this-one-0a1b2c")
