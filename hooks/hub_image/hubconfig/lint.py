"""What is wrong in a hub's configuration: what a hub would refuse, ignore without a word, or mix up.

An error surely breaks or is surely ignored; all else is a warning. Each finding says what happens on a hub, and what to
write.

https://jupyterhub-kubespawner.readthedocs.io/en/latest/spawner.html#kubespawner.KubeSpawner.profile_list
https://github.com/jupyterhub/zero-to-jupyterhub-k8s/blob/main/jupyterhub/values.schema.yaml
https://github.com/2i2c-org/jupyterhub-fancy-profiles
https://github.com/2i2c-org/infrastructure/blob/main/helm-charts/basehub/values.yaml
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from operator import methodcaller
from pathlib import Path
from typing import Any

from hub_image.checks import Finding
from hub_image.checks.rules import moving_tag
from hub_image.hubconfig import values
from hub_image.hubconfig.kubespawner_keys import OVERRIDES
from hub_image.problem import Problem
from hub_image.repository.reference import Reference
from hub_image.syntax.yaml import Mapping, NotYaml, construct

# The keys at each place. 2i2c's chart reads allowed_groups; choices have descriptions and images are
# built from the menu with jupyterhub-fancy-profiles.
PROFILE = {
    "display_name", "slug", "description", "default", "allowed_groups", "kubespawner_override",
    "profile_options",
}  # fmt: skip
OPTION = {"display_name", "choices", "unlisted_choice", "dynamic_image_building"}
CHOICE = {
    "display_name", "slug", "description", "default", "allowed_groups", "kubespawner_override",
}  # fmt: skip
UNLISTED = {
    "enabled", "display_name", "display_name_in_choices", "description_in_choices",
    "validation_regex", "validation_message", "allowed_groups", "kubespawner_override",
}  # fmt: skip
BUILDING = {"enabled"}
# Keys that people put one level too deep or under another name, and where each belongs.
MEANT = {
    ("kubespawner_override", "default"): "move it out, beside `kubespawner_override`",
    ("kubespawner_override", "display_name"): "move it out, beside `kubespawner_override`",
    ("kubespawner_override", "description"): "move it out, beside `kubespawner_override`",
    ("kubespawner_override", "image_spec"): "write `image`",
    ("kubespawner_override", "defaultUrl"): "write `default_url`",
    ("unlisted_choice", "description"): "write `description_in_choices`",
}
UNKNOWN, TWICE, KIND, NAME, SAME, IMAGE, MOVES = (
    "unknown-key", "key-twice", "wrong-kind", "no-name", "same-name", "no-image", "moving-tag",
)  # fmt: skip


def files(paths: Iterable[Path]) -> tuple[list[Finding], values.Values]:
    """Return what is wrong in these files and in all YAML files of these folders, and the images there.

    Raises Problem for a path that is not there.
    """
    read = values.read(paths)
    found: list[Finding] = []
    for file, data in read.files:
        found += text(data, file)
    return found, read


def text(data: bytes, file: str) -> list[Finding]:
    """Return what is wrong in the bytes of one file, in the order of its lines; nothing in a template or an encrypted file."""
    try:
        said, documents = values.nodes(data, file)
    except NotYaml as error:
        if error.args[0] == values.NOT_YET:
            return []
        return [
            Finding(file, error.line, f"{error}, so Helm refuses it; repair it", code="not-yaml")
        ]
    found: list[Finding] = []
    twice: list[NotYaml] = []
    for document in documents:
        if values.is_encrypted(document):
            return []
        try:
            for key, value in _settings(construct(document, file, twice)):
                found += _setting(key, value)
        except NotYaml as error:
            if "unhashable" in str(error):
                return []  # a template that is YAML by chance
            found.append(Finding(file, error.line, f"{error}; repair it", code="not-yaml"))
        except (TypeError, RecursionError):
            return []  # a template that is YAML by chance
    found += [Finding(file, again.line, f"{again}; remove one", code=TWICE) for again in twice]
    unique = {
        (finding.line, finding.message): finding for finding in found
    }  # aliases say all again
    return sorted(unique.values(), key=lambda finding: finding.line)


def _settings(data: Any, depth: int = 0) -> Iterator[tuple[str, tuple[Mapping, str]]]:
    """Yield each key that we know something about, with the mapping that has it."""
    if isinstance(data, Mapping) and depth < 50:
        for key, value in data.items():
            if key in (*values.PROFILES, "singleuser", "extraImages"):
                yield key, (data, key)
            if key not in values.PROFILES:
                yield from _settings(value, depth + 1)


def _setting(key: str, place: tuple[Mapping, str]) -> Iterator[Finding]:
    holder, name = place
    value = holder[name]
    if key in values.PROFILES:
        yield from _profiles(holder, name, value)
    elif key == "singleuser" and isinstance(value, Mapping):
        yield from _apart(value.get("image"))
    elif key == "extraImages" and isinstance(value, Mapping):
        for image in value.values():
            yield from _apart(image)


def _profiles(holder: Mapping, key: str, value: Any) -> Iterator[Finding]:
    entries = list(value.values()) if isinstance(value, Mapping) else value
    if not entries or isinstance(entries, str):
        return  # none, or made elsewhere
    if not isinstance(entries, list):
        yield _finding(
            holder,
            key,
            KIND,
            f"`{key}` is no list of profiles, so the hub does not start; write a list",
        )
        return
    profiles = [entry for entry in entries if isinstance(entry, Mapping)]
    if len(profiles) < len(entries):
        yield _finding(
            holder,
            key,
            KIND,
            f"`{key}` has an entry without keys, so nobody sees the menu; write `display_name:` below it",
        )
    yield from menu(profiles)
    for profile in profiles:
        for override in overrides(profile):
            yield from (finding for finding in tag(override))


def menu(profiles: list[Mapping]) -> Iterator[Finding]:
    """Yield what a hub would refuse, ignore or mix up in a list of profiles."""
    for profile in profiles:
        yield from _known(profile, PROFILE, "a profile")
        if not profile.get("display_name"):
            yield _finding(
                profile,
                "",
                NAME,
                "this profile has no `display_name`, without which the menu fails; say what people read",
            )
    for_all = [profile for profile in profiles if "allowed_groups" not in profile]
    yield from _distinct(for_all, "slug", slug, "profile", "error")
    yield from _distinct(
        for_all, "display_name", methodcaller("get", "display_name"), "profile", "warning"
    )
    yield from _defaults(profiles, "profile")
    for profile in profiles:
        yield from _override(profile)
        options = profile.get("profile_options")
        if isinstance(options, Mapping):
            for name, option in options.items():
                if isinstance(option, Mapping):
                    yield from _option(option)
                else:
                    yield _no_keys(options, name)
        elif options is not None:
            yield _no_keys(profile, "profile_options")


def _option(option: Mapping) -> Iterator[Finding]:
    yield from _known(option, OPTION, "an option")
    for key, keys in (("unlisted_choice", UNLISTED), ("dynamic_image_building", BUILDING)):
        inner = option.get(key)
        if isinstance(inner, Mapping):
            yield from _known(inner, keys, key)
            yield from _override(inner)
        elif inner is not None:
            yield _no_keys(option, key)
    choices = option.get("choices")
    if choices is None:
        return
    if not isinstance(choices, Mapping):
        yield _no_keys(option, "choices")
        return
    for name, choice in choices.items():
        if not isinstance(choice, Mapping):
            yield _no_keys(choices, name)
            continue
        yield from _known(choice, CHOICE, "a choice")
        if not choice.get("display_name"):
            yield _finding(
                choice,
                "",
                NAME,
                "this choice has no `display_name`, so its line in the menu is empty; say what people read",
                "warning",
            )
        yield from _override(choice)
    entries = [choice for choice in choices.values() if isinstance(choice, Mapping)]
    yield from _distinct(
        entries, "display_name", methodcaller("get", "display_name"), "choice", "warning"
    )
    yield from _defaults(entries, "choice")


def _override(entry: Mapping) -> Iterator[Finding]:
    override = entry.get("kubespawner_override")
    if isinstance(override, Mapping):
        yield from _known(override, OVERRIDES, "kubespawner_override")
        yield from _image(override, "image")
    elif "kubespawner_override" in entry:
        yield _no_keys(entry, "kubespawner_override")


def _image(holder: Mapping, key: str) -> Iterator[Finding]:
    image = holder.get(key)
    if image is None or (isinstance(image, str) and "{" in image):
        return  # what people type into "Other...", or what is filled in later
    try:
        Reference.parse(image if isinstance(image, str) else str(image))
        valid = isinstance(image, str)
    except Problem:
        valid = isinstance(image, str) and (
            "<" in image or image.startswith("ENC[")
        )  # filled in later
    if not valid:
        yield _finding(
            holder,
            key,
            IMAGE,
            f"`{_scalar(image)}` is no image, so whoever chooses it gets no server; write it as in quay.io/owner/name:tag",
        )


def _apart(image: Any) -> Iterator[Finding]:
    """Zero to JupyterHub takes texts only, and YAML makes 2026.1 of a tag 2026.10 without quotes."""
    if not isinstance(image, Mapping):
        return
    for key in ("name", "tag"):
        value = image.get(key)
        if value is not None and not isinstance(value, (str, Mapping, list)):
            yield _finding(
                image,
                key,
                IMAGE,
                f"`{key}` is no text for YAML, which reads {_scalar(value)}, so the chart refuses it; put it into quotes",
            )
    name, version = image.get("name"), image.get("tag")
    if isinstance(name, str):
        yield from _image(image, "name")
        if isinstance(version, str):
            yield from _moving(image, "tag", f"{name}:{version}")


def tag(override: Mapping) -> Iterator[Finding]:
    """Yield a finding for an image in `kubespawner_override` that may mean another one tomorrow."""
    image = override.get("image")
    if isinstance(image, str) and "{" not in image:
        yield from _moving(override, "image", image)


def _moving(holder: Mapping, key: str, image: str) -> Iterator[Finding]:
    for found in moving_tag.finding("", 0, image):
        code = MOVES if found.severity == "error" else "may-move"
        what, _, advice = found.message.partition("; ")
        yield _finding(
            holder,
            key,
            code,
            f"{what}, and each node keeps what it pulled first; {advice}",
            "warning",
        )


def _known(mapping: Mapping, keys: Iterable[str], place: str) -> Iterator[Finding]:
    for key in mapping:
        if key in keys:
            continue
        what = place.removeprefix("a ").removeprefix("an ")
        near = get_close_matches(str(key), sorted(keys), 1)
        advice = MEANT.get((what, key)) or (f"write `{near[0]}`" if near else "remove it")
        happens = "a hub ignores it"
        if place == "kubespawner_override" and isinstance(mapping[key], dict):
            happens = "no server starts with it"
        yield _finding(
            mapping, key, UNKNOWN, f"`{key}` is no key of {place}, so {happens}; {advice}"
        )


def _defaults(entries: Iterable[Mapping], kind: str) -> Iterator[Finding]:
    """Only the first default counts; where groups see different entries, each may have one."""
    chosen = [entry for entry in entries if entry.get("default")]
    if any("allowed_groups" in entry for entry in chosen):
        return
    yield from _distinct(chosen, "default", methodcaller("get", "default"), kind, "error")


def _distinct(
    entries: Iterable[Mapping], key: str, value: Callable[[Mapping], Any], kind: str, severity: str
) -> Iterator[Finding]:
    first: dict[str, Mapping] = {}
    for entry in entries:
        if not value(entry):
            continue
        other = first.setdefault(str(value(entry)), entry)
        if other is not entry:
            happens = (
                "people cannot tell them apart" if key == "display_name" else "the first counts"
            )
            yield _finding(
                entry, key, SAME,
                f"`{key}: {_scalar(value(entry))}` is that of another {kind} already, {other.where(key)}, so "
                f"{happens}; only one can have it", severity,
            )  # fmt: skip


def overrides(profile: Mapping) -> Iterator[Mapping]:
    """Yield every kubespawner_override of a profile that is one."""
    entries = [profile]
    options = profile.get("profile_options")
    for option in options.values() if isinstance(options, Mapping) else ():
        if isinstance(option, Mapping):
            choices = option.get("choices")
            entries += choices.values() if isinstance(choices, Mapping) else ()
            entries.append(option.get("unlisted_choice") or Mapping())
    for entry in entries:
        if isinstance(entry, Mapping) and isinstance(entry.get("kubespawner_override"), Mapping):
            yield entry["kubespawner_override"]


def slug(profile: Mapping) -> str:
    """Return a profile's slug; KubeSpawner makes a missing one from the display name, like this."""
    return str(profile.get("slug") or values.slug(str(profile.get("display_name") or "")))


def _no_keys(holder: Mapping, key: str) -> Finding:
    return _finding(
        holder,
        key,
        KIND,
        f"`{key}` has no keys below it, so the menu or the server fails; indent them",
    )


def _finding(
    mapping: Mapping, key: str, code: str, message: str, severity: str = "error"
) -> Finding:
    return Finding(mapping.file, mapping.lines.get(key, mapping.line), message, severity, code=code)


def _scalar(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
