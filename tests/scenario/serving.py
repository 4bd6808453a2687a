# SPDX-License-Identifier: Apache-2.0
"""A chorusd with a database of its own, and the little that its tests need to talk to it."""
import ctypes
import ctypes.util
import hashlib
import hmac
import http.client
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse

BUILD = os.environ.get("CHORUS_BUILDDIR", "build")
SOURCE = os.environ.get("CHORUS_SRCDIR", ".")
DATABASE = os.environ.get("CHORUS_TEST_DB")
EMPTY_TREE = hashlib.sha256(b"").hexdigest()

_sodium = ctypes.CDLL(ctypes.util.find_library("sodium") or "libsodium.so.23")
_sodium.sodium_init()


def psql(conninfo, sql, check=True):
    """Rows as text, one a line."""
    done = subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", conninfo, "-c", sql],
                          capture_output=True, text=True, timeout=60)
    if check and done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout.strip()


def with_database(conninfo, name):
    """The same server, another database; both of libpq's ways to write it."""
    if "://" in conninfo:
        return urllib.parse.urlsplit(conninfo)._replace(path="/" + name).geturl()
    return f"{conninfo} dbname={name}"


class Key:
    """An Ed25519 key pair."""

    def __init__(self):
        public = ctypes.create_string_buffer(32)
        self._secret = ctypes.create_string_buffer(64)
        _sodium.crypto_sign_keypair(public, self._secret)
        self.public = public.raw
        self.id = public.raw.hex()

    def sign(self, message):
        sig = ctypes.create_string_buffer(64)
        _sodium.crypto_sign_detached(sig, None, message, ctypes.c_ulonglong(len(message)),
                                     self._secret)
        return sig.raw.hex()


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def signed_bytes(event):
    bare = {k: v for k, v in event.items() if k != "sig"}
    return f"chorus/v1/{event['type']}\n".encode() + canonical(bare)


def event_hash(event):
    return hashlib.sha256(signed_bytes(event)).hexdigest()


def sign(event, key):
    return {**event, "sig": key.sign(signed_bytes(event))}


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def slug(self):
        return self.json["type"].rpartition(":")[2]

    def __repr__(self):
        return f"{self.status} {dict(self.headers)} {self.body[:300]!r}"


class Server:
    """`with Server() as s:`; flags are chorusd's keys."""

    def __init__(self, init=(), **flags):
        self.flags, self.init = flags, init
        self.process = None

    def __enter__(self):
        if not DATABASE:
            raise RuntimeError("CHORUS_TEST_DB is not set: it names a PostgreSQL server "
                               "where databases may be made")
        self.folder = tempfile.mkdtemp(prefix="chorus-http-")
        self.name = "chorus_http_" + secrets.token_hex(6)
        psql(DATABASE, f"CREATE DATABASE {self.name}")
        self.db = with_database(DATABASE, self.name)
        self.key = os.path.join(self.folder, "key")
        self.run("init", "--origin", "chorus.test/log", "--key", self.key, *self.init)
        self.token = self.run("admin", "create", "root").strip()
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        psql(DATABASE, f"DROP DATABASE {self.name} WITH (FORCE)")
        shutil.rmtree(self.folder)

    def command(self, *words):
        return [os.path.join(BUILD, "chorusd"), *words, "--db", self.db]

    def run(self, *words):
        return subprocess.run(self.command(*words), check=True, capture_output=True,
                              text=True, timeout=60).stdout

    def fails(self, *words):
        """Exit status and message of a command that must not succeed."""
        done = subprocess.run([os.path.join(BUILD, "chorusd"), *words], text=True,
                              capture_output=True, timeout=60)
        return done.returncode, done.stderr

    def start(self):
        words = ["serve", "--key", self.key, "--port", "0"]
        for name, value in self.flags.items():
            words += ["--" + name.replace("_", "-"), str(value)]
        self.log = open(os.path.join(self.folder, "log"), "ab")
        self.process = subprocess.Popen(self.command(*words), stdout=subprocess.PIPE,
                                        stderr=self.log, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("listening on http://"):
            raise RuntimeError(open(self.log.name).read())
        self.port = int(line.rpartition(":")[2])

    def stop(self, number=signal.SIGTERM):
        """Exit status."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            status = self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self.process.stdout.close()
        self.log.close()
        self.process = None
        return status

    # ---- talking ----

    def connect(self, timeout=20):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def call(self, method, path, body=None, admin=False, headers=None, over=None,
             timeout=20):
        """path: below /api/v1, or /metrics; body: bytes, or anything else as JSON."""
        headers = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        if admin:
            headers["Authorization"] = "Bearer " + self.token
        connection = over or self.connect(timeout)
        try:
            connection.request(method, path if path == "/metrics" else "/api/v1" + path, body, headers)
            got = connection.getresponse()
            return Reply(got.status, got.headers, got.read())
        finally:
            if over is None:
                connection.close()

    def get(self, path, **more):
        return self.call("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.call("POST", path, body, **more)

    def call_top(self, path, **headers):
        """Of an address that is not below /api/v1."""
        connection = self.connect()
        try:
            connection.request("GET", path, headers=headers)
            got = connection.getresponse()
            return Reply(got.status, got.headers, got.read())
        finally:
            connection.close()

    def raw_metrics(self):
        reply = self.call_top("/metrics", Authorization="Bearer " + self.token)
        assert reply.status == 200, reply
        return reply.body.decode()

    def socket(self, timeout=20):
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout)

    def raw(self, data, timeout=20):
        """Everything that comes back until the server closes or is silent."""
        with self.socket(timeout) as s:
            s.sendall(data)
            return drain(s)

    def state(self):
        """Changes whenever a row of these tables does; taken when no job is at work, as
        an evaluation also writes there."""
        until = time.monotonic() + 20
        while psql(self.db, "SELECT count(*) FROM jobs WHERE state IN ('ready', 'claimed')") \
                != "0":
            if time.monotonic() > until:
                raise AssertionError("jobs go on and on")
            time.sleep(0.05)
        tables = ["events", "models", "model_versions", "schedules", "participants",
                  "invites", "admissions", "blobs", "blob_chunks", "rounds", "joins",
                  "updates", "accounts", "entries", "postings"]
        return psql(self.db, " UNION ALL ".join(
            f"SELECT '{t}', count(*), md5(string_agg(x::text, '|' ORDER BY x::text)) "
            f"FROM {t} x" for t in tables))

    # ---- the nouns ----

    def instance(self):
        return event_hash(self.get("/instance").json["instance"])

    def model(self, slug, spec=None):
        reply = self.post("/models", {"model": slug, "spec": spec or iris()}, admin=True)
        assert reply.status == 201, reply
        return reply.json

    def invite(self, model, admit=True, organisation=None, expires_in=600):
        reply = self.post("/invites", {"model": model, "organisation": organisation,
                                       "count": 1, "expires_in": expires_in,
                                       "admit": admit}, admin=True)
        assert reply.status == 201, reply
        link = reply.json["invites"][0]["link"]
        code, org, instance, slug = link.partition("#invite=")[2].split(".")
        return {"code": code, "organisation": org, "instance": instance, "model": slug}


def drain(s):
    got = b""
    try:
        while True:
            more = s.recv(65536)
            if not more:
                return got
            got += more
    except (TimeoutError, ConnectionResetError):
        return got


def iris():
    with open(os.path.join(SOURCE, "tests/data/iris.spec.json")) as f:
        return json.load(f)


def vector(d):
    spec = {k: v for k, v in iris().items() if k not in ("features", "target", "training")}
    return {**spec, "kind": "vector", "dimension": d}


def enrolment(given, key=None, name="Ada", **changes):
    """The body of POST /participants; changes go into the event before it is signed."""
    key = key or Key()
    salt = secrets.token_bytes(16)
    mac = hmac.new(bytes.fromhex(given["code"]), key.public, hashlib.sha256).hexdigest()
    event = {"type": "enroll", "instance": given["instance"],
             "seen": {"root": EMPTY_TREE, "size": 0}, "participant": key.id,
             "organisation": given["organisation"], "payout": None, "invite": mac,
             "name": hashlib.sha256(salt + name.encode()).hexdigest(), **changes}
    return {"event": sign(event, key), "name": name, "salt": salt.hex()}


def wait_until(condition, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


class Base(unittest.TestCase):
    flags = {}

    @classmethod
    def setUpClass(cls):
        cls.server = Server(**cls.flags)
        cls.server.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    def problem(self, reply, slug, field=None, detail=None):
        """The reply is this problem, well formed."""
        self.assertEqual(reply.headers["Content-Type"], "application/problem+json", reply)
        o = reply.json
        self.assertEqual(reply.slug, slug, reply)
        self.assertEqual(o["status"], reply.status, reply)
        self.assertEqual(o.get("field"), field, reply)
        self.assertTrue(o["title"] and o["help"], reply)
        if detail:
            self.assertIn(detail, o["detail"])

    def refused(self, slug, field, *call, **more):
        """A call that gives this problem and changes nothing."""
        before = self.server.state()
        reply = self.server.call(*call, **more)
        self.problem(reply, slug, field)
        self.assertEqual(self.server.state(), before, "something was changed")
        return reply


class Result(unittest.TextTestResult):
    passed = 0

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1


def main(arguments):
    """Runs the tests of files (test_http.py …), or only those named beside them: Class, Class.test."""
    files = [word for word in arguments if word.endswith(".py")]
    names = [word for word in arguments if not word.endswith(".py")]
    suite, loader = unittest.TestSuite(), unittest.defaultTestLoader
    for file in files:
        module = __import__(os.path.basename(file).removesuffix(".py"))
        suite.addTests(loader.loadTestsFromName(name, module)
                       for name in names if hasattr(module, name.split(".")[0]))
        if not names:
            suite.addTest(loader.loadTestsFromModule(module))
    result = unittest.TextTestRunner(stream=sys.stderr, verbosity=2,
                                     resultclass=Result).run(suite)
    failed = len(result.failures) + len(result.errors)
    print(f"{result.passed} passed, {failed} failed")
    return failed > 0 or result.passed == 0


if __name__ == "__main__":
    sys.modules["serving"] = sys.modules["__main__"]
    sys.exit(main(sys.argv[1:]))
