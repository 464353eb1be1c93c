"""The release notes in CHANGELOG.md: one section for each version, the newest first.

`python hooks/hub_image/updates/changelog.py v1.2.0` prints those of one release, for release.yml.
"""

import re
import sys
from pathlib import Path
from typing import Any

HEADING = re.compile(r"^## (.+)$", re.MULTILINE)


def sections(text: str) -> dict[str, str]:
    """Return the notes of each version, as in {"v1.2.0": "- ..."}; "Unreleased" is one too."""
    parts = HEADING.split(text)[1:]
    return {
        name.split()[0]: notes.strip() for name, notes in zip(parts[::2], parts[1::2], strict=True)
    }


def between(text: str, before: str, after: str) -> str:
    """Return the sections of the releases after `before` up to `after`, with their headings.

    A version that is no release, such as a commit, counts as older than all as `before`, and as newer as `after`.
    """
    low, high = number(before), number(after)
    found = [
        f"## {name}\n\n{notes}"
        for name, notes in sections(text).items()
        if (version := number(name))
        and (not low or low < version)
        and (not high or version <= high)
    ]
    return "\n\n".join(found)


def number(name: str) -> Any:
    """Return the version that a name stands for, also as `git describe` has it (v1.0.0-3-g0a1b2c3), or None.

    A commit is none, also where it is written like one: 1234567, or 12b4567.
    """
    # Here, since release.yml prints notes where it is not installed.
    from packaging.version import InvalidVersion, Version

    if not re.match(r"v|\d+\.", name):
        return None
    try:
        return Version(re.sub(r"-(\d+)-g[0-9a-f]+$", r".post\1", name))
    except InvalidVersion:
        return None


if __name__ == "__main__":
    notes = sections((Path(__file__).parents[3] / "CHANGELOG.md").read_text(encoding="utf-8")).get(
        sys.argv[1]
    )
    print(
        notes or f"CHANGELOG.md: there is no section `## {sys.argv[1]}`; write it before you tag."
    )
    sys.exit(not notes)
