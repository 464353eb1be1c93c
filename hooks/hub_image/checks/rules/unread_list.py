"""The image does not read this list.

Why: the list looks as if its packages were in the image. It happens after a change of the
package manager, and to files that only repo2docker would read, which uses the Dockerfile instead.

Fix: move its entries into a list that the Dockerfile names, and remove it.

Severity: warning; error for a second conda list.

Source: <https://repo2docker.readthedocs.io/en/latest/configuration/#dockerfile-advanced-environments>
"""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from hub_image.checks import Finding
from hub_image.checks.steps import SCRIPTS
from hub_image.lists import packages
from hub_image.repository import files
from hub_image.repository.reference import runs_steps
from hub_image.syntax import dockerfile as parsing

# Configuration of repo2docker's: https://repo2docker.readthedocs.io/en/latest/configuration/
NAMES = [
    *packages.PARSERS,
    "runtime.txt",
    "Pipfile",
    "Pipfile.lock",
    "JuliaProject.toml",
    "DESCRIPTION",
]
NAMES += ["REQUIRE", "default.nix", "preBuild", "postBuild", "postBuildRoot", "start"]


def check(repository: Path) -> Iterator[Finding]:
    """Yield lists and scripts at the root that no word or wildcard of the Dockerfile fits."""
    if (repository / "environment.yml").is_file() and (repository / "environment.yaml").is_file():
        message = "environment.yml is here too, and only one of them counts; make them one"
        yield Finding("environment.yaml", 1, message)
        return
    steps = parsing.parse(files.read(repository / "Dockerfile"))
    said = "\n".join(f"{i.name} {i.source}" for i in steps if i.name not in ("LABEL", "MAINTAINER"))
    dockerfile = re.sub(r"^\s*#.*", "", said, flags=re.MULTILINE)
    if not dockerfile.strip() or re.search(
        r"^\s*(COPY|ADD)\s+(--\S+\s+)*(\./?|\*)\s", dockerfile, re.M | re.I
    ):
        return
    # A wildcard alone is none of these, as in --ip=*.
    words = {
        PurePosixPath(word).name
        for word in re.findall(r"[\w.*?\[\]/-]*\w[\w.*?\[\]/-]*", dockerfile)
    }
    if any(
        found.name == "FROM" and runs_steps(word)
        for found in parsing.parse(dockerfile)
        for word in found.arguments.split()[:1]
    ):
        return  # the base reads lists by steps of its own
    scripts = "\n".join(files.read(repository / script) for script in (*SCRIPTS, "start"))
    words |= {
        name for name in NAMES if re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", scripts)
    }
    for name in NAMES:
        if (repository / name).is_file() and not any(fnmatchcase(name, word) for word in words):
            message = (
                "the Dockerfile does not read this file, and its base decides on the version; remove it"
                if name == "runtime.txt"
                else "the Dockerfile does not read this file; move its entries into a list it reads"
            )
            yield Finding(name, 1, message, "warning")
