#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The public log at a million entries: how fast it grows through the real sequencer, what a
proof and a checkpoint cost over HTTP, what its tiles take, and how soon a server that starts
serves it (docs/performance.md).

  log.py --build DIR --db CONNINFO [--entries N]
"""

import argparse
import http.client
import json
import os
import random
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tests", "scenario"))

import harness  # noqa: E402
import ledger  # noqa: E402

EVENT_BYTES = 600  # about what a join or a share has
PART = 100_000
PROOFS = 2000


def put(database, count):
    """Stores events as accepted ones are; none is a leaf yet."""
    harness.psql(database.conninfo, f"""
        WITH made AS (SELECT gen_random_uuid()::text AS id FROM generate_series(1, {count})),
        stored AS (
          INSERT INTO events (type, model, hash, bytes)
          SELECT 'x', 'bench', sha256(id::bytea),
                 ('{{"id":"' || id || repeat(md5(id), {(EVENT_BYTES - 46) // 32}) || '"}}')::bytea
          FROM made RETURNING seq)
        INSERT INTO log_pending SELECT seq FROM stored""", limit=600)


def size_of(server):
    return int(server.database.query("SELECT size FROM log_head"))


def append(server, count):
    """Leaves per second, from a backlog of `count` events to a log of all of them."""
    with ledger.standing_still(server.database.conninfo):
        for done in range(0, count, PART):
            put(server.database, min(PART, count - done))
        server.database.query("ANALYZE")
        before = size_of(server)
        began = time.monotonic()
    harness.until(lambda: size_of(server) == before + count, 1800, "all events are leaves")
    return count / (time.monotonic() - began)


def latencies(server, paths):
    """Milliseconds of each request, over one connection."""
    connection, taken = http.client.HTTPConnection("127.0.0.1", server.port), []
    for path in paths:
        began = time.perf_counter()
        connection.request("GET", "/api/v1" + path)
        reply = connection.getresponse()
        body = reply.read()
        taken.append((time.perf_counter() - began) * 1000)
        if reply.status != 200:
            raise AssertionError(f"{path}: {reply.status} {body[:300]}")
    connection.close()
    return taken


def tell_latency(name, taken):
    cuts = statistics.quantiles(taken, n=100)
    print(f"{name:<42} p50 {cuts[49]:6.2f} ms   p99 {cuts[98]:6.2f} ms", flush=True)


def until_served(server):
    """Seconds from the start of a process to the first checkpoint out of it."""
    port, began = harness.free_port(), time.monotonic()
    process = subprocess.Popen(
        [harness.program("chorusd"), "serve", "--db", server.database.conninfo, "--key",
         server.key, "--port", str(port)], stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        preexec_fn=harness.die_with_parent)
    api = harness.Api(f"http://127.0.0.1:{port}")

    def served():
        try:
            return api.get("/log/checkpoint").status == 200
        except OSError:
            return False
    while not served():
        time.sleep(0.002)
    taken = time.monotonic() - began
    process.kill()
    process.wait()
    return taken


def start_times(server):
    return statistics.median(until_served(server) for _ in range(9))


def lag(server):
    """Seconds from an event's commit to the checkpoint over it, on a quiet server."""
    taken, key = [], ledger.log_key(server)
    for _ in range(20):
        before = size_of(server)
        put(server.database, 1)
        began = time.monotonic()
        ledger.checkpoint(server, key, f"?wait=20&after={before}")
        taken.append(time.monotonic() - began)
    return max(taken)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--db", required=True)
    parser.add_argument("--entries", type=int, default=1_000_000)
    options = parser.parse_args()
    harness.Settings.build, harness.Settings.db = os.path.abspath(options.build), options.db
    server = harness.Server()
    harness.until(lambda: size_of(server) == 1, 20, "the first leaf")
    empty = start_times(server)
    rate = append(server, options.entries)
    size = size_of(server)
    print(f"{'entries':<42} {size:,} of about {EVENT_BYTES} bytes")
    print(f"{'leaves per second out of a backlog':<42} {rate:,.0f}")
    print(f"{'from commit to checkpoint, quiet, at most':<42} {lag(server):.2f} s")
    draw = random.Random(1)
    tell_latency("nothing (GET /health)", latencies(server, ["/health"] * PROOFS))
    tell_latency("checkpoint", latencies(server, ["/log/checkpoint"] * PROOFS))
    tell_latency("inclusion proof", latencies(server, [
        f"/log/proofs/inclusion?leaf={draw.randrange(size)}&size={size}"
        for _ in range(PROOFS)]))
    tell_latency("consistency proof", latencies(server, [
        f"/log/proofs/consistency?from={draw.randrange(1, size)}&to={size}"
        for _ in range(PROOFS)]))
    tell_latency("tile of 256 hashes", latencies(server, [
        ledger.tile_path(0, draw.randrange(size // 256)) for _ in range(PROOFS)]))
    tell_latency("bundle of 256 entries", latencies(server, [
        ledger.tile_path("entries", draw.randrange(size // 256)) for _ in range(PROOFS // 10)]))
    tiles = server.database.query(
        "SELECT json_build_array(count(*), sum(octet_length(hashes)), "
        "pg_total_relation_size('log_tiles'), pg_total_relation_size('log_entries')) "
        "FROM log_tiles")
    count, held, stored, entries = json.loads(tiles)
    print(f"{'tiles':<42} {count:,} of {held / 1e6:.1f} MB, {stored / 1e6:.1f} MB stored")
    print(f"{'index of entries':<42} {entries / 1e6:.1f} MB")
    print(f"{'from start to the first checkpoint served':<42} "
          f"{start_times(server):.2f} s; with one entry {empty:.2f} s")
    server.close()


if __name__ == "__main__":
    main()
