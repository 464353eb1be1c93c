"""The conda list names no channel.

Why: then the packages come from wherever the image, or the laptop on which someone tries the
list, happens to be configured for; on many laptops that is Anaconda's `defaults`.

Fix: add `channels:` with `- conda-forge`; `--fix` does so.

Severity: warning.

Source: <https://conda-forge.org/docs/user/transitioning_from_defaults/>
"""

import re
from collections.abc import Iterator
from pathlib import Path

from hub_image.checks import Edit, Finding
from hub_image.lists import packages
from hub_image.repository import files


def check(repository: Path) -> Iterator[Finding]:
    """Yield a conda list that has packages but no channels."""
    for file, package_list in packages.read(repository):
        if not package_list.channels and any(p.manager == "conda" for p in package_list.packages):
            text = files.read(repository / file)
            edit, line = None, 1
            dependencies = re.search(r"^dependencies:", text, re.MULTILINE)
            if dependencies:
                line = text.count("\n", 0, dependencies.start()) + 1
                if not re.search(r"^channels:", text, re.MULTILINE):
                    end = "\r\n" if "\r\n" in text else "\n"
                    edit = Edit(dependencies.start(), "", f"channels:{end}  - conda-forge{end}")
            yield Finding(
                file,
                line,
                "the list names no channel for its packages; add `channels:` with `- conda-forge`",
                "warning",
                edit,
            )
