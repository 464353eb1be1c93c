"""GitHub, as a fleet asks it: as little as possible, each thing three times at most, and no more once its limit is used up."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

from hub_image.problem import Problem
from hub_image.tools import github
from hub_image.tools.github import NoAnswer, Take, Turns, Way

AT_ONCE = 8  # requests on their way; GitHub allows 100, of all that one token asks
WORKERS = 4 * AT_ONCE  # threads, of which some wait because GitHub was away
PAUSE = 1  # seconds between two requests that change something
TRIES = 3
AWAY = 4  # seconds before the second try where GitHub is away, and twice that before the third
PATIENCE = 150  # seconds that one request waits in all: a limit of a minute goes by, that of an hour does not


class UsedUp(Problem):
    """GitHub answers no more until a time that it says."""


class Asking:
    """Asks with the token of the environment, for many at once.

    When GitHub's limit is used up nothing more is asked, since who asks all the same may be shut out:
    https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
    """

    def __init__(self) -> None:
        self.turns = Turns(AT_ONCE)
        self.way = Way(github.token(), PATIENCE, TRIES, self.turns, AWAY)
        self.sent = float("-inf")  # when something was sent last
        self.server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")

    @property
    def used_up(self) -> str:
        """Until when GitHub answers no more, in a sentence; empty as long as it does."""
        return str(self.turns.ended or "")

    def get(self, path: str, take: Take | None = None) -> Any:
        """Return what GitHub answers, or what `take` makes of it. Raises Problem as `github.get` does, UsedUp among them."""
        try:
            return github.get(path, self.way, take)
        except NoAnswer as problem:
            self._end(problem)
            raise

    def pages(self, path: str) -> Iterator[Any]:
        """Yield the pages of a list. Raises Problem as `get` does."""
        try:
            yield from github.each_page(path, self.way)
        except NoAnswer as problem:
            self._end(problem)
            raise

    def send(self, method: str, path: str, body: dict[str, Any], made: Callable[[], Any]) -> Any:
        """Have GitHub do something, a second after the last such thing at the earliest; return what it answers.

        `made` looks whether it is done already, where an answer was lost. Raises Problem as `get` does.
        https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#pause-between-mutative-requests
        """
        time.sleep(max(0, self.sent + PAUSE - time.monotonic()))
        try:
            return github.send(method, path, body, self.way, made)
        except NoAnswer as problem:
            self._end(problem)
            raise
        finally:
            self.sent = time.monotonic()

    def _end(self, problem: NoAnswer) -> None:
        """Raise UsedUp where GitHub says that it will not answer for longer than we wait."""
        if (problem.seconds or 0) <= PATIENCE:
            return
        again = datetime.now(timezone.utc) + timedelta(seconds=problem.seconds or 0)
        until = f"{again:%H:%M} UTC"
        if self.way.token:
            said = f"GitHub's limit for this hour is used up until {until}: run this again then"
        else:
            said = (
                f"without a token GitHub answers 60 requests an hour, which are used up until {until}: set GITHUB_TOKEN, "
                "or run this again then"
            )
        self.turns.ended = UsedUp(said)
        raise self.turns.ended from problem
