"""GitHub's own description of its API (description.json, made by extract.py), as the judge of requests and answers."""

from __future__ import annotations

import functools
import json
import pickle
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Its grammar takes seconds to load, for formats of strings that the description does not have.
sys.modules.setdefault("rfc3987_syntax", None)
import jsonschema  # noqa: E402

WHOLE = json.loads((Path(__file__).parent / "description.json").read_text(encoding="utf-8"))
EXAMPLES = WHOLE["components"]["examples"]


@dataclass
class Call:
    """One call of the API: what the description says of it, and the parts of this path."""

    method: str
    path: str
    said: dict[str, Any]
    parts: dict[str, str]

    @property
    def docs(self) -> str:
        """The page of GitHub's documentation about it."""
        return self.said["docs"]

    def faults(self, query: dict[str, str], body: Any) -> Iterator[str]:
        """Yield what the description says against a request.

        GitHub overlooks what it does not know; we do not, since it would be a mistake of ours.
        """
        given = {"path": self.parts, "query": query}
        for name, parameter in self.said["parameters"].items():
            value = given.get(parameter["in"], {}).get(name)
            if value is not None:
                yield from _against(parameter["schema"], _typed(value, parameter["schema"]), name)
            elif parameter["required"]:
                yield f"{name} is missing"
        known = {name for name, said in self.said["parameters"].items() if said["in"] == "query"}
        if (
            self.method == "get"
        ):  # also where the description forgets it: a person's packages have pages too
            known |= {"page", "per_page"}
        yield from (f"there is no parameter {name}" for name in set(query) - known)
        schema = (self.said["body"] or {}).get("schema")
        if body is None:
            yield from ["a body is missing"] if schema and schema.get("required") else []
        elif schema is None:
            yield "there is no body"
        else:
            yield from _against(schema, body, "body")
            yield from (
                f"body: there is no {name}" for name in set(body) - set(schema["properties"])
            )

    def wrong(self, status: int, answer: Any) -> Iterator[str]:
        """Yield what the description says against an answer."""
        if str(status) not in self.said["answers"]:
            # Limits, outages and tokens are described for the whole API and not for each call; a 400 is told by people.
            if status not in (400, 401, 403, 404, 422, 429) and status < 500:
                yield f"{status} is no answer to this"
            return
        said = self.said["answers"][str(status)]
        if said is None:
            yield from [f"{status} has no body"] if answer is not None else []
        else:
            yield from _against(said["schema"], answer, "answer")

    def example(self, status: int) -> Any:
        """Return a copy of the description's own example of an answer."""
        return pickle.loads(_example(self.said["answers"][str(status)]["example"]))


def call(method: str, path: str) -> Call | None:
    """Return the call that a request makes, if it is one of those that were taken from the description."""
    for template, methods in WHOLE["paths"].items():
        if (found := _pattern(template).fullmatch(path)) and method.lower() in methods:
            return Call(method.lower(), template, methods[method.lower()], found.groupdict())
    return None


@functools.cache
def _example(name: str) -> bytes:
    return pickle.dumps(EXAMPLES[name])  # whose copies are made ten times as fast as others


@functools.cache
def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(template)))


def _typed(value: str, schema: dict[str, Any]) -> Any:
    """Return a value of a query as what it means."""
    if schema.get("type") == "integer" and value.isdecimal():
        return int(value)
    return (
        {"true": True, "false": False}.get(value, value)
        if schema.get("type") == "boolean"
        else value
    )


def _against(schema: dict[str, Any], value: Any, name: str) -> Iterator[str]:
    whole = {"components": WHOLE["components"], **schema}
    for error in jsonschema.Draft202012Validator(whole).iter_errors(value):
        yield f"{name}{error.json_path.removeprefix('$')}: {error.message[:200]}"
