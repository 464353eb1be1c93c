"""`hub-image request`: the request to link a published image, for the people who run the hub.

`hub/link-request.md` is its text. What no commit can know, such as the tag of its own image, stands
there as `<name>`; here it is filled in from the registry and from the image itself.

CI does this after it has published, and keeps the request in one issue: hub_image/ci/request.py.
"""

import argparse
import re
from pathlib import Path
from textwrap import indent

from hub_image.handoff import into, links, profiles
from hub_image.problem import Problem
from hub_image.repository import argument, files, image_env
from hub_image.repository.reference import Reference
from hub_image.syntax import yaml
from hub_image.tools.github import event
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
    links.menu(parser)
    into.arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Write the request; return the exit code. Raises Problem as `request` does."""
    if options.into:
        into.run(options)
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
    changed = CHANGED.format(**vars(options)) if options.previous else ""
    forms = [[entry], profiles.as_choices([entry])]
    return changed + ADDED.format(*(indent(profiles.dump(form), "  ") for form in forms))


def _ticked(text: str, names: list[str]) -> str:
    """Tick what is proved. Raises Problem for a name that has no box."""
    names = [name.strip() for name in names if name.strip()]
    boxes = BOX.findall(text)
    for name in names:
        if name not in boxes:
            raise Problem(f"--proved {name}: {FILE} has no such box, only {', '.join(boxes)}")
    return BOX.sub(lambda box: box[0].replace("[ ]", "[x]") if box[1] in names else box[0], text)
