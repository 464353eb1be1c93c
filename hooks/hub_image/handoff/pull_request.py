"""One pull request on the hub's configuration, with the newest image: opened once, then renewed."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from hub_image.handoff import into
from hub_image.handoff.config import TOKEN, HubConfig
from hub_image.hubconfig.values import Image
from hub_image.problem import Problem
from hub_image.repository.reference import Reference
from hub_image.tools import github
from hub_image.tools.git import git, logged_in

FORKING = 60  # seconds that GitHub may take for a fork


def token() -> str:
    """Return the token of HUB_CONFIG_TOKEN, or at a terminal that of GitHub's `gh`. Raises Problem without one."""
    if given := os.environ.get(TOKEN):
        return given
    try:
        said = subprocess.run(["gh", "auth", "token"], capture_output=True, text=True)
    except FileNotFoundError:
        said = None
    if not said or said.returncode:
        raise Problem(
            f"a pull request needs a login on GitHub: install gh and run `gh auth login`, or set {TOKEN}"
        )
    return said.stdout.strip()


def propose(reference: str, config: HubConfig, body: str, **which: str) -> str:
    """Open or renew the pull request that links an image; return its address, or nothing where the hub has it already.

    Where the token may not write it comes from a fork. Raises Problem.
    """
    key = token()
    with tempfile.TemporaryDirectory() as folder:
        clone = config.checkout(Path(folder, "hub"), key)
        places = [(clone / file, 0) for file in config.files]
        changes = into.changed(places, reference, everywhere=True, **which)
        for path, (data, _) in changes.items():
            path.write_bytes(data)
        if not git(clone, "status", "--porcelain"):
            return ""
        name = Reference.parse(reference).path.rpartition("/")[2]
        title = f"Link {reference}"
        branch = f"hub-image/{name}"
        into_branch = git(clone, "branch", "--show-current").strip()
        git(clone, "checkout", "--quiet", "-B", branch)
        git(clone, "commit", "--quiet", "--all", f"--message={title}", environment=github.BOT)
        target, owner = _place(config, key)
        server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
        _push(
            clone, f"{server}/{target}", branch, key, FORKING if target != config.repository else 0
        )
        text = f"{body}\n\n{_lines(clone, changes, reference)}"
        return _pull(config, f"{owner}:{branch}", into_branch, title, text, key)


def _push(clone: Path, address: str, branch: str, key: str, patience: int) -> None:
    """Push the branch; a fork takes a while to be there. Raises Problem."""
    push = ["push", "--quiet", "--force", address, f"HEAD:refs/heads/{branch}"]
    while True:
        try:
            git(clone, *push, environment=logged_in(key))
            return
        except Problem:
            if patience <= 0:
                raise
        time.sleep(5)
        patience -= 5


def _place(config: HubConfig, key: str) -> tuple[str, str]:
    """Return the repository to push to and its owner: the hub's own where that is allowed, else a fork."""
    about = github.api("GET", f"/repos/{config.repository}", token=key)
    if about.get("permissions", {}).get("push"):
        return config.repository, config.repository.partition("/")[0]
    forks = f"/repos/{config.repository}/forks"
    # GitHub gives who has a fork already that one, so asking twice does no harm.
    made = github.api("POST", forks, {}, made=lambda: None, token=key)
    fork = str(made["full_name"])
    return fork, fork.partition("/")[0]


def _pull(config: HubConfig, head: str, base: str, title: str, text: str, key: str) -> str:
    pulls = f"/repos/{config.repository}/pulls"

    def open_one() -> dict[str, Any] | None:
        found = github.api("GET", f"{pulls}?state=open&head={head}&base={base}", token=key)
        return found[0] if found else None

    if old := open_one():
        github.api("PATCH", f"{pulls}/{old['number']}", {"title": title, "body": text}, token=key)
        return str(old["html_url"])
    new = {"title": title, "body": text, "head": head, "base": base, "maintainer_can_modify": True}
    return str(github.api("POST", pulls, new, made=open_one, token=key)["html_url"])


def _lines(clone: Path, changes: dict[Path, tuple[bytes, list[Image]]], reference: str) -> str:
    """Return in words what changes where, and how to go back."""
    rows = [
        f"- {path.relative_to(clone).as_posix()}, line {image.line}"
        f"{f' ({image.title})' if image.title else ''}: instead of `{image.reference}`"
        for path, (_, images) in changes.items()
        for image in images
    ]
    return "\n".join(
        [f"`{reference}` comes into", "", *rows, "", "To roll back, revert this pull request."]
    )
