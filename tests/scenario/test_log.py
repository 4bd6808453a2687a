# SPDX-License-Identifier: Apache-2.0
"""The public log over HTTP: whatever it serves is recomputed from its entries."""

import json
import threading
import time

import ledger
import stranger
from harness import Scenario, until
from ledger import Checkpoint, Roots, Signer, checkpoint, entries, leaf, log_key, tile_path
from voice import VECTOR, Key, Voice, choir, play


class LogScenario(Scenario):
    """What the scenarios of the log have in common."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.key = log_key(cls.server)

    def newest(self):
        """The checkpoint once nothing is pending."""
        until(lambda: self.server.database.query("SELECT count(*) FROM log_pending") == "0", 20,
              "all events are leaves")
        return checkpoint(self.server, self.key)

    def grow(self, count=1):
        """That many events more; the new checkpoint."""
        self.server.database.query(
            "WITH made AS (SELECT gen_random_uuid()::text AS id FROM generate_series(1, "
            f"{count})), stored AS (INSERT INTO events (type, hash, bytes) SELECT 'x', "
            """sha256(id::bytea), ('{"id":"' || id || '"}')::bytea FROM made """
            "RETURNING seq) INSERT INTO log_pending SELECT seq FROM stored")
        return self.newest()

    def everything(self):
        head = self.newest()
        found = entries(self.server, head.size)
        return head, found, Roots(map(leaf, found))

    def bad(self, path, slug, field=None, status=None):
        reply = self.server.get(path).refused(slug, status)
        self.assertEqual(reply.json.get("field"), field, path)
        self.assertTrue(slug == "not-found" or reply.json["detail"], path)
        return reply


class Reading(LogScenario):
    """A log of some hundred leaves: a whole round, and what was put behind it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.voices = choir(cls.server, "first", 3)
        cls.ctx = cls.server.open_round("first")
        play(cls.voices, cls.ctx)
        cls.server.make_model("second", VECTOR)

    def test_every_event_is_a_leaf(self):
        head, found, roots = self.everything()
        self.assertEqual(roots.at(head.size), head.root)
        events = [json.loads(entry) for entry in found]
        self.assertEqual(events[0], self.server.instance())
        stored = self.server.database.query("SELECT count(*) FROM events")
        self.assertEqual(len(found), int(stored))
        for entry, event in zip(found, events, strict=True):
            if event.get("type", "x") != "x":
                self.assertEqual(stranger.canonical(event), entry)
        kinds = [event["type"] for event in events if event.get("ctx") == self.ctx]
        for kind in ("join", "roster", "graph", "share", "sharers", "update", "survivors",
                     "unmask", "result"):
            self.assertIn(kind, kinds)
        hashes = {stranger.event_hash(e).hex(): i for i, e in enumerate(events) if "type" in e}
        for i, event in enumerate(events):  # nothing stands before what it follows from
            for name in ("instance", "identity", "roster", "graph", "sharers", "survivors"):
                if isinstance(event.get(name), str):
                    self.assertLess(hashes[event[name]], i, f"{event['type']}.{name}")

    def test_every_checkpoint_is_of_this_tree(self):
        for count in (1, 2, 300):
            self.grow(count)
        _, _, roots = self.everything()
        notes = self.server.database.query(
            "SELECT encode(note, 'hex') FROM log_checkpoints").split()
        self.assertGreater(len(notes), 3)
        for note in notes:
            signed = Checkpoint(bytes.fromhex(note).decode(), self.key)
            self.assertEqual(roots.at(signed.size), signed.root)

    def test_tiles(self):
        self.grow(700)
        head, found, roots = self.everything()
        level, hashes = 0, roots.hashes
        while hashes:
            full, rest = divmod(len(hashes), 256)
            for index in range(full + 1):
                part = hashes[256 * index:256 * (index + 1)]
                for width in sorted({1, 2, len(part) // 2, len(part)} - {0}):
                    if width > len(part):
                        continue
                    reply = self.server.get(tile_path(level, index, width)).must(200)
                    self.assertEqual(reply.body, b"".join(part[:width]), (level, index, width))
                    self.assertIn("immutable", reply.headers["Cache-Control"])
                    self.assertEqual(reply.headers["Content-Type"], "application/octet-stream")
                if len(part) < 256:
                    self.bad(tile_path(level, index), "not-found", status=404)
                    self.bad(tile_path(level, index, rest + 1), "not-found", status=404)
            self.bad(tile_path(level, full + 1, 1), "not-found", status=404)
            hashes = [ledger.Roots(hashes[256 * i:256 * (i + 1)]).at(256) for i in range(full)]
            level += 1
        self.assertEqual(level, 2)
        index, rest = divmod(head.size, 256)
        self.bad(tile_path("entries", index), "not-found", status=404)
        self.bad(tile_path("entries", index, rest + 1), "not-found", status=404)
        part = self.server.get(tile_path("entries", 0, 3)).must()
        self.assertIn("immutable", part.headers["Cache-Control"])
        self.assertIn(found[2], part.body)
        self.assertNotIn(found[3], part.body)

    def test_tiles_that_cannot_be(self):
        for path in ("", "/", "0", "0/", "0/0", "0/00", "0/0000", "0/x000/000", "0/000.p/0",
                     "0/000.p/256", "0/000.p/01", "0/000.p", "0/000.p/1/", "0/000/", "00/000",
                     "9/000", "-1/000", "0/-01", "0/000.p/-1", "0/abc", "entries/1",
                     "entries/x001", "0//000", "%30/000", "0/x999/x999/x999/x999/x999/x999/999",
                     "0/x9" + "99/x999" * 12 + "/999"):
            self.bad("/log/tile/" + path, "not-found", status=404)
        self.bad("/log/tile", "not-found", status=404)

    def proof(self, which):
        return self.server.get("/log/proofs/" + which).must().json

    def test_proofs(self):
        self.grow(300)
        head, _, roots = self.everything()
        sizes = [1, 2, 3, 255, 256, 257, head.size - 1, head.size]
        for size in sizes:
            for index in {0, 1, size // 2, size - 1} & set(range(size)):
                proof = self.proof(f"inclusion?leaf={index}&size={size}")
                self.assertEqual((proof["leaf"], proof["size"]), (index, size))
                self.assertEqual(proof["hash"], roots.hashes[index].hex())
                self.assertEqual(proof["root"], roots.at(size).hex())
                path = [bytes.fromhex(part) for part in proof["path"]]
                self.assertEqual(ledger.inclusion_root(roots.hashes[index], index, size, path),
                                 roots.at(size))
            for first in sizes[:sizes.index(size) + 1]:
                proof = self.proof(f"consistency?from={first}&to={size}")
                self.assertEqual((proof["from"], proof["to"]), (first, size))
                path = [bytes.fromhex(part) for part in proof["path"]]
                self.assertTrue(ledger.consistent(first, roots.at(first), size, roots.at(size),
                                                  path), (first, size))
        proof = self.proof("inclusion?leaf=5")
        self.assertEqual(proof["size"], head.size)
        proof = self.proof(f"consistency?from=0&to={head.size}")
        self.assertEqual(proof["path"], [])

    def test_wrong_questions(self):
        size = self.newest().size
        for path, slug, field in (
                ("/log/proofs/inclusion", "missing-field", "leaf"),
                ("/log/proofs/inclusion?leaf=x", "bad-value", "leaf"),
                ("/log/proofs/inclusion?leaf=-1", "bad-value", "leaf"),
                ("/log/proofs/inclusion?leaf=", "bad-value", "leaf"),
                ("/log/proofs/inclusion?leaf=99999999999999999999", "bad-value", "leaf"),
                ("/log/proofs/inclusion?leaf=1&size=x", "bad-value", "size"),
                ("/log/proofs/inclusion?leaf=1&size=1", "not-found", None),
                ("/log/proofs/inclusion?leaf=0&size=0", "not-found", None),
                (f"/log/proofs/inclusion?leaf={size}", "not-found", None),
                (f"/log/proofs/inclusion?leaf=0&size={size + 1}", "not-found", None),
                ("/log/proofs/consistency", "missing-field", "from"),
                ("/log/proofs/consistency?from=1", "missing-field", "to"),
                ("/log/proofs/consistency?to=1", "missing-field", "from"),
                ("/log/proofs/consistency?from=1&to=1e3", "bad-value", "to"),
                ("/log/proofs/consistency?from=2&to=1", "bad-value", "from"),
                (f"/log/proofs/consistency?from=1&to={size + 1}", "not-found", None),
                ("/log/checkpoint?after=x", "bad-value", "after"),
                ("/log/checkpoint?wait=61", "bad-value", "wait"),
                ("/log/entries?cursor=x", "bad-value", "cursor"),
                ("/log/entries?limit=0", "bad-value", "limit"),
                ("/log/entries?model=No+Model", "bad-value", "model"),
                ("/log/entries?ctx=12", "bad-value", "ctx"),
                ("/log/events/12", "not-found", None),
                ("/log/events/" + "00" * 32, "not-found", None),
                ("/log/witnesses?cursor=x", "bad-value", "cursor")):
            self.bad(path, slug, field)

    def pages(self, query):
        found, cursor = [], "0"
        while cursor is not None:
            page = self.server.get(f"/log/entries?limit=20&cursor={cursor}{query}").must().json
            self.assertLessEqual(len(page["entries"]), 20)
            found += page["entries"]
            cursor = page["next"]
        return found

    def test_entries(self):
        _, found, _ = self.everything()
        events = [json.loads(entry) for entry in found]
        every = [{"leaf": i, "event": event} for i, event in enumerate(events)]
        self.assertEqual(self.pages("")[:len(every)], every)
        some = [entry for entry in every if entry["event"].get("ctx") == self.ctx
                or entry["event"].get("type") == "open"]
        self.assertEqual(self.pages(f"&ctx={self.ctx}"), some)
        self.assertEqual(self.pages(f"&ctx={self.ctx}&model=first"), some)
        self.assertEqual(self.pages(f"&ctx={self.ctx}&model=second"), [])
        mine = [e for e in self.pages("&model=first") if e["event"]["type"] != "act"]
        self.assertEqual([entry["event"]["type"] for entry in mine][:4],
                         ["model", "admit", "admit", "admit"])
        self.assertEqual(mine[4:], some)
        self.assertEqual([e["event"]["type"] for e in self.pages("&model=second")],
                         ["model", "act"])
        self.assertEqual(self.pages("&model=third"), [])
        self.assertEqual(self.pages("&ctx=" + "12" * 32), [])

    def test_one_event(self):
        with ledger.standing_still(self.server.database.conninfo):
            voice = Voice(self.server).enrol(self.server.invite("first", 1)[0])
            event = voice.enrolled["event"]
            path = f"/log/events/{stranger.event_hash(event).hex()}"
            self.assertEqual(self.server.get(path).must().json, {"leaf": None, "event": event})
        self.newest()
        place = self.server.get(path).must().json["leaf"]
        entry = self.server.get(f"/log/entries?cursor={place}&limit=1").must().json["entries"][0]
        self.assertEqual(entry, {"leaf": place, "event": event})

    def test_waiting_for_a_checkpoint(self):
        head = self.newest()
        reply = self.server.get("/log/checkpoint").must(200)
        self.assertEqual(reply.headers["Content-Type"], "text/plain; charset=utf-8")
        self.assertEqual(reply.headers["Cache-Control"], "no-store")
        started, got = time.monotonic(), []
        late = checkpoint(self.server, self.key, f"?wait=0.2&after={head.size}")
        self.assertEqual(late.note, head.note)
        self.assertGreater(time.monotonic() - started, 0.19)
        waiter = threading.Thread(target=lambda: got.append(
            checkpoint(self.server, self.key, f"?wait=30&after={head.size}")))
        waiter.start()
        self.grow()
        waiter.join(25)
        self.assertEqual(got[0].size, head.size + 1)


class Seen(LogScenario):
    """A participant names a checkpoint; only one that was signed is taken."""

    def wrong(self, head):
        other = {"root": "12" * 32, "size": head.size}
        return (other, {**head.seen, "size": head.size + 1000}, {**head.seen, "size": 1})

    def test_enrolling(self):
        self.server.make_model("enrolling", VECTOR)
        head = self.newest()
        voice, link = Voice(self.server), self.server.invite("enrolling", 1)[0]
        for seen in self.wrong(head):
            reply = self.server.post("/participants", voice.enroll_body(link, seen=seen))
            reply.refused("unknown-checkpoint", 409)
            self.assertEqual(reply.json["field"], "event.seen")
        body = voice.enroll_body(link, seen=head.seen)
        self.server.post("/participants", body).must(201)
        self.server.post("/participants", body).must(200)

    def test_joining(self):
        voices = choir(self.server, self.slug(), 3)
        ctx = self.server.open_round(voices[0].model)
        head = self.newest()
        for seen in self.wrong(head):
            event = voices[0].key.sign({**voices[0].join_body(ctx)["event"], "seen": seen})
            reply = self.server.post(f"/rounds/{ctx}/joins", {"event": event})
            reply.refused("unknown-checkpoint", 409)
            self.assertEqual(reply.json["field"], "seen")
        event = voices[0].key.sign({**voices[0].join_body(ctx)["event"], "seen": head.seen})
        self.server.post(f"/rounds/{ctx}/joins", {"event": event}).must(201)
        self.assertEqual(self.server.state(ctx)["joined"], 1)


class Witnesses(LogScenario):
    """Who cosigns checkpoints, and how readers see it."""

    def setUp(self):
        self.server.database.query("DELETE FROM witnesses")

    def signer(self, name=None):
        key = Key()
        return Signer(name or key.id, key.public, 4, key.secret)

    def register(self, witness):
        return self.server.admin("POST", "/log/witnesses", {"key": witness.vkey})

    def post(self, note, **options):
        options.setdefault("kind", "text/plain; charset=utf-8")
        return self.server.post("/log/cosignatures", raw=note.encode(), **options)

    def cosign(self, witness, head, when=None):
        when = int(time.time()) if when is None else when
        return self.post(head.text + "\n" + self.own_line(head) + witness.line(head.text, when))

    def own_line(self, head):
        return head.note.rpartition("\n\n")[2].splitlines(True)[0]

    def listed(self):
        return self.server.get("/log/witnesses").must().json["witnesses"]

    def test_life(self):
        witness = self.signer("witness.test/w")
        self.server.post("/log/witnesses", {"key": witness.vkey}).refused("unauthenticated")
        shown = self.register(witness).must(201).json
        self.assertEqual(shown, {"name": witness.name, "key": witness.vkey, "checkpoint": None,
                                 "cosigned_at": None})
        self.assertEqual(self.register(witness).must(200).json, shown)
        self.assertEqual(self.listed(), [shown])
        head = self.grow()
        now = int(time.time())
        self.cosign(witness, head, now).must(204)
        after = checkpoint(self.server, self.key)
        self.assertEqual((after.size, witness.verified(after.note)), (head.size, [now]))
        shown = self.listed()[0]
        self.assertEqual(shown["cosigned_at"], now)
        self.assertEqual(Checkpoint(shown["checkpoint"], self.key).root, head.root)
        self.assertEqual(witness.verified(shown["checkpoint"]), [now])
        larger = self.grow()  # the next checkpoint is not cosigned yet
        self.assertEqual(witness.verified(larger.note), [])
        self.assertEqual(self.listed()[0], shown)
        self.cosign(witness, larger).must(204)
        self.cosign(witness, head).refused("conflict", 409)
        self.cosign(witness, larger).must(204)
        path = f"/log/witnesses/{witness.public.hex()}"
        self.server.call("DELETE", path).refused("unauthenticated")
        self.server.admin("DELETE", path).must(204)
        self.server.admin("DELETE", path).refused("not-found", 404)
        self.server.admin("DELETE", "/log/witnesses/12").refused("not-found", 404)
        self.assertEqual(self.listed(), [])
        self.cosign(witness, larger).refused("forbidden", 403)

    def test_several_on_one_note(self):
        known = [self.signer(f"witness.test/{i}") for i in range(3)]
        for witness in known[:2]:
            self.register(witness).must(201)
        head, now = self.grow(), int(time.time())
        note = head.text + "\n" + self.own_line(head)
        for witness in known:
            note += witness.line(head.text, now)
        self.post(note).must(204)
        after = checkpoint(self.server, self.key).note
        self.assertEqual([len(w.verified(after)) for w in known], [1, 1, 0])

    def test_participants(self):
        voice = choir(self.server, self.slug(), 1)[0]
        witness = Signer(voice.id, voice.key.public, 4, voice.key.secret)
        stranger_ = self.signer()
        head = self.grow()
        self.assertEqual(self.listed(), [])
        self.cosign(stranger_, head).refused("forbidden", 403)
        self.cosign(witness, head).must(204)
        self.assertEqual([w["name"] for w in self.listed()], [voice.id])
        self.assertEqual(len(witness.verified(checkpoint(self.server, self.key).note)), 1)
        self.register(witness).refused("bad-value", 400)

    def test_keys_that_are_refused(self):
        witness = self.signer("witness.test/w")
        self.register(witness).must(201)
        name, number, key = witness.vkey.split("+", 2)
        for vkey in ("", "x", name, f"{name}+{number}", f"{name}+00000000+{key}",
                     f"{name} x+{number}+{key}", f"{name}+{number}+{key[:-4]}",
                     Signer(name, witness.public, 1).vkey):
            reply = self.server.admin("POST", "/log/witnesses", {"key": vkey})
            self.assertEqual((reply.slug, reply.json["field"]), ("bad-value", "key"), vkey)
        self.register(Signer("another.test", witness.public, 4)).refused("conflict", 409)
        self.register(self.signer("witness.test/w")).refused("conflict", 409)
        self.assertEqual(len(self.listed()), 1)

    def test_no_more_than_64(self):
        for i in range(64):
            self.register(self.signer(f"w{i}.test")).must(201)
        self.register(self.signer("one.more")).refused("conflict", 409)
        seen, cursor = [], "00" * 32
        while cursor:
            page = self.server.get(f"/log/witnesses?limit=30&cursor={cursor}").must().json
            seen += [witness["name"] for witness in page["witnesses"]]
            cursor = page["next"]
        self.assertEqual(sorted(seen), sorted(f"w{i}.test" for i in range(64)))

    def test_notes_that_are_refused(self):
        witness = self.signer("witness.test/w")
        self.register(witness).must(201)
        head, now = self.grow(), int(time.time())
        own, line = self.own_line(head), witness.line(head.text, now)
        key = Key.from_file(self.server.key)
        origin, size, root = head.text.splitlines()
        other = f"{origin}\n{int(size) + 1000}\n{root}\n"
        log = Signer(self.key.name, key.public, 1, key.secret)
        for note, slug in (
                ("", "malformed-note"), ("x", "malformed-note"),
                (head.text, "malformed-note"), (head.text + "\n", "malformed-note"),
                (head.text + "\n" + own + "no line\n", "malformed-note"),
                (head.text + "\n" + own, "forbidden"),
                (head.text + "\n" + line, "bad-signature"),
                (head.text + "\n" + own + witness.line(other, now), "bad-signature"),
                (other + "\n" + own + witness.line(other, now), "bad-signature"),
                (other + "\n" + log.line(other) + witness.line(other, now),
                 "unknown-checkpoint"),
                (head.text + "\n" + own + witness.line(head.text, now + 3600), "bad-value"),
                (head.text + "\n" + own + line * 100, "malformed-note"),
                ("x" * 70000, "body-too-large")):
            self.post(note).refused(slug)
        self.post(head.text + "\n" + own + line, kind="application/json").refused(
            "unsupported-media-type")
        self.assertIsNone(self.listed()[0]["checkpoint"])
        self.post(head.text + "\n" + own + line).must(204)
