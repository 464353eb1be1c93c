"""The answers of a generated repository, as CI sees them: `.github/image.env`."""

from pathlib import Path

from hub_image import files

FILE = ".github/image.env"


def read(repository: Path) -> dict[str, str]:
    """Return the KEY=value lines of `.github/image.env`, as they stand; an absent file gives no answers."""
    answers = {}
    for line in files.read(repository / FILE).splitlines():
        key, equals, value = line.strip().partition("=")
        if equals:
            answers[key.strip()] = value.strip()
    return answers
