"""Words of others in Markdown: of a build, of a package's author, of a file that somebody changed. They mean nothing there."""

import re

ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]")
SPECIAL = re.compile(r"[\\`*_\[\]<>#|~&!$@]")
LONGEST = 200  # characters of a word


def plain(text: str) -> str:
    """Return a text without what moves a terminal's cursor, changes colours, or hides other words."""
    return CONTROL.sub("", ANSI.sub("", text))


def escaped(text: str) -> str:
    """Return a text in one line that is shown as it is: https://spec.commonmark.org/current/#backslash-escapes"""
    shown = SPECIAL.sub(lambda sign: f"\\{sign[0]}", " ".join(text.split()))
    # The start of a line is special too.
    return re.sub(r"^([0-9]+(?=[.)](?: |$))|(?=[-+=]))", r"\1\\", shown)


def code(text: str, longest: int = LONGEST) -> str:
    """Return a text as code, in one line: no link, no mention, no tag."""
    shown = re.sub(r"[`\s]+", " ", plain(text))[:longest].strip()
    return f"`{shown or ' '}`"


def sentence(text: str) -> str:
    """Return a sentence in which words of others stand between backticks: these as code, and what is around them as it is.

    All of it is code where it has signs of which GitHub makes mentions or links, also behind a backslash.
    """
    parts = re.split(r"(`[^`]*`)", " ".join(plain(text).split()))
    if any(re.search(r"[@#`]|://|www\.", part, re.IGNORECASE) for part in parts[::2]):
        return code(text, len(text))
    return "".join(
        code(part) if place % 2 else SPECIAL.sub(lambda sign: f"\\{sign[0]}", part)
        for place, part in enumerate(parts)
    )


def cell(text: str) -> str:
    """Return a text for a cell of a table: as it is where it is a name or a version, and else as code."""
    if re.fullmatch(r"[A-Za-z0-9][\w.+!:~-]*|", text, re.ASCII) and "__" not in text:
        return text
    return code(text).replace("\\", "/").replace("|", r"\|")


def block(lines: list[str]) -> list[str]:
    """Return lines as a block of code, from which none of them leads out."""
    shown = [plain(line).replace("````", "") for line in lines]
    return ["````", *shown, "````"]
