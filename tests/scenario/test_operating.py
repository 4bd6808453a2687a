# SPDX-License-Identifier: Apache-2.0
"""What whoever runs a server sees of it: replicas, metrics, request ids and logs; and what all
callers meet: limits by address, links to next pages, types that are accepted."""
import json
import re
import signal
import subprocess
import time
import unittest

from serving import Base, Server, psql, wait_until
from streaming import Stream

SAMPLE = re.compile(r'^([a-z_][a-z0-9_]*)(?:\{((?:[a-z_]+="[^"\\\n]*",?)*)\})? (\S+)$')


def samples(text):
    """{(name, labels): value} of the exposition format; whatever is no sample is an error."""
    found, types = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in types, f"{name} twice"
            types[name] = kind
        elif not line.startswith("# HELP "):
            match = SAMPLE.match(line)
            assert match, line
            key = (match[1], match[2] or "")
            assert key not in found, f"{key} twice"
            base = re.sub(r"_(bucket|sum|count)$", "", match[1])
            assert match[1] in types or types.get(base) == "histogram", line
            found[key] = float(match[3])
    return found


class System(Base):
    def test_at_a_glance(self):
        self.server.model("glance")
        with Stream(self.server.port) as stream:
            stream.until(lambda s: s.head)
            wait_until(lambda: self.server.get("/system", admin=True).json["replicas"])
            o = self.server.get("/system", admin=True).json
        self.assertEqual(o["streams"], 1)
        self.assertEqual(o["read_only"], False)
        self.assertEqual(o["schema"], self.server.get("/ready").json["schema"])
        self.assertAlmostEqual(o["now_at"], time.time(), delta=60)
        self.assertGreater(o["storage"]["database"], 1e6)
        self.assertGreaterEqual(o["storage"]["log_entries"], 1)
        self.assertEqual(o["connections"]["max"], 4096)
        self.assertGreaterEqual(o["connections"]["open"], 1)
        self.assertEqual((o["retention"], o["chain"]), ([], None))
        self.problem(self.server.get("/system"), "unauthenticated")

    def test_jobs_and_retention(self):
        psql(self.server.db, "INSERT INTO jobs (kind, part, not_before) VALUES "
                             "('sum', 1, now() + interval '1 hour'), "
                             "('sum', 2, now() + interval '2 hours')")
        jobs = {j["kind"]: j for j in self.server.get("/system", admin=True).json["jobs"]}
        self.assertEqual((jobs["sum"]["waiting"], jobs["sum"]["running"]), (2, 0))
        self.assertAlmostEqual(jobs["sum"]["oldest_at"], time.time() + 3600, delta=60)
        got = samples(self.server.raw_metrics())
        self.assertEqual(got["chorus_jobs", 'kind="sum",state="waiting"'], 2)
        psql(self.server.db, "DELETE FROM jobs")

    def test_replicas(self):
        def names():
            return [r["name"] for r in self.server.get("/system", admin=True).json["replicas"]]
        words = ["serve", "--key", self.server.key, "--port", "0", "--name"]
        others = [subprocess.Popen(self.server.command(*words, name), stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, text=True)
                  for name in ("second", "third")]
        for other in others:
            self.assertIn("listening on", other.stdout.readline())
        self.assertTrue(wait_until(lambda: {"second", "third"} <= set(names())), names())
        others[0].send_signal(signal.SIGTERM)
        self.assertEqual(others[0].wait(20), 0)
        self.assertNotIn("second", names(), "it has left")
        others[1].kill()
        others[1].wait()
        for other in others:
            other.stdout.close()
        dead = next(r for r in self.server.get("/system", admin=True).json["replicas"]
                    if r["name"] == "third")
        self.assertLess(dead["seen_at"], time.time() + 60)
        psql(self.server.db, "UPDATE replicas SET seen_at = now() - interval '1 minute' "
                             "WHERE name = 'third'")
        self.assertEqual(samples(self.server.raw_metrics())["chorus_replicas", ""], 1)


class Metrics(Base):
    def test_the_format(self):
        self.server.get("/models")
        got = samples(self.server.raw_metrics())
        for name in ("chorus_rounds", "chorus_log_entries", "chorus_database_size_bytes",
                     "chorus_event_streams", "process_cpu_seconds_total",
                     "process_resident_memory_bytes", "process_open_fds",
                     "process_start_time_seconds", "chorus_http_connections", "chorus_build_info"):
            if name != "chorus_rounds":  # there is none yet
                self.assertTrue(any(key[0] == name for key in got), name)
        self.assertAlmostEqual(got["process_start_time_seconds", ""], time.time(), delta=120)
        self.assertGreater(got["process_resident_memory_bytes", ""], 1e6)

    def test_the_route_is_the_pattern(self):
        slug = "counted"
        self.server.model(slug)
        for _ in range(5):
            self.server.get(f"/models/{slug}")
        self.server.get("/models/never-there-1")
        self.server.call("HEAD", f"/models/{slug}")
        self.server.get("/nowhere/of/this/name")
        connection = self.server.connect()
        connection.request("GET", "/some/page")
        connection.getresponse().read()
        connection.request("BREW", "/api/v1/models")
        connection.getresponse().read()
        connection.close()

        def count(labels):
            return samples(self.server.raw_metrics()).get(
                ("chorus_http_requests_total", labels), 0)
        route = 'route="/api/v1/models/{model}"'
        self.assertTrue(wait_until(lambda: count(f'{route},method="GET",status="200"') == 5))
        self.assertEqual(count(f'{route},method="GET",status="404"'), 1)
        self.assertEqual(count(f'{route},method="HEAD",status="200"'), 1)
        self.assertEqual(count('route="unmatched",method="GET",status="404"'), 2)
        self.assertEqual(count('route="unmatched",method="other",status="405"'), 1)
        text = self.server.raw_metrics()
        for word in (slug, "never-there", "nowhere", "/some/page", "BREW"):
            self.assertNotIn(word, text)
        got = samples(text)
        labels = f'{route},method="GET"'
        self.assertEqual(got["chorus_http_request_duration_seconds_count", labels], 7)
        self.assertEqual(got["chorus_http_request_duration_seconds_bucket",
                             labels + ',le="+Inf"'], 7)
        self.assertGreater(got["chorus_http_request_duration_seconds_sum", labels], 0)

    def test_who_may(self):
        self.problem(self.server.call_top("/metrics"), "unauthenticated")
        with Server(metrics="open") as server:
            self.assertEqual(server.call_top("/metrics").status, 200)
        code, said = self.server.fails("serve", "--db", self.server.db, "--key", self.server.key,
                                       "--metrics", "everybody")
        self.assertEqual(code, 1)
        self.assertIn("viewer or open", said)

    def test_streams_are_counted_and_do_not_spoil_the_times(self):
        with Stream(self.server.port) as stream:
            stream.until(lambda s: s.head)
            self.assertGreaterEqual(samples(self.server.raw_metrics())["chorus_event_streams", ""], 1)
        got = samples(self.server.raw_metrics())
        self.assertNotIn(("chorus_http_request_duration_seconds_sum",
                          'route="/api/v1/events",method="GET"'),
                         {key: value for key, value in got.items() if value > 0.5})


class Traces(Base):
    def lines(self):
        with open(self.server.log.name, encoding="utf-8") as log:
            return [json.loads(line) for line in log]

    def line(self, request):
        found = []
        wait_until(lambda: found.extend(o for o in self.lines() if o.get("request") == request)
                   or found)
        self.assertTrue(found, f"no line of {request}")
        return found[0]

    def test_an_id_for_each(self):
        ids = [self.server.get("/models").headers["X-Request-Id"] for _ in range(20)]
        self.assertEqual(len(set(ids)), 20)
        for reply in (self.server.get("/nowhere"), self.server.get("/system"),
                      self.server.post("/models", {}), self.server.call("HEAD", "/models")):
            self.assertRegex(reply.headers["X-Request-Id"], r"^[0-9a-f]{24}$")

    def test_one_that_was_given(self):
        for given in ("abc-1.2_3", "x" * 64):
            reply = self.server.get("/models", headers={"X-Request-Id": given})
            self.assertEqual(reply.headers["X-Request-Id"], given)
        for given in ("", "x" * 65, "a b", 'a"b', "a\tb", "é", "<script>"):
            reply = self.server.get("/models", headers={"X-Request-Id": given.encode()})
            self.assertRegex(reply.headers["X-Request-Id"], r"^[0-9a-f]{24}$")

    def test_the_line(self):
        self.server.get("/models/none-such?secret=hunter2",
                        headers={"X-Request-Id": "line-1", "Authorization": "Bearer hunter3"})
        line = self.line("line-1")
        self.assertEqual(line["event"], "request")
        self.assertEqual((line["method"], line["route"], line["status"], line["outcome"]),
                         ("GET", "/api/v1/models/{model}", 401, "ok"))
        self.assertLess(line["duration"], 5)
        self.server.get("/nowhere/hunter4", headers={"X-Request-Id": "line-2"})
        self.assertIsNone(self.line("line-2")["route"])
        with open(self.server.log.name, encoding="utf-8") as log:
            text = log.read()
        for word in ("hunter2", "hunter3", "hunter4", "none-such", self.server.token):
            self.assertNotIn(word, text)

    def test_levels(self):
        self.server.get("/health", headers={"X-Request-Id": "quiet-1"})
        with Server(log_level="debug") as loud, Server(log_level="warning") as still:
            loud.get("/health", headers={"X-Request-Id": "loud-1"})
            still.get("/models", headers={"X-Request-Id": "still-1"})
            self.assertTrue(wait_until(lambda: '"loud-1"' in open(loud.log.name).read()))
            self.assertNotIn("still-1", open(still.log.name).read())
        self.assertNotIn("quiet-1", [o.get("request") for o in self.lines()])


class Limits(Base):
    flags = {"proxy": "127.0.0.1", "requests_per_minute": 60}

    def ask(self, address, path="/health"):
        return self.server.get(path, headers={"X-Forwarded-For": address})

    def test_one_address(self):
        first = self.ask("203.0.113.1")
        self.assertEqual(first.headers["RateLimit-Policy"], '"address";q=60;w=60')
        self.assertEqual(first.headers["RateLimit"], '"address";r=59;t=1')
        replies = [self.ask("203.0.113.1") for _ in range(70)]
        refused = [r for r in replies if r.status == 429]
        self.assertGreaterEqual(len(refused), 5)
        self.problem(refused[0], "too-many-requests")
        self.assertEqual(refused[0].headers["Retry-After"], "1")
        self.assertRegex(refused[0].headers["RateLimit"], r'^"address";r=0;t=(59|60)$')
        self.assertEqual(self.ask("203.0.113.2").status, 200, "another address is not concerned")
        time.sleep(2.1)
        self.assertEqual(self.ask("203.0.113.1").status, 200, "a token a second")

    def test_a_network_of_version_six_is_one(self):
        for i in range(61):
            last = self.ask(f"2001:db8:0:1::{i + 1:x}")
        self.assertEqual(last.status, 429)
        self.assertEqual(self.ask("2001:db8:0:2::1").status, 200)

    def test_this_machine_and_pages_are_not_limited(self):
        for _ in range(100):
            reply = self.server.get("/health")
        self.assertEqual(reply.status, 200)
        self.assertNotIn("RateLimit", reply.headers)

    def test_off(self):
        with Server(proxy="127.0.0.1", requests_per_minute=0) as server:
            reply = server.get("/health", headers={"X-Forwarded-For": "203.0.113.1"})
            self.assertNotIn("RateLimit", reply.headers)

    def test_many_addresses(self):
        """More than are remembered: nobody is refused for what another did."""
        connection = self.server.connect()
        for i in range(3000):
            connection.request("GET", "/api/v1/health",
                               headers={"X-Forwarded-For": f"198.{51 + i // 65000}."
                                                           f"{i // 250}.{i % 250}"})
            got = connection.getresponse()
            got.read()
            self.assertEqual(got.status, 200)
        connection.close()


class Lists(Base):
    def test_the_next_page(self):
        for i in range(5):
            self.server.model(f"page-{i}")
        seen, path = [], "/models?limit=2&x=a%20b%26c"
        for _ in range(5):
            reply = self.server.get(path)
            seen += [m["model"] for m in reply.json["models"]]
            link = reply.headers["Link"]
            if reply.json["next"] is None:
                self.assertIsNone(link)
                break
            match = re.fullmatch(r'<(/api/v1/models\?[!-~]+)>; rel="next"', link)
            self.assertTrue(match, link)
            self.assertIn("x=a%20b%26c", match[1])
            self.assertEqual(match[1].count("cursor="), 1)
            path = match[1].removeprefix("/api/v1")
        self.assertEqual(seen, sorted(seen))
        self.assertEqual([m for m in seen if m.startswith("page-")],
                         [f"page-{i}" for i in range(5)])

    def test_accepted_types(self):
        self.server.model("typed")
        for accepted in (None, "*/*", "application/json", "application/*", "text/html, */*;q=0.1",
                         "application/json;q=0.5, text/html", "APPLICATION/JSON", "",
                         "application/json, application/problem+json", "text/html,application/json;v=1"):
            headers = {} if accepted is None else {"Accept": accepted}
            self.assertEqual(self.server.get("/models", headers=headers).status, 200, accepted)
        for accepted in ("text/html", "application/json;q=0", "*/*, application/json;q=0.0",
                         "application/xml, text/*", "application/*;q=0", "json", "application/jso",
                         "application/jsonx"):
            reply = self.server.get("/models", headers={"Accept": accepted})
            self.problem(reply, "not-acceptable")
        got = self.server.get("/models/typed/spec", headers={"Accept": "application/octet-stream"})
        self.assertIn(got.status, (200, 406))
        self.assertEqual(self.server.get("/events", headers={"Accept": "application/json"}).status,
                         406)

    def test_nothing_is_done_when_the_answer_is_not_accepted(self):
        body = {"name": "ada", "role": "viewer"}
        self.refused("not-acceptable", None, "POST", "/users", body, admin=True,
                     headers={"Accept": "text/html"})
        users = [u["name"] for u in self.server.get("/users", admin=True).json["users"]]
        self.assertNotIn("ada", users)


if __name__ == "__main__":
    unittest.main()
