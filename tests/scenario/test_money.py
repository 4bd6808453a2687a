# SPDX-License-Identifier: Apache-2.0
"""Balances, statements, claims and payouts against a real chorusd and PostgreSQL, with
results that SQL leaves behind as the engine would."""
import json
import os
import subprocess

import serving
from serving import Base, enrolment, psql, vector

A = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"  # from EIP-55
B = "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"
ZERO = "0x" + "00" * 20
MONEY = ("due", "paying", "paid", "claimable", "claimed")


def round_sql(model, number, earned):
    """A round with a result; earned: {participant: amount}."""
    ctx = f"sha256('{model}{number}')"
    rows = ",".join(f"({ctx}, {i}, '\\x{who}', {amount})"
                    for i, (who, amount) in enumerate(sorted(earned.items())))
    posted = ",".join(f"('due', '\\x{who}'::bytea, {amount})" for who, amount in earned.items())
    return f"""
      WITH b AS (INSERT INTO blobs (length) VALUES (0) RETURNING id)
      INSERT INTO rounds (ctx, model, version, round, attempt, phase, ended_at, open,
                          minimum, maximum, length, chunks, base)
      SELECT {ctx}, '{model}', 1, {number}, 1, 'done', now(), '', 3, 5, 1, 1, id FROM b;
      INSERT INTO rewards VALUES {rows};
      INSERT INTO accounts (model, kind, participant)
      SELECT '{model}', k, participant FROM rewards, unnest(ARRAY{list(MONEY)}) k
      WHERE ctx = {ctx} ON CONFLICT DO NOTHING;
      INSERT INTO accounts (model, kind) VALUES ('{model}', 'budget') ON CONFLICT DO NOTHING;
      BEGIN;
      INSERT INTO entries (kind, model, ctx) VALUES ('due', '{model}', {ctx});
      INSERT INTO postings SELECT e.id, a.id, v.amount
      FROM entries e, accounts a,
           (VALUES {posted}, ('budget', NULL, -{sum(earned.values())})) v (kind, who, amount)
      WHERE e.ctx = {ctx} AND e.kind = 'due' AND a.model = '{model}' AND a.kind = v.kind
        AND a.participant IS NOT DISTINCT FROM v.who;
      COMMIT;
    """


def moved_sql(model, entry, source, target, amounts):
    """One entry with these columns, which moves amounts between kinds of account."""
    posted = ",".join(f"('{kind}', '\\x{who}'::bytea, {sign}{amount})"
                      for who, amount in amounts.items()
                      for kind, sign in ((source, "-"), (target, "")))
    return f"""
      WITH e AS (INSERT INTO entries (kind, model, {", ".join(entry)})
                 VALUES ('{target}', '{model}', {", ".join(entry.values())}) RETURNING id)
      INSERT INTO postings SELECT e.id, a.id, v.amount,
        CASE WHEN v.kind IN ('paying', 'claimable', 'claimed') THEN p.payout END
      FROM e, accounts a, participants p, (VALUES {posted}) v (kind, who, amount)
      WHERE p.id = v.who AND a.model = '{model}' AND a.kind = v.kind AND a.participant = v.who;
    """


def tx_sql(model, number, kind, state, **columns):
    columns = {"kind": f"'{kind}'", "model": f"'{model}'", "ctx": f"sha256('{model}{number}')",
               "state": f"'{state}'", "target": f"'\\x{B[2:]}'", "calldata": "'x'", **columns}
    return f"INSERT INTO chain_txs ({','.join(columns)}) VALUES ({','.join(columns.values())});"


class Money(Base):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        s = cls.server
        s.model("coins", vector(10))
        cls.people = []
        for payout in (A, B, None):
            body = enrolment(s.invite("coins"), payout=payout)
            assert s.post("/participants", body).status == 201
            cls.people.append(body["event"]["participant"])
        a, b, c = cls.people
        psql(s.db, round_sql("coins", 1, {a: 10, b: 20, c: 30}) +
             round_sql("coins", 2, {a: 5, c: 2**200}))
        psql(s.db, tx_sql("coins", 1, "pay", "final", nonce="1", block="7", gas_used="21000",
                          gas_price="3", hash="sha256('tx')") +
             tx_sql("coins", 2, "pay", "held", reason="'no gas'"))
        psql(s.db, moved_sql("coins", {"ctx": "sha256('coins1')"}, "due", "paying",
                             {a: 10, b: 20}))
        psql(s.db, moved_sql("coins", {"tx": "1"}, "paying", "paid", {a: 10, b: 20}))
        psql(s.db, moved_sql("coins", {"ctx": "sha256('coins2')"}, "due", "paying", {a: 5}))

    def test_enrolment(self):
        """Addresses that are none are refused, others are kept whatever their case."""
        s = self.server
        wrong = A[:-1] + "8"
        for payout, word in ((A.replace("A", "a", 1), "checksum"), (ZERO, "zero"), (wrong, "")):
            invite = s.invite("coins")
            reply = self.refused("bad-value", "event.payout", "POST", "/participants",
                                 enrolment(invite, payout=payout))
            self.assertIn(word, reply.json["detail"])
        lower = enrolment(s.invite("coins"), payout="0x" + A[2:].lower())
        self.assertEqual(s.post("/participants", lower).status, 201)
        kept = psql(s.db, "SELECT encode(payout, 'hex') FROM participants WHERE id = '\\x" +
                    lower["event"]["participant"] + "'")
        self.assertEqual(kept, A[2:].lower())

    def test_balances(self):
        s, (a, b, c) = self.server, self.people
        one = s.get(f"/models/coins/balances/{a}").json
        self.assertEqual(one, {"participant": a, "payout": A, "earned": "15", "due": "0",
                               "paying": "5", "paid": "10", "claimable": "0", "claimed": "0"})
        two = s.get(f"/models/coins/balances/{c}").json
        self.assertEqual((two["payout"], two["due"]), (None, str(2**200 + 30)))
        seen, cursor = [], ""
        while cursor is not None:
            page = s.get("/models/coins/balances?limit=1" + cursor).json
            seen += page["balances"]
            cursor = page["next"] and "&cursor=" + page["next"]
        self.assertEqual([x["participant"] for x in seen], sorted((a, b, c)))
        self.assertIn(one, seen)
        self.problem(s.get("/models/none/balances"), "not-found")
        self.problem(s.get("/models/coins/balances/" + "ab" * 32), "not-found")
        self.problem(s.get("/models/coins/balances/xyz"), "not-found")
        self.problem(s.get("/models/coins/balances?cursor=1"), "bad-value", "cursor")

    def test_statement(self):
        s, (a, b, c) = self.server, self.people
        lines = s.get(f"/participants/{a}/statement").json["statement"]
        tx = "0x" + serving.hashlib.sha256(b"tx").hexdigest()
        self.assertEqual([(x["kind"], x["model"], x["round"], x["amount"], x["tx"], x["state"])
                          for x in lines],
                         [("due", "coins", 1, "10", None, None),
                          ("due", "coins", 2, "5", None, None),
                          ("paying", "coins", 1, "10", tx, "final"),
                          ("paid", "coins", 1, "10", tx, "final"),
                          ("paying", "coins", 2, "5", None, "held")])
        page = s.get(f"/participants/{a}/statement?limit=2").json
        self.assertEqual(page["statement"], lines[:2])
        rest = s.get(f"/participants/{a}/statement?cursor={page['next']}").json
        self.assertEqual((rest["statement"], rest["next"]), (lines[2:], None))
        self.assertEqual(s.get(f"/participants/{a}/statement?model=other").json,
                         {"statement": [], "next": None})
        self.problem(s.get("/participants/" + "ab" * 32 + "/statement"), "not-found")
        self.problem(s.get(f"/participants/{a}/statement?cursor=x"), "bad-value", "cursor")

    def test_ledger(self):
        s = self.server
        kinds = {x["kind"]: x for x in
                 s.get("/models/coins/ledger", admin=True).json["ledger"]}
        self.assertEqual(kinds["budget"]["balance"], str(-(2**200 + 65)))
        self.assertEqual(kinds["paid"], {"kind": "paid", "accounts": 3, "balance": "30"})
        self.assertEqual(sum(int(x["balance"]) for x in kinds.values()), 0)
        self.problem(s.get("/models/coins/ledger"), "unauthenticated")
        self.problem(s.get("/models/none/ledger", admin=True), "not-found")

    def test_payouts(self):
        s = self.server
        first, second = s.get("/payouts", admin=True).json["payouts"]
        self.assertEqual((first["kind"], first["round"], first["state"], first["fee"],
                          first["target"], first["payments"]),
                         ("pay", 1, "final", "63000", B,
                          [{"account": A, "amount": "10"}, {"account": B, "amount": "20"}]))
        self.assertEqual((second["reason"], second["tx"], second["fee"], second["payments"]),
                         ("no gas", None, None, [{"account": A, "amount": "5"}]))
        self.assertEqual(s.get("/payouts?state=held", admin=True).json,
                         {"payouts": [second], "next": None})
        page = s.get("/payouts?limit=1", admin=True).json
        self.assertEqual(s.get(f"/payouts?cursor={page['next']}", admin=True).json["payouts"],
                         [second])
        self.problem(s.get("/payouts?state=lost", admin=True), "bad-value", "state")
        self.problem(s.get("/payouts"), "unauthenticated")


TREE = """
import {StandardMerkleTree} from "@openzeppelin/merkle-tree";
import {readFileSync} from "node:fs";
const tree = StandardMerkleTree.load(JSON.parse(readFileSync(0)));
tree.validate();
console.log(JSON.stringify([...tree.entries()].map(([i, v]) => [v, tree.getProof(i)])));
"""


def open_zeppelin(dump):
    """Values and proofs as OpenZeppelin's own program reads them from a dump."""
    done = subprocess.run(["node", "--input-type=module", "-e", TREE], input=dump, check=True,
                          cwd=os.path.join(serving.SOURCE, "contracts"), capture_output=True,
                          timeout=60)
    return json.loads(done.stdout)


class Claims(Base):
    def test_no_votes_without_a_chain(self):
        self.problem(self.server.get("/governance/proposals"), "no-chain")

    def test_everybody_can_read_them(self):
        """A tree of 23 is what OpenZeppelin makes of it, proofs included."""
        s = self.server
        s.model("wide", vector(10))
        psql(s.db, """
          WITH b AS (INSERT INTO blobs (length) VALUES (0) RETURNING id)
          INSERT INTO rounds (ctx, model, version, round, attempt, phase, ended_at, open,
                              minimum, maximum, length, chunks, base)
          SELECT sha256('wide1'), 'wide', 1, 1, 1, 'done', now(), '', 3, 5, 1, 1, id FROM b;
          INSERT INTO settlements VALUES (sha256('wide1'), 0, NULL, sha256('x'));
          INSERT INTO claims SELECT 'wide', substr(sha256(g::text::bytea), 1, 20), 1,
                                    power(7::numeric, 3 * g) FROM generate_series(1, 23) g""")
        read = open_zeppelin(s.get("/models/wide/claims?round=1").body)
        self.assertEqual(len(read), 23)
        for (account, amount), proof in read:
            one = s.get(f"/models/wide/claims/{account}?round=1").json
            self.assertEqual((one["account"], one["cumulative"], one["proof"]),
                             (account, amount, proof))

    def test_claims(self):
        s = self.server
        s.model("fetch", vector(10))
        body = enrolment(s.invite("fetch"), payout=A)
        self.assertEqual(s.post("/participants", body).status, 201)
        a = body["event"]["participant"]
        self.problem(s.get("/models/fetch/claims"), "not-found")
        psql(s.db, "".join(round_sql("fetch", n, {a: 10}) for n in (1, 2, 3)))
        for n in (1, 2, 3):
            psql(s.db, f"INSERT INTO settlements VALUES (sha256('fetch{n}'), 10, NULL, sha256('x'));"
                 f"INSERT INTO claims VALUES ('fetch', '\\x{A[2:]}', {n}, {10 * n});" +
                 ("" if n == 2 else f"INSERT INTO claims VALUES ('fetch', '\\x{B[2:]}', {n}, {n});"))
        self.problem(s.get("/models/fetch/claims"), "not-found")  # none is final
        psql(s.db, tx_sql("fetch", 2, "result", "final", nonce="1", block="7") +
             tx_sql("fetch", 3, "result", "signed", nonce="2"))
        dump = s.get("/models/fetch/claims")
        self.assertNotIn("immutable", dump.headers.get("Cache-Control") or "")
        self.assertEqual((dump.json["format"], dump.json["leafEncoding"]),
                         ("standard-v1", ["address", "uint256"]))
        self.assertEqual([x["value"] for x in dump.json["values"]], [[A, "20"], [B, "1"]])
        self.assertEqual(len(dump.json["tree"]), 3)
        one = s.get(f"/models/fetch/claims/{A.lower()}").json
        mine = next(x for x in dump.json["values"] if x["value"][0] == A)
        other = 3 - mine["treeIndex"]
        self.assertEqual(one, {"model": "fetch", "round": 2, "account": A, "cumulative": "20",
                               "claimed": "0", "proof": [dump.json["tree"][other]]})
        self.problem(s.get("/models/fetch/claims?age=3600"), "not-found")
        self.assertEqual(s.get(f"/models/fetch/claims/{A}?age=0").json, one)
        third = s.get("/models/fetch/claims?round=3")
        self.assertEqual([x["value"][1] for x in third.json["values"]], ["30", "3"])
        self.assertIn("immutable", third.headers["Cache-Control"])
        self.problem(s.get("/models/fetch/claims?round=4"), "not-found", "round")
        self.problem(s.get("/models/fetch/claims?round=x"), "bad-value", "round")
        self.problem(s.get(f"/models/fetch/claims/{A[:-1]}8"), "bad-value", "address")
        self.problem(s.get("/models/fetch/claims/0x12"), "bad-value", "address")
        self.problem(s.get("/models/fetch/claims/0x" + "11" * 20), "not-found")
        psql(s.db, moved_sql("fetch", {"ctx": "sha256('fetch1')"}, "due", "claimable", {a: 10}))
        psql(s.db, moved_sql("fetch", {"hash": "sha256('t')", "log_index": "0"}, "claimable",
                             "claimed", {a: 4}))
        self.assertEqual(s.get(f"/models/fetch/claims/{A}").json["claimed"], "4")
