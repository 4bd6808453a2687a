# SPDX-License-Identifier: Apache-2.0
"""Who sees what, against a real chorusd and PostgreSQL: a model that is for its members only, and
a name that its owner hides."""
import hashlib
import json
import time

from people import Person, play
from serving import Key, psql, vector, wait_until
from streaming import Stream
from test_sessions import ROLES, ZERO, People, Session, routes

HIDDEN, OPEN = "hidden", "open"


def ctx_of(model, number=1):
    return hashlib.sha256(f"{model}-{number}-1".encode()).hexdigest()


class Folk(People):
    """A model for its members, a public one, and a round of each."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        s = cls.server
        for slug in (HIDDEN, OPEN):
            s.model(slug, vector(10))
        cls.inside = [Person(s, HIDDEN, name) for name in ("Ada", "Bob", "Cem")]
        cls.outside = [Person(s, OPEN, name) for name in ("Dia", "Eva", "Fay")]
        play(s, HIDDEN, 1, cls.inside, cls.inside, samples={"Ada": 3}, amount=5)
        play(s, OPEN, 1, cls.outside, cls.outside)
        play(s, HIDDEN, 2, cls.inside, [], before="join", after="failed", failure="cancelled")
        cls.see(HIDDEN, "members")
        cls.ctx, cls.failed = ctx_of(HIDDEN), ctx_of(HIDDEN, 2)
        cls.staff = {role: cls.token_of(role) for role in ROLES}

    @classmethod
    def see(cls, model, visibility):
        reply = cls.server.call("PUT", f"/models/{model}/visibility", {"visibility": visibility},
                                admin=True)
        assert reply.status < 300, reply

    @classmethod
    def token_of(cls, role, model=None):
        made = cls.root.call("POST", "/tokens", {"name": f"{role} {model}", "role": role,
                                                 "model": model, "expires_in": 3600})
        return {"Authorization": "Bearer " + made.json["token"]}

    def insiders(self):
        """Headers of everybody who sees it, by what they are."""
        s = Session(self.server, self.inside[0].login())
        root = {"Cookie": "chorus_session=" + self.root.cookie}
        return {"a member's session": {"Cookie": "chorus_session=" + s.cookie},
                "a member's signature": self.inside[1].reads(), "an administrator's session": root,
                "its token": self.token_of("viewer", HIDDEN), **self.staff}

    def outsiders(self):
        s = Session(self.server, self.outside[0].login())
        nobody = Person(self.server, HIDDEN, "Gil", admit=False)
        return {"nobody": {}, "another member's session": {"Cookie": "chorus_session=" + s.cookie},
                "another member's signature": self.outside[1].reads(),
                "one who is not admitted": nobody.reads(),
                "another model's token": self.token_of("admin", OPEN),
                "a cookie of nobody": {"Cookie": "chorus_session=" + "A" * 43}}


class Reading(Folk):
    def paths(self, model, ctx, who):
        """Every address that reads of one model, with what makes it an address."""
        fill = {"model": model, "ctx": ctx, "type": "result", "index": "0", "id": who,
                "address": "0x" + "11" * 20}
        for method, pattern, role, flags in routes():
            if method != "GET" or role != "public" or "{model}" not in pattern and "{ctx}" not in pattern:
                continue
            for name, value in fill.items():
                pattern = pattern.replace("{%s}" % name, value)
            yield pattern.removeprefix("/api/v1"), flags
        for path in (f"/events?model={model}", f"/events?ctx={ctx}", f"/leaderboard?model={model}",
                     f"/leaderboard?model={model}&format=csv"):
            yield path, "caller"

    def test_as_if_it_were_not_there(self):
        """To the letter what is said of a model and a round that never were."""
        outsiders, seen = self.outsiders(), 0
        ada = self.inside[0].id
        pairs = zip(self.paths(HIDDEN, self.ctx, ada), self.paths("nothing", ZERO, ada))
        for (path, flags), (never, _) in pairs:
            self.assertIn("caller", flags, f"{path} does not ask who reads")
            for who, headers in outsiders.items():
                reply = self.server.get(path, headers=headers)
                self.assertEqual((reply.status, reply.slug), (404, "not-found"), f"{path} by {who}")
                wanted = self.server.get(never, headers=headers)
                self.assertEqual(reply.body, wanted.body, f"{path} by {who}")
                seen += 1
        self.assertGreater(seen, 150)

    def test_there_for_those_inside(self):
        for who, headers in self.insiders().items():
            for path in (f"/models/{HIDDEN}", f"/models/{HIDDEN}/spec", f"/models/{HIDDEN}/weights",
                         f"/models/{HIDDEN}/rounds", f"/models/{HIDDEN}/balances",
                         f"/rounds/{self.ctx}", f"/rounds/{self.failed}/members",
                         f"/leaderboard?model={HIDDEN}"):
                reply = self.server.get(path, headers=headers)
                self.assertEqual(reply.status, 200, f"{path} by {who}: {reply}")
                self.assertNotIn("public", reply.headers["Cache-Control"], f"{path} by {who}")
                self.assertIn("Authorization", reply.headers["Vary"])
            self.assertEqual(self.server.get(f"/models/{HIDDEN}", headers=headers).json["visibility"],
                             "members")

    def test_lists(self):
        def models(headers):
            return [m["model"] for m in self.server.get("/models", headers=headers).json["models"]]
        for who, headers in self.outsiders().items():
            self.assertNotIn(HIDDEN, models(headers), who)
            self.assertIn(OPEN, models(headers), who)
        for who, headers in self.insiders().items():
            self.assertIn(HIDDEN, models(headers), who)

    def test_leaderboard(self):
        """Over all it counts public models only, whoever asks."""
        ids = {p.id for p in self.inside}
        for headers in (*self.outsiders().values(), *self.insiders().values()):
            rows = self.server.get("/leaderboard?limit=200", headers=headers).json["leaders"]
            self.assertFalse(ids & {r["participant"] for r in rows})
        text = self.server.get("/leaderboard?format=csv").body.decode()
        self.assertFalse([i for i in ids if i in text])
        rows = self.server.get(f"/leaderboard?model={HIDDEN}", headers=self.inside[0].reads())
        self.assertEqual({r["participant"] for r in rows.json["leaders"]}, ids)

    def test_people(self):
        """What somebody is a member of, and has earned, is told of what one sees."""
        ada = self.inside[0].id
        for who, headers in self.outsiders().items():
            for path in (f"/participants/{ada}", f"/participants/{ada}/statement"):
                reply = self.server.get(path, headers=headers)
                self.assertEqual(reply.status, 200, reply)
                self.assertNotIn(HIDDEN, reply.body.decode(), f"{path} by {who}")
            of = [self.server.get(f"/participants/{ada}/statement?model={model}", headers=headers).json
                  for model in (HIDDEN, "nothing")]
            self.assertEqual(of[0], of[1], who)
        for who, headers in self.insiders().items():
            reply = self.server.get(f"/participants/{ada}", headers=headers)
            self.assertEqual([e["model"] for e in reply.json["admissions"]], [HIDDEN], who)
        self.assertEqual([e["model"] for e in self.server.get(
            f"/participants/{self.outside[0].id}").json["admissions"]], [OPEN])

    def test_stream(self):
        for query in (f"?model={HIDDEN}", f"?ctx={self.ctx}"):
            with Stream(self.server.port, query) as s:
                s.until(lambda s: s.head)
                self.assertEqual(s.status, 404)
        with Stream(self.server.port) as s:
            s.until(lambda s: s.of("head"))
            self.sql(f"UPDATE models SET results = results WHERE slug = '{HIDDEN}'")
            time.sleep(0.5)
            s.read(0.2)
            self.assertEqual((s.of("model"), s.of("round")), ([], []))
        over = self.server.connect()
        over.request("GET", f"/api/v1/events?model={HIDDEN}", headers=self.inside[0].reads())
        got = over.getresponse()
        self.assertEqual(got.status, 200)
        while not (line := got.readline()).startswith(b"data: {\"model\""):
            self.assertTrue(line)
        self.assertEqual(json.loads(line[6:])["model"], HIDDEN)
        over.close()

    def test_open_streams(self):
        """Who must not see the model any more is told nothing more of it."""
        self.server.model("streamed", vector(10))
        hal, gil = (Person(self.server, "streamed", name) for name in ("Hal", "Gil"))
        play(self.server, "streamed", 1, [hal], [hal])
        queries = ("?model=streamed", f"?ctx={ctx_of('streamed')}")

        def ended_by(change, headers, reopened):
            streams = [Stream(self.server.port, query, headers=headers) for query in queries]
            log = Stream(self.server.port)
            for stream in (*streams, log):
                stream.until(lambda s: s.of("model") or s.of("round") or s.of("head"))
            change()
            for stream in streams:
                stream.until(lambda s: s.ended, 5)
                stream.socket.close()
            log.read(0.2)
            self.assertFalse(log.ended)
            log.socket.close()
            for query in queries:
                with Stream(self.server.port, query, headers=headers) as again:
                    again.until(lambda s: s.head)
                    self.assertEqual(again.status, reopened)

        ended_by(lambda: self.see("streamed", "members"), {}, 404)
        ended_by(lambda: self.server.post(f"/models/streamed/members/{gil.id}/suspend", admin=True),
                 gil.reads(), 404)
        ended_by(lambda: self.see("streamed", "public"), self.staff["viewer"], 200)

    def test_the_log_is_whole(self):
        """It is for everybody, or nobody could check it; names are not in it."""
        entries = self.server.get("/log/entries?limit=200").json["entries"]
        self.assertIn(HIDDEN, {e["event"].get("model") for e in entries})
        text = json.dumps(entries)
        for name in ("Ada", "Bob", "Dia"):
            self.assertNotIn(name, text)

    def test_tokens_of_one_model(self):
        mine, other = self.token_of("admin", HIDDEN), self.token_of("admin", OPEN)
        self.assertEqual(self.server.get(f"/models/{HIDDEN}/members", headers=mine).status, 200)
        reply = self.server.get(f"/models/{HIDDEN}/members", headers=other)
        self.problem(reply, "forbidden")

    def test_who_leaves(self):
        gil = Person(self.server, HIDDEN, "Gil")
        s = Session(self.server, gil.login())
        def sees():
            return [self.server.get(f"/models/{HIDDEN}", headers=gil.reads()).status,
                    s.get(f"/models/{HIDDEN}").status]
        self.assertEqual(sees(), [200, 200])
        reply = self.server.post(f"/models/{HIDDEN}/members/{gil.id}/suspend", admin=True)
        self.assertEqual(reply.status, 200, reply)
        self.assertEqual(sees(), [404, 404])

    def test_the_protocol_goes_on(self):
        """What members send is signed, and told apart by that."""
        reply = self.server.post(f"/rounds/{self.ctx}/joins", {"event": {}})
        self.assertNotIn(reply.slug, ("not-found", "unauthenticated"))

    def test_changing(self):
        self.server.model("turns", vector(10))
        people = [Person(self.server, "turns", n) for n in ("Xue", "Yan", "Zoe")]
        play(self.server, "turns", 1, people, people)
        board = "/leaderboard?model=turns"
        def shown():
            return (self.server.get("/models/turns").status, self.server.get(board).status,
                    people[0].line() is not None)
        for _ in range(5):  # kept in memory
            self.assertEqual(shown(), (200, 200, True))
        for visibility, wanted in (("members", (404, 404, False)), ("public", (200, 200, True))):
            self.see("turns", visibility)
            self.assertTrue(wait_until(lambda: shown() == wanted, 1.5), f"{visibility}: {shown()}")
        for body, slug, field in (({"visibility": "secret"}, "bad-value", "visibility"), ({}, "missing-field",
                                  "visibility"), ({"visibility": None}, "wrong-type", "visibility")):
            self.refused(slug, field, "PUT", "/models/turns/visibility", body, admin=True)
        for role in ("viewer", "operator"):
            reply = self.server.call("PUT", "/models/turns/visibility", {"visibility": "members"},
                                     headers=self.staff[role])
            self.problem(reply, "forbidden")
        self.problem(self.server.call("PUT", "/models/never/visibility", {"visibility": "public"},
                                      admin=True), "not-found")


class Signatures(Folk):
    """Reads that a member signs."""

    def ask(self, headers, path=f"/models/{HIDDEN}"):
        return self.server.get(path, headers=headers)

    def test_good_for_a_day(self):
        ada, now = self.inside[0], int(time.time())
        for at in (now, now - 86000, now + 86000):
            for _ in range(2):
                self.assertEqual(self.ask(ada.reads(at)).status, 200, at - now)
        for at in (now - 86500, now + 86500, 1, 10**14):
            self.problem(self.ask(ada.reads(at)), "unauthenticated", detail="more than a day")

    def test_bad(self):
        ada, now = self.inside[0], int(time.time())
        good = ada.reads(now)["Authorization"]
        sig = good.rpartition(".")[2]
        other, stranger = self.outside[0], Key()
        for bad in (f"Chorus {other.id}.{now}.{sig}", f"Chorus {stranger.id}.{now}.{sig}",
                    f"Chorus {ada.id}.{now + 1}.{sig}", f"Chorus {ada.id}.{now}.{ZERO * 2}",
                    ada.reads(now, "ab" * 32)["Authorization"],
                    f"Chorus {ada.id}.{now}." + ada.sign(b"chorus/v1/login\n", now)):
            self.problem(self.ask({"Authorization": bad}), "bad-signature")
        for bad in (f"Chorus {ada.id}.{now}", f"Chorus {ada.id}.0{now}.{sig}", f"Chorus {ada.id}.-1.{sig}",
                    f"Chorus {ada.id}..{sig}", f"Chorus {ada.id}.{now}.{sig}00", f"Chorus {ada.id}.{sig}",
                    f"Chorus {ada.id}.0.{sig}", f"Chorus {ada.id.upper()}.{now}.{sig}", "Chorus ",
                    f"Chorus {ada.id}.{'9' * 17}.{sig}", f"Chorus {ada.id}.{now}x.{sig}"):
            reply = self.ask({"Authorization": bad})
            self.assertEqual(reply.slug, "unauthenticated", bad)

    def test_not_for_the_round_alone(self):
        """A signature over the round reads that round, but not the model."""
        ada = self.inside[0]
        sig = ada.key.sign(b"chorus/v1/fetch\n" + bytes.fromhex(self.ctx))
        headers = {"Authorization": f"Chorus {ada.id}.{sig}"}
        self.assertEqual(self.ask(headers, f"/rounds/{self.ctx}").status, 200)
        self.problem(self.ask(headers), "unauthenticated")
        self.problem(self.ask(headers, f"/rounds/{ctx_of(OPEN)}"), "bad-signature")

    def test_reads_only(self):
        ada = self.inside[0]
        for method, path, body in (("PUT", "/me", {"name_shown": False}), ("GET", "/me", None),
                                   ("GET", "/participants", None), ("DELETE", "/session", None)):
            reply = self.server.call(method, path, body, headers=ada.reads())
            self.assertEqual(reply.slug, "unauthenticated", path)

    def test_public_reads(self):
        """Whoever signs is known there too, and what is signed must be true."""
        self.assertEqual(self.ask(self.inside[0].reads(), f"/models/{OPEN}").status, 200)
        self.problem(self.ask(self.inside[0].reads(1), f"/models/{OPEN}"), "unauthenticated")
        self.assertEqual(self.ask(self.inside[0].reads(1), "/instance").status, 200)


class Names(Folk):
    """Ada's name is hidden: to herself and those who run the instance it is shown."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.see(HIDDEN, "public")
        cls.ada, cls.bob = cls.inside[:2]
        cls.session = Session(cls.server, cls.ada.login())
        reply = cls.session.call("PUT", "/me", {"name_shown": False})
        assert reply.status == 200, reply

    def everywhere(self, headers):
        """Ada's name where it is told, by where; Bob's must be there always."""
        def of(path, key):
            rows = self.server.get(path, headers=headers).json[key]
            names = {r["participant"]: r["name"] for r in rows}
            self.assertEqual(names[self.bob.id], "Bob", path)
            return names[self.ada.id]
        return {
            "leaderboard": of("/leaderboard?limit=200", "leaders"),
            "its model's": of(f"/leaderboard?model={HIDDEN}", "leaders"),
            "cohort": of(f"/rounds/{self.failed}/members", "members"),
            "person": self.server.get(f"/participants/{self.ada.id}", headers=headers).json["name"]}

    def test_others(self):
        self.assertTrue(wait_until(lambda: self.ada.line()["name"] is None, 1.5))
        session = Session(self.server, self.bob.login())
        for who, headers in (("nobody", {}), ("a signature", self.bob.reads()),
                             ("a session", {"Cookie": "chorus_session=" + session.cookie})):
            self.assertEqual(set(self.everywhere(headers).values()), {None}, who)
            for path in ("/leaderboard?format=csv", f"/leaderboard?model={HIDDEN}&format=csv"):
                text = self.server.get(path, headers=headers).body.decode()
                self.assertNotIn("Ada", text, who)
                self.assertIn("Bob", text)

    def test_oneself_and_those_who_run_it(self):
        mine = {"Cookie": "chorus_session=" + self.session.cookie}
        for who, headers in (("her session", mine), ("her signature", self.ada.reads()), *self.staff.items()):
            self.assertEqual(set(self.everywhere(headers).values()), {"Ada"}, who)
            text = self.server.get("/leaderboard?format=csv", headers=headers).body.decode()
            self.assertIn("Ada", text, who)
        for role in ROLES:
            for path, key in ((f"/models/{HIDDEN}/members", "members"), ("/participants", "participants")):
                rows = self.server.get(path, headers=self.staff[role]).json[key]
                self.assertIn("Ada", {r["name"] for r in rows})

    def test_not_listed_to_members(self):
        """Lists of all members are for those who run the instance."""
        for headers in (self.bob.reads(), {}):
            for path in (f"/models/{HIDDEN}/members", "/participants"):
                self.problem(self.server.get(path, headers=headers), "unauthenticated")

    def test_who_is_waited_for(self):
        self.sql(f"DELETE FROM joins WHERE ctx = '\\x{self.ctx}'")
        self.sql("UPDATE rounds SET phase = 'join', ended_at = NULL, deadline = now() + interval '1 hour' "
                 f"WHERE ctx = '\\x{self.ctx}'")
        waiting = {w["participant"]: w["name"]
                   for w in self.server.get(f"/rounds/{self.ctx}").json["waiting"]}
        self.assertEqual((waiting[self.ada.id], waiting[self.bob.id]), (None, "Bob"))
