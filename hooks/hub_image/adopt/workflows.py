"""What the old workflows of a repository do: which build the image, and where they push it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub_image.problem import Problem
from hub_image.repository import files
from hub_image.repository.reference import Reference

FOLDER = ".github/workflows"
BUILDERS = ("jupyterhub/repo2docker-action@", "docker/build-push-action@", "docker/bake-action@")
BUILDS = re.compile(r"\b(docker\s+(buildx\s+)?(build|push)|(jupyter-)?repo2docker)\b")
# Actions whose work the new workflow does too.
KNOWN: tuple[str, ...] = (
    *BUILDERS,
    "actions/checkout@",
    "docker/",
    "easimon/maximize-build-space@",
)
KNOWN += ("jlumbroso/free-disk-space@", "hadolint/", "actions/cache@")
ROOM = re.compile(
    r"\b(df|docker (system|image) prune|apt-get (remove|purge|autoremove|clean))\b|rm -rf /usr"
)


@dataclass(frozen=True)
class Workflow:
    """One old workflow."""

    file: str
    builds: bool = False  # each of its jobs builds the image, so the new workflow replaces it
    part: bool = False  # some of its jobs do
    image: tuple[str, str, str] | None = None  # registry, owner, name
    line: int = 1  # where that stands
    others: tuple[tuple[int, str], ...] = ()  # steps that do something else: line, what
    binder: bool = False  # it posts links to mybinder.org


def read(repository: Path, slug: str) -> Iterator[Workflow]:
    """Yield the workflows of a repository; `slug` is its owner/name on GitHub, or empty."""
    for path in sorted((repository / FOLDER).glob("*.y*ml")):
        yield _workflow(path.relative_to(repository).as_posix(), files.read(path), slug)


def _workflow(file: str, text: str, slug: str) -> Workflow:
    from hub_image.syntax.yaml import NotYaml, compose

    try:
        content = _plain(compose(text))
    except (NotYaml, RecursionError):
        content = {}
    content = content if isinstance(content, dict) else {}
    jobs = [job for job in _dict(content.get("jobs")).values() if isinstance(job, dict)]
    listed = [job["steps"] if isinstance(job.get("steps"), list) else [] for job in jobs]
    steps = [[step for step in found if isinstance(step, dict)] for found in listed]
    building = [any(_builds(step) for step in job) for job in steps]
    image, line, others = None, 1, []
    for job, content_steps in zip(jobs, steps, strict=True):
        known = _github(slug)
        for level in (content, job):
            known |= {f"env.{k}": _fill(str(v), known) for k, v in _dict(level.get("env")).items()}
        for step in content_steps:
            known |= {f"env.{k}": _fill(str(v), known) for k, v in _dict(step.get("env")).items()}
            if found := _image(step, known):
                image, line = found, step["line"]
            if not _builds(step) and not _known(step):
                name = step.get("name") or step.get("uses") or str(step.get("run", "")).strip()
                others.append((step["line"], str(name).splitlines()[0] if name else "a step"))
    return Workflow(
        file,
        builds=bool(building) and all(building),
        part=any(building),
        image=image if any(building) else None,
        line=line,
        others=tuple(others),
        binder="mybinder.org" in text,
    )


def _plain(node: object) -> object:
    """Return a YAML node as Python's own; each mapping knows its `line`."""
    import yaml

    if isinstance(node, yaml.MappingNode):
        found = {str(_plain(key)): _plain(value) for key, value in node.value}
        return found if "line" in found else found | {"line": node.start_mark.line + 1}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item) for item in node.value]
    return getattr(node, "value", None)


def _dict(value: object) -> dict[str, Any]:
    return {k: v for k, v in value.items() if k != "line"} if isinstance(value, dict) else {}


def _github(slug: str) -> dict[str, str]:
    owner, _, name = slug.partition("/")
    if not owner:
        return {}
    known = {"github.repository": slug, "github.repository_owner": owner}
    return known | {"github.event.repository.name": name, "github.actor": owner}


def _fill(text: str, known: dict[str, str]) -> str:
    """Put in what expressions stand for, as far as that is known."""
    return re.sub(r"\$\{\{\s*([\w.-]+)\s*\}\}", lambda m: known.get(m[1], m[0]), text)


def _builds(step: dict[str, Any]) -> bool:
    return str(step.get("uses", "")).startswith(BUILDERS) or bool(
        BUILDS.search(str(step.get("run", "")))
    )


def _known(step: dict[str, Any]) -> bool:
    run = str(step.get("run", ""))
    return str(step.get("uses", "")).startswith(KNOWN) or bool(run and ROOM.search(run))


def _image(step: dict[str, Any], known: dict[str, str]) -> tuple[str, str, str] | None:
    """Return registry, owner and name of the image that a step pushes, where it says so."""
    uses, given = str(step.get("uses", "")), _dict(step.get("with"))
    if uses.startswith("jupyterhub/repo2docker-action@"):
        name = _fill(str(given.get("IMAGE_NAME", "")), known)
        host = _fill(str(given.get("DOCKER_REGISTRY", "")), known) or "docker.io"
        return reference(f"{re.sub('^https?://', '', host).strip('/')}/{name}") if name else None
    texts = []
    if uses.startswith("docker/build-push-action@"):
        texts = str(given.get("tags", "")).replace(",", "\n").splitlines()
    elif uses.startswith("docker/metadata-action@"):
        texts = str(given.get("images", "")).replace(",", "\n").splitlines()
    else:
        texts = re.findall(r"docker push (?:--\S+ )*[\"']?(\S+)", str(step.get("run", "")))
    for text in texts:
        if found := reference(_fill(text.strip(), known)):
            return found
    return None


def reference(text: str) -> tuple[str, str, str] | None:
    """Return registry, owner and name of an image reference; None where they are not all there."""
    text = (
        re.sub(r"\$\{\{\s*env\.\w+\s*\}\}|\$\{?\w+\}?", "", text) if text.startswith("$") else text
    )
    try:
        found = Reference.parse(
            re.sub(r":[^/:@]*\$[^/]*$", "", text.lower().strip("\"'"))
        )  # a tag that CI fills in
    except Problem:
        return None
    owner, _, name = found.path.rpartition("/")
    return (found.host, owner, name) if owner and owner != "library" else None
