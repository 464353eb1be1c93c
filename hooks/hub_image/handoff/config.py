"""Where the hub's configuration is, as the answer `hub_config` says it, and a checkout of it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from hub_image.problem import Problem
from hub_image.tools.git import git, logged_in

TOKEN = "HUB_CONFIG_TOKEN"  # a secret that its owner makes; without it nothing is written anywhere
WRITTEN = re.compile(r"([\w.-]+/[\w.-]+):([^:]+)")


class Unreadable(Problem):
    """The configuration is not there, or not for whoever asks; `reason` says it without the answer that names it."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"hub_config: {reason}; {remedy}")
        self.reason = reason


@dataclass(frozen=True)
class HubConfig:
    """A repository on GitHub as `owner/name`, and files of it in the order in which they are to change."""

    repository: str
    files: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> HubConfig:
        """Take `owner/name:file,file` apart. Raises Problem for anything else."""
        found = WRITTEN.fullmatch(text)
        files = [file.strip() for file in found[2].split(",")] if found else []
        if not found or not all(files) or any(_leaves(file) for file in files):
            raise Problem(
                f"hub_config is {text!r}: write it as owner/repository:staging.yaml,production.yaml"
            )
        return cls(found[1], tuple(files))

    def checkout(self, folder: Path, token: str = "") -> Path:
        """Clone the newest commit into a folder and return it. Raises Unreadable."""
        server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
        address = f"{server}/{self.repository}"
        try:
            git(
                folder.parent,
                "clone",
                "--quiet",
                "--depth=1",
                address,
                str(folder),
                environment=logged_in(token),
            )
        except Problem as problem:
            raise Unreadable(
                f"{self.repository} cannot be read ({problem})",
                f"check its name, or give the secret {TOKEN}",
            ) from problem
        for file in self.files:
            if not (folder / file).is_file():
                raise Unreadable(f"{self.repository} has no {file}", "correct the answer")
        return folder


def _leaves(file: str) -> bool:
    return file.startswith("/") or ".." in Path(file).parts
