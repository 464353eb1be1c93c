"""The issue *Welcome*, which the first run of the form or of a copy opens: the first steps, for who has only a browser."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hub_image.lists import packages
from hub_image.problem import Problem
from hub_image.repository import image_env
from hub_image.tools import github
from hub_image.tools.registry import settings_page

TITLE = "Welcome: the first steps"
FORM = "actions/workflows/configure.yml"  # where people make and change answers
MARK = "<!-- hub-image welcome -->"


def welcome(repository: Path, branch: str, here: Mapping[str, Any]) -> str:
    """Open the issue, unless there is or was one; return its address, or nothing where the repository can have none.

    `here` is what GitHub says of the repository.
    """
    issues = f"{github.repository()}/issues"

    def old_one() -> dict[str, Any] | None:
        return github.written(f"{issues}?state=all", MARK)

    content = {"title": TITLE, "body": text(repository, branch, here)}
    try:
        issue = old_one() or github.api("POST", issues, content, made=old_one)
    except Problem as problem:
        github.warn(f"{problem} So there is no issue with the first steps: GUIDE.md has them.")
        return ""
    return str(issue["html_url"])


def text(repository: Path, branch: str, here: Mapping[str, Any]) -> str:
    """Return the issue's text, in Markdown."""
    answers, page = image_env.read(repository), github.page()
    owner = answers.registry_owner or os.environ["GITHUB_REPOSITORY_OWNER"].lower()
    image = f"{answers.registry}/{owner}/{answers.image_name}"
    guide = f"{page}/blob/{branch}/GUIDE.md"
    lists = [f"[{name}]({page}/edit/{branch}/{name})" for name, _ in packages.read(repository)]
    login = f"""\
- [ ] **Let it publish on {answers.registry}.** That needs a name and a password: [how]({guide}#first-day).
"""
    return f"""\
{MARK}
This repository now makes an image: the software that people find when they start a server on your hub. Lists say what is in it. \
When one changes, GitHub builds the image, starts it on a real JupyterHub as a test, and publishes it as `{image}`. The \
[first build]({page}/actions/workflows/image.yml) is under way and takes 10 to 30 minutes.

Tick what is done, and close this issue whenever you like. Everything can be changed later.

- [ ] **Choose the languages.** Python and JupyterLab are there. For R, Julia, RStudio, VS Code, a desktop or a graphics card open \
[the form]({page}/{FORM}), press *Run workflow*, fill in only what you want to change, and press *Run workflow* again. A pull request \
brings the change and says whether the image works: merge it.
{login if answers.registry != "ghcr.io" else ""}\
- [ ] **Make the image public**, after the first build: [its settings]({settings_page(image, {"repository": here})})\
{", *Change visibility*, *Public*" if answers.registry == "ghcr.io" else ""}. Before that no hub can start it.
- [ ] **Add a package.** Open {" or ".join(filter(None, [", ".join(lists[:-1]), *lists[-1:]]))}, write its name on a line of its \
own, *Commit changes…*, *Create a new branch*, *Propose changes*, *Create pull request*. A comment there says whether the image \
works, and names one that you can try on the hub. Then merge.
- [ ] **Get it onto the hub.** After the first build an issue *Link request* has the text that you send to the people who run \
your hub: [how]({guide}#get-it-onto-the-hub).

[GUIDE.md]({guide}) has the rest.
"""
