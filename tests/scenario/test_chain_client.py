# SPDX-License-Identifier: Apache-2.0
"""Claims and votes with the chorus program: real contracts on a private Ethereum node, and a
server that is only asked which claims there are, and lies about them."""

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import chain
import harness
import stranger

SOURCE = os.path.dirname(os.path.abspath(__file__))


class Told:
    """A server that shows an instance, and claims."""

    def __init__(self, chain_id, contract):
        public, secret = stranger.SODIUM.sign_keys(os.urandom(32))
        event = {"type": "instance", "origin": "test.example/log", "coordinator": public.hex(),
                 "chain": {"contract": contract.lower(), "id": chain_id}}
        event["sig"] = stranger.SODIUM.sign(secret, stranger.to_sign(event)).hex()
        self.pages = {"/api/v1/instance": {"instance": event, "version": "0", "now_at": 1.0}}
        pages = self.pages

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                page = pages.get(self.path.partition("?")[0])
                text = json.dumps(page or {"type": "urn:chorus:error:not-found",
                                           "status": 404}).encode()
                self.send_response(200 if page else 404)
                self.send_header("Content-Type", "application/json" if page
                                 else "application/problem+json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def claims(self, told):
        for account, claim in told.items():
            self.pages[f"/api/v1/models/toy/claims/{account}"] = claim

    def close(self):
        self.http.shutdown()
        self.http.server_close()


class ChainClient(harness.Scenario):
    LIMIT = 120

    @classmethod
    def setUpClass(cls):
        cls.folder = harness.temp_folder()

    def setUp(self):
        self.node = chain.Anvil(block_time=None)
        self.addCleanup(self.node.kill)
        self.there = json.loads(chain.node(os.path.join(SOURCE, "deploy.mjs"), self.node.url,
                                           chain.artifacts(), self.folder))
        self.told = Told(self.node.chain_id, self.there["registry"])
        self.addCleanup(self.told.close)
        self.secret = os.path.join(self.folder, "passphrase")
        with open(self.secret, "w", encoding="utf-8") as out:
            out.write(self.there["passphrase"] + "\n")
        self.client = harness.Client(self.folder, self.id())

    def key(self, who):
        return "--key", who["keystore"], "--passphrase-file", self.secret

    def run_chorus(self, *words, rpc=None):
        return self.client.run(*words, "--server", self.told.url, "--rpc", rpc or self.node.url)

    def ok(self, *words):
        done = self.run_chorus(*words)
        self.assertEqual(done.code, 0, done.out + done.err)
        return done.out

    def refused(self, code, slug, *words, rpc=None):
        done = self.run_chorus(*words, "--json", rpc=rpc)
        last = json.loads(done.out.splitlines()[-1])
        self.assertEqual((done.code, last.get("error")), (code, slug), done.out + done.err)
        return last

    def finalize(self):
        self.node.mine(3)

    def test_claims(self):
        """What is due is shown, checked against the chain, fetched once, and grows."""
        member, payer = self.there["members"][1], self.there["payer"]
        words = ("claim", "toy", "--payout", member["address"])
        self.assertIn("nothing to claim", self.ok(*words))
        self.told.claims(self.there["claims"][0])
        self.finalize()
        out = self.ok(*words)
        self.assertIn(f"0.1 ETH is due to {member['address']}, by round 1 of toy", out)
        before = self.node.balance(member["address"])
        out = self.ok(*words, *self.key(payer))
        self.assertEqual(self.node.balance(member["address"]) - before, chain.ETHER // 10)
        self.assertIn("has 100 ETH" if before == 100 * chain.ETHER else "has ", out)
        self.assertIn("all of it was paid already", self.ok(*words, *self.key(payer)))
        self.told.claims(self.there["claims"][1])  # the second round doubled the sum
        done = [json.loads(line) for line in self.ok(*words, *self.key(payer), "--json").splitlines()]
        self.assertEqual([line["event"] for line in done], ["due", "claimed"])
        self.assertEqual(int(done[1]["after"]) - int(done[1]["before"]), chain.ETHER // 10)
        self.assertEqual(self.node.balance(member["address"]) - before, chain.ETHER // 5)
        self.assertIn("nothing is owed", self.ok("claim", "toy", "--withdraw", *self.key(payer)))

    def test_deposits(self):
        """Money for a model arrives in the vault, or nothing happens."""
        payer = self.there["payer"]
        self.finalize()
        self.refused(2, "usage", "deposit", "toy", "0", *self.key(payer))
        self.refused(2, "usage", "deposit", "toy", "1.5", *self.key(payer))
        self.refused(2, "usage", "deposit", "toy", "1")
        self.refused(1, "not-found", "deposit", "unheard-of", "1", *self.key(payer))
        had = self.node.balance(payer["address"])
        self.refused(17, "no-gas", "deposit", "toy", str(had), *self.key(payer))  # and the gas?
        self.assertEqual(self.node.balance(payer["address"]), had)
        out = self.ok("deposit", "toy", str(chain.ETHER // 2), *self.key(payer))
        self.assertIn("0.5 ETH for toy arrived in block", out)
        self.assertIn("The vault now holds 1.5 ETH", out)
        self.assertEqual(self.node.balance(self.there["vault"]), 3 * chain.ETHER // 2)

    def test_claims_that_do_not_hold(self):
        """A lying server, a wrong passphrase, an empty purse, another chain: nothing is sent."""
        member, payer = self.there["members"][0], self.there["payer"]
        words = ("claim", "toy", "--payout", member["address"])
        claim = self.there["claims"][1][member["address"]]
        self.finalize()
        self.told.claims({member["address"]: {**claim, "cumulative": str(10**18)}})
        self.refused(12, "cheat-anchor", *words, *self.key(payer))
        self.told.claims({member["address"]: {**claim, "round": 3}})
        self.refused(10, "not-anchored", *words, *self.key(payer))
        self.told.claims({member["address"]: {**claim, "proof": ["0x00"]}})
        self.refused(1, "bad-reply", *words, *self.key(payer))
        self.told.claims({member["address"]: claim})
        with open(self.secret, "w", encoding="utf-8") as out:
            out.write("another\n")
        self.refused(1, "bad-signature", *words, *self.key(payer))
        with open(self.secret, "w", encoding="utf-8") as out:
            out.write(self.there["passphrase"])
        self.node.rpc("anvil_setBalance", payer["address"], "0x1")
        self.assertIn("must be there for the gas",
                      self.refused(17, "no-gas", *words, *self.key(payer))["detail"])
        self.refused(1, "bad-value", "claim", "toy", "--payout", "0x" + "aB" * 20)  # no checksum
        other = chain.Anvil(block_time=None, chain_id=5)
        self.addCleanup(other.kill)
        self.refused(17, "wrong-chain", *words, *self.key(payer), rpc=other.url)
        self.assertEqual(self.node.balance(member["address"]), 100 * chain.ETHER)
        self.node.kill()
        self.refused(14, "network", *words, *self.key(payer))

    def test_votes(self):
        """A policy is lowered: proposed, voted for, queued, carried out; and not before."""
        alice, bob, carol = self.there["members"]
        payer = self.there["payer"]
        self.finalize()
        self.node.pass_time(5)  # votes count from the second after they were minted
        self.assertIn("Nothing was proposed yet", self.ok("proposals"))
        self.refused(2, "usage", "propose", "policy", "toy", *self.key(alice))
        self.refused(2, "usage", "propose", "policy", "toy", "--minimum", "2", *self.key(alice))
        # who has no voice proposes nothing
        self.refused(17, "reverted", "propose", "policy", "toy", "--minimum", "4", *self.key(payer))
        self.ok("propose", "policy", "toy", "--minimum", "4", *self.key(alice))
        shown = json.loads(self.ok("proposals", "toy", "--json"))
        self.assertEqual(shown["state"], "pending")
        self.assertEqual([(c["kind"], c["minimum"], c["maximum_rounds"]) for c in shown["calls"]],
                         [("policy", 4, 100)])
        self.assertIn("toy: at least 4 organisations a round, at most 100 rounds",
                      self.ok("proposals", "toy"))
        self.assertIn("toy: minimum 5 to 4", shown["description"])
        number = shown["id"][:12]
        self.refused(1, "conflict", "vote", number, "for", *self.key(alice))
        self.node.pass_time(20)
        self.refused(2, "usage", "vote", number, "perhaps", *self.key(alice))
        self.refused(1, "not-found", "vote", "0000", "for", *self.key(alice))
        self.ok("vote", number, "for", *self.key(alice))
        self.refused(17, "reverted", "vote", number, "for", *self.key(alice))  # once
        self.ok("vote", number, "for", *self.key(bob))
        self.ok("vote", number, "against", *self.key(carol))
        self.assertIn("2 for, 1 against, 0 abstain", self.ok("proposals"))
        self.refused(1, "conflict", "queue", number, *self.key(payer))
        self.node.pass_time(700)
        self.ok("queue", number, *self.key(payer))
        self.refused(17, "reverted", "execute", number, *self.key(payer))  # the timelock
        self.node.pass_time(70)
        before = self.terms()
        self.ok("execute", number, *self.key(payer))
        self.assertEqual((before[0], self.terms()[0]), (5, 4))
        self.assertEqual(before[1:], self.terms()[1:])
        self.assertIn("carried out", self.ok("proposals", "toy"))
        # another description, and what touches no model
        self.ok("propose", "spec", "toy", "ab" * 32, *self.key(bob))
        self.assertIn("the description with the hash " + "ab" * 32, self.ok("proposals", "toy"))
        self.assertIn("Nothing was proposed", self.ok("proposals", "other"))

    def terms(self):
        """minimum, maximum rounds, privacy budget, reward cap, as the registry holds them."""
        words = self.node.call(self.there["registry"], self.there["reading"])[2:]
        return [int(words[64 * i:64 * i + 64], 16) for i in range(2, 6)]
