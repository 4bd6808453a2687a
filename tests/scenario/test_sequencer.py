# SPDX-License-Identifier: Apache-2.0
"""Two servers let one log grow and are killed (-9) while they do so. Whatever either of them
ever showed must belong to one tree, in which every event is a leaf once."""

import random
import subprocess
import threading
import time

import ledger
from harness import CLEANUP, Scenario, Settings, until
from ledger import Roots, checkpoint, log_key

# Several transactions at once, each with some events, that last differently long and so do
# not commit in the order of the events' numbers; some are taken back.
WRITER = """DO $$ BEGIN
FOR i IN 1..{rounds} LOOP
  WITH stored AS (
    INSERT INTO events (type, hash, bytes)
    SELECT 'x', sha256(gen_random_uuid()::text::bytea), gen_random_uuid()::text::bytea
    FROM generate_series(1, 1 + (random() * 20)::int) RETURNING seq)
  INSERT INTO log_pending SELECT seq FROM stored;
  PERFORM pg_sleep(random() * 0.02);
  IF random() < 0.1 THEN ROLLBACK; ELSE COMMIT; END IF;
END LOOP; END $$"""

# Makes a step of the sequencer long, so that a kill mostly meets one.
SLOW = """CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_sleep(random() * 0.03); RETURN NULL; END $$;
CREATE TRIGGER linger AFTER INSERT ON log_entries EXECUTE FUNCTION linger();
CREATE TRIGGER linger AFTER INSERT ON log_tiles EXECUTE FUNCTION linger();
CREATE TRIGGER linger AFTER UPDATE ON log_head EXECUTE FUNCTION linger();
CREATE TRIGGER linger AFTER INSERT ON log_checkpoints EXECUTE FUNCTION linger();"""


class Watcher(threading.Thread):
    """Keeps every checkpoint that a server shows, whether it lives at the moment or not."""

    def __init__(self, api, key):
        super().__init__(daemon=True)
        self.api, self.key, self.ended, self.shown, self.wrong = api, key, False, set(), []
        self.start()

    def run(self):
        after = 0
        while not self.ended:
            try:
                found = checkpoint(self.api, self.key, f"?wait=1&after={after}")
                after = found.size
                self.shown.add((found.size, found.root))
            except OSError:
                after = 0  # dead: whatever it shows next is wanted, an old one too
                time.sleep(0.01)
            except Exception as wrong:  # told by the test's own thread
                self.wrong.append(wrong)
                return

    def stop(self):
        self.ended = True
        self.join(20)


class Killed(Scenario):
    SANITIZED = False
    FLAGS = ("--request-workers", "2", "--job-workers", "1")  # starts sooner
    LIMIT = 600
    WEIGHT = 3

    def setUp(self):
        self.db = self.server.database
        self.db.query(SLOW)
        self.key = log_key(self.server)
        self.other = self.server.replica()
        self.hashes, self.kills = [], 0
        self.watchers = [Watcher(api, self.key) for api in (self.server, self.other)]

    def tearDown(self):
        for watcher in self.watchers:
            watcher.stop()

    def write(self):
        """Writers that go on beside us."""
        def start():
            writer = subprocess.Popen(
                ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", self.db.conninfo, "-c",
                 WRITER.format(rounds=random.randint(2, 12))],
                stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
            CLEANUP.add(writer.kill)
            return writer
        return [start() for _ in range(4)]

    def written(self, writers):
        for writer in writers:
            _, said = writer.communicate(timeout=60)
            CLEANUP.forget(writer.kill)
            self.assertEqual(writer.returncode, 0, said)

    def kill(self):
        """One of the servers, or both, now; and starts them again."""
        first, second = random.choice([(True, False), (False, True), (True, True)])
        if first:
            self.server.kill()
        if second:
            self.other.process.kill()
        self.kills += first + second
        if first:
            self.server.start()
        if second:
            port = int(self.other.origin.rpartition(":")[2])
            self.other.process = self.server.launch(port)
            self.server.replicas[:] = [self.other.process]

    def integrated(self):
        return self.db.query("SELECT NOT EXISTS (SELECT 1 FROM log_pending)") == "t"

    def check(self):
        """No gap, no leaf lost or doubled, no fork, and what stood still stands."""
        until(self.integrated, 30, "every event is a leaf")
        found = self.db.query(
            "SELECT count(*) FROM events; SELECT '-';"
            "SELECT l.leaf, l.event, encode(sha256('\\x00'::bytea || e.bytes), 'hex') "
            "FROM log_entries l JOIN events e ON e.seq = l.event ORDER BY l.leaf; SELECT '-';"
            "SELECT size, encode(root, 'hex') FROM log_checkpoints UNION "
            "SELECT size, encode(root, 'hex') FROM log_head")
        events, rows, signed = found.split("\n-\n")
        rows = [row.split("|") for row in rows.split()]
        self.assertEqual([int(row[0]) for row in rows], list(range(int(events))))
        self.assertEqual(len({row[1] for row in rows}), len(rows))
        hashes = [bytes.fromhex(row[2]) for row in rows]
        self.assertEqual(hashes[:len(self.hashes)], self.hashes, "the log was rewritten")
        self.hashes, roots = hashes, Roots(hashes)
        for row in signed.split():
            size, root = row.split("|")
            self.assertEqual(roots.at(int(size)).hex(), root, f"checkpoint {size}")
        for watcher in self.watchers:
            self.assertEqual(watcher.wrong, [])
            for size, root in list(watcher.shown):
                self.assertEqual(roots.at(size), root, f"checkpoint {size} was shown")
        return roots

    def tiles(self, roots):
        level, hashes = 0, roots.hashes
        while hashes:
            for index in range((len(hashes) + 255) // 256):
                part = hashes[256 * index:256 * (index + 1)]
                reply = self.server.get(ledger.tile_path(level, index, len(part))).must()
                self.assertEqual(reply.body, b"".join(part), (level, index))
            hashes = [Roots(hashes[256 * i:256 * (i + 1)]).at(256)
                      for i in range(len(hashes) // 256)]
            level += 1

    def test_killed_again_and_again(self):
        """25 tries, a hundred with --soak."""
        tries = 100 if Settings.soak else 25
        for _ in range(tries):
            writers = self.write()
            for _ in range(random.choice((1, 1, 2))):
                time.sleep(random.random() * 0.25)
                self.kill()
            self.written(writers)
            roots = self.check()
        self.tiles(roots)
        self.assertGreater(len(roots), tries * 10)
        self.assertGreaterEqual(self.kills, tries)
        shown = [len(watcher.shown) for watcher in self.watchers]
        self.assertGreater(min(shown), tries // 4, "the watchers saw too little")
        self.assertEqual(checkpoint(self.other, self.key).size, len(roots))
