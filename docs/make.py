"""Make what stands in docs/ and is not written by hand: `python docs/make.py`.

tests/test_docs.py fails when a page here is another than the one that this makes.
"""

from __future__ import annotations

import re
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


RIGHTS = """\
# Who may do what

<!-- Made by `python docs/make.py` from template/.github/workflows/. -->

What runs on GitHub for an image repository: each job, what it may do there, which secrets it sees, whose code it runs, and who has
reviewed that code.

| job | may | secrets | whose code | who reviewed it |
| --- | --- | --- | --- | --- |
{rows}

*The recorded version* is the full commit `TEMPLATE_COMMIT` in `.github/image.env`. A tag can be moved, a commit cannot. `hub-image` is
taken at that commit, and what it needs from PyPI by the hashes in its lock.

## How an update comes

1. *weekly*, job *update*, chooses a release that GitHub published at least {days} days ago. Only *Run workflow*, by a person, takes one at once.
2. That release's `hub-image`, which nobody here has reviewed, writes a draft: a diff and a text. It has no rights and no secrets.
3. Job *propose* checks the draft with the recorded version. It never changes a workflow, makes no links, and says on top when it
   changes where the template or the image comes from. Then it pushes a branch and opens a pull request.
4. *image*, job *proof*, builds and proves that branch without rights and secrets. Nothing is pushed or signed.
5. You read and merge. Only then does the new version run with rights. Who looks after many images may have the others merged once
   people have merged some: [what that means](many.md#merge-what-was-proved).

To try the image of such a branch on your hub before, look at what changes, and start *image* on that branch by hand: it is then built
with rights, by your decision.

## How a request comes

1. Whoever may open an issue can ask for a package, with the form. *requests*, job *answer*, says in a comment what it understood. It may write
   into issues, and nothing else. What people write is nowhere a part of a command or of a workflow; it ends up in comments, as code, in the
   comment beside a line of a list, and as a cell of a notebook.
2. Somebody who may write here says yes with the label *add package*. GitHub lets people with the role *triage* label too, so the job asks what
   whoever did it may do. The yes counts for the text in the event, if it is the one that the comment has shown: its first line has a hash.
3. Job *propose* lets the draft change the package lists and the one notebook of this issue, and pushes the branch `hub-image/request-` with the
   number of the issue. It is made of the default branch, with the recorded version.
4. *image*, job *image*, builds that branch with rights, as if the person had started it by hand, and publishes a trial image. What is new there
   is the package, whose code runs in the build, and the line of code, which runs in a container: neither sees a token or a secret.

5. When a list on the default branch changes and the branch then conflicts in lists alone, job *catch-up* merges the default branch into it.
   Every line of it is then one that was merged, or one that somebody has said yes to.

Such a branch is made by nobody else. Whoever may push one may start *image* by hand too; of the jobs that may push, each takes only drafts of its
own workflow. A pull request from a fork, or of the branch itself, is no such branch to GitHub, whatever it is called, and has no rights.

## What to look at in a pull request

- The first line of the comment, *Look at this first*: it says when `.copier-answers.yml` or `.github/image.env` would make CI run another
  template's code, or send the image and its login elsewhere.
- `.github/`, `Dockerfile`, `preBuild`, `postBuild` and `start`: all of it runs.

A release named by its date, as in `2026.11.23`, is published only for a commit of the default branch.
"""
RECORDED = "hub-image in the recorded version", "whoever merged the update that brought it"


def rights() -> str:
    """Return the page of rights: a row for each job of the template's workflows."""
    rows = []
    for file in sorted((HERE.parent / "template/.github/workflows").glob("*.yml")):
        for key, job in yaml.safe_load(file.read_text(encoding="utf-8"))["jobs"].items():
            said = yaml.safe_dump(job)
            may = ", ".join(f"{name}: {level}" for name, level in job["permissions"].items())
            secrets = sorted(set(re.findall(r"secrets\.(\w+)", said)))
            cells = [
                f"*{file.stem}*, {key}",
                may,
                ", ".join(f"`{name}`" for name in secrets) or "none",
                *whose(key, said),
            ]
            rows.append(f"| {' | '.join(cells)} |")
    return RIGHTS.format(rows="\n".join(rows), days=CATALOG["days_until_taken"])


def whose(key: str, said: str) -> tuple[str, str]:
    """Return whose code a job runs, and who has reviewed it, by what its steps say."""
    if "$RELEASE" in said:
        return "first the recorded version, then a new release of the template", "**nobody here**"
    if "get-hub-image.sh here" in said:
        return "the template's, as the button copied it", "who publishes the template"
    if "ref: ${{ env.COMMIT }}" in said:
        commit = "actions and hub-image as the commit says that is built"
        if "PROOF" in said:
            return commit + ", and its build", "**nobody**: the bot wrote it"
        if key == "image":
            return commit + ", and its build", (
                "whoever merged it; before that, its author, who may write here, or who started it by hand; of a request, who "
                "put the label on it; from forks "
                "the token only reads, without secrets"
            )
        if key == "plan":
            return commit, "nobody, before a merge"
        return commit, "whoever merged it"
    if "hub-image" in said:
        return RECORDED
    return "these lines alone", "whoever merged them"


PAGES = {"rights.md": rights, "bases.md": lambda: bases(CATALOG), "contract.md": contract}

if __name__ == "__main__":
    for name, make in PAGES.items():
        (HERE / name).write_text(make(), encoding="utf-8")
        print(HERE.name + "/" + name)
