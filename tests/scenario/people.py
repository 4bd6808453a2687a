# SPDX-License-Identifier: Apache-2.0
"""Members, their wallets, and rounds that SQL leaves behind as the engine would."""
import ctypes
import secrets
import time

from anchored import keccak
from serving import Key, enrolment, psql

LOGIN, READ = b"chorus/v1/login\n", b"chorus/v1/read\n"


class Person:
    """An enrolled member."""

    def __init__(self, server, model, name, admit=True, **changes):
        self.key = Key()
        body = enrolment(server.invite(model, admit=admit), self.key, name=name, **changes)
        reply = server.post("/participants", body)
        assert reply.status == 201, reply
        self.server, self.name = server, name
        self.id = body["event"]["participant"]
        self.organisation = body["event"]["organisation"]
        self.instance = body["event"]["instance"]
        self.asked = 0

    def sign(self, label, at, instance=None):
        return self.key.sign(label + bytes.fromhex(instance or self.instance) + str(at).encode())

    def asks(self, at=None):
        """The body that asks for a link; each later than the one before."""
        self.asked = at if at is not None else max(int(time.time()), self.asked + 1)
        return {"time": self.asked, "sig": self.sign(LOGIN, self.asked)}

    def link(self):
        reply = self.server.post(f"/participants/{self.id}/login", self.asks())
        assert reply.status == 201, reply
        return reply.json["link"].partition("/#login=")[2]

    def login(self, **more):
        """The answer to a login by a new link."""
        return self.server.post("/session", {"link": self.link()}, **more)

    def reads(self, at=None, instance=None):
        """Headers that say who reads."""
        at = int(time.time()) if at is None else at
        return {"Authorization": f"Chorus {self.id}.{at}.{self.sign(READ, at, instance)}"}

    def line(self, path="/leaderboard?limit=200", **more):
        """Its line of the leaderboard."""
        return next((x for x in self.server.get(path, **more).json["leaders"]
                     if x["participant"] == self.id), None)


class Wallet:
    """An Ethereum key that signs as personal_sign does (EIP-191)."""
    _curve = ctypes.CDLL("libsecp256k1.so.1")
    _curve.secp256k1_context_create.restype = ctypes.c_void_p
    _context = ctypes.c_void_p(_curve.secp256k1_context_create(0x0301))

    def __init__(self):
        self._secret, raw = secrets.token_bytes(32), ctypes.create_string_buffer(64)
        self._done(self._curve.secp256k1_ec_pubkey_create(self._context, raw, self._secret))
        out, size = ctypes.create_string_buffer(65), ctypes.c_size_t(65)
        self._done(self._curve.secp256k1_ec_pubkey_serialize(
            self._context, out, ctypes.byref(size), raw, 2))
        self.address = "0x" + keccak(out.raw[1:])[12:].hex()

    @staticmethod
    def _done(answer):
        assert answer == 1

    def sign(self, text, base=27):
        data = text.encode()
        digest = keccak(b"\x19Ethereum Signed Message:\n%d" % len(data) + data)
        raw, out = ctypes.create_string_buffer(65), ctypes.create_string_buffer(64)
        self._done(self._curve.secp256k1_ecdsa_sign_recoverable(
            self._context, raw, digest, self._secret, None, None))
        which = ctypes.c_int()
        self._done(self._curve.secp256k1_ecdsa_recoverable_signature_serialize_compact(
            self._context, out, ctypes.byref(which), raw))
        return "0x" + out.raw.hex() + f"{base + which.value:02x}"


def round_sql(model, number, joined, counted, attempt=1, before="final", after="done",
              failure=None, samples=None, amount=None, days=0, shared=None, answered=()):
    """An attempt that ends: joined and counted are lists of members; shared, counted and
    answered say who has done what."""
    ctx = f"sha256('{model}-{number}-{attempt}')"
    order = sorted(joined, key=lambda p: p.id)
    bits = bytearray((len(order) + 7) // 8)
    for i, p in enumerate(order):
        if p in counted:
            bits[i // 8] |= 1 << i % 8
    out = [f"""
      WITH b AS (INSERT INTO blobs (length) VALUES (0) RETURNING id)
      INSERT INTO rounds (ctx, model, version, round, attempt, phase, open, minimum, maximum,
                          length, chunks, base, n, u2)
      SELECT {ctx}, '{model}', 1, {number}, {attempt}, '{before}', '', 3, 5, 1, 1, id,
             {len(order)}, {"NULL" if before in ("share", "upload") else
                            f"decode('{bits.hex()}', 'hex')"} FROM b;"""]
    for i, p in enumerate(order):
        point = f"decode('{secrets.token_hex(32)}', 'hex')"
        out.append(f"INSERT INTO joins VALUES ({ctx}, '\\x{p.id}', '\\x{p.organisation}', "
                   f"{point}, {point}, {point}, 1, 1, {i});")
        if shared is None or p in shared:
            out.append(f"INSERT INTO shares VALUES ({ctx}, {i}, 1, '', '');")
        if p in counted:
            text = f'{{"samples":{(samples or {}).get(p.name, "null")}}}'
            out.append(f"""
              WITH e AS (INSERT INTO events (type, model, ctx, participant, hash, bytes)
                VALUES ('update', '{model}', {ctx}, '\\x{p.id}',
                        decode('{secrets.token_hex(32)}', 'hex'), '{text}') RETURNING seq),
              b AS (INSERT INTO blobs (length) VALUES (0) RETURNING id)
              INSERT INTO updates SELECT {ctx}, {i}, e.seq, '', b.id, 1, true, 'x' FROM e, b;""")
            if amount:
                out.append(f"INSERT INTO rewards VALUES ({ctx}, {i}, '\\x{p.id}', {amount});")
        if p in answered:
            out.append(f"INSERT INTO unmasks VALUES ({ctx}, {i}, 1, '');")
    fails = f", failure = '{failure}'" if failure else ""
    out.append(f"UPDATE rounds SET phase = '{after}', ended_at = now() - interval '{days} days'"
               f"{fails} WHERE ctx = {ctx};")
    return "\n".join(out)


def play(server, *args, **more):
    psql(server.db, round_sql(*args, **more))
