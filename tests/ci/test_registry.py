"""What the commands of CI say to a registry, and make of its answers, with the ways of the three public ones.

The stand-in says where its ways are from. A real registry, with passwords, is in test_image_workflow.py.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub_image import contract
from hub_image.__main__ import main
from hub_image.ci import clean_up, find, login, plan, publish
from hub_image.contract import display
from hub_image.handoff import request
from hub_image.page.facts import Proof
from hub_image.problem import Problem
from hub_image.repository import tags
from hub_image.tools import docker, github
from hub_image.tools.registry import Away, Login, Manifest, Refused, Repository

from .standins import registry as standin
from .standins.registry import Content, digest_of

INDEX = "application/vnd.oci.image.index.v1+json"
IMAGE = "application/vnd.oci.image.manifest.v1+json"
HOSTS = ("ghcr.io", "docker.io", "quay.io")
PATH = "sea/ocean"
ANYTHING = b'{"manifests": []}'
COMMIT = "0123456789ab" + "0" * 28
TAG = COMMIT[:12]


@pytest.fixture(params=HOSTS)
def server(request, tmp_path, monkeypatch):
    """A registry with the ways of each, that knows our login; it has nothing."""
    server = standin.Registry(request.param)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    server.image = f"127.0.0.1:{server.server_port}/{PATH}"
    log_in(tmp_path, monkeypatch, server, {"auth": standin.LOGIN})
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    yield server
    assert not server.violations
    server.shutdown()
    server.server_close()


def log_in(folder, monkeypatch, server, kept: dict, **other) -> None:
    """What `docker login` leaves."""
    host = server.image.partition("/")[0]
    (folder / "config.json").write_text(json.dumps({"auths": {host: kept}, **other}))
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))


@pytest.fixture
def content(server) -> Content:
    """What the registry has: a tag."""
    content = server.content[PATH] = Content()
    content.put(INDEX, ANYTHING, "tag")
    return content


def only(*hosts):
    """Only with the ways of these."""
    return pytest.mark.parametrize("server", hosts, indirect=True)


def test_a_digest_is_that_of_what_the_registry_holds(server, content):
    digest = content.tags["tag"]
    assert Repository(server.image).manifest("tag") == Manifest(digest, INDEX, ANYTHING)
    assert Repository(server.image).digest("tag") == digest


def test_a_tag_that_is_not_there(server, content):
    assert Repository(server.image).digest("other") is None


def test_a_new_tag_has_the_same_bytes(server, content):
    repository = Repository(server.image)
    repository.tag(repository.manifest("tag"), "2026.11.23")
    assert content.tags["2026.11.23"] == content.tags["tag"]


def test_all_tags_are_listed(server, content):
    content.tags |= {f"{number:04}": content.tags["tag"] for number in range(1200)}
    assert sorted(Repository(server.image).tags()) == sorted(content.tags)


def test_an_image_of_any_platform_is_read_and_its_attestations_are_none(server, content):
    data = b'{"config": {"Labels": {"title": "Ocean"}}}'
    digest = digest_of(data)
    image = content.put(IMAGE, json.dumps({"config": {"digest": digest}}).encode())
    entries = [
        {"digest": digest_of(b"provenance"), "platform": {"architecture": "unknown"}},
        {"digest": image, "platform": {"architecture": "arm64"}},
    ]
    content.put(INDEX, json.dumps({"manifests": entries}).encode(), "image")
    content.blobs[digest] = data
    repository = Repository(server.image)
    assert repository.configuration("image") == {"Labels": {"title": "Ocean"}}
    content.blobs[digest] = b'{"config": {"Labels": {"title": "Land"}}}'
    lost = f"has lost {digest} of sea/ocean: publish the image again"
    with pytest.raises(Problem, match=lost):
        repository.configuration("image")
    del content.blobs[digest]
    with pytest.raises(Problem, match=lost):
        repository.configuration("image")
    with pytest.raises(Problem, match="has no other: publish it first"):
        repository.configuration("other")


def test_anyone_is_asked_without_the_login(server, content):
    assert not publish.anyone_can_pull(server.image, "tag", content.tags["tag"])
    assert not any((seen or "").startswith("Basic") for _, _, seen in server.seen)


@pytest.mark.world("absent-is-401")
def test_whether_anyone_can_pull_is_told_honestly(server):
    digest = digest_of(ANYTHING)
    assert not publish.anyone_can_pull(server.image, "tag", digest), "there is nothing yet"
    content = server.content[PATH] = Content()
    content.put(INDEX, ANYTHING, "tag")
    assert not publish.anyone_can_pull(server.image, "tag", digest), "it is private"
    content.public = True
    assert publish.anyone_can_pull(server.image, "tag", digest)
    assert not publish.anyone_can_pull(server.image, "tag", digest_of(b"other"))
    server.busy = 99
    with pytest.raises(Away):
        publish.anyone_can_pull(server.image, "tag", digest)


def test_a_registry_that_stumbles_is_asked_again(server, content):
    server.errors = [503, 429, 500]
    assert Repository(server.image).digest("tag")


def test_a_registry_that_is_down_is_one_sentence(server):
    server.errors = [503] * 9
    with pytest.raises(Problem, match="does not answer .*: run this job again when it does"):
        Repository(server.image).digest("tag")


def test_a_registry_that_is_gone_is_one_sentence(server):
    server.shutdown()
    server.server_close()
    with pytest.raises(Problem, match="does not answer"):
        Repository(server.image).digest("tag")


class Other(BaseHTTPRequestHandler):
    """A server that is no registry, or a bad one: whatever is asked, it says `told` as it is."""

    told = b""

    def do_GET(self) -> None:
        self.wfile.write(self.told)

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize(
    "told",
    [
        b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<html>Log in</html>",
        b"HTTP/1.0 200 OK\r\n\r\n[]",
        b"HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\n{",
        b"HTTP/1.0 401 No\r\nWWW-Authenticate: Bearer x\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
    ],
    ids=["a page", "a list", "half", "a login without a place", "no web"],
)
@pytest.mark.parametrize("ask", [Repository.tags, lambda it: it.digest("x"), lambda it: it.created("x")])  # fmt: skip
def test_a_server_that_is_no_registry_is_one_sentence(ask, told, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    monkeypatch.setattr(Other, "told", told)
    with HTTPServer(("127.0.0.1", 0), Other) as web:
        threading.Thread(target=web.serve_forever, args=(0.01,), daemon=True).start()
        with pytest.raises(Away):
            ask(Repository(f"127.0.0.1:{web.server_port}/sea/ocean"))
        web.shutdown()


@pytest.mark.parametrize("host", ["quay..io", "quay.io:x", "x" * 70], ids=["dots", "port", "long"])
def test_a_name_that_can_be_no_server_is_one_sentence(host, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    with pytest.raises(Away):
        Repository(f"{host}/sea/ocean").tags()


def test_what_docker_made_long_ago_is_no_image(server, content):
    content.put("application/vnd.docker.distribution.manifest.v1+json", b'{"fsLayers": []}', "old")
    with pytest.raises(Problem, match="has old, and it is no image that can be run today"):
        Repository(server.image).created("old")


def test_a_registry_says_how_long_to_wait(server, content, monkeypatch):
    waited = []
    monkeypatch.setattr(time, "sleep", waited.append)
    server.busy = 1
    assert Repository(server.image).digest("tag")
    assert waited == [60]


def test_a_login_that_is_not_accepted_is_no_absent_image(server, content, tmp_path, monkeypatch):
    log_in(tmp_path, monkeypatch, server, {"auth": "bWU6d3Jvbmc="})
    with pytest.raises(Refused, match="gives no access to sea/ocean: 401 incorrect"):
        Repository(server.image).digest("tag")


# The newest image.


def made(content, created: str | None, *names: str) -> None:
    """Put an image that says when it was made."""
    about = json.dumps({"config": {}} | ({"created": created} if created else {})).encode()
    content.blobs[digest_of(about)] = about
    image = {"config": {"digest": digest_of(about)}}
    content.put(IMAGE, json.dumps(image).encode(), *names)


def test_the_newest_image_is_that_of_the_latest_release_else_the_one_made_last(server, content):
    repository = Repository(server.image)
    with pytest.raises(Problem, match="/sea/ocean has no image of a release or of the main branch"):
        tags.newest(repository)
    made(content, None, "0" * 12)
    made(content, "2026-11-02T10:00:00Z", "a" * 12, f"{'a' * 12}-arm64")
    made(content, "2026-11-03T09:00:00Z", "b" * 12)
    made(
        content,
        "2026-11-29T09:00:00Z",
        "pr-7-cccccccccccc",
        "buildcache",
        "sha256-0a.sig",
        "latest",
    )
    assert tags.newest(repository) == "b" * 12
    made(content, "2026-10-01T09:00:00Z", "2026.9", "2026.10.1")
    assert tags.newest(repository) == "2026.10.1"
    made(content, "2026-10-02T09:00:00Z", "2026.10.1-1")
    assert tags.newest(repository) == "2026.10.1-1"


# Publishing, without Docker: it pushes what has been built, and the stand-in takes that.


@pytest.fixture
def built(server, tmp_path, monkeypatch) -> str:
    """An image that was built and tested; what a push of it does. Returns its digest."""

    def push(reference, digest):
        repository = Repository(reference.rpartition(":")[0])
        repository.tag(Manifest(digest, INDEX, ANYTHING), reference.rpartition(":")[2])

    monkeypatch.setattr(publish, "_push", push)
    monkeypatch.setattr(docker, "pull", lambda reference: None)
    (tmp_path / ".github").mkdir()
    host = server.image.partition("/")[0]
    answers = f"REGISTRY={host}\nREGISTRY_OWNER=sea\nIMAGE_NAME=ocean\n"
    (tmp_path / ".github/image.env").write_text(answers)
    monkeypatch.chdir(tmp_path)
    job(tmp_path, monkeypatch)
    monkeypatch.setenv("REGISTRY_LOGIN", f"{host}/me")
    monkeypatch.setenv("REGISTRY_PASSWORD", "secret")
    return digest_of(ANYTHING)


def job(folder, monkeypatch, event=None, **variables) -> None:
    """The variables of a job for an event."""
    owner = {"login": "sea", "type": "Organization"}
    event = {"repository": {"default_branch": "main", "owner": owner}, **(event or {})}
    (folder / "event.json").write_text(json.dumps(event))
    (folder / "output").write_text("")
    for name, value in {
        "GITHUB_EVENT_PATH": str(folder / "event.json"),
        "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_REPOSITORY": "sea/ocean",
        "GITHUB_REPOSITORY_OWNER": "sea",
        "GITHUB_REF": "refs/heads/main",
        "GITHUB_SHA": COMMIT,
        **variables,
    }.items():
        monkeypatch.setenv(name, value)


def outputs(folder) -> dict[str, str]:
    return dict(line.split("=", 1) for line in (folder / "output").read_text().splitlines())


@pytest.mark.world("absent-is-401")
def test_a_first_publication(server, built, tmp_path, capsys):
    """The repository does not exist before; whether we may make it shows when we push."""
    assert find.run(None) == 0
    assert outputs(tmp_path) == {"digest": ""}
    assert main(["publish", built]) == 0
    assert server.content[PATH].tags == {TAG: built}
    said = outputs(tmp_path)
    assert said["public"] == "false" and said["digest"] == built
    assert "Only people with a login can pull" in capsys.readouterr().out


@pytest.mark.parametrize("kept", ["of this image", "of another", "none"])
@only("quay.io")
def test_how_an_image_was_proved_goes_to_its_page(kept, server, built, tmp_path, monkeypatch):
    """What the contract found earlier in the same job, of the same digest; the page comes without it too."""
    monkeypatch.setenv("RUNNER_TEMP", str(tmp_path))
    checks = [
        contract.Check(number, name, "", "", "", lambda subject: None)
        for number, name in (("C10", "a server starts"), ("C5", "small"), ("C6", "not here"))
    ]
    results = [
        contract.Result(checks[0], contract.PASS, "ready after 2.1 s"),
        contract.Result(checks[1], contract.WARN, "12 GB"),
        contract.Result(checks[2], contract.NOT_APPLICABLE, ""),
    ]
    digest = built if kept == "of this image" else digest_of(b"other")
    found = contract.Target(f"{server.image}@{digest}", "5.4.0")
    if kept != "none":
        github.keep(contract.RESULTS, display.as_json(found, results))
    assert main(["publish", built]) == 0
    said = json.loads(outputs(tmp_path)["page"])
    if kept != "of this image":
        assert said == {} and Proof.again(said) is None
    else:
        assert Proof.again(said) == Proof("5.4.0", 1, ("C5 small",), "ready after 2.1 s")


@only("quay.io")
def test_an_image_for_other_machines_has_a_page_too(server, built, tmp_path, monkeypatch):
    with (tmp_path / ".github/image.env").open("a") as file:
        file.write("PLATFORMS=linux/arm64\n")
    monkeypatch.setenv("BUILD", json.dumps({"platform": "linux/arm64"}))
    assert main(["publish", built]) == 0
    said = outputs(tmp_path)
    assert said["digest"] == built and said["page"] == "{}"


@pytest.mark.world("absent-is-401")
def test_what_is_not_published_is_not_requested(server):
    with pytest.raises(Problem, match="is not in the registry; publish it first"):
        request.published(f"{server.image}:{TAG}")


@pytest.mark.world("too-many-requests")
@only("docker.io")
def test_nothing_is_counted_as_a_pull_that_only_wants_a_digest(server, built, tmp_path):
    server.content[PATH] = Content(public=True)
    server.pulls = 0
    assert main(["publish", built]) == 0
    assert main(["publish", built]) == 0, "the second run finds it"
    assert outputs(tmp_path)["public"] == "true"
    server.pulls = 1
    publish.publish(server.image, (TAG, "2026.11.23"), built)  # a release copies the manifest
    assert set(server.content[PATH].tags) == {TAG, "2026.11.23"}


@pytest.mark.world("too-many-requests")
def test_too_many_requests_after_a_push_do_not_undo_it(server, built, tmp_path, capsys):
    server.busy_after_push = 99
    assert main(["publish", built]) == 0
    assert server.content[PATH].tags == {TAG: built}
    said = outputs(tmp_path)
    assert said["public"] == "" and said["digest"] == built and "public" not in said["proved"]
    text = capsys.readouterr().out
    assert "was taken, and not shown since" in text and "Only people with a login" not in text


def test_another_build_of_this_commit_was_faster(server, built, tmp_path):
    server.content[PATH] = Content()
    server.content[PATH].put(INDEX, b'{"manifests": [], "other": 1}', TAG)
    with pytest.raises(Problem, match="Run this job again: it takes that image"):
        publish.publish(server.image, (TAG,), built)
    with pytest.raises(Problem, match="a tag never moves. Make a release with another name"):
        publish.publish(server.image, ("f" * 12, TAG), built)


@pytest.mark.world("who-sees-a-package")
@pytest.mark.parametrize(
    ("told", "advice"),
    [
        (
            "permission_denied: write_package",
            r"it was not made by sea/ocean. Give that write access, as the package's owner, on "
            r"https://github.com/orgs/sea/packages/container/ocean/settings, under Manage Actions access",
        ),
        (
            "installation not allowed to Create organization package",
            "let members make packages on https://github.com/organizations/sea/settings/packages",
        ),
    ],
)
def test_a_package_that_we_may_not_write_to(told, advice, tmp_path, monkeypatch):
    """Docker's words are in test_push.py, ghcr.io's in tuna-os/tunaOS#642 and actions/runner#1039."""
    job(tmp_path, monkeypatch)

    def docker(command, **options):
        text = "unexpected status from POST request: 403 Forbidden\n"
        return subprocess.CompletedProcess(command, command[1] == "push", text)

    def ask(repository):
        raise Refused(f"ghcr.io refuses POST sea/ocean/blobs/uploads/: 403 {told}")

    monkeypatch.setattr(subprocess, "run", docker)
    monkeypatch.setattr(Repository, "ask_to_push", ask)
    with pytest.raises(Refused, match=advice) as refusal:
        publish._push("ghcr.io/sea/ocean:0123456789ab", "sha256:0")
    assert told in str(refusal.value)


@pytest.mark.world("who-sees-a-package")
@only("ghcr.io")
def test_a_package_of_another_repository_is_read_and_not_written(server, built):
    server.content[PATH] = Content(foreign=True)
    assert Repository(server.image).digest(TAG) is None
    with pytest.raises(Refused, match="write_package"):
        publish.publish(server.image, (TAG,), built)


# Logging in, and where Docker keeps that.


@pytest.fixture
def helper(tmp_path, monkeypatch):
    """A program as Docker Desktop brings one; returns a function that says what it knows."""

    def knows(name: str, secret: str) -> None:
        program = tmp_path / "docker-credential-desk"
        said = json.dumps({"ServerURL": "", "Username": name, "Secret": secret})
        text = f'read -r server; case "$server" in 127.0.0.1:*) echo {said!r} ;; *) '
        text += 'echo "credentials not found in native keychain"; exit 1 ;; esac\n'
        program.write_text(f"#!/bin/sh\n{text}")
        program.chmod(0o755)

    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return knows


@pytest.mark.world("credential-helpers")
@pytest.mark.parametrize("where", ["credsStore", "credHelpers"])
@pytest.mark.parametrize(
    "who", [Login(standin.NAME, standin.PASSWORD), Login("<token>", standin.IDENTITY)]
)
def test_a_login_that_a_helper_keeps(who, where, server, content, helper, tmp_path, monkeypatch):
    """The protocol: https://github.com/docker/docker-credential-helpers#development"""
    helper(*who)
    host = server.image.partition("/")[0]
    kept = {"credsStore": "desk"} if where == "credsStore" else {"credHelpers": {host: "desk"}}
    log_in(tmp_path, monkeypatch, server, {}, **kept)
    assert Repository(server.image).digest("tag") == content.tags["tag"]
    assert Repository("example.org/sea/ocean").login is None


def test_an_identity_token_in_dockers_settings(server, content, tmp_path, monkeypatch):
    kept = {"auth": "bWU6", "identitytoken": standin.IDENTITY}
    log_in(tmp_path, monkeypatch, server, kept)
    assert Repository(server.image).digest("tag") == content.tags["tag"]


def test_a_helper_that_is_not_there(server, tmp_path, monkeypatch):
    log_in(tmp_path, monkeypatch, server, {}, credsStore="nowhere")
    with pytest.raises(Problem, match="docker-credential-nowhere, which is not there"):
        Repository(server.image)


@pytest.mark.parametrize("name", ["quay.io/sea+ci", "me", "127.0.0.1", "index.docker.io/me"])
@only("docker.io")
def test_a_login_for_another_registry_is_not_sent(name, server, built, monkeypatch, capsys):
    monkeypatch.setenv("REGISTRY_LOGIN", name)
    monkeypatch.setattr(login.subprocess, "run", lambda *_, **__: pytest.fail("it was sent"))
    monkeypatch.setattr(plan, "git", lambda *_: "")
    assert main(["login"]) == 2
    host = server.image.partition("/")[0]
    said = capsys.readouterr()
    assert (
        f"REGISTRY_LOGIN is {name}, but .github/image.env says REGISTRY={host}"
        in said.out + said.err
    )
    assert server.seen == []


def test_an_access_key_of_amazon_gives_a_password(tmp_path, monkeypatch, capsys):
    host = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
    monkeypatch.setenv("REGISTRY_LOGIN", f"{host}/AKIAEXAMPLE")
    monkeypatch.setenv("REGISTRY_PASSWORD", "key")
    ran = []

    def run(command, env=None, input="", **options):
        ran.append((command, input, (env or {}).get("AWS_ACCESS_KEY_ID")))
        return subprocess.CompletedProcess(command, 0, "for-twelve-hours\n", "")

    monkeypatch.setattr(subprocess, "run", run)
    made = type("Plan", (), {"own_token": False, "host": host})
    login.login(made)
    [(aws, _, key), (docker, password, _)] = ran
    assert aws[:3] == ["aws", "ecr", "get-login-password"] and key == "AKIAEXAMPLE"
    assert docker == ["docker", "login", host, "--username", "AWS", "--password-stdin"]
    assert password == "for-twelve-hours"


# Cleaning up after pull requests: 7 is closed, 8 is open.


@pytest.fixture
def closing(server, tmp_path, monkeypatch):
    """The event of a pull request that was closed, for GitHub's API at the registry's own address."""
    pull = {"number": 7, "head": {"sha": COMMIT, "repo": {"full_name": "sea/ocean"}}}
    job(tmp_path, monkeypatch, {"pull_request": pull | {"user": {"login": "octocat"}}})
    monkeypatch.setenv("GITHUB_API_URL", f"http://127.0.0.1:{server.server_port}")
    return server


def store(server) -> clean_up.Registry:
    return (clean_up.Packages if server.host == "ghcr.io" else clean_up.Registry)(server.image)


def is_closed(number: int) -> bool:
    return number == 7


LASTING = ("0123456789ab", "2026.11.23", "buildcache", "latest", "pr-8-0123456789ab", "pr-7-latest")
TRIALS = ("pr-7-0123456789ab", "pr-7-0123456789ac-arm64")


@st.composite
def registries(draw) -> Content:
    """Images and indexes of them, signed in each way there is, with tags of all kinds, and what lost its tag."""
    content = Content()

    def some(of: list[str], most: int = 3) -> list[str]:
        return draw(st.lists(st.sampled_from(of), max_size=most, unique=True)) if of else []

    def put(kind: str, manifest: dict, *tags: str) -> str:
        manifest["annotations"] = {"number": str(len(content.manifests))}
        return content.put(kind, json.dumps(manifest).encode(), *tags)

    def entries(digests: list[str]) -> list[dict]:
        return [{"digest": digest, "mediaType": IMAGE} for digest in digests]

    images = [put(IMAGE, {"layers": []}) for _ in range(draw(st.integers(1, 5)))]
    indexes: list[str] = []
    for _ in range(draw(st.integers(1, 5))):
        indexes.append(put(INDEX, {"manifests": entries(some(images + indexes[:1]))}))
    for signed in some(images + indexes):
        name = signed.replace(":", "-")
        how = draw(st.sampled_from(["tag", "old tag", "subject"]))
        if how == "old tag":
            put(IMAGE, {"layers": []}, f"{name}.sig")
            continue
        bundle = put(IMAGE, {"layers": [], "subject": {"digest": signed}})
        if how == "tag":
            put(INDEX, {"manifests": entries([bundle])}, name)
    for _ in range(draw(st.integers(0, 2))):
        put(IMAGE, {"config": {"mediaType": clean_up.CACHE}, "layers": []})
    free = images + indexes
    for tag in draw(st.lists(st.sampled_from(LASTING + TRIALS), unique=True)):
        content.tags[tag] = draw(st.sampled_from(free))
    return content


def pulled(content: Content, start: str) -> set[str]:
    """All that somebody gets who pulls and verifies this: its parts, and what says that it belongs to one of them."""
    found, ahead = set(), [start]
    while ahead:
        digest = ahead.pop()
        if digest in found or digest not in content.manifests:
            continue
        found.add(digest)
        ahead += [
            one["digest"] for one in json.loads(content.manifests[digest][1]).get("manifests", [])
        ]
        ahead += [
            other
            for other, (_, data) in content.manifests.items()
            if json.loads(data).get("subject", {}).get("digest") == digest
        ]
        name = digest.replace(":", "-")
        ahead += [other for tag, other in content.tags.items() if tag in (name, f"{name}.sig")]
    return found


@pytest.mark.world("ghcr-deletes")
@only("ghcr.io", "quay.io")
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_what_a_lasting_tag_needs_never_goes_and_nothing_else_stays(data, closing):
    content = closing.content[PATH] = data.draw(registries())
    before = dict(content.manifests)
    wanted = {
        tag: pulled(content, digest) for tag, digest in content.tags.items() if tag in LASTING
    }
    named = set().union(*wanted.values())
    trials = {digest for tag, digest in content.tags.items() if tag in TRIALS}
    theirs = set().union(*(pulled(content, digest) for digest in trials))
    others = {
        digest for digest in before if digest not in content.tags.values() and digest not in theirs
    }
    caches = {digest for digest in others if clean_up.CACHE.encode() in before[digest][1]}
    others = set().union(*(pulled(content, digest) for digest in others - caches))

    clean_up.clean(store(closing), is_closed)
    for tag, digests in wanted.items():
        assert pulled(content, content.tags[tag]) == digests, f"{tag} has lost something"
    if closing.host == "ghcr.io":  # the others do not list what has no tag
        assert content.manifests.keys() >= others, "what we know nothing of"
        assert not (wanted and content.manifests.keys() & caches)
        left = content.manifests.keys() & theirs - named - others
        tagged = {digest for digest in left if digest in content.tags.values()}
        # The last version with a tag cannot go, and takes what belongs to it.
        assert not left or set(content.tags.values()) == tagged
        assert len(tagged) <= 1
    else:
        assert not content.manifests.keys() & trials - named - others
    after = dict(content.manifests)
    clean_up.clean(store(closing), is_closed)
    assert content.manifests == after, "a second time changes nothing"


def trial(content: Content, tag: str = TRIALS[0]) -> set[str]:
    """A trial image as CI pushes and signs it; return all its digests."""
    image = content.put(IMAGE, json.dumps({"layers": [], "annotations": {"of": tag}}).encode())
    proof = content.put(
        IMAGE, json.dumps({"layers": [], "annotations": {"proves": image}}).encode()
    )
    listed = {"manifests": [{"digest": digest} for digest in (image, proof)]}
    index = content.put(INDEX, json.dumps(listed).encode(), tag)
    bundle = content.put(IMAGE, json.dumps({"layers": [], "subject": {"digest": index}}).encode())
    signed = {"manifests": [{"digest": bundle}]}
    signature = content.put(INDEX, json.dumps(signed).encode(), index.replace(":", "-"))
    return {image, proof, index, bundle, signature}


@pytest.mark.world("ghcr-deletes")
@only("ghcr.io")
@pytest.mark.parametrize("kind", ["Organization", "User"])
def test_a_trial_image_goes_with_all_that_belongs_to_it(kind, closing, tmp_path, monkeypatch):
    event = json.loads((tmp_path / "event.json").read_text())
    event["repository"]["owner"]["type"] = kind
    (tmp_path / "event.json").write_text(json.dumps(event))
    content = closing.content[PATH] = Content()
    lasting = trial(content, TAG)
    for number in range(150):  # more than a page of GitHub's
        lasting.add(content.put(IMAGE, json.dumps({"n": number}).encode(), f"{number:012x}"))
    trial(content)
    assert clean_up.clean(store(closing), is_closed) == [[TRIALS[0]]]
    assert content.manifests.keys() == lasting
    paths = {path.split("/")[1] for method, path, _ in closing.seen if method == "DELETE"}
    assert paths == {"orgs" if kind == "Organization" else "users"}


@pytest.mark.world("ghcr-deletes")
@only("ghcr.io")
def test_the_last_version_with_a_tag_stays_whole_and_is_no_red_run(closing, capsys):
    content = closing.content[PATH] = Content()
    content.put(
        INDEX,
        json.dumps({"manifests": [{"digest": content.put(IMAGE, b"{}")}]}).encode(),
        TRIALS[0],
    )
    assert clean_up.clean(store(closing), is_closed) == []
    assert len(content.manifests) == 2
    assert f"{TRIALS[0]} stays: GitHub refused DELETE" in capsys.readouterr().out


@pytest.mark.parametrize("trouble", ["refused", "busy", "nothing there", "not known"])
def test_no_trouble_makes_cleaning_up_red(trouble, closing, built, tmp_path, monkeypatch, capsys):
    """quay.io removes; docker.io and ghcr.io refuse to by the registry's protocol."""
    pull = {"number": 7, "head": {"sha": COMMIT, "repo": {"full_name": "sea/ocean"}}}
    job(tmp_path, monkeypatch, {"pull_request": pull | {"user": {"login": "octocat"}}})
    if trouble != "nothing there":
        content = closing.content[PATH] = Content()
        trial(content)
        lasting = trial(content, TAG)
    if trouble == "not known":
        content.tags["0" * 12] = digest_of(b"lost")
    closing.busy = 99 if trouble == "busy" else 0
    assert clean_up.run(None) == 0
    text = capsys.readouterr().out
    if trouble == "busy":
        assert "Trial images of closed pull requests stay" in text
    elif trouble == "nothing there":
        assert "0 trial images of closed pull requests removed" in text
    else:
        assert content.manifests.keys() >= lasting
        gone = "1 trial image of closed pull requests removed"
        assert (gone if closing.host == "quay.io" else f"{TRIALS[0]} stays") in text


@pytest.mark.parametrize("known", [True, False])
def test_all_pull_requests_that_are_not_open_are_closed(known, closing, monkeypatch):
    """A run of an earlier one may be missed; what GitHub does not say is not guessed."""
    listed = [{"number": number} for number in (7, 8)]
    monkeypatch.setattr(
        github, "pages", lambda path: listed if known else github.api("GET", "/none")
    )
    closed = clean_up.closed()
    assert [number for number in range(1, 10) if closed(number)] == (
        [1, 2, 3, 4, 5, 6, 7] if known else [7]
    )


@pytest.mark.parametrize("state", ["open", "closed", ""])
@only("quay.io")
def test_a_closed_pull_request_publishes_no_trial_image(
    state, server, built, tmp_path, monkeypatch, capsys
):
    """As when somebody runs it again after the clean-up; where GitHub does not say, it is published."""
    pull = {"number": 7, "head": {"sha": COMMIT, "repo": {"full_name": "sea/ocean"}}}
    job(tmp_path, monkeypatch, {"pull_request": pull | {"user": {"login": "octocat"}}})

    def api(method, path):
        assert (method, path) == ("GET", "/repos/sea/ocean/pulls/7")
        if not state:
            raise Problem("GitHub refused GET: 502.")
        return {"state": state}

    monkeypatch.setattr(github, "api", api)
    assert main(["publish", built]) == (2 if state == "closed" else 0)
    assert (PATH in server.content) == (state != "closed")
    if state == "closed":
        assert (
            "Pull request 7 is closed, so no trial image of it is published"
            in capsys.readouterr().err
        )
