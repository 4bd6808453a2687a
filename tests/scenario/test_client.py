# SPDX-License-Identifier: Apache-2.0
"""The chorus program as people use it, against a real chorusd: Iris from the invites to
predictions, a participant that is killed again and again, what is refused and with which
exit code; and the swarm with dropouts in every phase."""
import csv
import json
import os
import random
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import unittest

import serving
import test_money

CHORUS = os.path.join(serving.BUILD, "chorus")
SWARM = os.path.join(serving.BUILD, "swarm")
IRIS = os.path.join(serving.SOURCE, "tests/data/iris.csv")
IRIS_SPEC = os.path.join(serving.SOURCE, "tests/data/iris.spec.json")


def with_deadlines(spec, seconds):
    return {**spec, "deadlines": dict.fromkeys(("join", "share", "upload", "unmask"),
                                               seconds)}


class Case(unittest.TestCase):
    init = ()

    @classmethod
    def setUpClass(cls):
        cls.server = serving.Server(init=cls.init)
        cls.server.__enter__()
        cls.folder = tempfile.mkdtemp(prefix="chorus-client-")
        cls.address = f"http://127.0.0.1:{cls.server.port}"
        cls.token = cls.path("token")
        with open(cls.token, "w") as f:
            f.write(cls.server.token + "\n")

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()
        shutil.rmtree(cls.folder)

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder, name)

    def chorus(self, *words, home=None, code=0, timeout=60):
        """Standard output; `code` is the exit code that must come, or one of those."""
        command = [CHORUS, *words]
        if home:
            command += ["--home", self.path(home)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout,
                              stdin=subprocess.DEVNULL,
                              env={**os.environ, "CHORUS_HOME": self.path("nobody")})
        self.assertIn(done.returncode, code if isinstance(code, tuple) else (code,),
                      f"{command}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def start(self, *words, home):
        return subprocess.Popen([CHORUS, *words, "--home", self.path(home)],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                stdin=subprocess.DEVNULL, text=True)

    def admin(self, *words, **more):
        return self.chorus("admin", *words, "--server", self.address, "--token-file",
                           self.token, **more)

    def spec(self, name, spec):
        with open(self.path(name), "w") as f:
            json.dump(spec, f)
        return self.path(name)

    def members(self, model, count, prefix):
        """Homes of so many new members, each with a shard of Iris."""
        links = self.admin("invite", model, "--count", str(count)).split()
        self.assertEqual(len(links), count)
        with open(IRIS) as f:
            head, *rows = f.read().splitlines()
        for i, link in enumerate(links):
            link = self.address + link[link.index("/#"):]
            self.chorus("enroll", link, "--name", f"Garden {i}", home=f"{prefix}{i}")
            with open(self.path(f"{prefix}{i}.csv"), "w") as f:
                f.write("\n".join([head, *rows[i::count]]) + "\n")
        return [f"{prefix}{i}" for i in range(count)]

    def ends(self, process, code=0, timeout=60):
        try:
            out, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            out, _ = process.communicate()
            self.fail(out)
        self.assertEqual(process.returncode, code, out)
        return out


class Iris(Case):
    def test_story(self):
        self.admin("model", "create", "iris", "--spec", IRIS_SPEC)
        homes = self.members("iris", 3, "a")
        self.assertIn("initial model", self.chorus("evaluate", "iris", "--data", IRIS,
                                                   home=homes[0]))
        running = [self.start("participate", "iris", "--yes", "--data",
                              self.path(h + ".csv"), "--rounds", "2", home=h)
                   for h in homes]
        for r in (1, 2):
            self.admin("open", "iris")
            self.assertTrue(serving.wait_until(
                lambda: self.server.get("/models/iris/round").json["phase"] == "done", 30))
        for p in running:
            out = self.ends(p)
            self.assertIn("You joined round 2 of iris.", out)
            self.assertIn("Round 2 is done: the sum of 3 updates", out)
        self.assertIn("Round 2 is done", self.chorus("status", home=homes[0]))
        self.predictions(homes[0])
        self.admin("schedule", "iris", "--every", "1", "--rounds", "4")
        running = [self.start("participate", "iris", "--data", self.path(h + ".csv"),
                              "--until-done", home=h) for h in homes]
        for p in running:
            self.assertIn("Round 4 is done", self.ends(p))

    def predictions(self, home):
        out = self.chorus("evaluate", "iris", "--data", IRIS, "--json", home=home)
        self.assertGreater(json.loads(out)["accuracy"], 0.85)
        self.chorus("predict", "iris", "--data", IRIS, "--out", self.path("p.csv"),
                    home=home)
        with open(self.path("p.csv")) as f, open(IRIS) as g:
            right = [a["species"] == b["species"]
                     for a, b in zip(csv.DictReader(f), csv.DictReader(g), strict=True)]
        self.assertGreater(sum(right) / len(right), 0.85)
        self.chorus("weights", "iris", "--out", self.path("w.npy"), home=home)
        self.chorus("weights", "iris", "--out", self.path("w.f32"), home=home)
        with open(self.path("w.npy"), "rb") as f, open(self.path("w.f32"), "rb") as g:
            npy, raw = f.read(), g.read()
        self.assertTrue(npy.startswith(b"\x93NUMPY\x01\x00"))
        self.assertEqual(npy[-60:], raw)
        self.assertEqual(raw, self.server.get("/models/iris/weights").body)

    def test_killed_again_and_again(self):
        """kill -9 at random instants: the round ends with everybody in it."""
        self.admin("model", "create", "hard", "--spec", IRIS_SPEC)
        homes = self.members("hard", 3, "k")
        wait = [self.start("participate", "hard", "--yes", "--data",
                           self.path(h + ".csv"), home=h) for h in homes[1:]]
        self.admin("open", "hard")
        dice = random.Random(1)
        kills = 0
        while self.server.get("/models/hard/round").json["phase"] != "done":
            p = self.start("participate", "hard", "--yes", "--data",
                           self.path(homes[0] + ".csv"), home=homes[0])
            # longer and longer, so that a busy machine gets somewhere too
            time.sleep(dice.uniform(0.005, 0.08 + kills / 500))
            p.send_signal(signal.SIGKILL)
            p.communicate()
            kills += 1
            self.assertLess(kills, 500)
        for p in wait:
            self.assertIn("the sum of 3 updates", self.ends(p))
        self.assertGreater(kills, 3)
        # whatever it left is cleared up by the next start
        self.chorus("step", "hard", "--data", self.path(homes[0] + ".csv"), home=homes[0])
        left = [n for _, _, names in os.walk(self.path(homes[0])) for n in names]
        self.assertFalse({"party.json", "y.bin"} & set(left))

    def test_step_by_step(self):
        self.admin("model", "create", "steps", "--spec", IRIS_SPEC)
        homes = self.members("steps", 3, "s")

        def step(home, code=0):
            return self.chorus("step", "steps", "--yes", "--json", "--data",
                               self.path(home + ".csv"), home=home, code=code)
        step(homes[0], code=10)
        self.admin("open", "steps")
        said = {home: [] for home in homes}
        turns = 0
        while self.server.get("/models/steps/round").json["phase"] != "done":
            for home in homes:  # 10: nothing is due; the last to act may find more due at once
                said[home] += map(json.loads, step(home, code=(0, 10)).splitlines())
            turns += 1
            self.assertLess(turns, 60, said)
        due = ["joined", "shared", "uploaded", "answered"]
        for home in homes:
            said[home] += map(json.loads, step(home, code=(0, 10)).splitlines())
            events = [word["event"] for word in said[home]]
            self.assertEqual([event for event in events if event in due], due)
            ends = [word["outcome"] for word in said[home] if word["event"] == "ended"]
            self.assertEqual(set(ends), {"done"})

    def test_failed_round(self):
        spec = with_deadlines(serving.iris(), 2)
        self.admin("model", "create", "few", "--spec", self.spec("few.json", spec))
        homes = self.members("few", 3, "f")
        self.admin("open", "few")
        running = [self.start("participate", "few", "--yes", "--data",
                              self.path(h + ".csv"), home=h) for h in homes[:2]]
        for p in running:
            self.assertIn("failed", self.ends(p, code=11))


class Money(Case):
    def test_balance(self):
        """In words and as JSON, with an address and without, before and after."""
        self.admin("model", "create", "coins", "--spec", IRIS_SPEC)
        self.members("coins", 1, "m")
        link = self.admin("invite", "coins").strip()
        account = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
        self.chorus("enroll", self.address + link[link.index("/#"):], "--name", "Paid",
                    "--payout", account, home="paid")
        self.assertIn("earned nothing", self.chorus("balance", "coins", home="paid"))
        out = json.loads(self.chorus("balance", "coins", "--json", home="paid"))
        self.assertEqual((out["event"], out["earned"]), ("balance", "0"))
        ids = {home: self.chorus("status", home=home).split()[2].strip(".")
               for home in ("m0", "paid")}
        db = self.server.db
        serving.psql(db, test_money.round_sql("coins", 1, {ids["m0"]: 7, ids["paid"]: 2**80}) +
                     test_money.tx_sql("coins", 1, "pay", "held", reason="'no gas'"))
        serving.psql(db, test_money.moved_sql("coins", {"ctx": "sha256('coins1')"}, "due",
                                              "paying", {ids["paid"]: 2**79}))
        out = self.chorus("balance", "coins", home="paid")
        for text in (f"earned {2**80} with coins", f"  {2**79} not paid out yet",
                     f"  {2**79} in payments that are not final", f"goes to {account}."):
            self.assertIn(text, out)
        self.assertIn("named no address", self.chorus("balance", "coins", home="m0"))
        out = json.loads(self.chorus("balance", "coins", "--json", home="m0"))
        self.assertEqual((out["due"], out["payout"], out["model"]), ("7", None, "coins"))
        for words in ((), ("held",)):
            self.assertIn("pay coins round 1 part 0: held, no gas",
                          self.admin("payouts", *words))
        self.assertEqual(self.admin("payouts", "final"), "")
        self.assertIn("must be waiting", self.admin("payouts", "lost", code=1))
        self.admin("payouts", "no&more", code=2)
        self.chorus("balance", "other", home="paid", code=15)


class Submit(Case):
    def test_vectors(self):
        spec = {**serving.vector(300000), "ring_bits": 40}
        self.admin("model", "create", "vec", "--spec", self.spec("vec.json", spec))
        homes = self.members("vec", 3, "v")
        update = struct.pack("<f", 0.5) * 300000
        with open(self.path("u.f32"), "wb") as f:
            f.write(update)
        head = b"{'descr': '<f4', 'fortran_order': False, 'shape': (300000,), }"
        head += b" " * (118 - len(head) - 1) + b"\n"
        with open(self.path("u.npy"), "wb") as f:
            f.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + update)
        with open(self.path("short.f32"), "wb") as f:
            f.write(update[:-4])
        out = self.chorus("submit", "vec", "--update", self.path("short.f32"), "--weight",
                          "2", home=homes[0], code=1)
        self.assertIn("299999", out)
        self.chorus("submit", "vec", "--update", self.path("u.f32"), "--weight", "100000",
                    home=homes[0], code=2)
        self.chorus("submit", "vec", "--update", self.path("u.f32"), home=homes[0], code=2)
        # without --yes and a terminal nobody is joined
        self.admin("open", "vec")
        self.chorus("submit", "vec", "--update", self.path("u.f32"), "--weight", "2",
                    home=homes[0], code=13)
        running = [self.start("submit", "vec", "--yes", "--update", self.path(name),
                              "--weight", str(w), home=h)
                   for h, name, w in zip(homes, ("u.f32", "u.npy", "u.f32"), (1, 2, 3))]
        for p in running:
            self.ends(p)
        result = self.server.get("/models/vec/results").json["results"][0]
        self.assertEqual(result["totals"]["weight"], 6)
        self.chorus("weights", "vec", "--out", self.path("v.f32"), home=homes[0])
        with open(self.path("v.f32"), "rb") as f:
            weights = struct.unpack("<300000f", f.read())
        mean = sum(weights) / len(weights)
        scale = min(1, 16 / (0.5 * 300000 ** 0.5)) * 0.5  # the clip of the description
        self.assertAlmostEqual(mean, scale, delta=0.01 * scale)


class Refusals(Case):
    def test_usage(self):
        for words in ([], ["nonsense"], ["enroll"], ["participate"], ["admin"],
                      ["participate", "m", "more"], ["participate", "m", "--nope"],
                      ["participate", "m", "--rounds", "0", "--data", "x"],
                      ["participate", "m", "--rounds", "-1"], ["status", "--home"],
                      ["status", "--json=1"], ["weights", "m", "--data", "x"],
                      ["admin", "invite", "m", "--count", "501"],
                      ["participate", "BAD SLUG", "--data", "x"]):
            out = self.chorus(*words, code=2)
            self.assertIn("--help", out)
        for words in (["--help"], ["participate", "--help"], ["admin", "open", "-h"]):
            self.assertIn("chorus", self.chorus(*words))
        error = json.loads(self.chorus("nonsense", "--json", code=2))
        self.assertEqual((error["event"], error["error"], error["exit"]),
                         ("error", "usage", 2))

    def test_denied(self):
        self.admin("model", "create", "m", "--spec", IRIS_SPEC)
        homes = self.members("m", 3, "d")
        link = self.admin("invite", "m").strip()
        link = self.address + link[link.index("/#"):]
        self.chorus("enroll", link.replace("invite=", "invite=0"), "--name", "X", home="x",
                    code=15)
        code = link.index("invite=") + 7
        flipped = "f" if link[code] != "f" else "0"
        self.chorus("enroll", link[:code] + flipped + link[code + 1:], "--name", "X",
                    home="x", code=15)
        instance = link.split(".")[-2]
        other = link.replace(instance, "0" * 64)
        self.chorus("enroll", other, "--name", "X", home="x", code=12)
        self.chorus("participate", "m", "--data", IRIS, home="x", code=15)
        self.chorus("enroll", link, "--name", "X", home="x")
        self.chorus("enroll", link, "--name", "X", home="x")
        self.chorus("keygen", home="x", code=1)
        # a second process in the same home
        p = self.start("participate", "m", "--yes", "--data", IRIS, home=homes[0])
        self.assertTrue(serving.wait_until(lambda: os.path.exists(
            os.path.join(self.path(homes[0]), "specs"))))
        self.assertIn("another chorus process",
                      self.chorus("step", "m", "--yes", "--data", IRIS, home=homes[0],
                                  code=1))
        p.kill()
        p.communicate()
        ident = json.loads(self.chorus("status", "--json", home=homes[0])
                           .splitlines()[0])["model"]
        self.assertEqual(ident, "m")
        self.chorus("admin", "open", "m", "--server", self.address, code=15)
        self.admin("open", "nosuch", code=1)
        self.chorus("models", "--server", "http://127.0.0.1:9", "--patience", "0",
                    code=14)

    def test_admission(self):
        self.admin("model", "create", "later", "--spec", IRIS_SPEC)
        link = self.admin("invite", "later", "--no-admit").strip()
        link = self.address + link[link.index("/#"):]
        out = self.chorus("enroll", link, "--name", "Late", home="late")
        self.assertIn("admin admit later", out)
        self.admin("open", "later")
        step = ("step", "later", "--yes", "--data", IRIS)
        self.chorus(*step, home="late", code=15)
        who = out.split()[-1]
        self.admin("admit", "later", who)
        self.assertIn("Late", self.admin("members", "later"))
        self.assertIn("You joined", self.chorus(*step, home="late"))
        self.admin("cancel", "later")
        self.assertIn("failed", self.chorus(*step, home="late", code=11))
        self.admin("suspend", "later", who)
        self.admin("open", "later")
        self.chorus(*step, home="late", code=15)


class Simulated(Case):
    init = ("--simulated-chain",)

    def test_not_by_accident(self):
        self.admin("model", "create", "m", "--spec", IRIS_SPEC)
        home = self.members("m", 1, "x")[0]
        step = ("step", "m", "--yes", "--data", IRIS)
        self.assertIn("simulated", self.chorus(*step, home=home, code=13))
        self.chorus(*step, "--trust-simulated-chain", home=home, code=10)

    def swarm(self, *words):
        done = subprocess.run([SWARM, "--server", self.address, "--token-file", self.token,
                               "--trust-simulated-chain", *words],
                              capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_swarm_of_rows(self):
        reports = self.swarm("--model", "rows", "--spec", IRIS_SPEC, "--data", IRIS,
                             "--n", "8", "--rounds", "3")
        self.assertEqual([r["round"] for r in reports], [1, 2, 3])
        self.assertTrue(all(r["sum_exact"] for r in reports))

    def test_swarm_on_a_sparse_graph(self):
        spec = {**with_deadlines(serving.vector(2000), 6), "ring_bits": 40}
        spec["cohort"] = {"minimum": 3, "maximum": 120, "corrupt_bp": 500,
                          "dropout_bp": 1000}
        report, = self.swarm("--model", "sparse", "--spec", self.spec("s.json", spec),
                             "--n", "120", "--drop-share", "3", "--drop-upload", "3",
                             "--drop-unmask", "2")
        self.assertFalse(report["complete_graph"])
        self.assertEqual((report["n"], report["sharers"], report["survivors"]),
                         (120, 117, 114))


if __name__ == "__main__":
    unittest.main(verbosity=2)
