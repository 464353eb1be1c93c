"""What repo2docker gave a repository without being asked: https://repo2docker.readthedocs.io, and its buildpacks."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hub_image import catalog
from hub_image.adopt import tree, workflows
from hub_image.repository import files, image_env
from hub_image.syntax import shell

# Lists and scripts that nothing but repo2docker reads, where there is no Dockerfile.
ITS_OWN = {"apt.txt", "postBuild", "preBuild", "start", "install.R", "runtime.txt"}
# Variables that its image has and the new one has not, from buildpacks/conda and buildpacks/r.py.
UNSET = {"KERNEL_PYTHON_PREFIX", "APP_BASE", "NB_ENVIRONMENT_FILE", "NPM_DIR", "MAMBA_EXE", "MAMBA_ROOT_PREFIX"}  # fmt: skip
UNSET |= {"NPM_CONFIG_GLOBALCONFIG", "R_LIBS_USER", "CONDA_DEFAULT_ENV"}

Lines = list[tuple[str, str]]  # of a report: place, what


@dataclass(frozen=True)
class Before:
    """What there was before: the clone as it is now, where its files went, its workflows, and what git tracked."""

    clone: Path
    made: tree.Layout
    old: list[workflows.Workflow]
    tracked: set[str]

    def is_evident(self) -> bool:
        """Tell whether anything says that an image was made of the repository."""
        read = [p for p in self.tracked if p.startswith((workflows.FOLDER, "README"))]
        return bool(
            ITS_OWN & self.made.lists.keys()
            or any(w.builds or w.part for w in self.old)
            or any(path.startswith(tree.FOLDERS) for path in self.tracked)
            or re.search(r"binder|repo2docker", " ".join(files.read(self.clone / p) for p in read))
        )


def said(before: Before) -> tuple[Lines, Lines]:
    """Return what is to be said of an image that repo2docker built: what is replaced, and what needs its owner."""
    now = image_env.read(before.clone).base_image
    if not before.is_evident():
        first, *others = sorted(set(before.made.lists.values()))
        text = (
            f"nothing here says that an image is made from {', '.join(['this', *others])}; see whether the image is to have "
            "what it lists"
        )
        builds = f"the image builds on {now}; for another add --data base=..."
        return [("Dockerfile", builds)], [(before.made.moves.get(first, first), text)]
    replaced = [
        ("Dockerfile", (
            f"the image builds on {now} and not on repo2docker's own; for another add --data base=..."
        )),
        ("Dockerfile", (
            "repo2docker's own had Node.js, jupyter-resource-usage, jupyter-offlinenotebook, compilers and development "
            f"files, not all of which {now} has; list what people use of them"
        )),
        ("the repository's files", (
            "repo2docker put them into the home, and there they were with what postBuild wrote among them; postBuild "
            "works in a copy now that is gone afterwards"
        )),
    ]  # fmt: skip
    return replaced, list(_notebooks(before.tracked))


def _notebooks(tracked: set[str]) -> Iterator[tuple[str, str]]:
    found = sorted(p for p in tracked if p.endswith(".ipynb") and not p.startswith("image-tests/"))
    if found:
        several = f"this and {len(found) - 1} more" if len(found) > 1 else "this"
        text = f"repo2docker put {several} into the home, which a hub hides; bring notebooks with nbgitpuller"
        yield found[0], text


def lines(name: str, script: str, answers: image_env.Answers) -> list[tuple[int, str]]:
    """Return the lines of a script of the owner's that find something else in the new image than in repo2docker's."""
    return sorted([*_places(name, script, answers), *_commands(name, script)])


def _places(name: str, script: str, answers: image_env.Answers) -> Iterator[tuple[int, str]]:
    """Yield the lines that name what is somewhere else now, or nowhere."""
    prefix = catalog.load().families[answers.base_family].prefix
    unset = {variable for variable in UNSET if f"{variable}=" not in script}
    is_pip = answers.base_family == "scratch" and answers.package_manager == "pip"
    if answers.base_family == "rocker" or is_pip:
        unset.add("CONDA_DIR")
    gone = r"\bREPO_DIR\b|/srv/repo\b" if name == "start" else r"/srv/repo\b"
    for number, line in enumerate(script.split("\n"), 1):
        line = re.sub(r"(^|\s)#.*", "", line)
        if re.search(r"(?<![\w/])\.?binder/", line):
            yield number, "it names a file of the folder that had to go; give the new place"
        is_elsewhere = not prefix.startswith("/srv/conda")
        if is_elsewhere and re.search(r"/srv/conda\b|\benvs/notebook\b", line):
            text = f"it names a folder of repo2docker's image; the packages are in {prefix} now, so write NB_PYTHON_PREFIX"
            yield number, text
        for variable in sorted(v for v in unset if re.search(rf"\$\{{?{v}\b", line)):
            text = (
                f"repo2docker set {variable}, and the new image does not; write what it stood for"
            )
            yield number, text
        if found := re.search(gone, line):
            text = (
                f"the repository is not in the image, so {found[0]} leads nowhere; copy what this line needs to a place of its "
                "own in postBuildRoot, and name that"
            )
            yield number, text


def _commands(name: str, script: str) -> Iterator[tuple[int, str]]:
    """Yield the lines with a command that runs the server inside of it, or writes what is lost."""
    for command in shell.read(script).commands:
        words = command.words
        if name == "start" and {"$@", "$*"} & set(words) and words != ("exec", "$@"):
            text = (
                "the server does not run inside of this command, it only gets the environment that is there; let `start` end "
                'with `exec "$@"`, and begin before it what is to run beside'
            )
            yield command.line, text
        program = words[0].rpartition("/")[2] if words else ""
        targets = [target for _, target in command.writes]
        targets += words[-1:] if program in ("cp", "mv", "ln", "install") else ()
        targets += words[1:] if program in ("mkdir", "touch", "tee") else ()
        if name == "postBuild" and any("REPO_DIR" in target for target in targets):
            text = (
                "REPO_DIR is a copy that is gone after the build; for what is used later write to a place of its own, as "
                "postBuildRoot can"
            )
            yield command.line, text
