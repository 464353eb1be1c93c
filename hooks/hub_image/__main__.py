"""The command line `hub-image`.

Each command is a module with two functions: `arguments(parser)` adds its options, `run(options)` does the work and
returns the exit code, or raises Problem. Only the module of the command that was asked for is imported, so that a check
before a commit starts at once.
"""

import argparse
import contextlib
import io
import os
import sys
from importlib import import_module
from typing import Any, NoReturn

from hub_image import __version__
from hub_image.problem import Problem

# A new command is one line here and one module in the room that it belongs to.
COMMANDS = {
    "check": ("checks.command", "look for mistakes in a repository before its image is built"),
    "add": ("lists.add", "write packages into their lists, with why and until when"),
    "expire": ("ci.expire", "take out of the lists what is past the month beside it"),
    "test": ("contract.command", "prove an image against what hubs need, on a real JupyterHub"),
    "hub": ("contract.rehearse", "try an image on a JupyterHub on this computer, in the browser"),
    "adopt": ("adopt", "bring the template into a repository that has an image already"),
    "request": ("ci.request", "write the request to link a published image"),
    "profile": (
        "handoff.menu",
        "look over a hub's configuration, or print the entries of repositories for its menu",
    ),
    "links": ("handoff.links", "print links that start an image or build this repository"),
    "page": ("ci.page", "write a page about an image: what is in it, and how to start it"),
    "gate": (
        "gate.command",
        "prove the images that change in a hub's configuration",
    ),
    "fleet": ("fleet.command", "look over many images: where each runs, and which need somebody"),
    "update": ("ci.update", "bring a repository to the newest release of the template"),
    "configure": (
        "ci.configure",
        "make an image repository of a copy of the template, or change its answers",
    ),
    "lock": (
        "lists.lock",
        "write down which packages a proved image has, so that later builds have the same",
    ),
}
# What the workflows call, and only in GitHub Actions.
STEPS = {
    "plan": ("ci.plan", "decide what a run of CI makes of an event, and whether it may push"),
    "login": ("ci.login", "log Docker in to the registry"),
    "find": (
        "ci.find",
        "take the image of this commit from the registry, if it is published already",
    ),
    "publish": ("ci.publish", "push the image that was tested, under tags that never move"),
    "report": ("ci.report", "say what came out, on the run's page and on the pull request"),
    "release": ("ci.release", "choose the release of the template that an update takes"),
    "settle": ("ci.settle", "draft new locks for a pull request, when enough has changed"),
    "answer": ("ci.answer", "answer a request for a package, and draft it when somebody said yes"),
    "propose": ("ci.propose", "push what drafts of other jobs say, and open the pull requests"),
    "catch-up": ("ci.catch_up", "bring requests for packages up to what was merged meanwhile"),
    "notices": ("ci.notices", "say when the hub runs an image that is far behind"),
    "clean-up": ("ci.clean_up", "remove the trial images of closed pull requests"),
}
FINE, FOUND, COULD_NOT, INTERRUPTED = 0, 1, 2, 130
EXIT_CODES = {
    FINE: "all is well",
    FOUND: "it ran and found something: an error, a failed check, a conflict",
    COULD_NOT: "it could not run; the message says why",
    INTERRUPTED: "Ctrl-C ended it",
}


class Parser(argparse.ArgumentParser):
    """A parser whose complaint is a Problem, like every other."""

    def error(self, message: str) -> NoReturn:
        """Raise Problem, with what to do."""
        raise Problem(f"{message}; `{self.prog} --help` says what it takes")


class Command(Parser):
    """A command's own arguments: PATH may stand behind options, which argparse takes by itself only before them."""

    between = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse as argparse does, with positional arguments between options."""
        if self.between:  # argparse calls this twice itself, for the one and for the other
            return super().parse_known_args(args, namespace)
        self.between = True
        return self.parse_known_intermixed_args(args, namespace)


def main(arguments: list[str] | None = None) -> int:
    """Run `hub-image` with these arguments, or the process's own; return one of EXIT_CODES.

    Here, and nowhere else, a Problem becomes a sentence.
    """
    for stream in (sys.stdout, sys.stderr):  # what is quoted from a file may be no text
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    with _quoted():
        try:
            return _run(sys.argv[1:] if arguments is None else arguments)
        except Problem as problem:
            sentence = str(problem)
        except OSError as error:  # of a file or folder that the user named, or of the disk
            place = f"{error.filename}: " if error.filename else ""
            sentence = f"{place}{error.strerror or error}"
        except KeyboardInterrupt:
            return INTERRUPTED
        from hub_image.tools import github

        github.error(sentence)
        return COULD_NOT


def _quoted() -> contextlib.AbstractContextManager[None]:
    """Return what makes the output data where GitHub's runner reads it; elsewhere nothing, so that a check starts at once."""
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return contextlib.nullcontext()
    from hub_image.tools import github

    return github.quoted()


def _run(arguments: list[str]) -> int:
    parser = Parser(
        prog="hub-image",
        description="Tools for JupyterHub user images.",
        epilog=_epilog(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"hub-image {__version__}")
    subparsers = parser.add_subparsers(
        title="commands",
        dest="command",
        metavar="COMMAND",
        required=True,
        parser_class=Command,
    )
    command = next((word for word in arguments if not word.startswith("-")), None)
    known = COMMANDS | STEPS
    if arguments and arguments[0] in known:  # the others are for who asks for help, or mistypes
        known = {arguments[0]: known[arguments[0]]}
    for name, (place, purpose) in known.items():
        described = f"{purpose[0].upper()}{purpose[1:]}."
        if name in COMMANDS:
            subparser = subparsers.add_parser(name, help=purpose, description=described)
        else:  # without help argparse leaves it out of the list; the epilog has it
            subparser = subparsers.add_parser(name, description=described)
        if name == command:
            module = import_module(f"hub_image.{place}")
            module.arguments(subparser)
            subparser.set_defaults(run=module.run)
    options = parser.parse_args(arguments)
    return int(options.run(options))


def _epilog() -> str:
    """Return what stands below the commands in `--help`: the steps of CI, and the exit codes."""
    width = max(map(len, COMMANDS | STEPS))
    lines = ["steps of CI, which need GitHub Actions:"]
    lines += [f"  {name:{width}}  {purpose}" for name, (_, purpose) in STEPS.items()]
    lines += ["", "exit codes:"]
    lines += [f"  {code:<{width}}  {meaning}" for code, meaning in EXIT_CODES.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
