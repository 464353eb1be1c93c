#!/usr/bin/env python
"""What the image starts when it is told nothing: a hub's server on a hub, JupyterLab elsewhere.

With the variables of https://jupyter-docker-stacks.readthedocs.io/en/latest/using/common.html
"""

import os
import shlex
import sys

if "JUPYTERHUB_API_TOKEN" in os.environ:
    command = ["jupyterhub-singleuser"]
else:
    command = ["run-one-constantly"] if os.environ.get("RESTARTABLE") == "yes" else []
    command += ["jupyter", os.environ.get("DOCKER_STACKS_JUPYTER_CMD", "lab")]
    command += shlex.split(os.environ.get("NOTEBOOK_ARGS", ""))
os.execvp(command[0], [*command, *sys.argv[1:]])
