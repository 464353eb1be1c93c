"""How each command takes the repository: as PATH, the current folder by default."""

import argparse
from pathlib import Path


def folder(text: str) -> Path:
    """Return a folder that is there; argparse refuses everything else with this sentence."""
    path = Path(text)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is not a folder; name the repository's")
    return path


def path(parser: argparse.ArgumentParser, what: str = "the repository") -> None:
    """Add PATH, one repository."""
    parser.add_argument(
        "path",
        metavar="PATH",
        nargs="?",
        type=folder,
        default=Path(),
        help=f"{what} (default: .)",
    )
