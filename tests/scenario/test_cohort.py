# SPDX-License-Identifier: Apache-2.0
"""Who is awaited: a round in which one member is silent, as everybody sees it."""

import time

from harness import Scenario, changed
from streaming import Stream
from voice import VECTOR, all_join, all_share, all_unmask, all_upload, check_sum, choir

SHORT = {"join": 3, "share": 3, "upload": 3, "unmask": 3}


class Silent(Scenario):
    """Five members (one may be lost in a phase); the last one says nothing."""

    def five(self, **deadlines):
        voices = choir(self.server, self.slug(), 5,
                       changed(VECTOR, deadlines={**SHORT, **deadlines}))
        return voices, self.server.open_round(voices[0].model)

    def members(self, ctx, query=""):
        return self.server.get(f"/rounds/{ctx}/members{query}").must().json

    def states(self, ctx):
        return {m["participant"]: m["state"] for m in self.members(ctx)["members"]}

    def awaits(self, ctx, voice, phase):
        state = self.server.state(ctx)
        self.assertEqual(state["phase"], phase)
        self.assertEqual(state["awaited"], [voice.id])
        self.assertEqual(state["waiting"], [{"participant": voice.id, "name": voice.name}])
        self.assertGreater(state["deadline_at"], state["now_at"])

    def test_who_does_not_join_is_seen_at_once(self):
        """Within five seconds everybody who looks knows who is awaited, and until when."""
        voices, ctx = self.five(join=8)
        here, silent = voices[:4], voices[4]
        with Stream(self.server.port, f"?ctx={ctx}") as page:
            page.until(lambda s: s.of("round"))
            before = self.members(ctx)
            self.assertEqual({m["state"] for m in before["members"]}, {"invited"})
            self.assertEqual(len(before["members"]), 5)
            self.assertIsNone(before["edges"])
            start = time.monotonic()
            for voice in here:
                voice.join(ctx).must(201)
            page.until(lambda s: s.of("round")[-1]["awaited"] == [silent.id], 5)
            self.assertLess(time.monotonic() - start, 5)
            shown = page.of("round")[-1]
            self.assertEqual(shown["waiting"], [{"participant": silent.id, "name": silent.name}])
            self.assertGreater(shown["deadline_in"], 0)
        self.awaits(ctx, silent, "join")
        states = self.states(ctx)
        self.assertEqual(states.pop(silent.id), "invited")
        self.assertEqual(set(states.values()), {"joined"})
        for member in self.members(ctx)["members"]:
            self.assertEqual(member["joined_at"] is None, member["participant"] == silent.id)
            self.assertIsNone(member["index"])
        self.server.wait_phase(ctx, "share")
        self.assertNotIn(silent.id, self.states(ctx), "the cohort stands")
        self.assertEqual(sorted(m["index"] for m in self.members(ctx)["members"]), [0, 1, 2, 3])

    def test_who_does_not_share_is_gone(self):
        voices, ctx = self.five()
        here, silent = voices[:4], voices[4]
        all_join(voices, ctx)
        all_share(here, ctx)
        self.awaits(ctx, silent, "share")
        self.assertEqual(self.members(ctx)["edges"],
                         [[i, j] for i in range(5) for j in range(i + 1, 5)])
        self.server.wait_phase(ctx, "upload")
        gone = next(m for m in self.members(ctx)["members"] if m["participant"] == silent.id)
        self.assertEqual((gone["state"], gone["gone_in"]), ("gone", "share"))
        all_upload(here, ctx)
        all_unmask(here, ctx)
        self.server.wait_phase(ctx, "done")
        done = {m["participant"]: m for m in self.members(ctx)["members"]}
        self.assertEqual(done.pop(silent.id)["state"], "gone")
        for member in done.values():
            self.assertEqual((member["state"], member["gone_in"]), ("answered", None))
            times = [member[f"{step}_at"] for step in ("joined", "shared", "uploaded", "answered")]
            self.assertEqual(len([t for t in times if t]), 4)
            self.assertLess(max(times) - min(times), 30)
            self.assertEqual(member["bytes"], member["bytes_due"])
        check_sum(self, here, ctx)

    def test_half_an_upload(self):
        voices = choir(self.server, self.slug(), 5,
                       changed(VECTOR, dimension=300_000, deadlines={**SHORT, "upload": 8}))
        ctx, here, slow = self.server.open_round(voices[0].model), voices[:4], voices[4]
        all_join(voices, ctx)
        all_share(voices, ctx)
        self.server.wait_phase(ctx, "upload")
        self.assertEqual(set(self.states(ctx).values()), {"shared"})
        slow.announce(ctx).must(201)
        slow.chunk(ctx, 0).must(200)
        all_upload(here, ctx)
        self.awaits(ctx, slow, "upload")
        half = next(m for m in self.members(ctx)["members"] if m["participant"] == slow.id)
        self.assertEqual(half["state"], "uploading")
        self.assertEqual(half["bytes"], 983040)
        self.assertGreater(half["bytes_due"], 983040)
        self.server.wait_phase(ctx, "unmask")
        gone = next(m for m in self.members(ctx)["members"] if m["participant"] == slow.id)
        self.assertEqual((gone["state"], gone["gone_in"]), ("gone", "upload"))
        all_unmask(here, ctx)
        self.server.wait_phase(ctx, "done")

    def test_who_does_not_answer_counts(self):
        voices, ctx = self.five()
        all_join(voices, ctx)
        all_share(voices, ctx)
        all_upload(voices, ctx)
        self.server.wait_phase(ctx, "unmask")
        all_unmask(voices[:4], ctx)
        self.server.wait_phase(ctx, "done")
        silent = next(m for m in self.members(ctx)["members"]
                      if m["participant"] == voices[4].id)
        self.assertEqual((silent["state"], silent["gone_in"]), ("uploaded", "unmask"))
        check_sum(self, voices, ctx)

    def test_a_cancelled_round_blames_nobody(self):
        voices, ctx = self.five(share=20)
        all_join(voices, ctx)
        self.server.wait_phase(ctx, "share")
        self.server.admin("POST", f"/rounds/{ctx}/cancel").must()
        self.assertEqual(set(self.states(ctx).values()), {"joined"})

    def test_pages_and_hidden_names(self):
        voices, ctx = self.five(join=15)
        self.server.database.query("UPDATE participants SET name_shown = false WHERE id = "
                                   f"'\\x{voices[0].id}'")
        seen, cursor = [], ""
        while cursor is not None:
            page = self.members(ctx, f"?limit=2{cursor and '&cursor=' + cursor}")
            self.assertLessEqual(len(page["members"]), 2)
            seen += page["members"]
            cursor = page["next"]
        self.assertEqual([m["participant"] for m in seen], sorted(v.id for v in voices))
        names = {m["participant"]: m["name"] for m in seen}
        self.assertIsNone(names[voices[0].id])
        self.assertEqual(names[voices[1].id], voices[1].name)
        for who in self.server.state(ctx)["waiting"]:
            self.assertEqual(who["name"], names[who["participant"]])
        self.server.get(f"/rounds/{ctx}/members?cursor=1").refused("bad-value", 400)
        self.server.get(f"/rounds/{'0' * 64}/members").refused("not-found", 404)
        self.server.admin("POST", f"/rounds/{ctx}/cancel").must()
