"""TOML, as Python reads it; before Python 3.11 that is tomli."""

import sys
from typing import Any


def loads(text: str) -> dict[str, Any]:
    """Return what a text says. Raises ValueError, with the line, where it is no TOML."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    return tomllib.loads(text)
