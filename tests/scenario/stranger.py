#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A second Chorus client, written from docs/protocol.md and docs/api.md alone.

It shares no code with the first one, so that whatever the pages leave out shows up here. It
needs the standard library and, by ctypes, libsodium (ristretto255, Ed25519, XChaCha20) and
libcrypto (AES). Section numbers in comments are those of docs/protocol.md.
"""

import argparse
import base64
import csv
import ctypes
import fcntl
import fractions
import hashlib
import hmac
import http.client
import json
import math
import os
import re
import secrets
import struct
import sys
import time
import unicodedata
import urllib.error
import urllib.parse
import urllib.request

L = 2**252 + 27742317777372353535851937790883648493
CHUNK = 983040
WIDTHS = (16, 24, 32, 40, 48, 64)
EMPTY_ROOT = hashlib.sha256(b"").hexdigest()
MAX_INTEGER = 2**53 - 1


class Refused(Exception):
    """Somebody broke the protocol: nothing further is answered in this round."""


class Left(Exception):
    """This participant cannot or may not go on in this round; the next one may do."""


def require(condition, reason):
    if not condition:
        raise Refused(reason)


# ---------------------------------------------------------------- 1.1, 1.2: bytes and hashes

def le32(value):
    return struct.pack("<I", value)


def sha256(*parts):
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.digest()


def scalar_bytes(value):
    return value.to_bytes(32, "little")


def scalar_from(data):
    """The scalar of 32 bytes, or None when they are no scalar."""
    value = int.from_bytes(data, "little")
    return value if len(data) == 32 and value < L else None


def random_scalar():
    return secrets.randbelow(L - 1) + 1


def hkdf(ctx, key, label, *fields):
    info = label.encode("ascii") + b"".join(fields)
    inner = hmac.digest(ctx, key, "sha256")
    return hmac.digest(inner, info + b"\x01", "sha256")


def unbase64(text):
    data = base64.b64decode(text, validate=True)
    require(base64.b64encode(data).decode() == text, "base64 not in its one form")
    return data


def enbase64(data):
    return base64.b64encode(data).decode("ascii")


# ---------------------------------------------------------------- the two libraries

class Sodium:
    def __init__(self):
        self.lib = ctypes.CDLL("libsodium.so.23")
        if self.lib.sodium_init() < 0:
            raise OSError("libsodium does not start")

    def sign_keys(self, seed):
        public, secret = ctypes.create_string_buffer(32), ctypes.create_string_buffer(64)
        self.lib.crypto_sign_seed_keypair(public, secret, seed)
        return public.raw, secret.raw

    def sign(self, secret, message):
        out = ctypes.create_string_buffer(64)
        self.lib.crypto_sign_detached(out, None, message, _u64(message), secret)
        return out.raw

    def signed(self, public, message, sig):
        """Strict verification: this library refuses all that 1.2 lists."""
        if len(public) != 32 or len(sig) != 64:
            return False
        args = (sig, message, _u64(message), public)
        return self.lib.crypto_sign_verify_detached(*args) == 0

    def seal(self, key, plain, data):
        nonce = secrets.token_bytes(24)
        return nonce + self.seal_with(key, nonce, plain, data)

    def seal_with(self, key, nonce, plain, data):
        out = ctypes.create_string_buffer(len(plain) + 16)
        self.lib.crypto_aead_xchacha20poly1305_ietf_encrypt(
            out, None, plain, _u64(plain), data, _u64(data), None, nonce, key)
        return out.raw

    def unseal(self, key, box, data):
        """The plain text, or None when the box does not open."""
        if len(box) < 40:
            return None
        cipher, out = box[24:], ctypes.create_string_buffer(max(1, len(box) - 40))
        failed = self.lib.crypto_aead_xchacha20poly1305_ietf_decrypt(
            out, None, None, cipher, _u64(cipher), data, _u64(data), box[:24], key)
        return None if failed else out.raw[:len(box) - 40]


def _u64(data):
    return ctypes.c_ulonglong(len(data))


SODIUM = Sodium()
IDENTITY = bytes(32)


def point_ok(point):
    """Canonical, and not the identity; libsodium 1.0.18 overlooks the top bit."""
    return (len(point) == 32 and point != IDENTITY and point[31] < 128
            and SODIUM.lib.crypto_core_ristretto255_is_valid_point(point) == 1)


def base_times(scalar):
    out = ctypes.create_string_buffer(32)
    SODIUM.lib.crypto_scalarmult_ristretto255_base(out, scalar_bytes(scalar % L))
    return out.raw


def times(scalar, point):
    """scalar·point; the point has been checked, or is the identity."""
    out = ctypes.create_string_buffer(32)
    SODIUM.lib.crypto_scalarmult_ristretto255(out, scalar_bytes(scalar % L), point)
    return out.raw


def plus(left, right):
    out = ctypes.create_string_buffer(32)
    SODIUM.lib.crypto_core_ristretto255_add(out, left, right)
    return out.raw


class Crypto:
    def __init__(self):
        self.lib = ctypes.CDLL("libcrypto.so.3")
        for name in ("EVP_CIPHER_CTX_new", "EVP_aes_256_ctr"):
            getattr(self.lib, name).restype = ctypes.c_void_p

    def keystream(self, key, size, block=0):
        """`size` bytes of AES-256 in counter mode, from counter `block` on."""
        state = ctypes.c_void_p(self.lib.EVP_CIPHER_CTX_new())
        cipher = ctypes.c_void_p(self.lib.EVP_aes_256_ctr())
        out, done = ctypes.create_string_buffer(size + 16), ctypes.c_int(0)
        start = block.to_bytes(16, "big")
        good = self.lib.EVP_EncryptInit_ex(state, cipher, None, key, start)
        good = good and self.lib.EVP_EncryptUpdate(
            state, out, ctypes.byref(done), bytes(size), ctypes.c_int(size))
        self.lib.EVP_CIPHER_CTX_free(state)
        if not good or done.value != size:
            raise OSError("AES fails")
        return out.raw[:size]


CRYPTO = Crypto()


def prg(key, size):
    return CRYPTO.keystream(key, size)


# ---------------------------------------------------------------- vectors modulo 2^b

class Ring:
    """Vectors of `count` words of `width` bits, each vector one big integer.

    Even and odd words are added apart, so that a carry falls into a gap and is masked off.
    """

    def __init__(self, width, count):
        self.width, self.count, self.size = width, count, count * width // 8
        word = (1 << width) - 1
        self.lanes = [(self._repeat(word, odd), self._repeat(1 << width, odd)) for odd in (0, 1)]

    def _repeat(self, pattern, odd):
        """`pattern` at every second word, from word `odd` on."""
        total, found, step = 0, (self.count - odd + 1) // 2, 2 * self.width
        block, have = pattern, 1
        while found:
            if found & 1:
                total = (total << (have * step)) | block
            block |= block << (have * step)
            found, have = found >> 1, have * 2
        return total << (odd * self.width)

    def add(self, left, right):
        return sum((((left & mask) + (right & mask)) & mask) for mask, _ in self.lanes)

    def subtract(self, left, right):
        return sum((((left & mask) + gap - (right & mask)) & mask) for mask, gap in self.lanes)

    def unpack(self, data):
        require(len(data) == self.size, "a vector has another length")
        return int.from_bytes(data, "little")

    def pack(self, vector):
        return vector.to_bytes(self.size, "little")

    def encode(self, integers):
        step, modulus = self.width // 8, 1 << self.width
        return self.unpack(b"".join((v % modulus).to_bytes(step, "little") for v in integers))

    def decode(self, vector):
        data, step = self.pack(vector), self.width // 8
        return [int.from_bytes(data[at:at + step], "little", signed=True)
                for at in range(0, self.size, step)]

    def mask(self, key):
        return self.unpack(prg(key, self.size))


# ---------------------------------------------------------------- 1.3: events

def canonical(value, level=1):
    if isinstance(value, (dict, list)):
        require(level <= 8, "nested too deep")
    if isinstance(value, dict):
        members = (canonical(name) + b":" + canonical(value[name], level + 1)
                   for name in sorted(value))
        return b"{" + b",".join(members) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(canonical(item, level + 1) for item in value) + b"]"
    return canonical_leaf(value)


def canonical_leaf(value):
    if value is None or value is True or value is False:
        return {None: b"null", True: b"true", False: b"false"}[value]
    if type(value) is int:
        require(abs(value) <= MAX_INTEGER, "integer out of range")
        return str(value).encode("ascii")
    require(type(value) is str, "a float in an event")
    require(all(" " <= c <= "~" for c in value), "a character an event may not hold")
    return b'"' + value.replace("\\", "\\\\").replace('"', '\\"').encode("ascii") + b'"'


def no_duplicates(pairs):
    require(len({name for name, _ in pairs}) == len(pairs), "duplicate member")
    return dict(pairs)


def strict_integer(text):
    require(text != "-0" and len(text) <= 17, "integer not in its one form")
    return int(text)


def parse_json(data):
    try:
        return json.loads(data, object_pairs_hook=no_duplicates, parse_int=strict_integer)
    except (ValueError, RecursionError) as problem:
        raise Refused(f"not JSON: {problem}") from problem


def parse_canonical(data):
    value = parse_json(data)
    require(canonical(value) == data, "JSON that is not canonical")
    return value


def check_size(event):
    require(len(canonical(event)) <= 65535, "an event longer than a log entry")


def without_sig(event):
    return {name: value for name, value in event.items() if name != "sig"}


def to_sign(event):
    return b"chorus/v1/" + event["type"].encode("ascii") + b"\n" + canonical(without_sig(event))


def event_hash(event):
    return sha256(to_sign(event))


def round_ctx(event):
    return sha256(b"chorus/v1/ctx\n", canonical(without_sig(event)))


def is_hex(size):
    pattern = re.compile("[0-9a-f]{%d}" % (2 * size))
    return lambda value: type(value) is str and pattern.fullmatch(value) is not None


def is_integer(low, high=MAX_INTEGER):
    return lambda value: type(value) is int and low <= value <= high


def is_match(pattern):
    compiled = re.compile(pattern)
    return lambda value: type(value) is str and compiled.fullmatch(value) is not None


def is_array(item, most=math.inf):
    return lambda value: (type(value) is list and len(value) <= most
                          and all(item(v) for v in value))


def is_ascending(check, key=lambda item: item):
    """A list that passes `check` and whose keys ascend, none twice."""
    return lambda value: (check(value) and
                          all(key(a) < key(b) for a, b in zip(value, value[1:])))


def is_object(**members):
    return lambda value: (type(value) is dict and set(value) == set(members)
                          and all(check(value[name]) for name, check in members.items()))


def is_tuple(*items):
    return lambda value: (type(value) is list and len(value) == len(items)
                          and all(check(v) for check, v in zip(items, value)))


def nullable(check):
    return lambda value: value is None or check(value)


def is_text(value):
    return type(value) is str


def is_optimiser(value):
    return (type(value) is dict and is_text(value.get("kind")) and "state" in value
            and nullable(HASH)(value["state"]))


HASH, POINT = is_hex(32), is_hex(32)
SLUG = is_match("[a-z0-9][a-z0-9-]{0,62}")
DECIMAL = is_match(r"(?!-0\Z)-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?")
SEEN = is_object(root=HASH, size=is_integer(0))
NAMED = is_ascending(is_array(is_object(
    event=HASH, participant=HASH, reason=is_match("bad-box|false-complaint|bad-share")), 256),
    lambda item: item["participant"])
BITMAP = is_match("([0-9a-f]{2})+")
INDEX = is_integer(0, 2**32 - 1)
MOST_BAD = 200
BAD = is_object(challenge=is_hex(32), dealer=INDEX, key=POINT, response=is_hex(32))
FROM_PARTICIPANT = {"instance": HASH, "seen": SEEN, "participant": HASH}
IN_ROUND = {"instance": HASH, "ctx": HASH}
BY_PARTICIPANT = {**FROM_PARTICIPANT, **IN_ROUND}
ADMISSION = {"instance": HASH, "model": SLUG, "participant": HASH, "identity": HASH,
             "previous": nullable(HASH)}

EVENTS = {
    "instance": {"origin": is_text, "coordinator": HASH,
                 "chain": nullable(is_object(contract=is_text, id=is_integer(0)))},
    "model": {"instance": HASH, "model": SLUG, "version": is_integer(1), "spec": HASH,
              "previous": nullable(HASH)},
    "enroll": {**FROM_PARTICIPANT, "organisation": is_hex(16), "invite": HASH, "name": HASH,
               "payout": nullable(is_match("0x[0-9a-fA-F]{40}"))},
    "admit": ADMISSION,
    "suspend": ADMISSION,
    "act": {"instance": HASH, "id": is_hex(16), "actor": is_hex(16),
            "action": is_match("(POST|PUT|DELETE) /.*"), "model": nullable(SLUG),
            "time": is_integer(0)},
    "receipt": {"instance": HASH, "of": HASH, "status": is_match("accepted|complete"),
                "seq": is_integer(1), "time": is_integer(0), "by": is_integer(0)},
    "open": {"instance": HASH, "model": SLUG, "version": is_integer(1), "spec": HASH,
             "round": is_integer(1), "attempt": is_integer(1),
             "base": is_object(event=nullable(HASH), sha256=HASH,
                               source=is_match("init|result|import")),
             "d": is_integer(1), "tail": is_array(is_tuple(is_text, is_text, is_integer(0))),
             "ring_bits": is_integer(1), "quant_bits": is_integer(1), "range": DECIMAL,
             "clip": DECIMAL, "weight_cap": is_integer(1), "optimiser": is_optimiser,
             "minimum": is_integer(1), "maximum": is_integer(1), "corrupt_bp": is_integer(0),
             "dropout_bp": is_integer(0), "beacon_distance": is_integer(0),
             "deadlines": is_object(join=is_integer(0), share=is_integer(0),
                                    upload=is_integer(0), unmask=is_integer(0)),
             "reward": is_object(budget=is_match("0|[1-9][0-9]{0,77}"),
                                 scheme=is_match("none|equal|samples")),
             "audit": is_object(audience=is_match("public|members"),
                                window=is_integer(0, 315_360_000)),
             "excluded": is_ascending(is_array(HASH, 900)), "time": is_integer(0)},
    "join": {**BY_PARTICIPANT, "mask_key": POINT, "share_key": POINT, "self_key": POINT},
    "roster": {**IN_ROUND, "n": is_integer(1), "joins": HASH},
    "graph": {**IN_ROUND, "roster": HASH, "k": is_integer(1), "t": is_integer(1),
              "block": nullable(is_integer(0)), "beacon": is_match("([0-9a-f]{64})?")},
    "share": {**BY_PARTICIPANT, "graph": HASH, "deals": HASH},
    "sharers": {**IN_ROUND, "graph": HASH, "members": BITMAP, "shares": HASH},
    "update": {**BY_PARTICIPANT, "sharers": HASH, "length": is_integer(1), "chunks": HASH,
               "samples": nullable(is_integer(1)), "missing": is_array(INDEX),
               "bad": is_array(BAD, MOST_BAD)},
    "survivors": {**IN_ROUND, "sharers": HASH, "members": BITMAP, "updates": HASH},
    "unmask": {**BY_PARTICIPANT, "survivors": HASH, "shares": is_array(nullable(is_hex(32)))},
    "result": {**IN_ROUND, "survivors": HASH, "unmasks": is_object(members=BITMAP, root=HASH),
               "count": is_integer(1), "sum": HASH, "totals": is_array(DECIMAL), "model": HASH,
               "optimiser_state": nullable(HASH), "rewards": nullable(HASH), "named": NAMED},
    "failed": {**IN_ROUND, "phase": is_match("join|share|upload|unmask|final"),
               "reason": is_text, "named": NAMED},
}


def check_form(event, kind):
    """The event has exactly the members listed for its type, each of the right form."""
    require(type(event) is dict and event.get("type") == kind, f"not an event of type {kind}")
    members = EVENTS[kind]
    require(set(event) == set(members) | {"type", "sig"}, f"{kind}: other members than listed")
    for name, check in members.items():
        require(check(event[name]), f"{kind}: member {name} has a wrong form")
    require(is_hex(64)(event["sig"]), f"{kind}: sig has a wrong form")
    check_size(event)


def check_event(event, kind, signer, **expected):
    """Form, signature by `signer` (32 bytes), and members that must have a given value."""
    check_form(event, kind)
    good = SODIUM.signed(signer, to_sign(event), bytes.fromhex(event["sig"]))
    require(good, f"{kind}: the signature is not good")
    for name, value in expected.items():
        require(event[name] == value, f"{kind}: member {name} is not what it must be")
    return event


def check_own_signed(event, kind, **expected):
    """An event signed by the participant it names."""
    check_form(event, kind)
    return check_event(event, kind, bytes.fromhex(event["participant"]), **expected)


# ---------------------------------------------------------------- 1.5: trees and sets

def leaf_hash(data):
    return sha256(b"\x00", data)


def split_at(size):
    return 1 << ((size - 1).bit_length() - 1)


def root_of_hashes(hashes):
    if not hashes:
        return sha256()
    if len(hashes) == 1:
        return hashes[0]
    middle = split_at(len(hashes))
    return sha256(b"\x01", root_of_hashes(hashes[:middle]), root_of_hashes(hashes[middle:]))


def merkle_root(leaves):
    return root_of_hashes([leaf_hash(leaf) for leaf in leaves])


def events_root(events):
    return merkle_root([canonical(event) for event in events]).hex()


def merkle_path(hashes, index):
    """The siblings of leaf `index`, lowest first."""
    if len(hashes) <= 1:
        return []
    middle = split_at(len(hashes))
    if index < middle:
        return merkle_path(hashes[:middle], index) + [root_of_hashes(hashes[middle:])]
    return merkle_path(hashes[middle:], index - middle) + [root_of_hashes(hashes[:middle])]


def root_from_path(hashed, index, size, path):
    """The root to which the path leads, or None when it has another length than it must."""
    if size <= 1:
        return hashed if not path else None
    if not path:
        return None
    middle = split_at(size)
    if index < middle:
        below = root_from_path(hashed, index, middle, path[:-1])
        return below and sha256(b"\x01", below, path[-1])
    below = root_from_path(hashed, index - middle, size - middle, path[:-1])
    return below and sha256(b"\x01", path[-1], below)


def bitmap(members, n):
    data = bytearray((n + 7) // 8)
    for index in members:
        data[index // 8] |= 1 << (index % 8)
    return data.hex()


def members_of(text, n):
    data = bytes.fromhex(text)
    members = [i for i in range(8 * len(data)) if data[i // 8] >> (i % 8) & 1]
    require(bitmap([i for i in members if i < n], n) == text, "a bitmap does not fit the roster")
    return members


# ---------------------------------------------------------------- 5: the graph

def threshold_of_complete(k, anchored):
    return max(2, k // 2 + 1) if anchored else max(2, 2 * k // 3 + 1)


def alive_count(n, dropout_bp):
    return n - n * dropout_bp // 10000


def least_safe_threshold(n, c, k):
    """Least r ≥ 2 with n²·Σ_{i≥r} C(c,i)·C(n−c,k−i)·2^40 ≤ 2·C(n,k)."""
    bound, tail, r = 2 * math.comb(n, k), 0, k + 1
    while r > 2:
        tail += math.comb(c, r - 1) * math.comb(n - c, k - r + 1)
        if n * n * tail << 40 > bound:
            break
        r -= 1
    return r


def survives(n, alive, k, r):
    few = sum(math.comb(alive, i) * math.comb(n - alive, k - i) for i in range(r))
    return n * n * few << 20 <= 2 * math.comb(n, k)


def sparse_parameters(n, corrupt_bp, dropout_bp):
    c, alive = n * corrupt_bp // 10000, alive_count(n, dropout_bp)
    for k in range(2, min(n - 1, 514), 2):
        r = least_safe_threshold(n, c, k)
        if r <= k and survives(n, alive, k, r):
            return k, r
    return None


def graph_parameters(n, anchored, corrupt_bp, dropout_bp):
    """(sparse, k, t)."""
    complete = n <= 40 or not anchored or n * dropout_bp // 10000 < 1
    found = None if complete else sparse_parameters(n, corrupt_bp, dropout_bp)
    if found:
        return True, *found
    require(complete or n <= 200, "no graph is sparse and safe enough")
    return False, n - 1, threshold_of_complete(n - 1, anchored)


def shuffled(key, n):
    """Fisher–Yates by PRG(key)."""
    order, stream = list(range(n)), word_stream(key)
    for i in range(n - 1, 0, -1):
        limit = 2**32 - 2**32 % (i + 1)
        u = next(stream)
        while u >= limit:
            u = next(stream)
        order[i], order[u % (i + 1)] = order[u % (i + 1)], order[i]
    return order


def word_stream(key):
    block = 0
    while True:
        for (word,) in struct.iter_unpack("<I", CRYPTO.keystream(key, 4096, block)):
            yield word
        block += 256


class Graph:
    """Who shares with whom: `ring` is the order, `of[i]` the neighbours of i, ascending."""

    def __init__(self, n, k, t, sparse, ring):
        self.n, self.k, self.t, self.sparse, self.ring = n, k, t, sparse, ring
        self.of = [None] * n
        for c, i in enumerate(ring):
            if sparse:
                near = {ring[(c + o) % n] for h in range(1, k // 2 + 1) for o in (h, -h)}
            else:
                near = set(range(n)) - {i}
            self.of[i] = sorted(near)

    def runs_hold(self, members, needed):
        """Every two disjoint runs of k/2 ring positions together hold ≥ needed members."""
        n, half = self.n, self.k // 2
        inside = [1 if i in members else 0 for i in self.ring]
        twice = inside + inside
        run = [sum(twice[c:c + half]) for c in range(n)]
        run2 = run + run
        return all(run[c] + min(run2[c + half:c + n - half + 1]) >= needed for c in range(n))


def graph_key(ctx, joins_root, beacon):
    return sha256(b"chorus/v1/graph\n", ctx, joins_root, beacon)


def make_graph(n, anchored, corrupt_bp, dropout_bp, key_of_graph):
    sparse, k, t = graph_parameters(n, anchored, corrupt_bp, dropout_bp)
    ring = shuffled(key_of_graph(), n) if sparse else list(range(n))
    return Graph(n, k, t, sparse, ring)


# ---------------------------------------------------------------- 6: shares and boxes

def polynomial_at(coefficients, x):
    value = 0
    for coefficient in reversed(coefficients):
        value = (value * x + coefficient) % L
    return value


def deal_shares(secret, neighbours, t):
    """{j: f(j+1)}; redrawn until no share is zero."""
    while True:
        f = [secret] + [secrets.randbelow(L) for _ in range(t - 1)]
        shares = {j: polynomial_at(f, j + 1) for j in neighbours}
        if all(shares.values()):
            return shares


def rebuild(shares, t):
    """f(0) from the t shares {j: value} of lowest index."""
    chosen = sorted(shares)[:t]
    total = 0
    for j in chosen:
        up, down = 1, 1
        for other in chosen:
            if other != j:
                up, down = up * (other + 1) % L, down * (other - j) % L
        total = (total + shares[j] * up * pow(down, -1, L)) % L
    return total


def commitments_fit(constant, neighbours, points, t):
    """The SCRAPE check: the points lie, with `constant` at 0, on degree < t."""
    xs, ps = [0] + [j + 1 for j in neighbours], [constant] + points
    m = [secrets.randbelow(L) for _ in range(len(neighbours) - t + 1)]
    total = IDENTITY
    for c, x in enumerate(xs):
        product = 1
        for d, other in enumerate(xs):
            product = product * (x - other if d != c else 1) % L
        factor = pow(product, -1, L) * polynomial_at(m, x)
        total = plus(total, times(factor, ps[c]))
    return total == IDENTITY


def box_key(ctx, shared, sender, receiver):
    return hkdf(ctx, shared, "chorus/v1/box", le32(sender), le32(receiver))


def split_deal(deal):
    return deal[:32], deal[32:64], deal[64:]


def deal_leaf(deal):
    return deal[:64] + sha256(deal[64:])


def make_deal(ctx, graph_hash, sender, receiver, shared, share_a, share_s):
    plain = scalar_bytes(share_a) + scalar_bytes(share_s)
    box = SODIUM.seal(box_key(ctx, shared, sender, receiver), plain, graph_hash)
    return base_times(share_a) + base_times(share_s) + box


def open_deal(ctx, graph_hash, sender, receiver, shared, deal):
    """(share of a, share of s), or None: the box is bad."""
    point_a, point_s, box = split_deal(deal)
    plain = SODIUM.unseal(box_key(ctx, shared, sender, receiver), box, graph_hash)
    if plain is None or len(plain) != 64:
        return None
    share_a, share_s = scalar_from(plain[:32]), scalar_from(plain[32:])
    if not share_a or not share_s:
        return None
    fits = base_times(share_a) == point_a and base_times(share_s) == point_s
    return (share_a, share_s) if fits else None


# ---------------------------------------------------------------- 7: proof, numbers, masks

def dleq_challenge(ctx, i, j, share_i, share_j, key, r1, r2):
    digest = hashlib.sha512(b"chorus/v1/dleq\n" + ctx + le32(i) + le32(j)
                            + share_i + share_j + key + r1 + r2).digest()
    return int.from_bytes(digest, "little") % L


def dleq_prove(ctx, i, j, e_i, share_j, nonce=None):
    """(K, challenge, response): K = e_i·E_j with the same e_i as in E_i."""
    r = nonce or random_scalar()
    key = times(e_i, share_j)
    c = dleq_challenge(ctx, i, j, base_times(e_i), share_j, key, base_times(r), times(r, share_j))
    return key, c, (r + c * e_i) % L


def dleq_holds(ctx, i, j, share_i, share_j, key, c, z):
    if not point_ok(key) or c is None or z is None:
        return False
    r1 = plus(base_times(z), times(-c, share_i))
    r2 = plus(times(z, share_j), times(-c, key))
    return c == dleq_challenge(ctx, i, j, share_i, share_j, key, r1, r2)


def clipped(delta, clip):
    norm = math.sqrt(math.fsum(v * v for v in delta))
    return [v * (clip / norm) for v in delta] if norm > clip else list(delta)


def quantised(delta, clip, bound, quant_bits, weight):
    """Integers −w·Q..w·Q that stand for the update."""
    top, draw, out = 2**(quant_bits - 1) - 1, secrets.SystemRandom().random, []
    for value in clipped(delta, clip):
        require(math.isfinite(value), "the update is not finite")
        scaled = max(-bound, min(bound, value)) * top / bound
        low = math.floor(scaled)
        number = low + (1 if draw() < scaled - low else 0)
        out.append(max(-top, min(top, number)) * weight)
    return out


def self_mask_key(ctx, s, u1):
    return hkdf(ctx, scalar_bytes(s), "chorus/v1/self", u1)


def pair_mask_key(ctx, shared, i, j, u1):
    return hkdf(ctx, shared, "chorus/v1/pair", le32(min(i, j)), le32(max(i, j)), u1)


def masked(ring, ctx, u1, i, a, s, mask_points, partners, integers):
    """y_i; `partners` are the members of N(i) ∩ U1, `mask_points[j]` is A_j."""
    y = ring.add(ring.encode(integers), ring.mask(self_mask_key(ctx, s, u1)))
    for j in partners:
        key = pair_mask_key(ctx, times(a, mask_points[j]), i, j, u1)
        y = (ring.add if j > i else ring.subtract)(y, ring.mask(key))
    return y


def chunks_of(data):
    return [data[at:at + CHUNK] for at in range(0, len(data), CHUNK)]


# ---------------------------------------------------------------- 7: survivors

class Survivors:
    """U2 within U1, with what its manifests list as not received."""

    def __init__(self, graph, u1, u2, listed):
        self.graph, self.u1, self.u2, self.listed = graph, set(u1), set(u2), listed

    def holders(self, j):
        """The members of U2 that hold j's shares."""
        return [i for i in self.graph.of[j] if i in self.u2 and j not in self.listed[i]]

    def to_rebuild(self):
        """Those of whom s (in U2) or a (dropped, with a neighbour in U2) is needed."""
        return [j for j in sorted(self.u1)
                if j in self.u2 or any(i in self.u2 for i in self.graph.of[j])]

    def check(self, minimum, anchored, alive):
        graph, t = self.graph, self.graph.t
        require(self.u2 <= self.u1, "survivors who did not share")
        require(len(self.u2) >= minimum, "fewer survivors than the minimum")
        if graph.sparse:
            require(min(len(self.u1), len(self.u2)) >= alive, "more dropped than foreseen")
            require(graph.runs_hold(self.u2, t), "the ring of survivors can be cut")
        for j in self.to_rebuild():
            require(len(self.holders(j)) >= t, "too few survivors hold somebody's shares")
        if not anchored:
            lost, spare = len(self.u1) - len(self.u2), len(self.u1) - minimum + 1
            require(graph.n * lost < t * spare, "survivors so few that two lists could exist")


# ---------------------------------------------------------------- 3: what a round may be

TAIL_KINDS = ("weight", "loss", "correct", "evaluated", "true_positive", "false_positive",
              "true_negative", "false_negative")


def check_tail(tail, weight_cap):
    require(bool(tail) and tail[0] == ["weight", "", weight_cap], "the tail lacks its weight")
    for kind, name, _ in tail[1:]:
        require(kind in TAIL_KINDS[1:], "a tail entry of unknown kind")
        require(kind != "loss" or re.fullmatch("[1-9][0-9]*", name), "a loss without scale")
    require(len({(kind, name) for kind, name, _ in tail}) == len(tail), "a tail entry twice")


def check_numbers(opened, anchored):
    """The refusals at the end of section 3."""
    b, q, n_max, m = (opened[name] for name in ("ring_bits", "quant_bits", "maximum", "minimum"))
    require(b in WIDTHS and 2 <= q <= 31, "ring or quantisation of unknown width")
    top = 2**(q - 1) - 1
    require(n_max * opened["weight_cap"] * top < 2**(b - 1), "the sum could overflow")
    check_tail(opened["tail"], opened["weight_cap"])
    for _, _, most in opened["tail"]:
        require(n_max * most < 2**(b - 1), "a total could overflow")
    require(3 <= m <= n_max, "minimum and maximum do not fit")
    require(opened["corrupt_bp"] + opened["dropout_bp"] <= 9000, "too many bad or lost")
    require(anchored or n_max <= 200, "too many for an unanchored round")
    require(opened["attempt"] <= 16, "too many attempts")
    require(float(opened["range"]) > 0 and float(opened["clip"]) > 0, "range or clip not above 0")


# ---------------------------------------------------------------- 9: the result

def scaled_together(*decimals):
    """The decimals as integers over the least common power of ten."""
    exponent = max(len(text.partition(".")[2]) for text in decimals)
    return [int(fractions.Fraction(text) * 10**exponent) for text in decimals]


def ceil_root(number):
    root = math.isqrt(number)
    return root if root * root == number else root + 1


def check_sum(opened, count, sums):
    """The bounds that every honest sum keeps."""
    d, top = opened["d"], 2**(opened["quant_bits"] - 1) - 1
    tail = dict(((kind, name), (value, most)) for (kind, name, most), value
                in zip(opened["tail"], sums[d:], strict=True))
    weight = tail["weight", ""][0]
    require(count <= weight <= opened["weight_cap"] * count, "the total weight is out of bounds")
    require(all(abs(v) <= weight * top for v in sums[:d]), "a coordinate is out of bounds")
    clip, bound = scaled_together(opened["clip"], opened["range"])
    norm = sum(v * v for v in sums[:d]) * bound**2
    require(norm <= weight**2 * (clip * top + bound * ceil_root(d))**2, "the sum is too long")
    for value, most in tail.values():
        require(0 <= value <= count * most, "a total is out of bounds")
    check_counts({key: value for key, (value, _) in tail.items()})


def check_counts(totals):
    confusion = ("true_positive", "false_positive", "true_negative", "false_negative")
    for name in {name for kind, name in totals if kind == "evaluated"}:
        seen = totals["evaluated", name]
        require(totals.get(("correct", name), 0) <= seen, "more right than seen")
        if all((kind, name) in totals for kind in confusion):
            require(sum(totals[kind, name] for kind in confusion) == seen, "counts do not add up")


# ---------------------------------------------------------------- files that survive a crash

class Home:
    """A directory of JSON files, each written whole, and synced before it has its name."""

    def __init__(self, path):
        self.path = path
        os.makedirs(path, mode=0o700, exist_ok=True)

    def below(self, *names):
        return Home(os.path.join(self.path, *names))

    def file(self, name):
        return os.path.join(self.path, name + ".json")

    def load(self, name, default=None):
        try:
            with open(self.file(name), encoding="ascii") as source:
                return json.load(source)
        except FileNotFoundError:
            return default

    def save(self, name, value):
        new = self.file(name) + ".new"
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as out:
            json.dump(value, out)
            out.flush()
            os.fsync(out.fileno())
        os.replace(new, self.file(name))
        self.sync()
        return value

    def sync(self):
        handle = os.open(self.path, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)

    def once(self, name, make):
        """What was saved under `name`; made, and saved, only if nothing was."""
        value = self.load(name)
        return self.save(name, make()) if value is None else value

    def erase(self, *names):
        for name in names:
            for path in (self.file(name), self.file(name) + ".new"):
                if os.path.exists(path):
                    os.remove(path)
        self.sync()


# ---------------------------------------------------------------- HTTP

class ApiError(Exception):
    def __init__(self, status, problem):
        self.status = status
        self.slug = str(problem.get("type", "")).removeprefix("urn:chorus:error:")
        super().__init__(f"{status} {self.slug}: {problem.get('detail') or problem.get('title')}")


class Api:
    PATIENCE, WAIT = 300, 50

    def __init__(self, address):
        self.base = address.rstrip("/") + "/api/v1"

    def call(self, method, path, body=None, kind="application/json", auth=None):
        """The answer's bytes; tried again while the server is away."""
        give_up, pause = time.monotonic() + self.PATIENCE, 0.2
        while True:
            try:
                return self.call_once(method, path, body, kind, auth)
            except ApiError as problem:
                if problem.status not in (429, 500, 502, 503, 504) or time.monotonic() > give_up:
                    raise
            except (OSError, http.client.HTTPException):
                if time.monotonic() > give_up:
                    raise
            time.sleep(pause)
            pause = min(5, 2 * pause)

    def call_once(self, method, path, body, kind, auth):
        request = urllib.request.Request(self.base + path, data=body, method=method)
        if body is not None:
            request.add_header("Content-Type", kind)
        if auth:
            request.add_header("Authorization", auth)
        try:
            with urllib.request.urlopen(request, timeout=self.WAIT + 25) as answer:
                return answer.read()
        except urllib.error.HTTPError as answer:
            raise ApiError(answer.code, problem_of(answer)) from None

    def get(self, path, auth=None):
        return parse_json(self.call("GET", path, auth=auth))

    def post(self, path, value):
        return parse_json(self.call("POST", path, json.dumps(value).encode("ascii")))

    def wait(self, path, **query):
        return self.get(path + "?" + urllib.parse.urlencode({"wait": self.WAIT, **query}))

    def pages(self, path, name):
        """All items of a list."""
        cursor = None
        while True:
            query = {"limit": 200, **({"cursor": cursor} if cursor else {})}
            page = self.get(path + "?" + urllib.parse.urlencode(query))
            yield from page[name]
            cursor = page["next"]
            if cursor is None:
                return


def problem_of(answer):
    try:
        problem = json.loads(answer.read())
        return problem if type(problem) is dict else {}
    except (ValueError, OSError):
        return {}


# ---------------------------------------------------------------- 2: identity and instance

def parse_link(link):
    address, _, secret = link.partition("#invite=")
    parts = secret.split(".", 3)
    forms = (is_hex(16), is_hex(16), HASH, SLUG)
    require(len(parts) == 4 and all(form(part) for form, part in zip(forms, parts)),
            "the invite link has a wrong form")
    return dict(zip(("code", "organisation", "instance", "model"), parts), address=address)


class Identity:
    """The participant's key, and what it knows of the instance."""

    def __init__(self, home, link, name):
        self.home = home
        fresh = {"seed": secrets.token_hex(32), "salt": secrets.token_hex(16),
                 "name": unicodedata.normalize("NFC", name)}
        self.kept = home.once("identity", lambda: {**fresh, **parse_link(link)})
        self.public, self.secret = SODIUM.sign_keys(bytes.fromhex(self.kept["seed"]))
        self.id, self.model, self.instance = self.public.hex(), *self.take("model", "instance")
        self.organisation = self.kept["organisation"]
        self.coordinator = None
        self.chain = None

    def take(self, *names):
        return [self.kept[name] for name in names]

    def sign(self, kind, **members):
        event = {"type": kind, "instance": self.instance, "participant": self.id,
                 "seen": {"root": EMPTY_ROOT, "size": 0}, **members}
        event["sig"] = SODIUM.sign(self.secret, to_sign(event)).hex()
        check_own_signed(event, kind)
        return event

    def fetch_header(self, ctx):
        return f"Chorus {self.id}." + SODIUM.sign(self.secret, b"chorus/v1/fetch\n" + ctx).hex()

    def check_instance(self, api, trust_simulated):
        """Pins the coordinator's key by the instance's hash from the link."""
        event = api.get("/instance")["instance"]
        check_form(event, "instance")
        require(event_hash(event).hex() == self.instance, "another instance than in the invite")
        self.coordinator = bytes.fromhex(event["coordinator"])
        check_event(event, "instance", self.coordinator)
        self.chain = event["chain"]
        if self.chain is not None:
            simulated = self.chain == {"contract": "simulated", "id": 0}
            require(simulated, "this client has no view of a chain")
            require(trust_simulated, "a simulated chain protects nobody")

    def enroll_event(self):
        code, organisation, salt = (bytes.fromhex(v) for v in
                                    self.take("code", "organisation", "salt"))
        name = sha256(salt, self.kept["name"].encode("utf-8"))
        return self.sign("enroll", organisation=organisation.hex(), payout=None,
                         invite=hmac.digest(code, self.public, "sha256").hex(), name=name.hex())

    def check_receipt(self, receipt, event, statuses=("accepted", "complete")):
        check_event(receipt, "receipt", self.coordinator, instance=self.instance,
                    of=event_hash(event).hex())
        require(receipt["status"] in statuses, "the receipt says something else")
        require(receipt["by"] >= receipt["time"], "a promise that was over when it was given")

    def enroll(self, api):
        event = self.home.once("enroll", self.enroll_event)
        if self.home.load("enrolled") is None:
            answer = api.post("/participants", {"event": event, "name": self.kept["name"],
                                                "salt": self.kept["salt"]})
            self.check_receipt(answer["receipt"], event)
            self.home.save("enrolled", answer["receipt"])
        return event

    def admitted(self, api, enroll):
        """Whether the coordinator shows a good admission to the model."""
        expected = {"instance": self.instance, "participant": self.id,
                    "identity": event_hash(enroll).hex()}
        admissions = api.get(f"/participants/{self.id}")["admissions"]
        ours = [e for e in admissions if e.get("model") == self.model]
        for event in ours:
            require(event.get("type") in ("admit", "suspend"), "neither admit nor suspend")
            check_event(event, event["type"], self.coordinator, **expected)
        return bool(ours) and ours[-1]["type"] == "admit"


# ---------------------------------------------------------------- models (docs/spec.md)

def floats_of(data, count):
    require(len(data) == 4 * count, "weights of another length")
    values = list(struct.unpack(f"<{count}f", data))
    require(all(map(math.isfinite, values)), "weights that are not finite")
    return values


class VectorSource:
    """An update given as a file of float32: there is nothing to train or to evaluate."""

    def __init__(self, path):
        self.path = path

    def local(self, opened, _spec, _base):
        """(Δ, weight, totals by (kind, name))."""
        with open(self.path, "rb") as source:
            return floats_of(source.read(), opened["d"]), 1, {}


class LogisticSource:
    """Rows of a CSV file, and one layer with softmax."""

    EPOCHS, RATE = 60, 0.5

    def __init__(self, path):
        with open(path, encoding="utf-8-sig", newline="") as source:
            self.lines = list(csv.DictReader(source))

    def local(self, opened, spec, base):
        require(spec["kind"] == "logistic", "a kind of model this client cannot train")
        require("groups" not in spec, "this client does not count groups")
        classes = spec["target"]["values"]
        rows = [(inputs_of(spec, line) + [1.0], classes.index(line[spec["target"]["name"]]))
                for line in self.lines]
        model = by_class(base, len(classes), len(rows[0][0]) - 1)
        totals = logistic_totals(model, rows)
        for _ in range(self.EPOCHS):
            slope = logistic_slope(model, rows)
            model = [[w - self.RATE * g for w, g in zip(*line)] for line in zip(model, slope)]
        delta = [new - old for new, old in zip(in_order(model), base, strict=True)]
        return delta, min(len(rows), opened["weight_cap"]), totals


def inputs_of(spec, line):
    """The network's inputs from one row of the table."""
    inputs = []
    for column in spec["features"]:
        cell = line[column["name"]]
        if column["type"] == "categorical":
            missing = cell == spec.get("missing")
            require(missing or cell in column["values"], f"{cell} is no {column['name']}")
            inputs += [1.0 if cell == value else 0.0 for value in column["values"]]
        elif cell == spec.get("missing"):
            inputs.append(0.0)
        else:
            centre, scale = scaling_of(column)
            inputs.append((float(cell) - centre) / scale)
    return inputs


def scaling_of(column):
    if "mean" in column:
        return float(column["mean"]), float(column["deviation"])
    low, high = float(column["minimum"]), float(column["maximum"])
    return (low + high) / 2, (high - low) / 2


def by_class(weights, classes, inputs):
    """One list per class, its bias last."""
    require(len(weights) == classes * (inputs + 1), "the model has another size than the spec")
    return [weights[c * inputs:(c + 1) * inputs] + [weights[classes * inputs + c]]
            for c in range(classes)]


def in_order(model):
    return [w for line in model for w in line[:-1]] + [line[-1] for line in model]


def chances(model, values):
    outputs = [math.fsum(w * v for w, v in zip(line, values)) for line in model]
    most = max(outputs)
    powers = [math.exp(output - most) for output in outputs]
    return [power / math.fsum(powers) for power in powers]


def logistic_slope(model, rows):
    slope = [[0.0] * len(line) for line in model]
    for values, label in rows:
        for c, chance in enumerate(chances(model, values)):
            error = (chance - (c == label)) / len(rows)
            slope[c] = [g + error * v for g, v in zip(slope[c], values)]
    return slope


def logistic_totals(model, rows):
    """Loss and counts of the base model."""
    loss, correct = 0.0, 0
    for values, label in rows:
        found = chances(model, values)
        loss -= math.log(found[label])
        correct += found.index(max(found)) == label
    return {("loss", "1000"): math.floor(loss * 1000 + 0.5), ("correct", ""): correct,
            ("evaluated", ""): len(rows)}


def initial_weights(spec, d):
    """Of the kinds that begin at zero."""
    require(spec["kind"] in ("linear", "logistic", "vector"), "a kind of model unknown here")
    return bytes(4 * d)


def tail_of(opened, weight, totals):
    """The tail's integers; 0 for whatever this participant does not report."""
    values = {**totals, ("weight", ""): weight}
    return [max(0, min(most, values.get((kind, name), 0)))
            for kind, name, most in opened["tail"]]


def server_step(opened, base, sums):
    """The new model's bytes, in the order of operations that docs/spec.md states."""
    optimiser = opened["optimiser"]
    require(optimiser["kind"] == "fedavg", "a server optimiser unknown here")
    d, top = opened["d"], 2**(opened["quant_bits"] - 1) - 1
    divisor, rate = float(top) / float(opened["range"]) * float(sums[d]), float(optimiser["rate"])
    return struct.pack(f"<{d}f", *(w + rate * (float(s) / divisor) for w, s in zip(base, sums)))


# ---------------------------------------------------------------- 4 to 8: one round

PHASES = ("join", "roster", "share", "upload", "survivors", "unmask", "final", "done", "failed")
OWN_SECRETS = ("join", "share", "received", "update", "unmask")


class Member:
    """One line of the roster."""

    def __init__(self, index, enroll, join):
        self.index, self.id, self.join = index, join["participant"], join
        self.organisation = enroll["organisation"]
        self.mask, self.share, self.self_ = (bytes.fromhex(join[name]) for name in
                                             ("mask_key", "share_key", "self_key"))


class Round:
    def __init__(self, client, ctx):
        self.client, self.me, self.api = client, client.identity, client.api
        self.ctx, self.path = bytes.fromhex(ctx), f"/rounds/{ctx}"
        self.home = client.home.below("rounds", ctx)
        self.in_ctx = {"instance": self.me.instance, "ctx": ctx}
        self.anchored = self.me.chain is not None

    # -- what the coordinator says

    def event(self, kind, **expected):
        """The coordinator's event, verified; the first one seen is the only one."""
        known = self.home.load("event-" + kind)
        event = known or parse_canonical(self.api.call("GET", f"{self.path}/events/{kind}"))
        check_event(event, kind, self.me.coordinator, **self.in_ctx, **expected)
        return known or self.home.save("event-" + kind, event)

    def state(self):
        return self.api.get(self.path)

    def wait_for(self, phase):
        """Waits until the round is in `phase` or a later one; Left when it failed."""
        state = self.state()
        while PHASES.index(state["phase"]) < PHASES.index(phase):
            state = self.api.wait(self.path, phase=state["phase"])
        if state["phase"] == "failed":
            raise Left("the round failed")
        return state["phase"]

    def wait_for_end(self):
        state = self.state()
        while state["phase"] not in ("done", "failed"):
            state = self.api.wait(self.path, phase=state["phase"])
        return state["phase"]

    # -- section 3

    def check_opening(self):
        data = self.home.once("open", lambda: self.api.call(
            "GET", f"{self.path}/events/open").decode("ascii"))
        opened = parse_canonical(data.encode("ascii"))
        check_event(opened, "open", self.me.coordinator,
                    instance=self.me.instance, model=self.me.model)
        require(round_ctx(opened) == self.ctx, "the opening does not give this ctx")
        check_numbers(opened, self.anchored)
        self.opened = opened
        self.top_index = opened["d"] + len(opened["tail"])
        self.ring = Ring(opened["ring_bits"], self.top_index)
        self.minimum = max(opened["minimum"], self.client.options.minimum)
        self.check_spec()
        self.fetch_base()
        self.home.once("base", self.check_base)
        if self.me.id in opened["excluded"]:
            raise Left("excluded from this attempt")

    def check_spec(self):
        opened, model = self.opened, "/models/" + self.me.model
        data = self.api.call("GET", f"{model}/spec?version={opened['version']}")
        require(sha256(data).hex() == opened["spec"], "another spec than opened")
        self.spec = parse_canonical(data)
        event = self.api.get(model)["event"]
        check_event(event, "model", self.me.coordinator, instance=self.me.instance,
                    model=self.me.model, version=opened["version"], spec=opened["spec"])

    def fetch_base(self):
        data = self.api.call("GET", self.path + "/base")
        require(sha256(data).hex() == self.opened["base"]["sha256"], "another base model")
        self.base = floats_of(data, self.opened["d"])

    def check_base(self):
        """Checked once, when the round is new: its own result is not there yet."""
        base, known = self.opened["base"], self.client.results()
        if any(r["ctx"] == self.ctx.hex() for r in known.values()):
            raise Left("over before it was noticed")
        require(base["source"] != "import", "an imported base model is not wanted")
        if base["source"] == "init":
            require(base["event"] is None and not known, "back to the initial model")
            initial = sha256(initial_weights(self.spec, self.opened["d"])).hex()
            require(base["sha256"] == initial, "not the initial model")
        else:
            result = known.get(base["event"])
            require(result is not None, "the base model is no known result")
            require(result["model"] == base["sha256"], "the base model is not that result's")
            require(result["round"] == max(r["round"] for r in known.values()),
                    "the base model is not the newest")
        return base

    # -- sending

    def send(self, name, path, body, event):
        """Posts an event that is already on disk; what counts is the closing event."""
        if self.home.load(name + "-receipt"):
            return None
        try:
            answer = self.api.post(self.path + path, body)
        except ApiError as problem:
            if not 400 <= problem.status < 500:
                raise
            say(f"{name} was not taken: {problem}")
            return None
        if answer.get("receipt"):
            self.me.check_receipt(answer["receipt"], event)
            self.home.save(name + "-receipt", answer["receipt"])
        return answer

    def own(self, name, phase, make):
        """The stored step `name`, made now if it is still its time."""
        stored = self.home.load(name)
        if stored is None:
            if self.wait_for(phase) != phase:
                raise Left(f"too late for {name}")
            stored = self.home.once(name, make)
        return stored

    # -- section 4

    def join(self):
        def make():
            a, e, s = (random_scalar() for _ in range(3))
            keys = [base_times(v).hex() for v in (a, e, s)]
            event = self.me.sign("join", ctx=self.ctx.hex(), mask_key=keys[0],
                                 share_key=keys[1], self_key=keys[2])
            return {"a": a, "e": e, "s": s, "event": event}
        own = self.own("join", "join", make)
        self.a, self.e, self.s, self.own_join = (own[k] for k in ("a", "e", "s", "event"))
        self.send("join", "/joins", {"event": self.own_join}, self.own_join)

    # -- section 6

    def check_roster(self):
        roster = self.event("roster")
        lines = self.api.get(self.path + "/joins")["members"]
        self.members = [self.check_line(i, line) for i, line in enumerate(lines)]
        n, ids = len(lines), [m.id for m in self.members]
        require(n == roster["n"], "the roster has another size")
        require(ids == sorted(set(ids)), "the roster is not in order")
        require(self.minimum <= n <= self.opened["maximum"], "the roster has a wrong size")
        require(len({m.organisation for m in self.members}) == n, "an organisation twice")
        points = {p for m in self.members for p in (m.mask, m.share, m.self_)}
        require(len(points) == 3 * n, "two points of the roster are equal")
        require(not set(ids) & set(self.opened["excluded"]), "somebody excluded takes part")
        require(events_root([m.join for m in self.members]) == roster["joins"],
                "the roster has another root")
        self.joins_root = bytes.fromhex(roster["joins"])
        self.roster_hash = event_hash(roster).hex()
        self.n, self.index_of = n, {m.id: m.index for m in self.members}

    def check_line(self, index, line):
        join = check_own_signed(line["join"], "join", **self.in_ctx)
        instance, person = self.me.instance, join["participant"]
        enroll = check_own_signed(line["enroll"], "enroll", instance=instance, participant=person)
        check_event(line["admit"], "admit", self.me.coordinator, instance=instance,
                    model=self.me.model, participant=person, identity=event_hash(enroll).hex())
        member = Member(index, enroll, join)
        require(all(map(point_ok, (member.mask, member.share, member.self_))), "a bad point")
        return member

    def find_self(self):
        if self.me.id not in self.index_of:
            raise Left("not in the roster")
        self.i = self.index_of[self.me.id]
        require(self.members[self.i].join == self.own_join, "my join was changed")
        require(self.members[self.i].organisation == self.me.organisation, "not my organisation")

    def check_graph(self):
        event = self.event("graph", roster=self.roster_hash)
        beacon = bytes.fromhex(event["beacon"])
        opened = self.opened
        self.graph = make_graph(self.n, self.anchored, opened["corrupt_bp"],
                                opened["dropout_bp"],
                                lambda: graph_key(self.ctx, self.joins_root, beacon))
        require((event["k"], event["t"]) == (self.graph.k, self.graph.t), "another k or t")
        self.check_beacon(event, beacon)
        self.graph_hash = event_hash(event)

    def check_beacon(self, event, beacon):
        if not self.graph.sparse:
            require(event["block"] is None and not beacon, "a beacon that nobody needs")
            return
        require(event["block"] is not None, "no beacon")
        number = struct.pack("<Q", event["block"])
        expected = sha256(b"chorus/v1/simulated-block\n", self.ctx, number)
        require(beacon == expected, "the beacon is not that block's hash")

    def alive(self):
        return alive_count(self.n, self.opened["dropout_bp"])

    def share(self):
        own = self.own("share", "share", self.make_share)
        self.own_share = own["event"]
        require(self.own_share["graph"] == self.graph_hash.hex(), "two graphs in one round")
        body = {"event": self.own_share, "deals": own["deals"]}
        self.send("share", "/shares", body, self.own_share)

    def make_share(self):
        mine, t = self.graph.of[self.i], self.graph.t
        shares_a, shares_s = deal_shares(self.a, mine, t), deal_shares(self.s, mine, t)
        deals = [make_deal(self.ctx, self.graph_hash, self.i, j,
                           times(self.e, self.members[j].share), shares_a[j], shares_s[j])
                 for j in mine]
        event = self.me.sign("share", ctx=self.ctx.hex(), graph=self.graph_hash.hex(),
                             deals=merkle_root([deal_leaf(deal) for deal in deals]).hex())
        return {"event": event, "deals": enbase64(b"".join(deals))}

    # -- section 7

    def events_of(self, path, kind, closing, **expected):
        """The participants' events behind a closing event, by index."""
        root, members = closing
        events = self.api.get(self.path + path)["events"]
        require(len(events) == len(members), f"another number of {kind} events")
        for i, event in zip(members, events):
            check_own_signed(event, kind, participant=self.members[i].id,
                             **self.in_ctx, **expected)
        require(events_root(events) == root, f"another root of {kind} events")
        return dict(zip(members, events))

    def check_sharers(self):
        event = self.event("sharers", graph=self.graph_hash.hex())
        self.u1 = members_of(event["members"], self.n)
        self.shares = self.events_of("/shares", "share", (event["shares"], self.u1),
                                     graph=self.graph_hash.hex())
        require(len(self.u1) >= self.minimum, "fewer sharers than the minimum")
        require(not self.graph.sparse or len(self.u1) >= self.alive(), "too few sharers")
        if self.i not in self.u1:
            raise Left("not among the sharers")
        require(self.shares[self.i] == self.own_share, "my share event was changed")
        self.sharers_hash = event_hash(event)
        self.partners = [j for j in self.graph.of[self.i] if j in set(self.u1)]

    def receive(self):
        stored = self.home.once("received", self.fetch_boxes)
        self.deals = {int(j): unbase64(deal) for j, deal in stored.items()}
        self.missing = [j for j in self.partners if j not in self.deals]
        self.opened_deals = {j: self.open_deal(j) for j in self.deals}
        self.bad = [j for j in sorted(self.deals) if self.opened_deals[j] is None]
        if len(self.bad) > MOST_BAD:
            raise Left("more bad boxes than an update can name")
        if len(self.deals) - len(self.bad) < self.graph.t:
            raise Left("too few good shares came")

    def fetch_boxes(self):
        """The deals whose path leads to their dealer's root."""
        auth = self.me.fetch_header(self.ctx)
        boxes = self.api.get(self.path + "/boxes", auth=auth)["boxes"]
        proven = {}
        for box in boxes:
            deal, path = unbase64(box["deal"]), unbase64(box["path"])
            if box["dealer"] in self.partners and self.path_leads(box["dealer"], deal, path):
                proven[str(box["dealer"])] = box["deal"]
        return proven

    def path_leads(self, j, deal, path):
        if len(deal) != 168 or len(path) % 32:
            return False
        near = self.graph.of[j]
        steps = [path[at:at + 32] for at in range(0, len(path), 32)]
        root = root_from_path(leaf_hash(deal_leaf(deal)), near.index(self.i), len(near), steps)
        return root is not None and root.hex() == self.shares[j]["deals"]

    def open_deal(self, j):
        shared = times(self.e, self.members[j].share)
        return open_deal(self.ctx, self.graph_hash, j, self.i, shared, self.deals[j])

    def complaint(self, j):
        key, c, z = dleq_prove(self.ctx, self.i, j, self.e, self.members[j].share)
        return {"dealer": j, "key": key.hex(), "challenge": scalar_bytes(c).hex(),
                "response": scalar_bytes(z).hex()}

    def upload(self):
        own = self.own("update", "upload", self.make_update)
        self.own_update, self.y = own["event"], unbase64(own["y"])
        require(self.own_update["sharers"] == self.sharers_hash.hex(), "two lists of sharers")
        hashes = [leaf_hash(chunk).hex() for chunk in chunks_of(self.y)]
        body = {"event": self.own_update, "chunks": hashes}
        answer = self.send("update", "/updates", body, self.own_update)
        self.send_chunks(answer)

    def make_update(self):
        opened, source = self.opened, self.client.source
        delta, weight, totals = source.local(opened, self.spec, self.base)
        x = quantised(delta, float(opened["clip"]), float(opened["range"]),
                      opened["quant_bits"], weight) + tail_of(opened, weight, totals)
        mask_points = {j: self.members[j].mask for j in self.partners}
        y = self.ring.pack(masked(self.ring, self.ctx, self.sharers_hash, self.i, self.a, self.s,
                                  mask_points, self.partners, x))
        event = self.me.sign("update", ctx=self.ctx.hex(), sharers=self.sharers_hash.hex(),
                             length=len(y), chunks=merkle_root(chunks_of(y)).hex(),
                             samples=weight if self.by_samples() else None,
                             missing=self.missing, bad=[self.complaint(j) for j in self.bad])
        return {"event": event, "y": enbase64(y)}

    def by_samples(self):
        return self.opened["reward"]["scheme"] == "samples"

    def send_chunks(self, answer):
        if self.home.load("complete"):
            return
        path, chunks = f"{self.path}/updates/{self.me.id}", chunks_of(self.y)
        try:
            progress = answer if answer and "missing" in answer else self.api.get(path)
            for index in progress["missing"]:
                self.api.call("PUT", f"{path}/chunks/{index}", chunks[index],
                              "application/octet-stream")
            progress = self.api.get(path)
        except ApiError as problem:
            if not 400 <= problem.status < 500:
                raise
            say(f"a chunk was not taken: {problem}")
            return
        if progress["complete"]:
            self.me.check_receipt(progress["receipt"], self.own_update, ("complete",))
            self.home.save("complete", progress["receipt"])

    # -- section 8

    def check_survivors(self):
        u1 = self.sharers_hash.hex()
        event = self.event("survivors", sharers=u1)
        u2 = members_of(event["members"], self.n)
        self.updates = self.events_of("/updates", "update", (event["updates"], u2), sharers=u1)
        listed = {i: self.check_manifest(i, update) for i, update in self.updates.items()}
        self.survivors = Survivors(self.graph, self.u1, u2, listed)
        self.survivors.check(self.minimum, self.anchored, self.alive())
        self.survivors_hash = event_hash(event)
        if self.i not in self.survivors.u2:
            raise Left("not among the survivors")
        require(self.updates[self.i] == self.own_update, "my update was changed")

    def check_manifest(self, i, update):
        """Those that i lists as missing or bad; lists and proofs are in order."""
        missing, bad = update["missing"], [b["dealer"] for b in update["bad"]]
        near = set(self.graph.of[i]) & set(self.u1)
        require(missing == sorted(set(missing)) and bad == sorted(set(bad)), "lists not in order")
        require(not set(missing) & set(bad), "a dealer both missing and bad")
        require(set(missing) | set(bad) <= near, "somebody listed who dealt nothing")
        require(update["length"] == self.ring.size, "an update of another length")
        require((update["samples"] is not None) == self.by_samples(), "a weight out of place")
        require((update["samples"] or 1) <= self.opened["weight_cap"], "a weight above the cap")
        for item in update["bad"]:
            require(self.proof_holds(i, item), "a complaint without proof")
        return set(missing) | set(bad)

    def proof_holds(self, i, item):
        c, z = (scalar_from(bytes.fromhex(item[name])) for name in ("challenge", "response"))
        j, key = item["dealer"], bytes.fromhex(item["key"])
        return dleq_holds(self.ctx, i, j, self.members[i].share, self.members[j].share, key, c, z)

    def check_not_differenced(self):
        """The rule against telling one participant's update from two lists of survivors."""
        mine = {"ctx": self.ctx.hex(), "model": self.me.model,
                "base": self.opened["base"]["sha256"],
                "set": sorted(self.members[i].organisation for i in self.survivors.u2)}
        seen = self.client.home.load("survivors", [])
        if mine not in seen:
            self.client.home.save("survivors", seen + [mine])
        same_base = [s for s in seen if (s["model"], s["base"]) == (mine["model"], mine["base"])]
        earlier = {tuple(s["set"]) for s in same_base if s["ctx"] != mine["ctx"]}
        for other in earlier:
            apart = len(set(other) ^ set(mine["set"]))
            require(not 0 < apart < self.minimum, "too near to an earlier list of survivors")
        if tuple(mine["set"]) not in earlier and len(earlier) >= 2:
            require(self.client.options.consent, "a third list of survivors needs consent")

    def unmask(self):
        event = self.own("unmask", "unmask", self.make_unmask)
        require(event["survivors"] == self.survivors_hash.hex(), "two lists of survivors")
        self.send("unmask", "/unmasks", {"event": event}, event)

    def make_unmask(self):
        return self.me.sign("unmask", ctx=self.ctx.hex(), survivors=self.survivors_hash.hex(),
                            shares=[self.share_for(j) for j in self.partners])

    def share_for(self, j):
        pair = self.opened_deals.get(j)
        if pair is None:
            return None
        share_a, share_s = pair
        return scalar_bytes(share_s if j in self.survivors.u2 else share_a).hex()

    # -- section 9

    def check_result(self):
        result = self.event("result", survivors=self.survivors_hash.hex())
        require(result["count"] == len(self.survivors.u2), "another count")
        self.check_unmasks(result)
        data = self.api.call("GET", self.path + "/sum")
        require(sha256(data).hex() == result["sum"], "another sum than the result's")
        sums, d = self.ring.decode(self.ring.unpack(data)), self.opened["d"]
        require(result["totals"] == [str(v) for v in sums[d:]], "other totals than the sum's")
        self.check_rewards(result, sums[d])
        check_sum(self.opened, result["count"], sums)
        new = server_step(self.opened, self.base, sums)
        require(sha256(new).hex() == result["model"], "the new model is not that of the sum")
        served = self.api.call("GET", f"/models/{self.me.model}/weights"
                                      f"?round={self.opened['round']}")
        require(served == new, "another model is served")
        return result, sums

    def check_rewards(self, result, total):
        """Section 9.1."""
        named, ids = {n["participant"] for n in result["named"]}, sorted(self.survivors.u2)
        parts = [self.updates[i]["samples"] if self.by_samples() else 1 for i in ids]
        scheme, whole = self.opened["reward"]["scheme"], sum(parts)
        if scheme == "none" or (scheme == "samples" and whole != total):
            require(result["rewards"] is None, "rewards where nothing is paid")
            return
        rows = [(self.members[i].id, int(self.opened["reward"]["budget"]) * part // whole)
                for i, part in zip(ids, parts)]
        leaves = [canonical({"amount": "0" if who in named else str(amount), "participant": who})
                  for who, amount in rows]
        require(merkle_root(leaves).hex() == result["rewards"], "other rewards than earned")

    def check_unmasks(self, result):
        members = members_of(result["unmasks"]["members"], self.n)
        answers = self.events_of("/unmasks", "unmask", (result["unmasks"]["root"], members),
                                 survivors=self.survivors_hash.hex())
        require(set(members) <= self.survivors.u2, "an answer from no survivor")
        if self.home.load("unmask-receipt"):
            require(answers.get(self.i) == self.home.load("unmask"), "my answer is left out")
        revealed = {}
        for i, answer in answers.items():
            for j, share in self.shares_in(i, answer):
                revealed.setdefault(j, {})[i] = share
        named = {n["participant"] for n in result["named"]}
        for j in self.survivors.to_rebuild():
            self.check_rebuilt(j, revealed.get(j, {}), named)

    def shares_in(self, i, answer):
        """(j, share) for the shares of an answer; null stands exactly where it must."""
        near = [j for j in self.graph.of[i] if j in set(self.u1)]
        require(len(answer["shares"]) == len(near), "an answer of another length")
        for j, text in zip(near, answer["shares"]):
            require((text is None) == (j in self.survivors.listed[i]), "null in the wrong place")
            if text is not None:
                yield j, bytes.fromhex(text)

    def check_rebuilt(self, j, shares, named):
        """j's secret comes back from the good shares; senders of wrong ones are named."""
        points = self.commitments(j, j in self.survivors.u2)
        good = {}
        for i, data in shares.items():
            value = scalar_from(data)
            if value and base_times(value) == points[i]:
                good[i] = value
            elif len(good) < self.graph.t:
                require(self.members[i].id in named, "a wrong share unnamed")
        require(len(good) >= self.graph.t, "too few shares were revealed")
        member = self.members[j]
        expected = member.self_ if j in self.survivors.u2 else member.mask
        require(base_times(rebuild(good, self.graph.t)) == expected, "another secret comes back")

    def commitments(self, j, of_self):
        """{neighbour: point} of j's shares of s or a, checked as section 6 says."""
        rows = self.api.get(f"{self.path}/deals/{self.members[j].id}")["points"]
        leaves = [b"".join(bytes.fromhex(part) for part in row) for row in rows]
        require(merkle_root(leaves).hex() == self.shares[j]["deals"], "other deals than signed")
        near, member = self.graph.of[j], self.members[j]
        for column, constant in ((0, member.mask), (1, member.self_)):
            points = [bytes.fromhex(row[column]) for row in rows]
            require(all(map(point_ok, points)), "a commitment is no point")
            require(commitments_fit(constant, near, points, self.graph.t), "shares do not fit")
        return {i: bytes.fromhex(row[1 if of_self else 0]) for i, row in zip(near, rows)}

    # -- all of it

    def take_part(self):
        self.join()
        self.wait_for("share")
        self.check_roster()
        self.find_self()
        self.check_graph()
        self.share()
        self.wait_for("upload")
        self.check_sharers()
        self.receive()
        self.upload()
        self.wait_for("unmask")
        self.check_survivors()
        self.check_not_differenced()
        self.unmask()
        self.wait_for("done")
        return self.check_result()

    def run(self):
        """Whether the round ended with a result."""
        try:
            self.check_opening()
            result, sums = self.take_part()
            say(f"round {self.opened['round']}: {result['count']} updates, model "
                f"{result['model']}, totals {sums[self.opened['d']:]}")
        except Left as reason:
            say(f"{self.ctx.hex()[:16]}: {reason}")
        phase = self.wait_for_end()
        self.home.erase(*OWN_SECRETS)
        return phase == "done"


# ---------------------------------------------------------------- the client

def say(text):
    print(text, flush=True)


class Client:
    def __init__(self, options, source):
        self.options, self.source, self.home = options, source, Home(options.home)
        self.identity = Identity(self.home, options.link, options.name)
        self.api = Api(self.identity.kept["address"])

    def results(self):
        """All results of the model by their hash; those once seen are never forgotten."""
        known = self.home.load("results", {})
        have = {r["ctx"] for r in known.values()}
        for item in self.api.pages(f"/models/{self.identity.model}/results", "results"):
            if item["ctx"] not in have:
                digest, result = self.fetch_result(item["ctx"])
                known[digest] = result
        return self.home.save("results", known)

    def fetch_result(self, ctx):
        require(HASH(ctx), "a ctx has a wrong form")
        me, path = self.identity, f"/rounds/{ctx}/events/"
        opened = parse_canonical(self.api.call("GET", path + "open"))
        check_event(opened, "open", me.coordinator, instance=me.instance, model=me.model)
        require(round_ctx(opened).hex() == ctx, "the opening does not give this ctx")
        result = parse_canonical(self.api.call("GET", path + "result"))
        check_event(result, "result", me.coordinator, instance=me.instance, ctx=ctx)
        return event_hash(result).hex(), {"ctx": ctx, "round": opened["round"],
                                          "spec": opened["spec"], "model": result["model"]}

    def next_round(self, after):
        """The ctx of the newest attempt, once that is another than `after`."""
        path = f"/models/{self.identity.model}/round"
        while True:
            try:
                ctx = self.api.wait(path, after=after)["ctx"]
                require(HASH(ctx), "a ctx has a wrong form")
                if ctx != after:
                    return ctx
            except ApiError as problem:
                if problem.status != 404:
                    raise
                time.sleep(0.2)

    def run(self):
        me = self.identity
        me.check_instance(self.api, self.options.trust_simulated_chain)
        enroll = me.enroll(self.api)
        while not me.admitted(self.api, enroll):
            time.sleep(1)
        done, ctx = 0, self.home.load("finished", {"ctx": "none", "done": 0})["ctx"]
        while done < self.options.rounds:
            ctx = self.next_round(ctx)
            done += Round(self, ctx).run()
            self.home.save("finished", {"ctx": ctx, "done": done})


# ---------------------------------------------------------------- golden vectors

def raw(vector, *names):
    return [bytes.fromhex(vector[name]) for name in names]


def vector_box(v):
    key, graph, a, s, box = raw(v, "key", "graph", "share_a", "share_s", "box")
    return (SODIUM.unseal(key, box, graph) == a + s
            and box[:24] + SODIUM.seal_with(key, box[:24], a + s, graph) == box)


def vector_shared(v):
    own, other, shared = raw(v, "own_secret", "other_public", "shared")
    return times(scalar_from(own), other) == shared


def vector_box_key(v):
    ctx, shared, key = raw(v, "ctx", "shared", "key")
    return vector_shared(v) and box_key(ctx, shared, v["i"], v["j"]) == key


def vector_pair_key(v):
    ctx, shared, u1, key = raw(v, "ctx", "shared", "u1", "key")
    return vector_shared(v) and pair_mask_key(ctx, shared, v["i"], v["j"], u1) == key


def vector_self_key(v):
    ctx, s, u1, key = raw(v, "ctx", "s", "u1", "key")
    return self_mask_key(ctx, scalar_from(s), u1) == key


def vector_dleq(v):
    ctx, ei, ej, key = raw(v, "ctx", "ei", "ej", "k")
    e, r, c, z = (scalar_from(data) for data in raw(v, "e", "r", "challenge", "response"))
    proof = dleq_prove(ctx, v["i"], v["j"], e, ej, r)
    return (base_times(e) == ei and proof == (key, c, z)
            and dleq_holds(ctx, v["i"], v["j"], ei, ej, *proof))


def vector_event(v):
    event, text = v["event"], v["canonical"].encode("ascii")
    seed, public, sig = raw({**v, **event}, "seed", "public", "sig")
    hashes = [event_hash(event), round_ctx(event), leaf_hash(canonical(event))]
    return (canonical(without_sig(event)) == text and parse_canonical(text) == without_sig(event)
            and SODIUM.sign(SODIUM.sign_keys(seed)[1], to_sign(event)) == sig
            and SODIUM.signed(public, to_sign(event), sig)
            and hashes == raw(v, "hash", "hash_as_ctx", "leaf_hash"))


def vector_refused_event(text):
    try:
        return type(parse_canonical(bytes.fromhex(text))) is not dict
    except Refused:
        return True


def vector_signature(v):
    public, sig = raw({**v, **v["event"]}, "public", "sig")
    return SODIUM.signed(public, to_sign(v["event"]), sig) == v["valid"]


def vector_graph(v):
    ctx, joins, beacon = raw(v, "ctx", "joins", "beacon")
    graph = make_graph(v["n"], bool(beacon), v["corrupt_bp"], v["dropout_bp"],
                       lambda: graph_key(ctx, joins, beacon))
    members = set(members_of(v["members"], v["n"]))
    runs = (not graph.sparse or graph.runs_hold(members, v["least_runs"])
            and not graph.runs_hold(members, v["least_runs"] + 1))
    return (runs and (graph.k, graph.t) == (v["k"], v["t"])
            and graph.ring[:len(v["ring"])] == v["ring"] and graph.of[v["of"]] == v["neighbours"])


def vector_params(v):
    rates = v["corrupt_bp"], v["dropout_bp"]
    return (graph_parameters(v["n"], v["anchored"], *rates) == (not v["complete"], v["k"], v["t"])
            and alive_count(v["n"], rates[1]) == v["alive"])


def vector_hkdf(v):
    salt, key, info, out = raw(v, "salt", "ikm", "info", "key")
    return hkdf(salt, key, info.decode("ascii")) == out


def vector_prg(v):
    key, out = raw(v, "key", "out")
    skipped = v["offset"] % 16
    return CRYPTO.keystream(key, skipped + len(out), v["offset"] // 16)[skipped:] == out


def vector_keystream(v):
    """Words of the stream from word `first` on, added to or taken from a vector."""
    key, before, after = raw(v, "key", "before", "after")
    step = v["bits"] // 8
    ring, offset = Ring(v["bits"], len(before) // step), v["first"] * step
    stream = CRYPTO.keystream(key, offset % 16 + len(before), offset // 16)[offset % 16:]
    combine = ring.add if v["sign"] == "+" else ring.subtract
    return ring.pack(combine(ring.unpack(before), ring.unpack(stream))) == after


def vector_merkle(v):
    hashes = [leaf_hash(bytes.fromhex(leaf)) for leaf in v["leaves"]]
    paths = [merkle_path(hashes, at) for at in range(len(hashes))]
    root = bytes.fromhex(v["root"])
    return (root_of_hashes(hashes) == root
            and [[step.hex() for step in path] for path in paths] == v["paths"]
            and all(root_from_path(hashed, at, len(hashes), paths[at]) == root
                    for at, hashed in enumerate(hashes)))


def vector_point(v):
    encoding = bytes.fromhex(v["encoding"])
    scalar = scalar_from(bytes.fromhex(v["scalar"])) if "scalar" in v else None
    return point_ok(encoding) == v["valid"] and (
        scalar is None or base_times(scalar) == encoding)


def vector_quantise(v):
    delta = [f for (f,) in struct.iter_unpack("<f", bytes.fromhex(v["delta_float32"]))]
    numbers = quantised(delta, float(v["clip"]), float(v["range"]), v["quant_bits"], v["weight"])
    ring = Ring(v["ring_bits"], len(delta))
    return ring.pack(ring.encode(numbers)).hex() == v["out"]


def vector_set(v):
    return bitmap(v["members"], v["n"]) == v["hex"] and members_of(v["hex"], v["n"]) == v["members"]


def vector_shamir(v):
    f = [scalar_from(bytes.fromhex(text)) for text in v["coefficients"]]
    shares = [scalar_bytes(polynomial_at(f, x)).hex() for x in v["x"]]
    points = [base_times(polynomial_at(f, x)).hex() for x in v["x"]]
    by_index = {x - 1: polynomial_at(f, x) for x in v["x"]}
    fits = commitments_fit(bytes.fromhex(v["public"]), [x - 1 for x in v["x"]],
                           [bytes.fromhex(p) for p in points], v["t"])
    return (shares == v["shares"] and points == v["points"] and fits and len(f) == v["t"]
            and scalar_bytes(rebuild(by_index, v["t"])).hex() == v["secret"])


def check_vectors(path):
    """Every vector of every kind in the file; a kind unknown here is a failure too."""
    with open(path, encoding="ascii") as source:
        kinds = json.load(source)
    wrong = 0
    for kind, vectors in kinds.items():
        check = globals().get("vector_" + kind)
        good = sum(1 for v in vectors if check(v)) if check else 0
        wrong += len(vectors) - good
        say(f"{kind}: {good} of {len(vectors)}")
    require(wrong == 0, f"{wrong} vectors do not agree")


def parse_options(arguments):
    parser = argparse.ArgumentParser(description="A second Chorus client.")
    parser.add_argument("--vectors", help="file of golden vectors to check; nothing else is done")
    parser.add_argument("--home", help="directory of keys and open rounds")
    parser.add_argument("--link", help="the invite")
    parser.add_argument("--name", help="the name to be shown")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--data", help="CSV file to train on")
    source.add_argument("--update", help="file of float32 to send as the update")
    parser.add_argument("--rounds", type=int, default=1, help="results to wait for")
    parser.add_argument("--minimum", type=int, default=3, help="fewest organisations in a sum")
    parser.add_argument("--trust-simulated-chain", action="store_true")
    parser.add_argument("--consent", action="store_true",
                        help="answer more than two lists of survivors on one base model")
    options = parser.parse_args(arguments)
    complete = options.home and options.link and options.name and (options.data or options.update)
    if not options.vectors and not complete:
        parser.error("needed: --home, --link, --name and --data or --update; or --vectors alone")
    return options


def main(arguments):
    options = parse_options(arguments)
    if options.vectors:
        check_vectors(options.vectors)
        return
    source = LogisticSource(options.data) if options.data else VectorSource(options.update)
    home = Home(options.home)
    with open(os.path.join(home.path, "lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        Client(options, source).run()


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (Refused, ApiError, OSError) as problem:
        sys.exit(f"stranger: {problem}")
