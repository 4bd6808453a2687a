# SPDX-License-Identifier: Apache-2.0
"""Rounds as a stranger checks them: `chorus verify` over HTTP and over an archive, in full,
in part, and the whole history; and what it says when something does not hold."""

import io
import json
import os
import shutil
import struct
import tarfile

import stranger
from harness import Client, Scenario, changed, deal, read_csv, read_spec, tail, until, write_csv
from voice import VECTOR, all_join, all_share, all_unmask, all_upload, choir, play

LONG = {"join": 120, "share": 120, "upload": 120, "unmask": 120}
SPEC = changed(VECTOR, deadlines=LONG)

#: What an honest round with a result always has something of.
ALWAYS = {"checkpoint", "transcript", "form", "signature", "context", "link", "unique", "inclusion",
          "order", "seen", "version", "spec", "terms", "base", "state", "base-served", "roster",
          "graph", "deals", "sharers", "survivors", "answers", "secrets", "manifests", "vectors",
          "chunks", "sum", "sum-served", "bounds", "totals", "model", "model-served"}
WITHOUT_VECTORS = {"vectors", "chunks", "sum"}


class Audits(Scenario):
    """Runs `chorus` as somebody who has nothing but the instance's hash."""

    LIMIT = 90

    def chorus(self, *words, home="nobody", code=0):
        """The lines it says as JSON; the exit code must be this one."""
        done = Client(self.folder, home).run(*words, "--json")
        self.assertEqual(done.code, code, tail(done.out + done.err))
        return [json.loads(line) for line in done.out.splitlines()]

    def verify(self, *words, code=0):
        instance = stranger.event_hash(self.server.instance()).hex()
        return self.chorus("verify", *words, "--server", self.server.origin, "--instance", instance,
                           code=code)

    def reports(self, said):
        return [line for line in said if line["event"] == "audit"]

    def outcomes(self, report):
        return {check["check"]: check["outcome"] for check in report["checks"]}

    def checked(self, report, name):
        return {check["check"]: check["checked"] for check in report["checks"]}.get(name, 0)

    def holds(self, report, but=()):
        """Everything is checked and holds, but for what can't be."""
        self.assertEqual(report["findings"], [])
        outcomes = self.outcomes(report)
        self.assertEqual({c for c, o in outcomes.items() if o == "not-checked"}, set(but))
        if not report["failed"]:
            self.assertLessEqual(ALWAYS - set(but), {c for c, o in outcomes.items() if o == "holds"})

    def found(self, said):
        return {finding["check"] for report in self.reports(said) for finding in report["findings"]}

    def sql(self, text):
        return self.server.database.query(text)

    def end_phase(self, ctx):
        self.sql(f"UPDATE rounds SET deadline = clock_timestamp() WHERE ctx = '\\x{ctx}'")

    def members_of(self, path):
        with tarfile.open(path) as archive:
            return {m.name: archive.extractfile(m).read() for m in archive.getmembers()}


class Iris(Audits):
    """Two rounds of three people with the chorus program."""

    MODEL = "iris"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        spec = changed(read_spec("iris"), server={"kind": "fedadam", "rate": "0.1", "beta1": "0.9",
                                                  "beta2": "0.99", "epsilon": "0.001"},
                       reward={"scheme": "samples", "budget": "1000"})
        cls.server.make_model(cls.MODEL, spec)
        head, rows = read_csv("iris")
        parts, _ = deal(rows[::4], (10, 10, 10))
        cls.people = []
        for i, link in enumerate(cls.server.invite(cls.MODEL, 3)):
            one = Client(cls.folder, f"garden {i}")
            one.enrol(link)
            data = write_csv(os.path.join(cls.folder, f"garden-{i}.csv"), head, parts[i])
            one.running = one.participate(cls.MODEL, data, rounds=2)
            cls.people.append(one)
        for number in (1, 2):
            cls.server.open_round(cls.MODEL)
            cls.server.wait_results(cls.MODEL, number, 40)
        for one in cls.people:
            one.running.wait(30)

    def test_in_full(self):
        report, last = self.verify(self.MODEL)
        self.holds(report)
        self.assertEqual((report["round"], report["attempt"], report["mode"]), (2, 1, "full"))
        self.assertEqual((last["outcome"], last["rounds"], last["findings"]), ("holds", 1, 0))
        self.assertEqual(self.checked(report, "rewards"), 3)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "nobody")))
        again, _ = self.verify(report["ctx"])
        self.assertEqual(again, report)
        first, _ = self.verify(self.MODEL, "--round", "1")
        self.assertEqual(first["round"], 1)

    def test_in_words(self):
        done = Client(self.folder, "nobody").run("verify", self.MODEL, "--server", self.server.origin)
        self.assertEqual(done.code, 0, done.err)
        self.assertIn("Round 2 of iris, attempt 1: everything that was checked holds.", done.out)
        self.assertRegex(done.out, "holds +chunks +3 +Every chunk of a vector")

    def test_in_part(self):
        report, _ = self.verify(self.MODEL, "--light", "1")
        self.holds(report)
        self.assertEqual((report["mode"], self.checked(report, "deals")), ("light", 1))

    def test_the_whole_history(self):
        said = self.verify("--all")
        log, one, two = self.reports(said)
        self.assertEqual(log["findings"], [])
        self.assertEqual(self.checked(log, "root"), log["log"]["size"])
        for name in ("admissions", "versions", "attempts", "lineage"):
            self.assertEqual(self.outcomes(log)[name], "holds", name)
        for report, number in ((one, 1), (two, 2)):
            self.holds(report)
            self.assertEqual(report["round"], number)

    def test_as_a_member(self):
        """Without naming the server; the checkpoint is kept."""
        home = self.people[0].home
        report, _ = self.chorus("verify", self.MODEL, home="garden 0")
        self.holds(report)
        kept = [name for _, _, names in os.walk(os.path.join(home, "logs")) for name in names]
        self.assertIn("checkpoint", kept)

    def test_what_is_misused(self):
        for words in ((), ("Iris!",), ("--all", self.MODEL), (self.MODEL, "--light", "0")):
            self.verify(*words, code=2)
        self.verify("no-such-model", code=1)
        self.verify("0" * 64, code=1)
        other = "11" * 32
        said = self.chorus("verify", self.MODEL, "--server", self.server.origin, "--instance", other,
                           code=12)
        self.assertEqual(said[-1]["error"], "cheat-key")
        self.chorus("verify", self.MODEL, "--server", "http://127.0.0.1:1", "--patience", "0", code=14)
