"""`hub-image lock`: write down which packages an image has on top of its base, for the next builds.

The locks stand in lock/, one for each installer and kind of processor. They are made from an image that exists and was
proved, not from what the lists would give today: what is settled is what was seen to work. Where a lock comes from:

- conda: an explicit list, https://docs.conda.io/projects/conda/en/stable/user-guide/tasks/manage-environments.html
- pip: what `uv pip compile --generate-hashes` makes of names and versions
- Julia: the Manifest.toml that belongs beside Project.toml
- R: nothing, since catalog.yml names the day from which CRAN is taken
"""

from __future__ import annotations

import argparse
import re
import shutil
import tempfile
from pathlib import Path

from hub_image import catalog
from hub_image.lists import installed
from hub_image.problem import Problem
from hub_image.repository import argument, image_env
from hub_image.tools import docker
from hub_image.tools.progress import progress

FOLDER = "lock"

# Where packages are looked for, as a list may say it; the lock says it too.
INDEXES = r"^\s*(-i|-f|--(extra-)?index-url|--find-links|--trusted-host)\b"

DOCKERFILE = """\
FROM {base} AS base
USER root
RUN --mount=type=bind,target=/mnt \\
    if [ -x {prefix}/bin/python ]; then {prefix}/bin/python /mnt/listing.py >/packages; else : >/packages; fi

FROM {image} AS image
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
USER root
RUN --mount=type=bind,target=/mnt --mount=type=bind,from=base,source=/packages,target=/base \\
    --mount=type=bind,from={uv},source=/uv,target=/usr/local/bin/uv \\
    --mount=type=cache,id=uv-lock,target=/tmp/uv <<EOF
mkdir /lock /work
cd /work
python=$({prefix}/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
echo "# For {base}, Python $python, $(uname -m)" >made-for
cut -f 1,4 /base >base
{prefix}/bin/python /mnt/listing.py | cut -f 1,4 | {{ grep -vxFf base -f /mnt/others || true; }} >packages
sed -n 's/^conda\\t\\(.\\)/\\1/p' packages >conda
sed -n 's/^pip\\t\\(.\\)/\\1/p' packages >pip
if [ -s conda ]; then
    {{ cat made-for; echo @EXPLICIT; cat conda; }} >"/lock/conda-$(uname -m).txt"
fi
if [ -s pip ]; then
    cat /mnt/indexes pip >pip.in
    TMPDIR=/tmp/uv uv pip compile --quiet --cache-dir /tmp/uv --python {prefix}/bin/python \\
        --no-deps --no-header --no-annotate --generate-hashes --output-file pip.out pip.in >/dev/null
    cat made-for /mnt/indexes pip.out >"/lock/pip-$(uname -m).txt"
fi
manifest=${{JULIA_DEPOT_PATH:-/none}}
manifest=${{manifest%%:*}}/environments/hub/Manifest.toml
[ ! -e "$manifest" ] || cp "$manifest" /lock/
EOF

FROM scratch
COPY --from=image /lock /
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hub-image lock`."""
    argument.path(parser)
    parser.add_argument(
        "--image",
        metavar="REFERENCE",
        help="an image of the repository that was proved (default: build it now)",
    )


def run(options: argparse.Namespace) -> int:
    """Write the locks of a repository; return the exit code. Raises Problem as `lock` does."""
    for path in lock(options.path, options.image):
        print(f"{path} is written: commit it, so that every build has these versions.")
    return 0


def lock(repository: Path, image: str | None = None) -> list[Path]:
    """Write what `image` has on top of its base into the repository's locks; return their paths.

    Without an image the repository is built. Locks of other kinds of processor stay. Raises Problem, with nothing
    changed, when the repository, the image or an index does not play along.
    """
    answers = image_env.read(repository)
    if not answers.base_family:
        raise Problem(f"{image_env.FILE} is missing: run this in a repository of the template.")
    if image is None:
        image = answers.image_name
        with progress() as say:
            if log := docker.build("--tag", image, str(repository), say=say):
                raise Problem(
                    f"The repository cannot be built, so no lock was changed: {log.splitlines()[-1]}"
                )
    with tempfile.TemporaryDirectory() as folder:
        made = _ask(repository, answers, image, Path(folder))
        found = sorted(path.name for path in made.iterdir())
        machine = docker.inspect(image)["Architecture"]
        machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(machine, machine)
        for old in (repository / FOLDER).glob(f"*-{machine}.txt"):
            if old.name not in found:
                old.unlink()  # nothing is left to lock
        written = []
        for name in found:
            path = repository / ("" if name == "Manifest.toml" else FOLDER) / name
            path.parent.mkdir(exist_ok=True)
            shutil.copyfile(made / name, path)
            written.append(path)
    return written


def _ask(repository: Path, answers: image_env.Answers, image: str, folder: Path) -> Path:
    """Return a folder with the locks, made in a build that starts from the image."""
    facts = catalog.load()
    dockerfile = DOCKERFILE.format(
        base=answers.base_image,
        image=image,
        prefix=facts.families[answers.base_family].prefix,
        uv=facts.images["uv"].reference,
    )
    (folder / "listing.py").write_text(installed.OF_PYTHON)
    # The Dockerfile brings these after the list, in versions of the template.
    proxies = (entry.proxy for entry in facts.interfaces.values())
    (folder / "others").write_text("".join(f"pip\t{proxy}\n" for proxy in proxies))
    (folder / "indexes").write_text("".join(indexes(repository)))
    out = folder / "out"
    told = ["--provenance=false", "--file=-", f"--output=type=local,dest={out}", str(folder)]
    with progress() as say:
        say(f"Asking {image} what it has, and the indexes for checksums")
        docker.output("buildx", "build", *told, input=dockerfile)
    return out


def indexes(repository: Path) -> list[str]:
    """Return the lines of the pip lists that say where packages are looked for."""
    lists = sorted(repository.glob("requirements*.txt"))
    lines = [line for path in lists for line in path.read_text(encoding="utf-8").splitlines()]
    return [f"{line.strip()}\n" for line in lines if re.match(INDEXES, line)]
