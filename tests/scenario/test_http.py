# SPDX-License-Identifier: Apache-2.0
"""The HTTP layer against a real chorusd and PostgreSQL: connections, bodies, access, ranges,
waits, limits, shutdown."""
import concurrent.futures
import hashlib
import os
import resource
import signal
import struct
import subprocess
import threading
import time
import unittest

import serving
from serving import Base, Server, drain, iris, psql, vector, wait_until

CHUNK = 983040
DRAINED = 2 << 20  # a refused body up to here is read and dropped
ZERO = "00" * 32


class Addresses(Base):
    def test_instance(self):
        self.assertEqual(self.server.get("/health").json, {"status": "ok"})
        ready = self.server.get("/ready").json
        self.assertEqual(ready["status"], "ready")
        self.assertGreaterEqual(ready["schema"], 1)
        o = self.server.get("/instance").json
        self.assertEqual(o["instance"]["origin"], "chorus.test/log")
        self.assertAlmostEqual(o["now_at"], time.time(), delta=60)

    def test_describes_itself(self):
        got = self.server.get("/openapi.json")
        self.assertIn("/api/v1/openapi.json", got.json["paths"])
        self.assertEqual(got.json["openapi"], "3.1.0")
        text = self.server.get("/openapi.yaml")
        self.assertEqual(text.headers["Content-Type"], "application/yaml")
        with open(os.path.join(serving.SOURCE, "docs/openapi.yaml"), "rb") as f:
            self.assertEqual(text.body, f.read())
        again = self.server.get("/openapi.json",
                                headers={"If-None-Match": got.headers["ETag"]})
        self.assertEqual((again.status, again.body), (304, b""))

    def test_security_headers(self):
        for path in ("/health", "/nothing"):
            h = self.server.get(path).headers
            self.assertEqual(h["X-Content-Type-Options"], "nosniff")
            self.assertEqual(h["Cache-Control"], "no-store")
            self.assertIn("default-src 'none'", h["Content-Security-Policy"])

    def test_unknown_paths(self):
        for path in ("/nothing", "/health/", "/healthx", "/health/x", "//health", "/models/",
                     "/models//spec", "/rounds/xyz", "/health%00", "/%68ealth",
                     "/models/a%2Fb", "/models/Not-A-Slug", "/participants/" + "0" * 63,
                     "/models/" + "x" * 3000):
            self.problem(self.server.get(path), "not-found")
        self.assertIn(b"404", self.server.raw(b"GET / HTTP/1.1\r\nHost: x\r\n"
                                              b"Connection: close\r\n\r\n"))

    def test_methods(self):
        for method, path, allow in (("PUT", "/health", "GET, HEAD"),
                                    ("DELETE", "/models", "GET, HEAD, POST"),
                                    ("GET", "/models/iris/holdout", "PUT"),
                                    ("OPTIONS", "/invites", "POST, GET, HEAD"),
                                    ("BREW", "/ready", "GET, HEAD")):
            reply = self.server.call(method, path)
            self.problem(reply, "method-not-allowed")
            self.assertEqual(reply.headers["Allow"], allow)

    def test_head(self):
        got, head = self.server.get("/ready"), self.server.call("HEAD", "/ready")
        self.assertEqual((head.status, head.body), (200, b""))
        self.assertEqual(head.headers["Content-Length"], str(len(got.body)))
        self.assertEqual(self.server.call("HEAD", "/nothing").status, 404)

    def test_query(self):
        for query, field in (("limit=0", "limit"), ("limit=201", "limit"),
                             ("limit=x", "limit"), ("limit=", "limit"), ("limit", "limit"),
                             ("limit=5%00", "limit"), ("limit=-1", "limit"),
                             ("cursor=Not!", "cursor")):
            self.problem(self.server.get("/models?" + query), "bad-value", field)
        for wait in ("x", "-1", "61", "1e1", "nan", ""):
            self.problem(self.server.get("/models/iris/round?wait=" + wait), "bad-value",
                         "wait")
        self.assertEqual(self.server.get("/models?limit=200").status, 200)


class Connections(Base):
    flags = {"timeout": 2}
    ok = b"GET /api/v1/health HTTP/1.1\r\nHost: x\r\n\r\n"

    def replies(self, data):
        return [part.split(b"\r\n")[0].split(b" ")[1]
                for part in data.split(b"HTTP/1.1 ")[1:]
                for part in [b"HTTP/1.1 " + part]]

    def test_keep_alive(self):
        c = self.server.connect()
        c.connect()
        first = c.sock
        for method, path, body, status in (
                ("GET", "/health", None, 200), ("GET", "/nothing", None, 404),
                ("POST", "/models", {"x": 1}, 401), ("POST", "/nothing", {"x": 1}, 404),
                ("PUT", "/health", {"x": 1}, 405), ("POST", "/participants", {}, 400),
                ("POST", "/participants", {"n": "x" * 70000}, 413),
                ("HEAD", "/health", None, 200), ("GET", "/health", None, 200)):
            reply = self.server.call(method, path, body, over=c)
            self.assertEqual(reply.status, status, (method, path, reply))
            self.assertIs(c.sock, first, f"{method} {path} closed the connection")
        c.close()

    def test_pipelining(self):
        body = b'{"event":1}'
        post = (b"POST /api/v1/participants HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
                % len(body)) + body
        lost = b"POST /api/v1/nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nHELLO"
        got = self.server.raw(self.ok + post + lost + self.ok, timeout=5)
        self.assertEqual(self.replies(got), [b"200", b"400", b"404", b"200"])

    def test_http_1_0(self):
        got = self.server.raw(b"GET /api/v1/health HTTP/1.0\r\n\r\n")
        self.assertIn(b" 200 ", got)
        self.assertTrue(got.endswith(b'{"status":"ok"}'))

    def test_junk(self):
        before = self.server.state()
        for junk in (b"\x00\x01\x02\r\n\r\n", b"GARBAGE\r\n\r\n", b"GET\r\n\r\n",
                     b"GET /api/v1/health HTTP/9.9\r\n\r\n",
                     b"GET /api/v1/health HTTP/1.1\r\nno colon here\r\n\r\n",
                     b"GET /api/v1/health HTTP/1.1\r\n folded: x\r\n\r\n",
                     b"GET /api/v1/health HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 300000 +
                     b"\r\n\r\n",
                     b"GET /" + b"a" * 300000 + b" HTTP/1.1\r\n\r\n",
                     b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"):
            with self.server.socket(timeout=6) as s:
                try:
                    s.sendall(junk)
                except (BrokenPipeError, ConnectionResetError):
                    continue
                self.assertNotIn(b'"ok"', drain(s) if b"folded" not in junk and
                                 b"no colon" not in junk else b"")
        self.assertEqual(self.server.get("/health").status, 200)
        self.assertEqual(self.server.state(), before)

    def test_missing_length(self):
        before = self.server.state()
        got = self.server.raw(b"POST /api/v1/participants HTTP/1.1\r\nHost: x\r\n\r\n" +
                              self.ok, timeout=5)
        self.assertEqual(self.replies(got), [b"411", b"200"])
        self.assertIn(b"length-required", got)
        self.assertEqual(self.server.state(), before)

    def test_chunked(self):
        got = self.server.raw(b"POST /api/v1/participants HTTP/1.1\r\nHost: x\r\n"
                              b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" +
                              self.ok, timeout=5)
        self.assertEqual(self.replies(got), [b"411"], "what follows must not be read")
        got = self.server.raw(b"POST /api/v1/participants HTTP/1.1\r\nHost: x\r\n"
                              b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"
                              b"2\r\n{}\r\n0\r\n\r\n" + self.ok, timeout=5)
        self.assertEqual(self.replies(got), [b"411"])

    def test_lengths(self):
        start = b"POST /api/v1/participants HTTP/1.1\r\nHost: x\r\n"
        for header in (b"Content-Length: 2\r\nContent-Length: 3\r\n", b"Content-Length: -2\r\n",
                       b"Content-Length: 2x\r\n", b"Content-Length: 0x2\r\n",
                       b"Content-Length: 99999999999999999999999\r\n"):
            got = self.server.raw(start + header + b"\r\n{}" + self.ok, timeout=5)
            self.assertTrue(self.replies(got), header)
            self.assertLessEqual(set(self.replies(got)), {b"400", b"413"}, header)

    def test_too_large(self):
        """Told before the body: nothing of it is sent here."""
        for path, length in (("participants", 65537), ("rounds/" + ZERO + "/joins", 65537),
                             ("models", 8388609),
                             ("rounds/" + ZERO + "/updates/" + ZERO + "/chunks/0",
                              CHUNK + 1), ("models/iris/holdout", 16777217),
                             ("health", 1)):
            method = "PUT" if "chunks" in path or "holdout" in path else \
                "GET" if path == "health" else "POST"
            with self.server.socket() as s:
                s.sendall(f"{method} /api/v1/{path} HTTP/1.1\r\nHost: x\r\n"
                          f"Expect: 100-continue\r\nContent-Length: {length}\r\n\r\n".encode())
                got = drain(s)
            self.assertTrue(got.startswith(b"HTTP/1.1 413"), (path, got))
            self.assertIn(b"body-too-large", got)
        reply = self.server.post("/participants", b"x" * DRAINED)
        self.assertEqual(reply.slug, "body-too-large")

    def test_expect(self):
        with self.server.socket() as s:
            s.sendall(b"POST /api/v1/participants HTTP/1.1\r\nHost: x\r\n"
                      b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
            self.assertTrue(s.recv(1000).startswith(b"HTTP/1.1 100"))
            s.sendall(b"{}")
            self.assertIn(b"missing-field", s.recv(4000))

    def test_slow(self):
        """Silence closes after the timeout, a trickle after its own deadline."""
        start = (b"POST /api/v1/participants HTTP/1.1\r\nHost: x\r\n"
                 b"Content-Length: 1000\r\n\r\n")
        for pause in (None, 0.3):
            began = time.monotonic()
            with self.server.socket(timeout=15) as s:
                s.sendall(start)
                s.settimeout(pause or 15)
                while time.monotonic() - began < 15:
                    try:
                        if pause:
                            s.sendall(b"x")
                        if s.recv(100) == b"":
                            break
                    except TimeoutError:
                        continue
                    except (BrokenPipeError, ConnectionResetError):
                        break
            self.assertLess(time.monotonic() - began, 10, f"pause {pause}")

    def test_half_body(self):
        before = self.server.state()
        with self.server.socket() as s:
            s.sendall(b"POST /api/v1/participants HTTP/1.1\r\nHost: x\r\n"
                      b"Content-Length: 1000\r\n\r\n{\"event\":")
        time.sleep(0.1)
        self.assertEqual(self.server.get("/health").status, 200)
        self.assertEqual(self.server.state(), before)


class Bodies(Base):
    def bad(self, body, slug, field, **more):
        return self.refused(slug, field, "POST", "/models", body, admin=True, **more)

    def test_media_type(self):
        for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonx"):
            self.bad(b"{}", "unsupported-media-type", None, headers={"Content-Type": kind})
        self.bad(b"{}", "missing-field", "model",
                 headers={"Content-Type": "Application/JSON; charset=utf-8"})
        self.refused("unsupported-media-type", None, "PUT",
                     f"/rounds/{ZERO}/updates/{ZERO}/chunks/0", b"x",
                     headers={"Content-Type": "application/json"})
        self.refused("unsupported-media-type", None, "PUT", "/models/iris/holdout", b"x",
                     admin=True, headers={"Content-Type": "application/json"})

    def test_json(self):
        for body in (b"{", b"[]", b"null", b"1", b'{"a":1,"a":2}', b'{"a":"\xff"}',
                     b'{"a":1}x', b"[" * 100, b'{"a":' * 40 + b"1" + b"}" * 40,
                     b'{"a":"\\u0000"}', b"\xef\xbb\xbf{}", b'{"a":NaN}', b"\x00"):
            self.bad(body, "malformed-json", None)

    def test_fields(self):
        spec = iris()
        self.bad({"spec": spec}, "missing-field", "model")
        self.bad({"model": "x"}, "missing-field", "spec")
        self.bad({"model": "x", "spec": spec, "more": 1}, "unknown-field", "more")
        self.bad({"model": 5, "spec": spec}, "wrong-type", "model")
        self.bad({"model": "x", "spec": "y"}, "wrong-type", "spec")
        self.bad({"model": "X y", "spec": spec}, "bad-value", "model")
        self.bad({"model": "x" * 64, "spec": spec}, "bad-value", "model")
        self.bad({"model": "-x", "spec": spec}, "bad-value", "model")

    def test_specs(self):
        def spec(**changes):
            return {"model": "x", "spec": {**iris(), **changes}}
        self.bad(spec(kind="forest"), "bad-value", "spec.kind")
        self.bad(spec(extra=1), "unknown-field", "spec.extra")
        self.bad(spec(ring_bits=16), "arithmetic-overflow", "spec.ring_bits")
        features = iris()["features"]
        self.bad(spec(features=features[:1] + [{**features[1], "minimum": 2}]), "wrong-type",
                 "spec.features[1].minimum")
        self.bad(spec(cohort={**iris()["cohort"], "minimum": 2}), "bad-value",
                 "spec.cohort.minimum")


class Access(Base):
    def test_tokens(self):
        body = {"model": "iris", "spec": iris()}
        for header in ({}, {"Authorization": "Bearer"}, {"Authorization": "Bearer "},
                       {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic eA=="},
                       {"Authorization": "Bearer " + "x" * 5000},
                       {"Authorization": "Bearer " + self.server.token + "x"},
                       {"Authorization": "Bearer " + self.server.token[:-1]}):
            reply = self.refused("unauthenticated", None, "POST", "/models", body,
                                 headers=header)
            self.assertEqual(reply.headers["WWW-Authenticate"], "Bearer")
            self.assertEqual(self.server.get("/invites", headers=header).status, 401)

    def test_before_the_body(self):
        """Who may not call is told before a large body is taken."""
        with self.server.socket() as s:
            s.sendall(b"PUT /api/v1/models/iris/holdout HTTP/1.1\r\nHost: x\r\n"
                      b"Expect: 100-continue\r\nContent-Length: 16000000\r\n\r\n")
            self.assertTrue(s.recv(4000).startswith(b"HTTP/1.1 401"))

    def test_revoked(self):
        token = self.server.run("admin", "create", "guest").strip()
        header = {"Authorization": "Bearer " + token}
        self.assertEqual(self.server.get("/invites", headers=header).status, 200)
        self.server.run("admin", "revoke", "guest")
        self.assertEqual(self.server.get("/invites", headers=header).status, 401)
        stored = psql(self.server.db, "SELECT count(*) FROM admin_tokens WHERE hash = "
                      f"'{token}'::bytea")
        self.assertEqual(stored, "0")

    def test_participants(self):
        key = serving.Key()
        path = f"/rounds/{ZERO}/boxes"
        good = key.sign(b"chorus/v1/fetch\n" + bytes(32))
        other = key.sign(b"chorus/v1/fetch\n" + bytes(31) + b"\1")
        for value in ("", "Chorus", "Chorus ", "Chorus x.y", f"Chorus {key.id}",
                      f"Chorus {key.id}.", f"Chorus {key.id}.{good[:-2]}",
                      f"Chorus {key.id[:-2]}.{good}", "Bearer " + self.server.token,
                      f"Chorus {key.id.upper()}.{good}"):
            reply = self.server.get(path, headers={"Authorization": value})
            self.problem(reply, "unauthenticated")
            self.assertEqual(reply.headers["WWW-Authenticate"], "Chorus")
        for signer, sig in ((key.id, other), (serving.Key().id, good), (ZERO, good)):
            self.problem(self.server.get(path, headers={
                "Authorization": f"Chorus {signer}.{sig}"}), "bad-signature")
        reply = self.server.get(path, headers={"Authorization": f"Chorus {key.id}.{good}"})
        self.problem(reply, "not-found")


class Weights(Base):
    D = 600000

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.model("wide", vector(cls.D))
        # bytes that differ everywhere, so that a wrong offset shows
        cls.data = b"".join(struct.pack("<I", i * 2654435761 % 2**32) for i in range(cls.D))
        cls.server.get("/models/wide/weights")
        blob = psql(cls.server.db, "SELECT initial FROM model_versions")
        for part in range(-(-len(cls.data) // CHUNK)):
            piece = cls.data[part * CHUNK:(part + 1) * CHUNK].hex()
            subprocess.run(["psql", "-Xq", cls.server.db], check=True, text=True, timeout=60,
                           input=f"UPDATE blob_chunks SET data = '\\x{piece}' "
                                 f"WHERE blob = {blob} AND part = {part};")
        digest = hashlib.sha256(cls.data).hexdigest()
        psql(cls.server.db, f"UPDATE blobs SET sha256 = '\\x{digest}' WHERE id = {blob}")
        cls.server.stop()  # and forget the chunks in memory
        cls.server.start()
        cls.etag = f'"{digest}"'

    def range(self, value, **headers):
        return self.server.get("/models/wide/weights", headers={"Range": value, **headers})

    def test_whole(self):
        reply = self.server.get("/models/wide/weights?round=0")
        self.assertEqual(reply.body, self.data)
        self.assertEqual(reply.headers["ETag"], self.etag)
        self.assertEqual(reply.headers["X-Chorus-Sha256"], self.etag.strip('"'))
        self.assertEqual(reply.headers["Accept-Ranges"], "bytes")
        self.assertEqual(reply.headers["Content-Type"], "application/octet-stream")
        head = self.server.call("HEAD", "/models/wide/weights")
        self.assertEqual(head.headers["Content-Length"], str(len(self.data)))
        self.assertEqual(head.body, b"")
        self.problem(self.server.get("/models/wide/weights?round=1"), "not-found", "round")
        self.problem(self.server.get("/models/wide/weights?round=x"), "bad-value", "round")

    def test_ranges(self):
        size = len(self.data)
        for value, first, last in (("bytes=0-0", 0, 0), ("bytes=0-9", 0, 9),
                                   (f"bytes={CHUNK - 5}-{CHUNK + 4}", CHUNK - 5, CHUNK + 4),
                                   (f"bytes={CHUNK}-", CHUNK, size - 1),
                                   ("bytes=-7", size - 7, size - 1),
                                   (f"bytes=-{size + 9}", 0, size - 1),
                                   (f"bytes={size - 1}-{size + 100}", size - 1, size - 1)):
            reply = self.range(value)
            self.assertEqual(reply.status, 206, value)
            self.assertEqual(reply.headers["Content-Range"], f"bytes {first}-{last}/{size}")
            self.assertEqual(reply.body, self.data[first:last + 1], value)
        for value in (f"bytes={size}-", "bytes=-0", f"bytes={2**64 - 10}-"):
            reply = self.range(value)
            self.problem(reply, "range-not-satisfiable")
            self.assertEqual(reply.headers["Content-Range"], f"bytes */{size}")
        for value in ("bytes=5-2", "bytes=x-", "items=0-1", "bytes=0-1,4-5", "bytes=-",
                      "bytes=1-2x", "bytes=99999999999999999999999-"):
            self.assertEqual(self.range(value).status, 200, value)
        self.assertEqual(self.range("bytes=0-1", **{"If-Range": self.etag}).status, 206)
        self.assertEqual(self.range("bytes=0-1", **{"If-Range": '"x"'}).status, 200)

    def test_tags(self):
        for value, status in ((self.etag, 304), ("W/" + self.etag, 304), ("*", 304),
                              (f'"a", {self.etag}', 304), ('"a"', 200), ("junk", 200),
                              (self.etag.strip('"'), 200)):
            reply = self.server.get("/models/wide/weights", headers={"If-None-Match": value})
            self.assertEqual(reply.status, status, value)
            self.assertEqual(reply.body, b"" if status == 304 else self.data)
            self.assertEqual(reply.headers["ETag"], self.etag)

    def test_many(self):
        with concurrent.futures.ThreadPoolExecutor(40) as pool:
            for reply in pool.map(lambda _: self.server.get("/models/wide/weights"),
                                  range(120)):
                self.assertEqual(reply.body, self.data)

    def test_reader_leaves(self):
        for _ in range(20):
            with self.server.socket() as s:
                s.sendall(b"GET /api/v1/models/wide/weights HTTP/1.1\r\nHost: x\r\n\r\n")
                s.recv(1000)
        self.assertEqual(self.server.get("/models/wide/weights").body, self.data)

    def test_lost_chunk(self):
        """A stored chunk that is gone breaks the connection; nothing false is sent."""
        self.server.model("torn", vector(self.D))
        self.server.get("/models/torn/weights", headers={"Range": "bytes=0-0"})
        psql(self.server.db, "DELETE FROM blob_chunks WHERE part = 1 AND blob = (SELECT "
             "initial FROM model_versions WHERE model = 'torn')")
        with self.assertRaises(Exception):
            self.server.get("/models/torn/weights")
        self.assertEqual(self.server.get("/health").status, 200)


class Waits(Base):
    """Waiting for a model's first round."""
    flags = {"request_workers": 2}

    def setUp(self):
        self.slug = "wait-" + serving.secrets.token_hex(4)
        self.server.model(self.slug)

    def path(self, seconds):
        return f"/models/{self.slug}/round?wait={seconds}&after=none"

    def waiting(self, count, seconds=20):
        pool = concurrent.futures.ThreadPoolExecutor(count)
        began = time.monotonic()
        return [pool.submit(lambda: (self.server.get(self.path(seconds), timeout=40),
                                     time.monotonic() - began)) for _ in range(count)]

    def open(self):
        reply = self.server.post(f"/models/{self.slug}/rounds", {}, admin=True)
        self.assertEqual(reply.status, 201, reply)
        return reply.json["ctx"]

    def test_woken(self):
        waits = self.waiting(50)
        time.sleep(0.5)
        self.assertFalse(any(w.done() for w in waits))
        ctx = self.open()
        for w in waits:
            reply, took = w.result(10)
            self.assertEqual((reply.status, reply.json["ctx"]), (200, ctx))
            self.assertLess(took, 3)

    def test_runs_out(self):
        for w in self.waiting(5, 1):
            reply, took = w.result(10)
            self.problem(reply, "not-found")
            self.assertGreater(took, 0.95)
            self.assertLess(took, 2)

    def test_no_wait(self):
        for path in (self.path(0), f"/models/{self.slug}/round"):
            began = time.monotonic()
            self.problem(self.server.get(path), "not-found")
            self.assertLess(time.monotonic() - began, 0.9)

    def test_lost_wakeup(self):
        """The round opens at the very moment at which somebody begins to wait."""
        for i in range(25):
            self.setUp()
            waits = self.waiting(4)
            time.sleep(0.001 * (i % 6))
            self.open()
            for w in waits:
                reply, took = w.result(10)
                self.assertEqual(reply.status, 200)
                self.assertLess(took, 4)

    def test_other_topics(self):
        waits = self.waiting(3, 1.5)
        for _ in range(20):
            psql(self.server.db, "NOTIFY chorus, 'model:somebody-else'")
        for w in waits:
            self.assertGreater(w.result(10)[1], 1.4)

    def test_listener_lost(self):
        """Without the connection for notifications waiting still ends, a little later."""
        waits = self.waiting(5)
        time.sleep(0.3)
        self.assertTrue(wait_until(lambda: psql(
            self.server.db, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND query = 'LISTEN chorus'") == "1"))
        self.open()
        for w in waits:
            reply, took = w.result(10)
            self.assertEqual(reply.status, 200)
            self.assertLess(took, 5)

    def test_listener_cannot_return(self):
        name = self.server.name
        waits = self.waiting(5)
        time.sleep(0.3)
        try:
            psql(serving.DATABASE, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            psql(serving.DATABASE, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                 f"WHERE datname = '{name}' AND query = 'LISTEN chorus'")
            self.open()
            for w in waits:
                self.assertEqual(w.result(10)[0].status, 200)
        finally:
            psql(serving.DATABASE, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")

    def test_client_leaves(self):
        for _ in range(30):
            with self.server.socket() as s:
                s.sendall(f"GET /api/v1{self.path(30)} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        time.sleep(0.2)
        self.open()
        self.assertEqual(self.server.get("/health").status, 200)


class Limits(Base):
    flags = {"request_workers": 1, "queue": 3}

    def test_busy(self):
        """With its only worker held up, the server answers 503 at once."""
        psycopg = subprocess.Popen(
            ["psql", "-Xq", self.server.db], stdin=subprocess.PIPE, text=True)
        psycopg.stdin.write("BEGIN; LOCK TABLE instance IN ACCESS EXCLUSIVE MODE;\n")
        psycopg.stdin.flush()
        self.assertTrue(wait_until(lambda: psql(
            self.server.db, "SELECT count(*) FROM pg_locks WHERE mode = "
            "'AccessExclusiveLock' AND relation = 'instance'::regclass") == "1"))
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            calls = [pool.submit(self.server.get, "/instance")]
            self.assertTrue(wait_until(lambda: psql(  # the worker has it: the queue is empty
                self.server.db, "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = "
                "'instance'::regclass") == "1"))
            calls += [pool.submit(self.server.get, "/instance") for _ in range(11)]
            self.assertTrue(wait_until(lambda: sum(c.done() for c in calls) >= 8))
            for c in calls:
                if c.done():
                    self.problem(c.result(), "busy")
                    self.assertEqual(c.result().headers["Retry-After"], "1")
            psycopg.stdin.write("COMMIT;\n")
            psycopg.stdin.close()
            self.assertEqual(psycopg.wait(20), 0)
            done = sorted(c.result(20).status for c in calls)
        self.assertEqual(done, [200] * 4 + [503] * 8)

    def test_database_reconnects(self):
        psql(serving.DATABASE, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
             f"datname = '{self.server.name}'")
        self.assertTrue(wait_until(lambda: self.server.get("/ready").status == 200))


class Crowd(Base):
    flags = {"connections": 2000, "connections_per_address": 0}

    def test_memory(self):
        """1,000 clients wait and 200 upload: memory stays flat, everybody is answered."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
        self.server.model("crowd")
        get = (b"GET /api/v1/models/crowd/round?wait=%d&after=none HTTP/1.1\r\n"
               b"Host: x\r\n\r\n")
        waiting = [self.server.socket(40) for _ in range(1000)]
        for s in waiting:
            s.sendall(get % 1)
        for s in waiting:  # once around, so that kept connections are counted too
            self.assertIn(b"404", s.recv(4096)[:20])
            s.sendall(get % 20)
        put = (f"PUT /api/v1/rounds/{ZERO}/updates/{ZERO}/chunks/0 HTTP/1.1\r\nHost: x\r\n"
               f"Content-Length: {CHUNK}\r\n\r\n").encode() + bytes(CHUNK)
        def upload(_):
            with self.server.socket(60) as s:
                s.sendall(put)
                return s.recv(4096)
        # half of them stop in the middle of their body and hold what they were given
        held = [self.server.socket(60) for _ in range(100)]
        for s in held:
            s.sendall(put[:200000])
        with concurrent.futures.ThreadPoolExecutor(100) as pool:
            others = [pool.submit(upload, i) for i in range(100)]
            began = time.monotonic()
            self.assertEqual(self.server.get("/health").status, 200)
            self.assertEqual(self.server.post("/participants", {}).status, 400)
            self.assertLess(time.monotonic() - began, 5, "small requests are held up")
            for s in held:
                s.sendall(put[200000:])
            for s in held:
                self.assertIn(b"HTTP/1.1 404", s.recv(4096))
                s.close()
            for o in others:
                self.assertIn(b"HTTP/1.1 404", o.result(60))
        with open(f"/proc/{self.server.process.pid}/status") as f:
            peak = int(next(line for line in f if line.startswith("VmHWM")).split()[1])
        print(f"peak memory with 1,200 clients: {peak // 1024} MB", flush=True)
        if "asan" not in serving.BUILD and "tsan" not in serving.BUILD:
            self.assertLess(peak, 300 * 1024)
        self.assertEqual(
            self.server.post("/models/crowd/rounds", {}, admin=True).status, 201)
        for s in waiting:
            self.assertIn(b"HTTP/1.1 200", s.recv(4096))
            s.close()


class PerAddress(Base):
    flags = {"connections_per_address": 5}

    def test_limit(self):
        """The sixth connection of an address is closed unanswered."""
        held = [self.server.socket() for _ in range(5)]
        for s in held:
            s.sendall(b"GET /api/v1/health HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertIn(b"200", s.recv(4096))
        self.assertEqual(self.server.raw(
            b"GET /api/v1/health HTTP/1.1\r\nHost: x\r\n\r\n"), b"")
        for s in held:
            s.close()
        self.assertTrue(wait_until(lambda: self.server.raw(
            b"GET /api/v1/health HTTP/1.0\r\n\r\n") != b""))


class Stopping(unittest.TestCase):
    def test_term(self):
        """Those who wait get 503, a request under way is finished, and it exits 0."""
        for number in (signal.SIGTERM, signal.SIGINT):
            with Server() as s:
                s.model("iris")
                waits = [s.socket() for _ in range(20)]
                for w in waits:
                    w.sendall(b"GET /api/v1/models/iris/round?wait=60&after=none HTTP/1.1\r\n"
                              b"Host: x\r\n\r\n")
                time.sleep(0.3)
                os.kill(s.process.pid, signal.SIGHUP)
                time.sleep(0.1)
                self.assertIsNone(s.process.poll())
                began = time.monotonic()
                self.assertEqual(s.stop(number), 0)
                self.assertLess(time.monotonic() - began, 8)
                for w in waits:
                    got = drain(w)
                    self.assertTrue(got.startswith(b"HTTP/1.1 503"), got)
                    self.assertIn(b"Retry-After: 1", got)
                    w.close()

    def test_while_others_come(self):
        """Also at once after it began to listen."""
        over = threading.Event()

        def come(s):
            while not over.is_set():
                try:
                    with s.socket(2) as one:
                        one.sendall(b"GET /api/v1/health HTTP/1.1\r\nHost: x\r\n\r\n")
                        one.recv(4096)
                except OSError:
                    time.sleep(0.001)
        with Server(http_threads=8) as s, concurrent.futures.ThreadPoolExecutor(4) as pool:
            for _ in range(4):
                pool.submit(come, s)
            try:
                for pause in (0, 0.02) * 8:
                    time.sleep(pause)
                    self.assertEqual(s.stop(), 0)
                    s.start()
            finally:
                over.set()

    @staticmethod
    def hold(s):
        """Somebody who keeps /instance waiting until told to commit."""
        lock = subprocess.Popen(["psql", "-Xq", s.db], stdin=subprocess.PIPE, text=True)
        lock.stdin.write("BEGIN; LOCK TABLE instance IN ACCESS EXCLUSIVE MODE;\n")
        lock.stdin.flush()
        wait_until(lambda: psql(s.db, "SELECT count(*) FROM pg_locks WHERE granted AND mode = "
                                "'AccessExclusiveLock' AND relation = "
                                "'instance'::regclass") == "1")
        return lock

    @staticmethod
    def held(s):
        """Once a request waits for it."""
        wait_until(lambda: psql(s.db, "SELECT count(*) FROM pg_locks WHERE NOT granted AND "
                                "relation = 'instance'::regclass") == "1")

    def test_under_way(self):
        with Server() as s:
            lock = self.hold(s)
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                call = pool.submit(s.get, "/instance")
                self.held(s)
                s.process.send_signal(signal.SIGTERM)
                time.sleep(0.3)
                lock.stdin.write("COMMIT;\n")
                lock.stdin.close()
                self.assertEqual(call.result(10).status, 200)
                lock.wait(10)
            self.assertEqual(s.process.wait(10), 0)

    def test_second_signal(self):
        with Server() as s:
            lock = self.hold(s)
            with s.socket() as held:
                held.sendall(b"GET /api/v1/instance HTTP/1.1\r\nHost: x\r\n\r\n")
                self.held(s)
                s.process.send_signal(signal.SIGTERM)
                wait_until(lambda: '"event":"stop"' in open(s.log.name).read())
                time.sleep(0.1)
                began = time.monotonic()
                self.assertEqual(s.stop(), -signal.SIGTERM)
                self.assertLess(time.monotonic() - began, 1)
            lock.stdin.close()
            lock.wait(10)
