# SPDX-License-Identifier: Apache-2.0
"""Many at once. The sum must be the plain sum to the bit, and the server must stay small."""

import json
import time

from harness import Process, Scenario, changed, program, say, tail
from voice import VECTOR, Voice, check_sum

LONG = {"join": 600, "share": 600, "upload": 900, "unmask": 600}
MEMORY = 300 * 2**20


class Swarm(Scenario):
    """Holds no test. `play` moves voices in Python (whose numbers are known here); `run` lets
    the C program `swarm` play, which is faster and compares the sums by itself."""

    def enrol(self, count, spec):
        slug = self.slug("voices")
        self.server.make_model(slug, spec)
        links = []
        while len(links) < count:
            links += self.server.invite(slug, min(500, count - len(links)))
        return [Voice(self.server, f"voice {i}").enrol(link) for i, link in enumerate(links)]

    def play(self, count, dimension, uploading, **changes):
        """A round of `count`, of whom the first `uploading` upload."""
        spec = changed(VECTOR, dimension=dimension, **changes)
        voices = self.enrol(count, spec)
        begun, ctx = time.monotonic(), self.server.open_round(voices[0].model)
        for voice in voices:
            voice.join(ctx).must(201)
        self.server.wait_phase(ctx, "share", limit=120)
        for voice in voices:
            voice.share(ctx).must(201)
        self.server.wait_phase(ctx, "upload", limit=120)
        here = voices[:uploading]
        for voice in here:
            voice.upload(ctx, voice.numbers(ctx, 1 + len(voice.id) % 3))
            voice.parts[ctx].y = None
        self.server.wait_phase(ctx, "unmask", limit=1200)
        for voice in here:
            if voice.unmask(ctx).must(200, 201, 409).status == 409:
                break
        self.server.wait_phase(ctx, "done", limit=600)
        check_sum(self, here, ctx)
        self.small(f"{count} voices, {uploading} in the sum, {dimension} numbers", begun)

    def run_program(self, count, dimension, *options, limit=100, **changes):
        spec = changed(VECTOR, dimension=dimension, **changes)
        slug = self.slug("swarm")
        token, description = self.path(f"{slug}.token"), self.path(f"{slug}.json")
        with open(token, "w", encoding="ascii") as out:
            out.write(self.server.token)
        with open(description, "w", encoding="ascii") as out:
            json.dump(spec, out)
        begun = time.monotonic()
        process = Process([program("swarm"), "--server", self.server.origin, "--model", slug,
                           "--n", str(count), "--token-file", token, "--spec", description,
                           *options], self.path(f"{slug}.log"))
        self.assertEqual(process.wait(limit), 0, tail(process.output()))
        self.small(f"{count} in a swarm, {dimension} numbers, {' '.join(options)}", begun)
        return self.server.results(slug)

    def small(self, what, begun):
        peak = self.server.process.peak_memory()
        say(f"# {what}: {time.monotonic() - begun:.0f} s, chorusd at most {peak >> 20} MB")
        self.assertLess(peak, MEMORY)


class Thirty(Swarm):
    SANITIZED = False
    LIMIT = 120

    def test_thirty_all_present(self):
        self.play(30, 20_000, 30, cohort={"maximum": 30})

    def test_thirty_of_whom_three_drop(self):
        self.play(30, 5_000, 27, cohort={"maximum": 30},
                  deadlines={"join": 60, "share": 60, "upload": 12, "unmask": 60})


    def test_thirty_by_program_twice(self):
        results = self.run_program(30, 20_000, "--rounds", "2", cohort={"maximum": 30})
        self.assertEqual([r["count"] for r in results], [30, 30])

    def test_thirty_by_program_of_whom_three_drop(self):
        result, = self.run_program(30, 5_000, "--drop-upload", "3", cohort={"maximum": 30},
                                   deadlines={"join": 60, "share": 60, "upload": 6,
                                              "unmask": 60})
        self.assertEqual(result["count"], 27)


class ThirtyOnAChain(Swarm):
    """Above forty the graph is sparse where there is a chain."""

    SIMULATED = True
    LIMIT = 120

    def test_sixty_on_a_sparse_graph(self):
        self.play(60, 1_000, 57, cohort={"maximum": 60, "minimum": 20},
                  deadlines={"join": 60, "share": 60, "upload": 15, "unmask": 60})


class TwoHundred(Swarm):
    """The complete graph at its largest."""

    SOAK = True
    LIMIT = 2400
    WEIGHT = 9
    COHORT = {"maximum": 200, "minimum": 100}

    def test_two_hundred_of_whom_a_tenth_drops(self):
        self.play(200, 100_000, 180, cohort=self.COHORT, quantisation={"weight_cap": 10},
                  deadlines={**LONG, "upload": 240})

    def test_two_hundred_by_program(self):
        result, = self.run_program(200, 100_000, "--drop-upload", "20", limit=1200,
                                   cohort=self.COHORT, quantisation={"weight_cap": 10},
                                   deadlines={**LONG, "upload": 90})
        self.assertEqual(result["count"], 180)


class Thousand(Swarm):
    """A sparse graph on a simulated chain."""

    SIMULATED = True
    SOAK = True
    LIMIT = 3600
    WEIGHT = 9
    COHORT = {"maximum": 1000, "minimum": 200}

    def test_a_thousand_of_whom_a_twentieth_drops(self):
        self.play(1000, 10_000, 950, cohort=self.COHORT, quantisation={"weight_cap": 10},
                  deadlines={**LONG, "upload": 400})

    def test_a_thousand_by_program(self):
        result, = self.run_program(1000, 10_000, "--drop-upload", "50",
                                   "--trust-simulated-chain", limit=1800, cohort=self.COHORT,
                                   quantisation={"weight_cap": 10},
                                   deadlines={**LONG, "upload": 120})
        self.assertEqual(result["count"], 950)


if __name__ == "__main__":
    import unittest
    unittest.main()
