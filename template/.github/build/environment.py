# Written by hub-image-template; `copier update` replaces this file.
"""Split environment.yml, and find the settled packages that nothing needs any more.

usage: environment.py PREFIX FOLDER NAME...

Writes FOLDER/environment.yml, the part for conda, and FOLDER/requirements.txt, the names below `pip:`; a part with
nothing in it is not written. Prints those packages that came into PREFIX with the lock and that neither the list nor
a NAME needs, not even by way of others.
"""

import json
import re
import sys
from pathlib import Path

import yaml

prefix, folder, roots = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
file = Path("/mnt/environment.yml")
listed = (yaml.safe_load(file.read_text()) if file.exists() else None) or {}
entries = listed.get("dependencies") or []
conda = [entry for entry in entries if isinstance(entry, str)]
pip = [line for entry in entries if isinstance(entry, dict) for line in entry.get("pip") or []]
if conda:
    part = {key: value for key, value in listed.items() if key not in ("name", "prefix")}
    (folder / "environment.yml").write_text(yaml.safe_dump(part | {"dependencies": conda}))
if pip:
    (folder / "requirements.txt").write_text("\n".join(pip))

note = prefix / "share/hub-image/conda-added"
added = set(note.read_text().split()) if note.exists() else set()
records = [json.loads(file.read_text()) for file in prefix.glob("conda-meta/*.json")]
needs = {record["name"]: [need.split()[0] for need in record["depends"]] for record in records}
todo = [re.split(r"[ =<>!~;\[]", entry.split("::")[-1].lower())[0] for entry in conda]
todo += [*(needs.keys() - added), *roots]
needed = set()
while todo:
    name = todo.pop()
    if name not in needed:
        needed.add(name)
        todo += needs.get(name, [])
print(*added & needs.keys() - needed)
