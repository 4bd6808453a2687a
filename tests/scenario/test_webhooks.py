# SPDX-License-Identifier: Apache-2.0
"""Webhooks with a real receiver: what is told, when, how it is signed; receivers that fail,
hang, redirect and never end; and chorusd killed in between."""

import base64
import random
import subprocess
import time

from harness import Scenario, changed, temp_folder, until
from receiver import Receiver, verified
from voice import VECTOR, all_join, choir, play

ALL = ["round.opened", "phase.due", "round.result", "round.failed", "payout.final",
       "payout.held"]


class Hooks(Scenario):
    FLAGS = ("--webhook-private=yes",)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.receiver = Receiver()

    @classmethod
    def tearDownClass(cls):
        cls.receiver.close()
        super().tearDownClass()

    def hook(self, path, events=ALL, model=None, receiver=None):
        url = (receiver or self.receiver).origin + path
        return self.server.admin("POST", "/webhooks", {
            "url": url, "events": events, "model": model}).must(201).json

    def drop(self, hook):
        self.server.admin("DELETE", f"/webhooks/{hook['id']}").must(204)

    def ping(self, hook):
        return self.server.admin("POST", f"/webhooks/{hook['id']}/test").must(201).json

    def deliveries(self, hook, state=None):
        query = f"?state={state}" if state else ""
        return self.server.admin(
            "GET", f"/webhooks/{hook['id']}/deliveries{query}").must(200).json["deliveries"]

    def one(self, hook, *states, limit=15):
        """Its only delivery, once it is in one of the states."""
        def there():
            found, = self.deliveries(hook)
            return found if found["state"] in states else None
        return until(there, limit, f"a delivery that is {states}")

    def model(self, **changes):
        slug = self.slug()
        self.server.make_model(slug, changed(VECTOR, **changes))
        return slug

    def sql(self, text):
        return self.server.database.query(text)


class Told(Hooks):
    def test_a_round(self):
        path = "/ok/round"
        voices = choir(self.server, self.slug(), 3)
        model = voices[0].model
        hook = self.hook(path, model=model)
        ctx = self.server.open_round(model)
        self.receiver.wait(path)
        play(voices, ctx)
        calls = self.receiver.wait(path, 2)
        opened, result = (verified(call, hook["secret"]) for call in calls)
        self.assertEqual([opened["type"], result["type"]], ["round.opened", "round.result"])
        same = {"ctx": ctx, "model": model, "round": 1, "attempt": 1}
        for told, phase in ((opened, "join"), (result, "done")):
            self.assertRegex(told["timestamp"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
            self.assertEqual({k: told["data"][k] for k in same}, same)
            self.assertEqual(told["data"]["phase"], phase)
        self.assertEqual((opened["data"]["minimum"], opened["data"]["maximum"]), (3, 20))
        state = self.server.state(ctx)
        self.assertLess(opened["data"]["deadline_at"] - state["opened_at"], 20.5)
        self.assertEqual(result["data"]["count"], 3)
        self.assertEqual(result["data"]["weights"], self.server.results(model)[0]["model"])
        self.assertEqual(len({call.id for call in calls}), 2)
        for call in calls:
            self.assertRegex(call.id, "^msg_[0-9a-f]{32}$")
            with self.assertRaises(AssertionError):
                verified(call._replace(body=call.body + b" "), hook["secret"])
        self.drop(hook)

    def test_only_what_was_asked_for(self):
        mine, other = self.model(), self.model()
        hooks = [self.hook("/ok/model", model=mine), self.hook("/ok/failed", ["round.failed"]),
                 self.hook("/ok/asleep")]
        self.server.admin("PUT", f"/webhooks/{hooks[2]['id']}", {"active": False}).must(200)
        for model in (other, mine):
            ctx = self.server.open_round(model)
            self.server.admin("POST", f"/rounds/{ctx}/cancel", {}).must(200)
        failed = [verified(call, hooks[1]["secret"])
                  for call in self.receiver.wait("/ok/failed", 2)]
        self.assertEqual([(m["type"], m["data"]["model"]) for m in failed],
                         [("round.failed", other), ("round.failed", mine)])
        self.assertEqual((failed[0]["data"]["reason"], failed[0]["data"]["failed_in"]),
                         ("cancelled", "join"))
        told = [verified(call, hooks[0]["secret"])
                for call in self.receiver.wait("/ok/model", 2)]
        self.assertEqual([(m["type"], m["data"]["model"]) for m in told],
                         [("round.opened", mine), ("round.failed", mine)])
        self.assertEqual(self.receiver.at("/ok/asleep"), [])
        for hook in hooks:
            self.drop(hook)

    def test_what_is_rolled_back_is_not_told(self):
        model = self.model()
        hook = self.hook("/ok/rolled", model=model)
        ctx = self.server.open_round(model)
        self.receiver.wait("/ok/rolled")
        self.server.admin("POST", f"/models/{model}/rounds", {}).refused("round-already-open")
        count = "SELECT count(*) FROM webhook_deliveries"
        before = self.sql(count)
        self.sql(f"BEGIN; UPDATE rounds SET phase = 'failed', failure = 'x', ended_at = now() "
                 f"WHERE ctx = '\\x{ctx}'; ROLLBACK")
        self.assertEqual(self.sql(count), before)
        self.drop(hook)

    def test_a_phase_is_due(self):
        """A quarter of its time before the deadline, once, with those who are awaited."""
        path = "/ok/due"
        voices = choir(self.server, self.slug(), 4,
                       changed(VECTOR, deadlines={"join": 4, "share": 4}))
        hook = self.hook(path, ["phase.due"], voices[0].model)
        ctx = self.server.open_round(voices[0].model)
        all_join(voices[:3], ctx)
        state = self.server.state(ctx)
        call, = self.receiver.wait(path)
        told = verified(call, hook["secret"])["data"]
        self.assertEqual((told["phase"], told["awaited"], told["awaited_count"]),
                         ("join", [voices[3].id], 1))
        self.assertLess(call.at, state["deadline_at"])
        self.assertGreater(call.at, state["deadline_at"] - 1.2)
        # a phase that ends earlier is not due, nor is one in which nobody is awaited
        self.server.wait_phase(ctx, "share")
        for voice in voices[:3]:
            voice.share(ctx).must(201)
        self.server.wait_phase(ctx, "upload")
        time.sleep(3.5)
        self.assertEqual(len(self.receiver.at(path)), 1)
        self.server.admin("POST", f"/rounds/{ctx}/cancel", {}).must(200)
        self.drop(hook)

    def test_payouts(self):
        """The states of what is sent to a chain; test_payouts.py has the chain."""
        model = self.model()
        hook = self.hook("/ok/payouts", ["payout.final", "payout.held"], model)
        ctx = self.server.open_round(model)
        made = [self.sql("INSERT INTO chain_txs (kind, model, ctx, part, state, target, calldata)"
                         f" VALUES ('{kind}', '{model}', '\\x{ctx}', {part}, 'planned', "
                         f"'\\x{'11' * 20}', '\\x00') RETURNING id")
                for kind, part in (("pay", 0), ("pay", 1), ("survivors", 0), ("roster", 0))]
        final = ("state = 'final', block = 7, block_hash = sha256('b'), hash = sha256('h')"
                 " WHERE id = ")
        for change in (f"state = 'held', reason = 'no money' WHERE id = {made[0]}",
                       f"state = 'refused', reason = 'policy' WHERE id = {made[3]}",
                       f"reason = 'more' WHERE id = {made[0]}", final + made[1],
                       final + made[2]):
            self.sql(f"UPDATE chain_txs SET {change}")
        calls = self.receiver.wait("/ok/payouts", 3)
        told = [verified(call, hook["secret"]) for call in calls]
        self.assertEqual([m["type"] for m in told],
                         ["payout.held", "payout.held", "payout.final"])
        self.assertEqual([str(m["data"]["id"]) for m in told], [made[0], made[3], made[1]])
        self.assertEqual(told[0]["data"]["reason"], "no money")
        self.assertEqual((told[2]["data"]["round"], told[2]["data"]["block"]), (1, 7))
        self.assertRegex(told[2]["data"]["tx"], "^0x[0-9a-f]{64}$")
        self.sql("DELETE FROM chain_txs")
        self.drop(hook)


class Receivers(Hooks):
    """Those that do not take a message at once."""

    def test_ten_failures_and_by_hand(self):
        hook = self.hook("/500/ten")
        self.ping(hook)
        delays = []
        for attempt in range(1, 11):
            def tried(attempt=attempt):
                found, = self.deliveries(hook)
                return found if found["attempts"] == attempt and found["reason"] else None
            found = until(tried, 10, f"attempt {attempt}")
            self.assertEqual((found["status"], found["reason"]), (500, "HTTP status 500"))
            self.assertEqual(found["state"], "dead" if attempt == 10 else "waiting")
            if attempt < 10:
                delays.append(float(self.sql(
                    "SELECT extract(epoch FROM next_at - clock_timestamp()) "
                    f"FROM webhook_deliveries WHERE webhook = {hook['id']}")))
                self.sql("UPDATE webhook_deliveries SET next_at = now(), reason = NULL "
                         f"WHERE webhook = {hook['id']}")
        self.assertEqual(delays, sorted(delays))
        self.assertTrue(3 < delays[0] <= 5 and 71_000 < delays[8] <= 72_000, delays)
        calls = self.receiver.at("/500/ten")
        self.assertEqual((len(calls), len({c.id for c in calls}), len({c.body for c in calls})),
                         (10, 1, 1))
        for call in calls:
            verified(call, hook["secret"])
        self.assertEqual(self.deliveries(hook, "waiting"), [])
        dead, = self.deliveries(hook, "dead")
        self.assertIsNone(dead["next_at"])
        self.assertEqual(self.server.admin("GET", f"/webhooks/{hook['id']}").json["dead"], 1)
        # mended, and again by hand
        self.server.admin("PUT", f"/webhooks/{hook['id']}",
                          {"url": self.receiver.origin + "/ok/ten"}).must(200)
        retry = f"/webhooks/{hook['id']}/deliveries/{dead['n']}/retry"
        self.server.admin("POST", retry).must(200)
        call, = self.receiver.wait("/ok/ten")
        self.assertEqual((call.id, call.body), (calls[0].id, calls[0].body))
        verified(call, hook["secret"])
        self.one(hook, "delivered")
        self.server.admin("POST", retry).refused("conflict", 409)
        self.server.admin("POST", f"/webhooks/{hook['id']}/deliveries/1{dead['n']}/retry"
                          ).refused("not-found", 404)
        self.drop(hook)

    def test_retried_by_itself(self):
        hook = self.hook("/flaky/1")
        self.ping(hook)
        calls = self.receiver.wait("/flaky/1", 2, limit=15)
        self.assertEqual(calls[0].id, calls[1].id)
        self.assertGreater(calls[1].at - calls[0].at, 3.5)
        found = self.one(hook, "delivered")
        self.assertEqual((found["attempts"], found["status"], found["reason"]), (2, 200, None))
        self.drop(hook)

    def test_redirects_are_not_followed(self):
        hook = self.hook("/redirect")
        self.ping(hook)
        found = until(lambda: (d := self.deliveries(hook)[0])["reason"] and d, 10, "a reason")
        self.assertEqual((found["state"], found["status"]), ("waiting", 302))
        self.assertIn("redirects are not followed", found["reason"])
        self.assertEqual(self.receiver.at("/ok/redirected"), [])
        self.drop(hook)

    def test_one_that_hangs_holds_up_nobody(self):
        slow, good = self.hook("/hang/up"), self.hook("/ok/beside")
        self.ping(slow)
        self.receiver.wait("/hang/up")
        begun = time.monotonic()
        for _ in range(5):
            self.ping(good)
        self.receiver.wait("/ok/beside", 5, limit=5)
        self.assertLess(time.monotonic() - begun, 5)
        found = until(lambda: (d := self.deliveries(slow)[0])["reason"] and d, 15, "a reason")
        self.assertIn("Timeout", found["reason"])
        self.assertEqual(len(self.receiver.at("/hang/up")), 1)
        self.drop(slow)
        self.drop(good)

    def test_one_that_never_ends(self):
        hook = self.hook("/endless")
        self.ping(hook)
        self.assertEqual(self.one(hook, "delivered")["status"], 200)
        self.assertLess(self.server.process.peak_memory(), 300 << 20)
        self.drop(hook)

    def test_one_that_says_nothing_and_one_that_is_not_there(self):
        for path in ("/drop", "/ok/closed"):
            receiver = self.receiver if path == "/drop" else Receiver()
            hook = self.hook(path, receiver=receiver)
            if path != "/drop":
                receiver.close()
            self.ping(hook)
            found = until(lambda h=hook: (d := self.deliveries(h)[0])["reason"] and d, 10, "why")
            self.assertEqual((found["state"], found["status"]), ("waiting", None))
            self.drop(hook)

    def test_certificates_are_checked(self):
        pem = f"{temp_folder()}/self.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout",
                        pem + ".key", "-out", pem + ".crt", "-days", "1", "-subj",
                        "/CN=127.0.0.1"], check=True, capture_output=True, timeout=60)
        with open(pem, "w", encoding="ascii") as out:
            for part in (".key", ".crt"):
                with open(pem + part, encoding="ascii") as source:
                    out.write(source.read())
        receiver = Receiver(pem)
        hook = self.hook("/ok", receiver=receiver)
        self.ping(hook)
        found = until(lambda: (d := self.deliveries(hook)[0])["reason"] and d, 10, "a reason")
        self.assertIn("certificate", found["reason"])
        self.assertEqual(receiver.calls, [])
        self.drop(hook)
        receiver.close()


class Crashes(Hooks):
    LIMIT = 120

    def test_killed_while_sending(self):
        hook = self.hook("/hang/killed")
        self.ping(hook)
        first, = self.receiver.wait("/hang/killed")
        self.server.kill()
        self.sql(f"UPDATE webhooks SET url = '{self.receiver.origin}/ok/killed'")
        self.server.start()
        second, = self.receiver.wait("/ok/killed", limit=25)
        self.assertEqual((first.id, first.body), (second.id, second.body))
        found = self.one(hook, "delivered")
        self.assertEqual(found["attempts"], 2)
        self.drop(hook)

    def test_killed_again_and_again(self):
        """Whatever was acknowledged is told, at least once, under one id."""
        draw, hook = random.Random(3), self.hook("/ok/again", ["round.opened", "round.failed"])
        done, models = [], [self.model() for _ in range(4)]
        for model in models:
            ctx = self.server.open_round(model)
            self.server.admin("POST", f"/rounds/{ctx}/cancel", {}).must(200)
            done.append(ctx)
            time.sleep(draw.random() / 20)
            self.server.restart()
        self.receiver.wait("/ok/again", 8, limit=60)
        until(lambda: not self.deliveries(hook, "waiting"), 40, "everything is delivered")
        told = {}
        for call in self.receiver.at("/ok/again"):
            message = verified(call, hook["secret"])
            what = (message["type"], message["data"]["ctx"])
            self.assertEqual(told.setdefault(what, call.id), call.id)
        self.assertEqual(set(told), {(kind, ctx) for ctx in done
                                     for kind in ("round.opened", "round.failed")})
        self.drop(hook)

    def test_replicas_compete(self):
        replicas = [self.server.replica() for _ in "ab"]
        hooks = [self.hook(f"/ok/replicas-{i}") for i in range(6)]
        for _ in range(8):
            for hook in hooks:
                self.ping(hook)
        for i, hook in enumerate(hooks):
            self.receiver.wait(f"/ok/replicas-{i}", 8, limit=30)
            until(lambda h=hook: not self.deliveries(h, "waiting"), 10, "all delivered")
        time.sleep(0.5)
        for i in range(6):
            calls = self.receiver.at(f"/ok/replicas-{i}")
            self.assertEqual((len(calls), len({c.id for c in calls})), (8, 8))
        for replica in replicas:
            replica.process.stop()
        for hook in hooks:
            self.drop(hook)

    def test_stopped_in_good_order(self):
        hook = self.hook("/hang/stopped")
        self.ping(hook)
        first, = self.receiver.wait("/hang/stopped")
        begun = time.monotonic()
        self.server.stop()
        self.assertLess(time.monotonic() - begun, 5)
        self.sql(f"UPDATE webhooks SET url = '{self.receiver.origin}/ok/stopped'")
        self.server.start()
        second, = self.receiver.wait("/ok/stopped", limit=12)  # without waiting for a lease
        self.assertEqual(first.id, second.id)
        self.drop(hook)


class Administration(Hooks):
    def test_life(self):
        hook = self.hook("/ok", ["round.result", "phase.due", "round.result"])
        self.assertEqual(hook["events"], ["phase.due", "round.result"])
        self.assertRegex(hook["secret"], r"^whsec_[A-Za-z0-9+/]{43}=$")
        path = f"/webhooks/{hook['id']}"
        seen = self.server.admin("GET", path).must(200)
        self.assertEqual(seen.json, {k: v for k, v in hook.items() if k != "secret"})
        self.assertIn(seen.json, self.server.admin("GET", "/webhooks").json["webhooks"])
        tag = {"If-Match": seen.headers["ETag"]}
        new = self.server.admin("PUT", path, {"events": ALL}, headers=tag).must(200).json
        self.assertEqual((new["events"], new["url"], new["model"]), (ALL, hook["url"], None))
        self.server.admin("PUT", path, {"active": False}, headers=tag).refused(
            "precondition-failed", 412)
        self.server.admin("DELETE", path, headers=tag).refused("precondition-failed", 412)
        self.server.admin("PUT", path, {"active": False}).must(200)
        self.server.admin("POST", path + "/test").refused("conflict", 409)
        self.drop(hook)
        for call in (("GET", path), ("PUT", path, {}), ("DELETE", path), ("POST", path + "/test"),
                     ("GET", path + "/deliveries"), ("POST", path + "/deliveries/1/retry")):
            self.server.admin(*call).refused("not-found", 404)

    def test_bad_ones(self):
        good = {"url": "https://example.org/x", "events": ["round.result"], "model": None}
        for change, slug, field in (({"url": ""}, "bad-value", "url"),
                                    ({"url": "x"}, "bad-value", "url"),
                                    ({"url": "ftp://example.org"}, "bad-value", "url"),
                                    ({"url": "https://a b/"}, "bad-value", "url"),
                                    ({"url": "https://ü/"}, "bad-value", "url"),
                                    ({"url": "https://u:p@example.org/"}, "bad-value", "url"),
                                    ({"url": "https://" + "a" * 2000}, "bad-value", "url"),
                                    ({"events": []}, "bad-value", "events"),
                                    ({"events": ["x"]}, "bad-value", "events"),
                                    ({"events": [1]}, "bad-value", "events"),
                                    ({"events": "round.result"}, "wrong-type", "events"),
                                    ({"model": "nothing"}, "bad-value", "model"),
                                    ({"model": 1}, "bad-value", "model"),
                                    ({"active": 1}, "wrong-type", "active"),
                                    ({"more": 1}, "unknown-field", "more")):
            reply = self.server.admin("POST", "/webhooks", {**good, **change}).refused(slug)
            self.assertEqual(reply.json["field"], field, change)
        for name in good:
            self.server.admin("POST", "/webhooks", {k: v for k, v in good.items() if k != name}
                              ).refused("missing-field", 400)
        self.server.post("/webhooks", good).refused("unauthenticated", 401)
        self.server.admin("GET", "/webhooks?cursor=x").refused("bad-value")
        hook = self.hook("/ok")
        self.server.admin("GET", f"/webhooks/{hook['id']}/deliveries?state=x").refused("bad-value")
        self.drop(hook)

    def test_the_secret_is_shown_once_and_kept_sealed(self):
        one, two = self.hook("/ok/one"), self.hook("/ok/two")
        raw = base64.b64decode(one["secret"].removeprefix("whsec_")).hex()
        kept = self.sql("SELECT string_agg(w::text, '') FROM webhooks w")
        self.assertNotIn(raw, kept)
        self.assertNotIn(one["secret"][6:], kept)
        # sealed for its own webhook only
        self.sql(f"UPDATE webhooks SET secret = (SELECT secret FROM webhooks WHERE id = "
                 f"{one['id']}) WHERE id = {two['id']}")
        self.ping(two)
        found = until(lambda: (d := self.deliveries(two)[0])["reason"] and d, 10, "a reason")
        self.assertIn("sealed with another", found["reason"])
        self.assertEqual(self.receiver.at("/ok/two"), [])
        for _, text in self.server.logs():
            self.assertNotIn(one["secret"][6:], text)
        self.drop(one)
        self.drop(two)

    def test_what_is_kept(self):
        hook = self.hook("/ok/kept")
        self.ping(hook)
        self.one(hook, "delivered")
        acts = self.sql("SELECT string_agg(convert_from(bytes, 'UTF8'), '') FROM events "
                        "WHERE type = 'act'")
        self.assertIn("POST /api/v1/webhooks", acts)
        self.assertNotIn("127.0.0.1", acts)
        pages, query = [], "?limit=2"
        for _ in range(4):
            self.ping(hook)
        while query:
            page = self.server.admin("GET", f"/webhooks/{hook['id']}/deliveries{query}").json
            pages += [d["n"] for d in page["deliveries"]]
            query = f"?limit=2&cursor={page['next']}" if page["next"] else None
        self.assertEqual(pages, sorted(pages, reverse=True))
        self.assertEqual(len(set(pages)), 5)
        self.drop(hook)
        self.assertEqual(self.sql("SELECT count(*) FROM webhook_deliveries"), "0")


class Private(Hooks):
    """Without webhook-private nothing reaches this machine."""
    FLAGS = ()

    def test_addresses(self):
        for host in ("127.0.0.1", "127.1", "2130706433", "0x7f.1", "017700000001", "0", "10.1.2.3",
                     "172.31.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1",
                     "255.255.255.255", "[::1]", "[::]", "[fe80::1]", "[fd00::1]",
                     "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[ff02::1]"):
            reply = self.server.admin("POST", "/webhooks", {
                "url": f"https://{host}/x", "events": ALL, "model": None})
            self.assertEqual(reply.refused("bad-value", 400).json["field"], "url", host)
        self.server.admin("POST", "/webhooks", {"url": "http://example.org/", "events": ALL,
                                                "model": None}).refused("bad-value", 400)

    def test_names_are_looked_at_when_connecting(self):
        hook = self.server.admin("POST", "/webhooks", {
            "url": f"https://localhost:{self.receiver.port}/ok", "events": ALL,
            "model": None}).must(201).json
        self.ping(hook)
        found = until(lambda: (d := self.deliveries(hook)[0])["reason"] and d, 10, "a reason")
        self.assertIn("private network", found["reason"])
        self.assertIsNone(found["status"])
        time.sleep(0.2)
        self.assertEqual(self.receiver.calls, [])
        self.drop(hook)
