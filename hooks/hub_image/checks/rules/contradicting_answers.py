"""Two files say different things about whose code CI runs, or where the image goes.

Why: `.copier-answers.yml` and `.github/image.env` are both written from the same answers. When they differ, one was
edited by hand: CI would run another template's code, or send the image and the registry's password somewhere else, and
the next update would quietly undo it, or do it for good.

Fix: undo the edit. To change an answer run `hub-image update --data`, or the workflow *configure*.

Severity: error.

Source: the template's own files.
"""

from collections.abc import Iterator
from pathlib import Path

from hub_image.checks import Finding
from hub_image.repository import anchors, files, image_env


def check(repository: Path) -> Iterator[Finding]:
    """Yield lines of image.env that the answers contradict."""
    if not (repository / image_env.ANSWERS).exists():
        return
    answers, env = (
        files.read(repository / image_env.ANSWERS),
        files.read(repository / image_env.FILE),
    )

    def answer(name: str) -> str:
        said = anchors.value(name, answers)
        return "" if said in ("null", "~") else said

    told = {
        "TEMPLATE": answer("_src_path"),
        "REGISTRY": answer("registry"),
        "REGISTRY_OWNER": (answer("registry_owner") or answer("github_owner")).lower(),
        "IMAGE_NAME": answer("image_name"),
    }
    for number, line in enumerate(env.splitlines(), start=1):
        name, equals, value = line.partition("=")
        if equals and name in told and value.strip() != told[name]:
            message = (
                f"{name} is {value.strip() or 'empty'}, and {image_env.ANSWERS} says {told[name] or 'nothing'}; undo the edit "
                "of either file, and change answers with the workflow configure"
            )
            yield Finding(image_env.FILE, number, message)
