"""What an issue asks for that was opened with the form *Ask for a package*: the text of a stranger.

GitHub makes of a form's fields a text: for each a heading of the third level with its label, and what was filled in, or
`_No response_`. Seen in __fixtures__/example of https://github.com/github/issue-parser at a52c1e0. Afterwards it is a text
like any other, and its author may edit it; GitHub demands what is required only in public repositories.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from hub_image.lists import wanted
from hub_image.problem import Problem
from hub_image.syntax.yaml import NotYaml, load

FORM = ".github/ISSUE_TEMPLATE/hub-image-package.yml"
MANAGERS = {
    "Python": wanted.PYTHON,
    "R": "r",
    "Julia": "julia",
}  # by a word of their kind; others are apt's
NOTHING = "_No response_"
LONGEST = {"packages": 150, "kind": 100, "why": 300, "until": 20, "code": 500}  # characters
MOST = 10  # packages
# A name and versions, and no more: a stranger chooses neither a channel nor an index, an address, a build or a file.
WORD = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._+-]*((===?|[<>!~]=|[<>=])[A-Za-z0-9.*!]+(,(?=[<>=!~])|$))*"
)

SPACE = re.compile(r"[^\S\n\v\f\r\x1c-\x1f\x85\u2028\u2029]")  # and no end of a line


@dataclass(frozen=True)
class Asked:
    """What is asked for: names of packages, who installs them (as wanted.meant takes it), why, until when, and a test.

    Only the names were looked at; `why` and `until` are what was typed, and `code` is one line.
    """

    words: tuple[str, ...]
    manager: str
    why: str
    until: str
    code: str


def read(form: str, body: str) -> Asked | None:
    """Return what an issue asks for, by the text of the form and its own; None where it is not from the form.

    Raises Problem, with a sentence for who asks, where a field cannot be meant so.
    """
    if not form or not body.lstrip().startswith("### "):
        return None
    labels = _labels(form)
    said = _fields({label: name for name, (label, _) in labels.items()}, body)
    if said is None:
        return None
    for name, text in said.items():
        if name not in LONGEST:
            continue
        label = labels[name][0]
        if len(text) > LONGEST[name]:
            raise Problem(f"{label}: this has {len(text)} characters; use {LONGEST[name]} at most")
        if not text.isprintable():
            raise Problem(
                f"{label}: this has several lines, or signs that nobody sees; write it in one line"
            )
        if not text and name != "until":
            raise Problem(f"{label}: this is empty; fill it in")
    kinds = labels["kind"][1] if "kind" in labels else []
    if "kind" in said and said["kind"] not in kinds:
        raise Problem(f"{labels['kind'][0]}: this is not one of the choices, {', '.join(kinds)}")
    return Asked(
        words=_words(labels["packages"][0], said.get("packages", "")),
        manager=_manager(said.get("kind", "Python")),
        why=said.get("why", ""),
        until=said.get("until", ""),
        code=said.get("code", ""),
    )


def _manager(kind: str) -> str:
    """Return who installs packages of a kind, which its form may call `Paquet R` or `Python (conda, PyPI)`."""
    words = re.findall(r"\w+", kind)
    return next((manager for name, manager in MANAGERS.items() if name in words), "apt")


def _labels(form: str) -> dict[str, tuple[str, list[str]]]:
    """Return label and choices of each field of a form: by its id where we know that, and else by a name of no field.

    Raises Problem for what is no form.
    """
    try:
        fields: Any = load(form, FORM)["body"]
        labels = {
            field["id"] if field.get("id") in LONGEST else f"other {number}": (
                str(field["attributes"]["label"]).strip(),
                [str(option) for option in field["attributes"].get("options") or []],
            )
            for number, field in enumerate(fields)
            if field["type"] != "markdown"
        }
        if not {"packages", "why"} <= labels.keys():
            raise LookupError("nothing can be asked for")
    except (NotYaml, LookupError, TypeError, AttributeError) as error:
        raise Problem(
            f"{FORM} is no form that hub-image can read: restore it, or delete it"
        ) from error
    return labels


def _fields(names: dict[str, str], body: str) -> dict[str, str] | None:
    """Return what each field holds, by its name; `names` has that of each label. None where it is no text of the form."""
    lines = body.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    places = [
        (place, names[line.removeprefix("### ").strip()])
        for place, line in enumerate(lines)
        if line.startswith("### ") and line.removeprefix("### ").strip() in names
    ]
    found = [name for _, name in places]
    if (
        not names
        or set(found) != set(names.values())
        or any(line.strip() for line in lines[: places[0][0]])
    ):
        return None
    if len(found) > len(names):
        raise Problem("a heading of the form stands there twice; leave the headings to the form")
    ends = [place for place, _ in places[1:]] + [len(lines)]
    texts = {
        name: "\n".join(lines[place + 1 : end]).strip()
        for (place, name), end in zip(places, ends, strict=True)
    }
    return {name: "" if text == NOTHING else _plain(text) for name, text in texts.items()}


def _plain(text: str) -> str:
    """Return a text as it was meant: without the signs of code around it, and with a space for each white space."""
    return re.sub(r"^`+([^`]*)`+$", r"\1", SPACE.sub(" ", text)).strip()


def _words(label: str, text: str) -> tuple[str, ...]:
    """Return the packages that a text names, with their versions, each once. Raises Problem for what names none."""
    together = re.sub(r"\s*([<>=!~]{1,3})\s*", r"\1", text)
    words = list(dict.fromkeys(filter(None, re.split(r"[\s;]+|,(?![<>=!~])", together))))
    for word in words:
        if not WORD.fullmatch(word):
            shown = word.replace("`", "'")
            raise Problem(
                f"{label}: `{shown}` is no name of a package; write names alone, as in `geopandas`, or with versions, as in "
                "`geopandas>=1,<2`"
            )
    if len(words) > MOST:
        raise Problem(
            f"{label}: these are {len(words)} packages; ask for {MOST} at most in one issue"
        )
    return tuple(words)
