"""environment.yml and environment.yaml: PyYAML, and py-rattler for each match spec."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from hub_image.lists import pip
from hub_image.lists.model import Channel, Fault, Package, PackageList, unreadable

if TYPE_CHECKING:
    import yaml  # slow: only `read` imports it, when there is such a list

# https://docs.conda.io/projects/conda/en/stable/user-guide/tasks/manage-environments.html
# and the keys that conda-lock and mamba add.
KEYS = {"name", "channels", "dependencies", "variables", "prefix", "platforms", "category"}
BUILD = re.compile(r"[\w.+*^$|()\[\]=-]*")


@lru_cache
def read(text: str) -> PackageList:
    """Read an environment.yml; its `pip:` section is part of the result."""
    import yaml

    from hub_image.syntax.yaml import NotYaml, compose

    try:
        root = compose(text)
    except NotYaml as error:
        return unreadable("conda", error.line, f"{error}; compare with the lines around it")
    if root is None:  # only comments: an empty list
        return PackageList()
    if not isinstance(root, yaml.MappingNode):
        return unreadable(
            "conda", 1, "this is no conda list; start with `channels:` and `dependencies:`"
        )
    found = _Found(text)
    sections = found.sections(root)
    for item in _items(sections.get("channels")):
        found.channel(item)
    for item in _items(sections.get("dependencies")):
        found.dependency(item)
    return PackageList(tuple(found.packages), tuple(found.faults), tuple(found.channels))


class _Found:
    """What has been found so far in a list."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.packages: list[Package] = []
        self.faults: list[Fault] = []
        self.channels: list[Channel] = []

    def fault(self, node: yaml.Node, message: str, severity: str = "error") -> None:
        self.faults.append(Fault("conda", node.start_mark.line + 1, message, severity))

    def sections(self, root: yaml.MappingNode) -> dict[str, yaml.Node]:
        found: dict[str, yaml.Node] = {}
        for key, value in root.value:
            name = getattr(key, "value", "") if key.id == "scalar" else ""
            if name in found:
                said = f"`{name}:` is here a second time and replaces the first; make them one"
                self.fault(key, said)
            elif name not in KEYS:
                said = f"conda knows no `{name}:` and ignores it; is it misspelt?"
                self.fault(key, said, "warning")
            found[name] = value
        if "dependencies" not in found:
            self.fault(root, "there is no `dependencies:`, so nothing is installed; add it")
        return found

    def channel(self, item: Any) -> None:
        if _is_text(item):
            self.channels.append(Channel(item.value, item.start_mark.line + 1))
        else:
            self.fault(item, "this is no channel; write a name such as `- conda-forge`")

    def dependency(self, item: Any) -> None:
        if item.id == "mapping":
            for key, value in item.value:
                self.part(key, value)
        elif not _is_text(item):
            self.fault(item, "this is no package; write `- name` or `- name=version`")
        else:
            try:
                self.packages.append(match_spec(item.value, item.start_mark.line + 1))
            except ValueError as error:
                self.fault(item, str(error))

    def part(self, key: Any, value: Any) -> None:
        """Read `pip:` with its requirements."""
        if getattr(key, "value", None) != "pip":
            said = self.text[key.start_mark.index : value.end_mark.index].strip()
            self.fault(key, f"conda cannot read `{said}`; write a version as in `numpy=2.3`")
            return
        for requirement in _items(value):
            if requirement.id == "scalar" and requirement.value:
                found = pip.read(requirement.value, requirement.start_mark.line + 1)
                self.packages += found.packages
                self.faults += found.faults
            else:
                self.fault(requirement, "pip cannot read this; write one requirement, as text")


def match_spec(text: str, line: int = 1) -> Package:
    """Return one conda match spec as a Package; raise ValueError with a sentence if it is none."""
    from rattler import MatchSpec, Version, VersionSpec
    from rattler.exceptions import InvalidMatchSpecError, InvalidVersionError

    if " - " in text:
        raise ValueError(f"`{text}` is two entries in one; begin their lines with the same indent")
    try:
        spec = MatchSpec(text)
    except InvalidMatchSpecError as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise ValueError(
            f"conda cannot read `{text}`: {reason}; "
            "write it as `name`, `name=1.2` or `name>=1.2,<2`"
        ) from None
    if spec.build and not BUILD.fullmatch(str(spec.build)):
        raise ValueError(
            f"conda takes `{spec.build}` in `{text}` for a build that no package has; "
            "join conditions with a comma, as in `name>=1.2,<2`"
        )
    version_spec = VersionSpec(spec.version) if spec.version else None

    def admits(version: str) -> bool:
        try:
            return version_spec is None or version_spec.matches(Version(version))
        except InvalidVersionError:
            return False

    return Package("conda", spec.name.normalized, text, line, admits=admits)


def _is_text(node: Any) -> bool:
    return bool(node.id == "scalar" and node.tag.endswith(":str"))


def _items(node: Any) -> list[Any]:
    """Return the items of a YAML list; anything else counts as a list of itself."""
    if node is None or (node.id == "scalar" and node.tag.endswith(":null")):
        return []
    return node.value if node.id == "sequence" else [node]
