#!/usr/bin/env python
"""What the image starts when it is told nothing: a hub's server on a hub, JupyterLab elsewhere."""

import os
import sys

hub = "JUPYTERHUB_API_TOKEN" in os.environ
command = ["jupyterhub-singleuser"] if hub else ["jupyter", "lab", "--ip=0.0.0.0", "--no-browser"]
os.execvp(command[0], [*command, *sys.argv[1:]])
