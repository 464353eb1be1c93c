"""`hub-image links`: links that start this image or build this repository.

The formats are those of the projects that read them:
https://github.com/2i2c-org/jupyterhub-fancy-profiles/blob/main/src/context/Permalink.tsx
https://nbgitpuller.readthedocs.io/en/latest/topic/url-options.html
https://mybinder.readthedocs.io/en/latest/howto/badges.html
"""

import argparse
import json
import os
from pathlib import Path
from urllib.parse import quote_plus, urlencode, urlsplit

from hub_image.handoff import profiles
from hub_image.hubconfig import lint
from hub_image.repository import argument, image_env
from hub_image.tools import github
from hub_image.tools.git import on_github

SERVER = "https://github.com"  # where Binder looks


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hub-image links`."""
    parser.add_argument("reference", metavar="REFERENCE", help="the published image with its tag")
    argument.path(parser)
    menu(parser)


def menu(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where on a hub's page a user types an image's name."""
    parser.add_argument(
        "--profile",
        default="",
        metavar="SLUG",
        help="the hub's profile that has Other...; its Permalink button shows it (default: our entry's)",
    )
    parser.add_argument(
        "--option", default="image", help="the key of its option for images (default: image)"
    )


def run(options: argparse.Namespace) -> int:
    """Print the links as lines of Markdown; those to the hub only where its address is known."""
    for line in lines(options.path, options.reference, options.profile, options.option):
        print(line)
    return 0


def lines(repository: Path, reference: str, profile: str = "", option: str = "image") -> list[str]:
    """Return what `hub-image links` prints. Raises Problem without hub/profile.yaml."""
    hub = image_env.read(repository).hub_url
    profile = profile or lint.slug(profiles.read(repository)[0])
    where = open_repository(repository)
    found = []
    if hub:
        found.append(f"- [Start this image on the hub]({other(hub, reference, profile, option)})")
    if hub and where:
        found.append(
            f"- [Build this repository on the hub]({build(hub, where, 'HEAD', profile, option)})"
        )
        found.append(f"- [Open this repository's files on the hub]({content(hub, where)})")
    if where:
        found.append(f"- {badge(where)}")
    return found


def other(hub: str, reference: str, profile: str, option: str = "image") -> str:
    """Return a link to the hub's server options with this image in "Other...".

    `profile` is the slug of a profile of that hub; jupyterhub-fancy-profiles shows an empty page
    for one that is not there.
    """
    return permalink(
        hub, {"profile": profile, option: "unlisted_choice", f"{option}:unlisted_choice": reference}
    )


def build(hub: str, repository: str, ref: str, profile: str, option: str = "image") -> str:
    """Return a link to the hub's server options that builds an image from `owner/name` on GitHub."""
    return permalink(
        hub,
        {
            "profile": profile,
            option: "--extra-selectable-item",
            f"{option}:binderProvider": "gh",
            f"{option}:binderRepo": repository,
            f"{option}:ref": ref,
        },
    )


def permalink(hub: str, choices: dict[str, str]) -> str:
    """Return a link to the hub's server options with these choices made, as its Permalink button does."""
    base = hub.rstrip("/")
    config = json.dumps(choices, ensure_ascii=False, separators=(",", ":"))
    # As a browser's URLSearchParams writes it.
    value = quote_plus(config, safe="*").replace("~", "%7E")
    return f"{base}/hub/login?next={urlsplit(base).path}/hub/spawn%23fancy-forms-config={value}"


def content(hub: str, repository: str, branch: str = "", path: str = "") -> str:
    """Return an nbgitpuller link: it copies a repository from GitHub into the home and opens `path`."""
    query = {"repo": f"{SERVER}/{repository}"}
    query["urlpath"] = f"lab/tree/{repository.rpartition('/')[2]}/{path}"
    if branch:
        query["branch"] = branch
    return f"{hub.rstrip('/')}/hub/user-redirect/git-pull?{urlencode(query)}"


def binder(repository: str, ref: str = "HEAD") -> str:
    """Return a link to Binder, which builds the repository's Dockerfile."""
    return f"https://mybinder.org/v2/gh/{repository}/{quote_plus(ref)}"


def badge(repository: str, ref: str = "HEAD") -> str:
    """Return a Binder badge in Markdown."""
    return f"[![Binder](https://mybinder.org/badge_logo.svg)]({binder(repository, ref)})"


def github_repository(repository: Path) -> str:
    """Return `owner/name` on GitHub, from CI or from git's origin; empty where neither tells."""
    if name := os.environ.get("GITHUB_REPOSITORY"):
        return name
    return on_github(repository)


def open_repository(repository: Path) -> str:
    """Return the same where a hub or Binder can read it; empty for a private one, as far as GitHub has told this job."""
    is_private = github.event().get("repository", {}).get("private")
    return "" if is_private or github.server() != SERVER else github_repository(repository)
