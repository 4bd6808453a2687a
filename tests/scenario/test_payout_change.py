# SPDX-License-Identifier: Apache-2.0
"""A member is paid somewhere else from now on: the event `payout`, its delay, `adopt`, what then is
paid where, and what an auditor says of it."""

import os
import re
import secrets
import threading
import time

import chain
import harness
import stranger
from anchored import AnchoredServer, OnAChain, Paying, keccak, word
from harness import Client, until
from voice import Voice

DELAY = 3
ELSEWHERE = ["0x" + keccak(f"elsewhere {i}".encode())[-20:].hex() for i in range(3)]


class Moving(Paying):
    @classmethod
    def setUpClass(cls):
        cls.node = chain.Anvil(block_time=0.2)
        cls.server = AnchoredServer(cls.node, deploy=("--payout-delay", str(DELAY)))
        cls.folder, cls.serial = cls.server.folder, 0

    def shown(self, voice):
        return self.server.get(f"/participants/{voice.id}").must().json

    def send(self, voice, body):
        return self.server.post(f"/participants/{voice.id}/payout", body)

    def move(self, voice, payout):
        self.send(voice, voice.payout_body(payout)).must(201)

    def counts(self, voice, payout):
        def there():
            now = self.shown(voice)["payout"]
            return now == payout if payout is None else now and now.lower() == payout
        until(there, 20, "the address counts")

    def another_round(self, slug, voices):
        ctx = self.server.open_round(slug)
        self.play_to(ctx, voices, "unmask")
        self.finish(ctx, voices)
        return ctx

    def verify(self, *words, code=0):
        done = Client(self.folder, f"auditor {secrets.token_hex(4)}").run(
            "verify", *words, "--server", self.server.origin, "--rpc", self.node.url, "--json",
            limit=100)
        self.assertEqual(done.code, code, done.out)
        return done.events

    def balance(self, slug, voice):
        return self.server.get(f"/models/{slug}/balances/{voice.id}").must().json

    def final(self, slug, count=1):
        """So many payments of a model are final."""
        until(lambda: self.state_of("pay", slug).split() == ["final"] * count, 40, "they are paid")


class Pushed(Moving):
    def test_a_change_counts_after_its_delay(self):
        before = [self.node.balance(a) for a in self.ACCOUNTS]
        slug, voices = self.paid_round(100000)
        first = self.server.get(f"/models/{slug}/rounds").must().json["rounds"][0]["ctx"]
        asked = time.time()
        self.move(voices[0], ELSEWHERE[0])
        shown = self.shown(voices[0])
        self.assertEqual(shown["payout"].lower(), self.ACCOUNTS[0])
        self.assertIsNone(shown["changes"][0]["adopt"])
        self.assertEqual(shown["changes"][0]["from"],
                         shown["changes"][0]["event"]["time"] + DELAY)
        self.counts(voices[0], ELSEWHERE[0])
        self.assertGreaterEqual(time.time() - asked, DELAY - 1)
        adopt = self.shown(voices[0])["changes"][0]["adopt"]
        self.assertEqual((adopt["type"], adopt["identity"]), ("adopt", stranger.event_hash(
            self.shown(voices[0])["changes"][0]["event"]).hex()))
        # nowhere: what is earned waits, and what was paid stays paid
        self.move(voices[1], None)
        self.counts(voices[1], None)
        self.another_round(slug, voices)
        self.final(slug, 2)
        self.assertEqual([self.node.balance(a) - b for a, b in zip(self.ACCOUNTS, before)],
                         [3000, 3000, 6000])
        self.assertEqual(self.node.balance(ELSEWHERE[0]), 3000)
        self.assertEqual([self.balance(slug, voices[1])[k] for k in ("paid", "due")],
                         ["3000", "3000"])
        # somewhere again: what waited comes with the next round
        self.move(voices[1], ELSEWHERE[1])
        self.counts(voices[1], ELSEWHERE[1])
        self.another_round(slug, voices)
        self.final(slug, 3)
        self.assertEqual([self.node.balance(a) for a in ELSEWHERE[:2]], [6000, 6000])
        paid = [p for p in self.server.admin("GET", "/payouts?limit=200").must().json["payouts"]
                if p["model"] == slug and p["kind"] == "pay"]
        self.assertEqual([sorted(r["account"].lower() for r in p["payments"]) for p in paid], [
            sorted(self.ACCOUNTS), sorted([ELSEWHERE[0], self.ACCOUNTS[2]]),
            sorted([ELSEWHERE[0], ELSEWHERE[1], self.ACCOUNTS[2]])])
        self.assertEqual(self.verify("--all")[-1]["outcome"], "holds")
        self.assertEqual(self.verify(first)[-1]["outcome"], "holds")

    def test_the_first_round_pays_by_what_its_transcript_tells(self):
        slug, voices = self.make(self.spec(), 3)
        self.deposit(slug, 9000)
        for i, voice in enumerate(voices):
            self.move(voice, ELSEWHERE[i])
        for i, voice in enumerate(voices):
            self.counts(voice, ELSEWHERE[i])
        before = [self.node.balance(a) for a in ELSEWHERE]
        ctx = self.another_round(slug, voices)
        self.final(slug)
        self.assertEqual([self.node.balance(a) - b for a, b in zip(ELSEWHERE, before)], [3000] * 3)
        items = self.server.get(f"/rounds/{ctx}/transcript?limit=20").must().json["items"]
        self.assertEqual([i["event"]["type"] for i in items[:13]],
                         ["model", *["enroll", "payout", "adopt", "admit"] * 3])
        checks = {c["check"]: c["outcome"] for c in self.verify(ctx)[0]["checks"]}
        self.assertEqual((checks["payouts"], checks["link"]), ("holds", "holds"))

    def test_the_last_change_counts_and_one_alone(self):
        _, (voice,) = self.make(self.spec(), 1)
        self.move(voice, ELSEWHERE[0])
        self.move(voice, ELSEWHERE[1])
        self.counts(voice, ELSEWHERE[1])
        time.sleep(1.5)
        shown = self.shown(voice)
        self.assertEqual([c["adopt"] is None for c in shown["changes"]], [True, False])
        self.assertEqual(shown["payout"].lower(), ELSEWHERE[1])

    def test_none_is_adopted_while_a_result_is_made(self):
        _, (voice,) = self.make(self.spec(), 1)
        self.move(voice, ELSEWHERE[0])
        with open(os.path.join(harness.SOURCE, "sql/queries/payee.sql"), encoding="ascii") as source:
            hold = re.search(r"SELECT pg_advisory_xact_lock_shared\(\d+\)", source.read()).group()
        held = threading.Thread(target=self.server.database.query, args=(
            f"BEGIN; {hold}; SELECT pg_sleep({DELAY + 4}); COMMIT",))
        held.start()
        time.sleep(DELAY + 2)
        self.assertIsNone(self.shown(voice)["payout"])
        held.join()
        self.counts(voice, ELSEWHERE[0])

    def test_a_suspended_member_changes_nothing(self):
        slug, (voice,) = self.make(self.spec(), 1)
        self.move(voice, ELSEWHERE[2])
        self.server.admin("POST", f"/models/{slug}/members/{voice.id}/suspend").must(200)
        time.sleep(DELAY + 2)
        self.assertIsNone(self.shown(voice)["payout"])
        self.server.admin("POST", f"/models/{slug}/members", {"participant": voice.id}).must(201)
        self.counts(voice, ELSEWHERE[2])

    def said(self):
        """What a refused change must leave alone; all else moves with the chain, whoever asks."""
        return self.server.database.query(
            "SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM payout_changes), "
            "(SELECT md5(string_agg(p::text, ' ' ORDER BY id)) FROM participants p)")

    def test_nothing_else_is_taken(self):
        _, (voice, other) = self.make(self.spec(), 2)
        path = f"/participants/{voice.id}/payout"
        before = self.said()
        good = voice.payout_body(ELSEWHERE[0])
        late = int(time.time()) - 400
        ghost = Voice(self.server)
        ghost.instance = voice.instance
        never = ghost.key.sign({**good["event"], "participant": ghost.id})
        for what, body, slug in (
                ("another's key", {"event": other.key.sign({**good["event"]})}, "bad-signature"),
                ("another's address", other.payout_body(ELSEWHERE[0]), "bad-value"),
                ("long ago", voice.payout_body(ELSEWHERE[0], time=late), "bad-value"),
                ("in the future", voice.payout_body(ELSEWHERE[0], time=late + 800), "bad-value"),
                ("out of nothing", voice.payout_body(ELSEWHERE[0], previous="00" * 32), "conflict"),
                ("the zero address", voice.payout_body("0x" + "00" * 20), "bad-value"),
                ("a wrong checksum", voice.payout_body("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAED"),
                 "bad-value"),
                ("no address", voice.payout_body("0x12"), "bad-value"),
                ("another instance", voice.payout_body(ELSEWHERE[0], instance="11" * 32),
                 "wrong-context"),
                ("a checkpoint that never was", voice.payout_body(ELSEWHERE[0], seen={
                    "root": "11" * 32, "size": 3}), "unknown-checkpoint"),
                ("more than there is", voice.payout_body(ELSEWHERE[0], wish=1), "unknown-field"),
                ("no event", {"event": 5}, "wrong-type")):
            with self.subTest(what):
                self.server.post(path, body).refused(slug)
        self.server.post(f"/participants/{ghost.id}/payout", {"event": never}).refused("not-enrolled")
        self.assertEqual(self.said(), before)
        self.assertEqual(self.send(voice, good).must(201).json, self.send(voice, good).must(200).json)
        self.send(voice, {"event": voice.key.sign({**good["event"], "payout": ELSEWHERE[1]})}) \
            .refused("conflict")


class Claimed(Moving):
    def claim(self, slug, account):
        def found():
            reply = self.server.get(f"/models/{slug}/claims/{account}?age={DELAY}")
            return reply.json if reply.status == 200 else None
        due = until(found, 40, "it can be fetched")
        proof = [p[2:] for p in due["proof"]]
        data = ("0x" + keccak(b"claim(bytes32,uint64,address,uint256,bytes32[])")[:4].hex()
                + keccak(slug.encode()).hex() + word(due["round"]) + account[2:].rjust(64, "0")
                + word(int(due["cumulative"])) + word(160) + word(len(proof)) + "".join(proof))
        payer = self.node.rpc("eth_accounts")[0]
        self.node.rpc("eth_sendTransaction", {"from": payer, "to": self.server.at["ChorusVault"],
                                              "data": data, "gas": hex(500000)})
        return due

    def test_what_two_shared_stays_apart(self):
        """Two members share an address; one moves away. Each address's claims stay its own."""
        shared, away = self.ACCOUNTS[0], ELSEWHERE[2]
        slug, voices = self.make(self.spec("claim"), 0)
        for i, link in enumerate(self.server.invite(slug, 3)):
            voice = Voice(self.server, f"sharer {i}")
            self.server.post("/participants", voice.enroll_body(
                link, payout=shared if i < 2 else self.ACCOUNTS[2])).must(201)
            voices.append(voice)
        self.deposit(slug, 100000)
        self.another_round(slug, voices)
        self.move(voices[0], away)
        self.counts(voices[0], away)
        self.another_round(slug, voices)
        before = self.node.balance(shared), self.node.balance(away)
        until(lambda: self.server.get(f"/models/{slug}/claims/{away}").status == 200, 40, "round 2")
        due = self.claim(slug, away)
        self.assertEqual((due["cumulative"], due["claimed"]), ("3000", "0"))
        due = self.claim(slug, shared)
        self.assertEqual((due["cumulative"], due["claimed"]), ("9000", "0"))
        until(lambda: (self.node.balance(shared) - before[0], self.node.balance(away) - before[1])
              == (9000, 3000), 20, "both are fetched")
        until(lambda: [(self.balance(slug, v)["claimable"], self.balance(slug, v)["claimed"])
                       for v in voices[:2]] == [("0", "6000"), ("0", "6000")], 30,
              "the books know it")
        for account, fetched in ((shared, "9000"), (away, "3000")):
            self.assertEqual(self.server.get(f"/models/{slug}/claims/{account}").must()
                             .json["claimed"], fetched)
        self.assertEqual(self.verify("--all")[-1]["outcome"], "holds")


class ByCommand(OnAChain):
    @classmethod
    def setUpClass(cls):
        cls.node = chain.Anvil(block_time=0.2)
        cls.server = AnchoredServer(cls.node, deploy=("--payout-delay", str(DELAY)))
        cls.folder, cls.serial = cls.server.folder, 0

    def test_chorus_payout(self):
        slug, _ = self.make(Paying.spec(), 0)
        (link,) = self.server.invite(slug, 1)
        member = Client(self.folder, "mover")
        self.assertEqual(member.run("payout").code, 15)
        member.run("enroll", link, "--name", "Mover").ok()
        said = member.run("payout", "--json").ok().events[0]
        self.assertEqual((said["payout"], said["pending"]), (None, False))
        self.assertEqual(member.run("payout", "0x12").code, 2)
        done = member.run("payout", ELSEWHERE[0]).ok()
        self.assertIn("You are paid nowhere", done.out)
        self.assertIn("Until then you can change it again.", done.out)
        self.assertIn("That is so already.", member.run("payout", ELSEWHERE[0]).ok().out)
        until(lambda: (member.run("payout", "--json").ok().events[0]["payout"] or "").lower()
              == ELSEWHERE[0], 20, "it counts")
        member.run("payout", "none").ok()
        said = member.run("payout", "--json").ok().events[0]
        self.assertEqual((said["pending"], said.get("next")), (True, None))
        member.run("status").ok()  # the receipts were kept: both events are in the log

