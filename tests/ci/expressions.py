"""Stand-in for how GitHub evaluates expressions, as far as our workflows need it.

https://docs.github.com/en/actions/reference/workflows-and-actions/expressions
"""

from __future__ import annotations

import json
import re

TOKEN = re.compile(r"\s*(\|\||&&|==|!=|[][!(),]|'(?:[^']|'')*'|[\w.-]+)")


def evaluate(text: str | bool, **contexts: dict) -> object:
    """Return what GitHub makes of a value of a workflow: of one expression its value, else text."""
    if not isinstance(text, str):
        return text
    if whole := re.fullmatch(r"\$\{\{(.*)\}\}", text.strip(), re.S):
        return expression(whole[1], **contexts)
    return re.sub(
        r"\$\{\{(.*?)\}\}", lambda found: str(expression(found[1], **contexts)), text, flags=re.S
    )


def expression(text: str, **contexts: dict) -> object:
    """Return the value of an expression; `contexts` are its names, as in `github`."""
    tokens = TOKEN.findall(text)
    assert re.sub(r"\s", "", "".join(tokens)) == re.sub(r"\s", "", text), f"what is this? {text}"

    def either():
        value = both()
        while tokens and tokens[0] == "||":
            tokens.pop(0)
            other = both()
            value = value or other
        return value

    def both():
        value = compared()
        while tokens and tokens[0] == "&&":
            tokens.pop(0)
            other = compared()
            value = value and other
        return value

    def compared():
        value = one()
        while tokens and tokens[0] in ("==", "!="):
            sign, other = tokens.pop(0), one()
            value = (str(value).lower() == str(other).lower()) is (sign == "==")
        return value

    def one():
        token = tokens.pop(0)
        if token == "!":
            return not one()
        if token == "(":
            value = either()
            assert tokens.pop(0) == ")"
            return value
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        if token == "startsWith":
            assert tokens.pop(0) == "("
            text = either()
            assert tokens.pop(0) == ","
            start = either()
            assert tokens.pop(0) == ")"
            return str(text or "").lower().startswith(str(start or "").lower())
        if token == "fromJSON":
            assert tokens.pop(0) == "("
            read = json.loads(str(either()))
            assert tokens.pop(0) == ")"
            if tokens and tokens[0] == "[":
                read = read[int(tokens[1])]
                del tokens[:3]
            if tokens and tokens[0].startswith("."):
                read = read.get(tokens.pop(0)[1:])
            return read
        if token.isdigit():
            return int(token)
        value: object = contexts
        for name in token.split("."):  # what is not there is null, also of null
            value = value.get(name) if isinstance(value, dict) else None
        return value

    value = either()
    assert not tokens
    return value
