#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rounds of the second client against a coordinator in the same process, without network.

Each scene lets some participants fall silent, or deal wrongly, at one phase; the sum that the
coordinator unmasks must be that of the plain updates of the survivors.
"""

import argparse
import http.server
import json
import os
import random
import struct
import sys
import tempfile
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import stranger as st  # noqa: E402

D, WIDTH, QUANT = 50, 32, 16
SPEC = st.canonical({"kind": "vector"})


class Gone(Exception):
    """A participant that falls silent."""


class Coordinator:
    def __init__(self, chain, number, silent, dropout_bp=2000):
        self.key, self.secret = st.SODIUM.sign_keys(bytes([7]) * 32)
        self.silent, self.number, self.chain = silent, number, chain
        self.changed = threading.Condition()
        self.instance = self.sign({"type": "instance", "origin": "test", "chain": chain,
                                   "coordinator": self.key.hex()})
        self.instance_id = st.event_hash(self.instance).hex()
        self.model = self.sign({"type": "model", "instance": self.instance_id, "model": "m",
                                "version": 1, "spec": st.sha256(SPEC).hex(), "previous": None})
        self.enrolled, self.admitted = {}, {}
        self.phase, self.events, self.taken = "join", {}, {k: {} for k in st.EVENTS}
        self.deals, self.vectors, self.leaves = {}, {}, {}
        self.open(dropout_bp)

    def sign(self, event):
        return {**event, "sig": st.SODIUM.sign(self.secret, st.to_sign(event)).hex()}

    def open(self, dropout_bp):
        event = {"type": "open", "instance": self.instance_id, "model": "m", "version": 1,
                 "spec": self.model["spec"], "round": 1, "attempt": 1,
                 "base": {"event": None, "sha256": st.sha256(bytes(4 * D)).hex(),
                          "source": "init"}, "d": D, "tail": [["weight", "", 1]],
                 "ring_bits": WIDTH, "quant_bits": QUANT, "range": "0.5", "clip": "2.25",
                 "weight_cap": 1, "optimiser": {"kind": "fedavg", "rate": "1", "state": None},
                 "minimum": 3, "maximum": 200, "corrupt_bp": 1000, "dropout_bp": dropout_bp,
                 "deadlines": {"join": 9, "share": 9, "upload": 9, "unmask": 9},
                 "beacon_distance": 2, "reward": {"budget": "0", "scheme": "none"},
                 "audit": {"audience": "public", "window": 604800}, "excluded": [], "time": 1}
        self.events["open"] = self.sign(event)
        self.ctx = st.round_ctx(self.events["open"])

    def say(self, kind, **members):
        self.events[kind] = self.sign({"type": kind, "instance": self.instance_id,
                                       "ctx": self.ctx.hex(), **members})
        return st.event_hash(self.events[kind]).hex()

    # -- closing the phases

    def expected(self, phase):
        order = ("join", "share", "upload", "unmask")
        gone = sum(len(self.silent.get(p, ())) for p in order[:order.index(phase) + 1])
        return self.number - gone

    def advance(self):
        closing = {"join": self.close_join, "share": self.close_share,
                   "upload": self.close_upload, "unmask": self.close_unmask}
        names = {"join": "join", "share": "share", "upload": "update", "unmask": "unmask"}
        taken = self.taken[names[self.phase]]
        if self.phase == "upload":
            taken = {i for i in taken if None not in self.vectors[i]}
        if len(taken) == self.expected(self.phase):
            closing[self.phase]()
            self.changed.notify_all()

    def close_join(self):
        self.ids = sorted(self.taken["join"])
        self.joins = [self.taken["join"][i] for i in self.ids]
        n, root = len(self.ids), st.events_root(self.joins)
        roster = self.say("roster", n=n, joins=root)
        sparse, _, _ = st.graph_parameters(n, self.chain is not None,
                                           *[self.events["open"][k] for k in
                                             ("corrupt_bp", "dropout_bp")])
        beacon = st.sha256(b"chorus/v1/simulated-block\n", self.ctx, struct.pack("<Q", 3))
        key = st.graph_key(self.ctx, bytes.fromhex(root), beacon)
        self.graph = st.make_graph(n, self.chain is not None, self.events["open"]["corrupt_bp"],
                                   self.events["open"]["dropout_bp"], lambda: key)
        self.say("graph", roster=roster, k=self.graph.k, t=self.graph.t,
                 block=3 if sparse else None, beacon=beacon.hex() if sparse else "")
        self.phase = "share"

    def listed(self, kind):
        return [i for i in range(self.graph.n) if self.ids[i] in self.taken[kind]]

    def in_order(self, kind):
        return [self.taken[kind][self.ids[i]] for i in self.listed(kind)]

    def close_share(self):
        self.u1 = self.listed("share")
        self.say("sharers", graph=st.event_hash(self.events["graph"]).hex(),
                 members=st.bitmap(self.u1, self.graph.n),
                 shares=st.events_root(self.in_order("share")))
        self.phase = "upload"

    def close_upload(self):
        self.u2 = self.listed("update")
        self.u1_hash = st.event_hash(self.events["sharers"])
        self.say("survivors", sharers=self.u1_hash.hex(),
                 members=st.bitmap(self.u2, self.graph.n),
                 updates=st.events_root(self.in_order("update")))
        self.phase = "unmask"

    def close_unmask(self):
        sums = self.unmasked()
        members, opened = self.listed("unmask"), self.events["open"]
        self.sum = self.ring.pack(sums)
        numbers = self.ring.decode(sums)
        self.weights = st.server_step(opened, [0.0] * D, numbers)
        root = st.events_root(self.in_order("unmask"))
        self.say("result", survivors=st.event_hash(self.events["survivors"]).hex(),
                 unmasks={"members": st.bitmap(members, self.graph.n), "root": root},
                 count=len(self.u2), sum=st.sha256(self.sum).hex(),
                 totals=[str(v) for v in numbers[D:]], model=st.sha256(self.weights).hex(),
                 optimiser_state=None, rewards=None, named=[])
        self.phase = "done"

    def secret_of(self, j):
        found = {}
        for i in self.listed("unmask"):
            near = [k for k in self.graph.of[i] if k in self.u1]
            share = self.taken["unmask"][self.ids[i]]["shares"]
            if j in near and share[near.index(j)] is not None:
                found[i] = st.scalar_from(bytes.fromhex(share[near.index(j)]))
        return st.rebuild(found, self.graph.t)

    def unmasked(self):
        """Section 9: the sum without its masks."""
        self.ring = ring = st.Ring(WIDTH, D + 1)
        total = ring.encode([0] * (D + 1))
        for i in self.u2:
            total = ring.add(total, ring.unpack(b"".join(self.vectors[self.ids[i]])))
            key = st.self_mask_key(self.ctx, self.secret_of(i), self.u1_hash)
            total = ring.subtract(total, ring.mask(key))
        for j in set(self.u1) - set(self.u2):
            if set(self.graph.of[j]) & set(self.u2):
                total = self.without_pairs_of(j, total)
        return total

    def without_pairs_of(self, j, total):
        a = self.secret_of(j)
        for i in set(self.graph.of[j]) & set(self.u2):
            shared = st.times(a, bytes.fromhex(self.joins[i]["mask_key"]))
            mask = self.ring.mask(st.pair_mask_key(self.ctx, shared, i, j, self.u1_hash))
            total = (self.ring.subtract if j > i else self.ring.add)(total, mask)
        return total

    # -- the addresses of api.md

    def answer(self, who, method, path, body):
        with self.changed:
            path, _, query = path.partition("?")
            parts = path.strip("/").split("/")
            name = f"{method.lower()}_{parts[0]}" + ("_" + parts[2] if len(parts) > 2 else "")
            done = getattr(self, name)(who, parts, query, body)
            return done if type(done) is bytes else json.dumps(done).encode("ascii")

    def receipt(self, event, status="accepted"):
        return self.sign({"type": "receipt", "instance": self.instance_id, "status": status,
                          "of": st.event_hash(event).hex(), "seq": 1, "time": 1, "by": 61})

    def get_instance(self, *_):
        return {"instance": self.instance}

    def post_participants(self, _who, _parts, _query, body):
        event = json.loads(body)["event"]
        self.enrolled[event["participant"]] = event
        self.admitted[event["participant"]] = self.sign({
            "type": "admit", "instance": self.instance_id, "model": "m",
            "participant": event["participant"], "identity": st.event_hash(event).hex(),
            "previous": None})
        return {"receipt": self.receipt(event)}

    def get_participants(self, _who, parts, *_):
        return {"admissions": [self.admitted[parts[1]]]}

    def get_models(self, *_):
        return {"event": self.model}

    def get_models_spec(self, *_):
        return SPEC

    def get_models_results(self, *_):
        return {"results": [], "next": None}

    def get_models_weights(self, *_):
        return self.weights

    def get_models_round(self, *_):
        return {"ctx": self.ctx.hex()}

    def get_rounds(self, _who, _parts, query, _body):
        if "phase=" in query:
            before = query.rpartition("phase=")[2]
            self.changed.wait_for(lambda: self.phase != before)
        return {"phase": self.phase}

    def get_rounds_events(self, _who, parts, *_):
        return st.canonical(self.events[parts[3]])

    def get_rounds_base(self, *_):
        return bytes(4 * D)

    def take(self, kind, phase, who, body):
        if self.phase != phase:
            raise st.ApiError(409, {})
        self.taken[kind][who] = body["event"]
        st.check_own_signed(body["event"], kind)
        self.advance()
        return {"receipt": self.receipt(body["event"])}

    def post_rounds_joins(self, who, _parts, _query, body):
        return self.take("join", "join", who, json.loads(body))

    def get_rounds_joins(self, *_):
        return {"members": [{"enroll": self.enrolled[i], "admit": self.admitted[i],
                             "join": self.taken["join"][i]} for i in self.ids]}

    def post_rounds_shares(self, who, _parts, _query, body):
        body = json.loads(body)
        data = st.unbase64(body["deals"])
        near = self.graph.of[self.ids.index(who)]
        self.deals[who] = dict(zip(near, (data[at:at + 168] for at in range(0, len(data), 168))))
        return self.take("share", "share", who, body)

    def get_rounds_shares(self, *_):
        return {"events": self.in_order("share")}

    def get_rounds_boxes(self, who, *_):
        return {"boxes": [self.box(self.ids.index(who), j) for j in self.graph.of[
            self.ids.index(who)] if j in self.u1 and (j, who) not in self.silent.get("box", ())]}

    def box(self, i, j):
        deals = self.deals[self.ids[j]]
        hashes = [st.leaf_hash(st.deal_leaf(deals[k])) for k in self.graph.of[j]]
        path = st.merkle_path(hashes, self.graph.of[j].index(i))
        return {"dealer": j, "deal": st.enbase64(deals[i]), "path": st.enbase64(b"".join(path))}

    def post_rounds_updates(self, who, _parts, _query, body):
        body = json.loads(body)
        self.leaves[who] = body["chunks"]
        self.vectors[who] = [None] * len(body["chunks"])
        answer = self.take("update", "upload", who, body)
        return {**answer, "missing": list(range(len(body["chunks"])))}

    def put_rounds_updates(self, who, parts, _query, body):
        index = int(parts[5])
        assert st.leaf_hash(body).hex() == self.leaves[who][index]
        self.vectors[who][index] = body
        if self.phase == "upload":
            self.advance()
        return {"complete": None not in self.vectors[who], "receipt": None}

    def get_rounds_updates(self, who, parts, *_):
        if len(parts) > 3:
            return {"missing": [], "complete": True,
                    "receipt": self.receipt(self.taken["update"][who], "complete")}
        return {"events": self.in_order("update")}

    def post_rounds_unmasks(self, who, _parts, _query, body):
        return self.take("unmask", "unmask", who, json.loads(body))

    def get_rounds_unmasks(self, *_):
        return {"events": self.in_order("unmask")}

    def get_rounds_deals(self, _who, parts, *_):
        deals = self.deals[parts[3]]
        return {"points": [[deals[k][:32].hex(), deals[k][32:64].hex(),
                            st.sha256(deals[k][64:]).hex()] for k in sorted(deals)]}

    def get_rounds_sum(self, *_):
        return self.sum


class LocalApi(st.Api):
    """Calls a coordinator in this process; falls silent where the scene says so."""

    def __init__(self, coordinator, identity, silent_at):
        super().__init__("local")
        self.coordinator, self.identity, self.silent_at = coordinator, identity, silent_at

    def call_once(self, method, path, body, kind, auth):
        if method in ("POST", "PUT") and self.silent_at and self.silent_at in path:
            raise Gone()
        return self.coordinator.answer(self.identity.id, method, path, body)


class Handler(http.server.BaseHTTPRequestHandler):
    """The same coordinator over HTTP."""

    def do_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.removeprefix("/api/v1")
        try:
            status, data = 200, self.server.coordinator.answer(self.who(path, body),
                                                               self.command, path, body)
        except st.ApiError as problem:
            status, data = problem.status, b'{"type":"urn:chorus:error:conflict"}'
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_any

    def who(self, path, body):
        if self.command == "POST":
            return json.loads(body)["event"]["participant"]
        header = self.headers.get("Authorization", "")
        return header[7:71] if header else path.split("/")[4] if path.count("/") > 3 else None

    def log_message(self, *_):
        pass


def serve(coordinator):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.coordinator, server.daemon_threads = coordinator, True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


class BadDealer(st.Round):
    """Deals box number 0 of its list with shares that do not fit."""

    def make_share(self):
        own = super().make_share()
        deals = bytearray(st.unbase64(own["deals"]))
        deals[100] ^= 1
        leaves = [st.deal_leaf(bytes(deals[at:at + 168])) for at in range(0, len(deals), 168)]
        event = self.me.sign("share", ctx=self.ctx.hex(), graph=self.graph_hash.hex(),
                             deals=st.merkle_root(leaves).hex())
        return {"event": event, "deals": st.enbase64(bytes(deals))}


SILENT_PATH = {"join": "/joins", "share": "/shares", "upload": "/updates", "unmask": "/unmasks"}


class Scene:
    """`silent`: for each phase the participants (by order of starting) that stop there."""

    def __init__(self, number, silent=None, bad_dealer=None, chain=None, restart=False,
                 by_http=False):
        self.number, self.silent, self.bad_dealer = number, silent or {}, bad_dealer
        self.coordinator = Coordinator(chain, number, self.silent)
        self.address = serve(self.coordinator) if by_http else None
        self.restart, self.ended, self.failures = restart, {}, []

    def client(self, place, w):
        home = os.path.join(place, str(w))
        os.makedirs(home, exist_ok=True)
        update = os.path.join(home, "update.f32")
        values = [random.Random(w * 1000 + l).uniform(-0.4, 0.4) for l in range(D)]
        with open(update, "wb") as out:
            out.write(struct.pack(f"<{D}f", *values))
        link = f"local/#invite={bytes(16).hex()}.{w:032x}.{self.coordinator.instance_id}.m"
        options = argparse.Namespace(home=home, link=link, name=f"P{w}", minimum=3, rounds=1,
                                     consent=False, trust_simulated_chain=True)
        client = st.Client(options, st.VectorSource(update))
        phase = next((p for p, who in self.silent.items() if p != "box" and w in who), None)
        client.api = (st.Api(self.address) if self.address else
                      LocalApi(self.coordinator, client.identity, SILENT_PATH.get(phase)))
        return client

    def one(self, place, w, barrier):
        try:
            client = self.client(place, w)
            me = client.identity
            me.check_instance(client.api, True)
            assert me.admitted(client.api, me.enroll(client.api))
            kind = BadDealer if w == self.bad_dealer else st.Round
            barrier.wait()
            self.ended[w] = self.run_round(client, kind)
        except Gone:
            self.ended[w] = "gone"
        except Exception as problem:  # shown by the main thread
            self.failures.append((w, repr(problem)))
            raise

    def run_round(self, client, kind):
        ctx = self.coordinator.ctx.hex()
        if self.restart:
            steps = kind(client, ctx)
            steps.check_opening()
            steps.join()
            steps.wait_for("share")
            for step in (steps.check_roster, steps.find_self, steps.check_graph, steps.share):
                step()
            steps.wait_for("upload")
            steps.check_sharers()
            steps.receive()
            steps.own("update", "upload", steps.make_update)
        return kind(client, ctx).run()

    def run(self, name):
        with tempfile.TemporaryDirectory() as place:
            barrier = threading.Barrier(self.number)
            threads = [threading.Thread(target=self.one, args=(place, w, barrier), daemon=True)
                       for w in range(self.number)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(120)
        assert not self.failures, self.failures
        assert self.coordinator.phase == "done", self.coordinator.phase
        self.check_sum(name)

    def check_sum(self, name):
        """The unmasked sum is that of the plain updates, up to stochastic rounding."""
        c = self.coordinator
        numbers = c.ring.decode(c.ring.unpack(c.sum))
        complaints = sum(len(event["bad"]) for event in c.in_order("update"))
        assert complaints == (self.bad_dealer is not None)
        survivors = {c.ids[i] for i in c.u2}
        who = [w for w in range(self.number) if self.id_of(w) in survivors]
        top = 2**(QUANT - 1) - 1
        for l in range(D):
            plain = sum(random.Random(w * 1000 + l).uniform(-0.4, 0.4) for w in who) * top / 0.5
            assert abs(numbers[l] - plain) < len(who) + 1, (l, numbers[l], plain)
        assert numbers[D] == len(who) == len(c.u2)
        print(f"ok: {name}: n={c.graph.n} k={c.graph.k} t={c.graph.t} "
              f"U1={len(c.u1)} U2={len(c.u2)}")

    def id_of(self, w):
        organisation = f"{w:032x}"
        return next(i for i, e in self.coordinator.enrolled.items()
                    if e["organisation"] == organisation)


def check_ring(ring, width):
    half = 1 << (width - 1)
    left, right = ([random.randrange(-half, half) for _ in range(7)] for _ in range(2))
    for name, sign in (("add", 1), ("subtract", -1)):
        found = ring.decode(getattr(ring, name)(ring.encode(left), ring.encode(right)))
        wanted = [(x + sign * y + half) % (2 * half) - half for x, y in zip(left, right)]
        assert found == wanted


def check_parts():
    """Derivations that have a second way to come by."""
    for n, expected in ((100, (22, 11)), (300, (42, 24)), (1000, (56, 31)), (3000, (64, 35))):
        assert st.sparse_parameters(n, 1000, 1000) == expected
    for n, expected in ((100, (50, 21)), (300, (110, 51)), (1000, (168, 79)), (3000, (208, 97))):
        assert st.sparse_parameters(n, 2000, 3000) == expected
    for width in st.WIDTHS:
        check_ring(st.Ring(width, 7), width)
    leaves = [bytes([i]) * i for i in range(13)]
    for size in range(1, 14):
        hashes = [st.leaf_hash(leaf) for leaf in leaves[:size]]
        for at in range(size):
            path = st.merkle_path(hashes, at)
            assert st.root_from_path(hashes[at], at, size, path) == st.root_of_hashes(hashes)
    secret, near = st.random_scalar(), [0, 2, 3, 5, 8]
    shares = st.deal_shares(secret, near, 3)
    points = [st.base_times(shares[j]) for j in near]
    assert st.rebuild({j: shares[j] for j in (8, 2, 5)}, 3) == secret
    assert st.commitments_fit(st.base_times(secret), near, points, 3)
    assert not st.commitments_fit(st.base_times(secret + 1), near, points, 3)
    assert not st.commitments_fit(st.base_times(secret), near, points[::-1], 3)
    e, f = st.random_scalar(), st.random_scalar()
    proof = st.dleq_prove(bytes(32), 1, 2, e, st.base_times(f))
    assert st.dleq_holds(bytes(32), 1, 2, st.base_times(e), st.base_times(f), *proof)
    assert not st.dleq_holds(bytes(32), 2, 1, st.base_times(e), st.base_times(f), *proof)
    high = bytearray(st.base_times(secret))
    high[31] |= 128
    assert not st.point_ok(bytes(high))


def refuses(call, *arguments):
    try:
        call(*arguments)
    except st.Refused:
        return True
    return False


def check_survivor_rules():
    def lists(n, u1, u2, listed=None):
        graph = st.make_graph(n, False, 0, 0, None)
        return st.Survivors(graph, u1, u2, {i: (listed or {}).get(i, set()) for i in u2})
    assert not refuses(lists(5, range(5), range(4)).check, 3, False, 5)
    assert refuses(lists(5, range(5), range(3)).check, 3, False, 5)
    assert refuses(lists(5, range(4), range(5)).check, 3, False, 5)
    assert refuses(lists(5, range(5), range(4)).check, 5, False, 5)
    assert refuses(lists(5, range(5), range(4), {0: {1}}).check, 3, False, 5)
    assert not refuses(lists(20, range(20), range(18)).check, 17, False, 20)
    assert refuses(lists(20, range(20), range(18)).check, 18, False, 20)


def check_events():
    for text in (b'{"a":1.0}', b'{"b":1,"a":1}', b'{"a":1,"a":1}', b'{"a":-0}', b'{ "a":1}',
                 b'{"a":"\\u0041"}', b'{"a":9007199254740992}', b'{"a":"\x7f"}',
                 b"[" * 9 + b"]" * 9):
        assert refuses(st.parse_canonical, text), text
    assert st.parse_canonical(b'{"A":[-1,null,true],"a":"\\"\\\\/"}')
    for text in ("-0", "01", "1.", "1.50", ".5", "+1", "1e3"):
        assert not st.DECIMAL(text), text
    assert all(st.DECIMAL(text) for text in ("0", "-0.5", "10.05", "7"))


def check_training():
    features = [{"name": "x", "type": "numeric", "minimum": "-1", "maximum": "1"},
                {"name": "z", "type": "categorical", "values": ["a", "b", "c"]}]
    spec = {"kind": "logistic", "features": features,
            "target": {"name": "y", "type": "categorical", "values": ["no", "yes"]}}
    opened = {"tail": [["weight", "", 8], ["loss", "1000", 10**6], ["correct", "", 8],
                       ["evaluated", "", 8]], "weight_cap": 8}
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as table:
        table.write("x,z,y\n" + "".join(f"{v / 10},{'abc'[v % 3]},{'yes' if v > 0 else 'no'}\n"
                                        for v in range(-10, 11) if v))
        table.flush()
        source = st.LogisticSource(table.name)
        delta, weight, first = source.local(opened, spec, [0.0] * 10)
        _, _, second = source.local(opened, spec, delta)
    assert weight == 8 and first["loss", "1000"] == 13863
    assert second["loss", "1000"] < 10000 and second["correct", ""] == 20
    assert first["correct", ""] == 10  # all outputs are equal: the first class
    assert st.tail_of(opened, weight, first) == [8, 13863, 8, 8]


def main():
    st.say = lambda text: None
    check_parts()
    check_survivor_rules()
    check_events()
    check_training()
    Scene(5).run("everybody answers")
    Scene(5, by_http=True).run("everybody answers, over HTTP")
    Scene(5, {"share": [1]}).run("one never shares")
    Scene(5, {"upload": [2]}).run("one never uploads")
    Scene(5, {"unmask": [4]}).run("one never unmasks")
    Scene(5, {"join": [0]}).run("one never joins")
    Scene(6, bad_dealer=3).run("one box does not fit")
    Scene(5, restart=True).run("everybody stops with the update signed, not sent, and starts again")
    chain = {"contract": "simulated", "id": 0}
    Scene(10, {"upload": [1, 7], "unmask": [3]}, chain=chain).run("several fall silent")
    Scene(60, {"upload": range(4)}, chain=chain).run("sparse graph")


if __name__ == "__main__":
    main()
