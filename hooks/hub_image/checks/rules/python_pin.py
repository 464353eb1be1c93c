"""The list asks for a Python that the base image does not have.

Why: Jupyter and all that the base brings are installed for its Python, which the base therefore
pins; another minor version cannot be solved.

Fix: remove the pin, or choose a base image with that Python.

Severity: error; warning in a repository that was not made from the template.

Source: <https://github.com/jupyter/docker-stacks/issues/2084>
"""

from collections.abc import Iterator
from pathlib import Path

from hub_image import catalog
from hub_image.checks import Finding, places
from hub_image.repository import image_env


def check(repository: Path) -> Iterator[Finding]:
    """Yield pins of Python that PYTHON_VERSION of `.github/image.env` does not meet."""
    python = image_env.read(repository).python_version
    is_ours = (repository / image_env.FILE).exists()
    for file, package_list in places.lists(repository):
        for package in package_list.packages:
            if package.name != "python":
                continue
            if package.manager == "pip":
                yield Finding(file, package.line, "pip cannot install Python; remove this line")
            elif package.manager == "conda" and python:
                releases = [f"{python}.{patch}" for patch in range(40)]
                if not any(package.admits(release) for release in releases):
                    yield Finding(
                        file,
                        package.line,
                        f"`{package.text}` cannot be met: the base image has Python {python}; "
                        f"remove the pin, or choose another base with `copier update`",
                    )
            elif package.manager == "conda" and not is_ours:
                bases = catalog.load().bases.values()
                known = sorted({base.python for base in bases if base.python and not base.retired})
                releases = [f"{minor}.{patch}" for minor in known for patch in range(40)]
                if not any(package.admits(release) for release in releases):
                    yield Finding(
                        file,
                        package.line,
                        f"`{package.text}` is a Python that no base of the template has: they have {', '.join(known)}; "
                        "remove the pin",
                        "warning",
                    )
