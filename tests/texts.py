"""Texts that a parser may be given: any, and files of the checks' corpus with something spoiled."""

import string
from pathlib import Path

import yaml
from hypothesis import strategies as st

CORPUS = [
    case
    for path in sorted((Path(__file__).parent / "checks/corpus").glob("*.yml"))
    for case in yaml.safe_load(path.read_text(encoding="utf-8"))
]
REAL = sorted({text for case in CORPUS for text in case.get("files", {}).values()})


@st.composite
def spoiled(draw: st.DrawFn) -> str:
    """Return a file of the corpus with a piece taken out and something else put in."""
    text = draw(st.sampled_from(REAL))
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, min(len(text), start + 8)))
    new = draw(st.text(max_size=4) | st.text("'\"`[](){}:#\\\n\r\t-=<>!%&*|@,;$ ", max_size=4))
    return text[:start] + new + text[end:]


anything = st.text() | st.text(string.printable) | spoiled()
