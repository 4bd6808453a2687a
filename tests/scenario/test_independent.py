# SPDX-License-Identifier: Apache-2.0
"""A verifier in Go that shares nothing with us, with logs as they should be and with such as
have one wrong byte."""

import functools
import http.server
import json
import os
import re
import subprocess
import threading
import time

import ledger
from harness import Reply, Scenario, Settings, program, temp_folder
from ledger import Signer
from proxy import Proxy
from test_log import LogScenario
from voice import choir, play

def verify(*arguments):
    return subprocess.run([program("independent"), *arguments], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60 * Settings.slow,
                          check=False)


def flipped(data, at=None):
    """With one bit changed, in the middle when nothing is said."""
    at = len(data) // 2 if at is None else at
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]


class Verified(Scenario):
    SANITIZED = False

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
        for size in (1, 2, 3, 255, 256, 257, 511, 512, 600, 70000):
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

    def test_an_entry_and_its_tile_changed_together(self):
        address, log, _, folder = self.make(602)
        for name, at, wrong in (("entries/000", 4, b"entry !"),
                                ("0/000", 32, ledger.leaf(b"entry !"))):
            with open(os.path.join(folder, "tile", name), "r+b") as file:
                file.seek(at)
                file.write(wrong)
        self.bad("-tiles-only", address, log, why="make the root|not that of its|inconsistent")

    def test_other_keys(self):
        address, log, witness, _ = self.make(5)
        other, name = bytes(31) + b"\1", witness.split("+")[0]
        self.bad("-tiles-only", address, Signer(log.split("+")[0], other, 1).vkey,
                 why="no verifiable signatures")
        self.bad("-tiles-only", "-witness", Signer(name, other, 4).vkey, address, log,
                 why="no signature of witness.example/w")
        self.bad("-tiles-only", "-witness", log, address, log, why="not of type 4")
        self.bad("-tiles-only", "-witness", witness, address, witness, why="unknown verifier algorithm")
        self.bad(address, log, why="proofs/inclusion.*404")


class LogOfServer(Verified, LogScenario):
    """The log of a real server, in which a round was played."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.voices = choir(cls.server, "sung", 3)
        play(cls.voices, cls.server.open_round("sung"))

    def test_holds(self):
        voice = self.voices[0]
        witness = Signer(voice.id, voice.key.public, 4, voice.key.secret)
        for more in (0, 300):
            head = self.grow(more)
            said = self.good(self.server.origin, self.key.vkey)
            self.assertEqual(said["size"], head.size)
            for count in ("entries", "inclusions", "consistencies"):
                self.assertEqual(said[count], head.size, count)
            asked = min(head.size, 100)
            self.assertEqual(said["server_consistencies"], asked)
            self.assertEqual(said["server_inclusions"], 2 * asked)
            cosigned = ("-witness", witness.vkey, self.server.origin, self.key.vkey)
            self.bad(*cosigned, why=f"no signature of {voice.id}")
            note = head.note + witness.line(head.text, int(time.time()))
            self.server.post("/log/cosignatures", raw=note.encode(),
                             kind="text/plain; charset=utf-8").must(204)
            self.assertEqual(self.good(*cosigned)["cosignatures"], 1)

    def test_one_wrong_byte_on_the_way(self):
        changed = []

        def after(request, reply):
            if not re.search(pattern, request.path):
                return reply
            changed.append(request.path)
            return Reply(reply.status, reply.headers, edit(reply.body))
        proxy = Proxy(self.server.origin)
        self.addCleanup(proxy.close)
        self.newest()
        self.good(proxy.origin, self.key.vkey)
        proxy.after = after
        digit = functools.partial(re.sub, rb'("path":\s*\[")(.)',
                                  lambda m: m[1] + (b"1" if m[2] == b"0" else b"0"))
        for pattern, edit, why in (
                ("/log/checkpoint$", flipped, "checkpoint"),
                ("/log/tile/0/000", flipped, "inconsistent tile|make the root|not that of its"),
                ("/log/tile/entries/000", flipped, "is not the leaf|cut short"),
                ("/log/proofs/inclusion", digit, "proofs/inclusion"),
                ("/log/proofs/consistency", digit, "proofs/consistency")):
            with self.subTest(pattern=pattern):
                changed.clear()
                self.bad(proxy.origin, self.key.vkey, why=why)
                self.assertTrue(changed)
        self.assertEqual(proxy.troubles, [])

