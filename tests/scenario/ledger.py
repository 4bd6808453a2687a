# SPDX-License-Identifier: Apache-2.0
"""The public log as a reader sees it who recomputes everything: notes, roots of every prefix,
proofs checked as RFC 9162 says. The formats are those of C2SP."""

import base64
import contextlib
import struct
import subprocess

from stranger import SODIUM, sha256

EMPTY = sha256()
LOCK = int.from_bytes(b"chorlog", "big")  # what a sequencer holds while it is at work


def node(left, right):
    return sha256(b"\x01", left, right)


def leaf(data):
    return sha256(b"\x00", data)


class Roots:
    """The root of every prefix of a list of leaf hashes."""

    def __init__(self, hashes):
        self.hashes, self.all, stack = list(hashes), [EMPTY], []
        for count, hashed in enumerate(self.hashes, 1):
            stack.append(hashed)
            for _ in range((count & -count).bit_length() - 1):
                right = stack.pop()
                stack.append(node(stack.pop(), right))
            root = stack[-1]
            for left in reversed(stack[:-1]):
                root = node(left, root)
            self.all.append(root)

    def __len__(self):
        return len(self.hashes)

    def at(self, size):
        return self.all[size]


def inclusion_root(hashed, index, size, path):
    """RFC 9162, 2.1.3.2: where the path leads, or None."""
    at, last = index, size - 1
    for sibling in path:
        if last == 0:
            return None
        if at & 1 or at == last:
            hashed = node(sibling, hashed)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            hashed = node(hashed, sibling)
        at, last = at >> 1, last >> 1
    return hashed if last == 0 else None


def consistent(first, first_root, second, second_root, path):
    """RFC 9162, 2.1.4.2."""
    if first in (0, second):
        return not path and (first == 0 or first_root == second_root)
    path = list(path)
    if first & (first - 1) == 0:
        path.insert(0, first_root)
    at, last = first - 1, second - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            old, new = node(sibling, old), node(sibling, new)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            new = node(new, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and (old, new) == (first_root, second_root)


# ---------------------------------------------------------------- notes

class Signer:
    """A key of signed-note: kind 1 over the text, kind 4 a cosignature with a time."""

    def __init__(self, name, public, kind, secret=None):
        self.name, self.public, self.kind, self.secret = name, public, kind, secret
        self.id = sha256(name.encode(), b"\n", bytes([kind]), public)[:4]

    @property
    def vkey(self):
        key = base64.b64encode(bytes([self.kind]) + self.public).decode()
        return f"{self.name}+{self.id.hex()}+{key}"

    def line(self, text, time=0):
        stamp, signed = b"", text.encode()
        if self.kind == 4:
            stamp = struct.pack(">Q", time)
            signed = f"cosignature/v1\ntime {time}\n".encode() + signed
        blob = self.id + stamp + SODIUM.sign(self.secret, signed)
        return f"— {self.name} {base64.b64encode(blob).decode()}\n"

    def verified(self, note):
        """The times (or zeros) of this key's lines, each of which must fit."""
        text, _, lines = note.rpartition("\n\n")
        text, times = text + "\n", []
        for line in lines.splitlines():
            dash, name, blob = line.split(" ")
            blob = base64.b64decode(blob, validate=True)
            if dash != "—" or name != self.name or blob[:4] != self.id:
                continue
            signed, blob, time = text.encode(), blob[4:], 0
            if self.kind == 4:
                time = struct.unpack(">Q", blob[:8])[0]
                signed, blob = f"cosignature/v1\ntime {time}\n".encode() + signed, blob[8:]
            if not SODIUM.signed(self.public, signed, blob):
                raise AssertionError(f"a line of {name} does not fit")
            times.append(time)
        return times


class Checkpoint:
    def __init__(self, note, key):
        """Verifies the log's signature."""
        self.note, self.text = note, note.rpartition("\n\n")[0] + "\n"
        origin, size, root = self.text.splitlines()
        if origin != key.name or not key.verified(note):
            raise AssertionError(f"not a checkpoint of {key.name}: {note}")
        self.size, self.root = int(size), base64.b64decode(root, validate=True)

    @property
    def seen(self):
        return {"root": self.root.hex(), "size": self.size}


# ---------------------------------------------------------------- the log over HTTP

def log_key(api):
    instance = api.instance()
    return Signer(instance["origin"], bytes.fromhex(instance["coordinator"]), 1)


def checkpoint(api, key, query=""):
    """The newest, or None before the first."""
    reply = api.get("/log/checkpoint" + query)
    return None if reply.status == 404 else Checkpoint(reply.must().body.decode(), key)


def place(index):
    parts = [f"{index % 1000:03d}"]
    while index := index // 1000:
        parts.insert(0, f"x{index % 1000:03d}")
    return "/".join(parts)


def tile_path(level, index, width=256):
    return f"/log/tile/{level}/{place(index)}" + ("" if width == 256 else f".p/{width}")


def entries(api, size):
    """The first `size` entries, out of their bundles."""
    found = []
    for index in range((size + 255) // 256):
        width = min(256, size - 256 * index)
        data = api.get(tile_path("entries", index, width)).must().body
        for _ in range(width):
            end = 2 + struct.unpack(">H", data[:2])[0]
            found.append(data[2:end])
            data = data[end:]
        if data:
            raise AssertionError(f"a bundle of {width} entries goes on")
    return found




@contextlib.contextmanager
def standing_still(conninfo):
    """No sequencer gets its turn meanwhile."""
    with subprocess.Popen(["psql", "-XqAt", "-d", conninfo], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as session:
        session.stdin.write(f"SELECT pg_advisory_lock({LOCK}) IS NULL;\n")
        session.stdin.flush()
        session.stdout.readline()
        try:
            yield
        finally:
            session.stdin.close()
            session.wait(20)
