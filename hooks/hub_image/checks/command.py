"""`hub-image check`: run every rule of `hub_image.checks` on a repository."""

import argparse
from pathlib import Path

from hub_image import checks
from hub_image.repository import argument


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hub-image check`."""
    parser.add_argument(
        "path",
        metavar="PATH",
        nargs="*",
        type=argument.folder,
        default=[Path()],
        help="a repository; may be repeated (default: .)",
    )
    parser.add_argument("--fix", action="store_true", help="repair what is safe to repair")
    parser.add_argument(
        "--rules", action="store_true", help="print all rules, as Markdown, and stop"
    )


def run(options: argparse.Namespace) -> int:
    """Print what is wrong, one line each; return 1 for errors, else 0."""
    if options.rules:
        print(checks.page(), end="")
        return 0
    findings = []
    for path in options.path:
        place = f"{path}/" if len(options.path) > 1 else ""
        found = checks.run(path)
        if options.fix:
            fixed = checks.fix(path, found)
            for finding in fixed:
                print(f"{place}{finding.file}:{finding.line}: fixed {finding.code}")
            found = checks.run(path) if fixed else found
        for finding in found:
            print(f"{place}{finding}")
        findings += found
    errors = sum(finding.severity == "error" for finding in findings)
    warnings = len(findings) - errors
    fixable = sum(finding.edit is not None for finding in findings)
    print(
        f"{errors} error{'s' * (errors != 1)}, {warnings} warning{'s' * (warnings != 1)}"
        + (f" ({fixable} fixable with `hub-image check --fix`)" if fixable else "")
    )
    return 1 if errors else 0
