"""What the gate says: a table that reads in ten seconds, and the rest folded away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from hub_image.contract import FAIL, WARN
from hub_image.contract.display import SIGNS
from hub_image.gate.changes import Change, Changes
from hub_image.gate.proof import Proof
from hub_image.tools.registry import size

MARK = "<!-- hub-image gate -->"
ROWS = 60  # of packages for each image; a comment holds 65,536 characters
LONGEST = 60_000


def text(changes: Changes, proofs: Sequence[Proof]) -> str:
    """Return the comment, in Markdown. What images say of themselves is quoted, and cannot begin anything."""
    lines = [MARK, f"### {headline(proofs)}", ""]
    if proofs:
        lines += [
            "| | image | where | pull | made | packages |",
            "| --- | --- | --- | --- | --- | --- |",
        ]
        lines += [_row(change, proof) for change, proof in zip(changes.images, proofs, strict=True)]
        lines.append("")
    for change, proof in zip(changes.images, proofs, strict=True):
        lines += _details(change, proof)
    lines += [
        f"- {_cell(image.where)}: `{_code(image.reference)}` is gone." for image in changes.removed
    ]
    lines += [f"- {_cell(note)}." for note in changes.notes]
    found = "\n".join(lines).rstrip() + "\n"
    if len(found) > LONGEST:
        found = (
            found[:LONGEST].rpartition("\n<details>")[0] + "\n\nThe page of the run has the rest.\n"
        )
    return found


def headline(proofs: Sequence[Proof]) -> str:
    """Return the result in one line."""
    if not proofs:
        return "No image changed"
    wrong = sum(bool(proof.wrong) for proof in proofs)
    if wrong:
        return (
            f"{wrong} of {len(proofs)} images would not start"
            if len(proofs) > 1
            else "The image would not start"
        )
    return f"All {len(proofs)} images start" if len(proofs) > 1 else "The image starts"


def sign(proof: Proof) -> str:
    """Return the sign that a row begins with."""
    if proof.wrong:
        return SIGNS[FAIL]
    return SIGNS[WARN] if proof.failed or proof.moves or not proof.is_public else "✅"


def _row(change: Change, proof: Proof) -> str:
    image = change.after
    named = f"`{_code(image.reference)}`"
    if change.kind == "changed" and change.before:
        named += f"<br>instead of `{_code(change.before.tag if change.before.name == image.name else change.before.reference)}`"
    elif change.kind != "changed":
        named += f"<br>{change.kind}"
    where = f"{image.where}" + (f"<br>{image.title}" if image.title else "")
    said = [proof.wrong] if proof.wrong else []
    if not proof.wrong and proof.failed:
        said.append(f"starts; {len(proof.failed)} of {len(proof.results)} checks fail")
    if proof.moves:
        said.append(f"its tag {proof.moves}")
    if proof.digest and not proof.is_public:
        said.append("private: the hub needs a pull secret")
    note = "<br>".join(f"**{_cell(one)}**" for one in said)
    age = "" if proof.age is None else f"{proof.age} days ago" if proof.age != 1 else "1 day ago"
    cells = [
        sign(proof),
        named + (f"<br>{note}" if note else ""),
        _cell(where).replace("&lt;br>", "<br>"),
        size(proof.size) if proof.digest else "",
        age,
        packages(proof),
    ]
    return f"| {' | '.join(cells)} |"


def packages(proof: Proof) -> str:
    """Return in words how many packages differ from the image before."""
    if not proof.compared:
        return ""
    kinds = Counter(
        "added" if not before else "removed" if not now else "changed"
        for _, _, before, now in proof.packages
    )
    return (
        ", ".join(
            f"{kinds[kind]} {kind}" for kind in ("added", "removed", "changed") if kinds[kind]
        )
        or "the same"
    )


def _details(change: Change, proof: Proof) -> Iterator[str]:
    image = change.after
    yield f"<details><summary><code>{_cell(image.reference)}</code></summary>"
    yield ""
    if proof.digest:
        yield f"- Digest: `{proof.digest}`"
    if proof.base or proof.source:
        yield f"- Made from: {' '.join(f'`{_code(part)}`' for part in (proof.base, proof.source) if part)}"
    opens = f", opens with `{_code(image.default_url)}`" if image.default_url else ""
    folder = f", works in `{_code(image.working_dir)}`" if image.working_dir else ""
    if proof.results:
        yield f"- Tried on JupyterHub {proof.hub_version}{opens}{folder}: {len(proof.results) - len(proof.failed)} checks pass, {len(proof.failed)} fail"
    if change.before and change.kind == "changed":
        yield f"- To roll back, put this into line {image.line} of {_cell(image.file)} again: `{_code(change.before.reference)}`"
    if image.also:
        yield f"- One text with {_cell(', '.join(use.title or use.place for use in image.also))}"
    if proof.note:
        yield f"- {_cell(proof.note)}"
    urgent = [result for result in proof.results if result[0] in (FAIL, WARN)]
    if urgent:
        yield from ("", "| | check | what it says |", "| --- | --- | --- |")
        for status, number, name, detail in sorted(urgent, key=lambda result: result[0] != FAIL):
            yield f"| {SIGNS[status]} | {number} {_cell(name)} | {_cell(detail)} |"
    if proof.packages:
        yield from ("", "| | package | before | now |", "| --- | --- | --- | --- |")
        for row in proof.packages[:ROWS]:
            yield f"| {' | '.join(map(_cell, row))} |"
        if len(proof.packages) > ROWS:
            yield f"| | and {len(proof.packages) - ROWS} more | | |"
    yield from ("", "</details>", "")


def plain(changes: Changes, proofs: Sequence[Proof]) -> str:
    """Return the same for a terminal."""
    lines = [note for note in changes.notes]
    for change, proof in zip(changes.images, proofs, strict=True):
        image = change.after
        state = proof.wrong or (
            f"starts; {len(proof.failed)} checks fail" if proof.failed else "starts"
        )
        lines.append(f"{image.where}: {image.reference} ({change.kind}): {state}")
        lines += [f"  {number} {name}: {detail}" for _, number, name, detail in proof.failed]
        for extra in (
            proof.moves and f"its tag {proof.moves}",
            packages(proof) and f"packages: {packages(proof)}",
            proof.note,
        ):
            if extra:
                lines.append(f"  {extra}")
        if change.before and change.kind == "changed":
            lines.append(f"  to roll back: {change.before.reference}")
    return "\n".join([*lines, f"{headline(proofs)}."])


def _cell(said: str) -> str:
    """Text of others in a table: no line breaks, columns, tags, or people who are called."""
    for sign_, written in (
        ("\n", " "),
        ("\r", " "),
        ("<", "&lt;"),
        ("|", "\\|"),
        ("@", "@\u200b"),
        ("`", "'"),
    ):
        said = said.replace(sign_, written)
    return said[:500]


def _code(said: str) -> str:
    return said.replace("`", "'").replace("\n", " ").replace("|", "\\|")[:300]
