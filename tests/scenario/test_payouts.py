# SPDX-License-Identifier: Apache-2.0
"""Every payout arrives exactly once, whatever happens: two replicas that are killed at every
step, nodes that lose requests and replies, transactions that are forgotten, fees that rise
above what was offered, reorganisations of up to three blocks. A worker that does it the
obvious way overpays in the same weather, so the weather is bad enough to tell.

The rounds are planted (plant.c): what is tried here is what comes after a result."""

import hashlib
import json
import os
import random
import signal
import subprocess
import threading
import time

import chain
import harness
from anchored import AnchoredServer, keccak
from harness import Scenario, changed, program, psql, say, until
from proxy import Dropped, Proxy
from voice import VECTOR

GWEI = chain.GWEI
#: Where chorusd can be told to kill itself (payer_point in server/payer*.c).
POINTS = ("preflight", "signing", "signed", "sent", "sent-again", "bumped", "receipt", "mined",
          "unmined", "finishing", "final", "planning-result", "settling", "settled")


class LossyNode(Proxy):
    """A node that sometimes does not hear, does not answer, answers late or nonsense."""

    def __init__(self, upstream, draw):
        super().__init__(upstream)
        self.draw, self.bad = draw, True
        self.lost = {"requests": 0, "replies": 0, "garbled": 0}

    def before(self, request):
        self.seen.clear()
        if self.bad and self.draw.random() < 0.004:
            self.lost["requests"] += 1
            raise Dropped
        return None

    def after(self, request, reply):
        if not self.bad:
            return reply
        # The reply to a transaction that was sent is the one that matters.
        sending = request.body and b"eth_sendRawTransaction" in request.body
        chance = self.draw.random()
        if chance < (0.2 if sending else 0.004):
            self.lost["replies"] += 1
            raise Dropped
        if chance < (0.25 if sending else 0.006):
            self.lost["garbled"] += 1
            return harness.Reply(200, {"Content-Type": "text/html"}, b"<html>504</html>")
        if chance > 0.995:
            time.sleep(self.draw.random() * 0.3)
        return reply


class Weather(threading.Thread):
    """Makes the blocks of a node, and its accidents."""

    def __init__(self, node, draw, pace=0.12):
        super().__init__(daemon=True)
        self.node, self.draw, self.pace = node, draw, pace
        self.bad, self.on = False, True
        self.did = {"blocks": 0, "reorganisations": 0, "dropped": 0, "fees": 0}
        self.troubles = []

    def run(self):
        while self.on:
            try:
                self.step()
            except (OSError, chain.RpcError) as problem:
                self.troubles.append(str(problem))
            time.sleep(self.pace * (0.5 + self.draw.random()))

    def step(self):
        chance = self.draw.random() if self.bad else 1
        if chance < 0.06:
            self.node.rpc("anvil_reorg", self.draw.randint(1, 3), [])
            self.did["reorganisations"] += 1
            time.sleep(5 * self.pace)  # so that a payer sees it before all is mined again
            return
        if chance < 0.16:
            self.forget()
        elif chance < 0.19:
            gwei = self.draw.choice([20, 80, 200])
            self.node.rpc("anvil_setNextBlockBaseFeePerGas", hex(gwei * GWEI))
            self.did["fees"] += 1
        self.node.rpc("evm_mine")
        self.did["blocks"] += 1

    def forget(self):
        """Some of what waits to be mined is lost."""
        pool = self.node.rpc("txpool_content")
        waiting = [tx["hash"] for kind in ("pending", "queued") for sender in pool[kind].values()
                   for tx in sender.values()]
        for hashed in waiting:
            if self.draw.random() < 0.5:
                self.node.rpc("anvil_dropTransaction", hashed)
                self.did["dropped"] += 1

    def stop(self):
        self.on = False
        self.join(10)


class Killer(threading.Thread):
    """Keeps one replica alive, for a while each time: it is killed, or kills itself at a point,
    one of those where fewest have died so far. at: the deaths at each, shared."""

    def __init__(self, start, draw, at):
        super().__init__(daemon=True)
        self.start_one, self.draw, self.at = start, draw, at
        self.on, self.kills, self.troubles = True, 0, []

    def run(self):
        while self.on:
            point = None
            if self.draw.random() < 0.6:
                rare = sorted(POINTS, key=lambda p: (self.at[p], self.draw.random()))
                point = self.draw.choice(rare[:5])
            process = self.start_one(["--crash-at", point] if point else [])
            life = 4 if point else 0.1 + 0.7 * self.draw.random()
            end = time.monotonic() + life * harness.Settings.slow
            while process.running() and time.monotonic() < end and self.on:
                time.sleep(0.01)
            self.at["outside" if process.running() else point or "by itself"] += 1
            self.kills += 1
            process.kill()
            if process.popen.returncode != -signal.SIGKILL:
                self.troubles.append(harness.tail(process.output()))

    def stop(self):
        self.on = False
        self.join(60)


class NaiveWorker:
    """Pays each account once, as one would at first: look up the nonce, send, wait for a
    receipt, note it; when something fails, do it again."""

    def __init__(self, url, draw):
        self.url, self.draw, self.killed = url, draw, 0

    def pay(self, sender, wanted):
        """wanted: {account: amount}. Each in its turn until it is noted as paid."""
        for account, amount in wanted.items():
            while not self.try_once(sender, account, amount):
                pass

    def try_once(self, sender, account, amount):
        try:
            sent = chain.rpc(self.url, "eth_sendTransaction",
                             {"from": sender, "to": account, "value": hex(amount)})
            if self.draw.random() < 0.1:  # killed before it noted what it sent
                self.killed += 1
                return False
            for _ in range(40):
                if chain.rpc(self.url, "eth_getTransactionReceipt", sent):
                    return True
                time.sleep(0.02)
        except (OSError, ValueError, KeyError, chain.RpcError):
            pass
        return False


class Payouts(Scenario):
    """Holds no test; the sizes are those of the classes below."""

    SANITIZED = False

    WEIGHT = 8

    @classmethod
    def setUpClass(cls):
        cls.draw = random.Random(20260)
        cls.node = chain.Anvil(block_time=None, epoch=2)
        cls.node.rpc("evm_setAutomine", False)
        cls.weather = Weather(cls.node, random.Random(cls.draw.random()))
        cls.weather.start()
        cls.server = AnchoredServer(cls.node, start=False, flags=("--job-workers", "1",
                                                                  "--request-workers", "2"))
        cls.folder, cls.serial = cls.server.folder, 0

    @classmethod
    def tearDownClass(cls):
        cls.weather.stop()
        super().tearDownClass()

    # ---- planting

    def plant(self, slug, spec_hash, first, rounds, batches, payees):
        s = self.server
        with open(s.conf, encoding="ascii") as conf:
            registry = conf.read().split("registry = ")[1].split()[0]
        made = subprocess.run([program("plant"), s.key, str(self.node.chain_id), registry, slug,
                               spec_hash, str(first), str(rounds), str(batches), str(payees)],
                              capture_output=True, check=True, timeout=60).stdout
        return [json.loads(line) for line in made.splitlines()]

    @staticmethod
    def ctx(slug, number):
        return hashlib.sha256(f"ctx {slug} {number}".encode()).hexdigest()

    def insert(self, statements):
        """Many at once, through a file."""
        path = self.path("plant.sql")
        with open(path, "w", encoding="ascii") as out:
            out.write("BEGIN;\n" + ";\n".join(statements) + ";\nCOMMIT;\n")
        subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d",
                        self.server.database.conninfo, "-f", path], check=True,
                       capture_output=True, timeout=120)

    def plant_rounds(self, slug, rounds):
        registry = self.server.at["ChorusRegistry"][2:].lower()
        statements = []
        for r in rounds:
            ctx = self.ctx(slug, r["round"])
            statements += [
                "INSERT INTO rounds (ctx, model, version, round, attempt, phase, ended_at, open, "
                "minimum, maximum, length, chunks, base, result_hash) SELECT "
                f"'\\x{ctx}', '{slug}', 1, {r['round']}, 1, 'done', now(), '\\x', 3, 3, 1, 1, "
                f"initial, '\\x{ctx}' FROM model_versions WHERE model = '{slug}'",
                "INSERT INTO chain_txs (kind, model, ctx, state, target, calldata) VALUES "
                f"('survivors', '{slug}', '\\x{ctx}', 'planned', '\\x{registry}', "
                f"'\\x{r['survivors']}')"]
        self.insert(statements)

    def plant_results(self, slug, rounds):
        registry, vault = (self.server.at[n][2:].lower() for n in ("ChorusRegistry",
                                                                   "ChorusVault"))
        statements = []
        for r in rounds:
            ctx = self.ctx(slug, r["round"])
            statements += [
                "WITH e AS (INSERT INTO events (type, model, ctx, hash, bytes) VALUES "
                f"('result', '{slug}', '\\x{ctx}', '\\x{ctx}', '\\x7b7d') RETURNING seq) "
                "INSERT INTO log_pending SELECT seq FROM e",
                f"INSERT INTO settlements (ctx, reward, payouts) VALUES ('\\x{ctx}', "
                f"{r['reward']}, '\\x{r['payouts']}')",
                "INSERT INTO chain_txs (kind, model, ctx, state, target) VALUES "
                f"('result', '{slug}', '\\x{ctx}', 'waiting', '\\x{registry}')"]
            statements += [
                "INSERT INTO chain_txs (kind, model, ctx, part, state, target, calldata) VALUES "
                f"('pay', '{slug}', '\\x{ctx}', {i}, 'waiting', '\\x{vault}', "
                f"'\\x{pay['data']}')" for i, pay in enumerate(r["pays"])]
        self.insert(statements)

    # ---- looking

    def count(self, where):
        return int(self.server.database.query(f"SELECT count(*) FROM chain_txs WHERE {where}"))

    def all_final(self, where):
        held = self.server.txs(f"({where}) AND state IN ('held', 'refused')")
        self.assertEqual(held, "", "something is held or refused")
        return self.count(f"({where}) AND state <> 'final'") == 0

    def paid_events(self):
        """payoutId of every Paid event of the vault."""
        logs = self.node.rpc("eth_getLogs", {
            "address": self.server.at["ChorusVault"], "fromBlock": "0x0", "toBlock": "latest",
            "topics": ["0x" + keccak(b"Paid(bytes32,bytes32,uint64,uint64,uint256,uint256)")
                       .hex()]})
        return [log["topics"][1] for log in logs]

    def deposit(self, slug, amount):
        payer = self.node.rpc("eth_accounts")[0]
        data = ("0x" + keccak(b"deposit(bytes32,uint256)")[:4].hex() + keccak(slug.encode()).hex()
                + amount.to_bytes(32, "big").hex())
        self.node.rpc("eth_sendTransaction", {"from": payer, "to": self.server.at["ChorusVault"],
                                              "value": hex(amount), "data": data})
        until(lambda: self.node.balance(self.server.at["ChorusVault"], "finalized") == amount,
              20, "the deposit is final")

    # ---- the test

    def register(self):
        slug = self.slug("paid")
        self.server.start()
        spec = changed(VECTOR, reward={"budget": "100000000", "scheme": "equal"})
        made = self.server.make_model(slug, spec)
        until(lambda: self.server.get(f"/models/{slug}").must().json["policy"], 30,
              "the model is registered")
        self.server.stop()
        return slug, made["spec"]

    def storm(self, seconds, done):
        """Until done() and enough kills: two replicas, two lossy nodes, bad weather."""
        s = self.server
        nodes = [LossyNode(self.node.url, random.Random(self.draw.random())) for _ in range(2)]
        weather = self.weather
        weather.bad = True
        rpc = ",".join(n.origin for n in nodes)
        lock = threading.Lock()

        def launch(flags):
            with lock:
                s.starts += 1
                number = s.starts
            process = harness.Process(
                [program("chorusd"), "serve", "--db", s.database.conninfo, "--key", s.key,
                 "--port", "0", *s.flags, "--rpc", rpc, "--bump-after", "1", *flags],
                os.path.join(s.folder, f"chorusd-{number % 8}.log"))
            return process
        at = self.at = dict.fromkeys((*POINTS, "outside", "by itself"), 0)
        killers = [Killer(launch, random.Random(self.draw.random()), at) for _ in range(2)]
        for killer in killers:
            killer.start()
        try:
            until(lambda: done() and sum(k.kills for k in killers) >= self.KILLS, seconds,
                  "everything is final, after enough kills")
        finally:
            for killer in killers:
                killer.stop()
            weather.bad = False
            for n in nodes:
                n.close()
        troubles = [t for part in [weather, *killers, *nodes] for t in part.troubles]
        self.assertEqual(troubles[:3], [])
        lost = {k: sum(n.lost[k] for n in nodes) for k in nodes[0].lost}
        say(f"# {sum(k.kills for k in killers)} kills {at}; {weather.did}; {lost}")
        self.assertEqual(at["by itself"], 0)
        return at

    def pay_all(self):
        slug, spec = self.register()
        rounds = self.plant(slug, spec, 1, self.ROUNDS, self.BATCHES, 2)
        wanted = {account: int(amount) for r in rounds for pay in r["pays"]
                  for account, amount in pay["payees"]}
        total = sum(wanted.values())
        self.deposit(slug, total)
        relayer = self.server.relayer
        money, sent = self.node.balance(relayer), self.count("state = 'final'")
        fees = ("SELECT coalesce(sum(gas_used * gas_price), 0) FROM chain_txs "
                "WHERE kind <> 'register'")
        self.plant_rounds(slug, rounds)
        begun = time.monotonic()
        waiting = [rounds[i:i + 2] for i in range(0, len(rounds), 2)]
        pairs = len(waiting)

        def done():
            """Results come two at a time, so that every step happens again and again, and not
            before their share of the kills: else a fast machine has nothing to do for the last."""
            due = sum(self.at.values()) * pairs >= self.KILLS * (pairs - len(waiting))
            if waiting and due and self.all_final("kind = 'survivors'") and self.count(
                    "kind = 'pay' AND state <> 'final'") <= self.BATCHES:
                self.plant_results(slug, waiting.pop(0))
            return not waiting and self.all_final("true")
        at = self.storm(self.LIMIT - 20, done)
        rows = self.count("true")
        attempts = int(self.server.database.query("SELECT count(*) FROM chain_attempts"))
        say(f"# {len(rounds) * self.BATCHES} payouts, {rows} transactions in "
            f"{attempts} signed forms, {time.monotonic() - begun:.0f} s")
        # every payout exactly once, by the vault
        paid = self.paid_events()
        self.assertEqual(len(paid), self.ROUNDS * self.BATCHES)
        self.assertEqual(len(set(paid)), len(paid))
        for account, amount in wanted.items():
            self.assertEqual(self.node.balance(account), amount, account)
        # nothing was sent twice: each nonce is one row of the outbox, and succeeded
        self.assertEqual(int(self.server.database.query(
            "SELECT next_nonce - (SELECT min(nonce) FROM chain_txs) FROM chain_keys")), rows)
        self.assertEqual(int(self.node.rpc("eth_getTransactionCount", relayer, "latest"), 16),
                         int(self.server.database.query("SELECT next_nonce FROM chain_keys")))
        # to the wei
        self.assertEqual(money - self.node.balance(relayer),
                         int(psql(self.server.database.conninfo, fees)))
        books = int(psql(self.server.database.conninfo,
                         "SELECT sum(balance) FROM accounts WHERE kind = 'gas'"))
        self.assertEqual(books, int(psql(self.server.database.conninfo,
                                         "SELECT sum(gas_used * gas_price) FROM chain_txs")))
        self.assertGreater(sent, 0)
        return wanted, at

    def pay_naively(self, wanted):
        """The same weather, the obvious worker. Returns what was paid too much."""
        node = LossyNode(self.node.url, random.Random(5))
        accounts = {"0x" + hashlib.sha256(f"naive {a}".encode()).hexdigest()[:40]: n
                    for a, n in wanted.items()}
        self.weather.bad, self.weather.pace = True, 0.03
        worker = NaiveWorker(node.origin, random.Random(7))
        worker.pay(self.node.rpc("eth_accounts")[0], accounts)
        self.weather.bad = node.bad = False
        self.node.mine(6)
        node.close()
        over = [a for a, n in accounts.items() if self.node.balance(a) > n]
        under = [a for a, n in accounts.items() if self.node.balance(a) < n]
        say(f"# the obvious worker: {len(accounts)} payments, {len(over)} paid too often, "
            f"{len(under)} never arrived; killed {worker.killed} times")
        return over


class Forty(Payouts):
    LIMIT = 90
    ROUNDS, BATCHES, KILLS = 5, 8, 15

    def test_forty_payouts_in_bad_weather(self):
        self.pay_all()


class Naive(Payouts):
    LIMIT = 60

    def test_the_obvious_worker_overpays(self):
        wanted = {str(i): 1000 + i for i in range(60)}
        self.assertGreater(len(self.pay_naively(wanted)), 0)


class ThreeHundred(Payouts):
    SOAK = True
    LIMIT = 900
    ROUNDS, BATCHES, KILLS = 30, 10, 200

    def test_three_hundred_payouts_and_two_hundred_kills(self):
        wanted, at = self.pay_all()
        for point in POINTS:
            self.assertGreater(at[point], 0, f"nobody was killed at {point}")
        self.assertGreater(len(self.pay_naively(dict(list(wanted.items())[:100]))), 0)
