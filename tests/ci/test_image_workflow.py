"""The generated image.yml itself, run by act: what happens to a repository, from its first push on.

Real: the workflow, its actions, hub-image installed from the recorded source, Docker with BuildKit, a registry with
passwords, the contract on a real JupyterHub: all of it for the first push, and for the later events the part that reads
the image and runs image-tests/ in it. What only GitHub has stays unproven here:

- the keyless signature (Sign): a stand-in prints what cosign is asked for;
- the comment (Comment on the pull request), the issue (Write the link request), that GitHub Pages publish the page when
  they are asked to (Write the page), and the removal from ghcr.io: a stand-in for GitHub's API keeps them
  (tests/github/), and gives the token what `permissions:` of each job says;
- the login with the job's own token, and what ghcr.io, quay.io and docker.io answer: the registry here is a plain one. A
  stand-in with their ways is in test_registry.py, and Docker's own push to it here;
- that jobs share nothing but the registry and their outputs, of which GitHub drops those that hold a secret: act runs
  them on one machine, with one Docker;
- the SBOM's contents: a stand-in takes the scanner's place;
- that Docker is switched to containerd's image store where it is not, and that a disk is cleared: both are only
  done on a runner of GitHub's;
- fork pull requests and concurrency: act does not emulate them, so the events are told as GitHub tells them, one after
  the other (test_concurrency.py has the rest);
- linux/arm64 and its runner;
- that a closed pull request is not built: act evaluates the matrix of a job that is skipped and fails, so there only
  the job clean-up is run.

The tests are one story, in this order; each compares the registry before and after.
"""

from __future__ import annotations

import json
import re
import shutil

import pytest

import github
from conftest import git
from hub_image.ci import answer
from rig import engine as rig

from .conftest import LIST, commit
from .test_answer import body

pytestmark = pytest.mark.engine
whole_matrix = pytest.mark.whole_matrix

ID = re.compile(r"ID:\s+(\S+)")
BUILT = ["Look whether this commit is published already", "Build the image", "Build"]
TOOLS = ["Get the repository", "Get hub-image, in the version that this repository records", "Let Docker keep digests", "Plan"]  # fmt: skip
FIRST = ["Get the repository", "Get hub-image", "Plan what is built", *TOOLS]
PUBLISHED = [
    *FIRST, "Log in", "Get the tools and log in to the registry", "Check the lists", *BUILT, "Contract", "Publish",
    "Get cosign", "Sign the image", "Sign", "Write the summary", "Report",
]  # fmt: skip
TESTED = [
    *FIRST, "Get the tools and log in to the registry", "Check the lists", *BUILT[1:], "Contract",
    "Write the summary", "Report",
]  # fmt: skip
COMMENTED = [*TESTED[:-1], "Comment on the pull request", "Report"]
LINKED = [
    *PUBLISHED,
    *TOOLS,
    "Log in",
    "Get the tools and log in to the registry",
    "Write the link request",
]
PAGE = [*TOOLS, "Log in", "Get the tools and log in to the registry", "Write the page"]
# What a step has written when it did its work.
EVIDENCE = {
    "Get the repository": r"^checked out [0-9a-f]{40}, depth",
    "Plan what is built": r'^builds=\[\{"name": "linux/amd64", "platform": "linux/amd64", "runner": "ubuntu-24.04"\}\]$',
    "Plan": r"^cache-from=type=registry,ref=localhost",
    "Log in": r"^Logged in to localhost",
    "Check the lists": r"^0 errors",
    "Look whether this commit is published already": r"^digest=",
    "Build the image": r"^digest=sha256:[0-9a-f]{64}$",
    "Contract": r"@sha256:[0-9a-f]{64}: (\d+ warned, )?[1-9]\d* passed",
    "Publish": r"^public=(true|false)$",
    "Sign the image": r"^stand-in for cosign: sign --yes localhost.*@sha256:[0-9a-f]{64}$",
    "Write the summary": r"^### The image is ",
    "Write the link request": r"^# Link request: ",
    "Write the page": r"^https://github.com/ocean/ocean/tree/image-page$",
    "Clean up": r"^\d trial images? of closed pull requests removed$",
}


def succeeded(run, *names: str) -> None:
    """The run is green, and exactly these steps ran, in this order."""
    assert run.code == 0, run.log[-6000:]
    assert [name for name, _ in run.steps()] == list(names)
    assert {result for _, result in run.steps()} == {"success"}
    for name in EVIDENCE.keys() & set(names):
        assert re.search(EVIDENCE[name], run.said(name), re.M), name


def failed(run, name: str) -> None:
    """The run is red, because of this step; the report was written all the same."""
    assert run.code != 0
    results = run.steps()
    assert [step for step, result in results if result == "failure"][-1] == name
    assert ("Report", "success") in results
    assert "Publish" not in dict(results) or name == "Publish"


def digest_of(run) -> str:
    """The digest that the contract was run on."""
    return re.search(r"@(sha256:[0-9a-f]{64}): (?:\d+ warned, )?\d+ passed", run.said())[1]


def executed(run) -> dict[str, float]:
    """The commands of the Dockerfile that were run, and not found in a cache, with the seconds that each took."""
    said = run.said("Build the image")
    steps = re.findall(r"^#(\d+) (\[.*?\] (?:RUN|COPY).*)$", said, re.M)
    cached = set(re.findall(r"^#(\d+) CACHED", said, re.M))
    took = dict(re.findall(r"^#(\d+) DONE ([\d.]+)s$", said, re.M))
    return {step: float(took[number]) for number, step in steps if number not in cached}


def requested(ci, run, tag: str) -> str:
    """The link request of a run: in one issue, on the run's page, and true of what the registry holds."""
    [issue] = ci.github.issues()
    text = issue["body"]
    assert issue["title"] == "Link request"
    digest = ci.tags()[tag]
    label = {
        key.removeprefix("org.opencontainers.image."): value
        for key, value in ci.labels(digest).items()
    }
    for line in (
        f"```\n{ci.image}:{tag}\n```",
        f"- Digest: `{digest}`",
        f"- Made from: `{label['base.name']}`, commit https://github.com/ocean/ocean/commit/{label['revision']}",
        f"- Who to ask: {label['source']}/issues",
        f'image: "{ci.image}:{tag}"',
    ):
        assert line in text, line
    request = text.partition("\n\n")[2]
    assert request in run.summary() and request.rstrip("\n") in run.said("Write the link request")
    return text


def ticked(request: str) -> list[str]:
    """The boxes that CI has ticked; those of people are left to them."""
    assert len(re.findall(r"^- \[ \] [^*]", request, re.M)) == 3
    return re.findall(r"^- \[x\] \*\*(\w+)\*\*", request, re.M)


def change(project, files: dict[str, str], message: str) -> str:
    for name, text in files.items():
        (project / name).write_text(text)
    return commit(project, message)


def pull_request(project, number: int, head: str, action: str = "synchronize", /, **other) -> dict:
    """What is not as in the example of the event of a pull request."""
    base = git(project, "rev-parse", "main").strip()
    sides = {"head": {"sha": head}, "base": {"sha": base}}
    pull = github.merged({"number": number, "user": {"login": "octocat"}} | sides, other)
    return {"action": action, "number": number, "pull_request": pull}


@pytest.fixture(scope="module")
def first(ci, project):
    """The first push; every later event comes after it."""
    assert ci.tags() == {}
    cache = used()
    run = ci.run("push", {}, page=True)
    run.new_cache = used() - cache
    return run


def used(step: str = "") -> set[str]:
    """The records of BuildKit's cache, or those of steps with these words."""
    records = rig.check(["docker", "buildx", "du", "--verbose"]).split("\n\n")
    return {found[1] for record in records if step in record and (found := ID.match(record))}


@pytest.mark.world("secrets-are-masked")
def test_first_push_publishes_what_was_tested(first, ci, project):
    succeeded(first, *LINKED, *PAGE)
    head = git(project, "rev-parse", "HEAD").strip()
    assert ci.tags() == {head[:12]: digest_of(first)}
    image = f"{ci.image}@{digest_of(first)}"
    ci.docker("image", "rm", "--force", f"{ci.image}:{head[:12]}", image)
    ci.docker("pull", "--quiet", image)
    assert "pyfiglet" in ci.docker(
        "run", "--rm", image, "python", "-c", "import pyfiglet; print(pyfiglet)"
    )
    labels = ci.docker("image", "inspect", image, "--format", "{{json .Config.Labels}}")
    assert head in labels and "https://github.com/ocean/ocean" in labels
    assert f"stand-in for cosign: sign --yes {image}" in first.said()
    assert f"Only people with a login can pull {ci.image}" in first.log
    kinds = ci.attestations(digest_of(first))
    assert any("provenance" in kind for kind in kinds) and any("spdx" in kind for kind in kinds)
    request = requested(ci, first, head[:12])
    assert ticked(request) == ["built", "contract", "version", "immutable"]
    assert "there is no earlier image" in request
    text = git(project, "show", "image-page:README.md")
    assert re.search(r"^\| pyfiglet \| \d\S+ \| PyPI \|$", text, re.M)
    passed, after = re.search(
        r"(\d+) checks passed.*A server was ready after (\S+) s,", text
    ).groups()
    assert f"{passed} passed" in first.said("Contract") and f"ready after {after} s" in first.said()
    assert git(project, "log", "--format=%an %s", "image-page").split("\n")[:-1] == [
        f"github-actions[bot] {head[:12]}"
    ]


@pytest.mark.parametrize("step", sorted(EVIDENCE.keys() & {*LINKED, *PAGE}))
def test_a_step_that_does_nothing_is_noticed(step, first):
    with pytest.raises(AssertionError, match=step):
        succeeded(first.without(step), *LINKED, *PAGE)


def test_second_push_finds_layers_in_the_registry(first, ci, project, published, capsys):
    """The local cache of the first push is removed before, so that only the registry's is left."""
    before, lists = ci.tags(), first.new_cache & used(LIST)
    records = f"^({'|'.join(first.new_cache)})$"
    rig.check(["docker", "buildx", "prune", "--all", "--force", f"--filter=id={records}"])
    assert lists and not lists & used(), "other tests may be building, but not from this list"
    answers = (project / ".copier-answers.yml").read_text()
    assert "_commit: v1.0.0\n" in answers
    image_env = (project / ".github/image.env").read_text()
    commits = git(published, "rev-parse", "v1.0.0", "v1.0.1").split()
    assert f"TEMPLATE_COMMIT={commits[0]}\n" in image_env
    files = {
        ".github/image.env": image_env.replace(*commits),
        "start": '#!/bin/bash -e\nexec "$@"\n',
        ".copier-answers.yml": answers.replace("v1.0.0", "v1.0.1"),
    }
    head = change(project, files, "Say hello, and use the template's second release")
    ci.github.state(site={"source": {"branch": "image-page", "path": "/"}})
    run = ci.run("push", {}, page=True)
    succeeded(run, *LINKED, *PAGE)
    [older] = before
    assert ci.tags() == {**before, head[:12]: digest_of(run)}
    lists = [step for step in executed(first) if "from=python-list" in step]
    assert lists and not set(lists) & executed(run).keys()
    assert re.search(rf"a node pulls \| 0\.\d MB when it has `{older}`", run.said())
    times = re.search(
        r"\| time \| build .* \((\d+) of (\d+) steps from the cache\), contract \d", run.said()
    )
    assert int(times[1]) > int(times[2]) / 2, "what did not change came from the registry"
    assert "0 added, 0 removed, 0 changed" in run.said()
    request = requested(ci, run, head[:12])
    assert f"- To roll back: put `{ci.image}:{older}` in its place again" in request
    newest, page = git(project, "rev-list", "image-page").split()
    text = git(project, "show", "image-page:index.html")
    assert f"No package differs since {ci.image}:{older}." in text
    assert f"https://github.com/ocean/ocean/compare/{page}...image-page" in text
    assert ci.github.state()["site"]["builds"] == [newest]
    work = [sum(executed(of).values()) for of in (first, run)]
    with capsys.disabled():
        print(f"\nbuild steps run: {len(executed(first))} in the first push, {len(executed(run))} in the second; "
              f"{work[0]:.1f} s and {work[1]:.1f} s of work, {work[0] / max(work[1], 0.1):.0f} times less")  # fmt: skip


@whole_matrix
def test_running_the_same_commit_again_changes_nothing(first, ci, project):
    """But the image is public by now, and the request says so."""
    before = ci.tags()
    head = git(project, "rev-parse", "HEAD").strip()
    with ci.public_registry():
        run = ci.run("push", {})
    succeeded(run, *[name for name in LINKED if name != "Build the image"])
    assert ci.tags() == before
    assert "is published already" in run.said() and "is there already" in run.said()
    assert digest_of(run) == before[head[:12]]
    assert "Only people with a login" not in run.log
    request = requested(ci, run, head[:12])
    assert ticked(request) == ["built", "contract", "version", "immutable", "public"]


def test_settle_proposes_what_the_published_image_has(first, ci, project):
    """All of weekly.yml: its branch holds a lock that the build of this repository takes."""
    # act does a checkout of the default branch itself: it copies the folder, with this.
    git(project, "remote", "add", "origin", f"file://{project}")
    before = len(ci.github.started())
    try:
        run = ci.run("workflow_dispatch", {}, workflow="weekly.yml")
    finally:
        git(project, "remote", "remove", "origin")
    assert run.code == 0, run.log[-6000:]
    (pull,) = [pull for pull in ci.github.pulls() if pull["head"] == "hub-image/settle"]
    assert "has passed its tests" in pull["body"]
    assert ci.github.started()[before:] == [["image.yml", "hub-image/settle"]]
    changed = git(project, "diff", "--name-only", "main", "hub-image/settle").split()
    assert changed == ["lock/pip-x86_64.txt"]
    lock = git(project, "show", f"hub-image/settle:{changed[0]}")
    assert re.search(r"^pyfiglet==\S+ \\\n    --hash=sha256:", lock, re.M), lock[:500]
    assert "Nothing to do: this repository has v1.0.1 of the template." in run.said("Propose")
    assert "Nothing to do: nothing in the lists is past its end." in run.said("Propose")
    assert "There is no answer hub_config" in run.said("Notices")


def test_the_branch_of_the_bot_is_proved_and_not_published(first, ci, project):
    """As the bot starts it: in a job that may read alone. A person who starts it there gets a trial image."""
    before = ci.tags()
    git(project, "switch", "--quiet", "hub-image/settle")
    where = {"ref": "refs/heads/hub-image/settle"}
    try:
        run = ci.run("workflow_dispatch", {}, actor="github-actions[bot]", **where)
        succeeded(run, *[name.removesuffix(" and log in to the registry") for name in TESTED])
        assert ci.tags() == before and "built and tested without any rights" in run.said()
        assert "Logged in to" not in run.log, "there is no secret to log in with"
        run = ci.run("workflow_dispatch", {}, **where)
        head = git(project, "rev-parse", "HEAD").strip()
    finally:
        git(project, "switch", "--quiet", "main")
        git(project, "branch", "--quiet", "-D", "hub-image/settle")
    succeeded(run, *PUBLISHED)
    [pull] = [pull for pull in ci.github.pulls() if pull["head"] == "hub-image/settle"]
    trial = f"pr-{pull['number']}-{head[:12]}"
    assert ci.tags() == {**before, trial: digest_of(run)}
    ci.untag(trial)


def test_a_request_that_is_not_true_is_not_written(first, ci, project):
    """As where the registry has another image by now; and an older commit's run does not bring it back."""
    [issue] = ci.github.issues()
    tags = ci.tags()
    head, older = git(project, "rev-parse", "HEAD", "HEAD~1").split()
    wrong, right = (f"--digest={tags[tag[:12]]}" for tag in (older, head))
    code, said = ci.hub_image("request", f"{ci.image}:{head[:12]}", wrong, "--issue", sha=head)
    assert code == 2 and f"{tags[older[:12]]} was tested" in said
    code, said = ci.hub_image("request", f"{ci.image}:{older[:12]}", wrong, "--issue", sha=older)
    assert code == 0 and "is about a newer image, so it stays" in said
    assert ci.github.issues() == [issue]
    code, said = ci.hub_image("request", f"{ci.image}:{head[:12]}", right, "--issue", sha=head)
    assert code == 0 and len(ci.github.issues()) == 1
    assert ci.github.issues() != [issue], "nothing was said to be proved this time"


@whole_matrix
def test_a_release_names_the_image_that_people_use(first, ci, project):
    before = ci.tags()
    head = git(project, "rev-parse", "HEAD").strip()
    for tag in ("2026.11.22", "2026.11.23"):
        git(project, "tag", "--annotate", "--message", tag, tag)
    run = ci.run("push", {}, ref="refs/tags/2026.11.23")
    succeeded(run, *[name for name in LINKED if name != "Build the image"])
    # Of two releases of one commit that wait GitHub drops the run of the older one: the other publishes both.
    assert ci.tags() == {**before, **dict.fromkeys(["2026.11.22", "2026.11.23"], before[head[:12]])}
    requested(ci, run, "2026.11.23")


def test_a_tag_never_moves(first, ci, project):
    """A release gives a published image one more name; its git tag is then moved to another commit."""
    before = ci.tags()
    head, older = git(project, "rev-parse", "HEAD", "HEAD~1").split()
    code, said = ci.hub_image("publish", before[head[:12]], ref="refs/tags/2026.11.24", sha=head)
    assert code == 0, said
    released = {**before, "2026.11.24": before[head[:12]]}
    assert ci.tags() == released
    code, said = ci.hub_image("publish", before[older[:12]], ref="refs/tags/2026.11.24", sha=older)
    assert code == 2
    assert "2026.11.24 exists with another digest" in said
    assert ci.tags() == released


def test_a_pull_request_is_published_under_a_tag_of_its_own(first, ci, project):
    """GitHub's commit is the merge; what is built and named is the head of the pull request."""
    before = ci.tags()
    git(project, "switch", "--quiet", "--create", "pull")
    listed = (project / "requirements.txt").read_text()
    head = change(project, {"requirements.txt": listed + "cowsay==6.1\n"}, "Add a cow")
    git(project, "switch", "--quiet", "main")
    git(project, "switch", "--quiet", "--create", "merge")
    git(project, "merge", "--quiet", "--no-ff", "--no-edit", "pull")
    merge = git(project, "rev-parse", "HEAD").strip()
    run = ci.run("pull_request", pull_request(project, 7, head), ref="refs/pull/7/merge")
    git(project, "switch", "--quiet", "main")
    succeeded(run, *PUBLISHED[:-1], "Comment on the pull request", "Report")
    assert merge != head
    assert ci.tags() == {**before, f"pr-7-{head[:12]}": digest_of(run)}
    [comment] = ci.github.state()["comments"]
    assert f"{ci.image}:pr-7-{head[:12]}" in comment["body"]
    assert "| pip | cowsay |  | 6.1 |" in comment["body"]
    assert digest_of(run) in comment["body"]
    assert "1 added, 0 removed, 0 changed" in comment["body"]


def test_a_contract_that_fails_publishes_nothing(first, ci, project):
    before = ci.tags()
    git(project, "switch", "--quiet", "pull")
    cell = {
        "cell_type": "code",
        "metadata": {},
        "execution_count": None,
        "outputs": [],
        "source": "import not_there",
    }
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    notebook = {"nbformat": 4, "nbformat_minor": 4, "metadata": metadata, "cells": [cell]}
    head = change(project, {"image-tests/more.ipynb": json.dumps(notebook)}, "Break the contract")
    run = ci.run("pull_request", pull_request(project, 7, head), ref="refs/pull/7/merge")
    git(project, "switch", "--quiet", "main")
    failed(run, "Contract")
    assert ci.tags() == before
    [comment] = ci.github.state()["comments"]  # the one from before, updated
    assert "not published: contract failed" in comment["body"]
    assert "No module named 'not_there'" in comment["body"]


@whole_matrix
def test_a_build_that_fails_publishes_nothing(first, ci, project):
    before = ci.tags()
    git(project, "switch", "--quiet", "pull")
    head = change(project, {"requirements.txt": "no-such-package-anywhere\n"}, "Break the build")
    run = ci.run("pull_request", pull_request(project, 7, head), ref="refs/pull/7/merge")
    git(project, "switch", "--quiet", "main")
    failed(run, "Build")
    assert "Contract" not in dict(run.steps())
    assert ci.tags() == before
    [comment] = ci.github.state()["comments"]
    assert "not published: build failed" in comment["body"]
    assert "no-such-package-anywhere" in comment["body"]


OUTSIDERS = {
    "fork": {"head": {"repo": {"full_name": "visitor/ocean"}}},
    "dependabot": {"user": {"login": "dependabot[bot]"}},
}


@pytest.mark.parametrize("who", ["fork", pytest.param("dependabot", marks=whole_matrix)])
def test_pull_requests_without_secrets_never_try_to_push(who, first, ci, project):
    before = ci.tags()
    head = git(project, "rev-parse", "HEAD").strip()
    event = pull_request(project, 8, head, **OUTSIDERS[who])
    run = ci.run("pull_request", event, ref="refs/pull/8/merge", login={})
    succeeded(run, *COMMENTED)
    assert ci.tags() == before
    assert "published when they are merged" in run.said()
    assert "The page of this run has the report" in run.log
    assert not [comment for comment in ci.github.state()["comments"] if comment["issue"] == 8]


@whole_matrix
def test_without_secrets_nothing_is_red(first, ci):
    before = ci.tags()
    run = ci.run("push", {}, login={})
    succeeded(run, *TESTED)
    assert ci.tags() == before
    for kind in ("secrets", "variables"):
        assert f"https://github.com/ocean/ocean/settings/{kind}/actions/new" in run.said()


def test_a_refused_login_says_what_to_do(first, ci):
    before = ci.tags()
    run = ci.run("push", {}, login=ci.login | {"REGISTRY_PASSWORD": "wrong"})
    failed(run, "Get the tools and log in to the registry")
    assert "Build the image" not in dict(run.steps())
    assert ci.tags() == before
    assert "refuses REGISTRY_PASSWORD of ocean: make a new access token" in run.log


@whole_matrix
def test_a_login_for_another_registry_is_not_sent(first, ci):
    """As after the answer `registry` was changed; and what a log shows of a variable is not masked."""
    run = ci.run("push", {}, login=ci.login | {"REGISTRY_LOGIN": "quay.io/ocean"})
    failed(run, "Get the tools and log in to the registry")
    assert f"it has to be localhost:{ci.registry.port}/ and the name" in run.log


@whole_matrix
def test_a_registry_that_goes_away_and_comes_back(first, ci, project):
    before = ci.tags()
    head = change(project, {"start": '#!/bin/bash -e\nexport A=1\nexec "$@"\n'}, "Say more")

    def go_away(line: str) -> None:
        if "Run Main Contract" in line:
            ci.registry.stop()

    run = ci.run("push", {}, watch=go_away)
    ci.registry.start()
    failed(run, "Publish")
    assert ci.tags() == before
    assert "does not answer" in run.log and "run this job again" in run.log
    run = ci.run("push", {})
    succeeded(run, *LINKED)
    assert ci.tags() == {**before, head[:12]: digest_of(run)}
    requested(ci, run, head[:12])


def test_closing_removes_trial_images_and_nothing_else(first, ci, project):
    before = ci.tags()
    [trial] = [tag for tag in before if tag.startswith("pr-7-")]
    head = git(project, "rev-parse", trial.removeprefix("pr-7-")).strip()
    closed = pull_request(project, 7, head, "closed")
    cleaned = [
        *TOOLS,
        "Log in",
        "Get the tools and log in to the registry",
        "Clean up",
    ]

    # The default branch has the same image: it stays.
    code, said = ci.hub_image("publish", before[trial], sha="f" * 40)
    assert code == 0, said
    run = ci.run("pull_request", closed, ref="refs/pull/7/merge", job="clean-up")
    succeeded(run, *cleaned)
    assert ci.tags() == {**before, "f" * 12: before[trial]}

    ci.untag("f" * 12)
    run = ci.run("pull_request", closed, ref="refs/pull/7/merge", job="clean-up")
    succeeded(run, *cleaned)
    del before[trial]
    assert ci.tags() == before


@pytest.fixture
def origin(project):
    """act does a checkout of the default branch itself: it copies the folder, with this."""
    git(project, "remote", "add", "origin", f"file://{project}")
    yield
    git(project, "switch", "--quiet", "main")
    git(project, "remote", "remove", "origin")


def asks(ci, **fields: str) -> int:
    """Somebody asks for a package, and gets an answer; return the issue's number."""
    ci.github.state(roles={"teacher": "write"}, conclusion="success", jobs=[], annotations={})
    number = ci.github.add(title="Add", user="student", body=body(**fields))
    answered(ci, number, "opened", label=None)
    return number


def answered(ci, number: int, action: str, **more: object):
    """Let this happen to an issue; return the run of requests.yml."""
    entry = ci.github.state()["issues"][number - 1]
    issue = {"number": number, "body": entry["body"], "state": entry["state"]}
    payload = {"action": action, "issue": issue, **more}
    run = ci.run("issues", payload, workflow="requests.yml", login={})
    assert run.code == 0, run.log[-6000:]
    return run


def told(ci, number: int) -> list[str]:
    """What the bot wrote into an issue."""
    comments = ci.github.state()["comments"]
    return [comment["body"] for comment in comments if comment["issue"] == number]


YES = {"label": {"name": answer.LABEL}, "sender": {"login": "teacher"}}
STEPS = [{"name": name, "conclusion": "success"} for name in ("Build", "Contract", "Publish")]
JOB = {"id": 7, "name": "Image for linux/amd64", "conclusion": "success", "steps": STEPS}


def tried(ci, project, number: int):
    """What the bot starts for a request: image.yml on its branch."""
    git(project, "switch", "--quiet", f"hub-image/request-{number}")
    ref = f"refs/heads/hub-image/request-{number}"
    run = ci.run("workflow_dispatch", {}, actor="github-actions[bot]", ref=ref)
    git(project, "switch", "--quiet", "main")
    return run


def test_a_request_becomes_an_image_that_its_issue_names(first, ci, project, origin):
    """The branch is built in the job with rights, as the bot has started it, and nothing but a trial image is published."""
    before, started = ci.tags(), len(ci.github.started())
    number = asks(ci, packages="cowsay", code="import cowsay; cowsay.cow('moo')", why="GEOG 101")
    [said] = told(ci, number)
    assert "`cowsay`: found in PyPI. It goes into `requirements.txt`." in said
    ci.github.state(jobs=[JOB])  # as the run below has them
    answered(ci, number, "labeled", **YES)
    branch = f"hub-image/request-{number}"
    assert ci.github.started()[started:] == [["image.yml", branch]]
    [pull] = [pull for pull in ci.github.pulls() if pull["head"] == branch]
    assert f"Closes #{number}," in pull["body"]
    changed = git(project, "diff", "--name-only", "main", branch).split()
    assert changed == [f"image-tests/request-{number}.ipynb", "requirements.txt"]
    run = tried(ci, project, number)
    succeeded(run, *PUBLISHED)
    assert dict.fromkeys(step["name"] for step in STEPS).keys() <= dict(run.steps()).keys()
    head = git(project, "rev-parse", branch).strip()
    trial = f"pr-{pull['number']}-{head[:12]}"
    assert ci.tags() == {**before, trial: digest_of(run)}
    assert f"\n{ci.image}:{trial}\n" in told(ci, number)[1]
    assert f"image-tests/request-{number}.ipynb" in run.said("Contract")
    ci.untag(trial)


def test_an_image_that_fails_with_the_package_tells_why(first, ci, project, origin, tmp_path):
    """What the run said beside itself is what the next look at it finds: the bot's own waiting is in test_update_workflow.py."""
    before = ci.tags()
    number = asks(ci, packages="cowsay", code="import cowsay; cowsay.horse")
    answered(ci, number, "labeled", **YES)
    drafts = shutil.copytree(ci.work / "artifacts", tmp_path / "drafts")
    run = tried(ci, project, number)
    failed(run, "Contract")
    assert ci.tags() == before
    [(title, reason)] = re.findall(r"::error title=(.*?)::(.*)", run.log)
    beside = [{"title": title, "message": reason, "annotation_level": "failure"}]
    steps = [step | {"conclusion": dict(run.steps()).get(step["name"])} for step in STEPS]
    job = JOB | {"conclusion": "failure", "steps": steps}
    ci.github.state(jobs=[job], annotations={"7": beside})
    runs = ci.github.state()["runs"]
    started = max(run["id"] for run in runs if run["event"] == "workflow_dispatch")
    runs[started - 1]["conclusion"] = "failure"
    ci.github.state(runs=runs)
    head = git(project, "rev-parse", "main").strip()
    code, log = ci.hub_image("propose", str(drafts), sha=head, workflow="requests")
    assert code == 0, log
    why = told(ci, number)[-1]
    assert "**The image does not work with it**" in why and "**Contract**" in why
    assert f"image-tests/request-{number}.ipynb: cell 1: AttributeError" in why
    assert ci.github.state()["issues"][number - 1]["state"] == "open"


@whole_matrix
def test_hostile_text_of_an_issue_does_nothing_in_the_workflow(first, ci, project, origin):
    """Its line of code is a program all the same, and somebody said yes to it: it runs in the image, and only there."""
    marker = ci.work / "evil"
    evil = f"$(touch {marker}) ${{{{ github.token }}}} `id` @octocat <!-- --> ::set-output name=draft::x"
    number = asks(ci, packages="cowsay", why=evil, code=f"'{evil}'")
    run = answered(ci, number, "labeled", **YES)
    assert not marker.exists() and "of-this-job" not in "".join(told(ci, number))
    assert re.findall(r"^draft=.*", run.said("Answer"), re.M) == ["draft=yes"]
    [cell] = json.loads(
        git(project, "show", f"hub-image/request-{number}:image-tests/request-{number}.ipynb")
    )["cells"]
    assert cell["source"] == [f"'{evil}'"]
    number = asks(ci, packages=evil)
    assert "is no name of a package" in told(ci, number)[0]


def test_the_template_itself_stays_idle(first, ci, published):
    run = ci.run("push", {}, project=published)
    assert run.code == 0
    assert [name for name, _ in run.steps()] == ["Get the repository"]
