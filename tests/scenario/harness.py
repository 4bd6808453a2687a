# SPDX-License-Identifier: Apache-2.0
"""What every scenario stands on: databases, servers and clients as real processes.

Everything that is started here ends with the test program, and every wait has a limit.
"""

import atexit
import base64
import contextlib
import csv
import ctypes
import hashlib
import io
import json
import os
import random
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DATA = os.path.join(SOURCE, "tests", "data")
PHASES = ("join", "roster", "share", "upload", "survivors", "unmask", "final", "done", "failed")


class Settings:
    """Of this run: where the programs are, and where a PostgreSQL is."""

    build = os.environ.get("CHORUS_BUILDDIR", os.path.join(SOURCE, "build"))
    db = os.environ.get("CHORUS_TEST_DB", "")
    soak = False
    slow = 1.0  # a factor on every limit, for sanitizers


class Timeout(AssertionError):
    """Something did not happen in time."""


def program(name):
    path = os.path.join(Settings.build, name)
    if not os.access(path, os.X_OK):
        raise FileNotFoundError(f"{path} is not built")
    return path


def say(*lines):
    print(*lines, sep="\n", flush=True)


# ---------------------------------------------------------------- things that must end

class Cleanup:
    """A stack of things to undo at exit, newest first."""

    def __init__(self):
        self.stack, self.lock = [], threading.Lock()
        atexit.register(self.run)

    def add(self, undo):
        with self.lock:
            self.stack.append(undo)
        return undo

    def forget(self, undo):
        with self.lock, contextlib.suppress(ValueError):
            self.stack.remove(undo)

    def run(self):
        while self.stack:
            with contextlib.suppress(Exception):
                self.stack.pop()()


CLEANUP = Cleanup()


def end_on_signals():
    """SIGTERM and SIGHUP end the program as Ctrl-C does, so that the clean-up runs."""
    def leave(number, frame):
        raise SystemExit(128 + number)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)


_LIBC = ctypes.CDLL(None)


def die_with_parent():
    """In a child: the kernel ends it when its parent is gone (PR_SET_PDEATHSIG)."""
    _LIBC.prctl(1, signal.SIGKILL, 0, 0, 0)


def temp_folder(prefix="chorus-scenario."):
    path = tempfile.mkdtemp(prefix=prefix)
    CLEANUP.add(lambda: remove_folder(path))
    return path


def remove_folder(path):
    """CHORUS_KEEP in the environment keeps them, to look at."""
    if not os.environ.get("CHORUS_KEEP"):
        shutil.rmtree(path, ignore_errors=True)


def free_port():
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(check, limit, what):
    """Calls `check` until it gives something true; that is returned."""
    end, pause = time.monotonic() + limit * Settings.slow, 0.01
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() > end:
            raise Timeout(f"{what}: not within {limit * Settings.slow:g} s")
        time.sleep(pause)
        pause = min(0.1, pause * 1.5)


class Process:
    """A program with its output in a file; ended by its own number only."""

    def __init__(self, argv, log, **options):
        self.argv, self.log = argv, log
        with open(log, "ab") as out:
            self.popen = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True,  # Ctrl-C is for us; we end them in order
                preexec_fn=die_with_parent, **options)
        CLEANUP.add(self.kill)

    @property
    def pid(self):
        return self.popen.pid

    def running(self):
        return self.popen.poll() is None

    def output(self):
        with open(self.log, encoding="utf-8", errors="replace") as source:
            return source.read()

    def kill(self):
        """kill -9."""
        if self.running():
            self.popen.kill()
        self.popen.wait()
        CLEANUP.forget(self.kill)

    def stop(self, limit=20):
        """SIGTERM, and the exit code."""
        if self.running():
            self.popen.terminate()
        return self.wait(limit)

    def wait(self, limit):
        try:
            code = self.popen.wait(limit * Settings.slow)
        except subprocess.TimeoutExpired:
            raise Timeout(f"{os.path.basename(self.argv[0])} {' '.join(self.argv[1:4])} … does "
                          f"not end; its last words:\n{tail(self.output())}") from None
        CLEANUP.forget(self.kill)
        return code

    def peak_memory(self):
        """VmHWM in bytes."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1]) * 1024


def tail(text, lines=25):
    return "\n".join(text.splitlines()[-lines:])


# ---------------------------------------------------------------- PostgreSQL

def with_database(conninfo, name):
    """The conninfo, for another database of the same cluster."""
    if "://" in conninfo:
        parts = urllib.parse.urlsplit(conninfo)
        query = f"?{parts.query}" if parts.query else ""
        return f"{parts.scheme}://{parts.netloc}/{name}{query}"
    return f"{conninfo} dbname={name}"


def psql(conninfo, sql, limit=60):
    done = subprocess.run(
        ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", conninfo, "-c", sql],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=limit, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"psql: {done.stderr.strip()}")
    return done.stdout.strip()


class Database:
    """A database of its own, dropped at the end. template: one that nobody is connected to."""

    def __init__(self, cluster=None, template="template0"):
        self.cluster = cluster or Settings.db
        if not self.cluster:
            raise RuntimeError("say with --db where a PostgreSQL is")
        self.name = "scenario_" + secrets.token_hex(6)
        psql(self.cluster, f"CREATE DATABASE {self.name} TEMPLATE {template} ENCODING 'UTF8'")
        self.conninfo = with_database(self.cluster, self.name)
        CLEANUP.add(self.drop)

    def drop(self):
        CLEANUP.forget(self.drop)
        psql(self.cluster, f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")

    def query(self, sql):
        return psql(self.conninfo, sql)

    def fingerprint(self, without=()):
        """A hash of every row of every table: equal before and after means unchanged. Taken when
        all events are leaves, and without what only says that a server lives."""
        until(lambda: self.query("SELECT count(*) FROM log_pending") == "0", 20,
              "all events are leaves")
        tables = self.query("SELECT quote_ident(relname) FROM pg_class WHERE relkind = 'r' AND "
                            "relnamespace = 'public'::regnamespace ORDER BY 1").split()
        parts = [f"SELECT '{t}', count(*), coalesce(sum(hashtextextended(x::text, 0)), 0)::text "
                 f"FROM {t} x" for t in tables if t not in ("replicas", *without)]
        return self.query(" UNION ALL ".join(parts) + " ORDER BY 1")


class Cluster:
    """A private PostgreSQL that a test may stop and kill."""

    def __init__(self):
        self.bin = self.tools()
        self.folder = temp_folder("chorus-pg.")
        self.conninfo = f"host={self.folder} dbname=postgres user=postgres"
        self.owner = []
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
            self.owner = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
        self.data = os.path.join(self.folder, "data")
        self.run("initdb", "-D", self.data, "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8",
                 "--auth=trust", "--no-sync", "--no-instructions")
        self.start()
        CLEANUP.add(self.stop)

    @staticmethod
    def tools():
        for folder in [*os.environ.get("PATH", "").split(":"),
                       *sorted(glob_postgres(), reverse=True)]:
            if os.access(os.path.join(folder, "initdb"), os.X_OK):
                return folder
        raise unittest.SkipTest("no initdb here")

    def run(self, tool, *arguments):
        subprocess.run([*self.owner, os.path.join(self.bin, tool), *arguments], check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, cwd="/", timeout=90)

    def start(self):
        log = os.path.join(self.folder, "log")
        self.run("pg_ctl", "-D", self.data, "-l", log, "-w", "-s", "-o",
                 f"-k {self.folder} -c listen_addresses='' -c max_connections=100", "start")

    def stop(self, mode="fast"):
        with contextlib.suppress(subprocess.CalledProcessError):
            self.run("pg_ctl", "-D", self.data, "-m", mode, "-w", "-s", "stop")


def glob_postgres():
    root = "/usr/lib/postgresql"
    versions = os.listdir(root) if os.path.isdir(root) else []
    return [os.path.join(root, v, "bin") for v in versions]


# ---------------------------------------------------------------- HTTP

class Reply:
    """An answer, good or not."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def is_problem(self):
        return (self.headers.get("Content-Type") or "").startswith("application/problem+json")

    @property
    def slug(self):
        kind = self.json.get("type", "") if self.is_problem else ""
        return kind.removeprefix("urn:chorus:error:")

    def must(self, *statuses):
        wanted = statuses or (200, 201, 204)
        if self.status not in wanted:
            raise AssertionError(f"status {self.status} instead of {wanted}: {self.body[:600]}")
        return self

    def refused(self, slug, status=None):
        """Asserts a problem document with this slug."""
        if not self.is_problem or self.slug != slug or status not in (None, self.status):
            raise AssertionError(f"{slug} expected, got {self.status}: {self.body[:600]}")
        return self


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def http(method, url, body=None, headers=None, limit=90):
    request = urllib.request.Request(url, data=body, method=method, headers=headers or {})
    try:
        with _OPENER.open(request, timeout=limit) as answer:
            return Reply(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as answer:
        with answer:
            return Reply(answer.code, answer.headers, answer.read())


class Api:
    """One server's addresses, with or without the administrator's token."""

    def __init__(self, origin, token=None):
        self.origin, self.token = origin, token

    def call(self, method, path, value=None, *, raw=None, kind=None, auth=None, admin=False,
             headers=None, limit=90):
        headers, body = dict(headers or {}), raw
        if value is not None:
            body = json.dumps(value).encode()
        if body is not None:
            headers["Content-Type"] = kind or "application/json"
        if admin:
            auth = f"Bearer {self.token}"
        if auth:
            headers["Authorization"] = auth
        return http(method, f"{self.origin}/api/v1{path}", body, headers, limit)

    def get(self, path, **options):
        return self.call("GET", path, **options)

    def post(self, path, value=None, **options):
        return self.call("POST", path, value, **options)

    def put(self, path, value=None, **options):
        return self.call("PUT", path, value, **options)

    def admin(self, method, path, value=None, **options):
        return self.call(method, path, value, admin=True, **options)

    # ---- what most scenarios ask for

    def instance(self):
        return self.get("/instance").must().json["instance"]

    def state(self, ctx):
        return self.get(f"/rounds/{ctx}").must().json

    def newest(self, model):
        reply = self.get(f"/models/{model}/round")
        return reply.json if reply.status == 200 else None

    def event(self, ctx, kind):
        reply = self.get(f"/rounds/{ctx}/events/{kind}")
        return json.loads(reply.body) if reply.status == 200 else None

    def make_model(self, slug, spec):
        return self.admin("POST", "/models", {"model": slug, "spec": spec}).must(201).json

    def invite(self, model, count, **options):
        body = {"model": model, "organisation": None, "count": count, "expires_in": 3600,
                "admit": True, **options}
        made = self.admin("POST", "/invites", body).must(201).json["invites"]
        return [invite["link"] for invite in made]

    def open_round(self, model):
        return self.admin("POST", f"/models/{model}/rounds", {}).must(201).json["ctx"]

    def wait_phase(self, ctx, *phases, limit=20):
        """The round's state once it is in one of the phases (or beyond the last)."""
        last = max(PHASES.index(p) for p in phases)

        def reached():
            try:
                state = self.state(ctx)
            except OSError:
                return None
            if state["phase"] in phases:
                return state
            if state["phase"] in ("done", "failed") or PHASES.index(state["phase"]) > last:
                raise AssertionError(f"waiting for {phases}, the round is already {state}")
            return None
        try:
            return until(reached, limit, f"phase {' or '.join(phases)}")
        except Timeout as late:
            raise Timeout(f"{late}; the round: {self.state(ctx)}") from None

    def results(self, model):
        return self.get(f"/models/{model}/results?limit=200").must().json["results"]

    def wait_results(self, model, count, limit):
        def there():
            try:
                found = self.results(model)
            except OSError:
                return None
            return found if len(found) >= count else None
        try:
            return until(there, limit, f"{count} results of {model}")
        except Timeout as late:
            raise Timeout(f"{late}; its newest round: {self.newest(model)}") from None

    def weights(self, model, number=None):
        query = "" if number is None else f"?round={number}"
        reply = self.get(f"/models/{model}/weights{query}").must()
        if hashlib.sha256(reply.body).hexdigest() != reply.headers["X-Chorus-Sha256"]:
            raise AssertionError("the weights do not hash to what the header says")
        return reply.body


# ---------------------------------------------------------------- chorusd

class Server(Api):
    """chorusd over a database of its own, at one address through all restarts. like: another
    server, of whose instance the database is a copy."""

    def __init__(self, folder=None, database=None, simulated=False, start=True, origin=None,
                 flags=(), like=None):
        self.folder, self.flags = folder or temp_folder(), flags
        self.database = database or Database()
        self.port = free_port()
        super().__init__(origin or f"http://127.0.0.1:{self.port}")
        self.key = os.path.join(self.folder, "coordinator.key")
        self.process, self.starts, self.replicas = None, 0, []
        if like:  # whoever runs a copy on purpose lets it forget what was signed
            self.key, self.token = like.key, like.token
            self.flags = [*flags, "--head-file", os.path.join(self.folder, "copy.head")]
        else:
            self.admin_run("init", "--db", self.database.conninfo, "--key", self.key, "--origin",
                           self.origin, *(["--simulated-chain"] if simulated else []))
            self.token = self.make_token("scenario")
        if start:
            self.start()

    def admin_run(self, *arguments):
        done = subprocess.run([program("chorusd"), *arguments], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=60, check=False)
        if done.returncode != 0:
            raise AssertionError(f"chorusd {arguments[0]}: {done.returncode}: {done.stderr}")
        return done.stdout

    def make_token(self, name):
        said = self.admin_run("admin", "create", name, "--db", self.database.conninfo)
        return said.split()[-1]

    def launch(self, port):
        """Starts one process, and returns it when it listens."""
        self.starts += 1
        log = os.path.join(self.folder, f"chorusd-{self.starts}.log")
        process = Process([program("chorusd"), "serve", "--db", self.database.conninfo, "--key",
                           self.key, "--port", str(port), *self.flags], log)

        def listening():
            said = process.output()
            if not process.running():
                raise AssertionError(f"chorusd ended at once:\n{tail(said)}")
            found = re.search(r"listening on http://[^\s:]+:(\d+)", said)
            return found and int(found[1])
        process.port = until(listening, 20, "chorusd listens")
        return process

    def start(self):
        self.process = self.launch(self.port)
        return self

    def kill(self):
        self.process.kill()

    def stop(self):
        code = self.process.stop()
        if code != 0:
            raise AssertionError(f"chorusd left with {code}:\n{tail(self.process.output())}")

    def restart(self):
        """kill -9, then a new process at the same address."""
        self.kill()
        self.start()

    def replica(self):
        """Another process over the same database; its Api."""
        process = self.launch(0)
        self.replicas.append(process)
        api = Api(f"http://127.0.0.1:{process.port}", self.token)
        api.process = process
        return api

    def close(self):
        """Ends as an operator would, so that a sanitizer can speak, and drops the database."""
        left = [process for process in [*self.replicas, self.process]
                if process and process.running()]
        codes = [(process.stop(), process.output()) for process in left]
        self.database.drop()
        for code, said in codes:
            if code != 0:
                raise AssertionError(f"chorusd left with {code}:\n{tail(said, 60)}")

    def logs(self):
        """The newest logs in the folder, the server's among them."""
        paths = [entry for entry in os.scandir(self.folder) if entry.name.endswith(".log")]
        paths.sort(key=lambda entry: entry.stat().st_mtime)
        for entry in paths[-5:]:
            with open(entry.path, encoding="utf-8", errors="replace") as log:
                yield entry.name, log.read()


# ---------------------------------------------------------------- chorus

class Done:
    """A command that has ended."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def ok(self):
        if self.code != 0:
            raise AssertionError(f"chorus left with {self.code}:\n{tail(self.out + self.err)}")
        return self

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def events(self):
        """What --json printed, line by line."""
        return [json.loads(line) for line in self.out.splitlines()]


class Client:
    """One participant's folder and the `chorus` program that works in it."""

    def __init__(self, folder, name):
        self.name, self.home = name, os.path.join(folder, re.sub(r"\W+", "-", name.lower()))
        self.starts = 0

    def run(self, *arguments, limit=60):
        done = subprocess.run([program("chorus"), "--home", self.home, *arguments],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=limit * Settings.slow, check=False)
        return Done(done.returncode, done.stdout, done.stderr)

    def enrol(self, link, *options):
        if not os.path.exists(self.home):
            self.run("keygen").ok()
        return self.run("enroll", link, "--name", self.name, *options).ok()

    def start(self, *arguments):
        """Starts a command that goes on by itself."""
        self.starts += 1
        log = f"{self.home}-{self.starts}.log"
        return Process([program("chorus"), "--home", self.home, *arguments], log)

    def participate(self, model, data, *, rounds=None, simulated=False, extra=()):
        options = ["--yes", *extra]
        if rounds is not None:
            options += ["--rounds", str(rounds)]
        if simulated:
            options += ["--trust-simulated-chain"]
        return self.start("participate", model, "--data", data, *options)


# ---------------------------------------------------------------- rows and specs

def read_csv(name):
    path = name if os.path.isabs(name) else os.path.join(DATA, name + ".csv")
    with open(path, newline="", encoding="utf-8") as source:
        head, *rows = list(csv.reader(source))
    return head, rows


def csv_text(head, rows):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([head, *rows])
    return out.getvalue()


def write_csv(path, head, rows):
    with open(path, "w", encoding="utf-8") as out:
        out.write(csv_text(head, rows))
    return path


def stratified(rows, target, seed):
    """Shuffled so that every stretch holds the classes in their proportions."""
    draw, piles = random.Random(seed), {}
    for row in rows:
        piles.setdefault(row[target], []).append(row)
    placed = []
    for pile in piles.values():
        draw.shuffle(pile)
        step = 1 / len(pile)
        start = draw.random() * step
        placed += [(start + i * step, draw.random(), row) for i, row in enumerate(pile)]
    return [row for _, _, row in sorted(placed, key=lambda entry: entry[:2])]


def deal(rows, sizes):
    """Parts of the given sizes, and what is left."""
    parts, at = [], 0
    for size in sizes:
        parts.append(rows[at:at + size])
        at += size
    return parts, rows[at:]


def read_spec(name):
    with open(os.path.join(DATA, name + ".spec.json"), encoding="utf-8") as source:
        return json.load(source)


def changed(spec, **members):
    """A copy with members replaced; objects are merged: deadlines={"join": 3}."""
    copy = json.loads(json.dumps(spec))
    for name, value in members.items():
        if isinstance(value, dict) and isinstance(copy.get(name), dict):
            copy[name].update(value)
        else:
            copy[name] = value
    return copy


def enbase64(data):
    return base64.b64encode(data).decode("ascii")


# ---------------------------------------------------------------- test cases

class Scenario(unittest.TestCase):
    """A class of scenarios that share one server; each has models of its own."""

    SIMULATED = False
    FLAGS = ()  # of chorusd
    LIMIT = 60  # seconds a test may take
    server = None

    @classmethod
    def setUpClass(cls):
        cls.folder = temp_folder()
        cls.server = Server(os.path.join(cls.folder), simulated=cls.SIMULATED,
                            flags=cls.FLAGS)
        cls.serial = 0

    @classmethod
    def tearDownClass(cls):
        if cls.server:
            cls.server.close()

    def slug(self, stem="model"):
        type(self).serial += 1
        return f"{stem}-{self.serial}"

    def path(self, name):
        return os.path.join(self.folder, name)
