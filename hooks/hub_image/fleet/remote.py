"""A repository on GitHub, asked with three requests: for its files, for what waits there, and for its last proof.

Its files come as the archive that GitHub makes, which is read while it comes and left as soon as the last of the few that
count is there. So a repository that makes no image costs some kilobytes whatever it holds, nothing is written to disk but
those files, and no git is needed. A clone would be a program for each repository, and three requests of its own.
"""

from __future__ import annotations

import http.client
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hub_image.fleet import made
from hub_image.fleet.asking import Asking
from hub_image.fleet.model import Need, Proof, Row, Waiting, Weight
from hub_image.fleet.sources import Source
from hub_image.problem import Problem
from hub_image.repository import image_env
from hub_image.tools import github

LARGEST = 2_000_000  # bytes of a file that is read
MOST = 100_000_000  # bytes of an archive that are read, compressed; unpacked ten times as many
LAST = max(name.encode() for name in made.FILES)  # archives are in the order of bytes


class TooLarge(Problem):
    """What counts does not come soon enough in the archive of a repository."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} has more than {MOST // 1_000_000} MB before its lists; clone it, and name the folder"
        )


def read(asking: Asking, source: Source) -> Row | None:
    """Return the row of a repository, or None where it makes no image of ours.

    What GitHub does not tell is a need of the row. Raises Problem where it gives no files.
    """
    page = f"{asking.server}/{source.name}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path, data in _files(asking, source).items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_bytes(data)
        if not (folder / image_env.FILE).is_file():
            return None
        row = made.row(folder, source.name, source.name.partition("/")[0], page)
    found: dict[str, Any] = {}
    needs = list(row.needs)
    for what, ask in {"waiting": _waiting, "proof": _proof}.items():
        try:
            found[what] = ask(asking, source)
        except Problem as problem:
            needs.append(Need(Weight.UNKNOWN, str(problem).rstrip(".")))
    return Row(**{**vars(row), **found, "needs": tuple(needs)})


def _files(asking: Asking, source: Source) -> dict[str, bytes]:
    """The files of the default branch that count, by their paths.

    https://docs.github.com/en/rest/repos/contents#download-a-repository-archive-tar
    """
    path = f"/repos/{source.name}/tarball/{quote(source.branch, safe='')}"
    found: dict[str, bytes]
    try:
        found = asking.get(path, take=lambda answer: unpack(answer, source.name))
    except github.Refused as problem:
        if problem.status == 400:  # it is empty: https://github.com/github/docs/issues/11512
            return {}
        if problem.status == 404:
            raise Problem(
                f"GitHub does not give the files of {source.name}; let the token read its contents"
            ) from None
        raise
    return found


def unpack(answer: http.client.HTTPResponse, name: str) -> dict[str, bytes]:
    """Return the files that count of an archive, read as far as it takes. Raises ValueError for a broken one, and
    TooLarge."""
    found = {}
    try:
        limited: Any = _Limited(answer, name)  # `read` is all that a stream needs
        with tarfile.open(fileobj=limited, mode="r|gz") as archive:
            for member in archive:
                _, _, path = member.name.partition("/")  # the folder has the commit in its name
                if path in made.FILES and member.isfile() and member.size <= LARGEST:
                    file = archive.extractfile(member)
                    found[path] = file.read() if file else b""
                if _is_over(path, found):
                    break
                if member.offset_data + member.size > 10 * MOST:
                    raise TooLarge(name)
    except (tarfile.TarError, zlib.error, EOFError) as error:
        raise ValueError(f"its archive is broken ({error})") from error
    return found


def _is_over(path: str, found: dict[str, bytes]) -> bool:
    """Whether nothing that counts can come after a path, in the order in which git keeps names."""
    at = path.encode()
    return at > LAST or (at > image_env.FILE.encode() and image_env.FILE not in found)


class _Limited:
    """An answer of which no more than MOST bytes are read."""

    def __init__(self, answer: http.client.HTTPResponse, name: str) -> None:
        self.answer, self.name, self.left = answer, name, MOST

    def read(self, size: int) -> bytes:
        """Read on. Raises TooLarge."""
        data = self.answer.read(size)
        self.left -= len(data)
        if self.left < 0:
            raise TooLarge(self.name)
        return data


def _waiting(asking: Asking, source: Source) -> tuple[Waiting, ...]:
    """What the bot has open, the last changed first; of more than a hundred issues and pull requests those.

    https://docs.github.com/en/rest/issues/issues#list-repository-issues
    """
    path = f"/repos/{source.name}/issues?state=open&sort=updated&per_page=100"
    return tuple(_marked(asking.get(path)))


def _marked(entries: list[dict[str, Any]]) -> Iterator[Waiting]:
    for entry in entries:
        if kind := github.marked(entry):
            is_pull = "pull_request" in entry
            yield Waiting(kind, str(entry["title"]), is_pull, str(entry["html_url"]))


def _proof(asking: Asking, source: Source) -> Proof | None:
    """The last run of image.yml on the default branch that was not cancelled.

    Runs for a pull request of a fork may have a branch of the same name.
    https://docs.github.com/en/rest/actions/workflow-runs#list-workflow-runs-for-a-workflow
    """
    branch = quote(source.branch, safe="")
    path = f"/repos/{source.name}/actions/workflows/image.yml/runs?branch={branch}&status=completed&per_page=20"
    try:
        runs = asking.get(path)["workflow_runs"]
    except github.Refused as problem:
        if problem.status == 404:  # there is no such workflow
            return None
        raise
    for run in runs:
        if run["event"] != "pull_request" and run["conclusion"] in ("success", *github.FAILED):
            passed = run["conclusion"] == "success"
            return Proof(passed, run["head_sha"], run["updated_at"][:10], run["html_url"])
    return None
