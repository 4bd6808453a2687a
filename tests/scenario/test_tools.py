# SPDX-License-Identifier: Apache-2.0
"""What administrators and their programs use: what a description means, drafts, edits that
name what they change."""

import concurrent.futures
import json
import os
import re
import subprocess

from harness import SOURCE, Api, Scenario, changed, read_spec, until
from voice import VECTOR, Voice, play

EVENTS = ("open", "roster", "graph", "sharers", "survivors", "result")


class Counting(Api):
    """Counts what is sent."""
    sent = 0

    def call(self, method, path, value=None, **options):
        if method != "GET":
            self.sent += len(options.get("raw") or json.dumps(value, separators=(",", ":")))
        return super().call(method, path, value, **options)


class Consequences(Scenario):
    def check(self, spec, members=None, **more):
        body = {"spec": spec, "members": members, **more}
        return self.server.admin("POST", "/specs/check", body)

    def good(self, spec, members=None):
        said = self.check(spec, members).must(200).json
        self.assertIsNone(said["problem"])
        return said["consequences"]

    def test_iris_by_hand(self):
        spec = read_spec("iris")
        said = self.check(spec).must(200).json
        self.assertEqual(said["spec_hash"], self.server.make_model(self.slug(), spec)["spec"])
        seen = said["consequences"]
        self.assertEqual((seen["members"], seen["d"], seen["ring_bits"]), (10, 15, 32))
        # 10 * 1000 * 32767 * 2^h < 2^31
        self.assertEqual(seen["headroom_bits"], 2)
        # unanchored, complete: k = n-1, t = floor(2k/3)+1
        self.assertEqual((seen["neighbours"], seen["threshold"]), (9, 7))
        # 10*(10-u) < 7*(10-3+1): five may be gone, but each needs seven others
        self.assertEqual((seen["minimum"], seen["anonymity"]), (8, 3))
        self.assertEqual(seen["round_seconds"]["most"], 780)
        self.assertLess(seen["round_seconds"]["least"], 60)
        self.assertIsNone(seen["reward_per_member"])
        self.assertIsNone(seen["gas"])
        # brought within the cohort
        self.assertEqual([self.good(spec, n)["members"] for n in (1, 5, 16384)], [3, 5, 10])
        self.assertEqual(self.good(spec, 3)["minimum"], 3)

    def test_rewards(self):
        for scheme in ("equal", "samples"):
            spec = changed(read_spec("iris"), reward={"scheme": scheme, "budget": "1000"})
            self.assertEqual(self.good(spec, 3)["reward_per_member"], "333")

    def test_headroom_is_what_is_left(self):
        """A weight cap that uses it up is still taken, a greater one is not."""
        spec = read_spec("iris")
        cap = spec["quantisation"]["weight_cap"] * 2 ** self.good(spec)["headroom_bits"]
        used = changed(spec, quantisation={"weight_cap": cap})
        self.assertEqual(self.good(used)["headroom_bits"], 0)
        said = self.check(changed(spec, quantisation={"weight_cap": 2 * cap})).must(200).json
        self.assertIsNone(said["consequences"])
        self.assertIsNone(said["spec_hash"])
        problem = said["problem"]
        self.assertEqual(problem["type"], "urn:chorus:error:arithmetic-overflow")
        self.assertEqual((problem["field"], problem["status"]), ("spec.ring_bits", 400))
        self.assertIn("40 bits are needed", problem["detail"])

    def test_what_is_wrong_is_an_answer(self):
        before = self.server.database.fingerprint()
        for change, field in (({"kind": "forest"}, "spec.kind"), ({"name": ""}, "spec.name"),
                              ({"cohort": {"maximum": 2}}, "spec.cohort.maximum"),
                              ({"cohort": {"maximum": 201}, "ring_bits": 40},
                               "spec.cohort.maximum"),
                              ({"more": 1}, "spec.more")):
            said = self.check(changed(read_spec("iris"), **change)).must(200).json
            self.assertEqual(said["problem"]["field"], field)
            self.assertTrue(said["problem"]["title"] and said["problem"]["help"])
            self.assertIsNone(said["consequences"])
        for members in (0, -1, 16385, "3", 3.5, True):
            reply = self.check(read_spec("iris"), members).refused("bad-value", 400)
            self.assertEqual(reply.json["field"], "members")
        self.check([]).refused("wrong-type")
        self.check({}, other=1).refused("unknown-field")
        self.server.admin("POST", "/specs/check", {}).refused("missing-field")
        self.server.post("/specs/check", {"spec": {}}).refused("unauthenticated", 401)
        self.assertEqual(self.server.database.fingerprint(), before, "something was written")

    def test_bytes_are_those_of_a_real_round(self):
        for dimension, people in ((20_000, 5), (50, 10)):
            slug, spec = self.slug(), {**VECTOR, "dimension": dimension}
            self.server.make_model(slug, spec)
            api = Counting(self.server.origin)
            voices = [Voice(api if i == 0 else self.server, f"v{i}").enrol(link)
                      for i, link in enumerate(self.server.invite(slug, people))]
            api.sent = 0
            ctx = self.server.open_round(slug)
            play(voices, ctx)
            said = self.good(spec, people)
            self.assertLess(abs(said["upload_bytes"] / api.sent - 1), 0.03,
                            (said["upload_bytes"], api.sent))
            self.assertGreaterEqual(said["minimum"], 3)
            paths = [f"/rounds/{ctx}/{list_}" for list_ in ("joins", "shares", "updates", "base",
                                                            *(f"events/{e}" for e in EVENTS))]
            fetched = sum(len(self.server.get(p).must().body)
                          for p in (*paths, f"/models/{slug}/spec"))
            # The Merkle path of who comes last in the roster is shorter than the others'.
            fetched += sum(len(self.server.get(f"/rounds/{ctx}/boxes",
                                               auth=v.key.fetch_header(ctx)).must().body)
                           for v in voices) / people
            self.assertLess(abs(said["download_bytes"] / fetched - 1), 0.03,
                            (said["download_bytes"], fetched))


class Anchored(Scenario):
    SIMULATED = True

    def test_sparse_graphs_and_gas(self):
        with open(os.path.join(SOURCE, "docs/chain.md"), encoding="utf-8") as page:
            table = {what: int(gas.replace(",", "")) for what, gas in
                     re.findall(r"^\| ([a-z].*?) \| ([\d,]+) \|", page.read(), re.M)}
        spec = changed(read_spec("iris"), cohort={"maximum": 1000},
                       quantisation={"weight_cap": 10},
                       reward={"scheme": "equal", "budget": "10000"})

        def good(members, **more):
            said = self.server.admin("POST", "/specs/check", {
                "spec": changed(spec, **more), "members": members}).must(200).json
            self.assertIsNone(said["problem"])
            return said["consequences"]
        # the reference values of docs/protocol.md section 5
        for n, k, t in ((100, 22, 11), (300, 42, 24), (1000, 56, 31)):
            seen = good(n)
            self.assertEqual((seen["neighbours"], seen["threshold"]), (k, t))
            self.assertEqual(seen["minimum"], n - n // 10)
        pays = table["anchor: survivors"] + table["anchor: result with payouts and claims"]
        self.assertEqual(good(1000)["gas"], {
            "anchors": pays + table["anchor: roster"],
            "push_per_member": table["push ether, batch of 100, known accounts"] // 100,
            "claim_per_member": table["claim ether among 100, later"]})
        self.assertEqual(good(10)["gas"]["anchors"], pays)
        self.assertEqual(good(10)["gas"]["push_per_member"],
                         table["push ether, batch of 10, known accounts"] // 10)
        for n in (3, 11, 55, 101, 999):
            self.assertGreater(good(n)["gas"]["push_per_member"], good(1000)["gas"][
                "push_per_member"])
        self.assertEqual(good(10, reward={"scheme": "none", "budget": "0"})["gas"]["anchors"],
                         table["anchor: survivors"]
                         + table["anchor: result that pays nothing yet"])


class Drafts(Scenario):
    BODY = {"name": "Roses", "content": {"spec": {"name": "R"}, "step": 2}}

    def setUp(self):
        self.server.database.query("TRUNCATE drafts")

    def put(self, draft, body, etag=None):
        return self.server.admin("PUT", f"/drafts/{draft}", body,
                                 headers={"If-Match": etag} if etag else None)

    def test_life(self):
        log = "SELECT count(*) FROM events"
        before = self.server.database.query(log)
        made = self.server.admin("POST", "/drafts", self.BODY).must(201)
        draft, tag = made.json, made.headers["ETag"]
        self.assertEqual({k: draft[k] for k in self.BODY}, self.BODY)
        self.assertEqual(draft["changed_by"], "scenario")
        self.assertEqual(made.headers["Cache-Control"], "no-store")
        path = f"/drafts/{draft['id']}"
        seen = self.server.admin("GET", path).must(200)
        self.assertEqual((seen.json, seen.headers["ETag"]), (draft, tag))
        listed = self.server.admin("GET", "/drafts").json["drafts"]
        self.assertEqual(listed, [{k: v for k, v in draft.items() if k != "content"}])
        new = {**self.BODY, "name": "Ösen", "content": {}}
        self.put(draft["id"], new).refused("precondition-required", 428)
        for bad in ('"x"', f"W/{tag}", tag.strip('"'), ""):
            self.put(draft["id"], new, bad or ",").refused("precondition-failed", 412)
        self.assertEqual(self.server.admin("GET", path).json, draft)
        changed_ = self.put(draft["id"], new, f'"0", {tag}').must(200)
        self.assertEqual(changed_.json["content"], {})
        self.assertNotEqual(changed_.headers["ETag"], tag)
        self.put(draft["id"], new, tag).refused("precondition-failed", 412)
        self.put(draft["id"], new, "*").must(200)
        self.server.admin("DELETE", path, headers={"If-Match": tag}).refused(
            "precondition-failed")
        self.server.admin("DELETE", path).must(204)
        for call in (("GET", path), ("DELETE", path)):
            self.server.admin(*call).refused("not-found", 404)
        self.put(draft["id"], new, "*").refused("not-found", 404)
        self.assertEqual(self.server.database.query(log), before, "a draft was told to all")

    def test_of_two_at_once_one_wins(self):
        made = self.server.admin("POST", "/drafts", self.BODY).must(201)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            got = list(pool.map(lambda i: self.put(
                made.json["id"], {"name": f"n{i}", "content": {}}, made.headers["ETag"]).status,
                range(8)))
        self.assertEqual(sorted(got), [200] + 7 * [412])

    def test_bad_ones(self):
        for change, slug, field in (({"name": ""}, "bad-value", "name"),
                                    ({"name": "x" * 201}, "bad-value", "name"),
                                    ({"content": []}, "wrong-type", "content"),
                                    ({"content": None}, "wrong-type", "content"),
                                    ({"more": 1}, "unknown-field", "more")):
            reply = self.server.admin("POST", "/drafts", {**self.BODY, **change}).refused(slug)
            self.assertEqual(reply.json["field"], field)
        large = {"name": "l", "content": {"x": "y" * (1 << 20)}}
        self.server.admin("POST", "/drafts", large).refused("bad-value", 400)
        large["content"]["x"] += "y" * (1 << 19)
        self.server.admin("POST", "/drafts", large).refused("body-too-large", 413)
        self.server.post("/drafts", self.BODY).refused("unauthenticated", 401)
        self.assertEqual(self.server.admin("GET", "/drafts").json["drafts"], [])

    def test_pages_and_the_most(self):
        self.server.database.query("INSERT INTO drafts (name, content, changed_by) SELECT "
                                   "'d' || i, '{}', 'x' FROM generate_series(1, 500) i")
        self.server.admin("POST", "/drafts", self.BODY).refused("conflict", 409)
        names, query = [], ""
        while query is not None:
            page = self.server.admin("GET", f"/drafts?limit=200{query}").must(200).json
            names += [d["name"] for d in page["drafts"]]
            query = f"&cursor={page['next']}" if page["next"] else None
        self.assertEqual(names, [f"d{i}" for i in range(500, 0, -1)])


class Edits(Scenario):
    """If-Match is honoured wherever something is edited."""

    def test_schedules(self):
        slug = self.slug()
        self.server.make_model(slug, read_spec("iris"))
        path, plan = f"/models/{slug}/schedule", {"every": 60, "rounds": 9, "target": None}

        def put(body, tag=None):
            return self.server.admin("PUT", path, body,
                                     headers={"If-Match": tag} if tag else None)
        self.server.get(path).refused("not-found", 404)
        put(plan, "*").refused("precondition-failed", 412)
        first = put(plan).must(200)
        seen = self.server.get(path).must(200)
        self.assertEqual(seen.json, plan)
        self.assertEqual(first.json["schedule"], plan)
        self.assertEqual(seen.headers["ETag"], first.headers["ETag"])
        tag = seen.headers["ETag"]
        second = put({**plan, "rounds": 10}, tag).must(200)
        put({**plan, "rounds": 11}, tag).refused("precondition-failed", 412)
        self.server.admin("DELETE", path, headers={"If-Match": tag}).refused(
            "precondition-failed", 412)
        self.assertEqual(self.server.get(path).json["rounds"], 10)
        self.server.admin("DELETE", path,
                          headers={"If-Match": second.headers["ETag"]}).must(204)
        self.server.get("/models/nothing/schedule").refused("not-found", 404)

    def test_users(self):
        self.server.admin("POST", "/users", {"name": "una", "role": "viewer"}).must(201)
        seen = self.server.admin("GET", "/users/una").must(200)
        tag = {"If-Match": seen.headers["ETag"]}
        self.assertEqual((seen.json["name"], seen.json["role"]), ("una", "viewer"))
        done = self.server.admin("PUT", "/users/una", {"role": "operator"},
                                 headers=tag).must(200)
        self.assertNotEqual(done.headers["ETag"], seen.headers["ETag"])
        self.server.admin("PUT", "/users/una", {"disabled": True}, headers=tag).refused(
            "precondition-failed", 412)
        self.assertFalse(self.server.admin("GET", "/users/una").json["disabled"])
        self.server.admin("PUT", "/users/una", {"disabled": True}).must(200)
        self.server.admin("GET", "/users/nobody").refused("not-found", 404)
        self.server.get("/users/una").refused("unauthenticated", 401)


class Repeated(Scenario):
    """Idempotency-Key: what comes twice is done once."""

    def post(self, path, body, key, api=None, **more):
        return (api or self.server).admin("POST", path, body,
                                          headers={"Idempotency-Key": key}, **more)

    def sql(self, text):
        return self.server.database.query(text)

    def test_the_same_answer_again(self):
        body, acts = {"name": "ida", "role": "viewer"}, ("SELECT count(*) FROM events WHERE "
                                                         "type = 'act'")
        first = self.post("/users", body, "k-1").must(201)
        self.assertIsNone(first.headers["Idempotency-Replayed"])
        told = self.sql(acts)
        for _ in "ab":
            again = self.post("/users", body, "k-1").must(201)
            self.assertEqual(again.headers["Idempotency-Replayed"], "true")
            self.assertEqual(again.json, first.json)
        self.assertEqual(self.sql(acts), told)
        self.post("/users", body, "k-2").refused("conflict", 409)
        self.server.admin("POST", "/users", body).refused("conflict", 409)
        self.post("/users", {**body, "role": "admin"}, "k-1").refused("idempotency-key-reused")
        self.post("/webhooks", body, "k-1").refused("idempotency-key-reused", 409)
        self.post("/users/ida/reset", {"totp": False}, "k-1").refused("idempotency-key-reused")
        # the order of members is another body: the bytes count
        self.server.admin("POST", "/users", raw=json.dumps(dict(reversed(body.items()))).encode(),
                          headers={"Idempotency-Key": "k-1"}).refused("idempotency-key-reused")
        # it is the caller's own
        other = Api(self.server.origin, self.server.make_token("other"))
        self.post("/users", {"name": "ilse", "role": "viewer"}, "k-1", other).must(201)
        # for a day
        self.sql("UPDATE replays SET created_at = now() - interval '24 hours 1 second'")
        self.post("/users", body, "k-1").refused("conflict", 409)

    def test_tags_and_empty_answers_come_again(self):
        body = {"name": "d", "content": {}}
        first, again = (self.post("/drafts", body, "tag").must(201) for _ in "ab")
        self.assertEqual((first.json, first.headers["ETag"]), (again.json, again.headers["ETag"]))
        slug = self.slug()
        self.server.make_model(slug, VECTOR)
        ctx = self.post(f"/models/{slug}/rounds", {}, "open").must(201).json["ctx"]
        again = self.post(f"/models/{slug}/rounds", {}, "open").must(201)
        self.assertEqual(again.json["ctx"], ctx)
        self.server.admin("POST", f"/models/{slug}/rounds", {}).refused("round-already-open")
        checked = [self.post("/specs/check", {"spec": VECTOR}, "check").must(200).json
                   for _ in "ab"]
        self.assertEqual(checked[0], checked[1])

    def test_failures_are_not_kept(self):
        self.post("/users", {"name": "Bad Name", "role": "viewer"}, "f-1").refused("bad-value")
        self.post("/users", {"name": "good", "role": "viewer"}, "f-1").must(201)
        self.assertEqual(self.sql("SELECT count(*) FROM replays r WHERE status >= 400"), "0")

    def test_nothing_is_kept_in_the_clear(self):
        slug = self.slug()
        self.server.make_model(slug, VECTOR)
        body = {"model": slug, "organisation": None, "count": 3, "expires_in": 60, "admit": True}
        key = "a-key-that-nobody-guesses"
        links = [i["link"] for i in self.post("/invites", body, key).must(201).json["invites"]]
        again = self.post("/invites", body, key).must(201)
        self.assertEqual([i["link"] for i in again.json["invites"]], links)
        self.assertEqual(self.sql(f"SELECT count(*) FROM invites WHERE model = '{slug}'"), "3")
        made = self.post("/webhooks", {"url": "https://example.org/", "events": ["round.result"],
                                       "model": None}, key + "2").must(201).json
        kept = self.sql("SELECT string_agg(r::text || encode(answer, 'escape'), '') FROM replays r")
        for secret in (*(link.partition("#invite=")[2][:32] for link in links),
                       made["secret"][6:], key):
            self.assertNotIn(secret, kept)
        # nor does an answer open for another caller or under another key
        self.sql("INSERT INTO replays SELECT caller, sha256('stolen'), request, status, etag, "
                 "answer FROM replays WHERE created_at = (SELECT max(created_at) FROM replays)")
        self.post("/webhooks", {"url": "https://example.org/", "events": ["round.result"],
                                "model": None}, "stolen").refused("idempotency-key-reused")
        self.server.admin("DELETE", f"/webhooks/{made['id']}").must(204)

    def test_bad_keys_and_where_they_are_read(self):
        for key in (" ", "x" * 256, "a b", "a\tb", "\u00e9"):
            reply = self.post("/drafts", {"name": "x", "content": {}}, key)
            self.assertEqual(reply.refused("bad-value", 400).json["field"], "Idempotency-Key")
        self.post("/drafts", {"name": "x", "content": {}}, "x" * 255).must(201)
        routes, seen = json.loads(self.server.admin_run("routes")), set()
        for route in (r for r in routes if r["method"] == "POST"):
            path = re.sub(r"\{[^}]*\}", "1", route["pattern"].removeprefix("/api/v1"))
            reply = self.post(path, {}, "a b")
            asked = reply.is_problem and reply.json.get("field") == "Idempotency-Key"
            if route["who"] not in ("public", "participant") and reply.slug != "forbidden":
                self.assertTrue(asked or reply.status == 404, (route, reply.body))
                seen.add(asked)
            else:
                self.assertFalse(asked, route)
        self.assertIn(True, seen)

    def hold(self):
        """Users cannot be added until the process ends."""
        holding = subprocess.Popen(
            ["psql", "-XqAt", "-d", self.server.database.conninfo, "-c", "BEGIN", "-c",
             "LOCK TABLE users IN EXCLUSIVE MODE", "-c", "SELECT 'held'", "-c",
             "SELECT pg_sleep(30)"], stdout=subprocess.PIPE, text=True)
        self.assertEqual(holding.stdout.readline(), "held\n")
        return holding

    def test_one_at_a_time(self):
        holding, body = self.hold(), {"name": "uma", "role": "viewer"}
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            first = pool.submit(self.post, "/users", body, "u-1")
            until(lambda: self.sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' "
                                   "AND database = (SELECT oid FROM pg_database WHERE datname = "
                                   "current_database())") != "0", 5, "the request is under way")
            self.post("/users", body, "u-1").refused("request-under-way", 409)
            holding.kill()
            holding.communicate()
            self.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE "
                     "'SELECT pg_sleep%'")
            self.assertEqual(first.result().must(201).json,
                             self.post("/users", body, "u-1").must(201).json)

    def test_many_at_once(self):
        body = {"name": "once", "role": "viewer"}
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            got = list(pool.map(lambda _: self.post("/users", body, "once"), range(8)))
        done = [reply for reply in got if reply.status == 201]
        for reply in got:
            if reply.status != 201:
                reply.refused("request-under-way", 409)
        self.assertEqual(len({reply.body for reply in done}), 1)
        self.assertEqual(len([r for r in done if not r.headers["Idempotency-Replayed"]]), 1)

    def test_killed_in_between(self):
        holding, body = self.hold(), {"name": "kim", "role": "viewer"}
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            lost = pool.submit(self.post, "/users", body, "kim")
            until(lambda: self.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type "
                                   "= 'Lock'") != "0", 5, "the request is under way")
            self.server.kill()
            self.assertIsInstance(lost.exception(), OSError)
        holding.kill()
        holding.communicate()
        self.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
                 "current_database() AND pid <> pg_backend_pid()")
        self.server.start()
        first = self.post("/users", body, "kim").must(201)
        self.assertEqual(self.post("/users", body, "kim").must(201).json, first.json)
