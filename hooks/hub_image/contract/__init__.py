"""The contract: what an image must do on a JupyterHub, as checks that run against a real one.

Each module below holds one group of checks; a check is a function with a number, a name that says
what it protects, a reason with its source, and what to change when it fails:

    static       what the image says about itself
    container    what happens in a container with a hub's restrictions
    on_hub       what happens on a real JupyterHub
    chosen       what the answers add: interfaces, Dask Gateway, graphics cards
    image_tests  what the repository's owner wrote into image-tests/

A number names a requirement, which may have several checks, and is never given again. To add a check, write one
decorated function in the module it belongs to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hub_image import __version__, catalog

PAGE = "docs/contract.md"
RESULTS = "contract.json"  # what `hub-image test` leaves for the later steps of its job
PASS, WARN, FAIL, NOT_APPLICABLE = "pass", "warn", "fail", "not applicable"


class Verdict(Exception):
    """How a check ends when it does not pass; raised by the check with one sentence."""

    status = FAIL


class Failure(Verdict):
    """The image would not work, or not as it should: it must not be linked."""


class Warning(Verdict):  # noqa: A001 (inside this package it always means this)
    """The image works, but people should know this."""

    status = WARN


class NotApplicable(Verdict):
    """The check does not concern this image; the sentence says why."""

    status = NOT_APPLICABLE


@dataclass(frozen=True)
class Check:
    """One rule. `run` gets its group's subject and returns a note, or raises a Verdict."""

    number: str
    name: str
    why: str
    source: str
    fix: str
    run: Callable[[Any], str | None]
    headline: str = ""  # what its note is called where the summary begins, if it stands there

    @property
    def link(self) -> str:
        """Its place on the page of all checks, as it was when this version was released; an owner's test has its own."""
        if self.number == "own":
            return self.source
        title = f"{self.number} {self.name}".lower()
        anchor = re.sub(r"[^\w -]", "", title).replace(
            " ", "-"
        )  # as GitHub makes it of the heading
        return f"{catalog.load().published}/blob/v{__version__}/{PAGE}#{anchor}"

    def result(self, subject: Any) -> Result:
        """Run the check."""
        try:
            return Result(self, PASS, self.run(subject) or "")
        except Verdict as verdict:
            return Result(self, verdict.status, str(verdict))


@dataclass(frozen=True)
class Result:
    """How one check ended; `detail` is one sentence or empty."""

    check: Check
    status: str
    detail: str
    seconds: float = 0

    def after(self, seconds: float) -> Result:
        """The same result with the time it took."""
        return replace(self, seconds=seconds)


class Group(list[Check]):
    """The checks of one module, in the order in which they are written."""

    def check(
        self, number: str, name: str, *, why: str, source: str, fix: str, headline: str = ""
    ) -> Callable[[Callable[[Any], str | None]], Callable[[Any], str | None]]:
        """Add the decorated function to the group."""

        def add(function: Callable[[Any], str | None]) -> Callable[[Any], str | None]:
            self.append(Check(number, name, why, source, fix, function, headline))
            return function

        return add


@dataclass(frozen=True)
class Target:
    """What is tested: an image, and what the repository it belongs to says about it."""

    reference: str
    hub_version: str
    family: str = ""
    default_url: str = "/lab"
    interfaces: tuple[str, ...] | None = None  # None where only the image itself says which
    dask_gateway: bool = False
    cuda: str = ""
    platforms: tuple[str, ...] = ("linux/amd64",)
    repository: Path | None = None
    profile: dict[str, Any] = field(default_factory=dict)  # its entry in the hub's menu
    override: dict[str, Any] = field(default_factory=dict)  # what a hub's configuration sets for it
    published: bool = False  # whether the reference is where hubs will pull it from
    maximum_gb: float = 10
    start_timeout: int = 120
    config: dict[str, Any] = field(default_factory=dict)  # of `docker image inspect`

    @property
    def kind(self) -> str:
        """Of which family it is, found out from the image where no answers say it."""
        for name, family in catalog.load().families.items():
            by_path = f"{family.prefix}/bin" in self.environment.get("PATH", "").split(":")
            if name == self.family or (not self.family and by_path):
                return f"{self.reference}: {family.title}; Python in {family.prefix}"
        return f"{self.reference}: like no image that the template knows"

    @property
    def first_page(self) -> str:
        """What the hub sends people to, below their server's address; hubs take it without a slash too."""
        return "/" + self.default_url.lstrip("/")

    @property
    def environment(self) -> dict[str, str]:
        """The environment that the image sets."""
        lines = self.config["Config"].get("Env") or []
        return dict(line.partition("=")[::2] for line in lines)


def selected(checks: Iterable[Check], without: Iterable[str]) -> list[Check]:
    """The checks whose number or name is not in `without`."""
    left_out = set(without)
    return [check for check in checks if not {check.number, check.name} & left_out]
