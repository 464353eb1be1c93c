"""Make what stands in docs/ and is not written by hand: `python docs/make.py`.

tests/test_docs.py fails when a page here is another than the one that this makes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
CATALOG = yaml.safe_load((HERE.parent / "catalog.yml").read_text(encoding="utf-8"))
NAMES = {"r": "R", "julia": "Julia"}

BASES = """\
# Base images

<!-- Made by `python docs/make.py` from catalog.yml. -->

Your image starts from one of these, with everything that is in it, and adds what your lists name. Each is made by a community of its own, and
each release of the template brings its newest version, tested. The name in the first column is the answer to the question `base`.

| `base` | what it is | languages | opens besides JupyterLab | processors | what is in it |
| --- | --- | --- | --- | --- | --- |
{rows}

`other` stands for any image that you give by its address, if it was made from one of these families: {families}. To start from plain Debian instead,
answer `scratch` to `start_from`.

Intel and AMD processors are what most hubs have; ARM is what newer Macs have.
"""
PROCESSORS = {"linux/amd64": "Intel, AMD", "linux/arm64": "ARM"}


def bases(catalog: dict[str, Any]) -> str:
    """Return the page of the base images, one row for each entry of the catalog that is still offered."""
    rows = []
    for key, base in catalog["bases"].items():
        if base.get("retired"):
            continue
        family = catalog["families"][base["family"]]
        languages = ["Python " + base["python"], *map(NAMES.get, base["languages"])]
        opens = [catalog["interfaces"][name]["title"] for name in base.get("interfaces", [])]
        cuda = f", for graphics cards with CUDA {base['cuda']}" if base.get("cuda") else ""
        listed = family["packages"].format(tag=base["tag"], name=base["image"].rpartition("/")[2])
        cells = [
            f"`{key}`",
            base["title"] + cuda,
            ", ".join(languages),
            ", ".join(opens),
            ", ".join(map(PROCESSORS.get, base["platforms"])),
            f"[list]({listed})",
        ]
        rows.append(f"| {' | '.join(cells)} |")
    families = [
        f"[{family['title']}]({family['docs']})"
        for key, family in catalog["families"].items()
        if key != "scratch"
    ]
    return BASES.format(rows="\n".join(rows), families=", ".join(families))


def contract() -> str:
    """Return the page of the contract, as `hub-image test --rules` prints it."""
    from hub_image.contract import command, display

    return display.page(command.CHECKS)


PAGES = {"bases.md": lambda: bases(CATALOG), "contract.md": contract}

if __name__ == "__main__":
    for name, make in PAGES.items():
        (HERE / name).write_text(make(), encoding="utf-8")
        print(HERE.name + "/" + name)
