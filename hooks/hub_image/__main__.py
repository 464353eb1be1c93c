"""The command line `hub-image`.

Each subcommand is a module with two functions: `arguments(parser)` adds its options, `run(options)`
does the work and returns the exit code. Only the module of the subcommand that was asked for is
imported, so that a check before a commit starts at once.
"""

import argparse
import io
import sys
from importlib import import_module
from types import ModuleType

from hub_image import __version__

# A new subcommand is one line here and one module in the room that it belongs to.
COMMANDS = {
    "check": ("checks.command", "look for mistakes in a repository before its image is built"),
    "test": ("contract.command", "prove an image against what hubs need, on a real JupyterHub"),
    "hub": ("contract.rehearse", "try an image on a JupyterHub on this computer, in the browser"),
    "adopt": ("adopt", "bring the template into a repository that has an image already"),
    "request": ("ci.request", "write the request to link a published image"),
    "profile": (
        "handoff.menu",
        "print the entry for the hub's menu, or merge those of several repositories",
    ),
    "gate": (
        "gate.command",
        "prove the images that change in a hub's configuration",
    ),
    "update": ("ci.update", "bring a repository to the newest release of the template"),
    "configure": (
        "ci.configure",
        "make an image repository of a copy of the template, or change its answers",
    ),
    "lock": (
        "lists.lock",
        "write down which packages a proved image has, so that later builds have the same",
    ),
    "links": ("handoff.links", "print links that start an image or build this repository"),
    # Steps of CI, for .github/workflows/image.yml.
    "plan": ("ci.plan", "decide what a run of CI makes of an event, and whether it may push"),
    "login": ("ci.login", "log Docker in to the registry"),
    "find": (
        "ci.find",
        "take the image of this commit from the registry, if it is published already",
    ),
    "publish": ("ci.publish", "push the image that was tested, under tags that never move"),
    "report": ("ci.report", "say what came out, on the run's page and on the pull request"),
    "settle": ("ci.settle", "propose new locks in a pull request, when enough has changed"),
    "clean-up": ("ci.clean_up", "remove the trial images of closed pull requests"),
}


def main(arguments: list[str] | None = None) -> int:
    """Run `hub-image` with these arguments, or the process's own; return the exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    for stream in (sys.stdout, sys.stderr):  # what is quoted from a file may be no text
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    parser = argparse.ArgumentParser(
        prog="hub-image", description="Tools for JupyterHub user images."
    )
    parser.add_argument("--version", action="version", version=f"hub-image {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    command = next((word for word in arguments if not word.startswith("-")), None)
    module: ModuleType | None = None
    for name, (place, help_text) in COMMANDS.items():
        subparser = subparsers.add_parser(
            name, help=help_text, description=f"{help_text.capitalize()}."
        )
        if name == command:
            module = import_module(f"hub_image.{place}")
            module.arguments(subparser)
    options = parser.parse_args(arguments)
    assert module is not None  # argparse has refused every other command
    return int(module.run(options))


if __name__ == "__main__":
    sys.exit(main())
