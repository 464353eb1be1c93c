"""How long the contract takes, against a commit before: the checks that both have, and one image, in turns."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from . import builds, turns
from .turns import ROOT, Row

# The same name, and another check since: it asked whether nbgitpuller is installed, and now follows a link.
ANOTHER = "links with course material work"
CHECKS = """
import json
from hub_image.contract.groups import chosen, container, on_hub, static
groups = (static.CHECKS, container.CHECKS, chosen.IN_CONTAINER, on_hub.CHECKS, chosen.ON_HUB)
print(json.dumps([(check.number, check.name) for group in groups for check in group]))
"""


def measure(options: argparse.Namespace) -> list[Row]:
    """Return the row about the contract on an image as the template makes it, against the commit that --before names."""
    from tests.rig import engine

    image = builds.example("pip", ["numpy"])
    with tempfile.TemporaryDirectory() as name:
        before, empty = Path(name) / "before", Path(name) / "empty"
        empty.mkdir()
        git = ("git", "-C", ROOT, "worktree")
        subprocess.run([*git, "add", "--quiet", "--detach", before, options.before], check=True)
        try:
            there, here = checks(before), checks(ROOT)
            both = {
                check for check in map(tuple, there) if list(check) in here and check[1] != ANOTHER
            }

            def once(root: Path, known: list) -> float:
                left_out = {f"--without={check[1]}" for check in known if tuple(check) not in both}
                line = [*python(root), "-m", "hub_image", "test", image, *sorted(left_out)]
                # The current folder is the image's repository: one that says nothing.
                return turns.seconds(
                    engine.inside("env", f"--chdir={empty}", *line), env=engine.variables()
                )

            ours, other = turns.in_turns(
                options.repeat, lambda _: once(ROOT, here), lambda _: once(before, there)
            )
        finally:
            subprocess.run([*git, "remove", "--force", before], check=True)
    what = f"`hub-image test`, the {len(both)} checks that `{options.before}` has too"
    return [turns.compared(what, "s", ours, other, None)]


def python(root: Path) -> list[str]:
    """The words that start Python with the package of one checkout."""
    return ["env", f"PYTHONPATH={root / 'hooks'}", sys.executable]


def checks(root: Path) -> list:
    """The numbers and names of a checkout's checks."""
    line = [*python(root), "-c", CHECKS]
    return list(json.loads(subprocess.run(line, capture_output=True, check=True).stdout))
