"""Progress: what goes on, for whoever waits: a live line and colours at a terminal, plain lines in CI and in pipes.

It goes to standard error, away from results. rich decides which of the two it is, and honours NO_COLOR: https://no-color.org
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.status import Status
from rich.text import Text


class Progress:
    """Says what goes on, and since how many seconds."""

    def __init__(self) -> None:
        self.console = Console(stderr=True, soft_wrap=True)
        self.began = time.monotonic()
        self.live: Status | None = None

    def __call__(self, sentence: str) -> None:
        """Say what begins now: it stays at a terminal's last line until the next."""
        if self.live:
            self.live.update(Text(sentence))
        else:
            self.done(sentence)

    def done(self, sentence: str, style: str = "") -> None:
        """Say what has come out, on a line that stays."""
        passed = Text(f"{time.monotonic() - self.began:4.0f} s  ", style="dim")
        self.console.print(passed + Text(sentence, style=style))


@contextmanager
def progress() -> Iterator[Progress]:
    """Give a Progress whose live line is gone at the end."""
    say = Progress()
    if not say.console.is_terminal:
        yield say
        return
    with say.console.status("") as say.live:
        yield say
