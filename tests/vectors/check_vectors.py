#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Recomputes core.json without the core: the standard library, libcrypto for AES, libsodium
for ristretto255 and XChaCha20-Poly1305, Ed25519 and everything else in plain Python.
docs/protocol.md is the authority; the section is named at each function."""
import ctypes
import ctypes.util
import hashlib
import hmac
import json
import math
import struct
import sys

L = 2**252 + 27742317777372353535851937790883648493
P = 2**255 - 19


def library(*names):
    for name in names:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    print("skipped:", names[0], "is missing")
    sys.exit(77)


sodium = library("libsodium.so.23", ctypes.util.find_library("sodium") or "libsodium.so")
crypto = library("libcrypto.so.3", ctypes.util.find_library("crypto") or "libcrypto.so")
assert sodium.sodium_init() >= 0
for f in ("EVP_CIPHER_CTX_new", "EVP_aes_256_ecb"):
    getattr(crypto, f).restype = ctypes.c_void_p


def unhex(text):
    assert text == text.lower()
    return bytes.fromhex(text)


def le32(x):
    return struct.pack("<I", x)


def sha256(data):
    return hashlib.sha256(data).digest()


# ---- 1.1: the group ----

def point_mul(scalar, point=None):
    assert 0 < scalar < L
    out = ctypes.create_string_buffer(32)
    s = scalar.to_bytes(32, "little")
    if point is None:
        assert sodium.crypto_scalarmult_ristretto255_base(out, s) == 0
    else:
        assert sodium.crypto_scalarmult_ristretto255(out, s, point) == 0
    return out.raw


def point_add(a, b):
    out = ctypes.create_string_buffer(32)
    assert sodium.crypto_core_ristretto255_add(out, a, b) == 0
    return out.raw


def is_square(x):
    return pow(x, (P - 1) // 2, P) in (0, 1)


def point_valid(b):
    """RFC 9496 section 4.3.1."""
    s = int.from_bytes(b, "little")
    if s >= P or s & 1 or s == 0:
        return False
    d = -121665 * pow(121666, -1, P) % P
    u1, u2 = (1 - s * s) % P, (1 + s * s) % P
    v = (-(d * u1 * u1) - u2 * u2) % P
    root = v * u2 * u2 % P
    if root == 0 or not is_square(root):
        return False
    inv = pow(root, -1, P)
    r = pow(inv, (P + 3) // 8, P)
    if (r * r - inv) % P:
        r = r * pow(2, (P - 1) // 4, P) % P
    assert (r * r - inv) % P == 0
    den_x, den_y = r * u2 % P, r * r * u2 % P * v % P
    x = 2 * s * den_x % P
    x = P - x if x & 1 else x
    y = u1 * den_y % P
    return not (x * y % P & 1) and y != 0


# ---- 1.2: keys, PRG, signatures ----

def hkdf(salt, ikm, info):
    prk = hmac.digest(salt, ikm, "sha256")
    return hmac.digest(prk, info + b"\x01", "sha256")


def prg(key, offset, length):
    """Byte o is byte (o mod 16) of AES(key, BE128(o div 16))."""
    first, last = offset // 16, (offset + length + 15) // 16
    blocks = b"".join(i.to_bytes(16, "big") for i in range(first, last))
    ctx = ctypes.c_void_p(crypto.EVP_CIPHER_CTX_new())
    ecb = ctypes.c_void_p(crypto.EVP_aes_256_ecb())
    out, got = ctypes.create_string_buffer(len(blocks) + 16), ctypes.c_int()
    assert crypto.EVP_EncryptInit_ex(ctx, ecb, None, key, None) == 1
    assert crypto.EVP_EncryptUpdate(ctx, out, ctypes.byref(got), blocks, len(blocks)) == 1
    crypto.EVP_CIPHER_CTX_free(ctx)
    skip = offset % 16
    return out.raw[skip:skip + length]


D = -121665 * pow(121666, -1, P) % P


def ed_add(p, q):
    (x1, y1), (x2, y2) = p, q
    k = D * x1 * x2 * y1 * y2 % P
    return ((x1 * y2 + x2 * y1) * pow(1 + k, -1, P) % P,
            (y1 * y2 + x1 * x2) * pow(1 - k, -1, P) % P)


def ed_mul(n, p):
    out = (0, 1)
    while n:
        if n & 1:
            out = ed_add(out, p)
        p = ed_add(p, p)
        n >>= 1
    return out


def ed_decode(b):
    y = int.from_bytes(b, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= P:
        return None
    xx = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(xx, (P + 3) // 8, P)
    if (x * x - xx) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - xx) % P or (x == 0 and sign):
        return None
    return (P - x if x & 1 != sign else x, y)


ED_BASE = ed_decode((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def ed_verify(public, message, sig):
    """(strict, with the cofactor and no other check)"""
    a, r, s = ed_decode(public), ed_decode(sig[:32]), int.from_bytes(sig[32:], "little")
    if a is None or r is None:
        return False, False
    h = int.from_bytes(hashlib.sha512(sig[:32] + public + message).digest(), "little") % L
    left, right = ed_mul(s, ED_BASE), ed_add(r, ed_mul(h, a))
    small = (0, 1) in (ed_mul(8, a), ed_mul(8, r))
    return left == right and s < L and not small, ed_mul(8, left) == ed_mul(8, right)


# ---- 1.3: events ----

def canonical(event, with_sig):
    bare = {k: v for k, v in event.items() if with_sig or k != "sig"}
    return json.dumps(bare, sort_keys=True, separators=(",", ":")).encode("ascii")


def signed(event):
    return b"chorus/v1/" + event["type"].encode() + b"\n" + canonical(event, False)


def plain(v, level=1):
    """Strings of U+0020-U+007E only, at most eight levels, the event itself being the first
    and the innermost value the last."""
    if isinstance(v, str):
        return level <= 8 and all(" " <= c <= "~" for c in v)
    if isinstance(v, dict):
        return level <= 8 and all(plain(k) and plain(x, level + 1) for k, x in v.items())
    return level <= 8 and (not isinstance(v, list) or all(plain(x, level + 1) for x in v))


def event_ok(text):
    def pairs(p):
        if len({k for k, _ in p}) != len(p):
            raise ValueError("duplicate")
        return dict(p)

    def no_float(_):
        raise ValueError("float")

    def integer(t):
        if abs(int(t)) > 2**53 - 1:
            raise ValueError("range")
        return int(t)
    try:
        v = json.loads(text, object_pairs_hook=pairs, parse_float=no_float, parse_int=integer)
        return isinstance(v, dict) and canonical(v, True) == text and plain(v)
    except ValueError:
        return False


# ---- 1.5: trees and sets ----

def tree(leaves):
    if len(leaves) <= 1:
        return sha256(b"\x00" + leaves[0] if leaves else b"")
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\x01" + tree(leaves[:k]) + tree(leaves[k:]))


def path(i, leaves):
    if len(leaves) == 1:
        return []
    k = 1 << (len(leaves) - 1).bit_length() - 1
    if i < k:
        return path(i, leaves[:k]) + [tree(leaves[k:])]
    return path(i - k, leaves[k:]) + [tree(leaves[:k])]


def members_of(bitmap, n):
    assert len(bitmap) == (n + 7) // 8
    bits = int.from_bytes(bitmap, "little")
    assert bits >> n == 0
    return [i for i in range(n) if bits >> i & 1]


# ---- 5: graph ----

def params(n, gamma, delta, anchored):
    c, alive = n * gamma // 10**4, n - n * delta // 10**4
    if n > 40 and anchored and alive < n:
        for k in range(2, min(n - 1, 514), 2):
            room = 2 * math.comb(n, k)
            total, r = 0, k + 1
            while r > 2:  # the least r whose tail is within the bound
                total += math.comb(c, r - 1) * math.comb(n - c, k - r + 1)
                if n * n * total << 40 > room:
                    break
                r -= 1
            few = sum(math.comb(alive, i) * math.comb(n - alive, k - i) for i in range(r))
            if r <= k and n * n * few << 20 <= room:
                return k, r, alive, False
        assert n <= 200
    k = n - 1
    return k, max(2, (k // 2 if anchored else 2 * k // 3) + 1), alive, True


def ring(n, complete, ctx, joins, beacon):
    p = list(range(n))
    if complete:
        return p
    key = sha256(b"chorus/v1/graph\n" + ctx + joins + beacon)
    stream, at = prg(key, 0, 64 * n), 0
    for i in range(n - 1, 0, -1):
        while True:
            (u,) = struct.unpack_from("<I", stream, at)
            at += 4
            if u < 2**32 - 2**32 % (i + 1):
                break
        p[i], p[u % (i + 1)] = p[u % (i + 1)], p[i]
    return p


# ---- the sections ----

def check_point(o):
    assert point_valid(unhex(o["encoding"])) == o["valid"]
    if "scalar" in o:
        s = int.from_bytes(unhex(o["scalar"]), "little")
        assert point_mul(s) == unhex(o["encoding"])


def check_hkdf(o):
    assert hkdf(unhex(o["salt"]), unhex(o["ikm"]), unhex(o["info"])) == unhex(o["key"])


def shared_of(o):
    s = int.from_bytes(unhex(o["own_secret"]), "little")
    shared = point_mul(s, unhex(o["other_public"]))
    assert shared == unhex(o["shared"])
    return shared


def check_box_key(o):
    info = b"chorus/v1/box" + le32(o["i"]) + le32(o["j"])
    assert hkdf(unhex(o["ctx"]), shared_of(o), info) == unhex(o["key"])


def check_pair_key(o):
    i, j = sorted((o["i"], o["j"]))
    info = b"chorus/v1/pair" + le32(i) + le32(j) + unhex(o["u1"])
    assert hkdf(unhex(o["ctx"]), shared_of(o), info) == unhex(o["key"])


def check_self_key(o):
    info = b"chorus/v1/self" + unhex(o["u1"])
    assert hkdf(unhex(o["ctx"]), unhex(o["s"]), info) == unhex(o["key"])


def check_box(o):
    box, graph = unhex(o["box"]), unhex(o["graph"])
    assert len(box) == 104
    plain = ctypes.create_string_buffer(64)
    assert sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(
        plain, None, None, box[24:], ctypes.c_ulonglong(80), graph, ctypes.c_ulonglong(32),
        box[:24], unhex(o["key"])) == 0
    assert plain.raw == unhex(o["share_a"]) + unhex(o["share_s"])


def check_prg(o):
    want = unhex(o["out"])
    assert prg(unhex(o["key"]), o["offset"], len(want)) == want


def check_keystream(o):
    w, before, after = o["bits"] // 8, unhex(o["before"]), unhex(o["after"])
    stream = prg(unhex(o["key"]), o["first"] * w, len(before))
    assert len(before) == len(after)
    for at in range(0, len(before), w):
        x, s, y = (int.from_bytes(b[at:at + w], "little") for b in (before, stream, after))
        assert (x + s if o["sign"] == "+" else x - s) % 2**o["bits"] == y


def check_params(o):
    found = params(o["n"], o["corrupt_bp"], o["dropout_bp"], o["anchored"])
    assert found == (o["k"], o["t"], o["alive"], o["complete"]), (found, o)


def check_graph(o):
    n = o["n"]
    k, t, _, complete = params(n, o["corrupt_bp"], o["dropout_bp"], True)
    assert (k, t) == (o["k"], o["t"])
    p = ring(n, complete, unhex(o["ctx"]), unhex(o["joins"]), unhex(o["beacon"]))
    assert p[:40] == o["ring"]
    c, half = p.index(o["of"]), k // 2
    near = {p[(c + s * q) % n] for q in range(1, half + 1) for s in (1, -1)}
    assert sorted(near if not complete else set(p) - {o["of"]}) == o["neighbours"]
    held = [p[i] in members_of(unhex(o["members"]), n) for i in range(n)]
    runs = [sum(held[(a + q) % n] for q in range(half)) for a in range(n)]
    least = 0 if complete else min(
        runs[a] + runs[b] for a in range(n) for b in range(n) if half <= (b - a) % n <= n - half)
    assert least == o["least_runs"]


def check_set(o):
    assert members_of(unhex(o["hex"]), o["n"]) == o["members"]


def check_merkle(o):
    leaves = [unhex(x) for x in o["leaves"]]
    assert tree(leaves) == unhex(o["root"])
    for i in range(len(leaves)):
        assert path(i, leaves) == [unhex(x) for x in o["paths"][i]]


def check_shamir(o):
    t, xs = o["t"], o["x"]
    coeffs, shares = ([int.from_bytes(unhex(x), "little") for x in o[name]]
                      for name in ("coefficients", "shares"))
    assert len(coeffs) == t and coeffs[0] == int.from_bytes(unhex(o["secret"]), "little")
    assert point_mul(coeffs[0]) == unhex(o["public"])
    for x, share, point in zip(xs, shares, o["points"], strict=True):
        assert sum(a * pow(x, e, L) for e, a in enumerate(coeffs)) % L == share
        assert point_mul(share) == unhex(point)
    # 6: the dual codeword with m(X) = X^(k-t), which the last term of m decides
    places, k = [0] + xs, len(xs)
    points = [unhex(o["public"])] + [unhex(x) for x in o["points"]]
    for degree, fits in ((k - t, True), (k - t + 1, False)):
        total = bytes(32)
        for c, x in enumerate(places):
            v = pow(math.prod(x - y for d, y in enumerate(places) if d != c), -1, L)
            coeff = v * pow(x, degree, L) % L
            if coeff:
                total = point_add(total, point_mul(coeff, points[c]))
        assert (total == bytes(32)) == fits


def check_dleq(o):
    i, j, c, z = o["i"], o["j"], unhex(o["challenge"]), unhex(o["response"])
    e, r = (int.from_bytes(unhex(o[x]), "little") for x in "er")
    ei, ej, k = unhex(o["ei"]), unhex(o["ej"]), unhex(o["k"])
    assert ei == point_mul(e) and k == point_mul(e, ej)
    text = b"chorus/v1/dleq\n" + unhex(o["ctx"]) + le32(i) + le32(j) + ei + ej + k
    text += point_mul(r) + point_mul(r, ej)
    challenge = int.from_bytes(hashlib.sha512(text).digest(), "little") % L
    assert challenge == int.from_bytes(c, "little")
    assert (r + challenge * e) % L == int.from_bytes(z, "little")


def check_event(o):
    event = o["event"]
    assert canonical(event, False).decode() == o["canonical"]
    assert sha256(signed(event)) == unhex(o["hash"])
    assert sha256(b"chorus/v1/ctx\n" + canonical(event, False)) == unhex(o["hash_as_ctx"])
    assert sha256(b"\x00" + canonical(event, True)) == unhex(o["leaf_hash"])
    assert ed_verify(unhex(o["public"]), signed(event), unhex(event["sig"])) == (True, True)
    assert event_ok(canonical(event, True))
    # RFC 8032 section 5.1.5, 5.1.6: the public key and signature of the seed
    h = hashlib.sha512(unhex(o["seed"])).digest()
    a = int.from_bytes(h[:32], "little") & (2**254 - 8) | 2**254
    assert ed_mul(a, ED_BASE) == ed_decode(unhex(o["public"]))


def check_signature(o):
    event = o["event"]
    strict, lax = ed_verify(unhex(o["public"]), signed(event), unhex(event["sig"]))
    assert lax and strict == o["valid"], o["what"]


def check_refused_event(o):
    assert not event_ok(unhex(o))


def check_quantise(o):
    delta = struct.unpack("<%df" % (len(o["delta_float32"]) // 8), unhex(o["delta_float32"]))
    most, limit, clip = 2**(o["quant_bits"] - 1) - 1, float(o["range"]), float(o["clip"])
    total = 0.0
    for v in delta:
        total += v * v
    norm, scale, out, w = math.sqrt(total), most / limit, b"", o["ring_bits"] // 8
    for v in delta:
        v = v * (clip / norm) if norm > clip else v
        v = max(-limit, min(limit, v)) * scale
        assert v == math.floor(v)
        z = max(-most, min(most, int(v))) * o["weight"]
        out += (z % 2**o["ring_bits"]).to_bytes(w, "little")
    assert out == unhex(o["out"])


def check_reward(o):
    budget, members = int(o["budget"]), o["members"]
    if o["scheme"] == "equal":
        parts = [1] * len(members)
    elif o["scheme"] == "samples" and sum(m["samples"] for m in members) == o["total"]:
        parts = [m["samples"] for m in members]
    else:
        assert o["root"] is None and not o["amounts"]
        return
    amounts = [str(0 if m["named"] else budget * p // sum(parts))
               for m, p in zip(members, parts)]
    leaves = [canonical({"amount": a, "participant": m["participant"]}, True)
              for m, a in zip(members, amounts)]
    assert amounts == o["amounts"] and tree(leaves) == unhex(o["root"])


def main():
    with open(sys.argv[1], encoding="ascii") as f:
        everything = json.load(f)
    checks = {k[6:]: v for k, v in globals().items() if k.startswith("check_")}
    assert set(checks) == set(everything), set(checks) ^ set(everything)
    for name, cases in everything.items():
        assert cases, name
        for number, case in enumerate(cases):
            try:
                checks[name](case)
            except AssertionError:
                print("core.json: %s[%d] differs" % (name, number))
                raise
    print("core.json:", sum(map(len, everything.values())), "cases in", len(checks), "sections")


if __name__ == "__main__":
    main()
