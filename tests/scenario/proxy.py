# SPDX-License-Identifier: Apache-2.0
"""A proxy between a client and a real server: it watches, alters, swallows, and kills."""

import http.server
import json
import re
import threading

import harness
import stranger


class Request:
    def __init__(self, method, path, headers, body):
        self.method, self.path, self.headers, self.body = method, path, headers, body

    def __repr__(self):
        return f"{self.method} {self.path}"


class Dropped(Exception):
    """The connection is to end without an answer."""


class Proxy:
    """Passes everything on. A subclass or a test changes `before` and `after`.

    before(request)         may return a Reply (then nothing is passed on), alter the request,
                            or raise Dropped
    after(request, reply)   may return another Reply, or raise Dropped
    """

    def __init__(self, upstream):
        self.upstream, self.seen, self.lock = upstream, [], threading.RLock()
        self.troubles = []
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def serve(self):
                length = int(self.headers.get("Content-Length") or 0)
                request = Request(self.command, self.path, dict(self.headers.items()),
                                  self.rfile.read(length) if length else None)
                try:
                    proxy.answer(self, request)
                except Dropped:
                    self.close_connection = True
                except OSError:
                    self.close_connection = True
                except Exception as problem:  # a defect of the test, told at its end
                    proxy.troubles.append(f"{request}: {type(problem).__name__}: {problem}")
                    self.close_connection = True

            do_GET = do_POST = do_PUT = do_DELETE = serve

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()

    def answer(self, handler, request):
        with self.lock:
            self.seen.append(request)
        reply = self.before(request) or self.after(request, self.forward(request))
        handler.send_response(reply.status)
        for name in ("Content-Type", "X-Chorus-Sha256", "ETag", "Content-Range", "Retry-After"):
            if reply.headers.get(name):
                handler.send_header(name, reply.headers[name])
        if reply.status != 204:
            handler.send_header("Content-Length", str(len(reply.body)))
        handler.end_headers()
        handler.wfile.write(reply.body)

    def forward(self, request):
        keep = ("Content-Type", "Authorization", "Range", "If-None-Match")
        headers = {name: value for name, value in request.headers.items()
                   if name.title() in keep}
        try:
            return harness.http(request.method, self.upstream + request.path, request.body,
                                headers)
        except OSError:
            raise Dropped from None

    def before(self, request):
        return None

    def after(self, request, reply):
        return reply

    def link(self, link):
        """The invite, leading through here."""
        return self.origin + "/#" + link.partition("/#")[2]

    def sent(self, method, pattern):
        """The requests so far whose path matches."""
        with self.lock:
            return [r for r in self.seen if r.method == method and re.search(pattern, r.path)]


class Liar(Proxy):
    """Alters documents and signs them with the coordinator's own key.

    edits   {pattern of a path: function(document) → document}, for JSON bodies
    raw     the same for bytes

    lie_about(ctx, alter) alters a round's terms: the client then sees a round of another ctx,
    which is translated both ways.
    """

    def __init__(self, upstream, key):
        super().__init__(upstream)
        self.key, self.edits, self.raw = key, {}, {}
        self.fake, self.real = {}, {}

    def sign(self, event, **changes):
        return self.key.sign({**event, **changes})

    def translate(self, body, table):
        for old, new in table.items():
            body = body.replace(old.encode(), new.encode())
        return body

    def before(self, request):
        for fake, real in self.real.items():
            request.path = request.path.replace(fake, real)
        if request.body and self.real and request.method == "POST":
            request.body = self.translate(request.body, self.real)
        return None

    def lie_about(self, ctx, reopen):
        """Alters the terms of one round."""
        self.opened = self.key.sign(reopen(harness.Api(self.upstream).event(ctx, "open")))
        fake = stranger.round_ctx(self.opened).hex()
        self.fake, self.real = {ctx: fake}, {fake: ctx}

    def after(self, request, reply):
        if reply.status not in (200, 201):
            return reply
        body = reply.body
        for pattern, edit in self.raw.items():
            if re.search(pattern, request.path):
                body = edit(body)
        for pattern, edit in self.edits.items():
            if re.search(pattern, request.path):
                made = edit(json.loads(body))
                body = stranger.canonical(made) if "/events/" in request.path \
                    else json.dumps(made).encode()
        found = re.search(r"/rounds/([0-9a-f]{64})/events/open$", request.path)
        if found and found[1] in self.fake:
            body = stranger.canonical(self.opened)
        elif not is_raw(reply):
            body = self.translate(body, self.fake)
        return harness.Reply(reply.status, reply.headers, body)


def is_raw(reply):
    return (reply.headers.get("Content-Type") or "").startswith("application/octet-stream")
