"""`hub-image gate`: the images that change in a hub's configuration, each proved as the hub would start it."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from hub_image.gate import changes, comment, proof
from hub_image.problem import Problem
from hub_image.repository import argument
from hub_image.tools import github


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hub-image gate`."""
    argument.path(parser, "the configuration's repository")
    parser.add_argument(
        "--base",
        default="",
        metavar="COMMIT",
        help="what to compare with, as in origin/main (default in CI: where the pull request goes)",
    )
    parser.add_argument(
        "--hub-version",
        default="",
        metavar="VERSION",
        help="JupyterHub of the hub (default: what its chart says)",
    )
    parser.add_argument(
        "--cache",
        type=Path,
        default=Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hub-image/gate",
        metavar="FOLDER",
        help="where to keep what was found out about a digest (default: %(default)s)",
    )


def run(options: argparse.Namespace) -> int:
    """Say what was found, in CI also on the run's page and in one comment; return 1 when an image would not start.

    Raises Problem when that cannot be found out.
    """
    repository = options.path.resolve()
    found = changes.between(repository, changes.base_of(repository, options.base))
    proofs = proof.prove(found.images, repository, proof.Cache(options.cache), options.hub_version)
    print(comment.plain(found, proofs))
    if os.environ.get("GITHUB_ACTIONS") == "true":
        _publish(comment.text(found, proofs), is_new=bool(found.images))
        for change, one in zip(found.images, proofs, strict=True):
            if one.wrong:
                image = change.after
                github.annotate("error", image.file, image.line, f"{image.reference}: {one.wrong}")
    return 1 if any(one.wrong for one in proofs) else 0


def _publish(text: str, is_new: bool) -> None:
    """Put it on the run's page, and on the pull request where the token may; nothing new where no image changed."""
    github.summary(text)
    pull = github.event().get("pull_request")
    if not pull:
        return
    try:
        github.comment(pull["number"], text, comment.MARK, is_new)
    except Problem as problem:
        print(f"There is no comment ({problem}) The page of this run says the same.")
