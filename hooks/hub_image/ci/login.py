"""`hub-image login`: log Docker in to the registry of the plan.

ghcr.io takes the job's own token. Every other registry takes two secrets, REGISTRY_USERNAME and
REGISTRY_PASSWORD; GUIDE.md says what they are for each.
"""

import argparse
import os
import re
import subprocess

from hub_image.ci import plan
from hub_image.tools import github

# https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html
ECR = re.compile(r"\d+\.dkr\.ecr(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?")


def arguments(parser: argparse.ArgumentParser) -> None:
    """`hub-image login` has no options."""


def run(options: argparse.Namespace) -> int:
    """Log in, or say in one sentence why that failed; return the exit code."""
    try:
        login(plan.here())
    except github.Problem as problem:
        return github.fail(problem)
    return 0


def login(made: plan.Plan) -> None:
    """Log in; raises Problem when the registry refuses or cannot be reached."""
    if made.own_token:
        username, password = os.environ["GITHUB_ACTOR"], os.environ["GITHUB_TOKEN"]
    else:
        username, password = (os.environ[name] for name in plan.SECRETS)
    if region := ECR.fullmatch(made.host):
        username, password = "AWS", ecr_password(region[1], username, password)
    server = "https://index.docker.io/v1/" if made.host == "docker.io" else made.host
    result = subprocess.run(
        ["docker", "login", server, "--username", username, "--password-stdin"],
        input=password,
        text=True,
        capture_output=True,
    )
    if result.returncode:
        told = result.stderr.strip().splitlines()[-1:] or [""]
        which = "the job's own token" if made.own_token else " and ".join(plan.SECRETS)
        if re.search(r"unauthorized|denied|incorrect|40[13]", result.stderr, re.IGNORECASE):
            raise github.Problem(
                f"{made.host} refuses {which}: make a new access token there and store it again as the "
                f"repository's secrets. It said: {told[0]}"
            )
        raise github.Problem(
            f"{made.host} does not answer: run this job again when it does. Docker said: {told[0]}"
        )
    print(f"Logged in to {made.host}.")


def ecr_password(region: str, key: str, secret: str) -> str:
    """Return the password that Amazon gives for twelve hours; the secrets hold an access key.

    Raises Problem when Amazon refuses the key.
    """
    keys = {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}
    result = subprocess.run(
        ["aws", "ecr", "get-login-password", "--region", region],
        env=os.environ | keys,
        text=True,
        capture_output=True,
    )
    if result.returncode:
        raise github.Problem(
            "Amazon refuses REGISTRY_USERNAME and REGISTRY_PASSWORD: they hold the id and the secret of an "
            f"access key that may push to ECR. It said: {result.stderr.strip()}"
        )
    return result.stdout.strip()
