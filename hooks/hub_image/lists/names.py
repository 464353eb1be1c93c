"""Which names mean the same package."""

from __future__ import annotations

import re

# Names that mean one thing for conda and another for pip: a program or a C library there, its
# Python binding here (conda calls that `python-graphviz`, `python-eccodes`, `pynco`, ...).
NOT_THE_SAME = {"blosc", "cdo", "eccodes", "ffmpeg", "graphviz", "igraph", "jq", "magics", "nco"}
NOT_THE_SAME |= {"nodejs", "redis", "snappy", "tesseract", "tzdata"}
# The same package under two names: conda's, then pip's.
PIP_NAMES = {"pytorch": "torch", "opencv": "opencv-python", "pytables": "tables"}


def identity(manager: str, name: str) -> tuple[str, str]:
    """Return what packages are compared by: it is equal for two entries that are one package, conda's and pip's too.

    `manager` is that of a list, or that of lists.installed. Names are compared as PyPI does:
    https://packaging.python.org/en/latest/specifications/name-normalization/
    """
    manager = manager.lower()
    if manager == "r":  # install.R may say owner/name@version, or the address of an archive
        name = re.split("[@#_]", re.split("[/:]", name)[-1])[0]
    name = re.sub(r"[-_.]+", "-", name).lower()
    if manager == "conda" and name.startswith("r-"):  # a package of R's, in lower case
        return "r", name.removeprefix("r-")
    if manager == "conda" and name not in NOT_THE_SAME:
        return "pip", PIP_NAMES.get(name, name)
    return manager, name
