"""`hub-image plan`: what a run of CI is to make of an event. Who may push stands here, and nowhere else.

- The default branch and releases publish. A pull request of the same repository publishes too, under a
  tag of its own, so that it can be tried on the hub before it is merged.
- Pull requests from forks and from Dependabot run without secrets and with a token that only reads:
  https://docs.github.com/en/actions/security-for-github-actions/security-guides/automatic-token-authentication
- Without a login for the registry everything is built and tested, and nothing is red.
- A branch of the bot is proved in a job without rights (PROOF). Who wants to try its image on the hub before it is merged
  starts image.yml on it; so with every branch that has a pull request.
- A release is published for a commit of the default branch only: what stands there has been reviewed.
"""

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub_image import catalog
from hub_image.problem import Problem
from hub_image.repository import image_env
from hub_image.repository.tags import CALVER
from hub_image.tools import github
from hub_image.tools.git import git, is_ancestor

LOGIN = "REGISTRY_LOGIN"  # a variable: host/name, as in quay.io/ocean+ci
PASSWORD = "REGISTRY_PASSWORD"  # a secret
RUNNER = "ubuntu-24.04"
RUNNERS = {"linux/arm64": "ubuntu-24.04-arm"}


@dataclass(frozen=True)
class Plan:
    """What this run makes.

    `tags`: the first is made from the commit, each release of it adds its own. `reference`: the name to paste into a
    hub. `cache`: where the build's cache is kept. `to_cache`: whether this run writes it. `why_not`: why nothing is
    pushed, in Markdown; empty when it is.
    """

    image: str
    tags: tuple[str, ...]
    reference: str
    commit: str
    platform: str
    cache: str
    to_cache: bool
    why_not: str
    own_token: bool

    @property
    def push(self) -> bool:
        """Whether this run publishes."""
        return not self.why_not

    @property
    def lasting(self) -> bool:
        """Whether a hub may link what is published: no trial image, and not the one for a second platform."""
        return self.tags[0] == self.commit[:12]

    @property
    def host(self) -> str:
        """The registry."""
        return self.image.partition("/")[0]


def plan(
    answers: image_env.Answers,
    event: Mapping[str, Any],
    environ: Mapping[str, str],
    platform: str = "linux/amd64",
    git_tags: Sequence[str] = (),
    reviewed: bool = True,
) -> Plan:
    """Return the plan for an event of GitHub Actions.

    `answers` are those of `.github/image.env`, `event` is GitHub's own account of what happened, `environ` holds
    GitHub's variables and, where there is one, the login. `git_tags` are those of the commit: whichever of its runs
    publishes, publishes all releases, since GitHub drops runs that wait when a newer one comes. `reviewed`: whether the
    commit is one of the default branch. Raises Problem where the answers do not fit.
    """
    here = environ["GITHUB_REPOSITORY_OWNER"].lower()
    host, owner = answers.registry, answers.registry_owner or here
    pull = event.get("pull_request")
    commit = pull["head"]["sha"] if pull else environ["GITHUB_SHA"]
    branch = github.default_branch(event)
    ref = environ["GITHUB_REF"]
    on_default = ref == f"refs/heads/{branch}"
    release = ref.removeprefix("refs/tags/") if ref.startswith("refs/tags/") else ""
    if release and not CALVER.fullmatch(release):
        raise Problem(
            f"The git tag {release} is no release: name it by its date, as in 2026.11.23."
        )

    has_login = bool(environ.get(LOGIN) and environ.get(PASSWORD))
    own_token = host == "ghcr.io" and owner.split("/")[0] == here and not has_login
    if environ.get("PROOF"):
        why_not = (
            "This branch is the bot's: it is built and tested without any rights, and published when you have merged it. "
            "To try its image on your hub before, look at what changes and start the workflow *image* on this branch."
        )
    elif pull and (pull["head"]["repo"] or {}).get("full_name") != environ["GITHUB_REPOSITORY"]:
        why_not = (
            "Pull requests from forks are built and tested, and published when they are merged."
        )
    elif pull and pull["user"]["login"] == "dependabot[bot]":
        why_not = "Pull requests from Dependabot are built and tested, and published when they are merged."
    elif release and not reviewed:
        why_not = (
            f"The commit of the tag `{release}` is not on `{branch}`, so nothing is published: merge it first, and then "
            f"tag the commit that `{branch}` has."
        )
    elif not (pull or on_default or release):
        why_not = (
            f"Only `{branch}`, releases and pull requests are published; this was another branch."
        )
    elif not own_token and not has_login:
        why_not = how_to_publish(host, owner, here, environ)
    else:
        why_not = ""

    platforms = answers.platforms or (platform,)
    _check_platforms(answers, platforms)
    suffix = "" if platform == platforms[0] else f"-{platform.split('/')[1]}"
    short = commit[:12]
    releases = {tag for tag in (*git_tags, release) if CALVER.fullmatch(tag)}
    tags = [f"pr-{pull['number']}-{short}"] if pull else [short, *sorted(releases)]
    image = f"{host}/{owner}/{answers.image_name}"
    return Plan(
        image=image,
        tags=tuple(tag + suffix for tag in tags),
        reference=f"{image}:{release or tags[0]}{suffix}",
        commit=commit,
        platform=platform,
        cache=f"{image}:buildcache{suffix}",
        to_cache=not why_not and not pull,
        why_not=why_not,
        own_token=own_token,
    )


def how_to_publish(host: str, owner: str, here: str, environ: Mapping[str, str]) -> str:
    """Say in three lines how to turn publishing on."""
    server = environ.get("GITHUB_SERVER_URL", "https://github.com")
    settings = f"{server}/{environ['GITHUB_REPOSITORY']}/settings"
    why = f"this repository has no login for {host}, which pushing to {host}/{owner} needs"
    token = f"Make an access token on {host} that may push to `{owner}`."
    if host == "ghcr.io":
        why = f"this repository belongs to {here}, so its own token may not push to {host}/{owner}"
        token = f"Make a [token]({server}/settings/tokens/new?scopes=write:packages) of someone who may push to `{owner}`."
    return (
        f"Nothing was published: {why}. To turn it on:\n"
        f"1. {token}\n"
        f"2. Add [a variable]({settings}/variables/actions/new) `{LOGIN}`, as in `{host}/name`, with the name that the "
        f"token belongs to, and the token as [a secret]({settings}/secrets/actions/new) `{PASSWORD}`.\n"
        "3. Run this workflow again."
    )


def _check_platforms(answers: image_env.Answers, platforms: Sequence[str]) -> None:
    facts = catalog.load()
    for entry in (*facts.bases.values(), *facts.images.values()):
        if entry.reference == answers.base_image and entry.platforms:
            for platform in platforms:
                if platform not in entry.platforms:
                    raise Problem(
                        f".github/image.env: PLATFORMS asks for {platform}, which {answers.base_image} "
                        "does not have; choose another base or leave that platform out."
                    )


def here(repository: Path = Path()) -> Plan:
    """Return the plan for the job that this is part of.

    Raises Problem outside of GitHub Actions and where there is no `.github/image.env`.
    """
    answers = _answers(repository)
    ref = github.variable("GITHUB_REF")
    build = json.loads(os.environ.get("BUILD") or "{}")
    event = github.event()
    commit, branch = os.environ["GITHUB_SHA"], github.default_branch(event)
    if os.environ.get("GITHUB_EVENT_NAME") == "workflow_dispatch" and ref.startswith("refs/heads/"):
        event |= _pull_request(ref.removeprefix("refs/heads/"), branch, commit)
    tags = () if "pull_request" in event else _git_tags(repository, commit)
    reviewed = not ref.startswith("refs/tags/") or _is_on(repository, branch, commit)
    return plan(answers, event, os.environ, build.get("platform", "linux/amd64"), tags, reviewed)


def _answers(repository: Path) -> image_env.Answers:
    """Return what `.github/image.env` says. Raises Problem where it is missing."""
    answers = image_env.read(repository)
    if not answers.image_name:
        raise Problem(f"{image_env.FILE} is missing: restore it with `copier update`.")
    return answers


def _pull_request(name: str, default: str, commit: str) -> dict[str, Any]:
    """Return the pull request of a branch, as an event has it, for whoever starts the workflow there by hand."""
    if name == default or os.environ.get("PROOF"):
        return {}
    owner = github.variable("GITHUB_REPOSITORY_OWNER")
    for pull in github.pages(f"{github.repository()}/pulls?state=open&head={owner}:{name}"):
        return {"pull_request": {**pull, "head": {**pull["head"], "sha": commit}}}
    return {}


def _is_on(repository: Path, branch: str, commit: str) -> bool:
    """Whether a branch has a commit, as far as git knows the branch."""
    for name in (f"refs/remotes/origin/{branch}", f"refs/heads/{branch}"):
        try:
            git(repository, "rev-parse", "--verify", "--quiet", name)
        except Problem:
            continue
        return is_ancestor(repository, commit, name)
    return False


def builds(answers: image_env.Answers) -> list[dict[str, str]]:
    """Return what image.yml builds, each on a machine of its own: its name, its platform and the runner."""
    platforms = answers.platforms or ("linux/amd64",)
    _check_platforms(answers, platforms)
    return [
        {"name": platform, "platform": platform, "runner": RUNNERS.get(platform, RUNNER)}
        for platform in platforms
    ]


def _git_tags(repository: Path, commit: str) -> list[str]:
    """Return the tags of a commit; none where git does not have it."""
    try:
        return git(repository, "tag", "--points-at", commit).split()
    except Problem:
        return []


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hub-image plan`."""
    parser.add_argument(
        "--builds", action="store_true", help="what is built, for a matrix of jobs; no more"
    )


def run(options: argparse.Namespace) -> int:
    """Set the plan as outputs of the step; return the exit code. Raises Problem as `here` does."""
    if options.builds:
        github.output(builds=json.dumps(builds(_answers(Path()))))
        return 0
    made = here()
    github.output(
        image=made.image,
        platform=made.platform,
        scanner=catalog.load().images["scanner"].pinned,
        name=f"{made.image}:{made.tags[0]}",
        push=str(made.push).lower(),
        cache_from=f"type=registry,ref={made.cache}",
        cache_to=f"type=registry,ref={made.cache},mode=max,image-manifest=true,oci-mediatypes=true,ignore-error=true"
        if made.to_cache
        else "",
    )
    print(made.why_not)
    return 0
