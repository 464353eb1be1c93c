"""TOML, as Python reads it; before Python 3.11 that is tomli."""

from __future__ import annotations

import sys
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def loads(text: str) -> dict[str, Any]:
    """Return what a text says. Raises ValueError, with the line, where it is no TOML."""
    return tomllib.loads(text)
