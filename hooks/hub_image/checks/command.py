"""`hub-image check`: run every rule of `hub_image.checks` on a repository."""

import argparse
import sys
from pathlib import Path

from hub_image import checks


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hub-image check`."""
    parser.add_argument(
        "path", nargs="?", type=Path, default=Path(), help="the repository (default: .)"
    )
    parser.add_argument("--fix", action="store_true", help="repair what is safe to repair")
    parser.add_argument(
        "--rules", action="store_true", help="print all rules, as Markdown, and stop"
    )


def run(options: argparse.Namespace) -> int:
    """Print what is wrong, one line each; return 1 for errors, 2 without a repository, else 0."""
    if options.rules:
        print(checks.page(), end="")
        return 0
    if not options.path.is_dir():
        print(
            f"hub-image check: {options.path} is not a folder; name the repository's",
            file=sys.stderr,
        )
        return 2
    findings = checks.run(options.path)
    if options.fix:
        fixed = checks.fix(options.path, findings)
        for finding in fixed:
            print(f"{finding.file}:{finding.line}: fixed {finding.code}")
        if fixed:
            findings = checks.run(options.path)
    for finding in findings:
        print(finding)
    errors = sum(finding.severity == "error" for finding in findings)
    warnings = len(findings) - errors
    fixable = sum(finding.edit is not None for finding in findings)
    print(
        f"{errors} error{'s' * (errors != 1)}, {warnings} warning{'s' * (warnings != 1)}"
        + (f" ({fixable} fixable with `hub-image check --fix`)" if fixable else "")
    )
    return 1 if errors else 0
