# Written by hub-image-template; `copier update` replaces this file.
"""Split environment.yml, and find the settled packages that nothing needs any more.

usage: environment.py split FOLDER
       environment.py unneeded PREFIX NAME...

split: writes FOLDER/environment.yml, the part for conda, and FOLDER/requirements.txt, the names below `pip:`; a part
with nothing in it is not written. unneeded: prints those packages that came into PREFIX with the lock and that neither
the list nor a NAME needs, not even by way of others.
"""

import json
import re
import sys
from pathlib import Path

import yaml

file = Path("environment.yml")
listed = (yaml.safe_load(file.read_text()) if file.exists() else None) or {}
entries = listed.get("dependencies") or []
conda = [entry for entry in entries if isinstance(entry, str)]

command, folder, *names = sys.argv[1:]
if command == "split":
    pip = [line for entry in entries if isinstance(entry, dict) for line in entry.get("pip") or []]
    if conda:
        part = {key: value for key, value in listed.items() if key not in ("name", "prefix")}
        text = yaml.safe_dump(part | {"dependencies": conda})
        Path(folder, "environment.yml").write_text(text)
    if pip:
        Path(folder, "requirements.txt").write_text("\n".join(pip))
else:
    note = Path(folder, "share/hub-image/conda-added")
    added = set(note.read_text().split()) if note.exists() else set()
    records = [json.loads(path.read_text()) for path in Path(folder).glob("conda-meta/*.json")]
    # A record need not say what its package depends on.
    needs = {record["name"]: record.get("depends") or [] for record in records}
    todo = [re.split(r"[ =<>!~;\[]", entry.split("::")[-1].lower())[0] for entry in conda]
    todo += [*(needs.keys() - added), *names]
    needed = set()
    while todo:
        name = todo.pop()
        if name not in needed:
            needed.add(name)
            todo += [need.split()[0] for need in needs.get(name, [])]
    print(*sorted(added & needs.keys() - needed))
