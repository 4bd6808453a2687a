# SPDX-License-Identifier: Apache-2.0
"""An operator that cheats afterwards: whatever it changes in its database, with or without
the coordinator's key, and however well it builds its log anew, `chorus verify` names it.

One history is played once. Every case changes a copy of it, starts a server over the copy,
and lets a stranger audit it who has nothing but the instance's hash."""

import json
import secrets

import stranger
from harness import Client, Database, Scenario, Server, changed, read_spec, tail, until
from rewriter import Rewriter
from voice import Key, Voice, all_join, all_share, all_unmask, all_upload

SPEC = {"deadlines": {"join": 60, "share": 60, "upload": 8, "unmask": 60},
        "cohort": {"minimum": 3, "maximum": 20, "corrupt_bp": 1000, "dropout_bp": 1000},
        "server": {"kind": "fedavgm", "rate": "1", "momentum": "0.5"},
        "reward": {"scheme": "samples", "budget": "1000000"}}
MODEL = "tampered"
WEIGHTS = [7, 5, 3, 11, 2]


class History:
    """Two rounds of one model by five voices, of whom one drops in the second; then the server
    is stopped, and its database is a template."""

    def __init__(self, server):
        self.server = server
        self.server.make_model(MODEL, changed(read_spec("iris"), **SPEC))
        links = self.server.invite(MODEL, 5)
        voices = [Voice(self.server, f"voice {i}").enrol(l) for i, l in enumerate(links)]
        self.one = self.play(voices, voices)
        self.mover = voices[1].id
        self.server.post(f"/participants/{self.mover}/payout",
                         voices[1].payout_body("0x" + "11" * 20)).must(201)
        self.two = self.play(voices, voices[:4])
        self.dropped = voices[4].id
        self.instance = stranger.event_hash(self.server.instance()).hex()
        self.members = sorted(v.id for v in voices)
        self.rest()
        self.size = int(self.server.database.query("SELECT size FROM log_head"))
        self.key = Key.from_file(self.server.key)
        self.server.stop()

    def play(self, voices, staying):
        ctx = self.server.open_round(MODEL)
        for step in (all_join, all_share, lambda v, c: all_upload(v, c, WEIGHTS), all_unmask):
            for voice in voices:
                voice.look_at_log()
            step(staying if step not in (all_join, all_share) else voices, ctx)
        self.server.wait_phase(ctx, "done", limit=30)
        return ctx

    def rest(self):
        """Everything is in the log, and no job is left."""
        until(lambda: self.server.database.query(
            "SELECT (SELECT count(*) FROM log_pending) + (SELECT count(*) FROM jobs WHERE state IN "
            "('ready', 'claimed'))") == "0", 30, "the server is at rest")


# ---------------------------------------------------------------- what it changes

def stored_event(f, h):
    """A bit of a stored join, in a digit of its signature."""
    where = f"seq = {f.seq('join', h.two)}"
    data = f.text(f"SELECT encode(bytes, 'hex') FROM events WHERE {where}")
    place = next(i for i in range(data.index('"sig":"') + 7, len(data)) if data[i].isdigit())
    f.flip_column("events", "bytes", where, at=place)


def swapped_key(f, h):
    """A member's mask key is another's, so that somebody else can take its masks off."""
    f.spoil(f.seq("join", h.two), mask_key=stranger.base_times(stranger.random_scalar()).hex())


def dropped_event(f, h):
    """An answer is not in the log any more."""
    f.query(f"DELETE FROM log_entries WHERE event = {f.seq('unmask', h.two)}")


def hidden_event(f, h):
    """The same, and the log is built anew without it."""
    dropped_event(f, h)
    f.build_log()


def reordered(f, h):
    """Two leaves change places."""
    a, b = f.seq("join", h.one), f.seq("join", h.one, nth=1)
    f.query(f"UPDATE log_entries SET event = -event - 1 WHERE event IN ({a}, {b}); UPDATE log_entries "
            f"SET event = CASE event WHEN {-a - 1} THEN {b} ELSE {a} END WHERE event < 0")


def result_first(f, h):
    """The result is logged before the survivors that it sums; the log is built anew."""
    result, survivors = f.seq("result", h.two), f.seq("survivors", h.two)
    f.query(f"UPDATE log_entries SET event = -event - 1 WHERE event IN ({result}, {survivors}); "
            f"UPDATE log_entries SET event = CASE event WHEN {-result - 1} THEN {survivors} ELSE "
            f"{result} END WHERE event < 0")
    f.build_log()


def tile(f, h):
    """A bit of a tile."""
    f.flip_column("log_tiles", "hashes", "level = 0 AND index = 0", at=40)


def checkpoint_signature(f, h):
    """A bit of the newest checkpoint's signature."""
    note = f.bytes("SELECT encode(note, 'hex') FROM log_checkpoints ORDER BY size DESC LIMIT 1")
    place = note.rindex(b"=") - 9
    letter = b"B" if note[place:place + 1] == b"A" else b"A"
    note = note[:place] + letter + note[place + 1:]
    f.query(f"UPDATE log_checkpoints SET note = '\\x{note.hex()}' WHERE size = {h.size}")


def checkpoint_root(f, h):
    """The newest checkpoint says another root, well signed."""
    f.sign_head(h.size, secrets.token_bytes(32))


def rewritten_log(f, h):
    """An old suspension is slipped in well before the end, the log is built anew: every
    checkpoint that a participant saw after it is now of another tree."""
    f.query("UPDATE log_entries SET leaf = leaf + 1000 WHERE leaf >= 3")
    f.query("UPDATE log_entries SET leaf = leaf - 999 WHERE leaf >= 1000")
    who = h.members[0]
    admit = f.event(f.seq("admit"))
    event = f.key.sign({**admit, "type": "suspend", "participant": who})
    seq = f.add(event, model=MODEL)
    f.query(f"UPDATE log_entries SET leaf = 3 WHERE event = {seq}")
    f.build_log()


def chunk(f, h):
    """A bit of a masked vector."""
    f.flip_blob(f"(SELECT blob FROM updates WHERE ctx = '\\x{h.two}' ORDER BY member LIMIT 1)", at=5)


def chunk_gone(f, h):
    """A masked vector is lost, although the window is open."""
    f.query("DELETE FROM blob_chunks WHERE blob = (SELECT blob FROM updates WHERE ctx = "
            f"'\\x{h.two}' ORDER BY member LIMIT 1)")


def erased_early(f, h):
    """The vectors are erased a week before the time, openly."""
    f.query(f"DELETE FROM blob_chunks WHERE blob IN (SELECT blob FROM updates WHERE ctx = "
            f"'\\x{h.two}'); UPDATE rounds SET vectors_erased = true WHERE ctx = '\\x{h.two}'")
    opened = f.event(f.seq("open", h.two))
    f.add(f.key.sign({"type": "retention", "instance": h.instance, "ctx": h.two, "vectors": 4,
                      "bytes": 4 * 76, "time": opened["time"] + 60}), ctx=h.two, model=MODEL)
    f.build_log()


def chunk_hashes(f, h):
    """The chunk hashes beside a manifest."""
    f.flip_column("updates", "leaves", f"ctx = '\\x{h.two}' AND member = (SELECT min(member) FROM "
                  f"updates WHERE ctx = '\\x{h.two}')")


def dealt_points(f, h):
    """A commitment among the deals."""
    f.flip_column("shares", "deals", f"ctx = '\\x{h.two}' AND member = 0", at=3)


def base_served(f, h):
    """A bit of the weights that the second round started from."""
    f.flip_blob(f"(SELECT base FROM rounds WHERE ctx = '\\x{h.two}')")


def sum_served(f, h):
    """A bit of the sum that is served."""
    f.flip_blob(f"(SELECT sum FROM rounds WHERE ctx = '\\x{h.two}')")


def model_served(f, h):
    """A bit of the new weights."""
    f.flip_blob(f"(SELECT weights FROM rounds WHERE ctx = '\\x{h.two}')")


def reward_row(f, h):
    """One reward row is worth more."""
    f.query(f"UPDATE rewards SET amount = amount + 1 WHERE ctx = '\\x{h.two}' AND member = "
            f"(SELECT min(member) FROM rewards WHERE ctx = '\\x{h.two}')")


def reward_paid(f, h):
    """The friend of the operator gets everything: rows, root and result agree."""
    rows = f.query("SELECT encode(participant, 'hex') FROM rewards WHERE ctx = "
                   f"'\\x{h.two}' ORDER BY member").split()
    leaves = [stranger.canonical({"amount": "1000000" if i == 0 else "0", "participant": who})
              for i, who in enumerate(rows)]
    f.query(f"UPDATE rewards SET amount = CASE WHEN participant = '\\x{rows[0]}' THEN 1000000 ELSE 0 "
            f"END WHERE ctx = '\\x{h.two}'")
    f.resign(f.seq("result", h.two), rewards=stranger.merkle_root(leaves).hex())
    f.build_log()


def result(**members):
    """A result that says something else, well signed, the log built anew."""
    def change(f, h):
        f.resign(f.seq("result", h.two), **members)
        f.build_log()
    return change


def survivor_left_out(f, h):
    """One survivor less: the list, its root and the result are signed again."""
    seq = f.seq("survivors", h.two)
    n = len(h.members)
    members = stranger.members_of(f.event(seq)["members"], n)
    left = sorted(members)[1:]
    updates = [f.event(f.seq("update", h.two, who=h.members[i])) for i in left]
    event = f.resign(seq, members=stranger.bitmap(left, n), updates=stranger.events_root(updates))
    f.resign(f.seq("result", h.two), survivors=stranger.event_hash(event).hex(), count=len(left))
    f.build_log()


def phantom(f, h):
    """A participant whom nobody invited stands in the roster: all that the coordinator and the
    phantom itself can sign is signed."""
    ghost = Key()
    while ghost.id < h.members[-1]:  # it comes last, so that nobody's place changes
        ghost = Key()
    enroll = ghost.sign({**f.event(f.seq("enroll")), "participant": ghost.id,
                         "organisation": secrets.token_hex(16)})
    admit = f.key.sign({**f.event(f.seq("admit")), "participant": ghost.id,
                        "identity": stranger.event_hash(enroll).hex(), "previous": None})
    join = f.event(f.seq("join", h.two))
    join = ghost.sign({**join, "participant": ghost.id, **{
        name: stranger.base_times(stranger.random_scalar()).hex()
        for name in ("mask_key", "share_key", "self_key")}})
    enrolled = f.add(enroll, who=ghost.id)
    admitted = f.add(admit, model=MODEL, who=ghost.id)
    joined = f.add(join, ctx=h.two, model=MODEL, who=ghost.id)
    f.query("INSERT INTO participants (id, organisation, name, salt, enroll) VALUES "
            f"('\\x{ghost.id}', '\\x{enroll['organisation']}', 'ghost', '\\x{secrets.token_hex(16)}', "
            f"{enrolled}); INSERT INTO joins (ctx, participant, organisation, mask_key, share_key, "
            f"self_key, event, admit, member) VALUES ('\\x{h.two}', '\\x{ghost.id}', "
            f"'\\x{enroll['organisation']}', '\\x{join['mask_key']}', '\\x{join['share_key']}', "
            f"'\\x{join['self_key']}', {joined}, {admitted}, 5); UPDATE rounds SET n = 6, k = 5, t = 4 "
            f"WHERE ctx = '\\x{h.two}'")
    order = [*h.members, ghost.id]
    joins = [f.event(f.seq("join", h.two, who=who)) for who in order]
    roster = f.resign(f.seq("roster", h.two), n=len(order), joins=stranger.events_root(joins))
    f.resign(f.seq("graph", h.two), roster=stranger.event_hash(roster).hex(), k=5, t=4)
    f.build_log()


def roster_root(f, h):
    """The roster's root is of other joins."""
    roster = f.resign(f.seq("roster", h.two), joins=secrets.token_hex(32))
    f.resign(f.seq("graph", h.two), roster=stranger.event_hash(roster).hex())
    f.build_log()


def graph_threshold(f, h):
    """A threshold of 2: any two could unmask anybody."""
    f.resign(f.seq("graph", h.two), t=2)
    f.build_log()


def sharer_left_out(f, h):
    """Somebody who shared is not among the sharers."""
    members = stranger.members_of(f.event(f.seq("sharers", h.two))["members"], len(h.members))
    f.resign(f.seq("sharers", h.two), members=stranger.bitmap(sorted(members)[1:], len(h.members)))
    f.build_log()


def lower_minimum(f, h):
    """Terms that the description does not have: two are enough to bend a round of three."""
    f.resign(f.seq("open", h.two), maximum=19)
    f.build_log()


def spec_served(f, h):
    """Another description under the same hash."""
    spec = f.text("SELECT encode(spec, 'hex') FROM model_versions WHERE version = 1")
    spec = spec.replace("Tell three species", "Sell three species")
    f.query(f"UPDATE model_versions SET spec = '\\x{spec.encode().hex()}'")


def innocent_named(f, h):
    """Somebody who did nothing is named as a cheat."""
    update = f.event(f.seq("update", h.two))
    named = [{"event": stranger.event_hash(update).hex(), "participant": h.dropped,
              "reason": "bad-box"}]
    result(named=named)(f, h)


def answer_changed(f, h):
    """A share in an answer is another."""
    seq = f.seq("unmask", h.two)
    shares = f.event(seq)["shares"]
    f.spoil(seq, shares=[stranger.scalar_bytes(stranger.random_scalar()).hex(), *shares[1:]])
    f.build_log()


def old_base(f, h):
    """The second round is said to start from the initial model again."""
    base = f.event(f.seq("open", h.one))["base"]
    f.resign(f.seq("open", h.two), base=base)
    f.build_log()


def second_open(f, h):
    """The same round was opened twice, with other terms, for somebody else."""
    event = {**f.event(f.seq("open", h.two)), "time": 1}
    event = f.key.sign(event)
    f.add(event, ctx=stranger.round_ctx(event).hex(), model=MODEL)
    f.build_log()


def second_result(f, h):
    """Two results of one round stand in the log."""
    event = f.key.sign({**f.event(f.seq("result", h.two)), "sum": secrets.token_hex(32)})
    seq = f.add(event, model=MODEL)
    f.query(f"UPDATE events SET model = NULL WHERE seq = {seq}")
    f.build_log()


def admission_chain(f, h):
    """An admission names one before it that never was."""
    f.resign(f.seq("admit"), previous=secrets.token_hex(32))
    f.build_log()


def adopt(f, h, **members):
    """The address that somebody has named counts from here on."""
    named = f.event(f.seq("payout"))
    f.add(f.key.sign({"type": "adopt", "instance": h.instance, "participant": h.mover,
                      "identity": stranger.event_hash(named).hex(), "time": named["time"] + 86400,
                      **members}), who=h.mover)
    f.build_log()


def adopted_early(f, h):
    """Before the day has passed."""
    adopt(f, h, time=f.event(f.seq("payout"))["time"] + 86399)


def adopted_nothing(f, h):
    """An address counts that nobody has named."""
    adopt(f, h, identity=stranger.event_hash(f.event(f.seq("enroll", who=h.mover))).hex())


def redirected(f, h):
    """The operator names an address of its own for a member, and signs that itself."""
    f.resign(f.seq("payout"), payout="0x" + "22" * 20)
    f.build_log()


def change_hidden(f, h):
    """A change names one before it that is not in the log."""
    f.spoil(f.seq("payout"), previous=secrets.token_hex(32))
    f.build_log()


def not_an_event(f, h):
    """Something stands in the log that nobody signed."""
    event = {**f.event(f.seq("model")), "spec": secrets.token_hex(32)}
    f.add(event, model=MODEL)
    f.build_log()


def first_leaf(f, h):
    """The log does not begin with the instance."""
    f.query("DELETE FROM log_entries WHERE leaf = 0")
    f.build_log()


def failure_said(f, h):
    """The round is said to have failed for want of sharers, and its result is gone."""
    seq = f.seq("result", h.two)
    event = f.key.sign({"type": "failed", "instance": h.instance, "ctx": h.two, "phase": "share",
                        "reason": "below-threshold", "named": []})
    f.put(seq, event)
    f.query(f"UPDATE events SET type = 'failed' WHERE seq = {seq}; UPDATE rounds SET phase = "
            f"'failed', failure = 'below-threshold' WHERE ctx = '\\x{h.two}'")
    f.build_log()


#: name, what is audited (the round, or the whole history), the checks that must be among
#: those with findings, what is changed.
CASES = [
    ("a stored event", "round", {"signature", "inclusion"}, stored_event),
    ("a swapped key", "round", {"signature"}, swapped_key),
    ("a dropped event", "round", {"inclusion"}, dropped_event),
    ("a hidden event", "round", {"inclusion"}, hidden_event),
    ("two leaves change places", "all", {"root"}, reordered),
    ("a result before its survivors", "round", {"order"}, result_first),
    ("a tile", "round", {"inclusion"}, tile),
    ("the signature of a checkpoint", "round", {"checkpoint"}, checkpoint_signature),
    ("the root of a checkpoint", "all", {"root"}, checkpoint_root),
    ("a rewritten log", "round", {"seen"}, rewritten_log),
    ("a masked chunk", "round", {"chunks"}, chunk),
    ("a lost chunk", "round", {"vectors"}, chunk_gone),
    ("vectors erased too early", "round", {"retention"}, erased_early),
    ("the hashes of chunks", "round", {"manifests"}, chunk_hashes),
    ("a dealt point", "round", {"deals"}, dealt_points),
    ("the base that is served", "round", {"base-served"}, base_served),
    ("the sum that is served", "round", {"sum-served"}, sum_served),
    ("the model that is served", "round", {"model-served"}, model_served),
    ("a reward row", "round", {"rewards-served"}, reward_row),
    ("a wrong amount", "round", {"rewards"}, reward_paid),
    ("another model in the result", "round", {"model"}, result(model=secrets.token_hex(32))),
    ("another state in the result", "round", {"model"},
     result(optimiser_state=secrets.token_hex(32))),
    ("another sum in the result", "round", {"sum"}, result(sum=secrets.token_hex(32))),
    ("other totals", "round", {"totals"},
     result(totals=lambda totals: [str(int(totals[0]) + 1), *totals[1:]])),
    ("another count", "round", {"totals"}, result(count=lambda count: count + 1)),
    ("a survivor left out", "round", {"link"}, survivor_left_out),
    ("a phantom participant", "round", {"link"}, phantom),
    ("another roster", "round", {"roster"}, roster_root),
    ("another threshold", "round", {"graph"}, graph_threshold),
    ("a sharer left out", "round", {"sharers"}, sharer_left_out),
    ("other terms", "round", {"context"}, lower_minimum),
    ("another description", "round", {"spec"}, spec_served),
    ("an innocent is named", "round", {"named"}, innocent_named),
    ("a changed answer", "round", {"signature"}, answer_changed),
    ("an old base", "round", {"context"}, old_base),
    ("a round opened twice", "all", {"unique"}, second_open),
    ("two results", "all", {"unique"}, second_result),
    ("an admission from nowhere", "all", {"admissions"}, admission_chain),
    ("an address that counts too early", "all", {"payees"}, adopted_early),
    ("an address that nobody named", "all", {"payees"}, adopted_nothing),
    ("a redirected address", "all", {"signature"}, redirected),
    ("a hidden change of address", "all", {"payees"}, change_hidden),
    ("an entry that nobody signed", "all", {"signature"}, not_an_event),
    ("no instance", "all", {"order"}, first_leaf),
    ("a failure that was none", "round", {"failure"}, failure_said),
]


class Tampering(Scenario):
    """Sets up the history; its subclasses go through a part of the table."""

    LIMIT = 90

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.history = History(cls.server)

    def forged(self, change):
        """A server over a copy of the history, changed by the operator."""
        database = Database(template=self.server.database.name)
        change(Rewriter(database, self.history.key), self.history)
        forged = Server(None, database, like=self.server)
        self.addCleanup(forged.close)
        return forged

    def chorus(self, home, server, *words):
        client = Client(self.folder, home)
        done = client.run(*words, "--server", server.origin, "--instance", self.history.instance,
                          "--json")
        said = [json.loads(line) for line in done.out.splitlines() if line.startswith("{")]
        return done, said

    def audit(self, server, what, home=None):
        """The exit code, and the checks that found something."""
        words = ["--all"] if what == "all" else [self.history.two]
        done, said = self.chorus(home or f"stranger {secrets.token_hex(4)}", server, "verify", *words,
                                 "--patience", "2")
        reports = [line for line in said if line.get("event") == "audit"]
        found = {finding["check"] for report in reports for finding in report["findings"]}
        errors = {report["error"] for report in said if report.get("event") == "error"}
        return done, found | errors

    def named(self, case):
        name, what, wants, change = case
        done, found = self.audit(self.forged(change), what)
        self.assertEqual(done.code, 12, f"{name}: {tail(done.out + done.err)}")
        self.assertLessEqual(wants, found, f"{name}: {tail(done.out + done.err)}")


def cases(part):
    """One test for each line of the table."""
    def fill(case):
        for number, line in enumerate(CASES):
            if number % 2 == part:
                name = "test_" + line[0].replace(" ", "_")
                setattr(case, name, lambda self, line=line: self.named(line))
        return case
    return fill


@cases(0)
class EvenLines(Tampering):
    SANITIZED = False

    def test_an_honest_round(self):
        done, found = self.audit(self.forged(lambda f, h: None), "round")
        self.assertEqual((done.code, found), (0, set()), tail(done.out + done.err))


@cases(1)
class OddLines(Tampering):
    def test_an_honest_history(self):
        done, found = self.audit(self.forged(lambda f, h: f.build_log()), "all")
        self.assertEqual((done.code, found), (0, set()), tail(done.out + done.err))

    def test_an_address_that_counts_in_time(self):
        done, found = self.audit(self.forged(adopt), "all")
        self.assertEqual((done.code, found), (0, set()), tail(done.out + done.err))


class WhoLookedBefore(Tampering):
    """Whoever kept a checkpoint sees what no stranger can: an old head, and another history
    that fits together in itself."""

    SANITIZED = False

    def looked(self, home):
        done, _ = self.audit(self.forged(lambda f, h: None), "round", home)
        self.assertEqual(done.code, 0, tail(done.out + done.err))
        done, _ = self.chorus(home, self.forged(lambda f, h: None), "log", "monitor", "--once")
        self.assertEqual(done.code, 0, tail(done.out + done.err))

    def caught(self, change, *wants):
        home = f"witness {secrets.token_hex(4)}"
        self.looked(home)
        forged = self.forged(change)
        done, found = self.audit(forged, "round", home)
        self.assertEqual(done.code, 12, tail(done.out + done.err))
        self.assertTrue(found & set(wants), tail(done.out + done.err))
        done, said = self.chorus(home, forged, "log", "monitor", "--once")
        words = {line.get("error", line["event"]) for line in said}
        self.assertNotEqual(done.code, 0, tail(done.out + done.err))
        self.assertTrue(words & set(wants), tail(done.out + done.err))

    def test_a_fork(self):
        """A receiver of the one history meets the other: it ends in a vote of another admit."""
        def other(f, h):
            admit = f.event(f.seq("admit"))
            f.query(f"DELETE FROM log_entries WHERE leaf = {h.size - 1}")
            f.add(f.key.sign({**admit, "type": "suspend",
                              "previous": stranger.event_hash(admit).hex()}), model=MODEL)
            f.build_log()
        self.caught(other, "checkpoint", "cheat-log")

    def test_a_rewritten_log(self):
        self.caught(rewritten_log, "checkpoint", "cheat-log")

    def test_an_old_head(self):
        """The log of yesterday: nothing of it is wrong, but there is more."""
        self.caught(lambda f, h: f.cut_log(h.size - 2), "checkpoint", "behind")
