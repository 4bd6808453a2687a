# SPDX-License-Identifier: Apache-2.0
"""A private Ethereum node for scenarios: anvil, from contracts/node_modules, as a real process
on a free port, with nobody's well-known keys and with faults on demand."""

import http.client
import json
import os
import subprocess
import urllib.parse

import harness
from harness import until

PACKAGE = os.path.join(harness.SOURCE, "contracts", "node_modules", "@foundry-rs",
                       "anvil-linux-amd64", "bin", "anvil")
GWEI = 10**9
ETHER = 10**18


class RpcError(AssertionError):
    """The node answered with an error."""


class Anvil:
    """A node. block_time: seconds between blocks (a fraction is fine), or None: a block for
    each transaction. `finalized` stands 2*epoch blocks behind the newest."""

    def __init__(self, folder=None, block_time=0.25, epoch=1, chain_id=31337, state=None):
        self.folder = folder or harness.temp_folder("chorus-anvil.")
        self.block_time, self.epoch, self.chain_id = block_time, epoch, chain_id
        self.state, self.port = state, harness.free_port()
        self.start()

    def start(self):
        if not os.access(PACKAGE, os.X_OK):
            raise FileNotFoundError(f"{PACKAGE}: run ./dev deps")
        argv = [PACKAGE, "--host", "127.0.0.1", "--port", str(self.port),
                "--chain-id", str(self.chain_id), "--mnemonic-random", "--accounts", "1",
                "--slots-in-an-epoch", str(self.epoch), "--enable-tx-gas-limit", "--silent"]
        if self.block_time is not None:
            argv += ["--block-time", str(self.block_time), "--mixed-mining"]
        if self.state:
            argv += ["--state", self.state, "--state-interval", "1"]
        home = dict(os.environ, HOME=self.folder)
        self.process = harness.Process(argv, os.path.join(self.folder, "anvil.log"), env=home)
        until(self.answers, 20, "anvil answers")

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def answers(self):
        try:
            return self.rpc("eth_chainId") == hex(self.chain_id)
        except OSError:
            return False

    def rpc(self, method, *params):
        return rpc(self.url, method, *params)

    def fund(self, address, ether=1000):
        self.rpc("anvil_setBalance", address, hex(int(ether * ETHER)))

    def mine(self, blocks=1):
        self.rpc("anvil_mine", hex(blocks))

    def pass_time(self, seconds):
        """The chain's clock goes on; a block later everybody sees it."""
        self.rpc("evm_increaseTime", hex(seconds))
        self.mine()

    def balance(self, address, tag="latest"):
        return int(self.rpc("eth_getBalance", address, tag), 16)

    def block(self, tag="latest"):
        return int(self.rpc("eth_getBlockByNumber", tag, False)["number"], 16)

    def call(self, to, data, tag="latest"):
        return self.rpc("eth_call", {"to": to, "data": data}, tag)

    def kill(self):
        self.process.kill()


def rpc(url, method, *params):
    """One JSON-RPC call; OSError when nobody answers, RpcError when the node refuses."""
    place = urllib.parse.urlsplit(url)
    line = http.client.HTTPConnection(place.hostname, place.port, timeout=30)
    try:
        line.request("POST", "/", json.dumps({"jsonrpc": "2.0", "id": 1, "method": method,
                                              "params": params}),
                     {"Content-Type": "application/json"})
        answer = json.loads(line.getresponse().read())
    except http.client.HTTPException as problem:
        raise OSError(str(problem)) from problem
    finally:
        line.close()
    if "error" in answer:
        raise RpcError(f"{method}: {answer['error']}")
    return answer["result"]


def artifacts():
    """The folder with the compiled contracts."""
    return os.path.join(harness.SOURCE, "build", "contracts")


def node(script, *arguments, limit=120):
    """Runs a script of contracts/ with Node.js; its standard output."""
    done = subprocess.run(["node", script, *arguments], capture_output=True, text=True,
                          cwd=os.path.join(harness.SOURCE, "contracts"), timeout=limit,
                          check=False)
    if done.returncode != 0:
        raise AssertionError(f"{script}: {done.stderr}")
    return done.stdout
