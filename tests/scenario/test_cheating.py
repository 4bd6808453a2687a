# SPDX-License-Identifier: Apache-2.0
"""A coordinator that cheats: documents altered on the way and signed again with its own key.

One real client looks through the liar; four honest voices talk to the real server. Whatever
the lie, the client leaves with the error that the table in docs/api.md names for it, and no
unmask answer passes the liar."""

import copy
import json
import os
import time

import stranger
from harness import Client, Reply, Scenario, changed, deal, read_csv, read_spec, stratified, tail
from harness import until, write_csv
from proxy import Dropped, Liar
from voice import Key, Voice, all_join, all_share, all_unmask, all_upload

LONG = {"join": 60, "share": 60, "upload": 60, "unmask": 60}


def point():
    return stranger.base_times(stranger.random_scalar()).hex()


class Cheating(Scenario):
    """Sets the table; holds no test."""

    LIMIT = 90

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.key = Key.from_file(cls.server.key)
        head, rows = read_csv("iris")
        part, _ = deal(stratified(rows, 4, 4), [20])
        cls.data = write_csv(os.path.join(cls.folder, "rows.csv"), head, part[0])

    def table(self, lies=(), **deadlines):
        """A model, a victim behind the liar, and four voices."""
        self.model = self.slug()
        self.server.make_model(self.model, changed(read_spec("iris"),
                                                   deadlines={**LONG, **deadlines}))
        link, *links = self.server.invite(self.model, 5)
        self.liar = Liar(self.server.origin, self.key)
        self.addCleanup(self.liar.close)
        self.liar.raw.update(lies)
        self.victim = Client(self.folder, f"{self.model} victim")
        self.victim.enrol(self.liar.link(link))
        self.voices = [Voice(self.server, f"voice {i}").enrol(l) for i, l in enumerate(links)]
        return self.server.open_round(self.model)

    def play_until(self, ctx, phase):
        """Moves the voices until the round stands in this phase."""
        for name, step in (("join", all_join), ("share", all_share), ("upload", all_upload),
                           ("unmask", all_unmask)):
            if name == phase:
                break
            step(self.voices, ctx)
        self.server.wait_phase(ctx, phase)

    def start(self, *extra, rounds=1):
        return self.victim.participate(self.model, self.data, rounds=rounds,
                                       extra=["--json", *extra])

    def caught(self, process, *slugs, answers=0):
        """The victim ends by itself, says one of these slugs, and has told nothing."""
        code, said = process.wait(25), process.output()
        words = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
        error = words[-1].get("error") if words else None
        self.assertIn(error, slugs, f"exit code {code}:\n{tail(said)}")
        self.assertEqual(code, 12 if error.startswith("cheat-") else words[-1]["exit"])
        self.assertEqual(len({r.body for r in self.liar.sent("POST", "/unmasks$")}), answers)
        self.assertEqual(self.liar.troubles, [])

    def lie_about(self, alter):
        self.liar.lie_about(self.server.newest(self.model)["ctx"], alter)

    def one_honest_round(self, ctx):
        process = self.start()
        all_join(self.voices, ctx)
        all_share(self.voices, ctx)
        all_upload(self.voices, ctx)
        all_unmask(self.voices, ctx)
        self.server.wait_phase(ctx, "done", limit=30)
        self.assertEqual(process.wait(20), 0, process.output())
        self.liar.seen.clear()


class WrongModel(Cheating):
    def test_other_weights_for_one_participant(self):
        self.one_honest_round(self.table())
        ctx = self.server.open_round(self.model)
        self.liar.raw[r"/rounds/\w+/base$"] = lambda body: body[:-1] + bytes([body[-1] ^ 1])
        process = self.start()
        self.play_until(ctx, "upload")
        self.caught(process, "cheat-model")
        self.assertEqual(self.liar.sent("POST", "/updates$"), [])

    def test_an_initial_model_that_is_not_the_one_of_the_spec(self):
        self.table()
        self.lie_about(lambda event: {
            **event, "base": {"event": None, "source": "init", "sha256": "77" * 32}})
        # It may say so before it joins; else the real server finds a join for another round.
        self.caught(self.start(), "cheat-model", "bad-signature")

    def test_a_base_that_no_result_names(self):
        self.one_honest_round(self.table())
        self.server.open_round(self.model)
        self.lie_about(lambda event: {
            **event, "base": {**event["base"], "sha256": "77" * 32}})
        self.caught(self.start(), "cheat-model", "cheat-history")

    def test_an_older_base(self):
        """Round 2 over the initial model again: the difference would show round 1."""
        first = self.table()
        base = self.server.event(first, "open")["base"]
        self.one_honest_round(first)
        self.server.open_round(self.model)
        self.lie_about(lambda event: {**event, "base": base})
        self.caught(self.start(), "cheat-model", "cheat-older-base", "cheat-history")

    def test_another_description(self):
        clip = read_spec("iris")["quantisation"]["clip"]

        def weaker(body):
            return body.replace(f'"clip":"{clip}"'.encode(), b'"clip":"999"')
        self.table({r"/models/[^/]+/spec": weaker})
        self.caught(self.start(), "cheat-model")

    def test_terms_that_the_description_does_not_give(self):
        self.table()
        self.lie_about(lambda event: {**event, "clip": "1000"})
        self.caught(self.start(), "cheat-model")

    def test_too_few_organisations_are_called_enough(self):
        self.table()
        self.lie_about(lambda event: {**event, "minimum": 2})
        self.caught(self.start(), "cheat-model", "cheat-history")

    def test_terms_signed_by_somebody_else(self):
        self.table()
        other = Key()
        self.liar.edits[r"/events/open$"] = other.sign
        self.caught(self.start(), "cheat-model", "cheat-key", "cheat-history")


class WrongInstance(Cheating):
    def altered(self, event):
        return self.liar.sign(event, origin="http://elsewhere.example")

    def test_at_enrolment(self):
        self.table()
        self.liar.edits[r"/instance$"] = lambda document: {
            **document, "instance": self.altered(document["instance"])}
        newcomer = Client(self.folder, f"{self.model} newcomer")
        newcomer.run("keygen").ok()
        link, = self.server.invite(self.model, 1)
        done = newcomer.run("enroll", self.liar.link(link), "--name", "Newcomer", "--json")
        self.assertEqual((done.code, done.json["error"]), (12, "cheat-key"))
        self.assertEqual(self.liar.sent("POST", "/participants$")[1:], [])

    def test_later(self):
        self.table()
        self.liar.edits[r"/instance$"] = lambda document: {
            **document, "instance": self.altered(document["instance"])}
        self.caught(self.start(), "cheat-key")
        self.assertEqual(self.liar.sent("POST", "/joins$"), [])

    def test_a_new_key_of_the_coordinator(self):
        self.table()
        other = Key()
        self.liar.edits[r"/instance$"] = lambda document: {
            **document, "instance": other.sign({**document["instance"],
                                                "coordinator": other.id})}
        self.caught(self.start(), "cheat-key")


class WrongRoster(Cheating):
    """The list of members is altered, its root and all that hangs on it made anew."""

    def show(self, ctx, alter):
        def members(document):
            return {"members": alter(copy.deepcopy(document["members"]))}

        def true_members():
            return self.server.get(f"/rounds/{ctx}/joins").must().json

        def roster(event):
            shown = members(true_members())["members"]
            root = stranger.events_root([m["join"] for m in shown])
            return self.liar.sign(event, n=len(shown), joins=root)

        def graph(event):
            changed_roster = roster(self.server.event(ctx, "roster"))
            n = changed_roster["n"]
            k, t = n - 1, max(2, 2 * (n - 1) // 3 + 1)
            return self.liar.sign(event, roster=stranger.event_hash(changed_roster).hex(), k=k,
                                  t=t)
        self.liar.edits[r"/joins$"] = lambda d: members(d) if "members" in d else d
        self.liar.edits[r"/events/roster$"] = roster
        self.liar.edits[r"/events/graph$"] = graph

    def lie(self, alter):
        ctx = self.table()
        self.show(ctx, alter)
        process = self.start()
        self.play_until(ctx, "share")
        self.caught(process, "cheat-roster")
        self.assertEqual(self.liar.sent("POST", "/shares$"), [])

    def other(self, members):
        """The first member that is a voice."""
        ours = {voice.id for voice in self.voices}
        return next(m for m in members if m["join"]["participant"] in ours)

    def sybil(self, like=None, **keys):
        """A member of the coordinator's own making."""
        fresh, enroll = Key(), self.voices[0].enrolled["event"]
        enroll = fresh.sign({**enroll, "participant": fresh.id, "organisation":
                             like or os.urandom(16).hex()})
        join = self.voices[0].sign("join", "00" * 32, mask_key=point(), share_key=point(),
                                   self_key=point())
        ctx = self.server.newest(self.model)["ctx"]
        join = fresh.sign({**join, "ctx": ctx, "participant": fresh.id, **keys})
        admit = self.key.sign({"type": "admit", "instance": enroll["instance"],
                               "model": self.model, "participant": fresh.id,
                               "identity": stranger.event_hash(enroll).hex(),
                               "previous": None})
        return {"enroll": enroll, "admit": admit, "join": join}

    @staticmethod
    def ordered(members):
        return sorted(members, key=lambda m: bytes.fromhex(m["join"]["participant"]))

    def test_a_substituted_key(self):
        def alter(members):
            self.other(members)["join"]["mask_key"] = FIXED
            return members
        FIXED = point()
        self.lie(alter)

    def test_my_own_key_substituted(self):
        FIXED = point()

        def alter(members):
            ours = {voice.id for voice in self.voices}
            mine = next(m for m in members if m["join"]["participant"] not in ours)
            mine["join"]["share_key"] = FIXED
            return members
        self.lie(alter)

    def test_i_am_left_out(self):
        def alter(members):
            ours = {voice.id for voice in self.voices}
            return [m for m in members if m["join"]["participant"] in ours]
        self.lie(alter)

    def test_another_order(self):
        self.lie(lambda members: members[1:] + members[:1])

    def test_one_twice(self):
        self.lie(lambda members: self.ordered(members + members[:1]))

    def test_fewer_than_the_minimum(self):
        def alter(members):
            ours = {voice.id for voice in self.voices}
            mine = [m for m in members if m["join"]["participant"] not in ours]
            return self.ordered(mine + [self.other(members)])
        self.lie(alter)

    def test_two_of_one_organisation(self):
        made = []

        def alter(members):
            if not made:
                made.append(self.sybil(like=self.voices[0].enrolled["event"]["organisation"]))
            return self.ordered(members + made)
        self.lie(alter)

    def test_two_with_one_point(self):
        made = []

        def alter(members):
            if not made:
                made.append(self.sybil(mask_key=self.other(members)["join"]["share_key"]))
            return self.ordered(members + made)
        self.lie(alter)

    def test_one_who_was_admitted_elsewhere(self):
        def alter(members):
            entry = self.other(members)
            entry["admit"] = self.key.sign({**entry["admit"], "model": "another"})
            return members
        self.lie(alter)

    def test_one_who_was_suspended(self):
        def alter(members):
            entry = self.other(members)
            entry["admit"] = self.key.sign({**entry["admit"], "type": "suspend"})
            return members
        self.lie(alter)

    def test_a_root_of_something_else(self):
        ctx = self.table()
        self.liar.edits[r"/events/roster$"] = lambda e: self.liar.sign(e, joins="12" * 32)
        process = self.start()
        self.play_until(ctx, "share")
        self.caught(process, "cheat-roster")

    def test_a_graph_with_a_lower_threshold(self):
        for change in ({"t": 2}, {"k": 2}, {"roster": "34" * 32}):
            with self.subTest(change=change):
                ctx = self.table()
                self.liar.edits[r"/events/graph$"] = lambda e, c=change: self.liar.sign(e, **c)
                process = self.start()
                self.play_until(ctx, "share")
                self.caught(process, "cheat-graph")
                self.assertEqual(self.liar.sent("POST", "/shares$"), [])


class WrongSets(Cheating):
    """Who shared and who survived."""

    def show(self, ctx, kind, path, member, alter):
        """`alter` takes the list of indices; events and root follow."""
        n = self.server.event(ctx, "roster")["n"]

        def true_events():
            return self.server.get(f"/rounds/{ctx}/{path}").must().json["events"]

        def indices(event):
            return stranger.members_of(event["members"], n)

        def kept(events):
            there = indices(self.server.event(ctx, kind))
            wanted = alter(list(there))
            return [event for i, event in zip(there, events) if i in wanted]

        def altered(event):
            wanted = alter(indices(event))
            root = stranger.events_root(kept(true_events()))
            return self.liar.sign(event, members=stranger.bitmap(wanted, n), **{member: root})
        self.liar.edits[rf"/{path}$"] = lambda d: (
            {"events": kept(d["events"])} if "events" in d else d)
        self.liar.edits[rf"/events/{kind}$"] = altered

    def my_index(self, ctx):
        members = self.server.get(f"/rounds/{ctx}/joins").must().json["members"]
        ours = {voice.id for voice in self.voices}
        return next(i for i, m in enumerate(members) if m["join"]["participant"] not in ours)

    def lie_about_sharers(self, alter):
        ctx = self.table()
        process = self.start()
        self.play_until(ctx, "share")
        mine = self.my_index(ctx)
        self.show(ctx, "sharers", "shares", "shares", lambda those: alter(mine, those))
        all_share(self.voices, ctx)
        self.caught(process, "cheat-sharers")
        self.assertEqual(self.liar.sent("POST", "/updates$"), [])

    def test_sharers_without_me(self):
        self.lie_about_sharers(lambda mine, those: [i for i in those if i != mine])

    def test_sharers_fewer_than_the_minimum(self):
        self.lie_about_sharers(
            lambda mine, those: sorted([mine, next(i for i in those if i != mine)]))

    def test_sharers_of_another_root(self):
        ctx = self.table()
        self.liar.edits[r"/events/sharers$"] = lambda e: self.liar.sign(e, shares="56" * 32)
        process = self.start()
        self.play_until(ctx, "upload")
        self.caught(process, "cheat-sharers")
        self.assertEqual(self.liar.sent("POST", "/updates$"), [])

    def lie_about_survivors(self, alter, *extra):
        ctx = self.table()
        process = self.start(*extra)
        self.play_until(ctx, "upload")
        mine = self.my_index(ctx)
        self.show(ctx, "survivors", "updates", "updates", lambda those: alter(mine, those))
        all_upload(self.voices, ctx)
        self.caught(process, "cheat-survivors")
        return ctx

    def test_survivors_without_me(self):
        self.lie_about_survivors(lambda mine, those: [i for i in those if i != mine])

    def test_survivors_fewer_than_the_minimum(self):
        self.lie_about_survivors(
            lambda mine, those: sorted([mine, next(i for i in those if i != mine)]))

    def test_survivors_so_few_that_another_list_may_exist(self):
        """Three of five: enough for the minimum, yet two such lists would show somebody."""
        self.lie_about_survivors(
            lambda mine, those: sorted([mine, *[i for i in those if i != mine][:2]]))

    def test_two_different_lists_for_two_people(self):
        """Each sees three of five, another three: neither answers."""
        ctx = self.table()
        first = self.liar, self.start()
        link, = self.server.invite(self.model, 1)
        # The second victim takes the place of the last voice.
        self.server.admin("POST", f"/models/{self.model}/members/{self.voices[-1].id}/suspend",
                          {}).must(200)
        self.voices.pop()
        other = Liar(self.server.origin, self.key)
        self.addCleanup(other.close)
        client = Client(self.folder, f"{self.model} second")
        client.enrol(other.link(link))
        second = other, client.participate(self.model, self.data, rounds=1, extra=["--json"])
        self.play_until(ctx, "upload")
        ours = {voice.parts[ctx].index for voice in self.voices}
        victims = sorted(set(range(5)) - ours)
        some = sorted(ours)
        for (liar, _), own, two in ((first, victims, some[:1]), (second, victims, some[1:2])):
            self.liar = liar
            self.show(ctx, "survivors", "updates", "updates",
                      lambda those, own=own, two=two: sorted([*own, *two]))
        all_upload(self.voices, ctx)
        for liar, process in (first, second):
            self.liar = liar
            self.caught(process, "cheat-survivors")

    def test_survivors_of_another_root(self):
        ctx = self.table()
        self.liar.edits[r"/events/survivors$"] = lambda e: self.liar.sign(e, updates="78" * 32)
        process = self.start()
        self.play_until(ctx, "unmask")
        self.caught(process, "cheat-survivors")

    def test_survivors_over_other_sharers(self):
        ctx = self.table()
        self.liar.edits[r"/events/survivors$"] = lambda e: self.liar.sign(e, sharers="78" * 32)
        process = self.start()
        self.play_until(ctx, "unmask")
        self.caught(process, "cheat-survivors")

    def test_a_round_that_promises_less_than_my_own_minimum(self):
        """The user asks for five organisations; the round is content with three."""
        ctx = self.table()
        self.caught(self.start("--minimum", "5"), "usage", "below-threshold", "consent-needed")
        self.assertEqual(self.server.state(ctx)["joined"], 0)


class TwoAnswers(Cheating):
    """Both kinds of share of one person are wanted: in one answer they never come."""

    def test_another_survivor_list_after_the_answer(self):
        """The answer is swallowed, the client killed; started again it is shown a list in
        which one voice has dropped. Only the first answer may ever be seen again."""
        ctx = self.table()
        before, liar = self.liar.before, self.liar

        def swallow(request):
            if request.method == "POST" and request.path.endswith("/unmasks"):
                raise Dropped
            return before(request)
        liar.before = swallow
        process = self.start()
        self.play_until(ctx, "unmask")
        until(lambda: liar.sent("POST", "/unmasks$"), 25, "the first answer")
        process.kill()
        gone = self.voices[0].parts[ctx].index
        WrongSets.show(self, ctx, "survivors", "updates", "updates",
                       lambda those: [i for i in those if i != gone])
        again = self.start()
        until(lambda: not again.running() or len(liar.sent("POST", "/unmasks$")) > 4, 25,
              "a word after the second list")
        bodies = {r.body for r in liar.sent("POST", "/unmasks$")}
        self.assertEqual(len(bodies), 1)
        if not again.running():
            self.caught(again, "cheat-second-answer", "cheat-survivors", answers=1)
        again.kill()

    def test_another_survivor_list_before_the_answer_but_after_a_look(self):
        """Seen and saved, not answered; then another list under the same ctx."""
        ctx = self.table()
        liar, before = self.liar, self.liar.before

        def swallow(request):
            if request.method == "POST" and request.path.endswith("/unmasks"):
                raise Dropped
            return before(request)
        liar.before = swallow
        process = self.start()
        self.play_until(ctx, "unmask")
        until(lambda: liar.sent("GET", "/events/survivors$"), 25, "a look at the survivors")
        process.kill()
        had = {r.body for r in liar.sent("POST", "/unmasks$")}
        gone = self.voices[0].parts[ctx].index
        WrongSets.show(self, ctx, "survivors", "updates", "updates",
                       lambda those: [i for i in those if i != gone])
        liar.before = before
        again = self.start()
        time.sleep(3)
        again.kill()
        told = {r.body for r in liar.sent("POST", "/unmasks$")} | had
        self.assertLessEqual(len(told), 1)

    def spoiled_attempt(self):
        """All five survive the first attempt, which fails by what one of them added."""
        ctx = self.table()
        process = self.start(rounds=2)
        self.play_until(ctx, "upload")
        spoiler = self.voices[0]
        numbers = spoiler.numbers(ctx)
        spoiler.upload(ctx, [900 * 32767] + numbers[1:])
        all_upload(self.voices[1:], ctx)
        all_unmask(self.voices, ctx)
        self.assertEqual(self.server.wait_phase(ctx, "failed")["failure"]["reason"],
                         "sum-out-of-bounds")
        self.liar.seen.clear()
        return process

    def test_nearly_the_same_people_over_one_base(self):
        """The next attempt is shown to end with one less. Their difference would be that one.
        (A real server does not ask; so its words are made up.)"""
        process = self.spoiled_attempt()
        ctx, forged = self.server.open_round(self.model), {}
        before = self.liar.before

        def answer(request):
            path, _, query = request.path.partition("?")
            if path.endswith((f"/rounds/{ctx}", f"/models/{self.model}/round")) and query:
                request.path = path
                time.sleep(0.1)
            for end, body in forged.items():
                if request.method == "GET" and path.endswith(f"{ctx}/{end}"):
                    return Reply(200, {"Content-Type": "application/json"}, body)
            return before(request)
        self.liar.before = answer
        self.play_until(ctx, "upload")
        all_upload(self.voices[1:], ctx)
        sent = until(lambda: self.liar.sent("POST", f"{ctx}/updates$"), 25, "an update")
        until(lambda: self.server.state(ctx)["uploaded"] == 4, 20, "four updates")
        updates = [json.loads(sent[0].body)["event"],
                   *(voice.parts[ctx].update for voice in self.voices[1:])]
        updates.sort(key=lambda event: bytes.fromhex(event["participant"]))
        gone, sharers = self.voices[0].parts[ctx], self.server.event(ctx, "sharers")
        survivors = self.key.sign({
            "type": "survivors", "instance": sharers["instance"], "ctx": ctx,
            "sharers": stranger.event_hash(sharers).hex(),
            "members": stranger.bitmap(set(range(5)) - {gone.index}, 5),
            "updates": stranger.events_root(updates)})
        forged["updates"] = json.dumps({"events": updates}).encode()
        forged["events/survivors"] = stranger.canonical(survivors)
        self.liar.edits[rf"/rounds/{ctx}$|/models/{self.model}/round$"] = lambda state: {
            **state, "phase": "unmask"}
        self.caught(process, "cheat-older-base")

    def test_a_server_does_not_ask_for_a_difference(self):
        self.spoiled_attempt().kill()
        voices, ctx = self.voices, self.server.open_round(self.model)
        all_join(voices, ctx)
        self.server.admin("POST", f"/rounds/{ctx}/cancel", {}).must(200)
        link, = self.server.invite(self.model, 1)
        voices.append(Voice(self.server, "a sixth").enrol(link))
        self.suspend_victim()
        ctx = self.server.open_round(self.model)
        for step in (all_join, all_share, all_upload):
            step(voices, ctx)
        state = self.server.wait_phase(ctx, "failed")
        self.assertEqual(self.server.event(ctx, "failed")["phase"], "upload")
        self.assertEqual(state["failure"]["reason"], "too-similar")

    def suspend_victim(self):
        ours = {voice.id for voice in self.voices}
        members = self.server.admin("GET", f"/models/{self.model}/members").must().json["members"]
        for member in members:
            if member["participant"] not in ours:
                self.server.admin("POST", f"/models/{self.model}/members/"
                                  f"{member['participant']}/suspend", {}).must(200)

    def test_the_very_same_people_over_one_base(self):
        """Equal lists show nothing new: the second attempt succeeds."""
        process = self.spoiled_attempt()
        ctx = self.server.open_round(self.model)
        for step in (all_join, all_share, all_upload, all_unmask):
            step(self.voices, ctx)
        self.server.wait_phase(ctx, "done", limit=30)
        self.assertEqual(self.server.event(ctx, "result")["count"], 5)
        process.kill()

    def test_a_receipt_signed_by_somebody_else(self):
        ctx = self.table()
        other = Key()

        def edit(document):
            if "receipt" in document:
                document["receipt"] = other.sign(document["receipt"])
            return document
        self.liar.edits[r"/joins$"] = edit
        process = self.start()
        until(lambda: self.server.state(ctx)["joined"] == 1 or not process.running(), 20,
              "the victim joins")
        self.caught(process, "cheat-key", "cheat-history", "bad-reply", "bad-signature")


class SimulatedChain(Scenario):
    SIMULATED = True

    def test_is_refused_unless_it_is_trusted(self):
        slug = self.slug()
        self.server.make_model(slug, changed(read_spec("iris"), deadlines=LONG))
        clients = []
        for i, link in enumerate(self.server.invite(slug, 3)):
            client = Client(self.folder, f"{slug} {i}")
            client.run("keygen").ok()
            client.run("enroll", link, "--name", client.name).ok()
            clients.append(client)
        head, rows = read_csv("iris")
        parts, _ = deal(stratified(rows, 4, 4), [20, 20, 20])
        files = [write_csv(self.path(f"{i}.csv"), head, part) for i, part in enumerate(parts)]
        ctx = self.server.open_round(slug)
        process = clients[0].participate(slug, files[0], rounds=1)
        self.assertNotEqual(process.wait(20), 0)
        self.assertIn("trust-simulated-chain", process.output())
        self.assertEqual(self.server.state(ctx)["joined"], 0)
        running = [c.participate(slug, f, rounds=1, simulated=True)
                   for c, f in zip(clients, files)]
        self.server.wait_phase(ctx, "done", limit=40)
        for process in running:
            self.assertEqual(process.wait(20), 0, process.output())


if __name__ == "__main__":
    import unittest
    unittest.main()
