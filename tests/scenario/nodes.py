# SPDX-License-Identifier: Apache-2.0
"""Ethereum nodes that say what a test tells them to, and the chain_probe that asks them."""
import http.server
import json
import subprocess
import threading
import time

import harness

CHAIN = 31337


class Probe:
    """One chain_probe, asked a line at a time."""

    def __init__(self, *urls):
        self.process = subprocess.Popen([harness.program("chain_probe"), ",".join(urls)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        if self.process.wait(20) != 0:
            raise AssertionError(f"chain_probe ended with {self.process.returncode}")

    def ask(self, do, **members):
        self.process.stdin.write(json.dumps({"do": do, **members}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"chain_probe died of {do} {str(members)[:200]}: {self.process.wait(20)}")
        return json.loads(line)

    def ok(self, do, **members):
        answer = self.ask(do, **members)
        if answer["err"] != "OK":
            raise AssertionError(f"{do} {str(members)[:200]}: {answer}")
        return answer


class FakeNode:
    """Answers what an ordinary node does (block 100 of chain 31337), unless `wrong` says
    otherwise: wrong(method, params) gives a result, a Reply, or None for the ordinary."""

    def __init__(self, wrong=lambda method, params: None, height=100):
        self.wrong, self.height = wrong, height
        self.asked, self.sent = [], []  # methods; paths and credentials
        node = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                node.asked.append(request["method"])
                node.sent.append((self.path, self.headers["Authorization"]))
                node.answer(self, request)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # the probe may hang up
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def block(self, number):
        return {"number": hex(number), "timestamp": hex(1_700_000_000 + 12 * number),
                "hash": "0x" + f"{number + 1:064x}"[::-1], "baseFeePerGas": "0x7"}

    def result(self, method, params):
        if method == "eth_chainId":
            return hex(CHAIN)
        if method == "eth_blockNumber":
            return hex(self.height)
        if method == "eth_getBlockByNumber":
            tags = {"latest": self.height, "finalized": self.height - 64}
            number = tags[params[0]] if params[0] in tags else int(params[0], 16)
            return self.block(number) if number <= self.height else Null
        raise AssertionError(method)

    def answer(self, handler, request):
        said = self.wrong(request["method"], request["params"])
        if said is None:
            said = self.result(request["method"], request["params"])
        if not isinstance(said, Reply):
            said = Reply({"result": None if said is Null else said})
        said.send(handler, request["id"])


class Null:
    """A result of null, where None would mean the ordinary one."""


class Reply:
    """A JSON-RPC envelope with these members (a member of None is left out), or any bytes."""

    def __init__(self, members=None, body=None, status=200, headers=None, cut=0, pause=0.0,
                 repeat=1):
        self.members, self.body, self.status = members, body, status
        self.headers, self.cut, self.pause, self.repeat = headers or {}, cut, pause, repeat

    def send(self, handler, number):
        body = self.body
        if body is None:
            whole = {"jsonrpc": "2.0", "id": number, **self.members}
            body = json.dumps({k: v for k, v in whole.items() if v is not Null}).encode()
        handler.send_response(self.status)
        for name, value in self.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(self.repeat * len(body) + self.cut))
        handler.end_headers()
        for _ in range(self.repeat):
            handler.wfile.write(body)
            handler.wfile.flush()
            time.sleep(self.pause)
        if self.cut:
            handler.close_connection = True
