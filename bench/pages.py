#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What browsers ask for, against the least that libmicrohttpd can do (bench/empty.c), loaded in
one run by the same wrk, in turns; and what a thousand streams of events take.

  pages.py --build DIR --db CONNINFO [--seconds S]

Leaves with 1 when a target is missed: pages at half the empty handler's rate, the leaderboard
of 10,000 members at a quarter of it, a thousand streams under 100 MB.
"""

import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tests", "scenario"))

import harness  # noqa: E402
from streaming import Stream  # noqa: E402

THREADS, CONNECTIONS, ROUNDS, STREAMS, MEMBERS = 2, 64, 5, 1000, 10_000

#: What is measured: name, path, headers of the request, least part of the empty handler's rate.
CASES = [
    ("page", "/", {"Accept-Encoding": "br"}, 0.5),
    ("page, not modified", "/", {"Accept-Encoding": "br", "If-None-Match": "*"}, 0.5),
    ("leaderboard", "/api/v1/leaderboard", {"Accept-Encoding": "br"}, 0.25),
    ("leaderboard, last page", "/api/v1/leaderboard?limit=200&cursor={cursor}", {}, 0.25),
    ("asset", "/assets/app-0123456789ab.js", {"Accept-Encoding": "br"}, None),
]


def pages():
    """The pages as they were built, or a folder of about the same sizes."""
    made = os.path.join(harness.Settings.build, "pages")
    if os.path.exists(os.path.join(made, "index.html")):
        names = sorted(os.listdir(os.path.join(made, "assets")))
        app = next((n for n in names if re.fullmatch(r"app-.*\.js", n)), None)
        return made, f"/assets/{app}"
    folder = tempfile.mkdtemp(prefix="chorus-pages-")
    harness.CLEANUP.add(lambda: harness.remove_folder(folder))
    os.mkdir(os.path.join(folder, "assets"))
    for name, size in (("index.html", 700), ("assets/app-0123456789ab.js", 20_000)):
        for ending in ("", ".br", ".gz"):
            with open(os.path.join(folder, name + ending), "wb") as out:
                out.write(b"x" * size)
    return folder, "/assets/app-0123456789ab.js"


class Empty:
    """The empty handler."""

    def __enter__(self):
        self.popen = subprocess.Popen(
            [harness.program("empty_http"), str(THREADS)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, preexec_fn=harness.die_with_parent)
        self.origin = f"http://127.0.0.1:{int(self.popen.stdout.readline())}"
        return self

    def __exit__(self, *_):
        self.popen.stdin.close()
        self.popen.wait(10)


def wrk(url, headers, seconds):
    """Requests in a second."""
    words = ["wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", f"{seconds}s"]
    for name, value in headers.items():
        words += ["-H", f"{name}: {value}"]
    said = subprocess.run([*words, url], capture_output=True, text=True, check=True,
                          timeout=seconds + 30).stdout
    if "Non-2xx" in said and "If-None-Match" not in headers:
        raise AssertionError(f"{url}: {said}")
    return float(re.search(r"Requests/sec:\s+([0-9.]+)", said)[1])


def compare(empty, server, cases, seconds):
    """Requests in a second and part of the empty handler's, medians; measured in turns, so that
    whatever else the machine does strikes all alike."""
    places = [("empty handler", empty.origin + "/", {})]
    places += [(name, server.origin + path, headers) for name, path, headers, _ in cases]
    rates = {name: [] for name, _, _ in places}
    for name, url, headers in places:
        wrk(url, headers, 1)
    for _ in range(ROUNDS):
        for name, url, headers in places:
            rates[name].append(wrk(url, headers, seconds))
    whole = rates["empty handler"]
    return {name: (statistics.median(found),
                   statistics.median(a / b for a, b in zip(found, whole)))
            for name, found in rates.items()}


def prepare(server):
    """Members who contributed, straight into the database; the cursor of the last page."""
    server.make_model("board", harness.read_spec("iris"))
    ctx = server.open_round("board")
    server.admin("POST", f"/rounds/{ctx}/cancel").must(200)
    server.database.query(f"""
        INSERT INTO participants (id, organisation, name, salt, enroll)
        SELECT sha256(int8send(n)), substr(sha256(int8send(n)), 1, 16), 'Member ' || n,
               substr(sha256(int8send(n)), 1, 16), (SELECT min(seq) FROM events)
        FROM generate_series(1, {MEMBERS}) n;
        INSERT INTO contributions (participant, ctx, model, ended_at, counted, samples, amount)
        SELECT id, decode('{ctx}', 'hex'), 'board', now(), true, 100, 1000000 FROM participants;
        SELECT board_moved('board')""")
    found = harness.until(lambda: list(board(server)), 20, "the leaderboard is there")
    assert sum(len(page["leaders"]) for page in found) == MEMBERS
    return found[-2]["next"]


def board(server):
    """Its pages; none while it is made."""
    cursor = ""
    while cursor is not None:
        page = server.get(f"/leaderboard?limit=200{cursor and '&cursor='}{cursor}").must().json
        if not page["leaders"]:
            return
        yield page
        cursor = page["next"]


def resident(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) * 1024


def streams(server):
    """Resident bytes before, and with all streams open and told something."""
    before = resident(server.process.pid)
    opened = [Stream(server.port) for _ in range(STREAMS)]
    for stream in opened:
        stream.until(lambda s: s.of("head"), 30)
    server.make_model("told", harness.read_spec("iris"))
    for stream in opened:
        stream.until(lambda s: s.of("entry"), 30)
    after = resident(server.process.pid)
    for stream in opened:
        stream.socket.close()
    return before, after


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--db", required=True)
    parser.add_argument("--seconds", type=int, default=3)
    options = parser.parse_args()
    harness.Settings.build, harness.Settings.db = options.build, options.db
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    folder, app = pages()
    server = harness.Server(harness.temp_folder(), flags=("--static", folder))
    missed = []
    cursor = prepare(server)
    cases = [(name, app if "assets" in path else path.format(cursor=cursor), headers, least)
             for name, path, headers, least in CASES]
    with Empty() as empty:
        rates = compare(empty, server, cases, options.seconds)
    print(f"{'empty handler':24} {rates['empty handler'][0]:10,.0f} requests/s")
    for name, _, _, least in cases:
        rate, part = rates[name]
        print(f"{name:24} {rate:10,.0f} requests/s, {part:.0%} of the empty handler")
        if least and part < least:
            missed.append(f"{name}: {part:.0%} instead of {least:.0%}")
    before, after = streams(server)
    print(f"{STREAMS} streams of events: {after / 1e6:.0f} MB resident, {before / 1e6:.0f} MB before")
    if after >= 100e6:
        missed.append(f"{STREAMS} streams: {after / 1e6:.0f} MB")
    server.close()
    for line in missed:
        print(f"missed: {line}")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
