"""What the old workflows of a repository do: which build images, from what, and where they push them."""

import itertools
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hub_image.problem import Problem
from hub_image.repository import files
from hub_image.repository.reference import Reference
from hub_image.syntax import shell

FOLDER = ".github/workflows"
# Actions that build an image; the first by its name, since it is forked a lot.
BUILDERS = re.compile(
    r"[\w.-]+/repo2docker-action@|docker/(build-push|bake)-action@|elgohr/publish-docker-github-action@|"
    r"[\w.-]+/([\w.-]*[-_])?(docker-(build|publish|push)|build-(and-)?push|kaniko|buildah|push-to-registry)[\w./-]*@",
    re.IGNORECASE,
)
BUILDS = re.compile(
    r"\b((docker|podman)\s+(buildx\s+)?(build|push)|docker[ -]compose\s[^\n]*\b(build|push)\b|buildah\s+(bud|build|push)|(jupyter-)?repo2docker)\b"
)
# Commands that copy an image that exists already to another address, which is their last word.
COPIES = re.compile(
    r"\b(?:skopeo\s+copy|crane\s+(?:cp|copy)|regctl\s+image\s+copy)\b[^\n;&|]*?(\S+)\s*(?:$|[\n;&|])"
)
TAGS = re.compile(r"\bimagetools\s+create\b[^\n]*?(?:-t|--tag)[\s=]+[\"']?([^\s\"']+)")
# What the file of a workflow in another repository is called when it builds an image: one of IMAGE, or of VERBS and
# otherwise only of BESIDE. One for a book, documents or a package says what it builds.
IMAGE = {"image", "images", "docker", "dockerfile", "container", "containers", "repo2docker"}
VERBS = {"build", "push"}
BESIDE = VERBS | {
    "and",
    "shared",
    "reusable",
    "call",
    "ci",
    "test",
    "publish",
    "create",
    "pr",
    "release",
    "deploy",
    "main",
}
# Actions whose work the new workflow does too.
KNOWN: tuple[str, ...] = ("actions/checkout@", "docker/", "easimon/maximize-build-space@")
KNOWN += ("jlumbroso/free-disk-space@", "hadolint/", "actions/cache@")
# Where other services keep what they do for a repository.
ELSEWHERE = {
    ".gitlab-ci.yml",
    ".travis.yml",
    ".circleci/config.yml",
    "azure-pipelines.yml",
    "Jenkinsfile",
    "hooks/build",
}
ELSEWHERE |= {
    "cloudbuild.yaml",
    "cloudbuild.yml",
    "buildspec.yml",
    ".drone.yml",
    ".woodpecker.yml",
    "bitbucket-pipelines.yml",
}
ROOM = re.compile(
    r"\b(df|docker (system|image) prune|apt-get (remove|purge|autoremove|clean))\b|rm -rf /usr"
)
# What repo2docker was told besides the repository: https://github.com/jupyterhub/repo2docker-action
EXTRAS = ("APPENDIX_FILE", "REPO2DOCKER_EXTRA_ARGS")


@dataclass
class Workflow:
    """One old workflow."""

    file: str
    builds: bool = False  # each of its jobs builds an image, so the new workflow replaces it
    part: bool = False  # some of its jobs do
    pushes: list[tuple[int, str]] = field(default_factory=list)  # line, reference without tag
    sources: list[tuple[int, str]] = field(default_factory=list)  # line, the Dockerfile or folder
    variants: list[tuple[int, str]] = field(default_factory=list)  # what else a build is told
    others: list[tuple[int, str]] = field(default_factory=list)  # steps that do something else
    calls: list[tuple[int, str]] = field(default_factory=list)  # line, a workflow that a job is
    extras: list[tuple[int, str]] = field(default_factory=list)  # of EXTRAS: line, what it says
    binder: bool = False  # it posts links to mybinder.org
    after: tuple[str, ...] = ()  # names of the workflows that it runs after
    name: str = ""
    only_called: bool = False


def read(repository: Path, slug: str) -> list[Workflow]:
    """Return the workflows of a repository; `slug` is its owner/name on GitHub, or empty."""
    found = sorted((repository / FOLDER).glob("*.y*ml"))
    actions = sorted((repository / ".github").glob("**/action.y*ml"))
    there = [path for path in [*found, *actions] if not path.is_symlink()]
    texts = {path.relative_to(repository).as_posix(): files.read(path) for path in there}
    names = [name for name in texts if posixpath.dirname(name) == FOLDER]
    return [_Reader(texts, file, _github(slug)).workflow() for file in names]


class _Reader:
    """Reads one workflow, and those of the same repository that it calls."""

    def __init__(
        self, texts: dict[str, str], file: str, known: dict[str, str], deep: int = 0
    ) -> None:
        self.texts, self.file, self.known, self.deep = texts, file, known, deep
        self.found = Workflow(file, binder="mybinder.org" in texts[file])
        self.metadata: dict[str, list[str]] = {}  # id of a step: images that it names

    def workflow(self) -> Workflow:
        """Return what the workflow does."""
        content = _dict(_content(self.texts[self.file]))
        self.known |= _env(content, self.known)
        self.found.name = str(content.get("name", ""))
        on = content.get("on")
        self.found.only_called = on == "workflow_call" or set(_dict(on)) == {"workflow_call"}
        runs_after = _dict(_dict(on).get("workflow_run")).get("workflows")
        self.found.after = tuple(map(str, runs_after)) if isinstance(runs_after, list) else ()
        jobs = [job for job in _dict(content.get("jobs")).values() if isinstance(job, dict)]
        building = [self._job(job) for job in jobs]
        self.found.builds = bool(building) and all(building)
        self.found.part = any(building)
        for name in ("pushes", "sources", "variants", "others", "extras"):
            setattr(self.found, name, list(dict.fromkeys(getattr(self.found, name))))
        return self.found

    def _job(self, job: dict[str, Any]) -> bool:
        """Read a job; tell whether it builds an image, or only prepares for a job that does."""
        if isinstance(job.get("uses"), str):
            return self._call(job)
        steps = list(self._steps(job.get("steps")))
        builds = any(_builds(step) for step in steps)
        for values in _matrix(job):
            known = self.known | values
            known |= _env(job, known)
            for step in steps:
                self._step(step, known | _env(step, known), builds)
        return builds

    def _steps(self, listed: object, deep: int = 0) -> Iterator[dict[str, Any]]:
        """Yield the steps of a job, and in place of an action of this repository its steps, at the line of its call."""
        for step in listed if isinstance(listed, list) else []:
            if not isinstance(step, dict):
                continue
            folder = posixpath.normpath(str(step.get("uses", "")).removeprefix("./"))
            names = (f"{folder}/action.yml", f"{folder}/action.yaml")
            text = next((self.texts[name] for name in names if name in self.texts), "")
            if not str(step.get("uses", "")).startswith("./") or not text or deep > 4:
                yield step
                continue
            given = {f"inputs.{k}": str(v) for k, v in _dict(step.get("with")).items()}
            inner = _dict(_dict(_content(text)).get("runs")).get("steps")
            for found in self._steps(inner, deep + 1):
                yield _filled(found, given) | {"line": step["line"]}

    def _call(self, job: dict[str, Any]) -> bool:
        """Read the workflow that a job is."""
        uses, line = job["uses"], job["line"]
        self.found.calls.append((line, uses))
        path = uses.removeprefix("./")
        if path in self.texts and self.deep < 4:
            given = {
                f"inputs.{k}": _fill(str(v), self.known) for k, v in _dict(job.get("with")).items()
            }
            called = _Reader(self.texts, path, self.known | given, self.deep + 1).workflow()
            self.found.pushes += [(line, image) for _, image in called.pushes]
            self.found.sources += [(line, source) for _, source in called.sources]
            self.found.variants += [(line, said) for _, said in called.variants]
            return called.part
        return _is_shared(uses)

    def _step(self, step: dict[str, Any], known: dict[str, str], builds: bool) -> None:
        line = step["line"]
        uses, given = str(step.get("uses", "")), _dict(step.get("with"))
        if uses.startswith("docker/metadata-action@"):
            images = _lines(_fill(str(given.get("images", "")), known))
            self.metadata[str(step.get("id", ""))] = [re.sub(r"^name=|,.*", "", i) for i in images]
        self.found.pushes += [(line, image) for image in self._images(step, known)]
        self.found.sources += [(line, source) for source in _sources(step, known)]
        if _builds(step):
            told = [str(given.get("target", "")), str(given.get("build-args", ""))]
            told += re.findall(r"--(?:build-arg|target)[ =]\S+", str(step.get("run", "")))
            self.found.variants.append((line, _fill(" ".join(told), known).strip()))
        self.found.extras += [(line, f"{k}: {given[k]}") for k in EXTRAS if given.get(k)]
        said = re.search(r"--appendix\b[^\n]*", str(step.get("run", "")))
        self.found.extras += [(line, said[0].rstrip(" \\"))] if said else []
        if builds and not _builds(step) and not _known(step):
            name = step.get("name") or uses or str(step.get("run", "")).strip()
            self.found.others.append((line, str(name).splitlines()[0] if name else "a step"))

    def _images(self, step: dict[str, Any], known: dict[str, str]) -> Iterator[str]:
        """Yield the images that a step pushes, as far as they are known, without tags."""
        uses, given = str(step.get("uses", "")), _dict(step.get("with"))
        texts: list[str] = []
        if "/repo2docker-action@" in uses:
            name = _fill(str(given.get("IMAGE_NAME", "")), known)
            host = _fill(str(given.get("DOCKER_REGISTRY", "")), known) or "docker.io"
            if name and str(given.get("NO_PUSH", "")).lower() not in ("true", "1"):
                texts = [f"{re.sub('^https?://', '', host).strip('/')}/{name}"]
        elif uses.startswith("docker/build-push-action@"):
            pushes = str(given.get("push", "false")) != "false" or "push" in str(
                given.get("outputs", "")
            )
            for tag in _tags(str(given.get("tags", ""))) if pushes else []:
                meta = re.search(r"steps\.([\w-]+)\.outputs\.tags", tag)
                texts += self.metadata.get(meta[1], [tag]) if meta else [_fill(tag, known)]
        elif uses.lower().startswith("elgohr/publish-docker-github-action@"):
            host = _fill(str(given.get("registry", "")), known)
            name = _fill(str(given.get("name", "")), known)
            texts = [f"{host}/{name}" if host and not name.startswith(host) else name]
        elif BUILDERS.match(uses):
            given_names = [
                given.get(key)
                for key in ("image", "image_name", "image-name", "name", "destination")
            ]
            texts = [_fill(str(name), known) for name in given_names if name][:1]
        else:
            run = _fill(str(step.get("run", "")), known)
            texts = re.findall(
                r"(?:docker|podman|buildah) push (?:--\S+ )*[\"']?((?:\$\{\{.*?\}\}|[^\s\"'])+)",
                run,
            )
            texts += [found.partition("docker://")[2] or found for found in COPIES.findall(run)]
            texts += TAGS.findall(run)
            texts = [_fill_shell(text, known | _assigned(run, known)) for text in texts]
        for text in texts:
            name = untagged(text)
            if name and not re.search(r"[-_/.]cache$", name):
                yield name


def _content(text: str) -> object:
    from hub_image.syntax.yaml import NotYaml, compose

    try:
        return _plain(compose(text))
    except (NotYaml, RecursionError):
        return {}


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


def _lines(text: str) -> list[str]:
    return [line.strip().strip("\"'") for line in text.splitlines() if line.strip()]


def _tags(text: str) -> list[str]:
    """Return the tags of a build, which stand on lines or between commas."""
    return [tag.strip() for line in _lines(text) for tag in re.split(r",(?![^{]*\}\})", line)]


def _github(slug: str) -> dict[str, str]:
    owner, _, name = slug.partition("/")
    if not owner:
        return {}
    known = {"github.repository": slug, "github.repository_owner": owner}
    return known | {"github.event.repository.name": name, "github.actor": owner}


def _env(level: dict[str, Any], known: dict[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in _dict(level.get("env")).items():
        found[f"env.{name}"] = _fill(str(value), known | found)
    return found


def _matrix(job: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Yield the values of `matrix.` in each run of a job, at most 100 of them."""
    matrix = _dict(_dict(job.get("strategy")).get("matrix"))
    include = matrix.pop("include", [])
    matrix.pop("exclude", None)
    axes = [
        [(name, v) for v in values] for name, values in matrix.items() if isinstance(values, list)
    ]
    runs = [dict(run) for run in itertools.islice(itertools.product(*axes), 100)] if axes else []
    runs += [_dict(run) for run in include] if isinstance(include, list) else []
    for run in runs or [{}]:
        found = {
            f"matrix.{name}": str(v) for name, v in run.items() if not isinstance(v, dict | list)
        }
        for name, value in run.items():
            found |= {f"matrix.{name}.{k}": str(v) for k, v in _dict(value).items()}
        yield found


def _fill(text: str, known: dict[str, str]) -> str:
    """Put in what expressions stand for, as far as that is known."""
    return re.sub(r"\$\{\{\s*([\w.-]+)\s*\}\}", lambda m: known.get(m[1], m[0]), text)


def _filled(node: Any, known: dict[str, str]) -> Any:
    """Put in what expressions stand for in all texts of a node."""
    if isinstance(node, dict):
        return {key: _filled(value, known) for key, value in node.items()}
    if isinstance(node, list):
        return [_filled(item, known) for item in node]
    return _fill(node, known) if isinstance(node, str) else node


def _fill_shell(text: str, known: dict[str, str]) -> str:
    """Put in what a shell's variables stand for, as far as the workflow sets them."""
    return re.sub(r"\$\{?(\w+)\}?", lambda m: known.get(f"env.{m[1]}", m[0]), text)


def _assigned(script: str, known: dict[str, str]) -> dict[str, str]:
    """Return the variables that a script gives a plain text, with that of others in it."""
    found: dict[str, str] = {}
    for name, value in re.findall(
        r"(?m)^\s*(?:export\s+)?(\w+)=[\"']?([\w./:${}-]+)[\"']?\s*$", script
    ):
        found[f"env.{name}"] = _fill_shell(value, known | found)
    return found


def _is_shared(uses: str) -> bool:
    """Tell whether a workflow of another repository builds an image, as far as its name tells."""
    file = re.fullmatch(r"[\w.-]+/[\w.-]+/\.github/workflows/([\w.-]+)\.ya?ml@.+", uses)
    words = set(re.split(r"[-_.]+", file[1].lower())) if file else set()
    return bool(words & IMAGE or (words & VERBS and words <= BESIDE))


def elsewhere(repository: Path, tracked: set[str]) -> list[tuple[str, str]]:
    """Return what another service than GitHub does with the image: file and line, and the command."""
    found = []
    for file in sorted(tracked & ELSEWHERE):
        for number, line in enumerate(files.read(repository / file).split("\n"), 1):
            if (said := BUILDS.search(line)) and not line.lstrip().startswith("#"):
                found.append((f"{file}:{number}", " ".join(said[0].split())))
                break
    return found


def _builds(step: dict[str, Any]) -> bool:
    return bool(
        BUILDERS.match(str(step.get("uses", ""))) or BUILDS.search(str(step.get("run", "")))
    )


def _known(step: dict[str, Any]) -> bool:
    run = str(step.get("run", ""))
    uses = str(step.get("uses", ""))
    return bool(uses.startswith(KNOWN) or BUILDERS.match(uses) or (run and ROOM.search(run)))


def _sources(step: dict[str, Any], known: dict[str, str]) -> Iterator[str]:
    """Yield what a step builds an image from: a Dockerfile, or the folder that repo2docker is given."""
    uses, given = str(step.get("uses", "")), _dict(step.get("with"))
    if "/repo2docker-action@" in uses:
        yield "."
    elif uses.startswith("docker/build-push-action@"):
        context = _fill(str(given.get("context", ".")), known)
        file = _fill(str(given.get("file", "")), known)
        local = "://" not in context and not context.startswith("${{ github.workspace")
        yield posixpath.normpath(file or (f"{context}/Dockerfile" if local else "Dockerfile"))
    elif _builds(step):
        folder = _fill(str(step.get("working-directory", ".")), known)
        for command in shell.read(_fill(str(step.get("run", "")), known)).commands:
            words = [_fill_shell(word, known) for word in command.words]
            if words[:1] == ["cd"] and len(words) == 2:
                folder = posixpath.join(folder, words[1])
            elif " ".join(words[:3]).startswith(("docker build ", "docker buildx build")):
                yield _docker_build(words, folder)
            elif words and re.fullmatch(r"(jupyter-)?repo2docker", words[0]):
                last = words[-1] if len(words) > 1 and re.match(r"[\w.]", words[-1]) else "."
                yield posixpath.normpath(posixpath.join(folder, last)) if "/" in last else folder


def _docker_build(words: list[str], folder: str) -> str:
    file = ""
    for option, value in itertools.pairwise(words):
        if option in ("-f", "--file"):
            file = value
        elif option.startswith("--file="):
            file = option.removeprefix("--file=")
    context = words[-1] if not words[-1].startswith("-") else "."
    return posixpath.normpath(posixpath.join(folder, file or f"{context}/Dockerfile"))


def untagged(text: str) -> str:
    """Return an image's name without a tag, which CI may fill in; empty where there is none."""
    name = re.sub(r":(\$\{[^}]*\}|(?![^:]*/).*)$", "", text.strip().strip("\"'"))
    return name.lower() if "$" not in name else name


def address(name: str) -> tuple[str, str, str] | None:
    """Return registry, owner and name of an image; None where they are not all there, or only CI knows them."""
    try:
        found = Reference.parse(name)
    except Problem:
        return None
    owner, _, last = found.path.rpartition("/")
    return (found.host, owner, last) if owner and owner != "library" else None
