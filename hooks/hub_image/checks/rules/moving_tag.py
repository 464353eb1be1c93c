"""An image is named by a tag that moves, or by none.

Why: the same commit then builds something else tomorrow, and a hub's nodes keep the old image
under the same name.

Fix: name a release by a tag that never moves (a full version, a date, a commit) or by digest.

Severity: error; warning where it is not certain that the tag moves.

Source: <https://kubernetes.io/docs/concepts/containers/images/#image-names>
"""

import re
from collections.abc import Iterator
from pathlib import Path

from hub_image import catalog
from hub_image.checks import Finding
from hub_image.problem import Problem
from hub_image.repository import files, image_env
from hub_image.repository.reference import Moves, Reference, same_project
from hub_image.syntax import dockerfile

REFERENCE = r"[\w.-]+(?::\d+)?(?:/[\w.-]+)*:[\w][\w.-]*"
IN_YAML = re.compile(
    rf"(?m)^[ \t-]*(?:image|uses):[ \t]*[\"']?(?:docker://)?({REFERENCE})[\"']?[ \t]*(?:#.*)?\r?$"
)


def check(repository: Path) -> Iterator[Finding]:
    """Yield moving tags in Dockerfiles, `.github/image.env`, `hub/` and the workflows."""
    for path in sorted(repository.glob("Dockerfile*")):
        for line, reference in _dockerfile(files.read(path)):
            yield from finding(path.name, line, reference)
    reference = image_env.read(repository).base_image
    if reference:
        lines = files.read(repository / image_env.FILE).split("\n")
        line = next(n for n, said in enumerate(lines, 1) if said.strip().startswith("BASE_IMAGE"))
        yield from finding(image_env.FILE, line, reference)
    for folder in ("hub", ".github/workflows", ".github/actions"):
        for path in sorted((repository / folder).rglob("*.y*ml")):
            text = files.read(path)
            file = path.relative_to(repository).as_posix()
            helpers = _services(text) if folder == ".github/workflows" else set()
            for match in IN_YAML.finditer(text):
                line = text.count("\n", 0, match.start(1)) + 1
                if line not in helpers:
                    yield from finding(file, line, match[1])


def _services(text: str) -> set[int]:
    """Return the lines of a workflow's services: they help a job, and nobody's server runs them."""
    found, depth = set(), -1
    for number, line in enumerate(text.split("\n"), 1):
        indent = len(line) - len(line.lstrip())
        if line.strip() and depth >= 0 and indent <= depth:
            depth = -1
        if depth >= 0:
            found.add(number)
        if re.match(r"\s+services:\s*(#.*)?$", line):
            depth = indent
    return found


def _dockerfile(text: str) -> Iterator[tuple[int, str]]:
    """Yield (line, reference) of the images that a Dockerfile takes, ARG defaults filled in."""
    defaults: dict[str, str] = {}
    stages = {"scratch"}
    for instruction in dockerfile.parse(text):
        words = instruction.arguments.split()
        references = []
        if instruction.name == "ARG":
            for name, equals, default in (word.partition("=") for word in words):
                if equals:
                    defaults.setdefault(name, default.strip("\"'"))
        elif instruction.name == "FROM":
            image, *named = dockerfile.stage(instruction)
            references = [image]
            if len(named) > 1 and named[0].lower() == "as":
                stages.add(named[1].lower())
        elif instruction.name in ("COPY", "RUN"):
            flags = [word for word in words if word.startswith("--")]
            references = [said for flag in flags for said in re.findall(r"[-,]from=([^,]+)", flag)]
        for reference in references:
            reference = dockerfile.expand(reference, defaults)
            known = reference.lower() in stages or reference.isdigit() or "$" in reference
            if reference and not known:
                yield instruction.line, reference


def finding(file: str, line: int, text: str) -> Iterator[Finding]:
    """Yield a finding if this reference, named at this place, may mean another image tomorrow."""
    try:
        reference = Reference.parse(text)
    except Problem:
        return  # no image: whoever builds says so
    if reference.moves is Moves.NO:
        return
    if not reference.tag:
        message = "has no tag, so it means whatever is newest"
    elif example := _example(reference):
        message = f"has no tag of the kind that stays, as in `{example}`"
    else:
        message = f"has a tag that {reference.moves.value}"
    yield Finding(
        file,
        line,
        f"`{text}` {message}; name a full version, a date, a commit or a digest",
        "error" if reference.moves is Moves.YES else "warning",
    )


def _example(reference: Reference) -> str:
    """Return a tag that stays, for images of the catalog's projects; else nothing."""
    bases = catalog.load().bases.values()
    return next((base.tag for base in bases if same_project(base.image, reference.path)), "")
