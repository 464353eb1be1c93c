"""`hub-image login`: log Docker in to the registry of the plan.

ghcr.io takes the job's own token. Every other registry takes the variable REGISTRY_LOGIN, host and name, and the secret
REGISTRY_PASSWORD; GUIDE.md says what they are for each. A name is no secret: GitHub would print `***` for it wherever it
stands in the name of the image.
"""

import argparse
import os
import re
import subprocess

from hub_image import catalog
from hub_image.ci import plan
from hub_image.problem import Problem
from hub_image.tools import docker, github

# https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html
ECR = re.compile(r"\d+\.dkr\.ecr(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?")


def arguments(parser: argparse.ArgumentParser) -> None:
    """`hub-image login` has no options."""


def run(options: argparse.Namespace) -> int:
    """Log in; return the exit code. Raises Problem as `login` does."""
    login(plan.here())
    return 0


def login(made: plan.Plan) -> None:
    """Log in.

    Raises Problem when the login is for another registry (before anything is sent), when the registry refuses or
    cannot be reached.
    """
    if made.own_token:
        username, password = github.variable("GITHUB_ACTOR"), github.variable("GITHUB_TOKEN")
    else:
        host, _, username = os.environ[plan.LOGIN].partition("/")
        password = os.environ[plan.PASSWORD]
        if host.lower() != made.host or not username:
            raise Problem(
                f"The variable {plan.LOGIN} is {os.environ[plan.LOGIN]}, but .github/image.env says "
                f"REGISTRY={made.host}: it has to be {made.host}/ and the name that {plan.PASSWORD} belongs to."
            )
    if region := ECR.fullmatch(made.host):
        username, password = "AWS", ecr_password(region[1], username, password)
    server = catalog.load().registry(made.host).login or made.host
    result = docker.call(
        "login", server, "--username", username, "--password-stdin", input=password
    )
    if result.returncode:
        told = result.stderr.strip().splitlines()[-1:] or [""]
        if re.search(r"unauthorized|denied|incorrect|40[13]", result.stderr, re.IGNORECASE):
            what = (
                "the job's own token: run this job again."
                if made.own_token
                else f"{plan.PASSWORD} of {username}: make a new access token there and store it as this secret again."
            )
            raise Problem(f"{made.host} refuses {what} It said: {told[0]}")
        raise Problem(
            f"{made.host} does not answer: run this job again when it does. Docker said: {told[0]}"
        )
    print(f"Logged in to {made.host}.")


def ecr_password(region: str, key: str, secret: str) -> str:
    """Return the password that Amazon gives for twelve hours; the login is an access key.

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
        raise Problem(
            f"Amazon refuses {key}: {plan.LOGIN} ends in the id, and {plan.PASSWORD} is the secret, of an access key "
            f"that may push to ECR. It said: {result.stderr.strip()}"
        )
    return result.stdout.strip()
