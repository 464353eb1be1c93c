"""`hub-image hub`: click through what users will see, on a JupyterHub on this computer."""

from __future__ import annotations

import argparse
import webbrowser

from hub_image.contract import command
from hub_image.contract.groups import on_hub
from hub_image.problem import Problem
from hub_image.tools import docker
from hub_image.tools.progress import progress


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hub-image hub`."""
    command.target_arguments(parser)
    parser.add_argument(
        "--port", type=int, default=8000, help="port on this computer (default: 8000)"
    )
    parser.add_argument("--no-browser", action="store_true", help="only print the address")


def run(options: argparse.Namespace) -> int:
    """Start the hub, wait for Ctrl-C, remove everything; return the exit code. Raises Problem when it does not start."""
    address = f"http://127.0.0.1:{options.port}"
    try:
        with docker.Session() as session:
            with progress() as say:
                target = command.target(options, say)
                say(f"Starting a JupyterHub {target.hub_version}")
                port = f"--publish=127.0.0.1:{options.port}:{on_hub.PORT}"
                hub = on_hub.start(target, session, port, profile=target.profile)
                on_hub.wait(hub)
            print(f"Open {address} and log in with any name, without a password. Ctrl-C ends it.")
            print("Your home is empty at first, and is removed at the end.", flush=True)
            if not options.no_browser:
                webbrowser.open(address)
            docker.call("wait", hub)  # until Ctrl-C
            raise Problem(
                "the hub stopped by itself: `docker logs` is gone with it, so start it again"
            )
    except KeyboardInterrupt:
        return 0  # that is how it ends
