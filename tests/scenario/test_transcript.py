# SPDX-License-Identifier: Apache-2.0
"""What the server shows of a round that has ended: its transcript, read by somebody who has
nothing else; the masked vectors as they were sent; and that these go when their time is over."""

import hashlib
import json
import random
import struct
import subprocess

import stranger
from harness import Scenario, changed, until
from voice import VECTOR, Key, all_join, all_share, all_unmask, all_upload, check_sum, choir, play

LONG = {"join": 120, "share": 120, "upload": 120, "unmask": 120}
SPEC = changed(VECTOR, deadlines=LONG)
BY_PEOPLE = ("join", "share", "update", "unmask")


# ---------------------------------------------------------------- reading

def pages(api, ctx, limit=None, cursor=None):
    """(cursor, items) of each page, from a cursor on."""
    while True:
        query = [f"{name}={value}" for name, value in (("limit", limit), ("cursor", cursor))
                 if value is not None]
        page = api.get(f"/rounds/{ctx}/transcript?{'&'.join(query)}").must(200).json
        assert set(page) == {"items", "next"}, page.keys()
        yield cursor, page["items"]
        cursor = page["next"]
        if cursor is None:
            return


def transcript(api, ctx, limit=None, cursor=None):
    return [item for _, items in pages(api, ctx, limit, cursor) for item in items]


def events_of(items, kind):
    return [item["event"] for item in items if item["event"]["type"] == kind]


def only(items, kind):
    found = events_of(items, kind)
    assert len(found) == 1, (kind, len(found))
    return found[0]


def unbase64(text, size):
    """The pieces of `size` bytes."""
    data = stranger.unbase64(text)
    assert len(data) % size == 0, (len(data), size)
    return [data[at:at + size] for at in range(0, len(data), size)]


class Reading:
    """A transcript that is believed in nothing: every root is made again, every signature
    checked, every complaint judged; the coordinator's key alone is known before."""

    def __init__(self, case, items, instance):
        self.case, self.items, self.instance = case, items, instance
        self.coordinator = bytes.fromhex(instance["coordinator"])
        self.opened = only(items, "open")
        self.ctx = stranger.round_ctx(self.opened)
        self.joins = sorted(events_of(items, "join"), key=lambda e: e["participant"])
        self.ids = [join["participant"] for join in self.joins]

    def by_member(self, kind):
        """{index: item} of those in the roster."""
        return {self.ids.index(item["event"]["participant"]): item for item in self.items
                if item["event"]["type"] == kind}

    def signatures(self):
        for item in self.items:
            event = item["event"]
            by_people = event["type"] in (*BY_PEOPLE, "enroll")
            key = bytes.fromhex(event["participant"]) if by_people else self.coordinator
            good = stranger.SODIUM.signed(key, stranger.to_sign(event),
                                          bytes.fromhex(event["sig"]))
            self.case.assertTrue(good, event)
            self.case.assertEqual(event["instance"], stranger.event_hash(self.instance).hex())
            if event["type"] not in ("model", "enroll", "admit", "open"):
                self.case.assertEqual(event["ctx"], self.ctx.hex())

    def order(self):
        """The model, everybody's papers by index, `open`, the rest."""
        kinds = [item["event"]["type"] for item in self.items]
        head = ["model", *["enroll", "admit"] * len(self.ids), "open"]
        self.case.assertEqual(kinds[:len(head)], head)
        papers = [item["event"] for item in self.items[1:len(head) - 1]]
        self.case.assertEqual([e["participant"] for e in papers],
                              [i for i in self.ids for _ in range(2)])
        for enroll, admit in zip(papers[::2], papers[1::2]):
            self.case.assertEqual(admit["identity"], stranger.event_hash(enroll).hex())
        model = self.items[0]["event"]
        self.case.assertEqual((model["model"], model["version"], model["spec"]),
                              tuple(self.opened[n] for n in ("model", "version", "spec")))

    def attachments(self):
        wanted = {"share": {"deals"}, "update": {"chunks"}}
        for item in self.items:
            event = item["event"]
            also = wanted.get(event["type"], set()) | ({"boxes"} if event.get("bad") else set())
            self.case.assertEqual(set(item), {"leaf", "event"} | also)
            if event["type"] == "share":
                leaves = unbase64(item["deals"], 96)
                self.case.assertEqual(stranger.merkle_root(leaves).hex(), event["deals"])
            if event["type"] == "update":
                chunks = unbase64(item["chunks"], 32)
                self.case.assertEqual(len(chunks), -(-event["length"] // stranger.CHUNK))
                self.case.assertEqual(stranger.root_of_hashes(chunks).hex(), event["chunks"])

    def roots(self, last):
        """Each list's root, up to the event that ends the transcript."""
        n = len(self.ids)

        def root(kind, members):
            said = self.by_member(kind)
            return stranger.events_root([said[i]["event"] for i in members])
        roster = only(self.items, "roster")
        self.case.assertEqual((roster["n"], roster["joins"]),
                              (n, stranger.events_root(self.joins)))
        if last == "join":
            return
        for kind, field, said in (("sharers", "shares", "share"),
                                  ("survivors", "updates", "update")):
            for event in events_of(self.items, kind):
                self.case.assertEqual(event[field], root(said, stranger.members_of(
                    event["members"], n)))
        for result in events_of(self.items, "result"):
            answered = stranger.members_of(result["unmasks"]["members"], n)
            self.case.assertEqual(result["unmasks"]["root"], root("unmask", answered))
            self.case.assertEqual(result["survivors"], stranger.event_hash(
                only(self.items, "survivors")).hex())

    def complaints(self):
        """(complainer, dealer, whether the box is good) of every complaint."""
        graph = only(self.items, "graph")
        sparse, k, t = stranger.graph_parameters(len(self.ids), False, 0, 0)
        self.case.assertEqual((graph["k"], graph["t"], sparse), (k, t, False))
        shares, keys = self.by_member("share"), [bytes.fromhex(j["share_key"])
                                                 for j in self.joins]
        for i, item in sorted(self.by_member("update").items()):
            for bad, shown in zip(item["event"]["bad"], item.get("boxes", []), strict=True):
                j, box = bad["dealer"], stranger.unbase64(shown["box"])
                self.case.assertEqual(shown["dealer"], j)
                place = [m for m in range(len(self.ids)) if m != j].index(i)
                leaf = unbase64(shares[j]["deals"], 96)[place]
                self.case.assertEqual(hashlib.sha256(box).digest(), leaf[64:])
                numbers = (stranger.scalar_from(bytes.fromhex(bad[name]))
                           for name in ("challenge", "response"))
                key = bytes.fromhex(bad["key"])
                self.case.assertTrue(stranger.dleq_holds(self.ctx, i, j, keys[i], keys[j], key,
                                                         *numbers))
                opened = stranger.open_deal(self.ctx, stranger.event_hash(graph), j, i, key,
                                            leaf[:64] + box)
                yield i, j, opened is not None

    def all(self, last="result"):
        self.signatures()
        self.order()
        self.attachments()
        self.roots(last)
        return self


class Ended(Scenario):
    """Rounds as their transcripts tell of them."""

    LIMIT = 90

    def choir(self, count, **changes):
        return choir(self.server, self.slug(), count, changed(SPEC, **changes))

    def sql(self, text):
        return self.server.database.query(text)

    def end_phase(self, ctx):
        """Its deadline is now."""
        self.sql(f"UPDATE rounds SET deadline = clock_timestamp() WHERE ctx = '\\x{ctx}'")

    def read(self, ctx, last="result"):
        return Reading(self, transcript(self.server, ctx), self.server.instance()).all(last)

    def stored(self, ctx):
        """[leaf, event] of each accepted event of the round, from the database."""
        until(lambda: self.sql("SELECT count(*) FROM log_pending") == "0", 20, "all are leaves")
        rows = self.sql("SELECT coalesce(l.leaf::text, 'null'), convert_from(e.bytes, 'UTF8') "
                        "FROM events e LEFT JOIN log_entries l ON l.event = e.seq "
                        f"WHERE e.ctx = '\\x{ctx}' ORDER BY e.seq")
        lines = [line.split("|", 1) for line in rows.splitlines()]
        return [[json.loads(leaf), json.loads(event)] for leaf, event in lines]

    def chunk(self, ctx, who, index=0, **options):
        return self.server.get(f"/rounds/{ctx}/updates/{who.id}/chunks/{index}", **options)

    def vectors(self, ctx):
        """How many chunks of masked vectors the database holds of a round."""
        return int(self.sql("SELECT count(*) FROM updates u JOIN blob_chunks b ON "
                            f"b.blob = u.blob WHERE u.ctx = '\\x{ctx}'"))

    def end_window(self, ctx):
        self.sql("UPDATE rounds SET vectors_until = clock_timestamp() "
                 f"WHERE ctx = '\\x{ctx}' AND phase = 'done'")

    def settled(self, ctx):
        """Waits until nothing more is to be cleaned."""
        until(lambda: self.sql("SELECT count(*) FROM jobs WHERE state IN ('ready', 'claimed') "
                               f"AND ctx = '\\x{ctx}'") == "0", 30, "the jobs are done")

    def retained(self, ctx):
        """The one `retention` event at the end of the transcript, once it is there."""
        def told():
            items = transcript(self.server, ctx)
            return events_of(items, "retention") and items
        items = until(told, 30, "retention is told")
        self.settled(ctx)
        event = only(transcript(self.server, ctx), "retention")
        self.assertEqual(items[-1]["event"], event)
        return event


# ---------------------------------------------------------------- transcripts

class Transcripts(Ended):
    def test_all_that_was_said_in_the_order_it_was_accepted(self):
        voices = self.choir(6)
        ctx, draw = self.server.open_round(voices[0].model), random.Random(3)
        for step in (all_join, all_share):
            draw.shuffle(voices)
            step(voices, ctx)
        here = voices[1:]
        all_upload(here, ctx)
        voices[0].announce(ctx).must(201)  # and no chunks
        self.end_phase(ctx)
        all_unmask(here[::-1], ctx)
        self.server.wait_phase(ctx, "done")
        check_sum(self, here, ctx)
        stored = self.stored(ctx)
        said = self.read(ctx)
        papers = 1 + 2 * len(voices)
        self.assertEqual([[item["leaf"], item["event"]] for item in said.items[papers:]], stored)
        self.in_the_log(said.items)
        self.assertEqual(said.items[0]["event"],
                         self.server.get(f"/models/{voices[0].model}").must().json["event"])
        for kind, many in (("join", 6), ("share", 6), ("update", 6), ("survivors", 1)):
            self.assertEqual(len(events_of(said.items, kind)), many, kind)
        self.assertEqual([e["participant"] for e in events_of(said.items, "join")],
                         [e["participant"] for _, e in stored if e["type"] == "join"])
        for voice in voices:
            part = voice.parts[ctx]
            deals = said.by_member("share")[part.index]["deals"]
            self.assertEqual(unbase64(deals, 96), [stranger.deal_leaf(d) for d in part.deals])

    def in_the_log(self, items):
        """Every item's leaf holds that event, and what was said in the round stands in order."""
        for item in items:
            entry, = self.server.get(f"/log/entries?limit=1&cursor={item['leaf']}"
                                     ).must(200).json["entries"]
            self.assertEqual(entry, {"leaf": item["leaf"], "event": item["event"]})
        said = [item["leaf"] for item in items if "ctx" in item["event"]
                or item["event"]["type"] == "open"]
        self.assertEqual(said, sorted(said))

    def test_the_boxes_of_complaints(self):
        voices = self.choir(9)
        ctx = self.server.open_round(voices[0].model)
        all_join(voices, ctx)
        self.server.wait_phase(ctx, "share")
        bad, liar, other = voices[:3]
        indices = [voice.look(ctx).index for voice in (bad, liar, other)]
        bad.deal(ctx, spoil=indices[1:])
        all_share(voices, ctx)
        self.server.wait_phase(ctx, "upload")
        part = liar.open_boxes(ctx)  # complains of two, of one in vain
        part.bad = sorted([*part.bad, indices[2]])
        del part.held[indices[2]]
        all_upload(voices, ctx)
        all_unmask(voices, ctx)
        self.server.wait_phase(ctx, "done")
        said = self.read(ctx)
        self.assertEqual(sorted(said.complaints()), sorted([
            (indices[1], indices[0], False), (indices[2], indices[0], False),
            (indices[1], indices[2], True)]))

    def test_resuming_at_every_cursor(self):
        voices = self.choir(3)
        ctx = self.server.open_round(voices[0].model)
        play(voices, ctx)
        self.stored(ctx)  # every leaf has its number
        whole = transcript(self.server, ctx)
        self.assertEqual(transcript(self.server, ctx, limit=1), whole)
        for limit in (1, 7, 200):
            seen = 0
            for cursor, items in pages(self.server, ctx, limit=limit):
                self.assertLessEqual(len(items), limit)
                self.assertEqual(items, whole[seen:seen + len(items)])
                self.assertEqual(transcript(self.server, ctx, cursor=cursor), whole[seen:])
                seen += len(items)
            self.assertEqual(seen, len(whole))
        for query in ("cursor=x", "cursor=-1", "cursor=", "limit=0", "limit=201"):
            self.server.get(f"/rounds/{ctx}/transcript?{query}").refused("bad-value", 400)
        self.assertEqual(transcript(self.server, ctx, cursor=10**14), [])

    def test_a_page_is_cut_when_it_grows_large(self):
        voices = self.choir(4)
        ctx = self.server.open_round(voices[0].model)
        play(voices, ctx)
        self.sql("UPDATE updates SET leaves = decode(repeat('5a', 3 << 19), 'hex') "
                 f"WHERE ctx = '\\x{ctx}'")  # each two mebibytes of base64
        whole = transcript(self.server, ctx, limit=1)
        large = list(pages(self.server, ctx, limit=200))
        self.assertEqual([item for _, items in large for item in items], whole)
        self.assertEqual([sum(item["event"]["type"] == "update" for item in items)
                          for _, items in large], [2, 2, 0])

    def test_attempts_that_failed(self):
        """In joining, cancelled; in sharing; and in uploading."""
        voices = self.choir(4)
        first = self.server.open_round(voices[0].model)
        path = f"/rounds/{first}/transcript"
        all_join(voices[:2], first)
        self.server.get(path).refused("not-found", 404)
        self.server.admin("POST", f"/rounds/{first}/cancel", {}).must(200)
        said = Reading(self, transcript(self.server, first), self.server.instance())
        said.signatures()
        said.order()
        self.assertEqual([item["event"]["type"] for item in said.items[5:]],
                         ["open", "join", "join", "failed"])
        second = self.server.open_round(voices[0].model)
        all_join(voices, second)
        all_share(voices[:2], second)
        self.end_phase(second)
        self.server.wait_phase(second, "failed")
        said = self.read(second)
        self.assertEqual(len(events_of(said.items, "share")), 2)
        third = self.server.open_round(voices[0].model)
        all_join(voices, third)
        all_share(voices, third)
        all_upload(voices[:2], third)
        self.end_phase(third)
        self.server.wait_phase(third, "failed")
        said = self.read(third)
        self.assertEqual(len(events_of(said.items, "update")), 2)
        self.assertEqual(only(said.items, "failed")["phase"], "upload")
        self.server.get(f"/rounds/{'0' * 64}/transcript").refused("not-found", 404)


class BaseAndRewards(Ended):
    def test_the_state_before_a_round(self):
        voices = self.choir(3, server={"kind": "fedavgm", "rate": "1", "momentum": "0.5"})
        first = self.server.open_round(voices[0].model)
        play(voices, first)
        self.server.get(f"/rounds/{first}/state").refused("not-found", 404)
        second = self.server.open_round(voices[0].model)
        state = self.server.get(f"/rounds/{second}/state").must(200)
        self.assertEqual(hashlib.sha256(state.body).hexdigest(),
                         self.server.event(first, "result")["optimiser_state"])
        top = 2**15 - 1
        total = [sum(column) for column in zip(*(v.parts[first].integers for v in voices))]
        for value, velocity in zip(total, struct.unpack("<50d", state.body)):
            self.assertAlmostEqual(velocity, value / 6 / top, places=12)

    def test_rewards_by_index(self):
        voices = self.choir(5, reward={"scheme": "equal", "budget": str(10**59 + 9)})
        ctx, here = self.server.open_round(voices[0].model), voices[1:]
        all_join(voices, ctx)
        all_share(here, ctx)
        self.end_phase(ctx)
        all_upload(here, ctx)
        self.server.get(f"/rounds/{ctx}/rewards").refused("not-found", 404)
        all_unmask(here, ctx)
        self.server.wait_phase(ctx, "done")
        rewards = self.server.get(f"/rounds/{ctx}/rewards").must(200).json["rewards"]
        each = str((10**59 + 9) // 4)
        self.assertEqual(rewards, [{"amount": each, "participant": i}
                                   for i in sorted(voice.id for voice in here)])
        root = stranger.merkle_root([stranger.canonical(leaf) for leaf in rewards])
        self.assertEqual(self.server.event(ctx, "result")["rewards"], root.hex())

    def test_no_rewards(self):
        voices = self.choir(3)
        ctx = self.server.open_round(voices[0].model)
        play(voices, ctx)
        rewards = self.server.get(f"/rounds/{ctx}/rewards").must(200).json
        self.assertEqual(rewards, {"rewards": []})


# ---------------------------------------------------------------- masked vectors

class Vectors(Ended):
    def test_each_chunk_as_it_was_sent(self):
        voices = self.choir(5, dimension=300_000)
        ctx, here = self.server.open_round(voices[0].model), voices[1:]
        all_join(voices, ctx)
        all_share(voices, ctx)
        self.server.wait_phase(ctx, "upload")
        voices[0].announce(ctx).must(201)
        voices[0].chunk(ctx, 0).must(200)
        all_upload(here, ctx)
        self.chunk(ctx, here[0]).refused("not-found", 404)
        self.end_phase(ctx)
        self.server.wait_phase(ctx, "unmask")
        self.chunk(ctx, here[0]).refused("not-found", 404)
        all_unmask(here, ctx)
        self.server.wait_phase(ctx, "done")
        for voice in here:
            chunks = voice.parts[ctx].chunks
            self.assertEqual(len(chunks), 2)
            for index, data in enumerate(chunks):
                got = self.chunk(ctx, voice, index).must(200)
                self.assertEqual(got.body, data)
                self.assertIn("immutable", got.headers["Cache-Control"])
        self.part_of_a_chunk(ctx, here[0])
        for who, index in ((here[0], 2), (here[0], "x"), (here[0], "-1"), (voices[0], 0),
                           (Key(), 0)):
            self.chunk(ctx, who, index).refused("not-found", 404)

    def part_of_a_chunk(self, ctx, voice):
        data = voice.parts[ctx].chunks[1]
        path = f"{self.server.origin}/api/v1/rounds/{ctx}/updates/{voice.id}/chunks/1"

        def ask(spell):
            done = subprocess.run(["curl", "-s", "-i", "-r", spell, path], capture_output=True,
                                  check=True, timeout=60)
            head, _, body = done.stdout.partition(b"\r\n\r\n")
            return int(head.split()[1]), head.decode(), body
        self.assertEqual(ask("10-19")[::2], (206, data[10:20]))
        self.assertEqual(ask("-5")[::2], (206, data[-5:]))
        status, head, _ = ask(f"{len(data)}-")
        self.assertEqual(status, 416)
        self.assertIn(f"bytes */{len(data)}", head)

    def test_for_members_only(self):
        slug = self.slug()
        members = choir(self.server, slug, 5, changed(SPEC, audit={"audience": "members",
                                                                   "window": 3600}))
        *voices, idle, gone = members
        self.server.admin("POST", f"/models/{slug}/members/{gone.id}/suspend", {}).must(200)
        outsider, = choir(self.server, self.slug(), 1, SPEC)
        ctx = self.server.open_round(slug)
        all_join(voices, ctx)
        self.end_phase(ctx)
        all_share(voices, ctx)
        all_upload(voices, ctx)
        all_unmask(voices, ctx)
        self.server.wait_phase(ctx, "done")
        ask = self.chunk(ctx, voices[0]).refused("unauthenticated", 401)
        self.assertEqual(ask.headers["WWW-Authenticate"], "Chorus")

        def fetch(who, of=ctx):
            return self.chunk(ctx, voices[0], auth=who.key.fetch_header(of))
        for who in (voices[1], idle):
            got = fetch(who).must(200)
            self.assertEqual(got.body, voices[0].parts[ctx].chunks[0])
            self.assertEqual(got.headers["Cache-Control"], "no-store")
        for who in (gone, outsider):
            fetch(who).refused("not-admitted", 403)
        fetch(voices[1], "ab" * 32).refused("bad-signature", 403)
        self.chunk(ctx, voices[0], auth="Chorus x").refused("unauthenticated", 401)
        self.chunk(ctx, voices[0], admin=True).refused("unauthenticated", 401)
        transcript(self.server, ctx)  # that is for everybody


class Retention(Ended):
    def check_retention(self, ctx, vectors, length):
        event = self.retained(ctx)
        key = bytes.fromhex(self.server.instance()["coordinator"])
        self.assertTrue(stranger.SODIUM.signed(key, stranger.to_sign(event),
                                               bytes.fromhex(event["sig"])))
        self.assertEqual(set(event), {"type", "sig", "instance", "ctx", "vectors", "bytes",
                                      "time"})
        self.assertEqual((event["ctx"], event["vectors"], event["bytes"]),
                         (ctx, vectors, vectors * length))
        self.assertEqual(self.vectors(ctx), 0)
        return event

    def test_kept_for_the_window_and_then_erased(self):
        voices = self.choir(3, audit={"audience": "public", "window": 3})
        ctx = self.server.open_round(voices[0].model)
        play(voices, ctx)
        length = len(voices[0].parts[ctx].y)
        event = self.check_retention(ctx, 3, length)
        for voice in voices:
            self.chunk(ctx, voice).refused("vectors-erased", 410)
        ended = self.sql(f"SELECT floor(extract(epoch FROM ended_at)) FROM rounds "
                         f"WHERE ctx = '\\x{ctx}'")
        self.assertGreaterEqual(event["time"], int(ended) + 3)
        self.read(ctx)  # all but the vectors stays
        self.server.restart()
        self.settled(ctx)
        self.check_retention(ctx, 3, length)

    def test_nothing_goes_before(self):
        voices = self.choir(5)
        ctx, here = self.server.open_round(voices[0].model), voices[1:]
        all_join(voices, ctx)
        all_share(voices, ctx)
        self.server.wait_phase(ctx, "upload")
        voices[0].announce(ctx).must(201)
        all_upload(here, ctx)
        self.sql("INSERT INTO blob_chunks SELECT blob, 7, '\\x00' FROM updates "
                 f"WHERE ctx = '\\x{ctx}' AND NOT complete")  # a vector that is never whole
        self.assertEqual(self.vectors(ctx), 5)
        self.end_phase(ctx)
        all_unmask(here, ctx)
        self.server.wait_phase(ctx, "done")
        self.settled(ctx)
        self.assertEqual(self.vectors(ctx), 4)
        for voice in here:
            self.assertEqual(self.chunk(ctx, voice).must(200).body, voice.parts[ctx].y)
        self.assertEqual(events_of(transcript(self.server, ctx), "retention"), [])
        left = self.sql("SELECT extract(epoch FROM vectors_until - ended_at)::bigint FROM rounds "
                        f"WHERE ctx = '\\x{ctx}'")
        self.assertEqual(int(left), only(transcript(self.server, ctx), "open")["audit"]["window"])

    def test_failed_attempts_are_erased_at_once(self):
        voices = self.choir(4)
        ctx = self.server.open_round(voices[0].model)
        all_join(voices, ctx)
        all_share(voices, ctx)
        all_upload(voices[:2], ctx)
        self.end_phase(ctx)
        self.server.wait_phase(ctx, "failed")
        self.check_retention(ctx, 2, len(voices[0].parts[ctx].y))
        self.chunk(ctx, voices[0]).refused("not-found", 404)
        again = self.server.open_round(voices[0].model)
        all_join(voices, again)
        self.server.admin("POST", f"/rounds/{again}/cancel", {}).must(200)
        self.settled(again)
        until(lambda: self.sql(f"SELECT vectors_erased FROM rounds WHERE ctx = '\\x{again}'")
              == "t", 20, "there is nothing left to erase")
        self.assertEqual(events_of(transcript(self.server, again), "retention"), [])

    def long_vectors(self):
        """A round that has ended, with so many chunks that they are not erased at one go."""
        voices = self.choir(3)
        ctx = self.server.open_round(voices[0].model)
        play(voices, ctx)
        self.settled(ctx)
        self.sql("INSERT INTO blob_chunks SELECT u.blob, i, '\\x00' FROM updates u, "
                 f"generate_series(1, 200) i WHERE u.ctx = '\\x{ctx}'")
        return voices, ctx

    def test_killed_in_the_middle(self):
        voices, ctx = self.long_vectors()
        with Held(self.server.database, "SELECT b.blob FROM blob_chunks b JOIN updates u ON "
                  f"u.blob = b.blob WHERE u.ctx = '\\x{ctx}' ORDER BY b.blob DESC, b.part DESC "
                  "LIMIT 1 FOR UPDATE OF b"):
            self.end_window(ctx)
            until(lambda: 0 < self.vectors(ctx) < 500, 20, "some are erased")
            self.server.kill()
        self.assertGreater(self.vectors(ctx), 0)
        self.assertEqual(self.sql("SELECT count(*) FROM events WHERE type = 'retention' AND "
                                  f"ctx = '\\x{ctx}'"), "0")
        self.server.start()
        self.chunk(ctx, voices[0]).refused("vectors-erased", 410)
        self.check_retention(ctx, 3, len(voices[0].parts[ctx].y))

    def test_two_at_it_tell_once(self):
        """Two replicas, and twice the job: a lease that lapsed while its holder lives."""
        other = self.server.replica()
        voices, ctx = self.long_vectors()
        self.sql("INSERT INTO jobs (kind, ctx, part) SELECT 'clean', ctx, i FROM rounds, "
                 f"generate_series(1, 6) i WHERE ctx = '\\x{ctx}'; UPDATE rounds SET "
                 f"vectors_until = clock_timestamp() WHERE ctx = '\\x{ctx}'")
        self.check_retention(ctx, 3, len(voices[0].parts[ctx].y))
        self.assertEqual(transcript(other, ctx), transcript(self.server, ctx))
        self.assertEqual(self.sql("SELECT count(*) FROM jobs WHERE state = 'dead'"), "0")


class Held:
    """A transaction that holds what a statement locks, as long as the block lasts."""

    def __init__(self, database, statement):
        self.database, self.statement = database, statement

    def __enter__(self):
        self.psql = subprocess.Popen(
            ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d",
             self.database.conninfo], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.psql.stdin.write(f"BEGIN;\n{self.statement};\n")
        self.psql.stdin.flush()
        assert self.psql.stdout.readline().strip(), "nothing was locked"
        return self

    def __exit__(self, *_):
        self.psql.communicate("ROLLBACK;\n", timeout=60)


if __name__ == "__main__":
    import unittest
    unittest.main()
