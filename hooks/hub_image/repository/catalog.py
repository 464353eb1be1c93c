"""What the template ships besides code: `catalog.yml` and the files of `template/`."""

from functools import cache
from pathlib import Path
from typing import Any


def shipped(name: str) -> Path:
    """Return the path of a file or folder that the wheel carries and a checkout has at its root."""
    package = Path(__file__).parents[1]
    inside = package / name
    return inside if inside.exists() else package.parents[1] / name


@cache
def load() -> dict[str, Any]:
    """Return `catalog.yml`: bases, families, pins. Do not change what you get: it is shared."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(shipped("catalog.yml").read_text(encoding="utf-8"), Loader=loader)
