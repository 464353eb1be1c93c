"""The rules of `hub-image check`.

Each module in rules/ is one rule: its name is the code, its docstring is what `--rules` prints
(a title, why, what to do, severity, source), and `check(repository)` yields what it finds.
A new rule is a new module; nothing else lists them.
"""

import inspect
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from types import ModuleType

from hub_image.repository import files


@dataclass(frozen=True)
class Edit:
    """A safe repair: at offset `start` of the file, `old` becomes `new`."""

    start: int
    old: str
    new: str


@dataclass(frozen=True)
class Finding:
    """Something wrong in a file. `message` says what; and, after a semicolon, what to do."""

    file: str  # relative to the repository, with forward slashes
    line: int
    message: str
    severity: str = "error"  # or "warning"
    edit: Edit | None = None
    code: str = ""  # of the rule; `run` fills it in

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.severity} {self.code}: {self.message}"


def modules() -> Iterator[tuple[str, ModuleType]]:
    """Yield (code, module) of every rule."""
    from hub_image.checks import rules  # which need this module

    for module in pkgutil.iter_modules(rules.__path__):
        yield module.name.replace("_", "-"), import_module(f"{rules.__name__}.{module.name}")


def run(repository: Path) -> list[Finding]:
    """Return what all rules find in a repository, in the order of files and lines.

    A line that says `hub-image: ignore[code]`, for instance in a comment, is not reported.
    """
    findings = []
    for code, module in modules():
        check: Callable[[Path], Iterator[Finding]] = module.check
        for finding in check(repository):
            message = " ".join(finding.message.split())  # what it quotes may have several lines
            finding = replace(finding, code=code, message=message)
            if not _ignored(repository, finding):
                findings.append(finding)
    return sorted(findings, key=lambda finding: (finding.file, finding.line, finding.code))


def fix(repository: Path, findings: list[Finding]) -> list[Finding]:
    """Repair what is safe to repair; return the findings that were repaired."""
    fixed = []
    for name in sorted({finding.file for finding in findings if finding.edit}):
        text = files.read(repository / name)
        edits = [
            (finding.edit, finding) for finding in findings if finding.file == name and finding.edit
        ]
        for edit, finding in sorted(edits, key=lambda pair: pair[0].start, reverse=True):
            if text.startswith(edit.old, edit.start):
                text = text[: edit.start] + edit.new + text[edit.start + len(edit.old) :]
                fixed.append(finding)
        files.write(repository / name, text)
    return sorted(fixed, key=lambda finding: (finding.file, finding.line))


def page() -> str:
    """Return a page about all rules, in Markdown, made from the rules themselves."""
    sections = [
        "# Rules of `hub-image check`\n\n"
        "A finding is an error, which fails, or a warning. A line that says "
        "`hub-image: ignore[code]`, for instance in a comment, is not reported.\n"
    ]
    for code, module in modules():
        sections.append(f"## {code}\n\n{inspect.getdoc(module)}\n")
    return "\n".join(sections)


def _ignored(repository: Path, finding: Finding) -> bool:
    lines = files.read(repository / finding.file).split("\n")
    line = lines[finding.line - 1] if finding.line <= len(lines) else ""
    return f"hub-image: ignore[{finding.code}]" in line
