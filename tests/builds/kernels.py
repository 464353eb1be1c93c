"""Asks every kernel of an image to run a cell; sent to the image's own Python by the tests.

Reads {language: code} as JSON from its first argument; prints {kernel: what the cell printed}.
"""

import json
import sys

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import start_new_kernel

cells = json.loads(sys.argv[1])
printed = {}
for name, spec in KernelSpecManager().get_all_specs().items():
    language = spec["spec"]["language"].lower()
    manager, client = start_new_kernel(kernel_name=name, startup_timeout=120)
    output = []

    def collect(message, output=output):
        content = message["content"]
        output.append(content.get("text") or "".join(content.get("traceback", [])))

    client.execute_interactive(cells[language], output_hook=collect, timeout=120)
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    printed[name] = "".join(output).strip()
print(json.dumps(printed))
