# SPDX-License-Identifier: Apache-2.0
"""Streams of events: what is shown and when, coming again without a gap, slow readers, many
readers, the end."""
import resource
import selectors
import signal
import subprocess
import time
import unittest

from serving import BUILD, Base, enrolment, psql, wait_until
from streaming import Stream


def plant(server, count, size=100, first=0):
    """So many events for the log, numbered from `first` on."""
    psql(server.db, f"""
      WITH s AS (INSERT INTO events (type, hash, bytes)
        SELECT 'act', sha256(convert_to('planted' || i, 'UTF8')),
               convert_to('{{"n":' || i || ',"pad":"' || repeat('x', {size}) || '"}}', 'UTF8')
        FROM generate_series({first}, {first + count - 1}) i RETURNING seq)
      INSERT INTO log_pending SELECT seq FROM s""")


def size_of(server):
    return int(psql(server.db, "SELECT size FROM log_head"))


def settled(server):
    """The size of the log once nothing waits for it."""
    wait_until(lambda: psql(server.db, "SELECT count(*) FROM log_pending") == "0", 20)
    return size_of(server)


def numbers(stream):
    return [e["event"]["n"] for e in stream.of("entry") if "n" in e["event"]]


class Shown(Base):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for slug in ("one", "two"):
            cls.server.model(slug)

    def open(self, query="", **more):
        stream = Stream(self.server.port, query, **more)
        self.addCleanup(stream.socket.close)
        return stream

    def round_of(self, slug):
        reply = self.server.post(f"/models/{slug}/rounds", {}, admin=True)
        self.assertEqual(reply.status, 201, reply)
        return reply.json["ctx"]

    def cancel(self, ctx):
        self.assertEqual(self.server.post(f"/rounds/{ctx}/cancel", admin=True).status, 200)

    def test_whole_instance(self):
        size = settled(self.server)
        stream = self.open().until(lambda s: s.of("head"))
        self.assertEqual(stream.status, 200)
        self.assertIn("Content-Type: text/event-stream", stream.head)
        self.assertIn("Cache-Control: no-store", stream.head)
        self.assertEqual(stream.retry, 2000)
        head = stream.of("head")[0]
        self.assertEqual(head["size"], size)
        self.assertEqual(stream.last, size - 1, "whoever has the head has all before it")
        self.assertEqual(stream.of("entry"), [], "without Last-Event-ID they start now")
        plant(self.server, 3, first=100)
        stream.until(lambda s: len(numbers(s)) == 3)
        self.assertEqual(numbers(stream), [100, 101, 102])
        stream.until(lambda s: s.of("head")[-1]["size"] >= size + 3)
        self.assertEqual(stream.of("round") + stream.of("model"), [])
        entry = stream.of("entry")[-1]
        page = self.server.get(f"/log/entries?limit=1&cursor={entry['leaf']}").json
        self.assertEqual(page["entries"][0], entry, "as the list shows it")

    def test_a_model_and_its_rounds(self):
        stream = self.open("?model=one").until(lambda s: s.of("model") and s.of("head"))
        self.assertEqual(stream.of("model")[0], self.server.get("/models/one").json)
        self.assertEqual(stream.of("round"), [])
        start = time.monotonic()
        ctx = self.round_of("one")
        stream.until(lambda s: s.of("round"))
        self.assertLess(stream.events[-1][2] - start, 1.5)
        self.assertEqual((stream.of("round")[-1]["ctx"], stream.of("round")[-1]["phase"]),
                         (ctx, "join"))
        stream.until(lambda s: s.of("model")[-1]["current"] == ctx)
        start = time.monotonic()
        self.cancel(ctx)
        stream.until(lambda s: s.of("round")[-1]["phase"] == "failed")
        self.assertLess(time.monotonic() - start, 1.0, "a change is there within a second")
        stream.until(lambda s: any(e["event"]["type"] == "failed" for e in s.of("entry")))
        again = self.round_of("one")
        stream.until(lambda s: s.of("round")[-1]["ctx"] == again)
        self.cancel(again)
        for entry in stream.of("entry"):
            self.assertNotEqual(entry["event"].get("model"), "two")

    def test_a_round(self):
        settled(self.server)  # what tests before this did is in the log
        ctx = self.round_of("two")
        stream = self.open(f"?ctx={ctx}").until(lambda s: s.of("round"))
        other = self.open("?model=one").until(lambda s: s.of("head"))
        self.assertEqual(stream.of("round")[0]["joined"], 0)
        self.assertEqual(stream.of("model"), [])
        plant(self.server, 2, first=200)
        self.cancel(ctx)
        stream.until(lambda s: s.of("round")[-1]["phase"] == "failed")
        stream.until(lambda s: any(e["event"]["type"] == "failed" for e in s.of("entry")))
        listed = self.server.get(f"/log/entries?ctx={ctx}").json["entries"]
        self.assertEqual(listed[-len(stream.of("entry")):], stream.of("entry"))
        other.read(0.3)
        self.assertEqual(other.of("entry"), [])

    def test_edits_of_a_model(self):
        stream = self.open("?model=two").until(lambda s: s.of("model"))
        body = {"every": 3600, "rounds": 5, "target": None}
        self.server.call("PUT", "/models/two/schedule", body, admin=True)
        stream.until(lambda s: s.of("model")[-1]["schedule"], 2)
        self.server.call("DELETE", "/models/two/schedule", admin=True)
        stream.until(lambda s: s.of("model")[-1]["schedule"] is None, 2)
        given = self.server.invite("two")
        self.assertEqual(self.server.post("/participants", enrolment(given)).status, 201)
        stream.until(lambda s: s.of("model")[-1]["members"] == 1, 2)

    def test_from_another_replica(self):
        words = ["serve", "--key", self.server.key, "--port", "0"]
        other = subprocess.Popen(self.server.command(*words), stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL, text=True)
        try:
            port = int(other.stdout.readline().rpartition(":")[2])
            with Stream(port, "?model=one") as stream:
                stream.until(lambda s: s.of("model"))
                ctx = self.round_of("one")
                stream.until(lambda s: s.of("round") and s.of("round")[-1]["ctx"] == ctx, 1.5)
                self.cancel(ctx)
                stream.until(lambda s: s.of("round")[-1]["phase"] == "failed", 1)
        finally:
            other.send_signal(signal.SIGTERM)
            self.assertEqual(other.wait(20), 0)
            other.stdout.close()

    def test_coming_again(self):
        settled(self.server)
        first = self.open().until(lambda s: s.of("head"))
        plant(self.server, 50, first=1000)
        first.until(lambda s: len(numbers(s)) >= 10)
        first.socket.close()
        seen = numbers(first)
        plant(self.server, 500, first=1050)
        settled(self.server)
        by_header = self.open(last=first.last).until(lambda s: len(numbers(s)) + len(seen) >= 550)
        by_query = self.open(f"?after={first.last}").until(
            lambda s: len(numbers(s)) + len(seen) >= 550)
        plant(self.server, 5, first=1550)
        for stream in (by_header, by_query):
            stream.until(lambda s: len(numbers(s)) + len(seen) >= 555)
            stream.read(0.3)
            self.assertEqual(seen + numbers(stream), list(range(1000, 1555)))
            self.assertEqual(stream.leaves(), sorted(set(stream.leaves())))
        newer = self.open(f"?after={first.last}", last=by_query.last).until(lambda s: s.of("head"))
        newer.read(0.3)
        self.assertEqual(newer.of("entry"), [], "the header wins over the address")

    def test_from_the_first_leaf(self):
        size = settled(self.server)
        stream = self.open("?after=0").until(lambda s: s.of("head"))
        self.assertEqual(stream.leaves(), list(range(1, size)))
        model = self.open("?model=one&after=0").until(lambda s: s.of("head"))
        listed = self.server.get("/log/entries?model=one&limit=200").json["entries"]
        self.assertEqual(model.of("entry"), listed)
        future = self.open(f"?after={size + 50}").until(lambda s: s.of("head"))
        plant(self.server, 1, first=5000)
        future.until(lambda s: numbers(s) == [5000])

    def test_kept_alive(self):
        stream = self.open().until(lambda s: s.of("head"))
        wait = Stream(self.server.port, "?model=one").until(lambda s: s.of("model"))
        self.addCleanup(wait.socket.close)
        stream.until(lambda s: s.comments == 1, 18)
        wait.until(lambda s: s.comments == 1, 3)

    def test_bad_requests(self):
        for query, field in (("?ctx=12", "ctx"), ("?model=Iris", "model"), ("?after=x", "after"),
                             ("?after=", "after"), ("?after=-1", "after"),
                             ("?after=9999999999999999", "after"),
                             (f"?model=one&ctx={'0' * 64}", "model")):
            self.problem(self.server.get("/events" + query), "bad-value", field)
        self.problem(self.server.get("/events", headers={"Last-Event-ID": "none"}), "bad-value",
                     "Last-Event-ID")
        self.problem(self.server.get("/events?model=nobody"), "not-found")
        self.problem(self.server.get(f"/events?ctx={'0' * 64}"), "not-found")
        self.problem(self.server.post("/events", {}), "method-not-allowed")
        self.assertEqual(self.server.call("HEAD", "/events").status, 200)


class Workers(Base):
    flags = {"request_workers": 1, "streams": 40}

    def test_streams_hold_nothing_and_are_limited(self):
        before = psql(self.server.db, "SELECT count(*) FROM pg_stat_activity "
                                      "WHERE datname = current_database()")
        streams = [Stream(self.server.port) for _ in range(40)]
        for stream in streams:
            stream.until(lambda s: s.of("head"))
        self.assertEqual(psql(self.server.db, "SELECT count(*) FROM pg_stat_activity "
                                              "WHERE datname = current_database()"), before)
        self.assertEqual(self.server.get("/models").status, 200)
        refused = self.server.get("/events")
        self.problem(refused, "busy")
        self.assertIn("Retry-After", refused.headers)
        for stream in streams:
            stream.socket.close()

        def room():
            with Stream(self.server.port) as one:
                one.until(lambda s: s.head)
                return one.status == 200
        self.assertTrue(wait_until(room, 35), "those who are gone make room")


class Slow(Base):
    flags = {"timeout": 2}

    def test_a_slow_reader(self):
        """It holds nobody up, is closed once it takes nothing, and has a whole story in the end."""
        settled(self.server)
        slow = Stream(self.server.port, rcvbuf=4096)
        quick = Stream(self.server.port).until(lambda s: s.of("head"))
        slow.until(lambda s: s.of("head"))
        total = 0
        start = time.monotonic()
        while total < 6000:
            plant(self.server, 500, size=4000, first=total)
            total += 500
            quick.until(lambda s, n=total: len(numbers(s)) == n, 20)
        self.assertLess(time.monotonic() - start, 40)
        time.sleep(4)
        self.assertTrue(self.drain(slow), "who takes nothing is closed")
        got = numbers(slow)
        self.assertLess(len(got), total)
        while len(got) < total:
            with Stream(self.server.port, last=slow.last) as slow:
                try:
                    slow.until(lambda s, n=len(got): n + len(numbers(s)) >= total, 40)
                except AssertionError:
                    self.assertTrue(slow.ended)
                got += numbers(slow)
        self.assertEqual(got, list(range(total)), "nothing is lost or doubled")
        self.assertEqual(numbers(quick), list(range(total)))
        quick.socket.close()

    def test_an_idle_stream_outlives_the_timeout(self):
        with Stream(self.server.port) as stream:
            stream.until(lambda s: s.of("head"))
            stream.read(5)
            plant(self.server, 1, first=300000)
            stream.until(lambda s: numbers(s)[-1:] == [300000], 3)

    def test_a_lost_database(self):
        """All connections break, again and again: the stream goes on without a gap."""
        settled(self.server)
        with Stream(self.server.port) as stream:
            stream.until(lambda s: s.of("head"))
            for i in range(4):
                psql(self.server.db, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                                     "datname = current_database() AND pid <> pg_backend_pid()")
                plant(self.server, 20, first=400000 + 20 * i)
            stream.until(lambda s: len(numbers(s)) == 80, 15)
            self.assertEqual(numbers(stream), list(range(400000, 400080)))

    def test_many_at_once(self):
        """A burst that is more than a queue holds: a reader that reads gets all of it, in order."""
        size = settled(self.server)
        with Stream(self.server.port) as stream:
            stream.until(lambda s: s.of("head"))
            plant(self.server, 3000, size=300, first=100000)
            start = time.monotonic()
            stream.until(lambda s: len(numbers(s)) >= 3000, 30)
            self.assertEqual(numbers(stream), list(range(100000, 103000)))
            stream.until(lambda s: s.of("head")[-1]["size"] == size + 3000)
            self.assertLess(time.monotonic() - start, 15)

    def test_a_trickle(self):
        """Who takes a few bytes now and then cannot keep what is queued for ever."""
        settled(self.server)
        with Stream(self.server.port, rcvbuf=2048) as slow:
            slow.until(lambda s: s.of("head"))
            plant(self.server, 3000, size=4000, first=200000)
            end, more = time.monotonic() + 30, b"some"
            while more and self.connections() and time.monotonic() < end:
                slow.socket.settimeout(1)
                try:
                    more = slow.socket.recv(100)
                except (TimeoutError, ConnectionResetError):
                    break
                time.sleep(0.1)
            self.assertLess(time.monotonic(), end)

    def connections(self):
        """That the server itself has open with clients."""
        said = subprocess.run(["ss", "-Htn", f"sport = :{self.server.port}"], text=True,
                              capture_output=True, check=True).stdout
        return sum("ESTAB" in line for line in said.splitlines())

    @staticmethod
    def drain(stream):
        end = time.monotonic() + 40
        while not stream.ended and time.monotonic() < end:
            stream.read(0.5)
        return stream.ended


class Killed(Base):
    def test_kill_and_come_again(self):
        """kill -9 in the middle, again and again: one story without a gap."""
        server = self.server
        settled(server)
        got, last, planted = [], size_of(server) - 1, 0
        for _ in range(5):
            with Stream(server.port, last=last) as stream:
                plant(server, 200, first=planted)
                planted += 200
                stream.until(lambda s, n=planted: len(got) + len(numbers(s)) > n - 150)
                got += numbers(stream)
                last = stream.last
            server.stop(signal.SIGKILL)
            server.start()
        with Stream(server.port, last=last) as stream:
            stream.until(lambda s: len(got) + len(numbers(s)) >= planted)
            stream.read(0.5)
            got += numbers(stream)
        self.assertEqual(got, list(range(planted)))


def resident(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) * 1024


class Many(Base):
    flags = {"connections": 3000}

    def test_a_thousand(self):
        """All are told, for less than 100 MB; and they end in good order."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        self.server.model("many")
        settled(self.server)
        queries = ("", "?model=many")
        streams = [Stream(self.server.port, queries[i % 2]) for i in range(1000)]
        self.read_all(streams, lambda s: s.of("head"), 30)
        ctx = self.server.post("/models/many/rounds", {}, admin=True).json["ctx"]
        start = time.monotonic()
        plant(self.server, 20, size=1000)
        self.read_all(streams[::2], lambda s: len(numbers(s)) == 20, 20)
        self.read_all(streams[1::2], lambda s: s.of("round") and s.of("round")[-1]["ctx"] == ctx,
                      20)
        print(f"\n    1000 streams told after {time.monotonic() - start:.2f} s, resident "
              f"{resident(self.server.process.pid) >> 20} MiB")
        if "asan" not in BUILD:
            self.assertLess(resident(self.server.process.pid), 100e6)
        start = time.monotonic()
        self.assertEqual(self.server.stop(), 0)
        self.assertLess(time.monotonic() - start, 5)
        self.read_all(streams, lambda s: s.ended, 10)
        for stream in streams:
            self.assertEqual((stream.raw, stream.text), (b"", b""), "a clean end")
            stream.socket.close()
        self.server.start()

    def read_all(self, streams, condition, seconds):
        end = time.monotonic() + seconds
        with selectors.DefaultSelector() as ready:
            for stream in streams:
                ready.register(stream.socket, selectors.EVENT_READ, stream)
            left = {s for s in streams if not condition(s)}
            while left and time.monotonic() < end:
                for key, _ in ready.select(0.5):
                    key.data.read()
                    if condition(key.data):
                        left.discard(key.data)
                    if key.data.ended:
                        ready.unregister(key.fileobj)
        self.assertEqual(len(left), 0, "streams that were not told")


if __name__ == "__main__":
    unittest.main()
