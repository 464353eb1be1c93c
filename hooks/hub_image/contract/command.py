"""`hub-image test`: prove an image against the contract, on this computer."""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import closing
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from hub_image import catalog
from hub_image.contract import (
    FAIL,
    NOT_APPLICABLE,
    RESULTS,
    Check,
    Result,
    Target,
    display,
    selected,
)
from hub_image.contract.groups import chosen, container, image_tests, on_hub, static
from hub_image.handoff import profiles
from hub_image.repository import argument, image_env
from hub_image.tools import docker, github
from hub_image.tools.progress import progress

GROUPS = ("static", "container", "hub", "image-tests")
# The template's own checks, by what their group looks at.
CHECKS = {
    "What the image says about itself": static.CHECKS,
    "In a container with a hub's restrictions": [*container.CHECKS, *chosen.IN_CONTAINER],
    "On a JupyterHub": [*on_hub.CHECKS, *chosen.ON_HUB],
}
AT_ONCE = 2  # with more the hub, which takes longest, would wait for a processor
AMD64 = ("linux/amd64",)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hub-image test`."""
    target_arguments(parser)
    parser.add_argument(
        "--rules",
        action=Rules,
        nargs=0,
        help="print all checks, as Markdown, and stop",
    )
    parser.add_argument(
        "--published",
        action="store_true",
        help="the image is pushed: check that anyone can pull it",
    )
    parser.add_argument(
        "--max-size", type=float, default=10, metavar="GB", help="warn above this (default: 10)"
    )
    parser.add_argument(
        "--only",
        action="append",
        choices=GROUPS,
        help="run this group of checks; may be repeated (default: all)",
    )
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        metavar="CHECK",
        help="leave out a check, by number or name; may be repeated",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print the results as JSON, for programs, in place of the table",
    )
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write the results as JUnit XML")


class Rules(argparse.Action):
    """Print the page of all checks and stop, also where no image is named."""

    def __call__(self, *_: Any) -> None:
        """What argparse calls when it meets the option."""
        print(display.page(CHECKS), end="")
        raise SystemExit


def target_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `hub-image hub` needs too: which image, and what the repository says about it."""
    parser.add_argument(
        "image", metavar="IMAGE", help="the image, as in quay.io/org/name:tag; local ones work"
    )
    argument.path(parser, "the image's repository, for its answers and image-tests/")
    parser.add_argument("--hub-version", metavar="VERSION", help="JupyterHub of the hub")
    parser.add_argument("--default-url", metavar="PATH", help="the first page, as in /lab")
    parser.add_argument(
        "--interface", action="append", metavar="NAME", help="rstudio, vscode or desktop"
    )
    parser.add_argument(
        "--start-timeout",
        type=int,
        default=120,
        metavar="SECONDS",
        help="how long a server may take (default: 120)",
    )


def target(options: argparse.Namespace, say: Callable[[str], None]) -> Target:
    """What to test: from the options, else the repository's answers and profile, else the image and the catalog.

    Raises DockerError when there is no such image, Problem for a profile that a hub would not take.
    """
    answers = image_env.read(options.path)
    profile = {}
    if (options.path / profiles.FILE).exists():
        found = profiles.read(options.path)
        profiles.check(found)
        profile = found[0] if found else {}
    override = profile.get("kubespawner_override") or {}
    known = options.interface or (options.path / image_env.FILE).exists()
    return Target(
        reference=options.image,
        hub_version=options.hub_version or answers.hub_version or catalog.load().hub,
        family=answers.base_family,
        default_url=options.default_url or override.get("default_url") or "/lab",
        interfaces=tuple(options.interface or answers.interfaces) if known else None,
        dask_gateway=answers.dask_gateway,
        cuda=answers.cuda,
        platforms=answers.platforms or AMD64,
        repository=options.path,
        profile=profile,
        start_timeout=options.start_timeout,
        config=docker.inspect(options.image, say),
        published=getattr(options, "published", False),
        maximum_gb=getattr(options, "max_size", 10),
    )


def run(options: argparse.Namespace) -> int:
    """Print the results; return 1 when a check failed, else 0. Raises Problem when they could not run."""
    results = []
    with progress() as say:
        found = target(options, say)
        say.done(found.kind)
        with closing(contract(found, options.only or GROUPS, options.without, say)) as ended:
            for result in ended:
                results.append(result)
                if (
                    result.status != NOT_APPLICABLE
                ):  # what does not concern the image is only in the table
                    say.done(display.row(result), display.STYLES[result.status])
    results = in_order(results)
    print((display.as_json if options.json else display.text)(found, results))
    if options.junit:
        options.junit.parent.mkdir(parents=True, exist_ok=True)
        options.junit.write_text(display.junit(options.image, results), encoding="utf-8")
    github.summary(display.markdown(options.image, results))
    github.keep(RESULTS, display.as_json(found, results))
    return 1 if any(result.status == FAIL for result in results) else 0


def contract(
    found: Target,
    groups: Iterable[str] = GROUPS,
    without: Iterable[str] = (),
    say: Callable[[str], None] = lambda sentence: None,
) -> Generator[Result]:
    """Run the contract's groups on an image and yield each check's result as soon as it is there.

    The hub works while the others look at containers of their own. Containers are made when the first group
    needs them and are gone at the end, also when the caller stops early. Raises DockerError when Docker fails.
    """
    groups, without = set(groups), tuple(without)
    with tempfile.TemporaryDirectory() as fetched, docker.Session() as session:

        def on_the_hub() -> Iterator[Result]:
            checks = selected([*on_hub.CHECKS, *chosen.ON_HUB], without)
            if "hub" in groups and checks:
                say(f"Starting servers on a JupyterHub {found.hub_version}")
                day = on_hub.Day(found, session, {check.number for check in checks})
                yield from judge(checks, day, len(checks))

        def elsewhere() -> Iterator[Result]:
            checks = selected([*container.CHECKS, *chosen.IN_CONTAINER], without)
            if "static" in groups:
                yield from judge(selected(static.CHECKS, without), found)
            own = []
            if "image-tests" in groups and found.repository:
                own = selected(image_tests.checks(found.repository, Path(fetched)), without)
            if own or "container" in groups:
                say("Looking into a container")
                image = container.Container(found, session)
            if "container" in groups:
                yield from judge(checks, image, AT_ONCE)
            if own:
                say("Running image-tests/")
                yield from judge(own, image_tests.Owned(image))

        yield from together(session, on_the_hub(), elsewhere())


def together(session: docker.Session, *runs: Iterator[Result]) -> Iterator[Result]:
    """Yield what several iterators give as soon as it comes, each in a thread of its own; raise what one raises."""
    came: SimpleQueue[Result | Future[None]] = SimpleQueue()

    def pass_on(run: Iterator[Result]) -> None:
        for result in run:
            came.put(result)

    for run in runs:
        session.beside(pass_on, run).add_done_callback(came.put)
    for _ in runs:
        while not isinstance(item := came.get(), Future):
            yield item
        item.result()


def judge(checks: Iterable[Check], subject: Any, at_once: int = 1) -> Iterator[Result]:
    """Run checks on a subject, some at once, and yield each result as soon as it is there."""

    def timed(check: Check) -> Result:
        began = time.monotonic()
        return check.result(subject).after(time.monotonic() - began)

    pool = ThreadPoolExecutor(at_once)
    try:
        for end in as_completed([pool.submit(timed, check) for check in checks]):
            yield end.result()
    finally:
        pool.shutdown(cancel_futures=True)


def in_order(results: Iterable[Result]) -> list[Result]:
    """The results as the page of all checks has them, the owner's own last."""
    known = {check: number for number, check in enumerate(itertools.chain(*CHECKS.values()))}
    return sorted(results, key=lambda result: known.get(result.check, len(known)))
