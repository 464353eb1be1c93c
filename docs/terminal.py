"""A recording of a terminal, as a picture: a real shell in a pseudo-terminal, read by pyte, written as SVG that moves.

Letters keep their columns, whatever font the reader has. Colours follow the reader's light or dark mode. Who wants no
motion sees the end.
"""

from __future__ import annotations

import html
import os
import pty
import select
import struct
import termios
import time
import unicodedata
from collections.abc import Sequence
from fcntl import ioctl
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import pyte

WIDTH, HEIGHT = 80, 26  # characters
STEP, LINE, MARGIN = 8.4, 18, 14  # pixels: of a character, of a line, around them
QUIET = 0.3  # seconds without output after which the screen is as it will stay
PATIENCE = 60  # seconds for a program to show something
PROMPT = "$ "
# Of a terminal's colours those that programs used so far, on light and on dark: https://primer.style/foundations/color
COLOURS = {
    "default": ("#1f2328", "#e6edf3"),
    "back": ("#f6f8fa", "#161b22"),
    "black": ("#1f2328", "#6e7681"),
    "red": ("#cf222e", "#ff7b72"),
    "green": ("#116329", "#3fb950"),
    "brown": ("#7d4e00", "#d29922"),  # pyte's word for yellow
    "blue": ("#0969da", "#58a6ff"),
    "magenta": ("#8250df", "#bc8cff"),
    "cyan": ("#1b7c83", "#39c5cf"),
    "white": ("#59636e", "#b1bac4"),
}
# Not every reader has a font with pictures in it, so those that programs print are drawn here, two columns wide.
DRAWN = {
    "🎤": '<path d="M8.4 1.5a2.6 2.6 0 0 1 2.6 2.6v3.6a2.6 2.6 0 0 1-5.2 0V4.1a2.6 2.6 0 0 1 2.6-2.6z"/>'
    '<path d="M4 7.6a4.4 4.4 0 0 0 8.8 0M8.4 12v2.6M5.8 14.6h5.2" fill="none" stroke-width="1.3"/>',
}


class Frame(NamedTuple):
    """What is on the screen: its lines, each in runs of (column, text, colour, bold), and for how many seconds."""

    lines: tuple[tuple[tuple[int, str, str, bool], ...], ...]
    seconds: float

    @property
    def text(self) -> str:
        """The letters alone."""
        return "\n".join(_plain(line) for line in self.lines).rstrip()


class Terminal:
    """A shell in a terminal of WIDTH times HEIGHT, in a folder; what is seen on the way is kept in `frames`."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.screen = pyte.Screen(WIDTH, HEIGHT)
        self.stream = pyte.ByteStream(self.screen)
        self.frames: list[Frame] = []
        self.process, self.file = pty.fork()
        if not self.process:
            os.chdir(folder)
            more = {"TERM": "xterm", "PS1": PROMPT, "PROMPT_TOOLKIT_COLOR_DEPTH": "DEPTH_4_BIT"}
            shell = ["bash", "--noprofile", "--norc", "--noediting"]
            os.execvpe(shell[0], shell, os.environ | more | environment)
        ioctl(self.file, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
        self.screen.write_process_input = self.type  # programs ask where the cursor is

    def __enter__(self) -> Terminal:
        self.wait(PROMPT)
        return self

    def __exit__(self, *error: object) -> None:
        os.close(self.file)  # which hangs up, so the shell ends
        os.waitpid(self.process, 0)

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self.file, keys.encode())

    def wait(self, *texts: str) -> str:
        """Wait until one of these texts begins the line of the cursor or one above, and nothing moves; return it.

        Of several the lowest counts. Raises TimeoutError with the screen.
        """
        end, found = time.monotonic() + PATIENCE, ""
        while time.monotonic() < end:
            if select.select([self.file], [], [], QUIET)[0]:
                self.stream.feed(os.read(self.file, 65536))
                continue
            lines = self.screen.display[: self.screen.cursor.y + 1]
            for line in reversed(lines):
                if found := next(
                    (text for text in texts if line.lstrip("🎤 ").startswith(text)), ""
                ):
                    return found
        shown = "\n".join(self.screen.display)
        raise TimeoutError(f"none of {texts} came:\n{shown}")

    def look(self, seconds: float) -> None:
        """Keep what is on the screen, to be shown for so many seconds."""
        lines = (self.screen.buffer[row] for row in range(HEIGHT))
        self.frames.append(Frame(tuple(map(_runs, lines)), seconds))


def _runs(line: dict[int, pyte.screens.Char]) -> tuple[tuple[int, str, str, bool], ...]:
    """Return the runs of letters of one look, without the blanks around them; a picture is a run of its own."""

    def look(column: int) -> tuple[str, bool, bool]:
        letter = line[column]
        return letter.fg.removeprefix("bright"), letter.bold, letter.data in DRAWN

    runs = []
    for (colour, bold, _), columns in groupby(
        filter(lambda column: line[column].data, range(WIDTH)), look
    ):
        columns = list(columns)
        text = "".join(line[column].data for column in columns)
        if text.strip():
            first = columns[0] + len(text) - len(text.lstrip())
            runs.append((first, text.strip(), colour, bold))
    return tuple(runs)


def _plain(line: tuple[tuple[int, str, str, bool], ...]) -> str:
    text = ""
    for column, letters, _, _ in line:
        text = text.ljust(column - sum(letter in DRAWN for letter in text)) + letters
    return text


def picture(frames: Sequence[Frame], alt: str) -> str:
    """Return the frames as an SVG that shows one after the other, for ever; `alt` is what it says to who cannot see it.

    Raises ValueError for a colour or a picture among the letters that is not known here.
    """
    rows = {
        line: f"l{number}"
        for number, line in enumerate(
            dict.fromkeys(line for frame in frames for line in frame.lines if line)
        )
    }
    width, height = WIDTH * STEP + 2 * MARGIN, HEIGHT * LINE + 2 * MARGIN
    drawn = "\n".join(f'<g id="{name}">{_line(line)}</g>' for line, name in rows.items())
    shown = "\n".join(
        f'<use href="#{rows[line]}" y="{number * height + MARGIN + row * LINE:g}"/>'
        for number, frame in enumerate(frames)
        for row, line in enumerate(frame.lines)
        if line
    )
    total, at, keys = sum(frame.seconds for frame in frames), 0.0, []
    for number, frame in enumerate(frames):
        keys.append(f"{100 * at / total:.2f}% {{ transform: translateY({-number * height:g}px) }}")
        at += frame.seconds
    light, dark = (
        " ".join(
            f".{name} {{ fill: {colours[mode]}; stroke: {colours[mode]} }}"
            for name, colours in COLOURS.items()
        )
        for mode in (0, 1)
    )
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" role="img">
<title>{html.escape(alt)}</title>
<style>
text {{ font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre }}
text, rect {{ stroke: none !important }}
.bold {{ font-weight: bold }}
{light}
@media (prefers-color-scheme: dark) {{ {dark} }}
#film {{ animation: film {total:g}s step-end infinite }}
@keyframes film {{ {" ".join(keys)} }}
@media (prefers-reduced-motion: reduce) {{ #film {{ animation: none; transform: translateY({-(len(frames) - 1) * height:g}px) }} }}
</style>
<defs>
{drawn}
</defs>
<rect class="back" width="{width:g}" height="{height:g}" rx="8"/>
<g id="film">
{shown}
</g>
</svg>
"""


def _line(line: tuple[tuple[int, str, str, bool], ...]) -> str:
    """Return a line of the screen; each run stands at its column and is as wide as it has columns."""
    parts = []
    for column, text, colour, bold in line:
        x = MARGIN + column * STEP
        if colour not in COLOURS:
            raise ValueError(
                f"docs/terminal.py does not know the colour {colour}: add it to COLOURS"
            )
        if text in DRAWN:
            parts.append(f'<g class="{colour}" transform="translate({x:g})">{DRAWN[text]}</g>')
            continue
        if unknown := [letter for letter in text if unicodedata.east_asian_width(letter) in "WF"]:
            raise ValueError(f"docs/terminal.py has no drawing of {unknown[0]}: add one to DRAWN")
        weight = " bold" if bold else ""
        parts.append(
            f'<text class="{colour}{weight}" x="{x:g}" y="13" textLength="{len(text) * STEP:g}">{html.escape(text)}</text>'
        )
    return "".join(parts)
