# SPDX-License-Identifier: Apache-2.0
"""What happens when a process is killed (-9) at any moment: the round goes on, and nobody has
to send again what was acknowledged."""

import os
import random
import re
import threading
import time

import harness
from harness import Client, Scenario, Server, changed, deal, read_csv, read_spec, stratified
from harness import until, write_csv
from proxy import Dropped, Proxy
from voice import VECTOR, all_join, all_share, all_unmask, all_upload, check_sum, choir, play

LONG = {"join": 60, "share": 60, "upload": 60, "unmask": 60}


class ServerDies(Scenario):
    """kill -9 of the only server in each phase."""

    LIMIT = 90

    def choir(self, count=4, **changes):
        voices = choir(self.server, self.slug(), count, changed(VECTOR, deadlines=LONG, **changes))
        return voices, self.server.open_round(voices[0].model)

    def finish(self, voices, ctx):
        self.server.wait_phase(ctx, "done", limit=30)
        check_sum(self, voices, ctx)

    def test_in_join(self):
        voices, ctx = self.choir()
        all_join(voices[:2], ctx)
        self.server.restart()
        self.assertEqual(self.server.state(ctx)["joined"], 2)
        all_join(voices[2:], ctx)
        all_share(voices, ctx)
        all_upload(voices, ctx)
        all_unmask(voices, ctx)
        self.finish(voices, ctx)

    def test_in_share(self):
        voices, ctx = self.choir()
        all_join(voices, ctx)
        all_share(voices[:3], ctx)
        self.server.restart()
        self.assertEqual(self.server.state(ctx)["shared"], 3)
        all_share(voices[3:], ctx)
        all_upload(voices, ctx)
        all_unmask(voices, ctx)
        self.finish(voices, ctx)

    def test_in_upload_between_manifest_and_chunks(self):
        voices, ctx = self.choir(dimension=300_000)
        all_join(voices, ctx)
        all_share(voices, ctx)
        all_upload(voices[:2], ctx)
        voices[2].announce(ctx).must(201)
        voices[3].announce(ctx).must(201)
        voices[3].chunk(ctx, 1).must(200)
        self.server.restart()
        self.assertEqual(self.server.state(ctx)["uploaded"], 2)
        for voice, missing in ((voices[2], [0, 1]), (voices[3], [0])):
            seen = self.server.get(f"/rounds/{ctx}/updates/{voice.id}").must().json
            self.assertEqual(seen["missing"], missing)
            for index in missing:
                voice.chunk(ctx, index).must(200)
        all_unmask(voices, ctx)
        self.finish(voices, ctx)

    def test_in_unmask(self):
        voices, ctx = self.choir()
        all_join(voices, ctx)
        all_share(voices, ctx)
        all_upload(voices, ctx)
        all_unmask(voices[:1], ctx)
        self.server.restart()
        self.assertEqual(self.server.state(ctx)["answered"], 1)
        all_unmask(voices[1:], ctx)
        self.finish(voices, ctx)

    def test_right_after_the_message_that_ends_a_phase(self):
        """The acknowledgement is there; what follows from it has hardly begun."""
        voices, ctx = self.choir(dimension=300_000)
        all_join(voices, ctx)
        self.server.restart()
        all_share(voices, ctx)
        self.server.restart()
        all_upload(voices, ctx)
        self.server.restart()
        all_unmask(voices, ctx)
        self.server.restart()
        self.finish(voices, ctx)

    def test_in_final(self):
        """Killed again and again while the sum is made."""
        voices, ctx = self.choir(dimension=400_000)
        all_join(voices, ctx)
        all_share(voices, ctx)
        all_upload(voices, ctx)
        all_unmask(voices, ctx)
        for pause in (0, 0.01, 0.03, 0.1):
            time.sleep(pause)
            self.server.restart()
        self.finish(voices, ctx)

    def test_a_deadline_that_passes_while_it_is_dead(self):
        voices = choir(self.server, self.slug(), 5, changed(VECTOR, deadlines={
            **LONG, "join": 2}))
        ctx = self.server.open_round(voices[0].model)
        here = voices[:4]
        all_join(here, ctx)
        self.server.kill()
        time.sleep(2.5)
        self.server.start()
        all_share(here, ctx)
        all_upload(here, ctx)
        all_unmask(here, ctx)
        self.finish(here, ctx)

    def test_a_polite_end_closes_waiting_requests(self):
        voices, ctx = self.choir()
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(
            self.server.get(f"/rounds/{ctx}?wait=30&phase=join").status))
        waiting.start()
        time.sleep(0.3)
        begun = time.monotonic()
        self.server.stop()
        waiting.join(15)
        self.assertLess(time.monotonic() - begun, 10)
        self.server.start()
        play(voices, ctx)
        self.finish(voices, ctx)


class ServerDiesAtRandom(Scenario):
    """Programs as participants, the server killed every second or so."""

    LIMIT = 150
    WEIGHT = 3

    def test_killed_at_random(self):
        slug, draw = self.slug(), random.Random(20)
        clients, files = iris_clients(self, slug)
        running = [c.participate(slug, f, rounds=2) for c, f in zip(clients, files)]
        self.server.admin("PUT", f"/models/{slug}/schedule",
                          {"every": 1, "rounds": 2, "target": None}).must(200)
        for _ in range(40 if harness.Settings.soak else 10):
            time.sleep(draw.uniform(0.05, 0.6))
            self.server.restart()
        self.server.wait_results(slug, 2, 60)
        for process in running:
            self.assertEqual(process.wait(60), 0, process.output())


class Slow(Scenario):
    """A program that is held up while a round ends and the next one begins."""

    LIMIT = 90

    def test_it_ends_the_round_that_it_took_part_in(self):
        slug = self.slug()

        class Late(Proxy):
            """Once its client has answered, what it waits for comes with the next round."""
            def before(self, request):
                if self.sent("POST", "/unmasks$") and re.search(r"/rounds/.*wait=[1-9]", request.path):
                    until(lambda: server.newest(slug)["round"] == 2, 30, "the next round is open")
        server = self.server
        proxy = Late(server.origin)
        self.addCleanup(proxy.close)
        clients, files = iris_clients(self, slug, lambda number, link:
                                      link if number else proxy.link(link))
        running = [c.participate(slug, f, rounds=2) for c, f in zip(clients, files)]
        server.admin("PUT", f"/models/{slug}/schedule",
                     {"every": 0, "rounds": 2, "target": None}).must(200)
        server.wait_results(slug, 2, 60)
        for process in running:
            self.assertEqual(process.wait(20), 0, process.output())
            self.assertIn("Round 1 is done", process.output())
        self.assertEqual(proxy.troubles, [])


def iris_clients(case, slug, links=lambda number, link: link, deadlines=None):
    """An Iris model and three enrolled clients with their files."""
    spec = changed(read_spec("iris"), deadlines=deadlines or LONG)
    case.server.make_model(slug, spec)
    head, rows = read_csv("iris")
    parts, _ = deal(stratified(rows, 4, 3), [10, 10, 20])
    clients, files = [], []
    for i, (link, part) in enumerate(zip(case.server.invite(slug, 3), parts)):
        client = Client(case.folder, f"{slug} member {i + 1}")
        client.enrol(links(i, link))
        clients.append(client)
        files.append(write_csv(case.path(f"{slug}-{i}.csv"), head, part))
    return clients, files


class Killer(Proxy):
    """Ends the client (kill -9) around one request: before the server sees it, or after the
    server has acknowledged it but the client does not know."""

    def __init__(self, upstream, method, pattern, after):
        super().__init__(upstream)
        self.method, self.pattern, self.late = method, pattern, after
        self.victim, self.killed = None, threading.Event()

    def due(self, request):
        return (self.victim and not self.killed.is_set() and request.method == self.method
                and re.search(self.pattern, request.path))

    def strike(self):
        self.victim.popen.kill()
        self.victim.popen.wait()
        self.killed.set()
        raise Dropped

    def before(self, request):
        if self.due(request) and not self.late:
            self.strike()

    def after(self, request, reply):
        if self.due(request) and self.late:
            self.strike()
        return reply


class ClientDies(Scenario):
    """kill -9 of a client before and after each thing it sends; started again, it goes on."""

    LIMIT = 90

    def kill_around(self, method, pattern, after):
        slug, proxy = self.slug(), Killer(self.server.origin, method, pattern, after)
        self.addCleanup(proxy.close)
        clients, files = iris_clients(
            self, slug, lambda i, link: proxy.link(link) if i == 0 else link)
        ctx = self.server.open_round(slug)
        proxy.victim = clients[0].participate(slug, files[0], rounds=1)
        others = [c.participate(slug, f, rounds=1) for c, f in zip(clients[1:], files[1:])]
        self.assertTrue(proxy.killed.wait(30 * harness.Settings.slow), "the request never came")
        again = clients[0].participate(slug, files[0], rounds=1)
        self.server.wait_phase(ctx, "done", limit=40)
        for process in others:
            self.assertEqual(process.wait(20), 0, process.output())
        self.assertEqual(self.server.event(ctx, "result")["count"], 3)
        self.assertEqual(proxy.troubles, [])
        # Where the round was over before it came back, it settles that and waits for more.
        until(lambda: not again.running() or "No round is open" in again.output(), 20,
              "the client comes to an end")
        self.assertIn(again.popen.returncode, (0, None), again.output())
        again.kill()
        left = os.listdir(os.path.join(clients[0].home, "rounds", ctx))
        self.assertIn("record.json", left)
        self.assertEqual({"party.json", "y.bin"} & set(left), set(), "secrets are left")
        for path in ("joins", "shares", "updates", "unmasks"):
            sent = {r.body for r in proxy.sent("POST", f"/{path}$")}
            self.assertEqual(len(sent), 1, f"other bytes under {path} after the restart")

    def test_before_join(self):
        self.kill_around("POST", "/joins$", False)

    def test_after_join(self):
        self.kill_around("POST", "/joins$", True)

    def test_before_share(self):
        self.kill_around("POST", "/shares$", False)

    def test_after_share(self):
        self.kill_around("POST", "/shares$", True)

    def test_before_the_boxes_come(self):
        self.kill_around("GET", "/boxes$", False)

    def test_before_update(self):
        self.kill_around("POST", "/updates$", False)

    def test_after_update(self):
        self.kill_around("POST", "/updates$", True)

    def test_before_chunk(self):
        self.kill_around("PUT", "/chunks/0$", False)

    def test_after_chunk(self):
        self.kill_around("PUT", "/chunks/0$", True)

    def test_before_unmask(self):
        self.kill_around("POST", "/unmasks$", False)

    def test_after_unmask(self):
        self.kill_around("POST", "/unmasks$", True)


class Network(Scenario):
    """Connections that break off without an answer."""

    LIMIT = 90

    def test_every_third_request_is_lost(self):
        class Lossy(Proxy):
            count = 0

            def lose(self):
                with self.lock:
                    self.count += 1
                    if self.count % 3 == 0:
                        raise Dropped

            def before(self, request):
                if self.count % 2:
                    self.lose()
                else:
                    self.count += 1

            def after(self, request, reply):
                self.lose()
                return reply
        proxy, slug = Lossy(self.server.origin), self.slug()
        proxy.count = -10_000  # enrolling is undisturbed
        self.addCleanup(proxy.close)
        clients, files = iris_clients(self, slug, lambda i, link: proxy.link(link))
        proxy.count = 0
        ctx = self.server.open_round(slug)
        running = [c.participate(slug, f, rounds=1) for c, f in zip(clients, files)]
        self.server.wait_phase(ctx, "done", limit=60)
        for process in running:
            self.assertEqual(process.wait(20), 0, process.output())
        self.assertEqual(self.server.event(ctx, "result")["count"], 3)


class Replicas(Scenario):
    """Two servers over one database."""

    LIMIT = 90

    def test_one_of_two_is_killed_in_each_phase(self):
        voices = choir(self.server, self.slug(), 4, changed(VECTOR, deadlines=LONG))
        ctx = self.server.open_round(voices[0].model)
        steps = (all_join, all_share, all_upload, all_unmask)
        for step in steps:
            other = self.server.replica()
            if step is not all_join:
                until(lambda: self.server.state(ctx)["phase"] == other.state(ctx)["phase"], 5,
                      "both see one phase")
            for voice in voices[:2]:
                voice.api = other
            step(voices[:2], ctx)
            other.process.kill()
            for voice in voices[:2]:
                voice.api = self.server
            step(voices[2:], ctx)
        self.server.wait_phase(ctx, "done", limit=30)
        check_sum(self, voices, ctx)

    def test_what_one_closes_wakes_those_who_wait_at_the_other(self):
        voices = choir(self.server, self.slug(), 3, changed(VECTOR, deadlines=LONG))
        ctx = self.server.open_round(voices[0].model)
        other, woken = self.server.replica(), []

        def wait():
            state = other.get(f"/rounds/{ctx}?wait=30&phase=join").must().json
            woken.append((time.monotonic(), state["phase"]))
        thread = threading.Thread(target=wait)
        thread.start()
        time.sleep(0.3)
        all_join(voices, ctx)
        self.server.wait_phase(ctx, "share")
        seen = time.monotonic()
        thread.join(20)
        self.assertEqual(woken[0][1], "share")
        self.assertLess(woken[0][0] - seen, 2)

    def test_both_at_once_never_do_a_thing_twice(self):
        other = self.server.replica()
        voices = choir(self.server, self.slug(), 6, changed(VECTOR, deadlines=LONG))
        for voice in voices[::2]:
            voice.api = other
        for _ in range(3):
            ctx = self.server.open_round(voices[0].model)
            play(voices, ctx)
            check_sum(self, voices, ctx)
        self.assertEqual([r["round"] for r in self.server.results(voices[0].model)], [1, 2, 3])


class DatabaseDies(Scenario):
    """PostgreSQL itself is stopped and killed: a private cluster."""

    LIMIT = 120
    WEIGHT = 2

    @classmethod
    def setUpClass(cls):
        cls.folder, cls.serial = harness.temp_folder(), 0
        cls.cluster = harness.Cluster()
        cls.server = Server(cls.folder, harness.Database(cls.cluster.conninfo))

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.cluster.stop()

    def test_restarts_in_each_phase(self):
        voices = choir(self.server, self.slug(), 4, changed(VECTOR, deadlines=LONG))
        ctx = self.server.open_round(voices[0].model)
        pid = self.server.process.pid
        for step, mode in ((all_join, "fast"), (all_share, "immediate"), (all_upload, "fast"),
                           (all_unmask, "immediate")):
            step(voices[:2], ctx)
            self.cluster.stop(mode)
            reply = self.server.get("/ready")
            self.assertEqual((reply.status, self.server.get("/health").status), (503, 200))
            self.cluster.start()
            until(lambda: self.server.get("/ready").status == 200, 20, "ready again")
            step(voices[2:], ctx)
        self.server.wait_phase(ctx, "done", limit=30)
        check_sum(self, voices, ctx)
        self.assertEqual(self.server.process.pid, pid)
        self.assertTrue(self.server.process.running())

    def test_programs_sit_it_out(self):
        slug = self.slug()
        clients, files = iris_clients(self, slug)
        running = [c.participate(slug, f, rounds=1) for c, f in zip(clients[:2], files)]
        ctx = self.server.open_round(slug)
        until(lambda: self.server.state(ctx)["joined"] == 2, 20, "two have joined")
        self.cluster.stop("immediate")
        time.sleep(1)
        self.cluster.start()
        running.append(clients[2].participate(slug, files[2], rounds=1))
        self.server.wait_phase(ctx, "done", limit=60)
        for process in running:
            self.assertEqual(process.wait(30), 0, process.output())


if __name__ == "__main__":
    import unittest
    os.environ.setdefault("CHORUS_TEST_DB", "")
    unittest.main()
