# SPDX-License-Identifier: Apache-2.0
"""Rounds on a real chain: what waits for an anchor, what the registry then says, and what the
policy forbids. The voices do not look at the chain; that clients do is tested with them."""

import contextlib
import os
import subprocess
import threading
import time

import chain
from anchored import (DEADLINES, PAID, AnchoredServer, OnAChain, Paying, keccak, keystore,
                      word)
from harness import (Client, Process, changed, deal, program, read_csv, read_spec,
                     stratified, until, write_csv)
from stranger import event_hash
from voice import Voice

def hash_of(event):
    return event_hash(event).hex()


class Rounds(OnAChain):
    def test_a_sparse_graph_waits_for_its_block(self):
        slug, voices = self.make(changed(PAID, cohort={"minimum": 20, "maximum": 60}), 60)
        ctx = self.server.open_round(slug)
        for voice in voices:
            voice.join(ctx).must(201)
        waiting = self.server.wait_phase(ctx, "roster", limit=30)
        self.assertEqual(waiting["chain"]["waiting_for"], "roster")
        self.server.wait_phase(ctx, "share", limit=30)
        graph = self.server.event(ctx, "graph")
        said = self.anchor("rosters", slug, 1, 1)
        self.assertEqual(said[0], hash_of(self.server.event(ctx, "roster")))
        self.assertEqual(graph["block"], int(said[2], 16) + 2)
        block = self.node.rpc("eth_getBlockByNumber", hex(graph["block"]), False)
        self.assertEqual(graph["beacon"], block["hash"][2:])
        for voice in voices:
            voice.share(ctx).must(201)
        self.server.wait_phase(ctx, "upload", limit=60)
        for voice in voices:
            voice.upload(ctx, voice.numbers(ctx, 1))
        self.server.wait_phase(ctx, "unmask", limit=60)
        self.finish(ctx, voices)

    def test_a_round_is_anchored(self):
        slug, voices = self.make(PAID, 3)
        ctx = self.server.open_round(slug)
        waiting = self.play_to(ctx, voices, "survivors")
        self.assertEqual(waiting["chain"]["waiting_for"], "survivors")
        self.assertIsNone(waiting["deadline_at"])
        self.server.wait_phase(ctx, "unmask", limit=30)
        survivors = self.server.event(ctx, "survivors")
        self.assertEqual(self.anchor("survivors", slug, 1, 1)[0], hash_of(survivors))
        self.finish(ctx, voices)
        until(lambda: self.state_of("result", slug) == "final", 30, "the result is final")
        said = self.anchor("results", slug, 1)
        self.assertEqual(said[0], hash_of(self.server.event(ctx, "result")))
        self.assertEqual(int(said[2], 16), 9000)


class Policy(OnAChain):
    def opened(self, slug):
        return self.server.admin("POST", f"/models/{slug}/rounds", {})

    def version(self, slug, spec):
        return self.server.admin("POST", f"/models/{slug}/versions", {"spec": spec}).must(201).json

    def as_timelock(self, slug, call):
        """What a vote would do, in one step."""
        timelock = self.server.at["TimelockController"]
        self.node.fund(timelock)
        self.node.rpc("anvil_impersonateAccount", timelock)
        sent = self.node.rpc("eth_sendTransaction", {
            "from": timelock, "to": self.server.at["ChorusRegistry"], "data": call})
        until(lambda: self.node.rpc("eth_getTransactionReceipt", sent), 10, "it is mined")
        self.assertEqual(self.node.rpc("eth_getTransactionReceipt", sent)["status"], "0x1")

    def test_a_database_that_lies_about_the_policy_gains_nothing(self):
        slug, voices = self.make(changed(PAID, cohort={"minimum": 5}), 4)
        self.version(slug, changed(PAID, cohort={"minimum": 4}))
        self.server.database.query(
            "UPDATE chain_models SET minimum = 3, seen_at = now() + interval '60 s', spec = (SELECT "
            f"spec_hash FROM model_versions WHERE model = '{slug}' AND version = 2) "
            f"WHERE model = '{slug}'")
        ctx = self.opened(slug).must(201).json["ctx"]
        failed = self.play_to(ctx, voices, "failed")
        self.assertEqual(failed["failure"]["reason"], "against-policy")
        said = self.server.txs(f"model = '{slug}' AND kind = 'survivors'")
        self.assertIn("refused", said)
        self.assertIn("BelowMinimum(4, 5)", said)
        self.assertEqual(int(self.anchor("survivors", slug, 1, 1)[0], 16), 0)

    def test_a_vote_takes_effect_by_itself(self):
        slug, voices = self.make(changed(PAID, cohort={"minimum": 5}), 4)
        second = self.version(slug, changed(PAID, cohort={"minimum": 4}))
        model = keccak(slug.encode()).hex()
        ctx = self.opened(slug).must(201).json["ctx"]  # still the first version's terms
        self.assertEqual(self.server.state(ctx)["minimum"], 5)
        self.server.admin("POST", f"/rounds/{ctx}/cancel").must(200)
        self.as_timelock(slug, "0x" + keccak(b"setSpec(bytes32,bytes32)")[:4].hex() + model
                         + second["spec"])

        def refused():
            reply = self.opened(slug)
            if reply.status == 201:
                self.server.admin("POST", f"/rounds/{reply.json['ctx']}/cancel").must(200)
                return None
            return reply.refused("against-policy")
        self.assertIn("the policy for 5", until(refused, 30, "the vote is seen").json["detail"])
        self.as_timelock(slug, "0x" + keccak(
            b"setPolicy(bytes32,(uint32,uint32,uint64,uint256))")[:4].hex() + model
            + word(4) + word(100) + word(0) + word(9000))
        until(lambda: self.server.get(f"/models/{slug}").json["policy"]["minimum"] == 4, 30,
              "the policy is seen")
        ctx = self.opened(slug).must(201).json["ctx"]
        self.play_to(ctx, voices, "unmask")
        self.finish(ctx, voices)

    def test_a_policy_that_no_round_could_keep_is_refused(self):
        moving = ("chain_head", "chain_models", "chain_contracts")
        before = self.server.database.fingerprint(without=moving)
        for policy, slug in (({"minimum": 4}, "against-policy"),
                             ({"reward_cap": "8999"}, "against-policy"),
                             ({"minimum": 2}, "bad-value"),
                             ({"reward_cap": "-1"}, "bad-value"),
                             ({"reward_cap": "9" * 78}, "bad-value"),
                             ({"privacy_budget": str(2**64)}, "bad-value"),
                             ({"currency": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD0"}, "bad-value"),
                             ({"currency": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAED"}, "bad-value"),
                             ({"currency": 5}, "wrong-type"),
                             ({"maximum": 3}, "unknown-field")):
            with self.subTest(policy=policy):
                self.server.admin("POST", "/models", {
                    "model": "never", "spec": PAID, "policy": policy}).refused(slug)
        self.assertEqual(self.server.database.fingerprint(without=moving), before)


class Money(Paying):
    def test_members_are_paid_to_the_wei(self):
        before = [self.node.balance(a) for a in self.ACCOUNTS]
        slug, voices = self.paid_round(9000)
        until(lambda: (self.payout(slug) or {}).get("state") == "final", 30, "paid for good")
        self.assertEqual([self.node.balance(a) - b for a, b in zip(self.ACCOUNTS, before)],
                         [3000] * 3)
        for voice in voices:
            balance = self.server.get(f"/models/{slug}/balances/{voice.id}").must().json
            self.assertEqual((balance["paid"], balance["due"], balance["paying"]),
                             ("3000", "0", "0"))
        until(lambda: (self.payout(slug, "voice") or {}).get("state") == "final", 30, "votes")
        self.assertEqual(int(self.node.call(
            self.server.at["ChorusVoice"], "0x" + keccak(b"organisations()")[:4].hex()), 16), 3)

    def test_without_a_deposit_it_is_held_until_somebody_acts(self):
        slug, _ = self.paid_round(0)
        held = self.held(slug)
        self.assertIn("NotEnoughFunds(9000, 0)", held["reason"])
        path = f"/payouts/{held['id']}"
        # too early: it would be held again, and nothing is lost
        self.server.admin("POST", path + "/retry").must(200)
        self.held(slug)
        self.server.admin("POST", path + "/settle", {"hash": "0x" + "00" * 32}).refused("not-found")
        self.server.admin("POST", path + "/settle", {"hash": "77"}).refused("bad-value")
        register = self.payout(slug, "register")
        self.server.admin("POST", path + "/settle", {"hash": register["tx"]}).refused("conflict")
        self.server.admin("POST", f"/payouts/{register['id']}/retry").refused("conflict")
        self.server.admin("POST", "/payouts/999999/retry").refused("not-found")
        self.server.admin("POST", "/payouts/x/retry").refused("not-found")
        self.deposit(slug, 9000)
        self.server.admin("POST", path + "/retry").must(200)
        until(lambda: self.payout(slug)["state"] == "final", 30, "it is paid")

    def test_somebody_else_pays_and_a_person_says_so(self):
        slug, _ = self.paid_round(0)
        held = self.held(slug)
        self.deposit(slug, 9000)
        sent = self.pay_by_hand(held)
        path = f"/payouts/{held['id']}/settle"

        def settled():
            reply = self.server.admin("POST", path, {"hash": sent})
            if reply.status == 409:
                reply.refused("not-anchored")
                return None
            return reply.must(200).json
        self.assertEqual(until(settled, 30, "it is final")["state"], "final")
        spent = self.payout(slug)
        self.assertEqual((spent["tx"], spent["nonce"]), (sent, None))
        self.assertIn(spent["fee"], ("0", None))


class TooLate(Paying):
    """Blocks come more slowly afterwards, so it has a chain of its own."""

    def test_what_fails_in_its_block_is_held_and_its_gas_is_in_the_books(self):
        """Somebody pays the batch in the very block in which the relayer's own comes too late."""
        slug, _ = self.paid_round(0)
        held = self.held(slug)
        self.deposit(slug, 9000)
        until(lambda: self.state_of("voice", slug) == "final", 30, "nothing else is on its way")
        self.node.rpc("evm_setIntervalMining", 0)
        try:
            self.server.admin("POST", f"/payouts/{held['id']}/retry").must(200)
            until(lambda: self.payout(slug)["state"] == "signed", 10, "it is signed")
            data = self.server.database.query(
                f"SELECT encode(calldata, 'hex') FROM chain_txs WHERE id = {held['id']}")
            self.node.rpc("eth_sendTransaction", {
                "from": self.node.rpc("eth_accounts")[0], "to": self.server.at["ChorusVault"],
                "data": "0x" + data, "gas": hex(1000000), "maxPriorityFeePerGas": hex(90 * chain.GWEI),
                "maxFeePerGas": hex(400 * chain.GWEI)})
            until(lambda: int(self.node.rpc("txpool_status")["pending"], 16) == 2, 10, "both wait")
        finally:
            self.node.rpc("evm_setIntervalMining", 1)
        again = until(lambda: (self.payout(slug) if self.payout(slug)["state"] == "held" else None),
                      30, "it is held")
        self.assertIn("it failed in block", again["reason"])
        self.assertIn("AlreadyPaid", again["reason"])
        cost = 0
        for tx in self.server.database.query(
                f"SELECT DISTINCT '0x' || encode(a.hash, 'hex') FROM chain_attempts a JOIN chain_txs t "
                f"ON t.id = a.tx WHERE t.model = '{slug}'").split():
            receipt = self.node.rpc("eth_getTransactionReceipt", tx)
            cost += int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16) if receipt else 0
        self.assertGreater(int(again["fee"]), 0)
        self.assertEqual(self.server.database.query(
            f"SELECT balance FROM accounts WHERE model = '{slug}' AND kind = 'gas'"), str(cost))


class Away(OnAChain):
    @classmethod
    def setUpClass(cls):
        cls.node = chain.Anvil(block_time=0.2, state=None)
        cls.server = AnchoredServer(cls.node)
        cls.folder, cls.serial = cls.server.folder, 0

    def trouble(self):
        return self.server.database.query("SELECT trouble FROM chain_head")

    def test_the_server_serves_while_every_node_is_away(self):
        self.node.process.popen.send_signal(19)  # stops answering, as a machine that hangs
        try:
            self.server.restart()
            slug = self.slug("away")
            made = self.server.make_model(slug, PAID)
            self.assertIsNone(made["policy"])
            self.assertEqual(made["chain"]["state"], "planned")
            opened = self.server.admin("POST", f"/models/{slug}/rounds", {})
            self.assertIn("planned", opened.refused("not-anchored", 409).json["detail"])
            until(self.trouble, 30, "the trouble is told")
            self.assertEqual(self.server.get(f"/models/{slug}").json["chain"]["reason"],
                             self.trouble())
        finally:
            self.node.process.popen.send_signal(18)
        until(lambda: self.server.get(f"/models/{slug}").json["policy"], 40, "it goes on")
        self.assertEqual(self.trouble(), "")
        self.server.open_round(slug)

    def test_a_key_that_something_else_uses_signs_nothing(self):
        before = self.server.database.query("SELECT next_nonce FROM chain_keys")
        self.node.rpc("anvil_impersonateAccount", self.server.relayer)
        self.node.rpc("eth_sendTransaction", {"from": self.server.relayer, "value": "0x1",
                                              "to": self.server.relayer})
        until(lambda: "something else sends with it" in self.trouble(), 20, "it is found out")
        slug = self.slug("away")
        self.server.make_model(slug, PAID)
        time.sleep(1)
        self.assertEqual(self.state_of("register", slug), "planned")
        self.server.database.query("UPDATE chain_keys SET next_nonce = next_nonce + 1")
        until(lambda: self.state_of("register", slug) == "final", 20, "it goes on")
        self.assertEqual(int(self.server.database.query("SELECT next_nonce FROM chain_keys")),
                         int(before) + 2)


class Commands(OnAChain):
    """chorusd key and chorusd chain, and what they say to bad input."""

    def run_with(self, *arguments, given="", **options):
        return subprocess.run([program("chorusd"), *arguments], input=given, text=True,
                              capture_output=True, timeout=60, check=False, **options)

    def fails(self, text, *arguments, **options):
        done = self.run_with(*arguments, **options)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertIn(text, done.stderr + done.stdout)
        return done

    def configuration(self, name, **changes):
        """The server's, with lines changed; None takes one away."""
        path = self.path(name)
        lines = {}
        with open(self.server.conf, encoding="ascii") as conf:
            for line in conf:
                if "=" in line:
                    key, _, value = line.partition("=")
                    lines[key.strip()] = value.strip()
        for key, value in changes.items():
            lines[key.replace("_", "-")] = value
        with open(path, "w", encoding="ascii") as out:
            out.write("# kept\n" + "".join(f"{k} = {v}\n" for k, v in lines.items()
                                           if v is not None))
        return path

    def check(self, text, conf, key=None):
        return self.fails(text, "chain", "check", "--config", conf, "--key", key or self.server.key)

    def test_keys(self):
        secret, file = ("--relayer-passphrase", self.server.secret), self.path("made.json")
        made = self.run_with("key", "new", file, *secret)
        self.assertEqual(made.returncode, 0, made.stderr)
        shown = self.run_with("key", "address", file, *secret)
        self.assertEqual(shown.stdout, made.stdout)
        self.assertEqual(os.stat(file).st_mode & 0o777, 0o600)
        self.fails("is not overwritten", "key", "new", file, *secret)
        known = "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"
        taken = self.run_with("key", "import", self.path("known.json"), *secret, given=f"0x{known}\n")
        self.assertEqual(taken.stdout, "address 0x2c7536E3605D9C16a7a3D7b1898e529396a65c23\n")
        for bad in ("", "12\n", known[:-1] + "g\n", "0" * 64 + "\n", "f" * 64 + "\n"):
            self.fails("chorusd: ", "key", "import", self.path("bad.json"), *secret, given=bad)
            self.assertFalse(os.path.exists(self.path("bad.json")))
        wrong = self.path("wrong")
        with open(wrong, "w", encoding="ascii") as out:
            out.write("another\n")
        self.fails("passphrase", "key", "address", file, "--relayer-passphrase", wrong)
        self.fails("no terminal to ask on", "key", "address", file)
        self.fails("cannot be read", "key", "address", self.path("none.json"), *secret)
        self.fails("expected: key new FILE", "key", "forge", file)
        credentials = {**os.environ, "CREDENTIALS_DIRECTORY": self.folder}
        os.link(self.server.secret, self.path("relayer-passphrase"))
        self.assertEqual(self.run_with("key", "address", file, env=credentials).stdout, made.stdout)

    def test_check_says_what_is_wrong(self):
        conf = self.configuration("good.conf")
        good = self.run_with("chain", "check", "--config", conf, "--key", self.server.key)
        self.assertEqual(good.returncode, 0, good.stdout + good.stderr)
        self.check("could not be reached", self.configuration("away.conf", rpc="http://127.0.0.1:9"))
        self.check("not the chain", self.configuration("other.conf", chain_id="1"))
        self.check("there is no contract at",
                   self.configuration("none.conf", registry="0x" + "11" * 20))
        self.check("is not set", self.configuration("unset.conf", registry=None))
        self.check("checksum", self.configuration(
            "sum.conf", registry=self.server.at["ChorusRegistry"].swapcase().replace("X", "x", 1)))
        self.check("does not answer as one",
                   self.configuration("vault.conf", registry=self.server.at["ChorusVault"]))
        other = self.path("other.key")
        with open(other, "w", encoding="ascii") as out:
            out.write("11" * 32 + "\n")
        os.chmod(other, 0o600)
        self.check("it is another instance's registry", conf, key=other)
        keystore(self.path("poor.json"))
        poor = self.configuration("poor.conf", relayer=self.path("poor.json"))
        self.check("not from our relayer", poor)
        self.check("send it ether", poor)
        slug, _ = self.make(PAID, 0)
        self.check(f"model {slug}: the vault holds 0",
                   self.configuration("db.conf", db=self.server.database.conninfo))

    def test_an_interrupted_deployment_is_not_used(self):
        keystore(self.path("deployer.json"))
        key = ("--deployer", self.path("deployer.json"), "--deployer-passphrase", self.server.secret)
        conf = self.configuration("fresh.conf", registry=None, chain_id=None)
        with open(conf, encoding="ascii") as source:
            before = source.read()
        command = ["chain", "deploy", "--config", conf, "--key", self.server.key, "--contracts",
                   chain.artifacts(), *key]
        self.fails("send it ether", *command)
        shown = self.run_with("key", "address", self.path("deployer.json"),
                              "--relayer-passphrase", self.server.secret).stdout
        self.node.fund(shown.split()[1])
        for made in ("ChorusRegistry", "ChorusVoice"):
            process = Process([program("chorusd"), *command], self.path(f"{made}.log"))
            until(lambda: made in process.output(), 30, f"{made} is deployed")
            process.kill()
            with open(conf, encoding="ascii") as source:
                self.assertEqual(source.read(), before)

        def deployed():
            done = self.run_with(*command)
            if "not mined yet" in done.stderr:
                return None
            self.assertEqual(done.returncode, 0, done.stderr)
            return True
        until(deployed, 60, "the deployment after them")
        with open(conf, encoding="ascii") as source:
            self.assertRegex(source.read(), r"(?s)^# kept\n.*chain-id = 31337\nregistry = 0x\w{40}\n$")
        self.assertEqual(self.run_with("chain", "check", "--config", conf, "--key",
                                       self.server.key).returncode, 0)
        self.fails("is set already", *command)

    def test_an_instance_names_its_chain_for_ever(self):
        registry = self.server.at["ChorusRegistry"]
        base = ["init", "--db", self.server.database.conninfo, "--key", self.server.key, "--origin",
                self.server.origin]
        self.fails("chain-id", *base, "--registry", registry)
        self.fails("registry", *base, "--chain-id", "1")
        self.fails("another key, origin or chain", *base, "--registry", registry, "--chain-id", "1")
        serve = ["serve", "--db", self.server.database.conninfo, "--key", self.server.key, "--port",
                 "0"]
        self.fails("the instance is on chain 31337", *serve, "--chain-id", "5")
        self.fails("not the one that the instance names", *serve, "--registry", "0x" + "22" * 20)
        # written in any case, it is the same
        self.assertEqual(self.run_with(*base, "--registry", registry.lower(), "--chain-id",
                                       "31337").returncode, 0)


class RealMembers(OnAChain):
    """Members who look at the chain themselves, over endpoints of their own."""

    def test_three_members_train_and_are_paid(self):
        accounts = ["0x" + keccak(f"member {i}".encode())[-20:].hex() for i in range(3)]
        spec = changed(read_spec("iris"), deadlines=DEADLINES, reward={
            "budget": "9000", "scheme": "equal",
            "payout": {"mode": "push", "threshold": "0", "every": 1}})
        slug, _ = self.make(spec, 0)
        payer = self.node.rpc("eth_accounts")[0]
        self.node.rpc("eth_sendTransaction", {
            "from": payer, "to": self.server.at["ChorusVault"], "value": hex(9000), "data":
            "0x" + keccak(b"deposit(bytes32,uint256)")[:4].hex() + keccak(slug.encode()).hex()
            + word(9000)})
        head, rows = read_csv("iris")
        parts, _ = deal(stratified(rows, 4, 1), [50, 50, 50])
        running = []
        for i, link in enumerate(self.server.invite(slug, 3)):
            member = Client(self.folder, f"member {i}")
            member.run("keygen").ok()
            member.run("enroll", link, "--name", member.name, "--payout", accounts[i]).ok()
            data = write_csv(self.path(f"part-{i}.csv"), head, parts[i])
            running.append(member.participate(slug, data, rounds=1,
                                              extra=("--rpc", self.node.url)))
        ctx = self.server.open_round(slug)
        self.server.wait_phase(ctx, "done", limit=60)
        for process in running:
            self.assertEqual(process.wait(20), 0, process.output())
        until(lambda: [self.node.balance(a, "finalized") for a in accounts] == [3000] * 3, 30,
              "everybody is paid for good")


class Fees(OnAChain):
    """What gas costs, and what is offered."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.gwei = None
        threading.Thread(target=cls.keep_price, daemon=True).start()

    @classmethod
    def keep_price(cls):
        while cls.node.process.running():
            if cls.gwei:
                with contextlib.suppress(OSError, chain.RpcError):
                    cls.node.rpc("anvil_setNextBlockBaseFeePerGas", hex(cls.gwei * chain.GWEI))
            time.sleep(0.02)

    def tearDown(self):
        type(self).gwei = None

    def attempts(self, slug):
        rows = self.server.database.query(
            "SELECT a.nonce, a.max_fee, a.max_tip FROM chain_attempts a JOIN chain_txs t ON t.id = "
            f"a.tx WHERE t.model = '{slug}' ORDER BY a.attempt")
        return [[int(v) for v in row.split("|")] for row in rows.split()]

    def test_fees_rise_by_an_eighth_and_never_above_the_cap(self):
        slug = self.slug("dear")
        self.node.rpc("evm_setIntervalMining", 0)
        self.node.rpc("evm_setAutomine", False)
        try:
            self.server.make_model(slug, PAID)
            until(lambda: self.attempts(slug), 10, "it is signed")
            type(self).gwei = 300
            for _ in range(40):  # blocks at that price, until it gets in
                time.sleep(0.15)
                self.node.rpc("evm_mine")
            until(lambda: self.node.rpc("evm_mine") and self.state_of("register", slug) == "final",
                  30, "it gets in")
        finally:
            self.node.rpc("evm_setIntervalMining", 1)
        tries = self.attempts(slug)
        self.assertGreater(len(tries), 1)
        self.assertEqual(len({nonce for nonce, _, _ in tries}), 1)
        for (_, fee, tip), (_, more, more_tip) in zip(tries, tries[1:]):
            self.assertGreaterEqual(more * 8, fee * 9)
            self.assertGreaterEqual(more_tip * 8, tip * 9)
        self.assertGreaterEqual(tries[-1][1], 300 * chain.GWEI)
        self.assertLessEqual(max(fee for _, fee, _ in tries), 500 * chain.GWEI)

    def test_nothing_is_signed_above_the_cap(self):
        slug = self.slug("dear")
        type(self).gwei = 600

        def dear():
            self.node.rpc("evm_mine")
            block = self.node.rpc("eth_getBlockByNumber", "latest", False)
            return int(block["baseFeePerGas"], 16) == 600 * chain.GWEI
        until(dear, 10, "a block at that price")
        self.server.make_model(slug, PAID)
        until(lambda: "gas-cap" in self.server.txs(f"model = '{slug}'"), 20, "it says why")
        self.assertEqual(self.attempts(slug), [])
        done = self.server.chorusd("chain", "check", "--key", self.server.key)
        self.assertIn("more than gas-cap allows", done.stdout)
