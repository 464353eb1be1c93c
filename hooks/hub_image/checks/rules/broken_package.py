"""The list holds a package that is known to break hub images.

Why: each finding names its source; the packages are data, in `broken_package.yml`.

Fix: as the finding says: another version, a successor, or removal.

Severity: error or warning, as the data says.

Source: with each package.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from hub_image.checks import Finding, steps
from hub_image.lists import packages
from hub_image.lists.model import Package


@cache
def known() -> list[dict[str, Any]]:
    """Return the entries of `broken_package.yml`, whose head explains them."""
    import yaml

    path = Path(__file__).with_suffix(".yml")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    entries: list[dict[str, Any]] = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)
    return entries


def check(repository: Path) -> Iterator[Finding]:
    """Yield packages whose pins leave only versions that are known to be broken."""
    found = [
        (file, p) for file, package_list in packages.read(repository) for p in package_list.packages
    ]
    by_name = {(p.manager, p.name.replace("_", "-")): p for _, p in found}
    found += [
        (file, Package("apt", name, name, line))
        for file, line, words in steps.of(repository)
        for name in steps.installs(words)
    ]
    for file, package in found:
        for entry in known():
            if (
                package.name.replace("_", "-") == entry["package"]
                and package.manager in entry["in"]
                and not _works(package, entry.get("versions"))
                and not any(_excused(by_name, pin) for pin in _several(entry.get("unless")))
            ):
                message = f"`{package.text}`: {entry['why']} ({entry['source']}); {entry['do']}"
                yield Finding(file, package.line, message, entry["severity"])
                break


def _works(package: Package, versions: list[str] | None) -> bool:
    """Tell whether a package may be installed in a version that is not listed as broken."""
    if versions is None:
        return False
    from packaging.specifiers import SpecifierSet

    broken = [SpecifierSet(version) for version in versions]
    return package.admits_any(lambda version: not any(version in specifier for specifier in broken))


def _several(pins: str | list[str] | None) -> list[str]:
    return [pins] if isinstance(pins, str) else pins or []


def _excused(by_name: dict[tuple[str, str], Package], pin: str) -> bool:
    """Tell whether the lists hold the package named in `pin` to the versions that `pin` allows."""
    from packaging.requirements import Requirement

    wanted = Requirement(pin)
    pinned = [
        by_name[key] for key in (("conda", wanted.name), ("pip", wanted.name)) if key in by_name
    ]
    return any(not p.admits_any(lambda version: version not in wanted.specifier) for p in pinned)
