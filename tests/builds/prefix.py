"""The records that conda's programs leave in a prefix, written here."""

from __future__ import annotations

import json
from pathlib import Path

HOST = "https://conda.anaconda.org/conda-forge"


def record(prefix: Path, name: str, **facts: object) -> None:
    """Write the record of an installed package, as far as programs do: any of these may lack."""
    (prefix / "conda-meta").mkdir(parents=True, exist_ok=True)
    facts = {"name": name, "url": f"{HOST}/noarch/{name}-1-0.conda"} | facts
    (prefix / f"conda-meta/{name}-1-0.json").write_text(json.dumps(facts))
