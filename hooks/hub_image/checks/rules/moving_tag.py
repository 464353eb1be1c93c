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

from hub_image.checks import Finding
from hub_image.repository import catalog, files, image_env
from hub_image.syntax import dockerfile

# A full version, a date, a commit.
FIXED = re.compile(
    r"(.*[^\d])?(\d+\.\d+\.\d+|\d{4}[.-]?[01]\d[.-]?[0-3]\d)([^\d].*)?|.*\b[0-9a-f]{7,64}"
)
REFERENCE = r"[\w.-]+(?::\d+)?(?:/[\w.-]+)*:[\w][\w.-]*"
IN_YAML = re.compile(
    rf"(?m)^[ \t-]*(?:image|uses):[ \t]*[\"']?(?:docker://)?({REFERENCE})[\"']?[ \t]*(?:#.*)?\r?$"
)


def check(repository: Path) -> Iterator[Finding]:
    """Yield moving tags in Dockerfiles, `.github/image.env`, `hub/` and the workflows."""
    for path in sorted(repository.glob("Dockerfile*")):
        for line, reference in _dockerfile(files.read(path)):
            yield from finding(path.name, line, reference)
    reference = image_env.read(repository).get("BASE_IMAGE", "")
    if reference:
        lines = files.read(repository / image_env.FILE).split("\n")
        line = next(n for n, said in enumerate(lines, 1) if said.strip().startswith("BASE_IMAGE"))
        yield from finding(image_env.FILE, line, reference)
    for folder in ("hub", ".github/workflows", ".github/actions"):
        for path in sorted((repository / folder).rglob("*.y*ml")):
            text = files.read(path)
            for match in IN_YAML.finditer(text):
                file = path.relative_to(repository).as_posix()
                yield from finding(file, text.count("\n", 0, match.start(1)) + 1, match[1])


def _dockerfile(text: str) -> Iterator[tuple[int, str]]:
    """Yield (line, reference) of the images that a Dockerfile takes, ARG defaults filled in."""
    defaults: dict[str, str] = {}
    stages = {"scratch"}
    for line, instruction, rest in dockerfile.instructions(text):
        words = rest.split()
        flags = [word for word in words if word.startswith("--")]
        words = [word for word in words if not word.startswith("--")]
        references = []
        if instruction == "ARG":
            for name, equals, default in (word.partition("=") for word in words):
                if equals:
                    defaults.setdefault(name, default.strip("\"'"))
        elif instruction == "FROM" and words:
            references = words[:1]
            if len(words) > 2 and words[1].lower() == "as":
                stages.add(words[2].lower())
        elif instruction in ("COPY", "RUN"):
            references = [
                source for flag in flags for source in re.findall(r"[-,]from=([^,]+)", flag)
            ]
        for reference in references:
            reference = re.sub(
                r"\$\{?(\w+)(?::-([^}]*))?\}?",
                lambda match: defaults.get(match[1], match[2] or match[0]),
                reference,
            )
            known = reference.lower() in stages or reference.isdigit() or "$" in reference
            if not known:
                yield line, reference


def finding(file: str, line: int, reference: str) -> Iterator[Finding]:
    """Yield a finding if this reference, named at this place, may mean another image tomorrow."""
    name, _, digest = reference.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    if digest:
        return
    pattern, example = _published(name)
    if not tag:
        message, severity = "has no tag, so it means whatever is newest", "error"
    elif pattern:
        if re.fullmatch(pattern, tag):
            return
        message, severity = f"has no tag of the kind that stays, as in `{example}`", "error"
    elif FIXED.fullmatch(tag):
        return
    elif moving(tag):
        message, severity = "has a tag that moves", "error"
    else:
        message, severity = "has a tag that may move", "warning"
    yield Finding(
        file,
        line,
        f"`{reference}` {message}; name a full version, a date, a commit or a digest",
        severity,
    )


def moving(tag: str) -> bool:
    """Whether one of the catalog's words for tags that move is a part of this one."""
    words = "|".join(catalog.load()["moving_tags"])
    return bool(re.fullmatch(rf"(.*[-_.])?({words})([-_.].*)?", tag, re.IGNORECASE))


def _published(name: str) -> tuple[str, str]:
    """Return the family's pattern for tags that stay and an example, for images of its projects."""
    path = "/".join(name.rpartition(":")[0].split("/")[-2:]) or name
    organisation = path.partition("/")[0]
    facts = catalog.load()
    for base in facts.get("bases", {}).values():
        if base["image"].split("/")[-2] == organisation:
            return facts["families"][base["family"]]["tag"], str(base["tag"])
    return "", ""
