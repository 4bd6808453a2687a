# SPDX-License-Identifier: Apache-2.0
"""Rounds as they should go: with everybody, with somebody gone in each phase, with too few,
by schedule, side by side, and with messages that come late or twice or from the wrong one."""

import struct
import threading
import unittest

import stranger
from harness import Client, Scenario, changed, program, read_csv, read_spec, deal, stratified
from harness import until, write_csv
from voice import VECTOR, Voice, all_join, all_share, all_unmask, all_upload, check_sum, choir
from voice import plain_sum, play, published_sum

SHORT = {"join": 2, "share": 2, "upload": 2, "unmask": 2}


class NobodyDrops(Scenario):
    def test_three_voices_are_summed(self):
        voices = choir(self.server, self.slug(), 3)
        ctx = self.server.open_round(voices[0].model)
        state = play(voices, ctx)
        check_sum(self, voices, ctx)
        self.assertEqual((state["joined"], state["shared"], state["uploaded"]), (3, 3, 3))
        result, = self.server.results(voices[0].model)
        self.assertEqual(int(result["totals"]["weight"]), 6)

    def test_every_ring_width(self):
        for bits, quant in ((16, 4), (24, 8), (32, 16), (40, 16), (48, 20), (64, 31)):
            with self.subTest(ring_bits=bits):
                spec = changed(VECTOR, ring_bits=bits, dimension=33, quantisation={
                    "bits": quant, "weight_cap": 10, "range": "1", "clip": "8"})
                voices = choir(self.server, self.slug(f"ring-{bits}"), 3, spec)
                ctx = self.server.open_round(voices[0].model)
                all_join(voices, ctx)
                all_share(voices, ctx)
                self.server.wait_phase(ctx, "upload")
                top = 2**(quant - 1) - 1
                for i, voice in enumerate(voices):
                    values = [(l * 7 + i) % (2 * top + 1) - top for l in range(33)]
                    voice.upload(ctx, [2 * v for v in values] + [2])
                all_unmask(voices, ctx)
                self.server.wait_phase(ctx, "done")
                check_sum(self, voices, ctx)

    def test_an_update_of_two_chunks_in_the_wrong_order(self):
        voices = choir(self.server, self.slug(), 3, dimension=300_000)
        ctx = self.server.open_round(voices[0].model)
        all_join(voices, ctx)
        all_share(voices, ctx)
        self.server.wait_phase(ctx, "upload")
        for voice in voices:
            made = voice.announce(ctx).must(201).json
            self.assertEqual(made["missing"], [0, 1])
            first = voice.chunk(ctx, 1).must(200).json
            self.assertEqual((first["complete"], first["receipt"]), (False, None))
            seen = self.server.get(f"/rounds/{ctx}/updates/{voice.id}").must().json
            self.assertEqual(seen["missing"], [0])
            last = voice.chunk(ctx, 0).must(200).json
            self.assertTrue(last["complete"])
            self.assertEqual(last["receipt"]["status"], "complete")
        all_unmask(voices, ctx)
        self.server.wait_phase(ctx, "done")
        check_sum(self, voices, ctx)

    def test_two_rounds_of_two_models_at_once(self):
        choirs = [choir(self.server, self.slug(), 3) for _ in range(2)]
        failures = []

        def sing(voices):
            try:
                for _ in range(2):
                    ctx = self.server.open_round(voices[0].model)
                    play(voices, ctx)
                    check_sum(self, voices, ctx)
            except BaseException as problem:  # told to the test below
                failures.append(problem)
        threads = [threading.Thread(target=sing, args=(voices,)) for voices in choirs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        for voices in choirs:
            self.assertEqual([r["round"] for r in self.server.results(voices[0].model)], [1, 2])

    def test_the_new_model_is_the_base_plus_the_mean(self):
        voices = choir(self.server, self.slug(), 3)
        slug, top = voices[0].model, 2**15 - 1
        play(voices, self.server.open_round(slug), [1, 2, 3])
        base, new = (struct.unpack("<50f", self.server.weights(slug, r)) for r in (0, 1))
        ctx, = voices[0].parts
        total = [sum(column) for column in zip(*(v.parts[ctx].integers for v in voices))]
        for l in range(50):
            self.assertAlmostEqual(new[l], base[l] + total[l] / 6 / top, places=6)

    def test_a_round_of_the_maximum_closes_its_join_at_once(self):
        voices = choir(self.server, self.slug(), 5, changed(VECTOR, cohort={"maximum": 4}))
        ctx = self.server.open_round(voices[0].model)
        all_join(voices[:4], ctx)
        self.server.wait_phase(ctx, "share", limit=5)
        voices[4].join(ctx).refused("wrong-phase", 409)
        all_share(voices[:4], ctx)
        all_upload(voices[:4], ctx)
        all_unmask(voices[:4], ctx)
        self.server.wait_phase(ctx, "done")
        check_sum(self, voices[:4], ctx)


class SomebodyDrops(Scenario):
    """Five members (unanchored: one may be lost in a phase), deadlines of two seconds."""

    def five(self, **deadlines):
        voices = choir(self.server, self.slug(), 5,
                       changed(VECTOR, deadlines={**SHORT, **deadlines}))
        return voices, self.server.open_round(voices[0].model)

    def test_one_does_not_join(self):
        voices, ctx = self.five()
        here = voices[:4]
        all_join(here, ctx)
        awaited = self.server.state(ctx)["awaited"]
        self.assertEqual(awaited, [voices[4].id])
        all_share(here, ctx)
        all_upload(here, ctx)
        all_unmask(here, ctx)
        self.server.wait_phase(ctx, "done")
        check_sum(self, here, ctx)

    def test_one_does_not_share(self):
        voices, ctx = self.five()
        here = voices[1:]
        all_join(voices, ctx)
        all_share(here, ctx)
        all_upload(here, ctx)
        all_unmask(here, ctx)
        self.server.wait_phase(ctx, "done")
        check_sum(self, here, ctx)

    def test_one_shares_and_does_not_upload(self):
        voices, ctx = self.five()
        here = voices[:2] + voices[3:]
        all_join(voices, ctx)
        all_share(voices, ctx)
        all_upload(here, ctx)
        all_unmask(here, ctx)
        self.server.wait_phase(ctx, "done")
        check_sum(self, here, ctx)

    def test_half_an_upload_is_none(self):
        voices = choir(self.server, self.slug(), 5,
                       changed(VECTOR, dimension=300_000, deadlines={**SHORT, "upload": 8}))
        ctx, here = self.server.open_round(voices[0].model), voices[:4]
        all_join(voices, ctx)
        all_share(voices, ctx)
        self.server.wait_phase(ctx, "upload")
        voices[4].announce(ctx).must(201)
        voices[4].chunk(ctx, 0).must(200)
        all_upload(here, ctx)
        self.server.wait_phase(ctx, "unmask")
        voices[4].chunk(ctx, 1).refused("wrong-phase", 409)
        all_unmask(here, ctx)
        self.server.wait_phase(ctx, "done")
        check_sum(self, here, ctx)

    def test_one_does_not_unmask(self):
        voices, ctx = self.five()
        all_join(voices, ctx)
        all_share(voices, ctx)
        all_upload(voices, ctx)
        all_unmask(voices[:4], ctx)
        self.server.wait_phase(ctx, "done")
        check_sum(self, voices, ctx)  # its update was there: it is in the sum
        answered = self.server.event(ctx, "result")["unmasks"]["members"]
        self.assertLess(bin(int(answered, 16)).count("1"), 5)

    def test_one_is_lost_in_every_phase(self):
        spec = changed(VECTOR, deadlines=SHORT)
        voices = choir(self.server, self.slug(), 13, spec)
        ctx = self.server.open_round(voices[0].model)
        all_join(voices[:12], ctx)
        all_share(voices[:11], ctx)
        all_upload(voices[:10], ctx)
        all_unmask(voices[:9], ctx)
        self.server.wait_phase(ctx, "done")
        check_sum(self, voices[:10], ctx)

    def test_unmask_waits_past_its_deadline(self):
        voices, ctx = self.five()
        all_join(voices, ctx)
        all_share(voices, ctx)
        all_upload(voices, ctx)
        all_unmask(voices[:2], ctx)
        until(lambda: self.server.state(ctx)["deadline_in"] in (0, None)
              or self.server.state(ctx)["deadline_in"] <= 0, 10, "the deadline passes")
        self.assertEqual(self.server.state(ctx)["phase"], "unmask")
        all_unmask(voices[2:], ctx)
        self.server.wait_phase(ctx, "done")
        check_sum(self, voices, ctx)

    def test_an_unmask_that_never_ends_can_be_cancelled(self):
        voices, ctx = self.five()
        all_join(voices, ctx)
        all_share(voices, ctx)
        all_upload(voices, ctx)
        all_unmask(voices[:2], ctx)
        cancel = f"/rounds/{ctx}/cancel"
        self.server.admin("POST", cancel, {}).refused("wrong-phase", 409)
        until(lambda: (self.server.state(ctx)["deadline_in"] or 0) <= 0, 10,
              "the deadline passes")
        self.assertEqual(self.server.admin("POST", cancel, {}).must(200).json["phase"], "failed")
        voices[2].unmask(ctx).refused("wrong-phase", 409)
        again = self.server.open_round(voices[0].model)
        play(voices, again)  # the same five: nothing new can be learnt from their sum
        check_sum(self, voices, again)


class TooFew(Scenario):
    def failed(self, ctx, phase, reason="below-threshold"):
        state = self.server.wait_phase(ctx, "failed", limit=15)
        self.assertEqual(state["failure"]["reason"], reason)
        self.assertTrue(state["failure"]["title"] and state["failure"]["help"])
        event = self.server.event(ctx, "failed")
        self.assertEqual((event["phase"], event["reason"]), (phase, reason))

    def three(self):
        voices = choir(self.server, self.slug(), 4, changed(VECTOR, deadlines=SHORT))
        return voices, self.server.open_round(voices[0].model)

    def test_too_few_join(self):
        voices, ctx = self.three()
        all_join(voices[:2], ctx)
        self.failed(ctx, "join")

    def test_too_few_share(self):
        voices, ctx = self.three()
        all_join(voices, ctx)
        all_share(voices[:2], ctx)
        self.failed(ctx, "share")

    def test_too_few_upload(self):
        voices, ctx = self.three()
        all_join(voices, ctx)
        all_share(voices, ctx)
        all_upload(voices[:2], ctx)
        self.failed(ctx, "upload")

    def test_the_next_attempt_is_fresh_and_succeeds(self):
        voices, first = self.three()
        all_join(voices[:2], first)
        self.failed(first, "join")
        second = self.server.open_round(voices[0].model)
        self.assertNotEqual(first, second)
        state = self.server.state(second)
        self.assertEqual((state["round"], state["attempt"]), (1, 2))
        play(voices, second)
        check_sum(self, voices, second)
        third = self.server.open_round(voices[0].model)
        state = self.server.state(third)
        self.assertEqual((state["round"], state["attempt"]), (2, 1))

    def test_a_cancelled_attempt(self):
        voices, ctx = self.three()
        all_join(voices, ctx)
        self.server.wait_phase(ctx, "share")
        cancelled = self.server.admin("POST", f"/rounds/{ctx}/cancel", {}).must(200)
        self.assertEqual(cancelled.json["phase"], "failed")
        self.failed(ctx, "share", "cancelled")
        voices[0].share(ctx).refused("wrong-phase", 409)
        again = self.server.open_round(voices[0].model)
        play(voices, again)
        check_sum(self, voices, again)
        self.server.admin("POST", f"/rounds/{again}/cancel", {}).refused("wrong-phase", 409)


class SomebodyCheats(Scenario):
    """Participants who break the rules are named, and the round goes on."""

    def named(self, ctx, who, reason, kind="result"):
        named = self.server.event(ctx, kind)["named"]
        self.assertEqual([(n["participant"], n["reason"]) for n in named], [(who.id, reason)])
        return named[0]["event"]

    def start(self):
        voices = choir(self.server, self.slug(), 6)
        ctx = self.server.open_round(voices[0].model)
        all_join(voices, ctx)
        self.server.wait_phase(ctx, "share")
        return voices, ctx

    def test_a_dealer_of_a_bad_box_is_convicted(self):
        voices, ctx = self.start()
        bad, victim = voices[0], voices[1]
        bad.deal(ctx, spoil=[victim.look(ctx).index])
        all_share(voices, ctx)
        all_upload(voices, ctx)
        self.assertEqual(victim.parts[ctx].bad, [bad.parts[ctx].index])
        all_unmask(voices, ctx)
        self.server.wait_phase(ctx, "done")
        check_sum(self, voices, ctx)
        event = self.named(ctx, bad, "bad-box")
        self.assertEqual(event, stranger.event_hash(victim.parts[ctx].update).hex())

    def test_a_false_complaint_convicts_the_complainer(self):
        voices, ctx = self.start()
        liar, victim = voices[0], voices[1]
        all_share(voices, ctx)
        self.server.wait_phase(ctx, "upload")
        part = liar.open_boxes(ctx)
        accused = victim.parts[ctx].index
        part.bad.append(accused)
        del part.held[accused]
        all_upload(voices, ctx)
        all_unmask(voices, ctx)
        self.server.wait_phase(ctx, "done")
        check_sum(self, voices, ctx)
        self.named(ctx, liar, "false-complaint")

    def test_a_proof_that_does_not_verify_is_refused(self):
        voices, ctx = self.start()
        all_share(voices, ctx)
        self.server.wait_phase(ctx, "upload")
        liar = voices[0]
        part = liar.open_boxes(ctx)
        part.bad.append(voices[1].parts[ctx].index)
        liar.complaint = lambda part, j: {
            **Voice.complaint(liar, part, j), "response": stranger.scalar_bytes(5).hex()}
        liar.announce(ctx).refused("bad-proof", 400)

    def test_a_wrong_share_is_named_and_not_used(self):
        voices, ctx = self.start()
        all_share(voices, ctx)
        all_upload(voices, ctx)
        self.server.wait_phase(ctx, "unmask")
        # The lowest index is always asked first, so that its wrong share matters.
        liar = min(voices, key=lambda voice: voice.parts[ctx].index)
        part = liar.parts[ctx]
        liar.unmask_body(ctx)
        shares = list(part.answer["shares"])
        shares[0] = stranger.scalar_bytes(12345).hex()
        part.answer = liar.key.sign({**part.answer, "shares": shares})
        liar.unmask(ctx).must(201)
        all_unmask([voice for voice in voices if voice is not liar], ctx)
        self.server.wait_phase(ctx, "done")
        check_sum(self, voices, ctx)
        self.assertEqual(self.named(ctx, liar, "bad-share"),
                         stranger.event_hash(part.answer).hex())

    def test_a_sum_out_of_bounds_leaves_the_model(self):
        voices, ctx = self.start()
        all_share(voices, ctx)
        self.server.wait_phase(ctx, "upload")
        for voice in voices[1:]:
            voice.upload(ctx)
        numbers = voices[0].numbers(ctx)
        voices[0].upload(ctx, [7 * 32767] + numbers[1:])
        all_unmask(voices, ctx)
        state = self.server.wait_phase(ctx, "failed")
        self.assertEqual(state["failure"]["reason"], "sum-out-of-bounds")
        self.assertEqual(self.server.event(ctx, "failed")["phase"], "final")
        self.assertEqual(self.server.results(voices[0].model), [])

    def test_commitments_off_the_polynomial_are_refused(self):
        voices, ctx = self.start()
        liar = voices[0]
        part = liar.deal(ctx)
        point = stranger.base_times(77)
        part.deals[2] = point + part.deals[2][32:]
        liar.share(ctx).refused("bad-shares", 400)
        part.deals = part.share = None
        all_share(voices, ctx)
        self.server.wait_phase(ctx, "upload")


class WhoAndWhen(Scenario):
    """Messages that come late, early, twice, or from somebody else."""

    def test_every_message_in_every_wrong_phase(self):
        voices = choir(self.server, self.slug(), 4)
        ctx = self.server.open_round(voices[0].model)
        first = voices[0]
        all_join(voices[1:], ctx)
        early = {"event": first.sign("share", ctx, graph="0" * 64, deals="0" * 64),
                 "deals": "AAAA"}
        self.server.post(f"/rounds/{ctx}/shares", early).refused("wrong-phase", 409)
        first.join(ctx).must(201)
        self.server.wait_phase(ctx, "share")
        late = {"event": voices[1].sign("join", ctx, mask_key=voices[1].parts[ctx].join[
            "share_key"], share_key=voices[1].parts[ctx].join["mask_key"],
            self_key=voices[1].parts[ctx].join["self_key"])}
        self.assertEqual(self.server.post(f"/rounds/{ctx}/joins", late).status, 409)
        update = first.sign("update", ctx, sharers="0" * 64, length=204, chunks="0" * 64,
                            samples=None, missing=[], bad=[])
        self.server.post(f"/rounds/{ctx}/updates", {"event": update, "chunks": ["0" * 64]}
                         ).refused("wrong-phase", 409)
        unmask = first.sign("unmask", ctx, survivors="0" * 64, shares=[None] * 3)
        self.server.post(f"/rounds/{ctx}/unmasks", {"event": unmask}
                         ).refused("wrong-phase", 409)
        all_share(voices, ctx)
        all_upload(voices, ctx)
        all_unmask(voices, ctx)
        self.server.wait_phase(ctx, "done")
        for path, body in (("updates", {"event": update, "chunks": ["0" * 64]}),
                           ("unmasks", {"event": unmask})):
            self.assertEqual(self.server.post(f"/rounds/{ctx}/{path}", body).status, 409)
        check_sum(self, voices, ctx)

    def test_a_late_newcomer_is_told_so(self):
        voices = choir(self.server, self.slug(), 4, changed(VECTOR, deadlines={"join": 2}))
        ctx = self.server.open_round(voices[0].model)
        all_join(voices[:3], ctx)
        self.server.wait_phase(ctx, "share")
        voices[3].join(ctx).refused("wrong-phase", 409)
        all_share(voices[:3], ctx)
        all_upload(voices[:3], ctx)
        all_unmask(voices[:3], ctx)
        self.server.wait_phase(ctx, "done")
        check_sum(self, voices[:3], ctx)

    def test_identical_bytes_get_the_identical_receipt(self):
        voices = choir(self.server, self.slug(), 3)
        ctx = self.server.open_round(voices[0].model)
        first = voices[0]

        def twice(send):
            one, two = send().must(201), send().must(200)
            receipt = one.json["receipt"]
            self.assertEqual(receipt, two.json["receipt"])
            self.assertEqual(receipt["by"], receipt["time"] + 60)
            return one

        again = self.server.post("/participants", first.enrolled).must(200)
        self.assertEqual(again.json["receipt"]["status"], "accepted")
        twice(lambda: first.join(ctx))
        all_join(voices[1:], ctx)
        self.server.wait_phase(ctx, "share")
        twice(lambda: first.share(ctx))
        for voice in voices[1:]:
            voice.share(ctx).must(201)
        self.server.wait_phase(ctx, "upload")
        twice(lambda: first.announce(ctx))
        receipts = [first.chunk(ctx, 0).must(200).json["receipt"] for _ in range(2)]
        self.assertEqual(receipts[0], receipts[1])
        for voice in voices[1:]:
            voice.upload(ctx)
        self.server.wait_phase(ctx, "unmask")
        twice(lambda: first.unmask(ctx))
        # The same join long after its phase: still the first receipt, not a refusal.
        first.join(ctx).must(200)
        first.share(ctx).must(200)
        all_unmask(voices[1:], ctx)
        self.server.wait_phase(ctx, "done")
        check_sum(self, voices, ctx)

    def test_other_bytes_in_the_same_place_are_a_conflict(self):
        voices = choir(self.server, self.slug(), 3)
        ctx = self.server.open_round(voices[0].model)
        first = voices[0]
        first.join(ctx).must(201)
        part = first.parts[ctx]
        kept = part.join
        part.join, part.a, a = None, stranger.random_scalar(), part.a
        first.join(ctx).refused("conflict", 409)
        part.join, part.a = kept, a
        all_join(voices[1:], ctx)
        self.server.wait_phase(ctx, "share")
        first.share(ctx).must(201)
        kept = part.deals, part.share
        part.deals = part.share = None
        first.share(ctx).refused("conflict", 409)
        part.deals, part.share = kept
        for voice in voices[1:]:
            voice.share(ctx).must(201)
        self.server.wait_phase(ctx, "upload")
        first.announce(ctx).must(201)
        kept = part.y, part.update, part.chunks, part.integers
        part.y = part.update = None
        first.announce(ctx, first.numbers(ctx, 1, "other")).refused("conflict", 409)
        part.y, part.update, part.chunks, part.integers = kept
        first.chunk(ctx, 0).must(200)
        for voice in voices[1:]:
            voice.upload(ctx)
        self.server.wait_phase(ctx, "unmask")
        first.unmask(ctx).must(201)
        answer = part.answer
        shares = answer["shares"][:-1] + [stranger.scalar_bytes(9).hex()]
        part.answer = first.key.sign({**answer, "shares": shares})
        first.unmask(ctx).refused("conflict", 409)
        part.answer = answer
        all_unmask(voices[1:], ctx)
        self.server.wait_phase(ctx, "done")
        check_sum(self, voices, ctx)

    def test_a_member_of_another_model_is_not_admitted(self):
        ours, theirs = choir(self.server, self.slug(), 3), choir(self.server, self.slug(), 3)
        ctx = self.server.open_round(ours[0].model)
        theirs[0].join(ctx).refused("not-admitted", 403)
        play(ours, ctx)
        check_sum(self, ours, ctx)

    def test_a_key_that_nobody_knows(self):
        voices = choir(self.server, self.slug(), 3)
        ctx = self.server.open_round(voices[0].model)
        unknown = Voice(self.server)
        unknown.instance = voices[0].instance
        unknown.join(ctx).refused("not-enrolled", 403)

    def test_a_suspended_member(self):
        voices = choir(self.server, self.slug(), 4)
        slug, gone = voices[0].model, voices[3]
        self.server.admin("POST", f"/models/{slug}/members/{gone.id}/suspend", {}).must(200)
        ctx = self.server.open_round(slug)
        gone.join(ctx).refused("suspended", 403)
        play(voices[:3], ctx)
        check_sum(self, voices[:3], ctx)

    def test_two_of_one_organisation(self):
        slug = self.slug()
        self.server.make_model(slug, changed(VECTOR, deadlines={"join": 3}))
        shared = "ab" * 16
        links = self.server.invite(slug, 2, organisation=shared) + self.server.invite(slug, 2)
        one, two, *others = [Voice(self.server).enrol(link) for link in links]
        ctx = self.server.open_round(slug)
        one.join(ctx).must(201)
        two.join(ctx).refused("organisation-already-present", 409)
        all_join(others, ctx)
        voices = [one, *others]
        all_share(voices, ctx)
        all_upload(voices, ctx)
        all_unmask(voices, ctx)
        self.server.wait_phase(ctx, "done")
        check_sum(self, voices, ctx)

    def test_messages_of_another_round(self):
        ours, theirs = choir(self.server, self.slug(), 3), choir(self.server, self.slug(), 3)
        here = self.server.open_round(ours[0].model)
        there = self.server.open_round(theirs[0].model)
        self.server.post(f"/rounds/{there}/joins", ours[0].join_body(here)
                         ).refused("wrong-context", 409)
        self.server.post(f"/rounds/{'0' * 64}/joins", ours[0].join_body(here)
                         ).refused("not-found", 404)
        play(ours, here)
        play(theirs, there)

    def test_boxes_go_to_their_addressee_only(self):
        voices = choir(self.server, self.slug(), 4, changed(VECTOR, deadlines={"join": 2}))
        ctx = self.server.open_round(voices[0].model)
        here, outsider = voices[:3], voices[3]
        all_join(here, ctx)
        all_share(here, ctx)
        self.server.wait_phase(ctx, "upload")
        path = f"/rounds/{ctx}/boxes"
        self.server.get(path).refused("unauthenticated", 401)
        self.server.get(path, auth=outsider.key.fetch_header(ctx)).refused("not-in-round", 403)
        forged = f"Chorus {here[0].id}." + outsider.key.fetch_header(ctx).split(".")[1]
        self.assertIn(self.server.get(path, auth=forged).status, (401, 403))
        other = f"{here[0].key.fetch_header('11' * 32)}"
        self.assertIn(self.server.get(path, auth=other).status, (401, 403))

    def test_secret_things_show_only_when_they_may(self):
        voices = choir(self.server, self.slug(), 3)
        ctx = self.server.open_round(voices[0].model)
        late = ["joins", "shares", "updates", "unmasks", f"deals/{voices[0].id}", "sum",
                *(f"events/{kind}" for kind in ("roster", "sharers", "survivors", "result",
                                                "failed"))]
        for path in late:
            self.server.get(f"/rounds/{ctx}/{path}").refused("not-found", 404)
        play(voices, ctx)
        for path in late[:-1]:
            self.server.get(f"/rounds/{ctx}/{path}").must(200)


class ByProgram(Scenario):
    """The same with the real client."""

    def clients(self, slug, count):
        links = self.server.invite(slug, count)
        made = [Client(self.folder, f"{slug} member {i + 1}") for i in range(count)]
        for client, link in zip(made, links):
            client.enrol(link)
        return made

    def test_known_updates_are_summed(self):
        """`chorus submit`: multiples of range/Q are not rounded, so the sum is exact."""
        slug, top = self.slug(), 2**15 - 1
        self.server.make_model(slug, changed(VECTOR, dimension=64))
        clients = self.clients(slug, 3)
        ctx, total, running = self.server.open_round(slug), [0] * 64, []
        for i, client in enumerate(clients):
            values = [(l * 31 + i * 17) % 801 - 400 for l in range(64)]
            weight = i + 1
            total = [t + weight * v for t, v in zip(total, values)]
            path = self.path(f"{slug}-{i}.f32")
            with open(path, "wb") as out:
                out.write(struct.pack("<64f", *(v / top for v in values)))
            running.append(client.start("submit", slug, "--update", path, "--weight",
                                        str(weight), "--yes"))
        self.server.wait_phase(ctx, "done", limit=40)
        for process in running:
            self.assertEqual(process.wait(20), 0, process.output())
        ring = stranger.Ring(32, 65)
        got = ring.decode(ring.unpack(published_sum(self.server, ctx)))
        self.assertEqual(got[64], 6)
        # A float32 near v/Q may fall on either side of it: at most one step per unit.
        for ours, theirs in zip(got, total):
            self.assertLessEqual(abs(ours - theirs), 6)

    def test_scheduled_rounds(self):
        slug = self.slug()
        self.server.make_model(slug, changed(read_spec("iris"), deadlines={"join": 20}))
        clients = self.clients(slug, 3)
        head, rows = read_csv("iris")
        parts, rest = deal(stratified(rows, 4, 1), [10, 10, 20])
        hold = write_csv(self.path("hold.csv"), head, rest)
        with open(hold, "rb") as source:
            self.server.put(f"/models/{slug}/holdout", raw=source.read(), kind="text/csv",
                            auth=f"Bearer {self.server.token}").must(200)
        running = [client.participate(slug, write_csv(self.path(f"{i}.csv"), head, part),
                                      rounds=3)
                   for i, (client, part) in enumerate(zip(clients, parts))]
        self.server.admin("PUT", f"/models/{slug}/schedule",
                          {"every": 1, "rounds": 3, "target": None}).must(200)
        results = self.server.wait_results(slug, 3, 50)
        for process in running:
            self.assertEqual(process.wait(20), 0, process.output())
        self.assertEqual([r["round"] for r in results], [1, 2, 3])
        self.assertLess(results[2]["loss"], results[0]["loss"])
        self.assertEqual(results[0]["holdout"]["rows"], 110)

    def test_step_by_step_from_a_script(self):
        slug = self.slug()
        spec = changed(read_spec("iris"), deadlines={"join": 20})
        self.server.make_model(slug, spec)
        clients = self.clients(slug, 3)
        head, rows = read_csv("iris")
        parts, _ = deal(stratified(rows, 4, 2), [10, 10, 20])
        files = [write_csv(self.path(f"step{i}.csv"), head, part)
                 for i, part in enumerate(parts)]
        ctx = self.server.open_round(slug)

        def stepped():
            for client, data in zip(clients, files):
                client.run("step", slug, "--data", data, "--yes")
            return self.server.state(ctx)["phase"] == "done"
        until(stepped, 50, "a round in single steps")
        self.assertEqual(len(self.server.results(slug)), 1)


if __name__ == "__main__":
    program("chorusd")
    unittest.main()
