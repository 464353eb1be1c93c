"""The images in a hub's configuration: values of Zero to JupyterHub, BinderHub and charts around them.

Each comes with its exact bytes in the file, so that it can be changed and nothing else.

https://z2jh.jupyter.org/en/stable/resources/reference.html
https://jupyterhub-kubespawner.readthedocs.io/en/latest/spawner.html#kubespawner.KubeSpawner.profile_list
https://hubploy.readthedocs.io/en/latest/
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Any

import yaml

from hub_image.problem import Problem
from hub_image.repository.files import BOM
from hub_image.repository.reference import Reference
from hub_image.syntax.yaml import NotYaml, documents

SUFFIXES = (".yaml", ".yml")
SOPS = "sops"  # the key that sops adds to a file of which it has encrypted the values
TEMPLATE = re.compile(r"\{\{|\{%|<%")
NOT_YET = "this is a template, and not YAML yet"
MOST = 200_000  # values in one file: aliases of aliases could make more than there are atoms
ANY_IMAGE = re.compile(r"image|\w+_image|\w+Image|image_?[nN]ame")
PROFILES = ("profileList", "profile_list")
# What sets an image in Python below `hub.extraConfig`.
IN_PYTHON = re.compile(
    r"""\bimage(?:_spec)?["']?\s*[:=]\s*(["'])(?P<image>[\w./-]+(?::\d+/[\w./-]+)?:\w[\w.-]*(?:@sha256:[0-9a-f]{64})?)\1""",
    re.ASCII,
)
_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)+")  # an anchor and a tag before a value


class Kind(Enum):
    """Where an image stands, which says who starts it."""

    MENU = "menu"  # people choose it
    DEFAULT = "default"  # people get it where they choose none
    PULLED = "pulled"  # fetched by all nodes before somebody asks for it
    PYTHON = "python"  # set by code in the hub's configuration
    BUILDER = "builder"  # builds images
    SERVICE = "service"  # the hub's own parts, and containers beside a user's

    @property
    def is_users(self) -> bool:
        """Whether people's servers start from it."""
        return self not in (Kind.BUILDER, Kind.SERVICE)


@dataclass(frozen=True)
class Text:
    """A value in a file: its first byte, the byte after its last, what it says.

    `plain`: it has neither quotes nor `!!str`, so what it says may make it a number.
    """

    start: int
    end: int
    says: str
    plain: bool


@dataclass(frozen=True)
class Image:
    """An image in a hub's configuration.

    `tag` includes a digest, as in `2026.01.30@sha256:…` or `@sha256:…`; where name and tag stand apart, one of them may be in another
    file, and is empty. `place` is the way through the file, as in `jupyterhub.singleuser.image`; `title` is what people
    read in the menu. `also` is the same text in further places, through an anchor.
    """

    file: str
    line: int
    place: str
    kind: Kind
    name: str
    tag: str
    name_at: Text | None = None
    tag_at: Text | None = None  # the same as name_at where both stand in one value
    profile: str = ""
    option: str = ""
    choice: str = ""
    title: str = ""
    default_url: str = ""
    working_dir: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    also: tuple[Image, ...] = ()

    @property
    def reference(self) -> str:
        """The image as `docker pull` takes it, as far as it is known here."""
        mark = ":" if self.tag and not self.tag.startswith("@") else ""
        return f"{self.name}{mark}{self.tag}"

    @property
    def where(self) -> str:
        """File and line, as in `common.values.yaml:12`."""
        return f"{self.file}:{self.line}"

    @property
    def span(self) -> tuple[int, int]:
        """First byte and the byte after the last of what says the tag, or the name where nothing does."""
        at = self.tag_at or self.name_at
        assert at
        return at.start, at.end

    def completed(self, around: Iterable[Image]) -> Image:
        """Return this image with the name or tag that it lacks, from the same place in files around it."""
        if self.name and self.tag:
            return self
        same = [image for image in around if image.place == self.place]
        name = self.name or next((image.name for image in same if image.name), "")
        tag = self.tag or next((image.tag for image in same if image.tag), "")
        return replace(self, name=name, tag=tag)


@dataclass(frozen=True)
class Values:
    """What was read: images in their order, one sentence on each file that was passed over, and the files' bytes."""

    images: tuple[Image, ...] = ()
    notes: tuple[str, ...] = ()
    files: tuple[tuple[str, bytes], ...] = ()


def read(paths: Iterable[Path]) -> Values:
    """Return the images of these files, and of all YAML files below these folders.

    Raises Problem for a path that is not there.
    """
    images: list[Image] = []
    notes: list[str] = []
    files: list[tuple[str, bytes]] = []
    for path in paths:
        for file in _files(path):
            try:
                data = file.read_bytes()
            except OSError as error:
                raise Problem(f"{file} cannot be read: {error.strerror}; check its name") from None
            found = parse(data, str(file))
            images += found.images
            notes += found.notes
            files.append((str(file), data))
    return Values(tuple(images), tuple(notes), tuple(files))


def completed(images: Iterable[Image], root: Path | None = None) -> list[Image]:
    """Return these images; where one lacks its name or tag, as the same place in files of its folder has it.

    Files are named as seen from `root`, or from here.
    """
    found = list(images)
    folders: dict[Path, tuple[Image, ...]] = {}
    for number, image in enumerate(found):
        if not (image.name and image.tag):
            folder = (root or Path()) / Path(image.file).parent
            if folder not in folders:
                files = [file for file in _files(folder) if file.parent == folder]
                folders[folder] = read(files).images
            found[number] = image.completed(folders[folder])
    return found


def _files(path: Path) -> Iterable[Path]:
    if not path.is_dir():
        return [path]
    found = (file for file in path.rglob("*") if file.suffix in SUFFIXES and file.is_file())
    return sorted(file for file in found if ".git" not in file.parts)


def parse(data: bytes, file: str) -> Values:
    """Return the images in a file's bytes, or a note on why it was passed over."""
    try:
        return Values(tuple(_Reader(data, file).images()))
    except _PassedOver as reason:
        return Values(notes=(str(reason),))


class _PassedOver(Exception):
    """Why a file is not read, in one sentence."""


def nodes(data: bytes, file: str) -> tuple[str, list[yaml.Node]]:
    """Return a file's text without its byte order mark, and the nodes of its documents; none of a file that sops encrypted.

    Raises NotYaml, for a template with its own words.
    """
    try:
        text = data.decode("utf-8").removeprefix(BOM)
    except UnicodeDecodeError:
        raise NotYaml(1, "this is no UTF-8 text") from None
    try:
        found = documents(text)
    except NotYaml as error:
        if TEMPLATE.search(text):
            raise NotYaml(error.line, NOT_YET) from None
        raise
    return text, found


def is_encrypted(document: yaml.Node) -> bool:
    """Whether sops has encrypted the values of a document: https://getsops.io/docs/."""
    return isinstance(document, yaml.MappingNode) and any(
        key.value == SOPS
        and isinstance(value, yaml.MappingNode)
        and any(inner.value == "mac" for inner, _ in value.value)
        for key, value in document.value
    )


class _Reader:
    """Walks through the nodes of one file."""

    def __init__(self, data: bytes, file: str) -> None:
        self.file = file
        self.seen = 0
        self.inside: set[int] = set()
        self.known: dict[int, dict[str, yaml.Node]] = {}
        try:
            self.text, self.documents = nodes(data, file)
        except NotYaml as error:
            raise _PassedOver(f"{file}:{error.line}: {error}; passed over") from None
        self.first = len(data) - len(self.text.encode())  # a byte order mark
        self.ascii = self.text.isascii()

    def images(self) -> Iterator[Image]:
        """Yield every image once, in the order of the file; aliases and merges are further places of the same."""
        if any(map(is_encrypted, self.documents)):
            raise _PassedOver(f"{self.file}: sops has encrypted this file; passed over")
        found: dict[tuple[int, int], Image] = {}
        for document in self.documents:
            for image in self._walk(document, ()):
                first = found.setdefault(image.span, image)
                if first is not image:
                    found[image.span] = replace(first, also=(*first.also, image))
        yield from sorted(found.values(), key=lambda image: image.span)

    def entries(self, node: yaml.Node) -> dict[str, yaml.Node]:
        """Return what stands below a mapping, with what it merges; its own keys win."""
        if not isinstance(node, yaml.MappingNode):
            return {}
        if id(node) not in self.known:
            self.known[id(node)] = own = {}  # also while it is read: a mapping may merge itself
            merged: list[yaml.Node] = []
            for key, value in node.value:
                if key.tag == "tag:yaml.org,2002:merge":
                    merged += value.value if isinstance(value, yaml.SequenceNode) else [value]
                elif isinstance(key, yaml.ScalarNode):
                    own[key.value] = value
                else:  # as in `image: {{ .Values.image }}`
                    raise _PassedOver(
                        f"{self.file}:{self._line(key.start_mark.index)}: {NOT_YET}; passed over"
                    )
            for other in merged:
                for name, value in self.entries(other).items():
                    own.setdefault(name, value)
        return self.known[id(node)]

    def _walk(self, node: yaml.Node, way: tuple[tuple[str, yaml.Node], ...]) -> Iterator[Image]:
        """Yield the images below a node; `way` are the keys that lead to it, each with what stands below it."""
        self.seen += 1
        if self.seen > MOST or len(way) > 200:
            raise _PassedOver(f"{self.file}: its aliases never end; passed over")
        if id(node) in self.inside:
            return
        self.inside.add(id(node))
        if isinstance(node, yaml.MappingNode):
            for key, value in self.entries(node).items():
                yield from self._entry(key, value, (*way, (key, value)))
        elif isinstance(node, yaml.SequenceNode):
            for number, value in enumerate(node.value):
                inner = (*way, (str(number), value))
                # hubploy.yaml has `images: {images: [{name: ...}]}`.
                if way[-1:] and way[-1][0] == "images" and "name" in self.entries(value):
                    yield from self._one(self.entries(value)["name"], inner, Kind.DEFAULT)
                yield from self._walk(value, inner)
        self.inside.discard(id(node))

    def _entry(
        self, key: str, value: yaml.Node, way: tuple[tuple[str, yaml.Node], ...]
    ) -> Iterator[Image]:
        above = [name for name, _ in way[:-1]]
        if isinstance(value, yaml.ScalarNode):
            if ANY_IMAGE.fullmatch(key):
                yield from self._one(value, way, self._kind(key, above))
            elif value.style == "|":
                yield from self._in_python(value, way)
            return
        if key == "image" or above[-1:] == ["extraImages"]:
            yield from self._apart(value, way, self._kind(key, above))
        yield from self._walk(value, way)

    def _kind(self, key: str, above: list[str]) -> Kind:
        last = above[-1] if above else ""
        if last == "kubespawner_override":
            return Kind.MENU
        if last == "extraImages":
            return Kind.PULLED
        if (key, last) in (
            ("image", "singleuser"),
            ("image", "KubeSpawner"),
            ("image_name", "images"),
        ):
            return Kind.DEFAULT
        return Kind.BUILDER if key == "build_image" else Kind.SERVICE

    def _one(
        self, node: yaml.Node, way: tuple[tuple[str, yaml.Node], ...], kind: Kind
    ) -> Iterator[Image]:
        """An image in one value, as in `image: quay.io/owner/name:tag`."""
        at = self._at(node)
        if at is None:
            return
        try:
            reference = Reference.parse(at.says)
        except Problem:
            return  # such as "{value}", what a template fills in, or what sops has encrypted
        tag = at.says[len(reference.written) :].removeprefix(":")
        if kind is Kind.SERVICE and not tag and way[-1][0] != "image":
            return  # any word
        yield self._image(way, kind, reference.written, tag, at, at)

    def _apart(
        self, node: yaml.Node, way: tuple[tuple[str, yaml.Node], ...], kind: Kind
    ) -> Iterator[Image]:
        """An image whose name and tag stand apart, as in `image: {name: ..., tag: ...}`."""
        inner = self.entries(node)
        named, tagged = inner.get("name") or inner.get("repository"), inner.get("tag")
        name_at = self._at(named) if named else None
        tag_at = self._at(tagged) if tagged else None
        written = name_at.says if name_at else ""
        try:
            reference = Reference.parse(written) if written else None
        except Problem:
            return
        if tag_at and not re.fullmatch(r"[\w.-]+(@\w+:[0-9a-f]+)?", tag_at.says, re.ASCII):
            return
        if not (name_at or tag_at):
            return
        name = reference.written if reference else ""
        if not tag_at and name_at and reference and len(name) < len(name_at.says):
            tag_at = name_at  # both in `name`
        tag = tag_at.says if tag_at else ""
        if tag_at is name_at:
            tag = tag[len(name) + 1 :]
        yield self._image(way, kind, name, tag, name_at, tag_at)

    def _in_python(
        self, node: yaml.ScalarNode, way: tuple[tuple[str, yaml.Node], ...]
    ) -> Iterator[Image]:
        start = node.start_mark.index
        for found in IN_PYTHON.finditer(self.text[start : node.end_mark.index]):
            first, last = (start + found.start("image"), start + found.end("image"))
            before = self.text[self.text.rfind("\n", 0, first) + 1 : first]
            if before.lstrip().startswith("#"):
                continue
            reference = Reference.parse(found["image"])
            at = Text(self._byte(first), self._byte(last), found["image"], plain=False)
            place = ".".join(name for name, _ in way)
            tag = found["image"][len(reference.written) + 1 :]
            line = self._line(first)
            yield Image(self.file, line, place, Kind.PYTHON, reference.written, tag, at, at)

    def _image(
        self,
        way: tuple[tuple[str, yaml.Node], ...],
        kind: Kind,
        name: str,
        tag: str,
        name_at: Text | None,
        tag_at: Text | None,
    ) -> Image:
        at = tag_at or name_at
        assert at
        line = self._line(self._character(at.start))
        place = ".".join(key for key, _ in way)
        return Image(
            self.file, line, place, kind, name, tag, name_at, tag_at, **self._around(way, kind)
        )

    def _around(self, way: tuple[tuple[str, yaml.Node], ...], kind: Kind) -> dict[str, Any]:
        """What a menu, and the hub around it, say of an image."""
        keys = [key for key, _ in way]
        overrides: list[yaml.Node] = []
        about: dict[str, Any] = {}
        singleuser = next((node for key, node in way if key == "singleuser"), None)
        start = next((number for number, key in enumerate(keys) if key in PROFILES), None)
        if kind is Kind.MENU and start is not None and len(way) > start + 2:
            names = []
            key, profile = way[start + 1]
            said = self.entries(profile)
            about["profile"] = (
                self._word(said.get("slug")) or slug(self._word(said.get("display_name"))) or key
            )
            names.append(self._word(said.get("display_name")) or key)
            overrides.append(said.get("kubespawner_override") or profile)
            if keys[start + 2] == "profile_options" and len(way) > start + 5:
                about["option"] = keys[start + 3]
                is_choice = keys[start + 4] == "choices"
                key, choice = way[start + 5 if is_choice else start + 4]
                about["choice"] = key
                said = self.entries(choice)
                names.append(self._word(said.get("display_name")) or key)
                overrides.append(said.get("kubespawner_override") or choice)
            about["title"] = " › ".join(names)
        return about | self._settings(singleuser, overrides)

    def _settings(self, singleuser: yaml.Node | None, overrides: list[yaml.Node]) -> dict[str, Any]:
        """Where servers open, where they work and with which variables: the hub's own, then each override's."""
        hub = self.entries(singleuser) if singleuser else {}
        default_url = self._word(hub.get("defaultUrl"))
        working_dir = self._word(hub.get("workingDir"))
        environment = self._words(hub.get("extraEnv"))
        for node in overrides:
            said = self.entries(node)
            default_url = self._word(said.get("default_url")) or default_url
            working_dir = self._word(said.get("working_dir")) or working_dir
            environment |= self._words(said.get("environment"))
        return {
            "default_url": default_url,
            "working_dir": working_dir,
            "environment": environment,
        }

    def _word(self, node: yaml.Node | None) -> str:
        absent = node is None or node.tag == "tag:yaml.org,2002:null"
        return "" if absent or not isinstance(node, yaml.ScalarNode) else str(node.value)

    def _words(self, node: yaml.Node | None) -> dict[str, str]:
        """Variables that are plain words; those that Kubernetes takes from elsewhere are left out."""
        found = self.entries(node) if node else {}
        return {
            key: self._word(value)
            for key, value in found.items()
            if isinstance(value, yaml.ScalarNode)
        }

    def _at(self, node: yaml.Node) -> Text | None:
        """Return where a value stands, without its quotes, anchor and tag; nothing for what is no word."""
        says = self._word(node).strip()
        if not says or not isinstance(node, yaml.ScalarNode):
            return None
        start, end = node.start_mark.index, node.end_mark.index
        has_tag = False
        if properties := _PROPERTIES.match(self.text, start, end):
            start, has_tag = properties.end(), bool(re.search(r"(^|\s)!", properties[0]))
        if node.style in ("'", '"'):
            start, end = start + 1, end - 1  # with spaces inside, which would be part of the name
        elif node.style in ("|", ">"):
            start = self.text.find(says, start, end)
            end = start + len(says)
            if start < 0:
                return None  # over several lines: no image
        return Text(self._byte(start), self._byte(end), says, plain=not (node.style or has_tag))

    def _line(self, index: int) -> int:
        return self.text.count("\n", 0, index) + 1

    def _byte(self, index: int) -> int:
        return self.first + (index if self.ascii else len(self.text[:index].encode()))

    def _character(self, byte: int) -> int:
        byte -= self.first
        return byte if self.ascii else len(self.text.encode()[:byte].decode())


def slug(display_name: str) -> str:
    """Return the slug that KubeSpawner makes of a display name."""
    return re.sub(r"\W+", "-", display_name.lower()).strip("-")
