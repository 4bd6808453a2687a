# SPDX-License-Identifier: Apache-2.0
"""A participant that a test moves by hand, one message at a time.

It keeps the protocol unless it is told otherwise, and trusts the server blindly: a test
says what should happen. The mathematics is the second client's (stranger.py).
"""

import functools
import hashlib
import hmac
import secrets
import time

import ledger
import stranger
from harness import enbase64, until

EMPTY = {"root": hashlib.sha256(b"").hexdigest(), "size": 0}

#: The smallest model: numbers that are only summed.
VECTOR = {
    "name": "Numbers", "purpose": "Sums numbers.", "consent": "Only the sum becomes known.",
    "kind": "vector", "dimension": 50,
    "quantisation": {"bits": 16, "range": "1", "clip": "4", "weight_cap": 100},
    "ring_bits": 32,
    "cohort": {"minimum": 3, "maximum": 20, "corrupt_bp": 1000, "dropout_bp": 1000},
    "deadlines": {"join": 20, "share": 20, "upload": 20, "unmask": 20},
    "server": {"kind": "fedavg", "rate": "1"},
    "reward": {"scheme": "none", "budget": "0"},
}


class Key:
    """An Ed25519 key and what it signs."""

    def __init__(self, seed=None):
        self.public, self.secret = stranger.SODIUM.sign_keys(seed or secrets.token_bytes(32))
        self.id = self.public.hex()

    @classmethod
    def from_file(cls, path):
        """The coordinator's key file: a 32-byte seed or the 64-byte secret, raw or hex."""
        with open(path, "rb") as source:
            data = source.read()
        if len(data) not in (32, 64):
            data = bytes.fromhex(data.decode("ascii").split()[-1])
        return cls(data[:32])

    def sign(self, event):
        """The event with its signature (in place of an older one)."""
        event = {name: value for name, value in event.items() if name != "sig"}
        event["sig"] = stranger.SODIUM.sign(self.secret, stranger.to_sign(event)).hex()
        return event

    def fetch_header(self, ctx):
        message = b"chorus/v1/fetch\n" + bytes.fromhex(ctx)
        return f"Chorus {self.id}." + stranger.SODIUM.sign(self.secret, message).hex()

    def login_body(self, instance, when):
        message = b"chorus/v1/login\n" + bytes.fromhex(instance) + b"%d" % when
        return {"time": when, "sig": stranger.SODIUM.sign(self.secret, message).hex()}


class Part:
    """What one voice holds in one round."""

    def __init__(self, opened, ctx):
        self.opened, self.ctx, self.raw = opened, ctx, bytes.fromhex(ctx)
        self.a, self.e, self.s = (stranger.random_scalar() for _ in range(3))
        self.join = self.graph = self.deals = self.share = None
        self.y = self.update = self.answer = self.held = None
        self.integers = None


class Public:
    """Roster and graph of a round, read once for all voices."""

    seen = {}

    @classmethod
    def of(cls, api, ctx, opened):
        if ctx not in cls.seen:
            cls.seen[ctx] = cls(api, ctx, opened)
        return cls.seen[ctx]

    def __init__(self, api, ctx, opened):
        graph = api.event(ctx, "graph")
        joins = [m["join"] for m in api.get(f"/rounds/{ctx}/joins").must().json["members"]]
        self.members = [join["participant"] for join in joins]
        self.index = {member: i for i, member in enumerate(self.members)}
        self.points = [{name: bytes.fromhex(join[name]) for name in
                        ("mask_key", "share_key", "self_key")} for join in joins]
        anchored = api.instance()["chain"] is not None

        def key():
            root = bytes.fromhex(api.event(ctx, "roster")["joins"])
            return stranger.graph_key(bytes.fromhex(ctx), root, bytes.fromhex(graph["beacon"]))
        self.graph = stranger.make_graph(len(joins), anchored, opened["corrupt_bp"],
                                         opened["dropout_bp"], key)
        self.graph_hash = stranger.event_hash(graph)


@functools.lru_cache(64)
def opened_of(api, ctx):
    return api.event(ctx, "open")


@functools.lru_cache(8)
def ring_of(bits, count):
    return stranger.Ring(bits, count)


class Voice:
    """One enrolled key. Each step sends one event and returns the server's Reply."""

    def __init__(self, api, name="a voice"):
        self.api, self.name, self.key = api, name, Key()
        self.parts, self.seen = {}, EMPTY

    @property
    def id(self):
        return self.key.id

    # ---- enrolling

    def enroll_body(self, link, **changes):
        link = stranger.parse_link(link)
        self.instance, self.model = link["instance"], link["model"]
        salt = secrets.token_bytes(16)
        code = bytes.fromhex(link["code"])
        event = {"type": "enroll", "instance": self.instance, "seen": EMPTY,
                 "participant": self.id, "organisation": link["organisation"], "payout": None,
                 "invite": hmac.digest(code, self.key.public, "sha256").hex(),
                 "name": hashlib.sha256(salt + self.name.encode()).hexdigest()}
        return {"event": self.key.sign({**event, **changes}), "name": self.name,
                "salt": salt.hex()}

    def enrol(self, link):
        self.enrolled = self.enroll_body(link)
        self.api.post("/participants", self.enrolled).must(201)
        return self

    def payout_body(self, payout, **changes):
        """Another payout address, behind what the server shows."""
        shown = self.api.get(f"/participants/{self.id}").must().json
        last = shown["changes"][-1]["event"] if shown["changes"] else shown["enroll"]
        return {"event": self.key.sign({
            "type": "payout", "instance": self.instance, "seen": EMPTY, "participant": self.id,
            "previous": stranger.event_hash(last).hex(), "payout": payout,
            "time": int(time.time()), **changes})}

    def sign(self, kind, ctx, **members):
        return self.key.sign({"type": kind, "instance": self.instance, "ctx": ctx, "seen": self.seen,
                              "participant": self.id, **members})

    def look_at_log(self):
        """What its next events say they have seen: the newest checkpoint."""
        self.seen = ledger.checkpoint(self.api, ledger.log_key(self.api)).seen

    # ---- the steps; X_body makes what X sends

    def part(self, ctx):
        if ctx not in self.parts:
            self.parts[ctx] = Part(opened_of(self.api, ctx), ctx)
        return self.parts[ctx]

    def join_body(self, ctx):
        part = self.part(ctx)
        if not part.join:
            keys = (stranger.base_times(k).hex() for k in (part.a, part.e, part.s))
            part.join = self.sign("join", ctx, **dict(zip(
                ("mask_key", "share_key", "self_key"), keys)))
        return {"event": part.join}

    def join(self, ctx):
        return self.api.post(f"/rounds/{ctx}/joins", self.join_body(ctx))

    def look(self, ctx):
        """Reads roster and graph, once they stand."""
        part = self.part(ctx)
        if not part.graph:
            public = Public.of(self.api, ctx, part.opened)
            part.members, part.points = public.members, public.points
            part.graph, part.graph_hash = public.graph, public.graph_hash
            part.index = public.index[self.id]
            part.near = part.graph.of[part.index]
        return part

    def deal(self, ctx, spoil=()):
        """Deals shares; those for the indices in `spoil` come in boxes that do not open."""
        part = self.look(ctx)
        t = part.graph.t
        shares_a = stranger.deal_shares(part.a, part.near, t)
        shares_s = stranger.deal_shares(part.s, part.near, t)
        part.deals = []
        for j in part.near:
            shared = stranger.times(part.e, part.points[j]["share_key"])
            deal = stranger.make_deal(part.raw, part.graph_hash, part.index, j, shared,
                                      shares_a[j], shares_s[j])
            if j in spoil:
                deal = deal[:-1] + bytes([deal[-1] ^ 1])
            part.deals.append(deal)
        return part

    def share_body(self, ctx):
        part = self.part(ctx)
        if not part.deals:
            self.deal(ctx)
        if not part.share:
            root = stranger.merkle_root([stranger.deal_leaf(d) for d in part.deals])
            part.share = self.sign("share", ctx, graph=part.graph_hash.hex(), deals=root.hex())
        return {"event": part.share, "deals": enbase64(b"".join(part.deals))}

    def share(self, ctx):
        return self.api.post(f"/rounds/{ctx}/shares", self.share_body(ctx))

    def open_boxes(self, ctx):
        """Reads U1 and the boxes for this voice; what does not open is listed as bad."""
        part = self.look(ctx)
        sharers = self.api.event(ctx, "sharers")
        part.sharers = sharers
        part.u1 = stranger.members_of(sharers["members"], len(part.members))
        part.u1_hash = stranger.event_hash(sharers)
        part.partners = [j for j in part.near if j in part.u1]
        auth = self.key.fetch_header(ctx)
        boxes = self.api.get(f"/rounds/{ctx}/boxes", auth=auth).must().json["boxes"]
        part.held, part.bad = {}, []
        for box in boxes:
            j, deal = box["dealer"], stranger.unbase64(box["deal"])
            shared = stranger.times(part.e, part.points[j]["share_key"])
            found = stranger.open_deal(part.raw, part.graph_hash, j, part.index, shared, deal)
            if found:
                part.held[j] = found
            else:
                part.bad.append(j)
        part.missing = [j for j in part.partners if j not in part.held and j not in part.bad]
        return part

    def complaint(self, part, j):
        key, c, z = stranger.dleq_prove(part.raw, part.index, j, part.e,
                                        part.points[j]["share_key"])
        return {"dealer": j, "key": key.hex(), "challenge": stranger.scalar_bytes(c).hex(),
                "response": stranger.scalar_bytes(z).hex()}

    def numbers(self, ctx, weight=1, seed=None):
        """Some integers of the right shape: small coordinates, then a tail that adds up."""
        opened = self.part(ctx).opened
        draw = hashlib.shake_256(f"{seed or self.id}".encode()).digest(opened["d"])
        tail = {"weight": weight, "evaluated": 8, "correct": 5, "loss": 900, "true_positive": 3,
                "false_positive": 1, "true_negative": 2, "false_negative": 2}
        return ([weight * (byte - 128) for byte in draw]
                + [min(most, tail[kind]) for kind, _, most in opened["tail"]])

    def mask(self, ctx, integers):
        part = self.part(ctx)
        if part.y is None:
            if part.held is None:
                self.open_boxes(ctx)
            part.integers = integers
            part.ring = ring_of(part.opened["ring_bits"], len(integers))
            points = [p["mask_key"] for p in part.points]
            masked = stranger.masked(part.ring, part.raw, part.u1_hash, part.index, part.a,
                                     part.s, points, part.partners, integers)
            part.y = part.ring.pack(masked)
        return part

    def update_body(self, ctx, integers=None):
        part = self.part(ctx)
        if not part.update:
            self.mask(ctx, integers or self.numbers(ctx))
            part.chunks = stranger.chunks_of(part.y)
            part.update = self.sign(
                "update", ctx, sharers=part.u1_hash.hex(), length=len(part.y),
                chunks=stranger.merkle_root(part.chunks).hex(),
                samples=self.samples(part), missing=part.missing,
                bad=[self.complaint(part, j) for j in part.bad])
        return {"event": part.update,
                "chunks": [stranger.leaf_hash(chunk).hex() for chunk in part.chunks]}

    @staticmethod
    def samples(part):
        """The weight in public, where the reward asks for it."""
        paid = part.opened["reward"]["scheme"] == "samples"
        return part.integers[part.opened["d"]] if paid else None

    def announce(self, ctx, integers=None):
        return self.api.post(f"/rounds/{ctx}/updates", self.update_body(ctx, integers))

    def chunk(self, ctx, index, data=None):
        part = self.part(ctx)
        return self.api.put(f"/rounds/{ctx}/updates/{self.id}/chunks/{index}",
                            raw=part.chunks[index] if data is None else data,
                            kind="application/octet-stream")

    def upload(self, ctx, integers=None):
        """Manifest and chunks; the reply to the last chunk."""
        reply = self.announce(ctx, integers).must()
        for index in reply.json["missing"]:
            reply = self.chunk(ctx, index).must()
        return reply

    def unmask_body(self, ctx, survivors=None):
        part = self.part(ctx)
        if not part.answer or survivors:
            event = survivors or self.api.event(ctx, "survivors")
            u2 = stranger.members_of(event["members"], len(part.members))
            shares = []
            for j in part.partners:
                share = part.held.get(j)
                value = share and share[1 if j in u2 else 0]
                shares.append(value and stranger.scalar_bytes(value).hex())
            part.answer = self.sign("unmask", ctx, survivors=stranger.event_hash(event).hex(),
                                    shares=shares)
        return {"event": part.answer}

    def unmask(self, ctx):
        return self.api.post(f"/rounds/{ctx}/unmasks", self.unmask_body(ctx))


# ---------------------------------------------------------------- many at once

def choir(server, slug, count, spec=None, **changes):
    """A new model and `count` voices admitted to it."""
    server.make_model(slug, {**(spec or VECTOR), **changes})
    links = server.invite(slug, count)
    return [Voice(server, f"voice {i + 1}").enrol(link) for i, link in enumerate(links)]


def all_join(voices, ctx):
    for voice in voices:
        voice.join(ctx).must(201)


def all_share(voices, ctx):
    voices[0].api.wait_phase(ctx, "share")
    for voice in voices:
        voice.share(ctx).must(201)


def all_upload(voices, ctx, weights=None):
    voices[0].api.wait_phase(ctx, "upload")
    for i, voice in enumerate(voices):
        voice.upload(ctx, voice.numbers(ctx, weights[i] if weights else i + 1))


def all_unmask(voices, ctx):
    """Those who come when enough have answered find the phase closed."""
    api = voices[0].api
    api.wait_phase(ctx, "unmask")
    for voice in voices:
        if voice.unmask(ctx).must(200, 201, 409).status == 409:
            api.wait_phase(ctx, "final", "done", "failed")


def play(voices, ctx, weights=None):
    """A whole round in which nobody drops."""
    all_join(voices, ctx)
    all_share(voices, ctx)
    all_upload(voices, ctx, weights)
    all_unmask(voices, ctx)
    return voices[0].api.wait_phase(ctx, "done", limit=30)


def plain_sum(voices, ctx):
    """Packed like y: what the masked sum must come out as."""
    ring = voices[0].parts[ctx].ring
    columns = zip(*(voice.parts[ctx].integers for voice in voices), strict=True)
    return ring.pack(ring.encode([sum(column) for column in columns]))


def published_sum(api, ctx):
    """The sum as the server publishes it, which must hash to what the result says."""
    result = until(lambda: api.event(ctx, "result"), 20, "a result")
    data = api.get(f"/rounds/{ctx}/sum").must().body
    if hashlib.sha256(data).hexdigest() != result["sum"]:
        raise AssertionError("the published sum is not the one in the result")
    return data


def check_sum(case, voices, ctx):
    """Asserts that the published sum is the plain sum of these voices' numbers."""
    case.assertEqual(published_sum(voices[0].api, ctx), plain_sum(voices, ctx))
    case.assertEqual(voices[0].api.event(ctx, "result")["count"], len(voices))


