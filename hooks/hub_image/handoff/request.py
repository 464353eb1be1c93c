"""`hub-image request`: the request to link a published image, for the people who run the hub.

`hub/link-request.md` is its text. What no commit can know, such as the tag of its own image, stands
there as `<name>`; here it is filled in from the registry and from the image itself.

CI does this after it has published, and keeps the request in one issue: hub_image/ci/request.py.
"""

import argparse
import os
import re
import tempfile
from pathlib import Path
from textwrap import indent

from hub_image.handoff import config, into, links, profiles, pull_request
from hub_image.hubconfig import edit, lint, values
from hub_image.problem import Problem
from hub_image.repository import argument, files, image_env
from hub_image.repository.reference import Reference
from hub_image.syntax import yaml
from hub_image.tools.github import event, warn
from hub_image.tools.registry import Repository, settings_page

FILE = "hub/link-request.md"
CHANGED = """\
Where an earlier image is linked, change its line:

```diff
-image: "{previous}"
+image: "{reference}"
```

"""
ADDED = """\
As a profile of its own, in `singleuser`:

```yaml
profileList:
{}```

Or as a choice of a profile, with *Other…* beside it:

```yaml
profileList:
{}```"""
LINE = """\
In `{file}`, line {line}:

```diff
{diff}```

"""
ONE_MORE = """\
In `{file}`, one more entry below `choices:` of the profile {profile}:

```yaml
{lines}```
"""
PLACE = re.compile(r"`<([^`>]+)>`")
BOX = re.compile(r"^- \[ \] \*\*(\w+)\*\*", re.MULTILINE)
LABEL = "org.opencontainers.image."
COMMIT = re.compile(r"[0-9a-f]{12}")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hub-image request`."""
    parser.add_argument(
        "reference",
        metavar="REFERENCE",
        nargs="?",
        default="",
        help="the published image with its tag",
    )
    argument.path(parser)
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="write it there, not to the screen"
    )
    parser.add_argument(
        "--digest", default="", help="what was tested; the registry must have just this"
    )
    parser.add_argument(
        "--previous", default="", metavar="REFERENCE", help="the last good image, to roll back to"
    )
    parser.add_argument(
        "--proved",
        default="",
        metavar="NAMES",
        help="what is proved, as in built,contract: those boxes are ticked",
    )
    parser.add_argument(
        "--hub", default="staging first, then production", help="which hub (default: %(default)s)"
    )
    parser.add_argument(
        "--replaces", default="", metavar="CHOICE", help="the profile and choice that it replaces"
    )
    parser.add_argument("--default", action="store_true", help="it is to be the default choice")
    parser.add_argument(
        "--contact", default="", help="who to ask (default: the repository's issues)"
    )
    parser.add_argument(
        "--pull-request",
        action="store_true",
        help="open or renew a pull request on the hub's configuration that the answer hub_config names",
    )
    links.menu(parser)
    into.arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Write the request; return the exit code. Raises Problem as `request` does."""
    if options.into:
        into.run(options)
    elif options.pull_request:
        print(propose(options))
    else:
        write(request(options), options.output)
    return 0


def write(text: str, output: Path | None) -> None:
    """Print the request, or write it into a file."""
    if output:
        output.write_text(text, encoding="utf-8")
    else:
        print(text, end="")


def request(options: argparse.Namespace) -> str:
    """Return the request as Markdown.

    Raises Problem when the registry has no such image, or one with another digest, and when the
    image was not made from this repository.
    """
    if not options.reference:
        raise Problem(
            "name the published image with its tag, as in ghcr.io/owner/name:0a1b2c3d4e5f"
        )
    entry = profiles.read(options.path)[0]
    name = entry["kubespawner_override"]["image"]
    profiles.fill([entry], [options.reference])
    profiles.check([entry])
    digest, labels = published(options.reference)
    if options.digest not in ("", digest):
        raise Problem(
            f"{options.reference} has the digest {digest} in the registry, but {options.digest} was tested: "
            "request the image that was tested"
        )
    _made_here(options, labels)
    values = _facts(options, entry, digest, labels)
    text = _ticked(files.read(options.path / FILE), options.proved.split(","))
    text = PLACE.sub(lambda place: values.get(place[1], place[0]), text)
    return text.replace(name, options.reference)


def propose(options: argparse.Namespace) -> str:
    """Open or renew the pull request on the hub's configuration; return in one sentence what came of it. Raises Problem."""
    answers = image_env.read(options.path)
    if not answers.hub_config:
        raise Problem(
            "no answer says where the hub's configuration is; give hub_config, or change a checkout with --into"
        )
    digest, labels = published(options.reference)
    _made_here(options, labels)
    source = labels.get(f"{LABEL}source", "")
    body = f"A new image of {answers.title}, {source or options.reference}, with the digest `{digest}`."
    which = {key: getattr(options, key) for key in ("profile", "choice", "previous")}
    where = config.HubConfig.parse(answers.hub_config)
    address = pull_request.propose(options.reference, where, body, **which)
    return address or f"{where.repository} has {options.reference} already."


def published(reference: str) -> tuple[str, dict[str, str]]:
    """Return the digest and the labels of an image, as its registry has them. Raises Problem."""
    image, _, tag = reference.rpartition(":")
    repository = Repository(image)
    digest = repository.digest(tag)
    if digest is None:
        raise Problem(f"{reference} is not in the registry; publish it first, or check its name")
    return digest, repository.configuration(digest).get("Labels") or {}


def _made_here(options: argparse.Namespace, labels: dict[str, str]) -> None:
    """Raise Problem when image and repository contradict each other."""
    tag = Reference.parse(options.reference).tag
    answers = image_env.read(options.path)
    said = {"title": answers.title, "base.name": answers.base_image}
    if COMMIT.match(tag):
        said["revision"] = tag[:12]
    for label, value in said.items():
        found = labels.get(LABEL + label, "").strip()  # as the answers are
        found = found[:12] if label == "revision" else found
        if value and found and found != value:
            raise Problem(
                f"{options.reference} has the label {label}={found}, but here it would be {value}: "
                "check out the commit that the image was built from"
            )


def _facts(
    options: argparse.Namespace, entry: yaml.Mapping, digest: str, labels: dict[str, str]
) -> dict[str, str]:
    """Return what is filled in, by the name of its place in `hub/link-request.md`."""
    answers = image_env.read(options.path)
    github = links.github_repository(options.path)
    source = labels.get(f"{LABEL}source", f"https://github.com/{github}")
    facts = {
        "digest": f"`{digest}`",
        "hub": options.hub,
        "change": "a new choice",
        "default": "yes" if options.default else "no, as it is",
        "default_url": "the hub's own",
        "working_dir": "the hub's own",
        "made from": f"`{labels.get(f'{LABEL}base.name', answers.base_image)}`",
        "tested against": "nothing yet",
        "rollback": "remove it again; there is no earlier image",
        "contact": options.contact or f"{source}/issues",
        "its settings": settings_page(Reference.parse(options.reference).name, event()),
        "try it": "paste its name there",
        "lines for values.yaml": _lines(options, entry),
    }
    for key in ("default_url", "working_dir"):
        if key in entry["kubespawner_override"]:
            facts[key] = f"`{entry['kubespawner_override'][key]}` (`{key}`)"
    if commit := labels.get(f"{LABEL}revision"):
        facts["made from"] += f", commit {source}/commit/{commit}"
    if options.previous:
        facts["change"] = f"instead of `{options.previous}`"
        facts["rollback"] = f"put `{options.previous}` in its place again"
    if options.replaces:
        facts["change"] = f"instead of {options.replaces}"
    if "contract" in options.proved:
        facts["tested against"] = (
            f"JupyterHub {answers.hub_version}, as user 1000 without further privileges, "
            "with an empty home"
        )
    if answers.hub_url and options.profile:
        facts["try it"] = links.other(
            answers.hub_url, options.reference, options.profile, options.option
        )
    return facts


def _lines(options: argparse.Namespace, entry: yaml.Mapping) -> str:
    """Return the entry in each form in which it can go into a hub's values."""
    if answered := image_env.read(options.path).hub_config:
        try:
            if known := _known_lines(config.HubConfig.parse(answered), options, entry):
                return known
        except Problem as problem:
            warn(f"{problem} The request has whole lists in place of the lines that change.")
    changed = CHANGED.format(**vars(options)) if options.previous else ""
    forms = [[entry], profiles.as_choices([entry])]
    return changed + ADDED.format(*(indent(profiles.dump(form), "  ") for form in forms))


def _known_lines(where: config.HubConfig, options: argparse.Namespace, entry: yaml.Mapping) -> str:
    """Return the lines that change in the hub's configuration as it is now; nothing where it has no place for them.

    Raises Problem where it cannot be read, or where several images could be meant.
    """
    with tempfile.TemporaryDirectory() as folder:
        clone = where.checkout(Path(folder, "hub"), os.environ.get(config.TOKEN, ""))
        read = {file: values.parse((clone / file).read_bytes(), file) for file in where.files}
        places = [(clone / file, 0) for file in where.files]
        try:
            changes = into.changed(
                places, options.reference, everywhere=True, previous=options.previous
            )
        except edit.NotThere:
            return _one_more(read, entry)
        return "".join(_diff(clone, path, data, images) for path, (data, images) in changes.items())


def _diff(clone: Path, path: Path, data: bytes, images: list[values.Image]) -> str:
    old, new = (text.decode().splitlines() for text in (path.read_bytes(), data))
    text = ""
    for line in sorted({image.line for image in images}):
        diff = f"-{old[line - 1]}\n+{new[line - 1]}\n"
        text += LINE.format(file=path.relative_to(clone).as_posix(), line=line, diff=diff)
    return text


def _one_more(read: dict[str, values.Values], entry: yaml.Mapping) -> str:
    """Return the entry as one more choice of the first menu of images that there is; nothing where there is none."""
    for file, found in read.items():
        for image in found.images:
            if image.choice and image.option:
                keys = lint.CHOICE - {"slug"}
                choice = {lint.slug(entry): {key: entry[key] for key in entry if key in keys}}
                return ONE_MORE.format(
                    file=file, profile=image.profile, lines=profiles.dump(choice)
                )
    return ""


def _ticked(text: str, names: list[str]) -> str:
    """Tick what is proved. Raises Problem for a name that has no box."""
    names = [name.strip() for name in names if name.strip()]
    boxes = BOX.findall(text)
    for name in names:
        if name not in boxes:
            raise Problem(f"--proved {name}: {FILE} has no such box, only {', '.join(boxes)}")
    return BOX.sub(lambda box: box[0].replace("[ ]", "[x]") if box[1] in names else box[0], text)
