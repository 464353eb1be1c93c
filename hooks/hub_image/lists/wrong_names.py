"""Names under which an index has nothing that can be installed, or something else than people mean by them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple


class Wrong(NamedTuple):
    """How wrong a name is, error or warning as `wrong_names.yml` has them, and what to write instead."""

    severity: str
    right: str

    @property
    def there(self) -> str:
        """What the index has under the name."""
        return "nothing" if self.severity == "error" else "something else"


def find(manager: str, name: str) -> Wrong | None:
    """Return what is wrong with a name for conda or pip; None where nothing is known."""
    return _known().get((manager, name.lower().replace("_", "-")))


@cache
def _known() -> dict[tuple[str, str], Wrong]:
    import yaml

    text = Path(__file__).with_suffix(".yml").read_text(encoding="utf-8")
    data: dict[str, dict[str, dict[str, Any]]] = yaml.safe_load(text)
    return {
        (manager, name): Wrong(severity, right)
        for manager, severities in data.items()
        for severity, names in severities.items()
        for name, right in names.items()
    }
