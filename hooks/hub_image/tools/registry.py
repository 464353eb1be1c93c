"""A registry, asked in its own language: which tags exist, with which digest, and for whom.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md
https://distribution.github.io/distribution/spec/auth/token/

Docker Hub counts each GET of a manifest as a pull, and no HEAD, so who only wants to know a digest asks for that:
https://docs.docker.com/docker-hub/usage/pulls/
"""

import base64
import hashlib
import http.client
import json
import os
import re
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from hub_image import catalog
from hub_image.problem import Problem

KINDS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
TRIES = 4  # a registry that is away for some seconds stops nobody
TOKEN = "<token>"  # as credential helpers name it
LONGEST = 60  # seconds that we wait between two tries when the registry says how long


class Manifest(NamedTuple):
    """What a tag or digest stands for: an image, or an index of images for several platforms."""

    digest: str
    kind: str
    data: bytes

    @property
    def content(self) -> dict[str, Any]:
        """The manifest's fields."""
        content: dict[str, Any] = json.loads(self.data)
        return content


class Login(NamedTuple):
    """Who we are for a registry. The name `<token>` says that the password is an identity token."""

    name: str
    password: str


class Refused(Problem):
    """The registry does not allow this to whoever asks."""


class Away(Problem):
    """The registry does not answer, or asks to come back later."""


class Repository:
    """One image's place in a registry, asked as whoever `docker login` made us, or as anyone."""

    def __init__(self, image: str, anonymous: bool = False) -> None:
        self.host, _, self.path = image.partition("/")
        server = catalog.load().registry(self.host).api or self.host
        name = server.partition(":")[0]
        scheme = "http" if name == "localhost" or name.startswith("127.") else "https"
        self.url = f"{scheme}://{server}"
        self.login = None if anonymous else _login(self.host)
        self.authorization = ""

    def manifest(self, reference: str) -> Manifest | None:
        """Return what a tag or digest stands for, or None where there is no such thing."""
        answer = self._ask("GET", f"manifests/{reference}", headers={"Accept": ", ".join(KINDS)})
        if answer is None:
            return None
        headers, data = answer
        self._fields(data)
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        return Manifest(digest, headers.get("Content-Type", "").partition(";")[0], data)

    def digest(self, reference: str) -> str | None:
        """Return the digest of a tag, or None where there is no such tag."""
        answer = self._ask("HEAD", f"manifests/{reference}", headers={"Accept": ", ".join(KINDS)})
        if answer is None:
            return None
        if digest := answer[0].get("Docker-Content-Digest"):
            return str(digest)
        manifest = self.manifest(reference)  # the header is only recommended
        return manifest and manifest.digest

    def attached(self, digest: str) -> list[str]:
        """Return the digests of what was attached to an image, such as signatures, where the registry lists them."""
        answer = self._ask("GET", f"referrers/{digest}")
        try:
            return (
                [entry["digest"] for entry in json.loads(answer[1])["manifests"]] if answer else []
            )
        except (ValueError, LookupError):  # a page of a server that knows no such address
            return []

    def image(self, reference: str, architecture: str = "") -> Manifest | None:
        """Return the manifest of one platform's image, or of the first; an index is followed to it."""
        manifest = self.manifest(reference)
        for entry in manifest.content.get("manifests", []) if manifest else []:
            found = entry.get("platform", {}).get("architecture", "unknown")  # as of attestations
            if found == architecture or (not architecture and found != "unknown"):
                return self.manifest(entry["digest"])
        return manifest

    def blob(self, digest: str) -> bytes:
        """Return a part of an image, such as its configuration.

        Raises Problem where there is none with this digest, or where the registry gives something else.
        """
        answer = self._ask("GET", f"blobs/{digest}")
        if not answer or digest != f"sha256:{hashlib.sha256(answer[1]).hexdigest()}":
            raise Problem(f"{self.host} has lost {digest} of {self.path}: publish the image again.")
        return answer[1]

    def configuration(self, reference: str) -> dict[str, Any]:
        """Return how an image is to be run, with its labels.

        Raises Problem where there is no such image.
        """
        found: dict[str, Any] = self._about(reference)["config"]
        return found

    def created(self, reference: str) -> str:
        """Return when an image was made, in ISO 8601; empty where it does not say. Raises Problem as `configuration`."""
        return str(self._about(reference).get("created") or "")

    def _about(self, reference: str) -> dict[str, Any]:
        """https://github.com/opencontainers/image-spec/blob/main/config.md"""
        manifest = self.image(reference)
        if manifest is None:
            raise Problem(
                f"{self.host}/{self.path} has no {reference}: publish it first, or check its name."
            )
        config = manifest.content.get("config")
        if not config:  # as of what Docker made before 2016
            raise Problem(
                f"{self.host}/{self.path} has {reference}, and it is no image that can be run today: check its name."
            )
        return self._fields(self.blob(config["digest"]))

    def _fields(self, data: bytes) -> dict[str, Any]:
        """Return the fields of an answer. Raises Away for that of a server which is no registry, such as a web page."""
        try:
            found = json.loads(data)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise Away(
                f"{self.host} answers for {self.path} with something that no registry says: check the image's name."
            )
        return found

    def tag(self, manifest: Manifest, name: str) -> None:
        """Give what is in this repository one more tag; its digest stays what it is."""
        self._ask("PUT", f"manifests/{name}", manifest.data, {"Content-Type": manifest.kind})

    def ask_to_push(self) -> None:
        """Begin a push and leave it; raises Refused with the registry's own words where that is not allowed."""
        self._ask("POST", "blobs/uploads/")

    def tags(self) -> list[str]:
        """Return all tags, in the registry's order."""
        tags: list[str] = []
        path = "tags/list?n=500"
        while path and (answer := self._ask("GET", path)):
            headers, data = answer
            tags += self._fields(data).get("tags") or []
            following = re.search(r'[?&](last=[^&>]*)[^>]*>;\s*rel="?next', headers.get("Link", ""))
            path = f"tags/list?n=500&{following[1]}" if following else ""
        return tags

    def delete(self, digest: str) -> None:
        """Remove what has this digest, with every tag of it."""
        self._ask("DELETE", f"manifests/{digest}")

    def _ask(
        self,
        method: str,
        path: str,
        data: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[Any, bytes] | None:
        """Return headers and body of the answer, or None for what is not there."""
        for attempt in range(1, TRIES + 1):
            wait = attempt
            try:
                return self._request(
                    method, f"{self.url}/v2/{self.path}/{path}", data, headers or {}
                )
            except urllib.error.HTTPError as error:
                if method != "PUT" and error.code == 404:
                    return None
                # docker.io and quay.io say so of a repository that does not exist yet, to everyone: whether we may
                # make it shows when we push. https://github.com/helm/helm/issues/31567
                if method in ("GET", "HEAD") and error.code == 401 and self._has_token():
                    return None
                if error.code < 500 and error.code != 429:
                    told = _told(error)
                    kind = Refused if error.code in (401, 403, 405) else Problem
                    raise kind(
                        f"{self.host} refuses {method} {self.path}/{path}: {error.code} {told}"
                    ) from error
                reason: object = f"{error.code} {error.reason}"
                said = error.headers.get("Retry-After", "")
                wait = min(int(said), LONGEST) if said.isdigit() else attempt
            except (OSError, http.client.HTTPException, ValueError) as error:
                reason = getattr(error, "reason", error)
            if attempt < TRIES:
                time.sleep(wait)
        raise Away(f"{self.host} does not answer ({reason}): run this job again when it does.")

    def _has_token(self) -> bool:
        return self.authorization.startswith("Bearer")

    def _request(
        self, method: str, url: str, data: bytes | None, headers: dict[str, str]
    ) -> tuple[Any, bytes]:
        for last in (False, True):
            request = urllib.request.Request(url, data, headers, method=method)
            if self.authorization:
                # For the registry, and not for the storage that it may send us to.
                request.add_unredirected_header("Authorization", self.authorization)
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    return answer.headers, answer.read()
            except urllib.error.HTTPError as error:
                challenge = error.headers.get("WWW-Authenticate", "")
                if last or error.code != 401 or not challenge:
                    raise
                self.authorization = self._authorize(challenge)
        raise AssertionError("unreachable")

    def _authorize(self, challenge: str) -> str:
        """Answer a registry that asks who we are; raises Refused where it gives us no token."""
        login, basic = self.login, ""
        if login and login.name != TOKEN:
            basic = f"Basic {base64.b64encode(':'.join(login).encode()).decode()}"
        if not challenge.lower().startswith("bearer"):
            return basic
        wanted = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
        form = {key: wanted[key] for key in ("service", "scope") if key in wanted}
        if login and login.name == TOKEN:
            # https://distribution.github.io/distribution/spec/auth/oauth/
            form |= {"grant_type": "refresh_token", "refresh_token": login.password}
            body = urllib.parse.urlencode(form | {"client_id": "hub-image"}).encode()
            request = urllib.request.Request(wanted["realm"], body)
        else:
            headers = {"Authorization": basic} if basic else {}
            address = f"{wanted.get('realm', '')}?{urllib.parse.urlencode(form)}"
            request = urllib.request.Request(address, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                token = json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code not in (400, 401, 403):
                raise
            raise Refused(
                f"{self.host} gives no access to {self.path}: {error.code} {_told(error)}"
            ) from error
        return f"Bearer {token.get('token') or token.get('access_token')}"


def size(number: int) -> str:
    """Return a number of bytes as people read it: 1.6 GB, 12 MB, 0.3 MB."""
    digits = 0 if 1e7 <= number < 1e9 else 1
    return f"{number / 1e9:.{digits}f} GB" if number >= 1e9 else f"{number / 1e6:.{digits}f} MB"


def settings_page(image: str, event: Mapping[str, Any]) -> str:
    """Return the page where an image, named without a tag, can be made public; `event` is GitHub's account of what happened."""
    host, _, path = image.partition("/")
    owner, _, name = path.rpartition("/")
    person = event.get("repository", {}).get("owner", {}).get("type") == "User"
    page = catalog.load().registry(host).settings
    name = urllib.parse.quote(name, safe="")
    kind = "users" if person else "orgs"
    return page.format(kind=kind, owner=owner, name=name) or f"the page of {path} on {host}"


def _login(host: str) -> Login | None:
    """Return what `docker login` keeps for a registry, in its settings or with a helper such as Docker Desktop's.

    https://docs.docker.com/reference/cli/docker/login/#credential-stores
    """
    folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    try:
        settings = json.loads((folder / "config.json").read_text())
    except FileNotFoundError:
        return None
    server = catalog.load().registry(host).login or host
    if helper := settings.get("credHelpers", {}).get(server) or settings.get("credsStore"):
        return _helped(helper, server)
    kept = settings.get("auths", {}).get(server, {})
    if kept.get("identitytoken"):
        return Login(TOKEN, kept["identitytoken"])
    if not kept.get("auth"):
        return None
    return Login(*base64.b64decode(kept["auth"]).decode().split(":", 1))


def _helped(helper: str, server: str) -> Login | None:
    """Ask a credential helper, which has failed when it knows no such login.

    https://github.com/docker/docker-credential-helpers#development
    """
    command = [f"docker-credential-{helper}", "get"]
    try:
        result = subprocess.run(command, input=server, text=True, capture_output=True)
    except FileNotFoundError:
        raise Problem(
            f"Docker keeps the login for {server} with {command[0]}, which is not there: install it, or take it out "
            "of ~/.docker/config.json and log in again."
        ) from None
    if result.returncode:
        return None
    said = json.loads(result.stdout)
    return Login(said["Username"], said["Secret"])


def _told(error: urllib.error.HTTPError) -> str:
    """Return the registry's own words for a refusal."""
    try:
        return "; ".join(entry["message"] for entry in json.load(error)["errors"])
    except (ValueError, LookupError, TypeError):
        return error.reason
