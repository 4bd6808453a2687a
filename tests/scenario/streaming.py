# SPDX-License-Identifier: Apache-2.0
"""A reader of GET /events."""
import json
import socket
import time


class Stream:
    """One GET /events, read without blocking."""

    def __init__(self, port, query="", last=None, rcvbuf=None, method="GET", headers=None):
        self.socket = socket.socket()
        if rcvbuf:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.socket.settimeout(20)
        self.socket.connect(("127.0.0.1", port))
        headers = {**(headers or {}), **({} if last is None else {"Last-Event-ID": last})}
        more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.socket.sendall(f"{method} /api/v1/events{query} HTTP/1.1\r\nHost: x\r\n"
                            f"Accept: text/event-stream\r\n{more}\r\n".encode())
        self.raw, self.text, self.head = b"", b"", None
        self.events, self.ended, self.comments, self.retry = [], False, 0, None
        self.last = last

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def read(self, seconds=0.0):
        """What is there, waiting for the first bytes at most so long."""
        self.socket.settimeout(max(seconds, 0.001))
        try:
            more = self.socket.recv(1 << 20)
        except (TimeoutError, BlockingIOError):
            return
        except ConnectionResetError:
            more = b""
        self.ended |= not more
        self.raw += more
        self.parse()

    def parse(self):
        if self.head is None:
            if b"\r\n\r\n" not in self.raw:
                return
            head, _, self.raw = self.raw.partition(b"\r\n\r\n")
            self.head = head.decode()
            self.status = int(self.head.split()[1])
        while b"\r\n" in self.raw:
            size, _, rest = self.raw.partition(b"\r\n")
            n = int(size, 16)
            if len(rest) < n + 2:
                return
            self.text += rest[:n]
            self.raw = rest[n + 2:]
            self.ended |= n == 0
        *whole, self.text = self.text.split(b"\n\n")
        for block in whole:
            self.block(block.decode())

    def block(self, block):
        kind = data = last = None
        for line in block.split("\n"):
            name, _, value = line.partition(": ")
            if line.startswith(":"):
                self.comments += 1
            elif name == "retry":
                self.retry = int(value)
            elif name == "event":
                kind = value
            elif name == "id":
                last = int(value)
            elif name == "data":
                data = json.loads(value)
        if last is not None:
            self.last = last
        if kind:
            self.events.append((kind, data, time.monotonic()))

    def until(self, condition, seconds=10):
        end = time.monotonic() + seconds
        while not condition(self):
            left = end - time.monotonic()
            if left <= 0 or self.ended:
                raise AssertionError(f"not seen within {seconds} s (ended: {self.ended}); "
                                     f"{self.head}; the newest: {self.events[-3:]}")
            self.read(left)
        return self

    def of(self, kind):
        return [data for k, data, _ in self.events if k == kind]

    def leaves(self):
        return [entry["leaf"] for entry in self.of("entry")]
