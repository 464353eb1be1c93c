"""The answers of a generated repository, as CI sees them: `.github/image.env`."""

from pathlib import Path

from hub_image.repository import files

FILE = ".github/image.env"


def read(repository: Path) -> dict[str, str]:
    """Return the KEY=value lines of `.github/image.env`, as they stand; an absent file gives no answers."""
    return parse(files.read(repository / FILE))


def parse(text: str) -> dict[str, str]:
    """Return the KEY=value lines of a text such as `.github/image.env`."""
    answers = {}
    for line in text.splitlines():
        key, equals, value = line.strip().partition("=")
        if equals:
            answers[key.strip()] = value.strip()
    return answers
