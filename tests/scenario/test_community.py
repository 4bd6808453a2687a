# SPDX-License-Identifier: Apache-2.0
"""What a community does with a chain, with nothing but our own programs: it changes a rule by
a vote, and ten members fetch small rewards in a token."""

import json
import os

import chain
from anchored import PAID, PASSPHRASE, OnAChain, keccak, keystore, word
from harness import Client, changed, until
from voice import Voice

TOKEN_PRICE = 10**18


class Community(OnAChain):
    """People with keys of their own, on the chain and off it."""

    SANITIZED = False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.secret = os.path.join(cls.folder, "purse.pass")
        with open(cls.secret, "w", encoding="ascii") as out:
            out.write(PASSPHRASE + "\n")

    def purse(self, name, ether=100):
        """A keystore with some ether; its path and address."""
        path = self.path(f"{name}.json".replace(" ", "-"))
        keystore(path)
        address = self.server.chorusd("key", "address", path).stdout.split()[1]
        if ether:
            self.node.fund(address, ether)
        return path, address

    def enrolled(self, slug, purses):
        voices = []
        for i, (link, (_, address)) in enumerate(zip(self.server.invite(slug, len(purses)), purses)):
            voice = Voice(self.server, f"member {i}")
            self.server.post("/participants", voice.enroll_body(link, payout=address)).must(201)
            voices.append(voice)
        return voices

    def chorus(self, *words, key=None):
        """One command over the member's own node."""
        signed = ["--key", key, "--passphrase-file", self.secret] if key else []
        return Client(self.folder, "somebody").run(
            *words, *signed, "--rpc", self.node.url, "--server", self.server.origin)

    def ok(self, *words, key=None):
        done = self.chorus(*words, key=key).ok()
        return done.out

    def events(self, *words, key=None):
        return [json.loads(line) for line in self.ok(*words, "--json", key=key).splitlines()]

    def whole_round(self, slug, voices):
        ctx = self.server.open_round(slug)
        self.play_to(ctx, voices, "unmask")
        self.finish(ctx, voices)
        return ctx

    def refusal(self, sender, to, data):
        """What the contract answers to this sender."""
        try:
            self.node.rpc("eth_call", {"from": sender, "to": to, "data": data}, "latest")
        except chain.RpcError as refused:
            return str(refused)
        raise AssertionError("the contract would do it")


class ByVote(Community):
    """A rule says five. Four are not enough until the members have voted that they are."""

    LIMIT = 240

    def propose(self, *words):
        """Made by the first voter; its number."""
        self.ok("propose", *words, key=self.purses[0][0])
        return self.events("proposals", self.rule)[-1]["id"]

    def state(self, number):
        found = {p["id"]: p["state"] for p in self.events("proposals", self.rule)}
        return found[number]

    def in_state(self, number, state):
        until(lambda: self.state(number) == state, 60, f"the proposal is {state}")

    def carry_out(self, numbers):
        for number in numbers:
            self.in_state(number, "active")
            for key, _ in self.purses[:3]:
                self.ok("vote", number, "for", key=key)
        for number in numbers:
            self.in_state(number, "succeeded")
            self.ok("queue", number, key=self.purses[0][0])
        self.node.pass_time(5)  # the timelock's two seconds
        for number in numbers:
            self.ok("execute", number, key=self.purses[4][0])

    def test_five_until_a_vote_says_four(self):
        # who contributes has a voice: a round of another model
        self.purses = [self.purse(f"voter {i}") for i in range(5)]
        first, _ = self.make(changed(PAID, cohort={"minimum": 5}), 0)
        self.ok("deposit", first, "9000", key=self.purses[0][0])
        self.whole_round(first, self.enrolled(first, self.purses))
        until(lambda: self.state_of("voice", first) == "final", 60, "votes are minted")
        # the rule: five
        self.rule, voices = self.make(changed(PAID, cohort={"minimum": 5}), 4)
        wanted = self.server.admin("POST", f"/models/{self.rule}/versions", {
            "spec": changed(PAID, cohort={"minimum": 4})}).must(201).json
        self.cannot_be_changed_alone()
        self.cannot_be_lied_about(voices)
        # the vote
        numbers = [self.propose("policy", self.rule, "--minimum", "4"),
                   self.propose("spec", self.rule, wanted["spec"])]
        self.carry_out(numbers)
        until(lambda: self.server.get(f"/models/{self.rule}").json["policy"]["minimum"] == 4, 60,
              "the server has read the policy")
        opened = until(self.open_with_four, 60, "the server has read the description")
        self.play_to(opened, voices, "unmask")
        self.finish(opened, voices)
        self.assertEqual(self.server.results(self.rule)[0]["count"], 4)

    def open_with_four(self):
        """A round under the terms of four, once there is one."""
        reply = self.server.admin("POST", f"/models/{self.rule}/rounds", {})
        if reply.status != 201:
            return None
        if reply.json["minimum"] == 4:
            return reply.json["ctx"]
        self.server.admin("POST", f"/rounds/{reply.json['ctx']}/cancel").must(200)
        return None

    def cannot_be_changed_alone(self):
        """Neither by the relayer, who also deployed everything, nor by one voter."""
        registry, timelock = (self.server.at[n] for n in ("ChorusRegistry", "TimelockController"))
        lower = (keccak(b"setPolicy(bytes32,(uint32,uint32,uint64,uint256))")[:4].hex()
                 + keccak(self.rule.encode()).hex() + word(4) + word(100) + word(0) + word(9000))
        not_owner = keccak(b"NotOwner(address)")[:4].hex()
        for sender in (self.server.relayer, self.purses[0][1]):
            self.assertIn(not_owner, self.refusal(sender, registry, "0x" + lower))
            schedule = ("0x" + keccak(b"schedule(address,uint256,bytes,bytes32,bytes32,uint256)")[:4]
                        .hex() + registry[2:].lower().rjust(64, "0") + word(0) + word(192) + word(0)
                        + word(0) + word(2) + word(len(lower) // 2)
                        + lower.ljust((len(lower) + 63) // 64 * 64, "0"))
            self.assertIn(keccak(b"AccessControlUnauthorizedAccount(address,bytes32)")[:4].hex(),
                          self.refusal(sender, timelock, schedule))

    def cannot_be_lied_about(self, voices):
        """The operator writes four into its own database: the chain still says five."""
        self.server.database.query(
            "UPDATE chain_models SET minimum = 3, seen_at = now() + interval '25 s', spec = (SELECT "
            f"spec_hash FROM model_versions WHERE model = '{self.rule}' AND version = 2) "
            f"WHERE model = '{self.rule}'")
        ctx = self.server.open_round(self.rule)
        failed = self.play_to(ctx, voices, "failed")
        self.assertEqual(failed["failure"]["reason"], "against-policy")
        self.assertIn("BelowMinimum(4, 5)",
                      self.server.txs(f"model = '{self.rule}' AND kind = 'survivors'"))
        self.server.database.query(f"UPDATE chain_models SET seen_at = now() - interval '1 day' "
                                   f"WHERE model = '{self.rule}'")


class ByClaims(Community):
    """Ten members earn small sums of a token; each fetches them when it likes."""

    LIMIT = 240

    def deploy_token(self, holder, amount):
        """A token of which `holder` has so much; its address."""
        with open(os.path.join(chain.artifacts(), "TestToken.json"), encoding="ascii") as source:
            code = json.load(source)["bytecode"]
        sender = self.node.rpc("eth_accounts")[0]

        def send(**tx):
            sent = self.node.rpc("eth_sendTransaction", {"from": sender, **tx})
            return until(lambda: self.node.rpc("eth_getTransactionReceipt", sent), 10, "it is mined")
        token = send(data=code)["contractAddress"]
        send(to=token, data="0x" + keccak(b"mint(address,uint256)")[:4].hex()
             + holder[2:].lower().rjust(64, "0") + word(amount))
        return token

    def held(self, token, address):
        return int(self.node.call(token, "0x" + keccak(b"balanceOf(address)")[:4].hex()
                                  + address[2:].lower().rjust(64, "0")), 16)

    def test_ten_members_and_a_token(self):
        donor = self.purse("donor")
        token = self.deploy_token(donor[1], 100 * TOKEN_PRICE)
        spec = changed(PAID, cohort={"minimum": 10, "maximum": 10},
                       reward={"budget": str(TOKEN_PRICE), "scheme": "equal", "payout": {
                           "mode": "claim", "threshold": "1", "every": 2}})
        slug, _ = self.make(spec, 0, currency=token, reward_cap=str(TOKEN_PRICE))
        purses = [self.purse(f"member {i}", ether=1) for i in range(10)]
        voices = self.enrolled(slug, purses)
        said = self.ok("deposit", slug, str(2 * TOKEN_PRICE), key=donor[0])
        self.assertIn("The vault now holds", said)
        self.assertEqual(self.held(token, self.server.at["ChorusVault"]), 2 * TOKEN_PRICE)
        self.whole_round(slug, voices)
        # the first of two rounds settles nothing: it all comes under one root
        self.assertIn("nothing to claim", self.ok("claim", slug, "--payout", purses[0][1]))
        self.whole_round(slug, voices)
        until(lambda: self.server.txs(f"model = '{slug}' AND kind = 'result'",
                                      "state").split() == ["final"] * 2, 60, "results are final")
        root = self.anchor("results", slug, 2)[4]
        self.assertNotEqual(int(root, 16), 0)
        tree = self.server.get(f"/models/{slug}/claims").must().json
        self.assertEqual((tree["format"], tree["tree"][0]), ("standard-v1", "0x" + root))
        self.assertEqual(len(tree["values"]), 10)
        for path, address in purses:
            due, done = self.events("claim", slug, "--payout", address, key=path)
            self.assertEqual(due["amount"], str(TOKEN_PRICE // 5))
            self.assertEqual(int(done["after"]) - int(done["before"]), TOKEN_PRICE // 5)
            self.assertEqual(self.held(token, address), TOKEN_PRICE // 5)
        self.assertEqual(self.held(token, self.server.at["ChorusVault"]), 0)
        self.assertIn("paid already", self.ok("claim", slug, "--payout", purses[3][1],
                                              key=purses[4][0]))
        self.books_agree(slug, voices)

    def books_agree(self, slug, voices):
        """The server has seen the claims: nothing is due, nothing was made or lost."""
        def fetched():
            standings = [self.server.get(f"/models/{slug}/balances/{v.id}").must().json
                         for v in voices]
            return standings if all(s["claimable"] == "0" for s in standings) else None
        for standing in until(fetched, 60, "the books know of the claims"):
            self.assertEqual((standing["earned"], standing["claimed"]),
                             (str(TOKEN_PRICE // 5),) * 2)
        self.assertEqual(self.server.database.query("SELECT sum(amount) FROM postings"), "0")
