# SPDX-License-Identifier: Apache-2.0
"""A chorusd whose instance is anchored on a private Ethereum node: keys, contracts, settings;
and what scenarios with voices have in common there."""

import hashlib
import json
import os
import re
import secrets
import subprocess

import chain
import harness
from harness import Scenario, changed, program, until
from voice import VECTOR, Voice

PASSPHRASE = "of no importance"
DEADLINES = {"join": 60, "share": 60, "upload": 60, "unmask": 60}
PAID = changed(VECTOR, dimension=100, deadlines=DEADLINES, cohort={"minimum": 3, "maximum": 10},
               reward={"budget": "9000", "scheme": "equal"})


def keccak(data):
    """Keccak-256, as Ethereum pads it."""
    rotations, x, y = {}, 1, 0
    for t in range(24):
        rotations[x, y] = (t + 1) * (t + 2) // 2 % 64
        x, y = y, (2 * x + 3 * y) % 5
    mask = (1 << 64) - 1

    def turn(v, n):
        return ((v << n) | (v >> (64 - n))) & mask if n else v

    def permute(a):
        lfsr = 1
        for _ in range(24):
            c = [a[x][0] ^ a[x][1] ^ a[x][2] ^ a[x][3] ^ a[x][4] for x in range(5)]
            d = [c[(x + 4) % 5] ^ turn(c[(x + 1) % 5], 1) for x in range(5)]
            a = [[a[x][y] ^ d[x] for y in range(5)] for x in range(5)]
            b = [[0] * 5 for _ in range(5)]
            for x in range(5):
                for y in range(5):
                    b[y][(2 * x + 3 * y) % 5] = turn(a[x][y], rotations.get((x, y), 0))
            a = [[b[x][y] ^ (~b[(x + 1) % 5][y] & b[(x + 2) % 5][y]) for y in range(5)]
                 for x in range(5)]
            for j in range(7):
                if lfsr & 1:
                    a[0][0] ^= 1 << ((1 << j) - 1)
                lfsr = (lfsr << 1) ^ (0x171 if lfsr & 0x80 else 0)
        return a

    rate = 136
    padded = bytearray(data) + b"\x01" + bytes(-(len(data) + 1) % rate)
    padded[-1] |= 0x80
    state = [[0] * 5 for _ in range(5)]
    for start in range(0, len(padded), rate):
        for i in range(rate // 8):
            word = int.from_bytes(padded[start + 8 * i:start + 8 * i + 8], "little")
            state[i % 5][i // 5] ^= word
        state = permute(state)
    return b"".join(state[i % 5][i // 5].to_bytes(8, "little") for i in range(4))


def keystore(path, key=None):
    """A Web3 keystore that opens at once: its key is worth nothing. Returns the key."""
    key = key or secrets.token_bytes(32)
    salt, iv = secrets.token_bytes(32), secrets.token_bytes(16)
    derived = hashlib.pbkdf2_hmac("sha256", PASSPHRASE.encode(), salt, 2, 32)
    sealed = subprocess.run(["openssl", "enc", "-aes-128-ctr", "-K", derived[:16].hex(), "-iv",
                             iv.hex()], input=key, capture_output=True, check=True).stdout
    with open(path, "w", encoding="ascii") as out:
        json.dump({"version": 3, "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6", "crypto": {
            "cipher": "aes-128-ctr", "cipherparams": {"iv": iv.hex()},
            "ciphertext": sealed.hex(), "kdf": "pbkdf2",
            "kdfparams": {"c": 2, "dklen": 32, "prf": "hmac-sha256", "salt": salt.hex()},
            "mac": keccak(derived[16:32] + sealed).hex()}}, out)
    return key


class AnchoredServer(harness.Server):
    """Like harness.Server, over contracts that it deploys on `node` (an Anvil)."""

    def __init__(self, node, folder=None, rpc=None, deploy=(), flags=(), start=True):
        self.node, self.rpc = node, rpc or node.url
        folder = folder or harness.temp_folder()
        self.conf = os.path.join(folder, "chorusd.conf")
        self.relayer_file = os.path.join(folder, "relayer.json")
        self.secret = os.path.join(folder, "passphrase")
        with open(self.secret, "w", encoding="ascii") as out:
            out.write(PASSPHRASE + "\n")
        keystore(self.relayer_file)
        with open(self.conf, "w", encoding="ascii") as out:
            out.write("# of a test\nchain-poll = 100\nbump-after = 2\n"
                      f"rpc = {self.rpc}\nrelayer = {self.relayer_file}\n"
                      f"relayer-passphrase = {self.secret}\n")
        self.deploy_flags = deploy
        super().__init__(folder, flags=("--config", self.conf, *flags), start=start)

    def admin_run(self, command, *arguments):
        if command == "init":
            key = arguments[arguments.index("--key") + 1]
            with open(key, "w", encoding="ascii") as out:
                out.write(secrets.token_hex(32) + "\n")
            os.chmod(key, 0o600)
            self.deploy(key)
            arguments += ("--config", self.conf)
        return super().admin_run(command, *arguments)

    def chorusd(self, *arguments, limit=120):
        """Any command; the finished process."""
        return subprocess.run([program("chorusd"), *arguments, "--config", self.conf],
                              capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              timeout=limit, check=False)

    def deploy(self, key):
        shown = self.chorusd("key", "address", self.relayer_file).stdout
        self.relayer = shown.split()[1]
        self.node.fund(self.relayer)
        self.deployed = self.chorusd(
            "chain", "deploy", "--key", key, "--contracts", chain.artifacts(),
            "--payout-delay", "0", "--timelock-delay", "2", "--voting-delay", "1",
            "--voting-period", str(int(5 * harness.Settings.slow)), *self.deploy_flags)
        if self.deployed.returncode != 0:
            raise AssertionError(f"chain deploy: {self.deployed.stderr}")
        self.at = dict(re.findall(r"^(\w+) +(0x\w{40})", self.deployed.stdout, re.M))

    def txs(self, where="true", columns="kind, state, reason"):
        return self.database.query(f"SELECT {columns} FROM chain_txs WHERE {where} ORDER BY id")


def word(value):
    return value.to_bytes(32, "big").hex()


class OnAChain(Scenario):
    LIMIT = 120

    @classmethod
    def setUpClass(cls):
        cls.node = chain.Anvil(block_time=0.2)
        cls.server = AnchoredServer(cls.node)
        cls.folder, cls.serial = cls.server.folder, 0

    # ---- the chain's side

    def read(self, function, *words):
        """The registry's answer at `finalized`, as a list of words."""
        data = "0x" + keccak(function.encode())[:4].hex() + "".join(words)
        said = self.node.call(self.server.at["ChorusRegistry"], data, "finalized")[2:]
        return [said[i:i + 64] for i in range(0, len(said), 64)]

    def anchor(self, kind, slug, *numbers):
        types = ",uint64" * len(numbers)
        return self.read(f"{kind}(bytes32{types})", keccak(slug.encode()).hex(),
                         *[word(n) for n in numbers])

    def state_of(self, kind, slug):
        return self.server.txs(f"kind = '{kind}' AND model = '{slug}'", "state")

    # ---- the server's side

    def make(self, spec, count, **policy):
        slug = self.slug("anchored")
        body = {"model": slug, "spec": spec, **({"policy": policy} if policy else {})}
        self.server.admin("POST", "/models", body).must(201)
        until(lambda: self.server.get(f"/models/{slug}").must().json["policy"], 30,
              "the registration is final and read")
        links = self.server.invite(slug, count) if count else []
        return slug, [Voice(self.server, f"voice {i}").enrol(link)
                      for i, link in enumerate(links)]

    def play_to(self, ctx, voices, phase):
        for voice in voices:
            voice.join(ctx).must(201)
        self.server.wait_phase(ctx, "share", limit=60)
        for voice in voices:
            voice.share(ctx).must(201)
        self.server.wait_phase(ctx, "upload", limit=60)
        for voice in voices:
            voice.upload(ctx, voice.numbers(ctx, 1))
        return self.server.wait_phase(ctx, phase, limit=60)

    def finish(self, ctx, voices):
        for voice in voices:
            if voice.unmask(ctx).must(200, 201, 409).status == 409:
                break
        return self.server.wait_phase(ctx, "done", limit=60)


class Paying(OnAChain):
    """Members with accounts, who are paid from the vault."""

    ACCOUNTS = ["0x" + keccak(f"account {i}".encode())[-20:].hex() for i in range(3)]

    @staticmethod
    def spec(mode="push"):
        return changed(PAID, reward={"payout": {"mode": mode, "threshold": "0", "every": 1}})

    def paid_round(self, deposit, mode="push"):
        slug, voices = self.make(self.spec(mode), 0)
        for i, link in enumerate(self.server.invite(slug, 3)):
            voice = Voice(self.server, f"payee {i}")
            body = voice.enroll_body(link, payout=self.ACCOUNTS[i])
            self.server.post("/participants", body).must(201)
            voices.append(voice)
        if deposit:
            self.deposit(slug, deposit)
        ctx = self.server.open_round(slug)
        self.play_to(ctx, voices, "unmask")
        self.finish(ctx, voices)
        return slug, voices

    def deposit(self, slug, amount):
        payer = self.node.rpc("eth_accounts")[0]
        data = ("0x" + keccak(b"deposit(bytes32,uint256)")[:4].hex()
                + keccak(slug.encode()).hex() + word(amount))
        self.node.rpc("eth_sendTransaction", {"from": payer, "to": self.server.at["ChorusVault"],
                                              "value": hex(amount), "data": data})

    def payout(self, slug, kind="pay"):
        found = self.server.admin("GET", "/payouts?limit=200").must().json["payouts"]
        return next((p for p in found if p["model"] == slug and p["kind"] == kind), None)

    def held(self, slug):
        def found():
            payout = self.payout(slug)
            return payout if payout and payout["state"] == "held" else None
        return until(found, 30, "it is held")

    def pay_by_hand(self, payout):
        """What the relayer would send, sent by somebody else; the hash, once it is mined."""
        data = self.server.database.query(
            f"SELECT encode(calldata, 'hex') FROM chain_txs WHERE id = {payout['id']}")
        payer = self.node.rpc("eth_accounts")[0]
        sent = self.node.rpc("eth_sendTransaction", {
            "from": payer, "to": self.server.at["ChorusVault"], "data": "0x" + data,
            "gas": hex(1000000)})
        until(lambda: self.node.rpc("eth_getTransactionReceipt", sent), 10, "it is mined")
        return sent
