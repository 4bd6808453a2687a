# SPDX-License-Identifier: Apache-2.0
"""Everything wrong that can be sent to every address that takes something. Each is answered
with a problem document (RFC 9457) whose slug fits and whose field names the place, and
nothing in the database is changed."""

import copy
import http.client
import json
import socket
import time

import harness
import stranger
from harness import Reply, Scenario, changed, enbase64, read_csv, read_spec, csv_text
from voice import VECTOR, Key, Voice, all_join, all_share, all_unmask, all_upload, check_sum
from voice import choir

SHAPE = {"malformed-json", "not-canonical", "unknown-field", "missing-field", "wrong-type",
         "bad-value", "wrong-length"}
VALUE = {"bad-value", "wrong-length", "wrong-type"}
WITH_FIELD = {"unknown-field", "missing-field", "wrong-type", "bad-value", "bad-point",
              "bad-scalar", "arithmetic-overflow", "bad-spec"}
IDENTITY = "00" * 32
OFF_GROUP = "01" + "00" * 31  # odd, so not a canonical encoding
TOO_LARGE_POINT = "ff" * 31 + "7f"
ANY_WRONG = (None, 5, 1.5, True, "x", [], {}, [[]], {"a": 1})


class Bad(Scenario):
    """Gathers every wrong answer, so that one run tells them all; holds no test."""

    LIMIT = 120
    LONG = {"join": 3600, "share": 3600, "upload": 3600, "unmask": 3600}

    def setUp(self):
        self.wrong, self.count = [], 0

    def voices(self, count=3, **changes):
        return choir(self.server, self.slug(), count, changed(VECTOR, deadlines=self.LONG,
                                                              **changes))

    def note(self, label, reply, slugs, field=None):
        """One answer against what it should be."""
        self.count += 1
        slugs = {slugs} if isinstance(slugs, str) else set(slugs)
        trouble = None
        if reply.status < 400 or not reply.is_problem:
            trouble = "no problem document"
        elif reply.slug not in slugs:
            trouble = f"not one of {sorted(slugs)}"
        elif reply.json.get("status") != reply.status:
            trouble = "the status in the document is another"
        elif not all(reply.json.get(name) for name in ("title", "help")):
            trouble = "no title or no help"
        elif reply.slug in WITH_FIELD and not reply.json.get("field"):
            trouble = "no field is named"
        elif field and field not in (reply.json.get("field") or ""):
            trouble = f"the field is not {field}"
        if trouble:
            self.wrong.append(f"{label}: {trouble}: {reply.status} {reply.body[:300]}")

    def unchanged(self, send):
        """Runs `send`, and asserts that the database is as before and all answers were right."""
        database = self.server.database
        before = database.fingerprint()
        send()
        after = database.fingerprint()
        moved = [f"{a} → {b}" for a, b in zip(before.splitlines(), after.splitlines()) if a != b]
        self.assertFalse(self.wrong, "\n" + "\n".join(self.wrong))
        self.assertEqual(moved, [], "the database has changed")
        self.assertGreater(self.count, 5)

    # ---- bodies that are wrong in ways of their own

    def send(self, method, path, raw, auth=None):
        return self.server.call(method, path, raw=raw, auth=auth)

    def announce(self, method, path, length, kind="application/json", auth=None):
        """Only says how long the body will be; the answer comes before the body."""
        head = (f"{method} /api/v1{path} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\n"
                f"Content-Length: {length}\r\n"
                + (f"Authorization: {auth}\r\n" if auth else "") + "\r\n")
        return self.raw(head.encode())

    def raw(self, text, limit=10):
        """Sends bytes, and returns what comes back."""
        with socket.create_connection(("127.0.0.1", self.server.port), limit) as line:
            line.sendall(text)
            answer = http.client.HTTPResponse(line)
            answer.begin()
            return Reply(answer.status, answer.headers, answer.read())

    def not_an_object(self, method, path, good, auth=None):
        """JSON that is none, or is too much."""
        text = json.dumps(good)
        first = next(iter(good), "x")
        deep = b"[" * 200_000
        cases = {
            "nothing": (b"", {"malformed-json", "length-required"}),
            "half": (text[:-1].encode() or b"{", "malformed-json"),
            "more behind it": (text.encode() + b"{}", "malformed-json"),
            "an array": (b"[]", {"wrong-type", "malformed-json"}),
            "a number": (b"7", {"wrong-type", "malformed-json"}),
            "null": (b"null", {"wrong-type", "malformed-json"}),
            "NaN": (b'{"%s":NaN}' % first.encode(), "malformed-json"),
            "a huge number": (b'{"%s":1e999}' % first.encode(),
                              {"malformed-json", "wrong-type", "unknown-field", "not-finite"}),
            "not UTF-8": (b'{"%s":"\xff\xfe"}' % first.encode(), "malformed-json"),
            "a duplicate key": (b'{"%s":1,"%s":1}' % (first.encode(), first.encode()),
                                "malformed-json"),
            "nested very deep": (deep[:60_000], {"malformed-json", "not-canonical"}),
            "a deep object": (b'{"a":' * 9000 + b"1" + b"}" * 9000,
                              {"malformed-json", "not-canonical", "unknown-field"}),
            "a NUL": (b'{"%s":"\\u0000"}' % first.encode(), SHAPE),
        }
        for name, (raw, slugs) in cases.items():
            self.note(f"{method} {path}: {name}", self.send(method, path, raw, auth), slugs)

    def members(self, method, path, good, auth=None, optional=()):
        """Each member missing, of each wrong type, and one too many."""
        def send(value):
            return self.send(method, path, json.dumps(value).encode(), auth)
        self.note(f"{path}: one too many", send({**good, "zebra": 1}), "unknown-field", "zebra")
        for name in good:
            less = {n: v for n, v in good.items() if n != name}
            if name not in optional:
                self.note(f"{path}: without {name}", send(less), "missing-field", name)
            for value in ANY_WRONG:
                if type(value) is type(good[name]) or (value is None and name in optional):
                    continue
                self.note(f"{path}: {name} = {value!r}", send({**good, name: value}),
                          {"wrong-type", "bad-value"} if value is not None else
                          {"wrong-type", "bad-value", "missing-field"}, name)


class Events(Bad):
    """What participants sign."""

    def event(self, path, voice, body, hashes=(), points=()):
        """Wrong events of one kind: each is signed rightly, so that the signature is not
        the reason."""
        good = body["event"]

        def send(event, sign=True):
            event = voice.key.sign(event) if sign else event
            return self.send("POST", path, json.dumps({**body, "event": event}).encode())
        label = f"{path[-8:]} {good['type']}"
        self.note(f"{label}: one member too many", send({**good, "zebra": 1}), "unknown-field",
                  "zebra")
        for name in good:
            if name in ("sig", "type"):
                continue
            less = {n: v for n, v in good.items() if n != name}
            slugs = {"missing-field"}
            self.note(f"{label}: without {name}", send(less), slugs, name)
            for value in (None, 5, True, "x", [1], {"a": 1}):
                if type(value) is type(good[name]) and not isinstance(value, str):
                    continue
                if good[name] is None and value is None:
                    continue
                self.note(f"{label}: {name} = {value!r}", send({**good, name: value}),
                          VALUE | {"bad-point", "missing-field", "unknown-field"}, name)
        for name in hashes:
            for value in (good[name].upper(), good[name][:-2], good[name] + "00", "g" * 64, ""):
                if value != good[name]:
                    self.note(f"{label}: {name} = {value[:8]}…", send({**good, name: value}),
                              VALUE, name)
        for name in points:
            for value in (IDENTITY, OFF_GROUP, TOO_LARGE_POINT):
                self.note(f"{label}: {name} is no point", send({**good, name: value}),
                          "bad-point", name)
        self.forged(label, voice, good, send)
        self.not_an_object("POST", path, body)
        self.members("POST", path, body)

    def forged(self, label, voice, good, send):
        """Signatures, types, and what canonical JSON cannot hold."""
        other = Key()
        self.note(f"{label}: signed by another", send(other.sign(good), False), "bad-signature")
        self.note(f"{label}: a bit of sig", send({**good, "sig": flip(good["sig"])}, False),
                  "bad-signature")
        self.note(f"{label}: sig of zeros", send({**good, "sig": "00" * 64}, False),
                  "bad-signature")
        self.note(f"{label}: no sig", send({n: v for n, v in good.items() if n != "sig"}, False),
                  {"missing-field", "bad-signature"})
        self.note(f"{label}: short sig", send({**good, "sig": "00" * 63}, False),
                  VALUE | {"bad-signature"})
        self.note(f"{label}: another type", send({**good, "type": "receipt"}),
                  VALUE | {"unknown-field", "missing-field"})
        self.note(f"{label}: no type", send({n: v for n, v in good.items() if n != "type"}
                                            | {"type": ""}), VALUE | {"missing-field"})
        for name, value in (("1.0", 1.0), ("1e3", 1e3), ("NaN", float("nan")),
                            ("infinity", float("inf")), ("2^53", 2**53), ("-2^60", -2**60)):
            seen = {"root": good["seen"]["root"], "size": value}
            self.note(f"{label}: seen.size = {name}", send({**good, "seen": seen, "sig":
                                                           good["sig"]}, False),
                      SHAPE | {"bad-signature"})
        self.note(f"{label}: seen of another shape", send({**good, "seen": {"size": 0}}),
                  "missing-field")
        self.note(f"{label}: seen with more", send({**good, "seen": {**good["seen"], "x": 0}}),
                  "unknown-field")
        self.note(f"{label}: not ASCII", send({**good, "instance": "\u00e9" * 64}, False),
                  SHAPE)
        nested = 0
        for _ in range(9):
            nested = [nested]
        self.note(f"{label}: nine levels", send({**good, "seen": nested}, False), SHAPE)
        if "ctx" in good:
            self.note(f"{label}: another round", send({**good, "ctx": "12" * 32}),
                      "wrong-context")
        self.note(f"{label}: another instance", send({**good, "instance": "12" * 32}),
                  {"wrong-context"})

    def test_enroll(self):
        slug = self.slug()
        self.server.make_model(slug, changed(VECTOR, deadlines=self.LONG))
        link, used, expired, other = self.server.invite(slug, 4)
        Voice(self.server).enrol(used)
        voice = Voice(self.server, "Ada")
        body = voice.enroll_body(link)

        def send():
            self.event("/participants", voice, body, ("organisation", "invite", "name"))
            for label, change in (("another code", {"invite": "12" * 32}),
                                  ("another organisation", {"organisation": "12" * 16})):
                wrong = voice.enroll_body(link, **change)
                self.note(label, self.server.post("/participants", wrong), "bad-invite")
            self.note("a used invite", self.server.post("/participants", Voice(
                self.server).enroll_body(used)), "bad-invite")
            for value in ("0x12", "12" * 20, "0x" + "zz" * 20):
                wrong = voice.enroll_body(link, payout=value)
                self.note(f"payout {value[:6]}", self.server.post("/participants", wrong),
                          VALUE, "payout")
            for name, value in (("salt", "ab" * 15), ("salt", "AB" * 16), ("name", "")):
                self.note(f"{name} = {value[:6]}", self.server.post(
                    "/participants", {**body, name: value}),
                    VALUE | {"hash-mismatch"})
            self.note("another name than was hashed", self.server.post(
                "/participants", {**body, "name": "Grace"}), {"hash-mismatch", "bad-value"})
            self.note("a name of 100 kB", self.server.post(
                "/participants", {**body, "name": "A" * 100_000}), "body-too-large")
            self.note("a key of small order", self.server.post("/participants", {
                **body, "event": {**body["event"], "participant": "01" + "00" * 31}}),
                {"bad-signature", "bad-value"})
        self.unchanged(send)
        self.server.post("/participants", body).must(201)
        late = Voice(self.server).enroll_body(other)
        short, = self.server.invite(slug, 1, expires_in=1)
        time.sleep(1.5)
        self.server.post("/participants", Voice(self.server).enroll_body(short)
                         ).refused("bad-invite", 403)
        self.server.post("/participants", late).must(201)

    def test_join(self):
        voices = self.voices(4)
        ctx = self.server.open_round(voices[0].model)
        voices[1].join(ctx).must(201)
        body = voices[0].join_body(ctx)
        points = ("mask_key", "share_key", "self_key")

        def send():
            self.event(f"/rounds/{ctx}/joins", voices[0], body, points, points)
            good, taken = body["event"], voices[1].parts[ctx].join

            def post(**change):
                return self.server.post(f"/rounds/{ctx}/joins", {
                    "event": voices[0].key.sign({**good, **change})})
            self.note("one key twice", post(share_key=good["mask_key"]), "key-already-used")
            for name in points:
                self.note("somebody's key", post(mask_key=taken[name]), "key-already-used")
        self.unchanged(send)
        all_join(voices[:1] + voices[2:], ctx)
        self.server.wait_phase(ctx, "share")

    def test_share(self):
        voices = self.voices(4)
        ctx = self.server.open_round(voices[0].model)
        all_join(voices, ctx)
        self.server.wait_phase(ctx, "share")
        voice, path = voices[0], f"/rounds/{ctx}/shares"
        body = voice.share_body(ctx)
        part = voice.parts[ctx]

        def send():
            self.event(path, voice, body, ("graph", "deals"))

            def post(deals, root=True):
                event = body["event"]
                if root:
                    leaves = [stranger.deal_leaf(deal) for deal in deals]
                    event = voice.key.sign({**event,
                                            "deals": stranger.merkle_root(leaves).hex()})
                return self.server.post(path, {"event": event,
                                               "deals": enbase64(b"".join(deals))})
            deals = part.deals
            self.note("one too few", post(deals[:-1]), "wrong-length")
            self.note("one too many", post(deals + deals[:1]), "wrong-length")
            self.note("none", post([]), VALUE)
            self.note("a byte short", post(deals[:-1] + [deals[-1][:-1]]), "wrong-length")
            self.note("another order", post(deals[1:] + deals[:1]), "bad-shares")
            self.note("another root", post(deals[1:] + deals[:1], False), "hash-mismatch")
            for at in (0, 32):
                for bad in (IDENTITY, OFF_GROUP, TOO_LARGE_POINT):
                    raw = bytes.fromhex(bad)
                    one = deals[0][:at] + raw + deals[0][at + 32:]
                    self.note("no point", post([one] + deals[1:]), "bad-point")
                one = deals[0][:at] + stranger.base_times(99) + deals[0][at + 32:]
                self.note("off the polynomial", post([one] + deals[1:]), "bad-shares")
            for text in ("!!!!", body["deals"][:-1], body["deals"] + "=", " " + body["deals"]):
                self.note("not base64", self.server.post(path, {**body, "deals": text}),
                          VALUE | {"hash-mismatch"})
            self.note("another graph", self.server.post(path, {**body, "event": voice.key.sign(
                {**body["event"], "graph": "12" * 32})}), "wrong-context")
            self.note("8 MiB and more", self.announce("POST", path, 8 * 2**20 + 1),
                      "body-too-large")
            outsider = Voice(self.server)
            outsider.instance = voice.instance
            foreign = outsider.sign("share", ctx, graph=body["event"]["graph"],
                                    deals=body["event"]["deals"])
            self.note("not enrolled", self.server.post(path, {**body, "event": foreign}),
                      {"not-in-round", "not-enrolled"})
        self.unchanged(send)
        all_share(voices, ctx)
        self.server.wait_phase(ctx, "upload")

    def test_update_and_chunks(self):
        voices = self.voices(4, dimension=300_000)
        ctx = self.server.open_round(voices[0].model)
        all_join(voices, ctx)
        all_share(voices, ctx)
        self.server.wait_phase(ctx, "upload")
        voice, path = voices[0], f"/rounds/{ctx}/updates"
        body = voice.update_body(ctx)
        event = body["event"]

        def post(chunks=None, **change):
            return self.server.post(path, {"event": voice.key.sign({**event, **change}),
                                           "chunks": body["chunks"] if chunks is None else
                                           chunks})

        def send():
            self.event(path, voice, body, ("sharers", "chunks"))
            for length in (0, -1, event["length"] - 1, event["length"] + 4, 2**40):
                self.note(f"length {length}", post(length=length), VALUE, "length")
            self.note("other sharers", post(sharers="12" * 32), "wrong-context")
            self.note("a chunk too few", post(body["chunks"][:-1]), "wrong-length")
            self.note("a chunk too many", post(body["chunks"] + ["12" * 32]), "wrong-length")
            self.note("other hashes", post(body["chunks"][::-1]), "hash-mismatch")
            self.note("hashes that are none", post(["zz"] * 2), VALUE)
            self.note("hashes of numbers", post([1, 2]), VALUE)
            index = voice.parts[ctx].index
            others = [j for j in range(4) if j != index]
            for missing in ([index], [9], others[1::-1], [others[0]] * 2, [-1], ["1"], [2**40]):
                self.note(f"missing {missing}", post(missing=missing), VALUE | {"bad-proof"},
                          "missing")
            complaint = voice.complaint(voice.parts[ctx], others[0])
            for change in ({"dealer": index}, {"dealer": 77}, {"key": IDENTITY},
                           {"key": OFF_GROUP}, {"challenge": "ff" * 32}, {"response": "ff" * 32},
                           {"challenge": "12"}, {"more": 1}, {"key": None},
                           {"challenge": "01" + "00" * 31}):
                self.note(f"bad {change}", post(bad=[{**complaint, **change}]),
                          VALUE | {"bad-proof", "bad-point", "bad-scalar", "unknown-field"})
            self.note("bad twice", post(bad=[complaint] * 2), VALUE | {"bad-proof"})
            self.note("missing and bad", post(missing=[others[0]], bad=[complaint]),
                      VALUE | {"bad-proof"})
            self.note("201 bad boxes", post(bad=[{**complaint, "dealer": j}
                                                 for j in range(201)]), VALUE, "bad")
            self.note("longer than a log entry", post(missing=list(range(16_000))),
                      "body-too-large")
            for samples in (1, 0, 101):
                self.note("a weight that nobody asked for", post(samples=samples), VALUE,
                          "samples")
            self.note("a chunk before its manifest", voice.chunk(ctx, 0),
                      {"not-found", "wrong-phase"})
        self.unchanged(send)
        voice.announce(ctx).must(201)

        def send_chunks():
            chunk, other = voice.parts[ctx].chunks
            self.note("the other chunk", voice.chunk(ctx, 0, other + bytes(
                len(chunk) - len(other))), "hash-mismatch")
            self.note("a flipped bit", voice.chunk(ctx, 0, flip_byte(chunk)), "hash-mismatch")
            self.note("a short chunk", voice.chunk(ctx, 0, chunk[:-1]),
                      {"wrong-length", "hash-mismatch"})
            self.note("a long chunk", voice.chunk(ctx, 1, other + b"\0"),
                      {"wrong-length", "hash-mismatch"})
            self.note("an empty chunk", voice.chunk(ctx, 0, b""),
                      {"wrong-length", "hash-mismatch", "length-required"})
            self.note("a chunk above the limit", voice.chunk(ctx, 0, chunk + b"\0"),
                      "body-too-large")
            for index in ("2", "99999999999999999999", "-1", "x", "0x0", "1.0"):
                self.note(f"chunk {index}", self.server.put(
                    f"{path}/{voice.id}/chunks/{index}", raw=other,
                    kind="application/octet-stream"), {"not-found", "bad-value"})
            self.note("somebody else's", self.server.put(
                f"{path}/{voices[1].id}/chunks/0", raw=chunk, kind="application/octet-stream"),
                {"not-found"})
            self.note("a chunk in JSON", self.server.put(
                f"{path}/{voice.id}/chunks/0", raw=b"{}", kind="application/json"),
                "unsupported-media-type")
        self.unchanged(send_chunks)
        all_upload(voices, ctx)
        all_unmask(voices, ctx)
        self.server.wait_phase(ctx, "done")
        check_sum(self, voices, ctx)

    def test_a_weight_in_public(self):
        voices = self.voices(3, reward={"scheme": "samples", "budget": "1000"})
        ctx = self.server.open_round(voices[0].model)
        all_join(voices, ctx)
        all_share(voices, ctx)
        self.server.wait_phase(ctx, "upload")
        voice, path = voices[0], f"/rounds/{ctx}/updates"
        body = voice.update_body(ctx)

        def send():
            for samples in (None, 0, -1, 101, 2**53, "1", True, 1.0):
                event = {**body["event"], "samples": samples}
                if type(samples) is not float and samples != 2**53:
                    event = voice.key.sign(event)
                self.note(f"samples {samples}", self.server.post(path, {**body, "event": event}),
                          SHAPE, None if samples in (1.0, 2**53) else "samples")
        self.unchanged(send)
        all_upload(voices, ctx)
        all_unmask(voices, ctx)
        self.server.wait_phase(ctx, "done")
        check_sum(self, voices, ctx)

    def test_unmask(self):
        voices = self.voices(5)
        ctx = self.server.open_round(voices[0].model)
        all_join(voices, ctx)
        all_share(voices, ctx)
        all_upload(voices, ctx)
        self.server.wait_phase(ctx, "unmask")
        voice, path = voices[0], f"/rounds/{ctx}/unmasks"
        body = voice.unmask_body(ctx)
        shares = body["event"]["shares"]

        def send():
            self.event(path, voice, body, ("survivors",))

            def post(**change):
                return self.server.post(path, {"event": voice.key.sign(
                    {**body["event"], **change})})
            self.note("a share too few", post(shares=shares[:-1]), {"bad-answer"})
            self.note("a share too many", post(shares=shares + shares[:1]), {"bad-answer"})
            self.note("no share", post(shares=[]), {"bad-answer", "wrong-length"})
            self.note("null for a good box", post(shares=[None] + shares[1:]), {"bad-answer"})
            self.note("all null", post(shares=[None] * len(shares)), {"bad-answer"})
            self.note("not reduced", post(shares=["ff" * 32] + shares[1:]),
                      {"bad-scalar", "bad-value"}, "shares")
            for wrong in ("12" * 31, 7, "zz" * 32, True):
                self.note(f"share {wrong!r:.9}", post(shares=[wrong] + shares[1:]),
                          VALUE | {"bad-scalar"}, "shares")
            self.note("other survivors", post(survivors="12" * 32), "wrong-context")
        self.unchanged(send)
        all_unmask(voices, ctx)
        self.server.wait_phase(ctx, "done")
        check_sum(self, voices, ctx)


def flip(text):
    return ("1" if text[0] != "1" else "2") + text[1:]


def flip_byte(data):
    return bytes([data[0] ^ 1]) + data[1:]


class Admin(Bad):
    """What administrators send."""

    def setUp(self):
        super().setUp()
        self.token = f"Bearer {self.server.token}"

    def open_to_nobody(self, method, path, value=None, **options):
        """Without a token, with a wrong one, with a malformed header."""
        for auth in (None, "Bearer", "Bearer wrong", "Basic abc", f"bearer{self.server.token}",
                     f"Bearer {self.server.token}x", "Chorus 00.00"):
            self.note(f"{method} {path} as {auth}", self.server.call(
                method, path, value, auth=auth, **options), {"unauthenticated", "forbidden"})

    def test_every_address_wants_a_token(self):
        voices = self.voices()
        slug = voices[0].model
        ctx = self.server.open_round(slug)

        def send():
            for method, path, value in (
                    ("POST", "/models", {"model": "new", "spec": VECTOR}),
                    ("POST", f"/models/{slug}/versions", {"spec": VECTOR}),
                    ("POST", f"/models/{slug}/retire", {}),
                    ("PUT", f"/models/{slug}/schedule", {"every": 1, "rounds": 1,
                                                         "target": None}),
                    ("DELETE", f"/models/{slug}/schedule", None),
                    ("GET", f"/models/{slug}/members", None),
                    ("POST", f"/models/{slug}/members", {"participant": voices[0].id}),
                    ("POST", f"/models/{slug}/members/{voices[0].id}/suspend", {}),
                    ("POST", "/invites", {"model": slug, "organisation": None, "count": 1,
                                          "expires_in": 60, "admit": True}),
                    ("GET", "/invites", None),
                    ("GET", "/participants", None),
                    ("POST", f"/models/{slug}/rounds", {}),
                    ("POST", f"/rounds/{ctx}/cancel", {})):
                self.open_to_nobody(method, path, value)
            self.open_to_nobody("PUT", f"/models/{slug}/holdout", raw=b"a,b\n1,2\n",
                                kind="text/csv")
        self.unchanged(send)

    def test_invites(self):
        slug = self.slug()
        self.server.make_model(slug, VECTOR)
        good = {"model": slug, "organisation": None, "count": 2, "expires_in": 60, "admit": True}

        def send():
            self.not_an_object("POST", "/invites", good, self.token)
            for name, values in {"count": (0, -1, 501, 2**70, "2", 1.5, None),
                                 "expires_in": (0, -5, "60", 2**70),
                                 "admit": (0, "true", []),
                                 "model": ("no-such-model", "", "UPPER", "../x", 5, None),
                                 "organisation": ("12", "AB" * 16, 5, "")}.items():
                for value in values:
                    reply = self.server.admin("POST", "/invites", {**good, name: value})
                    slugs = VALUE | {"missing-field", "malformed-json"}
                    slugs |= {"not-found"} if name == "model" else set()
                    self.note(f"{name} = {value!r}", reply, slugs)
            self.note("more", self.server.admin("POST", "/invites", {**good, "zebra": 1}),
                      "unknown-field", "zebra")
        self.unchanged(send)

    def test_model_descriptions(self):
        slug, iris = self.slug(), read_spec("iris")
        taken = self.slug()
        self.server.make_model(taken, VECTOR)

        def post(spec, name=slug):
            return self.server.admin("POST", "/models", {"model": name, "spec": spec})

        def quantisation(**change):
            return changed(iris, quantisation=change)

        def cohort(**change):
            return changed(iris, cohort=change)

        def send():
            self.not_an_object("POST", "/models", {"model": slug, "spec": iris}, self.token)
            for name in ("", "UPPER", "-first", "a b", "a" * 64, "a/b", "é"):
                self.note(f"slug {name!r}", post(iris, name), VALUE, "model")
            self.note("a slug that is taken", post(iris, taken), "conflict")
            for name in iris:
                less = {n: v for n, v in iris.items() if n != name}
                self.note(f"without {name}", post(less), {"missing-field", "bad-spec"}, name)
                for value in (None, 7, "x", [], {}):
                    if type(value) is not type(iris[name]):
                        self.note(f"{name} = {value!r}", post({**iris, name: value}),
                                  VALUE | {"bad-spec", "missing-field"}, name)
            overflow = {"arithmetic-overflow"}
            self.note("W too large", post(quantisation(weight_cap=1_000_000)), overflow)
            self.note("q too large", post(quantisation(bits=31)), overflow)
            self.note("ring too narrow", post({**iris, "ring_bits": 16}), overflow)
            self.note("at the very edge", post(changed(
                VECTOR, ring_bits=16, cohort={"maximum": 128, "minimum": 3},
                quantisation={"bits": 9, "weight_cap": 129, "range": "1", "clip": "1"})),
                overflow)
            self.note("an odd ring", post({**iris, "ring_bits": 20}), VALUE, "ring_bits")
            self.note("m of 2", post(cohort(minimum=2)), VALUE | {"bad-spec"}, "minimum")
            self.note("m above the maximum", post(cohort(minimum=11)), VALUE | {"bad-spec"},
                      "minimum")
            self.note("more than 200, no chain", post(changed(
                VECTOR, cohort={"maximum": 201}, quantisation={"weight_cap": 1})),
                VALUE | {"bad-spec"})
            self.note("too many lost", post(cohort(corrupt_bp=5000, dropout_bp=4001)),
                      VALUE | {"bad-spec"}, "dropout_bp")
            for name in ("range", "clip"):
                for value in ("0", "-1", "1e3", "01", "1.0", ".5", "1.", "", "NaN", "inf", 1,
                              "0x1", " 1", "1" * 400):
                    self.note(f"{name} = {str(value)[:9]!r}", post(quantisation(**{name: value})),
                              VALUE | {"bad-spec"}, name)
            for bits in (0, 1, 32, -5, 2**40, "16", 16.0):
                self.note(f"bits = {bits!r}", post(quantisation(bits=bits)), VALUE, "bits")
            for phase in ("join", "share", "upload", "unmask"):
                for value in (0, -1, 2**50, "5", 1.5):
                    self.note(f"{phase} = {value}", post(changed(iris, deadlines={
                        phase: value})), VALUE, phase)
            self.note("two columns of one name", post({**iris, "features":
                                                       iris["features"][:1] * 2}),
                      {"bad-spec", "bad-value"}, "features")
            self.note("no such kind", post({**iris, "kind": "oracle"}), VALUE | {"bad-spec"},
                      "kind")
            for features in ([], [5], [{}], [{"name": "a", "type": "odd"}], "x"):
                self.note(f"features {features}", post({**iris, "features": features}),
                          SHAPE | {"bad-spec"}, "features")
            self.note("a vector of nothing", post(changed(VECTOR, dimension=0)), VALUE,
                      "dimension")
            self.note("a vector beyond all bounds", post(changed(VECTOR, dimension=2**40)),
                      VALUE | {"over-quota"})
            self.note("9 MB", self.announce("POST", "/models", 9 * 2**20, auth=self.token),
                      "body-too-large")
            self.note("a purpose of 2 MB", post({**iris, "purpose": "x" * 2 * 2**20}),
                      VALUE | {"body-too-large", "bad-spec"})
            for audit in ({"audience": "friends", "window": 60}, {"audience": "public"},
                          {"audience": "public", "window": 315_360_001},
                          {"audience": "public", "window": -1}, {"window": 60}, 60,
                          {"audience": "public", "window": "60"},
                          {"audience": "members", "window": 60, "more": 1}):
                self.note(f"audit {audit}", post({**iris, "audit": audit}),
                          VALUE | {"missing-field", "unknown-field"}, "audit")
            self.note("control characters", post({**iris, "name": "a\u0000b"}),
                      SHAPE | {"bad-spec"})
        self.unchanged(send)
        self.server.make_model(slug, iris)

    def test_versions(self):
        slug, iris = self.slug(), read_spec("iris")
        self.server.make_model(slug, iris)

        def post(spec):
            return self.server.admin("POST", f"/models/{slug}/versions", {"spec": spec})

        def send():
            self.not_an_object("POST", f"/models/{slug}/versions", {"spec": iris}, self.token)
            wider = changed(iris, features=iris["features"] + [
                {"name": "more", "type": "numeric", "minimum": "0", "maximum": "1"}])
            renamed = copy.deepcopy(iris)
            renamed["features"][0]["name"] = "other"
            refused = {"bad-spec", "bad-value", "conflict"}
            self.note("another d", post(wider), refused)
            self.note("other columns", post(renamed), refused)
            self.note("another kind", post(VECTOR), refused)
            self.note("no such model", self.server.admin(
                "POST", "/models/none/versions", {"spec": iris}), "not-found")
            self.note("nonsense", post({"x": 1}), SHAPE | {"bad-spec"})
            self.note("overflow", post({**iris, "ring_bits": 16}), "arithmetic-overflow")
        self.unchanged(send)
        self.server.open_round(slug)
        post(changed(iris, purpose="Another.")).refused("round-already-open", 409)

    def test_rounds_and_members(self):
        voices = self.voices()
        slug = voices[0].model
        ctx = self.server.open_round(slug)
        retired = self.slug()
        self.server.make_model(retired, VECTOR)
        self.server.admin("POST", f"/models/{retired}/retire", {}).must(200)

        def admin(path, value, method="POST"):
            return self.server.admin(method, path, value)

        def send():
            self.note("a second round", admin(f"/models/{slug}/rounds", {}),
                      "round-already-open")
            self.note("a round of nothing", admin("/models/none/rounds", {}), "not-found")
            self.note("a round of the retired", admin(f"/models/{retired}/rounds", {}),
                      "retired")
            self.note("retired twice", admin(f"/models/{slug}/rounds", {"x": 1}),
                      {"unknown-field", "round-already-open"})
            for value in ("12" * 32, "zz", "", 5, None):
                self.note(f"member {value}", admin(f"/models/{slug}/members",
                                                   {"participant": value}),
                          VALUE | {"not-found", "not-enrolled", "missing-field"})
            for who in ("12" * 32, "zz", "12"):
                self.note(f"suspend {who[:4]}", admin(
                    f"/models/{slug}/members/{who}/suspend", {}),
                    {"not-found", "not-enrolled", "not-admitted"})
            for path in ("12" * 32, "zz", ctx[:-1], ctx.upper() if ctx.upper() != ctx else "x"):
                self.note(f"cancel {path[:4]}", admin(f"/rounds/{path}/cancel", {}),
                          "not-found")
            good = {"every": 5, "rounds": 3, "target": None}
            self.not_an_object("PUT", f"/models/{slug}/schedule", good, self.token)
            for name, values in {"every": (-1, "5", 1e30, None, 2**70), "rounds": (0, -1, 1.5,
                                                                                   "3", None),
                                 "target": ("2", "-0.5", "x", 0.9, "1e-1", "0.90")}.items():
                for value in values:
                    self.note(f"{name} = {value!r}", admin(
                        f"/models/{slug}/schedule", {**good, name: value}, "PUT"),
                        VALUE | {"missing-field", "malformed-json"})
            self.note("more", admin(f"/models/{slug}/schedule", {**good, "zebra": 1}, "PUT"),
                      "unknown-field", "zebra")
        self.unchanged(send)

    def test_holdout(self):
        slug, (head, rows) = self.slug(), read_csv("iris")
        self.server.make_model(slug, read_spec("iris"))

        def put(text, kind="text/csv"):
            raw = text if isinstance(text, bytes) else text.encode()
            return self.server.call("PUT", f"/models/{slug}/holdout", raw=raw, kind=kind,
                                    auth=self.token)

        def send():
            good = csv_text(head, rows[:9])
            cases = {"nothing": "", "a head only": csv_text(head, []),
                     "no head": csv_text(rows[0], rows[1:5]),
                     "a column too few": csv_text(head[:-1], [r[:-1] for r in rows[:5]]),
                     "a ragged row": good + "1,2\n",
                     "not a number": good + "x,3.5,1.4,0.2,setosa\n",
                     "NaN": good + "nan,3.5,1.4,0.2,setosa\n",
                     "infinite": good + "inf,3.5,1.4,0.2,setosa\n",
                     "no such class": good + "5.1,3.5,1.4,0.2,rose\n",
                     "an open quote": good + '"5.1,3.5,1.4,0.2,setosa\n',
                     "a NUL": good.encode() + b"5.1,3.5,\0,0.2,setosa\n",
                     "binary": bytes(range(256)) * 10}
            for name, text in cases.items():
                self.note(name, put(text), {"bad-csv", "not-finite", "malformed-json",
                                            "length-required"})
            self.note("17 MiB", self.announce("PUT", f"/models/{slug}/holdout", 17 * 2**20,
                                              "text/csv", self.token), "body-too-large")
            self.note("JSON", put("{}", "application/json"), "unsupported-media-type")
        self.unchanged(send)


class Wire(Bad):
    """Below JSON: addresses, methods, lengths, types."""

    def test_addresses_and_methods(self):
        slug = self.voices()[0].model
        ctx = self.server.open_round(slug)

        def send():
            get, call = self.server.get, self.server.call
            for path in ("/nothing", "/models/none", "/models/none/round", "/rounds/zz",
                         f"/rounds/{ctx}/nothing", f"/rounds/{ctx}/events/join",
                         f"/rounds/{ctx}/events/roster", "/participants/" + "12" * 32,
                         "/participants/zz", "//models", "/models/../models/none",
                         f"/models/{slug}/weights/x", "/models/%00", "/models/" + "a" * 3000):
                self.note(f"GET {path[:40]}", get(path), "not-found")
            for method, path in (("DELETE", "/models"), ("PUT", f"/rounds/{ctx}/joins"),
                                 ("PATCH", "/instance"), ("POST", "/health")):
                reply = call(method, path, {})
                self.note(f"{method} {path}", reply, "method-not-allowed")
                self.assertTrue(reply.headers.get("Allow"))
            for query in ("limit=0", "limit=201", "limit=x", "limit=-1", "limit=", "cursor=%00"):
                self.note(query, get(f"/models?{query}"), {"bad-value", "wrong-type"})
            for query in ("wait=-1", "wait=x", "wait=1e9", "wait=61", "wait=1&phase=odd"):
                self.note(query, get(f"/rounds/{ctx}?{query}"), {"bad-value", "wrong-type"})
            for query in ("round=-1", "round=x", "round=99"):
                self.note(query, get(f"/models/{slug}/weights?{query}"),
                          {"bad-value", "not-found", "wrong-type"})
        self.unchanged(send)

    def test_lengths_and_types(self):
        voice = self.voices()[0]
        ctx = self.server.open_round(voice.model)
        body = json.dumps(voice.join_body(ctx)).encode()
        head = f"POST /api/v1/rounds/{ctx}/joins HTTP/1.1\r\nHost: x\r\n".encode()
        kind = b"Content-Type: application/json\r\n"

        def send():
            chunked = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"
            self.note("no length", self.raw(head + kind + chunked % (len(body), body)),
                      "length-required")
            self.note("65 KiB", self.server.post(f"/rounds/{ctx}/joins", raw=b" " * 66_000
                                                 + body), "body-too-large")
            for length in (10**9, 10**18):
                self.note(f"{length} bytes", self.announce("POST", f"/rounds/{ctx}/joins",
                                                           length), "body-too-large")
            for other in ("text/plain", "application/xml", "application/octet-stream",
                          "multipart/form-data"):
                self.note(other, self.server.post(f"/rounds/{ctx}/joins", raw=body, kind=other),
                          "unsupported-media-type")
            for auth in ("Chorus", "Chorus zz", "Chorus 00.11", f"Chorus {voice.id}.{'0' * 128}",
                         "Bearer x", f"Chorus {voice.id}", "Chorus " + "0" * 9000):
                reply = self.server.get(f"/rounds/{ctx}/boxes", auth=auth)
                if reply.status not in (400, 431, 413):
                    self.note(f"auth {auth[:12]}", reply,
                              {"unauthenticated", "bad-signature", "forbidden", "not-in-round",
                               "not-enrolled"})
        self.unchanged(send)

    def test_a_client_that_hangs_up_or_dawdles(self):
        voices = self.voices()
        ctx = self.server.open_round(voices[0].model)
        head = f"POST /api/v1/rounds/{ctx}/joins HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n"
        lines = []
        for _ in range(40):
            line = socket.create_connection(("127.0.0.1", self.server.port), 5)
            line.sendall(head.encode() + b"Content-Type: application/json\r\n\r\n{\"event\"")
            lines.append(line)
        begun = time.monotonic()
        self.server.get("/health").must(200)
        self.assertLess(time.monotonic() - begun, 2)
        for line in lines:
            line.close()
        all_join(voices, ctx)
        all_share(voices, ctx)
        all_upload(voices, ctx)
        all_unmask(voices, ctx)
        self.server.wait_phase(ctx, "done")

    def test_ranges(self):
        voices = self.voices()
        slug = voices[0].model
        url, size = f"/models/{slug}/weights?round=0", 200
        whole = self.server.get(url).must(200).body
        self.assertEqual(len(whole), size)

        def ranged(text):
            return harness.http("GET", f"{self.server.origin}/api/v1{url}", None,
                                {"Range": text})
        for text, part in (("bytes=0-3", whole[:4]), ("bytes=196-", whole[196:]),
                           ("bytes=-4", whole[-4:]), ("bytes=190-999", whole[190:])):
            reply = ranged(text).must(206)
            self.assertEqual(reply.body, part, text)
        ranged("bytes=200-").refused("range-not-satisfiable", 416)
        ranged("bytes=900-901").refused("range-not-satisfiable", 416)


if __name__ == "__main__":
    import unittest
    unittest.main()
