"""Serve package sources under their public names: serve.py ADDRESS CERTIFICATE FOLDER.

A request for https://HOST/PATH is answered with FOLDER/HOST/PATH, nothing more.
"""

import ssl
import sys
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def translate_path(self, path: str) -> str:
        self.directory = str(Path(sys.argv[3], Path(self.headers["Host"]).name))
        return super().translate_path(path)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # installers open dozens of connections at once

    def finish_request(self, request, client_address):
        # The handshake belongs in the request's own thread, or one slow client stops the others.
        with context.wrap_socket(request, server_side=True) as encrypted:
            super().finish_request(encrypted, client_address)


context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(sys.argv[2])
Server((sys.argv[1], 443), Handler).serve_forever()
