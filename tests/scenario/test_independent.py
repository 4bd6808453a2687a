# SPDX-License-Identifier: Apache-2.0
"""A verifier in Go that shares nothing with us, with logs as they should be and with such as
have one wrong byte."""

import base64
import functools
import hashlib
import http.server
import json
import os
import re
import subprocess
import threading
import unittest

from harness import Reply, Scenario, Settings, program, temp_folder
from proxy import Proxy
from voice import choir, play

WITNESS_KIND = 4


def vkey(name, key, kind=1):
    """A verifier key as C2SP signed-note writes it."""
    material = bytes([kind]) + key
    number = hashlib.sha256(name.encode() + b"\n" + material).hexdigest()[:8]
    return f"{name}+{number}+{base64.b64encode(material).decode()}"


def verify(*arguments):
    return subprocess.run([program("independent"), *arguments], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60 * Settings.slow,
                          check=False)


def flipped(data, at=None):
    """With one bit changed, in the middle when nothing is said."""
    at = len(data) // 2 if at is None else at
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]


class Verified(Scenario):
    def good(self, *arguments):
        done = verify(*arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        line, = done.stdout.splitlines()
        return json.loads(line)

    def bad(self, *arguments, why="independent: "):
        done = verify(*arguments)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertRegex(done.stderr, why)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class LogOfFiles(Verified):
    """What the library writes, without a server of ours."""

    @classmethod
    def setUpClass(cls):
        cls.folder = temp_folder()
        handler = functools.partial(Quiet, directory=cls.folder)
        cls.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        cls.http.daemon_threads = True
        threading.Thread(target=cls.http.serve_forever, args=(0.05,), daemon=True).start()

    @classmethod
    def tearDownClass(cls):
        cls.http.shutdown()
        cls.http.server_close()

    def make(self, size):
        """The address, the keys of log and witness, the folder."""
        folder = os.path.join(self.folder, str(size), "api", "v1", "log")
        said = subprocess.run([program("make_log"), folder, str(size)], check=True, text=True,
                              capture_output=True, timeout=60 * Settings.slow)
        log, witness = said.stdout.split()
        return f"http://127.0.0.1:{self.http.server_address[1]}/{size}", log, witness, folder

    def test_logs_of_many_sizes(self):
        for size in (1, 2, 3, 255, 256, 257, 511, 512, 600, 65536, 70000):
            with self.subTest(size=size):
                address, log, witness, _ = self.make(size)
                said = self.good("-tiles-only", "-witness", witness, address, log)
                self.assertEqual((said["size"], said["entries"]), (size, size))
                self.assertEqual(said["cosignatures"], 1)
                self.assertEqual(said["inclusions"], min(size, 2000))
                self.assertEqual(said["consistencies"], min(size, 2000))
                self.assertEqual(said["bundles"], -(-size // 256))
                tiles = sum(-(-(size >> 8 * level) // 256) for level in range(3))
                self.assertEqual(said["tiles"], tiles)

    def test_one_wrong_byte_in_any_file(self):
        address, log, witness, folder = self.make(601)
        files = [os.path.join(at, name) for at, _, names in os.walk(folder) for name in names]
        self.assertEqual(len(files), 8)
        for path in files:
            with open(path, "rb") as file:
                right = file.read()
            for at in (0, len(right) // 3, len(right) - 2):
                with self.subTest(path=path, at=at):
                    with open(path, "wb") as file:
                        file.write(flipped(right, at))
                    self.bad("-tiles-only", "-witness", witness, address, log)
            with open(path, "wb") as file:
                file.write(right[:-1])
            self.bad("-tiles-only", "-witness", witness, address, log)
            with open(path, "wb") as file:
                file.write(right)
        self.good("-tiles-only", "-witness", witness, address, log)

    def test_other_keys(self):
        address, log, witness, _ = self.make(5)
        other = vkey(log.split("+")[0], bytes(31) + b"\1")
        self.bad("-tiles-only", address, other, why="no verifiable signatures")
        name = witness.split("+")[0]
        self.bad("-tiles-only", "-witness", vkey(name, bytes(31) + b"\1", WITNESS_KIND), address,
                 log, why="no signature of witness.example/w")
        self.bad("-tiles-only", "-witness", log, address, log, why="not of type 4")
        self.bad("-tiles-only", "-witness", witness, address, witness, why="unknown verifier algorithm")
        self.bad(address, log, why="proofs/inclusion.*404")


class LogOfServer(Verified):
    """The log of a real server, in which a round was played."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        voices = choir(cls.server, "sung", 3)
        play(voices, cls.server.open_round("sung"))
        instance = cls.server.instance()
        cls.key = vkey(instance["origin"], bytes.fromhex(instance["coordinator"]))

    def test_holds(self):
        said = self.good(self.server.origin, self.key)
        self.assertGreater(said["size"], 20)
        for count in ("entries", "inclusions", "consistencies", "server_consistencies"):
            self.assertEqual(said[count], said["size"], count)
        self.assertEqual(said["server_inclusions"], 2 * said["size"])

    def test_one_wrong_byte_on_the_way(self):
        changed = []

        def after(request, reply):
            if not re.search(pattern, request.path):
                return reply
            changed.append(request.path)
            return Reply(reply.status, reply.headers, edit(reply.body))
        proxy = Proxy(self.server.origin)
        self.addCleanup(proxy.close)
        self.good(proxy.origin, self.key)
        proxy.after = after
        digit = functools.partial(re.sub, rb'("path":\s*\[")(.)',
                                  lambda m: m[1] + (b"1" if m[2] == b"0" else b"0"))
        for pattern, edit, why in (
                ("/log/checkpoint$", flipped, "checkpoint"),
                ("/log/tile/0/000", flipped, "inconsistent tile"),
                ("/log/tile/entries/000", flipped, "is not the leaf|cut short"),
                ("/log/proofs/inclusion", digit, "proofs/inclusion"),
                ("/log/proofs/consistency", digit, "proofs/consistency")):
            with self.subTest(pattern=pattern):
                changed.clear()
                self.bad(proxy.origin, self.key, why=why)
                self.assertTrue(changed)
        self.assertEqual(proxy.troubles, [])


if __name__ == "__main__":
    unittest.main()
