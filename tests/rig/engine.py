"""A Docker Engine for a machine that has none and reaches no image registry.

The engine, its registry and the package sources live in one private network and mount namespace.
In there, and only there, public names such as quay.io and conda.anaconda.org are answered on the
loopback interface, over TLS with a certificate authority of our own. So a Dockerfile, a workflow
or a hub runs unmodified, and nothing on the machine itself changes: no daemon, no iptables rule,
no line in /etc/hosts.

Everything is kept in one state directory, `$HUB_IMAGE_RIG` or ~/.cache/hub-image-rig, and reused.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
CATALOG = yaml.safe_load((HERE.parents[1] / "catalog.yml").read_text(encoding="utf-8"))
STATE = Path(os.environ.get("HUB_IMAGE_RIG") or Path.home() / ".cache" / "hub-image-rig").resolve()
SOCKET = STATE / "run" / "docker.sock"
BUNDLE = STATE / "tls" / "bundle.crt"  # the machine's authorities and ours
SOURCES = STATE / "sources"  # what package sources serve: one folder for each host name

# Addresses on the namespace's loopback interface. Not 127.0.0.1, which inside a container would be
# the container's own; containers reach these through their gateway.
DNS, REGISTRY, PACKAGES = "10.77.0.1", "10.77.0.2", "10.77.0.3"
PACKAGE_HOSTS = (
    "conda.anaconda.org",
    "download2.rstudio.org",
    "open-vsx.org",
    "p3m.dev",
    "packagemanager.posit.co",
    "pkg.julialang.org",
)

# Debian's own packages: installed on the machine where its command is missing ...
TOOLS = {
    "dnsmasq": "dnsmasq-base",
    "docker-registry": "docker-registry",
    "iptables": "iptables",
    "mmdebstrap": "mmdebstrap",
    "openssl": "openssl",
    "runc": "runc",
    "slirp4netns": "slirp4netns",
}
# ... and unpacked beside the system, from the release that the stand-ins are made of too.
UNPACKED = ("containerd", "docker-buildx", "docker-cli", "docker.io", "tini")
SUITE = CATALOG["images"]["debian"]["tag"].split("-")[0]
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
PATH = f"{STATE}/root/usr/bin:{STATE}/root/usr/sbin:{os.environ['PATH']}:/usr/sbin:/sbin"

# The variables by which clients of TLS are told whom to trust.
TRUST = ("CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
# How images are kept: gzip, which is the default, takes longer than the rest of a build.
COMPRESSION = "compression=zstd,compression-level=1,oci-mediatypes=true"


class RigError(Exception):
    """Something the rig needs is missing or failed; the message says what to do."""


@functools.cache
def is_provided() -> bool:
    """Whether a Docker Engine answers that is not ours: the rig then uses it as it is."""
    if os.environ.get("DOCKER_HOST") == f"unix://{SOCKET}" or not shutil.which("docker"):
        return False
    return subprocess.run(["docker", "info"], capture_output=True).returncode == 0


def environment() -> dict[str, str]:
    """The variables with which `docker` reaches the engine, from anywhere on the machine."""
    if is_provided():
        return {}
    return {
        "DOCKER_HOST": f"unix://{SOCKET}",
        "DOCKER_CONFIG": str(STATE / "config"),
        "EXPERIMENTAL_BUILDKIT_SOURCE_POLICY": str(STATE / "run" / "policy.json"),
        "PATH": PATH,
    }


def variables() -> dict[str, str]:
    """The whole environment for a command that talks to the engine."""
    return {**os.environ, **environment(), "DEBIAN_FRONTEND": "noninteractive"}


def inside(*command: str | Path) -> list[str]:
    """The command line that runs `command` in the engine's namespace and the current directory.

    Needed to reach a published port, the registry or a package source from outside a container.
    With an engine that is not ours it is the command itself.
    """
    if is_provided():
        return [str(part) for part in command]
    keep = ["bash", "-c", 'cd "$0" && exec "$@"', os.getcwd()]  # entering the mounts loses it
    trust = [f"{name}={BUNDLE}" for name in TRUST]
    return [*_enter(), *keep, "env", *trust, *map(str, command)]


def check(command: list, **options) -> str:
    """Run a command with our engine's variables and return what it wrote, errors included.

    Raises RigError with the command and the end of what it wrote when it fails.
    """
    merged = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    result = subprocess.run(command, env=variables(), **merged, **options)
    if result.returncode:
        tail = "\n".join(result.stdout.splitlines()[-40:])
        raise RigError(f"`{' '.join(map(str, command))}` failed, the end of its output:\n{tail}")
    return result.stdout


def succeeds(command: list) -> bool:
    """Whether a command, run with our engine's variables, ends well."""
    return subprocess.run(command, env=variables(), capture_output=True).returncode == 0


def build(image: str, context: Path, *options: str, push: bool = False) -> str:
    """Build a Dockerfile into an image of this name and return the log.

    Where the engine is ours an image that had the name before goes, since nothing else removes it.
    Raises RigError with the end of the log when the build fails.
    """
    command = ["docker", "buildx", "build", "--progress=plain", *options]
    if is_provided():
        return check([*command, "--load", f"--tag={image}", context])
    before = _identity(image)
    output = f"type=image,name={image},push={str(push).lower()},{COMPRESSION}"
    try:
        log = check([*command, f"--output={output}", context])
    except RigError as error:
        # All was built, and then something that another build has tidied up is missed, which is the
        # engine's own race: https://github.com/containerd/nerdctl/issues/4142
        if not str(error).endswith("ERROR: failed to solve: not found"):
            raise
        log = check([*command, f"--output={output}", context])
    if before not in ("", _identity(image)):
        succeeds(["docker", "image", "rm", before])  # not when something else still uses it
    return log


def _identity(image: str) -> str:
    """The digest that an image name stands for here; empty when it stands for none."""
    form = ["docker", "image", "ls", "--quiet", "--no-trunc", image]
    return subprocess.run(form, env=variables(), capture_output=True, text=True).stdout.strip()


def up() -> None:
    """Install what is missing and start whatever does not run. Takes seconds when all is there.

    Raises RigError with one sentence on a machine where that is impossible.
    """
    _require_machine()
    for folder in ("run", "log", "config/cli-plugins", "registry", "sources", "tls"):
        (STATE / folder).mkdir(parents=True, exist_ok=True)
    _policy()
    with locked("engine"):
        _install()
        if _answers() and _names() == _certified():
            return
        down()  # half of it may be left from a run that was cut off
        _certificates()
        _namespace()
        _dns()
        registry = _registry_configuration()
        if (STATE / "registry/docker").exists():
            check(["docker-registry", "garbage-collect", "--delete-untagged", registry])
        _start("registry", *_enter(), "docker-registry", "serve", registry)
        _start("packages", *_enter(), sys.executable, HERE / "serve.py", PACKAGES, _tls(), SOURCES)
        _dockerd()


def down() -> None:
    """End every process that `up` started, by its id, last started first."""
    for name in ("dockerd", "packages", "registry", "dns", "uplink", "namespace"):
        _stop(name)


# -- installation ---------------------------------------------------------------------------------


def _require_machine() -> None:
    if sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("apt-get"):
        raise RigError(
            "start a Docker Engine (`docker info` must work), "
            "or run as root on Debian so that the rig can start its own"
        )
    if not KEYRING.exists():
        raise RigError(f"the rig checks Debian's packages with {KEYRING}: it is missing")


def _install() -> None:
    missing = [package for command, package in TOOLS.items() if not _which(command)]
    if missing:
        quiet = ["-qq", "-o=Dpkg::Use-Pty=0"]
        check(["apt-get", "update", *quiet])
        check(["apt-get", "install", "--yes", "--no-install-recommends", *quiet, *missing])
    root = STATE / "root"
    if root.exists():
        return
    debs = STATE / "debs"
    download(SUITE, UNPACKED, debs)
    partial = STATE / "root.partial"
    shutil.rmtree(partial, ignore_errors=True)
    for deb in debs.glob("*.deb"):
        check(["dpkg-deb", "--extract", deb, partial])
    plugin = STATE / "config/cli-plugins/docker-buildx"
    plugin.unlink(missing_ok=True)
    plugin.symlink_to(root / "usr/libexec/docker/cli-plugins/docker-buildx")
    partial.rename(root)


def archive() -> str:
    """The address of the Debian archive that this machine is set up to use."""
    listing = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
    for uri in _output(listing).split():
        if uri.endswith("/debian/"):
            return uri
    raise RigError("no Debian archive among apt's sources: the rig installs its parts from there")


def download(suite: str, packages: Iterable[str], folder: Path) -> None:
    """Download Debian packages of another release into `folder`, beside the machine's own apt."""
    folder.mkdir(parents=True, exist_ok=True)
    check(["apt-get", "-qq", *apt_options(suite), "download", *packages], cwd=folder)


def apt_options(suite: str) -> list[str]:
    """Options that make apt-get look at `suite` of the machine's archive, and at nothing else."""
    base = STATE / "apt" / suite
    options = [
        f"-o=Dir={base}",
        f"-o=Dir::State::status={base}/var/lib/dpkg/status",
        "-o=APT::Sandbox::User=root",
        "-o=Acquire::Check-Valid-Until=false",
    ]
    ready = base / "ready"
    if not ready.exists() or time.time() - ready.stat().st_mtime > 24 * 3600:
        for folder in ("sources.list.d", "preferences.d", "apt.conf.d", "trusted.gpg.d"):
            (base / "etc/apt" / folder).mkdir(parents=True, exist_ok=True)
        for folder in ("lib/apt/lists/partial", "cache/apt/archives/partial", "lib/dpkg"):
            (base / "var" / folder).mkdir(parents=True, exist_ok=True)
        (base / "var/lib/dpkg/status").touch()
        line = f"[signed-by={KEYRING}] {archive()} {suite} main\n"
        (base / "etc/apt/sources.list").write_text(f"deb {line}deb-src {line}")
        check(["apt-get", "-qq", *options, "update"])
        ready.touch()
    return options


# -- the namespace and what runs in it ------------------------------------------------------------


def _namespace() -> None:
    """A network of its own with an uplink, and the mounts that dockerd and the names need.

    /sys/fs/cgroup becomes a pure cgroup2 mount in there: machines with the older layout keep it.
    """
    (STATE / "run/resolv.conf").write_text(f"nameserver {DNS}\n")
    script = f"""set -e
        umount -R /sys/fs/cgroup 2>/dev/null || umount -l /sys/fs/cgroup
        mount -t sysfs sysfs /sys
        mount -t cgroup2 none /sys/fs/cgroup
        mount --bind {STATE}/run/resolv.conf /etc/resolv.conf
        ip link set lo up
        for address in {DNS} {REGISTRY} {PACKAGES}; do ip address add $address/32 dev lo; done
        echo 1 > /proc/sys/net/ipv4/ip_forward
        touch {STATE}/run/namespace.ready
        exec sleep infinity"""
    ready = STATE / "run/namespace.ready"
    ready.unlink(missing_ok=True)
    _start("namespace", "unshare", "-n", "-m", "--propagation", "private", "bash", "-c", script)
    _wait("namespace", ready.exists)
    options = ["--configure", "--mtu=65520", "--disable-host-loopback"]
    _start("uplink", "slirp4netns", *options, str(_pid("namespace")), "tap0")
    address = [*_enter(), "ip", "-4", "address", "show", "tap0"]
    _wait("uplink", lambda: "inet" in _output(address))


def _dns() -> None:
    """Names: ours on loopback, all others as the machine resolves them (slirp4netns forwards)."""
    records = [f"--host-record={host},{REGISTRY}" for host in registry_hosts()]
    records += [f"--host-record={host},{PACKAGES}" for host in PACKAGE_HOSTS]
    only = ["--no-resolv", "--server=10.0.2.3", "--bind-interfaces", f"--listen-address={DNS}"]
    plain = ["--keep-in-foreground", "--user=root", "--conf-file=/dev/null", "--pid-file"]
    _start("dns", *_enter(), "dnsmasq", *plain, *only, *records)


def registry_hosts() -> list[str]:
    """The registries that the catalog's images come from, by the name that a client asks."""
    entries = [*CATALOG["images"].values(), *CATALOG["bases"].values()]
    hosts = {entry["image"].split("/")[0] for entry in entries}
    return sorted("registry-1.docker.io" if host == "docker.io" else host for host in hosts)


def _policy() -> None:
    """Where the catalog names an image by its digest, builds take the stand-in, which has the tag and another digest.

    https://docs.docker.com/build/building/variables/#experimental_buildkit_source_policy
    """
    rules = []
    for entry in CATALOG["images"].values():
        name = f"docker-image://{entry['image']}:{entry['tag']}"
        if "digest" in entry:
            rules.append(
                {
                    "action": "CONVERT",
                    "selector": {"identifier": f"{name}@{entry['digest']}"},
                    "updates": {"identifier": name},
                }
            )
    text, file = json.dumps({"version": 1, "rules": rules}), STATE / "run/policy.json"
    if not file.exists() or file.read_text() != text:
        new = file.with_name(f"policy.{os.getpid()}")
        new.write_text(text)
        new.rename(file)  # another run's build may be reading it


def _registry_configuration() -> Path:
    file = STATE / "run/registry.yml"
    file.write_text(
        f"""version: 0.1
storage: {{filesystem: {{rootdirectory: {STATE}/registry}}, delete: {{enabled: true}}}}
http: {{addr: "{REGISTRY}:443", tls: {{certificate: {_tls()}, key: {_tls()}}}}}
log: {{level: error}}
"""
    )
    return file


def _dockerd() -> None:
    """The containerd image store keeps what is pushed as it was built: provenance, digests."""
    settings = {
        "features": {"containerd-snapshotter": True},
        "builder": {"gc": {"enabled": True, "defaultKeepStorage": "20GB"}},
    }
    (STATE / "run/daemon.json").write_text(json.dumps(settings))
    command = ["dockerd", f"--config-file={STATE}/run/daemon.json", f"--host=unix://{SOCKET}"]
    command += [f"--data-root={STATE}/data", f"--exec-root={STATE}/run/exec"]
    command += [f"--pidfile={STATE}/run/dockerd.lock", "--exec-opt=native.cgroupdriver=cgroupfs"]
    command += [f"--dns={DNS}", "--mtu=65520"]
    # An old lock whose process id is in use again would keep dockerd from starting.
    (STATE / "run/dockerd.lock").unlink(missing_ok=True)
    _start("dockerd", *_enter(), "env", f"SSL_CERT_FILE={BUNDLE}", *command)
    _wait("dockerd", _answers)


def _answers() -> bool:
    docker = _which("docker")
    return bool(docker) and succeeds([docker, "version"])


def _tls() -> Path:
    return STATE / "tls/server.pem"  # certificate and key


def _certificates() -> None:
    """Our certificate authority, kept for the stand-ins that trust it, and the servers' key."""
    tls = STATE / "tls"
    if _names() == _certified():
        return
    new = ["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-days", "3650"]
    authority = ["-CA", tls / "ca.crt", "-CAkey", tls / "ca.key"]
    if not (tls / "ca.crt").exists():
        subject = ["-subj", "/CN=hub-image-template test rig"]
        check([*new, "-x509", *subject, "-keyout", tls / "ca.key", "-out", tls / "ca.crt"])
    extensions = ["-addext", f"subjectAltName={_names()}", "-addext", "basicConstraints=CA:FALSE"]
    files = ["-keyout", tls / "key.pem", "-out", tls / "crt.pem"]
    check([*new, "-x509", *authority, "-subj", "/CN=rig", *extensions, *files])
    _tls().write_text((tls / "crt.pem").read_text() + (tls / "key.pem").read_text())
    machine = Path("/etc/ssl/certs/ca-certificates.crt")
    BUNDLE.write_text(
        (machine.read_text() if machine.exists() else "") + (tls / "ca.crt").read_text()
    )
    (tls / "names").write_text(_names())


def _names() -> str:
    return ",".join(f"DNS:{name}" for name in [*registry_hosts(), *PACKAGE_HOSTS])


def _certified() -> str:
    """The names in the certificate that there is."""
    file = STATE / "tls/names"
    return file.read_text() if file.exists() else ""


# -- processes ------------------------------------------------------------------------------------


def _enter() -> list[str]:
    return ["nsenter", "-n", "-m", "-t", str(_pid("namespace"))]


def _start(name: str, *command: str | Path) -> None:
    """Start a process that outlives us, and remember it by its id and the moment it started."""
    log = (STATE / "log" / name).open("wb")
    process = subprocess.Popen(
        [str(part) for part in command],
        env={**os.environ, "PATH": PATH},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    (STATE / "run" / f"{name}.pid").write_text(f"{process.pid} {_birth(process.pid)}")


def _birth(pid: int) -> str:
    """When a process started, in the kernel's ticks: tells it from a later one of the same id."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def _pid(name: str) -> int | None:
    """The id of the process that `_start` started under this name, or None when it has ended."""
    with contextlib.suppress(OSError, ValueError):
        pid, birth = (STATE / "run" / f"{name}.pid").read_text().split()
        if _birth(int(pid)) == birth:
            return int(pid)
    return None


def _stop(name: str) -> None:
    pid = _pid(name)
    if pid is not None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            for _ in range(200):
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)
                if _pid(name) is None:
                    break
                time.sleep(0.05)
    (STATE / "run" / f"{name}.pid").unlink(missing_ok=True)


def _wait(name: str, ready) -> None:
    for _ in range(300):
        if ready():
            return
        if _pid(name) is None:
            break
        time.sleep(0.1)
    log = (STATE / "log" / name).read_text(errors="replace")
    tail = "\n".join(log.splitlines()[-15:])
    down()
    raise RigError(f"{name} did not start; the end of {STATE}/log/{name}:\n{tail}")


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    """Only one run at a time installs, starts or builds a given thing."""
    path = STATE / f"{name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _which(command: str) -> str | None:
    return shutil.which(command, path=PATH)


def _output(command: list) -> str:
    return subprocess.run(command, capture_output=True, text=True).stdout
