# SPDX-License-Identifier: Apache-2.0
"""A client that others wrote from the pages of docs/ alone (stranger.py) takes part beside
two of ours, and checks everything the coordinator says and publishes."""

import os
import struct
import subprocess
import sys

import harness
from harness import Client, Process, Scenario, changed, deal, read_csv, read_spec, stratified
from harness import write_csv
from voice import VECTOR, published_sum

LONG = {"join": 60, "share": 60, "upload": 60, "unmask": 60}
STRANGER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "stranger.py")


class Beside(Scenario):
    LIMIT = 120

    def stranger(self, link, *options):
        home = os.path.join(self.folder, link[-40:-30] + str(len(os.listdir(self.folder))))
        return Process([sys.executable, STRANGER, "--home", home, "--link", link, "--name",
                        "A stranger", *options], home + ".log")

    def friends(self, links):
        for i, link in enumerate(links):
            client = Client(self.folder, f"{self.model} friend {i + 1}")
            client.enrol(link)
            yield client

    def make(self, spec):
        self.model = self.slug()
        self.server.make_model(self.model, spec)
        return self.server.invite(self.model, 3)

    def schedule(self, rounds):
        self.server.admin("PUT", f"/models/{self.model}/schedule",
                          {"every": 1, "rounds": rounds, "target": None}).must(200)
        results = self.server.wait_results(self.model, rounds, 90)
        self.assertEqual([r["count"] for r in results], [3] * rounds)
        return results

    def all_content(self, processes):
        for process in processes:
            self.assertEqual(process.wait(40), 0, process.output())

    def test_three_rounds_of_iris(self):
        first, *links = self.make(changed(read_spec("iris"), deadlines=LONG))
        head, rows = read_csv("iris")
        parts, _ = deal(stratified(rows, 4, 5), [10, 10, 20])
        files = [write_csv(self.path(f"{self.model}-{i}.csv"), head, part)
                 for i, part in enumerate(parts)]
        running = [self.stranger(first, "--data", files[0], "--rounds", "3")]
        running += [client.participate(self.model, data, rounds=3)
                    for client, data in zip(self.friends(links), files[1:])]
        results = self.schedule(3)
        self.all_content(running)
        self.assertLess(results[2]["loss"], results[0]["loss"])

    def test_rewards_by_samples(self):
        """The stranger makes the same rewards from the weights that all state in public."""
        first, *links = self.make(changed(
            read_spec("iris"), deadlines=LONG, audit={"audience": "members", "window": 60},
            reward={"scheme": "samples", "budget": "1000000000000000000000"}))
        head, rows = read_csv("iris")
        parts, _ = deal(stratified(rows, 4, 5), [10, 10, 20])
        files = [write_csv(self.path(f"{self.model}-{i}.csv"), head, part)
                 for i, part in enumerate(parts)]
        running = [self.stranger(first, "--data", files[0], "--rounds", "1")]
        running += [client.participate(self.model, data, rounds=1)
                    for client, data in zip(self.friends(links), files[1:])]
        result, = self.schedule(1)
        self.all_content(running)
        self.assertIsNotNone(self.server.event(result["ctx"], "result")["rewards"])
        updates = self.server.get(f"/rounds/{result['ctx']}/updates").must().json["events"]
        self.assertEqual(sorted(u["samples"] for u in updates), [10, 10, 20])
        for process in running[1:]:
            self.assertIn("What becomes public: your weight", process.output())

    def test_two_strangers_and_one_of_ours(self):
        first, second, link = self.make(changed(read_spec("iris"), deadlines=LONG))
        head, rows = read_csv("iris")
        parts, _ = deal(stratified(rows, 4, 6), [10, 10, 20])
        files = [write_csv(self.path(f"{self.model}-{i}.csv"), head, part)
                 for i, part in enumerate(parts)]
        running = [self.stranger(first, "--data", files[0], "--rounds", "1"),
                   self.stranger(second, "--data", files[1], "--rounds", "1")]
        client, = self.friends([link])
        running.append(client.participate(self.model, files[2], rounds=1))
        self.schedule(1)
        self.all_content(running)

    def test_a_long_vector_in_several_chunks(self):
        length = 600_000
        first, *links = self.make(changed(VECTOR, dimension=length, deadlines=LONG))
        files = []
        for i in range(3):
            values = [((l + i) % 17 - 8) / 2**14 for l in range(length)]
            files.append(self.path(f"{self.model}-{i}.f32"))
            with open(files[-1], "wb") as out:
                out.write(struct.pack(f"<{length}f", *values))
        running = [self.stranger(first, "--update", files[0], "--rounds", "1")]
        ctx = self.server.open_round(self.model)
        running += [client.start("submit", self.model, "--update", data, "--weight", "2",
                                 "--yes")
                    for client, data in zip(self.friends(links), files[1:])]
        self.server.wait_phase(ctx, "done", limit=90 * harness.Settings.slow)
        self.all_content(running)
        self.assertEqual(len(published_sum(self.server, ctx)), 4 * (length + 1))


class BesideOnAChain(Beside):
    """The same with a simulated chain."""

    SANITIZED = False

    SIMULATED = True
    test_two_strangers_and_one_of_ours = None
    test_a_long_vector_in_several_chunks = None
    test_rewards_by_samples = None

    def stranger(self, link, *options):
        return super().stranger(link, *options, "--trust-simulated-chain")

    def friends(self, links):
        for client in super().friends(links):
            start = client.start
            client.start = lambda *a, start=start: start(*a, "--trust-simulated-chain")
            yield client


class Alone(Scenario):
    """The stranger against a coordinator of its own making, and the golden vectors."""

    OURS = False
    LIMIT = 240  # 40 seconds of Python on an idle processor

    @classmethod
    def setUpClass(cls):
        cls.folder = harness.temp_folder()

    def test_its_own_rounds(self):
        done = subprocess.run([sys.executable, STRANGER.replace(".py", "_selftest.py")],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertNotIn("FAIL", done.stdout)


if __name__ == "__main__":
    import unittest
    unittest.main()
