"""GitHub, as a fleet asks it: as little as possible, each thing three times at most, and no more once its limit is used up."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import Any

from hub_image.problem import Problem
from hub_image.tools import github
from hub_image.tools.github import NoAnswer, Refused, Take, Turns, Way

AT_ONCE = 8  # requests on their way; GitHub allows 100, of all that one token asks
WORKERS = 4 * AT_ONCE  # threads, of which some wait because GitHub was away
PAUSE = 1  # seconds between two requests that change something
TRIES = 3
AWAY = 4  # seconds before the second try where GitHub is away, and twice that before the third
PATIENCE = 150  # seconds that one request waits in all: a limit of a minute goes by, that of an hour does not
AT_LAST = 2 * AT_ONCE  # requests in a row without an answer, after which nobody asks any more


class Ended(Problem):
    """GitHub answers nothing more, and is asked nothing more: of what was not asked yet nothing is known."""


class Asking:
    """Asks with the token of the environment, for many at once.

    Nothing more is asked when GitHub's limit is used up or lasts, since who asks all the same may be shut out; when it does
    not take the token; and when it is away for everybody:
    https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
    """

    def __init__(self) -> None:
        self.over = threading.Event()
        self.turns = Turns(AT_ONCE, self.pause)
        self.way = Way(github.token(), PATIENCE, TRIES, self.turns, AWAY)
        self.sent = float("-inf")  # when something was sent last
        self.unanswered = 0  # requests in a row
        self.lock = threading.Lock()
        self.server = github.server()

    @property
    def ended(self) -> str:
        """Why GitHub answers nothing more, in a sentence; empty as long as it does."""
        return str(self.turns.ended or "")

    def pause(self, seconds: float) -> None:
        """Wait, unless all is over."""
        self.over.wait(seconds)

    @contextlib.contextmanager
    def pool(self) -> Iterator[ThreadPoolExecutor]:
        """Give threads for many questions. Where somebody interrupts them, only what is on its way is waited for."""
        with ThreadPoolExecutor(WORKERS) as pool:
            try:
                yield pool
            except BaseException:
                self.turns.ended = Ended("it was interrupted")
                self.over.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def get(self, path: str, take: Take | None = None) -> Any:
        """Return what GitHub answers, or what `take` makes of it. Raises Problem as `github.get` does, Ended among them."""
        with self._watched():
            return github.get(path, self.way, take)

    def pages(self, path: str) -> Iterator[Any]:
        """Yield the pages of a list. Raises Problem as `get` does."""
        with self._watched():
            yield from github.each_page(path, self.way)

    def send(self, method: str, path: str, body: dict[str, Any], made: Callable[[], Any]) -> Any:
        """Have GitHub do something, a second after the last such thing at the earliest; return what it answers.

        `made` looks whether it is done already, where an answer was lost. Raises Problem as `get` does.
        https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#pause-between-mutative-requests
        """
        time.sleep(max(0, self.sent + PAUSE - time.monotonic()))
        try:
            with self._watched():
                return github.send(method, path, body, self.way, made)
        finally:
            self.sent = time.monotonic()

    @contextlib.contextmanager
    def _watched(self) -> Iterator[None]:
        """Raise Ended where a Problem says that nothing else will be answered either."""
        try:
            yield
        except (NoAnswer, Refused) as problem:
            if said := self._why(problem):
                self.turns.ended = Ended(said)
                raise self.turns.ended from problem
            raise
        else:
            self.unanswered = 0

    def _why(self, problem: NoAnswer | Refused) -> str:
        """Why GitHub answers nothing more, by how it ended a request; empty where it may answer the next."""
        if isinstance(problem, Refused):
            self.unanswered = 0
            if problem.status != 401:
                return ""
            return "GitHub does not take the token in GH_TOKEN or GITHUB_TOKEN, which has ended or was not copied whole: make a new one"
        if problem.limited and (problem.seconds or 0) > PATIENCE:
            again = datetime.now(timezone.utc) + timedelta(seconds=problem.seconds or 0)
            until = f"{again:%H:%M} UTC"
            if self.way.token:
                return f"GitHub's limit for this hour is used up until {until}: run this again then"
            return (
                f"without a token GitHub answers 60 requests an hour, which are used up until {until}: set GITHUB_TOKEN, "
                "or run this again then"
            )
        if problem.limited:
            return "GitHub limits how fast this token may ask, and that does not pass: run this again in some minutes"
        with self.lock:
            self.unanswered += 1
        if self.unanswered < AT_LAST:
            return ""
        return (
            "GitHub is away: run this again when https://www.githubstatus.com says that all is well"
        )
