# SPDX-License-Identifier: Apache-2.0
"""The client's side of the log: what its events say it saw, promises kept and broken, forks,
old heads, witnesses, and the commands with which anybody looks after the log."""

import glob
import json
import os

import ledger
import stranger
from forger import Forger
from harness import (Client, Scenario, changed, deal, read_csv, read_spec, stratified, tail, until,
                     write_csv)
from voice import Key, Voice, all_join, all_share, all_unmask, all_upload

LONG = {"join": 60, "share": 60, "upload": 60, "unmask": 60}


class Watching(Scenario):
    """Sets the table; holds no test."""

    LIMIT = 90

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.key = Key.from_file(cls.server.key)
        cls.log_key = ledger.log_key(cls.server)
        head, rows = read_csv("iris")
        part, _ = deal(stratified(rows, 4, 4), [20])
        cls.data = write_csv(os.path.join(cls.folder, "rows.csv"), head, part[0])
        until(lambda: ledger.checkpoint(cls.server, cls.log_key), 20, "the first checkpoint")

    def settled(self):
        """The newest checkpoint once nothing is pending."""
        until(lambda: self.server.database.query("SELECT count(*) FROM log_pending") == "0", 20,
              "all events are leaves")
        return ledger.checkpoint(self.server, self.log_key)

    def leaf_of(self, event):
        return until(lambda: self.server.get(
            f"/log/events/{stranger.event_hash(event).hex()}").json["leaf"], 20, "a leaf")

    def table(self, voices=4):
        """A model, one real client behind a forger, and voices at the server itself."""
        self.model = self.slug()
        self.server.make_model(self.model, changed(read_spec("iris"), deadlines=LONG))
        link, *links = self.server.invite(self.model, voices + 1)
        self.forger = self.between()
        self.client = Client(self.folder, f"{self.model} client")
        self.client.enrol(self.forger.link(link))
        self.voices = [Voice(self.server, f"voice {i}").enrol(l) for i, l in enumerate(links)]
        self.settled()
        return self.server.open_round(self.model)

    def between(self):
        forger = Forger(self.server.origin, self.key)
        self.addCleanup(forger.close)
        self.addCleanup(lambda: self.assertEqual(forger.troubles, []))
        return forger

    def step(self, code, *extra, error=None, client=None):
        """One step; its lines. The error must be this one."""
        done = (client or self.client).run("step", self.model, "--yes", "--json", "--data",
                                           self.data, *extra)
        words = [json.loads(line) for line in done.out.splitlines()]
        self.assertIn(done.code, code if isinstance(code, tuple) else (code,), done.out + done.err)
        self.assertEqual(words[-1].get("error") if words else None, error, done.out)
        return words

    def chorus(self, *words, home=None, code=0):
        """A command of somebody; its lines of JSON."""
        done = (home or self.client).run(*words, "--json", limit=40)
        self.assertEqual(done.code, code, f"{words}\n{done.out}{done.err}")
        words = [json.loads(line) for line in done.out.splitlines()]
        return [word for word in words if word["event"] != "pinned"]

    def stranger(self, name="stranger"):
        type(self).serial += 1
        return Client(self.folder, f"{name} {self.serial}")

    def evidence(self, client):
        """The texts of what was kept."""
        texts = []
        for path in glob.glob(os.path.join(client.home, "logs", "*", "evidence-*.txt")):
            with open(path, encoding="utf-8") as file:
                texts.append(file.read())
        return texts

    def two_checkpoints(self, client):
        """The one piece of evidence holds two, both signed by the log, that do not fit."""
        found, = self.evidence(client)
        kept, shown = found.partition("---- kept\n")[2].split("\n---- shown later\n")
        kept, shown = ledger.Checkpoint(kept, self.log_key), ledger.Checkpoint(shown, self.log_key)
        self.assertNotEqual(kept.root, shown.root)
        return kept, shown

    def entry(self):
        """An event of the coordinator that the real log does not hold."""
        return stranger.canonical(self.key.sign({
            "type": "retention", "instance": stranger.event_hash(self.server.instance()).hex(),
            "ctx": "11" * 32, "vectors": 1, "bytes": 2, "time": 3}))


class Members(Watching):
    """Those who take part."""

    def test_events_say_what_was_seen(self):
        ctx = self.table()
        process = self.client.participate(self.model, self.data)
        for move in (all_join, all_share, all_upload, all_unmask):
            move(self.voices, ctx)
        self.assertEqual(process.wait(40), 0, tail(process.output()))
        head = self.settled()
        entries = ledger.entries(self.server, head.size)
        roots = ledger.Roots(map(ledger.leaf, entries))
        voices, found, before = {voice.id for voice in self.voices}, [], 0
        for leaf, entry in enumerate(entries):
            event = json.loads(entry)
            if event.get("seen") and event["participant"] not in voices \
                    and event.get("ctx", ctx) == ctx and event["seen"]["size"]:
                self.assertLessEqual(event["seen"]["size"], leaf)
                self.assertGreaterEqual(event["seen"]["size"], before)
                self.assertEqual(event["seen"]["root"], roots.at(event["seen"]["size"]).hex())
                found, before = [*found, event["type"]], event["seen"]["size"]
        self.assertEqual(found[-4:], ["join", "share", "update", "unmask"])
        self.kept_promises(ctx)

    def kept_promises(self, ctx):
        """Each message was looked for once, by the end of the round or by the next look."""
        self.step((0, 10))
        folder = os.path.join(self.client.home, "rounds", ctx)
        marks = sorted(os.path.basename(p) for p in glob.glob(folder + "/leaf-*.json"))
        self.assertEqual(marks, [f"leaf-{t}.json" for t in ("join", "share", "unmask", "update")])
        asked = len(self.forger.sent("GET", "/log/events/"))
        self.step((0, 10))
        self.assertEqual(len(self.forger.sent("GET", "/log/events/")), asked)
        status, = [w for w in self.chorus("status") if w["event"] == "log"]
        self.assertEqual((status["open"], self.evidence(self.client)), (0, []))

    def promised(self, ctx, by):
        """Moves the client's receipt for its join to another time, signed as it must be."""
        path = os.path.join(self.client.home, "rounds", ctx, "receipt-join.json")
        with open(path, encoding="utf-8") as file:
            receipt = json.load(file)
        with open(path, "wb") as file:
            file.write(stranger.canonical(self.key.sign({**receipt, "time": 1, "by": by})))

    def my_join(self, ctx):
        with open(os.path.join(self.client.home, "rounds", ctx, "said-join.json"),
                  encoding="utf-8") as file:
            return json.load(file)

    def test_a_promise_that_is_not_due(self):
        ctx = self.table()
        with ledger.standing_still(self.server.database.conninfo):
            self.step(0)
            self.assertEqual(self.step(10)[-1]["event"], "waiting")
            status, = [w for w in self.chorus("status") if w["event"] == "log"]
            self.assertEqual(status["open"], 1)
            self.promised(ctx, by=2)
            self.step(12, error="cheat-promise")
        self.leaf_of(self.my_join(ctx))
        self.step(10)  # late, but there it is

    def test_a_leaf_that_is_gone(self):
        ctx = self.table()
        self.step(0)
        mine = self.my_join(ctx)
        leaf = self.leaf_of(mine)
        sql = self.server.database.query
        event = sql(f"DELETE FROM log_entries WHERE leaf = {leaf} RETURNING event")
        self.promised(ctx, by=2)
        try:
            words = self.step(12, error="cheat-promise")
            self.assertIn("message join", words[-1]["detail"])
            self.chorus("status", code=12)
        finally:
            sql(f"INSERT INTO log_entries (leaf, event) VALUES ({leaf}, {event})")
        found, = self.evidence(self.client)
        self.assertIn(mine["sig"], found)
        self.assertIn('"type":"receipt"', found)
        self.assertIn(found.partition("---- checkpoint\n")[2].splitlines()[0], self.log_key.name)
        self.step(10)

    def test_only_this_client_is_told_that_it_is_not_there(self):
        ctx = self.table()
        self.step(0)
        self.forger.hidden.add(stranger.event_hash(self.my_join(ctx)).hex())
        self.promised(ctx, by=2)
        self.step(12, error="cheat-promise")

    def test_a_fork_is_refused(self):
        ctx = self.table()
        self.step(0)
        all_join(self.voices, ctx)
        self.server.wait_phase(ctx, "share")
        self.settled()
        self.forger.forge(1, self.entry())
        for _ in range(2):
            self.step(12, error="cheat-log")
        self.assertEqual(self.forger.sent("POST", "/shares$"), [])
        self.two_checkpoints(self.client)
        process = self.client.participate(self.model, self.data)
        self.assertEqual(process.wait(20), 12, process.output())

    def test_an_old_head_is_not_newer(self):
        ctx = self.table()
        old = self.settled()
        self.step(0)
        seen = self.my_join(ctx)["seen"]["size"]
        self.assertGreaterEqual(seen, old.size)
        all_join(self.voices, ctx)
        self.server.wait_phase(ctx, "share")
        self.settled()
        self.chorus("status")  # which takes up the newest
        newest = self.settled()
        self.forger.held = old.note
        self.step(0)
        with open(os.path.join(self.client.home, "rounds", ctx, "said-share.json"),
                  encoding="utf-8") as file:
            self.assertEqual(json.load(file)["seen"], newest.seen)
        self.assertEqual(self.evidence(self.client), [])


class Witnesses(Watching):
    def test_two_are_required(self):
        ctx = self.table()
        outsider, member = self.stranger("outsider"), self.stranger("member")
        link, = self.server.invite(self.model, 1)
        member.enrol(link)
        said = self.witness(outsider, "--name", "w.example/one", code=15)
        vkey = said[0]["key"]
        self.register(vkey)
        mine = self.witness(member)[0]["key"]
        ask = ("--witness", vkey, "--witness", mine, "--witnesses", "2")
        self.step(0, *ask)
        all_join(self.voices, ctx)
        self.server.admin("POST", f"/models/{self.model}/members/{mine[:64]}/suspend").must()
        self.server.wait_phase(ctx, "share")
        self.step(0, *ask)
        all_share(self.voices, ctx)
        self.server.wait_phase(ctx, "upload")
        self.step(0, *ask)
        all_upload(self.voices, ctx)
        self.server.wait_phase(ctx, "unmask")
        self.settled()
        self.step(10, *ask, error="too-few-witnesses")
        self.witness(member)
        words = self.step(10, *ask, error="too-few-witnesses")
        self.assertIn("1 of the 2", words[-1]["detail"])
        process = self.client.participate(self.model, self.data, extra=["--json", *ask])
        until(lambda: '"cosigned":1' in process.output(), 20, "the client says that it waits")
        self.assertEqual(self.forger.sent("POST", "/unmasks$"), [])
        self.witness(outsider, "--name", "w.example/one")
        until(lambda: '"answered"' in process.output(), 20, "the client answers")
        all_unmask(self.voices, ctx)
        self.assertEqual(process.wait(30), 0, tail(process.output()))
        listed = {w["name"]: w["size"] for w in self.chorus("log", "witnesses")}
        self.assertGreater(listed["w.example/one"], self.leaf_of(self.server.event(ctx, "survivors")))

    def witness(self, client, *words, code=0):
        return self.chorus("witness", "--once", "--server", self.server.origin, *words,
                           home=client, code=code)

    def register(self, vkey):
        path = os.path.join(self.folder, "token")
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.server.token)
        self.chorus("admin", "witness", "add", vkey, "--server", self.server.origin,
                    "--token-file", path, home=self.stranger())

    def test_a_file_names_them(self):
        self.table()
        said = self.witness(self.stranger(), "--name", "w.example/two", code=15)
        with open(os.path.join(self.client.home, "witnesses"), "w", encoding="utf-8") as file:
            file.write(f"# one\n{said[0]['key']}\n")
        self.step(2, "--witnesses", "2", error="usage")
        self.step(0, "--witnesses", "1")

    def test_a_witness_does_not_cosign_a_fork(self):
        self.table()
        forger, witness = self.between(), self.stranger()
        said = self.chorus("witness", "--once", "--server", forger.origin, "--name", "w.example/3",
                           home=witness, code=15)
        self.register(said[0]["key"])
        go = ("witness", "--server", forger.origin, "--name", "w.example/3")
        self.chorus(*go, "--once", home=witness)
        process = witness.start(*go, "--json")
        until(lambda: '"cosigned"' in process.output(), 20, "it cosigns")
        forger.forge(2, self.entry())
        self.server.make_model(self.slug(), read_spec("iris"))  # wakes it
        self.assertEqual(process.wait(45), 12, process.output())
        self.assertIn("cheat-log", process.output())
        posted = len(forger.sent("POST", "/cosignatures$"))
        self.chorus(*go, "--once", home=witness, code=12)
        self.assertEqual(len(forger.sent("POST", "/cosignatures$")), posted)
        self.two_checkpoints(witness)


class Anybody(Watching):
    """The commands, without a membership."""

    def log(self, *words, home=None, forger=None, code=0):
        origin = (forger or self.server).origin
        return self.chorus("log", *words, "--server", origin, home=home or self.stranger(),
                           code=code)

    def test_reading(self):
        ctx = self.table()
        self.step(0)
        head = self.settled()
        entries = ledger.entries(self.server, head.size)
        reader = self.stranger()
        lines = self.log("tail", "--from", "0", home=reader)
        self.assertEqual([stranger.canonical(line["entry"]) for line in lines], entries)
        self.assertEqual([line["leaf"] for line in lines], list(range(head.size)))
        short = self.log("tail", home=reader)
        self.assertEqual([line["leaf"] for line in short], list(range(head.size))[-10:])
        event = self.server.event(ctx, "open")
        leaf, hashed = self.leaf_of(event), stranger.event_hash(event).hex()
        for word in (str(leaf), hashed):
            shown, = self.log("show", word, home=reader)
            self.assertEqual((shown["leaf"], shown["entry"], shown["hash"]), (leaf, event, hashed))
        self.log("show", "0" * 64, home=reader, code=1)
        self.log("show", str(head.size), home=reader, code=1)
        self.log("show", "nonsense", home=reader, code=2)

    def test_proofs(self):
        self.table()
        head, reader = self.settled(), self.stranger()
        roots = ledger.Roots(map(ledger.leaf, ledger.entries(self.server, head.size)))
        self.log("tail", home=reader)
        for leaf in (0, 1, head.size - 1):
            proof, = self.log("prove", str(leaf), home=reader)
            path = [bytes.fromhex(h) for h in proof["path"]]
            signed = ledger.Checkpoint(proof["checkpoint"], self.log_key)
            self.assertEqual(signed.root, roots.at(signed.size))
            self.assertEqual(ledger.inclusion_root(bytes.fromhex(proof["hash"]), leaf, signed.size,
                                                   path), signed.root)
            self.assertEqual(bytes.fromhex(proof["hash"]), roots.hashes[leaf])
        for words in (("1",), ("2", "3"), ("3", str(head.size)), ("4", "4"), ("0",)):
            proof, = self.log("consistency", *words, home=reader)
            path = [bytes.fromhex(h) for h in proof["path"]]
            first, second = proof["from"], proof["to"]
            self.assertTrue(ledger.consistent(first, roots.at(first), second, roots.at(second),
                                              path), words)
            self.assertEqual(proof["to_root"], roots.at(second).hex())
        self.log("consistency", "5", "4", home=reader, code=2)
        self.log("consistency", "1", "1000000", home=reader, code=1)

    def test_the_instance_is_pinned(self):
        self.settled()
        real = stranger.event_hash(self.server.instance()).hex()
        self.log("tail", "--instance", real)
        self.log("tail", "--instance", "12" * 32, code=12)
        self.chorus("log", "tail", home=self.stranger(), code=2)
        reader, forger = self.stranger(), self.between()
        self.log("tail", forger=forger, home=reader)
        other = Key()
        forger.spoil[r"/instance$"] = lambda body: json.dumps({"instance": other.sign({
            **json.loads(body)["instance"], "coordinator": other.id})}).encode()
        self.log("tail", forger=forger, home=reader, code=12)

    def test_what_is_not_of_the_tree_is_not_shown(self):
        self.table()
        self.settled()
        forger = self.between()
        for pattern in (r"/tile/0/", r"/tile/entries/"):
            forger.spoil = {pattern: lambda body: body[:-1] + bytes([body[-1] ^ 1])}
            for words in (("tail",), ("show", "1"), ("prove", "1"), ("monitor", "--once")):
                with self.subTest(pattern=pattern, words=words):
                    said = self.log(*words, forger=forger, code=12)
                    self.assertEqual(said[-1]["error"], "cheat-log")
                    self.assertNotIn("inclusion", [word["event"] for word in said])

    def test_following(self):
        self.settled()
        process = self.stranger().start("log", "tail", "--follow", "--json", "--server",
                                        self.server.origin)
        until(lambda: '"leaf"' in process.output(), 20, "the first lines")
        model = self.slug()
        self.server.make_model(model, read_spec("iris"))
        until(lambda: f'"model":"{model}"' in process.output(), 20, "the new entry")
        self.assertTrue(process.running())
        process.kill()

    def test_monitoring(self):
        self.table()
        head, monitor, forger = self.settled(), self.stranger(), self.between()
        first = self.log("monitor", "--once", forger=forger, home=monitor)[-1]
        self.assertEqual((first["event"], first["from"], first["to"], first["root"]),
                         ("checked", 0, head.size, head.root.hex()))
        self.assertEqual(self.log("monitor", "--once", forger=forger, home=monitor), [])
        self.server.make_model(self.slug(), read_spec("iris"))
        grown = self.settled()
        asked = len(forger.sent("GET", "/tile/entries/"))
        again = self.log("monitor", "--once", forger=forger, home=monitor)[-1]
        self.assertEqual((again["from"], again["to"]), (head.size, grown.size))
        self.assertEqual(len(forger.sent("GET", "/tile/entries/")), asked + 1)
        forger.held = head.note
        said = self.log("monitor", "--once", "--patience", "0", forger=forger, home=monitor,
                        code=10)[-1]
        self.assertEqual((said["event"], said["size"], said["known"]),
                         ("behind", head.size, grown.size))

    def test_a_monitor_says_when_the_log_stays_old(self):
        self.table()
        old, forger, monitor = self.settled(), self.between(), self.stranger()
        self.server.make_model(self.slug(), read_spec("iris"))
        self.settled()
        process = monitor.start("log", "monitor", "--json", "--patience", "1", "--server",
                                forger.origin)
        until(lambda: '"checked"' in process.output(), 20, "it has read the log")
        forger.held = old.note
        self.server.make_model(self.slug(), read_spec("iris"))  # wakes it
        until(lambda: '"behind"' in process.output(), 40, "it says that the log is old")
        self.assertTrue(process.running())
        process.kill()

    def test_a_monitor_shouts(self):
        self.table()
        self.settled()
        forger, monitor = self.between(), self.stranger()
        process = monitor.start("log", "monitor", "--json", "--server", forger.origin)
        until(lambda: '"checked"' in process.output(), 20, "it has read the log")
        forger.forge(-1, self.entry())
        self.server.make_model(self.slug(), read_spec("iris"))  # wakes it
        self.assertEqual(process.wait(45), 12, process.output())
        self.two_checkpoints(monitor)

    def test_an_entry_that_does_not_belong(self):
        self.table()
        self.settled()
        forger = self.between()
        forger.forge(2, b'{"type":"open"}')
        monitor = self.stranger()
        said = self.log("monitor", "--once", forger=forger, home=monitor, code=12)
        self.assertEqual(said[-1]["error"], "cheat-log")
        found, = self.evidence(monitor)
        self.assertIn(stranger.enbase64(b'{"type":"open"}'), found)
