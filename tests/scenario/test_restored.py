# SPDX-License-Identifier: Apache-2.0
"""A database that was set back: an honest operator must not sign a second history."""

import os

from harness import Database, Scenario, Server, read_spec, until
from ledger import checkpoint, log_key


class SetBack(Scenario):
    """A backup is restored under a server that has signed more since. A server for each test."""

    SANITIZED = False

    @classmethod
    def setUpClass(cls):
        pass

    def setUp(self):
        self.server = Server()
        self.key = log_key(self.server)
        self.add_model("first")

    def tearDown(self):
        self.server.close()

    def copy(self):
        """The database as it stands; nobody may be connected meanwhile."""
        self.server.stop()
        return Database(template=self.server.database.name)

    def switch(self, database):
        """The same server with the same key, over another database."""
        if self.server.process.running():
            self.server.stop()
        before, self.server.database = self.server.database, database
        self.server.start()
        return before

    def add_model(self, slug):
        made = self.server.make_model(slug, read_spec("iris"))
        until(lambda: checkpoint(self.server, self.key).size >= self.leaves() + 1, 10,
              "the model is in the log")
        return made

    def leaves(self):
        return int(self.server.database.query("SELECT count(*) FROM events")) - 1

    def refuses(self):
        """Nothing is accepted or signed; everything can be read."""
        size = checkpoint(self.server, self.key).size
        self.server.admin("POST", "/models", {"model": "third", "spec": read_spec("iris")}) \
            .refused("database-set-back", 503)
        self.server.admin("POST", "/models/first/rounds", {}).refused("database-set-back", 503)
        self.server.admin("PUT", "/models/first/schedule",
                          {"every": 1, "rounds": 1, "target": None}) \
            .refused("database-set-back", 503)
        self.server.get("/models/first").must(200)
        self.server.get("/models/first/weights?round=0").must(200)
        self.server.database.query(
            "WITH e AS (INSERT INTO events (type, hash, bytes) VALUES "
            "('x', sha256('x'), 'x') RETURNING seq) INSERT INTO log_pending SELECT seq FROM e")
        self.assertEqual(checkpoint(self.server, self.key, f"?wait=2&after={size}").size, size)

    def test_an_older_database_is_only_read(self):
        backup = self.copy()
        self.server.start()
        self.add_model("second")
        newer = self.switch(backup)
        self.assertIn("has signed a checkpoint", self.server.process.output())
        self.refuses()
        self.switch(newer)
        self.add_model("third")

    def test_another_history_is_only_read(self):
        """As large as the one that was signed, but with something else in it."""
        backup = self.copy()
        self.server.start()
        self.add_model("second")
        kept = self.server.key + ".head"
        with open(kept, encoding="ascii") as source:
            signed = source.read()
        newer = self.switch(backup)
        self.server.stop()
        os.unlink(kept)  # what somebody would do who does not read the manual
        self.server.start()
        self.add_model("other")
        self.server.stop()
        with open(kept, "w", encoding="ascii") as out:
            out.write(signed)
        self.server.start()
        self.assertIn("are not those that this server has signed", self.server.process.output())
        self.refuses()
        self.switch(newer).drop()
        self.add_model("third")

    def test_a_file_of_something_else_is_refused(self):
        self.server.stop()
        with open(self.server.key + ".head", "w", encoding="ascii") as out:
            out.write("12 not a root\n")
        with self.assertRaisesRegex(AssertionError, "does not hold the size and root"):
            self.server.start()
