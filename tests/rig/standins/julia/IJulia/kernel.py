"""A Jupyter kernel that hands code to a Julia process: kernel.py CONNECTION_FILE JULIA OPTION ...

The real kernel is written in Julia and needs libraries that the rig cannot have. This one has no
rich output, completion or interrupts; the code runs in a real Julia with the image's packages.
"""

import subprocess
import sys
from pathlib import Path

from ipykernel.kernelapp import IPKernelApp
from ipykernel.kernelbase import Kernel


class JuliaKernel(Kernel):
    implementation = "stand-in for IJulia"
    implementation_version = "1"
    banner = "Julia through a stand-in for IJulia"
    language_info = {"name": "julia", "mimetype": "text/x-julia", "file_extension": ".jl"}

    def __init__(self, **options):
        super().__init__(**options)
        self.process = subprocess.Popen(
            [*command, Path(__file__).with_name("kernel.jl")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    async def do_execute(self, code, silent, *_, **__):
        source = code.encode()
        self.process.stdin.write(b"%d\n%s" % (len(source), source))
        self.process.stdin.flush()
        output, status = [], "error"
        for line in self.process.stdout:
            text = line.decode(errors="replace")
            if text.startswith("\x04"):
                status = text[1:].strip()
                break
            output.append(text)
        text = "".join(output)
        reply = {"status": status, "execution_count": self.execution_count}
        if status == "ok":
            if text and not silent:
                self.send_response(self.iopub_socket, "stream", {"name": "stdout", "text": text})
            return {**reply, "payload": [], "user_expressions": {}}
        error = {"ename": "JuliaError", "evalue": text, "traceback": text.splitlines()}
        self.send_response(self.iopub_socket, "error", error)
        return {**reply, **error}

    def do_shutdown(self, restart):
        self.process.stdin.close()
        self.process.wait(10)
        return {"status": "ok", "restart": restart}


if __name__ == "__main__":
    connection_file, *command = sys.argv[1:]
    IPKernelApp.launch_instance(["-f", connection_file], kernel_class=JuliaKernel)
