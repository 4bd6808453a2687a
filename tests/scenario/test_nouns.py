# SPDX-License-Identifier: Apache-2.0
"""Models, invites, participants and the command line against a real chorusd and PostgreSQL:
what is sent wrong gets its problem, with the field named, and changes nothing."""
import concurrent.futures
import hashlib
import os
import re
import subprocess
import time
import unittest

import serving
from serving import Base, enrolment, iris, psql

ZERO = "00" * 32


class Models(Base):
    def test_life(self):
        s = self.server
        model = s.model("iris")
        self.assertEqual((model["version"], model["d"], model["status"], model["rounds"]),
                         (1, 15, "active", 0))
        self.assertEqual(s.get("/models/iris").json, model)
        spec = s.get("/models/iris/spec")
        self.assertEqual(hashlib.sha256(spec.body).hexdigest(), model["spec"])
        self.assertEqual(model["event"]["spec"], model["spec"])
        self.assertEqual(spec.headers["ETag"], f'"{model["spec"]}"')
        self.assertEqual(spec.headers["Content-Type"], "application/json")
        self.refused("conflict", "model", "POST", "/models",
                     {"model": "iris", "spec": iris()}, admin=True)
        # a second version
        changed = {**iris(), "purpose": "Something else."}
        reply = s.post("/models/iris/versions", {"spec": changed}, admin=True)
        self.assertEqual((reply.status, reply.json["version"]), (201, 2), reply)
        self.assertEqual(reply.json["event"]["previous"], serving.event_hash(model["event"]))
        self.assertEqual(s.get("/models/iris/spec?version=1").body, spec.body)
        self.assertIn("immutable", s.get("/models/iris/spec?version=2").headers["Cache-Control"])
        self.problem(s.get("/models/iris/spec?version=3"), "not-found")
        self.problem(s.get("/models/iris/spec?version=x"), "bad-value", "version")
        features = iris()["features"]
        self.refused("bad-spec", "spec.features[0]", "POST", "/models/iris/versions",
                     {"spec": {**iris(), "features": [{**features[0], "name": "z"}] +
                               features[1:]}}, admin=True)
        self.refused("bad-spec", "spec.features", "POST", "/models/iris/versions",
                     {"spec": {**iris(), "features": features[:3]}}, admin=True)
        self.refused("not-found", None, "POST", "/models/nothing/versions",
                     {"spec": iris()}, admin=True)
        # retired
        self.assertEqual(s.post("/models/iris/retire", admin=True).json["status"], "retired")
        self.refused("retired", None, "POST", "/models/iris/versions", {"spec": iris()},
                     admin=True)
        self.refused("retired", None, "POST", "/invites",
                     {"model": "iris", "organisation": None, "count": 1, "expires_in": 60,
                      "admit": True}, admin=True)
        self.refused("not-found", None, "POST", "/models/nothing/retire", admin=True)

    def test_pages(self):
        for i in range(5):
            self.server.model(f"page-{i}")
        seen, cursor = [], ""
        for _ in range(10):
            page = self.server.get("/models?limit=2" + cursor).json
            self.assertLessEqual(len(page["models"]), 2)
            seen += [m["model"] for m in page["models"]]
            if page["next"] is None:
                break
            cursor = "&cursor=" + page["next"]
        self.assertEqual([m for m in seen if m.startswith("page-")],
                         [f"page-{i}" for i in range(5)])
        self.assertEqual(len(seen), len(set(seen)))

    def test_schedule(self):
        self.server.model("planned", {**iris(), "cohort": {**iris()["cohort"]}})
        path = "/models/planned/schedule"
        good = {"every": 86400, "rounds": 10, "target": "0.95"}
        for change, slug, field in (({"every": -1}, "bad-value", "every"),
                                    ({"rounds": 0}, "bad-value", "rounds"),
                                    ({"rounds": "1"}, "wrong-type", "rounds"),
                                    ({"target": 0.5}, "wrong-type", "target"),
                                    ({"target": "1.5"}, "bad-value", "target"),
                                    ({"target": "05"}, "bad-value", "target"),
                                    ({"more": 1}, "unknown-field", "more")):
            self.refused(slug, field, "PUT", path, {**good, **change}, admin=True)
        self.refused("not-found", None, "PUT", "/models/nothing/schedule", good, admin=True)
        self.assertEqual(self.server.call("PUT", path, good, admin=True).json["schedule"],
                         good)
        reply = self.server.call("PUT", path, {**good, "target": None}, admin=True)
        self.assertIsNone(reply.json["schedule"]["target"])
        reply = self.server.call("DELETE", path, admin=True)
        self.assertEqual((reply.status, reply.body), (204, b""))
        self.assertIsNone(self.server.get("/models/planned").json["schedule"])
        self.assertEqual(self.server.call("DELETE", path, admin=True).status, 204)

    def test_holdout(self):
        self.server.model("held")
        with open(os.path.join(serving.SOURCE, "tests/data/iris.csv"), "rb") as f:
            csv = f.read()
        def put(body):
            return ("PUT", "/models/held/holdout", body)
        more = {"admin": True, "headers": {"Content-Type": "text/csv"}}
        rows = csv.split(b"\n")
        for body, field in ((b"a,b\n1,2\n", None), (b"", None),
                            (rows[0] + b"\n5.1,3.5,1.4,x,setosa\n", 'row 2, column "petal_width"'),
                            (rows[0] + b"\n5.1,3.5,1.4,0.2,rose\n", 'row 2, column "species"'),
                            (rows[0] + b"\n5.1,3.5\n", None), (b"\xff\xfe", None),
                            (rows[0] + b"\n", None)):
            before = self.server.state()
            reply = self.server.call(*put(body), **more)
            self.assertIn(reply.status, (400, 411), reply)
            if body:
                self.assertEqual(reply.slug, "bad-csv", reply)
            if field:
                self.assertEqual(reply.json["field"], field)
            self.assertEqual(self.server.state(), before)
        for _ in range(2):
            self.assertEqual(self.server.call(*put(csv), **more).json, {"rows": 150})
        kept = psql(self.server.db, "SELECT holdout_rows, (SELECT count(*) FROM blobs b "
                    "WHERE b.length = octet_length('x') + " + str(len(csv) - 1) +
                    ") FROM models WHERE slug = 'held'")
        self.assertEqual(kept, "150|1")

    def test_results(self):
        self.server.model("fresh")
        self.assertEqual(self.server.get("/models/fresh/results").json,
                         {"results": [], "next": None})
        self.problem(self.server.get("/models/nothing/results"), "not-found")
        self.problem(self.server.get("/models/fresh/results?cursor=x"), "bad-value", "cursor")


class Quota(Base):
    flags = {"quota_bytes": 1000000}

    def test_quota(self):
        """Ten vectors of 25,000 words of four bytes would fit, but for the tail."""
        self.refused("over-quota", "spec.cohort.maximum", "POST", "/models",
                     {"model": "wide", "spec": serving.vector(25000)}, admin=True)
        self.server.model("wide", serving.vector(24999))
        self.refused("over-quota", "spec.cohort.maximum", "POST", "/models/wide/versions",
                     {"spec": {**serving.vector(24999), "ring_bits": 64}}, admin=True)


class Promise(Base):
    flags = {"log_promise": 7}

    def test_promise(self):
        """How soon what has a receipt is in the log."""
        self.server.model("iris")
        made = self.server.post("/participants", enrolment(self.server.invite("iris")))
        self.assertEqual(made.json["receipt"]["by"], made.json["receipt"]["time"] + 7)


class People(Base):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.model("iris")

    def refuse(self, body, slug, field):
        return self.refused(slug, field, "POST", "/participants", body)

    def test_invites(self):
        good = {"model": "iris", "organisation": None, "count": 2, "expires_in": 60,
                "admit": False}
        for change, slug, field in (({"count": 0}, "bad-value", "count"),
                                    ({"count": 501}, "bad-value", "count"),
                                    ({"count": "1"}, "wrong-type", "count"),
                                    ({"expires_in": 0}, "bad-value", "expires_in"),
                                    ({"organisation": "xyz"}, "bad-value", "organisation"),
                                    ({"organisation": 5}, "wrong-type", "organisation"),
                                    ({"admit": 1}, "wrong-type", "admit"),
                                    ({"model": "nothing"}, "bad-value", "model"),
                                    ({"model": "No!"}, "bad-value", "model"),
                                    ({"x": 1}, "unknown-field", "x")):
            self.refused(slug, field, "POST", "/invites", {**good, **change}, admin=True)
        made = self.server.post("/invites", {**good, "count": 500}, admin=True)
        links = [i["link"] for i in made.json["invites"]]
        self.assertEqual((made.status, len(set(links))), (201, 500))
        self.assertEqual(len({i["organisation"] for i in made.json["invites"]}), 500)
        self.assertRegex(links[0], rf"^http://127\.0\.0\.1:{self.server.port}/#invite="
                         rf"[0-9a-f]{{32}}\.[0-9a-f]{{32}}\.{self.server.instance()}\.iris$")
        same = self.server.post("/invites", {**good, "organisation": "ab" * 16}, admin=True)
        self.assertEqual({i["organisation"] for i in same.json["invites"]}, {"ab" * 16})
        listed, cursor = 0, ""
        for _ in range(20):
            page = self.server.get("/invites?limit=200" + cursor, admin=True)
            for link in links[:5]:
                self.assertNotIn(link.partition("#invite=")[2].split(".")[0].encode(),
                                 page.body)
            listed += len(page.json["invites"])
            if not page.json["next"]:
                break
            cursor = "&cursor=" + page.json["next"]
        self.assertGreaterEqual(listed, 502)

    def test_enrol(self):
        invite, key = self.server.invite("iris"), serving.Key()
        body = enrolment(invite, key)
        first = self.server.post("/participants", body)
        self.assertEqual((first.status, first.json["admitted"]), (201, True), first)
        receipt = first.json["receipt"]
        self.assertEqual(receipt["of"], serving.event_hash(body["event"]))
        self.assertEqual(receipt["status"], "accepted")
        self.assertEqual(receipt["by"], receipt["time"] + 60)
        again = self.server.post("/participants", body)
        self.assertEqual((again.status, again.json), (200, first.json))
        shown = self.server.get("/participants/" + key.id).json
        self.assertEqual(shown["enroll"], body["event"])
        self.assertEqual([e["type"] for e in shown["admissions"]], ["admit"])
        self.assertEqual(shown["admissions"][0]["identity"], receipt["of"])
        # reuse by another key: the code is erased
        self.refuse(enrolment(invite), "bad-invite", "event.invite")
        # another event of the same key, even with a fresh invite
        self.refuse(enrolment(self.server.invite("iris"), key), "conflict",
                    "event.participant")
        row = [i for i in self.server.get("/invites?limit=200", admin=True).json["invites"]
               if i["organisation"] == invite["organisation"]]
        self.assertEqual([i["status"] for i in row], ["used"])
        self.assertNotIn(invite["code"], psql(self.server.db, "SELECT code FROM invites"))

    def test_wrong_enrolments(self):
        invite = self.server.invite("iris")
        good = enrolment(invite)
        self.refuse({**good, "salt": "00" * 16}, "hash-mismatch", "name")
        self.refuse({**good, "name": "Bob"}, "hash-mismatch", "name")
        self.refuse({**good, "name": ""}, "bad-value", "name")
        self.refuse({**good, "more": 1}, "unknown-field", "more")
        self.refuse(enrolment(invite, name="A\nB"), "bad-value", "name")
        self.refuse(enrolment(invite, name="x" * 201), "bad-value", "name")
        event = good["event"]
        for change, slug, field in (
                ({"sig": "00" * 64}, "bad-signature", "event.sig"),
                ({"sig": "0"}, "bad-value", "event.sig"),
                ({"organisation": "00" * 16}, "bad-signature", "event.sig"),
                ({"participant": ZERO}, "bad-signature", "event.sig"),
                ({"participant": "zz"}, "bad-value", "event.participant"),
                ({"extra": 1}, "unknown-field", "event.extra"),
                ({"payout": 1.5}, "not-canonical", "event"),
                ({"payout": "é"}, "not-canonical", "event")):
            self.refuse({**good, "event": {**event, **change}}, slug, field)
        self.refuse({**good, "event": {k: v for k, v in event.items() if k != "seen"}},
                    "missing-field", "event.seen")
        for change, slug, field in (
                ({"instance": ZERO}, "wrong-context", "event.instance"),
                ({"type": "join"}, "bad-value", "event.type"),
                ({"organisation": "00" * 16}, "bad-invite", "event.invite"),
                ({"invite": ZERO}, "bad-invite", "event.invite"),
                ({"payout": "0x12"}, "bad-value", "event.payout")):
            self.refuse(enrolment(invite, **change), slug, field)
        # the MAC binds the key: nobody else can use an overheard event's
        self.refuse(enrolment(invite, invite=event["invite"]), "bad-invite", "event.invite")
        self.assertEqual(self.server.post("/participants", good).status, 201)

    def test_expired(self):
        invite = self.server.invite("iris", expires_in=1)
        time.sleep(1.1)
        self.refuse(enrolment(invite), "bad-invite", "event.invite")
        row = [i for i in self.server.get("/invites", admin=True).json["invites"]
               if i["organisation"] == invite["organisation"]]
        self.assertEqual(row[0]["status"], "expired")

    def test_race(self):
        """Twenty keys and one invite: exactly one gets in."""
        for _ in range(3):
            invite = self.server.invite("iris")
            bodies = [enrolment(invite) for _ in range(20)]
            with concurrent.futures.ThreadPoolExecutor(20) as pool:
                replies = list(pool.map(lambda b: self.server.post("/participants", b),
                                        bodies))
            self.assertEqual(sorted(r.status for r in replies), [201] + [403] * 19)
            self.assertEqual({r.slug for r in replies if r.status == 403}, {"bad-invite"})
            count = psql(self.server.db, "SELECT count(*) FROM participants WHERE "
                         f"organisation = '\\x{invite['organisation']}'")
            self.assertEqual(count, "1")

    def test_same_event_at_once(self):
        with concurrent.futures.ThreadPoolExecutor(10) as pool:
            for _ in range(10):
                body = enrolment(self.server.invite("iris"))
                replies = list(pool.map(lambda b: self.server.post("/participants", b),
                                        [body] * 10))
                self.assertEqual(sorted(r.status for r in replies), [200] * 9 + [201])
                self.assertEqual(len({r.body for r in replies}), 1)

    def test_members(self):
        invite, key = self.server.invite("iris", admit=False), serving.Key()
        self.assertFalse(self.server.post("/participants",
                                          enrolment(invite, key)).json["admitted"])
        path = "/models/iris/members"
        suspend = f"{path}/{key.id}/suspend"
        self.refused("not-found", None, "POST", suspend, admin=True)
        self.refused("not-enrolled", "participant", "POST", path, {"participant": ZERO},
                     admin=True)
        self.refused("bad-value", "participant", "POST", path, {"participant": "x"},
                     admin=True)
        self.refused("not-found", None, "POST", "/models/nothing/members",
                     {"participant": key.id}, admin=True)
        for status, member in ((201, "admitted"), (200, "admitted")):
            reply = self.server.post(path, {"participant": key.id}, admin=True)
            self.assertEqual((reply.status, reply.json["status"]), (status, member))
        self.assertEqual(self.server.post(suspend, admin=True).json["status"], "suspended")
        self.assertEqual(self.server.post(suspend, {}, admin=True).json["status"],
                         "suspended")
        self.assertEqual([m["status"] for m in self.members() if m["participant"] == key.id],
                         ["suspended"])
        reply = self.server.post(path, {"participant": key.id}, admin=True)
        self.assertEqual((reply.status, reply.json["status"]), (201, "admitted"))
        shown = self.server.get("/participants/" + key.id).json["admissions"]
        self.assertEqual([e["type"] for e in shown], ["admit", "suspend", "admit"])
        self.assertEqual([e["previous"] for e in shown],
                         [None] + [serving.event_hash(e) for e in shown[:2]])
        mine = [p for p in self.everybody() if p["participant"] == key.id]
        self.assertEqual([(p["name"], p["models"]) for p in mine], [("Ada", ["iris"])])

    def pages(self, path, name):
        out, cursor = [], ""
        for _ in range(50):
            page = self.server.get(f"{path}?limit=7{cursor}", admin=True).json
            out += page[name]
            if not page["next"]:
                return out
            cursor = "&cursor=" + page["next"]

    def members(self):
        return self.pages("/models/iris/members", "members")

    def everybody(self):
        return self.pages("/participants", "participants")

    def test_show(self):
        self.problem(self.server.get("/participants/" + ZERO), "not-found")
        self.problem(self.server.get("/participants?cursor=x", admin=True), "bad-value",
                     "cursor")


class CommandLine(Base):
    def refuses(self, text, *words, status=1):
        before = self.server.state()
        got, message = self.server.fails(*words)
        self.assertEqual(got, status, message)
        self.assertIn(text, message)
        self.assertEqual(self.server.state(), before)

    def serve(self, *more):
        return ("serve", "--db", self.server.db, "--key", self.server.key, "--port", "0",
                *more)

    def file(self, text, name="other", mode=0o600):
        path = os.path.join(self.server.folder, name)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def test_help(self):
        for word, text in (("--help", "usage: chorusd"), ("--version", "chorusd 0.")):
            done = subprocess.run([os.path.join(serving.BUILD, "chorusd"), word], text=True,
                                  capture_output=True, check=True, timeout=20)
            self.assertIn(text, done.stdout)

    def test_usage(self):
        self.refuses("a command is needed", status=2)
        self.refuses("is not a command", "dance", status=2)
        self.refuses("db: is needed", "serve", status=2)
        self.refuses("needs a value", "serve", "--db", status=2)
        self.refuses("is not expected", "serve", "now", status=2)
        self.refuses("admin create NAME", "admin", "create", "--db", "x", status=2)
        self.refuses("nonsense", "serve", "--nonsense", "1")
        self.refuses("port: must be", *self.serve()[:-1], "70000")
        self.refuses("log-level", *self.serve("--log-level", "loud"))
        self.refuses("request-workers: must be", *self.serve("--request-workers", "0"))
        self.refuses("not a numeric address", *self.serve("--listen", "example"))
        self.refuses("no token has this name", "admin", "revoke", "nobody", "--db",
                     self.server.db)

    def test_files(self):
        self.refuses("line 2", "serve", "--config", self.file("# x\nport 5\n"))
        self.refuses("line 1", "serve", "--config", self.file("colour = red\n"))
        self.refuses("No such file", "serve", "--config", "/nowhere/at/all")
        good = self.file(f"db = {self.server.db}\nkey={self.server.key}\n\n# x\nport = 0\n"
                         "log-level = loud\n")
        self.refuses("log-level", "serve", "--config", good)

    def test_keys(self):
        with open(self.server.key) as f:
            text = f.read()
        for mode in (0o640, 0o604, 0o644):
            self.refuses("chmod 600", "serve", "--db", self.server.db, "--key",
                         self.file(text, mode=mode))
        self.refuses("64 hex digits", "serve", "--db", self.server.db, "--key",
                     self.file("short"))
        self.refuses("64 hex digits", "serve", "--db", self.server.db, "--key",
                     self.file(text + "x"))
        self.refuses("cannot be read", "serve", "--db", self.server.db, "--key",
                     self.server.folder + "/none")
        self.refuses("not the key of this", "serve", "--db", self.server.db, "--key",
                     self.file("11" * 32 + "\n"))
        self.assertEqual(os.stat(self.server.key).st_mode & 0o777, 0o600)

    def test_init_again(self):
        self.server.run("init", "--origin", "chorus.test/log", "--key", self.server.key)
        self.refuses("another key, origin", "init", "--origin", "elsewhere", "--key",
                     self.server.key, "--db", self.server.db)

    def test_origin_names_a_log(self):
        name = self.server.name + "_origin"
        psql(serving.DATABASE, f"CREATE DATABASE {name}")
        try:
            db = serving.with_database(serving.DATABASE, name)
            for origin in ("two words", "a+b"):
                self.refuses("origin: names the log", "init", "--origin", origin, "--key",
                             self.server.key, "--db", db)
            self.assertEqual(psql(db, "SELECT count(*) FROM events"), "0")
        finally:
            psql(serving.DATABASE, f"DROP DATABASE {name}")

    def test_port_taken(self):
        self.refuses("cannot listen", "serve", "--db", self.server.db, "--key",
                     self.server.key, "--port", str(self.server.port))

    def test_database(self):
        self.refuses("chorusd:", "serve", "--db", "host=/nowhere", "--key", self.server.key)
        newest = int(psql(self.server.db, "SELECT max(number) FROM schema_migrations"))
        columns = psql(self.server.db, "SELECT string_agg(column_name, ',' ORDER BY "
                       "ordinal_position) FROM information_schema.columns WHERE "
                       "table_name = 'schema_migrations' AND column_name <> 'number'")
        psql(self.server.db, f"INSERT INTO schema_migrations (number,{columns}) SELECT 999,"
             f"{columns.replace('name', chr(39) + 'later' + chr(39))} FROM "
             f"schema_migrations WHERE number = {newest}")
        try:
            self.refuses("newer", *self.serve())
            self.refuses("newer", "migrate", "--db", self.server.db)
        finally:
            psql(self.server.db, "DELETE FROM schema_migrations WHERE number = 999")


class Documents(unittest.TestCase):
    def test_error_table(self):
        """docs/api.md lists exactly the errors of src/util/err.h."""
        with open(os.path.join(serving.SOURCE, "src/util/err.h")) as f:
            table = f.read().partition("#define ERR_TABLE(X)")[2].partition("enum err {")[0]
        table = re.sub(r"\\\n", " ", table)
        table = re.sub(r"/\*.*?\*/", " ", table)
        rows = re.findall(r'X\((\w+),\s*"([^"]+)",\s*(\d+),\s*"([^"]*)",\s*"([^"]*)"\)', table)
        expected = [f"| `{slug}` | {status} | {title} | {remedy} |"
                    for name, slug, status, title, remedy in rows if name != "OK"]
        with open(os.path.join(serving.SOURCE, "docs/api.md")) as f:
            section = f.read().partition("## Errors\n")[2]
        written = [line for line in section.splitlines() if line.startswith("| `")]
        self.assertGreater(len(expected), 50)
        self.assertEqual(written, expected)
