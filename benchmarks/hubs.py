"""How long the commands for a hub's engineers take on a configuration of 500 files."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from . import turns
from .turns import Row

COMMAND = Path(sys.executable).parent / "hub-image"
FILES = 500
# What a hub's file usually has: a menu, choices, anchors, and much that is not about images.
VALUES = """\
x-memory: &memory {{mem_guarantee: 4G, mem_limit: 8G}}
basehub:
  jupyterhub:
    custom:
      homepage: {{templateVars: {{org: {{name: "Hub {number}", url: "https://example.org/{number}"}}}}}}
    singleuser:
      image: {{name: quay.io/sea/hub-{number}, tag: "2026-01-{day:02}"}}
      profileList:
{profiles}"""
PROFILE = """\
        - display_name: "Menu {number}"
          slug: menu-{number}
          profile_options:
            image:
              display_name: Image
              choices:
                python:
                  display_name: Python
                  kubespawner_override: {{image: "quay.io/sea/python:{number}.0"}} # the course
                r:
                  display_name: R
                  kubespawner_override: {{image: "quay.io/sea/r:{number}.1"}}
          kubespawner_override: {{<<: *memory, cpu_limit: 2}}
"""


def measure(options: argparse.Namespace) -> list[Row]:
    """Return the rows about `hub-image profile` and about the gate's own time, without pull and contract."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(FILES):
            profiles = "".join(PROFILE.format(number=one) for one in range(6))
            text = VALUES.format(number=number, day=number % 28 + 1, profiles=profiles)
            (folder / f"hub-{number}.values.yaml").write_text(text)
        for line in ("init --quiet", "add --all", "commit --quiet --message First"):
            who = ("-c", "user.name=benchmark", "-c", "user.email=benchmark@example.org")
            subprocess.run(["git", "-C", folder, *who, *line.split()], check=True)
        for path in list(folder.glob("*.yaml"))[:20]:
            path.write_text(f"{path.read_text()}# looked at\n")
        read, gated = turns.in_turns(
            options.repeat,
            lambda _: turns.seconds([COMMAND, "profile", folder]),
            lambda _: turns.seconds([COMMAND, "gate", "--base=HEAD"], cwd=folder),
        )
    return [
        Row(f"`hub-image profile` on {FILES} files with {FILES * 13} images", f"{read:.2f} s"),
        Row("`hub-image gate`, 20 files of them changed and no image", f"{gated:.2f} s"),
    ]
