"""`hub-image update`: in a terminal it updates the repository; with `--draft`, in CI, it writes what is to be proposed."""

import argparse
from pathlib import Path

from hub_image.ci import draft, proposal
from hub_image.tools import github
from hub_image.updates import update as updates


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hub-image update`."""
    updates.arguments(parser)
    draft_option(parser)


def draft_option(parser: argparse.ArgumentParser) -> None:
    """Add the option `--draft`."""
    parser.add_argument(
        "--draft",
        type=Path,
        metavar="FILE",
        help="in CI: write what is to be proposed into FILE, for `hub-image propose`",
    )


def run(options: argparse.Namespace) -> int:
    """Update the working tree, or write a draft; return the exit code. Raises Problem as `update` does."""
    if not options.draft:
        return updates.run(options)
    github.variable("GITHUB_REPOSITORY")
    made = draft.update(options.path, updates.given(options), options.version)
    proposal.write(made, options.draft)
    return 0
