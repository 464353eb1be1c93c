"""requirements.txt and the `pip:` section of a conda list: packaging reads each requirement.

The lines are put together here, because pip's own reader is not a public interface.
"""

import re
from collections.abc import Iterator
from functools import lru_cache, partial

from hub_image.lists.model import Fault, Package, PackageList

# https://pip.pypa.io/en/stable/reference/requirements-file-format/
COMMENT = re.compile(r"(^|\s+)#.*$")
URL = re.compile(r"([a-z]+\+)?(https?|file|ftp|ssh|git|hg|svn|bzr|lp|sftp)[:+]", re.IGNORECASE)
ARCHIVE = re.compile(
    r"\.(whl|zip|tar|tgz|tbz|txz|tar\.(gz|bz2|xz|lz|lzma))(\[.*\])?\s*(;.*)?$", re.I
)


@lru_cache
def read(text: str, first_line: int = 1) -> PackageList:
    """Read a requirements.txt, or one line of a conda list's `pip:` section."""
    packages: list[Package] = []
    faults: list[Fault] = []
    for line, requirement in _logical_lines(text, first_line):
        if not requirement or (requirement.startswith("-") and not requirement.startswith("-e")):
            continue  # an option of pip's, such as `-r more.txt` or `--extra-index-url ...`
        try:
            packages.append(_requirement(requirement, line))
        except ValueError as error:
            faults.append(Fault("pip", line, str(error)))
    return PackageList(tuple(packages), tuple(faults))


def _logical_lines(text: str, first_line: int) -> Iterator[tuple[int, str]]:
    """Join continued lines and remove comments, as pip does."""
    joined, start = "", first_line
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), first_line):
        if line.endswith("\\") and not COMMENT.match(line):
            joined += line[:-1]
            continue
        if COMMENT.match(line):
            line = " " + line  # so that the comment ends what was joined before it
        yield start, COMMENT.sub("", joined + line).strip()
        joined, start = "", number + 1
    if joined:
        yield start, COMMENT.sub("", joined).strip()


def _requirement(text: str, line: int) -> Package:
    """Return one requirement as a Package; raise ValueError with a sentence if it is none."""
    from packaging.markers import InvalidMarker, Marker
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    # Options of one requirement follow it: `name --hash=sha256:...`
    said = (
        re.split(r"\s+--?[a-z]", text, maxsplit=1)[0].strip() if not text.startswith("-") else text
    )
    editable = re.match(r"(-e|--editable)[\s=]*(.*)", said)
    said = editable[2] if editable else said
    if editable or ("@" not in said.split("://")[0] and (URL.match(said) or _is_path(said))):
        egg = re.search(r"#(?:.*&)?egg=([A-Za-z0-9._-]+)", said)
        return Package("pip", canonicalize_name(egg[1]) if egg else "", text, line)
    if "${" in said:  # an environment variable: known only where pip runs
        return Package("pip", "", text, line)
    try:
        # pip splits before it parses, so that it takes a `;` right after an address
        wanted, _, condition = said.partition(";")
        requirement = Requirement(wanted.strip())
        marker = str(Marker(condition.strip())) if condition.strip() else ""
    except (InvalidRequirement, InvalidMarker) as error:
        raise ValueError(
            f"pip cannot read `{said}`: {str(error).splitlines()[0].rstrip('.')}; "
            "write it as `name`, `name==1.2` or `name>=1.2,<2`"
        ) from None
    return Package(
        "pip",
        canonicalize_name(requirement.name),
        text,
        line,
        marker,
        partial(requirement.specifier.contains, prereleases=True),
    )


def _is_path(text: str) -> bool:
    return (
        text.startswith((".", "/"))
        or ("/" in text and "@" not in text)
        or bool(ARCHIVE.search(text))
    )
