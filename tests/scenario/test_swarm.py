# SPDX-License-Identifier: Apache-2.0
"""Many at once. The sum must be the plain sum to the bit, and the server must stay small."""

import time

from harness import Scenario, changed, say
from voice import VECTOR, Voice, check_sum

LONG = {"join": 600, "share": 600, "upload": 900, "unmask": 600}
MEMORY = 300 * 2**20


class Swarm(Scenario):
    """Holds no test."""

    def enrol(self, count, spec):
        slug = self.slug("swarm")
        self.server.make_model(slug, spec)
        links = []
        while len(links) < count:
            links += self.server.invite(slug, min(500, count - len(links)))
        return [Voice(self.server, f"voice {i}").enrol(link) for i, link in enumerate(links)]

    def play(self, count, dimension, uploading, answering=None, **changes):
        """A round of `count`, of whom the first `uploading` upload, and so on."""
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
        for voice in here[:answering]:
            if voice.unmask(ctx).must(200, 201, 409).status == 409:
                break
        self.server.wait_phase(ctx, "done", limit=600)
        check_sum(self, here, ctx)
        peak = self.server.process.peak_memory()
        say(f"# {count} voices, {uploading} in the sum, {dimension} numbers: "
            f"{time.monotonic() - begun:.0f} s, chorusd at most {peak >> 20} MB")
        self.assertLess(peak, MEMORY)


class Thirty(Swarm):
    LIMIT = 120

    def test_thirty_all_present(self):
        self.play(30, 20_000, 30, cohort={"maximum": 30})

    def test_thirty_of_whom_three_drop(self):
        self.play(30, 5_000, 27, cohort={"maximum": 30},
                  deadlines={"join": 60, "share": 60, "upload": 12, "unmask": 60})


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

    def test_two_hundred_of_whom_a_tenth_drops(self):
        self.play(200, 100_000, 180, cohort={"maximum": 200, "minimum": 100},
                  quantisation={"weight_cap": 10}, deadlines={**LONG, "upload": 300})


class Thousand(Swarm):
    """A sparse graph on a simulated chain."""

    SIMULATED = True
    SOAK = True
    LIMIT = 3600
    WEIGHT = 9

    def test_a_thousand_of_whom_a_twentieth_drops(self):
        self.play(1000, 10_000, 950, cohort={"maximum": 1000, "minimum": 200},
                  quantisation={"weight_cap": 10}, deadlines={**LONG, "upload": 300})


if __name__ == "__main__":
    import unittest
    unittest.main()
