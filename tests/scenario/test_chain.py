# SPDX-License-Identifier: Apache-2.0
"""src/chain through chain_probe: transactions against ethers, calls against a real node with
our contracts on it, and against nodes that lie, stall, or talk nonsense."""
import json
import os
import secrets
import subprocess
import threading
import time
import unittest

import chain
import harness
from nodes import CHAIN, FakeNode, Null, Probe, Reply

ZERO = "0x" + 40 * "0"


class Transactions(unittest.TestCase):
    def test_as_ethers_makes_them(self):
        seed = secrets.token_hex(8)
        lines = chain.node("transactions.mjs", seed, "3000", limit=300).splitlines()
        self.assertEqual(len(lines), 3000)
        done = subprocess.run([harness.program("chain_probe")], input="\n".join(lines) + "\n",
                              capture_output=True, text=True, timeout=300, check=True)
        answers = done.stdout.splitlines()
        self.assertEqual(len(answers), 3000)
        for line, answer in zip(lines, answers):
            want, got = json.loads(line), json.loads(answer)
            self.assertEqual(got["err"], "OK")
            self.assertEqual((got["raw"], got["hash"]), (want["raw"], want["hash"]),
                             f"seed {seed}: {line}")


class LyingNodes(unittest.TestCase):
    """Whatever a node answers: a clear error, in time, and the probe lives."""

    def said(self, reply, do="check", method="eth_chainId", **members):
        """What `do` says when `reply` is the answer to `method`."""
        with FakeNode(lambda m, p: reply if m == method else None) as node, \
                Probe(node.url) as probe:
            begin = time.monotonic()
            if do != "check":
                probe.ok("check", chain=str(CHAIN))
            answer = probe.ask(do, **({"chain": str(CHAIN)} if do == "check" else members))
            self.assertLess(time.monotonic() - begin, 12)
            self.assertIn(method, node.asked)
            return answer

    def refused(self, err, words, reply, **more):
        answer = self.said(reply, **more)
        self.assertEqual(answer["err"], err, answer)
        self.assertIn(words, answer["detail"])
        return answer

    def test_an_ordinary_one(self):
        with FakeNode() as node, Probe(node.url) as probe:
            genesis = probe.ok("check", chain=str(CHAIN))["genesis"]
            self.assertEqual(genesis, node.block(0)["hash"][2:])
            self.assertEqual(probe.ok("block", tag="finalized")["number"], "36")

    def test_other_chains(self):
        self.refused("E_CHAIN", "is on chain 1, not on 31337", "0x1")
        with FakeNode() as node, Probe(node.url) as probe:
            answer = probe.ask("check", chain=str(CHAIN), genesis=64 * "1")
            self.assertEqual(answer["err"], "E_CHAIN")
            self.assertIn("its first block differs", answer["detail"])
            asked = len(node.asked)
            self.assertEqual(probe.ask("block", tag="latest")["err"], "E_NETWORK")
            self.assertEqual(len(node.asked), asked)

    def test_envelopes(self):
        for words, reply in [
                ("not JSON", Reply(body=b"<html>Welcome!</html>")),
                ("not JSON", Reply(body=b"")),
                ("not JSON", Reply(body=b'{"jsonrpc": "2.0", "id": 1, "result": "0x7a69"')),
                ("not JSON", Reply(body=b'{"id":1,"jsonrpc":"2.0","result":"0x1","result":"0x7a69"}')),
                ("not JSON", Reply(body=b'{"id":1,"jsonrpc":"2.0","result":1e999}')),
                ("not JSON", Reply(body=b'{"id":1,"jsonrpc":"2.0","result":"\xff"}')),
                ("not JSON", Reply(body=100000 * b"[")),
                ("not JSON-RPC", Reply(body=b'["jsonrpc", "2.0"]')),
                ("not JSON-RPC", Reply({"jsonrpc": "1.0", "result": "0x7a69"})),
                ("not JSON-RPC", Reply({"jsonrpc": Null, "result": "0x7a69"})),
                ("not to what was asked", Reply({"id": 4711, "result": "0x7a69"})),
                ("not to what was asked", Reply({"id": "1", "result": "0x7a69"})),
                ("not to what was asked", Reply({"id": Null, "result": "0x7a69"})),
                ("not an object", Reply({"error": "no"})),
                ("neither result nor error", Reply({})),
                ("neither result nor error", Reply({"error": None}))]:
            with self.subTest(words=words, body=reply.body, members=reply.members):
                answer = self.refused("E_REPLY", words, reply)
                self.assertIn("eth_chainId", answer["detail"])

    def test_numbers(self):
        for value in ["", "0x", "7a69", "0x07a69", "0x00", "0X7a69", " 0x7a69", "0x7a69 ", "0x-1",
                      "0x7a6g", "0x7a69\0", "0x" + 16 * "f" + "f", "0x" + 65 * "1", 31337, True,
                      Null, ["0x7a69"], {"a": 1}]:
            with self.subTest(value=value):
                self.refused("E_REPLY", "not a number",
                             Reply({"result": None if value is Null else value}))

    def test_errors_of_nodes(self):
        answer = self.refused("E_RPC", "eth_chainId", Reply(
            {"error": {"code": -32005, "message": "over\0 the \x1b[31mlimit\u0085 \ud83d\ude00"}}))
        self.assertIn("-32005", answer["detail"])
        self.assertIn("over? the ?[31mlimit? \U0001f600", answer["detail"])
        for error in [{}, {"code": "x", "message": 5}, {"code": 1, "message": 100000 * "\u00e9"}]:
            with self.subTest(error=error):
                self.assertEqual(self.said(Reply({"error": error}))["err"], "E_RPC")

    def test_http(self):
        self.refused("E_NETWORK", "HTTP status 500", Reply({"result": "0x7a69"}, status=500))
        self.refused("E_NETWORK", "HTTP status 429", Reply(body=b"slow down", status=429))
        self.refused("E_NETWORK", "partial", Reply({"result": "0x7a69"}, cut=9))
        self.refused("E_NETWORK", "redirects are not followed", Reply(
            {"result": "0x7a69"}, status=307, headers={"Location": "http://127.0.0.1:1/"}))

    def test_too_large(self):
        self.refused("E_REPLY", "more than 8388608 bytes", Reply(body=b" " * 2**20, repeat=9))

    def test_too_slow(self):
        begin = time.monotonic()
        self.refused("E_NETWORK", "imeout", Reply(body=b" ", pause=0.5, repeat=40))
        self.assertGreater(time.monotonic() - begin, 5)

    def test_nobody_there(self):
        with Probe("http://127.0.0.1:1") as probe:
            self.assertEqual(probe.ask("check", chain=str(CHAIN))["err"], "E_NETWORK")
            for do, members in [("block", {"tag": "latest"}), ("send", {"raw": "02"}), ("fees", {})]:
                answer = probe.ask(do, **members)
                self.assertEqual(answer["err"], "E_NETWORK")
                self.assertIn("has passed", answer["detail"])

    def test_blocks(self):
        good = FakeNode.block(None, 7)
        for member, value in [("number", None), ("number", "0x08 "), ("number", "0x1" + 16 * "0"),
                              ("timestamp", 1), ("hash", "0x12"), ("hash", "0x" + 64 * "g"),
                              ("hash", None), ("baseFeePerGas", "0x"), ("baseFeePerGas", 7)]:
            with self.subTest(member=member, value=value):
                answer = self.block_said({**good, member: value})
                self.assertEqual((answer["err"], answer["field"]), ("E_REPLY", member), answer)
        self.assertEqual(self.block_said({**good, "baseFeePerGas": None})["base"], "0")
        self.assertEqual(self.block_said(Null)["err"], "E_NOT_FOUND")
        self.assertEqual(self.block_said([])["err"], "E_REPLY")
        self.assertEqual(self.block_said(FakeNode.block(None, 8))["err"], "E_REPLY")

    def block_said(self, result):
        def wrong(method, params):
            return result if method == "eth_getBlockByNumber" and params[0] == "0x7" else None
        with FakeNode(wrong) as node, Probe(node.url) as probe:
            probe.ok("check", chain=str(CHAIN))
            return probe.ask("block", number="7")

    RECEIPT = {"transactionHash": "0x" + 64 * "a", "status": "0x1", "blockNumber": "0x5",
               "blockHash": "0x" + 64 * "b", "gasUsed": "0x5208", "effectiveGasPrice": "0x7",
               "contractAddress": None}

    def test_receipts(self):
        def said(result):
            return self.said(Reply({"result": result}), do="receipt",
                             method="eth_getTransactionReceipt", hash=64 * "a")
        self.assertEqual((said(self.RECEIPT)["success"], said(self.RECEIPT)["block"]), (True, "5"))
        self.assertFalse(said({**self.RECEIPT, "status": "0x0"})["success"])
        self.assertEqual(said(None), {"err": "OK", "found": False, "success": False, "block": "0",
                                      "gas": "0", "price": "0", "contract": ZERO})
        for member, value in [("transactionHash", "0x" + 64 * "c"), ("status", "0x2"), ("status", None),
                              ("status", True), ("blockNumber", None), ("blockHash", "0x"),
                              ("gasUsed", "21000"), ("effectiveGasPrice", "0x" + 65 * "f"),
                              ("contractAddress", "0x12")]:
            with self.subTest(member=member, value=value):
                answer = said({**self.RECEIPT, member: value})
                self.assertEqual((answer["err"], answer["field"]), ("E_REPLY", member))

    def test_logs(self):
        topic, address = 64 * "d", "0x" + 40 * "3"
        good = {"address": address, "blockNumber": "0x5", "logIndex": "0x0", "data": "0x1234",
                "transactionHash": "0x" + 64 * "a", "topics": ["0x" + topic], "removed": False}

        def said(result):
            return self.said(Reply({"result": result}), do="logs", method="eth_getLogs",
                             address=address, topic=topic, first="3", last="5")
        self.assertEqual(said([good, good])["logs"],
                         2 * [{"topics": [topic], "data": "1234", "block": "5"}])
        self.assertEqual(said([])["logs"], [])
        for member, value in [("address", "0x" + 40 * "4"), ("blockNumber", "0x6"),
                              ("blockNumber", "0x2"), ("data", "0x123"), ("data", "1234"),
                              ("topics", []), ("topics", ["0x" + 64 * "e"]), ("topics", ["0x"]),
                              ("topics", 5 * ["0x" + topic]), ("topics", None), ("logIndex", None),
                              ("removed", True)]:
            with self.subTest(member=member, value=value):
                self.assertEqual(said([good, {**good, member: value}])["err"], "E_REPLY")
        for result in [None, {}, "0x", [5], [None]]:
            with self.subTest(result=result):
                self.assertEqual(said(result)["err"], "E_REPLY")

    def test_calls_of_contracts(self):
        def call(reply):
            return self.said(reply, do="call", method="eth_call", to="0x" + 40 * "3", data="01")
        self.assertEqual(call(Reply({"result": "0xABcd"}))["data"], "abcd")
        for value in ["0x1", "abcd", "0xabcg", None, 7, "0x\0\0"]:
            self.assertEqual(call(Reply({"result": value}))["err"], "E_REPLY", value)
        reason = "0x08c379a0" + f"{32:064x}" + f"{3:064x}" + b"no\0".hex() + 58 * "0"
        for code, message, data, err, detail in [
                (3, "execution reverted", "0x", "E_REVERTED", "no reason"),
                (3, "execution reverted", None, "E_REVERTED", "execution reverted"),
                (3, "execution reverted: no", reason, "E_REVERTED", "no?"),
                (-32000, "VM Exception", reason, "E_REVERTED", "no?"),
                (-32000, "Execution Reverted\0", "0x123", "E_REVERTED", "Execution Reverted?"),
                (-32000, "insufficient funds", None, "E_RPC", "insufficient funds"),
                (-32000, "insufficient funds", {"a": 1}, "E_RPC", "insufficient funds")]:
            with self.subTest(code=code, message=message, data=data):
                answer = call(Reply({"error": {"code": code, "message": message, "data": data}}))
                self.assertEqual(answer["err"], err)
                self.assertIn(detail, answer["detail"])

    def test_not_that_contract(self):
        for reply, err in [(Reply({"result": "0x"}), "E_REPLY"),
                           (Reply({"result": "0x" + 31 * "00"}), "E_REPLY"),
                           (Reply({"result": "0x" + 33 * "00"}), "E_REPLY"),
                           (Reply({"result": "0x" + 32 * "ff"}), "E_REPLY"),
                           (Reply({"error": {"code": 3, "message": "execution reverted"}}), "E_REPLY"),
                           (Reply({"error": {"code": 1, "message": "busy"}}), "E_RPC")]:
            with self.subTest(reply=reply.members):
                answer = self.said(reply, do="roles", method="eth_call", registry="0x" + 40 * "3")
                self.assertEqual(answer["err"], err)
        answer = self.said(Reply({"result": "0x" + 320 * "00"}), do="model", method="eth_call",
                           registry="0x" + 40 * "3", model="iris")
        self.assertEqual(answer["err"], "E_NOT_FOUND")
        self.assertIn("iris is not registered", answer["detail"])

    def test_send(self):
        signed = json.loads(subprocess.run(
            [harness.program("chain_probe")], capture_output=True, text=True, check=True, input=json.dumps(
                {"do": "sign", "key": 64 * "1", "chain": str(CHAIN), "nonce": "0", "gas": "21000",
                 "fee": "1", "tip": "1", "value": "0", "data": ""})).stdout)
        for reply, err in [("0x" + signed["hash"], "OK"), ("0x" + 64 * "1", "E_REPLY"), (True, "E_REPLY"),
                           (Reply({"error": {"code": -32000, "message": "already known"}}), "OK"),
                           (Reply({"error": {"code": -32000, "message": "nonce too low"}}), "E_RPC"),
                           (Reply(status=503, body=b"already known"), "E_NETWORK")]:
            with self.subTest(reply=reply):
                self.assertEqual(self.said(reply, do="send", method="eth_sendRawTransaction",
                                           raw=signed["raw"])["err"], err)

    def test_fees(self):
        def said(reply):
            return self.said(reply, do="fees", method="eth_maxPriorityFeePerGas")
        self.assertEqual(said("0x5"), {"err": "OK", "tip": "5", "base": "7"})
        for reply in ["0x0", Reply({"error": {"code": -32601, "message": "unknown method"}})]:
            self.assertEqual(said(reply)["tip"], str(10**9))
        self.assertEqual(said(Reply({"result": "5"}))["err"], "E_REPLY")

    def test_any_call(self):
        error = Reply({"error": {"code": 3, "message": "execution reverted", "data": "0xbeef"}})
        with FakeNode(lambda m, p: Reply({"result": [m, p]}) if m == "x" else error) as node, \
                Probe(node.url) as probe:
            answer = probe.ok("raw", endpoint="0", method="x", params=[1, "a"])
            self.assertEqual(answer["result"], ["x", [1, "a"]])
            answer = probe.ask("raw", endpoint="0", method="y", params=[])
            self.assertEqual((answer["err"], answer["revert"]), ("E_RPC", "beef"))


class SeveralNodes(unittest.TestCase):
    def test_the_one_furthest_ahead(self):
        with FakeNode(height=90) as behind, FakeNode(height=100) as ahead, \
                Probe(behind.url, ahead.url) as probe:
            probe.ok("check", chain=str(CHAIN))
            self.assertEqual(probe.ok("block", tag="finalized")["number"], "36")
            behind.height = 200  # known at the next check only
            self.assertEqual(probe.ok("block", tag="latest")["number"], "100")
            probe.ok("check", chain=str(CHAIN))
            self.assertEqual(probe.ok("block", tag="latest")["number"], "200")

    def test_the_next_one_when_one_is_away(self):
        away = threading.Event()
        wrong = lambda m, p: Reply(status=502, body=b"") if away.is_set() else None
        with FakeNode(height=90) as behind, FakeNode(wrong) as ahead, \
                Probe(ahead.url, behind.url) as probe:
            probe.ok("check", chain=str(CHAIN))
            away.set()
            self.assertEqual(probe.ok("block", tag="latest")["number"], "90")
            asked = len(ahead.asked)
            self.assertEqual(probe.ok("block", tag="latest")["number"], "90")
            self.assertEqual(len(ahead.asked), asked)  # no second wait for it
            probe.ok("check", chain=str(CHAIN))
            away.clear()
            probe.ok("check", chain=str(CHAIN))
            self.assertEqual(probe.ok("block", tag="latest")["number"], "100")

    def test_nonsense_is_no_answer(self):
        wrong = lambda m, p: Reply(body=b"<html>") if p and p[0] == "latest" else None
        with FakeNode(height=90) as behind, FakeNode(wrong) as ahead, \
                Probe(ahead.url, behind.url) as probe:
            probe.ok("check", chain=str(CHAIN))
            self.assertEqual(probe.ok("block", tag="latest")["number"], "90")
            self.assertEqual(probe.ok("block", tag="finalized")["number"], "36")

    def test_sent_to_all(self):
        for good in (0, 1):
            def wrong(method, params, at):
                if method != "eth_sendRawTransaction":
                    return None
                return Reply({"error": {"code": -32000, "message":
                                        "already known" if at == good else "pool is full"}})
            with FakeNode(lambda m, p: wrong(m, p, 0)) as one, \
                    FakeNode(lambda m, p: wrong(m, p, 1)) as two, Probe(one.url, two.url) as probe:
                probe.ok("check", chain=str(CHAIN))
                probe.ok("send", raw="0201")
                self.assertEqual(one.asked, two.asked)
                good = 2
                answer = probe.ask("send", raw="0201")
                self.assertEqual((answer["err"], "pool is full" in answer["detail"]), ("E_RPC", True))

    def test_one_of_another_chain_is_never_used(self):
        other = lambda m, p: "0x1" if m == "eth_chainId" else None
        with FakeNode(other, height=1000) as liar, FakeNode() as node, \
                Probe(f"{liar.url}, {node.url}") as probe:
            answer = probe.ask("check", chain=str(CHAIN))
            self.assertEqual(answer["err"], "E_CHAIN")
            self.assertIn(liar.url, answer["detail"])
            self.assertEqual(probe.ok("block", tag="latest")["number"], "100")
            self.assertEqual(liar.asked, ["eth_chainId"])

    def test_two_beginnings(self):
        other = lambda m, p: FakeNode.block(None, 5) if p and p[0] == "0x0" else None
        with FakeNode() as one, FakeNode(other) as two, Probe(one.url, two.url) as probe:
            self.assertEqual(probe.ask("check", chain=str(CHAIN))["err"], "E_CHAIN")
            # nobody said which is right
            self.assertEqual(probe.ask("block", tag="latest")["err"], "E_NETWORK")
            probe.ask("check", chain=str(CHAIN), genesis=one.block(0)["hash"][2:])
            self.assertEqual(probe.ok("block", tag="latest")["number"], "100")


class Addresses(unittest.TestCase):
    def refused(self, urls, words):
        done = subprocess.run([harness.program("chain_probe"), urls], input="", text=True,
                              capture_output=True, timeout=20, check=False)
        answer = json.loads(done.stdout)
        self.assertEqual((done.returncode, answer["err"]), (1, "E_CONFIG"))
        self.assertIn(words, answer["detail"])
        self.assertNotIn("secret", answer["detail"])

    def test_bad_ones(self):
        for urls in ["", "ftp://a", "file:///etc/passwd", "secret", "http://", "http://a b",
                     "ws://user:secret@host", "http://secret:x@", "http://a:99999"]:
            with self.subTest(urls=urls):
                self.refused(urls, "address 1 ")
        self.refused("http://a,,http://b", "address 2 ")
        self.refused("http://a,", "address 2 ")
        self.refused(",".join(9 * ["http://a"]), "at most 8")

    def test_secrets_are_not_shown(self):
        with Probe("http://user:secret@127.0.0.1:1/secret?key=secret#secret") as probe:
            answers = [probe.ask("url"), probe.ask("check", chain="1"),
                       probe.ask("raw", endpoint="0", method="x", params=[])]
        with FakeNode() as node, Probe(node.url.replace("//", "//user:secret@") + "/secret") as probe:
            answers.append(probe.ok("check", chain=str(CHAIN)))
            self.assertEqual(node.sent[-1], ("/secret", "Basic dXNlcjpzZWNyZXQ="))
        self.assertNotIn("secret", json.dumps(answers))
        self.assertNotIn("user", json.dumps(answers))
        self.assertEqual(answers[0]["url"], "http://127.0.0.1:1")
        self.assertIn("http://127.0.0.1:1", answers[1]["detail"])


class WithNode(unittest.TestCase):
    """Our library alone talks to anvil; what it says is compared with what anvil says."""

    @classmethod
    def setUpClass(cls):
        cls.anvil = chain.Anvil(block_time=None)
        cls.probe = Probe(cls.anvil.url)
        cls.probe.ok("check", chain=str(CHAIN))

    @classmethod
    def tearDownClass(cls):
        with cls.probe:
            pass
        cls.anvil.kill()

    def setUp(self):
        self.key = secrets.token_hex(32)
        self.me = self.sign(0)["from"]
        self.anvil.fund(self.me)

    def sign(self, nonce, key=None, gas=12_000_000, value=0, data="", **to):
        return self.probe.ok("sign", key=key or self.key, chain=str(CHAIN), nonce=str(nonce),
                             gas=str(gas), fee=str(3 * 10**9), tip="1", value=str(value), data=data,
                             **to)

    def send(self, **members):
        """Signed with the account's next nonce, sent, and mined."""
        sender = self.sign(0, **members)["from"]
        nonce = int(self.account(sender)["nonce"])
        signed = self.sign(nonce, **members)
        self.probe.ok("send", raw=signed["raw"])
        receipt = {}

        def mined():
            receipt.update(self.probe.ok("receipt", hash=signed["hash"]))
            return receipt["found"]
        harness.until(mined, 20, "the transaction is mined")
        return receipt

    def account(self, address):
        return self.probe.ok("account", address=address, tag="latest")


class RealNode(WithNode):
    def test_money(self):
        to = "0x" + secrets.token_hex(20)
        before = self.account(self.me)
        receipt = self.send(to=to, value=10**18 + 7)
        self.assertEqual((receipt["success"], receipt["gas"]), (True, "21000"))
        self.assertEqual(self.account(to),
                         {"err": "OK", "nonce": "0", "balance": str(10**18 + 7), "code": "0"})
        after = self.account(self.me)
        self.assertEqual(int(after["nonce"]), int(before["nonce"]) + 1)
        self.assertEqual(int(after["balance"]), int(before["balance"]) - 10**18 - 7
                         - 21000 * int(receipt["price"]))
        self.assertEqual(self.anvil.balance(to), 10**18 + 7)
        # the same bytes again: an error that is for people only
        signed = self.sign(int(before["nonce"]), to=to, value=10**18 + 7)
        self.assertEqual(self.probe.ask("send", raw=signed["raw"])["err"], "E_RPC")
        self.assertEqual(self.anvil.balance(to), 10**18 + 7)

    def test_known_bytes(self):
        self.anvil.rpc("evm_setAutomine", False)
        try:
            nonce = int(self.account(self.me)["nonce"])
            signed = self.sign(nonce, to=self.me)
            for _ in range(3):
                self.probe.ok("send", raw=signed["raw"])
            self.assertFalse(self.probe.ok("receipt", hash=signed["hash"])["found"])
            self.anvil.mine()
            self.assertTrue(self.probe.ok("receipt", hash=signed["hash"])["success"])
        finally:
            self.anvil.rpc("evm_setAutomine", True)

    def test_blocks(self):
        self.anvil.mine(5)
        newest = self.probe.ok("block", tag="latest")
        self.assertEqual(int(newest["number"]), self.anvil.block())
        self.assertEqual(self.probe.ok("block", number=newest["number"]), newest)
        self.assertEqual(int(self.probe.ok("block", tag="finalized")["number"]),
                         self.anvil.block("finalized"))
        self.assertEqual(self.probe.ask("block", number="1000000")["err"], "E_NOT_FOUND")
        fees = self.probe.ok("fees")
        self.assertEqual(fees["base"], newest["base"])
        self.assertGreater(int(fees["tip"]), 0)

    def test_wrong_chain(self):
        with Probe(self.anvil.url) as probe:
            genesis = probe.ok("check", chain=str(CHAIN))["genesis"]
            self.assertEqual(probe.ask("check", chain="1")["err"], "E_CHAIN")
            self.assertEqual(probe.ask("block", tag="latest")["err"], "E_NETWORK")
            probe.ok("check", chain=str(CHAIN), genesis=genesis)
            probe.ok("block", tag="latest")


class OurContracts(WithNode):
    """The round of tests/vectors/chain.json, signed by us, taken by the contracts, read by us."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with open(os.path.join(harness.SOURCE, "tests", "vectors", "chain.json"),
                  encoding="utf-8") as file:
            cls.vectors = json.load(file)
        cls.keys = json.loads(chain.node("--input-type=module", "--eval", """
            import { id } from 'ethers'
            const key = name => id(`chorus test key: ${name}`).slice(2)
            console.log(JSON.stringify({ deployer: key('deployer'), relayer: key('relayer') }))"""))
        places = {c["name"]: c["address"] for c in cls.vectors["deploy"]["contracts"]}
        cls.registry, cls.vault = places["ChorusRegistry"], places["ChorusVault"]
        cls.voice = places["ChorusVoice"]

    def create(self, name, arguments):
        with open(os.path.join(chain.artifacts(), f"{name}.json"), encoding="utf-8") as file:
            data = json.load(file)["bytecode"].removeprefix("0x") + arguments[2:]
        estimate = self.probe.ok("estimate", data=data, value="0",
                                 **{"from": self.vectors["deploy"]["deployer"]})["gas"]
        receipt = self.send(key=self.keys["deployer"], data=data)
        self.assertTrue(receipt["success"], name)
        self.assertLess(abs(int(estimate) - int(receipt["gas"])), int(receipt["gas"]) // 10)
        return receipt["contract"]

    def call(self, to, data, key="relayer", value=0):
        receipt = self.send(key=self.keys[key], to=to, data=data[2:], value=value)
        self.assertTrue(receipt["success"], data[:10])

    def deploy(self):
        deploy = self.vectors["deploy"]
        for who in ("deployer", "relayer"):
            self.anvil.fund(deploy[who])
        self.anvil.rpc("anvil_setNonce", deploy["deployer"], hex(deploy["nonce"]))
        for contract in deploy["contracts"]:
            self.assertEqual(self.create(contract["name"], contract["arguments"]), contract["address"])

    def test_a_round(self):
        registry, vault, deploy = self.registry, self.vault, self.vectors["deploy"]
        self.deploy()
        self.assertGreater(int(self.account(registry)["code"]), 5000)
        self.assertEqual(self.probe.ok("roles", registry=registry), {
            "err": "OK", "owner": deploy["contracts"][0]["address"], "relayer": deploy["relayer"],
            "attestor": self.vectors["attestor"][0]["address"], "guardian": deploy["guardian"],
            "vault": vault, "voice": self.voice, "governor": deploy["contracts"][4]["address"],
            "delay": "3600", "paused": False})
        for wrong in (vault, ZERO, self.me):
            self.assertEqual(self.probe.ask("roles", registry=wrong)["err"], "E_REPLY")
        where = {"registry": registry, "model": "iris"}
        attempt = {**where, "round": "1", "attempt": "2"}
        for do in ("model", "result"):
            self.assertEqual(self.probe.ask(do, **attempt)["err"], "E_NOT_FOUND")
        self.refusals(registry)
        said = {a["type"]: a["values"] for a in self.vectors["anchor"]}
        for anchor in self.vectors["anchor"]:
            self.call(registry, anchor["call"])
        self.check_model(where, said["Registration"])
        for which, values in [("roster", said["Roster"]), ("survivors", said["Survivors"])]:
            got = self.probe.ok("anchor", which=which, **attempt)
            self.assertEqual((got["hash"], got["count"], got["budget"]),
                             (values["hash"][2:], values["count"], values.get("budget", "0")))
            self.assertEqual(self.probe.ask("anchor", which=which, **{**attempt, "attempt": "3"})["err"],
                             "E_NOT_FOUND")
        self.check_result(attempt, said["Result"])
        self.check_money(said["Result"])

    def refusals(self, registry):
        """The words of what a contract refuses, before anything is sent."""
        register, roster = self.vectors["anchor"][:2]
        answer = self.probe.ask("estimate", to=registry, data=register["call"][2:], value="0",
                                **{"from": self.me})
        self.assertEqual((answer["err"], answer["detail"]), ("E_REVERTED", f"NotRelayer({self.me})"))
        answer = self.probe.ask("call", to=registry, data=register["call"][2:])
        self.assertEqual((answer["err"], answer["detail"]), ("E_REVERTED", f"NotRelayer({ZERO})"))
        relayer = {"to": registry, "value": "0", "from": self.vectors["deploy"]["relayer"]}
        model = self.vectors["model"][0]["id"]
        answer = self.probe.ask("estimate", data=roster["call"][2:], **relayer)
        self.assertEqual((answer["err"], answer["detail"]), ("E_REVERTED", f"UnknownModel({model})"))
        gas = self.probe.ok("estimate", data=register["call"][2:], **relayer)["gas"]
        self.assertLess(int(gas), 300_000)

    def check_model(self, where, said):
        self.assertEqual(self.probe.ok("model", **where), {
            "err": "OK", "spec": said["spec"][2:], "currency": said["currency"],
            "minimum": said["minimum"], "maximumRounds": said["maximumRounds"],
            "privacyBudget": said["privacyBudget"], "rewardCap": said["rewardCap"], "results": "1",
            "lastRound": "1", "privacySpent": "1", "budgeted": "700000000000000000"})

    def check_result(self, attempt, said):
        got = self.probe.ok("result", **attempt)
        newest = self.probe.ok("block", tag="latest")
        self.assertEqual(got, {
            "err": "OK", "hash": said["hash"][2:], "attempt": "2", "reward": said["reward"],
            "payouts": said["payouts"][2:], "claims": said["claims"][2:], "logSize": said["logSize"],
            "logRoot": said["logRoot"][2:], "block": newest["number"], "time": newest["timestamp"],
            "revoked": False})

    def check_money(self, result):
        self.anvil.pass_time(3601)
        self.call(self.vault, self.vectors["call"]["deposit"], value=10**18)
        claim = [b for b in self.vectors["batch"] if b["kind"] == "claim"][0]
        account = claim["account"]
        where = {"vault": self.vault, "model": "iris", "account": account}
        self.assertEqual(self.probe.ok("vault", **where),
                         {"err": "OK", "funds": str(10**18), "spent": "0", "claimed": "0"})
        spent = 0
        before = self.anvil.balance(account)
        for batch in self.vectors["batch"]:
            self.call(self.voice if batch["kind"] == "voice" else self.vault, batch["call"])
            spent += sum(int(p["amount"]) for p in batch.get("payees", []))
            spent += int(batch.get("cumulative", 0))
        self.assertEqual(self.probe.ok("vault", **where),
                         {"err": "OK", "funds": str(10**18 - spent), "spent": str(spent),
                          "claimed": claim["cumulative"]})
        self.assertEqual(self.anvil.balance(account) - before,
                         10**17 + int(claim["cumulative"]))
        self.check_logs()

    def check_logs(self):
        """Every log of the registry, as anvil has it."""
        logs = self.anvil.rpc("eth_getLogs", {"address": self.registry, "fromBlock": "0x0"})
        self.assertGreaterEqual(len(logs), 4)
        for log in logs:
            got = self.probe.ok("logs", address=self.registry, topic=log["topics"][0][2:], first="0",
                                last=str(self.anvil.block()))
            self.assertIn({"topics": [t[2:] for t in log["topics"]], "data": log["data"][2:],
                           "block": str(int(log["blockNumber"], 16))}, got["logs"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
