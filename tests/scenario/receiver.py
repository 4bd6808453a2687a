# SPDX-License-Identifier: Apache-2.0
"""A receiver of webhooks as others write one, and as nobody should: the path says how it
behaves. It checks signatures by itself."""

import base64
import collections
import hashlib
import hmac
import http.server
import json
import ssl
import threading
import time

from harness import until

Call = collections.namedtuple("Call", "path id time signature body at")


class Receiver:
    """/ok answers 204; /500, /410 and so on that status; /redirect to /ok; /hang never; /endless
    a body without an end; /flaky/N fails N times; /drop closes without an answer. What stands
    behind the first part of the path tells hooks apart: /ok/mine."""

    def __init__(self, certificate=None):
        self.calls, self.lock, self.closing = [], threading.Lock(), threading.Event()
        self.failing = collections.Counter()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                outer.take(self)

            do_GET = do_POST

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads, request_queue_size = True, 64

            def handle_error(self, *_):
                pass  # whoever called has gone

        self.server = Server(("127.0.0.1", 0), Handler)
        scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
            scheme = "https"
        self.port = self.server.server_address[1]
        self.origin = f"{scheme}://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()

    def take(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        head = handler.headers
        call = Call(handler.path, head["webhook-id"], head["webhook-timestamp"],
                    head["webhook-signature"], body, time.time())
        with self.lock:
            self.calls.append(call)
        kind, *rest = handler.path.strip("/").split("/")
        if kind == "hang":
            self.closing.wait(60)
        elif kind == "endless":
            self.endless(handler)
        elif kind == "flaky":
            with self.lock:
                self.failing[handler.path] += 1
                failed = self.failing[handler.path] <= int(rest[0])
            self.answer(handler, 503 if failed else 200)
        elif kind == "redirect":
            self.answer(handler, 302, ("Location", self.origin + "/ok/redirected"))
        elif kind != "drop":
            self.answer(handler, int(kind) if kind.isdigit() else 204)
        handler.close_connection = True

    @staticmethod
    def answer(handler, status, *headers):
        handler.send_response(status)
        for header in headers:
            handler.send_header(*header)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    def endless(self, handler):
        handler.send_response(200)
        handler.end_headers()
        while not self.closing.is_set():
            handler.wfile.write(b"x" * 65536)

    # ---- what came

    def at(self, path):
        with self.lock:
            return [call for call in self.calls if call.path == path]

    def wait(self, path, count=1, limit=15):
        return until(lambda: (got := self.at(path)) and len(got) >= count and got, limit,
                     f"{count} messages at {path}")


def verified(call, secret, tolerance=300):
    """What the message says, when its signature is good (Standard Webhooks)."""
    if abs(time.time() - int(call.time)) > tolerance:
        raise AssertionError("the timestamp is not now")
    key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    signed = f"{call.id}.{call.time}.".encode() + call.body
    mac = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    if f"v1,{mac}" not in call.signature.split(" "):
        raise AssertionError("the signature does not fit")
    return json.loads(call.body)
