"""Three hundred repositories in every state, with their registry and their hub: python tests/fleet/many.py NUMBER.

As a program it serves them in a process of its own, each answer after 20 ms, some of them limits and 502, until its input
ends; then it prints how many requests came. benchmarks/fleets.py measures the command with it.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from fleet.hosting import PUBLISHED, Repository, Server, image

OLD, NEW = "0" * 12, "f" * 12
DAYS = {OLD: "2026-09-01T00:00:00Z", NEW: "2026-11-20T00:00:00Z"}
KIND = "application/vnd.oci.image.manifest.v1+json"


class State(NamedTuple):
    """What is so of a repository: how it differs, which tag its hub has, its registry's tags, and what it needs."""

    needs: list[str]
    change: Callable[[Repository], object] = lambda one: None
    tag: str = NEW
    has: tuple[str, ...] = (OLD, NEW)


def answers(**more: str) -> Callable[[Repository], object]:
    return lambda one: one.files.update(
        image(**more, IMAGE_NAME=one.name.partition("/")[2], REGISTRY=registry_of(one))
    )


def registry_of(one: Repository) -> str:
    text = str(one.files[".github/image.env"])
    return text.partition("REGISTRY=")[2].partition("\n")[0]


def bot(kind: str, pull: bool) -> Callable[[Repository], object]:
    return lambda one: one.opens(f"<!-- hub-image {kind} -->\n", kind.capitalize(), pull)


def gone(one: Repository) -> None:
    one.files.clear()


STATES = {
    "well": State([]),
    "moves": State(["moves"], tag="latest", has=(OLD, NEW, "latest")),
    "gone": State(["gone", "behind"], tag="1" * 12),
    "failed": State(["failed"], lambda one: one.ran("failure", "1" * 40)),
    "behind": State(["behind"], tag=OLD),
    "request": State(["behind"], bot("request", False), tag=OLD),
    "linked": State([], bot("request", False)),
    "update": State(["waits"], bot("update", True)),
    "needs-you": State(["waits"], bot("update", False)),
    "locks": State(["waits"], bot("settle", True)),
    "base": State(["base"], answers(BASE_IMAGE="quay.io/jupyter/scipy-notebook:2024-01-01")),
    "template": State(
        ["template"],
        lambda one: one.files.update(
            {".copier-answers.yml": f"_commit: v0.0.1\n_src_path: {PUBLISHED}\n"}
        ),
    ),
    "packages": State(
        ["packages"], lambda one: one.files.update({"apt.txt": "zip  # 101, until 2020-01\n"})
    ),
    "unlinked": State(["unlinked"], tag=""),
    "no-image": State(["unknown", "unlinked"], tag="", has=()),
    "worst": State(
        ["moves", "failed", "waits", "packages"],
        lambda one: (
            one.ran("failure", "1" * 40),
            one.opens("<!-- hub-image update -->\n", "Update", True),
            one.files.update({"apt.txt": "zip  # 101, until 2020-01\n"}),
        ),
        "latest",
        (OLD, NEW, "latest"),
    ),
    "site": State([], gone, tag=""),
    "archived": State([], lambda one: setattr(one, "archived", True)),
    "fork": State([], lambda one: setattr(one, "fork", True), tag=""),
    "others": State([], lambda one: one.opens("Hello", "Update", True, "ada").opens("<!-- x")),
}
WITHOUT = ("site", "fork")  # have no row; an archived one has the row of its hub


def make(server: Server, number: int, registry: str) -> tuple[dict[str, dict[str, str]], str]:
    """Add so many repositories of sea; return the images in the registry, with their days, and the hub's menu."""
    images: dict[str, dict[str, str]] = {}
    menu = "jupyterhub:\n  singleuser:\n    profileList:\n"
    for at in range(number):
        state = list(STATES)[at % len(STATES)]
        name = f"{state}-{at}"
        one = Repository(f"sea/{name}", image(IMAGE_NAME=name, REGISTRY=registry))
        one.ran("success", NEW[0] * 40)
        STATES[state].change(one)
        server.add(one)
        has = {tag: DAYS.get(tag, DAYS[NEW]) for tag in STATES[state].has}
        images[f"{registry}/sea/{name}"] = has
        if tag := STATES[state].tag:
            entry = f'{{image: "{registry}/sea/{name}:{tag}"}}'
            menu += f"      - display_name: {name}\n        kubespawner_override: {entry}\n"
    return images, menu


def disturb(server: Server, number: int, seconds: float) -> None:
    """Let some answers be errors, none of them three times, and limit whoever asks three times for some seconds."""
    for at in range(0, number, 15):
        name = f"{list(STATES)[at % len(STATES)]}-{at}/"
        server.fail(f"{name}tarball", 502)
        server.fail(f"{name}issues", 502)
    server.fail("/repos/sea/well-0/actions", 502, times=2)
    server.limits = {100 + part * number // 2: seconds for part in range(3)}


def main(number: int) -> None:
    """Serve; the first line that is printed says where, the last one how many requests came."""
    from ci.standins import registry as standin
    from ci.standins.registry import Content, digest_of

    images = standin.Registry("quay.io")
    threading.Thread(target=images.serve_forever, args=(0.01,), daemon=True).start()
    server = Server()
    has, menu = make(server, number, f"127.0.0.1:{images.server_port}")
    for name, tags in has.items():
        content = images.content[name.partition("/")[2]] = Content(public=True)
        for tag, created in tags.items():
            about = json.dumps({"config": {}, "created": created}).encode()
            content.blobs[digest_of(about)] = about
            manifest = {"config": {"digest": digest_of(about), "size": 1}, "layers": []}
            content.put(KIND, json.dumps(manifest).encode(), tag)
    disturb(server, number, 3)
    server.delay = 0.02
    with server.served():
        print(json.dumps({"api": server.address, "menu": menu}), flush=True)
        sys.stdin.read()
        print(json.dumps({"requests": sum(server.seen.values())}), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
