"""Where the files of an old repository go: decided here, and done in a clone."""

import re
import shutil
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from hub_image.adopt import lists
from hub_image.lists import conda as conda_list
from hub_image.repository import files
from hub_image.repository.reference import runs_steps
from hub_image.syntax import dockerfile
from hub_image.tools.git import content, git

# What waits for a decision keeps its path below this folder, out of the way of builds and checks.
ASIDE = "before-adoption"
FOLDERS = ("binder", ".binder")
# https://repo2docker.readthedocs.io/en/latest/configuration/
CONFIGURATION = {"Dockerfile", "environment.yml", "requirements.txt", "constraints.txt", "apt.txt"}
CONFIGURATION |= {"install.R", "runtime.txt", "Project.toml", "Manifest.toml", "JuliaProject.toml"}
CONFIGURATION |= {"REQUIRE", "DESCRIPTION", "Pipfile", "Pipfile.lock", "setup.py", "default.nix"}
CONFIGURATION |= {"preBuild", "postBuild", "start", "environment.yaml", "conda-lock.yml"}
CONFIGURATION |= {
    "pyproject.toml",
    "pixi.toml",
    "pixi.lock",
    "uv.lock",
    "renv.lock",
    "conda-linux-64.lock",
}
# Of these the lines of the template and of the owner are put together.
MERGED = (".gitignore", ".gitattributes")


@dataclass
class Layout:
    """Moves from old to new path, each with a reason; `needs` are places and decisions."""

    moves: dict[str, str] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)
    needs: list[tuple[str, str]] = field(default_factory=list)
    lists: dict[str, str] = field(default_factory=dict)  # name at the root: where it stands now
    links: dict[str, bytes] = field(default_factory=dict)  # what stands in lists that are links
    writes: dict[str, str] = field(default_factory=dict)  # lists that are made anew

    def move(self, old: str, new: str, why: str) -> None:
        self.moves[old], self.why[old] = new, why


def outside(clone: Path, tracked: set[str]) -> dict[str, str]:
    """Return the links of a clone that leave it, or lead into .git, and where each leads."""
    top = clone.resolve()
    found = {}
    for path in tracked:
        link = clone / path
        if not link.is_symlink():
            continue
        try:
            leads = link.resolve()
        except (OSError, RuntimeError):  # in a circle
            leads = top.parent
        if not leads.is_relative_to(top) or leads.is_relative_to(top / ".git"):
            found[path] = str(link.readlink())
    return found


def cut(clone: Path, links: dict[str, str]) -> None:
    """Take links out of a clone, so that nothing is read or written through them."""
    for path in links:
        (clone / path).unlink()
        git(clone, "rm", "--quiet", "--cached", "--", path)


def bind(clone: Path, links: dict[str, str]) -> dict[str, str]:
    """Put links back, those whose places are taken below ASIDE; return the new place of each."""
    places = {}
    for path, leads in sorted(links.items()):
        is_free = not (clone / path).exists() and not any(
            p.is_file() for p in (clone / path).parents
        )
        places[path] = path if is_free else f"{ASIDE}/{path}"
        (clone / places[path]).parent.mkdir(parents=True, exist_ok=True)
        (clone / places[path]).symlink_to(leads)
    return places


def layout(repository: Path, tracked: set[str]) -> Layout:
    """Decide where files go; changes nothing."""
    made = Layout()
    root_wins = "Dockerfile" in tracked
    stands = {name: name for name in CONFIGURATION if name in tracked}
    for path in sorted(path for path in tracked if path.split("/")[0] in FOLDERS and "/" in path):
        folder, _, name = path.partition("/")
        if name not in CONFIGURATION and not re.fullmatch(r"environment[\w.-]*\.ya?ml", name):
            made.move(path, f"{ASIDE}/{path}", f"{folder}/ had to go")
            text = f"this stood in {folder}/; move it where what uses it finds it"
            made.needs.append((f"{ASIDE}/{path}", text))
        elif name not in stands:
            stands[name] = path
            made.move(path, name, f"{folder}/ would win over the Dockerfile")
        elif (repository / path).read_bytes() == (repository / stands[name]).read_bytes():
            made.move(path, "", f"the same as {stands[name]}")
        elif root_wins or stands[name].startswith(FOLDERS):
            made.move(path, f"{ASIDE}/{path}", f"there is another {name}")
            text = f"{stands[name]} stands at the root now; see whether this one says more"
            made.needs.append((f"{ASIDE}/{path}", text))
        else:
            made.move(name, f"{ASIDE}/{name}", f"repo2docker used {path} and not this one")
            text = f"repo2docker used {path}, which stands at the root now; see whether this one says more"
            made.needs.append((f"{ASIDE}/{name}", text))
            made.move(path, name, f"{folder}/ would win over the Dockerfile")
            stands[name] = path
    if "environment.yaml" in stands and "environment.yml" not in stands:
        old = stands.pop("environment.yaml")
        made.move(old, "environment.yml", "the name that the Dockerfile reads")
        stands["environment.yml"] = old
    others = [path for path in _conda_lists(repository, tracked) if path not in made.moves]
    others = [path for path in others if path not in stands.values()]
    old_dockerfile = stands.get("Dockerfile")
    said = files.read(repository / old_dockerfile) if old_dockerfile else ""
    used = [path for path in others if _names(said, path)]
    mine = stands.get("environment.yml")
    if re.search(r"\b(conda|mamba)\s+(env\s+)?create\b", said):
        used = []  # it is for an environment of its own, as far as anybody can see
    if len(used) == 1 and (mine is None or (not _names(said, mine) and not reads_all(said))):
        if mine:
            made.move(mine, f"{ASIDE}/{mine}", f"the Dockerfile used {used[0]} and not this one")
            text = f"the Dockerfile used {used[0]}, which is environment.yml now; see whether this one says more"
            made.needs.append((f"{ASIDE}/{mine}", text))
        made.move(used[0], "environment.yml", "the only conda list that the Dockerfile used")
        stands["environment.yml"] = used[0]
        others.remove(used[0])
    _links(repository, made, stands)
    _others(repository, tracked, made, stands)
    for path in others:
        text = "the image does not read this list; move what it lacks into environment.yml"
        made.needs.append((path, text))
    for path in sorted(tracked - {old_dockerfile}):
        if re.fullmatch(r"(.+[.-])?(Dockerfile|Containerfile)([.-].+)?", path.rpartition("/")[2]):
            if path not in made.moves:
                text = "this file stays as it is; if the image is built from it, undo, and move it to the root first"
                made.needs.append((path, text))
    if old_dockerfile:
        made.move(old_dockerfile, f"{ASIDE}/{old_dockerfile}", "the new Dockerfile takes its place")
    made.lists = stands
    return made


def _links(repository: Path, made: Layout, stands: dict[str, str]) -> None:
    """Take the content of lists that are links, since what they lead to may move."""
    for path in stands.values():
        link = repository / path
        if not link.is_symlink():
            continue
        if link.is_file():
            made.links[path] = link.read_bytes()
            made.why[path] = (
                f"{made.why.get(path, 'a list of its own')}, no link to {link.readlink()} any more"
            )
            made.moves.setdefault(path, path)
        else:
            text = f"it is a link to {link.readlink()}, which is not there; put a file there"
            made.needs.append((made.moves.get(path, path), text))


def _others(repository: Path, tracked: set[str], made: Layout, stands: dict[str, str]) -> None:
    """Say what lists of other tools would have installed; write it into a list of ours where that says the same."""
    ours = {"environment.yml", "environment.yaml", "requirements.txt"} & stands.keys()
    inside = {path for path in tracked if "/" not in path} | set(stands.values())
    for path in sorted(inside):
        said = lists.read(PurePosixPath(path).name, files.read(repository / path))
        if said is None:
            continue
        place = made.moves.get(path, path)
        if said.becomes and not ours and not made.writes:
            made.writes[said.becomes] = said.text
            stands[said.becomes] = path
            text = f"{said.said()}, which {said.becomes} says now"
            if path.endswith("pyproject.toml"):
                text += ", and not what the repository itself has; run `pip install .` in postBuild if you need that"
            else:
                text += "; remove one of the two"
        else:
            into = next(iter(sorted(ours)), "environment.yml or requirements.txt")
            into = "install.R" if said.tool in ("R", "renv") else into
            listed = files.read(repository / stands.get("environment.yml", "environment.yml"))
            asked = {package.name for package in conda_list.read(listed).packages}
            text = f"the image does not read it; {said.said(asked)}; see whether {into} has what you need of them"
            if path.endswith((".lock", "conda-lock.yml")) and said.tool != "renv":
                text += ", and once it builds, `hub-image lock` writes the lock of the new image"
        made.needs.append((place, text))


def _conda_lists(repository: Path, tracked: set[str]) -> list[str]:
    """Return conda lists at the root, whatever their names."""
    found = []
    for path in sorted(tracked):
        if "/" not in path and re.fullmatch(r"[^.].*\.ya?ml", path):
            said = conda_list.read(files.read(repository / path))
            if any(package.manager == "conda" for package in said.packages):
                found.append(path)
    return found


def _names(text: str, path: str) -> bool:
    """Tell whether a Dockerfile names a file, or has a wildcard for it."""
    words = {
        PurePosixPath(word).name
        for found in dockerfile.parse(text)
        for word in re.split(r"[\s\"'=,;()]+", found.source)
    }
    return any(fnmatchcase(path, word) for word in words if word.strip("*"))


def reads_all(text: str) -> bool:
    """Tell whether a Dockerfile builds on an image that reads lists by steps of its own."""
    return any(
        found.name == "FROM" and any(map(runs_steps, found.arguments.split()))
        for found in dockerfile.parse(text)
    )


def unnamed(text: str, made: Layout, reads: set[str]) -> list[str]:
    """Return what the new Dockerfile reads and the old one did not use, as far as its words tell."""
    if reads_all(text):
        return []
    stands = {name: path for name, path in made.lists.items() if name in reads}
    return sorted(n for n, path in stands.items() if not _names(text, PurePosixPath(path).name))


# Files that may name others which have moved.
NAMING = re.compile(
    r"\.github/.+|[^/]*\.(ya?ml|toml|cfg|ini|json|sh|md|rst)|(.*/)?(Makefile|makefile|justfile)|(.+/)?[\w.-]+\.sh"
)


def naming(repository: Path, made: Layout, kept: set[str]) -> list[tuple[str, str]]:
    """Return where files that stay name one that has moved, and what it is called now."""
    moved = {
        old: new
        for old, new in made.moves.items()
        if new != old and old.rpartition("/")[2] != "Dockerfile"
    }
    found = []
    for path in sorted(kept - CONFIGURATION):
        lines = files.read(repository / path).split("\n") if NAMING.fullmatch(path) else []
        for old, new in moved.items():
            pattern = re.compile(
                rf"(?<![\w./-]){re.escape(old)}(?![\w-])|(?<=\./){re.escape(old)}(?![\w-])"
            )
            number = next((n for n, line in enumerate(lines, 1) if pattern.search(line)), 0)
            if number:
                text = (
                    f"it names {old}, which is {new} now; write that"
                    if new
                    else f"it names {old}, which is gone; {made.why[old]}"
                )
                found.append((f"{path}:{number}", text))
    return found


def apply(clone: Path, made: Layout) -> None:
    """Do the moves, in the index of git too, so that no byte changes."""
    # Those that make room come first.
    for old, new in sorted(made.moves.items(), key=lambda move: not move[1].startswith(ASIDE)):
        if new == old:
            continue
        if new:
            (clone / new).parent.mkdir(parents=True, exist_ok=True)
            git(clone, "mv", "--", old, new)
        else:
            git(clone, "rm", "--quiet", "--", old)
    for folder in FOLDERS:
        shutil.rmtree(clone / folder, ignore_errors=True)  # git mv leaves empty folders
    for path, linked in made.links.items():
        place = clone / made.moves[path]
        place.unlink(missing_ok=True)
        place.write_bytes(linked)
        git(clone, "add", "--", made.moves[path])
    for path, text in made.writes.items():
        (clone / path).write_text(text, encoding="utf-8")
        git(clone, "add", "--", path)


def aside(clone: Path, path: str) -> None:
    """Move a file out of the way."""
    (clone / ASIDE / path).parent.mkdir(parents=True, exist_ok=True)
    git(clone, "mv", "--force", "--", path, f"{ASIDE}/{path}")


def settle(clone: Path) -> tuple[list[str], list[str]]:
    """Bring back what the template wrote over; return the files that were merged and set aside."""
    merged, aside = [], []
    for path in git(clone, "diff", "--name-only", "-z").split("\0"):
        if not path:
            continue
        mine = content(clone, "show", f":{path}")
        theirs = (clone / path).read_bytes()
        if path in MERGED:
            lines = theirs.splitlines()
            own = [line for line in mine.splitlines() if line.strip() and line not in lines]
            if own:
                own = [b"", b"# Of this repository's owner.", *own]
                # What .gitattributes says last counts. In .gitignore the lines stand where a new
                # line of the template's, at the end, does not come into conflict with them.
                at = len(lines) if path == ".gitattributes" else 1
                lines[at:at] = own if path == ".gitattributes" else [*own, b""]
                (clone / path).write_bytes(b"\n".join(lines) + b"\n")
            merged.append(path)
        else:
            target = clone / ASIDE / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(mine)
            aside.append(path)
    return merged, aside
