# SPDX-License-Identifier: Apache-2.0
"""An operator that rewrites its own database. It holds the coordinator's key: it can sign
whatever a coordinator signs, and build the log anew over events that it changed. What it
cannot do is to sign for participants, or to take back what it showed to others."""

import json

import ledger
import stranger

TILE = 256


def literal(data):
    return f"'\\x{data.hex()}'"


def flipped(data, at=-1):
    """One bit is another."""
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


def tiles_of(leaves):
    """(level, index) -> bytes, for a tree of these leaf hashes."""
    tiles, level, row = {}, 0, leaves
    while row:
        for index in range(0, len(row), TILE):
            tiles[level, index // TILE] = b"".join(row[index:index + TILE])
        full = [row[i:i + TILE] for i in range(0, len(row) - TILE + 1, TILE)]
        row, level = [stranger.root_of_hashes(tile) for tile in full], level + 1
    return tiles


class Rewriter:
    """Works on the database of a server that is not running."""

    def __init__(self, database, key):
        self.database, self.key = database, key
        instance = json.loads(self.text("SELECT encode(event, 'hex') FROM instance"))
        self.log = ledger.Signer(instance["origin"], key.public, 1, key.secret)

    def query(self, sql):
        return self.database.query(sql)

    def bytes(self, sql):
        return bytes.fromhex(self.query(sql))

    def text(self, sql):
        return self.bytes(sql).decode()

    # ---- events

    def seq(self, kind, ctx=None, who=None, nth=0):
        where = [f"type = '{kind}'"]
        if ctx:
            where.append(f"ctx = '\\x{ctx}'")
        if who:
            where.append(f"participant = '\\x{who}'")
        rows = self.query(f"SELECT seq FROM events WHERE {' AND '.join(where)} ORDER BY seq").split()
        return int(rows[nth])

    def event(self, seq):
        return json.loads(self.text(f"SELECT encode(bytes, 'hex') FROM events WHERE seq = {seq}"))

    def put(self, seq, event):
        """Stores an event in the place of another."""
        self.query(f"UPDATE events SET bytes = {literal(stranger.canonical(event))}, "
                   f"hash = {literal(stranger.event_hash(event))} WHERE seq = {seq}")

    def resign(self, seq, **members):
        """Changes what the coordinator said, with a good signature; members may be functions."""
        event = self.event(seq)
        for name, value in members.items():
            event[name] = value(event[name]) if callable(value) else value
        event = self.key.sign(event)
        self.put(seq, event)
        return event

    def spoil(self, seq, **members):
        """Changes what somebody said whose key it does not have."""
        event = self.event(seq)
        self.put(seq, {**event, **members})

    def add(self, event, ctx=None, model=None, who=None):
        """A new event at the end of the log, which is to be built anew."""
        columns = {"ctx": f"'\\x{ctx}'" if ctx else "NULL",
                   "model": f"'{model}'" if model else "NULL",
                   "participant": f"'\\x{who}'" if who else "NULL"}
        seq = int(self.query(
            "INSERT INTO events (type, model, ctx, participant, hash, bytes) VALUES "
            f"('{event['type']}', {columns['model']}, {columns['ctx']}, {columns['participant']}, "
            f"{literal(stranger.event_hash(event))}, {literal(stranger.canonical(event))}) "
            "RETURNING seq"))
        self.query("INSERT INTO log_entries (leaf, event) "
                   f"SELECT max(leaf) + 1, {seq} FROM log_entries")
        return seq

    # ---- the log

    def leaves(self):
        rows = self.query("SELECT encode(sha256('\\x00'::bytea || bytes), 'hex') FROM log_entries "
                          "JOIN events ON seq = event ORDER BY leaf").split()
        return [bytes.fromhex(row) for row in rows]

    def checkpoint(self, size, root):
        text = f"{self.log.name}\n{size}\n{stranger.enbase64(root)}\n"
        return f"{text}\n{self.log.line(text)}".encode()

    def sign_head(self, size, root):
        self.query(f"DELETE FROM log_checkpoints WHERE size >= {size}; "
                   f"UPDATE log_head SET size = {size}, root = {literal(root)}; "
                   "INSERT INTO log_checkpoints (size, root, note) VALUES "
                   f"({size}, {literal(root)}, {literal(self.checkpoint(size, root))})")

    def build_log(self):
        """Tiles, head and checkpoint follow from the entries again, leaves without gaps."""
        self.query("CREATE TEMP TABLE again AS SELECT row_number() OVER (ORDER BY leaf) - 1 AS "
                   "leaf, event FROM log_entries; DELETE FROM log_entries; "
                   "INSERT INTO log_entries SELECT leaf, event FROM again")
        leaves = self.leaves()
        rows = ", ".join(f"({level}, {index}, {literal(hashes)})"
                         for (level, index), hashes in tiles_of(leaves).items())
        self.query(f"DELETE FROM log_tiles; INSERT INTO log_tiles VALUES {rows}; "
                   "DELETE FROM log_checkpoints; DELETE FROM witnesses")
        self.sign_head(len(leaves), stranger.root_of_hashes(leaves))

    def cut_log(self, size):
        """The log as it was when it had so many leaves."""
        self.query(f"DELETE FROM log_entries WHERE leaf >= {size}")
        self.build_log()

    # ---- vectors and documents

    def flip_blob(self, blob, at=0):
        """A bit of the first part of a blob; its recorded hash stays."""
        data = flipped(self.bytes(f"SELECT encode(data, 'hex') FROM blob_chunks WHERE blob = {blob} "
                                  "AND part = 0"), at)
        self.query(f"UPDATE blob_chunks SET data = {literal(data)} WHERE blob = {blob} "
                   "AND part = 0")

    def flip_column(self, table, column, where, at=0):
        data = flipped(self.bytes(f"SELECT encode({column}, 'hex') FROM {table} WHERE {where}"), at)
        self.query(f"UPDATE {table} SET {column} = {literal(data)} WHERE {where}")
