# SPDX-License-Identifier: Apache-2.0
"""The interface from outside: the Postman collection by newman, and requests that are made of
docs/openapi.yaml by schemathesis."""

import json
import os
import re
import subprocess
import sys
import time

from anchored import Paying
from harness import SOURCE, Scenario, Settings, program, until
from ledger import Signer, checkpoint, log_key
from voice import VECTOR, Voice, choir, play

API = os.path.join(SOURCE, "tests", "api")
sys.path.append(API)
import cases  # noqa: E402

NEWMAN = os.path.join(SOURCE, "tests", "node_modules", ".bin", "newman")
SCHEMATHESIS = os.path.join(SOURCE, "var", "python", "bin", "st")
SPEC = {**VECTOR, "server": {"kind": "fedavgm", "rate": "1", "momentum": "0.9"},
        "reward": {"scheme": "equal", "budget": "300"}}


class Played(Scenario):
    """A server with two rounds behind it, and what one who took part can show."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.voices = choir(cls.server, "numbers", 3, SPEC)
        cls.rounds = []
        for _ in range(2):
            cls.rounds.append(cls.server.open_round("numbers"))
            play(cls.voices, cls.rounds[-1])
        cls.voice = cls.voices[0]

    @classmethod
    def cosigned(cls):
        key = cls.voice.key
        head = checkpoint(cls.server, log_key(cls.server))
        line = Signer(key.id, key.public, 4, key.secret).line(head.text, int(time.time()))
        own = head.note.rpartition("\n\n")[2].splitlines(True)[0]
        return f"{head.text}\n{own}{line}"

    @classmethod
    def given(cls):
        """The variables of the environment file that only this run knows."""
        voice, ctx = cls.voice, cls.rounds[0]
        newcomer = Voice(cls.server, "a newcomer")
        link, = cls.server.invite("numbers", 1)
        return {"baseUrl": cls.server.origin, "adminToken": cls.server.token, "ctx": ctx,
                "stateCtx": cls.rounds[1], "model": "numbers", "participant": voice.id,
                "participantAuth": voice.key.fetch_header(ctx),
                "loginBody": json.dumps(voice.key.login_body(voice.instance, int(time.time()))),
                "payoutBody": json.dumps(voice.payout_body("0x" + "11" * 20)),
                "newcomerBody": json.dumps(newcomer.enroll_body(link)),
                "joinBody": json.dumps(voice.join_body(ctx)),
                "shareBody": json.dumps(voice.share_body(ctx)),
                "updateBody": json.dumps(voice.update_body(ctx)),
                "unmaskBody": json.dumps(voice.unmask_body(ctx)),
                "cosignature": cls.cosigned()}


class Newman(Scenario):
    """The collection, run by newman with an environment of what this instance has."""

    LIMIT = 120

    def save(self, name, data):
        with open(self.path(name), "wb") as out:
            out.write(data)
        return self.path(name)

    def environment(self, given):
        with open(os.path.join(API, "chorus.postman_environment.json"), encoding="utf-8") as file:
            environment = json.load(file)
        self.assertLessEqual(set(given), {v["key"] for v in environment["values"]})
        for variable in environment["values"]:
            variable["value"] = given.get(variable["key"], "")
        return self.save("environment.json", json.dumps(environment).encode())

    def newman(self, given, *options):
        """How many requests and assertions it made; all of them hold."""
        if not os.access(NEWMAN, os.X_OK):
            self.fail("newman is missing: npm ci in tests/ (./dev test does it)")
        report = self.path("report.json")
        done = subprocess.run(
            [NEWMAN, "run", os.path.join(API, "chorus.postman_collection.json"), "--environment",
             self.environment(given), "--working-dir", self.folder, "--reporters", "json",
             "--reporter-json-export", report, "--timeout-request", "20000", *options],
            capture_output=True, text=True, check=False, timeout=110 * Settings.slow,
            stdin=subprocess.DEVNULL)
        with open(report, encoding="utf-8") as file:
            run = json.load(file)["run"]
        failures = [f"{f['parent'].get('name')} / {f['source'].get('name')}: "
                    f"{f['error']['message']}" for f in run["failures"]]
        self.assertEqual(failures, [])
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        requests, assertions = run["stats"]["requests"], run["stats"]["assertions"]
        print(f"# {requests['total']} requests, {assertions['total']} assertions of the collection",
              flush=True)
        self.assertEqual(assertions["pending"], 0)
        return requests["total"], assertions["total"]


class Collection(Played, Newman):
    def test_the_collection_is_what_its_cases_make(self):
        """And each route of the table has a good case and a bad one."""
        table = subprocess.run([program("chorusd"), "routes"], capture_output=True, check=True)
        done = subprocess.run([os.path.join(API, "collection.py"), "--check"],
                              input=table.stdout, capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout.decode() + done.stderr.decode())

    def test_newman(self):
        self.save("chunk.bin", self.voice.parts[self.rounds[0]].chunks[0])
        self.assertGreater(self.newman(self.given())[1], 150)


class CollectionOnAChain(Paying, Newman):
    """What the other one cannot reach without a chain."""

    SANITIZED = False

    def test_newman(self):
        claims, _ = self.paid_round(9000, mode="claim")
        until(lambda: self.state_of("result", claims) == "final", 60, "the root is final")
        held, paid = (self.held(self.paid_round(0)[0]) for _ in range(2))
        self.deposit(paid["model"], 9000)
        sent = self.pay_by_hand(paid)
        self.deposit(held["model"], 9000)
        mined = int(self.node.rpc("eth_getTransactionReceipt", sent)["blockNumber"], 16)
        until(lambda: self.node.block("finalized") >= mined, 60, "it is final")
        requests, assertions = self.newman(
            {"baseUrl": self.server.origin, "adminToken": self.server.token, "chainModel": claims,
             "claimant": self.ACCOUNTS[0], "heldPayout": str(held["id"]),
             "paidPayout": str(paid["id"]), "paidHash": sent}, "--folder", "Chain")
        self.assertEqual((requests, assertions), (len(cases.chain()),) * 2)


class Fuzzed(Played):
    """Requests that schemathesis makes of docs/openapi.yaml: no 5xx, and no answer, content
    type, body or slug that the document does not tell."""

    LIMIT = 900
    SANITIZED = False  # the client is slower than the server: once is enough
    CHECKS = ("not_a_server_error,status_code_conformance,content_type_conformance,"
              "response_schema_conformance,documented_slug")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # out of reach: DELETE /tokens/{id} would end the token that asks
        cls.server.database.query("ALTER TABLE admin_tokens ALTER COLUMN id RESTART WITH "
                                  "4000000000000000")
        cls.token = cls.server.make_token("fuzz")
        with open(cls.known(), "w", encoding="utf-8") as out:
            json.dump({"ctx": cls.rounds, "model": ["numbers"], "type": ["result", "open"],
                       "id": [voice.id for voice in cls.voices], "index": ["0"]}, out)

    @classmethod
    def known(cls):
        return os.path.join(cls.folder, "known.json")

    def fuzz(self, *options):
        """How many requests were made; all of them answered as described."""
        if not os.access(SCHEMATHESIS, os.X_OK):
            self.fail("schemathesis is missing: ./dev test makes it in var/python")
        environment = {**os.environ, "CHORUS_KNOWN": self.known(), "SCHEMATHESIS_HOOKS":
                       os.path.join(API, "hooks.py"), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [SCHEMATHESIS, "--config-file", os.path.join(API, "schemathesis.toml"), "run",
             os.path.join(SOURCE, "docs/openapi.yaml"), "--url", self.server.origin, "--checks",
             self.CHECKS, "--continue-on-failure", "--warnings", "off", "--no-color",
             "--request-timeout", "20", "--exclude-path", "/api/v1/events", *options],
            capture_output=True, text=True, check=False, cwd=self.folder, env=environment,
            stdin=subprocess.DEVNULL, timeout=850 * Settings.slow)
        self.assertEqual(done.returncode, 0, done.stdout[-6000:] + done.stderr[-2000:])
        count = int(re.search(r"^requests: (\d+)", done.stderr, re.M)[1])
        print(f"# {count} requests of the description: {done.stderr.strip()}", flush=True)
        self.assertEqual(self.server.get("/ready").status, 200)
        return count

    def admin(self):
        return "--header", f"Authorization: Bearer {self.token}"


class Described(Fuzzed):
    def test_as_an_administrator(self):
        self.assertGreater(self.fuzz("--phases", "examples,fuzzing", "--max-examples", "9",
                                     *self.admin()), 700)

    def test_as_anybody(self):
        self.assertGreater(self.fuzz("--phases", "examples,fuzzing", "--max-examples", "4"), 250)


class DescribedLong(Fuzzed):
    SOAK = True
    WEIGHT = 5

    def test_twenty_thousand(self):
        count = self.fuzz("--phases", "examples,coverage,fuzzing", "--max-examples", "150",
                          *self.admin())
        count += self.fuzz("--phases", "examples,coverage,fuzzing", "--max-examples", "80")
        self.assertGreater(count, 20000)
