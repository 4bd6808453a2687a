# SPDX-License-Identifier: Apache-2.0
"""The chorus program on an instance with a real chain: it takes part only over an Ethereum node
of its own, is paid, and audits what stands there."""

import json
import secrets
import time

import chain
from anchored import AnchoredServer, keccak, keystore
from harness import (Client, Process, Scenario, Settings, changed, program, read_csv, read_spec, until,
                     write_csv)
from voice import VECTOR

ETHER = chain.ETHER
DEADLINES = {"join": 60, "share": 60, "upload": 60, "unmask": 60}


class AnchoredClient(Scenario):
    LIMIT = 150

    @classmethod
    def setUpClass(cls):
        cls.node = chain.Anvil(block_time=0.2)
        cls.server = AnchoredServer(cls.node, deploy=("--voting-period", str(int(10 + 5 * Settings.slow))))
        cls.folder, cls.serial = cls.server.folder, 0

    def make(self, spec):
        slug = self.slug("watched")
        self.server.admin("POST", "/models", {"model": slug, "spec": spec}).must(201)
        until(lambda: self.server.get(f"/models/{slug}").must().json["policy"], 30,
              "the registration is final and read")
        return slug

    def new_key(self, name):
        path = self.path(name + ".key")
        keystore(path)
        return path, self.server.chorusd("key", "address", path).stdout.split()[1].lower()

    def iris(self, keys=False, **reward):
        spec = changed(read_spec("iris"), cohort={"minimum": 3, "maximum": 3},
                       deadlines=DEADLINES,
                       reward={"scheme": "equal", "budget": str(3 * ETHER // 100), **reward})
        slug = self.make(spec)
        head, rows = read_csv("iris")
        people = []
        for i, link in enumerate(self.server.invite(slug, 3)):
            person = Client(self.folder, f"{slug} {i}")
            person.data = self.path(f"{slug}-{i}.csv")
            write_csv(person.data, head, rows[i::3])
            person.payout = "0x" + secrets.token_hex(20)
            if keys:
                person.keystore, person.payout = self.new_key(f"{slug}-{i}")
            person.run("enroll", link, "--name", person.name, "--payout", person.payout).ok()
            people.append(person)
        return slug, people

    def play(self, slug, people):
        ctx = self.server.open_round(slug)
        runs = [person.participate(slug, person.data, rounds=1, extra=("--rpc", self.node.url))
                for person in people]
        for run in runs:
            self.assertEqual(run.wait(90), 0, run.output())
        return ctx, runs

    def final(self, slug, kind, count=1):
        until(lambda: self.server.txs(f"kind = '{kind}' AND model = '{slug}'", "state").split() ==
              ["final"] * count, 60, f"{count} {kind} are final")

    def deposit(self, slug, amount):
        model = keccak(slug.encode()).hex()
        data = "0x" + keccak(b"deposit(bytes32,uint256)")[:4].hex() + model + f"{amount:064x}"
        rich = self.node.rpc("eth_accounts")[0]
        self.node.rpc("eth_sendTransaction", {"from": rich, "to": self.server.at["ChorusVault"],
                                              "data": data, "value": hex(amount)})

    def test_a_round_that_is_paid(self):
        slug, people = self.iris()
        self.deposit(slug, ETHER)
        first = people[0]
        other = chain.Anvil(block_time=None, chain_id=self.node.chain_id)  # the number is the same
        self.addCleanup(other.kill)
        for rpc, code, slug_of in (((), 17, "no-chain"), (("--rpc", other.url), 17, "wrong-chain"),
                                   (("--rpc", "http://127.0.0.1:1"), 14, "network"),
                                   (("--rpc", "nowhere"), 1, "configuration")):
            done = first.run("step", slug, "--data", first.data, "--yes", "--json", *rpc)
            self.assertEqual((done.code, json.loads(done.out.splitlines()[-1])["error"]),
                             (code, slug_of), done.out)
        done = first.run("step", slug, "--data", first.data, "--yes", "--rpc", self.node.url)
        self.assertEqual(done.code, 10, done.out + done.err)
        ctx, runs = self.play(slug, people)
        self.final(slug, "pay")
        for person in people:
            self.assertEqual(self.node.balance(person.payout), ETHER // 100)
        done = first.run("verify", ctx, "--rpc", self.node.url, "--json")
        checks = {c["check"]: c["outcome"] for c in json.loads(done.out.splitlines()[0])["checks"]}
        self.assertEqual((done.code, checks["anchors"], checks["payouts"]), (0, "holds", "holds"),
                         done.out)
        done = Client(self.folder, "a stranger").run("verify", ctx, "--server", self.server.origin)
        self.assertIn("it needs an Ethereum node of your own", done.out)

    def test_claims_add_up(self):
        slug, people = self.iris(payout={"mode": "claim", "threshold": "0", "every": 2})
        self.deposit(slug, ETHER)
        for number in (1, 2):
            ctx, _ = self.play(slug, people)
            self.final(slug, "result", number)
        key, address = self.new_key("somebody")  # anybody's pays the gas
        self.node.fund(address)
        for person in people:
            done = person.run("claim", slug, "--key", key, "--passphrase-file", self.server.secret)
            self.assertEqual(done.code, 0, done.out + done.err)
            self.assertEqual(self.node.balance(person.payout), ETHER // 50)
            self.assertIn("all of it was paid already", person.run("claim", slug).ok().out)
        done = people[0].run("verify", "--all", "--rpc", self.node.url, "--json", limit=100)
        reports = [json.loads(line) for line in done.out.splitlines()]
        mine = [r for r in reports if r.get("model") == slug and not r["failed"]]
        self.assertEqual(len(mine), 2)
        for report in mine:
            checks = {c["check"]: c["outcome"] for c in report["checks"]}
            self.assertEqual((checks["anchors"], checks["payouts"]), ("holds", "holds"), done.out)
        self.assertEqual(done.code, 0, done.out)

    def test_votes_take_effect(self):
        """Those who contributed change a policy; the server shows it, and then follows it."""
        slug, people = self.iris(keys=True)
        self.assertEqual(self.proposals(slug), [])
        self.play(slug, people)
        self.final(slug, "voice")
        for person in people:
            self.node.fund(person.payout, 1)
            person.key = ("--key", person.keystore, "--passphrase-file", self.server.secret)
        first = people[0]
        change = ("propose", "policy", slug, "--maximum-rounds", "7", *first.key)
        until(lambda: first.run(*change).code == 0, 10, "a vote counts from the next second on")
        time.sleep(6)  # what is served may be that old
        found = self.proposals(slug)
        self.assertEqual([c for c in found[0]["calls"]], [{
            "kind": "policy", "model": keccak(slug.encode()).hex(), "minimum": 3, "maximum_rounds": 7,
            "privacy_budget": str(2**64 - 1), "reward_cap": str(3 * ETHER // 100)}])
        number = found[0]["id"][:10]
        until(lambda: self.proposals(slug)[0]["state"] == "active", 20, "the vote is open")
        for person in people:
            self.assertEqual(person.run("vote", number, "for", *person.key).code, 0)
        until(lambda: self.proposals(slug)[0]["state"] == "succeeded", 30, "the vote is over")
        first.run("queue", number, *first.key).ok()
        until(lambda: first.run("execute", number, *first.key).code == 0, 20, "it is carried out")
        until(lambda: self.server.get(f"/models/{slug}").json["policy"]["maximum_rounds"] == 7, 30,
              "the server follows")
        until(lambda: self.proposals(slug)[0]["state"] == "executed", 20, "and shows it")

    def proposals(self, slug):
        model = keccak(slug.encode()).hex()
        reply = self.server.get("/governance/proposals")
        while reply.status == 503:  # another request looks
            reply = self.server.get("/governance/proposals")
        return [p for p in reply.must(200).json["proposals"]
                if any(call.get("model") == model for call in p["calls"])]

    def test_a_swarm_on_a_sparse_graph(self):
        slug = self.make(changed(VECTOR, dimension=1000, cohort={"minimum": 20, "maximum": 60},
                                 deadlines=DEADLINES))
        token = self.path("swarm.token")
        with open(token, "w", encoding="ascii") as out:
            out.write(self.server.token)
        run = Process([program("swarm"), "--server", self.server.origin, "--model", slug, "--n", "50",
                       "--token-file", token, "--rpc", self.node.url],
                      self.path("swarm.log"))
        self.assertEqual(run.wait(100), 0, run.output())
        ctx = self.server.get(f"/models/{slug}/rounds").json["rounds"][0]["ctx"]
        self.final(slug, "result")
        done = Client(self.folder, "another").run("verify", ctx, "--server", self.server.origin,
                                                  "--rpc", self.node.url, "--json")
        report = json.loads(done.out.splitlines()[0])
        anchors = [c for c in report["checks"] if c["check"] == "anchors"][0]
        self.assertEqual((anchors["outcome"], anchors["checked"]), ("holds", 3), done.out)
