"""`hub-image page`: in a terminal it writes the page of an image; with `--publish`, in CI, it keeps it in a branch.

The branch has nothing but the page of the newest image of the default branch, and a commit for each image before, so
that GitHub compares any two. It is never pushed with force: who was quicker is heard first. What a person has changed
there stays, and so does the page of a newer image. The image itself is published already, so what only concerns its
page is a warning. It stands at the top of the branch; further images of a repository have room in folders.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hub_image.ci import plan
from hub_image.page import command, facts
from hub_image.page.facts import BRANCH
from hub_image.problem import Problem
from hub_image.repository.reference import Reference
from hub_image.repository.tags import COMMIT
from hub_image.tools import github
from hub_image.tools.git import GitError, git, is_ancestor, logged_in

# With it GitHub Pages publish the files as they are:
# https://docs.github.com/en/pages/getting-started-with-github-pages/configuring-a-publishing-source-for-your-github-pages-site
PLAIN = ".nojekyll"
OURS = (*command.FILES, PLAIN)
REF = f"refs/heads/{BRANCH}"
TRIES = 5  # to push, where other runs are quicker


class Left(Exception):
    """The branch stays as it is; the sentence says why, and what to do."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hub-image page`."""
    command.arguments(parser)
    parser.add_argument(
        "--publish",
        action="store_true",
        help=f"in CI: keep the page of the image that was published in the branch {BRANCH}",
    )


def run(options: argparse.Namespace) -> int:
    """Write the page, or keep it in its branch; return the exit code.

    Raises Problem where there is no page, and outside of a job; what only hinders the branch is a warning.
    """
    if not options.publish:
        return command.run(options)
    told = json.loads(github.variable("PUBLISHED"))
    made = plan.here(options.path)
    proof = facts.Proof.again(json.loads(told["page"]))
    image = Image(f"{made.image}:{made.commit[:12]}", made.commit, told["digest"], proof, site())
    try:
        is_new = publish(options.path, image)
    except Left as left:
        github.warn(f"{left} The image is published all the same.")
        return 0
    address = f"{github.page()}/tree/{BRANCH}"
    github.summary(f"[The page of the image]({address}) says what is in it.\n")
    print(address)
    if image.site:
        github.summary(f"With a field to find a package: {image.site}\n")
        print(image.site)
        if is_new:
            build_site()
    return 0


@dataclass(frozen=True)
class Image:
    """An image of the default branch that was just published: from which commit, how it was proved, and the site of its page."""

    reference: str
    commit: str
    digest: str
    proof: facts.Proof | None
    site: str


def publish(repository: Path, image: Image) -> bool:
    """Put the page of an image into its branch; return whether that was not there already.

    Raises Left where the branch is not ours to change, and Problem where the image, its registry or GitHub does not
    answer, or other runs are quicker again and again.
    """
    url = git(repository, "remote", "get-url", "origin").strip()
    login = logged_in(os.environ.get("GITHUB_TOKEN", ""))
    for _ in range(TRIES):
        with tempfile.TemporaryDirectory() as folder:
            branch = Branch(Path(folder), url, login)
            kept = branch.take()
            if kept.reference and _is_newer(repository, kept.reference, image.commit, url, login):
                print(f"{BRANCH} is about {kept.reference}, which is newer, so it stays.")
                return False
            published = facts.Published(image.digest, image.proof, branch.pages(), image.site)
            found = facts.gather(repository, image.reference, kept, published=published)
            command.write(found, branch.folder)
            (branch.folder / PLAIN).write_text("")
            if not branch.commit(Reference.parse(image.reference).tag):
                print(f"{BRANCH} says so already.")
                return False
            if branch.push():
                return True
    raise Problem(f"Other runs wrote into {BRANCH} again and again meanwhile: run this job again.")


class Branch:
    """The branch of the page, in a folder of its own; `tip` is its last commit on GitHub, empty where there is none."""

    def __init__(self, folder: Path, url: str, login: dict[str, str]) -> None:
        self.folder, self.url, self.login, self.tip = folder, url, login, ""
        git(folder, "init", "--quiet", "--initial-branch", BRANCH)

    def take(self) -> facts.Kept:
        """Get what is there now; return what the page says. Raises Left where not we have written it."""
        self.tip = self._tip()
        if not self.tip:
            return facts.Kept()
        self._git("fetch", "--quiet", self.url, REF)
        ours = ["--fixed-strings", f"--author=<{github.BOT['GIT_AUTHOR_EMAIL']}>"]
        last = self._git("log", "--max-count=1", "--format=%H", *ours, self.tip).strip()
        if not last or not self._git("ls-tree", last, facts.FILE):
            raise Left(
                f"The branch {BRANCH} holds something else than the page of the image, so it stays as it is: give that "
                "branch another name, and run this job again."
            )
        if edited := self._git("diff", "--name-only", last, self.tip, "--", *OURS).split("\n")[0]:
            raise Left(
                f"Somebody has changed {edited} in the branch {BRANCH}, so it stays as it is: undo that, or delete the "
                "branch, and run this job again."
            )
        self._git("reset", "--quiet", "--hard", self.tip)
        try:
            return facts.read(self.folder)
        except Problem:  # written by a later release, which somebody has gone back from
            raise Left(
                f"This version of hub-image cannot read {facts.FILE} in the branch {BRANCH}, so it stays as it is: "
                "delete the branch, and run this job again."
            ) from None

    def pages(self) -> dict[str, str]:
        """Return which commit has the page of each image, by the image's tag."""
        if not self.tip:
            return {}
        lines = self._git("log", "--reverse", "--format=%H %s", self.tip).splitlines()
        return {tag: commit for commit, _, tag in (line.partition(" ") for line in lines)}

    def commit(self, tag: str) -> bool:
        """Commit the folder as the page of this image; return whether that changes anything."""
        self._git("add", "--all", "--force")
        if self.tip and not self._git("diff", "--cached", "--name-only", self.tip):
            return False
        self._git("commit", "--quiet", "--message", tag)
        return True

    def push(self) -> bool:
        """Push; return whether nobody was quicker. Raises Left where GitHub refuses it."""
        try:
            self._git("push", "--quiet", self.url, f"HEAD:{REF}")
        except GitError as refusal:
            if self._tip() != self.tip:
                return False
            settings = f"{github.page()}/settings"
            raise Left(
                f"GitHub does not take the page of the image into the branch {BRANCH}: leave that branch out of the rule "
                f"on {settings}/rules, or make a variable PAGE with the value `no` on {settings}/variables/actions/new, "
                f"and there is no page. GitHub said: {refusal}"
            ) from refusal
        return True

    def _tip(self) -> str:
        return self._git("ls-remote", self.url, REF).partition("\t")[0]

    def _git(self, *arguments: str) -> str:
        return git(self.folder, *arguments, environment=github.BOT | self.login)


def _is_newer(
    repository: Path, reference: str, commit: str, url: str, login: dict[str, str]
) -> bool:
    """Whether an image was made of a later commit than this one, which the default branch still has."""
    other = Reference.parse(reference).tag
    if not COMMIT.fullmatch(other) or commit.startswith(other):
        return False
    main = f"refs/heads/{github.default_branch()}"
    git(repository, "fetch", "--quiet", url, main, environment=login)
    return is_ancestor(repository, commit, other) and is_ancestor(repository, other, "FETCH_HEAD")


def site() -> str:
    """Return where GitHub Pages publish the page, where its owner has chosen that branch for it; warn where nobody knows."""
    try:
        found = github.api("GET", f"{github.repository()}/pages")
    except Problem as problem:
        if not isinstance(problem, github.Refused) or problem.status != 404:  # Pages is off
            github.warn(f"{problem} So {BRANCH} has the page without a link to its site.")
        return ""
    return str(found["html_url"]) if (found.get("source") or {}).get("branch") == BRANCH else ""


def build_site() -> None:
    """Have GitHub Pages publish the page; warn where that fails.

    A push with the token of a job does not start that: https://docs.github.com/en/actions/concepts/security/github_token
    It asks for the right `pages: write`: https://docs.github.com/en/rest/pages/pages#request-a-github-pages-build
    """
    try:  # one build more does no harm
        github.api("POST", f"{github.repository()}/pages/builds", made=lambda: None)
    except Problem as problem:
        github.warn(f"{problem} {BRANCH} has the page all the same.")
