"""overrides.json is not in JupyterLab's form.

Why: JupyterLab leaves out a file that it cannot read, and settings of a plugin that it does not know, and says so only in
the server's log. Everybody has the old defaults then.

Fix: as the finding says. The names are those of *Settings Editor*, *JSON Settings Editor* in JupyterLab. Whether a plugin
and its settings exist shows in the image: `hub-image test` looks (C38).

Severity: error.

Source: https://jupyterlab.readthedocs.io/en/stable/user/directories.html#overrides-json.
"""

import json
import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from pathlib import Path

from hub_image.checks import Finding
from hub_image.repository import files

FILE = "overrides.json"
# A package of npm, and a plugin in it.
PLUGIN = re.compile(r"(@[\w.~-]+/)?[\w.~-]+:[\w.~:/-]+")
EXAMPLE = "as in `@jupyterlab/apputils-extension:themes`"


def check(repository: Path) -> Iterator[Finding]:
    """Yield what JupyterLab would leave out of a repository's overrides.json."""
    text = files.read(repository / FILE)
    if not (repository / FILE).is_file():
        return
    ignored = "or JupyterLab ignores the whole file"
    if (repository / FILE).read_bytes().startswith(BOM_UTF8):
        yield Finding(
            FILE, 1, f"the file begins with a byte order mark; save it without, {ignored}"
        )
    if foreign := re.search("[\ud800-\udfff]", text):  # a byte that is no UTF-8, see files.read
        wrong = text.count("\n", 0, foreign.start()) + 1
        yield Finding(FILE, wrong, f"this is not UTF-8; save the file as UTF-8, {ignored}")
        return
    twice: list[str] = []

    def pairs(found: list[tuple[str, object]]) -> dict[str, object]:
        names = [name for name, _ in found]
        twice.extend(name for name in set(names) if names.count(name) > 1)
        return dict(found)

    def line(name: str) -> int:
        place = text.find(json.dumps(name, ensure_ascii=False))
        return text.count("\n", 0, max(place, 0)) + 1

    try:
        settings = json.loads(text, object_pairs_hook=pairs)
    except json.JSONDecodeError as error:
        what, place = f"this is not JSON: {error.msg}", error.pos
        before = text[:place].rstrip()
        if text[place:].startswith(("//", "/*", "#")):
            what = "comments are not JSON"
        elif before.endswith(",") and text[place:].startswith(("}", "]")):
            what, place = "a comma after the last entry is not JSON", len(before)
        wrong = text.count("\n", 0, place) + 1
        yield Finding(FILE, wrong, f"{what}; correct it, {ignored}")
        return
    except (RecursionError, ValueError):
        yield Finding(
            FILE, 1, "this is not JSON: it is too deep, or has too long a number; write it anew"
        )
        return
    if not isinstance(settings, dict):
        yield Finding(FILE, 1, f"this is no mapping; write plugins with their settings, {EXAMPLE}")
        return
    for name in twice:
        yield Finding(FILE, line(name), f"`{name}` stands twice; put all its settings into one")
    for name, value in settings.items():
        if not PLUGIN.fullmatch(name):
            yield Finding(FILE, line(name), f"`{name}` is no plugin; name one, {EXAMPLE}")
        elif not isinstance(value, dict):
            said = 'its settings are no mapping; write them as `{"theme": "JupyterLab Dark"}`'
            yield Finding(FILE, line(name), f"`{name}`: {said}")
