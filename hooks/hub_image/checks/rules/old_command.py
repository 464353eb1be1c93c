"""A build step runs a command that Jupyter no longer has.

Why: Notebook 7, which every current base has, has no `jupyter nbextension` and no `jupyter serverextension`: the build stops there.

Fix: remove the step. Extensions for JupyterLab need no such command; one for the server is switched on with
`jupyter server extension enable`.

Severity: warning, since an older base may have it.

Source: <https://jupyter-notebook.readthedocs.io/en/latest/migrate_to_notebook7.html>
"""

from collections.abc import Iterator
from pathlib import Path

from hub_image.checks import Finding, steps

GONE = {
    "nbextension": "remove the step, since extensions for JupyterLab need none",
    "serverextension": "write `jupyter server extension`",
}


def check(repository: Path) -> Iterator[Finding]:
    """Yield such commands in build scripts and Dockerfiles."""
    for file, line, words in steps.of(repository):
        name = " ".join(words[:2]).replace("jupyter-", "jupyter ").split()[1:2]
        if words and words[0].rpartition("/")[2].startswith("jupyter") and name and name[0] in GONE:
            message = f"Notebook 7 has no `jupyter {name[0]}`; {GONE[name[0]]}"
            yield Finding(file, line, message, "warning")
