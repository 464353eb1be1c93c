"""Results as people read them: advice, a table, GitHub's step summary, JUnit."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

from hub_image.contract import FAIL, NOT_APPLICABLE, PASS, WARN, Check, Result, Target

ORDER = (FAIL, WARN, PASS, NOT_APPLICABLE)
MARKS = {FAIL: "FAIL", WARN: "warn", PASS: "ok", NOT_APPLICABLE: "-"}
STYLES = {FAIL: "bold red", WARN: "yellow", PASS: "", NOT_APPLICABLE: ""}  # of rich
SIGNS = {FAIL: "❌", WARN: "⚠️", PASS: "✅", NOT_APPLICABLE: "–"}


def counts(results: Sequence[Result]) -> str:
    """How many results there are of each kind, in words."""
    found = Counter(result.status for result in results)
    words = {FAIL: "failed", WARN: "warned", PASS: "passed", NOT_APPLICABLE: "not applicable"}
    return ", ".join(f"{found[status]} {words[status]}" for status in ORDER if found[status])


def advice(result: Result) -> str:
    """What went wrong, what that does on a hub, and what to change."""
    check = result.check
    kind = "Error" if result.status == FAIL else "Warning"
    lines = [
        f"{kind} {check.number}, {check.name}: {result.detail}.",
        f"  Why it matters: {check.why}",
        f"                  {check.link}",
    ]
    return "\n".join([*lines, f"  What to change: {check.fix}"] if check.fix else lines)


def row(result: Result, width: int = 0) -> str:
    """One line about a result."""
    check = result.check
    return f"{MARKS[result.status]:<4}  {check.number:<4} {check.name:<{width}}  {result.detail}".rstrip()


def text(target: Target, results: Sequence[Result]) -> str:
    """The table, then advice for what failed or warned, then one line with the sum."""
    width = max((len(result.check.name) for result in results), default=0)
    advices = [advice(result) for result in results if result.status in (FAIL, WARN)]
    rows = [row(result, width) for result in results]
    return "\n".join(
        [*rows, "", *(f"{item}\n" for item in advices), f"{target.reference}: {counts(results)}"]
    )


def as_json(target: Target, results: Sequence[Result]) -> str:
    """The same for programs: what was tested, and each result with all that is known of its check."""

    def entry(result: Result) -> dict[str, Any]:
        check = result.check
        about = {"number": check.number, "name": check.name, "why": check.why, "fix": check.fix}
        said = {
            "status": result.status,
            "detail": result.detail,
            "seconds": round(result.seconds, 2),
        }
        return about | said | {"link": check.link, "source": check.source}

    about = {
        "image": target.reference,
        "digest": target.config.get("Id", ""),
        "hub": target.hub_version,
    }
    return json.dumps(about | {"results": [entry(result) for result in results]}, indent=2)


def markdown(reference: str, results: Sequence[Result]) -> str:
    """The same for GitHub's step summary: size and times, what needs care, the rest folded away."""

    def row(*cells: str) -> str:
        return (
            "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
        )

    def name(result: Result) -> str:
        return f"[{result.check.number}]({result.check.link}) {result.check.name}"

    urgent = [result for result in results if result.status in (FAIL, WARN)]
    lines = [f"### Contract of `{reference}`", "", counts(results)]
    notes = [r for r in results if r.check.headline and r.status in (PASS, WARN)]
    lines += ["", *(f"- {result.check.headline}: {result.detail}" for result in notes)]
    if urgent:
        lines += ["", "| | check | what is wrong | what to change |", "| --- | --- | --- | --- |"]
    for result in sorted(urgent, key=lambda result: ORDER.index(result.status)):
        lines.append(row(SIGNS[result.status], name(result), result.detail, result.check.fix))
    lines += ["", "<details><summary>All checks</summary>", ""]
    lines += ["| | check | |", "| --- | --- | --- |"]
    for result in results:
        lines.append(row(SIGNS[result.status], name(result), result.detail))
    return "\n".join([*lines, "", "</details>", ""])


def junit(reference: str, results: Sequence[Result]) -> str:
    """The results in JUnit's format; a warning passes and says so in its output."""
    found = Counter(result.status for result in results)
    suite = ElementTree.Element(
        "testsuite",
        name=f"hub-image test {reference}",
        tests=str(len(results)),
        failures=str(found[FAIL]),
        skipped=str(found[NOT_APPLICABLE]),
    )
    for result in results:
        name = f"{result.check.number} {result.check.name}"
        case = ElementTree.SubElement(
            suite, "testcase", classname="contract", name=name, time=f"{result.seconds:.2f}"
        )
        if result.status == FAIL:
            failure = ElementTree.SubElement(case, "failure", message=_printable(result.detail))
            failure.text = _printable(advice(result))
        elif result.status == NOT_APPLICABLE:
            ElementTree.SubElement(case, "skipped", message=_printable(result.detail))
        elif result.status == WARN:
            ElementTree.SubElement(case, "system-out").text = _printable(advice(result))
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def page(groups: Mapping[str, Sequence[Check]]) -> str:
    """A page about all checks, in Markdown, made from the checks; `groups` are they by what their group looks at."""
    lines = [
        "# The contract: what `hub-image test` proves of an image",
        "",
        "Made from the checks, by `hub-image test --rules`. A number names a requirement, which may have several",
        "checks. `--without` leaves one out, by its number or its name.",
    ]
    for title, checks in groups.items():
        lines += ["", f"## {title}"]
        for check in checks:
            lines += ["", f"### {check.number} {check.name}", "", check.why]
            lines += ["", f"**Fix:** {check.fix}", "", f"**Source:** <{check.source}>"]
    return "\n".join([*lines, ""])


def _printable(text: str) -> str:
    """Text without the control characters that XML forbids; logs are full of them."""
    return "".join(sign if sign.isprintable() or sign in "\n\t" else "?" for sign in text)
