"""image-tests/elsewhere.yml: what of other repositories is fetched, and what is said of a file that is wrong."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from conftest import git
from hub_image.contract import FAIL, PASS
from hub_image.contract import command as test
from hub_image.contract.groups import elsewhere, image_tests
from hub_image.problem import Problem

WRONG = {
    "- repository: [": "image-tests/elsewhere.yml:2: this is not YAML",
    "repository: x": "image-tests/elsewhere.yml:1: this is no list",
    "- repository: https://x/y\n  ref: v1\n  notebook: a.ipynb": "elsewhere.yml:3: `notebook` is none of repository",
    "- repository: https://x/y\n  ref: v1": "elsewhere.yml:1: name `notebooks`",
    "- repository: https://x/y\n  ref: 1.10\n  notebooks: a.ipynb": "elsewhere.yml:2: write `ref` as text",
    "- ref: v1\n  notebooks: a.ipynb": "elsewhere.yml:1: write `repository` as text",
    "- repository: git@x:y\n  ref: v1\n  notebooks: a.ipynb": "elsewhere.yml:1: give the repository's address with https",
    "- repository: https://x/y\n  ref: --upload-pack=x\n  notebooks: a.ipynb": "elsewhere.yml:2: write `ref` as text",
    "- repository: https://x/y\n  ref: v1\n  notebooks: ../a.ipynb": "elsewhere.yml:3: a pattern begins in",
    "- repository: https://x/y\n  ref: v1\n  notebooks: a.ipynb\n  network: 'no'": "elsewhere.yml:4: write `network: true`",
}  # fmt: skip


def notebook(code: str) -> str:
    """A notebook of one cell."""
    cell = {"cell_type": "code", "source": code, "metadata": {}, "outputs": []}
    kernel = {"name": "python3", "display_name": "-", "language": "python"}
    about = {"metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 4}
    return json.dumps({"cells": [cell | {"execution_count": None}], **about})


NEEDS_DATA = "assert open('data.txt').read() == 'x'"
NEEDS_NETWORK = "import os; assert len(os.listdir('/sys/class/net')) > 1, 'no network'"


@pytest.fixture
def course(tmp_path) -> Path:
    """Another repository, with a tag whose notebooks are not those of today."""
    folder = tmp_path / "course"
    (folder / "chapters").mkdir(parents=True)
    (folder / "chapters/data.txt").write_text("x")
    (folder / "chapters/one.ipynb").write_text(notebook(NEEDS_DATA))
    (folder / "chapters/two.ipynb").write_text(notebook(NEEDS_NETWORK))
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message=One")
    git(folder, "tag", "v1")
    git(folder, "rm", "--quiet", "chapters/two.ipynb")
    git(folder, "commit", "--quiet", "--message=Two")
    return folder


def repository(folder: Path, text: str) -> Path:
    """A repository whose owner wrote the file."""
    (folder / "ocean/image-tests").mkdir(parents=True)
    (folder / "ocean" / elsewhere.FILE).write_text(text)
    return folder / "ocean"


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_file_is_one_sentence_with_its_line(text, tmp_path):
    with pytest.raises(Problem) as refused:
        elsewhere.read(repository(tmp_path, text))
    assert WRONG[text] in str(refused.value) and "\n" not in str(refused.value)


def test_one_commit_is_fetched_and_the_pattern_says_what_runs(course, tmp_path):
    text = f"- {{repository: 'file://{course}', ref: v1, notebooks: ['chapters/t*.ipynb', '**/*.ipynb']}}"
    [entry] = elsewhere.read(repository(tmp_path, text))
    found = elsewhere.fetch(entry, tmp_path / "fetched")
    assert found.notebooks == ("chapters/two.ipynb", "chapters/one.ipynb")
    commit = git(course, "rev-parse", "v1").strip()
    assert found.link("chapters/one.ipynb") == f"file://{course}/blob/{commit}/chapters/one.ipynb"


@pytest.mark.parametrize(
    ("ref", "pattern", "says"),
    [
        ("v2", "*.ipynb", "cannot be fetched at v2: it has no such branch or tag"),
        ("v1", "*.ipynb", "has no notebook *.ipynb at v1"),
    ],
)
def test_what_cannot_be_had_is_a_result(course, tmp_path, ref, pattern, says):
    text = f"- {{repository: 'file://{course}', ref: {ref}, notebooks: '{pattern}'}}"
    [check] = image_tests.checks(repository(tmp_path, text), tmp_path / "fetched")
    result = check.result(None)
    assert result.status == FAIL and says in result.detail and "elsewhere.yml:1: " in result.detail


def test_a_host_that_asks_who_it_is_has_no_such_public_repository(tmp_path):
    """As GitHub does for a private repository, and for one that does not exist."""

    class Asks(BaseHTTPRequestHandler):
        def do_GET(self):  # noqa: N802 (as http.server calls it)
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="GitHub"')
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Asks)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/ocean/secret"
    entry = elsewhere.Elsewhere(f"{elsewhere.FILE}:1", address, "main", ("*.ipynb",), network=False)
    with pytest.raises(Problem, match="at main: there is no such repository, or it is private$"):
        elsewhere.fetch(entry, tmp_path / "fetched")
    server.shutdown()
    server.server_close()


@pytest.mark.engine
@pytest.mark.world("notebooks-elsewhere")
def test_notebooks_of_another_repository_run_in_the_image(course, tmp_path, target):
    """Beside their data, with a network only where the file says so."""
    line = f"repository: 'file://{course}', ref: v1"
    text = f"- {{{line}, notebooks: 'chapters/*.ipynb'}}\n- {{{line}, notebooks: '*/two.ipynb', network: true}}\n"
    found = target("python", repository=repository(tmp_path, text))
    results = list(test.contract(found, ["image-tests"]))
    ended = [(result.check.name, result.status) for result in results]
    one, two = "course/chapters/one.ipynb", "course/chapters/two.ipynb"
    assert ended == [(one, PASS), (two, FAIL), (two, PASS)]
    assert results[0].detail.startswith("kernel python3, ") and results[0].detail.endswith(" s")
    assert "no network" in results[1].detail
    assert results[0].check.link.endswith("/chapters/one.ipynb")
